//! Pages of findings: of one audit, or of all audits of a period, newest audit first.
//!
//! Every filter is a range of keys or a test on the way, and a page looks at a limited number of
//! rows, so a page costs the same however deep it lies.

use trackway_audit::audit::{
    Finding, KIND, PARENT, VIEW_BY_RESOURCE, VIEW_FINDINGS, by_resource_prefix,
};
use trackway_audit::check::Check;
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::resource::Resource;
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Fault, ListQuery, ListRow, Order, RowQuery};

use super::Iot;
use super::audited::up_to;
use super::refusal::{Code, Failure};
use crate::Caller;
use crate::page::{read_cursor, write_cursor};
use crate::refusal::ErrorCode;

/// Rows that are read at once.
const ROWS_AT_ONCE: usize = 256;
/// Audits that are read at once.
const AUDITS_AT_ONCE: usize = 32;
/// Bytes of an audit's place in a token.
const CURSOR_LEN: usize = 24;

/// Which findings a list wants.
pub(super) struct Wanted {
    pub(super) check: Option<Check>,
    pub(super) resource: Option<Resource>,
    pub(super) suppressed: Option<bool>,
    /// The first and the last moment at which they were found.
    pub(super) found: Option<(Timestamp, Timestamp)>,
}

impl Wanted {
    fn holds(&self, finding: &Finding) -> bool {
        self.suppressed.is_none_or(|suppressed| finding.suppressed == suppressed)
            && self.found.is_none_or(|(first, last)| (first..=last).contains(&finding.found))
            // The rows are found by a hash of it.
            && self.resource.as_ref().is_none_or(|resource| finding.resource == *resource)
    }
}

/// A finding and where it is.
pub(super) struct Found {
    pub(super) of: FindingRef,
    /// When its audit began.
    pub(super) started: Timestamp,
    pub(super) finding: Finding,
}

/// A page in the making.
pub(super) struct Page {
    limit: usize,
    /// Rows that may still be looked at.
    looks: usize,
    found: Vec<Found>,
    /// Where the last that was found is, or the last that was looked at.
    place: Vec<u8>,
    /// Whether something follows that place.
    more: bool,
}

impl Page {
    /// A page of so many items, for which so many rows are looked at.
    pub(super) fn of(limit: usize, looks: usize) -> Self {
        Self { limit, looks, found: Vec::new(), place: Vec::new(), more: false }
    }

    /// Takes a finding; says whether there is room for it.
    fn take(&mut self, found: Found, place: impl FnOnce() -> Vec<u8>) -> bool {
        if self.found.len() == self.limit {
            self.more = true;
            return false;
        }
        self.found.push(found);
        if self.found.len() == self.limit {
            self.place = place();
        }
        true
    }

    /// Counts a row that is looked at; says whether that was the last.
    fn look(&mut self, place: impl FnOnce() -> Vec<u8>) -> bool {
        self.looks = self.looks.saturating_sub(1);
        if self.looks > 0 {
            return false;
        }
        // A full page has its place already.
        if self.found.len() < self.limit {
            self.place = place();
        }
        self.more = true;
        true
    }

    fn done(self) -> (Vec<Found>, Option<Vec<u8>>) {
        (self.found, self.more.then_some(self.place))
    }
}

/// An audit whose findings are read.
struct Audit {
    id: ExecutionId,
    number: AuditNumber,
    started: Timestamp,
    /// What its places in tokens begin with.
    place: Vec<u8>,
}

type Listed = (Vec<Found>, Option<Vec<u8>>);

impl Iot {
    /// The findings of one audit; none of one that isn't there, as no error is modelled for it.
    pub(super) async fn findings_of(
        &self,
        caller: &Caller,
        task: &str,
        wanted: &Wanted,
        after: Option<Vec<u8>>,
        mut page: Page,
    ) -> Result<Listed, Fault> {
        let Some(number) = AuditNumber::of_task(task) else { return Ok(page.done()) };
        let Some((id, details)) = self.audit(caller, number).await? else {
            return Ok(page.done());
        };
        let audit = Audit { id, number, started: details.started, place: Vec::new() };
        self.collect(&audit, wanted, after, &mut page).await?;
        Ok(page.done())
    }

