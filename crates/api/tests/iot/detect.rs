//! Security profiles, and violations that are fed.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use trackway_registry::violations::feed;
use trackway_registry::{Failure, Registry};

use crate::house::{ACCOUNT, House, REGION, and, each};
use crate::tape::random;

const OPERATOR: &str = "greater-than";

fn behavior(name: &str, more: Value) -> Value {
    let criteria = json!({ "comparisonOperator": OPERATOR, "value": { "count": 10 } });
    let metric = "aws:num-authorization-failures";
    and(json!({ "name": name, "metric": metric, "criteria": criteria }), more)
}

async fn profile(house: &House, name: &str, behaviors: Value) {
    let request = json!({ "securityProfileName": name, "behaviors": behaviors });
    house.ask("CreateSecurityProfile", request).await;
}

/// Feeds an event: the violation's id, or the refusal as `CODE: MESSAGE`.
async fn fed(house: &House, event: Value) -> Result<String, String> {
    let registry = Registry::new(house.engine.clone());
    let mut txn = registry.begin(&Arc::from(format!("{ACCOUNT}/{REGION}")));
    let event = and(json!({ "type": "violation" }), event);
    match feed(&mut txn, &event).await {
        Ok(id) => {
            assert!(txn.commit().await.unwrap());
            Ok(id)
        }
        Err(Failure::Refused(refusal)) => Err(refusal.to_string()),
        Err(Failure::Fault(fault)) => panic!("{fault}"),
    }
}

#[tokio::test]
async fn a_profile_is_kept_as_it_was_given() {
    let house = House::open().await;
    let role = "arn:aws:iam::123456789012:role/r";
    let given = json!({
        "securityProfileDescription": "d",
        "behaviors": [behavior("b", json!({ "suppressAlerts": true }))],
        "alertTargets": { "SNS": { "alertTargetArn": "arn:aws:sns:us-west-2:1:t", "roleArn": role } },
        "additionalMetricsToRetain": ["aws:all-bytes-in"],
        "additionalMetricsToRetainV2": [
            { "metric": "aws:all-bytes-out", "metricDimension": { "dimensionName": "dim", "operator": "IN" } },
        ],
        "metricsExportConfig": { "mqttTopic": "t", "roleArn": role },
    });
    let name = json!({ "securityProfileName": "p" });
    let arn = House::arn("securityprofile/p");
    let made = house.ask("CreateSecurityProfile", and(name.clone(), given.clone())).await;
    assert_eq!(made, json!({ "securityProfileName": "p", "securityProfileArn": arn }));
    let mut shown = house.ask("DescribeSecurityProfile", name.clone()).await;
    for member in ["creationDate", "lastModifiedDate"] {
        assert!(shown[member].take().is_string());
        shown.as_object_mut().unwrap().shift_remove(member);
    }
    assert_eq!(shown, and(and(made, given), json!({ "version": 1 })));
    assert_eq!(
        house.refused("CreateSecurityProfile", name.clone()).await,
        "ResourceAlreadyExistsException: Security profile p already exists"
    );
    let update = and(
        name.clone(),
        json!({ "expectedVersion": 1, "deleteBehaviors": true, "deleteAlertTargets": true,
            "deleteAdditionalMetricsToRetain": true, "deleteMetricsExportConfig": true }),
    );
    let updated = house.ask("UpdateSecurityProfile", update.clone()).await;
    assert_eq!(
        (&updated["version"], &updated["securityProfileDescription"]),
        (&json!(2), &json!("d"))
    );
    for member in [
        "behaviors",
        "alertTargets",
        "additionalMetricsToRetain",
        "additionalMetricsToRetainV2",
        "metricsExportConfig",
    ] {
        assert!(updated.get(member).is_none(), "{member}");
    }
    let conflict = "VersionConflictException: The security profile has version 2";
    assert_eq!(house.refused("UpdateSecurityProfile", update).await, conflict);
    let delete = and(name.clone(), json!({ "expectedVersion": 1 }));
    assert_eq!(house.refused("DeleteSecurityProfile", delete).await, conflict);
    let both = and(name.clone(), json!({ "deleteBehaviors": true, "behaviors": [] }));
    assert_eq!(
        house.refused("UpdateSecurityProfile", both).await,
        "InvalidRequestException: behaviors can't be given and deleted at once"
    );
    for _ in 0..2 {
        house.ask("DeleteSecurityProfile", name.clone()).await;
    }
    for operation in
        ["DescribeSecurityProfile", "UpdateSecurityProfile", "ListTargetsForSecurityProfile"]
    {
        assert_eq!(
            house.refused(operation, name.clone()).await,
            "ResourceNotFoundException: Security profile p does not exist"
        );
    }
}

