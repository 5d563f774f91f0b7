//! Random choices: a tape of numbers that a test reads, which shrinks to fewer and smaller ones.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

/// Numbers on a tape.
const NUMBERS: usize = 600;
/// Tries to make a failing tape simpler.
const SHRINKS_MAX: u32 = 300;

/// Chooses. At its end it always chooses the first.
pub(crate) struct Tape(std::vec::IntoIter<u32>);

impl Tape {
    /// A number below this one.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.next().map_or(0, |number| number as usize % end)
    }

    /// One of these.
    pub(crate) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// True so many times of a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    /// Some of these, one at least, each at most once, in any order.
    pub(crate) fn some<T: Clone>(&mut self, of: &[T], most: usize) -> Vec<T> {
        let mut rest = of.to_vec();
        let count = 1 + self.below(most.min(rest.len()));
        (0..count).map(|_| rest.swap_remove(self.below(rest.len()))).collect()
    }

    /// Tags: each of two keys, or not.
    pub(crate) fn tags(&mut self) -> BTreeMap<&'static str, &'static str> {
        let mut tags = BTreeMap::new();
        for key in ["env", "team"] {
            if self.chance(45) {
                tags.insert(key, self.one(&["x", "y"]));
            }
        }
        tags
    }

    /// The keys that a request filters by: none to three of these.
    pub(crate) fn keys<T: Clone>(&mut self, of: &[T]) -> Vec<T> {
        if self.chance(10) { Vec::new() } else { self.some(of, 3) }
    }

    /// The size of a page, or none for the default: mostly a small one.
    pub(crate) fn size(&mut self, least: usize, most: usize) -> Option<usize> {
        match self.below(8) {
            0 => Some(least),
            1 => Some(most),
            2 => None,
            _ => Some(least + self.below(most.min(least + 6) - least + 1)),
        }
    }
}

/// Runs a test with so many random tapes, or as many as `PROPTEST_CASES` says.
pub(crate) fn random(cases: u32, test: impl AsyncFn(&mut Tape)) {
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default().cases,
        None => cases,
    };
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: SHRINKS_MAX,
        ..Config::default()
    };
    let tapes = prop::collection::vec(any::<u32>(), NUMBERS / 4..NUMBERS);
    let ran = TestRunner::new(config).run(&tapes, |numbers| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test(&mut Tape(numbers.into_iter())));
        Ok(())
    });
    match ran {
        Ok(()) => {}
        Err(TestError::Fail(why, tape)) => panic!("{why}; by the tape {tape:?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
