//! A client of our own API, for the command line: over HTTP, or to a service in this process.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::compose::Service;
use crate::gateway::Gateway;
use crate::server::Handler as _;

/// The region that the scope of an unsigned call names.
const REGION_DEFAULT: &str = "us-east-1";
const ACCOUNT_DEFAULT: &str = "000000000000";

/// How a service is spoken to: its target prefix, its JSON, the name that signatures have.
pub(crate) struct Spoken(&'static str, &'static str, &'static str);

/// Step Functions.
pub(crate) const STEP_FUNCTIONS: Spoken = Spoken("AWSStepFunctions", "1.0", "states");
/// CodePipeline.
pub(crate) const CODEPIPELINE: Spoken = Spoken("CodePipeline_20150709", "1.1", "codepipeline");

/// Calls operations of our own services.
pub(crate) struct Client {
    to: To,
    account: String,
    region: String,
}

enum To {
    Server { host: String },
    Here(Arc<Gateway>),
}

impl Client {
    /// A client of the server at this `http://` URL, in the region and account of what it asks for.
    pub(crate) fn new(endpoint: &str, region: &str, account: &str) -> Result<Self, String> {
        let uri: Uri = endpoint
            .parse()
            .map_err(|error| format!("could not use the endpoint {endpoint}: {error}"))?;
        if uri.scheme_str() != Some("http") {
            return Err(format!("could not use the endpoint {endpoint}: it is not an http:// URL"));
        }
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        Ok(Self {
            to: To::Server { host },
            account: or(account, ACCOUNT_DEFAULT),
            region: or(region, REGION_DEFAULT),
        })
    }

    /// A client of a service in this process.
    pub(crate) fn in_process(service: &Service) -> Self {
        let gateway = Arc::new(Gateway::new(service, true));
        Self {
            to: To::Here(gateway),
            account: or("", ACCOUNT_DEFAULT),
            region: or("", REGION_DEFAULT),
        }
    }

    /// Calls one operation.
    ///
    /// # Errors
    /// The server's refusal in its own words, or why it could not be reached.
    pub(crate) async fn call(
        &self,
        Spoken(target, json, signing): &Spoken,
        operation: &str,
        input: &Value,
    ) -> Result<Value, String> {
        let request = Request::post("/")
            .header(header::HOST, self.host())
            .header(header::CONTENT_TYPE, format!("application/x-amz-json-{json}"))
            .header("x-amz-target", format!("{target}.{operation}"))
            .header(header::AUTHORIZATION, self.authorization(signing))
            .body(Bytes::from(input.to_string()))
            .map_err(|error| format!("could not word the request: {error}"))?;
        let response = match &self.to {
            To::Here(gateway) => gateway.answer(request).await,
            To::Server { host } => send(host, request).await.map_err(|error| {
                format!("could not reach {host}: {error}; is `trackway serve` running there?")
            })?,
        };
        let status = response.status();
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let code = answer["__type"].as_str().unwrap_or(status.as_str()).to_owned();
        let message = answer["message"].as_str().or(answer["Message"].as_str()).unwrap_or_default();
        Err(format!("{operation} was refused with {code}: {message}"))
    }

    /// A scope that names region and account; it is not signed, and a server that verifies refuses it.
    fn authorization(&self, signing: &str) -> String {
        let Self { account, region, .. } = self;
        format!(
            "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{signing}/aws4_request, SignedHeaders=host, Signature=unsigned"
        )
    }

    fn host(&self) -> &str {
        match &self.to {
            To::Server { host } => host,
            To::Here(_) => "localhost",
        }
    }
}

fn or(text: &str, default: &str) -> String {
    if text.is_empty() { default } else { text }.to_owned()
}

async fn send(host: &str, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let response =
        sender.send_request(request.map(Full::new)).await.map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    driver.abort();
    Ok(Response::from_parts(head, body))
}
