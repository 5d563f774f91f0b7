//! What security profiles are attached to: thing groups, or all things of an account.

use std::sync::Arc;

use trackway_engine::Fault;

use super::get;
use crate::groups;
use crate::page::{Page, Rows, last_part};
use crate::record;
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::txn::{Registry, Txn};

/// Profiles that a target may have. Source: `AttachSecurityProfile`.
pub const PROFILES_PER_TARGET_MAX: usize = 5;
/// The targets that aren't groups. Source: "Security profiles" of the developer guide.
const ALL: [&str; 3] = ["all/things", "all/registered-things", "all/unregistered-things"];

/// A profile and what it is attached to: its name, the target's ARN.
pub type Mapping = (String, String);

/// AttachSecurityProfile: idempotent.
///
/// # Errors
/// There is no such profile or group, or the target has all profiles that it may have.
pub async fn attach(txn: &mut Txn, profile: &str, target: &str) -> Result<(), Failure> {
    let mut record = get(txn, profile).await?;
    require(txn, target).await?;
    let key = record::key(&[profile, target]);
    if txn.get_bytes(table::PROFILE_TARGETS, &key).await?.is_some() {
        return Ok(());
    }
    let of_target = record::prefix(&[target]);
    let most = PROFILES_PER_TARGET_MAX;
    if txn.keys(table::TARGET_PROFILES, &of_target, None, most).await?.len() == most {
        // The text is ours.
        let message = format!("The target {target} has {most} security profiles already");
        return Err(Refusal::new(Code::LimitExceededException, message).into());
    }
    record.attachments = record.attachments.saturating_add(1);
    txn.put(table::SECURITY_PROFILES, profile.as_bytes(), &record)?;
    txn.mark(table::PROFILE_TARGETS, &key);
    txn.mark(table::TARGET_PROFILES, &record::key(&[target, profile]));
    Ok(())
}

/// DetachSecurityProfile: idempotent, but the profile must exist.
///
/// # Errors
/// There is no such profile, or the target is none.
pub async fn detach(txn: &mut Txn, profile: &str, target: &str) -> Result<(), Failure> {
    let mut record = get(txn, profile).await?;
    read(txn, target)?;
    let key = record::key(&[profile, target]);
    if txn.get_bytes(table::PROFILE_TARGETS, &key).await?.is_none() {
        return Ok(());
    }
    record.attachments = record.attachments.saturating_add(1);
    txn.put(table::SECURITY_PROFILES, profile.as_bytes(), &record)?;
    txn.delete(table::PROFILE_TARGETS, &key);
    txn.delete(table::TARGET_PROFILES, &record::key(&[target, profile]));
    Ok(())
}

/// The targets of a profile behind the place given, in the order of their ARNs.
///
/// # Errors
/// The store failed.
pub async fn of_profile(
    registry: &Registry,
    scope: &Arc<str>,
    profile: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    let prefix = &record::prefix(&[profile]);
    let rows = Rows { registry, scope, table: table::PROFILE_TARGETS, prefix };
    rows.page(after, limit, |key, _| Ok(Some(last_part(key)))).await
}

/// The profiles of a target, and, if `is_recursive`, of all groups below it: by the target's ARN,
/// then by name, after the mapping given. Source: `recursive` of `ListSecurityProfilesForTarget`.
///
/// # Errors
/// There is no such target.
pub async fn of_target(
    txn: &mut Txn,
    target: &str,
    is_recursive: bool,
    after: Option<&Mapping>,
    limit: usize,
) -> Result<Vec<Mapping>, Failure> {
    let group = require(txn, target).await?;
    let mut targets = vec![target.to_owned()];
    if let (Some(group), true) = (group, is_recursive) {
        let below = below(txn, &group).await?;
        targets.extend(below.iter().map(|group| groups::arn(txn, group)));
        targets.sort_unstable();
    }
    let mut found = Vec::new();
    for target in targets {
        // Few profiles have one target, so all of them are read.
        let prefix = record::prefix(&[&target]);
        for key in txn.keys(table::TARGET_PROFILES, &prefix, None, usize::MAX).await? {
            let mapping = (text(&key), target.clone());
            let place = |(profile, target): &Mapping| (target.clone(), profile.clone());
            if after.is_some_and(|after| place(&mapping) <= place(after)) {
                continue;
            }
            found.push(mapping);
            if found.len() == limit {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The groups below a group, at any depth.
async fn below(txn: &mut Txn, group: &str) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    let mut open = vec![group.to_owned()];
    while let Some(parent) = open.pop() {
        let prefix = record::prefix(&[&parent]);
        for key in txn.keys(table::GROUP_CHILDREN, &prefix, None, usize::MAX).await? {
            found.push(text(&key));
            open.push(text(&key));
        }
    }
    Ok(found)
}

/// That a target is there. Gives the group's name if it is one.
async fn require(txn: &mut Txn, target: &str) -> Result<Option<String>, Failure> {
    let group = read(txn, target)?;
    if let Some(group) = &group {
        groups::require(txn, group).await?;
    }
    Ok(group)
}

/// The group behind a target's ARN, none for all things. The text is ours.
fn read(txn: &Txn, target: &str) -> Result<Option<String>, Refusal> {
    let invalid = || Refusal::invalid(format!("Invalid security profile target ARN: {target}"));
    let resource = target.strip_prefix(&txn.arn("")).ok_or_else(invalid)?;
    if ALL.contains(&resource) {
        return Ok(None);
    }
    let group = resource.strip_prefix("thinggroup/").filter(|group| !group.is_empty());
    let group = group.filter(|group| !group.contains('\0')).ok_or_else(invalid)?;
    Ok(Some(group.to_owned()))
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}
