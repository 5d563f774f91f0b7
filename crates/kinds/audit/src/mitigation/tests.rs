#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use trackway_core::{
    Command, EffectId, Environment, Input, Journaled, Machine, Outcome, Payload, RowKey, Start,
    Timestamp, Turn, segment,
};

use super::request::{ActionError, Applied, Ask, Done, ItemResult, Planned};
use super::*;
use crate::action::ActionParams;
use crate::audit::TaskStatus;

const SHARED: Check = Check::DeviceCertificateShared;
const AGE: Check = Check::DeviceCertificateAge;

struct Nobody;

impl Environment for Nobody {
    fn random(&mut self) -> u64 {
        0
    }

    fn task_token(&mut self, _effect: EffectId) -> String {
        String::new()
    }
}

/// A task, its rows, and what it has asked for.
#[derive(Default)]
struct World {
    task: Mitigation,
    rows: BTreeMap<RowKey, Vec<u8>>,
    asked: VecDeque<(EffectId, Ask)>,
    events: Vec<Event>,
    now: i64,
    closed: bool,
}

impl World {
    fn new(birth: &Birth) -> Self {
        let mut world = Self::default();
        let start = Start {
            arn: String::new(),
            definition_arn: String::new(),
            name: String::new(),
            role_arn: String::new(),
            input: Payload::new(serde_json::to_string(birth).unwrap()),
            attributes: Vec::new(),
        };
        world.turn(Input::Start(start)).unwrap();
        world
    }

    fn turn(&mut self, input: Input<Signal>) -> Result<(), Refusal> {
        self.now += 10;
        let mut nobody = Nobody;
        let mut turn = Turn::new(Timestamp(self.now), &mut nobody);
        let result = self.task.handle(&(), input, &mut turn);
        turn.take_rows().apply_to(&mut self.rows);
        let (events, commands) = turn.finish();
        assert!(!self.closed || events.is_empty(), "an event follows the end");
        self.events.extend(events);
        for command in commands {
            match command {
                Command::Run { effect, queue, request } => {
                    assert_eq!(queue, crate::request::MITIGATION_QUEUE);
                    self.asked.push_back((effect, serde_json::from_str(&request).unwrap()));
                }
                Command::Close { .. } => self.closed = true,
                other => panic!("{other:?}"),
            }
        }
        result
    }

    fn answer(&mut self, effect: EffectId, answer: &impl serde::Serialize) {
        let outcome = Outcome::Succeeded(Payload::new(serde_json::to_string(answer).unwrap()));
        self.turn(Input::Finished { effect, outcome }).unwrap();
    }

    fn fail(&mut self, effect: EffectId) {
        let outcome = Outcome::Failed { error: "E".to_owned(), cause: "c".to_owned() };
        self.turn(Input::Finished { effect, outcome }).unwrap();
    }

    fn cancel(&mut self) -> Result<(), Refusal> {
        self.turn(Input::Signal(Signal::Cancel))
    }

    fn details(&self) -> Details {
        Details::read(&self.rows[&(VIEW_TASK, Details::KEY.to_vec())]).unwrap()
    }

    fn birth(&self) -> Birth {
        Birth::read(&self.rows[&(VIEW_TASK, Birth::KEY.to_vec())]).unwrap()
    }

    fn chunk(&self, chunk: u32) -> Option<Vec<Item>> {
        read_chunk(self.rows.get(&(VIEW_CHUNKS, chunk_key(chunk)))?)
    }

    /// The statuses of each item's actions.
    fn statuses(&self, item: &Item) -> Vec<ExecutionStatus> {
        self.shown(item).iter().map(|execution| execution.status).collect()
    }

    fn shown(&self, item: &Item) -> Vec<Execution> {
        let row = Row::read(&self.rows[&(VIEW_ITEMS, item.key())]).unwrap();
        let (details, birth) = (self.details(), self.birth());
        let shown = details.executions(&birth, item.check(), &row);
        shown.into_iter().map(|shown| shown.execution).collect()
    }
}

