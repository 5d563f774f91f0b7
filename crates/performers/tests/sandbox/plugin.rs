//! Plans of Command documents.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use trackway_performers::plugin::{
    Boxed, Documents, Fetch, ObjectPath, ObjectStore, Report, Runner, Status,
};
use trackway_runbook::plan::Plan;

use super::*;

fn plan(steps: Value) -> Plan {
    serde_json::from_value(json!({ "schemaVersion": "2.2", "steps": steps })).unwrap()
}

fn script(name: &str, lines: &[&str]) -> Value {
    json!({ "name": name, "action": "aws:runShellScript", "inputs": { "runCommand": lines } })
}

fn with(mut step: Value, more: Value) -> Value {
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

/// Documents and objects that the tests need.
struct Library;

impl Documents for Library {
    fn content<'a>(
        &'a self,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Boxed<'a, Result<String, String>> {
        Box::pin(async move {
            let text = match name {
                "Greet" => "echo hello $NAME",
                "Recursive" => "RECURSE",
                _ => return Err(format!("Document with name {name} does not exist.")),
            };
            Ok(format!("{text} {}", version.unwrap_or_default()))
        })
    }

    fn plan(&self, content: &str, parameters: &Map<String, Value>) -> Result<Plan, String> {
        if content.starts_with("RECURSE") {
            let inputs = json!({ "documentType": "SSMDocument", "documentPath": "Recursive" });
            return Ok(plan(
                json!([{ "name": "again", "action": "aws:runDocument", "inputs": inputs }]),
            ));
        }
        let inputs = json!({ "runCommand": [content], "environment": parameters });
        Ok(plan(json!([{ "name": "inner", "action": "aws:runShellScript", "inputs": inputs }])))
    }
}

impl ObjectStore for Library {
    fn list<'a>(&'a self, object: &'a ObjectPath) -> Boxed<'a, Result<Vec<String>, String>> {
        let keys: &[&str] = match object.bucket.as_str() {
            "evil" => &["f/ok.txt", "f/../../../../../etc/cron.d/x"],
            _ => &["f/", "f/a.sh", "f/sub/b.sh"],
        };
        Box::pin(async move { Ok(keys.iter().map(|key| (*key).to_owned()).collect()) })
    }

    fn get<'a>(&'a self, object: &'a ObjectPath) -> Boxed<'a, Result<Bytes, String>> {
        Box::pin(
            async move { Ok(Bytes::from(format!("echo from {}/{}\n", object.bucket, object.key))) },
        )
    }
}

struct Node {
    house: House,
    runner: Runner,
}

impl Node {
    fn new() -> Self {
        let house = House::new();
        let library = Arc::new(Library);
        let fetch = Fetch::new(true).unwrap();
        let runner = Runner::new(house.sandbox(SandboxConfig::default()), fetch);
        Self { runner: runner.documents(library.clone()).objects(library), house }
    }

    /// Runs a plan; nothing where the machine can't.
    async fn run(&self, plan: &Plan, cancel: &Cancel) -> Option<Report> {
        if let Err(SandboxError::Unavailable(why)) =
            self.house.sandbox(SandboxConfig::default()).probe().await
        {
            println!("skipped: {why}");
            return None;
        }
        let mut told = Vec::new();
        let folder = self.house.path("run");
        let report = self
            .runner
            .run(plan, &folder, cancel, &mut |step| told.push(step.clone()))
            .await
            .unwrap();
        assert_eq!(told, report.steps);
        let left: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "only the output is left: {left:?}");
        Some(report)
    }
}

async fn report(steps: Value) -> Option<Report> {
    Node::new().run(&plan(steps), &Cancel::never()).await
}

fn statuses(report: &Report) -> Vec<(Status, i32)> {
    report.steps.iter().map(|step| (step.status, step.response_code)).collect()
}

#[tokio::test]
async fn a_script_has_its_output_and_exit_code() {
    let lines = ["false", "echo out", "echo err >&2", "exit 3"];
    let Some(report) = report(json!([script("one", &lines)])).await else { return };
    let step = &report.steps[0];
    assert_eq!((step.status, step.response_code), (Status::Failed, 3));
    assert_eq!(step.stdout, "out\n");
    assert_eq!(step.stderr, "err\nfailed to run commands: exit status 3");
    assert_eq!(step.output, format!("out\n\n----------ERROR-------\n{}", step.stderr));
    assert!(step.started_ms > 0 && step.ended_ms >= step.started_ms);
    assert_eq!(report.status, Status::Failed);
}

#[tokio::test]
async fn a_failing_line_before_the_last_does_not_matter() {
    let Some(report) = report(json!([script("one", &["false", "true"])])).await else { return };
    assert_eq!(statuses(&report), [(Status::Success, 0)]);
}

