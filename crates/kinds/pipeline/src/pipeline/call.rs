//! What performers and workers are sent of an action.

use std::borrow::Cow;

use serde_json::{Map, Value};
use trackway_core::{Timestamp, uuid};

use super::Pipeline;
use super::state::{Act, Run};
use crate::ids;
use crate::limits;
use crate::request::{ActionCall, Artifact, EnvironmentVariable, Job};
use crate::structure::{Action, ArtifactStore, Structure};
use crate::variables::{EXECUTION_ID, IMPLICIT, PIPELINE, Reference, Unresolved, resolve};

/// The code of an action whose configuration can't be resolved.
const UNRESOLVED: &str = "InvalidActionConfiguration";

impl Structure {
    /// Where the artifacts of actions in this region lie.
    pub(super) fn store(&self, region: &str) -> Option<&ArtifactStore> {
        let by_region = self.artifact_stores.as_ref().and_then(|stores| stores.get(region));
        by_region.or(self.artifact_store.as_ref())
    }
}

impl Pipeline {
    /// A job that is offered or in progress, as a worker is sent it. Secrets are real.
    #[must_use]
    pub fn job(&self, id: u128) -> Option<Job> {
        let (run, place) = self.act_of_job(id)?;
        let run = self.runs.get(&run)?;
        self.job_of(run, place)
    }

    pub(super) fn job_of(&self, run: &Run, place: u16) -> Option<Job> {
        let job = run.inside.as_ref()?.acts.get(&place)?.job.clone()?;
        let mut call = self.call_of(run, place)?;
        call.continuation_token = None;
        Some(Job {
            id: uuid::text(job.id),
            nonce: job.nonce.to_string(),
            call,
            continuation_token: job.token,
        })
    }

    /// An action as a performer is sent it.
    pub(super) fn call_of(&self, run: &Run, place: u16) -> Option<ActionCall> {
        let structure = self.structures.get(&run.version)?;
        let action = structure.action(run.stage, place)?;
        let act = run.inside.as_ref()?.acts.get(&place)?;
        let region = self.region_of(&action);
        let lookup = |reference: Reference<'_>| run.find(reference);
        let all = |text: &String| resolve(text, lookup).unwrap_or_else(|_| text.clone());
        let environment = action.environment_variables.iter().map(|variable| EnvironmentVariable {
            value: all(&variable.value),
            ..variable.clone()
        });
        Some(ActionCall {
            next: Value::Null,
            pipeline_name: structure.name.clone(),
            pipeline_arn: ids::arn(&self.region, &self.account, &structure.name),
            pipeline_version: run.version,
            pipeline_execution_id: uuid::text(run.id),
            stage_name: self.stage_of(run),
            action_name: action.name.clone(),
            action_execution_id: uuid::text(act.id),
            type_id: action.action_type_id.clone(),
            condition: None,
            region: region.to_owned(),
            role_arn: action.role_arn.clone().unwrap_or_else(|| structure.role_arn.clone()),
            configuration: act.configuration(&action),
            input_artifacts: inputs(structure, &action, run, region),
            output_artifacts: self.outputs_of(structure, &action, act),
            commands: action.commands.iter().map(all).collect(),
            output_variables: action.output_variables.clone(),
            environment_variables: environment.collect(),
            source_revision: run
                .source_revisions
                .iter()
                .find(|revision| revision.action_name == action.name)
                .cloned(),
            job_id: act.job.as_ref().map(|job| uuid::text(job.id)).unwrap_or_default(),
            continuation_token: act.job.as_ref().and_then(|job| job.token.clone()),
            started: act.started.0,
            deadline: deadline(&action, act.started).0,
        })
    }

    pub(super) fn region_of<'a>(&'a self, action: &'a Action) -> &'a str {
        action.region.as_deref().unwrap_or(&self.region)
    }

    /// The output artifacts that an action declares, with where they lie.
    pub(super) fn outputs_of(
        &self,
        structure: &Structure,
        action: &Action,
        act: &Act,
    ) -> Vec<Artifact> {
        let store = structure.store(self.region_of(action));
        let with_keys = action.output_artifacts.iter().zip(&act.keys);
        with_keys
            .map(|(output, key)| Artifact {
                name: output.name.clone(),
                bucket: store.map(|store| store.location.clone()).unwrap_or_default(),
                key: format!("{}/{}/{key}", head(&structure.name, 20), head(&output.name, 10)),
                revision: None,
                files: output.files.clone(),
                encryption_key: encryption_key(store),
            })
            .collect()
    }
}

