//! Plans of commands, run in the sandbox.

use std::path::Path;

use trackway_command::protocol::RunCommand;
use trackway_command::{NodeReport, PluginReport};
use trackway_core::Timestamp;
use trackway_runbook::plan::Plan;

use super::{Boxed, RunPlan};
use crate::clock::now_ms;
use crate::plugin::{Report, Runner, Status, StepResult};
use crate::sandbox::Cancel;

/// Runs plans in the sandbox.
#[derive(Clone, Debug)]
pub struct Sandboxed(pub Runner);

impl RunPlan for Sandboxed {
    fn run<'a>(
        &'a self,
        run: &'a RunCommand,
        folder: &'a Path,
        cancel: &'a Cancel,
    ) -> Boxed<'a, NodeReport> {
        Box::pin(async move {
            let failed = |why: String| NodeReport::failed("document", &why, Timestamp(now_ms()));
            let mut plan: Plan = match serde_json::from_value(run.plan.clone()) {
                Ok(plan) => plan,
                Err(error) => return failed(format!("could not read the plan: {error}")),
            };
            plan.environment.insert("SSM_COMMAND_ID".to_owned(), run.command_id.clone());
            match self.0.run(&plan, folder, cancel, &mut |_| {}).await {
                Ok(report) => reported(&report),
                Err(error) => failed(format!("could not use {}: {error}", folder.display())),
            }
        })
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Skipped => "Skipped",
        Status::Success => "Success",
        Status::Failed => "Failed",
        Status::Cancelled => "Cancelled",
        Status::TimedOut => "TimedOut",
    }
}

fn reported(report: &Report) -> NodeReport {
    let telling = report.steps.iter().find(|step| step.status == report.status);
    let status = match report.status {
        // A document whose steps are all passed over did well.
        Status::Skipped => Status::Success,
        status => status,
    };
    NodeReport {
        status: word(status).to_owned(),
        response_code: telling.map_or(0, |step| step.response_code),
        plugins: report.steps.iter().map(plugin_report).collect(),
    }
}

fn plugin_report(step: &StepResult) -> PluginReport {
    PluginReport {
        name: step.name.clone(),
        plugin: step.action.clone(),
        status: word(step.status).to_owned(),
        status_details: String::new(),
        response_code: step.response_code,
        started_ms: step.started_ms,
        ended_ms: step.ended_ms,
        stdout: step.stdout.clone(),
        stderr: step.stderr.clone(),
    }
}
