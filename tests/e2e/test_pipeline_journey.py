"""A pipeline from a push to a directory: starts by itself, builds, waits for a person, deploys."""

import datetime
import os
import re

import pytest

from harness import eventually
from pipelines import (
    ROLE,
    STORE,
    Repository,
    action,
    action_state,
    actions,
    approval,
    approval_token,
    approve,
    as_json,
    execution_is,
    executions,
    pipeline,
    stage,
    stage_state,
    state,
    type_id,
)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
CONNECTION = "arn:aws:codestar-connections:us-east-1:000000000000:connection/11111111-2222-3333-4444-555555555555"
CALLER = "arn:aws:iam::000000000000:root"

CONFIG = """
[sandbox]
enabled = true

[pipeline]
poll_seconds = 1

[pipeline.repositories]
"acme/site" = "site"

[pipeline.buckets]
"acme-www" = "www"

[codebuild.projects.site-build]
local = true
environment = { PROJECT = "site" }
"""

BUILDSPEC = """
version: 0.2
env:
  variables:
    GREETING: hello
  exported-variables: [WORDS, COMMIT]
phases:
  install:
    commands:
      - echo installing
  build:
    commands:
      - test ! -e broken
      - mkdir -p out
      - sed "s/NAME/$WHO/" index.html > out/index.html
      - export WORDS=$(wc -w < out/index.html | tr -d ' ')
      - export COMMIT=$CODEBUILD_RESOLVED_SOURCE_VERSION
      - echo $GREETING $WHO from $PROJECT
artifacts:
  base-directory: out
  files: ['**/*']
"""


def site(**fields):
    source = action(
        "Checkout",
        "Source",
        "CodeStarSourceConnection",
        outputs=["Code"],
        namespace="Src",
        configuration={"ConnectionArn": CONNECTION, "FullRepositoryId": "acme/site", "BranchName": "main"},
    )
    build = action(
        "Compile",
        "Build",
        "CodeBuild",
        inputs=["Code"],
        outputs=["Site"],
        namespace="Bld",
        configuration={
            "ProjectName": "site-build",
            "EnvironmentVariables": '[{"name":"WHO","value":"#{variables.WHO}","type":"PLAINTEXT"}]',
        },
    )
    deploy = action(
        "Copy",
        "Deploy",
        "S3",
        inputs=["Site"],
        configuration={"BucketName": "acme-www", "Extract": "true"},
    )
    ask = approval(configuration={"CustomData": "#{Bld.WORDS} words of #{Src.CommitId}"})
    return pipeline(
        "site",
        stage("Source", source),
        stage("Build", build),
        stage("Release", ask, deploy | {"runOrder": 2}),
        variables=[{"name": "WHO", "defaultValue": "World", "description": "who is greeted"}],
        **fields,
    )


@pytest.fixture
def world(new_server, tmp_path):
    """A repository with one commit, a server, a client."""
    folder = tmp_path / "server-0"
    server = new_server(config=CONFIG)
    assert server.folder == folder
    repository = Repository(folder / "site")
    repository.commit("First", index__html="<p>Hello NAME</p>\n", buildspec__yml=BUILDSPEC)
    return server, server.client("codepipeline"), repository


def seconds(moment):
    assert isinstance(moment, datetime.datetime)
    return moment.timestamp()


def pushed(client, commit):
    """The execution that a push started by itself."""

    def look():
        newest = executions(client, "site")[0]
        revisions = [revision.get("revisionId") for revision in newest.get("sourceRevisions", [])]
        return newest if revisions == [commit] else None

    return eventually(look, f"an execution of {commit}", 30)


def test_a_push_is_built_approved_and_deployed_and_every_field_tells_it(world):
    server, client, repository = world
    first = repository.git("rev-parse", "HEAD")
    created = client.create_pipeline(pipeline=site())["pipeline"]
    assert created["version"] == 1
    newest = pushed(client, first)
    assert newest["trigger"] == {"triggerType": "CreatePipeline", "triggerDetail": CALLER}
    token = approval_token(client, "site", "Release")
    client.put_approval_result(
        pipelineName="site", stageName="Release", actionName="Approve", token=token,
        result={"status": "Approved", "summary": "ship it"},
    )
    execution_is(client, "site", newest["pipelineExecutionId"], "Succeeded")
    deployed = server.folder / "www" / "index.html"
    assert deployed.read_text() == "<p>Hello World</p>\n"

    second = repository.commit("Second\n\nwith a body", index__html="<p>Hi NAME, again</p>\n")
    newest = pushed(client, second)
    id = newest["pipelineExecutionId"]
    approve(client, "site", "Release", summary="again")
    execution_is(client, "site", id, "Succeeded")
    assert deployed.read_text() == "<p>Hi World, again</p>\n"
    check_executions(client, id, second)
    check_actions(client, id, second)
    check_state(client, id, second)


