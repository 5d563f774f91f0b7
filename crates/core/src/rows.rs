//! Rows that a kind derives from its events, for lists that page by key.

use std::collections::BTreeMap;

/// Changes of the rows of one entity's views.
///
/// A row is a view of the journal: it is written in the batch of the turn that emitted its events,
/// goes with the entity, and can be made anew by folding. Within one turn the last change of a row
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    edits: BTreeMap<RowKey, Option<Vec<u8>>>,
}

/// Which row: the view, numbered by its kind, and the key in it. Rows sort by their keys' bytes.
pub type RowKey = (u8, Vec<u8>);

impl Rows {
    /// Writes a row, over whatever was there.
    pub fn put(&mut self, view: u8, key: impl Into<Vec<u8>>, row: impl Into<Vec<u8>>) {
        self.edits.insert((view, key.into()), Some(row.into()));
    }

    /// Removes a row, if it is there.
    pub fn delete(&mut self, view: u8, key: impl Into<Vec<u8>>) {
        self.edits.insert((view, key.into()), None);
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The changes by key: what is to be there, or nothing.
    #[must_use]
    pub fn into_edits(self) -> BTreeMap<RowKey, Option<Vec<u8>>> {
        self.edits
    }

    /// Applies the changes to a table of rows, as a store would.
    pub fn apply_to(self, table: &mut BTreeMap<RowKey, Vec<u8>>) {
        for (key, row) in self.edits {
            match row {
                Some(row) => table.insert(key, row),
                None => table.remove(&key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_row_counts() {
        let mut rows = Rows::default();
        rows.put(1, "a", "old");
        rows.put(1, "b", "new");
        rows.delete(1, "a");
        rows.put(2, "a", "other view");
        let mut table = BTreeMap::from([((1, b"a".to_vec()), b"stored".to_vec())]);
        rows.apply_to(&mut table);
        assert_eq!(
            table,
            BTreeMap::from([
                ((1, b"b".to_vec()), b"new".to_vec()),
                ((2, b"a".to_vec()), b"other view".to_vec()),
            ])
        );
    }
}
