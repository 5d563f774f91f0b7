//! Things and thing types.
//!
//! Beside each thing stand rows that find it by its type and by its attributes: they are written in
//! the same change as the thing.

pub mod list;
pub mod types;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trackway_engine::Fault;

use crate::record::{key, prefix};
use crate::{Code, Failure, Refusal, Txn, billing_groups, groups, table, text};

/// Attributes of a thing without a type. Source: the developer guide on thing types.
const ATTRIBUTES_MAX: usize = 3;
/// Attributes of a thing with one. Source: the same.
const TYPED_ATTRIBUTES_MAX: usize = 50;

/// Names and values; no value is empty.
pub type Attributes = BTreeMap<String, String>;

/// A thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// A UUID, another one for each thing that ever had its name.
    pub id: String,
    /// Its type.
    pub type_name: Option<String>,
    /// What is said about it.
    pub attributes: Attributes,
    /// How often it was changed, from 1.
    pub version: i64,
    /// The billing group that it is in.
    pub billing_group: Option<String>,
}

/// What CreateThing asks for.
#[derive(Clone, Debug)]
pub struct NewThing {
    /// Its name.
    pub name: String,
    /// Its type.
    pub type_name: Option<String>,
    /// What is said about it; what has an empty value is left out.
    pub attributes: Attributes,
    /// The billing group to put it into.
    pub billing_group: Option<String>,
}

/// What UpdateThing asks for.
#[derive(Clone, Debug)]
pub struct ThingUpdate {
    /// Its name.
    pub name: String,
    /// The type that it gets.
    pub type_name: Option<String>,
    /// Whether it loses its type.
    pub removes_type: bool,
    /// What is said about it from now on.
    pub attributes: AttributeUpdate,
    /// The version that it must have.
    pub expected_version: Option<i64>,
}

/// How attributes change. An empty value removes an attribute.
#[derive(Clone, Debug, Default)]
pub struct AttributeUpdate {
    /// The new ones; none if nothing changes.
    pub attributes: Option<Attributes>,
    /// Whether the others stay.
    pub merges: bool,
}

impl AttributeUpdate {
    /// Changes attributes.
    pub(crate) fn apply(self, attributes: &mut Attributes) {
        let Some(new) = self.attributes else { return };
        if !self.merges {
            attributes.clear();
        }
        attributes.extend(new);
        attributes.retain(|_, value| !value.is_empty());
    }
}

/// The ARN of a thing.
#[must_use]
pub fn arn(txn: &Txn, name: &str) -> String {
    txn.arn(&format!("thing/{name}"))
}

/// CreateThing: makes a thing, or finds the one that is there already and is the same. Its id.
///
/// # Errors
/// Another one of this name is there, the type or billing group isn't, the type is deprecated, or
/// there are too many attributes.
pub async fn create(txn: &mut Txn, request: NewThing) -> Result<String, Failure> {
    let NewThing { name, type_name, mut attributes, billing_group } = request;
    attributes.retain(|_, value| !value.is_empty());
    if let Some(old) = txn.get::<Thing>(table::THINGS, name.as_bytes()).await? {
        let is_same = (&old.type_name, &old.attributes, &old.billing_group)
            == (&type_name, &attributes, &billing_group);
        if is_same {
            return Ok(old.id);
        }
        let message = format!("Thing {name} already exists in account with different attributes");
        return Err(already_there(message, old.id, arn(txn, &name)).into());
    }
    check_attributes(type_name.is_some(), &attributes)?;
    if let Some(type_name) = &type_name {
        types::require_usable(txn, type_name).await?;
    }
    let id = text::uuid()?;
    let thing = Thing { id: id.clone(), type_name, attributes, version: 1, billing_group: None };
    write(txn, &name, None, &thing)?;
    if let Some(billing_group) = billing_group {
        billing_groups::add(txn, &billing_group, &name).await?;
    }
    Ok(id)
}

/// Reads a thing. The change holds only if it stays as it is.
///
/// # Errors
/// There is none.
pub async fn get(txn: &mut Txn, name: &str) -> Result<Thing, Failure> {
    let thing = txn.get(table::THINGS, name.as_bytes()).await?;
    Ok(thing.ok_or_else(|| not_there(name))?)
}

/// That there is such a thing. The change holds only if it is still there; it may change.
///
/// # Errors
/// There is none.
pub async fn require(txn: &mut Txn, name: &str) -> Result<(), Failure> {
    if txn.has(table::THINGS, name.as_bytes()).await? {
        return Ok(());
    }
    Err(not_there(name).into())
}

