//! Schemas 1.2, 2.0 and 2.2: a document that a node runs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fields::{self, Object};
use super::parameter;
use super::parse::schema_version;
use super::problem::{Found, Place, Problems};
use super::reference::{Reference, Template};
use super::runbook::{Parameter, ParameterType};
use crate::plan::{OnFailure, Platform};

/// A Command document that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandDocument {
    /// `schemaVersion`.
    pub schema: CommandSchema,
    /// `description`.
    pub description: Option<String>,
    /// `parameters`, in the document's order.
    pub parameters: Vec<Parameter>,
    /// The parameters that reach a script as environment variables too.
    pub environment_parameters: BTreeSet<String>,
    /// The steps: `mainSteps`, or the plugins of `runtimeConfig`.
    pub steps: Vec<CommandStep>,
}

/// The schema version of a Command document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandSchema {
    /// `1.2`: `runtimeConfig`.
    V1_2,
    /// `2.0`: `mainSteps`.
    V2_0,
    /// `2.2`: `mainSteps` with preconditions.
    V2_2,
}

impl CommandSchema {
    /// AWS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CommandSchema::V1_2 => "1.2",
            CommandSchema::V2_0 => "2.0",
            CommandSchema::V2_2 => "2.2",
        }
    }
}

/// One step of a Command document.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandStep {
    /// `name`; in schema 1.2 the action, or the id where a plugin has several properties.
    pub name: String,
    /// `action`.
    pub action: String,
    /// `precondition`: the operators with their arguments, as written.
    pub precondition: Vec<(String, Vec<String>)>,
    /// `inputs`, as written; in schema 1.2 the properties.
    pub inputs: Map<String, Value>,
    /// `timeoutSeconds` of the step or of its inputs, as written.
    pub timeout_seconds: Option<Value>,
    /// `maxAttempts`.
    pub max_attempts: Option<u32>,
    /// `onFailure`.
    pub on_failure: Option<OnFailure>,
    /// `onSuccess: exit`.
    pub exit_on_success: bool,
    /// `finallyStep`; has an effect on the last step only.
    pub finally_step: bool,
}

/// A plugin of the agent: its name, where it runs, and inputs that have to be there.
pub(super) struct Plugin {
    pub(super) name: &'static str,
    pub(super) platforms: &'static [Platform],
    required: &'static [&'static str],
}

const ANYWHERE: &[Platform] = &Platform::ALL;
const UNIX: &[Platform] = &[Platform::Linux, Platform::MacOs];
const WINDOWS: &[Platform] = &[Platform::Windows];

const fn plugin(
    name: &'static str,
    platforms: &'static [Platform],
    required: &'static [&'static str],
) -> Plugin {
    Plugin { name, platforms, required }
}

static PLUGINS: [Plugin; 17] = [
    plugin("aws:applications", WINDOWS, &["action"]),
    plugin("aws:cloudWatch", WINDOWS, &[]),
    plugin("aws:configureDocker", WINDOWS, &["action"]),
    plugin("aws:configurePackage", ANYWHERE, &["name", "action"]),
    plugin("aws:domainJoin", &[Platform::Windows, Platform::Linux], &["directoryId"]),
    plugin("aws:downloadContent", ANYWHERE, &["sourceType", "sourceInfo"]),
    plugin("aws:psModule", WINDOWS, &["runCommand"]),
    plugin("aws:refreshAssociation", ANYWHERE, &[]),
    plugin("aws:runDockerAction", ANYWHERE, &["action"]),
    plugin("aws:runDocument", ANYWHERE, &["documentType", "documentPath"]),
    plugin("aws:runPowerShellScript", ANYWHERE, &["runCommand"]),
    plugin("aws:runShellScript", UNIX, &["runCommand"]),
    plugin("aws:softwareInventory", ANYWHERE, &[]),
    plugin("aws:updateAgent", WINDOWS, &[]),
    plugin("aws:updateSsmAgent", ANYWHERE, &[]),
    plugin("aws:updateWindowsUpdate", WINDOWS, &[]),
    plugin("aws:windowsUpdate", WINDOWS, &[]),
];

/// The plugin of an action.
pub(super) fn find(action: &str) -> Option<&'static Plugin> {
    PLUGINS.iter().find(|plugin| plugin.name == action)
}

const STEP_FIELDS: [&str; 11] = [
    "name",
    "action",
    "description",
    "precondition",
    "inputs",
    "settings",
    "maxAttempts",
    "timeoutSeconds",
    "onFailure",
    "onSuccess",
    "finallyStep",
];

