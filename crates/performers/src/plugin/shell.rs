//! `aws:runShellScript` and `aws:runPowerShellScript`: lines of a document as one script.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use trackway_runbook::plan::PlanStep;

use super::Status;
use super::run::{Done, Place};
use super::text::{STDERR_CHARS_MAX, STDOUT_CHARS_MAX, kept_of};
use crate::sandbox::{Cancel, Command, End, Ended, Limits, Sandbox, SandboxError, Work};

/// For how long a script runs if nothing, or nonsense, is said.
const TIMEOUT_SECONDS: u64 = 3600;
/// What `executionTimeout` of AWS-RunShellScript begins with. The agent takes less than 5 seconds for
/// nonsense; here they are what the caller said.
const TIMEOUT_SECONDS_MIN: u64 = 1;
const TIMEOUT_SECONDS_MAX: u64 = 172_800;
/// The exit code that asks for a reboot.
const REBOOT: i32 = 194;
/// The exit code of what was killed.
const KILLED: i32 = 137;
/// Where a step's script is seen.
const SCRIPTS: &str = "/var/lib/trackway/document";
/// Changes to a folder if it is there, then runs the script.
const IN_FOLDER: &str = "cd -- \"$1\" 2>/dev/null; exec sh -c \"$2\"";
const POWERSHELLS: [&str; 2] = ["/usr/bin/pwsh", "/opt/microsoft/powershell/7/pwsh"];

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Shell,
    PowerShell,
}

/// Runs the lines of a step.
pub(super) async fn run(
    sandbox: &Sandbox,
    place: &Place<'_>,
    step: &PlanStep,
    language: Language,
    cancel: &Cancel,
) -> Done {
    let Some(mut command) = command_of(place, step, language) else {
        return Done::failed(
            "aws:runPowerShellScript needs PowerShell, and there is no pwsh on this node",
        );
    };
    let name = if language == Language::Shell { "_script.sh" } else { "_script.ps1" };
    if let Err(error) = write_script(place, step, name) {
        return Done::failed(format!("failed to create script file. {error}"));
    }
    command.limits = limits(timeout(step));
    command.environment = environment(place, step);
    done(sandbox.run(command, cancel).await)
}

/// The limits of what documents run.
pub(super) fn limits(wall: Duration) -> Limits {
    Limits {
        wall,
        stdout_chars: STDOUT_CHARS_MAX,
        stderr_chars: STDERR_CHARS_MAX,
        processes: 1024,
        ..Limits::default()
    }
}

/// The command without its script; nothing where there is no such interpreter.
fn command_of(place: &Place<'_>, step: &PlanStep, language: Language) -> Option<Command> {
    let seen = Path::new(SCRIPTS).join(&place.output_folder);
    let given = Work { host: place.scripts(), inside: seen.clone() };
    let folder = step.inputs.get("workingDirectory").and_then(Value::as_str).unwrap_or_default();
    let mut command = match language {
        Language::Shell => {
            let script = seen.join("_script.sh");
            let script = script.to_string_lossy();
            if folder.is_empty() || folder.starts_with('/') {
                Command::new("/bin/sh", &["-c", &script])
            } else {
                let folder = place.downloads().join(folder);
                let folder = folder.to_string_lossy();
                Command::new("/bin/sh", &["-c", IN_FOLDER, "sh", &folder, &script])
            }
        }
        Language::PowerShell => {
            let found = POWERSHELLS.iter().find_map(|path| std::fs::canonicalize(path).ok())?;
            let script = seen.join("_script.ps1");
            let arguments = ["-NoProfile", "-NonInteractive", "-File", &script.to_string_lossy()];
            let mut command = Command::new(found.clone(), &arguments);
            let folder = found.parent().filter(|folder| !folder.starts_with("/usr"));
            command.readable.extend(folder.map(Path::to_owned));
            command
        }
    };
    place.equip(&mut command);
    command.given.push(given);
    if folder.starts_with('/') {
        command.working_folder = Some(PathBuf::from(folder));
    }
    Some(command)
}

