//! Pages: the opaque tokens that lead from one to the next, and pages of the catalog.
//!
//! A token is sealed by the engine: nobody else can make one, it is bound to its operation, caller
//! and request, and it ends after 24 hours as AWS's do.

use serde::de::DeserializeOwned;
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Engine};

use crate::Caller;
use crate::record;
use crate::refusal::{ErrorCode, Failure, Refusal};

/// How long a token is good for, in milliseconds. Source: `nextToken` of Step Functions' lists.
const TOKEN_AGE_MAX_MS: i64 = 24 * 60 * 60 * 1000;

/// Who asks for pages of what. A token is good for this only.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) caller: &'a Caller,
    /// The operation, and whatever of the request says which list it is and in which order.
    pub(crate) request: &'a [&'a str],
}

impl Bound<'_> {
    /// Makes the token of the next page, which goes on from this place.
    pub(crate) fn seal(&self, place: &[u8]) -> String {
        self.engine.tokens().seal(place, &self.context(), self.engine.now())
    }

    /// Opens a token that [`Self::seal`] made for the same caller and request.
    pub(crate) fn unseal<C: ErrorCode>(&self, token: &str) -> Result<Vec<u8>, Refusal<C>> {
        let now = self.engine.now();
        let opened = self.engine.tokens().open(token, &self.context(), now, TOKEN_AGE_MAX_MS);
        opened.map_err(|_| C::invalid_page_token())
    }

    /// One page of the rows of a catalog table whose keys start with `prefix`, by key, and the
    /// token of the next.
    pub(crate) async fn catalog_page<T: DeserializeOwned, C: ErrorCode>(
        &self,
        (table, prefix): (u8, &[u8]),
        token: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<T>, Option<String>), Failure<C>> {
        let after = token.map(|token| self.unseal(token)).transpose()?;
        let scope = &self.caller.scope;
        let catalog = self.engine.catalog();
        let page = catalog.list(scope, table, prefix, after.as_deref(), limit).await?;
        let token = match page.rows.last() {
            Some((key, _)) if page.more => Some(self.seal(key)),
            _ => None,
        };
        let rows = page.rows.iter();
        let records = rows.map(|(_, row)| record::decode(row)).collect::<Result<_, _>>()?;
        Ok((records, token))
    }

    fn context(&self) -> Vec<u8> {
        let mut context = self.caller.scope.as_bytes().to_vec();
        for part in self.request {
            context.push(0);
            context.extend_from_slice(part.as_bytes());
        }
        context
    }
}

/// A place in a list of executions as a token carries it.
pub(crate) fn write_cursor(cursor: Cursor) -> Vec<u8> {
    let mut place = cursor.started.as_millis().to_be_bytes().to_vec();
    place.extend_from_slice(&cursor.id.0);
    place
}

/// Reads what [`write_cursor`] wrote.
pub(crate) fn read_cursor(place: &[u8]) -> Option<Cursor> {
    let (started, id) = place.split_first_chunk::<8>()?;
    Some(Cursor {
        started: Timestamp(i64::from_be_bytes(*started)),
        id: ExecutionId(id.try_into().ok()?),
    })
}
