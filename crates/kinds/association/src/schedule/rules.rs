//! What State Manager accepts of the schedule language.

use trackway_core::Timestamp;
use trackway_core::cron::{Cron, Days};

use super::{Schedule, ScheduleError};

/// Minutes between two runs, at least. Source: "Cron and rate expressions for associations".
const RATE_MINUTES_MIN: i64 = 30;
/// Days between two runs; fewer than this.
const RATE_DAYS_END: i64 = 31;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// The schedule of an association, with what goes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'t> {
    /// `ScheduleExpression`.
    pub expression: Option<&'t str>,
    /// `ScheduleOffset`.
    pub offset_days: Option<u8>,
    /// `ApplyOnlyAtCronInterval`.
    pub only_at_interval: bool,
    /// `Duration`.
    pub duration_hours: Option<u8>,
}

/// Why State Manager refuses a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is no schedule at all.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A rate out of bounds.
    #[error("a rate must be at least 30 minutes and less than 31 days")]
    Rate,
    /// Seconds other than 0.
    #[error("the field seconds must be 0")]
    Seconds,
    /// Some months only.
    #[error("the field month must be *: associations can't be limited to some months")]
    Months,
    /// A rhythm that it doesn't have.
    #[error(
        "associations run every half hour, every 1, 2, 4, 8 or 12 hours, daily, weekly, on the nth \
         weekday or on the last weekday of a month"
    )]
    Period,
    /// An offset to something other than a cron expression with an nth weekday.
    #[error(
        "ScheduleOffset needs a cron expression with the nth weekday of the month, and \
         ApplyOnlyAtCronInterval"
    )]
    Offset,
    /// `ApplyOnlyAtCronInterval` with a rate.
    #[error("ApplyOnlyAtCronInterval is not supported for rate expressions")]
    OnlyAtInterval,
    /// `Duration` without `ApplyOnlyAtCronInterval`.
    #[error("Duration needs ApplyOnlyAtCronInterval")]
    Duration,
}

/// Reads and judges the schedule of an association; none if it has none.
///
/// # Errors
/// What State Manager refuses.
pub fn check(terms: Terms<'_>) -> Result<Option<Schedule>, Problem> {
    let schedule = terms.expression.map(Schedule::parse).transpose()?;
    match &schedule {
        Some(Schedule::Cron(cron)) => check_cron(cron)?,
        Some(Schedule::Rate(rate)) => {
            let bounds = RATE_MINUTES_MIN * MINUTE_MS..RATE_DAYS_END * DAY_MS;
            if !bounds.contains(&rate.period_ms) {
                return Err(Problem::Rate);
            }
            if terms.only_at_interval {
                return Err(Problem::OnlyAtInterval);
            }
        }
        Some(Schedule::At(_)) | None => {}
    }
    let is_nth =
        matches!(&schedule, Some(Schedule::Cron(cron)) if matches!(cron.days, Days::Nth(..)));
    if terms.offset_days.is_some() && !(is_nth && terms.only_at_interval) {
        return Err(Problem::Offset);
    }
    if terms.duration_hours.is_some() && !terms.only_at_interval {
        return Err(Problem::Duration);
    }
    Ok(schedule)
}

fn check_cron(cron: &Cron) -> Result<(), Problem> {
    if cron.seconds.iter().ne([0]) {
        return Err(Problem::Seconds);
    }
    if cron.months.len() != 12 {
        return Err(Problem::Months);
    }
    let is_every_day = match cron.days {
        Days::OfMonth(days) if days.len() == 31 => true,
        Days::OfWeek(days) => days.len() == 7,
        Days::Nth(..) | Days::LastOf(_) => false,
        _ => return Err(Problem::Period),
    };
    let minutes: Vec<u16> = cron.minutes.iter().collect();
    let hours: Vec<u16> = cron.hours.iter().collect();
    let is_hourly = |hours: &[u16]| {
        let step = 24 / hours.len().max(1) as u16;
        matches!(step, 1 | 2 | 4 | 8 | 12)
            && hours.windows(2).all(|pair| pair[1] - pair[0] == step)
            && hours.len() as u16 * step == 24
    };
    let fits = match minutes.as_slice() {
        [first, second] => second - first == 30 && hours.len() == 24 && is_every_day,
        [_] => hours.len() == 1 || (is_every_day && is_hourly(&hours)),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Problem::Period) }
}

/// The first slot later than `after`, `offset_days` after the moment that the schedule names.
#[must_use]
pub fn next_slot(
    schedule: &Schedule,
    offset_days: Option<u8>,
    after: Timestamp,
    origin: Timestamp,
) -> Option<Timestamp> {
    let offset = i64::from(offset_days.unwrap_or_default()) * DAY_MS;
    Some(schedule.next(after + -offset, origin)? + offset)
}
