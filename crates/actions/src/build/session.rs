//! One build in its sandbox: its phases in order, with their retries, told to the log as it goes.
//!
//! ```text
//!   phases ─▶ plan ─▶ driver.sh ─▶ shell.sh, one for the commands of a block
//!                         │
//!   log  ◀── Narrator ◀── what is told and what is printed
//! ```
//!
//! The driver knows the order; when a phase with `RETRY` fails it stops, and is started again where
//! the phase began if the message is one to retry.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use trackway_performers::sandbox::{Cancel, Command, End, Sandbox, SandboxError};

use super::limits::{self, ENVIRONMENT_BYTES_MAX};
use super::logs::Log;
use super::spec::{OnFailure, Phase, PhaseSpec, Shell, Version};
use super::told::{Part, Reader};
use super::workshop::Workshop;
use crate::artifact::hex;

/// Where the driver keeps what shells leave.
const STATE: &str = "/codebuild/state";
/// Random bytes of the word that marks what the driver tells.
const WORD_BYTES: usize = 8;

/// Why a build is no success, as CodeBuild says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// `FAILED` or `TIMED_OUT`.
    pub(super) state: &'static str,
    pub(super) phase: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(phase: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { state: "FAILED", phase, code, message: message.into() }
    }
}

/// How the phases went.
#[derive(Debug, Default)]
pub(super) struct Went {
    /// The first failure.
    pub(super) failure: Option<Failure>,
    /// Whether artifacts are to be looked for: the phases were gone through to their end.
    pub(super) is_through: bool,
    /// The environment as the last shell left it.
    pub(super) environment: BTreeMap<String, String>,
}

/// What runs where.
pub(super) struct Session<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) shop: &'a Workshop,
    pub(super) log: &'a mut Log,
    pub(super) version: Version,
    pub(super) shell: Shell,
    pub(super) environment: BTreeMap<String, String>,
    /// Sources: the number of each and where the build has it.
    pub(super) sources: Vec<(usize, String)>,
    /// How long all of it may take.
    pub(super) wall: Duration,
}

