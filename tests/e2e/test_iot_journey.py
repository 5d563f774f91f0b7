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
        self.shared = self.register(maker.issue())
        self.good = good[0]
        self.expect(DEVICE_CHECKS[0], "CERTIFICATE_APPROACHING_EXPIRATION", deviceCertificateId=expiring)
        self.expect(DEVICE_CHECKS[0], "CERTIFICATE_PAST_EXPIRATION", deviceCertificateId=past)
        self.expect(DEVICE_CHECKS[2], "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361", deviceCertificateId=weak)
        self.expect(DEVICE_CHECKS[4], "CERTIFICATE_REVOKED_BY_ISSUER", deviceCertificateId=stolen)
        self.bad = {expiring, past, weak, stolen, below, self.shared}

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
