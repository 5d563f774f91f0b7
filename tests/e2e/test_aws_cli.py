"""The AWS CLI, as a user types it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from harness import ROLE, ends, eventually, fresh, machine

AWS = pathlib.Path(sys.executable).with_name("aws")


@pytest.fixture
def aws(server, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL_SFN": server.endpoint,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def run(*arguments, fails=False):
        done = subprocess.run([AWS, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        if fails:
            assert done.returncode != 0, done.stdout
            return done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def test_a_machine_is_created_run_and_looked_at(aws):
    definition = machine({"Greet": ends(Type="Pass", Parameters={"greeting.$": "States.Format('Hello {}', $.name)"})})
    created = aws(
        "stepfunctions", "create-state-machine", "--name", fresh("cli"), "--definition", definition, "--role-arn", ROLE
    )
    started = aws(
        "stepfunctions", "start-execution", "--state-machine-arn", created["stateMachineArn"], "--input", '{"name": "Ada"}'
    )
    execution = started["executionArn"]

    def ended():
        described = aws("stepfunctions", "describe-execution", "--execution-arn", execution)
        return described if described["status"] != "RUNNING" else None

    assert json.loads(eventually(ended, "the execution ends")["output"]) == {"greeting": "Hello Ada"}
    events = aws("stepfunctions", "get-execution-history", "--execution-arn", execution, "--no-include-execution-data")
    assert [event["type"] for event in events["events"]][-1] == "ExecutionSucceeded"
    # The CLI pages by itself.
    listed = aws(
        "stepfunctions", "list-executions", "--state-machine-arn", created["stateMachineArn"], "--page-size", "1"
    )
    assert [row["executionArn"] for row in listed["executions"]] == [execution]


def test_an_error_reads_as_awss(aws):
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:nowhere"
    said = aws("stepfunctions", "describe-state-machine", "--state-machine-arn", arn, fails=True)
    assert (
        "An error occurred (StateMachineDoesNotExist) when calling the DescribeStateMachine operation: "
        f"State Machine Does Not Exist: '{arn}'"
    ) in said


def test_who_calls(aws):
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
