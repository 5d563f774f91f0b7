//! One chunk of a scan: what it has looked at, what it has found, and when it is enough.

use std::sync::Arc;

use bytes::Bytes;
use trackway_audit::check::{Check, Reason};
use trackway_audit::limits::{FINDINGS_PER_SCAN_MAX, RESOURCES_PER_SCAN_MAX};
use trackway_audit::request::{CheckConfig, Flaw, Scan, Scanned};
use trackway_audit::resource::{Info, Related, Resource};
use trackway_core::Timestamp;
use trackway_engine::{Catalog, CatalogPage, Fault};

use crate::record::{self, Suppression};
use crate::table;
use crate::text::hex;
use crate::txn::Registry;

/// Rows that are read together.
const PAGE: usize = 1024;
/// The most reasons that one resource doesn't comply for.
const REASONS_MAX: usize = 6;

/// How much one chunk may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Rows of the table that is scanned.
    pub(super) rows: usize,
    /// Flaws.
    pub(super) flaws: usize,
    /// Related resources of all its flaws.
    pub(super) related: usize,
    /// Events of connections; one certificate's or client's are read together.
    pub(super) events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: RESOURCES_PER_SCAN_MAX,
            flaws: FINDINGS_PER_SCAN_MAX,
            related: RESOURCES_PER_SCAN_MAX,
            events: 16 * RESOURCES_PER_SCAN_MAX,
        }
    }
}

/// Why something doesn't comply.
pub(super) struct Finding {
    pub(super) code: Reason,
    pub(super) reason: String,
    pub(super) info: Info,
    pub(super) related: Vec<Related>,
}

impl Finding {
    pub(super) fn new(code: Reason, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), info: Info::new(), related: Vec::new() }
    }
}

pub(super) struct Chunk<'a> {
    registry: &'a Registry,
    scope: &'a Arc<str>,
    scan: &'a Scan,
    limits: Limits,
    /// Whether anything of this check is suppressed at all.
    may_suppress: bool,
    scanned: Scanned,
    rows: usize,
    events: usize,
    related: usize,
}

impl<'a> Chunk<'a> {
    pub(super) async fn new(
        registry: &'a Registry,
        scope: &'a Arc<str>,
        scan: &'a Scan,
        limits: Limits,
    ) -> Result<Self, Fault> {
        let of_check = [scan.check.number()];
        let page = registry.catalog().list(scope, table::SUPPRESSIONS, &of_check, None, 1).await?;
        Ok(Self {
            registry,
            scope,
            scan,
            limits,
            may_suppress: !page.rows.is_empty(),
            scanned: Scanned::default(),
            rows: 0,
            events: 0,
            related: 0,
        })
    }

    pub(super) fn end(self) -> Scanned {
        self.scanned
    }

    pub(super) fn check(&self) -> Check {
        self.scan.check
    }

    pub(super) fn config(&self) -> CheckConfig {
        self.scan.config
    }

    /// When the audit began.
    pub(super) fn started(&self) -> Timestamp {
        Timestamp(self.scan.started)
    }

    pub(super) fn catalog(&self) -> &Catalog {
        self.registry.catalog()
    }

    pub(super) fn scope(&self) -> &str {
        self.scope
    }

    /// An ARN of IoT's in this account and region.
    pub(super) fn arn(&self, resource: &str) -> String {
        self.registry.begin(self.scope).arn(resource)
    }

    pub(super) fn account(&self) -> &str {
        self.scope.split_once('/').map_or(&**self.scope, |(account, _)| account)
    }

    /// Where the chunk before this one stopped, as [`Chunk::stop`] was told; none at the beginning.
    pub(super) fn cursor(&self) -> Result<Option<Vec<u8>>, Fault> {
        let Some(cursor) = &self.scan.cursor else { return Ok(None) };
        let broken = || Fault::new("the cursor of a scan is damaged");
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let bytes = cursor.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        bytes.collect::<Option<Vec<u8>>>().map(Some).ok_or_else(broken)
    }

    /// The next scan goes on after this.
    pub(super) fn stop(&mut self, after: &[u8]) {
        self.scanned.cursor = Some(hex(after));
    }

    /// The next rows of the table that is scanned, as many as this chunk still may look at.
    pub(super) async fn page(
        &mut self,
        table: u8,
        after: Option<&[u8]>,
    ) -> Result<CatalogPage, Fault> {
        // Pages come from memory often: others get their turn in between.
        tokio::task::yield_now().await;
        let limit = self.limits.rows.saturating_sub(self.rows).clamp(1, PAGE);
        self.catalog().list(self.scope, table, b"", after, limit).await
    }

    /// Counts a row that was looked at.
    pub(super) fn looked_at(&mut self) {
        self.rows += 1;
    }

    /// Counts events that were read.
    pub(super) fn read_events(&mut self, count: usize) {
        self.events += count;
    }

    /// Whether the chunk must end here.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.limits.rows
            || self.events >= self.limits.events
            || self.related >= self.limits.related
            || self.scanned.flaws.len() + REASONS_MAX > self.limits.flaws.max(REASONS_MAX)
    }

    /// How many related resources there is room for, at least one.
    pub(super) fn room_for_related(&self) -> usize {
        self.limits.related.saturating_sub(self.related).max(1)
    }

    /// Related resources of the last finding of the chunk before this one.
    pub(super) fn more_related(&mut self, related: Vec<Related>) {
        self.related += related.len();
        self.scanned.related_of_last.extend(related);
    }

    /// A resource complies, or doesn't.
    pub(super) async fn judged(
        &mut self,
        resource: impl FnOnce() -> Resource,
        found: Vec<Finding>,
    ) -> Result<(), Fault> {
        self.scanned.examined += 1;
        if found.is_empty() {
            return Ok(());
        }
        let resource = resource();
        let suppressed = self.is_suppressed(&resource).await?;
        if suppressed {
            self.scanned.suppressed += 1;
        } else {
            self.scanned.non_compliant += 1;
        }
        for Finding { code, reason, info, related } in found {
            self.related += related.len();
            let resource = resource.clone();
            self.scanned.flaws.push(Flaw { resource, info, code, reason, related, suppressed });
        }
        Ok(())
    }

    async fn is_suppressed(&self, resource: &Resource) -> Result<bool, Fault> {
        if !self.may_suppress {
            return Ok(false);
        }
        let key = Suppression::key(self.check(), resource);
        let row: Option<Bytes> = self.catalog().get(self.scope, table::SUPPRESSIONS, &key).await?;
        let Some(row) = row else { return Ok(false) };
        let suppression: Suppression = record::decode(&row)?;
        let lives = suppression.expires.is_none_or(|expires| expires > self.started());
        Ok(lives && suppression.resource == *resource)
    }
}
