//! Action types, as far as jobs are concerned.

use trackway_engine::Fault;
use trackway_pipeline::request::TypeId;

use crate::Caller;
use crate::codepipeline::CodePipeline;

/// An action type whose jobs can be polled for.
pub(super) struct Polled {
    /// The property by which a poll may ask for jobs, if there is one.
    queryable: Option<String>,
}

impl Polled {
    pub(super) fn is_queryable(&self, key: &str) -> bool {
        self.queryable.as_deref() == Some(key)
    }
}

impl CodePipeline {
    /// The action type of this id, if there is one.
    pub(super) async fn action_type(
        &self,
        _caller: &Caller,
        _type_id: &TypeId,
    ) -> Result<Option<Polled>, Fault> {
        Ok(Some(Polled { queryable: None }))
    }
}
