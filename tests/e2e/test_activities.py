"""Activities, their workers, and task tokens."""

import json
import threading
import time

import pytest

from harness import create, ended, ends, fresh, history, machine, output, run, saw, start, types


@pytest.fixture
def activity(sfn):
    return sfn.create_activity(name=fresh("activity"))["activityArn"]


def asks(activity, **fields):
    return machine({"Ask": ends(Type="Task", Resource=activity, **fields)})


def test_a_worker_takes_a_task_and_its_answer_is_the_result(sfn, activity):
    execution = start(sfn, create(sfn, asks(activity)), {"n": 1})
    task = sfn.get_activity_task(activityArn=activity, workerName="ada")
    assert json.loads(task["input"]) == {"n": 1}
    sfn.send_task_success(taskToken=task["taskToken"], output='{"answer": 42}')
    assert output(ended(sfn, execution)) == {"answer": 42}
    events = history(sfn, execution)
    assert types(events) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivitySucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert events[3]["activityStartedEventDetails"] == {"workerName": "ada"}


def test_a_worker_that_waits_gets_the_task_as_soon_as_it_is_there(sfn, activity):
    got = {}

    def work():
        got["task"] = sfn.get_activity_task(activityArn=activity)
        got["at"] = time.monotonic()

    worker = threading.Thread(target=work)
    worker.start()
    arn = create(sfn, asks(activity))
    began = time.monotonic()
    execution = start(sfn, arn)
    worker.join(timeout=20)
    assert not worker.is_alive() and got["task"]["taskToken"]
    assert got["at"] - began < 5
    sfn.send_task_success(taskToken=got["task"]["taskToken"], output="{}")
    ended(sfn, execution)


def test_each_task_goes_to_one_worker(sfn, activity):
    arn = create(sfn, asks(activity))
    executions = [start(sfn, arn, {"n": n}) for n in range(20)]
    tasks = []

    def work():
        for _ in range(5):
            tasks.append(sfn.get_activity_task(activityArn=activity))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert len({task["taskToken"] for task in tasks}) == 20
    assert sorted(json.loads(task["input"])["n"] for task in tasks) == list(range(20))
    for task in tasks:
        sfn.send_task_success(taskToken=task["taskToken"], output=task["input"])
    for n, execution in enumerate(executions):
        assert output(ended(sfn, execution)) == {"n": n}


