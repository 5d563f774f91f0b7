//! Pages of lists. They go on by key: what is added or deleted meanwhile moves nothing.

use std::sync::Arc;

use crate::{Failure, Registry};

/// Rows that one page looks at, so that a filter that fits nothing doesn't keep anybody waiting:
/// like AWS, we then answer a short page, or an empty one, and where to go on.
pub(crate) const ROWS_MAX: usize = 4096;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What it shows.
    pub items: Vec<T>,
    /// Behind which place the next page begins; none if there is none.
    pub next: Option<Vec<u8>>,
}

impl<T> Page<T> {
    /// The page of the first `limit` of these items, each with its place. If there are no more than
    /// `limit`, the list goes on behind `end`, if that is anywhere.
    pub(crate) fn of(mut found: Vec<(Vec<u8>, T)>, limit: usize, end: Option<Vec<u8>>) -> Self {
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|(place, _)| place.clone())
        } else {
            end
        };
        Self { items: found.into_iter().map(|(_, item)| item).collect(), next }
    }

    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// Which rows of the catalog: scope, table, and what their keys begin with.
pub(crate) struct Rows<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) scope: &'a Arc<str>,
    pub(crate) table: u8,
    pub(crate) prefix: &'a [u8],
}

impl Rows<'_> {
    /// A page of these rows after a key, by key: of each what `show` makes of its key and value,
    /// without those of which it makes nothing.
    pub(crate) async fn page<T>(
        &self,
        after: Option<&[u8]>,
        limit: usize,
        show: impl Fn(&[u8], &[u8]) -> Result<Option<T>, Failure>,
    ) -> Result<Page<T>, Failure> {
        let (mut found, mut seen) = (Vec::new(), 0);
        let mut after = after.map(<[u8]>::to_vec);
        while found.len() <= limit && seen < ROWS_MAX {
            let wanted = limit + 1 - found.len();
            let Self { registry, scope, table, prefix } = self;
            let page =
                registry.catalog().list(scope, *table, prefix, after.as_deref(), wanted).await?;
            for (key, value) in &page.rows {
                if let Some(item) = show(key, value)? {
                    found.push((key.to_vec(), item));
                }
            }
            seen += page.rows.len();
            match page.rows.last() {
                Some((key, _)) if page.more => after = Some(key.to_vec()),
                _ => return Ok(Page::of(found, limit, None)),
            }
        }
        Ok(Page::of(found, limit, after))
    }
}

/// The last part of a key of several.
pub(crate) fn last_part(key: &[u8]) -> String {
    let part = key.rsplit(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(part).into_owned()
}