def check_executions(client, id, commit):
    newest, oldest = executions(client, "site")
    assert newest["lastUpdateTime"] > newest["startTime"] > oldest["startTime"]
    for moment in ("startTime", "lastUpdateTime"):
        seconds(newest.pop(moment))
    url = newest["sourceRevisions"][0].pop("revisionUrl", "")
    assert url == "" or commit in url
    trigger = newest.pop("trigger")
    assert trigger["triggerType"] == "WebhookV2" or trigger["triggerType"] == "PollForSourceChanges", trigger
    assert newest == {
        "pipelineExecutionId": id,
        "status": "Succeeded",
        "sourceRevisions": [
            {"actionName": "Checkout", "revisionId": commit, "revisionSummary": newest["sourceRevisions"][0]["revisionSummary"]}
        ],
        "executionMode": "SUPERSEDED",
        "executionType": "STANDARD",
    }
    assert "Second" in newest["sourceRevisions"][0]["revisionSummary"]
    got = client.get_pipeline_execution(pipelineName="site", pipelineExecutionId=id)["pipelineExecution"]
    assert got["variables"] == [{"name": "WHO", "resolvedValue": "World"}]
    assert got["pipelineName"] == "site" and got["pipelineVersion"] == 1
    assert [revision["revisionId"] for revision in got["artifactRevisions"]] == [commit]
    assert got["artifactRevisions"][0]["name"] == "Code"


def location(detail, artifact):
    place = detail["s3location"]
    assert place["bucket"] == STORE["location"]
    assert re.fullmatch(rf"site/{artifact[:10]}/[A-Za-z0-9]{{7}}(\.zip)?", place["key"]), place
    assert detail == {"name": artifact, "s3location": place}
    return place


def check_actions(client, id, commit):
    both = {"latestInPipelineExecution": {"pipelineExecutionId": id, "startTimeRange": "Latest"}}
    listed = actions(client, "site", filter={"pipelineExecutionId": id})
    assert as_json(listed) == as_json(actions(client, "site", filter=both))
    assert len(actions(client, "site")) == 8
    assert [found["actionName"] for found in listed] == ["Copy", "Approve", "Compile", "Checkout"]
    for found in listed:
        assert found["pipelineExecutionId"] == id and found["pipelineVersion"] == 1
        assert UUID.fullmatch(found["actionExecutionId"]) and found["status"] == "Succeeded"
        assert found["lastUpdateTime"] >= found["startTime"]
    copy, approved, built, checkout = listed

    code = location(checkout["output"]["outputArtifacts"][0], "Code")
    configuration = {"ConnectionArn": CONNECTION, "FullRepositoryId": "acme/site", "BranchName": "main"}
    assert checkout["input"] == {
        "actionTypeId": type_id("Source", "CodeStarSourceConnection"),
        "configuration": configuration,
        "resolvedConfiguration": configuration,
        "region": "us-east-1",
        "inputArtifacts": [],
        "namespace": "Src",
    }
    variables = checkout["output"]["outputVariables"]
    assert datetime.datetime.fromisoformat(variables.pop("AuthorDate").replace("Z", "+00:00"))
    assert variables == {
        "BranchName": "main",
        "CommitId": commit,
        "CommitMessage": "Second\n\nwith a body",
        "ConnectionArn": CONNECTION,
        "FullRepositoryName": "acme/site",
    }
    assert checkout["output"]["executionResult"]["externalExecutionId"] == commit

    site_artifact = location(built["output"]["outputArtifacts"][0], "Site")
    assert built["input"]["configuration"]["EnvironmentVariables"].count("#{variables.WHO}") == 1
    assert built["input"]["resolvedConfiguration"] == {
        "ProjectName": "site-build",
        "EnvironmentVariables": '[{"name":"WHO","value":"World","type":"PLAINTEXT"}]',
    }
    assert built["input"]["inputArtifacts"] == [{"name": "Code", "s3location": code}]
    assert built["output"]["outputVariables"] == {"WORDS": "3", "COMMIT": commit}
    result = built["output"]["executionResult"]
    assert result["externalExecutionId"].startswith("site-build:")

    assert approved["updatedBy"] == CALLER
    assert approved["input"]["resolvedConfiguration"] == {"CustomData": f"3 words of {commit}"}
    assert approved["output"] == {
        "outputArtifacts": [],
        "executionResult": {"externalExecutionSummary": "again"},
        "outputVariables": {},
    }
    assert copy["input"]["inputArtifacts"] == [{"name": "Site", "s3location": site_artifact}]
    assert copy["input"]["configuration"] == {"BucketName": "acme-www", "Extract": "true"}
    assert copy["output"]["outputArtifacts"] == []


