"""The client side of the wire room against botocore: what it sends for an input, and what it reads out of an answer.

Every operation of the services below, each with several inputs and answers made from the model. `TRACKWAY_WIRE_SERVICES`
names others (`all` is all of them), `TRACKWAY_WIRE_SEED` other values.
"""

import base64
import datetime
import io
import json
import os
import subprocess
import urllib.parse
import xml.etree.ElementTree as ElementTree

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import create_parser
from botocore.response import StreamingBody

from generated import Answer, Refusal, Values, as_json
from harness import example

CLIENT_LINES = example("client_lines")
SERVICES = [
    *["ec2", "s3", "sqs", "sns", "dynamodb", "iam", "lambda", "cloudformation", "events", "secretsmanager"],
    *["eventbridgev2", "ssm", "stepfunctions", "sts", "route53"],
]
SEED = os.environ.get("TRACKWAY_WIRE_SEED", "20261121")
URL = "http://endpoint.test:4566"
# How many of the optional members are there.
AMOUNTS = [0, 1, 0.5, 0.2]
TOKEN = "11111111-2222-4333-8444-555555555555"


def services():
    named = os.environ.get("TRACKWAY_WIRE_SERVICES", "").split()
    if named == ["all"]:
        return [name for name in boto3.Session().get_available_services() if name not in UNSIGNED_BY_US]
    return named or SERVICES


# Their signatures are others than version 4.
UNSIGNED_BY_US = ("account-access-runtime", "codecatalyst", "importexport", "sdb")


class ClientLines:
    """The wire room as a process: a question a line, an answer a line."""

    def __init__(self):
        self.process = subprocess.Popen([CLIENT_LINES], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def ours():
    assert CLIENT_LINES.exists(), "cargo build -p trackway-wire --example client_lines"
    lines = ClientLines()
    yield lines
    lines.process.stdin.close()
    lines.process.wait(timeout=10)


class Boto:
    """A boto3 client whose requests go nowhere; what it would send is kept, what it hears is given."""

    def __init__(self, service, region="us-east-1", url=URL):
        config = Config(inject_host_prefix=url is None, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"},
                        response_checksum_validation="when_required")
        self.client = boto3.client(
            service,
            endpoint_url=url,
            region_name=region,
            aws_access_key_id="AKID",
            aws_secret_access_key="s",
            config=config,
        )
        self.model = self.client.meta.service_model
        self.methods = {name: method for method, name in self.client.meta.method_to_api_mapping.items()}
        self.client.meta.events.register("before-send", self._send)
        self.sent = self.answer = None

    def _send(self, request, **_):
        self.sent = request
        answer = self.answer
        raw = io.BytesIO(answer.body)
        raw.stream = lambda *_args, **_kwargs: iter([answer.body])
        response = AWSResponse(request.url, answer.status, _Headers(answer.headers), raw)
        return response

    def call(self, operation, value, answer):
        self.sent, self.answer = None, answer
        output = getattr(self.client, self.methods[operation])(**value)
        output.pop("ResponseMetadata")
        return output


class _Headers(dict):
    def __init__(self, headers):
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name, default=None):
        return super().get(name.lower(), default)

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __contains__(self, name):
        return super().__contains__(name.lower())


def streams_events(operation):
    return operation.has_event_stream_input or operation.has_event_stream_output


# --- requests ------------------------------------------------------------------------------------

# Who says it, when, how large it is, and which checksum it has: free choices, or tested elsewhere.
FREE = ("user-agent", "x-amz-date", "authorization", "content-length", "accept-encoding", "expect", "host")
FREE += ("x-amz-content-sha256", "content-md5", "x-amz-sdk-checksum-algorithm", "x-amzn-trace-id", "transfer-encoding", "x-amz-api-version")


def headers_of(headers):
    texts = {name.lower(): value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()}
    free = (*FREE, "content-encoding", "x-amz-trailer", "x-amz-decoded-content-length")
    kept = {name: value for name, value in texts.items() if name not in free}
    if kept.get("content-type") == "application/xml":
        # botocore says nothing of XML.
        del kept["content-type"]
    return {
        name: value
        for name, value in kept.items()
        if not name.startswith(("amz-sdk-", "x-amz-checksum-"))
    }


def checksums_of(headers):
    named = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in named.items() if name.startswith("x-amz-checksum-")}


