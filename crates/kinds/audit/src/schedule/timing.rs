//! When a scheduled audit is due, in UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

use crate::check::named;

const DAY_MS: i64 = 86_400_000;

named! {
    /// How often a scheduled audit takes place. Source: `AuditFrequency`.
    Frequency {
        Daily = "DAILY",
        Weekly = "WEEKLY",
        Biweekly = "BIWEEKLY",
        Monthly = "MONTHLY",
    }
}

named! {
    /// A day of the week. Source: `DayOfWeek`.
    Weekday {
        Sunday = "SUN",
        Monday = "MON",
        Tuesday = "TUE",
        Wednesday = "WED",
        Thursday = "THU",
        Friday = "FRI",
        Saturday = "SAT",
    }
}

/// A day of the month. Source: `DayOfMonth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MonthDay {
    /// 1 to 31; the last day of a month that is shorter.
    Day(u8),
    /// The last one.
    Last,
}

/// On which days it takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timing {
    /// Every day.
    Daily,
    /// Every week.
    Weekly(Weekday),
    /// Every second week.
    Biweekly(Weekday),
    /// Every month.
    Monthly(MonthDay),
}

/// Frequency and days as a request has them: all that is not said is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// `frequency`.
    pub frequency: Option<Frequency>,
    /// `dayOfMonth`.
    pub month_day: Option<MonthDay>,
    /// `dayOfWeek`.
    pub weekday: Option<Weekday>,
}

/// Why frequency and days don't fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// None is given, and none was given before.
    #[error("frequency is required")]
    Frequency,
    /// Of a weekly audit.
    #[error("dayOfWeek is required when the frequency is WEEKLY or BIWEEKLY")]
    NoWeekday,
    /// Of a monthly audit.
    #[error("dayOfMonth is required when the frequency is MONTHLY")]
    NoMonthDay,
    /// It would mean nothing.
    #[error("dayOfWeek can only be given when the frequency is WEEKLY or BIWEEKLY")]
    Weekday,
    /// It would mean nothing.
    #[error("dayOfMonth can only be given when the frequency is MONTHLY")]
    MonthDay,
}

impl MonthDay {
    /// Reads the API's text.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        if text == "LAST" {
            return Some(Self::Last);
        }
        let day = text.parse().ok().filter(|day| (1..=31).contains(day))?;
        (text == format!("{day}")).then_some(Self::Day(day))
    }

    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Day(day) => day.to_string(),
            Self::Last => "LAST".to_owned(),
        }
    }
}

impl Timing {
    /// The timing that a request asks for. What it doesn't say stays as it was `before`, where that
    /// still means something.
    ///
    /// # Errors
    /// What is missing, or what is too much.
    pub fn of(asked: Days, before: Option<Self>) -> Result<Self, Problem> {
        let was = before.map(Self::days).unwrap_or_default();
        let frequency = asked.frequency.or(was.frequency).ok_or(Problem::Frequency)?;
        if asked.weekday.is_some() && !matches!(frequency, Frequency::Weekly | Frequency::Biweekly)
        {
            return Err(Problem::Weekday);
        }
        if asked.month_day.is_some() && frequency != Frequency::Monthly {
            return Err(Problem::MonthDay);
        }
        let weekday = asked.weekday.or(was.weekday).ok_or(Problem::NoWeekday);
        let month_day = asked.month_day.or(was.month_day).ok_or(Problem::NoMonthDay);
        Ok(match frequency {
            Frequency::Daily => Self::Daily,
            Frequency::Weekly => Self::Weekly(weekday?),
            Frequency::Biweekly => Self::Biweekly(weekday?),
            Frequency::Monthly => Self::Monthly(month_day?),
        })
    }

    /// Frequency and days, as the API shows them.
    #[must_use]
    pub fn days(self) -> Days {
        let (frequency, month_day, weekday) = match self {
            Self::Daily => (Frequency::Daily, None, None),
            Self::Weekly(day) => (Frequency::Weekly, None, Some(day)),
            Self::Biweekly(day) => (Frequency::Biweekly, None, Some(day)),
            Self::Monthly(day) => (Frequency::Monthly, Some(day), None),
        };
        Days { frequency: Some(frequency), month_day, weekday }
    }

    /// The first slot later than `after`; none at the end of the calendar. All slots are at the time
    /// of day of `created`. Every second week counts from the first fitting day after `anchor`.
    #[must_use]
    pub fn next(
        self,
        created: Timestamp,
        anchor: Timestamp,
        after: Timestamp,
    ) -> Option<Timestamp> {
        let time = created.as_millis().rem_euclid(DAY_MS);
        let slot = match self {
            Self::Daily => first(after, time, 1, 0)?,
            Self::Weekly(day) => first(after, time, 7, phase(day))?,
            Self::Biweekly(day) => {
                let origin = first(anchor, time, 7, phase(day))?.div_euclid(DAY_MS);
                first(after, time, 14, origin)?
            }
            Self::Monthly(day) => return monthly(day, time, after),
        };
        civil(Timestamp(slot)).map(|_| Timestamp(slot))
    }
}

