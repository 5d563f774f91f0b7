//! The task that owns a shard in production.
//!
//! ```text
//!   mailbox ─▶ turns ─▶ seal ─▶ store.commit ─▶ committed ─▶ replies, effects, letters
//!      ▲                          │ up to two batches on their way; the next is computed meanwhile
//!      └── performers, timers ────┘
//! ```
//!
//! An idle shard commits a lone request at once. A busy one gathers what arrives while its batches
//! are being synced: the batch grows with the load, no timer is involved.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use trackway_core::{EffectId, ExecutionId, Outcome};
use trackway_store::{BoxFuture, CommitError};

use crate::clock::Clock;
use crate::limits::{BATCHES_IN_FLIGHT_MAX, RECOVERY_EFFECTS_MAX};
use crate::shared::{Busy, Shared};
use crate::turn::panic_text;
use crate::{Action, Fault, Letter, Offer, Performed, Shard, Work, keys, records};

type Mail = mpsc::UnboundedReceiver<Letter>;

/// The error names of what the engine itself reports about an effect.
const RUNTIME_ERROR: &str = "States.Runtime";

pub(crate) struct Runner {
    shard: Shard,
    mail: Mail,
    shared: Arc<Shared>,
    commits: VecDeque<Commit>,
    /// Letters taken since the last seal: busy until their batch is done with.
    taken: i64,
    performing: HashMap<(ExecutionId, EffectId), AbortHandle>,
    /// Effects to perform again after a restart, paced.
    backlog: VecDeque<(ExecutionId, EffectId)>,
    /// Those of them that run now.
    recovering: usize,
}

struct Commit {
    number: u64,
    done: BoxFuture<'static, Result<(), CommitError>>,
    letters: i64,
}

impl Runner {
    pub(crate) fn new(shard: Shard, mail: Mail, shared: Arc<Shared>) -> Self {
        Self {
            shard,
            mail,
            shared,
            commits: VecDeque::new(),
            taken: 0,
            performing: HashMap::new(),
            backlog: VecDeque::new(),
            recovering: 0,
        }
    }

    /// Reads what awaits after a restart. The polled work is for the caller to offer, once it has
    /// that of all shards.
    pub(crate) async fn recover(&mut self) -> Result<Vec<Offer>, Fault> {
        let recovered = self.shard.recover(self.shared.time.now()).await?;
        for (to, effect) in recovered.letters {
            self.shared.send(to, Letter::Closed { to, effect, report: None });
        }
        for (id, effect) in recovered.reported {
            let performed = Performed::Reported;
            self.shared.send(id, Letter::Performed { id, effect, performed });
        }
        self.backlog = recovered.effects.into();
        self.publish();
        Ok(recovered.offers)
    }

    /// Runs until the engine stops.
    pub(crate) async fn run(mut self) {
        if let Err(fault) = self.work().await {
            self.shared.stop(fault);
        }
        self.performing.into_values().for_each(|handle| handle.abort());
    }

    async fn work(&mut self) -> Result<(), Fault> {
        let mut stop = self.shared.watch_stop();
        loop {
            self.feed_backlog().await?;
            self.gather().await?;
            self.submit().await?;
            self.publish();
            if self.shared.is_closing() && !self.shard.has_work() && self.commits.is_empty() {
                return Err(Fault::new("the engine was shut down"));
            }
            tokio::select! {
                biased;
                fault = stop.wait_for(Option::is_some) => {
                    return Err(fault.ok().and_then(|fault| fault.clone())
                        .unwrap_or_else(|| self.shared.fault()));
                }
                more = self.wait() => more?,
            }
        }
    }

    /// Takes what has arrived and what is due into the batch, as far as it has room.
    async fn gather(&mut self) -> Result<(), Fault> {
        let now = self.shared.time.now();
        while self.shard.has_room() {
            match self.mail.try_recv() {
                Ok(letter) => self.take(letter).await?,
                Err(_) => break,
            }
        }
        self.shard.fire(now).await?;
        self.act_at_once();
        Ok(())
    }