fn action(name: &str) -> Action {
    Action {
        name: name.to_owned(),
        id: format!("id of {name}"),
        role_arn: "arn:aws:iam::000000000000:role/R".to_owned(),
        params: ActionParams::UpdateDeviceCertificate,
        created: Timestamp(1),
        modified: Timestamp(2),
    }
}

fn birth() -> Birth {
    Birth {
        task_id: "t".to_owned(),
        target: Target::Audit { audit: AuditNumber(7), reasons: None },
        mapping: BTreeMap::from([(SHARED, vec![0, 1]), (AGE, vec![1])]),
        actions: vec![action("A"), action("B")],
    }
}

fn finding(check: Check, place: u32) -> Item {
    Item::Finding(FindingRef { audit: AuditNumber(7), check, place })
}

fn planned(items: &[Item], cursor: Option<&str>) -> Planned {
    Planned { items: items.to_vec(), skipped: BTreeMap::new(), cursor: cursor.map(str::to_owned) }
}

fn done(error: bool) -> Done {
    let error = error.then(|| ActionError { code: "C".to_owned(), message: "m".to_owned() });
    Done { started: 100, ended: 200, error }
}

fn result(item: &Item, errors: &[bool]) -> ItemResult {
    ItemResult { item: item.clone(), done: errors.iter().map(|error| done(*error)).collect() }
}

use ExecutionStatus as Is;

#[test]
fn a_finding_goes_from_pending_to_in_progress_to_completed() {
    let (one, other) = (finding(SHARED, 0), finding(SHARED, 1));
    let mut world = World::new(&birth());
    assert_eq!(world.asked.pop_front(), Some((EffectId(0), Ask::Plan { cursor: None })));
    world.answer(EffectId(0), &planned(std::slice::from_ref(&one), Some("on")));
    let plan = Ask::Plan { cursor: Some("on".to_owned()) };
    assert_eq!(world.asked.pop_front(), Some((EffectId(1), plan)));
    assert_eq!(world.asked.pop_front(), Some((EffectId(2), Ask::Apply { chunk: 0 })));
    world.answer(EffectId(1), &planned(std::slice::from_ref(&other), None));
    assert_eq!(world.asked, [], "one chunk at a time is applied");
    assert_eq!(world.statuses(&one), [Is::InProgress, Is::Pending]);
    assert_eq!(world.shown(&one)[0].started, Some(Timestamp(20)));
    assert_eq!(world.statuses(&other), [Is::Pending, Is::Pending]);
    assert_eq!(world.shown(&other)[0].started, None);
    assert_eq!(world.chunk(0), Some(vec![one.clone()]));

    world.answer(EffectId(2), &Applied { results: vec![result(&one, &[false, false])] });
    assert_eq!(world.asked.pop_front(), Some((EffectId(3), Ask::Apply { chunk: 1 })));
    assert_eq!(world.statuses(&one), [Is::Completed, Is::Completed]);
    assert_eq!(world.statuses(&other), [Is::InProgress, Is::Pending]);
    assert_eq!(world.chunk(0), None, "what is applied needs no chunk");

    world.answer(EffectId(3), &Applied { results: vec![result(&other, &[false, true])] });
    assert_eq!(world.statuses(&other), [Is::Completed, Is::Failed]);
    let failed = &world.shown(&other)[1];
    assert_eq!((failed.started, failed.ended), (Some(Timestamp(100)), Some(Timestamp(200))));
    assert_eq!(failed.error.as_ref().unwrap().code, "C");
    assert!(world.closed);
    let details = world.details();
    assert_eq!((details.status, details.ended), (TaskStatus::Failed, Some(Timestamp(50))));
    let counts = Counts { total: 2, failed: 1, succeeded: 1, ..Counts::default() };
    assert_eq!(details.counts().collect::<Vec<_>>(), [(SHARED, counts)]);
}