/// The first moment later than `after` that is at this time of day, on a day whose number leaves the
/// same rest as `phase` when it is divided by `period`.
fn first(after: Timestamp, time: i64, period: i64, phase: i64) -> Option<i64> {
    let earliest = after.as_millis().checked_sub(time)?.div_euclid(DAY_MS).checked_add(1)?;
    let wait = phase.checked_sub(earliest)?.rem_euclid(period);
    earliest.checked_add(wait)?.checked_mul(DAY_MS)?.checked_add(time)
}

/// A day of that name: the epoch began on a Thursday.
fn phase(day: Weekday) -> i64 {
    i64::from(day.number()) - i64::from(Weekday::Thursday.number())
}

fn monthly(day: MonthDay, time: i64, after: Timestamp) -> Option<Timestamp> {
    let mut month = civil(after)?.first_of_month();
    loop {
        let last = month.days_in_month();
        let day = match day {
            MonthDay::Day(day) => i8::try_from(day).unwrap_or(last).clamp(1, last),
            MonthDay::Last => last,
        };
        let midnight = Date::new(month.year(), month.month(), day).ok()?;
        let midnight = midnight.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond();
        let slot = Timestamp(midnight.checked_add(time)?);
        if slot > after {
            return Some(slot);
        }
        month = month.checked_add(jiff::Span::new().months(1)).ok()?;
    }
}

