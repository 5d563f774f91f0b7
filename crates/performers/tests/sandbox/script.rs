//! Scripts of runbooks.

use serde_json::{Value, json};
use trackway_core::Outcome;
use trackway_performers::script::{ScriptPerformer, ScriptRequest, errors};

use super::*;

/// Runs a Python script; nothing where the machine can't.
async fn outcome(script: &str, more: Value) -> Option<Result<Value, (String, String)>> {
    let house = House::new();
    let scripts =
        ScriptPerformer::new(house.sandbox(SandboxConfig::default()), house.path("scripts"));
    let mut request = json!({ "runtime": "python3.11", "handler": "handler", "script": script });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request: ScriptRequest = serde_json::from_value(request).unwrap();
    let outcome = scripts.run(&request, &Cancel::never()).await;
    let left = std::fs::read_dir(house.path("scripts")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "no files are left behind");
    match outcome {
        Outcome::Succeeded(output) => Some(Ok(serde_json::from_str(&output).unwrap())),
        Outcome::Failed { error, cause } if error == errors::UNAVAILABLE => {
            println!("skipped: {cause}");
            None
        }
        Outcome::Failed { error, cause } => Some(Err((error, cause))),
        Outcome::Closed { .. } => unreachable!("a script is no child"),
    }
}

#[tokio::test]
async fn a_handler_is_called_with_its_payload_and_returns_a_value() {
    let script = "import sys\nprint('hello', file=sys.stdout)\ndef handler(events, context):\n    print(sorted(context))\n    return {'sum': sum(events['n']), 'big': 12345678901234567890123, 'name': events['name']}\n";
    let input = json!({ "inputPayload": { "n": [1, 2, 3], "name": "gr\u{fc}n" } });
    let Some(result) = outcome(script, input).await else { return };
    let output = result.unwrap();
    assert_eq!(output["ExecutionLog"], "hello\n[]\n");
    let payload = output["Payload"].to_string();
    assert!(payload.starts_with("{\"sum\":6,\"big\":1.2345"), "{payload}");
    assert_eq!(output["Payload"]["name"], "gr\u{fc}n");
}

#[tokio::test]
async fn what_a_handler_raises_is_told_from_its_own_frames_on() {
    let script = "import json\n\ndef parse_event(events):\n    return events['missing']\n\ndef handler(events, context):\n    return parse_event(events)\n";
    let Some(result) = outcome(script, json!({})).await else { return };
    let (error, cause) = result.unwrap_err();
    assert_eq!(error, errors::FAILED);
    let lines: Vec<&str> = cause.lines().collect();
    assert_eq!(lines[0], "Traceback (most recent call last):");
    assert!(lines[1].starts_with("  File \"/tmp/"), "{cause}");
    assert!(lines[1].ends_with("/customer_script.py\", line 7, in handler"), "{cause}");
    assert!(cause.contains("/customer_script.py\", line 4, in parse_event"), "{cause}");
    assert!(cause.ends_with("KeyError: 'missing'\n"), "{cause}");
}

#[tokio::test]
async fn what_cannot_run_says_what_python_says() {
    let cases = [
        (
            "def handler(e, c):\n    return object()\n",
            "TypeError: Object of type object is not JSON serializable\n",
        ),
        (
            "def handler(e, c):\n    return float('nan')\n",
            "ValueError: Out of range float values are not JSON compliant",
        ),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'\n"),
        ("def handler(\n", "SyntaxError: "),
        (
            "def other(e, c):\n    pass\n",
            "AttributeError: module 'customer_script' has no attribute 'handler'",
        ),
        ("def handler(e, c):\n    raise SystemExit(3)\n", "SystemExit: 3\n"),
    ];
    for (script, expected) in cases {
        let Some(result) = outcome(script, json!({})).await else { return };
        let (_, cause) = result.unwrap_err();
        assert!(cause.starts_with("Traceback (most recent call last):\n"), "{cause}");
        assert!(cause.contains(expected), "{cause}");
    }
}

#[tokio::test]
async fn a_result_has_its_limits() {
    let long = "def handler(e, c):\n    return {'list': list(range(150)), 'text': 'x' * 10}\n";
    let Some(result) = outcome(long, json!({})).await else { return };
    assert_eq!(result.unwrap()["Payload"]["list"].as_array().unwrap().len(), 100);
    let large = "def handler(e, c):\n    return 'x' * 102400\n";
    let Some(result) = outcome(large, json!({})).await else { return };
    assert!(result.unwrap_err().1.contains("102402 bytes"));
}

