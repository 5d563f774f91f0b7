//! ListAssociations, ListAssociationVersions, DescribeAssociationExecutions,
//! DescribeAssociationExecutionTargets, DescribeInstanceAssociationsStatus,
//! DescribeEffectiveInstanceAssociations.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trackway_core::ExecutionId;
use trackway_engine::Clock;

use crate::association_house::{COMMAND, House};
use crate::paging::{Client, List, OURS, SSM, key_value, text};
use crate::tape::{Tape, random};

/// A node: the toy in Run Command's place ends a command on it as its name says.
struct Node {
    id: String,
    end: &'static str,
    tags: BTreeMap<&'static str, &'static str>,
}

/// An association, and when it ran.
struct Association {
    created: i64,
    id: String,
    document: &'static str,
    name: Option<&'static str>,
    targets: Value,
    /// The nodes that it means.
    nodes: Vec<String>,
    /// Id, when, how each of its nodes fared.
    runs: Vec<Run>,
}

#[derive(Clone)]
struct Run {
    created: i64,
    id: String,
    status: &'static str,
    targets: BTreeMap<String, &'static str>,
}

fn list(house: &House, operation: &'static str, member: &'static str) -> List {
    List {
        client: Client(house.api.clone()),
        words: SSM,
        operation,
        member,
        default: 50,
        id: |row| text(row, "AssociationId"),
        other: Value::Null,
    }
}

async fn nodes(house: &House, tape: &mut Tape, count: usize) -> Vec<Node> {
    let mut all = Vec::new();
    for number in 0..count {
        let (word, end) = tape.one(&[("good", "Success"), ("bad", "Failed"), ("late", "TimedOut")]);
        let tags = tape.tags();
        let given: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (*key, *value)).collect();
        let id = house.node(&format!("{word}-{number}"), &given).await;
        all.push(Node { id, end, tags });
    }
    all
}

/// Whether a node is meant by all targets, each by any of its values.
fn is_meant(node: &Node, targets: &Value) -> bool {
    targets.as_array().unwrap().iter().all(|target| {
        let values = target["Values"].as_array().unwrap();
        let has = |text: &str| values.iter().any(|value| value == text);
        match target["Key"].as_str().unwrap() {
            "InstanceIds" => has("*") || has(&node.id),
            "tag-key" => node.tags.keys().any(|key| has(key)),
            key => {
                let tag = node.tags.get(key.strip_prefix("tag:").unwrap());
                tag.is_some_and(|tag| has(tag))
            }
        }
    })
}

fn targets(tape: &mut Tape, nodes: &[Node]) -> Value {
    let ids: Vec<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
    match tape.below(6) {
        0 => json!([{ "Key": "InstanceIds", "Values": ["*"] }]),
        1 => json!([{ "Key": "tag-key", "Values": [tape.one(&["env", "team", "none"])] }]),
        2 => json!([
            { "Key": "tag:env", "Values": tape.some(&["x", "y", "z"], 2) },
            { "Key": "tag:team", "Values": ["x"] },
        ]),
        3 => json!([{ "Key": "tag:env", "Values": tape.some(&["x", "y", "z"], 2) }]),
        _ => json!([{ "Key": "InstanceIds", "Values": tape.some(&ids, 3) }]),
    }
}

impl Association {
    async fn create(house: &House, tape: &mut Tape, nodes: &[Node]) -> Self {
        let document = tape.one(&["Doc", "Other"]);
        let name = tape.one(&[None, Some("one"), Some("two")]);
        let targets = targets(tape, nodes);
        let mut request = json!({
            "Name": document, "Parameters": { "commands": ["true"] }, "Targets": targets,
        });
        if let Some(name) = name {
            request["AssociationName"] = json!(name);
        }
        let created = house.engine.now().as_millis();
        let id = house.create(&request).await;
        let meant = nodes.iter().filter(|node| is_meant(node, &targets));
        let nodes_meant = meant.map(|node| node.id.clone()).collect();
        let mut made =
            Self { created, id, document, name, targets, nodes: nodes_meant, runs: Vec::new() };
        made.ran(house, nodes).await;
        made
    }

