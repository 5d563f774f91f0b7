//! Changes of the registry that hold only if nothing they rest on has changed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trackway_core::{Outcome, Timestamp};
use trackway_engine::{
    Catalog, CatalogError, Change, Check, Edit, Engine, Fault, Performed, Reader, Work,
};

use crate::record;

/// Where the registry lies, and what time it is.
#[derive(Clone)]
pub struct Registry {
    catalog: Catalog,
    reader: Reader,
    time: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Registry {
    /// The registry in this engine's catalog.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let (catalog, reader) = (engine.catalog().clone(), engine.reader().clone());
        Self::over(catalog, reader, move || engine.now())
    }

    /// The same registry for somebody whose changes others keep overtaking: see [`Catalog::alone`].
    pub async fn alone(&self) -> Self {
        Self { catalog: self.catalog.alone().await, ..self.clone() }
    }

    /// The registry in this catalog, beside the executions that are read by this; for who drives an
    /// engine by hand.
    #[must_use]
    pub fn over(
        catalog: Catalog,
        reader: Reader,
        time: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self { catalog, reader, time: Arc::new(time) }
    }

    /// The rows of executions: audits have their findings there, tasks what they are to do.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The rows themselves, for what only reads.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.time)()
    }

    /// Begins a change in an account and region. It changes nothing until [`Txn::commit`].
    #[must_use]
    pub fn begin(&self, scope: &Arc<str>) -> Txn {
        Txn {
            catalog: self.catalog.clone(),
            scope: Arc::clone(scope),
            now: self.now(),
            rests_on: BTreeMap::new(),
            empty: Vec::new(),
            edits: BTreeMap::new(),
            undo: None,
        }
    }
}

/// Which row: account and region, table, key.
type Place = (Arc<str>, u8, Vec<u8>);

/// What was seen of a row.
enum Seen {
    /// This, or nothing.
    Value(Option<Bytes>),
    /// That there is one.
    Present,
}

/// A change in the making. It sees its own writes. Nothing is durable, and nobody else sees
/// anything of it, until it is committed; it is committed only if all rows that it has read are
/// still as they were.
///
/// ```ignore
/// loop {
///     let mut txn = registry.begin(&caller.scope);
///     let answer = things::create(&mut txn, &request).await?;
///     if txn.commit().await? {
///         return Ok(answer);
///     }
/// }
/// ```
pub struct Txn {
    catalog: Catalog,
    scope: Arc<str>,
    now: Timestamp,
    rests_on: BTreeMap<Place, Seen>,
    empty: Vec<Place>,
    edits: BTreeMap<Place, Option<Bytes>>,
    undo: Option<Undo>,
}

/// What leads back to the last savepoint.
struct Undo {
    /// Where the change was at work.
    scope: Arc<str>,
    /// What each write since then stands over, the latest last.
    over: Vec<(Place, Option<Option<Bytes>>)>,
}

impl Txn {
    /// When the change happens: the same for all of it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Account and region, as `ACCOUNT/REGION`.
    #[must_use]
    pub fn scope(&self) -> &Arc<str> {
        &self.scope
    }

    /// The account, 12 digits.
    #[must_use]
    pub fn account(&self) -> &str {
        self.scope.split_once('/').map_or(&self.scope, |(account, _)| account)
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.scope.split_once('/').map_or("", |(_, region)| region)
    }

    /// Goes on in another account of the same region, until it is called again.
    pub fn move_to(&mut self, account: &str) {
        self.scope = format!("{account}/{}", self.region()).into();
    }

