//! What happens to an action, folded.

use trackway_core::{EffectId, TimerId, Timestamp};

use super::cargo::texts;
use super::{push_bounded, read};
use crate::ids::Number;
use crate::pipeline::event::{End, Event, EventKind, Form, Next};
use crate::pipeline::state::{Act, ActStatus, Awaited, Found, Inside, JobStage, JobState, Place};
use crate::pipeline::{Pipeline, call};
use crate::request::{Details, Revision, SourceRevision};

impl Pipeline {
    pub(super) fn fold_act(&mut self, event: &Event, at: Timestamp) {
        match &event.kind {
            EventKind::ActStarted { run, act, id, effect, timer, keys, form } => {
                self.await_it(*effect, Some(*timer), Awaited::Act(*run, *act));
                let number = self.number;
                let started = Act {
                    id: number.id(*id),
                    started: at,
                    updated: at,
                    effect: *effect,
                    timer: Some(*timer),
                    keys: keys.clone(),
                    ..Act::default()
                };
                self.act_started((*run, *act), shaped(started, *form, number));
            }
            EventKind::JobAcknowledged { run, act } => {
                if let Some(job) = self.act_mut(*run, *act).and_then(|act| act.job.as_mut()) {
                    job.stage = JobStage::InProgress;
                }
            }
            EventKind::ActProgressed { run, act, effect } => {
                self.replace_effect(*run, *act, Some(*effect));
                if let Some(act) = self.act_mut(*run, *act) {
                    merge(&mut act.details, read(event));
                    act.updated = at;
                }
            }
            EventKind::ActHanded { run, act, timer } => {
                self.replace_effect(*run, *act, None);
                self.replace_timer(*run, *act, *timer);
                if let Some(job) = self.act_mut(*run, *act).and_then(|act| act.job.as_mut()) {
                    job.stage = JobStage::InProgress;
                }
            }
            EventKind::JobOffered { run, act, effect, job, nonce } => {
                self.replace_effect(*run, *act, Some(*effect));
                let id = self.number.id(*job);
                self.job_offered((*run, *act), id, *nonce, (read(event), at));
            }
            EventKind::Notified { run, act } => self.replace_effect(*run, *act, None),
            EventKind::RuleWaits { run, rule, timer } => self.replace_timer(*run, *rule, *timer),
            EventKind::ActEnded { run, act, status } => {
                self.act_ended((*run, *act), *status, read(event), at);
            }
            _ => {}
        }
    }

    pub(in crate::pipeline) fn inside_mut(&mut self, run: u32) -> Option<&mut Inside> {
        self.runs.get_mut(&run)?.inside.as_deref_mut()
    }

    fn act_mut(&mut self, run: u32, act: u16) -> Option<&mut Act> {
        self.inside_mut(run)?.acts.get_mut(&act)
    }

    fn await_it(&mut self, effect: Option<EffectId>, timer: Option<TimerId>, what: Awaited) {
        if let Some(effect) = effect {
            self.effects.insert(effect, what);
            self.effects_len = effect.0 + 1;
        }
        if let Some(timer) = timer {
            self.timers.insert(timer, what);
            self.timers_len = timer.0 + 1;
        }
    }

    fn replace_effect(&mut self, run: u32, place: u16, effect: Option<EffectId>) {
        let Some(act) = self.act_mut(run, place) else { return };
        if let Some(before) = std::mem::replace(&mut act.effect, effect) {
            self.effects.remove(&before);
        }
        self.await_it(effect, None, Awaited::Act(run, place));
    }

    fn replace_timer(&mut self, run: u32, place: u16, timer: TimerId) {
        let Some(act) = self.act_mut(run, place) else { return };
        if let Some(before) = act.timer.replace(timer) {
            self.timers.remove(&before);
        }
        self.await_it(None, Some(timer), Awaited::Act(run, place));
    }

    fn act_started(&mut self, (run, place): (u32, u16), mut act: Act) {
        act.seq = self.acts_len;
        self.acts_len += 1;
        let Some(run) = self.runs.get_mut(&run) else { return };
        run.updated = act.started;
        let structure = self.structures.get(&run.version);
        if let Some(action) = structure.and_then(|it| it.action(run.stage, place)) {
            act.name.clone_from(&action.name);
            act.resolved = call::resolved(&action, run).unwrap_or_default();
        }
        if let Some(inside) = &mut run.inside {
            act.by.clone_from(&inside.retried_by);
            inside.acts.insert(place, act);
        }
    }

    fn job_offered(
        &mut self,
        (run, place): (u32, u16),
        id: u128,
        nonce: u32,
        (next, at): (Next, Timestamp),
    ) {
        let Some(act) = self.act_mut(run, place) else { return };
        act.updated = at;
        merge(&mut act.details, next.details);
        let stage = if next.is_call { JobStage::Calling } else { JobStage::Offered };
        let before = act.job.replace(JobState { id, nonce, stage, token: next.token });
        if let Some(before) = before {
            push_bounded(&mut self.ended_jobs, before.id);
        }
        if let Some(revision) = next.revision {
            self.found((run, place), revision, at);
        }
    }

