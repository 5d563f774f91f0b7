"""Run Command on two nodes that are processes of their own, as boto3 sees it."""

import json
import time

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from harness import eventually, fresh
from nodes import Node, command, ended, information, invocation, invocation_is, online, run, send


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A server and two nodes."""
    from harness import Server

    folder = tmp_path_factory.mktemp("run-command")
    (folder / "server").mkdir()
    server = Server(folder / "server").start()
    ssm = server.client("ssm")
    nodes = [
        Node(folder / "one", server, fresh("one"), "Env=test,Role=web").start(),
        Node(folder / "two", server, fresh("two"), "Env=test,Role=db").start(),
    ]
    yield server, ssm, [online(ssm, node) for node in nodes], nodes
    for node in nodes:
        node.stop()
    server.stop()


@pytest.fixture
def ssm(place):
    return place[1]


@pytest.fixture
def ids(place):
    return place[2]


def test_a_command_runs_on_its_node_and_shows_what_it_wrote(ssm, ids):
    sent = send(ssm, "echo hello", "echo trouble >&2", ids=ids[:1], Comment="a greeting")
    assert (sent["Status"], sent["StatusDetails"], sent["TargetCount"]) == ("Pending", "Pending", 1)
    assert sent["OutputS3BucketName"] == "" and sent["NotificationConfig"]["NotificationArn"] == ""
    assert (sent["ExpiresAfter"] - sent["RequestedDateTime"]).total_seconds() == 7200
    ssm.get_waiter("command_executed").wait(
        CommandId=sent["CommandId"], InstanceId=ids[0], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    got = invocation(ssm, sent["CommandId"], ids[0])
    assert got["StandardOutputContent"] == "hello\n" and got["StandardErrorContent"] == "trouble\n"
    assert (got["Status"], got["ResponseCode"]) == ("Success", 0)
    assert got["ExecutionStartDateTime"].endswith("Z") and got["ExecutionElapsedTime"].startswith("PT")
    assert got["Comment"] == "a greeting" and got["StandardOutputUrl"] == ""
    done = command(ssm, sent["CommandId"])
    assert (done["CompletedCount"], done["ErrorCount"], done["DeliveryTimedOutCount"]) == (1, 0, 0)


def test_plugins_are_named_and_others_refused(ssm, ids):
    done = run(ssm, "true", ids=ids[:1])
    listed = ssm.list_command_invocations(CommandId=done["CommandId"], Details=True)["CommandInvocations"]
    name = listed[0]["CommandPlugins"][0]["Name"]
    for plugin in (name, "aws:runShellScript"):
        assert invocation(ssm, done["CommandId"], ids[0], PluginName=plugin)["PluginName"] == name
    with pytest.raises(ssm.exceptions.InvalidPluginName):
        invocation(ssm, done["CommandId"], ids[0], PluginName="nothing")
    assert ssm.list_command_invocations(CommandId=done["CommandId"])["CommandInvocations"][0]["CommandPlugins"] == []


def test_a_failing_script_fails_the_invocation_and_the_command(ssm, ids):
    sent = send(ssm, "echo before", "exit 3", ids=ids[:1])
    with pytest.raises(WaiterError):
        ssm.get_waiter("command_executed").wait(
            CommandId=sent["CommandId"], InstanceId=ids[0], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
    got = invocation(ssm, sent["CommandId"], ids[0])
    assert (got["Status"], got["StatusDetails"], got["ResponseCode"]) == ("Failed", "Failed", 3)
    done = ended(ssm, sent["CommandId"])
    assert (done["Status"], done["ErrorCount"]) == ("Failed", 1)


def test_a_python_script_runs_as_one(ssm, ids):
    lines = ["import sys", "for name in ('a', '$HOME `id`'):", "    print(name)", "sys.exit(3)"]
    done = run(ssm, ids=ids[:1], document="AWS-RunPythonScript", parameters={"commands": lines})
    got = invocation(ssm, done["CommandId"], ids[0])
    assert (got["Status"], got["ResponseCode"], got["StandardOutputContent"]) == ("Failed", 3, "a\n$HOME `id`\n")


@pytest.mark.parametrize(
    "targets, count",
    [
        ([{"Key": "tag:Env", "Values": ["test"]}], 2),
        ([{"Key": "tag:Env", "Values": ["test"]}, {"Key": "tag:Role", "Values": ["db", "other"]}], 1),
        ([{"Key": "tag-key", "Values": ["Role"]}], 2),
        ([{"Key": "InstanceIds", "Values": ["*"]}], 2),
        ([{"Key": "tag:Env", "Values": ["nowhere"]}], 0),
    ],
)
def test_targets_name_nodes_by_tag(ssm, targets, count):
    done = run(ssm, "true", Targets=targets)
    assert done["TargetCount"] == count and done["InstanceIds"] == []
    assert (done["Status"], done["StatusDetails"]) == ("Success", "Success" if count else "NoInstancesInTag")


def test_tags_that_are_added_later_count(ssm, ids):
    tag = fresh("Tag")
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=ids[1], Tags=[{"Key": tag, "Value": "x"}])
    done = run(ssm, "true", Targets=[{"Key": f"tag:{tag}", "Values": ["x"]}])
    listed = ssm.list_command_invocations(CommandId=done["CommandId"])["CommandInvocations"]
    assert [one["InstanceId"] for one in listed] == [ids[1]]


def test_output_is_cut_where_aws_cuts_it(ssm, ids):
    done = run(ssm, "head -c 100000 /dev/zero | tr '\\0' x", "head -c 100000 /dev/zero | tr '\\0' y >&2", ids=ids[:1])
    got = invocation(ssm, done["CommandId"], ids[0])
    assert len(got["StandardOutputContent"]) == 24_000 and len(got["StandardErrorContent"]) == 8_000
    assert got["StandardOutputContent"].endswith("--output truncated--")
    listed = ssm.list_command_invocations(CommandId=done["CommandId"], Details=True)["CommandInvocations"]
    assert len(listed[0]["CommandPlugins"][0]["Output"]) <= 2500


def test_a_running_command_is_cancelled(ssm, ids):
    sent = send(ssm, "echo started", "sleep 300", ids=ids)
    for node in ids:
        invocation_is(ssm, sent["CommandId"], node, "InProgress")
    ssm.cancel_command(CommandId=sent["CommandId"])
    assert command(ssm, sent["CommandId"])["Status"] in ("Cancelling", "Cancelled")
    done = ended(ssm, sent["CommandId"])
    assert (done["Status"], done["CompletedCount"]) == ("Cancelled", 2)
    for node in ids:
        assert invocation(ssm, sent["CommandId"], node)["Status"] == "Cancelled"
    ssm.cancel_command(CommandId=sent["CommandId"])


def test_a_script_that_runs_too_long_times_out(ssm, ids):
    done = run(ssm, "sleep 300", ids=ids[:1], parameters={"executionTimeout": ["5"]})
    got = invocation(ssm, done["CommandId"], ids[0])
    assert (got["Status"], got["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert (done["Status"], done["ErrorCount"]) == ("Failed", 1)


def test_no_more_nodes_run_at_once_than_may_and_errors_stop_it(ssm, ids):
    done = run(ssm, "exit 1", Targets=[{"Key": "tag:Env", "Values": ["test"]}], MaxConcurrency="1")
    assert (done["Status"], done["ErrorCount"], done["CompletedCount"]) == ("Failed", 1, 2)
    listed = ssm.list_command_invocations(CommandId=done["CommandId"])["CommandInvocations"]
    assert sorted(one["StatusDetails"] for one in listed) == ["Failed", "Terminated"]
    done = run(ssm, "exit 1", Targets=[{"Key": "tag:Env", "Values": ["test"]}], MaxConcurrency="1", MaxErrors="1")
    assert (done["Status"], done["ErrorCount"]) == ("Failed", 2)


def test_a_command_sees_neither_the_server_nor_the_node(place, ssm, ids):
    server, _, _, nodes = place
    done = run(ssm, f"cat {server.data}/* {nodes[0].state}/node.json 2>/dev/null; env", ids=ids[:1])
    output = invocation(ssm, done["CommandId"], ids[0])["StandardOutputContent"]
    assert "token" not in output and "AWS_SECRET" not in output


def test_documents_of_schema_2_skip_what_is_for_other_platforms(ssm, ids):
    name = fresh("Doc")
    content = """
