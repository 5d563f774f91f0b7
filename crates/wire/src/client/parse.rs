//! Responses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::codec::json::{self, Mode};
use crate::codec::{Node, cbor, from_cbor, from_text, parse_xml, xml_members, xml_value};
use crate::model::{
    Location, Member, Operation, Protocol, Service, Shape, ShapeId, ShapeKind, Structure,
};

/// The service refused the call, or its answer can't be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The error code, without namespace: `ResourceNotFoundException`.
    pub code: String,
    /// The message; empty when there is none.
    pub message: String,
    /// HTTP status.
    pub status: u16,
    /// The request id of the service, if it gave one.
    pub request_id: Option<String>,
    /// Modelled members of the error beside the message, in model names.
    pub members: Box<Map<String, Value>>,
}

/// Reads a response: the output in the neutral form.
///
/// # Errors
/// When the status is none of success, or the body can't be read (code `UnreadableResponse`).
pub fn parse(
    service: &Service,
    operation: &Operation,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, Refused> {
    let response = Response { service, status, headers, body };
    if !(200..300).contains(&status) {
        return Err(response.refused());
    }
    if let Some(refused) = response.refused_late(operation) {
        return Err(refused);
    }
    if (&*service.name, &*operation.name) == ("s3", "GetBucketLocation") {
        return response.bucket_location();
    }
    let Some(shape) = operation.output else { return Ok(Value::Object(Map::new())) };
    response.output(operation, shape)
}

struct Response<'a> {
    service: &'a Service,
    status: u16,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> Response<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn request_id(&self) -> Option<String> {
        let names = ["x-amzn-requestid", "x-amz-request-id", "x-amz-requestid"];
        names.iter().find_map(|name| self.header(name)).map(str::to_owned)
    }

    fn unreadable(&self) -> Refused {
        Refused {
            code: "UnreadableResponse".to_owned(),
            message: format!("the answer of {} can't be read", self.service.id),
            status: self.status,
            request_id: self.request_id(),
            members: Box::default(),
        }
    }

    /// S3 may find out that it can't after it began to answer: a refusal with a status of success.
    fn refused_late(&self, operation: &Operation) -> Option<Refused> {
        if &*self.service.name != "s3" || self.body.is_empty() {
            return None;
        }
        let structure = self.service.shape(operation.output?).structure()?;
        let payload = structure.payload_member().map(|member| self.service.shape(member.shape));
        if payload.is_some_and(|payload| !matches!(payload.kind, ShapeKind::Structure(_))) {
            return None;
        }
        self.xml().ok().filter(|root| root.name == "Error")?;
        Some(Response { status: 500, ..*self }.refused())
    }

    /// The one answer that the model gets wrong: the region is the text of the root element.
    fn bucket_location(&self) -> Result<Value, Refused> {
        let region = self.xml()?.text;
        let region = if region.is_empty() { Value::Null } else { Value::String(region) };
        Ok(json!({ "LocationConstraint": region }))
    }

    fn output(&self, operation: &Operation, id: ShapeId) -> Result<Value, Refused> {
        let shape = self.service.shape(id);
        let empty = || Value::Object(Map::new());
        match self.service.client_protocol() {
            Some(Protocol::AwsJson10 | Protocol::AwsJson11) => {
                if self.body.is_empty() {
                    Ok(empty())
                } else {
                    self.json(id)
                }
            }
            Some(Protocol::RpcV2Cbor) => {
                let item = cbor::decode(self.body).map_err(|_| self.unreadable())?;
                from_cbor(self.service, shape, item, Mode::Lenient).map_err(|_| self.unreadable())
            }
            Some(protocol @ (Protocol::Query | Protocol::Ec2Query)) => {
                let root = self.xml()?;
                let wrapper = operation.result_wrapper.as_deref();
                let node = match wrapper.filter(|_| protocol == Protocol::Query) {
                    Some(wrapper) => root.child(wrapper),
                    None => Some(&root),
                };
                Ok(node.map_or_else(empty, |node| xml_value(self.service, shape, node)))
            }
            Some(protocol) => self.rest(protocol, id),
            None => Err(self.unreadable()),
        }
    }

    fn json(&self, shape: ShapeId) -> Result<Value, Refused> {
        json::read(self.service, shape, self.body, Mode::Lenient).map_err(|_| self.unreadable())
    }

    fn xml(&self) -> Result<Node, Refused> {
        let text = std::str::from_utf8(self.body).ok().and_then(parse_xml);
        text.ok_or_else(|| self.unreadable())
    }

    fn rest(&self, protocol: Protocol, id: ShapeId) -> Result<Value, Refused> {
        let Some(structure) = self.service.shape(id).structure() else {
            return Ok(Value::Object(Map::new()));
        };
        let mut output = match structure.payload_member() {
            Some(member) => self.payload(protocol, member)?,
            None if self.body.is_empty() => Map::new(),
            None if structure.members.iter().all(|member| member.location.is_some()) => Map::new(),
            None if protocol == Protocol::RestJson1 => match self.json(id)? {
                Value::Object(object) => object,
                _ => Map::new(),
            },
            None => xml_members(self.service, structure, &self.xml()?),
        };
        self.located(structure, &mut output);
        Ok(Value::Object(output))
    }

    /// The member that is the whole body.
    fn payload(&self, protocol: Protocol, member: &Member) -> Result<Map<String, Value>, Refused> {
        let mut output = Map::new();
        let shape = self.service.shape(member.shape);
        let value = match shape.kind {
            ShapeKind::Blob { .. } => Value::String(STANDARD.encode(self.body)),
            ShapeKind::String => Value::from(String::from_utf8_lossy(self.body).into_owned()),
            ShapeKind::Structure(_) if self.body.is_empty() => Value::Object(Map::new()),
            _ if self.body.is_empty() => return Ok(output),
            _ if protocol == Protocol::RestJson1 => self.json(member.shape)?,
            _ => xml_value(self.service, shape, &self.xml()?),
        };
        output.insert(member.name.to_string(), value);
        Ok(output)
    }

    /// Members that travel in headers and the status.
    fn located(&self, structure: &Structure, output: &mut Map<String, Value>) {
        for member in &structure.members {
            let value = match member.location {
                Some(Location::StatusCode) => Some(Value::from(self.status)),
                Some(Location::Header) => self.header_value(member),
                Some(Location::Headers) => Some(self.prefixed(member)),
                _ => None,
            };
            // What S3 keeps as the expiry of an object may be any text; boto3 gives that as well.
            if let Some(text) = self.header("expires").filter(|_| self.is_expiry(member)) {
                output.insert("ExpiresString".to_owned(), Value::from(text));
            }
            if let Some(value) = value {
                output.insert(member.name.to_string(), value);
            }
        }
    }

    fn is_expiry(&self, member: &Member) -> bool {
        let header = member.location == Some(Location::Header) && member.wire() == "Expires";
        header && &*self.service.name == "s3"
    }

    fn header_value(&self, member: &Member) -> Option<Value> {
        let text = self.header(member.wire())?;
        if member.json_value {
            let bytes = STANDARD.decode(text).ok()?;
            return serde_json::from_slice(&bytes).ok();
        }
        match &self.service.shape(member.shape).kind {
            ShapeKind::List { member: of, .. } => {
                let kind = &self.service.shape(*of).kind;
                text.split(',').map(|item| from_text(kind, item.trim()).ok()).collect()
            }
            kind => from_text(kind, text).ok(),
        }
    }

    fn prefixed(&self, member: &Member) -> Value {
        let prefix = member.wire().to_ascii_lowercase();
        let found = self.headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(&prefix)?;
            Some((name.to_owned(), Value::from(value.to_str().ok()?)))
        });
        Value::Object(found.collect())
    }

    fn refused(&self) -> Refused {
        let found = match self.service.client_protocol() {
            Some(Protocol::Query | Protocol::Ec2Query | Protocol::RestXml) => self.xml_error(),
            _ => self.json_error(),
        };
        let (code, message, members) = found;
        let code = self.query_code().or(code).map(|code| bare(&code).to_owned());
        Refused {
            // As boto3 does it: without any code the status is the code.
            message: message.or_else(|| code.is_none().then(|| self.reason())).unwrap_or_default(),
            code: code.unwrap_or_else(|| self.status.to_string()),
            status: self.status,
            request_id: self.request_id(),
            members: Box::new(members),
        }
    }

    /// What the status says, for an answer without a body.
    fn reason(&self) -> String {
        let status = http::StatusCode::from_u16(self.status).ok();
        let reason = status.filter(|_| self.body.is_empty()).and_then(|one| one.canonical_reason());
        reason.unwrap_or_default().to_owned()
    }

    /// The code of services that once spoke the query protocol: `Code;Sender`.
    fn query_code(&self) -> Option<String> {
        let header = self.header("x-amzn-query-error").filter(|_| self.service.query_compatible);
        header.and_then(|text| text.split(';').next()).map(str::to_owned)
    }

    fn json_error(&self) -> (Option<String>, Option<String>, Map<String, Value>) {
        let value = match self.service.client_protocol() {
            Some(Protocol::RpcV2Cbor) => {
                cbor::decode(self.body).ok().map(crate::codec::untyped_json)
            }
            _ => serde_json::from_slice(self.body).ok(),
        };
        let mut object = match value {
            Some(Value::Object(object)) => object,
            _ => Map::new(),
        };
        let mut take = |names: &[&str]| {
            names.iter().find_map(|name| match object.remove(*name) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            })
        };
        let in_body = take(&["__type", "code", "Code"]);
        let code = self.header("x-amzn-errortype").map(str::to_owned).or(in_body);
        let message = take(&["message", "Message", "errorMessage"]);
        let shape = code.as_deref().and_then(|code| self.service.error(bare(code)));
        let structure = shape.and_then(Shape::structure);
        let modelled = structure.map(|structure| {
            let named = object.into_iter().filter_map(|(name, value)| {
                Some((structure.by_wire(&name)?.name.to_string(), value))
            });
            named.collect()
        });
        (code, message, modelled.unwrap_or_default())
    }

    fn xml_error(&self) -> (Option<String>, Option<String>, Map<String, Value>) {
        let Ok(root) = self.xml() else { return (None, None, Map::new()) };
        let nested = root.child("Errors").unwrap_or(&root);
        let error = nested.child("Error").unwrap_or(&root);
        let code = error.child_text("Code").map(str::to_owned);
        let message = error.child_text("Message").or_else(|| error.child_text("message"));
        let shape = code.as_deref().and_then(|code| self.service.error(code));
        let members = shape.and_then(Shape::structure).map(|structure| {
            let mut members = xml_members(self.service, structure, error);
            members.retain(|name, _| !name.eq_ignore_ascii_case("message"));
            members
        });
        (code, message.map(str::to_owned), members.unwrap_or_default())
    }
}

/// A code without `namespace#` before it and `:http://...` after it.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code)
}
