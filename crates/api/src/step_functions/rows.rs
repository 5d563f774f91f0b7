//! The service's rows in the engine's catalog: created once, replaced only unchanged, deleted.

use bytes::Bytes;
use trackway_engine::{Catalog, Check, Definition, Edit, Fault};

use super::StepFunctions;
use super::arn::{Arn, Resource};
use crate::{Caller, rows};

/// A table of the catalog; the number is part of the stored key and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Table {
    /// Name -> [`super::record::StateMachine`].
    StateMachines = 1,
    /// Name -> [`super::record::Activity`].
    Activities = 2,
    /// SHA-256 of a definition -> its text.
    Definitions = 3,
}

/// Answers whether the activity that an ARN names is there; anything else is taken to be. For
/// [`trackway_engine::Builder::exists`].
#[must_use]
pub fn exists(catalog: &Catalog, text: &str) -> bool {
    let Ok(Arn { region, account, resource: Resource::Activity { name } }) = Arn::parse(text)
    else {
        return true;
    };
    let scope = Caller::new(account, region).scope;
    // A store that is not at hand or fails says nothing: the task waits for a worker then.
    let row = catalog.get_now(&scope, Table::Activities as u8, name.as_bytes());
    !matches!(row, Ok(Some(None)))
}

impl StepFunctions {
    /// Reads a row.
    pub(super) async fn row(
        &self,
        caller: &Caller,
        table: Table,
        name: &str,
    ) -> Result<Option<Bytes>, Fault> {
        self.engine.catalog().get(&caller.scope, table as u8, name.as_bytes()).await
    }

    /// Writes a row that is not there yet, and the definition that it names with it. Says whether
    /// it did.
    pub(super) async fn create_row(
        &self,
        caller: &Caller,
        (table, name): (Table, &str),
        row: Vec<u8>,
        definition: Option<&Definition>,
    ) -> Result<bool, Fault> {
        let check = Check::Absent { table: table as u8, key: name.into() };
        self.write_row(caller, check, (table, name), row, definition).await
    }

    /// Replaces a row if it is still what was read. Says whether it did.
    pub(super) async fn replace_row(
        &self,
        caller: &Caller,
        (table, name): (Table, &str),
        (before, after): (Bytes, Vec<u8>),
        definition: Option<&Definition>,
    ) -> Result<bool, Fault> {
        let check = Check::Equals { table: table as u8, key: name.into(), value: before };
        self.write_row(caller, check, (table, name), after, definition).await
    }

    /// Deletes a row, if it is there.
    pub(super) async fn delete_row(
        &self,
        caller: &Caller,
        table: Table,
        name: &str,
    ) -> Result<(), Fault> {
        let edit = Edit::Delete { table: table as u8, key: name.into() };
        self.change(caller, &[], &[edit]).await.map(drop)
    }

    async fn write_row(
        &self,
        caller: &Caller,
        check: Check,
        (table, name): (Table, &str),
        row: Vec<u8>,
        definition: Option<&Definition>,
    ) -> Result<bool, Fault> {
        let mut edits = vec![Edit::Put { table: table as u8, key: name.into(), value: row.into() }];
        if let Some(definition) = definition {
            edits.push(Edit::Put {
                table: Table::Definitions as u8,
                key: definition.hash().to_vec(),
                value: Bytes::copy_from_slice(definition.text().as_bytes()),
            });
        }
        self.change(caller, &[check], &edits).await
    }

    async fn change(
        &self,
        caller: &Caller,
        checks: &[Check],
        edits: &[Edit],
    ) -> Result<bool, Fault> {
        rows::change(&self.engine, caller, checks, edits).await
    }
}