    /// The ARN of a resource of this account, such as `thing/NAME`.
    #[must_use]
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iot:{}:{}:{resource}", self.region(), self.account())
    }

    /// Reads a record. The change holds only if it is still the same.
    ///
    /// # Errors
    /// The store failed, or the record is damaged.
    pub async fn get<T: DeserializeOwned>(
        &mut self,
        table: u8,
        key: &[u8],
    ) -> Result<Option<T>, Fault> {
        let bytes = self.get_bytes(table, key).await?;
        bytes.map(|bytes| record::decode(&bytes)).transpose()
    }

    /// Reads a row as it is. The change holds only if it is still the same.
    ///
    /// # Errors
    /// The store failed.
    pub async fn get_bytes(&mut self, table: u8, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        let place = self.place(table, key);
        if let Some(edit) = self.edits.get(&place) {
            return Ok(edit.clone());
        }
        if let Some(Seen::Value(value)) = self.rests_on.get(&place) {
            return Ok(value.clone());
        }
        let value = self.catalog.get(&self.scope, table, key).await?;
        self.rests_on.insert(place, Seen::Value(value.clone()));
        Ok(value)
    }

    /// Whether there is such a row. The change holds only if that stays so; what it says may change.
    ///
    /// # Errors
    /// The store failed.
    pub async fn has(&mut self, table: u8, key: &[u8]) -> Result<bool, Fault> {
        let place = self.place(table, key);
        if let Some(edit) = self.edits.get(&place) {
            return Ok(edit.is_some());
        }
        if let Some(seen) = self.rests_on.get(&place) {
            return Ok(!matches!(seen, Seen::Value(None)));
        }
        let value = self.catalog.get(&self.scope, table, key).await?;
        let is_there = value.is_some();
        self.rests_on.insert(place, if is_there { Seen::Present } else { Seen::Value(None) });
        Ok(is_there)
    }

    /// The keys that begin with `prefix`, without it, after the key `after` (without it too), own
    /// writes included. What others add meanwhile doesn't stop the change: see
    /// [`Txn::require_empty`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn keys(
        &mut self,
        table: u8,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, Fault> {
        let whole = |key: &[u8]| [prefix, key].concat();
        let first = after.map(whole);
        // A row that this change deletes makes room for one more.
        let own = self.own(table, prefix);
        let gone = own.iter().filter(|(_, is_put)| !is_put).count();
        let page = self
            .catalog
            .list(&self.scope, table, prefix, first.as_deref(), limit.saturating_add(gone))
            .await?;
        let mut keys: BTreeMap<Vec<u8>, bool> =
            page.rows.iter().map(|(key, _)| (key[prefix.len()..].to_vec(), true)).collect();
        keys.extend(own.into_iter().filter(|(key, _)| after.is_none_or(|after| &**key > after)));
        let there = keys.into_iter().filter(|(_, is_there)| *is_there);
        Ok(there.map(|(key, _)| key).take(limit).collect())
    }

    /// Whether no key begins with `prefix`. The change holds only if none is added meanwhile.
    ///
    /// # Errors
    /// The store failed.
    pub async fn require_empty(&mut self, table: u8, prefix: &[u8]) -> Result<bool, Fault> {
        let is_empty = self.keys(table, prefix, None, 1).await?.is_empty();
        // Where this change empties it, the rows that it deletes are checked one by one.
        if is_empty && self.own(table, prefix).is_empty() {
            let place = self.place(table, prefix);
            self.empty.push(place);
        }
        Ok(is_empty)
    }

    /// Writes a record.
    ///
    /// # Errors
    /// It can't be encoded: a mistake of ours.
    pub fn put<T: Serialize>(&mut self, table: u8, key: &[u8], row: &T) -> Result<(), Fault> {
        let bytes = record::encode(row)?;
        self.put_bytes(table, key, bytes);
        Ok(())
    }

    /// Writes a row as it is.
    pub fn put_bytes(&mut self, table: u8, key: &[u8], bytes: impl Into<Bytes>) {
        let place = self.place(table, key);
        self.write(place, Some(bytes.into()));
    }

    /// Writes a row that says nothing but that it is there.
    pub fn mark(&mut self, table: u8, key: &[u8]) {
        self.put_bytes(table, key, Bytes::new());
    }

    /// Deletes a row, if it is there.
    pub fn delete(&mut self, table: u8, key: &[u8]) {
        let place = self.place(table, key);
        self.write(place, None);
    }

    /// Remembers this point: [`Txn::roll_back`] comes back to it. The point before is forgotten.
    pub fn savepoint(&mut self) {
        self.undo = Some(Undo { scope: Arc::clone(&self.scope), over: Vec::new() });
    }

    /// Takes back every write since the last savepoint, or nothing if there was none. What was read
    /// since then still has to hold, since it was decided on.
    pub fn roll_back(&mut self) {
        let Some(undo) = &mut self.undo else { return };
        self.scope = Arc::clone(&undo.scope);
        while let Some((place, before)) = undo.over.pop() {
            match before {
                Some(edit) => self.edits.insert(place, edit),
                None => self.edits.remove(&place),
            };
        }
    }

    fn write(&mut self, place: Place, row: Option<Bytes>) {
        let before = self.edits.insert(place.clone(), row);
        if let Some(undo) = &mut self.undo {
            undo.over.push((place, before));
        }
    }

    /// Makes the change durable. Says whether it did; if not, somebody else has changed what it
    /// rests on: begin again.
    ///
    /// # Errors
    /// The store failed.
    pub async fn commit(self) -> Result<bool, Fault> {
        let catalog = self.catalog.clone();
        settled(catalog.apply(&self.into_change()).await)
    }

    /// Makes the change durable together with the outcome of the effect that wanted it. None if
    /// somebody else has changed what it rests on: begin again.
    ///
    /// # Errors
    /// The store failed.
    pub async fn report(self, work: &Work, outcome: &Outcome) -> Result<Option<Performed>, Fault> {
        let catalog = self.catalog.clone();
        match catalog.report(work, outcome, &self.into_change()).await {
            Ok(performed) => Ok(Some(performed)),
            Err(CatalogError::Conflict { .. }) => Ok(None),
            Err(CatalogError::Fault(fault)) => Err(fault),
        }
    }

    fn into_change(self) -> Change {
        let mut change = Change::default();
        for ((scope, table, key), seen) in self.rests_on {
            let check = match seen {
                Seen::Value(None) => Check::Absent { table, key },
                Seen::Value(Some(value)) => Check::Equals { table, key, value },
                Seen::Present => Check::Present { table, key },
            };
            change.require(&scope, check);
        }
        for (scope, table, prefix) in self.empty {
            change.require(&scope, Check::NoneUnder { table, prefix });
        }
        for ((scope, table, key), value) in self.edits {
            let edit = match value {
                Some(value) => Edit::Put { table, key, value },
                None => Edit::Delete { table, key },
            };
            change.edit(&scope, edit);
        }
        change
    }

    fn place(&self, table: u8, key: &[u8]) -> Place {
        (Arc::clone(&self.scope), table, key.to_vec())
    }

    /// This change's own rows whose keys begin with `prefix`, without it: whether each is written.
    fn own(&self, table: u8, prefix: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let own = self.edits.range(self.place(table, prefix)..);
        own.take_while(|((scope, of, key), _)| {
            *scope == self.scope && *of == table && key.starts_with(prefix)
        })
        .map(|((_, _, key), value)| (key[prefix.len()..].to_vec(), value.is_some()))
        .collect()
    }
}

