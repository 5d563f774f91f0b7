//! `[sandbox]` of the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::inside::NOBODY;

/// What the user says about sandboxes. Nothing runs unless `enabled`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SandboxConfig {
    /// Whether commands and scripts may run at all.
    pub enabled: bool,
    /// Whether they have the host's network.
    pub network: bool,
    /// Folders that they may write to, beside their own work folder; relative to the file. They are seen at their
    /// own path. Where the server is root, commands are the host's user 65534, who must be allowed to write there.
    pub writable: Vec<PathBuf>,
    /// Folders and files that they may read, at their own path.
    pub readable: Vec<PathBuf>,
    /// Variables of their environment. This is the only way by which endpoints, a region or credentials of AWS
    /// reach them: `AWS_ENDPOINT_URL`, `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`, ...
    #[serde(rename = "env")]
    pub environment: BTreeMap<String, String>,
    /// Whether downloads of commands may go to private, loopback and link-local addresses.
    pub private_downloads: bool,
    /// Megabytes of memory that each process may write to.
    pub memory_mb: Option<u64>,
    /// Processes and threads that a command may have.
    pub processes: Option<u64>,
    /// Commands that run at once; others wait.
    pub concurrency: Option<usize>,
}

impl fmt::Debug for SandboxConfig {
    /// Without the values of the environment, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxConfig")
            .field("enabled", &self.enabled)
            .field("network", &self.network)
            .field("writable", &self.writable)
            .field("readable", &self.readable)
            .field("env", &self.environment.keys())
            .field("private_downloads", &self.private_downloads)
            .field("memory_mb", &self.memory_mb)
            .field("processes", &self.processes)
            .field("concurrency", &self.concurrency)
            .finish()
    }
}

/// Where people keep secrets, by the variables of the process's environment. These paths, the data directory and the
/// configuration file are what a sandbox must be told to hide.
#[must_use]
pub fn usual_secrets(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Vec<PathBuf> {
    const IN_HOME: [&str; 9] = [
        ".aws",
        ".azure",
        ".config/gcloud",
        ".docker",
        ".git-credentials",
        ".gnupg",
        ".kube",
        ".netrc",
        ".ssh",
    ];
    let home = variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let in_home = home.iter().flat_map(|home| IN_HOME.iter().map(move |name| home.join(name)));
    let files = ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    let named = files.iter().filter_map(|name| variable(name)).filter(|path| !path.is_empty());
    in_home.chain(named.map(PathBuf::from)).collect()
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A folder that is not there.
    #[error("could not use {path:?} of [sandbox]: {why}")]
    Path {
        /// As it was given.
        path: PathBuf,
        /// What happened.
        why: String,
    },
    /// A command could change, or read, what is the server's.
    #[error(
        "could not use {path:?} of [sandbox]: it holds or lies in {private:?}, which is the server's own; name a folder beside it"
    )]
    Private {
        /// As it was given.
        path: PathBuf,
        /// What is the server's own.
        private: PathBuf,
    },
}

/// The paths of a configuration, found on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) writable: Vec<PathBuf>,
    pub(super) readable: Vec<PathBuf>,
    pub(super) private: Vec<PathBuf>,
}

