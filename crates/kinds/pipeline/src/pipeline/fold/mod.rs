//! Events folded into the state: here the pipeline and its executions, in `act` what happens to
//! their actions, in `cargo` what a rollback takes along.

mod act;
mod cargo;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::{self, Number};
use crate::limits::{CONCURRENT_EXECUTIONS_MAX, RECENT_MAX};
use crate::pipeline::condition::{Checked, ConditionStatus, is_rule};
use crate::pipeline::event::{Event, EventKind, GateSet, Opening, RevisionPut, Stopping};
use crate::pipeline::state::{ActStatus, Inside, Run, RunStatus, StageStatus, Succeeded};
use crate::pipeline::{ACTIVE, DELETED, Pipeline};
use crate::request::Revision;
use crate::signal::{Birth, ConditionKind};
use crate::structure::{ExecutionMode, Structure};
use serde::de::DeserializeOwned;
use trackway_core::Timestamp;

use cargo::texts;

/// The payload of an event.
pub(in crate::pipeline) fn read<T: DeserializeOwned + Default>(event: &Event) -> T {
    let text = event.payload.as_deref().unwrap_or("null");
    serde_json::from_str(text).unwrap_or_default()
}

impl Pipeline {
    pub(in crate::pipeline) fn fold(&mut self, event: &Event, at: Timestamp) {
        self.left.clear();
        match &event.kind {
            EventKind::Created => self.created(read(event), at),
            EventKind::Versioned => self.versioned(read(event), at),
            EventKind::Started { id } => self.started(*id, read(event), at),
            EventKind::Waits { run, stage } => self.waits(*run, *stage, at),
            EventKind::Entered { run, stage } => self.entered(*run, *stage, at),
            EventKind::Passed { run, is_skipped } => self.passed(*run, *is_skipped, at),
            EventKind::StopAsked { run } => self.stop_asked(*run, read(event), at),
            EventKind::Ended { run, status } => self.ended(*run, *status, at),
            EventKind::Retried { run, is_all, is_auto } => {
                let by: Option<String> = read(event);
                self.retried(*run, *is_all, *is_auto, at);
                if let Some(inside) = self.inside_mut(*run) {
                    inside.retried_by = by;
                }
            }
            EventKind::GateSet => self.gate_set(read(event), at),
            EventKind::Seen => self.saw(read(event)),
            EventKind::RevisionPut => {
                let put: RevisionPut = read(event);
                self.revise((put.stage, put.action), put.revision);
            }
            EventKind::ConditionStarted { run, condition } => {
                self.checked(*run, *condition, Checked { updated: at, ..Checked::default() });
            }
            EventKind::ConditionEnded { run, condition, status } => {
                let checked = Checked { status: *status, updated: at, by: read(event) };
                self.checked(*run, *condition, checked);
            }
            EventKind::Deleted => {
                (self.status, self.closed) = (DELETED, Some(at));
                (self.runs, self.stages) = (BTreeMap::new(), BTreeMap::new());
                (self.effects, self.timers) = (BTreeMap::new(), BTreeMap::new());
            }
            _ => self.fold_act(event, at),
        }
    }
    fn created(&mut self, birth: Birth, at: Timestamp) {
        self.number = Number::new(birth.number);
        (self.account, self.region) = (birth.account, birth.region);
        (self.created, self.status) = (at, ACTIVE);
        self.versioned(birth.structure, at);
    }

    fn versioned(&mut self, structure: Structure, at: Timestamp) {
        self.updated = at;
        self.version = structure.version;
        let gone = |name: &String| !structure.stages.iter().any(|stage| stage.name == *name);
        // Nobody can change a transition any more that no version has.
        for (_, stage) in self.stages.iter_mut().filter(|(name, _)| gone(name)) {
            stage.gate = crate::pipeline::state::Gate::default();
        }
        self.structures.insert(structure.version, Arc::new(structure));
        self.tidy();
    }

    /// Forgets versions and stages that nothing refers to.
    fn tidy(&mut self) {
        let Some(latest) = self.structures.get(&self.version).cloned() else { return };
        let is_used = |name: &String| latest.stages.iter().any(|stage| stage.name == *name);
        self.stages.retain(|name, stage| {
            is_used(name) || stage.busy.is_some() || !stage.waiting.is_empty()
        });
        // What failed in a stage that is gone can't be retried.
        let ended = self.runs.values().filter(|run| !run.status.is_live());
        let lost = ended.filter(|run| !self.stages.contains_key(&self.stage_of(run)));
        let lost: Vec<_> = lost.map(|run| run.seq).collect();
        self.left.extend(lost.iter().filter_map(|run| self.runs.remove(run)));
        let (version, runs) = (self.version, &self.runs);
        self.structures
            .retain(|it, _| *it == version || runs.values().any(|run| run.version == *it));
        let names = |(stage, action): &(String, String)| {
            let stage = latest.stages.iter().find(|it| it.name == *stage);
            stage.is_some_and(|stage| stage.actions.iter().any(|it| it.name == *action))
        };
        self.revisions.retain(|(key, _)| names(key));
    }

