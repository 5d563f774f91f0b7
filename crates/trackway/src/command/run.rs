//! `trackway run FILE`: runs a definition in this process, on a store in memory.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::history;
use super::serve::Clock;
use crate::client::{Client, STEP_FUNCTIONS};
use crate::compose::{Service, Storage};
use crate::config::Config;
use crate::{Output, timeline};

/// How often it looks whether the execution has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The definition, in the Amazon States Language.
    file: PathBuf,
    /// The input: JSON text, or @FILE.
    #[arg(long, default_value = "{}", value_name = "JSON|@FILE")]
    input: String,
    /// Configuration file, for the functions that tasks call
    /// [default: trackway.toml in the working folder, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where time comes from.
    #[arg(long, value_enum, default_value_t = Clock::Real)]
    clock: Clock,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<ExitCode, String> {
    let definition = std::fs::read_to_string(&args.file)
        .map_err(|error| format!("could not read {}: {error}", args.file.display()))?;
    let input = match args.input.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| format!("could not read {file}: {error}"))?,
        None => args.input.clone(),
    };
    let config = Config::load(args.config.as_deref())?;
    let service = Service::open(&config, Storage::Memory, args.clock, None).await?;
    let client = Client::in_process(&service);
    let created = client
        .call(
            &STEP_FUNCTIONS,
            "CreateStateMachine",
            &json!({
                "name": machine_name(&args.file),
                "definition": definition,
                "roleArn": "arn:aws:iam::000000000000:role/trackway-run",
            }),
        )
        .await?;
    let started = client
        .call(
            &STEP_FUNCTIONS,
            "StartExecution",
            &json!({ "stateMachineArn": created["stateMachineArn"], "input": input }),
        )
        .await?;
    let arn = started["executionArn"].as_str().unwrap_or_default().to_owned();
    let execution = ended(&client, &arn).await?;
    let events = history::pages(&client, &arn).await?;
    service.shutdown().await;
    match output {
        Output::Json => println!("{:#}", json!({ "execution": execution, "events": events })),
        Output::Table => {
            print!("{}", timeline::render(&events));
            print!("{}", timeline::outcome(&execution));
        }
    }
    let succeeded = execution["status"] == "SUCCEEDED";
    Ok(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn ended(client: &Client, arn: &str) -> Result<Value, String> {
    loop {
        let execution = client
            .call(&STEP_FUNCTIONS, "DescribeExecution", &json!({ "executionArn": arn }))
            .await?;
        if execution["status"] != "RUNNING" {
            return Ok(execution);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A name that AWS accepts, from the file's.
fn machine_name(file: &std::path::Path) -> String {
    let stem = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = stem.chars().map(keep).take(80).collect();
    if name.is_empty() { "definition".to_owned() } else { name }
}
