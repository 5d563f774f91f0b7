//! Schema 0.3: a runbook.

use serde_json::Value;

use super::fields::{self, Object};
use super::problem::{Found, Place, Problems};
use super::runbook::{OutputReference, Runbook};
use super::{check, parameter, steps};

const FIELDS: [&str; 8] = [
    "schemaVersion",
    "description",
    "assumeRole",
    "parameters",
    "variables",
    "mainSteps",
    "outputs",
    "files",
];

/// Reads a runbook whose schema version is known to be right.
pub(super) fn read(document: &Object) -> Result<Runbook, Problems> {
    let mut found = Found::default();
    let at = Place::Root;
    fields::refuse_others(document, &FIELDS, &at, &mut found);
    let runbook = Runbook {
        description: fields::text(document, "description", &at, &mut found),
        assume_role: fields::text(document, "assumeRole", &at, &mut found),
        parameters: parameter::read_all(document, &at, &mut found),
        variables: steps::read_variables(document, &at, &mut found),
        steps: match fields::list_member(document, "mainSteps", &at, &mut found) {
            Some(list) => steps::read_all(list, false, &at.key("mainSteps"), &mut found),
            None => {
                if fields::present(document, "mainSteps").is_none() {
                    found.add(&at, "Required field mainSteps is missing.");
                }
                Vec::new()
            }
        },
        outputs: read_outputs(document, &at, &mut found),
    };
    check::check(&runbook, &mut found);
    found.into_result(runbook)
}

fn read_outputs(document: &Object, at: &Place<'_>, found: &mut Found) -> Vec<OutputReference> {
    let Some(items) = fields::list_member(document, "outputs", at, found) else {
        return Vec::new();
    };
    let at = at.key("outputs");
    let mut outputs = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item {
            Value::String(text) => {
                let text = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
                outputs.push(OutputReference { text: text.to_owned() });
            }
            other => {
                let text = format!("A string is expected, not {}.", fields::kind(other));
                found.add(&at.index(index), text);
            }
        }
    }
    outputs
}
