//! Finding the operation that a request is for.

use bytes::Bytes;
use http::{Method, Response};
use serde_json::Value;

use super::{QUERY, QUERY_CELL, REST, Reply, rest, rest_routes, served, served_by_target};
use crate::codec::json::{self, Mode};
use crate::codec::{cbor, form, from_cbor, from_text};
use crate::error::{Failure, say};
use crate::model::{Operation, Protocol, Service};
use crate::request::Request;
use crate::{sigv4, validate};

/// Longest body that is read. The largest input that AWS takes is a definition of 1 MiB, which
/// JSON's escapes can make longer.
pub const REQUEST_BODY_BYTES_MAX: usize = 4 << 20;

/// The region of a request that names none.
const DEFAULT_REGION: &str = "us-east-1";
/// The account of an access key that names none.
const DEFAULT_ACCOUNT: &str = "000000000000";

/// A request for a known operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// The service.
    pub service: &'static Service,
    /// The operation.
    pub operation: &'static Operation,
    /// The protocol that the caller speaks.
    pub protocol: Protocol,
    /// Who calls, unverified.
    pub identity: Identity,
    labels: Vec<(&'static str, String)>,
}

/// Who calls, as the request says (verified only by [`sigv4::verify`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The access key id; `None` for an unsigned request.
    pub access_key: Option<String>,
    /// The region of the credential scope, or `us-east-1`.
    pub region: String,
}

/// A request that is for no operation.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Why.
    pub failure: Failure,
    /// How to say it.
    pub reply: Reply,
}

/// Finds the operation of a request, by protocol: CBOR path, then `X-Amz-Target`, then a form's
/// `Action`, then method and path.
///
/// # Errors
/// `UnknownOperationException` in the protocol that the request looks like, or
/// `RequestEntityTooLarge`.
pub fn dispatch(request: &Request<'_>) -> Result<Call, Rejection> {
    let (identity, signed_for) = identify(request);
    let target = target(request, signed_for.as_deref())?;
    if request.body.len() > REQUEST_BODY_BYTES_MAX {
        let reply = Reply::new(target.protocol, Some(target.service));
        return Err(Rejection { failure: say::too_large(REQUEST_BODY_BYTES_MAX), reply });
    }
    let Target { service, operation, protocol, labels } = target;
    Ok(Call { service, operation, protocol, identity, labels })
}

struct Target {
    service: &'static Service,
    operation: &'static Operation,
    protocol: Protocol,
    labels: Vec<(&'static str, String)>,
}

fn identify(request: &Request<'_>) -> (Identity, Option<String>) {
    match sigv4::scope(request) {
        Some((access_key, region, service)) => {
            (Identity { access_key: Some(access_key), region }, Some(service))
        }
        None => (Identity { access_key: None, region: DEFAULT_REGION.to_owned() }, None),
    }
}

fn target(request: &Request<'_>, signed_for: Option<&str>) -> Result<Target, Rejection> {
    let path = request.uri.path();
    if request.header("smithy-protocol") == Some("rpc-v2-cbor") {
        return by_cbor_path(path).ok_or_else(|| unknown(Protocol::RpcV2Cbor, None));
    }
    if let (Some(target), &Method::POST) = (request.header("x-amz-target"), request.method) {
        return by_target(target);
    }
    if is_form(request) || request.query().contains("Action=") {
        return by_action(request);
    }
    let rest = rest_routes().filter(|_| signed_for.is_none_or(|service| service == REST));
    let found = rest.and_then(|routes| {
        let (operation, labels) = routes.find(request.method.as_str(), path)?;
        let protocol = Protocol::RestJson1;
        Some(Target { service: routes.service, operation, protocol, labels })
    });
    found.ok_or_else(|| unknown(Protocol::RestJson1, None))
}

fn unknown(protocol: Protocol, service: Option<&'static Service>) -> Rejection {
    Rejection { failure: say::unknown_operation(), reply: Reply::new(protocol, service) }
}

/// `/anything/service/CodePipeline_20150709/operation/ListPipelines`.
fn by_cbor_path(path: &str) -> Option<Target> {
    let (rest, operation) = path.rsplit_once("/operation/")?;
    let (_, service) = rest.rsplit_once("/service/")?;
    let service = served_by_target(service)?;
    let operation = service.operation(operation)?;
    Some(Target { service, operation, protocol: Protocol::RpcV2Cbor, labels: Vec::new() })
}

/// `AWSStepFunctions.StartExecution`.
fn by_target(target: &str) -> Result<Target, Rejection> {
    let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
    let Some(service) = served_by_target(prefix) else {
        return Err(unknown(Protocol::AwsJson11, None));
    };
    let protocol = service.json_protocol().unwrap_or(Protocol::AwsJson11);
    match service.operation(operation) {
        Some(operation) => Ok(Target { service, operation, protocol, labels: Vec::new() }),
        None => Err(unknown(protocol, Some(service))),
    }
}

/// A form that names an action; SDKs put it first.
fn is_form(request: &Request<'_>) -> bool {
    let kind = request.header("content-type").unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
        && (request.body.starts_with(b"Action=")
            || request.body.windows(8).any(|window| window == b"&Action="))
}

fn by_action(request: &Request<'_>) -> Result<Target, Rejection> {
    let parameters = parameters(request);
    let get = |name: &str| {
        let found = parameters.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, text)| text.as_str())
    };
    let (action, version) = (get("Action"), get("Version"));
    let service = served(&QUERY_CELL, QUERY.0);
    let operation = service.and_then(|service| service.operation(action));
    match (service, operation.filter(|_| action == QUERY.1)) {
        (Some(service), Some(operation)) => {
            Ok(Target { service, operation, protocol: Protocol::Query, labels: Vec::new() })
        }
        _ => {
            let message = format!("Could not find operation {action} for version {version}");
            let failure = Failure::new("UnknownOperationException", message).with_status(400);
            Err(Rejection { failure, reply: Reply::new(Protocol::Query, service) })
        }
    }
}

