//! Run Command with many nodes.
#![expect(clippy::unwrap_used, reason = "a test that can't go on is a test that fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

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
