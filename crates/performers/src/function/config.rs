//! The `[functions.<name>]` tables: what a user may say, and what is wrong with it.
//!
//! ```toml
//! [functions.hello]
//! handler = "app.handler"      # with runtime = "python3" | "nodejs"; or command = ["..."]
//! path = "functions/hello"     # working folder, relative to the file
//! env = { GREETING = "hello" }
//! timeout_seconds = 30         # 3 when not given, as on AWS; at most 900
//! concurrency = 4              # processes at most; further invocations wait
//! memory_mb = 128              # told to the function, not enforced
//! ```
//!
//! The files under `path` are the function's code: when one changes, new processes take over. A function should not
//! write there (on AWS it could not); hidden files, `__pycache__` and what lies inside installed packages don't count.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::identity::Identity;

const TIMEOUT_SECONDS_MAX: u64 = 900;
const CONCURRENCY_MAX: usize = 1000;
const NAME_LENGTH_MAX: usize = 64;

/// One `[functions.<name>]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionConfig {
    /// `module.function`; needs `runtime`, or is given to the `command` as `_HANDLER`.
    pub handler: Option<String>,
    /// `python3` (or `python3.12`, ...) or `nodejs` (or `nodejs20.x`, ...): an embedded bootstrap runs the handler.
    pub runtime: Option<String>,
    /// A program that speaks the Lambda Runtime API, with its arguments.
    pub command: Option<Vec<String>>,
    /// The working folder, relative to the configuration file.
    #[serde(default = "default_path")]
    pub path: PathBuf,
    /// Environment variables for the function.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How long one invocation may take. The default is AWS's, 3 s, so that what is too slow there is too slow here.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    /// How many processes run at once; further invocations wait their turn.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// What the function is told about its memory. It is not enforced.
    #[serde(default = "default_memory_mb")]
    pub memory_mb: u32,
}

fn default_path() -> PathBuf {
    PathBuf::from(".")
}

fn default_timeout_seconds() -> u64 {
    3
}

fn default_concurrency() -> usize {
    4
}

fn default_memory_mb() -> u32 {
    128
}

/// One mistake in the configuration of a function: where it is and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("functions.{function}.{key}: {message}")]
pub struct ConfigProblem {
    /// The function's name.
    pub function: String,
    /// The key in its table.
    pub key: &'static str,
    /// What is wrong and the remedy.
    pub message: String,
}

/// Every mistake found, so that a user sees them all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<ConfigProblem>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}

/// A function whose configuration holds: what to start and how.
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) region: String,
    pub(super) handler: String,
    pub(super) start: Start,
    pub(super) root: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
    pub(super) memory_mb: u32,
}

impl Function {
    pub(super) fn program(&self) -> &Path {
        match &self.start {
            Start::Bootstrap { program, .. } | Start::Command { program, .. } => program,
        }
    }
}

/// What is started for a worker.
#[derive(Debug, Clone)]
pub(super) enum Start {
    /// An embedded bootstrap, in an interpreter.
    Bootstrap { interpreter: Interpreter, program: PathBuf, execution_env: String },
    /// The user's own program.
    Command { program: PathBuf, args: Vec<OsString> },
}

/// The languages that have an embedded bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interpreter {
    Python,
    Node,
}

/// Collects the problems of one function while it is being validated.
struct Problems<'a> {
    function: &'a str,
    found: &'a mut Vec<ConfigProblem>,
}

impl Problems<'_> {
    fn add(&mut self, key: &'static str, message: impl Into<String>) {
        self.found.push(ConfigProblem {
            function: self.function.to_owned(),
            key,
            message: message.into(),
        });
    }
}

/// Checks every table; all the mistakes come back together.
pub(super) fn validate(
    config: BTreeMap<String, FunctionConfig>,
    base_dir: &Path,
    identity: &Identity,
) -> Result<Vec<Function>, ConfigProblems> {
    let mut found = Vec::new();
    let mut functions = Vec::new();
    for (name, config) in config {
        let mut problems = Problems { function: &name, found: &mut found };
        functions.extend(validate_one(&name, config, base_dir, identity, &mut problems));
    }
    if found.is_empty() { Ok(functions) } else { Err(ConfigProblems(found)) }
}

