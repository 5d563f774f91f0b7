//! Sending: sign, send, and try again what transport or throttling held up.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response};
use serde_json::Value;
use trackway_core::ExecutionId;
use trackway_wire::client::{self, BuildError, Built, Endpoint, Refused};
use trackway_wire::model::{Operation, Service};
use trackway_wire::sigv4::Credentials;

use super::{AwsError, Limits, Origin};
use crate::random;
use crate::transport::{Patience, Transport, TransportError};

/// What is to be sent, to whom, and by whom it is signed.
pub(super) struct Sending<'a> {
    pub(super) service: &'static Service,
    pub(super) operation: &'static Operation,
    pub(super) endpoint: Endpoint,
    /// In the neutral form.
    pub(super) input: &'a Value,
    pub(super) credentials: &'a Credentials,
    /// What idempotency tokens are made of.
    pub(super) key: Option<&'a str>,
    pub(super) timeout: Option<Duration>,
}

/// Sends requests to AWS services.
pub(super) struct Sender {
    /// Made when it is first needed: without certificates a machine can do all but this.
    transport: OnceLock<Result<Transport, TransportError>>,
    pub(super) limits: Limits,
}

/// One attempt's failure.
enum Trouble {
    Transport(TransportError),
    Refused(Refused, HeaderMap),
}

const AGENT: &str = concat!("trackway/", env!("CARGO_PKG_VERSION"));
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// How long a function may run, and the way there and back.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 10);

impl Sender {
    pub(super) fn new(limits: Limits) -> Self {
        Self { transport: OnceLock::new(), limits }
    }

    /// Calls an operation: its output in the neutral form.
    pub(super) async fn call(&self, sending: &Sending<'_>) -> Result<Value, AwsError> {
        let (service, operation) = (sending.service, sending.operation);
        let named = |error: AwsError| error.of(&service.name, &operation.name);
        let mut built = sending.build(&sending.endpoint).map_err(named)?;
        let mut may_redirect = true;
        let mut attempt = 1;
        loop {
            let trouble = match self.attempt(sending, &built, attempt).await {
                Ok(output) => return Ok(output),
                Err(trouble) => trouble,
            };
            if let Some(region) = sending.other_region(&trouble).filter(|_| may_redirect) {
                may_redirect = false;
                let endpoint = client::endpoint(service, &region, |_| None);
                built = sending.build(&endpoint).map_err(named)?;
                continue;
            }
            if attempt >= self.limits.attempts || !may_pass(&trouble) {
                return Err(named(trouble.into_error()));
            }
            tokio::time::sleep(self.pause(attempt, &trouble)).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        sending: &Sending<'_>,
        built: &Built,
        attempt: u32,
    ) -> Result<Value, Trouble> {
        let answer = self.exchange(sending, built, attempt).await.map_err(Trouble::Transport)?;
        let (head, body) = answer.into_parts();
        let (service, operation) = (sending.service, sending.operation);
        client::parse(service, operation, head.status.as_u16(), &head.headers, &body)
            .map_err(|refused| Trouble::Refused(refused, head.headers))
    }

    /// Signs and sends a request once; the answer as it came.
    pub(super) async fn exchange(
        &self,
        sending: &Sending<'_>,
        built: &Built,
        attempt: u32,
    ) -> Result<Response<Bytes>, TransportError> {
        let transport =
            self.transport.get_or_init(Transport::new).as_ref().map_err(Clone::clone)?;
        let mut built = built.clone();
        built.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let attempts = format!("attempt={attempt}; max={}", self.limits.attempts);
        if let Ok(value) = HeaderValue::from_str(&attempts) {
            built.headers.insert("amz-sdk-request", value);
        }
        built.sign(sending.credentials, jiff::Timestamp::now().as_millisecond());
        // The client writes it from the URL.
        built.headers.remove(HOST);
        let url = built.url();
        let request = Request::builder().method(built.method).uri(&url).body(built.body);
        let mut request =
            request.map_err(|error| TransportError::Unreachable { url, why: error.to_string() })?;
        request.headers_mut().extend(built.headers);
        let is_function =
            (&*sending.service.name, &*sending.operation.name) == ("lambda", "Invoke");
        let usual = if is_function { FUNCTION_TIMEOUT } else { self.limits.read };
        let read = sending.timeout.unwrap_or(usual);
        transport.send(request, Patience { read, bytes_max: self.limits.bytes_max }).await
    }

    /// As SDKs do it: a random part of a doubling time, or what the service asks for.
    fn pause(&self, attempt: u32, trouble: &Trouble) -> Duration {
        if let Trouble::Refused(_, headers) = trouble {
            let asked = headers.get("x-amz-retry-after").and_then(|value| value.to_str().ok());
            if let Some(millis) = asked.and_then(|text| text.parse().ok()) {
                return Duration::from_millis(millis).min(PAUSE_MAX);
            }
        }
        let most = self.limits.backoff.saturating_mul(1 << (attempt - 1).min(16));
        let part = u32::from(random::bits().to_be_bytes()[0]);
        most.min(PAUSE_MAX) * part / 255
    }
}

impl Sending<'_> {
    pub(super) fn build(&self, endpoint: &Endpoint) -> Result<Built, AwsError> {
        let seed = self.key.map_or_else(random::uuid, str::to_owned);
        let mut tokens = 0;
        let token = || {
            tokens += 1;
            random::uuid_of(u128::from_be_bytes(ExecutionId::of(&format!("{seed}/{tokens}")).0))
        };
        let built = client::build(self.service, self.operation, endpoint, self.input, token);
        built.map_err(|error| {
            let code = match error {
                BuildError::Unsupported(_) | BuildError::EventStream(_) => "NotImplemented",
                _ => "ParamValidationError",
            };
            AwsError::new(Origin::Call, code, format!("could not {error}"))
        })
    }

