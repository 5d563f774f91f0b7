//! Targets: which nodes they name. Several targets must all hold, one of a target's values must.
//!
//! A runbook's targets are EC2's instances as well, where an EC2 is configured.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::SetOnce;
use trackway_core::{Outcome, Payload};
use trackway_engine::{Fault, Performed, Performer, Work};

use super::instances::{Ec2, instances};
use crate::record;
use crate::refusal::Failure as AnyFailure;
use crate::services::Services;
use crate::ssm::refusal::{Code, Failure, Refusal};
use crate::ssm::tags::{ResourceType, Tags, has};
use crate::ssm::{Ssm, table};
use crate::{Api, Caller};

/// Targets that a request may have. Source: `Targets` of SendCommand and CreateAssociation.
const TARGETS_MAX: usize = 5;
/// Values that a target may have. Source: `Values` of Target.
const VALUES_MAX: usize = 50;
/// Rows of tags read at once.
const ROWS_AT_ONCE: usize = 500;

/// One target, as the API has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Target {
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

/// What the ids are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nodes: only those that are known here.
    Nodes,
    /// Whatever a runbook works on: ids are taken as they are given.
    Automation,
}

/// A target that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// `InstanceIds` with `*`.
    All,
    Ids(BTreeSet<String>),
    /// `ParameterValues`: the values themselves.
    Values(Vec<String>),
    Tag(String, Vec<String>),
    TagKey(Vec<String>),
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidTarget, message)
}

impl Target {
    /// The target with its key as AWS writes it: `instanceids` is `InstanceIds`.
    ///
    /// # Errors
    /// The key is none that is known, or its values are too many.
    pub(crate) fn normalized(mut self) -> Result<Self, Refusal> {
        self.condition()?;
        for known in ["InstanceIds", "tag-key", "ParameterValues"] {
            if self.key.eq_ignore_ascii_case(known) {
                known.clone_into(&mut self.key);
            }
        }
        if let Some(tag) = tag_of(&self.key) {
            self.key = format!("tag:{tag}");
        }
        Ok(self)
    }

    fn condition(&self) -> Result<Condition, Refusal> {
        if self.values.len() > VALUES_MAX {
            return Err(bad(format!("the target {} has more than {VALUES_MAX} values", self.key)));
        }
        let values = self.values.clone();
        if let Some(tag) = tag_of(&self.key).filter(|tag| !tag.is_empty()) {
            return Ok(Condition::Tag(tag.to_owned(), values));
        }
        match self.key.to_ascii_lowercase().as_str() {
            "instanceids" if values.iter().any(|value| value == "*") => Ok(Condition::All),
            "instanceids" => Ok(Condition::Ids(values.into_iter().collect())),
            "parametervalues" => Ok(Condition::Values(values)),
            "tag-key" => Ok(Condition::TagKey(values)),
            key if key.starts_with("resource-groups:") || key == "resourcegroup" => Err(bad(
                "resource groups are not known here; name the nodes by InstanceIds or tag:KEY",
            )),
            _ => Err(bad(format!(
                "the target key {:?} is none of InstanceIds, tag:KEY and tag-key",
                self.key
            ))),
        }
    }
}

fn tag_of(key: &str) -> Option<&str> {
    let prefix = key.get(..4)?;
    prefix.eq_ignore_ascii_case("tag:").then(|| &key[4..])
}

impl Condition {
    fn holds_for(&self, id: &str, tags: &Tags) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.contains(id),
            Self::Values(values) => values.iter().any(|value| value == id),
            Self::Tag(key, values) => has(tags, key, values),
            Self::TagKey(keys) => keys.iter().any(|key| tags.contains_key(key)),
        }
    }

    /// The filter of DescribeInstances that finds no fewer.
    fn instance_filter(&self) -> Option<Value> {
        match self {
            Self::Tag(key, values) if !values.is_empty() => {
                Some(json!({ "Name": format!("tag:{key}"), "Values": values }))
            }
            Self::Tag(key, _) => Some(json!({ "Name": "tag-key", "Values": [key] })),
            Self::TagKey(keys) => Some(json!({ "Name": "tag-key", "Values": keys })),
            Self::All | Self::Ids(_) | Self::Values(_) => None,
        }
    }

    fn is_about_tags(&self) -> bool {
        matches!(self, Self::Tag(..) | Self::TagKey(_))
    }
}

/// Reads targets from JSON and checks them.
///
/// # Errors
/// They are too many, or one can't be understood.
pub(crate) fn read_targets(targets: &[Value]) -> Result<Vec<Target>, Refusal> {
    if targets.len() > TARGETS_MAX {
        return Err(bad(format!("there are more than {TARGETS_MAX} targets")));
    }
    let read = |value: &Value| {
        serde_json::from_value::<Target>(value.clone())
            .map_err(|error| bad(format!("a target can't be read: {error}")))
            .and_then(Target::normalized)
    };
    targets.iter().map(read).collect()
}

