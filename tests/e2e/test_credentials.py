"""Signatures, when credentials are configured."""

import datetime
import urllib.parse

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from harness import Server, create, raw

KEY, SECRET, ACCOUNT = "AKIAEXAMPLE", "correct horse battery staple", "111122223333"
CONFIG = f"""
[credentials.{KEY}]
secret_key = "{SECRET}"
account = "{ACCOUNT}"

[credentials.AKIAOTHER]
secret_key = "another secret"
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("guarded"), memory=True, config=CONFIG).start()
    yield running
    running.stop()


def signed(server, *, secret=SECRET, key=KEY, body=b"{}", at=None, service="states", headers=None):
    """Headers of a request that botocore signed."""
    request = AWSRequest(
        "POST",
        server.endpoint + "/",
        data=body,
        headers={
            "X-Amz-Target": "AWSStepFunctions.ListStateMachines",
            "Content-Type": "application/x-amz-json-1.0",
            **(headers or {}),
        },
    )
    signer = SigV4Auth(Credentials(key, secret), service, "us-east-1")
    if at is None:
        signer.add_auth(request)
    else:
        request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
        signer._modify_request_before_signing(request)
        canonical = signer.canonical_request(request)
        signer._inject_signature_to_request(request, signer.signature(signer.string_to_sign(request, canonical), request))
    return dict(request.headers)


def refusal(server, headers, body=b"{}"):
    status, answer_headers, answer = raw(server, body, headers=headers)
    assert status in (400, 403), answer
    return answer["__type"].split("#")[-1], answer.get("message", "")


def test_a_signed_request_is_served_in_the_keys_account(guarded):
    sfn = guarded.client(account=KEY, secret=SECRET)
    assert f":{ACCOUNT}:" in create(sfn)
    assert guarded.client("sts", account=KEY, secret=SECRET).get_caller_identity()["Account"] == ACCOUNT
    other = guarded.client(account="AKIAOTHER", secret="another secret")
    assert ":000000000000:" in create(other)


def test_other_services_verify_the_same_signature(guarded):
    iot = guarded.client("iot", account=KEY, secret=SECRET)
    with pytest.raises(ClientError) as caught:
        iot.describe_audit_task(taskId="a b/c")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_wrong_secret_is_refused(guarded):
    with pytest.raises(ClientError) as caught:
        guarded.client(account=KEY, secret="wrong").list_state_machines()
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidSignatureException"
    assert error["Message"].startswith("The request signature we calculated does not match the signature you provided.")


def test_an_unknown_key_is_refused(guarded):
    with pytest.raises(ClientError) as caught:
        guarded.client(account="AKIANOBODY", secret=SECRET).list_state_machines()
    error = caught.value.response["Error"]
    assert error["Code"] == "UnrecognizedClientException"
    assert error["Message"] == "The security token included in the request is invalid."


def test_a_request_without_a_signature_is_refused(guarded):
    code, message = refusal(guarded, {})
    assert (code, message) == ("MissingAuthenticationTokenException", "Missing Authentication Token")


def test_a_changed_body_or_header_is_refused(guarded):
    assert refusal(guarded, signed(guarded, body=b"{}"), b'{"maxResults": 1}')[0] == "InvalidSignatureException"
    headers = signed(guarded)
    headers["X-Amz-Target"] = "AWSStepFunctions.ListActivities"
    assert refusal(guarded, headers)[0] == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-20, 20])
def test_an_old_or_early_signature_is_refused(guarded, minutes):
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    code, message = refusal(guarded, signed(guarded, at=at))
    assert code == "InvalidSignatureException"
    assert ("Signature expired" if minutes < 0 else "Signature not yet current") in message


@pytest.mark.parametrize(
    "authorization",
    [
        "nonsense",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/states/aws4_request",
        "Basic QTpC",
        "AWS4-HMAC-SHA256 Credential=////, SignedHeaders=, Signature=",
    ],
)
def test_a_header_that_is_no_signature_is_refused(guarded, authorization):
    code, _ = refusal(guarded, {"Authorization": authorization, "X-Amz-Date": "20260101T000000Z"})
    assert code in (
        "IncompleteSignatureException",
        "MissingAuthenticationTokenException",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    )


def test_calls_of_our_own_must_be_signed_too(guarded):
    status, _, answer = raw(guarded, b"", None, path="/_trackway/reset")
    assert (status, answer) == (403, {"message": "Missing Authentication Token"})
    unsigned = raw(guarded, b'{"seconds": 1}', None, path="/_trackway/clock/advance")
    assert unsigned[0] == 403
    request = AWSRequest("POST", guarded.endpoint + "/_trackway/clock/advance", data=b'{"seconds": 1}')
    SigV4Auth(Credentials(KEY, SECRET), "states", "us-east-1").add_auth(request)
    status, _, _ = raw(
        guarded, request.data, None, path="/_trackway/clock/advance",
        headers={"Content-Type": "", **dict(request.headers)},
    )
    assert status == 200


def test_health_needs_no_signature(guarded):
    assert guarded.get("/health")[0] == 200


def test_without_credentials_any_signature_will_do(server):
    assert raw(server, headers=signed(server, secret=urllib.parse.quote("any")))[0] == 200
    assert raw(server, headers={"Authorization": "nonsense"})[0] == 200
