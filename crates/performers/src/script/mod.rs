//! Runs scripts of runbooks (`aws:executeScript`): the queue `script`.
//!
//! ```text
//!   engine ─ Work ─▶ Scripts ─▶ interpreter (which Python)
//!                       └─────▶ sandbox ─▶ bootstrap.py ─▶ the handler
//!   engine ◀ {"Payload": ..., "ExecutionLog": ...}, or the traceback
//! ```
//!
//! A script sees what the sandbox shows it, and AWS only as far as `[sandbox]` gives it a network and, in `env`, an
//! endpoint, a region and credentials: the server's own are never passed on. It must not know what
//! the step makes of the result.

mod interpreter;

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};

use self::interpreter::{Interpreter, Interpreters};
use crate::sandbox::{
    self, Cancel, Captured, Command, End, Ended, Limits, Sandbox, SandboxError, read_regular,
};

const BOOTSTRAP: &str = include_str!("bootstrap.py");
/// The longest that a script may run, and what it may if nothing is said.
pub const TIMEOUT_SECONDS_MAX: u64 = 600;
/// The largest result of a script.
pub const PAYLOAD_BYTES_MAX: usize = 100 * 1024;
/// What is kept of what a script prints.
const LOG_CHARS_MAX: usize = 50_000;
/// The largest file that a result is read from.
const RESULT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Where PowerShell is looked for.
const POWERSHELLS: [&str; 4] =
    ["/usr/bin/pwsh", "/usr/local/bin/pwsh", "/opt/microsoft/powershell/7/pwsh", "/snap/bin/pwsh"];

/// What a runbook asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptRequest {
    /// `python3.8`, `python3.11`, `PowerShell 7.0`, ... An absent version of Python is replaced by `python3`.
    pub runtime: String,
    /// The function that is called; none for PowerShell.
    #[serde(default)]
    pub handler: Option<String>,
    /// The script's text.
    #[serde(default)]
    pub script: String,
    /// The first argument of the handler; `$env:InputPayload` in PowerShell.
    #[serde(default)]
    pub input_payload: Option<Map<String, Value>>,
    /// The second argument of the handler. What AWS puts into it isn't documented; absent is an empty object.
    #[serde(default)]
    pub context: Option<Map<String, Value>>,
    /// At most [`TIMEOUT_SECONDS_MAX`], which is also the default.
    #[serde(default)]
    pub timeout_seconds: Option<u64>,
    /// The name of an attached file that holds the script; not supported.
    #[serde(default)]
    pub attachment: Option<String>,
}

impl ScriptRequest {
    fn timeout(&self) -> Duration {
        let seconds = self.timeout_seconds.unwrap_or(TIMEOUT_SECONDS_MAX);
        Duration::from_secs(seconds.clamp(1, TIMEOUT_SECONDS_MAX))
    }
}

/// Why a script has no result: the error names that a machine can tell apart.
pub mod errors {
    /// The script raised something, or ended without a result; the cause is its traceback.
    pub const FAILED: &str = "ScriptFailed";
    /// It ran for too long.
    pub const TIMED_OUT: &str = "ScriptTimedOut";
    /// Nobody enabled the sandbox.
    pub const DISABLED: &str = "SandboxDisabled";
    /// This machine can't make a sandbox, or lacks the runtime.
    pub const UNAVAILABLE: &str = "SandboxUnavailable";
    /// The request is not one that can be run.
    pub const INVALID: &str = "InvalidScript";
}

/// Performs scripts. Clones share what is known of the machine's interpreters.
#[derive(Clone, Debug)]
pub struct ScriptPerformer {
    sandbox: Sandbox,
    folder: Arc<Path>,
    interpreters: Interpreters,
}

impl Performer for ScriptPerformer {
    fn perform(
        &self,
        work: Work,
    ) -> std::pin::Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        let scripts = self.clone();
        Box::pin(async move {
            let outcome = match serde_json::from_str(&work.request) {
                // When the machine cancels, this future is dropped, which kills the script.
                Ok(request) => scripts.run(&request, &Cancel::never()).await,
                Err(error) => {
                    failed(errors::INVALID, format!("The request can't be read: {error}"))
                }
            };
            Performed::Finished(outcome)
        })
    }
}

