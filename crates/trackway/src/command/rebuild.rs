//! `trackway rebuild DIR`: drops every view of a data directory and makes it anew from the journals.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use trackway_engine::RebuildReport;

use crate::{Output, maintenance};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data directory; no server may be using it.
    dir: PathBuf,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<ExitCode, String> {
    let report = maintenance::rebuild(&args.dir).await?;
    let RebuildReport { executions, corrected, unreadable, rows } = report;
    match output {
        Output::Json => println!(
            "{:#}",
            json!({
                "executions": executions,
                "corrected": corrected,
                "unreadable": unreadable,
                "rows": rows
            })
        ),
        Output::Table => println!(
            "{executions} executions refolded, {corrected} of them corrected, {unreadable} unreadable; {rows} rows of views made anew"
        ),
    }
    Ok(ExitCode::SUCCESS)
}
