//! ListActionTypes, ListRuleTypes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trackway_engine::Fault;
use trackway_pipeline::types::{ActionType, RuleType, builtin_types, rule_types as all_rule_types};

use super::super::{Answer, CodePipeline, table};
use super::{Row, key};
use crate::answer::write;
use crate::page::Bound;
use crate::{Caller, record};

/// Types on a page; nobody can ask for another number. More than these are there only once an
/// account has some twenty versions of types of its own.
const PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListActionTypes {
    action_owner_filter: Option<String>,
    next_token: Option<String>,
    region_filter: Option<String>,
}

impl CodePipeline {
    /// By owner, category, provider and version.
    pub(super) async fn list_action_types(
        &self,
        caller: &Caller,
        request: ListActionTypes,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            action_types: Vec<ActionType>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let owner = request.action_owner_filter.unwrap_or_default();
        let region = request.region_filter.unwrap_or_else(|| caller.region.clone());
        let request_is = ["ListActionTypes", &owner, &region];
        let bound = Bound { engine: &self.engine, caller, request: &request_is };
        let after = request.next_token.map(|token| bound.unseal(&token)).transpose()?;
        let mut types = self.types_in(&Caller::new(&caller.account, &region)).await?;
        types.retain(|key, kind| {
            (owner.is_empty() || kind.id.owner == owner)
                && after.as_ref().is_none_or(|after| key > after)
        });
        let next_token = match types.keys().nth(PAGE - 1) {
            Some(last) if types.len() > PAGE => Some(bound.seal(last)),
            _ => None,
        };
        write(&Listed { action_types: types.into_values().take(PAGE).collect(), next_token })
    }

    /// Every type that pipelines of this region can have, by key.
    async fn types_in(&self, caller: &Caller) -> Result<BTreeMap<Vec<u8>, ActionType>, Fault> {
        let mut types: BTreeMap<_, _> = builtin_types().map(|kind| (key(&kind.id), kind)).collect();
        let catalog = self.engine.catalog();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = catalog
                .list(&caller.scope, table::ACTION_TYPES, b"", after.as_deref(), PAGE)
                .await?;
            for (key, row) in &page.rows {
                let row: Row = record::decode(row)?;
                if !row.is_deleted {
                    types.insert(key.to_vec(), row.action_type()?);
                }
            }
            match page.rows.last() {
                Some((key, _)) if page.more => after = Some(key.to_vec()),
                _ => return Ok(types),
            }
        }
    }
}

/// All of them: the only owner is AWS, and they are in every region.
pub(super) fn rule_types() -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Listed {
        rule_types: Vec<RuleType>,
    }
    write(&Listed { rule_types: all_rule_types().collect() })
}
