//! Variables in texts, of one execution.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::state::Run;
use crate::variables::{self, Reference, Unresolved};

/// What a variable stands for, by namespace and name.
pub(super) type Lookup<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// A text with its variables replaced.
///
/// # Errors
/// A variable that nothing is known of.
pub(super) fn resolve(text: &str, lookup: Lookup<'_>) -> Result<String, Unresolved> {
    let find = |it: Reference<'_>| lookup(it.namespace, it.key).map(Cow::<str>::Owned);
    variables::resolve(text, find)
}

impl Run {
    /// What a variable stands for in this execution.
    pub(super) fn lookup(&self, namespace: &str, name: &str) -> Option<String> {
        let of = |map: &BTreeMap<String, String>| map.get(name).cloned();
        match (namespace, name) {
            (variables::PIPELINE, _) => of(&self.variables),
            (variables::IMPLICIT, variables::EXECUTION_ID) => {
                Some(trackway_core::uuid::text(self.id))
            }
            _ => self.outputs.get(namespace).and_then(of),
        }
    }
}
