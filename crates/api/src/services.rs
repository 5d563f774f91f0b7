//! Which service carries an operation out.

use serde_json::Value;
use trackway_engine::Engine;
use trackway_wire::error::Failure;

use crate::codepipeline::CodePipeline;
use crate::iot::Iot;
use crate::ssm::Ssm;
use crate::step_functions::{self, StepFunctions};
use crate::{Caller, account};

/// Every service, on one engine.
pub(crate) struct Services {
    pub(crate) step_functions: StepFunctions,
    pub(crate) ssm: Ssm,
    pub(crate) codepipeline: CodePipeline,
    pub(crate) iot: Iot,
}

impl Services {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            step_functions: StepFunctions::new(engine.clone()),
            ssm: Ssm::new(engine.clone()),
            codepipeline: CodePipeline::new(engine.clone()),
            iot: Iot::new(engine),
        }
    }

    /// Carries out an operation, both by the model's names; `input` satisfies the model. None if
    /// it is not built.
    pub(crate) async fn call(
        &self,
        (service, operation): (&str, &str),
        caller: &Caller,
        input: Value,
    ) -> Option<Result<Vec<u8>, Failure>> {
        match service {
            "stepfunctions" if step_functions::OPERATIONS.contains(&operation) => {
                let answer = self.step_functions.call(operation, caller, input).await;
                Some(answer.map_err(|why| why.on_the_wire(operation, "InternalFailure")))
            }
            "ssm" => {
                let answer = self.ssm.call(operation, caller, input).await?;
                Some(answer.map_err(|why| why.on_the_wire(operation, "InternalServerError")))
            }
            "codepipeline" => {
                let answer = self.codepipeline.call(operation, caller, input).await?;
                Some(answer.map_err(|why| why.on_the_wire(operation, "InternalFailure")))
            }
            "iot" => {
                let answer = self.iot.call(operation, caller, input).await?;
                Some(answer.map_err(|why| why.on_the_wire(operation, "InternalFailureException")))
            }
            "sts" if operation == "GetCallerIdentity" => Some(Ok(account::caller_identity(caller))),
            _ => None,
        }
    }
}
