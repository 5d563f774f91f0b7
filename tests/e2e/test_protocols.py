"""The protocols beside awsJson 1.0, and what an answer carries."""

import datetime
import email.utils
import time
import urllib.error
import urllib.parse
import urllib.request

import botocore.model
import pytest
from botocore.exceptions import ClientError

from harness import raw


def without_metadata(response):
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def error_of(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response


def test_an_answer_carries_a_request_id_a_date_and_its_content_type(server):
    status, headers, _ = raw(server)
    assert status == 200
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert len(headers["x-amzn-requestid"]) == 36
    assert abs(email.utils.parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 60


def test_every_request_has_an_id_of_its_own(sfn):
    ids = {sfn.list_state_machines()["ResponseMetadata"]["RequestId"] for _ in range(5)}
    assert len(ids) == 5


def test_sts_tells_who_calls(server):
    identity = server.client("sts", account="123456789012").get_caller_identity()
    assert identity["Account"] == "123456789012"
    assert identity["Arn"].startswith("arn:aws:")
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_health_and_head(server):
    assert server.get("/health")[0] == 200
    request = urllib.request.Request(server.endpoint + "/health", method="HEAD")
    with urllib.request.urlopen(request, timeout=10) as response:
        assert (response.status, response.read()) == (200, b"")


@pytest.mark.parametrize(
    "service, call, operation",
    [
        ("ssm", lambda client: client.describe_maintenance_windows(), "DescribeMaintenanceWindows"),
        ("iot", lambda client: client.list_topic_rules(), "ListTopicRules"),
    ],
)
def test_services_to_come_answer_501_in_their_protocol(server, service, call, operation):
    response = error_of(lambda: call(server.client(service)))
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert operation in response["Error"]["Message"]


def test_services_to_come_check_their_requests(server):
    pipeline = server.client("codepipeline", parameter_validation=False)
    response = error_of(lambda: pipeline.get_pipeline(name="not a name!"))
    assert response["Error"]["Code"] == "ValidationException"
    assert "Value 'not a name!' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern" in (
        response["Error"]["Message"]
    )
    iot = server.client("iot", parameter_validation=False)
    response = error_of(lambda: iot.list_audit_tasks(startTime=0, endTime=1, maxResults=251))
    assert response["Error"]["Code"] == "InvalidRequestException"
    assert "at 'maxResults'" in response["Error"]["Message"]


def test_cbor_is_spoken_both_ways(server, monkeypatch):
    json_client = server.client("codepipeline")
    monkeypatch.setattr(botocore.model, "PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", ("smithy-rpc-v2-cbor", "json"))
    client = server.client("codepipeline", parameter_validation=False)
    sent = {}
    client.meta.events.register("before-send.codepipeline.*", lambda request, **_: sent.update(url=request.url))
    response = error_of(lambda: client.list_pipelines(maxResults=0))
    assert "/service/CodePipeline_20150709/operation/ListPipelines" in sent["url"]
    assert response["Error"]["Code"] == "ValidationException"
    assert "Value '0' at 'maxResults'" in response["Error"]["Message"]
    response = error_of(lambda: client.get_pipeline_state(name="nothing"))
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Code"] == "PipelineNotFoundException"

    counts = {"minimumCount": 0, "maximumCount": 1}
    for category in ("Source", "Build"):
        client.create_custom_action_type(
            category=category, provider="Cbor", version="1", inputArtifactDetails=counts, outputArtifactDetails=counts
        )
    stages = [
        {"name": category, "actions": [{
            "name": category,
            "actionTypeId": {"category": category, "owner": "Custom", "provider": "Cbor", "version": "1"},
            "outputArtifacts": [{"name": category}],
            "inputArtifacts": [{"name": "Source"}] if category == "Build" else [],
        }]}
        for category in ("Source", "Build")
    ]
    client.create_pipeline(
        pipeline={
            "name": "cbor",
            "roleArn": "arn:aws:iam::000000000000:role/r",
            "artifactStore": {"type": "S3", "location": "bucket"},
            "stages": stages,
            "version": 1,
        }
    )
    created = datetime.datetime(2024, 2, 29, 12, 0, 0, 250000, tzinfo=datetime.timezone.utc)
    client.put_action_revision(
        pipelineName="cbor",
        stageName="Source",
        actionName="Source",
        actionRevision={"revisionId": "r", "revisionChangeId": "c", "created": created},
    )
    for one, other in ((client, json_client), (json_client, client)):
        # The same, moments and numbers included, whichever protocol is spoken.
        assert without_metadata(one.get_pipeline_state(name="cbor")) == without_metadata(other.get_pipeline_state(name="cbor"))
        assert without_metadata(one.list_action_executions(pipelineName="cbor")) == without_metadata(
            other.list_action_executions(pipelineName="cbor")
        )
    shown = client.get_pipeline_state(name="cbor")["stageStates"][0]["actionStates"][0]["currentRevision"]
    assert shown["created"] == created
    client.delete_pipeline(name="cbor")


@pytest.mark.parametrize("body", [b"", b"\xff", b"\xa1", b"\xbf", b"\x81\x01", b"\xa1\x01\x02", b"\x9f" * 5000, b"\x7f", b"\xfb\x00"])
def test_cbor_that_is_broken_is_the_clients_mistake(server, body):
    request = urllib.request.Request(
        f"{server.endpoint}/service/CodePipeline_20150709/operation/GetPipeline",
        data=body,
        method="POST",
        headers={"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor", "Accept": "application/cbor"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 400
    assert caught.value.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert caught.value.read()[:1] in (b"\xa1", b"\xa2", b"\xbf")


def test_the_query_protocol_refuses_what_it_does_not_know(server):
    form = urllib.parse.urlencode({"Action": "AssumeEverything", "Version": "2011-06-15"}).encode()
    status, _, _ = raw(server, form, None, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert status in (400, 404, 501)
