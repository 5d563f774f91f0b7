//! The order of a plan's steps: what runs, what is skipped, what is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use trackway_runbook::plan::{OnFailure, Plan, PlanStep};

use super::shell::{self, Language};
use super::text::{STDERR_CHARS_MAX, STDOUT_CHARS_MAX, combined, kept};
use super::{
    Documents, Fetch, ObjectStore, Report, Status, StepResult, document, download, inventory,
};
use crate::clock::now_ms;
use crate::sandbox::{Cancel, Command, Sandbox, Work, remove};

/// Exit codes of a script that end its document.
const EXIT_WITH_SUCCESS: i32 = 168;
const EXIT_WITH_FAILURE: i32 = 169;
/// Where the steps of a plan share files.
const WORK: &str = "/job";
/// Attempts at one step.
const ATTEMPTS_MAX: u32 = 100;

/// Runs plans on this node. Clones share the sandbox.
#[derive(Clone)]
pub struct Runner {
    pub(super) sandbox: Sandbox,
    pub(super) fetch: Fetch,
    pub(super) documents: Option<Arc<dyn Documents>>,
    pub(super) objects: Option<Arc<dyn ObjectStore>>,
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("sandbox", &self.sandbox).finish_non_exhaustive()
    }
}

/// What a plugin came to.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) status: Status,
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) inventory: Map<String, Value>,
}

impl Default for Done {
    fn default() -> Self {
        let (stdout, stderr) = (String::new(), String::new());
        let inventory = Map::new();
        Self { status: Status::Success, code: 0, stdout, stderr, inventory }
    }
}

impl Done {
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self { status: Status::Failed, code: 1, stderr: why.into(), ..Self::default() }
    }

    pub(super) fn said(text: impl Into<String>) -> Self {
        Self { stdout: text.into(), ..Self::default() }
    }

    fn skipped(why: String) -> Self {
        Self { status: Status::Skipped, ..Self::said(why) }
    }
}

/// Where a plan's files are.
pub(super) struct Scope<'a> {
    /// The folder of the run.
    folder: &'a Path,
    /// What the folders of its output begin with.
    prefix: String,
    /// How many documents it is within.
    depth: u32,
}

/// The files of one step.
pub(super) struct Place<'a> {
    /// The folder of the run.
    folder: &'a Path,
    pub(super) environment: &'a BTreeMap<String, String>,
    /// `awsrunShellScript/0.awsrunShellScript`.
    pub(super) output_folder: String,
    /// How many documents this one is within.
    pub(super) depth: u32,
}

impl Place<'_> {
    /// Where the step's script is on this machine. No command can write there.
    pub(super) fn scripts(&self) -> PathBuf {
        self.folder.join("scripts").join(&self.output_folder)
    }

    /// Where downloads go, as it is seen inside.
    pub(super) fn downloads(&self) -> PathBuf {
        Path::new(WORK).join("downloads")
    }

    /// The same folders for the plan of a document within this step.
    pub(super) fn nested(&self) -> Scope<'_> {
        Scope {
            folder: self.folder,
            prefix: format!("{}/document/", self.output_folder),
            depth: self.depth + 1,
        }
    }

    /// Gives a command the folders that the steps share.
    pub(super) fn equip(&self, command: &mut Command) {
        command.work = Some(Work { host: self.folder.join("work"), inside: WORK.into() });
        command.temporary = Some(self.folder.join("tmp"));
    }
}

/// The folders of one run. What commands wrote goes away with it, the output stays.
struct Folders(PathBuf);

impl Folders {
    fn new(folder: &Path) -> std::io::Result<Self> {
        let make = |mode: u32, path: &Path| {
            let made = std::fs::DirBuilder::new().mode(mode).recursive(true).create(path);
            made.and_then(|()| std::fs::canonicalize(path))
        };
        let folders = Self(make(0o700, folder)?);
        folders.clear();
        for name in ["work", "tmp", "scripts", "output"] {
            make(0o755, &folders.0.join(name))?;
        }
        Ok(folders)
    }

