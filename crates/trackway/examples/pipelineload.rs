//! A client of the CodePipeline API, for `./x bench pipeline`: not a test, never timed by one.
//!
//! `pipelineload HOST:PORT executions COUNT CONNECTIONS PIPELINES MODE` runs that many executions of
//! three stages, whose custom actions are completed by so many workers over HTTP: each stage has a
//! poller, which hands jobs to the workers, and executions are started on a quarter as many
//! connections. `SERVER_PID` tells it whose processor time and memory to show;
//! `pipelineload HOST:PORT create NAME` makes a pipeline of 451 actions in ten stages, and prints the
//! id of its first execution;
//! `pipelineload fill FOLDER ID COUNT` runs that pipeline in this process, over the store of a server
//! that is stopped, until it has so many action executions more;
//! `pipelineload HOST:PORT pages NAME` pages through its history.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

mod load;

use load::{Connection, Failure, show, usage};
use serde_json::{Value, json};
use trackway_engine::{Builder, Engine};
use trackway_pipeline::ids::Number;
use trackway_pipeline::request::Job;
use trackway_pipeline::signal::{JobResult, Signal, StartRun};
use trackway_pipeline::{KIND, Pipeline};
use trackway_store::{Embedded, Options};

/// What the names of operations follow.
const TARGET: &str = "CodePipeline_20150709";

/// The stages of a pipeline that is driven over HTTP: category and provider of their actions.
const STAGES: [(&str, &str); 3] =
    [("Source", "LoadSource"), ("Build", "LoadBuild"), ("Deploy", "LoadDeploy")];
/// Executions that a pipeline takes at once.
const AT_ONCE: usize = 40;
/// Executions that are under way at once, of all pipelines.
const AT_ONCE_IN_ALL: usize = 400;
/// Jobs that a poll asks for at most.
const JOBS_PER_POLL: usize = 50;
/// How long a poller waits that did not get as many jobs as it asked for.
const PAUSE: Duration = Duration::from_millis(5);

fn type_id((category, provider): (&str, &str)) -> Value {
    json!({"category": category, "owner": "Custom", "provider": provider, "version": "1"})
}

fn custom_types(connection: &mut Connection) -> Result<(), Failure> {
    let known = connection.call("ListActionTypes", &json!({"actionOwnerFilter": "Custom"}))?;
    for (category, provider) in STAGES {
        let is_known = known["actionTypes"].as_array().into_iter().flatten();
        if is_known.map(|it| &it["id"]["provider"]).any(|it| it == provider) {
            continue;
        }
        let any = json!({"minimumCount": 0, "maximumCount": 5});
        let input = json!({"category": category, "provider": provider, "version": "1",
            "inputArtifactDetails": any, "outputArtifactDetails": any});
        connection.call("CreateCustomActionType", &input)?;
    }
    Ok(())
}

/// A pipeline whose stages after the source have so many actions each.
fn create(
    connection: &mut Connection,
    (name, mode): (&str, &str),
    (stages, actions): (usize, usize),
) -> Result<(), Failure> {
    let action = |stage: usize, number: usize| {
        let of = if stage == 0 { STAGES[0] } else { STAGES[2 - stage % 2] };
        let mut action = json!({"name": format!("Action{number}"), "runOrder": 1,
            "actionTypeId": type_id(of)});
        match stage {
            0 => action["outputArtifacts"] = json!([{"name": "Source"}]),
            _ => action["inputArtifacts"] = json!([{"name": "Source"}]),
        }
        action
    };
    let stage = |stage: usize| {
        let count = if stage == 0 { 1 } else { actions };
        let actions: Vec<_> = (0..count).map(|number| action(stage, number)).collect();
        json!({"name": format!("Stage{stage}"), "actions": actions})
    };
    let stages: Vec<_> = (0..stages).map(stage).collect();
    let pipeline = json!({"name": name, "roleArn": "arn:aws:iam::000000000000:role/load",
        "artifactStore": {"type": "S3", "location": "load"}, "pipelineType": "V2",
        "executionMode": mode, "stages": stages});
    connection.call("CreatePipeline", &json!({ "pipeline": pipeline })).map(drop)
}

