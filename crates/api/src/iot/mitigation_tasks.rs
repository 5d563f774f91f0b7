//! Mitigation tasks over the findings of audits, and what became of each finding.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use trackway_audit::audit::{TaskStatus, VIEW_FINDINGS, finding_key};
use trackway_audit::check::{Check, Reason};
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::mitigation::{
    Birth, Counts, ExecutionStatus, Row, Shown, Surface, Target, VIEW_ITEMS, finding_item_key,
};
use trackway_engine::{Fault, ListRow};

use super::audited::{check, execution_of, invalid, period};
use super::lists::Paging;
use super::mitigation::{About, OfTask, Period, Task, Wanted, not_found, tasks_of};
use super::mitigation_actions::show_defined;
use super::refusal::{Failure, Refusal};
use super::{Answer, Code, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, read, write};
use crate::page::{Bound, write_cursor};
use crate::refusal::ErrorCode;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CancelAuditMitigationActionsTask",
        "DescribeAuditMitigationActionsTask",
        "ListAuditMitigationActionsExecutions",
        "ListAuditMitigationActionsTasks",
        "StartAuditMitigationActionsTask",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CancelAuditMitigationActionsTask" => {
            let OfTask { task_id } = read(input)?;
            service.cancel_task(caller, Surface::Audit, &task_id).await
        }
        "DescribeAuditMitigationActionsTask" => {
            service.describe_mitigation(caller, read(input)?).await
        }
        "ListAuditMitigationActionsExecutions" => {
            service.list_executions(caller, read(input)?).await
        }
        "ListAuditMitigationActionsTasks" => service.list_mitigations(caller, read(input)?).await,
        "StartAuditMitigationActionsTask" => service.start_mitigation(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    task_id: String,
    target: Given,
    audit_check_to_actions_mapping: BTreeMap<String, Vec<String>>,
    client_request_token: String,
}

