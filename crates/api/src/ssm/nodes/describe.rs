//! DescribeInstanceInformation, and what else is said and done about a registered node.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use trackway_command::{CommandRun, CommandStatus, Signal, view};
use trackway_engine::ListQuery;

use super::record::Node;
use super::registry::{NodeChange, ROWS_AT_ONCE};
use crate::Caller;
use crate::answer::{Epoch, nothing, write};
use crate::ssm::associations::{Found, NodeAssociations};
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::tags::{Tags, has};
use crate::ssm::{Answer, COMMAND_KIND, Ssm};

/// Nodes on a page when no number is asked for. Source: `MaxResults`' default, the most there are.
const RESULTS_DEFAULT: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeInstances {
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    instance_information_filter_list: Vec<LegacyFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: String,
    values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyFilter {
    key: String,
    value_set: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    instance_information_list: Vec<Information>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Information {
    instance_id: String,
    ping_status: &'static str,
    last_ping_date_time: Epoch,
    agent_version: String,
    is_latest_version: bool,
    platform_type: String,
    platform_name: String,
    platform_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    activation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iam_role: Option<String>,
    registration_date: Epoch,
    resource_type: &'static str,
    name: String,
    #[serde(rename = "IPAddress", skip_serializing_if = "String::is_empty")]
    ip_address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    computer_name: String,
    source_id: String,
    source_type: &'static str,
    #[serde(flatten)]
    associations: NodeAssociations,
}

/// A node as filters see it.
pub(super) struct Seen<'a> {
    pub(super) node: &'a Node,
    pub(super) tags: &'a Tags,
    pub(super) is_online: bool,
    /// How its associations are, where somebody asks.
    pub(super) associations: Option<&'a NodeAssociations>,
}

/// What nodes are: hybrid ones, as AWS calls those that are no instances of its own.
const RESOURCE_TYPE: &str = "ManagedInstance";
const SOURCE_TYPE: &str = "AWS::SSM::ManagedInstance";

/// Whether a node has one of the values of a filter; none if no filter has this key. A value may end
/// with `*` where it is a version.
pub(super) fn matches(seen: &Seen<'_>, key: &str, values: &[String]) -> Option<bool> {
    let node = seen.node;
    let is = |text: &str| values.iter().any(|value| value == text);
    let or_none = |text: &Option<String>| text.as_deref().is_some_and(is);
    if let Some(tag) = key.strip_prefix("tag:") {
        return Some(has(seen.tags, tag, values));
    }
    Some(match key {
        "InstanceIds" | "SourceIds" => is(&node.id),
        "AgentVersion" => values.iter().any(|value| match value.strip_suffix('*') {
            Some(prefix) => node.agent_version.starts_with(prefix),
            None => *value == node.agent_version,
        }),
        "PingStatus" => is(ping_status(seen.is_online)),
        "PlatformTypes" => is(&node.platform_type),
        "ActivationIds" => or_none(&node.activation_id),
        "IamRole" => or_none(&node.iam_role),
        "ResourceType" => is(RESOURCE_TYPE),
        "SourceTypes" => is(SOURCE_TYPE),
        "tag-key" => values.iter().any(|key| seen.tags.contains_key(key)),
        "AssociationStatus" => seen.associations.and_then(NodeAssociations::status).is_some_and(is),
        _ => return None,
    })
}

fn ping_status(is_online: bool) -> &'static str {
    if is_online { "Online" } else { "ConnectionLost" }
}

fn check(filters: &[Filter]) -> Result<(), Refusal> {
    let (node, tags) = (Node::default(), Tags::new());
    let seen = Seen { node: &node, tags: &tags, is_online: false, associations: None };
    for Filter { key, values } in filters {
        if matches(&seen, key, values).is_none() || key == "tag:" {
            let message = format!("The filter key {key} is not valid.");
            return Err(Refusal::new(Code::InvalidFilterKey, message));
        }
        let allowed: &[&str] = match key.as_str() {
            "PingStatus" => &["Online", "ConnectionLost", "Inactive"],
            "PlatformTypes" => &["Windows", "Linux", "MacOS"],
            "ResourceType" => &["EC2Instance", "ManagedInstance"],
            _ => continue,
        };
        if let Some(value) = values.iter().find(|value| !allowed.contains(&value.as_str())) {
            return Err(Refusal::new(
                Code::InvalidInstanceInformationFilterValue,
                format!("The value {value} is not valid for the filter key {key}."),
            ));
        }
    }
    Ok(())
}

