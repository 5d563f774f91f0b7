"""A registry with each defect: one audit finds exactly those, a task mends them, a second audit is clean."""

import datetime
import re

import pytest

from harness import fresh
from iot import (
    ACCOUNT,
    BROAD,
    CHECKS,
    DAY,
    HOUR,
    MISCONFIGURED,
    MITIGATOR,
    NARROW,
    ROLE,
    Authority,
    arn,
    audited,
    document,
    enable,
    executions,
    feed,
    findings,
    mitigated,
    moment,
    now,
    roca_key,
    text,
)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
HEX32 = re.compile(r"[0-9a-f]{32}")
POLICY_TEXT = re.compile(r"Policy allows broad access to IoT data plane actions: \[iot:\w+(, iot:\w+)*\]\.")
SEVERITY = {
    "DEVICE_CERTIFICATE_EXPIRING_CHECK": "MEDIUM",
    "CA_CERTIFICATE_EXPIRING_CHECK": "MEDIUM",
    "DEVICE_CERTIFICATE_AGE_CHECK": "LOW",
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK": "CRITICAL",
    "CA_CERTIFICATE_KEY_QUALITY_CHECK": "CRITICAL",
    "DEVICE_CERTIFICATE_SHARED_CHECK": "CRITICAL",
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK": "MEDIUM",
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK": "CRITICAL",
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK": "CRITICAL",
    "CONFLICTING_CLIENT_IDS_CHECK": "HIGH",
    "IOT_POLICY_OVERLY_PERMISSIVE_CHECK": "CRITICAL",
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK": "MEDIUM",
    "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK": "CRITICAL",
    "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK": "MEDIUM",
    "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK": "CRITICAL",
    "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK": "CRITICAL",
    "LOGGING_DISABLED_CHECK": "LOW",
}
DEVICE_CHECKS = [
    "DEVICE_CERTIFICATE_EXPIRING_CHECK",
    "DEVICE_CERTIFICATE_AGE_CHECK",
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
    "DEVICE_CERTIFICATE_SHARED_CHECK",
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
]
CA_CHECKS = [
    "CA_CERTIFICATE_EXPIRING_CHECK",
    "CA_CERTIFICATE_KEY_QUALITY_CHECK",
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
]
POLICY_CHECKS = ["IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK"]


