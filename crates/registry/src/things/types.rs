//! Thing types: they are made, deprecated, and five minutes later deleted.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

use super::already_there;
use crate::page::{Page, Rows, last_part};
use crate::record::{self, prefix};
use crate::{Code, Failure, Refusal, Registry, Txn, table, tags, text};

/// Attributes of a type by which things can be found. Source: what AWS answers to more.
const SEARCHABLE_MAX: usize = 3;
/// How long a type has to be deprecated before it may be deleted, in milliseconds.
/// Source: the developer guide on thing types.
const DEPRECATED_MIN_MS: i64 = 5 * 60 * 1000;

/// A thing type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThingType {
    /// A UUID, another one for each type that ever had its name.
    pub id: String,
    /// What it says.
    pub properties: TypeProperties,
    /// When it was created.
    pub created: Timestamp,
    /// When it was deprecated, if it is.
    pub deprecated: Option<Timestamp>,
}

/// Source: `ThingTypeProperties`. What isn't said is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeProperties {
    /// What it is for.
    pub description: Option<String>,
    /// The attributes by which its things can be found: a set, as AWS shows them in their order.
    pub searchable: Option<BTreeSet<String>>,
    /// What is added to MQTT 5 messages of its things.
    pub propagating: Option<Vec<Propagating>>,
}

/// Source: `PropagatingAttribute`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Propagating {
    /// The key of the message's property.
    pub user_property_key: Option<String>,
    /// The attribute of the thing.
    pub thing_attribute: Option<String>,
    /// The attribute of the connection.
    pub connection_attribute: Option<String>,
}

/// The ARN of a type.
#[must_use]
pub fn arn(txn: &Txn, name: &str) -> String {
    txn.arn(&format!("thingtype/{name}"))
}

/// CreateThingType: makes a type, or finds the one that is there already and is the same. Its id.
///
/// # Errors
/// Another one of this name is there, or it is not as a type or tags must be.
pub async fn create(
    txn: &mut Txn,
    name: &str,
    properties: TypeProperties,
    tags: &tags::Tags,
) -> Result<String, Failure> {
    check(&properties)?;
    if let Some(old) = txn.get::<ThingType>(table::THING_TYPES, name.as_bytes()).await? {
        if old.properties == properties {
            return Ok(old.id);
        }
        // AWS's words are known of thing groups only.
        let message = format!(
            "Thing Type {name} already exists in current account with different properties"
        );
        return Err(already_there(message, old.id, arn(txn, name)).into());
    }
    let id = text::uuid()?;
    let created = txn.now();
    let one = ThingType { id: id.clone(), properties, created, deprecated: None };
    txn.put(table::THING_TYPES, name.as_bytes(), &one)?;
    tags::put(txn, &arn(txn, name), tags)?;
    Ok(id)
}

/// Reads a type. The change holds only if it stays as it is.
///
/// # Errors
/// There is none.
pub async fn get(txn: &mut Txn, name: &str) -> Result<ThingType, Failure> {
    let one = txn.get(table::THING_TYPES, name.as_bytes()).await?;
    Ok(one.ok_or_else(|| {
        // AWS's words are not known; these are ours.
        let message = format!("Thing type {name} not found.");
        Refusal::new(Code::ResourceNotFoundException, message)
    })?)
}

/// That things may be given this type.
pub(super) async fn require_usable(txn: &mut Txn, name: &str) -> Result<(), Failure> {
    if get(txn, name).await?.deprecated.is_none() {
        return Ok(());
    }
    let message = format!("Can not create new thing with deprecated thing type:{name}");
    Err(Refusal::invalid(message).into())
}

/// UpdateThingType: what the properties say is changed, the rest stays.
///
/// # Errors
/// There is no such type, or it would not be as a type must be.
pub async fn update(txn: &mut Txn, name: &str, new: TypeProperties) -> Result<(), Failure> {
    check(&new)?;
    let mut one = get(txn, name).await?;
    let old = one.properties;
    one.properties = TypeProperties {
        description: new.description.or(old.description),
        searchable: new.searchable.or(old.searchable),
        propagating: new.propagating.or(old.propagating),
    };
    Ok(txn.put(table::THING_TYPES, name.as_bytes(), &one)?)
}

/// DeprecateThingType, and back.
///
/// # Errors
/// There is no such type.
pub async fn deprecate(txn: &mut Txn, name: &str, undoes: bool) -> Result<(), Failure> {
    let mut one = get(txn, name).await?;
    one.deprecated = if undoes { None } else { Some(one.deprecated.unwrap_or(txn.now())) };
    Ok(txn.put(table::THING_TYPES, name.as_bytes(), &one)?)
}

/// DeleteThingType.
///
/// # Errors
/// There is no such type, it is not deprecated or not for long enough, or things have it.
pub async fn delete(txn: &mut Txn, name: &str) -> Result<(), Failure> {
    let one = get(txn, name).await?;
    let Some(deprecated) = one.deprecated else {
        // AWS's words are not known; these are ours.
        let message = format!("Thing type {name} must be deprecated before it is deleted");
        return Err(Refusal::invalid(message).into());
    };
    if txn.now().as_millis().saturating_sub(deprecated.as_millis()) < DEPRECATED_MIN_MS {
        let message = "Please wait for 5 minutes after deprecation and then retry";
        return Err(Refusal::invalid(message).into());
    }
    if !txn.require_empty(table::TYPE_THINGS, &prefix(&[name])).await? {
        // AWS's words are not known; these are ours.
        let message = format!("Thing type {name} still has things associated with it");
        return Err(Refusal::invalid(message).into());
    }
    txn.delete(table::THING_TYPES, name.as_bytes());
    tags::delete(txn, &arn(txn, name));
    Ok(())
}

/// A type as it is, if there is one.
///
/// # Errors
/// The store failed.
pub async fn find(
    registry: &Registry,
    scope: &Arc<str>,
    name: &str,
) -> Result<Option<ThingType>, Failure> {
    let row = registry.catalog().get(scope, table::THING_TYPES, name.as_bytes()).await?;
    Ok(row.map(|row| record::decode(&row)).transpose()?)
}

/// ListThingTypes: a page of names and types, after a place.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &Arc<str>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<(String, ThingType)>, Failure> {
    let rows = Rows { registry, scope, table: table::THING_TYPES, prefix: &[] };
    let show = |name: &[u8], row: &[u8]| Ok(Some((last_part(name), record::decode(row)?)));
    rows.page(after, limit, show).await
}

fn check(properties: &TypeProperties) -> Result<(), Refusal> {
    if properties.searchable.as_ref().is_some_and(|set| set.len() > SEARCHABLE_MAX) {
        let message = "Only three searchable attributes are allowed for a thing type.";
        return Err(Refusal::invalid(message));
    }
    Ok(())
}
