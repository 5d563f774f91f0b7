//! Cron expressions of AWS's dialects: which civil times fit, and the next that does.
//!
//! ```text
//! minutes hours day-of-month month day-of-week year             schedules (AWS)
//! seconds minutes hours day-of-month month day-of-week year     schedules (AWS)
//! seconds minutes hours day-of-month month day-of-week [year]   windows (Quartz)
//! ```
//!
//! It knows nothing of time zones: who has one works with its civil time.

mod field;

#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::Timestamp;

pub use field::{FieldError, Set};

use field::Shape;

const SECONDS: Shape = Shape { name: "seconds", least: 0, most: 59, names: &[], wraps: false };
const MINUTES: Shape = Shape { name: "minutes", least: 0, most: 59, names: &[], wraps: false };
const HOURS: Shape = Shape { name: "hours", least: 0, most: 23, names: &[], wraps: false };
const DAYS: Shape = Shape { name: "day-of-month", least: 1, most: 31, names: &[], wraps: false };
const MONTHS: Shape = Shape {
    name: "month",
    least: 1,
    most: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    wraps: false,
};
const WEEKDAYS: Shape = Shape {
    name: "day-of-week",
    least: 1,
    most: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    wraps: true,
};
const YEARS: Shape = Shape { name: "year", least: 1970, most: 2199, names: &[], wraps: false };

/// The year that a set of years counts from; 2199 fits into it.
const YEAR_BASE: u16 = 1970;

/// Why a text is no cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Another number of fields.
    #[error("a cron expression has {wanted}; found {found}")]
    FieldCount {
        /// How many it takes.
        wanted: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A field.
    #[error("the field {field} of the cron expression is not valid: {problem}")]
    Field {
        /// Its name.
        field: &'static str,
        /// What is wrong.
        problem: FieldError,
    },
    /// Both day fields or neither have a value.
    #[error("exactly one of the fields day-of-month and day-of-week must be ?")]
    Days,
}

/// A cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Seconds of the minute.
    pub seconds: Set,
    /// Minutes of the hour.
    pub minutes: Set,
    /// Hours of the day.
    pub hours: Set,
    /// Days.
    pub days: Days,
    /// Months, from 1.
    pub months: Set,
    /// Years since 1970.
    pub years: Set,
}

/// Which days of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Days {
    /// These, of the month.
    OfMonth(Set),
    /// `L`: the last.
    Last,
    /// `L-3`: so many before the last.
    BeforeLast(u16),
    /// `15W`: the weekday nearest to this day, in the same month.
    NearestWeekday(u16),
    /// `LW`: the last weekday.
    LastWeekday,
    /// These, of the week; 1 is Sunday.
    OfWeek(Set),
    /// `TUE#3`: the third Tuesday.
    Nth(u16, u16),
    /// `3L`: the last Tuesday.
    LastOf(u16),
}

