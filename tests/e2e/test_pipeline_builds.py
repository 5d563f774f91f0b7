"""Builds of pipelines in the sandbox, through the API: what ListActionExecutions shows of them."""

import re
import zipfile

import pytest

from harness import Server, eventually, fresh
from pipelines import action, actions, execution_is, executions, pipeline, stage

CONFIG = """
[sandbox]
enabled = {enabled}
readable = ["gate"]

[pipeline.buckets]
"drop" = "drop"

[codebuild.projects.build]
local = true
environment = {{ WHO = "project" }}
"""

BUILDSPEC = """
version: 0.2
env:
  parameter-store: {TOKEN: /builds/token}
  exported-variables: [TAG, TOKEN]
phases:
  install:
    commands: [echo installing for $WHO]
  build:
    commands:
      - test ! -e broken
      - export TAG=v-$(cat version)
      - echo the token is $TOKEN
      - mkdir out && echo $TAG > out/tag
artifacts:
  base-directory: out
  files: ['**/*']
"""

UUID = re.compile(r"build:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def drop(folder, **files):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "new.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("buildspec", "buildspec.yml"), content)
    (folder / "new.zip").rename(folder / "source.zip")


def declared(name):
    source = action(
        "Checkout",
        "Source",
        "S3",
        outputs=["Src"],
        configuration={"S3Bucket": "drop", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"},
    )
    build = action(
        "Make",
        "Build",
        "CodeBuild",
        inputs=["Src"],
        outputs=["Out"],
        namespace="Made",
        configuration={"ProjectName": "build"},
    )
    check = action(
        "Check",
        "Compute",
        "Commands",
        inputs=["Out"],
        commands=["test $(cat tag) = #{Made.TAG}", "export SEEN=$(cat tag)"],
        outputVariables=["SEEN"],
    )
    return pipeline(name, stage("Source", source), stage("Build", build), stage("Check", check))


@pytest.fixture
def place(tmp_path):
    servers = []

    def start(enabled="true"):
        (tmp_path / "gate").mkdir()
        server = Server(tmp_path, config=CONFIG.format(enabled=enabled)).start()
        servers.append(server)
        return server

    yield tmp_path, start
    for server in servers:
        server.stop()


def by_name(client, name, execution):
    return {one["actionName"]: one for one in actions(client, name, filter={"pipelineExecutionId": execution})}


def create(client, structure):
    """Creates a pipeline, which starts it; its name and the execution."""
    name = structure["name"]
    client.create_pipeline(pipeline=structure)
    return name, executions(client, name)[0]["pipelineExecutionId"]


def test_a_build_is_shown_with_its_log_its_variables_and_its_artifact(place):
    folder, serve = place
    drop(folder / "drop", buildspec=BUILDSPEC, version="7\n")
    server = serve()
    server.client("ssm").put_parameter(Name="/builds/token", Value="hunter2", Type="SecureString")
    client = server.client("codepipeline")
    name, execution = create(client, declared(fresh("pipe")))
    execution_is(client, name, execution, "Succeeded")
    shown = by_name(client, name, execution)
    output = shown["Make"]["output"]
    assert output["outputVariables"] == {"TAG": "v-7"}
    assert [one["name"] for one in output["outputArtifacts"]] == ["Out"]
    result = output["executionResult"]
    build = result["externalExecutionId"]
    assert UUID.fullmatch(build)
    assert result["externalExecutionUrl"].endswith(f"/builds/{build}/view/new")
    stream = build.removeprefix("build:")
    assert result["logStreamARN"].endswith(f":log-group:/aws/codebuild/build:log-stream:{stream}")
    assert shown["Check"]["output"]["outputVariables"] == {"SEEN": "v-7"}
    log = next((folder / "data").rglob(f"{shown['Make']['actionExecutionId']}.log")).read_text()
    assert "\ninstalling for project\n" in log
    assert "\nthe token is ***\n" in log
    assert "hunter2" not in log


def test_a_build_that_fails_says_why(place):
    folder, serve = place
    drop(folder / "drop", buildspec=BUILDSPEC, version="7\n", broken="")
    server = serve()
    server.client("ssm").put_parameter(Name="/builds/token", Value="hunter2", Type="SecureString")
    client = server.client("codepipeline")
    name, execution = create(client, declared(fresh("pipe")))
    execution_is(client, name, execution, "Failed")
    make = by_name(client, name, execution)["Make"]
    message = (
        "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, "
        "Message: Error while executing command: test ! -e broken. Reason: exit status 1"
    )
    result = make["output"]["executionResult"]
    assert make["status"] == "Failed"
    assert result["errorDetails"] == {"code": "JobFailed", "message": message}
    assert result["externalExecutionSummary"] == message
    assert UUID.fullmatch(result["externalExecutionId"])


def test_nothing_is_built_unless_the_sandbox_is_enabled(place):
    folder, serve = place
    drop(folder / "drop", buildspec=BUILDSPEC, version="7\n")
    client = serve("false").client("codepipeline")
    name, execution = create(client, declared(fresh("pipe")))
    execution_is(client, name, execution, "Failed")
    error = by_name(client, name, execution)["Make"]["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "ConfigurationError"
    assert 'set "enabled = true" under [sandbox] in trackway.toml' in error["message"]


def test_a_build_survives_the_server(place):
    folder, serve = place
    gate = folder / "gate" / "open"
    spec = f"""
version: 0.2
phases:
  build:
    commands:
      - echo begun
      - while [ ! -e {gate} ]; do sleep 0.1; done
artifacts: {{files: ['**/*']}}
"""
    drop(folder / "drop", buildspec=spec)
    server = serve()
    client = server.client("codepipeline")
    structure = declared(fresh("pipe"))
    structure["stages"].pop()
    name, execution = create(client, structure)

    def log():
        return "".join(path.read_text() for path in (folder / "data").rglob("*.log"))

    eventually(lambda: "\nbegun\n" in log(), "the build begins")
    build = by_name(client, name, execution)["Make"]["output"]["executionResult"]["externalExecutionId"]
    server.kill()
    gate.touch()
    server.start()
    execution_is(client, name, execution, "Succeeded")
    assert log().count("\nbegun\n") == 1, "it was built anew, and so was its log"
    result = by_name(client, name, execution)["Make"]["output"]["executionResult"]
    assert result["externalExecutionId"] == build
