"""Real runbooks: found through TRACKWAY_CORPUS, filled in, run, and their histories checked field by field."""

import datetime
import json
import os
import pathlib
import re

import pytest

from harness import HERE, fresh
from ssm import ENDED_AUTOMATION, automation, automation_is, steps_of

ROOT = os.environ.get("TRACKWAY_CORPUS")
FOLDER = pathlib.Path(ROOT or "/nowhere") / "ssm"
needs_corpus = pytest.mark.skipif(not ROOT, reason="TRACKWAY_CORPUS is not set: no real runbooks to try")

ACCOUNT, REGION = "000000000000", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/remediation"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"
NO_OUTPUT = "No output available yet because the step is not successfully executed"


# --- files ----------------------------------------------------------------------------------------


def all_runbooks():
    """Every file of the corpus, in the order of its index."""
    return [entry["file"] for entry in json.loads((FOLDER / "index.json").read_text())]


def find(part):
    """The one file whose name has this part."""
    found = [file for file in all_runbooks() if part in file]
    assert len(found) == 1, (part, found)
    return found[0]


def read(file, **values):
    """The text of a runbook with its placeholders filled in.

    `${AWS::Region}` and its kin become those of the tests; `${X.Arn}` a role's ARN; any other `${X}` the word
    `filled`; each may be given by its name, with `_` for what is no letter. `%%SCRIPT=X.py%%` becomes the file of
    that name in `runbook_scripts`, `%%ROLE=X%%` the role's name.
    """

    def placeholder(match):
        name = match.group(1)
        given = values.get(re.sub(r"\W", "_", name))
        if given is not None:
            return given
        if name.endswith("Arn"):
            return ROLE
        return {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}.get(name, "filled")

    def script(match):
        path = HERE / "runbook_scripts" / match.group(1).split("/")[-1]
        return json.dumps(path.read_text())[1:-1] if path.exists() else match.group(0)

    text = (FOLDER / file).read_text()
    text = re.sub(r"\$\{([A-Za-z0-9_.:]+)\}", placeholder, text)
    text = re.sub(r"%%SCRIPT=([\w./]+)%%", script, text)
    return re.sub(r"%%ROLE=([\w-]+)%%", r"\1", text)


# --- what is expected of a step -------------------------------------------------------------------


class Part(dict):
    """A map that has at least these members."""

    def __eq__(self, other):
        return isinstance(other, dict) and all(name in other and value == other[name] for name, value in self.items())

    __hash__ = None


class Any:
    """Whatever is there, if it is of this type."""

    def __init__(self, kind=object):
        self.kind = kind

    def __eq__(self, other):
        return isinstance(other, self.kind)

    def __repr__(self):
        return f"any {self.kind.__name__}"

    __hash__ = None


class Expected:
    def __init__(self, name, status, outputs, stage=None, kind=None, says=()):
        self.name, self.status, self.outputs = name, status, outputs
        self.stage, self.kind, self.says = stage, kind, says
        self.inside = None

    def within(self, iteration, value=None):
        """Is a pass of the loop before it."""
        self.inside = (iteration, value)
        return self


def done(name, **outputs):
    """The step succeeded, with these values of the outputs that it declares."""
    return Expected(name, "Success", outputs)


def failed(name, *says, stage="Invocation", kind="Action", **outputs):
    """The step failed, and its message has all of these."""
    return Expected(name, "Failed", outputs, stage, kind, says)


def raised(name, *says):
    """The step's script or function failed, and said all of these."""
    return failed(name, *says, stage="PostVerification")


def timed_out(name, *says, **outputs):
    return Expected(name, "TimedOut", outputs, says=says)


# --- a run ----------------------------------------------------------------------------------------


def as_lists(value):
    """A value as the API carries it: a list of texts."""
    if isinstance(value, list):
        return [as_text(one) for one in value]
    return [as_text(value)]


def as_text(value):
    return value if isinstance(value, str) else json.dumps(value)


def same(texts, value):
    """Whether a list of texts carries this value."""
    assert isinstance(texts, list) and all(isinstance(one, str) for one in texts), texts
    if isinstance(value, str):
        return texts == [value]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return texts == value
    if isinstance(value, list):
        return [json.loads(one) for one in texts] == value
    return len(texts) == 1 and value == json.loads(texts[0])