impl Cron {
    /// Reads six fields, of which the last is the year, or seven with seconds before them.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        match fields.as_slice() {
            [seconds, rest @ ..] if rest.len() == 6 => Self::of(seconds, rest, false),
            rest if rest.len() == 6 => Self::of("0", rest, false),
            other => Err(CronError::FieldCount {
                wanted: "six fields, or seven with seconds",
                found: other.len(),
            }),
        }
    }

    /// Reads six fields, of which the first is the second, or seven with years after them. Ranges
    /// may go over the end, as from 22 to 2 hours.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse_quartz(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        match fields.as_slice() {
            [seconds, rest @ ..] if rest.len() == 6 => Self::of(seconds, rest, true),
            [seconds, rest @ ..] if rest.len() == 5 => {
                Self::of(seconds, &[rest, &["*"]].concat(), true)
            }
            other => Err(CronError::FieldCount {
                wanted: "six fields, or seven with the year",
                found: other.len(),
            }),
        }
    }

    fn of(seconds: &str, rest: &[&str], may_wrap: bool) -> Result<Self, CronError> {
        let [minutes, hours, day, month, weekday, year] = rest else {
            return Err(CronError::FieldCount { wanted: "seven fields", found: rest.len() + 1 });
        };
        let mut years = Set::default();
        for year in year_list(year)? {
            years.insert(year - YEAR_BASE);
        }
        let read = |shape: Shape, text: &str| {
            let shape = Shape { wraps: shape.wraps || may_wrap, ..shape };
            shape.set(text).map_err(|problem| CronError::Field { field: shape.name, problem })
        };
        Ok(Self {
            seconds: read(SECONDS, seconds)?,
            minutes: read(MINUTES, minutes)?,
            hours: read(HOURS, hours)?,
            days: days(day, weekday, may_wrap)?,
            months: read(MONTHS, month)?,
            years,
        })
    }

    /// Whether this civil time fits; what is less than a second is not looked at.
    #[must_use]
    pub fn fits(&self, moment: DateTime) -> bool {
        let of_year =
            u16::try_from(moment.year()).ok().and_then(|year| year.checked_sub(YEAR_BASE));
        of_year.is_some_and(|year| self.years.contains(year))
            && self.months.contains(moment.month() as u16)
            && self.days.fit(moment.date().first_of_month(), moment.day())
            && self.hours.contains(moment.hour() as u16)
            && self.minutes.contains(moment.minute() as u16)
            && self.seconds.contains(moment.second() as u16)
    }

    /// The first moment later than `after` that fits in UTC; none if there is none before 2200.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let first =
            Timestamp(after.as_millis().div_euclid(1000).checked_add(1)?.checked_mul(1000)?);
        to_timestamp(self.next_civil(to_civil(first.max(Timestamp(0)))?)?)
    }

    /// The first civil time from `from` (a whole second) on that fits; none if there is none
    /// before 2200.
    #[must_use]
    pub fn next_civil(&self, from: DateTime) -> Option<DateTime> {
        let mut date = self.date_from(from.date())?;
        if date == from.date()
            && let Some(moment) = self.time_from(from)
        {
            return Some(moment);
        }
        if date == from.date() {
            date = self.date_from(date.tomorrow().ok()?)?;
        }
        let (hour, minute, second) =
            (self.hours.next(0)?, self.minutes.next(0)?, self.seconds.next(0)?);
        Some(date.at(hour as i8, minute as i8, second as i8, 0))
    }

    /// The first day from `from` on that fits. It looks at each month once, so it ends.
    fn date_from(&self, from: Date) -> Option<Date> {
        let mut least_day = from.day();
        let mut least_month = from.month();
        let first_year = u16::try_from(from.year()).ok()?.saturating_sub(YEAR_BASE);
        for year in self.years.iter().skip_while(|year| *year < first_year) {
            if year != first_year {
                (least_month, least_day) = (1, 1);
            }
            for month in self.months.iter().filter(|month| *month as i8 >= least_month) {
                if year != first_year || month as i8 != from.month() {
                    least_day = 1;
                }
                let month = Date::new((year + YEAR_BASE) as i16, month as i8, 1).ok()?;
                let found =
                    (least_day..=month.days_in_month()).find(|day| self.days.fit(month, *day));
                if let Some(day) = found {
                    return Date::new(month.year(), month.month(), day).ok();
                }
            }
        }
        None
    }

    /// The first moment of the day of `from`, from `from` on, that fits.
    fn time_from(&self, from: DateTime) -> Option<DateTime> {
        let (hour, minute, second) =
            (from.hour() as u16, from.minute() as u16, from.second() as u16);
        let at = |hour: u16, minute: u16, second: u16| {
            Some(from.date().at(hour as i8, minute as i8, second as i8, 0))
        };
        let (minute_0, second_0) = (self.minutes.next(0)?, self.seconds.next(0)?);
        if self.hours.contains(hour) {
            if self.minutes.contains(minute)
                && let Some(second) = self.seconds.next(second)
            {
                return at(hour, minute, second);
            }
            if let Some(minute) = self.minutes.next(minute + 1) {
                return at(hour, minute, second_0);
            }
        }
        at(self.hours.next(hour + 1)?, minute_0, second_0)
    }
}

impl Days {
    /// Whether this day of the month (given by its first day) fits.
    fn fit(self, month: Date, day: i8) -> bool {
        let last = month.days_in_month();
        match self {
            Self::OfMonth(set) => set.contains(day as u16),
            Self::Last => day == last,
            Self::BeforeLast(days) => i32::from(day) == i32::from(last) - i32::from(days),
            Self::NearestWeekday(wanted) => {
                wanted as i8 <= last && nearest_weekday(month, wanted as i8) == Some(day)
            }
            Self::LastWeekday => nearest_weekday(month, last) == Some(day),
            Self::OfWeek(set) => weekday(month, day).is_some_and(|weekday| set.contains(weekday)),
            Self::Nth(wanted, nth) => {
                weekday(month, day) == Some(wanted) && (day as u16 - 1) / 7 + 1 == nth
            }
            Self::LastOf(wanted) => weekday(month, day) == Some(wanted) && day + 7 > last,
        }
    }
}

