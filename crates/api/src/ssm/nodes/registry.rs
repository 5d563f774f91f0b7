//! The register of nodes: rows of the catalog, who is there, and who wants to know.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::watch;
use trackway_core::Timestamp;
use trackway_engine::{Check, Edit, Fault};

use super::presence::Presence;
use super::record::Node;
use crate::Caller;
use crate::record;
use crate::ssm::tags::{self, ResourceType, Tags};
use crate::ssm::{Ssm, table};

/// Something that whoever keeps nodes in a state wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEvent {
    /// The account and region that the node is in.
    pub caller: Caller,
    /// The node.
    pub node_id: String,
    /// What happened.
    pub what: NodeChange,
}

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeChange {
    /// It registered for the first time.
    Registered,
    /// It is there again, or there for the first time since the server started. It may be told
    /// twice.
    Online,
    /// Its tags are others than before.
    TagsChanged,
    /// It was deregistered.
    Gone,
}

/// Who is told; it must not block.
pub type NodeEvents = Arc<dyn Fn(NodeEvent) + Send + Sync>;

/// The service's part that knows nodes.
pub(crate) struct Nodes {
    pub(super) presence: Arc<Presence>,
    events: RwLock<Vec<NodeEvents>>,
    /// Whether polls are answered at once, as the server is about to stop.
    pub(super) closing: watch::Sender<bool>,
}

impl Default for Nodes {
    fn default() -> Self {
        let presence = Arc::default();
        Self { presence, events: RwLock::default(), closing: watch::Sender::new(false) }
    }
}

impl Nodes {
    /// From now on this one is told too.
    pub(crate) fn tell(&self, events: NodeEvents) {
        self.events.write().unwrap_or_else(PoisonError::into_inner).push(events);
    }

    /// Tells whoever wants to know.
    pub(crate) fn happened(&self, caller: &Caller, node_id: &str, what: NodeChange) {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        for tell in events.iter() {
            tell(NodeEvent { caller: caller.clone(), node_id: node_id.to_owned(), what });
        }
    }

    /// Answers every poll that waits, and those to come.
    pub(crate) fn end_polls(&self) {
        self.closing.send_replace(true);
    }
}

/// Rows read at once where all nodes are looked at.
pub(super) const ROWS_AT_ONCE: usize = 500;

impl Ssm {
    /// A node and its row, if it is there.
    pub(crate) async fn node_row(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<Option<(Node, Bytes)>, Fault> {
        let row = self.row(caller, table::NODES, id.as_bytes()).await?;
        row.map(|row| Ok((record::decode(&row)?, row))).transpose()
    }

    /// A node, if it is there.
    pub(crate) async fn node(&self, caller: &Caller, id: &str) -> Result<Option<Node>, Fault> {
        Ok(self.node_row(caller, id).await?.map(|(node, _)| node))
    }

    /// Changes a node that is there; whether it was. Other edits go with it.
    pub(super) async fn change_node(
        &self,
        caller: &Caller,
        id: &str,
        change: impl Fn(&mut Node),
    ) -> Result<bool, Fault> {
        loop {
            let Some((mut node, row)) = self.node_row(caller, id).await? else { return Ok(false) };
            change(&mut node);
            let key = id.as_bytes().to_vec();
            let check = Check::Equals { table: table::NODES, key: key.clone(), value: row };
            let value = record::encode(&node)?.into();
            let edit = Edit::Put { table: table::NODES, key, value };
            if self.change(caller, &[check], &[edit]).await? {
                return Ok(true);
            }
        }
    }

    /// When a node was last heard of, and whether it is there.
    pub(crate) fn ping(&self, caller: &Caller, node: &Node) -> (Timestamp, bool) {
        self.nodes.presence.of(&caller.scope, node, self.engine.now())
    }

    /// Some nodes in the order of their ids, after this one, at most so many; whether there are
    /// more.
    pub(super) async fn nodes_after(
        &self,
        caller: &Caller,
        after: Option<&[u8]>,
        most: usize,
    ) -> Result<(Vec<Node>, bool), Fault> {
        let catalog = self.engine.catalog();
        let page = catalog.list(&caller.scope, table::NODES, b"", after, most).await?;
        let nodes = page.rows.iter().map(|(_, row)| record::decode(row));
        Ok((nodes.collect::<Result<_, _>>()?, page.more))
    }

    /// The tags of a node.
    pub(crate) async fn node_tags(&self, caller: &Caller, id: &str) -> Result<Tags, Fault> {
        self.tags_of(caller, ResourceType::ManagedInstance, id).await
    }

    /// A node's tags, the edit that writes what is to be there, and the check that nobody changed
    /// them meanwhile.
    pub(super) async fn tag_edit(
        &self,
        caller: &Caller,
        id: &str,
        change: impl Fn(&mut Tags),
    ) -> Result<(Check, Edit, bool), Fault> {
        let of = ResourceType::ManagedInstance;
        let key = of.key(id);
        let row = self.row(caller, table::TAGS, &key).await?;
        let before: Tags = row.as_ref().map_or(Ok(Tags::new()), |row| record::decode(row))?;
        let mut after = before.clone();
        change(&mut after);
        let edit = tags::put(of, id, &after)?;
        Ok((super::unchanged(table::TAGS, &key, row), edit, before != after))
    }
}