    fn act_ended(&mut self, (run, place): (u32, u16), status: ActStatus, end: End, at: Timestamp) {
        let Some(act) = self.act_mut(run, place) else { return };
        (act.status, act.updated, act.error) = (status, at, end.error);
        merge(&mut act.details, end.details);
        act.by = end.by.or(act.by.take());
        act.variables = texts(&end.output_variables);
        let (effect, timer) = (act.effect.take(), act.timer.take());
        let job = act.job.as_mut().map(|job| {
            job.stage = JobStage::Ended;
            job.id
        });
        effect.and_then(|effect| self.effects.remove(&effect));
        timer.and_then(|timer| self.timers.remove(&timer));
        if let Some(job) = job {
            push_bounded(&mut self.ended_jobs, job);
        }
        let put = || self.put_for(run, place).filter(|_| status == ActStatus::Succeeded);
        if let Some(revision) = end.revision.or_else(put) {
            self.found((run, place), revision, at);
        }
        if status == ActStatus::Succeeded {
            self.act_succeeded(run, place, end.output_artifacts);
        }
        if let Some(run) = self.runs.get_mut(&run) {
            run.updated = at;
        }
    }

    fn act_succeeded(&mut self, run: u32, place: u16, written: Option<Vec<String>>) {
        let Some(it) = self.runs.get(&run) else { return };
        let structure = self.structure_of(it.version);
        let Some(action) = structure.action(it.stage, place) else { return };
        let Some(act) = it.inside.as_ref().and_then(|inside| inside.acts.get(&place)) else {
            return;
        };
        let mut outputs = self.outputs_of(&structure, &action, act);
        outputs.retain(|it| written.as_ref().is_none_or(|names| names.contains(&it.name)));
        let found = it.revisions.iter().find(|found| found.action == action.name);
        let revision = found
            .filter(|_| action.action_type_id.category == "Source")
            .map(|found| found.revision.id.clone());
        let variables = act.variables.clone();
        let Some(it) = self.runs.get_mut(&run) else { return };
        if let Some(namespace) = &action.namespace {
            it.outputs.insert(namespace.clone(), variables);
        }
        let names = outputs.iter().map(|output| output.name.clone()).collect();
        for output in outputs {
            let place =
                Place { bucket: output.bucket, key: output.key, revision: revision.clone() };
            it.artifacts.insert(output.name, place);
        }
        if let Some(act) = self.act_mut(run, place) {
            act.written = names;
        }
    }

    /// The revision that was put for a custom source action, whose worker names none.
    fn put_for(&self, run: u32, place: u16) -> Option<Revision> {
        let it = self.runs.get(&run)?;
        let structure = self.structures.get(&it.version)?;
        let stage = structure.stage(it.stage)?;
        let action = structure.action(it.stage, place)?;
        let is_it =
            |put: &&SourceRevision| put.action_name == action.name && put.revision_type.is_empty();
        let id = &it.source_revisions.iter().find(is_it)?.revision_value;
        if it.revisions.iter().any(|found| found.action == action.name) {
            return None;
        }
        let mut known = self.revisions.iter();
        let known = known.find(|((of, name), known)| {
            *of == stage.name && *name == action.name && known.id == *id
        });
        let alone = || Revision { id: id.clone(), ..Revision::default() };
        Some(known.map_or_else(alone, |(_, known)| known.clone()))
    }

    /// An action found this. What others than source actions worked on is no source of the
    /// execution; the state shows it all the same, and of every revision when it was made: of one
    /// that doesn't say so, when it was found.
    fn found(&mut self, (run, place): (u32, u16), revision: Revision, at: Timestamp) {
        let Some(it) = self.runs.get_mut(&run) else { return };
        let structure = self.structures.get(&it.version).cloned().unwrap_or_default();
        let Some(action) = structure.action(it.stage, place) else { return };
        if action.action_type_id.category == "Source" {
            let artifacts = action.output_artifacts.iter().map(|it| it.name.clone()).collect();
            it.revisions.retain(|found| found.action != action.name);
            let (action, revision) = (action.name.clone(), revision.clone());
            it.revisions.push(Found { action, artifacts, revision });
        }
        if let Some(act) = it.inside.as_mut().and_then(|inside| inside.acts.get_mut(&place)) {
            act.revision_url.clone_from(&revision.url);
        }
        let stage = structure.stages.get(usize::from(it.stage)).map(|stage| stage.name.clone());
        let revision = Revision { created: revision.created.or(Some(at.0)), ..revision };
        self.revise((stage.unwrap_or_default(), action.name.clone()), revision);
    }
}

fn shaped(mut act: Act, form: Form, number: Number) -> Act {
    match form {
        Form::Call => act.job = Some(JobState { id: act.id, ..JobState::default() }),
        Form::Job(job, nonce) => {
            let stage = JobStage::Offered;
            act.job = Some(JobState { id: number.id(job), nonce, stage, token: None });
        }
        Form::Approval(token) => act.token = Some(token),
        Form::Nothing => {}
    }
    act
}

/// Adds what is known now to what was known.
fn merge(known: &mut Details, new: Details) {
    known.external_execution_id = new.external_execution_id.or(known.external_execution_id.take());
    known.summary = new.summary.or(known.summary.take());
    known.url = new.url.or(known.url.take());
    known.percent_complete = new.percent_complete.or(known.percent_complete);
    known.log_stream_arn = new.log_stream_arn.or(known.log_stream_arn.take());
}
