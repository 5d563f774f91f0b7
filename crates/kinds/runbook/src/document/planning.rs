//! From a Command document and its parameters to what a node does.
//!
//! Parameters are put into parsed values, never into JSON text, so a value can't end a string or
//! open another input. Within a line of a shell script a value stays text, see `shell`; a document
//! may also take it by `interpolationType: ENV_VAR` as `$SSM_NAME`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::command::{self, CommandDocument, CommandSchema, CommandStep};
use super::fields::{as_integer, scalar_text};
use super::reference::{Part, Reference, Template, Unresolved, as_text};
use super::shell::{CannotQuote, Shell};
use crate::plan::{Plan, PlanStep, Platform};

/// How long a script may run: the agent's bounds, and its default.
const SCRIPT_SECONDS_MIN: i64 = 1;
const SCRIPT_SECONDS_MAX: i64 = 172_800;
const SCRIPT_SECONDS: u64 = 3_600;

const SHELL_SCRIPT: &str = "aws:runShellScript";
/// The input that is a script.
const RUN_COMMAND: &str = "runCommand";

/// Values by parameter name.
pub type Values = BTreeMap<String, Value>;

impl CommandDocument {
    /// The names that are wanted from Parameter Store: by the document, or by values given to it.
    #[must_use]
    pub fn stored_names(&self, parameters: &Values) -> Vec<String> {
        let mut names = Vec::new();
        let inputs = self.steps.iter().flat_map(|step| step.inputs.values());
        let defaults = self.parameters.iter().filter_map(|one| one.default.as_ref());
        for value in inputs.chain(defaults).chain(parameters.values()) {
            for reference in Template::parse(value).references() {
                if let Reference::Ssm(name) = reference
                    && !names.contains(name)
                {
                    names.push(name.clone());
                }
            }
        }
        names
    }

    /// What a node of a platform does. `parameters` are typed values, as
    /// [`super::parameters::check`] gives them; `stored` are values of Parameter Store.
    ///
    /// # Errors
    /// A parameter that has no value, or a stored one that is missing.
    pub fn plan(
        &self,
        parameters: &Values,
        stored: &Values,
        platform: Platform,
    ) -> Result<Plan, Unresolved> {
        let values = self.values(parameters, stored)?;
        let last = self.steps.len().saturating_sub(1);
        let mut steps = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let mut inputs = fill_in_inputs(&step.inputs, &values, stored)?;
            let mut unsafe_script = None;
            if step.action == SHELL_SCRIPT
                && let Some(script) = step.inputs.get(RUN_COMMAND)
            {
                match script_lines(script, &values, stored)? {
                    Ok(lines) => drop(inputs.insert(RUN_COMMAND.to_owned(), lines)),
                    Err(why) => unsafe_script = Some(why.to_string()),
                }
            }
            let timeout = match &step.timeout_seconds {
                Some(value) => Some(fill_in(value, &values, stored)?),
                None => None,
            };
            let verdict = self.verdict(step, &values, platform);
            steps.push(PlanStep {
                name: step.name.clone(),
                action: step.action.clone(),
                inputs: Value::Object(inputs),
                timeout_seconds: timeout_seconds(&step.action, timeout.as_ref()),
                on_failure: step.on_failure,
                exit_on_success: step.exit_on_success,
                finally_step: step.finally_step && index == last,
                max_attempts: step.max_attempts,
                skip_reason: match &verdict {
                    Verdict::Skip(why) => Some(why.clone()),
                    _ => None,
                },
                fail_reason: match verdict {
                    Verdict::Fail(why) => Some(why),
                    _ => unsafe_script,
                },
            });
        }
        let schema_version = self.schema.as_str().to_owned();
        Ok(Plan { schema_version, steps, environment: self.environment(&values) })
    }

    /// The value of every declared parameter that has one, with what it takes from the store.
    fn values(&self, parameters: &Values, stored: &Values) -> Result<Values, Unresolved> {
        let mut values = Values::new();
        for parameter in &self.parameters {
            let given = parameters.get(&parameter.name).or(parameter.default.as_ref());
            if let Some(given) = given {
                let value = fill_in_stored(given, stored)?;
                values.insert(parameter.name.clone(), value);
            }
        }
        Ok(values)
    }

    fn environment(&self, values: &Values) -> BTreeMap<String, String> {
        let names = self.environment_parameters.iter();
        let pairs = names.filter_map(|name| Some((name, values.get(name)?)));
        pairs.map(|(name, value)| (format!("SSM_{name}"), as_text(value))).collect()
    }

    fn verdict(&self, step: &CommandStep, values: &Values, platform: Platform) -> Verdict {
        let here = command::find(&step.action).is_some_and(|one| one.platforms.contains(&platform));
        let (name, action) = (&step.name, &step.action);
        if self.schema != CommandSchema::V2_2 {
            return match (here, step.precondition.is_empty()) {
                (false, _) => Verdict::Fail(format!(
                    "Plugin with name {action} is not supported in current platform. Step name: \
                     {name}"
                )),
                (true, false) => Verdict::Fail(format!(
                    "Precondition is not supported for document schema version prior to 2.2. Step \
                     name: {name}"
                )),
                (true, true) => Verdict::Run,
            };
        }
        if !here {
            return Verdict::Skip(format!(
                "Step execution skipped due to unsupported plugin: {action}. Step name: {name}"
            ));
        }
        let mut unmet = Vec::new();
        let mut unknown = Vec::new();
        for (operator, arguments) in &step.precondition {
            match holds(operator, arguments, values, platform) {
                Precondition::Holds => {}
                Precondition::Fails(text) => unmet.push(text),
                Precondition::Unknown(text) => unknown.push(text),
            }
        }
        if !unmet.is_empty() {
            unmet.extend(unknown);
            return Verdict::Skip(format!(
                "Step execution skipped due to unsatisfied preconditions: '{}'. Step name: {name}",
                unmet.join(", ")
            ));
        }
        match unknown.is_empty() {
            true => Verdict::Run,
            false => Verdict::Fail(format!(
                "Unrecognized precondition(s): '{}', please update agent to latest version. Step \
                 name: {name}",
                unknown.join(", ")
            )),
        }
    }
}

