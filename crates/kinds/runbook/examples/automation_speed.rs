//! How fast the machine is by itself: executions of ten steps (sleep, branch, updateVariable) that
//! take one turn each, their segments and their rows written.
//!
//! `cargo run --release -p trackway-runbook --example automation_speed`

use std::time::Instant;

use trackway_core::{
    EffectId, Environment, Input, Machine as _, Payload, Start, Timestamp, Turn, segment,
};
use trackway_runbook::automation::{Automation, StartedWith, Status, envelope};

const RUNS: u32 = 20_000;

struct World(u64);

impl Environment for World {
    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0
    }

    fn task_token(&mut self, _effect: EffectId) -> String {
        String::new()
    }
}

fn document() -> String {
    let mut steps = Vec::new();
    for at in 0..10 {
        steps.push(match at % 3 {
            0 => format!(r#"{{"name":"s{at}","action":"aws:sleep","inputs":{{"Duration":"PT0S"}}}}"#),
            1 => format!(
                r#"{{"name":"s{at}","action":"aws:branch","inputs":{{"Choices":[{{"NextStep":"s{}","Variable":"{{{{ variable:N }}}}","NumericGreaterOrEquals":0}}]}}}}"#,
                at + 1
            ),
            _ => format!(
                r#"{{"name":"s{at}","action":"aws:updateVariable","inputs":{{"Name":"variable:N","Value":{at}}}}}"#
            ),
        });
    }
    format!(
        r#"{{"schemaVersion":"0.3","variables":{{"N":{{"type":"Integer","default":0}}}},"mainSteps":[{}]}}"#,
        steps.join(",")
    )
}

#[expect(clippy::disallowed_methods, reason = "it measures the time that passes")]
fn main() {
    let def = Automation::parse(&envelope(&document(), "JSON")).expect("the runbook is accepted");
    let with = StartedWith {
        execution_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        document_name: "Speed".to_owned(),
        document_version: "1".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        ..StartedWith::default()
    };
    let start = Start {
        arn: "arn:aws:ssm:eu-west-1:111122223333:automation-execution/x".to_owned(),
        definition_arn: String::new(),
        name: "x".to_owned(),
        role_arn: String::new(),
        input: Payload::new("{\"parameters\":{}}"),
        attributes: with.encode(),
    };
    let mut world = World(1);
    let (mut journal, mut rows_bytes, mut rows_count, mut events_count) = (0, 0, 0, 0);
    let began = Instant::now();
    for _ in 0..RUNS {
        let mut execution = Automation::default();
        let mut turn = Turn::new(Timestamp(1_704_067_200_000), &mut world);
        let handled = execution.handle(&def, Input::Start(start.clone()), &mut turn);
        assert!(handled.is_ok() && execution.status() == Status::Success);
        for (_, row) in turn.take_rows().into_edits() {
            rows_count += 1;
            rows_bytes += row.map_or(0, |row| row.len());
        }
        let (events, _) = turn.finish();
        events_count += events.len();
        journal += segment::encode(Timestamp(0), &events).expect("events have an encoding").len();
        let _ = execution.summary();
    }
    let took = began.elapsed();
    let runs = f64::from(RUNS);
    println!("{:.1} us an execution of 10 steps", took.as_secs_f64() * 1e6 / runs);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let per = |count: usize| count as f64 / runs;
    println!("{:.0} events, {:.0} B of journal before packing", per(events_count), per(journal));
    println!("{:.1} rows, {:.0} B", per(rows_count), per(rows_bytes));
}