def checksums_that_differ(operation, ours, theirs):
    """Which checksum a client sends is its choice; that it is right is not."""
    for name in ours.keys() & theirs.keys():
        theirs_text = theirs[name].decode() if isinstance(theirs[name], bytes) else theirs[name]
        if ours[name] != theirs_text:
            yield f"{operation.name} {name}: ours {ours[name]}, boto3 {theirs_text}"


def meaning(protocol, kind, body):
    """What a body says, whatever its spelling."""
    if isinstance(body, str):
        body = body.encode()
    if protocol in ("query", "ec2"):
        return sorted(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    if protocol == "smithy-rpc-v2-cbor" and body:
        return create_parser(protocol).parse_data_item(io.BufferedReader(io.BytesIO(body)))
    if "json" in kind and body:
        return json.loads(body)
    if "xml" in kind and body:
        try:
            return tree(ElementTree.fromstring(body))
        except ElementTree.ParseError:
            return body
    return body


def tree(node):
    return (node.tag, dict(node.attrib), (node.text or ""), [tree(child) for child in node])


def xml_or_bytes(protocol, body):
    if protocol == "rest-xml" and body.startswith(b"<") and body.endswith(b">"):
        return "xml"
    if protocol in ("json", "rest-json") and body.startswith((b"{", b"[")):
        return "json"
    return ""


def body_of(sent):
    body = sent.body or b""
    if not isinstance(body, (bytes, str, bytearray)):
        body.seek(0)
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)


def theirs_of(boto, protocol):
    sent = boto.sent
    url = urllib.parse.urlsplit(sent.url)
    body = body_of(sent)
    scope = str(sent.headers.get("Authorization", "")).partition("Credential=")[2].partition(",")[0].split("/")[2:4]
    return {
        "method": sent.method,
        "path": url.path,
        "query": sorted(urllib.parse.parse_qsl(url.query, keep_blank_values=True)),
        "scope": scope,
        "headers": headers_of(sent.headers),
        "checksums": checksums_of(sent.headers),
        "body": meaning(protocol, xml_or_bytes(protocol, body), body),
    }


def ours_of(built, protocol):
    assert "error" not in built, built
    body = base64.b64decode(built["body"])
    scope = built["headers"].get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")[2:4]
    return {
        "method": built["method"],
        "path": built["path"],
        "query": sorted(urllib.parse.parse_qsl(built["query"], keep_blank_values=True)),
        "scope": scope,
        "headers": headers_of(built["headers"]),
        "checksums": checksums_of(built["headers"]),
        "body": meaning(protocol, xml_or_bytes(protocol, body), body),
    }


# --- answers -------------------------------------------------------------------------------------


def shown(value):
    """An output of boto3 as JSON has it; moments as seconds."""
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items() if key != "ResponseMetadata"}
    if isinstance(value, (list, tuple)):
        return [shown(one) for one in value]
    if isinstance(value, datetime.datetime):
        return ("moment", value.timestamp())
    if isinstance(value, StreamingBody):
        value = value.read()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return value


def with_moments(shape, value):
    """Our output with its moments as seconds."""
    if shape is None or value is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: with_moments(shape.members.get(name), one) for name, one in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [with_moments(shape.member, one) for one in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: with_moments(shape.value, one) for name, one in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, str):
        return ("moment", datetime.datetime.fromisoformat(value).timestamp())
    return value


def input_for(operation, values):
    value = values.value(operation.input_shape) if operation.input_shape else {}
    shape = operation.input_shape
    for name, member in (shape.members if shape else {}).items():
        if member.metadata.get("idempotencyToken"):
            value[name] = TOKEN
    if operation.service_model.service_name == "s3":
        if "Bucket" in value:
            value["Bucket"] = values.plain()
        # Not done here, or only with botocore's native library.
        unsupported = ("SSECustomerKey", "SSECustomerKeyMD5", "ChecksumXXHASH3", "ChecksumXXHASH64", "ChecksumXXHASH128")
        for name in [name for name in value if name.endswith(unsupported)]:
            del value[name]
        # The checksum of the answer would have to be right.
        value.pop("ChecksumMode", None)
        if "ChecksumAlgorithm" in value:
            value["ChecksumAlgorithm"] = values.random.choice(["CRC32", "SHA256"])
    # A global endpoint, which has a signature of its own.
    value.pop("EndpointId", None) if operation.name == "PutEvents" else None
    return value


