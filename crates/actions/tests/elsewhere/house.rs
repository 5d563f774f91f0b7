//! An AWS of a few lines: it gives the answers that a test wrote down, in order, and keeps what it was
//! asked. And actions, carried out as the machine has it done.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trackway_actions::artifact::{Artifacts, Selection};
use trackway_actions::build::Builds;
use trackway_actions::config::ArtifactsIn;
use trackway_actions::{ActionPerformer, CodeBuildConfig, PipelineConfig, Tools};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};
use trackway_performers::aws::{AwsCaller, AwsEnvironment, Limits, Scope};
use trackway_performers::sandbox::{Launcher, Sandbox, SandboxConfig};
use trackway_pipeline::request::{ActionAnswer, ActionCall, Artifact, Details, Done, TypeId};

/// The id of every action execution here.
pub(crate) const ID: &str = "11111111-1111-4111-8111-111111111111";

/// An operation that is expected, and what is answered.
#[derive(Clone)]
pub(crate) struct Reply {
    operation: &'static str,
    status: u16,
    body: String,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn plain(operation: &'static str) -> Self {
        Self { operation, status: 200, body: String::new() }
    }
}

/// A JSON answer.
pub(crate) fn says(operation: &'static str, body: Value) -> Reply {
    Reply { operation, status: 200, body: body.to_string() }
}

/// A refusal in JSON.
pub(crate) fn refuses(operation: &'static str, code: &str, message: &str) -> Reply {
    let body = json!({ "__type": code, "message": message }).to_string();
    Reply { operation, status: 400, body }
}

/// An answer of the query protocol, by what is in its result.
pub(crate) fn says_xml(operation: &'static str, result: &str) -> Reply {
    let body = format!(
        "<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
    );
    Reply { operation, status: 200, body }
}

/// A refusal of the query protocol.
pub(crate) fn refuses_xml(operation: &'static str, code: &str, message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
    );
    Reply { operation, status: 400, body }
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) operation: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

