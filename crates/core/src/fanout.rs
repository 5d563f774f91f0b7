//! Fan-out: how many of many may run at once, and when too many have failed.
//!
//! One arithmetic for everything that AWS lets run "at a rate": Automation's targets, Run Command's
//! nodes, an association's targets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of targets, or a share of them: `10` or `10%`. Source: `MaxConcurrency` and `MaxErrors`
/// of the SSM API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantity {
    /// So many.
    Count(u32),
    /// So many per hundred, 0 to 100.
    Percent(u8),
}

/// The text is neither a number nor a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a number nor a percentage from 0% to 100%")]
pub struct NotAQuantity;

impl FromStr for Quantity {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        match text.strip_suffix('%') {
            Some(digits) if is_number(digits) => match digits.parse() {
                Ok(percent @ 0..=100) => Ok(Self::Percent(percent)),
                _ => Err(NotAQuantity),
            },
            None if is_number(text) => text.parse().map(Self::Count).map_err(|_| NotAQuantity),
            _ => Err(NotAQuantity),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Quantity {
    /// How many of `total` this is, rounded down.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                // At most `total`, so it fits.
                u32::try_from(u64::from(total) * u64::from(percent) / 100).unwrap_or(total)
            }
        }
    }
}

/// How fast a fan-out goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many may run at once; at least one may.
    pub max_concurrency: Quantity,
    /// Nothing more is started once *more than* so many have failed.
    pub max_errors: Quantity,
    /// Begin with one at a time, then two, doubling up to the maximum: as Automation does.
    pub ramp: bool,
}

/// The progress of a fan-out over targets that are numbered from 0 and started in that order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fanout {
    total: u32,
    max_concurrency: u32,
    max_errors: u32,
    /// How many may run at once now.
    window: u32,
    /// How many have ended since the window grew.
    ended_in_window: u32,
    started: u32,
    succeeded: u32,
    failed: u32,
    stopped: bool,
}

impl Fanout {
    /// A fan-out over so many targets; none has started.
    #[must_use]
    pub fn new(total: u32, rate: Rate) -> Self {
        let max_concurrency = rate.max_concurrency.of(total).max(1);
        Self {
            total,
            max_concurrency,
            max_errors: rate.max_errors.of(total),
            window: if rate.ramp { 1 } else { max_concurrency },
            ended_in_window: 0,
            started: 0,
            succeeded: 0,
            failed: 0,
            stopped: false,
        }
    }

    /// How many of the next targets may start now.
    #[must_use]
    pub fn may_start(&self) -> u32 {
        if self.stopped || self.exceeded() {
            return 0;
        }
        self.window.saturating_sub(self.running()).min(self.total - self.started)
    }

    /// The next target has started.
    pub fn start(&mut self) {
        self.started = self.total.min(self.started + 1);
    }

    /// A target that had started has ended.
    pub fn end(&mut self, succeeded: bool) {
        if self.running() == 0 {
            return;
        }
        if succeeded {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
        self.ended_in_window += 1;
        if self.window < self.max_concurrency && self.ended_in_window >= self.window {
            self.window = self.window.saturating_mul(2).min(self.max_concurrency);
            self.ended_in_window = 0;
        }
    }

    /// Starts no more.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether more have failed than may.
    #[must_use]
    pub fn exceeded(&self) -> bool {
        self.failed > self.max_errors
    }

    /// Whether nothing runs and nothing more will start.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.running() == 0 && (self.stopped || self.exceeded() || self.started == self.total)
    }

    /// How many targets there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.total
    }

    /// How many have started, ended ones included.
    #[must_use]
    pub fn started(&self) -> u32 {
        self.started
    }

    /// How many run.
    #[must_use]
    pub fn running(&self) -> u32 {
        self.started - self.succeeded - self.failed
    }

    /// How many have ended well.
    #[must_use]
    pub fn succeeded(&self) -> u32 {
        self.succeeded
    }

    /// How many have ended otherwise.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Quantity = Quantity::Percent(100);

    fn fanout(total: u32, concurrency: &str, errors: &str, ramp: bool) -> Fanout {
        let quantity = |text: &str| text.parse().unwrap();
        let (max_concurrency, max_errors) = (quantity(concurrency), quantity(errors));
        Fanout::new(total, Rate { max_concurrency, max_errors, ramp })
    }

    /// Starts all that may start; how many that were.
    fn fill(fanout: &mut Fanout) -> u32 {
        let count = fanout.may_start();
        (0..count).for_each(|_| fanout.start());
        count
    }

    #[test]
    fn quantities_are_counts_or_percentages() {
        for (text, is) in [
            ("0", Some(Quantity::Count(0))),
            ("10", Some(Quantity::Count(10))),
            ("0%", Some(Quantity::Percent(0))),
            ("100%", Some(ALL)),
            ("101%", None),
            ("", None),
            ("%", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
        ] {
            assert_eq!(text.parse().ok(), is, "{text}");
        }
        assert_eq!(Quantity::Percent(10).of(50), 5);
        assert_eq!(Quantity::Percent(10).of(9), 0);
        assert_eq!(Quantity::Count(7).to_string(), "7");
        assert_eq!(Quantity::Percent(7).to_string(), "7%");
    }

    #[test]
    fn no_more_run_at_once_than_may() {
        let mut fanout = fanout(5, "2", "0", false);
        assert_eq!(fill(&mut fanout), 2);
        assert_eq!(fill(&mut fanout), 0);
        fanout.end(true);
        assert_eq!(fill(&mut fanout), 1);
    }

    #[test]
    fn at_least_one_runs_however_small_the_share() {
        assert_eq!(fill(&mut fanout(5, "1%", "0", false)), 1);
        assert_eq!(fill(&mut fanout(5, "0", "0", false)), 1);
    }

    #[test]
    fn a_ramp_doubles_up_to_the_maximum() {
        let mut fanout = fanout(100, "6", "0", true);
        let mut waves = Vec::new();
        while !fanout.is_over() {
            waves.push(fill(&mut fanout));
            (0..fanout.running()).for_each(|_| fanout.end(true));
        }
        assert_eq!(waves[..5], [1, 2, 4, 6, 6]);
        assert_eq!(fanout.succeeded(), 100);
    }

    #[test]
    fn more_failures_than_may_be_stop_it() {
        for (errors, at) in [("0", 1), ("3", 4), ("10%", 6)] {
            let mut fanout = fanout(50, "1", errors, false);
            let mut failed = 0;
            while fill(&mut fanout) > 0 {
                fanout.end(false);
                failed += 1;
            }
            assert_eq!(failed, at, "{errors}");
            assert!(fanout.exceeded() && fanout.is_over());
        }
    }

    #[test]
    fn what_runs_when_it_stops_may_end() {
        let mut fanout = fanout(10, "3", "0", false);
        fill(&mut fanout);
        fanout.end(false);
        assert_eq!(fanout.may_start(), 0);
        assert!(!fanout.is_over());
        fanout.end(true);
        fanout.end(true);
        assert!(fanout.is_over());
        assert_eq!((fanout.succeeded(), fanout.failed(), fanout.started()), (2, 1, 3));
    }

    #[test]
    fn nothing_to_do_is_over_at_once() {
        let fanout = Fanout::new(0, Rate { max_concurrency: ALL, max_errors: ALL, ramp: true });
        assert!(fanout.is_over());
    }
}
