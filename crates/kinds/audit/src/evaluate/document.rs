//! An IoT policy document, read. Source: "AWS IoT Core policies" of the developer guide.
//!
//! What the service takes has a version, statements, and in each statement an effect, actions,
//! resources and perhaps conditions. `NotAction`, `NotResource` and principals are IAM's, not IoT's.

use serde_json::{Map, Value};

/// The languages of policies that there are.
const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];
/// What a document may have.
const MEMBERS: [&str; 3] = ["Version", "Id", "Statement"];
/// What a statement may have.
const STATEMENT_MEMBERS: [&str; 5] = ["Sid", "Effect", "Action", "Resource", "Condition"];

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its statements in order; a blank policy has none.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Actions as they are written: `iot:Publish`, `iot:*`, `*`. At least one.
    pub actions: Vec<String>,
    /// Resources as they are written, with their wildcards and variables. At least one.
    pub resources: Vec<String>,
    /// When it holds; always if there are none.
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

/// One condition of a statement: all of them must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Such as `Bool`.
    pub operator: String,
    /// Such as `iot:Connection.Thing.IsAttached`.
    pub key: String,
    /// One of them must match.
    pub values: Vec<String>,
}

/// Why a text is no policy document, in the words of `MalformedPolicyException`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It isn't JSON, or no object.
    #[error("Policy document is Malformed")]
    Json,
    /// It doesn't keep to the grammar.
    #[error("Policy document is Malformed: Invalid policy syntax.")]
    Syntax,
    /// These resources are neither `*` nor ARNs.
    #[error("Policy document is Malformed: The following resources are invalid : {}", .0.join(", "))]
    Resources(Vec<String>),
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// It is none; the problem says why.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let Ok(Value::Object(document)) = serde_json::from_str(text) else {
            return Err(Problem::Json);
        };
        known(&document, &MEMBERS)?;
        let is_version = |version: &Value| version.as_str().is_some_and(|v| VERSIONS.contains(&v));
        if !document.get("Version").is_some_and(is_version) {
            return Err(Problem::Syntax);
        }
        let statements: Vec<Statement> = match document.get("Statement") {
            Some(Value::Array(all)) => all.iter().map(statement).collect::<Result<_, _>>()?,
            Some(one @ Value::Object(_)) => vec![statement(one)?],
            _ => return Err(Problem::Syntax),
        };
        let resources = statements.iter().flat_map(|statement| &statement.resources);
        let wrong: Vec<String> = resources.filter(|one| !is_resource(one)).cloned().collect();
        if wrong.is_empty() { Ok(Self { statements }) } else { Err(Problem::Resources(wrong)) }
    }
}

fn known(object: &Map<String, Value>, members: &[&str]) -> Result<(), Problem> {
    let is_known = |name: &String| members.contains(&name.as_str());
    if object.keys().all(is_known) { Ok(()) } else { Err(Problem::Syntax) }
}

fn statement(value: &Value) -> Result<Statement, Problem> {
    let Value::Object(members) = value else { return Err(Problem::Syntax) };
    known(members, &STATEMENT_MEMBERS)?;
    if members.get("Sid").is_some_and(|sid| !sid.is_string()) {
        return Err(Problem::Syntax);
    }
    let effect = match members.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(Problem::Syntax),
    };
    let actions = strings(members.get("Action"))?;
    if !actions.iter().all(|action| is_action(action)) {
        return Err(Problem::Syntax);
    }
    let resources = strings(members.get("Resource"))?;
    let conditions = members.get("Condition").map_or(Ok(Vec::new()), conditions)?;
    Ok(Statement { effect, actions, resources, conditions })
}

/// One string or several, but not none.
fn strings(value: Option<&Value>) -> Result<Vec<String>, Problem> {
    let all = match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => {
            let text = |one: &Value| one.as_str().map(str::to_owned).ok_or(Problem::Syntax);
            all.iter().map(text).collect::<Result<_, _>>()?
        }
        _ => return Err(Problem::Syntax),
    };
    if all.is_empty() { Err(Problem::Syntax) } else { Ok(all) }
}

/// `*`, or a service and what of it.
fn is_action(action: &str) -> bool {
    let is_word = |text: &str| {
        let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || "-_*?".contains(letter);
        !text.is_empty() && text.chars().all(is_of_word)
    };
    action == "*"
        || action.split_once(':').is_some_and(|(service, name)| is_word(service) && is_word(name))
}

