//! Who carries out effects.

use std::sync::Arc;

use trackway_core::{EffectId, ExecutionId, Outcome, Payload};
use trackway_store::BoxFuture;

/// One effect to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The execution that wants it.
    pub execution: ExecutionId,
    /// The effect of it. With the execution, a key that makes the work count once elsewhere.
    pub effect: EffectId,
    /// The queue it was sent to, in full (`child`, `activity/ARN`).
    pub queue: String,
    /// What to do, in the performer's encoding.
    pub request: Payload,
    /// Whose work it is: the scope of its execution. Empty for polled work of a volatile one.
    pub scope: Arc<str>,
    /// 1 when it is handed out for the first time by this process, more after a restart.
    pub attempt: u32,
}

/// What a performer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Performed {
    /// The machine hears the outcome. If a child was started with `reply_to` this effect, and the
    /// machine holds the effect in answer, it hears of the child's end too: always after this.
    Finished(Outcome),
    /// The outcome comes by letter only: a child was started with `reply_to` this effect. After a
    /// restart the effect is performed again, and is to find that child by its ARN.
    Elsewhere,
    /// The outcome is durable already, together with a change of the catalog: what
    /// [`Catalog::report`](crate::Catalog::report) answered.
    Reported,
}

/// Carries out the effects of one queue.
///
/// An effect is performed at least once: again after a restart that lost its outcome. What it
/// changes in the catalog happens once, if it is reported with it: see
/// [`Catalog::report`](crate::Catalog::report). For all else an implementor makes repeats harmless
/// by the key (execution, effect), as far as the world lets it.
/// The future runs on the engine's tokio runtime; it is dropped when the machine cancels the effect.
pub trait Performer: Send + Sync {
    /// Performs the work. Failure of the work is an [`Outcome::Failed`], never a panic; a panic is
    /// turned into a failed outcome.
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed>;

    /// Hears that nobody waits for this effect any more, just before its future is dropped; also of
    /// an effect that was held. It may not hear, if the process ends first.
    fn cancel(&self, _execution: ExecutionId, _effect: EffectId) {}
}