fn validate_one(
    name: &str,
    config: FunctionConfig,
    base_dir: &Path,
    identity: &Identity,
    problems: &mut Problems<'_>,
) -> Option<Function> {
    check_name(name, problems);
    check_limits(&config, problems);
    check_env(&config.env, problems);
    let root = working_folder(&base_dir.join(&config.path), problems);
    let start = start_of(&config, root.as_deref().unwrap_or(base_dir), problems)?;
    Some(Function {
        arn: identity.function_arn(name),
        name: name.to_owned(),
        region: identity.region.clone(),
        // AWS asks for a handler even where a custom runtime ignores it; "bootstrap" is what people write.
        handler: config.handler.unwrap_or_else(|| "bootstrap".to_owned()),
        start,
        root: root?,
        env: config.env,
        timeout: Duration::from_secs(config.timeout_seconds),
        concurrency: config.concurrency,
        memory_mb: config.memory_mb,
    })
}

fn check_name(name: &str, problems: &mut Problems<'_>) {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !name.chars().all(legal) {
        problems
            .add("name", "use 1 to 64 letters, digits, hyphens and underscores, as Lambda does");
    }
}

fn check_limits(config: &FunctionConfig, problems: &mut Problems<'_>) {
    if !(1..=TIMEOUT_SECONDS_MAX).contains(&config.timeout_seconds) {
        problems.add(
            "timeout_seconds",
            format!("{} is out of range; give 1 to {TIMEOUT_SECONDS_MAX}", config.timeout_seconds),
        );
    }
    if !(1..=CONCURRENCY_MAX).contains(&config.concurrency) {
        problems.add(
            "concurrency",
            format!("{} is out of range; give 1 to {CONCURRENCY_MAX}", config.concurrency),
        );
    }
}

fn check_env(env: &BTreeMap<String, String>, problems: &mut Problems<'_>) {
    for (key, value) in env {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            problems.add("env", format!("{key:?} cannot be an environment variable; rename it"));
        }
        if key == "_HANDLER" || key.starts_with("AWS_LAMBDA_") || key == "LAMBDA_TASK_ROOT" {
            problems.add("env", format!("{key} is set by the runtime; choose another name"));
        }
    }
}

fn working_folder(path: &Path, problems: &mut Problems<'_>) -> Option<PathBuf> {
    match std::fs::canonicalize(path) {
        Ok(root) if root.is_dir() => Some(root),
        Ok(_) => {
            problems.add("path", format!("{} is not a folder; name the folder", path.display()));
            None
        }
        Err(error) => {
            problems.add(
                "path",
                format!("could not open {} ({error}); create it or fix path", path.display()),
            );
            None
        }
    }
}

fn start_of(config: &FunctionConfig, root: &Path, problems: &mut Problems<'_>) -> Option<Start> {
    match (&config.command, &config.runtime) {
        (Some(_), Some(_)) => {
            problems.add("command", "give command or runtime, not both");
            None
        }
        (Some(command), None) => start_of_command(command, root, problems),
        (None, Some(runtime)) => start_of_runtime(runtime, config.handler.as_deref(), problems),
        (None, None) => {
            problems.add(
                "runtime",
                "say how to run it: runtime = \"python3\" or \"nodejs\" with a handler, or a command",
            );
            None
        }
    }
}

fn start_of_command(command: &[String], root: &Path, problems: &mut Problems<'_>) -> Option<Start> {
    let Some((program, args)) = command.split_first() else {
        problems.add("command", "is empty; name the program and its arguments");
        return None;
    };
    let Some(program) = find_program(program, root) else {
        problems.add(
            "command",
            format!("could not find the program {program}; install it or give its path"),
        );
        return None;
    };
    Some(Start::Command { program, args: args.iter().map(OsString::from).collect() })
}

fn start_of_runtime(
    runtime: &str,
    handler: Option<&str>,
    problems: &mut Problems<'_>,
) -> Option<Start> {
    if handler.is_none_or(str::is_empty) {
        problems.add("handler", "is missing; name it as \"module.function\"");
    }
    let Some((interpreter, program)) = interpreter_of(runtime) else {
        problems.add(
            "runtime",
            format!(
                "{runtime:?} has no bootstrap here; use \"python3\" or \"nodejs\", or a command"
            ),
        );
        return None;
    };
    let Some(found) = find_program(program, Path::new("/")) else {
        problems.add(
            "runtime",
            format!("could not find {program} on PATH; install it or give a command"),
        );
        return None;
    };
    let execution_env = format!("AWS_Lambda_{runtime}");
    Some(Start::Bootstrap { interpreter, program: found, execution_env })
}