#[test]
fn actions_after_one_that_failed_are_skipped_and_other_findings_go_on() {
    let (one, other) = (finding(SHARED, 0), finding(AGE, 0));
    let mut world = World::new(&birth());
    world.answer(EffectId(0), &planned(&[one.clone(), other.clone()], None));
    let results = vec![result(&one, &[true]), result(&other, &[false])];
    world.answer(EffectId(1), &Applied { results });
    assert_eq!(world.statuses(&one), [Is::Failed, Is::Skipped]);
    assert_eq!(world.statuses(&other), [Is::Completed]);
    let skipped = &world.shown(&one)[1];
    assert_eq!((skipped.started, skipped.ended), (None, Some(Timestamp(200))));
    assert_eq!(world.details().status, TaskStatus::Failed);
    let counts = world.details().action_counts();
    assert_eq!((counts.succeeded, counts.failed, counts.skipped), (1, 1, 1));
}

#[test]
fn a_task_without_findings_completes() {
    let mut world = World::new(&birth());
    let skipped = BTreeMap::from([(AGE, 3)]);
    world.answer(EffectId(0), &Planned { skipped, ..Planned::default() });
    assert!(world.closed);
    assert_eq!(world.details().status, TaskStatus::Completed);
    let counts = Counts { total: 3, skipped: 3, ..Counts::default() };
    assert_eq!(world.details().counts().collect::<Vec<_>>(), [(AGE, counts)]);
}

#[test]
fn what_is_being_applied_when_a_task_is_canceled_tells_what_became_of_it() {
    let (one, two, three) = (finding(AGE, 0), finding(AGE, 1), finding(AGE, 2));
    let mut world = World::new(&birth());
    world.answer(EffectId(0), &planned(std::slice::from_ref(&one), Some("on")));
    world.answer(EffectId(1), &planned(std::slice::from_ref(&two), Some("on")));
    world.cancel().unwrap();
    assert_eq!(world.task.summary().status, TaskStatus::Canceled.number());
    assert_eq!(world.cancel(), Err(Refusal::Ended), "it is canceled once");
    assert!(!world.closed, "a chunk is being applied");
    assert_eq!(world.statuses(&one), [Is::InProgress]);
    assert_eq!(world.statuses(&two), [Is::Canceled]);
    let canceled = &world.shown(&two)[0];
    assert_eq!((canceled.started, canceled.ended), (None, Some(Timestamp(40))));

    world.answer(EffectId(2), &Applied { results: vec![result(&one, &[false])] });
    assert_eq!(world.statuses(&one), [Is::Completed]);
    assert!(!world.closed, "what is left to be planned is planned");
    world.answer(EffectId(3), &planned(std::slice::from_ref(&three), None));
    assert_eq!(world.statuses(&three), [Is::Canceled]);
    assert!(world.closed);
    assert_eq!(world.details().ended, Some(Timestamp(40)), "it ended when it was canceled");
    let counts = Counts { total: 3, succeeded: 1, canceled: 2, ..Counts::default() };
    assert_eq!(world.details().counts().collect::<Vec<_>>(), [(AGE, counts)]);
}

#[test]
fn a_fault_of_ours_fails_what_is_left_but_waits_for_what_is_under_way() {
    let (one, two) = (finding(AGE, 0), finding(AGE, 1));
    let mut world = World::new(&birth());
    world.answer(EffectId(0), &planned(std::slice::from_ref(&one), Some("on")));
    world.answer(EffectId(1), &planned(std::slice::from_ref(&two), Some("on")));
    world.fail(EffectId(3));
    assert!(!world.closed);
    world.answer(EffectId(2), &Applied { results: vec![result(&one, &[false])] });
    assert!(world.closed);
    assert_eq!(world.details().status, TaskStatus::Failed);
    assert_eq!(world.statuses(&one), [Is::Completed]);
    assert_eq!(world.statuses(&two), [Is::Failed]);
    assert_eq!(world.shown(&two)[0].error.as_ref().unwrap().code, "InternalFailureException");
    let counts = Counts { total: 2, succeeded: 1, failed: 1, ..Counts::default() };
    assert_eq!(world.details().counts().collect::<Vec<_>>(), [(AGE, counts)]);
}

