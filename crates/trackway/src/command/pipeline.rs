//! `trackway pipeline run FILE`: runs a pipeline's definition once in this process, on a store in
//! memory, and shows it as it goes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::serve::{Clock, told_to_stop};
use crate::Output;
use crate::client::{CODEPIPELINE, Client};
use crate::compose::{Service, Storage};
use crate::config::Config;
use crate::progress::{Progress, say};

/// How often it looks what has happened.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline's definition once, without a server, and show it as it goes.
    Run(Args),
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The definition: JSON as `aws codepipeline create-pipeline --cli-input-json` takes it.
    file: PathBuf,
    /// Configuration file: repositories, buckets and projects
    /// [default: trackway.toml in the working folder, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A value of a pipeline variable.
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Approve every manual approval. Otherwise it is asked for, on a terminal, and rejected
    /// elsewhere.
    #[arg(long)]
    approve: bool,
    /// Where time comes from.
    #[arg(long, value_enum, default_value_t = Clock::Real)]
    clock: Clock,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<ExitCode, String> {
    let declaration = declaration(&args.file, &args.variables)?;
    let config = Config::load(args.config.as_deref())?;
    if let Some(why) = unreachable(&declaration, &config.pipeline.workers) {
        return Err(format!("could not use {}: {why}", args.file.display()));
    }
    let service = Service::open(&config, Storage::Memory, args.clock, None).await?;
    let ended = tokio::select! {
        ended = once(&service, &declaration, args.approve, output) => ended,
        () = told_to_stop() => Err("stopped before the pipeline had ended".to_owned()),
    };
    service.shutdown().await;
    let (execution, actions) = ended?;
    if output == Output::Json {
        say!("{:#}", json!({ "execution": execution, "actions": actions }));
    }
    let succeeded = execution["status"] == "Succeeded";
    Ok(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Creates the pipeline, and shows its execution until that has ended.
async fn once(
    service: &Service,
    declaration: &Value,
    approves: bool,
    output: Output,
) -> Result<(Value, Vec<Value>), String> {
    let client = Client::in_process(service);
    let watched = Watched::create(&client, declaration).await?;
    let mut progress = Progress::new(output == Output::Table, service.logs());
    watched.until_ended(&mut progress, approves).await
}

/// What of the pipeline would wait for somebody who needs a server to answer to, and so for ever.
fn unreachable(declaration: &Value, workers: &[String]) -> Option<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let waits = |stage: &Value, name: &Value, who: &str| {
        let (stage, name) = (text(stage), text(name));
        Some(format!(
            "{stage}/{name} is performed by {who}, which can't reach this process: run the pipeline on a server, with `trackway serve`"
        ))
    };
    for stage in list(&declaration["stages"]) {
        for action in list(&stage["actions"]) {
            let id = &action["actionTypeId"];
            let (owner, provider) = (text(&id["owner"]), text(&id["provider"]));
            let kind = format!("{}/{provider}", text(&id["category"]));
            let is_workers = owner == "Custom"
                || (owner == "ThirdParty" && kind != "Source/GitHub")
                || workers.contains(&kind);
            if is_workers {
                return waits(&stage["name"], &action["name"], "a worker that polls for jobs");
            }
            if kind == "Invoke/Lambda" {
                return waits(&stage["name"], &action["name"], ANSWERS);
            }
        }
        for conditions in ["beforeEntry", "onSuccess", "onFailure"] {
            for condition in list(&stage[conditions]["conditions"]) {
                let rules = list(&condition["rules"]);
                let rule =
                    rules.iter().find(|rule| rule["ruleTypeId"]["provider"] == "LambdaInvoke");
                if let Some(rule) = rule {
                    return waits(&stage["name"], &rule["name"], ANSWERS);
                }
            }
        }
    }
    None
}

/// Who ends an action that invokes a function.
const ANSWERS: &str = "a function that answers by PutJobSuccessResult";

/// The pipeline that the file declares, with these values of its variables.
fn declaration(file: &Path, variables: &[String]) -> Result<Value, String> {
    let unusable = |why: String| format!("could not use {}: {why}", file.display());
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("could not read {}: {error}", file.display()))?;
    let mut declared: Value =
        serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    if ["Resources", "AWSTemplateFormatVersion", "Properties", "Stages"]
        .iter()
        .any(|key| !declared[*key].is_null())
    {
        let why = "it is a template of CloudFormation; give the pipeline as `aws codepipeline get-pipeline` shows it";
        return Err(unusable(why.to_owned()));
    }
    if let Some(within) = declared.get_mut("pipeline") {
        declared = within.take();
    }
    if !declared.is_object() {
        return Err(unusable("it is not a JSON object".to_owned()));
    }
    for given in variables {
        let (name, value) = given
            .split_once('=')
            .ok_or_else(|| format!("--variable {given:?} is not of the form NAME=VALUE"))?;
        let known = declared["variables"].as_array_mut().into_iter().flatten();
        let variable = known
            .into_iter()
            .find(|variable| variable["name"] == name)
            .ok_or_else(|| unusable(format!("it declares no variable {name:?}")))?;
        variable["defaultValue"] = Value::from(value);
    }
    let all = declared["variables"].as_array().into_iter().flatten();
    if let Some(variable) = all.into_iter().find(|variable| variable["defaultValue"].is_null()) {
        let name = variable["name"].as_str().unwrap_or_default();
        let why =
            format!("the variable {name:?} has no default value; give --variable {name}=VALUE");
        return Err(unusable(why));
    }
    Ok(declared)
}

