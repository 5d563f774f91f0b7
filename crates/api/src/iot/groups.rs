//! Thing groups and who is in them.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_registry::groups::{self, NewGroup, list, members};
use trackway_registry::things::Attributes;

use super::arn::{arn, named};
use super::lists::Paging;
use super::tags::TagList;
use super::things::AttributePayload;
use super::{Answer, Group, Iot};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "AddThingToThingGroup",
        "CreateThingGroup",
        "DeleteThingGroup",
        "DescribeThingGroup",
        "ListThingGroups",
        "ListThingGroupsForThing",
        "ListThingsInThingGroup",
        "RemoveThingFromThingGroup",
        "UpdateThingGroup",
        "UpdateThingGroupsForThing",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AddThingToThingGroup" => service.add_to_group(caller, read(input)?).await,
        "CreateThingGroup" => service.create_group(caller, read(input)?).await,
        "DeleteThingGroup" => service.delete_group(caller, read(input)?).await,
        "DescribeThingGroup" => service.describe_group(caller, read(input)?).await,
        "ListThingGroups" => service.list_groups(caller, read(input)?).await,
        "ListThingGroupsForThing" => service.list_groups_for_thing(caller, read(input)?).await,
        "ListThingsInThingGroup" => service.list_things_in_group(caller, read(input)?).await,
        "RemoveThingFromThingGroup" => service.remove_from_group(caller, read(input)?).await,
        "UpdateThingGroup" => service.update_group(caller, read(input)?).await,
        "UpdateThingGroupsForThing" => service.update_groups_for(caller, read(input)?).await,
        other => Err(super::listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    thing_group_name: String,
    parent_group_name: Option<String>,
    #[serde(default)]
    thing_group_properties: Properties,
    #[serde(default)]
    tags: TagList,
}

/// `ThingGroupProperties`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    thing_group_description: Option<String>,
    attribute_payload: Option<AttributePayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    thing_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    thing_group_name: String,
    thing_group_properties: Properties,
    expected_version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    thing_group_name: String,
    expected_version: Option<i64>,
}

/// There are no dynamic groups that a static one could take the place of, so `overrideDynamicGroups`
/// changes nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    thing_group_name: Option<String>,
    thing_group_arn: Option<String>,
    thing_name: Option<String>,
    thing_arn: Option<String>,
}

impl Membership {
    /// The names of the group and of the thing.
    fn names(self, caller: &Caller) -> Result<(String, String), super::refusal::Failure> {
        let group = named(caller, "thinggroup", self.thing_group_name, self.thing_group_arn)?;
        Ok((group, named(caller, "thing", self.thing_name, self.thing_arn)?))
    }
}

