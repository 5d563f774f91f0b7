#!/usr/bin/env python3
"""Deploys the order's state machine, runs one order and prints how it ended. Standard library only."""

import argparse
import json
import pathlib
import time
import urllib.request

DEFINITION = pathlib.Path(__file__).with_name("order.asl.json")
ORDER = {
    "order": "A-17",
    "items": [{"name": "anvil", "count": 1}, {"name": "rope", "count": 2}, {"name": "magnet", "count": 3}],
}


def call(endpoint, operation, request):
    """One operation of the Step Functions API; a server without credentials takes it unsigned."""
    headers = {"X-Amz-Target": f"AWSStepFunctions.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    body = json.dumps(request).encode()
    with urllib.request.urlopen(urllib.request.Request(endpoint, body, headers)) as response:
        return json.load(response)


def deploy(endpoint):
    request = {
        "name": "order",
        "definition": DEFINITION.read_text(),
        "roleArn": "arn:aws:iam::000000000000:role/order",
    }
    return call(endpoint, "CreateStateMachine", request)["stateMachineArn"]


def start(endpoint):
    request = {"stateMachineArn": deploy(endpoint), "input": json.dumps(ORDER)}
    return call(endpoint, "StartExecution", request)["executionArn"]


def wait(endpoint, arn):
    while True:
        execution = call(endpoint, "DescribeExecution", {"executionArn": arn})
        if execution["status"] != "RUNNING":
            return execution
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", default="http://127.0.0.1:4580")
    parser.add_argument("--start", action="store_true", help="only start the order and print its ARN")
    parser.add_argument("--wait", metavar="ARN", help="only wait for an order and print how it ended")
    options = parser.parse_args()
    arn = options.wait or start(options.endpoint)
    if options.start:
        print(arn)
        return
    execution = wait(options.endpoint, arn)
    print(execution["status"])
    print(json.dumps(json.loads(execution.get("output", "null")), indent=2))


if __name__ == "__main__":
    main()
