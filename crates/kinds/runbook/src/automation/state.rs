//! The state of an execution: what a fold of its journal comes to.
//!
//! One step is under way at a time, or a loop and one of its steps: two records. A rate control has
//! a fan instead of steps. Only `fold` changes the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use trackway_core::fanout::Fanout;
use trackway_core::{EffectId, Payload, TimerId, Timestamp, uuid};

use super::event::{Decision, Started, StepOptions};
use super::failure::Failure;
use super::start::{StartedWith, TriggeredAlarm};
use super::status::Status;

/// One execution of a runbook, or of a runbook over many targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Automation {
    pub(crate) status: Status,
    pub(crate) started: Arc<Started>,
    pub(crate) started_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) parameters: Arc<Map<String, Value>>,
    pub(crate) variables: Map<String, Value>,
    /// Values from Parameter Store, by parameter.
    pub(crate) fetched: BTreeMap<u16, Payload>,
    pub(crate) fetching: Option<(EffectId, u16)>,
    /// The outputs of each step's last run, and whether it succeeded.
    pub(crate) results: BTreeMap<u16, (Payload, bool)>,
    pub(crate) main: Option<Record>,
    pub(crate) child: Option<Record>,
    pub(crate) looping: Option<Looping>,
    /// The row of each main step that has started.
    pub(crate) rows: BTreeMap<u16, (Timestamp, u32)>,
    pub(crate) awaiting: Option<u16>,
    pub(crate) yielded: Option<(TimerId, u16)>,
    /// The last critical step's failure, and why.
    pub(crate) forced: Option<(Status, Option<String>)>,
    pub(crate) completing: bool,
    pub(crate) cancelling: Option<TimerId>,
    pub(crate) alarm_asked: Option<EffectId>,
    pub(crate) alarm_timer: Option<TimerId>,
    pub(crate) triggered: Vec<TriggeredAlarm>,
    pub(crate) resolving: Option<EffectId>,
    pub(crate) fan: Option<Box<Fan>>,
    /// Calls that tell children to stop, which the end waits for.
    pub(crate) parting: BTreeSet<EffectId>,
    /// How it ends when they are over.
    pub(crate) leaving: Option<(Status, Option<String>)>,
    pub(crate) outputs: Option<Payload>,
    pub(crate) message: Option<String>,
    pub(crate) is_listed: bool,
    pub(crate) sequence: u32,
    /// Starts and attempts of steps.
    pub(crate) taken: u32,
    pub(crate) next_effect: u32,
    pub(crate) next_timer: u32,
}

/// A step that has started.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) place: u16,
    pub(crate) sequence: u32,
    pub(crate) id: [u8; 16],
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) status: Status,
    pub(crate) inputs: Payload,
    pub(crate) outputs: Option<Payload>,
    pub(crate) failure: Option<Box<Failure>>,
    pub(crate) code: Option<String>,
    pub(crate) options: Option<Box<StepOptions>>,
    /// The row of an earlier run of the same step, which this one replaces.
    pub(crate) replaces: Option<(Timestamp, u32)>,
    /// The pass of the loop around it; 0 for a main step.
    pub(crate) iteration: u32,
    pub(crate) work: Work,
}

/// How far a step's action is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// From 1.
    pub(crate) attempt: u32,
    pub(crate) stage: u8,
    pub(crate) memo: Option<Payload>,
    pub(crate) effect: Option<EffectId>,
    pub(crate) timer: Option<TimerId>,
    pub(crate) timeout: Option<TimerId>,
    /// How often it has waited.
    pub(crate) polls: u32,
    pub(crate) decisions: Vec<Decision>,
}

/// A loop under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Looping {
    /// What it goes over; nothing if over a condition.
    pub(crate) items: Option<Arc<Vec<Value>>>,
    /// From 1; 0 before the first pass.
    pub(crate) iteration: u32,
    /// A critical step of it has failed.
    pub(crate) forced: Option<(Status, Option<String>)>,
}

impl Looping {
    /// `CurrentIteratorValue`.
    pub(crate) fn value(&self) -> Option<&Value> {
        self.items.as_ref()?.get((self.iteration as usize).checked_sub(1)?)
    }
}