#[tokio::test]
async fn a_script_may_name_its_interpreter() {
    let lines = ["#!/usr/bin/env bash", "[[ a == a ]] && echo \"bash ${BASH_VERSION:0:1}\""];
    let Some(report) = report(json!([script("one", &lines)])).await else { return };
    assert!(report.steps[0].stdout.starts_with("bash "), "{report:?}");
}

#[tokio::test]
async fn a_failure_goes_on_unless_it_says_exit() {
    let fail = script("fail", &["exit 1"]);
    let next = script("next", &["echo next"]);
    let last = with(script("last", &["echo last"]), json!({ "finallyStep": true }));
    let (good, bad, skipped) = ((Status::Success, 0), (Status::Failed, 1), (Status::Skipped, 0));
    let Some(goes_on) = report(json!([fail, next])).await else { return };
    assert_eq!(statuses(&goes_on), [bad, good]);
    let exit = with(fail.clone(), json!({ "onFailure": "exit" }));
    let exits = report(json!([exit, next, last])).await.unwrap();
    assert_eq!(statuses(&exits), [bad, skipped, good]);
    assert!(exits.steps[0].stderr.ends_with(
        "\nStep was found to have onFailure property. Further document steps will be skipped."
    ));
    assert_eq!(
        exits.steps[1].output,
        "Plugin with name aws:runShellScript and id next skipped due to prior step with an exit condition"
    );
    let forgiven = with(fail, json!({ "onFailure": "successAndExit" }));
    let forgiven = report(json!([forgiven, next])).await.unwrap();
    assert_eq!(statuses(&forgiven), [(Status::Success, 168), skipped]);
    let early = with(script("early", &["true"]), json!({ "exitOnSuccess": true }));
    let early = report(json!([early, next])).await.unwrap();
    assert_eq!(statuses(&early), [good, skipped]);
}

#[tokio::test]
async fn some_exit_codes_end_the_document() {
    let next = script("next", &["echo next"]);
    let Some(success) = report(json!([script("a", &["exit 168"]), next])).await else { return };
    assert_eq!(statuses(&success), [(Status::Success, 168), (Status::Skipped, 0)]);
    assert_eq!(success.status, Status::Success);
    let failure = report(json!([script("a", &["exit 169"]), next])).await.unwrap();
    assert_eq!(statuses(&failure), [(Status::Failed, 169), (Status::Skipped, 0)]);
    let reboot = report(json!([script("a", &["exit 194"]), next])).await.unwrap();
    assert_eq!(statuses(&reboot), [(Status::Success, 0), (Status::Success, 0)]);
}

#[tokio::test]
async fn what_a_plan_decided_is_told_as_it_is_given() {
    let one = script("one", &["echo one"]);
    let exit = json!({ "failReason": "not here", "onFailure": "exit", "maxAttempts": 3 });
    let Some(report) = report(json!([
        one,
        with(one.clone(), json!({ "skipReason": "not for this platform" })),
        with(one.clone(), json!({ "failReason": "not known" })),
        { "name": "pkg", "action": "aws:configurePackage" },
        with(one.clone(), exit),
        one,
    ]))
    .await
    else {
        return;
    };
    let (skipped, failed) = ((Status::Skipped, 0), (Status::Failed, 1));
    let expected = [(Status::Success, 0), skipped, failed, failed, failed, skipped];
    assert_eq!(statuses(&report), expected);
    assert_eq!(report.steps[1].stdout, "not for this platform");
    assert_eq!(report.steps[1].output, "not for this platform");
    assert_eq!((&*report.steps[2].stdout, &*report.steps[2].stderr), ("", "not known"));
    assert_eq!(
        report.steps[3].stderr,
        "Plugin with name aws:configurePackage is not supported by this version of Trackway. Step name: pkg"
    );
}

#[tokio::test]
async fn steps_share_a_work_folder_and_temporary_files() {
    let Some(report) = report(json!([
        script("one", &["echo a > file; echo b > /tmp/file; mkdir -p downloads/sub; pwd"]),
        script("two", &["cat file /tmp/file; printenv GREETING; echo $SSM_COMMAND_ID"]),
    ]))
    .await
    else {
        return;
    };
    assert_eq!((&*report.steps[0].stdout, &*report.steps[1].stdout), ("/job\n", "a\nb\n\n"));
    let inputs = |folder: &str| json!({ "inputs": { "runCommand": ["pwd; echo \"$A\""], "workingDirectory": folder, "environment": { "A": "$(id)" } } });
    let node = Node::new();
    let one = script("one", &["mkdir -p /job/downloads/sub"]);
    let mut plan = plan(json!([
        one,
        with(one.clone(), inputs("sub")),
        with(one.clone(), inputs("absent")),
        with(one.clone(), inputs("/usr/bin")),
        with(one.clone(), inputs("/absent")),
    ]));
    plan.environment.insert("SSM_COMMAND_ID".into(), "id".into());
    let report = node.run(&plan, &Cancel::never()).await.unwrap();
    let stdout: Vec<&str> = report.steps.iter().map(|step| &*step.stdout).collect();
    assert_eq!(
        stdout,
        ["", "/job/downloads/sub\n$(id)\n", "/job\n$(id)\n", "/usr/bin\n$(id)\n", ""]
    );
    assert!(report.steps[4].stderr.contains("/absent"), "{report:?}");
    let kept = node.house.path("run/output/awsrunShellScript/one/stdout");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "");
}

