"""200 mixed executions, and a server that is killed with -9 five times while they run.

A run of each kind with no crash is the model. Afterwards every execution that was acknowledged must
have ended as its model did: the same events, none missing and none doubled, and every result that a
function or a worker handed in used once. TRACKWAY_KILL9_SEED replays the moments of a failed run as
far as a real process allows.
"""

import collections
import json
import os
import pathlib
import queue
import random
import shutil
import threading
import time
import uuid

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, ResponseStreamingError
from botocore.parsers import ResponseParserError

from harness import (
    ENDED,
    HERE,
    Server,
    check_history,
    create,
    details,
    ended,
    ends,
    eventually,
    history,
    machine,
    trackway,
    types,
)

KILLS = 5
COUNTS = {"wait": 40, "retry": 30, "activity": 35, "function": 35, "nested": 30, "map": 30}
NO_ANSWER = (ConnectionError, HTTPClientError, ResponseStreamingError, ResponseParserError)

CONFIG = """
[functions.ticket]
handler = "tickets.handler"
runtime = "python3"
path = "functions"
timeout_seconds = 20
concurrency = 4
"""
TICKET = "arn:aws:lambda:us-east-1:000000000000:function:ticket"


def definitions(child, activity):
    def draws(next=None):
        way_on = {"Next": next} if next else {"End": True}
        return {"Type": "Task", "Resource": TICKET, "Parameters": {"for.$": "$$.Execution.Name"}, **way_on}

    fails = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken"}}}
    lost = [{"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"], "IntervalSeconds": 1, "MaxAttempts": 50, "BackoffRate": 1.0}]
    again = [{"ErrorEquals": ["Broken"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.0}]
    return {
        "wait": machine({"Wait": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "P"}, "P": ends(Type="Pass")}),
        "retry": machine(
            {
                "Try": {
                    "Type": "Parallel",
                    "Branches": [fails],
                    "Retry": again,
                    "Catch": [{"ErrorEquals": ["Broken"], "Next": "Caught"}],
                    "End": True,
                },
                "Caught": ends(Type="Pass"),
            }
        ),
        # A worker that took a task and never heard of it lets the heartbeat run out; the task is then tried again.
        "activity": machine({"Ask": ends(Type="Task", Resource=activity, HeartbeatSeconds=4, Retry=lost)}),
        "function": machine({"Draw": draws("Draw again"), "Draw again": draws()}),
        "nested": machine(
            {
                "Call": ends(
                    Type="Task",
                    Resource="arn:aws:states:::states:startExecution.sync:2",
                    Parameters={"StateMachineArn": child, "Name.$": "$$.Execution.Name", "Input": {"seconds": 1}},
                )
            }
        ),
        "map": machine(
            {
                "Each": ends(
                    Type="Map",
                    ItemsPath="$.items",
                    MaxConcurrency=2,
                    ItemProcessor={
                        "StartAt": "Pause",
                        "States": {
                            "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Draw item"},
                            "Draw item": ends(Type="Task", Resource=TICKET, Parameters={"for.$": "$"}),
                        },
                    },
                )
            }
        ),
    }


class Clients:
    """Threads that start executions and do activities' work, and never give up."""

    def __init__(self, server, activity):
        self.sfn = server.client(connect_timeout=5)
        self.activity = activity
        self.faults = []
        self.handed_in = set()
        self.finished = threading.Event()

    def insist(self, call, settled=()):
        """Repeats a call until it is answered. A code in `settled` is what a repeated call may be told."""
        while not self.finished.is_set():
            try:
                return call()
            except NO_ANSWER:
                self.finished.wait(0.05)
            except ClientError as error:
                if error.response["Error"]["Code"] in settled:
                    return None
                # A refusal that nobody expects, or a fault: neither may be hidden by the next try.
                self.faults.append(error.response)
                self.finished.wait(0.05)
        return None

    def start(self, arn, name, input):
        # The first answer may have been lost and the execution have ended since.
        self.insist(
            lambda: self.sfn.start_execution(stateMachineArn=arn, name=name, input=json.dumps(input)),
            settled=("ExecutionAlreadyExists",),
        )
        return arn.replace(":stateMachine:", ":execution:") + f":{name}"

    def work(self):
        while not self.finished.is_set():
            task = self.insist(lambda: self.sfn.get_activity_task(activityArn=self.activity))
            if not task or not task.get("taskToken"):
                continue
            result = str(uuid.uuid4())
            self.handed_in.add(result)
            self.insist(
                lambda: self.sfn.send_task_success(taskToken=task["taskToken"], output=json.dumps(result)),
                settled=("TaskTimedOut", "TaskDoesNotExist"),
            )


def test_200_mixed_executions_survive_five_kills(tmp_path):
    seed = int(os.environ.get("TRACKWAY_KILL9_SEED") or random.randrange(2**32))
    print(f"TRACKWAY_KILL9_SEED={seed}")
    chance = random.Random(seed)
    shutil.copytree(HERE / "functions", tmp_path / "functions")
    drawn = tmp_path / "drawn"
    server = Server(tmp_path, config=CONFIG, env={"TICKETS": str(drawn)}).start()
    try:
        survive(server, chance, drawn)
    finally:
        if server.process.poll() is None:
            server.kill()


