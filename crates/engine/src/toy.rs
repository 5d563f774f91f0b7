//! A toy kind: a script of small steps. The engine's and the simulator's tests run it.
//!
//! A script is steps between `;`:
//!
//! ```text
//! pass N           N events in one turn, each with a payload
//! wait MS          a timer
//! timers N MS      N timers, MS apart
//! task Q           an effect in queue Q
//! task Q within MS an effect that fails after MS
//! fan N Q          N effects at once
//! poll KEY         an effect in the polled queue activity/KEY; Taken, then Done
//! token Q          an effect in queue Q whose answer comes by Done
//! job A, B         the same in queue `job/child`, whose performer answers first and the child later
//! child A, B       an effect in queue `child` whose request is the script `A; B`
//! relay A, B       an effect in queue `relay` whose child is a [`Relay`] that runs `A; B`
//! note             waits for a Note
//! dice             records a random number
//! rows N           N events in one turn, each with a row of the view LISTED
//! panic            panics
//! fail             ends as failed
//! ```

mod relay;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use trackway_core::{
    Command, EffectId, Input, Journaled, Machine, Outcome, Payload, Rows, Summary, TimerId,
    Timestamp, Turn,
};

pub use relay::{CHILD, Event as RelayEvent, Relay, Stop as RelayStop};

/// Runs.
pub const RUNNING: u8 = 1;
/// Ended well.
pub const SUCCEEDED: u8 = 2;
/// Ended badly.
pub const FAILED: u8 = 3;
/// Was stopped.
pub const STOPPED: u8 = 4;

/// The view of its effects: by number, how far each has come, as one of the digits in the order of
/// asked, taken, submitted, failed, answered well.
pub const EFFECTS: u8 = 1;
/// The view of the timers that were set and have not gone off: by number, when they were set.
pub const TIMERS: u8 = 2;
/// The view of what `rows` lists: by number, a text.
pub const LISTED: u8 = 3;

/// The version of a script's stored state.
const STATE_VERSION: u8 = 1;

/// The state of a script.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toy {
    step: usize,
    effects: BTreeSet<EffectId>,
    timers: BTreeSet<TimerId>,
    taken: BTreeSet<EffectId>,
    effects_len: u32,
    timers_len: u32,
    awaits_note: bool,
    status: u8,
    started: Timestamp,
    closed: Option<Timestamp>,
    answers: u32,
    listed: u32,
}

/// A fact about a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It began.
    Started(#[serde(skip)] Payload),
    /// A step that does nothing was done.
    Passed(#[serde(skip)] Payload),
    /// A step was left behind.
    Stepped,
    /// A job's performer has answered; its child is to come.
    Submitted(u32, #[serde(skip)] Payload),
    /// An effect was sent out.
    Asked(u32),
    /// A poller took an effect.
    Taken(u32),
    /// An effect was answered; whether well.
    Answered(u32, bool, #[serde(skip)] Payload),
    /// A timer was set.
    Armed(u32),
    /// A timer went off.
    Rang(u32),
    /// It waits for a note.
    AwaitsNote,
    /// It was sent a note.
    Noted(String),
    /// A number was drawn.
    Rolled(u64),
    /// It ended with this status.
    Ended(u8, #[serde(skip)] Payload),
    /// A row was listed.
    Listed(u32),
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Started(payload)
            | Self::Passed(payload)
            | Self::Answered(_, _, payload)
            | Self::Submitted(_, payload)
            | Self::Ended(_, payload) => Some(payload),
            _ => None,
        }
    }

    fn set_payload(&mut self, new: Payload) {
        match self {
            Self::Started(payload)
            | Self::Passed(payload)
            | Self::Answered(_, _, payload)
            | Self::Submitted(_, payload)
            | Self::Ended(_, payload) => *payload = new,
            _ => {}
        }
    }
}

/// What the world may ask of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// End now.
    Stop,
    /// A poller has this effect.
    Taken(EffectId),
    /// The answer to this effect.
    Done(EffectId, Payload),
    /// Something to write down.
    Note(String),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It doesn't wait for that.
    NotAwaited,
    /// Somebody else has it.
    TakenAlready,
}

/// One step of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `pass N`
    Pass(u32),
    /// `timers N MS`; `wait MS` is one of it.
    Timers(u32, i64),
    /// `fan N Q within MS`; `task Q` is one of it.
    Fan(u32, String, Option<i64>),
    /// `poll KEY`
    Poll(String),
    /// `token Q`
    Token(String),
    /// `child SCRIPT`
    Child(String),
    /// `job SCRIPT`
    Job(String),
    /// `relay SCRIPT`
    Relay(String),
    /// `note`
    Note,
    /// `dice`
    Dice,
    /// `panic`
    Panic,
    /// `fail`
    Fail,
    /// `rows N`
    Rows(u32),
}

