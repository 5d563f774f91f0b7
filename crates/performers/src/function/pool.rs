//! The warm processes of one function: who runs an invocation, who waits, who is let go.

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{AbortHandle, spawn_blocking};

use super::config::Function;
use super::desk::{Answer, Assignment, Desk};
use super::logs::{LogSink, Report};
use super::outcome::{self, Invocation, LogType, Outcome, Reply};
use super::process::{Alive, Process};
use super::runtime_api::{Facts, serve};
use super::tree::{Fingerprint, fingerprint};
use crate::random;

/// Lambda gives a process this long to get ready; a function with more time may use all of it.
const INIT_SECONDS: u64 = 10;
/// How often the files of a busy function are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The processes of one function.
pub(super) struct Pool {
    function: Function,
    facts: Arc<Facts>,
    sink: LogSink,
    /// One permit per process that may run; whoever waits for one is served in order.
    turns: Semaphore,
    /// Processes without work; the last used is the first to be used again.
    idle: Mutex<Vec<Worker>>,
    files: tokio::sync::Mutex<Files>,
    stopping: watch::Receiver<bool>,
    alive: Alive,
}

/// What the files looked like when they were last looked at.
#[derive(Debug, Default)]
struct Files {
    looked: Option<(Instant, Fingerprint)>,
    /// Counts the changes seen.
    generation: u64,
}

/// A process with its desk and its port.
struct Worker {
    process: Process,
    desk: Arc<Desk>,
    server: AbortHandle,
    generation: u64,
    /// It has answered before, so when it ends early that is no fault of the next invocation.
    warm: bool,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The names of one invocation.
struct Ids {
    request_id: String,
    trace_id: String,
}

/// How one worker fared with an invocation.
enum Attempt {
    Answered(Answer),
    TimedOut,
    Exited { status: ExitStatus, picked_up: bool },
    Stopped,
}

impl Pool {
    pub(super) fn new(
        function: Function,
        sink: LogSink,
        stopping: watch::Receiver<bool>,
        alive: Alive,
    ) -> Self {
        let facts = Facts { function_arn: function.arn.clone(), timeout: function.timeout };
        Self {
            turns: Semaphore::new(function.concurrency),
            facts: Arc::new(facts),
            function,
            sink,
            idle: Mutex::default(),
            files: tokio::sync::Mutex::default(),
            stopping,
            alive,
        }
    }

    /// Runs an invocation when its turn comes. A caller that goes away withdraws it while it waits for its turn; once
    /// it runs, it runs to its end, as on AWS.
    pub(super) async fn invoke(self: &Arc<Self>, mut invocation: Invocation) -> Outcome {
        if invocation.payload.is_empty() {
            // As Lambda does for a request without a body.
            invocation.payload = Bytes::from_static(b"{}");
        }
        // Forgotten here and given back below, because a permit that borrows cannot move into the task.
        match self.turns.acquire().await {
            Ok(turn) => turn.forget(),
            Err(_closed) => return Outcome::ShuttingDown,
        }
        let turn = Turn(self.clone());
        let run = tokio::spawn(async move { turn.0.run(invocation).await });
        match run.await {
            Ok(outcome) => outcome,
            Err(fault) if fault.is_panic() => std::panic::resume_unwind(fault.into_panic()),
            Err(_cancelled) => Outcome::ShuttingDown,
        }
    }

    async fn run(&self, invocation: Invocation) -> Outcome {
        let _alive = self.alive.enter();
        let ids = Ids::new();
        loop {
            if *self.stopping.borrow() {
                return Outcome::ShuttingDown;
            }
            let worker = match self.worker().await {
                Ok(worker) => worker,
                Err(error) => return self.not_started(&ids, &error),
            };
            let begun = Instant::now();
            worker.process.logs().begin(&ids.request_id);
            let attempt = self.attempt(&worker, &invocation, &ids).await;
            if matches!(attempt, Attempt::Exited { picked_up: false, .. }) && worker.warm {
                continue;
            }
            return self.conclude(worker, attempt, ids, begun, invocation.log_type).await;
        }
    }

    /// Gives the invocation to a worker and waits for whatever comes first.
    async fn attempt(&self, worker: &Worker, invocation: &Invocation, ids: &Ids) -> Attempt {
        let (picked_up, mut was_picked_up) = oneshot::channel();
        let (answer, mut answered) = oneshot::channel();
        worker.desk.give(Assignment {
            request_id: ids.request_id.clone(),
            trace_id: ids.trace_id.clone(),
            payload: invocation.payload.clone(),
            client_context: invocation.client_context.clone(),
            picked_up,
            answer,
        });
        let ready_within = self.function.timeout.max(Duration::from_secs(INIT_SECONDS));
        let mut limit = std::pin::pin!(tokio::time::sleep(ready_within));
        let mut stopping = self.stopping.clone();
        let mut picked_up = false;
        loop {
            tokio::select! {
                // In this order, because what comes first in it also happens first.
                biased;
                answer = &mut answered => return match answer {
                    Ok(answer) => Attempt::Answered(answer),
                    Err(_dropped) => Attempt::Stopped,
                },
                _ = &mut was_picked_up, if !picked_up => {
                    picked_up = true;
                    limit.as_mut().reset(tokio::time::Instant::now() + self.function.timeout);
                }
                status = worker.process.exited() => return Attempt::Exited { status, picked_up },
                () = &mut limit => return Attempt::TimedOut,
                _ = stopping.wait_for(|stopping| *stopping) => return Attempt::Stopped,
            }
        }
    }

