//! What the world may ask of a running command, and why it may be refused.

use crate::report::NodeReport;

/// A request to a running command. Nodes are named by their ids.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// A node has received the command and keeps it: it won't be offered again. Repeats are
    /// harmless.
    Delivered {
        /// The node.
        node: String,
    },
    /// A node has ended. Repeats are harmless; the first counts.
    Reported {
        /// The node.
        node: String,
        /// What it says.
        report: Box<NodeReport>,
    },
    /// CancelCommand: of these nodes, or of all.
    Cancel {
        /// Which nodes; none means all. Nodes that the command doesn't have are passed over.
        nodes: Option<Vec<String>>,
    },
    /// A node has heard that it is to stop. Repeats are harmless.
    CancelHeard {
        /// The node.
        node: String,
    },
    /// A node was deregistered: it won't report any more.
    NodeGone {
        /// The node.
        node: String,
    },
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The command has ended, or has not begun.
    #[error("the command is not running")]
    NotRunning,
    /// The command doesn't have this node.
    #[error("the command was not sent to this node")]
    NoSuchNode,
    /// The invocation has ended: the node is not to run it.
    #[error("the invocation has ended")]
    InvocationEnded,
}
