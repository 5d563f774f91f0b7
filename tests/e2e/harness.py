"""What the tests stand on: a real server process, clients of the AWS API, and conditions to wait for."""

import itertools
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

import boto3
from botocore.config import Config

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
TRACKWAY = os.environ.get("TRACKWAY_BIN", str(ROOT / "target/debug/trackway"))
ROLE = "arn:aws:iam::000000000000:role/test"
PATIENCE = float(os.environ.get("TRACKWAY_TEST_PATIENCE", "20"))

ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
TERMINAL_EVENTS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")



def example(name):
    """An example program of a room, beside the binary or where `./x e2e` builds it."""
    beside = pathlib.Path(TRACKWAY).parent / "examples" / name
    return beside if beside.exists() else ROOT / "target/debug/examples" / name


_names = itertools.count(1)


def fresh(prefix="thing"):
    """A name that nobody used before."""
    return f"{prefix}-{next(_names)}-{uuid.uuid4().hex[:6]}"


def eventually(condition, what, patience=PATIENCE):
    """Waits until `condition()` is true-ish and returns it; what isn't so in time fails the test."""
    deadline = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A `trackway serve` process; it can be killed and started again on the same data and port."""

    def __init__(self, folder, *arguments, memory=False, config=None, env=None):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        where = ["--memory"] if memory else ["--data", str(self.data)]
        self.command = [TRACKWAY, "serve", "--listen", f"127.0.0.1:{self.port}", *where, *arguments]
        if config is not None:
            (self.folder / "trackway.toml").write_text(config)
            self.command += ["--config", str(self.folder / "trackway.toml")]
        # The server's own Python is the one that runs the tests, so that functions find its packages.
        path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        unwanted = [name for name in os.environ if name.startswith("AWS_")]
        inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
        self.env = {**inherited, "PATH": path, **(env or {})}
        self.process = None

    def start(self):
        log = self.log.open("ab")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd=self.folder
        )
        log.close()
        eventually(self._answers, f"the server answers on {self.endpoint}")
        return self

    def _answers(self):
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.said()}"
        try:
            return self.get("/health")[0] == 200
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=5) as response:
            return response.status, json.load(response)

    def post(self, path, body=b""):
        request = urllib.request.Request(self.endpoint + path, data=body, method="POST")
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()

    def kill(self):
        """As the power fails: -9."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """As an operator asks: SIGTERM. Returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server:\n{self.said()}") from None

    def said(self):
        return self.log.read_text(errors="replace")[-4000:]

    def client(self, service="stepfunctions", *, account="test", secret="test", region="us-east-1", **config):
        settings = {
            # StartSyncExecution would be sent to `sync-127.0.0.1`, which is nowhere.
            "inject_host_prefix": False,
            # A 500 must not be hidden by a second try.
            "retries": {"total_max_attempts": 1},
            "max_pool_connections": 64,
            "read_timeout": 75,
            **config,
        }
        client = boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=secret,
            config=Config(**settings),
        )
        if client.meta.service_model.resolved_protocol in ("json", "rest-json"):
            client.meta.events.register("after-call", check_answer)
        return client


def check_answer(http_response, model, **_):
    """Every answer has only what the model has, and of its types: a client drops what it doesn't know, in silence."""
    if http_response.status_code == 200 and model.output_shape is not None:
        check_shape(model.output_shape, json.loads(http_response.content or b"{}"), model.name)


JSON_TYPES = {"structure": dict, "map": dict, "list": list, "string": str, "blob": str, "boolean": bool, "integer": int, "long": int}


def check_shape(shape, value, path):
    # Values of enums are left out: AWS itself answers with others (an association's status is `Associated`).
    kind = shape.type_name
    fits = isinstance(value, JSON_TYPES.get(kind, (int, float))) and (kind == "boolean") == isinstance(value, bool)
    assert fits, f"{path} is no {kind}: {value!r}"
    if kind == "structure":
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        assert value.keys() <= members.keys(), f"{path} has {value.keys() - members.keys()}"
        for name, one in value.items():
            # GetActivityTask's token is null where there is no task; every client takes null for absent.
            if one is not None:
                check_shape(members[name], one, f"{path}.{name}")
    elif kind == "map":
        for key, one in value.items():
            check_shape(shape.value, one, f"{path}[{key}]")
    elif kind == "list":
        for n, one in enumerate(value):
            check_shape(shape.member, one, f"{path}[{n}]")


