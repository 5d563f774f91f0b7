//! Performs the queue `audit-notify`: tells a topic that an audit has ended.

use std::pin::Pin;
use std::sync::Arc;

use trackway_audit::request::Notify;
use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};

use crate::sns::{NotPublished, Publisher, TIMEOUT};

/// Performs the queue `audit-notify`. A message that can't be published is reported on the error
/// output; the audit goes on without it.
#[derive(Clone)]
pub struct Notifier(Arc<dyn Publisher>);

impl Notifier {
    /// A notifier that publishes so.
    #[must_use]
    pub fn new(publisher: Arc<dyn Publisher>) -> Self {
        Self(publisher)
    }

    async fn publish(&self, work: &Work) -> Result<(), NotPublished> {
        let failed = |code: &str, message| NotPublished { code: code.to_owned(), message };
        let notify: Notify = serde_json::from_str(&work.request)
            .map_err(|error| failed("InvalidParameter", error.to_string()))?;
        let publishing = self.0.publish(Arc::clone(&work.scope), notify.topic_arn, notify.message);
        let published = tokio::time::timeout(TIMEOUT, publishing).await;
        published.unwrap_or_else(|_| Err(failed("Timeout", "SNS did not answer".to_owned())))
    }
}

impl Performer for Notifier {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let notifier = self.clone();
        Box::pin(async move {
            Performed::Finished(match notifier.publish(&work).await {
                Ok(()) => Outcome::Succeeded(Payload::default()),
                Err(NotPublished { code, message }) => {
                    eprintln!("an audit's end could not be published: {code}: {message}");
                    Outcome::Failed { error: code, cause: message }
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use std::sync::Mutex;

    use trackway_core::{EffectId, ExecutionId};

    use super::*;
    use crate::sns::Publishing;

    /// What a test publisher does.
    enum Sns {
        Takes(Mutex<Vec<(String, String, String)>>),
        Refuses,
        NeverAnswers,
    }

    impl Publisher for Sns {
        fn publish(&self, scope: Arc<str>, topic_arn: String, message: String) -> Publishing {
            match self {
                Self::Takes(taken) => {
                    taken.lock().unwrap().push((scope.to_string(), topic_arn, message));
                    Box::pin(async { Ok(()) })
                }
                Self::Refuses => Box::pin(async {
                    Err(NotPublished { code: "NotFound".to_owned(), message: "gone".to_owned() })
                }),
                Self::NeverAnswers => Box::pin(std::future::pending()),
            }
        }
    }

    async fn outcome(sns: &Arc<Sns>, request: &str) -> Outcome {
        let work = Work {
            execution: ExecutionId::of("a"),
            effect: EffectId(0),
            queue: "audit-notify".to_owned(),
            request: Payload::new(request),
            scope: "123456789012/eu-west-1".into(),
            attempt: 1,
        };
        let Performed::Finished(outcome) =
            Notifier::new(Arc::clone(sns) as Arc<dyn Publisher>).perform(work).await
        else {
            panic!("a notification has no child");
        };
        outcome
    }

    fn failed(error: &str, cause: &str) -> Outcome {
        Outcome::Failed { error: error.to_owned(), cause: cause.to_owned() }
    }

    const REQUEST: &str = r#"{"topic_arn":"T","message":"{}"}"#;

    #[tokio::test]
    async fn a_message_is_published_in_the_name_of_the_audits_account() {
        let sns = Arc::new(Sns::Takes(Mutex::default()));
        assert_eq!(outcome(&sns, REQUEST).await, Outcome::Succeeded(Payload::default()));
        let Sns::Takes(taken) = &*sns else { return };
        let expected = ("123456789012/eu-west-1".to_owned(), "T".to_owned(), "{}".to_owned());
        assert_eq!(*taken.lock().unwrap(), [expected]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_be_published_fails_and_never_hangs() {
        let (refuses, never) = (Arc::new(Sns::Refuses), Arc::new(Sns::NeverAnswers));
        assert_eq!(outcome(&refuses, REQUEST).await, failed("NotFound", "gone"));
        assert_eq!(outcome(&never, REQUEST).await, failed("Timeout", "SNS did not answer"));
        let unreadable = outcome(&refuses, "{}").await;
        assert!(matches!(unreadable, Outcome::Failed { error, .. } if error == "InvalidParameter"));
    }
}