/// Reads a Command document whose schema version is known to be right.
pub(super) fn read(document: &Object) -> Result<CommandDocument, Problems> {
    let mut found = Found::default();
    let at = Place::Root;
    let schema = match schema_version(document).as_deref() {
        Some("1.2") => CommandSchema::V1_2,
        Some("2.0") => CommandSchema::V2_0,
        _ => CommandSchema::V2_2,
    };
    let body = if schema == CommandSchema::V1_2 { "runtimeConfig" } else { "mainSteps" };
    let known = ["schemaVersion", "description", "parameters", "files", body];
    fields::refuse_others(document, &known, &at, &mut found);
    if fields::present(document, body).is_none() {
        found.add(&at, format!("Required field {body} is missing."));
    }
    let parameters = parameter::read_all(document, &at, &mut found);
    let steps = match schema {
        CommandSchema::V1_2 => read_runtime_config(document, &at, &mut found),
        CommandSchema::V2_0 | CommandSchema::V2_2 => read_main_steps(document, &at, &mut found),
    };
    let command = CommandDocument {
        schema,
        description: fields::text(document, "description", &at, &mut found),
        environment_parameters: environment_parameters(document, schema, &parameters, &mut found),
        parameters,
        steps,
    };
    check_references(&command, document, body, &mut found);
    found.into_result(command)
}

fn environment_parameters(
    document: &Object,
    schema: CommandSchema,
    parameters: &[Parameter],
    found: &mut Found,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for parameter in parameters {
        let declaration = document.get("parameters").and_then(|all| all.get(&parameter.name));
        let Some(word) = declaration.and_then(|one| one.get("interpolationType")) else { continue };
        let at = Place::Root.key("parameters");
        let at = at.key(&parameter.name);
        let at = at.key("interpolationType");
        match word.as_str() {
            Some("ENV_VAR") if schema != CommandSchema::V2_2 => {
                found.add(&at, "ENV_VAR wants schema version 2.2.");
            }
            Some("ENV_VAR") if parameter.kind != ParameterType::String => {
                found.add(&at, "ENV_VAR is for parameters of type String.");
            }
            Some("ENV_VAR") => {
                names.insert(parameter.name.clone());
            }
            _ => found.add(&at, "interpolationType is ENV_VAR."),
        }
    }
    names
}

fn read_main_steps(document: &Object, at: &Place<'_>, found: &mut Found) -> Vec<CommandStep> {
    let Some(items) = fields::list_member(document, "mainSteps", at, found) else {
        return Vec::new();
    };
    let at = at.key("mainSteps");
    if items.is_empty() {
        found.add(&at, "At least one step is expected.");
    }
    let mut steps = Vec::new();
    let mut names = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let at = at.index(index);
        let Some(item) = fields::object(item, &at, found) else { continue };
        let Some(step) = read_step(item, &at, found) else { continue };
        if !names.insert(step.name.clone()) {
            found.add(&at.key("name"), format!("Step name {} is duplicated.", step.name));
        }
        steps.push(step);
    }
    steps
}

fn read_step(from: &Object, at: &Place<'_>, found: &mut Found) -> Option<CommandStep> {
    fields::refuse_others(from, &STEP_FIELDS, at, found);
    let name = fields::required_text(from, "name", at, found);
    let action = fields::required_text(from, "action", at, found);
    let inputs = match fields::present(from, "inputs") {
        Some(inputs) => fields::object(inputs, &at.key("inputs"), found).cloned(),
        None => None,
    };
    let inputs = inputs.unwrap_or_default();
    let (name, action) = (name?, action?);
    let inner = at.key("inputs");
    check_plugin(&action, &inputs, &inner, found);
    let precondition = read_precondition(from, at, found);
    let mut step = step_of(name, action, inputs, &inner, found);
    step.precondition = precondition;
    // Beside the inputs, where the agent looks for them, these may stand in the step itself.
    let outer = step_of(String::new(), String::new(), from.clone(), at, found);
    step.timeout_seconds = step.timeout_seconds.or(outer.timeout_seconds);
    step.max_attempts = fields::count(from, "maxAttempts", at, found)
        .and_then(|count| u32::try_from(count.max(1)).ok());
    step.on_failure = outer.on_failure.or(step.on_failure);
    step.exit_on_success |= outer.exit_on_success;
    step.finally_step |= outer.finally_step;
    Some(step)
}

