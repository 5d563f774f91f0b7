//! `IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK`: policies that may allow what they mean to deny.
//!
//! Source: Developer Guide, "AWS IoT policy potentially misconfigured", with its two examples.

use super::document::{Document, Effect, Selection, Statement, matches};
use super::permissive::is_denied;
use crate::check::Reason;

const SUBSCRIBE: &str = "iot:Subscribe";
const RECEIVE: &str = "iot:Receive";
const FILTER: &str = ":topicfilter/";
const TOPIC: &str = ":topic/";

/// What may be wrong with a document: a reason and its text. The texts are ours: AWS's are not known.
#[must_use]
pub fn judge(document: &Document) -> Vec<(Reason, String)> {
    let mut flaws = Vec::new();
    let wildcards = mqtt_wildcards_denied(document);
    if !wildcards.is_empty() {
        let list = wildcards.join(", ");
        let text = format!("Policy contains MQTT wildcards in deny statements: [{list}].");
        flaws.push((Reason::WildcardsInDeny, text));
    }
    let evaded = evaded_denials(document);
    if !evaded.is_empty() {
        let list = evaded.join(", ");
        let text = format!(
            "Topic filters that are denied can be subscribed to by wildcards, and their messages \
             received: [{list}]."
        );
        flaws.push((Reason::DeniedTopicFiltersAllowed, text));
    }
    flaws
}

/// The topics and filters of Deny statements with `+` or `#`: in a policy these are mere letters.
fn mqtt_wildcards_denied(document: &Document) -> Vec<&str> {
    let patterns = document.with(Effect::Deny).flat_map(resources);
    let mut found: Vec<&str> = patterns
        .filter(|pattern| name_of(pattern).is_some_and(|name| name.contains(['+', '#'])))
        .collect();
    found.dedup();
    found
}

/// Filters that are denied, while a wider filter may be subscribed to that is not, such as
/// `building/#`, and what it brings may be received.
fn evaded_denials(document: &Document) -> Vec<&str> {
    let documents = std::slice::from_ref(document);
    let allowed = |action: &'static str| {
        let allows = document.with(Effect::Allow);
        allows.filter(move |statement| statement.covers_action(action)).flat_map(resources)
    };
    let denials = document
        .with(Effect::Deny)
        .filter(|denial| denial.conditions.is_empty() && denial.covers_action(SUBSCRIBE));
    let mut found = Vec::new();
    for denied in denials.flat_map(resources) {
        let Some((before, name)) = denied.split_once(FILTER) else { continue };
        if name.contains(['+', '#']) || found.contains(&denied) {
            continue;
        }
        let topic = format!("{before}{TOPIC}{name}");
        let can_subscribe = allowed(SUBSCRIBE).any(|wide| {
            wide != denied && matches(wide, denied) && !is_denied(documents, SUBSCRIBE, wide)
        });
        let can_receive = allowed(RECEIVE).any(|wide| matches(wide, &topic))
            && !is_denied(documents, RECEIVE, &topic);
        if can_subscribe && can_receive {
            found.push(denied);
        }
    }
    found
}

fn resources(statement: &Statement) -> impl Iterator<Item = &str> {
    let patterns: &[String] = match &statement.resources {
        Selection::Of(patterns) => patterns,
        Selection::Except(_) => &[],
    };
    patterns.iter().map(String::as_str)
}

/// The topic or filter that a pattern names.
fn name_of(pattern: &str) -> Option<&str> {
    let part = |kind| pattern.split_once(kind).map(|(_, name)| name);
    part(TOPIC).or_else(|| part(FILTER))
}
