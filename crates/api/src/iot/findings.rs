//! Findings of audits and what has to do with them.

use super::Group;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group { operations: &[], call: super::none };
