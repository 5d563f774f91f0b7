//! ListCommands, ListCommandInvocations.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_api::Caller;
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{Client, List, OURS, SSM, key_value, text};
use crate::tape::{Tape, random};

const NODES: usize = 4;
const DOCUMENTS: [&str; 2] = ["AWS-RunShellScript", "AWS-RunPowerShellScript"];
/// How an invocation stands: its `Status`.
const ENDS: [&str; 5] = ["Success", "Failed", "Pending", "InProgress", "Cancelled"];

struct Nodes {
    client: Client,
    /// Id and token, by id.
    nodes: Vec<(String, String)>,
}

/// A command as the model knows it.
struct Command {
    sent: Timestamp,
    id: String,
    document: &'static str,
    /// By node, how its invocation stands.
    invocations: BTreeMap<String, &'static str>,
    /// What it says of itself.
    status: String,
}

impl Nodes {
    async fn register(client: &Client) -> Self {
        let mut all = Self { client: client.clone(), nodes: Vec::new() };
        for number in 0..NODES {
            let body = json!({ "name": format!("node-{number}"), "platformType": "Linux" });
            let node = all.call("register", None, body).await;
            all.nodes.push((text(&node, "id"), text(&node, "token")));
        }
        all.nodes.sort();
        all
    }

    async fn call(&self, call: &str, token: Option<&str>, body: Value) -> Value {
        let caller = Caller::new(OURS, "us-east-1");
        let body = body.to_string();
        let answer = self.client.0.node_call(&caller, call, token, body.as_bytes()).await;
        assert!(answer.status().is_success(), "{call}: {:?}", answer.body());
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// Sends a command to some nodes, and lets each stand as the tape says.
    async fn send(&self, tape: &mut Tape, sent: Timestamp) -> Command {
        let document = tape.one(&DOCUMENTS);
        let nodes = tape.some(&self.nodes, NODES);
        let ids: Vec<&str> = nodes.iter().map(|(id, _)| id.as_str()).collect();
        let request = json!({
            "DocumentName": document, "InstanceIds": ids,
            "Parameters": { "commands": ["true"] }, "MaxErrors": "50",
        });
        let made = self.client.done("SendCommand", request).await;
        let id = text(&made["Command"], "CommandId");
        let mut invocations = BTreeMap::new();
        for (node, token) in &nodes {
            let end = tape.one(&ENDS);
            if end != "Pending" {
                let body = json!({ "id": node, "commandId": id });
                self.call("acknowledge", Some(token), body).await;
            }
            if !matches!(end, "Pending" | "InProgress") {
                let report = json!({ "status": end, "plugins": [] });
                let body = json!({ "id": node, "commandId": id, "report": report });
                self.call("report", Some(token), body).await;
            }
            invocations.insert(node.clone(), end);
        }
        let is_running = |end: &&str| matches!(*end, "Pending" | "InProgress");
        let status = match invocations.values().filter(|end| is_running(end)).count() {
            0 => ["Success", "Failed", "Cancelled"].to_vec(),
            _ => ["Pending", "InProgress"].to_vec(),
        };
        let listed = self.client.done("ListCommands", json!({ "CommandId": id })).await;
        let shown = text(&listed["Commands"][0], "Status");
        assert!(status.contains(&shown.as_str()), "{shown} of {invocations:?}");
        Command { sent, id, document, invocations, status: shown }
    }
}

/// What a request asks for.
#[derive(Default)]
struct Asked {
    filters: Vec<(String, String)>,
    node: Option<String>,
    command: Option<String>,
}

fn moment(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

impl Asked {
    fn random(tape: &mut Tape, all: &[Command], nodes: &Nodes, keys: &[&str]) -> Self {
        let filters = tape.keys(keys).into_iter().map(|key| {
            let value = match key {
                "DocumentName" => tape.one(&[DOCUMENTS[0], DOCUMENTS[1], "Nothing"]).to_owned(),
                "Status" => tape.one(&[&ENDS[..], &["TimedOut"]].concat()).to_owned(),
                "ExecutionStage" => tape.one(&["Executing", "Complete"]).to_owned(),
                _ => {
                    let beside = [-1, 0, 0, 0, 1];
                    let at = all[tape.below(all.len())].sent.as_millis() + tape.one(&beside);
                    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
                }
            };
            (key.to_owned(), value)
        });
        Self {
            filters: filters.collect(),
            node: tape.chance(30).then(|| tape.one(&nodes.nodes).0),
            command: tape.chance(10).then(|| all[tape.below(all.len())].id.clone()),
        }
    }

    fn request(&self) -> Value {
        let mut request = json!({});
        if !self.filters.is_empty() {
            request["Filters"] = key_value(&self.filters);
        }
        for (member, value) in [("InstanceId", &self.node), ("CommandId", &self.command)] {
            if let Some(value) = value {
                request[member] = json!(value);
            }
        }
        request
    }

    /// Whether a command fits, whatever is asked of its invocations.
    fn takes(&self, command: &Command) -> bool {
        self.command.as_ref().is_none_or(|id| *id == command.id)
            && self.node.as_ref().is_none_or(|node| command.invocations.contains_key(node))
            && self.filters.iter().all(|(key, value)| match key.as_str() {
                "InvokedAfter" => command.sent > moment(value),
                "InvokedBefore" => command.sent < moment(value),
                "DocumentName" => command.document == value,
                _ => true,
            })
    }

    fn takes_command(&self, command: &Command) -> bool {
        let is_running = matches!(command.status.as_str(), "Pending" | "InProgress");
        self.takes(command)
            && self.filters.iter().all(|(key, value)| match key.as_str() {
                "Status" => command.status == *value,
                "ExecutionStage" => is_running == (value == "Executing"),
                _ => true,
            })
    }

    fn takes_invocation(&self, (node, end): (&String, &&'static str)) -> bool {
        self.node.as_ref().is_none_or(|wanted| wanted == node)
            && self.filters.iter().all(|(key, value)| key != "Status" || value == end)
    }
}

async fn filled(tape: &mut Tape) -> (House, Nodes, Vec<Command>) {
    let house = House::open(Clock::Manual, BTreeMap::new()).await;
    let nodes = Nodes::register(&Client(house.client.0.clone())).await;
    let mut all = Vec::new();
    for _ in 0..1 + tape.below(14) {
        house.engine.advance(i64::try_from(tape.below(3)).unwrap());
        all.push(nodes.send(tape, house.engine.now()).await);
    }
    all.sort_by_cached_key(|one| {
        let arn = format!("arn:aws:ssm:us-east-1:{OURS}:command/{}", one.id);
        (Reverse(one.sent), ExecutionId::of(&arn))
    });
    (house, nodes, all)
}

fn list(nodes: &Nodes, operation: &'static str, member: &'static str) -> List {
    List {
        client: nodes.client.clone(),
        words: SSM,
        operation,
        member,
        default: 50,
        id: |row| text(row, "CommandId"),
        other: json!({ "Filters": [{ "key": "DocumentName", "value": "other" }] }),
    }
}

#[test]
fn commands_are_those_that_a_naive_model_lists() {
    random(20, async |tape| {
        let (house, nodes, all) = filled(tape).await;
        let list = list(&nodes, "ListCommands", "Commands");
        let keys = ["Status", "ExecutionStage", "DocumentName", "InvokedAfter", "InvokedBefore"];
        for _ in 0..16 {
            let asked = Asked::random(tape, &all, &nodes, &keys);
            let wanted = all.iter().filter(|one| asked.takes_command(one));
            let expected: Vec<String> = wanted.map(|one| one.id.clone()).collect();
            list.holds(&asked.request(), tape.size(1, 50), &expected).await;
        }
        let garbage = json!({ "CommandId": all[0].id, "NextToken": "garbage" });
        list.is_refused(OURS, &garbage, Some("InvalidNextToken")).await;
        let expected: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        let size = tape.size(1, 50);
        list.holds_while(&json!({}), size, &expected, async || {
            house.engine.advance(1);
            nodes.send(tape, house.engine.now()).await;
        })
        .await;
    });
}

#[test]
fn invocations_are_those_that_a_naive_model_lists() {
    random(20, async |tape| {
        let (house, nodes, all) = filled(tape).await;
        let mut list = list(&nodes, "ListCommandInvocations", "CommandInvocations");
        list.id = |row| format!("{} {}", text(row, "CommandId"), text(row, "InstanceId"));
        let keys = ["Status", "DocumentName", "InvokedAfter", "InvokedBefore"];
        let expected = |asked: &Asked| -> Vec<String> {
            let of = |one: &Command| -> Vec<String> {
                let wanted = one.invocations.iter().filter(|each| asked.takes_invocation(*each));
                wanted.map(|(node, _)| format!("{} {node}", one.id)).collect()
            };
            all.iter().filter(|one| asked.takes(one)).flat_map(of).collect()
        };
        for _ in 0..16 {
            let asked = Asked::random(tape, &all, &nodes, &keys);
            let mut request = asked.request();
            if tape.chance(30) {
                request["Details"] = json!(true);
            }
            list.holds(&request, tape.size(1, 50), &expected(&asked)).await;
        }
        let (asked, size) = (Asked::default(), tape.size(1, 50));
        list.holds_while(&json!({}), size, &expected(&asked), async || {
            house.engine.advance(1);
            nodes.send(tape, house.engine.now()).await;
        })
        .await;
    });
}
