//! Executions begin: by creation, by a trigger, as a rollback.

use serde_json::{Map, Value};
use trackway_core::{Start, Turn, uuid};

use crate::limits::CONCURRENT_EXECUTIONS_MAX;
use crate::pipeline::Pipeline;
use crate::pipeline::event::{Event, EventKind, Opening, RevisionPut, Rollback};
use crate::request::{Revision, SourceRevision, TypeId};
use crate::signal::{Birth, Cargo, Refusal, Signal, StartRun};
use crate::structure::{Action, ExecutionMode};

/// The trigger whose caller names variables, and so hears of a missing one.
const BY_HAND: &str = "StartPipelineExecution";

impl Pipeline {
    pub(in crate::pipeline) fn begin(&mut self, start: Start, turn: &mut Turn<'_, Self>) {
        let birth: Birth = serde_json::from_str(&start.input).unwrap_or_default();
        turn.emit(self, Event { kind: EventKind::Created, payload: Some(start.input) });
        let opening = Opening {
            trigger_type: "CreatePipeline".to_owned(),
            trigger_detail: birth.by,
            variables: self.defaults(),
            ..Opening::default()
        };
        self.open(birth.execution, &opening, 0, turn);
    }

    /// An execution starts at this stage.
    pub(super) fn open(
        &mut self,
        id: u128,
        opening: &Opening,
        stage: u16,
        turn: &mut Turn<'_, Self>,
    ) {
        let run = self.runs_len;
        self.emit_with(EventKind::Started { id }, opening, turn);
        self.arrive(run, stage, turn);
    }

    fn defaults(&self) -> Map<String, Value> {
        let structure = self.structure();
        let declared = structure.variables.iter();
        let with_default = declared.filter_map(|variable| {
            let value = variable.default_value.clone()?;
            Some((variable.name.clone(), Value::String(value)))
        });
        with_default.collect()
    }

    /// Whether an execution with this id runs, or ran lately.
    fn knows(&self, id: u128) -> bool {
        self.recent.contains(&id) || self.run_with(id).is_some()
    }

    pub(super) fn check_room(&self, more: usize) -> Result<(), Refusal> {
        let live = self.runs.values().filter(|run| run.status.is_live()).count();
        let is_limited = self.structure().execution_mode != ExecutionMode::Superseded;
        if is_limited && live + more > CONCURRENT_EXECUTIONS_MAX {
            return Err(Refusal::TooManyExecutions);
        }
        Ok(())
    }

    /// How an execution begins, with a value for every variable.
    fn opening(&self, start: StartRun) -> Result<Opening, Refusal> {
        let structure = self.structure();
        let is_declared = |name: &String| structure.variables.iter().any(|it| it.name == *name);
        if let Some(name) = start.variables.keys().find(|name| !is_declared(name)) {
            return Err(Refusal::Invalid(format!(
                "Pipeline variable {name} is not declared in the pipeline {}",
                structure.name
            )));
        }
        let mut variables = self.defaults();
        variables.extend(start.variables);
        let missing = structure.variables.iter().find(|it| !variables.contains_key(&it.name));
        // A trigger names no variables: what refers to a missing one fails.
        if let Some(missing) = missing.filter(|_| start.trigger_type == BY_HAND) {
            return Err(Refusal::Invalid(format!(
                "Pipeline variable {} has no value: it has no default value, so one has to be given",
                missing.name
            )));
        }
        let sources = structure.stages.first().map(|stage| stage.actions.as_slice());
        let sources = sources.unwrap_or_default();
        let unknown = start
            .source_revisions
            .iter()
            .find(|revision| !sources.iter().any(|action| action.name == revision.action_name));
        if let Some(unknown) = unknown {
            return Err(Refusal::Invalid(format!(
                "Source action {} does not exist in the pipeline {}",
                unknown.action_name, structure.name
            )));
        }
        Ok(Opening {
            trigger_type: start.trigger_type,
            trigger_detail: start.trigger_detail,
            variables,
            source_revisions: start.source_revisions,
            rollback: None,
        })
    }

    pub(super) fn start(
        &mut self,
        start: StartRun,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        if self.knows(start.execution) {
            return Ok(());
        }
        let id = start.execution;
        let opening = self.opening(start)?;
        self.check_room(1)?;
        self.open(id, &opening, 0, turn);
        Ok(())
    }

    pub(super) fn sources_seen(
        &mut self,
        changes: &[(String, Option<String>, Option<String>)],
        starts: Vec<StartRun>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        if changes.iter().any(|(key, before, _)| self.seen.get(key) != before.as_ref()) {
            return Err(Refusal::Stale);
        }
        let mut openings = Vec::new();
        for start in starts {
            let id = start.execution;
            if !self.knows(id) && !openings.iter().any(|(other, _)| *other == id) {
                openings.push((id, self.opening(start)?));
            }
        }
        self.check_room(openings.len())?;
        let changed: Vec<_> = changes.iter().map(|(key, _, now)| (key, now)).collect();
        if !changed.is_empty() {
            self.emit_with(EventKind::Seen, &changed, turn);
        }
        for (id, opening) in openings {
            self.open(id, &opening, 0, turn);
        }
        Ok(())
    }