    /// The region that a bucket says it is in. Only AWS's own hosts are believed, and only AWS's own
    /// hosts are asked then: a redirect's address is never followed.
    fn other_region(&self, trouble: &Trouble) -> Option<String> {
        let Trouble::Refused(refused, headers) = trouble else { return None };
        let is_s3 = &*self.service.name == "s3" && !self.endpoint.custom;
        if !is_s3 || !matches!(refused.status, 301 | 302 | 307 | 308 | 400) {
            return None;
        }
        let region = headers.get("x-amz-bucket-region")?.to_str().ok()?;
        (super::caller::is_region(region) && region != self.endpoint.region)
            .then(|| region.to_owned())
    }
}

/// Whether the same request may succeed a little later.
fn may_pass(trouble: &Trouble) -> bool {
    /// Those that botocore's standard mode takes for throttling, and its transient ones.
    const CODES: [&str; 16] = [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
    ];
    match trouble {
        Trouble::Transport(error) => matches!(
            error,
            TransportError::Unreachable { .. }
                | TransportError::Broken { .. }
                | TransportError::TimedOut { .. }
        ),
        // 502 to 504 are said by what stands between us and the service.
        Trouble::Refused(refused, _) => {
            matches!(refused.status, 429 | 502..=504) || CODES.contains(&refused.code.as_str())
        }
    }
}

impl Trouble {
    fn into_error(self) -> AwsError {
        match self {
            Self::Transport(error) => error.into(),
            Self::Refused(refused, _) => refused.into(),
        }
    }
}

impl From<TransportError> for AwsError {
    fn from(error: TransportError) -> Self {
        let code = match &error {
            TransportError::Tls(_) => "SSLError",
            TransportError::Unreachable { .. } => "EndpointConnectionError",
            TransportError::Broken { .. } => "ConnectionClosedError",
            TransportError::TimedOut { .. } => "ReadTimeoutError",
            TransportError::TooLarge { .. } => "ResponseTooLarge",
        };
        Self::new(Origin::Transport, code, error.to_string())
    }
}

impl From<Refused> for AwsError {
    fn from(refused: Refused) -> Self {
        let Refused { code, message, status, request_id, members } = refused;
        let request_id = request_id.map(String::into_boxed_str);
        Self { request_id, members, ..Self::refused(&code, message, status) }
    }
}