fn write_script(place: &Place<'_>, step: &PlanStep, name: &str) -> std::io::Result<()> {
    let mut lines = Vec::new();
    lines_of(step.inputs.get("runCommand").unwrap_or(&Value::Null), &mut lines);
    let folder = place.scripts();
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(name);
    std::fs::write(&file, lines.join("\n") + "\n")?;
    // The command is another user than the server, if the server is root.
    for path in [&folder, &file] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// A text, a list of texts, or lists of them.
fn lines_of<'a>(value: &'a Value, lines: &mut Vec<&'a str>) {
    match value {
        Value::String(line) => lines.push(line),
        Value::Array(values) => values.iter().for_each(|value| lines_of(value, lines)),
        _ => {}
    }
}

fn environment(place: &Place<'_>, step: &PlanStep) -> BTreeMap<String, String> {
    let own = step.inputs.get("environment").and_then(Value::as_object);
    let own = own.into_iter().flatten().filter_map(|(name, value)| {
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        Some((name.clone(), value.as_str()?.to_owned())).filter(|_| is_name)
    });
    let mut all: BTreeMap<String, String> = own.collect();
    all.extend(place.environment.clone());
    all
}

/// The shorter of what the plugin and what the step says.
pub(super) fn timeout(step: &PlanStep) -> Duration {
    let given = match step.inputs.get("timeoutSeconds") {
        Some(Value::String(text)) => text.trim().parse::<f64>().ok(),
        Some(value) => value.as_f64(),
        None => None,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked below")]
    let given = given.map(|seconds| seconds as u64);
    let valid = given.filter(|s| (TIMEOUT_SECONDS_MIN..=TIMEOUT_SECONDS_MAX).contains(s));
    let seconds = valid.unwrap_or(TIMEOUT_SECONDS);
    Duration::from_secs(step.timeout_seconds.map_or(seconds, |own| own.clamp(1, seconds)))
}

/// What a script's end means for its step.
pub(super) fn done(ended: Result<Ended, SandboxError>) -> Done {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => return Done::failed(format!("failed to run commands: {error}")),
    };
    let mut done = Done {
        status: Status::Failed,
        code: 0,
        stdout: kept_of(&ended.stdout, STDOUT_CHARS_MAX),
        stderr: kept_of(&ended.stderr, STDERR_CHARS_MAX),
        ..Done::default()
    };
    match ended.end {
        End::Exited(0) => done.status = Status::Success,
        End::Exited(REBOOT) => {
            done.status = Status::Success;
            done.stdout.push_str(
                "Exit code 194 asks for a reboot: this node does not reboot, the document goes on.",
            );
        }
        End::Exited(code) => {
            done.code = code;
            done.stderr.push_str(&format!("failed to run commands: exit status {code}"));
        }
        End::Signalled(signal) => {
            done.code = 128 + signal;
            done.stderr.push_str(&format!("failed to run commands: signal {signal}"));
        }
        End::TimedOut => (done.status, done.code) = (Status::TimedOut, KILLED),
        End::Cancelled => (done.status, done.code) = (Status::Cancelled, KILLED),
        End::DiskFull => {
            done.code = KILLED;
            done.stderr.push_str("failed to run commands: killed, it wrote too much");
        }
        End::Lost => {
            done.code = KILLED;
            done.stderr.push_str("failed to run commands: the sandbox was killed");
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_timeout_that_makes_no_sense_is_an_hour() {
        let seconds = |inputs: Value, own: Option<u64>| {
            timeout(&PlanStep { inputs, timeout_seconds: own, ..PlanStep::default() }).as_secs()
        };
        assert_eq!(seconds(json!({ "timeoutSeconds": "60" }), None), 60);
        assert_eq!(seconds(json!({ "timeoutSeconds": 60.9 }), None), 60);
        assert_eq!(seconds(json!({ "timeoutSeconds": "1" }), None), 1);
        for nonsense in [
            json!({}),
            json!({ "timeoutSeconds": "x" }),
            json!({ "timeoutSeconds": -1 }),
            json!({ "timeoutSeconds": "0" }),
            json!({ "timeoutSeconds": "172801" }),
        ] {
            assert_eq!(seconds(nonsense, None), 3600);
        }
        assert_eq!(seconds(json!({ "timeoutSeconds": "60" }), Some(7)), 7);
        assert_eq!(seconds(json!({ "timeoutSeconds": "60" }), Some(700)), 60);
    }

    #[test]
    fn lines_may_be_nested() {
        let value = json!(["a", ["b", ["c"]], 1, "d"]);
        let mut lines = Vec::new();
        lines_of(&value, &mut lines);
        assert_eq!(lines, ["a", "b", "c", "d"]);
    }
}
