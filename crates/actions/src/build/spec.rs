//! Buildspecs: `buildspec.yml` of CodeBuild, versions 0.1 and 0.2, as values.
//!
//! What is no buildspec is refused with CodeBuild's words where they are known. What CodeBuild does
//! and a build here does not is in `notes`, and from there in the log.

use regex::Regex;
use serde_json::{Map, Value};

use super::limits::COMMANDS_MAX;

/// How often a phase is run again if `RETRY` does not say.
const RETRIES: u32 = 3;
const RETRIES_MAX: u32 = 100;
/// What it does not know, and builds without it.
const NOT_DONE: [(&str, &str); 3] = [
    ("run-as", "all commands run as the one user of the sandbox"),
    ("cache", "nothing is cached between builds"),
    ("proxy", "there is no proxy server here"),
];

/// A buildspec.
#[derive(Debug, Default)]
pub(super) struct Buildspec {
    pub(super) version: Version,
    pub(super) shell: Shell,
    /// Variables as they are written.
    pub(super) variables: Vec<(String, String)>,
    /// Variables whose value is a parameter of Parameter Store.
    pub(super) parameters: Vec<(String, String)>,
    /// Variables whose value is in Secrets Manager.
    pub(super) secrets: Vec<(String, String)>,
    /// Variables that become output variables.
    pub(super) exported: Vec<String>,
    /// Those that it has, in the order in which they run.
    pub(super) phases: Vec<PhaseSpec>,
    pub(super) artifacts: Option<ArtifactSpec>,
    pub(super) secondary: Vec<(String, ArtifactSpec)>,
    pub(super) reports: Vec<ReportSpec>,
    /// What is noted, but not done.
    pub(super) notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// Each command has a shell of its own.
    One,
    /// Commands share one.
    #[default]
    Two,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shell {
    #[default]
    Sh,
    Bash,
}

impl Shell {
    /// Where the sandbox has it.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Sh => "/bin/sh",
            Self::Bash => "/bin/bash",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Install,
    PreBuild,
    Build,
    PostBuild,
}

impl Phase {
    pub(super) const ALL: [Self; 4] = [Self::Install, Self::PreBuild, Self::Build, Self::PostBuild];

    /// In a buildspec.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::PreBuild => "pre_build",
            Self::Build => "build",
            Self::PostBuild => "post_build",
        }
    }

    /// In CodeBuild's API and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Install => "INSTALL",
            Self::PreBuild => "PRE_BUILD",
            Self::Build => "BUILD",
            Self::PostBuild => "POST_BUILD",
        }
    }
}

#[derive(Debug)]
pub(super) struct PhaseSpec {
    pub(super) phase: Phase,
    pub(super) commands: Vec<String>,
    pub(super) finally: Vec<String>,
    pub(super) on_failure: OnFailure,
}

/// What follows when a phase fails.
#[derive(Debug, Default)]
pub(super) enum OnFailure {
    /// As build phases go: after the build comes what is after the build, other phases end it.
    #[default]
    Usual,
    Abort,
    Continue,
    /// The phase is run again this often, while the message of the failure is of the pattern.
    Retry(u32, Option<Regex>),
}

/// `artifacts`, or one of `secondary-artifacts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ArtifactSpec {
    pub(super) files: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) base: Option<String>,
    pub(super) discard_paths: bool,
    pub(super) exclude: Vec<String>,
}

/// One of `reports`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReportSpec {
    pub(super) group: String,
    pub(super) format: String,
    pub(super) selection: ArtifactSpec,
}

type Read<T> = Result<T, String>;

