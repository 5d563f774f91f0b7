//! The parameters of an execution: lists of texts become values of the declared types.

use serde_json::{Map, Value};
use trackway_runbook::document::Parameter;
use trackway_runbook::document::parameters::check_but;

pub(super) use trackway_runbook::document::parameters::Given;

use crate::ssm::refusal::{Code, Refusal};

/// The refusal of a start for its parameters.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidAutomationExecutionParametersException, message)
}

/// Checks what is given against what is declared, and gives it typed. What is not given and has a
/// default is left out: the execution finds it. `later` are the parameters that each target brings.
pub(super) fn typed(
    declared: &[Parameter],
    given: &Given,
    later: &[&str],
) -> Result<Map<String, Value>, Refusal> {
    let values = check_but(declared, given, later).map_err(|refused| {
        let each: Vec<String> = refused.iter().map(ToString::to_string).collect();
        invalid(each.join(" "))
    })?;
    Ok(values.into_iter().filter(|(name, _)| given.contains_key(name)).collect())
}

/// A text as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