/// Without `overrideDynamicGroups`, as [`Membership`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateGroups {
    thing_name: Option<String>,
    #[serde(default)]
    thing_groups_to_add: Vec<String>,
    #[serde(default)]
    thing_groups_to_remove: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(flatten)]
    paging: Paging,
    parent_group: Option<String>,
    name_prefix_filter: Option<String>,
    recursive: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListThings {
    #[serde(flatten)]
    paging: Paging,
    thing_group_name: String,
    #[serde(default)]
    recursive: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListForThing {
    #[serde(flatten)]
    paging: Paging,
    thing_name: String,
}

impl Iot {
    async fn create_group(&self, caller: &Caller, request: Create) -> Answer {
        let properties = request.thing_group_properties;
        let new = NewGroup {
            name: request.thing_group_name.clone(),
            parent: request.parent_group_name,
            description: properties.thing_group_description,
            attributes: AttributePayload::of_new(properties.attribute_payload),
            tags: request.tags.0,
        };
        let id = loop {
            let mut txn = self.registry.begin(&caller.scope);
            let id = groups::create(&mut txn, new.clone()).await?;
            if txn.commit().await? {
                break id;
            }
        };
        write(&json!({
            "thingGroupName": request.thing_group_name,
            "thingGroupArn": arn(caller, "thinggroup", &request.thing_group_name),
            "thingGroupId": id,
        }))
    }

    async fn describe_group(&self, caller: &Caller, request: Describe) -> Answer {
        let name = request.thing_group_name;
        let group = groups::get(&mut self.registry.begin(&caller.scope), &name).await?;
        let mut metadata = json!({ "creationDate": Epoch(group.created) });
        if let Some(parent) = group.ancestors.last() {
            let ancestors = group.ancestors.iter().map(|name| name_and_arn(caller, name));
            metadata["parentGroupName"] = json!(parent);
            metadata["rootToParentThingGroups"] = ancestors.collect();
        }
        write(&json!({
            "thingGroupName": name,
            "thingGroupId": group.id,
            "thingGroupArn": arn(caller, "thinggroup", &name),
            "version": group.version,
            "thingGroupProperties": properties(group.description, &group.attributes),
            "thingGroupMetadata": metadata,
        }))
    }

    async fn update_group(&self, caller: &Caller, request: Update) -> Answer {
        let Update { thing_group_name: name, thing_group_properties, expected_version } = request;
        let new = (
            thing_group_properties.thing_group_description,
            AttributePayload::of_update(thing_group_properties.attribute_payload),
        );
        let version = loop {
            let mut txn = self.registry.begin(&caller.scope);
            let version = groups::update(&mut txn, &name, new.clone(), expected_version).await?;
            if txn.commit().await? {
                break version;
            }
        };
        write(&json!({ "version": version }))
    }

    async fn delete_group(&self, caller: &Caller, request: Delete) -> Answer {
        let Delete { thing_group_name: name, expected_version } = request;
        groups::delete(&self.registry, &caller.scope, &name, expected_version).await?;
        nothing()
    }

    async fn add_to_group(&self, caller: &Caller, request: Membership) -> Answer {
        let (group, thing) = request.names(caller)?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            groups::add_thing(&mut txn, &group, &thing).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn remove_from_group(&self, caller: &Caller, request: Membership) -> Answer {
        let (group, thing) = request.names(caller)?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            members::remove_thing(&mut txn, &group, &thing).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn update_groups_for(&self, caller: &Caller, request: UpdateGroups) -> Answer {
        let thing = named(caller, "thing", request.thing_name, None)?;
        let (add, remove) = (request.thing_groups_to_add, request.thing_groups_to_remove);
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            members::update(&mut txn, &thing, &add, &remove).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn list_groups(&self, caller: &Caller, request: List) -> Answer {
        let List { paging, parent_group: parent, name_prefix_filter, recursive } = request;
        let name_prefix = name_prefix_filter.unwrap_or_default();
        let list = [
            "ListThingGroups",
            parent.as_deref().unwrap_or_default(),
            &name_prefix,
            recursive.map_or("", |yes| if yes { "recursive" } else { "direct" }),
        ];
        let place = self.place(caller, &list, &paging)?;
        let filter = list::GroupFilter {
            parent: parent.clone(),
            name_prefix: name_prefix.clone(),
            recursive,
        };
        let (registry, scope) = (&self.registry, &caller.scope);
        let page = list::groups(registry, scope, &filter, place.as_deref(), paging.limit()).await?;
        self.page(caller, &list, "thingGroups", page.map(|name| name_and_arn(caller, &name)))
    }

    async fn list_groups_for_thing(&self, caller: &Caller, request: ListForThing) -> Answer {
        let ListForThing { paging, thing_name: thing } = request;
        let list = ["ListThingGroupsForThing", &thing];
        let place = self.place(caller, &list, &paging)?;
        let (registry, scope) = (&self.registry, &caller.scope);
        let page =
            members::groups_of(registry, scope, &thing, place.as_deref(), paging.limit()).await?;
        self.page(caller, &list, "thingGroups", page.map(|name| name_and_arn(caller, &name)))
    }

    async fn list_things_in_group(&self, caller: &Caller, request: ListThings) -> Answer {
        let ListThings { paging, thing_group_name: group, recursive } = request;
        let how = if recursive { "recursive" } else { "direct" };
        let list = ["ListThingsInThingGroup", &group, how];
        let place = self.place(caller, &list, &paging)?;
        let registry = (&self.registry, &caller.scope);
        let page =
            list::things(registry, &group, recursive, place.as_deref(), paging.limit()).await?;
        self.page(caller, &list, "things", page)
    }
}

/// `ThingGroupProperties`.
fn properties(description: Option<String>, attributes: &Attributes) -> Value {
    let mut properties = json!({});
    if let Some(description) = description {
        properties["thingGroupDescription"] = json!(description);
    }
    if !attributes.is_empty() {
        properties["attributePayload"] = json!({ "attributes": attributes });
    }
    properties
}

/// `GroupNameAndArn`.
fn name_and_arn(caller: &Caller, name: &str) -> Value {
    json!({ "groupName": name, "groupArn": arn(caller, "thinggroup", name) })
}
