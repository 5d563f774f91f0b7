"""What the tests of IoT share: certificates with every defect, policies, roles, evidence, audits and tasks."""

import datetime
import functools
import hashlib
import json
import random

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from harness import eventually, fresh

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/audit"
MITIGATOR = f"arn:aws:iam::{ACCOUNT}:role/service-role/mitigation"
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
CHECKS = {
    "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
    "CA_CERTIFICATE_EXPIRING_CHECK",
    "CA_CERTIFICATE_KEY_QUALITY_CHECK",
    "CONFLICTING_CLIENT_IDS_CHECK",
    "DEVICE_CERTIFICATE_AGE_CHECK",
    "DEVICE_CERTIFICATE_EXPIRING_CHECK",
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
    "DEVICE_CERTIFICATE_SHARED_CHECK",
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
    "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
    "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
    "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK",
    "LOGGING_DISABLED_CHECK",
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
    "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
}


def now():
    return datetime.datetime.now(datetime.UTC)


# --- policies ------------------------------------------------------------------------------------


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resources):
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def deny(actions, resources):
    return allow(actions, resources) | {"Effect": "Deny"}


def arn(resource, region="us-east-1", account=ACCOUNT):
    return f"arn:aws:iot:{region}:{account}:{resource}"


BROAD = document(allow("iot:*", "*"))
NARROW = document(
    {
        **allow("iot:Connect", arn("client/${iot:Connection.Thing.ThingName}")),
        "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}},
    },
    allow("iot:Publish", arn("topic/${iot:Connection.Thing.ThingName}/up")),
)
MISCONFIGURED = document(
    allow("iot:Subscribe", arn("topicfilter/${iot:Connection.Thing.ThingName}/#")),
    deny("iot:Subscribe", arn("topicfilter/${iot:Connection.Thing.ThingName}/+/secret")),
)


# --- certificates --------------------------------------------------------------------------------


@functools.cache
def key(name="device"):
    """A key of this name: quick to make, the same each time."""
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def roca_key():
    """A real RSA key as Infineon's library made them (CVE-2017-15361): p = k * M + (65537^a mod M)."""
    dice = random.Random(7)
    return _rsa(_roca_prime(dice), _roca_prime(dice))


def _rsa(p, q):
    e = 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key()


def _roca_prime(dice):
    primes = [n for n in range(2, 702) if all(n % d for d in range(2, int(n**0.5) + 1))]
    primorial = functools.reduce(lambda product, prime: product * prime, primes[:126])
    while True:
        k = dice.getrandbits(1024 - primorial.bit_length()) | 1 << (1023 - primorial.bit_length())
        candidate = k * primorial + pow(65537, dice.getrandbits(200), primorial)
        if candidate.bit_length() == 1024 and pow(2, candidate - 1, candidate) == 1 and pow(3, candidate - 1, candidate) == 1:
            return candidate


class Authority:
    """A certificate authority on the user's desk."""

    def __init__(self, name=None, issuer=None, private=None, begins=None, ends=None):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or fresh("Authority"))])
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        self.issuer = issuer or self
        self.certificate = _certificate(self, self.name, self.private.public_key(), begins, ends, is_authority=True)

    @property
    def pem(self):
        return text(self.certificate)

    @property
    def id(self):
        return fingerprint(self.certificate)

    def issue(self, name=None, public=None, begins=None, ends=None):
        """A device's certificate."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or fresh("device"))])
        return _certificate(_Leaf(self), name, public or key().public_key(), begins, ends)

    def verification(self, code):
        """The certificate that shows AWS who has the authority's key."""
        return text(self.issue(code, ec.generate_private_key(ec.SECP256R1()).public_key()))

    def revocations(self, *certificates):
        """Its list of these, as PEM."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now() - DAY).next_update(now() + 30 * DAY)
        for one in certificates:
            revoked = x509.RevokedCertificateBuilder().serial_number(one.serial_number).revocation_date(now() - DAY)
            builder = builder.add_revoked_certificate(revoked.build())
        signed = builder.sign(self.private, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()


class _Leaf:
    def __init__(self, issuer):
        self.issuer = issuer


def _certificate(of, name, public, begins, ends, is_authority=False):
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(of.issuer.name).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(begins or now() - DAY).not_valid_after(ends or now() + 3650 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    return builder.sign(of.issuer.private, hashes.SHA256())


def text(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def fingerprint(certificate):
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def request(private=None, name="device"):
    """A certificate signing request."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(private or key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


# --- audits and tasks ----------------------------------------------------------------------------


def enable(iot, *checks, **fields):
    """Sets audits up with these checks; all of them unless told."""
    enabled = {check: {"enabled": True} for check in checks or CHECKS}
    iot.update_account_audit_configuration(roleArn=ROLE, auditCheckConfigurations=enabled, **fields)


def audit(iot, *checks):
    """Runs an audit on demand to its end; its description."""
    task = iot.start_on_demand_audit_task(targetCheckNames=sorted(checks or CHECKS))["taskId"]
    return audited(iot, task)


def audited(iot, task):
    """The description of an audit, once it has ended."""

    def look():
        seen = iot.describe_audit_task(taskId=task)
        return seen["taskStatus"] != "IN_PROGRESS" and seen | {"taskId": task}

    return eventually(look, f"audit {task} ends", patience=60)


def findings(iot, task, **filters):
    pages = iot.get_paginator("list_audit_findings").paginate(taskId=task, **filters)
    return [one for page in pages for one in page["findings"]]


def mitigate(iot, task, mapping, target):
    """Runs a mitigation task to its end; its description."""
    started = iot.start_audit_mitigation_actions_task(
        taskId=task, target=target, auditCheckToActionsMapping=mapping, clientRequestToken=fresh("token")
    )
    assert started["taskId"] == task
    return mitigated(iot, task)


def mitigated(iot, task):
    def look():
        seen = iot.describe_audit_mitigation_actions_task(taskId=task)
        return seen["taskStatus"] != "IN_PROGRESS" and seen

    return eventually(look, f"task {task} ends", patience=60)


def executions(iot, task, finding, **filters):
    pages = iot.get_paginator("list_audit_mitigation_actions_executions")
    pages = pages.paginate(taskId=task, findingId=finding, **filters)
    return [one for page in pages for one in page["actionsExecutions"]]


def feed(server, *events):
    """Hands evidence to the server: one JSON object a line."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    status, _ = server.post("/_trackway/iot/events", lines.encode())
    assert status == 200


def moment(ago):
    """A time so long ago, as events have it."""
    return (now() - ago).isoformat().replace("+00:00", "Z")
