//! Fields that hold a path: `InputPath`, `OutputPath`, `ResultPath`, `ItemsPath` and the `…Path`
//! variants of numbers, texts and times.
//!
//! Source of the causes: recorded failures. [`crate::template`] has those of templates.

use std::borrow::Cow;

use serde_json::{Map as Object, Value};
use trackway_core::Timestamp;

use crate::definition::{Filter, Map, Number, ResultPath, Text, Wait};
use crate::jsonpath::{Path, ReferencePath, StepError};
use crate::runtime::{Documents, RuntimeError, Scope};
use crate::{template, timestamp};

/// The longest that AWS waits for a moment, in seconds: a 32-bit number.
const WAIT_SECONDS_MAX: i64 = i32::MAX as i64;

impl Filter {
    /// The part of the documents that goes on.
    ///
    /// # Errors
    /// The path leads nowhere: `States.Runtime`.
    pub fn apply<'v>(&self, documents: Documents<'v>) -> Result<Cow<'v, Value>, RuntimeError> {
        match self {
            Filter::Whole => Ok(Cow::Borrowed(documents.input)),
            Filter::Discard => Ok(Cow::Owned(Value::Object(Object::new()))),
            Filter::Path(path) => {
                documents.read(path).map_err(|error| RuntimeError::path(path, &error))
            }
        }
    }
}

impl ResultPath {
    /// What goes on to `OutputPath`: the result put into the raw input.
    ///
    /// # Errors
    /// The path can't be written in this input: `States.ResultPathMatchFailure`.
    pub fn apply(&self, input: Value, result: Value) -> Result<Value, RuntimeError> {
        let path = match self {
            ResultPath::Replace => return Ok(result),
            ResultPath::Discard => return Ok(input),
            ResultPath::Insert(path) => path,
        };
        path.insert(input, result)
            .map_err(|error| conflict("States.ResultPathMatchFailure", &error))
    }
}

/// A reference path that doesn't fit its document. Published failures show no sentence in front.
fn conflict(error: &str, cause: &StepError) -> RuntimeError {
    RuntimeError { error: error.to_owned(), cause: cause.to_string(), prefixed: false }
}

impl Map {
    /// The items to work on.
    ///
    /// # Errors
    /// `ItemsPath` leads nowhere (`States.ReferencePathConflict`) or not to a list
    /// (`States.Runtime`).
    pub fn items<'v>(&self, documents: Documents<'v>) -> Result<Cow<'v, Value>, RuntimeError> {
        let (shown, items) = match &self.items_path {
            Filter::Path(path) => (path.rewritten(), read_reference(path, documents)?),
            Filter::Whole | Filter::Discard => {
                (Cow::Borrowed("$"), self.items_path.apply(documents)?)
            }
        };
        if items.is_array() {
            return Ok(items);
        }
        let cause = format!("Reference path \"{shown}\" must point to array.");
        Err(RuntimeError { prefixed: false, ..RuntimeError::runtime(cause) })
    }
}

fn read_reference<'v>(
    path: &Path,
    documents: Documents<'v>,
) -> Result<Cow<'v, Value>, RuntimeError> {
    match ReferencePath::of(path) {
        Some(reference) => reference
            .read(documents.of(path))
            .map(Cow::Borrowed)
            .map_err(|error| conflict("States.ReferencePathConflict", &error)),
        None => documents.read(path).map_err(|error| RuntimeError::path(path, &error)),
    }
}

impl Number {
    /// The number. `field` is the name of the field that holds the path, such as
    /// `TimeoutSecondsPath`.
    ///
    /// # Errors
    /// The path leads nowhere, or to no whole number, or to a negative one: `States.Runtime`.
    pub fn resolve(&self, field: &str, documents: Documents<'_>) -> Result<i64, RuntimeError> {
        let path = match self {
            Number::Fixed(number) => return Ok(*number),
            Number::Path(path) => path,
        };
        let value = documents.read(path).map_err(|error| RuntimeError::path(path, &error))?;
        match value.as_i64() {
            Some(number) if number < 0 => {
                let name = field.strip_suffix("Path").unwrap_or(field);
                Err(RuntimeError::runtime(format!("{name} cannot be negative.")))
            }
            Some(number) => Ok(number),
            None => Err(RuntimeError::runtime(format!(
                "The {field} field refers to value \"{}\" which is not a valid integer: {}",
                plain(&value),
                path.source()
            ))),
        }
    }
}

