//! The state of a pipeline: GetPipelineState, transitions between stages, approvals.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::Fault;
use trackway_pipeline::Pipeline;
use trackway_pipeline::signal::Signal;

use super::entity::not_found;
use super::refused::{About, refused};
use super::{Answer, CodePipeline, Group};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DisableStageTransition",
        "EnableStageTransition",
        "GetPipelineState",
        "PutApprovalResult",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DisableStageTransition" | "EnableStageTransition" => {
            service.change_transition(caller, read(input)?).await
        }
        "GetPipelineState" => service.get_state(caller, read(input)?).await,
        "PutApprovalResult" => service.approve(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

#[derive(Deserialize)]
struct OfPipeline {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transition {
    pipeline_name: String,
    stage_name: String,
    transition_type: String,
    /// Only a transition that is to be disabled has one.
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Approval {
    pipeline_name: String,
    stage_name: String,
    action_name: String,
    result: Decision,
    token: String,
}

#[derive(Deserialize)]
struct Decision {
    summary: String,
    status: String,
}

impl CodePipeline {
    async fn get_state(&self, caller: &Caller, request: OfPipeline) -> Answer {
        let entity = self.entity(caller, &request.name).await?;
        let view = self.look(entity.id, Pipeline::state_view).await?;
        write(&view.ok_or_else(|| not_found(caller, &request.name))?)
    }

    async fn change_transition(&self, caller: &Caller, request: Transition) -> Answer {
        let Transition { pipeline_name, stage_name, transition_type, reason } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let signal = Signal::Transition {
            stage: stage_name.clone(),
            outbound: transition_type == "Outbound",
            disabled: reason,
            by: caller.arn(),
        };
        let answer = self.signal((caller, &pipeline_name), entity.id, signal).await?;
        let about = About { pipeline: &pipeline_name, stage: &stage_name, ..About::default() };
        answer.map_err(|why| refused(&why, caller, about))?;
        nothing()
    }

    async fn approve(&self, caller: &Caller, request: Approval) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Approved {
            approved_at: Epoch,
        }
        let Approval { pipeline_name, stage_name, action_name, result, token } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let signal = Signal::Approve {
            stage: stage_name.clone(),
            action: action_name.clone(),
            token,
            is_approved: result.status == "Approved",
            summary: result.summary,
            by: caller.arn(),
        };
        let answer = self.signal((caller, &pipeline_name), entity.id, signal).await?;
        let about = About {
            pipeline: &pipeline_name,
            stage: &stage_name,
            action: &action_name,
            ..About::default()
        };
        answer.map_err(|why| refused(&why, caller, about))?;
        write(&Approved { approved_at: Epoch(self.engine.now()) })
    }
}
