"""State Manager under hard conditions: kills at random, runs that are overtaken, days of slots, and every filter."""

import collections
import datetime
import json
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from harness import eventually, fresh, trackway
from nodes import Node, command, ended, information, invocation, online, run, send

SHELL = "AWS-RunShellScript"
GOING = ("Pending", "InProgress")
LEGACY = {
    "schemaVersion": "1.2",
    "description": "says a word",
    "parameters": {"word": {"type": "String", "default": "legacy"}},
    "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["echo {{ word }}"]}]}},
}


@pytest.fixture
def lab(new_server, tmp_path):
    """Makes a server with nodes; their commands may write into one folder. What is left is verified."""
    made = []

    def make(*arguments, nodes=2):
        out = tmp_path / "out"
        out.mkdir()
        out.chmod(0o777)
        server = new_server(*arguments)
        config = f'[sandbox]\nenabled = true\nwritable = ["{out}"]\n'
        for number in range(nodes):
            name = fresh("node")
            tags = f"Env=test,Number={number}"
            made.append(Node(tmp_path / name, server, name, tags, config=config).start())
        ssm = server.client("ssm")
        ids = [online(ssm, node) for node in made]
        return Lab(server, ssm, made, ids, out)

    yield make
    for node in made:
        node.stop()
    for server in {node.server for node in made}:
        assert server.stop() == 0
        verified = trackway("verify", server.data)
        assert verified.returncode == 0, verified.stdout + verified.stderr


class Lab:
    def __init__(self, server, ssm, nodes, ids, out):
        self.server, self.ssm, self.nodes, self.ids, self.out = server, ssm, nodes, ids, out

    def create(self, *commands, targets=None, **fields):
        targets = targets or [{"Key": "tag:Env", "Values": ["test"]}]
        created = self.ssm.create_association(
            Name=SHELL, Targets=targets, Parameters={"commands": list(commands)}, **fields
        )
        return created["AssociationDescription"]["AssociationId"]

    def runs(self, association, **fields):
        """Every run, newest first, page by page."""
        pages = self.ssm.get_paginator("describe_association_executions").paginate(AssociationId=association, **fields)
        return [run for page in pages for run in page["AssociationExecutions"]]

    def settled(self, association, count=1):
        """Waits until there are so many runs, all of which have ended."""

        def look():
            runs = self.runs(association)
            return runs if len(runs) == count and not any(run["Status"] in GOING for run in runs) else None

        return eventually(look, f"{count} runs; there are {self.runs(association)}", 30)

    def targets(self, run):
        found = self.ssm.describe_association_execution_targets(
            AssociationId=run["AssociationId"], ExecutionId=run["ExecutionId"]
        )
        return found["AssociationExecutionTargets"]

    def overview(self, association):
        return self.ssm.describe_association(AssociationId=association)["AssociationDescription"]["Overview"]

    def lines(self, name):
        path = self.out / name
        return path.read_text().split() if path.exists() else []


def test_nothing_is_lost_and_nothing_runs_twice_when_all_are_killed_at_random(lab):
    lab = lab()
    ssm, dice = lab.ssm, random.Random(7)
    association = lab.create(f"echo run >> {lab.out}/association", "sleep 0.1")
    is_over = threading.Event()

    def chaos():
        while not is_over.wait(dice.uniform(0.1, 0.8)):
            for victim in dice.sample([lab.server, *lab.nodes], dice.choice([1, 1, 2])):
                victim.kill()
                time.sleep(dice.uniform(0, 0.3))
                victim.start()

    killer = threading.Thread(target=chaos)
    killer.start()
    sent = {}
    try:
        for number in range(30):
            try:
                script = [f"echo {number} >> {lab.out}/commands", "sleep 0.1"]
                sent[number] = send(ssm, *script, ids=lab.ids)["CommandId"]
                if number % 8 == 0:
                    ssm.start_associations_once(AssociationIds=[association])
            except (BotoCoreError, ClientError):
                # Nobody heard an answer: it may have been sent or not.
                pass
            time.sleep(dice.uniform(0.05, 0.3))
    finally:
        is_over.set()
        killer.join()
    for node in lab.nodes:
        online(ssm, node)
    ran = collections.Counter()
    for number, command_id in sent.items():
        ended(ssm, command_id, 60)
        good = sum(invocation(ssm, command_id, node)["Status"] == "Success" for node in lab.ids)
        ran[number] = lab.lines("commands").count(str(number))
        assert good <= ran[number] <= 2, (number, good, ran[number])
    eventually(lambda: lab.overview(association)["Status"] != "Pending", "the last run ends", 30)
    eventually(lambda: not any(run["Status"] in GOING for run in lab.runs(association)), "all runs end", 30)
    children = good = 0
    for one in lab.runs(association):
        for target in lab.targets(one):
            children += "OutputSource" in target
            good += target["Status"] == "Success"
    assert good <= len(lab.lines("association")) <= children


