//! ListActionTypes, GetActionType, UpdateActionType, CreateCustomActionType,
//! DeleteCustomActionType, ListRuleTypes.

mod custom;
mod declared;
mod list;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::Fault;
use trackway_pipeline::request::TypeId;
use trackway_pipeline::types::{self, ActionType};

use super::{Answer, CodePipeline, Group, table};
use crate::answer::read;
use crate::{Caller, record};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "ListActionTypes",
        "GetActionType",
        "UpdateActionType",
        "CreateCustomActionType",
        "DeleteCustomActionType",
        "ListRuleTypes",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "ListActionTypes" => service.list_action_types(caller, read(input)?).await,
        "GetActionType" => service.get_action_type(caller, read(input)?).await,
        "UpdateActionType" => service.update_action_type(caller, read(input)?).await,
        "CreateCustomActionType" => service.create_custom_type(caller, read(input)?).await,
        "DeleteCustomActionType" => service.delete_custom_type(caller, read(input)?).await,
        "ListRuleTypes" => list::rule_types(),
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// A row of [`table::ACTION_TYPES`]: a custom type, or one of AWS's that was updated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    /// JSON of the [`ActionType`].
    kind: String,
    /// JSON of its `ActionTypeDeclaration`; empty for a custom type.
    declaration: String,
    /// A type that was deleted keeps its version.
    is_deleted: bool,
}

impl Row {
    fn action_type(&self) -> Result<ActionType, Fault> {
        serde_json::from_str(&self.kind)
            .map_err(|error| Fault::new(format!("an action type can't be read: {error}")))
    }
}

/// The key of an action type's row: by owner, category, provider and version.
pub(super) fn key(id: &TypeId) -> Vec<u8> {
    [&*id.owner, &id.category, &id.provider, &id.version].join("\0").into_bytes()
}

impl CodePipeline {
    /// An action type that a pipeline can have: AWS's or the account's own. What workers may poll
    /// by is its [`ActionType::queryable`].
    pub(super) async fn action_type(
        &self,
        caller: &Caller,
        id: &TypeId,
    ) -> Result<Option<ActionType>, Fault> {
        let own = self.custom_type(caller, id).await?;
        Ok(own.or_else(|| types::find(id)))
    }

    /// A type of the account's own that has not been deleted.
    pub(super) async fn custom_type(
        &self,
        caller: &Caller,
        id: &TypeId,
    ) -> Result<Option<ActionType>, Fault> {
        let row = self.type_row(caller, id).await?.map(|(row, _)| row);
        row.filter(|row| !row.is_deleted).map(|row| row.action_type()).transpose()
    }

    /// The row of a type, and its bytes.
    async fn type_row(
        &self,
        caller: &Caller,
        id: &TypeId,
    ) -> Result<Option<(Row, bytes::Bytes)>, Fault> {
        let catalog = self.engine.catalog();
        let bytes = catalog.get(&caller.scope, table::ACTION_TYPES, &key(id)).await?;
        bytes.map(|bytes| Ok((record::decode(&bytes)?, bytes))).transpose()
    }
}
