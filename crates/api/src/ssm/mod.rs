//! Systems Manager: each operation of the service, one file a group.
//!
//! A handler gets a request that satisfies the service model, looks at what only the service can
//! know, calls the engine and answers with the model's own member names as JSON text. Codes of
//! refusals stand in `refusal`, tables of the catalog in [`table`].
//!
//! A group lists its operations itself and carries them out itself: here they are only found.

mod associations;
mod automation;
mod commands;
mod documents;
mod locations;
mod moment;
mod nodes;
mod parameters;
mod refusal;
mod settings;
pub mod table;
mod tags;

use std::pin::Pin;

use bytes::Bytes;
use serde_json::Value;
use trackway_engine::{Check, Edit, Engine, Fault};

pub use associations::Associations;
pub use automation::{Children, QUEUES};
pub use commands::Commands;
pub use nodes::instances::{Described, Ec2};
pub use nodes::targets::Targets;
pub use nodes::{NodeChange, NodeEvent, NodeEvents};
pub use refusal::Code;

use crate::page::Bound;
use crate::{Caller, rows};

/// The tag under which the engine knows Automation.
pub const AUTOMATION_KIND: u8 = 2;
/// The tag under which the engine knows Run Command.
pub const COMMAND_KIND: u8 = 3;
/// The tag under which the engine knows associations.
pub const ASSOCIATION_KIND: u8 = 4;
/// The tag under which the engine knows the runs of associations.
pub const ASSOCIATION_RUN_KIND: u8 = 5;

/// A group of operations.
struct Group {
    /// Those that are built, by the model's names.
    operations: &'static [&'static str],
    /// Carries one of them out; the input satisfies the model.
    call: for<'a> fn(&'a Ssm, &'a str, &'a Caller, Value) -> Working<'a>,
}

/// An answer that is being made.
type Working<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Every group. An operation that is in none is not built.
const GROUPS: &[Group] = &[
    associations::GROUP,
    automation::GROUP,
    commands::GROUP,
    documents::GROUP,
    nodes::GROUP,
    parameters::GROUP,
    settings::GROUP,
    tags::GROUP,
];

/// The operations that are built.
pub fn operations() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.operations.iter().copied())
}

/// The service.
pub(crate) struct Ssm {
    engine: Engine,
    /// Managed nodes, as far as memory knows them.
    pub(crate) nodes: nodes::Nodes,
    /// Documents that were parsed already.
    parsed: documents::Parsed,
    /// Held while a document and a node are associated: who doesn't hold it and finds their row
    /// without an association has found what a crash left behind.
    associating: tokio::sync::Mutex<()>,
}

/// An answer: JSON text in the model's member names.
type Answer = crate::answer::Answer<Code>;

impl Ssm {
    pub(crate) fn new(engine: Engine) -> Self {
        let (nodes, parsed) = (nodes::Nodes::default(), documents::Parsed::default());
        Self { engine, nodes, parsed, associating: tokio::sync::Mutex::default() }
    }

    /// Carries out one operation; `input` satisfies the model. None if it is not built.
    pub(crate) async fn call(
        &self,
        operation: &str,
        caller: &Caller,
        mut input: Value,
    ) -> Option<Answer> {
        let group = GROUPS.iter().find(|group| group.operations.contains(&operation))?;
        // An empty token is none: the service answers one where there is no further page.
        if let Value::Object(members) = &mut input
            && members.get("NextToken").is_some_and(|token| token == "")
        {
            members.shift_remove("NextToken");
        }
        Some((group.call)(self, operation, caller, input).await)
    }

    /// Reads a row of the catalog.
    async fn row(&self, caller: &Caller, table: u8, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.engine.catalog().get(&caller.scope, table, key).await
    }

    /// Changes rows if all checks hold. Says whether it did; if not, look again.
    async fn change(
        &self,
        caller: &Caller,
        checks: &[Check],
        edits: &[Edit],
    ) -> Result<bool, Fault> {
        rows::change(&self.engine, caller, checks, edits).await
    }

    /// Pages for this caller of what `request` says: the operation, and which list it is.
    fn bound<'a>(&'a self, caller: &'a Caller, request: &'a [&'a str]) -> Bound<'a> {
        Bound { engine: &self.engine, caller, request }
    }
}

/// The check that a row is still what was read.
fn unchanged(table: u8, key: &[u8], row: Option<Bytes>) -> Check {
    let key = key.to_vec();
    match row {
        Some(value) => Check::Equals { table, key, value },
        None => Check::Absent { table, key },
    }
}
