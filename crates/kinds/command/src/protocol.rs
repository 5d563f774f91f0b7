//! What a server and its nodes say to each other, as JSON. `docs/nodes.md` tells it in words.
//!
//! ```text
//!  node                                server
//!   │ register ───────────────────────▶ │  id and token; the same name has the same id
//!   │ poll (waits) ───────────────────▶ │
//!   │ ◀──────────────── Run or Cancel   │  offered again until it is acknowledged
//!   │ note it in the own journal        │
//!   │ acknowledge ────────────────────▶ │  from now on it is this node's
//!   │ ◀─────────────────── go, or not   │
//!   │ run, note the result              │
//!   │ report ─────────────────────────▶ │  again until it is answered
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::NodeReport;

/// What the paths of the calls begin with; [`Call::path`] has the rest.
pub const PATH: &str = "/_trackway/nodes/";
/// The header by which a node shows its token.
pub const TOKEN_HEADER: &str = "x-trackway-node-token";
/// How many seconds a poll waits at most.
pub const POLL_SECONDS: u64 = 20;

/// The calls of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Register`] -> [`Registered`].
    Register,
    /// [`Poll`] -> [`Message`].
    Poll,
    /// [`Acknowledge`] -> [`Acknowledged`].
    Acknowledge,
    /// [`ReportRun`] -> [`Done`].
    Report,
    /// [`Poll`] -> [`Done`]: the node goes away in good order.
    Leave,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Register, Self::Poll, Self::Acknowledge, Self::Report, Self::Leave];

    /// The last part of its path.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Poll => "poll",
            Self::Acknowledge => "acknowledge",
            Self::Report => "report",
            Self::Leave => "leave",
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(self) -> String {
        format!("{PATH}{}", self.name())
    }
}

/// A node says who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Register {
    /// Its name; the same name has the same id.
    pub name: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The token of an earlier registration, if it has one.
    #[serde(default)]
    pub token: Option<String>,
    /// `Linux`, `MacOS` or `Windows`.
    #[serde(default)]
    pub platform_type: String,
    /// Such as `Debian GNU/Linux`.
    #[serde(default)]
    pub platform_name: String,
    /// Such as `12`.
    #[serde(default)]
    pub platform_version: String,
    /// The version of the node's program.
    #[serde(default)]
    pub agent_version: String,
    /// The host's name.
    #[serde(default)]
    pub computer_name: String,
    /// Its address.
    #[serde(default)]
    pub ip_address: String,
    /// `ActivationId`, if it was told one; the server then takes the role of that activation.
    #[serde(default)]
    pub activation_id: Option<String>,
    /// `ActivationCode`.
    #[serde(default)]
    pub activation_code: Option<String>,
}

/// The server knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// `mi-` and 17 hexadecimal digits.
    pub id: String,
    /// Shown with every further call.
    pub token: String,
}

/// A node asks for the next message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Poll {
    /// Its id.
    pub id: String,
    /// Seconds that the server may hold the poll; [`POLL_SECONDS`] at most.
    #[serde(default)]
    pub wait_seconds: Option<u64>,
}

/// What the server wants of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Message {
    /// Nothing came within the poll.
    #[default]
    Nothing,
    /// Run a command.
    Run(Box<RunCommand>),
    /// Stop running a command.
    #[serde(rename_all = "camelCase")]
    Cancel {
        /// Which.
        command_id: String,
    },
}

/// A command for a node: all that it needs to run it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunCommand {
    /// Which.
    pub command_id: String,
    /// Its document's name.
    pub document_name: String,
    /// What to do, in the encoding of the documents' room; opaque here.
    pub plan: Value,
    /// After how many seconds it is stopped, whatever its steps say.
    pub timeout_seconds: u64,
}

/// A node has noted a message durably.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acknowledge {
    /// Its id.
    pub id: String,
    /// The command.
    pub command_id: String,
    /// Whether it was a [`Message::Cancel`].
    #[serde(default)]
    pub cancel: bool,
}

/// Whether to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Acknowledged {
    /// Whether the node is to run it. If not, it was cancelled or timed out meanwhile.
    pub go: bool,
}

/// A node tells how a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportRun {
    /// Its id.
    pub id: String,
    /// The command.
    pub command_id: String,
    /// How it went.
    pub report: NodeReport,
}

/// The server has taken note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}
