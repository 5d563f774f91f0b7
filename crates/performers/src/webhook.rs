//! Calls webhooks of runbooks (`aws:invokeWebhook`): the queue `webhook`.
//!
//! An integration is kept as AWS keeps it: a parameter of Parameter Store under [`INTEGRATIONS`]
//! whose value is `{"description": …, "url": …}`. What is sent goes to public addresses only, unless
//! the configuration allows others.
//! Source: Automation user guide, "Creating integrations".

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};

use crate::aws::{AwsCall, AwsCaller, Scope};
use crate::plugin::Fetch;

/// Where Parameter Store has the integrations with webhooks.
pub const INTEGRATIONS: &str = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/webhook/";

/// Performs webhooks: one effect, one request.
#[derive(Clone)]
pub struct WebhookPerformer {
    caller: AwsCaller,
    fetch: Fetch,
    scope: Scope,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    integration_name: String,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Integration {
    url: String,
}

/// An error name and what happened.
type Failed = (&'static str, String);

impl WebhookPerformer {
    /// A performer that finds integrations with `caller`; `scope` is whose those are of work that doesn't say.
    #[must_use]
    pub fn new(caller: AwsCaller, fetch: Fetch, scope: Scope) -> Self {
        Self { caller, fetch, scope }
    }

    async fn invoke(&self, work: &Work) -> Result<Value, Failed> {
        let invalid = |why: String| ("ValidationException", why);
        let asked: Asked = serde_json::from_str(&work.request)
            .map_err(|error| invalid(format!("the request can't be read: {error}")))?;
        let url = self.url_of(&asked, &work.scope).await?;
        let body = Bytes::from(asked.body.unwrap_or_default());
        let request = Request::post(&url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "trackway")
            .body(body)
            .map_err(|_| invalid("the integration's URL can't be used".to_owned()))?;
        let response = self.fetch.send(request).await;
        let response = response.map_err(|error| ("WebhookUnreachable", error.to_string()))?;
        let text = String::from_utf8_lossy(response.body());
        Ok(json!({ "Response": text, "ResponseCode": response.status().as_u16() }))
    }

    async fn url_of(&self, asked: &Asked, scope: &str) -> Result<String, Failed> {
        let name = &asked.integration_name;
        let scope = scope.split_once('/').map_or_else(
            || self.scope.clone(),
            |(account, region)| Scope { account: account.to_owned(), region: region.to_owned() },
        );
        let input = json!({ "Name": format!("{INTEGRATIONS}{name}"), "WithDecryption": true });
        let call = AwsCall::new("ssm", "GetParameter", input, scope);
        let found = self.caller.call(&call).await.map_err(|error| {
            ("IntegrationNotFound", format!("the integration {name} could not be read: {error}"))
        })?;
        let value = found["Parameter"]["Value"].as_str().unwrap_or_default();
        let integration: Integration = serde_json::from_str(value).map_err(|_| {
            let why = format!("the integration {name} is not a JSON object with a url");
            ("ValidationException", why)
        })?;
        Ok(integration.url)
    }
}

impl Performer for WebhookPerformer {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let performer = self.clone();
        Box::pin(async move {
            Performed::Finished(match performer.invoke(&work).await {
                Ok(answer) => Outcome::Succeeded(Payload::new(answer.to_string())),
                Err((error, cause)) => Outcome::Failed { error: error.to_owned(), cause },
            })
        })
    }
}
