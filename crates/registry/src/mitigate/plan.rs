//! What the target of a task comes to, chunk by chunk.

use std::collections::BTreeMap;

use trackway_audit::action::ActionType;
use trackway_audit::audit::{Finding, VIEW_FINDINGS, finding_key};
use trackway_audit::check::{Check, Reason};
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::mitigation::request::Planned;
use trackway_audit::mitigation::{Birth, Item, Target, Violations};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Fault, Order, RowQuery};

use super::Task;
use crate::violations::lists::{self, Occurrence};
use crate::{record, table};

/// Items of a chunk: what one turn writes.
const CHUNK: usize = 512;
/// Items of a chunk if something is published for each: the task shows progress in time.
const PUBLISHING_CHUNK: usize = 32;
/// Findings that one plan looks at, wanted or not, before it reports.
const LOOKS: usize = 4096;

impl Task {
    pub(super) async fn plan(&self, birth: &Birth, cursor: Option<&str>) -> Result<Planned, Fault> {
        match &birth.target {
            Target::Audit { audit, reasons } => {
                self.plan_audit(birth, (*audit, reasons.as_ref()), cursor).await
            }
            Target::Findings(findings) => self.plan_findings(birth, findings).await,
            Target::Violations(wanted) if wanted.ids.is_empty() => {
                self.plan_behavior(wanted, cursor).await
            }
            Target::Violations(wanted) => self.plan_violations(wanted).await,
        }
    }

    /// The findings of the mapped checks, by check and place.
    async fn plan_audit(
        &self,
        birth: &Birth,
        (audit, reasons): (AuditNumber, Option<&BTreeMap<Check, Vec<Reason>>>),
        cursor: Option<&str>,
    ) -> Result<Planned, Fault> {
        let (mut planned, mut looks) = (Planned::default(), 0);
        let from = cursor.and_then(read_cursor);
        let limit = chunk(birth);
        for check in birth.mapping.keys().filter(|check| from.is_none_or(|from| **check >= from.0))
        {
            let mut after = from.filter(|from| from.0 == *check).map(|from| from.1);
            loop {
                let page = RowQuery {
                    prefix: vec![check.number()],
                    after: after.map(|place| finding_key(*check, place)),
                    order: Order::Ascending,
                    limit: limit - planned.items.len(),
                };
                let id = self.audit(audit);
                let page = self.registry.reader().rows(id, VIEW_FINDINGS, page).await?;
                for (key, row) in &page.rows {
                    let finding = FindingRef { audit, check: *check, place: place_of(key)? };
                    after = Some(finding.place);
                    looks += 1;
                    take(&mut planned, finding, Finding::read(row), reasons);
                }
                let is_full = planned.items.len() >= limit || looks >= LOOKS;
                if is_full && let Some(place) = after {
                    planned.cursor = Some(write_cursor(*check, place));
                    return Ok(planned);
                }
                if !page.more {
                    break;
                }
            }
        }
        Ok(planned)
    }

    /// Those that were named, each once; they are few.
    async fn plan_findings(
        &self,
        birth: &Birth,
        findings: &[FindingRef],
    ) -> Result<Planned, Fault> {
        let mut planned = Planned::default();
        for finding in findings.iter().filter(|it| birth.mapping.contains_key(&it.check)) {
            take(&mut planned, *finding, self.finding(*finding).await?, None);
        }
        Ok(planned)
    }

    /// Those that were named; they are few.
    async fn plan_violations(&self, wanted: &Violations) -> Result<Planned, Fault> {
        let mut planned = Planned::default();
        for id in &wanted.ids {
            planned.items.extend(self.violation(id, wanted).await?);
        }
        Ok(planned)
    }

    /// Those of a security profile, or of one of its behaviors.
    async fn plan_behavior(
        &self,
        wanted: &Violations,
        cursor: Option<&str>,
    ) -> Result<Planned, Fault> {
        let profile = wanted.profile.as_deref().unwrap_or_default();
        let prefix = match wanted.behavior.as_deref() {
            Some(behavior) => record::prefix(&[profile, behavior]),
            None => record::prefix(&[profile]),
        };
        let after = cursor.and_then(|cursor| behavior_key(profile, cursor));
        let (catalog, scope) = (self.registry.catalog(), &self.work.scope);
        let page = catalog
            .list(scope, table::BEHAVIOR_VIOLATIONS, &prefix, after.as_deref(), CHUNK)
            .await?;
        let (mut planned, mut last) = (Planned::default(), None);
        for (key, _) in &page.rows {
            let Some((behavior, at, id)) = of_behavior_key(profile, key) else { continue };
            planned.items.extend(self.violation(id, wanted).await?);
            last = Some(format!("{behavior} {} {id}", at.as_millis()));
        }
        planned.cursor = last.filter(|_| page.more);
        Ok(planned)
    }

