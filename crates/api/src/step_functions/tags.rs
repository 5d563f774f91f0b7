//! Tags of state machines and activities.

use serde::{Deserialize, Serialize};

use super::arn::{Arn, Resource};
use super::record::{self, Activity, StateMachine};
use super::refusal::{Code, Failure, Refusal};
use super::rows::Table;
use super::{Answer, StepFunctions, nothing, write};
use crate::Caller;

/// Tags that a resource may have. Source: AWS's tagging quotas.
const TAGS_MAX: usize = 50;

#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Tag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagResource {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UntagResource {
    resource_arn: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTagsForResource {
    resource_arn: String,
}

type Tags = Vec<(String, String)>;

/// The tags of a new resource, a later value of a key replacing an earlier one.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Tags, Refusal> {
    let mut kept = Tags::new();
    merge(&mut kept, tags);
    limited(kept, "")
}

fn merge(kept: &mut Tags, tags: Vec<Tag>) {
    for tag in tags {
        match kept.iter_mut().find(|(key, _)| *key == tag.key) {
            Some((_, value)) => *value = tag.value,
            None => kept.push((tag.key, tag.value)),
        }
    }
}

fn limited(tags: Tags, resource: &str) -> Result<Tags, Refusal> {
    if tags.len() > TAGS_MAX {
        let message = format!("Too many tags: a resource has at most {TAGS_MAX}");
        return Err(Refusal::new(Code::TooManyTags, message).about(resource));
    }
    Ok(tags)
}

impl StepFunctions {
    pub(super) async fn tag_resource(&self, caller: &Caller, request: TagResource) -> Answer {
        let arn = request.resource_arn;
        self.change_tags(caller, &arn, |mut tags| {
            merge(&mut tags, request.tags.clone());
            limited(tags, &arn)
        })
        .await
    }

    pub(super) async fn untag_resource(&self, caller: &Caller, request: UntagResource) -> Answer {
        self.change_tags(caller, &request.resource_arn, |mut tags| {
            tags.retain(|(key, _)| !request.tag_keys.contains(key));
            Ok(tags)
        })
        .await
    }

    pub(super) async fn list_tags_for_resource(
        &self,
        caller: &Caller,
        request: ListTagsForResource,
    ) -> Answer {
        #[derive(Serialize)]
        struct Listed {
            tags: Vec<Tag>,
        }
        let (table, name) = place(caller, &request.resource_arn)?;
        let row = self.row(caller, table, name).await?;
        let row = row.ok_or_else(|| not_found(&request.resource_arn))?;
        let tags = match table {
            Table::StateMachines => record::decode::<StateMachine>(&row)?.tags,
            _ => record::decode::<Activity>(&row)?.tags,
        };
        let tag = |(key, value)| Tag { key, value };
        write(&Listed { tags: tags.into_iter().map(tag).collect() })
    }

    /// Changes a resource's tags, whatever else happens to it meanwhile.
    async fn change_tags(
        &self,
        caller: &Caller,
        resource: &str,
        mut change: impl FnMut(Tags) -> Result<Tags, Refusal>,
    ) -> Answer {
        let (table, name) = place(caller, resource)?;
        loop {
            let row = self.row(caller, table, name).await?;
            let row = row.ok_or_else(|| not_found(resource))?;
            let after = if table == Table::StateMachines {
                let mut machine: StateMachine = record::decode(&row)?;
                machine.tags = change(machine.tags)?;
                record::encode(&machine)?
            } else {
                let mut activity: Activity = record::decode(&row)?;
                activity.tags = change(activity.tags)?;
                record::encode(&activity)?
            };
            if self.replace_row(caller, (table, name), (row, after), None).await? {
                return nothing();
            }
        }
    }
}

/// Where in the catalog a resource lies.
fn place<'a>(caller: &Caller, text: &'a str) -> Result<(Table, &'a str), Failure> {
    let parsed = Arn::parse(text)?;
    match parsed.resource {
        Resource::StateMachine { name } if parsed.is_of(caller) => Ok((Table::StateMachines, name)),
        Resource::Activity { name } if parsed.is_of(caller) => Ok((Table::Activities, name)),
        _ => Err(not_found(text).into()),
    }
}

fn not_found(resource: &str) -> Refusal {
    Refusal::new(Code::ResourceNotFound, format!("Resource not found: '{resource}'"))
        .about(resource)
}
