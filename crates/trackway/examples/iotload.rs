//! A client of the IoT API, for `./x bench iot`: not a test, never timed by one.
//!
//! `iotload HOST:PORT fill COUNT EXPIRED CONNECTIONS` registers so many certificates, of which
//! `EXPIRED` in a hundred are past their end;
//! `iotload HOST:PORT audit` looks for those, and prints the audit's id; `iotload HOST:PORT audit
//! CHECK ...` looks for what these checks look for, `iotload HOST:PORT audit every` for everything;
//! `iotload HOST:PORT mitigate AUDIT` deactivates each certificate that the audit found, and prints
//! the task's id;
//! `iotload HOST:PORT pages AUDIT TASK` pages through the findings, and asks for the executions of
//! the first, the middle and the last of them;
//! `iotload HOST:PORT all COUNT EXPIRED CONNECTIONS` does one after the other, and audits once more.
//! `SERVER_PID` tells whose processor time and memory to show.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod load;

use load::{Connection, Failure, Usage, show, usage};
use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber, date_time_ymd};
use serde_json::{Value, json};

const CHECK: &str = "DEVICE_CERTIFICATE_EXPIRING_CHECK";
const ROLE: &str = "arn:aws:iam::000000000000:role/load";
const ACTION: &str = "LoadDeactivate";
/// How often a task is looked at, and the server's memory.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The most that a page takes.
const PAGE: usize = 250;
/// Findings at the beginning, in the middle and at the end whose executions are asked for.
const LOOKS: usize = 500;

/// The largest that the server was seen, and its processor time.
struct Watch {
    began: Instant,
    before: Option<Usage>,
    mib: usize,
}

impl Watch {
    fn begin() -> Self {
        let before = usage();
        Self { began: Instant::now(), before, mib: before.map_or(0, |usage| usage.mib) }
    }

    fn look(&mut self) {
        self.mib = self.mib.max(usage().map_or(0, |usage| usage.mib));
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn show(mut self) {
        let seconds = self.seconds();
        self.look();
        if let (Some(before), Some(after)) = (self.before, usage()) {
            let used = (after.seconds - before.seconds) / seconds * 100.0;
            let (from, most) = (before.mib, self.mib);
            println!("  server: {used:.0} % of a processor, {from} MiB before, {most} MiB at most");
        }
    }
}

/// Certificates of one key, each with a number of its own.
struct Maker {
    key: KeyPair,
    first: u64,
    count: u64,
    expired: u64,
    made: AtomicU64,
}

impl Maker {
    /// The next one, as PEM; none when all are made.
    fn next(&self) -> Result<Option<String>, Failure> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        if number >= self.count {
            return Ok(None);
        }
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, format!("device-{number}"));
        params.serial_number = Some(SerialNumber::from(self.first + number));
        params.not_before = date_time_ymd(2020, 1, 1);
        // In turn, so that findings lie all over the registry.
        let is_expired = number % 100 < self.expired;
        params.not_after = date_time_ymd(if is_expired { 2021 } else { 2096 }, 1, 1);
        Ok(Some(params.self_signed(&self.key)?.pem()))
    }
}

fn register(host: &str, maker: &Maker) -> Result<Vec<Duration>, Failure> {
    let mut connection = Connection::open(host, "")?;
    let mut took = Vec::new();
    while let Some(pem) = maker.next()? {
        let input = json!({"certificatePem": pem, "status": "ACTIVE"});
        let began = Instant::now();
        connection.rest("POST /certificate/register-no-ca", &input)?;
        took.push(began.elapsed());
    }
    Ok(took)
}

fn fill(host: &str, count: u64, expired: u64, connections: usize) -> Result<(), Failure> {
    let first = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let (key, made) = (KeyPair::generate()?, AtomicU64::new(0));
    let maker = Arc::new(Maker { key, first, count, expired, made });
    let watch = Watch::begin();
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            let (host, maker) = (host.to_owned(), Arc::clone(&maker));
            std::thread::spawn(move || register(&host, &maker))
        })
        .collect();
    let mut took = Vec::new();
    for thread in threads {
        took.extend(thread.join().map_err(|_| "a connection panicked")??);
    }
    let seconds = watch.seconds();
    let rate = count as f64 / seconds;
    println!("{count} certificates on {connections} connections in {seconds:.2} s: {rate:.0}/s");
    show("RegisterCertificateWithoutCA", took);
    watch.show();
    Ok(())
}

