//! Requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};

use super::checksum::checksum;
use super::{Endpoint, form as query_form, xml_body};
use crate::codec::form::{self, Slash};
use crate::codec::{cbor, json, to_cbor, to_text};
use crate::model::{
    Location, Member, Operation, Protocol, Service, Shape, ShapeId, ShapeKind, Structure,
    TimestampFormat,
};
use crate::sigv4::{self, Credentials, Outgoing, PathStyle};

/// A request, ready to be signed and sent.
#[derive(Debug, Clone)]
pub struct Built {
    /// The method.
    pub method: Method,
    /// `https` or `http`.
    pub scheme: String,
    /// Host and port.
    pub host: String,
    /// The encoded path.
    pub path: String,
    /// The encoded query, without `?`.
    pub query: String,
    /// The headers, without `Host` until it is signed.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    signing: Option<Signing>,
}

#[derive(Debug, Clone)]
struct Signing {
    service: &'static str,
    region: String,
    style: PathStyle,
    with_body: bool,
}

/// Why a request could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No protocol of the service is spoken here.
    #[error("call {0}: its protocol is not supported")]
    Unsupported(Box<str>),
    /// The operation takes or gives a stream of events.
    #[error("call {0}: streams of events are not supported")]
    EventStream(Box<str>),
    /// A member that is part of the path or host is missing.
    #[error("call {operation}: {member} is missing")]
    Missing {
        /// The operation.
        operation: Box<str>,
        /// The member.
        member: Box<str>,
    },
    /// The method, a header's name or its value is none.
    #[error("call {0}: a value can't be a header")]
    Header(Box<str>),
    /// A member that is part of the host can't be.
    #[error("call {0}: a value can't be part of a host's name")]
    Host(Box<str>),
}

impl Built {
    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}://{}{}{mark}{}", self.scheme, self.host, self.path, self.query)
    }

    /// Signs the request, unless the operation wants no signature. `now_ms` is in milliseconds
    /// since 1970.
    pub fn sign(&mut self, credentials: &Credentials, now_ms: i64) {
        let Some(signing) = &self.signing else { return };
        let outgoing = Outgoing {
            method: self.method.as_str(),
            host: &self.host,
            path: &self.path,
            query: &self.query,
            body: signing.with_body.then_some(&self.body),
            region: &signing.region,
            service: signing.service,
            style: signing.style,
        };
        sigv4::sign(&outgoing, &mut self.headers, credentials, now_ms);
    }
}

/// Makes the request of an operation. `input` is an object in model names; `token` makes a random
/// idempotency token (a UUID) when the input has none.
///
/// # Errors
/// When the protocol is not spoken here, or a part of the path is missing.
pub fn build(
    service: &'static Service,
    operation: &'static Operation,
    endpoint: &Endpoint,
    input: &Value,
    mut token: impl FnMut() -> String,
) -> Result<Built, BuildError> {
    let protocol =
        service.client_protocol().ok_or_else(|| BuildError::Unsupported(service.name.clone()))?;
    if streams_events(service, operation.input) || streams_events(service, operation.output) {
        return Err(BuildError::EventStream(operation.name.clone()));
    }
    let shape = operation.input.map(|shape| service.shape(shape));
    let mut input = input.as_object().cloned().unwrap_or_default();
    let members = shape.and_then(Shape::structure).map_or(&[][..], |structure| &structure.members);
    for member in members.iter().filter(|member| member.idempotency_token) {
        input.entry(String::from(&*member.name)).or_insert_with(|| Value::String(token()));
    }
    let mut request = Draft { service, operation, shape, input, headers: HeaderMap::new() };
    let sent = request.sent(protocol)?;
    match &*service.name {
        "glacier" => request.set("x-amz-glacier-version", &service.api_version)?,
        "apigateway" if !request.headers.contains_key("accept") => {
            request.set("accept", "application/json")?;
        }
        _ => {}
    }
    let method = if sent.rpc { b"POST" } else { operation.method.as_bytes() };
    let encrypted = endpoint.scheme == "https";
    let streams = is_s3(service) && request.streams();
    let signing = (!operation.unsigned).then(|| Signing {
        service: &service.signing_name,
        region: endpoint.region.clone(),
        style: if is_s3(service) { PathStyle::AsIs } else { PathStyle::Twice },
        // What nobody can change on the way needs no signature.
        with_body: !(encrypted && (operation.unsigned_payload || streams)),
    });
    let (host, path) = request.bucket_in_host(endpoint, request.host(endpoint)?, sent.path);
    Ok(Built {
        method: Method::from_bytes(method).map_err(|_| request.bad_header())?,
        scheme: endpoint.scheme.clone(),
        host,
        path: format!("{}{path}", endpoint.base_path),
        query: sent.query,
        headers: request.headers,
        body: sent.body.into(),
        signing,
    })
}

