//! The recorded cases of AWS as scenarios: each call is answered as AWS's was.
//!
//! What answers which call is found by a run of the machine alone ([`crate::drive`]), and kept by
//! the call's place, so that it does not depend on what comes first. A child execution is played by
//! one that ends as the recorded one did.

use std::collections::BTreeMap;

use serde_json::Value;
use trackway_asl::call::{ACTIVITY, CallPattern, STATES, StartCall};
use trackway_asl::{Execution, Failure, Signal};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload, ReplyTo};
use trackway_engine::{Builder, Fault, Offer, Reader, Record, StartRequest, Work};
use trackway_sim::asl::{builder, request};
use trackway_sim::calls::{self, Call, Scheduled};
use trackway_sim::tale::tell;
use trackway_sim::{Act, Does, Reaction, Scenario, Seen, Told};

use crate::case::{self, Case, as_text};
use crate::outcomes::{End, Recorded, failed};
use crate::starts::starts;
use crate::{built, drive, known};

/// When somebody stops an execution whose recording ends so.
const STOP_MS: i64 = 3_000;
/// How soon a token is answered after the call that hands it out: if that call's result is lost, the
/// answer comes first.
const ANSWER_MS: i64 = 1;
/// How many milliseconds calls take: so far apart that a crash does not change who is first.
const CALL_MS: (i64, i64) = (53, 107);
/// Calls that go on side by side differ in their time up to this number.
const CALLS_APART: i64 = 8;

/// One case: every execution of it that has a history.
pub(crate) struct Replayed {
    name: String,
    runs: BTreeMap<ExecutionId, Run>,
    /// Whether it draws random numbers, which differ from run to run.
    is_random: bool,
}

struct Run {
    request: StartRequest,
    /// How each call ended, and the number of the call.
    calls: BTreeMap<Call, (i64, Recorded)>,
    recording: Recording,
}

/// What is compared with a calm run.
struct Recording {
    events: usize,
    /// The type of the last event.
    end: String,
    /// Whether it shows how Parallels ended: sorted ones leave that out.
    has_joins: bool,
}

/// Every case that is in scope; none if the environment does not say where they are.
pub(crate) fn all() -> Option<Vec<Box<dyn Scenario>>> {
    let cases = read()?.into_iter();
    Some(cases.map(|case| Box::new(case) as Box<dyn Scenario>).collect())
}

/// The same, as they are.
pub(crate) fn read() -> Option<Vec<Replayed>> {
    let folder = case::folder()?;
    Some(case::read_all(&folder).iter().filter_map(Replayed::of).collect())
}

impl Replayed {
    fn of(case: &Case) -> Option<Self> {
        let (histories, started) = (case.histories(), case.started());
        if !built::is_in_scope(&histories, &started) {
            return None;
        }
        let mut runs = BTreeMap::new();
        for (place, (history, input)) in starts(&histories, &started) {
            let definition = &started.iter().find(|start| start.place == place)?.definition;
            let arn = format!("arn:aws:states:us-east-1:000000000000:execution:m:{place}");
            let run = Run::of(arn, definition, &input, &histories[history].events)?;
            runs.insert(ExecutionId::of(&run.request.start.arn), run);
        }
        let is_random = started.iter().any(|start| start.definition.contains("States.MathRandom"));
        (!runs.is_empty()).then(|| Self { name: case.name.clone(), runs, is_random })
    }

    /// How a calm run differs from the recordings that have an end: in their length, or in the end.
    pub(crate) fn difference(&self, calm: &trackway_sim::Outcome) -> Option<String> {
        let name = &self.name;
        let differs = self.runs.values().find_map(|run| {
            let Some((_, told)) = calm.executions.get(&run.request.start.arn) else {
                return Some(format!("{name}: an execution is missing"));
            };
            let last = told.last().map(String::as_str).unwrap_or_default();
            let Recording { events, end, has_joins } = &run.recording;
            let is_shown = |text: &&String| *has_joins || !text.starts_with("ParallelSucceeded");
            let ours = told.iter().filter(is_shown).count();
            let differs = ours != *events || !last.starts_with(end.as_str());
            (differs && end.starts_with("Execution")).then(|| {
                format!("{name}: {ours} events up to {last}; AWS has {events} up to {end}")
            })
        });
        differs.filter(|_| known::reason(name).is_none())
    }

    /// How the recording ended this effect.
    fn recorded(
        &self,
        id: ExecutionId,
        effect: EffectId,
        seen: &Seen<'_>,
    ) -> Option<(Scheduled, i64, Recorded)> {
        let scheduled = calls::find_in(seen.reader, id, effect).ok().flatten()?;
        let (number, recorded) = self.runs.get(&id)?.calls.get(&scheduled.call)?.clone();
        let takes = CALL_MS.0 + CALL_MS.1 * (number % CALLS_APART);
        // The world outside goes on while the process is dead.
        let delay = (scheduled.at.0 + takes - seen.now.0).max(2);
        Some((scheduled, delay, recorded))
    }
}

