"""One call of every operation of Systems Manager that is built, for any client that can make calls by name."""

import json

from harness import eventually, fresh
from ssm import runbook, sleep, step

APPROVER = "arn:aws:iam::000000000000:root"
DONE = ("Success", "Failed", "TimedOut", "Cancelled")
CALENDAR = """BEGIN:VCALENDAR
PRODID:-//AWS//Change Calendar 1.0//EN
VERSION:2.0
X-CALENDAR-TYPE:DEFAULT_OPEN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART:20300101T000000Z
DTEND:20300102T000000Z
SUMMARY:Closed
END:VEVENT
END:VCALENDAR
"""
COMMAND = {
    "schemaVersion": "2.2",
    "parameters": {"commands": {"type": "StringList"}},
    "mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": "{{ commands }}"}}],
}


class Tour:
    """Calls everything; `call(operation, **input)` answers as boto3 does, but for times."""

    def __init__(self, call, nodes):
        self.call, self.nodes = call, nodes
        self.document, self.runbook = fresh("TourCommand"), fresh("TourRunbook")

    def all(self):
        self.documents()
        self.parameters()
        self.settings_and_tags()
        self.known_nodes()
        self.commands()
        self.automations()
        self.associations()
        self.compliance()
        self.goodbye()

    def until(self, look, what):
        return eventually(look, what, patience=40)

    def documents(self):
        call = self.call
        made = call("CreateDocument", Name=self.document, Content=json.dumps(COMMAND), DocumentType="Command")
        assert made["DocumentDescription"]["LatestVersion"] == "1"
        content = runbook(
            step("ask", "approve", {"Approvers": [APPROVER]}), sleep("rest", "{{ Rest }}"),
            parameters={"Rest": {"type": "String", "default": "PT0S"}},
        )  # fmt: skip
        call("CreateDocument", Name=self.runbook, Content=content, DocumentType="Automation", DocumentFormat="JSON")
        changed = json.dumps(COMMAND | {"description": "again"})
        updated = call("UpdateDocument", Name=self.document, Content=changed, DocumentVersion="$LATEST")
        assert updated["DocumentDescription"]["DocumentVersion"] == "2"
        versions = call("ListDocumentVersions", Name=self.document)["DocumentVersions"]
        assert sorted(one["DocumentVersion"] for one in versions) == ["1", "2"]
        call("UpdateDocumentDefaultVersion", Name=self.document, DocumentVersion="2")
        assert call("DescribeDocument", Name=self.document)["Document"]["DefaultVersion"] == "2"
        assert json.loads(call("GetDocument", Name=self.document)["Content"])["description"] == "again"
        found = call("ListDocuments", Filters=[{"Key": "Name", "Values": [self.document]}])["DocumentIdentifiers"]
        assert [one["Name"] for one in found] == [self.document]
        share = {"Name": self.document, "PermissionType": "Share"}
        call("ModifyDocumentPermission", **share, AccountIdsToAdd=["111122223333"])
        assert call("DescribeDocumentPermission", **share)["AccountIds"] == ["111122223333"]
        call("ModifyDocumentPermission", **share, AccountIdsToRemove=["111122223333"])
        calendar = fresh("TourCalendar")
        call("CreateDocument", Name=calendar, Content=CALENDAR, DocumentType="ChangeCalendar", DocumentFormat="TEXT")
        assert call("GetCalendarState", CalendarNames=[calendar])["State"] == "OPEN"

    def parameters(self):
        call, folder = self.call, "/" + fresh("tour")
        one, two = f"{folder}/one", f"{folder}/two"
        for name, value in ((one, "first"), (two, "x,y")):
            kind = "StringList" if name == two else "String"
            assert call("PutParameter", Name=name, Value=value, Type=kind)["Version"] == 1
        call("PutParameter", Name=one, Value="second", Type="String", Overwrite=True)
        assert call("GetParameter", Name=one)["Parameter"]["Value"] == "second"
        got = call("GetParameters", Names=[one, "/no/such/thing"])
        assert ([p["Name"] for p in got["Parameters"]], got["InvalidParameters"]) == ([one], ["/no/such/thing"])
        assert [p["Name"] for p in call("GetParametersByPath", Path=folder)["Parameters"]] == [one, two]
        assert [p["Value"] for p in call("GetParameterHistory", Name=one)["Parameters"]] == ["first", "second"]
        filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [folder]}]
        assert len(call("DescribeParameters", ParameterFilters=filters)["Parameters"]) == 2
        call("DeleteParameter", Name=one)
        assert call("DeleteParameters", Names=[two])["DeletedParameters"] == [two]

    def settings_and_tags(self):
        call, setting = self.call, "/ssm/parameter-store/high-throughput-enabled"
        call("UpdateServiceSetting", SettingId=setting, SettingValue="true")
        assert call("GetServiceSetting", SettingId=setting)["ServiceSetting"]["SettingValue"] == "true"
        assert call("ResetServiceSetting", SettingId=setting)["ServiceSetting"]["SettingValue"] == "false"
        thing = {"ResourceType": "Document", "ResourceId": self.document}
        call("AddTagsToResource", **thing, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        call("RemoveTagsFromResource", **thing, TagKeys=["a"])
        assert call("ListTagsForResource", **thing)["TagList"] == [{"Key": "b", "Value": "2"}]

    def known_nodes(self):
        call, node = self.call, self.nodes[0]
        known = call("DescribeInstanceInformation", Filters=[{"Key": "InstanceIds", "Values": self.nodes}])
        assert {one["InstanceId"] for one in known["InstanceInformationList"]} == set(self.nodes)
        assert call("GetConnectionStatus", Target=node)["Status"] == "connected"
        call("UpdateManagedInstanceRole", InstanceId=node, IamRole="role/Tour")
        made = call("CreateActivation", IamRole="role/Tour", Description="tour")
        listed = call("DescribeActivations")["ActivationList"]
        assert made["ActivationId"] in [one["ActivationId"] for one in listed]
        call("DeleteActivation", ActivationId=made["ActivationId"])

    def commands(self):
        call, nodes = self.call, self.nodes
        sent = call("SendCommand", DocumentName=self.document, InstanceIds=nodes, Parameters={"commands": ["echo tour"]})
        command = sent["Command"]["CommandId"]

        def ended(command):
            found = call("ListCommands", CommandId=command)["Commands"][0]
            return found if found["Status"] in DONE else None

        assert self.until(lambda: ended(command), f"{command} ends")["Status"] == "Success"
        got = call("GetCommandInvocation", CommandId=command, InstanceId=nodes[1])
        assert (got["Status"], got["StandardOutputContent"]) == ("Success", "tour\n")
        listed = call("ListCommandInvocations", CommandId=command, Details=True)["CommandInvocations"]
        assert {one["InstanceId"] for one in listed} == set(nodes)
        sent = call("SendCommand", DocumentName=self.document, InstanceIds=nodes[:1], Parameters={"commands": ["sleep 100"]})
        call("CancelCommand", CommandId=sent["Command"]["CommandId"])
        cancelled = self.until(lambda: ended(sent["Command"]["CommandId"]), "the command is cancelled")
        assert cancelled["Status"] == "Cancelled"

    def automations(self):
        call = self.call

        def start(**parameters):
            given = {"Parameters": parameters} if parameters else {}
            return call("StartAutomationExecution", DocumentName=self.runbook, **given)["AutomationExecutionId"]

        def is_now(execution, status):
            found = call("GetAutomationExecution", AutomationExecutionId=execution)["AutomationExecution"]
            return found if found["AutomationExecutionStatus"] == status else None

        good, bad = start(), start(Rest=["PT1H"])
        for execution in (good, bad):
            self.until(lambda: is_now(execution, "Waiting"), f"{execution} waits")
            call("SendAutomationSignal", AutomationExecutionId=execution, SignalType="Approve")
        self.until(lambda: is_now(good, "Success"), f"{good} succeeds")
        self.until(lambda: is_now(bad, "InProgress"), f"{bad} goes on")
        call("StopAutomationExecution", AutomationExecutionId=bad, Type="Cancel")
        self.until(lambda: is_now(bad, "Cancelled"), f"{bad} is cancelled")
        steps = call(
            "DescribeAutomationStepExecutions", AutomationExecutionId=good, ReverseOrder=True,
            Filters=[{"Key": "StepExecutionStatus", "Values": ["Success"]}],
        )["StepExecutions"]  # fmt: skip
        assert [one["StepName"] for one in steps] == ["rest", "ask"]
        filters = [{"Key": "DocumentNamePrefix", "Values": [self.runbook]}, {"Key": "ExecutionStatus", "Values": ["Success"]}]
        listed = call("DescribeAutomationExecutions", Filters=filters)["AutomationExecutionMetadataList"]
        assert [one["AutomationExecutionId"] for one in listed] == [good]

    def associations(self):
        call, nodes = self.call, self.nodes
        entry = {
            "Name": self.document,
            "Parameters": {"commands": ["echo applied"]},
            "Targets": [{"Key": "InstanceIds", "Values": nodes}],
        }
        made = call("CreateAssociation", **entry, ScheduleExpression="rate(30 days)", AssociationName=fresh("tour"))
        id = made["AssociationDescription"]["AssociationId"]

        def runs(count):
            found = call("DescribeAssociationExecutions", AssociationId=id)["AssociationExecutions"]
            return found if [one["Status"] for one in found] == ["Success"] * count else None

        run = self.until(lambda: runs(1), "the association has run")[0]
        which = {"AssociationId": id, "ExecutionId": run["ExecutionId"]}
        filters = [{"Key": "Status", "Value": "Success"}]
        targets = call("DescribeAssociationExecutionTargets", **which, Filters=filters)["AssociationExecutionTargets"]
        assert {one["ResourceId"] for one in targets} == set(nodes)
        call("StartAssociationsOnce", AssociationIds=[id])
        self.until(lambda: runs(2), "the association has run again")
        call("UpdateAssociation", AssociationId=id, Parameters={"commands": ["echo twice"]}, ScheduleExpression="rate(29 days)")
        self.until(lambda: runs(3), "the changed association has run")
        versions = call("ListAssociationVersions", AssociationId=id)["AssociationVersions"]
        assert sorted(one["AssociationVersion"] for one in versions) == ["1", "2"]
        assert call("DescribeAssociation", AssociationId=id)["AssociationDescription"]["AssociationVersion"] == "2"
        listed = call("ListAssociations", AssociationFilterList=[{"key": "Name", "value": self.document}])["Associations"]
        assert [one["AssociationId"] for one in listed] == [id]
        infos = call("DescribeInstanceAssociationsStatus", InstanceId=nodes[0])["InstanceAssociationStatusInfos"]
        assert [(one["AssociationId"], one["Status"]) for one in infos] == [(id, "Success")]
        effective = call("DescribeEffectiveInstanceAssociations", InstanceId=nodes[0])["Associations"]
        assert [one["AssociationId"] for one in effective] == [id]
        call("DeleteAssociation", AssociationId=id)
        # The old way, which only documents of the old schema know: one node, named by it.
        name = fresh("TourOld")
        old = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["true"]}]}}}
        call("CreateDocument", Name=name, Content=json.dumps(old | {"description": "old"}), DocumentType="Command")
        batch = call("CreateAssociationBatch", Entries=[{"Name": name, "InstanceId": nodes[0]}])
        assert (len(batch["Successful"]), batch["Failed"]) == (1, [])
        status = {"Date": "2026-01-01T00:00:00Z", "Name": "Success", "Message": "told"}
        told = call("UpdateAssociationStatus", Name=name, InstanceId=nodes[0], AssociationStatus=status)
        assert told["AssociationDescription"]["Status"]["Message"] == "told"
        call("DeleteAssociation", Name=name, InstanceId=nodes[0])

    def compliance(self):
        call, node = self.call, self.nodes[0]
        call(
            "PutComplianceItems", ResourceId=node, ResourceType="ManagedInstance", ComplianceType="Custom:Tour",
            ExecutionSummary={"ExecutionTime": "2026-01-01T00:00:00Z"},
            Items=[{"Id": "1", "Severity": "HIGH", "Status": "NON_COMPLIANT"}],
        )  # fmt: skip
        items = call("ListComplianceItems", ResourceIds=[node], ResourceTypes=["ManagedInstance"])["ComplianceItems"]
        assert ("Custom:Tour", "HIGH") in [(one["ComplianceType"], one["Severity"]) for one in items]
        ours = [{"Key": "ComplianceType", "Values": ["Custom:Tour"], "Type": "EQUAL"}]
        summary = call("ListComplianceSummaries", Filters=ours)["ComplianceSummaryItems"][0]
        assert summary["NonCompliantSummary"]["SeveritySummary"]["HighCount"] == 1
        found = call("ListResourceComplianceSummaries", Filters=ours)["ResourceComplianceSummaryItems"]
        assert [(one["ResourceId"], one["OverallSeverity"]) for one in found] == [(node, "HIGH")]

    def goodbye(self):
        self.call("DeleteDocument", Name=self.document)
        self.call("DeregisterManagedInstance", InstanceId=self.nodes[1])
