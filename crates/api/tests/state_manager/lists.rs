//! Every list against a naive model: all of it filtered by hand, for random filters and pages.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::house::House;

/// Associations with runs at random moments, some at the same.
async fn filled(house: &House) -> Vec<String> {
    let mut ids = Vec::new();
    for (number, name) in ["good", "bad", "late"].into_iter().enumerate() {
        let node = house.node(name, &[]).await;
        let request = json!({
            "Name": if number == 2 { "Other" } else { "Doc" },
            "Parameters": { "commands": ["true"] },
            "AssociationName": format!("name-{}", number % 2),
            "Targets": [{ "Key": "InstanceIds", "Values": [node] }],
        });
        house.engine.advance(777);
        let id = house.create(&request).await;
        house.runs_ended(&id, 1).await;
        ids.push(id);
    }
    for (count, pause) in [1_i64, 0, 250, 1000, 0, 0, 3000, 1, 999, 60_000].into_iter().enumerate()
    {
        house.engine.advance(pause);
        for id in &ids[..2] {
            house.ask("StartAssociationsOnce", &json!({ "AssociationIds": [id] })).await;
            house.runs_ended(id, count + 2).await;
        }
    }
    ids
}

#[derive(Clone, Debug)]
struct Filter {
    key: &'static str,
    operator: &'static str,
    /// Chooses among the values that are there, or beside them.
    choice: usize,
    beside: i64,
}

fn filters() -> impl Strategy<Value = Vec<Filter>> {
    let kinds = prop::sample::select(vec![
        ("ExecutionId", "EQUAL"),
        ("Status", "EQUAL"),
        ("CreatedTime", "EQUAL"),
        ("CreatedTime", "LESS_THAN"),
        ("CreatedTime", "GREATER_THAN"),
        ("CreatedTime", "LESS_THAN"),
        ("CreatedTime", "GREATER_THAN"),
    ]);
    let filter = (kinds, 0..40_usize, -1..=1_i64)
        .prop_map(|((key, operator), choice, beside)| Filter { key, operator, choice, beside });
    prop::collection::vec(filter, 0..4)
}

fn millis(run: &Value) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a time of our era")]
    let millis = (run["CreatedTime"].as_f64().unwrap() * 1000.0).round() as i64;
    millis
}

impl Filter {
    fn value(&self, all: &[Value]) -> String {
        let run = &all[self.choice % all.len()];
        match self.key {
            "ExecutionId" => run["ExecutionId"].as_str().unwrap().to_owned(),
            "Status" => {
                let words = ["Success", "Failed", "Pending", "Nonsense"];
                words[self.choice % words.len()].to_owned()
            }
            _ => jiff::Timestamp::from_millisecond(millis(run) + self.beside).unwrap().to_string(),
        }
    }

    fn holds(&self, run: &Value, value: &str) -> bool {
        match self.key {
            "CreatedTime" => {
                let asked: jiff::Timestamp = value.parse().unwrap();
                let order = millis(run).cmp(&asked.as_millisecond());
                match self.operator {
                    "LESS_THAN" => order.is_lt(),
                    "GREATER_THAN" => order.is_gt(),
                    _ => order.is_eq(),
                }
            }
            key => run[key] == value,
        }
    }
}

#[test]
fn executions_are_those_that_a_naive_filter_finds() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (house, ids, all) = runtime.block_on(async {
        let house = House::open(Clock::Manual).await;
        house.document("Other", "Command", "JSON", crate::house::COMMAND).await;
        let ids = filled(&house).await;
        let all = [house.executions(&ids[0]).await, house.executions(&ids[1]).await];
        (house, ids, all)
    });
    for all in &all {
        assert_eq!(all.len(), 11);
        assert!(all.windows(2).all(|pair| millis(&pair[0]) >= millis(&pair[1])), "newest first");
    }
    let mut runner = TestRunner::new(Config { cases: 400, ..Config::default() });
    let strategy = (filters(), 1..13_usize, 0..2_usize);
    let checked = runner.run(&strategy, |(filters, page, of)| {
        let all = &all[of];
        let values: Vec<String> = filters.iter().map(|filter| filter.value(all)).collect();
        let pairs = || filters.iter().zip(&values);
        let wanted: Vec<&Value> = all
            .iter()
            .filter(|run| pairs().all(|(filter, value)| filter.holds(run, value)))
            .collect();
        let mut request = json!({ "AssociationId": ids[of], "MaxResults": page });
        if !filters.is_empty() {
            let filter = |(filter, value): (&Filter, &String)| {
                json!({ "Key": filter.key, "Type": filter.operator, "Value": value })
            };
            request["Filters"] = pairs().map(filter).collect();
        }
        runtime.block_on(async {
            let (mut found, mut pages) = (Vec::new(), 0);
            loop {
                let answer = house.ask("DescribeAssociationExecutions", &request).await;
                let rows = answer["AssociationExecutions"].as_array().unwrap();
                prop_assert!(rows.len() <= page);
                found.extend(rows.clone());
                pages += 1;
                match answer.get("NextToken") {
                    Some(token) => request["NextToken"] = token.clone(),
                    None => break,
                }
            }
            prop_assert_eq!(found.iter().collect::<Vec<_>>(), wanted.clone());
            prop_assert_eq!(pages, wanted.len().div_ceil(page).max(1), "no page is empty");
            Ok(())
        })
    });
    checked.unwrap_or_else(|failure| panic!("{failure}"));
}