impl ScriptPerformer {
    /// Runs scripts in this sandbox; their files are kept below `folder` while they run. It is emptied first: what
    /// is in it was left by a server that was killed.
    #[must_use]
    pub fn new(sandbox: Sandbox, folder: impl Into<PathBuf>) -> Self {
        let folder: PathBuf = folder.into();
        sandbox::remove(&folder);
        Self { sandbox, folder: folder.into(), interpreters: Interpreters::default() }
    }

    /// Runs one script.
    pub async fn run(&self, request: &ScriptRequest, cancel: &Cancel) -> Outcome {
        match self.result(request, cancel).await {
            Ok(output) => Outcome::Succeeded(Payload::new(output)),
            Err(outcome) => outcome,
        }
    }

    async fn result(&self, request: &ScriptRequest, cancel: &Cancel) -> Result<String, Outcome> {
        if !self.sandbox.config().enabled {
            return Err(refused(&SandboxError::Disabled));
        }
        if let Some(attachment) = &request.attachment {
            let why =
                format!("the script is in the attachment {attachment:?}, which is not supported");
            return Err(failed(errors::INVALID, why));
        }
        let runtime = request.runtime.to_ascii_lowercase();
        if runtime.starts_with("powershell") {
            return self.powershell(request, cancel).await;
        }
        if !runtime.starts_with("python3") {
            let why = format!("the runtime {:?} is not supported", request.runtime);
            return Err(failed(errors::INVALID, why));
        }
        let Some(interpreter) = self.interpreters.find(&runtime).await else {
            let why = format!("neither {runtime} nor python3 is on this machine");
            return Err(failed(errors::UNAVAILABLE, why));
        };
        self.python(request, interpreter, cancel).await
    }

    async fn python(
        &self,
        request: &ScriptRequest,
        interpreter: Interpreter,
        cancel: &Cancel,
    ) -> Result<String, Outcome> {
        let place = Place::new(&self.folder, "customer_script.py", &request.script)
            .map_err(|error| refused(&error.into()))?;
        let input = json!({
            "handler": request.handler,
            "payload": request.input_payload.clone().unwrap_or_default(),
            "context": request.context.clone().unwrap_or_default(),
        });
        let inside = place.inside.to_string_lossy();
        let mut command = Command::new(interpreter.program, &["-B", "-c", BOOTSTRAP, &inside]);
        command.input = input.to_string().into_bytes();
        command.readable = interpreter.folders;
        if let Ok(path) = std::env::join_paths(&interpreter.path)
            && !path.is_empty()
        {
            let path = path.to_string_lossy().into_owned();
            command.environment.insert("PYTHONPATH".to_owned(), path);
        }
        let ended = self.ended(request, command, &place, cancel).await?;
        let written = read_regular(&place.host.join(".result"), RESULT_BYTES_MAX);
        match written.as_deref().map(serde_json::from_slice::<Written<'_>>) {
            Ok(Ok(Written { payload: Some(payload), .. })) => output(payload.get(), &ended.stdout),
            Ok(Ok(Written { error: Some(error), .. })) => Err(failed(errors::FAILED, error)),
            // A handler that returns nothing.
            Ok(Ok(Written { payload: None, error: None })) => output("null", &ended.stdout),
            _ => Err(failed(errors::FAILED, without_result(&ended))),
        }
    }

