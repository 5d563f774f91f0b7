//! The catalog: plain rows of other rooms, such as state machines, activities and tags.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use trackway_core::Outcome;
use trackway_store::{Batch, CommitError, Order, Range, Store};

use crate::desk::shard_of;
use crate::keys::family;
use crate::reader::{Reader, following};
use crate::records::OutcomeRow;
use crate::shard::Planted;
use crate::{Fault, Performed, Work, keys};

/// Rows by scope, table and key. What they hold is their owner's business.
#[derive(Clone)]
pub struct Catalog {
    store: Arc<dyn Store>,
    shards: u16,
    planted: Planted,
    /// Who changes something holds it with others, who wants to be alone holds it alone.
    door: Arc<RwLock<()>>,
    /// Held by one that changes alone, and its clones.
    alone: Option<Arc<OwnedRwLockWriteGuard<()>>>,
}

/// What must hold for a change to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing is there.
    Absent {
        /// The table.
        table: u8,
        /// The key in it.
        key: Vec<u8>,
    },
    /// Something is there.
    Present {
        /// The table.
        table: u8,
        /// The key in it.
        key: Vec<u8>,
    },
    /// Exactly this is there.
    Equals {
        /// The table.
        table: u8,
        /// The key in it.
        key: Vec<u8>,
        /// What is expected.
        value: Bytes,
    },
    /// No key of the table begins with this.
    NoneUnder {
        /// The table.
        table: u8,
        /// What keys begin with.
        prefix: Vec<u8>,
    },
}

/// One change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Writes it, over whatever was there.
    Put {
        /// The table.
        table: u8,
        /// The key in it.
        key: Vec<u8>,
        /// What to write.
        value: Bytes,
    },
    /// Removes it, if it is there.
    Delete {
        /// The table.
        table: u8,
        /// The key in it.
        key: Vec<u8>,
    },
}

/// A change of rows in one scope or several: all of it happens if all its checks hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    checks: Vec<(Arc<str>, Check)>,
    edits: Vec<(Arc<str>, Edit)>,
}

impl Change {
    /// Adds what must hold.
    pub fn require(&mut self, scope: &Arc<str>, check: Check) {
        self.checks.push((Arc::clone(scope), check));
    }

    /// Adds what happens.
    pub fn edit(&mut self, scope: &Arc<str>, edit: Edit) {
        self.edits.push((Arc::clone(scope), edit));
    }

    /// Adds it to a batch: a precondition for each check, in order.
    fn add_to(&self, batch: &mut Batch) -> Result<(), Fault> {
        for (scope, check) in &self.checks {
            match check {
                Check::Absent { table, key } => {
                    batch.require_absent(keys::catalog(scope, *table, key)?)
                }
                Check::Present { table, key } => {
                    batch.require_present(keys::catalog(scope, *table, key)?)
                }
                Check::Equals { table, key, value } => {
                    batch.require_equals(keys::catalog(scope, *table, key)?, value.clone())
                }
                Check::NoneUnder { table, prefix } => {
                    let prefix = keys::catalog(scope, *table, prefix)?;
                    batch.require_empty(Range::prefix(prefix))
                }
            };
        }
        for (scope, edit) in &self.edits {
            match edit {
                Edit::Put { table, key, value } => {
                    batch.put(keys::catalog(scope, *table, key)?, value.clone())
                }
                Edit::Delete { table, key } => batch.delete(keys::catalog(scope, *table, key)?),
            };
        }
        Ok(())
    }
}

/// Why a change didn't happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// A check doesn't hold; nothing was changed.
    #[error("check {check} of the change doesn't hold")]
    Conflict {
        /// The place of the first that doesn't hold.
        check: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// One page of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogPage {
    /// Keys and values, smallest key first.
    pub rows: Vec<(Bytes, Bytes)>,
    /// Whether rows follow: go on after the last key of this page.
    pub more: bool,
}

impl Catalog {
    pub(crate) fn new(store: Arc<dyn Store>, shards: u16, planted: Planted) -> Self {
        Self { store, shards, planted, door: Arc::default(), alone: None }
    }

    /// The same rows for somebody whose changes others keep overtaking: until this catalog and all
    /// its clones are dropped, changes by others wait, so that no check of its own fails for them.
    /// Reads don't wait. Another process is not kept out: its changes still conflict.
    ///
    /// Whoever has one changes nothing by another catalog meanwhile, which would wait for ever, and
    /// waits for nothing slow.
    pub async fn alone(&self) -> Self {
        let alone = match &self.alone {
            Some(alone) => Arc::clone(alone),
            None => Arc::new(Arc::clone(&self.door).write_owned().await),
        };
        Self { alone: Some(alone), ..self.clone() }
    }

    /// Comes in with others, unless it is in there alone.
    async fn enter(&self) -> Option<OwnedRwLockReadGuard<()>> {
        match &self.alone {
            Some(_) => None,
            None => Some(Arc::clone(&self.door).read_owned().await),
        }
    }

    /// Reads one row.
    ///
    /// # Errors
    /// The store failed.
    pub async fn get(&self, scope: &str, table: u8, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Reader(self.store.clone()).get(&keys::catalog(scope, table, key)?).await
    }

    /// Reads one row without waiting; none where the store isn't in this process.
    ///
    /// # Errors
    /// The store failed.
    pub fn get_now(
        &self,
        scope: &str,
        table: u8,
        key: &[u8],
    ) -> Result<Option<Option<Bytes>>, Fault> {
        let Some(local) = self.store.local() else { return Ok(None) };
        Ok(Some(local.get_now(&keys::catalog(scope, table, key)?)?))
    }

