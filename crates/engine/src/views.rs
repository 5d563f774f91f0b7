//! The rows of the kinds' views: reading them, and holding them against their journals.
//!
//! A kind derives rows from its events ([`trackway_core::Machine::project`]); a turn's batch has
//! them beside its segments. So a row that is read belongs to events that are committed, and after
//! a reply the rows of its turn are there.

use std::collections::BTreeMap;

use bytes::Bytes;
use trackway_core::{ExecutionId, RowKey, Rows, Timestamp};
use trackway_store::{Batch, Order, Range, Row};

use crate::keys::{self, ROW_PREFIX_LEN, family};
use crate::kind::Kind;
use crate::limits::SCAN_ROWS;
use crate::reader::{Reader, following};
use crate::turn::guard;
use crate::{Fault, RowPage, RowQuery};

impl Reader {
    /// Reads one row of a kind's view of a durable execution.
    ///
    /// # Errors
    /// The store failed.
    pub async fn row(&self, id: ExecutionId, view: u8, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.get(&keys::row(id, view, key)).await
    }

    /// Reads a page of a kind's view of a durable execution: one range scan.
    ///
    /// # Errors
    /// The store failed.
    pub async fn rows(&self, id: ExecutionId, view: u8, query: RowQuery) -> Result<RowPage, Fault> {
        self.rows_where(id, view, query, |_, _| true).await
    }

    /// Reads a page of those rows that are wanted, by key and row; reads on until the page is full.
    ///
    /// # Errors
    /// The store failed.
    pub async fn rows_where(
        &self,
        id: ExecutionId,
        view: u8,
        query: RowQuery,
        mut wanted: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<RowPage, Fault> {
        let mut range = range_of(id, view, &query);
        let mut page = RowPage::default();
        let mut at_once = query.limit.saturating_add(1);
        while !range.is_empty() {
            let rows = self.scan(range.clone(), query.order, at_once).await?;
            let is_end = rows.len() < at_once;
            let last = rows.last().map(|(key, _)| key.clone());
            for (key, row) in rows {
                let own = key.slice(ROW_PREFIX_LEN..);
                if !wanted(&own, &row) {
                    continue;
                }
                if page.rows.len() == query.limit {
                    page.more = true;
                    return Ok(page);
                }
                page.rows.push((own, row));
            }
            match last {
                Some(last) if !is_end => go_on_after(&mut range, query.order, last),
                _ => break,
            }
            at_once = SCAN_ROWS;
        }
        Ok(page)
    }
}

fn range_of(id: ExecutionId, view: u8, query: &RowQuery) -> Range {
    let mut range = Range::prefix(keys::row(id, view, &query.prefix));
    if let Some(after) = &query.after {
        let after = keys::row(id, view, after);
        // One that lies outside the prefix leaves all of its rows, or none.
        let is_inside = match query.order {
            Order::Ascending => after >= range.from,
            Order::Descending => range.to.as_ref().is_none_or(|to| after < *to),
        };
        if is_inside {
            go_on_after(&mut range, query.order, after);
        }
    }
    range
}

fn go_on_after(range: &mut Range, order: Order, key: Bytes) {
    match order {
        Order::Ascending => range.from = following(&key),
        Order::Descending => range.to = Some(key),
    }
}

/// What the events of a journal come to in the rows of its views.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// The last change of each row that they touch: its value, or that it is gone.
    pub(crate) edits: BTreeMap<RowKey, Option<Vec<u8>>>,
    /// Of a trimmed journal: rows that none of these events touches are right as they are, and
    /// those that belong to a moment before this one may have left.
    pub(crate) horizon: Option<Timestamp>,
}

impl Derived {
    pub(crate) fn add(&mut self, rows: Rows) {
        self.edits.extend(rows.into_edits());
    }

    fn may_have_left(&self, kind: Option<&dyn Kind>, (view, key): &RowKey, row: &[u8]) -> bool {
        let Some((kind, horizon)) = kind.zip(self.horizon) else { return false };
        has_expired(kind, *view, key, row, horizon)
    }
}

/// Whether a row belongs to a moment before that one.
pub(crate) fn has_expired(
    kind: &dyn Kind,
    view: u8,
    key: &[u8],
    row: &[u8],
    horizon: Timestamp,
) -> bool {
    // A panic keeps the row.
    let expires = guard(|| kind.expires(view, key, row));
    expires.ok().flatten().is_some_and(|moment| moment < horizon)
}

