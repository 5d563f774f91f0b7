//! What a rollback takes along of its target.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::pipeline::state::{Place, Run};
use crate::signal::Cargo;

pub(super) fn texts(map: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

impl Run {
    /// What a rollback to it takes along.
    pub(in crate::pipeline) fn cargo(&self) -> Cargo {
        let artifact = |(name, place): (&String, &Place)| {
            let value = serde_json::json!([place.bucket, place.key, place.revision]);
            (name.clone(), value)
        };
        let mut variables: Map<String, Value> = self
            .outputs
            .iter()
            .map(|(namespace, names)| (namespace.clone(), serde_json::json!(names)))
            .collect();
        if !self.variables.is_empty() {
            variables.insert("variables".to_owned(), serde_json::json!(self.variables));
        }
        Cargo {
            version: self.version,
            passed: None,
            is_rollback: self.is_rollback(),
            succeeded: self.succeeded.clone(),
            artifacts: self.artifacts.iter().map(artifact).collect(),
            variables,
            revisions: self.revisions.iter().map(|found| serde_json::json!(found)).collect(),
        }
    }

    pub(super) fn load(&mut self, cargo: &Cargo) {
        for (name, value) in &cargo.artifacts {
            let read: (String, String, Option<String>) =
                serde_json::from_value(value.clone()).unwrap_or_default();
            let (bucket, key, revision) = read;
            self.artifacts.insert(name.clone(), Place { bucket, key, revision });
        }
        for (namespace, names) in &cargo.variables {
            let names = names.as_object().map(texts).unwrap_or_default();
            if namespace == "variables" {
                self.variables = names;
            } else {
                self.outputs.insert(namespace.clone(), names);
            }
        }
        let read = |value: &Value| serde_json::from_value(value.clone()).ok();
        self.revisions = cargo.revisions.iter().filter_map(read).collect();
    }
}
