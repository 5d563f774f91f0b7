//! One module a service: AWS operations onto engine calls.
//!
//! ```text
//! HTTP request ─▶ dispatch ─▶ auth ─▶ decode, validate ─▶ handler ─▶ encode ─▶ HTTP response
//!                 └──────────── wire ───────────────┘   └ here ┘   └ wire ┘
//! ```
//!
//! This is the only room that knows both the wire and the kinds. It must not touch the store:
//! whatever is kept goes through the engine. An operation that is not built answers 501 and its
//! name, never a pretended success.

mod account;
mod answer;
mod caller;
pub mod codepipeline;
pub mod iot;
mod local;
mod node_calls;
mod page;
mod record;
mod refusal;
mod rows;
mod self_check;
mod services;
pub mod ssm;
pub mod step_functions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use trackway_engine::{Engine, Fault};
use trackway_wire::codec::form::{self, Plus};
use trackway_wire::error::Failure;
use trackway_wire::server::{self, Call};
use trackway_wire::sigv4;

pub use caller::Caller;
pub use local::{Local, LocalError};
use services::Services;

/// A part of a request's path without its percent escapes. What is no escape stays.
#[must_use]
pub fn unescaped(path: &str) -> String {
    form::decode(path, Plus::Plus)
}

/// An access key that callers sign with.
#[derive(Clone)]
pub struct Credential {
    /// The secret.
    pub secret_key: String,
    /// The account it acts in, 12 digits; `000000000000` if none is given.
    pub account: Option<String>,
}

/// All services behind one endpoint.
pub struct Api {
    services: Arc<Services>,
    /// By access key; when there are any, every request must be signed by one.
    credentials: BTreeMap<String, Credential>,
}

impl Api {
    /// The services on this engine.
    #[must_use]
    pub fn new(engine: Engine, credentials: BTreeMap<String, Credential>) -> Self {
        server::warm_up();
        Self { services: Arc::new(Services::new(engine)), credentials }
    }

    /// Makes one round through the service, before it is offered to anybody.
    ///
    /// # Errors
    /// What failed.
    pub async fn self_check(&self) -> Result<(), String> {
        self_check::run(&self.services.step_functions).await
    }

    /// Tells CodePipeline of the server's configuration; the first word counts. Without one,
    /// history is listed for ever and no worker is offered jobs of AWS's action types.
    pub fn configure_pipelines(&self, settings: codepipeline::Settings) {
        self.services.codepipeline.configure(settings);
    }

    /// Tells IoT of keys that are known to be weak; the first word counts. Certificates that come in
    /// from then on are judged by it.
    pub fn configure_iot(&self, weak_keys: trackway_registry::x509::WeakKeys) {
        self.services.iot.configure(weak_keys);
    }

