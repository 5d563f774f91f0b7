//! Which starts have a history.

use std::collections::BTreeMap;

use crate::case::{History, Started, input};
use crate::matching::matching;

/// Which history each start is of, and the input it was sent with, by the place of its request.
pub(crate) fn starts(
    histories: &[History],
    started: &[Started],
) -> BTreeMap<usize, (usize, String)> {
    let mut used = vec![false; started.len()];
    let mut found = BTreeMap::new();
    for (place, history) in histories.iter().enumerate() {
        let Some(start) = matching(history, started, &used) else { continue };
        used[start] = true;
        let input = input(history, &started[start]);
        found.entry(started[start].place).or_insert((place, input));
    }
    found
}
