//! Jobs of workers and functions.

use serde_json::Value;
use trackway_core::{Command, Turn};

use super::act::{is_too_large, nonce};
use crate::limits::HANDED_MINUTES;
use crate::pipeline::event::{End, EventKind, Next};
use crate::pipeline::state::{ActStatus, JobStage};
use crate::pipeline::{Pipeline, call};
use crate::request::{Details, Revision};
use crate::signal::{JobResult, Refusal, Signal};

/// An action: its execution, and its place in the stage.
type Place = (u32, u16);

impl Pipeline {
    /// The action whose job this is.
    pub(in crate::pipeline) fn act_of_job(&self, id: u128) -> Option<Place> {
        self.runs.values().find_map(|run| {
            let mut acts = run.inside.as_ref()?.acts.iter();
            let is_it = |act: &super::super::state::Act| {
                act.job.as_ref().is_some_and(|job| job.id == id && job.stage != JobStage::Ended)
            };
            let (place, _) = acts.find(|(_, act)| is_it(act))?;
            Some((run.seq, *place))
        })
    }

    /// A function was invoked: it has some time to end its job.
    pub(super) fn handed(&mut self, (run, place): Place, turn: &mut Turn<'_, Self>) {
        let Some(it) = self.runs.get(&run) else { return };
        let structure = self.structure_of(it.version);
        let Some(action) = structure.action(it.stage, place) else { return };
        let Some(act) = self.act(run, place) else { return };
        let latest = call::deadline(&action, act.started);
        let at = turn.now().plus_seconds(HANDED_MINUTES * 60).min(latest);
        let (before, timer) = (act.timer, self.next_timer());
        self.emit(EventKind::ActHanded { run, act: place, timer }, turn);
        before.into_iter().for_each(|timer| turn.command(Command::Disarm(timer)));
        turn.command(Command::Wake { timer, at });
    }

    /// The action goes on as another job.
    pub(super) fn offer(&mut self, (run, act): Place, next: &Next, turn: &mut Turn<'_, Self>) {
        let (job, nonce) = (turn.random(), nonce(turn));
        let effect = self.next_effect();
        let kind = EventKind::JobOffered { run, act, effect, job, nonce };
        self.emit_with(kind, next, turn);
        self.ask((run, act), effect, Value::Null, turn);
    }

    fn job_place(&self, job: u128) -> Result<Place, Refusal> {
        self.act_of_job(job).ok_or_else(|| {
            if self.ended_jobs.contains(&job) {
                Refusal::InvalidJobState
            } else {
                Refusal::JobNotFound
            }
        })
    }

    /// A signal about a job. Who comes by the door of third parties finds their jobs only, and who
    /// comes by the other one none of those.
    pub(super) fn job_signal(
        &mut self,
        signal: Signal,
        is_third_party: bool,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let job = match &signal {
            Signal::JobAcknowledged { job, .. }
            | Signal::JobSucceeded { job, .. }
            | Signal::JobFailed { job, .. } => *job,
            _ => return Err(Refusal::JobNotFound),
        };
        let place = self.act_of_job(job);
        if place.is_some_and(|place| self.is_third_party(place) != is_third_party) {
            return Err(Refusal::JobNotFound);
        }
        match signal {
            Signal::JobAcknowledged { job, nonce } => self.job_acknowledged(job, &nonce, turn),
            Signal::JobSucceeded { job, result } => self.job_succeeded(job, *result, turn),
            Signal::JobFailed { job, code, message, external_execution_id } => {
                self.job_failed(job, (code, message), external_execution_id, turn)
            }
            _ => Err(Refusal::JobNotFound),
        }
    }

    fn is_third_party(&self, (run, place): Place) -> bool {
        let Some(run) = self.runs.get(&run) else { return false };
        let structure = self.structure_of(run.version);
        let action = structure.action(run.stage, place);
        action.is_some_and(|action| action.action_type_id.owner == "ThirdParty")
    }

    fn job_acknowledged(
        &mut self,
        job: u128,
        nonce: &str,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let (run, act) = self.job_place(job)?;
        let Some(it) = self.act(run, act) else { return Ok(()) };
        let Some(job) = &it.job else { return Ok(()) };
        if job.stage == JobStage::Calling {
            return Err(Refusal::JobNotFound);
        }
        if job.nonce.to_string() != nonce || job.stage != JobStage::Offered {
            return Err(Refusal::InvalidNonce);
        }
        let effect = it.effect;
        self.emit(EventKind::JobAcknowledged { run, act }, turn);
        effect.into_iter().for_each(|effect| turn.command(Command::Hold(effect)));
        Ok(())
    }

    /// The action whose job may be ended now. A function may end its job before its performer has
    /// said that it was invoked.
    fn job_in_progress(&self, job: u128) -> Result<Place, Refusal> {
        let (run, place) = self.job_place(job)?;
        let stage = self.act(run, place).and_then(|act| act.job.as_ref()).map(|job| job.stage);
        match stage {
            Some(JobStage::InProgress) => Ok((run, place)),
            Some(JobStage::Calling) if self.is_function((run, place)) => Ok((run, place)),
            Some(JobStage::Calling) => Err(Refusal::JobNotFound),
            _ => Err(Refusal::InvalidJobState),
        }
    }

    fn is_function(&self, (run, place): Place) -> bool {
        let run = self.runs.get(&run);
        let structure = run.map(|run| (run, self.structure_of(run.version)));
        structure.is_some_and(|(run, structure)| {
            let action = structure.action(run.stage, place);
            let is_function = |provider: &str| matches!(provider, "Lambda" | "LambdaInvoke");
            action.is_some_and(|action| is_function(&action.action_type_id.provider))
        })
    }

    fn job_succeeded(
        &mut self,
        job: u128,
        result: JobResult,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let (run, place) = self.job_in_progress(job)?;
        if is_too_large(&result.output_variables) {
            return Err(Refusal::OutputVariablesTooLarge);
        }
        let revision = result.current_revision.as_ref().map(revision);
        if result.continuation_token.is_some() {
            let before = self.act(run, place).and_then(|act| act.effect);
            let is_call = self.is_function((run, place));
            let next = Next {
                token: result.continuation_token,
                details: result.details,
                revision,
                is_call,
            };
            before.into_iter().for_each(|effect| turn.command(Command::Cancel(effect)));
            self.offer((run, place), &next, turn);
            return Ok(());
        }
        let end = End {
            details: result.details,
            output_variables: result.output_variables,
            revision,
            ..End::default()
        };
        self.end_act((run, place), ActStatus::Succeeded, &end, None, turn);
        self.advance(run, turn);
        Ok(())
    }

    fn job_failed(
        &mut self,
        job: u128,
        error: (String, String),
        external_execution_id: Option<String>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let (run, place) = self.job_in_progress(job)?;
        let details = Details { external_execution_id, ..Details::default() };
        let end = End { details, error: Some(error), ..End::default() };
        self.end_act((run, place), ActStatus::Failed, &end, None, turn);
        self.advance(run, turn);
        Ok(())
    }
}

/// `CurrentRevision`, as the API has it.
fn revision(value: &Value) -> Revision {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds")]
    let created = value["created"].as_f64().map(|seconds| (seconds * 1000.0).round() as i64);
    Revision {
        id: text("revision").unwrap_or_default(),
        change_id: text("changeIdentifier"),
        summary: text("revisionSummary"),
        created,
        url: None,
    }
}
