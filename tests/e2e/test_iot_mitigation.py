"""Mitigation tasks: what fails, what is skipped, what is published, what is canceled, and who is told."""

import http.server
import json
import threading
import urllib.parse

import pytest
from botocore.exceptions import ClientError

from harness import eventually, fresh
from iot import (
    BROAD,
    DAY,
    MISCONFIGURED,
    MITIGATOR,
    NARROW,
    audit,
    audited,
    enable,
    executions,
    findings,
    mitigate,
    mitigated,
    now,
)

BROAD_CHECK, WILDCARD_CHECK = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK"
TOPIC = "arn:aws:sns:us-east-1:000000000000:findings"


class Topic(http.server.ThreadingHTTPServer):
    """An SNS that takes messages, once its gate is open."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Publish)
        self.published, self.gate, self.refuses = [], threading.Event(), False
        self.gate.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def environment(self):
        return {
            "AWS_ENDPOINT_URL_SNS": f"http://127.0.0.1:{self.server_address[1]}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }


class _Publish(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.gate.wait(30)
        sent = {name: value for name, (value,) in urllib.parse.parse_qs(body).items()}
        self.server.published.append(sent)
        namespace = 'xmlns="http://sns.amazonaws.com/doc/2010-03-31/"'
        answer = f"<PublishResponse {namespace}><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
        if self.server.refuses:
            answer = f"<ErrorResponse {namespace}><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>"
        self.send_response(404 if self.server.refuses else 200)
        self.send_header("content-type", "text/xml")
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def topic():
    topic = Topic()
    yield topic
    topic.gate.set()
    topic.shutdown()


@pytest.fixture
def server(new_server, topic):
    return new_server(env=topic.environment)


@pytest.fixture
def iot(server):
    iot = server.client("iot")
    blank = {"replaceDefaultPolicyVersionParams": {"templateName": "BLANK_POLICY"}}
    iot.create_mitigation_action(actionName="blank", roleArn=MITIGATOR, actionParams=blank)
    publish = {"publishFindingToSnsParams": {"topicArn": TOPIC}}
    iot.create_mitigation_action(actionName="publish", roleArn=MITIGATOR, actionParams=publish)
    enable(iot, BROAD_CHECK, WILDCARD_CHECK)
    return iot


def policy(iot, text=BROAD, versions=1):
    name = fresh("policy")
    iot.create_policy(policyName=name, policyDocument=text)
    for _ in range(versions - 1):
        iot.create_policy_version(policyName=name, policyDocument=NARROW)
    return name


def found(iot, *checks):
    """An audit's task and its findings by policy."""
    task = audit(iot, *(checks or (BROAD_CHECK,)))["taskId"]
    identifier = "policyVersionIdentifier"
    by = {one["nonCompliantResource"]["resourceIdentifier"][identifier]["policyName"]: one for one in findings(iot, task)}
    return task, by


def counts(**given):
    names = ["totalFindingsCount", "failedFindingsCount", "succeededFindingsCount", "skippedFindingsCount", "canceledFindingsCount"]
    return dict.fromkeys(names, 0) | {f"{name}FindingsCount": count for name, count in given.items()}


def test_a_failed_action_skips_the_later_ones_of_its_finding_only(iot, topic):
    full, fine = policy(iot, versions=5), policy(iot)
    task, by = found(iot)
    seen = mitigate(iot, "mend", {BROAD_CHECK: ["blank", "publish"]}, {"auditTaskId": task})
    assert seen["taskStatus"] == "FAILED"
    assert seen["taskStatistics"][BROAD_CHECK] == counts(total=2, failed=1, succeeded=1)
    failed, skipped = executions(iot, "mend", by[full]["findingId"])
    assert (failed["status"], failed["errorCode"]) == ("FAILED", "VersionsLimitExceededException")
    assert f"The policy {full} already has the maximum number of versions (5)" in failed["message"]
    assert skipped["status"] == "SKIPPED" and "errorCode" not in skipped
    assert [one["status"] for one in executions(iot, "mend", by[fine]["findingId"])] == ["COMPLETED", "COMPLETED"]
    assert len(executions(iot, "mend", by[full]["findingId"], actionStatus="SKIPPED")) == 1
    assert len(topic.published) == 1
    assert iot.get_policy(policyName=full)["defaultVersionId"] == "1"
    assert iot.get_policy(policyName=fine)["defaultVersionId"] == "2"