fn settled(result: Result<(), CatalogError>) -> Result<bool, Fault> {
    match result {
        Ok(()) => Ok(true),
        Err(CatalogError::Conflict { .. }) => Ok(false),
        Err(CatalogError::Fault(fault)) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use trackway_store::Memory;

    use super::*;

    const TABLE: u8 = 99;

    #[tokio::test]
    async fn a_roll_back_takes_back_what_came_after_the_savepoint_and_no_more() {
        let engine = Engine::builder().open(Arc::new(Memory::new())).await.unwrap();
        let registry = Registry::new(engine);
        let scope: Arc<str> = "000000000000/us-east-1".into();
        let mut txn = registry.begin(&scope);
        txn.put_bytes(TABLE, b"kept", "1");
        txn.put_bytes(TABLE, b"deleted", "1");
        txn.savepoint();
        txn.put_bytes(TABLE, b"kept", "2");
        txn.put_bytes(TABLE, b"kept", "3");
        txn.delete(TABLE, b"deleted");
        txn.put_bytes(TABLE, b"new", "1");
        txn.move_to("111111111111");
        txn.put_bytes(TABLE, b"elsewhere", "1");
        txn.roll_back();
        assert_eq!(txn.account(), "000000000000");
        txn.put_bytes(TABLE, b"later", "1");
        txn.savepoint();
        txn.roll_back();
        assert!(txn.commit().await.unwrap());

        let mut txn = registry.begin(&scope);
        let keys = txn.keys(TABLE, b"", None, 10).await.unwrap();
        assert_eq!(keys, [b"deleted".to_vec(), b"kept".to_vec(), b"later".to_vec()]);
        assert_eq!(txn.get_bytes(TABLE, b"kept").await.unwrap(), Some("1".into()));
        txn.move_to("111111111111");
        assert_eq!(txn.keys(TABLE, b"", None, 10).await.unwrap(), Vec::<Vec<u8>>::new());
    }

    #[tokio::test]
    async fn what_was_read_for_a_write_that_was_taken_back_still_has_to_hold() {
        let engine = Engine::builder().open(Arc::new(Memory::new())).await.unwrap();
        let registry = Registry::new(engine);
        let scope: Arc<str> = "000000000000/us-east-1".into();
        let mut txn = registry.begin(&scope);
        txn.savepoint();
        assert_eq!(txn.get_bytes(TABLE, b"read").await.unwrap(), None);
        txn.put_bytes(TABLE, b"read", "1");
        txn.roll_back();
        let mut other = registry.begin(&scope);
        other.put_bytes(TABLE, b"read", "other");
        assert!(other.commit().await.unwrap());
        assert!(!txn.commit().await.unwrap());
    }
}
