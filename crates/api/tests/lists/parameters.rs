//! DescribeParameters, GetParametersByPath, GetParameterHistory.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{Client, List, SSM, key_values, text, texts};
use crate::tape::{Tape, random};

const NAMES: [&str; 14] = [
    "a", "ab", "b", "A", "/a", "/a/b", "/a/b/c", "/a/bc", "/ab/c", "/b", "/b/a", "/b/a/b/a",
    "/a.b/c", "c-d",
];

struct Parameter {
    name: String,
    kind: &'static str,
    key_id: Option<&'static str>,
    tier: &'static str,
    data_type: &'static str,
    tags: BTreeMap<&'static str, &'static str>,
}

impl Parameter {
    fn random(tape: &mut Tape, name: &str) -> Self {
        let kind = tape.one(&["String", "StringList", "SecureString"]);
        let keys = [None, Some("alias/aws/ssm"), Some("alias/own"), Some("alias")];
        let secret = tape.one(&keys).unwrap_or("alias/aws/ssm");
        Self {
            name: name.to_owned(),
            kind,
            key_id: (kind == "SecureString").then_some(secret),
            tier: tape.one(&["Standard", "Advanced"]),
            data_type: if kind == "String" && tape.chance(20) { "aws:ec2:image" } else { "text" },
            tags: tape.tags(),
        }
    }

    async fn put(&self, client: &Client) {
        let tags: Vec<Value> =
            self.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let mut request = json!({
            "Name": self.name, "Type": self.kind, "Value": "ami-12345678", "Tier": self.tier,
            "DataType": self.data_type, "Tags": tags,
        });
        if let Some(key) = self.key_id {
            request["KeyId"] = json!(key);
        }
        client.done("PutParameter", request).await;
    }

    fn is_under(&self, path: &str, is_recursive: bool) -> bool {
        // Under the root lie the names without a slash as well.
        let levels = |text: &str| -> Vec<String> {
            text.split('/').filter(|level| !level.is_empty()).map(str::to_owned).collect()
        };
        let (own, path) = (levels(&self.name), levels(path));
        own.len() > path.len()
            && own.starts_with(&path)
            && (is_recursive || own.len() == path.len() + 1)
            && (path.is_empty() || self.name.starts_with('/'))
    }

    fn fits(&self, filter: &Filter) -> bool {
        let any = |is: &dyn Fn(&str) -> bool| filter.values.iter().any(|value| is(value));
        let how = |text: &str, value: &str| match filter.option {
            Some("BeginsWith") => text.starts_with(value),
            Some("Contains") => text.contains(value),
            _ => text == value,
        };
        match filter.key {
            "Name" => any(&|value| {
                how(&self.name, value) || how(self.name.trim_start_matches('/'), value)
            }),
            "Type" => any(&|value| self.kind == value),
            "KeyId" => any(&|value| self.key_id.is_some_and(|key| how(key, value))),
            "Path" => any(&|value| self.is_under(value, filter.option == Some("Recursive"))),
            "Tier" => any(&|value| self.tier == value),
            "DataType" => any(&|value| self.data_type == value),
            key => {
                let tag = self.tags.get(key.strip_prefix("tag:").unwrap());
                tag.is_some_and(|tag| filter.values.is_empty() || any(&|value| *tag == value))
            }
        }
    }
}

struct Filter {
    key: &'static str,
    option: Option<&'static str>,
    values: Vec<String>,
}

impl Filter {
    fn random(tape: &mut Tape, key: &'static str) -> Self {
        let (options, values): (&[Option<&str>], &[&str]) = match key {
            "Name" => (
                &[None, Some("Equals"), Some("BeginsWith"), Some("Contains")],
                &["a", "/a", "b", "/a/b", "/b/a", "c", "zz"],
            ),
            "Type" => (&[None, Some("Equals")], &["String", "StringList", "SecureString"]),
            "KeyId" => (
                &[None, Some("Equals"), Some("BeginsWith")],
                &["alias", "alias/aws/ssm", "alias/own", "other"],
            ),
            "Path" => (
                &[None, Some("OneLevel"), Some("Recursive")],
                &["/", "/a", "/a/", "/a/b", "/b", "/zz"],
            ),
            "Tier" => (&[None, Some("Equals")], &["Standard", "Advanced", "Intelligent-Tiering"]),
            "DataType" => (&[None], &["text", "aws:ec2:image"]),
            _ => (&[None], &["x", "y", "z"]),
        };
        let option = tape.one(options);
        let mut values = texts(&tape.some(values, 3));
        if key.starts_with("tag:") && tape.chance(30) {
            values.clear();
        }
        Self { key, option, values }
    }

    fn shown(&self) -> Value {
        let mut shown = json!({ "Key": self.key });
        if !self.values.is_empty() {
            shown["Values"] = json!(self.values);
        }
        if let Some(option) = self.option {
            shown["Option"] = json!(option);
        }
        shown
    }
}

fn list(client: &Client, operation: &'static str, member: &'static str, default: usize) -> List {
    let other = match operation {
        "GetParametersByPath" => json!({ "Path": "/other" }),
        "GetParameterHistory" => json!({ "Name": "other" }),
        _ => json!({ "ParameterFilters": [{ "Key": "Name", "Values": ["other"] }] }),
    };
    let id = |row: &Value| text(row, "Name");
    List { client: client.clone(), words: SSM, operation, member, default, id, other }
}

