//! Reads. They see what is committed, and never wait for a shard.

use trackway_core::{ExecutionId, Machine};
use trackway_store::{Order, Range, Row};

use crate::fold::fold;
use crate::keys::{self, List, Owner};

use crate::reader::Reader;
use crate::records::{self, read_record};
use crate::{Cursor, Definition, Entry, Fault, ListPage, ListQuery, Page, Record, kind};

impl Reader {
    /// Reads what is known of a durable execution.
    ///
    /// # Errors
    /// The store failed.
    pub async fn record(&self, id: ExecutionId) -> Result<Option<Record>, Fault> {
        let Some(bytes) = self.get(&keys::record(id)).await? else { return Ok(None) };
        let (progress, tail) = read_record(&bytes)?;
        Ok(Some(records::show_record(id, &progress, &tail)?))
    }

    /// Reads part of a journal, without folding anything.
    ///
    /// # Errors
    /// The store failed, or holds a segment that can't be read.
    pub async fn journal<M: Machine>(
        &self,
        id: ExecutionId,
        page: Page,
    ) -> Result<Vec<Entry<M::Event>>, Fault> {
        match page {
            Page::Forward { from, limit } => forward::<M>(self, id, from, limit).await,
            Page::Backward { before, limit } => backward::<M>(self, id, before, limit).await,
        }
    }

    /// Folds a durable execution's journal, or what it has beyond its snapshot, and looks at the
    /// machine.
    ///
    /// # Errors
    /// The store failed, or holds a journal that can't be read.
    pub async fn state<M: Machine, T>(
        &self,
        id: ExecutionId,
        look: impl FnOnce(&M) -> T,
    ) -> Result<Option<T>, Fault> {
        let Some(bytes) = self.get(&keys::record(id)).await? else { return Ok(None) };
        let (progress, _) = read_record(&bytes)?;
        // It may go on while it is read.
        let length = progress.journal_len..=u32::MAX;
        let folded = fold(self, &kind::of::<M>(), id, length)
            .await?
            .map_err(|reason| Fault::new(format!("could not fold execution {id}: {reason}")))?;
        Ok(folded.machine.as_any().downcast_ref::<M>().map(look))
    }

