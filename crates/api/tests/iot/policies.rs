//! Policies, their versions and attachments; role aliases.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House, and, each};
use crate::tape::{Tape, random};

const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}"#;
const IDENTITY: &str = "us-west-2:0a1b2c3d-0000-4000-8000-000000000000";

fn document(statement: &Value) -> Value {
    json!(json!({ "Version": "2012-10-17", "Statement": statement }).to_string())
}

async fn policy(house: &House, name: &str) {
    house.ask("CreatePolicy", json!({ "policyName": name, "policyDocument": DOCUMENT })).await;
}

async fn group(house: &House, name: &str, parent: Option<&str>) -> String {
    let mut request = json!({ "thingGroupName": name });
    if let Some(parent) = parent {
        request["parentGroupName"] = json!(parent);
    }
    house.ask("CreateThingGroup", request).await;
    House::arn(&format!("thinggroup/{name}"))
}

fn is_moment(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z'))
}

#[tokio::test]
async fn a_policy_is_created_with_version_1_as_its_default() {
    let house = House::open().await;
    let tags = json!([{ "Key": "env", "Value": "x" }]);
    let request = json!({ "policyName": "p", "policyDocument": DOCUMENT, "tags": tags });
    let arn = House::arn("policy/p");
    assert_eq!(
        house.ask("CreatePolicy", request).await,
        json!({
            "policyName": "p", "policyArn": arn, "policyDocument": DOCUMENT, "policyVersionId": "1",
        })
    );
    let shown = house.ask("GetPolicy", json!({ "policyName": "p" })).await;
    let generation = shown["generationId"].as_str().unwrap().to_owned();
    assert_eq!(generation.len(), 64);
    assert!(is_moment(&shown["creationDate"]) && is_moment(&shown["lastModifiedDate"]));
    assert_eq!(shown["policyDocument"], DOCUMENT);
    assert_eq!((&shown["defaultVersionId"], &shown["policyArn"]), (&json!("1"), &json!(arn)));
    let request = json!({ "policyName": "p", "policyVersionId": "1" });
    let version = house.ask("GetPolicyVersion", request).await;
    assert_eq!(version["isDefaultVersion"], true);
    assert_eq!(version["generationId"], generation);
    let listed = house.ask("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(listed["tags"], tags);
    // Another policy of this name is another one.
    house.ask("DeletePolicy", json!({ "policyName": "p" })).await;
    policy(&house, "p").await;
    let shown = house.ask("GetPolicy", json!({ "policyName": "p" })).await;
    assert_ne!(shown["generationId"], generation);
    let listed = house.ask("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(listed["tags"], json!([]));
}

#[tokio::test]
async fn versions_are_listed_latest_first_and_their_numbers_never_come_again() {
    let house = House::open().await;
    policy(&house, "p").await;
    let other = document(&json!([]));
    for (number, set) in [(2, false), (3, true), (4, false), (5, false)] {
        let request = json!({ "policyName": "p", "policyDocument": other, "setAsDefault": set });
        let made = house.ask("CreatePolicyVersion", request).await;
        assert_eq!(made["policyVersionId"], number.to_string());
        assert_eq!((&made["isDefaultVersion"], &made["policyDocument"]), (&json!(set), &other));
    }
    let request = json!({ "policyName": "p", "policyDocument": other });
    assert_eq!(
        house.refused("CreatePolicyVersion", request.clone()).await,
        "VersionsLimitExceededException: The policy p already has the maximum number of versions (5)"
    );
    let of = |number: &str| json!({ "policyName": "p", "policyVersionId": number });
    assert_eq!(
        house.refused("DeletePolicyVersion", of("3")).await,
        "InvalidRequestException: Cannot delete the default version of a policy"
    );
    house.ask("DeletePolicyVersion", of("5")).await;
    assert_eq!(house.ask("CreatePolicyVersion", request).await["policyVersionId"], "6");
    house.ask("SetDefaultPolicyVersion", of("1")).await;
    house.ask("DeletePolicyVersion", of("3")).await;
    let listed = house.ask("ListPolicyVersions", json!({ "policyName": "p" })).await;
    let listed = listed["policyVersions"].as_array().unwrap().clone();
    assert_eq!(each(&listed, "versionId"), ["6", "4", "2", "1"]);
    assert_eq!(each(&listed, "isDefaultVersion"), [false, false, false, true]);
    assert!(listed.iter().all(|version| is_moment(&version["createDate"])));
    let shown = house.ask("GetPolicy", json!({ "policyName": "p" })).await;
    assert_eq!(shown["policyDocument"], DOCUMENT);
    for operation in ["GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"] {
        for gone in ["3", "7", "0", "99999999999999999999"] {
            assert_eq!(
                house.refused(operation, of(gone)).await,
                "ResourceNotFoundException: The specified policy version does not exist"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_policy_document_is_malformed() {
    let house = House::open().await;
    policy(&house, "p").await;
    let allow =
        |more: Value| and(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }), more);
    let plain = "Policy document is Malformed";
    let syntax = "Policy document is Malformed: Invalid policy syntax.";
    let long =
        "Policy document is Malformed: it has 2049 characters without whitespace, more than 2048";
    let filled = |length: usize| {
        let short = document(&allow(json!({ "Sid": "" })));
        let have = short.as_str().unwrap().chars().filter(|one| !one.is_whitespace()).count();
        document(&allow(json!({ "Sid": "s ".repeat(length - have) })))
    };
    let resources =
        "Policy document is Malformed: The following resources are invalid : topic/a, arn:x";
    let cases = [
        (json!("policy.json"), plain),
        (json!("{"), plain),
        (json!("[]"), syntax),
        (json!(r#"{"Statement":[]}"#), syntax),
        (json!(r#"{"Version":"2020-01-01","Statement":[]}"#), syntax),
        (json!(r#"{"Version":"2012-10-17"}"#), syntax),
        (document(&json!([{ "Effect": "Maybe", "Action": "*", "Resource": "*" }])), syntax),
        (document(&json!([{ "Effect": "Allow", "Resource": "*" }])), syntax),
        (document(&json!([{ "Effect": "Allow", "Action": "*" }])), syntax),
        (document(&json!([{ "Effect": "Allow", "NotAction": "iot:*", "Resource": "*" }])), syntax),
        (document(&json!([{ "Effect": "Allow", "Action": "*", "NotResource": "*" }])), syntax),
        (document(&json!([allow(json!({ "Principal": "*" }))])), syntax),
        (document(&json!([allow(json!({ "Resource": ["topic/a", "*", "arn:x"] }))])), resources),
        (filled(2049), long),
    ];
    for (document, message) in cases {
        for operation in ["CreatePolicy", "CreatePolicyVersion"] {
            let name = if operation == "CreatePolicy" { "new" } else { "p" };
            let request = json!({ "policyName": name, "policyDocument": document });
            let expected = format!("MalformedPolicyException: {message}");
            assert_eq!(house.refused(operation, request).await, expected, "{document}");
        }
    }
    let request = json!({ "policyName": "full", "policyDocument": filled(2048) });
    house.ask("CreatePolicy", request).await;
}

#[tokio::test]
async fn a_policy_is_deleted_only_alone_and_detached() {
    let house = House::open().await;
    policy(&house, "p").await;
    assert_eq!(
        house
            .refused("CreatePolicy", json!({ "policyName": "p", "policyDocument": DOCUMENT }))
            .await,
        "ResourceAlreadyExistsException: Policy cannot be created - name already exists (name=p)"
    );
    let request = json!({ "policyName": "p", "policyDocument": DOCUMENT });
    house.ask("CreatePolicyVersion", request).await;
    let certificate = house.certificate(1).await;
    let attachment = json!({ "policyName": "p", "target": certificate });
    house.ask("AttachPolicy", attachment.clone()).await;
    let delete = json!({ "policyName": "p" });
    assert_eq!(
        house.refused("DeletePolicy", delete.clone()).await,
        "DeleteConflictException: The policy cannot be deleted as versions other than than default version exist (name=p)"
    );
    let version = json!({ "policyName": "p", "policyVersionId": "2" });
    house.ask("DeletePolicyVersion", version).await;
    assert_eq!(
        house.refused("DeletePolicy", delete.clone()).await,
        "DeleteConflictException: The policy cannot be deleted as the policy is attached to one or more principals (name=p)"
    );
    house.ask("DetachPolicy", attachment).await;
    house.ask("DeletePolicy", delete.clone()).await;
    let missing = "ResourceNotFoundException: Policy not found";
    for operation in ["DeletePolicy", "GetPolicy", "ListPolicyVersions", "ListTargetsForPolicy"] {
        assert_eq!(house.refused(operation, delete.clone()).await, missing, "{operation}");
    }
    let request = json!({ "policyName": "p", "policyDocument": DOCUMENT });
    assert_eq!(house.refused("CreatePolicyVersion", request).await, missing);
    // What AWS answers here: see the house's sources.
    let principals = house.ask("ListPolicyPrincipals", delete).await;
    assert_eq!(principals, json!({ "principals": [] }));
}

#[tokio::test]
async fn a_policy_is_attached_to_what_is_there() {
    let house = House::open().await;
    policy(&house, "p").await;
    let certificate = house.certificate(1).await;
    let group = group(&house, "g", None).await;
    for target in [certificate.as_str(), &group, IDENTITY] {
        // Twice is once.
        for _ in 0..2 {
            let attachment = json!({ "policyName": "p", "target": target });
            assert_eq!(house.ask("AttachPolicy", attachment).await, json!({}));
        }
        let listed = house.ask("ListAttachedPolicies", json!({ "target": target })).await;
        let named = json!({ "policyName": "p", "policyArn": House::arn("policy/p") });
        assert_eq!(listed, json!({ "policies": [named] }));
    }
    let listed = house.ask("ListTargetsForPolicy", json!({ "policyName": "p" })).await;
    assert_eq!(listed, json!({ "targets": [certificate, group, IDENTITY] }));
    let missing = House::arn(&format!("cert/{}", "ab".repeat(32)));
    let other = certificate.replace(ACCOUNT, "999999999999");
    let cases = [
        ("none", certificate.clone(), "ResourceNotFoundException: Policy not found".to_owned()),
        (
            "p",
            missing,
            format!(
                "ResourceNotFoundException: The certificate {} does not exist",
                "ab".repeat(32)
            ),
        ),
        (
            "p",
            House::arn("thinggroup/none"),
            "ResourceNotFoundException: Thing Group none not found.".to_owned(),
        ),
        ("p", other.clone(), format!("InvalidRequestException: Invalid target: {other}")),
        ("p", "x".to_owned(), "InvalidRequestException: Invalid target: x".to_owned()),
        ("p", "x:\0".to_owned(), "InvalidRequestException: Invalid target: x:\0".to_owned()),
        (
            "p",
            House::arn("thing/t"),
            format!("InvalidRequestException: Invalid target: {}", House::arn("thing/t")),
        ),
    ];
    for (policy, target, message) in cases {
        let attachment = json!({ "policyName": policy, "target": target });
        assert_eq!(house.refused("AttachPolicy", attachment.clone()).await, message);
        if policy == "p" {
            let listed = json!({ "target": target });
            assert_eq!(house.refused("ListAttachedPolicies", listed).await, message);
        }
        if message.starts_with("Invalid") {
            assert_eq!(house.refused("DetachPolicy", attachment).await, message);
        } else {
            assert_eq!(house.ask("DetachPolicy", attachment).await, json!({}));
        }
    }
}

#[tokio::test]
async fn the_older_names_do_the_same_but_not_for_groups() {
    let house = House::open().await;
    policy(&house, "p").await;
    let certificate = house.certificate(1).await;
    let group = group(&house, "g", None).await;
    let of = |principal: &str| json!({ "policyName": "p", "principal": principal });
    house.ask("AttachPrincipalPolicy", of(&certificate)).await;
    house.ask("AttachPrincipalPolicy", of(IDENTITY)).await;
    assert_eq!(
        house.refused("AttachPrincipalPolicy", of(&group)).await,
        "InvalidRequestException: The given ARN does not represent a cert"
    );
    let listed = house.ask("ListPolicyPrincipals", json!({ "policyName": "p" })).await;
    assert_eq!(listed, json!({ "principals": [IDENTITY, certificate] }));
    let listed = house.ask("ListPrincipalPolicies", json!({ "principal": certificate })).await;
    assert_eq!(each(listed["policies"].as_array().unwrap(), "policyName"), ["p"]);
    for _ in 0..2 {
        house.ask("DetachPrincipalPolicy", of(&certificate)).await;
    }
    let listed = house.ask("ListTargetsForPolicy", json!({ "policyName": "p" })).await;
    assert_eq!(listed, json!({ "targets": [IDENTITY] }));
    let none = json!({ "policyName": "none", "principal": certificate });
    let missing = "ResourceNotFoundException: Policy not found";
    assert_eq!(house.refused("DetachPrincipalPolicy", none).await, missing);
}

#[tokio::test]
async fn a_certificate_has_ten_policies_at_most() {
    let house = House::open().await;
    let certificate = house.certificate(1).await;
    for number in 0..=10 {
        policy(&house, &format!("p{number}")).await;
        let attachment = json!({ "policyName": format!("p{number}"), "target": certificate });
        if number < 10 {
            house.ask("AttachPolicy", attachment).await;
        } else {
            let message =
                format!("LimitExceededException: The target {certificate} has 10 policies already");
            assert_eq!(house.refused("AttachPolicy", attachment).await, message);
        }
    }
}

#[tokio::test]
async fn effective_policies_are_those_of_the_principal_the_groups_and_the_groups_above() {
    let house = House::open().await;
    let certificate = house.certificate(1).await;
    let top = group(&house, "top", None).await;
    let below = group(&house, "below", Some("top")).await;
    let beside = group(&house, "beside", None).await;
    house.ask("CreateThing", json!({ "thingName": "t" })).await;
    house.ask("AddThingToThingGroup", json!({ "thingName": "t", "thingGroupName": "below" })).await;
    for (name, target) in [("b", &certificate), ("a", &top), ("c", &below), ("d", &beside)] {
        policy(&house, name).await;
        house.ask("AttachPolicy", json!({ "policyName": name, "target": target })).await;
    }
    let names = |answer: Value| each(answer["effectivePolicies"].as_array().unwrap(), "policyName");
    let request = json!({ "principal": certificate, "thingName": "t" });
    let answer = house.ask("GetEffectivePolicies", request).await;
    assert_eq!(answer["effectivePolicies"][0]["policyDocument"], DOCUMENT);
    assert_eq!(names(answer), ["a", "b", "c"]);
    let request = json!({ "principal": certificate });
    assert_eq!(names(house.ask("GetEffectivePolicies", request).await), ["b"]);
    let cases = [
        (json!({}), "InvalidRequestException: A principal or a thing name is required"),
        (
            json!({ "cognitoIdentityPoolId": "x" }),
            "InvalidRequestException: Policies of Cognito identity pools are not known here",
        ),
        (json!({ "thingName": "none" }), "ResourceNotFoundException: Thing none not found."),
    ];
    for (request, message) in cases {
        assert_eq!(house.refused("GetEffectivePolicies", request).await, message);
    }
}

/// The size of a page, or the default.
fn sized(tape: &mut Tape) -> Value {
    tape.size(1, 250).map_or(json!({}), |size| json!({ "pageSize": size }))
}

#[test]
fn lists_of_policies_are_those_of_a_naive_model() {
    random(8, async |tape| {
        let house = House::open().await;
        let groups = ["g", "g/below", "g/below/deep", "h"].map(|path| path.replace('/', "-"));
        let mut targets = vec![house.certificate(1).await, house.certificate(2).await];
        targets.push(IDENTITY.to_owned());
        let mut above: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in &groups {
            let parent = name.rsplit_once('-').map(|(parent, _)| parent);
            let arn = group(&house, name, parent).await;
            let mut line = vec![arn.clone()];
            if let Some(parent) = parent {
                line.extend(above[&House::arn(&format!("thinggroup/{parent}"))].clone());
            }
            above.insert(arn.clone(), line);
            targets.push(arn);
        }
        let mut order: Vec<String> = Vec::new();
        let mut attached: BTreeSet<(String, String)> = BTreeSet::new();
        for _ in 0..40 {
            let name = format!("{}{}", tape.one(&["p", "P", "p-", "q="]), tape.below(8));
            let is_there = order.contains(&name);
            match tape.below(8) {
                0..=3 if !is_there => {
                    // What is made in one millisecond is in the order of the names.
                    house.engine.advance(1);
                    policy(&house, &name).await;
                    order.push(name);
                }
                4 if is_there && !attached.iter().any(|(policy, _)| *policy == name) => {
                    house.ask("DeletePolicy", json!({ "policyName": name })).await;
                    order.retain(|known| *known != name);
                }
                5 => {
                    let target = tape.one(&targets);
                    let request = json!({ "policyName": name, "target": target });
                    house.ask("DetachPolicy", request).await;
                    attached.remove(&(name, target));
                }
                _ if is_there => {
                    let target = tape.one(&targets);
                    let count = attached.iter().filter(|(_, of)| *of == target).count();
                    if count < 10 {
                        let request = json!({ "policyName": name, "target": target });
                        house.ask("AttachPolicy", request).await;
                        attached.insert((name, target));
                    }
                }
                _ => {}
            }
        }
        for is_ascending in [true, false] {
            let turned = |mut all: Vec<String>| {
                if !is_ascending {
                    all.reverse();
                }
                all
            };
            let asked = and(sized(tape), json!({ "ascendingOrder": is_ascending }));
            let found = house.marked("ListPolicies", asked.clone(), "policies").await;
            assert_eq!(each(&found, "policyName"), turned(order.clone()));
            let target = tape.one(&targets);
            let of_target = attached.iter().filter(|(_, of)| *of == target);
            let names: Vec<String> = of_target.map(|(policy, _)| policy.clone()).collect();
            let request = and(asked.clone(), json!({ "principal": target }));
            let found = house.marked("ListPrincipalPolicies", request, "policies").await;
            assert_eq!(each(&found, "policyName"), turned(names));
            let name = order.first().cloned().unwrap_or_else(|| "none".to_owned());
            let of_policy = attached.iter().filter(|(policy, _)| *policy == name);
            let known: Vec<String> = of_policy.map(|(_, target)| target.clone()).collect();
            let request = and(asked, json!({ "policyName": name }));
            let found = house.marked("ListPolicyPrincipals", request, "principals").await;
            assert_eq!(found, turned(known.clone()));
            if !order.is_empty() {
                let request = and(sized(tape), json!({ "policyName": name }));
                assert_eq!(house.marked("ListTargetsForPolicy", request, "targets").await, known);
            }
        }
        for target in &targets {
            for recursive in [true, false] {
                let line = above.get(target).filter(|_| recursive);
                let line = line.cloned().unwrap_or_else(|| vec![target.clone()]);
                let of_line = attached.iter().filter(|(_, of)| line.contains(of));
                let names: BTreeSet<&String> = of_line.map(|(policy, _)| policy).collect();
                let names: Vec<String> = names.into_iter().cloned().collect();
                let asked = and(sized(tape), json!({ "target": target, "recursive": recursive }));
                let found = house.marked("ListAttachedPolicies", asked, "policies").await;
                assert_eq!(each(&found, "policyName"), names, "{target} {recursive}");
            }
        }
    });
}

#[tokio::test]
async fn a_marker_is_good_for_its_own_list_only() {
    let house = House::open().await;
    let role = "arn:aws:iam::123456789012:role/r";
    for name in ["a", "b"] {
        policy(&house, name).await;
        house.ask("CreateRoleAlias", json!({ "roleAlias": name, "roleArn": role })).await;
    }
    let page = house.ask("ListPolicies", json!({ "pageSize": 1 })).await;
    let marker = page["nextMarker"].clone();
    let invalid = "InvalidRequestException: Invalid token";
    let turned = json!({ "pageSize": 1, "marker": marker, "ascendingOrder": true });
    assert_eq!(house.refused("ListPolicies", turned).await, invalid);
    let request = json!({ "marker": marker });
    assert_eq!(house.refused("ListRoleAliases", request.clone()).await, invalid);
    assert_eq!(house.refused("ListPolicies", json!({ "marker": "abc" })).await, invalid);
    assert!(house.call_as("999999999999", "ListPolicies", &request).await.is_err());
    house.ask("ListPolicies", request).await;
}

#[tokio::test]
async fn a_role_alias_is_made_shown_changed_and_deleted() {
    let house = House::open().await;
    let role = "arn:aws:iam::123456789012:role/service/r";
    let name = json!({ "roleAlias": "a" });
    let made = house.ask("CreateRoleAlias", and(name.clone(), json!({ "roleArn": role }))).await;
    let arn = House::arn("rolealias/a");
    assert_eq!(made, json!({ "roleAlias": "a", "roleAliasArn": arn }));
    let shown = house.ask("DescribeRoleAlias", name.clone()).await;
    let shown = &shown["roleAliasDescription"];
    assert_eq!((&shown["roleArn"], &shown["owner"]), (&json!(role), &json!(ACCOUNT)));
    assert_eq!(shown["credentialDurationSeconds"], 3600);
    assert_eq!((&shown["roleAlias"], &shown["roleAliasArn"]), (&json!("a"), &json!(arn)));
    assert_eq!(shown["creationDate"], shown["lastModifiedDate"]);
    house.engine.advance(1000);
    let change = and(name.clone(), json!({ "credentialDurationSeconds": 43200 }));
    house.ask("UpdateRoleAlias", change).await;
    let shown = house.ask("DescribeRoleAlias", name.clone()).await;
    let shown = &shown["roleAliasDescription"];
    assert_eq!(
        (&shown["roleArn"], &shown["credentialDurationSeconds"]),
        (&json!(role), &json!(43200))
    );
    assert_ne!(shown["creationDate"], shown["lastModifiedDate"]);
    assert_eq!(
        house.refused("CreateRoleAlias", and(name.clone(), json!({ "roleArn": role }))).await,
        "ResourceAlreadyExistsException: RoleAlias cannot be created - alias already exists (alias=a)"
    );
    for (operation, more) in
        [("CreateRoleAlias", json!({ "roleAlias": "b" })), ("UpdateRoleAlias", json!({}))]
    {
        let bad = "arn:aws:iam::123456789012:user/r";
        let request = and(and(name.clone(), more), json!({ "roleArn": bad }));
        assert_eq!(
            house.refused(operation, request).await,
            format!("InvalidRequestException: Invalid role ARN: {bad}")
        );
    }
    for seconds in [899, 43201] {
        let change = and(name.clone(), json!({ "credentialDurationSeconds": seconds }));
        let refused = house.refused("UpdateRoleAlias", change).await;
        assert!(refused.starts_with("InvalidRequestException: 1 validation error"), "{refused}");
    }
    house.ask("DeleteRoleAlias", name.clone()).await;
    for operation in ["DeleteRoleAlias", "DescribeRoleAlias", "UpdateRoleAlias"] {
        assert_eq!(
            house.refused(operation, name.clone()).await,
            "ResourceNotFoundException: RoleAlias a not found"
        );
    }
}

#[test]
fn role_aliases_are_listed_in_alphabetical_order_or_the_other_way_round() {
    random(8, async |tape| {
        let house = House::open().await;
        let mut names = BTreeSet::new();
        for _ in 0..tape.below(30) {
            let name = format!("{}{}", tape.one(&["a", "B", "a-", "_"]), tape.below(20));
            if names.insert(name.clone()) {
                let role = "arn:aws:iam::123456789012:role/r";
                house.ask("CreateRoleAlias", json!({ "roleAlias": name, "roleArn": role })).await;
            }
        }
        for is_ascending in [true, false] {
            let asked = and(sized(tape), json!({ "ascendingOrder": is_ascending }));
            let found = house.marked("ListRoleAliases", asked, "roleAliases").await;
            let mut expected: Vec<String> = names.iter().cloned().collect();
            if !is_ascending {
                expected.reverse();
            }
            assert_eq!(found, expected);
        }
    });
}
