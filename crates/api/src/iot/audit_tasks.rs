//! Audits on demand, and what became of audits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_audit::audit::{
    Audit, Birth, CheckDetails, CheckStatus, Columns, Details, KIND, PARENT,
    Refusal as AuditRefusal, Signal, TaskStatus, TaskType,
};
use trackway_audit::check::Check;
use trackway_audit::ids::AuditNumber;
use trackway_audit::limits::ON_DEMAND_AUDITS_MAX;
use trackway_audit::request::CheckConfig;
use trackway_engine::{Cursor, Fault, ListQuery, ListRow, SignalError};
use trackway_registry::text;

use super::audited::{LOOKS_MAX, check, invalid, period, up_to};
use super::lists::Paging;
use super::refusal::{Failure, Refusal};
use super::{Answer, Code, Group, Iot, audit_start, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::{Bound, write_cursor};

/// Audits that are read at once.
const AUDITS_AT_ONCE: usize = 256;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CancelAuditTask",
        "DescribeAuditTask",
        "ListAuditTasks",
        "StartOnDemandAuditTask",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CancelAuditTask" => service.cancel_audit(caller, read(input)?).await,
        "DescribeAuditTask" => service.describe_audit(caller, read(input)?).await,
        "ListAuditTasks" => service.list_audits(caller, read(input)?).await,
        "StartOnDemandAuditTask" => service.start_audit(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    target_check_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    task_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    start_time: f64,
    end_time: f64,
    task_type: Option<String>,
    task_status: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Source: `TaskStatistics`.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    total_checks: u32,
    in_progress_checks: u32,
    waiting_for_data_collection_checks: u32,
    compliant_checks: u32,
    non_compliant_checks: u32,
    failed_checks: u32,
    canceled_checks: u32,
}

/// Source: `AuditCheckDetails`. A check that has not been completed has no counts.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownCheck<'a> {
    check_run_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_compliant: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_resources_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    non_compliant_resources_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed_non_compliant_resources_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    task_status: &'static str,
    task_type: &'static str,
    task_start_time: Epoch,
    task_statistics: Statistics,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_audit_name: Option<&'a str>,
    audit_details: BTreeMap<&'static str, ShownCheck<'a>>,
}

/// Source: `AuditTaskMetadata`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTask {
    task_id: String,
    task_status: &'static str,
    task_type: &'static str,
}

fn not_found(id: &str) -> Refusal {
    // The wording is ours.
    Refusal::new(Code::ResourceNotFoundException, format!("There is no audit task {id}"))
}

