//! Conditions of a stage: their rules start and end, and what follows if they don't hold.
//!
//! ```text
//!   advance ─▶ check ─▶ rules, side by side ─▶ advance ─▶ settle ─┬─ they hold ─▶ advance
//!              (before entry,                                     │
//!               after success, after failure)                     └─ engage: fail, skip, retry,
//!                                                                    roll back
//! ```
//!
//! The result is engaged if the condition does not hold, of whatever kind it is. A failure of the
//! entry or success condition is no failure of the stage's actions, so `onFailure` says nothing of
//! it. Source: "How do stage conditions work?", "Configure conditions for a stage".

use serde_json::json;
use trackway_core::{Command, Timestamp, Turn, uuid};

use crate::pipeline::Pipeline;
use crate::pipeline::call;
use crate::pipeline::condition::{ConditionStatus, place_of};
use crate::pipeline::event::{End, EventKind, Opening, Rollback};
use crate::pipeline::state::{ActStatus, RunStatus};
use crate::rule::{self, Verdict};
use crate::signal::{Cargo, ConditionKind, Refusal, Signal};
use crate::structure::{ConditionResult, ExecutionMode, Stage};

impl Pipeline {
    /// Starts the rules of a condition. False if the stage has no such condition, or it was checked.
    pub(super) fn check(
        &mut self,
        run: u32,
        condition: ConditionKind,
        turn: &mut Turn<'_, Self>,
    ) -> bool {
        let Some(it) = self.runs.get(&run) else { return false };
        if it.inside.as_ref().is_none_or(|inside| inside.conditions.contains_key(&condition)) {
            return false;
        }
        let structure = self.structure_of(it.version);
        let stage = structure.stage(it.stage);
        let Some(declared) = stage.and_then(|stage| stage.condition(condition)) else {
            return false;
        };
        self.emit(EventKind::ConditionStarted { run, condition }, turn);
        for rule in 0..declared.rules.len() {
            self.start_act(run, place_of(condition, rule), turn);
        }
        true
    }

    /// A rule that is decided here has started, or what it waited for has come.
    pub(super) fn decide_rule(
        &mut self,
        (run, place): (u32, u16),
        deadline: Timestamp,
        turn: &mut Turn<'_, Self>,
    ) -> Option<Timestamp> {
        let it = self.runs.get(&run)?;
        let structure = self.structure_of(it.version);
        let declared = structure.action(it.stage, place)?;
        let act = self.act(run, place)?;
        let configuration = act.configuration(&declared);
        let mut end = End::default();
        let status = match rule::decide(&declared.action_type_id, &configuration, turn.now()) {
            Verdict::Holds(found) => {
                end.details.summary = Some(found);
                ActStatus::Succeeded
            }
            Verdict::Fails(failure) => {
                end.error = Some((failure.code.to_owned(), failure.message));
                ActStatus::Failed
            }
            Verdict::WaitsUntil(at) if turn.now() < deadline => return Some(at.min(deadline)),
            Verdict::WaitsUntil(_) => {
                let message = "The rule did not succeed before its timeout.";
                end.error = Some(("JobFailed".to_owned(), message.to_owned()));
                ActStatus::Failed
            }
        };
        self.end_act((run, place), status, &end, None, turn);
        None
    }

    /// The timer of a rule that is decided here fired. False if it is another's.
    pub(super) fn rule_due(&mut self, (run, place): (u32, u16), turn: &mut Turn<'_, Self>) -> bool {
        let Some(it) = self.runs.get(&run) else { return false };
        let structure = self.structure_of(it.version);
        let Some(declared) = structure.action(it.stage, place) else { return false };
        if !rule::is_decided_here(&declared.action_type_id) {
            return false;
        }
        let Some(act) = self.act(run, place) else { return false };
        let deadline = call::deadline(&declared, act.started);
        match self.decide_rule((run, place), deadline, turn) {
            Some(at) => {
                let timer = self.next_timer();
                self.emit(EventKind::RuleWaits { run, rule: place, timer }, turn);
                turn.command(Command::Wake { timer, at });
            }
            None => self.advance(run, turn),
        }
        true
    }

