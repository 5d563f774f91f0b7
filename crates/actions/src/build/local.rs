//! Builds that run here: the buildspec of a project's sources, in the sandbox.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::time::Duration;

use serde_json::{Value, json};
use trackway_performers::aws::{AwsCall, Blobs};
use trackway_performers::sandbox::{SandboxError, read_regular};
use trackway_pipeline::request::{ActionAnswer, Artifact, Done};

use super::environment::{self, Environment, Kind, Variable};
use super::identity::{Identity, source_number};
use super::limits::{BUILDSPEC_BYTES_MAX, MESSAGE_CHARS_MAX, TIMEOUT_MINUTES, TIMEOUT_MINUTES_MAX};
use super::logs::{self, Log};
use super::mask::Mask;
use super::session::{Failure, Session, Went};
use super::spec::{self, Buildspec};
use super::workshop::Workshop;
use super::{output, reports, workshop};
use crate::artifact::blocking;
use crate::config::Project;
use crate::runners::{Run, failed};

/// Why a build has no result.
pub(super) enum Stop {
    /// It failed, as builds do.
    Failed(Failure),
    /// It can't be run here: code and message.
    Refused(&'static str, String),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SandboxError> for Stop {
    fn from(error: SandboxError) -> Self {
        let code = match error {
            SandboxError::Disabled | SandboxError::Unavailable(_) => "ConfigurationError",
            _ => "JobFailed",
        };
        Self::Refused(code, error.to_string())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Refused("JobFailed", format!("the build could not be set up: {error}"))
    }
}

impl Stop {
    /// Says in the log what no phase has said.
    pub(super) fn tell(&self, log: &mut Log) {
        match self {
            Self::Refused(_, message) => log.say(message),
            Self::Failed(Failure { phase: "DOWNLOAD_SOURCE", code, message, .. }) => {
                log.say("Phase complete: DOWNLOAD_SOURCE State: FAILED");
                log.say(&format!("Phase context status code: {code} Message: {message}"));
            }
            Self::Failed(_) => {}
        }
    }

    /// The action's answer, in CodePipeline's words, without secrets.
    pub(super) fn answer(self, identity: Option<&Identity>, mask: &Mask) -> ActionAnswer {
        let mut details = identity.map(Identity::details).unwrap_or_default();
        let failure = match self {
            Self::Refused(code, message) => {
                let message = mask.text(&message);
                return ActionAnswer::Failed { code: code.to_owned(), message, details };
            }
            Self::Failed(failure) => failure,
        };
        let Failure { state, phase, code, message } = failure;
        let message: String = mask
            .text(&terminated(state, phase, code, &message))
            .chars()
            .take(MESSAGE_CHARS_MAX)
            .collect();
        details.summary = Some(message.clone());
        ActionAnswer::Failed { code: "JobFailed".to_owned(), message, details }
    }
}

/// What CodePipeline says of a build that is no success.
pub(super) fn terminated(state: &str, phase: &str, code: &str, message: &str) -> String {
    format!(
        "Build terminated with state: {state}. Phase: {phase}, Code: {code}, Message: {message}"
    )
}

/// Where a build has an input.
pub(super) struct Input<'a> {
    pub(super) artifact: &'a Artifact,
    /// Its folder inside.
    pub(super) folder: String,
}

/// The inputs, the primary one first.
pub(super) fn inputs<'a>(
    build: &str,
    artifacts: &'a [Artifact],
    primary: Option<&str>,
) -> Result<Vec<Input<'a>>, Stop> {
    let mut ordered: Vec<&Artifact> = artifacts.iter().collect();
    if let Some(name) = primary.filter(|name| !name.is_empty()) {
        let place = ordered.iter().position(|artifact| artifact.name == name).ok_or_else(|| {
            Stop::Refused(
                "ConfigurationError",
                format!("PrimarySource names {name}, which is no input artifact of the action"),
            )
        })?;
        ordered[..=place].rotate_right(1);
    }
    let input = |(place, artifact)| {
        let number = source_number(build, place);
        let end = if place == 0 { String::new() } else { format!("/s3/{place:02}") };
        Input { artifact, folder: format!("/codebuild/output/src{number:09}/src{end}") }
    };
    Ok(ordered.into_iter().enumerate().map(input).collect())
}

