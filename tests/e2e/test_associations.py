"""State Manager with boto3 and two nodes as processes: associations really run."""

import json
import urllib.request

import pytest

from harness import eventually, fresh
from nodes import Node, online

COMMAND = json.dumps(
    {
        "schemaVersion": "2.2",
        "parameters": {"commands": {"type": "StringList"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": "{{ commands }}"}}],
    }
)


@pytest.fixture
def place(new_server, tmp_path):
    """Makes nodes of a server of one's own."""
    server = new_server()
    made = []

    def make(name, tags=""):
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        config = f'[sandbox]\nenabled = true\nwritable = ["{folder}"]\n'
        made.append(Node(tmp_path / name, server, name, tags, config=config))
        return made[-1].start()

    ssm = server.client("ssm")
    document = fresh("Apply")
    ssm.create_document(Name=document, Content=COMMAND, DocumentType="Command")
    yield server, ssm, make, document, tmp_path / "out"
    for node in made:
        if node.process.poll() is None:
            node.kill()


def create(ssm, document, command, key="tag:role", values=("web",), **fields):
    targets = [{"Key": key, "Values": list(values)}]
    created = ssm.create_association(Name=document, Parameters={"commands": [command]}, Targets=targets, **fields)
    assert created["AssociationDescription"]["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    return created["AssociationDescription"]["AssociationId"]


def advance(server, seconds):
    body = json.dumps({"seconds": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(server.endpoint + "/_trackway/clock/advance", data=body)).close()


def overview(ssm, association):
    return ssm.describe_association(AssociationId=association)["AssociationDescription"]["Overview"]


def settled(ssm, association, status, runs=None):
    def look():
        # In this order: what is said after the last run has begun is said of that run.
        made = ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"]
        found = overview(ssm, association)
        return found if found["Status"] == status and runs in (None, len(made)) else None

    return eventually(look, f"{association} is {status}; it is {overview(ssm, association)}", 30)


def test_an_association_runs_on_two_nodes_and_every_id_leads_on(place):
    _, ssm, make, document, _ = place
    one, two = make("one", "role=web,env=test"), make("two", "role=web,env=prod")
    names = {online(ssm, one): "test", online(ssm, two): "prod"}
    association = create(ssm, document, "echo hello")
    assert settled(ssm, association, "Success")["AssociationStatusAggregatedCount"] == {"Success": 2}

    run = ssm.describe_association_executions(
        AssociationId=association, Filters=[{"Key": "CreatedTime", "Value": "2019-02-01T00:00:00Z", "Type": "GREATER_THAN"}]
    )["AssociationExecutions"][0]
    assert (run["Status"], run["ResourceCountByStatus"]) == ("Success", "{Success=2}")
    targets = ssm.describe_association_execution_targets(AssociationId=association, ExecutionId=run["ExecutionId"])
    targets = targets["AssociationExecutionTargets"]
    assert {target["ResourceId"] for target in targets} == set(names)
    for target in targets:
        command = target["OutputSource"]["OutputSourceId"]
        got = ssm.get_command_invocation(CommandId=command, InstanceId=target["ResourceId"])
        assert (got["Status"], got["StandardOutputContent"]) == ("Success", "hello\n")
    for node in names:
        info = ssm.describe_instance_associations_status(InstanceId=node)["InstanceAssociationStatusInfos"][0]
        assert (info["AssociationId"], info["Status"]) == (association, "Success")
        assert info["ExecutionSummary"] == "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. "

    def informed(node):
        filters = [{"Key": "InstanceIds", "Values": [node]}]
        return ssm.describe_instance_information(Filters=filters)["InstanceInformationList"][0]

    counts = {"DetailedStatus": "Success", "InstanceAssociationStatusAggregatedCount": {"Success": 1}}
    before = {node: informed(node) for node in names}
    assert all(node["AssociationStatus"] == "Success" and node["AssociationOverview"] == counts for node in before.values())

    # Both targets must fit: only one node has this environment.
    ssm.update_association(
        AssociationId=association,
        Parameters={"commands": ["exit 3"]},
        Targets=[{"Key": "tag:role", "Values": ["web"]}, {"Key": "tag:env", "Values": ["prod", "stage"]}],
    )
    assert settled(ssm, association, "Failed", 2)["AssociationStatusAggregatedCount"] == {"Failed": 1}
    failed = ssm.describe_instance_information(Filters=[{"Key": "AssociationStatus", "Values": ["Failed"]}])
    (failed,) = failed["InstanceInformationList"]
    assert names[failed["InstanceId"]] == "prod"
    last = failed["LastSuccessfulAssociationExecutionDate"]
    assert last == before[failed["InstanceId"]]["LastSuccessfulAssociationExecutionDate"]
    assert last < failed["LastAssociationExecutionDate"]
    ssm.delete_association(AssociationId=association)
    assert "AssociationStatus" not in informed(failed["InstanceId"])
    with pytest.raises(ssm.exceptions.AssociationDoesNotExist):
        ssm.describe_association_executions(AssociationId=association)


def test_a_node_that_registers_later_is_converged(place):
    _, ssm, make, document, out = place
    online(ssm, make("one", "role=web"))
    association = create(ssm, document, f"echo applied >> {out}/applied")
    settled(ssm, association, "Success", 1)
    online(ssm, make("two", "role=web"))
    settled(ssm, association, "Success", 2)
    online(ssm, make("three", "role=db"))
    assert overview(ssm, association)["AssociationStatusAggregatedCount"] == {"Success": 2}
    assert (out / "applied").read_text() == "applied\n" * 2


def test_a_schedule_fires_once_a_slot_over_kill_9(place):
    server, ssm, make, document, out = place
    node = online(ssm, make("one"))
    association = create(
        ssm, document, f"echo run >> {out}/runs", "InstanceIds", [node], ScheduleExpression="rate(30 minutes)"
    )
    settled(ssm, association, "Success", 1)
    for slot in range(2, 5):
        server.kill()
        server.start()
        # A restart is back in the present: it goes from there.
        advance(server, (slot - 1) * 30 * 60)
        settled(ssm, association, "Success", slot)
    assert (out / "runs").read_text() == "run\n" * 4


def test_an_automation_is_applied_to_its_targets(place):
    _, ssm, _, _, _ = place
    runbook = fresh("Runbook")
    content = {
        "schemaVersion": "0.3",
        "parameters": {"Id": {"type": "String"}},
        "mainSteps": [{"name": "s", "action": "aws:sleep", "inputs": {"Duration": "PT0S"}}],
    }
    ssm.create_document(Name=runbook, Content=json.dumps(content), DocumentType="Automation")
    association = ssm.create_association(
        Name=runbook,
        AutomationTargetParameterName="Id",
        Targets=[{"Key": "ParameterValues", "Values": ["a", "b"]}],
        MaxConcurrency="1",
    )["AssociationDescription"]["AssociationId"]
    settled(ssm, association, "Success")
    run = ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"][0]
    target = ssm.describe_association_execution_targets(AssociationId=association, ExecutionId=run["ExecutionId"])
    target = target["AssociationExecutionTargets"][0]
    assert target["OutputSource"]["OutputSourceType"] == "Automation"
    automation = ssm.get_automation_execution(AutomationExecutionId=target["OutputSource"]["OutputSourceId"])
    automation = automation["AutomationExecution"]
    assert automation["AutomationExecutionStatus"] == "Success"
    assert automation["AssociationId"] == association
