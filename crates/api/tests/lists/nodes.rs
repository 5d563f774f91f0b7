//! DescribeInstanceInformation in both forms, DescribeActivations.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_api::Caller;
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{Client, List, OURS, SSM, key_values, text, texts};
use crate::tape::{Tape, random};

struct Node {
    id: String,
    agent: &'static str,
    platform: &'static str,
    activation: Option<(String, &'static str)>,
    role: Option<&'static str>,
    tags: BTreeMap<&'static str, &'static str>,
    is_online: bool,
}

struct Activation {
    id: String,
    code: String,
    name: &'static str,
    role: &'static str,
}

const AGENTS: [&str; 3] = ["3.1.0", "3.1.12", "4.0.0"];
const ROLES: [&str; 3] = ["role-a", "role-b", "service-role/role-a"];

impl Activation {
    async fn create(client: &Client, tape: &mut Tape) -> Self {
        let (name, role) = (tape.one(&["", "web", "web-1"]), tape.one(&ROLES));
        let mut request = json!({ "IamRole": role, "RegistrationLimit": 1000 });
        if !name.is_empty() {
            request["DefaultInstanceName"] = json!(name);
        }
        let made = client.done("CreateActivation", request).await;
        let (id, code) = (text(&made, "ActivationId"), text(&made, "ActivationCode"));
        Self { id, code, name, role }
    }

    fn fits(&self, key: &str, values: &[String]) -> bool {
        let is = |text: &str| values.iter().any(|value| value == text);
        match key {
            "ActivationIds" => is(&self.id),
            "DefaultInstanceName" => is(self.name),
            _ => is(self.role),
        }
    }
}

impl Node {
    async fn register(
        client: &Client,
        tape: &mut Tape,
        name: &str,
        activations: &[Activation],
    ) -> Self {
        let (agent, platform) = (tape.one(&AGENTS), tape.one(&["Linux", "Windows", "MacOS"]));
        let used = (!activations.is_empty() && tape.chance(50))
            .then(|| &activations[tape.below(activations.len())]);
        let tags = tape.tags();
        let mut request = json!({
            "name": name, "platformType": platform, "platformName": "Test", "platformVersion": "1",
            "agentVersion": agent, "computerName": name, "ipAddress": "127.0.0.1", "tags": tags,
        });
        if let Some(activation) = used {
            request["activationId"] = json!(activation.id);
            request["activationCode"] = json!(activation.code);
        }
        let caller = Caller::new(OURS, "us-east-1");
        let answer =
            client.0.node_call(&caller, "register", None, request.to_string().as_bytes()).await;
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        let activation = used.map(|one| (one.id.clone(), one.role));
        let role = activation.as_ref().map(|(_, role)| *role);
        Self { id: text(&answer, "id"), agent, platform, activation, role, tags, is_online: true }
    }