/// What all connections share.
struct Shared {
    host: String,
    /// The pipelines.
    names: Vec<String>,
    started: AtomicUsize,
    ended: AtomicUsize,
    /// How many executions are to end.
    goal: usize,
    /// How many may be under way.
    at_once: usize,
    /// Jobs that were polled for and nobody works on yet, with the place of their stage.
    jobs: Mutex<VecDeque<(usize, Value)>>,
    /// Wakes who waits for a job.
    more: Condvar,
}

/// How long calls took: those of each operation that the load is made of.
type Took = [Vec<Duration>; OPERATIONS.len()];

const OPERATIONS: [&str; 4] =
    ["StartPipelineExecution", "PollForJobs", "AcknowledgeJob", "PutJobSuccessResult"];

impl Shared {
    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed) >= self.goal
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(usize, Value)>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has everybody stop.
    fn give_up(&self) {
        self.ended.store(usize::MAX / 2, Ordering::Relaxed);
        self.more.notify_all();
    }
}

fn timed(
    connection: &mut Connection,
    operation: usize,
    input: &Value,
    took: &mut Took,
) -> Result<Value, Failure> {
    let began = Instant::now();
    let answer = connection.call(OPERATIONS[operation], input)?;
    took[operation].push(began.elapsed());
    Ok(answer)
}

/// Polls for the jobs of one type, for all workers.
fn poller(shared: &Shared, place: usize) -> Result<Took, Failure> {
    let mut connection = Connection::open(&shared.host, TARGET)?;
    let mut took = Took::default();
    let input = json!({"actionTypeId": type_id(STAGES[place]), "maxBatchSize": JOBS_PER_POLL});
    while !shared.is_over() {
        let mut polled = timed(&mut connection, 1, &input, &mut took)?;
        let jobs = polled["jobs"].as_array_mut().map(std::mem::take).unwrap_or_default();
        // Who got a full batch asks at once for more.
        let is_full = jobs.len() == JOBS_PER_POLL;
        shared.lock().extend(jobs.into_iter().map(|job| (place, job)));
        shared.more.notify_all();
        if !is_full {
            std::thread::sleep(PAUSE);
        }
    }
    shared.more.notify_all();
    Ok(took)
}

/// Acknowledges and completes jobs.
fn worker(shared: &Shared) -> Result<Took, Failure> {
    let mut connection = Connection::open(&shared.host, TARGET)?;
    let mut took = Took::default();
    loop {
        let next = {
            let mut jobs = shared.lock();
            while jobs.is_empty() && !shared.is_over() {
                // Not for ever: the last word may come between the question and the wait.
                let waited = shared.more.wait_timeout(jobs, Duration::from_millis(100));
                (jobs, _) = waited.unwrap_or_else(PoisonError::into_inner);
            }
            jobs.pop_front()
        };
        let Some((place, job)) = next else { return Ok(took) };
        let input = json!({"jobId": job["id"], "nonce": job["nonce"]});
        timed(&mut connection, 2, &input, &mut took)?;
        let mut done = json!({"jobId": job["id"], "executionDetails": {"summary": "done"}});
        if place == 0 {
            done["currentRevision"] = json!({"revision": "1", "changeIdentifier": "1"});
        }
        timed(&mut connection, 3, &done, &mut took)?;
        shared.ended.fetch_add(usize::from(place == 2), Ordering::Relaxed);
    }
}

fn starter(shared: &Shared) -> Result<Took, Failure> {
    let mut connection = Connection::open(&shared.host, TARGET)?;
    let mut took = Took::default();
    loop {
        let number = shared.started.fetch_add(1, Ordering::Relaxed);
        if number >= shared.goal {
            return Ok(took);
        }
        while number >= shared.ended.load(Ordering::Relaxed) + shared.at_once {
            std::thread::sleep(Duration::from_micros(500));
        }
        let name = &shared.names[number % shared.names.len()];
        timed(&mut connection, 0, &json!({ "name": name }), &mut took)?;
    }
}

fn spawn(
    shared: &Arc<Shared>,
    run: impl FnOnce(&Shared) -> Result<Took, Failure> + Send + 'static,
) -> std::thread::JoinHandle<Result<Took, String>> {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        let result = run(&shared);
        // Nobody waits for one that is gone.
        if result.is_err() {
            shared.give_up();
        }
        result.map_err(|error| error.to_string())
    })
}

