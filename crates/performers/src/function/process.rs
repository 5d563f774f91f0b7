//! One operating system process that runs a function: its start, its environment, its end.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

use super::config::{Function, Interpreter, Start};
use super::logs::{LogSink, Logs};
use super::outcome::Reply;

const PYTHON_BOOTSTRAP: &str = include_str!("bootstrap.py");
const NODE_BOOTSTRAP: &str = include_str!("bootstrap.js");
/// The bootstrap travels in a variable, so that the list of processes stays readable and no file is left behind.
const BOOTSTRAP_VARIABLE: &str = "TRACKWAY_BOOTSTRAP";
const PYTHON_LOADER: &str =
    "import os; exec(compile(os.environ.pop('TRACKWAY_BOOTSTRAP'), '<trackway>', 'exec'))";
const NODE_LOADER: &str =
    "eval(process.env.TRACKWAY_BOOTSTRAP + '\\n//# sourceURL=trackway:bootstrap')";

/// A running process. Dropping it kills it and all that it started.
#[derive(Debug)]
pub(super) struct Process {
    group: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
    logs: Logs,
    /// Closes when this server ends, however it ends; the embedded bootstraps watch for it.
    _stdin: Option<ChildStdin>,
}

/// Counts what must have ended before a shutdown is complete.
#[derive(Debug, Clone)]
pub(super) struct Alive(Arc<watch::Sender<usize>>);

impl Alive {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn enter(&self) -> AliveGuard {
        self.0.send_modify(|count| *count += 1);
        AliveGuard(self.clone())
    }

    pub(super) async fn none_left(&self) {
        // The sender is held here, so the wait cannot fail.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// One that is counted.
#[derive(Debug)]
pub(super) struct AliveGuard(Alive);

impl Drop for AliveGuard {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

impl Process {
    /// Starts a process that will call the Runtime API at the given port.
    pub(super) fn start(
        function: &Function,
        port: u16,
        sink: LogSink,
        alive: AliveGuard,
    ) -> io::Result<Self> {
        let mut child = command_of(function, port).spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let group = group.ok_or_else(|| io::Error::other("the process ended while it started"))?;
        let logs =
            Logs::follow(function.name.clone(), child.stdout.take(), child.stderr.take(), sink);
        let stdin = child.stdin.take();
        let (ended, exit) = watch::channel(None);
        tokio::spawn(reap(child, group, ended, alive));
        Ok(Self { group, exit, logs, _stdin: stdin })
    }

    pub(super) fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Whether the process has ended, even if the reaper has not come to it yet: an invocation given to a process that
    /// has just died would be lost.
    pub(super) fn has_exited(&self) -> bool {
        let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.exit.borrow().is_some() || !matches!(waitid(WaitId::Pid(self.group), peek), Ok(None))
    }

    /// Waits for the end of the process.
    pub(super) async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        // The reaper always reports; it is gone without a word only when the whole runtime is being torn down.
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        status.unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Not after the reaper, which has killed the group and after which its number may belong to others.
        if self.exit.borrow().is_none() {
            kill_group(self.group);
        }
    }
}

fn kill_group(group: Pid) {
    // It may have ended by itself; then there is nothing to kill.
    let _ = kill_process_group(group, Signal::KILL);
}

async fn reap(
    mut child: Child,
    group: Pid,
    ended: watch::Sender<Option<ExitStatus>>,
    alive: AliveGuard,
) {
    let status = child.wait().await.unwrap_or_default();
    // What it started must not outlive it.
    kill_group(group);
    ended.send_replace(Some(status));
    drop(alive);
}

fn command_of(function: &Function, port: u16) -> Command {
    let mut command = match &function.start {
        Start::Bootstrap { interpreter, program, execution_env } => {
            let mut command = bootstrap_command(*interpreter, program, &function.name);
            command.env("AWS_EXECUTION_ENV", execution_env).stdin(Stdio::piped());
            command
        }
        Start::Command { program, args } => {
            let mut command = Command::new(program);
            command.args(args).stdin(Stdio::null());
            command
        }
    };
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.current_dir(&function.root).process_group(0).kill_on_drop(true);
    set_environment(&mut command, function, port);
    command
}

/// The function's name is an argument only so that it shows in the list of processes.
fn bootstrap_command(interpreter: Interpreter, program: &Path, name: &str) -> Command {
    let mut command = Command::new(program);
    match interpreter {
        Interpreter::Python => command
            .args(["-u", "-c", PYTHON_LOADER, name])
            .env(BOOTSTRAP_VARIABLE, PYTHON_BOOTSTRAP),
        Interpreter::Node => {
            command.args(["-e", NODE_LOADER, name]).env(BOOTSTRAP_VARIABLE, NODE_BOOTSTRAP)
        }
    };
    command
}

/// The environment of the server, without its own settings (they may hold secrets), and what Lambda sets.
fn set_environment(command: &mut Command, function: &Function, port: u16) {
    for (key, _) in std::env::vars_os() {
        let own = key.as_encoded_bytes().starts_with(b"TRACKWAY_") && key != BOOTSTRAP_VARIABLE;
        if own || key.as_encoded_bytes().starts_with(b"AWS_LAMBDA_") {
            command.env_remove(&key);
        }
    }
    if std::env::var_os("LANG").is_none() {
        command.env("LANG", "en_US.UTF-8");
    }
    command
        .env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"))
        .env("_HANDLER", &function.handler)
        .env("LAMBDA_TASK_ROOT", &function.root)
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", Reply::EXECUTED_VERSION)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", log_stream_name())
        .env("AWS_REGION", &function.region)
        .env("AWS_DEFAULT_REGION", &function.region)
        .env("TZ", ":UTC")
        .envs(&function.env);
}

fn log_stream_name() -> String {
    let today = jiff::Timestamp::now().strftime("%Y/%m/%d");
    format!("{today}/[$LATEST]{:032x}", crate::random::bits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn function(program: &str) -> Function {
        Function {
            name: "hello".into(),
            arn: String::new(),
            region: "us-east-1".into(),
            handler: "app.handler".into(),
            start: Start::Command { program: program.into(), args: Vec::new() },
            root: std::env::temp_dir(),
            env: std::collections::BTreeMap::new(),
            timeout: Duration::from_secs(3),
            concurrency: 1,
            memory_mb: 128,
        }
    }

    #[tokio::test]
    async fn an_end_is_seen_before_the_reaper_has_come_to_it() {
        let alive = Alive::new();
        let sink: LogSink = Arc::new(|_| {});
        let process = Process::start(&function("true"), 1, sink, alive.enter()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        // Without an await, so that on this one thread the reaper cannot run.
        while !process.has_exited() {
            assert!(Instant::now() < deadline, "the end was not seen");
            std::thread::yield_now();
        }
        assert!(process.exit.borrow().is_none());
        assert!(process.exited().await.success());
        alive.none_left().await;
    }
}
