//! The node at work: it polls, runs and reports until it is told to stop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use trackway_command::NodeReport;
use trackway_command::protocol::{
    Acknowledge, Acknowledged, Call, Done, Message, Poll, Register, Registered, ReportRun,
    RunCommand,
};
use trackway_core::Timestamp;

use super::journal::{Journal, Progress};
use super::{Facts, Link, NodeConfig, RunPlan};
use crate::clock::now_ms;
use crate::sandbox::{Cancel, Canceller};

/// Why a node ends.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The server knows better: the node must not go on.
    #[error("the server refused this node: {0}")]
    Refused(String),
    /// The state folder can't be used.
    #[error("could not use the state folder {folder}: {error}")]
    State {
        /// Which.
        folder: String,
        /// What happened.
        error: std::io::Error,
    },
}

/// The first pause after a call that failed; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long runs may take to end when the node is told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// What is added to a command's own time-out before it is called off as a whole.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(5);

/// What is said of a run that the node's death cut off.
const CUT_OFF: &str = "the node ended while the command ran; it is not run again";
/// What is said of a run that was cut off because the node was told to stop.
const STOPPED: &str = "the node was stopped while the command ran; it is not run again";

/// A node, ready to run. Clones are the same one.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    config: NodeConfig,
    facts: Facts,
    version: String,
    link: Arc<dyn Link>,
    runner: Arc<dyn RunPlan>,
    journal: Journal,
    identity: RwLock<Registered>,
    /// What runs or is about to, to be called off.
    runs: Mutex<HashMap<String, Canceller>>,
    workers: Semaphore,
    tell: Box<dyn Fn(&str) + Send + Sync>,
    is_stopping: AtomicBool,
}

/// What became of a call.
enum CallError {
    /// No answer, or the server is in trouble: again later.
    Later(String),
    /// The server doesn't know the node.
    Unknown,
    /// The server says no.
    Refused(String),
}

impl Node {
    /// A node with this state; `tell` hears what it does, a line at a time.
    #[must_use]
    pub fn new(
        config: NodeConfig,
        (facts, version): (Facts, &str),
        journal: Journal,
        (link, runner): (Arc<dyn Link>, Arc<dyn RunPlan>),
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        let identity = RwLock::new(journal.identity().unwrap_or_default());
        Self(Arc::new(Inner {
            workers: Semaphore::new(config.workers.max(1)),
            version: version.to_owned(),
            tell: Box::new(tell),
            runs: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            config,
            facts,
            link,
            runner,
            journal,
            identity,
        }))
    }

