//! Reads of the store, without a future where the backend is in this process.

use std::sync::Arc;

use bytes::Bytes;
use trackway_store::{Order, Range, Row, Store};

use crate::Fault;
use crate::limits::SCAN_ROWS;

/// A store, read: records, journals, lists. They show what is committed.
#[derive(Clone)]
pub struct Reader(pub(crate) Arc<dyn Store>);

impl Reader {
    /// Reads this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(match self.0.local() {
            Some(local) => local.get_now(key)?,
            None => self.0.get(key).await?,
        })
    }

    pub(crate) async fn scan(
        &self,
        range: Range,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, Fault> {
        Ok(match self.0.local() {
            Some(local) => local.scan_now(&range, order, limit)?,
            None => self.0.scan(range, order, limit).await?,
        })
    }

    /// The next rows of a walk over `range`, smallest first; none at its end. The range moves on.
    pub(crate) async fn walk(&self, range: &mut Range) -> Result<Option<Vec<Row>>, Fault> {
        let rows = self.scan(range.clone(), Order::Ascending, SCAN_ROWS).await?;
        let Some((last, _)) = rows.last() else {
            return Ok(None);
        };
        range.from = following(last);
        Ok(Some(rows))
    }
}

/// The smallest key after this one.
pub(crate) fn following(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}