def answer_for(operation, values):
    value = values.value(operation.output_shape) if operation.output_shape else {}
    if operation.name.startswith("ListObject"):
        # boto3 takes these for granted.
        for one in value.get("CommonPrefixes", []):
            one.setdefault("Prefix", "p/")
        for one in (one for name in ("Contents", "Versions", "DeleteMarkers") for one in value.get(name, [])):
            one.setdefault("Key", "a b+%41")
    return value


def differences(ours, boto, operation, seed, amount):
    """What differs between the two for one input and one answer."""
    protocol = operation.service_model.protocol
    resolved = operation.service_model.resolved_protocol
    values = Values(seed, amount)
    asked = input_for(operation, values)
    reply = answer_for(operation, values)
    answer = Answer(operation, reply)
    theirs = boto.call(operation.name, asked, answer)
    common = {
        "service": operation.service_model.service_name,
        "operation": boto.methods[operation.name],
        "input": as_json(asked),
        "blobs": "base64",
    }
    found = []
    built = ours.ask(**common, url=URL)
    left, right = ours_of(built, resolved), theirs_of(boto, resolved)
    for part, want in right.items():
        if part != "checksums" and left[part] != want:
            found.append(f"{protocol} {operation.name} {part}\n  ours   {left[part]!r:.1500}\n  boto3  {want!r:.1500}")
    if base64.b64decode(built["body"]) == body_of(boto.sent):
        found += checksums_that_differ(operation, left["checksums"], right["checksums"])
    read = ours.ask(
        **common, status=answer.status, headers=answer.headers, body=base64.b64encode(answer.body).decode()
    )
    left, right = with_moments(operation.output_shape, read.get("output", read)), shown(theirs)
    if left != right:
        found.append(
            f"{protocol} {operation.name} answer {answer.body!r:.1500} {answer.headers}"
            f"\n  ours   {left!r:.1500}\n  boto3  {right!r:.1500}"
        )
    return found


# boto3 adds a presigned URL; boto3 itself gives out objects of its XML parser.
# Directory buckets and object lambdas have signatures of their own.
NOT_ALIKE = [("ec2", "CopySnapshot"), ("s3", "GetBucketNotification")]
NOT_ALIKE += [("s3", "ListDirectoryBuckets"), ("s3", "WriteGetObjectResponse")]


@pytest.mark.parametrize("service", services())
def test_every_operation_is_sent_and_read_as_botocore_does(ours, service):
    boto = Boto(service)
    found, count = [], 0
    for name in boto.model.operation_names:
        operation = boto.model.operation_model(name)
        if streams_events(operation) or name not in boto.methods or (service, name) in NOT_ALIKE:
            continue
        for index, amount in enumerate(AMOUNTS):
            count += 1
            try:
                found += differences(ours, boto, operation, f"{SEED}/{service}/{name}/{index}", amount)
            except Exception as error:
                found.append(f"{service} {name} {index}: {error!r:.500}")
    assert not found, f"{len(found)} differences in {count} calls\n" + "\n".join(found[:25])


def spoiled(values, value):
    """The same value with one thing wrong with it, somewhere."""
    choose = values.random.choice
    if isinstance(value, dict) and value and choose([True, True, False]):
        name = choose(list(value))
        if choose([True, False]):
            return {**value, name: spoiled(values, value[name])}
        return choose([{key: one for key, one in value.items() if key != name}, {**value, "Unknown'": 1}])
    if isinstance(value, list) and value and choose([True, True, False]):
        return [spoiled(values, value[0]), *value[1:]]
    # Not True: in Python it is a number.
    return choose([None, "", 7, 1.5, [], {}, ["it's", None], {"a": [False, 'say "it\'s"']}, -1])


