//! Policy documents, of IoT and of IAM: read, and matched as both services match them.
//!
//! Source: AWS IoT Core policies and the IAM JSON policy grammar.

use serde_json::{Map, Value};

/// A policy document that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its statements, in their order.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// `Action` or `NotAction`.
    pub actions: Selection,
    /// `Resource` or `NotResource`.
    pub resources: Selection,
    /// What must hold besides.
    pub conditions: Vec<Condition>,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

/// Patterns of actions or resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These.
    Of(Vec<String>),
    /// All but these: `NotAction`, `NotResource`.
    Except(Vec<String>),
}

/// One key of one operator of a `Condition`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Such as `Bool`.
    pub operator: String,
    /// Such as `iot:Connection.Thing.IsAttached`.
    pub key: String,
    /// Any of these.
    pub values: Vec<String>,
}

/// Why a text is no policy document. Its text is ours: AWS's is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

fn malformed(why: impl Into<String>) -> Malformed {
    Malformed(why.into())
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// It is no JSON object, or not of the grammar.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let value = serde_json::from_str(text)
            .map_err(|error| malformed(format!("The document is no JSON: {error}")))?;
        Self::read(&value)
    }

    /// Reads a document that is JSON already.
    ///
    /// # Errors
    /// It is no object, or not of the grammar.
    pub fn read(value: &Value) -> Result<Self, Malformed> {
        let Value::Object(members) = value else {
            return Err(malformed("The document is no JSON object"));
        };
        known(members, &["Version", "Id", "Statement"], "the document")?;
        match members.get("Version") {
            None => {}
            Some(Value::String(version)) if version == "2012-10-17" || version == "2008-10-17" => {}
            Some(_) => return Err(malformed("Version must be 2012-10-17 or 2008-10-17")),
        }
        let statements = match members.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().map(statement).collect(),
            Some(one @ Value::Object(_)) => statement(one).map(|statement| vec![statement]),
            Some(_) => Err(malformed("Statement must be an object or a list of objects")),
            None => Err(malformed("Statement is missing")),
        }?;
        Ok(Self { statements })
    }

    /// The statements with this effect.
    pub fn with(&self, effect: Effect) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.effect == effect)
    }
}

impl Statement {
    /// Whether it is about an action such as `iot:Connect`; letter case doesn't matter.
    #[must_use]
    pub fn covers_action(&self, action: &str) -> bool {
        let matches = |pattern: &String| action_matches(pattern, action);
        match &self.actions {
            Selection::Of(patterns) => patterns.iter().any(matches),
            Selection::Except(patterns) => !patterns.iter().any(matches),
        }
    }

    /// Whether it is about every resource that this pattern is about: itself, or one that includes it.
    #[must_use]
    pub fn covers_resource(&self, pattern: &str) -> bool {
        match &self.resources {
            Selection::Of(patterns) => patterns.iter().any(|wide| matches(wide, pattern)),
            // What is excepted could be part of the pattern: only without exceptions is it all.
            Selection::Except(patterns) => patterns.is_empty(),
        }
    }

    /// Whether a condition asks that this key is `true`.
    #[must_use]
    pub fn requires_true(&self, key: &str) -> bool {
        self.conditions.iter().any(|condition| {
            condition.operator.eq_ignore_ascii_case("Bool")
                && condition.key.eq_ignore_ascii_case(key)
                && !condition.values.is_empty()
                && condition.values.iter().all(|value| value.eq_ignore_ascii_case("true"))
        })
    }
}

