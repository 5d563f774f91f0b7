"""boto3, in both protocols, and the AWS CLI call every operation of CodePipeline."""

import json

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from aws_cli import Cli
from harness import built
from pipeline_tour import CONFIG, EMPTY_ZIP, Tour


@pytest.fixture
def server(new_server):
    server = new_server(config=CONFIG)
    (server.folder / "source").mkdir()
    (server.folder / "source" / "source.zip").write_bytes(EMPTY_ZIP)
    return server


def every_operation(client):
    return set(client.meta.service_model.operation_names)


def test_boto3_calls_every_operation(server):
    client = server.client("codepipeline")
    called = set()

    def call(operation, **input):
        called.add(operation)
        answer = getattr(client, xform_name(operation))(**input)
        assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        return answer

    Tour(call, ClientError).all()
    assert called == built("codepipeline") == every_operation(client)


class Refused(Exception):
    pass


def test_the_aws_cli_calls_every_operation(server, tmp_path):
    aws = Cli(tmp_path, server)
    called = set()

    def call(operation, **input):
        called.add(operation)
        (tmp_path / "input.json").write_text(json.dumps(input))
        try:
            return aws("codepipeline", xform_name(operation, "-"), "--cli-input-json", "file://input.json")
        except AssertionError as error:
            raise Refused(str(error)) from error

    Tour(call, Refused).all()
    assert called == built("codepipeline")
