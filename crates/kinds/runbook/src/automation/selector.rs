//! The JSONPath of `Selector` and `PropertySelector`: members, places, `*` and `..`.

use serde_json::Value;

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
enum Part {
    Member(String),
    Place(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    Below,
}

/// Finds what `selector` names in `value`; `None` if it can't be read. The leading `$` may be left
/// out.
pub(crate) fn select(selector: &str, value: &Value) -> Option<Found> {
    let parts = parse(selector)?;
    let is_definite = parts.iter().all(|part| matches!(part, Part::Member(_) | Part::Place(_)));
    let mut found = vec![value];
    for part in &parts {
        found = found.into_iter().flat_map(|value| step(part, value)).collect();
    }
    Some(match (is_definite, found.first()) {
        (true, None) => Found::Nothing,
        (true, Some(value)) => Found::One((*value).clone()),
        (false, _) => Found::Many(found.into_iter().cloned().collect()),
    })
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

fn parse(selector: &str) -> Option<Vec<Part>> {
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
            let (inner, after) = bracket(rest.strip_prefix('[')?)?;
            parts.push(inner);
            rest = after;
        }
    }
    Some(parts)
}

fn member<'t>(text: &'t str, parts: &mut Vec<Part>) -> Option<&'t str> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match name.trim() {
        "" => return None,
        "*" => parts.push(Part::All),
        name => parts.push(Part::Member(name.to_owned())),
    }
    Some(rest)
}

/// What stands in brackets, and the text behind them.
fn bracket(text: &str) -> Option<(Part, &str)> {
    for quote in ['\'', '"'] {
        if let Some(quoted) = text.trim_start().strip_prefix(quote) {
            let (name, rest) = quoted.split_once(quote)?;
            return Some((Part::Member(name.to_owned()), rest.trim_start().strip_prefix(']')?));
        }
    }
    let (inner, rest) = text.split_once(']')?;
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let part = match inner.trim() {
        "*" => Part::All,
        inner => match inner.split_once(':') {
            None => Part::Place(number(inner)?),
            Some((from, to)) => {
                let bound = |text: &str| match text.trim() {
                    "" => Some(None),
                    text => number(text).map(Some),
                };
                Part::Slice(bound(from)?, bound(to)?)
            }
        },
    };
    Some((part, rest))
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
        for unreadable in ["$.", "$[", "$[x]", "$.a[", "$..", "$['a]"] {
            assert_eq!(select(unreadable, &response), None, "{unreadable}");
        }
    }
}
