//! The rows that a command keeps beside its summary.
//!
//! | view | key | row |
//! |---|---|---|
//! | [`INVOCATIONS`] | node id | [`Invocation`], postcard |
//! | [`PLUGINS`] | node id | the list of [`crate::PluginReport`]s, JSON text; once it has reported |
//! | [`REQUEST`] | nothing | [`crate::request::Request`], JSON text |

use serde::{Deserialize, Serialize};
use trackway_core::{Rows, Timestamp};

use crate::event::{Event, EventKind};
use crate::state::CommandRun;
use crate::status::InvocationStatus;

/// One row a node.
pub const INVOCATIONS: u8 = 1;
/// What the nodes reported.
pub const PLUGINS: u8 = 2;
/// What was asked for.
pub const REQUEST: u8 = 3;

/// How one node stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// Its status.
    pub status: InvocationStatus,
    /// When the node received it.
    pub delivered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its exit code; -1 until it is known.
    pub response_code: i32,
}

impl Invocation {
    /// Reads a row; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

pub(crate) fn project(command: &CommandRun, event: &Event, rows: &mut Rows) {
    match &event.kind {
        EventKind::Accepted { .. } => {
            let text = event.payload.as_ref().map(|text| text.as_bytes()).unwrap_or_default();
            rows.put(REQUEST, "", text);
        }
        EventKind::Resolved => {
            let all = 0..command.len() as u32;
            all.for_each(|place| put(command, place, rows));
        }
        EventKind::Delivered { node }
        | EventKind::CancelSent { node }
        | EventKind::CancelHeard { node }
        | EventKind::Ended { node, .. } => put(command, *node, rows),
        EventKind::Reported { node, .. } => {
            put(command, *node, rows);
            if let (Some(node), Some(text)) = (command.node(*node), &event.payload) {
                rows.put(PLUGINS, node.id.as_bytes(), text.as_bytes());
            }
        }
        EventKind::Stopped { .. } => {
            let rest = command.dispatched()..command.len() as u32;
            rest.for_each(|place| put(command, place, rows));
        }
        EventKind::NotResolved { .. }
        | EventKind::Dispatched { .. }
        | EventKind::CancelAsked
        | EventKind::UploadsAsked { .. }
        | EventKind::Uploaded { .. }
        | EventKind::Closed { .. } => {}
    }
}

fn put(command: &CommandRun, place: u32, rows: &mut Rows) {
    let Some(node) = command.node(place) else { return };
    let row = Invocation {
        status: node.status,
        delivered: node.delivered,
        ended: node.ended,
        response_code: node.response_code,
    };
    rows.put(INVOCATIONS, node.id.as_bytes(), postcard::to_stdvec(&row).unwrap_or_default());
}
