//! How fast the machine is: `cargo run --release -p trackway-asl --example speed`.
//!
//! Each row is one definition, run again and again: a turn's deciding and folding, then its
//! journal as a segment, then its history as JSON.

#![expect(
    clippy::disallowed_methods,
    reason = "this measures time; the room itself reads no clock"
)]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trackway_asl::definition::{Definition, MachineType, parse, to_aws_message};
use trackway_asl::history::{View, write_event};
use trackway_asl::{Event, Execution, Signal};
use trackway_core::{
    EffectId, Environment, Input, Machine, Payload, Start, Timestamp, Turn, segment,
};

struct World;

impl Environment for World {
    fn random(&mut self) -> u64 {
        4
    }

    fn task_token(&mut self, effect: EffectId) -> String {
        effect.0.to_string()
    }
}

const ROUNDS: u32 = 50;

fn main() {
    let order = json!({"id": "o-1", "lines": (0..20).map(line).collect::<Vec<_>>()}).to_string();
    let items = json!((0..1000).collect::<Vec<_>>()).to_string();
    let orders = json!((0..1000).map(line).collect::<Vec<_>>()).to_string();
    row("1000 Pass, text goes through", &chain(1000, &json!({"Type": "Pass"})), &order);
    row("1000 Pass, Result at ResultPath", &chain(1000, &result()), &order);
    row("1000 Choice", &choices(1000), &order);
    row("Map of 1000 numbers", &map(&json!({})), &items);
    row("Map of 1000 objects", &map(&json!({})), &orders);
    row("Map of 1000, one at a time", &map(&json!({"MaxConcurrency": 1})), &items);
    let selector =
        json!({"ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"}});
    row("Map of 1000, ItemSelector", &map(&selector), &orders);
    let selector = json!({"MaxConcurrency": 1, "ItemSelector": {"v.$": "$$.Map.Item.Value"}});
    row("Map of 1000, ItemSelector, one at a time", &map(&selector), &orders);
}

fn line(number: u32) -> Value {
    json!({"sku": format!("sku-{number}"), "price": 12.5, "quantity": number})
}

fn result() -> Value {
    json!({"Type": "Pass", "Result": {"done": true}, "ResultPath": "$.r"})
}

fn chain(length: usize, state: &Value) -> Value {
    let mut states = serde_json::Map::new();
    for place in 0..length {
        let mut state = state.clone();
        state["Next"] = json!(format!("s{}", place + 1));
        states.insert(format!("s{place}"), state);
    }
    states.insert(format!("s{length}"), json!({"Type": "Succeed"}));
    json!({"StartAt": "s0", "States": states})
}

fn choices(length: usize) -> Value {
    let mut machine = chain(length, &json!({"Type": "Choice"}));
    for place in 0..length {
        let next = format!("s{}", place + 1);
        machine["States"][format!("s{place}")] = json!({"Type": "Choice", "Default": next, "Choices": [
            {"Variable": "$.lines[3].quantity", "NumericGreaterThan": 2, "Next": next}]});
    }
    machine
}

fn map(extra: &Value) -> Value {
    let mut state = json!({"Type": "Map", "End": true, "ItemProcessor": {
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}});
    for (name, value) in extra.as_object().into_iter().flatten() {
        state[name] = value.clone();
    }
    json!({"StartAt": "M", "States": {"M": state}})
}

fn row(name: &str, machine: &Value, input: &str) {
    let def = match parse(&machine.to_string(), MachineType::Standard) {
        Ok(def) => def,
        Err(problems) => return eprintln!("{}", to_aws_message(&problems)),
    };
    let mut spent = [Duration::ZERO; 4];
    let (mut events_len, mut bytes_len) = (0, 0);
    for _ in 0..ROUNDS {
        let mut time = Instant::now();
        let mut lap = |place: usize| {
            spent[place] += time.elapsed();
            time = Instant::now();
        };
        let events = turn(&def, input);
        lap(0);
        let bytes = segment::encode(Timestamp(1), &events).unwrap_or_default();
        lap(1);
        let read = segment::decode::<Event>(&bytes).map(|(_, events)| events).unwrap_or_default();
        let mut folded = Execution::default();
        read.iter().for_each(|event| folded.evolve(event, Timestamp(1)));
        lap(2);
        let shown = history(&def, &events);
        lap(3);
        (events_len, bytes_len) = (events.len(), bytes.len());
        assert!(!shown.is_empty() && folded.status().name() == "SUCCEEDED", "{name}");
    }
    let [decide, encode, fold, show] =
        spent.map(|time| time.as_secs_f64() * 1e6 / f64::from(ROUNDS));
    println!(
        "{name:42} {events_len:6} events {bytes_len:8} bytes | turn {decide:8.0} µs, encode {encode:6.0}, read+fold {fold:6.0}, history {show:6.0}"
    );
}

fn turn(def: &Definition, input: &str) -> Vec<Event> {
    let mut execution = Execution::default();
    let mut world = World;
    let mut turn = Turn::new(Timestamp(1_700_000_000_000), &mut world);
    let start: Input<Signal> = Input::Start(Start {
        arn: "arn:aws:states:us-east-1:000000000000:execution:m:x".to_owned(),
        definition_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".to_owned(),
        name: "x".to_owned(),
        role_arn: "r".to_owned(),
        input: Payload::new(input),
        attributes: Vec::new(),
    });
    // A start is never refused.
    let _decided = execution.handle(def, start, &mut turn);
    turn.finish().0
}

fn history(def: &Definition, events: &[Event]) -> Vec<u8> {
    let view = View { region: "us-east-1", include_execution_data: true };
    let mut out = Vec::new();
    for event in events {
        write_event(&mut out, def, event, Timestamp(1_700_000_000_000), &view);
    }
    out
}
