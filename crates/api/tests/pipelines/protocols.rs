//! The same answers in awsJson 1.1 and in CBOR.

use bytes::Bytes;
use http::Request;
use serde_json::json;
use trackway_engine::Clock;
use trackway_wire::codec::cbor::{self, Item};

use crate::paging::Client;
use crate::{house, poll, work, yard};

fn text(text: &str) -> Item {
    Item::Text(text.to_owned())
}

fn map(members: &[(&str, Item)]) -> Item {
    Item::Map(members.iter().map(|(name, value)| (text(name), value.clone())).collect())
}

/// A member of a map.
fn member<'a>(item: &'a Item, name: &str) -> &'a Item {
    let Item::Map(members) = item else { panic!("{item:?} is no map") };
    let found = members.iter().find(|(key, _)| *key == text(name));
    &found.unwrap_or_else(|| panic!("{item:?} has no {name}")).1
}

/// What an operation answers in CBOR: the status and the body.
async fn ask(client: &Client, operation: &str, request: &Item) -> (u16, Item) {
    let path = format!("/service/CodePipeline_20150709/operation/{operation}");
    let request = Request::post(path)
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("content-type", "application/cbor")
        .body(Bytes::from(cbor::encode(request)))
        .unwrap();
    let response = client.0.answer(request).await;
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    (response.status().as_u16(), cbor::decode(response.body()).unwrap())
}

#[tokio::test]
async fn times_and_numbers_are_the_same_in_cbor() {
    let (house, client) = house(Clock::Manual).await;
    let build = [("Build", vec![yard::action("Build", "B")])];
    let id = yard::create(&client, &yard::pipeline("p", "QUEUED", &build)).await;
    house.engine.advance(1_234);
    work(&client, "Source").await;
    let of = [("pipelineName", text("p")), ("maxResults", Item::Integer(1))];
    let (status, page) = ask(&client, "ListActionExecutions", &map(&of)).await;
    assert_eq!(status, 200);
    let Item::Array(rows) = member(&page, "actionExecutionDetails") else { panic!("{page:?}") };
    let Item::Text(token) = member(&page, "nextToken") else { panic!("{page:?}") };
    let json = json!({ "pipelineName": "p", "maxResults": 1 });
    let json = client.codepipeline("ListActionExecutions", json).await;
    let row = &json["actionExecutionDetails"][0];
    let started = Item::Float(row["startTime"].as_f64().unwrap());
    assert_eq!(*member(&rows[0], "startTime"), Item::Tag(1, Box::new(started)));
    assert_eq!(*member(&rows[0], "pipelineVersion"), Item::Integer(1));
    assert_eq!(*member(&rows[0], "pipelineExecutionId"), text(&id));
    // A page that was begun in one protocol goes on in the other.
    let request = json!({ "pipelineName": "p", "nextToken": token });
    let rest = client.codepipeline("ListActionExecutions", request).await;
    assert_eq!(rest["actionExecutionDetails"].as_array().unwrap().len(), 1);
    let revision = map(&[
        ("revisionId", text("r")),
        ("revisionChangeId", text("c")),
        ("created", Item::Tag(1, Box::new(Item::Float(1_700_000_000.25)))),
    ]);
    let put = map(&[
        ("pipelineName", text("p")),
        ("stageName", text("Source")),
        ("actionName", text("S")),
        ("actionRevision", revision),
    ]);
    let (status, answer) = ask(&client, "PutActionRevision", &put).await;
    assert_eq!((status, member(&answer, "newRevision")), (200, &Item::Bool(true)), "{answer:?}");
    let state = client.codepipeline("GetPipelineState", json!({ "name": "p" })).await;
    let seen = &state["stageStates"][0]["actionStates"][0]["currentRevision"];
    assert_eq!(seen["created"], 1_700_000_000.25);
}

#[tokio::test]
async fn an_error_is_the_same_in_cbor() {
    let (_house, client) = house(Clock::Manual).await;
    let (status, told) = ask(&client, "GetPipelineState", &map(&[("name", text("no"))])).await;
    assert_eq!(status, 400);
    let Item::Text(code) = member(&told, "__type") else { panic!("{told:?}") };
    assert!(code.ends_with("PipelineNotFoundException"), "{code}");
    let message = "Account '000000000000' does not have a pipeline with name 'no'";
    assert_eq!(*member(&told, "message"), text(message));
    assert_eq!(poll(&client, "Source", 1).await.len(), 0);
}
