//! `trackway verify DIR`: checks every invariant of a data directory and says what it checked.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::{Output, maintenance};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data directory; no server may be using it.
    dir: PathBuf,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<ExitCode, String> {
    let report = maintenance::verify(&args.dir).await?;
    match output {
        Output::Json => println!("{:#}", report.as_json()),
        Output::Table => print!("{}", report.as_text()),
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
