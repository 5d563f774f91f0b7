//! The recorded histories of AWS, run again: definitions and inputs of the recording in, each task
//! answered as AWS's was, and the whole history compared.
//!
//! The data is found through `TRACKWAY_CONFORMANCE`; without it nothing is compared.
//! `TRACKWAY_CASE=text` runs only the cases whose name contains the text.

#[path = "recorded/built.rs"]
mod built;
#[path = "recorded/case.rs"]
mod case;
#[path = "recorded/compare.rs"]
mod compare;
#[path = "recorded/drive.rs"]
mod drive;
#[path = "recorded/histories.rs"]
mod histories;
#[path = "recorded/known.rs"]
mod known;
#[path = "recorded/matching.rs"]
mod matching;
#[path = "recorded/outcomes.rs"]
mod outcomes;

use built::is_in_scope;
use case::{Case, History, Started};
use compare::Comparer;
use histories::events_differ;
use matching::matching;

#[test]
fn recorded_histories_come_out_the_same() {
    let Some(folder) = case::folder() else {
        eprintln!("skipped: TRACKWAY_CONFORMANCE is not set");
        return;
    };
    let only = std::env::var_os("TRACKWAY_CASE").unwrap_or_default();
    let only = only.to_string_lossy();
    let mut passed = 0;
    let mut failed = Vec::new();
    for case in case::read_all(&folder).iter().filter(|case| case.name.contains(&*only)) {
        match check(case) {
            None => {}
            Some(None) => passed += 1,
            Some(Some(difference)) => failed.push((case.name.clone(), difference)),
        }
    }
    println!("passed {passed} of {}", passed + failed.len());
    let mut surprises = 0;
    for (name, difference) in &failed {
        let reason = known::reason(name);
        surprises += usize::from(reason.is_none());
        println!("{} {name}\n    {difference}", reason.unwrap_or("FAILED"));
    }
    assert_eq!(surprises, 0, "cases failed that are not known to");
}

/// Runs every history of a case: none if it is not about what is built, else the first difference.
fn check(case: &Case) -> Option<Option<String>> {
    let histories = case.histories();
    let started = case.started();
    if !is_in_scope(&histories, &started) {
        return None;
    }
    let mut comparer = Comparer::new(case.recorded);
    let mut used = vec![false; started.len()];
    for history in &histories {
        let Some(place) = matching(history, &started, &used) else {
            return Some(Some(format!("{}: no execution fits", history.key)));
        };
        used[place] = true;
        if let Some(difference) = compare_one(history, &started[place], &mut comparer) {
            let request = started[place].place;
            return Some(Some(format!("{} (of request {request}): {difference}", history.key)));
        }
    }
    Some(None)
}

fn compare_one(history: &History, started: &Started, comparer: &mut Comparer) -> Option<String> {
    let input = case::input(history, started);
    match drive::run(&started.definition, &input, &history.events, &mut |_, _, _| {}) {
        Ok(ours) => events_differ(&history.events, &ours, comparer),
        Err(problem) => Some(problem),
    }
}
