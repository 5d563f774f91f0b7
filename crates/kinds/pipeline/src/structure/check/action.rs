//! One action against its type: artifacts, configuration, and what only some types take.

use serde_json::Value;

use super::{Action, Context, Invalid, PipelineType, Structure};
use crate::request::TypeId;
use crate::types::{ActionType, Counts};

/// Providers that a pipeline of type V1 may not have. Measured.
const V2_PROVIDERS: [&str; 3] = ["Commands", "ECRBuildAndPublish", "EKS"];
/// Characters of a value that workers may poll by. Source: `queryable` in the API reference.
const QUERYABLE_CHARS_MAX: usize = 20;

/// The type of an action.
pub(super) fn find(action: &Action, context: Context<'_>) -> Result<ActionType, Invalid> {
    let id = &action.action_type_id;
    (context.types)(id).ok_or_else(|| {
        let name = format!("ActionType {} in action '{}'", parts(id), action.name);
        Invalid::action(format!("{name} is not available in region '{}'", region(context.region)))
    })
}

fn parts(id: &TypeId) -> String {
    format!(
        "(Category: '{}', Provider: '{}', Owner: '{}', Version: '{}')",
        id.category, id.provider, id.owner, id.version
    )
}

/// A region as its messages spell it: `US_EAST_1`.
pub(super) fn region(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

pub(super) fn check(
    action: &Action,
    structure: &Structure,
    context: Context<'_>,
) -> Result<(), Invalid> {
    let kind = find(action, context)?;
    let (name, id) = (&action.name, &action.action_type_id);
    if structure.pipeline_type == PipelineType::V1
        && id.owner == "AWS"
        && V2_PROVIDERS.contains(&id.provider.as_str())
    {
        let message = format!("{} Action can only be used with V2 pipelines.", id.provider);
        return Err(Invalid::action(message));
    }
    let (inputs, outputs) = (action.input_artifacts.len(), action.output_artifacts.len());
    count(name, "input", inputs, kind.input_artifact_details)?;
    count(name, "output", outputs, kind.output_artifact_details)?;
    configuration(action, &kind)?;
    commands(action)?;
    approval(action, context.region)?;
    cross_region(action, context.region)
}

fn count(name: &str, what: &str, there_are: usize, allowed: Counts) -> Result<(), Invalid> {
    let Counts { minimum_count, maximum_count } = allowed;
    let (bound, word, count) = if there_are < minimum_count as usize {
        ("less", "minimum", minimum_count)
    } else if there_are > maximum_count as usize {
        ("more", "maximum", maximum_count)
    } else {
        return Ok(());
    };
    Err(Invalid::action(format!(
        "Action {name} declares {there_are} {what} artifacts which is {bound} than the {word} count ({count})"
    )))
}

fn configuration(action: &Action, kind: &ActionType) -> Result<(), Invalid> {
    let (name, given) = (&action.name, &action.configuration);
    let properties = &kind.action_configuration_properties;
    let complain = |what: &str, key: &str| {
        Invalid::action(format!("Action configuration for action '{name}' {what} '{key}'"))
    };
    let mut unknown = given.keys().filter(|key| properties.iter().all(|one| one.name != **key));
    if let Some(key) = unknown.next().filter(|_| !kind.is_open) {
        return Err(complain("contains unknown configuration", key));
    }
    let mut required = properties.iter().filter(|property| property.required);
    if let Some(missing) = required.find(|property| !given.contains_key(&property.name)) {
        return Err(complain("is missing required configuration", &missing.name));
    }
    let queryable = kind.queryable().and_then(|property| given.get(&property.name));
    let is_simple = |text: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        text.len() <= QUERYABLE_CHARS_MAX && text.chars().all(is_part)
    };
    if let Some(value) = queryable.and_then(Value::as_str).filter(|value| !is_simple(value)) {
        // Ours; the rule is the API reference's.
        return Err(Invalid::action(format!(
            "Action configuration for action '{name}' contains an invalid value '{value}' for a queryable property. It must have at most {QUERYABLE_CHARS_MAX} characters and can contain only alphanumeric characters, underscores and hyphens."
        )));
    }
    Ok(())
}

/// What only Compute Commands takes. But for the first, the words are ours.
fn commands(action: &Action) -> Result<(), Invalid> {
    let name = &action.name;
    if action.action_type_id.provider == "Commands" && action.action_type_id.owner == "AWS" {
        if action.commands.is_empty() {
            let message = format!("Action {name} must have a non-empty commands field");
            return Err(Invalid::action(message));
        }
        if action.commands.iter().any(|command| command.contains(['\n', '\r'])) {
            let message = format!("Action {name} has a command of more than one line");
            return Err(Invalid::action(message));
        }
        return Ok(());
    }
    let has_files = action.output_artifacts.iter().any(|artifact| !artifact.files.is_empty());
    for (field, is_there) in [
        ("commands", !action.commands.is_empty()),
        ("outputVariables", !action.output_variables.is_empty()),
        ("environmentVariables", !action.environment_variables.is_empty()),
        ("outputArtifacts.files", has_files),
    ] {
        if is_there {
            let message =
                format!("Action {name} has a {field} field, which only Commands actions can have");
            return Err(Invalid::action(message));
        }
    }
    Ok(())
}

/// What only a manual approval takes, and its topic.
fn approval(action: &Action, region: &str) -> Result<(), Invalid> {
    let name = &action.name;
    if action.action_type_id.category != "Approval" {
        if action.timeout_in_minutes.is_some() {
            // Ours; the rule is the API reference's.
            return Err(Invalid::action(format!(
                "Action {name} has a timeoutInMinutes field, which only manual approval actions can have"
            )));
        }
        return Ok(());
    }
    let Some(topic) = action.configuration.get("NotificationArn").and_then(Value::as_str) else {
        return Ok(());
    };
    if topic.contains("#{") {
        return Ok(());
    }
    let parts: Vec<&str> = topic.splitn(6, ':').collect();
    let ["arn", partition, service, in_region, account, resource] = parts[..] else {
        return Err(no_arn(topic, name));
    };
    if partition.is_empty() || account.is_empty() || resource.is_empty() {
        return Err(no_arn(topic, name));
    }
    let what = if service != "sns" {
        "the AWS service for this ARN cannot be used to send approval requests."
    } else if in_region != region {
        "the ARN is not in the same region as the pipeline."
    } else {
        return Ok(());
    };
    Err(Invalid::action(format!(
        "The ARN {topic} has been specified for sending notifications for the approval action {name}, but {what}"
    )))
}

fn no_arn(topic: &str, name: &str) -> Invalid {
    Invalid::action(format!(
        "The ARN {topic} you specified for sending notifications for the approval action {name} contains a format error."
    ))
}

/// Source actions, third-party actions and custom actions act where the pipeline is. The words are
/// ours.
fn cross_region(action: &Action, region: &str) -> Result<(), Invalid> {
    let id = &action.action_type_id;
    let Some(elsewhere) = action.region.as_deref().filter(|other| *other != region) else {
        return Ok(());
    };
    if id.owner == "AWS" && id.category != "Source" {
        return Ok(());
    }
    Err(Invalid::action(format!(
        "Action {} cannot be in region '{elsewhere}'. Source, third-party and custom actions cannot be cross-region actions",
        action.name
    )))
}