    fn clear(&self) {
        for name in ["work", "tmp", "scripts"] {
            remove(&self.0.join(name));
        }
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Runner {
    /// Runs in this sandbox. Documents and objects come from nowhere until they are given.
    #[must_use]
    pub fn new(sandbox: Sandbox, fetch: Fetch) -> Self {
        Self { sandbox, fetch, documents: None, objects: None }
    }

    /// Where `aws:runDocument` finds documents.
    #[must_use]
    pub fn documents(mut self, documents: Arc<dyn Documents>) -> Self {
        self.documents = Some(documents);
        self
    }

    /// Where `aws:downloadContent` finds objects of S3.
    #[must_use]
    pub fn objects(mut self, objects: Arc<dyn ObjectStore>) -> Self {
        self.objects = Some(objects);
        self
    }

    /// Runs a plan to its end, or until it is called off. Files are kept below `folder`, which must be this run's
    /// own: the output of each step stays in `output/`, all else is removed. `told` hears of each step as it ends.
    ///
    /// # Errors
    /// The folder can't be used.
    pub async fn run(
        &self,
        plan: &Plan,
        folder: &Path,
        cancel: &Cancel,
        told: &mut (dyn FnMut(&StepResult) + Send),
    ) -> std::io::Result<Report> {
        let folders = Folders::new(folder)?;
        let scope = Scope { folder: &folders.0, prefix: String::new(), depth: 0 };
        Ok(self.steps(plan, &scope, cancel, told).await)
    }

    /// The steps of a plan in folders that are there.
    pub(super) async fn steps(
        &self,
        plan: &Plan,
        scope: &Scope<'_>,
        cancel: &Cancel,
        told: &mut (dyn FnMut(&StepResult) + Send),
    ) -> Report {
        let mut steps: Vec<StepResult> = Vec::new();
        let mut is_over = false;
        for (index, step) in plan.steps.iter().enumerate() {
            let started_ms = now_ms();
            let place = Place {
                folder: scope.folder,
                environment: &plan.environment,
                output_folder: scope.prefix.clone() + &output_folder(plan, index),
                depth: scope.depth,
            };
            let is_finally = step.finally_step && index + 1 == plan.steps.len();
            let mut done = match refusal(step, is_over && !is_finally) {
                Some(done) => done,
                None => self.attempts(&place, step, cancel).await,
            };
            is_over |= ends_document(step, &mut done);
            let result = result(step, &place, done, started_ms);
            keep(scope.folder, &result);
            told(&result);
            steps.push(result);
        }
        let status = steps.iter().map(|step| step.status).max();
        Report { status: status.unwrap_or(Status::Success), steps }
    }

    async fn attempts(&self, place: &Place<'_>, step: &PlanStep, cancel: &Cancel) -> Done {
        let most = step.max_attempts.unwrap_or(1).clamp(1, ATTEMPTS_MAX);
        let mut attempt = 1;
        loop {
            if cancel.is_cancelled() {
                return Done { status: Status::Cancelled, code: 1, ..Done::default() };
            }
            let done = self.plugin(place, step, cancel).await;
            if !matches!(done.status, Status::Failed | Status::TimedOut) || attempt == most {
                return done;
            }
            attempt += 1;
        }
    }

    async fn plugin(&self, place: &Place<'_>, step: &PlanStep, cancel: &Cancel) -> Done {
        match step.action.as_str() {
            "aws:runShellScript" => {
                shell::run(&self.sandbox, place, step, Language::Shell, cancel).await
            }
            "aws:runPowerShellScript" => {
                shell::run(&self.sandbox, place, step, Language::PowerShell, cancel).await
            }
            "aws:downloadContent" => download::run(self, place, step, cancel).await,
            "aws:runDocument" => Box::pin(document::run(self, place, step, cancel)).await,
            "aws:softwareInventory" => inventory::run(&self.sandbox, step, cancel).await,
            action => Done::failed(format!(
                "Plugin with name {action} is not supported by this version of Trackway. Step name: {}",
                step.name
            )),
        }
    }
}

/// Why a step doesn't run, if it doesn't.
fn refusal(step: &PlanStep, is_over: bool) -> Option<Done> {
    let (action, name) = (&step.action, &step.name);
    if is_over {
        return Some(Done::skipped(format!(
            "Plugin with name {action} and id {name} skipped due to prior step with an exit condition"
        )));
    }
    let failed = step.fail_reason.as_ref().map(Done::failed);
    failed.or_else(|| step.skip_reason.clone().map(Done::skipped))
}

/// Whether the steps after this one are skipped; changes what is shown of it where it says so.
fn ends_document(step: &PlanStep, done: &mut Done) -> bool {
    if done.status == Status::Skipped {
        return false;
    }
    let skips = "Further document steps will be skipped.";
    if done.code == EXIT_WITH_SUCCESS {
        done.status = Status::Success;
        done.stderr = String::new();
        let text =
            format!("\nStep exited with code 168. Therefore, marking step as succeeded. {skips}");
        done.stdout.push_str(&text);
        return true;
    }
    let text = if done.code == EXIT_WITH_FAILURE {
        format!("\nStep exited with code 169. Therefore, marking step as Failed. {skips}")
    } else if done.status == Status::Failed && step.on_failure.is_some() {
        format!("\nStep was found to have onFailure property. {skips}")
    } else {
        return done.status == Status::Success && step.exit_on_success;
    };
    done.stdout.push_str(&text);
    done.stderr.push_str(&text);
    if done.code != EXIT_WITH_FAILURE && step.on_failure == Some(OnFailure::SuccessAndExit) {
        (done.status, done.code) = (Status::Success, EXIT_WITH_SUCCESS);
    }
    true
}

fn result(step: &PlanStep, place: &Place<'_>, done: Done, started_ms: i64) -> StepResult {
    let stdout = kept(&done.stdout, STDOUT_CHARS_MAX);
    let stderr = kept(&done.stderr, STDERR_CHARS_MAX);
    let output = combined(&stdout, &stderr);
    StepResult {
        name: step.name.clone(),
        action: step.action.clone(),
        status: done.status,
        response_code: done.code,
        started_ms,
        ended_ms: now_ms(),
        stdout,
        stderr,
        output,
        output_folder: place.output_folder.clone(),
        inventory: done.inventory,
    }
}

/// Puts a step's output into the folder of the run. Commands don't see that folder.
fn keep(folder: &Path, result: &StepResult) {
    let folder = folder.join("output").join(&result.output_folder);
    // The result has the output as well.
    let _ = std::fs::create_dir_all(&folder);
    let _ = std::fs::write(folder.join("stdout"), &result.stdout);
    let _ = std::fs::write(folder.join("stderr"), &result.stderr);
}

/// `awsrunShellScript/0.awsrunShellScript`, or the step's name where steps have names.
fn output_folder(plan: &Plan, index: usize) -> String {
    let plain = |text: &str| -> String {
        let keep = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let text: String = text.chars().filter(keep).take(128).collect();
        if text.trim_matches('.').is_empty() { format!("step{index}") } else { text }
    };
    let Some(step) = plan.steps.get(index) else { return format!("step{index}") };
    let action = plain(&step.action);
    if plan.schema_version.starts_with("1.") || step.name == step.action {
        let before = plan.steps.iter().take(index);
        let before = before.filter(|before| before.action == step.action).count();
        return format!("{action}/{before}.{action}");
    }
    let twins = plan.steps.iter().take(index).filter(|before| before.name == step.name).count();
    let name = plain(&step.name);
    if twins == 0 { format!("{action}/{name}") } else { format!("{action}/{name}.{twins}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_output_stays_below_its_run() {
        let step = |name: &str, action: &str| PlanStep {
            name: name.into(),
            action: action.into(),
            ..PlanStep::default()
        };
        let plan = Plan {
            schema_version: "2.2".into(),
            steps: vec![
                step("../../etc", "aws:runShellScript"),
                step("..", "../x"),
                step("one", "aws:runShellScript"),
            ],
            ..Plan::default()
        };
        assert_eq!(output_folder(&plan, 0), "awsrunShellScript/....etc");
        assert_eq!(output_folder(&plan, 1), "..x/step1");
        assert_eq!(output_folder(&plan, 2), "awsrunShellScript/one");
        let steps = vec![step("a", "aws:runShellScript"), step("b", "aws:runShellScript")];
        let plan = Plan { schema_version: "1.2".into(), steps, ..Plan::default() };
        assert_eq!(output_folder(&plan, 1), "awsrunShellScript/1.awsrunShellScript");
    }
}
