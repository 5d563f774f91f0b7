"""Automations, commands and associations, and a server that is killed with -9 five times while they run, a node twice.

A run of each kind of automation with no crash is the model. Afterwards everything that was acknowledged has ended as
its model did, and each command has written its line on each of its nodes once: none missing, none doubled, but what a
killed node says it left off. TRACKWAY_KILL9_SEED replays the moments of a failed run as far as a real process allows.
"""

import collections
import datetime
import json
import os
import queue
import random
import threading
import time
import uuid

from botocore.exceptions import ClientError

from harness import ROLE, Server, eventually, machine, trackway
from nodes import ENDED, Node, online
from ssm import ENDED_AUTOMATION, automation, create_document, runbook, sleep, step, steps_of
from test_associations import advance
from test_kill9 import NO_ANSWER, processes_in

KILLS, NODE_KILLS = 5, (1, 3)
AUTOMATIONS = {"rest": 12, "approve": 10, "loop": 8, "calls": 8, "command": 10, "child": 8, "rate": 4, "machine": 4, "script": 4}
COMMANDS = 30
ASSOCIATIONS = 6
CUT_OFF = "the node ended while the command ran"
# The clock doesn't move but by itself until all is over: nothing has to run into a timeout.
LIMITS = {"executionTimeout": ["3600"]}


def documents(ssm, nodes, out, state_machine):
    """The document of each kind of automation; `Rest` is how long it sleeps."""
    parameters = {"Rest": {"type": "String", "default": "PT0S"}}
    rest, run = sleep("rest", "{{ Rest }}"), "{{ automation:EXECUTION_ID }}"
    child = create_document(ssm, runbook(rest, sleep("after"), parameters=parameters), name="child")
    count = step("count", "updateVariable", {"Name": "variable:Seen", "Value": "{{ each.CurrentIteratorValue }}"})
    each = {"Iterators": ["a", "b", "c"], "IteratorDataType": "String", "Steps": [sleep("nap", "PT0.2S"), count]}
    key = {"Service": "ssm", "Name": f"/runs/{run}"}
    line = {"commands": [f"echo {run} >> {out}/$NODE"], **LIMITS}
    command = {"DocumentName": "AWS-RunShellScript", "InstanceIds": nodes, "Parameters": line}
    script = "def handler(events, context):\n    return {'run': events['run']}"
    steps = {
        "rest": [rest, step("choose", "branch", {"Choices": [{"NextStep": "last", "Variable": "{{ Rest }}", "Contains": "S"}]}), sleep("no"), sleep("last", isEnd=True)],
        "approve": [rest, step("ask", "approve", {"Approvers": ["arn:aws:iam::000000000000:root"]}), sleep("after")],
        "loop": [step("each", "loop", each), rest],
        "calls": [
            step("put", "executeAwsApi", {**key, "Api": "PutParameter", "Value": run, "Type": "String", "Overwrite": True}),
            rest,
            step("check", "assertAwsResourceProperty", {**key, "Api": "get_parameter", "PropertySelector": "$.Parameter.Value", "DesiredValues": [run]}),
        ],
        "command": [rest, step("run", "runCommand", command), sleep("after")],
        "child": [step("child", "executeAutomation", {"DocumentName": child, "RuntimeParameters": {"Rest": ["{{ Rest }}"]}}), sleep("after")],
        "machine": [step("machine", "executeStateMachine", {"stateMachineArn": state_machine, "input": "{}"}), rest],
        "script": [rest, step("script", "executeScript", {"Runtime": "python3.11", "Handler": "handler", "Script": script, "InputPayload": {"run": run}},
                              outputs=[{"Name": "run", "Selector": "$.Payload.run", "Type": "String"}])],
    }  # fmt: skip
    extra = {"loop": {"variables": {"Seen": {"type": "String", "default": "none"}}}}
    made = {
        kind: create_document(ssm, runbook(*steps, parameters=parameters, **extra.get(kind, {})), name=f"kind-{kind}")
        for kind, steps in steps.items()
    }
    each_target = runbook(sleep("nap", "PT0.3S"), rest, parameters={**parameters, "Which": {"type": "String"}})
    made["rate"] = create_document(ssm, each_target, name="kind-rate")
    return made


