//! Thing groups, billing groups, and who is in them.

use serde_json::{Value, json};

use crate::house::{House, REGION, each};

async fn group(house: &House, name: &str, parent: Option<&str>) {
    let mut request = json!({ "thingGroupName": name });
    if let Some(parent) = parent {
        request["parentGroupName"] = json!(parent);
    }
    house.ask("CreateThingGroup", request).await;
}

async fn join(house: &House, group: &str, thing: &str) {
    let request = json!({ "thingGroupName": group, "thingName": thing });
    house.ask("AddThingToThingGroup", request).await;
}

#[tokio::test]
async fn a_group_is_described_with_the_way_to_it() {
    let house = House::open().await;
    group(&house, "Shiny", None).await;
    group(&house, "Bulbs", Some("Shiny")).await;
    let request = json!({
        "thingGroupName": "Red",
        "parentGroupName": "Bulbs",
        "thingGroupProperties": {
            "thingGroupDescription": "Generic bulb group",
            "attributePayload": { "attributes": { "wattage": "60" } },
        },
    });
    let created = house.ask("CreateThingGroup", request).await;
    let described = house.ask("DescribeThingGroup", json!({ "thingGroupName": "Red" })).await;
    let expected = json!({
        "thingGroupName": "Red",
        "thingGroupId": created["thingGroupId"],
        "thingGroupArn": House::arn("thinggroup/Red"),
        "version": 1,
        "thingGroupProperties": {
            "thingGroupDescription": "Generic bulb group",
            "attributePayload": { "attributes": { "wattage": "60" } },
        },
        "thingGroupMetadata": {
            "parentGroupName": "Bulbs",
            "rootToParentThingGroups": [
                { "groupName": "Shiny", "groupArn": House::arn("thinggroup/Shiny") },
                { "groupName": "Bulbs", "groupArn": House::arn("thinggroup/Bulbs") },
            ],
            "creationDate": described["thingGroupMetadata"]["creationDate"],
        },
    });
    assert_eq!(described, expected);
    let top = house.ask("DescribeThingGroup", json!({ "thingGroupName": "Shiny" })).await;
    assert_eq!(top["thingGroupMetadata"].as_object().unwrap().len(), 1, "{top}");
    assert_eq!(top["thingGroupProperties"], json!({}));

    let attributes = json!({ "attributePayload": { "attributes": { "b": "2" }, "merge": true } });
    let mut request = json!({
        "thingGroupName": "Red", "thingGroupProperties": attributes, "expectedVersion": 1,
    });
    let updated = house.ask("UpdateThingGroup", request.clone()).await;
    assert_eq!(updated, json!({ "version": 2 }));
    let refused = house.refused("UpdateThingGroup", request.clone()).await;
    assert!(refused.starts_with("VersionConflictException: "), "{refused}");
    let described = house.ask("DescribeThingGroup", json!({ "thingGroupName": "Red" })).await;
    let expected = json!({ "attributePayload": { "attributes": { "wattage": "60", "b": "2" } } });
    assert_eq!(described["thingGroupProperties"], expected);
    request["thingGroupName"] = json!("None");
    let refused = house.refused("UpdateThingGroup", request).await;
    assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
}

#[tokio::test]
async fn a_group_with_groups_below_it_stays_and_one_with_things_goes() {
    let house = House::with_things(&["t", "u"]).await;
    group(&house, "A", None).await;
    group(&house, "B", Some("A")).await;
    join(&house, "B", "t").await;
    join(&house, "B", "u").await;
    let refused = house.refused("DeleteThingGroup", json!({ "thingGroupName": "A" })).await;
    let text = "InvalidRequestException: Cannot delete thing group : A when there are still child groups attached to it";
    assert_eq!(refused, text);
    let wrong = json!({ "thingGroupName": "B", "expectedVersion": 2 });
    let refused = house.refused("DeleteThingGroup", wrong).await;
    assert!(refused.starts_with("VersionConflictException: "), "{refused}");
    house.ask("DeleteThingGroup", json!({ "thingGroupName": "B", "expectedVersion": 1 })).await;
    let left = house.ask("ListThingGroupsForThing", json!({ "thingName": "t" })).await;
    assert_eq!(left, json!({ "thingGroups": [] }));
    // A group of the same name is another one: nobody is in it.
    group(&house, "B", None).await;
    let things = house.ask("ListThingsInThingGroup", json!({ "thingGroupName": "B" })).await;
    assert_eq!(things, json!({ "things": [] }));
    house.ask("DeleteThingGroup", json!({ "thingGroupName": "A" })).await;
}

