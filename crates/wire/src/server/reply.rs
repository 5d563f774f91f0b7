//! Answers: a handler's JSON or a failure, as bytes of the caller's protocol.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use crate::codec::{cbor, json, to_cbor, to_text, xml};
use crate::error::{self, Failure};
use crate::model::{Location, Operation, Protocol, Service, Shape, TimestampFormat};

/// How to answer a request.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    protocol: Protocol,
    service: Option<&'static Service>,
    operation: Option<&'static Operation>,
}

impl Reply {
    /// For a request whose operation is not known.
    pub(super) fn new(protocol: Protocol, service: Option<&'static Service>) -> Self {
        Self { protocol, service, operation: None }
    }

    /// For a call.
    pub(super) fn of(
        protocol: Protocol,
        service: &'static Service,
        operation: &'static Operation,
    ) -> Self {
        Self { protocol, service: Some(service), operation: Some(operation) }
    }

    /// The answer of success. `body` is the output as a JSON object in model names; the JSON-RPC
    /// protocols pass it through untouched.
    #[must_use]
    pub fn success(&self, body: Bytes, request_id: &str) -> Response<Bytes> {
        let status = self.operation.and_then(|operation| operation.response_code).unwrap_or(200);
        match (self.protocol, self.service, self.operation) {
            (Protocol::RpcV2Cbor, Some(service), Some(operation)) => {
                let Some(shape) = operation.output else {
                    return self.build(200, None, Bytes::new(), request_id);
                };
                let value = parse(&body);
                let item = to_cbor(service, service.shape(shape), &value);
                self.build(200, Some(CBOR), cbor::encode(&item).into(), request_id)
            }
            (Protocol::RestJson1 | Protocol::RestXml, Some(service), Some(operation)) => {
                self.rest(service, operation, body, request_id)
            }
            (Protocol::Query | Protocol::Ec2Query, Some(service), Some(operation)) => {
                let text = query_xml(service, operation, &parse(&body), request_id);
                self.build(200, Some(XML), text.into(), request_id)
            }
            _ => self.build(status, Some(self.json_type()), body, request_id),
        }
    }

    /// The answer of failure.
    #[must_use]
    pub fn failure(&self, failure: &Failure, request_id: &str) -> Response<Bytes> {
        let rpc = matches!(self.protocol, Protocol::AwsJson10 | Protocol::AwsJson11);
        let shape = self.service.and_then(|service| service.error(&failure.code));
        let status =
            failure.status.unwrap_or_else(|| error::status(self.service, &failure.code, !rpc));
        // The shape's name is for the body; a code of its own is for the query protocol.
        let name = shape.map_or(&*failure.code, |shape| &shape.name);
        match self.protocol {
            Protocol::Query | Protocol::Ec2Query => {
                let body = self.query_error(failure, status, request_id);
                self.build(status, Some(XML), body.into(), request_id)
            }
            Protocol::RpcV2Cbor => {
                let object = Value::Object(self.error_members(failure, shape, Some(name)));
                let item = cbor_error(self.service, shape, &object);
                self.build(status, Some(CBOR), cbor::encode(&item).into(), request_id)
            }
            Protocol::AwsJson10 | Protocol::AwsJson11 => {
                let object = Value::Object(self.error_members(failure, shape, Some(name)));
                self.build(status, Some(self.json_type()), object.to_string().into(), request_id)
            }
            Protocol::RestJson1 | Protocol::RestXml => {
                // Before a service is known both forms are given, so that any client understands.
                let named = self.service.is_none().then_some(name);
                let object = Value::Object(self.error_members(failure, shape, named));
                let body = object.to_string().into();
                let mut response = self.build(status, Some(JSON), body, request_id);
                set(&mut response, "x-amzn-errortype", name);
                response
            }
        }
    }

    /// `__type`, the message under the name that the model has for it, and further members.
    fn error_members(
        &self,
        failure: &Failure,
        shape: Option<&'static Shape>,
        name: Option<&str>,
    ) -> Map<String, Value> {
        let mut object = Map::new();
        if let Some(name) = name {
            object.insert("__type".to_owned(), Value::from(name));
        }
        if let Some(message) = &failure.message {
            let structure = shape.and_then(Shape::structure);
            let upper = structure.is_some_and(|structure| structure.member("Message").is_some())
                || failure.code == "SerializationException";
            let key = if upper { "Message" } else { "message" };
            object.insert(key.to_owned(), Value::from(message.as_str()));
        }
        object.extend(failure.members.as_deref().into_iter().flatten().map(own));
        object
    }

