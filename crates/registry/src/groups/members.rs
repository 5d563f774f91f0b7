//! Who is in a group: a thing is in 10 groups at most, and in one of a hierarchy.
//!
//! All groups of a thing are one record, so that two changes of it can't both go unseen.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{get, require};
use crate::page::Page;
use crate::record::{self, key};
use crate::{Failure, Refusal, Registry, Txn, table, things};

/// Groups that a thing may be in. Source: the developer guide on static thing groups.
const GROUPS_MAX: usize = 10;

/// The groups of a thing, each with the top of its hierarchy.
type Memberships = BTreeMap<String, String>;

/// AddThingToThingGroup. A thing that is in the group already stays there.
///
/// # Errors
/// There is no such group or thing, the thing is in too many groups, or in another one of the same
/// hierarchy.
pub async fn add_thing(txn: &mut Txn, group: &str, thing: &str) -> Result<(), Failure> {
    let mut ancestors = get(txn, group).await?.ancestors.into_iter();
    let top = ancestors.next().unwrap_or_else(|| group.to_owned());
    things::require(txn, thing).await?;
    let mut groups = of(txn, thing).await?;
    if groups.contains_key(group) {
        return Ok(());
    }
    if let Some((other, _)) = groups.iter().find(|(_, other)| **other == top) {
        // AWS's words are not known; these are ours.
        let message = format!(
            "Thing {thing} is in thing group {other}, which is in the same hierarchy as {group}"
        );
        return Err(Refusal::invalid(message).into());
    }
    if groups.len() >= GROUPS_MAX {
        // AWS's words are not known; these are ours.
        let message = format!("Thing {thing} is in {GROUPS_MAX} thing groups already");
        return Err(Refusal::invalid(message).into());
    }
    groups.insert(group.to_owned(), top);
    txn.mark(table::GROUP_THINGS, &key(&[group, thing]));
    Ok(txn.put(table::THING_MEMBERSHIPS, thing.as_bytes(), &groups)?)
}

/// RemoveThingFromThingGroup. A thing that isn't in the group stays out.
///
/// # Errors
/// There is no such group or thing.
pub async fn remove_thing(txn: &mut Txn, group: &str, thing: &str) -> Result<(), Failure> {
    require(txn, group).await?;
    things::require(txn, thing).await?;
    leave(txn, group, thing).await
}

/// UpdateThingGroupsForThing: the thing first leaves groups, then it is added to others.
///
/// # Errors
/// As those of [`remove_thing`] and [`add_thing`]; nothing is changed then.
pub async fn update(
    txn: &mut Txn,
    thing: &str,
    add: &[String],
    remove: &[String],
) -> Result<(), Failure> {
    things::require(txn, thing).await?;
    for group in remove {
        remove_thing(txn, group, thing).await?;
    }
    for group in add {
        add_thing(txn, group, thing).await?;
    }
    Ok(())
}

/// Takes a thing out of a group.
pub(super) async fn leave(txn: &mut Txn, group: &str, thing: &str) -> Result<(), Failure> {
    let mut groups = of(txn, thing).await?;
    txn.delete(table::GROUP_THINGS, &key(&[group, thing]));
    if groups.remove(group).is_none() {
        return Ok(());
    }
    if groups.is_empty() {
        txn.delete(table::THING_MEMBERSHIPS, thing.as_bytes());
        return Ok(());
    }
    Ok(txn.put(table::THING_MEMBERSHIPS, thing.as_bytes(), &groups)?)
}

/// Takes a thing that is being deleted out of all groups.
pub(crate) async fn forget(txn: &mut Txn, thing: &str) -> Result<(), Failure> {
    for group in names(txn, thing).await? {
        txn.delete(table::GROUP_THINGS, &key(&[&group, thing]));
    }
    txn.delete(table::THING_MEMBERSHIPS, thing.as_bytes());
    Ok(())
}

/// The groups that a thing is in itself. The change holds only if it stays in these and no others.
///
/// # Errors
/// The store failed.
pub(crate) async fn names(txn: &mut Txn, thing: &str) -> Result<Vec<String>, Failure> {
    Ok(of(txn, thing).await?.into_keys().collect())
}

/// ListThingGroupsForThing: a page of the groups that a thing is in itself, after a place.
///
/// # Errors
/// There is no such thing.
pub async fn groups_of(
    registry: &Registry,
    scope: &Arc<str>,
    thing: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    things::require(&mut registry.begin(scope), thing).await?;
    let row = registry.catalog().get(scope, table::THING_MEMBERSHIPS, thing.as_bytes()).await?;
    let groups: Memberships = row.map(|row| record::decode(&row)).transpose()?.unwrap_or_default();
    let rest =
        groups.into_keys().filter(|group| after.is_none_or(|after| group.as_bytes() > after));
    let found = rest.map(|group| (group.clone().into_bytes(), group)).collect();
    Ok(Page::of(found, limit, None))
}

/// The groups that a thing is in itself.
pub(crate) async fn of(txn: &mut Txn, thing: &str) -> Result<Memberships, Failure> {
    let groups = txn.get(table::THING_MEMBERSHIPS, thing.as_bytes()).await?;
    Ok(groups.unwrap_or_default())
}
