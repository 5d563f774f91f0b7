//! Change Calendars: iCalendar texts whose events open a closed calendar, or close an open one.
//!
//! What is read: `X-CALENDAR-TYPE`, and of each `VEVENT` its `DTSTART`, `DTEND` or `DURATION`,
//! `EXDATE`, and `RRULE` with `FREQ` (daily to yearly), `INTERVAL`, `COUNT`, `UNTIL`, `BYDAY` (also
//! the nth of a month) and `BYMONTHDAY`. Times are UTC; another `TZID` is refused, since this room
//! has no time zones.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, ToSpan};
use trackway_core::Timestamp;

/// Occurrences of one event that are looked at; later ones are not there.
const OCCURRENCES_MAX: usize = 20_000;
/// Edges after a moment that are looked at for the next change of state.
const EDGES_MAX: usize = 64;

/// A calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    is_open_by_default: bool,
    events: Vec<Event>,
}

/// Why a text is no Change Calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// It has no calendar type.
    #[error("X-CALENDAR-TYPE must be DEFAULT_OPEN or DEFAULT_CLOSED")]
    Type,
    /// A property that can't be read.
    #[error("the property {0} can't be read")]
    Property(String),
    /// A time zone other than UTC.
    #[error("the time zone {0} is not known here: use UTC")]
    Zone(String),
    /// A recurrence that isn't built.
    #[error("the recurrence rule {0} is not supported")]
    Rule(String),
}

#[derive(Clone, Debug, PartialEq)]
struct Event {
    start: DateTime,
    length: SignedDuration,
    rule: Option<Rule>,
    except: Vec<DateTime>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    frequency: Frequency,
    interval: i64,
    count: Option<usize>,
    until: Option<DateTime>,
    /// Days of the week; with a number, which of the month, from its end if negative.
    days: Vec<(i8, Weekday)>,
    month_days: Vec<i8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Calendar {
    /// Reads a calendar.
    ///
    /// # Errors
    /// A text that is none, or has what isn't built.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        let text = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
        let mut is_open_by_default = None;
        let mut events = Vec::new();
        let mut event: Option<Vec<(&str, &str)>> = None;
        for line in text.lines() {
            let Some((head, value)) = line.split_once(':') else { continue };
            match (head, value.trim()) {
                ("X-CALENDAR-TYPE", "DEFAULT_OPEN") => is_open_by_default = Some(true),
                ("X-CALENDAR-TYPE", "DEFAULT_CLOSED") => is_open_by_default = Some(false),
                ("BEGIN", "VEVENT") => event = Some(Vec::new()),
                ("END", "VEVENT") => {
                    events.push(Event::read(&event.take().unwrap_or_default())?);
                }
                (head, value) => event.iter_mut().for_each(|event| event.push((head, value))),
            }
        }
        let is_open_by_default = is_open_by_default.ok_or(CalendarError::Type)?;
        Ok(Self { is_open_by_default, events })
    }

    /// Whether it is open at a moment.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let Some(at) = civil(at) else { return self.is_open_by_default };
        self.is_open_by_default != self.events.iter().any(|event| event.covers(at))
    }

    /// When that changes next; none if it does not, or not soon.
    #[must_use]
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let now = civil(after)?;
        let mut edges: Vec<DateTime> =
            self.events.iter().flat_map(|event| event.edges_after(now)).collect();
        edges.sort_unstable();
        let is_open = self.is_open(after);
        edges.into_iter().filter_map(moment).find(|edge| self.is_open(*edge) != is_open)
    }
}

impl Event {
    fn read(properties: &[(&str, &str)]) -> Result<Self, CalendarError> {
        let find = |wanted: &str| {
            let name = |head: &str| head.split(';').next() == Some(wanted);
            properties.iter().find(|(head, _)| name(head)).copied()
        };
        let time = |(head, value)| time(head, value);
        let start = find("DTSTART").ok_or_else(|| CalendarError::Property("DTSTART".to_owned()))?;
        let is_date = start.1.len() == 8;
        let start = time(start)?;
        let end = find("DTEND").map(time).transpose()?;
        let length = match (end, find("DURATION")) {
            (Some(end), _) => end.duration_since(start),
            (None, Some((_, text))) => {
                let span: Span =
                    text.parse().map_err(|_| CalendarError::Property("DURATION".to_owned()))?;
                let end = start.checked_add(span);
                end.map_or(SignedDuration::ZERO, |end| end.duration_since(start))
            }
            (None, None) if is_date => SignedDuration::from_hours(24),
            (None, None) => SignedDuration::ZERO,
        };
        let mut except = Vec::new();
        let exceptions = properties.iter().filter(|(head, _)| head.starts_with("EXDATE"));
        for (head, values) in exceptions {
            for value in values.split(',') {
                except.push(time((*head, value))?);
            }
        }
        let rule = find("RRULE").map(|(_, text)| Rule::read(text)).transpose()?;
        Ok(Self { start, length, rule, except })
    }

