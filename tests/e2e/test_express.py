"""Express workflows, synchronous and not."""

import json

from harness import ROLE, PASS, create, ends, fresh, machine, start


def express(sfn, definition):
    return create(sfn, definition, type="EXPRESS")


def test_a_synchronous_execution_answers_with_its_output(sfn):
    arn = express(sfn, machine({"P": ends(Type="Pass", Result={"a": 1})}))
    name = fresh("sync")
    answer = sfn.start_sync_execution(stateMachineArn=arn, name=name, input='{"in": 1}')
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"]) == {"a": 1}
    assert answer["input"] == '{"in": 1}'
    assert answer["name"] == name
    assert answer["stateMachineArn"] == arn
    assert f":express:{arn.rsplit(':', 1)[1]}:{name}:" in answer["executionArn"]
    assert answer["billingDetails"]["billedMemoryUsedInMB"] == 64
    assert answer["billingDetails"]["billedDurationInMilliseconds"] % 100 == 0


def test_a_synchronous_failure_is_an_answer_and_no_error(sfn):
    arn = express(sfn, machine({"F": {"Type": "Fail", "Error": "E", "Cause": "C"}}))
    answer = sfn.start_sync_execution(stateMachineArn=arn)
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "E", "C")


def test_a_synchronous_execution_waits_for_a_wait(sfn):
    arn = express(sfn, machine({"W": {"Type": "Wait", "Seconds": 1, "Next": "P"}, "P": ends(Type="Pass")}))
    answer = sfn.start_sync_execution(stateMachineArn=arn, input="[1]")
    assert answer["status"] == "SUCCEEDED"
    assert (answer["stopDate"] - answer["startDate"]).total_seconds() >= 1


def test_a_synchronous_execution_times_out(sfn):
    arn = express(sfn, machine({"W": ends(Type="Wait", Seconds=60)}, TimeoutSeconds=1))
    assert sfn.start_sync_execution(stateMachineArn=arn)["status"] == "TIMED_OUT"


def test_only_an_express_machine_runs_synchronously(sfn, refused):
    with refused("StateMachineTypeNotSupported"):
        sfn.start_sync_execution(stateMachineArn=create(sfn))


def test_an_express_execution_has_an_arn_of_its_own(sfn):
    assert ":express:" in start(sfn, express(sfn, PASS))


def test_express_executions_are_not_listed(sfn, refused):
    with refused("StateMachineTypeNotSupported"):
        sfn.list_executions(stateMachineArn=express(sfn, PASS))


def test_an_express_machine_has_no_activities_and_waits_for_no_job(sfn, refused):
    activity = "arn:aws:states:us-east-1:000000000000:activity:a"
    with refused("InvalidDefinition", "Express state machine does not support Activity ARN at /States/A/Resource"):
        express(sfn, machine({"A": ends(Type="Task", Resource=activity)}))
    sync = ends(
        Type="Task",
        Resource="arn:aws:states:::states:startExecution.sync",
        Parameters={"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:m"},
    )
    with refused("InvalidDefinition", "Express state machine does not support '.sync' service integration at /States/S/Resource"):
        express(sfn, machine({"S": sync}))


def test_input_is_checked_before_anything_starts(sfn, refused):
    with refused("InvalidExecutionInput"):
        sfn.start_sync_execution(stateMachineArn=express(sfn, PASS), input="not json")


def test_the_type_is_described(sfn):
    name = fresh("express")
    arn = sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    assert sfn.describe_state_machine(stateMachineArn=arn)["type"] == "EXPRESS"
