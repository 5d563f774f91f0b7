"""Every kind of error of IoT: code, status and what the message says; and garbage, which is never answered with a 500."""

import json
import random
import urllib.error
import urllib.request

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from harness import fresh
from iot import (
    BROAD,
    DAY,
    MITIGATOR,
    NARROW,
    ROLE,
    Authority,
    arn,
    audit,
    document,
    enable,
    findings,
    mitigate,
    now,
    request,
    text,
)

ME = "210987654321"
NONE_ID = "0" * 64
BLANK = {"replaceDefaultPolicyVersionParams": {"templateName": "BLANK_POLICY"}}
DEACTIVATE = {"updateDeviceCertificateParams": {"action": "DEACTIVATE"}}
POLICY_CHECK = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"
DEVICE_CHECK = "DEVICE_CERTIFICATE_EXPIRING_CHECK"
INVALID, MISSING, EXISTS = "InvalidRequestException", "ResourceNotFoundException", "ResourceAlreadyExistsException"
BAD_CERTIFICATE, STATE, IN_USE = "CertificateValidationException", "CertificateStateException", "DeleteConflictException"
STATUS = {
    INVALID: 400, MISSING: 404, EXISTS: 409, BAD_CERTIFICATE: 400, STATE: 406, IN_USE: 409, "MalformedPolicyException": 400,
    "VersionsLimitExceededException": 409, "LimitExceededException": 410, "TaskAlreadyExistsException": 400,
    "NotConfiguredException": 404, "VersionConflictException": 409, "RegistrationCodeValidationException": 400,
}  # fmt: skip


class World:
    """An account with something in every state that an error needs. What is found here is named by attribute."""

    def __init__(self, server):
        self.client = iot = server.client("iot", account=ME, parameter_validation=False)
        iot.create_thing(thingName="thing")
        iot.create_thing(thingName="attached")
        iot.create_thing_type(thingTypeName="kind")
        iot.create_thing_group(thingGroupName="above")
        iot.create_thing_group(thingGroupName="below", parentGroupName="above")
        self.authority = Authority()
        self.ca = iot.register_ca_certificate(
            caCertificate=self.authority.pem, certificateMode="SNI_ONLY", setAsActive=True
        )["certificateId"]
        self.old = Authority().issue(ends=now() + DAY)
        self.made = iot.register_certificate_without_ca(certificatePem=text(self.old), status="ACTIVE")
        self.active, self.active_arn = self.made["certificateId"], self.made["certificateArn"]
        iot.attach_thing_principal(thingName="attached", principal=self.active_arn)
        self.idle = iot.create_certificate_from_csr(certificateSigningRequest=request())["certificateId"]
        bound = iot.create_certificate_from_csr(certificateSigningRequest=request())
        self.bound, self.bound_arn = bound["certificateId"], bound["certificateArn"]
        iot.create_policy(policyName="broad", policyDocument=BROAD)
        iot.attach_policy(policyName="broad", target=self.bound_arn)
        iot.create_policy(policyName="full", policyDocument=NARROW)
        for _ in range(4):
            iot.create_policy_version(policyName="full", policyDocument=NARROW)
        iot.create_role_alias(roleAlias="alias", roleArn=ROLE)
        self.tasks()

    def tasks(self):
        iot = self.client
        iot.create_mitigation_action(actionName="blank", roleArn=MITIGATOR, actionParams=BLANK)
        iot.create_mitigation_action(actionName="deactivate", roleArn=MITIGATOR, actionParams=DEACTIVATE)
        enable(iot, POLICY_CHECK, DEVICE_CHECK)
        self.audit = audit(iot, POLICY_CHECK, DEVICE_CHECK)["taskId"]
        (self.finding,) = [one["findingId"] for one in findings(iot, self.audit, checkName=POLICY_CHECK)]
        self.task = "done"
        mitigate(iot, self.task, {POLICY_CHECK: ["blank"]}, {"findingIds": [self.finding]})
        iot.create_scheduled_audit(scheduledAuditName="daily", frequency="DAILY", targetCheckNames=[POLICY_CHECK])
        self.suppressed = {"checkName": POLICY_CHECK, "resourceIdentifier": policy("broad")}
        iot.create_audit_suppression(**self.suppressed, suppressIndefinitely=True, clientRequestToken="first")