def test_a_finding_is_published_as_it_is(iot, topic):
    name = policy(iot)
    task, by = found(iot)
    assert mitigate(iot, "tell", {BROAD_CHECK: ["publish"]}, {"findingIds": [by[name]["findingId"]]})["taskStatus"] == "COMPLETED"
    (sent,) = topic.published
    assert (sent["Action"], sent["TopicArn"]) == ("Publish", TOPIC)
    message = json.loads(sent["Message"])
    expected = {key: value for key, value in by[name].items() if not key.endswith("Time")}
    assert {key: value for key, value in message.items() if key in expected} == expected


def test_a_topic_that_refuses_fails_the_action_with_its_error(iot, topic):
    topic.refuses = True
    name = policy(iot)
    _, by = found(iot)
    seen = mitigate(iot, "tell", {BROAD_CHECK: ["publish", "blank"]}, {"findingIds": [by[name]["findingId"]]})
    assert seen["taskStatus"] == "FAILED"
    failed, skipped = executions(iot, "tell", by[name]["findingId"])
    assert (failed["status"], skipped["status"]) == ("FAILED", "SKIPPED")
    assert "NotFound" in failed["errorCode"] and "Topic does not exist" in failed["message"]
    assert iot.get_policy(policyName=name)["defaultVersionId"] == "1"


@pytest.mark.parametrize("kills", [False, True], ids=["running on", "killed"])
def test_a_canceled_task_shows_what_was_not_done(server, iot, topic, kills):
    names = [policy(iot) for _ in range(100)]
    task, by = found(iot)
    topic.gate.clear()
    iot.start_audit_mitigation_actions_task(
        taskId="slow", target={"auditTaskId": task}, auditCheckToActionsMapping={BROAD_CHECK: ["publish", "blank"]},
        clientRequestToken="a",
    )  # fmt: skip
    statuses = lambda: {one["status"] for name in names for one in executions(iot, "slow", by[name]["findingId"])}  # noqa: E731
    eventually(lambda: statuses() == {"IN_PROGRESS", "PENDING"}, "the task waits for the topic")
    assert iot.describe_audit_mitigation_actions_task(taskId="slow")["taskStatus"] == "IN_PROGRESS"
    if kills:
        server.kill()
        server.start()
        eventually(lambda: statuses() == {"IN_PROGRESS", "PENDING"}, "the task waits again")
    iot.cancel_audit_mitigation_actions_task(taskId="slow")
    topic.gate.set()
    seen = mitigated(iot, "slow")
    assert seen["taskStatus"] == "CANCELED" and seen["startTime"] <= seen["endTime"]
    eventually(lambda: not statuses() & {"IN_PROGRESS", "PENDING"}, "nothing is left to be done")
    statistics = iot.describe_audit_mitigation_actions_task(taskId="slow")["taskStatistics"][BROAD_CHECK]
    assert statistics["totalFindingsCount"] == 100 and statistics["canceledFindingsCount"] > 0
    assert sum(statistics.values()) == 200
    for name in names:
        done = [one["status"] for one in executions(iot, "slow", by[name]["findingId"])]
        blanked = iot.get_policy(policyName=name)["defaultVersionId"] == "2"
        assert blanked == (done[1] == "COMPLETED"), (name, done)
    with pytest.raises(ClientError) as refused:
        iot.cancel_audit_mitigation_actions_task(taskId="slow")
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_filter_of_reasons_and_suppressions_leave_findings_alone(iot):
    broad, wild, known = policy(iot), policy(iot, MISCONFIGURED), policy(iot)
    suppressed = {"policyVersionIdentifier": {"policyName": known, "policyVersionId": "1"}}
    iot.create_audit_suppression(checkName=BROAD_CHECK, resourceIdentifier=suppressed, suppressIndefinitely=True)
    task, by = found(iot, BROAD_CHECK, WILDCARD_CHECK)
    assert by[known]["isSuppressed"]
    reasons = {
        WILDCARD_CHECK: ["TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS"],
        BROAD_CHECK: ["ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS"],
    }
    target = {"auditTaskId": task, "auditCheckToReasonCodeFilter": reasons}
    seen = mitigate(iot, "some", {BROAD_CHECK: ["blank"], WILDCARD_CHECK: ["blank"]}, target)
    assert (seen["taskStatus"], seen["target"]) == ("COMPLETED", target)
    assert seen["taskStatistics"][WILDCARD_CHECK] == counts(total=1, skipped=1)
    assert seen["taskStatistics"][BROAD_CHECK] == counts(total=1, succeeded=1)
    assert [len(executions(iot, "some", by[name]["findingId"])) for name in (broad, known)] == [1, 0]
    versions = [iot.get_policy(policyName=name)["defaultVersionId"] for name in (broad, wild, known)]
    assert versions == ["2", "1", "1"]