/// `CODEBUILD_SRC_DIR`, and one for each further input.
pub(super) fn source_folders(inputs: &[Input<'_>]) -> BTreeMap<String, String> {
    let named = inputs.iter().enumerate().map(|(place, input)| match place {
        0 => ("CODEBUILD_SRC_DIR".to_owned(), input.folder.clone()),
        _ => (format!("CODEBUILD_SRC_DIR_{}", input.artifact.name), input.folder.clone()),
    });
    // The primary one has a variable of its own name as well.
    let first = inputs.first();
    let first = first
        .map(|input| (format!("CODEBUILD_SRC_DIR_{}", input.artifact.name), input.folder.clone()));
    named.chain(first).collect()
}

/// Unpacks inputs where the driver takes them from.
pub(super) async fn unpack(
    run: &Run,
    shop: &Workshop,
    inputs: &[Input<'_>],
) -> Result<(), Failure> {
    let failed = |message| Failure::new("DOWNLOAD_SOURCE", "CLIENT_ERROR", message);
    for (number, input) in inputs.iter().enumerate() {
        let into = shop.source(number);
        let unpacked = run.tools.artifacts.unpack(&run.scope, input.artifact, &into).await;
        unpacked.map_err(|error| failed(error.message))?;
        let shown = blocking(move || workshop::show(into)).await;
        shown
            .map_err(|error| failed(error.message))?
            .map_err(|error| failed(format!("the source can't be read: {error}")))?;
    }
    Ok(())
}

/// Builds a project here.
pub(super) async fn perform(run: &Run, name: &str, project: &Project) -> ActionAnswer {
    let identity = Identity::of(name, &run.call.action_execution_id, &run.scope_of_region());
    if !run.tools.sandbox.config().enabled {
        return Stop::from(SandboxError::Disabled).answer(None, &Mask::default());
    }
    if run.call.next.is_null() {
        // So that it is seen while it runs.
        let next = json!({ "build": identity.id() });
        return ActionAnswer::Progress { details: identity.details(), next };
    }
    let Some(_turn) = run.tools.builds.turn().await else {
        return failed("JobFailed", "the server is ending");
    };
    let log = Log::begin(&logs::path(&run.tools.folder, &run.call.action_execution_id));
    let mut build =
        Build { run, identity: &identity, project, log, environment: Environment::default() };
    match build.perform().await {
        Ok(done) => ActionAnswer::Done(Box::new(done)),
        Err(stop) => {
            build.log.hide(Mask::new(build.environment.secrets()));
            stop.tell(&mut build.log);
            stop.answer(Some(&identity), &Mask::new(build.environment.secrets()))
        }
    }
}

struct Build<'a> {
    run: &'a Run,
    identity: &'a Identity,
    project: &'a Project,
    log: Log,
    environment: Environment,
}

impl Build<'_> {
    async fn perform(&mut self) -> Result<Done, Stop> {
        let run = self.run;
        let id = &run.call.action_execution_id;
        let shop = Workshop::new(&run.tools.builds.work(id))?;
        let inputs =
            inputs(&self.identity.uuid, &run.call.input_artifacts, run.setting("PrimarySource"))?;
        let folder = inputs.first().map(|input| input.folder.clone()).unwrap_or_default();
        self.log.say("Phase is DOWNLOAD_SOURCE");
        unpack(run, &shop, &inputs).await?;
        self.log.say(&format!("CODEBUILD_SRC_DIR={folder}"));
        let text = self.buildspec(&shop, &folder).await?;
        let spec = spec::read(&text)
            .map_err(|message| Failure::new("DOWNLOAD_SOURCE", "YAML_FILE_ERROR", message))?;
        self.resolve(&spec).await?;
        self.log.hide(Mask::new(self.environment.secrets()));
        self.log.say("Processing environment variables");
        self.tell(&spec);
        let mut values = self.environment.values.clone();
        values.extend(self.own_variables(&inputs));
        let sources = inputs.iter().enumerate();
        let mut session = Session {
            sandbox: &run.tools.sandbox,
            shop: &shop,
            log: &mut self.log,
            version: spec.version,
            shell: spec.shell,
            environment: values,
            sources: sources.map(|(number, input)| (number, input.folder.clone())).collect(),
            wall: wall(self.project.timeout_minutes),
        };
        let went = session.run(&spec.phases).await?;
        self.finish(&shop, &spec, &folder, went).await
    }

    /// What was built is kept, whether or not the build is a success.
    async fn finish(
        &mut self,
        shop: &Workshop,
        spec: &Buildspec,
        folder: &str,
        went: Went,
    ) -> Result<Done, Stop> {
        let Self { run, log, .. } = self;
        if let Some(host) = shop.own(folder) {
            let beside = logs::beside(&run.tools.folder, &run.call.action_execution_id);
            let (specs, folder) = (spec.reports.clone(), folder.to_owned());
            let environment = went.environment.clone();
            let keep = move || reports::keep(&specs, (&host, &folder), &environment, &beside);
            for kept in blocking(keep).await.unwrap_or_default() {
                log.say(&kept.told());
            }
        }
        let uploaded = match went.is_through {
            true => self.upload(shop, spec, folder, &went.environment).await,
            false => Ok(Vec::new()),
        };
        if let Some(failure) = went.failure {
            return Err(failure.into());
        }
        let output_variables =
            output::variables(&spec.exported, &went.environment, &self.environment.secret)?;
        Ok(Done {
            details: self.identity.details(),
            output_variables,
            output_artifacts: uploaded?,
            ..Done::default()
        })
    }

    async fn upload(
        &mut self,
        shop: &Workshop,
        spec: &Buildspec,
        folder: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Vec<String>, Failure> {
        let artifacts = &self.run.call.output_artifacts;
        let uploaded = match output::outputs(artifacts, spec.artifacts.as_ref(), &spec.secondary) {
            Ok(outputs) => {
                output::upload(self.run, shop, folder, &outputs, (environment, &mut self.log)).await
            }
            Err(failure) => Err(failure),
        };
        let (state, code, message) = match &uploaded {
            Ok(_) => ("SUCCEEDED", "", ""),
            Err(failure) => ("FAILED", failure.code, failure.message.as_str()),
        };
        self.log.say(&format!("Phase complete: UPLOAD_ARTIFACTS State: {state}"));
        self.log.say(&format!("Phase context status code: {code} Message: {message}"));
        uploaded
    }

    /// Notes and phases, as a log begins with.
    fn tell(&mut self, spec: &Buildspec) {
        for note in &spec.notes {
            self.log.say(&format!("Note: {note}"));
        }
        self.log.say(&format!("Phases found in YAML: {}", spec.phases.len()));
        for phase in &spec.phases {
            self.log.say(&format!(" {}: {} commands", phase.phase.name(), phase.commands.len()));
        }
        self.log.say("Phase complete: DOWNLOAD_SOURCE State: SUCCEEDED");
        self.log.say("Phase context status code:  Message: ");
    }

    async fn resolve(&mut self, spec: &Buildspec) -> Result<(), Stop> {
        let of_action = self.run.setting("EnvironmentVariables").unwrap_or_default();
        let of_action = environment::of_action(of_action)
            .map_err(|message| Stop::Refused("ConfigurationError", message))?;
        let of_project = self.project.environment.iter().map(|(name, value)| Variable {
            name: name.clone(),
            value: value.clone(),
            kind: Kind::Plain,
        });
        let mut all = environment::of_buildspec(spec);
        all.extend(of_project);
        all.extend(of_action);
        self.environment = environment::resolve(self.run, all).await?;
        Ok(())
    }

    /// What CodeBuild tells every build about itself.
    fn own_variables(&self, inputs: &[Input<'_>]) -> BTreeMap<String, String> {
        let (run, identity) = (self.run, self.identity);
        let scope = &identity.scope;
        let number = run
            .tools
            .builds
            .number(&format!("{}-{}", scope.account, scope.region), &identity.project);
        let mut all = source_folders(inputs);
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        set("AWS_REGION", scope.region.clone());
        set("AWS_DEFAULT_REGION", scope.region.clone());
        set("CODEBUILD_BUILD_ARN", identity.arn());
        set("CODEBUILD_BUILD_ID", identity.id());
        set("CODEBUILD_BUILD_NUMBER", number.to_string());
        set("CODEBUILD_BUILD_SUCCEEDING", "1".to_owned());
        set("CODEBUILD_CI", "true".to_owned());
        set("CODEBUILD_INITIATOR", format!("codepipeline/{}", run.call.pipeline_name));
        set("CODEBUILD_LOG_PATH", identity.uuid.clone());
        set("CODEBUILD_START_TIME", run.call.started.to_string());
        if let Some(Input { artifact, .. }) = inputs.first() {
            let Artifact { bucket, key, .. } = artifact;
            set("CODEBUILD_SOURCE_VERSION", format!("arn:aws:s3:::{bucket}/{key}"));
            if let Some(revision) = &artifact.revision {
                set("CODEBUILD_RESOLVED_SOURCE_VERSION", revision.clone());
            }
        }
        all
    }

    /// The buildspec's text: the action's, the project's, or `buildspec.yml` of the source.
    async fn buildspec(&mut self, shop: &Workshop, folder: &str) -> Result<String, Stop> {
        let given = self.run.setting("BuildspecOverride").or(self.project.buildspec.as_deref());
        let given = given.filter(|text| !text.trim().is_empty()).unwrap_or("buildspec.yml");
        if is_inline(given) {
            return Ok(given.to_owned());
        }
        if let Some(object) = given.strip_prefix("arn:aws:s3:::") {
            return Ok(self.object(object).await?);
        }
        self.log.say(&format!("YAML location is {folder}/{given}"));
        let wrong = |why: &str| {
            let message = format!("stat {folder}/{given}: {why}");
            Failure::new("DOWNLOAD_SOURCE", "YAML_FILE_ERROR", message)
        };
        let source = shop.source(0);
        let is_plain = Path::new(given)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let found = std::fs::canonicalize(source.join(given)).ok();
        let found = found.filter(|found| is_plain && found.starts_with(&source));
        let found = found.ok_or_else(|| wrong("no such file or directory"))?;
        let content = read_regular(&found, BUILDSPEC_BYTES_MAX);
        let content = content.map_err(|error| wrong(&error.to_string()))?;
        Ok(String::from_utf8(content).map_err(|_| wrong("it is not UTF-8"))?)
    }

    /// A buildspec in S3, by `bucket/key`.
    async fn object(&self, object: &str) -> Result<String, Failure> {
        let wrong = |why: String| Failure::new("DOWNLOAD_SOURCE", "YAML_FILE_ERROR", why);
        let (bucket, key) = object
            .split_once('/')
            .ok_or_else(|| wrong(format!("arn:aws:s3:::{object} names no object")))?;
        let input = json!({ "Bucket": bucket, "Key": key });
        let mut call = AwsCall::new("s3", "GetObject", input, self.identity.scope.clone());
        call.blobs_out = Blobs::Text;
        let output = self.run.tools.caller.call(&call).await;
        let output = output.map_err(|error| wrong(error.to_string()))?;
        let text = output.get("Body").and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| wrong("the buildspec is not a text".to_owned()))
    }
}

/// Whether a text is a buildspec itself, and not where one is.
fn is_inline(text: &str) -> bool {
    text.contains('\n') || text.trim_start().starts_with('{') || text.contains("version:")
}

/// For how long a build may run.
pub(super) fn wall(minutes: Option<u64>) -> Duration {
    let minutes = minutes.unwrap_or(TIMEOUT_MINUTES).clamp(1, TIMEOUT_MINUTES_MAX);
    Duration::from_secs(60 * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_shows_a_secret_whether_the_build_failed_or_was_refused() {
        let mask = Mask::new(["hunter2"]);
        let failure = Failure::new("BUILD", "COMMAND_EXECUTION_ERROR", "echo hunter2");
        for stop in [
            Stop::Refused("JobFailed", "could not start /bin/hunter2".to_owned()),
            Stop::Failed(failure),
        ] {
            let answer = serde_json::to_string(&stop.answer(None, &mask)).unwrap();
            assert!(answer.contains("***") && !answer.contains("hunter2"), "{answer}");
        }
    }
}
