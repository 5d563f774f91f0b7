"""Systems Manager as a user types it: the AWS CLI's shorthand, files, pages, waiters and texts, with two nodes."""

import json

import pytest

from aws_cli import Cli
from harness import Server, eventually, fresh
from nodes import Node, online

COUNT = """
schemaVersion: '0.3'
description: Sleeps often.
parameters:
  Way: {type: String, default: long, allowedValues: [long, short]}
  Names: {type: StringList, default: []}
mainSteps:
  - {name: Choose, action: 'aws:branch', inputs: {Choices: [{NextStep: Last, Variable: '{{ Way }}', StringEquals: short}], Default: One}}
  - {name: One, action: 'aws:sleep', inputs: {Duration: PT0S}}
  - {name: Two, action: 'aws:sleep', inputs: {Duration: PT0S}}
  - {name: Ask, action: 'aws:approve', inputs: {Approvers: ['arn:aws:iam::000000000000:root'], Message: 'Go on, {{ Names }}?'}}
  - {name: Last, action: 'aws:sleep', inputs: {Duration: PT0S}}
"""

GREET = """
schemaVersion: '2.2'
description: Says hello to somebody.
parameters:
  Who:
    type: String
    default: you
    allowedPattern: '^[ A-Za-z]+$'
mainSteps:
  - action: aws:runShellScript
    name: greet
    inputs:
      runCommand:
        - echo "hello {{ Who }}"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssm-cli")
    for name in ("server", "user"):
        (folder / name).mkdir()
    for name, text in {"count.yaml": COUNT, "greet.yaml": GREET}.items():
        (folder / "user" / name).write_text(text)
    server = Server(folder / "server").start()
    ssm = server.client("ssm")
    nodes = {
        name: Node(folder / name, server, fresh(name), f"Env=test,Role={name}").start() for name in ("web", "db")
    }
    yield Cli(folder / "user", server), {name: online(ssm, node) for name, node in nodes.items()}
    for node in nodes.values():
        node.stop()
    server.stop()


@pytest.fixture
def aws(place):
    """`aws ssm ...`"""

    def run(*arguments, **options):
        return place[0]("ssm", *arguments, **options)

    run.folder, run.process = place[0].folder, place[0].process
    return run


@pytest.fixture
def nodes(place):
    return place[1]


def document(aws, file, kind):
    name = fresh("Cli")
    aws("create-document", "--name", name, "--content", f"file://{file}", "--document-type", kind, "--document-format", "YAML")
    return name


def status(aws, run, wanted):
    """Waits for an automation's status."""
    query = ("--query", "AutomationExecution.AutomationExecutionStatus", "--output", "text")
    eventually(
        lambda: aws("get-automation-execution", "--automation-execution-id", run, *query) == wanted, f"{run} is {wanted}"
    )


def over(aws, command):
    """Waits for a command's end, more often than the CLI's waiter does."""
    query = ("--query", "Commands[0].Status", "--output", "text")
    done = ("Success", "Failed")
    eventually(lambda: aws("list-commands", "--command-id", command, *query) in done, f"{command} ends")


