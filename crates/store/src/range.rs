//! Ranges of keys.

use std::ops::Bound;

use bytes::Bytes;

/// The direction of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Keys from `from` (included) to `to` (excluded); without `to`, to the end of all keys.
///
/// A range whose `to` isn't after its `from` is empty, which is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The first key of the range.
    pub from: Bytes,
    /// The first key after the range; `None` for no end.
    pub to: Option<Bytes>,
}

impl Range {
    /// Makes the range `from..to`.
    #[must_use]
    pub fn new(from: impl Into<Bytes>, to: impl Into<Bytes>) -> Self {
        Self { from: from.into(), to: Some(to.into()) }
    }

    /// Makes the range of all keys from `from` on.
    #[must_use]
    pub fn starting_at(from: impl Into<Bytes>) -> Self {
        Self { from: from.into(), to: None }
    }

    /// Makes the range of all keys that start with `prefix`.
    #[must_use]
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        let from = prefix.into();
        let to = after_prefix(&from);
        Self { from, to }
    }

    /// Makes the range of all keys.
    #[must_use]
    pub fn all() -> Self {
        Self { from: Bytes::new(), to: None }
    }

    /// Tells whether `key` lies in the range.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.from.as_ref() && self.to.as_ref().is_none_or(|to| key < to.as_ref())
    }

    /// Tells whether no key can lie in the range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to.as_ref().is_some_and(|to| to <= &self.from)
    }

    /// The range as bounds, for ordered maps. Panics in those when the range is empty, so callers
    /// ask [`Range::is_empty`] first.
    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let to = self.to.as_ref().map_or(Bound::Unbounded, |to| Bound::Excluded(to.as_ref()));
        (Bound::Included(self.from.as_ref()), to)
    }
}

/// The smallest key after all keys with `prefix`; `None` when there is none (all bytes 0xff).
fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_range_ends_after_its_last_key() {
        let check = |prefix: &'static [u8], inside: &[u8], outside: &[u8]| {
            let range = Range::prefix(prefix);
            assert!(range.contains(inside), "{inside:?} in {range:?}");
            assert!(!range.contains(outside), "{outside:?} not in {range:?}");
        };
        check(b"a", b"a\xff\xff", b"b");
        check(b"a\xff", b"a\xff\x00", b"b");
        check(b"\xff\xff", b"\xff\xff\x01", b"\xff\xfe");
        assert_eq!(Range::prefix("").to, None);
    }

    #[test]
    fn reversed_range_is_empty() {
        assert!(Range::new("b", "a").is_empty());
        assert!(Range::new("a", "a").is_empty());
        assert!(!Range::all().is_empty());
    }
}