#[tokio::test]
async fn behaviors_that_make_no_sense_are_told_and_refused() {
    let house = House::open().await;
    let with = |criteria: Value| behavior("b", json!({ "criteria": criteria }));
    let is = |metric: &str, criteria: Value| {
        behavior("b", json!({ "metric": metric, "criteria": criteria }))
    };
    let cidrs =
        |cidr: &str| json!({ "comparisonOperator": "in-cidr-set", "value": { "cidrs": [cidr] } });
    let ml = json!({ "confidenceLevel": "LOW" });
    let one_of = "criteria must have one of value, statisticalThreshold and mlDetectionConfig";
    let bad = [
        (json!({ "name": "b" }), "metric is required"),
        (behavior("b", json!({ "metric": "aws:none" })), "metric aws:none is unknown"),
        // There are no custom metrics.
        (behavior("b", json!({ "metric": "own" })), "metric own is unknown"),
        (with(json!({ "comparisonOperator": OPERATOR })), one_of),
        (with(json!({ "value": { "count": 1 }, "mlDetectionConfig": ml })), one_of),
        (with(json!({ "value": { "count": 1 } })), "comparisonOperator is required"),
        (
            with(
                json!({ "comparisonOperator": OPERATOR, "value": { "count": 1 }, "durationSeconds": 1 }),
            ),
            "durationSeconds 1 should be one of [300, 600, 900, 1800, 3600]",
        ),
        (
            is(
                "aws:source-ip-address",
                and(cidrs("10.0.0.0/8"), json!({ "durationSeconds": 300 })),
            ),
            "durationSeconds can't be used with a metric of lists",
        ),
        (
            with(json!({ "comparisonOperator": OPERATOR, "mlDetectionConfig": ml })),
            "comparisonOperator can't be used with mlDetectionConfig",
        ),
        (
            is("aws:source-ip-address", json!({ "mlDetectionConfig": ml })),
            "mlDetectionConfig needs a numeric metric",
        ),
        (
            with(
                json!({ "comparisonOperator": OPERATOR, "statisticalThreshold": { "statistic": "p50" } }),
            ),
            "durationSeconds is required with statisticalThreshold",
        ),
        (
            with(
                json!({ "comparisonOperator": "in-set", "statisticalThreshold": {}, "durationSeconds": 300 }),
            ),
            "statisticalThreshold needs a numeric metric and operator",
        ),
        (
            with(json!({ "comparisonOperator": OPERATOR, "value": {} })),
            "value must have exactly one member",
        ),
        (
            with(json!({ "comparisonOperator": OPERATOR, "value": { "count": 1, "number": 1.0 } })),
            "value must have exactly one member",
        ),
        (
            with(json!({ "comparisonOperator": "in-port-set", "value": { "count": 1 } })),
            "comparisonOperator in-port-set can't be used with this value",
        ),
        (
            with(json!({ "comparisonOperator": "in-port-set", "value": { "ports": [80] } })),
            "comparisonOperator in-port-set can't be used with this metric",
        ),
        (is("aws:source-ip-address", cidrs("10.0.0.0/33")), "cidrs of the value is invalid"),
    ];
    for (behavior, problem) in bad {
        let message = format!("Behavior b is malformed. {problem}");
        let request = json!({ "behaviors": [behavior] });
        let answer = house.ask("ValidateSecurityProfileBehaviors", request.clone()).await;
        let errors = json!([{ "errorMessage": message }]);
        assert_eq!(answer, json!({ "valid": false, "validationErrors": errors }), "{request}");
        let request = and(request, json!({ "securityProfileName": "p" }));
        let refused = house.refused("CreateSecurityProfile", request).await;
        assert_eq!(refused, format!("InvalidRequestException: {message}"));
    }
    let twice = json!({ "behaviors": [behavior("b", json!({})), behavior("b", json!({}))] });
    let answer = house.ask("ValidateSecurityProfileBehaviors", twice).await;
    assert_eq!(
        answer["validationErrors"][0]["errorMessage"],
        "Behavior b is malformed. There is another one of this name"
    );
    let statistic = json!({ "statistic": "p99.9" });
    let good = json!([
        behavior("a", json!({})),
        { "name": "b", "metric": "aws:source-ip-address", "criteria": cidrs("::1/128") },
        { "name": "c", "metric": "aws:num-disconnects", "criteria": { "comparisonOperator": OPERATOR, "value": { "count": 1 } } },
        { "name": "d", "metric": "aws:all-bytes-in", "criteria": { "mlDetectionConfig": { "confidenceLevel": "HIGH" } } },
        { "name": "e", "metric": "aws:all-bytes-in", "criteria":
            { "comparisonOperator": OPERATOR, "statisticalThreshold": statistic, "durationSeconds": 600 } },
        { "name": "f", "metric": "aws:listening-tcp-ports", "criteria":
            { "comparisonOperator": "not-in-port-set", "value": { "ports": [443] } } },
    ]);
    let answer = house.ask("ValidateSecurityProfileBehaviors", json!({ "behaviors": good })).await;
    assert_eq!(answer, json!({ "valid": true, "validationErrors": [] }));
    let request = json!({ "securityProfileName": "p", "additionalMetricsToRetain": ["aws:none"] });
    assert_eq!(
        house.refused("CreateSecurityProfile", request).await,
        "InvalidRequestException: The metric aws:none is unknown"
    );
}

