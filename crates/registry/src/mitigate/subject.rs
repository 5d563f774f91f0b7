//! What actions are applied to, as far as they look at it.

use trackway_audit::audit::read_related;
use trackway_audit::audit::{Details, Finding, Shown, VIEW_DETAILS, VIEW_RELATED, finding_key};
use trackway_audit::ids::FindingRef;
use trackway_audit::mitigation::Item;
use trackway_audit::resource::Resource;
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

    /// A finding as it is published: just as the API shows it.
    pub(super) async fn message(&self, of: FindingRef, finding: &Finding) -> Result<String, Fault> {
        let reader = self.registry.reader();
        let details = reader.row(self.audit(of.audit), VIEW_DETAILS, Details::KEY).await?;
        let started = details.and_then(|row| Details::read(&row)).map(|details| details.started);
        let shown = Shown::new(of, started.unwrap_or(finding.found), finding.clone());
        serde_json::to_string(&shown)
            .map_err(|error| Fault::new(format!("could not write a finding: {error}")))
    }
}