#[tokio::test]
async fn what_is_set_for_a_group_reaches_its_things_and_ends_with_it() {
    let house = House::with_things(&["t"]).await;
    group(&house, "A", None).await;
    group(&house, "B", Some("A")).await;
    join(&house, "B", "t").await;
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#;
    for (policy, of) in [("p", "A"), ("q", "B")] {
        let request = json!({ "policyName": policy, "policyDocument": document });
        house.ask("CreatePolicy", request).await;
        let target = House::arn(&format!("thinggroup/{of}"));
        house.ask("AttachPolicy", json!({ "policyName": policy, "target": target })).await;
    }
    let request = json!({ "securityProfileName": "s" });
    house.ask("CreateSecurityProfile", request).await;
    let request = json!({
        "securityProfileName": "s",
        "securityProfileTargetArn": House::arn("thinggroup/B"),
    });
    house.ask("AttachSecurityProfile", request).await;
    let role = "arn:aws:iam::123456789012:role/logs";
    house.ask("SetV2LoggingOptions", json!({ "roleArn": role })).await;
    let level = json!({ "targetType": "THING_GROUP", "targetName": "B" });
    let request = json!({ "logTarget": level, "logLevel": "DEBUG" });
    house.ask("SetV2LoggingLevel", request).await;
    let effective = async |expected: Value| {
        let answer = house.ask("GetEffectivePolicies", json!({ "thingName": "t" })).await;
        let policies = answer["effectivePolicies"].as_array().unwrap().clone();
        assert_eq!(json!(each(&policies, "policyName")), expected);
    };
    effective(json!(["p", "q"])).await;
    house.ask("DeleteThingGroup", json!({ "thingGroupName": "B" })).await;
    effective(json!([])).await;
    let left = house.ask("ListTargetsForPolicy", json!({ "policyName": "q" })).await;
    assert_eq!(left["targets"], json!([]));
    let request = json!({ "securityProfileName": "s" });
    let left = house.ask("ListTargetsForSecurityProfile", request).await;
    assert_eq!(left["securityProfileTargets"], json!([]));
    let left = house.ask("ListV2LoggingLevels", json!({})).await;
    assert_eq!(left["logTargetConfigurations"], json!([]));
    // A group of the same name is another one.
    group(&house, "B", None).await;
    join(&house, "B", "t").await;
    effective(json!([])).await;
}

#[tokio::test]
async fn hierarchies_have_seven_levels_and_a_hundred_children() {
    let house = House::open().await;
    group(&house, "g1", None).await;
    for level in 2..=7 {
        group(&house, &format!("g{level}"), Some(&format!("g{}", level - 1))).await;
    }
    let child =
        |name: String, parent: &str| json!({ "thingGroupName": name, "parentGroupName": parent });
    let refused = house.refused("CreateThingGroup", child("g8".to_owned(), "g7")).await;
    assert!(refused.contains("7 levels"), "{refused}");
    for number in 1..100 {
        house.ask("CreateThingGroup", child(format!("c{number}"), "g1")).await;
    }
    let refused = house.refused("CreateThingGroup", child("c100".to_owned(), "g1")).await;
    assert!(refused.contains("100 direct child groups"), "{refused}");
    let refused = house.refused("CreateThingGroup", child("x".to_owned(), "missing")).await;
    assert!(refused.starts_with("InvalidRequestException: Parent"), "{refused}");
}

