//! Tables of policies and roles, with what is to be found.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_core::Timestamp;

use super::document::Document;
use super::misconfiguration;
use super::permissive::{broad_actions, reason};
use super::roles::{self, Role};
use crate::check::Reason;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

fn document(statements: &[Value]) -> Document {
    Document::read(&json!({ "Version": "2012-10-17", "Statement": statements })).unwrap()
}

fn statement(effect: &str, actions: &[&str], resources: &[&str]) -> Value {
    let full = |one: &&str| {
        if *one == "*" || one.starts_with("arn:") { (*one).to_owned() } else { arn(one) }
    };
    let resources: Vec<String> = resources.iter().map(full).collect();
    json!({ "Effect": effect, "Action": actions, "Resource": resources })
}

fn attached(mut statement: Value) -> Value {
    statement["Condition"] = json!({ "Bool": { "iot:Connection.Thing.IsAttached": ["true"] } });
    statement
}

#[test]
fn a_statement_is_broad_as_the_guide_says() {
    const SHADOW: [&str; 3] =
        ["iot:GetThingShadow", "iot:DeleteThingShadow", "iot:UpdateThingShadow"];
    // Action, resource, whether it is broad.
    let rows: &[(&str, &str, bool)] = &[
        // The guide's examples of Connect.
        ("iot:Connect", "client/*", true),
        ("iot:Connect", "client/${iot:ClientId}", true),
        ("iot:Connect", "client/${iot:Connection.Thing.ThingName}", false),
        // Of Publish.
        ("iot:Publish", "topic/$aws/things/*/shadow/update", true),
        ("iot:Publish", "topic/$aws/things/*", true),
        ("iot:Publish", "topic/$aws/things/${iot:Connection.Thing.ThingName}/shadow/*", false),
        // Of Subscribe.
        ("iot:Subscribe", "topicfilter/$aws/things/*", true),
        ("iot:Subscribe", "topicfilter/$aws/things/#", true),
        ("iot:Subscribe", "topicfilter/$aws/things/+/shadow/update", true),
        ("iot:Subscribe", "topic/$aws/things/+/shadow/update", true),
        (
            "iot:Subscribe",
            "topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/shadow/*",
            false,
        ),
        (
            "iot:Subscribe",
            "topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/jobs/*",
            false,
        ),
        // Of Receive.
        ("iot:Receive", "topic/$aws/things/*", false),
        ("iot:Receive", "*", false),
        // Of shadows and jobs.
        ("iot:DeleteThingShadow", "thing/*", true),
        ("iot:GetThingShadow", "thing/*", true),
        ("iot:UpdateThingShadow", "thing/*", true),
        ("iot:DescribeJobExecution", "thing/*", true),
        ("iot:GetPendingJobExecutions", "thing/*", true),
        ("iot:StartNextPendingJobExecution", "thing/*", true),
        ("iot:UpdateJobExecution", "thing/*", true),
        ("iot:GetThingShadow", "/thing/MyThing1", false),
        ("iot:UpdateJobExecution", "/thing/MyThing2", false),
        // Of things with the beginning of a name.
        ("iot:GetThingShadow", "thing/MyThing*", false),
        // Everything, in all its spellings.
        ("iot:Connect", "*", true),
        ("iot:Publish", "*", true),
        ("iot:Connect", "arn:aws:iot:*", true),
        ("iot:Connect", "arn:aws:iot:us-east-1:123456789012:*", true),
        ("iot:Connect", "arn:*:iot:*:*:client/*", true),
        ("iot:Connect", "arn:aws:*:us-east-1:123456789012:client/*", true),
        ("iot:Connect", "cl*", true),
        ("iot:Publish", "topic*", true),
        ("iot:Subscribe", "topicfilter/*", true),
        ("iot:Subscribe", "topicfilter/#", true),
        ("iot:Subscribe", "topicfilter/+/a", true),
        ("iot:Subscribe", "topicfilter/$aws/*", true),
        ("iot:Publish", "topic/$aws*", true),
        ("iot:Publish", "topic/*/shadow/update", true),
        ("iot:Connect", "client/?*", true),
        // Any other wildcard that nothing of the device's own stands before.
        ("iot:Connect", "client/sensor-*", true),
        ("iot:Connect", "client/*-${iot:Connection.Thing.ThingName}", true),
        ("iot:Publish", "topic/building/*", true),
        ("iot:Publish", "topic/building/*/${iot:Connection.Thing.ThingName}", true),
        ("iot:Publish", "topic/$aws/rules/*", true),
        ("iot:Publish", "topic/$aws/things/MyThing*", true),
        ("iot:RetainPublish", "topic/building/*", true),
        ("iot:Subscribe", "topicfilter/building/#", true),
        ("iot:Subscribe", "topicfilter/building/+/up", true),
        ("iot:Subscribe", "topic/$aws/things/*", true),
        // Wildcards behind it, and none.
        ("iot:Connect", "client/${iot:Connection.Thing.ThingName}-*", false),
        ("iot:Publish", "topic/building/${iot:Connection.Thing.ThingName}/*", false),
        ("iot:Publish", "topic/${iot:Connection.Thing.Attributes[site]}/*", false),
        ("iot:Publish", "topic/${iot:ClientId}/*", false),
        ("iot:RetainPublish", "topic/${iot:Connection.Thing.ThingName}/*", false),
        ("iot:Subscribe", "topicfilter/${iot:Connection.Thing.ThingName}/#", false),
        ("iot:Publish", "topic/building/up", false),
        // What is another matter.
        ("iot:Connect", "client/one", false),
        ("iot:Connect", "topic/*", false),
        ("iot:Connect", "arn:aws:s3:::client/*", false),
        ("iot:Publish", "topic/+", false),
        ("iot:Publish", "topicfilter/*", false),
        ("iot:Subscribe", "topicfilter/a+b", false),
        ("iot:GetThingShadow", "things/*", false),
        ("iot:GetThingShadow", "thing/${iot:Connection.Thing.ThingName}*", false),
        ("iot:CreateThing", "*", false),
        ("s3:GetObject", "*", false),
    ];
    for (action, resource, expected) in rows {
        let found = broad_actions(&[document(&[statement("Allow", &[action], &[resource])])]);
        let expected: Vec<&str> = if *expected { vec![*action] } else { Vec::new() };
        assert_eq!(found, expected, "{action} on {resource}");
    }
    let three = statement("Allow", &SHADOW, &["thing/MyThing1", "thing/*"]);
    assert_eq!(broad_actions(&[document(&[three])]), SHADOW);
}