/// `AuditMitigationActionsTaskTarget`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    audit_task_id: Option<String>,
    finding_ids: Option<Vec<String>>,
    audit_check_to_reason_code_filter: Option<BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTasks {
    start_time: f64,
    end_time: f64,
    audit_task_id: Option<String>,
    finding_id: Option<String>,
    task_status: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListExecutions {
    task_id: String,
    finding_id: String,
    action_status: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

impl Iot {
    async fn start_mitigation(&self, caller: &Caller, request: Start) -> Answer {
        let wanted = Wanted {
            surface: Surface::Audit,
            task_id: &request.task_id,
            token: &request.client_request_token,
        };
        if !self.has_begun(caller, &wanted).await? {
            let target = self.mitigation_target(caller, &request.target).await?;
            let mapping = &request.audit_check_to_actions_mapping;
            if mapping.is_empty() {
                // The wording is ours.
                return Err(invalid("auditCheckToActionsMapping must not be empty").into());
            }
            let actions = self.actions_named(caller, mapping.values().flatten()).await?;
            let mut birth = Birth {
                task_id: request.task_id.clone(),
                target,
                mapping: BTreeMap::new(),
                actions,
            };
            for (name, names) in mapping {
                let places = places(&birth, check(name)?, names)?;
                birth.mapping.insert(check(name)?, places);
            }
            self.begin_task(caller, &wanted, &birth).await?;
        }
        write(&json!({ "taskId": request.task_id }))
    }

    async fn mitigation_target(&self, caller: &Caller, given: &Given) -> Result<Target, Failure> {
        let reasons = &given.audit_check_to_reason_code_filter;
        match (&given.audit_task_id, &given.finding_ids) {
            (Some(audit), None) => {
                let number = AuditNumber::of_task(audit);
                let known = match number {
                    Some(number) => self.audit(caller, number).await?,
                    None => None,
                };
                // The wording is ours.
                let unknown = || invalid(format!("The audit task {audit} does not exist"));
                let (number, (_, details)) = number.zip(known).ok_or_else(unknown)?;
                if matches!(details.status, TaskStatus::Waiting | TaskStatus::InProgress) {
                    // The wording is ours.
                    return Err(invalid(format!("The audit task {audit} is in progress")).into());
                }
                let reasons = reasons.as_ref().map(reason_filter).transpose()?;
                Ok(Target::Audit { audit: number, reasons })
            }
            (None, Some(ids)) if reasons.is_none() => {
                let mut findings = Vec::with_capacity(ids.len());
                for id in ids {
                    let finding = self.mitigated_finding(caller, id).await?;
                    if !findings.contains(&finding) {
                        findings.push(finding);
                    }
                }
                Ok(Target::Findings(findings))
            }
            // The wording is ours.
            _ => Err(invalid(
                "The target must have either an auditTaskId, with or without an \
                 auditCheckToReasonCodeFilter, or findingIds",
            )
            .into()),
        }
    }

    async fn mitigated_finding(&self, caller: &Caller, id: &str) -> Result<FindingRef, Failure> {
        // The wording is ours.
        let unknown = || invalid(format!("The finding {id} does not exist"));
        let finding = FindingRef::of_id(id).ok_or_else(unknown)?;
        self.audit(caller, finding.audit).await?.ok_or_else(unknown)?;
        let audit = execution_of(caller, finding.audit);
        let key = finding_key(finding.check, finding.place);
        self.engine.row(audit, VIEW_FINDINGS, &key).await?.ok_or_else(unknown)?;
        Ok(finding)
    }

    async fn describe_mitigation(&self, caller: &Caller, request: OfTask) -> Answer {
        let task = self.task(caller, Surface::Audit, &request.task_id).await?;
        let Task { birth, details, .. } = task.ok_or_else(|| not_found(&request.task_id))?;
        let statistics = details.counts().map(|(check, counts)| (check.name(), show(counts)));
        let mapping = birth.mapping.keys().map(|check| {
            let names = birth.actions_of(Some(*check)).map(|action| action.name.as_str());
            (check.name().to_owned(), json!(names.collect::<Vec<_>>()))
        });
        let mut answer = json!({
            "taskStatus": details.status.name(),
            "startTime": Epoch(details.started),
            "taskStatistics": statistics.collect::<BTreeMap<_, _>>(),
            "target": show_target(&birth.target),
            "auditCheckToActionsMapping": mapping.collect::<Map<_, _>>(),
            "actionsDefinition": birth.actions.iter().map(show_defined).collect::<Vec<_>>(),
        });
        if let Some(ended) = details.ended {
            answer["endTime"] = json!(Epoch(ended));
        }
        write(&answer)
    }

    /// At most five executions, read from one row, however large the task is.
    async fn list_executions(&self, caller: &Caller, request: ListExecutions) -> Answer {
        let ListExecutions { task_id, finding_id, .. } = &request;
        let status = request.action_status.as_deref().unwrap_or_default();
        let parts = ["ListAuditMitigationActionsExecutions", task_id, finding_id, status];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let from = match request.paging.after(bound)?.as_deref() {
            None => 0,
            Some([from]) => usize::from(*from),
            Some(_) => return Err(Code::invalid_page_token().into()),
        };
        let task = self.task(caller, Surface::Audit, task_id).await?;
        let shown = match (&task, FindingRef::of_id(finding_id)) {
            (Some(task), Some(finding)) => self.executions_of(task, finding).await?,
            // No NotFound is modeled.
            _ => Vec::new(),
        };
        let wanted = ExecutionStatus::named(status);
        let mut rest = shown
            .iter()
            .enumerate()
            .skip(from)
            .filter(|(_, shown)| wanted.is_none_or(|wanted| shown.execution.status == wanted));
        let limit = request.paging.limit();
        let page = rest.by_ref().take(limit).map(|(_, it)| execution(task_id, finding_id, it));
        let mut answer = json!({ "actionsExecutions": page.collect::<Vec<_>>() });
        if let Some((next, _)) = rest.next() {
            // A check has at most five actions.
            let place = [u8::try_from(next).unwrap_or(u8::MAX)];
            answer["nextToken"] = json!(bound.seal(&place));
        }
        write(&answer)
    }

    /// What became of each action of a finding; nothing if the task isn't about it.
    async fn executions_of<'t>(
        &self,
        task: &'t Task,
        finding: FindingRef,
    ) -> Result<Vec<Shown<'t>>, Fault> {
        let row = self.engine.row(task.id, VIEW_ITEMS, &finding_item_key(finding)).await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let row = Row::read(&row).ok_or_else(|| Fault::new("a row of a task is damaged"))?;
        Ok(task.details.executions(&task.birth, Some(finding.check), &row))
    }

    async fn list_mitigations(&self, caller: &Caller, request: ListTasks) -> Answer {
        let (from, to) = period(request.start_time, request.end_time)?;
        let period = Period { from, to };
        let times = format!("{}-{}", from.as_millis(), to.as_millis());
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let (audit, finding) = (part(&request.audit_task_id), part(&request.finding_id));
        let status = part(&request.task_status);
        let parts = ["ListAuditMitigationActionsTasks", &times, &audit, &finding, &status];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let mut query = tasks_of(caller, Surface::Audit, &period);
        query.status =
            request.task_status.as_deref().and_then(TaskStatus::named).map(TaskStatus::number);
        if let Some(place) = request.paging.cursor(bound)? {
            query.after = Some(place);
        }
        let about = About {
            audit: request.audit_task_id.as_deref().map(AuditNumber::of_task),
            finding: request.finding_id.as_deref().map(FindingRef::of_id),
        };
        let limit = request.paging.limit();
        let (rows, next) = self.list_tasks(query, &period, &about, limit).await?;
        let tasks: Vec<Value> = rows.iter().map(show_task).collect();
        let mut answer = json!({ "tasks": tasks });
        if let Some(next) = next {
            answer["nextToken"] = json!(bound.seal(&write_cursor(next)));
        }
        write(&answer)
    }
}

