//! Pages of the older lists: `pageSize`, `marker` and, of most, `ascendingOrder`.

use serde::Deserialize;

use super::lists::ITEMS;
use super::refusal::Refusal;
use crate::page::Bound;

/// The part of a request that says which page, and which way round.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paging {
    marker: Option<String>,
    page_size: Option<usize>,
    #[serde(default)]
    ascending_order: bool,
}

impl Paging {
    /// The same page of a list that has one order only.
    pub(super) fn ascending(self) -> Self {
        Self { ascending_order: true, ..self }
    }

    /// Whether the list is to rise.
    pub(super) fn is_ascending(&self) -> bool {
        self.ascending_order
    }

    /// The order as a marker is bound to it.
    pub(super) fn order(&self) -> &'static str {
        if self.ascending_order { "ascending" } else { "descending" }
    }

    /// How many items at most.
    pub(super) fn limit(&self) -> usize {
        self.page_size.unwrap_or(ITEMS)
    }

    /// The place behind which the page begins; none for the first one, which an empty marker asks
    /// for too. Markers are tokens in the letters of `Marker`'s pattern: those of base64 in place of
    /// those for addresses.
    pub(super) fn after(&self, bound: Bound<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let marker = self.marker.as_deref().filter(|marker| !marker.is_empty());
        let token = marker.map(|marker| marker.replace('+', "-").replace('/', "_"));
        token.map(|token| bound.unseal(&token)).transpose()
    }
}

/// The marker of the page that goes on behind this place.
pub(super) fn mark(bound: Bound<'_>, place: &[u8]) -> String {
    bound.seal(place).replace('-', "+").replace('_', "/")
}
