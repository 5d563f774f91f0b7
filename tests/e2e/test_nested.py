"""Executions that start others, and wait for them or for a token."""

import json

from harness import create, ended, ends, fresh, history, machine, output, saw, start, types

CHILD = machine({"P": ends(Type="Pass", Result={"from": "child"})})
FAILING_CHILD = machine({"F": {"Type": "Fail", "Error": "Child.Broke", "Cause": "as expected"}})


def calls(child, how="", **parameters):
    resource = f"arn:aws:states:::states:startExecution{how}"
    return machine(
        {
            "Call": ends(
                Type="Task",
                Resource=resource,
                Parameters={"StateMachineArn": child, "Input": {"parent": True}, **parameters},
            )
        }
    )


def test_starting_a_child_answers_with_its_arn(sfn):
    child = create(sfn, CHILD)
    name = fresh("child")
    result = output(ended(sfn, start(sfn, create(sfn, calls(child, Name=name)))))
    assert result["ExecutionArn"] == child.replace(":stateMachine:", ":execution:") + f":{name}"
    described = ended(sfn, result["ExecutionArn"])
    assert json.loads(described["input"]) == {"parent": True}


def test_sync_answers_with_the_childs_description_as_text(sfn):
    result = output(ended(sfn, start(sfn, create(sfn, calls(create(sfn, CHILD), ".sync")))))
    assert result["Status"] == "SUCCEEDED"
    assert json.loads(result["Output"]) == {"from": "child"}


def test_sync_2_answers_with_the_childs_output_as_json(sfn):
    execution = start(sfn, create(sfn, calls(create(sfn, CHILD), ".sync:2")))
    result = output(ended(sfn, execution))
    assert result["Output"] == {"from": "child"}
    assert result["Input"] == {"parent": True}
    scheduled = [event for event in types(history(sfn, execution)) if event.startswith("Task")]
    assert scheduled == [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ]


def test_a_failing_child_fails_the_waiting_parent(sfn):
    for how in (".sync", ".sync:2"):
        described = ended(sfn, start(sfn, create(sfn, calls(create(sfn, FAILING_CHILD), how))))
        assert (described["status"], described["error"]) == ("FAILED", "States.TaskFailed")
        assert json.loads(described["cause"])["Error"] == "Child.Broke"


def waiting_child(sfn):
    return create(sfn, machine({"W": ends(Type="Wait", Seconds=600)}))


def test_stopping_the_parent_of_a_sync_child_stops_both(sfn):
    child, name = waiting_child(sfn), fresh("child")
    parent = start(sfn, create(sfn, calls(child, ".sync:2", Name=name)))
    saw(sfn, parent, "TaskSubmitted")
    sfn.stop_execution(executionArn=parent)
    assert ended(sfn, parent)["status"] == "ABORTED"
    assert ended(sfn, child.replace(":stateMachine:", ":execution:") + f":{name}")["status"] == "ABORTED"


def test_a_sync_child_is_stopped_when_its_task_is_cut(sfn):
    child, name = waiting_child(sfn), fresh("child")
    definition = json.loads(calls(child, ".sync", Name=name))
    definition["States"]["Call"]["TimeoutSeconds"] = 1
    parent = ended(sfn, start(sfn, create(sfn, json.dumps(definition))))
    assert (parent["status"], parent["error"]) == ("FAILED", "States.Timeout")
    assert ended(sfn, child.replace(":stateMachine:", ":execution:") + f":{name}")["status"] == "ABORTED"


def test_a_parent_waits_for_the_token_that_its_child_was_given(sfn):
    child = create(sfn)
    name = fresh("token")
    waits = calls(child, ".waitForTaskToken", Name=name, Input={"token.$": "$$.Task.Token"})
    execution = start(sfn, create(sfn, waits))
    saw(sfn, execution, "TaskSubmitted")
    child_run = child.replace(":stateMachine:", ":execution:") + f":{name}"
    token = json.loads(ended(sfn, child_run)["input"])["token"]
    sfn.send_task_heartbeat(taskToken=token)
    sfn.send_task_success(taskToken=token, output='{"approved": true}')
    assert output(ended(sfn, execution)) == {"approved": True}


def test_a_token_that_never_comes_back_times_out(sfn):
    child = create(sfn)
    waits = json.loads(calls(child, ".waitForTaskToken", Input={"token.$": "$$.Task.Token"}))
    waits["States"]["Call"]["TimeoutSeconds"] = 1
    described = ended(sfn, start(sfn, create(sfn, json.dumps(waits))))
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")


def test_a_child_machine_that_is_not_there_fails_the_parent(sfn):
    missing = "arn:aws:states:us-east-1:000000000000:stateMachine:nowhere"
    described = ended(sfn, start(sfn, create(sfn, calls(missing))))
    assert (described["status"], described["error"]) == ("FAILED", "StepFunctions.StateMachineDoesNotExistException")
    assert "nowhere" in described["cause"]


def test_a_resource_that_is_not_built_fails_the_execution_and_is_named(sfn):
    queue = ends(
        Type="Task",
        Resource="arn:aws:states:::sqs:sendMessage",
        Parameters={"QueueUrl": "http://127.0.0.1:1/q", "MessageBody": "m"},
    )
    described = ended(sfn, start(sfn, create(sfn, machine({"Send": queue}))))
    assert described["status"] == "FAILED"
    assert "sqs:sendMessage" in described["cause"]
