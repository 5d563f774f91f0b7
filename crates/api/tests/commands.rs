//! Run Command's lists, held against a naive model: random commands, random filters, random pages.
#![expect(clippy::unwrap_used, reason = "a test that can't go on is a test that fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use trackway_api::{Api, Caller, Local, ssm};
use trackway_command::CommandRun;
use trackway_engine::{Clock, Engine};
use trackway_store::Memory;

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
const NODES: usize = 3;

/// A service with nodes that are driven by hand.
struct House {
    engine: Engine,
    api: Api,
    local: Local,
    nodes: Vec<(String, String)>,
}

/// A command as the model knows it.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    document: &'static str,
    /// Node, `StatusDetails`.
    invocations: BTreeMap<String, &'static str>,
}

impl House {
    async fn open() -> Self {
        let targets = ssm::Targets::default();
        let engine = Engine::builder()
            .kind::<CommandRun>(ssm::COMMAND_KIND, "command")
            .performer("targets", Arc::new(targets.clone()))
            .polled("node")
            .clock(Clock::Manual)
            .open(Arc::new(Memory::new()))
            .await
            .unwrap();
        let api = Api::new(engine.clone(), BTreeMap::new());
        let local = Local::default();
        local.serve(&api);
        targets.serve(&api);
        let mut house = Self { engine, api, local, nodes: Vec::new() };
        for number in 0..NODES {
            let body = json!({"name": format!("node-{number}"), "platformType": "Linux"});
            let node = house.node_call("register", None, body).await;
            let text = |name: &str| node[name].as_str().unwrap().to_owned();
            house.nodes.push((text("id"), text("token")));
        }
        house
    }

    async fn node_call(&self, call: &str, token: Option<&str>, body: Value) -> Value {
        let caller = Caller::new(ACCOUNT, REGION);
        let answer = self.api.node_call(&caller, call, token, body.to_string().as_bytes()).await;
        assert!(answer.status().is_success(), "{call}: {:?}", answer.body());
        serde_json::from_slice(answer.body()).unwrap()
    }

    async fn call(&self, operation: &str, input: Value) -> Value {
        let operation = ("ssm", operation);
        self.local.call(operation, (ACCOUNT, REGION), &input).await.unwrap()
    }

    /// Sends a command and lets its nodes end as it is told.
    async fn send(&self, plan: &Plan) -> Known {
        self.engine.advance(1000);
        let ids: Vec<&str> = (0..=plan.last_node).map(|n| self.nodes[n].0.as_str()).collect();
        let input = json!({
            "DocumentName": plan.document,
            "InstanceIds": ids,
            "Parameters": {"commands": ["true"]},
            "MaxErrors": "50",
        });
        let sent = self.call("SendCommand", input).await;
        let id = sent["Command"]["CommandId"].as_str().unwrap().to_owned();
        let mut invocations = BTreeMap::new();
        for (number, end) in plan.ends.iter().enumerate().take(plan.last_node + 1) {
            let (node, token) = &self.nodes[number];
            let body = |more: Value| {
                let mut body = json!({"id": node, "commandId": id});
                body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                body
            };
            if *end != "Pending" {
                self.node_call("acknowledge", Some(token), body(json!({}))).await;
            }
            if !matches!(*end, "Pending" | "InProgress") {
                let report = json!({"report": {"status": end, "plugins": []}});
                self.node_call("report", Some(token), body(report)).await;
            }
            invocations.insert(node.clone(), *end);
        }
        Known { id, document: plan.document, invocations }
    }

