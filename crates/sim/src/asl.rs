//! Scenarios of Step Functions.

use trackway_asl::call::{LAMBDA, SERVICE, STATES, StartCall};
use trackway_asl::{Execution, Failure, Signal};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload, ReplyTo, Start};
use trackway_engine::{
    Builder, Definition, Durability, Engine, Fault, Offer, Reader, Record, StartRequest, Work,
};

use crate::tale::tell;
use crate::{Act, Does, Reaction, Scenario, Seen, Told};

/// The tag that the kind is registered with.
const ASL: u8 = 1;

/// One state machine, run once.
#[derive(Clone)]
pub struct Machine {
    /// The scenario's name.
    pub name: &'static str,
    /// Its definition.
    pub definition: &'static str,
    /// Its input.
    pub input: &'static str,
    /// What the world asks, and when.
    pub signals: Vec<(i64, Signal)>,
}

const CHILD: &str = r#"{"StartAt":"W","States":{
    "W":{"Type":"Wait","Seconds":2,"Next":"P"},
    "P":{"Type":"Pass","Result":{"child":true},"End":true}}}"#;

/// Every scenario of Step Functions.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let plain = |name, input, definition| Machine { name, definition, input, signals: Vec::new() };
    let stop = Signal::Stop(Failure { error: Some("Stop".to_owned()), cause: None });
    let answer = Signal::TaskSucceeded { effect: EffectId(1), output: Payload::new("{\"ok\":1}") };
    let machines = [
        plain("straight", r#"{"n":3}"#, STRAIGHT),
        plain("retry", "{}", RETRY),
        plain("catch", "{}", CATCH),
        plain("parallel", "{}", PARALLEL),
        plain("map", r#"{"items":[1,2,3,4,5]}"#, MAP),
        plain("child", "{}", NESTED),
        plain("activity", "{}", ACTIVITY),
        plain("timeout", "{}", TIMEOUT),
        Machine { signals: vec![(4000, answer)], ..plain("token", "{}", TOKEN) },
        Machine { signals: vec![(3000, stop)], ..plain("stopped", "{}", PARALLEL_FOR_EVER) },
    ];
    machines.into_iter().map(|machine| Box::new(machine) as Box<dyn Scenario>).collect()
}

const STRAIGHT: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Pass","Result":1,"ResultPath":"$.a","Next":"B"},
    "B":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:good","ResultPath":"$.b","Next":"C"},
    "C":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericGreaterThan":2,"Next":"D"}],"Default":"E"},
    "D":{"Type":"Wait","Seconds":5,"Next":"F"},
    "E":{"Type":"Fail","Error":"Small"},
    "F":{"Type":"Succeed"}}}"#;

const RETRY: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:third",
         "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":5,"BackoffRate":2}],
         "End":true}}}"#;

const CATCH: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:bad",
         "Catch":[{"ErrorEquals":["Bad"],"Next":"B"}],"End":true},
    "B":{"Type":"Pass","End":true}}}"#;

const PARALLEL: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:good","End":true}}},
    {"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":1,"Next":"C"},
                             "C":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:good","End":true}}},
    {"StartAt":"D","States":{"D":{"Type":"Pass","End":true}}}]}}}"#;

const PARALLEL_FOR_EVER: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:never","End":true}}},
    {"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":100000,"End":true}}}]}}}"#;

const MAP: &str = r#"{"StartAt":"M","States":{"M":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,"End":true,
    "ItemProcessor":{"StartAt":"A","States":{
        "A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:good","End":true}}}}}}"#;

const NESTED: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2",
         "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:child","Input":{}},
         "ResultSelector":{"out.$":"$.Output"},"Next":"B"},
    "B":{"Type":"Pass","End":true}}}"#;

const ACTIVITY: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"arn:aws:states:us-east-1:000000000000:activity:a","Next":"B"},
    "B":{"Type":"Pass","End":true}}}"#;