#[test]
fn a_policy_is_broad_by_what_all_its_statements_leave() {
    let all = [
        "iot:Subscribe",
        "iot:Connect",
        "iot:GetThingShadow",
        "iot:DeleteThingShadow",
        "iot:UpdateThingShadow",
        "iot:Publish",
        "iot:RetainPublish",
        "iot:DescribeJobExecution",
        "iot:GetPendingJobExecutions",
        "iot:StartNextPendingJobExecution",
        "iot:UpdateJobExecution",
    ];
    let connect = |resource| statement("Allow", &["iot:Connect"], &[resource]);
    let deny = |actions: &[&str], resource| statement("Deny", actions, &[resource]);
    let rows: Vec<(Vec<Value>, Vec<&str>)> = vec![
        (vec![], vec![]),
        (vec![statement("Allow", &["iot:*"], &["*"])], all.to_vec()),
        (vec![statement("Allow", &["*"], &["*"])], all.to_vec()),
        (vec![statement("Allow", &["IOT:CONNECT"], &["*"])], vec!["iot:Connect"]),
        (
            vec![statement("Allow", &["iot:Pub*", "iot:C?nnect"], &["*"])],
            vec!["iot:Connect", "iot:Publish"],
        ),
        (vec![statement("Deny", &["iot:*"], &["*"])], vec![]),
        // The condition makes the client's id that of the thing.
        (vec![attached(connect("client/${iot:ClientId}"))], vec![]),
        (vec![attached(connect("client/*"))], vec!["iot:Connect"]),
        // What is denied altogether isn't allowed.
        (vec![connect("client/*"), deny(&["iot:Connect"], "*")], vec![]),
        (vec![connect("client/*"), deny(&["iot:*"], "client/*")], vec![]),
        (vec![connect("client/*"), deny(&["iot:Connect"], "client/a*")], vec!["iot:Connect"]),
        (vec![connect("client/*"), attached(deny(&["iot:Connect"], "*"))], vec!["iot:Connect"]),
        (vec![connect("client/*"), deny(&["iot:Publish"], "*")], vec!["iot:Connect"]),
        // All but.
        (vec![json!({"Effect": "Allow", "NotAction": "iot:[Cc]*", "Resource": "*"})], all.to_vec()),
        (
            vec![
                json!({"Effect": "Allow", "NotAction": ["iot:*Shadow", "iot:*Job*", "iot:*Publish"], "Resource": "*"}),
            ],
            vec!["iot:Subscribe", "iot:Connect"],
        ),
        (
            vec![
                json!({"Effect": "Allow", "Action": "iot:Connect", "NotResource": arn("client/a")}),
            ],
            vec!["iot:Connect"],
        ),
    ];
    for (statements, expected) in rows {
        assert_eq!(broad_actions(&[document(&statements)]), expected, "{statements:?}");
    }
}