    /// All rules of a condition have ended, and so has it. Whether its execution goes on here.
    pub(super) fn settle(
        &mut self,
        run: u32,
        condition: ConditionKind,
        turn: &mut Turn<'_, Self>,
    ) -> bool {
        let Some(it) = self.runs.get(&run) else { return false };
        let Some(inside) = &it.inside else { return false };
        let (status, is_stopping) = (inside.verdict(condition), it.status == RunStatus::Stopping);
        let structure = self.structure_of(it.version);
        let stage = structure.stage(it.stage);
        let result = stage.and_then(|stage| stage.condition(condition)?.result);
        self.emit(EventKind::ConditionEnded { run, condition, status }, turn);
        if is_stopping || status == ConditionStatus::Succeeded {
            return true;
        }
        self.engage(run, result, turn);
        false
    }

    /// An action of the stage failed, and none is in progress any more.
    pub(super) fn acts_failed(&mut self, run: u32, turn: &mut Turn<'_, Self>) {
        if self.check(run, ConditionKind::OnFailure, turn) {
            return self.advance(run, turn);
        }
        let Some(it) = self.runs.get(&run) else { return };
        let structure = self.structure_of(it.version);
        let on_failure = structure.stage(it.stage).and_then(|stage| stage.on_failure.as_ref());
        // A condition has a result of its own; if it holds, the stage simply fails.
        let on_failure = on_failure.filter(|on_failure| on_failure.conditions.is_empty());
        self.engage(run, on_failure.and_then(|on_failure| on_failure.result), turn);
    }

    /// All actions of the stage succeeded.
    pub(super) fn acts_succeeded(&mut self, run: u32, turn: &mut Turn<'_, Self>) {
        if self.check(run, ConditionKind::OnSuccess, turn) {
            return self.advance(run, turn);
        }
        self.pass(run, false, turn);
    }

    /// What happens to an execution whose stage, or a condition of it, failed.
    fn engage(&mut self, run: u32, result: Option<ConditionResult>, turn: &mut Turn<'_, Self>) {
        let Some(it) = self.runs.get(&run) else { return };
        let may_retry = it.inside.as_ref().is_some_and(|inside| inside.retries.1 == 0);
        match result {
            Some(ConditionResult::Skip) => self.pass(run, true, turn),
            Some(ConditionResult::Rollback) => self.roll_itself_back(run, turn),
            Some(ConditionResult::Retry) if may_retry => {
                let structure = self.structure_of(it.version);
                let is_all = structure.stage(it.stage).is_some_and(retries_all);
                self.retry_stage(run, is_all, None, false, turn);
            }
            Some(ConditionResult::Retry | ConditionResult::Fail) | None => {
                self.end(run, RunStatus::Failed, turn);
            }
        }
    }

    /// The execution fails, and another one runs the stage with what the last one had that
    /// succeeded in it. Without such a one it only fails. Who waits for the stage goes on waiting.
    fn roll_itself_back(&mut self, run: u32, turn: &mut Turn<'_, Self>) {
        let Some((target, cargo, stage)) = self.last_good(run) else {
            return self.end(run, RunStatus::Failed, turn);
        };
        let failed = self.runs.get(&run).map(|it| uuid::text(it.id)).unwrap_or_default();
        let opening = Opening {
            trigger_type: "AutomatedRollback".to_owned(),
            trigger_detail: json!({ "FailedPipelineExecutionId": failed }).to_string(),
            rollback: Some(Rollback { target: uuid::text(target), cargo }),
            ..Opening::default()
        };
        self.emit(EventKind::Ended { run, status: RunStatus::Failed }, turn);
        let (rollback, id) = (self.runs_len, self.number.id(turn.random()));
        self.emit_with(EventKind::Started { id }, &opening, turn);
        self.enter(rollback, stage, turn);
    }

