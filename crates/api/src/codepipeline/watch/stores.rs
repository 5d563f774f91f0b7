//! Which buckets are artifact stores of pipelines.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use trackway_engine::{Engine, Fault};
use trackway_pipeline::Pipeline;
use trackway_pipeline::pipeline::Columns;

use super::living_everywhere;

/// The buckets of pipelines' artifact stores, as far as they are known: by the pipeline's number,
/// the version that was read last and the buckets of all that were. A version is read once.
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
            let structure = engine.state::<Pipeline, _>(one.id, Pipeline::structure).await;
            // One that can't be read has no say in the buckets of the others.
            let Ok(Some(structure)) = structure else { continue };
            let stores = structure.artifact_stores.iter().flat_map(|stores| stores.values());
            let stores = structure.artifact_store.iter().chain(stores);
            self.learn(one.number.0, version, stores.map(|store| store.location.clone()));
        }
        Ok(self.knows(bucket))
    }

    /// Buckets of earlier versions stay: executions of those go on, and so do their jobs.
    fn learn(&self, number: u64, version: u32, buckets: impl Iterator<Item = String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_last, all) = known.entry(number).or_default();
        *read_last = version;
        all.extend(buckets);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_of_an_earlier_version_stays_an_artifact_store() {
        let stores = Stores::default();
        for (version, bucket) in [(1, "old"), (2, "new")] {
            stores.learn(7, version, std::iter::once(bucket.to_owned()));
        }
        assert!(stores.has_read(7, 2) && !stores.has_read(7, 1));
        assert!(stores.knows("old") && stores.knows("new") && !stores.knows("other"));
    }
}
