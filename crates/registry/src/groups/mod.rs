//! Static thing groups: a hierarchy, whose groups never move.
//!
//! A group knows its ancestors, so that nothing has to climb: they can't change while it is there,
//! since a group with children is not deleted. Dynamic groups aren't built.

pub mod list;
pub mod members;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

use crate::logging;
use crate::policies::attachments;
use crate::record::{key, prefix};
use crate::security_profiles::targets;
use crate::things::{AttributeUpdate, Attributes, already_there, require_version};
use crate::{Code, Failure, Refusal, Registry, Txn, table, tags, text};

pub use members::add_thing;

/// Groups from the top of a hierarchy to its bottom. Source: Device Management's quotas.
const DEPTH_MAX: usize = 7;
/// Groups directly below a group. Source: the same.
const CHILDREN_MAX: usize = 100;
/// Attributes of a group. Source: the same.
const ATTRIBUTES_MAX: usize = 50;
/// Members that leave a group at once when it is deleted.
const LEAVING_MAX: usize = 512;

/// A thing group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// A UUID, another one for each group that ever had its name.
    pub id: String,
    /// The groups above it, from the top to its parent.
    pub ancestors: Vec<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What is said about it.
    pub attributes: Attributes,
    /// How often it was changed, from 1.
    pub version: i64,
    /// When it was created.
    pub created: Timestamp,
}

/// What CreateThingGroup asks for.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// The group above it.
    pub parent: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What is said about it; what has an empty value is left out.
    pub attributes: Attributes,
    /// Its tags.
    pub tags: tags::Tags,
}

/// The ARN of a group.
#[must_use]
pub fn arn(txn: &Txn, name: &str) -> String {
    txn.arn(&format!("thinggroup/{name}"))
}

/// CreateThingGroup: makes a group, or finds the one that is there already and is the same. Its id.
///
/// # Errors
/// Another one of this name is there, the parent isn't, or a limit is reached.
pub async fn create(txn: &mut Txn, request: NewGroup) -> Result<String, Failure> {
    let NewGroup { name, parent, description, mut attributes, tags } = request;
    attributes.retain(|_, value| !value.is_empty());
    check_attributes(&attributes)?;
    if let Some(old) = txn.get::<Group>(table::THING_GROUPS, name.as_bytes()).await? {
        let is_same = (old.ancestors.last(), &old.description, &old.attributes)
            == (parent.as_ref(), &description, &attributes);
        if is_same {
            return Ok(old.id);
        }
        let message = format!(
            "Thing Group {name} already exists in current account with different properties"
        );
        return Err(already_there(message, old.id, arn(txn, &name)).into());
    }
    let ancestors = match &parent {
        Some(parent) => below(txn, parent).await?,
        None => Vec::new(),
    };
    let (id, created) = (text::uuid()?, txn.now());
    let group = Group { id: id.clone(), ancestors, description, attributes, version: 1, created };
    txn.put(table::THING_GROUPS, name.as_bytes(), &group)?;
    txn.mark(table::GROUP_CHILDREN, &key(&[parent.as_deref().unwrap_or_default(), &name]));
    tags::put(txn, &arn(txn, &name), &tags)?;
    Ok(id)
}

/// The ancestors of a new group below this one.
async fn below(txn: &mut Txn, parent: &str) -> Result<Vec<String>, Failure> {
    // The model of CreateThingGroup has no ResourceNotFoundException. AWS's words are not known.
    let group = txn.get::<Group>(table::THING_GROUPS, parent.as_bytes()).await?;
    let missing = || Refusal::invalid(format!("Parent thing group {parent} does not exist"));
    let mut ancestors = group.ok_or_else(missing)?.ancestors;
    ancestors.push(parent.to_owned());
    if ancestors.len() >= DEPTH_MAX {
        // AWS's words are not known; these are ours.
        let message = format!("A hierarchy of thing groups can have {DEPTH_MAX} levels at most");
        return Err(Refusal::invalid(message).into());
    }
    let prefix = prefix(&[parent]);
    let children = txn.keys(table::GROUP_CHILDREN, &prefix, None, CHILDREN_MAX).await?;
    if children.len() >= CHILDREN_MAX {
        // AWS's words are not known; these are ours.
        let message =
            format!("Thing group {parent} can have {CHILDREN_MAX} direct child groups at most");
        return Err(Refusal::invalid(message).into());
    }
    Ok(ancestors)
}

/// Reads a group. The change holds only if it stays as it is.
///
/// # Errors
/// There is none.
pub async fn get(txn: &mut Txn, name: &str) -> Result<Group, Failure> {
    let group = txn.get(table::THING_GROUPS, name.as_bytes()).await?;
    Ok(group.ok_or_else(|| not_there(name))?)
}

/// That there is such a group. The change holds only if it is still there; it may change.
///
/// # Errors
/// There is none.
pub async fn require(txn: &mut Txn, name: &str) -> Result<(), Failure> {
    if txn.has(table::THING_GROUPS, name.as_bytes()).await? {
        return Ok(());
    }
    Err(not_there(name).into())
}

