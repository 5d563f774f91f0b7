//! The server's side of a sandbox: starts it, feeds it, gathers what it says, ends it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::sync::{Semaphore, watch};

use super::config::{Places, Problem, SandboxConfig};
use super::disk::overfull;
use super::inside::OUTER;
use super::output::Gathered;
use super::spec::{self, INPUT_BYTES_MAX, Report, Shown, Spec};
use super::{Command, End, Ended, SandboxError};

/// Where programs are looked for inside.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Commands that run at once unless the configuration says otherwise.
const CONCURRENCY: usize = 16;
/// How long a sandbox may take to go away once it was told to.
const ENDING: Duration = Duration::from_secs(5);
/// The largest report.
const REPORT_BYTES_MAX: u64 = 64 * 1024;

/// The program that becomes a sandbox when it is started: this one, whose `main` calls
/// [`super::enter_if_asked`] first.
#[derive(Clone, Debug)]
pub struct Launcher(OsString);

impl Launcher {
    /// The program that is running.
    #[must_use]
    pub fn this_program() -> Self {
        Self("/proc/self/exe".into())
    }

    /// Another program that calls [`super::enter_if_asked`].
    #[must_use]
    pub fn program(path: impl Into<OsString>) -> Self {
        Self(path.into())
    }
}

/// Calls a command off.
#[derive(Debug)]
pub struct Canceller(watch::Sender<bool>);

impl Canceller {
    /// Whoever holds the other half stops.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

/// Hears that a command is called off.
#[derive(Clone, Debug)]
pub struct Cancel(watch::Receiver<bool>);

impl Cancel {
    /// Both halves. A [`Canceller`] that is dropped calls nothing off.
    #[must_use]
    pub fn new() -> (Canceller, Self) {
        let (sender, receiver) = watch::channel(false);
        (Canceller(sender), Self(receiver))
    }

    /// One that never hears.
    #[must_use]
    pub fn never() -> Self {
        Self::new().1
    }

    /// Whether it has been called off.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is called off.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|cancelled| *cancelled).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs commands, as one configuration allows it. Clones share the limit on how many run at once.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: SandboxConfig,
    places: Places,
    launcher: Launcher,
    turns: Semaphore,
}

impl Sandbox {
    /// A sandbox that shows what the configuration says, its paths relative to `base`, and none of `private`: the
    /// data directory, the configuration file, credentials.
    ///
    /// # Errors
    /// What can't be used of the configuration.
    pub fn new(
        config: SandboxConfig,
        base: &Path,
        private: &[PathBuf],
        launcher: Launcher,
    ) -> Result<Self, Problem> {
        if !config.enabled {
            return Ok(Self::disabled());
        }
        let places = config.places(base, private)?;
        let turns = Semaphore::new(config.concurrency.unwrap_or(CONCURRENCY).max(1));
        Ok(Self(Arc::new(Inner { config, places, launcher, turns })))
    }

    /// One that refuses everything because nobody enabled it.
    #[must_use]
    pub fn disabled() -> Self {
        let (config, places) = (SandboxConfig::default(), Places::default());
        let launcher = Launcher::this_program();
        Self(Arc::new(Inner { config, places, launcher, turns: Semaphore::new(1) }))
    }

    /// What was configured.
    #[must_use]
    pub fn config(&self) -> &SandboxConfig {
        &self.0.config
    }

