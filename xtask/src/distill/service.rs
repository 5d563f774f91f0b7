//! One service: from botocore's JSON to our facts.

use serde_json::{Map, Value};
use trackway_wire::model::{
    Bound, Constraints, EndpointRule, ErrorTrait, Location, Member, Operation, Protocol, Service,
    Shape, ShapeId, ShapeKind, Structure, TimestampFormat, XmlNamespace,
};

/// A model's shapes, and their names in the order of their ids.
struct Names<'a> {
    sorted: Vec<&'a str>,
    shapes: &'a Map<String, Value>,
}

impl Names<'_> {
    fn id(&self, reference: &Value) -> ShapeId {
        let name = reference["shape"].as_str().expect("a reference names a shape");
        let index = self.sorted.binary_search(&name).expect("a named shape exists");
        ShapeId(u32::try_from(index).expect("few shapes"))
    }

    /// The name on the wire of what a reference refers to: the reference's own, else the shape's.
    fn wire(&self, reference: &Value) -> Option<Box<str>> {
        let shape = reference["shape"].as_str().and_then(|name| self.shapes.get(name));
        text(reference, "locationName").or_else(|| text(shape?, "locationName"))
    }
}

/// The facts of one service.
pub(super) fn distill(name: &str, source: &Value, endpoints: Vec<EndpointRule>) -> Service {
    let metadata = &source["metadata"];
    let shapes = source["shapes"].as_object().expect("a model has shapes");
    let mut sorted: Vec<&str> = shapes.keys().map(String::as_str).collect();
    sorted.sort_unstable();
    let names = Names { sorted, shapes };
    let mut operations: Vec<Operation> = object(&source["operations"])
        .map(|operations| {
            operations.iter().map(|(name, one)| operation(name, one, &names)).collect()
        })
        .unwrap_or_default();
    operations.sort_by(|left, right| left.name.cmp(&right.name));
    let prefix = text(metadata, "endpointPrefix").unwrap_or_default();
    let mut service = Service::default();
    service.name = name.into();
    service.id = text(metadata, "serviceId").unwrap_or_default();
    service.api_version = text(metadata, "apiVersion").unwrap_or_default();
    service.signing_name = text(metadata, "signingName").unwrap_or_else(|| prefix.clone());
    service.endpoint_prefix = prefix;
    service.target_prefix = text(metadata, "targetPrefix");
    service.protocols = protocols(metadata);
    service.xml_namespace = text(metadata, "xmlNamespace");
    service.endpoints = endpoints;
    service.query_compatible = metadata.get("awsQueryCompatible").is_some();
    service.operations = operations;
    service.shapes = names.sorted.iter().map(|name| shape(name, &shapes[*name], &names)).collect();
    service
}

fn protocols(metadata: &Value) -> Vec<Protocol> {
    let only = [metadata["protocol"].clone()];
    let named = metadata["protocols"].as_array().map_or(&only[..], Vec::as_slice);
    named
        .iter()
        .filter_map(|name| {
            Some(match name.as_str()? {
                "json" if metadata["jsonVersion"] == "1.0" => Protocol::AwsJson10,
                "json" => Protocol::AwsJson11,
                "rest-json" => Protocol::RestJson1,
                "rest-xml" => Protocol::RestXml,
                "query" => Protocol::Query,
                "ec2" => Protocol::Ec2Query,
                "smithy-rpc-v2-cbor" => Protocol::RpcV2Cbor,
                _ => return None,
            })
        })
        .collect()
}

