//! Schedules as AWS writes them: `cron(…)`, `rate(…)` and `at(…)`, all in UTC.
//!
//! ```text
//! cron(minutes hours day-of-month month day-of-week year)
//! cron(seconds minutes hours day-of-month month day-of-week year)
//! rate(value unit)              unit: minute(s), hour(s), day(s); singular with the value 1
//! at(yyyy-mm-ddThh:mm:ss)
//! ```
//!
//! [`Schedule`] is the whole language; what State Manager accepts of it stands in [`rules`].

pub mod rules;

#[cfg(test)]
mod tests;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;
use trackway_core::cron::{Cron, CronError};

/// When something is to happen again and again, or once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At the moments that fit.
    Cron(Box<Cron>),
    /// Every so often since an origin.
    Rate(Rate),
    /// Once.
    At(Timestamp),
}

/// `rate(value unit)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Milliseconds between two slots; at least one minute.
    pub period_ms: i64,
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It is neither of the three forms.
    #[error("it must have the form cron(...), rate(...) or at(...)")]
    Form,
    /// The body of a cron expression.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// The body of a rate expression.
    #[error(
        "a rate expression is a positive number and a unit: minute, minutes, hour, hours, day, days"
    )]
    Rate,
    /// `rate(1 hours)`, `rate(2 hour)`.
    #[error("the unit of a rate expression is singular with the value 1 and plural otherwise")]
    Plural,
    /// The body of an at expression.
    #[error("an at expression is a moment of the form yyyy-mm-ddThh:mm:ss")]
    At,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        let body = |name: &str| {
            let rest = text.strip_prefix(name)?.strip_prefix('(')?;
            rest.strip_suffix(')').map(str::trim)
        };
        if let Some(body) = body("cron") {
            return Ok(Self::Cron(Box::new(Cron::parse(body)?)));
        }
        if let Some(body) = body("rate") {
            return rate(body).map(Self::Rate);
        }
        match body("at") {
            Some(body) => at(body).map(Self::At),
            None => Err(ScheduleError::Form),
        }
    }

    /// The first slot later than `after`; none if none is left. A rate counts from `origin`.
    #[must_use]
    pub fn next(&self, after: Timestamp, origin: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron(cron) => cron.next(after),
            Self::Rate(rate) => rate.next(after, origin),
            Self::At(at) => (*at > after).then_some(*at),
        }
    }
}

impl Rate {
    fn next(self, after: Timestamp, origin: Timestamp) -> Option<Timestamp> {
        let period = self.period_ms.max(1);
        let passed = (after - origin).max(0).checked_div(period)?;
        let slot = passed.checked_add(1)?.checked_mul(period)?.checked_add(origin.as_millis())?;
        (slot <= LAST_MS).then_some(Timestamp(slot))
    }
}

/// 2200-01-01T00:00:00Z: AWS's years end before it.
const LAST_MS: i64 = 7_258_118_400_000;

fn rate(body: &str) -> Result<Rate, ScheduleError> {
    let mut words = body.split_whitespace();
    let (Some(value), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(ScheduleError::Rate);
    };
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ScheduleError::Rate);
    }
    let value: i64 = value.parse().map_err(|_| ScheduleError::Rate)?;
    let (unit_ms, is_plural) = match unit {
        "minute" => (60_000, false),
        "minutes" => (60_000, true),
        "hour" => (3_600_000, false),
        "hours" => (3_600_000, true),
        "day" => (86_400_000, false),
        "days" => (86_400_000, true),
        _ => return Err(ScheduleError::Rate),
    };
    if value == 0 {
        return Err(ScheduleError::Rate);
    }
    if is_plural == (value == 1) {
        return Err(ScheduleError::Plural);
    }
    let period_ms = value.checked_mul(unit_ms).ok_or(ScheduleError::Rate)?;
    Ok(Rate { period_ms })
}

fn at(body: &str) -> Result<Timestamp, ScheduleError> {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = body.len() == shape.len()
        && body.bytes().zip(shape).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => byte == *other,
        });
    if !fits {
        return Err(ScheduleError::At);
    }
    let moment: DateTime = body.parse().map_err(|_| ScheduleError::At)?;
    to_timestamp(moment).ok_or(ScheduleError::At)
}

/// The moment of a civil time in UTC.
fn to_timestamp(moment: DateTime) -> Option<Timestamp> {
    let zoned = TimeZone::UTC.to_timestamp(moment).ok()?;
    Some(Timestamp(zoned.as_millisecond()))
}