#[tokio::test]
async fn output_that_is_long_is_cut() {
    let lines = ["yes | head -c 50000; yes | head -c 9000 >&2"];
    let Some(report) = report(json!([script("one", &lines)])).await else { return };
    let step = &report.steps[0];
    assert_eq!((step.stdout.len(), step.stderr.len()), (24_000, 8_000));
    assert!(step.stdout.ends_with("y\n--output truncated--"));
    assert!(
        step.output.len() <= 2_500
            && step.output.contains("\n---Output truncated---\n----------ERROR-------\n")
    );
}

#[tokio::test]
async fn a_step_is_ended_at_its_timeout_and_tried_again() {
    let lines = ["echo x >> /job/tries; cat /job/tries | wc -l; sleep 60"];
    let more = json!({ "timeoutSeconds": 1, "maxAttempts": 2 });
    let Some(report) = report(json!([with(script("one", &lines), more)])).await else { return };
    assert_eq!(statuses(&report), [(Status::TimedOut, 137)]);
    assert_eq!((&*report.steps[0].stdout, report.status), ("2\n", Status::TimedOut));
}

#[tokio::test]
async fn what_is_called_off_ends_and_the_rest_does_not_begin() {
    let node = Node::new();
    let (canceller, cancel) = Cancel::new();
    let begun = node.house.path("run/work/begun");
    let plan = plan(json!([
        script("one", &["echo one; touch /job/begun; sleep 60"]),
        with(script("two", &["echo two"]), json!({ "finallyStep": true })),
    ]));
    let probe = node.house.sandbox(SandboxConfig::default()).probe().await;
    let house_can = !matches!(probe, Err(SandboxError::Unavailable(_)));
    let wait = async {
        let patience = std::time::Instant::now();
        while house_can && !exists(&begun) && patience.elapsed() < Duration::from_secs(20) {
            tokio::task::yield_now().await;
        }
        canceller.cancel();
    };
    let (report, ()) = tokio::join!(node.run(&plan, &cancel), wait);
    let Some(report) = report else { return };
    assert_eq!(statuses(&report), [(Status::Cancelled, 137), (Status::Cancelled, 1)]);
    assert_eq!((&*report.steps[0].stdout, report.status), ("one\n", Status::Cancelled));
}

#[tokio::test]
async fn documents_run_within_documents_but_not_without_end() {
    let document = |kind: &str, path: &str, parameters: Value| {
        let inputs =
            json!({ "documentType": kind, "documentPath": path, "documentParameters": parameters });
        json!({ "name": "doc", "action": "aws:runDocument", "inputs": inputs })
    };
    let Some(report) = report(json!([
        document("SSMDocument", "Greet:7", json!({ "NAME": "you", "none": null })),
        document("SSMDocument", "Absent", json!("{}")),
        document("SSMDocument", "Recursive", json!(null)),
        script("write", &["mkdir -p /job/downloads; echo 'exit 9' > /job/downloads/local.json; ln -s /etc/shadow /job/downloads/link"]),
        document("LocalPath", "local.json", json!("")),
        document("LocalPath", "link", json!("")),
    ]))
    .await
    else {
        return;
    };
    assert_eq!(report.steps[0].stdout, "hello you 7\n");
    assert_eq!(report.steps[1].stderr, "Document with name Absent does not exist.");
    assert!(report.steps[2].stderr.contains("Maximum depth"), "{report:?}");
    assert_eq!((report.steps[4].status, report.steps[4].response_code), (Status::Failed, 9));
    assert!(report.steps[5].stderr.contains("could not read"), "{report:?}");
}

