//! What policies are attached to.

use std::collections::BTreeSet;
use std::sync::Arc;

use trackway_engine::Fault;

use super::target::{self, Target};
use super::{not_found, version};
use crate::groups;
use crate::record;
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::txn::{Registry, Txn};

/// Policies that a certificate or an identity may have. Source: the quotas of IoT Core.
pub const POLICIES_PER_PRINCIPAL_MAX: usize = 10;
/// Rows that are read at once.
const CHUNK: usize = 100;

/// AttachPolicy: idempotent.
///
/// # Errors
/// There is no such policy or target, or the target has all policies that it may have.
pub async fn attach(txn: &mut Txn, policy: &str, target: &str) -> Result<(), Failure> {
    let kind = target::read(txn, target)?;
    if !txn.has(table::POLICIES, policy.as_bytes()).await? {
        return Err(not_found().into());
    }
    kind.require(txn).await?;
    let key = record::key(&[policy, target]);
    if txn.has(table::POLICY_TARGETS, &key).await? {
        return Ok(());
    }
    let most = POLICIES_PER_PRINCIPAL_MAX;
    let prefix = record::prefix(&[target]);
    let is_principal = !matches!(kind, Target::Group(_));
    if is_principal && txn.keys(table::TARGET_POLICIES, &prefix, None, most).await?.len() == most {
        // The text is ours.
        let message = format!("The target {target} has {most} policies already");
        return Err(Refusal::new(Code::LimitExceededException, message).into());
    }
    txn.mark(table::POLICY_TARGETS, &key);
    txn.mark(table::TARGET_POLICIES, &record::key(&[target, policy]));
    Ok(())
}

/// DetachPolicy: idempotent, whether there is such a policy and target or not, as no NotFound is
/// modeled.
///
/// # Errors
/// The target is none.
pub fn detach(txn: &mut Txn, policy: &str, target: &str) -> Result<(), Failure> {
    target::read(txn, target)?;
    txn.delete(table::POLICY_TARGETS, &record::key(&[policy, target]));
    txn.delete(table::TARGET_POLICIES, &record::key(&[target, policy]));
    Ok(())
}

/// AttachPrincipalPolicy: as [`attach`], but not to groups.
///
/// # Errors
/// Those of [`attach`], or the principal is a group.
pub async fn attach_principal(txn: &mut Txn, policy: &str, principal: &str) -> Result<(), Failure> {
    if let Target::Group(_) = target::read(txn, principal)? {
        // Source: an answer of AWS's that a user recorded.
        return Err(Refusal::invalid("The given ARN does not represent a cert").into());
    }
    attach(txn, policy, principal).await
}

/// DetachPrincipalPolicy: idempotent, but the policy must exist.
///
/// # Errors
/// There is no such policy, or the principal is none.
pub async fn detach_principal(txn: &mut Txn, policy: &str, principal: &str) -> Result<(), Failure> {
    if !txn.has(table::POLICIES, policy.as_bytes()).await? {
        return Err(not_found().into());
    }
    detach(txn, policy, principal)
}

