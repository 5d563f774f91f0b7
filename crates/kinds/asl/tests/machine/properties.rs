//! Any inputs in any order: the machine never panics, its state is the fold of its journal (the
//! bench looks after each turn), what is repeated changes nothing, and it can always be stopped.

use proptest::prelude::*;
use serde_json::json;
use trackway_asl::{Failure, Signal, Status};
use trackway_core::{Command, EffectId, Input, Outcome, Payload, TimerId};

use crate::script::{self, Bench};

/// What happens to a running execution. Numbers choose among what is outstanding, or name
/// something that may not exist.
#[derive(Clone, Debug)]
enum Action {
    Succeed(usize, String),
    Fail(usize, String),
    Garble(usize),
    Fire(usize),
    Take(usize),
    Beat(usize),
    Answer(usize, String),
    Refuse(usize),
    Repeat,
    Restart,
    Pass(u8),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let value = prop::sample::select(vec!["1", "{}", "[1,2,3]", "\"x\"", "{\"l\":[2]}", "null"])
        .prop_map(str::to_owned);
    let error = prop::sample::select(vec!["Boom", "States.Timeout", "States.Runtime", "Lambda.X"])
        .prop_map(str::to_owned);
    let action = prop_oneof![
        4 => (0..9_usize, value.clone()).prop_map(|(n, v)| Action::Succeed(n, v)),
        2 => (0..9_usize, error).prop_map(|(n, e)| Action::Fail(n, e)),
        1 => (0..9_usize).prop_map(Action::Garble),
        3 => (0..9_usize).prop_map(Action::Fire),
        2 => (0..9_usize).prop_map(Action::Take),
        1 => (0..9_usize).prop_map(Action::Beat),
        2 => (0..9_usize, value).prop_map(|(n, v)| Action::Answer(n, v)),
        1 => (0..9_usize).prop_map(Action::Refuse),
        1 => Just(Action::Repeat),
        1 => Just(Action::Restart),
        1 => any::<u8>().prop_map(Action::Pass),
    ];
    prop::collection::vec(action, 0..60)
}

fn definitions() -> Vec<String> {
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let retry = json!([{"ErrorEquals": ["Boom"], "MaxAttempts": 2, "JitterStrategy": "FULL"}]);
    let catch = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Z"}]);
    let task = |resource: &str, parameters: serde_json::Value| {
        json!({"Type": "Task", "Resource": resource, "Parameters": parameters, "End": true,
            "TimeoutSeconds": 20, "HeartbeatSeconds": 10, "Retry": retry, "Catch": catch})
    };
    let last = json!({"Type": "Pass", "End": true});
    let level =
        |state: serde_json::Value| json!({"StartAt": "A", "States": {"A": state, "Z": last}});
    let activity = "arn:aws:states:us-east-1:000000000000:activity:a";
    let message = json!({"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"});
    let child = json!({"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:c"});
    let inner = |name: &str, resource: &str| {
        let task = json!({"Type": "Task", "Resource": resource, "End": true, "Retry": retry});
        json!({"StartAt": name, "States": {name: task}})
    };
    let wait =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "End": true}}});
    let choice = json!({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Default": "D", "Choices": [
            {"Variable": "$", "NumericEquals": 2, "Next": "F"}]},
        "D": {"Type": "Wait", "Seconds": 3, "Next": "E"},
        "E": {"Type": "Pass", "End": true},
        "F": {"Type": "Fail", "Error": "Boom"}}});
    let parallel = json!({"Type": "Parallel", "End": true, "Retry": retry, "Catch": catch,
        "Branches": [inner("T", function), inner("U", activity), wait]});
    let map = |processor: &serde_json::Value, concurrency: u32| {
        json!({"Type": "Map", "End": true, "Retry": retry, "Catch": catch,
            "MaxConcurrency": concurrency, "ItemProcessor": processor})
    };
    let nested = json!({"StartAt": "M", "States": {"M": {
        "Type": "Parallel", "End": true, "Branches": [wait, inner("T", function)]}}});
    [
        level(task(function, json!({"a.$": "$"}))),
        level(task(activity, json!({"a.$": "$$"}))),
        level(task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", message)),
        level(task("arn:aws:states:::states:startExecution.sync", child)),
        level(parallel),
        level(map(&choice, 0)),
        level(map(&inner("T", function), 2)),
        level(map(&nested, 1)),
    ]
    .into_iter()
    .map(|mut machine| {
        machine["TimeoutSeconds"] = json!(1000);
        machine.to_string()
    })
    .collect()
}

/// What the world knows to be outstanding.
#[derive(Default)]
struct Outstanding {
    effects: Vec<EffectId>,
    timers: Vec<TimerId>,
}