    /// All pages of a list, by the given size.
    async fn pages(
        &self,
        operation: &str,
        member: &str,
        mut input: Value,
        size: usize,
    ) -> Vec<Value> {
        input["MaxResults"] = size.into();
        let mut all = Vec::new();
        loop {
            let page = self.call(operation, input.clone()).await;
            let items = page[member].as_array().unwrap();
            assert!(items.len() <= size);
            all.extend(items.iter().cloned());
            match page.get("NextToken") {
                Some(token) => {
                    assert_eq!(items.len(), size, "only a full page has a next one");
                    input["NextToken"] = token.clone();
                }
                None => return all,
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Plan {
    document: &'static str,
    last_node: usize,
    ends: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Ask {
    filters: Vec<(&'static str, &'static str)>,
    /// Of the command of this number: those after it.
    after: Option<usize>,
    before: Option<usize>,
    node: Option<usize>,
    command: Option<usize>,
    size: usize,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let end = prop::sample::select(vec!["Success", "Failed", "Pending", "InProgress", "Cancelled"]);
    let document = prop::sample::select(vec!["AWS-RunShellScript", "AWS-RunPowerShellScript"]);
    let plan = (document, 0..NODES, prop::collection::vec(end, NODES))
        .prop_map(|(document, last_node, ends)| Plan { document, last_node, ends });
    prop::collection::vec(plan, 1..14)
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let filter = prop::sample::select(vec![
        ("Status", "Success"),
        ("Status", "Failed"),
        ("Status", "Pending"),
        ("Status", "InProgress"),
        ("Status", "Cancelled"),
        ("Status", "TimedOut"),
        ("ExecutionStage", "Executing"),
        ("ExecutionStage", "Complete"),
        ("DocumentName", "AWS-RunShellScript"),
        ("DocumentName", "Nothing"),
    ]);
    let some = |most: usize| prop::option::weighted(0.3, 0..most);
    let ask = (
        prop::collection::vec(filter, 0..3),
        some(14),
        some(14),
        some(NODES),
        prop::option::weighted(0.1, 0..14_usize),
        1..6_usize,
    );
    let ask = ask.prop_map(|(filters, after, before, node, command, size)| Ask {
        filters,
        after,
        before,
        node,
        command,
        size,
    });
    prop::collection::vec(ask, 1..20)
}

/// What a command shows of itself, and when it was sent.
struct Shown {
    status: String,
    at: String,
}

/// Whether a command meets the filters that hold of commands as a whole.
fn holds(
    known: &Known,
    shown: &Shown,
    all: &[(Known, Shown)],
    ask: &Ask,
    of_commands: bool,
) -> bool {
    let at_of = |number: usize| all.get(number).map(|(_, shown)| shown.at.clone());
    let after = ask.after.and_then(at_of);
    let before = ask.before.and_then(at_of);
    after.is_none_or(|after| shown.at > after)
        && before.is_none_or(|before| shown.at < before)
        && ask.node.is_none_or(|node| node < known.invocations.len())
        && ask.filters.iter().all(|(key, value)| match *key {
            "DocumentName" => known.document == *value,
            "Status" if of_commands => shown.status == *value,
            "ExecutionStage" => {
                let is_over = ["Success", "Failed", "Cancelled", "TimedOut"];
                is_over.contains(&shown.status.as_str()) == (*value == "Complete")
            }
            _ => true,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_what_a_naive_model_says(plans in plans(), asks in asks()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let house = House::open().await;
            let mut all: Vec<(Known, Shown)> = Vec::new();
            for plan in &plans {
                let known = house.send(plan).await;
                let found = house.call("ListCommands", json!({"CommandId": known.id})).await;
                let command = &found["Commands"][0];
                let text = |name: &str| command[name].as_str().unwrap().to_owned();
                let shown = Shown { status: text("Status"), at: text("RequestedDateTime") };
                all.push((known, shown));
            }
            for ask in &asks {
                check(&house, &all, ask).await;
            }
        });
    }
}

/// Nodes of the test of many; `TRACKWAY_TEST_NODES` asks for more.
const MANY: usize = 1000;

#[test]
fn a_command_for_many_nodes_is_counted_and_paged() {
    let many = std::env::var("TRACKWAY_TEST_NODES").ok().and_then(|many| many.parse().ok());
    let many: usize = many.unwrap_or(MANY);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let mut house = House::open().await;
        for number in NODES..many {
            let body = json!({"name": format!("node-{number}"), "tags": {"Env": "many"}});
            let node = house.node_call("register", None, body).await;
            let text = |name: &str| node[name].as_str().unwrap().to_owned();
            house.nodes.push((text("id"), text("token")));
        }
        let began = std::time::Instant::now();
        let list = "InstanceInformationList";
        let described = house.pages("DescribeInstanceInformation", list, json!({}), 50).await;
        assert_eq!(described.len(), many);
        let pages = began.elapsed() / (many / 50).max(1) as u32;
        let began = std::time::Instant::now();
        let input = json!({
            "DocumentName": "AWS-RunShellScript",
            "Parameters": {"commands": ["true"]},
            "Targets": [{"Key": "tag:Env", "Values": ["many"]}],
            "MaxConcurrency": "100%",
        });
        let sent = house.call("SendCommand", input).await;
        let id = sent["Command"]["CommandId"].as_str().unwrap().to_owned();
        let record = trackway_core::ExecutionId::of(&format!("arn:aws:ssm:{REGION}:{ACCOUNT}:command/{id}"));
        let resolved = async || house.engine.inspect::<CommandRun, usize>(record, CommandRun::len).await;
        while resolved().await.unwrap().unwrap_or_default() != many - NODES {
            tokio::task::yield_now().await;
        }
        let resolving = began.elapsed();
        let began = std::time::Instant::now();
        for (node, token) in &house.nodes[NODES..] {
            let report = json!({"id": node, "commandId": id, "report": {"status": "Success"}});
            house.node_call("report", Some(token), report).await;
        }
        let reports = began.elapsed() / many as u32;
        let found = house.call("ListCommands", json!({"CommandId": id})).await;
        let command = &found["Commands"][0];
        assert_eq!((&command["Status"], &command["CompletedCount"]), (&json!("Success"), &json!(many - NODES)));
        let input = json!({"CommandId": id, "Filters": [{"key": "Status", "value": "Success"}]});
        let began = std::time::Instant::now();
        let all = house.pages("ListCommandInvocations", "CommandInvocations", input, 50).await;
        assert_eq!(all.len(), many - NODES);
        println!(
            "{many} nodes: a page of nodes {pages:?}, resolved and sent in {resolving:?}, a report {reports:?}, a page of invocations {:?}",
            began.elapsed() / (many / 50).max(1) as u32
        );
    });
}

async fn check(house: &House, all: &[(Known, Shown)], ask: &Ask) {
    let mut input = json!({});
    if let Some(node) = ask.node {
        input["InstanceId"] = house.nodes[node].0.as_str().into();
    }
    let mut filters: Vec<Value> =
        ask.filters.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    for (key, number) in [("InvokedAfter", ask.after), ("InvokedBefore", ask.before)] {
        if let Some((_, shown)) = number.and_then(|number| all.get(number)) {
            filters.push(json!({"key": key, "value": shown.at}));
        }
    }
    if !filters.is_empty() {
        input["Filters"] = filters.clone().into();
    }
    let of_id = ask.command.and_then(|number| all.get(number)).map(|(known, _)| known.id.clone());
    if let Some(id) = &of_id {
        input["CommandId"] = id.as_str().into();
    }
    let asked = |known: &Known| of_id.as_ref().is_none_or(|id| *id == known.id);

    let listed = house.pages("ListCommands", "Commands", input.clone(), ask.size).await;
    let listed: Vec<&str> = listed.iter().map(|one| one["CommandId"].as_str().unwrap()).collect();
    let expected: Vec<&str> = all
        .iter()
        .rev()
        .filter(|(known, shown)| asked(known) && holds(known, shown, all, ask, true))
        .map(|(known, _)| known.id.as_str())
        .collect();
    assert_eq!(listed, expected, "commands of {ask:?}");

    if ask.filters.iter().any(|(key, _)| *key == "ExecutionStage") {
        return;
    }
    let member = "CommandInvocations";
    let listed = house.pages("ListCommandInvocations", member, input, ask.size).await;
    let listed: Vec<(&str, &str)> = listed
        .iter()
        .map(|one| (one["CommandId"].as_str().unwrap(), one["InstanceId"].as_str().unwrap()))
        .collect();
    let mut expected = Vec::new();
    for (known, shown) in all.iter().rev() {
        if !asked(known) || !holds(known, shown, all, ask, false) {
            continue;
        }
        for (node, end) in &known.invocations {
            let is_node = ask.node.is_none_or(|number| house.nodes[number].0 == *node);
            let has_status =
                ask.filters.iter().all(|(key, value)| *key != "Status" || value == end);
            if is_node && has_status {
                expected.push((known.id.as_str(), node.as_str()));
            }
        }
    }
    assert_eq!(listed, expected, "invocations of {ask:?}");
}
