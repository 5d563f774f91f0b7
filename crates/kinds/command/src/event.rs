//! What a command's journal holds.
//!
//! A node is named by its place among the command's nodes, in the order in which they are sent to.
//! An event, once released, is never changed.

use serde::{Deserialize, Serialize};
use trackway_core::{Journaled, Payload};

use crate::status::{Details, InvocationStatus};

/// One event of a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Its JSON text, where it has one.
    #[serde(skip)]
    pub payload: Option<Payload>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The command was accepted. Payload: its [`crate::request::Request`].
    Accepted {
        /// Its account.
        account: String,
        /// Its region.
        region: String,
    },
    /// Its nodes are known. Payload: the list of their ids, without doubles.
    Resolved,
    /// Its targets could not be resolved.
    NotResolved {
        /// The error's name.
        error: String,
        /// Why.
        cause: String,
    },
    /// So many more nodes are sent to, in their order; those that have ended are passed over.
    Dispatched {
        /// How many.
        count: u32,
    },
    /// A node has received it.
    Delivered {
        /// Which.
        node: u32,
    },
    /// A node has reported. Payload: the list of its plugins, [`crate::PluginReport`]s.
    Reported {
        /// Which.
        node: u32,
        /// How it ended.
        status: InvocationStatus,
        /// Its exit code.
        response_code: i32,
    },
    /// An invocation ended without a report.
    Ended {
        /// The node.
        node: u32,
        /// How.
        status: InvocationStatus,
    },
    /// A node that has it is to stop.
    CancelSent {
        /// Which.
        node: u32,
    },
    /// A node has heard that it is to stop.
    CancelHeard {
        /// Which.
        node: u32,
    },
    /// The whole command is being cancelled.
    CancelAsked,
    /// No more nodes are sent to; the rest has ended.
    Stopped {
        /// Why.
        why: Why,
    },
    /// Outputs of a node are on their way to the bucket: so many further uploads.
    UploadsAsked {
        /// How many.
        count: u32,
    },
    /// An upload has ended.
    Uploaded {
        /// Its number, from 0.
        number: u32,
        /// Why it failed, if it did.
        error: Option<String>,
    },
    /// All has ended.
    Closed {
        /// How.
        details: Details,
    },
}

/// Why no more nodes are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// More failed than may.
    TooManyErrors,
    /// The command was cancelled.
    Cancelled,
}

impl Why {
    /// What becomes of those that were not sent to.
    #[must_use]
    pub fn status(self) -> InvocationStatus {
        match self {
            Self::TooManyErrors => InvocationStatus::Terminated,
            Self::Cancelled => InvocationStatus::Cancelled,
        }
    }
}

impl From<EventKind> for Event {
    fn from(kind: EventKind) -> Self {
        Self { kind, payload: None }
    }
}

impl Event {
    /// An event with its text.
    #[must_use]
    pub fn with(kind: EventKind, payload: Payload) -> Self {
        Self { kind, payload: Some(payload) }
    }
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    /// What requests and reports say; what is most common stands last.
    const DICTIONARY: &'static [u8] =
        b"{\"instanceIds\":[],\"targets\":[{\"Key\":\"tag:\",\"Values\":[\"\"outputS3Region\":\"\",\
        \"outputS3BucketName\":\"\",\"outputS3KeyPrefix\":\"\",\"serviceRole\":\"\",\
        \"notificationConfig\":null,\"cloudWatchOutputConfig\":null,\"alarmConfiguration\":null,\
        \"origin\":{}},\"timeoutSeconds\":3600,\"executionTimeoutSeconds\":3600,\
        \"maxConcurrency\":\"50\",\"maxErrors\":\"0\",\"commandId\":\"\",\"documentName\":\
        \"AWS-RunShellScript\",\"documentVersion\":\"$DEFAULT\",\"comment\":\"\",\"parameters\":\
        {\"commands\":[\"\"workingDirectory\":\"executionTimeout\":\"3600\"]},\"mi-\
        [{\"name\":\"\",\"plugin\":\"aws:runShellScript\",\"status\":\"Success\",\
        \"responseCode\":0,\"startedMs\":,\"endedMs\":,\"stdout\":\"\",\"stderr\":\"\"}]";

    fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    fn set_payload(&mut self, payload: Payload) {
        self.payload = Some(payload);
    }
}