fn names(of: &[Parameter], wanted: impl Fn(&Parameter) -> bool) -> Vec<String> {
    of.iter().filter(|one| wanted(one)).map(|one| one.name.clone()).collect()
}

async fn filled(tape: &mut Tape) -> (House, Client, Vec<Parameter>, Vec<Parameter>) {
    let house = House::open(Clock::Manual, BTreeMap::new()).await;
    let client = Client(house.client.0.clone());
    let mut all: Vec<Parameter> =
        tape.some(&NAMES, 14).into_iter().map(|name| Parameter::random(tape, name)).collect();
    let later = all.split_off(all.len() - all.len() / 4);
    for one in &all {
        one.put(&client).await;
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    (house, client, all, later)
}

#[test]
fn parameters_are_those_that_a_naive_model_lists() {
    random(16, async |tape| {
        let (_house, client, all, later) = filled(tape).await;
        let mut described = list(&client, "DescribeParameters", "Parameters", 50);
        for _ in 0..16 {
            let keys = ["Name", "Type", "KeyId", "Path", "Tier", "DataType", "tag:env", "tag:team"];
            let filters: Vec<Filter> =
                tape.keys(&keys).into_iter().map(|key| Filter::random(tape, key)).collect();
            let mut request = json!({});
            if !filters.is_empty() {
                request["ParameterFilters"] = filters.iter().map(Filter::shown).collect();
            }
            let expected = names(&all, |one| filters.iter().all(|filter| one.fits(filter)));
            described.holds(&request, tape.size(1, 50), &expected).await;
        }
        described.other = json!({ "Filters": [{ "Key": "Name", "Values": ["other"] }] });
        for _ in 0..6 {
            let filters: Vec<Filter> = tape
                .some(&["Name", "Type", "KeyId"], 3)
                .into_iter()
                .map(|key| {
                    let option = (key != "Type").then_some("BeginsWith");
                    Filter { option, ..Filter::random(tape, key) }
                })
                .collect();
            let shown: Vec<(String, Vec<String>)> =
                filters.iter().map(|one| (one.key.to_owned(), one.values.clone())).collect();
            let request = json!({ "Filters": key_values(&shown) });
            let expected = names(&all, |one| filters.iter().all(|filter| one.fits(filter)));
            described.holds(&request, tape.size(1, 50), &expected).await;
        }
        let size = tape.size(1, 50);
        described
            .holds_while(&json!({}), size, &names(&all, |_| true), async || {
                for one in &later {
                    one.put(&client).await;
                }
            })
            .await;
    });
}

#[test]
fn parameters_under_a_path_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let (_house, client, all, later) = filled(tape).await;
        let by_path = list(&client, "GetParametersByPath", "Parameters", 10);
        for _ in 0..16 {
            let path = tape.one(&["/", "/a", "/a/", "/a/b", "/b", "/b/a", "/zz"]);
            let is_recursive = tape.chance(60);
            let keys = if tape.chance(50) { Vec::new() } else { tape.keys(&["Type", "KeyId"]) };
            let filters: Vec<Filter> =
                keys.into_iter().map(|key| Filter::random(tape, key)).collect();
            let mut request = json!({ "Path": path, "Recursive": is_recursive });
            if !filters.is_empty() {
                request["ParameterFilters"] = filters.iter().map(Filter::shown).collect();
            }
            let expected = names(&all, |one| {
                one.is_under(path, is_recursive) && filters.iter().all(|filter| one.fits(filter))
            });
            by_path.holds(&request, tape.size(1, 10), &expected).await;
        }
        let request = json!({ "Path": "/", "Recursive": true });
        let size = tape.size(1, 10);
        by_path
            .holds_while(&request, size, &names(&all, |_| true), async || {
                for one in &later {
                    one.put(&client).await;
                }
            })
            .await;
    });
}

#[test]
fn a_history_has_every_version_in_order() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        // One whose name begins like the other's has a history of its own.
        let put = async |name: &str| {
            let request =
                json!({ "Name": name, "Type": "String", "Value": "x", "Overwrite": true });
            client.done("PutParameter", request).await;
        };
        put("other").await;
        let mut counts = BTreeMap::from([("/p", 0), ("/p/q", 0), ("/pq", 0)]);
        for _ in 0..1 + tape.below(30) {
            let name = tape.one(&["/p", "/p/q", "/pq"]);
            put(name).await;
            *counts.get_mut(name).unwrap() += 1;
        }
        let mut history = list(&client, "GetParameterHistory", "Parameters", 50);
        history.id = |row| format!("{} {}", text(row, "Name"), row["Version"]);
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            let expected: Vec<String> =
                (1..=count).map(|number| format!("{name} {number}")).collect();
            let request = json!({ "Name": name });
            history.holds(&request, tape.size(1, 50), &expected).await;
            let more = tape.below(3);
            history
                .holds_while(&request, tape.size(1, 50), &expected, async || {
                    for _ in 0..more {
                        put(name).await;
                    }
                })
                .await;
        }
    });
}