    /// Changes rows together if all checks hold; they are durable when this returns.
    ///
    /// # Errors
    /// A check that doesn't hold, or a fault.
    pub async fn change(
        &self,
        scope: &str,
        checks: &[Check],
        edits: &[Edit],
    ) -> Result<(), CatalogError> {
        let scope: Arc<str> = scope.into();
        let of = |scope: &Arc<str>| Arc::clone(scope);
        self.apply(&Change {
            checks: checks.iter().map(|check| (of(&scope), check.clone())).collect(),
            edits: edits.iter().map(|edit| (of(&scope), edit.clone())).collect(),
        })
        .await
    }

    /// Makes a change, in several scopes at once; it is durable when this returns.
    ///
    /// # Errors
    /// A check that doesn't hold, or a fault.
    pub async fn apply(&self, change: &Change) -> Result<(), CatalogError> {
        let mut batch = Batch::new();
        change.add_to(&mut batch)?;
        let _entered = self.enter().await;
        self.store.commit(batch).await.map_err(|error| match error {
            CommitError::PreconditionFailed { index } => CatalogError::Conflict { check: index },
            CommitError::Fault(fault) => CatalogError::Fault(fault.into()),
        })
    }

    /// Makes a change together with the outcome of the effect that wanted it: both happen in one
    /// commit, and once, however often the effect is performed. What it gives is what the performer
    /// answers. It says so as well, and nothing is changed, when the effect was reported before or
    /// nobody waits for it any more.
    ///
    /// For performers' work of durable executions; of a volatile one nobody is seen to wait. A
    /// performer that drops this future, or answers anything else after it, doesn't know what has
    /// become of the change. A machine that must know whether it happened doesn't cancel the effect.
    ///
    /// # Errors
    /// A check of the change that doesn't hold: nothing was changed, look again and report again. Or
    /// a fault.
    pub async fn report(
        &self,
        work: &Work,
        outcome: &Outcome,
        change: &Change,
    ) -> Result<Performed, CatalogError> {
        let Work { execution, effect, .. } = *work;
        let shard = shard_of(execution, self.shards);
        let letter = keys::outcome(shard, execution, effect);
        let mut batch = Batch::new();
        if !self.planted.reports_twice() {
            batch.require_present(keys::effect(family::OUTBOX, shard, execution, effect));
            batch.require_absent(letter.clone());
        }
        let own = batch.preconditions().len();
        change.add_to(&mut batch)?;
        batch.put(letter, OutcomeRow(outcome.clone()).encode());
        let _entered = self.enter().await;
        match self.store.commit(batch).await {
            Ok(()) => Ok(Performed::Reported),
            Err(CommitError::PreconditionFailed { index }) => match index.checked_sub(own) {
                Some(check) => Err(CatalogError::Conflict { check }),
                None => Ok(Performed::Reported),
            },
            Err(CommitError::Fault(fault)) => Err(CatalogError::Fault(fault.into())),
        }
    }

    /// Every scope that has rows. It reads one row a scope.
    ///
    /// # Errors
    /// The store failed.
    pub async fn scopes(&self) -> Result<Vec<String>, Fault> {
        let reader = Reader(self.store.clone());
        let (mut range, mut scopes) = (keys::catalog_everywhere(), Vec::new());
        while let Some((key, _)) =
            reader.scan(range.clone(), Order::Ascending, 1).await?.into_iter().next()
        {
            let scope = keys::catalog_scope_of(&key);
            let scope = scope.ok_or_else(|| Fault::new("a catalog key is damaged"))?;
            let Some(after) = keys::catalog_scope(scope)?.to else { break };
            scopes.push(scope.to_owned());
            range.from = after;
        }
        Ok(scopes)
    }

    /// Lists the rows of a table whose keys start with `prefix`, after the key `after`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        scope: &str,
        table: u8,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<CatalogPage, Fault> {
        let mut range = Range::prefix(keys::catalog(scope, table, prefix)?);
        if let Some(after) = after {
            range.from = range.from.max(following(&keys::catalog(scope, table, after)?));
        }
        self.page(scope, range, Order::Ascending, limit).await
    }

    /// Lists the rows of a table whose keys start with `prefix` backwards: from the last, or from
    /// the one before the key `before`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list_back(
        &self,
        scope: &str,
        table: u8,
        prefix: &[u8],
        before: Option<&[u8]>,
        limit: usize,
    ) -> Result<CatalogPage, Fault> {
        let mut range = Range::prefix(keys::catalog(scope, table, prefix)?);
        if let Some(before) = before {
            let before = keys::catalog(scope, table, before)?;
            range.to = Some(range.to.map_or(before.clone(), |to| to.min(before)));
        }
        self.page(scope, range, Order::Descending, limit).await
    }

    async fn page(
        &self,
        scope: &str,
        range: Range,
        order: Order,
        limit: usize,
    ) -> Result<CatalogPage, Fault> {
        let reader = Reader(self.store.clone());
        let mut rows = reader.scan(range, order, limit.saturating_add(1)).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let skip = keys::catalog_prefix_len(scope);
        let rows = rows.into_iter().map(|(key, value)| (key.slice(skip..), value)).collect();
        Ok(CatalogPage { rows, more })
    }
}
