//! Tags of documents, executions, associations, nodes and parameters.
//!
//! The tags of a resource are one row, keyed by its type and id; a resource without tags has none.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::ExecutionId;
use trackway_engine::{Check, Edit, Fault};

use super::refusal::{Code, Failure, Refusal, invalid};
use super::{Answer, Group, Ssm, documents, nodes, parameters, table, unchanged};
use crate::Caller;
use crate::answer::{nothing, read, write};
use crate::record;

/// Tags that a resource may have. Source: AWS's tagging quotas.
const TAGS_MAX: usize = 50;
/// The prefix of keys that only AWS sets.
const RESERVED_PREFIX: &str = "aws:";

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AddTagsToResource" => ssm.add_tags(caller, read(input)?).await,
        "ListTagsForResource" => ssm.list_tags(caller, read(input)?).await,
        "RemoveTagsFromResource" => ssm.remove_tags(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// A tag as requests and answers have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// What tags belong to, by the API's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum ResourceType {
    Association,
    Automation,
    Document,
    ManagedInstance,
    Parameter,
    MaintenanceWindow,
    PatchBaseline,
    OpsItem,
    OpsMetadata,
}

impl ResourceType {
    fn name(self) -> &'static str {
        match self {
            Self::Association => "Association",
            Self::Automation => "Automation",
            Self::Document => "Document",
            Self::ManagedInstance => "ManagedInstance",
            Self::Parameter => "Parameter",
            Self::MaintenanceWindow => "MaintenanceWindow",
            Self::PatchBaseline => "PatchBaseline",
            Self::OpsItem => "OpsItem",
            Self::OpsMetadata => "OpsMetadata",
        }
    }

    /// The key of a resource's tags.
    pub(super) fn key(self, id: &str) -> Vec<u8> {
        format!("{}\0{id}", self.name()).into_bytes()
    }
}