/// Waits until a task has ended.
fn ended(
    connection: &mut Connection,
    line: &str,
    watch: &mut Watch,
) -> Result<(Value, f64), Failure> {
    loop {
        let task = connection.rest(line, &Value::Null)?;
        let seconds = watch.seconds();
        watch.look();
        if task["taskStatus"] != "IN_PROGRESS" {
            return Ok((task, seconds));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn text(value: &Value) -> Result<String, Failure> {
    Ok(value.as_str().ok_or_else(|| format!("no text: {value}"))?.to_owned())
}

/// The checks that were named, or every one that the server knows.
fn checks(connection: &mut Connection, named: &[&str]) -> Result<Vec<String>, Failure> {
    if named != ["every"] {
        return Ok(named.iter().map(|check| (*check).to_owned()).collect());
    }
    let configuration = connection.rest("GET /audit/configuration", &Value::Null)?;
    let known = configuration["auditCheckConfigurations"].as_object();
    Ok(known.ok_or("no checks are known")?.keys().cloned().collect())
}

fn audit(host: &str, named: &[&str]) -> Result<String, Failure> {
    let mut connection = Connection::open(host, "")?;
    let checks = checks(&mut connection, named)?;
    let enabled: serde_json::Map<_, _> =
        checks.iter().map(|check| (check.clone(), json!({"enabled": true}))).collect();
    let configuration = json!({"roleArn": ROLE, "auditCheckConfigurations": enabled});
    connection.rest("PATCH /audit/configuration", &configuration)?;
    let mut watch = Watch::begin();
    let started = connection.rest("POST /audit/tasks", &json!({"targetCheckNames": checks}))?;
    let id = text(&started["taskId"])?;
    let (task, seconds) = ended(&mut connection, &format!("GET /audit/tasks/{id}"), &mut watch)?;
    println!("audit {id}, {}: in {seconds:.2} s", task["taskStatus"]);
    for check in checks {
        let details = &task["auditDetails"][&check];
        let count = |name: &str| details[name].as_u64().unwrap_or_default();
        println!(
            "  {check}, {}: {} of {} resources don't comply",
            details["checkRunStatus"],
            count("nonCompliantResourcesCount"),
            count("totalResourcesCount")
        );
    }
    watch.show();
    Ok(id)
}

fn mitigate(host: &str, audit: &str) -> Result<String, Failure> {
    let mut connection = Connection::open(host, "")?;
    let params = json!({"updateDeviceCertificateParams": {"action": "DEACTIVATE"}});
    let action = json!({"roleArn": ROLE, "actionParams": params});
    let line = format!("/mitigationactions/actions/{ACTION}");
    if connection.rest(&format!("GET {line}"), &Value::Null).is_err() {
        connection.rest(&format!("POST {line}"), &action)?;
    }
    let id = format!("load-{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    let input = json!({"target": {"auditTaskId": audit}, "clientRequestToken": id,
        "auditCheckToActionsMapping": {CHECK: [ACTION]}});
    let mut watch = Watch::begin();
    let line = format!("/audit/mitigationactions/tasks/{id}");
    connection.rest(&format!("POST {line}"), &input)?;
    let (task, seconds) = ended(&mut connection, &format!("GET {line}"), &mut watch)?;
    let counts = &task["taskStatistics"][CHECK];
    let count = |name: &str| counts[name].as_u64().unwrap_or_default();
    let (all, good) = (count("totalFindingsCount"), count("succeededFindingsCount"));
    println!(
        "mitigation {id}, {}: {all} findings, {good} succeeded, in {seconds:.2} s: {:.0} executions/s",
        task["taskStatus"],
        all as f64 / seconds
    );
    watch.show();
    Ok(id)
}

/// The first, the middle and the last of these, each with its name.
fn ends<T: Clone>(all: &[T], most: usize) -> [(&'static str, Vec<T>); 3] {
    let most = most.min(all.len());
    let middle = (all.len() - most) / 2;
    [
        ("first", all[..most].to_vec()),
        ("middle", all[middle..middle + most].to_vec()),
        ("last", all[all.len() - most..].to_vec()),
    ]
}

fn pages(host: &str, audit: &str, task: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(host, "")?;
    let mut input = json!({"taskId": audit, "maxResults": PAGE});
    let (mut took, mut findings) = (Vec::new(), Vec::new());
    loop {
        let began = Instant::now();
        let page = connection.rest("POST /audit/findings", &input)?;
        took.push(began.elapsed());
        for finding in page["findings"].as_array().into_iter().flatten() {
            findings.push(text(&finding["findingId"])?);
        }
        match page["nextToken"].as_str() {
            Some(token) => input["nextToken"] = token.into(),
            None => break,
        }
    }
    println!("ListAuditFindings: {} findings in pages of {PAGE}", findings.len());
    for (name, took) in ends(&took, took.len().div_ceil(10)) {
        show(&format!("{name} tenth of the pages"), took);
    }
    println!("ListAuditMitigationActionsExecutions");
    for (name, findings) in ends(&findings, LOOKS) {
        let (mut took, mut executions) = (Vec::new(), 0);
        for finding in findings {
            let line = format!(
                "GET /audit/mitigationactions/executions?taskId={task}&findingId={finding}"
            );
            let began = Instant::now();
            let page = connection.rest(&line, &Value::Null)?;
            took.push(began.elapsed());
            executions += page["actionsExecutions"].as_array().map_or(0, Vec::len);
        }
        show(&format!("{name} findings, {executions} executions"), took);
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [host, "fill", count, expired, connections] => {
            fill(host, count.parse()?, expired.parse()?, connections.parse()?)
        }
        [host, "audit"] => audit(host, &[CHECK]).map(drop),
        [host, "audit", ref checks @ ..] => audit(host, checks).map(drop),
        [host, "mitigate", id] => mitigate(host, id).map(drop),
        [host, "pages", id, task] => pages(host, id, task),
        [host, "all", count, expired, connections] => {
            fill(host, count.parse()?, expired.parse()?, connections.parse()?)?;
            let id = audit(host, &[CHECK])?;
            let task = mitigate(host, &id)?;
            pages(host, &id, &task)?;
            // Nothing is left to be found.
            audit(host, &[CHECK]).map(drop)
        }
        _ => Err("iotload HOST:PORT fill COUNT EXPIRED CONNECTIONS | HOST:PORT audit [every | CHECK ...] | HOST:PORT mitigate AUDIT | HOST:PORT pages AUDIT TASK | HOST:PORT all COUNT EXPIRED CONNECTIONS".into()),
    }
}
