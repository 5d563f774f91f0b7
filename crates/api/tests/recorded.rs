//! Recorded conversations with AWS, held again with this API: each case's requests in their order,
//! over the wire's own formats, and every answer of Step Functions compared.
//!
//! The data is found through `TRACKWAY_CONFORMANCE`; without it nothing is compared.
//! `TRACKWAY_CASE=text` runs only the cases whose name contains the text.

#[path = "recorded/answers.rs"]
mod answers;
#[path = "../../kinds/asl/tests/recorded/case.rs"]
mod case;
#[path = "../../kinds/asl/tests/recorded/compare.rs"]
mod compare;
#[path = "../../kinds/asl/tests/recorded/histories.rs"]
mod histories;
#[path = "recorded/house.rs"]
mod house;
#[path = "recorded/known.rs"]
mod known;
#[path = "../../kinds/asl/tests/recorded/matching.rs"]
mod matching;
#[path = "../../kinds/asl/tests/recorded/outcomes.rs"]
mod outcomes;
#[path = "recorded/replay.rs"]
mod replay;
#[path = "recorded/scope.rs"]
mod scope;
#[path = "recorded/script.rs"]
mod script;
#[path = "../../kinds/asl/tests/recorded/starts.rs"]
mod starts;

use std::collections::BTreeMap;

use case::Case;

#[test]
fn recorded_conversations_come_out_the_same() {
    let Some(folder) = case::folder() else {
        eprintln!("skipped: TRACKWAY_CONFORMANCE is not set");
        return;
    };
    let only = std::env::var("TRACKWAY_CASE").unwrap_or_default();
    let (mut all, mut passed, mut surprises, mut failing) = (0, 0, 0, Vec::new());
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    for case in case::read_all(&folder).iter().filter(|case| case.name.contains(&only)) {
        if let Some(reason) = scope::left_out(case) {
            *left_out.entry(reason).or_default() += 1;
            continue;
        }
        all += 1;
        let (difference, reason) = (check(case), known::reason(&case.name));
        passed += usize::from(difference.is_none());
        surprises += usize::from(difference.is_some() != reason.is_some());
        if difference.is_some() || reason.is_some() {
            let difference =
                difference.as_deref().unwrap_or("passes: it is no longer known to fail");
            failing.push(format!("{} {}\n    {difference}", reason.unwrap_or("FAILED"), case.name));
        }
    }
    for (reason, cases) in &left_out {
        println!("left out, not built: {cases:>4} {reason}");
    }
    println!("passed {passed} of {all}");
    failing.iter().for_each(|line| println!("{line}"));
    assert_eq!(surprises, 0, "cases came out otherwise than is known");
}

/// Replays a case; its first difference, if there is one.
fn check(case: &Case) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let answers = runtime.block_on(replay::replay(case));
    runtime.shutdown_background();
    answers::difference(case, &answers)
}
