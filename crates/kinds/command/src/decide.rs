//! What a command decides on each input.

use trackway_core::fanout::{Fanout, Quantity};
use trackway_core::{Command, EffectId, Input, Outcome, Payload, Start, TimerId, Turn};

use crate::event::{Event, EventKind, Why};
use crate::report::{NodeReport, Report};
use crate::request::{
    AWS_QUEUE, AwsCall, Errand, TARGETS_QUEUE, TargetsCall, node_queue, place_of,
};
use crate::signal::{Refusal, Signal};
use crate::state::CommandRun;
use crate::status::{Details, InvocationStatus};

type Doing<'t, 'e> = &'t mut Turn<'e, CommandRun>;

/// The lookup of the targets.
const TARGETS: EffectId = EffectId(0);

/// A node's run of the command.
fn run_effect(place: u32) -> EffectId {
    EffectId(1 + 2 * place)
}

/// The word to a node that it is to stop.
fn cancel_effect(place: u32) -> EffectId {
    EffectId(2 + 2 * place)
}

/// By when the node must have received it.
fn delivery_timer(place: u32) -> TimerId {
    TimerId(2 * place)
}

/// By when it must have reported.
fn execution_timer(place: u32) -> TimerId {
    TimerId(1 + 2 * place)
}

pub(crate) fn handle(
    command: &mut CommandRun,
    input: Input<Signal>,
    turn: Doing<'_, '_>,
) -> Result<(), Refusal> {
    match input {
        Input::Start(start) => accept(command, start, turn),
        Input::Signal(_) if !command.is_running() => return Err(Refusal::NotRunning),
        Input::Signal(signal) => heed(command, signal, turn)?,
        _ if !command.is_running() => {}
        Input::Finished { effect: TARGETS, outcome } => resolved(command, outcome, turn),
        Input::Finished { effect, outcome } => uploaded(command, effect, &outcome, turn),
        Input::Fired(timer) => time_out(command, timer, turn),
    }
    if command.is_running() {
        proceed(command, turn);
    }
    Ok(())
}

fn accept(command: &mut CommandRun, start: Start, turn: Doing<'_, '_>) {
    let (region, account) = place_of(&start.arn);
    let kind = EventKind::Accepted { account: account.to_owned(), region: region.to_owned() };
    turn.emit(command, Event::with(kind, start.input));
    let request = command.request().clone();
    if request.targets.is_empty() {
        know_nodes(command, request.instance_ids, turn);
        return;
    }
    let call = TargetsCall { targets: request.targets, purpose: "Command".to_owned() };
    let text = serde_json::to_string(&call).unwrap_or_default();
    let queue = TARGETS_QUEUE.to_owned();
    turn.command(Command::Run { effect: TARGETS, queue, request: Payload::new(text) });
}

fn know_nodes(command: &mut CommandRun, ids: Vec<String>, turn: Doing<'_, '_>) {
    let mut seen = std::collections::BTreeSet::new();
    let ids: Vec<String> = ids.into_iter().filter(|id| seen.insert(id.clone())).collect();
    let text = serde_json::to_string(&ids).unwrap_or_default();
    turn.emit(command, Event::with(EventKind::Resolved, Payload::new(text)));
}

fn resolved(command: &mut CommandRun, outcome: Outcome, turn: Doing<'_, '_>) {
    if command.fanout.is_some() {
        return;
    }
    let ids = match outcome {
        Outcome::Succeeded(text) => serde_json::from_str::<Vec<String>>(&text)
            .map_err(|error| ("InvalidTarget".to_owned(), error.to_string())),
        Outcome::Failed { error, cause } => Err((error, cause)),
        Outcome::Closed { .. } => Err(("InvalidTarget".to_owned(), String::new())),
    };
    match ids {
        Ok(ids) => know_nodes(command, ids, turn),
        Err((error, cause)) => {
            turn.emit(command, EventKind::NotResolved { error, cause }.into());
            close(command, Details::InvalidTarget, turn);
        }
    }
}

fn heed(command: &mut CommandRun, signal: Signal, turn: Doing<'_, '_>) -> Result<(), Refusal> {
    match signal {
        Signal::Delivered { node } => {
            let place = command.place(&node).ok_or(Refusal::NoSuchNode)?;
            delivered(command, place, turn)?;
        }
        Signal::Reported { node, report } => {
            let place = command.place(&node).ok_or(Refusal::NoSuchNode)?;
            reported(command, place, *report, turn);
        }
        Signal::CancelHeard { node } => {
            let place = command.place(&node).ok_or(Refusal::NoSuchNode)?;
            let known = command.node(place);
            let awaits = |status| status == InvocationStatus::Cancelling;
            if known.is_some_and(|node| awaits(node.status) && !node.cancel_heard) {
                turn.emit(command, EventKind::CancelHeard { node: place }.into());
                turn.command(Command::Cancel(cancel_effect(place)));
            }
        }
        Signal::Cancel { nodes: None } => cancel_all(command, turn),
        Signal::Cancel { nodes: Some(nodes) } => {
            let places: Vec<u32> = nodes.iter().filter_map(|node| command.place(node)).collect();
            places.into_iter().for_each(|place| cancel(command, place, turn));
        }
        Signal::NodeGone { node } => {
            let place = command.place(&node).ok_or(Refusal::NoSuchNode)?;
            let status = match command.node(place).and_then(|node| node.delivered) {
                Some(_) => InvocationStatus::Failed,
                None => InvocationStatus::Undeliverable,
            };
            end(command, place, status, turn);
        }
    }
    Ok(())
}

