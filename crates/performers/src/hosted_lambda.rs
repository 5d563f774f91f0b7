//! Lambda's Invoke operation for the functions that run here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::function::{self, FunctionHost, Identity, Invocation, LogType};
use crate::lambda::InvokeResponse;

/// The declared functions, behind what Lambda would answer for them.
#[derive(Clone)]
pub struct HostedLambda {
    host: FunctionHost,
    identity: Identity,
}

/// What an invocation asks for.
#[derive(Debug)]
pub struct HostedInvocation<'a> {
    /// Name or ARN.
    pub function: &'a str,
    /// The event.
    pub payload: Bytes,
    /// `InvocationType`.
    pub invocation_type: Option<&'a str>,
    /// `LogType`.
    pub log_type: Option<&'a str>,
    /// `ClientContext`, in base64.
    pub client_context: Option<&'a str>,
}

impl HostedLambda {
    /// The functions of a host, which live in this region and account.
    #[must_use]
    pub fn new(host: FunctionHost, identity: Identity) -> Self {
        Self { host, identity }
    }

    /// Whether a function runs here.
    #[must_use]
    pub fn has(&self, function: &str) -> bool {
        self.host.has(function)
    }

    /// Where functions live.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Invokes a function. Never ends when the server stops meanwhile: nobody knows how the call
    /// ended, so it has no outcome; it is made again after the next start.
    pub async fn invoke(&self, asked: HostedInvocation<'_>) -> InvokeResponse {
        let invocation = Invocation {
            name: asked.function.to_owned(),
            payload: asked.payload,
            client_context: asked.client_context.and_then(client_context),
            log_type: match asked.log_type {
                Some("Tail") => LogType::Tail,
                _ => LogType::None,
            },
        };
        let accepted = |status| InvokeResponse { status, headers: vec![], payload: Bytes::new() };
        match asked.invocation_type.filter(|_| self.has(asked.function)) {
            Some("Event") => {
                let host = self.host.clone();
                tokio::spawn(async move {
                    // Nobody waits for this outcome; the function's log tells.
                    let _outcome: function::Outcome = host.invoke(invocation).await;
                });
                return accepted(202);
            }
            Some("DryRun") => return accepted(204),
            _ => {}
        }
        let outcome = self.host.invoke(invocation).await;
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        match InvokeResponse::of_outcome(&outcome, asked.function, &self.identity, &date) {
            Some(response) => response,
            None => std::future::pending().await,
        }
    }
}

/// Decodes a `ClientContext`; none if it is not base64 of text.
fn client_context(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