/// 1 for Sunday to 7 for Saturday.
fn weekday(month: Date, day: i8) -> Option<u16> {
    let date = Date::new(month.year(), month.month(), day).ok()?;
    u16::try_from(date.weekday().to_sunday_one_offset()).ok()
}

/// The weekday nearest to this day, within the month.
fn nearest_weekday(month: Date, day: i8) -> Option<i8> {
    let last = month.days_in_month();
    Some(match weekday(month, day)? {
        7 if day == 1 => 3,
        7 => day - 1,
        1 if day == last => day - 2,
        1 => day + 1,
        _ => day,
    })
}

/// Years don't fit into a set as they are.
fn year_list(text: &str) -> Result<Vec<u16>, CronError> {
    let wrong = |problem| CronError::Field { field: YEARS.name, problem };
    let mut years = Vec::new();
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                let step = step.parse().ok().filter(|step| *step > 0 && *step < 230);
                (range, Some(step.ok_or_else(|| wrong(FieldError::Step))?))
            }
            None => (item, None),
        };
        let value = |text| YEARS.value(text).map_err(wrong);
        let (first, last) = if range == "*" {
            (YEARS.least, YEARS.most)
        } else if let Some((first, last)) = range.split_once('-') {
            (value(first)?, value(last)?)
        } else {
            let first = value(range)?;
            (first, if step.is_some() { YEARS.most } else { first })
        };
        if first > last {
            return Err(wrong(FieldError::Reversed(range.to_owned())));
        }
        years.extend((first..=last).step_by(step.unwrap_or(1)));
    }
    Ok(years)
}

fn days(day: &str, weekday: &str, may_wrap: bool) -> Result<Days, CronError> {
    let wrong = |field| move |problem| CronError::Field { field, problem };
    match (day, weekday) {
        ("?", "?") => Err(CronError::Days),
        ("?", weekday) => of_week(weekday).map_err(wrong(WEEKDAYS.name)),
        (day, "?") => of_month(day, may_wrap).map_err(wrong(DAYS.name)),
        _ => Err(CronError::Days),
    }
}

fn of_month(text: &str, may_wrap: bool) -> Result<Days, FieldError> {
    if text == "L" {
        return Ok(Days::Last);
    }
    if text == "LW" {
        return Ok(Days::LastWeekday);
    }
    if let Some(before) = text.strip_prefix("L-") {
        return DAYS.value(before).map(Days::BeforeLast);
    }
    if let Some(day) = text.strip_suffix('W').filter(|day| !day.contains(',')) {
        return DAYS.value(day).map(Days::NearestWeekday);
    }
    refuse_signs(text, &['L', 'W', '?'])?;
    Shape { wraps: may_wrap, ..DAYS }.set(text).map(Days::OfMonth)
}

fn of_week(text: &str) -> Result<Days, FieldError> {
    if text == "L" {
        return WEEKDAYS.set("7").map(Days::OfWeek);
    }
    if let Some((day, nth)) = text.split_once('#') {
        let nth = match nth {
            "1" | "2" | "3" | "4" | "5" => nth.parse().unwrap_or(1),
            _ => return Err(FieldError::Word(text.to_owned())),
        };
        return WEEKDAYS.value(day).map(|day| Days::Nth(day, nth));
    }
    if let Some(day) = text.strip_suffix('L').filter(|day| !day.contains(',')) {
        return WEEKDAYS.value(day).map(Days::LastOf);
    }
    refuse_signs(text, &['?', '#'])?;
    WEEKDAYS.set(text).map(Days::OfWeek)
}

/// A sign with a meaning of its own within a list gets a message of its own.
fn refuse_signs(text: &str, signs: &[char]) -> Result<(), FieldError> {
    let mut items = text.split(',').filter(|_| text.contains(','));
    match items.find(|item| item.contains(signs)) {
        Some(item) => Err(FieldError::Alone(item.to_owned())),
        None => Ok(()),
    }
}

/// The moment of a civil time in UTC.
fn to_timestamp(moment: DateTime) -> Option<Timestamp> {
    let zoned = TimeZone::UTC.to_timestamp(moment).ok()?;
    Some(Timestamp(zoned.as_millisecond()))
}

/// The civil time of a moment in UTC.
fn to_civil(moment: Timestamp) -> Option<DateTime> {
    let stamp = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?;
    Some(TimeZone::UTC.to_datetime(stamp))
}
