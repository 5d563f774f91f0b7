//! TagResource, UntagResource, ListTagsForResource: tags of pipelines, custom action types and
//! webhooks.
//!
//! The tags of a resource are one row, keyed by its ARN; a resource without tags has none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::{Check, Edit, Fault};
use trackway_pipeline::request::TypeId;

use super::refusal::{Code, Failure, Refusal};
use super::{Answer, CodePipeline, Group, table, types};
use crate::Caller;
use crate::answer::{nothing, read, write};
use crate::page::Bound;
use crate::{record, rows};

/// Tags that a resource may have. Source: AWS's tagging quotas.
const TAGS_MAX: usize = 50;
/// The prefix of keys that only AWS sets.
const RESERVED_PREFIX: &str = "aws:";

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["TagResource", "UntagResource", "ListTagsForResource"],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "TagResource" => service.tag_resource(caller, read(input)?).await,
        "UntagResource" => service.untag_resource(caller, read(input)?).await,
        "ListTagsForResource" => service.list_tags(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// A tag as requests and answers have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// The tags of a resource, in the order of their keys.
pub(super) type Tags = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagResource {
    resource_arn: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTags {
    resource_arn: String,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// The tags of a new resource with this ARN, a later value of a key replacing an earlier one.
///
/// # Errors
/// There are too many, or a key is AWS's.
pub(super) fn checked(tags: &[Tag], arn: &str) -> Result<Tags, Refusal> {
    let mut kept = Tags::new();
    merge(&mut kept, tags, arn)?;
    Ok(kept)
}

fn merge(kept: &mut Tags, tags: &[Tag], arn: &str) -> Result<(), Refusal> {
    for tag in tags {
        not_reserved(&tag.key)?;
        kept.insert(tag.key.clone(), tag.value.clone());
    }
    if kept.len() > TAGS_MAX {
        let message = format!("Tag limit exceeded for resource [{arn}].");
        return Err(Refusal::new(Code::TooManyTagsException, message));
    }
    Ok(())
}

fn not_reserved(key: &str) -> Result<(), Refusal> {
    if !key.to_lowercase().starts_with(RESERVED_PREFIX) {
        return Ok(());
    }
    let message = "Not allowed to modify system tags. System tags start with 'aws:'. msg=[Caller is an end user and not allowed to mutate system tags]";
    Err(Refusal::new(Code::InvalidTagsException, message))
}

/// The tags as answers list them.
pub(super) fn listed(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
    tags.iter().map(tag).collect()
}

/// The edit that gives a resource its tags, whatever it had; for the change that creates it.
pub(super) fn put(arn: &str, tags: &Tags) -> Result<Edit, Fault> {
    if tags.is_empty() {
        return Ok(delete(arn));
    }
    let value = record::encode(tags)?.into();
    Ok(Edit::Put { table: table::TAGS, key: arn.as_bytes().to_vec(), value })
}

/// The edit that drops a resource's tags; for the change that deletes it.
pub(super) fn delete(arn: &str) -> Edit {
    Edit::Delete { table: table::TAGS, key: arn.as_bytes().to_vec() }
}

/// The refusal of a change of a pipeline that is not there.
pub(super) fn no_pipeline(caller: &Caller, name: &str) -> Refusal {
    let message = format!(
        "The account with id '{}' does not include a pipeline with the name '{name}'",
        caller.account
    );
    Refusal::new(Code::ResourceNotFoundException, message)
}

impl CodePipeline {
    /// The tags of a resource; none for one that has none or is not there.
    pub(super) async fn tags_of(&self, caller: &Caller, arn: &str) -> Result<Tags, Fault> {
        let row = self.engine.catalog().get(&caller.scope, table::TAGS, arn.as_bytes()).await?;
        row.map_or(Ok(Tags::new()), |row| record::decode(&row))
    }

    async fn tag_resource(&self, caller: &Caller, request: TagResource) -> Answer {
        let arn = request.resource_arn;
        self.change_tags(caller, &arn, |tags| merge(tags, &request.tags, &arn)).await
    }

    async fn untag_resource(&self, caller: &Caller, request: UntagResource) -> Answer {
        self.change_tags(caller, &request.resource_arn, |tags| {
            request.tag_keys.iter().try_for_each(|key| not_reserved(key))?;
            tags.retain(|key, _| !request.tag_keys.contains(key));
            Ok(())
        })
        .await
    }

    async fn list_tags(&self, caller: &Caller, request: ListTags) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            tags: Vec<Tag>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let arn = request.resource_arn;
        self.tagged(caller, &arn).await?;
        let request_is = ["ListTagsForResource", &arn];
        let bound = Bound { engine: &self.engine, caller, request: &request_is };
        let after = request.next_token.map(|token| bound.unseal(&token)).transpose()?;
        let mut tags = listed(&self.tags_of(caller, &arn).await?);
        if let Some(after) = after {
            tags.retain(|tag| tag.key.as_bytes() > after.as_slice());
        }
        let limit = request.max_results.unwrap_or(TAGS_MAX);
        let has_more = tags.len() > limit;
        tags.truncate(limit);
        let next_token = match tags.last() {
            Some(last) if has_more => Some(bound.seal(last.key.as_bytes())),
            _ => None,
        };
        write(&Listed { tags, next_token })
    }

    /// Changes a resource's tags, whatever else happens to it meanwhile.
    async fn change_tags(
        &self,
        caller: &Caller,
        arn: &str,
        change: impl Fn(&mut Tags) -> Result<(), Refusal>,
    ) -> Answer {
        loop {
            let present = self.tagged(caller, arn).await?;
            let (table, key) = (table::TAGS, arn.as_bytes().to_vec());
            let row = self.engine.catalog().get(&caller.scope, table, &key).await?;
            let mut tags: Tags = row.as_ref().map_or(Ok(Tags::new()), |row| record::decode(row))?;
            change(&mut tags)?;
            let unchanged = match row {
                Some(value) => Check::Equals { table, key, value },
                None => Check::Absent { table, key },
            };
            if rows::change(&self.engine, caller, &[present, unchanged], &[put(arn, &tags)?])
                .await?
            {
                return nothing();
            }
        }
    }

    /// That a resource is there, as a check that it still is.
    async fn tagged(&self, caller: &Caller, arn: &str) -> Result<Check, Failure> {
        let bad = || Refusal::new(Code::InvalidArnException, format!("Invalid ARN: {arn}"));
        let own = format!(":codepipeline:{}:{}:", caller.region, caller.account);
        let (_, resource) = arn.split_once(&own).ok_or_else(bad)?;
        if let Some(name) = resource.strip_prefix("webhook:") {
            return self.present(caller, (table::WEBHOOKS, name.as_bytes()), arn).await;
        }
        if let Some(id) = resource.strip_prefix("actiontype:") {
            let id = type_id(id).ok_or_else(bad)?;
            self.custom_type(caller, &id).await?.ok_or_else(|| nothing_there(arn))?;
            return self.present(caller, (table::ACTION_TYPES, &types::key(&id)), arn).await;
        }
        // The ARNs of stages and actions go on behind the name: they have no tags.
        if resource.contains(['/', ':']) {
            return Err(bad().into());
        }
        self.find(caller, resource).await?.ok_or_else(|| no_pipeline(caller, resource))?;
        self.present(caller, (table::PIPELINES, resource.as_bytes()), arn).await
    }

    async fn present(
        &self,
        caller: &Caller,
        (table, key): (u8, &[u8]),
        arn: &str,
    ) -> Result<Check, Failure> {
        let row = self.engine.catalog().get(&caller.scope, table, key).await?;
        row.ok_or_else(|| nothing_there(arn))?;
        Ok(Check::Present { table, key: key.to_vec() })
    }
}

/// `OWNER/CATEGORY/PROVIDER/VERSION`.
fn type_id(text: &str) -> Option<TypeId> {
    let mut parts = text.split('/').map(str::to_owned);
    let (owner, category) = (parts.next()?, parts.next()?);
    let (provider, version) = (parts.next()?, parts.next()?);
    parts.next().is_none().then_some(TypeId { category, owner, provider, version })
}

fn nothing_there(arn: &str) -> Refusal {
    let message = format!("The resource was not found: {arn}");
    Refusal::new(Code::ResourceNotFoundException, message)
}