#[test]
fn an_answer_that_is_not_awaited_changes_nothing() {
    let one = finding(AGE, 0);
    let mut world = World::new(&birth());
    world.answer(EffectId(0), &planned(std::slice::from_ref(&one), None));
    let events = world.events.len();
    world.answer(EffectId(0), &planned(std::slice::from_ref(&one), None));
    world.answer(EffectId(9), &Applied { results: vec![result(&one, &[true])] });
    assert_eq!(world.events.len(), events);
}

#[test]
fn violations_get_all_actions_and_are_found_by_their_things() {
    let violation = Item::Violation { id: "v-1".to_owned(), thing: "T".to_owned() };
    let target = Target::Violations(Violations::default());
    let mut world = World::new(&Birth { target, mapping: BTreeMap::new(), ..birth() });
    world.answer(EffectId(0), &planned(std::slice::from_ref(&violation), None));
    world.answer(EffectId(1), &Applied { results: vec![result(&violation, &[false, true])] });
    assert_eq!(world.statuses(&violation), [Is::Completed, Is::Failed]);
    assert!(world.rows.contains_key(&(VIEW_BY_THING, b"T\0v-1".to_vec())));
    let row = Row::read(&world.rows[&(VIEW_ITEMS, b"v-1".to_vec())]).unwrap();
    assert_eq!(row.thing.as_deref(), Some("T"));
    assert_eq!(world.details().counts().count(), 0);
    let counts = world.details().action_counts();
    assert_eq!((counts.total, counts.succeeded, counts.failed), (2, 1, 1));
}

#[test]
fn a_target_is_known_by_its_columns() {
    let of = |target: Target| {
        let summary = World::new(&Birth { target, ..birth() }).task.summary();
        Columns::read(&summary.columns).unwrap()
    };
    let audit = of(Target::Audit { audit: AuditNumber(7), reasons: None });
    assert!(audit.is_about(AuditNumber(7)) && !audit.is_about(AuditNumber(8)));
    let finding = FindingRef { audit: AuditNumber(9), check: AGE, place: 0 };
    let findings = of(Target::Findings(vec![finding]));
    assert!(findings.is_about(AuditNumber(9)) && !findings.is_about(AuditNumber(7)));
}

/// How a task goes: what each step does, as far as it can be done.
#[derive(Clone, Debug)]
enum Step {
    Plan { findings: Vec<(bool, u8)>, skipped: u64, more: bool },
    Apply { failures: Vec<Option<bool>> },
    FailPlan,
    FailApply,
    Cancel,
}

fn step() -> impl Strategy<Value = Step> {
    let plan = (prop::collection::vec((any::<bool>(), 0_u8..4), 0..4), 0_u64..3, any::<bool>())
        .prop_map(|(findings, skipped, more)| Step::Plan { findings, skipped, more });
    let apply = prop::collection::vec(any::<Option<bool>>(), 4)
        .prop_map(|failures| Step::Apply { failures });
    prop_oneof![
        8 => plan,
        8 => apply,
        1 => Just(Step::FailPlan),
        1 => Just(Step::FailApply),
        1 => Just(Step::Cancel),
    ]
}

/// What an item's action may become, later.
fn may_become(from: Is, to: Is) -> bool {
    let rank = |status: Is| match status {
        Is::Pending => 0,
        Is::InProgress => 1,
        _ => 2,
    };
    from == to || rank(from) < rank(to)
}

struct Played {
    world: World,
    items: Vec<Item>,
    skipped: u64,
    seen: BTreeMap<Vec<u8>, Vec<Is>>,
}

impl Played {
    fn asked(&mut self, is_wanted: impl Fn(&Ask) -> bool) -> Option<(EffectId, Ask)> {
        let place = self.world.asked.iter().position(|(_, ask)| is_wanted(ask))?;
        self.world.asked.remove(place)
    }

