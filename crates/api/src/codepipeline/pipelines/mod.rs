//! CreatePipeline, GetPipeline, UpdatePipeline, DeletePipeline, ListPipelines.

mod change;
mod check;
mod show;

use serde_json::Value;
use trackway_engine::Fault;

use super::{Answer, CodePipeline, Group};
use crate::Caller;
use crate::answer::read;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreatePipeline",
        "GetPipeline",
        "UpdatePipeline",
        "DeletePipeline",
        "ListPipelines",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreatePipeline" => service.create_pipeline(caller, read(input)?).await,
        "GetPipeline" => service.get_pipeline(caller, read(input)?).await,
        "UpdatePipeline" => service.update_pipeline(caller, read(input)?).await,
        "DeletePipeline" => service.delete_pipeline(caller, read(input)?).await,
        "ListPipelines" => service.list_pipelines(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}
