//! One run: shards, store, clock and everything around them, one event at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use trackway_core::{EffectId, ExecutionId, ReplyTo, Timestamp};
use trackway_engine::{
    Action, Builder, Catalog, Letter, Performed, Reader, Recovered, Shard, ShardPlace, StartReply,
    StartRequest, Tokens, Work,
};
use trackway_store::{Batch, Memory, Store};

use crate::fate::Turn;
use crate::jobs::{Asked, Gate, Job, Jobs, Step};
use crate::outside::{Answer, RETRY_MS, Waiting, Wants, Wish, signaled, started};
use crate::{Act, Dice, Does, Fate, Scenario, Seen};

const SHARDS: u16 = 2;
/// When the requests of the recorded cases were noted: moments in them lie around it.
const BEGIN_US: i64 = 1_795_239_000_000_000;
/// A run that takes more events than this doesn't end.
const EVENTS_MAX: u64 = 2_000_000;
/// A random run dies at most so often.
const CRASHES_MAX: u64 = 12;

/// Polls a future that never waits.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a memory store answers at once"),
    }
}

/// What happens next, somewhere.
enum Event {
    /// A letter reaches its shard.
    Letter(u16, Letter),
    /// A shard hands its batch to the store.
    Seal(u16),
    /// The store applies the oldest batch under way.
    Commit,
    /// A performer has done with its work.
    Perform(Work),
    /// A caller tries.
    Wish(Wish),
    /// A user does the deed with this number.
    Deed(usize),
}

/// A batch under way.
enum Flight {
    /// Of a shard's turns.
    Turns { shard: u16, number: u64, batch: Batch },
    /// Of a job, by its number.
    Job(u64, Asked),
}

/// How often things happened that a fate can hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) commits: u64,
    pub(crate) results: u64,
    pub(crate) letters: u64,
    pub(crate) crashes: u64,
}

pub(crate) struct World<'s> {
    scenario: &'s dyn Scenario,
    builder: Builder,
    pub(crate) store: Memory,
    reader: Reader,
    /// As jobs see it.
    catalog: Catalog,
    gate: Gate,
    jobs: Jobs,
    shards: Vec<Shard>,
    now_us: i64,
    /// By time, and for the same time by a random number.
    agenda: BTreeMap<(i64, u64), Event>,
    flights: std::collections::VecDeque<Flight>,
    sealing: BTreeSet<u16>,
    waiting: Vec<Waiting>,
    /// Work that was reported, by this process.
    reported: BTreeMap<(ExecutionId, EffectId), Work>,
    dice: Dice,
    fate: Fate,
    pub(crate) counts: Counts,
    /// Every effect that was performed or offered.
    pub(crate) performed: BTreeSet<(ExecutionId, EffectId)>,
    /// Every execution whose start was confirmed to a caller.
    pub(crate) confirmed: BTreeSet<ExecutionId>,
    pub(crate) problems: Vec<String>,
}

