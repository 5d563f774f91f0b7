//! What the tests share: a folder with a handler, a host that runs it, and plain answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use trackway_performers::function::{
    FunctionConfig, FunctionHost, Identity, Invocation, LogSink, LogType, Outcome, Reply,
};

/// One function named `hello` in a folder of its own.
pub(crate) struct House {
    pub(crate) host: FunctionHost,
    pub(crate) folder: TempDir,
    lines: Arc<Mutex<Vec<String>>>,
}

impl House {
    pub(crate) async fn with(files: &[(&str, &str)], config: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(folder.path(), name, text);
        }
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = lines.clone();
        let sink: LogSink = Arc::new(move |line| kept.lock().unwrap().push(line.text.to_owned()));
        let host = start(folder.path(), config, sink).await;
        Self { host, folder, lines }
    }

    /// A Python handler `app.handler`.
    pub(crate) async fn python(app: &str) -> Self {
        Self::with(&[("app.py", app)], python_config()).await
    }

    pub(crate) async fn invoke(&self, payload: Value) -> Outcome {
        let invocation = Invocation {
            name: "hello".into(),
            payload: payload.to_string().into(),
            log_type: LogType::Tail,
            ..Invocation::default()
        };
        self.host.invoke(invocation).await
    }

    pub(crate) async fn succeed(&self, payload: Value) -> Value {
        match self.invoke(payload).await {
            Outcome::Success(reply) => json_of(&reply),
            other => panic!("expected a success, found {other:?}\n{}", self.log()),
        }
    }

    /// The error payload, as text, with the request id and the folder replaced.
    pub(crate) async fn fail(&self, payload: Value) -> String {
        match self.invoke(payload).await {
            Outcome::FunctionError(reply) => self.redact(&reply),
            other => panic!("expected an error, found {other:?}\n{}", self.log()),
        }
    }

    pub(crate) fn redact(&self, reply: &Reply) -> String {
        let folder = std::fs::canonicalize(self.folder.path()).unwrap();
        String::from_utf8_lossy(&reply.payload)
            .replace(&reply.request_id, "<id>")
            .replace(folder.to_str().unwrap(), "/var/task")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        write(self.folder.path(), name, text);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

pub(crate) async fn start(folder: &Path, config: Value, sink: LogSink) -> FunctionHost {
    let config: FunctionConfig = serde_json::from_value(config).unwrap();
    let identity = Identity { region: "eu-west-1".into(), account: "111122223333".into() };
    let functions = BTreeMap::from([("hello".to_owned(), config)]);
    FunctionHost::start(functions, folder, &identity, sink).await.unwrap()
}

pub(crate) fn python_config() -> Value {
    json!({ "runtime": "python3", "handler": "app.handler", "timeout_seconds": 20 })
}

pub(crate) fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.payload).unwrap()
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Waits until something holds, and fails when it does not within ten seconds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Whether a process runs. One that has ended and waits to be collected does not; its main thread may be the first of
/// its threads to end.
pub(crate) fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, state)) = stat.rsplit_once(')') else { return false };
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    !state.starts_with(" Z") || threads > 1
}
