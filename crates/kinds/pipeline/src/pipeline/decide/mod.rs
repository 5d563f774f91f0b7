//! What a pipeline decides.
//!
//! | file | what |
//! |---|---|
//! | `start` | executions begin: by creation, by a trigger, as a rollback |
//! | `flow` | executions go through stages: they wait, enter, pass, end |
//! | `act` | actions start, go on and end |
//! | `job` | jobs of workers and functions |
//! | `condition` | conditions of stages, their rules, and what follows |
//! | `control` | stop, retry, transitions, versions, the end of the pipeline |

mod act;
mod condition;
mod control;
mod flow;
mod job;
mod start;

use serde::Serialize;
use trackway_core::{EffectId, Payload, TimerId, Turn};

use super::{DELETED, Pipeline};
use crate::signal::{Refusal, Signal};

/// A JSON text of an event or a request.
pub(super) fn payload(value: &impl Serialize) -> Payload {
    Payload::new(serde_json::to_string(value).unwrap_or_default())
}

impl Pipeline {
    fn next_effect(&self) -> EffectId {
        EffectId(self.effects_len)
    }

    fn next_timer(&self) -> TimerId {
        TimerId(self.timers_len)
    }

    pub(super) fn signal(
        &mut self,
        signal: Signal,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        if self.status == DELETED {
            return Err(Refusal::Deleted);
        }
        match signal {
            Signal::Update(structure) => self.update(*structure, turn),
            Signal::Delete => self.delete(turn),
            Signal::Start(start) => self.start(*start, turn),
            Signal::Seen { changes, starts } => self.sources_seen(&changes, starts, turn),
            Signal::PutRevision { .. } => self.put_revision(signal, turn),
            Signal::Stop { execution, abandon, reason, by } => {
                self.stop(execution, super::Stopping { abandon, reason, by }, turn)
            }
            Signal::Retry { stage, execution, all_actions, by } => {
                self.retry((&stage, execution), all_actions, &by, turn)
            }
            Signal::Rollback { .. } => self.roll_back(signal, turn),
            Signal::Override { .. } => self.override_condition(signal, turn),
            Signal::Transition { stage, outbound, disabled, by } => {
                let set = super::GateSet { stage, disabled, by };
                self.set_gate(set, outbound, turn)
            }
            Signal::Approve { .. } => self.approve(signal, turn),
            Signal::OfThirdParty(signal) => self.job_signal(*signal, true, turn),
            signal @ (Signal::JobAcknowledged { .. }
            | Signal::JobSucceeded { .. }
            | Signal::JobFailed { .. }) => self.job_signal(signal, false, turn),
        }
    }
}
