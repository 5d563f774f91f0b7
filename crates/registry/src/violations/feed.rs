//! What is fed, checked and kept.

use serde::Deserialize;
use serde_json::Value;
use trackway_core::Timestamp;

use super::{EventKind, Measured, Verification, Violation, event_key, get, of_behavior};
use crate::evidence::event::time_or;
use crate::record;
use crate::refusal::{Code, Failure, Refusal};
use crate::security_profiles::{self, behaviors};
use crate::txn::Txn;
use crate::{table, text, things};

/// Letters of a violation's id. Source: `ViolationId`.
const ID_CHARS_MAX: usize = 128;

/// What is fed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Event {
    #[serde(rename = "type")]
    _type: String,
    event: EventKind,
    violation_id: Option<String>,
    thing_name: Option<String>,
    security_profile_name: Option<String>,
    behavior_name: Option<String>,
    metric_value: Option<Value>,
    confidence_level: Option<Confidence>,
    time: Option<Value>,
}

/// Source: `ConfidenceLevel`.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Confidence {
    Low,
    Medium,
    High,
}

/// Takes in what happened to a violation: see [`super`]. Gives the violation's id.
///
/// # Errors
/// The object isn't as it is documented, or what it names isn't there: in words of ours, since AWS
/// has no such call.
pub async fn feed(txn: &mut Txn, event: &Value) -> Result<String, Failure> {
    let event: Event = serde_json::from_value(event.clone())
        .map_err(|error| Refusal::invalid(format!("The event can't be read: {error}")))?;
    if let Some(value) = &event.metric_value {
        behaviors::check_value(value).map_err(Refusal::invalid)?;
    }
    let at = time_or(event.time.as_ref(), txn.now()).map_err(Refusal::invalid)?;
    let going_on = going_on(txn, &event).await?;
    match (event.event, going_on) {
        (EventKind::InAlarm, None) => begin(txn, &event, at).await,
        (EventKind::InAlarm, Some((id, violation))) => go_on(txn, &event, id, violation, at),
        (_, None) => Err(Refusal::invalid("No such violation goes on").into()),
        (_, Some((id, violation))) => end(txn, &event, id, violation, at),
    }
}

/// The violation that goes on which the event is about.
async fn going_on(txn: &mut Txn, event: &Event) -> Result<Option<(String, Violation)>, Failure> {
    if let Some(id) = &event.violation_id {
        check_id(id)?;
        let Some(violation) = get(txn, id).await? else { return Ok(None) };
        if violation.ended.is_some() {
            return Err(Refusal::invalid(format!("The violation {id} has ended")).into());
        }
        let given = [
            (&event.thing_name, &violation.thing),
            (&event.security_profile_name, &violation.profile),
            (&event.behavior_name, &violation.behavior),
        ];
        if given.iter().any(|(given, is)| given.as_ref().is_some_and(|given| given != *is)) {
            return Err(Refusal::invalid(format!("The violation {id} is of something else")).into());
        }
        return Ok(Some((id.clone(), violation)));
    }
    let (thing, profile, behavior) = names(event)?;
    let Some(id) = current(txn, profile, behavior, thing).await? else { return Ok(None) };
    Ok(get(txn, &id).await?.map(|violation| (id, violation)))
}

/// The id of the violation of this thing that goes on.
async fn current(
    txn: &mut Txn,
    profile: &str,
    behavior: &str,
    thing: &str,
) -> Result<Option<String>, Failure> {
    let key = record::key(&[profile, behavior, thing]);
    let id = txn.get_bytes(table::THING_VIOLATIONS, &key).await?;
    Ok(id.map(|id| String::from_utf8_lossy(&id).into_owned()))
}