#[tokio::test]
async fn a_profile_is_attached_to_groups_and_to_all_things() {
    let house = House::open().await;
    for (name, parent) in [("top", None), ("below", Some("top")), ("deep", Some("below"))] {
        let mut request = json!({ "thingGroupName": name });
        if let Some(parent) = parent {
            request["parentGroupName"] = json!(parent);
        }
        house.ask("CreateThingGroup", request).await;
    }
    let (top, deep) = (House::arn("thinggroup/top"), House::arn("thinggroup/deep"));
    let all = House::arn("all/things");
    let of = |name: &str, target: &str| json!({ "securityProfileName": name, "securityProfileTargetArn": target });
    for name in ["p", "q"] {
        profile(&house, name, json!([])).await;
    }
    for (name, target) in [("p", &top), ("p", &top), ("q", &deep), ("p", &deep), ("p", &all)] {
        house.ask("AttachSecurityProfile", of(name, target)).await;
    }
    for size in 1..4 {
        let request = json!({ "securityProfileName": "p", "maxResults": size });
        let operation = "ListTargetsForSecurityProfile";
        let found = house.pages(operation, request, "securityProfileTargets").await;
        assert_eq!(each(&found, "arn"), [all.as_str(), &deep, &top]);
        let operation = "ListSecurityProfilesForTarget";
        let member = "securityProfileTargetMappings";
        let request =
            json!({ "securityProfileTargetArn": top, "maxResults": size, "recursive": true });
        let mapping = |name: &str, target: &str| {
            let arn = House::arn(&format!("securityprofile/{name}"));
            json!({ "securityProfileIdentifier": { "name": name, "arn": arn }, "target": { "arn": target } })
        };
        let found = house.pages(operation, request, member).await;
        assert_eq!(found, [mapping("p", &deep), mapping("q", &deep), mapping("p", &top)]);
        let request = json!({ "securityProfileTargetArn": top, "maxResults": size });
        assert_eq!(house.pages(operation, request, member).await, [mapping("p", &top)]);
    }
    let bad = House::arn("thing/t");
    let invalid = format!("InvalidRequestException: Invalid security profile target ARN: {bad}");
    for operation in ["AttachSecurityProfile", "DetachSecurityProfile"] {
        assert_eq!(house.refused(operation, of("p", &bad)).await, invalid);
        assert_eq!(
            house.refused(operation, of("none", &top)).await,
            "ResourceNotFoundException: Security profile none does not exist"
        );
    }
    let none = of("p", &House::arn("thinggroup/none"));
    let refused = house.refused("AttachSecurityProfile", none).await;
    assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
    for number in 0..4 {
        let name = format!("more{number}");
        profile(&house, &name, json!([])).await;
        house.ask("AttachSecurityProfile", of(&name, &all)).await;
    }
    assert_eq!(
        house.refused("AttachSecurityProfile", of("q", &all)).await,
        format!("LimitExceededException: The target {all} has 5 security profiles already")
    );
    for _ in 0..2 {
        house.ask("DetachSecurityProfile", of("p", &all)).await;
    }
    house.ask("DeleteSecurityProfile", json!({ "securityProfileName": "p" })).await;
    let request = json!({ "securityProfileTargetArn": deep });
    let found = house.ask("ListSecurityProfilesForTarget", request).await;
    assert_eq!(found["securityProfileTargetMappings"].as_array().unwrap().len(), 1);
}

