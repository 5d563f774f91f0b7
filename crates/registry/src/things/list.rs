//! ListThings: by name, by type, by an attribute.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Thing;
use super::types::{self, ThingType};
use crate::page::{Page, ROWS_MAX, Rows, last_part};
use crate::record::{self, key, prefix};
use crate::{Failure, Registry, table};

/// Rows that are read at once.
const CHUNK_ROWS: usize = 256;

/// Which things.
#[derive(Clone, Debug, Default)]
pub struct ThingFilter {
    /// Those of this type.
    pub type_name: Option<String>,
    /// Those with this attribute.
    pub attribute: Option<AttributeFilter>,
}

/// Things with an attribute. Of a thing with a type, only the attributes count that the type calls
/// searchable; all of a thing without. Source: the developer guide on thing types.
#[derive(Clone, Debug)]
pub struct AttributeFilter {
    /// Its name.
    pub name: String,
    /// Its value; none if any will do.
    pub value: Option<String>,
    /// Whether the value may go on behind what is asked for.
    pub is_prefix: bool,
}

impl AttributeFilter {
    /// What the keys of the rows begin with that fit.
    fn rows(&self) -> Vec<u8> {
        match &self.value {
            None => prefix(&[&self.name]),
            Some(value) if self.is_prefix => key(&[&self.name, value]),
            Some(value) => prefix(&[&self.name, value]),
        }
    }

    /// Whether a thing of this type fits.
    fn fits(&self, thing: &Thing, of: Option<&ThingType>) -> bool {
        let Some(value) = thing.attributes.get(&self.name) else { return false };
        let is_wanted = match &self.value {
            None => true,
            Some(wanted) if self.is_prefix => value.starts_with(wanted),
            Some(wanted) => value == wanted,
        };
        let searchable = |of: &ThingType| {
            of.properties.searchable.as_ref().is_some_and(|names| names.contains(&self.name))
        };
        is_wanted && (thing.type_name.is_none() || of.is_some_and(searchable))
    }
}

/// A page of the things that fit, after a place.
///
/// # Errors
/// The store failed.
pub async fn things(
    registry: &Registry,
    scope: &Arc<str>,
    filter: &ThingFilter,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<(String, Thing)>, Failure> {
    let (table, begin) = match filter {
        ThingFilter { attribute: Some(attribute), .. } => {
            (table::ATTRIBUTE_THINGS, attribute.rows())
        }
        ThingFilter { type_name: Some(type_name), .. } => {
            (table::TYPE_THINGS, prefix(&[type_name]))
        }
        ThingFilter { .. } => {
            let rows = Rows { registry, scope, table: table::THINGS, prefix: &[] };
            let show = |name: &[u8], row: &[u8]| Ok(Some((last_part(name), record::decode(row)?)));
            return rows.page(after, limit, show).await;
        }
    };
    let mut finder = Finder { registry, scope, filter, types: BTreeMap::new() };
    let (mut found, mut seen) = (Vec::new(), 0);
    let mut after = after.map(<[u8]>::to_vec);
    while found.len() <= limit && seen < ROWS_MAX {
        let chunk = (limit + 1 - found.len()).min(CHUNK_ROWS);
        let page = registry.catalog().list(scope, table, &begin, after.as_deref(), chunk).await?;
        for (key, _) in &page.rows {
            let name = last_part(key);
            if let Some(thing) = finder.look(&name).await? {
                found.push((key.to_vec(), (name, thing)));
            }
        }
        seen += page.rows.len();
        match page.rows.last() {
            Some((key, _)) if page.more => after = Some(key.to_vec()),
            _ => return Ok(Page::of(found, limit, None)),
        }
    }
    Ok(Page::of(found, limit, after))
}

/// Looks at things that rows have named. A row may have been left behind since it was read: the
/// thing itself decides.
struct Finder<'a> {
    registry: &'a Registry,
    scope: &'a Arc<str>,
    filter: &'a ThingFilter,
    types: BTreeMap<String, Option<ThingType>>,
}

impl Finder<'_> {
    async fn look(&mut self, name: &str) -> Result<Option<Thing>, Failure> {
        let catalog = self.registry.catalog();
        let row = catalog.get(self.scope, table::THINGS, name.as_bytes()).await?;
        let Some(row) = row else { return Ok(None) };
        let thing: Thing = record::decode(&row)?;
        if self.filter.type_name.as_ref().is_some_and(|of| thing.type_name.as_ref() != Some(of)) {
            return Ok(None);
        }
        let Some(attribute) = &self.filter.attribute else { return Ok(Some(thing)) };
        let of = match &thing.type_name {
            Some(of) => self.thing_type(of).await?,
            None => None,
        };
        Ok(attribute.fits(&thing, of).then_some(thing))
    }

    async fn thing_type(&mut self, name: &str) -> Result<Option<&ThingType>, Failure> {
        if !self.types.contains_key(name) {
            let found = types::find(self.registry, self.scope, name).await?;
            self.types.insert(name.to_owned(), found);
        }
        Ok(self.types.get(name).and_then(Option::as_ref))
    }
}