def typed(texts, kind):
    """The value that a list of texts carries, by its declared type."""
    if kind.endswith("List") or kind.startswith("List<"):
        return texts if kind != "MapList" else [json.loads(one) for one in texts]
    if kind in ("Integer", "Boolean", "StringMap"):
        return json.loads(texts[0])
    return texts[0]


OPTIONS = {
    "MaxAttempts": "maxAttempts", "TimeoutSeconds": "timeoutSeconds", "OnFailure": "onFailure",
    "NextStep": "nextStep", "IsEnd": "isEnd", "IsCritical": "isCritical",
}
# What an action puts out without being asked, beside OutputPayload.
AUTOMATIC = {
    "aws:executeScript": {"Payload", "ExecutionLog"},
    "aws:executeAutomation": {"ExecutionId", "Status", "Output"},
    "aws:changeInstanceState": {"InstanceStates"},
    "aws:createImage": {"ImageId", "ImageState"},
    "aws:createStack": {"StackId", "StackStatus", "StackStatusReason"},
    "aws:deleteStack": {"StackId", "StackStatus", "StackStatusReason"},
    "aws:loop": {"CurrentIteration", "CurrentIteratorValue"},
    "aws:invokeLambdaFunction": {"StatusCode", "Payload", "FunctionError", "LogResult"},
    "aws:approve": {"ApprovalStatus", "ApproverDecisions"},
    "aws:runInstances": {"InstanceIds", "InstanceStates"},
    "aws:runCommand": {"CommandId", "Status", "ResponseCode", "Output"},
    "aws:executeStateMachine": {
        "executionArn", "input", "name", "output", "startDate", "stateMachineArn", "status", "stopDate",
    },
}