async fn begin(txn: &mut Txn, event: &Event, at: Timestamp) -> Result<String, Failure> {
    let (thing, profile, name) = names(event)?;
    things::require(txn, thing).await?;
    let behaviors = security_profiles::get(txn, profile).await?.settings()?.behaviors;
    let Some(behavior) = behaviors.unwrap_or_default().into_iter().find(|one| one.name == name)
    else {
        let message = format!("The security profile {profile} has no behavior {name}");
        return Err(missing(message).into());
    };
    if let Some(other) = current(txn, profile, name, thing).await? {
        let message = format!("The thing {thing} violates {name} already: {other}");
        return Err(Refusal::invalid(message).into());
    }
    let id = match &event.violation_id {
        Some(id) => id.clone(),
        None => text::hex(&text::random::<16>()?),
    };
    let Measured { value, confidence } = measured(event);
    let violation = Violation {
        thing: thing.to_owned(),
        profile: profile.to_owned(),
        behavior: name.to_owned(),
        criteria: behavior.criteria_type(),
        suppressed: behavior.suppress_alerts.unwrap_or_default(),
        behavior_text: behavior.text()?,
        value,
        confidence,
        started: at,
        last: at,
        ended: None,
        verification: Verification::default(),
        verification_description: None,
    };
    txn.mark(table::ACTIVE_VIOLATIONS, &record::dated(at, id.as_bytes()));
    txn.mark(table::BEHAVIOR_VIOLATIONS, &of_behavior(&violation, &id));
    let of_thing = record::key(&[profile, name, thing]);
    txn.put_bytes(table::THING_VIOLATIONS, &of_thing, id.clone().into_bytes());
    keep(txn, event, id, &violation, at)
}

fn go_on(
    txn: &mut Txn,
    event: &Event,
    id: String,
    mut violation: Violation,
    at: Timestamp,
) -> Result<String, Failure> {
    if at < violation.last {
        return Err(Refusal::invalid("The violation was measured later than that").into());
    }
    let Measured { value, confidence } = measured(event);
    violation.last = at;
    violation.value = value.or(violation.value);
    violation.confidence = confidence.or(violation.confidence);
    txn.put(table::VIOLATIONS, id.as_bytes(), &violation)?;
    Ok(id)
}

fn end(
    txn: &mut Txn,
    event: &Event,
    id: String,
    mut violation: Violation,
    at: Timestamp,
) -> Result<String, Failure> {
    if at < violation.last {
        return Err(Refusal::invalid("The violation was measured later than that").into());
    }
    violation.ended = Some(at);
    txn.delete(table::ACTIVE_VIOLATIONS, &record::dated(violation.started, id.as_bytes()));
    let of_thing = record::key(&[&violation.profile, &violation.behavior, &violation.thing]);
    txn.delete(table::THING_VIOLATIONS, &of_thing);
    keep(txn, event, id, &violation, at)
}

fn keep(
    txn: &mut Txn,
    event: &Event,
    id: String,
    violation: &Violation,
    at: Timestamp,
) -> Result<String, Failure> {
    txn.put(table::VIOLATIONS, id.as_bytes(), violation)?;
    let key = event_key(at, &id, event.event);
    txn.put(table::VIOLATION_EVENTS, &key, &measured(event))?;
    Ok(id)
}

fn measured(event: &Event) -> Measured {
    let confidence = event.confidence_level.map(|level| match level {
        Confidence::Low => "LOW".to_owned(),
        Confidence::Medium => "MEDIUM".to_owned(),
        Confidence::High => "HIGH".to_owned(),
    });
    Measured { value: event.metric_value.as_ref().map(Value::to_string), confidence }
}

/// Thing, profile and behavior.
fn names(event: &Event) -> Result<(&str, &str, &str), Refusal> {
    let thing = given("thingName", event.thing_name.as_deref())?;
    let profile = given("securityProfileName", event.security_profile_name.as_deref())?;
    Ok((thing, profile, given("behaviorName", event.behavior_name.as_deref())?))
}

fn given<'a>(member: &str, value: Option<&'a str>) -> Result<&'a str, Refusal> {
    let value = value.filter(|value| !value.is_empty() && !value.contains('\0'));
    value.ok_or_else(|| Refusal::invalid(format!("The event needs a {member}")))
}

fn check_id(id: &str) -> Result<(), Refusal> {
    let is_of_id = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if (1..=ID_CHARS_MAX).contains(&id.len()) && id.chars().all(is_of_id) {
        return Ok(());
    }
    Err(Refusal::invalid("A violationId has 1 to 128 letters, digits and dashes"))
}

fn missing(message: String) -> Refusal {
    Refusal::new(Code::ResourceNotFoundException, message)
}