class Fleet:
    """A registry with each defect, beside as many things that are as they should be."""

    def __init__(self):
        self.root = Authority("Root")
        self.revoked = Authority("Revoked", issuer=self.root)
        self.revoker = Authority("Revoker")
        self.weak = Authority("Weak", private=roca_key())
        self.expiring = Authority("Expiring", ends=now() + 10 * DAY)
        self.stolen = self.revoker.issue("stolen")
        self.crl = self.root.revocations(self.revoked.certificate) + self.revoker.revocations(self.stolen)
        # (check, reason code) -> identifiers of what doesn't comply
        self.expected = {}

    def expect(self, check, code, **identifier):
        self.expected.setdefault((check, code), []).append(identifier)

    def build(self, server, iot):
        self.iot = iot
        iot.create_thing_group(thingGroupName="quarantine")
        self.authorities()
        self.devices()
        self.policies()
        self.roles(server)
        self.connections(server)
        self.expect("LOGGING_DISABLED_CHECK", "LOGGING_DISABLED", account=ACCOUNT)

    def register(self, certificate):
        """A device: its certificate, active, and its thing."""
        made = self.iot.register_certificate_without_ca(certificatePem=text(certificate), status="ACTIVE")
        thing = fresh("device")
        self.iot.create_thing(thingName=thing)
        self.iot.attach_thing_principal(thingName=thing, principal=made["certificateArn"])
        return made["certificateId"]

    def authority(self, one):
        made = self.iot.register_ca_certificate(caCertificate=one.pem, certificateMode="SNI_ONLY", setAsActive=True)
        return made["certificateId"]

    def authorities(self):
        for one in (self.root, self.revoker, Authority("Good")):
            self.authority(one)
        expiring, weak, revoked = map(self.authority, (self.expiring, self.weak, self.revoked))
        self.expect(CA_CHECKS[0], "CERTIFICATE_APPROACHING_EXPIRATION", caCertificateId=expiring)
        self.expect(CA_CHECKS[1], "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361", caCertificateId=weak)
        self.expect(CA_CHECKS[2], "CERTIFICATE_REVOKED_BY_ISSUER", caCertificateId=revoked)
        self.cas = {expiring, weak, revoked}

    def devices(self):
        good, maker = [self.register(self.revoker.issue()) for _ in range(3)], Authority("Maker")
        expiring = self.register(maker.issue(ends=now() + 10 * DAY))
        past = self.register(maker.issue(begins=now() - 20 * DAY, ends=now() - DAY))
        weak = self.register(maker.issue(public=roca_key().public_key()))
        stolen = self.register(self.stolen)
        below = self.register(self.revoked.issue())
        old = self.register(maker.issue(begins=now() - 400 * DAY))
        self.shared = self.register(maker.issue())
        self.good = good[0]
        self.expect(DEVICE_CHECKS[0], "CERTIFICATE_APPROACHING_EXPIRATION", deviceCertificateId=expiring)
        self.expect(DEVICE_CHECKS[0], "CERTIFICATE_PAST_EXPIRATION", deviceCertificateId=past)
        self.expect(DEVICE_CHECKS[1], "CERTIFICATE_PAST_AGE_THRESHOLD", deviceCertificateId=old)
        self.expect(DEVICE_CHECKS[2], "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361", deviceCertificateId=weak)
        self.expect(DEVICE_CHECKS[4], "CERTIFICATE_REVOKED_BY_ISSUER", deviceCertificateId=stolen)
        issuer = {"issuerCertificateSubject": "CN=Revoked", "issuerId": self.revoked.id}
        self.expect(DEVICE_CHECKS[5], "INTERMEDIATE_CA_REVOKED_BY_ISSUER", issuerCertificateIdentifier=issuer)
        self.bad = {expiring, past, old, weak, stolen, below, self.shared}

    def policies(self):
        for name, text_of in (("broad", BROAD), ("narrow", NARROW), ("misconfigured", MISCONFIGURED)):
            self.iot.create_policy(policyName=name, policyDocument=text_of)
        version = {"policyVersionId": "1"}
        self.expect(
            POLICY_CHECKS[0], "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS",
            policyVersionIdentifier={"policyName": "broad", **version},
        )  # fmt: skip
        self.expect(
            POLICY_CHECKS[1], "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT",
            policyVersionIdentifier={"policyName": "misconfigured", **version},
        )  # fmt: skip

    def roles(self, server):
        """Roles of aliases and of Cognito pools, which the registry only knows by what is fed."""
        iot, allowed = self.iot, f"arn:aws:iam::{ACCOUNT}:role/"
        for name, statements in ROLES.items():
            iot.create_role_alias(roleAlias=name, roleArn=allowed + name)
            used = {service: moment(DAY) for service in ("s3", "iot") if name != "idle"}
            policies = [{"Version": "2012-10-17", "Statement": statements}]
            feed(server, {"type": "role", "roleArn": allowed + name, "policies": policies, "lastAccessed": used})
        self.pool = "us-east-1:11111111-2222-4333-8444-555555555555"
        feed(
            server,
            {"type": "role", "roleArn": allowed + "guest", "policies": [everything()], "lastAccessed": {}},
            {"type": "role", "roleArn": allowed + "member", "policies": [everything()], "lastAccessed": {}},
            {
                "type": "identity-pool", "identityPoolId": self.pool, "time": moment(DAY),
                "authenticatedRoleArn": allowed + "member", "unauthenticatedRoleArn": allowed + "guest",
            },
        )  # fmt: skip
        admin = ["BROAD_ACCESS_TO_IOT_THING_ADMIN_READ_ACTIONS", "ACCESS_TO_IOT_NON_THING_ADMIN_ACTIONS", "ACCESS_TO_IOT_THING_ADMIN_WRITE_ACTIONS"]
        data = "BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS"
        for code in ("BROAD_ACCESS_TO_USED_SERVICES", *admin, data):
            self.expect("IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK", f"ALLOWS_{code}", roleAliasArn=arn("rolealias/broad"))
        unused = "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK"
        self.expect(unused, "ALLOWS_ACCESS_TO_UNUSED_SERVICES", roleAliasArn=arn("rolealias/idle"))
        for code in admin:
            self.expect("AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK", f"ALLOWS_{code}", cognitoIdentityPoolId=self.pool)
        for code in ("ACCESS_TO_IOT_ADMIN_ACTIONS", data):
            self.expect("UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK", f"ALLOWS_{code}", cognitoIdentityPoolId=self.pool)

    def connections(self, server):
        """Two devices with one certificate, and two with one client id."""
        one, two = {"certificateId": self.shared, "clientId": "one"}, {"certificateId": self.shared, "clientId": "two"}
        twin = {"certificateId": self.good, "clientId": "twin"}
        feed(
            server,
            {"type": "connect", **one, "time": moment(10 * HOUR)},
            {"type": "connect", **two, "time": moment(9 * HOUR)},
            {"type": "disconnect", **one, "time": moment(8 * HOUR), "reason": "CLIENT_INITIATED_DISCONNECT"},
            {"type": "connect", **twin, "time": moment(7 * HOUR)},
            {"type": "disconnect", **twin, "time": moment(6 * HOUR), "reason": "DUPLICATE_CLIENTID"},
            {"type": "connect", **twin, "time": moment(6 * HOUR)},
        )
        self.expect(DEVICE_CHECKS[3], "CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES", deviceCertificateId=self.shared)
        self.expect("CONFLICTING_CLIENT_IDS_CHECK", "DUPLICATE_CLIENT_ID_ACROSS_CONNECTIONS", clientId="twin")


