//! Billing groups.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_registry::billing_groups;

use super::arn::{arn, named};
use super::lists::Paging;
use super::refusal::Failure;
use super::tags::TagList;
use super::{Answer, Group, Iot};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "AddThingToBillingGroup",
        "CreateBillingGroup",
        "DeleteBillingGroup",
        "DescribeBillingGroup",
        "ListBillingGroups",
        "ListThingsInBillingGroup",
        "RemoveThingFromBillingGroup",
        "UpdateBillingGroup",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AddThingToBillingGroup" => service.add_to_billing_group(caller, read(input)?).await,
        "CreateBillingGroup" => service.create_billing_group(caller, read(input)?).await,
        "DeleteBillingGroup" => service.delete_billing_group(caller, read(input)?).await,
        "DescribeBillingGroup" => service.describe_billing_group(caller, read(input)?).await,
        "ListBillingGroups" => service.list_billing_groups(caller, read(input)?).await,
        "ListThingsInBillingGroup" => service.list_in_billing_group(caller, read(input)?).await,
        "RemoveThingFromBillingGroup" => {
            service.remove_from_billing_group(caller, read(input)?).await
        }
        "UpdateBillingGroup" => service.update_billing_group(caller, read(input)?).await,
        other => Err(super::listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    billing_group_name: String,
    #[serde(default)]
    billing_group_properties: Properties,
    #[serde(default)]
    tags: TagList,
}

/// `BillingGroupProperties`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    billing_group_description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    billing_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    billing_group_name: String,
    billing_group_properties: Properties,
    expected_version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    billing_group_name: String,
    expected_version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    billing_group_name: Option<String>,
    billing_group_arn: Option<String>,
    thing_name: Option<String>,
    thing_arn: Option<String>,
}

impl Membership {
    /// The names of the group and of the thing.
    fn names(self, caller: &Caller) -> Result<(String, String), Failure> {
        let group = named(caller, "billinggroup", self.billing_group_name, self.billing_group_arn)?;
        Ok((group, named(caller, "thing", self.thing_name, self.thing_arn)?))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(flatten)]
    paging: Paging,
    name_prefix_filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListThings {
    #[serde(flatten)]
    paging: Paging,
    billing_group_name: String,
}

impl Iot {
    async fn create_billing_group(&self, caller: &Caller, request: Create) -> Answer {
        let Create { billing_group_name: name, billing_group_properties, tags } = request;
        let description = billing_group_properties.billing_group_description;
        let id = loop {
            let mut txn = self.registry.begin(&caller.scope);
            let id = billing_groups::create(&mut txn, &name, description.clone(), &tags.0).await?;
            if txn.commit().await? {
                break id;
            }
        };
        write(&json!({
            "billingGroupName": name,
            "billingGroupArn": arn(caller, "billinggroup", &name),
            "billingGroupId": id,
        }))
    }

    async fn describe_billing_group(&self, caller: &Caller, request: Describe) -> Answer {
        let name = request.billing_group_name;
        let group = billing_groups::get(&mut self.registry.begin(&caller.scope), &name).await?;
        let mut properties = json!({});
        if let Some(description) = group.description {
            properties["billingGroupDescription"] = json!(description);
        }
        write(&json!({
            "billingGroupName": name,
            "billingGroupId": group.id,
            "billingGroupArn": arn(caller, "billinggroup", &name),
            "version": group.version,
            "billingGroupProperties": properties,
            "billingGroupMetadata": { "creationDate": Epoch(group.created) },
        }))
    }

    async fn update_billing_group(&self, caller: &Caller, request: Update) -> Answer {
        let Update { billing_group_name: name, billing_group_properties, expected_version } =
            request;
        let description = billing_group_properties.billing_group_description;
        let version = loop {
            let mut txn = self.registry.begin(&caller.scope);
            let version =
                billing_groups::update(&mut txn, &name, description.clone(), expected_version)
                    .await?;
            if txn.commit().await? {
                break version;
            }
        };
        write(&json!({ "version": version }))
    }

    async fn delete_billing_group(&self, caller: &Caller, request: Delete) -> Answer {
        let Delete { billing_group_name: name, expected_version } = request;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            billing_groups::delete(&mut txn, &name, expected_version).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn add_to_billing_group(&self, caller: &Caller, request: Membership) -> Answer {
        let (group, thing) = request.names(caller)?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            billing_groups::add(&mut txn, &group, &thing).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn remove_from_billing_group(&self, caller: &Caller, request: Membership) -> Answer {
        let (group, thing) = request.names(caller)?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            billing_groups::remove(&mut txn, &group, &thing).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn list_billing_groups(&self, caller: &Caller, request: List) -> Answer {
        let prefix = request.name_prefix_filter.unwrap_or_default();
        let list = ["ListBillingGroups", &prefix];
        let place = self.place(caller, &list, &request.paging)?;
        let (registry, scope, limit) = (&self.registry, &caller.scope, request.paging.limit());
        let page = billing_groups::list(registry, scope, &prefix, place.as_deref(), limit).await?;
        let shown = |name: String| json!({ "groupName": name, "groupArn": arn(caller, "billinggroup", &name) });
        self.page(caller, &list, "billingGroups", page.map(shown))
    }

    async fn list_in_billing_group(&self, caller: &Caller, request: ListThings) -> Answer {
        let ListThings { paging, billing_group_name: group } = request;
        let list = ["ListThingsInBillingGroup", &group];
        let place = self.place(caller, &list, &paging)?;
        let (registry, scope, limit) = (&self.registry, &caller.scope, paging.limit());
        let page =
            billing_groups::things_in(registry, scope, &group, place.as_deref(), limit).await?;
        self.page(caller, &list, "things", page)
    }
}
