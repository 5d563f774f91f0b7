//! State Manager: associations, their versions, runs and targets, compliance.
//!
//! An association is an execution of its own kind, and so is each of its runs, listed under it; what
//! lists and descriptions show are their summaries and views. The catalog has one row an
//! association of the legacy form, so that a document and a node have one at most.

mod calendars;
mod change;
mod check;
mod compliance;
mod describe;
mod events;
mod executions;
mod instances;
mod list;
mod overview;
mod parameters;
mod performer;
mod targets;

use serde_json::{Value, json};
use trackway_association::association::{ACTIVE, Columns, KIND};
use trackway_association::request::association_arn;
use trackway_association::{Association, run};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Fault, ListQuery, Record};

pub(super) use events::{document_changed, parameter_changed, uses_document};
pub(super) use overview::{Known, Overview};
pub use performer::Associations;

use super::refusal::{Code, Failure, Refusal};
use super::tags::Tags;
use super::{Answer, Group, Ssm, table};
use crate::Caller;
use crate::answer::{Epoch, read};

/// Associations read at once where all are looked at.
const ROWS_AT_ONCE: usize = 200;
/// Rows of a page unless fewer are asked for.
const RESULTS_DEFAULT: usize = 50;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateAssociation",
        "CreateAssociationBatch",
        "DeleteAssociation",
        "DescribeAssociation",
        "DescribeAssociationExecutionTargets",
        "DescribeAssociationExecutions",
        "DescribeEffectiveInstanceAssociations",
        "DescribeInstanceAssociationsStatus",
        "GetCalendarState",
        "ListAssociationVersions",
        "ListAssociations",
        "ListComplianceItems",
        "ListComplianceSummaries",
        "ListResourceComplianceSummaries",
        "PutComplianceItems",
        "StartAssociationsOnce",
        "UpdateAssociation",
        "UpdateAssociationStatus",
    ],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateAssociation" => ssm.create_association(caller, input).await,
        "CreateAssociationBatch" => ssm.create_association_batch(caller, input).await,
        "DeleteAssociation" => ssm.delete_association(caller, read(input)?).await,
        "DescribeAssociation" => ssm.describe_association(caller, read(input)?).await,
        "DescribeAssociationExecutionTargets" => {
            ssm.describe_association_execution_targets(caller, read(input)?).await
        }
        "DescribeAssociationExecutions" => {
            ssm.describe_association_executions(caller, read(input)?).await
        }
        "DescribeEffectiveInstanceAssociations" => {
            ssm.describe_effective_instance_associations(caller, read(input)?).await
        }
        "DescribeInstanceAssociationsStatus" => {
            ssm.describe_instance_associations_status(caller, read(input)?).await
        }
        "GetCalendarState" => ssm.get_calendar_state(caller, read(input)?).await,
        "ListAssociationVersions" => ssm.list_association_versions(caller, read(input)?).await,
        "ListAssociations" => ssm.list_associations(caller, read(input)?).await,
        "ListComplianceItems" => ssm.list_compliance_items(caller, read(input)?).await,
        "ListComplianceSummaries" => ssm.list_compliance_summaries(caller, read(input)?).await,
        "ListResourceComplianceSummaries" => {
            ssm.list_resource_compliance_summaries(caller, read(input)?).await
        }
        "PutComplianceItems" => ssm.put_compliance_items(caller, read(input)?).await,
        "StartAssociationsOnce" => ssm.start_associations_once(caller, read(input)?).await,
        "UpdateAssociation" => ssm.update_association(caller, input).await,
        "UpdateAssociationStatus" => ssm.update_association_status(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// An association that is there.
struct Found {
    arn: String,
    columns: Columns,
}

impl Found {
    fn id(&self) -> ExecutionId {
        ExecutionId::of(&self.arn)
    }

    /// Whether it applies to things that a runbook works on, rather than to nodes.
    fn is_automation(&self) -> bool {
        self.columns.spec.automation_target_parameter_name.is_some()
    }

    /// Whether it targets a node with these tags.
    fn means(&self, node: &str, tags: &Tags) -> bool {
        !self.is_automation() && targets::mean(&self.columns.spec.targets, node, tags)
    }

    /// The identity of one of its runs.
    fn run(&self, execution_id: &str) -> ExecutionId {
        ExecutionId::of(&trackway_association::request::run_arn(&self.arn, execution_id))
    }
}

fn does_not_exist() -> Refusal {
    Refusal::new(Code::AssociationDoesNotExist, "The specified association does not exist.")
}

fn not_the_latest() -> Refusal {
    let message = "The update is not valid: the association has a later version.";
    Refusal::new(Code::InvalidUpdate, message)
}

fn no_such_node(id: &str) -> Refusal {
    let message = format!("The managed node {id} is not registered in this account and Region.");
    Refusal::new(Code::InvalidInstanceId, message)
}

/// The columns of a list row or a record.
fn columns(bytes: &[u8]) -> Result<Columns, Fault> {
    Columns::decode(bytes).ok_or_else(|| Fault::new("an association's columns are damaged"))
}

/// The columns of a run.
fn run_columns(bytes: &[u8]) -> Result<run::Columns, Fault> {
    run::Columns::decode(bytes).ok_or_else(|| Fault::new("a run's columns are damaged"))
}

impl Ssm {
    /// An association by its id, unless it was deleted.
    async fn association(&self, caller: &Caller, id: &str) -> Result<Found, Failure> {
        let arn = association_arn(&caller.account, &caller.region, &id.to_ascii_lowercase());
        let record = self.engine.record(ExecutionId::of(&arn)).await?;
        let is_it = |record: &Record| record.kind == KIND && record.summary.status == ACTIVE;
        let record = record.filter(is_it).ok_or_else(does_not_exist)?;
        Ok(Found { arn, columns: columns(&record.summary.columns)? })
    }

    /// An association by its id, or one of the legacy form by its document and node.
    async fn association_of(
        &self,
        caller: &Caller,
        id: Option<&str>,
        (name, node): (Option<&str>, Option<&str>),
    ) -> Result<Found, Failure> {
        let id = match (id, name, node) {
            (Some(id), ..) => id.to_owned(),
            (None, Some(name), Some(node)) => {
                let row = self.row(caller, table::ASSOCIATIONS, &legacy_key(name, node)).await?;
                let row = row.ok_or_else(does_not_exist)?;
                String::from_utf8_lossy(&row).into_owned()
            }
            _ => {
                let message = "Give AssociationId, or Name and InstanceId.";
                return Err(super::refusal::invalid(message).into());
            }
        };
        self.association(caller, &id).await
    }

    /// Some associations, newest first, and where the next ones begin.
    async fn associations_after(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
    ) -> Result<(Vec<(Cursor, Found)>, bool), Fault> {
        let query = ListQuery {
            kind: KIND,
            scope: caller.scope.to_string(),
            parent: String::new(),
            status: Some(ACTIVE),
            after,
            limit: ROWS_AT_ONCE,
        };
        let page = self.engine.list(&query).await?;
        let rows = page.rows.into_iter().map(|row| {
            let cursor = Cursor { started: row.summary.started, id: row.id };
            Ok((cursor, Found { arn: row.arn, columns: columns(&row.summary.columns)? }))
        });
        Ok((rows.collect::<Result<_, Fault>>()?, page.next.is_some()))
    }

    /// Every association of a caller.
    async fn every_association(&self, caller: &Caller) -> Result<Vec<Found>, Fault> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (rows, more) = self.associations_after(caller, after).await?;
            after = rows.last().map(|(cursor, _)| *cursor);
            all.extend(rows.into_iter().map(|(_, found)| found));
            if !more {
                return Ok(all);
            }
        }
    }

    /// Gives an association a signal. One that was deleted meanwhile does not exist.
    async fn tell_association(
        &self,
        found: &Found,
        signal: trackway_association::association::Signal,
    ) -> Result<(), Failure> {
        use trackway_association::association::Refusal as Refused;
        use trackway_engine::SignalError;
        let refusal = match self.engine.signal::<Association>(found.id(), signal).await {
            Ok(()) => return Ok(()),
            Err(SignalError::Fault(fault)) => return Err(fault.into()),
            Err(SignalError::NotFound | SignalError::Closed) => does_not_exist(),
            Err(SignalError::Refused(Refused::Deleted)) => does_not_exist(),
            Err(SignalError::Refused(Refused::NotTheLatest)) => not_the_latest(),
            Err(SignalError::Refused(Refused::TooManyVersions)) => Refusal::new(
                Code::AssociationVersionLimitExceeded,
                "You have reached the maximum number versions allowed for an association. Each association has a limit of 1,000 versions.",
            ),
        };
        Err(refusal.into())
    }
}

/// The key of a legacy association.
fn legacy_key(name: &str, node: &str) -> Vec<u8> {
    format!("{name}\0{node}").into_bytes()
}

/// A moment as answers have it.
fn epoch(millis: i64) -> Value {
    json!(Epoch(Timestamp(millis)))
}