    /// Works until `stop` resolves.
    ///
    /// # Errors
    /// The server refuses the node, or its state can't be kept.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), NodeError> {
        let mut tasks = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let worked = tokio::select! {
            worked = self.work(&mut tasks) => worked,
            () = &mut stop => Ok(()),
        };
        self.0.is_stopping.store(true, Ordering::SeqCst);
        self.0.runs().values().for_each(Canceller::cancel);
        let ending = async { while tasks.join_next().await.is_some() {} };
        let _late = tokio::time::timeout(STOP_TIMEOUT, ending).await;
        if worked.is_ok() {
            let poll = Poll { id: self.0.id(), wait_seconds: None };
            let _best_effort = self.0.call_once::<Done>(Call::Leave, &poll).await;
        }
        worked
    }

    async fn work(&self, tasks: &mut JoinSet<()>) -> Result<(), NodeError> {
        self.register().await?;
        self.resume(tasks).await?;
        let mut pause = PAUSE_MIN;
        loop {
            let poll = Poll { id: self.0.id(), wait_seconds: None };
            match self.0.call_once::<Message>(Call::Poll, &poll).await {
                Ok(Message::Nothing) => pause = PAUSE_MIN,
                Ok(Message::Run(run)) => {
                    pause = PAUSE_MIN;
                    self.received(*run, tasks).await?;
                }
                Ok(Message::Cancel { command_id }) => {
                    pause = PAUSE_MIN;
                    self.cancelled(&command_id, tasks).await?;
                }
                Err(CallError::Refused(why)) => return Err(NodeError::Refused(why)),
                Err(CallError::Unknown) => self.register().await?,
                Err(CallError::Later(why)) => {
                    if pause == PAUSE_MIN {
                        (self.0.tell)(&format!("could not poll: {why}; trying again"));
                    }
                    rest(&mut pause).await;
                }
            }
            while tasks.try_join_next().is_some() {}
        }
    }

    /// Registers; tries until the server answers.
    async fn register(&self) -> Result<(), NodeError> {
        let Inner { config, facts, version, .. } = &*self.0;
        let mut pause = PAUSE_MIN;
        loop {
            let known = self.0.identity();
            let request = Register {
                name: config.name.clone(),
                tags: config.tags.clone(),
                token: Some(known.token).filter(|token| !token.is_empty()),
                platform_type: facts.platform_type.clone(),
                platform_name: facts.platform_name.clone(),
                platform_version: facts.platform_version.clone(),
                agent_version: version.clone(),
                computer_name: facts.computer_name.clone(),
                ip_address: facts.ip_address.clone(),
                activation_id: config.activation.as_ref().map(|(id, _)| id.clone()),
                activation_code: config.activation.as_ref().map(|(_, code)| code.clone()),
            };
            match self.0.call_once::<Registered>(Call::Register, &request).await {
                Ok(identity) => {
                    self.0.journal.keep_identity(&identity).map_err(|error| self.state(error))?;
                    (self.0.tell)(&format!("registered as {}", identity.id));
                    *self.0.identity.write().unwrap_or_else(PoisonError::into_inner) = identity;
                    return Ok(());
                }
                Err(CallError::Refused(why)) => return Err(NodeError::Refused(why)),
                Err(CallError::Unknown) => {
                    return Err(NodeError::Refused("it takes no nodes".to_owned()));
                }
                Err(CallError::Later(why)) => {
                    if pause == PAUSE_MIN {
                        (self.0.tell)(&format!("could not register: {why}; trying again"));
                    }
                    rest(&mut pause).await;
                }
            }
        }
    }

    fn state(&self, error: std::io::Error) -> NodeError {
        NodeError::State { folder: self.0.config.state.display().to_string(), error }
    }

    /// Takes up what the journal has.
    async fn resume(&self, tasks: &mut JoinSet<()>) -> Result<(), NodeError> {
        for (id, progress) in self.0.journal.pending().map_err(|error| self.state(error))? {
            match progress {
                Progress::Received { run } => self.acknowledge(*run, tasks).await?,
                Progress::Started { plugin } => {
                    let report = NodeReport::failed(&plugin, CUT_OFF, Timestamp(now_ms()));
                    self.finished(&id, report, tasks)?;
                }
                Progress::Finished { report } => self.spawn_report(id, *report, tasks),
            }
        }
        Ok(())
    }

    async fn received(&self, run: RunCommand, tasks: &mut JoinSet<()>) -> Result<(), NodeError> {
        if self.0.journal.knows(&run.command_id) {
            // The server has not heard that it is here; what becomes of it, it hears anyway.
            let _go = self.tell_received(&run.command_id, false).await?;
            return Ok(());
        }
        let progress = Progress::Received { run: Box::new(run.clone()) };
        self.0.journal.put(&run.command_id, &progress).map_err(|error| self.state(error))?;
        self.acknowledge(run, tasks).await
    }

    /// Tells the server that a message is kept; tries until it answers. Whether to go on.
    async fn tell_received(&self, command_id: &str, cancel: bool) -> Result<bool, NodeError> {
        let mut pause = PAUSE_MIN;
        loop {
            let message =
                Acknowledge { id: self.0.id(), command_id: command_id.to_owned(), cancel };
            match self.0.call_once::<Acknowledged>(Call::Acknowledge, &message).await {
                Ok(Acknowledged { go }) => return Ok(go),
                Err(CallError::Refused(why)) => return Err(NodeError::Refused(why)),
                Err(CallError::Unknown) => self.register().await?,
                Err(CallError::Later(_)) => rest(&mut pause).await,
            }
        }
    }

    async fn acknowledge(&self, run: RunCommand, tasks: &mut JoinSet<()>) -> Result<(), NodeError> {
        let id = run.command_id.clone();
        if !self.tell_received(&id, false).await? {
            return self.0.journal.done(&id).map_err(|error| self.state(error));
        }
        let (canceller, cancel) = Cancel::new();
        self.0.runs().insert(id, canceller);
        let node = self.clone();
        tasks.spawn(async move { node.execute(run, cancel).await });
        Ok(())
    }

    async fn cancelled(&self, command_id: &str, tasks: &mut JoinSet<()>) -> Result<(), NodeError> {
        let is_running = match self.0.runs().get(command_id) {
            Some(canceller) => {
                canceller.cancel();
                true
            }
            None => false,
        };
        if !is_running && !self.0.journal.knows(command_id) {
            let why = "this node has no record of the command, and does not run it";
            let report = NodeReport::failed("document", why, Timestamp(now_ms()));
            self.finished(command_id, report, tasks)?;
        }
        self.tell_received(command_id, true).await.map(drop)
    }

    /// Runs a command and reports it. What can't be written down does not run.
    async fn execute(self, run: RunCommand, cancel: Cancel) {
        let id = run.command_id.clone();
        let Ok(_permit) = self.0.workers.acquire().await else { return };
        if self.0.is_stopping() {
            // It has not begun: it waits in the journal for the node to come back.
            return;
        }
        let report = if cancel.is_cancelled() {
            NodeReport { status: "Cancelled".to_owned(), response_code: -1, plugins: Vec::new() }
        } else {
            match self.0.journal.put(&id, &Progress::Started { plugin: first_plugin(&run) }) {
                Ok(()) => self.carry_out(&run, &cancel).await,
                Err(error) => {
                    let why = format!("could not write the node's journal: {error}");
                    NodeReport::failed(&first_plugin(&run), &why, Timestamp(now_ms()))
                }
            }
        };
        self.0.runs().remove(&id);
        let finished = Progress::Finished { report: Box::new(report.clone()) };
        if let Err(error) = self.0.journal.put(&id, &finished) {
            (self.0.tell)(&format!("could not write the node's journal: {error}"));
        }
        self.report(id, report).await;
    }

    async fn carry_out(&self, run: &RunCommand, cancel: &Cancel) -> NodeReport {
        (self.0.tell)(&format!("running {} ({})", run.command_id, run.document_name));
        let folder = self.0.journal.work(&run.command_id);
        let _fresh = std::fs::remove_dir_all(&folder);
        let (too_long, own) = Cancel::new();
        let limit = Duration::from_secs(run.timeout_seconds).saturating_add(TIMEOUT_MARGIN);
        let mut running = std::pin::pin!(self.0.runner.run(run, &folder, &own));
        let mut report = tokio::select! {
            report = &mut running => report,
            () = cancel.cancelled() => {
                too_long.cancel();
                running.await
            }
            () = tokio::time::sleep(limit) => {
                too_long.cancel();
                let mut report = running.await;
                "TimedOut".clone_into(&mut report.status);
                report
            }
        };
        if self.0.is_stopping() && report.status == "Cancelled" {
            report = NodeReport::failed(&first_plugin(run), STOPPED, Timestamp(now_ms()));
        }
        let _kept_otherwise = std::fs::remove_dir_all(&folder);
        report.truncate();
        report
    }

    fn finished(
        &self,
        id: &str,
        report: NodeReport,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), NodeError> {
        let finished = Progress::Finished { report: Box::new(report.clone()) };
        self.0.journal.put(id, &finished).map_err(|error| self.state(error))?;
        self.spawn_report(id.to_owned(), report, tasks);
        Ok(())
    }

    fn spawn_report(&self, id: String, report: NodeReport, tasks: &mut JoinSet<()>) {
        let node = self.clone();
        tasks.spawn(async move { node.report(id, report).await });
    }

    /// Reports until the server has answered.
    async fn report(&self, command_id: String, report: NodeReport) {
        let mut pause = PAUSE_MIN;
        loop {
            let (id, command_id, report) = (self.0.id(), command_id.clone(), report.clone());
            let message = ReportRun { id, command_id: command_id.clone(), report };
            match self.0.call_once::<Done>(Call::Report, &message).await {
                Ok(Done {}) => break,
                // The poll registers again, or ends the node.
                Err(CallError::Unknown | CallError::Refused(_) | CallError::Later(_)) => {
                    rest(&mut pause).await;
                }
            }
        }
        if let Err(error) = self.0.journal.done(&command_id) {
            (self.0.tell)(&format!("could not write the node's journal: {error}"));
        }
    }
}

