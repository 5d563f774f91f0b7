//! Random runbooks, random filters: every page of the lists against a naive model.

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::house::House;
use crate::{ENDED, create, house, once, pages, start};

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

/// A step by its number: sleeps, failures that are passed over, loops, jumps, an end.
fn step(place: usize, kind: u8) -> Value {
    let name = format!("s{place}");
    match kind % 6 {
        0 => json!({ "name": name, "action": "aws:sleep", "inputs": { "Duration": "PT1S" } }),
        1 => json!({ "name": name, "action": "aws:sleep", "inputs": { "Duration": "PT0S" } }),
        2 => json!({
            "name": name, "action": "aws:sleep", "onFailure": "Continue",
            "inputs": { "Timestamp": "{{ Never }}" },
        }),
        3 => json!({
            "name": name, "action": "aws:loop",
            "inputs": {
                "Iterators": ["a", "b", place.to_string()],
                "Steps": [{
                    "name": format!("inner{place}"), "action": "aws:sleep",
                    "inputs": { "Duration": "PT1S" },
                }],
            },
        }),
        4 => json!({
            "name": name, "action": "aws:branch",
            "inputs": { "Choices": [{
                "NextStep": "last", "Variable": "{{ Never }}", "StringEquals": "other",
            }] },
        }),
        _ => json!({
            "name": name, "action": "aws:branch",
            "inputs": { "Choices": [{
                "NextStep": "last", "Variable": "{{ Never }}", "StringEquals": "x",
            }] },
        }),
    }
}

/// What a request asks for: the place of each key, and the places of its values in the pool.
type Asked = Vec<(usize, Vec<prop::sample::Index>)>;

fn asked() -> impl Strategy<Value = Asked> {
    let values = prop::collection::vec(any::<prop::sample::Index>(), 1..4);
    prop::collection::btree_map(0..STEP_KEYS.len(), values, 0..4)
        .prop_map(|filters| filters.into_iter().collect())
}

/// The values that a key may be asked with: those that steps have, and some that none has.
fn pool(key: &str, steps: &[Value]) -> Vec<String> {
    let of = |shown: &dyn Fn(&Value) -> Option<String>| -> Vec<String> {
        steps.iter().filter_map(shown).collect()
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut values = match key {
        "StartTimeBefore" | "StartTimeAfter" => of(&|step| {
            let seconds = step["ExecutionStartTime"].as_f64()?;
            Some(moment(seconds).to_string())
        }),
        "StepExecutionStatus" => of(&|step| text(&step["StepStatus"])),
        "ParentStepExecutionId" => of(&|step| text(&step["ParentStepDetails"]["StepExecutionId"])),
        "ParentStepIteration" => {
            of(&|step| Some(step["ParentStepDetails"]["Iteration"].as_u64()?.to_string()))
        }
        "ParentStepIteratorValue" => of(&|step| text(&step["ParentStepDetails"]["IteratorValue"])),
        other => of(&|step| text(&step[other])),
    };
    values.push(match key {
        "StartTimeBefore" | "StartTimeAfter" => "2001-01-01T00:00:00Z".to_owned(),
        "StepExecutionStatus" => "Cancelled".to_owned(),
        _ => "77".to_owned(),
    });
    values
}

fn moment(seconds: f64) -> jiff::Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "a moment of our era")]
    jiff::Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap()
}

/// Whether a step fits a filter: the words of the documentation, on what the API shows.
fn fits(step: &Value, key: &str, values: &[String]) -> bool {
    let parent = &step["ParentStepDetails"];
    let is = |shown: &Value| values.iter().any(|value| shown.as_str() == Some(value));
    match key {
        "StartTimeBefore" | "StartTimeAfter" => {
            let Some(at) = step["ExecutionStartTime"].as_f64().map(moment) else { return false };
            values.iter().any(|value| {
                let bound: jiff::Timestamp = value.parse().unwrap();
                if key == "StartTimeBefore" { at < bound } else { at > bound }
            })
        }
        "StepExecutionStatus" => is(&step["StepStatus"]),
        "ParentStepExecutionId" => is(&parent["StepExecutionId"]),
        "ParentStepIteration" => {
            let iteration = parent["Iteration"].as_u64().map(|number| number.to_string());
            iteration.is_some_and(|number| values.contains(&number))
        }
        "ParentStepIteratorValue" => is(&parent["IteratorValue"]),
        other => is(&step[other]),
    }
}