def built(service):
    """The operations of a service that are built: what its groups list."""
    texts = [file.read_text() for file in (ROOT / "crates/api/src" / service).rglob("*.rs")]
    groups = sum(text.count("const GROUP: Group =") for text in texts)
    lists = [found for text in texts for found in re.findall(r"^    operations: &\[(.*?)\]", text, re.DOTALL | re.MULTILINE)]
    names = [name for one in lists for name in re.findall(r'"(\w+)"', one)]
    assert len(lists) == groups and names, "a group's list is written otherwise"
    return set(names)


def trackway(*arguments, **options):
    """Runs the binary's own command line."""
    return subprocess.run(
        [TRACKWAY, *map(str, arguments)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, **options
    )


# --- state machines and executions ---------------------------------------------------------------


def machine(states, start=None, **fields):
    """A definition from its states; the first is where it starts."""
    return json.dumps({"StartAt": start or next(iter(states)), "States": states, **fields})


def ends(**fields):
    return {**fields, "End": True}


PASS = machine({"Only": ends(Type="Pass")})


def create(sfn, definition=PASS, name=None, **fields):
    name = name or fresh("machine")
    return sfn.create_state_machine(name=name, definition=definition, roleArn=ROLE, **fields)["stateMachineArn"]


def start(sfn, arn, input=None, **fields):
    return sfn.start_execution(stateMachineArn=arn, input=json.dumps({} if input is None else input), **fields)[
        "executionArn"
    ]


def ended(sfn, execution, patience=PATIENCE):
    """Waits until the execution has ended and describes it."""

    def look():
        described = sfn.describe_execution(executionArn=execution)
        return described if described["status"] in ENDED else None

    return eventually(look, f"{execution} ends", patience)


def run(sfn, definition, input=None, patience=PATIENCE):
    """Creates a machine of its own, runs it once and describes the ended execution."""
    return ended(sfn, start(sfn, create(sfn, definition), input), patience)


def output(described):
    assert described["status"] == "SUCCEEDED", f"{described['status']}: {described.get('error')}: {described.get('cause')}"
    return json.loads(described["output"])


def history(sfn, execution, **fields):
    """All events, page by page."""
    events, token = [], {}
    while True:
        page = sfn.get_execution_history(executionArn=execution, **fields, **token)
        events += page["events"]
        if "nextToken" not in page:
            return events
        token = {"nextToken": page["nextToken"]}


def types(events):
    return [event["type"] for event in events]


def saw(sfn, execution, event_type, times=1):
    """Waits until the history has such an event."""
    eventually(
        lambda: types(history(sfn, execution)).count(event_type) >= times, f"{execution} has {times} {event_type}"
    )


def details(event):
    """The details of an event, whatever its type calls them."""
    found = [value for key, value in event.items() if key.endswith("EventDetails")]
    assert len(found) == 1, event
    return found[0]


def check_history(events):
    """What holds of every ended execution's history, whatever happened to the server meanwhile."""
    assert [event["id"] for event in events] == list(range(1, len(events) + 1)), "ids have gaps"
    assert events[0]["type"] == "ExecutionStarted"
    assert events[0].get("previousEventId", 0) == 0
    for event in events[1:]:
        # Only what begins a run has no predecessor.
        assert 0 <= event["previousEventId"] < event["id"], event
    times = [event["timestamp"] for event in events]
    assert times == sorted(times), "time runs backwards"
    terminal = [event for event in types(events) if event in TERMINAL_EVENTS]
    assert len(terminal) == 1 and types(events)[-1] == terminal[0], terminal


# --- HTTP without a client -----------------------------------------------------------------------


def raw(server, body=b"{}", target="AWSStepFunctions.ListStateMachines", path="/", method="POST", headers=None):
    """One request as bytes; returns status, headers in lower case, and the body as JSON where it is some."""
    sent = {"Content-Type": "application/x-amz-json-1.0"}
    if target is not None:
        sent["X-Amz-Target"] = target
    sent.update(headers or {})
    request = urllib.request.Request(server.endpoint + path, data=body, method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, _named(response.headers), _as_json(response.read())
    except urllib.error.HTTPError as error:
        return error.code, _named(error.headers), _as_json(error.read())


def _named(headers):
    return {name.lower(): value for name, value in headers.items()}


def _as_json(body):
    try:
        return json.loads(body)
    except ValueError:
        return body


def code_of(body):
    """The error code of an awsJson answer, its namespace cut off."""
    assert isinstance(body, dict) and "__type" in body, f"not an AWS error: {body!r:.300}"
    return body["__type"].split("#")[-1]
