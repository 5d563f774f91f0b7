//! Which payloads start a pipeline.

use std::borrow::Cow;

use serde_json::{Map, Value};
use trackway_asl::jsonpath::Path;

use super::Rule;
use crate::codepipeline::refusal::{Code, Refusal};

/// Checks that each rule has a JSONPath.
pub(super) fn check(rules: &[Rule]) -> Result<(), Refusal> {
    for rule in rules {
        if let Err(error) = Path::parse(&rule.json_path) {
            let message = format!("The JSON path '{}' is not valid: {error}", rule.json_path);
            return Err(Refusal::new(Code::InvalidWebhookFilterPatternException, message));
        }
    }
    Ok(())
}

/// Whether a payload satisfies every rule; `configuration` is that of the target action.
pub(super) fn fits(rules: &[Rule], payload: &Value, configuration: &Map<String, Value>) -> bool {
    rules.iter().all(|rule| {
        let Ok(path) = Path::parse(&rule.json_path) else { return false };
        let Ok(found) = path.evaluate(payload) else { return false };
        let Some(wanted) = &rule.match_equals else {
            // There has to be something; what it is doesn't matter.
            return *found != Value::Array(Vec::new()) || path.is_definite();
        };
        let wanted = filled_in(wanted, configuration);
        match (&*found, path.is_definite()) {
            // Of a path that may find many, one has to match.
            (Value::Array(all), false) => all.iter().any(|one| text_of(one) == wanted),
            (one, _) => text_of(one) == wanted,
        }
    })
}

/// The text with each `{Key}` that the configuration has replaced by its value.
fn filled_in(text: &str, configuration: &Map<String, Value>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('{') {
        filled.push_str(before);
        let known = from
            .split_once('}')
            .and_then(|(key, after)| Some((configuration.get(key)?.as_str()?, after)));
        match known {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = from;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_fits_when_every_rule_does() {
        let payload = json!({
            "ref": "refs/heads/main",
            "n": 7,
            "yes": true,
            "list": [{ "a": "x" }, { "a": "y" }],
        });
        let configuration = json!({ "Branch": "main", "Odd": "{Branch}" });
        let configuration = configuration.as_object().expect("an object");
        for (path, wanted, expected) in [
            ("$.ref", Some("refs/heads/{Branch}"), true),
            ("$.ref", Some("refs/heads/{Other}"), false),
            ("$.ref", Some("refs/heads/main"), true),
            ("$.ref", Some("{Odd}"), false),
            ("$.ref", Some("{"), false),
            ("$.ref", None, true),
            ("$.none", None, false),
            ("$.none", Some("null"), false),
            ("$.n", Some("7"), true),
            ("$.yes", Some("true"), true),
            ("$.list[0].a", Some("x"), true),
            ("$.list[1].a", Some("x"), false),
            ("$.list[*].a", Some("y"), true),
            ("$.list[?(@.a=='y')].a", Some("y"), true),
            ("$.list[?(@.a=='z')].a", None, false),
            ("$['ref']", Some("refs/heads/main"), true),
        ] {
            let rule = Rule { json_path: path.to_owned(), match_equals: wanted.map(str::to_owned) };
            assert!(check(std::slice::from_ref(&rule)).is_ok(), "{path}");
            assert_eq!(fits(&[rule], &payload, configuration), expected, "{path} {wanted:?}");
        }
        assert!(fits(&[], &payload, configuration));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "$.", "$[", "a b"] {
            let rule = Rule { json_path: path.to_owned(), match_equals: None };
            assert!(check(&[rule]).is_err(), "{path}");
        }
    }
}