async fn run(house: &House, name: &str, kinds: &[u8]) -> String {
    let mut steps: Vec<Value> =
        kinds.iter().enumerate().map(|(place, kind)| step(place, *kind)).collect();
    steps.push(json!({ "name": "last", "action": "aws:sleep", "inputs": { "Duration": "PT0S" } }));
    let parameters = json!({ "Never": { "type": "String", "default": "x" } });
    create(house, name, json!(steps), parameters).await;
    start(house, json!({ "DocumentName": name })).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn step_filters_agree_with_a_naive_model(
        kinds in prop::collection::vec(any::<u8>(), 1..20),
        requests in prop::collection::vec((asked(), 1_usize..=50, any::<bool>()), 12),
    ) {
        Runtime::new().unwrap().block_on(async {
            let house = house().await;
            let id = run(&house, "Doc", &kinds).await;
            once(&house, &id, ENDED).await;
            let of = json!({ "AutomationExecutionId": id });
            let all = pages(&house, "DescribeAutomationStepExecutions", of.clone(), "StepExecutions").await;
            for (asked, size, reverse) in requests {
                let filters: Vec<(&str, Vec<String>)> = asked.iter().map(|(key, indexes)| {
                    let pool = pool(STEP_KEYS[*key], &all);
                    (STEP_KEYS[*key], indexes.iter().map(|index| index.get(&pool).clone()).collect())
                }).collect();
                let mut expected: Vec<Value> = all.iter().filter(|step| {
                    filters.iter().all(|(key, values)| fits(step, key, values))
                }).cloned().collect();
                let mut request = of.clone();
                request["MaxResults"] = json!(size);
                if reverse {
                    request["ReverseOrder"] = json!(true);
                    expected.reverse();
                }
                if !filters.is_empty() {
                    request["Filters"] = filters.iter()
                        .map(|(key, values)| json!({ "Key": key, "Values": values })).collect();
                }
                let found = pages(&house, "DescribeAutomationStepExecutions", request.clone(), "StepExecutions").await;
                assert_eq!(found, expected, "{request}");
            }
        });
    }

    #[test]
    fn execution_filters_agree_with_a_naive_model(
        runs in prop::collection::vec((0_usize..3, any::<bool>(), any::<bool>()), 1..12),
        requests in prop::collection::vec(
            (prop::collection::btree_map(0_usize..8, prop::collection::vec(any::<prop::sample::Index>(), 1..3), 0..4), 1_usize..=50),
            12,
        ),
    ) {
        Runtime::new().unwrap().block_on(async {
            let house = house().await;
            for (name, action) in [("ListA", "aws:sleep"), ("ListAB", "aws:pause"), ("Other", "aws:approve")] {
                let inputs = match action {
                    "aws:sleep" => json!({ "Duration": "PT1S" }),
                    "aws:approve" => json!({ "Approvers": ["arn:aws:iam::000000000000:root"] }),
                    _ => json!({}),
                };
                create(&house, name, json!([{ "name": "s", "action": action, "inputs": inputs }]), json!({})).await;
            }
            for (document, tagged, stopped) in runs {
                let mut request = json!({ "DocumentName": (["ListA", "ListAB", "Other"][document]) });
                if tagged {
                    request["Tags"] = json!([{ "Key": "team", "Value": "red" }]);
                }
                let id = start(&house, request).await;
                // The clock skips to the end of an approval that nobody gives.
                let settled = ["Success", "Waiting", "TimedOut"];
                let found = once(&house, &id, &settled).await;
                if stopped && found["AutomationExecutionStatus"] == "Waiting" {
                    let stop = json!({ "AutomationExecutionId": id });
                    crate::ask(&house, "StopAutomationExecution", stop).await;
                    once(&house, &id, ENDED).await;
                }
            }
            for one in pages(&house, "DescribeAutomationExecutions", json!({}), LIST).await {
                let id = one["AutomationExecutionId"].as_str().unwrap();
                // A pause waits for ever; an approval that waits would change while it is listed.
                let is_pause = one["DocumentName"] == "ListAB";
                once(&house, id, if is_pause { &["Waiting", "Cancelled"] } else { ENDED }).await;
            }
            lists(&house, requests).await;
        });
    }
}