    /// What PowerShell prints is its result: JSON, or else a text.
    async fn powershell(
        &self,
        request: &ScriptRequest,
        cancel: &Cancel,
    ) -> Result<String, Outcome> {
        let found = POWERSHELLS.iter().find_map(|path| std::fs::canonicalize(path).ok());
        let Some(program) = found else {
            let why = format!(
                "the runtime {:?} needs PowerShell, and there is no pwsh on this machine",
                request.runtime
            );
            return Err(failed(errors::UNAVAILABLE, why));
        };
        let place = Place::new(&self.folder, "customer_script.ps1", &request.script)
            .map_err(|error| refused(&error.into()))?;
        let file = place.inside.join("customer_script.ps1");
        let mut command = Command::new(
            program.clone(),
            &["-NoProfile", "-NonInteractive", "-File", &file.to_string_lossy()],
        );
        let payload = Value::Object(request.input_payload.clone().unwrap_or_default());
        command.environment = BTreeMap::from([
            ("InputPayload".to_owned(), payload.to_string()),
            ("POWERSHELL_TELEMETRY_OPTOUT".to_owned(), "1".to_owned()),
        ]);
        let folder = program.parent().filter(|folder| !folder.starts_with("/usr"));
        command.readable = folder.map(Path::to_owned).into_iter().collect();
        let ended = self.ended(request, command, &place, cancel).await?;
        if ended.end != End::Exited(0) {
            return Err(failed(errors::FAILED, without_result(&ended)));
        }
        let printed = ended.stdout.text.trim();
        let payload = match serde_json::from_str::<Value>(printed) {
            Ok(value) => value.to_string(),
            Err(_) => Value::from(printed).to_string(),
        };
        output(&payload, &ended.stdout)
    }

    async fn ended(
        &self,
        request: &ScriptRequest,
        mut command: Command,
        place: &Place,
        cancel: &Cancel,
    ) -> Result<Ended, Outcome> {
        command.work =
            Some(sandbox::Work { host: place.host.clone(), inside: place.inside.clone() });
        command.limits =
            Limits { wall: request.timeout(), stdout_chars: LOG_CHARS_MAX, ..Limits::default() };
        let ended = self.sandbox.run(command, cancel).await.map_err(|error| refused(&error))?;
        match ended.end {
            End::TimedOut => {
                let seconds = request.timeout().as_secs();
                let why = format!("The script was ended after its timeout of {seconds} seconds.");
                Err(failed(errors::TIMED_OUT, why))
            }
            End::Cancelled => Err(failed(errors::FAILED, "The script was cancelled.".to_owned())),
            _ => Ok(ended),
        }
    }
}

/// What the bootstrap wrote.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(default, borrow)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<String>,
}

/// A folder for one script; it goes away by itself.
struct Place {
    host: PathBuf,
    inside: PathBuf,
}

impl Place {
    fn new(folder: &Path, name: &str, script: &str) -> std::io::Result<Self> {
        let unique = sandbox::unique()?;
        let place = Self { host: folder.join(&unique), inside: Path::new("/tmp").join(&unique) };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        std::fs::DirBuilder::new().mode(0o755).create(&place.host)?;
        let file = place.host.join(name);
        std::fs::write(&file, script)?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&file, readable)?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        sandbox::remove(&self.host);
    }
}

fn output(payload: &str, log: &Captured) -> Result<String, Outcome> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        let why = format!(
            "The script returned {} bytes of JSON; the limit is {PAYLOAD_BYTES_MAX}.",
            payload.len()
        );
        return Err(failed(errors::FAILED, why));
    }
    Ok(format!("{{\"Payload\":{payload},\"ExecutionLog\":{}}}", Value::from(log.text.as_str())))
}

/// What is known of a script that ended without a word of its own.
fn without_result(ended: &Ended) -> String {
    let how = match &ended.end {
        End::Exited(code) => {
            format!("The script ended with exit code {code} and without a result.")
        }
        End::Signalled(signal) => {
            format!("The script was ended by signal {signal}, as when it uses more than it may.")
        }
        End::DiskFull => "The script was ended because it wrote too much.".to_owned(),
        _ => "The script was killed, as when the machine has no memory left.".to_owned(),
    };
    match ended.stderr.text.trim_end() {
        "" => how,
        said => format!("{how}\n{said}"),
    }
}

fn refused(error: &SandboxError) -> Outcome {
    let name = match error {
        SandboxError::Disabled => errors::DISABLED,
        _ => errors::UNAVAILABLE,
    };
    failed(name, error.to_string())
}

fn failed(error: &str, cause: String) -> Outcome {
    Outcome::Failed { error: error.to_owned(), cause }
}
