//! What the journals of Step Functions are compared by.
//!
//! Branches and iterations go on side by side: events are put in the order of their places, and in
//! each place they stay as they came. What differs from run to run (tokens, times, event ids within
//! texts) is masked.

use std::collections::BTreeMap;

use trackway_asl::{Event, EventKind, Execution};
use trackway_core::{EffectId, ExecutionId};
use trackway_engine::{Fault, Reader};

use crate::calls::{Place, Places};
use crate::{Told, journal};

/// What stands in the place of something masked.
const MASK: &str = "#";
/// What event ids follow within texts.
const EVENT_ID: &str = "event id #";

/// The visible events of an execution.
///
/// # Errors
/// The journal can't be read.
pub fn tell(reader: &Reader, id: ExecutionId) -> Result<Vec<Told>, Fault> {
    let entries = journal::<Execution>(reader, id)?;
    let mut places = Places::default();
    let mut scheduled = BTreeMap::new();
    let mut told = Vec::new();
    for entry in &entries {
        let place = places.note(&entry.event);
        if entry.event.is_visible() {
            told.push((place.clone(), tell_event(&entry.event, place, &mut scheduled)));
        }
    }
    // The last one stays the last: it has to be the end.
    let last = told.len().saturating_sub(1);
    told[..last].sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(told.into_iter().map(|(_, told)| told).collect())
}

fn tell_event(event: &Event, place: Place, scheduled: &mut BTreeMap<Place, EffectId>) -> Told {
    let kind = match &event.kind {
        EventKind::Scheduled { state, .. } => format!("Scheduled {state:?}"),
        EventKind::ParallelStarted { state, branches } => format!("Parallel {state:?} {branches}"),
        EventKind::IterationStarted { state, index, .. } => format!("Iteration {state:?} {index}"),
        other => format!("{other:?}"),
    };
    let payload = event.payload.as_ref().map_or("", |payload| payload.as_str());
    let at = if place.is_empty() { String::new() } else { format!("{place:?} ") };
    let mut told = Told::plain(masked(&format!("{at}{kind} {payload}")));
    match &event.kind {
        EventKind::Scheduled { effect, .. } => {
            scheduled.insert(place, *effect);
            told.asks = Some(*effect);
        }
        EventKind::Succeeded(_) | EventKind::Failed(..) | EventKind::TimedOut(..) => {
            told.answers = scheduled.get(&place).copied();
        }
        kind => told.ends = kind.is_end(),
    }
    told
}

/// A text without what differs from run to run.
pub(crate) fn masked(text: &str) -> String {
    let text = without_moments(text);
    let words = text.split(|sign: char| !sign.is_alphanumeric() && sign != '-' && sign != '_');
    let fleeting: Vec<&str> = words.filter(|word| is_fleeting(word)).collect();
    let text = fleeting.iter().fold(text.clone(), |text, word| text.replace(word, MASK));
    without_event_ids(&text)
}

/// Whether a word differs from run to run: a task token, a UUID, a time in milliseconds.
fn is_fleeting(word: &str) -> bool {
    let is_number = word.len() > 9 && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_uuid = word.len() == 36
        && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && word.matches('-').count() == 4;
    word.len() > 60 || is_number || is_uuid
}

fn without_event_ids(text: &str) -> String {
    let mut parts = text.split(EVENT_ID);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(EVENT_ID);
        shown.push_str(part.trim_start_matches(|sign: char| sign.is_ascii_digit()));
    }
    shown
}

/// A text without moments such as `2026-01-01T00:00:00.123Z`.
fn without_moments(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let length = moment_len(rest.as_bytes());
        if length > 0 {
            shown.push_str(MASK);
            rest = &rest[length..];
        } else {
            shown.push(sign);
            rest = &rest[sign.len_utf8()..];
        }
    }
    shown
}

/// How long the moment is that a text begins with; 0 if it begins with something else.
fn moment_len(text: &[u8]) -> usize {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        sign => byte == sign,
    };
    if text.len() < SHAPE.len() || !text.iter().zip(SHAPE).all(fits) {
        return 0;
    }
    let fraction = text[SHAPE.len()..].iter();
    let more = fraction.take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let length = SHAPE.len() + more;
    length + usize::from(text.get(length) == Some(&b'Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_masked() {
        let rows = [
            ("at 2026-01-01T00:00:00.123Z, é", "at #, é"),
            ("[\"2026-01-01T00:00:00\"]", "[\"#\"]"),
            ("2026-01-01", "2026-01-01"),
            ("{\"StartDate\":1767225600123}", "{\"StartDate\":#}"),
            ("id f0a1b2c3-0000-4000-8000-0123456789ab", "id #"),
            ("(entered at the event id #12).", "(entered at the event id #)."),
            ("{\"n\":123}", "{\"n\":123}"),
        ];
        for (text, expected) in rows {
            assert_eq!(masked(text), expected);
        }
    }
}