schemaVersion: '2.2'
parameters:
  who: {type: String, allowedPattern: '^[a-z]+$'}
mainSteps:
- {action: 'aws:runPowerShellScript', name: windows, precondition: {StringEquals: [platformType, Windows]}, inputs: {runCommand: ['exit 1']}}
- {action: 'aws:runShellScript', name: linux, precondition: {StringEquals: [platformType, Linux]}, inputs: {runCommand: ['echo hello {{ who }}']}}
"""
    ssm.create_document(Name=name, Content=content, DocumentType="Command", DocumentFormat="YAML")
    done = run(ssm, ids=ids[:1], document=name, parameters={"who": ["you"]})
    assert done["Status"] == "Success", invocation(ssm, done["CommandId"], ids[0], PluginName="linux")
    assert invocation(ssm, done["CommandId"], ids[0], PluginName="linux")["StandardOutputContent"] == "hello you\n"
    windows = invocation(ssm, done["CommandId"], ids[0], PluginName="windows")
    assert windows["Status"] == "Success"
    why = "Step execution skipped due to unsatisfied preconditions: '\"StringEquals\": [platformType, Windows]'. Step name: windows"
    assert windows["StandardOutputContent"] == why
    overall = invocation(ssm, done["CommandId"], ids[0])
    assert (overall["Status"], overall["PluginName"]) == ("Success", "")
    with pytest.raises(ssm.exceptions.InvalidParameters):
        send(ssm, ids=ids[:1], document=name, parameters={"who": ["you; rm -rf /"]})


def test_a_step_that_the_plan_fails_is_not_run(ssm, ids, tmp_path):
    name = fresh("Doc")
    condition = {"StringEquals": ["platformType", "platformType"]}
    inputs = {"runCommand": ["echo it ran"]}
    steps = [{"action": "aws:runShellScript", "name": "oddly", "precondition": condition, "inputs": inputs}]
    ssm.create_document(Name=name, Content=json.dumps({"schemaVersion": "2.2", "mainSteps": steps}), DocumentType="Command")
    done = run(ssm, ids=ids[:1], document=name)
    told = invocation(ssm, done["CommandId"], ids[0], PluginName="oddly")
    assert (done["Status"], told["Status"], told["StandardOutputContent"]) == ("Failed", "Failed", "")
    assert "Unrecognized precondition(s)" in told["StandardErrorContent"]


def test_refusals_have_aws_codes(ssm, ids):
    def code(**fields):
        fields = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, **fields}
        with pytest.raises(ClientError) as refused:
            ssm.send_command(**fields)
        return refused.value.response["Error"]["Code"], refused.value.response["Error"].get("Message", "")

    nobody = "mi-" + "0" * 17
    assert code(InstanceIds=[nobody]) == (
        "InvalidInstanceId",
        f"Instances [[{nobody}]] not in a valid state for account 000000000000",
    )
    assert code(InstanceIds=[ids[0], ids[0]])[0] == "DuplicateInstanceId"
    assert code(InstanceIds=ids, DocumentName="Nothing-Like-It")[0] == "InvalidDocument"
    assert code(InstanceIds=ids, DocumentVersion="7")[0] == "InvalidDocumentVersion"
    assert code(InstanceIds=ids, Parameters={"other": ["x"]})[0] == "InvalidParameters"
    assert code(InstanceIds=ids, Parameters={})[0] == "InvalidParameters"
    assert code(Targets=[{"Key": "resource-groups:Name", "Values": ["x"]}])[0] == "InvalidTarget"
    assert code()[0] == "ValidationException"
    unknown = "11111111-2222-4333-8444-555555555555"
    with pytest.raises(ssm.exceptions.InvocationDoesNotExist):
        invocation(ssm, unknown, ids[0])
    assert ssm.list_commands(CommandId=unknown)["Commands"] == []
    with pytest.raises(ssm.exceptions.InvalidCommandId):
        ssm.cancel_command(CommandId=unknown)


def test_lists_are_filtered_and_paged_newest_first(ssm, ids):
    sent = [run(ssm, f"echo {number}", ids=ids[: 1 + number % 2])["CommandId"] for number in range(5)]
    first = command(ssm, sent[0])["RequestedDateTime"]
    after = [{"key": "InvokedAfter", "value": first.isoformat()}]
    pages = ssm.get_paginator("list_commands").paginate(Filters=after, PaginationConfig={"PageSize": 2})
    listed = [one["CommandId"] for page in pages for one in page["Commands"]]
    assert listed == sent[:0:-1]
    of_node = ssm.list_commands(InstanceId=ids[1], Filters=after)["Commands"]
    assert [one["CommandId"] for one in of_node] == [sent[3], sent[1]]
    pages = ssm.get_paginator("list_command_invocations").paginate(Filters=after, PaginationConfig={"PageSize": 1})
    listed = [(one["CommandId"], one["InstanceId"]) for page in pages for one in page["CommandInvocations"]]
    both = sorted(ids)
    assert listed == [(sent[4], ids[0]), *((sent[3], one) for one in both), (sent[2], ids[0]), *((sent[1], one) for one in both)]
    assert ssm.list_commands(Filters=[*after, {"key": "Status", "value": "Failed"}])["Commands"] == []
    with pytest.raises(ssm.exceptions.InvalidFilterKey):
        ssm.list_command_invocations(Filters=[{"key": "ExecutionStage", "value": "Complete"}])


def test_nodes_are_described_and_filtered(ssm, ids, place):
    name = place[3][0].name
    known = information(ssm, name)
    assert known["PlatformType"] == "Linux" and known["ResourceType"] == "ManagedInstance"
    filters = [{"Key": "tag:Role", "Values": ["web"]}, {"Key": "PingStatus", "Values": ["Online"]}]
    found = ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
    assert [one["InstanceId"] for one in found] == [ids[0]]
    assert ssm.get_connection_status(Target=ids[0])["Status"] == "connected"
    with pytest.raises(ssm.exceptions.InvalidFilterKey):
        ssm.describe_instance_information(Filters=[{"Key": "Nothing", "Values": ["x"]}])


def invocation_over(ssm, sent, node):
    found = invocation(ssm, sent["CommandId"], node)
    return found if found["Status"] not in ("Pending", "InProgress") else None


def test_a_parameter_within_a_line_stays_text(ssm, ids):
    """Values with everything that a shell would act on, in every kind of quotes."""
    document = fresh("Say")
    lines = ["echo {{ What }}", 'echo "{{ What }}"', "echo '{{ What }}'", "cat <<END", "<{{ What }}>", "END", 'echo "$(echo {{ What }})" # {{ What }}']
    content = {
        "schemaVersion": "2.2",
        "parameters": {"What": {"type": "String"}},
        "mainSteps": [{"action": "aws:runShellScript", "name": "say", "inputs": {"runCommand": lines}}],
    }
    ssm.create_document(Name=document, DocumentType="Command", DocumentFormat="JSON", Content=json.dumps(content))
    for what in ["plain", "a; echo b", "$(echo b)", "`echo b`", "'; echo b; '", '"; echo b; "', "a && echo b | cat > /job/x", "\\", "$HOME", "#no"]:
        sent = send(ssm, ids=ids[:1], document=document, parameters={"What": [what]})
        done = eventually(lambda: invocation_over(ssm, sent, ids[0]), f"{what} is said")
        assert done["Status"] == "Success", (what, done)
        assert done["StandardOutputContent"].splitlines() == [what, what, what, f"<{what}>", what], what
