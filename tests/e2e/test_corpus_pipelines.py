"""Every pipeline of the corpus through CreatePipeline, accepted or refused as AWS would.

The corpus has the properties of `AWS::CodePipeline::Pipeline` and files of the AWS CLI (`form` in its index). What
CloudFormation would do first is done here: members are spelled as the API spells them, intrinsic functions become
plausible values, and every condition is tried both ways.
"""

import json
import os
import pathlib
import re

import pytest
from botocore.exceptions import ClientError

from harness import fresh

ROOT = os.environ.get("TRACKWAY_CORPUS")
FOLDER = pathlib.Path(ROOT or "/nowhere") / "codepipeline"
pytestmark = pytest.mark.skipif(not ROOT, reason="TRACKWAY_CORPUS is not set: no real pipelines to try")

ACCOUNT, REGION = "000000000000", "us-east-1"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::StackName": "stack"}

# What AWS refuses, and why; everything else it accepts.
REFUSED = {
    # A fixture of cfn-lint: its second stage has a source action.
    "stages_second_stage": (
        "InvalidStructureException",
        "Source actions can only be included in the first stage of the pipeline",
    ),
}


def entries():
    return json.loads((FOLDER / "index.json").read_text()) if ROOT else []


# --- CloudFormation -------------------------------------------------------------------------------


class Absent:
    """AWS::NoValue."""


class Template:
    """The properties of a pipeline as CloudFormation resolves them, if these conditions hold."""

    def __init__(self, holds):
        self.holds = holds

    def text(self, text):
        """A text with its `${X}`."""
        if text == "${AWS::NoValue}":
            return Absent
        return re.sub(r"\$\{([\w:.-]+)\}", lambda match: self.ref(match.group(1)), text)

    def ref(self, name):
        if name.endswith("AccountId"):
            return ACCOUNT
        if name.lower().endswith("approval-topic"):
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:approvals"
        return PSEUDO.get(name, re.sub(r"\W", "-", name)[:40].lower())

    def value(self, value):
        if isinstance(value, dict) and len(value) == 1:
            ((name, of),) = value.items()
            if name == "Ref":
                return Absent if of == "AWS::NoValue" else self.ref(of)
            if name.startswith("Fn::"):
                return self.function(name[4:], of)
        if isinstance(value, dict):
            resolved = {name: self.value(of) for name, of in value.items()}
            return {name: of for name, of in resolved.items() if of is not Absent}
        if isinstance(value, list):
            return [of for of in map(self.value, value) if of is not Absent]
        return self.text(value) if isinstance(value, str) else value

    def function(self, name, of):
        match name:
            case "If":
                return self.value(of[1] if self.holds else of[2])
            case "Sub":
                return self.text(of if isinstance(of, str) else of[0])
            case "Join":
                return of[0].join(str(self.value(part)) for part in of[1])
            case "GetAtt":
                resource, attribute = of if isinstance(of, list) else of.split(".")
                is_role = attribute == "Arn" and "ole" in resource
                return f"arn:aws:iam::{ACCOUNT}:role/{resource}" if is_role else self.ref(resource)
            case "FindInMap":
                return "-".join(self.text(part) for part in of[1:])
            case "ImportValue":
                return self.value(of)
        raise AssertionError(f"Fn::{name} is not resolved here")


def lower(name):
    return name[0].lower() + name[1:]


def as_api(value, within=""):
    """Members as the API spells them; keys of configurations stay, their values become texts."""
    if isinstance(value, list):
        return [as_api(of, within) for of in value]
    if not isinstance(value, dict):
        return value
    if within == "Configuration":
        def text(of):
            return of if isinstance(of, str) else json.dumps(of)

        return {name: text(of) for name, of in value.items()}
    return {lower(name): as_api(of, name) for name, of in value.items()}


def bucket(name):
    """A name that a bucket can have."""
    return "bucket-" + re.sub(r"[^a-z0-9.-]", "-", name.lower())[:50]


def declaration(entry, holds):
    """The declaration that CreatePipeline would be sent, with a name and a role of its own."""
    properties = json.loads((FOLDER / entry["file"]).read_text())
    if entry["form"] == "cfn":
        properties = as_api(Template(holds).value(properties))
        for member in ("restartExecutionOnUpdate", "disableInboundStageTransitions", "tags"):
            properties.pop(member, None)
        for stage in properties["stages"]:
            for action in stage["actions"]:
                order = action.get("runOrder")
                action.update({"runOrder": int(order)} if order else {})
                action["actionTypeId"]["version"] = str(action["actionTypeId"]["version"])
    else:
        properties = Template(holds).value(properties.get("pipeline", properties))
    properties["name"] = fresh("corpus")
    properties["roleArn"] = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
    for store in [properties.get("artifactStore"), *properties.get("artifactStores", {}).values()]:
        if store:
            store["location"] = bucket(store["location"])
            if isinstance(store.get("encryptionKey"), dict):
                store["encryptionKey"]["type"] = "KMS"
    return properties


def asked(client, pipeline):
    """None if it is accepted, else the code and the message."""
    try:
        made = client.create_pipeline(pipeline=pipeline)["pipeline"]
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    got = client.get_pipeline(name=pipeline["name"])["pipeline"]
    assert got == made
    client.update_pipeline(pipeline=got)
    client.delete_pipeline(name=pipeline["name"])
    return None


@pytest.mark.parametrize("holds", [True, False], ids=["if", "else"])
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["file"].split("/")[-1])
def test_a_real_pipeline_is_accepted_or_refused_as_aws_would(server, entry, holds):
    expected = next((why for part, why in REFUSED.items() if part in entry["file"]), None)
    assert asked(server.client("codepipeline"), declaration(entry, holds)) == expected
