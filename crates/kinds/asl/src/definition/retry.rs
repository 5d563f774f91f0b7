//! `Retry` and `Catch`.

use serde_json::Value;

use super::diagnostics::Step;
use super::fields::{self, Verdict};
use super::graph::{Edge, PENDING, Slot};
use super::parse::{Building, read_target};
use super::reader::{Object, Reader};
use super::state::{Place, SECONDS_MAX, read_result_path};
use super::{Catcher, Retrier};

/// AWS's limit of `MaxDelaySeconds`.
const DELAY_SECONDS_MAX: i64 = 31_622_400;

/// Reads `Retry`.
pub(super) fn read_retry<'a>(reader: &mut Reader<'a>, object: &'a Object) -> Vec<Retrier> {
    each(reader, object, "Retry", |reader, _, retrier, last| {
        reader.check_fields(retrier, |name| fields::of_list(fields::RETRIER, name));
        Some(Retrier {
            errors: read_errors(reader, retrier, last)?,
            interval_seconds: seconds(reader, retrier, "IntervalSeconds", 0, SECONDS_MAX)
                .unwrap_or(1),
            max_attempts: seconds(reader, retrier, "MaxAttempts", 0, SECONDS_MAX).unwrap_or(3),
            backoff_rate: reader.float(retrier, "BackoffRate", 1.0).unwrap_or(2.0),
            max_delay_seconds: seconds(reader, retrier, "MaxDelaySeconds", 1, DELAY_SECONDS_MAX),
            full_jitter: reader.choice(retrier, "JitterStrategy", &["NONE", "FULL"])
                == Some("FULL"),
        })
    })
}

/// Reads `Catch`.
pub(super) fn read_catch<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    place: Place<'a>,
    object: &'a Object,
) -> Vec<Catcher> {
    each(reader, object, "Catch", |reader, index, catcher, last| {
        reader.check_fields(catcher, catcher_field);
        reader.require(catcher, &["Next"]);
        let edge = |to| Edge { from: place.id, slot: Slot::Catch(index), to };
        read_target(reader, building, catcher, "Next", edge, place.level);
        let result_path = read_result_path(reader, catcher);
        Some(Catcher { errors: read_errors(reader, catcher, last)?, next: PENDING, result_path })
    })
}

fn catcher_field(name: &str) -> Verdict {
    fields::of_list(fields::CATCHER, name)
}

/// Reads the objects of a list, telling each its index and whether it is the last.
fn each<'a, T>(
    reader: &mut Reader<'a>,
    object: &'a Object,
    field: &'static str,
    mut read: impl FnMut(&mut Reader<'a>, usize, &'a Object, bool) -> Option<T>,
) -> Vec<T> {
    let Some(list) = reader.list(object, field) else { return Vec::new() };
    let mut found = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let item = reader.field(field, |reader| {
            reader.within(Step::Index(index), |reader| {
                let item = reader.object(value)?;
                read(reader, index, item, index + 1 == list.len())
            })
        });
        found.extend(item);
    }
    found
}

fn seconds<'a>(
    reader: &mut Reader<'a>,
    object: &'a Object,
    name: &'static str,
    min: i64,
    max: i64,
) -> Option<u64> {
    reader.integer(object, name, min, max).and_then(|number| u64::try_from(number).ok())
}

/// Reads `ErrorEquals`; `States.ALL` stands alone in the last of the list.
fn read_errors<'a>(reader: &mut Reader<'a>, object: &'a Object, last: bool) -> Option<Vec<String>> {
    reader.require(object, &["ErrorEquals"]);
    let list = reader.list(object, "ErrorEquals")?;
    reader.field("ErrorEquals", |reader| {
        if list.is_empty() {
            reader.schema("Value cannot be empty");
        }
        let mut errors = Vec::new();
        for (index, value) in list.iter().enumerate() {
            reader.within(Step::Index(index), |reader| match value {
                Value::String(error) => {
                    if error == "States.ALL" && !(last && list.len() == 1) {
                        reader.schema("States.ALL must appear alone and at end of list");
                    }
                    errors.push(error.clone());
                }
                _ => reader.schema("Expected value of type String"),
            });
        }
        (errors.len() == list.len()).then_some(errors)
    })
}
