//! Runs a command in a sandbox: namespaces of its own, a root that shows only programs and what it was given, an
//! empty environment, no network unless asked, limits on time, memory, processes and output.
//!
//! ```text
//!   run ── Spec ──▶ inside (this program again) ──▶ the command
//!    ▲                │ root: what is seen
//!    └── Report, output
//! ```
//!
//! Where the kernel can't, a command is refused with the reason; nothing ever runs without the sandbox. What it is
//! for decides the caller: this module must not know scripts, documents or AWS.

mod config;
mod disk;
mod inside;
mod output;
mod root;
mod run;
mod spec;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use config::{Problem, SandboxConfig, usual_secrets};
pub use disk::remove;
pub use inside::enter_if_asked;
pub use output::Captured;
pub use run::{Cancel, Canceller, Launcher, Sandbox};

/// What a command may use. The memory limits hold for each process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For how long it may run.
    pub wall: Duration,
    /// How much processor time each process may use.
    pub cpu: Option<Duration>,
    /// Memory that a process writes to.
    pub memory_bytes: u64,
    /// Addresses that a process reserves; runtimes reserve far more than they use.
    pub address_space_bytes: u64,
    /// Processes and threads in all.
    pub processes: u64,
    /// The largest file.
    pub file_bytes: u64,
    /// What may lie in its work folder and its `/tmp` on disk, all in all; measured now and then.
    pub disk_bytes: u64,
    /// Open files of a process.
    pub open_files: u64,
    /// What fits into `/tmp`, which is in memory.
    pub temporary_bytes: u64,
    /// Characters of standard output that are kept.
    pub stdout_chars: usize,
    /// Characters of standard error that are kept.
    pub stderr_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(600),
            cpu: None,
            memory_bytes: 2 << 30,
            address_space_bytes: 32 << 30,
            processes: 256,
            file_bytes: 1 << 30,
            disk_bytes: 4 << 30,
            open_files: 1024,
            temporary_bytes: 256 << 20,
            stdout_chars: 24_000,
            stderr_chars: 8_000,
        }
    }
}

/// A folder of the host, and where a command sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Where it is on the host; made by the caller. What a command leaves in it may be links and pipes: see
    /// [`read_regular`].
    pub host: PathBuf,
    /// Where the command sees it.
    pub inside: PathBuf,
}

/// A command to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The program, by its path inside.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, beside `PATH`, `HOME` and `LANG`; none of this process's own is passed on.
    pub environment: BTreeMap<String, String>,
    /// Its standard input.
    pub input: Vec<u8>,
    /// A folder that it may write to, and works in.
    pub work: Option<Work>,
    /// Further folders or files of the host that it may read, at the same path.
    pub readable: Vec<PathBuf>,
    /// Folders of the host that it may read at another path.
    pub given: Vec<Work>,
    /// A folder of the host that is its `/tmp`, so that several commands share one; absent is an empty one in memory.
    pub temporary: Option<PathBuf>,
    /// Where it starts, by the path inside; absent is the work folder, or `/tmp`.
    pub working_folder: Option<PathBuf>,
    /// What it may use.
    pub limits: Limits,
}

impl Command {
    /// A command with these arguments and the usual limits.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { program: program.into(), arguments, ..Self::default() }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, as when it used more than its limits.
    Signalled(i32),
    /// It ran for too long and was killed, with all that it had started.
    TimedOut,
    /// It was called off and killed, with all that it had started.
    Cancelled,
    /// It wrote too much to its folders and was killed, with all that it had started.
    DiskFull,
    /// The sandbox was killed from outside, as by the kernel for want of memory.
    Lost,
}

/// What a command left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
    /// How long it took, with the sandbox around it.
    pub elapsed: Duration,
}

/// Why a command did not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Nobody allowed it.
    #[error(
        "commands and scripts run only when the sandbox is enabled; set \"enabled = true\" under [sandbox] in trackway.toml"
    )]
    Disabled,
    /// This machine can't.
    #[error("no sandbox can be made on this machine, and nothing runs without one: {0}")]
    Unavailable(String),
    /// The sandbox stands, but there is no such program or folder in it.
    #[error("could not start {0}")]
    NotStarted(String),
    /// Something of the server's own went wrong.
    #[error("could not run a sandbox: {0}")]
    Fault(#[from] std::io::Error),
}

/// Reads a file that a command left behind: never through a link, never from a pipe or a device, no more than so
/// many bytes.
///
/// # Errors
/// There is no such file, it isn't a plain one, or it is larger.
pub fn read_regular(path: &std::path::Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    use rustix::fs::{Mode, OFlags};
    use std::io::Read;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = std::fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a plain file"));
    }
    let mut content = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(std::io::Error::other(format!("larger than {bytes_max} bytes")));
    }
    Ok(content)
}

/// A name that nothing else has: a random UUID.
pub(crate) fn unique() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    bytes[6] = (bytes[6] & 0x0F) | 0x40;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}
