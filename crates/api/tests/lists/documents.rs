//! ListDocuments in both forms, ListDocumentVersions, DescribeDocumentPermission.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{Client, List, OTHER, OURS, SSM, key_value, key_values, text, texts};
use crate::tape::{Tape, random};

const NAMES: [&str; 10] =
    ["doc", "doc-a", "doc-b", "Doc", "other", "other_1", "zdoc", "a.doc", "xyz", "Xdoc"];

/// A document as the lists of [`OURS`] have it.
#[derive(Clone)]
struct Document {
    /// Where it stands in the list: the library, our own, shared with us by name, with everybody.
    section: usize,
    name: String,
    shown_name: String,
    kind: String,
    platforms: Vec<String>,
    target_type: Option<String>,
    display: String,
    tags: BTreeMap<&'static str, &'static str>,
}

fn content(kind: &str) -> Value {
    if kind == "Automation" {
        return json!({ "schemaVersion": "0.3", "mainSteps": [
            { "name": "s", "action": "aws:sleep", "inputs": { "Duration": "PT0S" } },
        ] });
    }
    let shell = ["aws:runShellScript", "aws:runPowerShellScript"][usize::from(kind == "Windows")];
    json!({ "schemaVersion": "2.2", "mainSteps": [
        { "name": "s", "action": shell, "inputs": { "runCommand": ["true"] } },
    ] })
}

impl Document {
    /// Writes a document: our own, or another account's that is shared with us, everybody, or nobody.
    async fn create(client: &Client, tape: &mut Tape, name: &str) -> Option<Self> {
        let kind = tape.one(&["Automation", "Command", "Windows"]);
        let target_type = tape.chance(50).then(|| tape.one(&["/", "/AWS::EC2::Instance"]));
        let display = if tape.chance(40) { tape.one(&["Hello", "A doc", "x"]) } else { "" };
        let shared = tape.one(&["", "", "", "", "us", "all", "us and all", "nobody"]);
        let account = if shared.is_empty() { OURS } else { OTHER };
        let tags = tape.tags();
        let listed: Vec<Value> =
            tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let shown_kind = if kind == "Automation" { "Automation" } else { "Command" };
        let mut request = json!({
            "Name": name, "DocumentType": shown_kind, "Content": content(kind).to_string(),
            "Tags": listed,
        });
        for (member, value) in [("TargetType", target_type), ("DisplayName", Some(display))] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                request[member] = json!(value);
            }
        }
        let made = client.done_as(account, "CreateDocument", request).await;
        for who in [OURS, "all"]
            .iter()
            .filter(|who| shared.contains(if **who == OURS { "us" } else { "all" }))
        {
            let request =
                json!({ "Name": name, "PermissionType": "Share", "AccountIdsToAdd": [who] });
            client.done_as(account, "ModifyDocumentPermission", request).await;
        }
        let platforms = made["DocumentDescription"]["PlatformTypes"].as_array().unwrap().iter();
        let section = match shared {
            "" => 1,
            "us" | "us and all" => 2,
            "all" => 3,
            _ => return None,
        };
        Some(Self {
            section,
            name: name.to_owned(),
            shown_name: match section {
                1 => name.to_owned(),
                _ => format!("arn:aws:ssm:us-east-1:{OTHER}:document/{name}"),
            },
            kind: shown_kind.to_owned(),
            platforms: platforms.map(|one| one.as_str().unwrap().to_owned()).collect(),
            target_type: target_type.map(str::to_owned),
            display: display.to_owned(),
            // Tags are their owner's.
            tags: if section == 1 { tags } else { BTreeMap::new() },
        })
    }

    /// One of the library, as the list without a filter shows it.
    fn of_library(row: &Value) -> Self {
        let platforms = row["PlatformTypes"].as_array().unwrap().iter();
        Self {
            section: 0,
            name: text(row, "Name"),
            shown_name: text(row, "Name"),
            kind: text(row, "DocumentType"),
            platforms: platforms.map(|one| one.as_str().unwrap().to_owned()).collect(),
            target_type: row["TargetType"].as_str().map(str::to_owned),
            display: text(row, "DisplayName"),
            tags: BTreeMap::new(),
        }
    }

    fn fits(&self, key: &str, values: &[String]) -> bool {
        let any = |is: &dyn Fn(&str) -> bool| values.iter().any(|value| is(value));
        match key {
            "Owner" => any(&|value| match value {
                "Self" => self.section == 1,
                "Amazon" => self.section == 0,
                "Private" => self.section == 2,
                "Public" => self.section == 3,
                value => value == "All",
            }),
            "Name" => any(&|value| self.name.starts_with(value)),
            "DocumentType" => any(&|value| self.kind == value),
            "PlatformTypes" => any(&|value| self.platforms.iter().any(|one| one == value)),
            "TargetType" => any(&|value| self.target_type.as_deref() == Some(value)),
            "SearchKeyword" => any(&|value| {
                let value = value.to_lowercase();
                self.name.to_lowercase().contains(&value)
                    || self.display.to_lowercase().contains(&value)
            }),
            key => {
                let tag = self.tags.get(key.strip_prefix("tag:").unwrap());
                tag.is_some_and(|tag| values.is_empty() || any(&|value| *tag == value))
            }
        }
    }
}