/// Where the actions of a check stand among those of a task.
fn places(birth: &Birth, check: Check, names: &[String]) -> Result<Vec<u8>, Refusal> {
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let mut known = (0_u8..).zip(&birth.actions);
        let Some((place, action)) = known.find(|(_, action)| action.name == *name) else {
            return Err(invalid(format!("The mitigation action {name} does not exist")));
        };
        let action_type = action.params.action_type();
        if !check.allows(action_type) {
            // The wording is ours.
            return Err(invalid(format!(
                "The mitigation action {name} of type {} can't be applied to findings of {}",
                action_type.name(),
                check.name()
            )));
        }
        places.push(place);
    }
    Ok(places)
}

fn reason_filter(
    given: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<Check, Vec<Reason>>, Refusal> {
    let mut filter = BTreeMap::new();
    for (name, codes) in given {
        let check = check(name)?;
        let codes = codes.iter().map(|code| {
            let reason = Reason::named(code).filter(|it| check.reasons().contains(it));
            // The wording is ours.
            reason.ok_or_else(|| invalid(format!("{name} has no reason code {code}")))
        });
        filter.insert(check, codes.collect::<Result<_, _>>()?);
    }
    if filter.is_empty() {
        // The wording is ours.
        return Err(invalid("auditCheckToReasonCodeFilter must not be empty"));
    }
    Ok(filter)
}

/// `TaskStatisticsForAuditCheck`.
fn show(counts: Counts) -> Value {
    json!({
        "totalFindingsCount": counts.total,
        "failedFindingsCount": counts.failed,
        "succeededFindingsCount": counts.succeeded,
        "skippedFindingsCount": counts.skipped,
        "canceledFindingsCount": counts.canceled,
    })
}

fn show_target(target: &Target) -> Value {
    match target {
        Target::Audit { audit, reasons } => {
            let mut shown = json!({ "auditTaskId": audit.task_id() });
            if let Some(reasons) = reasons {
                let filter = reasons.iter().map(|(check, codes)| {
                    let codes: Vec<&str> = codes.iter().map(|code| code.name()).collect();
                    (check.name().to_owned(), json!(codes))
                });
                shown["auditCheckToReasonCodeFilter"] = Value::Object(filter.collect());
            }
            shown
        }
        Target::Findings(findings) => {
            let ids: Vec<String> = findings.iter().map(|finding| finding.id()).collect();
            json!({ "findingIds": ids })
        }
        Target::Violations(_) => json!({}),
    }
}

/// `AuditMitigationActionExecutionMetadata`.
fn execution(task_id: &str, finding_id: &str, shown: &Shown<'_>) -> Value {
    let Shown { action, execution } = shown;
    let mut item = json!({
        "taskId": task_id,
        "findingId": finding_id,
        "actionName": action.name,
        "actionId": action.id,
        "status": execution.status.name(),
    });
    if let Some(started) = execution.started {
        item["startTime"] = json!(Epoch(started));
    }
    if let Some(ended) = execution.ended {
        item["endTime"] = json!(Epoch(ended));
    }
    if let Some(error) = &execution.error {
        item["errorCode"] = json!(error.code);
        item["message"] = json!(error.message);
    }
    item
}

/// `AuditMitigationActionsTaskMetadata`.
fn show_task(row: &ListRow) -> Value {
    let status = TaskStatus::numbered(row.summary.status);
    json!({
        "taskId": row.name,
        "startTime": Epoch(row.summary.started),
        "taskStatus": status.map_or("", TaskStatus::name),
    })
}
