//! What boto3 checks before it sends: names, types, required members, least lengths and values, in
//! boto3's own words. What the service checks (patterns, largest values, allowed texts) is left to
//! it.

use serde_json::{Map, Value};

use crate::codec::time;
use crate::model::{Bound, Member, Operation, Service, Shape, ShapeKind, Structure};

/// Finds everything that is wrong with an input, in the order in which boto3 reports it; empty when
/// it may be sent.
#[must_use]
pub(super) fn check(service: &Service, operation: &Operation, input: &Value) -> Vec<String> {
    let mut check = Check { service, problems: Vec::new() };
    match (operation.input, input) {
        (Some(shape), input) => check.value(service.shape(shape), None, input, ""),
        (None, Value::Object(members)) => check.unknown(members, &[], ""),
        (None, input) => check.misfit("", input, &["<class 'dict'>"]),
    }
    check.problems
}

struct Check<'a> {
    service: &'a Service,
    problems: Vec<String>,
}

const DICT: &[&str] = &["<class 'dict'>"];
const LIST: &[&str] = &["<class 'list'>", "<class 'tuple'>"];
const STR: &[&str] = &["<class 'str'>"];
const BOOL: &[&str] = &["<class 'bool'>"];
const INT: &[&str] = &["<class 'int'>"];
const FLOAT: &[&str] = &["<class 'float'>", "<class 'decimal.Decimal'>", "<class 'int'>"];
const BYTES: &[&str] = &["<class 'bytes'>", "<class 'bytearray'>", "file-like object"];
const MOMENT: &[&str] = &["<class 'datetime.datetime'>", "timestamp-string"];

impl Check<'_> {
    fn say(&mut self, problem: String) {
        self.problems.push(problem);
    }

    fn misfit(&mut self, name: &str, value: &Value, valid: &[&str]) {
        let (name, shown, class) = (shown_name(name), python(value, false), class_of(value));
        let valid = valid.join(", ");
        self.say(format!(
            "Invalid type for parameter {name}, value: {shown}, type: {class}, valid types: {valid}"
        ));
    }

    fn value(&mut self, shape: &Shape, member: Option<&Member>, value: &Value, name: &str) {
        if member.is_some_and(|member| member.json_value) {
            return;
        }
        match (&shape.kind, value) {
            (ShapeKind::Structure(structure), Value::Object(object)) => {
                self.structure(structure, object, name);
            }
            (ShapeKind::List { member, .. }, Value::Array(items)) => {
                self.length(shape, member_min(None), items.len(), name);
                let of = self.service.shape(*member);
                for (index, item) in items.iter().enumerate() {
                    self.value(of, None, item, &format!("{name}[{index}]"));
                }
            }
            (ShapeKind::Map { key, value: of, .. }, Value::Object(entries)) => {
                let (key_shape, of) = (self.service.shape(*key), self.service.shape(*of));
                for (key, value) in entries {
                    let text = Value::String(key.clone());
                    self.value(key_shape, None, &text, &format!("{name} (key: {key})"));
                    self.value(of, None, value, &format!("{name}.{key}"));
                }
            }
            (ShapeKind::String, Value::String(text)) => {
                self.length(shape, member_min(member), text.chars().count(), name);
            }
            (ShapeKind::Integer | ShapeKind::Long, Value::Number(number)) if !number.is_f64() => {
                self.range(shape, value, name);
            }
            (ShapeKind::Float | ShapeKind::Double, Value::Number(_)) => {
                self.range(shape, value, name);
            }
            // JSON has no such numbers; they are written as texts.
            (ShapeKind::Float | ShapeKind::Double, Value::String(text))
                if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {}
            (ShapeKind::Timestamp(_), Value::String(text)) if time::parse(text).is_some() => {}
            (ShapeKind::Boolean, Value::Bool(_))
            | (ShapeKind::Blob { .. }, Value::String(_))
            | (ShapeKind::Timestamp(_), Value::Number(_))
            | (ShapeKind::Document, _) => {}
            (kind, value) => self.misfit(name, value, valid_types(kind)),
        }
    }

    fn structure(&mut self, structure: &Structure, object: &Map<String, Value>, name: &str) {
        if structure.union && object.len() != 1 {
            let all = member_names(structure);
            let shown = shown_name(name);
            self.say(if object.is_empty() {
                format!(
                    "Must set one of the following keys for tagged unionstructure {shown}: {all}."
                )
            } else {
                format!(
                    "Invalid number of parameters set for tagged union structure {shown}. Can only \
                     set one of the following keys: {all}."
                )
            });
        }
        for member in structure.members.iter().filter(|member| member.required) {
            // A token is made where there is none.
            let is_made = name.is_empty() && member.idempotency_token;
            if !is_made && !object.contains_key(&*member.name) {
                let shown = shown_name(name);
                self.say(format!("Missing required parameter in {shown}: \"{}\"", member.name));
            }
        }
        self.unknown(object, &structure.members, name);
        for (key, value) in object {
            if let Some(member) = structure.member(key) {
                let shape = self.service.shape(member.shape);
                self.value(shape, Some(member), value, &format!("{name}.{key}"));
            }
        }
    }

    fn unknown(&mut self, object: &Map<String, Value>, members: &[Member], name: &str) {
        let names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        for key in object.keys().filter(|key| !names.contains(&key.as_str())) {
            let (shown, all) = (shown_name(name), names.join(", "));
            self.say(format!("Unknown parameter in {shown}: \"{key}\", must be one of: {all}"));
        }
    }

    fn length(&mut self, shape: &Shape, implied: Option<i64>, length: usize, name: &str) {
        let least = match shape.constraints.as_deref().and_then(|limits| limits.min) {
            Some(Bound::Whole(least)) => Some(least),
            _ => implied,
        };
        let least = least.filter(|least| i64::try_from(length).is_ok_and(|length| length < *least));
        if let Some(least) = least {
            let name = shown_name(name);
            self.say(format!(
                "Invalid length for parameter {name}, value: {length}, valid min length: {least}"
            ));
        }
    }

    fn range(&mut self, shape: &Shape, value: &Value, name: &str) {
        let Some(least) = shape.constraints.as_deref().and_then(|limits| limits.min) else {
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "limits are small numbers")]
        let (number, text) = match least {
            Bound::Whole(least) => (least as f64, least.to_string()),
            Bound::Real(least) => (least, least.to_string()),
        };
        if value.as_f64().is_some_and(|value| value < number) {
            let (name, value) = (shown_name(name), python(value, false));
            self.say(format!(
                "Invalid value for parameter {name}, value: {value}, valid min value: {text}"
            ));
        }
    }
}