    fn play(&mut self, step: &Step) {
        let is_plan = |ask: &Ask| matches!(ask, Ask::Plan { .. });
        match step {
            Step::Plan { findings, skipped, more } => {
                let Some((effect, _)) = self.asked(is_plan) else { return };
                let first = self.items.len() as u32;
                let new = (first..)
                    .zip(findings)
                    .map(|(place, (is_age, _))| finding(if *is_age { AGE } else { SHARED }, place));
                let new: Vec<Item> = new.collect();
                self.items.extend(new.iter().cloned());
                self.skipped += skipped;
                let skipped = BTreeMap::from([(AGE, *skipped)]);
                let cursor = more.then(|| "on".to_owned());
                self.world.answer(effect, &Planned { items: new, skipped, cursor });
            }
            Step::Apply { failures } => {
                let Some((effect, Ask::Apply { chunk })) = self.asked(|ask| !is_plan(ask)) else {
                    return;
                };
                let items = self.world.chunk(chunk).unwrap();
                let results = items.iter().zip(failures.iter().cycle()).map(|(item, failure)| {
                    let all = birth().actions_of(item.check()).count();
                    match failure {
                        None => result(item, &vec![false; all]),
                        Some(true) => result(item, &[true]),
                        Some(false) => {
                            let mut errors = vec![false; all];
                            errors[all - 1] = true;
                            result(item, &errors)
                        }
                    }
                });
                self.world.answer(effect, &Applied { results: results.collect() });
            }
            Step::FailPlan => {
                if let Some((effect, _)) = self.asked(is_plan) {
                    self.world.fail(effect);
                }
            }
            Step::FailApply => {
                if let Some((effect, _)) = self.asked(|ask| !is_plan(ask)) {
                    self.world.fail(effect);
                }
            }
            Step::Cancel => {
                let _may_have_ended = self.world.cancel();
            }
        }
        self.look();
    }

    /// Statuses only go on; what the statistics say is what the rows come to.
    fn look(&mut self) {
        let details = self.world.details();
        let mut expected: BTreeMap<Check, Counts> = BTreeMap::new();
        let skipped = expected.entry(AGE).or_default();
        (skipped.total, skipped.skipped) = (self.skipped, self.skipped);
        for item in &self.items {
            let statuses = self.world.statuses(item);
            if let Some(before) = self.seen.insert(item.key(), statuses.clone()) {
                for (from, to) in before.iter().zip(&statuses) {
                    assert!(may_become(*from, *to), "{from:?} became {to:?}");
                }
            }
            let counts = expected.entry(item.check().unwrap()).or_default();
            counts.total += 1;
            if statuses.contains(&Is::Failed) {
                counts.failed += 1;
            } else if statuses.iter().all(|status| *status == Is::Completed) {
                counts.succeeded += 1;
            } else if statuses.contains(&Is::Canceled) || details.status == TaskStatus::Canceled {
                counts.canceled += 1;
            }
        }
        expected.retain(|_, counts| counts.total > 0);
        let mut told: BTreeMap<Check, Counts> = details.counts().collect();
        told.retain(|_, counts| counts.total > 0);
        assert_eq!(told, expected);
        if self.world.closed {
            let sum = |counts: &Counts| {
                counts.failed + counts.succeeded + counts.skipped + counts.canceled
            };
            assert!(told.values().all(|counts| counts.total == sum(counts)));
            let has_failed = told.values().any(|counts| counts.failed > 0);
            match details.status {
                TaskStatus::Completed => assert!(!has_failed),
                TaskStatus::Failed => assert!(has_failed || details.fault.is_some()),
                other => assert_eq!(other, TaskStatus::Canceled),
            }
            assert!(self.world.asked.is_empty(), "somebody works for a task that has ended");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn statistics_equal_the_rows_and_statuses_only_go_on(
        steps in prop::collection::vec(step(), 1..30)
    ) {
        let world = World::new(&birth());
        let mut played =
            Played { world, items: Vec::new(), skipped: 0, seen: BTreeMap::new() };
        steps.iter().for_each(|step| played.play(step));
        // A fold of what was written comes to the same state and rows.
        let bytes = segment::encode(Timestamp(1), &played.world.events).unwrap();
        let (_, events) = segment::decode::<Event>(&bytes).unwrap();
        prop_assert_eq!(&events, &played.world.events);
        let state = played.world.task.snapshot().unwrap();
        prop_assert_eq!(&Mitigation::restore(&state).unwrap(), &played.world.task);
        prop_assert!(events.iter().filter(|event| event.payload().is_some()).count() == 1);
    }
}
