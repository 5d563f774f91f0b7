//! What must hold of the registry, of audits and of tasks, whoever came first.

use std::collections::{BTreeMap, BTreeSet};

use trackway_audit::action::ActionParams;
use trackway_audit::audit::{self, Finding, VIEW_DETAILS, VIEW_FINDINGS, finding_key};
use trackway_audit::check::Check;
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::mitigation::{
    ActionCounts, Birth, Counts, Details, EventKind, ExecutionStatus, Item, Row, VIEW_ITEMS,
    VIEW_TASK,
};
use trackway_audit::{Mitigation, resource::Resource};
use trackway_core::ExecutionId;
use trackway_engine::{Fault, RowQuery};
use trackway_registry::record::{self, CaCertificate, Certificate, CertificateStatus, LoggingV2};
use trackway_registry::{Registry, policies, table};

use super::town::{self, Change, GROUP, NARROW};
use super::{ACCOUNT, AUDITS, Played, REGION, ROLE, SCOPE, Task};
use crate::journal;

/// More rows than there are.
const ALL: usize = 10_000;

/// By resource, the actions that tasks have completed on it.
type Completed = BTreeMap<Resource, Vec<ActionParams>>;

struct Judge<'p> {
    played: &'p Played,
    registry: &'p Registry,
    completed: Completed,
    problems: Vec<String>,
}

/// What is wrong.
pub(super) async fn judge(played: &Played, registry: &Registry) -> Result<Vec<String>, Fault> {
    let (completed, problems) = (Completed::new(), Vec::new());
    let mut judge = Judge { played, registry, completed, problems };
    for number in AUDITS {
        judge.audit(number).await?;
    }
    for task in &played.tasks {
        judge.task(task).await?;
    }
    for number in 0..played.town.policies.len() as u64 {
        judge.policy(number).await?;
    }
    for number in 0..played.town.devices.len() as u64 {
        judge.device(number).await?;
    }
    for number in 0..played.town.things {
        judge.thing(number).await?;
    }
    judge.others().await?;
    judge.second_look().await?;
    Ok(judge.problems)
}

