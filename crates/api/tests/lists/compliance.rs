//! ListComplianceItems, ListResourceComplianceSummaries, ListComplianceSummaries.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::association_house::House;
use crate::paging::{Client, List, SSM, text};
use crate::tape::{Tape, random};

/// What tells one item from another: node, type, id; and what filters look at beside.
type Items = BTreeMap<(String, &'static str, String), BTreeMap<&'static str, &'static str>>;

const TYPES: [&str; 3] = ["Custom:Ab", "Custom:Abc", "Patch"];
const IDS: [&str; 5] = ["1", "10", "2", "one", "one-more"];

/// Puts some items of one type, in the place of those that were there or beside them.
async fn put(house: &House, tape: &mut Tape, nodes: &[String], known: &mut Items) {
    let (node, kind) = (tape.one(nodes), tape.one(&TYPES));
    let ids = tape.some(&IDS, 4);
    let is_partial = tape.chance(40);
    if !is_partial {
        known.retain(|(of, other, _), _| *of != node || *other != kind);
    }
    let mut items = Vec::new();
    for id in ids {
        let columns = BTreeMap::from([
            ("Severity", tape.one(&["CRITICAL", "LOW", "UNSPECIFIED"])),
            ("Status", tape.one(&["COMPLIANT", "NON_COMPLIANT"])),
            ("Title", tape.one(&["title", "titles", "other"])),
        ]);
        let mut item = json!(columns);
        item["Id"] = json!(id);
        items.push(item);
        known.insert((node.clone(), kind, id.to_owned()), columns);
    }
    let request = json!({
        "ResourceId": node, "ResourceType": "ManagedInstance", "ComplianceType": kind,
        "ExecutionSummary": { "ExecutionTime": 1_700_000_000 }, "Items": items,
        "UploadType": if is_partial { "PARTIAL" } else { "COMPLETE" },
    });
    house.ask("PutComplianceItems", &request).await;
}

struct Filter {
    key: &'static str,
    operator: Option<&'static str>,
    values: Vec<String>,
}

impl Filter {
    fn random(tape: &mut Tape, key: &'static str, nodes: &[String]) -> Self {
        let node = tape.one(nodes);
        let pool: &[&str] = match key {
            "ComplianceType" => &["Custom:Ab", "Custom", "Patch", "Association"],
            "Id" => &["1", "one", "nothing"],
            "ResourceId" => &["mi-", &node],
            "Severity" => &["CRITICAL", "LOW", "HIGH"],
            "Status" => &["COMPLIANT", "NON_COMPLIANT"],
            _ => &["title", "other"],
        };
        let values = tape.some(pool, 2).into_iter().map(str::to_owned).collect();
        let operator = tape.one(&[None, Some("EQUAL"), Some("NOT_EQUAL"), Some("BEGIN_WITH")]);
        Self { key, operator, values }
    }

    fn shown(&self) -> Value {
        let mut shown = json!({ "Key": self.key, "Values": self.values });
        if let Some(operator) = self.operator {
            shown["Type"] = json!(operator);
        }
        shown
    }

    fn holds(
        &self,
        (node, kind, id): &(String, &'static str, String),
        columns: &BTreeMap<&'static str, &'static str>,
    ) -> bool {
        let value = match self.key {
            "ComplianceType" => *kind,
            "Id" => id.as_str(),
            "ResourceId" => node.as_str(),
            key => columns[key],
        };
        let mut values = self.values.iter();
        match self.operator {
            Some("NOT_EQUAL") => values.all(|wanted| wanted != value),
            Some("BEGIN_WITH") => values.any(|wanted| value.starts_with(wanted.as_str())),
            _ => values.any(|wanted| wanted == value),
        }
    }
}

fn list(house: &House, operation: &'static str, member: &'static str) -> List {
    List {
        client: Client(house.api.clone()),
        words: SSM,
        operation,
        member,
        default: 50,
        id: |row| {
            let parts = ["ResourceId", "ComplianceType", "Id"].map(|member| text(row, member));
            parts.join(" ")
        },
        other: json!({ "Filters": [{ "Key": "Id", "Values": ["other"] }] }),
    }
}

#[test]
fn compliance_is_what_a_naive_model_lists() {
    random(10, async |tape| {
        let house = House::open(Clock::Manual).await;
        let mut nodes = Vec::new();
        for number in 0..1 + tape.below(4) {
            nodes.push(house.node(&format!("good-{number}"), &[]).await);
        }
        let mut known = Items::new();
        for _ in 0..1 + tape.below(10) {
            put(&house, tape, &nodes, &mut known).await;
        }
        let lists = [
            list(&house, "ListComplianceItems", "ComplianceItems"),
            list(&house, "ListResourceComplianceSummaries", "ResourceComplianceSummaryItems"),
            list(&house, "ListComplianceSummaries", "ComplianceSummaryItems"),
        ];
        // By node, type and id; by node and type; by type.
        let expected = |filters: &[Filter], of: usize| -> Vec<String> {
            let fits = known
                .iter()
                .filter(|(key, columns)| filters.iter().all(|filter| filter.holds(key, columns)));
            let keys = fits.map(|((node, kind, id), _)| match of {
                0 => [node.as_str(), *kind, id.as_str()],
                1 => [node.as_str(), *kind, ""],
                _ => ["", *kind, ""],
            });
            let keys: std::collections::BTreeSet<[&str; 3]> = keys.collect();
            keys.into_iter().map(|key| key.join(" ")).collect()
        };
        let keys = ["ComplianceType", "Id", "ResourceId", "Severity", "Status", "Title"];
        for _ in 0..12 {
            let filters: Vec<Filter> =
                tape.keys(&keys).into_iter().map(|key| Filter::random(tape, key, &nodes)).collect();
            let mut request = json!({});
            if !filters.is_empty() {
                request["Filters"] = filters.iter().map(Filter::shown).collect();
            }
            for (of, list) in lists.iter().enumerate() {
                list.holds(&request, tape.size(1, 50), &expected(&filters, of)).await;
            }
        }
        let (before, size) = (expected(&[], 0), tape.size(1, 50));
        let node = house.node("good-new", &[]).await;
        lists[0]
            .holds_while(&json!({}), size, &before, async || {
                put(&house, tape, &[node], &mut Items::new()).await;
            })
            .await;
    });
}
