//! Whether a structure is accepted here: the kind's own checks, with the custom types of the account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trackway_pipeline::request::TypeId;
use trackway_pipeline::structure::{self, Context, InvalidKind, Structure};

use super::super::CodePipeline;
use super::super::refusal::{Code, Failure, Refusal, invalid};
use crate::Caller;

impl CodePipeline {
    /// Reads, checks and completes a declaration; `before` is the latest version, if there is one.
    pub(super) async fn checked_structure(
        &self,
        caller: &Caller,
        declaration: Value,
        before: Option<&Structure>,
    ) -> Result<Structure, Failure> {
        let read = structure::read(declaration);
        let mut structure =
            read.map_err(|error| invalid(format!("The request can't be read: {error}")))?;
        let actions = structure.stages.iter().flat_map(|stage| &stage.actions);
        let ids: BTreeSet<TypeId> = actions.map(|action| action.action_type_id.clone()).collect();
        let mut types = BTreeMap::new();
        for id in ids {
            if let Some(kind) = self.action_type(caller, &id).await? {
                types.insert(id, kind);
            }
        }
        let context = Context { region: &caller.region, types: &|id| types.get(id).cloned() };
        structure::check(&mut structure, before, context).map_err(refused)?;
        Ok(structure)
    }
}

fn refused(why: structure::Invalid) -> Refusal {
    let code = match why.kind {
        InvalidKind::Structure => Code::InvalidStructureException,
        InvalidKind::Stage => Code::InvalidStageDeclarationException,
        InvalidKind::Action => Code::InvalidActionDeclarationException,
        InvalidKind::Blocker => Code::InvalidBlockerDeclarationException,
    };
    Refusal::new(code, why.message)
}