/// UpdateThing.
///
/// # Errors
/// There is no such thing or type, its version is another, the type is deprecated, or there would
/// be too many attributes.
pub async fn update(txn: &mut Txn, request: ThingUpdate) -> Result<(), Failure> {
    let ThingUpdate { name, type_name, removes_type, attributes, expected_version } = request;
    if removes_type && type_name.is_some() {
        // AWS's words are not known; these are ours.
        let message = "removeThingType must not be true when thingTypeName is given";
        return Err(Refusal::invalid(message).into());
    }
    let old = get(txn, &name).await?;
    require_version(expected_version, old.version, &format!("thing {name}"))?;
    let mut new = Thing { version: old.version.saturating_add(1), ..old.clone() };
    if removes_type {
        new.type_name = None;
    }
    if let Some(type_name) = type_name {
        if old.type_name.as_ref() != Some(&type_name) {
            types::require_usable(txn, &type_name).await?;
        }
        new.type_name = Some(type_name);
    }
    attributes.apply(&mut new.attributes);
    check_attributes(new.type_name.is_some(), &new.attributes)?;
    Ok(write(txn, &name, Some(&old), &new)?)
}

/// DeleteThing. A thing that isn't there is gone already.
///
/// # Errors
/// Its version is another, or a principal is attached.
pub async fn delete(txn: &mut Txn, name: &str, expected: Option<i64>) -> Result<(), Failure> {
    let Some(old) = txn.get::<Thing>(table::THINGS, name.as_bytes()).await? else {
        return Ok(());
    };
    require_version(expected, old.version, &format!("thing {name}"))?;
    if !txn.require_empty(table::THING_PRINCIPALS, &prefix(&[name])).await? {
        let message =
            format!("Cannot delete. Thing {name} is still attached to one or more principals");
        return Err(Refusal::invalid(message).into());
    }
    groups::members::forget(txn, name).await?;
    if let Some(group) = &old.billing_group {
        txn.delete(table::BILLING_GROUP_THINGS, &key(&[group, name]));
    }
    for (table, row) in found_by(name, &old) {
        txn.delete(table, &row);
    }
    txn.delete(table::THINGS, name.as_bytes());
    Ok(())
}

/// Writes a thing and the rows by which it is found.
pub(crate) fn write(
    txn: &mut Txn,
    name: &str,
    old: Option<&Thing>,
    new: &Thing,
) -> Result<(), Fault> {
    let rows = found_by(name, new);
    for (table, row) in old.map(|old| found_by(name, old)).unwrap_or_default() {
        if !rows.contains(&(table, row.clone())) {
            txn.delete(table, &row);
        }
    }
    for (table, row) in &rows {
        txn.mark(*table, row);
    }
    txn.put(table::THINGS, name.as_bytes(), new)
}

/// The rows by which a thing is found: table and key.
fn found_by(name: &str, thing: &Thing) -> Vec<(u8, Vec<u8>)> {
    let of_type = thing.type_name.iter().map(|of| (table::TYPE_THINGS, key(&[of, name])));
    let attributes = thing.attributes.iter();
    let of_attributes = attributes
        .map(|(attribute, value)| (table::ATTRIBUTE_THINGS, key(&[attribute, value, name])));
    of_type.chain(of_attributes).collect()
}

fn check_attributes(has_type: bool, attributes: &Attributes) -> Result<(), Refusal> {
    let max = if has_type { TYPED_ATTRIBUTES_MAX } else { ATTRIBUTES_MAX };
    if attributes.len() <= max {
        return Ok(());
    }
    // AWS's words are not known; these are ours.
    let which = if has_type { "with" } else { "without" };
    Err(Refusal::invalid(format!("A thing {which} a thing type can have up to {max} attributes")))
}

/// What a caller hears who expects another version.
pub(crate) fn require_version(
    expected: Option<i64>,
    version: i64,
    what: &str,
) -> Result<(), Refusal> {
    if expected.is_none_or(|expected| expected == version) {
        return Ok(());
    }
    let message = format!("The version for {what} does not match the expected version.");
    Err(Refusal::new(Code::VersionConflictException, message))
}

/// What a caller hears who makes something that is there already, but is another.
pub(crate) fn already_there(message: String, id: String, arn: String) -> Refusal {
    Refusal::new(Code::ResourceAlreadyExistsException, message)
        .with("resourceId", id)
        .with("resourceArn", arn)
}

/// AWS's words are not known; these are ours.
fn not_there(name: &str) -> Refusal {
    Refusal::new(Code::ResourceNotFoundException, format!("Thing {name} not found."))
}