def test_documents_come_from_yaml_files_and_go_back_as_they_were(aws):
    name = document(aws, "greet.yaml", "Command")
    got = aws("get-document", "--name", name, "--document-format", "YAML")
    assert (got["Content"], got["DocumentFormat"], got["Status"]) == (GREET, "YAML", "Active")
    as_json = aws("get-document", "--name", name, "--document-format", "JSON", "--query", "Content", "--output", "text")
    assert json.loads(as_json)["mainSteps"][0]["action"] == "aws:runShellScript"
    (aws.folder / "greet2.yaml").write_text(GREET.replace("Says", "Always says"))
    content = ("--content", "file://greet2.yaml", "--document-format", "YAML", "--version-name", "always")
    changed = aws("update-document", "--name", name, *content, "--document-version", "$LATEST")
    assert changed["DocumentDescription"]["DocumentVersion"] == "2"
    aws("update-document-default-version", "--name", name, "--document-version", "2")
    described = aws("describe-document", "--name", name, "--version-name", "always")["Document"]
    assert (described["Description"], described["DefaultVersion"]) == ("Always says hello to somebody.", "2")
    assert described["Parameters"][0] | {"Description": ""} == {
        "Name": "Who", "Type": "String", "Description": "", "DefaultValue": "you"
    }  # fmt: skip
    said = aws("update-document", "--name", name, *content, "--document-version", "$LATEST", fails=True)
    assert "(DuplicateDocumentContent) when calling the UpdateDocument operation" in said
    aws("add-tags-to-resource", "--resource-type", "Document", "--resource-id", name, "--tags", f"Key=Team,Value={name}")
    filters = ("--filters", "Key=Owner,Values=Self", f"Key=tag:Team,Values={name}", "Key=DocumentType,Values=Command")
    assert aws("list-documents", *filters, "--query", "DocumentIdentifiers[].Name") == [name]
    aws("modify-document-permission", "--name", name, "--permission-type", "Share", "--account-ids-to-add", "111122223333", "444455556666")
    assert aws("describe-document-permission", "--name", name, "--permission-type", "Share")["AccountIds"] == ["111122223333", "444455556666"]
    assert "Must unshare document first" in aws("delete-document", "--name", name, fails=True)
    aws("modify-document-permission", "--name", name, "--permission-type", "Share", "--account-ids-to-remove", "111122223333", "444455556666")
    aws("delete-document", "--name", name, "--force")
    assert "(InvalidDocument)" in aws("get-document", "--name", name, fails=True)


def test_a_command_goes_to_tags_and_the_waiter_waits(aws, nodes):
    sent = aws(
        "send-command", "--document-name", "AWS-RunShellScript", "--targets", "Key=tag:Env,Values=test",
        "--parameters", 'commands=["echo one, two","echo three"]', "--comment", "both", "--max-concurrency", "50%", "--max-errors", "0",
    )["Command"]  # fmt: skip
    command = sent["CommandId"]
    for node in nodes.values():
        aws.process("ssm", "wait", "command-executed", "--command-id", command, "--instance-id", node)
        got = aws("get-command-invocation", "--command-id", command, "--instance-id", node)
        assert (got["Status"], got["StandardOutputContent"]) == ("Success", "one, two\nthree\n")
    listed = aws("list-commands", "--command-id", command, "--query", "Commands[].[Status, TargetCount, CompletedCount]")
    assert listed == [["Success", 2, 2]]
    outputs = aws(
        "list-command-invocations", "--command-id", command, "--details",
        "--query", "CommandInvocations[].CommandPlugins[].Output",
    )  # fmt: skip
    assert outputs == ["one, two\nthree\n"] * 2
    filters = ("--filters", "key=Status,value=Success", "key=DocumentName,value=AWS-RunShellScript")
    found = aws("list-commands", *filters, "--instance-id", nodes["web"], "--query", "Commands[].CommandId")
    assert command in found


def test_a_command_of_ones_own_document_from_a_json_file(aws, nodes):
    name = document(aws, "greet.yaml", "Command")
    request = {"DocumentName": name, "InstanceIds": [nodes["db"]], "Parameters": {"Who": ["the world"]}, "TimeoutSeconds": 60}
    (aws.folder / "send.json").write_text(json.dumps(request))
    command = aws("send-command", "--cli-input-json", "file://send.json", "--query", "Command.CommandId", "--output", "text")
    over(aws, command)
    query = ("--plugin-name", "greet", "--query", "StandardOutputContent", "--output", "text")
    assert aws("get-command-invocation", "--command-id", command, "--instance-id", nodes["db"], *query) == "hello the world"
    said = aws("send-command", "--document-name", name, "--instance-ids", nodes["db"], "--parameters", "Who='; reboot'", fails=True)
    assert "(InvalidParameters) when calling the SendCommand operation" in said
    failing = ("--document-name", "AWS-RunShellScript", "--parameters", "commands=exit 7", "--instance-ids", nodes["db"])
    command = aws("send-command", *failing, "--query", "Command.CommandId", "--output", "text")
    over(aws, command)
    said = aws("wait", "command-executed", "--command-id", command, "--instance-id", nodes["db"], fails=True)
    assert "Waiter CommandExecuted failed" in said