impl Ssm {
    /// The ids that targets name, in order, without doubles.
    ///
    /// # Errors
    /// A target that can't be understood, or a fault.
    pub(crate) async fn resolve(
        &self,
        caller: &Caller,
        targets: &[Target],
        purpose: Purpose,
    ) -> Result<Vec<String>, Failure> {
        let conditions = targets.iter().map(Target::condition);
        let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        if let Some(Condition::Values(values)) =
            conditions.iter().find(|condition| matches!(condition, Condition::Values(_)))
        {
            return Ok(values.clone());
        }
        let is_named = |condition: &&Condition| matches!(condition, Condition::Ids(_));
        if let Some(Condition::Ids(ids)) = conditions.iter().find(is_named) {
            return Ok(self.among(caller, ids, (&conditions, purpose)).await?);
        }
        if conditions.iter().any(Condition::is_about_tags) {
            return Ok(self.tagged_nodes(caller, &conditions).await?);
        }
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        while !conditions.is_empty() {
            let key = after.as_deref().map(str::as_bytes);
            let (nodes, more) = self.nodes_after(caller, key, ROWS_AT_ONCE).await?;
            after = nodes.last().map(|node| node.id.clone());
            ids.extend(nodes.into_iter().map(|node| node.id));
            if !more {
                break;
            }
        }
        Ok(ids)
    }

    /// The ids of things that a runbook works on: nodes, and EC2's instances where an EC2 is
    /// configured. Ids and values are taken as they are given.
    async fn resolve_for_automation(
        &self,
        caller: &Caller,
        targets: &[Target],
        ec2: Option<&dyn Ec2>,
    ) -> Result<Vec<String>, Sought> {
        let nodes = self.resolve(caller, targets, Purpose::Automation).await?;
        let conditions = targets.iter().map(Target::condition);
        let conditions = conditions.collect::<Result<Vec<_>, _>>().map_err(Failure::from)?;
        let is_searched = |one: &Condition| one.is_about_tags() || *one == Condition::All;
        let Some(ec2) = ec2.filter(|_| conditions.iter().all(is_searched)) else {
            return Ok(nodes);
        };
        let filters = conditions.iter().filter_map(Condition::instance_filter).collect();
        let is_wanted =
            |id: &str, tags: &Tags| conditions.iter().all(|one| one.holds_for(id, tags));
        let mut ids =
            instances(ec2, caller, filters, is_wanted).await.map_err(Sought::Elsewhere)?;
        ids.extend(nodes);
        Ok(ids.into_iter().collect())
    }

    /// Which of these ids meet all conditions.
    async fn among(
        &self,
        caller: &Caller,
        ids: &BTreeSet<String>,
        (conditions, purpose): (&[Condition], Purpose),
    ) -> Result<Vec<String>, Fault> {
        let asks_tags = conditions.iter().any(Condition::is_about_tags);
        let mut found = Vec::new();
        for id in ids {
            if purpose == Purpose::Nodes && self.node(caller, id).await?.is_none() {
                continue;
            }
            let tags = if asks_tags { self.node_tags(caller, id).await? } else { Tags::new() };
            if conditions.iter().all(|condition| condition.holds_for(id, &tags)) {
                found.push(id.clone());
            }
        }
        Ok(found)
    }

    /// The nodes whose tags meet all conditions: one walk over the tags of all nodes.
    async fn tagged_nodes(
        &self,
        caller: &Caller,
        conditions: &[Condition],
    ) -> Result<Vec<String>, Fault> {
        let prefix = ResourceType::ManagedInstance.key("");
        let mut found = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let catalog = self.engine.catalog();
            let page = catalog
                .list(&caller.scope, table::TAGS, &prefix, after.as_deref(), ROWS_AT_ONCE)
                .await?;
            for (key, row) in &page.rows {
                let id = String::from_utf8_lossy(&key[prefix.len()..]).into_owned();
                let tags: Tags = record::decode(row)?;
                if conditions.iter().all(|condition| condition.holds_for(&id, &tags)) {
                    found.push(id);
                }
            }
            after = page.rows.last().map(|(key, _)| key.to_vec());
            if !page.more {
                return Ok(found);
            }
        }
    }
}

/// Performs the queue `targets`: finds what targets name. Work waits until [`Targets::serve`]
/// brings the services.
#[derive(Clone, Default)]
pub struct Targets {
    services: Arc<SetOnce<Arc<Services>>>,
    ec2: Option<Arc<dyn Ec2>>,
}