    /// Watches the sources of pipelines until the engine stops: every so often, or, without a time,
    /// only when an event comes.
    pub fn watch_sources(
        &self,
        sources: Arc<dyn codepipeline::Sources>,
        every: Option<Duration>,
    ) -> impl Future<Output = ()> + Send + 'static {
        self.services.codepipeline.watch(sources, every)
    }

    /// Hears what happened to sources of pipelines: what it started, as JSON. The inner error is
    /// what is wrong with the body.
    ///
    /// # Errors
    /// The engine's fault.
    pub async fn hear_source_events(&self, body: &[u8]) -> Result<Result<Value, String>, Fault> {
        self.services.codepipeline.hear(body).await
    }

    /// Answers a delivery to a webhook of CodePipeline; none if the request is no such delivery. It
    /// needs no signature of AWS's: the webhook says what lets it in.
    pub async fn answer_webhook(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        self.services.codepipeline.answer_webhook(request).await
    }

    /// Answers one request of an AWS client. A refusal and a fault are answers too.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let request_id = request_id();
        let (head, body) = request.into_parts();
        let seen = trackway_wire::request::Request {
            method: &head.method,
            uri: &head.uri,
            headers: &head.headers,
            body: &body,
        };
        let call = match server::dispatch(&seen) {
            Ok(call) => call,
            Err(rejection) => return rejection.respond(&request_id),
        };
        let reply = call.reply();
        let answered = match self.authorize(&call, &seen) {
            Ok(caller) => match call.input(&seen) {
                Ok(input) => self.handle(&call, caller, input).await,
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        match answered {
            Ok(body) => reply.success(body.into(), &request_id),
            Err(failure) => reply.failure(&failure, &request_id),
        }
    }

    /// Whether a call that is no operation of a service may be made: anybody's may while no
    /// credentials are configured; else it must be signed as for Step Functions.
    ///
    /// # Errors
    /// Why not, in AWS's words.
    pub fn admit(&self, request: &Request<Bytes>) -> Result<(), Failure> {
        self.verify("states", &seen(request))
    }

    /// Whether a request is signed for S3, by what it says.
    #[must_use]
    pub fn is_signed_for_s3(&self, request: &Request<Bytes>) -> bool {
        sigv4::scope(&seen(request)).is_some_and(|(_, _, service)| service == "s3")
    }

    /// Whether a request to the endpoint of artifacts may be made: as [`Self::admit`], but signed as
    /// for S3, also with the credentials that a job was given for its artifacts.
    ///
    /// # Errors
    /// Why not: `XAmzContentSHA256Mismatch`, `NotImplemented` for a body whose chunks are signed, or
    /// what is wrong with the signature.
    pub fn admit_to_artifacts(
        &self,
        request: &Request<Bytes>,
    ) -> Result<codepipeline::ArtifactCaller, Failure> {
        self.services.codepipeline.admit_to_artifacts(&seen(request), &self.credentials)
    }

    /// What the credentials of a job open, `ACCOUNT/REGION/ID`; none once the job has ended.
    ///
    /// # Errors
    /// The engine's fault.
    pub async fn artifacts_of_job(
        &self,
        job: &str,
    ) -> Result<Option<codepipeline::JobArtifacts>, Fault> {
        self.services.codepipeline.artifacts_of_job(job).await
    }

    /// Whether a pipeline has this bucket for its artifacts.
    ///
    /// # Errors
    /// The engine's fault.
    pub async fn is_artifact_store(&self, bucket: &str) -> Result<bool, Fault> {
        self.services.codepipeline.is_artifact_store(bucket).await
    }

    /// Answers every poll that waits, and those to come: the server is about to stop.
    pub fn end_polls(&self) {
        self.services.step_functions.end_polls();
        self.services.ssm.nodes.end_polls();
    }

    /// The answer to a body that is larger than the server reads.
    #[must_use]
    pub fn too_large(&self, head: &http::request::Parts) -> Response<Bytes> {
        let seen = trackway_wire::request::Request {
            method: &head.method,
            uri: &head.uri,
            headers: &head.headers,
            body: &[],
        };
        let failure = Failure::new("RequestEntityTooLarge", "Request body is too large");
        match server::dispatch(&seen) {
            Ok(call) => call.reply().failure(&failure, &request_id()),
            Err(rejection) => rejection.reply.failure(&failure, &request_id()),
        }
    }

    /// Who calls. Signatures are verified when keys are configured.
    fn authorize(
        &self,
        call: &Call,
        request: &trackway_wire::request::Request<'_>,
    ) -> Result<Caller, Failure> {
        self.verify(&call.service.signing_name, request)?;
        let account =
            call.account(|key| self.credentials.get(key).and_then(|known| known.account.clone()));
        Ok(Caller::new(&account, &call.identity.region).at(host_of(request)))
    }

    fn verify(
        &self,
        service: &str,
        request: &trackway_wire::request::Request<'_>,
    ) -> Result<(), Failure> {
        if !self.credentials.is_empty() {
            let secret = |key: &str| self.credentials.get(key).map(|key| key.secret_key.clone());
            sigv4::verify(request, service, secret, wall_clock_ms())?;
        }
        Ok(())
    }

    async fn handle(&self, call: &Call, caller: Caller, input: Value) -> Result<Vec<u8>, Failure> {
        let operation = (&*call.service.name, &*call.operation.name);
        let answer = self.services.call(operation, &caller, input).await;
        answer.unwrap_or_else(|| Err(call.not_built()))
    }
}

/// A request as the wire sees it.
fn seen(request: &Request<Bytes>) -> trackway_wire::request::Request<'_> {
    trackway_wire::request::Request {
        method: request.method(),
        uri: request.uri(),
        headers: request.headers(),
        body: request.body(),
    }
}

/// The server as the request addresses it.
fn host_of<'a>(request: &trackway_wire::request::Request<'a>) -> Option<&'a str> {
    let named = request.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| request.uri.authority().map(http::uri::Authority::as_str))
}

/// Milliseconds of the epoch.
pub(crate) fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A request's id: random, in the form of a UUID. Nothing depends on it being hard to guess.
fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness the id is all zeros, and the request is answered all the same.
    let _no_randomness = getrandom::fill(&mut bytes);
    answer::uuid_of(bytes)
}