#[test]
fn the_reason_is_in_the_words_of_aws() {
    let allowed = [
        "iot:Publish",
        "iot:Subscribe",
        "iot:Connect",
        "iot:Receive",
        "iot:GetThingShadow",
        "iot:DeleteThingShadow",
        "iot:UpdateThingShadow",
    ];
    let core = document(&[
        statement("Allow", &allowed, &["*"]),
        statement("Allow", &["greengrass:*"], &["*"]),
    ]);
    assert_eq!(
        reason(&broad_actions(&[core])),
        "Policy allows broad access to IoT data plane actions: [iot:Subscribe, iot:Connect, \
         iot:GetThingShadow, iot:DeleteThingShadow, iot:UpdateThingShadow, iot:Publish]."
    );
}

#[test]
fn a_misconfigured_policy_is_found_as_the_guide_says() {
    use Reason::{DeniedTopicFiltersAllowed as Evaded, WildcardsInDeny as Wildcards};
    let allow = |action: &str, resource: &str| statement("Allow", &[action], &[resource]);
    let deny = |action: &str, resource: &str| statement("Deny", &[action], &[resource]);
    let building = || {
        vec![
            allow("iot:Subscribe", "topicfilter/building/*"),
            allow("iot:Receive", "topic/building/*"),
        ]
    };
    let with = |more: &[Value]| [building(), more.to_vec()].concat();
    let control = || deny("iot:Subscribe", "topicfilter/building/control_room/*");
    let rows: Vec<(Vec<Value>, Vec<Reason>)> = vec![
        // The guide's four examples.
        (with(&[deny("iot:Subscribe", "topicfilter/building/control_room/#")]), vec![Wildcards]),
        (with(&[control(), deny("iot:Receive", "topic/building/control_room/*")]), vec![]),
        (with(&[control()]), vec![Evaded]),
        // One filter, and variations of who may do what.
        (with(&[deny("iot:Subscribe", "topicfilter/building/control_room")]), vec![Evaded]),
        (with(&[deny("iot:*", "topicfilter/building/control_room")]), vec![Evaded]),
        (with(&[control(), deny("iot:Receive", "*")]), vec![]),
        (with(&[control(), deny("iot:Receive", "topic/building/other/*")]), vec![Evaded]),
        (with(&[deny("iot:Subscribe", "topicfilter/building/*")]), vec![]),
        (with(&[deny("iot:Subscribe", "topicfilter/garden/*")]), vec![]),
        (with(&[deny("iot:Subscribe", "*")]), vec![]),
        (with(&[deny("iot:Subscribe", "topicfilter/garden/+/a")]), vec![Wildcards]),
        (with(&[deny("iot:Publish", "topic/garden/#")]), vec![Wildcards]),
        (with(&[control(), deny("iot:Publish", "topic/a/+")]), vec![Wildcards, Evaded]),
        (with(&[deny("iot:Connect", "client/a+b")]), vec![]),
        (vec![allow("iot:Subscribe", "topicfilter/building/#")], vec![]),
        (vec![allow("iot:Subscribe", "topicfilter/building/*"), control()], vec![]),
        (vec![allow("iot:Receive", "topic/building/*"), control()], vec![]),
        (vec![statement("Allow", &["iot:*"], &["*"]), control()], vec![Evaded]),
        (vec![], vec![]),
    ];
    for (statements, expected) in rows {
        let found: Vec<Reason> = misconfiguration::judge(&document(&statements))
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(found, expected, "{statements:?}");
    }
}

