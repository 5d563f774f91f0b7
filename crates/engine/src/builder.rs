//! What an engine is made of.

use std::sync::Arc;
use std::time::Duration;

use trackway_core::{Machine, Timestamp};
use trackway_store::Store;

use crate::clock::Clock;
use crate::desk::Chance;
use crate::kind::Kinds;
use crate::limits::SHARDS_DEFAULT;
use crate::retention::Keeping;
use crate::shard::{Parts, Planted};
use crate::{Catalog, Engine, Fault, Performer, Shard, Tokens, trim, verify};

/// What can be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Shards of a store that is opened for the first time; an older store keeps its number.
    pub shards: u16,
    /// How long ended executions are kept; none for ever.
    pub retention: Option<Duration>,
    /// How much history running executions of the kinds that are [`Machine::TRIMMED`] keep; none
    /// for ever.
    pub history: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self { shards: SHARDS_DEFAULT, retention: None, history: None }
    }
}

type OnProblem = Arc<dyn Fn(&str) + Send + Sync>;

/// Answers whether what an ARN names is there, from the catalog; see [`Builder::exists`].
pub type Exists = Arc<dyn Fn(&Catalog, &str) -> bool + Send + Sync>;

/// Collects kinds, performers and configuration; see [`Engine::builder`].
#[derive(Clone)]
pub struct Builder {
    kinds: Kinds,
    performers: Vec<(String, Arc<dyn Performer>)>,
    polled: Vec<String>,
    clock: Clock,
    config: Config,
    planted: Planted,
    on_problem: OnProblem,
    exists: Exists,
    kept: Vec<(u8, Duration)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            kinds: Kinds::default(),
            performers: Vec::new(),
            polled: Vec::new(),
            clock: Clock::Real,
            config: Config::default(),
            planted: Planted::default(),
            on_problem: Arc::new(|problem| eprintln!("trackway: {problem}")),
            exists: Arc::new(|_, _| true),
            kept: Vec::new(),
        }
    }
}

impl Builder {
    /// Registers a kind of machine. Its tag is stored with every execution: never reuse one.
    #[must_use]
    pub fn kind<M: Machine>(mut self, tag: u8, name: &'static str) -> Self {
        self.kinds.add::<M>(tag, name);
        self
    }

    /// Says how long ended executions of the kind with this tag are kept, at the longest;
    /// [`Config::retention`] may be shorter.
    #[must_use]
    pub fn keep(mut self, tag: u8, longest: Duration) -> Self {
        self.kept.push((tag, longest));
        self
    }

    /// Registers who performs the effects whose queue, up to the first `/`, has this name.
    #[must_use]
    pub fn performer(mut self, queue: impl Into<String>, performer: Arc<dyn Performer>) -> Self {
        self.performers.push((queue.into(), performer));
        self
    }

    /// Registers a name whose queues are polled with [`Engine::take`] instead.
    #[must_use]
    pub fn polled(mut self, queue: impl Into<String>) -> Self {
        self.polled.push(queue.into());
        self
    }

    /// Chooses the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Configures.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Where problems go that no caller hears of: parked executions, unknown queues. One line each;
    /// standard error by default.
    #[must_use]
    pub fn on_problem(mut self, hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_problem = Arc::new(hear);
        self
    }

    /// Says how a machine's question is answered whether something that it names by an ARN is there.
    /// It is asked within a turn, so the answer has to be at hand: see [`Catalog::get_now`].
    #[must_use]
    pub fn exists(
        mut self,
        answer: impl Fn(&Catalog, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.exists = Arc::new(answer);
        self
    }

    /// Plants a bug; for the simulator's own tests.
    #[must_use]
    pub fn plant(mut self, planted: Planted) -> Self {
        self.planted = planted;
        self
    }

    /// Opens the store and resumes everything that was running. Call it within a tokio runtime:
    /// the shards become tasks of it.
    ///
    /// # Errors
    /// The store can't be read or written, or belongs to a newer version.
    pub async fn open(self, store: Arc<dyn Store>) -> Result<Engine, Fault> {
        crate::engine::open(self, store).await
    }

    /// Makes a bare shard, to be driven by hand: see [`Shard`].
    #[must_use]
    pub fn shard(
        &self,
        store: Arc<dyn Store>,
        place: ShardPlace,
        chance: Box<dyn Chance>,
    ) -> Shard {
        let ShardPlace { number, shards, tokens } = place;
        Shard::new(self, store, Parts { number, shards, tokens, chance })
    }

    /// Makes the catalog of a store with so many shards; for who drives those by hand.
    #[must_use]
    pub fn catalog(&self, store: Arc<dyn Store>, shards: u16) -> Catalog {
        Catalog::new(store, shards, self.planted)
    }

    /// Checks every invariant of a store that no engine has open.
    ///
    /// # Errors
    /// The store can't be walked. What is wrong with its rows is in the report.
    pub async fn verify(&self, store: Arc<dyn Store>) -> Result<verify::VerifyReport, Fault> {
        verify::verify(&self.kinds, store).await
    }

    /// Drops every view (lists, summaries) of a store that no engine has open, and folds them anew.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn rebuild(&self, store: Arc<dyn Store>) -> Result<verify::RebuildReport, Fault> {
        verify::rebuild(&self.kinds, store).await
    }

    /// Trims the histories of running executions, of those kinds that are [`Machine::TRIMMED`], up
    /// to that moment. An engine may have the store open: its own sweep does the same. Returns how
    /// many events have left.
    ///
    /// # Errors
    /// The store can't be read or written, or an execution can't be folded.
    pub async fn trim(&self, store: Arc<dyn Store>, horizon: Timestamp) -> Result<u64, Fault> {
        trim::everything(&self.kinds, store, horizon).await
    }

    pub(crate) fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    pub(crate) fn keeping(&self) -> Keeping {
        Keeping { all: self.config.retention, of_kinds: self.kept.clone() }
    }

    pub(crate) fn polled_names(&self) -> Vec<String> {
        self.polled.clone()
    }

    pub(crate) fn exists_question(&self) -> Exists {
        Arc::clone(&self.exists)
    }

    pub(crate) fn planted_bug(&self) -> Planted {
        self.planted
    }

    pub(crate) fn into_outside(self) -> Outside {
        let Self { performers, clock, config, planted, on_problem, .. } = self;
        Outside { performers, clock, config, planted, on_problem }
    }
}

/// Which shard of how many, and the store's secret.
#[derive(Clone, Debug)]
pub struct ShardPlace {
    /// Its number, from 0.
    pub number: u16,
    /// How many there are.
    pub shards: u16,
    /// Made with the store's secret.
    pub tokens: Tokens,
}

/// What the shards themselves don't need.
pub(crate) struct Outside {
    pub(crate) performers: Vec<(String, Arc<dyn Performer>)>,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    pub(crate) planted: Planted,
    pub(crate) on_problem: OnProblem,
}
