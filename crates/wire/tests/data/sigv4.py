"""Writes sigv4.json: requests signed by botocore, an independent signer.

Run with botocore installed: python3 sigv4.py > sigv4.json
"""
import datetime
import json
import random

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

MOMENT = datetime.datetime(2026, 11, 21, 2, 41, 3, tzinfo=datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda *_: MOMENT.replace(tzinfo=None)
botocore.auth.HAS_CRT = False

random.seed(20261121)
SEGMENTS = ["a", "b c", "audit", "arn%3Aaws%3Aiot", "my%20task%2F1", "%C3%A9", "x~y", "..", ".", "", "a+b"]
PAIRS = ["maxResults=5", "taskId=my%20task%2F1", "b=", "a", "z=2&z=1", "Z=%C3%A9", "x=%2B", "A-b=~"]
VALUES = ["plain", "  two   spaces  ", "a,b", "tab\there"]


def request(number):
    service = random.choice(["states", "ssm", "iot", "codepipeline", "lambda"])
    path = "/" + "/".join(random.choices(SEGMENTS, k=random.randrange(4)))
    query = "&".join(random.sample(PAIRS, random.randrange(4)))
    body = random.choice([b"", b"{}", "{\"a\": \"\u00e9\"}".encode(), bytes(range(32, 90))])
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    if number % 2:
        headers["X-Amz-Target"] = "AWSStepFunctions.StartExecution"
    if number % 3 == 0:
        headers["X-Other"] = random.choice(VALUES)
    host = random.choice(["127.0.0.1:4566", "states.us-east-1.amazonaws.com"])
    url = f"http://{host}{path}" + (f"?{query}" if query else "")
    method = random.choice(["POST", "GET", "PUT"])
    return service, host, path, query, AWSRequest(method, url, headers=headers, data=body)


def vector(number):
    service, host, path, query, unsigned = request(number)
    token = "FwoG/token+==" if number % 5 == 0 else None
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    region = random.choice(["us-east-1", "eu-central-1"])
    before = dict(unsigned.headers.items())
    botocore.auth.SigV4Auth(credentials, service, region).add_auth(unsigned)
    return {
        "method": unsigned.method,
        "host": host,
        "path": path,
        "query": query,
        "body": unsigned.body.decode() if isinstance(unsigned.body, bytes) else unsigned.body or "",
        "headers": before,
        "region": region,
        "service": service,
        "token": token,
        "authorization": unsigned.headers["Authorization"],
    }


print(json.dumps({"now": "20261121T024103Z", "vectors": [vector(n) for n in range(200)]}, indent=0))
