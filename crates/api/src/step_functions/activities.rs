//! Activities: create, describe, delete, list, and the poll for their tasks.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use trackway_asl::{Execution, Signal};
use trackway_engine::SignalError;

use super::arn::{self, Arn, Resource};
use super::record::{self, Activity};
use super::refusal::{Code, Failure, Refusal};
use super::rows::Table;
use super::{Answer, Epoch, StepFunctions, nothing, page, tags, write};
use crate::Caller;

/// How long GetActivityTask holds a poll that finds no task. Source: its documentation.
const POLL_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateActivity {
    name: String,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    encryption_configuration: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfActivity {
    activity_arn: String,
    worker_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    activity_arn: String,
    name: String,
    creation_date: Epoch,
}

impl StepFunctions {
    pub(super) async fn create_activity(&self, caller: &Caller, request: CreateActivity) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Created {
            activity_arn: String,
            creation_date: Epoch,
        }
        arn::check_name(&request.name)?;
        let key = request.encryption_configuration.as_ref().and_then(|c| c["type"].as_str());
        if key.is_some_and(|key| key != "AWS_OWNED_KEY") {
            return Err(Refusal::new(
                Code::InvalidEncryptionConfiguration,
                "Invalid Encryption Configuration: customer managed keys are not supported by this version of Trackway.",
            )
            .into());
        }
        let activity = Activity {
            arn: arn::activity(caller, &request.name),
            name: request.name,
            created: self.engine.now(),
            tags: tags::checked(request.tags)?,
        };
        let row = record::encode(&activity)?;
        let place = (Table::Activities, activity.name.as_str());
        let kept = if self.create_row(caller, place, row, None).await? {
            activity
        } else {
            // It exists: creating it again answers as the first time.
            self.activity(caller, &activity.arn).await?
        };
        write(&Created { activity_arn: kept.arn, creation_date: Epoch(kept.created) })
    }

    pub(super) async fn describe_activity(&self, caller: &Caller, request: OfActivity) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Described {
            #[serde(flatten)]
            item: Item,
            encryption_configuration: Encryption,
        }
        #[derive(Serialize)]
        struct Encryption {
            r#type: &'static str,
        }
        let activity = self.activity(caller, &request.activity_arn).await?;
        write(&Described {
            item: item(activity),
            encryption_configuration: Encryption { r#type: "AWS_OWNED_KEY" },
        })
    }

    pub(super) async fn delete_activity(&self, caller: &Caller, request: OfActivity) -> Answer {
        let parsed = Arn::parse(&request.activity_arn)?;
        let Resource::Activity { name } = parsed.resource else {
            return Err(parsed.not_here().into());
        };
        if parsed.is_of(caller) {
            self.delete_row(caller, Table::Activities, name).await?;
        }
        nothing()
    }

    pub(super) async fn list_activities(&self, caller: &Caller, request: page::Request) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            activities: Vec<Item>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let (rows, next_token) =
            self.catalog_page(caller, "ListActivities", Table::Activities, &request).await?;
        write(&Listed { activities: rows.into_iter().map(item).collect(), next_token })
    }

    /// Waits for a task without holding a thread. The machine hears who took it before the worker
    /// does, so a task is never handed out twice.
    pub(super) async fn get_activity_task(&self, caller: &Caller, request: OfActivity) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Task<'a> {
            task_token: String,
            input: &'a str,
        }
        let activity = self.activity(caller, &request.activity_arn).await?;
        let queue = format!("activity/{}", activity.arn);
        let mut closing = self.closing.subscribe();
        let nothing_found = async {
            tokio::select! {
                () = tokio::time::sleep(POLL_MAX) => {}
                _ = closing.wait_for(|closing| *closing) => {}
            }
        };
        let mut nothing_found = std::pin::pin!(nothing_found);
        loop {
            // Only the wait is cut short: what the machine has been told, the worker hears too.
            let lease = tokio::select! {
                lease = self.engine.take(&queue) => lease?,
                // "The poll returns a taskToken with a null string."
                () = &mut nothing_found => return Ok(br#"{"taskToken":null}"#.to_vec()),
            };
            let work = lease.work();
            let signal = Signal::Taken { effect: work.effect, worker: request.worker_name.clone() };
            match self.engine.signal::<Execution>(work.execution, signal).await {
                Ok(()) => {
                    let work = lease.keep();
                    return write(&Task {
                        task_token: self.engine.tokens().task(work.execution, work.effect),
                        input: work.request.as_str(),
                    });
                }
                // The task ended while it lay in the queue: take the next one.
                Err(SignalError::NotFound | SignalError::Closed | SignalError::Refused(_)) => {
                    drop(lease.keep());
                }
                Err(SignalError::Fault(fault)) => return Err(fault.into()),
            }
        }
    }

    async fn activity(&self, caller: &Caller, text: &str) -> Result<Activity, Failure> {
        let parsed = Arn::parse(text)?;
        let Resource::Activity { name } = parsed.resource else {
            return Err(parsed.not_here().into());
        };
        let row = match parsed.is_of(caller) {
            true => self.row(caller, Table::Activities, name).await?,
            false => None,
        };
        let missing = || {
            let message = format!("Activity Does Not Exist: '{text}'");
            Refusal::new(Code::ActivityDoesNotExist, message)
        };
        Ok(record::decode(&row.ok_or_else(missing)?)?)
    }
}

fn item(activity: Activity) -> Item {
    Item { activity_arn: activity.arn, name: activity.name, creation_date: Epoch(activity.created) }
}
