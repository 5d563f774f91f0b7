//! Mitigation tasks over violations of security profiles.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_audit::action::ActionType;
use trackway_audit::audit::TaskStatus;
use trackway_audit::mitigation::{Birth, Surface, Target, Violations};
use trackway_core::Timestamp;
use trackway_engine::Fault;
use trackway_registry::{record, security_profiles, table};

use super::audited::{invalid, period};
use super::detect_executions;
use super::lists::Paging;
use super::mitigation::{About, OfTask, Period, Task, Wanted, not_found, tasks_of};
use super::mitigation_actions::show_defined;
use super::refusal::Failure;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, read, write};
use crate::page::{Bound, write_cursor};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CancelDetectMitigationActionsTask",
        "DescribeDetectMitigationActionsTask",
        "ListDetectMitigationActionsExecutions",
        "ListDetectMitigationActionsTasks",
        "StartDetectMitigationActionsTask",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CancelDetectMitigationActionsTask" => {
            let OfTask { task_id } = read(input)?;
            service.cancel_task(caller, Surface::Detect, &task_id).await
        }
        "DescribeDetectMitigationActionsTask" => {
            service.describe_detect_task(caller, read(input)?).await
        }
        "ListDetectMitigationActionsExecutions" => {
            detect_executions::list(service, caller, read(input)?).await
        }
        "ListDetectMitigationActionsTasks" => service.list_detect_tasks(caller, read(input)?).await,
        "StartDetectMitigationActionsTask" => service.start_detect_task(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    task_id: String,
    target: Given,
    actions: Vec<String>,
    violation_event_occurrence_range: Option<Range>,
    include_only_active_violations: Option<bool>,
    include_suppressed_alerts: Option<bool>,
    client_request_token: String,
}

/// `DetectMitigationActionsTaskTarget`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    violation_ids: Option<Vec<String>>,
    security_profile_name: Option<String>,
    behavior_name: Option<String>,
}

/// `ViolationEventOccurrenceRange`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    start_time: f64,
    end_time: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    start_time: f64,
    end_time: f64,
    #[serde(flatten)]
    paging: Paging,
}

impl Iot {
    async fn start_detect_task(&self, caller: &Caller, request: Start) -> Answer {
        let wanted = Wanted {
            surface: Surface::Detect,
            task_id: &request.task_id,
            token: &request.client_request_token,
        };
        if !self.has_begun(caller, &wanted).await? {
            let target = self.violations_wanted(caller, &request).await?;
            let actions = self.actions_named(caller, request.actions.iter()).await?;
            for action in &actions {
                let action_type = action.params.action_type();
                // Source: Developer Guide, "Mitigation actions" of Detect.
                if action_type != ActionType::AddThingsToThingGroup {
                    // The wording is ours.
                    return Err(invalid(format!(
                        "The mitigation action {} of type {} can't be applied to violations",
                        action.name,
                        action_type.name()
                    ))
                    .into());
                }
            }
            let birth = Birth {
                task_id: request.task_id.clone(),
                target: Target::Violations(target),
                mapping: Default::default(),
                actions,
            };
            self.begin_task(caller, &wanted, &birth).await?;
        }
        write(&json!({ "taskId": request.task_id }))
    }

    async fn violations_wanted(
        &self,
        caller: &Caller,
        request: &Start,
    ) -> Result<Violations, Failure> {
        let range = request.violation_event_occurrence_range.as_ref();
        let range = range.map(|range| period(range.start_time, range.end_time)).transpose()?;
        let mut wanted = Violations {
            range: range.map(|(from, to)| (from.as_millis(), to.as_millis())),
            only_active: request.include_only_active_violations.unwrap_or(false),
            with_suppressed: request.include_suppressed_alerts.unwrap_or(false),
            ..Violations::default()
        };
        let Given { violation_ids, security_profile_name, behavior_name } = &request.target;
        match (violation_ids, security_profile_name, behavior_name) {
            (Some(ids), None, None) => {
                for id in ids {
                    if !self.has_row(caller, table::VIOLATIONS, id).await? {
                        // The wording is ours.
                        return Err(invalid(format!("The violation {id} does not exist")).into());
                    }
                    if !wanted.ids.contains(id) {
                        wanted.ids.push(id.clone());
                    }
                }
            }
            (None, Some(profile), behavior) => {
                if !self.has_row(caller, table::SECURITY_PROFILES, profile).await? {
                    // The wording is ours.
                    let message = format!("The security profile {profile} does not exist");
                    return Err(invalid(message).into());
                }
                if let Some(behavior) = behavior
                    && !self.knows_behavior(caller, profile, behavior).await?
                {
                    // The wording is ours.
                    let message =
                        format!("The security profile {profile} has no behavior {behavior}");
                    return Err(invalid(message).into());
                }
                wanted.profile = Some(profile.clone());
                wanted.behavior.clone_from(behavior);
            }
            _ => {
                // The wording is ours.
                return Err(invalid(
                    "The target must have either violationIds or a securityProfileName, with or \
                     without a behaviorName",
                )
                .into());
            }
        }
        Ok(wanted)
    }

