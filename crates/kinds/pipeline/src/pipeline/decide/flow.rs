//! Executions go through stages: they wait, enter, pass, end.
//!
//! ```text
//!   arrive ─▶ enter ─▶ advance ─▶ acts_succeeded ─▶ pass ─▶ arrive at the next, or end
//!      │               conditions,
//!      ▼               groups  │
//!    waits                     └─▶ acts_failed ─▶ end, or what the stage says
//! ```

use trackway_core::Turn;

use crate::pipeline::Pipeline;
use crate::pipeline::event::EventKind;
use crate::pipeline::state::{ActStatus, RunStatus};
use crate::signal::ConditionKind;
use crate::structure::ExecutionMode;

impl Pipeline {
    /// An execution comes to a stage. It enters, or waits: in SUPERSEDED mode in place of who
    /// waited, in QUEUED mode behind them.
    pub(super) fn arrive(&mut self, run: u32, stage: u16, turn: &mut Turn<'_, Self>) {
        let Some(it) = self.runs.get(&run) else { return };
        let mode = it.mode;
        if mode == ExecutionMode::Parallel || self.is_open(run, stage) {
            return self.enter(run, stage, turn);
        }
        if mode == ExecutionMode::Superseded {
            for other in self.overtaken(run, stage) {
                self.emit(EventKind::Ended { run: other, status: RunStatus::Superseded }, turn);
            }
        }
        self.emit(EventKind::Waits { run, stage }, turn);
    }

    /// Those in SUPERSEDED mode that wait in front of the stage that an execution comes to.
    fn overtaken(&self, run: u32, stage: u16) -> Vec<u32> {
        let Some(state) = self.stages.get(&self.stage_name(run, stage)) else { return Vec::new() };
        let is_overtaken = |other: &&u32| {
            self.runs.get(other).is_some_and(|run| run.mode == ExecutionMode::Superseded)
        };
        state.waiting.iter().filter(is_overtaken).copied().collect()
    }

    fn stage_name(&self, run: u32, stage: u16) -> String {
        let structure = self.runs.get(&run).map(|run| self.structure_of(run.version));
        let stage = structure.as_ref().and_then(|it| it.stages.get(usize::from(stage)));
        stage.map(|stage| stage.name.clone()).unwrap_or_default()
    }

    /// Whether an execution may enter a stage without waiting.
    fn is_open(&self, run: u32, stage: u16) -> bool {
        let state = self.stages.get(&self.stage_name(run, stage));
        state.is_none_or(|stage| {
            stage.busy.is_none() && stage.gate.disabled.is_none() && stage.waiting.is_empty()
        })
    }

    pub(super) fn enter(&mut self, run: u32, stage: u16, turn: &mut Turn<'_, Self>) {
        self.emit(EventKind::Entered { run, stage }, turn);
        self.advance(run, turn);
    }

    /// Starts the next actions of the stage, once its entry condition holds and those before have
    /// ended; or goes on.
    pub(super) fn advance(&mut self, run: u32, turn: &mut Turn<'_, Self>) {
        loop {
            let Some(it) = self.runs.get(&run).filter(|run| run.status.is_live()) else { return };
            let Some(inside) = &it.inside else { return };
            if inside.is_busy() {
                return;
            }
            if let Some(condition) = inside.in_question() {
                match self.settle(run, condition, turn) {
                    true => continue,
                    false => return,
                }
            }
            if it.status == RunStatus::Stopping {
                return self.end(run, RunStatus::Stopped, turn);
            }
            if inside.has_failed() {
                return self.acts_failed(run, turn);
            }
            if self.check(run, ConditionKind::BeforeEntry, turn) {
                continue;
            }
            let group = self.next_group(run);
            if group.is_empty() {
                return self.acts_succeeded(run, turn);
            }
            for act in group {
                self.start_act(run, act, turn);
            }
        }
    }

    /// The actions of the lowest run order that have not started yet.
    fn next_group(&self, run: u32) -> Vec<u16> {
        let Some(run) = self.runs.get(&run) else { return Vec::new() };
        let Some(inside) = &run.inside else { return Vec::new() };
        let structure = self.structure_of(run.version);
        let Some(stage) = structure.stages.get(usize::from(run.stage)) else { return Vec::new() };
        let places = (0..).zip(&stage.actions);
        let waiting: Vec<_> = places
            .filter(|(place, _)| {
                let act = inside.acts.get(place);
                act.is_none_or(|act| act.status != ActStatus::Succeeded)
            })
            .map(|(place, action)| (place, action.run_order))
            .collect();
        let Some(first) = waiting.iter().map(|(_, order)| *order).min() else { return Vec::new() };
        let in_group = waiting.into_iter().filter(|(_, order)| *order == first);
        in_group.map(|(place, _)| place).collect()
    }

    /// The execution has done with its stage: it goes on, and who waits for the stage enters.
    pub(super) fn pass(&mut self, run: u32, is_skipped: bool, turn: &mut Turn<'_, Self>) {
        let Some(it) = self.runs.get(&run) else { return };
        let name = self.stage_of(it);
        let (next, is_rollback) = (it.stage + 1, it.is_rollback());
        let stages = self.structure_of(it.version).stages.len();
        self.emit(EventKind::Passed { run, is_skipped }, turn);
        if is_rollback || usize::from(next) >= stages {
            self.emit(EventKind::Ended { run, status: RunStatus::Succeeded }, turn);
        } else {
            self.arrive(run, next, turn);
        }
        self.admit(&name, turn);
    }

    /// The execution ends where it is.
    pub(super) fn end(&mut self, run: u32, status: RunStatus, turn: &mut Turn<'_, Self>) {
        let Some(it) = self.runs.get(&run) else { return };
        let name = self.stage_of(it);
        self.emit(EventKind::Ended { run, status }, turn);
        self.admit(&name, turn);
    }

    /// Lets in who waits in front of a stage, if it is free and its transition enabled.
    pub(super) fn admit(&mut self, name: &str, turn: &mut Turn<'_, Self>) {
        let Some(stage) = self.stages.get(name) else { return };
        if stage.busy.is_some() || stage.gate.disabled.is_some() {
            return;
        }
        let Some(run) = stage.waiting.front().copied() else { return };
        if let Some(place) = self.runs.get(&run).map(|run| run.stage) {
            self.enter(run, place, turn);
        }
    }
}