    /// When it begins, again and again.
    fn starts(&self) -> Box<dyn Iterator<Item = DateTime> + '_> {
        let starts: Box<dyn Iterator<Item = DateTime>> = match &self.rule {
            None => Box::new(std::iter::once(self.start)),
            Some(rule) => Box::new(rule.starts(self.start)),
        };
        Box::new(starts.take(OCCURRENCES_MAX).filter(|start| !self.except.contains(start)))
    }

    fn covers(&self, at: DateTime) -> bool {
        let begun = self.starts().take_while(|start| *start <= at);
        begun.into_iter().any(|start| at.duration_since(start) < self.length)
    }

    fn edges_after(&self, at: DateTime) -> impl Iterator<Item = DateTime> {
        let ends = |start: DateTime| start.checked_add(self.length).ok();
        let pairs = self.starts().flat_map(move |start| [Some(start), ends(start)]);
        pairs.flatten().filter(move |edge| *edge > at).take(EDGES_MAX)
    }
}

impl Rule {
    fn read(text: &str) -> Result<Self, CalendarError> {
        let wrong = || CalendarError::Rule(text.to_owned());
        let mut rule = Self {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            days: Vec::new(),
            month_days: Vec::new(),
        };
        let mut has_frequency = false;
        for part in text.split(';') {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            match name {
                "FREQ" => {
                    has_frequency = true;
                    rule.frequency = match value {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" => Frequency::Monthly,
                        "YEARLY" => Frequency::Yearly,
                        _ => return Err(wrong()),
                    };
                }
                "INTERVAL" => {
                    let interval =
                        value.parse().ok().filter(|interval| (1..=1000).contains(interval));
                    rule.interval = interval.ok_or_else(wrong)?;
                }
                "COUNT" => rule.count = Some(value.parse().map_err(|_| wrong())?),
                "UNTIL" => rule.until = Some(time("UNTIL", value)?),
                "BYDAY" => {
                    rule.days =
                        value.split(',').map(day).collect::<Option<_>>().ok_or_else(wrong)?;
                }
                "BYMONTHDAY" => {
                    let days = value.split(',').map(|day| day.parse().ok());
                    rule.month_days = days.collect::<Option<_>>().ok_or_else(wrong)?;
                }
                "WKST" => {}
                _ => return Err(wrong()),
            }
        }
        if has_frequency { Ok(rule) } else { Err(wrong()) }
    }

    fn starts(&self, first: DateTime) -> impl Iterator<Item = DateTime> {
        let periods = (0..).map_while(move |number| self.period(first, number));
        let starts = periods.take(OCCURRENCES_MAX).flatten().filter(move |start| *start >= first);
        let until = self.until;
        starts
            .take_while(move |start| until.is_none_or(|until| *start <= until))
            .take(self.count.unwrap_or(usize::MAX))
    }

    /// What begins in one day, week, month or year; none when time itself ends.
    fn period(&self, first: DateTime, number: i64) -> Option<Vec<DateTime>> {
        let step = number.checked_mul(self.interval)?;
        let date = first.date();
        let dates = match self.frequency {
            Frequency::Daily => vec![date.checked_add(step.days()).ok()?],
            Frequency::Weekly => {
                let monday =
                    date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days());
                let monday = monday.ok()?.checked_add(step.weeks()).ok()?;
                let days: Vec<Weekday> = match self.days.as_slice() {
                    [] => vec![date.weekday()],
                    days => days.iter().map(|(_, day)| *day).collect(),
                };
                let all = (0..7_i64).filter_map(|day| monday.checked_add(day.days()).ok());
                all.filter(|date| days.contains(&date.weekday())).collect()
            }
            Frequency::Monthly => {
                let month = date.first_of_month().checked_add(step.months()).ok()?;
                self.of_month(month, date.day())
            }
            Frequency::Yearly => {
                let month = date.first_of_month().checked_add(step.years()).ok()?;
                self.of_month(month, date.day())
            }
        };
        let is_wanted = |date: &Date| {
            self.frequency != Frequency::Daily
                || self.days.is_empty()
                || self.days.iter().any(|(_, day)| *day == date.weekday())
        };
        let dates = dates.into_iter().filter(is_wanted);
        Some(dates.map(|date| date.to_datetime(first.time())).collect())
    }

    fn of_month(&self, month: Date, day: i8) -> Vec<Date> {
        let last = month.days_in_month();
        let all = (1..=last).filter_map(|day| Date::new(month.year(), month.month(), day).ok());
        let fits = |date: &Date| {
            if !self.month_days.is_empty() {
                let back = date.day() - last - 1;
                return self.month_days.contains(&date.day()) || self.month_days.contains(&back);
            }
            if self.days.is_empty() {
                return date.day() == day;
            }
            let (nth, back) = ((date.day() - 1) / 7 + 1, -((last - date.day()) / 7 + 1));
            let is_it =
                |nth_wanted: i8| matches!(nth_wanted, 0) || nth_wanted == nth || nth_wanted == back;
            self.days.iter().any(|(nth, day)| *day == date.weekday() && is_it(*nth))
        };
        all.filter(fits).collect()
    }
}