    /// Waits for a run that the model does not know yet.
    async fn ran(&mut self, house: &House, nodes: &[Node]) {
        let runs = house.runs_ended(&self.id, self.runs.len() + 1).await;
        let known: BTreeSet<&str> = self.runs.iter().map(|run| run.id.as_str()).collect();
        let new = runs.iter().find(|run| !known.contains(run["ExecutionId"].as_str().unwrap()));
        let id = text(new.unwrap(), "ExecutionId");
        let meant = nodes.iter().filter(|node| self.nodes.contains(&node.id));
        let targets: BTreeMap<String, &str> =
            meant.map(|node| (node.id.clone(), node.end)).collect();
        let is_good = targets.values().all(|end| *end == "Success");
        let status = if is_good { "Success" } else { "Failed" };
        self.runs.push(Run { created: house.engine.now().as_millis(), id, status, targets });
        self.runs.sort_by_cached_key(|run| {
            let arn = format!(
                "arn:aws:ssm:us-east-1:{OURS}:association-execution/{}/{}",
                self.id, run.id
            );
            (Reverse(run.created), ExecutionId::of(&arn))
        });
        house.ended(&self.id).await;
    }

    fn latest(&self) -> i64 {
        self.runs.iter().map(|run| run.created).max().unwrap()
    }
}

fn newest_first(all: &mut [Association]) {
    all.sort_by_cached_key(|one| {
        let arn = format!("arn:aws:ssm:us-east-1:{OURS}:association/{}", one.id);
        (Reverse(one.created), ExecutionId::of(&arn))
    });
}

fn time(tape: &mut Tape, at: i64) -> String {
    let at = at + tape.one(&[-1, 0, 0, 0, 1]);
    jiff::Timestamp::from_millisecond(at).unwrap().to_string()
}

