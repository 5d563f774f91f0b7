//! What associations and their runs ask of performers: the request of each `Command::Run`, by its
//! queue.
//!
//! | queue | request | outcome |
//! |---|---|---|
//! | [`ASSOCIATION`] | [`Call::Start`] | the end of the run, as a child: [`crate::run::Report`] |
//! | [`ASSOCIATION`] | [`Call::Calendars`] | `{"State": "OPEN"}` or `CLOSED` |
//! | [`ASSOCIATION`] | [`Call::StopRun`], [`Call::Cancel`] | anything, once it is asked for |
//! | [`TARGETS`] | [`TargetsCall`] | a JSON list of node ids |
//! | [`COMMAND`], [`AUTOMATION`] | [`ChildCall`] | the child's report, JSON text |
//! | [`AWS`] | an AWS call | the response as JSON |

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::spec::Spec;

/// The queue of this kind's own calls.
pub const ASSOCIATION: &str = "association";
/// The queue that resolves targets.
pub const TARGETS: &str = "targets";
/// The queue of Run Command children.
pub const COMMAND: &str = "command";
/// The queue of Automation children.
pub const AUTOMATION: &str = "automation";
/// The queue of AWS calls.
pub const AWS: &str = "aws";

/// A call of an association or of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call")]
pub enum Call {
    /// Start a run, with `reply_to` this effect. The performer adds what it knows of the document.
    Start(Box<RunCall>),
    /// Tell a run to stop.
    StopRun {
        /// The run's ARN.
        arn: String,
        /// How.
        how: Stop,
    },
    /// Ask children to stop.
    Cancel {
        /// Their queue: [`COMMAND`] or [`AUTOMATION`].
        queue: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// Are these Change Calendars all open?
    Calendars {
        /// Their names or ARNs.
        names: Vec<String>,
    },
}

/// What a run is started with; the performer completes it to a [`crate::run::Input`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RunCall {
    /// The association's ARN.
    pub association_arn: String,
    /// The association's id.
    pub association_id: String,
    /// Which of its versions.
    pub association_version: u32,
    /// The run's id.
    pub execution_id: String,
    /// These nodes only; none for all targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<String>>,
    /// What the association says.
    pub spec: Spec,
}

/// How a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// The next run begins: what hasn't ended has timed out.
    TimedOut,
    /// What hasn't ended is cancelled.
    Cancelled,
    /// What runs may end; nothing more begins.
    Drain,
}

/// Finds what targets name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetsCall {
    /// `Targets` as the API has them.
    pub targets: Value,
    /// What the ids are used for: `Association`.
    pub purpose: String,
}

/// Starts a child and waits for its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildCall {
    /// The child's id, chosen by the run: a UUID.
    pub id: String,
    /// The input of SendCommand or StartAutomationExecution, by the API's names.
    pub input: Map<String, Value>,
    /// What the child is to know of the run, by the API's names.
    pub origin: Map<String, Value>,
}

/// The ARN of an association.
#[must_use]
pub fn association_arn(account: &str, region: &str, association_id: &str) -> String {
    format!("arn:aws:ssm:{region}:{account}:association/{association_id}")
}

/// The ARN of a run of an association.
#[must_use]
pub fn run_arn(association_arn: &str, execution_id: &str) -> String {
    let run = association_arn.replacen(":association/", ":association-execution/", 1);
    format!("{run}/{execution_id}")
}
