"""Writes requests as botocore serialises them, for random inputs of random operations.

Run with botocore installed: python3 client.py COUNT > client.jsonl
or, for the operations of one service: python3 client.py COUNT iot > iot.jsonl
An input is in the neutral form: timestamps are epoch seconds, blobs are base64.
"""
import base64
import datetime
import json
import random
import sys
import urllib.parse

import botocore.exceptions
import botocore.loaders
import botocore.model
import botocore.serialize
import botocore.utils

COUNT = int(sys.argv[1])
ONLY = sys.argv[2:]
ALWAYS = [] if ONLY else [("lambda", "Invoke"), ("s3", "PutObject"), ("s3", "DeleteObjects"), ("sns", "Publish"),
          ("sqs", "SendMessage"), ("dynamodb", "PutItem"), ("ec2", "RunInstances"),
          ("iam", "CreateRole"), ("events", "PutEvents"), ("s3", "PutBucketAcl"),
          ("stepfunctions", "StartExecution"), ("cloudwatch", "PutMetricData")]

random.seed(20261121)
loader = botocore.loaders.Loader()
models = {}


def service(name):
    if name not in models:
        models[name] = botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), name)
    return models[name]


def text():
    return "".join(random.choices("abcXYZ019 -_.~/:+&=<>\u00e9", k=random.randrange(1, 9)))


def value(shape, depth):
    """The neutral form and what botocore takes for it."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {"a": [1, "x"]}, {"a": [1, "x"]}
        return structure(shape, depth)
    if kind == "list":
        if depth > 4:
            return [], []
        pairs = [value(shape.member, depth + 1) for _ in range(random.randrange(1, 3))]
        return [a for a, _ in pairs], [b for _, b in pairs]
    if kind == "map":
        if depth > 4:
            return {}, {}
        pairs = {text().strip() or "k": value(shape.value, depth + 1) for _ in range(2)}
        return {k: a for k, (a, _) in pairs.items()}, {k: b for k, (_, b) in pairs.items()}
    if kind == "blob":
        raw = text().encode()
        return base64.b64encode(raw).decode(), raw
    if kind == "timestamp":
        seconds = random.randrange(2**31)
        return seconds, datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    if kind == "boolean":
        flag = random.random() < 0.5
        return flag, flag
    if kind in ("float", "double"):
        number = random.choice([0.5, 2.25, -1.5])
        return number, number
    if kind in ("integer", "long"):
        number = random.randrange(1000)
        return number, number
    one = random.choice(shape.enum) if getattr(shape, "enum", None) else text()
    return one, one


def structure(shape, depth):
    ours, theirs = {}, {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        needed = name in shape.required_members or location == "uri"
        if getattr(member, "is_streaming", False) or member.serialization.get("eventstream") or member.serialization.get("jsonvalue"):
            if not needed or member.type_name != "blob":
                continue
        if not needed and (depth > 3 or random.random() < 0.5):
            if member.metadata.get("idempotencyToken") and depth == 0:
                theirs[name] = "token"
            continue
        if location in ("header", "headers", "uri") and member.type_name in ("string", "map"):
            one = random.choice(["plain", "a-b_c"]) if location != "uri" else text().strip() or "x"
            ours[name], theirs[name] = ({"k": one},) * 2 if member.type_name == "map" else (one, one)
            continue
        ours[name], theirs[name] = value(member, depth + 1)
        if shape.metadata.get("union"):
            break
    return ours, theirs


def query(string):
    if isinstance(string, dict):
        string = [(k, v) for k, vs in string.items() for v in (vs if isinstance(vs, list) else [vs])]
    return [[str(k), str(v)] for k, v in string]


def vector(name, operation):
    model = service(name)
    op = model.operation_model(operation)
    ours, theirs = structure(op.input_shape, 0) if op.input_shape else ({}, {})
    protocol = model.resolved_protocol
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    sent = serializer.serialize_to_request(theirs, op)
    path, _, literal = sent["url_path"].partition("?")
    body = sent["body"]
    pairs = query(sent["query_string"])
    pairs += [list(pair) for pair in urllib.parse.parse_qsl(literal, keep_blank_values=True)]
    if isinstance(body, dict):
        body = urllib.parse.urlencode(body)
    if isinstance(body, str):
        body = body.encode()
    return {
        "service": name, "operation": operation, "protocol": protocol, "input": ours,
        "method": sent["method"], "path": path, "query": pairs,
        **({"uri": f"{path}?{botocore.utils.percent_encode_sequence(pairs)}"} if ONLY else {}),
        "headers": {k.lower(): str(v) for k, v in sent["headers"].items()},
        "body": base64.b64encode(bytes(body or b"")).decode(),
    }


names = ONLY or loader.list_available_services("service-2")
wanted = list(ALWAYS)
while len(wanted) < COUNT:
    name = random.choice(names)
    wanted.append((name, random.choice(service(name).operation_names)))
for name, operation in wanted:
    try:
        print(json.dumps(vector(name, operation)))
    except (TypeError, AttributeError, ValueError, KeyError, RecursionError,
            botocore.exceptions.BotoCoreError) as error:
        print(f"{name} {operation}: {error!r}", file=sys.stderr)
