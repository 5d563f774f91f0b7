//! Pages: page sizes and the opaque tokens that lead from one to the next.
//!
//! A token is sealed by the engine: nobody else can make one, it is bound to its operation, caller
//! and request, and it ends after 24 hours as AWS's do.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::StepFunctions;
use super::record;
use super::refusal::{Code, Failure, Refusal};
use super::rows::Table;
use crate::Caller;

/// The size of a page when none is asked for, or 0 is.
const ITEMS_DEFAULT: usize = 100;
/// How long a token is good for, in milliseconds. Source: `nextToken` of every list operation.
const TOKEN_AGE_MAX_MS: i64 = 24 * 60 * 60 * 1000;

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
    Refusal::new(Code::InvalidToken, "Invalid Token: 'Invalid token'")
}

impl StepFunctions {
    /// Makes the token of the next page. `request` is what the token is bound to.
    pub(super) fn seal(&self, caller: &Caller, request: &[&str], place: &[u8]) -> String {
        self.engine.tokens().seal(place, &context(caller, request), self.engine.now())
    }

    /// Opens a token that [`Self::seal`] made for the same caller and request.
    pub(super) fn unseal(
        &self,
        caller: &Caller,
        request: &[&str],
        token: &str,
    ) -> Result<Vec<u8>, Refusal> {
        self.engine
            .tokens()
            .open(token, &context(caller, request), self.engine.now(), TOKEN_AGE_MAX_MS)
            .map_err(|_| invalid_token())
    }

    /// One page of a catalog table, by name, and the token of the next.
    pub(super) async fn catalog_page<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        operation: &str,
        table: Table,
        request: &Request,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        let bound = [operation];
        let after = match &request.next_token {
            Some(token) => Some(self.unseal(caller, &bound, token)?),
            None => None,
        };
        let (table, limit) = (table as u8, request.limit());
        let page =
            self.engine.catalog().list(&caller.scope, table, b"", after.as_deref(), limit).await?;
        let token = match page.rows.last() {
            Some((name, _)) if page.more => Some(self.seal(caller, &bound, name)),
            _ => None,
        };
        let rows = page.rows.iter();
        let records = rows.map(|(_, row)| record::decode(row)).collect::<Result<_, _>>()?;
        Ok((records, token))
    }
}

fn context(caller: &Caller, request: &[&str]) -> Vec<u8> {
    let mut context = caller.scope.as_bytes().to_vec();
    for part in request {
        context.push(0);
        context.extend_from_slice(part.as_bytes());
    }
    context
}