fn check_plugin(action: &str, inputs: &Object, at: &Place<'_>, found: &mut Found) {
    let Some(plugin) = find(action) else {
        found.add(at, format!("Plugin {action} is not supported."));
        return;
    };
    for name in plugin.required {
        if fields::present(inputs, name).is_none() {
            let text = format!("Required input {name} is missing for plugin {action}.");
            found.add(at, text);
        }
    }
    if let Some(commands) = inputs.get("runCommand")
        && !matches!(commands, Value::Array(_) | Value::String(_))
    {
        found.add(&at.key("runCommand"), "A list of strings is expected.");
    }
}

fn read_precondition(
    from: &Object,
    at: &Place<'_>,
    found: &mut Found,
) -> Vec<(String, Vec<String>)> {
    let Some(members) = fields::object_member(from, "precondition", at, found) else {
        return Vec::new();
    };
    let at = at.key("precondition");
    let mut precondition = Vec::new();
    for (operator, arguments) in members {
        let at = at.key(operator);
        if operator != "StringEquals" {
            found.add(&at, format!("Precondition operator {operator} is not supported."));
        }
        let Some(arguments) = fields::list(arguments, &at, found) else { continue };
        let texts: Vec<String> = arguments.iter().filter_map(fields::scalar_text).collect();
        if texts.len() != 2 || arguments.len() != 2 {
            found.add(&at, "Two strings are expected.");
        }
        precondition.push((operator.clone(), texts));
    }
    precondition
}

/// A step with what its inputs say of its course.
fn step_of(
    name: String,
    action: String,
    inputs: Object,
    at: &Place<'_>,
    found: &mut Found,
) -> CommandStep {
    let word = |key: &str| inputs.get(key).and_then(fields::scalar_text).unwrap_or_default();
    let mut refuse = |key: &str, word: &str| {
        found.add(&at.key(key), format!("\"{word}\" is not supported for {key}."));
    };
    let on_failure = match word("onFailure").as_str() {
        "" | "continue" => None,
        "exit" => Some(OnFailure::Exit),
        "successAndExit" => Some(OnFailure::SuccessAndExit),
        other => {
            refuse("onFailure", other);
            None
        }
    };
    let exit_on_success = match word("onSuccess").as_str() {
        "" | "continue" => false,
        "exit" => true,
        other => {
            refuse("onSuccess", other);
            false
        }
    };
    CommandStep {
        name,
        action,
        precondition: Vec::new(),
        timeout_seconds: fields::present(&inputs, "timeoutSeconds").cloned(),
        max_attempts: None,
        on_failure,
        exit_on_success,
        finally_step: inputs.get("finallyStep").and_then(fields::as_flag).unwrap_or_default(),
        inputs,
    }
}

/// Schema 1.2: each plugin has properties, one map or a list of them.
fn read_runtime_config(document: &Object, at: &Place<'_>, found: &mut Found) -> Vec<CommandStep> {
    let Some(plugins) = fields::object_member(document, "runtimeConfig", at, found) else {
        return Vec::new();
    };
    let at = at.key("runtimeConfig");
    if plugins.is_empty() {
        found.add(&at, "At least one plugin is expected.");
    }
    let mut steps = Vec::new();
    for (action, config) in plugins {
        let at = at.key(action);
        let Some(config) = fields::object(config, &at, found) else { continue };
        let properties: Vec<Value> = match config.get("properties") {
            Some(Value::Array(items)) => items.clone(),
            Some(one @ Value::Object(_)) => vec![one.clone()],
            // A whole parameter, or nothing at all.
            Some(Value::String(_)) | None => vec![Value::Object(Map::new())],
            Some(other) => {
                fields::object(other, &at.key("properties"), found);
                continue;
            }
        };
        let several = properties.len() > 1;
        for (index, one) in properties.iter().enumerate() {
            let at = at.key("properties");
            let at = at.index(index);
            let Some(inputs) = fields::object(one, &at, found) else { continue };
            check_plugin(action, inputs, &at, found);
            let id = inputs.get("id").and_then(fields::scalar_text).filter(|_| several);
            let name = id.unwrap_or_else(|| action.clone());
            steps.push(step_of(name, action.clone(), inputs.clone(), &at, found));
        }
    }
    steps
}

/// `{{ name }}` names a parameter; everything else between braces is the script's own.
fn check_references(command: &CommandDocument, document: &Object, body: &str, found: &mut Found) {
    let declared = |name: &str| command.parameters.iter().any(|one| one.name == name);
    let Some(value) = document.get(body) else { return };
    let mut missing = BTreeSet::new();
    for reference in Template::parse(value).references() {
        if let Reference::Parameter(name) = reference
            && !declared(name)
        {
            missing.insert(name.clone());
        }
    }
    let at = Place::Root.key(body);
    for name in missing {
        found.add(&at, format!("Parameter \"{name}\" is not declared."));
    }
}
