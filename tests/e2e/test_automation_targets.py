"""Rate control over EC2's instances at a moto server, beside the managed nodes that are registered here."""

import json
import urllib.request

import pytest

from harness import eventually, fresh
from ssm import automation_is, create_document, runbook, sleep

ENDED = ("Success", "Failed")
IMAGE = "ami-12c6146b"


@pytest.fixture
def away(moto, new_server):
    """A Trackway whose EC2 is moto, and one that has none."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return new_server(memory=True, env={**keys, "AWS_ENDPOINT_URL_EC2": moto.endpoint}), new_server(memory=True)


def launch(ec2, count, **tags):
    tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    made = ec2.run_instances(
        ImageId=IMAGE, MinCount=count, MaxCount=count, TagSpecifications=[{"ResourceType": "instance", "Tags": tags}]
    )
    return [instance["InstanceId"] for instance in made["Instances"]]


def register(server, name, tags):
    body = json.dumps({"name": name, "tags": tags, "platformType": "Linux"}).encode()
    request = urllib.request.Request(server.endpoint + "/_trackway/nodes/register", data=body)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["id"]


def over(ssm, key, *values):
    """A rate-controlled automation over a target, at its end."""
    name = create_document(ssm, runbook(sleep("only"), parameters={"Id": {"type": "String"}}))
    execution = ssm.start_automation_execution(
        DocumentName=name, TargetParameterName="Id", Targets=[{"Key": key, "Values": list(values)}]
    )["AutomationExecutionId"]
    return automation_is(ssm, execution, *ENDED)


def children(ssm, execution):
    filters = [{"Key": "ParentExecutionId", "Values": [execution["AutomationExecutionId"]]}]
    found = ssm.describe_automation_executions(Filters=filters)["AutomationExecutionMetadataList"]
    return {one["Target"] for one in found}


def test_a_tag_means_instances_and_nodes(moto, away):
    here, without = away
    ec2 = moto.client("ec2")
    stage = fresh("stage")
    prod, test = launch(ec2, 3, stage=stage, role="web"), launch(ec2, 1, stage="other")
    stopped, gone = launch(ec2, 2, stage=stage)
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.terminate_instances(InstanceIds=[gone])
    node = register(here, "one", {"stage": stage})
    register(here, "two", {"stage": "other"})
    ssm = here.client("ssm")
    found = over(ssm, "tag:stage", stage)
    assert found["AutomationExecutionStatus"] == "Success", found
    wanted = sorted([*prod, stopped, node])
    assert found["ResolvedTargets"]["ParameterValues"] == wanted
    assert children(ssm, found) == set(wanted)

    # AWS's word for every instance; ids are taken as they are.
    everything = over(ssm, "AWS::EC2::Instance", "*")["ResolvedTargets"]["ParameterValues"]
    assert everything == sorted(everything) and {*wanted, *test} <= set(everything)
    assert over(ssm, "InstanceIds", prod[0], "i-00000000")["ResolvedTargets"]["ParameterValues"] == sorted([prod[0], "i-00000000"])
    assert over(ssm, "tag:stage", "none")["ResolvedTargets"]["ParameterValues"] == []

    # Without an endpoint only what is registered is known.
    node = register(without, "one", {"stage": stage})
    assert over(without.client("ssm"), "tag:stage", stage)["ResolvedTargets"]["ParameterValues"] == [node]


def test_resource_groups_are_refused_and_so_is_an_ec2_that_is_not_there(away, new_server):
    _, without = away
    found = over(without.client("ssm"), "ResourceGroup", "mine")
    assert found["AutomationExecutionStatus"] == "Failed" and "resource groups are not known here" in found["FailureMessage"]
    broken = new_server(memory=True, env={"AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:9"})
    found = over(broken.client("ssm"), "tag:stage", "prod")
    assert found["AutomationExecutionStatus"] == "Failed" and "127.0.0.1:9" in found["FailureMessage"], found


@pytest.mark.parametrize("key, values", [("tag:stage", None), ("AWS::EC2::Instance", ["*"])])
def test_an_association_of_a_runbook_means_instances_too(moto, away, key, values):
    here, _ = away
    stage = fresh("stage")
    wanted = {*launch(moto.client("ec2"), 2, stage=stage), register(here, "one", {"stage": stage})}
    ssm = here.client("ssm")
    name = create_document(ssm, runbook(sleep("only"), parameters={"Id": {"type": "String"}}))
    association = ssm.create_association(
        Name=name, AutomationTargetParameterName="Id", Targets=[{"Key": key, "Values": values or [stage]}]
    )["AssociationDescription"]["AssociationId"]

    def run():
        runs = ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"]
        return runs[0] if runs and runs[0]["Status"] not in ("Pending", "InProgress") else None

    ended = eventually(run, "the association's run ends")
    assert ended["Status"] == "Success", ended
    target = ssm.describe_association_execution_targets(AssociationId=association, ExecutionId=ended["ExecutionId"])
    automation = target["AssociationExecutionTargets"][0]["OutputSource"]["OutputSourceId"]
    found = ssm.get_automation_execution(AutomationExecutionId=automation)["AutomationExecution"]
    assert wanted <= set(found["ResolvedTargets"]["ParameterValues"])
    if values is None:
        assert children(ssm, found) == wanted
