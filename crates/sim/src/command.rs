//! Scenarios of Run Command: commands on nodes that are played by their names. `good…` runs well,
//! `bad…` fails, `slow…` runs until it is told to stop, `late…` is never there.

use serde_json::json;
use trackway_command::request::{Request, arn};
use trackway_command::{CommandRun, EventKind, KIND, NodeReport, PluginReport, Signal};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload, Start};
use trackway_engine::{
    Builder, Definition, Durability, Engine, Fault, Offer, Reader, Record, StartRequest, Work,
};

use crate::{Act, Does, Reaction, Scenario, Seen, Told, journal};

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
/// What uploads' effects begin with.
const UPLOADS: u32 = 1 << 31;

/// One command and what is asked of it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The scenario's name.
    pub name: &'static str,
    /// Its nodes; behind a target, if `by_tag`.
    pub nodes: Vec<&'static str>,
    /// Whether the nodes are looked up.
    pub by_tag: bool,
    /// `MaxConcurrency` and `MaxErrors`.
    pub rate: (&'static str, &'static str),
    /// A bucket for its output.
    pub bucket: &'static str,
    /// What is asked of it, and when.
    pub signals: Vec<(i64, Signal)>,
}

/// Every scenario of Run Command.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let plain = |name, nodes: &[&'static str]| Sent {
        name,
        nodes: nodes.to_vec(),
        by_tag: false,
        rate: ("50", "100%"),
        bucket: "",
        signals: Vec::new(),
    };
    let cancel = |nodes: Option<&[&str]>| {
        let nodes = nodes.map(|nodes| nodes.iter().map(|node| (*node).to_owned()).collect());
        (60_000, Signal::Cancel { nodes })
    };
    let one_by_one = ("1", "0");
    let commands = [
        plain("three", &["good-1", "good-2", "good-3"]),
        Sent { by_tag: true, ..plain("targets", &["good-1", "bad-1", "good-2"]) },
        Sent { by_tag: true, ..plain("nobody", &[]) },
        Sent { rate: one_by_one, ..plain("errors", &["good-1", "bad-1", "good-2", "good-3"]) },
        plain("lost", &["good-1", "late-1", "slow-1"]),
        Sent { signals: vec![cancel(None)], ..plain("cancelled", &["good-1", "slow-1", "late-1"]) },
        Sent {
            signals: vec![cancel(Some(&["slow-1", "late-1"]))],
            ..plain("some-cancelled", &["slow-1", "late-1", "good-1"])
        },
        Sent { bucket: "logs", ..plain("bucket", &["good-1", "bad-1"]) },
    ];
    commands.into_iter().map(|sent| Box::new(sent) as Box<dyn Scenario>).collect()
}

impl Sent {
    fn arn(&self) -> String {
        arn(ACCOUNT, REGION, self.name)
    }
}

fn report(node: &str, status: &str) -> Signal {
    let plugin = PluginReport {
        name: "run".to_owned(),
        plugin: "aws:runShellScript".to_owned(),
        status: status.to_owned(),
        stdout: node.to_owned(),
        ..PluginReport::default()
    };
    let report = NodeReport {
        status: status.to_owned(),
        response_code: i32::from(status != "Success"),
        plugins: vec![plugin],
    };
    Signal::Reported { node: node.to_owned(), report: Box::new(report) }
}