def test_a_task_keeps_the_actions_that_it_began_with(iot):
    name = policy(iot)
    _, by = found(iot)
    mitigate(iot, "mend", {BROAD_CHECK: ["blank"]}, {"findingIds": [by[name]["findingId"]]})
    before = iot.describe_audit_mitigation_actions_task(taskId="mend")["actionsDefinition"]
    iot.update_mitigation_action(actionName="blank", roleArn=MITIGATOR + "2")
    iot.delete_mitigation_action(actionName="blank")
    assert iot.describe_audit_mitigation_actions_task(taskId="mend")["actionsDefinition"] == before
    (done,) = executions(iot, "mend", by[name]["findingId"])
    assert done["actionId"] == before[0]["id"]


def test_the_end_of_an_audit_is_published(iot, topic):
    target = {"targetArn": TOPIC, "roleArn": MITIGATOR, "enabled": True}
    iot.update_account_audit_configuration(auditNotificationTargetConfigurations={"SNS": target})
    policy(iot)
    task = audit(iot, BROAD_CHECK)["taskId"]
    eventually(lambda: topic.published, "the end is published")
    message = json.loads(topic.published[0]["Message"])
    assert message == {
        "accountId": "000000000000", "taskId": task, "taskStatus": "COMPLETED", "taskType": "ON_DEMAND_AUDIT_TASK",
        "auditDetails": [
            {
                "checkName": BROAD_CHECK, "checkRunStatus": "COMPLETED_NON_COMPLIANT",
                "nonCompliantResourcesCount": 1, "totalResourcesCount": 1,
            }
        ],
    }  # fmt: skip


def test_a_scheduled_audit_fires_also_after_a_restart_and_once_for_what_was_missed(server, iot):
    policy(iot)
    iot.create_scheduled_audit(scheduledAuditName="daily", frequency="DAILY", targetCheckNames=[BROAD_CHECK])

    def ran():
        window = {"startTime": now() - DAY, "endTime": now() + 80 * DAY, "taskType": "SCHEDULED_AUDIT_TASK"}
        return iot.list_audit_tasks(**window)["tasks"]

    assert ran() == []
    server.post("/_trackway/clock/advance", b'{"seconds": 86400}')
    (first,) = eventually(ran, "the audit fires")
    seen = audited(iot, first["taskId"])
    assert (seen["taskType"], seen["scheduledAuditName"]) == ("SCHEDULED_AUDIT_TASK", "daily")
    server.kill()
    server.start()
    server.post("/_trackway/clock/advance", json.dumps({"seconds": 3 * 86400}).encode())
    eventually(lambda: len(ran()) >= 2, "it fires again")
    with pytest.raises(ClientError) as refused:
        iot.update_account_audit_configuration(auditCheckConfigurations={BROAD_CHECK: {"enabled": False}})
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
    iot.delete_scheduled_audit(scheduledAuditName="daily")
    before = len(ran())
    server.post("/_trackway/clock/advance", b'{"seconds": 86400}')
    assert len(ran()) == before
