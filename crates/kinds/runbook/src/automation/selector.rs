//! The JSONPath of `Selector` and `PropertySelector`: members, places, `*`, `..`, `?()` and
//! `length()`.

use serde_json::Value;

use super::selector_filter::{self, Filter};

/// What a selector finds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// Nothing is there.
    Nothing,
    /// The one value that it names.
    One(Value),
    /// Every value that it matches, as a list; it may be empty.
    Many(Vec<Value>),
}

impl Found {
    /// The value, if there is one; many are a list. `null` is nothing.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Nothing | Self::One(Value::Null) => None,
            Self::One(value) => Some(value),
            Self::Many(values) if values.is_empty() => None,
            Self::Many(values) => Some(Value::Array(values)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Member(String),
    Members(Vec<String>),
    Places(Vec<i64>),
    Where(Filter),
    Length,
    Place(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    Below,
}

/// Finds what `selector` names in `value`; `None` if it can't be read. The leading `$` may be left
/// out.
pub(crate) fn select(selector: &str, value: &Value) -> Option<Found> {
    let mut parts = parse(selector)?;
    if parts.last() == Some(&Part::Length) {
        parts.pop();
        return Some(length(follow(&parts, value)));
    }
    Some(follow(&parts, value))
}

/// How much there is.
fn length(found: Found) -> Found {
    match found {
        Found::Nothing => Found::Nothing,
        Found::Many(values) => Found::One(values.len().into()),
        Found::One(Value::Array(items)) => Found::One(items.len().into()),
        Found::One(Value::Object(members)) => Found::One(members.len().into()),
        Found::One(Value::String(text)) => Found::One(text.chars().count().into()),
        Found::One(_) => Found::Nothing,
    }
}

/// Finds what the parts name.
pub(super) fn follow(parts: &[Part], value: &Value) -> Found {
    let is_definite = parts.iter().all(|part| matches!(part, Part::Member(_) | Part::Place(_)));
    let mut found = vec![value];
    for part in parts {
        found = found.into_iter().flat_map(|value| step(part, value)).collect();
    }
    match (is_definite, found.first()) {
        (true, None) => Found::Nothing,
        (true, Some(value)) => Found::One((*value).clone()),
        (false, _) => Found::Many(found.into_iter().cloned().collect()),
    }
}

fn step<'v>(part: &Part, value: &'v Value) -> Vec<&'v Value> {
    let place = |list: &[Value], at: i64| {
        let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
        usize::try_from(if at < 0 { at + length } else { at }).ok()
    };
    match (part, value) {
        (Part::Member(name), Value::Object(members)) => members.get(name).into_iter().collect(),
        (Part::Place(at), Value::Array(list)) => {
            place(list, *at).and_then(|at| list.get(at)).into_iter().collect()
        }
        (Part::Members(names), Value::Object(members)) => {
            names.iter().filter_map(|name| members.get(name)).collect()
        }
        (Part::Places(places), Value::Array(list)) => {
            let at = |at: &i64| place(list, *at).and_then(|at| list.get(at));
            places.iter().filter_map(at).collect()
        }
        (Part::Where(filter), Value::Array(list)) => {
            list.iter().filter(|item| filter.holds(item)).collect()
        }
        (Part::Where(filter), Value::Object(_)) if filter.holds(value) => vec![value],
        (Part::Slice(from, to), Value::Array(list)) => {
            let bound = |at: Option<i64>, or: usize| match at {
                None => or,
                Some(at) => place(list, at).unwrap_or(0).min(list.len()),
            };
            let (from, to) = (bound(*from, 0), bound(*to, list.len()));
            list.get(from..to).into_iter().flatten().collect()
        }
        (Part::All, Value::Array(list)) => list.iter().collect(),
        (Part::All, Value::Object(members)) => members.values().collect(),
        (Part::Below, _) => {
            let mut all = Vec::new();
            below(value, &mut all);
            all
        }
        _ => Vec::new(),
    }
}

/// A value and all values in it, outer ones first.
fn below<'v>(value: &'v Value, all: &mut Vec<&'v Value>) {
    all.push(value);
    match value {
        Value::Array(list) => list.iter().for_each(|item| below(item, all)),
        Value::Object(members) => members.values().for_each(|item| below(item, all)),
        _ => {}
    }
}

pub(super) fn parse(selector: &str) -> Option<Vec<Part>> {
    let text = selector.trim();
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    let mut parts = Vec::new();
    // Without a `$` it begins with a member's name.
    if rest.len() == text.len() && !rest.starts_with(['.', '[']) {
        rest = member(rest, &mut parts)?;
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            parts.push(Part::Below);
            rest = if after.starts_with('[') { after } else { member(after, &mut parts)? };
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = member(after, &mut parts)?;
        } else {
            let (inner, after) = selector_filter::enclosed(rest.strip_prefix('[')?, ']')?;
            parts.push(bracket(inner.trim())?);
            rest = after;
        }
    }
    // A function ends a path.
    let functions = parts.iter().filter(|part| **part == Part::Length).count();
    (functions == 0 || (functions == 1 && parts.last() == Some(&Part::Length))).then_some(parts)
}