/// Members that are part of the host can't be empty.
fn member_min(member: Option<&Member>) -> Option<i64> {
    member.filter(|member| member.host_label).map(|_| 1)
}

fn valid_types(kind: &ShapeKind) -> &'static [&'static str] {
    match kind {
        ShapeKind::String => STR,
        ShapeKind::Boolean => BOOL,
        ShapeKind::Integer | ShapeKind::Long => INT,
        ShapeKind::Float | ShapeKind::Double => FLOAT,
        ShapeKind::Timestamp(_) => MOMENT,
        ShapeKind::Blob { .. } => BYTES,
        ShapeKind::List { .. } => LIST,
        ShapeKind::Map { .. } | ShapeKind::Structure(_) | ShapeKind::Document => DICT,
    }
}

fn member_names(structure: &Structure) -> String {
    let names: Vec<&str> = structure.members.iter().map(|member| &*member.name).collect();
    names.join(", ")
}

fn shown_name(name: &str) -> &str {
    if name.is_empty() { "input" } else { name.strip_prefix('.').unwrap_or(name) }
}

fn class_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<class 'NoneType'>",
        Value::Bool(_) => "<class 'bool'>",
        Value::Number(number) if number.is_f64() => "<class 'float'>",
        Value::Number(_) => "<class 'int'>",
        Value::String(_) => "<class 'str'>",
        Value::Array(_) => "<class 'list'>",
        Value::Object(_) => "<class 'dict'>",
    }
}

/// A value as Python prints it.
fn python(value: &Value, nested: bool) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if !nested => text.clone(),
        Value::String(text) => {
            let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
            let text = text.replace('\\', "\\\\").replace('\n', "\\n");
            let text = if quote == '\'' { text.replace('\'', "\\'") } else { text };
            format!("{quote}{text}{quote}")
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| python(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{}: {}", python(&Value::String(key.clone()), true), python(value, true))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model;

    fn problems(service: &str, operation: &str, input: &Value) -> Vec<String> {
        let service = model::service(service).unwrap();
        check(service, service.operation(operation).unwrap(), input)
    }

    #[test]
    fn problems_are_said_in_the_words_of_boto3() {
        for (service, operation, input, expected) in [
            (
                "s3",
                "GetObject",
                json!({"Bucket": "b"}),
                "Missing required parameter in input: \"Key\"",
            ),
            (
                "sqs",
                "GetQueueUrl",
                json!({"QueueName": "q", "Name": 1}),
                "Unknown parameter in input: \"Name\", must be one of: QueueName, \
                 QueueOwnerAWSAccountId",
            ),
            (
                "sqs",
                "ReceiveMessage",
                json!({"QueueUrl": "q", "WaitTimeSeconds": "1"}),
                "Invalid type for parameter WaitTimeSeconds, value: 1, type: <class 'str'>, valid \
                 types: <class 'int'>",
            ),
            (
                "ec2",
                "DescribeInstances",
                json!({"Filters": [{"Name": "a", "Values": "it's"}]}),
                "Invalid type for parameter Filters[0].Values, value: it's, type: <class 'str'>, \
                 valid types: <class 'list'>, <class 'tuple'>",
            ),
            (
                "ec2",
                "DescribeInstances",
                json!({"InstanceIds": {"a": [null, true, "it's"]}}),
                "Invalid type for parameter InstanceIds, value: {'a': [None, True, \"it's\"]}, \
                 type: <class 'dict'>, valid types: <class 'list'>, <class 'tuple'>",
            ),
            (
                "ssm",
                "GetParametersByPath",
                json!({"Path": "", "MaxResults": 0}),
                "Invalid length for parameter Path, value: 0, valid min length: 1",
            ),
        ] {
            assert_eq!(problems(service, operation, &input)[0], expected);
        }
        let both = problems("ssm", "GetParametersByPath", &json!({"Path": "", "MaxResults": 0}));
        assert_eq!(both[1], "Invalid value for parameter MaxResults, value: 0, valid min value: 1");
        assert!(problems("sts", "GetCallerIdentity", &json!({})).is_empty());
        assert_eq!(problems("sts", "GetCallerIdentity", &json!([])).len(), 1);
    }
}
