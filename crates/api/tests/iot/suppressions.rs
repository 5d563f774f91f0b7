//! Suppressions of findings, one by one.

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House};

const LOGGING: &str = "LOGGING_DISABLED_CHECK";

fn named() -> Value {
    json!({ "checkName": LOGGING, "resourceIdentifier": { "account": ACCOUNT } })
}

fn with(members: &[(&str, Value)]) -> Value {
    let mut request = named();
    for (name, value) in members {
        request[*name] = value.clone();
    }
    request
}

fn created(token: &str, members: &[(&str, Value)]) -> Value {
    let mut request = with(members);
    request["clientRequestToken"] = json!(token);
    request
}

/// A moment as answers within the process have it.
fn moment(seconds: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole")]
    let moment = jiff::Timestamp::from_second(seconds as i64).unwrap();
    json!(moment.to_string())
}

async fn describe(house: &House) -> Value {
    house.ask("DescribeAuditSuppression", named()).await
}

#[tokio::test]
async fn a_suppression_is_created_changed_and_deleted() {
    let house = House::open().await;
    let end = house.now_seconds().floor() + 100.0;
    let first = created("a", &[("expirationDate", json!(end)), ("description", json!("d"))]);
    assert_eq!(house.ask("CreateAuditSuppression", first).await, json!({}));
    let shown = |more: &[(&str, Value)]| with(more);
    let (date, ever) = ("expirationDate", "suppressIndefinitely");
    let described = [(date, moment(end)), (ever, json!(false)), ("description", json!("d"))];
    assert_eq!(describe(&house).await, shown(&described));
    for (change, expected) in [
        (vec![("description", json!("e"))], vec![(date, moment(end)), (ever, json!(false))]),
        (vec![(ever, json!(false))], vec![(date, moment(end)), (ever, json!(false))]),
        (vec![(ever, json!(true))], vec![(ever, json!(true))]),
        (vec![(date, json!(end + 1.0))], vec![(date, moment(end + 1.0)), (ever, json!(false))]),
    ] {
        assert_eq!(house.ask("UpdateAuditSuppression", with(&change)).await, json!({}));
        let mut expected = expected;
        expected.push(("description", json!("e")));
        assert_eq!(describe(&house).await, shown(&expected));
    }
    for _ in 0..2 {
        assert_eq!(house.ask("DeleteAuditSuppression", named()).await, json!({}));
    }
    for (operation, request) in [
        ("DescribeAuditSuppression", named()),
        ("UpdateAuditSuppression", with(&[(ever, json!(true))])),
    ] {
        let answer = house.refused(operation, request).await;
        assert!(answer.starts_with("ResourceNotFoundException: "), "{answer}");
    }
}

#[tokio::test]
async fn what_has_expired_is_gone() {
    let house = House::open().await;
    let end = house.now_seconds().floor() + 100.0;
    let dated = |token: &str| created(token, &[("expirationDate", json!(end))]);
    house.ask("CreateAuditSuppression", dated("a")).await;
    house.engine.advance(100_000);
    for operation in ["DescribeAuditSuppression", "UpdateAuditSuppression"] {
        let answer = house.refused(operation, named()).await;
        assert!(answer.starts_with("ResourceNotFoundException: "), "{answer}");
    }
    for order in [json!({}), json!({ "ascendingOrder": false })] {
        let listed = house.ask("ListAuditSuppressions", order).await;
        assert_eq!(listed, json!({ "suppressions": [] }));
    }
    let ever = created("a", &[("suppressIndefinitely", json!(true))]);
    house.ask("CreateAuditSuppression", ever).await;
    assert_eq!(describe(&house).await["suppressIndefinitely"], true);
}

#[tokio::test]
async fn neither_a_place_nor_a_token_is_taken_twice() {
    let house = House::open().await;
    let ever = [("suppressIndefinitely", json!(true))];
    house.ask("CreateAuditSuppression", created("a", &ever)).await;
    let mut other = created("a", &ever);
    other["resourceIdentifier"] = json!({ "account": "111122223333" });
    for request in [created("a", &ever), created("b", &ever), other.clone()] {
        let answer = house.refused("CreateAuditSuppression", request).await;
        assert!(answer.starts_with("ResourceAlreadyExistsException: "), "{answer}");
    }
    // The token is free once what it made is gone.
    house.ask("DeleteAuditSuppression", named()).await;
    house.ask("CreateAuditSuppression", other).await;
}

#[tokio::test]
async fn suppressions_that_make_no_sense_are_refused() {
    let house = House::open().await;
    let now = house.now_seconds();
    let (date, ever) = ("expirationDate", "suppressIndefinitely");
    let (create, update) = ("CreateAuditSuppression", "UpdateAuditSuppression");
    let list = "ListAuditSuppressions";
    let unknown = json!({ "checkName": "NO_CHECK", "resourceIdentifier": { "account": ACCOUNT } });
    let nobody = json!({ "checkName": LOGGING, "resourceIdentifier": {} });
    let two = json!({ "account": ACCOUNT, "clientId": "c" });
    house.ask(create, created("a", &[(ever, json!(true))])).await;
    for (operation, request) in [
        (create, created("b", &[])),
        (create, created("b", &[(ever, json!(false))])),
        (create, created("b", &[(ever, json!(true)), (date, json!(now + 100.0))])),
        (create, created("b", &[(date, json!(now - 1.0))])),
        (create, created("b", &[(date, json!(0))])),
        (create, created("b", &[(ever, json!(true)), ("resourceIdentifier", two.clone())])),
        (create, created("not a token", &[(ever, json!(true))])),
        (update, with(&[(ever, json!(false))])),
        (update, with(&[(ever, json!(true)), (date, json!(now + 100.0))])),
        (update, with(&[(date, json!(now - 1.0))])),
        ("DescribeAuditSuppression", unknown.clone()),
        ("DeleteAuditSuppression", unknown),
        ("DescribeAuditSuppression", nobody.clone()),
        ("DeleteAuditSuppression", nobody),
        (list, json!({ "checkName": "NO_CHECK" })),
        (list, json!({ "resourceIdentifier": two })),
        (list, json!({ "nextToken": "x" })),
        (list, json!({ "maxResults": 0 })),
    ] {
        let answer = house.refused(operation, request.clone()).await;
        assert!(answer.starts_with("InvalidRequestException: "), "{operation} {request}: {answer}");
    }
}