    fn fits(&self, key: &str, values: &[String]) -> bool {
        let is = |text: &str| values.iter().any(|value| value == text);
        match key {
            "InstanceIds" | "SourceIds" => is(&self.id),
            "AgentVersion" => values.iter().any(|value| match value.strip_suffix('*') {
                Some(beginning) => self.agent.starts_with(beginning),
                None => self.agent == value,
            }),
            "PingStatus" => is(if self.is_online { "Online" } else { "ConnectionLost" }),
            "PlatformTypes" => is(self.platform),
            "ActivationIds" => self.activation.as_ref().is_some_and(|(id, _)| is(id)),
            "IamRole" => self.role.is_some_and(is),
            "ResourceType" => is("ManagedInstance"),
            "SourceTypes" => is("AWS::SSM::ManagedInstance"),
            "tag-key" => self.tags.keys().any(|key| is(key)),
            key => self.tags.get(key.strip_prefix("tag:").unwrap()).is_some_and(|tag| is(tag)),
        }
    }
}

const KEYS: [&str; 11] = [
    "InstanceIds",
    "SourceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "SourceTypes",
    "tag-key",
    "tag:env",
];

fn values(tape: &mut Tape, key: &str, nodes: &[Node], activations: &[Activation]) -> Vec<String> {
    let of_nodes = |nodes: &[Node]| -> Vec<String> {
        let nobody = "mi-00000000000000000".to_owned();
        nodes.iter().map(|node| node.id.clone()).chain([nobody]).collect()
    };
    let pool = match key {
        "InstanceIds" | "SourceIds" => of_nodes(nodes),
        "ActivationIds" => {
            let nothing = "00000000-0000-4000-8000-000000000000".to_owned();
            activations.iter().map(|one| one.id.clone()).chain([nothing]).collect()
        }
        "AgentVersion" => texts(&["3.1.0", "3.1.1*", "3*", "4.0.0", "5"]),
        "PingStatus" => texts(&["Online", "ConnectionLost", "Inactive"]),
        "PlatformTypes" => texts(&["Linux", "Windows", "MacOS"]),
        "ResourceType" => texts(&["ManagedInstance", "EC2Instance"]),
        "SourceTypes" => texts(&["AWS::SSM::ManagedInstance", "AWS::EC2::Instance"]),
        "DefaultInstanceName" => texts(&["web", "web-1", "other"]),
        "IamRole" => texts(&ROLES),
        "tag-key" => texts(&["env", "team", "none"]),
        _ => texts(&["x", "y", "z"]),
    };
    tape.some(&pool, 3)
}

#[test]
fn nodes_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let mut activations = Vec::new();
        for _ in 0..tape.below(3) {
            activations.push(Activation::create(&client, tape).await);
        }
        let mut all = Vec::new();
        let (lost, count) = (tape.below(8), 1 + tape.below(16));
        for number in 0..count {
            if number == lost {
                house.engine.advance(3_600_000);
                all.iter_mut().for_each(|node: &mut Node| node.is_online = false);
            }
            all.push(Node::register(&client, tape, &format!("n{number}"), &activations).await);
        }
        if tape.chance(50) {
            let gone = all.swap_remove(tape.below(all.len()));
            client.done("DeregisterManagedInstance", json!({ "InstanceId": gone.id })).await;
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let mut list = List {
            client: client.clone(),
            words: SSM,
            operation: "DescribeInstanceInformation",
            member: "InstanceInformationList",
            default: 50,
            id: |row| text(row, "InstanceId"),
            other: json!({ "Filters": [{ "Key": "tag:other", "Values": ["x"] }] }),
        };
        for _ in 0..16 {
            let is_old = tape.chance(40);
            let keys = if is_old { &KEYS[2..9] } else { &KEYS[..] };
            let keys: Vec<&str> = tape
                .keys(keys)
                .into_iter()
                .filter(|key| !is_old || !key.starts_with('S'))
                .collect();
            let filters: Vec<(String, Vec<String>)> = keys
                .into_iter()
                .map(|key| (key.to_owned(), values(tape, key, &all, &activations)))
                .collect();
            let mut request = json!({});
            if is_old && !filters.is_empty() {
                request["InstanceInformationFilterList"] = filters
                    .iter()
                    .map(|(key, values)| json!({ "key": key, "valueSet": values }))
                    .collect();
                list.other = json!({ "InstanceInformationFilterList": [
                    { "key": "AgentVersion", "valueSet": ["none"] },
                ] });
            } else if !filters.is_empty() {
                request["Filters"] = key_values(&filters);
                list.other = json!({ "Filters": [{ "Key": "tag:other", "Values": ["x"] }] });
            }
            let fits = |node: &&Node| filters.iter().all(|(key, values)| node.fits(key, values));
            let expected: Vec<String> =
                all.iter().filter(fits).map(|node| node.id.clone()).collect();
            list.holds(&request, tape.size(5, 50), &expected).await;
        }
        let expected: Vec<String> = all.iter().map(|node| node.id.clone()).collect();
        list.holds_while(&json!({}), Some(5), &expected, async || {
            for number in 0..4 {
                Node::register(&client, tape, &format!("later{number}"), &activations).await;
            }
        })
        .await;
    });
}

#[test]
fn activations_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let mut all = Vec::new();
        for _ in 0..1 + tape.below(16) {
            all.push(Activation::create(&client, tape).await);
        }
        if tape.chance(50) {
            let gone = all.swap_remove(tape.below(all.len()));
            client.done("DeleteActivation", json!({ "ActivationId": gone.id })).await;
        }
        all.sort_by(|one, other| one.id.cmp(&other.id));
        let list = List {
            client: client.clone(),
            words: SSM,
            operation: "DescribeActivations",
            member: "ActivationList",
            default: 50,
            id: |row| text(row, "ActivationId"),
            other: json!({ "Filters": [{ "FilterKey": "IamRole", "FilterValues": ["other"] }] }),
        };
        for _ in 0..12 {
            let filters: Vec<(&str, Vec<String>)> = tape
                .keys(&["ActivationIds", "DefaultInstanceName", "IamRole"])
                .into_iter()
                .map(|key| (key, values(tape, key, &[], &all)))
                .collect();
            let mut request = json!({});
            if !filters.is_empty() {
                request["Filters"] = filters
                    .iter()
                    .map(|(key, values)| json!({ "FilterKey": key, "FilterValues": values }))
                    .collect();
            }
            let fits =
                |one: &&Activation| filters.iter().all(|(key, values)| one.fits(key, values));
            let expected: Vec<String> = all.iter().filter(fits).map(|one| one.id.clone()).collect();
            list.holds(&request, tape.size(1, 50), &expected).await;
        }
        let expected: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        let size = tape.size(1, 50);
        list.holds_while(&json!({}), size, &expected, async || {
            for _ in 0..4 {
                Activation::create(&client, tape).await;
            }
        })
        .await;
    });
}
