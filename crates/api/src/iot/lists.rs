//! Pages of lists: `maxResults` and `nextToken`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_engine::Cursor;
use trackway_registry::page::Page;

use super::refusal::{Code, Failure, Refusal};
use super::{Answer, Iot};
use crate::Caller;
use crate::answer::write;
use crate::page::{Bound, read_cursor};
use crate::refusal::ErrorCode as _;

/// Items of a page unless the request says how many. Source: what the model's documentation says of
/// the lists that say it.
pub(super) const ITEMS: usize = 25;

/// The part of a request that says which page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paging {
    next_token: Option<String>,
    max_results: Option<usize>,
}

impl Paging {
    /// How many items at most.
    pub(super) fn limit(&self) -> usize {
        self.max_results.unwrap_or(ITEMS)
    }

    /// The place behind which the page begins; none for the first one. An empty token is none, as
    /// clients send it that have no other word for it.
    pub(super) fn after(&self, bound: Bound<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let token = self.next_token.as_deref().filter(|token| !token.is_empty());
        token.map(|token| bound.unseal(token)).transpose()
    }

    /// The same in a list of the engine's.
    pub(super) fn cursor(&self, bound: Bound<'_>) -> Result<Option<Cursor>, Refusal> {
        let place = self.after(bound)?;
        place.map(|place| read_cursor(&place).ok_or_else(Code::invalid_page_token)).transpose()
    }
}

impl Iot {
    /// The place behind which the page begins; none for the first one. `list` is the operation and
    /// whatever of the request says which list it is.
    pub(super) fn place(
        &self,
        caller: &Caller,
        list: &[&str],
        paging: &Paging,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let bound = Bound { engine: &self.engine, caller, request: list };
        Ok(paging.after(bound)?)
    }

    /// The answer with a page.
    pub(super) fn page(
        &self,
        caller: &Caller,
        list: &[&str],
        member: &str,
        page: Page<impl Serialize>,
    ) -> Answer {
        let mut answer = json!({});
        answer[member] = json!(page.items);
        if let Some(next) = page.next {
            let bound = Bound { engine: &self.engine, caller, request: list };
            answer["nextToken"] = Value::from(bound.seal(&next));
        }
        write(&answer)
    }
}
