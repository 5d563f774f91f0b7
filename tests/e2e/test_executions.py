"""Executions: start, describe, list, stop."""

import json

import pytest

from harness import ENDED, PASS, create, ended, ends, eventually, fresh, history, machine, output, run, saw, start, types

WAITS = machine({"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "End"}, "End": {"Type": "Succeed"}})


def test_an_execution_is_described_from_its_start_to_its_end(sfn):
    arn = create(sfn)
    name = fresh("run")
    execution = start(sfn, arn, {"a": [1, None, "ü"]}, name=name)
    assert execution == arn.replace(":stateMachine:", ":execution:") + f":{name}"
    described = ended(sfn, execution)
    assert described["status"] == "SUCCEEDED"
    assert described["name"] == name
    assert described["stateMachineArn"] == arn
    assert json.loads(described["input"]) == json.loads(described["output"]) == {"a": [1, None, "ü"]}
    assert described["startDate"] <= described["stopDate"]
    assert described["inputDetails"] == described["outputDetails"] == {"included": True}


def test_without_input_it_is_an_empty_object_and_without_name_a_uuid(sfn):
    execution = sfn.start_execution(stateMachineArn=create(sfn))["executionArn"]
    assert len(execution.rsplit(":", 1)[1]) == 36
    assert ended(sfn, execution)["input"] == "{}"


def test_a_failed_execution_says_why(sfn):
    described = run(sfn, machine({"F": {"Type": "Fail", "Error": "Sold.Out", "Cause": "no anvils"}}))
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Sold.Out", "no anvils")
    assert "output" not in described


def test_starting_again_with_the_same_name_and_input_is_the_same_execution(sfn):
    arn = create(sfn, WAITS)
    request = {"stateMachineArn": arn, "name": fresh("once"), "input": '{"a":1}'}
    first = sfn.start_execution(**request)
    again = sfn.start_execution(**request)
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    assert types(history(sfn, first["executionArn"])).count("ExecutionStarted") == 1
    sfn.stop_execution(executionArn=first["executionArn"])


def test_the_same_name_with_another_input_is_refused(sfn, refused):
    arn = create(sfn, WAITS)
    name = fresh("once")
    execution = start(sfn, arn, {"a": 1}, name=name)
    with refused("ExecutionAlreadyExists", f"Execution Already Exists: '{execution}'"):
        start(sfn, arn, {"a": 2}, name=name)
    sfn.stop_execution(executionArn=execution)


def test_the_name_of_an_ended_execution_is_taken(sfn, refused):
    arn = create(sfn)
    name = fresh("once")
    ended(sfn, start(sfn, arn, {"a": 1}, name=name))
    with refused("ExecutionAlreadyExists"):
        start(sfn, arn, {"a": 1}, name=name)


@pytest.mark.parametrize("name", ["a b", "a*b", "a?b", 'a"b', "a#b"])
def test_a_name_with_a_forbidden_character_is_refused(sfn, refused, name):
    with refused("InvalidName", f"Invalid Name: '{name}'"):
        start(sfn, create(sfn), name=name)


@pytest.mark.parametrize("text", ["", "not json", "{'a': 1}", '{"a": 1} x', '{"a": }', "[1,]"])
def test_input_that_is_not_json_is_refused(unchecked, refused, text):
    with refused("InvalidExecutionInput", "Invalid State Machine Execution Input: '"):
        unchecked.start_execution(stateMachineArn=create(unchecked), input=text)


def test_any_json_is_an_input(sfn):
    arn = create(sfn)
    for value in (None, True, 0, -1.5, "text", [], [1, [2]], {"a": {}}):
        assert output(ended(sfn, sfn.start_execution(stateMachineArn=arn, input=json.dumps(value))["executionArn"])) == value


def test_input_is_at_most_262144_bytes(sfn, refused):
    arn = create(sfn)
    largest = json.dumps("x" * (262_144 - 2))
    assert ended(sfn, sfn.start_execution(stateMachineArn=arn, input=largest)["executionArn"])["status"] == "SUCCEEDED"
    with refused("ValidationException"):
        sfn.start_execution(stateMachineArn=arn, input=json.dumps("x" * 262_144))


def test_an_execution_that_is_not_there_is_refused(sfn, refused):
    arn = create(sfn).replace(":stateMachine:", ":execution:") + ":nowhere"
    for call in (
        sfn.describe_execution,
        sfn.stop_execution,
        sfn.get_execution_history,
        sfn.describe_state_machine_for_execution,
    ):
        with refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'"):
            call(executionArn=arn)


def test_an_arn_of_something_else_is_refused(sfn, refused):
    for call in (sfn.describe_execution, sfn.stop_execution, sfn.get_execution_history):
        with refused("InvalidArn", "Invalid Arn: 'Invalid ARN prefix: nonsense'"):
            call(executionArn="nonsense")


def test_a_stopped_execution_is_aborted_with_error_and_cause(sfn):
    execution = start(sfn, create(sfn, WAITS))
    saw(sfn, execution, "WaitStateEntered")
    stopped = sfn.stop_execution(executionArn=execution, error="Enough", cause="changed my mind")
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "changed my mind")
    assert described["stopDate"] == stopped["stopDate"]
    events = history(sfn, execution)
    assert types(events) == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    assert events[-1]["executionAbortedEventDetails"] == {"error": "Enough", "cause": "changed my mind"}


def test_a_machine_times_out_as_a_whole(sfn):
    definition = machine({"Wait": ends(Type="Wait", Seconds=3600)}, TimeoutSeconds=1)
    execution = start(sfn, create(sfn, definition))
    assert ended(sfn, execution)["status"] == "TIMED_OUT"
    assert types(history(sfn, execution))[-1] == "ExecutionTimedOut"


def test_executions_are_listed_newest_first_page_by_page_and_by_status(sfn):
    fails_or_waits = machine(
        {
            "Which?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.fail", "BooleanEquals": True, "Next": "Fail"}],
                "Default": "Wait",
            },
            "Fail": {"Type": "Fail", "Error": "E"},
            "Wait": ends(Type="Wait", Seconds=3600),
        }
    )
    arn = create(sfn, fails_or_waits)
    waiting = [start(sfn, arn, {"fail": False}) for _ in range(4)]
    failed = [start(sfn, arn, {"fail": True}) for _ in range(3)]
    for execution in failed:
        ended(sfn, execution)

    def listed(**fields):
        pages = sfn.get_paginator("list_executions").paginate(
            stateMachineArn=arn, PaginationConfig={"PageSize": 2}, **fields
        )
        rows = [row for page in pages for row in page["executions"]]
        dates = [row["startDate"] for row in rows]
        assert dates == sorted(dates, reverse=True)
        return rows

    assert {row["executionArn"] for row in listed()} == set(waiting + failed)
    assert len(listed()) == 7
    rows = listed(statusFilter="FAILED")
    assert {row["executionArn"] for row in rows} == set(failed)
    assert all(row["status"] == "FAILED" and row["stateMachineArn"] == arn and row["stopDate"] for row in rows)
    rows = listed(statusFilter="RUNNING")
    assert {row["executionArn"] for row in rows} == set(waiting)
    assert all("stopDate" not in row for row in rows)
    assert listed(statusFilter="SUCCEEDED") == []
    for execution in waiting:
        sfn.stop_execution(executionArn=execution)
    assert {row["executionArn"] for row in listed(statusFilter="ABORTED")} == set(waiting)
    assert listed(statusFilter="RUNNING") == []


