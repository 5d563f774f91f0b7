//! The one call of STS that clients make before any other: who am I?

use serde_json::json;

use crate::Caller;

/// Answers `sts:GetCallerIdentity`: the account's root, since there are no users here.
pub(crate) fn caller_identity(caller: &Caller) -> Vec<u8> {
    let account = &caller.account;
    json!({
        "UserId": account,
        "Account": account,
        "Arn": caller.arn(),
    })
    .to_string()
    .into_bytes()
}