/// UpdateThingGroup: the description is replaced, the attributes as they say. The new version.
///
/// # Errors
/// There is no such group, its version is another, or it would have too many attributes.
pub async fn update(
    txn: &mut Txn,
    name: &str,
    (description, attributes): (Option<String>, AttributeUpdate),
    expected: Option<i64>,
) -> Result<i64, Failure> {
    let mut group = get(txn, name).await?;
    require_version(expected, group.version, &format!("thing group {name}"))?;
    group.description = description;
    attributes.apply(&mut group.attributes);
    check_attributes(&group.attributes)?;
    group.version = group.version.saturating_add(1);
    txn.put(table::THING_GROUPS, name.as_bytes(), &group)?;
    Ok(group.version)
}

/// DeleteThingGroup: its things leave it and its policies are detached, some at a time, and then it
/// is gone, and its level of logging with it. A group that isn't there is gone already. Source: the developer guide on static thing
/// groups.
///
/// # Errors
/// Its version is another, or there are groups below it.
pub async fn delete(
    registry: &Registry,
    scope: &Arc<str>,
    name: &str,
    expected: Option<i64>,
) -> Result<(), Failure> {
    loop {
        let mut txn = registry.begin(scope);
        let Some(group) = txn.get::<Group>(table::THING_GROUPS, name.as_bytes()).await? else {
            return Ok(());
        };
        require_version(expected, group.version, &format!("thing group {name}"))?;
        if !txn.require_empty(table::GROUP_CHILDREN, &prefix(&[name])).await? {
            let message = format!(
                "Cannot delete thing group : {name} when there are still child groups attached to it"
            );
            return Err(Refusal::invalid(message).into());
        }
        let is_gone = !empty_some(&mut txn, name).await? && remove(&mut txn, name, &group).await?;
        if txn.commit().await? && is_gone {
            return Ok(());
        }
    }
}

/// Takes some of what is attached to a group away from it: things, policies, security profiles.
/// Says whether there was anything.
async fn empty_some(txn: &mut Txn, name: &str) -> Result<bool, Failure> {
    let arn = arn(txn, name);
    let things = txn.keys(table::GROUP_THINGS, &prefix(&[name]), None, LEAVING_MAX).await?;
    for thing in &things {
        members::leave(txn, name, &String::from_utf8_lossy(thing)).await?;
    }
    let of_target = prefix(&[&arn]);
    let policies = txn.keys(table::TARGET_POLICIES, &of_target, None, LEAVING_MAX).await?;
    for policy in &policies {
        attachments::detach(txn, &String::from_utf8_lossy(policy), &arn)?;
    }
    let profiles = txn.keys(table::TARGET_PROFILES, &of_target, None, LEAVING_MAX).await?;
    for profile in &profiles {
        targets::detach(txn, &String::from_utf8_lossy(profile), &arn).await?;
    }
    Ok(!(things.is_empty() && policies.is_empty() && profiles.is_empty()))
}

/// Removes a group that nothing is attached to. The change holds only if that stays so. Says whether
/// it did: something may have been attached since it was emptied.
async fn remove(txn: &mut Txn, name: &str, group: &Group) -> Result<bool, Failure> {
    let arn = arn(txn, name);
    let is_bare = txn.require_empty(table::GROUP_THINGS, &prefix(&[name])).await?
        && txn.require_empty(table::TARGET_POLICIES, &prefix(&[&arn])).await?
        && txn.require_empty(table::TARGET_PROFILES, &prefix(&[&arn])).await?;
    if !is_bare {
        return Ok(false);
    }
    let parent = group.ancestors.last().map_or("", String::as_str);
    txn.delete(table::GROUP_CHILDREN, &key(&[parent, name]));
    txn.delete(table::THING_GROUPS, name.as_bytes());
    logging::delete_level(txn, logging::THING_GROUP, name)?;
    tags::delete(txn, &arn);
    Ok(true)
}

fn check_attributes(attributes: &Attributes) -> Result<(), Refusal> {
    if attributes.len() <= ATTRIBUTES_MAX {
        return Ok(());
    }
    // AWS's words are not known; these are ours.
    let message = format!("A thing group can have up to {ATTRIBUTES_MAX} attributes");
    Err(Refusal::invalid(message))
}

/// AWS's words are not known; these are ours.
fn not_there(name: &str) -> Refusal {
    Refusal::new(Code::ResourceNotFoundException, format!("Thing Group {name} not found."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use trackway_engine::Engine;
    use trackway_store::Memory;

    use super::*;

    #[tokio::test]
    async fn a_group_that_something_joined_since_it_was_emptied_stays() {
        let engine = Engine::builder().open(Arc::new(Memory::new())).await.unwrap();
        let registry = Registry::new(engine);
        let scope: Arc<str> = "123456789012/us-east-1".into();
        let mut txn = registry.begin(&scope);
        let new = NewGroup {
            name: "g".to_owned(),
            parent: None,
            description: None,
            attributes: Attributes::new(),
            tags: tags::Tags::new(),
        };
        create(&mut txn, new).await.unwrap();
        assert!(txn.commit().await.unwrap());

        let mut txn = registry.begin(&scope);
        let group = get(&mut txn, "g").await.unwrap();
        assert!(!empty_some(&mut txn, "g").await.unwrap());
        let mut other = registry.begin(&scope);
        other.mark(table::GROUP_THINGS, &key(&["g", "late"]));
        assert!(other.commit().await.unwrap());
        assert!(!remove(&mut txn, "g", &group).await.unwrap());
        assert!(txn.commit().await.unwrap());
        assert!(get(&mut registry.begin(&scope), "g").await.is_ok());
    }
}