fn parameters(request: &Request<'_>) -> Vec<(String, String)> {
    let body = String::from_utf8_lossy(request.body);
    form::pairs(request.query()).chain(form::pairs(&body)).collect()
}

impl Call {
    /// How to answer.
    #[must_use]
    pub fn reply(&self) -> Reply {
        Reply::of(self.protocol, self.service, self.operation)
    }

    /// The input in the neutral form, decoded and checked against every constraint of the model.
    /// An operation without input has `{}`.
    ///
    /// # Errors
    /// `SerializationException`, or the service's error for violated constraints.
    pub fn input(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let value = self.decode(request)?;
        if let Some(shape) = self.operation.input {
            validate::check(self.service, shape, &value)?;
        }
        Ok(value)
    }

    /// The input in the neutral form, decoded only.
    ///
    /// # Errors
    /// `SerializationException`.
    pub fn decode(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let empty = || Value::Object(serde_json::Map::new());
        let Some(shape) = self.operation.input else { return Ok(empty()) };
        match self.protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 => {
                json::read(self.service, shape, request.body, Mode::Strict)
            }
            Protocol::RpcV2Cbor if request.body.is_empty() => Ok(empty()),
            Protocol::RpcV2Cbor => {
                let item = cbor::decode(request.body).map_err(|_| say::unreadable())?;
                let shape = self.service.shape(shape);
                let value = from_cbor(self.service, shape, item, Mode::Strict)?;
                if value.is_object() { Ok(value) } else { Err(say::unreadable()) }
            }
            Protocol::Query | Protocol::Ec2Query => self.flat_form(request),
            Protocol::RestJson1 | Protocol::RestXml => {
                rest::decode(self.service, self.operation, &self.labels, request)
            }
        }
    }

    /// The members of a form that are scalars: enough for the calls that are served over it.
    fn flat_form(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let mut object = serde_json::Map::new();
        let shape = self.operation.input.map(|shape| self.service.shape(shape));
        let Some(structure) = shape.and_then(|shape| shape.structure()) else {
            return Ok(Value::Object(object));
        };
        for (key, text) in parameters(request) {
            if let Some(member) = structure.by_wire(&key) {
                let kind = &self.service.shape(member.shape).kind;
                object.insert(member.name.to_string(), from_text(kind, &text)?);
            }
        }
        Ok(Value::Object(object))
    }

    /// The account of the caller: the access key itself if it is 12 digits, else what `known` says
    /// of it, else `000000000000`.
    #[must_use]
    pub fn account(&self, known: impl FnOnce(&str) -> Option<String>) -> String {
        let key = self.identity.access_key.as_deref().unwrap_or_default();
        if key.len() == DEFAULT_ACCOUNT.len() && key.bytes().all(|byte| byte.is_ascii_digit()) {
            return key.to_owned();
        }
        known(key).unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned())
    }

    /// The answer for an operation that AWS has and this program does not: status 501, naming it.
    #[must_use]
    pub fn not_built(&self) -> Failure {
        let (service, operation) = (&self.service.id, &self.operation.name);
        let message = format!("{service} {operation} is not built yet");
        Failure::new("NotImplemented", message)
    }
}

impl Rejection {
    /// The answer.
    #[must_use]
    pub fn respond(&self, request_id: &str) -> Response<Bytes> {
        self.reply.failure(&self.failure, request_id)
    }
}

/// Fuzzing: a request whose method, target and body are made of arbitrary bytes goes through
/// dispatch, decoding, checks and the encoding of the answer. Must not panic.
pub fn fuzz(bytes: &[u8]) {
    let (head, body) = bytes.split_at(bytes.len().min(4));
    let pick = |index: usize| usize::from(head.get(index).copied().unwrap_or_default());
    let mut headers = http::HeaderMap::new();
    let (mut uri, mut method) = ("/".to_owned(), Method::POST);
    let names = ["stepfunctions", "ssm", "codepipeline", "iot", "sts"];
    let Some(service) = crate::model::service(names[pick(0) % names.len()]) else { return };
    let index = (pick(1) << 8 | pick(2)) % service.operations.len().max(1);
    let Some(operation) = service.operations.get(index) else { return };
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = value.try_into() {
            headers.insert(name, value);
        }
    };
    let prefix = service.target_prefix.as_deref();
    match (prefix, pick(3) % 2) {
        (Some(prefix), 0) => set("x-amz-target", format!("{prefix}.{}", operation.name)),
        (Some(prefix), _) => {
            set("smithy-protocol", "rpc-v2-cbor".to_owned());
            uri = format!("/service/{prefix}/operation/{}", operation.name);
        }
        (None, _) if &*service.name == "sts" => {
            set("content-type", "application/x-www-form-urlencoded".to_owned());
        }
        (None, _) => {
            method = Method::from_bytes(operation.method.as_bytes()).unwrap_or(Method::GET);
            uri = operation.uri.replace(['{', '}'], "") + "?" + &String::from_utf8_lossy(body);
        }
    }
    let Ok(uri) = uri.parse() else { return };
    let request = Request { method: &method, uri: &uri, headers: &headers, body };
    match dispatch(&request) {
        Err(rejection) => _ = rejection.respond("id"),
        Ok(call) => match call.input(&request) {
            Ok(value) => _ = call.reply().success(value.to_string().into(), "id"),
            Err(failure) => _ = call.reply().failure(&failure, "id"),
        },
    }
}
