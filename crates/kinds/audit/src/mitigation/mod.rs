//! A mitigation task: actions applied to findings, or to violations.

use serde::{Deserialize, Serialize};
use trackway_core::{Input, Journaled, Machine, Payload, Summary, Timestamp, Turn};

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 8;

/// What the world may ask of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {}

/// The state of a mitigation task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mitigation {}

/// One event of a mitigation task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {}

impl Journaled for Event {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        None
    }

    fn set_payload(&mut self, _payload: Payload) {}
}

impl Machine for Mitigation {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
    }

    fn evolve(&mut self, _event: &Event, _at: Timestamp) {}

    fn handle(
        &mut self,
        _definition: &(),
        _input: Input<Signal>,
        _turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary::default()
    }
}
