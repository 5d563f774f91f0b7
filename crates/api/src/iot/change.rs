//! Changes of the registry that requests ask for.

use trackway_registry::{Failure as RegistryFailure, Txn};

use super::Iot;
use super::refusal::Failure;
use crate::Caller;

impl Iot {
    /// Changes the registry, again and again until nobody else changes meanwhile what it rests on.
    /// The operation gives the change back with its answer.
    pub(super) async fn change<T, Making>(
        &self,
        caller: &Caller,
        operation: impl Fn(Txn) -> Making,
    ) -> Result<T, Failure>
    where
        Making: Future<Output = Result<(Txn, T), RegistryFailure>>,
    {
        loop {
            let (txn, answer) = operation(self.registry.begin(&caller.scope)).await?;
            if txn.commit().await? {
                return Ok(answer);
            }
        }
    }
}