    fn started(&mut self, id: u128, opening: Opening, at: Timestamp) {
        let structure = self.structure();
        let seq = self.runs_len;
        self.runs_len += 1;
        let mut run = Run {
            id,
            seq,
            version: self.version,
            mode: structure.execution_mode,
            trigger: (opening.trigger_type, opening.trigger_detail),
            variables: texts(&opening.variables),
            source_revisions: opening.source_revisions,
            started: at,
            updated: at,
            ..Run::default()
        };
        if let Some(rollback) = opening.rollback {
            run.target = ids::read(&rollback.target).or(Some(0));
            run.load(&rollback.cargo);
        }
        self.runs.insert(seq, run);
        push_bounded(&mut self.recent, id);
    }

    fn waits(&mut self, run: u32, stage: u16, at: Timestamp) {
        let Some(it) = self.runs.get_mut(&run) else { return };
        (it.stage, it.inside, it.updated) = (stage, None, at);
        let name = self.name_of(run);
        self.stages.entry(name).or_default().waiting.push_back(run);
    }

    fn entered(&mut self, run: u32, place: u16, at: Timestamp) {
        let Some(it) = self.runs.get_mut(&run) else { return };
        (it.stage, it.updated) = (place, at);
        it.inside = Some(Box::new(Inside {
            execution: it.id,
            is_rollback: it.is_rollback(),
            ..Inside::default()
        }));
        let is_parallel = it.mode == ExecutionMode::Parallel;
        let name = self.name_of(run);
        let stage = self.stages.entry(name.clone()).or_default();
        stage.waiting.retain(|it| *it != run);
        if !is_parallel {
            stage.busy = Some(run);
        }
        let before = stage.latest.replace(run);
        stage.shown = None;
        // What failed here before can't be retried any more.
        let is_lost = |run: &Run| !run.status.is_live() && run.mode != ExecutionMode::Parallel;
        if let Some(before) = before.filter(|before| *before != run)
            && self.runs.get(&before).is_some_and(is_lost)
            && self.name_of(before) == name
        {
            self.forget(before);
        }
    }

    /// Drops an execution that has ended.
    fn forget(&mut self, run: u32) {
        if let Some(run) = self.runs.remove(&run) {
            let is_old = run.version != self.version;
            self.left.push(run);
            if is_old {
                self.tidy();
            }
        }
    }

    fn name_of(&self, run: u32) -> String {
        self.runs.get(&run).map(|run| self.stage_of(run)).unwrap_or_default()
    }

    fn passed(&mut self, run: u32, is_skipped: bool, at: Timestamp) {
        let name = self.name_of(run);
        let Some(it) = self.runs.get_mut(&run) else { return };
        it.updated = at;
        let mut inside = it.inside.take().unwrap_or_default();
        inside.status = if is_skipped { StageStatus::Skipped } else { StageStatus::Succeeded };
        if !is_skipped {
            it.succeeded.push(name.clone());
        }
        // The source stage can't be rolled back.
        let may_be_target =
            it.stage > 0 && !is_skipped && it.mode != ExecutionMode::Parallel && !it.is_rollback();
        let succeeded = may_be_target.then(|| Box::new(Succeeded { id: it.id, cargo: it.cargo() }));
        self.unlock(&name, run);
        let stage = self.stages.entry(name).or_default();
        if stage.latest == Some(run) {
            stage.shown = Some(inside);
        }
        stage.succeeded = succeeded.or(stage.succeeded.take());
    }

    fn unlock(&mut self, name: &str, run: u32) {
        if let Some(stage) = self.stages.get_mut(name) {
            stage.busy = stage.busy.filter(|busy| *busy != run);
            stage.waiting.retain(|it| *it != run);
        }
    }

    fn stop_asked(&mut self, run: u32, stopping: Stopping, at: Timestamp) {
        let Some(run) = self.runs.get_mut(&run) else { return };
        (run.status, run.updated) = (RunStatus::Stopping, at);
        // Who gives up what is stopping already need not say again why it is stopped.
        run.stop_reason = stopping.reason.or(run.stop_reason.take());
    }