impl Scenario for Sent {
    fn name(&self) -> String {
        format!("command/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder().kind::<CommandRun>(KIND, "command").polled("node")
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        let ids = || self.nodes.iter().map(|node| (*node).to_owned()).collect();
        let request = Request {
            command_id: self.name.to_owned(),
            instance_ids: if self.by_tag { Vec::new() } else { ids() },
            targets: if self.by_tag {
                vec![json!({ "Key": "tag-key", "Values": ["x"] })]
            } else {
                Vec::new()
            },
            timeout_seconds: 600,
            execution_timeout_seconds: 300,
            max_concurrency: self.rate.0.to_owned(),
            max_errors: self.rate.1.to_owned(),
            output_s3_bucket_name: self.bucket.to_owned(),
            ..Request::default()
        };
        let start = StartRequest {
            kind: KIND,
            scope: format!("{ACCOUNT}/{REGION}").into(),
            parent: "".into(),
            definition: Definition::new("{}"),
            start: Start {
                arn: self.arn(),
                definition_arn: "D".to_owned(),
                name: self.name.to_owned(),
                role_arn: String::new(),
                input: Payload::new(json!(request).to_string()),
                attributes: Vec::new(),
            },
            reply_to: None,
            durability: Durability::Durable,
        };
        vec![(0, start)]
    }

    fn perform(&self, work: &Work, _seen: &Seen<'_>) -> Reaction {
        let answer = match work.queue.as_str() {
            "targets" => json!(self.nodes),
            _ => json!({}),
        };
        let does = Does::Finish(Outcome::Succeeded(Payload::new(answer.to_string())));
        Reaction { delay: 5 + i64::from(work.effect.0 % 4), does }
    }

    fn polled(&self, offer: &Offer, _seen: &Seen<'_>) -> Vec<(i64, Act)> {
        let node = offer.queue.rsplit('/').next().unwrap_or_default().to_owned();
        let to = |signal| Act::new::<CommandRun>(offer.execution, signal);
        let heard = |node: &str| to(Signal::CancelHeard { node: node.to_owned() });
        let taken = |node: &str| to(Signal::Delivered { node: node.to_owned() });
        let is_cancel = offer.effect.0.is_multiple_of(2);
        match node.split('-').next() {
            Some("slow") if is_cancel => {
                vec![(3, heard(&node)), (5, to(report(&node, "Cancelled")))]
            }
            Some("slow") => vec![(3, taken(&node))],
            Some("good") => vec![(3, taken(&node)), (40, to(report(&node, "Success")))],
            Some("bad") => vec![(3, taken(&node)), (40, to(report(&node, "Failed")))],
            _ => Vec::new(),
        }
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let id = ExecutionId::of(&self.arn());
        let act = |(at, signal): &(i64, Signal)| (*at, Act::new::<CommandRun>(id, signal.clone()));
        self.signals.iter().map(act).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        let (mut told, mut dispatched, mut uploads) = (Vec::new(), 0, 0);
        for entry in journal::<CommandRun>(reader, record.id)? {
            match &entry.event.kind {
                EventKind::Dispatched { count } => {
                    for node in dispatched..dispatched + count {
                        let asks = Some(EffectId(1 + 2 * node));
                        told.push(Told { asks, ..Told::plain(format!("Dispatched {node}")) });
                    }
                    dispatched += count;
                }
                EventKind::CancelSent { node } => {
                    let asks = Some(EffectId(2 + 2 * node));
                    told.push(Told { asks, ..Told::plain(format!("CancelSent {node}")) });
                }
                EventKind::UploadsAsked { count } => {
                    for number in uploads..uploads + count {
                        let asks = Some(EffectId(UPLOADS + number));
                        told.push(Told { asks, ..Told::plain("upload") });
                    }
                    uploads += count;
                }
                EventKind::Uploaded { number, error } => {
                    let answers = Some(EffectId(UPLOADS + number));
                    told.push(Told { answers, ..Told::plain(format!("uploaded {error:?}")) });
                }
                EventKind::Accepted { .. } => {
                    let asks = Some(EffectId(0)).filter(|_| self.by_tag);
                    told.push(Told { asks, ..Told::plain("Accepted") });
                }
                EventKind::Resolved => {
                    let answers = Some(EffectId(0)).filter(|_| self.by_tag);
                    told.push(Told { answers, ..Told::plain("Resolved") });
                }
                other => {
                    let ends = matches!(other, EventKind::Closed { .. });
                    told.push(Told { ends, ..Told::plain(format!("{other:?}")) });
                }
            }
        }
        // Nodes go on side by side. The last event stays the last: it has to be the end.
        let last = told.len().saturating_sub(1);
        told[..last].sort_by(|one, other| one.text.cmp(&other.text));
        Ok(told)
    }
}
