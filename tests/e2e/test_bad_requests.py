"""Whatever a client sends, it gets AWS's error: 400, 403, 404 or 413, and never a 500."""

import http.client
import json
import random
import socket

import pytest

from harness import code_of, create, machine, ends, raw

LIST = "AWSStepFunctions.ListStateMachines"
CREATE = "AWSStepFunctions.CreateStateMachine"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


def refused(server, code, body, target=LIST, **fields):
    status, headers, answer = raw(server, body, target, **fields)
    assert (status, code_of(answer)) == (400, code), answer
    assert headers["x-amzn-requestid"]
    return answer.get("message") or answer.get("Message") or ""


def deep(levels):
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"{",
        b'{"a": }',
        b"[]",
        b'"text"',
        b"null",
        b"1",
        b'{"maxResults": 1} trailing',
        b"\xff\xfe",
        b'{"\xc3\x28": 1}',
        b'{"a": "\x01"}',
        b"{'maxResults': 1}",
        b'{"maxResults": NaN}',
        b'{"maxResults": 1e999}',
    ],
)
def test_a_body_that_is_no_json_object_is_a_serialization_exception(server, body):
    refused(server, "SerializationException", body)


@pytest.mark.parametrize(
    "target, body",
    [
        (LIST, {"maxResults": "10"}),
        (LIST, {"maxResults": {}}),
        (LIST, {"maxResults": [1]}),
        (LIST, {"maxResults": True}),
        (LIST, {"nextToken": 1}),
        (CREATE, {"name": ["m"], "definition": "{}", "roleArn": "r"}),
        (CREATE, {"name": "m", "definition": {"StartAt": "a"}, "roleArn": "r"}),
        (CREATE, {"name": "m", "definition": "{}", "roleArn": "r", "tags": {"k": "v"}}),
        (CREATE, {"name": "m", "definition": "{}", "roleArn": "r", "tags": ["k"]}),
        (CREATE, {"name": "m", "definition": "{}", "roleArn": "r", "publish": "yes"}),
    ],
)
def test_a_member_of_the_wrong_type_is_a_serialization_exception(server, target, body):
    refused(server, "SerializationException", json.dumps(body).encode(), target)


def test_an_empty_body_is_an_empty_object(server):
    assert raw(server, b"")[0] in (200, 400)
    assert raw(server, b"{}")[0] == 200


def test_unknown_members_are_passed_over_and_null_is_absent(server):
    assert raw(server, b'{"unknown": {"a": 1}, "maxResults": null}')[0] == 200


@pytest.mark.parametrize("levels", [200, 10_000, 100_000])
def test_what_is_too_deep_is_refused(server, levels):
    status, _, answer = raw(server, b'{"tags": ' + deep(levels) + b"}", CREATE)
    assert status == 400, answer
    # The unknown is skipped, but not at any price.
    status, _, answer = raw(server, b'{"unknown": ' + deep(levels) + b"}")
    assert status in (200, 400), answer


def test_a_definition_or_an_input_that_is_too_deep_is_refused(server):
    nested = {"name": "deep", "definition": deep(50_000).decode(), "roleArn": "arn:aws:iam::000000000000:role/r"}
    assert raw(server, json.dumps(nested).encode(), CREATE)[0] == 400
    arn = create(server.client())
    body = json.dumps({"stateMachineArn": arn, "input": deep(50_000).decode()}).encode()
    status, _, answer = raw(server, body, "AWSStepFunctions.StartExecution")
    assert status in (200, 400), answer


def test_a_body_that_is_too_large_is_refused(server):
    status, _, answer = raw(server, b'{"nextToken": "' + b"x" * (9 * 1024 * 1024) + b'"}')
    assert status in (400, 413), answer


def test_a_definition_is_at_most_a_mebibyte(server):
    body = {"name": "m", "definition": "x" * 1_048_577, "roleArn": "r"}
    message = refused(server, "ValidationException", json.dumps(body).encode(), CREATE)
    assert "at 'definition' failed to satisfy constraint: Member must have length less than or equal to 1048576" in message


def test_every_violation_is_reported_at_once(server):
    body = {"name": "", "definition": "", "roleArn": "", "type": "FAST", "tags": [{"key": "k" * 129}]}
    message = refused(server, "ValidationException", json.dumps(body).encode(), CREATE)
    assert message.startswith("5 validation errors detected: ")
    for place in ("'name'", "'definition'", "'roleArn'", "'type'", "'tags.1.member.key'"):
        assert f"at {place} failed to satisfy constraint: Member must " in message


def test_a_missing_member_must_not_be_null(server):
    message = refused(server, "ValidationException", b"{}", "AWSStepFunctions.DescribeStateMachine")
    assert message == (
        "1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null"
    )


@pytest.mark.parametrize("target", ["AWSStepFunctions.Nothing", "AWSStepFunctions.", "AWSStepFunctions", "Nothing.At.All", ""])
def test_an_operation_that_is_none_is_unknown(server, target):
    status, _, answer = raw(server, b"{}", target)
    assert status in (400, 404) and code_of(answer) == "UnknownOperationException", answer


@pytest.mark.parametrize("method, path", [("POST", "/"), ("GET", "/"), ("PUT", "/nothing"), ("DELETE", "/x/y"), ("POST", "/%")])
def test_a_request_without_an_operation_is_a_client_error(server, method, path):
    status, _, _ = raw(server, None if method == "GET" else b"{}", None, path, method)
    assert 400 <= status < 500 or (method, path) == ("GET", "/")


