"""Lambda functions that run here: Python, Node, and an official runtime client as a command."""

import json
import os
import signal

import pytest

from harness import (
    Server,
    create,
    details,
    ended,
    ends,
    eventually,
    fresh,
    history,
    machine,
    output,
    run,
    start,
    types,
)

RUNTIMES = ["python", "node", "awslambdaric"]


@pytest.fixture
def sfn(function_server):
    return function_server.client()


def by_arn(name, **fields):
    return machine({"Call": ends(Type="Task", Resource=f"arn:aws:lambda:us-east-1:000000000000:function:{name}", **fields)})


def by_invoke(name, **fields):
    parameters = {"FunctionName": name, "Payload.$": "$"}
    return machine(
        {"Call": ends(Type="Task", Resource="arn:aws:states:::lambda:invoke", Parameters=parameters, **fields)}
    )


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_handler_gets_the_event_and_its_result_is_the_tasks(sfn, name):
    event = {"do": "echo", "text": "ü", "list": [1, 2.5, None, True]}
    assert output(run(sfn, by_arn(name), event)) == event


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_handler_gets_a_context_and_its_environment(sfn, name):
    result = output(run(sfn, by_arn(name), {"do": "describe"}))
    assert result["greeting"] == "hello"
    assert result["functionName"] == name
    assert result["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert len(result["requestId"]) == 36 and result["remaining"] is True


@pytest.mark.parametrize("name", RUNTIMES)
def test_lambda_invoke_wraps_the_payload(sfn, name):
    execution = start(sfn, create(sfn, by_invoke(name)), {"do": "echo", "n": 1})
    result = output(ended(sfn, execution))
    assert result["Payload"] == {"do": "echo", "n": 1}
    assert (result["StatusCode"], result["ExecutedVersion"]) == (200, "$LATEST")
    assert [event for event in types(history(sfn, execution)) if event.startswith("Task")] == [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
    ]


@pytest.mark.parametrize("name", RUNTIMES)
def test_an_exception_is_the_error_and_its_message_and_trace_the_cause(sfn, name):
    execution = start(sfn, create(sfn, by_arn(name)), {"do": "raise"})
    described = ended(sfn, execution)
    assert (described["status"], described["error"]) == ("FAILED", "OutOfStock")
    cause = json.loads(described["cause"])
    assert (cause["errorType"], cause["errorMessage"]) == ("OutOfStock", "no anvils left")
    trace = cause["trace"] if name == "node" else cause["stackTrace"]
    assert any("handlers" in line for line in trace)
    assert "LambdaFunctionFailed" in types(history(sfn, execution))


@pytest.mark.parametrize("how", [by_arn, by_invoke])
def test_an_exception_can_be_caught_by_its_name(sfn, how):
    caught = json.loads(how("python", Catch=[{"ErrorEquals": ["OutOfStock"], "Next": "Sorry", "ResultPath": "$.error"}]))
    caught["States"]["Sorry"] = ends(Type="Pass", Parameters={"error.$": "$.error.Error"})
    assert output(run(sfn, json.dumps(caught), {"do": "raise"})) == {"error": "OutOfStock"}


@pytest.mark.parametrize("how", [by_arn, by_invoke])
def test_an_exception_can_be_tried_again(sfn, how, tmp_path):
    retry = [{"ErrorEquals": ["OutOfStock"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    result = output(run(sfn, how("python", Retry=retry), {"do": "raise once", "mark": str(tmp_path / "mark")}))
    assert (result if how is by_arn else result["Payload"]) == "second time"


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_process_that_dies_fails_its_task_and_the_next_one_gets_another(sfn, name):
    described = run(sfn, by_arn(name), {"do": "die"})
    assert described["status"] == "FAILED"
    assert described["error"] == "Runtime.ExitError"
    assert "exit status 3" in json.loads(described["cause"])["errorMessage"]
    assert output(run(sfn, by_arn(name), {"do": "echo"})) == {"do": "echo"}


def test_a_process_that_is_killed_meanwhile_is_replaced(sfn):
    pid = output(run(sfn, by_arn("python"), {"do": "describe"}))["pid"]
    os.kill(pid, signal.SIGKILL)
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    assert output(run(sfn, by_arn("python", Retry=retry), {"do": "describe"}))["pid"] != pid


def test_a_warm_process_is_used_again(sfn):
    pids = {output(run(sfn, by_arn("node"), {"do": "describe"}))["pid"] for _ in range(3)}
    assert len(pids) == 1


def test_a_function_that_takes_too_long_times_out(sfn):
    described = run(sfn, by_arn("slow"), {"do": "sleep", "seconds": 60})
    assert (described["status"], described["error"]) == ("FAILED", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in described["cause"]


def test_a_state_that_takes_too_long_times_out_before_its_function(sfn):
    described = run(sfn, by_arn("python", TimeoutSeconds=1), {"do": "sleep", "seconds": 15})
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")


def test_a_result_that_is_not_json_is_an_error_of_the_runtime(sfn):
    described = run(sfn, by_arn("python"), {"do": "unserializable"})
    assert (described["status"], described["error"]) == ("FAILED", "Runtime.MarshalError")


def test_a_function_that_is_nowhere_fails_the_execution_and_is_named(sfn):
    described = run(sfn, by_arn("nowhere"))
    assert described["status"] == "FAILED"
    assert "nowhere" in described["cause"]


def test_many_invocations_share_the_functions_processes(sfn):
    definition = machine(
        {
            "Each": ends(
                Type="Map",
                ItemProcessor={
                    "StartAt": "Call",
                    "States": {
                        "Call": ends(
                            Type="Task",
                            Resource="arn:aws:lambda:us-east-1:000000000000:function:python",
                            Parameters={"do": "ticket", "for.$": "$"},
                        )
                    },
                },
            )
        }
    )
    results = output(run(sfn, definition, list(range(40))))
    assert [result["for"] for result in results] == list(range(40))
    assert len({result["ticket"] for result in results}) == 40


def test_a_changed_file_is_what_runs_next(new_server):
    config = '[functions.hot]\nhandler = "hot.handler"\nruntime = "python3"\n'
    server = new_server(memory=True, config=config, files={"hot.py": "def handler(event, context): return 'old'\n"})
    sfn = server.client()
    arn = create(sfn, by_arn("hot"))
    assert output(ended(sfn, start(sfn, arn))) == "old"
    # Another length, so that even a clock of whole seconds shows the change.
    (server.folder / "hot.py").write_text("def handler(event, context): return 'brand new'\n")
    eventually(lambda: output(ended(sfn, start(sfn, arn))) == "brand new", "the new file runs")


def test_a_file_with_a_mistake_is_told_and_put_right(new_server):
    config = '[functions.hot]\nhandler = "hot.handler"\nruntime = "python3"\n'
    server = new_server(memory=True, config=config, files={"hot.py": "def handler(event, context) return 1\n"})
    sfn = server.client()
    arn = create(sfn, by_arn("hot"))
    described = ended(sfn, start(sfn, arn))
    assert (described["status"], described["error"]) == ("FAILED", "Runtime.UserCodeSyntaxError")
    (server.folder / "hot.py").write_text("def handler(event, context): return 'right'\n")
    eventually(
        lambda: (last := ended(sfn, start(sfn, arn)))["status"] == "SUCCEEDED" and output(last) == "right",
        "the corrected file runs",
    )


def test_a_function_is_given_a_token_and_answers_later(sfn):
    name = fresh("later")
    definition = machine(
        {
            "Ask": ends(
                Type="Task",
                Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
                Parameters={
                    "FunctionName": "python",
                    "Payload": {"do": "echo", "token.$": "$$.Task.Token"},
                },
            )
        }
    )
    execution = start(sfn, create(sfn, definition), name=name)

    def submitted():
        return [event for event in history(sfn, execution) if event["type"] == "TaskSubmitted"]

    eventually(submitted, "the function was called")
    token = json.loads(details(submitted()[0])["output"])["Payload"]["token"]
    sfn.send_task_success(taskToken=token, output='"at last"')
    assert output(ended(sfn, execution)) == "at last"


def test_a_mistake_in_the_configuration_is_told_at_the_start(tmp_path):
    server = Server(tmp_path, memory=True, config='[functions.f]\nhandler = "a.b"\nruntime = "cobol"\n')
    with pytest.raises(AssertionError, match="functions.f.runtime"):
        server.start()


def test_an_unknown_key_of_the_configuration_is_told_with_its_line(tmp_path):
    server = Server(tmp_path, memory=True, config="\n\n[server]\nlitsen = 1\n")
    with pytest.raises(AssertionError, match="(?s)line 4.*litsen"):
        server.start()
