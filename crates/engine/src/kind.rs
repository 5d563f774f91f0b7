//! Kinds behind one face: the engine drives machines whose types it doesn't know.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use trackway_core::{
    Command, Environment, Input, Journaled, Machine, Payload, Rows, Summary, Timestamp, Turn,
    segment,
};

use crate::limits::SEGMENT_PAYLOAD_BYTES_MAX;
use crate::{Fault, records};

/// A definition of some kind, parsed.
pub(crate) type Parsed = Arc<dyn Any + Send + Sync>;
/// A signal or a refusal of some kind.
pub(crate) type Opaque = Box<dyn Any + Send>;

/// Some kind of machine.
pub(crate) trait Kind: Send + Sync {
    fn name(&self) -> &'static str;
    fn parse(&self, text: &str) -> Result<Parsed, String>;
    fn machine(&self) -> Box<dyn AnyMachine>;
    /// The machine with this stored state, if it can be read.
    fn restore(&self, state: &[u8]) -> Option<Box<dyn AnyMachine>>;
    /// Whether histories of this kind are trimmed; see [`Machine::TRIMMED`].
    fn is_trimmed(&self) -> bool;
    /// When the turn of a stored segment was taken.
    fn taken_at(&self, segment: &[u8]) -> Result<Timestamp, Fault>;
    /// See [`Machine::expires`].
    fn expires(&self, view: u8, key: &[u8], row: &[u8]) -> Option<Timestamp>;
}

/// Some machine, in whatever state.
pub(crate) trait AnyMachine: Send {
    /// Takes a turn. An error is a signal's refusal.
    fn turn(
        &mut self,
        definition: &Parsed,
        input: Input<Opaque>,
        now: Timestamp,
        environment: &mut dyn Environment,
    ) -> Result<Decided, Opaque>;

    /// Folds a stored segment, and derives its rows where somebody wants them; returns how many
    /// events it has.
    fn fold(&mut self, segment: &[u8], rows: Option<&mut Rows>) -> Result<u32, Fault>;

    fn summary(&self) -> Summary;

    /// See [`Machine::snapshot`].
    fn snapshot(&self) -> Option<Vec<u8>>;

    fn as_any(&self) -> &dyn Any;
}

/// What a turn came to, encoded.
#[derive(Default)]
pub(crate) struct Decided {
    /// Segments as they are stored, each with the number of its events. None without events.
    pub(crate) segments: Vec<(u32, Bytes)>,
    pub(crate) commands: Vec<Command>,
    /// What changes in the rows of its views.
    pub(crate) rows: Rows,
    /// The payload of the last event, when the turn closed the execution.
    pub(crate) last_payload: Option<Payload>,
}

/// The kinds of an engine, by tag.
#[derive(Clone, Default)]
pub(crate) struct Kinds(Vec<(u8, Arc<dyn Kind>)>);

impl Kinds {
    pub(crate) fn add<M: Machine>(&mut self, tag: u8, name: &'static str) {
        self.0.retain(|(known, _)| *known != tag);
        self.0.push((tag, Arc::new(Of::<M>(name, PhantomData))));
    }

    pub(crate) fn get(&self, tag: u8) -> Option<&Arc<dyn Kind>> {
        self.0.iter().find(|(known, _)| *known == tag).map(|(_, kind)| kind)
    }
}

/// A kind that isn't registered anywhere, for those who know its type.
pub(crate) fn of<M: Machine>() -> impl Kind {
    Of::<M>("", PhantomData)
}

struct Of<M>(&'static str, PhantomData<fn() -> M>);

impl<M: Machine> Kind for Of<M> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn parse(&self, text: &str) -> Result<Parsed, String> {
        Ok(Arc::new(M::parse(text)?))
    }

    fn machine(&self) -> Box<dyn AnyMachine> {
        Box::new(M::default())
    }

    fn restore(&self, state: &[u8]) -> Option<Box<dyn AnyMachine>> {
        M::restore(state).map(|machine| Box::new(machine) as Box<dyn AnyMachine>)
    }

    fn is_trimmed(&self) -> bool {
        M::TRIMMED
    }

    fn taken_at(&self, segment: &[u8]) -> Result<Timestamp, Fault> {
        segment::taken_at::<M::Event>(&records::unpack(segment, M::Event::DICTIONARY)?)
            .map_err(|error| Fault::new(error.to_string()))
    }

    fn expires(&self, view: u8, key: &[u8], row: &[u8]) -> Option<Timestamp> {
        M::expires(view, key, row)
    }
}

impl<M: Machine> AnyMachine for M {
    fn turn(
        &mut self,
        definition: &Parsed,
        input: Input<Opaque>,
        now: Timestamp,
        environment: &mut dyn Environment,
    ) -> Result<Decided, Opaque> {
        let definition = definition
            .downcast_ref::<M::Definition>()
            .expect("invariant: a definition is parsed by its execution's kind");
        let mut turn = Turn::new(now, environment);
        self.handle(definition, typed::<M>(input), &mut turn)
            .map_err(|refusal| Box::new(refusal) as Opaque)?;
        let rows = turn.take_rows();
        let (events, commands) = turn.finish();
        let closes = commands.iter().any(|command| matches!(command, Command::Close { .. }));
        let last_payload =
            if closes { events.last().and_then(|event| event.payload().cloned()) } else { None };
        Ok(Decided { segments: encode(now, &events), commands, rows, last_payload })
    }

    fn fold(&mut self, segment: &[u8], mut rows: Option<&mut Rows>) -> Result<u32, Fault> {
        let (at, events) = decode::<M::Event>(segment)?;
        for event in &events {
            self.evolve(event, at);
            if let Some(rows) = rows.as_deref_mut() {
                self.project(event, at, rows);
            }
        }
        Ok(events.len() as u32)
    }

    fn summary(&self) -> Summary {
        Machine::summary(self)
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Machine::snapshot(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn typed<M: Machine>(input: Input<Opaque>) -> Input<M::Signal> {
    match input {
        Input::Start(start) => Input::Start(start),
        Input::Finished { effect, outcome } => Input::Finished { effect, outcome },
        Input::Fired(timer) => Input::Fired(timer),
        Input::Signal(signal) => {
            let signal = signal
                .downcast::<M::Signal>()
                .expect("invariant: a signal reaches executions of its own kind only");
            Input::Signal(*signal)
        }
    }
}

/// Reads a stored segment.
pub(crate) fn decode<E: Journaled>(stored: &[u8]) -> Result<(Timestamp, Vec<E>), Fault> {
    segment::decode(&records::unpack(stored, E::DICTIONARY)?)
        .map_err(|error| Fault::new(error.to_string()))
}

/// One segment for the turn, or several when its payloads are large.
fn encode<E: Journaled>(now: Timestamp, events: &[E]) -> Vec<(u32, Bytes)> {
    let mut segments = Vec::with_capacity(1);
    let mut rest = events;
    while !rest.is_empty() {
        let (chunk, tail) = rest.split_at(chunk_len(rest));
        let bytes = segment::encode(now, chunk).expect(
            "invariant: an event has an encoding; a mistake in the kind parks its execution",
        );
        segments.push((chunk.len() as u32, records::pack(&bytes, E::DICTIONARY)));
        rest = tail;
    }
    segments
}

fn chunk_len<E: Journaled>(events: &[E]) -> usize {
    let mut bytes = 0;
    let fits = events.iter().position(|event| {
        bytes += event.payload().map_or(0, |payload| payload.len());
        bytes > SEGMENT_PAYLOAD_BYTES_MAX
    });
    fits.map_or(events.len(), |place| place.max(1))
}