    /// Reads one page of a list: one range scan a status.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, query: &ListQuery) -> Result<ListPage, Fault> {
        let limit = query.limit;
        let mut rows = match query.status {
            Some(status) => self.listed(query, status).await?,
            None => self.listed_in_any_status(query).await?,
        };
        let more = rows.len() > limit;
        rows.truncate(limit);
        let rows = rows
            .iter()
            .map(|(key, value)| {
                let id = keys::list_id(key).ok_or_else(|| Fault::new("a list key is damaged"))?;
                records::read_list_row(id, &query.parent, value)
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let last = rows.last().map(|row| Cursor { started: row.summary.started, id: row.id });
        Ok(ListPage { next: if more { last } else { None }, rows })
    }

    /// One row more than the page holds, of those with one status.
    async fn listed(&self, query: &ListQuery, status: u8) -> Result<Vec<Row>, Fault> {
        let owner = Owner::of(&query.scope, &query.parent);
        let list = List { kind: query.kind, owner, status };
        let range = match query.after {
            Some(Cursor { started, id }) => list.after(started, id),
            None => list.range(),
        };
        self.scan(range, Order::Ascending, query.limit.saturating_add(1)).await
    }

    /// The same of all, merged. Statuses are read in the order of their numbers: an execution whose
    /// status rises meanwhile is seen twice, never missed, and shown as it was seen last.
    async fn listed_in_any_status(&self, query: &ListQuery) -> Result<Vec<Row>, Fault> {
        let owner = Owner::of(&query.scope, &query.parent);
        let mut rows = Vec::new();
        let mut next = Some(0);
        while let Some(status) = next {
            let ahead = keys::lists_from(List { kind: query.kind, owner, status });
            let first = self.scan(ahead, Order::Ascending, 1).await?;
            let Some(status) = first.first().and_then(|(key, _)| keys::list_status(key)) else {
                break;
            };
            rows.extend(self.listed(query, status).await?);
            next = status.checked_add(1);
        }
        rows.sort_by(|(one, _), (other, _)| keys::list_place(one).cmp(&keys::list_place(other)));
        rows.dedup_by(|later, earlier| {
            let is_same = keys::list_place(&later.0) == keys::list_place(&earlier.0);
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        Ok(rows)
    }

    /// Reads the text of a definition that some durable execution was started with.
    ///
    /// # Errors
    /// The store failed.
    pub async fn definition(&self, hash: [u8; 32]) -> Result<Option<Definition>, Fault> {
        let Some(bytes) = self.get(&keys::definition(&hash)).await? else {
            return Ok(None);
        };
        let text =
            std::str::from_utf8(&bytes).map_err(|_| Fault::new("a definition is damaged"))?;
        Ok(Some(Definition::new(text)))
    }
}

/// Where the segment with this event begins: the first one needed.
async fn segment_with(reader: &Reader, id: ExecutionId, from: u32) -> Result<u32, Fault> {
    let up_to = Range { from: keys::segment(id, 0), to: Some(after(id, from)) };
    let rows = reader.scan(up_to, Order::Descending, 1).await?;
    Ok(rows.first().and_then(|(key, _)| keys::segment_first(key)).unwrap_or(from))
}

/// The key after that of a segment that begins with this event.
fn after(id: ExecutionId, number: u32) -> bytes::Bytes {
    crate::reader::following(&keys::segment(id, number))
}

/// Segments read at once; most have several events.
const SEGMENTS_PER_READ: usize = 64;

async fn forward<M: Machine>(
    reader: &Reader,
    id: ExecutionId,
    from: u32,
    limit: usize,
) -> Result<Vec<Entry<M::Event>>, Fault> {
    let mut entries = Vec::new();
    let first = segment_with(reader, id, from).await?;
    let mut range = Range { from: keys::segment(id, first), to: keys::journal(id).to };
    while entries.len() < limit {
        let rows = reader.scan(range.clone(), Order::Ascending, SEGMENTS_PER_READ).await?;
        let Some((last, _)) = rows.last() else { break };
        range.from = crate::reader::following(last);
        for (key, value) in &rows {
            let events = entries_of::<M>(key, value)?;
            let room = limit - entries.len();
            entries.extend(events.into_iter().filter(|entry| entry.number >= from).take(room));
        }
    }
    Ok(entries)
}

async fn backward<M: Machine>(
    reader: &Reader,
    id: ExecutionId,
    before: u32,
    limit: usize,
) -> Result<Vec<Entry<M::Event>>, Fault> {
    let mut entries = Vec::new();
    let mut range = Range { from: keys::segment(id, 0), to: Some(keys::segment(id, before)) };
    while entries.len() < limit {
        let rows = reader.scan(range.clone(), Order::Descending, SEGMENTS_PER_READ).await?;
        let Some((first, _)) = rows.last() else { break };
        range.to = Some(first.clone());
        for (key, value) in &rows {
            let events = entries_of::<M>(key, value)?;
            let room = limit - entries.len();
            let older = events.into_iter().rev().filter(|entry| entry.number < before);
            entries.extend(older.take(room));
        }
    }
    Ok(entries)
}

fn entries_of<M: Machine>(key: &[u8], value: &[u8]) -> Result<Vec<Entry<M::Event>>, Fault> {
    let first = keys::segment_first(key).ok_or_else(|| Fault::new("a journal key is damaged"))?;
    let (at, events) = kind::decode::<M::Event>(value)?;
    let numbered = (first..).zip(events);
    Ok(numbered.map(|(number, event)| Entry { number, at, event }).collect())
}