impl Session<'_> {
    /// Runs the phases. A failure of a command is no error.
    ///
    /// # Errors
    /// There is no sandbox, or the machine failed.
    pub(super) async fn run(&mut self, phases: &[PhaseSpec]) -> Result<Went, SandboxError> {
        self.write_plan(phases)?;
        let end = Instant::now() + self.wall;
        let mut narrator = Narrator::new(word()?, phases);
        let (mut first, mut is_again) = (0, false);
        let mut retries = vec![0_u32; phases.len()];
        loop {
            let way = self.way(phases, first, is_again);
            self.shop.write("way", &way)?;
            let left = end.saturating_duration_since(Instant::now());
            let ended = self.drive(left, &mut narrator).await?;
            if let Some(failure) = narrator.broken(&ended) {
                self.log.say(&format!(
                    "Phase context status code: {} Message: {}",
                    failure.code, failure.message
                ));
                narrator.failure.get_or_insert(failure);
                break;
            }
            let Some((place, spec)) = narrator.stopped_in(phases) else { break };
            let OnFailure::Retry(count, pattern) = &spec.on_failure else { break };
            let message = narrator.phase_failure.as_ref().map_or("", |failure| &failure.message);
            let is_meant = pattern.as_ref().is_none_or(|pattern| pattern.is_match(message));
            if is_meant && retries.get(place).is_some_and(|done| done < count) {
                retries[place] += 1;
                let text =
                    format!("Retrying phase {}: {} of {count}", spec.phase.name(), retries[place]);
                self.log.say(&text);
                (first, is_again) = (place, true);
                // It is as if it had not been; an earlier phase's failure stays.
                narrator.failure.take_if(|failure| failure.phase == spec.phase.name());
            } else if goes_on(spec.phase) {
                (first, is_again) = (place + 1, false);
            } else {
                break;
            }
        }
        Ok(Went {
            failure: narrator.failure,
            is_through: narrator.is_finished,
            environment: self.left(),
        })
    }

    /// Writes the driver and every command where nothing can change them.
    fn write_plan(&self, phases: &[PhaseSpec]) -> io::Result<()> {
        self.shop.write("driver.sh", include_str!("driver.sh"))?;
        self.shop.write("shell.sh", include_str!("shell.sh"))?;
        for PhaseSpec { phase, commands, finally, .. } in phases {
            for (block, all) in [("commands", commands), ("finally", finally)] {
                for (place, command) in all.iter().enumerate() {
                    let name = format!("{}/{block}/{}", phase.key(), place + 1);
                    self.shop.write(&name, &format!("{command}\n"))?;
                }
            }
        }
        Ok(())
    }

    /// What the driver is to do, from a phase on.
    fn way(&self, phases: &[PhaseSpec], first: usize, is_again: bool) -> String {
        let mut way = String::new();
        if first == 0 && !is_again {
            for (number, folder) in &self.sources {
                way.push_str(&format!("copy {} {folder}\n", Workshop::source_inside(*number)));
            }
            if let Some((_, folder)) = self.sources.first() {
                way.push_str(&format!("cd {folder} && start=$(pwd)\n"));
            }
        } else if let Some((_, folder)) = self.sources.first() {
            way.push_str(&format!("cd {folder}; start=$(pwd)\n"));
        }
        if is_again {
            way.push_str("again\n");
        }
        for spec in phases.iter().skip(first) {
            let then = match &spec.on_failure {
                OnFailure::Usual if goes_on(spec.phase) => "go",
                OnFailure::Usual | OnFailure::Abort => "stop",
                OnFailure::Continue => "go",
                OnFailure::Retry(..) => "ask",
            };
            way.push_str(&format!(
                "phase {} {} {} {then}\n",
                spec.phase.key(),
                spec.commands.len(),
                spec.finally.len()
            ));
        }
        way
    }

    async fn drive(
        &mut self,
        wall: Duration,
        narrator: &mut Narrator<'_>,
    ) -> Result<End, SandboxError> {
        let succeeding = if narrator.failure.is_none() { "1" } else { "0" };
        let mode = if self.version == Version::One { "each" } else { "all" };
        let arguments = [
            &Workshop::plan_inside("driver.sh"),
            narrator.word.as_str(),
            self.shell.program(),
            mode,
            succeeding,
            &Workshop::plan_inside("way"),
        ];
        let mut command = Command::new("/bin/sh", &arguments);
        command.environment = self.environment.clone();
        command.limits = limits::sandbox(wall);
        self.shop.equip(&mut command);
        let mut reader = Reader::new(&narrator.word);
        narrator.begin();
        let log = &mut *self.log;
        let mut told = |bytes: &[u8]| {
            for part in reader.take(bytes) {
                narrator.hear(log, part);
            }
        };
        let ended = self.sandbox.follow(command, &Cancel::never(), &mut told).await?;
        for part in reader.finish() {
            narrator.hear(log, part);
        }
        log.flush();
        Ok(ended.end)
    }

    /// The environment that the last shell kept.
    fn left(&self) -> BTreeMap<String, String> {
        let bytes = self.shop.read(STATE, "environ", ENVIRONMENT_BYTES_MAX).unwrap_or_default();
        bytes
            .split(|byte| *byte == 0)
            .filter_map(|pair| {
                let pair = String::from_utf8_lossy(pair);
                let (name, value) = pair.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .collect()
    }
}

/// Whether what is after a phase comes even if it fails, where nothing is said.
fn goes_on(phase: Phase) -> bool {
    matches!(phase, Phase::Build | Phase::PostBuild)
}

fn word() -> io::Result<String> {
    let mut bytes = [0; WORD_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(hex(&bytes))
}

/// Hears what is told, and puts it into the log in CodeBuild's words.
struct Narrator<'a> {
    word: String,
    phases: &'a [PhaseSpec],
    phase: Option<&'a PhaseSpec>,
    command: &'a str,
    /// The first failure of the phase.
    phase_failure: Option<Failure>,
    /// The first failure of a phase.
    failure: Option<Failure>,
    has_ended_phase: bool,
    is_finished: bool,
}

impl<'a> Narrator<'a> {
    fn new(word: String, phases: &'a [PhaseSpec]) -> Self {
        Self {
            word,
            phases,
            phase: None,
            command: "",
            phase_failure: None,
            failure: None,
            has_ended_phase: false,
            is_finished: false,
        }
    }

    /// The driver is started again.
    fn begin(&mut self) {
        (self.phase, self.phase_failure, self.command) = (None, None, "");
        (self.has_ended_phase, self.is_finished) = (false, false);
    }

    fn hear(&mut self, log: &mut Log, part: Part) {
        let words = match part {
            Part::Printed(bytes) => return log.print(&bytes),
            Part::Told(words) => words,
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["phase", name] => {
                self.phase = self.phases.iter().find(|spec| spec.phase.key() == *name);
                (self.phase_failure, self.has_ended_phase, self.command) = (None, false, "");
                log.say(&format!("Entering phase {}", self.name()));
            }
            ["command", _, block, place] => {
                self.command = self.text(block, place);
                log.say(&format!("Running command {}", self.command));
            }
            ["failed", _, block, place, status] => {
                self.command = self.text(block, place);
                let command = self.command;
                log.say(&format!(
                    "Command did not exit successfully {command} exit status {status}"
                ));
                let failure = self.failed(&format!("exit status {status}"));
                self.phase_failure.get_or_insert(failure);
            }
            ["end", _, how] => self.end(log, *how == "succeeded"),
            ["finished"] => self.is_finished = true,
            _ => {}
        }
    }

    fn end(&mut self, log: &mut Log, is_success: bool) {
        self.has_ended_phase = true;
        let name = self.name();
        let state = if is_success { "SUCCEEDED" } else { "FAILED" };
        log.say(&format!("Phase complete: {name} State: {state}"));
        let failure = self.phase_failure.as_ref().filter(|_| !is_success);
        let (code, message) =
            failure.map_or(("", ""), |failure| (failure.code, failure.message.as_str()));
        log.say(&format!("Phase context status code: {code} Message: {message}"));
        if let (None, Some(failure)) = (&self.failure, failure) {
            self.failure = Some(failure.clone());
        }
    }

    fn name(&self) -> &'static str {
        self.phase.map_or("DOWNLOAD_SOURCE", |spec| spec.phase.name())
    }

    fn text(&self, block: &str, place: &str) -> &'a str {
        let all = self.phase.map(|spec| match block {
            "finally" => &spec.finally,
            _ => &spec.commands,
        });
        let place = place.parse::<usize>().ok().and_then(|place| place.checked_sub(1));
        all.zip(place).and_then(|(all, place)| all.get(place)).map_or("", String::as_str)
    }

    fn failed(&self, reason: &str) -> Failure {
        let message = format!("Error while executing command: {}. Reason: {reason}", self.command);
        Failure::new(self.name(), "COMMAND_EXECUTION_ERROR", message)
    }

    /// The phase in which the driver stopped to ask.
    fn stopped_in(&self, phases: &'a [PhaseSpec]) -> Option<(usize, &'a PhaseSpec)> {
        let name = self.phase?.phase;
        let place = phases.iter().position(|spec| spec.phase == name)?;
        let spec = phases.get(place)?;
        let is_stop = !self.is_finished && self.phase_failure.is_some() && self.has_ended_phase;
        is_stop.then_some((place, spec))
    }

    /// Why the driver ended otherwise than it should.
    fn broken(&self, end: &End) -> Option<Failure> {
        match end {
            End::Exited(0) if self.is_finished || self.has_ended_phase => None,
            End::TimedOut => Some(Failure {
                state: "TIMED_OUT",
                ..Failure::new(self.name(), "BUILD_TIMED_OUT", "Build has timed out.")
            }),
            End::DiskFull => Some(self.failed("the build wrote too much to its folders")),
            End::Signalled(signal) => Some(self.failed(&format!("signal {signal}"))),
            End::Exited(code) if self.phase.is_none() => Some(Failure::new(
                "DOWNLOAD_SOURCE",
                "CLIENT_ERROR",
                format!("the sources could not be copied: exit status {code}"),
            )),
            End::Exited(_) | End::Lost | End::Cancelled => {
                Some(self.failed("the build's processes were killed"))
            }
        }
    }
}
