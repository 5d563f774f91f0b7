//! Logging options and the levels of targets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::house::{House, and};
use crate::tape::random;

const ROLE: &str = "arn:aws:iam::123456789012:role/service-role/log";

#[tokio::test]
async fn what_was_not_set_is_not_configured() {
    let house = House::open().await;
    let refusal = "NotConfiguredException: The logging options have not been set";
    assert_eq!(house.refused("GetV2LoggingOptions", json!({})).await, refusal);
    assert_eq!(house.refused("ListV2LoggingLevels", json!({})).await, refusal);
    let target = json!({ "targetType": "THING_GROUP", "targetName": "g" });
    let request = json!({ "logTarget": target, "logLevel": "INFO" });
    assert_eq!(house.refused("SetV2LoggingLevel", request).await, refusal);
    assert_eq!(house.ask("GetLoggingOptions", json!({})).await, json!({}));
}

#[tokio::test]
async fn the_options_of_version_1_are_kept() {
    let house = House::open().await;
    let payload = json!({ "roleArn": ROLE, "logLevel": "WARN" });
    house.ask("SetLoggingOptions", json!({ "loggingOptionsPayload": payload })).await;
    assert_eq!(house.ask("GetLoggingOptions", json!({})).await, payload);
    // A level that isn't given stays.
    let request = json!({ "loggingOptionsPayload": { "roleArn": ROLE } });
    house.ask("SetLoggingOptions", request).await;
    assert_eq!(house.ask("GetLoggingOptions", json!({})).await, payload);
    let request = json!({ "loggingOptionsPayload": { "roleArn": "x" } });
    assert_eq!(
        house.refused("SetLoggingOptions", request).await,
        "InvalidRequestException: Invalid role ARN: x"
    );
}

#[tokio::test]
async fn what_an_update_of_version_2_leaves_out_stays() {
    let house = House::open().await;
    let set = json!({ "roleArn": ROLE, "defaultLogLevel": "WARN" });
    house.ask("SetV2LoggingOptions", set.clone()).await;
    let expected = and(set, json!({ "disableAllLogs": false }));
    assert_eq!(house.ask("GetV2LoggingOptions", json!({})).await, expected);
    house.ask("SetV2LoggingOptions", json!({ "disableAllLogs": true })).await;
    let expected = and(expected, json!({ "disableAllLogs": true }));
    assert_eq!(house.ask("GetV2LoggingOptions", json!({ "verbose": true })).await, expected);
    let events = json!([
        { "eventType": "Connect", "logLevel": "DEBUG", "logDestination": "a/b" },
        { "eventType": "Publish" },
    ]);
    house.ask("SetV2LoggingOptions", json!({ "eventConfigurations": events })).await;
    let expected = and(expected, json!({ "eventConfigurations": events }));
    assert_eq!(house.ask("GetV2LoggingOptions", json!({})).await, expected);
    let twice = json!([{ "eventType": "Connect" }, { "eventType": "Connect" }]);
    assert_eq!(
        house.refused("SetV2LoggingOptions", json!({ "eventConfigurations": twice })).await,
        "InvalidRequestException: The event type Connect has more than one configuration"
    );
    for role in ["", "arn", "arn:aws:iam::123456789012:role/", "arn:aws:sns:r:1:role/x"] {
        assert_eq!(
            house.refused("SetV2LoggingOptions", json!({ "roleArn": role })).await,
            format!("InvalidRequestException: Invalid role ARN: {role}")
        );
    }
    // A refused update changes nothing.
    assert_eq!(house.ask("GetV2LoggingOptions", json!({})).await, expected);
}

#[tokio::test]
async fn a_level_is_of_the_default_or_of_a_named_target() {
    let house = House::open().await;
    house.ask("SetV2LoggingOptions", json!({ "roleArn": ROLE })).await;
    let level = |target: Value| json!({ "logTarget": target, "logLevel": "DEBUG" });
    house.ask("SetV2LoggingLevel", level(json!({ "targetType": "DEFAULT" }))).await;
    let options = house.ask("GetV2LoggingOptions", json!({})).await;
    assert_eq!(options["defaultLogLevel"], "DEBUG");
    let cases = [
        (
            json!({ "targetType": "DEFAULT", "targetName": "x" }),
            "The log target DEFAULT must not have a name",
        ),
        (json!({ "targetType": "CLIENT_ID" }), "The log target CLIENT_ID must have a name"),
        (
            json!({ "targetType": "CLIENT_ID", "targetName": "" }),
            "The log target CLIENT_ID must have a name",
        ),
        (
            json!({ "targetType": "CLIENT_ID", "targetName": "a\0b" }),
            "The name of the log target is invalid",
        ),
    ];
    for (target, message) in cases {
        let refused = house.refused("SetV2LoggingLevel", level(target)).await;
        assert_eq!(refused, format!("InvalidRequestException: {message}"));
    }
    let request = json!({ "targetType": "DEFAULT", "targetName": "x" });
    assert_eq!(
        house.refused("DeleteV2LoggingLevel", request).await,
        "InvalidRequestException: The default log level can't be deleted"
    );
    let request = json!({ "targetType": "CLIENT_ID", "targetName": "none" });
    assert_eq!(house.ask("DeleteV2LoggingLevel", request).await, json!({}));
}

#[test]
fn levels_are_listed_with_the_default_first() {
    random(8, async |tape| {
        let house = House::open().await;
        let mut options = json!({ "roleArn": ROLE });
        let default = tape.chance(70).then_some("ERROR");
        if let Some(level) = default {
            options["defaultLogLevel"] = json!(level);
        }
        house.ask("SetV2LoggingOptions", options).await;
        let types = ["CLIENT_ID", "PRINCIPAL_ID", "SOURCE_IP", "THING_GROUP"];
        let mut known: BTreeMap<(&str, String), &str> = BTreeMap::new();
        for _ in 0..25 {
            let target = (tape.one(&types), format!("n{}", tape.below(12)));
            if tape.chance(25) {
                let request = json!({ "targetType": target.0, "targetName": target.1 });
                house.ask("DeleteV2LoggingLevel", request).await;
                known.remove(&target);
            } else {
                let level = tape.one(&["DEBUG", "INFO", "ERROR", "WARN", "DISABLED"]);
                let log_target = json!({ "targetType": target.0, "targetName": target.1 });
                let request = json!({ "logTarget": log_target, "logLevel": level });
                house.ask("SetV2LoggingLevel", request).await;
                known.insert(target, level);
            }
        }
        let wanted = [&types[..], &["DEFAULT"]].concat().into_iter().map(Some);
        for wanted in wanted.chain([None]) {
            let mut expected = Vec::new();
            if let (Some(level), None | Some("DEFAULT")) = (default, wanted) {
                let target = json!({ "targetType": "DEFAULT" });
                expected.push(json!({ "logTarget": target, "logLevel": level }));
            }
            for ((kind, name), level) in &known {
                if wanted.is_none_or(|wanted| wanted == *kind) {
                    let target = json!({ "targetType": kind, "targetName": name });
                    expected.push(json!({ "logTarget": target, "logLevel": level }));
                }
            }
            let mut request = json!({});
            if let Some(size) = tape.size(1, 250) {
                request["maxResults"] = json!(size);
            }
            if let Some(wanted) = wanted {
                request["targetType"] = json!(wanted);
            }
            let found =
                house.pages("ListV2LoggingLevels", request, "logTargetConfigurations").await;
            assert_eq!(found, expected, "{wanted:?}");
        }
    });
}