#[test]
fn profiles_are_listed_by_name_dimension_and_metric() {
    random(6, async |tape| {
        let house = House::open().await;
        let mut known: Vec<(String, &str, Option<&str>)> = Vec::new();
        for number in 0..tape.below(20) {
            let name = format!("{}{number}", tape.one(&["a", "B", "a-"]));
            let metric = tape.one(&["aws:all-bytes-out", "aws:num-disconnects"]);
            let dimension = tape.one(&[None, Some("d"), Some("e")]);
            let mut retained = json!({ "metric": "aws:all-bytes-in" });
            if let Some(dimension) = dimension {
                retained["metricDimension"] = json!({ "dimensionName": dimension });
            }
            let request = json!({
                "securityProfileName": name,
                "behaviors": [behavior("b", json!({ "metric": metric }))],
                "additionalMetricsToRetainV2": [retained],
            });
            house.ask("CreateSecurityProfile", request).await;
            known.push((name, metric, dimension));
        }
        known.sort();
        let out = Some("aws:all-bytes-out");
        let wanted = [(None, None), (out, None), (None, Some("d")), (Some("none"), None)];
        for (metric, dimension) in wanted {
            let mut request = json!({});
            if let Some(metric) = metric {
                request["metricName"] = json!(metric);
            }
            if let Some(dimension) = dimension {
                request["dimensionName"] = json!(dimension);
            }
            if let Some(size) = tape.size(1, 250) {
                request["maxResults"] = json!(size);
            }
            let found =
                house.pages("ListSecurityProfiles", request, "securityProfileIdentifiers").await;
            let expected = known.iter().filter(|(_, has_metric, has_dimension)| {
                metric.is_none_or(|metric| metric == *has_metric)
                    && (dimension.is_none() || dimension == *has_dimension)
            });
            let expected: Vec<String> = expected.map(|(name, ..)| name.clone()).collect();
            assert_eq!(each(&found, "name"), expected);
        }
        let both = json!({ "metricName": "m", "dimensionName": "d" });
        assert_eq!(
            house.refused("ListSecurityProfiles", both).await,
            "InvalidRequestException: dimensionName and metricName can't be used together"
        );
    });
}