fn step(text: &str) -> Result<Step, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let number = |word: &str| word.parse().map_err(|_| format!("not a number: {word}"));
    Ok(match words.as_slice() {
        ["pass", count] => Step::Pass(number(count)? as u32),
        ["rows", count] => Step::Rows(number(count)? as u32),
        ["wait", ms] => Step::Timers(1, number(ms)?),
        ["timers", count, ms] => Step::Timers(number(count)? as u32, number(ms)?),
        ["task", queue] => Step::Fan(1, (*queue).to_owned(), None),
        ["task", queue, "within", ms] => Step::Fan(1, (*queue).to_owned(), Some(number(ms)?)),
        ["fan", count, queue] => Step::Fan(number(count)? as u32, (*queue).to_owned(), None),
        ["poll", key] => Step::Poll(format!("activity/{key}")),
        ["token", queue] => Step::Token((*queue).to_owned()),
        ["child", ..] => {
            Step::Child(text.trim_start().trim_start_matches("child").replace(',', ";"))
        }
        ["job", ..] => Step::Job(text.trim_start().trim_start_matches("job").replace(',', ";")),
        ["relay", ..] => {
            Step::Relay(text.trim_start().trim_start_matches("relay").replace(',', ";"))
        }
        ["note"] => Step::Note,
        ["dice"] => Step::Dice,
        ["panic"] => Step::Panic,
        ["fail"] => Step::Fail,
        _ => return Err(format!("no such step: {text}")),
    })
}

impl Machine for Toy {
    type Definition = Vec<Step>;
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    const TRIMMED: bool = true;

