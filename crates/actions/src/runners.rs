//! Which runner carries out which action type.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use trackway_performers::aws::{AwsCaller, Scope};
use trackway_performers::sandbox::Sandbox;
use trackway_pipeline::request::{ActionAnswer, ActionCall, Details};

use crate::artifact::Artifacts;
use crate::build::{self, Builds};
use crate::config::{CodeBuildConfig, PipelineConfig};
use crate::{deploy, invoke, rule, source};

/// What runners work with.
pub struct Tools {
    /// Calls any AWS operation, here or at the configured endpoint.
    pub caller: AwsCaller,
    /// Where commands run.
    pub sandbox: Sandbox,
    /// Where artifacts lie.
    pub artifacts: Artifacts,
    /// `[pipeline]`.
    pub pipeline: PipelineConfig,
    /// `[codebuild]`.
    pub codebuild: CodeBuildConfig,
    /// The builds that run here.
    pub builds: Builds,
    /// Where the configuration lies; paths in it are relative to it.
    pub config_folder: PathBuf,
    /// A folder of one's own for work in progress, git mirrors and logs.
    pub folder: PathBuf,
}

/// One action to carry out.
#[derive(Clone)]
pub struct Run {
    /// What to do it with.
    pub tools: Arc<Tools>,
    /// Whose it is.
    pub scope: Scope,
    /// What to do.
    pub call: ActionCall,
}

impl Run {
    /// Its account, and the region that the action acts in.
    pub(crate) fn scope_of_region(&self) -> Scope {
        let mut scope = self.scope.clone();
        if !self.call.region.is_empty() {
            scope.region.clone_from(&self.call.region);
        }
        scope
    }
}

/// Carries out actions of one type. Dropping the future gives the action up.
pub type Runner = fn(Run) -> Pin<Box<dyn Future<Output = ActionAnswer> + Send>>;

/// Every action and rule type that runs here: category, provider, runner.
const RUNNERS: &[(&str, &str, Runner)] = &[
    ("Build", "CodeBuild", build::code_build),
    ("Compute", "Commands", build::commands),
    ("Deploy", "AppConfig", deploy::app_config::run),
    ("Deploy", "CloudFormation", deploy::cloudformation::run),
    ("Deploy", "CodeDeploy", deploy::code_deploy::run),
    ("Deploy", "ECS", deploy::ecs::run),
    ("Deploy", "S3", deploy::s3::run),
    ("Invoke", "CodePipeline", invoke::code_pipeline::run),
    ("Invoke", "Lambda", invoke::lambda::run),
    ("Invoke", "StepFunctions", invoke::step_functions::run),
    ("Rule", "CloudWatchAlarm", rule::alarm::run),
    ("Rule", "CodeBuild", build::code_build),
    ("Rule", "Commands", build::commands),
    ("Rule", "LambdaInvoke", invoke::lambda::run),
    ("Source", "CodeCommit", source::run_repository),
    ("Source", "CodeStarSourceConnection", source::run_repository),
    ("Source", "ECR", source::run_image),
    ("Source", "GitHub", source::run_repository),
    ("Source", "S3", source::run_object),
    ("Test", "CodeBuild", build::code_build),
];

/// Carries it out, if there is a runner.
pub(crate) async fn runner_for(run: &Run) -> ActionAnswer {
    let type_id = &run.call.type_id;
    let name = format!("{}/{}", type_id.category, type_id.provider);
    // Who has workers of their own for a type wants them to have it, also where there is a runner.
    if run.tools.pipeline.workers.contains(&name) {
        return ActionAnswer::Offer {};
    }
    let found = RUNNERS.iter().find(|(category, provider, _)| {
        *category == type_id.category && *provider == type_id.provider
    });
    if let Some((_, _, runner)) = found {
        return runner(run.clone()).await;
    }
    failed(
        "ConfigurationError",
        format!(
            "Nothing performs {} actions here. Have a worker of your own perform them (add {name:?} to \"workers\" under [pipeline] in trackway.toml and poll with PollForJobs), or use a custom action type.",
            type_id.provider
        ),
    )
}

/// An action that failed, of which nothing else is known.
#[must_use]
pub fn failed(code: &str, message: impl Into<String>) -> ActionAnswer {
    ActionAnswer::Failed {
        code: code.to_owned(),
        message: message.into(),
        details: Details::default(),
    }
}
