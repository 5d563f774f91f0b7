//! The pipelines that there are, of all accounts and regions.

use trackway_core::ExecutionId;
use trackway_engine::{Engine, Fault, Record};
use trackway_pipeline::ids::Number;

use crate::codepipeline::entity::{self, Named};
use crate::codepipeline::table;
use crate::{Caller, record};

/// Rows of names that are read at once.
const PAGE: usize = 500;

/// A pipeline that is there.
pub(in crate::codepipeline) struct Living {
    pub(in crate::codepipeline) id: ExecutionId,
    pub(in crate::codepipeline) number: Number,
    pub(in crate::codepipeline) name: String,
    /// `ACCOUNT/REGION`.
    pub(in crate::codepipeline) scope: String,
    pub(in crate::codepipeline) record: Record,
}

/// Every pipeline of the server.
pub(in crate::codepipeline) async fn living_everywhere(
    engine: &Engine,
) -> Result<Vec<Living>, Fault> {
    let mut all = Vec::new();
    for scope in engine.catalog().scopes().await? {
        let Some((account, region)) = scope.split_once('/') else { continue };
        let caller = Caller::new(account, region);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let catalog = engine.catalog();
            let page = catalog.list(&scope, table::PIPELINES, b"", after.as_deref(), PAGE).await?;
            after = page.rows.last().map(|(name, _)| name.to_vec());
            for (name, row) in page.rows {
                let number = Number::new(record::decode::<Named>(&row)?.number);
                let Some(found) = entity::living(engine, &caller, number).await? else { continue };
                let name = String::from_utf8_lossy(&name).into_owned();
                let (id, record, scope) = (found.id, found.record, scope.clone());
                all.push(Living { id, number, name, scope, record });
            }
            if !page.more {
                break;
            }
        }
    }
    Ok(all)
}
