//! aws:executeScript.

use serde_json::{Value, json};

use super::api::declared;
use super::work::{Answer, Decided, Then, View, payload};
use crate::automation::failure::Failure;
use crate::automation::limits::{SCRIPT_PAYLOAD_BYTES_MAX, SCRIPT_SECONDS};
use crate::request::{self, ScriptCall};

pub(super) fn execute(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => ask(view),
        Answer::Failed { error, cause } => {
            let what = if cause.is_empty() { error } else { cause };
            Ok(Then::Fail(Failure::polled(&what)))
        }
        Answer::Response(response) => answered(view, &response),
    }
}

fn ask(view: &View<'_>) -> Decided {
    let runtime = view.need_text("Runtime")?;
    let handler = view.text("Handler").map(str::to_owned);
    if handler.is_none() && runtime.starts_with("python") {
        return Err(Failure::input("Input Handler is required"));
    }
    if view.input("Script").is_none() && view.input("Attachment").is_some() {
        return Err(Failure::input("Attachments are not supported: give the script as Script"));
    }
    let call = ScriptCall {
        runtime: runtime.to_owned(),
        handler,
        script: view.need_text("Script")?.to_owned(),
        input_payload: view.input("InputPayload").cloned().unwrap_or_else(|| json!({})),
        timeout_seconds: view.timeout_seconds.unwrap_or(SCRIPT_SECONDS).min(SCRIPT_SECONDS),
    };
    Ok(Then::Ask { queue: request::SCRIPT, request: payload(&call), stage: 1, memo: None })
}

fn answered(view: &View<'_>, response: &Value) -> Decided {
    let found = response.get("Payload").cloned().unwrap_or_default();
    if found.to_string().len() > SCRIPT_PAYLOAD_BYTES_MAX {
        return Ok(Then::Fail(Failure::polled("The output of the script exceeds 100 KB")));
    }
    let whole = json!({ "Payload": found });
    let mut outputs = declared(view, &whole)?;
    if !found.is_null() {
        outputs.insert("Payload".to_owned(), found);
    }
    if let Some(log) =
        response.get("ExecutionLog").filter(|log| !matches!(log.as_str(), None | Some("")))
    {
        outputs.insert("ExecutionLog".to_owned(), log.clone());
    }
    outputs.insert("OutputPayload".to_owned(), whole);
    Ok(Then::Done(outputs))
}