/// Whether an action's pattern includes an action.
#[must_use]
pub fn action_matches(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

/// Whether a pattern with `*` (any text) and `?` (any character) matches a text.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text) = (0, 0);
    // The last star, and where in the text it was tried to end.
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(one) if *one == '?' || *one == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => match star {
                Some((place, end)) => {
                    star = Some((place, end + 1));
                    at = place + 1;
                    in_text = end + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

fn statement(value: &Value) -> Result<Statement, Malformed> {
    let Value::Object(members) = value else {
        return Err(malformed("A statement must be an object"));
    };
    let all = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    known(members, &all, "a statement")?;
    let effect = match members.get("Effect") {
        Some(Value::String(effect)) if effect == "Allow" => Effect::Allow,
        Some(Value::String(effect)) if effect == "Deny" => Effect::Deny,
        _ => return Err(malformed("Effect must be Allow or Deny")),
    };
    let actions = selection(members, "Action", "NotAction")?;
    let (Selection::Of(patterns) | Selection::Except(patterns)) = &actions;
    if let Some(wrong) = patterns.iter().find(|one| !one.starts_with('*') && !one.contains(':')) {
        return Err(malformed(format!("The action {wrong} must begin with a service and a colon")));
    }
    Ok(Statement {
        effect,
        actions,
        resources: selection(members, "Resource", "NotResource")?,
        conditions: members.get("Condition").map(conditions).transpose()?.unwrap_or_default(),
    })
}

fn known(members: &Map<String, Value>, all: &[&str], what: &str) -> Result<(), Malformed> {
    match members.keys().find(|name| !all.contains(&name.as_str())) {
        Some(name) => Err(malformed(format!("{name} is no member of {what}"))),
        None => Ok(()),
    }
}

fn selection(members: &Map<String, Value>, of: &str, except: &str) -> Result<Selection, Malformed> {
    match (members.get(of), members.get(except)) {
        (Some(these), None) => Ok(Selection::Of(texts(these, of)?)),
        (None, Some(these)) => Ok(Selection::Except(texts(these, except)?)),
        (None, None) => Err(malformed(format!("A statement needs {of}"))),
        (Some(_), Some(_)) => Err(malformed(format!("A statement has either {of} or {except}"))),
    }
}

fn texts(value: &Value, name: &str) -> Result<Vec<String>, Malformed> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        _ => Err(malformed(format!("{name} must be a text or a list of texts"))),
    };
    match value {
        Value::Array(values) if values.is_empty() => {
            Err(malformed(format!("{name} must not be empty")))
        }
        Value::Array(values) => values.iter().map(text).collect(),
        one => text(one).map(|text| vec![text]),
    }
}

fn conditions(value: &Value) -> Result<Vec<Condition>, Malformed> {
    let wrong = || malformed("Condition must be an object of operators, each an object of keys");
    let Value::Object(operators) = value else { return Err(wrong()) };
    let mut found = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Err(wrong()) };
        for (key, values) in keys {
            let values = match values {
                Value::Array(values) => values.iter().map(scalar).collect::<Option<Vec<_>>>(),
                one => scalar(one).map(|value| vec![value]),
            };
            let values = values.ok_or_else(wrong)?;
            found.push(Condition { operator: operator.clone(), key: key.clone(), values });
        }
    }
    Ok(found)
}

/// Values of conditions may be booleans and numbers.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_one_or_many_of_everything() {
        let document = Document::parse(
            r#"{"Version": "2012-10-17", "Statement": {"Sid": "a", "Effect": "Allow",
                "Action": "iot:Connect", "Resource": ["a", "b"],
                "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": [true]}}}}"#,
        )
        .unwrap();
        let statement = &document.statements[0];
        assert_eq!(statement.actions, Selection::Of(vec!["iot:Connect".to_owned()]));
        assert_eq!(statement.resources, Selection::Of(vec!["a".to_owned(), "b".to_owned()]));
        assert!(statement.requires_true("iot:Connection.Thing.IsAttached"));
        assert!(Document::parse(r#"{"Version":"2012-10-17","Statement":[]}"#).is_ok());
    }

    #[test]
    fn what_is_no_document_is_refused_with_the_reason() {
        let statement = |members: &str| format!(r#"{{"Statement": [{{{members}}}]}}"#);
        let rows = [
            ("nonsense".to_owned(), "no JSON"),
            ("[]".to_owned(), "no JSON object"),
            ("{}".to_owned(), "Statement is missing"),
            (r#"{"Version": "2020-01-01", "Statement": []}"#.to_owned(), "Version"),
            (r#"{"Statement": [], "Statements": []}"#.to_owned(), "Statements is no member"),
            (r#"{"Statement": "x"}"#.to_owned(), "Statement must be"),
            (r#"{"Statement": [1]}"#.to_owned(), "must be an object"),
            (statement(r#""Action": "a:b", "Resource": "*""#), "Effect"),
            (statement(r#""Effect": "allow", "Action": "a:b", "Resource": "*""#), "Effect"),
            (statement(r#""Effect": "Allow", "Resource": "*""#), "needs Action"),
            (statement(r#""Effect": "Allow", "Action": "a:b""#), "needs Resource"),
            (statement(r#""Effect": "Allow", "Action": [], "Resource": "*""#), "not be empty"),
            (statement(r#""Effect": "Allow", "Action": "ab", "Resource": "*""#), "a colon"),
            (statement(r#""Effect": "Allow", "Action": 7, "Resource": "*""#), "a text"),
            (
                statement(
                    r#""Effect": "Allow", "Action": "a:b", "NotAction": "a:c", "Resource": "*""#,
                ),
                "either",
            ),
            (
                statement(
                    r#""Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": []"#,
                ),
                "Condition must",
            ),
        ];
        for (text, why) in rows {
            let refusal = Document::parse(&text).unwrap_err().to_string();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
    }

    #[test]
    fn patterns_match_as_iam_matches() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*b", "abab", true),
            ("a*", "b", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(action_matches("IOT:con*", "iot:Connect"));
    }
}