    fn parse(text: &str) -> Result<Vec<Step>, String> {
        text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(step).collect()
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Started(_) => {
                self.status = RUNNING;
                self.started = at;
            }
            Event::Passed(_) | Event::Rolled(_) | Event::Submitted(..) => {}
            Event::Stepped => self.step += 1,
            Event::Asked(effect) => {
                self.effects.insert(EffectId(*effect));
                self.effects_len = self.effects_len.max(effect + 1);
            }
            Event::Taken(effect) => {
                self.taken.insert(EffectId(*effect));
            }
            Event::Answered(effect, ..) => {
                self.effects.remove(&EffectId(*effect));
                if self.effects.is_empty() {
                    self.timers.clear();
                }
                self.answers += 1;
            }
            Event::Armed(timer) => {
                self.timers.insert(TimerId(*timer));
                self.timers_len = self.timers_len.max(timer + 1);
            }
            Event::Rang(timer) => {
                self.timers.remove(&TimerId(*timer));
            }
            Event::AwaitsNote => self.awaits_note = true,
            Event::Noted(_) => self.awaits_note = false,
            Event::Ended(status, _) => {
                self.status = *status;
                self.closed = Some(at);
            }
            Event::Listed(number) => self.listed = number + 1,
        }
    }

    fn project(&self, event: &Event, at: Timestamp, rows: &mut Rows) {
        let mut effect = |number: &u32, row: &str| rows.put(EFFECTS, number.to_be_bytes(), row);
        match event {
            Event::Asked(number) => effect(number, "0"),
            Event::Taken(number) => effect(number, "1"),
            Event::Submitted(number, _) => effect(number, "2"),
            Event::Answered(number, is_good, _) => effect(number, if *is_good { "4" } else { "3" }),
            Event::Armed(number) => rows.put(TIMERS, number.to_be_bytes(), at.0.to_string()),
            Event::Rang(number) => rows.delete(TIMERS, number.to_be_bytes()),
            Event::Listed(number) => rows.put(LISTED, number.to_be_bytes(), listed(*number, at)),
            _ => {}
        }
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![STATE_VERSION]).ok()
    }

    fn restore(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&STATE_VERSION, state)) => postcard::from_bytes(state).ok(),
            _ => None,
        }
    }

    /// Of what is listed, all but every tenth leaves after a while.
    fn expires(view: u8, key: &[u8], row: &[u8]) -> Option<Timestamp> {
        let number = u32::from_be_bytes(*key.first_chunk()?);
        let start = std::str::from_utf8(row).ok()?.split("\"start\":").nth(1)?;
        let start = start.split(',').next()?.parse().ok()?;
        (view == LISTED && !number.is_multiple_of(10)).then_some(Timestamp(start))
    }

    fn handle(
        &mut self,
        steps: &Vec<Step>,
        input: Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        match input {
            Input::Start(start) => turn.emit(self, Event::Started(start.input)),
            Input::Finished { effect, outcome } => {
                if !self.effects.contains(&effect) {
                    return Ok(());
                }
                if let (Some(Step::Job(_)), Outcome::Succeeded(payload)) =
                    (steps.get(self.step.wrapping_sub(1)), &outcome)
                {
                    turn.emit(self, Event::Submitted(effect.0, payload.clone()));
                    turn.command(Command::Hold(effect));
                    return Ok(());
                }
                if !self.answer(effect, outcome, turn) {
                    return Ok(());
                }
            }
            Input::Fired(timer) => {
                if !self.timers.contains(&timer) {
                    return Ok(());
                }
                turn.emit(self, Event::Rang(timer.0));
                if !self.effects.is_empty() {
                    self.end(FAILED, turn);
                    return Ok(());
                }
            }
            Input::Signal(signal) => {
                self.signal(signal, turn)?;
                if self.closed.is_some() {
                    return Ok(());
                }
            }
        }
        self.go_on(steps, turn);
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary {
            status: self.status,
            started: self.started,
            closed: self.closed,
            columns: self.answers.to_be_bytes().to_vec(),
        }
    }
}

/// A row as large as those of real kinds.
fn listed(number: u32, at: Timestamp) -> String {
    let (id, step) = (number.wrapping_mul(2_654_435_761), number % 10);
    format!(
        "{{\"n\":{number},\"id\":\"{id:08x}-0000-4000-8000-000000000000\",\"step\":\"Step{step}\",\
         \"action\":\"aws:runCommand\",\"status\":\"Success\",\"start\":{at},\"end\":{at},\"out\":{{}}}}",
        at = at.0
    )
}

