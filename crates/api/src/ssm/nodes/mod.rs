//! Managed nodes: activations, registration, who is there, and which of them targets name.
//!
//! ```text
//!  trackway node ──calls──▶ registry ──▶ catalog (table NODES, tags beside)
//!        ▲                     └──▶ presence (memory) ──▶ PingStatus
//!        └── errands ◀── queue `node/ACCOUNT/REGION/ID` ◀── the command's machine
//! ```

mod activations;
pub(super) mod calls;
mod describe;
pub(super) mod instances;
mod presence;
mod record;
mod registry;
pub(super) mod targets;

use serde_json::Value;
use trackway_engine::Fault;

pub(crate) use record::Node;
pub(crate) use registry::Nodes;
pub use registry::{NodeChange, NodeEvent, NodeEvents};

use super::{Answer, Group, Ssm, unchanged};
use crate::Caller;
use crate::answer::read;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateActivation",
        "DeleteActivation",
        "DeregisterManagedInstance",
        "DescribeActivations",
        "DescribeInstanceInformation",
        "GetConnectionStatus",
        "UpdateManagedInstanceRole",
    ],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateActivation" => ssm.create_activation(caller, read(input)?).await,
        "DeleteActivation" => ssm.delete_activation(caller, read(input)?).await,
        "DeregisterManagedInstance" => ssm.deregister(caller, read(input)?).await,
        "DescribeActivations" => ssm.describe_activations(caller, read(input)?).await,
        "DescribeInstanceInformation" => ssm.describe_instances(caller, read(input)?).await,
        "GetConnectionStatus" => ssm.connection_status(caller, read(input)?).await,
        "UpdateManagedInstanceRole" => ssm.update_role(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}