def test_days_of_slots_fire_once_each_over_kill_9(lab):
    lab = lab("--clock", "skip", nodes=1)
    targets = [{"Key": "InstanceIds", "Values": ["*"]}]
    association = lab.create(f"echo run >> {lab.out}/runs", targets=targets, ScheduleExpression="rate(30 minutes)")
    born = lab.ssm.describe_association(AssociationId=association)["AssociationDescription"]["Date"]
    for slots in (20, 60, 100):
        eventually(lambda: len(lab.runs(association)) > slots, f"{slots} slots")
        lab.server.kill()
        lab.server.start()
    lab.ssm.update_association(AssociationId=association, Parameters={"commands": ["true"]})
    eventually(lambda: lab.overview(association)["Status"] == "Success", "it runs as it is now")
    runs = [run for run in reversed(lab.runs(association)) if run["AssociationVersion"] == "1"]
    offsets = [(run["CreatedTime"] - born).total_seconds() for run in runs]
    slots = [round(offset / 1800) for offset in offsets]
    assert slots == list(range(len(slots))) and len(slots) > 96, "two days at least, without holes and doubles"
    assert all(abs(offset - slot * 1800) < 60 for offset, slot in zip(offsets, slots))
    done = sum(target["Status"] == "Success" for run in runs for target in lab.targets(run))
    assert len(lab.lines("runs")) >= done


def test_a_run_is_there_at_once_and_is_overtaken_by_the_next(lab):
    lab = lab()
    association = lab.create("sleep 60")
    assert len(lab.runs(association)) == 1
    eventually(lambda: lab.runs(association)[0]["ResourceCountByStatus"] == "{InProgress=2}", "both run")
    overview = {"Status": "Pending", "DetailedStatus": "InProgress", "AssociationStatusAggregatedCount": {"InProgress": 2}}
    assert lab.overview(association) == overview
    first = lab.targets(lab.runs(association)[0])
    assert lab.ssm.start_associations_once(AssociationIds=[association]).keys() == {"ResponseMetadata"}
    assert len(lab.runs(association)) == 2
    eventually(lambda: lab.runs(association)[1]["Status"] == "TimedOut", "the earlier one times out")
    assert lab.runs(association)[1]["ResourceCountByStatus"] == "{TimedOut=2}"
    for target in first:
        stopped = lambda: invocation(lab.ssm, target["OutputSource"]["OutputSourceId"], target["ResourceId"])
        eventually(lambda: stopped()["Status"] == "Cancelled", "its commands are stopped")

    def begun():
        targets = lab.targets(lab.runs(association)[0])
        return [target for target in targets if "OutputSource" in target]

    last = eventually(begun, "the next one runs")[0]
    lab.ssm.delete_association(AssociationId=association)
    for operation in ("describe_association", "describe_association_executions", "list_association_versions"):
        with pytest.raises(lab.ssm.exceptions.AssociationDoesNotExist):
            getattr(lab.ssm, operation)(AssociationId=association)
    with pytest.raises(lab.ssm.exceptions.AssociationDoesNotExist):
        lab.ssm.start_associations_once(AssociationIds=[association])
    stopped = lambda: invocation(lab.ssm, last["OutputSource"]["OutputSourceId"], last["ResourceId"])
    eventually(lambda: stopped()["Status"] == "Cancelled", "what ran is stopped")


def test_an_update_in_a_run_lets_running_nodes_finish_and_nulls_what_it_leaves_out(lab):
    lab = lab()
    fields = {"AssociationName": "named", "MaxErrors": "1", "ComplianceSeverity": "HIGH", "SyncCompliance": "AUTO"}
    wait = f"while [ ! -e {lab.out}/go ]; do sleep 0.05; done"
    association = lab.create(f"echo old >> {lab.out}/said", wait, MaxConcurrency="1", ScheduleExpression="rate(1 day)", **fields)
    eventually(lambda: lab.lines("said") == ["old"], "one runs, one waits")
    updated = lab.ssm.update_association(AssociationId=association, Parameters={"commands": [f"echo new >> {lab.out}/said"]})
    updated = updated["AssociationDescription"]
    assert (updated["AssociationVersion"], updated["Name"]) == ("2", SHELL)
    assert not {*fields, "MaxConcurrency", "ScheduleExpression"} & updated.keys()
    (lab.out / "go").write_text("")
    new, old = lab.settled(association, 2)
    assert (old["AssociationVersion"], old["ResourceCountByStatus"]) == ("1", "{Cancelled=1, Success=1}")
    assert (new["AssociationVersion"], new["ResourceCountByStatus"]) == ("2", "{Success=2}")
    assert lab.lines("said") == ["old", "new", "new"]
    versions = lab.ssm.list_association_versions(AssociationId=association)["AssociationVersions"]
    assert [version.get("AssociationName") for version in versions] == ["named", None]
    with pytest.raises(lab.ssm.exceptions.InvalidUpdate):
        lab.ssm.update_association(AssociationId=association, AssociationVersion="1", Parameters={"commands": ["true"]})