#[derive(Clone)]
pub(crate) struct Aws {
    pub(crate) url: String,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Aws {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let aws = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            asked: Arc::default(),
        };
        let serving = aws.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        aws
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(asked) = read(&mut stream, &mut buffer).await {
            let reply = self.replies.lock().unwrap().pop_front();
            let reply = match reply {
                Some(reply) if reply.operation == asked.operation => reply,
                other => Reply {
                    operation: "",
                    status: 400,
                    body: format!("expected {:?}", other.map(|reply| reply.operation)),
                },
            };
            self.asked.lock().unwrap().push(asked);
            let Reply { status, body, .. } = reply;
            let length = body.len();
            let text = format!(
                "HTTP/1.1 {status} S\r\nx-amzn-requestid: r-1\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            if stream.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked, and that nothing more was expected.
    pub(crate) fn operations(&self) -> Vec<String> {
        assert_eq!(self.replies.lock().unwrap().len(), 0, "not asked for: {:?}", self.asked());
        self.asked().into_iter().map(|asked| asked.operation).collect()
    }

    /// The body of the first request of this operation.
    pub(crate) fn body(&self, operation: &str) -> String {
        let asked = self.asked();
        asked.into_iter().find(|asked| asked.operation == operation).unwrap().body
    }

    pub(crate) fn json(&self, operation: &str) -> Value {
        serde_json::from_str(&self.body(operation)).unwrap()
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Asked> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
                buffer.drain(..end + 4 + length);
                let operation = operation(&head, &body);
                return Some(Asked { operation, headers: head, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn operation(head: &str, body: &str) -> String {
    let target = head.lines().find_map(|line| line.strip_prefix("x-amz-target: "));
    if let Some((_, operation)) = target.and_then(|target| target.split_once('.')) {
        return operation.to_owned();
    }
    if let Some(rest) = body.strip_prefix("Action=") {
        return rest.split('&').next().unwrap_or_default().to_owned();
    }
    let line = head.lines().next().unwrap_or_default();
    let path = line.rsplit_once(' ').map_or(line, |(path, _)| path);
    path.split('?').next().unwrap_or_default().to_owned()
}

/// An action and what it is carried out with.
pub(crate) struct House {
    pub(crate) home: TempDir,
    pub(crate) tools: Arc<Tools>,
    pub(crate) call: ActionCall,
}

pub(crate) fn scope() -> Scope {
    Scope { account: "000000000000".to_owned(), region: "us-east-1".to_owned() }
}

impl House {
    /// An action of this type, with this configuration, in the world of this AWS.
    pub(crate) fn new(aws: &Aws, kind: (&str, &str), configuration: Value) -> Self {
        Self::with(&[("AWS_ENDPOINT_URL", aws.url.as_str())], kind, configuration)
    }

    pub(crate) fn with(
        variables: &[(&str, &str)],
        (category, provider): (&str, &str),
        configuration: Value,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let limits = Limits { attempts: 1, ..Limits::default() };
        let caller = AwsCaller::new(AwsEnvironment::new(variables), limits);
        let mut pipeline = PipelineConfig::default();
        pipeline.buckets.insert("site".to_owned(), "site".into());
        let launcher = Launcher::this_program();
        let sandbox = Sandbox::new(SandboxConfig::default(), home.path(), &[], launcher);
        let place = ArtifactsIn::Local;
        let folder = home.path().join("pipelines");
        let codebuild = CodeBuildConfig::default();
        let tools = Arc::new(Tools {
            builds: Builds::new(&codebuild, &folder),
            caller: caller.clone(),
            sandbox: sandbox.unwrap(),
            artifacts: Artifacts::new(home.path().join("artifacts"), caller, place),
            pipeline,
            codebuild,
            config_folder: home.path().to_owned(),
            folder,
        });
        let type_id = TypeId {
            category: category.to_owned(),
            owner: "AWS".to_owned(),
            provider: provider.to_owned(),
            version: "1".to_owned(),
        };
        let call = ActionCall {
            pipeline_name: "p".to_owned(),
            action_execution_id: ID.to_owned(),
            type_id,
            region: "us-east-1".to_owned(),
            configuration: configuration.as_object().cloned().unwrap(),
            ..ActionCall::default()
        };
        Self { home, tools, call }
    }

    /// Gives the action an input artifact of these files.
    pub(crate) async fn input(&mut self, name: &str, files: &[(&str, &str)]) {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, content).unwrap();
        }
        let artifact = artifact(name);
        let artifacts = &self.tools.artifacts;
        artifacts.pack(&scope(), &artifact, folder.path(), &Selection::default()).await.unwrap();
        self.call.input_artifacts.push(artifact);
    }

    /// Carries the action out to its end: what was recorded on the way, and the last answer.
    pub(crate) async fn run(&self) -> (Vec<Details>, ActionAnswer) {
        let mut call = self.call.clone();
        let mut recorded = Vec::new();
        loop {
            match self.perform(&call).await {
                ActionAnswer::Progress { details, next } => {
                    assert!(!next.is_null());
                    recorded.push(details);
                    call.next = next;
                }
                answer => return (recorded, answer),
            }
        }
    }

    pub(crate) async fn perform(&self, call: &ActionCall) -> ActionAnswer {
        let work = Work {
            execution: ExecutionId::of("e"),
            effect: EffectId(1),
            queue: "action".to_owned(),
            request: Payload::new(serde_json::to_string(call).unwrap()),
            scope: "000000000000/us-east-1".into(),
            attempt: 1,
        };
        let performer = ActionPerformer::new(Arc::clone(&self.tools));
        match performer.perform(work).await {
            Performed::Finished(Outcome::Succeeded(answer)) => {
                serde_json::from_str(&answer).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn done(&self) -> Done {
        match self.run().await.1 {
            ActionAnswer::Done(done) => *done,
            other => panic!("{other:?}"),
        }
    }

    /// The failure's code and message, and what is known of the work.
    pub(crate) async fn failure(&self) -> (String, String, Details) {
        match self.run().await.1 {
            ActionAnswer::Failed { code, message, details } => (code, message, details),
            other => panic!("{other:?}"),
        }
    }

    /// A file of an output artifact.
    pub(crate) async fn output(&self, artifact: &Artifact, path: &str) -> String {
        let into = self.home.path().join("unpacked");
        self.tools.artifacts.unpack(&scope(), artifact, &into).await.unwrap();
        read_text(&into.join(path))
    }
}

pub(crate) fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

pub(crate) fn artifact(name: &str) -> Artifact {
    Artifact {
        name: name.to_owned(),
        bucket: "store".to_owned(),
        key: format!("p/{name}/abc1234"),
        ..Artifact::default()
    }
}
