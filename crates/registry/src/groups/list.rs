//! Lists of groups, and of the things in them, down a hierarchy too.
//!
//! A hierarchy is walked depth first, by name. A place in it is the path of names from the group
//! where the walk begins, so that it goes on even when a group on the path was deleted.

use std::sync::Arc;

use super::require;
use crate::page::{Page, Rows, last_part};
use crate::record::{self, key, prefix};
use crate::{Failure, Registry, table};

/// Groups that one page walks through.
const STEPS_MAX: usize = 1024;

/// Which groups.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// Those below this one.
    pub parent: Option<String>,
    /// Those whose names begin with this.
    pub name_prefix: String,
    /// Whether it is all those below or only those directly below; if not said, all groups without
    /// a parent, and only those directly below with one.
    pub recursive: Option<bool>,
}

/// Where and in whose registry a walk goes.
struct Walk<'a> {
    registry: &'a Registry,
    scope: &'a Arc<str>,
    /// The group where it begins.
    top: &'a str,
    /// The names of the groups on the way down to where it is, without the top.
    path: Vec<String>,
}

/// A place among the things in a hierarchy: the path to a group, and a thing in it.
type ThingPlace = (Vec<String>, Option<String>);

impl Walk<'_> {
    /// The group where it is.
    fn group(&self) -> &str {
        self.path.last().map_or(self.top, String::as_str)
    }

    /// Goes to the next group. Says whether there is one.
    async fn go(&mut self) -> Result<bool, Failure> {
        let mut after = None;
        loop {
            let parent = self.group();
            let last = after.as_ref().map(|child: &String| key(&[parent, child]));
            let catalog = self.registry.catalog();
            let (table, prefix) = (table::GROUP_CHILDREN, prefix(&[parent]));
            let page = catalog.list(self.scope, table, &prefix, last.as_deref(), 1).await?;
            if let Some((child, _)) = page.rows.first() {
                self.path.push(last_part(child));
                return Ok(true);
            }
            after = self.path.pop();
            if after.is_none() {
                return Ok(false);
            }
        }
    }
}

/// ListThingGroups: a page of names, after a place.
///
/// # Errors
/// There is no such parent.
pub async fn groups(
    registry: &Registry,
    scope: &Arc<str>,
    filter: &GroupFilter,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    if let Some(parent) = &filter.parent {
        require(&mut registry.begin(scope), parent).await?;
    }
    let (table, begin) = match (&filter.parent, filter.recursive) {
        (Some(parent), Some(true)) => {
            let walk = Walk { registry, scope, top: parent, path: Vec::new() };
            return descendants(walk, &filter.name_prefix, after, limit).await;
        }
        (None, None | Some(true)) => (table::THING_GROUPS, filter.name_prefix.clone().into_bytes()),
        (parent, _) => {
            let parent = parent.as_deref().unwrap_or_default();
            (table::GROUP_CHILDREN, key(&[parent, &filter.name_prefix]))
        }
    };
    let rows = Rows { registry, scope, table, prefix: &begin };
    rows.page(after, limit, |key, _| Ok(Some(last_part(key)))).await
}

async fn descendants(
    mut walk: Walk<'_>,
    name_prefix: &str,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    if let Some(after) = after {
        walk.path = record::decode(after)?;
    }
    let mut found = Vec::new();
    for _ in 0..STEPS_MAX {
        if !walk.go().await? {
            return Ok(Page::of(found, limit, None));
        }
        if walk.group().starts_with(name_prefix) {
            found.push((record::encode(&walk.path)?, walk.group().to_owned()));
        }
        if found.len() > limit {
            return Ok(Page::of(found, limit, None));
        }
    }
    Ok(Page::of(found, limit, Some(record::encode(&walk.path)?)))
}

/// ListThingsInThingGroup: a page of the names of the things in a group, and with `recursive` in
/// the groups below it too, after a place.
///
/// # Errors
/// There is no such group.
pub async fn things(
    (registry, scope): (&Registry, &Arc<str>),
    group: &str,
    recursive: bool,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<String>, Failure> {
    require(&mut registry.begin(scope), group).await?;
    let place: ThingPlace = after.map(record::decode).transpose()?.unwrap_or_default();
    let (path, mut after) = place;
    let mut walk = Walk { registry, scope, top: group, path };
    let mut found = Vec::new();
    for _ in 0..STEPS_MAX {
        let begin = prefix(&[walk.group()]);
        let last = after.take().map(|thing| key(&[walk.group(), &thing]));
        let (catalog, wanted) = (registry.catalog(), limit + 1 - found.len());
        let (table, last) = (table::GROUP_THINGS, last.as_deref());
        for (row, _) in catalog.list(scope, table, &begin, last, wanted).await?.rows {
            let thing = last_part(&row);
            found.push((record::encode(&(&walk.path, Some(&thing)))?, thing));
        }
        if found.len() > limit || !recursive || !walk.go().await? {
            return Ok(Page::of(found, limit, None));
        }
    }
    Ok(Page::of(found, limit, Some(record::encode(&(&walk.path, None::<String>))?)))
}
