//! What an execution's journal holds.
//!
//! An event names a step by its place: main steps are numbered in the document's order, the steps
//! of its loops after them. A payload (inputs, outputs, a value) is not part of an event's own
//! bytes: [`trackway_core::segment`] keeps it apart, once a turn.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::fanout::Rate;
use trackway_core::{EffectId, Journaled, Payload, TimerId};

use super::definition::Outline;
use super::failure::Failure;
use super::start::{StartedWith, TriggeredAlarm};
use super::status::Status;

/// One event of an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Its JSON text, where it has one.
    #[serde(skip)]
    pub payload: Option<Payload>,
}

/// What happened. Never changed once released; new ones come last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EventKind {
    /// The execution began; its input: `{"parameters": {…}}`.
    Started(Box<Started>),
    /// A parameter's default is looked up in Parameter Store.
    Fetching {
        /// The look-up.
        effect: EffectId,
        /// Which of the document's parameters.
        parameter: u16,
    },
    /// It was found; the value.
    Fetched,
    /// The value of every parameter; only where the input does not have them all.
    Parameters,
    /// The first value of every variable; only where there are variables.
    Variables,
    /// The first turn is over: steps that have not started are listed from now on.
    Listed,
    /// The turn was long; the step at this place follows when the timer fires.
    Yielded {
        /// The timer.
        timer: TimerId,
        /// The place.
        place: u16,
    },
    /// Mode Interactive: the step at this place waits to be started.
    Awaiting(u16),
    /// A step began; its resolved inputs.
    StepStarted {
        /// Its place.
        place: u16,
        /// When its first attempt times out.
        timeout: Option<TimerId>,
        /// What its document says of it.
        options: Option<Box<StepOptions>>,
    },
    /// The step under way is a loop over the payload's items; over a condition if there is none.
    LoopStarted,
    /// A pass of the loop begins.
    PassStarted,
    /// The step asks for an effect; what it has to remember.
    Asked {
        /// The effect.
        effect: EffectId,
        /// How far the step's action is.
        stage: u8,
    },
    /// The step waits for a moment; what it has to remember.
    Waits {
        /// The timer.
        timer: TimerId,
        /// How far the step's action is.
        stage: u8,
    },
    /// The step waits for a signal.
    Parked,
    /// An approver decided.
    Decided(Box<Decision>),
    /// An attempt failed, the next one begins.
    Retried {
        /// When it times out.
        timeout: Option<TimerId>,
    },
    /// Variables have the payload's values now.
    VariableSet,
    /// The innermost step under way has ended; its outputs.
    StepEnded {
        /// How.
        status: Status,
        /// Why it failed.
        failure: Option<Box<Failure>>,
        /// `ResponseCode`.
        code: Option<String>,
        /// Whether its failure decides over the execution, or the loop around it.
        decides: bool,
    },
    /// StopAutomationExecution with `Complete`.
    Completing,
    /// The execution is being cancelled; at the latest when the timer fires it is over.
    Cancelling {
        /// The timer.
        timer: TimerId,
    },
    /// A call that nobody waits for was made, such as a child's stop.
    Told {
        /// The call.
        effect: EffectId,
    },
    /// The alarm is looked at.
    AlarmAsked {
        /// The look.
        effect: EffectId,
    },
    /// The alarm was quiet; it is looked at again when the timer fires.
    AlarmQuiet {
        /// The timer.
        timer: TimerId,
    },
    /// The alarm went off, or nobody could say.
    AlarmTriggered(Vec<TriggeredAlarm>),
    /// Rate control: the targets are looked up.
    Resolving {
        /// The look-up.
        effect: EffectId,
    },
    /// Rate control: these are the targets, a list of texts or of maps.
    Targets {
        /// The first child's effect; the others follow.
        first: EffectId,
        /// How fast it goes.
        rate: Rate,
    },
    /// Rate control: the next target's child was started.
    ChildStarted,
    /// Rate control: a child has ended. Payload: why, if it failed.
    ChildEnded {
        /// Its place among the targets.
        index: u32,
        /// How.
        status: Status,
    },
    /// A child that is given up was told to stop; the execution does not end before that call has.
    Parting {
        /// The call.
        effect: EffectId,
    },
    /// That call has ended.
    Parted {
        /// The call.
        effect: EffectId,
    },
    /// All is done but such calls; the execution ends with them.
    Leaving {
        /// How.
        status: Status,
        /// `FailureMessage`.
        message: Option<String>,
    },
    /// The execution has ended; the document's outputs.
    Closed {
        /// How.
        status: Status,
        /// `FailureMessage`.
        message: Option<String>,
    },
}

/// How an execution began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The execution's ARN.
    pub arn: String,
    /// All that StartAutomationExecution found out.
    pub with: Arc<StartedWith>,
    /// The steps that the document has.
    pub outline: Arc<Vec<Outline>>,
    /// What all ids of steps and children are made of.
    pub seed: (u64, u64),
}

/// What a document says of a step, with references resolved; shown only if written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOptions {
    /// `TimeoutSeconds`.
    pub timeout_seconds: Option<u64>,
    /// `MaxAttempts`.
    pub max_attempts: Option<u32>,
    /// `OnFailure`.
    pub on_failure: Option<String>,
    /// `IsEnd`.
    pub is_end: Option<bool>,
    /// `NextStep`.
    pub next_step: Option<String>,
    /// `IsCritical`.
    pub is_critical: Option<bool>,
    /// `ValidNextSteps`.
    pub valid_next_steps: Vec<String>,
}

/// What an approver decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who: the entry of `Approvers` that it counts for.
    pub approver: String,
    /// Whether it is an approval.
    pub approved: bool,
    /// `Comment`.
    pub comment: Option<String>,
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    const DICTIONARY: &'static [u8] = b"{\"parameters\":{\"AutomationAssumeRole\":\"arn:aws:iam::\
        000000000000:role/\"{\"Runtime\":\"python3.11\",\"Handler\":\"\",\"InputPayload\":\"Script\":\"def \
        \"Payload\":\"OutputPayload\":{\"DocumentName\":\"AWS-RunShellScript\",\"InstanceIds\":[\"i-\
        \"Parameters\":{\"commands\":[\"{\"CommandId\":\"\"ResponseCode\":0,\"Output\":\"Status\":\"Success\"\
        Step fails when it is Execute/Cancelling action. An error occurred () when calling the \
         operation: . Please refer to Automation Service Troubleshooting Guide for more diagnosis \
        details.{\"Choices\":[{\"NextStep\":\"\",\"Variable\":\"\",\"StringEquals\":\"\"}],\"Default\":\"\
        {\"Service\":\"ec2\",\"Api\":\"Describe{\"Name\":\"variable:\",\"Value\":{\"Duration\":\"PT0S\"}\
        arn:aws:ssm:us-east-1:000000000000:automation-execution/arn:aws:iam::000000000000:user/";

    fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    fn set_payload(&mut self, payload: Payload) {
        self.payload = Some(payload);
    }
}
