//! DescribeAutomationExecutions, DescribeAutomationStepExecutions.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_core::ExecutionId;
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{Client, List, OURS, SSM, key_values, text};
use crate::tape::{Tape, random};

const ENDED: [&str; 4] = ["Success", "Failed", "TimedOut", "Cancelled"];

async fn create(client: &Client, name: &str, steps: Value) {
    let content = json!({
        "schemaVersion": "0.3",
        "parameters": { "Never": { "type": "String", "default": "x" } },
        "mainSteps": steps,
    });
    let request =
        json!({ "Name": name, "DocumentType": "Automation", "Content": content.to_string() });
    client.done("CreateDocument", request).await;
}

async fn get(client: &Client, id: &str) -> Value {
    let of = json!({ "AutomationExecutionId": id });
    client.done("GetAutomationExecution", of).await["AutomationExecution"].take()
}

/// The execution when it has one of these statuses.
async fn once(client: &Client, id: &str, statuses: &[&str]) -> Value {
    for _ in 0..20_000 {
        let execution = get(client, id).await;
        if statuses.contains(&text(&execution, "AutomationExecutionStatus").as_str()) {
            return execution;
        }
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }
    panic!("{id} does not come to {statuses:?}: {}", get(client, id).await);
}

fn moment(seconds: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a moment of our era")]
    Some((seconds.as_f64()? * 1000.0).round() as i64)
}

fn time(tape: &mut Tape, at: i64) -> String {
    let at = at + tape.one(&[-1, 0, 0, 0, 1]);
    match tape.chance(20) {
        // Seconds are good as well.
        true => format!("{}.{:03}", at.div_euclid(1000), at.rem_euclid(1000)),
        false => jiff::Timestamp::from_millisecond(at).unwrap().to_string(),
    }
}

fn millis(text: &str) -> i64 {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.as_millisecond(),
        Err(_) => text.replace('.', "").parse().unwrap(),
    }
}

/// Whether one of several bounds leaves a moment.
fn is_within(key: &str, at: i64, values: &[String]) -> bool {
    values.iter().map(|value| millis(value)).any(|bound| match key {
        "StartTimeBefore" => at < bound,
        _ => at > bound,
    })
}

/// A step by its number: sleeps, failures that are passed over, loops, jumps, an end.
fn step(place: usize, kind: usize) -> Value {
    let name = format!("s{place}");
    let branch = |value: &str| {
        json!({ "name": name, "action": "aws:branch", "inputs": { "Choices": [{
            "NextStep": "last", "Variable": "{{ Never }}", "StringEquals": value,
        }] } })
    };
    match kind {
        0 | 1 => {
            let duration = ["PT0S", "PT1S"][kind];
            json!({ "name": name, "action": "aws:sleep", "inputs": { "Duration": duration } })
        }
        2 => json!({
            "name": name, "action": "aws:sleep", "onFailure": "Continue",
            "inputs": { "Timestamp": "{{ Never }}" },
        }),
        3 | 4 => json!({ "name": name, "action": "aws:loop", "inputs": {
            "Iterators": ["a", "b", place.to_string()],
            "Steps": [{
                "name": format!("inner{place}"), "action": "aws:sleep",
                "inputs": { "Duration": (["PT0S", "PT1S"][kind - 3]) },
            }],
        } }),
        5 => branch("x"),
        _ => branch("other"),
    }
}

/// Starts a random runbook and lets it run for some time; the id of its execution, and how many main
/// steps it has.
async fn run(house: &House, client: &Client, tape: &mut Tape) -> (String, usize) {
    let count = 1 + tape.below(20);
    let mut steps = Vec::new();
    for place in 0..count {
        // Jumps to the end are rare.
        let kind = if tape.chance(4) { 5 } else { tape.one(&[0, 1, 1, 2, 3, 4, 6]) };
        steps.push(step(place, kind));
    }
    steps.push(json!({ "name": "last", "action": "aws:sleep", "inputs": { "Duration": "PT0S" } }));
    create(client, "Doc", json!(steps)).await;
    let request = json!({ "DocumentName": "Doc" });
    let id = text(&client.done("StartAutomationExecution", request).await, "AutomationExecutionId");
    let seconds = if tape.chance(50) { 80 } else { tape.below(12) };
    for _ in 0..seconds {
        go_on(house, 1).await;
    }
    go_on(house, 0).await;
    (id, count + 1)
}

