//! Executions that runbooks start, and whose end they hear of as JSON.

use trackway_asl::JSON_REPORT;
use trackway_core::{EffectId, ExecutionId, ReplyTo};
use trackway_engine::{Fault, StartError, Started};

use super::StepFunctions;
use super::executions::{StartExecution, StartedBy, StartedWith};
use super::nested::caller_of;
use super::refusal::{Code, Failure, Refusal};

impl StepFunctions {
    /// Starts an execution that answers this effect when it ends, unless it has started it before.
    pub(crate) async fn start_child(
        &self,
        (execution, effect): (ExecutionId, EffectId),
        machine_arn: &str,
        name: &str,
        input: String,
    ) -> Result<(), Failure> {
        let caller = caller_of(machine_arn)?;
        let machine = self.machine_by_arn(&caller, machine_arn).await?;
        let request = StartExecution {
            state_machine_arn: machine_arn.to_owned(),
            name: Some(name.to_owned()),
            input,
            included_data: None,
        };
        let by = StartedBy { execution, effect };
        let mut start = self.start_request(&caller, machine, request, Some(by)).await?;
        start.start.attributes.extend_from_slice(JSON_REPORT);
        start.reply_to = Some(ReplyTo { execution, effect });
        let arn = start.start.arn.clone();
        match self.engine.start(start).await {
            Ok(Started::New { .. }) => Ok(()),
            Ok(Started::Existing { record, .. })
                if StartedWith::decode(&record.attributes)?.by == Some(by) =>
            {
                Ok(())
            }
            Ok(Started::Existing { .. }) => {
                let message = format!("Execution Already Exists: '{arn}'");
                Err(Refusal::new(Code::ExecutionAlreadyExists, message).into())
            }
            Err(StartError::Fault(fault)) => Err(fault.into()),
            Err(other) => Err(Fault::new(other.to_string()).into()),
        }
    }
}