    /// Tries the smallest command there is.
    ///
    /// # Errors
    /// Why nothing can run here.
    pub async fn probe(&self) -> Result<(), SandboxError> {
        match self.run(Command::new("/bin/true", &[]), &Cancel::never()).await {
            Ok(_) | Err(SandboxError::NotStarted(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Runs a command to its end, its timeout, or until it is called off. If the future is dropped, everything that
    /// the command started is killed as well. The time that it waits for its turn doesn't count.
    ///
    /// # Errors
    /// Why it did not run. How it ended when it did is not an error.
    pub async fn run(&self, command: Command, cancel: &Cancel) -> Result<Ended, SandboxError> {
        self.follow(command, cancel, &mut |_| {}).await
    }

    /// The same, and `told` hears of standard output as it comes; it is not to take long.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub async fn follow(
        &self,
        command: Command,
        cancel: &Cancel,
        told: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Ended, SandboxError> {
        if !self.0.config.enabled {
            return Err(SandboxError::Disabled);
        }
        if u64::try_from(command.input.len()).is_ok_and(|length| length > INPUT_BYTES_MAX) {
            return Err(SandboxError::NotStarted("it: the input is too large".to_owned()));
        }
        let turn = tokio::select! {
            turn = self.0.turns.acquire() => turn,
            () = cancel.cancelled() => return Ok(ended(End::Cancelled)),
        };
        let _turn = turn.map_err(std::io::Error::other)?;
        let begun = Instant::now();
        let root = tempdir()?;
        let message = spec::message(&self.spec(&command, &root.0), &command.input)?;
        let running = Running::start(&self.0.launcher)?;
        let mut ended = running.finish(message, &command, cancel, told).await?;
        ended.elapsed = begun.elapsed();
        Ok(ended)
    }

    fn spec(&self, command: &Command, root: &Path) -> Spec {
        let Inner { config, places, .. } = &*self.0;
        let same = |path: &PathBuf, writable| Shown {
            host: path.clone(),
            inside: path.clone(),
            writable,
            owned: false,
        };
        let readable = places.readable.iter().chain(&command.readable);
        let mut shown: Vec<Shown> = readable.map(|path| same(path, false)).collect();
        shown.extend(places.writable.iter().map(|path| same(path, true)));
        // A folder is shown before what is shown within it.
        shown.sort_by(|a, b| a.inside.cmp(&b.inside));
        let place = |host: &PathBuf, inside: &Path, own| Shown {
            host: host.clone(),
            inside: inside.to_owned(),
            writable: own,
            owned: own,
        };
        let work = command.work.as_ref();
        // Before what lies in it.
        if let Some(host) = &command.temporary {
            shown.insert(0, place(host, Path::new("/tmp"), true));
        }
        shown.extend(command.given.iter().map(|given| place(&given.host, &given.inside, false)));
        shown.extend(work.map(|work| place(&work.host, &work.inside, true)));
        let folder =
            command.working_folder.clone().or_else(|| work.map(|work| work.inside.clone()));
        let limits = &command.limits;
        Spec {
            program: command.program.clone(),
            arguments: command.arguments.clone(),
            environment: self.environment(&command.environment),
            working_folder: folder.unwrap_or_else(|| "/tmp".into()),
            root: root.to_owned(),
            shown,
            hidden: places.private.clone(),
            network: config.network,
            cpu_seconds: limits.cpu.map(|cpu| cpu.as_secs().max(1)),
            memory_bytes: config.memory_mb.map_or(limits.memory_bytes, |most| {
                limits.memory_bytes.min(most.saturating_mul(1 << 20))
            }),
            address_space_bytes: limits.address_space_bytes,
            processes: config.processes.unwrap_or(limits.processes),
            file_bytes: limits.file_bytes,
            open_files: limits.open_files,
            temporary_bytes: limits.temporary_bytes,
        }
    }

    fn environment(&self, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let usual = [("PATH", PATH), ("HOME", "/tmp"), ("LANG", "C.UTF-8")];
        let mut all: BTreeMap<String, String> =
            usual.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.extend(self.0.config.environment.clone());
        all.extend(own.clone());
        all
    }
}

/// The folders on disk that are the command's own.
fn owned(command: &Command) -> Vec<PathBuf> {
    let work = command.work.iter().map(|work| work.host.clone());
    work.chain(command.temporary.clone()).collect()
}

fn ended(end: End) -> Ended {
    let nothing = super::Captured::default();
    Ended { end, stdout: nothing.clone(), stderr: nothing, elapsed: Duration::ZERO }
}

/// An empty folder that goes away by itself.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Still a mount point only inside, in a namespace that has gone.
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn tempdir() -> std::io::Result<Folder> {
    use std::os::unix::fs::DirBuilderExt;
    let path = std::env::temp_dir().join(format!("trackway-root-{}", super::unique()?));
    std::fs::DirBuilder::new().mode(0o700).create(&path)?;
    Ok(Folder(std::fs::canonicalize(path)?))
}

struct Running {
    child: Child,
    socket: UnixStream,
    /// The same socket. When it is shut, init ends, and with it everything inside.
    lifeline: std::os::unix::net::UnixStream,
}

impl Running {
    fn start(launcher: &Launcher) -> Result<Self, SandboxError> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = tokio::process::Command::new(&launcher.0)
            .arg(OUTER)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lifeline = ours.try_clone()?;
        Ok(Self { child, socket: UnixStream::from_std(ours)?, lifeline })
    }

    async fn finish(
        mut self,
        message: Vec<u8>,
        command: &Command,
        cancel: &Cancel,
        told: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Ended, SandboxError> {
        let (reader, mut writer) = self.socket.split();
        let mut stdout = Gathered::new(command.limits.stdout_chars);
        let mut stderr = Gathered::new(command.limits.stderr_chars);
        let mut report = Vec::new();
        let mut unheard = |_: &[u8]| {};
        let streams = self.child.stdout.take().zip(self.child.stderr.take());
        let streams = streams.ok_or_else(|| std::io::Error::other("the pipes are missing"))?;
        let early = {
            let (child, lifeline) = (&mut self.child, &self.lifeline);
            let whole = async {
                // If it can't be written there is a report that says why.
                let _ = writer.write_all(&message).await;
                let read = async {
                    let _ = reader.take(REPORT_BYTES_MAX).read_to_end(&mut report).await;
                };
                tokio::join!(
                    read,
                    stdout.read(streams.0, told),
                    stderr.read(streams.1, &mut unheard)
                );
                let _ = child.wait().await;
            };
            tokio::pin!(whole);
            let early = tokio::select! {
                () = &mut whole => None,
                () = tokio::time::sleep(command.limits.wall) => Some(End::TimedOut),
                () = cancel.cancelled() => Some(End::Cancelled),
                () = overfull(owned(command), command.limits.disk_bytes) => Some(End::DiskFull),
            };
            if early.is_some() {
                let _ = lifeline.shutdown(std::net::Shutdown::Write);
                // What was printed until now is still to be read. If it doesn't end, it is killed below.
                let _ = tokio::time::timeout(ENDING, &mut whole).await;
            }
            early
        };
        let _ = self.child.start_kill();
        let end = match (early, serde_json::from_slice(&report)) {
            (Some(end), _) => end,
            (None, Ok(Report::Exited(code))) => End::Exited(code),
            (None, Ok(Report::Signalled(signal))) => End::Signalled(signal),
            (None, Ok(Report::NotStarted(why))) => return Err(SandboxError::NotStarted(why)),
            (None, Ok(Report::Unavailable(why))) => return Err(SandboxError::Unavailable(why)),
            (None, Err(_)) => End::Lost,
        };
        let (stdout, stderr) = (stdout.finish(), stderr.finish());
        Ok(Ended { end, stdout, stderr, elapsed: Duration::ZERO })
    }
}
