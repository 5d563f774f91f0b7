//! ListAuditSuppressions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_audit::check::Check;
use trackway_audit::resource::Resource;
use trackway_engine::Clock;
use trackway_registry::record::Suppression;

use crate::audits::resources;
use crate::house::House;
use crate::paging::{Client, IOT, List, OTHER, text};
use crate::tape::{Tape, random};

const CHECKS: [Check; 2] = [Check::PolicyOverlyPermissive, Check::DeviceCertificateShared];

type Known = BTreeMap<(Check, Resource), (Option<i64>, String)>;

/// A suppression as the list is to show it.
fn row(check: Check, resource: &Resource, ends: Option<i64>, description: &str) -> Value {
    let mut row = json!({
        "checkName": check.name(),
        "resourceIdentifier": resource.to_identifier(),
        "suppressIndefinitely": ends.is_none(),
        "description": description,
    });
    if let Some(ends) = ends {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
        let seconds = ends as f64 / 1000.0;
        row["expirationDate"] = json!(seconds);
    }
    row
}

/// What a change names, and what it says of the end.
fn change(tape: &mut Tape, known: &mut Known, now: i64) -> (&'static str, Value) {
    let check = tape.one(&CHECKS);
    let resource = tape.one(&resources(check));
    let place = (check, resource.clone());
    let mut request =
        json!({ "checkName": check.name(), "resourceIdentifier": resource.to_identifier() });
    if tape.chance(15) {
        known.remove(&place);
        return ("DeleteAuditSuppression", request);
    }
    let ends = tape.chance(70).then(|| now / 1000 + 1 + i64::try_from(tape.below(4)).unwrap());
    let description = tape.one(&["", "a", "b"]);
    request["description"] = json!(description);
    match ends {
        Some(ends) => request["expirationDate"] = json!(ends),
        None => request["suppressIndefinitely"] = json!(true),
    }
    let ends = ends.map(|ends| ends * 1000);
    let operation = match known.insert(place, (ends, description.to_owned())) {
        Some(_) => "UpdateAuditSuppression",
        None => "CreateAuditSuppression",
    };
    (operation, request)
}

/// What a list has to show.
fn expected(
    known: &Known,
    is_rising: bool,
    fits: impl Fn(Check, &Resource) -> bool,
) -> Vec<String> {
    let mut rows: Vec<_> =
        known.iter().filter(|((check, resource), _)| fits(*check, resource)).collect();
    rows.sort_by_key(|((check, resource), (ends, _))| {
        (ends.unwrap_or(i64::MAX), Suppression::key(*check, resource))
    });
    if !is_rising {
        rows.reverse();
    }
    let shown = rows
        .into_iter()
        .map(|((check, resource), (ends, description))| row(*check, resource, *ends, description));
    shown.map(|row| id(&row)).collect()
}

/// A row in a form that doesn't depend on the order of its members.
fn id(row: &Value) -> String {
    let parts = ["resourceIdentifier", "suppressIndefinitely", "expirationDate", "description"];
    let parts = parts.map(|part| row[part].to_string());
    format!("{} {}", text(row, "checkName"), parts.join(" "))
}

#[test]
fn suppressions_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let mut list = List {
            client: client.clone(),
            words: IOT,
            operation: "ListAuditSuppressions",
            member: "suppressions",
            default: 25,
            id,
            other: Value::Null,
        };
        let mut known = Known::new();
        for round in 0..40 {
            house.engine.advance(i64::try_from(tape.below(900)).unwrap());
            let now = house.engine.now().as_millis();
            known.retain(|_, (ends, _)| ends.is_none_or(|ends| ends > now));
            let (operation, request) = change(tape, &mut known, now);
            client.iot(operation, request).await;
            if round % 5 > 0 {
                continue;
            }
            let check = tape.chance(40).then(|| tape.one(&CHECKS));
            let of = check.unwrap_or(Check::DeviceCertificateShared);
            let resource = tape.chance(40).then(|| tape.one(&resources(of)));
            let order = tape.one(&[None, Some(true), Some(false)]);
            let mut request = json!({});
            if let Some(check) = check {
                request["checkName"] = json!(check.name());
            }
            if let Some(resource) = &resource {
                request["resourceIdentifier"] = resource.to_identifier();
            }
            if let Some(order) = order {
                request["ascendingOrder"] = json!(order);
            }
            list.other = json!({ "ascendingOrder": order == Some(false) });
            if order == Some(true) || order.is_none() {
                list.other = json!({ "ascendingOrder": false });
            }
            let fits = |of: Check, about: &Resource| {
                check.is_none_or(|check| check == of)
                    && resource.as_ref().is_none_or(|resource| resource == about)
            };
            let expected = expected(&known, order != Some(false), fits);
            list.holds(&request, tape.size(1, 250), &expected).await;
            let happens = async || {
                let later = json!({
                    "checkName": "LOGGING_DISABLED_CHECK", "resourceIdentifier": { "account": OTHER },
                    "suppressIndefinitely": true,
                });
                client.ask(&IOT, crate::paging::OURS, "CreateAuditSuppression", &later).await;
                client.iot("DeleteAuditSuppression", later).await;
            };
            list.holds_while(&request, tape.size(1, 250), &expected, happens).await;
        }
        let (_, body) = client.ask(&IOT, OTHER, "ListAuditSuppressions", &json!({})).await;
        assert_eq!(body, json!({ "suppressions": [] }), "another account has its own");
    });
}
