//! The deterministic logic of one entity, and what comes into it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{EffectId, ExecutionId, Payload, Rows, TimerId, Timestamp, Turn};

/// Deterministic logic of one entity: an execution, a pipeline, an association, an audit task.
///
/// The same definition, events and inputs always give the same state, events and commands. What is
/// chosen by time or chance comes in through the [`Turn`] and is recorded in an event, so that old
/// journals fold the same for ever.
pub trait Machine: Default + Send + 'static {
    /// What runs. Parsed once, content-addressed, pinned when the execution starts.
    type Definition: Send + Sync + 'static;
    /// A fact. Versioned, append-only, the only truth.
    type Event: Journaled;
    /// What the world may ask of a running execution: stop, a task token's answer, an approval.
    type Signal: Send + 'static;
    /// Why a signal was refused. Nothing was emitted then.
    type Refusal: Send + std::fmt::Debug + 'static;

    /// Whether the history of one that runs is trimmed: of an entity without an end, the events
    /// that are older than its kind shows leave, and rows with them ([`Machine::expires`]). It
    /// takes a [`Machine::snapshot`], and a [`Machine::restore`] that reads for ever whatever a
    /// release wrote, since what stands before the first event kept is such a state.
    const TRIMMED: bool = false;

    /// Reads a definition that was accepted when it was created.
    ///
    /// # Errors
    /// A text that this version can't read: a fault, the execution is parked.
    fn parse(text: &str) -> Result<Self::Definition, String>;

    /// Folds one event into the state. Total: it never fails and reads no clock. `at` is when the
    /// event's turn was taken.
    fn evolve(&mut self, event: &Self::Event, at: Timestamp);

    /// Derives rows of this kind's views from an event, right after it was folded. A kind whose
    /// lists are all made of summaries has none. Total, and as reproducible as [`Machine::evolve`]:
    /// the rows are made anew from the journal.
    fn project(&self, _event: &Self::Event, _at: Timestamp, _rows: &mut Rows) {}

    /// The whole state, in the kind's own encoding, with a version of its own: what the events so
    /// far have come to, so that they need not be folded again. None for a kind whose executions
    /// are short enough to be folded from their beginning. Equal states have equal encodings.
    fn snapshot(&self) -> Option<Vec<u8>> {
        None
    }

    /// The state that [`Machine::snapshot`] wrote; none if this version can't read it: the events
    /// are folded then, as long as they are there.
    fn restore(_bytes: &[u8]) -> Option<Self> {
        None
    }

    /// The moment that this row of a view belongs to: when the history is trimmed it leaves with
    /// the events that wrote it, once that moment is older than what is kept. Not after the last of
    /// these events. None for a row that stays as long as the execution. Asked only of a kind that
    /// is [`Machine::TRIMMED`].
    fn expires(_view: u8, _key: &[u8], _row: &[u8]) -> Option<Timestamp> {
        None
    }

    /// Decides on an input. Changes the state only through [`Turn::emit`]. Runs until blocked.
    ///
    /// Inputs may come twice (an effect runs at least once, a letter is sent again after a crash):
    /// a result or timer that is not awaited is ignored, with `Ok(())` and no event.
    ///
    /// # Errors
    /// Only a signal may be refused; a refusal emits nothing.
    fn handle(
        &mut self,
        def: &Self::Definition,
        input: Input<Self::Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Self::Refusal>;

    /// The status and list columns of this state.
    fn summary(&self) -> Summary;
}

/// What the journal needs of an event: a compact form without its payload, and the payload apart,
/// so that a text that repeats within a turn is stored once.
pub trait Journaled: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The version of this event type's encoding, written into each segment. An event, once
    /// released, is never changed, only superseded.
    const VERSION: u8;

    /// Text that segments of this kind often hold: compression begins with it. It is part of the
    /// encoding, so it is never changed; a new one needs a new packing.
    const DICTIONARY: &'static [u8] = b"";

    /// The JSON text of this event, if it has one. Not part of its serialised form
    /// (`#[serde(skip)]`).
    fn payload(&self) -> Option<&Payload>;

    /// Puts back the text that was stored apart.
    fn set_payload(&mut self, payload: Payload);
}

/// What comes into a machine.
#[derive(Clone, Debug)]
pub enum Input<S> {
    /// The first input of every execution.
    Start(Start),
    /// A performer finished an effect, or a child that an effect started has closed.
    Finished {
        /// The effect that this answers.
        effect: EffectId,
        /// How it went.
        outcome: Outcome,
    },
    /// A timer that the machine set is due.
    Fired(TimerId),
    /// The world asks for something.
    Signal(S),
}

/// How an execution begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The execution's ARN.
    pub arn: String,
    /// The ARN of what it runs (a state machine, a document), as its context shows it.
    pub definition_arn: String,
    /// The execution's name.
    pub name: String,
    /// The role that the definition's owner gave it.
    pub role_arn: String,
    /// The input, a JSON text.
    pub input: Payload,
    /// What else the kind wants to know, in the kind's own encoding.
    pub attributes: Vec<u8>,
}

/// How an effect ended. Failure of the work is data, never a Rust `Err`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The performer's result, a JSON text.
    Succeeded(Payload),
    /// The work failed with an error name and an explanation, as AWS names and words them.
    Failed {
        /// Error name, such as `Lambda.Unknown`.
        error: String,
        /// Explanation; may itself be JSON text.
        cause: String,
    },
    /// The child execution that this effect started has closed; the report is in the child's
    /// kind's own encoding.
    Closed {
        /// What the child passed to [`crate::Command::Close`].
        report: Vec<u8>,
    },
}

/// Who hears of an execution's end: an effect of another execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The execution that waits.
    pub execution: ExecutionId,
    /// The effect of it that waits.
    pub effect: EffectId,
}

/// One row an entity: its status and what lists show of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The kind's own number for the status; lists filter by it. 0 means not yet started.
    pub status: u8,
    /// When it started.
    pub started: Timestamp,
    /// When it closed; none while it runs.
    pub closed: Option<Timestamp>,
    /// Further columns in the kind's own encoding.
    pub columns: Vec<u8>,
}
