//! A server's folders, and one action to perform in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use trackway_actions::artifact::{Artifacts, Selection};
use trackway_actions::build::{self, Builds, logs};
use trackway_actions::config::{ArtifactsIn, Project};
use trackway_actions::{CodeBuildConfig, PipelineConfig, Run, Tools};
use trackway_performers::aws::{AwsCaller, AwsEnvironment, Limits, Scope};
use trackway_performers::sandbox::{
    Cancel, Command, Launcher, Sandbox, SandboxConfig, SandboxError,
};
use trackway_pipeline::request::{ActionAnswer, ActionCall, Artifact, Done, TypeId};

pub(crate) const ID: &str = "01234567-89ab-4def-8123-456789abcdef";

pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) run: Run,
}

/// How an action ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) answer: ActionAnswer,
    /// All of its log.
    pub(crate) log: String,
}

impl Ended {
    pub(crate) fn done(&self) -> &Done {
        match &self.answer {
            ActionAnswer::Done(done) => done,
            other => panic!("{other:?}\n{}", self.log),
        }
    }

    /// Code and message of a failure.
    pub(crate) fn failed(&self) -> (&str, &str) {
        match &self.answer {
            ActionAnswer::Failed { code, message, .. } => (code, message),
            other => panic!("{other:?}\n{}", self.log),
        }
    }

    /// What commands printed, line by line.
    pub(crate) fn printed(&self) -> Vec<&str> {
        self.log.lines().filter(|line| !line.starts_with("[Container]")).collect()
    }

    /// What the build said itself, without times.
    pub(crate) fn said(&self) -> Vec<&str> {
        let own = self.log.lines().filter_map(|line| line.strip_prefix("[Container] "));
        own.map(|line| line.get(27..).unwrap_or_default()).collect()
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Vec::new())
    }

    /// A server with these variables in its own environment.
    pub(crate) fn with(variables: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = std::fs::canonicalize(folder.path()).unwrap();
        let config = SandboxConfig { enabled: true, ..SandboxConfig::default() };
        let launcher = Launcher::program(env!("CARGO_BIN_EXE_trackway-build-sandbox"));
        let sandbox = Sandbox::new(config, &path, &[path.join("own")], launcher).unwrap();
        let caller = AwsCaller::new(AwsEnvironment::new(variables), Limits::default());
        let own = path.join("own");
        let codebuild = CodeBuildConfig::default();
        let tools = Tools {
            artifacts: Artifacts::new(
                path.join("own/artifacts"),
                caller.clone(),
                ArtifactsIn::Local,
            ),
            caller,
            sandbox,
            pipeline: PipelineConfig::default(),
            builds: Builds::new(&codebuild, &own),
            codebuild,
            config_folder: path.clone(),
            folder: own,
        };
        let scope = Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() };
        let call = ActionCall {
            pipeline_name: "pipe".to_owned(),
            action_execution_id: ID.to_owned(),
            action_name: "Build".to_owned(),
            type_id: TypeId {
                category: "Build".to_owned(),
                provider: "CodeBuild".to_owned(),
                ..TypeId::default()
            },
            region: "eu-west-1".to_owned(),
            ..ActionCall::default()
        };
        Self { folder, run: Run { tools: Arc::new(tools), scope, call } }
            .project("proj", Project::default())
    }

    /// A project that is built here, and the action builds it.
    pub(crate) fn project(mut self, name: &str, project: Project) -> Self {
        let tools = Arc::get_mut(&mut self.run.tools).unwrap();
        tools.codebuild.projects.insert(name.to_owned(), Project { local: true, ..project });
        self.set("ProjectName", name)
    }

    /// A setting of the action.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.run.call.configuration.insert(key.to_owned(), Value::from(value));
        self
    }

    /// An input artifact with these files.
    pub(crate) async fn input(mut self, name: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let artifact = Artifact { revision: Some("abc123".to_owned()), ..artifact(name) };
        let Run { tools, scope, .. } = &self.run;
        let all = Selection::default();
        let packed = tools.artifacts.pack(scope, &artifact, folder.path(), &all);
        packed.await.unwrap();
        self.run.call.input_artifacts.push(artifact);
        self
    }

    pub(crate) fn output(mut self, name: &str) -> Self {
        self.run.call.output_artifacts.push(artifact(name));
        self
    }

    /// Builds what a source with this buildspec is; None if this machine has no sandbox.
    pub(crate) async fn build(buildspec: &str) -> Option<Ended> {
        Self::new().input("src", &[("buildspec.yml", buildspec)]).await.end().await
    }

    /// Performs the action to its end.
    pub(crate) async fn end(&self) -> Option<Ended> {
        if !self.can().await {
            return None;
        }
        let mut run = self.run.clone();
        let is_compute = run.call.type_id.category == "Compute";
        loop {
            let answer = match is_compute {
                true => build::commands(run.clone()).await,
                false => build::code_build(run.clone()).await,
            };
            match answer {
                ActionAnswer::Progress { next, .. } => run.call.next = next,
                answer => return Some(Ended { answer, log: self.log() }),
            }
        }
    }

    pub(crate) async fn can(&self) -> bool {
        let command = Command::new("/bin/true", &[]);
        match self.run.tools.sandbox.run(command, &Cancel::never()).await {
            Err(SandboxError::Unavailable(why)) => {
                println!("skipped: {why}");
                false
            }
            _ => true,
        }
    }

    pub(crate) fn own(&self, path: &str) -> PathBuf {
        self.run.tools.folder.join(path)
    }

    fn log(&self) -> String {
        let path = logs::path(&self.run.tools.folder, &self.run.call.action_execution_id);
        logs::read_from(&path, 0).unwrap().0
    }

    /// The files of an output artifact, with what they hold.
    pub(crate) async fn kept(&self, name: &str) -> BTreeMap<String, String> {
        let into = self.folder.path().join(format!("kept-{name}"));
        let Run { tools, scope, .. } = &self.run;
        tools.artifacts.unpack(scope, &artifact(name), &into).await.unwrap();
        let mut all = BTreeMap::new();
        read(&into, "", &mut all);
        all
    }
}

fn artifact(name: &str) -> Artifact {
    let key = format!("pipe/{name}/abc1234");
    Artifact { name: name.to_owned(), bucket: "store".to_owned(), key, ..Artifact::default() }
}

fn read(folder: &Path, prefix: &str, all: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &format!("{name}/"), all);
        } else {
            let content = std::fs::read_to_string(entry.path()).unwrap_or_default();
            all.insert(name, content);
        }
    }
}

/// Output variables as JSON.
pub(crate) fn variables(ended: &Ended) -> Value {
    let map: Map<String, Value> = ended.done().output_variables.clone();
    json!(map)
}
