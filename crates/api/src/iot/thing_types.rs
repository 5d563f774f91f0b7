//! Thing types.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_registry::page::Page;
use trackway_registry::things::types::{self, Propagating, ThingType, TypeProperties};

use super::arn::arn;
use super::lists::Paging;
use super::tags::TagList;
use super::{Answer, Group, Iot};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateThingType",
        "DeleteThingType",
        "DeprecateThingType",
        "DescribeThingType",
        "ListThingTypes",
        "UpdateThingType",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateThingType" => service.create_thing_type(caller, read(input)?).await,
        "DeleteThingType" => service.delete_thing_type(caller, read(input)?).await,
        "DeprecateThingType" => service.deprecate_thing_type(caller, read(input)?).await,
        "DescribeThingType" => service.describe_thing_type(caller, read(input)?).await,
        "ListThingTypes" => service.list_thing_types(caller, read(input)?).await,
        "UpdateThingType" => service.update_thing_type(caller, read(input)?).await,
        other => Err(super::listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    thing_type_name: String,
    #[serde(default)]
    thing_type_properties: Properties,
    #[serde(default)]
    tags: TagList,
}

/// `ThingTypeProperties`.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(skip_serializing_if = "Option::is_none")]
    thing_type_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    searchable_attributes: Option<BTreeSet<String>>,
    #[serde(rename = "mqtt5Configuration", skip_serializing_if = "Option::is_none")]
    mqtt5_configuration: Option<Mqtt5>,
}

/// `Mqtt5Configuration`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Mqtt5 {
    #[serde(default)]
    propagating_attributes: Vec<Attribute>,
}

/// `PropagatingAttribute`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_property_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thing_attribute: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_attribute: Option<String>,
}

impl From<Properties> for TypeProperties {
    fn from(properties: Properties) -> Self {
        let propagating = |one: Attribute| Propagating {
            user_property_key: one.user_property_key,
            thing_attribute: one.thing_attribute,
            connection_attribute: one.connection_attribute,
        };
        Self {
            description: properties.thing_type_description,
            searchable: properties.searchable_attributes,
            propagating: properties
                .mqtt5_configuration
                .map(|mqtt5| mqtt5.propagating_attributes.into_iter().map(propagating).collect()),
        }
    }
}

impl From<TypeProperties> for Properties {
    fn from(properties: TypeProperties) -> Self {
        let attribute = |one: Propagating| Attribute {
            user_property_key: one.user_property_key,
            thing_attribute: one.thing_attribute,
            connection_attribute: one.connection_attribute,
        };
        Self {
            thing_type_description: properties.description,
            searchable_attributes: properties.searchable,
            mqtt5_configuration: properties.propagating.map(|all| Mqtt5 {
                propagating_attributes: all.into_iter().map(attribute).collect(),
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfType {
    thing_type_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    thing_type_name: String,
    #[serde(default)]
    thing_type_properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deprecate {
    thing_type_name: String,
    #[serde(default)]
    undo_deprecate: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(flatten)]
    paging: Paging,
    thing_type_name: Option<String>,
}

impl Iot {
    async fn create_thing_type(&self, caller: &Caller, request: Create) -> Answer {
        let Create { thing_type_name: name, thing_type_properties, tags } = request;
        let properties = TypeProperties::from(thing_type_properties);
        let id = loop {
            let mut txn = self.registry.begin(&caller.scope);
            let id = types::create(&mut txn, &name, properties.clone(), &tags.0).await?;
            if txn.commit().await? {
                break id;
            }
        };
        write(&json!({
            "thingTypeName": name,
            "thingTypeArn": arn(caller, "thingtype", &name),
            "thingTypeId": id,
        }))
    }

    async fn describe_thing_type(&self, caller: &Caller, request: OfType) -> Answer {
        let name = request.thing_type_name;
        let one = types::get(&mut self.registry.begin(&caller.scope), &name).await?;
        let id = one.id.clone();
        let mut answer = shown(caller, &name, one);
        answer["thingTypeId"] = json!(id);
        write(&answer)
    }

    async fn update_thing_type(&self, caller: &Caller, request: Update) -> Answer {
        let Update { thing_type_name, thing_type_properties } = request;
        let new = TypeProperties::from(thing_type_properties);
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            types::update(&mut txn, &thing_type_name, new.clone()).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn deprecate_thing_type(&self, caller: &Caller, request: Deprecate) -> Answer {
        let Deprecate { thing_type_name: name, undo_deprecate } = request;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            types::deprecate(&mut txn, &name, undo_deprecate).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn delete_thing_type(&self, caller: &Caller, request: OfType) -> Answer {
        let name = request.thing_type_name;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            types::delete(&mut txn, &name).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn list_thing_types(&self, caller: &Caller, request: List) -> Answer {
        let List { paging, thing_type_name: name } = request;
        let list = ["ListThingTypes", name.as_deref().unwrap_or_default()];
        let place = self.place(caller, &list, &paging)?;
        let (registry, scope) = (&self.registry, &caller.scope);
        let page = match &name {
            // A filter by name leaves one or none.
            Some(name) => {
                let one = types::find(registry, scope, name).await?;
                Page { items: one.map(|one| (name.clone(), one)).into_iter().collect(), next: None }
            }
            None => types::list(registry, scope, place.as_deref(), paging.limit()).await?,
        };
        self.page(caller, &list, "thingTypes", page.map(|(name, one)| shown(caller, &name, one)))
    }
}

/// `ThingTypeDefinition`.
fn shown(caller: &Caller, name: &str, one: ThingType) -> Value {
    let mut metadata = json!({
        "deprecated": one.deprecated.is_some(),
        "creationDate": Epoch(one.created),
    });
    if let Some(deprecated) = one.deprecated {
        metadata["deprecationDate"] = json!(Epoch(deprecated));
    }
    json!({
        "thingTypeName": name,
        "thingTypeArn": arn(caller, "thingtype", name),
        "thingTypeProperties": Properties::from(one.properties),
        "thingTypeMetadata": metadata,
    })
}
