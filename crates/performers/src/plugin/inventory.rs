//! `aws:softwareInventory`: what can be found out is collected, and what can't is said.

use std::time::Duration;

use serde_json::{Map, Value, json};
use trackway_runbook::plan::PlanStep;

use super::run::Done;
use super::shell::limits;
use crate::sandbox::{Cancel, Command, End, Sandbox};

/// The database of installed packages.
const DPKG: &str = "/var/lib/dpkg";
const FORMAT: &str =
    "${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Architecture}\\t${Homepage}\\n";
/// The largest list that is read.
const LIST_CHARS_MAX: usize = 8 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Collects the list of applications, if it is asked for and the node has `dpkg`.
pub(super) async fn run(sandbox: &Sandbox, step: &PlanStep, cancel: &Cancel) -> Done {
    let asked: Vec<&str> = step
        .inputs
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| *name != "customInventoryDirectory" && is_on(value))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut lines = Vec::new();
    let mut inventory = Map::new();
    for name in &asked {
        if *name != "applications" {
            lines.push(format!("{name}: not collected, this node does not support it"));
            continue;
        }
        match applications(sandbox, cancel).await {
            Ok(list) => {
                lines.push(format!("applications: {} packages collected", list.len()));
                inventory.insert("AWS:Application".to_owned(), Value::Array(list));
            }
            Err(why) => lines.push(format!("applications: not collected, {why}")),
        }
    }
    if asked.is_empty() {
        lines.push("nothing was asked for, nothing was collected".to_owned());
    }
    Done { inventory, ..Done::said(lines.join("\n")) }
}

/// `Enabled`, or the list of what to look at.
fn is_on(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && !text.eq_ignore_ascii_case("disabled"))
}

async fn applications(sandbox: &Sandbox, cancel: &Cancel) -> Result<Vec<Value>, String> {
    if !std::path::Path::new("/usr/bin/dpkg-query").exists() {
        return Err("there is no dpkg on this node".to_owned());
    }
    let mut command = Command::new("/usr/bin/dpkg-query", &["-W", "-f", FORMAT]);
    command.readable.push(DPKG.into());
    command.limits = limits(TIMEOUT);
    command.limits.stdout_chars = LIST_CHARS_MAX;
    let ended = sandbox.run(command, cancel).await.map_err(|error| error.to_string())?;
    if ended.end != End::Exited(0) {
        return Err(format!("dpkg-query failed: {}", ended.stderr.text.trim_end()));
    }
    Ok(ended.stdout.text.lines().filter_map(application).collect())
}

/// One line of the list, if the package is installed.
fn application(line: &str) -> Option<Value> {
    let mut fields = line.split('\t');
    let status = fields.next()?;
    let (name, version, architecture) = (fields.next()?, fields.next()?, fields.next()?);
    let url = fields.next().unwrap_or_default();
    status.starts_with("ii").then(|| {
        json!({
            "Name": name,
            "Version": version,
            "Architecture": architecture,
            "PackageId": name,
            "URL": url,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let found = application("ii \tbash\t5.2-1\tamd64\thttp://example.com").unwrap();
        assert_eq!((&found["Name"], &found["Version"]), (&json!("bash"), &json!("5.2-1")));
        assert_eq!(application("rc \told\t1\tamd64\t"), None);
    }
}