fn encryption_key(store: Option<&ArtifactStore>) -> Option<String> {
    store?.encryption_key.as_ref().map(|key| key.id.clone())
}

fn inputs(structure: &Structure, action: &Action, run: &Run, region: &str) -> Vec<Artifact> {
    let here = |name: &String| {
        let place = run.artifacts.get(name)?;
        Some(Artifact {
            name: name.clone(),
            bucket: place.bucket.clone(),
            key: place.key.clone(),
            revision: place.revision.clone(),
            files: Vec::new(),
            encryption_key: encryption_key(structure.store(region)),
        })
    };
    action.input_artifacts.iter().filter_map(|input| here(&input.name)).collect()
}

/// The first characters of a name.
fn head(name: &str, most: usize) -> &str {
    name.char_indices().nth(most).map_or(name, |(end, _)| &name[..end])
}

/// When an action times out that starts now.
pub(super) fn deadline(action: &Action, started: Timestamp) -> Timestamp {
    let type_id = &action.action_type_id;
    let minutes = match action.timeout_in_minutes {
        Some(minutes) => u64::from(minutes),
        None => limits::action_minutes(&type_id.owner, &type_id.category, &type_id.provider),
    };
    started.plus_seconds(minutes * 60)
}

impl Run {
    /// What a variable stands for in this execution.
    pub(super) fn find(&self, reference: Reference<'_>) -> Option<Cow<'_, str>> {
        let Reference { namespace, key } = reference;
        let known = match namespace {
            IMPLICIT => {
                return (key == EXECUTION_ID).then(|| Cow::Owned(uuid::text(self.id)));
            }
            PIPELINE => &self.variables,
            namespace => self.outputs.get(namespace)?,
        };
        known.get(key).map(|value| Cow::Borrowed(value.as_str()))
    }
}

impl Act {
    /// Its configuration with every variable resolved, secrets real.
    pub(super) fn configuration(&self, action: &Action) -> Map<String, Value> {
        let mut configuration = action.configuration.clone();
        for (key, value) in &self.resolved {
            configuration.insert(key.clone(), Value::String(value.clone()));
        }
        configuration
    }
}

/// The configuration whose texts hold variables, resolved; and whether all else that an action is
/// sent can be resolved.
///
/// # Errors
/// `errorDetails` of an action that can't be started: code and message.
pub(super) fn resolved(
    action: &Action,
    run: &Run,
) -> Result<Vec<(String, String)>, (String, String)> {
    let lookup = |reference: Reference<'_>| run.find(reference);
    let unknown = |_: Unresolved| (UNRESOLVED.to_owned(), unresolved(&action.name));
    let mut changed = Vec::new();
    let mut length = 0;
    for (key, value) in &action.configuration {
        let Some(text) = value.as_str() else { continue };
        let value = resolve(text, lookup).map_err(unknown)?;
        length += key.len() + value.len();
        if value != text {
            changed.push((key.clone(), value));
        }
    }
    let environment = action.environment_variables.iter().map(|variable| &variable.value);
    for text in action.commands.iter().chain(environment) {
        resolve(text, lookup).map_err(unknown)?;
    }
    if length > limits::RESOLVED_CONFIGURATION_BYTES_MAX {
        let most = limits::RESOLVED_CONFIGURATION_BYTES_MAX;
        let message = format!("The resolved configuration of the action exceeds {most} bytes.");
        return Err((UNRESOLVED.to_owned(), message));
    }
    let missing = action.input_artifacts.iter().find(|it| !run.artifacts.contains_key(&it.name));
    missing.map_or(Ok(changed), |input| {
        let message = format!("The input artifact {} was not produced.", input.name);
        Err(("JobFailed".to_owned(), message))
    })
}

fn unresolved(action: &str) -> String {
    format!(
        "An action in this pipeline failed because one or more variables could not be resolved: Action name={action}. This can result when a variable is referenced that does not exist. Validate the pipeline action configuration."
    )
}
