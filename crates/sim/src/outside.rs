//! The world outside the process: callers and workers. It survives every crash.

use tokio::sync::oneshot;
use trackway_core::{EffectId, ExecutionId};
use trackway_engine::{
    Letter, Performed, SignalError, StartError, StartReply, StartRequest, Started,
};

use crate::Act;

/// How often a caller tries again, and how many milliseconds apart.
const TRIES_MAX: u32 = 200;
pub(crate) const RETRY_MS: i64 = 10;

/// Something that a caller wants, until it is answered.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) wants: Wants,
    pub(crate) tries: u32,
}

#[derive(Clone)]
pub(crate) enum Wants {
    Start(Box<StartRequest>),
    /// Acts in their order: each once the one before was taken.
    Acts(Vec<(i64, Act)>),
}

/// What came of a try.
pub(crate) enum Answer {
    /// Done; with these acts to do next, so many milliseconds later.
    Done(Option<(i64, Wish)>),
    /// Try again.
    Again(Wish),
    /// It was refused too often.
    GivenUp,
}

/// Somebody who waits for the process to answer.
pub(crate) enum Waiting {
    Started(oneshot::Receiver<Result<Started, StartError>>, Wish),
    Signaled(oneshot::Receiver<Result<(), SignalError<trackway_engine::Opaque>>>, Wish),
    /// A performer inside the process: what it reports once its child has started.
    Child(oneshot::Receiver<Result<Started, StartError>>, ExecutionId, EffectId, Performed),
}

impl Wish {
    pub(crate) fn new(wants: Wants) -> Self {
        Self { wants, tries: 0 }
    }

    /// The letter that asks for it, and who waits then.
    pub(crate) fn ask(self) -> Option<(ExecutionId, Letter, Waiting)> {
        match &self.wants {
            Wants::Start(request) => {
                let (reply, answer) = oneshot::channel();
                let id = ExecutionId::of(&request.start.arn);
                let (request, reply) = (request.clone(), StartReply::Started(reply));
                Some((id, Letter::Start { id, request, reply }, Waiting::Started(answer, self)))
            }
            Wants::Acts(acts) => {
                let (_, act) = acts.first()?;
                let (reply, answer) = oneshot::channel();
                let (id, machine) = (act.execution, act.machine);
                let letter = Letter::Signal { id, machine, signal: (act.signal)(), reply };
                Some((id, letter, Waiting::Signaled(answer, self)))
            }
        }
    }

    fn again(mut self) -> Answer {
        self.tries += 1;
        if self.tries < TRIES_MAX { Answer::Again(self) } else { Answer::GivenUp }
    }

    fn next(self) -> Answer {
        let Wants::Acts(mut acts) = self.wants else { return Answer::Done(None) };
        acts.remove(0);
        let delay = acts.first().map(|(delay, _)| *delay);
        Answer::Done(delay.map(|delay| (delay, Self::new(Wants::Acts(acts)))))
    }
}

/// What a start's answer means to its caller. `None` is a connection that broke.
pub(crate) fn started(wish: Wish, answer: Option<Result<Started, StartError>>) -> Answer {
    match answer {
        Some(Ok(_)) => Answer::Done(None),
        Some(Err(_)) | None => wish.again(),
    }
}

/// What a signal's answer means to its caller.
pub(crate) fn signaled<R>(wish: Wish, answer: Option<Result<(), SignalError<R>>>) -> Answer {
    match answer {
        Some(Ok(())) => wish.next(),
        // Also when it was taken, and the answer was lost with the process.
        Some(Err(SignalError::Closed)) => Answer::Done(None),
        Some(Err(SignalError::Refused(_))) if wish.tries >= 20 => wish.next(),
        Some(Err(_)) | None => wish.again(),
    }
}
