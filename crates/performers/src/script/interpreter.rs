//! Which Python of this machine runs a script, and what of it must be seen in the sandbox.
//!
//! The interpreter is asked once, outside the sandbox: what is on `PATH` may be a shim or a link, and the packages
//! may lie anywhere. No script's text is involved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

const QUESTION: &str = "import json, sys; print(json.dumps([sys.executable, [sys.prefix, sys.base_prefix], [p for p in sys.path if p], sys.version_info[0]]))";
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is seen in a sandbox anyway.
const SEEN: [&str; 5] = ["/usr", "/bin", "/sbin", "/lib", "/lib64"];

/// A Python interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interpreter {
    pub(super) program: PathBuf,
    /// Folders that it needs beyond those that are seen anyway.
    pub(super) folders: Vec<PathBuf>,
    /// Those of them where it wouldn't look for packages by itself.
    pub(super) path: Vec<PathBuf>,
}

/// The interpreters that have answered, by the name of the runtime.
#[derive(Clone, Debug, Default)]
pub(super) struct Interpreters(Arc<Mutex<BTreeMap<String, Interpreter>>>);

impl Interpreters {
    /// The interpreter of this version, or else whatever `python3` is.
    pub(super) async fn find(&self, runtime: &str) -> Option<Interpreter> {
        let mut known = self.0.lock().await;
        if let Some(found) = known.get(runtime) {
            return Some(found.clone());
        }
        let plain: String =
            runtime.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
        for name in [plain.as_str(), "python3"] {
            if let Some(found) = ask(name).await {
                known.insert(runtime.to_owned(), found.clone());
                return Some(found);
            }
        }
        None
    }
}

async fn ask(name: &str) -> Option<Interpreter> {
    let mut command = tokio::process::Command::new(name);
    command.args(["-c", QUESTION]).current_dir("/").kill_on_drop(true);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    // These are for the server's own programs, if for any.
    for variable in ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"] {
        command.env_remove(variable);
    }
    let output = tokio::time::timeout(PATIENCE, command.output()).await.ok()?.ok()?;
    interpreter(&output.stdout).filter(|_| output.status.success())
}

fn interpreter(answer: &[u8]) -> Option<Interpreter> {
    type Answer = (PathBuf, Vec<PathBuf>, Vec<PathBuf>, u32);
    let (program, prefixes, path, version): Answer = serde_json::from_slice(answer).ok()?;
    if version != 3 {
        return None;
    }
    let prefixes: Vec<PathBuf> = prefixes.into_iter().filter(|path| is_needed(path)).collect();
    let is_within = |path: &PathBuf| prefixes.iter().any(|prefix| path.starts_with(prefix));
    let path: Vec<PathBuf> =
        path.into_iter().filter(|path| is_needed(path) && !is_within(path)).collect();
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in prefixes.iter().chain(&path) {
        if !folders.iter().any(|known| folder.starts_with(known)) {
            folders.push(folder.clone());
        }
    }
    Some(Interpreter { program, folders, path })
}

/// Whether a folder has to be shown. Never a whole home, nor a folder at the top.
fn is_needed(path: &Path) -> bool {
    let seen = SEEN.iter().any(|seen| path.starts_with(seen));
    let is_home = std::env::var_os("HOME").is_some_and(|home| Path::new(&home).starts_with(path));
    let is_wide = path.components().count() < 3;
    path.is_absolute() && path.exists() && !seen && !is_home && !is_wide
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_seen_anyway_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("python");
        let site = folder.path().join("site");
        let lib = prefix.join("lib/python3.11");
        for folder in [&lib, &site] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let answer = serde_json::json!([
            prefix.join("bin/python3"),
            [prefix, "/usr"],
            [lib, site, "/usr/lib/python3", "/", folder.path().join("absent")],
            3
        ]);
        let found = interpreter(answer.to_string().as_bytes()).unwrap();
        assert_eq!(found.folders, [prefix, site.clone()]);
        assert_eq!(found.path, [site]);
        assert_eq!(interpreter(b"[\"/usr/bin/python\", [], [], 2]"), None);
    }
}
