//! What DescribeDocument and its like say of a document.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::command::{self, CommandDocument, CommandStep};
use super::fields::{Object, present, scalar_text};
use super::parameters;
use super::parse::{Document, schema_version};
use super::runbook::Parameter;
use crate::plan::Platform;

/// The facts of a document that its text alone decides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `SchemaVersion`.
    pub schema_version: Option<String>,
    /// `Description`.
    pub description: Option<String>,
    /// `PlatformTypes`.
    pub platform_types: Vec<&'static str>,
    /// `Parameters`, each with Name, Type, Description and DefaultValue.
    pub parameters: Vec<Value>,
}

impl Document {
    /// The facts of the document.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let everywhere = || Platform::ALL.map(Platform::as_str).to_vec();
        match self {
            Document::Runbook(runbook) => Facts {
                schema_version: Some("0.3".to_owned()),
                description: runbook.description.clone(),
                platform_types: everywhere(),
                parameters: parameters::describe(&runbook.parameters),
            },
            Document::Command(command) => Facts {
                schema_version: Some(command.schema.as_str().to_owned()),
                description: command.description.clone(),
                platform_types: platforms(command),
                parameters: parameters::describe(&command.parameters),
            },
            Document::Other(value) => {
                let empty = Object::new();
                let members = value.as_object().unwrap_or(&empty);
                Facts {
                    schema_version: schema_version(members),
                    description: present(members, "description").and_then(scalar_text),
                    platform_types: everywhere(),
                    parameters: Vec::new(),
                }
            }
        }
    }

    /// The declared parameters; none where nothing here reads them.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        match self {
            Document::Runbook(runbook) => &runbook.parameters,
            Document::Command(command) => &command.parameters,
            Document::Other(_) => &[],
        }
    }
}

/// The platforms on which at least one step of a command runs.
fn platforms(command: &CommandDocument) -> Vec<&'static str> {
    let runs = |platform: &Platform| command.steps.iter().any(|step| runs_on(step, *platform));
    Platform::ALL.into_iter().filter(runs).map(Platform::as_str).collect()
}

fn runs_on(step: &CommandStep, platform: Platform) -> bool {
    let plugin = command::find(&step.action);
    let wanted = step.precondition.iter().all(|(_, arguments)| {
        let at = arguments.iter().position(|argument| argument == "platformType");
        let other = at.and_then(|at| arguments.get(1 - at.min(1)));
        other.is_none_or(|other| Platform::parse(other).is_none_or(|other| other == platform))
    });
    wanted && plugin.is_some_and(|plugin| plugin.platforms.contains(&platform))
}

/// `Hash` of a content: SHA-256 in hexadecimal.
#[must_use]
pub fn hash(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
