//! Findings of audits and what has to do with them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_audit::audit::{
    Finding, Shown, ShownResource, VIEW_FINDINGS, VIEW_RELATED, by_resource_prefix, finding_key,
    read_related,
};
use trackway_audit::check::Check;
use trackway_audit::ids::FindingRef;
use trackway_audit::resource::Resource;
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Fault, Order, RowQuery};
use trackway_registry::text;

use super::audited::{self, LOOKS_MAX, invalid, period};
use super::findings_page::{Found, Page, Wanted};
use super::lists::Paging;
use super::refusal::Refusal;
use super::{Answer, Code, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{read, write};
use crate::page::Bound;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DescribeAuditFinding",
        "ListAuditFindings",
        "ListRelatedResourcesForAuditFinding",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DescribeAuditFinding" => service.describe_finding(caller, read(input)?).await,
        "ListAuditFindings" => service.list_findings(caller, read(input)?).await,
        "ListRelatedResourcesForAuditFinding" => service.list_related(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    finding_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListFindings {
    task_id: Option<String>,
    check_name: Option<String>,
    resource_identifier: Option<Value>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    list_suppressed_findings: Option<bool>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListRelated {
    finding_id: String,
    #[serde(flatten)]
    paging: Paging,
}

impl From<Found> for Shown {
    fn from(found: Found) -> Self {
        Self::new(found.of, found.started, found.finding)
    }
}

fn not_found(id: &str) -> Refusal {
    // The wording is ours.
    Refusal::new(Code::ResourceNotFoundException, format!("There is no audit finding {id}"))
}

impl Iot {
    async fn describe_finding(&self, caller: &Caller, request: Describe) -> Answer {
        #[derive(Serialize)]
        struct Described {
            finding: Shown,
        }
        let id = &request.finding_id;
        let (_, found) = self.finding(caller, id).await?.ok_or_else(|| not_found(id))?;
        write(&Described { finding: found.into() })
    }

    /// The finding with this id, and the execution of its audit.
    async fn finding(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Option<(ExecutionId, Found)>, Fault> {
        let Some(of) = FindingRef::of_id(id) else { return Ok(None) };
        let Some((audit, details)) = self.audit(caller, of.audit).await? else { return Ok(None) };
        let row = self.engine.row(audit, VIEW_FINDINGS, &finding_key(of.check, of.place)).await?;
        let Some(row) = row else { return Ok(None) };
        let finding = Finding::read(&row).ok_or_else(|| Fault::new("a finding is damaged"))?;
        Ok(Some((audit, Found { of, started: details.started, finding })))
    }

    async fn list_related(&self, caller: &Caller, request: ListRelated) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            related_resources: Vec<ShownResource>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let id = &request.finding_id;
        let (audit, found) = self.finding(caller, id).await?.ok_or_else(|| not_found(id))?;
        let parts = ["ListRelatedResourcesForAuditFinding", id.as_str()];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let after = request.paging.after(bound)?;
        let query = RowQuery {
            prefix: finding_key(found.of.check, found.of.place),
            after,
            order: Order::Ascending,
            limit: request.paging.limit(),
        };
        let page = self.engine.rows(audit, VIEW_RELATED, query).await?;
        let damaged = || Fault::new("a related resource is damaged");
        let related = page
            .rows
            .iter()
            .map(|(_, row)| read_related(row).map(ShownResource::related).ok_or_else(damaged));
        let last = page.rows.last().filter(|_| page.more);
        write(&Listed {
            related_resources: related.collect::<Result<_, _>>()?,
            next_token: last.map(|(key, _)| bound.seal(key)),
        })
    }

    async fn list_findings(&self, caller: &Caller, request: ListFindings) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            findings: Vec<Shown>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let check = request.check_name.as_deref().map(audited::check).transpose()?;
        let resource = request.resource_identifier.as_ref();
        let resource = resource.map(audited::resource).transpose()?;
        let of = Audits::asked(&request)?;
        let parts = of.bound(check, resource.as_ref(), request.list_suppressed_findings);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let after = request.paging.after(bound)?;
        let page = Page::of(request.paging.limit(), LOOKS_MAX);
        let mut wanted =
            Wanted { check, resource, suppressed: request.list_suppressed_findings, found: None };
        let (found, next) = match of {
            Audits::One(id) => self.findings_of(caller, &id, &wanted, after, page).await?,
            Audits::Between(start, end) => {
                wanted.found = Some((start.max(self.horizon()), end));
                self.findings_between(caller, &wanted, after, page).await?
            }
        };
        let findings = found.into_iter().map(Shown::from).collect();
        write(&Listed { findings, next_token: next.map(|place| bound.seal(&place)) })
    }
}

/// Whose findings are listed.
enum Audits {
    One(String),
    Between(Timestamp, Timestamp),
}

impl Audits {
    fn asked(request: &ListFindings) -> Result<Self, Refusal> {
        match (&request.task_id, request.start_time, request.end_time) {
            (Some(id), None, None) => Ok(Self::One(id.clone())),
            (None, Some(start), Some(end)) => {
                let (start, end) = period(start, end)?;
                Ok(Self::Between(start, end))
            }
            // The wording is ours.
            _ => Err(invalid(
                "Either taskId or both startTime and endTime must be given, and not all of them",
            )),
        }
    }

    /// What a page's token is bound to.
    fn bound(
        &self,
        check: Option<Check>,
        resource: Option<&Resource>,
        suppressed: Option<bool>,
    ) -> Vec<String> {
        let of = match self {
            Self::One(id) => id.clone(),
            Self::Between(start, end) => format!("{}-{}", start.as_millis(), end.as_millis()),
        };
        let resource = resource.map(by_resource_prefix).unwrap_or_default();
        vec![
            "ListAuditFindings".to_owned(),
            of,
            format!("{check:?} {suppressed:?}"),
            text::hex(&resource),
        ]
    }
}