enum Verdict {
    Run,
    Skip(String),
    Fail(String),
}

enum Precondition {
    Holds,
    Fails(String),
    Unknown(String),
}

const PLATFORM: &str = "platformType";

/// Whether one precondition holds, by the agent's rules and in its words.
fn holds(
    operator: &str,
    arguments: &[String],
    values: &Values,
    platform: Platform,
) -> Precondition {
    let [left, right] = arguments else {
        let text = format!("\"{operator}\": operator accepts exactly 2 arguments");
        return Precondition::Unknown(text);
    };
    if operator != "StringEquals" {
        return Precondition::Unknown(format!("unrecognized operator: \"{operator}\""));
    }
    if left == right {
        let text = format!("\"{operator}\": operator's arguments can't be identical");
        return Precondition::Unknown(text);
    }
    let unmet = || Precondition::Fails(format!("\"{operator}\": [{left}, {right}]"));
    let fill = |text: &str| fill_in_known(text, values);
    let other = match (left.as_str(), right.as_str()) {
        (PLATFORM, other) | (other, PLATFORM) => other,
        _ => {
            let (filled_left, filled_right) = (fill(left), fill(right));
            return match (
                filled_left == *left && filled_right == *right,
                filled_left == filled_right,
            ) {
                (true, _) => Precondition::Unknown(format!(
                    "\"{operator}\": at least one of operator's arguments must contain a valid \
                     document parameter"
                )),
                (false, true) => Precondition::Holds,
                (false, false) => unmet(),
            };
        }
    };
    if fill(other) != other {
        return Precondition::Unknown(format!(
            "\"{operator}\": the second argument for the platformType variable can't contain \
             document parameters"
        ));
    }
    match other.eq_ignore_ascii_case(platform.as_str()) {
        true => Precondition::Holds,
        false => unmet(),
    }
}

/// Fills in parameters and stored values; other braces are the script's own. What was filled in
/// is not looked at again.
fn fill_in(value: &Value, values: &Values, stored: &Values) -> Result<Value, Unresolved> {
    let find = |reference: &Reference| found(reference, values, stored);
    Template::parse_only(value, &is_fillable).resolve(&find)
}

fn is_fillable(reference: &Reference) -> bool {
    matches!(reference, Reference::Parameter(_) | Reference::Ssm(_))
}

