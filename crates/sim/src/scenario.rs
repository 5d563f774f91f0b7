//! What a simulation plays: some executions, and how the world answers them.

use std::any::{Any, TypeId};
use std::rc::Rc;

use trackway_core::{EffectId, ExecutionId, Machine, Outcome, Timestamp};
use trackway_engine::{
    Builder, Catalog, Entry, Fault, Offer, Page, Performed, Reader, Record, StartRequest, Work,
};

use crate::jobs::Running;

/// Some executions of some kinds, and how the world answers them. Everything it says must follow
/// from its arguments alone, so that a run can be repeated.
pub trait Scenario {
    /// Its name, to replay it by.
    fn name(&self) -> String;

    /// An engine that knows the kinds and the polled queues.
    fn builder(&self) -> Builder;

    /// What callers start, and after how many milliseconds. They try again until they are answered.
    fn starts(&self) -> Vec<(i64, StartRequest)>;

    /// How the performer of an effect answers.
    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction;

    /// What a worker does with work that it polled, step by step.
    fn polled(&self, _offer: &Offer, _seen: &Seen<'_>) -> Vec<(i64, Act)> {
        Vec::new()
    }

    /// What else callers ask for, and when. They try again while it is refused, for a while.
    fn signals(&self) -> Vec<(i64, Act)> {
        Vec::new()
    }

    /// What the catalog holds before anything happens.
    ///
    /// # Errors
    /// The store failed.
    fn furnish(&self, _seen: &Seen<'_>) -> Result<(), Fault> {
        Ok(())
    }

    /// What users change in the catalog, and when. One whose process dies begins again.
    fn deeds(&self) -> Vec<(i64, Deed)> {
        Vec::new()
    }

    /// Whether what it comes to depends on who comes first. Then runs aren't compared with the calm
    /// one; what must hold of each is in [`Scenario::problems`].
    fn races(&self) -> bool {
        false
    }

    /// What is wrong, at the end of a run, with what is there.
    ///
    /// # Errors
    /// The store can't be read.
    fn problems(&self, _seen: &Seen<'_>) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }

    /// What an execution's journal came to, such that runs can be compared: without what may
    /// differ, such as random numbers, or the order of answers that come at the same time.
    ///
    /// # Errors
    /// The journal can't be read.
    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault>;

    /// What a row of the catalog came to, such that runs can be compared: without what may differ,
    /// such as times. None for a row that isn't compared.
    fn tell_row(&self, _table: u8, _key: &[u8], value: &[u8]) -> Option<String> {
        Some(value.escape_ascii().to_string())
    }
}

/// What a user does, each time that it is begun.
pub type Deed = Rc<dyn Fn(&Seen<'_>) -> Running<Result<(), Fault>>>;

/// What performers and workers can look at. The event that asks for their work is in the journal.
pub struct Seen<'r> {
    /// What is committed.
    pub reader: &'r Reader,
    /// The catalog, likewise. A commit waits for its turn.
    pub catalog: Catalog,
    /// What time it is.
    pub now: Timestamp,
}

/// How a performer answers: after how long, and with what.
pub struct Reaction {
    /// Virtual milliseconds.
    pub delay: i64,
    /// What it comes to.
    pub does: Does,
}

/// What a performer does.
pub enum Does {
    /// It finishes.
    Finish(Outcome),
    /// It finishes; somebody outside, whom it has told, goes on with these acts, step by step.
    FinishThen(Outcome, Vec<(i64, Act)>),
    /// It works on the store, from now on, and answers when it has done.
    Run(Running<Performed>),
    /// It starts a child, and leaves the rest to it.
    Start(Box<StartRequest>),
    /// It starts a child, answers, and leaves the rest to the child.
    StartAndAnswer(Box<StartRequest>, Outcome),
    /// Nothing, ever.
    Never,
}

/// A signal, to be sent as often as it takes.
#[derive(Clone)]
pub struct Act {
    pub(crate) execution: ExecutionId,
    pub(crate) machine: TypeId,
    pub(crate) signal: Rc<dyn Fn() -> Box<dyn Any + Send>>,
}

impl Act {
    /// A signal for an execution of the kind `M`.
    pub fn new<M: Machine>(execution: ExecutionId, signal: M::Signal) -> Self
    where
        M::Signal: Clone,
    {
        let signal = Rc::new(move || Box::new(signal.clone()) as Box<dyn Any + Send>);
        Self { execution, machine: TypeId::of::<M>(), signal }
    }
}

/// One event, as far as the simulator understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What runs are compared by.
    pub text: String,
    /// The effect that it sends out.
    pub asks: Option<EffectId>,
    /// The effect that it takes the final answer of.
    pub answers: Option<EffectId>,
    /// Whether it ends the execution.
    pub ends: bool,
}

impl Told {
    /// An event of which nothing is known but its text.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), asks: None, answers: None, ends: false }
    }
}

/// The whole journal of an execution.
///
/// # Errors
/// The store can't be read, or not at once.
pub fn journal<M: Machine>(
    reader: &Reader,
    id: ExecutionId,
) -> Result<Vec<Entry<M::Event>>, Fault> {
    crate::world::at_once(reader.journal::<M>(id, Page::Forward { from: 0, limit: usize::MAX }))
}