/// Answers every request with the path that was asked for.
async fn web() -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let line = String::from_utf8_lossy(&request[..length]);
            let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
            let (status, more) = match &*path {
                "/redirect" => ("302 Found", "Location: /end.sh\r\n"),
                "/absent" => ("404 Not Found", ""),
                _ => ("200 OK", ""),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{path}",
                path.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

fn download(kind: &str, info: Value, destination: &str) -> Value {
    let inputs = json!({ "sourceType": kind, "sourceInfo": info, "destinationPath": destination });
    json!({ "name": "get", "action": "aws:downloadContent", "inputs": inputs })
}

#[tokio::test]
async fn content_is_downloaded_for_the_next_steps() {
    let web = web().await;
    let http = |path: &str| json!({ "url": format!("{web}{path}"), "allowInsecureDownload": true });
    let s3 = |bucket: &str| {
        json!({ "path": format!("https://s3.amazonaws.com/{bucket}/f/") }).to_string()
    };
    let Some(report) = report(json!([
        download("HTTP", http("/one.sh"), ""),
        download("HTTP", http("/redirect"), "/tmp/dir/"),
        download("S3", s3("good").into(), "s3"),
        download("SSMDocument", json!({ "name": "Greet" }), "named.json"),
        script("look", &["cd /job/downloads; find . /tmp/dir -type f | sort; cat one.sh /tmp/dir/redirect; echo; cat named.json; echo; sh s3/sub/b.sh"]),
        download("HTTP", http("/absent"), ""),
        download("HTTP", json!({ "url": format!("{web}/x") }), ""),
        download("Git", json!({}), ""),
        download("HTTP", http("/x"), "/usr/bin/evil"),
    ]))
    .await
    else {
        return;
    };
    assert_eq!(report.steps[0].stdout, "Content downloaded to /job/downloads/");
    let seen = "./named.json\n./one.sh\n./s3/a.sh\n./s3/sub/b.sh\n/tmp/dir/redirect\n/one.sh/end.sh\necho hello $NAME \nfrom good/f/sub/b.sh\n";
    assert_eq!(report.steps[4].stdout, seen, "{report:?}");
    for (index, why) in
        [(5, "status 404"), (6, "can't be used"), (7, "Git is not supported"), (8, "Read-only")]
    {
        let step = &report.steps[index];
        assert!(step.status == Status::Failed && step.stderr.contains(why), "{step:?}");
    }
}

#[tokio::test]
async fn a_download_cannot_leave_the_sandbox() {
    let node = Node::new();
    let outside = node.house.path("out");
    let target = outside.to_str().unwrap();
    let web = web().await;
    let http = json!({ "url": format!("{web}/x.sh"), "allowInsecureDownload": true });
    let Some(report) = node
        .run(
            &plan(json!([
                script("trap", &[&format!("mkdir -p /job/downloads; ln -s {target} /job/downloads/link; ln -s {target}/file /job/downloads/x.sh")]),
                download("HTTP", http.clone(), "link/"),
                download("HTTP", http.clone(), ""),
                download("HTTP", http.clone(), "../../../../../etc/cron.d/x"),
                download("HTTP", http, "/var/lib/x"),
                download("S3", json!({ "path": "https://s3.amazonaws.com/evil/f/" }), ""),
            ])),
            &Cancel::never(),
        )
        .await
    else {
        return;
    };
    for step in &report.steps[1..] {
        assert_eq!(step.status, Status::Failed, "{step:?}");
    }
    assert!(report.steps[5].stderr.contains("outside of the destination"), "{report:?}");
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 0);
}

#[tokio::test]
async fn an_inventory_says_what_it_could_not_collect() {
    let inputs = json!({ "applications": "Enabled", "services": "Enabled", "windowsUpdates": "Disabled", "customInventory": "" });
    let step = json!({ "name": "inv", "action": "aws:softwareInventory", "inputs": inputs });
    let Some(report) = report(json!([step])).await else { return };
    let step = &report.steps[0];
    assert_eq!(step.status, Status::Success);
    assert!(step.stdout.contains("services: not collected"), "{}", step.stdout);
    assert!(!step.stdout.contains("windowsUpdates"), "{}", step.stdout);
    match step.inventory.get("AWS:Application").and_then(Value::as_array) {
        Some(list) => assert!(list.iter().any(|item| item["Name"] == "dpkg"), "{}", step.stdout),
        None => assert!(step.stdout.contains("applications: not collected"), "{}", step.stdout),
    }
}

#[tokio::test]
async fn without_a_sandbox_a_step_fails_and_says_how_to_get_one() {
    let house = House::new();
    let runner = Runner::new(Sandbox::disabled(), Fetch::new(false).unwrap());
    let plan = plan(json!([script("one", &["true"])]));
    let report =
        runner.run(&plan, &house.path("run"), &Cancel::never(), &mut |_| {}).await.unwrap();
    assert_eq!(statuses(&report), [(Status::Failed, 1)]);
    assert!(report.steps[0].stderr.contains("enabled = true"), "{report:?}");
}
