//! Violations and what happened to them, newest first.

use bytes::Bytes;
use trackway_core::Timestamp;
use trackway_engine::Fault;

use super::{EventKind, Measured, Verification, Violation, of_event_key};
use crate::page::{Page, ROWS_MAX};
use crate::record;
use crate::security_profiles::behaviors::CriteriaType;
use crate::table;
use crate::txn::Registry;

/// Rows that are read at once to find those that a filter takes.
const CHUNK: usize = 256;

/// What a list takes. Absent is everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this thing.
    pub thing: Option<String>,
    /// Of this security profile.
    pub profile: Option<String>,
    /// Of a behavior with such criteria.
    pub criteria: Option<CriteriaType>,
    /// Only those whose alerts are suppressed, or only those whose alerts are not.
    pub suppressed: Option<bool>,
    /// Verified so.
    pub verification: Option<Verification>,
}

/// What a Detect task takes of the violations of its target. Source:
/// `StartDetectMitigationActionsTask`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Occurrence {
    /// Something happened to the violation from the first moment to the second one.
    pub range: Option<(Timestamp, Timestamp)>,
    /// Only those that go on.
    pub only_active: bool,
    /// Also those whose alerts are suppressed.
    pub suppressed_too: bool,
}

/// Something that happened to a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which violation.
    pub id: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// What was measured then.
    pub measured: Measured,
    /// The violation as it is now.
    pub violation: Violation,
}

impl Filter {
    fn takes(&self, violation: &Violation) -> bool {
        let is = |wanted: &Option<String>, has: &str| wanted.as_ref().is_none_or(|it| it == has);
        is(&self.thing, &violation.thing)
            && is(&self.profile, &violation.profile)
            && self.criteria.is_none_or(|it| violation.criteria == Some(it))
            && self.suppressed.is_none_or(|it| violation.suppressed == it)
            && self.verification.is_none_or(|it| violation.verification == it)
    }
}

impl Occurrence {
    /// Whether a Detect task takes this violation.
    #[must_use]
    pub fn takes(&self, violation: &Violation) -> bool {
        let happened = [Some(violation.started), violation.ended];
        let is_within = |(from, to): (Timestamp, Timestamp)| {
            happened.iter().flatten().any(|at| (from..=to).contains(at))
        };
        self.range.is_none_or(is_within)
            && (!self.only_active || violation.ended.is_none())
            && (self.suppressed_too || !violation.suppressed)
    }
}

/// Violations that go on, by when they began, the latest first.
///
/// # Errors
/// The store failed.
pub async fn active(
    registry: &Registry,
    scope: &str,
    filter: &Filter,
    before: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<(String, Violation)>, Fault> {
    let rows = (registry, scope, table::ACTIVE_VIOLATIONS);
    newest(rows, before, limit, |key, _| async move {
        let Some((_, id)) = record::undated(&key) else { return Ok(Look::Skip) };
        let Some(violation) = read(registry, scope, id).await? else { return Ok(Look::Skip) };
        if !filter.takes(&violation) {
            return Ok(Look::Skip);
        }
        Ok(Look::Take((String::from_utf8_lossy(id).into_owned(), violation)))
    })
    .await
}

/// What happened from `from` to `to`, the latest first.
///
/// # Errors
/// The store failed.
pub async fn events(
    registry: &Registry,
    scope: &str,
    (from, to): (Timestamp, Timestamp),
    filter: &Filter,
    (before, limit): (Option<Vec<u8>>, usize),
) -> Result<Page<Event>, Fault> {
    // A key begins with its moment: what is before the next moment was not after the last one.
    let end = || record::date(Timestamp(to.0.saturating_add(1))).to_vec();
    let rows = (registry, scope, table::VIOLATION_EVENTS);
    newest(rows, Some(before.unwrap_or_else(end)), limit, |key, row| async move {
        let Some((at, id, kind)) = of_event_key(&key) else { return Ok(Look::Skip) };
        if at < from {
            return Ok(Look::Stop);
        }
        let violation = read(registry, scope, id.as_bytes()).await?;
        let Some(violation) = violation.filter(|violation| filter.takes(violation)) else {
            return Ok(Look::Skip);
        };
        Ok(Look::Take(Event { id, kind, at, measured: record::decode(&row)?, violation }))
    })
    .await
}

/// What a list makes of a row.
enum Look<T> {
    /// It shows it.
    Take(T),
    /// It leaves it out.
    Skip,
    /// It ends here.
    Stop,
}

/// A page of rows from the last one backwards. No more than [`ROWS_MAX`] are looked at.
async fn newest<T, Reading>(
    (registry, scope, table): (&Registry, &str, u8),
    before: Option<Vec<u8>>,
    limit: usize,
    look: impl Fn(Bytes, Bytes) -> Reading,
) -> Result<Page<T>, Fault>
where
    Reading: Future<Output = Result<Look<T>, Fault>>,
{
    let (mut items, mut seen, mut place) = (Vec::new(), 0, before);
    while seen < ROWS_MAX {
        let catalog = registry.catalog();
        let page = catalog.list_back(scope, table, &[], place.as_deref(), CHUNK).await?;
        seen += page.rows.len();
        for (key, row) in page.rows {
            match look(key.clone(), row).await? {
                Look::Stop => return Ok(Page { items, next: None }),
                // One more than the page has: there is a next one.
                Look::Take(_) if items.len() == limit => return Ok(Page { items, next: place }),
                Look::Take(item) => items.push(item),
                Look::Skip => {}
            }
            place = Some(key.to_vec());
        }
        if !page.more {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: place })
}

/// A violation by its id.
///
/// # Errors
/// The store failed.
pub async fn find(registry: &Registry, scope: &str, id: &str) -> Result<Option<Violation>, Fault> {
    read(registry, scope, id.as_bytes()).await
}

async fn read(registry: &Registry, scope: &str, id: &[u8]) -> Result<Option<Violation>, Fault> {
    let row = registry.catalog().get(scope, table::VIOLATIONS, id).await?;
    row.map(|row| record::decode(&row)).transpose()
}
