//! How the associations of a node are, as DescribeInstanceInformation tells it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use trackway_association::status::Status;

use super::targets::mean;
use super::{Found, epoch};
use crate::ssm::Ssm;
use crate::ssm::refusal::Failure;
use crate::ssm::tags::Tags;

/// The members of `InstanceInformation` that are about associations; none are there if the node has
/// none.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::ssm) struct NodeAssociations {
    #[serde(skip_serializing_if = "Option::is_none")]
    association_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_association_execution_date: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_successful_association_execution_date: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    association_overview: Option<Value>,
}

impl NodeAssociations {
    /// `AssociationStatus`, if the node has associations.
    pub(in crate::ssm) fn status(&self) -> Option<&'static str> {
        self.association_status
    }
}

impl Ssm {
    /// What these associations last came to on a node.
    pub(in crate::ssm) async fn node_associations(
        &self,
        associations: &[Found],
        node: &str,
        tags: &Tags,
    ) -> Result<NodeAssociations, Failure> {
        let mut counts: BTreeMap<Status, u32> = BTreeMap::new();
        let (mut last, mut last_success) = (None, None);
        for found in associations {
            let spec = &found.columns.spec;
            let is_automation = spec.automation_target_parameter_name.is_some();
            if is_automation || !mean(&spec.targets, node, tags) {
                continue;
            }
            let row = self.on_node(found, node).await?.map(|on_node| on_node.row);
            let row = row.unwrap_or_default();
            *counts.entry(row.status).or_default() += 1;
            last = last.max(row.last_execution_ms);
            if row.status == Status::Success {
                last_success = last_success.max(row.last_execution_ms);
            }
        }
        if counts.is_empty() {
            return Ok(NodeAssociations::default());
        }
        let status = word(&counts);
        let by_name: BTreeMap<&str, u32> =
            counts.iter().map(|(status, count)| (status.name(), *count)).collect();
        Ok(NodeAssociations {
            association_status: Some(status),
            last_association_execution_date: last.map(epoch),
            last_successful_association_execution_date: last_success.map(epoch),
            association_overview: Some(json!({
                "DetailedStatus": status,
                "InstanceAssociationStatusAggregatedCount": by_name,
            })),
        })
    }
}

/// What a node's associations come to together.
fn word(counts: &BTreeMap<Status, u32>) -> &'static str {
    let any = |is: fn(Status) -> bool| counts.keys().any(|status| is(*status));
    if any(Status::is_failure) {
        "Failed"
    } else if any(|status| !status.is_final()) {
        "Pending"
    } else {
        "Success"
    }
}
