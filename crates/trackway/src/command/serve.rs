//! `trackway serve`: serves the AWS APIs until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use trackway_store::OnLoss;

use crate::client::{Client, STEP_FUNCTIONS};
use crate::compose::{Service, Storage};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::server;

/// Where it listens by default: loopback only.
const LISTEN_DEFAULT: &str = "127.0.0.1:4580";
/// Where data lies by default, in the working folder.
const DATA_DEFAULT: &str = "trackway-data";
/// Where it lies if no flag says it.
const DATA_VARIABLE: &str = "TRACKWAY_SERVER_DATA";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address and port; one other than loopback needs --insecure.
    #[arg(long, env = "TRACKWAY_SERVER_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Data directory of the embedded store [env: TRACKWAY_SERVER_DATA=] [default: trackway-data].
    // The variable isn't clap's: then it would contradict --memory, which wins over it.
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    data: Option<PathBuf>,
    /// Keep everything in memory; nothing survives the process.
    #[arg(long)]
    memory: bool,
    /// Open a damaged data directory and go on from what is left; journals that are cut are copied
    /// beside first (*.damaged).
    #[arg(long)]
    accept_loss: bool,
    /// Configuration file [default: trackway.toml in the working folder, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where time comes from.
    #[arg(long, value_enum, default_value_t = Clock::Real)]
    clock: Clock,
    /// Days for which ended executions are kept [default: for ever].
    #[arg(long, env = "TRACKWAY_SERVER_RETENTION_DAYS", value_name = "DAYS")]
    retention_days: Option<u32>,
    /// Listen beyond loopback, without TLS: for networks that are safe by other means. With
    /// `[credentials]` in the configuration requests must be signed all the same.
    #[arg(long)]
    insecure: bool,
}

/// Where time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clock {
    /// The wall clock.
    Real,
    /// When nothing else can run, time jumps to the next timer: a year's wait ends at once.
    Skip,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, String> {
    let config = Config::load(args.config.as_deref())?;
    let listen = args.listen.or(config.server.listen.clone());
    let listen = listen.as_deref().unwrap_or(LISTEN_DEFAULT);
    let listener = bind(listen, args.insecure).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let storage = if args.memory {
        Storage::Memory
    } else {
        let variable = std::env::var_os(DATA_VARIABLE).filter(|value| !value.is_empty());
        let data = args.data.or(variable.map(PathBuf::from)).or(config.server.data.clone());
        let on_loss = if args.accept_loss { OnLoss::Accept } else { OnLoss::Refuse };
        Storage::Embedded(data.unwrap_or_else(|| PathBuf::from(DATA_DEFAULT)), on_loss)
    };
    let place = match &storage {
        Storage::Memory => "in memory".to_owned(),
        Storage::Embedded(folder, _) => format!("in {}", folder.display()),
    };
    let retention_days = args.retention_days.or(config.server.retention_days);
    let service = Service::open(&config, storage, args.clock, retention_days).await?;
    service.watch_sources();
    let stopped = service.stopped();
    let stop = async {
        tokio::select! {
            () = told_to_stop() => None,
            fault = stopped => Some(fault),
        }
    };
    let (fault_sender, mut fault) = tokio::sync::oneshot::channel();
    let gateway = Arc::new(Gateway::new(&service, listener_is_local(address)));
    let serving = server::serve(listener, gateway, async move {
        let _receiver_is_below = fault_sender.send(stop.await);
    });
    let announced = async {
        warm_up(address).await;
        // Scripts wait for this line; it is printed once requests are answered.
        println!("trackway is listening on http://{address}, data {place}");
    };
    tokio::join!(serving, announced);
    service.shutdown().await;
    match fault.try_recv() {
        Ok(Some(fault)) => Err(format!("the engine stopped: {fault}")),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Connections that are tried before anybody else is invited.
const WARM_UP_CONNECTIONS: usize = 16;
/// How long that may take.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Goes through the front door once on several connections, so that the first callers don't pay
/// for what is done once in a process. Whether they are answered or, unsigned, refused is all one.
async fn warm_up(address: SocketAddr) {
    let Ok(client) = Client::new(&format!("http://{address}"), "", "").map(Arc::new) else {
        return;
    };
    let mut calls = JoinSet::new();
    for _ in 0..WARM_UP_CONNECTIONS {
        let client = Arc::clone(&client);
        calls.spawn(
            async move { client.call(&STEP_FUNCTIONS, "ListStateMachines", &json!({})).await },
        );
    }
    let all_done = async { while calls.join_next().await.is_some() {} };
    // A machine that is too busy for this is not kept from serving by it.
    let _in_time = tokio::time::timeout(WARM_UP_TIMEOUT, all_done).await;
}

async fn bind(listen: &str, may_be_public: bool) -> Result<TcpListener, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("could not listen on {listen}: {why}");
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(listen)
        .await
        .map_err(|error| {
            cannot(&format_args!("{error}; give ADDRESS:PORT, such as {LISTEN_DEFAULT}"))
        })?
        .collect();
    if !may_be_public && addresses.iter().any(|address| !address.ip().is_loopback()) {
        return Err(cannot(
            &"whoever reaches it could read and run workflows, as there is no TLS; give --insecure if that network is safe",
        ));
    }
    TcpListener::bind(addresses.as_slice()).await.map_err(|error| cannot(&error))
}

fn listener_is_local(address: SocketAddr) -> bool {
    address.ip().is_loopback()
}

pub(crate) async fn told_to_stop() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            // Without the handler the signal ends the process at once, which is safe too.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
