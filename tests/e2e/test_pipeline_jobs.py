"""Jobs over a crash: what nobody acknowledged is offered again at once, what somebody has stays theirs."""

import pytest
from botocore.exceptions import ClientError

from harness import eventually
from pipelines import action, custom_type, pipeline, stage, type_id


class Crashing:
    """A server on disk with a pipeline of one source and two parallel actions, and one that kills it."""

    def __init__(self, server):
        self.server = server
        self.client = client = server.client("codepipeline")
        self.source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0))
        self.build = custom_type(client)
        self.stages = (
            stage("Source", action("Fetch", "Source", self.source, "Custom", outputs=["Source"])),
            stage("Build", *(action(name, "Build", self.build, "Custom") for name in ("One", "Two"))),
        )
        client.create_pipeline(pipeline=pipeline("p", *self.stages, mode="QUEUED"))

    def crash(self):
        self.server.kill()
        self.server.start()

    def poll(self, category, most=10):
        provider = {"Source": self.source, "Build": self.build}[category]
        return self.client.poll_for_jobs(actionTypeId=type_id(category, provider, "Custom"), maxBatchSize=most)["jobs"]

    def acknowledge(self, job):
        assert self.client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])["status"] == "InProgress"

    def status(self):
        return self.client.list_pipeline_executions(pipelineName="p")["pipelineExecutionSummaries"][0]["status"]


@pytest.fixture
def crashing(new_server):
    return Crashing(new_server())


def test_a_job_that_was_polled_only_is_offered_again_at_once(crashing):
    (job,) = crashing.poll("Source")
    assert crashing.poll("Source") == []
    crashing.crash()
    (again,) = crashing.poll("Source")
    assert again == job
    crashing.acknowledge(again)
    crashing.client.put_job_success_result(jobId=job["id"])


def test_a_job_that_was_acknowledged_stays_with_its_worker(crashing):
    (job,) = crashing.poll("Source")
    crashing.acknowledge(job)
    crashing.crash()
    assert crashing.poll("Source") == []
    with pytest.raises(ClientError) as caught:
        crashing.client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    assert caught.value.response["Error"]["Code"] == "InvalidNonceException"
    assert crashing.client.get_job_details(jobId=job["id"])["jobDetails"]["data"] == job["data"]
    revision = {"revision": "r1", "changeIdentifier": "c1", "revisionSummary": "first"}
    crashing.client.put_job_success_result(jobId=job["id"], currentRevision=revision, outputVariables={"A": "1"})
    crashing.crash()
    one, two = crashing.poll("Build")
    crashing.acknowledge(one)
    goes_on = {"jobId": one["id"], "continuationToken": "half", "executionDetails": {"percentComplete": 50}}
    crashing.client.put_job_success_result(**goes_on)
    crashing.crash()
    jobs = crashing.poll("Build")
    assert sorted(job["data"].get("continuationToken", "") for job in jobs) == ["", "half"]
    assert one["id"] not in [job["id"] for job in jobs] and two["id"] in [job["id"] for job in jobs]
    for job in jobs:
        crashing.acknowledge(job)
        crashing.client.put_job_success_result(jobId=job["id"])
    eventually(lambda: crashing.status() == "Succeeded", "the execution succeeded")
    details = crashing.client.list_action_executions(pipelineName="p")["actionExecutionDetails"]
    assert [detail["status"] for detail in details] == ["Succeeded"] * 3
    assert details[2]["output"]["outputVariables"] == {"A": "1"}


def test_a_token_starts_one_execution_over_a_crash(crashing):
    start = lambda: crashing.client.start_pipeline_execution(name="p", clientRequestToken="once")["pipelineExecutionId"]
    first = start()
    crashing.crash()
    assert start() == first
    assert len(crashing.client.list_pipeline_executions(pipelineName="p")["pipelineExecutionSummaries"]) == 2


def test_a_worker_of_ones_own_performs_actions_of_aws_that_are_left_to_it(new_server):
    server = new_server(config='[pipeline]\nworkers = ["Build/CodeBuild"]\n')
    client = server.client("codepipeline")
    source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0))
    fetch = action("Fetch", "Source", source, "Custom", outputs=["Source"])
    build = action("Build", "Build", "CodeBuild", inputs=["Source"], outputs=["Built"], configuration={"ProjectName": "x"})
    client.create_pipeline(pipeline=pipeline("p", stage("Source", fetch), stage("Build", build)))
    (job,) = client.poll_for_jobs(actionTypeId=type_id("Source", source, "Custom"))["jobs"]
    client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    client.put_job_success_result(jobId=job["id"])
    of = type_id("Build", "CodeBuild")
    (job,) = eventually(lambda: client.poll_for_jobs(actionTypeId=of)["jobs"], "a job of CodeBuild")
    assert job["data"]["actionTypeId"] == of
    assert [artifact["name"] for artifact in job["data"]["inputArtifacts"]] == ["Source"]
    client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    failure = {"type": "ConfigurationError", "message": "no such project", "externalExecutionId": "build:1"}
    client.put_job_failure_result(jobId=job["id"], failureDetails=failure)
    (shown, _) = client.list_action_executions(pipelineName="p")["actionExecutionDetails"]
    assert shown["status"] == "Failed"
    result = shown["output"]["executionResult"]
    assert result["errorDetails"] == {"code": "ConfigurationError", "message": "no such project"}
    assert result["externalExecutionId"] == "build:1"