/// Children under way, one for each target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fan {
    pub(crate) items: Items,
    pub(crate) progress: Fanout,
    /// The first child's effect; the others follow.
    pub(crate) first: u32,
    /// When those that run have started.
    pub(crate) running: BTreeMap<u32, Timestamp>,
    /// How the last one ended, for its rows.
    pub(crate) last: Option<(u32, Timestamp, Status)>,
    /// How many of those that did not succeed were cancelled, and how many took too long.
    pub(crate) cancelled: u32,
    pub(crate) timed_out: u32,
    pub(crate) resolved: Arc<Vec<String>>,
}

/// A list's text and where its items are in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Items {
    text: Payload,
    places: Vec<(u32, u32)>,
}

impl Items {
    /// Finds the items of a JSON list; text that is none has no items.
    pub(crate) fn of(text: &Payload) -> Self {
        let list = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(text);
        let start = text.as_ptr().addr();
        let place = |item: &&serde_json::value::RawValue| {
            let from = item.get().as_ptr().addr().wrapping_sub(start);
            let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            (narrow(from), narrow(from + item.get().len()))
        };
        let places = list.map(|items| items.iter().map(place).collect()).unwrap_or_default();
        Self { text: text.clone(), places }
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    /// The item at this place.
    pub(crate) fn get(&self, index: u32) -> Option<&str> {
        let (from, to) = *self.places.get(index as usize)?;
        self.text.get(from as usize..to as usize)
    }

    /// What rows and lists show of the item: a text as it is, a map as JSON.
    pub(crate) fn shown(&self, index: u32) -> String {
        let item = self.get(index).unwrap_or_default();
        serde_json::from_str::<String>(item).unwrap_or_else(|_| item.to_owned())
    }
}

impl Automation {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What it was started with.
    #[must_use]
    pub fn started_with(&self) -> &StartedWith {
        &self.started.with
    }

    /// Whether it has begun and not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status != Status::Pending && !self.status.is_terminal()
    }

    /// The innermost step under way.
    pub(crate) fn current(&self) -> Option<&Record> {
        [&self.child, &self.main].into_iter().flatten().find(|record| record.is_running())
    }

    pub(crate) fn current_mut(&mut self) -> Option<&mut Record> {
        [&mut self.child, &mut self.main].into_iter().flatten().find(|record| record.is_running())
    }

    /// The main step under way, a loop while its steps run.
    pub(crate) fn running_main(&self) -> Option<&Record> {
        self.main.as_ref().filter(|record| record.is_running())
    }

    /// The place of the loop that is under way.
    pub(crate) fn loop_place(&self) -> Option<u16> {
        self.looping.as_ref().and(self.running_main()).map(|record| record.place)
    }

    /// A UUID that is always the same for the same number; every number has its own.
    pub(crate) fn uuid(&self, family: u64, number: u64) -> [u8; 16] {
        let (high, low) = self.started.seed;
        let word =
            |seed: u64, salt: u64| mix(seed ^ mix(family ^ salt) ^ mix(number.wrapping_add(salt)));
        let bits = (u128::from(word(high, 1)) << 64) | u128::from(word(low, 2));
        uuid::version_four(bits).to_be_bytes()
    }

    /// The `StepExecutionId` of a main step, fixed from the start.
    pub(crate) fn main_id(&self, place: u16) -> [u8; 16] {
        self.uuid(1, u64::from(place))
    }

    /// The `StepExecutionId` of a loop's step.
    pub(crate) fn child_step_id(&self, sequence: u32) -> [u8; 16] {
        self.uuid(2, u64::from(sequence))
    }

    /// The id of the child that an effect starts.
    pub(crate) fn child_id(&self, effect: u32) -> [u8; 16] {
        self.uuid(3, u64::from(effect))
    }
}

impl Record {
    pub(crate) fn is_running(&self) -> bool {
        !self.status.is_terminal()
    }
}

/// Mixes a number's bits so that neighbours have nothing in common: the finisher of SplitMix64.
fn mix(number: u64) -> u64 {
    let mut word = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A UUID's text.
#[must_use]
pub fn uuid_text(id: &[u8; 16]) -> String {
    uuid::text(u128::from_be_bytes(*id))
}
