//! ListTagsForResource: in the order of the keys, without pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::Client;
use crate::tape::random;

#[test]
fn tags_are_those_that_a_map_has() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        for name in ["one", "one-more"] {
            let content = json!({ "schemaVersion": "0.3", "mainSteps": [
                { "name": "s", "action": "aws:sleep", "inputs": { "Duration": "PT0S" } },
            ] });
            let request = json!({
                "Name": name, "DocumentType": "Automation", "Content": content.to_string(),
            });
            client.done("CreateDocument", request).await;
            let request = json!({ "Name": name, "Type": "String", "Value": "x" });
            client.done("PutParameter", request).await;
        }
        let mut known: BTreeMap<(&str, &str), BTreeMap<&str, String>> = BTreeMap::new();
        for _ in 0..30 {
            let kind = tape.one(&["Document", "Parameter"]);
            let id = tape.one(&["one", "one-more"]);
            let of = json!({ "ResourceType": kind, "ResourceId": id });
            let model = known.entry((kind, id)).or_default();
            let keys = tape.some(&["a", "B", "aa", "a:b", "é", "Z"], 3);
            let mut request = of.clone();
            if tape.chance(60) {
                let value = tape.below(10).to_string();
                request["Tags"] =
                    keys.iter().map(|key| json!({ "Key": key, "Value": value })).collect();
                client.done("AddTagsToResource", request).await;
                model.extend(keys.into_iter().map(|key| (key, value.clone())));
            } else {
                request["TagKeys"] = json!(keys);
                client.done("RemoveTagsFromResource", request).await;
                model.retain(|key, _| !keys.contains(key));
            }
            let listed = client.done("ListTagsForResource", of).await;
            let expected: Vec<Value> =
                model.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            assert_eq!(listed["TagList"], json!(expected), "{kind} {id}");
        }
    });
}