impl Text {
    /// The text. `field` is the name of the field that holds the path: `ErrorPath`, `CausePath`.
    ///
    /// # Errors
    /// The path leads nowhere or to no text, or the call fails: `States.Runtime`.
    pub fn resolve(&self, field: &str, scope: &mut Scope<'_, '_>) -> Result<String, RuntimeError> {
        let value = match self {
            Text::Fixed(text) => return Ok(text.clone()),
            Text::Call(call) => template::call_in(call, scope)?,
            Text::Path(path) => {
                let documents = scope.documents;
                documents
                    .read(path)
                    .map_err(|_| template::not_found(path, field, documents.of(path)))?
                    .into_owned()
            }
        };
        match value {
            Value::String(text) => Ok(text),
            other => Err(RuntimeError::runtime(format!(
                "The {field} field must resolve to a string but was: {other}"
            ))),
        }
    }
}

impl Wait {
    /// The moment at which the state goes on: `now` when it lies in the past.
    ///
    /// # Errors
    /// A path leads nowhere or to something else, or the moment is too far away:
    /// `States.Runtime`.
    pub fn until(
        &self,
        documents: Documents<'_>,
        now: Timestamp,
    ) -> Result<Timestamp, RuntimeError> {
        match self {
            Wait::Seconds(seconds) => Ok(now.plus_seconds(*seconds)),
            Wait::SecondsPath(path) => after(seconds_at(path, documents)?, now),
            Wait::Timestamp(text) => match timestamp::parse(text) {
                Some(moment) => at(moment, now),
                None => Err(RuntimeError::runtime(format!(
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time \
                     format string: {text}"
                ))),
            },
            Wait::TimestampPath(path) => at(moment_at(path, documents)?, now),
        }
    }
}

fn after(seconds: i64, now: Timestamp) -> Result<Timestamp, RuntimeError> {
    match u64::try_from(seconds) {
        Ok(count) if seconds <= WAIT_SECONDS_MAX => Ok(now.plus_seconds(count)),
        _ => Err(RuntimeError::runtime("Wait state delay is too long.")),
    }
}

fn at(moment: jiff::Timestamp, now: Timestamp) -> Result<Timestamp, RuntimeError> {
    let moment = timestamp::to_millis(moment);
    if (moment - now) / 1000 > WAIT_SECONDS_MAX {
        return Err(RuntimeError::runtime("Wait state delay is too long."));
    }
    Ok(moment.max(now))
}

fn seconds_at(path: &Path, documents: Documents<'_>) -> Result<i64, RuntimeError> {
    let value = documents.read(path).map_err(|_| {
        RuntimeError::runtime(format!(
            "The SecondsPath parameter does not reference an input value: {}",
            path.source()
        ))
    })?;
    let seconds = match &*value {
        Value::Number(number) => number.as_i64(),
        _ => None,
    };
    let fault = match seconds {
        Some(seconds) if seconds >= 0 => return Ok(seconds),
        Some(_) => "references a negative value",
        None => "cannot be parsed as a long value",
    };
    Err(RuntimeError::runtime(format!(
        "The SecondsPath parameter {fault}: {} == {}",
        path.source(),
        plain(&value)
    )))
}

fn moment_at(path: &Path, documents: Documents<'_>) -> Result<jiff::Timestamp, RuntimeError> {
    let value = documents.read(path).map_err(|_| {
        RuntimeError::runtime(format!(
            "The TimestampPath parameter does not reference an input value: {}",
            path.source()
        ))
    })?;
    value.as_str().and_then(timestamp::parse).ok_or_else(|| {
        RuntimeError::runtime(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
             date-time format string: {} == {}",
            path.source(),
            plain(&value)
        ))
    })
}

/// A value in a cause: a text without its quotes, anything else as JSON.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
