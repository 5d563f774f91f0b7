//! The calls of nodes: register, poll, acknowledge, report, leave. They are the server's own, no
//! operations of AWS; `docs/nodes.md` tells them in words.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use trackway_command::protocol::{
    Acknowledge, Acknowledged, Done, Message, POLL_SECONDS, Poll, Register, Registered, ReportRun,
};
use trackway_command::request::{Errand, arn, node_queue};
use trackway_command::{CommandRun, NodeReport, Refusal as Refused, Signal};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Check, Edit, Fault, SignalError};

use super::activations::Activation;
use super::presence::Waiting;
use super::record::{Node, id_of, token_hash};
use super::registry::NodeChange;
use crate::Caller;
use crate::answer::hex;
use crate::record;
use crate::ssm::commands::document::Cannot;
use crate::ssm::{Ssm, table};

/// Why a node's call is refused.
#[derive(Debug)]
pub(crate) struct CallRefusal {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// Why.
    pub(crate) message: String,
}

impl CallRefusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl From<Fault> for CallRefusal {
    fn from(fault: Fault) -> Self {
        eprintln!("fault in a node's call: {fault}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something is wrong here")
    }
}

type Called = Result<Vec<u8>, CallRefusal>;

/// Characters of a node's name.
const NAME_CHARS_MAX: usize = 256;
/// Tags that a node may give itself.
const TAGS_MAX: usize = 50;

impl Ssm {
    /// Carries out a node's call, by the last part of its path.
    pub(crate) async fn node_call(
        &self,
        caller: &Caller,
        call: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> Called {
        match call {
            "register" => self.register_node(caller, read(body)?).await,
            "poll" => {
                let poll: Poll = read(body)?;
                self.check_token(caller, &poll.id, token).await?;
                self.poll_node(caller, poll).await
            }
            "acknowledge" => {
                let message: Acknowledge = read(body)?;
                self.check_token(caller, &message.id, token).await?;
                self.acknowledge(caller, message).await
            }
            "report" => {
                let report: ReportRun = read(body)?;
                self.check_token(caller, &report.id, token).await?;
                self.reported(caller, report).await
            }
            "leave" => {
                let poll: Poll = read(body)?;
                self.check_token(caller, &poll.id, token).await?;
                self.leave(caller, &poll.id).await
            }
            _ => Err(CallRefusal::new(StatusCode::NOT_FOUND, "there is no such call of nodes")),
        }
    }

    /// A token is good until its node registers without it.
    async fn check_token(
        &self,
        caller: &Caller,
        id: &str,
        token: Option<&str>,
    ) -> Result<(), CallRefusal> {
        let known = self.node(caller, id).await?;
        let hash = token.map(token_hash);
        match known {
            Some(node) if hash == Some(node.token) => Ok(()),
            Some(_) => Err(CallRefusal::new(
                StatusCode::FORBIDDEN,
                "the token is not this node's: another process has registered under its name",
            )),
            None => Err(CallRefusal::new(StatusCode::NOT_FOUND, "there is no such node: register")),
        }
    }

    async fn register_node(&self, caller: &Caller, request: Register) -> Called {
        check_registration(&request)?;
        let id = id_of(caller, &request.name);
        let activation = match &request.activation_id {
            Some(activation) => {
                let code = request.activation_code.as_deref().unwrap_or_default();
                let used = self.use_activation(caller, activation, code, &id).await?;
                Some(used.map_err(|why| CallRefusal::new(StatusCode::FORBIDDEN, why))?)
            }
            None => None,
        };
        let now = self.engine.now();
        loop {
            let known = self.node_row(caller, &id).await?;
            let before = known.as_ref().map(|(node, _)| node);
            let kept = request
                .token
                .clone()
                .filter(|token| before.is_some_and(|node| node.token == token_hash(token)));
            let token = match kept {
                Some(token) => token,
                None => new_token()?,
            };
            let node = node_of(&request, (&id, &token), (before, activation.as_ref()), now);
            let is_first_use = before.and_then(|node| node.activation_id.as_ref())
                != request.activation_id.as_ref();
            let old_keys = before.map(|node| node.own_tags.clone()).unwrap_or_default();
            let (tags_check, tags_edit, tags_changed) = self
                .tag_edit(caller, &id, |tags| {
                    tags.retain(|key, _| !old_keys.contains(key));
                    // Once: a tag that was taken away since stays away.
                    if is_first_use && let Some(activation) = &activation {
                        tags.extend(activation.tags.clone());
                    }
                    tags.extend(request.tags.clone());
                })
                .await?;
            let (is_new, before_token) = (known.is_none(), before.map(|node| node.token));
            let key = id.as_bytes().to_vec();
            let check = crate::ssm::unchanged(table::NODES, &key, known.map(|(_, row)| row));
            let value = record::encode(&node)?.into();
            let edit = Edit::Put { table: table::NODES, key, value };
            if !self.change(caller, &[check, tags_check], &[edit, tags_edit]).await? {
                continue;
            }
            if before_token.is_some_and(|token| token != node.token) {
                self.nodes.presence.replaced(&caller.scope, &id);
            }
            let seen = self.nodes.presence.seen(&caller.scope, &id, now);
            if is_new {
                self.nodes.happened(caller, &id, NodeChange::Registered);
            } else if tags_changed {
                self.nodes.happened(caller, &id, NodeChange::TagsChanged);
            }
            if seen.is_back && !is_new {
                self.nodes.happened(caller, &id, NodeChange::Online);
            }
            return write(&Registered { id, token });
        }
    }

    /// A sign of life; writes it down when that is due.
    async fn seen(&self, caller: &Caller, id: &str) -> Result<(), Fault> {
        let now = self.engine.now();
        let seen = self.nodes.presence.seen(&caller.scope, id, now);
        if seen.is_due {
            let write = |node: &mut Node| (node.last_ping, node.left) = (now, false);
            self.change_node(caller, id, write).await?;
        }
        if seen.is_back {
            self.nodes.happened(caller, id, NodeChange::Online);
        }
        Ok(())
    }

    /// Waits for a message without holding a thread. It stays in the queue until the node has
    /// acknowledged it.
    async fn poll_node(&self, caller: &Caller, poll: Poll) -> Called {
        self.seen(caller, &poll.id).await?;
        let place = (Arc::clone(&caller.scope), poll.id.clone());
        let waiting = Waiting::new(&self.nodes.presence, &self.engine, place);
        let replaced = waiting.replaced();
        let queue = node_queue(&caller.account, &caller.region, &poll.id);
        let wait = Duration::from_secs(poll.wait_seconds.unwrap_or(POLL_SECONDS).min(POLL_SECONDS));
        let mut closing = self.nodes.closing.subscribe();
        let nothing_found = async {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = replaced => {}
                _ = closing.wait_for(|closing| *closing) => {}
            }
        };
        let mut nothing_found = std::pin::pin!(nothing_found);
        loop {
            let lease = tokio::select! {
                lease = self.engine.take(&queue) => lease?,
                () = &mut nothing_found => return write(&Message::Nothing),
            };
            let work = lease.work();
            let errand: Errand = serde_json::from_str(&work.request)
                .map_err(|error| Fault::new(format!("could not read an errand: {error}")))?;
            match self.message(caller, &poll.id, work.execution, &errand).await? {
                Some(message) => return write(&message),
                // It needs no node; its machine has withdrawn it.
                None => drop(lease.keep()),
            }
        }
    }

