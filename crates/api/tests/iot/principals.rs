//! What is attached to things.

use serde_json::json;

use crate::house::{ACCOUNT, House, REGION};

#[tokio::test]
async fn principals_are_attached_and_keep_their_thing() {
    let house = House::with_things(&["t", "u"]).await;
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
    let house = House::with_things(&["t", "u"]).await;
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