class Run:
    """One execution of a runbook, and what it must have been."""

    def __init__(self, ssm, document, execution):
        self.ssm, self.document = ssm, document
        self.id = execution
        self.execution = self.steps = None

    def wait(self, *statuses, patience=60):
        self.execution = automation_is(self.ssm, self.id, *(statuses or ENDED_AUTOMATION), patience=patience)
        self.steps = steps_of(self.ssm, self.id)
        return self

    def step(self, name):
        return next(step for step in self.steps if step["StepName"] == name)

    def output(self, step, name):
        return self.step(step)["Outputs"][name]

    def went(self, *expected, status="Success", outputs=None):
        """Ran these steps in this order, and left the document's other main steps pending.

        `outputs` are the values of the document's outputs; those that are not given are of steps that put out
        nothing.
        """
        assert self.execution["AutomationExecutionStatus"] == status, self.explain()
        told = [(one["StepName"], one["StepStatus"]) for one in self.steps]
        ran = {one.name for one in expected}
        left = [one["name"] for one in self.document["mainSteps"] if one["name"] not in ran]
        assert told == [(one.name, one.status) for one in expected] + [(name, "Pending") for name in left], self.explain()
        self.check_execution(status, outputs or {})
        values = self.values()
        for one, step in zip(expected, self.steps):
            self.check_step(one, step, values)
        for step in self.steps[len(expected) :]:
            self.check_pending(step)
        self.check_order(self.steps[: len(expected)])
        return self

    def explain(self):
        lines = [f"{self.document.get('description', '')!s:.60}: {self.execution['AutomationExecutionStatus']}"]
        for step in self.steps:
            lines.append(f"  {step['StepName']}: {step['StepStatus']} {step.get('FailureMessage', '')}")
        return "\n".join(lines)

    # -- the execution --

    def check_execution(self, status, outputs):
        seen = self.execution
        assert seen["AutomationExecutionId"] == self.id and len(self.id) == 36
        assert seen["DocumentVersion"] == "1" and seen["Mode"] == "Auto" and seen["ExecutedBy"].startswith("arn:aws:")
        assert seen["StepExecutionsTruncated"] is False and seen["StepExecutions"] == self.steps
        assert seen["Targets"] == [] and seen["ResolvedTargets"] == {"ParameterValues": [], "Truncated": False}
        assert isinstance(seen["ExecutionStartTime"], datetime.datetime)
        assert seen["ExecutionStartTime"] <= seen["ExecutionEndTime"]
        assert "CurrentStepName" not in seen and "CurrentAction" not in seen
        assert ("FailureMessage" in seen) == (status in ("Failed", "TimedOut")), seen.get("FailureMessage")
        assert set(seen["Parameters"]) == set(self.document.get("parameters") or {})
        declared = self.document.get("outputs") or []
        assert set(seen.get("Outputs", {})) == set(declared)
        for name in declared:
            wanted = outputs.get(name, NO_OUTPUT)
            assert wanted == seen["Outputs"][name] if isinstance(wanted, Any) else same(seen["Outputs"][name], wanted), (name, seen["Outputs"][name], wanted)

    def values(self):
        """Every value that a reference of this run can name."""
        seen = self.execution
        values = {
            "global:ACCOUNT_ID": ACCOUNT, "global:REGION": REGION, "global:AWS_PARTITION": "aws",
            "automation:EXECUTION_ID": self.id,
        }
        for name, declared in (self.document.get("parameters") or {}).items():
            text = seen["Parameters"][name]
            values[name] = typed(text, declared["type"]) if text else []
        for step in self.document["mainSteps"]:
            for output in step.get("outputs") or []:
                values[f"{step['name']}.{output['Name']}"] = NO_OUTPUT
            self.step_values(step, values)
        return values

    def step_values(self, step, values):
        ran = [one for one in self.steps if one["StepName"] == step["name"] and "Outputs" in one]
        if not ran:
            return
        kinds = {output["Name"]: output.get("Type", "String") for output in step.get("outputs") or []}
        for name, texts in ran[-1]["Outputs"].items():
            if ran[-1]["StepStatus"] != "Success":
                continue
            kind = kinds.get(name, "StringList" if name in ("Output", "InstanceIds", "InstanceStates") else "String")
            values[f"{step['name']}.{name}"] = typed(texts, kind) if texts else []

    # -- its steps --

    def written(self, name):
        """A step as the document has it."""
        steps = list(self.document["mainSteps"])
        while steps:
            step = steps.pop(0)
            if step["name"] == name:
                return step
            steps += step.get("inputs", {}).get("Steps", []) if step["action"] == "aws:loop" else []
        raise AssertionError(f"the document has no step {name}")

    def check_step(self, expected, seen, values):
        written = self.written(seen["StepName"])
        assert seen["Action"] == written["action"]
        for shown, key in OPTIONS.items():
            assert seen.get(shown) == written.get(key), (seen["StepName"], shown, seen.get(shown), written.get(key))
        assert seen["OverriddenParameters"] == {}
        assert seen["ExecutionStartTime"] <= seen["ExecutionEndTime"]
        self.check_inputs(seen, written, values)
        self.check_outputs(expected, seen, written)
        self.check_failure(expected, seen)
        if expected.inside is None:
            assert "ParentStepDetails" not in seen
        else:
            details = seen["ParentStepDetails"]
            assert (details["Iteration"], details.get("IteratorValue")) == expected.inside
            assert details["Action"] == "aws:loop" and self.step(details["StepName"])["StepExecutionId"] == details["StepExecutionId"]

    def check_inputs(self, seen, written, values):
        if written["action"] == "aws:loop":
            return
        inputs = written.get("inputs") or {}
        assert set(seen["Inputs"]) == set(inputs), seen["StepName"]
        for name, text in seen["Inputs"].items():
            wanted = resolve(inputs[name], values)
            assert json.loads(text) == wanted, (seen["StepName"], name, text, wanted)

    def check_outputs(self, expected, seen, written):
        outputs = seen["Outputs"]
        declared = {output["Name"] for output in written.get("outputs") or []}
        free = AUTOMATIC.get(seen["Action"], set()) | {"OutputPayload"}
        told = {name for name in outputs if "." not in name or seen["Action"] != "aws:executeAutomation"}
        assert told <= declared | free, (seen["StepName"], outputs)
        if expected.status == "Success":
            assert declared - set(outputs) <= {name for name, value in expected.outputs.items() if value is None}, outputs
        for name, value in expected.outputs.items():
            if value is None:
                assert name not in outputs, (seen["StepName"], name, outputs.get(name))
            elif isinstance(value, Any):
                assert outputs[name] == value
            else:
                assert same(outputs[name], value), (seen["StepName"], name, outputs[name], value)
        unsaid = (set(outputs) & declared) - set(expected.outputs)
        assert not unsaid, f"{seen['StepName']} put out what the test does not tell: {unsaid}"

    def check_failure(self, expected, seen):
        if expected.status == "Success":
            assert "FailureMessage" not in seen and "FailureDetails" not in seen, seen
            return
        for part in expected.says:
            assert part in seen["FailureMessage"], seen["FailureMessage"]
        if expected.stage:
            details = seen["FailureDetails"]
            assert (details["FailureStage"], details["FailureType"]) == (expected.stage, expected.kind), details
            assert all(isinstance(one, list) for one in details["Details"].values())

    def check_pending(self, seen):
        written = self.written(seen["StepName"])
        assert seen["Action"] == written["action"] and seen["StepStatus"] == "Pending"
        assert not {"ExecutionStartTime", "ExecutionEndTime", "Outputs", "FailureMessage", "FailureDetails"} & set(seen)
        assert len(seen["StepExecutionId"]) == 36

    def check_order(self, ran):
        starts = [one["ExecutionStartTime"] for one in ran]
        assert starts == sorted(starts)
        first, last = self.execution["ExecutionStartTime"], self.execution["ExecutionEndTime"]
        assert all(first <= one["ExecutionStartTime"] and one["ExecutionEndTime"] <= last for one in ran)
        ids = [one["StepExecutionId"] for one in self.steps]
        assert len(set(ids)) == len(ids) and all(len(one) == 36 for one in ids)

    def lasted(self, step):
        """Seconds of virtual time between a step's start and end."""
        seen = self.step(step)
        return (seen["ExecutionEndTime"] - seen["ExecutionStartTime"]).total_seconds()

    def child(self, step, document):
        """The execution that an aws:executeAutomation step ran."""
        (child,) = self.output(step, "ExecutionId")
        run = Run(self.ssm, document, child).wait()
        assert run.execution["ParentAutomationExecutionId"] == self.id
        return run


