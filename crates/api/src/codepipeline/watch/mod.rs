//! The watcher of sources: every so many seconds it looks at each source once, however many
//! pipelines it is of, and starts the pipelines whose sources have changed.
//!
//! What was seen is in the pipeline's own state and is changed together with what starts
//! ([`Signal::Seen`]): a crash neither loses a start nor doubles one. Whether a source is watched and
//! what follows from what it has is `trackway_pipeline::watch`'s business.
//!
//! It counts real seconds, whatever clock the engine has.

mod events;
mod living;
mod stores;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use trackway_engine::{Engine, Fault, SignalError};
use trackway_pipeline::Pipeline;
use trackway_pipeline::ids::Number;
use trackway_pipeline::pipeline::Columns;
use trackway_pipeline::signal::{Refusal, Signal};
use trackway_pipeline::watch::{self, Change, News, Now, REFS_MAX, Source, Watch};

use super::executions::drawn;
pub(super) use events::hear;
pub(super) use living::{Living, living_everywhere};
pub(super) use stores::Stores;

/// Sources that are looked at at once.
const LOOKS_MAX: usize = 8;

/// An answer that is being found.
pub type Looking<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

/// Looks at sources. The error says what can't be looked at, and why.
pub trait Sources: Send + Sync {
    /// The branches and tags of a repository.
    fn refs(&self, repository: &str) -> Looking<BTreeMap<String, String>>;

    /// The names of files that differ between two commits; all of the second if there is no first.
    fn changed(&self, repository: &str, from: Option<&str>, to: &str) -> Looking<Vec<String>>;

    /// The revision of an object, as an account in a region sees it; none if it is not there.
    fn object(&self, scope: (&str, &str), object: (&str, &str)) -> Looking<Option<String>>;
}

/// A source, and for an object in whose scope it is looked at.
type Place = (Option<String>, Source);

/// What is known of one pipeline. Only the watcher changes what is seen, and each version of the
/// structure has a number: so it is read again only when it has another.
struct Known {
    version: u32,
    watches: Vec<Watch>,
    seen: BTreeMap<String, String>,
}

/// The watcher.
pub(super) struct Watcher {
    engine: Engine,
    sources: Arc<dyn Sources>,
    known: HashMap<u64, Known>,
    /// What went wrong last, so that it is said once.
    said: BTreeMap<Place, String>,
}

