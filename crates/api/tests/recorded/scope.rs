//! Which cases are about something that is not built.

use serde_json::Value;

use crate::case::Case;

/// Why a case is left out, if it is.
pub(crate) fn left_out(case: &Case) -> Option<&'static str> {
    case.requests.iter().find_map(of_request).or_else(|| of_the_whole(case))
}

/// Operations, by a part of their names.
const OPERATIONS: &[(&str, &str)] = &[
    ("TestState", "TestState"),
    ("Alias", "aliases of state machines"),
    ("Version", "versions of state machines"),
    ("MapRun", "Map Runs of distributed Maps"),
];

/// Members of CreateStateMachine and UpdateStateMachine.
const MEMBERS: &[(&str, &str)] = &[
    ("publish", "versions of state machines"),
    ("versionDescription", "versions of state machines"),
];

/// Fields of definitions, with a value if only that one is not built.
const FIELDS: &[(&str, Option<&str>, &str)] = &[
    ("QueryLanguage", Some("JSONata"), "JSONata"),
    ("Assign", None, "variables"),
    ("Mode", Some("DISTRIBUTED"), "distributed Map"),
    ("ItemReader", None, "distributed Map"),
    ("ResultWriter", None, "distributed Map"),
    ("ItemBatcher", None, "distributed Map"),
    ("Credentials", None, "calls into another account"),
];

fn of_request(request: &Value) -> Option<&'static str> {
    let action = request["action"].as_str().unwrap_or_default();
    let found = OPERATIONS.iter().find(|(part, _)| action.contains(part));
    if let Some((_, reason)) = found {
        return Some(reason);
    }
    let members = &request["request"];
    let logging = &members["loggingConfiguration"];
    if logging.as_object().is_some_and(|logging| !logging.is_empty()) {
        return Some("logging to CloudWatch Logs");
    }
    let set = |name: &str| !matches!(members[name], Value::Null | Value::Bool(false));
    let member = MEMBERS.iter().find(|(name, _)| set(name));
    member.map(|(_, reason)| *reason).or_else(|| of_definition(&members["definition"]))
}

fn of_definition(definition: &Value) -> Option<&'static str> {
    match definition {
        // A definition that is not shown as JSON may be JSON all the same.
        Value::String(text) => serde_json::from_str(text)
            .ok()
            .and_then(|v: Value| if v.is_string() { None } else { of_definition(&v) }),
        Value::Array(elements) => elements.iter().find_map(of_definition),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let field = FIELDS
                .iter()
                .find(|(field, only, _)| field == name && only.is_none_or(|only| value == only));
            field.map(|(_, _, reason)| *reason).or_else(|| of_definition(value))
        }),
        _ => None,
    }
}

fn of_the_whole(case: &Case) -> Option<&'static str> {
    if case.name.contains("cloudformation") {
        return Some("state machines that CloudFormation creates");
    }
    if case.name.contains("test_sfn_start_execution_sync_SFN_SYNC") {
        return Some("a child that exists only as a mocked answer");
    }
    None
}
