import json


def runbook_handler(event, _):
    return json.loads(event["SerializedList"])["blacklistedActionPattern"]
