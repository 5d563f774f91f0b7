//! A client of the CodePipeline API, for `./x bench pipeline`: not a test, never timed by one.
//!
//! `pipelineload HOST:PORT executions COUNT CONNECTIONS PIPELINES MODE` runs that many executions of
//! three stages, whose custom actions are completed by workers over HTTP;
//! `pipelineload HOST:PORT create NAME` makes a pipeline of 451 actions in ten stages, and prints the
//! id of its first execution;
//! `pipelineload fill FOLDER ID COUNT` runs that pipeline in this process, over the store of a server
//! that is stopped, until it has so many action executions more;
//! `pipelineload HOST:PORT pages NAME` pages through its history.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trackway_engine::{Builder, Engine};
use trackway_pipeline::ids::Number;
use trackway_pipeline::request::Job;
use trackway_pipeline::signal::{JobResult, Signal, StartRun};
use trackway_pipeline::{KIND, Pipeline};
use trackway_store::{Embedded, Options};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The stages of a pipeline that is driven over HTTP: category and provider of their actions.
const STAGES: [(&str, &str); 3] =
    [("Source", "LoadSource"), ("Build", "LoadBuild"), ("Deploy", "LoadDeploy")];
/// Executions that a pipeline takes at once.
const AT_ONCE: usize = 40;

struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(host: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self { host: host.to_owned(), stream: BufReader::new(stream) })
    }

    fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        let body = input.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: CodePipeline_20150709.{operation}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let is_good = line.contains(" 200 ");
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let answer = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        if is_good { Ok(answer) } else { Err(format!("{operation}: {answer}").into()) }
    }
}

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
struct Counts {
    started: AtomicUsize,
    ended: AtomicUsize,
    polls: AtomicUsize,
    /// How many executions are to end.
    goal: usize,
}

fn worker(host: &str, counts: &Counts) -> Result<Vec<Duration>, Failure> {
    let mut connection = Connection::open(host)?;
    let mut took = Vec::new();
    while counts.ended.load(Ordering::Relaxed) < counts.goal {
        let mut idle = true;
        for (place, of) in STAGES.into_iter().enumerate() {
            let input = json!({"actionTypeId": type_id(of), "maxBatchSize": 10});
            let polled = connection.call("PollForJobs", &input)?;
            counts.polls.fetch_add(1, Ordering::Relaxed);
            for job in polled["jobs"].as_array().into_iter().flatten() {
                idle = false;
                let began = Instant::now();
                let input = json!({"jobId": job["id"], "nonce": job["nonce"]});
                connection.call("AcknowledgeJob", &input)?;
                let mut done = json!({"jobId": job["id"], "executionDetails": {"summary": "done"}});
                if place == 0 {
                    done["currentRevision"] = json!({"revision": "1", "changeIdentifier": "1"});
                }
                connection.call("PutJobSuccessResult", &done)?;
                took.push(began.elapsed());
                counts.ended.fetch_add(usize::from(place == 2), Ordering::Relaxed);
            }
        }
        if idle {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(took)
}

fn starter(host: &str, names: &[String], counts: &Counts) -> Result<Vec<Duration>, Failure> {
    let mut connection = Connection::open(host)?;
    let mut took = Vec::new();
    loop {
        // A pipeline starts its first execution itself.
        let at_once = AT_ONCE * names.len().min(25);
        while counts.started.load(Ordering::Relaxed)
            >= counts.ended.load(Ordering::Relaxed) + at_once
        {
            std::thread::sleep(Duration::from_micros(500));
        }
        let number = counts.started.fetch_add(1, Ordering::Relaxed);
        if number >= counts.goal {
            return Ok(took);
        }
        let began = Instant::now();
        let name = &names[number % names.len()];
        connection.call("StartPipelineExecution", &json!({ "name": name }))?;
        took.push(began.elapsed());
    }
}

fn show(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!("  {what}: {} times, p50 {:?}, p99 {:?}", took.len(), at(50), at(99));
}

fn executions(
    host: &str,
    (count, connections): (usize, usize),
    (pipelines, mode): (usize, &str),
) -> Result<(), Failure> {
    let mut connection = Connection::open(host)?;
    custom_types(&mut connection)?;
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
    let names: Vec<_> = (0..pipelines).map(|number| format!("load-{nanos}-{number}")).collect();
    for name in &names {
        create(&mut connection, (name, mode), (3, 1))?;
    }
    let counts = Arc::new(Counts {
        started: AtomicUsize::new(pipelines),
        ended: AtomicUsize::new(0),
        polls: AtomicUsize::new(0),
        goal: count,
    });
    let began = Instant::now();
    let run = |is_worker: bool| {
        let (host, names, counts) = (host.to_owned(), names.clone(), Arc::clone(&counts));
        std::thread::spawn(move || {
            let result = match is_worker {
                true => worker(&host, &counts),
                false => starter(&host, &names, &counts),
            };
            // Nobody waits for one that is gone.
            if result.is_err() {
                counts.ended.store(usize::MAX / 2, Ordering::Relaxed);
            }
            result.map_err(|error| error.to_string())
        })
    };
    let workers: Vec<_> = (0..connections).map(|_| run(true)).collect();
    let starters: Vec<_> = (0..connections.div_ceil(4)).map(|_| run(false)).collect();
    let mut took = [Vec::new(), Vec::new()];
    for (place, threads) in [workers, starters].into_iter().enumerate() {
        for thread in threads {
            took[place].extend(thread.join().map_err(|_| "a connection panicked")??);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let polls = counts.polls.load(Ordering::Relaxed);
    println!(
        "{count} executions of three stages on {pipelines} pipelines, {mode}, in {seconds:.2} s: {:.0}/s; {polls} polls",
        count as f64 / seconds
    );
    let [jobs, starts] = took;
    show("start", starts);
    show("acknowledge and complete", jobs);
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
    for (name, from, to) in [("first", 0, 10), ("middle", 45, 55), ("last", 90, 100)] {
        show(&format!("{name} tenth of the pages"), took[ends(from)..ends(to)].to_vec());
    }
    Ok(())
}

fn page_all(host: &str, name: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(host)?;
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
    let mut connection = Connection::open(host)?;
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