    /// What a node is told of an errand; none if it ended before it could be.
    async fn message(
        &self,
        caller: &Caller,
        node: &str,
        command: ExecutionId,
        errand: &Errand,
    ) -> Result<Option<Message>, CallRefusal> {
        let command_id = errand.arn().rsplit('/').next().unwrap_or_default().to_owned();
        if matches!(errand, Errand::Cancel { .. }) {
            return Ok(Some(Message::Cancel { command_id }));
        }
        let Some(known) = self.node(caller, node).await? else {
            return Err(CallRefusal::new(StatusCode::NOT_FOUND, "there is no such node: register"));
        };
        let report = match self.run_for(caller, command, &known).await? {
            Ok(run) => return Ok(Some(Message::Run(Box::new(run)))),
            Err(Cannot::Gone) => return Ok(None),
            Err(Cannot::InvalidPlatform) => {
                NodeReport { status: "InvalidPlatform".to_owned(), ..NodeReport::default() }
            }
            Err(Cannot::Plan(why)) => NodeReport::failed("document", &why, self.engine.now()),
        };
        let signal = Signal::Reported { node: node.to_owned(), report: Box::new(report) };
        self.tell_command(command, signal).await?;
        Ok(None)
    }

    async fn acknowledge(&self, caller: &Caller, message: Acknowledge) -> Called {
        let id = ExecutionId::of(&arn(&caller.account, &caller.region, &message.command_id));
        let node = message.id;
        let signal =
            if message.cancel { Signal::CancelHeard { node } } else { Signal::Delivered { node } };
        let go = self.tell_command(id, signal).await?;
        write(&Acknowledged { go })
    }

