"""What outlives the process, what a second process may do, and how time goes by."""

import json
import threading
import time

from harness import (
    Server,
    check_history,
    create,
    ended,
    ends,
    eventually,
    history,
    machine,
    raw,
    output,
    saw,
    start,
    trackway,
    types,
)


def test_an_execution_goes_on_after_kill_9_with_one_gapless_history(new_server):
    server = new_server()
    sfn = server.client()
    definition = machine({"Wait": {"Type": "Wait", "Seconds": 3, "Next": "P"}, "P": ends(Type="Pass", Result="done")})
    execution = start(sfn, create(sfn, definition), {"n": 1})
    saw(sfn, execution, "WaitStateEntered")
    before = history(sfn, execution)
    server.kill()
    server.start()
    sfn = server.client()
    assert history(sfn, execution)[: len(before)] == before
    assert output(ended(sfn, execution)) == "done"
    events = history(sfn, execution)
    check_history(events)
    assert types(events) == [
        "ExecutionStarted",
        "WaitStateEntered",
        "WaitStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    server.stop()
    verified = trackway("verify", server.data)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_timer_that_was_due_while_the_server_was_down_fires_at_the_start(new_server):
    server = new_server()
    sfn = server.client()
    execution = start(sfn, create(sfn, machine({"Wait": ends(Type="Wait", Seconds=1)})))
    saw(sfn, execution, "WaitStateEntered")
    due = time.monotonic() + 1.2
    server.kill()
    while time.monotonic() < due:
        time.sleep(0.05)
    server.start()
    assert ended(server.client(), execution, patience=5)["status"] == "SUCCEEDED"


def test_everything_that_was_acknowledged_is_there_after_kill_9(new_server):
    server = new_server()
    sfn = server.client()
    arn = create(sfn, tags=[{"key": "k", "value": "v"}])
    activity = sfn.create_activity(name="kept")["activityArn"]
    done = ended(sfn, start(sfn, arn, {"kept": True}))
    asks = start(sfn, create(sfn, machine({"Ask": ends(Type="Task", Resource=activity)})))
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    page = sfn.get_execution_history(executionArn=done["executionArn"], maxResults=1)["nextToken"]
    events = history(sfn, done["executionArn"])
    server.kill()
    server.start()
    sfn = server.client()
    again = sfn.describe_execution(executionArn=done["executionArn"])
    assert {key: value for key, value in again.items() if key != "ResponseMetadata"} == {
        key: value for key, value in done.items() if key != "ResponseMetadata"
    }
    assert history(sfn, done["executionArn"]) == events
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "k", "value": "v"}]
    assert [row["executionArn"] for row in sfn.list_executions(stateMachineArn=arn)["executions"]] == [
        done["executionArn"]
    ]
    # Tokens, for pages and for tasks, were given out before the crash and still count.
    assert sfn.get_execution_history(executionArn=done["executionArn"], maxResults=1, nextToken=page)["events"][0]["id"] == 2
    sfn.send_task_success(taskToken=token, output='"after the crash"')
    assert output(ended(sfn, asks)) == "after the crash"


def test_idempotency_outlives_the_process(new_server, refused):
    server = new_server()
    sfn = server.client()
    arn = create(sfn, machine({"W": ends(Type="Wait", Seconds=3600)}), "kept")
    request = {"stateMachineArn": arn, "name": "once", "input": '{"a": 1}'}
    first = sfn.start_execution(**request)
    server.kill()
    server.start()
    sfn = server.client()
    again = sfn.start_execution(**request)
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with refused("ExecutionAlreadyExists"):
        sfn.start_execution(**{**request, "input": "{}"})


def test_a_second_server_on_the_same_data_is_refused(new_server, tmp_path):
    server = new_server()
    second = trackway("serve", "--listen", "127.0.0.1:0", "--data", server.data)
    assert second.returncode != 0
    assert str(server.data) in second.stderr and "another" in second.stderr.lower(), second.stderr
    assert server.get("/health")[0] == 200
    # Once the first has ended, the way is free.
    server.stop()
    follower = Server(tmp_path / "server-0")
    follower.start()
    follower.stop()