def check_state(client, id, commit):
    found = state(client, "site")
    assert found["pipelineName"] == "site" and found["pipelineVersion"] == 1
    assert found["created"] <= found["updated"]
    assert [stage["stageName"] for stage in found["stageStates"]] == ["Source", "Build", "Release"]
    for told in found["stageStates"]:
        assert told["inboundTransitionState"]["enabled"] is True
        assert told["latestExecution"]["pipelineExecutionId"] == id
        assert told["latestExecution"]["status"] == "Succeeded"
        assert "inboundExecution" not in told
        for run in told["actionStates"]:
            assert run["latestExecution"]["status"] == "Succeeded"
            seconds(run["latestExecution"]["lastStatusChange"])
    checkout = action_state(client, "site", "Source", "Checkout")
    assert checkout["currentRevision"]["revisionId"] == commit
    approved = action_state(client, "site", "Release", "Approve")["latestExecution"]
    assert approved["summary"] == "again" and approved["lastUpdatedBy"] == CALLER
    assert "token" not in approved


def test_a_failing_build_fails_the_pipeline_and_a_retry_goes_on_with_the_same_id(world):
    server, client, repository = world
    commit = repository.commit("Broken", broken="")
    client.create_pipeline(pipeline=site())
    id = pushed(client, commit)["pipelineExecutionId"]
    execution_is(client, "site", id, "Failed")
    failed = actions(client, "site", filter={"pipelineExecutionId": id})[0]
    assert failed["actionName"] == "Compile" and failed["status"] == "Failed"
    error = failed["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "JobFailed" and "test ! -e broken" in error["message"], error
    assert stage_state(client, "site", "Build")["latestExecution"]["status"] == "Failed"
    server.kill()
    server.start()
    # The build is the same, so it fails again.
    again = client.retry_stage_execution(
        pipelineName="site", stageName="Build", pipelineExecutionId=id, retryMode="FAILED_ACTIONS"
    )
    assert again["pipelineExecutionId"] == id
    eventually(lambda: len(actions(client, "site", filter={"pipelineExecutionId": id})) == 3, "a second attempt")
    execution_is(client, "site", id, "Failed")
    names = [(found["actionName"], found["status"]) for found in actions(client, "site", filter={"pipelineExecutionId": id})]
    assert names == [("Compile", "Failed"), ("Compile", "Failed"), ("Checkout", "Succeeded")]
    latest = {"latestInPipelineExecution": {"pipelineExecutionId": id, "startTimeRange": "Latest"}}
    assert [found["actionName"] for found in actions(client, "site", filter=latest)] == ["Compile", "Checkout"]

    repository.git("rm", "--quiet", "broken")
    fixed = repository.commit("Fixed", note="now")
    id = pushed(client, fixed)["pipelineExecutionId"]
    approval_token(client, "site", "Release")
    server.kill()
    server.start()
    approve(client, "site", "Release")
    execution_is(client, "site", id, "Succeeded")
    assert (server.folder / "www" / "index.html").exists()


def test_the_sandbox_is_off_unless_it_is_enabled_and_the_build_says_so(new_server, tmp_path):
    server = new_server(config=CONFIG.replace("enabled = true", "enabled = false"))
    repository = Repository(server.folder / "site")
    commit = repository.commit("First", index__html="x", buildspec__yml=BUILDSPEC)
    client = server.client("codepipeline")
    client.create_pipeline(pipeline=site())
    id = pushed(client, commit)["pipelineExecutionId"]
    execution_is(client, "site", id, "Failed")
    error = actions(client, "site")[0]["output"]["executionResult"]["errorDetails"]
    assert "[sandbox]" in error["message"], error
    assert os.path.exists(server.folder)
    assert ROLE == site()["roleArn"]