    pub(super) fn put_revision(
        &mut self,
        signal: Signal,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let Signal::PutRevision { stage, action, revision, change_id, created, execution, by } =
            signal
        else {
            return Ok(());
        };
        let structure = self.structure();
        let declared = structure.stages.iter().find(|it| it.name == stage);
        let declared = declared.ok_or(Refusal::StageNotFound)?;
        let acting = declared.actions.iter().find(|it| it.name == action);
        let acting = acting.ok_or(Refusal::ActionNotFound)?;
        let key = (stage.clone(), action.clone());
        let is_known = self.revisions.iter().any(|(it, known)| *it == key && known.id == revision);
        if is_known || self.knows(execution) {
            return Ok(());
        }
        let trigger_type = "PutActionRevision".to_owned();
        let source_revisions = pinned(acting, &revision).into_iter().collect();
        let variables = Map::new();
        let start =
            StartRun { execution, trigger_type, trigger_detail: by, variables, source_revisions };
        let opening = self.opening(start)?;
        self.check_room(1)?;
        let (created, change_id) = (Some(created), Some(change_id));
        let revision = Revision { id: revision, change_id, created, ..Revision::default() };
        self.emit_with(EventKind::RevisionPut, &RevisionPut { stage, action, revision }, turn);
        self.open(execution, &opening, 0, turn);
        Ok(())
    }

    pub(super) fn roll_back(
        &mut self,
        signal: Signal,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let Signal::Rollback { stage, target, cargo, execution, by } = signal else {
            return Ok(());
        };
        if self.knows(execution) {
            return Ok(());
        }
        let structure = self.structure();
        let place = structure.stages.iter().position(|it| it.name == stage);
        let place = place.ok_or(Refusal::StageNotFound)?;
        if place == 0 {
            return Err(Refusal::UnableToRollback("the source stage can't be rolled back"));
        }
        if structure.execution_mode == ExecutionMode::Parallel {
            return Err(Refusal::UnableToRollback("the pipeline is in PARALLEL mode"));
        }
        // What is in the state is newer than its row.
        let cargo = self.run_with(target).map(|run| Box::new(run.cargo())).or(cargo);
        let cargo = cargo.or_else(|| self.last_success(&stage, target));
        let cargo = cargo.ok_or(Refusal::ExecutionNotFound)?;
        if cargo.is_rollback {
            return Err(Refusal::UnableToRollback("the target is a rollback itself"));
        }
        if cargo.version != self.version {
            return Err(Refusal::Outdated);
        }
        if !cargo.succeeded.contains(&stage) {
            return Err(Refusal::UnableToRollback("the target has not succeeded in the stage"));
        }
        self.check_room(1)?;
        let place = u16::try_from(place).unwrap_or(u16::MAX);
        self.open_rollback("ManualRollback", (target, *cargo), (execution, place), by, turn);
        Ok(())
    }

    /// What an execution had that was the last to succeed in a stage: it stays possible to go back to
    /// it after its rows have left.
    fn last_success(&self, stage: &str, target: u128) -> Option<Box<Cargo>> {
        let last = self.stages.get(stage)?.succeeded.as_ref()?;
        (last.id == target).then(|| Box::new(last.cargo.clone()))
    }

    /// An execution that runs one stage with what an earlier one had. `by` is `triggerDetail`.
    pub(super) fn open_rollback(
        &mut self,
        trigger: &str,
        (target, cargo): (u128, Cargo),
        (execution, stage): (u128, u16),
        by: String,
        turn: &mut Turn<'_, Self>,
    ) {
        let opening = Opening {
            trigger_type: trigger.to_owned(),
            trigger_detail: by,
            rollback: Some(Rollback { target: uuid::text(target), cargo }),
            ..Opening::default()
        };
        self.open(execution, &opening, stage, turn);
    }
}

/// What has a source action take the revision that was put, and no later one. A custom one has no
/// type for it: the revision is shown as what it found, unless its worker says another.
fn pinned(action: &Action, revision: &str) -> Option<SourceRevision> {
    let TypeId { category, owner, provider, .. } = &action.action_type_id;
    if category != "Source" {
        return None;
    }
    let kind = match (owner.as_str(), provider.as_str()) {
        ("AWS", "S3") => "S3_OBJECT_VERSION_ID",
        ("AWS", "ECR") => "IMAGE_DIGEST",
        ("AWS", _) | ("ThirdParty", "GitHub") => "COMMIT_ID",
        _ => "",
    };
    Some(SourceRevision {
        action_name: action.name.clone(),
        revision_type: kind.to_owned(),
        revision_value: revision.to_owned(),
    })
}
