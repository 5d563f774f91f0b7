"""boto3 and the AWS CLI call every operation of Systems Manager that is built, with two nodes as processes."""

import json

import pytest
from botocore import xform_name

from aws_cli import Cli
from harness import built, fresh
from nodes import Node, online
from ssm_tour import Tour


@pytest.fixture
def place(new_server, tmp_path):
    server = new_server()
    ssm = server.client("ssm")
    nodes = [Node(tmp_path / name, server, fresh(name), f"Role={name}").start() for name in ("one", "two")]
    yield server, [online(ssm, node) for node in nodes]
    for node in nodes:
        if node.process.poll() is None:
            node.kill()


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
    assert called == built("ssm")


def test_the_aws_cli_calls_every_operation_that_is_built(place, tmp_path):
    server, nodes = place
    aws = Cli(tmp_path, server)
    called = set()

    def call(operation, **input):
        (tmp_path / "input.json").write_text(json.dumps(input))
        answer = aws("ssm", xform_name(operation, "-"), "--cli-input-json", "file://input.json")
        called.add(operation)
        return answer

    Tour(call, nodes).all()
    assert called == built("ssm")
