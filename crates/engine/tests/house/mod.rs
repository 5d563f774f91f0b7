//! What the engine's tests share: an engine over a memory store, and requests for toys.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use trackway_core::{ExecutionId, Outcome, Payload, ReplyTo, Start};
use trackway_engine::toy::{Event, Relay, Toy};
use trackway_engine::{
    Builder, Clock, Definition, Durability, Engine, Page, Performed, Performer, StartRequest,
    Started, Waited, Work,
};
use trackway_store::{BoxFuture, Memory, MemorySnapshot};

pub const TOY: u8 = 1;
pub const RELAY: u8 = 2;
pub const SCOPE: &str = "000000000000/us-east-1";

pub fn request(name: &str, script: &str) -> StartRequest {
    StartRequest {
        kind: TOY,
        scope: SCOPE.into(),
        parent: "machine".into(),
        definition: Definition::new(script),
        start: Start {
            arn: arn(name),
            definition_arn: "machine".into(),
            name: name.into(),
            role_arn: "role".into(),
            input: Payload::new("{\"in\":1}"),
            attributes: vec![7],
        },
        reply_to: None,
        durability: Durability::Durable,
    }
}

pub fn volatile(name: &str, script: &str) -> StartRequest {
    StartRequest { durability: Durability::Volatile, ..request(name, script) }
}

pub fn arn(name: &str) -> String {
    format!("arn:toy:{name}")
}

pub fn id(name: &str) -> ExecutionId {
    ExecutionId::of(&arn(name))
}

/// Answers every effect with its own queue, and remembers what it was asked.
#[derive(Default)]
pub struct Echo {
    pub asked: Mutex<Vec<Work>>,
}

impl Performer for Echo {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        let answer = Payload::new(format!("{:?}", work.queue));
        self.asked.lock().unwrap().push(work);
        Box::pin(async { Performed::Finished(Outcome::Succeeded(answer)) })
    }
}

/// Never answers, but remembers.
#[derive(Default)]
pub struct Silent {
    pub asked: Mutex<Vec<Work>>,
    pub cancelled: Mutex<Vec<ExecutionId>>,
}

impl Performer for Silent {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        self.asked.lock().unwrap().push(work);
        Box::pin(std::future::pending())
    }

    fn cancel(&self, execution: ExecutionId, _effect: trackway_core::EffectId) {
        self.cancelled.lock().unwrap().push(execution);
    }
}

/// Starts a toy or a relay as a child: the request is its script.
#[derive(Default)]
pub struct Children {
    pub engine: Mutex<Option<Engine>>,
    pub volatile: bool,
}

impl Performer for Children {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        let engine = self.engine.lock().unwrap().clone().unwrap();
        let name = format!("{}-{}", work.execution, work.effect.0);
        let script = work.request.trim_matches('"').to_owned();
        let reply_to = Some(ReplyTo { execution: work.execution, effect: work.effect });
        let durability = if self.volatile { Durability::Volatile } else { Durability::Durable };
        Box::pin(async move {
            let kind = if work.queue == "relay" { RELAY } else { TOY };
            let child = StartRequest { kind, reply_to, durability, ..request(&name, &script) };
            engine.start(child).await.unwrap();
            if work.queue == "job/child" {
                // The child may well close before its start is reported.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                return Performed::Finished(Outcome::Succeeded(Payload::new("\"begun\"")));
            }
            Performed::Elsewhere
        })
    }
}

pub struct House {
    pub store: Memory,
    pub echo: Arc<Echo>,
    pub silent: Arc<Silent>,
    pub children: Arc<Children>,
    pub problems: Arc<Mutex<Vec<String>>>,
    pub engine: Engine,
}

pub fn builder() -> Builder {
    let builder = Engine::builder().kind::<Toy>(TOY, "toy").kind::<Relay>(RELAY, "relay");
    builder.polled("activity").clock(Clock::Manual)
}

impl House {
    pub async fn new() -> Self {
        Self::over(Memory::new(), |builder| builder).await
    }

    pub async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        Self::over(Memory::new(), change).await
    }

    pub async fn over(store: Memory, change: impl FnOnce(Builder) -> Builder) -> Self {
        let (echo, silent) = (Arc::<Echo>::default(), Arc::<Silent>::default());
        let children = Arc::<Children>::default();
        let problems = Arc::<Mutex<Vec<String>>>::default();
        let heard = problems.clone();
        let builder = builder()
            .performer("echo", echo.clone())
            .performer("silent", silent.clone())
            .performer("child", children.clone())
            .performer("job", children.clone())
            .performer("relay", children.clone())
            .on_problem(move |problem| heard.lock().unwrap().push(problem.to_owned()));
        let engine = change(builder).open(Arc::new(store.clone())).await.unwrap();
        *children.engine.lock().unwrap() = Some(engine.clone());
        Self { store, echo, silent, children, problems, engine }
    }

    /// The process dies, and another one opens what was durable.
    pub async fn crash(self) -> Self {
        let snapshot: MemorySnapshot = self.store.snapshot();
        self.engine.shutdown().await;
        *self.children.engine.lock().unwrap() = None;
        let store = Memory::new();
        store.restore(&snapshot);
        Self::over(store, |builder| builder).await
    }

    pub async fn start(&self, name: &str, script: &str) {
        let started = self.engine.start(request(name, script)).await.unwrap();
        assert!(matches!(started, Started::New { .. }), "{started:?}");
    }

    pub async fn run(&self, name: &str, script: &str) -> u8 {
        match self.engine.start_and_wait(request(name, script)).await.unwrap() {
            Waited::Ended(ended) => ended.summary.status,
            Waited::Existing { .. } => panic!("{name} exists"),
        }
    }

    pub async fn status(&self, name: &str) -> u8 {
        self.engine.record(id(name)).await.unwrap().map_or(0, |record| record.summary.status)
    }

    /// Waits until the status is that. Something has to make it so: there is no timeout.
    pub async fn until(&self, name: &str, status: u8) {
        while self.status(name).await != status {
            tokio::task::yield_now().await;
        }
    }

    pub async fn events(&self, name: &str) -> Vec<Event> {
        let page = Page::Forward { from: 0, limit: usize::MAX };
        let entries = self.engine.journal::<Toy>(id(name), page).await.unwrap();
        entries.into_iter().map(|entry| entry.event).collect()
    }

    pub async fn verified(&self) -> trackway_engine::VerifyReport {
        let report = builder().verify(Arc::new(self.store.clone())).await.unwrap();
        assert_eq!(report.problems, [""; 0], "{report:?}");
        report
    }
}
