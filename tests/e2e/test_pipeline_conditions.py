"""Conditions of stages: entry, success and failure; overrides, retries and rollbacks by themselves; and kill -9 between."""

import datetime

import pytest
from botocore.exceptions import ClientError

from harness import eventually, fresh
from pipelines import (
    action,
    actions,
    custom_type,
    execution,
    execution_is,
    executions,
    pipeline,
    s3_source,
    stage,
    stage_state,
    take_job,
    type_id,
)

# The sources are read by the tests themselves: what is in them is of no interest here.
CONFIG = """
[pipeline]
poll_seconds = 3600
workers = ["Source/S3"]
"""


@pytest.fixture
def world(new_server):
    """A server, a client, a custom action type."""
    server = new_server(config=CONFIG)
    client = server.client("codepipeline")
    return server, client, custom_type(client)


def rule(name, provider, **configuration):
    return {"name": name, "ruleTypeId": type_id("Rule", provider), "configuration": configuration}


def variable_is(value, variable="#{variables.go}", operator="EQ", name="Go"):
    return rule(name, "VariableCheck", Variable=variable, Operator=operator, Value=value)


def conditions(result, *rules):
    return {"conditions": [{"result": result, "rules": list(rules)}]}


def make(client, provider, default="no", mode="SUPERSEDED", **fields):
    """A source, a stage with these conditions, a last stage; the pipeline's name and its first execution."""
    name = fresh("pipe")
    work = action("Work", "Build", provider, "Custom", inputs=["Source"])
    after = action("After", "Build", provider, "Custom", inputs=["Source"])
    stages = [stage("Source", s3_source()), stage("Deploy", work, **fields), stage("After", after)]
    variables = [{"name": "go", "defaultValue": default}]
    client.create_pipeline(pipeline=pipeline(name, *stages, mode=mode, variables=variables))
    fetch(client)
    return name, executions(client, name)[0]["pipelineExecutionId"]


def fetch(client):
    """Does the job of the source."""

    def look():
        jobs = client.poll_for_jobs(actionTypeId=type_id("Source", "S3"), maxBatchSize=1)["jobs"]
        return jobs[0] if jobs else None

    job = eventually(look, "a job of the source")
    client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    revision = {"revision": "1", "changeIdentifier": "1", "revisionSummary": "first"}
    client.put_job_success_result(jobId=job["id"], currentRevision=revision)


def start(client, name, go):
    variables = [{"name": "go", "value": go}]
    id = client.start_pipeline_execution(name=name, variables=variables)["pipelineExecutionId"]
    fetch(client)
    return id


def rules(client, name, **fields):
    """All rule executions, newest first."""
    return client.list_rule_executions(pipelineName=name, **fields)["ruleExecutionDetails"]


def override(client, name, id, kind, stage="Deploy"):
    client.override_stage_condition(pipelineName=name, stageName=stage, pipelineExecutionId=id, conditionType=kind)


def refused(code, call, *arguments, **fields):
    with pytest.raises(ClientError) as error:
        call(*arguments, **fields)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def condition(client, name, kind):
    """A condition of the stage as GetPipelineState shows it."""
    return stage_state(client, name, "Deploy").get(f"{kind}ConditionState")


def condition_is(client, name, kind, status):
    def look():
        found = condition(client, name, kind)
        return found if found and found["latestExecution"]["status"] == status else None

    return eventually(look, lambda: f"{kind} {status}: {condition(client, name, kind)}")


def do(client, provider, id, is_good=True):
    """Does the job that waits, which is this execution's."""
    job = take_job(client, provider)
    assert job["data"]["pipelineContext"]["pipelineExecutionId"] == id
    if is_good:
        client.put_job_success_result(jobId=job["id"])
    else:
        client.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": "no"})
    return job["data"]["pipelineContext"]["stage"]["name"]


def restart(server):
    server.kill()
    server.start()