@pytest.mark.parametrize(
    "target, operation",
    [
        ("AWSStepFunctions.RedriveExecution", "RedriveExecution"),
        ("AWSStepFunctions.TestState", "TestState"),
        ("AWSStepFunctions.DescribeMapRun", "DescribeMapRun"),
        ("AmazonSSM.DescribeOpsItems", "DescribeOpsItems"),
        ("AmazonSSM.DescribeMaintenanceWindows", "DescribeMaintenanceWindows"),
    ],
)
def test_an_operation_that_is_not_built_says_so_with_its_name(server, target, operation):
    bodies = {
        "RedriveExecution": {"executionArn": "arn:aws:states:us-east-1:000000000000:execution:m:e"},
        "TestState": {"definition": '{"Type": "Succeed"}'},
        "DescribeMapRun": {"mapRunArn": "arn:aws:states:us-east-1:000000000000:mapRun:m/l:e"},
    }
    status, _, answer = raw(server, json.dumps(bodies.get(operation, {})).encode(), target)
    assert status == 501, answer
    assert operation in json.dumps(answer)


def test_a_request_that_is_not_built_is_still_validated(server):
    refused(server, "ValidationException", b'{"MaxResults": 0}', "AmazonSSM.DescribeMaintenanceWindows")


@pytest.mark.parametrize("arn", ["", " ", "arn", "arn:aws:states", ":" * 6, "arn:aws:states:us-east-1:000000000000:execution:m:e" * 9])
@pytest.mark.parametrize(
    "operation, member",
    [
        ("DescribeStateMachine", "stateMachineArn"),
        ("DescribeExecution", "executionArn"),
        ("DescribeActivity", "activityArn"),
        ("StopExecution", "executionArn"),
        ("GetExecutionHistory", "executionArn"),
        ("ListTagsForResource", "resourceArn"),
        ("GetActivityTask", "activityArn"),
    ],
)
def test_an_arn_that_is_none_is_refused(server, operation, member, arn):
    status, _, answer = raw(server, json.dumps({member: arn}).encode(), f"AWSStepFunctions.{operation}")
    assert (status, code_of(answer) in ("InvalidArn", "ValidationException")) == (400, True), answer


def test_a_machine_refuses_an_arn_of_another_kind_of_thing(server):
    activity = MACHINE.replace(":stateMachine:", ":activity:")
    refused(server, "InvalidArn", json.dumps({"stateMachineArn": activity}).encode(), "AWSStepFunctions.StartExecution")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_is_refused_and_the_server_lives_on(server, request_bytes):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        try:
            connection.sendall(request_bytes)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(4096)
        except OSError:
            answer = b""
    assert not answer or b" 4" in answer.split(b"\r\n")[0]
    assert server.get("/health")[0] == 200


def test_a_client_that_hangs_up_in_the_middle_hurts_nobody(server):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert raw(server)[0] == 200


def test_a_request_that_is_cut_and_changed_at_random_is_never_a_500(server):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    definition = machine({"P": ends(Type="Pass", Parameters={"a.$": "States.Format('{}', $.b[0])"})})
    samples = [
        (CREATE, {"name": "fuzzed", "definition": definition, "roleArn": "arn:aws:iam::000000000000:role/r"}),
        (LIST, {"maxResults": 10, "nextToken": "x"}),
        ("AWSStepFunctions.StartExecution", {"stateMachineArn": MACHINE, "input": '{"a": [1, 2]}', "name": "n"}),
        ("AWSStepFunctions.SendTaskSuccess", {"taskToken": "t", "output": "{}"}),
    ]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(300):
        target, request = chance.choice(samples)
        body = bytearray(json.dumps(request).encode())
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[at] = chance.randrange(256)
                case 1:
                    del body[at : at + chance.randint(1, 9)]
                case 2:
                    body[at:at] = bytes(chance.choices(b'{}[]",:\\\x00\xff0', k=chance.randint(1, 5)))
                case _:
                    body[at:at] = body[: chance.randint(1, 40)]
            if not body:
                body = bytearray(b"{}")
        connection.request("POST", "/", bytes(body), {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 400, 403, 404, 413), (answer.status, bytes(body), text)


def conversation(server, *pieces, patience=5):
    """Sends bytes on one connection; returns what came back until the server was done or silent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(patience)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return received


HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\n"


@pytest.mark.parametrize(
    "sent, status",
    [
        (b"\x16\x03\x01 this is TLS \r\n\r\n", b"400"),
        (HEAD + b"Content-Length: -1\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"400"),
        (HEAD + b"Folded: a\r\n b\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n", b"400"),
        (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n", b"431"),
        (b"POST /" + b"a" * 66_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
    ],
)
def test_what_is_no_http_is_answered_too(server, sent, status):
    answer = conversation(server, sent)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]
    assert server.get("/health")[0] == 200


def test_an_answer_does_not_wait_for_the_rest_of_the_next_request(server):
    whole = HEAD + b"Content-Length: 2\r\n\r\n{}"
    answer = conversation(server, whole + whole + HEAD, patience=1)
    assert answer.count(b"HTTP/1.1 200 OK") == 2, answer
