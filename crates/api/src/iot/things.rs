//! Things.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_registry::things::list::{AttributeFilter, ThingFilter, things};
use trackway_registry::things::{self, AttributeUpdate, Attributes, NewThing, Thing, ThingUpdate};

use super::arn::arn;
use super::lists::Paging;
use super::refusal::{Code, Refusal};
use super::{Answer, Group, Iot};
use crate::Caller;
use crate::answer::{nothing, read, write};
use crate::refusal::ErrorCode as _;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["CreateThing", "DeleteThing", "DescribeThing", "ListThings", "UpdateThing"],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateThing" => service.create_thing(caller, read(input)?).await,
        "DeleteThing" => service.delete_thing(caller, read(input)?).await,
        "DescribeThing" => service.describe_thing(caller, read(input)?).await,
        "ListThings" => service.list_things(caller, read(input)?).await,
        "UpdateThing" => service.update_thing(caller, read(input)?).await,
        other => Err(super::listed_only(other)),
    }
}

/// `AttributePayload`.
#[derive(Default, Deserialize)]
pub(super) struct AttributePayload {
    attributes: Option<Attributes>,
    #[serde(default)]
    merge: bool,
}

impl AttributePayload {
    /// The attributes of something new, for which there is nothing to merge with.
    pub(super) fn of_new(payload: Option<Self>) -> Attributes {
        payload.and_then(|payload| payload.attributes).unwrap_or_default()
    }

    /// The change of attributes that are there.
    pub(super) fn of_update(payload: Option<Self>) -> AttributeUpdate {
        let payload = payload.unwrap_or_default();
        AttributeUpdate { attributes: payload.attributes, merges: payload.merge }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    thing_name: String,
    thing_type_name: Option<String>,
    attribute_payload: Option<AttributePayload>,
    billing_group_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    thing_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    thing_name: String,
    thing_type_name: Option<String>,
    attribute_payload: Option<AttributePayload>,
    expected_version: Option<i64>,
    #[serde(default)]
    remove_thing_type: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    thing_name: String,
    expected_version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(flatten)]
    paging: Paging,
    attribute_name: Option<String>,
    attribute_value: Option<String>,
    thing_type_name: Option<String>,
    #[serde(default)]
    use_prefix_attribute_value: bool,
}

impl Iot {
    async fn create_thing(&self, caller: &Caller, request: Create) -> Answer {
        let new = NewThing {
            name: request.thing_name.clone(),
            type_name: request.thing_type_name,
            attributes: AttributePayload::of_new(request.attribute_payload),
            billing_group: request.billing_group_name,
        };
        let id = loop {
            let mut txn = self.registry.begin(&caller.scope);
            let id = things::create(&mut txn, new.clone()).await?;
            if txn.commit().await? {
                break id;
            }
        };
        write(&json!({
            "thingName": request.thing_name,
            "thingArn": arn(caller, "thing", &request.thing_name),
            "thingId": id,
        }))
    }

    async fn describe_thing(&self, caller: &Caller, request: Describe) -> Answer {
        let name = request.thing_name;
        let thing = things::get(&mut self.registry.begin(&caller.scope), &name).await?;
        let mut answer = shown(caller, &name, &thing);
        answer["defaultClientId"] = json!(name);
        answer["thingId"] = json!(thing.id);
        if let Some(group) = &thing.billing_group {
            answer["billingGroupName"] = json!(group);
        }
        write(&answer)
    }

    async fn update_thing(&self, caller: &Caller, request: Update) -> Answer {
        let update = ThingUpdate {
            name: request.thing_name,
            type_name: request.thing_type_name,
            removes_type: request.remove_thing_type,
            attributes: AttributePayload::of_update(request.attribute_payload),
            expected_version: request.expected_version,
        };
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            things::update(&mut txn, update.clone()).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn delete_thing(&self, caller: &Caller, request: Delete) -> Answer {
        let Delete { thing_name, expected_version } = request;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            things::delete(&mut txn, &thing_name, expected_version).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn list_things(&self, caller: &Caller, request: List) -> Answer {
        let (name, value) = (request.attribute_name, request.attribute_value);
        if name.is_none() && value.is_some() {
            // What AWS does is not known, nor are its words; these are ours.
            let message = "attributeValue must not be given without attributeName";
            return Err(Refusal::new(Code::VALIDATION, message).into());
        }
        let is_prefix = request.use_prefix_attribute_value;
        let list = [
            "ListThings",
            &serde_json::to_string(&(&name, &value, &request.thing_type_name, is_prefix))
                .unwrap_or_default(),
        ];
        let filter = ThingFilter {
            type_name: request.thing_type_name,
            attribute: name.map(|name| AttributeFilter { name, value, is_prefix }),
        };
        let place = self.place(caller, &list, &request.paging)?;
        let limit = request.paging.limit();
        let page = things(&self.registry, &caller.scope, &filter, place.as_deref(), limit).await?;
        self.page(caller, &list, "things", page.map(|(name, thing)| shown(caller, &name, &thing)))
    }
}

/// `ThingAttribute`.
fn shown(caller: &Caller, name: &str, thing: &Thing) -> Value {
    let mut shown = json!({
        "thingName": name,
        "thingArn": arn(caller, "thing", name),
        "attributes": thing.attributes,
        "version": thing.version,
    });
    if let Some(of) = &thing.type_name {
        shown["thingTypeName"] = json!(of);
    }
    shown
}
