//! `trackway`: the server and its command line. It wires the rooms together and decides nothing.

mod artifact_endpoint;
mod client;
mod command;
mod compose;
mod config;
mod gateway;
mod local_services;
mod maintenance;
mod node;
mod progress;
mod server;
mod timeline;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// Runs AWS workflows durably and keeps their complete execution history.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    /// How results are printed.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs: one JSON document.
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the AWS APIs.
    Serve(command::serve::Args),
    /// Run a state machine's definition here, without a server, and show what happened.
    Run(command::run::Args),
    /// Run pipelines here.
    #[command(subcommand)]
    Pipeline(command::pipeline::Command),
    /// Show the history of an execution on a server as a timeline.
    History(command::history::Args),
    /// Be a managed node of a server: run the commands that it is sent.
    Node(command::node::Args),
    /// Check every invariant of a data directory that no server is using.
    Verify(command::verify::Args),
    /// Make every view of a data directory anew from its journals.
    Rebuild(command::rebuild::Args),
}

fn main() -> ExitCode {
    // Before anything starts a thread: a sandbox is this program, started again.
    if let Some(code) = trackway_performers::sandbox::enter_if_asked() {
        return code;
    }
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => finish(runtime, async {
            match cli.command {
                Command::Serve(args) => command::serve::run(args).await,
                Command::Run(args) => command::run::run(args, cli.output).await,
                Command::Pipeline(command::pipeline::Command::Run(args)) => {
                    command::pipeline::run(args, cli.output).await
                }
                Command::History(args) => command::history::run(args, cli.output).await,
                Command::Node(args) => command::node::run(args).await,
                Command::Verify(args) => command::verify::run(args, cli.output).await,
                Command::Rebuild(args) => command::rebuild::run(args, cli.output).await,
            }
        }),
        Err(error) => Err(format!("could not start the runtime: {error}")),
    };
    match result {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// How long work on files that nothing waits for any more may go on.
const LAST_WORK: std::time::Duration = std::time::Duration::from_secs(5);

/// Runs it to its end. Threads that are in the middle of a file don't keep the process: whatever
/// they did not finish is done again.
fn finish<T>(runtime: tokio::runtime::Runtime, work: impl Future<Output = T>) -> T {
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WORK);
    result
}
