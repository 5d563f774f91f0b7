//! Jobs: what workers of one's own poll for, acknowledge, and answer.
//!
//! ```text
//!  machine ─▶ queue `job/…` ─▶ PollForJobs ─▶ desk (memory, 60 s) ─▶ AcknowledgeJob ─▶ machine
//!                  ▲                              │ never acknowledged
//!                  └──────────────────────────────┘
//! ```
//!
//! A job's id names its pipeline. Which worker it was handed to, the machine hears with the
//! acknowledgement; until then the desk sees to it that no other worker gets it.

mod data;
mod desk;
mod third_party;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use trackway_core::ExecutionId;
use trackway_engine::{Fault, SignalError, Work};
use trackway_pipeline::Pipeline;
use trackway_pipeline::ids;
use trackway_pipeline::request::{Artifact, Details, Job, TypeId, job_queue};
use trackway_pipeline::signal::{JobResult, Refusal as Why, Signal};

pub(super) use desk::Desk;

use super::artifact_keys::JobArtifacts;
use super::refusal::{Code, Failure, Refusal, invalid};
use super::refused::{About, invalid_nonce, job_not_found, refused};
use super::{Answer, CodePipeline, Group};
use crate::Caller;
use crate::answer::{nothing, read, write};

/// Jobs of one poll at most, whatever is asked for.
const BATCH_MAX: usize = 1000;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "AcknowledgeJob",
        "AcknowledgeThirdPartyJob",
        "GetJobDetails",
        "GetThirdPartyJobDetails",
        "PollForJobs",
        "PollForThirdPartyJobs",
        "PutJobFailureResult",
        "PutJobSuccessResult",
        "PutThirdPartyJobFailureResult",
        "PutThirdPartyJobSuccessResult",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AcknowledgeJob" => service.acknowledge(caller, read(input)?).await,
        "AcknowledgeThirdPartyJob" => service.acknowledge_third_party(caller, read(input)?).await,
        "GetJobDetails" => service.job_details(caller, read(input)?).await,
        "GetThirdPartyJobDetails" => service.third_party_details(caller, read(input)?).await,
        "PollForJobs" => service.poll(caller, read(input)?).await,
        "PollForThirdPartyJobs" => service.poll_third_party(caller, read(input)?).await,
        "PutJobFailureResult" => service.job_failed(caller, read(input)?, Door::Workers).await,
        "PutJobSuccessResult" => service.job_succeeded(caller, read(input)?, Door::Workers).await,
        "PutThirdPartyJobFailureResult" => service.third_party_failed(caller, read(input)?).await,
        "PutThirdPartyJobSuccessResult" => {
            service.third_party_succeeded(caller, read(input)?).await
        }
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Poll {
    action_type_id: TypeId,
    max_batch_size: Option<usize>,
    #[serde(default)]
    query_param: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acknowledge {
    job_id: String,
    nonce: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfJob {
    job_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Succeeded {
    job_id: String,
    current_revision: Option<Value>,
    continuation_token: Option<String>,
    #[serde(default)]
    execution_details: ExecutionDetails,
    #[serde(default)]
    output_variables: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExecutionDetails {
    summary: Option<String>,
    external_execution_id: Option<String>,
    percent_complete: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    job_id: String,
    failure_details: FailureDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailureDetails {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    external_execution_id: Option<String>,
}

/// By which operations a job is answered.
#[derive(Clone, Copy)]
enum Door {
    /// Those of workers.
    Workers,
    /// Those of third parties, whose clients have tokens.
    ThirdParties,
}

impl Door {
    fn signal(self, signal: Signal) -> Signal {
        match self {
            Self::Workers => signal,
            Self::ThirdParties => Signal::OfThirdParty(Box::new(signal)),
        }
    }
}

/// A job by its id.
#[derive(Clone, Copy)]
struct Named<'a> {
    text: &'a str,
    id: u128,
    pipeline: ExecutionId,
}

impl<'a> Named<'a> {
    fn read(caller: &Caller, text: &'a str) -> Result<Self, Refusal> {
        let id = ids::read(text).ok_or_else(|| job_not_found(text))?;
        Ok(Self { text, id, pipeline: ids::entity_of(&caller.region, &caller.account, id) })
    }
}

impl CodePipeline {
    async fn poll(&self, caller: &Caller, request: Poll) -> Answer {
        let Poll { action_type_id, max_batch_size, query_param } = request;
        self.check_polled(caller, &action_type_id, &query_param).await?;
        let jobs = self.take_jobs(caller, &action_type_id, max_batch_size, &query_param).await?;
        let shown: Vec<Value> = jobs.iter().map(|job| data::polled(self, caller, job)).collect();
        write(&json!({ "jobs": shown }))
    }

    /// Whether workers may poll for jobs of this type, and by this property.
    ///
    /// Source: "PollForJobs is valid only for action types with Custom in the owner field." Types
    /// of AWS are polled for as well where the configuration leaves them to workers.
    async fn check_polled(
        &self,
        caller: &Caller,
        type_id: &TypeId,
        query: &Map<String, Value>,
    ) -> Result<(), Failure> {
        let known = match type_id.owner.as_str() {
            "ThirdParty" => None,
            "AWS" if !self.is_for_workers(type_id) => None,
            _ => self.action_type(caller, type_id).await?,
        };
        let known = known.ok_or_else(|| type_not_found(type_id))?;
        match query
            .keys()
            .find(|key| known.queryable().is_none_or(|property| property.name != **key))
        {
            None => Ok(()),
            Some(key) => Err(invalid(format!(
                "The property '{key}' is not a queryable configuration property of the action type."
            ))
            .into()),
        }
    }

    /// Whether the configuration leaves actions of this type to workers.
    fn is_for_workers(&self, type_id: &TypeId) -> bool {
        let name = format!("{}/{}", type_id.category, type_id.provider);
        self.settings().workers.contains(&name)
    }

    /// Hands out what is ready.
    async fn take_jobs(
        &self,
        caller: &Caller,
        type_id: &TypeId,
        most: Option<usize>,
        query: &Map<String, Value>,
    ) -> Result<Vec<Job>, Fault> {
        self.desk.give_back(self.engine.now());
        let queue = job_queue(&caller.scope, type_id);
        let most = most.unwrap_or(1).min(BATCH_MAX);
        let wanted = |work: &Work| {
            let fits = |job: &Job| {
                query.iter().all(|(key, value)| job.call.configuration.get(key) == Some(value))
            };
            query.is_empty() || read_job(&work.request).is_ok_and(|job| fits(&job))
        };
        let leases = self.engine.take_ready(&queue, most, wanted).await?;
        let mut jobs = Vec::with_capacity(leases.len());
        for lease in leases {
            let job = read_job(&lease.work().request)?;
            let id = ids::read(&job.id).ok_or_else(|| Fault::new("a job's id is none"))?;
            self.desk.hand_out(id, lease, self.engine.now());
            jobs.push(job);
        }
        Ok(jobs)
    }

    async fn acknowledge(&self, caller: &Caller, request: Acknowledge) -> Answer {
        let job = Named::read(caller, &request.job_id)?;
        self.job_acknowledged(caller, job, request.nonce, Door::Workers).await
    }

    async fn job_acknowledged(
        &self,
        caller: &Caller,
        job: Named<'_>,
        nonce: String,
        door: Door,
    ) -> Answer {
        let signal = door.signal(Signal::JobAcknowledged { job: job.id, nonce });
        match self.job_signal(job, signal).await? {
            Ok(()) => {
                self.desk.acknowledged(job.id);
                write(&json!({ "status": "InProgress" }))
            }
            // The operation has no error for a job's state: its nonce has been used.
            Err(Why::InvalidJobState) => Err(invalid_nonce().into()),
            Err(why) => Err(job_refused(&why, caller, job).into()),
        }
    }

    async fn job_details(&self, caller: &Caller, request: OfJob) -> Answer {
        let job = Named::read(caller, &request.job_id)?;
        let known = self.job(job).await?;
        if known.call.type_id.owner == "ThirdParty" {
            return Err(job_not_found(job.text).into());
        }
        write(&json!({ "jobDetails": data::details(self, caller, &known) }))
    }

    /// What a job is about.
    async fn job(&self, job: Named<'_>) -> Result<Job, Failure> {
        let id = job.id;
        let seen = self.look(job.pipeline, move |pipeline: &Pipeline| pipeline.job(id)).await?;
        seen.flatten().ok_or_else(|| job_not_found(job.text).into())
    }

    async fn job_succeeded(&self, caller: &Caller, request: Succeeded, door: Door) -> Answer {
        let text = request.job_id.clone();
        let job = Named::read(caller, &text)?;
        let details = request.execution_details;
        let result = JobResult {
            current_revision: request.current_revision,
            continuation_token: request.continuation_token,
            details: Details {
                external_execution_id: details.external_execution_id,
                summary: details.summary,
                percent_complete: details.percent_complete,
                ..Details::default()
            },
            output_variables: request.output_variables,
        };
        let signal = door.signal(Signal::JobSucceeded { job: job.id, result: Box::new(result) });
        self.job_answered(caller, job, signal).await
    }

    async fn job_failed(&self, caller: &Caller, request: Failed, door: Door) -> Answer {
        let job = Named::read(caller, &request.job_id)?;
        let FailureDetails { kind, message, external_execution_id } = request.failure_details;
        let failed = Signal::JobFailed { job: job.id, code: kind, message, external_execution_id };
        let signal = door.signal(failed);
        self.job_answered(caller, job, signal).await
    }

    async fn job_answered(&self, caller: &Caller, job: Named<'_>, signal: Signal) -> Answer {
        match self.job_signal(job, signal).await? {
            Ok(()) => {
                self.desk.acknowledged(job.id);
                nothing()
            }
            Err(why) => Err(job_refused(&why, caller, job).into()),
        }
    }

    /// Gives the pipeline of a job a signal. Of a pipeline that is gone, the job is too.
    async fn job_signal(&self, job: Named<'_>, signal: Signal) -> Result<Result<(), Why>, Fault> {
        match self.engine.signal::<Pipeline>(job.pipeline, signal).await {
            Ok(()) => Ok(Ok(())),
            Err(SignalError::Refused(why)) => Ok(Err(why)),
            Err(SignalError::NotFound | SignalError::Closed) => Ok(Err(Why::JobNotFound)),
            Err(SignalError::Fault(fault)) => Err(fault),
        }
    }
}

/// What the credentials of a job open; none once it has ended.
pub(super) async fn artifacts(
    service: &CodePipeline,
    job: &str,
) -> Result<Option<JobArtifacts>, Fault> {
    let mut parts = job.splitn(3, '/');
    let (Some(account), Some(region), Some(text)) = (parts.next(), parts.next(), parts.next())
    else {
        return Ok(None);
    };
    let Some(id) = ids::read(text) else { return Ok(None) };
    let pipeline = ids::entity_of(region, account, id);
    let known = service.look(pipeline, move |pipeline: &Pipeline| pipeline.job(id)).await?;
    let places = |list: &[Artifact]| {
        list.iter().map(|one| (one.bucket.clone(), one.key.clone())).collect::<Vec<_>>()
    };
    Ok(known.flatten().map(|known| JobArtifacts {
        read: places(&known.call.input_artifacts),
        written: places(&known.call.output_artifacts),
    }))
}

fn job_refused(why: &Why, caller: &Caller, job: Named<'_>) -> Refusal {
    match why {
        Why::Deleted => job_not_found(job.text),
        why => refused(why, caller, About { id: job.text, ..About::default() }),
    }
}

fn read_job(request: &str) -> Result<Job, Fault> {
    serde_json::from_str(request)
        .map_err(|error| Fault::new(format!("could not read a job: {error}")))
}

/// `ActionTypeNotFoundException`.
fn type_not_found(type_id: &TypeId) -> Refusal {
    let TypeId { category, owner, provider, version } = type_id;
    let message = format!(
        "No action type with category '{category}', owner '{owner}', provider '{provider}' and version '{version}' takes jobs from workers."
    );
    Refusal::new(Code::ActionTypeNotFoundException, message)
}
