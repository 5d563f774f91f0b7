//! Compute Commands, and the rule of the same name: lines of shell in the input artifact.

use std::collections::BTreeMap;

use serde_json::json;
use trackway_pipeline::request::{ActionAnswer, Details, Done};

use super::environment::{self, Environment, Kind, Variable};
use super::limits::COMMANDS_MAX;
use super::local::{self, Stop};
use super::logs::{self, Log};
use super::mask::Mask;
use super::output::{self, Output};
use super::session::{Session, Went};
use super::spec::{ArtifactSpec, OnFailure, Phase, PhaseSpec, Shell, Version};
use super::workshop::Workshop;
use crate::runners::{Run, failed};

/// Runs the commands of an action or a rule.
pub(super) async fn perform(run: &Run) -> ActionAnswer {
    if !run.tools.sandbox.config().enabled {
        let disabled = trackway_performers::sandbox::SandboxError::Disabled;
        return Stop::from(disabled).answer(None, &Mask::default());
    }
    if run.call.commands.is_empty() || run.call.commands.len() > COMMANDS_MAX {
        return failed("ConfigurationError", "the action has no commands, or too many");
    }
    let details = || Details { log_stream_arn: log_stream(run), ..Details::default() };
    if run.call.next.is_null() {
        // So that its log is seen while it is written.
        return ActionAnswer::Progress { details: details(), next: json!({ "log": true }) };
    }
    let Some(_turn) = run.tools.builds.turn().await else {
        return failed("JobFailed", "the server is ending");
    };
    let log = Log::begin(&logs::path(&run.tools.folder, &run.call.action_execution_id));
    let mut compute = Compute { run, log, environment: Environment::default() };
    match compute.perform().await {
        Ok(done) => ActionAnswer::Done(Box::new(done)),
        Err(stop) => {
            compute.log.hide(Mask::new(compute.environment.secrets()));
            stop.tell(&mut compute.log);
            let mut answer = stop.answer(None, &Mask::new(compute.environment.secrets()));
            if let ActionAnswer::Failed { details: known, .. } = &mut answer {
                known.log_stream_arn = details().log_stream_arn;
            }
            answer
        }
    }
}

/// The log of commands has the pipeline's group.
fn log_stream(run: &Run) -> Option<String> {
    let scope = run.scope_of_region();
    Some(format!(
        "arn:aws:logs:{}:{}:log-group:/aws/codepipeline/{}:log-stream:{}",
        scope.region, scope.account, run.call.pipeline_name, run.call.action_execution_id
    ))
}

struct Compute<'a> {
    run: &'a Run,
    log: Log,
    environment: Environment,
}

impl Compute<'_> {
    async fn perform(&mut self) -> Result<Done, Stop> {
        let run = self.run;
        let call = &run.call;
        let shop = Workshop::new(&run.tools.builds.work(&call.action_execution_id))?;
        let mut inputs = local::inputs(&call.action_execution_id, &call.input_artifacts, None)?;
        local::unpack(run, &shop, &inputs).await?;
        let variables = call.environment_variables.iter().map(|variable| Variable {
            name: variable.name.clone(),
            value: variable.value.clone(),
            kind: if variable.kind == "SECRETS_MANAGER" { Kind::Secret } else { Kind::Plain },
        });
        self.environment = environment::resolve(run, variables.collect()).await?;
        self.log.hide(Mask::new(self.environment.secrets()));
        let mut values = self.environment.values.clone();
        values.extend(local::source_folders(&inputs));
        let region = run.scope_of_region().region;
        values.insert("AWS_REGION".to_owned(), region.clone());
        values.insert("AWS_DEFAULT_REGION".to_owned(), region);
        let folder = inputs.first().map(|input| input.folder.clone()).unwrap_or_default();
        let sources: Vec<_> = inputs.drain(..).map(|input| input.folder).enumerate().collect();
        let phases = [PhaseSpec {
            phase: Phase::Build,
            commands: call.commands.clone(),
            finally: Vec::new(),
            on_failure: OnFailure::Usual,
        }];
        let mut session = Session {
            sandbox: &run.tools.sandbox,
            shop: &shop,
            log: &mut self.log,
            version: Version::Two,
            shell: Shell::Sh,
            environment: values,
            sources,
            wall: local::wall(None),
        };
        let went = session.run(&phases).await?;
        self.finish(&shop, &folder, went).await
    }

    async fn finish(&mut self, shop: &Workshop, folder: &str, went: Went) -> Result<Done, Stop> {
        let Went { failure, environment, .. } = went;
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        let call = &self.run.call;
        let outputs: Vec<Output<'_>> = call
            .output_artifacts
            .iter()
            .map(|artifact| Output { artifact, files: files(&artifact.files) })
            .collect();
        let uploaded =
            upload(self.run, shop, folder, &outputs, (&environment, &mut self.log)).await?;
        let output_variables =
            output::variables(&call.output_variables, &environment, &self.environment.secret)?;
        Ok(Done {
            details: Details { log_stream_arn: log_stream(self.run), ..Details::default() },
            output_variables,
            output_artifacts: uploaded,
            ..Done::default()
        })
    }
}

async fn upload(
    run: &Run,
    shop: &Workshop,
    folder: &str,
    outputs: &[Output<'_>],
    (environment, log): (&BTreeMap<String, String>, &mut Log),
) -> Result<Vec<String>, Stop> {
    if outputs.is_empty() {
        return Ok(Vec::new());
    }
    Ok(output::upload(run, shop, folder, outputs, (environment, log)).await?)
}

/// The files of an output artifact; those of an action that names none are all.
fn files(patterns: &[String]) -> ArtifactSpec {
    let files = match patterns {
        [] => vec!["**/*".to_owned()],
        patterns => patterns.to_vec(),
    };
    ArtifactSpec { files, ..ArtifactSpec::default() }
}