#[tokio::test]
async fn associations_are_those_that_a_naive_filter_finds() {
    let house = House::open(Clock::Manual).await;
    house.document("Other", "Command", "JSON", crate::house::COMMAND).await;
    let ids = filled(&house).await;
    let all = house.pages("ListAssociations", &json!({}), "Associations").await;
    let order: Vec<&Value> = all.iter().map(|item| &item["AssociationId"]).collect();
    assert_eq!(order, [ids[2].as_str(), ids[1].as_str(), ids[0].as_str()], "newest first");
    let last = all[1]["LastExecutionDate"].as_f64().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "a time of our era")]
    let last = jiff::Timestamp::from_millisecond((last * 1000.0).round() as i64).unwrap();
    let node = &all[0]["Targets"][0]["Values"][0];
    for (key, value, found) in [
        ("Name", json!("Doc"), vec![1, 0]),
        ("Name", json!("arn:aws:ssm:us-east-1:000000000000:document/Other"), vec![2]),
        ("Name", json!("None"), vec![]),
        ("AssociationId", json!(ids[1]), vec![1]),
        ("AssociationName", json!("name-0"), vec![2, 0]),
        ("AssociationStatusName", json!("Success"), vec![0]),
        ("AssociationStatusName", json!("Failed"), vec![2, 1]),
        ("InstanceId", node.clone(), vec![2]),
        (
            "LastExecutedAfter",
            json!((last - jiff::SignedDuration::from_millis(1)).to_string()),
            vec![1, 0],
        ),
        ("LastExecutedBefore", json!(last.to_string()), vec![2]),
        ("ResourceGroupName", json!("g"), vec![]),
    ] {
        for limit in 1..4 {
            let filter = json!([{ "key": key, "value": value }]);
            let request = json!({ "AssociationFilterList": filter, "MaxResults": limit });
            let items = house.pages("ListAssociations", &request, "Associations").await;
            let items: Vec<&Value> = items.iter().map(|item| &item["AssociationId"]).collect();
            let wanted: Vec<&str> =
                found.iter().map(|number: &usize| ids[*number].as_str()).collect();
            assert_eq!(items, wanted, "{key} {value}");
        }
    }
}

#[tokio::test]
async fn targets_are_filtered_and_paged() {
    let house = House::open(Clock::Manual).await;
    let mut nodes = Vec::new();
    for number in 0..7 {
        let kind = if number % 3 == 0 { "bad" } else { "good" };
        nodes.push(house.node(&format!("{kind}-{number}"), &[("fleet", "all")]).await);
    }
    let request = json!({
        "Name": "Doc",
        "Parameters": { "commands": ["true"] },
        "MaxConcurrency": "2",
        "Targets": [{ "Key": "tag:fleet", "Values": ["all"] }],
    });
    let id = house.create(&request).await;
    let run = house.runs_ended(&id, 1).await[0].clone();
    assert_eq!(run["ResourceCountByStatus"], "{Failed=3, Success=4}");
    let member = "AssociationExecutionTargets";
    let list = async |filters: Value, limit: usize| {
        let mut request = json!({
            "AssociationId": id,
            "ExecutionId": run["ExecutionId"],
            "MaxResults": limit,
        });
        if filters != json!([]) {
            request["Filters"] = filters;
        }
        house.pages("DescribeAssociationExecutionTargets", &request, member).await
    };
    let all = list(json!([]), 50).await;
    assert_eq!(all.len(), 7);
    for filters in [
        json!([]),
        json!([{ "Key": "Status", "Value": "Success" }]),
        json!([{ "Key": "Status", "Value": "Failed" }, { "Key": "ResourceId", "Value": nodes[3] }]),
        json!([{ "Key": "ResourceType", "Value": "ManagedInstance" }]),
        json!([{ "Key": "ResourceType", "Value": "Other" }]),
    ] {
        let is_wanted = |row: &&Value| {
            let mut filters = filters.as_array().unwrap().iter();
            filters.all(|filter| row[filter["Key"].as_str().unwrap()] == filter["Value"])
        };
        let wanted: Vec<&Value> = all.iter().filter(is_wanted).collect();
        for limit in 1..8 {
            let found = list(filters.clone(), limit).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filters}");
        }
    }
}