/// `MO`, `2MO`, `-1FR`.
fn day(text: &str) -> Option<(i8, Weekday)> {
    let place = text.len().checked_sub(2)?;
    let (nth, name) = text.split_at_checked(place)?;
    let nth = if nth.is_empty() { 0 } else { nth.parse().ok()? };
    let day = match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    Some((nth, day))
}

/// `20260131T100000Z`, `20260131T100000`, `20260131`; UTC.
fn time(head: &str, value: &str) -> Result<DateTime, CalendarError> {
    let zone = head.split(';').find_map(|part| part.strip_prefix("TZID="));
    if let Some(zone) = zone.filter(|zone| !matches!(*zone, "UTC" | "Etc/UTC" | "GMT" | "Z")) {
        return Err(CalendarError::Zone(zone.to_owned()));
    }
    let name = head.split(';').next().unwrap_or_default();
    let wrong = || CalendarError::Property(name.to_owned());
    let text = value.trim_end_matches('Z');
    let number = |from: usize, to: usize| {
        let digits =
            text.get(from..to).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|text| text.parse::<i16>().ok()).ok_or_else(wrong)
    };
    let date = Date::new(number(0, 4)?, number(4, 6)? as i8, number(6, 8)? as i8);
    let date = date.map_err(|_| wrong())?;
    match text.len() {
        8 => Ok(date.at(0, 0, 0, 0)),
        15 if text.as_bytes()[8] == b'T' => {
            let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
            let time = jiff::civil::Time::new(hour as i8, minute as i8, second.min(59) as i8, 0);
            time.map(|time| date.to_datetime(time)).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}

fn civil(at: Timestamp) -> Option<DateTime> {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(TimeZone::UTC.to_datetime(at))
}

fn moment(at: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(at).ok().map(|at| Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar(kind: &str, events: &str) -> Result<Calendar, CalendarError> {
        let events = events.trim().replace('|', "\r\n");
        Calendar::parse(&format!(
            "BEGIN:VCALENDAR\r\nX-CALENDAR-TYPE:{kind}\r\nBEGIN:VEVENT\r\n{events}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        ))
    }

    fn at(text: &str) -> Timestamp {
        moment(text.parse().unwrap()).unwrap()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn events_turn_a_calendar_over() {
        let rows = [
            (
                "DTSTART:20261121T100000Z|DTEND:20261121T120000Z",
                "2026-11-21T09:59:59",
                true,
                Some("2026-11-21T10:00:00"),
            ),
            (
                "DTSTART:20261121T100000Z|DTEND:20261121T120000Z",
                "2026-11-21T10:00:00",
                false,
                Some("2026-11-21T12:00:00"),
            ),
            ("DTSTART:20261121T100000Z|DTEND:20261121T120000Z", "2026-11-21T12:00:00", true, None),
            (
                "DTSTART;VALUE=DATE:20261121",
                "2026-11-21T23:59:59",
                false,
                Some("2026-11-22T00:00:00"),
            ),
            (
                "DTSTART;TZID=UTC:20261101T100000|DURATION:PT1H|RRULE:FREQ=DAILY",
                "2026-11-21T10:30:00",
                false,
                Some("2026-11-21T11:00:00"),
            ),
            (
                "DTSTART:20261101T100000Z|DTEND:20261101T110000Z|RRULE:FREQ=DAILY;COUNT=3",
                "2026-11-04T10:30:00",
                true,
                None,
            ),
            (
                "DTSTART:20261101T100000Z|DTEND:20261101T110000Z|RRULE:FREQ=DAILY;UNTIL=20261103T100000Z",
                "2026-11-03T10:30:00",
                false,
                Some("2026-11-03T11:00:00"),
            ),
            (
                "DTSTART:20261102T100000Z|DTEND:20261102T110000Z|RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
                "2026-11-19T00:00:00",
                true,
                Some("2026-11-20T10:00:00"),
            ),
            (
                "DTSTART:20261102T100000Z|DTEND:20261102T110000Z|RRULE:FREQ=WEEKLY;INTERVAL=2",
                "2026-11-09T10:30:00",
                true,
                Some("2026-11-16T10:00:00"),
            ),
            (
                "DTSTART:20261110T000000Z|DTEND:20261111T000000Z|RRULE:FREQ=MONTHLY;BYDAY=2TU",
                "2026-12-08T12:00:00",
                false,
                Some("2026-12-09T00:00:00"),
            ),
            (
                "DTSTART:20261127T000000Z|DTEND:20261128T000000Z|RRULE:FREQ=MONTHLY;BYDAY=-1FR",
                "2026-12-25T12:00:00",
                false,
                Some("2026-12-26T00:00:00"),
            ),
            (
                "DTSTART:20260131T000000Z|DTEND:20260201T000000Z|RRULE:FREQ=MONTHLY;BYMONTHDAY=-1",
                "2026-02-28T12:00:00",
                false,
                Some("2026-03-01T00:00:00"),
            ),
            (
                "DTSTART:20241224T000000Z|DTEND:20241227T000000Z|RRULE:FREQ=YEARLY",
                "2026-12-25T12:00:00",
                false,
                Some("2026-12-27T00:00:00"),
            ),
            (
                "DTSTART:20261101T100000Z|DTEND:20261101T110000Z|RRULE:FREQ=DAILY|EXDATE:20261121T100000Z",
                "2026-11-21T10:30:00",
                true,
                Some("2026-11-22T10:00:00"),
            ),
        ];
        for (events, moment, is_open, next) in rows {
            let open = calendar("DEFAULT_OPEN", events).unwrap();
            assert_eq!(open.is_open(at(moment)), is_open, "{events} at {moment}");
            let change = open.next_change(at(moment));
            assert_eq!(change, next.map(at), "{events} after {moment}");
            let closed = calendar("DEFAULT_CLOSED", events).unwrap();
            assert_eq!(closed.is_open(at(moment)), !is_open);
        }
    }

    #[test]
    fn what_is_no_calendar() {
        let zone = CalendarError::Zone("Europe/Paris".to_owned());
        let property = |name: &str| CalendarError::Property(name.to_owned());
        for (events, error) in [
            ("DTSTART;TZID=Europe/Paris:20261121T100000", zone),
            ("DTEND:20261121T100000Z", property("DTSTART")),
            ("DTSTART:20261321T100000Z", property("DTSTART")),
            ("DTSTART:20261121T100000Z|DTEND:tomorrow", property("DTEND")),
            (
                "DTSTART:20261121T100000Z|RRULE:FREQ=HOURLY",
                CalendarError::Rule("FREQ=HOURLY".to_owned()),
            ),
        ] {
            assert_eq!(calendar("DEFAULT_OPEN", events), Err(error), "{events}");
        }
        assert_eq!(calendar("OPEN", "DTSTART:20261121T100000Z"), Err(CalendarError::Type));
        assert_eq!(Calendar::parse(""), Err(CalendarError::Type));
    }

    proptest! {
        #[test]
        fn any_rule_ends(
            frequency in "DAILY|WEEKLY|MONTHLY|YEARLY",
            interval in 1..60,
            days in "(;BYDAY=(-1|5|2)?(MO|SU|FR))?",
            start in 0_i64..4_000_000_000,
            asked in 0_i64..4_000_000_000,
        ) {
            let start = civil(Timestamp(start * 1000)).unwrap();
            let start = start.strftime("%Y%m%dT%H%M%SZ").to_string();
            let text = format!("DTSTART:{start}|DURATION:PT2H|RRULE:FREQ={frequency};INTERVAL={interval}{days}");
            let calendar = calendar("DEFAULT_OPEN", &text).unwrap();
            let asked = Timestamp(asked * 1000);
            if let Some(next) = calendar.next_change(asked) {
                prop_assert!(next > asked);
                prop_assert_ne!(calendar.is_open(next), calendar.is_open(asked));
            }
        }
    }
}