#[tokio::test]
async fn a_violation_begins_goes_on_and_ends_as_it_is_fed() {
    let house = House::open().await;
    let kept = behavior("b", json!({}));
    profile(&house, "p", json!([kept])).await;
    house.ask("CreateThing", json!({ "thingName": "t" })).await;
    let of = json!({ "thingName": "t", "securityProfileName": "p", "behaviorName": "b" });
    let event = |kind: &str, time: i64, more: Value| {
        and(and(of.clone(), json!({ "event": kind, "time": time })), more)
    };
    let value = |count: u64| json!({ "metricValue": { "count": count } });
    let id = fed(&house, event("in-alarm", 1000, value(11))).await.unwrap();
    assert_eq!(id.len(), 32);
    // It is the same violation that goes on.
    assert_eq!(fed(&house, event("in-alarm", 1060, value(12))).await, Ok(id.clone()));
    let request = json!({
        "violationId": id, "verificationState": "TRUE_POSITIVE", "verificationStateDescription": "seen",
    });
    assert_eq!(house.ask("PutVerificationStateOnViolation", request).await, json!({}));
    let common = json!({
        "violationId": id, "thingName": "t", "securityProfileName": "p", "behavior": kept,
        "verificationState": "TRUE_POSITIVE", "verificationStateDescription": "seen",
    });
    let active = and(
        common.clone(),
        json!({ "lastViolationValue": { "count": 12 }, "lastViolationTime": "1970-01-01T00:17:40Z", "violationStartTime": "1970-01-01T00:16:40Z" }),
    );
    let listed = house.ask("ListActiveViolations", json!({})).await;
    assert_eq!(listed, json!({ "activeViolations": [active] }));
    fed(&house, event("alarm-cleared", 1100, value(1))).await.unwrap();
    assert_eq!(
        house.ask("ListActiveViolations", json!({})).await,
        json!({ "activeViolations": [] })
    );
    let happened = |kind: &str, count: u64, time: &str| {
        and(
            common.clone(),
            json!({ "metricValue": { "count": count }, "violationEventType": kind, "violationEventTime": time }),
        )
    };
    let request = json!({ "startTime": 1000, "endTime": 1100 });
    let listed = house.ask("ListViolationEvents", request).await;
    let expected = [
        happened("alarm-cleared", 1, "1970-01-01T00:18:20Z"),
        happened("in-alarm", 11, "1970-01-01T00:16:40Z"),
    ];
    assert_eq!(listed, json!({ "violationEvents": expected }));
    // The next one is another one.
    let next = fed(&house, event("in-alarm", 1200, json!({ "violationId": "next" }))).await;
    assert_eq!(next, Ok("next".to_owned()));
    let end = json!({ "event": "alarm-invalidated", "violationId": "next" });
    // Its profile may be gone by then.
    house.ask("DeleteSecurityProfile", json!({ "securityProfileName": "p" })).await;
    assert_eq!(fed(&house, end).await, Ok("next".to_owned()));
}

