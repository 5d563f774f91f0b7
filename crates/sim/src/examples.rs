//! The examples as scenarios. Their functions are played here.

use serde_json::{Value, json};
use trackway_asl::call::{FunctionCall, Style};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Builder, Fault, Reader, Record, StartRequest, Work};

use crate::asl::{builder, request};
use crate::calls::find_in;
use crate::tale::tell;
use crate::{Does, Reaction, Scenario, Seen, Told};

/// A definition under `examples/`, run with some inputs at once.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its folder's name.
    pub name: &'static str,
    definition: &'static str,
    inputs: &'static [&'static str],
}

/// Every example.
pub const ALL: &[Example] = &[
    Example {
        name: "hello",
        definition: include_str!("../../../examples/hello/hello.asl.json"),
        inputs: &[r#"{"name": "Ada"}"#, "{}"],
    },
    Example {
        name: "order",
        definition: include_str!("../../../examples/order/order.asl.json"),
        inputs: &[
            r#"{"order":"A-17","items":[{"name":"anvil","count":1},{"name":"rope","count":2},{"name":"magnet","count":3}]}"#,
            r#"{"order":"B-1","items":[{"name":"rope","count":1}]}"#,
        ],
    },
];

/// Every example, as a scenario.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    ALL.iter().map(|example| Box::new(*example) as Box<dyn Scenario>).collect()
}

/// What a function makes of an event, the `nth` time that it is asked.
fn function(name: &str, event: &Value, nth: usize) -> Outcome {
    let count = |item: &Value| item["count"].as_i64().unwrap_or_default();
    match name.rsplit(':').next().unwrap_or_default() {
        "price-order" if nth == 0 => Outcome::Failed {
            error: "PriceListBusy".to_owned(),
            cause: "the price list is being printed".to_owned(),
        },
        "price-order" => {
            let items = event["items"].as_array().into_iter().flatten();
            let total: i64 = items.map(|item| price(&item["name"]) * count(item)).sum();
            succeeded(&json!({"total": total, "currency": "EUR"}))
        }
        "reserve-item" => {
            let name = event["name"].as_str().unwrap_or_default();
            let shelf: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
            succeeded(&json!({"name": name, "shelf": format!("{shelf}{}", count(event))}))
        }
        _ => Outcome::Failed { error: "NoSuchFunction".to_owned(), cause: name.to_owned() },
    }
}

fn price(name: &Value) -> i64 {
    match name.as_str() {
        Some("anvil") => 99,
        Some("rope") => 12,
        _ => 25,
    }
}

fn succeeded(value: &Value) -> Outcome {
    Outcome::Succeeded(Payload::new(value.to_string()))
}

/// What Invoke answers, where that was asked for.
fn styled(style: Style, outcome: Outcome) -> Outcome {
    match (style, outcome) {
        (Style::Invoke, Outcome::Succeeded(result)) => Outcome::Succeeded(Payload::new(format!(
            "{{\"ExecutedVersion\":\"$LATEST\",\"Payload\":{},\"StatusCode\":200}}",
            result.as_str()
        ))),
        (_, outcome) => outcome,
    }
}

impl Scenario for Example {
    fn name(&self) -> String {
        format!("examples/{}", self.name)
    }

    fn builder(&self) -> Builder {
        builder()
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        let arn = format!("arn:aws:states:us-east-1:000000000000:execution:{}", self.name);
        let start = |(nth, input)| (0, request(format!("{arn}:{nth}"), self.definition, input));
        self.inputs.iter().copied().enumerate().map(start).collect()
    }

    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction {
        let call = serde_json::from_str::<FunctionCall>(&work.request).ok();
        let found = find_in(seen.reader, work.execution, work.effect).ok().flatten();
        let does = call.zip(found).map_or(Does::Never, |(call, found)| {
            let event = serde_json::from_str(call.payload.get()).unwrap_or_default();
            Does::Finish(styled(call.style, function(&call.function, &event, found.call.nth)))
        });
        Reaction { delay: 5 + i64::from(work.effect.0 % 4), does }
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        tell(reader, record.id)
    }
}