    async fn conclude(
        &self,
        mut worker: Worker,
        attempt: Attempt,
        ids: Ids,
        begun: Instant,
        log_type: LogType,
    ) -> Outcome {
        let request_id = ids.request_id.as_str();
        let (ending, payload, keep): (fn(Reply) -> Outcome, _, _) = match attempt {
            Attempt::Answered(Answer::Response(payload)) => (Outcome::Success, payload, true),
            Attempt::Answered(Answer::Error(payload)) => (Outcome::FunctionError, payload, true),
            Attempt::Answered(Answer::InitError(payload)) => {
                (Outcome::FunctionError, payload, false)
            }
            Attempt::TimedOut => {
                let payload = outcome::timed_out(request_id, self.function.timeout);
                (Outcome::FunctionError, payload, false)
            }
            Attempt::Exited { status, .. } => {
                (Outcome::FunctionError, outcome::exited(request_id, status), false)
            }
            Attempt::Stopped => return Outcome::ShuttingDown,
        };
        let log_tail = match log_type {
            LogType::None => None,
            LogType::Tail => {
                let report = Report {
                    request_id,
                    duration: begun.elapsed(),
                    memory_mb: self.function.memory_mb,
                };
                Some(worker.process.logs().end(&report).await)
            }
        };
        if keep {
            worker.warm = true;
            self.put_back(worker).await;
        }
        ending(Reply { payload, request_id: ids.request_id, trace_id: ids.trace_id, log_tail })
    }

    fn not_started(&self, ids: &Ids, error: &io::Error) -> Outcome {
        let program = self.function.program().display().to_string();
        Outcome::FunctionError(Reply {
            payload: outcome::not_started(&ids.request_id, &program, error),
            request_id: ids.request_id.clone(),
            trace_id: ids.trace_id.clone(),
            log_tail: None,
        })
    }

    /// A warm worker, or a new one. Those that run old code are let go.
    async fn worker(&self) -> io::Result<Worker> {
        let generation = self.generation().await;
        {
            let mut idle = self.idle();
            idle.retain(|worker| worker.generation == generation && !worker.process.has_exited());
            if let Some(worker) = idle.pop() {
                return Ok(worker);
            }
        }
        self.start_worker(generation).await
    }

    async fn start_worker(&self, generation: u64) -> io::Result<Worker> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let desk = Arc::new(Desk::default());
        let process = Process::start(&self.function, port, self.sink.clone(), self.alive.enter())?;
        let server = tokio::spawn(serve(listener, desk.clone(), self.facts.clone()));
        let server = server.abort_handle();
        Ok(Worker { process, desk, server, generation, warm: false })
    }

    async fn put_back(&self, worker: Worker) {
        let mut idle = self.idle();
        // Under the lock, so that a shutdown that empties the pool comes either before this or after.
        if !*self.stopping.borrow() {
            idle.push(worker);
        }
    }

    /// Lets all waiting invocations and idle processes go.
    pub(super) fn stop(&self) {
        self.turns.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        // Pushes and pops leave the list whole, so a panic elsewhere does no harm to it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the changes of the function's files, looking at them now and then.
    async fn generation(&self) -> u64 {
        let mut files = self.files.lock().await;
        let before = match files.looked {
            Some((at, _)) if at.elapsed() < LOOK_EVERY => return files.generation,
            Some((_, before)) => Some(before),
            None => None,
        };
        let root = self.function.root.clone();
        // Only a panic or the end of the runtime spoils the look; then nothing is known to have changed.
        let now = spawn_blocking(move || fingerprint(&root)).await.ok().or(before);
        let now = now.unwrap_or_default();
        if before.is_some_and(|before| before != now) {
            files.generation += 1;
        }
        files.looked = Some((Instant::now(), now));
        files.generation
    }
}

/// The right to run one invocation; dropping it lets the next one run.
struct Turn(Arc<Pool>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns.add_permits(1);
    }
}

impl Ids {
    fn new() -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let root = random::bits() >> 32;
        let parent = random::bits() >> 64;
        Self {
            request_id: random::uuid(),
            trace_id: format!("Root=1-{seconds:08x}-{root:024x};Parent={parent:016x};Sampled=0"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_lambda() {
        let ids = Ids::new();
        let shape: String =
            ids.request_id.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert_eq!(ids.request_id.as_bytes()[14], b'4');
        assert!(matches!(ids.request_id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_eq!(ids.trace_id.len(), "Root=1-12345678-;Parent=;Sampled=0".len() + 24 + 16);
        assert_ne!(Ids::new().request_id, ids.request_id);
    }
}