    /// A violation, if it is wanted.
    async fn violation(&self, id: &str, wanted: &Violations) -> Result<Option<Item>, Fault> {
        let violation = lists::find(&self.registry, &self.work.scope, id).await?;
        let Some(violation) = violation else { return Ok(None) };
        let occurrence = Occurrence {
            range: wanted.range.map(|(from, to)| (Timestamp(from), Timestamp(to))),
            only_active: wanted.only_active,
            suppressed_too: wanted.with_suppressed,
        };
        let is_wanted = occurrence.takes(&violation);
        Ok(is_wanted.then_some(Item::Violation { id: id.to_owned(), thing: violation.thing }))
    }

    /// A finding of an audit of this account and region; none if it is gone.
    pub(super) async fn finding(&self, finding: FindingRef) -> Result<Option<Finding>, Fault> {
        let key = finding_key(finding.check, finding.place);
        let id = self.audit(finding.audit);
        let row = self.registry.reader().row(id, VIEW_FINDINGS, &key).await?;
        Ok(row.and_then(|row| Finding::read(&row)))
    }

    pub(super) fn audit(&self, audit: AuditNumber) -> ExecutionId {
        let (account, region) = self.work.scope.split_once('/').unwrap_or_default();
        ExecutionId::of(&audit.arn(account, region))
    }
}

/// A finding of a mapped check: it is an item, or left out by the filter. A suppressed one is
/// neither. Source: Developer Guide, "Mitigation actions".
fn take(
    planned: &mut Planned,
    of: FindingRef,
    finding: Option<Finding>,
    reasons: Option<&BTreeMap<Check, Vec<Reason>>>,
) {
    let Some(finding) = finding.filter(|finding| !finding.suppressed) else { return };
    let is_wanted = reasons.is_none_or(|reasons| {
        reasons.get(&of.check).is_some_and(|codes| codes.contains(&finding.code))
    });
    if is_wanted {
        planned.items.push(Item::Finding(of));
    } else {
        *planned.skipped.entry(of.check).or_default() += 1;
    }
}

fn chunk(birth: &Birth) -> usize {
    let publishes = |action: ActionType| action == ActionType::PublishFindingToSns;
    let mut types = birth.actions.iter().map(|action| action.params.action_type());
    if types.any(publishes) { PUBLISHING_CHUNK } else { CHUNK }
}

fn place_of(key: &[u8]) -> Result<u32, Fault> {
    let place = key.last_chunk::<4>().map(|place| u32::from_be_bytes(*place));
    place.ok_or_else(|| Fault::new("the key of a finding is damaged"))
}

fn write_cursor(check: Check, place: u32) -> String {
    format!("{}:{place}", check.number())
}

fn read_cursor(cursor: &str) -> Option<(Check, u32)> {
    let (check, place) = cursor.split_once(':')?;
    Some((Check::numbered(check.parse().ok()?)?, place.parse().ok()?))
}

/// Behavior, date and violation of a key: what follows the profile in it.
fn of_behavior_key<'k>(profile: &str, key: &'k [u8]) -> Option<(&'k str, Timestamp, &'k str)> {
    let rest = key.get(record::prefix(&[profile]).len()..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (at, id) = record::undated(&rest[end + 1..])?;
    Some((std::str::from_utf8(&rest[..end]).ok()?, at, std::str::from_utf8(id).ok()?))
}

/// The key that a cursor is about: the same three, apart by spaces, which no name has.
fn behavior_key(profile: &str, cursor: &str) -> Option<Vec<u8>> {
    let (behavior, rest) = cursor.split_once(' ')?;
    let (at, id) = rest.split_once(' ')?;
    let dated = record::dated(Timestamp(at.parse().ok()?), id.as_bytes());
    Some([record::prefix(&[profile, behavior]), dated].concat())
}