    fn json_type(&self) -> &'static str {
        match self.protocol {
            Protocol::AwsJson10 => "application/x-amz-json-1.0",
            Protocol::AwsJson11 => "application/x-amz-json-1.1",
            _ => JSON,
        }
    }

    fn build(
        &self,
        status: u16,
        content_type: Option<&'static str>,
        body: Bytes,
        request_id: &str,
    ) -> Response<Bytes> {
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(content_type) = content_type {
            let value = HeaderValue::from_static(content_type);
            response.headers_mut().insert(http::header::CONTENT_TYPE, value);
        }
        set(&mut response, "x-amzn-requestid", request_id);
        if self.protocol == Protocol::RpcV2Cbor {
            set(&mut response, "smithy-protocol", "rpc-v2-cbor");
        }
        response
    }

    /// Moves members that travel in headers or the status out of the body.
    fn rest(
        &self,
        service: &'static Service,
        operation: &'static Operation,
        body: Bytes,
        request_id: &str,
    ) -> Response<Bytes> {
        let status = operation.response_code.unwrap_or(200);
        let output = operation.output.map(|shape| service.shape(shape));
        let Some((shape, structure)) = output.and_then(|shape| Some((shape, shape.structure()?)))
        else {
            return self.build(status, Some(JSON), body, request_id);
        };
        let plain = structure.payload.is_none()
            && structure.members.iter().all(|member| member.location.is_none())
            && !service.rewrites_json();
        if plain {
            return self.build(status, Some(JSON), body, request_id);
        }
        let value = parse(&body);
        let (bytes, content_type) = payload(service, shape, &value);
        let mut response = self.build(status, Some(content_type), bytes, request_id);
        for member in &structure.members {
            let Some(value) = value.get(&*member.name) else { continue };
            let kind = &service.shape(member.shape).kind;
            match member.location {
                Some(Location::Header) => {
                    if let Some(text) = to_text(kind, value, TimestampFormat::Rfc822) {
                        set(&mut response, &member.wire().to_ascii_lowercase(), &text);
                    }
                }
                Some(Location::Headers) => {
                    for (key, value) in value.as_object().into_iter().flatten() {
                        let name = format!("{}{key}", member.wire()).to_ascii_lowercase();
                        set(&mut response, &name, value.as_str().unwrap_or_default());
                    }
                }
                Some(Location::StatusCode) => {
                    let code = value.as_u64().and_then(|code| u16::try_from(code).ok());
                    if let Some(code) = code.and_then(|code| StatusCode::from_u16(code).ok()) {
                        *response.status_mut() = code;
                    }
                }
                _ => {}
            }
        }
        response
    }

    fn query_error(&self, failure: &Failure, status: u16, request_id: &str) -> String {
        let modelled = self.service.and_then(|service| service.error(&failure.code)?.error_trait());
        let common = error::common_error(&failure.code).map(|common| common.query_code);
        let code = modelled.and_then(|error| error.code.as_deref()).or(common);
        let code = code.unwrap_or(&failure.code);
        let namespace = self.service.and_then(|service| service.xml_namespace.as_deref());
        let root = namespace.map_or("ErrorResponse".to_owned(), |namespace| {
            format!("ErrorResponse xmlns=\"{namespace}\"")
        });
        let mut out = String::new();
        xml::element(&root, &mut out, |out| {
            xml::element("Error", out, |out| {
                xml::leaf("Type", if status < 500 { "Sender" } else { "Receiver" }, out);
                xml::leaf("Code", code, out);
                xml::leaf("Message", failure.message.as_deref().unwrap_or_default(), out);
            });
            xml::leaf("RequestId", request_id, out);
        });
        out
    }
}

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

const JSON: &str = "application/json";
const CBOR: &str = "application/cbor";
const XML: &str = "text/xml";

/// A handler's output. What is not JSON is a fault of the handler and becomes an empty output.
fn parse(body: &Bytes) -> Value {
    let empty = || Value::Object(Map::new());
    if body.is_empty() { empty() } else { serde_json::from_slice(body).unwrap_or_else(|_| empty()) }
}

fn set(response: &mut Response<Bytes>, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}

/// The body of a rest answer: one member, or all that travel nowhere else.
fn payload(service: &Service, shape: &Shape, value: &Value) -> (Bytes, &'static str) {
    use base64::Engine as _;
    let member = shape.structure().and_then(|structure| structure.payload_member());
    let Some(member) = member else {
        return (json::to_wire(service, shape, value).to_string().into(), JSON);
    };
    match value.get(&*member.name) {
        Some(Value::String(text)) => {
            let engine = base64::engine::general_purpose::STANDARD;
            let bytes = engine.decode(text).unwrap_or_else(|_| text.clone().into_bytes());
            (bytes.into(), "application/octet-stream")
        }
        Some(value) => {
            (json::to_wire(service, service.shape(member.shape), value).to_string().into(), JSON)
        }
        None => (Bytes::new(), JSON),
    }
}

fn cbor_error(service: Option<&Service>, shape: Option<&Shape>, object: &Value) -> cbor::Item {
    // Members of the model get their types; `__type` and an unmodelled message are texts.
    let Value::Object(members) = object else { return cbor::Item::Map(Vec::new()) };
    let structure = shape.and_then(Shape::structure);
    let entries = members.iter().map(|(name, value)| {
        let typed = service.and_then(|service| {
            let member = structure?.member(name)?;
            Some(to_cbor(service, service.shape(member.shape), value))
        });
        let item = typed.unwrap_or_else(|| crate::codec::untyped(value));
        (cbor::Item::Text(name.clone()), item)
    });
    cbor::Item::Map(entries.collect())
}

fn query_xml(service: &Service, operation: &Operation, value: &Value, request_id: &str) -> String {
    let namespace = service.xml_namespace.as_deref().unwrap_or_default();
    let root = format!("{}Response xmlns=\"{namespace}\"", operation.name);
    let mut out = String::new();
    xml::element(&root, &mut out, |out| {
        if let Some(shape) = operation.output {
            let members = |out: &mut String| {
                xml::members(service, service.shape(shape), value, out);
            };
            match &operation.result_wrapper {
                Some(wrapper) => xml::element(wrapper, out, members),
                None => members(out),
            }
        }
        xml::element("ResponseMetadata", out, |out| xml::leaf("RequestId", request_id, out));
    });
    out
}