impl SandboxConfig {
    /// Finds the folders. A private path may lie in a readable folder, where it stays invisible; in a writable one it
    /// could be moved to where it is seen, so that is refused.
    pub(super) fn places(&self, base: &Path, private: &[PathBuf]) -> Result<Places, Problem> {
        let private: Vec<PathBuf> = private.iter().map(|path| absolute(&base.join(path))).collect();
        let find = |given: &PathBuf| {
            std::fs::canonicalize(base.join(given))
                .map_err(|error| Problem::Path { path: given.clone(), why: error.to_string() })
        };
        let refused = |given: &PathBuf, private: &PathBuf| Problem::Private {
            path: given.clone(),
            private: private.clone(),
        };
        let mut places = Places::default();
        for given in &self.writable {
            let found = find(given)?;
            let clash =
                |private: &&PathBuf| private.starts_with(&found) || found.starts_with(private);
            if let Some(private) = private.iter().find(clash) {
                return Err(refused(given, private));
            }
            places.writable.push(found);
        }
        for given in &self.readable {
            let found = find(given)?;
            if let Some(private) = private.iter().find(|private| found.starts_with(private)) {
                return Err(refused(given, private));
            }
            places.readable.push(found);
        }
        let all = places.writable.iter().chain(&places.readable);
        let unusable = all.filter_map(|path| Some((path, unusable(path)?.to_owned()))).next();
        let closed = places.writable.iter().filter_map(|path| Some((path, closed(path)?))).next();
        if let Some((path, why)) = unusable.or(closed) {
            return Err(Problem::Path { path: path.clone(), why });
        }
        places.private = private;
        Ok(places)
    }
}

/// Places that the sandbox makes itself, so that nothing of the host can stand there.
fn unusable(path: &Path) -> Option<&'static str> {
    let made = ["/", "/proc", "/sys", "/dev", "/etc", "/tmp", "/usr", "/var", "/root", "/home"];
    if made.iter().any(|made| path == Path::new(made)) {
        return Some("it is too much of the machine; name a folder in it");
    }
    let kernel = ["/proc", "/sys", "/dev"].iter().any(|kernel| path.starts_with(kernel));
    kernel.then_some("it belongs to the kernel")
}

/// Why a command couldn't write to a folder, where the server is root and the command is not.
fn closed(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let facts = std::fs::metadata(path).ok()?;
    let bits = match (facts.uid(), facts.gid()) {
        (NOBODY, _) => facts.mode() >> 6,
        (_, NOBODY) => facts.mode() >> 3,
        _ => facts.mode(),
    };
    let is_open = bits & 0o3 == 0o3;
    (rustix::process::geteuid().is_root() && !is_open).then(|| {
        format!("the server is root, so commands run as user {NOBODY}, who may not write there; chown it to {NOBODY}, or let the server run as another user")
    })
}

/// Where a path is, links resolved as far as it exists.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Ok(found) = std::fs::canonicalize(&path) {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => absolute(parent).join(name),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_servers_own_is_not_writable() {
        let folder = tempfile::tempdir().unwrap();
        let base = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir_all(base.join("data/inner")).unwrap();
        std::fs::create_dir_all(base.join("out")).unwrap();
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(base.join("out"), all).unwrap();
        let places = |writable: &str| {
            let config =
                SandboxConfig { writable: vec![writable.into()], ..SandboxConfig::default() };
            config.places(&base, &["data".into(), "later/not-yet".into()])
        };
        assert_eq!(places("out").unwrap().writable, [base.join("out")]);
        for refused in [".", "data", "data/inner"] {
            assert!(matches!(places(refused), Err(Problem::Private { .. })), "{refused}");
        }
        assert!(matches!(places("absent"), Err(Problem::Path { .. })));
        assert!(matches!(places("/"), Err(Problem::Private { .. })));
    }

    #[test]
    fn secrets_lie_in_the_home_and_where_variables_say() {
        let secrets = usual_secrets(|name| match name {
            "HOME" => Some("/people/me".into()),
            "AWS_CONFIG_FILE" => Some("/elsewhere/config".into()),
            _ => None,
        });
        for path in ["/people/me/.aws", "/people/me/.ssh", "/elsewhere/config"] {
            assert!(secrets.contains(&PathBuf::from(path)), "{path}");
        }
        assert!(usual_secrets(|_| None).is_empty());
    }

    #[test]
    fn the_environment_is_not_printed() {
        let environment =
            BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "s3cr3t".to_owned())]);
        let config = SandboxConfig { environment, ..SandboxConfig::default() };
        let shown = format!("{config:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("s3cr3t"), "{shown}");
    }
}