fn delivered(command: &mut CommandRun, place: u32, turn: Doing<'_, '_>) -> Result<(), Refusal> {
    let Some(node) = command.node(place) else { return Err(Refusal::NoSuchNode) };
    if node.status.is_final() {
        return Err(Refusal::InvocationEnded);
    }
    if place >= command.dispatched() {
        // A node that was not sent to can't have received it.
        return Err(Refusal::NoSuchNode);
    }
    if node.delivered.is_some() {
        return Ok(());
    }
    turn.emit(command, EventKind::Delivered { node: place }.into());
    turn.command(Command::Hold(run_effect(place)));
    turn.command(Command::Disarm(delivery_timer(place)));
    let request = command.request();
    // A node that finishes in time has as long to say so as it had to hear of it.
    let seconds = request.execution_timeout_seconds.saturating_add(request.timeout_seconds);
    let at = turn.now().plus_seconds(seconds);
    turn.command(Command::Wake { timer: execution_timer(place), at });
    Ok(())
}

fn reported(command: &mut CommandRun, place: u32, mut report: NodeReport, turn: Doing<'_, '_>) {
    let known = command.node(place);
    if known.is_none_or(|node| node.status.is_final()) || place >= command.dispatched() {
        return;
    }
    report.truncate();
    let (status, response_code) = (report.invocation_status(), report.response_code);
    let text = serde_json::to_string(&report.plugins).unwrap_or_default();
    let kind = EventKind::Reported { node: place, status, response_code };
    turn.emit(command, Event::with(kind, Payload::new(text)));
    forget(place, turn);
    upload(command, place, &report, turn);
}

/// The number that effects of uploads begin with; nodes' stay below.
const UPLOADS: u32 = 1 << 31;

/// Puts what a node wrote into the command's bucket. The command ends when that has.
fn upload(command: &mut CommandRun, place: u32, report: &NodeReport, turn: Doing<'_, '_>) {
    let request = command.request();
    let Some(node) = command.node(place).filter(|_| !request.output_s3_bucket_name.is_empty())
    else {
        return;
    };
    let mut calls = Vec::new();
    for plugin in &report.plugins {
        let key = request.output_key(&node.id, &plugin.plugin, &plugin.name);
        for (file, text) in [("stdout", &plugin.stdout), ("stderr", &plugin.stderr)] {
            if text.is_empty() {
                continue;
            }
            let mut input = serde_json::Map::new();
            input.insert("Bucket".to_owned(), request.output_s3_bucket_name.clone().into());
            input.insert("Key".to_owned(), format!("{key}/{file}").into());
            input.insert("Body".to_owned(), text.clone().into());
            calls.push(AwsCall {
                service: "s3".to_owned(),
                operation: "PutObject".to_owned(),
                input,
                region: Some(request.output_s3_region.clone()).filter(|region| !region.is_empty()),
                scope: scope_of(&command.arn),
            });
        }
    }
    if calls.is_empty() {
        return;
    }
    let first = command.uploads_asked;
    turn.emit(command, EventKind::UploadsAsked { count: calls.len() as u32 }.into());
    for (number, call) in (first..).zip(calls) {
        let request = Payload::new(serde_json::to_string(&call).unwrap_or_default());
        let effect = EffectId(UPLOADS.saturating_add(number));
        turn.command(Command::Run { effect, queue: AWS_QUEUE.to_owned(), request });
    }
}

/// `ACCOUNT/REGION` of an ARN.
fn scope_of(arn: &str) -> Option<String> {
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next()?, parts.next()?);
    Some(format!("{account}/{region}"))
}

fn uploaded(command: &mut CommandRun, effect: EffectId, outcome: &Outcome, turn: Doing<'_, '_>) {
    let Some(number) = effect.0.checked_sub(UPLOADS) else { return };
    if !command.uploads.contains(&number) {
        return;
    }
    let error = match outcome {
        Outcome::Failed { error, cause } => Some(format!("{error}: {cause}")),
        Outcome::Succeeded(_) | Outcome::Closed { .. } => None,
    };
    turn.emit(command, EventKind::Uploaded { number, error }.into());
}

