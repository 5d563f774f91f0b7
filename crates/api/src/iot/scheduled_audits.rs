//! Scheduled audits.
//!
//! A row of the catalog leads from a name to a number, and the number to the engine's execution,
//! which has all the rest. The row is written first: one that a crash left without an execution
//! leads nowhere, and gives way to a new scheduled audit of its name. One that was deleted and one
//! that was created later are two executions.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_audit::Schedule;
use trackway_audit::check::Check;
use trackway_audit::limits::SCHEDULED_AUDITS_MAX;
use trackway_audit::schedule::{
    ACTIVE, Birth, Columns, Days, Frequency, KIND, MonthDay, Refusal as MachineRefusal, Signal,
    Timing, Weekday, entity_arn,
};
use trackway_core::{ExecutionId, Payload, Start as Beginning};
use trackway_engine::{Definition, Durability, Fault, SignalError, StartError, StartRequest};
use trackway_registry::table::SCHEDULED_AUDITS;
use trackway_registry::tags::{self, Tags};
use trackway_registry::{record, text};

use super::arn::arn;
use super::audited::invalid;
use super::lists::Paging;
use super::refusal::{Code, Failure, Refusal};
use super::tags::TagList;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{nothing, read, write};
use crate::page::Bound;

/// What lists of the engine group scheduled audits under.
const PARENT: &str = "scheduledaudits";
/// What their ARNs say before their names.
const ARN_KIND: &str = "scheduledaudit";

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateScheduledAudit",
        "DeleteScheduledAudit",
        "DescribeScheduledAudit",
        "ListScheduledAudits",
        "UpdateScheduledAudit",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateScheduledAudit" => service.create_scheduled_audit(caller, read(input)?).await,
        "DeleteScheduledAudit" => service.delete_scheduled_audit(caller, read(input)?).await,
        "DescribeScheduledAudit" => service.describe_scheduled_audit(caller, read(input)?).await,
        "ListScheduledAudits" => service.list_scheduled_audits(caller, read(input)?).await,
        "UpdateScheduledAudit" => service.update_scheduled_audit(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    scheduled_audit_name: String,
    #[serde(flatten)]
    days: AskedDays,
    target_check_names: Vec<String>,
    #[serde(default)]
    tags: TagList,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    scheduled_audit_name: String,
    #[serde(flatten)]
    days: AskedDays,
    target_check_names: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedDays {
    frequency: Option<Frequency>,
    day_of_month: Option<String>,
    day_of_week: Option<Weekday>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    scheduled_audit_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    scheduled_audit_arn: String,
}

/// `ScheduledAuditMetadata`, and with its checks what DescribeScheduledAudit shows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    scheduled_audit_name: String,
    scheduled_audit_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency: Option<Frequency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day_of_month: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    day_of_week: Option<Weekday>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_check_names: Option<Vec<Check>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    scheduled_audits: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A scheduled audit that is there.
pub(super) struct ScheduledAudit {
    /// Its name.
    pub(super) name: String,
    /// Its checks.
    pub(super) checks: Vec<Check>,
    timing: Timing,
    id: ExecutionId,
}

impl ScheduledAudit {
    fn shown(self, caller: &Caller, checks: Option<Vec<Check>>) -> Shown {
        let Days { frequency, month_day, weekday } = self.timing.days();
        Shown {
            scheduled_audit_arn: arn(caller, ARN_KIND, &self.name),
            scheduled_audit_name: self.name,
            frequency,
            day_of_month: month_day.map(MonthDay::name),
            day_of_week: weekday,
            target_check_names: checks,
        }
    }
}

impl AskedDays {
    fn read(self) -> Result<Days, Refusal> {
        let month_day = self.day_of_month.map(|text| {
            // The model has this constraint too.
            MonthDay::named(&text).ok_or_else(|| invalid(format!("Invalid dayOfMonth: {text}")))
        });
        Ok(Days {
            frequency: self.frequency,
            month_day: month_day.transpose()?,
            weekday: self.day_of_week,
        })
    }
}

fn not_found(name: &str) -> Refusal {
    // The wording is ours.
    Refusal::new(Code::ResourceNotFoundException, format!("There is no scheduled audit {name}"))
}

impl Iot {
    async fn create_scheduled_audit(&self, caller: &Caller, request: Create) -> Answer {
        let name = request.scheduled_audit_name;
        // The wordings of what doesn't fit together are ours.
        let timing =
            Timing::of(request.days.read()?, None).map_err(|it| invalid(it.to_string()))?;
        let _scheduling = self.scheduling.lock().await;
        let checks = self.enabled_checks(caller, &request.target_check_names).await?;
        if self.scheduled_audit(caller, &name).await?.is_some() {
            // The wording is ours.
            let message = format!("The scheduled audit {name} already exists");
            let refusal = Refusal::new(Code::ResourceAlreadyExistsException, message);
            let refusal = refusal.with("resourceArn", arn(caller, ARN_KIND, &name));
            return Err(refusal.with("resourceId", name).into());
        }
        let (others, _) = self.scheduled_audits(caller, None, SCHEDULED_AUDITS_MAX).await?;
        if others.len() >= SCHEDULED_AUDITS_MAX {
            // The wording is ours.
            let message = format!("There are {SCHEDULED_AUDITS_MAX} scheduled audits already");
            return Err(Refusal::new(Code::LimitExceededException, message).into());
        }
        let number = u64::from_be_bytes(text::random()?);
        self.claim(caller, &name, number, &request.tags.0).await?;
        let changed = Changed { scheduled_audit_arn: arn(caller, ARN_KIND, &name) };
        self.begin_schedule(caller, number, Birth { name, timing, checks }).await?;
        write(&changed)
    }

    /// The row of the name, before the scheduled audit itself.
    async fn claim(
        &self,
        caller: &Caller,
        name: &str,
        number: u64,
        tags: &Tags,
    ) -> Result<(), Failure> {
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            txn.put(SCHEDULED_AUDITS, name.as_bytes(), &number)?;
            tags::put(&mut txn, &arn(caller, ARN_KIND, name), tags)?;
            if txn.commit().await? {
                return Ok(());
            }
        }
    }

    async fn begin_schedule(
        &self,
        caller: &Caller,
        number: u64,
        birth: Birth,
    ) -> Result<(), Failure> {
        let input = serde_json::to_string(&birth)
            .map_err(|error| Fault::new(format!("could not write a scheduled audit: {error}")))?;
        let request = StartRequest {
            kind: KIND,
            scope: caller.scope.clone(),
            parent: PARENT.into(),
            definition: Definition::new(""),
            start: Beginning {
                arn: entity_arn(&caller.account, &caller.region, number),
                definition_arn: String::new(),
                name: birth.name,
                role_arn: String::new(),
                input: Payload::new(input),
                attributes: Vec::new(),
            },
            reply_to: None,
            durability: Durability::Durable,
        };
        match self.engine.start(request).await {
            Ok(_) => Ok(()),
            Err(StartError::Fault(fault)) => Err(fault.into()),
            Err(other) => Err(Fault::new(other.to_string()).into()),
        }
    }

    async fn update_scheduled_audit(&self, caller: &Caller, request: Update) -> Answer {
        let name = request.scheduled_audit_name;
        let days = request.days.read()?;
        let _scheduling = self.scheduling.lock().await;
        let audit = self.scheduled_audit(caller, &name).await?.ok_or_else(|| not_found(&name))?;
        let checks = match &request.target_check_names {
            Some(names) => Some(self.enabled_checks(caller, names).await?),
            None => None,
        };
        let signal = Signal::Update { days, checks };
        self.tell_schedule(audit, signal).await?;
        write(&Changed { scheduled_audit_arn: arn(caller, ARN_KIND, &name) })
    }

    async fn describe_scheduled_audit(&self, caller: &Caller, request: Named) -> Answer {
        let name = &request.scheduled_audit_name;
        let audit = self.scheduled_audit(caller, name).await?.ok_or_else(|| not_found(name))?;
        let checks = audit.checks.clone();
        write(&audit.shown(caller, Some(checks)))
    }

    async fn delete_scheduled_audit(&self, caller: &Caller, request: Named) -> Answer {
        let name = &request.scheduled_audit_name;
        let _scheduling = self.scheduling.lock().await;
        let audit = self.scheduled_audit(caller, name).await?.ok_or_else(|| not_found(name))?;
        self.drop_scheduled_audit(caller, audit).await?;
        nothing()
    }

    async fn list_scheduled_audits(&self, caller: &Caller, request: List) -> Answer {
        let bound = Bound { engine: &self.engine, caller, request: &["ListScheduledAudits"] };
        let after = request.paging.after(bound)?;
        let limit = request.paging.limit();
        let (audits, more) = self.scheduled_audits(caller, after, limit).await?;
        let last = audits.last().filter(|_| more);
        let next_token = last.map(|audit| bound.seal(audit.name.as_bytes()));
        let scheduled_audits = audits.into_iter().map(|audit| audit.shown(caller, None)).collect();
        write(&Listed { scheduled_audits, next_token })
    }

    /// The checks with these names, each once; all must be enabled.
    async fn enabled_checks(
        &self,
        caller: &Caller,
        names: &[String],
    ) -> Result<Vec<Check>, Failure> {
        let (checks, _) = self.checks_to_run(caller, names).await?;
        Ok(checks.into_iter().map(|(check, _)| check).collect())
    }

    async fn scheduled_audit(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<ScheduledAudit>, Failure> {
        let catalog = self.registry.catalog();
        let row = catalog.get(&caller.scope, SCHEDULED_AUDITS, name.as_bytes()).await?;
        let Some(row) = row else { return Ok(None) };
        let number: u64 = record::decode(&row)?;
        let id = ExecutionId::of(&entity_arn(&caller.account, &caller.region, number));
        let Some(record) = self.engine.record(id).await? else { return Ok(None) };
        if record.summary.status != ACTIVE {
            return Ok(None);
        }
        let Columns { timing, checks } = Columns::read(&record.summary.columns)
            .ok_or_else(|| Fault::new("the columns of a scheduled audit are damaged"))?;
        Ok(Some(ScheduledAudit { name: name.to_owned(), checks, timing, id }))
    }

    /// So many scheduled audits by name, and whether more follow. A row that leads nowhere is passed
    /// over.
    async fn scheduled_audits(
        &self,
        caller: &Caller,
        mut after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<(Vec<ScheduledAudit>, bool), Failure> {
        let (catalog, mut found) = (self.registry.catalog(), Vec::new());
        loop {
            let (table, last) = (SCHEDULED_AUDITS, after.as_deref());
            let page = catalog.list(&caller.scope, table, b"", last, SCHEDULED_AUDITS_MAX).await?;
            for (key, _) in &page.rows {
                let audit = self.scheduled_audit(caller, &String::from_utf8_lossy(key)).await?;
                let Some(audit) = audit else { continue };
                if found.len() == limit {
                    return Ok((found, true));
                }
                found.push(audit);
            }
            match page.rows.last() {
                Some((key, _)) if page.more => after = Some(key.to_vec()),
                _ => return Ok((found, false)),
            }
        }
    }

    /// All scheduled audits, and which checks each of them runs. Who decides on the answer holds
    /// `scheduling` meanwhile: nobody creates or changes one then.
    pub(super) async fn every_scheduled_audit(
        &self,
        caller: &Caller,
    ) -> Result<Vec<ScheduledAudit>, Failure> {
        Ok(self.scheduled_audits(caller, None, usize::MAX).await?.0)
    }

    /// Deletes a scheduled audit, also when the account's configuration goes. The caller holds
    /// `scheduling`. It goes before its name does, so that a crash in between leaves a row that leads
    /// nowhere. Audits that it has started go on.
    pub(super) async fn drop_scheduled_audit(
        &self,
        caller: &Caller,
        audit: ScheduledAudit,
    ) -> Result<(), Failure> {
        let (key, arn) = (audit.name.clone().into_bytes(), arn(caller, ARN_KIND, &audit.name));
        self.tell_schedule(audit, Signal::Delete).await?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            txn.delete(SCHEDULED_AUDITS, &key);
            tags::delete(&mut txn, &arn);
            if txn.commit().await? {
                return Ok(());
            }
        }
    }

    async fn tell_schedule(&self, audit: ScheduledAudit, signal: Signal) -> Result<(), Failure> {
        match self.engine.signal::<Schedule>(audit.id, signal).await {
            Ok(()) => Ok(()),
            Err(SignalError::Refused(MachineRefusal::Timing(problem))) => {
                // The wordings are ours.
                Err(invalid(problem.to_string()).into())
            }
            Err(
                SignalError::NotFound
                | SignalError::Closed
                | SignalError::Refused(MachineRefusal::Deleted),
            ) => Err(not_found(&audit.name).into()),
            Err(SignalError::Fault(fault)) => Err(fault.into()),
        }
    }
}