impl Toy {
    /// Which step it is at.
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }

    /// Whether it goes on.
    fn answer(&mut self, effect: EffectId, outcome: Outcome, turn: &mut Turn<'_, Self>) -> bool {
        let (is_good, payload) = match outcome {
            Outcome::Succeeded(payload) => (true, payload),
            Outcome::Failed { error, .. } => (false, Payload::new(format!("{error:?}"))),
            Outcome::Closed { report } => {
                (report.first() == Some(&SUCCEEDED), Payload::new(format!("{report:?}")))
            }
        };
        let timers = self.timers.clone();
        turn.emit(self, Event::Answered(effect.0, is_good, payload));
        timers.difference(&self.timers).for_each(|timer| turn.command(Command::Disarm(*timer)));
        if !is_good {
            self.end(FAILED, turn);
        }
        is_good
    }

    fn signal(&mut self, signal: Signal, turn: &mut Turn<'_, Self>) -> Result<(), Refusal> {
        match signal {
            Signal::Stop => self.end(STOPPED, turn),
            Signal::Taken(effect) if !self.effects.contains(&effect) => {
                return Err(Refusal::NotAwaited);
            }
            Signal::Taken(effect) if self.taken.contains(&effect) => {
                return Err(Refusal::TakenAlready);
            }
            Signal::Taken(effect) => {
                turn.emit(self, Event::Taken(effect.0));
                turn.command(Command::Hold(effect));
            }
            Signal::Done(effect, payload) => {
                if !self.effects.contains(&effect) {
                    return Err(Refusal::NotAwaited);
                }
                turn.emit(self, Event::Answered(effect.0, true, payload));
                turn.command(Command::Cancel(effect));
            }
            Signal::Note(text) => {
                if !self.awaits_note {
                    return Err(Refusal::NotAwaited);
                }
                turn.emit(self, Event::Noted(text));
            }
        }
        Ok(())
    }

    /// Runs until blocked.
    fn go_on(&mut self, steps: &[Step], turn: &mut Turn<'_, Self>) {
        while self.closed.is_none() && !self.is_blocked() {
            match steps.get(self.step) {
                Some(step) => self.enter(step, turn),
                None => self.end(SUCCEEDED, turn),
            }
        }
    }

    fn is_blocked(&self) -> bool {
        let awaits_timer = self.effects.is_empty() && !self.timers.is_empty();
        !self.effects.is_empty() || awaits_timer || self.awaits_note
    }

    fn enter(&mut self, step: &Step, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event::Stepped);
        match step {
            Step::Pass(count) => (0..*count).for_each(|number| {
                turn.emit(self, Event::Passed(Payload::new(format!("{{\"n\":{}}}", number / 3))));
            }),
            Step::Timers(count, ms) => {
                (1..=*count).for_each(|number| self.arm(ms * i64::from(number), turn));
            }
            Step::Fan(count, queue, within) => {
                for _ in 0..*count {
                    self.ask(queue, Payload::new("\"do\""), turn);
                }
                if let Some(ms) = within {
                    self.arm(*ms, turn);
                }
            }
            Step::Poll(queue) => {
                self.ask(queue, Payload::new("\"poll\""), turn);
            }
            Step::Token(queue) => {
                let effect = EffectId(self.effects_len);
                let token = turn.task_token(effect);
                self.ask(queue, Payload::new(format!("{token:?}")), turn);
                turn.command(Command::Hold(effect));
            }
            Step::Child(script) => {
                self.ask("child", Payload::new(format!("{:?}", script.trim())), turn);
            }
            Step::Job(script) => {
                self.ask("job/child", Payload::new(format!("{:?}", script.trim())), turn);
            }
            Step::Relay(script) => {
                self.ask("relay", Payload::new(format!("{:?}", script.trim())), turn);
            }
            Step::Note => turn.emit(self, Event::AwaitsNote),
            Step::Dice => {
                let rolled = turn.random();
                turn.emit(self, Event::Rolled(rolled));
            }
            Step::Panic => panic!("the script says so"),
            Step::Fail => self.end(FAILED, turn),
            Step::Rows(count) => {
                for _ in 0..*count {
                    turn.emit(self, Event::Listed(self.listed));
                }
            }
        }
    }

    fn ask(&mut self, queue: &str, request: Payload, turn: &mut Turn<'_, Self>) {
        let effect = EffectId(self.effects_len);
        turn.emit(self, Event::Asked(effect.0));
        turn.command(Command::Run { effect, queue: queue.to_owned(), request });
    }

    fn arm(&mut self, ms: i64, turn: &mut Turn<'_, Self>) {
        let timer = TimerId(self.timers_len);
        turn.emit(self, Event::Armed(timer.0));
        turn.command(Command::Wake { timer, at: turn.now() + ms });
    }

    fn end(&mut self, status: u8, turn: &mut Turn<'_, Self>) {
        let payload = Payload::new(format!("{{\"status\":{status}}}"));
        turn.emit(self, Event::Ended(status, payload));
        turn.command(Command::Close { report: vec![status, self.answers as u8] });
    }
}
