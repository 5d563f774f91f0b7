//! The watcher of sources, as pipelines hear of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use trackway_api::codepipeline::{Looking, Sources};
use trackway_engine::Clock;

use crate::paging::Client;
use crate::{house, yard};

/// A repository, and how often it was looked at.
struct Repository {
    refs: Mutex<BTreeMap<String, String>>,
    looks: watch::Sender<usize>,
}

impl Repository {
    fn branches<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let refs = names.map(|name| (format!("refs/heads/{name}"), format!("commit of {name}")));
        *self.refs.lock().unwrap() = refs.collect();
    }
}

impl Sources for Repository {
    fn refs(&self, _repository: &str) -> Looking<BTreeMap<String, String>> {
        self.looks.send_modify(|looks| *looks += 1);
        let refs = self.refs.lock().unwrap().clone();
        Box::pin(async move { Ok(refs) })
    }

    fn changed(&self, _: &str, _: Option<&str>, _: &str) -> Looking<Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn object(&self, _: (&str, &str), _: (&str, &str)) -> Looking<Option<String>> {
        Box::pin(async { Ok(None) })
    }
}

/// Has the watcher look, and waits until it has done so: until a look later than that.
async fn look(client: &Client, repository: &Repository) {
    let mut looks = repository.looks.subscribe();
    for _ in 0..2 {
        let before = *looks.borrow_and_update();
        let event = br#"{"source": "git", "repository": "o/r"}"#;
        client.0.hear_source_events(event).await.unwrap().unwrap();
        looks.wait_for(|looks| *looks > before).await.unwrap();
    }
}

async fn executions(client: &Client) -> Vec<Value> {
    let request = json!({ "pipelineName": "p" });
    let listed = client.codepipeline("ListPipelineExecutions", request).await;
    listed["pipelineExecutionSummaries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn more_pushes_than_a_pipeline_has_room_for_start_once_each_as_room_comes() {
    let (_house, client) = house(Clock::Real).await;
    let mut structure =
        yard::pipeline("p", "QUEUED", &[("Build", vec![yard::action("Build", "B")])]);
    structure["stages"][0]["actions"][0] = json!({
        "name": "S",
        "actionTypeId": {
            "category": "Source", "owner": "AWS", "provider": "CodeStarSourceConnection",
            "version": "1",
        },
        "configuration": {
            "ConnectionArn": "arn:aws:codeconnections:us-east-1:000000000000:connection/11111111-2222-3333-4444-555555555555",
            "FullRepositoryId": "o/r", "BranchName": "main",
        },
        "outputArtifacts": [{ "name": "SOutput" }],
    });
    structure["triggers"] = json!([{
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": {
            "sourceActionName": "S",
            "push": [{ "branches": { "includes": ["**"] } }],
        },
    }]);
    yard::create(&client, &structure).await;
    let repository =
        Arc::new(Repository { refs: Mutex::default(), looks: watch::Sender::default() });
    repository.branches(["main"].into_iter());
    tokio::spawn(client.0.watch_sources(repository.clone(), None));
    look(&client, &repository).await;
    assert_eq!(executions(&client).await.len(), 1, "the first look starts nothing");

    let names: Vec<String> = (0..70).map(|number| format!("b{number}")).collect();
    repository.branches(names.iter().map(String::as_str).chain(["main"]));
    let all_started = async {
        while executions(&client).await.len() <= names.len() {
            look(&client, &repository).await;
            let all = executions(&client).await;
            let live = all.iter().filter(|one| one["status"] == "InProgress");
            for one in live.take(20) {
                let request = json!({
                    "pipelineName": "p", "pipelineExecutionId": one["pipelineExecutionId"],
                    "abandon": true,
                });
                client.codepipeline("StopPipelineExecution", request).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_started).await.unwrap();
    look(&client, &repository).await;
    let all = executions(&client).await;
    assert_eq!(all.len(), 1 + names.len(), "each push starts one");
    let started: BTreeSet<String> = all
        .iter()
        .filter_map(|one| {
            let detail = one["trigger"]["triggerDetail"].as_str()?;
            let detail: Value = serde_json::from_str(detail).ok()?;
            Some(detail["BranchName"].as_str()?.to_owned())
        })
        .collect();
    assert_eq!(started, names.into_iter().collect());
}