    fn ended(&mut self, run: u32, status: RunStatus, at: Timestamp) {
        let name = self.name_of(run);
        self.unlock(&name, run);
        let Some(it) = self.runs.get_mut(&run) else { return };
        (it.status, it.updated) = (status, at);
        let may_retry = matches!(status, RunStatus::Failed | RunStatus::Stopped);
        let is_parallel = it.mode == ExecutionMode::Parallel;
        if let Some(inside) = &mut it.inside {
            inside.status = match status {
                RunStatus::Failed => StageStatus::Failed,
                RunStatus::Stopped => StageStatus::Stopped,
                RunStatus::Succeeded => StageStatus::Succeeded,
                _ => StageStatus::Cancelled,
            };
            let stage = self.stages.entry(name).or_default();
            let is_latest = stage.latest == Some(run);
            if may_retry && (is_latest || is_parallel) {
                return self.keep_some();
            }
            if is_latest {
                stage.shown = it.inside.clone();
            }
        }
        self.forget(run);
    }

    /// Of executions in PARALLEL mode that may be retried, the last ones are kept.
    fn keep_some(&mut self) {
        let is_kept = |run: &&Run| !run.status.is_live() && run.mode == ExecutionMode::Parallel;
        let mut kept = self.runs.values().filter(is_kept);
        let first = kept.next().map(|run| run.seq);
        if kept.count() >= CONCURRENT_EXECUTIONS_MAX
            && let Some(run) = first.and_then(|first| self.runs.remove(&first))
        {
            let name = self.stage_of(&run);
            if let Some(stage) = self.stages.get_mut(&name)
                && stage.latest == Some(run.seq)
            {
                stage.shown.clone_from(&run.inside);
            }
            self.left.push(run);
        }
    }

    fn retried(&mut self, run: u32, is_all: bool, is_auto: bool, at: Timestamp) {
        let name = self.name_of(run);
        let Some(it) = self.runs.get_mut(&run) else { return };
        (it.status, it.updated, it.stop_reason) = (RunStatus::InProgress, at, None);
        let is_parallel = it.mode == ExecutionMode::Parallel;
        let Some(inside) = &mut it.inside else { return };
        inside.status = StageStatus::InProgress;
        inside.is_auto_retry = is_auto;
        let count = if is_auto { &mut inside.retries.1 } else { &mut inside.retries.0 };
        *count += 1;
        let earlier = &mut inside.earlier;
        inside.acts.retain(|place, act| {
            let is_again = is_all || matches!(act.status, ActStatus::Failed | ActStatus::Abandoned);
            let is_again = is_again && !is_rule(*place);
            if is_again {
                earlier.insert(*place, (act.started, act.seq));
            }
            !is_again
        });
        inside.forget_conditions(is_all);
        if !is_parallel {
            self.stages.entry(name).or_default().busy = Some(run);
        }
    }

    /// A condition is checked, or was. Once it is overridden, an execution that failed goes on.
    fn checked(&mut self, run: u32, condition: ConditionKind, checked: Checked) {
        let name = self.name_of(run);
        let Some(it) = self.runs.get_mut(&run) else { return };
        it.updated = checked.updated;
        let Some(inside) = &mut it.inside else { return };
        let goes_on = checked.status == ConditionStatus::Overridden && !it.status.is_live();
        inside.conditions.insert(condition, checked);
        if goes_on {
            it.status = RunStatus::InProgress;
            inside.status = StageStatus::InProgress;
            if it.mode != ExecutionMode::Parallel {
                self.stages.entry(name).or_default().busy = Some(run);
            }
        }
    }

    fn gate_set(&mut self, set: GateSet, at: Timestamp) {
        let gate = &mut self.stages.entry(set.stage).or_default().gate;
        gate.disabled = set.disabled;
        gate.changed = Some((set.by, at));
    }

    fn saw(&mut self, changes: Vec<(String, Option<String>)>) {
        for (key, now) in changes {
            match now {
                Some(now) => self.seen.insert(key, now),
                None => self.seen.remove(&key),
            };
        }
    }

    fn revise(&mut self, key: (String, String), revision: Revision) {
        match self.revisions.iter_mut().find(|(it, _)| *it == key) {
            Some((_, known)) => *known = revision,
            None => self.revisions.push((key, revision)),
        }
    }
}

fn push_bounded(list: &mut std::collections::VecDeque<u128>, id: u128) {
    list.push_back(id);
    if list.len() > RECENT_MAX {
        list.pop_front();
    }
}
