//! States: what they have in common, and those that do no work.

use std::sync::Arc;

use serde_json::Value;

use super::fields::{self, Type};
use super::graph::{Edge, Slot};
use super::parse::{Building, read_language, read_target};
use super::reader::{Object, Reader, Shape};
use super::{
    Filter, Next, ResultPath, State, StateId, StateKind, Text, Wait, choice, map, parallel, retry,
    task,
};
use crate::intrinsic::Call;
use crate::timestamp;

/// AWS's limit of waits and timeouts, in seconds.
pub(super) const SECONDS_MAX: i64 = 99_999_999;

/// The state being read.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) id: StateId,
    pub(super) name: &'a str,
    /// The states that it can lead to.
    pub(super) level: &'a Object,
}

/// Reads a state. `None` has been refused.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    place: Place<'a>,
    value: &'a Value,
) -> Option<State> {
    let object = reader.object(value)?;
    let outer = reader.jsonata;
    reader.jsonata = state_language(reader, object);
    let state = read_object(reader, building, place, object);
    reader.jsonata = outer;
    state
}

/// Whether the state's own language is JSONata. States do not inherit it from the state around
/// them, only from the machine.
fn state_language<'a>(reader: &mut Reader<'a>, object: &'a Object) -> bool {
    if !object.contains_key("QueryLanguage") {
        return reader.jsonata_machine;
    }
    let is_path = object.get("QueryLanguage").and_then(Value::as_str) == Some("JSONPath");
    if reader.jsonata_machine && is_path {
        reader.schema(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        );
    }
    read_language(reader, object)
}

fn read_object<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    place: Place<'a>,
    object: &'a Object,
) -> Option<State> {
    reader.require(object, &["Type"]);
    let kind = reader.choice(
        object,
        "Type",
        &["Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"],
    )?;
    let kind = Type::parse(kind)?;
    reader.check_fields(object, |name| fields::of_state(kind, name));
    if kind.goes_on() {
        read_next(reader, building, place, object);
    }
    let parameters = match kind {
        Type::Map => reader.at_most_one(object, &["ItemSelector", "Parameters"]),
        _ => Some("Parameters"),
    };
    Some(State {
        name: Arc::from(place.name),
        // Filled in with the transitions.
        next: Next::End,
        input_path: read_filter(reader, object, "InputPath", Shape::Any),
        parameters: parameters.and_then(|field| reader.template(object, field)),
        result_selector: reader.template(object, "ResultSelector"),
        result_path: read_result_path(reader, object),
        output_path: read_filter(reader, object, "OutputPath", Shape::Any),
        retry: retry::read_retry(reader, object),
        catch: retry::read_catch(reader, building, place, object),
        kind: read_kind(reader, building, place, kind, object)?,
    })
}

fn read_next<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    place: Place<'a>,
    object: &'a Object,
) {
    let end = reader.flag(object, "End");
    let has_next = object.contains_key("Next");
    // `End: false` is as good as none.
    if has_next && end == Some(true) {
        reader.schema("There should only be one of the following fields: [Next, End]");
    }
    if !has_next && (end == Some(false) || !object.contains_key("End")) {
        reader.schema("This object should have only one of the following fields: [Next, End]");
    }
    let edge = |to| Edge { from: place.id, slot: Slot::Next, to };
    read_target(reader, building, object, "Next", edge, place.level);
}

/// `InputPath`, `OutputPath`, `ItemsPath`.
pub(super) fn read_filter<'a>(
    reader: &mut Reader<'a>,
    object: &'a Object,
    name: &'a str,
    shape: Shape,
) -> Filter {
    match object.get(name) {
        Some(Value::Null) if shape == Shape::Any => Filter::Discard,
        _ if reader.jsonata => Filter::Whole,
        _ => match reader.path(object, name, shape) {
            Some(path) if path.source() != "$" => Filter::Path(path),
            _ => Filter::Whole,
        },
    }
}

/// `ResultPath` of a state or a catcher.
pub(super) fn read_result_path<'a>(reader: &mut Reader<'a>, object: &'a Object) -> ResultPath {
    if reader.jsonata {
        return ResultPath::Replace;
    }
    if object.get("ResultPath") == Some(&Value::Null) {
        return ResultPath::Discard;
    }
    let Some(text) = reader.text(object, "ResultPath") else { return ResultPath::Replace };
    match reader.field("ResultPath", |reader| reader.reference(text)) {
        Some(path) if !path.is_root() => ResultPath::Insert(path),
        _ => ResultPath::Replace,
    }
}

fn read_kind<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    place: Place<'a>,
    kind: Type,
    object: &'a Object,
) -> Option<StateKind> {
    Some(match kind {
        Type::Pass => StateKind::Pass { result: object.get("Result").cloned() },
        Type::Task => StateKind::Task(Box::new(task::read(reader, object)?)),
        Type::Choice => choice::read(reader, building, place, object)?,
        Type::Wait => StateKind::Wait(read_wait(reader, object)?),
        Type::Succeed => StateKind::Succeed,
        Type::Fail => StateKind::Fail {
            error: read_text(reader, object, "Error", "ErrorPath"),
            cause: read_text(reader, object, "Cause", "CausePath"),
        },
        Type::Parallel => parallel::read(reader, building, object)?,
        Type::Map => StateKind::Map(Box::new(map::read(reader, building, object)?)),
    })
}

fn read_wait<'a>(reader: &mut Reader<'a>, object: &'a Object) -> Option<Wait> {
    let fields = ["SecondsPath", "Seconds", "TimestampPath", "Timestamp"];
    match reader.exactly_one(object, &fields)? {
        "Seconds" => {
            let seconds = reader.integer(object, "Seconds", 0, SECONDS_MAX)?;
            Some(Wait::Seconds(u64::try_from(seconds).ok()?))
        }
        "Timestamp" => {
            let text = reader.text(object, "Timestamp")?;
            if !reader.jsonata && timestamp::parse(text).is_none() {
                reader.field("Timestamp", |reader| {
                    reader.schema("String does not match RFC3339 timestamp");
                });
                return None;
            }
            Some(Wait::Timestamp(text.to_owned()))
        }
        "SecondsPath" => {
            reader.path(object, "SecondsPath", Shape::Reference).map(Wait::SecondsPath)
        }
        _ => reader.path(object, "TimestampPath", Shape::Reference).map(Wait::TimestampPath),
    }
}

/// A text field with its `Path` variant, which also takes an intrinsic function.
fn read_text<'a>(
    reader: &mut Reader<'a>,
    object: &'a Object,
    fixed: &'static str,
    path: &'static str,
) -> Option<Text> {
    let found = reader.at_most_one(object, &[fixed, path])?;
    let text = reader.text(object, found)?;
    if found == fixed {
        return Some(Text::Fixed(text.to_owned()));
    }
    reader.field(path, |reader| {
        if !text.starts_with("States.") {
            return reader.parse_path(text, Shape::Reference).map(Text::Path);
        }
        match Call::parse(text) {
            Ok(call) => {
                reader.check_call(&call);
                Some(Text::Call(call))
            }
            Err(_) => {
                reader.schema("Value must be a valid JSONPath or a valid intrinsic function call");
                None
            }
        }
    })
}
