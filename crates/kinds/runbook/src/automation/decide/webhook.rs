//! aws:invokeWebhook.

use serde_json::{Value, json};

use super::work::{Answer, Decided, Then, View, object, payload};
use crate::automation::failure::Failure;
use crate::document::reference::as_text;
use crate::request::{self, WebhookCall};

pub(super) fn invoke(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => {
            let call = WebhookCall {
                integration_name: view.need_text("IntegrationName")?.to_owned(),
                body: view.input("Body").map(as_text),
                scope: view.with.scope(),
            };
            Ok(Then::Ask { queue: request::WEBHOOK, request: payload(&call), stage: 1, memo: None })
        }
        Answer::Failed { error, cause } => {
            let what = if cause.is_empty() { error } else { cause };
            Ok(Then::Fail(Failure::action(&what)))
        }
        Answer::Response(response) => {
            let code = response.get("ResponseCode").cloned().unwrap_or_default();
            let text = response.get("Response").cloned().unwrap_or_else(|| json!(""));
            let shown = as_text(&code);
            let is_error = code.as_u64().is_some_and(|code| code >= 400);
            let what = format!("The webhook answered with code {shown}: {}", as_text(&text));
            let outputs =
                object([("Response", text), ("ResponseCode", Value::from(shown.clone()))]);
            if is_error {
                let failure = Failure::action(&what);
                return Ok(Then::FailWith(failure, outputs, Some(shown)));
            }
            Ok(Then::DoneWith(outputs, shown))
        }
    }
}
