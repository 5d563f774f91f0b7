"""What the Systems Manager tests share: documents, automations, commands and associations."""

import json

from harness import eventually, fresh

ENDED_AUTOMATION = ("Success", "Failed", "TimedOut", "Cancelled")


def runbook(*steps, **fields):
    """A runbook of these steps, as JSON text."""
    return json.dumps({"schemaVersion": "0.3", "mainSteps": list(steps), **fields})


def step(name, action, inputs=None, **fields):
    return {"name": name, "action": f"aws:{action}", "inputs": inputs or {}, **fields}


def sleep(name, duration="PT0S", **fields):
    return step(name, "sleep", {"Duration": duration}, **fields)


def create_document(ssm, content, kind="Automation", name=None, **fields):
    name = name or fresh("Doc")
    ssm.create_document(Name=name, Content=content, DocumentType=kind, DocumentFormat=fields.pop("format", "JSON"), **fields)
    return name


def start_automation(ssm, content, parameters=None, **fields):
    """Creates a document of its own and starts it; the execution's id."""
    name = create_document(ssm, content)
    given = {"Parameters": parameters} if parameters else {}
    return ssm.start_automation_execution(DocumentName=name, **given, **fields)["AutomationExecutionId"]


def automation(ssm, execution):
    return ssm.get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]


def automation_is(ssm, execution, *statuses, patience=20):
    """Waits until the execution has one of these statuses and returns it."""

    def look():
        found = automation(ssm, execution)
        return found if found["AutomationExecutionStatus"] in statuses else None

    return eventually(look, f"{execution} is {statuses}; it is {automation(ssm, execution)['AutomationExecutionStatus']}", patience)


def run_automation(ssm, content, parameters=None, **fields):
    """Runs a document of its own to its end."""
    return automation_is(ssm, start_automation(ssm, content, parameters, **fields), *ENDED_AUTOMATION)


def steps_of(ssm, execution, **fields):
    """All steps, page by page."""
    steps, token = [], {}
    while True:
        page = ssm.describe_automation_step_executions(AutomationExecutionId=execution, **fields, **token)
        steps += page["StepExecutions"]
        if not page.get("NextToken"):
            return steps
        token = {"NextToken": page["NextToken"]}


def told(steps):
    """Names and statuses."""
    return [(one["StepName"], one["StepStatus"]) for one in steps]