def test_a_runbook_is_started_looked_at_approved_and_paged(aws):
    name = document(aws, "count.yaml", "Automation")
    given = ("--parameters", 'Names=["a","b"],Way=long', "--tags", "Key=Origin,Value=cli")
    run = aws("start-automation-execution", "--document-name", name, *given)["AutomationExecutionId"]
    status(aws, run, "Waiting")
    steps = ("describe-automation-step-executions", "--automation-execution-id", run)
    pending = ("--filters", "Key=StepExecutionStatus,Values=Waiting,Pending", "--query", "StepExecutions[].StepName")
    assert aws(*steps, *pending) == ["Ask", "Last"]
    aws("send-automation-signal", "--automation-execution-id", run, "--signal-type", "Approve", "--payload", "Comment=fine")
    status(aws, run, "Success")
    every = ["Choose", "One", "Two", "Ask", "Last"]
    assert aws(*steps, "--page-size", "2", "--query", "StepExecutions[].StepName") == every
    # By hand: as many as fit, and on from there.
    first = aws(*steps, "--max-items", "3")
    assert [one["StepName"] for one in first["StepExecutions"]] == every[:3]
    rest = aws(*steps, "--max-items", "3", "--starting-token", first["NextToken"])
    assert [one["StepName"] for one in rest["StepExecutions"]] == every[3:] and "NextToken" not in rest
    assert aws(*steps, "--reverse-order", "--max-results", "1", "--query", "StepExecutions[].StepName") == every[-1:]
    both = ("--filters", "Key=StepName,Values=One,Two,Ask", "Key=Action,Values=aws:sleep", "--reverse-order")
    assert aws(*steps, *both, "--query", "StepExecutions[].StepName") == ["Two", "One"]
    short = aws("start-automation-execution", "--document-name", name, "--parameters", "Way=short")["AutomationExecutionId"]
    status(aws, short, "Success")
    filters = ("--filters", f"Key=DocumentNamePrefix,Values={name}", "Key=ExecutionStatus,Values=Success,Failed")
    listed = aws("describe-automation-executions", *filters, "--page-size", "1")["AutomationExecutionMetadataList"]
    assert [one["AutomationExecutionId"] for one in listed] == [short, run]
    tags = ("--resource-type", "Automation", "--resource-id", run)
    assert aws("list-tags-for-resource", *tags)["TagList"] == [{"Key": "Origin", "Value": "cli"}]
    said = aws("start-automation-execution", "--document-name", name, "--parameters", "Way=sideways", fails=True)
    assert "(InvalidAutomationExecutionParametersException)" in said
    stopped = aws("start-automation-execution", "--document-name", name, "--mode", "Interactive")["AutomationExecutionId"]
    aws("stop-automation-execution", "--automation-execution-id", stopped, "--type", "Cancel")
    status(aws, stopped, "Cancelled")


def test_rate_control_over_targets_by_shorthand(aws):
    name = document(aws, "count.yaml", "Automation")
    run = aws(
        "start-automation-execution", "--document-name", name, "--parameters", "Names=x", "--target-parameter-name", "Way",
        "--targets", "Key=ParameterValues,Values=short", "--max-concurrency", "1", "--max-errors", "100%",
    )["AutomationExecutionId"]  # fmt: skip
    status(aws, run, "Success")
    children = ("--filters", f"Key=ParentExecutionId,Values={run}", "--query", "AutomationExecutionMetadataList[].Target")
    assert aws("describe-automation-executions", *children) == ["short"]