def test_an_entry_condition_fails_the_stage_and_is_overridden(world):
    server, client, provider = world
    name, id = make(client, provider, beforeEntry=conditions("FAIL", variable_is("yes")))
    execution_is(client, name, id, "Failed")
    restart(server)
    found = stage_state(client, name, "Deploy")
    assert found["latestExecution"] == {"pipelineExecutionId": id, "status": "Failed", "type": "STANDARD"}
    state = found["beforeEntryConditionState"]
    assert state["latestExecution"]["status"] == "Failed"
    (one,) = state["conditionStates"]
    assert one["latestExecution"]["status"] == "Failed" and one["latestExecution"]["lastStatusChange"]
    (shown,) = one["ruleStates"]
    assert shown["ruleName"] == "Go"
    assert shown["latestExecution"]["status"] == "Failed"
    assert shown["latestExecution"]["errorDetails"]["message"] == "'no' does not equal 'yes'"
    (row,) = rules(client, name)
    assert row["ruleExecutionId"] == shown["latestExecution"]["ruleExecutionId"]
    assert (row["pipelineExecutionId"], row["pipelineVersion"]) == (id, 1)
    assert (row["stageName"], row["ruleName"], row["status"]) == ("Deploy", "Go", "Failed")
    assert row["startTime"] <= row["lastUpdateTime"]
    assert row["input"]["ruleTypeId"] == type_id("Rule", "VariableCheck")
    assert row["input"]["configuration"] == {"Variable": "#{variables.go}", "Operator": "EQ", "Value": "yes"}
    assert row["input"]["resolvedConfiguration"] == {"Variable": "no", "Operator": "EQ", "Value": "yes"}
    assert row["input"]["inputArtifacts"] == []
    assert row["output"]["executionResult"]["errorDetails"]["message"] == "'no' does not equal 'yes'"
    assert [found["stageName"] for found in actions(client, name)] == ["Source"]
    override(client, name, id, "BEFORE_ENTRY")
    assert condition(client, name, "beforeEntry")["latestExecution"]["status"] == "Overridden"
    restart(server)
    assert do(client, provider, id) == "Deploy"
    assert do(client, provider, id) == "After"
    execution_is(client, name, id, "Succeeded")


def test_a_stage_is_skipped(world):
    _, client, provider = world
    name, id = make(client, provider, beforeEntry=conditions("SKIP", variable_is("yes")))
    assert do(client, provider, id) == "After"
    execution_is(client, name, id, "Succeeded")
    assert stage_state(client, name, "Deploy")["latestExecution"]["status"] == "Skipped"
    assert [found["stageName"] for found in actions(client, name)] == ["After", "Source"]
    refused("ConditionNotOverridableException", override, client, name, id, "BEFORE_ENTRY")
    refused(
        "StageNotRetryableException",
        client.retry_stage_execution,
        pipelineName=name,
        stageName="Deploy",
        pipelineExecutionId=id,
        retryMode="ALL_ACTIONS",
    )
    refused("StageNotFoundException", override, client, name, id, "BEFORE_ENTRY", stage="Nowhere")
    # Another one goes through it.
    other = start(client, name, "yes")
    assert do(client, provider, other) == "Deploy"
    assert do(client, provider, other) == "After"
    assert [row["status"] for row in rules(client, name)] == ["Succeeded", "Failed"]
    of = {"pipelineExecutionId": other}
    assert [row["status"] for row in rules(client, name, filter=of)] == ["Succeeded"]


def test_a_success_condition_holds_an_execution_back(world):
    server, client, provider = world
    name, id = make(client, provider, onSuccess=conditions("FAIL", variable_is("y.*", operator="MATCHES")))
    assert do(client, provider, id) == "Deploy"
    execution_is(client, name, id, "Failed")
    assert condition(client, name, "onSuccess")["latestExecution"]["status"] == "Failed"
    restart(server)
    override(client, name, id, "ON_SUCCESS")
    assert do(client, provider, id) == "After"
    execution_is(client, name, id, "Succeeded")
    refused("ConditionNotOverridableException", override, client, name, id, "ON_SUCCESS")


def test_a_closed_window_waits_until_it_is_overridden_or_stopped(world):
    server, client, provider = world
    # A year that is far off.
    year = datetime.datetime.now().year + 2
    window = rule("Window", "DeploymentWindow", Cron=f"* * * ? * * {year}", TimeZone="Europe/Berlin")
    name, id = make(client, provider, beforeEntry=conditions("FAIL", window, variable_is("no")))
    condition_is(client, name, "beforeEntry", "InProgress")
    restart(server)
    (one,) = condition(client, name, "beforeEntry")["conditionStates"]
    assert [found["latestExecution"]["status"] for found in one["ruleStates"]] == ["InProgress", "Succeeded"]
    override(client, name, id, "BEFORE_ENTRY")
    (one,) = condition_is(client, name, "beforeEntry", "Overridden")["conditionStates"]
    assert [found["latestExecution"]["status"] for found in one["ruleStates"]] == ["Abandoned", "Succeeded"]
    assert one["ruleStates"][0]["latestExecution"]["lastUpdatedBy"].startswith("arn:aws:")
    assert do(client, provider, id) == "Deploy"
    assert do(client, provider, id) == "After"
    execution_is(client, name, id, "Succeeded")
    other = start(client, name, "no")
    condition_is(client, name, "beforeEntry", "InProgress")
    client.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=other, abandon=True)
    execution_is(client, name, other, "Stopped")
    assert condition(client, name, "beforeEntry")["latestExecution"]["status"] == "Abandoned"
    assert [row["status"] for row in rules(client, name)].count("Abandoned") == 2