impl Iot {
    async fn start_audit(&self, caller: &Caller, request: Start) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Started {
            task_id: String,
        }
        // Nobody else's audit begins between the look at how many there are and this one.
        let _starting = self.starting.lock().await;
        let (checks, topic_arn) = self.checks_to_run(caller, &request.target_check_names).await?;
        self.has_room_for_audit(caller).await?;
        let number = AuditNumber(u64::from_be_bytes(text::random()?));
        let birth = Birth {
            number,
            account: caller.account.clone(),
            task_type: TaskType::OnDemand,
            schedule: None,
            checks,
            topic_arn,
        };
        audit_start::start(self, caller, birth, None).await?;
        write(&Started { task_id: number.task_id() })
    }

    /// The checks that a request names, each once, as they are set; and the topic that hears of the
    /// end. All must be enabled.
    pub(super) async fn checks_to_run(
        &self,
        caller: &Caller,
        names: &[String],
    ) -> Result<(Vec<(Check, CheckConfig)>, Option<String>), Failure> {
        let configuration = self.audit_configuration(caller).await?.ok_or_else(|| {
            // The wording is ours.
            invalid("Audits are not configured in this account")
        })?;
        let mut checks: Vec<(Check, CheckConfig)> = Vec::new();
        for name in names {
            let check = check(name)?;
            let Some((true, config)) = configuration.checks.get(&check) else {
                // The wording is ours.
                return Err(invalid(format!("The check {name} is not enabled")).into());
            };
            if checks.iter().all(|(known, _)| *known != check) {
                checks.push((check, *config));
            }
        }
        if checks.is_empty() {
            // The wording is ours.
            return Err(invalid("At least one check must be named").into());
        }
        Ok((checks, configuration.topic().cloned()))
    }

    async fn has_room_for_audit(&self, caller: &Caller) -> Result<(), Failure> {
        let mut query = audits(caller);
        query.status = Some(TaskStatus::InProgress.number());
        let mut running = 0;
        loop {
            let page = self.engine.list(&query).await?;
            let types = page.rows.iter().map(task_type).collect::<Result<Vec<_>, _>>()?;
            running += types.iter().filter(|task| **task == TaskType::OnDemand).count();
            if running >= ON_DEMAND_AUDITS_MAX {
                // The wording is ours.
                let message = format!("{ON_DEMAND_AUDITS_MAX} audits on demand are in progress");
                return Err(Refusal::new(Code::LimitExceededException, message).into());
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn describe_audit(&self, caller: &Caller, request: Task) -> Answer {
        let id = &request.task_id;
        let number = AuditNumber::of_task(id).ok_or_else(|| not_found(id))?;
        let (_, details) = self.audit(caller, number).await?.ok_or_else(|| not_found(id))?;
        let checks = details.checks.iter();
        write(&Described {
            task_status: details.status.name(),
            task_type: details.task_type.name(),
            task_start_time: Epoch(details.started),
            task_statistics: statistics(&details),
            scheduled_audit_name: details.schedule.as_deref(),
            audit_details: checks.map(|(check, of)| (check.name(), shown(of))).collect(),
        })
    }

    async fn cancel_audit(&self, caller: &Caller, request: Task) -> Answer {
        let id = &request.task_id;
        let number = AuditNumber::of_task(id).ok_or_else(|| not_found(id))?;
        let (audit, _) = self.audit(caller, number).await?.ok_or_else(|| not_found(id))?;
        match self.engine.signal::<Audit>(audit, Signal::Cancel).await {
            Ok(()) => nothing(),
            Err(SignalError::NotFound) => Err(not_found(id).into()),
            Err(SignalError::Closed | SignalError::Refused(AuditRefusal::Ended)) => {
                // The wording is ours.
                Err(invalid(format!("The audit task {id} is not in progress")).into())
            }
            Err(SignalError::Fault(fault)) => Err(fault.into()),
        }
    }

    async fn list_audits(&self, caller: &Caller, request: List) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            tasks: Vec<ShownTask>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let (start, end) = period(request.start_time, request.end_time)?;
        if start < self.horizon() {
            // The wording is ours; that it is refused stands in the service model.
            return Err(invalid("The start time must not be more than 90 days ago").into());
        }
        let period = format!("{}-{}", start.as_millis(), end.as_millis());
        let (kind, status) = (request.task_type.as_deref(), request.task_status.as_deref());
        let filter = format!("{} {}", kind.unwrap_or("-"), status.unwrap_or("-"));
        let parts = ["ListAuditTasks", period.as_str(), filter.as_str()];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let mut query = audits(caller);
        query.status = status.and_then(TaskStatus::named).map(TaskStatus::number);
        query.after = Some(up_to(end));
        if let Some(place) = request.paging.cursor(bound)? {
            query.after = Some(place);
        }
        let kind = kind.and_then(TaskType::named);
        let limit = request.paging.limit();
        let wanted = |row: &ListRow, of: TaskType| {
            (row.summary.started >= start).then(|| kind.is_none_or(|kind| kind == of))
        };
        let (tasks, next) = self.audits_page(query, limit, wanted).await?;
        let next_token = next.map(|place| bound.seal(&write_cursor(place)));
        write(&Listed { tasks, next_token })
    }

    /// A page of the audits that are wanted, until one is not even in the period; and where the
    /// next page goes on.
    async fn audits_page(
        &self,
        mut query: ListQuery,
        limit: usize,
        wanted: impl Fn(&ListRow, TaskType) -> Option<bool>,
    ) -> Result<(Vec<ShownTask>, Option<Cursor>), Fault> {
        let mut tasks = Vec::new();
        let mut last = None;
        let mut looks = 0;
        loop {
            let page = self.engine.list(&query).await?;
            for row in &page.rows {
                looks += 1;
                let of = task_type(row)?;
                match wanted(row, of) {
                    None => return Ok((tasks, None)),
                    Some(false) => continue,
                    Some(true) if tasks.len() == limit => return Ok((tasks, last)),
                    Some(true) => {}
                }
                let status = TaskStatus::numbered(row.summary.status);
                tasks.push(ShownTask {
                    task_id: row.name.clone(),
                    task_status: status.map_or("", TaskStatus::name),
                    task_type: of.name(),
                });
                last = Some(Cursor { started: row.summary.started, id: row.id });
            }
            match page.next {
                None => return Ok((tasks, None)),
                Some(next) if looks >= LOOKS_MAX => return Ok((tasks, Some(next))),
                Some(next) => query.after = Some(next),
            }
        }
    }
}

/// The list of all audits of an account.
fn audits(caller: &Caller) -> ListQuery {
    ListQuery {
        kind: KIND,
        scope: caller.scope.to_string(),
        parent: PARENT.to_owned(),
        status: None,
        after: None,
        limit: AUDITS_AT_ONCE,
    }
}

fn task_type(row: &ListRow) -> Result<TaskType, Fault> {
    let columns = Columns::read(&row.summary.columns);
    columns.map(|columns| columns.task_type).ok_or_else(|| Fault::new("an audit's row is damaged"))
}

fn statistics(details: &Details) -> Statistics {
    let mut counts = Statistics::default();
    for check in details.checks.values() {
        counts.total_checks += 1;
        *match check.status {
            CheckStatus::InProgress => &mut counts.in_progress_checks,
            CheckStatus::WaitingForDataCollection => &mut counts.waiting_for_data_collection_checks,
            CheckStatus::Canceled => &mut counts.canceled_checks,
            CheckStatus::CompletedCompliant => &mut counts.compliant_checks,
            CheckStatus::CompletedNonCompliant => &mut counts.non_compliant_checks,
            CheckStatus::Failed => &mut counts.failed_checks,
        } += 1;
    }
    counts
}

fn shown(check: &CheckDetails) -> ShownCheck<'_> {
    let is_compliant = match check.status {
        CheckStatus::CompletedCompliant => Some(true),
        CheckStatus::CompletedNonCompliant => Some(false),
        _ => None,
    };
    let counted = |count: u64| is_compliant.map(|_| count);
    let error = check.error.as_ref();
    ShownCheck {
        check_run_status: check.status.name(),
        check_compliant: is_compliant,
        total_resources_count: counted(check.examined),
        non_compliant_resources_count: counted(check.non_compliant),
        suppressed_non_compliant_resources_count: counted(check.suppressed),
        error_code: error.map(|error| error.code.as_str()).filter(|code| !code.is_empty()),
        message: error.map(|error| error.message.as_str()),
    }
}