#[tokio::test]
async fn a_script_that_ends_its_own_process_has_no_result() {
    let script = "import os, sys\ndef handler(e, c):\n    sys.stderr.write('last words')\n    sys.stderr.flush()\n    os._exit(5)\n";
    let Some(result) = outcome(script, json!({})).await else { return };
    let cause = result.unwrap_err().1;
    assert_eq!(cause, "The script ended with exit code 5 and without a result.\nlast words");
}

#[tokio::test]
async fn a_result_that_is_a_link_or_a_pipe_is_none() {
    for trick in ["os.symlink('/etc/passwd', '.result')", "os.mkfifo('.result')"] {
        let script = format!("import os\ndef handler(e, c):\n    {trick}\n    os._exit(0)\n");
        let Some(result) = outcome(&script, json!({})).await else { return };
        assert!(result.unwrap_err().1.contains("without a result"));
    }
}

#[tokio::test]
async fn a_script_is_ended_at_its_timeout() {
    let script = "import time\ndef handler(e, c):\n    time.sleep(60)\n";
    let Some(result) = outcome(script, json!({ "timeoutSeconds": 1 })).await else { return };
    let expected = "The script was ended after its timeout of 1 seconds.".to_owned();
    assert_eq!(result.unwrap_err(), (errors::TIMED_OUT.to_owned(), expected));
}

#[tokio::test]
async fn a_script_sees_neither_the_servers_environment_nor_a_network() {
    let script = "import os, socket\ndef handler(e, c):\n    names = [n for n in os.environ if n.startswith(('AWS_', 'CARGO', 'NEXTEST'))]\n    try:\n        socket.create_connection(('192.0.2.1', 80), 2)\n        reached = True\n    except OSError as error:\n        reached = error.errno\n    return [names, reached, sorted(os.listdir('/'))[:3], os.path.exists(os.path.expanduser('~/.aws'))]\n";
    let Some(result) = outcome(script, json!({})).await else { return };
    let unreachable = 101;
    assert_eq!(result.unwrap()["Payload"], json!([[], unreachable, ["bin", "dev", "etc"], false]));
}

#[tokio::test]
async fn an_unknown_runtime_and_a_missing_one_are_refused() {
    let Some(result) = outcome("", json!({ "runtime": "ruby" })).await else { return };
    assert!(result.unwrap_err().1.contains("\"ruby\" is not supported"));
    let disabled = ScriptPerformer::new(Sandbox::disabled(), "unused");
    let request = json!({ "runtime": "python3.11", "handler": "h", "script": "" });
    let request: ScriptRequest = serde_json::from_value(request).unwrap();
    match disabled.run(&request, &Cancel::never()).await {
        Outcome::Failed { error, cause } => {
            assert!(error == errors::DISABLED && cause.contains("enabled = true"), "{cause}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn packages_of_the_hosts_python_can_be_imported() {
    let host = std::process::Command::new("python3.11").args(["-c", "import boto3"]).output();
    if !host.is_ok_and(|output| output.status.success()) {
        println!("skipped: this machine's python3.11 has no boto3");
        return;
    }
    let script = "import boto3\ndef handler(e, c):\n    return boto3.client('sqs', region_name='eu-west-1').meta.region_name\n";
    let Some(result) = outcome(script, json!({})).await else { return };
    assert_eq!(result.unwrap()["Payload"], "eu-west-1");
}

#[tokio::test]
async fn with_a_network_and_an_environment_a_script_reaches_an_endpoint() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let house = House::new();
    let environment = [("ENDPOINT_PORT".to_owned(), port)].into();
    let config = SandboxConfig { network: true, environment, ..SandboxConfig::default() };
    let scripts = ScriptPerformer::new(house.sandbox(config), house.path("scripts"));
    let script = "import os, socket\ndef handler(e, c):\n    socket.create_connection(('127.0.0.1', int(os.environ['ENDPOINT_PORT'])), 5)\n    return 'reached'\n";
    let request = json!({ "runtime": "python3.11", "handler": "handler", "script": script });
    let request: ScriptRequest = serde_json::from_value(request).unwrap();
    match scripts.run(&request, &Cancel::never()).await {
        Outcome::Succeeded(output) => assert!(output.contains("\"reached\""), "{output:?}"),
        Outcome::Failed { error, cause } => {
            assert_eq!(error, errors::UNAVAILABLE, "{cause}");
            println!("skipped: {cause}");
        }
        Outcome::Closed { .. } => unreachable!("a script is no child"),
    }
}