/// Reads a buildspec. The error is the message of a `YAML_FILE_ERROR`.
pub(super) fn read(content: &str) -> Read<Buildspec> {
    let value = trackway_yaml::read_texts(content).map_err(|error| error.to_string())?;
    let Value::Object(top) = &value else {
        return Err("the buildspec is not a map".to_owned());
    };
    let mut spec = Buildspec { version: version(top)?, ..Buildspec::default() };
    environment(top, &mut spec)?;
    let phases = map(top, "phases")?.ok_or("the buildspec has no phases")?;
    if let Some(name) = phases.keys().find(|name| !Phase::ALL.iter().any(|p| p.key() == *name)) {
        return Err(format!(
            "Invalid buildspec phase name: {name}. Expecting: build,install,post_build,pre_build"
        ));
    }
    for phase in Phase::ALL {
        if let Some(found) = map(phases, phase.key())? {
            spec.phases.push(phase_spec(phase, found, &mut spec.notes)?);
        }
    }
    if let Some(artifacts) = map(top, "artifacts")? {
        spec.artifacts = Some(artifact(artifacts)?);
        for (name, _) in map(artifacts, "secondary-artifacts")?.into_iter().flatten() {
            let secondary = map(artifacts, "secondary-artifacts")?.map(|all| map(all, name));
            let found = secondary.transpose()?.flatten();
            let found = found.ok_or_else(|| format!("secondary-artifacts/{name} is empty"))?;
            spec.secondary.push((name.clone(), artifact(found)?));
        }
    }
    for (group, _) in map(top, "reports")?.into_iter().flatten() {
        let found = map(top, "reports")?.map(|all| map(all, group)).transpose()?.flatten();
        let found = found.ok_or_else(|| format!("reports/{group} is empty"))?;
        spec.reports.push(ReportSpec {
            group: group.clone(),
            format: text(found, "file-format")?.unwrap_or_else(|| "JUNITXML".to_owned()),
            selection: artifact(found)?,
        });
    }
    for (key, why) in NOT_DONE {
        if top.contains_key(key) {
            spec.notes.push(format!("{key} of the buildspec is not followed: {why}"));
        }
    }
    Ok(spec)
}

fn version(top: &Map<String, Value>) -> Read<Version> {
    match top.get("version").and_then(Value::as_str).map(str::trim) {
        Some("0.1") => Ok(Version::One),
        Some("0.2") => Ok(Version::Two),
        Some(other) => Err(format!("the buildspec's version {other:?} is not 0.1 or 0.2")),
        None => Err("the buildspec has no version".to_owned()),
    }
}

fn environment(top: &Map<String, Value>, spec: &mut Buildspec) -> Read<()> {
    // The names of version 0.1.
    if let Some(old) = map(top, "environment_variables")? {
        spec.variables = pairs(old, "plaintext")?;
    }
    let Some(env) = map(top, "env")? else { return Ok(()) };
    spec.shell = match text(env, "shell")?.as_deref() {
        None | Some("sh" | "/bin/sh") => Shell::Sh,
        Some("bash" | "/bin/bash") => Shell::Bash,
        Some(other) => {
            return Err(format!("the shell {other:?} is not here; use bash or /bin/sh"));
        }
    };
    spec.variables.extend(pairs(env, "variables")?);
    spec.parameters = pairs(env, "parameter-store")?;
    spec.secrets = pairs(env, "secrets-manager")?;
    spec.exported = list(env, "exported-variables")?;
    if flag(env, "git-credential-helper")? {
        let note = "git-credential-helper of the buildspec is not followed: there are no credentials of git in a build";
        spec.notes.push(note.to_owned());
    }
    Ok(())
}

