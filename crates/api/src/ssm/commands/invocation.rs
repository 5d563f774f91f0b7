//! Invocations as the API shows them, and GetCommandInvocation.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_command::request::{Request, Step};
use trackway_command::view::{self, Invocation};
use trackway_command::{InvocationStatus, PluginReport};
use trackway_core::Timestamp;
use trackway_engine::Fault;

use super::{check_command_id, cloud_watch_output_config, id_of, notification_config};
use crate::Caller;
use crate::answer::{Epoch, write};
use crate::ssm::nodes::Node;
use crate::ssm::refusal::{Code, Refusal};
use crate::ssm::{Answer, Ssm};

/// An invocation as lists have it. What is empty is there all the same, as AWS has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Shown {
    command_id: String,
    instance_id: String,
    instance_name: String,
    comment: String,
    document_name: String,
    document_version: String,
    requested_date_time: Epoch,
    status: &'static str,
    status_details: &'static str,
    standard_output_url: String,
    standard_error_url: String,
    command_plugins: Vec<Plugin>,
    service_role: String,
    notification_config: Value,
    cloud_watch_output_config: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Plugin {
    name: String,
    status: String,
    status_details: String,
    response_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_start_date_time: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_finish_date_time: Option<Epoch>,
    output: String,
    standard_output_url: String,
    standard_error_url: String,
    #[serde(rename = "OutputS3Region")]
    output_s3_region: String,
    #[serde(rename = "OutputS3BucketName")]
    output_s3_bucket_name: String,
    #[serde(rename = "OutputS3KeyPrefix")]
    output_s3_key_prefix: String,
}

/// What is shown of an invocation: its row, and for details what its node reported, if it has.
pub(super) type Row<'a> = (&'a Invocation, Option<Option<&'a [u8]>>);

/// An invocation as lists have it.
pub(super) fn invocation(
    (request, region): (&Request, &str),
    started: Timestamp,
    (id, node): (String, Option<Node>),
    (row, details): Row<'_>,
) -> Shown {
    let command_plugins = match details {
        Some(reported) => {
            let plugins = plugins(request, row, reported);
            plugins.iter().map(|plugin| plugin_shown((request, region), &id, plugin)).collect()
        }
        None => Vec::new(),
    };
    Shown {
        command_id: request.command_id.clone(),
        instance_name: node.map(|node| node.computer_name).unwrap_or_default(),
        comment: request.comment.clone(),
        document_name: request.document_name.clone(),
        document_version: request.document_version.clone(),
        requested_date_time: Epoch(started),
        status: row.status.name(),
        status_details: row.status.details(),
        standard_output_url: String::new(),
        standard_error_url: String::new(),
        command_plugins,
        service_role: request.service_role.clone(),
        notification_config: notification_config(request),
        cloud_watch_output_config: cloud_watch_output_config(request),
        instance_id: id,
    }
}

/// The plugins of an invocation: as they were reported, else as its document names them.
fn plugins(request: &Request, row: &Invocation, reported: Option<&[u8]>) -> Vec<PluginReport> {
    let reported: Option<Vec<PluginReport>> =
        reported.and_then(|text| serde_json::from_slice(text).ok());
    match reported {
        Some(plugins) if !plugins.is_empty() => plugins,
        _ => request.steps.iter().map(|step| unreported(step, row)).collect(),
    }
}

/// A step that no node has reported.
fn unreported(step: &Step, row: &Invocation) -> PluginReport {
    let (status, details) = match row.status {
        // AWS's plugins have no status of their own for it.
        InvocationStatus::Cancelling => ("InProgress", "InProgress"),
        status => (status.name(), status.details()),
    };
    PluginReport {
        name: step.name.clone(),
        plugin: step.plugin.clone(),
        status: status.to_owned(),
        status_details: details.to_owned(),
        response_code: -1,
        ..PluginReport::default()
    }
}

fn urls(request: &Request, node: &str, plugin: &PluginReport) -> (String, String) {
    let bucket = &request.output_s3_bucket_name;
    if bucket.is_empty() {
        return (String::new(), String::new());
    }
    let region = match request.output_s3_region.as_str() {
        "" => String::new(),
        region => format!("-{region}"),
    };
    let key = request.output_key(node, &plugin.plugin, &plugin.name);
    let url = |file: &str| format!("https://s3{region}.amazonaws.com/{bucket}/{key}/{file}");
    (url("stdout"), url("stderr"))
}

/// `OutputS3Region` is the Region's own where none was asked for, as AWS has it.
fn plugin_shown((request, region): (&Request, &str), node: &str, plugin: &PluginReport) -> Plugin {
    let region =
        Some(request.output_s3_region.as_str()).filter(|given| !given.is_empty()).unwrap_or(region);
    let (standard_output_url, standard_error_url) = urls(request, node, plugin);
    let (status, status_details) = words(plugin);
    let moment = |ms: i64| (ms > 0).then_some(Epoch(Timestamp(ms)));
    Plugin {
        name: plugin.name.clone(),
        status,
        status_details,
        response_code: plugin.response_code,
        response_start_date_time: moment(plugin.started_ms),
        response_finish_date_time: moment(plugin.ended_ms),
        output: plugin.output(),
        standard_output_url,
        standard_error_url,
        output_s3_region: region.to_owned(),
        output_s3_bucket_name: request.output_s3_bucket_name.clone(),
        output_s3_key_prefix: request.output_s3_key_prefix.clone(),
    }
}