/// Where the stored rows of an execution differ from those of its journal.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// How many rows are stored.
    pub(crate) stored: u64,
    /// Rows that the journal comes to and the store doesn't have.
    pub(crate) missing: Vec<RowKey>,
    /// Rows that the store has and the journal doesn't come to.
    pub(crate) extra: Vec<RowKey>,
    /// Rows that are there with another value.
    pub(crate) different: Vec<RowKey>,
}

impl Differences {
    /// Compares what is stored with what should be.
    pub(crate) async fn find(
        reader: &Reader,
        id: ExecutionId,
        derived: &Derived,
        kind: Option<&dyn Kind>,
    ) -> Result<Self, Fault> {
        let mut found = Self::default();
        let mut expected = derived.edits.iter().peekable();
        let mut range = keys::all_rows(id);
        while let Some(rows) = reader.walk(&mut range).await? {
            for (key, row) in rows {
                found.stored += 1;
                let (view, own) = keys::row_key(&key).unwrap_or_default();
                let stored: RowKey = (view, own.to_vec());
                while let Some((before, row)) = expected.next_if(|(key, _)| **key < stored) {
                    found.absent(derived, kind, before, row.as_deref());
                }
                match expected.next_if(|(key, _)| **key == stored) {
                    Some((_, Some(wanted))) if *wanted == row => {}
                    Some((_, Some(_))) => found.different.push(stored),
                    None if derived.horizon.is_some() => {}
                    Some((_, None)) | None => found.extra.push(stored),
                }
            }
        }
        expected.for_each(|(key, row)| found.absent(derived, kind, key, row.as_deref()));
        Ok(found)
    }

    /// A row that isn't stored: that is wrong if the journal comes to it and it can't have left.
    fn absent(
        &mut self,
        derived: &Derived,
        kind: Option<&dyn Kind>,
        key: &RowKey,
        row: Option<&[u8]>,
    ) {
        if row.is_some_and(|row| !derived.may_have_left(kind, key, row)) {
            self.missing.push(key.clone());
        }
    }

    /// How many rows are not as they should be.
    pub(crate) fn len(&self) -> u64 {
        (self.missing.len() + self.extra.len() + self.different.len()) as u64
    }

    /// One sentence for each way in which rows are wrong; with the first one's view and key.
    pub(crate) fn problems(&self, id: ExecutionId) -> impl Iterator<Item = String> {
        let ways = [
            (&self.missing, "missing"),
            (&self.extra, "not of its journal"),
            (&self.different, "different from its journal's"),
        ];
        ways.into_iter().filter_map(move |(rows, what)| {
            let (view, key) = rows.first()?;
            let (count, key) = (rows.len(), key.escape_ascii());
            let are = if count == 1 { "row is" } else { "rows are" };
            Some(format!("execution {id}: {count} {are} {what}, first view {view} key \"{key}\""))
        })
    }

    /// Makes the stored rows those of the journal.
    pub(crate) fn correct(self, id: ExecutionId, mut derived: Derived, batch: &mut Batch) {
        for (view, key) in self.extra {
            batch.delete(keys::row(id, view, &key));
        }
        for wrong in self.missing.into_iter().chain(self.different) {
            if let Some(Some(row)) = derived.edits.remove(&wrong) {
                batch.put(keys::row(id, wrong.0, &wrong.1), row);
            }
        }
    }
}

/// The next execution that has rows, and the range of those after it.
pub(crate) async fn next_owner(
    reader: &Reader,
    range: &mut Range,
) -> Result<Option<ExecutionId>, Fault> {
    let rows: Vec<Row> = reader.scan(range.clone(), Order::Ascending, 1).await?;
    let Some((key, _)) = rows.first() else { return Ok(None) };
    let id = keys::record_id(key).ok_or_else(|| Fault::new("the key of a row is damaged"))?;
    let Some(after) = keys::all_rows(id).to else { return Ok(None) };
    range.from = after;
    Ok(Some(id))
}

/// Every row of every view.
pub(crate) fn everywhere() -> Range {
    Range::prefix(vec![family::VIEW])
}