def everything():
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}


ROLES = {
    "modest": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::firmware/*"}],
    "broad": everything()["Statement"],
    "idle": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:us-east-1:000000000000:table/t"}],
}


DESCRIPTION = {"taskId", "taskStatus", "taskType", "taskStartTime", "taskStatistics", "auditDetails", "ResponseMetadata"}
FINDING = {
    "findingId", "taskId", "checkName", "taskStartTime", "findingTime", "severity", "nonCompliantResource",
    "reasonForNonCompliance", "reasonForNonComplianceCode", "isSuppressed",
}  # fmt: skip
RESOURCE_TYPES = {
    "deviceCertificateId": "DEVICE_CERTIFICATE", "caCertificateId": "CA_CERTIFICATE", "clientId": "CLIENT_ID",
    "policyVersionIdentifier": "IOT_POLICY", "cognitoIdentityPoolId": "COGNITO_IDENTITY_POOL", "account": "ACCOUNT_SETTINGS",
    "roleAliasArn": "ROLE_ALIAS", "iamRoleArn": "IAM_ROLE", "issuerCertificateIdentifier": "ISSUER_CERTIFICATE",
}  # fmt: skip
ACTIONS = {
    "quarantine": {"addThingsToThingGroupParams": {"thingGroupNames": ["quarantine"]}},
    "deactivate": {"updateDeviceCertificateParams": {"action": "DEACTIVATE"}},
    "deactivate-ca": {"updateCACertificateParams": {"action": "DEACTIVATE"}},
    "blank": {"replaceDefaultPolicyVersionParams": {"templateName": "BLANK_POLICY"}},
    "log": {"enableIoTLoggingParams": {"roleArnForLogging": ROLE, "logLevel": "WARN"}},
}
MAPPING = {
    **{check: ["quarantine", "deactivate"] for check in DEVICE_CHECKS},
    **{check: ["deactivate-ca"] for check in CA_CHECKS},
    **{check: ["blank"] for check in POLICY_CHECKS},
    "LOGGING_DISABLED_CHECK": ["log"],
}


def is_between(moment, begin, end):
    return begin - datetime.timedelta(seconds=1) <= moment <= end + datetime.timedelta(seconds=1)


def by_what(seen):
    """(check, code, identifier) of findings, to compare."""
    return sorted(
        (one["checkName"], one["reasonForNonComplianceCode"], repr(one["nonCompliantResource"]["resourceIdentifier"]))
        for one in seen
    )


@pytest.mark.parametrize("kills", [False, True], ids=["in one go", "killed in between"])
def test_each_defect_is_found_mended_and_found_no_more(new_server, kills):
    fleet = Fleet()
    server = new_server(config='[iot]\ncrl_files = ["revoked.pem"]\n', files={"revoked.pem": fleet.crl})
    iot = server.client("iot", retries={"total_max_attempts": 3})

    def kill():
        if kills:
            server.kill()
            server.start()

    fleet.build(server, iot)
    enable(iot)
    kill()
    begin = now()
    task = iot.start_on_demand_audit_task(targetCheckNames=sorted(CHECKS))["taskId"]
    kill()
    check_audit(fleet, audited(iot, task), task, begin)
    found = findings(iot, task, maxResults=2)
    check_findings(fleet, iot, found, task, begin)

    for name, params in ACTIONS.items():
        made = iot.create_mitigation_action(actionName=name, roleArn=MITIGATOR, actionParams=params)
        assert made["actionArn"] == arn(f"mitigationaction/{name}") and UUID.fullmatch(made["actionId"])
    ids = {name: iot.describe_mitigation_action(actionName=name)["actionId"] for name in ACTIONS}
    begin = now()
    iot.start_audit_mitigation_actions_task(
        taskId="mend", target={"auditTaskId": task}, auditCheckToActionsMapping=MAPPING, clientRequestToken="one"
    )
    kill()
    check_task(mitigated(iot, "mend"), task, found, ids, begin)
    check_executions(iot, found, ids, begin)
    check_registry(fleet, iot)
    kill()

    # What no action mends is up to its owner.
    for name in ("broad", "idle"):
        iot.delete_role_alias(roleAlias=name)
    modest = {"Version": "2012-10-17", "Statement": ROLES["modest"]}
    for name in ("guest", "member"):
        feed(server, {"type": "role", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "policies": [modest], "lastAccessed": {}})
    iot.create_audit_suppression(
        checkName="CONFLICTING_CLIENT_IDS_CHECK", resourceIdentifier={"clientId": "twin"}, suppressIndefinitely=True
    )
    again = iot.start_on_demand_audit_task(targetCheckNames=sorted(CHECKS))["taskId"]
    kill()
    seen = audited(iot, again)
    assert seen["taskStatus"] == "COMPLETED"
    assert {check: one["checkRunStatus"] for check, one in seen["auditDetails"].items()} == dict.fromkeys(CHECKS, "COMPLETED_COMPLIANT")
    assert findings(iot, again, listSuppressedFindings=False) == []
    assert seen["auditDetails"]["CONFLICTING_CLIENT_IDS_CHECK"]["suppressedNonCompliantResourcesCount"] == 1


def check_audit(fleet, seen, task, begin):
    assert seen.keys() == DESCRIPTION
    assert HEX32.fullmatch(task)
    assert (seen["taskStatus"], seen["taskType"]) == ("COMPLETED", "ON_DEMAND_AUDIT_TASK")
    assert is_between(seen["taskStartTime"], begin, now())
    assert seen["auditDetails"].keys() == CHECKS
    flawed = {check for check, _ in fleet.expected}
    for check, details in seen["auditDetails"].items():
        flaws = [one for (of, _), all_of in fleet.expected.items() if of == check for one in all_of]
        distinct = len({repr(one) for one in flaws})
        assert details.pop("totalResourcesCount") >= distinct, check
        assert details == {
            "checkRunStatus": "COMPLETED_NON_COMPLIANT" if check in flawed else "COMPLETED_COMPLIANT",
            "checkCompliant": check not in flawed,
            "nonCompliantResourcesCount": distinct,
            "suppressedNonCompliantResourcesCount": 0,
        }, check
    assert seen["taskStatistics"] == {
        "totalChecks": 17, "inProgressChecks": 0, "waitingForDataCollectionChecks": 0, "compliantChecks": 17 - len(flawed),
        "nonCompliantChecks": len(flawed), "failedChecks": 0, "canceledChecks": 0,
    }  # fmt: skip


def check_findings(fleet, iot, found, task, begin):
    expected = [(check, code, repr(one)) for (check, code), all_of in fleet.expected.items() for one in all_of]
    assert by_what(found) == sorted(expected)
    assert len({one["findingId"] for one in found}) == len(found)
    for one in found:
        assert one.keys() - {"relatedResources"} == FINDING, one
        assert UUID.fullmatch(one["findingId"])
        assert one["taskId"] == task
        assert one["severity"] == SEVERITY[one["checkName"]]
        assert begin <= one["taskStartTime"] + datetime.timedelta(seconds=1) and one["taskStartTime"] <= one["findingTime"] <= now()
        assert one["isSuppressed"] is False
        assert one["reasonForNonCompliance"]
        (member,) = one["nonCompliantResource"]["resourceIdentifier"]
        assert one["nonCompliantResource"]["resourceType"] == RESOURCE_TYPES[member]
        assert iot.describe_audit_finding(findingId=one["findingId"])["finding"] == one
        related = iot.list_related_resources_for_audit_finding(findingId=one["findingId"])["relatedResources"]
        assert related[:10] == one.get("relatedResources", [])
        of = one["nonCompliantResource"]["resourceIdentifier"]
        filtered = findings(iot, task, checkName=one["checkName"], resourceIdentifier=of)
        assert one in filtered and all(other["nonCompliantResource"]["resourceIdentifier"] == of for other in filtered)
    by_check = {one["checkName"]: one for one in found}
    assert POLICY_TEXT.fullmatch(by_check[POLICY_CHECKS[0]]["reasonForNonCompliance"])
    clients = [one["resourceIdentifier"]["clientId"] for one in by_check[DEVICE_CHECKS[3]]["relatedResources"]]
    assert sorted(clients) == ["one", "two"]
    assert all(re.fullmatch(r"\d{13}", one["additionalInfo"]["CONNECTION_TIME"]) for one in by_check[DEVICE_CHECKS[3]]["relatedResources"])
    within = findings_between(iot, begin - DAY, now() + DAY)
    assert by_what(within) == by_what(found)
    assert findings_between(iot, begin - DAY, begin - HOUR) == []


def findings_between(iot, begin, end):
    pages = iot.get_paginator("list_audit_findings").paginate(startTime=begin, endTime=end, maxResults=3)
    return [one for page in pages for one in page["findings"]]


def check_task(seen, audit_task, found, ids, begin):
    seen.pop("ResponseMetadata")
    start, end = seen.pop("startTime"), seen.pop("endTime")
    assert is_between(start, begin, now()) and start <= end <= now() + datetime.timedelta(seconds=1)
    definitions = seen.pop("actionsDefinition")
    assert sorted(definitions, key=lambda one: one["name"]) == [
        {"name": name, "id": ids[name], "roleArn": MITIGATOR, "actionParams": ACTIONS[name]} for name in sorted(ACTIONS)
    ]
    counts = {check: [one for one in found if one["checkName"] == check] for check in MAPPING}
    statistics = seen.pop("taskStatistics")
    for check, of in counts.items():
        if of:
            assert statistics.pop(check) == {
                "totalFindingsCount": len(of), "failedFindingsCount": 0, "succeededFindingsCount": len(of),
                "skippedFindingsCount": 0, "canceledFindingsCount": 0,
            }, check  # fmt: skip
    assert all(not any(one.values()) for one in statistics.values())
    assert seen == {"taskStatus": "COMPLETED", "target": {"auditTaskId": audit_task}, "auditCheckToActionsMapping": MAPPING}


def check_executions(iot, found, ids, begin):
    for one in found:
        wanted = MAPPING.get(one["checkName"], [])
        done = executions(iot, "mend", one["findingId"], maxResults=1)
        assert [execution["actionName"] for execution in done] == wanted, one
        last = begin - datetime.timedelta(seconds=1)
        for execution in done:
            start, end = execution.pop("startTime"), execution.pop("endTime")
            assert last <= start <= end <= now() + datetime.timedelta(seconds=1)
            last = start
            name = execution["actionName"]
            assert execution == {
                "taskId": "mend", "findingId": one["findingId"], "actionName": name, "actionId": ids[name], "status": "COMPLETED",
            }  # fmt: skip
        assert executions(iot, "mend", one["findingId"], actionStatus="FAILED") == []
        assert len(executions(iot, "mend", one["findingId"], actionStatus="COMPLETED")) == len(wanted)
        if wanted:
            listed = iot.list_audit_mitigation_actions_tasks(
                startTime=begin - HOUR, endTime=now() + HOUR, findingId=one["findingId"], taskStatus="COMPLETED"
            )["tasks"]
            assert [task["taskId"] for task in listed] == ["mend"]


def check_registry(fleet, iot):
    for certificate in fleet.bad:
        described = iot.describe_certificate(certificateId=certificate)["certificateDescription"]
        assert described["status"] == "INACTIVE"
        (thing,) = iot.list_principal_things(principal=described["certificateArn"])["things"]
        groups = iot.list_thing_groups_for_thing(thingName=thing)["thingGroups"]
        assert [one["groupName"] for one in groups] == ["quarantine"]
    assert iot.describe_certificate(certificateId=fleet.good)["certificateDescription"]["status"] == "ACTIVE"
    assert len(iot.list_things_in_thing_group(thingGroupName="quarantine")["things"]) == len(fleet.bad)
    for authority in fleet.cas:
        assert iot.describe_ca_certificate(certificateId=authority)["certificateDescription"]["status"] == "INACTIVE"
    for name, version in (("broad", "2"), ("misconfigured", "2"), ("narrow", "1")):
        assert iot.get_policy(policyName=name)["defaultVersionId"] == version
        assert len(iot.list_policy_versions(policyName=name)["policyVersions"]) == int(version)
    logging = iot.get_v2_logging_options()
    assert (logging["roleArn"], logging["defaultLogLevel"], logging["disableAllLogs"]) == (ROLE, "WARN", False)
