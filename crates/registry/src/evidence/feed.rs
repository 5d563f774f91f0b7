//! Taking events in: all of them or none.

use std::sync::Arc;

use trackway_engine::{CatalogError, Change, Edit, Fault};

use super::crl::{AUTHORITIES, Authority, LISTS, List};
use super::event::Event;
use super::record::IdentityPool;
use super::{authorities, connections};
use crate::txn::{Registry, Txn};
use crate::{Failure, record, table};

/// Rows that are written together.
const ROWS_PER_BATCH: usize = 4096;
/// Events that are held against what is known in one change.
const LATEST_PER_CHANGE: usize = 256;

/// Why no event was taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFed {
    /// A line is wrong.
    #[error("line {line}: {why}")]
    Wrong {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Takes in events of an account and region, one JSON object a line, and says how many. All lines
/// are looked at before anything is kept. If the store fails in between, the same may be fed again.
///
/// # Errors
/// A line is wrong, or the store failed.
pub async fn feed(registry: &Registry, scope: &Arc<str>, body: &[u8]) -> Result<usize, NotFed> {
    let mut events = Vec::new();
    for (place, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line_number = place + 1;
        let event = Event::read(line, registry.now())
            .map_err(|why| NotFed::Wrong { line: line_number, why })?;
        events.push((line_number, event));
    }
    believe_lists(registry, scope, &events).await?;
    feed_violations(registry, scope, &events).await?;
    feed_latest(registry, scope, &events).await?;
    let mut edits = Vec::new();
    for (_, event) in &events {
        rows_of(event, &mut edits)?;
        if edits.len() >= ROWS_PER_BATCH {
            write(registry, scope, &mut edits).await?;
        }
    }
    write(registry, scope, &mut edits).await?;
    Ok(events.len())
}

/// Refuses lists that a known authority of the issuer's name has not signed.
async fn believe_lists(
    registry: &Registry,
    scope: &Arc<str>,
    events: &[(usize, Event)],
) -> Result<(), NotFed> {
    let lists: Vec<(usize, &List)> = events
        .iter()
        .filter_map(|(line, event)| match event {
            Event::Lists(lists) => Some((*line, lists)),
            _ => None,
        })
        .flat_map(|(line, lists)| lists.iter().map(move |list| (line, list)))
        .collect();
    if lists.is_empty() {
        return Ok(());
    }
    let mut known = authorities::known(registry.catalog(), scope).await?;
    known.extend(events.iter().flat_map(|(_, event)| match event {
        Event::Authorities(authorities) => authorities.clone(),
        _ => Vec::<Authority>::new(),
    }));
    match lists.iter().find(|(_, list)| !list.is_believed(known.iter())) {
        Some((line, list)) => {
            let why = format!("the list is not signed by {}, which is known here", list.issuer);
            Err(NotFed::Wrong { line: *line, why })
        }
        None => Ok(()),
    }
}

/// Violations are checked against what is registered: in one change, before all else is kept.
async fn feed_violations(
    registry: &Registry,
    scope: &Arc<str>,
    events: &[(usize, Event)],
) -> Result<(), NotFed> {
    loop {
        let mut txn = registry.begin(scope);
        let mut is_any = false;
        for (line, event) in events {
            let Event::Violation(violation) = event else { continue };
            is_any = true;
            match crate::violations::feed(&mut txn, violation).await {
                Ok(_) => {}
                Err(Failure::Refused(refusal)) => {
                    return Err(NotFed::Wrong { line: *line, why: refusal.message });
                }
                Err(Failure::Fault(fault)) => return Err(fault.into()),
            }
        }
        if !is_any || txn.commit().await? {
            return Ok(());
        }
    }
}

/// Revocation lists and identity pools: what was made or seen last holds, whatever was fed last.
async fn feed_latest(
    registry: &Registry,
    scope: &Arc<str>,
    events: &[(usize, Event)],
) -> Result<(), NotFed> {
    let is_of_latest = |event: &&Event| matches!(event, Event::Lists(_) | Event::Pool { .. });
    let events: Vec<&Event> = events.iter().map(|(_, event)| event).filter(is_of_latest).collect();
    for some in events.chunks(LATEST_PER_CHANGE) {
        loop {
            let mut txn = registry.begin(scope);
            for event in some {
                keep_latest(&mut txn, event).await?;
            }
            if txn.commit().await? {
                break;
            }
        }
    }
    Ok(())
}

async fn keep_latest(txn: &mut Txn, event: &Event) -> Result<(), Fault> {
    match event {
        Event::Lists(lists) => {
            for list in lists {
                let key = [LISTS, &list.issuer_hash].concat();
                let known = txn.get_bytes(table::REVOCATIONS, &key).await?;
                let known = known.and_then(|der| List::read(&der).ok());
                if known.is_none_or(|known| known.made <= list.made) {
                    txn.put_bytes(table::REVOCATIONS, &key, list.der.to_vec());
                }
            }
            Ok(())
        }
        Event::Pool { id, pool } => {
            let known = txn.get::<IdentityPool>(table::IDENTITY_POOLS, id.as_bytes()).await?;
            if known.is_none_or(|known| known.seen <= pool.seen) {
                txn.put(table::IDENTITY_POOLS, id.as_bytes(), pool)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The rows of an event.
fn rows_of(event: &Event, edits: &mut Vec<Edit>) -> Result<(), Fault> {
    let mut put = |table: u8, key: Vec<u8>, value: Vec<u8>| {
        edits.push(Edit::Put { table, key, value: value.into() });
    };
    match event {
        Event::Connection(event) => {
            put(table::CONNECTIONS, connections::FED.to_vec(), Vec::new());
            for key in event.keys() {
                put(table::CONNECTIONS, key, event.value());
            }
        }
        Event::Role { arn, role } => {
            put(table::ROLES, arn.clone().into_bytes(), record::encode(role)?);
        }
        Event::Authorities(authorities) => {
            for authority in authorities {
                let key = [AUTHORITIES, &authority.id.0].concat();
                put(table::REVOCATIONS, key, authority.der().to_vec());
            }
        }
        Event::Pool { .. } | Event::Lists(_) | Event::Violation(_) => {}
    }
    Ok(())
}

async fn write(registry: &Registry, scope: &Arc<str>, edits: &mut Vec<Edit>) -> Result<(), NotFed> {
    if edits.is_empty() {
        return Ok(());
    }
    let mut change = Change::default();
    for edit in edits.drain(..) {
        change.edit(scope, edit);
    }
    match registry.catalog().apply(&change).await {
        Ok(()) => Ok(()),
        Err(CatalogError::Fault(fault)) => Err(fault.into()),
        Err(conflict @ CatalogError::Conflict { .. }) => {
            Err(Fault::new(format!("a change without checks failed: {conflict}")).into())
        }
    }
}
