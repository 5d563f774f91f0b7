//! Role aliases.

use super::Group;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group { operations: &[], call: super::none };
