//! TagResource, UntagResource, ListTagsForResource.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use trackway_registry::tags;

use super::{Answer, Group, Iot};
use crate::Caller;
use crate::answer::{nothing, read, write};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["ListTagsForResource", "TagResource", "UntagResource"],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "ListTagsForResource" => service.list_tags(caller, read(input)?).await,
        "TagResource" => service.tag_resource(caller, read(input)?).await,
        "UntagResource" => service.untag_resource(caller, read(input)?).await,
        other => Err(super::listed_only(other)),
    }
}

/// `TagList` of a request: of a key that is there twice, the later value counts.
#[derive(Default)]
pub(super) struct TagList(pub(super) tags::Tags);

impl<'de> Deserialize<'de> for TagList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tags: Vec<Tag> = Vec::deserialize(deserializer)?;
        Ok(Self(tags.into_iter().map(|tag| (tag.key, tag.value)).collect()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagResource {
    resource_arn: String,
    tags: TagList,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

/// All tags of a resource fit one page, so that there is never a token to give back.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTags {
    resource_arn: String,
    next_token: Option<String>,
}

impl Iot {
    async fn tag_resource(&self, caller: &Caller, request: TagResource) -> Answer {
        let TagResource { resource_arn, tags } = request;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            tags::add(&mut txn, &resource_arn, &tags.0).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn untag_resource(&self, caller: &Caller, request: UntagResource) -> Answer {
        let UntagResource { resource_arn, tag_keys } = request;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            tags::remove(&mut txn, &resource_arn, &tag_keys).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn list_tags(&self, caller: &Caller, request: ListTags) -> Answer {
        use super::refusal::Code;
        use crate::refusal::ErrorCode as _;

        if request.next_token.is_some() {
            return Err(Code::invalid_page_token().into());
        }
        let tags = tags::of(&self.registry, &caller.scope, &request.resource_arn).await?;
        let tags = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
        write(&json!({ "tags": tags.collect::<Vec<_>>() }))
    }
}