fn millis(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

async fn filled(tape: &mut Tape) -> (House, Vec<Node>, Vec<Association>) {
    let house = House::open(Clock::Manual).await;
    house.document("Other", "Command", "JSON", COMMAND).await;
    let nodes = {
        let count = 1 + tape.below(4);
        nodes(&house, tape, count).await
    };
    let mut all = Vec::new();
    for _ in 0..1 + tape.below(7) {
        house.engine.advance(i64::try_from(tape.below(3)).unwrap());
        all.push(Association::create(&house, tape, &nodes).await);
    }
    newest_first(&mut all);
    (house, nodes, all)
}

#[test]
fn associations_are_those_that_a_naive_model_lists() {
    random(10, async |tape| {
        let (house, nodes, all) = filled(tape).await;
        let mut associations = list(&house, "ListAssociations", "Associations");
        associations.other = json!({ "AssociationFilterList": [{ "key": "Name", "value": "x" }] });
        let keys = [
            "InstanceId",
            "Name",
            "AssociationId",
            "AssociationStatusName",
            "LastExecutedBefore",
            "LastExecutedAfter",
            "AssociationName",
            "ResourceGroupName",
        ];
        for _ in 0..12 {
            let filters: Vec<(String, String)> = tape
                .keys(&keys)
                .into_iter()
                .map(|key| {
                    let value = match key {
                        "InstanceId" => nodes[tape.below(nodes.len())].id.clone(),
                        "AssociationId" => all[tape.below(all.len())].id.clone(),
                        "LastExecutedBefore" | "LastExecutedAfter" => {
                            let at = all[tape.below(all.len())].latest();
                            time(tape, at)
                        }
                        "Name" => tape.one(&["Doc", "Other", "None"]).to_owned(),
                        "AssociationStatusName" => {
                            tape.one(&["Success", "Failed", "Pending"]).to_owned()
                        }
                        _ => tape.one(&["one", "two"]).to_owned(),
                    };
                    (key.to_owned(), value)
                })
                .collect();
            let fits = |one: &&Association| {
                filters.iter().all(|(key, value)| match key.as_str() {
                    "InstanceId" => one.targets.as_array().unwrap().iter().any(|target| {
                        target["Key"] == "InstanceIds"
                            && target["Values"].as_array().unwrap().contains(&json!(value))
                    }),
                    "Name" => one.document == value,
                    "AssociationId" => one.id == *value,
                    "AssociationStatusName" => one.runs[0].status == value,
                    "LastExecutedBefore" => one.latest() < millis(value),
                    "LastExecutedAfter" => one.latest() > millis(value),
                    "AssociationName" => one.name == Some(value),
                    _ => false,
                })
            };
            let mut request = json!({});
            if !filters.is_empty() {
                request["AssociationFilterList"] = key_value(&filters);
            }
            let expected: Vec<String> = all.iter().filter(fits).map(|one| one.id.clone()).collect();
            associations.holds(&request, tape.size(1, 50), &expected).await;
        }
        let expected: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        let size = tape.size(1, 50);
        associations
            .holds_while(&json!({}), size, &expected, async || {
                house.engine.advance(1);
                Association::create(&house, tape, &nodes).await;
            })
            .await;
    });
}

#[test]
fn associations_of_a_node_are_those_that_a_naive_model_lists() {
    random(10, async |tape| {
        let (house, nodes, all) = filled(tape).await;
        let status =
            list(&house, "DescribeInstanceAssociationsStatus", "InstanceAssociationStatusInfos");
        let mut effective = list(&house, "DescribeEffectiveInstanceAssociations", "Associations");
        effective.default = 5;
        for node in &nodes {
            let meant = |one: &&Association| one.nodes.contains(&node.id);
            let expected: Vec<String> =
                all.iter().filter(meant).map(|one| one.id.clone()).collect();
            let request = json!({ "InstanceId": node.id });
            status.holds(&request, tape.size(1, 50), &expected).await;
            effective.holds(&request, tape.size(1, 5), &expected).await;
            for row in status.all(&request).await {
                assert_eq!(row["Status"], node.end, "{row}");
            }
        }
        let node = &nodes[0];
        let expected: Vec<String> = all
            .iter()
            .filter(|one| one.nodes.contains(&node.id))
            .map(|one| one.id.clone())
            .collect();
        for list in [&status, &effective] {
            let size = tape.size(1, 5);
            list.holds_while(&json!({ "InstanceId": node.id }), size, &expected, async || {
                house.engine.advance(1);
                Association::create(&house, tape, &nodes).await;
            })
            .await;
        }
    });
}

#[test]
fn versions_of_an_association_are_all_there_in_order() {
    random(6, async |tape| {
        let (house, nodes, all) = filled(tape).await;
        let mut versions = list(&house, "ListAssociationVersions", "AssociationVersions");
        versions.id = |row| text(row, "AssociationVersion");
        let id = &all[0].id;
        let update = async |number: usize| {
            let node = &nodes[0].id;
            let request = json!({
                "AssociationId": id, "Parameters": { "commands": [number.to_string()] },
                "Targets": [{ "Key": "InstanceIds", "Values": [node] }],
                "ApplyOnlyAtCronInterval": true, "ScheduleExpression": "cron(0 2 ? * SUN *)",
            });
            house.ask("UpdateAssociation", &request).await;
        };
        let last = 1 + tape.below(12);
        for number in 2..=last {
            update(number).await;
        }
        let expected: Vec<String> = (1..=last).map(|number| number.to_string()).collect();
        let request = json!({ "AssociationId": id });
        for _ in 0..4 {
            versions.holds(&request, tape.size(1, 50), &expected).await;
        }
        versions.holds_while(&request, Some(1), &expected, async || update(last + 1).await).await;
    });
}

#[test]
fn runs_and_their_targets_are_those_that_a_naive_model_lists() {
    random(10, async |tape| {
        let (house, nodes, mut all) = filled(tape).await;
        let which = tape.below(all.len());
        let one = &mut all[which];
        let again = async |one: &mut Association| {
            house.ask("StartAssociationsOnce", &json!({ "AssociationIds": [one.id] })).await;
            one.ran(&house, &nodes).await;
        };
        for _ in 0..tape.below(8) {
            house.engine.advance(i64::try_from(tape.below(3)).unwrap());
            again(one).await;
        }
        let mut runs = list(&house, "DescribeAssociationExecutions", "AssociationExecutions");
        runs.id = |row| text(row, "ExecutionId");
        runs.other = json!({ "Filters": [{ "Key": "Status", "Value": "Other", "Type": "EQUAL" }] });
        for _ in 0..12 {
            let filters = filters_of_runs(tape, one);
            let fits = |run: &&Run| filters.iter().all(|filter| fits_run(run, filter));
            let mut request = json!({ "AssociationId": one.id });
            if !filters.is_empty() {
                request["Filters"] = filters
                    .iter()
                    .map(|(key, operator, value)| json!({ "Key": key, "Type": operator, "Value": value }))
                    .collect();
            }
            let expected: Vec<String> =
                one.runs.iter().filter(fits).map(|run| run.id.clone()).collect();
            runs.holds(&request, tape.size(1, 50), &expected).await;
        }
        for run in one.runs.clone() {
            targets_hold(&house, tape, &one.id, &run).await;
        }
        let expected: Vec<String> = one.runs.iter().map(|run| run.id.clone()).collect();
        let request = json!({ "AssociationId": one.id });
        let size = tape.size(1, 50);
        runs.holds_while(&request, size, &expected, async || {
            house.engine.advance(1);
            again(one).await;
        })
        .await;
    });
}

type RunFilter = (&'static str, &'static str, String);

fn filters_of_runs(tape: &mut Tape, of: &Association) -> Vec<RunFilter> {
    let kinds = [
        ("ExecutionId", "EQUAL"),
        ("Status", "EQUAL"),
        ("CreatedTime", "EQUAL"),
        ("CreatedTime", "LESS_THAN"),
        ("CreatedTime", "GREATER_THAN"),
    ];
    let kinds = tape.keys(&kinds).into_iter();
    kinds
        .map(|(key, operator)| {
            let run = &of.runs[tape.below(of.runs.len())];
            let value = match key {
                "ExecutionId" => run.id.clone(),
                "Status" => tape.one(&["Success", "Failed", "Pending", "Nonsense"]).to_owned(),
                _ => time(tape, run.created),
            };
            (key, operator, value)
        })
        .collect()
}

fn fits_run(run: &Run, (key, operator, value): &RunFilter) -> bool {
    match (*key, *operator) {
        ("ExecutionId", _) => run.id == *value,
        ("Status", _) => run.status == value,
        (_, "LESS_THAN") => run.created < millis(value),
        (_, "GREATER_THAN") => run.created > millis(value),
        _ => run.created == millis(value),
    }
}

async fn targets_hold(house: &House, tape: &mut Tape, association: &str, run: &Run) {
    let operation = "DescribeAssociationExecutionTargets";
    let mut targets = list(house, operation, "AssociationExecutionTargets");
    targets.id = |row| text(row, "ResourceId");
    targets.other = json!({ "Filters": [{ "Key": "Status", "Value": "Other" }] });
    for _ in 0..4 {
        let filters: Vec<(&str, String)> = tape
            .keys(&["Status", "ResourceId", "ResourceType"])
            .into_iter()
            .map(|key| {
                let ids: Vec<&str> = run.targets.keys().map(String::as_str).collect();
                let value = match key {
                    "Status" => tape.one(&["Success", "Failed", "TimedOut", "Pending"]),
                    "ResourceId" => tape.one(&[&ids[..], &["mi-0"]].concat()),
                    _ => tape.one(&["ManagedInstance", "Automation"]),
                };
                (key, value.to_owned())
            })
            .collect();
        let mut request = json!({ "AssociationId": association, "ExecutionId": run.id });
        if !filters.is_empty() {
            request["Filters"] =
                filters.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        }
        let fits = |(node, end): &(&String, &&str)| {
            filters.iter().all(|(key, value)| match *key {
                "Status" => **end == value,
                "ResourceId" => *node == value,
                _ => value == "ManagedInstance",
            })
        };
        let expected: Vec<String> =
            run.targets.iter().filter(fits).map(|(node, _)| node.clone()).collect();
        targets.holds(&request, tape.size(1, 50), &expected).await;
    }
}