/// Why targets were not found.
enum Sought {
    Here(Failure),
    /// EC2 refused, or could not be asked: its code and message.
    Elsewhere((String, String)),
}

impl From<Failure> for Sought {
    fn from(failure: Failure) -> Self {
        Self::Here(failure)
    }
}

impl Targets {
    /// Looks for a runbook's targets among the instances of this EC2 as well.
    #[must_use]
    pub fn among_instances(self, ec2: Option<Arc<dyn Ec2>>) -> Self {
        Self { ec2, ..self }
    }

    /// From now on these services answer.
    pub fn serve(&self, api: &Api) {
        // Set once by the composition root; a second one would be a mistake of ours.
        let _was_set = self.services.set(Arc::clone(&api.services));
    }
}

/// What is asked: as the kinds write it.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    targets: Vec<Value>,
    #[serde(default)]
    purpose: String,
}

impl Performer for Targets {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let Self { services, ec2 } = self.clone();
        Box::pin(async move {
            let found = find(&services.wait().await.ssm, &work, ec2.as_deref()).await;
            Performed::Finished(match found {
                Ok(ids) => match serde_json::to_string(&ids) {
                    Ok(text) => Outcome::Succeeded(Payload::new(text)),
                    Err(error) => failed("InternalServerError", error.to_string()),
                },
                Err(Sought::Elsewhere((code, message))) => failed(&code, message),
                Err(Sought::Here(AnyFailure::Refused(refusal))) => {
                    failed(refusal.code.name(), refusal.text().to_owned())
                }
                Err(Sought::Here(AnyFailure::Fault(fault))) => {
                    failed("InternalServerError", fault.to_string())
                }
            })
        })
    }
}

fn failed(error: &str, cause: String) -> Outcome {
    Outcome::Failed { error: error.to_owned(), cause }
}

async fn find(ssm: &Ssm, work: &Work, ec2: Option<&dyn Ec2>) -> Result<Vec<String>, Sought> {
    let mut asked: Asked = serde_json::from_str(&work.request)
        .map_err(|error| Failure::from(bad(format!("the targets can't be read: {error}"))))?;
    let is_automation = asked.purpose == "Automation";
    for target in asked.targets.iter_mut().filter(|_| is_automation) {
        // Automation's own word: instances by id, or `*`.
        if target["Key"] == "AWS::EC2::Instance" {
            target["Key"] = Value::from("InstanceIds");
        }
    }
    let targets = read_targets(&asked.targets).map_err(Failure::from)?;
    let record = ssm.engine.record(work.execution).await.map_err(Failure::from)?;
    let scope = record.map(|record| record.scope).unwrap_or_default();
    let (account, region) = scope.split_once('/').unwrap_or_default();
    let caller = Caller::new(account, region);
    if is_automation {
        return ssm.resolve_for_automation(&caller, &targets, ec2).await;
    }
    Ok(ssm.resolve(&caller, &targets, Purpose::Nodes).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: &str, values: &[&str]) -> Target {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Target { key: key.to_owned(), values }
    }

    #[test]
    fn keys_are_written_as_aws_does() {
        for (given, is) in [
            ("instanceids", "InstanceIds"),
            ("InstanceIds", "InstanceIds"),
            ("TAG-KEY", "tag-key"),
            ("Tag:Env", "tag:Env"),
            ("tag:aws:autoscaling:groupName", "tag:aws:autoscaling:groupName"),
        ] {
            assert_eq!(target(given, &["x"]).normalized().unwrap().key, is);
        }
        for wrong in ["", "tag:", "ta", "é", "resource-groups:Name", "Name", "tags:Env"] {
            let refusal = target(wrong, &["x"]).normalized().unwrap_err();
            assert_eq!(refusal.code, Code::InvalidTarget, "{wrong}");
        }
    }

    #[test]
    fn a_value_is_enough_and_a_key_without_values_takes_any() {
        let tags = Tags::from([("Env".to_owned(), "test".to_owned())]);
        for (key, values, holds) in [
            ("tag:Env", &["prod", "test"][..], true),
            ("tag:Env", &["prod"], false),
            ("tag:Env", &[], true),
            ("tag:env", &[], false),
            ("tag-key", &["Other", "Env"], true),
            ("tag-key", &["Other"], false),
            ("InstanceIds", &["mi-1"], true),
            ("InstanceIds", &["mi-2"], false),
            ("InstanceIds", &["*"], true),
        ] {
            let condition = target(key, values).condition().unwrap();
            assert_eq!(condition.holds_for("mi-1", &tags), holds, "{key} {values:?}");
        }
    }
}