/// The name is the key: CloudFront's `name`s carry the version of the API.
fn operation(name: &str, source: &Value, names: &Names<'_>) -> Operation {
    let http = &source["http"];
    let reference = |key: &str| source.get(key).map(|reference| names.id(reference));
    let errors = source["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let input = &source["input"];
    Operation {
        name: name.into(),
        method: text(http, "method").unwrap_or_default(),
        uri: text(http, "requestUri").unwrap_or_default(),
        response_code: status(http.get("responseCode")).filter(|code| *code != 200),
        input: reference("input"),
        output: reference("output"),
        errors: errors.iter().map(|error| names.id(error)).collect(),
        result_wrapper: text(&source["output"], "resultWrapper"),
        input_root: text(input, "locationName"),
        input_namespace: namespace(&input["xmlNamespace"]),
        host_prefix: text(&source["endpoint"], "hostPrefix"),
        unsigned: source["authtype"] == "none" || source["auth"][0] == "smithy.api#noAuth",
        unsigned_payload: source["authtype"] == "v4-unsigned-body"
            || source["unsignedPayload"] == true,
        checksum_required: source["httpChecksumRequired"] == true
            || source["httpChecksum"]["requestChecksumRequired"] == true,
    }
}

fn shape(name: &str, source: &Value, names: &Names<'_>) -> Shape {
    let constraints = constraints(source);
    Shape {
        name: name.into(),
        kind: kind(source, names),
        constraints: (!constraints.is_empty()).then(|| Box::new(constraints)),
        sensitive: source["sensitive"] == true,
    }
}

fn kind(source: &Value, names: &Names<'_>) -> ShapeKind {
    let flattened = source["flattened"] == true;
    match source["type"].as_str().expect("a shape has a type") {
        "string" | "character" => ShapeKind::String,
        "boolean" => ShapeKind::Boolean,
        "integer" | "short" | "byte" => ShapeKind::Integer,
        "long" | "bigInteger" => ShapeKind::Long,
        "float" => ShapeKind::Float,
        "double" | "bigDecimal" => ShapeKind::Double,
        "timestamp" => ShapeKind::Timestamp(format(source)),
        "blob" => ShapeKind::Blob { streaming: source["streaming"] == true },
        "list" => ShapeKind::List {
            member: names.id(&source["member"]),
            member_name: names.wire(&source["member"]),
            flattened,
        },
        "map" => ShapeKind::Map {
            key: names.id(&source["key"]),
            value: names.id(&source["value"]),
            key_name: names.wire(&source["key"]),
            value_name: names.wire(&source["value"]),
            flattened,
        },
        "structure" if source["document"] == true => ShapeKind::Document,
        "structure" => ShapeKind::Structure(Box::new(structure(source, names))),
        other => panic!("unknown type of shape: {other}"),
    }
}

fn format(source: &Value) -> Option<TimestampFormat> {
    Some(match source["timestampFormat"].as_str()? {
        "unixTimestamp" => TimestampFormat::Epoch,
        "iso8601" => TimestampFormat::Iso8601,
        "rfc822" => TimestampFormat::Rfc822,
        other => panic!("unknown format of timestamps: {other}"),
    })
}

fn structure(source: &Value, names: &Names<'_>) -> Structure {
    let empty = Map::new();
    let members = object(&source["members"]).unwrap_or(&empty);
    let required: Vec<&str> = source["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let payload = source["payload"].as_str();
    Structure {
        members: members
            .iter()
            .map(|(name, one)| member(name, one, required.contains(&name.as_str()), names))
            .collect(),
        payload: payload
            .and_then(|payload| members.keys().position(|name| name == payload))
            .map(|index| u32::try_from(index).expect("few members")),
        error: error(source),
        union: source["union"] == true,
        event_stream: source["eventstream"] == true,
    }
}

fn error(source: &Value) -> Option<ErrorTrait> {
    if source["exception"] != true && source.get("error").is_none() {
        return None;
    }
    let error = &source["error"];
    Some(ErrorTrait {
        code: text(error, "code"),
        status: status(error.get("httpStatusCode")),
        fault: source["fault"] == true || error["fault"] == true,
    })
}

fn member(name: &str, source: &Value, required: bool, names: &Names<'_>) -> Member {
    Member {
        name: name.into(),
        shape: names.id(source),
        required,
        location: source["location"].as_str().map(|location| match location {
            "uri" => Location::Uri,
            "querystring" => Location::QueryString,
            "header" => Location::Header,
            "headers" => Location::Headers,
            "statusCode" => Location::StatusCode,
            other => panic!("unknown location: {other}"),
        }),
        wire_name: names.wire(source).filter(|wire| **wire != *name),
        query_name: text(source, "queryName"),
        idempotency_token: source["idempotencyToken"] == true,
        json_value: source["jsonvalue"] == true,
        host_label: source["hostLabel"] == true,
        flattened: source["flattened"] == true,
        xml_attribute: source["xmlAttribute"] == true,
        xml_namespace: namespace(&source["xmlNamespace"]),
    }
}

fn constraints(source: &Value) -> Constraints {
    let allowed = source["enum"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut constraints = Constraints::default();
    constraints.min = bound(source.get("min"));
    constraints.max = bound(source.get("max"));
    constraints.pattern = text(source, "pattern");
    constraints.allowed = allowed.iter().filter_map(Value::as_str).map(Into::into).collect();
    constraints
}

fn bound(source: Option<&Value>) -> Option<Bound> {
    let source = source?;
    source.as_i64().map(Bound::Whole).or_else(|| source.as_f64().map(Bound::Real))
}

fn namespace(source: &Value) -> Option<XmlNamespace> {
    match source {
        Value::String(uri) => Some(XmlNamespace { uri: uri.as_str().into(), prefix: None }),
        Value::Object(_) => {
            Some(XmlNamespace { uri: text(source, "uri")?, prefix: text(source, "prefix") })
        }
        _ => None,
    }
}

fn status(source: Option<&Value>) -> Option<u16> {
    source?.as_u64().and_then(|code| u16::try_from(code).ok())
}

fn object(source: &Value) -> Option<&Map<String, Value>> {
    source.as_object()
}

fn text(source: &Value, key: &str) -> Option<Box<str>> {
    source.get(key)?.as_str().map(Into::into)
}
