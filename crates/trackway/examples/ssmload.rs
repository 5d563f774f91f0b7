//! A closed-loop client of the Systems Manager API, for `./x bench ssm`: not a test, never timed by one.
//!
//! `ssmload HOST:PORT automations COUNT CONNECTIONS` starts that many executions of ten steps;
//! `ssmload HOST:PORT steps PASSES` runs one loop of so many passes of 100 steps and pages through
//! its steps; `ssmload HOST:PORT rate TARGETS` runs a rate-controlled automation over targets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod load;

use load::{Connection, Failure};
use serde_json::{Value, json};

/// What the names of operations follow.
const TARGET: &str = "AmazonSSM";

/// Ten steps of sleep, branch and updateVariable.
fn ten_steps() -> Value {
    let mut steps = Vec::new();
    for n in 0..3 {
        steps.push(json!({"name": format!("sleep{n}"), "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}));
        steps.push(json!({"name": format!("set{n}"), "action": "aws:updateVariable",
            "inputs": {"Name": "variable:count", "Value": n}}));
        steps.push(json!({"name": format!("branch{n}"), "action": "aws:branch", "inputs": {
            "Choices": [{"NextStep": if n < 2 { format!("sleep{}", n + 1) } else { "last".to_owned() },
                         "Variable": "{{ variable:count }}", "NumericEquals": n}]}}));
    }
    steps.push(json!({"name": "last", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}, "isEnd": true}));
    json!({"schemaVersion": "0.3", "variables": {"count": {"type": "Integer", "default": 0}}, "mainSteps": steps})
}

/// One loop of 100 steps a pass.
fn long_loop(passes: usize) -> Value {
    let steps: Vec<_> = (0..100)
        .map(|n| {
            json!({"name": format!("set{n}"), "action": "aws:updateVariable",
            "inputs": {"Name": "variable:count", "Value": n}})
        })
        .collect();
    let each: Vec<_> = (0..passes).map(|n| n.to_string()).collect();
    json!({"schemaVersion": "0.3", "variables": {"count": {"type": "Integer", "default": 0}}, "mainSteps": [
        {"name": "loop", "action": "aws:loop", "isEnd": true,
         "inputs": {"Iterators": each, "IteratorDataType": "String", "Steps": steps}}]})
}

/// Takes one parameter and does nothing.
fn one_target() -> Value {
    json!({"schemaVersion": "0.3", "parameters": {"Id": {"type": "String"}}, "mainSteps": [
        {"name": "nothing", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}, "isEnd": true}]})
}

fn create(connection: &mut Connection, document: &Value) -> Result<String, Failure> {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
    let name = format!("load-{nanos}");
    let input = json!({"Name": name, "DocumentType": "Automation", "DocumentFormat": "JSON",
        "Content": document.to_string()});
    connection.call("CreateDocument", &input)?;
    Ok(name)
}

fn automations(host: &str, count: usize, connections: usize) -> Result<(), Failure> {
    let document = create(&mut Connection::open(host, TARGET)?, &ten_steps())?;
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (host, next) = (host.to_owned(), Arc::clone(&next));
            let input = json!({"DocumentName": document});
            std::thread::spawn(move || -> Result<(Vec<Duration>, String), Failure> {
                let mut connection = Connection::open(&host, TARGET)?;
                let (mut took, mut last) = (Vec::new(), String::new());
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    let started = Instant::now();
                    let answer = connection.call("StartAutomationExecution", &input)?;
                    took.push(started.elapsed());
                    last = answer["AutomationExecutionId"].as_str().unwrap_or_default().to_owned();
                }
                Ok((took, last))
            })
        })
        .collect();
    let mut took = Vec::new();
    let mut last = Vec::new();
    for worker in workers {
        let (times, id) = worker.join().map_err(|_| "a worker panicked")??;
        took.extend(times);
        last.push(id);
    }
    let mut connection = Connection::open(host, TARGET)?;
    for id in last.iter().filter(|id| !id.is_empty()) {
        loop {
            let got =
                connection.call("GetAutomationExecution", &json!({"AutomationExecutionId": id}))?;
            match got["AutomationExecution"]["AutomationExecutionStatus"].as_str() {
                Some("Success") => break,
                Some("InProgress" | "Pending") => std::thread::sleep(Duration::from_millis(1)),
                other => return Err(format!("{id} is {other:?}").into()),
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!(
        "{count} executions of ten steps in {seconds:.2} s: {:.0}/s; start p50 {:?}, p99 {:?}",
        count as f64 / seconds,
        at(50),
        at(99)
    );
    Ok(())
}

fn page_all(connection: &mut Connection, name: &str, input: &Value) -> Result<(), Failure> {
    let (mut took, mut rows, mut input) = (Vec::new(), 0, input.clone());
    loop {
        let began = Instant::now();
        let page = connection.call("DescribeAutomationStepExecutions", &input)?;
        took.push(began.elapsed());
        rows += page["StepExecutions"].as_array().map_or(0, Vec::len);
        match page["NextToken"].as_str() {
            Some(token) if !token.is_empty() => input["NextToken"] = token.into(),
            _ => break,
        }
    }
    let pages = took.len();
    took.sort_unstable();
    println!(
        "{name}: {rows} steps in {pages} pages, p50 {:?}, max {:?}",
        took[pages / 2],
        took[pages - 1]
    );
    Ok(())
}

fn wait(connection: &mut Connection, id: &str) -> Result<Value, Failure> {
    loop {
        let got =
            connection.call("GetAutomationExecution", &json!({"AutomationExecutionId": id}))?;
        let execution = &got["AutomationExecution"];
        match execution["AutomationExecutionStatus"].as_str() {
            Some("InProgress" | "Pending") => std::thread::sleep(Duration::from_millis(20)),
            _ => return Ok(execution.clone()),
        }
    }
}

fn steps(host: &str, passes: usize) -> Result<(), Failure> {
    let mut connection = Connection::open(host, TARGET)?;
    let document = create(&mut connection, &long_loop(passes))?;
    let began = Instant::now();
    let started =
        connection.call("StartAutomationExecution", &json!({"DocumentName": document}))?;
    let id = started["AutomationExecutionId"].as_str().unwrap_or_default().to_owned();
    let ended = wait(&mut connection, &id)?;
    println!(
        "{passes} passes of 100 steps: {} in {:?}",
        ended["AutomationExecutionStatus"],
        began.elapsed()
    );
    let all = json!({"AutomationExecutionId": id, "MaxResults": 50});
    page_all(&mut connection, "all", &all)?;
    let with = |more: Value| {
        let mut input = all.clone();
        for (key, value) in more.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        input
    };
    page_all(&mut connection, "reversed", &with(json!({"ReverseOrder": true})))?;
    page_all(
        &mut connection,
        "one name",
        &with(json!({"Filters": [{"Key": "StepName", "Values": ["set7"]}]})),
    )?;
    page_all(
        &mut connection,
        "failed",
        &with(json!({"Filters": [{"Key": "StepExecutionStatus", "Values": ["Failed"]}]})),
    )
}

fn rate(host: &str, targets: usize) -> Result<(), Failure> {
    let mut connection = Connection::open(host, TARGET)?;
    let document = create(&mut connection, &one_target())?;
    let began = Instant::now();
    let input = if targets <= 50 {
        let values: Vec<_> = (0..targets).map(|n| format!("target-{n}")).collect();
        json!({"DocumentName": document, "TargetParameterName": "Id", "MaxConcurrency": "50", "MaxErrors": "0",
            "Targets": [{"Key": "ParameterValues", "Values": values}]})
    } else {
        let maps: Vec<_> = (0..targets).map(|n| json!({"Id": [format!("target-{n}")]})).collect();
        json!({"DocumentName": document, "MaxConcurrency": "50", "MaxErrors": "0", "TargetMaps": maps})
    };
    let started = connection.call("StartAutomationExecution", &input)?;
    let id = started["AutomationExecutionId"].as_str().unwrap_or_default().to_owned();
    let ended = wait(&mut connection, &id)?;
    println!(
        "{targets} targets: {} {} in {:?}",
        ended["AutomationExecutionStatus"],
        ended["TargetsSummary"],
        began.elapsed()
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: usize| {
        arguments.get(place).map_or(Ok(default), |text| text.parse::<usize>())
    };
    match (arguments.first(), arguments.get(1).map(String::as_str)) {
        (Some(host), Some("automations")) => automations(host, number(2, 5000)?, number(3, 16)?),
        (Some(host), Some("steps")) => steps(host, number(2, 100)?),
        (Some(host), Some("rate")) => rate(host, number(2, 300)?),
        _ => {
            Err("ssmload HOST:PORT automations COUNT CONNECTIONS | steps PASSES | rate TARGETS"
                .into())
        }
    }
}
