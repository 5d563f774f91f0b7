//! Calls AWS operations, one JSON object a line, for the tests against an emulator
//! (`tests/e2e/test_aws_calls.py`). Endpoints and credentials come from the environment.
//!
//! ```text
//! {"service", "operation", "input", "region", "roleArn", "blobs"}   the output: {"output"} or {"error"}
//! ```

use std::io::{BufRead, Write};

use serde_json::{Value, json};
use trackway_performers::aws::{AwsCall, AwsCaller, AwsEnvironment, Blobs, Limits, Scope};

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let caller = AwsCaller::new(AwsEnvironment::new(std::env::vars()), Limits::default());
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let answer = match runtime.block_on(caller.call(&call_of(&asked))) {
            Ok(output) => json!({ "output": output }),
            Err(error) => json!({ "error": error.to_json(), "text": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn call_of(asked: &Value) -> AwsCall {
    let text = |name: &str| asked[name].as_str().map(str::to_owned);
    let scope = Scope { account: "000000000000".to_owned(), region: "us-east-1".to_owned() };
    let (service, operation) = (text("service"), text("operation"));
    let mut call = AwsCall::new(
        &service.unwrap_or_default(),
        &operation.unwrap_or_default(),
        asked["input"].clone(),
        scope,
    );
    call.region = text("region");
    call.role_arn = text("roleArn");
    if text("blobs").as_deref() == Some("base64") {
        call.blobs_in = Blobs::Base64;
    }
    call
}