def policy(name, version="1"):
    return {"policyVersionIdentifier": {"policyName": name, "policyVersionId": version}}


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def later(days):
    return (now() + days * DAY).isoformat()


def start(**fields):
    """A task that would be started but for these fields, each made from the world."""

    def make(world):
        made = {name: field(world) if callable(field) else field for name, field in fields.items()}
        task = {
            "taskId": fresh("task"),
            "target": {"auditTaskId": world.audit},
            "auditCheckToActionsMapping": {POLICY_CHECK: ["blank"]},
            "clientRequestToken": fresh("token"),
        }
        return task | made

    return make


BEHAVIOR = {
    "name": "few", "metric": "aws:num-messages-sent",
    "criteria": {"comparisonOperator": "less-than", "value": {"count": 5}, "durationSeconds": 300},
}  # fmt: skip
NAME_PATTERN = "failed to satisfy constraint"

# operation, input (or what makes it from the world), code, a part of the message
ROWS = [
    # --- things
    ("DescribeThing", {"thingName": "none"}, MISSING, ""),
    ("CreateThing", {"thingName": "bad name"}, INVALID, NAME_PATTERN),
    ("CreateThing", {"thingName": "thing", "attributePayload": {"attributes": {"a": "b"}}}, EXISTS, ""),
    ("CreateThing", {"thingName": "x", "thingTypeName": "none"}, MISSING, ""),
    ("CreateThing", {"thingName": "x", "attributePayload": {"attributes": {"a b": "c"}}}, INVALID, ""),
    ("UpdateThing", {"thingName": "none"}, MISSING, ""),
    ("UpdateThing", {"thingName": "thing", "expectedVersion": 7}, "VersionConflictException", ""),
    ("UpdateThing", {"thingName": "thing", "removeThingType": True, "thingTypeName": "kind"}, INVALID, ""),
    ("DeleteThing", {"thingName": "attached"}, INVALID, "principal"),
    ("DeleteThing", {"thingName": "thing", "expectedVersion": 7}, "VersionConflictException", ""),
    ("ListThings", {"maxResults": 0}, INVALID, "maxResults"),
    ("ListThings", {"maxResults": 251}, INVALID, "maxResults"),
    ("ListThings", {"nextToken": "garbage"}, INVALID, ""),
    ("CreateThingType", {"thingTypeName": "bad name"}, INVALID, NAME_PATTERN),
    ("DescribeThingType", {"thingTypeName": "none"}, MISSING, ""),
    ("DeleteThingType", {"thingTypeName": "kind"}, INVALID, ""),
    ("DeleteThingType", {"thingTypeName": "none"}, MISSING, ""),
    ("DeprecateThingType", {"thingTypeName": "none"}, MISSING, ""),
    # --- groups
    ("DescribeThingGroup", {"thingGroupName": "none"}, MISSING, ""),
    ("CreateThingGroup", {"thingGroupName": "g", "parentGroupName": "none"}, INVALID, "none"),
    ("CreateThingGroup", {"thingGroupName": "below"}, EXISTS, ""),
    ("DeleteThingGroup", {"thingGroupName": "above"}, INVALID, ""),
    ("UpdateThingGroup", {"thingGroupName": "none", "thingGroupProperties": {}}, MISSING, ""),
    ("UpdateThingGroup", {"thingGroupName": "above", "thingGroupProperties": {}, "expectedVersion": 9}, "VersionConflictException", ""),
    ("AddThingToThingGroup", {"thingGroupName": "none", "thingName": "thing"}, MISSING, ""),
    ("AddThingToThingGroup", {"thingGroupName": "above", "thingName": "none"}, MISSING, ""),
    ("AddThingToThingGroup", {}, INVALID, ""),
    ("ListThingsInThingGroup", {"thingGroupName": "none"}, MISSING, ""),
    ("ListThingGroupsForThing", {"thingName": "none"}, MISSING, ""),
    ("ListThingGroups", {"nextToken": "garbage"}, INVALID, ""),
    # --- principals
    ("AttachThingPrincipal", {"thingName": "thing", "principal": arn(f"cert/{NONE_ID}", account=ME)}, MISSING, ""),
    ("AttachThingPrincipal", lambda w: {"thingName": "none", "principal": w.active_arn}, MISSING, ""),
    ("ListThingPrincipals", {"thingName": "none"}, MISSING, ""),
    # --- certificates
    ("DescribeCertificate", {"certificateId": NONE_ID}, MISSING, ""),
    ("DescribeCertificate", {"certificateId": "abc"}, INVALID, "certificateId"),
    ("CreateCertificateFromCsr", {"certificateSigningRequest": "nothing"}, INVALID, ""),
    ("RegisterCertificateWithoutCA", {"certificatePem": "nothing"}, BAD_CERTIFICATE, ""),
    ("RegisterCertificateWithoutCA", lambda w: {"certificatePem": text(w.old)}, EXISTS, ""),
    ("RegisterCertificate", lambda w: {"certificatePem": text(Authority().issue()), "caCertificatePem": w.authority.pem}, BAD_CERTIFICATE, ""),
    ("UpdateCertificate", lambda w: {"certificateId": w.active, "newStatus": "PENDING_TRANSFER"}, INVALID, ""),
    ("UpdateCertificate", lambda w: {"certificateId": w.active, "newStatus": "NONSENSE"}, INVALID, "newStatus"),
    ("UpdateCertificate", {"certificateId": NONE_ID, "newStatus": "ACTIVE"}, MISSING, ""),
    ("DeleteCertificate", lambda w: {"certificateId": w.active}, STATE, "must be deactivated"),
    ("DeleteCertificate", lambda w: {"certificateId": w.bound}, IN_USE, "polic"),
    ("DeleteCertificate", {"certificateId": NONE_ID}, MISSING, ""),
    ("TransferCertificate", lambda w: {"certificateId": w.idle, "targetAwsAccount": "12"}, INVALID, "targetAwsAccount"),
    ("CancelCertificateTransfer", {"certificateId": NONE_ID}, MISSING, ""),
    ("ListCertificates", {"pageSize": 0}, INVALID, "pageSize"),
    ("ListCertificates", {"marker": "+++"}, INVALID, ""),
    ("RegisterCACertificate", {"caCertificate": "nothing", "certificateMode": "SNI_ONLY"}, BAD_CERTIFICATE, ""),
    ("RegisterCACertificate", lambda w: {"caCertificate": w.authority.pem, "certificateMode": "SNI_ONLY"}, EXISTS, ""),
    ("DeleteCACertificate", lambda w: {"certificateId": w.ca}, STATE, ""),
    ("DescribeCACertificate", {"certificateId": NONE_ID}, MISSING, ""),
    # --- policies
    ("CreatePolicy", {"policyName": "bad", "policyDocument": "nothing"}, "MalformedPolicyException", ""),
    ("CreatePolicy", {"policyName": "bad", "policyDocument": '{"Version": "2012-10-17"}'}, "MalformedPolicyException", ""),
    ("CreatePolicy", {"policyName": "broad", "policyDocument": BROAD}, EXISTS, ""),
    ("CreatePolicy", {"policyName": "bad name", "policyDocument": BROAD}, INVALID, "policyName"),
    ("CreatePolicyVersion", {"policyName": "full", "policyDocument": BROAD}, "VersionsLimitExceededException", "maximum number of versions (5)"),
    ("CreatePolicyVersion", {"policyName": "none", "policyDocument": BROAD}, MISSING, ""),
    ("DeletePolicyVersion", {"policyName": "full", "policyVersionId": "1"}, INVALID, "Cannot delete the default version of a policy"),
    ("DeletePolicyVersion", {"policyName": "full", "policyVersionId": "9"}, MISSING, ""),
    ("SetDefaultPolicyVersion", {"policyName": "full", "policyVersionId": "9"}, MISSING, ""),
    ("DeletePolicy", {"policyName": "full"}, IN_USE, ""),
    ("DeletePolicy", {"policyName": "broad"}, IN_USE, ""),
    ("DeletePolicy", {"policyName": "none"}, MISSING, ""),
    ("GetPolicyVersion", {"policyName": "full", "policyVersionId": "x"}, INVALID, "policyVersionId"),
    ("AttachPolicy", {"policyName": "none", "target": arn("thinggroup/above", account=ME)}, MISSING, ""),
    ("AttachPolicy", {"policyName": "full", "target": arn(f"cert/{NONE_ID}", account=ME)}, MISSING, ""),
    ("ListAttachedPolicies", {"target": "nothing"}, INVALID, ""),
    ("ListTargetsForPolicy", {"policyName": "none"}, MISSING, ""),
    # --- role aliases, logging
    ("CreateRoleAlias", {"roleAlias": "alias", "roleArn": ROLE}, EXISTS, ""),
    ("CreateRoleAlias", {"roleAlias": "short", "roleArn": ROLE, "credentialDurationSeconds": 1}, INVALID, "credentialDurationSeconds"),
    ("DescribeRoleAlias", {"roleAlias": "none"}, MISSING, ""),
    ("DeleteRoleAlias", {"roleAlias": "none"}, MISSING, ""),
    ("GetV2LoggingOptions", {}, "NotConfiguredException", ""),
    ("SetV2LoggingOptions", {"defaultLogLevel": "LOUD"}, INVALID, "defaultLogLevel"),
    # --- audits
    ("UpdateAccountAuditConfiguration", {"auditCheckConfigurations": {"NO_CHECK": {"enabled": True}}}, INVALID, ""),
    ("UpdateAccountAuditConfiguration", {"auditCheckConfigurations": {POLICY_CHECK: {"enabled": False}}}, INVALID, ""),
    ("DeleteAccountAuditConfiguration", {}, INVALID, ""),
    ("StartOnDemandAuditTask", {"targetCheckNames": []}, INVALID, ""),
    ("StartOnDemandAuditTask", {"targetCheckNames": ["NO_CHECK"]}, INVALID, ""),
    ("StartOnDemandAuditTask", {"targetCheckNames": ["LOGGING_DISABLED_CHECK"]}, INVALID, ""),
    ("DescribeAuditTask", {"taskId": "0" * 32}, MISSING, ""),
    ("DescribeAuditTask", {"taskId": "not hex"}, INVALID, "taskId"),
    ("CancelAuditTask", {"taskId": "0" * 32}, MISSING, ""),
    ("CancelAuditTask", lambda w: {"taskId": w.audit}, INVALID, ""),
    ("ListAuditTasks", {"startTime": later(-100), "endTime": later(0)}, INVALID, ""),
    ("ListAuditTasks", {"startTime": later(0), "endTime": later(-1)}, INVALID, ""),
    ("ListAuditTasks", {"startTime": later(-1)}, INVALID, "endTime"),
    ("ListAuditTasks", {"startTime": later(-1), "endTime": later(0), "taskStatus": "NONE"}, INVALID, "taskStatus"),
    # --- findings
    ("ListAuditFindings", {}, INVALID, ""),
    ("ListAuditFindings", lambda w: {"taskId": w.audit, "startTime": later(-1), "endTime": later(0)}, INVALID, ""),
    ("ListAuditFindings", {"startTime": later(-1)}, INVALID, ""),
    ("ListAuditFindings", lambda w: {"taskId": w.audit, "checkName": "NO_CHECK"}, INVALID, ""),
    ("ListAuditFindings", lambda w: {"taskId": w.audit, "resourceIdentifier": {}}, INVALID, ""),
    ("ListAuditFindings", lambda w: {"taskId": w.audit, "resourceIdentifier": {"account": ME, "clientId": "c"}}, INVALID, ""),
    ("ListAuditFindings", lambda w: {"taskId": w.audit, "nextToken": "garbage"}, INVALID, ""),
    ("ListAuditFindings", lambda w: {"taskId": w.audit, "maxResults": 0}, INVALID, "maxResults"),
    ("DescribeAuditFinding", {"findingId": "11111111-2222-4333-8444-555555555555"}, MISSING, ""),
    # --- scheduled audits
    ("CreateScheduledAudit", {"scheduledAuditName": "daily", "frequency": "DAILY", "targetCheckNames": [POLICY_CHECK]}, EXISTS, ""),
    ("CreateScheduledAudit", {"scheduledAuditName": "w", "frequency": "WEEKLY", "targetCheckNames": [POLICY_CHECK]}, INVALID, ""),
    ("CreateScheduledAudit", {"scheduledAuditName": "m", "frequency": "MONTHLY", "targetCheckNames": [POLICY_CHECK]}, INVALID, ""),
    ("CreateScheduledAudit", {"scheduledAuditName": "m", "frequency": "MONTHLY", "dayOfMonth": "32", "targetCheckNames": [POLICY_CHECK]}, INVALID, ""),
    ("CreateScheduledAudit", {"scheduledAuditName": "d", "frequency": "DAILY", "targetCheckNames": ["NO_CHECK"]}, INVALID, ""),
    ("CreateScheduledAudit", {"scheduledAuditName": "d", "frequency": "DAILY", "targetCheckNames": ["LOGGING_DISABLED_CHECK"]}, INVALID, ""),
    ("DescribeScheduledAudit", {"scheduledAuditName": "none"}, MISSING, ""),
    ("UpdateScheduledAudit", {"scheduledAuditName": "none", "frequency": "DAILY"}, MISSING, ""),
    ("DeleteScheduledAudit", {"scheduledAuditName": "none"}, MISSING, ""),
    # --- suppressions
    ("CreateAuditSuppression", lambda w: {**w.suppressed, "suppressIndefinitely": True, "clientRequestToken": "second"}, EXISTS, ""),
    ("CreateAuditSuppression", {"checkName": POLICY_CHECK, "resourceIdentifier": policy("full"), "suppressIndefinitely": True, "clientRequestToken": "first"}, EXISTS, ""),
    ("CreateAuditSuppression", {"checkName": POLICY_CHECK, "resourceIdentifier": policy("full"), "clientRequestToken": "a"}, INVALID, ""),
    ("CreateAuditSuppression", {"checkName": POLICY_CHECK, "resourceIdentifier": policy("full"), "expirationDate": 1, "clientRequestToken": "a"}, INVALID, ""),
    ("CreateAuditSuppression", {"checkName": "NO_CHECK", "resourceIdentifier": policy("full"), "suppressIndefinitely": True, "clientRequestToken": "a"}, INVALID, ""),
    ("CreateAuditSuppression", {"checkName": POLICY_CHECK, "resourceIdentifier": {}, "suppressIndefinitely": True, "clientRequestToken": "a"}, INVALID, ""),
    ("DescribeAuditSuppression", {"checkName": POLICY_CHECK, "resourceIdentifier": policy("full")}, MISSING, ""),
    ("UpdateAuditSuppression", {"checkName": POLICY_CHECK, "resourceIdentifier": policy("full"), "description": "d"}, MISSING, ""),
    # --- mitigation actions
    ("CreateMitigationAction", {"actionName": "blank", "roleArn": MITIGATOR, "actionParams": BLANK}, EXISTS, ""),
    ("CreateMitigationAction", {"actionName": "x", "roleArn": MITIGATOR, "actionParams": {}}, INVALID, ""),
    ("CreateMitigationAction", {"actionName": "x", "roleArn": MITIGATOR, "actionParams": BLANK | DEACTIVATE}, INVALID, ""),
    ("CreateMitigationAction", {"actionName": "x", "roleArn": "short", "actionParams": BLANK}, INVALID, "roleArn"),
    ("CreateMitigationAction", {"actionName": "bad name", "roleArn": MITIGATOR, "actionParams": BLANK}, INVALID, "actionName"),
    ("CreateMitigationAction", {"actionName": "x", "roleArn": MITIGATOR, "actionParams": {"enableIoTLoggingParams": {"roleArnForLogging": ROLE, "logLevel": "DISABLED"}}}, INVALID, ""),
    ("CreateMitigationAction", {"actionName": "x", "roleArn": MITIGATOR, "actionParams": {"addThingsToThingGroupParams": {"thingGroupNames": []}}}, INVALID, "thingGroupNames"),
    ("UpdateMitigationAction", {"actionName": "none", "roleArn": MITIGATOR}, MISSING, ""),
    ("UpdateMitigationAction", {"actionName": "blank", "actionParams": DEACTIVATE}, INVALID, ""),
    ("DescribeMitigationAction", {"actionName": "none"}, MISSING, ""),
    # --- mitigation tasks
    ("StartAuditMitigationActionsTask", start(taskId="bad task"), INVALID, "taskId"),
    ("StartAuditMitigationActionsTask", start(taskId="done"), "TaskAlreadyExistsException", ""),
    ("StartAuditMitigationActionsTask", start(target={}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(target=lambda w: {"auditTaskId": w.audit, "findingIds": [w.finding]}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(target={"auditTaskId": "0" * 32}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(target={"findingIds": ["11111111-2222-4333-8444-555555555555"]}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(target=lambda w: {"findingIds": [w.finding] * 26}), INVALID, "findingIds"),
    ("StartAuditMitigationActionsTask", start(auditCheckToActionsMapping={}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(auditCheckToActionsMapping={POLICY_CHECK: []}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(auditCheckToActionsMapping={"NO_CHECK": ["blank"]}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(auditCheckToActionsMapping={POLICY_CHECK: ["none"]}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(auditCheckToActionsMapping={POLICY_CHECK: ["deactivate"]}), INVALID, ""),
    ("StartAuditMitigationActionsTask", start(auditCheckToActionsMapping={POLICY_CHECK: ["blank"] * 6}), INVALID, ""),
    ("DescribeAuditMitigationActionsTask", {"taskId": "none"}, MISSING, ""),
    ("CancelAuditMitigationActionsTask", {"taskId": "none"}, MISSING, ""),
    ("CancelAuditMitigationActionsTask", {"taskId": "done"}, INVALID, ""),
    ("ListAuditMitigationActionsTasks", {"startTime": later(-1)}, INVALID, "endTime"),
    ("ListAuditMitigationActionsTasks", {"startTime": later(0), "endTime": later(-1)}, INVALID, ""),
    ("ListAuditMitigationActionsExecutions", {"taskId": "done"}, INVALID, "findingId"),
    ("ListAuditMitigationActionsExecutions", {"findingId": "f"}, INVALID, "taskId"),
    ("ListAuditMitigationActionsExecutions", {"taskId": "done", "findingId": "f", "actionStatus": "DONE"}, INVALID, "actionStatus"),
    ("ListAuditMitigationActionsExecutions", lambda w: {"taskId": "done", "findingId": w.finding, "maxResults": 251}, INVALID, "maxResults"),
    ("ListAuditMitigationActionsExecutions", lambda w: {"taskId": "done", "findingId": w.finding, "nextToken": "garbage"}, INVALID, ""),
    # --- Detect
    ("CreateSecurityProfile", {"securityProfileName": "p", "behaviors": [BEHAVIOR | {"metric": "none"}]}, INVALID, ""),
    ("DescribeSecurityProfile", {"securityProfileName": "none"}, MISSING, ""),
    ("AttachSecurityProfile", {"securityProfileName": "none", "securityProfileTargetArn": arn("all/things", account=ME)}, MISSING, ""),
    ("DescribeDetectMitigationActionsTask", {"taskId": "none"}, MISSING, ""),
    ("StartDetectMitigationActionsTask", {"taskId": "t", "target": {"violationIds": ["none"]}, "actions": ["blank"], "clientRequestToken": "a"}, INVALID, ""),
    # --- tags
    ("ListTagsForResource", {"resourceArn": "nothing"}, INVALID, ""),
    ("ListTagsForResource", {"resourceArn": arn("thinggroup/none", account=ME)}, MISSING, ""),
    ("DescribeEndpoint", {"endpointType": "iot:Nothing"}, INVALID, ""),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[f"{n}-{row[0]}-{row[2]}" for n, row in enumerate(ROWS)])
def test_what_is_wrong_is_refused(world, row):
    operation, given, code, part = row
    given = given(world) if callable(given) else given
    with pytest.raises(ClientError) as refused:
        getattr(world.client, xform_name(operation))(**given)
    error, seen = refused.value.response["Error"], refused.value.response["ResponseMetadata"]
    assert (error["Code"], seen["HTTPStatusCode"]) == (code, STATUS[code]), error
    assert part in error["Message"], error


def test_a_task_or_finding_that_nobody_knows_has_no_executions(world):
    listed = world.client.list_audit_mitigation_actions_executions
    assert listed(taskId="none", findingId=world.finding)["actionsExecutions"] == []
    assert listed(taskId="done", findingId="none")["actionsExecutions"] == []


def test_what_exists_already_says_which(world):
    with pytest.raises(ClientError) as refused:
        world.client.create_thing(thingName="thing", thingTypeName="kind")
    assert refused.value.response["resourceArn"] == arn("thing/thing", account=ME)
    with pytest.raises(ClientError) as refused:
        world.client.register_certificate_without_ca(certificatePem=text(world.old))
    assert refused.value.response["resourceId"] == world.active


def raw(server, method, path, body=b"", headers=None):
    authorization = f"AWS4-HMAC-SHA256 Credential={ME}/20260101/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=0"
    sent = urllib.request.Request(
        server.endpoint + path, data=body or None, method=method, headers={"Authorization": authorization, **(headers or {})}
    )
    try:
        with urllib.request.urlopen(sent, timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_executions_need_both_ids_on_the_wire(server):
    status, headers, body = raw(server, "GET", "/audit/mitigationactions/executions?taskId=t")
    assert (status, headers["x-amzn-ErrorType"].split(":")[0]) == (400, INVALID)
    assert json.loads(body)["message"] == (
        "1 validation error detected: Value null at 'findingId' failed to satisfy constraint: Member must not be null"
    )


def test_garbage_is_never_a_fault_of_the_server(server, world):
    dice = random.Random(11)
    paths = [
        "/things/{}", "/thing-groups/{}", "/certificates/{}", "/policies/{}", "/policies/{}/version/{}", "/audit/tasks/{}",
        "/audit/findings", "/audit/findings/{}", "/audit/suppressions/create", "/audit/configuration", "/audit/tasks",
        "/audit/mitigationactions/tasks/{}", "/audit/mitigationactions/executions?taskId={}&findingId={}", "/tags",
        "/mitigationactions/actions/{}", "/detect/mitigationactions/tasks/{}", "/security-profiles/{}", "/cacertificate",
        "/certificate/register-no-ca", "/v2LoggingOptions", "/role-aliases/{}", "/target-policies/{}", "/active-violations",
    ]  # fmt: skip
    names = ["x", "%00", "%2F..%2F", "a" * 3000, "%F0%9F%92%A9", "..", "'", "0" * 64, "%", "{}", world.audit]
    bodies = [
        b"", b"{", b"[]", b"null", b"\xff", b'{"taskId": 1}', b'{"target": {"auditTaskId": []}}', b'{"a": ' + b"[" * 5000,
        b'{"policyDocument": "\\ud800"}', b'{"expirationDate": 1e400}', b'{"startTime": -1e18, "endTime": 1e18}',
        b'{"resourceIdentifier": {"policyVersionIdentifier": {}}}', b'{"targetCheckNames": [null]}',
        b'{"actionParams": {"addThingsToThingGroupParams": {"thingGroupNames": ["", null]}}}',
    ]  # fmt: skip
    for _ in range(600):
        path = dice.choice(paths)
        path = path.format(*(dice.choice(names) for _ in range(path.count("{}"))))
        status, _, body = raw(server, dice.choice(["GET", "POST", "PUT", "PATCH", "DELETE"]), path, dice.choice(bodies))
        assert status < 500 or status == 501, (path, status, body)
    assert server.get("/health")[0] == 200


def test_a_document_with_every_wildcard_is_judged_in_time(server):
    """Patterns are matched without backtracking over all ways."""
    iot = server.client("iot", account="210987654322")
    stars = document({"Effect": "Allow", "Action": "iot:" + "*a" * 40, "Resource": "arn:aws:iot:*" + "a*" * 400})
    iot.create_policy(policyName="stars", policyDocument=stars)
    enable(iot, POLICY_CHECK, "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK")
    assert audit(iot, POLICY_CHECK, "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK")["taskStatus"] == "COMPLETED"