impl Ssm {
    pub(super) async fn describe_instances(
        &self,
        caller: &Caller,
        request: DescribeInstances,
    ) -> Answer {
        if !request.filters.is_empty() && !request.instance_information_filter_list.is_empty() {
            let message = "Filters and InstanceInformationFilterList can't be given together.";
            return Err(invalid(message).into());
        }
        let legacy = request.instance_information_filter_list.into_iter();
        let legacy = legacy.map(|filter| Filter { key: filter.key, values: filter.value_set });
        let filters: Vec<Filter> = request.filters.into_iter().chain(legacy).collect();
        check(&filters)?;
        let shown = serde_json::to_string(&filters).unwrap_or_default();
        let bound_to = ["DescribeInstanceInformation", shown.as_str()];
        let bound = self.bound(caller, &bound_to);
        let mut scanned = match &request.next_token {
            Some(token) => Some(bound.unseal::<Code>(token)?),
            None => None,
        };
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        // Without filters every row is wanted: a page, and whether one more follows.
        let most = if filters.is_empty() { limit + 1 } else { ROWS_AT_ONCE };
        let mut place = Vec::new();
        let mut found = Vec::new();
        let associations = self.every_association(caller).await?;
        loop {
            let (nodes, more) = self.nodes_after(caller, scanned.as_deref(), most).await?;
            for node in &nodes {
                let Some(information) =
                    self.wanted(caller, (node, &associations), &filters).await?
                else {
                    continue;
                };
                if found.len() == limit {
                    let next_token = Some(bound.seal(&place));
                    return write(&Listed { instance_information_list: found, next_token });
                }
                found.push(information);
                place = node.id.as_bytes().to_vec();
            }
            match nodes.last() {
                Some(last) if more => scanned = Some(last.id.as_bytes().to_vec()),
                _ => return write(&Listed { instance_information_list: found, next_token: None }),
            }
        }
    }

    async fn wanted(
        &self,
        caller: &Caller,
        (node, associations): (&Node, &[Found]),
        filters: &[Filter],
    ) -> Result<Option<Information>, Failure> {
        let asks_tags = filters.iter().any(|filter| filter.key.starts_with("tag"));
        let asks_tags = asks_tags || !associations.is_empty();
        let tags = if asks_tags { self.node_tags(caller, &node.id).await? } else { Tags::new() };
        let (last_ping, is_online) = self.ping(caller, node);
        let holds = |filter: &&Filter, associations: Option<&NodeAssociations>| {
            let seen = Seen { node, tags: &tags, is_online, associations };
            matches(&seen, &filter.key, &filter.values).unwrap_or_default()
        };
        // What costs most is looked at last.
        let (late, soon): (Vec<&Filter>, Vec<&Filter>) =
            filters.iter().partition(|filter| filter.key == "AssociationStatus");
        if !soon.iter().all(|filter| holds(filter, None)) {
            return Ok(None);
        }
        let associations = self.node_associations(associations, &node.id, &tags).await?;
        let all = late.iter().all(|filter| holds(filter, Some(&associations)));
        Ok(all.then(|| Information {
            instance_id: node.id.clone(),
            ping_status: ping_status(is_online),
            last_ping_date_time: Epoch(last_ping),
            agent_version: node.agent_version.clone(),
            is_latest_version: true,
            platform_type: node.platform_type.clone(),
            platform_name: node.platform_name.clone(),
            platform_version: node.platform_version.clone(),
            activation_id: node.activation_id.clone(),
            iam_role: node.iam_role.clone(),
            registration_date: Epoch(node.registered),
            resource_type: RESOURCE_TYPE,
            name: node.shown_name().to_owned(),
            ip_address: node.ip_address.clone(),
            computer_name: node.computer_name.clone(),
            source_id: node.id.clone(),
            source_type: SOURCE_TYPE,
            associations,
        }))
    }

    pub(super) async fn connection_status(&self, caller: &Caller, request: OfTarget) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Status {
            target: String,
            status: &'static str,
        }
        let node = self.node(caller, &request.target).await?;
        let is_online = node.is_some_and(|node| self.ping(caller, &node).1);
        let status = if is_online { "connected" } else { "notconnected" };
        write(&Status { target: request.target, status })
    }

    pub(super) async fn update_role(&self, caller: &Caller, request: UpdateRole) -> Answer {
        let role = request.iam_role;
        let change = |node: &mut Node| node.iam_role = Some(role.clone());
        if self.change_node(caller, &request.instance_id, change).await? {
            return nothing();
        }
        Err(self.no_such_instances(caller, &[request.instance_id]).into())
    }

    pub(super) async fn deregister(&self, caller: &Caller, request: OfInstance) -> Answer {
        let id = request.instance_id;
        if !self.remove_node(caller, &id).await? {
            return Err(self.no_such_instances(caller, &[id]).into());
        }
        self.end_invocations(caller, &id).await?;
        self.nodes.happened(caller, &id, NodeChange::Gone);
        nothing()
    }

    /// Tells the commands that go on that a node won't report any more.
    async fn end_invocations(&self, caller: &Caller, node: &str) -> Result<(), Failure> {
        let running =
            [CommandStatus::Pending, CommandStatus::InProgress, CommandStatus::Cancelling];
        for status in running {
            let mut query = ListQuery {
                kind: COMMAND_KIND,
                scope: caller.scope.to_string(),
                parent: String::new(),
                status: Some(status as u8),
                after: None,
                limit: 256,
            };
            loop {
                let page = self.engine.list(&query).await?;
                for row in page.rows {
                    let key = node.as_bytes();
                    if self.engine.row(row.id, view::INVOCATIONS, key).await?.is_some() {
                        let signal = Signal::NodeGone { node: node.to_owned() };
                        // One that has ended by itself meanwhile is as good.
                        let _ended = self.engine.signal::<CommandRun>(row.id, signal).await;
                    }
                }
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// The refusal of ids that are no nodes of the caller, in AWS's words.
    pub(crate) fn no_such_instances(&self, caller: &Caller, ids: &[String]) -> Refusal {
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
        let account = &caller.account;
        let message = format!("Instances [[{ids}]] not in a valid state for account {account}");
        Refusal::new(Code::InvalidInstanceId, message)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfTarget {
    target: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfInstance {
    instance_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateRole {
    instance_id: String,
    iam_role: String,
}
