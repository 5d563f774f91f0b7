//! aws:invokeLambdaFunction.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::api::declared;
use super::work::{Answer, Decided, Then, View};
use crate::automation::failure::Failure;
use crate::automation::limits::LAMBDA_PAYLOAD_BYTES_MAX;
use crate::document::reference::as_text;

/// Inputs that Invoke takes as they are.
const INVOKE: &[(&str, &str)] = &[
    ("FunctionName", "FunctionName"),
    ("Qualifier", "Qualifier"),
    ("InvocationType", "InvocationType"),
    ("LogType", "LogType"),
    ("ClientContext", "ClientContext"),
];

pub(super) fn invoke(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => {
            view.need_text("FunctionName")?;
            let mut input = view.pick(INVOKE);
            let given = view.input("InputPayload").or(view.input("Payload"));
            if let Some(given) = given {
                // A blob, which is told as a text and answered as base64.
                input.insert("Payload".to_owned(), Value::String(as_text(given)));
            }
            Ok(view.call(("lambda", "Invoke"), 1, input, None))
        }
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(response) => answered(view, &response),
    }
}

fn answered(view: &View<'_>, response: &Value) -> Decided {
    let text = response.get("Payload").and_then(Value::as_str).map(decode).unwrap_or_default();
    if text.len() > LAMBDA_PAYLOAD_BYTES_MAX {
        return Ok(Then::Fail(Failure::polled("The function's output exceeds 200 KB")));
    }
    let parsed = serde_json::from_str::<Value>(&text).unwrap_or_else(|_| json!(text));
    // Selectors begin at the response, or, as runbooks in use have it, at what the function returned.
    let returned = declared(view, &parsed).unwrap_or_default();
    let mut whole = response.as_object().cloned().unwrap_or_default();
    whole.insert("Payload".to_owned(), parsed);
    let whole = Value::Object(whole);
    let mut outputs = returned;
    outputs.extend(declared(view, &whole)?);
    for name in ["StatusCode", "FunctionError", "LogResult"] {
        if let Some(value) = response.get(name).filter(|value| !value.is_null()) {
            outputs.insert(name.to_owned(), value.clone());
        }
    }
    outputs.insert("Payload".to_owned(), json!(text));
    outputs.insert("OutputPayload".to_owned(), whole);
    Ok(ended(outputs, response, &text))
}

fn ended(outputs: Map<String, Value>, response: &Value, text: &str) -> Then {
    match response.get("FunctionError").and_then(Value::as_str) {
        Some(error) => {
            let why = format!("The function returned an error ({error}): {text}");
            Then::FailWith(Failure::polled(&why), outputs, None)
        }
        None => Then::Done(outputs),
    }
}

/// A blob of a response is base64.
fn decode(blob: &str) -> String {
    match STANDARD.decode(blob) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => blob.to_owned(),
    }
}