    /// The last execution that succeeded in the stage of this one, if it may be gone back to: it
    /// ran the current version. A rollback goes back no further.
    fn last_good(&self, run: u32) -> Option<(u128, Cargo, u16)> {
        let it = self.runs.get(&run)?;
        let name = self.stage_of(it);
        let structure = self.structure();
        let place = structure.stages.iter().position(|stage| stage.name == name)?;
        let good = self.stages.get(&name)?.succeeded.as_ref()?;
        let may_be = good.cargo.version == self.version && !good.cargo.is_rollback;
        let may_start = !it.is_rollback() && place > 0;
        (may_be && may_start && good.id != it.id)
            .then(|| (good.id, good.cargo.clone(), u16::try_from(place).unwrap_or(u16::MAX)))
    }

    pub(super) fn override_condition(
        &mut self,
        signal: Signal,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let Signal::Override { stage, execution, condition, by } = signal else { return Ok(()) };
        let run = self.overridable(&stage, execution, condition)?;
        for rule in self.rules_in_progress(run, condition) {
            let end = End { by: Some(by.clone()), ..End::default() };
            self.end_act((run, rule), ActStatus::Abandoned, &end, None, turn);
        }
        let status = ConditionStatus::Overridden;
        self.emit_with(EventKind::ConditionEnded { run, condition, status }, &by, turn);
        self.advance(run, turn);
        Ok(())
    }

    fn rules_in_progress(&self, run: u32, condition: ConditionKind) -> Vec<u16> {
        let inside = self.runs.get(&run).and_then(|run| run.inside.as_ref());
        let rules = inside.into_iter().flat_map(|inside| inside.rules(condition));
        rules.filter(|(_, rule)| rule.status == ActStatus::InProgress).map(|it| it.0).collect()
    }

    /// The execution whose condition may be overridden: it is checked, or the execution failed
    /// because of it and none has been in the stage since.
    fn overridable(
        &self,
        stage: &str,
        execution: u128,
        condition: ConditionKind,
    ) -> Result<u32, Refusal> {
        let structure = self.structure();
        if !structure.stages.iter().any(|it| it.name == stage) {
            return Err(Refusal::StageNotFound);
        }
        let run = self.run_with(execution).ok_or(Refusal::ExecutionNotFound)?;
        if self.stage_of(run) != stage {
            return Err(Refusal::NotOverridable("the execution is not in the stage"));
        }
        let latest = self.stages.get(stage).and_then(|stage| stage.latest);
        if run.mode != ExecutionMode::Parallel && run.inside.is_some() && latest != Some(run.seq) {
            return Err(Refusal::NotLatest);
        }
        let theirs = self.structure_of(run.version);
        let declared = theirs.stage(run.stage).and_then(|stage| stage.condition(condition));
        let declared =
            declared.ok_or(Refusal::NotOverridable("the stage has no such condition"))?;
        if declared.result == Some(ConditionResult::Skip) {
            let why = "a condition with the result SKIP can't be overridden";
            return Err(Refusal::NotOverridable(why));
        }
        let checked = run.inside.as_ref().and_then(|inside| inside.conditions.get(&condition));
        match (run.status, checked.map(|checked| checked.status)) {
            (RunStatus::InProgress, Some(ConditionStatus::InProgress)) => {}
            (RunStatus::Failed, Some(ConditionStatus::Failed | ConditionStatus::Errored)) => {
                self.check_room(1)?;
            }
            (RunStatus::Stopping, _) => return Err(Refusal::Conflict),
            _ => {
                let why = "it is neither in progress nor has it failed";
                return Err(Refusal::NotOverridable(why));
            }
        }
        Ok(run.seq)
    }
}

/// Whether a stage that retries itself runs all its actions anew.
fn retries_all(stage: &Stage) -> bool {
    let configured = stage.on_failure.as_ref().and_then(|it| it.retry_configuration.as_ref());
    configured.and_then(|it| it.retry_mode.as_deref()) == Some("ALL_ACTIONS")
}