@pytest.mark.parametrize("errors, failed", [("0", 1), ("1", 2), ("10%", 1), ("100%", 3)])
def test_errors_stop_a_run_when_there_are_more_than_may_be(lab, errors, failed):
    lab = lab(nodes=3)
    association = lab.create(f"echo run >> {lab.out}/runs", "exit 1", MaxConcurrency="1", MaxErrors=errors)
    ended = lab.settled(association)[0]
    counts = f"{{Failed={failed}, Skipped={3 - failed}}}" if failed < 3 else "{Failed=3}"
    assert (ended["Status"], ended["ResourceCountByStatus"]) == ("Failed", counts)
    assert len(lab.lines("runs")) == failed
    skipped = [target for target in lab.targets(ended) if target["Status"] == "Skipped"]
    assert len(skipped) == 3 - failed and not any("OutputSource" in target for target in skipped)
    sent = run(lab.ssm, "exit 1", Targets=[{"Key": "tag:Env", "Values": ["test"]}], MaxConcurrency="1", MaxErrors=errors)
    assert (sent["Status"], sent["ErrorCount"], sent["CompletedCount"]) == ("Failed", failed, 3)


def test_nodes_that_come_to_fit_and_nodes_that_were_away_are_converged(lab):
    lab = lab()
    away, there = lab.nodes[1], lab.ids[0]
    tag = fresh("Tag")
    association = lab.create(f"echo run >> {lab.out}/runs", targets=[{"Key": f"tag:{tag}", "Values": ["x"]}])
    assert lab.settled(association)[0]["ResourceCountByStatus"] == "{}"
    lab.ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=there, Tags=[{"Key": tag, "Value": "x"}])
    assert lab.settled(association, 2)[0]["ResourceCountByStatus"] == "{Success=1}"
    lab.ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=there, TagKeys=[tag])
    lab.ssm.start_associations_once(AssociationIds=[association])
    assert lab.settled(association, 3)[0]["ResourceCountByStatus"] == "{}"

    # One that is away is waited for, until its command expires.
    away.kill()
    missed = lab.create(f"echo late >> {lab.out}/late", targets=[{"Key": "InstanceIds", "Values": [lab.ids[1]]}])
    eventually(lambda: lab.overview(missed)["DetailedStatus"] == "InProgress", "it waits")
    lab.server.post("/_trackway/clock/advance", json.dumps({"seconds": 3700}).encode())
    assert lab.settled(missed)[0]["ResourceCountByStatus"] == "{TimedOut=1}"
    target = lab.targets(lab.runs(missed)[0])[0]
    assert (target["Status"], target["DetailedStatus"]) == ("TimedOut", "DeliveryTimedOut")
    assert lab.overview(missed)["Status"] == "Failed"
    away.start()
    online(lab.ssm, away)
    assert lab.settled(missed, 2)[0]["ResourceCountByStatus"] == "{Success=1}"
    eventually(lambda: lab.overview(missed)["Status"] == "Success", "it is made good")
    assert lab.lines("late") == ["late"]