/// Watches until the engine stops. `every` is the time between two rounds; none looks only when it
/// is woken.
pub(super) async fn run(
    engine: Engine,
    sources: Arc<dyn Sources>,
    every: Option<Duration>,
    wake: Arc<Notify>,
) {
    let stopped = engine.clone();
    let mut watcher = Watcher { engine, sources, known: HashMap::new(), said: BTreeMap::new() };
    let rounds = async {
        loop {
            if let Err(fault) = watcher.round().await {
                eprintln!("fault in the watcher of sources: {fault}");
            }
            let pause = async {
                match every {
                    Some(every) => tokio::time::sleep(every).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = pause => {}
                () = wake.notified() => {}
            }
        }
    };
    tokio::select! {
        () = rounds => {}
        _ = stopped.stopped() => {}
    }
}

impl Watcher {
    /// Looks at every source once.
    async fn round(&mut self) -> Result<(), Fault> {
        let living = living_everywhere(&self.engine).await?;
        for one in &living {
            let learned = self.learn(one).await;
            self.heed(one, learned);
        }
        let there: HashSet<u64> = living.iter().map(|one| one.number.0).collect();
        self.known.retain(|number, _| there.contains(number));
        let now = self.look(&living).await;
        for one in &living {
            let compared = self.compare(one, &now).await;
            self.heed(one, compared);
        }
        Ok(())
    }

    /// What is broken with one pipeline must not keep the others from being watched.
    fn heed(&mut self, one: &Living, done: Result<(), Fault>) {
        if let Err(fault) = done {
            self.say(of_pipeline(one), format!("{}: {fault}", one.name));
        }
    }

    /// Reads what is to be watched for a pipeline, if that is not known.
    async fn learn(&mut self, one: &Living) -> Result<(), Fault> {
        let version = Columns::decode(&one.record.summary.columns).version;
        if self.known.get(&one.number.0).is_some_and(|known| known.version == version) {
            return Ok(());
        }
        let look = |pipeline: &Pipeline| {
            let structure = pipeline.structure();
            let mut watches = watch::watches(&structure);
            for watch in &mut watches {
                watch.found = pipeline.found_last(&watch.action).map(str::to_owned);
            }
            Known { version: structure.version, watches, seen: pipeline.seen().clone() }
        };
        if let Some(known) = self.engine.state::<Pipeline, _>(one.id, look).await? {
            self.known.insert(one.number.0, known);
        }
        Ok(())
    }

    /// What every watched source has now. One that can't be looked at is left out, and that is said.
    async fn look(&mut self, living: &[Living]) -> BTreeMap<Place, Now> {
        let mut places: BTreeSet<Place> = BTreeSet::new();
        for one in living {
            let watches = self.known.get(&one.number.0).map(|known| known.watches.as_slice());
            places.extend(watches.unwrap_or_default().iter().map(|it| place(one, &it.source)));
        }
        let slots = Arc::new(Semaphore::new(LOOKS_MAX));
        let mut looks = JoinSet::new();
        for place in places {
            let look = self.look_at(&place);
            let slots = Arc::clone(&slots);
            looks.spawn(async move {
                // It is never closed; without a slot one would only look a little early.
                let _slot = slots.acquire().await;
                (place, look.await)
            });
        }
        let mut now = BTreeMap::new();
        while let Some(looked) = looks.join_next().await {
            match looked {
                Ok((place, Ok(found))) => {
                    self.said.remove(&place);
                    now.insert(place, found);
                }
                Ok((place, Err(why))) => self.say(place, why),
                Err(error) => eprintln!("fault in the watcher of sources: {error}"),
            }
        }
        now
    }

    fn look_at(&self, (scope, source): &Place) -> Looking<Now> {
        match source {
            Source::Repository(name) => {
                let refs = self.sources.refs(name);
                Box::pin(async move { refs.await.map(Now::Refs) })
            }
            Source::Object { bucket, key } => {
                let scope = scope.as_deref().unwrap_or_default();
                let scope = scope.split_once('/').unwrap_or_default();
                let object = self.sources.object(scope, (bucket, key));
                Box::pin(async move { object.await.map(Now::Revision) })
            }
        }
    }

    fn say(&mut self, place: Place, why: String) {
        if self.said.get(&place) != Some(&why) {
            eprintln!("a pipeline's source can't be watched: {why}");
            self.said.insert(place, why);
        }
    }

    /// Compares what a pipeline's sources have with what was seen, and tells it what is new.
    async fn compare(&mut self, one: &Living, now: &BTreeMap<Place, Now>) -> Result<(), Fault> {
        let Some(known) = self.known.get(&one.number.0) else { return Ok(()) };
        let is_crowded = |watch: &Watch| match now.get(&place(one, &watch.source)) {
            Some(Now::Refs(refs)) => watch.refs_wanted(refs) > REFS_MAX,
            _ => false,
        };
        if known.watches.iter().any(is_crowded) {
            let why = format!(
                "{}: its triggers let more than {REFS_MAX} branches and tags through",
                one.name
            );
            self.say(of_pipeline(one), why);
            return Ok(());
        }
        let found = |source: &Source| now.get(&place(one, source)).cloned();
        let (changes, news) = watch::compare(&known.watches, &known.seen, found);
        if changes.is_empty() {
            return Ok(());
        }
        let Some(news) = self.counting(news).await else { return Ok(()) };
        self.tell(one, &changes, &news).await
    }

    /// Tells a pipeline what is new. Of more pushes than it has room for it is told as many as
    /// there is room for; the others stay new.
    async fn tell(&mut self, one: &Living, all: &[Change], news: &[News]) -> Result<(), Fault> {
        let mut pushes = news.iter().filter(|news| news.pushed.is_some()).count();
        let least = usize::from(pushes == news.len());
        let (changes, told) = loop {
            let (changes, news) = watch::first(all, news, pushes);
            let starts = watch::starts(&news, || drawn(one.number))?;
            let signal = Signal::Seen { changes: changes.clone(), starts };
            match self.engine.signal::<Pipeline>(one.id, signal).await {
                Err(SignalError::Refused(Refusal::TooManyExecutions)) if pushes > least => {
                    pushes /= 2;
                }
                told => break (changes, told),
            }
        };
        match told {
            Ok(()) => {
                self.said.remove(&of_pipeline(one));
                self.keep(one.number, changes);
            }
            // The next round reads it again.
            Err(SignalError::Refused(Refusal::Stale)) => drop(self.known.remove(&one.number.0)),
            // The next round tries again, and has still the same to tell.
            Err(SignalError::Refused(why)) => {
                self.say(of_pipeline(one), format!("{}: {why}", one.name));
            }
            Err(SignalError::NotFound | SignalError::Closed) => {}
            Err(SignalError::Fault(fault)) => return Err(fault),
        }
        Ok(())
    }

    /// Those news whose files count; none if that can't be found out now.
    async fn counting(&mut self, news: Vec<News>) -> Option<Vec<News>> {
        let mut counting = Vec::new();
        for one in news {
            let changed = match &one.source {
                Source::Repository(name) if !one.files.is_empty() => {
                    self.sources.changed(name, one.before.as_deref(), &one.now).await
                }
                _ => Ok(Vec::new()),
            };
            match changed {
                Ok(changed) if one.counts(&changed) => counting.push(one),
                Ok(_) => {}
                Err(why) => {
                    self.say((None, one.source), why);
                    return None;
                }
            }
        }
        Some(counting)
    }

    fn keep(&mut self, number: Number, changes: Vec<Change>) {
        let Some(known) = self.known.get_mut(&number.0) else { return };
        for (key, _, now) in changes {
            match now {
                Some(now) => known.seen.insert(key, now),
                None => known.seen.remove(&key),
            };
        }
    }
}

/// Under what is remembered what was said of a pipeline itself; no repository is called so.
fn of_pipeline(one: &Living) -> Place {
    (Some(one.scope.clone()), Source::Repository(one.name.clone()))
}

/// Repositories are the same for everybody; a bucket may not be.
fn place(one: &Living, source: &Source) -> Place {
    let is_object = matches!(source, Source::Object { .. });
    (is_object.then(|| one.scope.clone()), source.clone())
}