fn found(reference: &Reference, values: &Values, stored: &Values) -> Option<Value> {
    match reference {
        Reference::Parameter(name) => values.get(name).cloned(),
        Reference::Ssm(name) => stored.get(name).cloned(),
        _ => None,
    }
}

/// Fills in stored values only, in a value that came from outside.
fn fill_in_stored(value: &Value, stored: &Values) -> Result<Value, Unresolved> {
    let wanted = |one: &Reference| matches!(one, Reference::Ssm(_));
    Template::parse_only(value, &wanted).resolve(&|reference: &Reference| match reference {
        Reference::Ssm(name) => stored.get(name).cloned(),
        _ => None,
    })
}

/// A text with the parameters that are known.
fn fill_in_known(text: &str, values: &Values) -> String {
    let wanted =
        |one: &Reference| matches!(one, Reference::Parameter(name) if values.contains_key(name));
    let value = Value::String(text.to_owned());
    let filled = Template::parse_only(&value, &wanted).resolve(&|one: &Reference| match one {
        Reference::Parameter(name) => values.get(name).cloned(),
        _ => None,
    });
    filled.map_or_else(|_| text.to_owned(), |value| as_text(&value))
}

fn fill_in_inputs(
    inputs: &Map<String, Value>,
    values: &Values,
    stored: &Values,
) -> Result<Map<String, Value>, Unresolved> {
    let mut filled = Map::new();
    for (key, value) in inputs {
        let value = fill_in(value, values, stored)?;
        let value = if key == RUN_COMMAND { lines(value) } else { value };
        filled.insert(key.clone(), value);
    }
    Ok(filled)
}

/// A shell script with its references filled in: where one is a whole line it is the script, within
/// a line it is text. The inner error says why a value can't be.
fn script_lines(
    script: &Value,
    values: &Values,
    stored: &Values,
) -> Result<Result<Value, CannotQuote>, Unresolved> {
    let given: Vec<&Value> = match script {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    let mut shell = Shell::new();
    let mut all = Vec::new();
    for line in given {
        let parts = match Template::parse_only(line, &is_fillable) {
            Template::Text(parts) if is_shell(&all) => parts,
            _ => {
                let Value::Array(filled) = lines(fill_in(line, values, stored)?) else { continue };
                for line in &filled {
                    shell.read(&as_text(line));
                    shell.read("\n");
                }
                all.extend(filled);
                continue;
            }
        };
        let mut written = String::new();
        for part in parts {
            let text = match part {
                Part::Text(text) => text,
                Part::Reference(reference) => {
                    let Some(value) = found(&reference, values, stored) else {
                        return Err(Unresolved(reference));
                    };
                    match shell.quoted(&as_text(&value)) {
                        Ok(text) => text,
                        Err(why) => return Ok(Err(why)),
                    }
                }
            };
            shell.read(&text);
            written.push_str(&text);
        }
        shell.read("\n");
        all.push(Value::String(written));
    }
    Ok(Ok(Value::Array(all)))
}

/// Whether a script is one of a shell: its first line names no other interpreter.
fn is_shell(lines: &[Value]) -> bool {
    let first = lines.first().and_then(Value::as_str).and_then(|line| line.strip_prefix("#!"));
    first.is_none_or(|program| program.split_whitespace().any(|word| word.ends_with("sh")))
}

/// A script's lines: a StringList that stands in the place of a line is its lines.
fn lines(value: Value) -> Value {
    fn collect(value: Value, lines: &mut Vec<Value>) {
        match value {
            Value::Array(items) => items.into_iter().for_each(|item| collect(item, lines)),
            other => {
                lines.push(Value::String(scalar_text(&other).unwrap_or_else(|| as_text(&other))))
            }
        }
    }
    let mut all = Vec::new();
    collect(value, &mut all);
    Value::Array(all)
}

/// A script always ends; what its document says only counts within the agent's bounds.
fn timeout_seconds(action: &str, timeout: Option<&Value>) -> Option<u64> {
    let seconds = timeout.and_then(as_integer);
    let script = matches!(action, SHELL_SCRIPT | "aws:runPowerShellScript");
    let within = seconds
        .filter(|seconds| !script || (SCRIPT_SECONDS_MIN..=SCRIPT_SECONDS_MAX).contains(seconds));
    let within = within.and_then(|seconds| u64::try_from(seconds).ok());
    if script { Some(within.unwrap_or(SCRIPT_SECONDS)) } else { within }
}
