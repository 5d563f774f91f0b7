"""boto3 and the AWS CLI call every operation of IoT that is built."""

import json

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from aws_cli import Cli
from harness import built
from iot_tour import OTHER, Tour


@pytest.fixture
def server(new_server):
    """Of its own: the tour sets the account up."""
    return new_server()


def test_boto3_calls_every_operation(server):
    called = set()

    def caller(client):
        def call(operation, **input):
            called.add(operation)
            answer = getattr(client, xform_name(operation))(**input)
            assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
            return answer

        return call

    mine, other = server.client("iot", account="000000000000"), server.client("iot", account=OTHER)
    Tour(server, caller(mine), caller(other), ClientError).all()
    assert called == built("iot")


class Refused(Exception):
    pass


def test_the_aws_cli_calls_every_operation(server, tmp_path):
    called = set()

    def caller(account):
        folder = tmp_path / account
        folder.mkdir()
        aws = Cli(folder, server)
        aws.env["AWS_ACCESS_KEY_ID"] = account

        def call(operation, **input):
            called.add(operation)
            (folder / "input.json").write_text(json.dumps(input))
            try:
                return aws("iot", xform_name(operation, "-"), "--cli-input-json", "file://input.json")
            except AssertionError as error:
                raise Refused(str(error)) from error

        return call

    Tour(server, caller("000000000000"), caller(OTHER), Refused).all()
    assert called == built("iot")
