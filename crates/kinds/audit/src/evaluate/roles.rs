//! What roles allow: those behind role aliases, and those of Cognito identity pools.
//!
//! Source: Developer Guide, "Role alias overly permissive", "Role alias allows access to unused
//! services", "Authenticated Cognito role overly permissive" and "Unauthenticated Cognito role overly
//! permissive". The reason texts are ours where AWS's are not known.

use std::collections::{BTreeMap, BTreeSet};

use trackway_core::Timestamp;

use super::actions::{OTHERS, THING_READ, THING_WRITE};
use super::document::{Document, Effect, Selection, Statement, action_matches, matches};
use super::permissive;
use crate::check::Reason;

/// What has not been used for so long is unused: a year.
const UNUSED_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// Services that audit security. Source: Developer Guide.
const AUDITING: [&str; 5] = ["iam", "cloudtrail", "guardduty", "inspector", "trustedadvisor"];

/// What is known of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// All its policies.
    pub documents: Vec<Document>,
    /// When it used each service last, by the prefix of the service's actions, such as `s3`.
    pub last_accessed: BTreeMap<String, Timestamp>,
}

/// Why a check finds fault with a role, and the text.
pub type Found = Vec<(Reason, String)>;

/// `IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK`.
#[must_use]
pub fn alias_permissive(role: &Role, now: Timestamp) -> Found {
    let mut found = Vec::new();
    let used = role.last_accessed.iter().filter(|(_, at)| now - **at < UNUSED_MS);
    let broad: Vec<&str> = used
        .map(|(service, _)| service.as_str())
        .filter(|service| allows(role, service, allows_all_of))
        .collect();
    add(
        &mut found,
        Reason::BroadAccessToUsedServices,
        "allows administrative access to used services",
        &broad,
    );
    let auditing: Vec<&str> =
        AUDITING.into_iter().filter(|service| allows(role, service, allows_some_of)).collect();
    add(
        &mut found,
        Reason::AccessToSecurityAuditing,
        "allows access to security auditing services",
        &auditing,
    );
    found.extend(iot_administration(role));
    found.extend(data_plane(role));
    found
}

/// `IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK`.
#[must_use]
pub fn alias_unused_services(role: &Role, now: Timestamp) -> Found {
    let is_used =
        |service: &str| role.last_accessed.get(service).is_some_and(|at| now - *at < UNUSED_MS);
    let services = allowed_services(role);
    let services: Vec<&str> =
        services.iter().map(String::as_str).filter(|service| !is_used(service)).collect();
    let mut found = Vec::new();
    let text = "allows access to services that were not used in the last year";
    add(&mut found, Reason::AccessToUnusedServices, text, &services);
    found
}

/// `AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK`.
#[must_use]
pub fn authenticated_pool(role: &Role) -> Found {
    iot_administration(role)
}

/// `UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK`.
#[must_use]
pub fn unauthenticated_pool(role: &Role) -> Found {
    let mut found = Vec::new();
    let mut actions = granted(role, THING_READ.into_iter(), |_| true);
    actions.extend(granted(role, THING_WRITE.into_iter(), |_| true));
    actions.extend(granted(role, OTHERS.split_whitespace(), |_| true));
    add(
        &mut found,
        Reason::IotAdmin,
        "allows access to IoT administrative actions",
        &shown(&actions),
    );
    found.extend(data_plane(role));
    found
}

/// What lets devices administer.
fn iot_administration(role: &Role) -> Found {
    let mut found = Vec::new();
    let read = granted(role, THING_READ.into_iter(), |statement| {
        !permissive::broad_things(statement).is_empty()
    });
    add(
        &mut found,
        Reason::BroadThingAdminRead,
        "allows broad access to IoT thing admin read actions",
        &shown(&read),
    );
    let others = granted(role, OTHERS.split_whitespace(), |_| true);
    add(
        &mut found,
        Reason::NonThingAdmin,
        "allows access to IoT non-thing admin actions",
        &shown(&others),
    );
    let write = granted(role, THING_WRITE.into_iter(), |_| true);
    add(
        &mut found,
        Reason::ThingAdminWrite,
        "allows access to IoT thing admin write actions",
        &shown(&write),
    );
    found
}

