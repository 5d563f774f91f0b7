"""Stages as locks: superseded, queued and parallel executions, stops, transitions, retries, rollbacks; and kill -9 at each."""

import pytest
from botocore.exceptions import ClientError

from harness import eventually, fresh
from pipelines import (
    action,
    action_state,
    actions,
    approval,
    approval_token,
    approve,
    custom_type,
    execution,
    execution_is,
    executions,
    pipeline,
    stage,
    stage_state,
    state,
    take_job,
)

CONFIG = """
[pipeline]
poll_seconds = 3600

[pipeline.buckets]
"source-bucket" = "source"
"""


def source(**fields):
    configuration = {"S3Bucket": "source-bucket", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"}
    return action("Get", "Source", "S3", outputs=["Code"], configuration=configuration, **fields)


@pytest.fixture
def world(new_server):
    """A server with a source in a folder, a client, a custom action type."""
    server = new_server(config=CONFIG)
    folder = server.folder / "source"
    folder.mkdir()
    (folder / "source.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    client = server.client("codepipeline")
    return server, client, custom_type(client)


def work(provider, name="Work", **fields):
    return action(name, "Build", provider, "Custom", inputs=["Code"], **fields)


def make(client, provider, *stages, mode="SUPERSEDED", **fields):
    """A pipeline of a source and these stages; its name and the execution that creation started."""
    name = fresh("pipe")
    client.create_pipeline(pipeline=pipeline(name, stage("Source", source()), *stages, mode=mode, **fields))
    return name, executions(client, name)[0]["pipelineExecutionId"]


def start(client, name, **fields):
    return client.start_pipeline_execution(name=name, **fields)["pipelineExecutionId"]


def restart(server):
    server.kill()
    server.start()


def succeed(client, job, **fields):
    client.put_job_success_result(jobId=job["id"], **fields)


def fail(client, job, message="no good"):
    client.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": message})


def id_of(job):
    return job["data"]["pipelineContext"]["pipelineExecutionId"]


def refused(code, call, **fields):
    with pytest.raises(ClientError) as error:
        call(**fields)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def statuses(client, name):
    return {found["pipelineExecutionId"]: found["status"] for found in executions(client, name)}


def waits(client, name, stage):
    return [found["pipelineExecutionId"] for found in stage_state(client, name, stage).get("inboundExecutions", [])]


def test_a_newer_execution_takes_the_place_of_the_one_that_waits(world):
    server, client, provider = world
    name, first = make(client, provider, stage("Build", work(provider)))
    job = take_job(client, provider)
    assert id_of(job) == first
    second = start(client, name)
    eventually(lambda: waits(client, name, "Build") == [second], "the second waits")
    restart(server)
    third = start(client, name)
    eventually(lambda: waits(client, name, "Build") == [third], "the third waits in its place")
    assert stage_state(client, name, "Build")["inboundExecution"] == {
        "pipelineExecutionId": third,
        "status": "InProgress",
        "type": "STANDARD",
    }
    assert statuses(client, name) == {first: "InProgress", second: "Superseded", third: "InProgress"}
    restart(server)
    succeed(client, job)
    execution_is(client, name, first, "Succeeded")
    job = take_job(client, provider)
    assert id_of(job) == third
    succeed(client, job)
    execution_is(client, name, third, "Succeeded")
    assert statuses(client, name) == {first: "Succeeded", second: "Superseded", third: "Succeeded"}
    assert [found["pipelineExecutionId"] for found in actions(client, name, filter={"pipelineExecutionId": second})] == [second]


def test_queued_executions_run_one_after_another_and_none_is_left_out(world):
    server, client, provider = world
    name, first = make(client, provider, stage("Build", work(provider)), mode="QUEUED")
    ids = [first] + [start(client, name) for _ in range(3)]
    eventually(lambda: waits(client, name, "Build") == ids[1:], "three wait in order")
    restart(server)
    for place, id in enumerate(ids):
        job = take_job(client, provider)
        assert id_of(job) == id
        assert waits(client, name, "Build") == ids[place + 1 :]
        if place == 1:
            restart(server)
        succeed(client, job)
        execution_is(client, name, id, "Succeeded")
    assert [found["status"] for found in executions(client, name)] == ["Succeeded"] * 4


def test_parallel_executions_wait_for_nobody(world):
    server, client, provider = world
    name, first = make(client, provider, stage("Build", work(provider)), mode="PARALLEL")
    ids = {first, start(client, name), start(client, name)}
    jobs = [take_job(client, provider) for _ in range(3)]
    assert {id_of(job) for job in jobs} == ids
    restart(server)
    for job in reversed(jobs):
        succeed(client, job)
        execution_is(client, name, id_of(job), "Succeeded")


def test_approvals_of_parallel_executions_are_given_by_the_ids_that_the_list_shows(world):
    server, client, _ = world
    name, first = make(client, None, stage("Ask", approval()), mode="PARALLEL")
    ids = {first, start(client, name)}

    def asked():
        listed = [found for found in actions(client, name) if found["actionName"] == "Approve"]
        return listed if len(listed) == 2 else None

    found = eventually(asked, "both wait for approval")
    assert {one["pipelineExecutionId"] for one in found} == ids
    restart(server)
    for one in found:
        token = one["output"]["executionResult"]["externalExecutionId"]
        result = {"summary": "fine", "status": "Approved"}
        client.put_approval_result(pipelineName=name, stageName="Ask", actionName="Approve", token=token, result=result)
        execution_is(client, name, one["pipelineExecutionId"], "Succeeded")


def test_a_stop_waits_for_what_is_in_progress_or_abandons_it(world):
    server, client, provider = world
    name, first = make(client, provider, stage("Build", work(provider)), stage("After", work(provider)))
    job = take_job(client, provider)
    stop = {"pipelineName": name, "pipelineExecutionId": first}
    assert client.stop_pipeline_execution(**stop, reason="not today")["pipelineExecutionId"] == first
    assert execution(client, name, first)["status"] == "Stopping"
    refused("DuplicatedStopRequestException", client.stop_pipeline_execution, **stop)
    restart(server)
    succeed(client, job)
    execution_is(client, name, first, "Stopped")
    assert stage_state(client, name, "Build")["latestExecution"]["status"] == "Stopped"
    refused("PipelineExecutionNotStoppableException", client.stop_pipeline_execution, **stop)
    found = executions(client, name)[0]
    assert found["stopTrigger"] == {"reason": "not today"}

    second = start(client, name)
    job = take_job(client, provider)
    client.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=second, abandon=True)
    execution_is(client, name, second, "Stopped")
    restart(server)
    assert actions(client, name, filter={"pipelineExecutionId": second})[0]["status"] == "Abandoned"
    assert action_state(client, name, "Build", "Work")["latestExecution"]["status"] == "Abandoned"
    refused("InvalidJobStateException", client.put_job_success_result, jobId=job["id"])


def test_a_disabled_transition_holds_executions_back(world):
    server, client, provider = world
    name, first = make(client, provider, stage("Build", work(provider)), stage("After", work(provider)))
    gate = {"pipelineName": name, "stageName": "After", "transitionType": "Inbound"}
    client.disable_stage_transition(**gate, reason="freeze (friday)")
    succeed(client, take_job(client, provider))
    eventually(lambda: waits(client, name, "After") == [first], "it waits in front of the stage")
    told = stage_state(client, name, "After")["inboundTransitionState"]
    assert told["enabled"] is False and told["disabledReason"] == "freeze (friday)" and told["lastChangedBy"]
    assert execution(client, name, first)["status"] == "InProgress"
    restart(server)
    assert waits(client, name, "After") == [first]
    client.enable_stage_transition(**gate)
    job = take_job(client, provider)
    assert job["data"]["pipelineContext"]["stage"]["name"] == "After"
    succeed(client, job)
    execution_is(client, name, first, "Succeeded")
    assert "disabledReason" not in stage_state(client, name, "After")["inboundTransitionState"]


def test_a_retry_runs_the_failed_actions_or_all_of_them(world):
    server, client, provider = world
    good, bad = work(provider, "Good"), work(provider, "Bad")
    name, id = make(client, provider, stage("Build", good, bad))
    for _ in range(2):
        job = take_job(client, provider)
        is_good = job["data"]["pipelineContext"]["action"]["name"] == "Good"
        succeed(client, job) if is_good else fail(client, job)
    execution_is(client, name, id, "Failed")
    restart(server)
    retry = {"pipelineName": name, "stageName": "Build", "pipelineExecutionId": id}
    refused("StageNotRetryableException", client.retry_stage_execution, **retry | {"stageName": "Source"}, retryMode="ALL_ACTIONS")
    refused("StageNotFoundException", client.retry_stage_execution, **retry | {"stageName": "Nowhere"}, retryMode="ALL_ACTIONS")
    assert client.retry_stage_execution(**retry, retryMode="FAILED_ACTIONS")["pipelineExecutionId"] == id
    job = take_job(client, provider)
    assert job["data"]["pipelineContext"]["action"]["name"] == "Bad"
    restart(server)
    fail(client, job, "still no good")
    execution_is(client, name, id, "Failed")
    client.retry_stage_execution(**retry, retryMode="ALL_ACTIONS")
    for job in [take_job(client, provider) for _ in range(2)]:
        succeed(client, job)
    execution_is(client, name, id, "Succeeded")
    told = stage_state(client, name, "Build")["retryStageMetadata"]
    assert told == {"manualStageRetryAttempt": 2, "latestRetryTrigger": "ManualStageRetry"}
    listed = actions(client, name, filter={"pipelineExecutionId": id})
    assert sorted(found["actionName"] for found in listed) == ["Bad"] * 3 + ["Get"] + ["Good"] * 2
    latest = {"latestInPipelineExecution": {"pipelineExecutionId": id, "startTimeRange": "Latest"}}
    newest = actions(client, name, filter=latest)
    assert sorted((found["actionName"], found["status"]) for found in newest) == [
        ("Bad", "Succeeded"),
        ("Get", "Succeeded"),
        ("Good", "Succeeded"),
    ]


def test_a_rollback_runs_a_stage_with_what_it_had_before(world):
    server, client, provider = world
    name, first = make(client, provider, stage("Deploy", work(provider)))
    old = take_job(client, provider)
    succeed(client, old)
    execution_is(client, name, first, "Succeeded")
    second = start(client, name)
    succeed(client, take_job(client, provider))
    execution_is(client, name, second, "Succeeded")
    restart(server)
    back = {"pipelineName": name, "stageName": "Deploy", "targetPipelineExecutionId": first}
    refused("UnableToRollbackStageException", client.rollback_stage, **back | {"stageName": "Source"})
    third = client.rollback_stage(**back)["pipelineExecutionId"]
    assert third not in (first, second)
    job = take_job(client, provider)
    assert job["data"]["inputArtifacts"] == old["data"]["inputArtifacts"]
    restart(server)
    succeed(client, job)
    found = execution_is(client, name, third, "Succeeded")
    assert found["executionType"] == "ROLLBACK"
    assert found["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": first}
    assert found["trigger"] == {"triggerType": "ManualRollback", "triggerDetail": "arn:aws:iam::000000000000:root"}
    assert [found["actionName"] for found in actions(client, name, filter={"pipelineExecutionId": third})] == ["Work"]
    told = stage_state(client, name, "Deploy")["latestExecution"]
    assert told == {"pipelineExecutionId": third, "status": "Succeeded", "type": "ROLLBACK"}


def test_an_approval_is_decided_once_by_its_token(world):
    server, client, provider = world
    name, id = make(client, provider, stage("Ask", approval()))
    token = approval_token(client, name, "Ask")
    restart(server)
    assert approval_token(client, name, "Ask") == token
    put = {"pipelineName": name, "stageName": "Ask", "actionName": "Approve", "token": token}
    no = {"summary": "no", "status": "Rejected"}
    other = "11111111-2222-4333-8444-555555555555"
    refused("InvalidApprovalTokenException", client.put_approval_result, **put | {"token": other}, result=no)
    refused("ActionNotFoundException", client.put_approval_result, **put | {"actionName": "Other"}, result=no)
    client.put_approval_result(**put, result=no)
    execution_is(client, name, id, "Failed")
    refused("ApprovalAlreadyCompletedException", client.put_approval_result, **put, result=no)
    told = action_state(client, name, "Ask", "Approve")["latestExecution"]
    assert told["status"] == "Failed" and told["summary"] == "no" and told["lastUpdatedBy"]
    client.retry_stage_execution(pipelineName=name, stageName="Ask", pipelineExecutionId=id, retryMode="FAILED_ACTIONS")
    assert approval_token(client, name, "Ask", other_than=token) != token
    approve(client, name, "Ask")
    execution_is(client, name, id, "Succeeded")


def test_a_job_goes_on_under_new_ids_as_long_as_it_says(world):
    server, client, provider = world
    name, id = make(client, provider, stage("Build", work(provider, namespace="B")), stage("After", work(provider)))
    first = take_job(client, provider)
    succeed(client, first, continuationToken="more")
    restart(server)
    second = take_job(client, provider)
    assert second["id"] != first["id"] and second["data"]["continuationToken"] == "more"
    refused("InvalidJobStateException", client.put_job_success_result, jobId=first["id"])
    told = {"summary": "half", "externalExecutionId": "ext-1", "percentComplete": 50}
    succeed(client, second, executionDetails=told, outputVariables={"Answer": "42"})
    succeed(client, take_job(client, provider))
    execution_is(client, name, id, "Succeeded")
    built = actions(client, name, filter={"pipelineExecutionId": id})[1]
    assert built["output"]["outputVariables"] == {"Answer": "42"}
    assert built["output"]["executionResult"] == {"externalExecutionId": "ext-1", "externalExecutionSummary": "half"}


def test_what_is_deleted_is_gone_and_its_name_is_free(world):
    server, client, provider = world
    name, first = make(client, provider, stage("Build", work(provider)))
    take_job(client, provider)
    client.delete_pipeline(name=name)
    client.delete_pipeline(name=name)
    refused("PipelineNotFoundException", client.get_pipeline_state, name=name)
    restart(server)
    refused("PipelineNotFoundException", client.list_action_executions, pipelineName=name)
    client.create_pipeline(pipeline=pipeline(name, stage("Source", source()), stage("Build", work(provider))))
    assert first not in statuses(client, name)
    succeed(client, take_job(client, provider))
    eventually(lambda: [*statuses(client, name).values()] == ["Succeeded"], "the new one runs")
    assert state(client, name)["pipelineVersion"] == 1
