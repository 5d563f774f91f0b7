//! Tags of webhooks: none, until those of the service are here.
use crate::Caller;
use crate::codepipeline::refusal::Refusal;
use crate::codepipeline::{CodePipeline, table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trackway_engine::{Edit, Fault};
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}
pub(super) type Tags = BTreeMap<String, String>;
pub(super) fn checked(_tags: &[Tag], _arn: &str) -> Result<Tags, Refusal> {
    Ok(Tags::new())
}
pub(super) fn listed(_tags: &Tags) -> Vec<Tag> {
    vec![]
}
pub(super) fn put(arn: &str, _tags: &Tags) -> Result<Edit, Fault> {
    Ok(delete(arn))
}
pub(super) fn delete(arn: &str) -> Edit {
    Edit::Delete { table: table::TAGS, key: arn.as_bytes().to_vec() }
}
impl CodePipeline {
    pub(super) async fn tags_of(&self, _c: &Caller, _a: &str) -> Result<Tags, Fault> {
        Ok(Tags::new())
    }
}
