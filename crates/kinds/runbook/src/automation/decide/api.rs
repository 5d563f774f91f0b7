//! aws:executeAwsApi, aws:assertAwsResourceProperty and aws:waitForAwsResourceProperty.

use serde_json::{Map, Value};

use super::work::{Answer, Decided, Then, View, object};
use crate::automation::failure::Failure;
use crate::automation::selector::{Found, select};
use crate::automation::value::{as_list, as_python, convert};
use crate::document::reference::as_text;

/// The call that the inputs describe: all but the action's own are the operation's.
fn call(view: &View<'_>, own: &[&str]) -> Decided {
    let (service, operation) = (view.need_text("Service")?, view.need_text("Api")?);
    let is_own = |name: &str| matches!(name, "Service" | "Api") || own.contains(&name);
    let input = view.inputs.iter().filter(|(name, _)| !is_own(name));
    let input = input.map(|(name, value)| (name.clone(), value.clone())).collect();
    Ok(view.call((&service.to_ascii_lowercase(), operation), 1, input, None))
}

pub(super) fn execute(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => call(view, &[]),
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(response) => {
            let mut outputs = declared(view, &response)?;
            outputs.insert("OutputPayload".to_owned(), response);
            Ok(Then::Done(outputs))
        }
    }
}

/// The outputs that the step declares, out of the response. One that is not there is left out, which
/// is no failure: runbooks in use ask for what an answer does not have.
pub(super) fn declared(view: &View<'_>, response: &Value) -> Result<Map<String, Value>, Failure> {
    let mut outputs = Map::new();
    for output in &view.ready.step.outputs {
        let found = select(&output.selector, response).ok_or_else(|| {
            let why =
                format!("Output {}: the selector {} can't be read", output.name, output.selector);
            Failure::input(&why)
        })?;
        let Some(found) = found.value() else { continue };
        let value = convert(found, &output.kind).map_err(|why| {
            Failure::verification(&format!(
                "Output {} is declared as {}: {why}",
                output.name,
                output.kind.name()
            ))
        })?;
        outputs.insert(output.name.clone(), value);
    }
    Ok(outputs)
}

const PROPERTY: &[&str] = &["PropertySelector", "DesiredValues"];

/// Whether the property has one of the desired values; of many, all must.
fn compare(view: &View<'_>, response: &Value) -> Result<(bool, Option<Value>), Failure> {
    let selector = view.need_text("PropertySelector")?;
    let found = select(selector, response)
        .ok_or_else(|| Failure::input(&format!("PropertySelector {selector} can't be read")))?;
    let desired = as_list_of_python(view.need("DesiredValues")?);
    let is_desired = |value: &Value| {
        desired.iter().any(|text| *text == as_python(value) || *text == as_text(value))
    };
    let holds = match &found {
        Found::Nothing => false,
        Found::One(Value::Array(items)) | Found::Many(items) => {
            !items.is_empty() && items.iter().all(is_desired)
        }
        Found::One(value) => is_desired(value),
    };
    Ok((holds, found.value()))
}

fn as_list_of_python(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(as_python).collect(),
        other => vec![as_python(other)],
    }
}

pub(super) fn assert(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => call(view, PROPERTY),
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(response) => {
            let (holds, found) = compare(view, &response)?;
            if holds {
                return Ok(Then::Done(object([("OutputPayload", response)])));
            }
            let shown = found.map_or_else(|| "nothing".to_owned(), |value| as_python(&value));
            let desired = view.input("DesiredValues").map(as_list).unwrap_or_default();
            Ok(Then::Fail(Failure::verification(&format!(
                "Property value from the API output is not in the desired values. Desired: \
                 [{}]; found: {shown}",
                desired.join(", ")
            ))))
        }
    }
}

pub(super) fn wait_for(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => call(view, PROPERTY),
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(response) => match compare(view, &response)? {
            (true, _) => Ok(Then::Done(object([("OutputPayload", response)]))),
            (false, _) => Ok(view.poll(1)),
        },
    }
}
