//! What makes associations run beside their schedules: documents, parameters and nodes that change.

use std::time::Duration;

use trackway_association::association::Signal;
use trackway_association::spec::Spec;
use trackway_association::status::Status;
use trackway_engine::Fault;

use super::Found;
use crate::Caller;
use crate::ssm::refusal::Failure;
use crate::ssm::tags::ResourceType;
use crate::ssm::{Ssm, documents};

/// How long the targets of a run that just began are waited for: this long, so often.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 250;

/// What happened to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeNews {
    /// It is there for the first time, or its tags are others.
    New,
    /// It is back.
    Back,
}

/// Hears that a document's default or latest version is another one, or that it is gone.
pub(in crate::ssm) async fn document_changed(
    ssm: &Ssm,
    caller: &Caller,
    name: &str,
) -> Result<(), Fault> {
    for found in ssm.every_association(caller).await? {
        let spec = &found.columns.spec;
        let follows = matches!(spec.document_version.as_str(), "$DEFAULT" | "$LATEST");
        if !follows || !is_of(caller, spec, name) {
            continue;
        }
        if ssm.has_another_version(caller, &found).await? {
            heard(ssm.tell_association(&found, Signal::Changed).await)?;
        }
    }
    Ok(())
}

/// Whether an association runs this document of the caller's.
pub(in crate::ssm) async fn uses_document(
    ssm: &Ssm,
    caller: &Caller,
    name: &str,
) -> Result<bool, Fault> {
    let all = ssm.every_association(caller).await?;
    Ok(all.iter().any(|found| is_of(caller, &found.columns.spec, name)))
}

/// Hears that a parameter of the Parameter Store has another value.
pub(in crate::ssm) async fn parameter_changed(
    ssm: &Ssm,
    caller: &Caller,
    name: &str,
) -> Result<(), Fault> {
    for found in ssm.every_association(caller).await? {
        if refers_to(&found.columns.spec, name) {
            heard(ssm.tell_association(&found, Signal::Changed).await)?;
        }
    }
    Ok(())
}

/// Hears that a node came, came back or has other tags. Associations that target it run on it if
/// they have not, or missed it.
pub(super) async fn node_changed(
    ssm: &Ssm,
    caller: &Caller,
    node: &str,
    news: NodeNews,
) -> Result<(), Fault> {
    let tags = ssm.tags_of(caller, ResourceType::ManagedInstance, node).await?;
    for found in ssm.every_association(caller).await? {
        let spec = &found.columns.spec;
        if spec.apply_only_at_cron_interval || !found.means(node, &tags) {
            continue;
        }
        heard(ssm.converge(&found, node, news).await)?;
    }
    Ok(())
}

impl Ssm {
    /// Whether the document has another version by now than the one that ran last.
    async fn has_another_version(&self, caller: &Caller, found: &Found) -> Result<bool, Fault> {
        let spec = &found.columns.spec;
        let ran = match self.latest_run(found).await {
            Ok(run) => run.map(|run| run.document_version).unwrap_or_default(),
            Err(Failure::Fault(fault)) => return Err(fault),
            Err(Failure::Refused(_)) => return Ok(false),
        };
        match self.resolve_document(caller, &spec.name, Some(&spec.document_version)).await {
            Ok(document) => Ok(document.version != ran),
            Err(Failure::Fault(fault)) => Err(fault),
            // It is gone: there is nothing to run.
            Err(Failure::Refused(_)) => Ok(false),
        }
    }

    async fn converge(&self, found: &Found, node: &str, news: NodeNews) -> Result<(), Failure> {
        self.wait_for_targets(found).await?;
        let before = self.on_node(found, node).await?.map(|on_node| on_node.row.status);
        let missed = match before {
            None => true,
            Some(status) => {
                news == NodeNews::Back && matches!(status, Status::TimedOut | Status::Skipped)
            }
        };
        if missed {
            let signal = Signal::Node { node: node.to_owned(), replaces: before };
            self.tell_association(found, signal).await?;
        }
        Ok(())
    }
}

impl Ssm {
    /// Waits until the run that goes on knows its targets: the node may be among them.
    async fn wait_for_targets(&self, found: &Found) -> Result<(), Failure> {
        for _ in 0..LOOKS_MAX {
            let is_resolved = match self.latest_run(found).await? {
                Some(run) => run.is_resolved,
                None => !found.columns.is_running,
            };
            if is_resolved {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

/// An association that was deleted meanwhile need not hear.
fn heard(told: Result<(), Failure>) -> Result<(), Fault> {
    match told {
        Ok(()) | Err(Failure::Refused(_)) => Ok(()),
        Err(Failure::Fault(fault)) => Err(fault),
    }
}

fn is_of(caller: &Caller, spec: &Spec, name: &str) -> bool {
    documents::name_of(caller, &spec.name).as_deref() == Some(name)
}

/// Whether a value holds `{{ ssm:NAME }}`, with or without spaces.
fn refers_to(spec: &Spec, name: &str) -> bool {
    let wanted = format!("ssm:{name}");
    let mut values = spec.parameters.values().flatten();
    values.any(|value| {
        let mut parts = value.split("{{").skip(1);
        parts.any(|part| part.split("}}").next().is_some_and(|inner| inner.trim() == wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_parameters_are_found() {
        let spec = |value: &str| Spec {
            parameters: [("p".to_owned(), vec!["x".to_owned(), value.to_owned()])].into(),
            ..Spec::default()
        };
        for (value, refers) in [
            ("{{ssm:name}}", true),
            ("a {{ b }} {{ ssm:name }} c", true),
            ("{{ssm:other}}", false),
            ("{{ssm:name:2}}", false),
            ("ssm:name", false),
        ] {
            assert_eq!(refers_to(&spec(value), "name"), refers, "{value}");
        }
    }
}
