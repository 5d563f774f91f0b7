//! Jobs of third parties: the same jobs, each let in by a client's token.
//!
//! A customer of a third party writes the client that the third party gave them into the action's
//! configuration, as `ClientId` and `ClientToken`. An action that names no client is its own: its
//! id is both.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use trackway_pipeline::ids;
use trackway_pipeline::request::{Job, TypeId};

use super::{
    CodePipeline, Door, ExecutionDetails, Failed, FailureDetails, Named, Succeeded, data,
    type_not_found,
};
use crate::Caller;
use crate::answer::write;
use crate::codepipeline::Answer;
use crate::codepipeline::refusal::{Code, Failure, Refusal};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Poll {
    action_type_id: TypeId,
    max_batch_size: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Acknowledge {
    job_id: String,
    nonce: String,
    client_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfJob {
    job_id: String,
    client_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SucceededWith {
    job_id: String,
    client_token: String,
    current_revision: Option<Value>,
    continuation_token: Option<String>,
    #[serde(default)]
    execution_details: ExecutionDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedWith {
    job_id: String,
    client_token: String,
    failure_details: FailureDetails,
}

/// A client's id and token.
fn client(job: &Job) -> (&str, &str) {
    let of = |key: &str| job.call.configuration.get(key).and_then(Value::as_str);
    let own = job.call.action_execution_id.as_str();
    let named = of("ClientId").filter(|id| ids::read(id).is_some());
    (named.unwrap_or(own), of("ClientToken").or(named).unwrap_or(own))
}

impl CodePipeline {
    pub(super) async fn poll_third_party(&self, caller: &Caller, request: Poll) -> Answer {
        let type_id = &request.action_type_id;
        let is_known = type_id.owner == "ThirdParty"
            && (self.is_for_workers(type_id) || self.action_type(caller, type_id).await?.is_some());
        if !is_known {
            return Err(type_not_found(type_id).into());
        }
        let jobs = self.take_jobs(caller, type_id, request.max_batch_size, &Map::new()).await?;
        let shown: Vec<Value> =
            jobs.iter().map(|job| json!({ "clientId": client(job).0, "jobId": job.id })).collect();
        write(&json!({ "jobs": shown }))
    }

    pub(super) async fn acknowledge_third_party(
        &self,
        caller: &Caller,
        request: Acknowledge,
    ) -> Answer {
        let job = Named::read(caller, &request.job_id)?;
        self.admitted(job, &request.client_token).await?;
        self.job_acknowledged(caller, job, request.nonce, Door::ThirdParties).await
    }

    pub(super) async fn third_party_details(&self, caller: &Caller, request: OfJob) -> Answer {
        let job = Named::read(caller, &request.job_id)?;
        let known = self.admitted(job, &request.client_token).await?;
        write(&json!({ "jobDetails": {
            "id": known.id,
            "data": data::data(self, caller, &known),
            "nonce": known.nonce,
        } }))
    }

    pub(super) async fn third_party_succeeded(
        &self,
        caller: &Caller,
        request: SucceededWith,
    ) -> Answer {
        self.admitted(Named::read(caller, &request.job_id)?, &request.client_token).await?;
        let result = Succeeded {
            job_id: request.job_id,
            current_revision: request.current_revision,
            continuation_token: request.continuation_token,
            execution_details: request.execution_details,
            output_variables: Map::new(),
        };
        self.job_succeeded(caller, result, Door::ThirdParties).await
    }

    pub(super) async fn third_party_failed(&self, caller: &Caller, request: FailedWith) -> Answer {
        self.admitted(Named::read(caller, &request.job_id)?, &request.client_token).await?;
        let FailedWith { job_id, failure_details, .. } = request;
        let failed = Failed { job_id, failure_details };
        self.job_failed(caller, failed, Door::ThirdParties).await
    }

    /// The job, if it is a third party's and this is its client's token.
    async fn admitted(&self, job: Named<'_>, token: &str) -> Result<Job, Failure> {
        let known = self.job(job).await?;
        if known.call.type_id.owner != "ThirdParty" {
            return Err(super::job_not_found(job.text).into());
        }
        if client(&known).1 != token {
            let message = "The client token was specified in an invalid format.";
            return Err(Refusal::new(Code::InvalidClientTokenException, message).into());
        }
        Ok(known)
    }
}
