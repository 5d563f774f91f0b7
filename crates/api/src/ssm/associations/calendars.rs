//! GetCalendarState: Change Calendars, and whether they let an association run.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_association::calendar::Calendar;
use trackway_core::Timestamp;

use crate::Caller;
use crate::answer::write;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, Ssm, moment};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetCalendarState {
    calendar_names: Vec<String>,
    at_time: Option<String>,
}

impl Ssm {
    /// All of them must be open for the answer to be so.
    pub(super) async fn get_calendar_state(
        &self,
        caller: &Caller,
        request: GetCalendarState,
    ) -> Answer {
        let at = match &request.at_time {
            Some(text) => moment::read(text)
                .ok_or_else(|| invalid(format!("{text:?} is not a time: give ISO 8601.")))?,
            None => self.engine.now(),
        };
        let calendars = self.calendars(caller, &request.calendar_names).await?;
        let is_open = |at: Timestamp| calendars.iter().all(|calendar| calendar.is_open(at));
        let now = is_open(at);
        let mut answer = json!({ "State": word(now), "AtTime": shown(at) });
        let mut next = at;
        // The next change of one of them need not change them together.
        for _ in 0..100 {
            let changes = calendars.iter().filter_map(|calendar| calendar.next_change(next));
            let Some(change) = changes.min() else { break };
            next = change;
            if is_open(change) != now {
                answer["NextTransitionTime"] = Value::from(shown(change));
                break;
            }
        }
        write(&answer)
    }

    /// Whether all of these calendars are open at a moment.
    pub(super) async fn calendars_at(
        &self,
        caller: &Caller,
        names: &[String],
        at: Timestamp,
    ) -> Result<bool, Failure> {
        let calendars = self.calendars(caller, names).await?;
        Ok(calendars.iter().all(|calendar| calendar.is_open(at)))
    }

    /// Reads a calendar that an association names.
    pub(super) async fn check_calendar(&self, caller: &Caller, name: &str) -> Result<(), Failure> {
        self.calendars(caller, &[name.to_owned()]).await.map(|_| ())
    }

    async fn calendars(&self, caller: &Caller, names: &[String]) -> Result<Vec<Calendar>, Failure> {
        let mut calendars = Vec::new();
        for name in names {
            let document = self.calendar(caller, name).await?;
            let calendar = Calendar::parse(document.content.text()).map_err(|why| {
                let message = format!("The calendar {name} is not supported: {why}.");
                Refusal::new(Code::UnsupportedCalendarException, message)
            })?;
            calendars.push(calendar);
        }
        Ok(calendars)
    }
}

fn word(is_open: bool) -> &'static str {
    if is_open { "OPEN" } else { "CLOSED" }
}

/// A moment as GetCalendarState writes it.
fn shown(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_millis() / 1000 * 1000);
    at.map(|at| at.to_string()).unwrap_or_default()
}
