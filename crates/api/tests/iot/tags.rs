//! Tags of what may have them.

use serde_json::{Value, json};

use crate::house::{House, MINUTES_MS};

fn tags_of(answer: &Value) -> Vec<(&str, &str)> {
    let tags = answer["tags"].as_array().unwrap().iter();
    tags.map(|tag| (tag["Key"].as_str().unwrap(), tag["Value"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn types_and_groups_have_tags_as_long_as_they_are_there() {
    let house = House::open().await;
    let kinds = [
        ("ThingType", "thingTypeName", "thingtype"),
        ("ThingGroup", "thingGroupName", "thinggroup"),
        ("BillingGroup", "billingGroupName", "billinggroup"),
    ];
    for (what, name, kind) in kinds {
        let tags = json!([{ "Key": "a", "Value": "1" }, { "Key": "b" }]);
        house.ask(&format!("Create{what}"), json!({ name: "one", "tags": tags })).await;
        let arn = House::arn(&format!("{kind}/one"));
        let of = json!({ "resourceArn": arn });
        let listed = house.ask("ListTagsForResource", of.clone()).await;
        assert_eq!(tags_of(&listed), [("a", "1"), ("b", "")]);
        let more = json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "2" }] });
        house.ask("TagResource", more).await;
        house.ask("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["b", "c"] })).await;
        let listed = house.ask("ListTagsForResource", of.clone()).await;
        assert_eq!(tags_of(&listed), [("a", "2")]);
        if what == "ThingType" {
            house.ask("DeprecateThingType", json!({ name: "one" })).await;
            house.engine.advance(5 * MINUTES_MS);
        }
        house.ask(&format!("Delete{what}"), json!({ name: "one" })).await;
        let refused = house.refused("ListTagsForResource", of.clone()).await;
        assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
        house.ask(&format!("Create{what}"), json!({ name: "one" })).await;
        assert_eq!(house.ask("ListTagsForResource", of).await, json!({ "tags": [] }));
    }
}

/// AWS's rule is not known; this one is the same wherever tags are given.
#[tokio::test]
async fn of_a_tag_that_is_given_twice_the_later_value_counts() {
    let house = House::open().await;
    let tags = json!([{ "Key": "a", "Value": "1" }, { "Key": "a", "Value": "2" }]);
    let action = json!({
        "actionName": "one",
        "roleArn": "arn:aws:iam::123456789012:role/R",
        "actionParams": { "updateDeviceCertificateParams": { "action": "DEACTIVATE" } },
        "tags": tags,
    });
    house.ask("CreateThingGroup", json!({ "thingGroupName": "one", "tags": tags })).await;
    house.ask("CreateMitigationAction", action).await;
    for kind in ["thinggroup", "mitigationaction"] {
        let of = json!({ "resourceArn": House::arn(&format!("{kind}/one")) });
        let listed = house.ask("ListTagsForResource", of).await;
        assert_eq!(tags_of(&listed), [("a", "2")], "{kind}");
    }
}

#[tokio::test]
async fn tags_that_cannot_be_are_refused() {
    let house = House::with_things(&["t"]).await;
    house.ask("CreateThingGroup", json!({ "thingGroupName": "g" })).await;
    let arn = House::arn("thinggroup/g");
    let many: Vec<_> = (0..51).map(|n| json!({ "Key": n.to_string(), "Value": "" })).collect();
    let tag = |arn: &str, tags: Value| json!({ "resourceArn": arn, "tags": tags });
    let one = json!([{ "Key": "a", "Value": "1" }]);
    let cases = [
        (tag(&arn, json!(many)), "LimitExceededException"),
        (tag(&arn, json!([{ "Key": "AWS:x", "Value": "" }])), "InvalidRequestException"),
        (tag(&House::arn("thinggroup/h"), one.clone()), "ResourceNotFoundException"),
        (tag(&House::arn("thing/t"), one.clone()), "InvalidRequestException"),
        (
            tag(&House::arn(&format!("cert/{}", "ab".repeat(32))), one.clone()),
            "InvalidRequestException",
        ),
        (tag(&House::arn("cacert/12"), one.clone()), "InvalidRequestException"),
        (tag(&House::arn("thinggroup/"), one.clone()), "InvalidRequestException"),
        (
            tag(&House::arn(&format!("policy/{}", "x".repeat(100_000))), one.clone()),
            "InvalidRequestException",
        ),
        (
            tag("arn:aws:iot:eu-west-1:123456789012:thinggroup/g", one.clone()),
            "InvalidRequestException",
        ),
        (tag("nonsense", one), "InvalidRequestException"),
    ];
    for (request, expected) in cases {
        let refused = house.refused("TagResource", request).await;
        assert!(refused.starts_with(expected), "{refused}");
    }
    let request = json!({ "thingGroupName": "h", "tags": many });
    let refused = house.refused("CreateThingGroup", request).await;
    assert!(
        refused.starts_with("InvalidRequestException: A resource may have 50 tags"),
        "{refused}"
    );
    let token = json!({ "resourceArn": arn, "nextToken": "x" });
    let refused = house.refused("ListTagsForResource", token).await;
    assert_eq!(refused, "InvalidRequestException: Invalid token");
}
