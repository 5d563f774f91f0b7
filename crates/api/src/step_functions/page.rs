//! Pages of the service's lists.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::StepFunctions;
use super::refusal::{Code, Failure, Refusal};
use super::rows::Table;
use crate::Caller;
use crate::page::Bound;
use crate::refusal::ErrorCode as _;

/// The size of a page when none is asked for, or 0 is.
const ITEMS_DEFAULT: usize = 100;

/// The members that all list operations share.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    #[serde(default)]
    pub(super) max_results: usize,
    pub(super) next_token: Option<String>,
}

impl Request {
    /// How many items the page holds; the model keeps it within 1,000.
    pub(super) fn limit(&self) -> usize {
        if self.max_results == 0 { ITEMS_DEFAULT } else { self.max_results }
    }
}

/// The refusal of a page token or task token that is not ours.
pub(super) fn invalid_token() -> Refusal {
    Code::invalid_page_token()
}

impl StepFunctions {
    /// Makes the token of the next page. `request` is what the token is bound to.
    pub(super) fn seal(&self, caller: &Caller, request: &[&str], place: &[u8]) -> String {
        Bound { engine: &self.engine, caller, request }.seal(place)
    }

    /// Opens a token that [`Self::seal`] made for the same caller and request.
    pub(super) fn unseal(
        &self,
        caller: &Caller,
        request: &[&str],
        token: &str,
    ) -> Result<Vec<u8>, Refusal> {
        Bound { engine: &self.engine, caller, request }.unseal(token)
    }

    /// One page of a catalog table, by name, and the token of the next.
    pub(super) async fn catalog_page<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        operation: &str,
        table: Table,
        request: &Request,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        let bound = Bound { engine: &self.engine, caller, request: &[operation] };
        let token = request.next_token.as_deref();
        bound.catalog_page((table as u8, b""), token, request.limit()).await
    }
}