fn civil(moment: Timestamp) -> Option<Date> {
    let moment = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = format!("{text}Z").parse().unwrap();
        Timestamp(moment.as_millisecond())
    }

    fn show(moment: Timestamp) -> String {
        jiff::Timestamp::from_millisecond(moment.0).unwrap().to_string()
    }

    fn slots(timing: Timing, created: &str, count: usize) -> Vec<String> {
        let created = at(created);
        let next = |after: &Timestamp| timing.next(created, created, *after);
        std::iter::successors(next(&created), next).take(count).map(show).collect()
    }

    #[test]
    fn slots_keep_the_time_of_day_of_the_creation() {
        // 2026-11-21 is a Saturday.
        let rows: [(Timing, &str, [&str; 3]); 8] = [
            (
                Timing::Daily,
                "2026-11-21T10:07:11",
                ["2026-11-22T10:07:11Z", "2026-11-23T10:07:11Z", "2026-11-24T10:07:11Z"],
            ),
            (
                Timing::Weekly(Weekday::Wednesday),
                "2026-11-21T00:00:00",
                ["2026-11-25T00:00:00Z", "2026-12-02T00:00:00Z", "2026-12-09T00:00:00Z"],
            ),
            (
                Timing::Weekly(Weekday::Saturday),
                "2026-11-21T10:00:00",
                ["2026-11-28T10:00:00Z", "2026-12-05T10:00:00Z", "2026-12-12T10:00:00Z"],
            ),
            (
                Timing::Biweekly(Weekday::Sunday),
                "2026-11-21T10:00:00",
                ["2026-11-22T10:00:00Z", "2026-12-06T10:00:00Z", "2026-12-20T10:00:00Z"],
            ),
            (
                Timing::Monthly(MonthDay::Day(31)),
                "2027-01-31T23:59:59",
                ["2027-02-28T23:59:59Z", "2027-03-31T23:59:59Z", "2027-04-30T23:59:59Z"],
            ),
            (
                Timing::Monthly(MonthDay::Day(29)),
                "2028-01-30T12:00:00",
                ["2028-02-29T12:00:00Z", "2028-03-29T12:00:00Z", "2028-04-29T12:00:00Z"],
            ),
            (
                Timing::Monthly(MonthDay::Last),
                "2026-12-01T12:00:00",
                ["2026-12-31T12:00:00Z", "2027-01-31T12:00:00Z", "2027-02-28T12:00:00Z"],
            ),
            (
                Timing::Monthly(MonthDay::Day(1)),
                "2026-12-01T12:00:00",
                ["2027-01-01T12:00:00Z", "2027-02-01T12:00:00Z", "2027-03-01T12:00:00Z"],
            ),
        ];
        for (timing, created, expected) in rows {
            assert_eq!(slots(timing, created, 3), expected, "{timing:?}");
        }
    }

    #[test]
    fn a_slot_that_was_missed_moves_no_other() {
        let (created, timing) = (at("2026-11-21T10:00:00"), Timing::Biweekly(Weekday::Sunday));
        let late = timing.next(created, created, at("2027-01-20T00:00:00"));
        assert_eq!(late.map(show).as_deref(), Some("2027-01-31T10:00:00Z"));
    }

    #[test]
    fn days_that_are_missing_or_mean_nothing_are_refused() {
        let days = |frequency, month_day, weekday| Days {
            frequency: Frequency::named(frequency),
            month_day: MonthDay::named(month_day),
            weekday: Weekday::named(weekday),
        };
        let monday = Timing::Weekly(Weekday::Monday);
        let rows = [
            (days("DAILY", "", ""), None, Ok(Timing::Daily)),
            (days("DAILY", "", "MON"), None, Err(Problem::Weekday)),
            (days("DAILY", "1", ""), None, Err(Problem::MonthDay)),
            (days("WEEKLY", "", "MON"), None, Ok(monday)),
            (days("WEEKLY", "", ""), None, Err(Problem::NoWeekday)),
            (days("BIWEEKLY", "3", ""), None, Err(Problem::MonthDay)),
            (days("MONTHLY", "", ""), None, Err(Problem::NoMonthDay)),
            (days("MONTHLY", "LAST", ""), None, Ok(Timing::Monthly(MonthDay::Last))),
            (days("MONTHLY", "", "SUN"), None, Err(Problem::Weekday)),
            (days("", "", ""), None, Err(Problem::Frequency)),
            (days("", "", ""), Some(monday), Ok(monday)),
            (days("", "", "FRI"), Some(monday), Ok(Timing::Weekly(Weekday::Friday))),
            (days("", "", "FRI"), Some(Timing::Daily), Err(Problem::Weekday)),
            (days("BIWEEKLY", "", ""), Some(monday), Ok(Timing::Biweekly(Weekday::Monday))),
            (days("MONTHLY", "", ""), Some(monday), Err(Problem::NoMonthDay)),
            (days("DAILY", "", ""), Some(monday), Ok(Timing::Daily)),
        ];
        for (asked, before, expected) in rows {
            assert_eq!(Timing::of(asked, before), expected, "{asked:?} after {before:?}");
        }
    }

    #[test]
    fn a_day_of_the_month_is_read_as_the_api_spells_it() {
        for text in ["1", "9", "10", "29", "31", "LAST"] {
            assert_eq!(MonthDay::named(text).map(MonthDay::name).as_deref(), Some(text));
        }
        for text in ["", "0", "32", "01", "+1", "last", "-1", "1 "] {
            assert_eq!(MonthDay::named(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_calendar_has_an_end_and_no_panic() {
        for moment in [i64::MIN, i64::MIN / 2, -1, 0, i64::MAX / 2, i64::MAX - 1, i64::MAX] {
            for timing in timings() {
                let moment = Timestamp(moment);
                let next = timing.next(moment, moment, moment);
                assert!(next.is_none_or(|next| next > moment), "{timing:?} after {moment:?}");
            }
        }
    }

    fn timings() -> Vec<Timing> {
        let week = Weekday::ALL.iter();
        let weekly = week.clone().map(|day| Timing::Weekly(*day));
        let biweekly = week.map(|day| Timing::Biweekly(*day));
        let monthly = (1..=31).map(|day| Timing::Monthly(MonthDay::Day(day)));
        let others = [Timing::Daily, Timing::Monthly(MonthDay::Last)];
        others.into_iter().chain(weekly).chain(biweekly).chain(monthly).collect()
    }

    /// A calendar that only counts: each day from 1970-01-01 (a Thursday) on, with its weekday, its
    /// day of the month and the length of its month.
    fn naive(days: i64) -> impl Iterator<Item = (i64, u8, u8, u8)> {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        (0..days).map(move |number| {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if is_leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let seen = (number, ((number + 4) % 7) as u8, day, length);
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
            seen
        })
    }

    fn naive_slots(timing: Timing, created: i64, until: i64) -> Vec<i64> {
        let (time, mut weeks) = (created % DAY_MS, 0);
        let mut slots = Vec::new();
        for (number, weekday, day, length) in naive(until / DAY_MS + 1) {
            let slot = number * DAY_MS + time;
            if slot <= created || slot > until {
                continue;
            }
            let fits = match timing {
                Timing::Daily => true,
                Timing::Weekly(wanted) => weekday == wanted.number(),
                Timing::Biweekly(wanted) if weekday == wanted.number() => {
                    weeks += 1;
                    weeks % 2 == 1
                }
                Timing::Biweekly(_) => false,
                Timing::Monthly(MonthDay::Last) => day == length,
                Timing::Monthly(MonthDay::Day(wanted)) => day == wanted.min(length),
            };
            if fits {
                slots.push(slot);
            }
        }
        slots
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn slots_are_those_of_a_naive_calendar(
            timing in prop::sample::select(timings()),
            created in 0..4_102_444_800_000_i64,
            days in 0..1000_i64,
        ) {
            let until = created + days * DAY_MS;
            let begun = Timestamp(created);
            let next = |after: &Timestamp| timing.next(begun, begun, *after);
            let slots = std::iter::successors(next(&begun), next).map(|slot| slot.0);
            let found: Vec<i64> = slots.take_while(|slot| *slot <= until).collect();
            prop_assert_eq!(found, naive_slots(timing, created, until));
        }
    }
}
