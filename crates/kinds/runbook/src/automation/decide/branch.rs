//! aws:branch.

use serde_json::Map;

use super::flow::unresolved;
use super::{Decide, Ending, Next};
use crate::automation::definition::Ready;
use crate::automation::failure::Failure;

impl Decide<'_, '_> {
    /// The first choice that holds, or the default; without one the next step in order.
    pub(super) fn branch(&mut self, ready: &Ready) -> Next {
        let mut chosen = ready.default.as_ref();
        let scope = self.scope(ready.parent);
        for (rule, next) in &ready.choices {
            match rule.holds(&scope) {
                Ok(false) => {}
                Ok(true) => {
                    chosen = Some(next);
                    break;
                }
                Err(missing) => return failed(unresolved(&scope, &missing)),
            }
        }
        let Some(next) = chosen else {
            return Next::Ended(Ending::Succeeded { outputs: Map::new(), code: None, jump: None });
        };
        match self.target(ready, next) {
            Some(place) => Next::Ended(Ending::Succeeded {
                outputs: Map::new(),
                code: None,
                jump: Some(place),
            }),
            None => failed(Failure::input(&format!("There is no step to go to: {next:?}"))),
        }
    }
}

fn failed(failure: Failure) -> Next {
    Next::Ended(Ending::Failed { failure, outputs: Map::new(), code: None })
}
