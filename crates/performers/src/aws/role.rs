//! Roles: `sts:AssumeRole`, and what it gave until that expires.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use trackway_wire::sigv4::Credentials;

use super::Role;

/// Temporary credentials and when they end, in milliseconds since 1970.
#[derive(Clone)]
pub(super) struct Temporary {
    pub(super) credentials: Credentials,
    pub(super) expires_ms: i64,
}

/// One role's credentials. The lock is held while they are fetched, so that they are fetched once.
pub(super) type Slot = Arc<tokio::sync::Mutex<Option<Temporary>>>;

/// What was assumed so far, by the access key that did and the role.
#[derive(Default)]
pub(super) struct Roles(Mutex<BTreeMap<(String, Role), Slot>>);

/// How long before their end credentials are no longer used.
const MARGIN_MS: i64 = 5 * 60 * 1000;
/// Beyond as many roles, those that nobody uses are forgotten.
const SLOTS_MAX: usize = 1000;

impl Roles {
    pub(super) fn slot(&self, access_key: &str, role: &Role) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= SLOTS_MAX {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry((access_key.to_owned(), role.clone())).or_default())
    }
}

impl Temporary {
    pub(super) fn lasts(&self, now_ms: i64) -> bool {
        now_ms < self.expires_ms - MARGIN_MS
    }

    /// What an output of AssumeRole in the neutral form holds.
    pub(super) fn of(output: &Value) -> Option<Self> {
        let found = &output["Credentials"];
        let text = |name: &str| found[name].as_str().map(str::to_owned);
        #[expect(clippy::cast_possible_truncation, reason = "a date is far from 2^53")]
        let expires_ms = (found["Expiration"].as_f64()? * 1000.0) as i64;
        let credentials = Credentials {
            access_key: text("AccessKeyId")?,
            secret_key: text("SecretAccessKey")?,
            session_token: text("SessionToken"),
        };
        Some(Self { credentials, expires_ms })
    }
}

/// The input of AssumeRole.
pub(super) fn request(role: &Role) -> Value {
    let mut input = json!({ "RoleArn": role.arn, "RoleSessionName": role.session_name });
    if let Some(id) = &role.external_id {
        input["ExternalId"] = id.as_str().into();
    }
    if let Some(seconds) = role.duration_seconds {
        input["DurationSeconds"] = seconds.into();
    }
    input
}