/// Lets so many seconds go by, and what is due then happen.
async fn go_on(house: &House, seconds: i64) {
    house.engine.advance(seconds * 1000);
    for _ in 0..60 {
        tokio::task::yield_now().await;
    }
}

fn steps_of(client: &Client) -> List {
    List {
        client: client.clone(),
        words: SSM,
        operation: "DescribeAutomationStepExecutions",
        member: "StepExecutions",
        default: 50,
        id: |row| text(row, "StepExecutionId"),
        other: json!({ "Filters": [{ "Key": "StepName", "Values": ["other"] }] }),
    }
}

const STEP_KEYS: [&str; 9] = [
    "StartTimeBefore",
    "StartTimeAfter",
    "StepExecutionStatus",
    "StepExecutionId",
    "StepName",
    "Action",
    "ParentStepExecutionId",
    "ParentStepIteration",
    "ParentStepIteratorValue",
];

/// What a step shows of what a key filters by.
fn shown(step: &Value, key: &str) -> Option<String> {
    let parent = &step["ParentStepDetails"];
    let value = match key {
        "StepExecutionStatus" => &step["StepStatus"],
        "ParentStepExecutionId" => &parent["StepExecutionId"],
        "ParentStepIteration" => return Some(parent["Iteration"].as_u64()?.to_string()),
        "ParentStepIteratorValue" => &parent["IteratorValue"],
        key => &step[key],
    };
    value.as_str().map(str::to_owned)
}

fn step_fits(step: &Value, key: &str, values: &[String]) -> bool {
    if let "StartTimeBefore" | "StartTimeAfter" = key {
        let started = moment(&step["ExecutionStartTime"]);
        return started.is_some_and(|at| is_within(key, at, values));
    }
    let Some(shown) = shown(step, key) else { return false };
    // An iterator's value is shown as JSON; it may be given as it stands in the document, too.
    let bare = serde_json::from_str::<String>(&shown).ok();
    values.iter().any(|value| {
        *value == shown || (key == "ParentStepIteratorValue" && Some(value) == bare.as_ref())
    })
}

fn step_filters(tape: &mut Tape, all: &[Value]) -> Vec<(String, Vec<String>)> {
    let keys = tape.keys(&STEP_KEYS).into_iter();
    keys.map(|key| {
        let values = (0..1 + tape.below(3)).map(|_| {
            let step = &all[tape.below(all.len())];
            if let "StartTimeBefore" | "StartTimeAfter" = key {
                let at = moment(&step["ExecutionStartTime"]).unwrap_or(978_307_200_000);
                return time(tape, at);
            }
            let none = match key {
                "StepExecutionStatus" => "Cancelled",
                "ParentStepIteration" => "77",
                "ParentStepIteratorValue" => "a",
                _ => "nothing",
            };
            shown(step, key).filter(|_| tape.chance(85)).unwrap_or_else(|| none.to_owned())
        });
        (key.to_owned(), values.collect())
    })
    .collect()
}

#[test]
fn steps_are_those_that_a_naive_model_lists() {
    random(20, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let (id, count) = run(&house, &client, tape).await;
        let list = steps_of(&client);
        let of = json!({ "AutomationExecutionId": id });
        let all = list.all(&of).await;
        is_in_order(&all, count);
        for _ in 0..16 {
            let filters = step_filters(tape, &all);
            let mut request = of.clone();
            if !filters.is_empty() {
                request["Filters"] = key_values(&filters);
            }
            let fits =
                |step: &&Value| filters.iter().all(|(key, values)| step_fits(step, key, values));
            let mut expected: Vec<String> = all.iter().filter(fits).map(list.id).collect();
            if tape.chance(50) {
                request["ReverseOrder"] = json!(true);
                expected.reverse();
            }
            list.holds(&request, tape.size(1, 50), &expected).await;
        }
    });
}