#[tokio::test]
async fn a_thing_is_in_ten_groups_and_in_one_of_a_hierarchy() {
    let house = House::with_things(&["t"]).await;
    group(&house, "top", None).await;
    group(&house, "left", Some("top")).await;
    group(&house, "right", Some("top")).await;
    join(&house, "left", "t").await;
    // It is in it already.
    join(&house, "left", "t").await;
    for other in ["right", "top"] {
        let request = json!({ "thingGroupName": other, "thingName": "t" });
        let refused = house.refused("AddThingToThingGroup", request).await;
        assert!(refused.contains("same hierarchy"), "{refused}");
    }
    for number in 1..10 {
        let name = format!("g{number}");
        group(&house, &name, None).await;
        join(&house, &name, "t").await;
    }
    group(&house, "g10", None).await;
    let full = json!({
        "thingGroupName": "g10", "thingName": "t", "overrideDynamicGroups": true,
    });
    let refused = house.refused("AddThingToThingGroup", full).await;
    assert!(refused.contains("in 10 thing groups"), "{refused}");
    // Leaving comes first, and all of it happens or nothing.
    let update = |add: Value, remove: Value| json!({ "thingName": "t", "thingGroupsToAdd": add, "thingGroupsToRemove": remove });
    let missing = update(json!(["g10", "none"]), json!(["g1"]));
    let refused = house.refused("UpdateThingGroupsForThing", missing).await;
    assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
    house
        .ask("UpdateThingGroupsForThing", update(json!(["g10", "right"]), json!(["g1", "left"])))
        .await;
    let request = json!({ "thingName": "t", "maxResults": 3 });
    let groups = house.pages("ListThingGroupsForThing", request, "thingGroups").await;
    let expected = ["g10", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9", "right"];
    assert_eq!(json!(each(&groups, "groupName")), json!(expected));
}

#[tokio::test]
async fn members_are_named_by_name_or_arn() {
    let house = House::with_things(&["t"]).await;
    group(&house, "g", None).await;
    house.ask("CreateBillingGroup", json!({ "billingGroupName": "g" })).await;
    for (kind, add, remove, group) in [
        ("thinggroup", "AddThingToThingGroup", "RemoveThingFromThingGroup", "thingGroup"),
        ("billinggroup", "AddThingToBillingGroup", "RemoveThingFromBillingGroup", "billingGroup"),
    ] {
        let (name, by_arn) = (format!("{group}Name"), format!("{group}Arn"));
        let arn = House::arn(&format!("{kind}/g"));
        let by_arns = json!({ &by_arn: arn, "thingArn": House::arn("thing/t") });
        house.ask(add, by_arns.clone()).await;
        let things = house.pages(
            if kind == "thinggroup" {
                "ListThingsInThingGroup"
            } else {
                "ListThingsInBillingGroup"
            },
            json!({ &name: "g" }),
            "things",
        );
        assert_eq!(things.await, [json!("t")]);
        house.ask(remove, by_arns).await;
        // It isn't in it any more.
        house.ask(remove, json!({ &name: "g", "thingName": "t" })).await;
        let cases = [
            (json!({ &name: "g" }), "must be given by its name or ARN"),
            (json!({ &name: "h", &by_arn: arn, "thingName": "t" }), "of different resources"),
            (json!({ &by_arn: House::arn("thing/g"), "thingName": "t" }), "Invalid"),
            (
                json!({ &by_arn: format!("arn:aws:iot:{REGION}:000000000000:{kind}/g"),
                "thingName": "t" }),
                "Invalid",
            ),
            (json!({ &by_arn: House::arn(&format!("{kind}/a b")), "thingName": "t" }), "Invalid"),
        ];
        for (request, expected) in cases {
            for operation in [add, remove] {
                let refused = house.refused(operation, request.clone()).await;
                assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
                assert!(refused.contains(expected), "{refused}");
            }
        }
        for request in
            [json!({ &name: "h", "thingName": "t" }), json!({ &name: "g", "thingName": "u" })]
        {
            for operation in [add, remove] {
                let refused = house.refused(operation, request.clone()).await;
                assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
            }
        }
    }
}

#[tokio::test]
async fn a_thing_is_in_one_billing_group() {
    let house = House::with_things(&["t"]).await;
    for name in ["one", "other"] {
        let properties = json!({ "billingGroupDescription": name });
        let request = json!({ "billingGroupName": name, "billingGroupProperties": properties });
        house.ask("CreateBillingGroup", request).await;
    }
    let add = |name: &str| json!({ "billingGroupName": name, "thingName": "t" });
    house.ask("AddThingToBillingGroup", add("one")).await;
    house.ask("AddThingToBillingGroup", add("one")).await;
    let refused = house.refused("AddThingToBillingGroup", add("other")).await;
    assert!(refused.contains("in the billing group one already"), "{refused}");
    let refused = house.refused("DeleteBillingGroup", json!({ "billingGroupName": "one" })).await;
    assert!(refused.contains("still has things"), "{refused}");
    house.ask("DeleteThing", json!({ "thingName": "t" })).await;
    house.ask("DeleteBillingGroup", json!({ "billingGroupName": "one" })).await;

    let update = json!({
        "billingGroupName": "other", "billingGroupProperties": {}, "expectedVersion": 1,
    });
    let updated = house.ask("UpdateBillingGroup", update.clone()).await;
    assert_eq!(updated, json!({ "version": 2 }));
    let refused = house.refused("UpdateBillingGroup", update).await;
    assert!(refused.starts_with("VersionConflictException: "), "{refused}");
    let described = house.ask("DescribeBillingGroup", json!({ "billingGroupName": "other" })).await;
    let expected = json!({
        "billingGroupName": "other",
        "billingGroupId": described["billingGroupId"],
        "billingGroupArn": House::arn("billinggroup/other"),
        "version": 2,
        "billingGroupProperties": {},
        "billingGroupMetadata": { "creationDate": described["billingGroupMetadata"]["creationDate"] },
    });
    assert_eq!(described, expected);
    house.ask("CreateBillingGroup", json!({ "billingGroupName": "zero" })).await;
    let listed = house.ask("ListBillingGroups", json!({ "namePrefixFilter": "o" })).await;
    let other = json!({ "groupName": "other", "groupArn": House::arn("billinggroup/other") });
    assert_eq!(listed, json!({ "billingGroups": [other] }));
}