fn phase_spec(
    phase: Phase,
    found: &Map<String, Value>,
    notes: &mut Vec<String>,
) -> Read<PhaseSpec> {
    let spec = PhaseSpec {
        phase,
        commands: commands(found, "commands")?,
        finally: commands(found, "finally")?,
        on_failure: match text(found, "on-failure")? {
            None => OnFailure::Usual,
            Some(word) => on_failure(&word)?,
        },
    };
    if spec.commands.len() + spec.finally.len() > COMMANDS_MAX {
        return Err(format!("phases/{} has more than {COMMANDS_MAX} commands", phase.key()));
    }
    if let Some(runtimes) = map(found, "runtime-versions")? {
        let names: Vec<String> = runtimes
            .iter()
            .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()))
            .collect();
        notes.push(format!(
            "runtime-versions are not installed, what the machine has is used: {}",
            names.join(", ")
        ));
    }
    if found.contains_key("run-as") {
        notes.push(format!(
            "run-as of {} is not followed: all commands run as the one user of the sandbox",
            phase.key()
        ));
    }
    Ok(spec)
}

fn on_failure(word: &str) -> Read<OnFailure> {
    let refused = || {
        format!(
            "on-failure is {word:?}. Expecting: ABORT, CONTINUE, RETRY, RETRY-count, RETRY-regex, RETRY-count-regex"
        )
    };
    let how = match word {
        "ABORT" => return Ok(OnFailure::Abort),
        "CONTINUE" => return Ok(OnFailure::Continue),
        "RETRY" => return Ok(OnFailure::Retry(RETRIES, None)),
        _ => word.strip_prefix("RETRY-").ok_or_else(refused)?,
    };
    let (first, rest) = how.split_once('-').map_or((how, None), |(a, b)| (a, Some(b)));
    let (count, pattern) = match first.parse::<u32>() {
        Ok(count) if count <= RETRIES_MAX => (count, rest),
        Ok(_) => return Err(refused()),
        Err(_) => (RETRIES, Some(how)),
    };
    let pattern = pattern.map(|pattern| Regex::new(pattern).map_err(|_| refused())).transpose()?;
    Ok(OnFailure::Retry(count, pattern))
}

fn artifact(found: &Map<String, Value>) -> Read<ArtifactSpec> {
    Ok(ArtifactSpec {
        files: list(found, "files")?,
        name: text(found, "name")?,
        base: text(found, "base-directory")?,
        discard_paths: flag(found, "discard-paths")?,
        exclude: list(found, "exclude-paths")?,
    })
}

/// A map of this name; none where it is absent or empty.
fn map<'a>(of: &'a Map<String, Value>, key: &str) -> Read<Option<&'a Map<String, Value>>> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(found)) => Ok(Some(found)),
        Some(_) => Err(format!("Expected {key} to be a map")),
    }
}

fn text(of: &Map<String, Value>, key: &str) -> Read<Option<String>> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(found)) => Ok(Some(found.clone())),
        Some(_) => Err(format!("Expected {key} to be of string type")),
    }
}

fn flag(of: &Map<String, Value>, key: &str) -> Read<bool> {
    match text(of, key)?.map(|word| word.to_ascii_lowercase()).as_deref() {
        None | Some("no" | "false" | "off") => Ok(false),
        Some("yes" | "true" | "on") => Ok(true),
        Some(other) => Err(format!("{key} is {other:?}. Expecting: yes, no")),
    }
}

fn pairs(of: &Map<String, Value>, key: &str) -> Read<Vec<(String, String)>> {
    let found = map(of, key)?.into_iter().flatten();
    found
        .map(|(name, value)| match value {
            Value::String(value) => Ok((name.clone(), value.clone())),
            Value::Null => Ok((name.clone(), String::new())),
            _ => Err(format!("Expected {key}/{name} to be of string type")),
        })
        .collect()
}

/// Texts; one alone may stand for a list of one.
fn list(of: &Map<String, Value>, key: &str) -> Read<Vec<String>> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(all)) => {
            all.iter().enumerate().map(|(n, one)| item(key, n, one)).collect()
        }
        Some(_) => Err(format!("Expected {key} to be a list")),
    }
}

fn commands(of: &Map<String, Value>, key: &str) -> Read<Vec<String>> {
    match of.get(key) {
        Some(Value::String(_)) => Err(format!("Expected {key} to be a list")),
        _ => list(of, key),
    }
}

