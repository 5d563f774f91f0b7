//! HTTP bindings of the rest protocols, server side: labels, query, headers and body to one input.

use serde_json::{Map, Value};

use crate::codec::form;
use crate::codec::from_text;
use crate::codec::json::{self, Mode};
use crate::error::Failure;
use crate::model::{Location, Member, Operation, Service, ShapeKind, Structure};
use crate::request::Request;

/// Collects the input of a request.
pub(super) fn decode(
    service: &Service,
    operation: &Operation,
    labels: &[(&str, String)],
    request: &Request<'_>,
) -> Result<Value, Failure> {
    let mut input = Map::new();
    let Some(shape) = operation.input else { return Ok(Value::Object(input)) };
    let Some(structure) = service.shape(shape).structure() else {
        return Ok(Value::Object(input));
    };
    if let Some(payload) = structure.payload_member() {
        input.extend(payload_value(service, payload, request)?);
    } else if structure.members.iter().any(|member| member.location.is_none())
        && !request.body.is_empty()
        && let Value::Object(body) = json::read(service, shape, request.body, Mode::Strict)?
    {
        input = body;
    }
    let query: Vec<(String, String)> = form::pairs(request.query()).collect();
    for member in &structure.members {
        let value = match member.location {
            Some(Location::Uri) => {
                let label = labels.iter().find(|(name, _)| *name == member.wire());
                let text = label.map(|(_, text)| text.as_str());
                text.map(|text| scalar(service, member, text)).transpose()?
            }
            Some(Location::QueryString) => query_value(service, structure, member, &query)?,
            Some(Location::Header) => header_value(service, member, request)?,
            Some(Location::Headers) => prefixed(member, request),
            Some(Location::StatusCode) | None => continue,
        };
        if let Some(value) = value {
            input.insert(member.name.to_string(), value);
        }
    }
    Ok(Value::Object(input))
}

fn scalar(service: &Service, member: &Member, text: &str) -> Result<Value, Failure> {
    from_text(&service.shape(member.shape).kind, text)
}

/// The member that is the whole body.
fn payload_value(
    service: &Service,
    member: &Member,
    request: &Request<'_>,
) -> Result<Option<(String, Value)>, Failure> {
    use base64::Engine as _;
    if request.body.is_empty() {
        return Ok(None);
    }
    let value = match service.shape(member.shape).kind {
        ShapeKind::Blob { .. } => {
            Value::from(base64::engine::general_purpose::STANDARD.encode(request.body))
        }
        ShapeKind::String => Value::from(String::from_utf8_lossy(request.body).into_owned()),
        _ => json::read(service, member.shape, request.body, Mode::Strict)?,
    };
    Ok(Some((member.name.to_string(), value)))
}

fn query_value(
    service: &Service,
    structure: &Structure,
    member: &Member,
    query: &[(String, String)],
) -> Result<Option<Value>, Failure> {
    let mut texts = query.iter().filter(|(key, _)| key == member.wire()).map(|pair| &pair.1);
    match &service.shape(member.shape).kind {
        ShapeKind::List { member: of, .. } => {
            let kind = &service.shape(*of).kind;
            let items: Vec<Value> =
                texts.map(|text| from_text(kind, text)).collect::<Result<_, _>>()?;
            Ok((!items.is_empty()).then_some(Value::Array(items)))
        }
        ShapeKind::Map { .. } => {
            // A map takes all parameters that belong to no other member.
            let taken = |key: &str| {
                structure.members.iter().any(|other| {
                    other.location == Some(Location::QueryString) && other.wire() == key
                })
            };
            let rest = query.iter().filter(|(key, _)| !taken(key));
            let map: Map<_, _> =
                rest.map(|(key, text)| (key.clone(), Value::from(text.as_str()))).collect();
            Ok((!map.is_empty()).then_some(Value::Object(map)))
        }
        kind => texts.next().map(|text| from_text(kind, text)).transpose(),
    }
}

fn header_value(
    service: &Service,
    member: &Member,
    request: &Request<'_>,
) -> Result<Option<Value>, Failure> {
    let Some(text) = request.header(member.wire()) else { return Ok(None) };
    let kind = &service.shape(member.shape).kind;
    if let ShapeKind::List { member: of, .. } = kind {
        let kind = &service.shape(*of).kind;
        let items = text.split(',').map(|item| from_text(kind, item.trim()));
        return items.collect::<Result<_, _>>().map(|items| Some(Value::Array(items)));
    }
    from_text(kind, text).map(Some)
}

/// All headers with the member's prefix, as a map.
fn prefixed(member: &Member, request: &Request<'_>) -> Option<Value> {
    let prefix = member.wire().to_ascii_lowercase();
    let found = request.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(&prefix)?;
        Some((name.to_owned(), Value::from(value.to_str().ok()?)))
    });
    let map: Map<String, Value> = found.collect();
    (!map.is_empty()).then_some(Value::Object(map))
}