def test_an_open_window_lets_in(world):
    _, client, provider = world
    window = rule("Window", "DeploymentWindow", Cron="* * * ? * *", TimeZone="UTC+05:30")
    name, id = make(client, provider, beforeEntry=conditions("FAIL", window))
    assert do(client, provider, id) == "Deploy"
    assert condition(client, name, "beforeEntry")["latestExecution"]["status"] == "Succeeded"


def test_a_stage_retries_itself_once(world):
    server, client, provider = world
    retry = {"result": "RETRY", "retryConfiguration": {"retryMode": "FAILED_ACTIONS"}}
    name, id = make(client, provider, onFailure=retry)
    do(client, provider, id, is_good=False)
    restart(server)
    do(client, provider, id, is_good=False)
    execution_is(client, name, id, "Failed")
    metadata = stage_state(client, name, "Deploy")["retryStageMetadata"]
    assert metadata == {"autoStageRetryAttempt": 1, "latestRetryTrigger": "AutomatedStageRetry"}
    of = {"latestInPipelineExecution": {"pipelineExecutionId": id, "startTimeRange": "Latest"}}
    assert [found["stageName"] for found in actions(client, name, filter=of)] == ["Deploy", "Source"]
    assert [found["stageName"] for found in actions(client, name)] == ["Deploy", "Deploy", "Source"]


def test_a_stage_rolls_itself_back(world):
    server, client, provider = world
    name, good = make(client, provider, onFailure={"result": "ROLLBACK"})
    do(client, provider, good)
    do(client, provider, good)
    execution_is(client, name, good, "Succeeded")
    bad = start(client, name, "no")
    do(client, provider, bad, is_good=False)
    execution_is(client, name, bad, "Failed")
    restart(server)
    rollback = executions(client, name)[0]
    assert rollback["executionType"] == "ROLLBACK"
    assert rollback["trigger"] == {
        "triggerType": "AutomatedRollback",
        "triggerDetail": f'{{"FailedPipelineExecutionId":"{bad}"}}',
    }
    assert rollback["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    id = rollback["pipelineExecutionId"]
    assert stage_state(client, name, "Deploy")["latestExecution"]["type"] == "ROLLBACK"
    assert do(client, provider, id) == "Deploy"
    execution_is(client, name, id, "Succeeded")
    assert execution(client, name, id)["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    assert [found["stageName"] for found in actions(client, name, filter={"pipelineExecutionId": id})] == ["Deploy"]


def test_a_success_condition_rolls_back_and_without_a_target_only_fails(world):
    _, client, provider = world
    name, first = make(client, provider, onSuccess=conditions("ROLLBACK", variable_is("yes")))
    do(client, provider, first)
    execution_is(client, name, first, "Failed")
    assert len(executions(client, name)) == 1
    good = start(client, name, "yes")
    do(client, provider, good)
    do(client, provider, good)
    execution_is(client, name, good, "Succeeded")
    bad = start(client, name, "no")
    do(client, provider, bad)
    execution_is(client, name, bad, "Failed")
    rollback = executions(client, name)[0]["pipelineExecutionId"]
    do(client, provider, rollback)
    refused("NotLatestPipelineExecutionException", override, client, name, bad, "ON_SUCCESS")
    # It has the variables of the good one.
    execution_is(client, name, rollback, "Succeeded")


def test_rules_are_checked_when_a_pipeline_is_created(world):
    _, client, provider = world
    for wrong, said in [
        (variable_is("(", operator="MATCHES"), "'Value'"),
        (variable_is("x", operator="GT"), "'Operator'"),
        (rule("W", "DeploymentWindow", Cron="0 9 * * *"), "'Cron'"),
        (rule("W", "DeploymentWindow", Cron="* * 9 * * *"), "'Cron'"),
        (rule("W", "DeploymentWindow", Cron="* * 9 ? * *", TimeZone="Mars/Olympus"), "'TimeZone'"),
        (rule("W", "DeploymentWindow", Cron="* * 9 ? * *", Zone="UTC"), "'Zone'"),
    ]:
        gate = conditions("FAIL", wrong)
        message = refused("InvalidActionDeclarationException", make, client, provider, beforeEntry=gate)
        assert said in message, message
