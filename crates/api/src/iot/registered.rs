//! What requests about the registry have in common: changes, and the markers of
//! older lists.

use trackway_registry::{Failure as RegistryFailure, Txn};

use super::Iot;
use super::refusal::{Failure, Refusal};
use crate::Caller;
use crate::page::Bound;

/// The place behind which a page of an older list begins. Its markers are tokens in the letters of
/// `Marker`'s pattern: those of base64 in place of those for addresses.
pub(super) fn unmark(bound: Bound<'_>, marker: Option<&str>) -> Result<Option<Vec<u8>>, Refusal> {
    let token = marker.map(|marker| marker.replace('+', "-").replace('/', "_"));
    token.map(|token| bound.unseal(&token)).transpose()
}

/// The marker of the page that goes on behind this place.
pub(super) fn mark(bound: Bound<'_>, place: &[u8]) -> String {
    bound.seal(place).replace('-', "+").replace('_', "/")
}

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
