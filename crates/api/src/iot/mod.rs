//! IoT: the registry and Device Defender, one file a group of operations.
//!
//! A handler gets a request that satisfies the service model, calls the registry or the engine and
//! answers with the model's own member names as JSON text. What changes the registry stands in
//! `trackway-registry`, since mitigation actions do it too.
//!
//! A group lists its operations itself and carries them out itself: here they are only found.

mod account;
mod arn;
mod audit_configuration;
mod audit_start;
mod audit_starter;
mod audit_tasks;
mod audited;
mod billing_groups;
mod ca_certificates;
mod certificates;
mod change;
mod detect_executions;
mod detect_tasks;
mod findings;
mod findings_page;
mod groups;
mod lists;
mod logging;
mod mitigation;
mod mitigation_actions;
mod mitigation_tasks;
mod older_lists;
mod policies;
mod principals;
mod refusal;
mod role_aliases;
mod scheduled_audits;
mod security_profiles;
mod suppressions;
mod tags;
mod thing_types;
mod things;
mod violations;

use std::pin::Pin;
use std::sync::OnceLock;

use serde_json::Value;
use trackway_engine::{Engine, Fault};
use trackway_registry::Registry;
use trackway_registry::x509::{KeyPool, WeakKeys};

use crate::Caller;
pub use audit_starter::AuditStarter;
use refusal::Code;

/// A group of operations.
struct Group {
    /// Those that are built, by the model's names.
    operations: &'static [&'static str],
    /// Carries one of them out; the input satisfies the model.
    call: for<'a> fn(&'a Iot, &'a str, &'a Caller, Value) -> Working<'a>,
}

/// An answer that is being made.
type Working<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Every group. An operation that is in none is not built.
const GROUPS: &[Group] = &[
    account::GROUP,
    audit_configuration::GROUP,
    audit_tasks::GROUP,
    billing_groups::GROUP,
    ca_certificates::GROUP,
    certificates::GROUP,
    detect_tasks::GROUP,
    findings::GROUP,
    groups::GROUP,
    logging::GROUP,
    mitigation_actions::GROUP,
    mitigation_tasks::GROUP,
    policies::GROUP,
    principals::GROUP,
    role_aliases::GROUP,
    scheduled_audits::GROUP,
    security_profiles::GROUP,
    suppressions::GROUP,
    tags::GROUP,
    thing_types::GROUP,
    things::GROUP,
    violations::GROUP,
];

/// The operations that are built.
pub fn operations() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.operations.iter().copied())
}

/// The service.
pub(crate) struct Iot {
    engine: Engine,
    registry: Registry,
    /// Held while an audit on demand is started.
    starting: tokio::sync::Mutex<()>,
    /// Held while scheduled audits change, or which checks they may have.
    scheduling: tokio::sync::Mutex<()>,
    /// Keys for certificates that are made here.
    keys: KeyPool,
    /// Keys that must not be used, as far as lists of them were given.
    weak_keys: OnceLock<WeakKeys>,
}

/// An answer: JSON text in the model's member names.
type Answer = crate::answer::Answer<Code>;

impl Iot {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            registry: Registry::new(engine.clone()),
            engine,
            starting: tokio::sync::Mutex::new(()),
            scheduling: tokio::sync::Mutex::new(()),
            keys: KeyPool::default(),
            weak_keys: OnceLock::new(),
        }
    }

    /// Tells it of keys that are known to be weak; the first word counts.
    pub(crate) fn configure(&self, weak_keys: WeakKeys) {
        let _was_set = self.weak_keys.set(weak_keys);
    }

    /// Carries out one operation; `input` satisfies the model. None if it is not built.
    pub(crate) async fn call(
        &self,
        operation: &str,
        caller: &Caller,
        input: Value,
    ) -> Option<Answer> {
        let group = GROUPS.iter().find(|group| group.operations.contains(&operation))?;
        Some((group.call)(self, operation, caller, input).await)
    }
}

/// A group lists an operation that it doesn't carry out: a mistake of ours.
fn listed_only(operation: &str) -> refusal::Failure {
    Fault::new(format!("{operation} is listed as built but is not")).into()
}