def test_a_failure_that_the_worker_reports_is_the_states(sfn, activity):
    execution = start(sfn, create(sfn, asks(activity)))
    task = sfn.get_activity_task(activityArn=activity)
    sfn.send_task_failure(taskToken=task["taskToken"], error="Sold.Out", cause="no anvils")
    described = ended(sfn, execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Sold.Out", "no anvils")
    assert "ActivityFailed" in types(history(sfn, execution))


def test_a_failed_task_is_tried_again(sfn, activity):
    retry = [{"ErrorEquals": ["Sold.Out"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = start(sfn, create(sfn, asks(activity, Retry=retry)))
    first = sfn.get_activity_task(activityArn=activity)
    sfn.send_task_failure(taskToken=first["taskToken"], error="Sold.Out")
    second = sfn.get_activity_task(activityArn=activity)
    assert second["taskToken"] != first["taskToken"]
    sfn.send_task_success(taskToken=second["taskToken"], output="2")
    assert output(ended(sfn, execution)) == 2


def test_a_silent_worker_is_timed_out_by_the_heartbeat(sfn, activity):
    execution = start(sfn, create(sfn, asks(activity, HeartbeatSeconds=1, TimeoutSeconds=60)))
    task = sfn.get_activity_task(activityArn=activity)
    described = ended(sfn, execution)
    assert (described["status"], described["error"]) == ("FAILED", "States.HeartbeatTimeout") or described[
        "error"
    ] == "States.Timeout"
    assert "ActivityTimedOut" in types(history(sfn, execution))
    for late in (
        lambda: sfn.send_task_success(taskToken=task["taskToken"], output="{}"),
        lambda: sfn.send_task_heartbeat(taskToken=task["taskToken"]),
    ):
        with pytest.raises((sfn.exceptions.TaskTimedOut, sfn.exceptions.TaskDoesNotExist)):
            late()


def test_heartbeats_keep_a_task_alive(sfn, activity):
    execution = start(sfn, create(sfn, asks(activity, HeartbeatSeconds=2, TimeoutSeconds=60)))
    task = sfn.get_activity_task(activityArn=activity)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        sfn.send_task_heartbeat(taskToken=task["taskToken"])
        threading.Event().wait(0.3)
    sfn.send_task_success(taskToken=task["taskToken"], output='"alive"')
    assert output(ended(sfn, execution)) == "alive"


def test_the_time_of_a_task_counts_from_when_a_worker_took_it(sfn, activity):
    execution = start(sfn, create(sfn, asks(activity, TimeoutSeconds=1)))
    saw(sfn, execution, "ActivityScheduled")
    sfn.get_activity_task(activityArn=activity)
    assert ended(sfn, execution)["error"] == "States.Timeout"
    events = {event["type"]: event["timestamp"] for event in history(sfn, execution)}
    assert (events["ActivityTimedOut"] - events["ActivityStarted"]).total_seconds() >= 1


def test_an_answer_counts_once(sfn, activity, refused):
    execution = start(sfn, create(sfn, asks(activity)))
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    sfn.send_task_success(taskToken=token, output="1")
    ended(sfn, execution)
    with pytest.raises((sfn.exceptions.TaskTimedOut, sfn.exceptions.TaskDoesNotExist)):
        sfn.send_task_success(taskToken=token, output="2")
    assert output(sfn.describe_execution(executionArn=execution)) == 1


@pytest.mark.parametrize("token", ["made up", "A" * 100, "!"])
def test_a_token_that_was_made_up_is_refused(sfn, refused, token):
    for call in (
        lambda: sfn.send_task_success(taskToken=token, output="{}"),
        lambda: sfn.send_task_failure(taskToken=token),
        lambda: sfn.send_task_heartbeat(taskToken=token),
    ):
        with refused("InvalidToken", "Invalid Token: '"):
            call()


def test_an_answer_that_is_not_json_is_refused_and_the_task_goes_on(sfn, activity, refused):
    execution = start(sfn, create(sfn, asks(activity)))
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    with refused("InvalidOutput"):
        sfn.send_task_success(taskToken=token, output="not json")
    sfn.send_task_success(taskToken=token, output='"json"')
    assert output(ended(sfn, execution)) == "json"


def test_stopping_the_execution_withdraws_its_task(sfn, activity):
    execution = start(sfn, create(sfn, asks(activity)))
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    sfn.stop_execution(executionArn=execution)
    with pytest.raises((sfn.exceptions.TaskTimedOut, sfn.exceptions.TaskDoesNotExist)):
        sfn.send_task_success(taskToken=token, output="{}")


def test_activities_are_created_described_listed_and_deleted(server, refused):
    sfn = server.client(account="333333333333")
    name = fresh("activity")
    created = sfn.create_activity(name=name)
    arn = created["activityArn"]
    assert arn == f"arn:aws:states:us-east-1:333333333333:activity:{name}"
    assert sfn.create_activity(name=name)["creationDate"] == created["creationDate"]
    assert sfn.describe_activity(activityArn=arn)["name"] == name
    others = {sfn.create_activity(name=fresh("activity"))["activityArn"] for _ in range(4)}
    pages = list(sfn.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 2}))
    assert {row["activityArn"] for page in pages for row in page["activities"]} == others | {arn}
    sfn.delete_activity(activityArn=arn)
    sfn.delete_activity(activityArn=arn)
    with refused("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'"):
        sfn.describe_activity(activityArn=arn)
    with refused("ActivityDoesNotExist"):
        sfn.get_activity_task(activityArn=arn)


def test_an_activity_takes_tags(sfn, activity):
    sfn.tag_resource(resourceArn=activity, tags=[{"key": "k", "value": "v"}])
    assert sfn.list_tags_for_resource(resourceArn=activity)["tags"] == [{"key": "k", "value": "v"}]


def test_an_activity_with_a_forbidden_name_is_refused(sfn, refused):
    with refused("InvalidName", "Invalid Name: 'a b'"):
        sfn.create_activity(name="a b")


def test_a_task_of_an_unknown_activity_fails_the_execution(sfn):
    nowhere = "arn:aws:states:us-east-1:000000000000:activity:nowhere"
    described = run(sfn, asks(nowhere))
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert described["cause"] == (
        "An error occurred while executing the state 'Ask' (entered at the event id #2). "
        f"The activity {nowhere} does not exist."
    )


def test_one_failing_branch_ends_the_tasks_of_the_others(sfn, activity):
    waits = {"StartAt": "Ask", "States": {"Ask": ends(Type="Task", Resource=activity)}}
    fails = {
        "StartAt": "W",
        "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "F"}, "F": {"Type": "Fail", "Error": "Broken"}},
    }
    execution = start(sfn, create(sfn, machine({"Both": ends(Type="Parallel", Branches=[waits, fails])})))
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    assert ended(sfn, execution)["error"] == "Broken"
    with pytest.raises((sfn.exceptions.TaskTimedOut, sfn.exceptions.TaskDoesNotExist)):
        sfn.send_task_success(taskToken=token, output="{}")


def test_an_activity_started_event_is_there_while_the_worker_works(sfn, activity):
    execution = start(sfn, create(sfn, asks(activity)))
    saw(sfn, execution, "ActivityScheduled")
    sfn.get_activity_task(activityArn=activity)
    saw(sfn, execution, "ActivityStarted")
    sfn.stop_execution(executionArn=execution)