const TIMEOUT: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:never","TimeoutSeconds":7,
         "Catch":[{"ErrorEquals":["States.Timeout"],"Next":"B"}],"End":true},
    "B":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:000000000000:function:good","TimeoutSeconds":900,"End":true}}}"#;

const TOKEN: &str = r#"{"StartAt":"A","States":{
    "A":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken",
         "Parameters":{"QueueUrl":"q","MessageBody.$":"$$.Task.Token"},"Next":"B"},
    "B":{"Type":"Pass","End":true}}}"#;

/// An engine that knows Step Functions and activities.
#[must_use]
pub fn builder() -> Builder {
    Engine::builder().kind::<Execution>(ASL, "Step Functions").polled("activity")
}

/// A start of an execution with this ARN.
#[must_use]
pub fn request(arn: String, definition: &str, input: &str) -> StartRequest {
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
    StartRequest {
        kind: ASL,
        scope: "000000000000/us-east-1".into(),
        parent: machine.into(),
        definition: Definition::new(definition),
        start: Start {
            name: arn.rsplit(':').next().unwrap_or_default().to_owned(),
            arn,
            definition_arn: machine.into(),
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            input: Payload::new(input),
            attributes: Vec::new(),
        },
        reply_to: None,
        durability: Durability::Durable,
    }
}

impl Machine {
    fn arn(&self) -> String {
        format!("arn:aws:states:us-east-1:000000000000:execution:m:{}", self.name)
    }

    fn lambda(work: &Work) -> Does {
        let is = |name: &str| work.request.contains(&format!("function:{name}"));
        let failed = || Outcome::Failed { error: "Bad".to_owned(), cause: "so".to_owned() };
        match () {
            () if is("never") => Does::Never,
            () if is("bad") || (is("third") && work.effect.0 < 2) => Does::Finish(failed()),
            () => Does::Finish(Outcome::Succeeded(Payload::new("{\"done\":true}"))),
        }
    }

    fn child(work: &Work) -> Does {
        let answer = serde_json::from_str::<StartCall>(&work.request).ok();
        let effect = answer.and_then(|call| call.answer).unwrap_or(work.effect);
        let arn = format!(
            "arn:aws:states:us-east-1:000000000000:execution:child:{}-{}",
            work.execution, work.effect.0
        );
        let mut child = Box::new(request(arn, CHILD, "{}"));
        child.reply_to = Some(ReplyTo { execution: work.execution, effect });
        Does::StartAndAnswer(child, Outcome::Succeeded(Payload::new("{\"begun\":true}")))
    }
}

impl Scenario for Machine {
    fn name(&self) -> String {
        format!("asl/{}", self.name)
    }

    fn builder(&self) -> Builder {
        builder()
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        vec![(0, request(self.arn(), self.definition, self.input))]
    }

    fn perform(&self, work: &Work, _seen: &Seen<'_>) -> Reaction {
        let does = match work.queue.as_str() {
            LAMBDA => Self::lambda(work),
            STATES => Self::child(work),
            SERVICE => Does::Finish(Outcome::Succeeded(Payload::new("{\"sent\":true}"))),
            _ => Does::Never,
        };
        Reaction { delay: 5 + i64::from(work.effect.0 % 4), does }
    }

    fn polled(&self, offer: &Offer, _seen: &Seen<'_>) -> Vec<(i64, Act)> {
        let to = |signal| Act::new::<Execution>(offer.execution, signal);
        let (effect, output) = (offer.effect, Payload::new("{\"worked\":true}"));
        let taken = Signal::Taken { effect, worker: Some("w".to_owned()) };
        vec![(3, to(taken)), (4, to(Signal::TaskSucceeded { effect, output }))]
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let id = ExecutionId::of(&self.arn());
        let act = |signal: &Signal| Act::new::<Execution>(id, signal.clone());
        self.signals.iter().map(|(at, signal)| (*at, act(signal))).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        tell(reader, record.id)
    }
}
