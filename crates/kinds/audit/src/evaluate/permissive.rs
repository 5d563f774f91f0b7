//! `IOT_POLICY_OVERLY_PERMISSIVE_CHECK`: whether a policy gives one device the data of many.
//!
//! Source: Developer Guide, "AWS IoT policies overly permissive" and "Authenticated Cognito role overly
//! permissive". What they say:
//! - A wildcard is broad, "with some exceptions": any one in the client id, topic or topic filter that
//!   no policy variable stands before. So are `client/*` and `topic/$aws/things/*/shadow/update`.
//! - `client/${iot:ClientId}` is a wildcard too, unless the thing must be attached.
//! - A wildcard behind a variable such as `${iot:Connection.Thing.ThingName}` is an exception.
//! - On things `thing/*` is broad; what has the beginning of a name (`thing/MyThing*`) is an exception.
//! - Receive is an exception altogether: a device receives only what it may subscribe to.
//! - Subscribe is judged by what it says of topics as well: the guide writes `topic/$aws/things/+/…`.
//!
//! The guide is older than RetainPublish, which is judged as Publish is.

use std::borrow::Cow;

use super::document::{Document, Effect, Selection, Statement, matches};

/// What `iot:ClientId` is harmless with.
const IS_ATTACHED: &str = "iot:Connection.Thing.IsAttached";
const CLIENT_ID: &str = "${iot:ClientId}";
/// What every policy variable begins with.
const VARIABLE: &str = "${";

/// On what an action of the data plane works.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Client,
    Topic,
    TopicFilter,
    Thing,
}

/// The actions that are looked at. The first six are in the order of AWS's own reason texts.
const ACTIONS: [(&str, Target); 11] = [
    ("iot:Subscribe", Target::TopicFilter),
    ("iot:Connect", Target::Client),
    ("iot:GetThingShadow", Target::Thing),
    ("iot:DeleteThingShadow", Target::Thing),
    ("iot:UpdateThingShadow", Target::Thing),
    ("iot:Publish", Target::Topic),
    ("iot:RetainPublish", Target::Topic),
    ("iot:DescribeJobExecution", Target::Thing),
    ("iot:GetPendingJobExecutions", Target::Thing),
    ("iot:StartNextPendingJobExecution", Target::Thing),
    ("iot:UpdateJobExecution", Target::Thing),
];

/// The actions of the data plane that the documents together allow on too much; empty if none.
#[must_use]
pub fn broad_actions(documents: &[Document]) -> Vec<&'static str> {
    let is_broad = |(action, target): &(&'static str, Target)| {
        let allows = documents.iter().flat_map(|document| document.with(Effect::Allow));
        allows.filter(|statement| statement.covers_action(action)).any(|statement| {
            broad_patterns(statement, *target)
                .iter()
                .any(|pattern| !is_denied(documents, action, pattern))
        })
    };
    ACTIONS.iter().filter(|row| is_broad(row)).map(|(action, _)| *action).collect()
}

/// AWS's reason text for these actions.
#[must_use]
pub fn reason(actions: &[&str]) -> String {
    format!("Policy allows broad access to IoT data plane actions: [{}].", actions.join(", "))
}

/// Whether any document denies the action on all that the pattern stands for, whatever else holds.
pub(super) fn is_denied(documents: &[Document], action: &str, pattern: &str) -> bool {
    documents.iter().flat_map(|document| document.with(Effect::Deny)).any(|statement| {
        statement.conditions.is_empty()
            && statement.covers_action(action)
            && statement.covers_resource(pattern)
    })
}

/// Whether a statement is about any thing there is, as `thing/*` is.
pub(super) fn broad_things(statement: &Statement) -> Vec<String> {
    broad_patterns(statement, Target::Thing)
}

/// The patterns of a statement's resources that are too broad for an action on such a target.
fn broad_patterns(statement: &Statement, target: Target) -> Vec<String> {
    match &statement.resources {
        Selection::Of(patterns) => {
            let is_attached = statement.requires_true(IS_ATTACHED);
            patterns.iter().filter(|one| is_broad(one, target, is_attached)).cloned().collect()
        }
        // Everything but some: who may do that to many is not looked at name by name.
        Selection::Except(_) => vec!["*".to_owned()],
    }
}

fn is_broad(pattern: &str, target: Target, is_attached: bool) -> bool {
    let kinds: &[&str] = match target {
        Target::Client => &["client/"],
        Target::Topic => &["topic/"],
        Target::TopicFilter => &["topicfilter/", "topic/"],
        Target::Thing => &["thing/"],
    };
    let Some(resource) = resource_of(pattern) else { return false };
    kinds.iter().filter_map(|kind| after(resource, kind)).any(|name| {
        let name = match target {
            Target::Client if !is_attached => name.replace(CLIENT_ID, "*"),
            _ => name.into_owned(),
        };
        before_wildcard(&name, target).is_some_and(|head| match target {
            Target::Thing => head.is_empty(),
            _ => !head.contains(VARIABLE),
        })
    })
}

/// The last part of an ARN's pattern, `client/*`. What has wildcards for whole parts stands for all.
fn resource_of(pattern: &str) -> Option<&str> {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    match parts[..] {
        // The guide also writes `:/thing/MyThing`.
        [_, _, service, _, _, resource] if matches(service, "iot") => {
            Some(resource.strip_prefix('/').unwrap_or(resource))
        }
        // `*`, `arn:aws:iot:*`.
        [.., last] if parts.len() < 6 && last.ends_with('*') => Some("*"),
        _ => None,
    }
}

/// What a pattern says of the name after `kind`; none if it is of another kind.
fn after<'a>(resource: &'a str, kind: &str) -> Option<Cow<'a, str>> {
    if let Some(name) = resource.strip_prefix(kind) {
        return Some(name.into());
    }
    let star = resource.find('*')?;
    kind.starts_with(&resource[..star]).then(|| resource[star..].into())
}

/// What stands before the first wildcard; none if there is no wildcard. Variables are text: they
/// stand for something of the device's own. `?` is one character, and says nothing.
fn before_wildcard(name: &str, target: Target) -> Option<String> {
    let levels_are_wild = target == Target::TopicFilter;
    let mut head = String::new();
    for (place, one) in name.char_indices() {
        let is_wild = match one {
            '*' => true,
            // MQTT's own wildcards, in a filter that a device may subscribe to as it stands.
            '+' | '#' if levels_are_wild => {
                let ends = name[place + 1..].chars().next().is_none_or(|next| next == '/');
                ends && (head.is_empty() || head.ends_with('/'))
            }
            _ => false,
        };
        if is_wild {
            return Some(head);
        }
        if one != '?' {
            head.push(one);
        }
    }
    None
}