fn item(key: &str, place: usize, value: &Value) -> Read<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        _ => {
            let key = if key == "commands" { "Commands" } else { key };
            Err(format!("Expected {key}[{place}] to be of string type: found subkeys instead"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_buildspec_is_refused_with_the_reason() {
        let cases = [
            ("phases: {build: {commands: [a]}}", "the buildspec has no version"),
            ("version: 0.3\nphases: {}", "version \"0.3\" is not 0.1 or 0.2"),
            ("version: 0.2", "the buildspec has no phases"),
            (
                "version: 0.2\nphases: {deploy: {commands: [a]}}",
                "Invalid buildspec phase name: deploy. Expecting: build,install,post_build,pre_build",
            ),
            (
                "version: 0.2\nphases:\n  build:\n    commands:\n      - ok\n      - echo a: b\n",
                "Expected Commands[1] to be of string type: found subkeys instead",
            ),
            ("version: 0.2\nphases: {build: {commands: make}}", "Expected commands to be a list"),
            ("version: 0.2\nenv: {shell: powershell.exe}\nphases: {}", "is not here"),
            ("version: 0.2\nphases: {build: {on-failure: PANIC}}", "Expecting: ABORT, CONTINUE"),
            ("version: 0.2\nphases: {build: {on-failure: RETRY-101}}", "Expecting: ABORT"),
            ("version: 0.2\nphases: {build: {on-failure: 'RETRY-('}}", "Expecting: ABORT"),
            ("version: 0.2\nphases: [", "at line 3"),
            ("- a", "is not a map"),
        ];
        for (text, expected) in cases {
            let error = read(text).expect_err(text);
            assert!(error.contains(expected), "{error} does not say {expected}");
        }
    }

    #[test]
    fn values_stay_as_they_are_written() {
        let spec = read(
            "version: 0.2\nenv:\n  variables: {A: 1.10, B: yes, C: 'x y', D: }\n  parameter-store: {P: /p}\n  \
             secrets-manager: {S: 'id:key'}\n  exported-variables: [A]\nphases:\n  build:\n    \
             commands: [true]\nartifacts:\n  files: '**/*'\n  discard-paths: yes\n",
        )
        .unwrap();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            spec.variables,
            [pair("A", "1.10"), pair("B", "yes"), pair("C", "x y"), pair("D", "")]
        );
        assert_eq!(
            (spec.parameters, spec.secrets),
            (vec![pair("P", "/p")], vec![pair("S", "id:key")])
        );
        assert_eq!(
            (spec.exported, &spec.phases[0].commands),
            (vec!["A".to_owned()], &vec!["true".to_owned()])
        );
        let artifacts = spec.artifacts.unwrap();
        assert_eq!((artifacts.files, artifacts.discard_paths), (vec!["**/*".to_owned()], true));
    }

    #[test]
    fn a_retry_says_how_often_and_after_what() {
        let read = |word: &str| match on_failure(word) {
            Ok(OnFailure::Retry(count, pattern)) => (count, pattern.map(|p| p.to_string())),
            other => panic!("{word}: {other:?}"),
        };
        assert_eq!(read("RETRY"), (3, None));
        assert_eq!(read("RETRY-5"), (5, None));
        assert_eq!(read("RETRY-5-exit status 7"), (5, Some("exit status 7".to_owned())));
        assert_eq!(read("RETRY-time-?out"), (3, Some("time-?out".to_owned())));
    }

    #[test]
    fn what_is_not_done_is_noted() {
        let spec = read(
            "version: 0.2\nrun-as: me\nphases:\n  install:\n    runtime-versions: {nodejs: 18}\ncache: {paths: [a]}\n",
        )
        .unwrap();
        assert_eq!(spec.notes.len(), 3, "{:?}", spec.notes);
        assert!(spec.notes[0].contains("nodejs 18"));
    }
}
