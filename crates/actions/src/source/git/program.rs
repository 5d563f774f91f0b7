//! Runs `git`, so that nothing but git runs.
//!
//! It asks nobody anything, reads no configuration of the machine's or of a user's, runs no hooks,
//! and goes over no protocol that starts programs. `HOME` stays, for keys of SSH and `.netrc`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::Remote;

/// What the environment hands on to git; nothing else of it does.
const PASSED_ON: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];
/// The only configuration that git reads, beside that of our own mirrors. It is also that of the
/// `git upload-pack` that serves a local folder, which may be anybody's.
const CONFIG: &str = "[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tfsmonitor = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
[gc]
\tautoDetach = false
[maintenance]
\tautoDetach = false
[uploadpack]
\tallowAnySHA1InWant = true
[advice]
\tdetachedHead = false
[user]
\tname = trackway
\temail = trackway@localhost
";
/// Characters of what git says of a failure.
const SAID_MAX: usize = 1000;
/// Bytes of what git says that are read.
const SAID_BYTES_MAX: u64 = 64 * 1024;

/// Why git did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// There is no such program.
    #[error("git can't be run: {0}. Install it where the server runs")]
    NoGit(String),
    /// It said no.
    #[error("{0}")]
    Failed(String),
    /// It took too long.
    #[error("git took longer than {0} seconds")]
    TimedOut(u64),
    /// It said more than is read.
    #[error("git answered with more than {0} bytes")]
    TooMuch(u64),
    /// It is not there.
    #[error("{0}")]
    NotFound(String),
    /// The disk here said no.
    #[error("{0}")]
    Io(String),
}

impl GitError {
    /// Names the repository, and nothing that is secret about it.
    pub(super) fn of(self, remote: &Remote) -> Self {
        match self {
            Self::Failed(why) => {
                let why = why.replace(remote.as_str(), &remote.to_string());
                Self::Failed(format!("the repository {remote} can't be read: {why}"))
            }
            other => other,
        }
    }
}

impl From<io::Error> for GitError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// The program and its configuration.
#[derive(Clone, Debug)]
pub(super) struct Program {
    config: PathBuf,
}

impl Program {
    pub(super) fn new(config: PathBuf) -> Self {
        Self { config }
    }

    /// A git command that is yet to run.
    pub(super) fn command(&self, arguments: &[&str]) -> Result<std::process::Command, GitError> {
        self.configure()?;
        let mut command = std::process::Command::new("git");
        command.env_clear();
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if std::env::var_os("GIT_SSH_COMMAND").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", &self.config)
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
            .env("GIT_PROTOCOL_FROM_USER", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .args(["-c", "protocol.ext.allow=never", "-c", "credential.helper="])
            .args(arguments)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs git to its end: what it wrote.
    pub(super) async fn run(
        &self,
        arguments: &[&str],
        timeout: Duration,
        bytes_max: u64,
    ) -> Result<Vec<u8>, GitError> {
        self.run_in(None, arguments, (timeout, bytes_max)).await
    }

    /// The same, in a folder.
    pub(super) async fn run_in(
        &self,
        folder: Option<&Path>,
        arguments: &[&str],
        (timeout, bytes_max): (Duration, u64),
    ) -> Result<Vec<u8>, GitError> {
        let mut command = self.command(arguments)?;
        command.current_dir(folder.unwrap_or(Path::new("/")));
        let mut command = Command::from(command);
        // Its helpers are in a group with it, so that they end with it.
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| GitError::NoGit(error.to_string()))?;
        let child = Group(child);
        match tokio::time::timeout(timeout, finish(child, bytes_max)).await {
            Ok(result) => result,
            Err(_) => Err(GitError::TimedOut(timeout.as_secs())),
        }
    }

    /// Writes the configuration, unless it is there.
    fn configure(&self) -> Result<(), GitError> {
        if std::fs::read(&self.config).is_ok_and(|text| text == CONFIG.as_bytes()) {
            return Ok(());
        }
        let folder = self.config.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        std::fs::write(file.path(), CONFIG)?;
        file.persist(&self.config).map_err(|error| error.error)?;
        Ok(())
    }
}

async fn finish(mut child: Group, bytes_max: u64) -> Result<Vec<u8>, GitError> {
    let (mut output, mut said) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.0.stdout.take(), child.0.stderr.take());
    let read_output = async {
        match stdout {
            Some(stdout) => stdout.take(bytes_max + 1).read_to_end(&mut output).await,
            None => Ok(0),
        }
    };
    let read_said = async {
        let Some(mut stderr) = stderr else { return Ok(0) };
        let read = (&mut stderr).take(SAID_BYTES_MAX).read_to_end(&mut said).await?;
        // What else it says is not kept, but git must not wait for a reader.
        tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
        Ok::<_, io::Error>(read)
    };
    let (output_read, said_read) = tokio::join!(read_output, read_said);
    output_read?;
    said_read?;
    if output.len() as u64 > bytes_max {
        return Err(GitError::TooMuch(bytes_max));
    }
    let status = child.0.wait().await?;
    if status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.trim();
    let why = if said.is_empty() { status.to_string() } else { said.to_owned() };
    Err(GitError::Failed(why.chars().take(SAID_MAX).collect()))
}

/// A process and its helpers, which are killed if nobody waits for them to the end.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // None once it has been waited for: the number may be another's by then.
        let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) else { return };
        if let Some(group) = rustix::process::Pid::from_raw(id) {
            // It may have ended meanwhile.
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
