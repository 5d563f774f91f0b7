//! SendAutomationSignal and StopAutomationExecution.

use std::collections::BTreeMap;

use serde::Deserialize;
use trackway_engine::SignalError;
use trackway_runbook::automation::{Automation, Refusal as Refused, Signal, SignalType, StopType};

use super::{identity, not_found};
use crate::Caller;
use crate::answer::nothing;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, Ssm};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendSignal {
    automation_execution_id: String,
    signal_type: String,
    #[serde(default)]
    payload: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StopAutomation {
    automation_execution_id: String,
    #[serde(rename = "Type")]
    stop_type: Option<String>,
}

impl Ssm {
    pub(super) async fn send_signal(&self, caller: &Caller, request: SendSignal) -> Answer {
        let kind = SignalType::from_name(&request.signal_type);
        let kind = kind.ok_or_else(|| invalid("The signal type is not known."))?;
        let signal = Signal::Send { kind, payload: request.payload, by: caller.arn() };
        let id = &request.automation_execution_id;
        let ended = Code::InvalidAutomationSignalException;
        self.tell_automation(caller, id, signal, ended).await
    }

    pub(super) async fn stop_automation(&self, caller: &Caller, request: StopAutomation) -> Answer {
        let stop = match request.stop_type.as_deref() {
            Some("Complete") => StopType::Complete,
            _ => StopType::Cancel,
        };
        let id = &request.automation_execution_id;
        let ended = Code::InvalidAutomationStatusUpdateException;
        self.tell_automation(caller, id, Signal::Stop(stop), ended).await
    }

    async fn tell_automation(
        &self,
        caller: &Caller,
        id: &str,
        signal: Signal,
        ended: Code,
    ) -> Answer {
        let answer = self.engine.signal::<Automation>(identity(caller, id), signal).await;
        let not_running = || {
            let message = format!("The automation execution {id} is not running.");
            Failure::from(Refusal::new(ended, message))
        };
        match answer {
            Ok(()) => nothing(),
            Err(SignalError::NotFound) => Err(not_found(id).into()),
            Err(SignalError::Closed | SignalError::Refused(Refused::NotRunning)) => {
                Err(not_running())
            }
            Err(SignalError::Refused(refused)) => {
                let code = match &refused {
                    Refused::StepNotFound(_) => Code::AutomationStepNotFoundException,
                    _ => Code::InvalidAutomationSignalException,
                };
                Err(Refusal::new(code, refused.to_string()).into())
            }
            Err(SignalError::Fault(fault)) => Err(fault.into()),
        }
    }
}
