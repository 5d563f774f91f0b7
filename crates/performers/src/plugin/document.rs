//! `aws:runDocument`: a document within a document.

use serde_json::{Map, Value};
use trackway_runbook::plan::{Plan, PlanStep};

use super::run::{Done, Place, Runner};
use super::{Status, download};
use crate::sandbox::Cancel;

/// How deep documents may lie within documents.
const DEPTH_MAX: u32 = 3;

/// Runs the document that a step names.
pub(super) async fn run(
    runner: &Runner,
    place: &Place<'_>,
    step: &PlanStep,
    cancel: &Cancel,
) -> Done {
    let plan = match plan(runner, place, step, cancel).await {
        Ok(plan) => plan,
        Err(why) => return Done::failed(why),
    };
    let report = runner.steps(&plan, &place.nested(), cancel, &mut |_| {}).await;
    let mut done = Done { status: report.status, ..Done::default() };
    for step in report.steps {
        append(&mut done.stdout, &step.stdout);
        append(&mut done.stderr, &step.stderr);
        if done.code == 0 && step.status != Status::Skipped {
            done.code = step.response_code;
        }
        done.inventory.extend(step.inventory);
    }
    if done.status > Status::Success && done.code == 0 {
        done.code = 1;
    }
    done
}

fn append(all: &mut String, text: &str) {
    if !all.is_empty() && !text.is_empty() {
        all.push('\n');
    }
    all.push_str(text);
}

async fn plan(
    runner: &Runner,
    place: &Place<'_>,
    step: &PlanStep,
    cancel: &Cancel,
) -> Result<Plan, String> {
    if place.depth + 1 > DEPTH_MAX {
        return Err(format!(
            "Maximum depth for document execution exceeded. Maximum depth permitted - {DEPTH_MAX} and current depth - {}",
            place.depth + 1
        ));
    }
    let input = |name: &str| step.inputs.get(name).and_then(Value::as_str).unwrap_or_default();
    let path = input("documentPath");
    if path.is_empty() {
        return Err("Document Path must be provided".to_owned());
    }
    let documents = runner.documents.as_ref();
    let documents = documents.ok_or("aws:runDocument is not supported on this node")?;
    let content = match input("documentType") {
        "SSMDocument" => {
            let (name, version) = name_and_version(path);
            documents.content(name, version).await?
        }
        "LocalPath" => download::read(runner, place, path, cancel).await?,
        _ => return Err("Document type must be SSMDocument or LocalPath".to_owned()),
    };
    let prepared = |why: String| format!("There was an error while preparing documents - {why}");
    let parameters = parameters(step.inputs.get("documentParameters")).map_err(prepared)?;
    let mut plan = documents.plan(&content, &parameters).map_err(prepared)?;
    let inherited = place.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
    plan.environment.extend(inherited);
    Ok(plan)
}

/// `NAME:VERSION`, where a name may be an ARN.
pub(super) fn name_and_version(path: &str) -> (&str, Option<&str>) {
    let after_arn = path.rfind('/').unwrap_or(0);
    match path.get(after_arn..).and_then(|name| name.find(':')) {
        Some(at) => {
            let (name, version) = path.split_at(after_arn + at);
            (name, version.strip_prefix(':').filter(|version| !version.is_empty()))
        }
        None => (path, None),
    }
}

/// Parameters are an object, or the text of one. What is null takes its default.
fn parameters(given: Option<&Value>) -> Result<Map<String, Value>, String> {
    let parsed = match given {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Map::new()),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map_err(|error| format!("documentParameters can't be read as JSON: {error}"))?,
        Some(value) => value.clone(),
    };
    match parsed {
        Value::Object(mut parameters) => {
            parameters.retain(|_, value| !value.is_null());
            Ok(parameters)
        }
        _ => Err("documentParameters must be an object".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_follows_the_name() {
        assert_eq!(name_and_version("Doc"), ("Doc", None));
        assert_eq!(name_and_version("Doc:3"), ("Doc", Some("3")));
        let arn = "arn:aws:ssm:us-east-1:111122223333:document/Doc";
        assert_eq!(name_and_version(arn), (arn, None));
        assert_eq!(name_and_version(&format!("{arn}:$LATEST")), (arn, Some("$LATEST")));
    }
}
