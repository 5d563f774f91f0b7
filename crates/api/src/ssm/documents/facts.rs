//! What answers tell of a document's content: description, parameters, platforms.

use serde::Serialize;
use serde_json::{Map, Value};
use trackway_runbook::document::{self, DocumentType, Format};

use crate::ssm::refusal::{Code, Refusal, invalid};

const EVERY_PLATFORM: [&str; 3] = ["Windows", "Linux", "MacOS"];

/// A parameter as DescribeDocument lists it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parameter {
    name: String,
    #[serde(rename = "Type")]
    parameter_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_value: Option<String>,
}

/// What a content tells of itself.
pub(super) struct Facts {
    pub(super) description: Option<String>,
    pub(super) schema_version: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) platform_types: Vec<&'static str>,
}

/// The type and format that a request names.
pub(super) fn kind_of(
    document_type: &str,
    format: &str,
) -> Result<(DocumentType, Format), Refusal> {
    let document_type = DocumentType::parse(document_type).map_err(|why| refused(&why))?;
    let format = Format::parse(format).ok_or_else(|| invalid("The format is not known."))?;
    Ok((document_type, format))
}

/// The refusal of a content.
pub(super) fn refused(why: &document::Problems) -> Refusal {
    let code = match why.exception() {
        document::Exception::MaxDocumentSizeExceeded => Code::MaxDocumentSizeExceeded,
        document::Exception::InvalidDocumentSchemaVersion => Code::InvalidDocumentSchemaVersion,
        _ => Code::InvalidDocumentContent,
    };
    Refusal::new(code, why.message())
}

/// What this content tells. One that can't be read tells nothing.
pub(super) fn of(content: &str, format: Format, document_type: DocumentType) -> Facts {
    let read = match document_type {
        DocumentType::ChangeCalendar => None,
        _ => document::read(content, format).ok(),
    };
    let empty = Map::new();
    let value = read.as_ref().and_then(Value::as_object).unwrap_or(&empty);
    let declared = value.get("parameters").and_then(Value::as_object).unwrap_or(&empty);
    Facts {
        description: value.get("description").and_then(Value::as_str).map(str::to_owned),
        schema_version: value.get("schemaVersion").map(text),
        parameters: declared.iter().map(|(name, of)| parameter(name, of)).collect(),
        platform_types: match document_type {
            DocumentType::Command => platforms(value),
            _ => EVERY_PLATFORM.to_vec(),
        },
    }
}

fn parameter(name: &str, declaration: &Value) -> Parameter {
    Parameter {
        name: name.to_owned(),
        parameter_type: declaration.get("type").map_or_else(|| "String".to_owned(), text),
        description: declaration.get("description").map(text),
        default_value: declaration.get("default").map(text),
    }
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The platforms that any step of a Command document is for.
fn platforms(document: &Map<String, Value>) -> Vec<&'static str> {
    let steps = document.get("mainSteps").or_else(|| document.get("runtimeConfig"));
    let steps: Vec<(Option<&str>, &Value)> = match steps {
        Some(Value::Array(steps)) => {
            steps.iter().map(|step| (step.get("action").and_then(Value::as_str), step)).collect()
        }
        Some(Value::Object(plugins)) => {
            plugins.iter().map(|(name, of)| (Some(name.as_str()), of)).collect()
        }
        _ => Vec::new(),
    };
    let is_for = |platform: &&'static str| {
        steps.is_empty()
            || steps.iter().any(|(action, step)| match wanted_platform(step) {
                Some(wanted) => wanted.eq_ignore_ascii_case(platform),
                None => *action != Some("aws:runShellScript") || *platform != "Windows",
            })
    };
    EVERY_PLATFORM.into_iter().filter(|platform| is_for(platform)).collect()
}

/// The platform of a step's precondition.
fn wanted_platform(step: &Value) -> Option<&str> {
    let operands = step.get("precondition")?.get("StringEquals")?.as_array()?;
    let mut others = operands.iter().filter_map(Value::as_str);
    others.find(|operand| !operand.contains("platformType"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_follow_steps_and_their_preconditions() {
        let of = |content: &str| of(content, Format::Json, DocumentType::Command).platform_types;
        let step = |action: &str, platform: &str| {
            let precondition = match platform {
                "" => String::new(),
                _ => format!(r#","precondition":{{"StringEquals":["platformType","{platform}"]}}"#),
            };
            format!(r#"{{"mainSteps":[{{"action":"aws:{action}"{precondition}}}]}}"#)
        };
        assert_eq!(of(&step("runShellScript", "")), ["Linux", "MacOS"]);
        assert_eq!(of(&step("runShellScript", "Linux")), ["Linux"]);
        assert_eq!(of(&step("runPowerShellScript", "Windows")), ["Windows"]);
        assert_eq!(of(&step("runPowerShellScript", "")), EVERY_PLATFORM);
        assert_eq!(of(r#"{"runtimeConfig":{"aws:runShellScript":{}}}"#), ["Linux", "MacOS"]);
        assert_eq!(of("{}"), EVERY_PLATFORM);
    }
}
