//! Calls of our own services without HTTP: what a workflow asks of AWS and Trackway serves itself.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::SetOnce;
use trackway_wire::codec::json;
use trackway_wire::error::{self, Failure};
use trackway_wire::model::{self, Service, Shape, ShapeKind};
use trackway_wire::validate;

use crate::services::Services;
use crate::{Api, Caller};

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalError {
    /// AWS's error code.
    pub code: String,
    /// Its message; empty if it has none.
    pub message: String,
    /// The HTTP status that the answer would have had.
    pub status: u16,
}

/// Calls our own services. The engine needs its performers before it is opened, and the services
/// need the engine: a call waits until [`Local::serve`] brings them.
#[derive(Clone, Default)]
pub struct Local(Arc<SetOnce<Arc<Services>>>);

impl Local {
    /// From now on calls are answered by these services.
    pub fn serve(&self, api: &Api) {
        // Set once by the composition root; a second one would be a mistake of ours.
        let _was_set = self.0.set(Arc::clone(&api.services));
    }

    /// Whether Trackway serves this service, by its boto3 name.
    #[must_use]
    pub fn serves(service: &str) -> bool {
        matches!(service, "stepfunctions" | "ssm" | "codepipeline" | "iot")
    }

    /// Calls an operation (by the API's name) of a service (by boto3's) with the input that boto3
    /// would take, in an account and a region. The answer is what boto3 would give, timestamps as
    /// ISO 8601 text.
    ///
    /// # Errors
    /// The refusal that a client would have got.
    pub async fn call(
        &self,
        (service, operation): (&str, &str),
        (account, region): (&str, &str),
        input: &Value,
    ) -> Result<Value, LocalError> {
        let unknown = || Failure::bare("UnknownOperationException");
        let Some(model) = model::service(service) else { return Err(told(None, unknown())) };
        let known = model.operation(operation);
        let known = known.ok_or_else(|| told(Some(model), unknown()))?;
        let input = match known.input {
            Some(shape) => {
                let body = moments_as(Form::Epoch, model, model.shape(shape), input).to_string();
                let input = json::read_input(model, shape, body.as_bytes())
                    .and_then(|input| validate::check(model, shape, &input).map(|()| input));
                input.map_err(|failure| told(Some(model), failure))?
            }
            None => Value::Object(serde_json::Map::new()),
        };
        let services = self.0.wait().await;
        let caller = Caller::new(account, region);
        let answer = services.call((service, operation), &caller, input).await;
        let not_built = || {
            let message = format!("{} {operation} is not built yet", model.id);
            Err(Failure::new("NotImplemented", message))
        };
        let answer = answer.unwrap_or_else(not_built);
        let answer = answer.map_err(|failure| told(Some(model), failure))?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let shape = known.output.map(|shape| model.shape(shape));
        Ok(shape.map_or(answer.clone(), |shape| moments_as(Form::Text, model, shape, &answer)))
    }
}

fn told(service: Option<&Service>, failure: Failure) -> LocalError {
    let status = failure.status.unwrap_or_else(|| error::status(service, &failure.code, false));
    LocalError {
        code: failure.code.into_owned(),
        message: failure.message.unwrap_or_default(),
        status,
    }
}

/// How moments are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Seconds since 1970.
    Epoch,
    /// ISO 8601.
    Text,
}

/// The same value with every timestamp of the shape in this form. What is none is left as it is.
fn moments_as(form: Form, service: &Service, shape: &Shape, value: &Value) -> Value {
    match (&shape.kind, value) {
        (ShapeKind::Structure(structure), Value::Object(members)) => {
            let member = |(name, value): (&String, &Value)| {
                let shape = structure.member(name).map(|member| service.shape(member.shape));
                let value = shape
                    .map_or_else(|| value.clone(), |shape| moments_as(form, service, shape, value));
                (name.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            let shape = service.shape(*member);
            items.iter().map(|item| moments_as(form, service, shape, item)).collect()
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
            let shape = service.shape(*of);
            let entry = |(key, value): (&String, &Value)| {
                (key.clone(), moments_as(form, service, shape, value))
            };
            Value::Object(entries.iter().map(entry).collect())
        }
        (ShapeKind::Timestamp(_), Value::String(text)) if form == Form::Epoch => {
            epoch(text).unwrap_or_else(|| value.clone())
        }
        (ShapeKind::Timestamp(_), Value::Number(seconds)) if form == Form::Text => {
            seconds.as_f64().and_then(text).unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}

fn epoch(text: &str) -> Option<Value> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
    let seconds = moment.as_millisecond() as f64 / 1000.0;
    Some(Value::from(seconds))
}

fn text(seconds: f64) -> Option<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused by jiff")]
    let moment = jiff::Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()?;
    Some(Value::from(moment.to_string()))
}
