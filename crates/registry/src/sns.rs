//! Publishing to SNS, for mitigation actions and for notifications of audits.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a message may take to be published.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Who publishes; whoever composes the service knows how.
pub trait Publisher: Send + Sync {
    /// Publishes a message to a topic, in the name of an account and region (`ACCOUNT/REGION`).
    fn publish(&self, scope: Arc<str>, topic_arn: String, message: String) -> Publishing;
}

/// A message on its way.
pub type Publishing = Pin<Box<dyn Future<Output = Result<(), NotPublished>> + Send>>;

/// Why a message was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct NotPublished {
    /// SNS's code, such as `NotFound`.
    pub code: String,
    /// Its text.
    pub message: String,
}