    async fn take(&mut self, letter: Letter) -> Result<(), Fault> {
        self.taken += 1;
        if let Letter::Reset { scope, reply } = letter {
            return self.reset(&scope, reply).await;
        }
        self.note(&letter);
        self.shard.take(letter, self.shared.time.now()).await?;
        self.act_at_once();
        Ok(())
    }

    /// Keeps the books of effects under way.
    fn note(&mut self, letter: &Letter) {
        if let Letter::Performed { id, effect, .. } = letter {
            let was_here = self.performing.remove(&(*id, *effect)).is_some();
            self.recovering -= usize::from(was_here && self.recovering > 0);
        }
    }

    fn act_at_once(&mut self) {
        // An action may bring about further ones by letter only, so one round is enough.
        self.shard.at_once().into_iter().for_each(|action| self.act(action));
    }

    /// Hands the batch to the store, unless enough are on their way.
    async fn submit(&mut self) -> Result<(), Fault> {
        if self.commits.len() >= BATCHES_IN_FLIGHT_MAX {
            return Ok(());
        }
        let Some((number, mut batch)) = self.shard.seal() else {
            self.shared.add_busy(-std::mem::take(&mut self.taken));
            return Ok(());
        };
        let letters = std::mem::take(&mut self.taken);
        if batch.is_empty() && self.commits.is_empty() {
            self.done(number, letters);
            return Ok(());
        }
        if self.shared.time.mode() != Clock::Real && !batch.is_empty() {
            batch.put(keys::meta("clock"), records::time(self.shared.time.now()));
        }
        // Counted as busy, so that a clock doesn't skip while timers' turns are being committed.
        self.shared.add_busy(1);
        self.shared.store.ready().await?;
        let done = self.shared.store.commit(batch);
        self.commits.push_back(Commit { number, done, letters: letters + 1 });
        Ok(())
    }

    fn done(&mut self, number: u64, letters: i64) {
        let actions = self.shard.committed(number, self.shared.time.now());
        actions.into_iter().for_each(|action| self.act(action));
        self.publish();
        self.shared.add_busy(-letters);
    }

    /// Waits for whatever happens next.
    async fn wait(&mut self) -> Result<(), Fault> {
        let sleep = self.sleep();
        let has_room = self.shard.has_room();
        if self.commits.is_empty() && self.mail.is_empty() {
            self.shared.skip();
        }
        tokio::select! {
            biased;
            result = front(&mut self.commits) => {
                let (number, letters) = result?;
                self.done(number, letters);
            }
            letter = self.mail.recv(), if has_room => match letter {
                Some(letter) => self.take(letter).await?,
                None => return Err(Fault::new("nobody can reach the engine any more")),
            },
            () = tokio::time::sleep(sleep), if has_room => {}
        }
        Ok(())
    }