const LIST_KEYS: [(&str, &str); 8] = [
    ("DocumentNamePrefix", "DocumentName"),
    ("ExecutionStatus", "AutomationExecutionStatus"),
    ("ExecutionId", "AutomationExecutionId"),
    ("ParentExecutionId", "ParentAutomationExecutionId"),
    ("CurrentAction", "CurrentAction"),
    ("StartTimeBefore", "ExecutionStartTime"),
    ("StartTimeAfter", "ExecutionStartTime"),
    ("TagKey", "Tags"),
];

const LIST: &str = "AutomationExecutionMetadataList";

type AskedOfList = (std::collections::BTreeMap<usize, Vec<prop::sample::Index>>, usize);

async fn lists(house: &House, requests: Vec<AskedOfList>) {
    let mut all = pages(house, "DescribeAutomationExecutions", json!({}), LIST).await;
    let times: Vec<f64> =
        all.iter().map(|one| one["ExecutionStartTime"].as_f64().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    let shown = all.clone();
    for one in &mut all {
        let request =
            json!({ "ResourceType": "Automation", "ResourceId": one["AutomationExecutionId"] });
        one["Tags"] = crate::done(house, "ListTagsForResource", request).await["TagList"].take();
    }
    for (asked, size) in requests {
        let filters: Vec<(&str, &str, Vec<String>)> = asked
            .iter()
            .map(|(key, indexes)| {
                let (key, member) = LIST_KEYS[*key];
                let mut pool: Vec<String> = all
                    .iter()
                    .filter_map(|one| match key {
                        "StartTimeBefore" | "StartTimeAfter" => {
                            Some(moment(one[member].as_f64()?).to_string())
                        }
                        "DocumentNamePrefix" => {
                            one[member].as_str().map(|name| name[..5.min(name.len())].to_owned())
                        }
                        _ => one[member].as_str().map(str::to_owned),
                    })
                    .collect();
                pool.push(
                    match key {
                        "StartTimeBefore" | "StartTimeAfter" => "2001-01-01T00:00:00Z",
                        "ExecutionStatus" => "TimedOut",
                        "TagKey" => "team",
                        _ => "nothing",
                    }
                    .to_owned(),
                );
                (key, member, indexes.iter().map(|index| index.get(&pool).clone()).collect())
            })
            .collect();
        let expected: Vec<&Value> = all
            .iter()
            .zip(&shown)
            .filter(|(one, _)| {
                filters.iter().all(|(key, member, values)| {
                    values.iter().any(|value| {
                        let text = one[*member].as_str().unwrap_or_default();
                        match *key {
                            "DocumentNamePrefix" => text.starts_with(value),
                            "TagKey" => one["Tags"]
                                .as_array()
                                .unwrap()
                                .iter()
                                .any(|tag| tag["Key"] == **value),
                            "StartTimeBefore" => {
                                moment(one[*member].as_f64().unwrap()) < value.parse().unwrap()
                            }
                            "StartTimeAfter" => {
                                moment(one[*member].as_f64().unwrap()) > value.parse().unwrap()
                            }
                            _ => text == value,
                        }
                    })
                })
            })
            .map(|(_, shown)| shown)
            .collect();
        let mut request = json!({ "MaxResults": size });
        if !filters.is_empty() {
            request["Filters"] = filters
                .iter()
                .map(|(key, _, values)| json!({ "Key": key, "Values": values }))
                .collect();
        }
        let found = pages(house, "DescribeAutomationExecutions", request.clone(), LIST).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{request}");
    }
}