def test_a_page_token_belongs_to_its_request(sfn, refused):
    one, other = create(sfn), create(sfn)
    for _ in range(2):
        ended(sfn, start(sfn, one))
    token = sfn.list_executions(stateMachineArn=one, maxResults=1)["nextToken"]
    with refused("InvalidToken", "Invalid Token: '"):
        sfn.list_executions(stateMachineArn=other, maxResults=1, nextToken=token)
    with refused("InvalidToken", "Invalid Token: '"):
        sfn.list_executions(stateMachineArn=one, maxResults=1, nextToken="made up")
    assert len(sfn.list_executions(stateMachineArn=one, maxResults=1, nextToken=token)["executions"]) == 1


def test_a_page_has_at_most_1000_rows(unchecked, refused):
    clause = "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
    with refused("ValidationException", clause):
        unchecked.list_executions(stateMachineArn=create(unchecked), maxResults=1001)


def test_a_status_that_is_none_is_refused(unchecked, refused):
    clause = "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: ["
    with refused("ValidationException", clause):
        unchecked.list_executions(stateMachineArn=create(unchecked), statusFilter="succeeded")


def test_many_executions_at_once_all_end(sfn):
    definition = machine({"Wait": {"Type": "Wait", "Seconds": 1, "Next": "P"}, "P": ends(Type="Pass")})
    arn = create(sfn, definition)
    executions = [start(sfn, arn, {"n": n}) for n in range(100)]

    def all_ended():
        rows = sfn.list_executions(stateMachineArn=arn, maxResults=1000)["executions"]
        return len(rows) == 100 and all(row["status"] in ENDED for row in rows)

    eventually(all_ended, "100 executions end")
    for n in (0, 50, 99):
        assert output(sfn.describe_execution(executionArn=executions[n])) == {"n": n}


def test_a_loop_that_never_ends_is_ended_by_the_limit_of_events(sfn):
    never = {"Variable": "$.enough", "IsPresent": True, "Next": "Enough"}
    definition = machine(
        {
            "Again": {"Type": "Pass", "Next": "Enough?"},
            "Enough?": {"Type": "Choice", "Choices": [never], "Default": "Again"},
            "Enough": {"Type": "Succeed"},
        }
    )
    execution = start(sfn, create(sfn, definition))
    described = ended(sfn, execution, patience=60)
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert "maximum number of history events" in described["cause"]
    events = history(sfn, execution, maxResults=1000)
    # A turn that doesn't fit is not begun, so some numbers may be left.
    assert 24_900 <= len(events) <= 25_000
    assert types(events)[-1] == "ExecutionFailed"


def test_pass_is_the_default_of_everything(sfn):
    assert output(run(sfn, PASS, {"kept": True})) == {"kept": True}