    /// Whether a security profile has such a behavior, or had it: its violations outlive it.
    async fn knows_behavior(
        &self,
        caller: &Caller,
        profile: &str,
        behavior: &str,
    ) -> Result<bool, Failure> {
        let prefix = record::prefix(&[profile, behavior]);
        let (catalog, table) = (self.registry.catalog(), table::BEHAVIOR_VIOLATIONS);
        if !catalog.list(&caller.scope, table, &prefix, None, 1).await?.rows.is_empty() {
            return Ok(true);
        }
        let mut txn = self.registry.begin(&caller.scope);
        let settings = security_profiles::get(&mut txn, profile).await?.settings()?;
        Ok(settings.behaviors.unwrap_or_default().iter().any(|known| known.name == behavior))
    }

    async fn has_row(&self, caller: &Caller, table: u8, name: &str) -> Result<bool, Fault> {
        let catalog = self.registry.catalog();
        Ok(catalog.get(&caller.scope, table, name.as_bytes()).await?.is_some())
    }

    async fn describe_detect_task(&self, caller: &Caller, request: OfTask) -> Answer {
        let task = self.task(caller, Surface::Detect, &request.task_id).await?;
        let task = task.ok_or_else(|| not_found(&request.task_id))?;
        write(&json!({ "taskSummary": show(&task) }))
    }

    async fn list_detect_tasks(&self, caller: &Caller, request: List) -> Answer {
        let (from, to) = period(request.start_time, request.end_time)?;
        let period = Period { from, to };
        let times = format!("{}-{}", from.as_millis(), to.as_millis());
        let parts = ["ListDetectMitigationActionsTasks", times.as_str()];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let mut query = tasks_of(caller, Surface::Detect, &period);
        if let Some(place) = request.paging.cursor(bound)? {
            query.after = Some(place);
        }
        let limit = request.paging.limit();
        let (rows, next) = self.list_tasks(query, &period, &About::default(), limit).await?;
        let mut tasks = Vec::with_capacity(rows.len());
        for row in rows {
            tasks.extend(self.task_of(row.id).await?.as_ref().map(show));
        }
        let mut answer = json!({ "tasks": tasks });
        if let Some(next) = next {
            answer["nextToken"] = json!(bound.seal(&write_cursor(next)));
        }
        write(&answer)
    }
}

/// `DetectMitigationActionsTaskSummary`.
fn show(task: &Task) -> Value {
    let Task { birth, details, .. } = task;
    let counts = details.action_counts();
    let mut shown = json!({
        "taskId": birth.task_id,
        "taskStatus": status(details.status),
        "taskStartTime": Epoch(details.started),
        "actionsDefinition": birth.actions.iter().map(show_defined).collect::<Vec<_>>(),
        "taskStatistics": {
            "actionsExecuted": counts.succeeded,
            "actionsSkipped": counts.skipped,
            "actionsFailed": counts.failed,
        },
    });
    if let Some(ended) = details.ended {
        shown["taskEndTime"] = json!(Epoch(ended));
    }
    if let Target::Violations(wanted) = &birth.target {
        shown["target"] = show_target(wanted);
        shown["onlyActiveViolationsIncluded"] = json!(wanted.only_active);
        shown["suppressedAlertsIncluded"] = json!(wanted.with_suppressed);
        if let Some((from, to)) = wanted.range {
            shown["violationEventOccurrenceRange"] = json!({
                "startTime": Epoch(Timestamp(from)),
                "endTime": Epoch(Timestamp(to)),
            });
        }
    }
    shown
}

fn show_target(wanted: &Violations) -> Value {
    let mut shown = json!({});
    if !wanted.ids.is_empty() {
        shown["violationIds"] = json!(wanted.ids);
    }
    if let Some(profile) = &wanted.profile {
        shown["securityProfileName"] = json!(profile);
    }
    if let Some(behavior) = &wanted.behavior {
        shown["behaviorName"] = json!(behavior);
    }
    shown
}

/// `DetectMitigationActionsTaskStatus`.
fn status(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Completed => "SUCCESSFUL",
        other => other.name(),
    }
}
