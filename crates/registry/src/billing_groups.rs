//! Billing groups: a thing is in one at most.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

use crate::page::{Page, Rows, last_part};
use crate::record::{key, prefix};
use crate::things::{self, Thing, already_there, require_version};
use crate::{Code, Failure, Refusal, Registry, Txn, table, tags, text};

/// A billing group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingGroup {
    /// A UUID, another one for each group that ever had its name.
    pub id: String,
    /// What it is for.
    pub description: Option<String>,
    /// How often it was changed, from 1.
    pub version: i64,
    /// When it was created.
    pub created: Timestamp,
}

/// The ARN of a billing group.
#[must_use]
pub fn arn(txn: &Txn, name: &str) -> String {
    txn.arn(&format!("billinggroup/{name}"))
}

/// CreateBillingGroup: makes one, or finds the one that is there already and is the same. Its id.
///
/// # Errors
/// Another one of this name is there, or the tags are not as tags must be.
pub async fn create(
    txn: &mut Txn,
    name: &str,
    description: Option<String>,
    tags: &tags::Tags,
) -> Result<String, Failure> {
    if let Some(old) = txn.get::<BillingGroup>(table::BILLING_GROUPS, name.as_bytes()).await? {
        if old.description == description {
            return Ok(old.id);
        }
        // AWS's words are known of thing groups only.
        let message = format!(
            "Billing Group {name} already exists in current account with different properties"
        );
        return Err(already_there(message, old.id, arn(txn, name)).into());
    }
    let id = text::uuid()?;
    let created = txn.now();
    let group = BillingGroup { id: id.clone(), description, version: 1, created };
    txn.put(table::BILLING_GROUPS, name.as_bytes(), &group)?;
    tags::put(txn, &arn(txn, name), tags)?;
    Ok(id)
}

/// Reads a billing group. The change holds only if it stays as it is.
///
/// # Errors
/// There is none.
pub async fn get(txn: &mut Txn, name: &str) -> Result<BillingGroup, Failure> {
    let group = txn.get(table::BILLING_GROUPS, name.as_bytes()).await?;
    Ok(group.ok_or_else(|| not_there(name))?)
}

/// That there is such a billing group. The change holds only if it is still there.
///
/// # Errors
/// There is none.
pub async fn require(txn: &mut Txn, name: &str) -> Result<(), Failure> {
    if txn.has(table::BILLING_GROUPS, name.as_bytes()).await? {
        return Ok(());
    }
    Err(not_there(name).into())
}

/// UpdateBillingGroup: the description is replaced. The new version.
///
/// # Errors
/// There is none, or its version is another.
pub async fn update(
    txn: &mut Txn,
    name: &str,
    description: Option<String>,
    expected: Option<i64>,
) -> Result<i64, Failure> {
    let mut group = get(txn, name).await?;
    require_version(expected, group.version, &format!("billing group {name}"))?;
    group.description = description;
    group.version = group.version.saturating_add(1);
    txn.put(table::BILLING_GROUPS, name.as_bytes(), &group)?;
    Ok(group.version)
}

/// DeleteBillingGroup. One that isn't there is gone already.
///
/// # Errors
/// Its version is another, or things are in it.
pub async fn delete(txn: &mut Txn, name: &str, expected: Option<i64>) -> Result<(), Failure> {
    let old = txn.get::<BillingGroup>(table::BILLING_GROUPS, name.as_bytes()).await?;
    let Some(old) = old else { return Ok(()) };
    require_version(expected, old.version, &format!("billing group {name}"))?;
    if !txn.require_empty(table::BILLING_GROUP_THINGS, &prefix(&[name])).await? {
        // AWS's words are not known; these are ours.
        let message = format!("Cannot delete. Billing group {name} still has things in it");
        return Err(Refusal::invalid(message).into());
    }
    txn.delete(table::BILLING_GROUPS, name.as_bytes());
    tags::delete(txn, &arn(txn, name));
    Ok(())
}

/// AddThingToBillingGroup. A thing that is in it already stays there.
///
/// # Errors
/// There is no such group or thing, or the thing is in another billing group.
pub async fn add(txn: &mut Txn, group: &str, thing: &str) -> Result<(), Failure> {
    require(txn, group).await?;
    let old = things::get(txn, thing).await?;
    match &old.billing_group {
        Some(current) if current == group => return Ok(()),
        Some(current) => {
            // AWS's words are not known; these are ours.
            let message = format!("Thing {thing} is in the billing group {current} already");
            return Err(Refusal::invalid(message).into());
        }
        None => {}
    }
    let new = Thing { billing_group: Some(group.to_owned()), ..old.clone() };
    things::write(txn, thing, Some(&old), &new)?;
    txn.mark(table::BILLING_GROUP_THINGS, &key(&[group, thing]));
    Ok(())
}

/// RemoveThingFromBillingGroup. A thing that isn't in it stays out.
///
/// # Errors
/// There is no such group or thing.
pub async fn remove(txn: &mut Txn, group: &str, thing: &str) -> Result<(), Failure> {
    require(txn, group).await?;
    let old = things::get(txn, thing).await?;
    if old.billing_group.as_deref() != Some(group) {
        return Ok(());
    }
    let new = Thing { billing_group: None, ..old.clone() };
    things::write(txn, thing, Some(&old), &new)?;
    txn.delete(table::BILLING_GROUP_THINGS, &key(&[group, thing]));
    Ok(())
}

/// ListBillingGroups: a page of the names that begin with this, after a place.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &Arc<str>,
    name_prefix: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    let rows =
        Rows { registry, scope, table: table::BILLING_GROUPS, prefix: name_prefix.as_bytes() };
    rows.page(after, limit, |name, _| Ok(Some(last_part(name)))).await
}

/// ListThingsInBillingGroup: a page of names, after a place.
///
/// # Errors
/// There is no such group.
pub async fn things_in(
    registry: &Registry,
    scope: &Arc<str>,
    group: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    require(&mut registry.begin(scope), group).await?;
    let prefix = &prefix(&[group]);
    let rows = Rows { registry, scope, table: table::BILLING_GROUP_THINGS, prefix };
    rows.page(after, limit, |key, _| Ok(Some(last_part(key)))).await
}

/// AWS's words are not known; these are ours.
fn not_there(name: &str) -> Refusal {
    Refusal::new(Code::ResourceNotFoundException, format!("Billing group {name} not found."))
}