fn values(tape: &mut Tape, key: &str) -> Vec<String> {
    let pool: &[&str] = match key {
        "Owner" => {
            let owners = ["Self", "Amazon", "Private", "Public", "ThirdParty", "All"];
            return vec![tape.one(&owners).to_owned()];
        }
        "Name" => &["doc", "d", "AWS-", "AWS-Run", "other", "nothing", "X"],
        "DocumentType" => &["Automation", "Command", "Session"],
        "PlatformTypes" => &["Linux", "Windows", "MacOS"],
        "TargetType" => &["/", "/AWS::EC2::Instance", "/AWS::S3::Bucket"],
        "SearchKeyword" => &["doc", "HELLO", "shell", "x", "nothing"],
        _ => &["x", "y", "z"],
    };
    let mut values = texts(&tape.some(pool, 3));
    if key.starts_with("tag:") && tape.chance(30) {
        values.clear();
    }
    values
}

fn ids(all: &[Document], filters: &[(String, Vec<String>)]) -> Vec<String> {
    let fits = |one: &&Document| filters.iter().all(|(key, values)| one.fits(key, values));
    all.iter().filter(fits).map(|one| one.shown_name.clone()).collect()
}

#[test]
fn documents_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let mut documents = List {
            client: client.clone(),
            words: SSM,
            operation: "ListDocuments",
            member: "DocumentIdentifiers",
            default: 50,
            id: |row| text(row, "Name"),
            other: json!({ "Filters": [{ "Key": "Owner", "Values": ["Self"] },
                { "Key": "Name", "Values": ["another"] }] }),
        };
        let library = documents.all(&json!({})).await;
        assert!(library.len() > 3, "there is a library");
        let mut all: Vec<Document> = library.iter().map(Document::of_library).collect();
        let mut names = tape.some(&NAMES, 10);
        let later = names.split_off(names.len() - names.len() / 4);
        for name in names {
            all.extend(Document::create(&client, tape, name).await);
        }
        all.sort_by(|one, other| (one.section, &one.name).cmp(&(other.section, &other.name)));
        let keys = [
            "Owner",
            "Name",
            "DocumentType",
            "PlatformTypes",
            "TargetType",
            "SearchKeyword",
            "tag:env",
            "tag:team",
        ];
        for _ in 0..16 {
            let filters: Vec<(String, Vec<String>)> = tape
                .keys(&keys)
                .into_iter()
                .map(|key| (key.to_owned(), values(tape, key)))
                .collect();
            let mut request = json!({});
            if !filters.is_empty() {
                request["Filters"] = key_values(&filters);
            }
            documents.holds(&request, tape.size(1, 50), &ids(&all, &filters)).await;
        }
        documents.other = json!({ "DocumentFilterList": [{ "key": "Name", "value": "another" }] });
        for _ in 0..6 {
            let filters: Vec<(String, String)> = tape
                .some(&["Owner", "Name", "DocumentType", "PlatformTypes"], 3)
                .into_iter()
                .map(|key| (key.to_owned(), values(tape, key).remove(0)))
                .collect();
            let request = json!({ "DocumentFilterList": key_value(&filters) });
            let filters: Vec<(String, Vec<String>)> =
                filters.into_iter().map(|(key, value)| (key, vec![value])).collect();
            documents.holds(&request, tape.size(1, 50), &ids(&all, &filters)).await;
        }
        let size = tape.size(1, 50);
        documents
            .holds_while(&json!({}), size, &ids(&all, &[]), async || {
                for name in &later {
                    Document::create(&client, tape, name).await;
                }
            })
            .await;
    });
}