impl<'s> World<'s> {
    pub(crate) fn new(scenario: &'s dyn Scenario, builder: Builder, fate: Fate) -> Self {
        let seed = if let Fate::Random(seed) = fate { seed } else { 0 };
        let store = Memory::new();
        let gate = Gate::new(store.clone());
        let mut world = Self {
            scenario,
            catalog: builder.catalog(Arc::new(gate.clone()), SHARDS),
            gate,
            jobs: Jobs::default(),
            builder,
            reader: Reader::new(Arc::new(store.clone())),
            store,
            shards: Vec::new(),
            now_us: BEGIN_US,
            agenda: BTreeMap::new(),
            flights: std::collections::VecDeque::new(),
            sealing: BTreeSet::new(),
            waiting: Vec::new(),
            reported: BTreeMap::new(),
            dice: Dice::new(seed),
            fate,
            counts: Counts::default(),
            performed: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            problems: Vec::new(),
        };
        for (delay, request) in scenario.starts() {
            let wish = Wish::new(Wants::Start(Box::new(request)));
            world.later(delay * 1000, Event::Wish(wish));
        }
        for (delay, act) in scenario.signals() {
            let wish = Wish::new(Wants::Acts(vec![(delay, act)]));
            world.later(delay * 1000, Event::Wish(wish));
        }
        for (number, (delay, _)) in scenario.deeds().iter().enumerate() {
            world.later(delay * 1000, Event::Deed(number));
        }
        if let Err(fault) = scenario.furnish(&world.after()) {
            world.problem(format!("could not be furnished: {fault}"));
        }
        world.boot();
        world
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.now_us / 1000)
    }

    fn seen(&self) -> Seen<'_> {
        Seen { reader: &self.reader, catalog: self.catalog.clone(), now: self.now() }
    }

    /// The same before anything happens, or when all has: commits wait for nobody.
    pub(crate) fn after(&self) -> Seen<'_> {
        let catalog = self.builder.catalog(Arc::new(self.store.clone()), SHARDS);
        Seen { reader: &self.reader, catalog, now: self.now() }
    }

    fn later(&mut self, delay_us: i64, event: Event) {
        let tie = self.dice.roll();
        self.agenda.insert((self.now_us + delay_us, tie), event);
    }

    fn soon(&mut self, at_most_us: u64, event: Event) {
        let delay = 1 + self.dice.below(at_most_us).cast_signed();
        self.later(delay, event);
    }

    /// A process starts over the store as it is.
    fn boot(&mut self) {
        let store: Arc<dyn Store> = Arc::new(self.store.clone());
        let tokens = Tokens::new([7; 32]);
        self.shards.clear();
        for number in 0..SHARDS {
            let place = ShardPlace { number, shards: SHARDS, tokens: tokens.clone() };
            let chance = Box::new(Dice::new(self.dice.roll()));
            self.shards.push(self.builder.shard(store.clone(), place, chance));
        }
        for number in 0..SHARDS {
            let now = self.now();
            match at_once(self.shards[usize::from(number)].recover(now)) {
                Ok(recovered) => self.recovered(number, recovered),
                Err(fault) => self.problem(format!("could not recover: {fault}")),
            }
        }
    }

    fn recovered(&mut self, number: u16, recovered: Recovered) {
        for (to, effect) in recovered.letters {
            self.soon(300, Event::Letter(number, Letter::Closed { to, effect, report: None }));
        }
        for (id, effect) in recovered.reported {
            self.post(id, Letter::Performed { id, effect, performed: Performed::Reported });
        }
        for (id, effect) in recovered.effects {
            match at_once(self.shards[usize::from(number)].work(id, effect)) {
                Ok(Some(work)) => self.act(Action::Perform(work)),
                Ok(None) => {}
                Err(fault) => self.problem(format!("could not read work: {fault}")),
            }
        }
        for offer in recovered.offers {
            self.act(Action::Offer(offer));
        }
    }

    /// The process dies: whatever it had in memory or under way is gone. The world outside is not.
    fn crash(&mut self) {
        self.counts.crashes += 1;
        self.flights.clear();
        self.sealing.clear();
        self.reported.clear();
        self.agenda.retain(|_, event| matches!(event, Event::Wish(_) | Event::Deed(_)));
        for number in self.jobs.die() {
            self.later(RETRY_MS * 1000, Event::Deed(number));
        }
        for shard in std::mem::take(&mut self.shards) {
            drop(shard);
        }
        self.answer();
        self.now_us += 1000;
        self.boot();
    }

    pub(crate) fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Runs until nothing can happen any more.
    pub(crate) fn run(&mut self) {
        for _ in 0..EVENTS_MAX {
            if !self.problems.is_empty() {
                return;
            }
            let event = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let due = self.shards.iter().filter_map(Shard::next_due).min();
            let due = due.map(|due| due.0.saturating_mul(1000));
            match (event, due) {
                (None, None) => return,
                (event, Some(due)) if event.is_none_or(|event| due <= event) => self.fire(due),
                _ => self.step(),
            }
        }
        self.problem("the run does not end");
    }

    fn fire(&mut self, due_us: i64) {
        self.now_us = self.now_us.max(due_us);
        let now = self.now();
        for number in 0..SHARDS {
            if let Err(fault) = at_once(self.shards[usize::from(number)].fire(now)) {
                self.problem(format!("could not fire timers: {fault}"));
            }
            self.after_turns(number);
        }
    }

    fn step(&mut self) {
        let Some(((at, _), event)) = self.agenda.pop_first() else { return };
        self.now_us = self.now_us.max(at);
        match event {
            Event::Letter(shard, letter) => self.deliver(shard, letter),
            Event::Seal(shard) => self.seal(shard),
            Event::Commit => self.commit(),
            Event::Perform(work) => self.perform(work),
            Event::Deed(number) => self.deed(number),
            Event::Wish(wish) => {
                if let Some((id, letter, waiting)) = wish.ask() {
                    self.waiting.push(waiting);
                    self.post(id, letter);
                }
            }
        }
    }

    fn post(&mut self, to: ExecutionId, letter: Letter) {
        let shard = to.shard(u32::from(SHARDS)) as u16;
        self.soon(300, Event::Letter(shard, letter));
    }

    fn deliver(&mut self, shard: u16, letter: Letter) {
        let again = copy(&letter);
        let turn = match &letter {
            Letter::Performed { .. } => self.at_result(),
            Letter::Closed { .. } => self.at_letter(),
            _ => Turn::GoOn,
        };
        match turn {
            Turn::CrashBefore | Turn::CrashAfter => return self.crash(),
            Turn::Repeat => {
                if let Letter::Performed { id, effect, performed: Performed::Reported } = letter
                    && let Some(work) = self.reported.get(&(id, effect)).cloned()
                {
                    // Whoever reports may do so twice, too: before the turn that takes it is durable,
                    // or after.
                    let within = if self.dice.once_in(2) { 300 } else { 5000 };
                    self.soon(within, Event::Perform(work));
                }
                if let Some(again) = again {
                    self.soon(5000, Event::Letter(shard, again));
                }
            }
            Turn::GoOn => {}
        }
        let now = self.now();
        if let Err(fault) = at_once(self.shards[usize::from(shard)].take(letter, now)) {
            self.problem(format!("could not take a letter: {fault}"));
        }
        self.after_turns(shard);
    }

    fn after_turns(&mut self, number: u16) {
        for action in self.shards[usize::from(number)].at_once() {
            self.act(action);
        }
        self.answer();
        if self.shards[usize::from(number)].has_work() && self.sealing.insert(number) {
            self.soon(400, Event::Seal(number));
        }
    }

    fn seal(&mut self, shard: u16) {
        self.sealing.remove(&shard);
        if self.shards[usize::from(shard)].in_flight() >= 2 {
            self.sealing.insert(shard);
            return self.soon(400, Event::Seal(shard));
        }
        if let Some((number, batch)) = self.shards[usize::from(shard)].seal() {
            self.submit(Flight::Turns { shard, number, batch });
        }
    }

    fn submit(&mut self, flight: Flight) {
        self.flights.push_back(flight);
        self.soon(900, Event::Commit);
    }

    fn commit(&mut self) {
        // Batches become durable in the order in which they were handed over.
        match self.flights.pop_front() {
            Some(Flight::Turns { shard, number, batch }) => self.commit_turns(shard, number, batch),
            Some(Flight::Job(job, asked)) => self.commit_job(job, asked),
            None => {}
        }
    }

    fn commit_job(&mut self, job: u64, Asked { batch, reply }: Asked) {
        let turn = self.at_commit();
        if turn == Turn::CrashBefore {
            return self.crash();
        }
        let result = at_once(self.store.commit(batch));
        if turn == Turn::CrashAfter {
            return self.crash();
        }
        // Who asked may have gone on without.
        let _is_heard = reply.send(result);
        self.go_on(job);
    }

    fn go_on(&mut self, job: u64) {
        match self.jobs.go_on(job, &self.gate) {
            Step::Asks(asked) => {
                asked.into_iter().for_each(|asked| self.submit(Flight::Job(job, asked)));
            }
            Step::Performed(work, performed) => {
                let (id, effect) = (work.execution, work.effect);
                if matches!(performed, Performed::Reported) {
                    self.reported.insert((id, effect), work);
                }
                self.post(id, Letter::Performed { id, effect, performed });
            }
            Step::Deed(Err(fault)) => self.problem(format!("a user met a fault: {fault}")),
            Step::Stuck => self.problem("a job waits for nothing that could happen"),
            Step::Deed(Ok(())) | Step::Gone => {}
        }
    }

    fn deed(&mut self, number: usize) {
        let deeds = self.scenario.deeds();
        let Some((_, deed)) = deeds.get(number) else { return };
        let running = deed(&self.seen());
        let job = self.jobs.begin(Job::Deed(number, running));
        self.go_on(job);
    }

    fn commit_turns(&mut self, shard: u16, number: u64, batch: Batch) {
        let turn = if batch.is_empty() { Turn::GoOn } else { self.at_commit() };
        if turn == Turn::CrashBefore {
            return self.crash();
        }
        if let Err(error) = at_once(self.store.commit(batch)) {
            self.problem(format!("a commit failed: {error}"));
        }
        if turn == Turn::CrashAfter {
            return self.crash();
        }
        let now = self.now();
        for action in self.shards[usize::from(shard)].committed(number, now) {
            self.act(action);
        }
        self.answer();
    }

    fn act(&mut self, action: Action) {
        self.check_durable(&action);
        match action {
            Action::Perform(work) => {
                self.performed.insert((work.execution, work.effect));
                let reaction = self.scenario.perform(&work, &self.seen());
                if !matches!(reaction.does, Does::Never) {
                    self.later(reaction.delay * 1000, Event::Perform(work));
                }
            }
            Action::Offer(offer) => {
                self.performed.insert((offer.execution, offer.effect));
                let acts = self.scenario.polled(&offer, &self.seen());
                self.wish(acts);
            }
            Action::Deliver { to, letter } => self.post(to, letter),
            Action::Reply(reply) => reply.send(),
            Action::Problem(problem) => self.problem(problem),
            Action::Withdraw { .. } | Action::Cancel { .. } => {}
        }
    }

    /// Somebody outside does this, step by step.
    fn wish(&mut self, acts: Vec<(i64, Act)>) {
        if let Some((delay, _)) = acts.first() {
            let delay = *delay;
            self.later(delay * 1000, Event::Wish(Wish::new(Wants::Acts(acts))));
        }
    }

    /// Nothing is set free before its rows are durable.
    fn check_durable(&mut self, action: &Action) {
        let (family, id, effect) = match action {
            Action::Perform(Work { execution, effect, .. }) => (b'o', *execution, *effect),
            Action::Offer(offer) => (b'o', offer.execution, offer.effect),
            Action::Deliver { to, letter: Letter::Closed { effect, .. } } => (b'i', *to, *effect),
            _ => return,
        };
        let shard = (id.shard(u32::from(SHARDS)) as u16).to_be_bytes();
        let key = [&[family][..], &shard, &id.0, &effect.0.to_be_bytes()].concat();
        let record = [&b"e"[..], &id.0].concat();
        let is_there =
            |key: &[u8]| matches!(at_once(self.store.get(key)), Ok(found) if found.is_some());
        // A volatile execution has no rows: neither has its effect.
        let volatile = !is_there(&record) && self.is_volatile(id);
        if !volatile && !is_there(&key) {
            self.problem(format!("effect {} of {id} left before its commit", effect.0));
        }
    }

    fn is_volatile(&self, id: ExecutionId) -> bool {
        let starts = self.scenario.starts();
        starts.iter().any(|(_, request)| {
            ExecutionId::of(&request.start.arn) == id
                && request.durability == trackway_engine::Durability::Volatile
        })
    }

    fn perform(&mut self, work: Work) {
        let (id, effect) = (work.execution, work.effect);
        let reply_to = ReplyTo { execution: id, effect };
        let performed = match self.scenario.perform(&work, &self.seen()).does {
            Does::Finish(outcome) => Performed::Finished(outcome),
            Does::FinishThen(outcome, acts) => {
                self.wish(acts);
                Performed::Finished(outcome)
            }
            Does::Run(running) => {
                let job = self.jobs.begin(Job::Work(work, running));
                return self.go_on(job);
            }
            Does::Start(child) => {
                return self.start_child(*child, reply_to, Performed::Elsewhere);
            }
            Does::StartAndAnswer(child, outcome) => {
                return self.start_child(*child, reply_to, Performed::Finished(outcome));
            }
            Does::Never => return,
        };
        self.post(id, Letter::Performed { id, effect, performed });
    }

    fn start_child(&mut self, child: StartRequest, reply_to: ReplyTo, then: Performed) {
        let (reply, answer) = oneshot::channel();
        // A scenario may name another effect that hears of the child's end.
        let hears = child.reply_to.unwrap_or(reply_to);
        let request = Box::new(StartRequest { reply_to: Some(hears), ..child });
        let id = ExecutionId::of(&request.start.arn);
        self.waiting.push(Waiting::Child(answer, reply_to.execution, reply_to.effect, then));
        self.post(id, Letter::Start { id, request, reply: StartReply::Started(reply) });
    }

    /// Everyone who waits looks whether there is an answer.
    fn answer(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Started(mut answer, wish) => match answer.try_recv() {
                    Err(TryRecvError::Empty) => self.waiting.push(Waiting::Started(answer, wish)),
                    result => {
                        let result = result.ok();
                        if let (Some(Ok(_)), Wants::Start(request)) = (&result, &wish.wants) {
                            self.confirmed.insert(ExecutionId::of(&request.start.arn));
                        }
                        self.follow(started(wish, result));
                    }
                },
                Waiting::Signaled(mut answer, wish) => match answer.try_recv() {
                    Err(TryRecvError::Empty) => self.waiting.push(Waiting::Signaled(answer, wish)),
                    result => self.follow(signaled(wish, result.ok())),
                },
                Waiting::Child(mut answer, id, effect, then) => match answer.try_recv() {
                    Err(TryRecvError::Empty) => {
                        self.waiting.push(Waiting::Child(answer, id, effect, then));
                    }
                    Ok(Ok(_)) => {
                        self.post(id, Letter::Performed { id, effect, performed: then });
                    }
                    Ok(Err(error)) => self.problem(format!("a child did not start: {error}")),
                    // It died with its process.
                    Err(TryRecvError::Closed) => {}
                },
            }
        }
    }

    fn follow(&mut self, answer: Answer) {
        match answer {
            Answer::Done(None) => {}
            Answer::Done(Some((delay, wish))) => self.later(delay * 1000, Event::Wish(wish)),
            Answer::Again(wish) => self.later(RETRY_MS * 1000, Event::Wish(wish)),
            Answer::GivenUp => self.problem("a caller gave up"),
        }
    }

    fn at_commit(&mut self) -> Turn {
        let number = self.counts.commits;
        self.counts.commits += 1;
        match self.fate {
            Fate::CrashBefore(at) if at == number => Turn::CrashBefore,
            Fate::CrashAfter(at) if at == number => Turn::CrashAfter,
            Fate::Random(_) if self.dies() && self.dice.once_in(6) => {
                if self.dice.once_in(2) {
                    Turn::CrashBefore
                } else {
                    Turn::CrashAfter
                }
            }
            _ => Turn::GoOn,
        }
    }

    fn at_result(&mut self) -> Turn {
        let number = self.counts.results;
        self.counts.results += 1;
        match self.fate {
            Fate::LoseResult(at) if at == number => Turn::CrashBefore,
            Fate::RepeatResult(at) if at == number => Turn::Repeat,
            Fate::Random(_) => self.at_random(),
            _ => Turn::GoOn,
        }
    }

    fn at_letter(&mut self) -> Turn {
        let number = self.counts.letters;
        self.counts.letters += 1;
        match self.fate {
            Fate::LoseLetter(at) if at == number => Turn::CrashBefore,
            Fate::RepeatLetter(at) if at == number => Turn::Repeat,
            Fate::Random(_) => self.at_random(),
            _ => Turn::GoOn,
        }
    }

    fn at_random(&mut self) -> Turn {
        if self.dies() && self.dice.once_in(10) {
            Turn::CrashBefore
        } else if self.dice.once_in(5) {
            Turn::Repeat
        } else {
            Turn::GoOn
        }
    }

    fn dies(&self) -> bool {
        self.counts.crashes < CRASHES_MAX
    }

    /// What must hold of the process itself once nothing can happen any more.
    pub(crate) fn check_quiet(&mut self) {
        let busy = self.shards.iter().any(|shard| shard.has_work() || shard.in_flight() > 0);
        if busy || !self.waiting.is_empty() {
            self.problem("the run ended while somebody waits");
        }
    }
}

/// The letter once more, if it is one that may come twice.
fn copy(letter: &Letter) -> Option<Letter> {
    match letter {
        Letter::Performed { id, effect, performed } => {
            let performed = performed.clone();
            Some(Letter::Performed { id: *id, effect: *effect, performed })
        }
        Letter::Closed { to, effect, report } => {
            Some(Letter::Closed { to: *to, effect: *effect, report: report.clone() })
        }
        _ => None,
    }
}