/// A plugin's status and its details: AWS's plugins know no `Skipped`, a step that was passed over
/// did well.
fn words(plugin: &PluginReport) -> (String, String) {
    let status = match plugin.status.as_str() {
        "Skipped" => "Success",
        status => status,
    };
    let details = match (plugin.status_details.as_str(), status) {
        ("", "TimedOut") => "ExecutionTimedOut",
        ("", status) => status,
        (details, _) => details,
    };
    (status.to_owned(), details.to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetInvocation {
    command_id: String,
    instance_id: String,
    plugin_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Got {
    command_id: String,
    instance_id: String,
    comment: String,
    document_name: String,
    document_version: String,
    plugin_name: String,
    response_code: i32,
    execution_start_date_time: String,
    execution_elapsed_time: String,
    execution_end_date_time: String,
    status: String,
    status_details: String,
    standard_output_content: String,
    standard_output_url: String,
    standard_error_content: String,
    standard_error_url: String,
    cloud_watch_output_config: Value,
}

impl Ssm {
    pub(super) async fn get_command_invocation(
        &self,
        caller: &Caller,
        asked: GetInvocation,
    ) -> Answer {
        check_command_id(&asked.command_id)?;
        let missing = || Refusal::bare(Code::InvocationDoesNotExist);
        let (_, request) = self.command(caller, &asked.command_id).await?.ok_or_else(missing)?;
        let (id, key) = (id_of(caller, &asked.command_id), asked.instance_id.as_bytes());
        let row = self.engine.row(id, view::INVOCATIONS, key).await?.ok_or_else(missing)?;
        let row = Invocation::decode(&row)
            .ok_or_else(|| Fault::new("could not read an invocation's row"))?;
        let reported = self.engine.row(id, view::PLUGINS, key).await?;
        let plugins = plugins(&request, &row, reported.as_deref());
        let plugin = match &asked.plugin_name {
            Some(name) => {
                let named = plugins.iter().find(|plugin| plugin.name == *name);
                let named = named.or(plugins.iter().find(|plugin| plugin.plugin == *name));
                Some(named.ok_or_else(|| Refusal::bare(Code::InvalidPluginName))?)
            }
            None if plugins.len() == 1 => plugins.first(),
            None => None,
        };
        write(&got(&request, asked.instance_id, &row, plugin))
    }
}

/// What one plugin of an invocation came to; without one (there are several and none was named) what
/// the invocation came to, and no output.
fn got(request: &Request, node: String, row: &Invocation, plugin: Option<&PluginReport>) -> Got {
    let blank = PluginReport {
        response_code: row.response_code,
        started_ms: row.delivered.map_or(0, Timestamp::as_millis),
        ended_ms: row.ended.filter(|_| row.delivered.is_some()).map_or(0, Timestamp::as_millis),
        status: row.status.name().to_owned(),
        status_details: row.status.details().to_owned(),
        ..PluginReport::default()
    };
    let (standard_output_url, standard_error_url) =
        plugin.map(|plugin| urls(request, &node, plugin)).unwrap_or_default();
    let plugin = plugin.unwrap_or(&blank);
    let (status, status_details) = words(plugin);
    // Of an invocation that ended without a report, and of one that waits, its own status is more.
    let own = row.status != InvocationStatus::Success && plugin.ended_ms == 0;
    Got {
        command_id: request.command_id.clone(),
        comment: request.comment.clone(),
        document_name: request.document_name.clone(),
        document_version: request.document_version.clone(),
        plugin_name: plugin.name.clone(),
        response_code: plugin.response_code,
        execution_start_date_time: iso(plugin.started_ms),
        execution_elapsed_time: elapsed(plugin.started_ms, plugin.ended_ms),
        execution_end_date_time: iso(plugin.ended_ms),
        status: if own { row.status.name().to_owned() } else { status },
        status_details: if own { row.status.details().to_owned() } else { status_details },
        standard_output_content: plugin.stdout.clone(),
        standard_output_url,
        standard_error_content: plugin.stderr.clone(),
        standard_error_url,
        cloud_watch_output_config: cloud_watch_output_config(request),
        instance_id: node,
    }
}

/// `2020-02-19T18:18:03.419Z`; nothing for what has not happened.
fn iso(ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(ms).ok().filter(|_| ms > 0);
    moment.map(|moment| format!("{moment:.3}")).unwrap_or_default()
}

/// `PT0.091S`; nothing for what has not ended.
fn elapsed(started_ms: i64, ended_ms: i64) -> String {
    if started_ms <= 0 || ended_ms <= 0 {
        return String::new();
    }
    let ms = (ended_ms - started_ms).max(0);
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, rest) = (ms / 1000 % 60, ms % 1000);
    let mut text = "PT".to_owned();
    for (count, unit) in [(hours, "H"), (minutes, "M")] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    let fraction = format!(".{rest:03}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    text.push_str(&format!("{seconds}{fraction}S"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_texts_as_aws_writes_them() {
        assert_eq!(iso(1_582_136_283_419), "2020-02-19T18:18:03.419Z");
        assert_eq!(iso(1_582_136_283_000), "2020-02-19T18:18:03.000Z");
        assert_eq!(iso(0), "");
        for (ms, text) in [
            (0, "PT0S"),
            (91, "PT0.091S"),
            (1500, "PT1.5S"),
            (60_000, "PT1M0S"),
            (3_661_001, "PT1H1M1.001S"),
        ] {
            assert_eq!(elapsed(1, 1 + ms), text);
        }
        assert_eq!(elapsed(1, 0), "");
        assert_eq!(elapsed(0, 0), "");
    }
}
