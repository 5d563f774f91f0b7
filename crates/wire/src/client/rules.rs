//! What boto3 does for particular operations beyond what the model says. Each rule is one of
//! botocore's handlers; a caller that knows boto3 expects them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::codec::form::{Plus, Slash, decode, encode};
use crate::model::{Operation, Service, Shape, ShapeKind};

/// Asks S3 to encode the keys of a listing, since XML can't hold all of them; whether it did.
pub(super) fn ask_for_encoded_keys(
    service: &Service,
    operation: &Operation,
    input: &mut Value,
) -> bool {
    let Value::Object(members) = input else { return false };
    let lists = &*service.name == "s3" && listing(&operation.name).is_some();
    if !lists || members.contains_key("EncodingType") {
        return false;
    }
    members.insert("EncodingType".to_owned(), Value::from("url"));
    true
}

/// The members of a listing that S3 encodes, those of the items aside.
fn listing(operation: &str) -> Option<&'static [&'static str]> {
    match operation {
        "ListObjects" => Some(&["Delimiter", "Marker", "NextMarker"]),
        "ListObjectsV2" => Some(&["Delimiter", "Prefix", "StartAfter"]),
        "ListObjectVersions" => Some(&["KeyMarker", "NextKeyMarker", "Prefix", "Delimiter"]),
        _ => None,
    }
}

/// Changes an input before it is checked; what is wrong with it.
pub(super) fn before_check(
    service: &Service,
    operation: &Operation,
    input: &mut Value,
) -> Vec<String> {
    let Value::Object(members) = input else { return Vec::new() };
    match (&*service.name, &*operation.name) {
        ("s3", _) => return s3(members),
        ("ec2", "RunInstances") | ("autoscaling", "CreateLaunchConfiguration") => {
            if let Some(Value::String(text)) = members.get_mut("UserData") {
                *text = STANDARD.encode(&text);
            }
        }
        ("route53", _) => short_ids(service, operation, members),
        ("glacier", _) => {
            members.entry("accountId").or_insert_with(|| Value::from("-"));
        }
        _ => {}
    }
    Vec::new()
}

fn s3(members: &mut Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(Value::String(bucket)) = members.get("Bucket") {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
        if bucket.is_empty() || bucket.len() > 255 || !bucket.chars().all(plain) {
            problems.push(format!(
                "Invalid bucket name \"{bucket}\": Bucket name must match the regex \
                 \"^[a-zA-Z0-9.\\-_]{{1,255}}$\""
            ));
        }
    }
    match members.get_mut("CopySource") {
        Some(Value::String(source)) => *source = quoted(source),
        Some(source @ Value::Object(_)) => match source_of(source) {
            Ok(text) => *source = Value::String(text),
            Err(missing) => problems.push(format!("Missing required parameter: '{missing}'")),
        },
        _ => {}
    }
    problems
}

/// `bucket/key?versionId=v`, the key encoded.
fn quoted(source: &str) -> String {
    match source.rsplit_once("?versionId=") {
        Some((key, version)) if !version.is_empty() && !version.contains(char::is_whitespace) => {
            format!("{}?versionId={version}", encode(key, Slash::Keep))
        }
        _ => encode(source, Slash::Keep),
    }
}

fn source_of(source: &Value) -> Result<String, &'static str> {
    let text = |name: &'static str| source[name].as_str().ok_or(name);
    let mut out = encode(&format!("{}/{}", text("Bucket")?, text("Key")?), Slash::Keep);
    if let Some(version) = source["VersionId"].as_str() {
        out += &format!("?versionId={version}");
    }
    Ok(out)
}

/// `/hostedzone/Z1` is as good as `Z1`.
fn short_ids(service: &Service, operation: &Operation, input: &mut Map<String, Value>) {
    let shape = operation.input.map(|shape| service.shape(shape));
    for member in shape.and_then(Shape::structure).into_iter().flat_map(|shape| &shape.members) {
        let of = &*service.shape(member.shape).name;
        if let ("ResourceId" | "DelegationSetId" | "ChangeId", Some(Value::String(id))) =
            (of, input.get_mut(&*member.name))
        {
            *id = id.rsplit('/').next().unwrap_or_default().to_owned();
        }
    }
}

/// Changes an output in boto3's shape. `decode` says whether boto3 asked for encoded keys.
pub(super) fn after_parse(
    service: &Service,
    operation: &Operation,
    decode: bool,
    output: &mut Value,
) {
    match (&*service.name, &*operation.name) {
        ("iam", _) => {
            if let Some(shape) = operation.output {
                policies(service, service.shape(shape), output);
            }
        }
        ("ec2", "GetConsoleOutput") => {
            let bytes = output["Output"].as_str().and_then(|text| STANDARD.decode(text).ok());
            if let Some(bytes) = bytes {
                output["Output"] = Value::from(String::from_utf8_lossy(&bytes));
            }
        }
        ("cloudformation", "GetTemplate") => {
            if let Some(body) = output.get_mut("TemplateBody") {
                let parsed = body.as_str().and_then(|text| serde_json::from_str(text).ok());
                *body = parsed.unwrap_or_else(|| body.take());
            }
        }
        ("s3", name) if decode && output["EncodingType"] == "url" => {
            decode_keys(listing(name).unwrap_or_default(), output);
        }
        _ => {}
    }
}

/// IAM gives policies as percent-encoded JSON; boto3 gives what they say.
fn policies(service: &Service, shape: &Shape, value: &mut Value) {
    match (&shape.kind, value) {
        (ShapeKind::Structure(structure), Value::Object(object)) => {
            for member in &structure.members {
                let of = service.shape(member.shape);
                match object.get_mut(&*member.name) {
                    Some(value @ Value::String(_)) if &*of.name == "policyDocumentType" => {
                        let text = decode(value.as_str().unwrap_or_default(), Plus::Plus);
                        *value = serde_json::from_str(&text).unwrap_or_else(|_| value.take());
                    }
                    Some(value) => policies(service, of, value),
                    None => {}
                }
            }
        }
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            let of = service.shape(*member);
            items.iter_mut().for_each(|item| policies(service, of, item));
        }
        _ => {}
    }
}

fn decode_keys(top: &[&str], output: &mut Value) {
    let decoded = |value: &mut Value| {
        if let Value::String(text) = value {
            *text = decode(text, Plus::Space);
        }
    };
    for name in top {
        output.get_mut(*name).into_iter().for_each(decoded);
    }
    for (list, name) in ITEMS {
        let items = output.get_mut(list).and_then(Value::as_array_mut);
        items.into_iter().flatten().filter_map(|item| item.get_mut(name)).for_each(decoded);
    }
}

/// Where the items of listings have their keys.
const ITEMS: [(&str, &str); 4] = [
    ("Contents", "Key"),
    ("CommonPrefixes", "Prefix"),
    ("Versions", "Key"),
    ("DeleteMarkers", "Key"),
];