    /// The findings of a period. A place is that of an audit in the list of audits, and after it
    /// that of a finding in the audit; an audit's place alone is behind all that it has.
    pub(super) async fn findings_between(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        after: Option<Vec<u8>>,
        mut page: Page,
    ) -> Result<Listed, Failure> {
        let Some((first, last)) = wanted.found else { return Ok(page.done()) };
        let mut query = ListQuery {
            kind: KIND,
            scope: caller.scope.to_string(),
            parent: PARENT.to_owned(),
            status: None,
            after: Some(up_to(last)),
            limit: AUDITS_AT_ONCE,
        };
        if let Some(place) = after {
            let cursor = place.get(..CURSOR_LEN).and_then(read_cursor);
            let cursor = cursor.ok_or_else(Code::invalid_page_token)?;
            query.after = Some(cursor);
            let key = place[CURSOR_LEN..].to_vec();
            // In the midst of an audit.
            if !key.is_empty()
                && let Some(record) = self.engine.record(cursor.id).await?
                && let Some(audit) = audit_at(cursor, &record.name)
                && self.collect(&audit, wanted, Some(key), &mut page).await?
            {
                return Ok(page.done());
            }
        }
        loop {
            let list = self.engine.list(&query).await?;
            for row in &list.rows {
                let cursor = Cursor { started: row.summary.started, id: row.id };
                if row.summary.started < self.horizon() {
                    return Ok(page.done());
                }
                if overlaps(row, first)
                    && let Some(audit) = audit_at(cursor, &row.name)
                    && self.collect(&audit, wanted, None, &mut page).await?
                {
                    return Ok(page.done());
                }
                if page.look(|| write_cursor(cursor)) {
                    return Ok(page.done());
                }
            }
            match list.next {
                Some(next) => query.after = Some(next),
                None => return Ok(page.done()),
            }
        }
    }

    /// Adds an audit's findings to a page; says whether that is all that the page takes.
    async fn collect(
        &self,
        audit: &Audit,
        wanted: &Wanted,
        mut after: Option<Vec<u8>>,
        page: &mut Page,
    ) -> Result<bool, Fault> {
        let mut prefix = wanted.resource.as_ref().map(by_resource_prefix).unwrap_or_default();
        let about = prefix.len();
        let view = if about == 0 { VIEW_FINDINGS } else { VIEW_BY_RESOURCE };
        prefix.extend(wanted.check.map(Check::number));
        loop {
            let limit = ROWS_AT_ONCE.min(page.limit.saturating_add(1));
            let query = RowQuery { prefix: prefix.clone(), after, order: Order::Ascending, limit };
            let rows = self.engine.rows(audit.id, view, query).await?;
            for (key, row) in &rows.rows {
                let place = || [audit.place.as_slice(), key].concat();
                let row = match view {
                    VIEW_FINDINGS => Some(row.clone()),
                    _ => self.engine.row(audit.id, VIEW_FINDINGS, &key[about..]).await?,
                };
                let Some((row, of)) = row.zip(finding_at(audit.number, &key[about..])) else {
                    continue;
                };
                let damaged = || Fault::new("a finding is damaged");
                let finding = Finding::read(&row).ok_or_else(damaged)?;
                let is_wanted = wanted.holds(&finding);
                let found = Found { of, started: audit.started, finding };
                if is_wanted && !page.take(found, place) || page.look(place) {
                    return Ok(true);
                }
            }
            match rows.rows.last() {
                Some((key, _)) if rows.more => after = Some(key.to_vec()),
                _ => return Ok(false),
            }
        }
    }
}

/// Whether an audit may have found anything at that moment or later.
fn overlaps(row: &ListRow, first: Timestamp) -> bool {
    row.summary.closed.is_none_or(|closed| closed >= first)
}

fn audit_at(cursor: Cursor, name: &str) -> Option<Audit> {
    let number = AuditNumber::of_task(name)?;
    Some(Audit { id: cursor.id, number, started: cursor.started, place: write_cursor(cursor) })
}

/// The finding at this key of [`VIEW_FINDINGS`].
fn finding_at(audit: AuditNumber, key: &[u8]) -> Option<FindingRef> {
    let (check, place) = key.split_first()?;
    let place = u32::from_be_bytes(place.try_into().ok()?);
    Some(FindingRef { audit, check: Check::numbered(*check)?, place })
}