/// Those that started come by their start, then those that have not by their place; each main step
/// is there once.
fn is_in_order(all: &[Value], count: usize) {
    let place = |step: &Value| {
        let name = text(step, "StepName");
        let number = name.strip_prefix('s').and_then(|number| number.parse().ok());
        number.unwrap_or(usize::MAX)
    };
    let key = |step: &Value| match moment(&step["ExecutionStartTime"]) {
        Some(at) => (0, at, 0),
        None => (1, 0, place(step)),
    };
    assert!(all.is_sorted_by_key(key), "{all:?}");
    let mut names: Vec<String> = all
        .iter()
        .filter(|step| step.get("ParentStepDetails").is_none())
        .map(|step| text(step, "StepName"))
        .collect();
    names.sort();
    names.dedup();
    let mains = all.iter().filter(|step| step.get("ParentStepDetails").is_none()).count();
    assert_eq!((names.len(), mains), (count, count), "{all:?}");
}

#[test]
fn steps_that_start_while_pages_are_read_come_once() {
    random(20, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let (id, _) = run(&house, &client, tape).await;
        let list = steps_of(&client);
        let mut request = json!({ "AutomationExecutionId": id });
        if tape.chance(50) {
            request["ReverseOrder"] = json!(true);
        }
        let all = list.all(&request).await;
        let before: Vec<String> = all.iter().map(list.id).collect();
        let (size, seconds) = (tape.size(1, 50), 1 + tape.below(9));
        let found = list
            .read(&request, size, async || {
                for _ in 0..seconds {
                    go_on(&house, 1).await;
                }
            })
            .await;
        let mut once = found.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), found.len(), "{request} by {size:?}: twice in {found:?}");
        let missed: Vec<&String> = before.iter().filter(|id| !found.contains(id)).collect();
        assert!(missed.is_empty(), "{request} by {size:?} misses {missed:?} of {before:?}");
    });
}

/// An execution as the model knows it.
struct Execution {
    started: i64,
    id: String,
    document: &'static str,
    status: String,
    action: Option<&'static str>,
    parent: Option<String>,
    tags: Vec<&'static str>,
}

const LIST_KEYS: [&str; 12] = [
    "DocumentNamePrefix",
    "ExecutionStatus",
    "ExecutionId",
    "ParentExecutionId",
    "CurrentAction",
    "StartTimeBefore",
    "StartTimeAfter",
    "AutomationType",
    "TagKey",
    "TargetResourceGroup",
    "AutomationSubtype",
    "OpsItemId",
];

impl Execution {
    /// Starts one of the documents and lets it come to where it stays; with its child, if it has one.
    async fn start(house: &House, client: &Client, tape: &mut Tape) -> Vec<Self> {
        let document = tape.one(&["Sleeps", "Pauses", "Fails", "Parent", "Sleeps2"]);
        let tags: Vec<&str> = ["env", "team"].into_iter().filter(|_| tape.chance(40)).collect();
        let mut request = json!({ "DocumentName": document });
        if !tags.is_empty() {
            request["Tags"] = tags.iter().map(|key| json!({ "Key": key, "Value": "x" })).collect();
        }
        let started = house.engine.now().as_millis();
        let made = client.done("StartAutomationExecution", request).await;
        let id = text(&made, "AutomationExecutionId");
        let stays: &[&str] = if document == "Pauses" { &["Waiting"] } else { &ENDED };
        let mut found = once(client, &id, stays).await;
        if document == "Pauses" && tape.chance(40) {
            client.done("StopAutomationExecution", json!({ "AutomationExecutionId": id })).await;
            found = once(client, &id, &ENDED).await;
        }
        let status = text(&found, "AutomationExecutionStatus");
        let action = (status == "Waiting").then_some("aws:pause");
        let mut all = Vec::new();
        if document == "Parent" {
            let child = found["StepExecutions"][0]["Outputs"]["ExecutionId"][0].as_str().unwrap();
            let found = get(client, child).await;
            all.push(Self {
                started,
                id: child.to_owned(),
                document: "Sleeps",
                status: text(&found, "AutomationExecutionStatus"),
                action: None,
                parent: Some(id.clone()),
                tags: Vec::new(),
            });
        }
        all.push(Self { started, id, document, status, action, parent: None, tags });
        all
    }