def test_an_association_by_shorthand_and_every_list_of_it(aws, nodes):
    name = document(aws, "greet.yaml", "Command")
    made = aws(
        "create-association", "--name", name, "--association-name", "greets", "--parameters", "Who=everybody",
        "--targets", "Key=tag:Role,Values=web,db", "Key=tag:Env,Values=test", "--schedule-expression", "cron(0 2 ? * SUN *)",
        "--compliance-severity", "HIGH", "--max-concurrency", "1",
    )["AssociationDescription"]  # fmt: skip
    id = made["AssociationId"]
    executions = ("describe-association-executions", "--association-id", id)

    def settled(count):
        said = aws(*executions, "--query", "AssociationExecutions[].Status")
        return said == ["Success"] * count

    eventually(lambda: settled(1), "it has run")
    aws("start-associations-once", "--association-ids", id)
    eventually(lambda: settled(2), "it has run again")
    filters = ("--filters", "Key=CreatedTime,Value=2020-01-01T00:00:00Z,Type=GREATER_THAN", "Key=Status,Value=Success,Type=EQUAL")
    runs = aws(*executions, *filters, "--page-size", "1")["AssociationExecutions"]
    assert [one["ResourceCountByStatus"] for one in runs] == ["{Success=2}"] * 2
    assert runs[0]["CreatedTime"] >= runs[1]["CreatedTime"], "the newest first"
    which = ("--association-id", id, "--execution-id", runs[0]["ExecutionId"])
    targets = ("describe-association-execution-targets", *which, "--filters", "Key=ResourceType,Value=ManagedInstance")
    found = aws(*targets, "--query", "AssociationExecutionTargets[].ResourceId", "--page-size", "1")
    assert sorted(found) == sorted(nodes.values())
    listed = aws("list-associations", "--association-filter-list", f"key=Name,value={name}")["Associations"]
    assert [(one["AssociationName"], one["ScheduleExpression"]) for one in listed] == [("greets", "cron(0 2 ? * SUN *)")]
    infos = aws("describe-instance-associations-status", "--instance-id", nodes["web"])["InstanceAssociationStatusInfos"]
    assert [(one["Name"], one["Status"]) for one in infos] == [(name, "Success")]
    compliance = aws("list-compliance-items", "--resource-ids", nodes["web"], "--filters", "Key=ComplianceType,Values=Association,Type=EQUAL")
    assert [(one["Id"], one["Status"], one["Severity"]) for one in compliance["ComplianceItems"]] == [(id, "COMPLIANT", "HIGH")]
    aws("update-association", "--association-id", id, "--parameters", "Who=nobody", "--association-name", "fewer")
    versions = aws("list-association-versions", "--association-id", id)["AssociationVersions"]
    assert sorted((one["AssociationVersion"], one["AssociationName"]) for one in versions) == [("1", "greets"), ("2", "fewer")]
    eventually(lambda: settled(3), "the change has run")
    # What an update doesn't name is gone, but for the targets.
    described = aws("describe-association", "--association-id", id)["AssociationDescription"]
    assert "ScheduleExpression" not in described and "ComplianceSeverity" not in described
    assert described["Targets"] == made["Targets"]
    aws("delete-association", "--association-id", id)
    said = aws(*executions, fails=True)
    assert "(AssociationDoesNotExist) when calling the DescribeAssociationExecutions operation" in said


def test_parameters_and_nodes_by_shorthand(aws, nodes, place):
    folder = "/" + fresh("cli")
    (aws.folder / "value.txt").write_text("from a file\n")
    aws("put-parameter", "--name", f"{folder}/a/file", "--value", "file://value.txt", "--type", "String", "--tags", "Key=k,Value=v")
    aws("put-parameter", "--name", f"{folder}/b", "--value", "x,y", "--type", "StringList")
    values = aws("get-parameters-by-path", "--path", folder, "--recursive", "--page-size", "1", "--query", "Parameters[].Value")
    assert values == ["from a file\n", "x,y"]
    assert aws("get-parameter", "--name", f"{folder}/b", "--query", "Parameter.Value", "--output", "text") == "x,y"
    filters = ("--parameter-filters", f"Key=Path,Option=Recursive,Values={folder}", "Key=Type,Values=StringList")
    assert aws("describe-parameters", *filters, "--query", "Parameters[].Name") == [f"{folder}/b"]
    filters = ("--filters", "Key=tag:Role,Values=web,other", "Key=PingStatus,Values=Online")
    assert aws("describe-instance-information", *filters, "--query", "InstanceInformationList[].InstanceId") == [nodes["web"]]
    assert len(aws("describe-instance-information", "--page-size", "5")["InstanceInformationList"]) == 2