/// The interpreter for a runtime's name and the program that is run for it.
fn interpreter_of(runtime: &str) -> Option<(Interpreter, &str)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if runtime == "python3" || runtime.strip_prefix("python3.").is_some_and(digits) {
        return Some((Interpreter::Python, runtime));
    }
    let version = runtime.strip_prefix("nodejs")?;
    let known = version.is_empty() || version.strip_suffix(".x").is_some_and(digits);
    known.then_some((Interpreter::Node, "node"))
}

/// Finds a program as a shell would: by its path, relative to the function's folder, or on `PATH`.
fn find_program(program: &str, root: &Path) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(root.join(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: serde_json::Value) -> FunctionConfig {
        serde_json::from_value(json).expect("the test's own configuration")
    }

    fn problems_of(name: &str, json: serde_json::Value) -> String {
        let identity = Identity { region: "us-east-1".into(), account: "111122223333".into() };
        let table = BTreeMap::from([(name.to_owned(), config(json))]);
        match validate(table, &std::env::temp_dir(), &identity) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn what_is_not_given_has_the_defaults_of_lambda() {
        let config = config(serde_json::json!({ "command": ["sh"] }));
        assert_eq!(config.timeout_seconds, 3);
        assert_eq!(config.memory_mb, 128);
        assert_eq!(config.path, PathBuf::from("."));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let refused = serde_json::from_value::<FunctionConfig>(serde_json::json!({ "timeout": 3 }));
        assert!(refused.is_err_and(|error| error.to_string().contains("unknown field `timeout`")));
    }

    #[test]
    fn a_mistake_names_the_function_the_key_and_the_remedy() {
        use serde_json::json;
        let table = [
            ("f", json!({}), "functions.f.runtime: say how to run it"),
            (
                "f",
                json!({ "runtime": "ruby", "handler": "a.b" }),
                "functions.f.runtime: \"ruby\" has no",
            ),
            (
                "f",
                json!({ "runtime": "python3.x", "handler": "a.b" }),
                "functions.f.runtime: \"python3.x\"",
            ),
            (
                "f",
                json!({ "runtime": "python3.999", "handler": "a.b" }),
                "could not find python3.999 on PATH",
            ),
            ("f", json!({ "runtime": "python3" }), "functions.f.handler: is missing"),
            ("f", json!({ "command": [] }), "functions.f.command: is empty"),
            ("f", json!({ "command": ["./none"] }), "could not find the program ./none"),
            ("f", json!({ "command": ["sh"], "runtime": "nodejs" }), "not both"),
            (
                "f",
                json!({ "command": ["sh"], "path": "none/at/all" }),
                "functions.f.path: could not open",
            ),
            (
                "f",
                json!({ "command": ["sh"], "timeout_seconds": 0 }),
                "functions.f.timeout_seconds: 0 is out",
            ),
            ("f", json!({ "command": ["sh"], "timeout_seconds": 901 }), "give 1 to 900"),
            ("f", json!({ "command": ["sh"], "concurrency": 0 }), "functions.f.concurrency"),
            (
                "f",
                json!({ "command": ["sh"], "env": { "A=B": "" } }),
                "functions.f.env: \"A=B\" cannot",
            ),
            (
                "f",
                json!({ "command": ["sh"], "env": { "_HANDLER": "" } }),
                "_HANDLER is set by the runtime",
            ),
            ("a b", json!({ "command": ["sh"] }), "functions.a b.name: use 1 to 64"),
        ];
        for (name, json, expected) in table {
            let problems = problems_of(name, json);
            assert!(problems.contains(expected), "{problems:?} should contain {expected:?}");
        }
    }

    #[test]
    fn all_mistakes_come_together() {
        let json = serde_json::json!({ "command": ["sh"], "timeout_seconds": 0, "concurrency": 0 });
        assert_eq!(problems_of("f", json).lines().count(), 2);
    }

    #[test]
    fn a_runtime_may_carry_its_version_as_on_lambda() {
        assert_eq!(interpreter_of("python3"), Some((Interpreter::Python, "python3")));
        assert_eq!(interpreter_of("python3.12"), Some((Interpreter::Python, "python3.12")));
        assert_eq!(interpreter_of("nodejs"), Some((Interpreter::Node, "node")));
        assert_eq!(interpreter_of("nodejs20.x"), Some((Interpreter::Node, "node")));
        assert_eq!(interpreter_of("nodejs20"), None);
        assert_eq!(interpreter_of("python2.7"), None);
    }
}