@pytest.mark.parametrize("service", services())
def test_what_boto3_would_not_send_is_refused_in_its_words(ours, service):
    boto = Boto(service)
    found, refused = [], 0
    for name in boto.model.operation_names:
        operation = boto.model.operation_model(name)
        if streams_events(operation) or name not in boto.methods or not operation.input_shape:
            continue
        for index, amount in enumerate(AMOUNTS):
            values = Values(f"{SEED}/{service}/{name}/{index}/spoiled", amount)
            asked = spoiled(values, as_json(input_for(operation, values)))
            if not isinstance(asked, dict) or service == "s3" and not isinstance(asked.get("Bucket", ""), str):
                # boto3 crashes.
                continue
            answer = ours.ask(service=service, operation=name, input=asked, url=URL).get("error", "")
            try:
                boto.call(name, asked, Answer(operation, {}))
                theirs = ""
            except ParamValidationError as error:
                theirs = str(error)
                refused += 1
            except Exception:
                # A rule of boto3 for this operation crashes, or the answer is none; not of interest here.
                continue
            # Names of buckets have a message of our own, as ARNs are none here; labels are checked when they are needed.
            own = ("Invalid bucket name", "is missing", "can't be")
            if answer != theirs and not any(text in answer for text in own):
                found.append(f"{name} {asked!r:.800}\n  ours   {answer}\n  boto3  {theirs}")
    assert refused or len(boto.methods) < 3
    assert not found, f"{len(found)} differences, {refused} refused by boto3\n" + "\n".join(found[:20])


# Operations of these have hosts of their own; botocore knows the oldest host of S3.
ELSEWHERE = ("arc-region-switch", "health", "s3", "s3control", "signin", "wellarchitected")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"])
def test_every_service_is_where_botocore_has_it(ours, region):
    found, count = [], 0
    everything = boto3.Session().get_available_services()
    few = {*SERVICES, "organizations", "billing", "datazone", "cloudfront", "support", "ce", "iot-data", *everything[::15]}
    for service in services() if os.environ.get("TRACKWAY_WIRE_SERVICES") else sorted(few):
        if service in ELSEWHERE or service in UNSIGNED_BY_US:
            continue
        boto = Boto(service, region, url=None)
        operation = simplest(boto)
        if operation is None:
            continue
        asked = {name: "label" for name in operation.input_shape.required_members} if operation.input_shape else {}
        try:
            boto.call(operation.name, asked, Answer(operation, {}))
        except Exception:
            # Its answer is none, or it wants more than labels.
            if boto.sent is None:
                continue
        count += 1
        theirs = urllib.parse.urlsplit(boto.sent.url).netloc, theirs_of(boto, "")["scope"]
        built = ours.ask(service=service, operation=operation.name, input=asked, region=region)
        mine = built["host"], ours_of(built, "")["scope"]
        if mine != theirs:
            found.append(f"{service} {operation.name}: ours {mine}, boto3 {theirs}")
    assert count and not found, "\n".join(found)


def simplest(boto):
    """The operation that needs least, of those that need nothing but texts."""

    def needed(operation):
        shape = operation.input_shape
        return [shape.members[name] for name in shape.required_members] if shape else []

    operations = [boto.model.operation_model(name) for name in boto.methods if name in boto.model.operation_names]
    fitting = [
        operation
        for operation in operations
        if not streams_events(operation) and all(one.type_name == "string" for one in needed(operation))
    ]
    return min(fitting, key=lambda operation: (len(needed(operation)), operation.name), default=None)


def error_shapes(boto):
    """Each modelled error once, with an operation that may give it."""
    seen = {}
    for name in boto.methods:
        if name in boto.model.operation_names:
            operation = boto.model.operation_model(name)
            for shape in operation.error_shapes if not streams_events(operation) else ():
                seen.setdefault(shape.name, (operation, shape))
    return seen.values()


@pytest.mark.parametrize("service", services())
def test_every_modelled_error_is_read_as_botocore_does(ours, service):
    boto = Boto(service)
    found = []
    for operation, shape in error_shapes(boto):
        values = Values(f"{SEED}/{service}/{shape.name}", 1)
        asked = input_for(operation, Values(f"{SEED}/{service}/{operation.name}/0", 0))
        refusal = Refusal(operation, shape, values.value(shape), values.text())
        try:
            boto.call(operation.name, asked, refusal)
            theirs = "success"
        except ClientError as error:
            said = error.response["Error"]
            theirs = (said["Code"], said.get("Message", ""), refusal.status)
        body = base64.b64encode(refusal.body).decode()
        common = {"service": service, "operation": operation.name, "input": as_json(asked), "blobs": "base64"}
        read = ours.ask(**common, status=refusal.status, headers=refusal.headers, body=body)
        mine = read.get("refused", read)
        mine = (mine.get("code"), mine.get("message"), mine.get("status"))
        if mine != theirs:
            found.append(f"{operation.name} {shape.name} {refusal.body!r:.500}\n  ours   {mine}\n  boto3  {theirs}")
    assert not found, f"{len(found)} differences\n" + "\n".join(found[:20])
