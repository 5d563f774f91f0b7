//! Violations of security profiles: they are fed, not measured, since no device reports here.
//!
//! # What is fed
//! One JSON object, sent to `POST /_trackway/iot/events`:
//!
//! | member | |
//! |---|---|
//! | `type` | `"violation"` |
//! | `event` | `in-alarm`, `alarm-cleared` or `alarm-invalidated`, as `ViolationEventType` |
//! | `violationId` | of 1 to 128 letters, digits and dashes; drawn if absent |
//! | `thingName` | a thing; for `in-alarm` it must exist |
//! | `securityProfileName` | a profile; for `in-alarm` it must exist |
//! | `behaviorName` | one of its behaviors |
//! | `metricValue` | what was measured, as `MetricValue`; may be absent |
//! | `confidenceLevel` | `LOW`, `MEDIUM` or `HIGH`, of a machine learning behavior; may be absent |
//! | `time` | as of all evidence: ISO 8601, or seconds or milliseconds of the epoch; now if absent |
//!
//! Thing, profile and behavior must be given unless `violationId` names a violation that goes on.
//! A thing violates a behavior once at a time. Another `in-alarm` for it changes the value and the
//! time of the violation that goes on; it is no further event, as AWS lists one. The other two
//! events end it. Whether its alerts are suppressed is what the behavior says when it begins.

mod feed;
pub mod lists;

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

use crate::record;
use crate::refusal::{Failure, Refusal};
use crate::security_profiles::behaviors::CriteriaType;
use crate::table;
use crate::txn::Txn;

pub use feed::feed;

/// A violation, whether it goes on or has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Who violates.
    pub thing: String,
    /// Which security profile.
    pub profile: String,
    /// Which of its behaviors, by name.
    pub behavior: String,
    /// The behavior as it was when the violation began: JSON.
    pub behavior_text: String,
    /// What sort of criteria it has.
    pub criteria: Option<CriteriaType>,
    /// What was measured last: `MetricValue` as JSON.
    pub value: Option<String>,
    /// `confidenceLevel`.
    pub confidence: Option<String>,
    /// Whether its alerts are suppressed.
    pub suppressed: bool,
    /// When it began.
    pub started: Timestamp,
    /// When it was measured last.
    pub last: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What somebody who looked says of it.
    pub verification: Verification,
    /// And why.
    pub verification_description: Option<String>,
}

/// What happened to a violation. Source: `ViolationEventType`. Appended only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// It began.
    InAlarm,
    /// The thing behaves again.
    AlarmCleared,
    /// The behavior doesn't hold for the thing any more.
    AlarmInvalidated,
}

/// Source: `VerificationState`. Appended only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the API's own")]
pub enum Verification {
    FalsePositive,
    BenignPositive,
    TruePositive,
    #[default]
    Unknown,
}

/// What was measured when it happened: a row of [`table::VIOLATION_EVENTS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// `MetricValue` as JSON.
    pub value: Option<String>,
    /// `confidenceLevel`.
    pub confidence: Option<String>,
}

/// PutVerificationStateOnViolation.
///
/// # Errors
/// There is no such violation.
pub async fn verify(
    txn: &mut Txn,
    id: &str,
    state: Verification,
    description: Option<String>,
) -> Result<(), Failure> {
    let Some(mut violation) = get(txn, id).await? else {
        // No NotFound is modeled; the text is ours.
        return Err(Refusal::invalid(format!("The violation {id} does not exist")).into());
    };
    violation.verification = state;
    violation.verification_description = description;
    txn.put(table::VIOLATIONS, id.as_bytes(), &violation)?;
    Ok(())
}

/// A violation.
///
/// # Errors
/// The store failed.
pub async fn get(txn: &mut Txn, id: &str) -> Result<Option<Violation>, Failure> {
    Ok(txn.get(table::VIOLATIONS, id.as_bytes()).await?)
}

impl EventKind {
    const ALL: [Self; 3] = [Self::InAlarm, Self::AlarmCleared, Self::AlarmInvalidated];

    /// Its byte in a key.
    fn byte(self) -> u8 {
        match self {
            Self::InAlarm => 0,
            Self::AlarmCleared => 1,
            Self::AlarmInvalidated => 2,
        }
    }
}

/// The key of what happened to a violation.
fn event_key(at: Timestamp, id: &str, kind: EventKind) -> Vec<u8> {
    let mut key = record::dated(at, id.as_bytes());
    key.push(kind.byte());
    key
}

/// What [`event_key`] was made of.
fn of_event_key(key: &[u8]) -> Option<(Timestamp, String, EventKind)> {
    let (at, rest) = record::undated(key)?;
    let (byte, id) = rest.split_last()?;
    let kind = EventKind::ALL.into_iter().find(|kind| kind.byte() == *byte)?;
    Some((at, String::from_utf8(id.to_vec()).ok()?, kind))
}

/// The key of a violation among those of its behavior.
fn of_behavior(violation: &Violation, id: &str) -> Vec<u8> {
    let mut key = record::prefix(&[&violation.profile, &violation.behavior]);
    key.extend(record::dated(violation.started, id.as_bytes()));
    key
}