impl Judge<'_> {
    fn must_equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, expected: &T) {
        if found != expected {
            self.problems.push(format!("{what}: {found:?} instead of {expected:?}"));
        }
    }

    async fn row(&self, id: ExecutionId, view: u8, key: &[u8]) -> Result<Vec<u8>, Fault> {
        let row = self.registry.reader().row(id, view, key).await?;
        row.map(|row| row.to_vec()).ok_or_else(|| Fault::new(format!("{id} has no row {key:?}")))
    }

    async fn findings(&self, number: AuditNumber, check: Check) -> Result<Vec<Finding>, Fault> {
        let query = RowQuery { prefix: vec![check.number()], ..RowQuery::first(ALL) };
        let page = self.registry.reader().rows(audit_id(number), VIEW_FINDINGS, query).await?;
        Ok(page.rows.iter().filter_map(|(_, row)| Finding::read(row)).collect())
    }

    /// The statistics of an audit are those of its findings.
    async fn audit(&mut self, number: AuditNumber) -> Result<(), Fault> {
        let row = self.row(audit_id(number), VIEW_DETAILS, audit::Details::KEY).await?;
        let details = audit::Details::read(&row).ok_or_else(|| Fault::new("no details"))?;
        for (check, of) in details.checks {
            let findings = self.findings(number, check).await?;
            let about = |suppressed: bool| {
                let those = findings.iter().filter(|finding| finding.suppressed == suppressed);
                those.map(|finding| &finding.resource).collect::<BTreeSet<_>>().len() as u64
            };
            let found = (of.findings as usize, of.non_compliant, of.suppressed);
            let what = format!("the statistics of {check:?}");
            self.must_equal(&what, &found, &(findings.len(), about(false), about(true)));
        }
        Ok(())
    }

    /// The statistics of a task are those of its executions, each of which has ended.
    async fn task(&mut self, task: &Task) -> Result<(), Fault> {
        let row = self.row(task.id(), VIEW_TASK, Details::KEY).await?;
        let details = Details::read(&row).ok_or_else(|| Fault::new("no details"))?;
        let row = self.row(task.id(), VIEW_TASK, Birth::KEY).await?;
        let birth = Birth::read(&row).ok_or_else(|| Fault::new("no birth"))?;
        let entries = journal::<Mitigation>(self.registry.reader(), task.id())?;
        let items = entries.iter().flat_map(|entry| match &entry.event.kind {
            EventKind::Planned { items, .. } => items.as_slice(),
            _ => &[],
        });
        let (mut checks, mut actions) = (BTreeMap::<Check, Counts>::new(), ActionCounts::default());
        for item in items {
            let Item::Finding(of) = item else { continue };
            let row = self.row(task.id(), VIEW_ITEMS, &item.key()).await?;
            let row = Row::read(&row).ok_or_else(|| Fault::new("no row"))?;
            let shown = details.executions(&birth, Some(of.check), &row);
            let statuses: Vec<_> = shown.iter().map(|shown| shown.execution.status).collect();
            self.executions(*of, &statuses, (&mut checks, &mut actions));
            let key = finding_key(of.check, of.place);
            let finding = self.row(audit_id(of.audit), VIEW_FINDINGS, &key).await?;
            let Some(finding) = Finding::read(&finding) else { continue };
            for shown in shown {
                if shown.execution.status == ExecutionStatus::Completed {
                    let completed = self.completed.entry(finding.resource.clone()).or_default();
                    completed.push(shown.action.params.clone());
                }
            }
        }
        self.must_equal("the actions of a task", &details.action_counts(), &actions);
        let shown = details.counts().filter(|(_, counts)| counts.total > 0).collect();
        self.must_equal("the checks of a task", &shown, &checks);
        Ok(())
    }

    /// Counts what became of an item; its actions went in order.
    fn executions(
        &mut self,
        of: FindingRef,
        statuses: &[ExecutionStatus],
        (checks, actions): (&mut BTreeMap<Check, Counts>, &mut ActionCounts),
    ) {
        use ExecutionStatus as Is;
        let counts = checks.entry(of.check).or_default();
        counts.total += 1;
        let done = statuses.iter().take_while(|status| **status == Is::Completed).count();
        match statuses.get(done) {
            None => counts.succeeded += 1,
            Some(Is::Failed) => counts.failed += 1,
            Some(_) => counts.canceled += 1,
        }
        let rest = statuses.get(done + 1..).unwrap_or_default();
        let is_in_order = match statuses.get(done) {
            None => true,
            // Where the task broke off, all of them failed.
            Some(Is::Failed) => {
                rest.iter().all(|it| *it == Is::Skipped)
                    || statuses.iter().all(|it| *it == Is::Failed)
            }
            Some(Is::Canceled) => done == 0 && rest.iter().all(|it| *it == Is::Canceled),
            Some(_) => false,
        };
        if !is_in_order {
            self.problems.push(format!("executions of {of:?} came to {statuses:?}"));
        }
        for status in statuses {
            actions.total += 1;
            match status {
                Is::Completed => actions.succeeded += 1,
                Is::Failed => actions.failed += 1,
                _ => actions.skipped += 1,
            }
        }
    }

    /// How often such an action was completed on such a resource.
    fn times(
        &self,
        resource: impl Fn(&Resource) -> bool,
        action: impl Fn(&ActionParams) -> bool,
    ) -> usize {
        let of = self.completed.iter().filter(|(it, _)| resource(it));
        of.flat_map(|(_, actions)| actions).filter(|it| action(it)).count()
    }

    fn is_touched(&self, by: impl Fn(Change) -> bool) -> bool {
        self.played.changes.iter().any(|(_, change)| by(*change))
    }

    /// A policy has one blank version for each execution that gave it one.
    async fn policy(&mut self, number: u64) -> Result<(), Fault> {
        let name = town::policy(number);
        if self.registry.catalog().get(SCOPE, table::POLICIES, name.as_bytes()).await?.is_none() {
            // A user has deleted it.
            return Ok(());
        }
        let prefix = record::prefix(&[&name]);
        let versions =
            self.registry.catalog().list(SCOPE, table::POLICY_VERSIONS, &prefix, None, ALL).await?;
        let first = policies::version_key(&name, 1);
        let blank = versions
            .rows
            .iter()
            .filter(|(key, text)| **key != *first && **text != *NARROW.as_bytes());
        let is_it = |it: &Resource| matches!(it, Resource::Policy { name: of, .. } if *of == name);
        let replaced =
            self.times(is_it, |it| matches!(it, ActionParams::ReplaceDefaultPolicyVersion));
        let (found, what) = (blank.count(), format!("blank versions of {name}"));
        self.must_equal(&what, &found, &replaced);
        Ok(())
    }

    /// A certificate that no user has touched is what the tasks made of it.
    async fn device(&mut self, number: u64) -> Result<(), Fault> {
        let touches = |change| {
            [
                Change::Activate(number),
                Change::Deactivate(number),
                Change::DeleteCertificate(number),
            ]
            .contains(&change)
        };
        if self.is_touched(touches) {
            return Ok(());
        }
        let id = town::device_id(number);
        let row = self.registry.catalog().get(SCOPE, table::CERTIFICATES, &id.0).await?;
        let row = row.ok_or_else(|| Fault::new("a certificate is gone"))?;
        let found: Certificate = record::decode(&row)?;
        let resource = Resource::DeviceCertificate(id.text());
        let updates = self
            .times(|it| *it == resource, |it| matches!(it, ActionParams::UpdateDeviceCertificate));
        let was_active = self.played.town.devices[number as usize].is_active;
        let expected = match (was_active, updates) {
            (true, 0) => (CertificateStatus::Active, 1),
            (true, _) => (CertificateStatus::Inactive, 2),
            (false, _) => (CertificateStatus::Inactive, 1),
        };
        self.must_equal(
            &format!("certificate {number}"),
            &(found.status, found.version),
            &expected,
        );
        Ok(())
    }

    /// A thing is in the group if and only if a task has put it there.
    async fn thing(&mut self, number: u64) -> Result<(), Fault> {
        let owners: Vec<u64> = (0..)
            .zip(&self.played.town.devices)
            .filter(|(_, device)| device.things.contains(&number))
            .map(|(owner, _)| owner)
            .collect();
        let touches = |change| match change {
            Change::AddThing(it) | Change::RemoveThing(it) | Change::DeleteThing(it) => {
                it == number
            }
            Change::DeleteCertificate(it) => owners.contains(&it),
            _ => false,
        };
        if self.is_touched(touches) {
            return Ok(());
        }
        let owners: Vec<Resource> = owners
            .into_iter()
            .map(|owner| Resource::DeviceCertificate(town::device_id(owner).text()))
            .collect();
        let adds = self.times(
            |it| owners.contains(it),
            |it| matches!(it, ActionParams::AddThingsToThingGroup { .. }),
        );
        let key = record::key(&[GROUP, &town::thing(number)]);
        let found = self.registry.catalog().get(SCOPE, table::GROUP_THINGS, &key).await?;
        self.must_equal(&format!("thing {number} in the group"), &found.is_some(), &(adds > 0));
        Ok(())
    }

    /// CA certificates, and logging.
    async fn others(&mut self) -> Result<(), Fault> {
        let catalog = self.registry.catalog();
        for (resource, actions) in &self.completed {
            let Resource::CaCertificate(id) = resource else { continue };
            let id = record::CertificateId::read(id).ok_or_else(|| Fault::new("no id"))?;
            let row = catalog.get(SCOPE, table::CA_CERTIFICATES, &id.0).await?;
            let row = row.ok_or_else(|| Fault::new("a CA certificate is gone"))?;
            let ca: CaCertificate = record::decode(&row)?;
            if ca.is_active && !actions.is_empty() {
                self.problems.push(format!("CA certificate {resource:?} is active"));
            }
        }
        let enables =
            self.times(|_| true, |it| matches!(it, ActionParams::EnableIotLogging { .. }));
        if enables > 0 && !self.is_touched(|change| change == Change::StopLogging) {
            let row = catalog.get(SCOPE, table::LOGGING, b"v2").await?;
            let options: Option<LoggingV2> = row.map(|row| record::decode(&row)).transpose()?;
            let options = options.unwrap_or_default();
            let found = (options.role_arn, options.default_level, options.disable_all);
            let expected = (Some(ROLE.to_owned()), Some("WARN".to_owned()), false);
            self.must_equal("logging", &found, &expected);
        }
        Ok(())
    }

    /// The second audit doesn't find what was mended and left so.
    async fn second_look(&mut self) -> Result<(), Fault> {
        let checks = self.played.town.checks.clone();
        for check in checks {
            for finding in self.findings(AUDITS[1], check).await? {
                if self.is_mended(&finding.resource) {
                    self.problems.push(format!("{check:?} finds {:?} again", finding.resource));
                }
            }
        }
        Ok(())
    }

    fn is_mended(&self, resource: &Resource) -> bool {
        let completed = |action: fn(&ActionParams) -> bool| {
            self.times(
                |it| match (it, resource) {
                    (Resource::Policy { name, .. }, Resource::Policy { name: other, .. }) => {
                        name == other
                    }
                    _ => it == resource,
                },
                action,
            ) > 0
        };
        match resource {
            Resource::DeviceCertificate(id) => {
                completed(|it| matches!(it, ActionParams::UpdateDeviceCertificate))
                    && !self.is_touched(|change| {
                        matches!(change, Change::Activate(number)
                        if town::device_id(number).text() == *id)
                    })
            }
            Resource::Policy { name, .. } => {
                completed(|it| matches!(it, ActionParams::ReplaceDefaultPolicyVersion))
                    && !self.is_touched(|change| {
                        matches!(change, Change::DefaultPolicy(number)
                        if town::policy(number) == *name)
                    })
            }
            Resource::CaCertificate(_) => completed(|_| true),
            Resource::Account(_) => {
                completed(|it| matches!(it, ActionParams::EnableIotLogging { .. }))
                    && !self.is_touched(|change| change == Change::StopLogging)
            }
            _ => false,
        }
    }
}

fn audit_id(number: AuditNumber) -> ExecutionId {
    ExecutionId::of(&number.arn(ACCOUNT, REGION))
}