def survive(server, chance, drawn):
    sfn = server.client()
    child = create(sfn, definitions("", "")["wait"], "child")
    activity = sfn.create_activity(name="work")["activityArn"]
    arns = {kind: create(sfn, text, kind) for kind, text in definitions(child, activity).items()}
    clients = Clients(server, activity)
    for _ in range(6):
        threading.Thread(target=clients.work, daemon=True).start()
    inputs = {"wait": lambda: {"seconds": chance.randint(1, 6)}, "map": lambda: {"items": list(range(4))}}

    def order(kind, name):
        return kind, name, inputs.get(kind, dict)()

    # With no crash: the model of each kind.
    models = {}
    for kind, arn in arns.items():
        execution = clients.start(arn, f"{kind}-model", order(kind, "")[2])
        assert ended(sfn, execution)["status"] == "SUCCEEDED", sfn.describe_execution(executionArn=execution)
        models[kind] = types(history(sfn, execution, maxResults=1000))

    orders = [order(kind, f"{kind}-{n}") for kind, count in COUNTS.items() for n in range(count)]
    chance.shuffle(orders)
    assert len(orders) == 200
    waiting = queue.SimpleQueue()
    executions = {}

    def start_orders():
        while (next_order := waiting.get()) is not None:
            kind, name, input = next_order
            executions[name] = (kind, clients.start(arns[kind], name, input))

    starters = [threading.Thread(target=start_orders, daemon=True) for _ in range(4)]
    for starter in starters:
        starter.start()
    share = len(orders) // KILLS
    for kill in range(KILLS):
        # A share of the orders comes in while the server is about to be killed.
        for one in orders[kill * share : (kill + 1) * share]:
            waiting.put(one)
        # Not a wait for luck: the moment of the kill is what the test draws at random.
        time.sleep(chance.uniform(0.0, 1.5))
        running = sum(count(sfn, arn, "RUNNING") for arn in arns.values())
        print(f"kill -9 with {running} running, {waiting.qsize()} still to be started")
        server.kill()
        server.start()
    for _ in starters:
        waiting.put(None)
    for starter in starters:
        starter.join(timeout=60)
    assert clients.faults == []
    assert len(executions) == 200

    def all_ended():
        rows = [row for arn in arns.values() for row in sfn.list_executions(stateMachineArn=arn, maxResults=1000)["executions"]]
        return len(rows) == 200 + len(arns) and all(row["status"] in ENDED for row in rows)

    eventually(all_ended, "every acknowledged execution ends", patience=90)
    clients.finished.set()
    assert clients.faults == []

    used = collections.Counter()
    for kind, execution in executions.values():
        assert sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED", execution
        events = history(sfn, execution, maxResults=1000)
        check_history(events)
        check_against_model(kind, events, models[kind])
        used.update(results(events))
    # Only what was really handed in, by a function or by a worker, is a result; and it counts once.
    written = collections.Counter(drawn.read_text().split()) + collections.Counter(clients.handed_in)
    assert set(used) <= set(written)
    assert max(used.values()) == 1 and max(written.values()) == 1
    assert len(used) == COUNTS["activity"] + 2 * COUNTS["function"] + 4 * COUNTS["map"]

    children = sfn.list_executions(stateMachineArn=child, maxResults=1000)["executions"]
    assert sorted(row["name"] for row in children if row["status"] == "SUCCEEDED") == sorted(
        name for name, (kind, _) in [*executions.items(), ("nested-model", ("nested", None))] if kind == "nested"
    )
    for row in children:
        check_history(history(sfn, row["executionArn"]))

    assert server.stop() == 0
    verified = trackway("verify", server.data)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    eventually(lambda: not processes_in(server.folder), "no function process is left over")


def count(sfn, arn, status):
    return len(sfn.list_executions(stateMachineArn=arn, statusFilter=status, maxResults=1000)["executions"])


def check_against_model(kind, events, model):
    """The same events as with no crash: in the same order, where one state follows the other."""
    seen = types(events)
    if kind == "map":
        # Items run side by side; which is first is open.
        assert collections.Counter(seen) == collections.Counter(model)
    elif kind == "activity":
        lost = seen.count("ActivityTimedOut")
        assert seen.count("ActivityScheduled") == lost + 1
        assert seen.count("ActivitySucceeded") == 1
        assert lost or seen == model
    else:
        assert seen == model


def results(events):
    """What tasks handed in, as far as it stands in the history."""
    for event in events:
        if event["type"] == "LambdaFunctionSucceeded":
            yield json.loads(details(event)["output"])["ticket"]
        elif event["type"] == "ActivitySucceeded":
            yield json.loads(details(event)["output"])


def processes_in(folder):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and folder in (entry / "cwd").resolve().parents:
                found.append(entry.name)
        except OSError:
            continue
    return found
