//! Fields that hold a path: `InputPath`, `OutputPath`, `ResultPath`, `ItemsPath` and the `…Path`
//! variants of numbers, texts and times.
//!
//! Source of the causes: recorded failures. [`crate::template`] has those of templates.

use std::borrow::Cow;

use serde_json::{Map as Object, Value};
use trackway_core::Timestamp;

use crate::definition::{Filter, Map, Number, ResultPath, Text, Wait};
use crate::jsonpath::{EvalError, Path, ReferencePath, StepError};
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
                    .map_err(|error| match error {
                        EvalError::Null => RuntimeError::path(path, &error),
                        _ => template::not_found(path, field, documents.of(path)),
                    })?
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
    let value = documents.read(path).map_err(|error| no_value("SecondsPath", path, &error))?;
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

fn no_value(field: &str, path: &Path, error: &EvalError) -> RuntimeError {
    match error {
        EvalError::Null => RuntimeError::path(path, error),
        _ => RuntimeError::runtime(format!(
            "The {field} parameter does not reference an input value: {}",
            path.source()
        )),
    }
}

fn moment_at(path: &Path, documents: Documents<'_>) -> Result<jiff::Timestamp, RuntimeError> {
    let value = documents.read(path).map_err(|error| no_value("TimestampPath", path, &error))?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("it is a path")
    }

    fn with<T>(input: &Value, run: impl FnOnce(Documents<'_>) -> T) -> T {
        run(Documents { input, context: &json!({"Execution": {"Input": 1}}) })
    }

    #[test]
    fn filters_select() {
        let input = json!({"a": {"b": 1}});
        let rows = [
            (Filter::Whole, Ok(json!({"a": {"b": 1}}))),
            (Filter::Discard, Ok(json!({}))),
            (Filter::Path(path("$.a")), Ok(json!({"b": 1}))),
            (Filter::Path(path("$$.Execution")), Ok(json!({"Input": 1}))),
            (
                Filter::Path(path("$.NoSuchInputPath")),
                Err("States.Runtime: Invalid path '$.NoSuchInputPath' : No results for path: \
                     $['NoSuchInputPath']"),
            ),
            (
                Filter::Path(path("$.no.such.result.path")),
                Err("States.Runtime: Invalid path '$.no.such.result.path' : Missing property in \
                     path $['no']"),
            ),
        ];
        for (filter, expected) in rows {
            let found = with(&input, |documents| {
                filter.apply(documents).map(Cow::into_owned).map_err(|error| error.to_string())
            });
            assert_eq!(found, expected.map_err(str::to_owned), "{filter:?}");
        }
    }

    #[test]
    fn results_are_put_in() {
        let insert = |text| ResultPath::Insert(ReferencePath::parse(text).expect("a reference"));
        let rows = [
            (ResultPath::Replace, Ok(json!(7))),
            (ResultPath::Discard, Ok(json!({"a": 1}))),
            (insert("$.r"), Ok(json!({"a": 1, "r": 7}))),
            (insert("$.a"), Ok(json!({"a": 7}))),
            (insert("$.x.y"), Ok(json!({"a": 1, "x": {"y": 7}}))),
            (
                insert("$.a.b"),
                Err("States.ResultPathMatchFailure: Unable to apply step \"b\" to input 1"),
            ),
        ];
        for (place, expected) in rows {
            let found = place.apply(json!({"a": 1}), json!(7)).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{place:?}");
        }
    }

    #[test]
    fn numbers_are_whole_and_not_negative() {
        let input = json!({"n": 3, "t": "NoNumber", "o": {}, "f": 1.5, "m": -1});
        let rows = [
            ("$.n", Ok(3)),
            (
                "$.t",
                Err("The X field refers to value \"NoNumber\" which is not a valid integer: $.t"),
            ),
            ("$.o", Err("The X field refers to value \"{}\" which is not a valid integer: $.o")),
            ("$.f", Err("The X field refers to value \"1.5\" which is not a valid integer: $.f")),
            ("$.m", Err("MaxConcurrency cannot be negative.")),
            ("$.none", Err("Invalid path '$.none' : No results for path: $['none']")),
        ];
        for (text, expected) in rows {
            let found = with(&input, |documents| {
                Number::Path(path(text)).resolve("MaxConcurrencyPath", documents)
            });
            let expected =
                expected.map_err(|cause| cause.replace("The X", "The MaxConcurrencyPath"));
            assert_eq!(found.map_err(|error| error.cause), expected, "{text}");
        }
    }

    #[test]
    fn waits_end_at_a_moment() {
        let now = Timestamp(1_000);
        let input = json!({"s": 2, "neg": -1, "f": 1.5, "t": "1970-01-01T00:00:09.5Z",
            "past": "1969-01-01T00:00:00Z", "bad": "2016-12-05 21:29:29Z",
            "edge": "2038-01-19T03:14:08.999Z", "far": "2038-01-19T03:14:09Z"});
        let rows = [
            (Wait::Seconds(2), Ok(3_000)),
            (Wait::SecondsPath(path("$.s")), Ok(3_000)),
            (Wait::TimestampPath(path("$.t")), Ok(9_500)),
            (Wait::TimestampPath(path("$.past")), Ok(1_000)),
            (Wait::Timestamp("1970-01-01T00:00:03Z".to_owned()), Ok(3_000)),
            (Wait::TimestampPath(path("$.edge")), Ok(2_147_483_648_999)),
            (Wait::TimestampPath(path("$.far")), Err("Wait state delay is too long.")),
            (
                Wait::SecondsPath(path("$.neg")),
                Err("The SecondsPath parameter references a negative value: $.neg == -1"),
            ),
            (
                Wait::SecondsPath(path("$.f")),
                Err("The SecondsPath parameter cannot be parsed as a long value: $.f == 1.5"),
            ),
            (
                Wait::SecondsPath(path("$.no")),
                Err("The SecondsPath parameter does not reference an input value: $.no"),
            ),
            (
                Wait::TimestampPath(path("$.bad")),
                Err("The TimestampPath parameter does not reference a valid ISO-8601 extended \
                     offset date-time format string: $.bad == 2016-12-05 21:29:29Z"),
            ),
        ];
        for (wait, expected) in rows {
            let found = with(&input, |documents| wait.until(documents, now));
            let found = found.map(|moment| moment.0).map_err(|error| error.cause);
            assert_eq!(found, expected.map_err(str::to_owned), "{wait:?}");
        }
    }

    #[test]
    fn items_are_a_list() {
        let map = |filter| Map {
            processor: crate::definition::Graph { start_at: crate::definition::StateId(0) },
            items_path: filter,
            max_concurrency: Number::Fixed(0),
        };
        let rows = [
            (Filter::Path(path("$.l")), Ok(json!([1]))),
            (Filter::Whole, Err("States.Runtime: Reference path \"$\" must point to array.")),
            (
                Filter::Path(path("$$.Execution.Input")),
                Err("States.Runtime: Reference path \"$.Execution.Input\" must point to array."),
            ),
            (
                Filter::Path(path("$.none")),
                Err("States.ReferencePathConflict: Unable to apply step \"none\" to input \
                     {\"l\":[1]}"),
            ),
        ];
        for (filter, expected) in rows {
            let map = map(filter);
            let found = with(&json!({"l": [1]}), |documents| {
                map.items(documents).map(Cow::into_owned).map_err(|error| error.to_string())
            });
            assert_eq!(found, expected.map_err(str::to_owned), "{:?}", map.items_path);
        }
    }
}