impl Inner {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, Canceller>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn identity(&self) -> Registered {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn id(&self) -> String {
        self.identity().id
    }

    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    async fn call_once<A: DeserializeOwned>(
        &self,
        call: Call,
        request: &impl Serialize,
    ) -> Result<A, CallError> {
        let body =
            serde_json::to_vec(request).map_err(|error| CallError::Later(error.to_string()))?;
        let token = self.identity().token;
        let token = Some(token.as_str()).filter(|token| !token.is_empty());
        let answered = self.link.call(call, token, body).await.map_err(CallError::Later)?;
        let said = || {
            let body: serde_json::Value =
                serde_json::from_slice(&answered.body).unwrap_or_default();
            let message = body["message"].as_str().unwrap_or("no reason was given");
            format!("{message} (status {})", answered.status)
        };
        match answered.status {
            200 => serde_json::from_slice(&answered.body)
                .map_err(|error| CallError::Later(format!("could not read the answer: {error}"))),
            404 => Err(CallError::Unknown),
            400 | 403 => Err(CallError::Refused(said())),
            _ => Err(CallError::Later(said())),
        }
    }
}

/// Waits, and makes the next wait longer.
async fn rest(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSE_MAX);
}

/// The name of a plan's first step.
fn first_plugin(run: &RunCommand) -> String {
    let name = run.plan["steps"][0]["name"].as_str();
    name.unwrap_or("document").to_owned()
}
