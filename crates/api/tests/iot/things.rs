//! Things, thing types, and what is asked about the account.

use serde_json::{Value, json};

use crate::house::{House, MINUTES_MS, REGION, each};

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
    let house = House::with_things(&["t"]).await;
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
async fn an_account_has_its_own_endpoints_and_things() {
    let house = House::with_things(&["t"]).await;
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
    let house = House::with_things(&["t", "u"]).await;
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
