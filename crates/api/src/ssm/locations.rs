//! `TargetLocations`: other accounts and Regions, which this version can't reach.

use serde_json::Value;

use super::refusal::{Code, Refusal};
use crate::Caller;

/// Members of a location that change nothing where it is the only one and is here. Roles are
/// accepted and not looked at, as everywhere.
const WITHOUT_EFFECT: [&str; 3] =
    ["TargetLocationMaxConcurrency", "TargetLocationMaxErrors", "ExecutionRoleName"];

/// Lets pass what changes nothing: no location, or one that is the caller's account and Region and
/// says nothing else.
///
/// # Errors
/// `InvalidTarget` for any other.
pub(super) fn check(caller: &Caller, locations: &[Value]) -> Result<(), Refusal> {
    let refused = |message: &str| Err(Refusal::new(Code::InvalidTarget, message));
    let location = match locations {
        [] => return Ok(()),
        [location] => location,
        _ => {
            return refused(
                "More than one of TargetLocations is not supported by this version of Trackway.",
            );
        }
    };
    let is_here = |member: &str, here: &str| location[member] == serde_json::json!([here]);
    if !is_here("Accounts", &caller.account) || !is_here("Regions", &caller.region) {
        return refused(
            "Executions in other accounts or Regions (TargetLocations) are not supported by this version of Trackway.",
        );
    }
    let mut members = location.as_object().into_iter().flatten().map(|(member, _)| member.as_str());
    let is_known = |member: &&str| {
        matches!(*member, "Accounts" | "Regions") || WITHOUT_EFFECT.contains(member)
    };
    match members.find(|member| !is_known(member)) {
        Some(member) => refused(&format!(
            "{member} of TargetLocations is not supported by this version of Trackway."
        )),
        None => Ok(()),
    }
}