/// `*`, or an ARN; a wildcard may stand for any number of its parts.
fn is_resource(resource: &str) -> bool {
    let has_parts = || resource.splitn(6, ':').count() == 6 || resource.contains('*');
    resource == "*" || (resource.starts_with("arn:") && has_parts())
}

/// `{operator: {key: value or values}}`.
fn conditions(value: &Value) -> Result<Vec<Condition>, Problem> {
    let mut all = Vec::new();
    let Value::Object(operators) = value else { return Err(Problem::Syntax) };
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Err(Problem::Syntax) };
        for (key, values) in keys {
            let values = match values {
                Value::Array(values) => values.iter().map(scalar).collect::<Result<_, _>>()?,
                one => vec![scalar(one)?],
            };
            all.push(Condition { operator: operator.clone(), key: key.clone(), values });
        }
    }
    Ok(all)
}

/// IAM's grammar takes booleans and numbers with quotes or without.
fn scalar(value: &Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(is) => Ok(is.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Problem::Syntax),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use serde_json::json;

    use super::*;

    fn of(statement: &Value) -> Result<Document, Problem> {
        Document::parse(&json!({ "Version": "2012-10-17", "Statement": statement }).to_string())
    }

    #[test]
    fn a_document_is_read_with_its_actions_resources_and_conditions() {
        let document = of(&json!([
            { "Sid": "one", "Effect": "Allow", "Action": "iot:*", "Resource": "*" },
            {
                "Effect": "Deny", "Action": ["iot:Publish", "iot:Receive"],
                "Resource": ["arn:aws:iot:eu-west-1:123456789012:topic/${iot:ClientId}", "arn:aws:iot:*"],
                "Condition": { "Bool": { "iot:Connection.Thing.IsAttached": [true, "false"] } },
            },
        ]))
        .unwrap();
        let [one, other] = &document.statements[..] else { panic!("{document:?}") };
        assert_eq!((one.effect, &one.actions[..]), (Effect::Allow, &["iot:*".to_owned()][..]));
        assert_eq!((one.resources.len(), one.conditions.len()), (1, 0));
        assert_eq!(
            (other.effect, other.actions.len(), other.resources.len()),
            (Effect::Deny, 2, 2)
        );
        let condition = Condition {
            operator: "Bool".to_owned(),
            key: "iot:Connection.Thing.IsAttached".to_owned(),
            values: vec!["true".to_owned(), "false".to_owned()],
        };
        assert_eq!(other.conditions, [condition]);
    }

    #[test]
    fn one_statement_needs_no_list_and_a_blank_policy_no_statement() {
        let one = of(&json!({ "Effect": "Deny", "Action": "*", "Resource": "*" })).unwrap();
        assert_eq!(one.statements.len(), 1);
        assert_eq!(of(&json!([])), Ok(Document { statements: Vec::new() }));
    }

    #[test]
    fn what_is_no_json_object_is_malformed() {
        for text in ["", "policy.json", "[]", "null", "{", "{} {}", &"[".repeat(500)] {
            assert_eq!(Document::parse(text), Err(Problem::Json), "{text}");
        }
        assert_eq!(Problem::Json.to_string(), "Policy document is Malformed");
    }

    #[test]
    fn what_breaks_the_grammar_has_an_invalid_syntax() {
        let version = ["{}", r#"{"Statement":[]}"#, r#"{"Version":"2012","Statement":[]}"#];
        let statement = [
            json!("Allow"),
            json!(null),
            json!([1]),
            json!({}),
            json!({ "Effect": "allow", "Action": "*", "Resource": "*" }),
            json!({ "Action": "*", "Resource": "*" }),
            json!({ "Effect": "Allow", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "*" }),
            json!({ "Effect": "Allow", "Action": [], "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": [] }),
            json!({ "Effect": "Allow", "Action": "Publish", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "iot:", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": 1, "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": ["*", 1] }),
            json!({ "Effect": "Allow", "NotAction": "*", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": "x" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": { "Bool": 1 } }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Sid": 1 }),
        ];
        for text in version {
            assert_eq!(Document::parse(text), Err(Problem::Syntax), "{text}");
        }
        for statement in statement {
            assert_eq!(of(&statement), Err(Problem::Syntax), "{statement}");
        }
        let message = "Policy document is Malformed: Invalid policy syntax.";
        assert_eq!(Problem::Syntax.to_string(), message);
    }

    #[test]
    fn resources_that_are_no_arns_are_named() {
        let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": ["topic/a", "*", "arn:aws:iot"] });
        assert_eq!(
            of(&statement).unwrap_err().to_string(),
            "Policy document is Malformed: The following resources are invalid : topic/a, arn:aws:iot"
        );
    }
}