impl Run {
    /// None if the definition is refused.
    fn of(arn: String, definition: &str, input: &str, events: &[Value]) -> Option<Self> {
        let mut calls = BTreeMap::new();
        drive::run(definition, input, events, &mut |events, effect, recorded| {
            let events = events.iter().map(|(at, event)| (*at, event));
            if let Some(scheduled) = calls::find(events, effect) {
                let number = calls.len() as i64;
                calls.insert(scheduled.call, (number, recorded.clone()));
            }
        })
        .ok()?;
        Some(Self { request: request(arn, definition, input), calls, recording: of(events) })
    }
}

fn of(events: &[Value]) -> Recording {
    let end = events.last().and_then(|event| event["type"].as_str()).unwrap_or_default();
    let has_joins = events.iter().any(|event| event["type"] == "ParallelStateSucceeded");
    Recording { events: events.len(), end: end.to_owned(), has_joins }
}

impl Scenario for Replayed {
    fn name(&self) -> String {
        format!("recorded/{}", self.name)
    }

    fn builder(&self) -> Builder {
        builder()
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        self.runs.values().map(|run| (0, run.request.clone())).collect()
    }

    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction {
        let Some((scheduled, delay, recorded)) = self.recorded(work.execution, work.effect, seen)
        else {
            return Reaction { delay: 1, does: Does::Never };
        };
        let does = match (recorded.submitted, recorded.end) {
            (Some(first), end) => submitted(work, &scheduled, Payload::new(first), end),
            (None, Some(End::Succeeded(output))) => {
                Does::Finish(Outcome::Succeeded(Payload::new(as_text(&output))))
            }
            (None, Some(End::Failed(failure))) => Does::Finish(failed(failure)),
            (None, Some(End::TimedOut) | None) => Does::Never,
        };
        Reaction { delay, does }
    }

    fn polled(&self, offer: &Offer, seen: &Seen<'_>) -> Vec<(i64, Act)> {
        let (id, effect) = (offer.execution, offer.effect);
        let found = self.recorded(id, effect, seen).filter(|_| offer.queue.starts_with(ACTIVITY));
        let Some((_, delay, recorded)) = found else { return Vec::new() };
        let taken = recorded.taken.map(|worker| Signal::Taken { effect, worker });
        let end = recorded.end.and_then(|end| signal(effect, end));
        let signals = taken.into_iter().chain(end);
        signals.map(|signal| (delay, Act::new::<Execution>(id, signal))).collect()
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let stopped = self.runs.iter().filter(|(_, run)| run.recording.end == "ExecutionAborted");
        let stop = || Signal::Stop(Failure::default());
        stopped.map(|(id, _)| (STOP_MS, Act::new::<Execution>(*id, stop()))).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        let mut told = tell(reader, record.id)?;
        if self.is_random {
            told.iter_mut().for_each(|told| told.text.retain(|sign| !sign.is_ascii_digit()));
        }
        Ok(told)
    }
}

fn signal(effect: EffectId, end: End) -> Option<Signal> {
    (!matches!(end, End::TimedOut)).then(|| drive::signal(effect, end))
}

/// A call that only begins something: somebody else ends it, if the recording says so.
fn submitted(work: &Work, scheduled: &Scheduled, first: Payload, end: Option<End>) -> Does {
    let first = Outcome::Succeeded(first);
    let (Some(effect), Some(end)) = (scheduled.answer, end) else { return Does::Finish(first) };
    if let Some(call) = job(work) {
        return match child(work, scheduled, &call, end) {
            Some(mut child) => {
                child.reply_to = Some(ReplyTo { execution: work.execution, effect });
                Does::StartAndAnswer(Box::new(child), first)
            }
            None => Does::Finish(first),
        };
    }
    let act = signal(effect, end)
        .map(|signal| (ANSWER_MS, Act::new::<Execution>(work.execution, signal)));
    Does::FinishThen(first, act.into_iter().collect())
}

/// The call, if it starts an execution and waits for its end.
fn job(work: &Work) -> Option<StartCall> {
    let call = (work.queue == STATES).then(|| serde_json::from_str::<StartCall>(&work.request));
    call?.ok().filter(|call| call.pattern != CallPattern::WaitForTaskToken)
}

/// An execution that ends as the recorded child did.
fn child(work: &Work, scheduled: &Scheduled, call: &StartCall, end: End) -> Option<StartRequest> {
    let state = match end {
        End::Succeeded(described) => {
            let output = as_text(&described["Output"]);
            format!(r#"{{"Type":"Pass","Result":{output},"End":true}}"#)
        }
        End::Failed(failure) => {
            let described: Value = serde_json::from_str(&failure.cause?).unwrap_or_default();
            let text = |name: &str| Value::from(described[name].as_str().unwrap_or("none"));
            format!(r#"{{"Type":"Fail","Error":{},"Cause":{}}}"#, text("Error"), text("Cause"))
        }
        End::TimedOut => return None,
    };
    let Call { place, state: of, nth } = &scheduled.call;
    let place: Vec<String> = place.iter().map(ToString::to_string).collect();
    let name = format!("{}-{}-{nth}-{}", work.execution, of.0, place.join("-"));
    let arn = format!("arn:aws:states:us-east-1:000000000000:execution:child:{name}");
    let definition = format!(r#"{{"StartAt":"End","States":{{"End":{state}}}}}"#);
    Some(request(arn, &definition, call.input.as_deref().unwrap_or("{}")))
}