def test_sigterm_ends_the_server_and_loses_nothing(new_server):
    server = new_server()
    sfn = server.client()
    execution = start(sfn, create(sfn, machine({"W": ends(Type="Wait", Seconds=2)})))
    saw(sfn, execution, "WaitStateEntered")
    assert server.stop() == 0
    server.start()
    assert ended(server.client(), execution)["status"] == "SUCCEEDED"


def test_sigterm_does_not_wait_for_a_long_poll(new_server):
    server = new_server(memory=True)
    sfn = server.client()
    activity = sfn.create_activity(name="a")["activityArn"]

    answers = []

    def poll():
        answers.append(sfn.get_activity_task(activityArn=activity).get("taskToken"))

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    # The poll is in the server once another request, sent after it, was answered.
    sfn.list_activities()
    began = time.monotonic()
    assert server.stop() == 0
    poller.join(timeout=20)
    # It found nothing, as far as the worker knows: no error to stumble over.
    assert answers == [None]
    assert time.monotonic() - began < 5


def test_a_year_is_over_at_once_when_time_skips(new_server):
    server = new_server("--clock", "skip", memory=True)
    sfn = server.client()
    definition = machine({"Wait": {"Type": "Wait", "Seconds": 31_536_000, "Next": "P"}, "P": ends(Type="Pass")})
    execution = start(sfn, create(sfn, definition))
    described = ended(sfn, execution, patience=10)
    assert described["status"] == "SUCCEEDED"
    events = history(sfn, execution)
    entered, exited = events[1]["timestamp"], events[2]["timestamp"]
    assert 0 <= (exited - entered).total_seconds() - 31_536_000 < 60


def test_retries_with_long_intervals_are_over_at_once_when_time_skips(new_server):
    server = new_server("--clock", "skip", memory=True)
    sfn = server.client()
    fails = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 3600, "BackoffRate": 2, "MaxAttempts": 3}]
    execution = start(sfn, create(sfn, machine({"T": ends(Type="Parallel", Branches=[fails], Retry=retry)})))
    described = ended(sfn, execution, patience=10)
    assert (described["status"], described["error"]) == ("FAILED", "E")
    assert types(history(sfn, execution)).count("FailStateEntered") == 4
    # 1 + 2 + 4 hours.
    assert (described["stopDate"] - described["startDate"]).total_seconds() >= 7 * 3600


def test_the_clock_can_be_advanced_by_hand(new_server):
    server = new_server(memory=True)
    sfn = server.client()
    execution = start(sfn, create(sfn, machine({"W": ends(Type="Wait", Seconds=86_400)})))
    saw(sfn, execution, "WaitStateEntered")
    status, _ = server.post("/_trackway/clock/advance", json.dumps({"seconds": 90_000}).encode())
    assert status == 200
    assert ended(sfn, execution, patience=10)["status"] == "SUCCEEDED"


def test_reset_empties_the_account(new_server):
    server = new_server(memory=True)
    sfn = server.client()
    arn = create(sfn, machine({"W": ends(Type="Wait", Seconds=3600)}))
    start(sfn, arn)
    sfn.create_activity(name="a")
    assert server.post("/_trackway/reset")[0] == 200
    eventually(lambda: sfn.list_state_machines()["stateMachines"] == [], "no machine is left")
    assert sfn.list_activities()["activities"] == []


def test_a_reset_with_a_slip_in_it_empties_nothing(new_server):
    server = new_server(memory=True)
    sfn = server.client()
    create(sfn)
    for slip in ("{", "[]", '{"acount": "111122223333"}', '{"account": 111122223333}'):
        status, _, _ = raw(server, slip.encode(), None, path="/_trackway/reset")
        assert status == 400, slip
    assert len(sfn.list_state_machines()["stateMachines"]) == 1