/// The tags of a resource, in the order of their keys.
pub(super) type Tags = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddTags {
    resource_type: ResourceType,
    resource_id: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveTags {
    resource_type: ResourceType,
    resource_id: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTags {
    resource_type: ResourceType,
    resource_id: String,
}

/// The tags of a new resource, a later value of a key replacing an earlier one.
///
/// # Errors
/// There are too many, or a key is AWS's.
pub(super) fn checked(tags: &[Tag]) -> Result<Tags, Refusal> {
    let mut kept = Tags::new();
    merge(&mut kept, tags)?;
    Ok(kept)
}

fn merge(kept: &mut Tags, tags: &[Tag]) -> Result<(), Refusal> {
    for tag in tags {
        if tag.key.to_lowercase().starts_with(RESERVED_PREFIX) {
            return Err(invalid(format!(
                "aws: prefixed tag key names are not allowed for external use: {}",
                tag.key
            )));
        }
        kept.insert(tag.key.clone(), tag.value.clone());
    }
    if kept.len() > TAGS_MAX { Err(Refusal::bare(Code::TooManyTagsError)) } else { Ok(()) }
}

/// The tags as answers list them.
pub(super) fn listed(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
    tags.iter().map(tag).collect()
}

/// The edit that gives a resource its tags, whatever it had; for the change that creates it.
pub(super) fn put(of: ResourceType, id: &str, tags: &Tags) -> Result<Edit, Fault> {
    let (table, key) = (table::TAGS, of.key(id));
    if tags.is_empty() {
        return Ok(Edit::Delete { table, key });
    }
    Ok(Edit::Put { table, key, value: record::encode(tags)?.into() })
}

/// The edit that drops a resource's tags; for the change that deletes it.
pub(super) fn delete(of: ResourceType, id: &str) -> Edit {
    Edit::Delete { table: table::TAGS, key: of.key(id) }
}

/// Whether tags have this key, and one of these values if any is named.
pub(super) fn has(tags: &Tags, key: &str, values: &[String]) -> bool {
    tags.get(key).is_some_and(|value| values.is_empty() || values.contains(value))
}

impl Ssm {
    /// The tags of a resource; none for one that has none or is not there.
    pub(super) async fn tags_of(
        &self,
        caller: &Caller,
        of: ResourceType,
        id: &str,
    ) -> Result<Tags, Fault> {
        let row = self.row(caller, table::TAGS, &of.key(id)).await?;
        row.map_or(Ok(Tags::new()), |row| record::decode(&row))
    }

    async fn add_tags(&self, caller: &Caller, request: AddTags) -> Answer {
        let (of, id) = (request.resource_type, request.resource_id);
        self.change_tags(caller, of, &id, |tags| merge(tags, &request.tags)).await
    }

    async fn remove_tags(&self, caller: &Caller, request: RemoveTags) -> Answer {
        let (of, id) = (request.resource_type, request.resource_id);
        self.change_tags(caller, of, &id, |tags| {
            tags.retain(|key, _| !request.tag_keys.contains(key));
            Ok(())
        })
        .await
    }

    async fn list_tags(&self, caller: &Caller, request: ListTags) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            tag_list: Vec<Tag>,
        }
        let of = request.resource_type;
        let (id, _) = self.tagged(caller, of, &request.resource_id).await?;
        let tags = self.tags_of(caller, of, &id).await?;
        write(&Listed { tag_list: listed(&tags) })
    }

    /// Changes a resource's tags, whatever else happens to it meanwhile.
    async fn change_tags(
        &self,
        caller: &Caller,
        of: ResourceType,
        id: &str,
        change: impl Fn(&mut Tags) -> Result<(), Refusal>,
    ) -> Answer {
        loop {
            let (id, check) = self.tagged(caller, of, id).await?;
            let key = of.key(&id);
            let row = self.row(caller, table::TAGS, &key).await?;
            let mut tags: Tags = row.as_ref().map_or(Ok(Tags::new()), |row| record::decode(row))?;
            change(&mut tags)?;
            let checks: Vec<Check> =
                check.into_iter().chain([unchanged(table::TAGS, &key, row)]).collect();
            if self.change(caller, &checks, &[put(of, &id, &tags)?]).await? {
                if of == ResourceType::ManagedInstance {
                    self.nodes.happened(caller, &id, nodes::NodeChange::TagsChanged);
                }
                return nothing();
            }
        }
    }

    /// The id of a resource that is there, and the check that it still is.
    async fn tagged(
        &self,
        caller: &Caller,
        of: ResourceType,
        id: &str,
    ) -> Result<(String, Option<Check>), Failure> {
        let missing = || Refusal::bare(Code::InvalidResourceId);
        let (table, id, key) = match of {
            ResourceType::Document => {
                let name = documents::name_of(caller, id).ok_or_else(missing)?;
                let key = documents::key(&name);
                (table::DOCUMENTS, name, key)
            }
            ResourceType::Parameter => {
                let name = self.parameter_name(caller, id).await?.ok_or_else(missing)?;
                let key = parameters::key(&name);
                (table::PARAMETERS, name, key)
            }
            ResourceType::ManagedInstance => (table::NODES, id.to_owned(), id.as_bytes().to_vec()),
            ResourceType::Automation | ResourceType::Association => {
                let kind = if of == ResourceType::Automation {
                    "automation-execution"
                } else {
                    "association"
                };
                let (region, account) = (&caller.region, &caller.account);
                let arn = format!("arn:aws:ssm:{region}:{account}:{kind}/{id}");
                let record = self.engine.record(ExecutionId::of(&arn)).await?;
                record.filter(|record| record.arn == arn).ok_or_else(missing)?;
                return Ok((id.to_owned(), None));
            }
            // Nothing of these is made here, so no id is one of them.
            ResourceType::MaintenanceWindow
            | ResourceType::PatchBaseline
            | ResourceType::OpsItem
            | ResourceType::OpsMetadata => return Err(missing().into()),
        };
        let row: Option<Bytes> = self.row(caller, table, &key).await?;
        row.ok_or_else(missing)?;
        Ok((id, Some(Check::Present { table, key })))
    }
}