    async fn reported(&self, caller: &Caller, report: ReportRun) -> Called {
        let id = ExecutionId::of(&arn(&caller.account, &caller.region, &report.command_id));
        let signal = Signal::Reported { node: report.id, report: Box::new(report.report) };
        self.tell_command(id, signal).await?;
        write(&Done {})
    }

    /// Gives a command a signal. Says whether it took it: a command that has ended doesn't, nor
    /// needs it.
    async fn tell_command(&self, id: ExecutionId, signal: Signal) -> Result<bool, Fault> {
        match self.engine.signal::<CommandRun>(id, signal).await {
            Ok(()) => Ok(true),
            Err(
                SignalError::NotFound
                | SignalError::Closed
                | SignalError::Refused(
                    Refused::NotRunning | Refused::NoSuchNode | Refused::InvocationEnded,
                ),
            ) => Ok(false),
            Err(SignalError::Fault(fault)) => Err(fault),
        }
    }

    async fn leave(&self, caller: &Caller, id: &str) -> Called {
        let now = self.engine.now();
        self.nodes.presence.left(&caller.scope, id, now);
        self.change_node(caller, id, |node| (node.last_ping, node.left) = (now, true)).await?;
        write(&Done {})
    }

    /// Removes a node; whether it was there.
    pub(super) async fn remove_node(&self, caller: &Caller, id: &str) -> Result<bool, Fault> {
        loop {
            let Some((_, row)) = self.node_row(caller, id).await? else { return Ok(false) };
            let key = id.as_bytes().to_vec();
            let check = Check::Equals { table: table::NODES, key: key.clone(), value: row };
            let edits = [
                Edit::Delete { table: table::NODES, key },
                crate::ssm::tags::delete(crate::ssm::tags::ResourceType::ManagedInstance, id),
            ];
            if self.change(caller, &[check], &edits).await? {
                self.nodes.presence.forget(&caller.scope, id);
                return Ok(true);
            }
        }
    }
}

/// A node as it registers now; what it doesn't say is as it was before.
fn node_of(
    request: &Register,
    (id, token): (&str, &str),
    (before, activation): (Option<&Node>, Option<&Activation>),
    now: Timestamp,
) -> Node {
    let (activation_id, iam_role, default_name) = match activation {
        Some(activation) => (
            request.activation_id.clone(),
            Some(activation.iam_role.clone()),
            activation.default_instance_name.clone(),
        ),
        None => before
            .map(|node| {
                (node.activation_id.clone(), node.iam_role.clone(), node.default_name.clone())
            })
            .unwrap_or_default(),
    };
    Node {
        id: id.to_owned(),
        name: request.name.clone(),
        default_name,
        token: token_hash(token),
        platform_type: platform(&request.platform_type),
        platform_name: request.platform_name.clone(),
        platform_version: request.platform_version.clone(),
        agent_version: request.agent_version.clone(),
        computer_name: request.computer_name.clone(),
        ip_address: request.ip_address.clone(),
        activation_id,
        iam_role,
        registered: before.map_or(now, |node| node.registered),
        last_ping: now,
        left: false,
        own_tags: request.tags.keys().cloned().collect(),
    }
}

fn check_registration(request: &Register) -> Result<(), CallRefusal> {
    let bad = |why: &str| Err(CallRefusal::new(StatusCode::BAD_REQUEST, why));
    let length = request.name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX || request.name.chars().any(char::is_control) {
        return bad("name must have 1 to 256 characters, none of them a control character");
    }
    if request.tags.len() > TAGS_MAX {
        return bad("a node has at most 50 tags");
    }
    let is_bad = |(key, value): (&String, &String)| {
        let lower = key.to_lowercase();
        key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || lower.starts_with("aws:")
    };
    if request.tags.iter().any(is_bad) {
        return bad(
            "a tag has a key of 1 to 128 characters without aws: in front, and a value of at most 256",
        );
    }
    Ok(())
}

fn platform(text: &str) -> String {
    match text {
        "Windows" | "MacOS" => text.to_owned(),
        _ => "Linux".to_owned(),
    }
}

fn new_token() -> Result<String, Fault> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::new(format!("could not draw randomness: {error}")))?;
    Ok(hex(&bytes))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallRefusal> {
    serde_json::from_slice(body).map_err(|error| {
        CallRefusal::new(StatusCode::BAD_REQUEST, format!("the call can't be read: {error}"))
    })
}

fn write(answer: &impl Serialize) -> Called {
    serde_json::to_vec(answer)
        .map_err(|error| Fault::new(format!("could not write an answer: {error}")).into())
}
