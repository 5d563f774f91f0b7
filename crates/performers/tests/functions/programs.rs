//! Programs that speak the Runtime API themselves: an official client, and badly behaved ones.

use std::path::PathBuf;

use serde_json::{Value, json};
use trackway_performers::function::Outcome;

use crate::house::House;

/// The interpreter of a virtual environment that has `awslambdaric`, if the tests were given one.
pub(crate) fn python_with_the_official_client() -> Option<PathBuf> {
    let found = std::env::var_os("TRACKWAY_TEST_VENV").and_then(|venv| {
        let python = PathBuf::from(venv).join("bin/python");
        let import =
            std::process::Command::new(&python).args(["-c", "import awslambdaric"]).output();
        import.is_ok_and(|output| output.status.success()).then_some(python)
    });
    if found.is_none() {
        eprintln!("skipped: TRACKWAY_TEST_VENV names no virtual environment with awslambdaric");
    }
    found
}

#[tokio::test]
async fn the_official_python_client_works_unchanged() {
    let Some(python) = python_with_the_official_client() else { return };
    let app = "
import os
def handler(event, context):
    print('official')
    if event == 'fail':
        raise Exception('Some exception was raised.')
    return {'event': event, 'id': context.aws_request_id, 'pid': os.getpid()}
";
    let config = json!({
        "command": [python, "-m", "awslambdaric", "app.handler"], "timeout_seconds": 20,
    });
    let house = House::with(&[("app.py", app)], config).await;
    let first = house.succeed(json!({ "é": 1 })).await;
    assert_eq!(first["event"], json!({ "é": 1 }));
    assert_eq!(
        house.fail(json!("fail")).await,
        r#"{"errorMessage": "Some exception was raised.", "errorType": "Exception", "requestId": "<id>", "stackTrace": ["  File \"/var/task/app.py\", line 6, in handler\n    raise Exception('Some exception was raised.')\n"]}"#
    );
    assert_eq!(house.succeed(json!(1)).await["pid"], first["pid"]);
    assert!(house.log().contains("official"));

    let config =
        json!({ "command": [python, "-m", "awslambdaric", "none.handler"], "timeout_seconds": 20 });
    let house = House::with(&[], config).await;
    let error: Value = serde_json::from_str(&house.fail(json!({})).await).unwrap();
    assert_eq!(error["errorType"], json!("Runtime.ImportModuleError"));
}

/// A program whose text is given the address as `host` and `port` and a way to send bytes and read an answer.
async fn program(text: &str) -> House {
    let prelude = "
import os, socket, sys
host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')
def send(data):
    s = socket.create_connection((host, int(port)))
    s.sendall(data)
    return s
def ask(data):
    s = send(data)
    parts = []
    while True:
        part = s.recv(65536)
        if not part:
            return b''.join(parts).decode('latin-1')
        parts.append(part)
def next():
    head, _, body = ask(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n').partition('\\r\\n\\r\\n')
    return next_id(head), body
def next_id(head):
    return [l for l in head.split('\\r\\n') if l.lower().startswith('lambda-runtime-aws-request-id')][0].split(': ')[1]
def post(path, body=b'', headers=''):
    return ask(f'POST /2018-06-01/runtime/{path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n{headers}Content-Length: {len(body)}\\r\\n\\r\\n'.encode() + body)
";
    let config = json!({ "command": ["python3", "program.py"], "timeout_seconds": 2 });
    House::with(&[("program.py", &format!("{prelude}{text}"))], config).await
}

#[tokio::test]
async fn garbage_is_answered_and_harms_nothing() {
    let house = program(
        "
for garbage in (b'\\0\\xff' * 50000, b'GET', b'GET / HTTP/1.1\\r\\n' + b'a: b\\r\\n' * 5000 + b'\\r\\n',
                b'POST /2018-06-01/runtime/init/error HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 99\\r\\n\\r\\nshort'):
    try:
        send(garbage).close()
    except OSError:
        pass
seen = []
seen.append(ask(b'PUT /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')[:12])
seen.append(post('invocation/none/response')[:12])
id, body = next()
seen.append(ask(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')[:12])
seen.append(post('init/error')[:12])
import json
seen.append(body)
post(f'invocation/{id}/response', json.dumps(seen).encode())
next()
",
    )
    .await;
    assert_eq!(
        house.succeed(json!("event")).await,
        json!(["HTTP/1.1 404", "HTTP/1.1 400", "HTTP/1.1 403", "HTTP/1.1 403", "\"event\""])
    );
}

#[tokio::test]
async fn an_answer_is_passed_on_whatever_it_holds() {
    let house = program(
        "
while True:
    id, body = next()
    if body == '\"chunked\"':
        ask(f'POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n2\\r\\n[1\\r\\n1\\r\\n]\\r\\n0\\r\\n\\r\\n'.encode())
    elif body == '\"not json\"':
        post(f'invocation/{id}/response', b'{not json')
    elif body == '\"nothing\"':
        post(f'invocation/{id}/response')
    else:
        post(f'invocation/{id}/error', b'', 'Lambda-Runtime-Function-Error-Type: My.Error\\r\\n')
",
    )
    .await;
    for (event, expected) in [("chunked", "[1]"), ("not json", "{not json"), ("nothing", "")] {
        let Outcome::Success(reply) = house.invoke(json!(event)).await else { panic!("{event}") };
        assert_eq!(reply.payload, expected);
    }
    assert_eq!(house.fail(json!("fail")).await, r#"{"errorType":"My.Error","errorMessage":""}"#);
}

#[tokio::test]
async fn a_program_that_ends_at_once_fails_its_invocation() {
    let house = program("sys.exit(7)").await;
    assert_eq!(
        house.fail(json!({})).await,
        r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: <id> Error: Runtime exited with error: exit status 7"}"#
    );
}

#[tokio::test]
async fn a_program_that_cannot_be_run_fails_its_invocation() {
    let house =
        House::with(&[("program", "not a program")], json!({ "command": ["./program"] })).await;
    let error: Value = serde_json::from_str(&house.fail(json!({})).await).unwrap();
    assert_eq!(error["errorType"], json!("Runtime.InvalidEntrypoint"));
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.contains("Permission denied"), "{message}");
}
