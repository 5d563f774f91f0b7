//! Plans of commands, run in the sandbox.

use std::path::Path;

use trackway_command::protocol::RunCommand;
use trackway_command::{NodeReport, PluginReport};
use trackway_core::Timestamp;
use trackway_runbook::plan::{self, Plan, PlanStep};

use super::{Boxed, RunPlan};
use crate::clock::now_ms;
use crate::plugin::{self, OnFailure, Precondition, Runner, Status, Step, StepResult};
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
            let plan: Plan = match serde_json::from_value(run.plan.clone()) {
                Ok(plan) => plan,
                Err(error) => return failed(format!("could not read the plan: {error}")),
            };
            let plan = plugin_plan(run, plan);
            match self.0.run(&plan, folder, cancel, &mut |_| {}).await {
                Ok(report) => reported(&report),
                Err(error) => failed(format!("could not use {}: {error}", folder.display())),
            }
        })
    }
}

/// The plan as the plugins take it.
fn plugin_plan(run: &RunCommand, mut plan: Plan) -> plugin::Plan {
    plan.environment.insert("SSM_COMMAND_ID".to_owned(), run.command_id.clone());
    plugin_steps(plan)
}

/// The same, without what only a command has.
pub(super) fn plugin_steps(plan: Plan) -> plugin::Plan {
    plugin::Plan {
        schema_version: plan.schema_version,
        steps: plan.steps.into_iter().map(plugin_step).collect(),
        environment: plan.environment,
    }
}

fn plugin_step(step: PlanStep) -> Step {
    Step {
        name: step.name,
        action: step.action,
        inputs: step.inputs,
        precondition: step.skip_reason.map(|_| Precondition::Decided(false)),
        timeout_seconds: step.timeout_seconds,
        on_failure: step.on_failure.map(|after| match after {
            plan::OnFailure::Exit => OnFailure::Exit,
            plan::OnFailure::SuccessAndExit => OnFailure::SuccessAndExit,
        }),
        exit_on_success: step.exit_on_success,
        finally_step: step.finally_step,
        max_attempts: step.max_attempts,
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

fn reported(report: &plugin::Report) -> NodeReport {
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
