"""One call of every operation of IoT that is built, for any client that can make calls by name."""

from harness import eventually, fresh
from iot import ACCOUNT, BROAD, CHECKS, DAY, MITIGATOR, NARROW, ROLE, Authority, arn, feed, moment, now, request, text

OTHER = "111122223333"
WINDOW = {"startTime": (now() - DAY).isoformat(), "endTime": (now() + DAY).isoformat()}


class Tour:
    """Calls everything; `call(operation, **input)` answers as boto3 does, but for times. `other` calls from another account."""

    def __init__(self, server, call, other, refused):
        """`refused` are the errors that `call` may raise."""
        self.server, self.call, self.other, self.refused = server, call, other, refused
        self.thing, self.group, self.policy = fresh("thing"), fresh("group"), fresh("policy")

    def all(self):
        self.things()
        self.groups()
        self.billing_groups()
        self.certificates()
        self.transfers()
        self.authorities()
        self.policies()
        self.legacy_policies()
        self.role_aliases()
        self.logging()
        self.configuration()
        self.audits()
        self.suppressions()
        self.schedules()
        self.actions()
        self.mitigation()
        self.detect()
        self.tags()
        self.goodbye()

    def refuses(self, operation, **input):
        try:
            self.call(operation, **input)
        except self.refused as error:
            return str(error)
        raise AssertionError(f"{operation} was not refused")

    def things(self):
        call = self.call
        self.type = fresh("type")
        made = call("CreateThingType", thingTypeName=self.type, thingTypeProperties={"searchableAttributes": ["wing"]})
        assert made["thingTypeArn"] == arn(f"thingtype/{self.type}")
        described = call("DescribeThingType", thingTypeName=self.type)
        assert described["thingTypeProperties"]["searchableAttributes"] == ["wing"]
        call("UpdateThingType", thingTypeName=self.type, thingTypeProperties={"searchableAttributes": ["wing"]})
        assert self.type in [one["thingTypeName"] for one in call("ListThingTypes")["thingTypes"]]
        made = call(
            "CreateThing", thingName=self.thing, thingTypeName=self.type, attributePayload={"attributes": {"wing": "west"}}
        )
        assert made["thingArn"] == arn(f"thing/{self.thing}")
        call("UpdateThing", thingName=self.thing, attributePayload={"attributes": {"floor": "2"}, "merge": True})
        seen = call("DescribeThing", thingName=self.thing)
        assert (seen["attributes"], seen["version"]) == ({"wing": "west", "floor": "2"}, 2)
        listed = call("ListThings", attributeName="wing", attributeValue="west", thingTypeName=self.type)["things"]
        assert [one["thingName"] for one in listed] == [self.thing]
        endpoint = call("DescribeEndpoint", endpointType="iot:Data-ATS")["endpointAddress"]
        assert endpoint.endswith(".amazonaws.com")

    def groups(self):
        call = self.call
        below = fresh("below")
        made = call("CreateThingGroup", thingGroupName=self.group, thingGroupProperties={"thingGroupDescription": "all"})
        assert made["thingGroupArn"] == arn(f"thinggroup/{self.group}")
        call("CreateThingGroup", thingGroupName=below, parentGroupName=self.group)
        call("UpdateThingGroup", thingGroupName=below, thingGroupProperties={"thingGroupDescription": "some"})
        seen = call("DescribeThingGroup", thingGroupName=below)
        assert seen["thingGroupMetadata"]["parentGroupName"] == self.group
        call("AddThingToThingGroup", thingGroupName=below, thingName=self.thing)
        assert call("ListThingsInThingGroup", thingGroupName=self.group, recursive=True)["things"] == [self.thing]
        of = call("ListThingGroupsForThing", thingName=self.thing)["thingGroups"]
        assert [one["groupName"] for one in of] == [below]
        assert below in [one["groupName"] for one in call("ListThingGroups", parentGroup=self.group)["thingGroups"]]
        call("UpdateThingGroupsForThing", thingName=self.thing, thingGroupsToRemove=[below])
        call("AddThingToThingGroup", thingGroupName=below, thingName=self.thing)
        call("RemoveThingFromThingGroup", thingGroupName=below, thingName=self.thing)
        assert call("ListThingsInThingGroup", thingGroupName=below)["things"] == []
        call("DeleteThingGroup", thingGroupName=below)

    def billing_groups(self):
        call, bill = self.call, fresh("bill")
        made = call("CreateBillingGroup", billingGroupName=bill)
        assert made["billingGroupArn"] == arn(f"billinggroup/{bill}")
        call("UpdateBillingGroup", billingGroupName=bill, billingGroupProperties={"billingGroupDescription": "west"})
        seen = call("DescribeBillingGroup", billingGroupName=bill)
        assert (seen["billingGroupProperties"], seen["version"]) == ({"billingGroupDescription": "west"}, 2)
        assert bill in [one["groupName"] for one in call("ListBillingGroups")["billingGroups"]]
        call("AddThingToBillingGroup", billingGroupName=bill, thingName=self.thing)
        assert call("ListThingsInBillingGroup", billingGroupName=bill)["things"] == [self.thing]
        call("RemoveThingFromBillingGroup", billingGroupName=bill, thingName=self.thing)
        call("DeleteBillingGroup", billingGroupName=bill)

    def certificates(self):
        call = self.call
        made = call("CreateKeysAndCertificate", setAsActive=True)
        assert made["keyPair"]["PrivateKey"].startswith("-----BEGIN RSA PRIVATE KEY-----")
        self.certificate, self.certificate_arn = made["certificateId"], made["certificateArn"]
        signed = call("CreateCertificateFromCsr", certificateSigningRequest=request(), setAsActive=False)
        alone = Authority()
        registered = call("RegisterCertificateWithoutCA", certificatePem=text(alone.issue()), status="ACTIVE")
        seen = call("DescribeCertificate", certificateId=registered["certificateId"])["certificateDescription"]
        assert (seen["status"], seen["certificateMode"]) == ("ACTIVE", "SNI_ONLY")
        ids = [one["certificateId"] for one in call("ListCertificates", pageSize=250)["certificates"]]
        assert {self.certificate, signed["certificateId"], registered["certificateId"]} <= set(ids)
        call("AttachThingPrincipal", thingName=self.thing, principal=self.certificate_arn)
        assert call("ListThingPrincipals", thingName=self.thing)["principals"] == [self.certificate_arn]
        assert call("ListPrincipalThings", principal=self.certificate_arn)["things"] == [self.thing]
        objects = call("ListThingPrincipalsV2", thingName=self.thing)["thingPrincipalObjects"]
        assert [one["principal"] for one in objects] == [self.certificate_arn]
        objects = call("ListPrincipalThingsV2", principal=self.certificate_arn)["principalThingObjects"]
        assert [one["thingName"] for one in objects] == [self.thing]
        call("UpdateCertificate", certificateId=registered["certificateId"], newStatus="INACTIVE")
        call("DeleteCertificate", certificateId=registered["certificateId"])
        self.refuses("DescribeCertificate", certificateId=registered["certificateId"])
        self.spare = signed["certificateId"]

    def transfers(self):
        call, other = self.call, self.other
        for _ in range(2):
            call("TransferCertificate", certificateId=self.spare, targetAwsAccount=OTHER, transferMessage="yours")
            outgoing = call("ListOutgoingCertificates")["outgoingCertificates"]
            assert [one["certificateId"] for one in outgoing] == [self.spare]
            call("CancelCertificateTransfer", certificateId=self.spare)
        call("TransferCertificate", certificateId=self.spare, targetAwsAccount=OTHER)
        other("RejectCertificateTransfer", certificateId=self.spare, rejectReason="no")
        call("TransferCertificate", certificateId=self.spare, targetAwsAccount=OTHER)
        other("AcceptCertificateTransfer", certificateId=self.spare)
        self.refuses("DescribeCertificate", certificateId=self.spare)

    def authorities(self):
        call = self.call
        code = call("GetRegistrationCode")["registrationCode"]
        mine = Authority()
        made = call(
            "RegisterCACertificate", caCertificate=mine.pem, verificationCertificate=mine.verification(code),
            setAsActive=True, allowAutoRegistration=True,
        )  # fmt: skip
        assert made["certificateId"] == mine.id
        seen = call("DescribeCACertificate", certificateId=mine.id)["certificateDescription"]
        assert (seen["status"], seen["autoRegistrationStatus"]) == ("ACTIVE", "ENABLE")
        leaf = call("RegisterCertificate", certificatePem=text(mine.issue()), caCertificatePem=mine.pem, status="ACTIVE")
        by = call("ListCertificatesByCA", caCertificateId=mine.id)["certificates"]
        assert [one["certificateId"] for one in by] == [leaf["certificateId"]]
        assert mine.id in [one["certificateId"] for one in call("ListCACertificates")["certificates"]]
        call("UpdateCertificate", certificateId=leaf["certificateId"], newStatus="REVOKED")
        call("DeleteCertificate", certificateId=leaf["certificateId"], forceDelete=True)
        call("UpdateCACertificate", certificateId=mine.id, newStatus="INACTIVE", newAutoRegistrationStatus="DISABLE")
        call("DeleteCACertificate", certificateId=mine.id)
        call("DeleteRegistrationCode")
        assert call("GetRegistrationCode")["registrationCode"] != code

    def policies(self):
        call = self.call
        made = call("CreatePolicy", policyName=self.policy, policyDocument=BROAD)
        assert (made["policyVersionId"], made["policyArn"]) == ("1", arn(f"policy/{self.policy}"))
        call("CreatePolicyVersion", policyName=self.policy, policyDocument=NARROW, setAsDefault=False)
        call("SetDefaultPolicyVersion", policyName=self.policy, policyVersionId="2")
        assert call("GetPolicy", policyName=self.policy)["defaultVersionId"] == "2"
        assert call("GetPolicyVersion", policyName=self.policy, policyVersionId="1")["policyDocument"] == BROAD
        versions = call("ListPolicyVersions", policyName=self.policy)["policyVersions"]
        assert {one["versionId"]: one["isDefaultVersion"] for one in versions} == {"1": False, "2": True}
        call("DeletePolicyVersion", policyName=self.policy, policyVersionId="1")
        assert self.policy in [one["policyName"] for one in call("ListPolicies")["policies"]]
        call("AttachPolicy", policyName=self.policy, target=self.certificate_arn)
        attached = call("ListAttachedPolicies", target=self.certificate_arn)["policies"]
        assert [one["policyName"] for one in attached] == [self.policy]
        effective = call("GetEffectivePolicies", principal=self.certificate_arn)["effectivePolicies"]
        assert [(one["policyName"], one["policyDocument"]) for one in effective] == [(self.policy, NARROW)]
        assert call("ListTargetsForPolicy", policyName=self.policy)["targets"] == [self.certificate_arn]
        call("DetachPolicy", policyName=self.policy, target=self.certificate_arn)

    def legacy_policies(self):
        call = self.call
        call("AttachPrincipalPolicy", policyName=self.policy, principal=self.certificate_arn)
        listed = call("ListPrincipalPolicies", principal=self.certificate_arn)["policies"]
        assert [one["policyName"] for one in listed] == [self.policy]
        assert call("ListPolicyPrincipals", policyName=self.policy)["principals"] == [self.certificate_arn]
        call("DetachPrincipalPolicy", policyName=self.policy, principal=self.certificate_arn)

    def role_aliases(self):
        call, alias = self.call, fresh("alias")
        made = call("CreateRoleAlias", roleAlias=alias, roleArn=ROLE, credentialDurationSeconds=900)
        assert made["roleAliasArn"] == arn(f"rolealias/{alias}")
        call("UpdateRoleAlias", roleAlias=alias, credentialDurationSeconds=3600)
        seen = call("DescribeRoleAlias", roleAlias=alias)["roleAliasDescription"]
        assert (seen["roleArn"], seen["credentialDurationSeconds"]) == (ROLE, 3600)
        assert call("ListRoleAliases")["roleAliases"] == [alias]
        call("DeleteRoleAlias", roleAlias=alias)

    def logging(self):
        call = self.call
        call("SetLoggingOptions", loggingOptionsPayload={"roleArn": ROLE, "logLevel": "DISABLED"})
        assert call("GetLoggingOptions") == {"roleArn": ROLE, "logLevel": "DISABLED"}
        call("SetV2LoggingOptions", roleArn=ROLE, defaultLogLevel="ERROR")
        assert call("GetV2LoggingOptions")["defaultLogLevel"] == "ERROR"
        target = {"targetType": "THING_GROUP", "targetName": self.group}
        call("SetV2LoggingLevel", logTarget=target, logLevel="DEBUG")
        levels = call("ListV2LoggingLevels", targetType="THING_GROUP")["logTargetConfigurations"]
        assert levels == [{"logTarget": target, "logLevel": "DEBUG"}]
        call("DeleteV2LoggingLevel", targetType="THING_GROUP", targetName=self.group)
        call("SetV2LoggingOptions", disableAllLogs=True)

    def configuration(self):
        call = self.call
        call(
            "UpdateAccountAuditConfiguration", roleArn=ROLE,
            auditCheckConfigurations={check: {"enabled": True} for check in CHECKS},
        )  # fmt: skip
        seen = call("DescribeAccountAuditConfiguration")
        assert all(check["enabled"] for check in seen["auditCheckConfigurations"].values())

    def ended(self, describe, **of):
        def look():
            seen = self.call(describe, **of)
            return seen["taskStatus"] != "IN_PROGRESS" and seen

        return eventually(look, f"{describe} shows an end", patience=60)

    def audits(self):
        call = self.call
        call("CreatePolicyVersion", policyName=self.policy, policyDocument=BROAD, setAsDefault=True)
        checks = ["IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "LOGGING_DISABLED_CHECK"]
        self.audit = call("StartOnDemandAuditTask", targetCheckNames=checks)["taskId"]
        assert self.ended("DescribeAuditTask", taskId=self.audit)["taskStatus"] == "COMPLETED"
        assert self.audit in [one["taskId"] for one in call("ListAuditTasks", **WINDOW)["tasks"]]
        self.refuses("CancelAuditTask", taskId=self.audit)
        found = call("ListAuditFindings", taskId=self.audit)["findings"]
        assert {one["checkName"] for one in found} == set(checks)
        self.finding = next(one for one in found if one["checkName"] == checks[0])
        one = call("DescribeAuditFinding", findingId=self.finding["findingId"])["finding"]
        assert one["reasonForNonComplianceCode"] == "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS"
        call("ListRelatedResourcesForAuditFinding", findingId=self.finding["findingId"])

    def suppressions(self):
        call = self.call
        of = {"checkName": "LOGGING_DISABLED_CHECK", "resourceIdentifier": {"account": ACCOUNT}}
        call("CreateAuditSuppression", **of, suppressIndefinitely=True, clientRequestToken=fresh("token"))
        call("UpdateAuditSuppression", **of, description="known")
        assert call("DescribeAuditSuppression", **of)["description"] == "known"
        assert len(call("ListAuditSuppressions", **of)["suppressions"]) == 1
        call("DeleteAuditSuppression", **of)

    def schedules(self):
        call, name = self.call, fresh("schedule")
        made = call(
            "CreateScheduledAudit", scheduledAuditName=name, frequency="WEEKLY", dayOfWeek="MON",
            targetCheckNames=["LOGGING_DISABLED_CHECK"],
        )  # fmt: skip
        assert made["scheduledAuditArn"] == arn(f"scheduledaudit/{name}")
        call("UpdateScheduledAudit", scheduledAuditName=name, frequency="DAILY")
        assert call("DescribeScheduledAudit", scheduledAuditName=name)["frequency"] == "DAILY"
        assert [one["scheduledAuditName"] for one in call("ListScheduledAudits")["scheduledAudits"]] == [name]
        call("DeleteScheduledAudit", scheduledAuditName=name)

    def actions(self):
        call = self.call
        self.blank, self.into_group = fresh("blank"), fresh("into-group")
        params = {"replaceDefaultPolicyVersionParams": {"templateName": "BLANK_POLICY"}}
        made = call("CreateMitigationAction", actionName=self.blank, roleArn=MITIGATOR, actionParams=params)
        assert made["actionArn"] == arn(f"mitigationaction/{self.blank}")
        params = {"addThingsToThingGroupParams": {"thingGroupNames": [self.group]}}
        call("CreateMitigationAction", actionName=self.into_group, roleArn=MITIGATOR, actionParams=params)
        call("UpdateMitigationAction", actionName=self.into_group, roleArn=ROLE)
        assert call("DescribeMitigationAction", actionName=self.into_group)["roleArn"] == ROLE
        listed = call("ListMitigationActions", actionType="REPLACE_DEFAULT_POLICY_VERSION")["actionIdentifiers"]
        assert [one["actionName"] for one in listed] == [self.blank]

    def mitigation(self):
        call, task = self.call, fresh("task")
        finding = self.finding["findingId"]
        call(
            "StartAuditMitigationActionsTask", taskId=task, target={"findingIds": [finding]},
            auditCheckToActionsMapping={"IOT_POLICY_OVERLY_PERMISSIVE_CHECK": [self.blank]},
            clientRequestToken=fresh("token"),
        )  # fmt: skip
        assert self.ended("DescribeAuditMitigationActionsTask", taskId=task)["taskStatus"] == "COMPLETED"
        listed = call("ListAuditMitigationActionsTasks", **WINDOW, findingId=finding)["tasks"]
        assert [one["taskId"] for one in listed] == [task]
        done = call("ListAuditMitigationActionsExecutions", taskId=task, findingId=finding)["actionsExecutions"]
        assert [(one["actionName"], one["status"]) for one in done] == [(self.blank, "COMPLETED")]
        self.refuses("CancelAuditMitigationActionsTask", taskId=task)

    def detect(self):
        call, profile, task = self.call, fresh("profile"), fresh("detect")
        behavior = {
            "name": "few", "metric": "aws:num-messages-sent",
            "criteria": {"comparisonOperator": "less-than", "value": {"count": 5}, "durationSeconds": 300},
        }  # fmt: skip
        assert call("ValidateSecurityProfileBehaviors", behaviors=[behavior])["valid"]
        made = call("CreateSecurityProfile", securityProfileName=profile, behaviors=[behavior])
        assert made["securityProfileArn"] == arn(f"securityprofile/{profile}")
        call("UpdateSecurityProfile", securityProfileName=profile, securityProfileDescription="few messages")
        assert call("DescribeSecurityProfile", securityProfileName=profile)["version"] == 2
        assert profile in [one["name"] for one in call("ListSecurityProfiles")["securityProfileIdentifiers"]]
        everything = arn("all/things")
        call("AttachSecurityProfile", securityProfileName=profile, securityProfileTargetArn=everything)
        targets = call("ListTargetsForSecurityProfile", securityProfileName=profile)["securityProfileTargets"]
        assert targets == [{"arn": everything}]
        mappings = call("ListSecurityProfilesForTarget", securityProfileTargetArn=everything)
        assert [one["securityProfileIdentifier"]["name"] for one in mappings["securityProfileTargetMappings"]] == [profile]
        feed(self.server, violation(self.thing, profile, "few"))
        active = call("ListActiveViolations", securityProfileName=profile)["activeViolations"]
        assert [one["thingName"] for one in active] == [self.thing]
        of = active[0]["violationId"]
        call("PutVerificationStateOnViolation", violationId=of, verificationState="TRUE_POSITIVE")
        events = call("ListViolationEvents", **WINDOW, securityProfileName=profile)["violationEvents"]
        assert [one["violationId"] for one in events] == [of]
        call(
            "StartDetectMitigationActionsTask", taskId=task, target={"violationIds": [of]}, actions=[self.into_group],
            clientRequestToken=fresh("token"),
        )  # fmt: skip

        def look():
            seen = call("DescribeDetectMitigationActionsTask", taskId=task)["taskSummary"]
            return seen["taskStatus"] != "IN_PROGRESS" and seen

        assert eventually(look, "the task ends")["taskStatus"] == "SUCCESSFUL"
        assert task in [one["taskId"] for one in call("ListDetectMitigationActionsTasks", **WINDOW)["tasks"]]
        done = call("ListDetectMitigationActionsExecutions", taskId=task)["actionsExecutions"]
        assert [(one["violationId"], one["status"]) for one in done] == [(of, "SUCCESSFUL")]
        self.refuses("CancelDetectMitigationActionsTask", taskId=task)
        call("DetachSecurityProfile", securityProfileName=profile, securityProfileTargetArn=everything)
        call("DeleteSecurityProfile", securityProfileName=profile)

    def tags(self):
        call, resource = self.call, arn(f"mitigationaction/{self.blank}")
        call("TagResource", resourceArn=resource, tags=[{"Key": "team", "Value": "red"}, {"Key": "x", "Value": "y"}])
        call("UntagResource", resourceArn=resource, tagKeys=["x"])
        assert call("ListTagsForResource", resourceArn=resource)["tags"] == [{"Key": "team", "Value": "red"}]

    def goodbye(self):
        call = self.call
        call("DetachThingPrincipal", thingName=self.thing, principal=self.certificate_arn)
        call("DeleteThing", thingName=self.thing)
        call("DeprecateThingType", thingTypeName=self.type)
        self.refuses("DeleteThingType", thingTypeName=self.type)
        call("DeleteThingGroup", thingGroupName=self.group)
        for action in (self.blank, self.into_group):
            call("DeleteMitigationAction", actionName=action)
        versions = call("ListPolicyVersions", policyName=self.policy)["policyVersions"]
        for version in versions:
            if not version["isDefaultVersion"]:
                call("DeletePolicyVersion", policyName=self.policy, policyVersionId=version["versionId"])
        call("DeletePolicy", policyName=self.policy)
        call("DeleteAccountAuditConfiguration")


def violation(thing, profile, behavior, event="in-alarm", **fields):
    """That a thing behaves otherwise than it should."""
    return {
        "type": "violation", "event": event, "thingName": thing, "securityProfileName": profile, "behaviorName": behavior,
        "time": moment(DAY / 24), "metricValue": {"count": 9}, **fields,
    }  # fmt: skip