/// Actions, resource, what is wrong for who has signed in, and for guests.
type Row<'a> = (&'a [&'a str], &'a str, [Vec<Reason>; 2]);

/// Services, and how many days ago each was used last.
type Used<'a> = &'a [(&'a str, i64)];

fn role(statements: &[Value], used: Used<'_>) -> Role {
    let used = used.iter().map(|(service, days)| ((*service).to_owned(), NOW + -days * DAY_MS));
    Role { documents: vec![document(statements)], last_accessed: used.collect::<BTreeMap<_, _>>() }
}

fn codes(found: roles::Found) -> Vec<Reason> {
    found.into_iter().map(|(code, _)| code).collect()
}

#[test]
fn a_role_of_an_alias_is_broad_for_each_reason_of_its_own() {
    use Reason::*;
    const QUIET: [&str; 6] =
        ["iam:*", "cloudtrail:*", "guardduty:*", "inspector:*", "trustedadvisor:*", "iot:*"];
    let allow = |actions: &[&str], resource: &str| vec![statement("Allow", actions, &[resource])];
    let all_but =
        |actions: &[&str]| vec![json!({"Effect": "Allow", "NotAction": actions, "Resource": "*"})];
    let everything = vec![
        BroadAccessToUsedServices,
        AccessToSecurityAuditing,
        BroadThingAdminRead,
        NonThingAdmin,
        ThingAdminWrite,
        BroadDataPlaneAccess,
    ];
    let rows: Vec<(Vec<Value>, Used<'_>, Vec<Reason>)> = vec![
        (vec![], &[("s3", 1)], vec![]),
        (allow(&["s3:*"], "*"), &[("s3", 1)], vec![BroadAccessToUsedServices]),
        (allow(&["s3:*"], "*"), &[("s3", 366)], vec![]),
        (allow(&["s3:*"], "*"), &[], vec![]),
        (allow(&["s3:Get*"], "*"), &[("s3", 1)], vec![]),
        (allow(&["dynamodb:PutItem"], "*"), &[("dynamodb", 1)], vec![]),
        (allow(&["iam:GetRole"], "*"), &[], vec![AccessToSecurityAuditing]),
        (allow(&["cloudtrail:*"], "*"), &[], vec![AccessToSecurityAuditing]),
        (allow(&["guardduty:List*"], "*"), &[], vec![AccessToSecurityAuditing]),
        (allow(&["iot:DescribeThing"], "thing/*"), &[], vec![BroadThingAdminRead]),
        (allow(&["iot:DescribeThing"], "/thing/MyThing*"), &[], vec![]),
        (allow(&["iot:CreatePolicy"], "policy/a"), &[], vec![NonThingAdmin]),
        (allow(&["iot:Describe*"], "thing/a"), &[], vec![NonThingAdmin]),
        (allow(&["iot:CreateThing"], "thing/a"), &[], vec![ThingAdminWrite]),
        (allow(&["iot:Publish"], "*"), &[], vec![BroadDataPlaneAccess]),
        (allow(&["iot:Publish", "iot:Receive"], "topic/a"), &[("iot", 1)], vec![]),
        (allow(&["*"], "*"), &[("s3", 1)], everything.clone()),
        // All but.
        (all_but(&["iam:*"]), &[("s3", 1)], everything),
        (all_but(&[&QUIET[..], &["s3:Delete*"]].concat()), &[("s3", 1)], vec![]),
        (all_but(&QUIET), &[("s3", 1)], vec![BroadAccessToUsedServices]),
        (all_but(&QUIET[1..]), &[], vec![AccessToSecurityAuditing]),
        (all_but(&QUIET), &[], vec![]),
        (
            vec![statement("Allow", &["s3:*"], &["*"]), statement("Deny", &["s3:*"], &["*"])],
            &[("s3", 1)],
            vec![],
        ),
    ];
    for (statements, used, expected) in rows {
        let found = codes(roles::alias_permissive(&role(&statements, used), NOW));
        assert_eq!(found, expected, "{statements:?} {used:?}");
    }
}

#[test]
fn services_are_unused_when_the_last_access_is_a_year_ago() {
    let rows: Vec<(&[&str], Used<'_>, bool)> = vec![
        // The guide's example.
        (&["iot:Publish", "iam:getRole", "dynamodb:PutItem"], &[("iot", 1)], true),
        (&["iot:Publish"], &[("iot", 1)], false),
        (&["iot:Publish"], &[("iot", 364)], false),
        (&["iot:Publish"], &[("iot", 365)], true),
        (&["iot:Publish"], &[], true),
        (&["*"], &[("iot", 1)], true),
        (&["S3:GetObject"], &[("s3", 1)], false),
    ];
    for (actions, used, expected) in rows {
        let role = role(&[statement("Allow", actions, &["*"])], used);
        let found = codes(roles::alias_unused_services(&role, NOW));
        assert_eq!(!found.is_empty(), expected, "{actions:?} {used:?}");
    }
}

#[test]
fn roles_of_identity_pools_are_judged_by_who_signs_in() {
    use Reason::*;
    let rows: Vec<Row<'_>> = vec![
        (&["iot:Connect"], "client/a", [vec![], vec![]]),
        (&["iot:Connect"], "client/*", [vec![], vec![BroadDataPlaneAccess]]),
        (&["iot:DescribeThing"], "thing/*", [vec![BroadThingAdminRead], vec![IotAdmin]]),
        (&["iot:DescribeThing"], "/thing/MyThing", [vec![], vec![IotAdmin]]),
        (&["iot:ListThings"], "thing/a", [vec![ThingAdminWrite], vec![IotAdmin]]),
        (&["iot:CreatePolicy"], "*", [vec![NonThingAdmin], vec![IotAdmin]]),
        (&["s3:*"], "*", [vec![], vec![]]),
        (
            &["iot:*"],
            "*",
            [
                vec![BroadThingAdminRead, NonThingAdmin, ThingAdminWrite],
                vec![IotAdmin, BroadDataPlaneAccess],
            ],
        ),
    ];
    for (actions, resource, [signed_in, guests]) in rows {
        let role = role(&[statement("Allow", actions, &[resource])], &[]);
        assert_eq!(codes(roles::authenticated_pool(&role)), signed_in, "{actions:?} {resource}");
        assert_eq!(codes(roles::unauthenticated_pool(&role)), guests, "{actions:?} {resource}");
    }
}