class Clients:
    """What users do meanwhile; they never give up."""

    def __init__(self, server, out):
        self.ssm = server.client("ssm", connect_timeout=5)
        self.out = out
        self.faults = []
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

    def start(self, kind, document, rest, token):
        fields = {"Parameters": {"Rest": [rest]}}
        if kind == "rate":
            targets = [{"Key": "ParameterValues", "Values": ["a", "b", "c"]}]
            fields |= {"TargetParameterName": "Which", "Targets": targets, "MaxConcurrency": "2", "MaxErrors": "0"}
        started = self.insist(
            lambda: self.ssm.start_automation_execution(DocumentName=document, ClientToken=token, **fields)
        )
        execution = started["AutomationExecutionId"]
        if kind == "approve":
            self.approve(execution)
        return execution

    def approve(self, execution):
        waits = lambda: automation(self.ssm, execution)["AutomationExecutionStatus"] == "Waiting"  # noqa: E731
        while not self.finished.is_set() and not self.insist(waits):
            self.finished.wait(0.05)
        # The first answer may have been lost: then there is nothing left to approve.
        self.insist(
            lambda: self.ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve"),
            settled=("InvalidAutomationSignalException",),
        )

    def send(self, line, nodes):
        """A command has no token: each try is a command of its own, and only the last is known to have been heard."""
        tries = []

        def call():
            tries.append(f"{line}-{len(tries)}")
            return self.ssm.send_command(
                DocumentName="AWS-RunShellScript", InstanceIds=nodes,
                Parameters={"commands": [f"echo {tries[-1]} >> {self.out}/$NODE"], **LIMITS},
            )["Command"]["CommandId"]  # fmt: skip

        command = self.insist(call)
        return command, tries[-1]

    def apply(self, name, seconds):
        """An association that runs once: when it is made, or in so many seconds."""

        def call():
            at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds or 0)
            only_then = {"ScheduleExpression": f"at({at:%Y-%m-%dT%H:%M:%S})", "ApplyOnlyAtCronInterval": True}
            return self.ssm.create_association(
                Name="AWS-RunShellScript", AssociationName=name,
                Parameters={"commands": [f"echo {name} >> {self.out}/$NODE"], **LIMITS},
                Targets=[{"Key": "tag:Fleet", "Values": ["all"]}], **(only_then if seconds else {}),
            )["AssociationDescription"]["AssociationId"]  # fmt: skip

        return self.insist(call)


def test_systems_manager_survives_five_kills_of_the_server_and_two_of_a_node(tmp_path):
    seed = int(os.environ.get("TRACKWAY_KILL9_SEED") or random.randrange(2**32))
    print(f"TRACKWAY_KILL9_SEED={seed}")
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server", config="[sandbox]\nenabled = true\n").start()
    nodes = []
    for name in ("one", "two"):
        config = f'[sandbox]\nenabled = true\nwritable = ["{out}"]\nenv = {{ NODE = "{name}" }}\n'
        nodes.append(Node(tmp_path / name, server, name, "Fleet=all", config=config).start())
    try:
        survive(server, nodes, random.Random(seed), out)
    finally:
        for process in (server, *nodes):
            if process.process.poll() is None:
                process.kill()