fn executions(
    host: &str,
    (count, connections): (usize, usize),
    (pipelines, mode): (usize, &str),
) -> Result<(), Failure> {
    let mut connection = Connection::open(host, TARGET)?;
    custom_types(&mut connection)?;
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
    let names: Vec<_> = (0..pipelines).map(|number| format!("load-{nanos}-{number}")).collect();
    for name in &names {
        create(&mut connection, (name, mode), (3, 1))?;
    }
    let shared = Arc::new(Shared {
        host: host.to_owned(),
        names,
        // A pipeline starts its first execution itself.
        started: AtomicUsize::new(pipelines),
        ended: AtomicUsize::new(0),
        goal: count,
        at_once: (AT_ONCE * pipelines).min(AT_ONCE_IN_ALL),
        jobs: Mutex::default(),
        more: Condvar::new(),
    });
    let (before, began) = (usage(), Instant::now());
    let pollers = (0..STAGES.len()).map(|place| spawn(&shared, move |it| poller(it, place)));
    let mut threads: Vec<_> = pollers.collect();
    threads.extend((0..connections).map(|_| spawn(&shared, worker)));
    threads.extend((0..connections.div_ceil(4)).map(|_| spawn(&shared, starter)));
    let mut took = Took::default();
    for thread in threads {
        let of_thread = thread.join().map_err(|_| "a connection panicked")??;
        took.iter_mut().zip(of_thread).for_each(|(all, of)| all.extend(of));
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{count} executions of three stages on {pipelines} pipelines, {mode}, {connections} workers, in {seconds:.2} s: {:.0}/s",
        count as f64 / seconds
    );
    for (operation, took) in OPERATIONS.into_iter().zip(took) {
        show(operation, took);
    }
    if let (Some(before), Some(after)) = (before, usage()) {
        let used = (after.seconds - before.seconds) / seconds * 100.0;
        println!("  server: {used:.0} % of a processor, {} MiB", after.mib);
    }
    Ok(())
}

