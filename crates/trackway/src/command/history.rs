//! `trackway history ARN`: an execution's history on a server, as a timeline.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::client::{Client, STEP_FUNCTIONS};
use crate::{Output, timeline};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The execution's ARN.
    arn: String,
    /// The server.
    #[arg(
        long,
        env = "AWS_ENDPOINT_URL",
        default_value = "http://127.0.0.1:4580",
        value_name = "URL"
    )]
    endpoint: String,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<ExitCode, String> {
    let region = args.arn.split(':').nth(3).unwrap_or_default();
    let account = args.arn.split(':').nth(4).unwrap_or_default();
    let client = Client::new(&args.endpoint, region, account)?;
    let events = pages(&client, &args.arn).await?;
    match output {
        Output::Json => println!("{:#}", json!({ "events": events })),
        Output::Table => print!("{}", timeline::render(&events)),
    }
    Ok(ExitCode::SUCCESS)
}

/// All events of an execution.
pub(crate) async fn pages(client: &Client, arn: &str) -> Result<Vec<Value>, String> {
    let mut events = Vec::new();
    let mut request = json!({ "executionArn": arn, "maxResults": 1000 });
    loop {
        let mut page = client.call(&STEP_FUNCTIONS, "GetExecutionHistory", &request).await?;
        if let Some(Value::Array(more)) = page.get_mut("events").map(Value::take) {
            events.extend(more);
        }
        match page.get_mut("nextToken").map(Value::take) {
            Some(token @ Value::String(_)) => request["nextToken"] = token,
            _ => return Ok(events),
        }
    }
}
