//! The inputs of a step, by the rule of its action.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::actions::Rule;
use super::fields::{self, Object, has_reference, scalar_text};
use super::problem::{Found, Place};

/// The most approvers of a step.
const APPROVERS_MAX: usize = 10;
/// The longest sleep: a second less than seven days.
const SLEEP_SECONDS_MAX: u64 = 604_799;

/// Checks what can be checked before anything is resolved.
pub(super) fn check(rule: &Rule, inputs: &Object, at: &Place<'_>, found: &mut Found) {
    for name in rule.required {
        if fields::present(inputs, name).is_none() {
            found.add(at, format!("Required input {name} is missing for action {}.", rule.name));
        }
    }
    for group in rule.one_of {
        let given = group.iter().filter(|name| fields::present(inputs, name).is_some()).count();
        if given == 0 {
            let names = group.join(" or ");
            found.add(at, format!("Required input {names} is missing for action {}.", rule.name));
        }
    }
    if let Some(optional) = rule.optional {
        let known = |name: &str| {
            rule.required.contains(&name)
                || optional.contains(&name)
                || rule.one_of.iter().any(|group| group.contains(&name))
        };
        for name in inputs.keys().filter(|name| !known(name)) {
            let text = format!("Input {name} is not supported for action {}.", rule.name);
            found.add(&at.key(name), text);
        }
    }
    check_values(rule.name, inputs, at, found);
}

fn check_values(action: &str, inputs: &Object, at: &Place<'_>, found: &mut Found) {
    match action {
        "aws:approve" => {
            if let Some(Value::Array(approvers)) = inputs.get("Approvers")
                && (approvers.is_empty() || approvers.len() > APPROVERS_MAX)
            {
                let text = format!("1 to {APPROVERS_MAX} approvers are expected.");
                found.add(&at.key("Approvers"), text);
            }
        }
        "aws:changeInstanceState" => {
            one_of(inputs, "DesiredState", &["running", "stopped", "terminated"], at, found);
        }
        "aws:createTags" => {
            let types = ["EC2", "ManagedInstance", "MaintenanceWindow", "Parameter"];
            one_of(inputs, "ResourceType", &types, at, found);
        }
        "aws:createStack"
            if inputs.contains_key("TemplateBody") && inputs.contains_key("TemplateURL") =>
        {
            found.add(at, "TemplateBody and TemplateURL can't be given both.");
        }
        "aws:executeScript" => script(inputs, at, found),
        "aws:invokeLambdaFunction" => {
            let types = ["RequestResponse", "Event", "DryRun"];
            one_of(inputs, "InvocationType", &types, at, found);
            one_of(inputs, "LogType", &["None", "Tail"], at, found);
        }
        "aws:sleep" => sleep(inputs, at, found),
        _ => {}
    }
}

/// The text of an input, unless it is missing or known later only.
fn literal(inputs: &Object, key: &str) -> Option<String> {
    inputs.get(key).and_then(scalar_text).filter(|text| !has_reference(text))
}

fn one_of(inputs: &Object, key: &str, allowed: &[&str], at: &Place<'_>, found: &mut Found) {
    if let Some(word) = literal(inputs, key)
        && !allowed.contains(&word.as_str())
    {
        let allowed = allowed.join(", ");
        found.add(&at.key(key), format!("{key} is one of {allowed}, not \"{word}\"."));
    }
}

static RUNTIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(python3\.\d{1,2}|PowerShell( Core)? \d+\.\d+)$")
        .expect("invariant: the pattern is fixed")
});

fn script(inputs: &Object, at: &Place<'_>, found: &mut Found) {
    let Some(runtime) = literal(inputs, "Runtime") else { return };
    if !RUNTIME.is_match(&runtime) {
        found.add(&at.key("Runtime"), format!("Runtime \"{runtime}\" is not supported."));
    }
    if runtime.starts_with("python") && fields::present(inputs, "Handler").is_none() {
        found.add(at, format!("Required input Handler is missing for runtime {runtime}."));
    }
}

static DURATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^P(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?$",
    )
    .expect("invariant: the pattern is fixed")
});

/// The whole seconds of an ISO-8601 duration of weeks, days, hours, minutes and seconds.
#[must_use]
pub fn duration_seconds(text: &str) -> Option<u64> {
    let captures = DURATION.captures(text)?;
    let units = [604_800, 86_400, 3_600, 60, 1];
    let mut seconds = None;
    for (group, unit) in units.into_iter().enumerate() {
        if let Some(digits) = captures.get(group + 1) {
            let count: u64 = digits.as_str().parse().ok()?;
            seconds = Some(seconds.unwrap_or(0) + count * unit);
        }
    }
    seconds
}

fn sleep(inputs: &Object, at: &Place<'_>, found: &mut Found) {
    let Some(text) = literal(inputs, "Duration") else { return };
    match duration_seconds(&text) {
        Some(seconds) if seconds <= SLEEP_SECONDS_MAX => {}
        Some(_) => {
            let text = format!("The duration is longer than {SLEEP_SECONDS_MAX} seconds.");
            found.add(&at.key("Duration"), text);
        }
        None => {
            found.add(&at.key("Duration"), format!("\"{text}\" is not an ISO-8601 duration."));
        }
    }
}
