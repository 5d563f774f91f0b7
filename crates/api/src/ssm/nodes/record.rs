//! What the catalog keeps of a node, and what is known of it beside.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trackway_core::Timestamp;

use crate::Caller;
use crate::answer::hex;

/// A managed node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    /// What it registered under.
    pub(crate) name: String,
    /// `DefaultInstanceName` of its activation; empty if it has none.
    pub(crate) default_name: String,
    /// SHA-256 of the token that the node shows.
    pub(crate) token: [u8; 32],
    pub(crate) platform_type: String,
    pub(crate) platform_name: String,
    pub(crate) platform_version: String,
    pub(crate) agent_version: String,
    pub(crate) computer_name: String,
    pub(crate) ip_address: String,
    pub(crate) activation_id: Option<String>,
    pub(crate) iam_role: Option<String>,
    pub(crate) registered: Timestamp,
    /// The last sign of life that was written down; memory knows later ones.
    pub(crate) last_ping: Timestamp,
    /// Whether it went away in good order.
    pub(crate) left: bool,
    /// Keys of the tags that the node itself gave, and may take away again.
    pub(crate) own_tags: Vec<String>,
}

impl Node {
    /// `Name` of DescribeInstanceInformation: what its activation calls it, else its own name.
    pub(super) fn shown_name(&self) -> &str {
        if self.default_name.is_empty() { &self.name } else { &self.default_name }
    }
}

/// Hexadecimal digits of a node's id.
const ID_DIGITS: usize = 17;

/// The id of the node of this name: the same whenever it comes back.
pub(super) fn id_of(caller: &Caller, name: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(caller.scope.as_bytes());
    hash.update([0]);
    hash.update(name.as_bytes());
    let digest = hash.finalize();
    format!("mi-{}", &hex(&digest)[..ID_DIGITS])
}

/// What is kept of a token.
pub(super) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
