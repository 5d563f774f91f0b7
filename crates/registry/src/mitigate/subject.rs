//! What actions are applied to, as far as they look at it.

use serde_json::{Value, json};
use trackway_audit::audit::read_related;
use trackway_audit::audit::{Details, Finding, VIEW_DETAILS, VIEW_RELATED, finding_key};
use trackway_audit::ids::FindingRef;
use trackway_audit::mitigation::Item;
use trackway_audit::resource::{Info, Resource};
use trackway_core::Timestamp;
use trackway_engine::{Fault, Order, RowQuery};

use super::Task;

/// Related certificates that are looked at together.
const RELATED_AT_ONCE: usize = 500;

/// A finding or a violation.
pub(super) enum Subject {
    Finding(FindingRef, Finding),
    Violation {
        thing: String,
    },
    /// A finding that was dropped with its audit meanwhile.
    Gone,
}

/// Some certificates of a subject, by id, and after which related resource the next ones stand.
pub(super) type Certificates = (Vec<String>, Option<Vec<u8>>);

impl Task {
    pub(super) async fn subject(&self, item: &Item) -> Result<Subject, Fault> {
        Ok(match item {
            Item::Violation { thing, .. } => Subject::Violation { thing: thing.clone() },
            Item::Finding(of) => match self.finding(*of).await? {
                Some(finding) => Subject::Finding(*of, finding),
                None => Subject::Gone,
            },
        })
    }

    /// The device certificates that a finding is about: its own one, or, where an issuer is to
    /// blame, those that have to do with it, page by page.
    pub(super) async fn certificates(
        &self,
        (of, finding): (FindingRef, &Finding),
        after: Option<Vec<u8>>,
    ) -> Result<Certificates, Fault> {
        match &finding.resource {
            Resource::DeviceCertificate(id) => return Ok((vec![id.clone()], None)),
            Resource::Issuer { .. } => {}
            _ => return Ok((Vec::new(), None)),
        }
        let query = RowQuery {
            prefix: finding_key(of.check, of.place),
            after,
            order: Order::Ascending,
            limit: RELATED_AT_ONCE,
        };
        let reader = self.registry.reader();
        let page = reader.rows(self.audit(of.audit), VIEW_RELATED, query).await?;
        let related = page.rows.iter().filter_map(|(_, row)| read_related(row));
        let ids = related.filter_map(|related| match related.resource {
            Resource::DeviceCertificate(id) => Some(id),
            _ => None,
        });
        let next = page.rows.last().filter(|_| page.more).map(|(key, _)| key.to_vec());
        Ok((ids.collect(), next))
    }

    /// A finding as it is published: `AuditFinding` as JSON, with times in seconds of the epoch.
    pub(super) async fn message(&self, of: FindingRef, finding: &Finding) -> Result<String, Fault> {
        let reader = self.registry.reader();
        let details = reader.row(self.audit(of.audit), VIEW_DETAILS, Details::KEY).await?;
        let started = details.and_then(|row| Details::read(&row)).map(|details| details.started);
        let mut message = json!({
            "findingId": of.id(),
            "taskId": of.audit.task_id(),
            "checkName": of.check.name(),
            "taskStartTime": epoch(started.unwrap_or(finding.found)),
            "findingTime": epoch(finding.found),
            "severity": of.check.severity().name(),
            "nonCompliantResource": resource(&finding.resource, &finding.info),
            "reasonForNonCompliance": finding.reason,
            "reasonForNonComplianceCode": finding.code.name(),
            "isSuppressed": finding.suppressed,
        });
        if !finding.related.is_empty() {
            let related = finding.related.iter();
            message["relatedResources"] =
                related.map(|related| resource(&related.resource, &related.info)).collect();
        }
        Ok(message.to_string())
    }
}

fn resource(resource: &Resource, info: &Info) -> Value {
    let mut shown = json!({
        "resourceType": resource.type_name(),
        "resourceIdentifier": resource.to_identifier(),
    });
    if !info.is_empty() {
        shown["additionalInfo"] = json!(info);
    }
    shown
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
fn epoch(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}
