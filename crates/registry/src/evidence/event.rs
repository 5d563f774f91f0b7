//! One line of evidence, read and checked.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use trackway_audit::evaluate::connections::Happening;
use trackway_audit::evaluate::document::Document;
use trackway_core::Timestamp;

use super::connections;
use super::crl::{self, Authority, List};
use super::record::{IdentityPool, Role};
use crate::record::CertificateId;

/// Numbers from here on are milliseconds: as seconds they would be beyond the year 5000.
const MILLIS_FROM: f64 = 1e11;
/// The end of the year 9999, as far as ISO 8601 goes.
const MILLIS_MAX: f64 = 253_402_300_799_999.0;
/// The longest client id. Source: AWS IoT quotas.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// What a line tells.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Connection(connections::Event),
    Role {
        arn: String,
        role: Role,
    },
    Pool {
        id: String,
        pool: IdentityPool,
    },
    Lists(Vec<List>),
    Authorities(Vec<Authority>),
    /// What happened to a violation, as [`crate::violations::feed`] takes it.
    Violation(Value),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConnectionLine {
    #[serde(rename = "type")]
    _type: String,
    client_id: String,
    certificate_id: String,
    time: Option<Value>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RoleLine {
    #[serde(rename = "type")]
    _type: String,
    role_arn: String,
    policies: Vec<Value>,
    #[serde(default)]
    last_accessed: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PoolLine {
    #[serde(rename = "type")]
    _type: String,
    identity_pool_id: String,
    authenticated_role_arn: Option<String>,
    unauthenticated_role_arn: Option<String>,
    time: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileLine {
    #[serde(rename = "type")]
    _type: String,
    pem: Option<String>,
    der: Option<String>,
}

impl Event {
    /// Reads a line; what has no time happens now.
    ///
    /// # Errors
    /// Why it can't be.
    pub(super) fn read(line: &[u8], now: Timestamp) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(line).map_err(|error| format!("it is no JSON: {error}"))?;
        let Some(kind) = value.get("type").and_then(Value::as_str).map(str::to_owned) else {
            return Err("it must be an object with a type".to_owned());
        };
        match kind.as_str() {
            "connect" | "disconnect" => connection(from(value)?, kind == "connect", now),
            "role" => role(from(value)?, now),
            "identity-pool" => pool(from(value)?, now),
            "crl" => Ok(Self::Lists(crl::lists(&content(from(value)?)?)?)),
            "issuer-certificate" => {
                Ok(Self::Authorities(crl::authorities(&content(from(value)?)?)?))
            }
            "violation" => Ok(Self::Violation(value)),
            other => Err(format!(
                "{other} is no type; there are connect, disconnect, role, identity-pool, crl, \
                 issuer-certificate and violation"
            )),
        }
    }
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn connection(line: ConnectionLine, is_begin: bool, now: Timestamp) -> Result<Event, String> {
    let certificate = CertificateId::read(&line.certificate_id)
        .ok_or("certificateId must be 64 hexadecimal digits in lower case")?;
    if line.client_id.is_empty() || line.client_id.len() > CLIENT_ID_BYTES_MAX {
        return Err(format!("clientId must have 1 to {CLIENT_ID_BYTES_MAX} bytes"));
    }
    if line.client_id.contains('\0') {
        return Err("clientId must not have a zero".to_owned());
    }
    if is_begin && line.reason.is_some() {
        return Err("only a disconnect has a reason".to_owned());
    }
    let what = if is_begin { Happening::Connected } else { Happening::Disconnected(line.reason) };
    let at = time_or(line.time.as_ref(), now)?;
    Ok(Event::Connection(connections::Event { client: line.client_id, certificate, at, what }))
}

fn role(line: RoleLine, now: Timestamp) -> Result<Event, String> {
    is_role(&line.role_arn, "roleArn")?;
    let mut policies = Vec::new();
    for (place, policy) in line.policies.iter().enumerate() {
        // A document may be JSON or, as IAM's API has it, a text.
        let text = policy.as_str().map_or_else(|| policy.to_string(), str::to_owned);
        Document::parse(&text).map_err(|why| format!("policy {place}: {why}"))?;
        policies.push(text);
    }
    let mut last_accessed = BTreeMap::new();
    for (service, at) in &line.last_accessed {
        last_accessed.insert(service.to_ascii_lowercase(), time_or(Some(at), now)?);
    }
    Ok(Event::Role { arn: line.role_arn, role: Role { policies, last_accessed } })
}

fn pool(line: PoolLine, now: Timestamp) -> Result<Event, String> {
    if line.identity_pool_id.is_empty() || line.identity_pool_id.contains('\0') {
        return Err("identityPoolId must be a text".to_owned());
    }
    let roles = [
        (&line.authenticated_role_arn, "authenticatedRoleArn"),
        (&line.unauthenticated_role_arn, "unauthenticatedRoleArn"),
    ];
    for (arn, name) in roles {
        arn.as_deref().map_or(Ok(()), |arn| is_role(arn, name))?;
    }
    let pool = IdentityPool {
        authenticated: line.authenticated_role_arn,
        unauthenticated: line.unauthenticated_role_arn,
        seen: time_or(line.time.as_ref(), now)?,
    };
    Ok(Event::Pool { id: line.identity_pool_id, pool })
}

fn is_role(arn: &str, name: &str) -> Result<(), String> {
    let is_role = arn.starts_with("arn:") && arn.contains(":role/") && !arn.contains('\0');
    if is_role { Ok(()) } else { Err(format!("{name} must be the ARN of a role")) }
}

fn content(line: FileLine) -> Result<Vec<u8>, String> {
    match (line.pem, line.der) {
        (Some(pem), None) => Ok(pem.into_bytes()),
        (None, Some(der)) => {
            STANDARD.decode(der).map_err(|error| format!("der is no base64: {error}"))
        }
        _ => Err("give either pem or der".to_owned()),
    }
}

/// A time: ISO 8601, or a number of seconds or milliseconds of the epoch; now if there is none.
///
/// # Errors
/// It is none of these, or lies before the epoch or after the year 9999.
pub(crate) fn time_or(value: Option<&Value>, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || "a time is ISO 8601, or seconds or milliseconds of the epoch".to_owned();
    match value {
        None | Some(Value::Null) => Ok(now),
        Some(Value::String(text)) => {
            // Without an offset it is UTC.
            let utc = jiff::tz::TimeZone::UTC;
            let in_utc = || text.parse::<jiff::civil::DateTime>().and_then(|at| at.to_zoned(utc));
            let time = text.parse::<jiff::Timestamp>();
            let time = time.or_else(|_| in_utc().map(|at| at.timestamp())).map_err(|_| wrong())?;
            Some(Timestamp(time.as_millisecond()))
                .filter(|at| at.as_millis() >= 0)
                .ok_or_else(wrong)
        }
        Some(Value::Number(number)) => {
            let number = number.as_f64().filter(|number| (0.0..=MILLIS_MAX).contains(number));
            let number = number.ok_or_else(wrong)?;
            let millis = if number < MILLIS_FROM { number * 1000.0 } else { number };
            #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
            Ok(Timestamp(millis.round() as i64))
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    #[test]
    fn times_are_read_in_three_spellings() {
        for (value, expected) in [
            (json!("2023-11-14T22:13:20Z"), NOW),
            (json!("2023-11-14T23:13:20.5+01:00"), NOW + 500),
            (json!(1_700_000_000), NOW),
            (json!(1_700_000_000.25), NOW + 250),
            (json!(1_700_000_000_000_i64), NOW),
            (json!("2023-11-14T22:13:20"), NOW),
            (json!("2023-11-14 22:13:20.25"), NOW + 250),
            (json!(null), NOW),
        ] {
            assert_eq!(time_or(Some(&value), NOW), Ok(expected), "{value}");
        }
        for value in [json!("yesterday"), json!(-1), json!(true), json!(1e15), json!(1e300)] {
            assert!(time_or(Some(&value), NOW).is_err(), "{value}");
        }
    }

    #[test]
    fn a_line_that_is_wrong_says_what_is_wrong() {
        let id = "a".repeat(64);
        for (line, why) in [
            (json!(7), "an object with a type"),
            (json!({"type": "x"}), "no type"),
            (json!({"type": "connect", "certificateId": id}), "clientId"),
            (json!({"type": "connect", "clientId": "a", "certificateId": "A"}), "64 hexadecimal"),
            (json!({"type": "connect", "clientId": "", "certificateId": id}), "1 to 128"),
            (json!({"type": "connect", "clientId": "a", "certificateId": id, "x": 1}), "x"),
            (
                json!({"type": "connect", "clientId": "a", "certificateId": id, "reason": "b"}),
                "reason",
            ),
            (json!({"type": "role", "roleArn": "x", "policies": []}), "ARN of a role"),
            (
                json!({"type": "role", "roleArn": "arn:aws:iam::1:role/x", "policies": [{}]}),
                "policy 0",
            ),
            (json!({"type": "identity-pool"}), "identityPoolId"),
            (json!({"type": "crl"}), "either pem or der"),
            (json!({"type": "crl", "pem": "x"}), "X509 CRL"),
            (json!({"type": "crl", "der": "!"}), "base64"),
            (json!({"type": "crl", "der": "MAA="}), "no revocation list"),
            (json!({"type": "issuer-certificate", "der": "MAA="}), "no certificate"),
        ] {
            let refusal = Event::read(line.to_string().as_bytes(), NOW).unwrap_err();
            assert!(refusal.contains(why), "{line}: {refusal}");
        }
        assert!(Event::read(b"nonsense", NOW).unwrap_err().contains("no JSON"));
    }
}