#[tokio::test]
async fn what_is_fed_must_be_of_its_shape_and_about_what_is_there() {
    let house = House::open().await;
    profile(&house, "p", json!([behavior("b", json!({}))])).await;
    house.ask("CreateThing", json!({ "thingName": "t" })).await;
    let of = json!({ "thingName": "t", "securityProfileName": "p", "behaviorName": "b" });
    let alarm =
        |more: Value| and(and(of.clone(), json!({ "event": "in-alarm", "time": 1000 })), more);
    let id = fed(&house, alarm(json!({ "violationId": "v" }))).await.unwrap();
    let cases = [
        (alarm(json!({ "thingName": "none" })), "ResourceNotFoundException: Thing none not found."),
        (
            alarm(json!({ "securityProfileName": "none" })),
            "ResourceNotFoundException: Security profile none does not exist",
        ),
        (
            alarm(json!({ "behaviorName": "none" })),
            "ResourceNotFoundException: The security profile p has no behavior none",
        ),
        (
            alarm(json!({ "thingName": null })),
            "InvalidRequestException: The event needs a thingName",
        ),
        (
            alarm(json!({ "behaviorName": "" })),
            "InvalidRequestException: The event needs a behaviorName",
        ),
        (
            alarm(json!({ "violationId": "a_b" })),
            "InvalidRequestException: A violationId has 1 to 128 letters, digits and dashes",
        ),
        (
            alarm(json!({ "violationId": "w" })),
            "InvalidRequestException: The thing t violates b already: v",
        ),
        (
            alarm(json!({ "violationId": "v", "thingName": "x" })),
            "InvalidRequestException: The violation v is of something else",
        ),
        (
            alarm(json!({ "time": -1 })),
            "InvalidRequestException: a time is ISO 8601, or seconds or milliseconds of the epoch",
        ),
        (
            alarm(json!({ "time": 1e300 })),
            "InvalidRequestException: a time is ISO 8601, or seconds or milliseconds of the epoch",
        ),
        (
            alarm(json!({ "time": 999 })),
            "InvalidRequestException: The violation was measured later than that",
        ),
        (
            alarm(json!({ "event": "alarm-cleared", "time": 999 })),
            "InvalidRequestException: The violation was measured later than that",
        ),
        (
            alarm(json!({ "metricValue": { "count": -1 } })),
            "InvalidRequestException: count of the value is invalid",
        ),
        (
            json!({ "event": "alarm-cleared", "violationId": "none" }),
            "InvalidRequestException: No such violation goes on",
        ),
    ];
    for (event, message) in cases {
        assert_eq!(fed(&house, event.clone()).await, Err(message.to_owned()), "{event}");
    }
    for event in [alarm(json!({ "event": "alarm" })), alarm(json!({ "more": 1 }))] {
        let refused = fed(&house, event).await.unwrap_err();
        assert!(
            refused.starts_with("InvalidRequestException: The event can't be read: "),
            "{refused}"
        );
    }
    fed(&house, alarm(json!({ "event": "alarm-cleared" }))).await.unwrap();
    assert_eq!(
        fed(&house, alarm(json!({ "violationId": id }))).await,
        Err("InvalidRequestException: The violation v has ended".to_owned())
    );
    let request = json!({ "violationId": "none", "verificationState": "UNKNOWN" });
    assert_eq!(
        house.refused("PutVerificationStateOnViolation", request).await,
        "InvalidRequestException: The violation none does not exist"
    );
    assert_eq!(
        house.refused("ListActiveViolations", json!({ "securityProfileName": "none" })).await,
        "ResourceNotFoundException: Security profile none does not exist"
    );
    assert_eq!(
        house.refused("ListViolationEvents", json!({ "startTime": 2, "endTime": 1 })).await,
        "InvalidRequestException: The end time must not be before the start time"
    );
}

#[tokio::test]
async fn a_violation_has_its_time_in_every_spelling_of_the_other_events() {
    let spellings = [
        json!(1_700_000_000),
        json!(1_700_000_000_000_i64),
        json!("2023-11-14T22:13:20Z"),
        json!("2023-11-14T23:13:20+01:00"),
    ];
    for time in spellings {
        let house = House::open().await;
        let request =
            json!({ "securityProfileName": "p", "behaviors": [behavior("b", json!({}))] });
        house.ask("CreateSecurityProfile", request).await;
        house.ask("CreateThing", json!({ "thingName": "t" })).await;
        let alarm = json!({
            "event": "in-alarm", "thingName": "t", "securityProfileName": "p",
            "behaviorName": "b", "time": time,
        });
        fed(&house, alarm).await.unwrap();
        let active = house.ask("ListActiveViolations", json!({})).await;
        let began = &active["activeViolations"][0]["violationStartTime"];
        assert_eq!(began, "2023-11-14T22:13:20Z", "{time}");
    }
}

/// A violation as the model knows it.
struct Known {
    id: String,
    thing: &'static str,
    behavior: &'static str,
    started: i64,
    ended: Option<i64>,
    state: &'static str,
}

impl Known {
    fn is_suppressed(&self) -> bool {
        self.behavior == "learned"
    }

    fn fits(&self, request: &Value) -> bool {
        let is = |member: &str, value: Value| request[member].is_null() || request[member] == value;
        let criteria = if self.behavior == "learned" { "MACHINE_LEARNING" } else { "STATIC" };
        is("thingName", json!(self.thing))
            && is("securityProfileName", json!("p"))
            && is("behaviorCriteriaType", json!(criteria))
            && is("listSuppressedAlerts", json!(self.is_suppressed()))
            && is("verificationState", json!(self.state))
    }
}

