//! Variables in texts: `#{namespace.name}`.

use std::collections::BTreeMap;

use super::state::Run;

/// What a variable stands for, by namespace and name.
pub(super) type Lookup<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// A text with its variables replaced.
///
/// # Errors
/// A variable that nothing is known of: its namespace and name.
pub(super) fn resolve(text: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let mut rest = text;
    let mut resolved = String::with_capacity(text.len());
    while let Some(start) = rest.find("#{") {
        let Some(length) = rest[start..].find('}') else { break };
        let inner = &rest[start + 2..start + length];
        resolved.push_str(&rest[..start]);
        match inner.split_once('.') {
            Some((namespace, name)) => match lookup(namespace, name) {
                Some(value) => resolved.push_str(&value),
                None => return Err(inner.to_owned()),
            },
            None => return Err(inner.to_owned()),
        }
        rest = &rest[start + length + 1..];
    }
    resolved.push_str(rest);
    Ok(resolved)
}

impl Run {
    /// What a variable stands for in this execution.
    pub(super) fn lookup(&self, namespace: &str, name: &str) -> Option<String> {
        let of = |map: &BTreeMap<String, String>| map.get(name).cloned();
        match (namespace, name) {
            ("variables", _) => of(&self.variables),
            ("codepipeline", "PipelineExecutionId") => Some(trackway_core::uuid::text(self.id)),
            _ => self.outputs.get(namespace).and_then(of),
        }
    }
}