def refused(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"]


def test_a_third_party_answers_by_its_own_operations_and_its_token(new_server):
    client = new_server().client("codepipeline")
    source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0))
    fetch = action("Fetch", "Source", source, "Custom", outputs=["Source"])
    of = type_id("Deploy", "AlexaSkillsKit", "ThirdParty")
    secrets = {"ClientId": "id", "ClientSecret": "hush", "RefreshToken": "hush", "SkillId": "skill"}
    deploy = action("Deploy", "Deploy", "AlexaSkillsKit", "ThirdParty", inputs=["Source"], configuration=secrets)
    client.create_pipeline(pipeline=pipeline("p", stage("Source", fetch), stage("Deploy", deploy)))
    (job,) = client.poll_for_jobs(actionTypeId=type_id("Source", source, "Custom"))["jobs"]
    client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    client.put_job_success_result(jobId=job["id"])
    (job,) = client.poll_for_third_party_jobs(actionTypeId=of)["jobs"]
    id, token = job["jobId"], job["clientId"]
    details = client.get_third_party_job_details(jobId=id, clientToken=token)["jobDetails"]
    acknowledge = {"jobId": id, "nonce": details["nonce"]}
    assert refused(client.acknowledge_job, **acknowledge) == "JobNotFoundException"
    assert refused(client.acknowledge_third_party_job, **acknowledge, clientToken="no") == "InvalidClientTokenException"
    client.acknowledge_third_party_job(**acknowledge, clientToken=token)
    failure = {"failureDetails": {"type": "JobFailed", "message": "no"}}
    assert refused(client.put_job_success_result, jobId=id) == "JobNotFoundException"
    assert refused(client.put_job_failure_result, jobId=id, **failure) == "JobNotFoundException"
    client.put_third_party_job_success_result(jobId=id, clientToken=token)
    (shown, _) = client.list_action_executions(pipelineName="p")["actionExecutionDetails"]
    assert shown["status"] == "Succeeded"
    assert "hush" not in str(shown) and shown["input"]["configuration"]["ClientSecret"] == "****"


def test_the_addresses_of_a_custom_type_are_shown(new_server):
    client = new_server().client("codepipeline")
    source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0))
    project = {"name": "Project", "required": True, "key": True, "secret": False}
    client.create_custom_action_type(
        category="Build",
        provider="Ci",
        version="1",
        settings={
            "entityUrlTemplate": "https://ci/{Config:Project}",
            "executionUrlTemplate": "https://ci/{Config:Project}/{ExternalExecutionId}",
            "revisionUrlTemplate": "https://ci/{Config:Project}/edit",
        },
        inputArtifactDetails={"minimumCount": 0, "maximumCount": 5},
        outputArtifactDetails={"minimumCount": 0, "maximumCount": 5},
        configurationProperties=[project],
    )
    fetch = action("Fetch", "Source", source, "Custom", outputs=["Source"])
    build = action("Build", "Build", "Ci", "Custom", configuration={"Project": "shop"})
    declared = pipeline("p", stage("Source", fetch), stage("Build", build))
    created = client.create_pipeline(pipeline=declared)["pipeline"]
    assert created["stages"][1]["actions"][0] == build
    for of in (type_id("Source", source, "Custom"), type_id("Build", "Ci", "Custom")):
        (job,) = client.poll_for_jobs(actionTypeId=of)["jobs"]
        client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
        client.put_job_success_result(jobId=job["id"], executionDetails={"externalExecutionId": "7"})
    shown = client.get_pipeline_state(name="p")["stageStates"][1]["actionStates"][0]
    assert (shown["entityUrl"], shown["revisionUrl"]) == ("https://ci/shop", "https://ci/shop/edit")
    assert shown["latestExecution"]["externalExecutionUrl"] == "https://ci/shop/7"
    (listed, _) = client.list_action_executions(pipelineName="p")["actionExecutionDetails"]
    assert listed["output"]["executionResult"]["externalExecutionUrl"] == "https://ci/shop/7"
