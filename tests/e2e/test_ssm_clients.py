"""boto3 and the AWS CLI call every operation of Systems Manager that is built, with two nodes as processes."""

import contextlib
import io
import json
import os

import awscli.clidriver
import pytest
from botocore import xform_name

from harness import fresh
from nodes import Node, online
from ssm_tour import Tour, built


@pytest.fixture
def place(new_server, tmp_path):
    server = new_server()
    ssm = server.client("ssm")
    nodes = [Node(tmp_path / name, server, fresh(name), f"Role={name}").start() for name in ("one", "two")]
    yield server, [online(ssm, node) for node in nodes]
    for node in nodes:
        if node.process.poll() is None:
            node.kill()


@pytest.fixture
def cli(place, tmp_path, monkeypatch):
    """The AWS CLI in this process: a call is an answer, not an interpreter that starts."""
    # The CLI finds its own data by a variable that it sets when it is imported.
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_DATA_PATH"]:
        monkeypatch.delenv(name)
    home = {"HOME": str(tmp_path), "AWS_ENDPOINT_URL": place[0].endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**home, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    driver = awscli.clidriver.create_clidriver()

    def run(*arguments):
        out, said = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            code = driver.main(["ssm", *map(str, arguments)])
        assert code == 0, said.getvalue()
        return json.loads(out.getvalue()) if out.getvalue().strip() else {}

    return run


def test_boto3_calls_every_operation_that_is_built(place):
    server, nodes = place
    ssm = server.client("ssm")
    called = set()

    def call(operation, **input):
        answer = getattr(ssm, xform_name(operation))(**input)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        called.add(operation)
        return answer

    Tour(call, nodes).all()
    assert called == built()


def test_the_aws_cli_calls_every_operation_that_is_built(place, cli, tmp_path):
    server, nodes = place
    called = set()

    def call(operation, **input):
        (tmp_path / "input.json").write_text(json.dumps(input))
        answer = cli(xform_name(operation, "-"), "--cli-input-json", f"file://{tmp_path}/input.json")
        called.add(operation)
        return answer

    Tour(call, nodes).all()
    assert called == built()
