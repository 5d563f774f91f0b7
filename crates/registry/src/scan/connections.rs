//! Checks that look at connections. Only those of certificates that are active here count.

use bytes::Bytes;
use trackway_audit::check::Reason;
use trackway_audit::evaluate::connections::{CONFLICTING, Happening, History, SHARED, WINDOW_MS};
use trackway_audit::resource::{Related, Resource};
use trackway_core::Timestamp;
use trackway_engine::{CatalogError, Change, Edit, Fault};

use super::Stop;
use super::certificates::Head;
use super::chunk::{Chunk, Finding};
use crate::evidence::connections::{self, BY_CERTIFICATE, BY_CLIENT, FED};
use crate::record;
use crate::table;
use crate::text::hex;

/// What to feed when no connection is known.
const NOTHING_FED: &str =
    "it is not known who connects: feed events of type connect and disconnect";
/// Rows that are read together.
const PAGE: usize = 4096;
/// Evidence that is older by so much than any audit looks back is dropped: a day.
const SLACK_MS: i64 = 24 * 60 * 60 * 1000;

/// Certificates that several clients use at the same time.
pub(super) async fn shared(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    if !was_fed(chunk).await? {
        return nobody_active(chunk).await;
    }
    let mut at = chunk.cursor()?;
    while let Some(prefix) = next(chunk, BY_CERTIFICATE, at.as_deref()).await? {
        let id = prefix[BY_CERTIFICATE.len()..].to_vec();
        chunk.looked_at();
        let row = chunk.catalog().get(chunk.scope(), table::CERTIFICATES, &id).await?;
        if is_examined(row.as_ref())? {
            let history =
                history(chunk, &prefix, |client| String::from_utf8_lossy(client).into_owned())
                    .await?;
            if history.is_known(chunk.started()) {
                let related = history.shared(chunk.started());
                let found = finding(Reason::SharedByMultipleDevices, SHARED, related);
                chunk.judged(|| Resource::DeviceCertificate(hex(&id)), found).await?;
            }
        }
        if chunk.is_full() {
            chunk.stop(&prefix);
            return Ok(());
        }
        at = Some(prefix);
    }
    Ok(())
}

/// Client ids that connect while they are connected.
pub(super) async fn conflicting(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    if !was_fed(chunk).await? {
        return nobody_active(chunk).await;
    }
    let mut at = chunk.cursor()?;
    while let Some(prefix) = next(chunk, BY_CLIENT, at.as_deref()).await? {
        chunk.looked_at();
        let history = history(chunk, &prefix, hex).await?;
        let client =
            String::from_utf8_lossy(&prefix[BY_CLIENT.len()..prefix.len() - 1]).into_owned();
        if history.is_known(chunk.started()) {
            let related = history.conflicting(chunk.started());
            let found = finding(Reason::DuplicateClientId, CONFLICTING, related);
            chunk.judged(|| Resource::Client(client), found).await?;
        }
        if chunk.is_full() {
            chunk.stop(&prefix);
            return Ok(());
        }
        at = Some(prefix);
    }
    Ok(())
}

/// What is related shows it; nothing does if there is none.
fn finding(code: Reason, reason: &str, related: Vec<Related>) -> Vec<Finding> {
    if related.is_empty() {
        return Vec::new();
    }
    let mut finding = Finding::new(code, reason);
    finding.related = related;
    vec![finding]
}

async fn was_fed(chunk: &Chunk<'_>) -> Result<bool, Fault> {
    Ok(chunk.catalog().get(chunk.scope(), table::CONNECTIONS, FED).await?.is_some())
}

fn is_examined(row: Option<&Bytes>) -> Result<bool, Fault> {
    row.map_or(Ok(false), |row| {
        let head: Head<'_> = record::peek(row)?;
        Ok(head.is_examined())
    })
}

/// Without evidence there is nothing to tell, unless nobody can connect.
async fn nobody_active(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let mut after = chunk.cursor()?;
    loop {
        let page = chunk.page(table::CERTIFICATES, after.as_deref()).await?;
        for (key, row) in &page.rows {
            chunk.looked_at();
            if is_examined(Some(row))? {
                return Err(Stop::no_evidence(NOTHING_FED));
            }
            if chunk.is_full() {
                chunk.stop(key);
                return Ok(());
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(());
        }
    }
}

/// What the events of the next certificate or client begin with.
async fn next(
    chunk: &Chunk<'_>,
    kind: &[u8],
    after: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, Fault> {
    tokio::task::yield_now().await;
    // After all that begins with it: time is never all ones.
    let after = after.map(|prefix| [prefix, &[0xff; 8]].concat());
    let page =
        chunk.catalog().list(chunk.scope(), table::CONNECTIONS, kind, after.as_deref(), 1).await?;
    let Some((key, _)) = page.rows.first() else { return Ok(None) };
    let prefix = connections::prefix_of(key).ok_or_else(damaged)?;
    Ok(Some(prefix.to_vec()))
}

/// The events of one certificate or client up to the audit's beginning. Those that are too old for
/// any audit are dropped, but for the beginnings of connections that have lasted since.
async fn history(
    chunk: &mut Chunk<'_>,
    prefix: &[u8],
    name: impl Fn(&[u8]) -> String,
) -> Result<History, Fault> {
    let mut history = History::default();
    let (started, oldest) = (chunk.started(), chunk.started() + -(WINDOW_MS + SLACK_MS));
    let mut after: Option<Vec<u8>> = None;
    let mut old = Vec::new();
    loop {
        let page = chunk
            .catalog()
            .list(chunk.scope(), table::CONNECTIONS, prefix, after.as_deref(), PAGE)
            .await?;
        chunk.read_events(page.rows.len());
        let known = old.len();
        for (key, value) in &page.rows {
            let (at, what, other) =
                connections::read(&key[prefix.len()..], value).ok_or_else(damaged)?;
            let other = name(other);
            if at <= started {
                history.push(at, &other, &what);
            }
            if at < oldest {
                let began = (what == Happening::Connected).then_some(at);
                old.push(Old { key: key.to_vec(), began, other });
            }
        }
        if old.len() > known {
            let lasting = history.lasting(oldest);
            let is_over =
                |one: &Old| one.began.is_none_or(|at| lasting.get(&*one.other) != Some(&at));
            let (over, rest): (Vec<Old>, _) = old.into_iter().partition(is_over);
            old = rest;
            drop_old(chunk, over.into_iter().map(|one| one.key).collect()).await?;
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(history);
        }
        tokio::task::yield_now().await;
    }
}

/// The row of an event that is too old for any audit.
struct Old {
    key: Vec<u8>,
    /// If a connection began, when.
    began: Option<Timestamp>,
    other: String,
}

async fn drop_old(chunk: &Chunk<'_>, keys: Vec<Vec<u8>>) -> Result<(), Fault> {
    if keys.is_empty() {
        return Ok(());
    }
    let scope = chunk.scope().into();
    let mut change = Change::default();
    for key in keys {
        change.edit(&scope, Edit::Delete { table: table::CONNECTIONS, key });
    }
    match chunk.catalog().apply(&change).await {
        Ok(()) => Ok(()),
        Err(CatalogError::Fault(fault)) => Err(fault),
        Err(conflict @ CatalogError::Conflict { .. }) => {
            Err(Fault::new(format!("a change without checks failed: {conflict}")))
        }
    }
}

fn damaged() -> Fault {
    Fault::new("the key of a connection's event is damaged")
}
