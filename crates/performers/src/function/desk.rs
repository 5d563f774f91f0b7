//! The desk of one worker: where an invocation is laid down, picked up by the process, and its answer handed in.
//!
//! ```text
//!            give                     take (GET next)                 answer (POST response | error)
//!   empty ──────────▶ waiting to be ──────────────────▶ being worked ─────────────────────────────▶ empty
//!                     picked up                         on
//! ```
//!
//! It knows the order of these steps and who waits for which. It must not know HTTP or processes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

/// An invocation on its way to a process.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) request_id: String,
    pub(super) trace_id: String,
    pub(super) payload: Bytes,
    pub(super) client_context: Option<String>,
    /// Told when the process picks it up: from then on its time runs.
    pub(super) picked_up: oneshot::Sender<()>,
    /// Where the answer goes.
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a process hands in for an invocation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The handler's result.
    Response(Bytes),
    /// The handler's error, as the runtime wrote it.
    Error(Bytes),
    /// The process could not get ready for the invocation that it was started for; it is of no use.
    InitError(Bytes),
}

/// What the process reads: the parts of an assignment that travel.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) request_id: String,
    pub(super) trace_id: String,
    pub(super) payload: Bytes,
    pub(super) client_context: Option<String>,
    pub(super) deadline: SystemTime,
}

/// The process did something out of turn; these become the errors of the Runtime API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum OutOfTurn {
    /// It asked for the next invocation before it answered the last.
    #[error("the current invocation has no answer yet")]
    StillWorking,
    /// It reported that it could not start after it had started.
    #[error("the process has started already")]
    AfterInit,
    /// It answered what it was not given, or answered twice.
    #[error("Invalid request ID")]
    UnknownRequest,
}

/// The meeting point of the pool and one process.
#[derive(Debug, Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    given: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: Option<Assignment>,
    working: Option<(String, oneshot::Sender<Answer>)>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment, so the state is whole even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays an invocation down. The pool gives one at a time.
    pub(super) fn give(&self, assignment: Assignment) {
        self.lock().waiting = Some(assignment);
        self.given.notify_one();
    }

    /// Waits for an invocation and picks it up. Giving up the wait loses nothing.
    pub(super) async fn take(&self, timeout: Duration) -> Result<Work, OutOfTurn> {
        loop {
            {
                let mut state = self.lock();
                if state.working.as_ref().is_some_and(|(_, answer)| !answer.is_closed()) {
                    return Err(OutOfTurn::StillWorking);
                }
                if let Some(assignment) = state.waiting.take() {
                    return Ok(state.pick_up(assignment, timeout));
                }
            }
            self.given.notified().await;
        }
    }

    /// Hands in the answer to an invocation.
    pub(super) fn answer(&self, request_id: &str, answer: Answer) -> Result<(), OutOfTurn> {
        let (_, receiver) = self
            .lock()
            .working
            .take_if(|(id, _)| id == request_id)
            .ok_or(OutOfTurn::UnknownRequest)?;
        // Nobody waits any more when the invocation timed out meanwhile; the process is being stopped then.
        let _ = receiver.send(answer);
        Ok(())
    }

    /// Answers the invocation that the process was started for, which it could not get ready for.
    pub(super) fn init_failed(&self, error: Bytes) -> Result<(), OutOfTurn> {
        let assignment = self.lock().waiting.take().ok_or(OutOfTurn::AfterInit)?;
        // Nobody waits any more when starting took too long.
        let _ = assignment.answer.send(Answer::InitError(error));
        Ok(())
    }
}

impl State {
    fn pick_up(&mut self, assignment: Assignment, timeout: Duration) -> Work {
        let Assignment { request_id, trace_id, payload, client_context, picked_up, answer } =
            assignment;
        // The pool keeps the other end until the invocation has ended.
        let _ = picked_up.send(());
        self.working = Some((request_id.clone(), answer));
        let deadline = SystemTime::now() + timeout;
        Work { request_id, trace_id, payload, client_context, deadline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(3);

    fn assignment(id: &str) -> (Assignment, oneshot::Receiver<()>, oneshot::Receiver<Answer>) {
        let (picked_up, was_picked_up) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let assignment = Assignment {
            request_id: id.into(),
            trace_id: "Root=1".into(),
            payload: Bytes::from_static(b"{}"),
            client_context: None,
            picked_up,
            answer,
        };
        (assignment, was_picked_up, answered)
    }

    #[tokio::test]
    async fn an_invocation_is_given_taken_and_answered() {
        let desk = Desk::default();
        let (first, picked_up, answered) = assignment("r1");
        let (work, ()) = tokio::join!(desk.take(TIMEOUT), async { desk.give(first) });
        assert_eq!(work.unwrap().request_id, "r1");
        picked_up.await.unwrap();
        desk.answer("r1", Answer::Response(Bytes::from_static(b"1"))).unwrap();
        assert_eq!(answered.await.unwrap(), Answer::Response(Bytes::from_static(b"1")));
    }

    #[tokio::test]
    async fn what_is_out_of_turn_is_refused() {
        let desk = Desk::default();
        let response = || Answer::Response(Bytes::new());
        assert_eq!(desk.answer("r1", response()), Err(OutOfTurn::UnknownRequest));
        let (first, _picked_up, _answered) = assignment("r1");
        desk.give(first);
        desk.take(TIMEOUT).await.unwrap();
        assert_eq!(desk.take(TIMEOUT).await.unwrap_err(), OutOfTurn::StillWorking);
        assert_eq!(desk.answer("other", response()), Err(OutOfTurn::UnknownRequest));
        desk.answer("r1", response()).unwrap();
        assert_eq!(desk.answer("r1", response()), Err(OutOfTurn::UnknownRequest));
        assert_eq!(desk.init_failed(Bytes::new()), Err(OutOfTurn::AfterInit));
    }

    #[tokio::test]
    async fn a_failed_start_answers_the_invocation_that_waits() {
        let desk = Desk::default();
        let (first, _picked_up, answered) = assignment("r1");
        desk.give(first);
        desk.init_failed(Bytes::from_static(b"why")).unwrap();
        assert_eq!(answered.await.unwrap(), Answer::InitError(Bytes::from_static(b"why")));
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_loses_nothing() {
        let desk = Desk::default();
        // Polled once, then dropped, as when the connection of a waiting process breaks.
        tokio::select! {
            biased;
            _ = desk.take(TIMEOUT) => unreachable!("nothing was given"),
            () = std::future::ready(()) => {}
        }
        let (first, _picked_up, _answered) = assignment("r1");
        desk.give(first);
        assert_eq!(desk.take(TIMEOUT).await.unwrap().request_id, "r1");
    }
}