def survive(server, nodes, chance, out):
    ssm = server.client("ssm")
    names = {online(ssm, node): node.name for node in nodes}
    ids = list(names)
    waits = machine({"W": {"Type": "Wait", "Seconds": 1, "End": True}})
    state_machine = server.client().create_state_machine(name="waits", definition=waits, roleArn=ROLE)["stateMachineArn"]
    of_kind = documents(ssm, ids, out, state_machine)
    clients = Clients(server, out)

    # With no crash: the model of each kind.
    models = {}
    for kind, document in of_kind.items():
        execution = clients.start(kind, document, "PT0S", str(uuid.uuid4()))
        eventually(lambda: automation(ssm, execution)["AutomationExecutionStatus"] in ENDED_AUTOMATION, f"{kind} ends")
        assert automation(ssm, execution)["AutomationExecutionStatus"] == "Success", (kind, steps_of(ssm, execution))
        models[kind] = shape(ssm, execution, kind)

    orders = [("automation", kind) for kind, count in AUTOMATIONS.items() for _ in range(count)]
    orders += [("command", n) for n in range(COMMANDS)] + [("association", n) for n in range(ASSOCIATIONS)]
    chance.shuffle(orders)
    waiting, executions, commands, associations = queue.SimpleQueue(), {}, {}, {}

    def carry_out(what, which, rest, nodes):
        token = str(uuid.uuid4())
        if what == "automation":
            executions[clients.start(which, of_kind[which], rest, token)] = which
        elif what == "command":
            command, line = clients.send(token, nodes)
            commands[command] = (line, nodes)
        else:
            made = clients.apply(f"apply-{which}", which + 3 if which % 2 else None)
            associations[made] = f"apply-{which}"

    def work():
        while (order := waiting.get()) is not None:
            carry_out(*order)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(10)]
    for worker in workers:
        worker.start()
    share = -(-len(orders) // KILLS)
    for kill in range(KILLS):
        # A share of the orders comes in while the server is about to be killed.
        for what, which in orders[kill * share : (kill + 1) * share]:
            waiting.put((what, which, f"PT{chance.randint(0, 3)}S", chance.choice([ids, ids[:1], ids[1:]])))
        # Not a wait for luck: the moment of the kill is what the test draws at random.
        time.sleep(chance.uniform(0.0, 1.5))
        print(f"kill -9 of the server, {waiting.qsize()} still to be started")
        server.kill()
        together = chance.random() < 0.5
        if kill in NODE_KILLS and together:
            again(nodes[0])
        server.start()
        if kill in NODE_KILLS and not together:
            time.sleep(chance.uniform(0.0, 0.5))
            again(nodes[0])
    for _ in workers:
        waiting.put(None)
    for worker in workers:
        worker.join(timeout=60)
        assert not worker.is_alive(), "an order is not answered"
    assert clients.faults == []
    assert len(executions) == sum(AUTOMATIONS.values()) and len(commands) == COMMANDS

    pages = lambda operation, list, **input: [  # noqa: E731
        row for page in ssm.get_paginator(operation).paginate(**input) for row in page[list]
    ]

    def all_ended():
        automations = pages("describe_automation_executions", "AutomationExecutionMetadataList")
        if any(one["AutomationExecutionStatus"] not in ENDED_AUTOMATION for one in automations):
            return False
        runs = [pages("describe_association_executions", "AssociationExecutions", AssociationId=id) for id in associations]
        if any(not of_one or any(run["Status"] not in ("Success", "Failed") for run in of_one) for of_one in runs):
            return False
        return all(one["Status"] in ENDED for one in pages("list_commands", "Commands"))

    eventually(all_ended, "all that was acknowledged ends", patience=90)
    clients.finished.set()

    # Every line that was written, by node.
    written = {node: collections.Counter((out / name).read_text().split()) for node, name in names.items()}
    invocations = pages("list_command_invocations", "CommandInvocations", Details=True)
    cut_off = {(one["CommandId"], one["InstanceId"]) for one in invocations if one["Status"] != "Success"}
    for command, node in cut_off:
        got = ssm.get_command_invocation(CommandId=command, InstanceId=node)
        assert (got["Status"], CUT_OFF in got["StandardErrorContent"]) == ("Failed", True), got
        assert node == ids[0], "this node was never killed"
    print(f"{len(invocations)} invocations, {len(cut_off)} cut off by a node's end")

    # Commands of users.
    for command, (line, where) in commands.items():
        for node in ids:
            expected = {1} if node in where else {0}
            check_line(written[node][line], expected, (command, node) in cut_off)

    # Automations.
    lost = 0
    for execution, kind in executions.items():
        found = automation(ssm, execution)
        if kind == "command":
            ran = steps_of(ssm, execution, Filters=[{"Key": "StepName", "Values": ["run"]}])[0]
            command = ran["Outputs"]["CommandId"][0]
            broken = any((command, node) in cut_off for node in ids)
            lost += broken
            assert found["AutomationExecutionStatus"] == ("Failed" if broken else "Success"), found
            for node in ids:
                check_line(written[node][execution], {1}, (command, node) in cut_off)
            if broken:
                continue
        assert found["AutomationExecutionStatus"] == "Success", (kind, found)
        assert shape(ssm, execution, kind) == models[kind]
        if kind == "script":
            assert found["StepExecutions"][1]["Outputs"]["run"] == [execution]
    print(f"{lost} automations failed with a node")
    started = collections.Counter(one["DocumentName"] for one in pages("describe_automation_executions", "AutomationExecutionMetadataList"))
    expected = {of_kind[kind]: count + 1 for kind, count in AUTOMATIONS.items()}
    expected |= {"child": AUTOMATIONS["child"] + 1, of_kind["rate"]: 4 * (AUTOMATIONS["rate"] + 1)}
    assert started == expected, "none was started twice, nor a child of one"

    # Associations: when they were made, or at their time. A lost answer may have made one more of a name.
    applied = collections.defaultdict(list)
    for association in pages("list_associations", "Associations"):
        applied[association["AssociationName"]].append(association["AssociationId"])
    assert all(id in applied[name] for id, name in associations.items())
    for name, of_name in applied.items():
        check_associations(ssm, of_name, name, written, cut_off)
    total = sum(written.values(), collections.Counter())
    known = {line for line, _ in commands.values()} | set(executions) | set(applied)
    # What nobody knows of was sent by a call whose answer was lost, or is a model.
    assert all(total[line] <= 2 for line in set(total) - known)

    # A slot that comes while the server is away is not lost, and comes once.
    rate = ssm.create_association(
        Name="AWS-RunShellScript", AssociationName="rate", Parameters={"commands": [f"echo rate >> {out}/$NODE"]},
        Targets=[{"Key": "tag:Fleet", "Values": ["all"]}], ScheduleExpression="rate(30 minutes)",
    )["AssociationDescription"]["AssociationId"]  # fmt: skip

    def ran(times):
        found = ssm.describe_association_executions(AssociationId=rate)["AssociationExecutions"]
        return [one["Status"] for one in found] == ["Success"] * times

    eventually(lambda: ran(1), "the association has run")
    for slot in (1, 2):
        server.kill()
        server.start()
        advance(server, slot * 30 * 60)
        eventually(lambda: ran(slot + 1), f"slot {slot} has run", patience=30)
    written = {node: collections.Counter((out / name).read_text().split()) for node, name in names.items()}
    assert [lines["rate"] for lines in written.values()] == [3, 3]

    assert [node.stop() for node in nodes] == [0, 0]
    assert server.stop() == 0
    verified = trackway("verify", server.data)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for process in (server, *nodes):
        eventually(lambda: not processes_in(process.folder), "no process is left over")


def again(node):
    print(f"kill -9 of a node while {'the server' if node.server.process.poll() is None else 'no server'} is there")
    node.kill()
    node.start()


def check_line(times, expected, is_cut_off):
    """How often a line stands there; a node that ended may have left it off, and never writes it again."""
    assert times in (expected | {0} if is_cut_off else expected), (times, expected, is_cut_off)


def shape(ssm, execution, kind):
    """What two runs of a kind have in common: steps in their order, how they ended, whose they are."""
    told = []
    for one in steps_of(ssm, execution):
        parent = one.get("ParentStepDetails", {})
        row = (one["StepName"], one["Action"], one["StepStatus"], parent.get("Iteration"), parent.get("IteratorValue"))
        assert one["ExecutionStartTime"] <= one["ExecutionEndTime"] if one["StepStatus"] == "Success" else True
        told.append((*row, sorted(one.get("Outputs", {}))))
    # Children of a rate control run side by side; which begins first is open.
    return sorted(told, key=json.dumps) if kind == "rate" else told


def check_associations(ssm, associations, line, written, cut_off):
    """Each ran once, and reached each node once."""
    reached = collections.defaultdict(list)
    for association in associations:
        runs = ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"]
        assert len(runs) == 1, [one["CreatedTime"] for one in runs]
        which = {"AssociationId": association, "ExecutionId": runs[0]["ExecutionId"]}
        for target in ssm.describe_association_execution_targets(**which)["AssociationExecutionTargets"]:
            command, node = target["OutputSource"]["OutputSourceId"], target["ResourceId"]
            assert target["Status"] == ("Failed" if (command, node) in cut_off else "Success"), target
            reached[node].append((command, node) in cut_off)
    assert set(reached) == set(written)
    for node, ends in reached.items():
        assert len(ends) == len(associations)
        assert len(ends) - sum(ends) <= written[node][line] <= len(ends), (line, node, ends, written[node][line])