#[test]
fn lists_of_violations_are_those_of_a_naive_model() {
    random(8, async |tape| {
        let house = House::open().await;
        let ml = json!({ "mlDetectionConfig": { "confidenceLevel": "HIGH" } });
        let learned = behavior("learned", json!({ "criteria": ml, "suppressAlerts": true }));
        for name in ["p", "q"] {
            profile(&house, name, json!([behavior("plain", json!({})), learned])).await;
        }
        let things = ["s", "t", "u"];
        for thing in things {
            house.ask("CreateThing", json!({ "thingName": thing })).await;
        }
        let mut known: Vec<Known> = Vec::new();
        let mut now = 1000;
        for number in 0..40 {
            now += i64::try_from(tape.below(3)).unwrap();
            let (thing, behavior) = (tape.one(&things), tape.one(&["plain", "learned"]));
            let of = json!({ "thingName": thing, "securityProfileName": "p", "behaviorName": behavior, "time": now });
            let is_current = |one: &&mut Known| {
                one.thing == thing && one.behavior == behavior && one.ended.is_none()
            };
            if let Some(current) = known.iter_mut().find(is_current) {
                if tape.chance(70) {
                    let kind = tape.one(&["alarm-cleared", "alarm-invalidated"]);
                    fed(&house, and(of, json!({ "event": kind }))).await.unwrap();
                    current.ended = Some(now);
                }
                continue;
            }
            let id = format!("{}-{number}", tape.one(&["a", "B", "z"]));
            let event = and(of, json!({ "event": "in-alarm", "violationId": id }));
            fed(&house, event).await.unwrap();
            let state = tape.one(&["UNKNOWN", "BENIGN_POSITIVE"]);
            let request = json!({ "violationId": id, "verificationState": state });
            house.ask("PutVerificationStateOnViolation", request).await;
            known.push(Known { id, thing, behavior, started: now, ended: None, state });
        }
        for _ in 0..6 {
            let filters = [
                ("thingName", json!("t")),
                ("securityProfileName", tape.one(&[json!("p"), json!("q")])),
                ("behaviorCriteriaType", tape.one(&[json!("STATIC"), json!("MACHINE_LEARNING")])),
                ("listSuppressedAlerts", tape.one(&[json!(true), json!(false)])),
                ("verificationState", tape.one(&[json!("UNKNOWN"), json!("BENIGN_POSITIVE")])),
            ];
            let mut request = json!({});
            for (member, value) in tape.keys(&filters) {
                if tape.chance(60) {
                    request[member] = value;
                }
            }
            if let Some(size) = tape.size(1, 250) {
                request["maxResults"] = json!(size);
            }
            let fitting = || known.iter().filter(|one| one.fits(&request));
            let active = fitting().filter(|one| one.ended.is_none());
            let mut active: Vec<_> = active.map(|one| (one.started, one.id.clone())).collect();
            active.sort_unstable();
            let expected: Vec<String> = active.into_iter().rev().map(|(_, id)| id).collect();
            let found =
                house.pages("ListActiveViolations", request.clone(), "activeViolations").await;
            assert_eq!(each(&found, "violationId"), expected, "{request}");
            let (start, end) = (1000 + tape.below(20) as i64, 1010 + tape.below(60) as i64);
            let (start, end) = (start.min(end), start.max(end));
            let began = fitting().map(|one| (one.started, one.id.clone(), 0));
            let ended = fitting().filter_map(|one| Some((one.ended?, one.id.clone(), 1)));
            let happened = began.chain(ended).filter(|(at, ..)| (start..=end).contains(at));
            let happened: BTreeSet<_> = happened.collect();
            let expected: Vec<String> = happened.into_iter().rev().map(|(_, id, _)| id).collect();
            let request = and(request.clone(), json!({ "startTime": start, "endTime": end }));
            let found =
                house.pages("ListViolationEvents", request.clone(), "violationEvents").await;
            assert_eq!(each(&found, "violationId"), expected, "{request}");
        }
    });
}
