"""Webhooks over HTTP: who is let in, what starts a pipeline, and what is kept over a crash."""

import hashlib
import hmac
import json
import urllib.error
import urllib.request

import pytest

from harness import fresh
from pipelines import action, custom_type, pipeline, stage

BODY = json.dumps({"ref": "refs/heads/main", "commits": [{"id": "c0"}]}).encode()


@pytest.fixture
def target(server):
    """A client, and a pipeline whose source has a branch."""
    client = server.client("codepipeline")
    branch = {"name": "Branch", "required": True, "key": True, "secret": False}
    source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0), properties=[branch])
    build = custom_type(client)
    name = fresh("hooked")
    fetch = action("Fetch", "Source", source, "Custom", outputs=["Source"], configuration={"Branch": "main"})
    stages = stage("Source", fetch), stage("Build", action("Build", "Build", build, "Custom"))
    client.create_pipeline(pipeline=pipeline(name, *stages, mode="QUEUED"))
    yield client, name
    client.delete_pipeline(name=name)


def hook(name, target, authentication="UNAUTHENTICATED", configuration=None, filters=()):
    return {
        "name": name,
        "targetPipeline": target,
        "targetAction": "Fetch",
        "filters": list(filters),
        "authentication": authentication,
        "authenticationConfiguration": configuration or {},
    }


def send(url, body=BODY, method="POST", **headers):
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def started(client, name):
    listed = client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
    return [one["trigger"] for one in listed if one["trigger"]["triggerType"] == "Webhook"]


def test_a_signed_delivery_to_the_branch_of_the_action_starts_the_pipeline(server, target):
    client, name = target
    filters = [{"jsonPath": "$.ref", "matchEquals": "refs/heads/{Branch}"}]
    put = client.put_webhook(
        webhook=hook(name, name, "GITHUB_HMAC", {"SecretToken": "secret"}, filters),
        tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
    )["webhook"]
    url = put["url"]
    assert url.startswith(f"{server.endpoint}/trigger?t=") and url.endswith("&v=1")
    assert put["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert put["definition"]["authenticationConfiguration"] == {"SecretToken": "****"}

    def signed(body, key=b"secret"):
        one, other = (hmac.new(key, body, kind).hexdigest() for kind in (hashlib.sha1, hashlib.sha256))
        return {"X-Hub-Signature": f"sha1={one}"}, {"X-Hub-Signature-256": f"sha256={other}"}

    for headers in signed(BODY):
        assert send(url, **headers) == 200
    for headers in ({}, *signed(BODY, b"other"), *signed(b"{}")):
        assert send(url, **headers) == 403
    elsewhere = b'{"ref": "refs/heads/other"}'
    assert send(url, elsewhere, **signed(elsewhere)[1]) == 200
    assert started(client, name) == [{"triggerType": "Webhook", "triggerDetail": put["arn"]}] * 2
    tags = client.list_tags_for_resource(resourceArn=put["arn"])["tags"]
    assert tags == put["tags"]


def test_an_address_is_let_in_by_its_range(target):
    client, name = target
    for allowed, status in (("127.0.0.0/8", 200), ("127.0.0.1", 200), ("127.0.0.2/32", 403), ("::/0", 403)):
        put = client.put_webhook(webhook=hook(name, name, "IP", {"AllowedIPRange": allowed}))
        assert send(put["webhook"]["url"]) == status, allowed
    assert len(started(client, name)) == 2


def test_what_is_no_delivery_is_told_so(target):
    client, name = target
    url = client.put_webhook(webhook=hook(name, name))["webhook"]["url"]
    assert send(url, None, method="GET") == 405
    assert send(url, b"ref=main") == 400
    assert send(url.replace("t=", "t=x")) == 404
    assert send(url.split("?")[0]) == 404
    client.delete_webhook(name=name)
    assert send(url) == 404
    assert started(client, name) == []


def test_a_webhook_whose_pipeline_is_gone_says_so(server):
    client = server.client("codepipeline")
    source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0))
    build = custom_type(client)
    name = fresh("gone")
    stages = (
        stage("Source", action("Fetch", "Source", source, "Custom", outputs=["Source"])),
        stage("Build", action("Build", "Build", build, "Custom")),
    )
    client.create_pipeline(pipeline=pipeline(name, *stages))
    url = client.put_webhook(webhook=hook(name, name))["webhook"]["url"]
    client.delete_pipeline(name=name)
    assert send(url) == 409
    pages = client.get_paginator("list_webhooks").paginate()
    (shown,) = [one for page in pages for one in page["webhooks"] if one["definition"]["name"] == name]
    assert shown["errorCode"] == "PipelineNotFoundException" and name in shown["errorMessage"]
    client.create_pipeline(pipeline=pipeline(name, *stages))
    assert send(url) == 200
    pages = client.get_paginator("list_webhooks").paginate()
    (shown,) = [one for page in pages for one in page["webhooks"] if one["definition"]["name"] == name]
    assert "errorCode" not in shown and shown["lastTriggered"]


def test_a_webhook_outlives_a_crash(new_server):
    server = new_server()
    client = server.client("codepipeline")
    source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0))
    build = custom_type(client)
    stages = (
        stage("Source", action("Fetch", "Source", source, "Custom", outputs=["Source"])),
        stage("Build", action("Build", "Build", build, "Custom")),
    )
    client.create_pipeline(pipeline=pipeline("p", *stages))
    put = client.put_webhook(webhook=hook("w", "p"))["webhook"]
    assert send(put["url"]) == 200
    before = client.list_webhooks()["webhooks"]
    server.kill()
    server.start()
    assert client.list_webhooks()["webhooks"] == before
    assert send(put["url"]) == 200
    assert len(started(client, "p")) == 2