/// The execution that is watched.
struct Watched<'a> {
    client: &'a Client,
    name: String,
    execution: String,
}

impl<'a> Watched<'a> {
    /// Creates the pipeline; that starts its execution.
    async fn create(client: &'a Client, declaration: &Value) -> Result<Self, String> {
        let created = client
            .call(&CODEPIPELINE, "CreatePipeline", &json!({ "pipeline": declaration }))
            .await?;
        let name = created["pipeline"]["name"].as_str().unwrap_or_default().to_owned();
        let listed = client
            .call(&CODEPIPELINE, "ListPipelineExecutions", &json!({ "pipelineName": name }))
            .await?;
        let oldest = listed["pipelineExecutionSummaries"].as_array().and_then(|all| all.last());
        let id = oldest.and_then(|oldest| oldest["pipelineExecutionId"].as_str());
        let execution = id.ok_or("the pipeline was created but has no execution")?.to_owned();
        Ok(Self { client, name, execution })
    }

    /// Shows what happens until the execution has ended; it and its actions, oldest first.
    async fn until_ended(
        &self,
        progress: &mut Progress,
        approves: bool,
    ) -> Result<(Value, Vec<Value>), String> {
        let mut decided = BTreeMap::new();
        loop {
            let execution = self.execution().await?;
            let actions = self.actions().await?;
            progress.show(&actions);
            if !matches!(execution["status"].as_str(), Some("InProgress" | "Stopping")) {
                progress.end(&execution);
                return Ok((execution, actions));
            }
            let waiting = actions.iter().filter(|action| is_approval(action));
            for action in waiting {
                let id = action["actionExecutionId"].as_str().unwrap_or_default();
                if decided.insert(id.to_owned(), ()).is_none() {
                    self.decide(action, approves).await?;
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn execution(&self) -> Result<Value, String> {
        let input = json!({ "pipelineName": self.name, "pipelineExecutionId": self.execution });
        let mut got = self.client.call(&CODEPIPELINE, "GetPipelineExecution", &input).await?;
        Ok(got["pipelineExecution"].take())
    }

    async fn actions(&self) -> Result<Vec<Value>, String> {
        let filter = json!({ "pipelineExecutionId": self.execution });
        let mut input = json!({ "pipelineName": self.name, "filter": filter });
        let mut all = Vec::new();
        loop {
            let mut page = self.client.call(&CODEPIPELINE, "ListActionExecutions", &input).await?;
            if let Value::Array(more) = page["actionExecutionDetails"].take() {
                all.extend(more);
            }
            match page["nextToken"].take() {
                token @ Value::String(_) => input["nextToken"] = token,
                _ => break,
            }
        }
        all.reverse();
        Ok(all)
    }

    /// Approves, rejects, or asks.
    async fn decide(&self, action: &Value, approves: bool) -> Result<(), String> {
        let place = (&action["stageName"], &action["actionName"]);
        let approves = approves || asked(place, &action["input"]["resolvedConfiguration"]).await;
        let input = json!({ "name": self.name });
        let state = self.client.call(&CODEPIPELINE, "GetPipelineState", &input).await?;
        let Some(token) = token_of(&state, place) else { return Ok(()) };
        let summary = if approves { "approved on the command line" } else { NOT_APPROVED };
        let status = if approves { "Approved" } else { "Rejected" };
        let input = json!({
            "pipelineName": self.name,
            "stageName": place.0,
            "actionName": place.1,
            "token": token,
            "result": { "summary": summary, "status": status },
        });
        self.client.call(&CODEPIPELINE, "PutApprovalResult", &input).await.map(|_| ())
    }
}

const NOT_APPROVED: &str = "not approved on the command line; --approve approves";

fn is_approval(action: &Value) -> bool {
    action["status"] == "InProgress" && action["input"]["actionTypeId"]["category"] == "Approval"
}

/// Asks on the terminal; nobody there is a no.
async fn asked((stage, action): (&Value, &Value), configuration: &Value) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    let plain = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = match plain(&configuration["CustomData"]) {
        text if text.is_empty() => String::new(),
        text => format!(" ({text})"),
    };
    let question = format!("{}/{}{told}: approve? [y/N] ", plain(stage), plain(action));
    let (answered, answer) = tokio::sync::oneshot::channel();
    // A thread of its own: nothing waits for it when the process is told to stop meanwhile.
    std::thread::spawn(move || {
        print_prompt(&question);
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _nobody_waits = answered.send(read.map(|_| line));
    });
    matches!(answer.await, Ok(Ok(line)) if matches!(line.trim(), "y" | "Y" | "yes"))
}

fn print_prompt(question: &str) {
    let mut out = std::io::stdout();
    let _prompt_may_be_lost = out.write_all(question.as_bytes()).and_then(|()| out.flush());
}

/// The token of an approval that waits.
fn token_of(state: &Value, (stage, action): (&Value, &Value)) -> Option<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let stages = list(&state["stageStates"]);
    let stage = stages.iter().find(|found| &found["stageName"] == stage)?;
    let actions = list(&stage["actionStates"]);
    let action = actions.iter().find(|found| &found["actionName"] == action)?;
    action["latestExecution"]["token"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_reach_is_known_before_it_runs() {
        let id = |owner, category, provider| json!({ "owner": owner, "category": category, "provider": provider });
        let workers = ["Deploy/EKS".to_owned()];
        for (id, is_unreachable) in [
            (id("Custom", "Build", "Mine"), true),
            (id("ThirdParty", "Build", "Theirs"), true),
            (id("AWS", "Invoke", "Lambda"), true),
            (id("AWS", "Deploy", "EKS"), true),
            (id("ThirdParty", "Source", "GitHub"), false),
            (id("AWS", "Deploy", "S3"), false),
        ] {
            let action = json!({ "name": "A", "actionTypeId": id });
            let declared = json!({ "stages": [{ "name": "S", "actions": [action] }] });
            let why = unreachable(&declared, &workers);
            assert_eq!(why.is_some(), is_unreachable, "{id}");
            assert!(why.is_none_or(|why| why.starts_with("S/A is performed by")));
        }
        let rule = json!({ "name": "R", "ruleTypeId": { "provider": "LambdaInvoke" } });
        let stage = json!({ "name": "S", "onSuccess": { "conditions": [{ "rules": [rule] }] } });
        assert!(unreachable(&json!({ "stages": [stage] }), &[]).is_some());
        assert!(unreachable(&json!({ "stages": 5 }), &[]).is_none());
    }
}