fn member<'t>(text: &'t str, parts: &mut Vec<Part>) -> Option<&'t str> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name.trim() {
        "" => return None,
        "*" => parts.push(Part::All),
        "length()" => parts.push(Part::Length),
        name => parts.push(Part::Member(name.to_owned())),
    }
    Some(rest)
}

/// What stands in brackets.
fn bracket(inner: &str) -> Option<Part> {
    if let Some(filter) = inner.strip_prefix('?') {
        return Filter::parse(filter).map(Part::Where);
    }
    if inner.starts_with(['\'', '"']) {
        let mut names = selector_filter::quoted_list(inner)?;
        return match names.len() {
            1 => names.pop().map(Part::Member),
            _ => Some(Part::Members(names)),
        };
    }
    let number = |text: &str| text.trim().parse::<i64>().ok();
    if inner == "*" {
        return Some(Part::All);
    }
    if let Some((from, to)) = inner.split_once(':') {
        let bound = |text: &str| match text.trim() {
            "" => Some(None),
            text => number(text).map(Some),
        };
        return Some(Part::Slice(bound(from)?, bound(to)?));
    }
    if inner.contains(',') {
        return inner.split(',').map(number).collect::<Option<_>>().map(Part::Places);
    }
    number(inner).map(Part::Place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_find_what_they_name() {
        let response = json!({
            "Reservations": [
                {"Instances": [{"InstanceId": "i-1", "State": {"Name": "running"}}]},
                {"Instances": [{"InstanceId": "i-2", "State": {"Name": "stopped"}}]},
            ],
            "Attributes": {"Kms.Key": "k"},
            "None": null,
        });
        let cases = [
            ("$.Reservations[0].Instances[0].InstanceId", Some(json!("i-1"))),
            ("$.Reservations[-1].Instances[0].InstanceId", Some(json!("i-2"))),
            ("Reservations[1].Instances[0].State.Name", Some(json!("stopped"))),
            ("$.Reservations..Instances..InstanceId", Some(json!(["i-1", "i-2"]))),
            ("$..State.Name", Some(json!(["running", "stopped"]))),
            ("$.Reservations[*].Instances[0].InstanceId", Some(json!(["i-1", "i-2"]))),
            ("$.Reservations.*.Instances[0].InstanceId", Some(json!(["i-1", "i-2"]))),
            ("$.Reservations[0:1].Instances[0].InstanceId", Some(json!(["i-1"]))),
            ("$.Attributes['Kms.Key']", Some(json!("k"))),
            ("$['Attributes'][\"Kms.Key\"]", Some(json!("k"))),
            ("$.Reservations[1,0].Instances[0].InstanceId", Some(json!(["i-2", "i-1"]))),
            ("$.Attributes['Kms.Key','None']", Some(json!(["k"]))),
            ("$.Reservations.length()", Some(json!(2))),
            ("$.Reservations..InstanceId.length()", Some(json!(2))),
            (
                "$.Reservations[*].Instances[?(@.State.Name=='stopped')].InstanceId",
                Some(json!(["i-2"])),
            ),
            ("$..Instances[?(@.State.Name == 'gone')].InstanceId", None),
            (
                "$..Instances[?(@['InstanceId'] == \"i-1\" || @.State.Name == 'a]b')].State.Name",
                Some(json!(["running"])),
            ),
            ("$..Instances[?(@.Nope)].InstanceId", None),
            (
                "$..Instances[?(@.InstanceId && !(@.State.Name != 'running'))].InstanceId",
                Some(json!(["i-1"])),
            ),
            ("$.Nobody", None),
            ("$.None", None),
            ("$..Nobody", None),
            ("$.Reservations[7]", None),
        ];
        for (selector, expected) in cases {
            let found = select(selector, &response).and_then(Found::value);
            assert_eq!(found, expected, "{selector}");
        }
        assert_eq!(select("$", &json!(1)).and_then(Found::value), Some(json!(1)));
        for unreadable in [
            "$.",
            "$[",
            "$[x]",
            "$.a[",
            "$..",
            "$['a]",
            "$[?(@.a ==)]",
            "$[?(@.a]",
            "$[?]",
            "$.a.length().b",
            "$[1,x]",
        ] {
            assert_eq!(select(unreadable, &response), None, "{unreadable}");
        }
    }
}