    fn fits(&self, key: &str, values: &[String]) -> bool {
        let is = |text: &str| values.iter().any(|value| value == text);
        match key {
            "DocumentNamePrefix" => values.iter().any(|value| self.document.starts_with(value)),
            "ExecutionStatus" => is(&self.status),
            "ExecutionId" => is(&self.id),
            "ParentExecutionId" => self.parent.as_deref().is_some_and(is),
            "CurrentAction" => self.action.is_some_and(is),
            "StartTimeBefore" | "StartTimeAfter" => is_within(key, self.started, values),
            "AutomationType" => is("Local"),
            "TagKey" => self.tags.iter().any(|tag| is(tag)),
            _ => false,
        }
    }
}

fn list_filters(tape: &mut Tape, all: &[Execution]) -> Vec<(String, Vec<String>)> {
    let keys = tape.keys(&LIST_KEYS).into_iter();
    keys.map(|key| {
        let values = (0..1 + tape.below(3)).map(|_| {
            let one = &all[tape.below(all.len())];
            let value = match key {
                "DocumentNamePrefix" => tape.one(&["S", "Sleeps", "Sleeps2", "P", "x"]),
                "ExecutionStatus" => {
                    tape.one(&["Success", "Failed", "Waiting", "Cancelled", "Exited"])
                }
                "ExecutionId" => &one.id,
                "ParentExecutionId" => one.parent.as_ref().unwrap_or(&one.id),
                "CurrentAction" => tape.one(&["aws:pause", "aws:sleep"]),
                "StartTimeBefore" | "StartTimeAfter" => return time(tape, one.started),
                "AutomationType" => tape.one(&["Local", "CrossAccount"]),
                "TagKey" => tape.one(&["env", "team", "none"]),
                "AutomationSubtype" => "ChangeRequest",
                _ => "x",
            };
            value.to_owned()
        });
        (key.to_owned(), values.collect())
    })
    .collect()
}

#[test]
fn executions_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let sleep = step(0, 0);
        create(&client, "Sleeps", json!([sleep])).await;
        create(&client, "Sleeps2", json!([sleep])).await;
        create(&client, "Pauses", json!([{ "name": "s", "action": "aws:pause", "inputs": {} }]))
            .await;
        let fails = json!({
            "name": "s", "action": "aws:sleep", "inputs": { "Timestamp": "{{ Never }}" },
        });
        create(&client, "Fails", json!([fails])).await;
        let parent = json!({
            "name": "s", "action": "aws:executeAutomation", "inputs": { "DocumentName": "Sleeps" },
        });
        create(&client, "Parent", json!([parent])).await;
        let mut all = Vec::new();
        for _ in 0..1 + tape.below(14) {
            house.engine.advance(i64::try_from(tape.below(3)).unwrap());
            all.extend(Execution::start(&house, &client, tape).await);
        }
        all.sort_by_cached_key(|one| {
            let arn = format!("arn:aws:ssm:us-east-1:{OURS}:automation-execution/{}", one.id);
            (Reverse(one.started), ExecutionId::of(&arn))
        });
        let list = List {
            client: client.clone(),
            words: SSM,
            operation: "DescribeAutomationExecutions",
            member: "AutomationExecutionMetadataList",
            default: 50,
            id: |row| text(row, "AutomationExecutionId"),
            other: json!({ "Filters": [{ "Key": "TagKey", "Values": ["other"] }] }),
        };
        for _ in 0..16 {
            let filters = list_filters(tape, &all);
            let mut request = json!({});
            if !filters.is_empty() {
                request["Filters"] = key_values(&filters);
            }
            let fits = |one: &&Execution| filters.iter().all(|(key, values)| one.fits(key, values));
            let expected: Vec<String> = all.iter().filter(fits).map(|one| one.id.clone()).collect();
            list.holds(&request, tape.size(1, 50), &expected).await;
        }
        let expected: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
        let size = tape.size(1, 50);
        list.holds_while(&json!({}), size, &expected, async || {
            house.engine.advance(1);
            Execution::start(&house, &client, tape).await;
        })
        .await;
    });
}