/// The names of a target's policies after the one named, at most `limit`; if `is_recursive`, those
/// of the groups above a group too, each once.
///
/// # Errors
/// There is no such target.
pub async fn of_target(
    txn: &mut Txn,
    target: &str,
    is_recursive: bool,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<String>, Failure> {
    let kind = target::read(txn, target)?;
    kind.require(txn).await?;
    let mut targets = vec![target.to_owned()];
    if let (Target::Group(group), true) = (&kind, is_recursive) {
        targets.extend(above(txn, group).await?);
    }
    // Of each target as many as may be on the page: together they have all that are on it.
    let mut names = BTreeSet::new();
    for target in &targets {
        let prefix = record::prefix(&[target]);
        names.extend(txn.keys(table::TARGET_POLICIES, &prefix, after, limit).await?);
    }
    Ok(names.iter().take(limit).map(|name| text(name)).collect())
}

/// The names of a principal's policies in their order, or the other way round, after the one named.
///
/// # Errors
/// There is no such principal.
pub async fn of_principal(
    registry: &Registry,
    scope: &Arc<str>,
    principal: &str,
    is_ascending: bool,
    page: (Option<&[u8]>, usize),
) -> Result<(Vec<String>, bool), Failure> {
    let mut txn = registry.begin(scope);
    target::read(&txn, principal)?.require(&mut txn).await?;
    let of = table::TARGET_POLICIES;
    Ok(second_parts(registry, scope, (of, principal), is_ascending, page).await?)
}

/// The targets of a policy in their order, or the other way round, after the one named; none of a
/// policy that isn't there.
///
/// # Errors
/// The store failed.
pub async fn of_policy(
    registry: &Registry,
    scope: &str,
    policy: &str,
    is_ascending: bool,
    page: (Option<&[u8]>, usize),
) -> Result<(Vec<String>, bool), Fault> {
    second_parts(registry, scope, (table::POLICY_TARGETS, policy), is_ascending, page).await
}

/// The second parts of keys whose first part is given.
async fn second_parts(
    registry: &Registry,
    scope: &str,
    (table, first): (u8, &str),
    is_ascending: bool,
    (after, limit): (Option<&[u8]>, usize),
) -> Result<(Vec<String>, bool), Fault> {
    let catalog = registry.catalog();
    let prefix = record::prefix(&[first]);
    let after = after.map(|after| [&prefix, after].concat());
    let page = if is_ascending {
        catalog.list(scope, table, &prefix, after.as_deref(), limit).await?
    } else {
        catalog.list_back(scope, table, &prefix, after.as_deref(), limit).await?
    };
    let parts = page.rows.iter().map(|(key, _)| text(&key[prefix.len()..])).collect();
    Ok((parts, page.more))
}

/// GetEffectivePolicies: names and documents of the default versions of what is attached to a
/// principal, to the groups that a thing is in, and to the groups above them, by name.
///
/// # Errors
/// There is no such principal or thing.
pub async fn effective(
    txn: &mut Txn,
    principal: Option<&str>,
    thing: Option<&str>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut targets = BTreeSet::new();
    if let Some(principal) = principal {
        target::read(txn, principal)?.require(txn).await?;
        targets.insert(principal.to_owned());
    }
    if let Some(thing) = thing {
        if !txn.has(table::THINGS, thing.as_bytes()).await? {
            // The text is ours.
            let message = format!("The thing {thing} does not exist");
            return Err(Refusal::new(Code::ResourceNotFoundException, message).into());
        }
        for group in groups::members::names(txn, thing).await? {
            targets.insert(groups::arn(txn, &group));
            targets.extend(above(txn, &group).await?);
        }
    }
    let mut names = BTreeSet::new();
    for target in &targets {
        names.extend(all(txn, table::TARGET_POLICIES, target).await?);
    }
    let mut documents = Vec::with_capacity(names.len());
    for name in names {
        let (_, default) = version(txn, &name, None).await?;
        documents.push((name, default.document));
    }
    Ok(documents)
}

/// All second parts of keys whose first part is given.
async fn all(txn: &mut Txn, table: u8, first: &str) -> Result<Vec<String>, Fault> {
    let prefix = record::prefix(&[first]);
    let mut found: Vec<Vec<u8>> = Vec::new();
    loop {
        let more = txn.keys(table, &prefix, found.last().map(Vec::as_slice), CHUNK).await?;
        let is_last = more.len() < CHUNK;
        found.extend(more);
        if is_last {
            return Ok(found.iter().map(|key| text(key)).collect());
        }
    }
}

/// The ARNs of the groups above a group.
async fn above(txn: &mut Txn, group: &str) -> Result<Vec<String>, Failure> {
    let above = groups::get(txn, group).await?.ancestors;
    Ok(above.iter().map(|group| groups::arn(txn, group)).collect())
}

fn text(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}
