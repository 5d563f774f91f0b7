"""What an automation or an association started is stopped with it, also by a server that did not start it."""

import json
import urllib.request

import pytest

from harness import create, eventually, fresh, machine
from ssm import automation, automation_is, create_document, runbook, start_automation, step

PAUSE = runbook(step("wait", "pause"), parameters={"Id": {"type": "String", "default": "x"}})


def post(server, path, body):
    request = urllib.request.Request(server.endpoint + path, data=json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def silent_node(server):
    """A node that registers and never asks for work."""
    return post(server, "/_trackway/nodes/register", {"name": fresh("node"), "platformType": "Linux"})["id"]


def restart(server):
    server.kill()
    server.start()
    return server.client("ssm")


class Command:
    """A step that runs a command on a node that says nothing."""

    def step(self, server):
        node = silent_node(server)
        parameters = {"commands": ["true"]}
        return "runCommand", {"DocumentName": "AWS-RunShellScript", "InstanceIds": [node], "Parameters": parameters}

    def statuses(self, server, parent):
        return [one["Status"] for one in server.client("ssm").list_commands()["Commands"]]

    going, stopped = ("Pending", "InProgress"), "Cancelled"


class Child:
    """A step that starts an automation that waits for a signal."""

    def step(self, server):
        return "executeAutomation", {"DocumentName": create_document(server.client("ssm"), PAUSE)}

    def statuses(self, server, parent):
        filters = [{"Key": "ParentExecutionId", "Values": [parent]}]
        found = server.client("ssm").describe_automation_executions(Filters=filters)["AutomationExecutionMetadataList"]
        return [one["AutomationExecutionStatus"] for one in found]

    going, stopped = ("Waiting",), "Cancelled"


class Machine:
    """A step that starts a state machine that waits."""

    def step(self, server):
        self.arn = create(server.client(), machine({"W": {"Type": "Wait", "Seconds": 86400, "End": True}}))
        return "executeStateMachine", {"stateMachineArn": self.arn}

    def statuses(self, server, parent):
        return [one["status"] for one in server.client().list_executions(stateMachineArn=self.arn)["executions"]]

    going, stopped = ("RUNNING",), "ABORTED"


def under_way(server, child, parent):
    def look():
        statuses = child.statuses(server, parent)
        return statuses and all(status in child.going for status in statuses)

    eventually(look, "a child is under way")


def are_stopped(server, child, parent):
    eventually(
        lambda: set(child.statuses(server, parent)) == {child.stopped},
        f"the children are stopped; they are {child.statuses(server, parent)}",
    )


@pytest.mark.parametrize("kind", [Command, Child, Machine])
@pytest.mark.parametrize("how", ["stopped", "timed out"])
def test_a_child_ends_with_its_step_after_kill_9(new_server, kind, how):
    server, child = new_server(), kind()
    ssm = server.client("ssm")
    action, inputs = child.step(server)
    limit = {"timeoutSeconds": 600} if how == "timed out" else {}
    parent = start_automation(ssm, runbook(step("start", action, inputs, **limit)))
    under_way(server, child, parent)
    ssm = restart(server)
    assert automation(ssm, parent)["AutomationExecutionStatus"] == "InProgress"
    if how == "stopped":
        ssm.stop_automation_execution(AutomationExecutionId=parent, Type="Cancel")
        automation_is(ssm, parent, "Cancelled")
    else:
        post(server, "/_trackway/clock/advance", {"seconds": 601})
        automation_is(ssm, parent, "TimedOut", "Failed")
    are_stopped(server, child, parent)


def test_the_children_of_a_rate_control_end_with_it_after_kill_9(new_server):
    server, child = new_server(), Child()
    ssm = server.client("ssm")
    parent = ssm.start_automation_execution(
        DocumentName=create_document(ssm, PAUSE), TargetParameterName="Id", MaxConcurrency="3",
        Targets=[{"Key": "ParameterValues", "Values": ["a", "b", "c"]}],
    )["AutomationExecutionId"]
    under_way(server, child, parent)
    ssm = restart(server)
    ssm.stop_automation_execution(AutomationExecutionId=parent, Type="Cancel")
    automation_is(ssm, parent, "Cancelled")
    are_stopped(server, child, parent)


def test_the_commands_of_an_association_end_with_it_after_kill_9(new_server):
    server, child = new_server(), Command()
    ssm, node = server.client("ssm"), silent_node(server)
    association = ssm.create_association(
        Name="AWS-RunShellScript", Parameters={"commands": ["true"]}, Targets=[{"Key": "InstanceIds", "Values": [node]}]
    )["AssociationDescription"]["AssociationId"]
    under_way(server, child, association)
    restart(server).delete_association(AssociationId=association)
    are_stopped(server, child, association)