fn data_plane(role: &Role) -> Found {
    let actions = permissive::broad_actions(&role.documents);
    if actions.is_empty() {
        return Vec::new();
    }
    vec![(Reason::BroadDataPlaneAccess, permissive::reason(&actions))]
}

/// How many actions a reason text names.
const SHOWN_MAX: usize = 10;

fn shown(actions: &[String]) -> Vec<&str> {
    let rest = (actions.len() > SHOWN_MAX).then_some("...");
    actions.iter().take(SHOWN_MAX).map(String::as_str).chain(rest).collect()
}

fn add(found: &mut Found, reason: Reason, what: &str, names: &[&str]) {
    if !names.is_empty() {
        found.push((reason, format!("Policy {what}: [{}].", names.join(", "))));
    }
}

/// Those of IoT's actions that a statement of the right kind allows and none denies.
fn granted<'a>(
    role: &Role,
    names: impl Iterator<Item = &'a str>,
    is_right: impl Fn(&Statement) -> bool,
) -> Vec<String> {
    names
        .map(|name| format!("iot:{name}"))
        .filter(|action| {
            allow_statements(role).any(|statement| {
                statement.covers_action(action)
                    && is_right(statement)
                    && !is_denied(role, action, statement)
            })
        })
        .collect()
}

/// Whether the action is denied on all resources of the statement.
fn is_denied(role: &Role, action: &str, statement: &Statement) -> bool {
    let denied = |pattern: &str| permissive::is_denied(&role.documents, action, pattern);
    match &statement.resources {
        Selection::Of(patterns) => patterns.iter().all(|pattern| denied(pattern)),
        Selection::Except(_) => denied("*"),
    }
}

fn allow_statements(role: &Role) -> impl Iterator<Item = &Statement> {
    role.documents.iter().flat_map(|document| document.with(Effect::Allow))
}

/// Whether a statement allows so of a service, and nothing denies all of it.
fn allows(role: &Role, service: &str, is_so: impl Fn(&Statement, &str) -> bool) -> bool {
    let all = format!("{service}:*");
    allow_statements(role)
        .any(|statement| is_so(statement, service) && !is_denied(role, &all, statement))
}

/// Whether a statement is about all actions of a service. `NotAction` leaves those services whole
/// that it doesn't touch.
fn allows_all_of(statement: &Statement, service: &str) -> bool {
    match &statement.actions {
        Selection::Of(patterns) => patterns.iter().any(|one| is_all_of(one, service)),
        Selection::Except(patterns) => !patterns.iter().any(|one| reaches(one, service)),
    }
}

/// Whether a statement is about any action of a service.
fn allows_some_of(statement: &Statement, service: &str) -> bool {
    match &statement.actions {
        Selection::Of(patterns) => patterns.iter().any(|one| reaches(one, service)),
        Selection::Except(patterns) => !patterns.iter().any(|one| is_all_of(one, service)),
    }
}

/// Whether an action's pattern is a whole service: `s3:*`, or `*`.
fn is_all_of(pattern: &str, service: &str) -> bool {
    action_matches(pattern, &format!("{service}:*"))
}

/// Whether an action's pattern has an action of the service.
fn reaches(pattern: &str, service: &str) -> bool {
    match pattern.split_once(':') {
        Some((of, _)) => matches(&of.to_ascii_lowercase(), service),
        None => pattern.starts_with('*'),
    }
}

/// The services that actions are allowed of, in lower case; `*` for all there are.
fn allowed_services(role: &Role) -> BTreeSet<String> {
    let mut services = BTreeSet::new();
    for statement in allow_statements(role) {
        match &statement.actions {
            Selection::Of(patterns) => {
                for pattern in patterns {
                    let service = pattern.split_once(':').map_or("*", |(service, _)| service);
                    if !is_denied(role, &format!("{service}:*"), statement) {
                        services.insert(service.to_ascii_lowercase());
                    }
                }
            }
            Selection::Except(_) => {
                services.insert("*".to_owned());
            }
        }
    }
    services
}
