//! Things, thing types, groups, billing groups, principals, tags: what is answered and refused.

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House, REGION, each};

const MINUTES_MS: i64 = 60 * 1000;

/// A house with these things.
async fn with_things(names: &[&str]) -> House {
    let house = House::open().await;
    for name in names {
        house.ask("CreateThing", json!({ "thingName": name })).await;
    }
    house
}

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
async fn a_thing_is_described_as_aws_does() {
    let house = House::open().await;
    house.ask("CreateThingType", json!({ "thingTypeName": "LightBulb" })).await;
    house.ask("CreateBillingGroup", json!({ "billingGroupName": "bills" })).await;
    let request = json!({
        "thingName": "MyLightBulb",
        "thingTypeName": "LightBulb",
        "billingGroupName": "bills",
        "attributePayload": { "attributes": { "model": "123", "wattage": "75", "none": "" } },
    });
    let created = house.ask("CreateThing", request).await;
    let id = created["thingId"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    let arn = House::arn("thing/MyLightBulb");
    let expected = json!({ "thingName": "MyLightBulb", "thingArn": arn, "thingId": id });
    assert_eq!(created, expected);
    let described = house.ask("DescribeThing", json!({ "thingName": "MyLightBulb" })).await;
    let mut listed = json!({
        "thingName": "MyLightBulb",
        "thingArn": arn,
        "thingTypeName": "LightBulb",
        "attributes": { "model": "123", "wattage": "75" },
        "version": 1,
    });
    assert_eq!(house.ask("ListThings", json!({})).await, json!({ "things": [listed] }));
    listed["thingId"] = json!(id);
    listed["defaultClientId"] = json!("MyLightBulb");
    listed["billingGroupName"] = json!("bills");
    assert_eq!(described, listed);
}

#[tokio::test]
async fn creating_the_same_again_answers_again_and_another_is_refused() {
    let house = House::open().await;
    let cases = [
        (
            "CreateThing",
            "thingName",
            "thingId",
            "thing",
            json!({
            "attributePayload": { "attributes": { "a": "1" } } }),
        ),
        (
            "CreateThingType",
            "thingTypeName",
            "thingTypeId",
            "thingtype",
            json!({
            "thingTypeProperties": { "searchableAttributes": ["a"] } }),
        ),
        (
            "CreateThingGroup",
            "thingGroupName",
            "thingGroupId",
            "thinggroup",
            json!({
            "thingGroupProperties": { "thingGroupDescription": "d" } }),
        ),
        (
            "CreateBillingGroup",
            "billingGroupName",
            "billingGroupId",
            "billinggroup",
            json!({
            "billingGroupProperties": { "billingGroupDescription": "d" } }),
        ),
    ];
    for (operation, name, id, kind, more) in cases {
        let plain = json!({ name: "one" });
        let first = house.ask(operation, plain.clone()).await;
        assert_eq!(house.ask(operation, plain).await, first);
        assert_eq!(first.as_object().unwrap().len(), 3, "{first}");
        let mut other = more;
        other[name] = json!("one");
        let refused = house.refused(operation, other).await;
        assert!(refused.starts_with("ResourceAlreadyExistsException: "), "{refused}");
        assert!(refused.contains("already exists in"), "{refused}");
        assert!(first[id].is_string() && first.to_string().contains(&House::arn(kind)), "{first}");
    }
}

#[tokio::test]
async fn what_is_made_again_after_it_was_deleted_is_another() {
    let house = House::open().await;
    let cases = [
        ("Thing", "thingName", "thingId"),
        ("ThingGroup", "thingGroupName", "thingGroupId"),
        ("BillingGroup", "billingGroupName", "billingGroupId"),
    ];
    for (what, name, id) in cases {
        let request = json!({ name: "one" });
        let first = house.ask(&format!("Create{what}"), request.clone()).await;
        house.ask(&format!("Delete{what}"), request.clone()).await;
        // It is gone already.
        house.ask(&format!("Delete{what}"), request.clone()).await;
        let refused = house.refused(&format!("Describe{what}"), request.clone()).await;
        assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
        let second = house.ask(&format!("Create{what}"), request).await;
        assert_ne!(first[id], second[id]);
    }
}

#[tokio::test]
async fn attributes_are_replaced_merged_and_removed_and_each_change_counts() {
    let house = with_things(&["t"]).await;
    let steps = [
        (json!({ "attributes": { "a": "1", "b": "2" } }), json!({ "a": "1", "b": "2" })),
        (
            json!({ "attributes": { "c": "3" }, "merge": true }),
            json!({ "a": "1", "b": "2", "c": "3" }),
        ),
        (json!({ "attributes": { "b": "" }, "merge": true }), json!({ "a": "1", "c": "3" })),
        (json!({ "attributes": { "d": "4" } }), json!({ "d": "4" })),
        (json!({ "merge": true }), json!({ "d": "4" })),
        (json!({ "attributes": {} }), json!({})),
    ];
    for (version, (payload, expected)) in (1..).zip(steps) {
        let request =
            json!({ "thingName": "t", "attributePayload": payload, "expectedVersion": version });
        house.ask("UpdateThing", request.clone()).await;
        let thing = house.ask("DescribeThing", json!({ "thingName": "t" })).await;
        assert_eq!((&thing["attributes"], &thing["version"]), (&expected, &json!(version + 1)));
        let refused = house.refused("UpdateThing", request).await;
        assert!(refused.starts_with("VersionConflictException: "), "{refused}");
    }
    let refused =
        house.refused("DeleteThing", json!({ "thingName": "t", "expectedVersion": 1 })).await;
    assert!(refused.starts_with("VersionConflictException: "), "{refused}");
    house.ask("DeleteThing", json!({ "thingName": "t", "expectedVersion": 7 })).await;
}

fn attributes(count: usize) -> Value {
    let attributes = (0..count).map(|number| (format!("a{number}"), json!("v")));
    json!({ "attributes": attributes.collect::<serde_json::Map<_, _>>() })
}

#[tokio::test]
async fn a_type_allows_more_attributes() {
    let house = House::open().await;
    house.ask("CreateThingType", json!({ "thingTypeName": "T" })).await;
    let thing = |count, typed: bool| {
        let mut request = json!({ "thingName": "t", "attributePayload": attributes(count) });
        if typed {
            request["thingTypeName"] = json!("T");
        }
        request
    };
    for (count, typed) in [(4, false), (51, true)] {
        let refused = house.refused("CreateThing", thing(count, typed)).await;
        assert!(refused.starts_with("InvalidRequestException: A thing with"), "{refused}");
    }
    house.ask("CreateThing", thing(50, true)).await;
    let without = json!({ "thingName": "t", "removeThingType": true });
    let refused = house.refused("UpdateThing", without).await;
    assert!(refused.contains("without a thing type"), "{refused}");
    let both = json!({ "thingName": "t", "removeThingType": true, "thingTypeName": "T" });
    let refused = house.refused("UpdateThing", both).await;
    assert!(refused.starts_with("InvalidRequestException: removeThingType"), "{refused}");
    let request = json!({
        "thingName": "t", "removeThingType": true, "attributePayload": attributes(3),
    });
    house.ask("UpdateThing", request).await;
    let thing = house.ask("DescribeThing", json!({ "thingName": "t" })).await;
    assert!(thing.get("thingTypeName").is_none(), "{thing}");
}

#[tokio::test]
async fn a_type_is_deleted_five_minutes_after_it_was_deprecated_and_without_things() {
    let house = House::open().await;
    let of_type = json!({ "thingTypeName": "T" });
    let properties = json!({
        "thingTypeDescription": "light bulb type",
        "searchableAttributes": ["wattage", "model"],
        "mqtt5Configuration": { "propagatingAttributes": [
            { "userPropertyKey": "k", "thingAttribute": "model" }] },
    });
    let request = json!({ "thingTypeName": "T", "thingTypeProperties": properties });
    let created = house.ask("CreateThingType", request).await;
    house.ask("CreateThing", json!({ "thingName": "t", "thingTypeName": "T" })).await;
    let refused = house.refused("DeleteThingType", of_type.clone()).await;
    assert!(refused.contains("must be deprecated"), "{refused}");

    house.ask("DeprecateThingType", of_type.clone()).await;
    let described = house.ask("DescribeThingType", of_type.clone()).await;
    assert_eq!(described["thingTypeId"], created["thingTypeId"]);
    assert_eq!(described["thingTypeArn"], House::arn("thingtype/T"));
    let mut expected = properties;
    expected["searchableAttributes"] = json!(["model", "wattage"]);
    assert_eq!(described["thingTypeProperties"], expected);
    let metadata = &described["thingTypeMetadata"];
    assert_eq!(metadata["deprecated"], true);
    assert_eq!(metadata["deprecationDate"], metadata["creationDate"]);

    let thing = json!({ "thingName": "u", "thingTypeName": "T" });
    let refused = house.refused("CreateThing", thing.clone()).await;
    let text = "InvalidRequestException: Can not create new thing with deprecated thing type:T";
    assert_eq!(refused, text);
    house.ask("CreateThing", json!({ "thingName": "u" })).await;
    assert_eq!(house.refused("UpdateThing", thing).await, text);
    // What has it keeps it.
    house.ask("UpdateThing", json!({ "thingName": "t", "thingTypeName": "T" })).await;

    let waits =
        "InvalidRequestException: Please wait for 5 minutes after deprecation and then retry";
    house.engine.advance(5 * MINUTES_MS - 1);
    assert_eq!(house.refused("DeleteThingType", of_type.clone()).await, waits);
    house.ask("DeprecateThingType", json!({ "thingTypeName": "T", "undoDeprecate": true })).await;
    house.ask("DeprecateThingType", of_type.clone()).await;
    house.engine.advance(5 * MINUTES_MS - 1);
    assert_eq!(house.refused("DeleteThingType", of_type.clone()).await, waits);
    house.engine.advance(1);
    let refused = house.refused("DeleteThingType", of_type.clone()).await;
    assert!(refused.contains("still has things"), "{refused}");
    house.ask("DeleteThing", json!({ "thingName": "t" })).await;
    house.ask("DeleteThingType", of_type.clone()).await;
    for operation in ["DeleteThingType", "DescribeThingType", "DeprecateThingType"] {
        let refused = house.refused(operation, of_type.clone()).await;
        assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
    }
}

#[tokio::test]
async fn a_type_is_updated_in_what_is_said_and_has_three_searchable_attributes() {
    let house = House::open().await;
    let type_of =
        |properties: Value| json!({ "thingTypeName": "T", "thingTypeProperties": properties });
    let four = type_of(json!({ "searchableAttributes": ["a", "b", "c", "d"] }));
    let text =
        "InvalidRequestException: Only three searchable attributes are allowed for a thing type.";
    assert_eq!(house.refused("CreateThingType", four.clone()).await, text);
    house.ask("CreateThingType", type_of(json!({ "searchableAttributes": ["a"] }))).await;
    assert_eq!(house.refused("UpdateThingType", four).await, text);
    house.ask("UpdateThingType", type_of(json!({ "thingTypeDescription": "d" }))).await;
    let listed = house.ask("ListThingTypes", json!({ "thingTypeName": "T" })).await;
    let expected = json!({ "thingTypeDescription": "d", "searchableAttributes": ["a"] });
    assert_eq!(listed["thingTypes"][0]["thingTypeProperties"], expected);
    assert!(listed["thingTypes"][0].get("thingTypeId").is_none(), "{listed}");
    let none = house.ask("ListThingTypes", json!({ "thingTypeName": "U" })).await;
    assert_eq!(none, json!({ "thingTypes": [] }));
}

#[tokio::test]
async fn things_with_a_type_are_found_by_its_searchable_attributes_only() {
    let house = House::open().await;
    let properties = json!({ "searchableAttributes": ["model"] });
    let request = json!({ "thingTypeName": "T", "thingTypeProperties": properties });
    house.ask("CreateThingType", request).await;
    for (name, of) in [("plain", None), ("typed", Some("T"))] {
        let payload = json!({ "attributes": { "model": "x1", "colour": "red" } });
        let mut request = json!({ "thingName": name, "attributePayload": payload });
        if let Some(of) = of {
            request["thingTypeName"] = json!(of);
        }
        house.ask("CreateThing", request).await;
    }
    let cases = [
        (json!({ "attributeName": "model", "attributeValue": "x1" }), vec!["plain", "typed"]),
        (json!({ "attributeName": "colour", "attributeValue": "red" }), vec!["plain"]),
        (json!({ "attributeName": "model", "attributeValue": "x" }), vec![]),
        (
            json!({ "attributeName": "model", "attributeValue": "x",
            "usePrefixAttributeValue": true }),
            vec!["plain", "typed"],
        ),
        (json!({ "attributeName": "model", "thingTypeName": "T" }), vec!["typed"]),
    ];
    for (filter, expected) in cases {
        let things = house.pages("ListThings", filter.clone(), "things").await;
        assert_eq!(json!(each(&things, "thingName")), json!(expected), "{filter}");
    }
    let refused = house.refused("ListThings", json!({ "attributeValue": "x1" })).await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
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
    let house = with_things(&["t", "u"]).await;
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
async fn policies_of_a_group_reach_its_things_and_end_with_it() {
    let house = with_things(&["t"]).await;
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
    let house = with_things(&["t"]).await;
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
    let house = with_things(&["t"]).await;
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
    let house = with_things(&["t"]).await;
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

#[tokio::test]
async fn principals_are_attached_and_keep_their_thing() {
    let house = with_things(&["t", "u"]).await;
    let certificate = house.certificate(7).await;
    let pair = |thing: &str| json!({ "thingName": thing, "principal": certificate });
    house.ask("AttachThingPrincipal", pair("t")).await;
    house.ask("AttachThingPrincipal", pair("t")).await;
    house.ask("AttachThingPrincipal", pair("u")).await;
    let of_thing = house.ask("ListThingPrincipals", json!({ "thingName": "t" })).await;
    assert_eq!(of_thing, json!({ "principals": [certificate] }));
    let things = house.pages(
        "ListPrincipalThings",
        json!({ "principal": certificate, "maxResults": 1 }),
        "things",
    );
    assert_eq!(things.await, [json!("t"), json!("u")]);
    let refused = house.refused("DeleteThing", json!({ "thingName": "t" })).await;
    let text = "InvalidRequestException: Cannot delete. Thing t is still attached to one or more principals";
    assert_eq!(refused, text);
    house.ask("DetachThingPrincipal", pair("t")).await;
    house.ask("DetachThingPrincipal", pair("t")).await;
    house.ask("DeleteThing", json!({ "thingName": "t" })).await;

    let identity = format!("{REGION}:12345678-90ab-cdef-1234-567890abcdef");
    house.ask("AttachThingPrincipal", json!({ "thingName": "u", "principal": identity })).await;
    let other_account = certificate.replace(ACCOUNT, "000000000000");
    let cases = [
        ("t", certificate.as_str(), "ResourceNotFoundException: Thing t"),
        ("u", &House::arn(&format!("cert/{}", "ab".repeat(32))), "ResourceNotFoundException: Cert"),
        ("u", &House::arn("cert/12"), "InvalidRequestException: Invalid principal"),
        ("u", &other_account, "InvalidRequestException: Invalid principal"),
        ("u", "arn:aws:iam::123456789012:user/u", "InvalidRequestException: Invalid principal"),
        ("u", "", "InvalidRequestException: Invalid principal"),
        ("u", "a:b\0c", "InvalidRequestException: Invalid principal"),
    ];
    for (thing, principal, expected) in cases {
        for operation in ["AttachThingPrincipal", "DetachThingPrincipal"] {
            let request = json!({ "thingName": thing, "principal": principal });
            let refused = house.refused(operation, request).await;
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}

#[tokio::test]
async fn an_exclusive_principal_has_one_thing() {
    let house = with_things(&["t", "u"]).await;
    let (first, second) = (house.certificate(1).await, house.certificate(2).await);
    let attach = |thing: &str, principal: &str, how: Option<&str>| {
        let mut request = json!({ "thingName": thing, "principal": principal });
        if let Some(how) = how {
            request["thingPrincipalType"] = json!(how);
        }
        request
    };
    let (exclusive, shared) = (Some("EXCLUSIVE_THING"), Some("NON_EXCLUSIVE_THING"));
    house.ask("AttachThingPrincipal", attach("t", &first, exclusive)).await;
    house.ask("AttachThingPrincipal", attach("t", &first, None)).await;
    house.ask("AttachThingPrincipal", attach("t", &second, None)).await;
    let refusals = [
        ("u", &first, None, "exclusively"),
        ("u", &first, exclusive, "exclusively"),
        ("u", &second, exclusive, "exclusively"),
        ("t", &first, shared, "in another way"),
        ("t", &second, exclusive, "in another way"),
    ];
    for (thing, principal, how, expected) in refusals {
        let refused = house.refused("AttachThingPrincipal", attach(thing, principal, how)).await;
        assert!(refused.contains(expected), "{refused}");
    }
    let one = json!({ "principal": first, "thingPrincipalType": "EXCLUSIVE_THING" });
    let other = json!({ "principal": second, "thingPrincipalType": "NON_EXCLUSIVE_THING" });
    for (how, expected) in
        [(None, json!([one, other])), (exclusive, json!([one])), (shared, json!([other]))]
    {
        let mut request = json!({ "thingName": "t", "maxResults": 1 });
        if let Some(how) = how {
            request["thingPrincipalType"] = json!(how);
        }
        let member = "thingPrincipalObjects";
        let principals = house.pages("ListThingPrincipalsV2", request, member).await;
        assert_eq!(json!(principals), expected);
    }
    let request = json!({ "principal": first, "thingPrincipalType": "EXCLUSIVE_THING" });
    let things = house.ask("ListPrincipalThingsV2", request).await;
    let thing = json!({ "thingName": "t", "thingPrincipalType": "EXCLUSIVE_THING" });
    assert_eq!(things, json!({ "principalThingObjects": [thing] }));
    // Once it is free, another thing may have it.
    house.ask("DetachThingPrincipal", json!({ "thingName": "t", "principal": first })).await;
    house.ask("AttachThingPrincipal", attach("u", &first, exclusive)).await;
}

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

#[tokio::test]
async fn tags_that_cannot_be_are_refused() {
    let house = with_things(&["t"]).await;
    group(&house, "g", None).await;
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

#[tokio::test]
async fn an_account_has_its_own_endpoints_and_things() {
    let house = with_things(&["t"]).await;
    let mut addresses = Vec::new();
    for kind in ["iot:Data", "iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs"] {
        let request = json!({ "endpointType": kind });
        let answer = house.ask("DescribeEndpoint", request.clone()).await;
        assert_eq!(house.ask("DescribeEndpoint", request.clone()).await, answer);
        let address = answer["endpointAddress"].as_str().unwrap().to_owned();
        assert!(
            address.ends_with(&format!(".iot.{REGION}.amazonaws.com"))
                || address.ends_with(&format!("iot.{REGION}.amazonaws.com")),
            "{address}"
        );
        let other = house.call_as("000000000000", "DescribeEndpoint", &request).await.unwrap();
        assert_ne!(other["endpointAddress"], json!(address));
        addresses.push(address);
    }
    assert!(addresses[1].starts_with(&addresses[0][..14]) && addresses[1].contains("-ats."));
    let default = house.ask("DescribeEndpoint", json!({})).await;
    assert_eq!(default["endpointAddress"], json!(addresses[0]));
    let refused = house.refused("DescribeEndpoint", json!({ "endpointType": "iot:X" })).await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
    let other = house.call_as("000000000000", "ListThings", &json!({})).await.unwrap();
    assert_eq!(other, json!({ "things": [] }));
}

#[tokio::test]
async fn a_token_is_good_for_its_list_only() {
    let house = with_things(&["t", "u"]).await;
    let page = house.ask("ListThings", json!({ "maxResults": 1 })).await;
    let token = page["nextToken"].as_str().unwrap();
    let cases = [
        ("ListThings", json!({ "nextToken": "x" })),
        ("ListThings", json!({ "nextToken": token, "attributeName": "a" })),
        ("ListThingTypes", json!({ "nextToken": token })),
    ];
    for (operation, request) in cases {
        let refused = house.refused(operation, request).await;
        assert_eq!(refused, "InvalidRequestException: Invalid token");
    }
    // The last page says so.
    let last = house.ask("ListThings", json!({ "maxResults": 1, "nextToken": token })).await;
    assert!(last.get("nextToken").is_none(), "{last}");
}
