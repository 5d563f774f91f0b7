//! A second toy kind: it starts a toy, waits for its end and tells of it. So executions of several
//! kinds wait for one another.

use serde::{Deserialize, Serialize};
use trackway_core::{
    Command, EffectId, Input, Journaled, Machine, Outcome, Payload, Rows, Summary, Timestamp, Turn,
};

use super::{FAILED, RUNNING, STOPPED, SUCCEEDED};

/// The view of its child: one row without a key, what the child reported; empty before that.
pub const CHILD: u8 = 1;

/// The one effect of a relay.
const EFFECT: EffectId = EffectId(0);

/// The state of a relay.
#[derive(Debug, Default)]
pub struct Relay {
    status: u8,
    started: Timestamp,
    closed: Option<Timestamp>,
}

/// A fact about a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It began, and asked for its child.
    Started,
    /// Its child has closed and reported this; or could not be started.
    Reported(Vec<u8>),
    /// It was stopped.
    Stopped,
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        None
    }

    fn set_payload(&mut self, _: Payload) {}
}

/// End now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

impl Machine for Relay {
    /// The child's script.
    type Definition = String;
    type Event = Event;
    type Signal = Stop;
    type Refusal = std::convert::Infallible;

    fn parse(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.status = match event {
            Event::Started => RUNNING,
            Event::Reported(report) if report.first() == Some(&SUCCEEDED) => SUCCEEDED,
            Event::Reported(_) => FAILED,
            Event::Stopped => STOPPED,
        };
        match event {
            Event::Started => self.started = at,
            Event::Reported(_) | Event::Stopped => self.closed = Some(at),
        }
    }

    fn project(&self, event: &Event, _: Timestamp, rows: &mut Rows) {
        match event {
            Event::Started => rows.put(CHILD, "", ""),
            Event::Reported(report) => rows.put(CHILD, "", report.as_slice()),
            Event::Stopped => rows.delete(CHILD, ""),
        }
    }

    fn handle(
        &mut self,
        script: &String,
        input: Input<Stop>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), std::convert::Infallible> {
        match input {
            Input::Start(_) => {
                turn.emit(self, Event::Started);
                let request = Payload::new(format!("{script:?}"));
                turn.command(Command::Run { effect: EFFECT, queue: "child".to_owned(), request });
            }
            Input::Finished { effect: EFFECT, outcome } if self.status == RUNNING => {
                let report = match outcome {
                    Outcome::Closed { report } => report,
                    Outcome::Succeeded(_) | Outcome::Failed { .. } => vec![FAILED],
                };
                turn.emit(self, Event::Reported(report));
                self.close(turn);
            }
            Input::Finished { .. } | Input::Fired(_) => {}
            Input::Signal(Stop) => {
                turn.emit(self, Event::Stopped);
                self.close(turn);
            }
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        let Self { status, started, closed } = *self;
        Summary { status, started, closed, columns: Vec::new() }
    }
}

impl Relay {
    /// Its report looks like no toy's.
    fn close(&self, turn: &mut Turn<'_, Self>) {
        let report = [&[self.status], &b" relayed"[..]].concat();
        turn.command(Command::Close { report });
    }
}
