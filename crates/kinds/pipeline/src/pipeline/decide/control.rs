//! Stop, retry, transitions, versions, the end of the pipeline.

use trackway_core::{Command, Turn};

use crate::pipeline::Pipeline;
use crate::pipeline::event::{End, EventKind, GateSet, Stopping};
use crate::pipeline::state::{ActStatus, RunStatus};
use crate::signal::Refusal;
use crate::structure::Structure;

impl Pipeline {
    /// The next version. Executions go on with the version that they began with. One that waits in
    /// front of a disabled transition which the new version no longer has is cancelled, since
    /// nobody could enable that any more.
    pub(super) fn update(
        &mut self,
        mut structure: Structure,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        structure.version = self.version + 1;
        let is_gone = |name: &String| !structure.stages.iter().any(|stage| stage.name == *name);
        let stuck = self
            .stages
            .iter()
            .filter(|(name, stage)| is_gone(name) && stage.gate.disabled.is_some());
        let stuck: Vec<u32> = stuck.flat_map(|(_, stage)| stage.waiting.clone()).collect();
        for run in stuck {
            self.emit(EventKind::Ended { run, status: RunStatus::Cancelled }, turn);
        }
        self.emit_with(EventKind::Versioned, &structure, turn);
        Ok(())
    }

    pub(super) fn delete(&mut self, turn: &mut Turn<'_, Self>) -> Result<(), Refusal> {
        self.emit(EventKind::Deleted, turn);
        turn.command(Command::Close { report: b"{}".to_vec() });
        Ok(())
    }

    pub(super) fn stop(
        &mut self,
        execution: u128,
        stopping: Stopping,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let run = self.run_with(execution).ok_or(Refusal::ExecutionNotFound)?;
        match run.status {
            RunStatus::InProgress => {}
            RunStatus::Stopping if stopping.abandon => {}
            RunStatus::Stopping => return Err(Refusal::DuplicatedStop),
            _ => return Err(Refusal::NotStoppable),
        }
        let (run, is_inside) = (run.seq, run.inside.is_some());
        self.emit_with(EventKind::StopAsked { run }, &stopping, turn);
        if !is_inside {
            self.end(run, RunStatus::Stopped, turn);
            return Ok(());
        }
        if stopping.abandon {
            for act in self.acts_in_progress(run) {
                let end = End { by: Some(stopping.by.clone()), ..End::default() };
                self.end_act((run, act), ActStatus::Abandoned, &end, None, turn);
            }
        }
        self.advance(run, turn);
        Ok(())
    }

    fn acts_in_progress(&self, run: u32) -> Vec<u16> {
        let inside = self.runs.get(&run).and_then(|run| run.inside.as_ref());
        let acts = inside.into_iter().flat_map(|inside| &inside.acts);
        acts.filter(|(_, act)| act.status == ActStatus::InProgress).map(|(act, _)| *act).collect()
    }

    pub(super) fn retry(
        &mut self,
        (stage, execution): (&str, u128),
        is_all: bool,
        by: &str,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let structure = self.structure();
        let declared = structure.stages.iter().find(|it| it.name == stage);
        let declared = declared.ok_or(Refusal::StageNotFound)?;
        let run = self.run_with(execution).ok_or(Refusal::ExecutionNotFound)?;
        let frozen = self.structure_of(run.version);
        let theirs = frozen.stages.get(usize::from(run.stage)).filter(|it| it.name == stage);
        let (Some(theirs), Some(inside)) = (theirs, &run.inside) else {
            return Err(Refusal::NotRetryable("the execution has not failed in the stage"));
        };
        let has_failed = inside.has_failed();
        match run.status {
            RunStatus::Failed | RunStatus::Stopped => {}
            // The others of its group go on while what failed runs anew.
            RunStatus::InProgress if has_failed && !is_all && inside.in_question().is_none() => {}
            RunStatus::InProgress | RunStatus::Stopping => return Err(Refusal::Conflict),
            _ => return Err(Refusal::NotRetryable("the execution has not failed in the stage")),
        }
        if theirs != declared {
            return Err(Refusal::NotRetryable("the structure of the stage has changed"));
        }
        let (run, is_live) = (run.seq, run.status.is_live());
        if !is_live {
            self.check_room(1)?;
        }
        self.retry_stage(run, is_all, Some(by), is_live, turn);
        Ok(())
    }

    /// The stage runs anew; none asked for it if it is automatic.
    pub(super) fn retry_stage(
        &mut self,
        run: u32,
        is_all: bool,
        by: Option<&str>,
        is_live: bool,
        turn: &mut Turn<'_, Self>,
    ) {
        let failed: Vec<u16> = match self.inside_mut(run) {
            Some(inside) => {
                let failed = inside.actions().filter(|(_, act)| act.status == ActStatus::Failed);
                failed.map(|(act, _)| act).collect()
            }
            None => return,
        };
        let kind = EventKind::Retried { run, is_all, is_auto: by.is_none() };
        self.emit_with(kind, &by, turn);
        if is_live {
            for act in failed {
                self.start_act(run, act, turn);
            }
        }
        self.advance(run, turn);
    }

    pub(super) fn set_gate(
        &mut self,
        mut set: GateSet,
        is_outbound: bool,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let structure = self.structure();
        let place = structure.stages.iter().position(|stage| stage.name == set.stage);
        let place = place.ok_or(Refusal::StageNotFound)?;
        let behind = structure.stages.get(place + usize::from(is_outbound));
        // Nothing follows the last stage, so nothing is held back.
        let Some(behind) = behind else { return Ok(()) };
        set.stage.clone_from(&behind.name);
        let name = behind.name.clone();
        let gate = self.stages.get(&name).map(|stage| stage.gate.clone()).unwrap_or_default();
        let is_known = gate.changed.is_some_and(|(by, _)| by == set.by);
        if gate.disabled == set.disabled && (is_known || set.disabled.is_none()) {
            return Ok(());
        }
        self.emit_with(EventKind::GateSet, &set, turn);
        self.admit(&name, turn);
        Ok(())
    }
}