    /// How long until a timer is due.
    fn sleep(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3600);
        if self.shared.time.mode() == Clock::Manual && self.next_due_ms() > 0 {
            return LONGEST;
        }
        Duration::from_millis(self.next_due_ms()).min(LONGEST)
    }

    fn next_due_ms(&self) -> u64 {
        let now = self.shared.time.now();
        let ahead = self.shard.next_due().map_or(i64::MAX, |due| (due - now).max(0));
        ahead.cast_unsigned()
    }

    fn publish(&self) {
        let board = &self.shared.boards[usize::from(self.shard.number())];
        let figures = self.shard.figures();
        let due = self.shard.next_due().map_or(i64::MAX, |due| due.0);
        let awaits_world = self.shard.awaits_world();
        board.live.store(self.shard.live_len() as u64, Ordering::Relaxed);
        board.timers.store(self.shard.timers_len() as u64, Ordering::Relaxed);
        board.turns.store(figures.turns, Ordering::Relaxed);
        board.batches.store(figures.batches, Ordering::Relaxed);
        board.folds.store(figures.folds, Ordering::Relaxed);
        board.parked.store(figures.parked, Ordering::Relaxed);
        board.awaits_world.store(awaits_world, Ordering::SeqCst);
        board.next_due.store(due, Ordering::SeqCst);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Perform(work) => self.perform(work),
            Action::Offer(offer) => self.shared.queues.offer(offer),
            Action::Withdraw { queue, execution, effect } => {
                self.shared.queues.withdraw(&queue, execution, effect);
            }
            Action::Cancel { queue, execution, effect } => {
                if let Some(performer) = self.shared.performer(&queue) {
                    performer.cancel(execution, effect);
                }
                if let Some(handle) = self.performing.remove(&(execution, effect)) {
                    self.recovering = self.recovering.saturating_sub(1);
                    handle.abort();
                }
            }
            Action::Deliver { to, letter } => self.shared.send(to, letter),
            Action::Reply(reply) => reply.send(),
            Action::Problem(problem) => self.shared.problem(&problem),
        }
    }

    fn perform(&mut self, work: Work) {
        let (id, effect) = (work.execution, work.effect);
        let Some(performer) = self.shared.performer(&work.queue) else {
            let name = work.queue.split('/').next().unwrap_or(&work.queue);
            let cause = format!("no performer is registered for the queue {name}");
            self.shared.problem(&cause);
            let outcome = Outcome::Failed { error: RUNTIME_ERROR.to_owned(), cause };
            let performed = Performed::Finished(outcome);
            return self.shared.send(id, Letter::Performed { id, effect, performed });
        };
        let (performer, shared) = (performer.clone(), self.shared.clone());
        let busy = Busy::new(&shared);
        let task = tokio::spawn(async move {
            let performed = calmly(|| performer.perform(work)).await;
            shared.send(id, Letter::Performed { id, effect, performed });
            drop(busy);
        });
        self.performing.insert((id, effect), task.abort_handle());
    }

    /// Performs effects again that a restart found, so many at a time.
    async fn feed_backlog(&mut self) -> Result<(), Fault> {
        while self.recovering < RECOVERY_EFFECTS_MAX
            && let Some((id, effect)) = self.backlog.pop_front()
        {
            if let Some(work) = self.shard.work(id, effect).await?
                && !self.performing.contains_key(&(id, effect))
            {
                self.recovering += 1;
                self.perform(work);
            }
        }
        Ok(())
    }

    /// Empties a scope, once everything before is durable.
    async fn reset(&mut self, scope: &str, reply: oneshot::Sender<usize>) -> Result<(), Fault> {
        self.flush().await?;
        let dropped = self.shard.reset(scope).await?;
        self.act_at_once();
        self.flush().await?;
        // Whoever asked may have gone away.
        reply.send(dropped).ok();
        Ok(())
    }

    /// Commits everything there is.
    async fn flush(&mut self) -> Result<(), Fault> {
        loop {
            while !self.commits.is_empty() {
                let (number, letters) = front(&mut self.commits).await?;
                self.done(number, letters);
            }
            if !self.shard.has_work() {
                return Ok(());
            }
            self.submit().await?;
        }
    }
}

/// Waits for the oldest batch. For ever, if none is on its way.
async fn front(commits: &mut VecDeque<Commit>) -> Result<(u64, i64), Fault> {
    let result = poll_fn(|context| match commits.front_mut() {
        Some(commit) => commit.done.as_mut().poll(context),
        None => Poll::Pending,
    })
    .await;
    match (result, commits.pop_front()) {
        (Ok(()), Some(commit)) => Ok((commit.number, commit.letters)),
        (Ok(()), None) => Err(Fault::new("a batch was acknowledged that nobody sent")),
        (Err(error), _) => Err(Fault::new(format!("a commit failed: {error}"))),
    }
}

/// Performs work; a panic in it is a failed outcome.
async fn calmly(perform: impl FnOnce() -> BoxFuture<'static, Performed>) -> Performed {
    let mut future = match catch_unwind(AssertUnwindSafe(perform)) {
        Ok(future) => future,
        Err(panic) => return panicked(panic_text(panic.as_ref())),
    };
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll,
        Err(panic) => Poll::Ready(panicked(panic_text(panic.as_ref()))),
    })
    .await
}

fn panicked(text: String) -> Performed {
    let cause = format!("the performer panicked: {text}");
    Performed::Finished(Outcome::Failed { error: RUNTIME_ERROR.to_owned(), cause })
}
