//! Performs the queue `audit-start`: starts the audits of schedules.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::SetOnce;
use trackway_audit::audit::{Birth, TaskType};
use trackway_audit::request::StartScheduled;
use trackway_core::{Outcome, ReplyTo};
use trackway_engine::{Fault, Performed, Performer, Work};

use super::refusal::Failure;
use super::{Iot, audit_start};
use crate::services::Services;
use crate::{Api, Caller};

/// Performs the queue `audit-start`. The engine needs its performers before it is opened, this one
/// needs the services: work waits until [`AuditStarter::serve`] brings them.
#[derive(Clone, Default)]
pub struct AuditStarter(Arc<SetOnce<Arc<Services>>>);

impl AuditStarter {
    /// From now on these services answer.
    pub fn serve(&self, api: &Api) {
        // Set once by the composition root; a second one would be a mistake of ours.
        let _was_set = self.0.set(Arc::clone(&api.services));
    }
}

impl Performer for AuditStarter {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let services = Arc::clone(&self.0);
        Box::pin(async move {
            let started = services.wait().await.iot.start_scheduled(&work).await;
            let (error, cause) = match started {
                Ok(()) => return Performed::Elsewhere,
                Err(Failure::Refused(refusal)) => (refusal.code.name(), refusal.text().to_owned()),
                Err(Failure::Fault(fault)) => ("InternalFailureException", fault.to_string()),
            };
            eprintln!("fault in a scheduled audit: {cause}");
            Performed::Finished(Outcome::Failed { error: error.to_owned(), cause })
        })
    }
}

impl Iot {
    /// Starts the audit that a schedule has drawn the number of, or finds it. A check that is not
    /// enabled any more is part of it: its scan says so.
    async fn start_scheduled(&self, work: &Work) -> Result<(), Failure> {
        let call: StartScheduled = serde_json::from_str(&work.request).map_err(|error| {
            Fault::new(format!("could not read the request of a schedule: {error}"))
        })?;
        let (account, region) = work.scope.split_once('/').unwrap_or((&work.scope, ""));
        let caller = Caller::new(account, region);
        let configuration = self.audit_configuration(&caller).await?.unwrap_or_default();
        let config = |check| configuration.checks.get(&check).map(|(_, config)| *config);
        let checks = call.checks.into_iter();
        let birth = Birth {
            number: call.number,
            account: caller.account.clone(),
            task_type: TaskType::Scheduled,
            schedule: Some(call.schedule),
            checks: checks.map(|check| (check, config(check).unwrap_or_default())).collect(),
            topic_arn: configuration.topic().cloned(),
        };
        let reply_to = ReplyTo { execution: work.execution, effect: work.effect };
        audit_start::start(self, &caller, birth, Some(reply_to)).await
    }
}
