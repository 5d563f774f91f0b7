//! Which buckets are artifact stores of pipelines.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use trackway_engine::{Engine, Fault};
use trackway_pipeline::Pipeline;
use trackway_pipeline::pipeline::Columns;

use super::living_everywhere;

/// The buckets of pipelines' artifact stores, as far as they are known. Each version of a pipeline
/// is read once.
#[derive(Default)]
pub(in crate::codepipeline) struct Stores {
    known: Mutex<HashMap<u64, (u32, HashSet<String>)>>,
}

impl Stores {
    /// Whether a pipeline has this bucket, now or in a version that was looked at earlier.
    pub(in crate::codepipeline) async fn has(
        &self,
        engine: &Engine,
        bucket: &str,
    ) -> Result<bool, Fault> {
        if self.knows(bucket) {
            return Ok(true);
        }
        for one in living_everywhere(engine).await? {
            let version = Columns::decode(&one.record.summary.columns).version;
            if self.has_read(one.number.0, version) {
                continue;
            }
            let structure = engine.state::<Pipeline, _>(one.id, Pipeline::structure).await?;
            let Some(structure) = structure else { continue };
            let stores = structure.artifact_stores.iter().flat_map(|stores| stores.values());
            let stores = structure.artifact_store.iter().chain(stores);
            let buckets = stores.map(|store| store.location.clone()).collect();
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(one.number.0, (version, buckets));
        }
        Ok(self.knows(bucket))
    }

    fn has_read(&self, number: u64, version: u32) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&number).is_some_and(|(of, _)| *of == version)
    }

    fn knows(&self, bucket: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().any(|(_, buckets)| buckets.contains(bucket))
    }
}
