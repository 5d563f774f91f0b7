//! Tags.

use serde_json::{Value, json};

use crate::{check, create, done, house, once, sleep, start};

fn of(kind: &str, id: &str) -> Value {
    json!({ "ResourceType": kind, "ResourceId": id })
}

fn add(kind: &str, id: &str, tags: Value) -> Value {
    json!({ "ResourceType": kind, "ResourceId": id, "Tags": tags })
}

#[tokio::test]
async fn tags_of_every_kind_are_added_replaced_removed_and_listed() {
    let house = house().await;
    create(&house, "Doc", json!([sleep("one")]), json!({})).await;
    let tags = json!([{ "Key": "born", "Value": "yes" }]);
    let id = start(&house, json!({ "DocumentName": "Doc", "Tags": tags })).await;
    once(&house, &id, crate::ENDED).await;
    done(&house, "PutParameter", json!({ "Name": "/p", "Value": "v", "Type": "String" })).await;
    let list = async |kind: &str, id: &str| {
        done(&house, "ListTagsForResource", of(kind, id)).await["TagList"].take()
    };
    assert_eq!(list("Automation", &id).await, tags);
    for (kind, id) in [("Document", "Doc"), ("Automation", &*id), ("Parameter", "/p")] {
        let tags = json!([{ "Key": "b", "Value": "1" }, { "Key": "a", "Value": "" }]);
        done(&house, "AddTagsToResource", add(kind, id, tags)).await;
        let tags = json!([{ "Key": "b", "Value": "2" }]);
        done(&house, "AddTagsToResource", add(kind, id, tags)).await;
        let mut remove = of(kind, id);
        remove["TagKeys"] = json!(["born", "nothing"]);
        done(&house, "RemoveTagsFromResource", remove).await;
        let expected = json!([{ "Key": "a", "Value": "" }, { "Key": "b", "Value": "2" }]);
        assert_eq!(list(kind, id).await, expected, "{kind}");
    }
    // What is made anew has none of the old tags.
    done(&house, "DeleteDocument", json!({ "Name": "Doc" })).await;
    create(&house, "Doc", json!([sleep("one")]), json!({})).await;
    assert_eq!(list("Document", "Doc").await, json!([]));
}

#[tokio::test]
async fn what_can_not_be_tagged_is_refused() {
    let house = house().await;
    create(&house, "Doc", json!([sleep("one")]), json!({})).await;
    let many: Vec<Value> =
        (0..51).map(|n| json!({ "Key": format!("k{n}"), "Value": "v" })).collect();
    let one = json!([{ "Key": "a", "Value": "b" }]);
    let mut rows = vec![
        ("AddTagsToResource", add("Document", "Doc", json!(many)), "400 TooManyTagsError"),
        (
            "AddTagsToResource",
            add("Document", "Doc", json!([{ "Key": "aws:x", "Value": "b" }])),
            "400 ValidationException: ...",
        ),
        (
            "AddTagsToResource",
            add("Document", "Doc", json!([{ "Key": "" , "Value": "b" }])),
            "400 ValidationException: ...",
        ),
        ("AddTagsToResource", add("Nonsense", "Doc", one.clone()), "400 ValidationException: ..."),
    ];
    for kind in [
        "Document",
        "Automation",
        "Association",
        "ManagedInstance",
        "Parameter",
        "MaintenanceWindow",
        "PatchBaseline",
        "OpsItem",
        "OpsMetadata",
    ] {
        rows.push(("ListTagsForResource", of(kind, "nothing"), "400 InvalidResourceId"));
        rows.push((
            "AddTagsToResource",
            add(kind, "nothing", one.clone()),
            "400 InvalidResourceId",
        ));
    }
    check(&house, &rows).await;
}
