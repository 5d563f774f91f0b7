//! ValidateStateMachineDefinition: what is wrong with a definition, without creating anything.
//! Terraform asks it while it plans.

use serde::{Deserialize, Serialize};
use trackway_asl::definition::{self, Severity};

use super::machines::in_the_language;
use super::record::MachineType;
use super::{Answer, StepFunctions, write};

/// Diagnostics of an answer when no number is asked for, or 0 is. Source: its documentation.
const DIAGNOSTICS_DEFAULT: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValidateStateMachineDefinition {
    definition: String,
    #[serde(rename = "type", default)]
    machine_type: MachineType,
    severity: Option<String>,
    #[serde(default)]
    max_results: usize,
}

#[derive(Serialize)]
struct Shown<'a> {
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
}

#[derive(Serialize)]
struct Validated<'a> {
    result: &'static str,
    diagnostics: Vec<Shown<'a>>,
    truncated: bool,
}

impl StepFunctions {
    pub(super) fn validate_state_machine_definition(
        &self,
        request: ValidateStateMachineDefinition,
    ) -> Answer {
        let machine_type = in_the_language(request.machine_type);
        let found = definition::parse(&request.definition, machine_type).err().unwrap_or_default();
        let with_warnings = request.severity.as_deref() == Some("WARNING");
        let limit = match request.max_results {
            0 => DIAGNOSTICS_DEFAULT,
            limit => limit,
        };
        let is_shown = |severity| severity == Severity::Error || with_warnings;
        let shown = found.iter().filter(|diagnostic| is_shown(diagnostic.severity));
        let fails = found.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        write(&Validated {
            result: if fails { "FAIL" } else { "OK" },
            truncated: shown.clone().count() > limit,
            diagnostics: shown
                .take(limit)
                .map(|diagnostic| Shown {
                    severity: diagnostic.severity.as_str(),
                    code: diagnostic.code.as_str(),
                    message: &diagnostic.message,
                    location: diagnostic.location.as_deref(),
                })
                .collect(),
        })
    }
}
