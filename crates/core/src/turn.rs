//! One turn: what a machine emits and commands in answer to one input.

use crate::{EffectId, Machine, Payload, Rows, TimerId, Timestamp};

/// What a turn may ask of the world; the engine and the simulator each have one.
pub trait Environment {
    /// A random number. Record what was chosen by it in an event.
    fn random(&mut self) -> u64;

    /// The task token of an effect of the execution at hand: the same each time it is asked for,
    /// and nobody else can make one.
    fn task_token(&mut self, effect: EffectId) -> String;

    /// Whether what this ARN names is there (an activity that a task waits for). Record what
    /// follows from the answer in an event. Yes, where nobody knows.
    fn exists(&mut self, _arn: &str) -> bool {
        true
    }
}

/// What a machine wants done once its events are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Perform an effect. It runs at least once; its outcome counts once.
    Run {
        /// The effect's identity within the execution.
        effect: EffectId,
        /// Who performs it: a performer's name, or for work that is polled for, the poll's key
        /// (`activity/ARN`).
        queue: String,
        /// What to do, in the performer's encoding.
        request: Payload,
    },
    /// The outcome of this effect no longer matters: drop it if it has not begun, abandon it
    /// otherwise.
    Cancel(EffectId),
    /// Keep awaiting this effect, but stop offering or performing it, also after a restart: a
    /// poller has taken it, or its answer comes as a signal. In answer to the effect's own outcome:
    /// await a further one, the end of the child that its performer started. Its row stays,
    /// without its request, until an outcome comes, [`Command::Cancel`] or [`Command::Close`].
    Hold(EffectId),
    /// Fire this timer at that moment.
    Wake {
        /// The timer's identity within the execution.
        timer: TimerId,
        /// When it is due; may lie in the past.
        at: Timestamp,
    },
    /// This timer no longer matters.
    Disarm(TimerId),
    /// The execution has ended. All its timers and effects are dropped; nothing but refusals
    /// follows. The report goes to whoever waits for it.
    Close {
        /// What a waiting parent hears, in this kind's own encoding.
        report: Vec<u8>,
    },
}

/// Collects what a machine decides. Events are folded at once; nothing leaves before the commit.
pub struct Turn<'a, M: Machine> {
    now: Timestamp,
    environment: &'a mut dyn Environment,
    events: Vec<M::Event>,
    commands: Vec<Command>,
    rows: Rows,
}

impl<'a, M: Machine> Turn<'a, M> {
    /// A turn taken at `now`.
    pub fn new(now: Timestamp, environment: &'a mut dyn Environment) -> Self {
        Self { now, environment, events: Vec::new(), commands: Vec::new(), rows: Rows::default() }
    }

    /// The moment of this turn; all its events happen at it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A random number; see [`Environment::random`].
    pub fn random(&mut self) -> u64 {
        self.environment.random()
    }

    /// The token by which the world answers this effect; see [`Environment::task_token`].
    pub fn task_token(&mut self, effect: EffectId) -> String {
        self.environment.task_token(effect)
    }

    /// Whether what this ARN names is there; see [`Environment::exists`].
    pub fn exists(&mut self, arn: &str) -> bool {
        self.environment.exists(arn)
    }

    /// Records an event and folds it into the machine.
    pub fn emit(&mut self, machine: &mut M, event: M::Event) {
        machine.evolve(&event, self.now);
        machine.project(&event, self.now, &mut self.rows);
        self.events.push(event);
    }

    /// Issues a command, carried out after the commit.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// How many events this turn has emitted so far.
    #[must_use]
    pub fn events_len(&self) -> usize {
        self.events.len()
    }

    /// The rows that the events so far change; taken away from the turn.
    #[must_use]
    pub fn take_rows(&mut self) -> Rows {
        std::mem::take(&mut self.rows)
    }

    /// What the turn came to: its events and its commands, in order.
    #[must_use]
    pub fn finish(self) -> (Vec<M::Event>, Vec<Command>) {
        (self.events, self.commands)
    }
}