def test_executions_are_filtered_by_three_keys_and_three_operators(lab):
    lab = lab(nodes=1)
    association = lab.create(f"[ ! -e {lab.out}/bad ]")
    for number in range(2, 6):
        lab.settled(association, number - 1)
        if number == 4:
            (lab.out / "bad").write_text("")
        lab.ssm.start_associations_once(AssociationIds=[association])
    runs = lab.settled(association, 5)
    assert [run["Status"] for run in runs] == ["Failed", "Failed", "Success", "Success", "Success"]

    def text(moment):
        moment = moment.astimezone(datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"

    def found(*filters):
        filters = [dict(zip(("Key", "Value", "Type"), one)) for one in filters]
        return [runs.index(run) for run in lab.runs(association, Filters=filters)]

    middle = text(runs[2]["CreatedTime"])
    assert found(("CreatedTime", middle, "EQUAL")) == [2]
    assert found(("CreatedTime", middle, "GREATER_THAN")) == [0, 1]
    assert found(("CreatedTime", middle, "LESS_THAN")) == [3, 4]
    assert found(("CreatedTime", "2019-02-18T16:00:00Z", "GREATER_THAN"), ("Status", "Failed", "EQUAL")) == [0, 1]
    assert found(("ExecutionId", runs[3]["ExecutionId"], "EQUAL")) == [3]
    assert found(("ExecutionId", runs[3]["ExecutionId"], "EQUAL"), ("Status", "Failed", "EQUAL")) == []
    assert found(("Status", "Failed", "EQUAL"), ("Status", "Success", "EQUAL")) == []
    for wrong in (("Status", "Success", "LESS_THAN"), ("ExecutionId", "x", "GREATER_THAN"), ("CreatedTime", "soon", "EQUAL")):
        with pytest.raises(ClientError) as refused:
            found(wrong)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert lab.runs(association, PaginationConfig={"PageSize": 2}) == runs
    with pytest.raises(lab.ssm.exceptions.InvalidNextToken):
        lab.ssm.describe_association_executions(AssociationId=association, NextToken="nonsense")
    unknown = "11111111-2222-4333-8444-555555555555"
    with pytest.raises(lab.ssm.exceptions.AssociationDoesNotExist):
        lab.ssm.describe_association_executions(AssociationId=unknown)
    with pytest.raises(lab.ssm.exceptions.AssociationExecutionDoesNotExist):
        lab.ssm.describe_association_execution_targets(AssociationId=association, ExecutionId=unknown)


def test_answers_have_the_members_that_the_cli_shows(lab):
    lab = lab()
    ssm, node = lab.ssm, lab.ids[0]
    name = fresh("Legacy")
    ssm.create_document(Name=name, Content=json.dumps(LEGACY), DocumentType="Command")
    created = ssm.create_association(Name=name, InstanceId=node)["AssociationDescription"]
    assert created["Targets"] == [{"Key": "InstanceIds", "Values": [node]}] and created["InstanceId"] == node
    assert created["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    assert (created["Status"]["Name"], created["Status"]["Message"]) == ("Associated", f"Associated with {name}")
    ended = lab.settled(created["AssociationId"])[0]
    members = {"AssociationId", "AssociationVersion", "ExecutionId", "Status", "DetailedStatus", "CreatedTime"}
    assert members | {"ResourceCountByStatus", "LastExecutionDate"} == ended.keys()
    listed = ssm.list_associations(AssociationFilterList=[{"key": "Name", "value": name}])["Associations"]
    assert (listed[0]["InstanceId"], listed[0]["Targets"]) == (node, created["Targets"])
    with pytest.raises(ssm.exceptions.AssociationAlreadyExists):
        ssm.create_association(Name=name, InstanceId=node)

    known = information(ssm, lab.nodes[0].name)
    assert known["AssociationStatus"] == "Success"
    counts = {"DetailedStatus": "Success", "InstanceAssociationStatusAggregatedCount": {"Success": 1}}
    assert known["AssociationOverview"] == counts
    assert known["LastAssociationExecutionDate"] == known["LastSuccessfulAssociationExecutionDate"]
    assert "AssociationStatus" not in information(ssm, lab.nodes[1].name)
    filters = [{"Key": "AssociationStatus", "Values": ["Success"]}]
    assert len(ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]) == 1

    child = lab.targets(ended)[0]["OutputSource"]
    assert child["OutputSourceType"] == "RunCommand"
    assert command(ssm, child["OutputSourceId"])["DocumentName"] == name
    listed = ssm.list_command_invocations(CommandId=child["OutputSourceId"], Details=True)["CommandInvocations"]
    plugin = listed[0]["CommandPlugins"][0]
    assert (plugin["Output"], plugin["OutputS3Region"], plugin["OutputS3BucketName"]) == ("legacy\n", "us-east-1", "")
    done = run(ssm, "echo $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME", ids=[node])
    assert invocation(ssm, done["CommandId"], node)["StandardOutputContent"] == f"{node} us-east-1\n"
    done = run(ssm, "sleep 60", ids=[node], parameters={"executionTimeout": ["1"]})
    assert invocation(ssm, done["CommandId"], node)["StatusDetails"] == "ExecutionTimedOut"
    assert (done["ExpiresAfter"] - done["RequestedDateTime"]).total_seconds() == 3601