fn cancel_all(command: &mut CommandRun, turn: Doing<'_, '_>) {
    if command.cancel_asked {
        return;
    }
    turn.emit(command, EventKind::CancelAsked.into());
    if command.fanout.is_none() {
        turn.command(Command::Cancel(TARGETS));
        close(command, Details::Cancelled, turn);
        return;
    }
    if !command.is_stopped {
        turn.emit(command, EventKind::Stopped { why: Why::Cancelled }.into());
    }
    (0..command.dispatched()).for_each(|place| cancel(command, place, turn));
}

/// A node that doesn't have it won't get it; one that has it is told to stop.
fn cancel(command: &mut CommandRun, place: u32, turn: Doing<'_, '_>) {
    let Some(node) = command.node(place) else { return };
    match node.status {
        InvocationStatus::Pending => end(command, place, InvocationStatus::Cancelled, turn),
        InvocationStatus::InProgress => {
            let errand = Errand::Cancel { arn: command.arn.clone() };
            let queue = node_queue(&command.account, &command.region, &node.id);
            turn.emit(command, EventKind::CancelSent { node: place }.into());
            run(cancel_effect(place), queue, &errand, turn);
        }
        _ => {}
    }
}

fn run(effect: EffectId, queue: String, errand: &Errand, turn: Doing<'_, '_>) {
    let request = Payload::new(serde_json::to_string(errand).unwrap_or_default());
    turn.command(Command::Run { effect, queue, request });
}

fn end(command: &mut CommandRun, place: u32, status: InvocationStatus, turn: Doing<'_, '_>) {
    if command.node(place).is_some_and(|node| !node.status.is_final()) {
        turn.emit(command, EventKind::Ended { node: place, status }.into());
        if place < command.dispatched() {
            forget(place, turn);
        }
    }
}

/// Nothing of this node is awaited any more.
fn forget(place: u32, turn: Doing<'_, '_>) {
    turn.command(Command::Cancel(run_effect(place)));
    turn.command(Command::Cancel(cancel_effect(place)));
    turn.command(Command::Disarm(delivery_timer(place)));
    turn.command(Command::Disarm(execution_timer(place)));
}

fn time_out(command: &mut CommandRun, timer: TimerId, turn: Doing<'_, '_>) {
    let place = timer.0 / 2;
    let Some(node) = command.node(place) else { return };
    let is_delivery = timer == delivery_timer(place);
    if is_delivery && node.delivered.is_none() {
        end(command, place, InvocationStatus::DeliveryTimedOut, turn);
    } else if !is_delivery && node.delivered.is_some() {
        end(command, place, InvocationStatus::ExecutionTimedOut, turn);
    }
}

/// Sends to as many nodes as may run, or ends.
fn proceed(command: &mut CommandRun, turn: Doing<'_, '_>) {
    loop {
        let Some(fanout) = &command.fanout else { return };
        if fanout.exceeded() && !command.is_stopped {
            turn.emit(command, EventKind::Stopped { why: Why::TooManyErrors }.into());
            continue;
        }
        let count = fanout.may_start();
        if count == 0 {
            break;
        }
        dispatch(command, count, turn);
    }
    let is_over = command.fanout.as_ref().is_some_and(Fanout::is_over);
    if is_over && command.uploads.is_empty() {
        let details = outcome(command);
        close(command, details, turn);
    }
}

fn dispatch(command: &mut CommandRun, count: u32, turn: Doing<'_, '_>) {
    let first = command.dispatched();
    turn.emit(command, EventKind::Dispatched { count }.into());
    let at = turn.now().plus_seconds(command.request().timeout_seconds);
    let errand = Errand::Run { arn: command.arn.clone() };
    let request = Payload::new(serde_json::to_string(&errand).unwrap_or_default());
    for place in first..command.dispatched() {
        let Some(node) = command.node(place).filter(|node| !node.status.is_final()) else {
            continue;
        };
        let queue = node_queue(&command.account, &command.region, &node.id);
        let (effect, request) = (run_effect(place), request.clone());
        turn.command(Command::Run { effect, queue, request });
        turn.command(Command::Wake { timer: delivery_timer(place), at });
    }
}

/// How the command ended, by how its invocations did. Source: "Understanding command statuses" of
/// the user guide.
fn outcome(command: &CommandRun) -> Details {
    let tally = command.tally();
    let count = command.len() as u32;
    let limit = command.request().max_errors.parse().map_or(0, |errors: Quantity| errors.of(count));
    if count == 0 {
        return if command.request().targets.is_empty() {
            Details::Success
        } else {
            Details::NoInstancesInTag
        };
    }
    if command.cancel_asked && tally.cancelled > 0 || tally.cancelled == count {
        return Details::Cancelled;
    }
    if tally.errors > limit || tally.void == count {
        return Details::Failed;
    }
    if tally.delivery_timed_out > limit {
        return Details::DeliveryTimedOut;
    }
    if tally.success + tally.void == count { Details::Success } else { Details::Incomplete }
}

fn close(command: &mut CommandRun, details: Details, turn: Doing<'_, '_>) {
    turn.emit(command, EventKind::Closed { details }.into());
    turn.command(Command::Close { report: Report::of(command).encode() });
}