REFERENCE = re.compile(r"\{\{\s*([\w:./-]+)\s*\}\}")


def resolve(value, values):
    """A document's value with its references filled in: whole ones keep their type, others become text."""
    if isinstance(value, dict):
        return {name: resolve(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [resolve(one, values) for one in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value.strip())
    if whole:
        return values.get(whole.group(1), value)
    return REFERENCE.sub(lambda one: as_text(values.get(one.group(1), one.group(0))), value)


# --- a place to run them --------------------------------------------------------------------------


class World:
    """A server whose AWS is a moto server, with a recorder before some of its services."""

    def __init__(self, server, moto, recorder):
        self.server, self.moto, self.recorder = server, moto, recorder
        self.ssm = server.client("ssm")

    def aws(self, service, region=REGION):
        """A client of what stands for AWS."""
        return self.moto.client(service, region)

    def create(self, part, name=None, change=None, **values):
        """Creates a runbook of the corpus; its name and what it is. `change` edits its text where AWS's own
        documents or a missing one are named."""
        text = read(find(part), **values)
        for old, new in (change or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        return self.create_text(text, name)

    def create_text(self, text, name=None):
        text = text if isinstance(text, str) else json.dumps(text)
        name = name or fresh("Corpus")
        try:
            self.ssm.create_document(Name=name, Content=text, DocumentType="Automation", DocumentFormat="JSON")
        except self.ssm.exceptions.DocumentAlreadyExists:
            assert self.ssm.get_document(Name=name)["Content"] == text
        return name, json.loads(text)

    def start(self, created, **parameters):
        name, document = created
        if "AutomationAssumeRole" in (document.get("parameters") or {}):
            parameters.setdefault("AutomationAssumeRole", ROLE)
        lists = {name: as_lists(value) for name, value in parameters.items()}
        execution = self.ssm.start_automation_execution(DocumentName=name, Parameters=lists)["AutomationExecutionId"]
        run = Run(self.ssm, document, execution)
        started = automation(self.ssm, execution)
        assert started["DocumentName"] == name
        for parameter, value in parameters.items():
            assert same(started["Parameters"][parameter], value if isinstance(value, (list, dict)) else as_text(value)), parameter
        return run

    def run(self, part, change=None, values=None, **parameters):
        """Runs a runbook of the corpus to its end."""
        return self.start(self.create(part, change=change, **(values or {})), **parameters).wait()