/// Runs one pipeline of a stopped server's store until it has so many action executions more.
async fn fill(folder: &str, known: &str, count: usize) -> Result<(), Failure> {
    let store = Arc::new(Embedded::open(std::path::Path::new(folder), Options::new())?);
    let builder: Builder = Engine::builder().kind::<Pipeline>(KIND, "pipeline");
    let engine = builder.polled("job").open(store).await?;
    let known = trackway_pipeline::ids::read(known).ok_or("not an id")?;
    let (account, region) = SCOPE.split_once('/').unwrap_or_default();
    let id = trackway_pipeline::ids::entity_of(region, account, known);
    let number = Number::of(known);
    let structure = engine.state::<Pipeline, _>(id, Pipeline::structure).await?;
    let structure = structure.ok_or("no pipeline")?;
    let actions: usize = structure.stages.iter().map(|stage| stage.actions.len()).sum();
    let began = Instant::now();
    let ended = Arc::new(AtomicUsize::new(0));
    for of in STAGES {
        let type_id = serde_json::from_value(type_id(of))?;
        let queue = trackway_pipeline::request::job_queue(SCOPE, &type_id);
        for _ in 0..64 {
            tokio::spawn(complete(engine.clone(), queue.clone(), Arc::clone(&ended)));
        }
    }
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut started = 0;
    while ended.load(Ordering::Relaxed) < count {
        // As many executions at once as keep all stages busy.
        if started * actions < ended.load(Ordering::Relaxed) + 4 * actions
            && started * actions < count
        {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(7);
            let execution = number.id(random ^ began.elapsed().as_nanos() as u64);
            let run = StartRun {
                execution,
                trigger_type: "StartPipelineExecution".to_owned(),
                trigger_detail: "load".to_owned(),
                ..StartRun::default()
            };
            engine.signal::<Pipeline>(id, Signal::Start(Box::new(run))).await?;
            started += 1;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let stats = engine.stats();
    let ended = ended.load(Ordering::Relaxed);
    println!(
        "{ended} actions on one pipeline in {seconds:.1} s: {:.0}/s, {:.0} turns/s, {:.1} turns a batch",
        ended as f64 / seconds,
        stats.turns as f64 / seconds,
        stats.turns as f64 / stats.batches as f64
    );
    engine.shutdown().await;
    Ok(())
}

/// Completes the jobs of a queue.
async fn complete(engine: Engine, queue: String, ended: Arc<AtomicUsize>) {
    while let Ok(lease) = engine.take(&queue).await {
        let Ok(job) = serde_json::from_str::<Job>(&lease.work().request) else { return };
        let Some(id) = trackway_pipeline::ids::read(&job.id) else { return };
        let execution = lease.work().execution;
        let signal = Signal::JobAcknowledged { job: id, nonce: job.nonce };
        if engine.signal::<Pipeline>(execution, signal).await.is_err() {
            return;
        }
        drop(lease.keep());
        let revision = json!({"revision": "1", "changeIdentifier": "1"});
        let is_source = queue.contains("/Source/");
        let result =
            JobResult { current_revision: is_source.then_some(revision), ..JobResult::default() };
        let signal = Signal::JobSucceeded { job: id, result: Box::new(result) };
        if engine.signal::<Pipeline>(execution, signal).await.is_err() {
            return;
        }
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads up to so many pages, and shows how long each took.
fn pages(
    connection: &mut Connection,
    (what, most): (&str, usize),
    mut input: Value,
) -> Result<(), Failure> {
    let (mut took, mut rows) = (Vec::new(), 0);
    while took.len() < most {
        let began = Instant::now();
        let page = connection.call("ListActionExecutions", &input)?;
        took.push(began.elapsed());
        rows += page["actionExecutionDetails"].as_array().map_or(0, Vec::len);
        match page["nextToken"].as_str() {
            Some(token) => input["nextToken"] = token.into(),
            None => break,
        }
    }
    let ends = |share: usize| took.len() * share / 100;
    println!("{what}: {rows} actions");
    if took.len() < 20 {
        show("pages", took);
        return Ok(());
    }
    for (name, from, to) in [("first", 0, 10), ("middle", 45, 55), ("last", 90, 100)] {
        show(&format!("{name} tenth of the pages"), took[ends(from)..ends(to)].to_vec());
    }
    Ok(())
}

fn page_all(host: &str, name: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(host, TARGET)?;
    let all = json!({"pipelineName": name, "maxResults": 100});
    pages(&mut connection, ("all", usize::MAX), all.clone())?;
    let executions = connection
        .call("ListPipelineExecutions", &json!({"pipelineName": name, "maxResults": 100}))?;
    let executions = executions["pipelineExecutionSummaries"].as_array().cloned();
    let executions = executions.unwrap_or_default();
    for (what, execution) in [("newest", executions.first()), ("older", executions.last())] {
        let id = execution.map(|it| it["pipelineExecutionId"].clone()).unwrap_or_default();
        let mut input = all.clone();
        input["filter"] = json!({ "pipelineExecutionId": id });
        pages(&mut connection, (&format!("{what} execution"), usize::MAX), input.clone())?;
        input["filter"] = json!({"latestInPipelineExecution": {"pipelineExecutionId": id, "startTimeRange": "Latest"}});
        pages(&mut connection, (&format!("{what} execution, latest"), usize::MAX), input)?;
    }
    let mut took = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        connection.call("GetPipelineState", &json!({ "name": name }))?;
        took.push(began.elapsed());
    }
    show("GetPipelineState", took);
    Ok(())
}

fn create_large(host: &str, name: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(host, TARGET)?;
    custom_types(&mut connection)?;
    create(&mut connection, (name, "QUEUED"), (10, 50))?;
    let listed = connection.call("ListPipelineExecutions", &json!({ "pipelineName": name }))?;
    let id = &listed["pipelineExecutionSummaries"][0]["pipelineExecutionId"];
    println!("{}", id.as_str().ok_or("it has no execution")?);
    Ok(())
}

/// The account and region of a server that wasn't told otherwise.
const SCOPE: &str = "000000000000/us-east-1";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["fill", folder, id, count] => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(fill(folder, id, count.parse()?)),
        [host, "executions", count, connections, pipelines, mode] => {
            let sizes = (count.parse()?, connections.parse()?);
            executions(host, sizes, (pipelines.parse()?, mode))
        }
        [host, "create", name] => create_large(host, name),
        [host, "pages", name] => page_all(host, name),
        _ => Err("pipelineload HOST:PORT executions COUNT CONNECTIONS PIPELINES MODE | HOST:PORT create NAME | fill FOLDER ID COUNT | HOST:PORT pages NAME".into()),
    }
}
