//! Compares what we say with what AWS said, placeholders and all.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

/// Values that placeholders stand for in one case: the same one, the same value.
#[derive(Clone)]
pub(crate) struct Comparer {
    bound: BTreeMap<String, String>,
    placeholder: Regex,
    arn: Regex,
    /// Members that AWS has added since the case was recorded.
    newer: &'static [&'static str],
}

/// Placeholders that are plain words.
const WORDS: [&str; 16] = [
    "timestamp",
    "datetime",
    "date",
    "start-date",
    "creation-date",
    "stop-date",
    "snf_role_arn",
    "activity_arn",
    "execution-arn",
    "stateExitedEventDetails.output",
    "executionSucceededEventDetails.output",
    "x-amzn-RequestId",
    "X-Amzn-Trace-Id",
    "RequestId",
    "RandomNumberGenerated",
    "generated-uuid",
];

/// Placeholders within a text.
const PLACEHOLDER: &str = r"<[^<>\s]+>|lambda_function(_\d+)?_name|snf_role_arn(_t\d)?|s?sm_nonexistent_arn|activity_(arn|name)(_\d)?\b";

/// Redrive came in November 2023.
const REDRIVE: [&str; 3] = ["RedriveCount", "RedriveStatus", "RedriveStatusReason"];

impl Comparer {
    /// A comparer for one case, recorded in this year and month.
    pub(crate) fn new(recorded: u32) -> Self {
        Self {
            bound: BTreeMap::new(),
            placeholder: Regex::new(PLACEHOLDER).expect("a valid expression"),
            arn: Regex::new(r"arn:aws:([a-z]+):([a-z0-9-]*):000000000000")
                .expect("a valid expression"),
            newer: if recorded < 202_311 { &REDRIVE } else { &[] },
        }
    }

    /// The first difference between what AWS said and what we say, if there is one.
    pub(crate) fn difference(&mut self, aws: &Value, ours: &Value) -> Option<String> {
        self.at("", aws, ours).err()
    }

    fn at(&mut self, path: &str, aws: &Value, ours: &Value) -> Result<(), String> {
        let differ = || Err(format!("{path}: AWS {} ours {}", short(aws), short(ours)));
        match (aws, ours) {
            (Value::String(word), _) if WORDS.contains(&word.as_str()) => Ok(()),
            (Value::Object(expected), Value::Object(found)) => {
                for (name, value) in expected {
                    let Some(ours) = found.get(name) else {
                        return Err(format!("{path}/{name}: AWS {} ours is missing", short(value)));
                    };
                    self.at(&format!("{path}/{name}"), value, ours)?;
                }
                let extra = found.iter().find(|(name, _)| {
                    !expected.contains_key(*name) && !self.newer.contains(&name.as_str())
                });
                match extra {
                    Some((name, value)) => {
                        Err(format!("{path}/{name}: AWS has none, ours {}", short(value)))
                    }
                    None => Ok(()),
                }
            }
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                for (place, (aws, ours)) in expected.iter().zip(found).enumerate() {
                    self.at(&format!("{path}[{place}]"), aws, ours)?;
                }
                Ok(())
            }
            (Value::Object(_) | Value::Array(_), Value::String(text)) => {
                match serde_json::from_str(text) {
                    Ok(decoded) => self.at(path, aws, &decoded),
                    Err(_) => differ(),
                }
            }
            (Value::String(expected), Value::String(found)) => {
                if self.text(expected, found) {
                    Ok(())
                } else {
                    differ()
                }
            }
            (Value::String(expected), found) if self.placeholder.is_match(expected) => {
                if self.text(expected, &found.to_string()) { Ok(()) } else { differ() }
            }
            (Value::Number(expected), Value::Number(found)) => {
                if expected.as_f64() == found.as_f64() { Ok(()) } else { differ() }
            }
            _ => {
                if aws == ours {
                    Ok(())
                } else {
                    differ()
                }
            }
        }
    }

    /// Whether a text fits AWS's, where placeholders stand for something.
    fn text(&mut self, expected: &str, found: &str) -> bool {
        if expected == found {
            return true;
        }
        let found = self.arn.replace_all(found, "arn:<partition>:$1:<region>:111111111111");
        let found = found.replace(":iam:<region>:", ":iam::");
        if expected == found {
            return true;
        }
        let mut pattern = String::from("(?s)^");
        let mut names = Vec::new();
        let mut from = 0;
        for place in self.placeholder.find_iter(expected) {
            pattern.push_str(&regex::escape(&expected[from..place.start()]));
            pattern.push_str("(.*?)");
            names.push(place.as_str().to_owned());
            from = place.end();
        }
        if names.is_empty() {
            return false;
        }
        pattern.push_str(&regex::escape(&expected[from..]));
        pattern.push('$');
        let Ok(pattern) = Regex::new(&pattern) else { return false };
        let Some(captured) = pattern.captures(&found) else { return false };
        let values: Vec<String> =
            captured.iter().skip(1).flatten().map(|m| m.as_str().to_owned()).collect();
        names.into_iter().zip(values).all(|(name, value)| self.bind(name, value))
    }

    /// A placeholder in a recorded outcome comes back as it is; any other value has to be the same
    /// throughout.
    fn bind(&mut self, name: String, value: String) -> bool {
        if name == value || name.starts_with("<json-input") {
            return true;
        }
        *self.bound.entry(name).or_insert_with(|| value.clone()) == value
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
