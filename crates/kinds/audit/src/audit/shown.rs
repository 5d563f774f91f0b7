//! A finding as the API shows it, and as it is published.

use serde::{Serialize, Serializer};
use serde_json::Value;
use trackway_core::Timestamp;

use super::Finding;
use crate::ids::FindingRef;
use crate::resource::{Info, Related, Resource};

/// `AuditFinding`. Times are seconds of the epoch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    finding_id: String,
    task_id: String,
    check_name: &'static str,
    #[serde(serialize_with = "epoch")]
    task_start_time: Timestamp,
    #[serde(serialize_with = "epoch")]
    finding_time: Timestamp,
    severity: &'static str,
    non_compliant_resource: ShownResource,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_resources: Vec<ShownResource>,
    reason_for_non_compliance: String,
    reason_for_non_compliance_code: &'static str,
    is_suppressed: bool,
}

impl Shown {
    /// A finding of an audit that began then.
    #[must_use]
    pub fn new(of: FindingRef, started: Timestamp, finding: Finding) -> Self {
        Self {
            finding_id: of.id(),
            task_id: of.audit.task_id(),
            check_name: of.check.name(),
            task_start_time: started,
            finding_time: finding.found,
            severity: of.check.severity().name(),
            non_compliant_resource: ShownResource::new(&finding.resource, finding.info),
            related_resources: finding.related.into_iter().map(ShownResource::related).collect(),
            reason_for_non_compliance: finding.reason,
            reason_for_non_compliance_code: finding.code.name(),
            is_suppressed: finding.suppressed,
        }
    }
}

/// `NonCompliantResource`, and `RelatedResource`, which is the same.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownResource {
    resource_type: &'static str,
    resource_identifier: Value,
    #[serde(skip_serializing_if = "Info::is_empty")]
    additional_info: Info,
}

impl ShownResource {
    fn new(resource: &Resource, info: Info) -> Self {
        Self {
            resource_type: resource.type_name(),
            resource_identifier: resource.to_identifier(),
            additional_info: info,
        }
    }

    /// A resource that has to do with a finding.
    #[must_use]
    pub fn related(related: Related) -> Self {
        Self::new(&related.resource, related.info)
    }
}

fn epoch<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
    serializer.serialize_f64(at.as_millis() as f64 / 1000.0)
}