#[test]
fn versions_of_a_document_are_all_there_newest_first() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let content = |number: usize| {
            let mut content = content("Automation");
            content["description"] = json!(format!("version {number}"));
            content.to_string()
        };
        for name in ["doc", "doc-more"] {
            let request =
                json!({ "Name": name, "DocumentType": "Automation", "Content": content(1) });
            client.done("CreateDocument", request).await;
        }
        let update = async |name: &str, number: usize| {
            let request =
                json!({ "Name": name, "DocumentVersion": "$LATEST", "Content": content(number) });
            client.done("UpdateDocument", request).await;
        };
        let mut versions = BTreeSet::from([1]);
        let last = 1 + tape.below(14);
        for number in 2..=last {
            update("doc", number).await;
            update("doc-more", number).await;
            versions.insert(number);
        }
        for number in 2..=last {
            if tape.chance(20) {
                let request = json!({ "Name": "doc", "DocumentVersion": number.to_string() });
                // The latest one may not be the one that goes.
                if number < last {
                    client.done("DeleteDocument", request).await;
                    versions.remove(&number);
                }
            }
        }
        let list = List {
            client: client.clone(),
            words: SSM,
            operation: "ListDocumentVersions",
            member: "DocumentVersions",
            default: 50,
            id: |row| text(row, "DocumentVersion"),
            other: json!({ "Name": "doc-more" }),
        };
        let expected: Vec<String> = versions.iter().rev().map(usize::to_string).collect();
        let request = json!({ "Name": "doc" });
        for _ in 0..4 {
            list.holds(&request, tape.size(1, 50), &expected).await;
        }
        list.holds_while(&request, Some(1), &expected, async || update("doc", last + 1).await)
            .await;
    });
}

#[test]
fn accounts_that_share_a_document_are_all_there() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        for name in ["doc", "doc-more"] {
            let content = content("Automation").to_string();
            let request = json!({ "Name": name, "DocumentType": "Automation", "Content": content });
            client.done("CreateDocument", request).await;
        }
        let mut known = BTreeSet::new();
        for _ in 0..1 + tape.below(12) {
            let account = format!("{:012}", 1 + tape.below(1_000_000));
            let request =
                json!({ "Name": "doc", "PermissionType": "Share", "AccountIdsToAdd": [account] });
            client.done("ModifyDocumentPermission", request).await;
            known.insert(account);
        }
        let list = List {
            client: client.clone(),
            words: SSM,
            operation: "DescribeDocumentPermission",
            member: "AccountIds",
            default: 200,
            id: |row| row.as_str().unwrap().to_owned(),
            other: json!({ "Name": "doc-more" }),
        };
        let expected: Vec<String> = known.into_iter().collect();
        let request = json!({ "Name": "doc", "PermissionType": "Share" });
        for _ in 0..4 {
            list.holds(&request, tape.size(1, 200), &expected).await;
        }
    });
}
