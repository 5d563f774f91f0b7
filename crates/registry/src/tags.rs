//! Tags of resources: one row a resource, keyed by its ARN; a resource without tags has none.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::{self, CertificateId};
use crate::{Code, Failure, Refusal, Registry, Txn, table};

/// Tags that a resource may have. Source: AWS's tagging quotas.
const TAGS_MAX: usize = 50;
/// No name of what may have tags is longer. Source: the constraints of the names.
const NAME_BYTES_MAX: usize = 128;
/// The prefix of keys that only AWS sets.
const RESERVED_PREFIX: &str = "aws:";

/// Keys and values, in the order of the keys.
pub type Tags = BTreeMap<String, String>;

/// Gives a new resource its tags; those of an earlier resource with this ARN are gone.
///
/// # Errors
/// There are too many, or a key is AWS's.
pub fn put(txn: &mut Txn, arn: &str, tags: &Tags) -> Result<(), Failure> {
    check_keys(tags)?;
    if tags.len() > TAGS_MAX {
        return Err(Refusal::invalid(too_many(arn)).into());
    }
    write(txn, arn, tags)
}

/// Forgets the tags of a resource that is being deleted.
pub fn delete(txn: &mut Txn, arn: &str) {
    txn.delete(table::TAGS, arn.as_bytes());
}

/// TagResource: adds tags to a resource; a key that it has gets the new value.
///
/// # Errors
/// There is no such resource, there are too many tags, or a key is AWS's.
pub async fn add(txn: &mut Txn, arn: &str, tags: &Tags) -> Result<(), Failure> {
    require_resource(txn, arn).await?;
    check_keys(tags)?;
    let mut kept: Tags = txn.get(table::TAGS, arn.as_bytes()).await?.unwrap_or_default();
    kept.extend(tags.iter().map(|(key, value)| (key.clone(), value.clone())));
    if kept.len() > TAGS_MAX {
        return Err(Refusal::new(Code::LimitExceededException, too_many(arn)).into());
    }
    write(txn, arn, &kept)
}

/// UntagResource: removes tags. A key that the resource doesn't have changes nothing.
///
/// # Errors
/// There is no such resource.
pub async fn remove(txn: &mut Txn, arn: &str, keys: &[String]) -> Result<(), Failure> {
    require_resource(txn, arn).await?;
    let mut kept: Tags = txn.get(table::TAGS, arn.as_bytes()).await?.unwrap_or_default();
    kept.retain(|key, _| !keys.contains(key));
    write(txn, arn, &kept)
}

/// ListTagsForResource: all of them, at most 50.
///
/// # Errors
/// There is no such resource.
pub async fn of(registry: &Registry, scope: &Arc<str>, arn: &str) -> Result<Tags, Failure> {
    require_resource(&mut registry.begin(scope), arn).await?;
    let row = registry.catalog().get(scope, table::TAGS, arn.as_bytes()).await?;
    Ok(row.map(|row| record::decode(&row)).transpose()?.unwrap_or_default())
}

fn write(txn: &mut Txn, arn: &str, tags: &Tags) -> Result<(), Failure> {
    if tags.is_empty() {
        delete(txn, arn);
        return Ok(());
    }
    Ok(txn.put(table::TAGS, arn.as_bytes(), tags)?)
}

fn check_keys(tags: &Tags) -> Result<(), Refusal> {
    if tags.keys().any(|key| key.to_lowercase().starts_with(RESERVED_PREFIX)) {
        // AWS's words are not known; these are ours.
        return Err(Refusal::invalid("Tag keys must not begin with aws:, which AWS reserves"));
    }
    Ok(())
}

/// AWS's words are not known; these are ours.
fn too_many(arn: &str) -> String {
    format!("A resource may have {TAGS_MAX} tags at most: {arn}")
}

/// That a resource exists which may have tags. The change holds only if it still does.
///
/// # Errors
/// It doesn't, or it is of a kind that has no tags.
async fn require_resource(txn: &mut Txn, arn: &str) -> Result<(), Failure> {
    let (table, key) = place(txn, arn)?;
    if txn.has(table, &key).await? {
        return Ok(());
    }
    let message = format!("The specified resource does not exist: {arn}");
    Err(Refusal::new(Code::ResourceNotFoundException, message).into())
}

/// The row of the resource behind an ARN of this account and region. Things and device
/// certificates have no tags. Source: the developer guide on tagging, and what is created with tags.
fn place(txn: &Txn, arn: &str) -> Result<(u8, Vec<u8>), Refusal> {
    let invalid = || Refusal::invalid(format!("Invalid resource ARN: {arn}"));
    let resource = arn.strip_prefix(&txn.arn("")).ok_or_else(invalid)?;
    let (kind, name) = resource.split_once('/').ok_or_else(invalid)?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(invalid());
    }
    let table = match kind {
        "billinggroup" => table::BILLING_GROUPS,
        "cacert" => {
            let id = CertificateId::read(name).ok_or_else(invalid)?;
            return Ok((table::CA_CERTIFICATES, id.0.to_vec()));
        }
        "mitigationaction" => table::MITIGATION_ACTIONS,
        "policy" => table::POLICIES,
        "rolealias" => table::ROLE_ALIASES,
        "scheduledaudit" => table::SCHEDULED_AUDITS,
        "securityprofile" => table::SECURITY_PROFILES,
        "thinggroup" => table::THING_GROUPS,
        "thingtype" => table::THING_TYPES,
        _ => return Err(invalid()),
    };
    Ok((table, name.as_bytes().to_vec()))
}
