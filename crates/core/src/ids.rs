//! Identities: newtypes, so that one can't be taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Identity of one execution of any kind: the first 16 bytes of SHA-256 over its name.
///
/// The name is the ARN, so a look-up by ARN needs no index, and a start is idempotent by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExecutionId(pub [u8; 16]);

impl ExecutionId {
    /// The identity of the execution that bears this ARN.
    #[must_use]
    pub fn of(arn: &str) -> Self {
        let digest = Sha256::digest(arn.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// The shard that owns this execution, of `shards` (at least 1).
    #[must_use]
    pub fn shard(self, shards: u32) -> u32 {
        let word = u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        word % shards.max(1)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExecutionId({self})")
    }
}

/// One effect of one execution; never used twice in it. A retry of a task is a new effect.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EffectId(pub u32);

/// One timer of one execution; never used twice in it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TimerId(pub u32);