impl Outstanding {
    fn note(&mut self, commands: &[Command]) {
        for command in commands {
            match command {
                Command::Run { effect, .. } => self.effects.push(*effect),
                Command::Wake { timer, .. } => self.timers.push(*timer),
                Command::Cancel(_)
                | Command::Hold(_)
                | Command::Disarm(_)
                | Command::Close { .. } => {}
            }
        }
    }

    /// Mostly a recent one: those that are over are tried as well.
    fn effect(&self, choice: usize) -> EffectId {
        let place = self.effects.len().checked_sub(choice + 1);
        place.map_or(EffectId(99), |place| self.effects[place])
    }

    fn timer(&self, choice: usize) -> TimerId {
        let place = self.timers.len().checked_sub(choice + 1);
        place.map_or(TimerId(99), |place| self.timers[place])
    }
}

fn input(action: &Action, outstanding: &Outstanding) -> Option<Input<Signal>> {
    let failure = || Failure { error: Some("Boom".to_owned()), cause: None };
    Some(match action {
        Action::Succeed(n, value) => Input::Finished {
            effect: outstanding.effect(*n),
            outcome: Outcome::Succeeded(Payload::new(value.as_str())),
        },
        Action::Fail(n, error) => Input::Finished {
            effect: outstanding.effect(*n),
            outcome: Outcome::Failed { error: error.clone(), cause: "why".to_owned() },
        },
        Action::Garble(n) => Input::Finished {
            effect: outstanding.effect(*n),
            outcome: Outcome::Closed { report: vec![1, 2, 3] },
        },
        Action::Fire(n) => Input::Fired(outstanding.timer(*n)),
        Action::Take(n) => {
            Input::Signal(Signal::Taken { effect: outstanding.effect(*n), worker: None })
        }
        Action::Beat(n) => Input::Signal(Signal::Heartbeat { effect: outstanding.effect(*n) }),
        Action::Answer(n, value) => Input::Signal(Signal::TaskSucceeded {
            effect: outstanding.effect(*n),
            output: Payload::new(value.as_str()),
        }),
        Action::Refuse(n) => {
            Input::Signal(Signal::TaskFailed { effect: outstanding.effect(*n), failure: failure() })
        }
        Action::Repeat | Action::Restart | Action::Pass(_) => return None,
    })
}

/// Outcomes and timers that come again change nothing.
fn is_ignored_again(bench: &mut Bench, input: Input<Signal>) {
    if matches!(input, Input::Signal(_)) {
        return;
    }
    let before = bench.execution.clone();
    let (events, commands) = bench.take(input).expect("only signals are refused");
    assert!(events.is_empty() && commands.is_empty(), "it came twice: {events:?}");
    assert_eq!(before, bench.execution);
}

fn closes_once(commands: &[Command]) -> bool {
    commands.iter().filter(|command| matches!(command, Command::Close { .. })).count() == 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn any_inputs_leave_a_sound_machine(which in 0..8_usize, actions in actions()) {
        let definition = &definitions()[which];
        let mut bench = Bench::new(definition);
        let mut outstanding = Outstanding::default();
        let begun = if which < 4 { "{\"l\":[1]}" } else { "[1,2,3]" };
        let (_, commands) = bench.take(script::start(begun)).expect("a start is never refused");
        outstanding.note(&commands);
        let mut last = None;
        for action in &actions {
            match action {
                Action::Repeat => {
                    if let Some(input) = last.take() {
                        is_ignored_again(&mut bench, input);
                    }
                    continue;
                }
                Action::Restart => {
                    is_ignored_again(&mut bench, script::start("{}"));
                    continue;
                }
                Action::Pass(seconds) => bench.now = bench.now.plus_seconds((*seconds).into()),
                _ => {}
            }
            let Some(input) = input(action, &outstanding) else { continue };
            last = Some(input.clone());
            if let Ok((_, commands)) = bench.take(input) {
                outstanding.note(&commands);
            }
        }
        if bench.execution.status() == Status::Running {
            let stop = Input::Signal(Signal::Stop(Failure::default()));
            let (_, commands) = bench.take(stop).expect("what runs can be stopped");
            prop_assert!(closes_once(&commands));
        }
        prop_assert!(closes_once(&bench.commands), "it closes once");
        for choice in 0..outstanding.effects.len() {
            for action in [Action::Fire(choice), Action::Succeed(choice, "1".to_owned())] {
                if let Some(input) = input(&action, &outstanding) {
                    is_ignored_again(&mut bench, input);
                }
            }
            let answer = Signal::TaskSucceeded {
                effect: outstanding.effect(choice),
                output: Payload::new("1"),
            };
            prop_assert!(bench.take(Input::Signal(answer)).is_err());
        }
    }
}