fn streams_events(service: &Service, shape: Option<ShapeId>) -> bool {
    let structure = shape.and_then(|shape| service.shape(shape).structure());
    let mut members = structure.into_iter().flat_map(|structure| &structure.members);
    members.any(|member| {
        service.shape(member.shape).structure().is_some_and(|structure| structure.event_stream)
    })
}

/// Services that sign as S3 does.
fn is_s3(service: &Service) -> bool {
    matches!(&*service.name, "s3" | "s3control")
}

/// Whether a bucket's name may be a label of a host's name.
fn is_label(bucket: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(plain)
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}

struct Draft {
    service: &'static Service,
    operation: &'static Operation,
    shape: Option<&'static Shape>,
    input: Map<String, Value>,
    headers: HeaderMap,
}

#[derive(Default)]
struct Sent {
    path: String,
    query: String,
    body: Vec<u8>,
    rpc: bool,
}

impl Draft {
    fn bad_header(&self) -> BuildError {
        BuildError::Header(self.operation.name.clone())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), BuildError> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| self.bad_header())?;
        let value = HeaderValue::from_str(value).map_err(|_| self.bad_header())?;
        self.headers.insert(name, value);
        Ok(())
    }

    fn input_value(&self) -> Value {
        Value::Object(self.input.clone())
    }

    fn sent(&mut self, protocol: Protocol) -> Result<Sent, BuildError> {
        let rpc = |path: &str, body: Vec<u8>| Sent {
            path: path.to_owned(),
            body,
            rpc: true,
            ..Sent::default()
        };
        let prefix = self.service.target_prefix.as_deref().unwrap_or_default();
        let target = format!("{prefix}.{}", self.operation.name);
        match protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 => {
                let version = if protocol == Protocol::AwsJson10 { "1.0" } else { "1.1" };
                self.set("x-amz-target", &target)?;
                self.set("content-type", &format!("application/x-amz-json-{version}"))?;
                if self.service.query_compatible {
                    self.set("x-amzn-query-mode", "true")?;
                }
                Ok(rpc("/", self.json(self.shape).into_bytes()))
            }
            Protocol::RpcV2Cbor => {
                self.set("smithy-protocol", "rpc-v2-cbor")?;
                self.set("accept", "application/cbor")?;
                let path = format!("/service/{prefix}/operation/{}", self.operation.name);
                let Some(shape) = self.shape else { return Ok(rpc(&path, Vec::new())) };
                self.set("content-type", "application/cbor")?;
                let item = to_cbor(self.service, shape, &self.input_value());
                Ok(rpc(&path, cbor::encode(&item)))
            }
            Protocol::Query | Protocol::Ec2Query => {
                self.set("content-type", "application/x-www-form-urlencoded; charset=utf-8")?;
                let style = protocol == Protocol::Ec2Query;
                let style = if style { query_form::Style::Ec2 } else { query_form::Style::Query };
                let value = self.input_value();
                let body = query_form::write(self.service, self.operation, &value, style);
                Ok(rpc("/", body.into_bytes()))
            }
            Protocol::RestJson1 | Protocol::RestXml => self.rest(protocol),
        }
    }

    fn json(&self, shape: Option<&Shape>) -> String {
        let value = self.input_value();
        shape
            .map_or("{}".to_owned(), |shape| json::to_wire(self.service, shape, &value).to_string())
    }

    fn rest(&mut self, protocol: Protocol) -> Result<Sent, BuildError> {
        let (template, literals) =
            self.operation.uri.split_once('?').unwrap_or((&self.operation.uri, ""));
        let Some(structure) = self.shape.and_then(Shape::structure) else {
            let (path, query) = (template.to_owned(), literals.to_owned());
            return Ok(Sent { path, query, ..Sent::default() });
        };
        let path = self.path(template, structure)?;
        let mut query: Vec<String> =
            literals.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
        for member in &structure.members {
            let Some(value) = self.input.get(&*member.name).cloned() else { continue };
            match member.location {
                Some(Location::QueryString) => self.query(member, &value, &mut query),
                Some(Location::Header) => self.header(member, &value)?,
                Some(Location::Headers) => {
                    for (key, value) in value.as_object().into_iter().flatten() {
                        let text = value.as_str().unwrap_or_default();
                        self.set(&format!("{}{key}", member.wire()), text)?;
                    }
                }
                _ => {}
            }
        }
        let body = self.rest_body(protocol, structure)?;
        self.checksum(&body)?;
        Ok(Sent { path, query: query.join("&"), body, rpc: false })
    }

    /// Adds the checksum of the body, where one is due or asked for and the caller has none.
    fn checksum(&mut self, body: &[u8]) -> Result<(), BuildError> {
        const ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";
        let asked = self.headers.get(ALGORITHM).and_then(|value| value.to_str().ok());
        if asked.is_none() && !self.operation.checksum_required {
            return Ok(());
        }
        let mut names = self.headers.keys().map(HeaderName::as_str);
        if names.any(|name| name.starts_with("x-amz-checksum-") && !name.ends_with("-type")) {
            return Ok(());
        }
        let (algorithm, value) = checksum(asked.unwrap_or_default(), body);
        self.set(ALGORITHM, algorithm)?;
        self.set(&format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase()), &value)
    }

    fn rest_body(
        &mut self,
        protocol: Protocol,
        structure: &'static Structure,
    ) -> Result<Vec<u8>, BuildError> {
        let json = protocol == Protocol::RestJson1;
        let kind = if json { "application/json" } else { "application/xml" };
        let Some(payload) = structure.payload_member() else {
            let any = structure.members.iter().any(|member| member.location.is_none());
            if !any {
                return Ok(Vec::new());
            }
            let given = structure.members.iter().filter(|member| member.location.is_none());
            if !json && !given.into_iter().any(|member| self.input.contains_key(&*member.name)) {
                return Ok(Vec::new());
            }
            let body = if json { self.json(self.shape) } else { self.xml(None) };
            if !body.is_empty() {
                self.set("content-type", kind)?;
            }
            return Ok(body.into_bytes());
        };
        let shape = self.service.shape(payload.shape);
        let Some(value) = self.input.get(&*payload.name) else {
            if json && shape.structure().is_some() {
                self.set("content-type", kind)?;
                return Ok(b"{}".to_vec());
            }
            return Ok(Vec::new());
        };
        let (body, kind) = match (&shape.kind, value) {
            (ShapeKind::Blob { .. }, Value::String(text)) => {
                let bytes = STANDARD.decode(text).unwrap_or_else(|_| text.clone().into_bytes());
                // What they are is the caller's to say.
                return Ok(bytes);
            }
            (ShapeKind::String, Value::String(text)) => return Ok(text.clone().into_bytes()),
            (_, value) if json => {
                (json::to_wire(self.service, shape, value).to_string().into_bytes(), kind)
            }
            _ => (self.xml(Some(payload)).into_bytes(), kind),
        };
        if !self.headers.contains_key("content-type") {
            self.set("content-type", kind)?;
        }
        Ok(body)
    }

    fn xml(&self, payload: Option<&Member>) -> String {
        xml_body::write(self.service, self.operation, payload, &self.input_value())
    }

    /// Fills the labels of a path or host.
    fn fill(
        &self,
        template: &str,
        structure: Option<&Structure>,
        encode: impl Fn(&str, Slash) -> String,
    ) -> Result<String, BuildError> {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (label, after) = after.split_once('}').unwrap_or((after, ""));
            out.push_str(before);
            rest = after;
            let (label, slash) = match label.strip_suffix('+') {
                Some(label) => (label, Slash::Keep),
                None => (label, Slash::Encode),
            };
            let member = structure.and_then(|structure| structure.by_wire(label));
            let text = member.and_then(|member| {
                let kind = &self.service.shape(member.shape).kind;
                to_text(kind, self.input.get(&*member.name)?, TimestampFormat::Iso8601)
            });
            let text = text.filter(|text| !text.is_empty()).ok_or_else(|| BuildError::Missing {
                operation: self.operation.name.clone(),
                member: label.into(),
            })?;
            out.push_str(&encode(&text, slash));
        }
        out.push_str(rest);
        Ok(out)
    }

    fn path(&self, template: &str, structure: &Structure) -> Result<String, BuildError> {
        self.fill(template, Some(structure), form::encode)
    }

    fn host(&self, endpoint: &Endpoint) -> Result<String, BuildError> {
        match &self.operation.host_prefix {
            Some(prefix) if !endpoint.custom => {
                let structure = self.shape.and_then(Shape::structure);
                let prefix = self.fill(prefix, structure, |text, _| text.to_owned())?;
                let plain = |letter: char| letter.is_ascii_alphanumeric() || "-.".contains(letter);
                if !prefix.chars().all(plain) {
                    return Err(BuildError::Host(self.operation.name.clone()));
                }
                Ok(format!("{prefix}{}", endpoint.host))
            }
            _ => Ok(endpoint.host.clone()),
        }
    }

    /// Whether the body is bytes as they are, perhaps very many.
    fn streams(&self) -> bool {
        let payload = self.shape.and_then(Shape::structure).and_then(Structure::payload_member);
        payload.is_some_and(|member| {
            matches!(self.service.shape(member.shape).kind, ShapeKind::Blob { .. })
        })
    }

    /// At AWS a bucket is part of the host, where its name allows it; elsewhere it stays in the
    /// path.
    fn bucket_in_host(&self, endpoint: &Endpoint, host: String, path: String) -> (String, String) {
        let bucket = self.input.get("Bucket").and_then(Value::as_str);
        let bucket = bucket.filter(|bucket| is_label(bucket) && &*self.service.name == "s3");
        let Some(bucket) = bucket.filter(|_| !endpoint.custom) else { return (host, path) };
        match path.strip_prefix('/').and_then(|rest| rest.strip_prefix(bucket)) {
            Some("") => (format!("{bucket}.{host}"), "/".to_owned()),
            Some(rest) if rest.starts_with('/') => (format!("{bucket}.{host}"), rest.to_owned()),
            _ => (host, path),
        }
    }

    fn query(&self, member: &Member, value: &Value, query: &mut Vec<String>) {
        let mut add = |key: &str, kind: &ShapeKind, value: &Value| {
            if let Some(text) = to_text(kind, value, TimestampFormat::Iso8601) {
                let key = form::encode(key, Slash::Encode);
                query.push(format!("{key}={}", form::encode(&text, Slash::Encode)));
            }
        };
        match (&self.service.shape(member.shape).kind, value) {
            (ShapeKind::List { member: of, .. }, Value::Array(items)) => {
                let kind = &self.service.shape(*of).kind;
                items.iter().for_each(|item| add(member.wire(), kind, item));
            }
            (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
                let kind = &self.service.shape(*of).kind;
                for (key, value) in entries {
                    match value {
                        Value::Array(items) => {
                            items.iter().for_each(|item| add(key, &ShapeKind::String, item));
                        }
                        value => add(key, kind, value),
                    }
                }
            }
            (kind, value) => add(member.wire(), kind, value),
        }
    }

    fn header(&mut self, member: &Member, value: &Value) -> Result<(), BuildError> {
        let kind = &self.service.shape(member.shape).kind;
        let text = match (kind, value) {
            (ShapeKind::List { member: of, .. }, Value::Array(items)) => {
                let kind = &self.service.shape(*of).kind;
                let texts =
                    items.iter().filter_map(|item| to_text(kind, item, TimestampFormat::Rfc822));
                Some(texts.collect::<Vec<_>>().join(","))
            }
            _ if member.json_value => Some(STANDARD.encode(value.to_string())),
            _ => to_text(kind, value, TimestampFormat::Rfc822),
        };
        text.map_or(Ok(()), |text| self.set(member.wire(), &text))
    }
}
