"""Real runbooks that run others: playbooks with their remediations, and the long ones.

What a playbook calls by name is there under that name: from the corpus where it has it, a stand-in of ours where it
doesn't. Findings are resolved at a recorder, since moto's Security Hub has no BatchUpdateFindings; the rest is moto.
"""

import io
import json
import zipfile

import pytest

from corpus import ACCOUNT, KEY, NO_OUTPUT, REGION, Any, Part, done, failed, needs_corpus, raised
from harness import eventually, fresh
from test_corpus_runbooks import (
    make_bucket, make_db, make_group, make_instance, make_redshift, make_table,
    scaling_group, warehouse,
)

pytestmark = needs_corpus


def finding(control, kind, identifier, **more):
    return {
        "Id": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:finding/{fresh('f')}",
        "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/securityhub",
        # Real ones are thousands of letters long, more than the model of StartAutomationExecution says.
        "AwsAccountId": ACCOUNT, "Description": "This control checks. " * 200, "Compliance": {"SecurityControlId": control, **more.pop("compliance", {})},
        "Resources": [{"Type": kind, "Id": identifier, "Region": REGION}], **more,
    }


class Playbook:
    """One playbook of Automated Security Response: reads a finding, runs a remediation, resolves the finding."""

    def __init__(self, world, part, control, kind, identifier, child, **more):
        self.world, self.finding = world, finding(control, kind, identifier, **more)
        self.child_document = world.create(child, name=f"ASR-{child}")[1]
        found = {"Id": self.finding["Id"], "ProductArn": self.finding["ProductArn"]}
        world.recorder.record("securityhub", "PATCH /findings/batchupdate", {"ProcessedFindings": [found], "UnprocessedFindings": []})
        self.run = world.run(part, Finding=self.finding)
        self.kind, self.identifier = kind, identifier

    def parsed(self, resource, **names):
        """What ParseInput puts out: what they all do, and what this one calls the resource's id."""
        said = {
            "FindingId": self.finding["Id"], "ProductArn": self.finding["ProductArn"], "RemediationRegion": REGION,
            "RemediationAccount": ACCOUNT, "AccountId": ACCOUNT, "SecHubInputParams": Any(list), "TestMode": False,
            "AffectedObject": {"Type": self.kind, "Id": resource, "OutputKey": "Remediation.Output"}, **names,
        }
        declared = {one["Name"] for one in self.run.document["mainSteps"][0]["outputs"]}
        return done("ParseInput", **{name: value for name, value in said.items() if name in declared})

    def resolved(self, *steps, resource=None, **names):
        """The whole chain was done, and the finding is resolved with the playbook's note."""
        steps = [self.parsed(resource or self.identifier, **names), *steps, done("Remediation"), done("UpdateFinding")]
        outputs = {"ParseInput.AffectedObject": steps[0].outputs["AffectedObject"], "Remediation.Output": Any(list)}
        self.run.went(*steps, outputs=outputs)
        assert self.run.output("Remediation", "Status") == ["Success"]
        (request,) = self.world.recorder.asked("securityhub", "PATCH /findings/batchupdate")
        assert request.json["FindingIdentifiers"] == [{"Id": self.finding["Id"], "ProductArn": self.finding["ProductArn"]}]
        assert request.json["Workflow"] == {"Status": "RESOLVED"} and request.json["Note"]["UpdatedBy"].startswith("ASR-")
        return request.json["Note"]["Text"]

    def child(self):
        return self.run.child("Remediation", self.child_document)


def test_afsbp_rds_8_protects_a_database(world):  # moto; the finding is recorded
    name, arn = make_db(world)
    playbook = Playbook(world, "AFSBP_RDS.8", "RDS.8", "AwsRdsDbInstance", arn, "EnableRDSInstanceDeletionProtection")
    assert playbook.resolved(RDSInstanceARN=arn) == "Enabled deletion protection on RDS instance"
    response = Part(DBInstance=Part(DeletionProtection=True))
    child = playbook.child().went(
        done("GetRDSInstanceIdentifier", DbInstanceIdentifier=name),
        done("EnableRDSInstanceDeletionProtection", ModifyDBInstanceResponse=response),
        done("VerifyDBInstanceModification"),
        outputs={"EnableRDSInstanceDeletionProtection.ModifyDBInstanceResponse": response},
    )
    assert child.execution["Parameters"]["ApplyImmediately"] == ["true"]
    assert child.execution["Parameters"]["AutomationAssumeRole"] == [
        f"arn:aws:iam::{ACCOUNT}:role/SO0111-EnableRDSInstanceDeletionProtection"
    ]
    # The parent's output is the child's outputs, in their order.
    assert json.loads(playbook.run.output("Remediation", "Output")[0])["DBInstance"]["DBInstanceIdentifier"] == name


def test_afsbp_dynamodb_6_protects_a_table(world):  # moto; the finding is recorded
    table, arn = make_table(world)
    playbook = Playbook(world, "AFSBP_DynamoDB.6", "DynamoDB.6", "AwsDynamoDbTable", arn, "EnableDynamoDBDeletionProtection")
    assert playbook.resolved(ResourceArn=arn) == f"Enabled deletion protection for DynamoDB Table {arn}"
    assert world.aws("dynamodb").describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"] is True


def test_afsbp_sns_1_encrypts_a_topic(world, cmk):  # moto and own: ssm; the finding is recorded
    topic = world.aws("sns").create_topic(Name=fresh("topic"))["TopicArn"]
    playbook = Playbook(world, "AFSBP_SNS.1", "SNS.1", "AwsSnsTopic", topic, "EnableEncryptionForSNSTopic")
    assert playbook.resolved(TopicArn=topic) == "Encryption enabled on SNS Topic"
    playbook.child().went(
        done("EncryptSNSTopic", Response=Any(list)), done("VerifyTopicEncryption"),
        outputs={"EncryptSNSTopic.Response": Any(list)},
    )
    assert world.aws("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["KmsMasterKeyId"] == cmk


def test_afsbp_redshift_1_hides_a_cluster(world):  # moto; the finding is recorded
    name = make_redshift(world, PubliclyAccessible=True)
    arn = f"arn:aws:redshift:{REGION}:{ACCOUNT}:cluster:{name}"
    playbook = Playbook(
        world, "AFSBP_Redshift.1", "Redshift.1", "AwsRedshiftCluster", arn, "DisablePublicAccessToRedshiftCluster"
    )
    playbook.resolved(resource=name, ClusterIdentifier=name)
    assert warehouse(world, name)["PubliclyAccessible"] is False


def test_afsbp_autoscaling_1_checks_a_group_by_its_balancer(world):  # moto; the finding is recorded
    _, group, _, _, _ = make_group(world)
    arn = scaling_group(world, group)["AutoScalingGroupARN"]
    playbook = Playbook(
        world, "AFSBP_AutoScaling.1", "AutoScaling.1", "AwsAutoScalingAutoScalingGroup", arn,
        "EnableAutoScalingGroupELBHealthCheck",
    )
    assert playbook.resolved(resource=group, AutoScalingGroupName=group) == "ASG health check type updated to ELB"
    assert scaling_group(world, group)["HealthCheckType"] == "ELB"


def test_afsbp_s3_2_closes_a_bucket(world):  # moto; the finding is recorded
    bucket = make_bucket(world)
    playbook = Playbook(
        world, "AFSBP_S3.2", "S3.2", "AwsS3Bucket", f"arn:aws:s3:::{bucket}", "ConfigureS3BucketPublicAccessBlock"
    )
    playbook.resolved(resource=bucket, BucketName=bucket)
    found = world.aws("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(found.values()) and len(found) == 4


def test_afsbp_s3_11_announces_a_bucket_s_events(world):  # moto; the finding is recorded
    bucket = make_bucket(world)
    events = ["s3:ObjectCreated:*"]
    playbook = Playbook(
        world, "AFSBP_S3.11", "S3.11", "AwsS3Bucket", f"arn:aws:s3:::{bucket}", "EnableBucketEventNotifications",
        compliance={"SecurityControlParameters": {"eventTypes": {"value": events}}},
    )
    playbook.resolved(done("GetInputParams", eventTypes=events), resource=bucket, BucketName=bucket)
    (found,) = world.aws("s3").get_bucket_notification_configuration(Bucket=bucket)["TopicConfigurations"]
    assert found["Events"] == events


def test_pci_s3_5_wants_tls(world):  # moto; the finding is recorded
    bucket = make_bucket(world)
    playbook = Playbook(world, "PCI.S3.5", "PCI.S3.5", "AwsS3Bucket", f"arn:aws:s3:::{bucket}", "SetSSLBucketPolicy")
    playbook.resolved(resource=bucket, BucketName=bucket)
    assert "SecureTransport" in world.aws("s3").get_bucket_policy(Bucket=bucket)["Policy"]


def test_afsbp_macie_1_switches_macie_on(world):  # moto; the finding is recorded
    playbook = Playbook(world, "AFSBP_Macie.1", "Macie.1", "AwsAccount", f"AWS::::Account:{ACCOUNT}", "EnableMacie")
    assert playbook.resolved(ResourceId=f"AWS::::Account:{ACCOUNT}") == f"Macie enabled in account {ACCOUNT}"


def test_a_finding_of_another_control_goes_no_further(world):  # moto
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:some"
    run = world.run("AFSBP_RDS.8", Finding=finding("RDS.2", "AwsRdsDbInstance", arn))
    run.went(raised("ParseInput", "RDS.2 is not expected"), status="Failed")


def test_a_remediation_that_fails_leaves_the_finding_open(world):  # moto
    world.create("EnableRDSInstanceDeletionProtection", name="ASR-EnableRDSInstanceDeletionProtection")
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:nowhere"
    run = world.run("AFSBP_RDS.8", Finding=finding("RDS.8", "AwsRdsDbInstance", arn))
    assert [(one["StepName"], one["StepStatus"]) for one in run.steps] == [
        ("ParseInput", "Success"), ("Remediation", "Failed"), ("UpdateFinding", "Pending")
    ], run.explain()
    assert run.execution["AutomationExecutionStatus"] == "Failed"
    assert run.output("Remediation", "Status") == ["Failed"]
    assert not world.recorder.asked("securityhub", "PATCH /findings/batchupdate")


def test_a_playbook_whose_remediation_does_not_exist_fails(world):  # own
    run = world.run("PCI.KMS.1", Finding=finding(
        "PCI.KMS.1", "AwsKmsKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012"))
    assert [one["StepStatus"] for one in run.steps] == ["Success", "Failed", "Pending"], run.explain()
    assert "AutomationDefinitionNotFound" in run.step("Remediation")["FailureMessage"]


# --- the long ones --------------------------------------------------------------------------------


def stand_in(world, parameters, *steps, **fields):
    document = {
        "schemaVersion": "0.3", "parameters": {name: {"type": "String"} for name in parameters}, "mainSteps": list(steps), **fields,
    }
    return world.create_text(document)[0]


def call(name, service, api, outputs=None, **inputs):
    outputs = [{"Name": key, "Selector": path, "Type": "String"} for key, path in (outputs or {}).items()]
    return {
        "name": name, "action": "aws:executeAwsApi", "inputs": {"Service": service, "Api": api, **inputs},
        **({"outputs": outputs} if outputs else {}),
    }


def with_delete_on_termination(body):
    """moto's answer to DescribeVolumes with what it lacks."""
    return body.replace(b"<attachTime>", b"<deleteOnTermination>true</deleteOnTermination><attachTime>")


@pytest.fixture
def ebs(world):
    """Stand-ins for AWS's own documents about volumes and instances."""
    find = call("find", "ec2", "DescribeVolumes", {
        "Instance": "$.Volumes[0].Attachments[0].InstanceId", "Device": "$.Volumes[0].Attachments[0].Device",
    }, VolumeIds=["{{ VolumeId }}"])
    return {
        "AWS-CreateSnapshot": stand_in(
            world, ["VolumeId"], call("create", "ec2", "CreateSnapshot", {"Id": "$.SnapshotId"}, VolumeId="{{ VolumeId }}"),
            outputs=["create.Id"],
        ),
        "AWS-StopEC2Instance": stand_in(world, ["InstanceId"], {
            "name": "stop", "action": "aws:changeInstanceState",
            "inputs": {"InstanceIds": ["{{ InstanceId }}"], "DesiredState": "stopped"},
        }),
        "AWS-DetachEBSVolume": stand_in(world, ["VolumeId"], find, call(
            "detach", "ec2", "DetachVolume", VolumeId="{{ VolumeId }}", InstanceId="{{ find.Instance }}", Device="{{ find.Device }}",
        )),
        "AWS-AttachEBSVolume": stand_in(world, ["Device", "InstanceId", "VolumeId"], call(
            "attach", "ec2", "AttachVolume", VolumeId="{{ VolumeId }}", InstanceId="{{ InstanceId }}", Device="{{ Device }}",
        )),
    }


CLEANUP = (
    "detachNewVolume", "attachOriginalVolume", "deleteNewEncryptedVolume", "deleteEncryptedRootVolumeSnapshot",
    "deleteRootVolumeSnapshot",
)


def test_a_root_volume_is_replaced_by_an_encrypted_one(world, ebs):  # moto; DeleteOnTermination is recorded
    ec2 = world.aws("ec2")
    instance = make_instance(world)
    volume = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}])["Volumes"][0]
    device = volume["Attachments"][0]["Device"]
    world.recorder.record("ec2", "DescribeVolumes", with_delete_on_termination)
    run = world.run("aws-encryptrootvolume", change=ebs, instanceId=instance["InstanceId"], kmsKeyId=KEY)
    new = {one["VolumeId"] for one in ec2.describe_volumes()["Volumes"] if one["Encrypted"]}
    (made,) = run.output("createVolume", "NewRootVolumeID")
    assert made in new
    (first,), (second,) = run.output("extractSnapshotId", "SnapshotId"), run.output("copyAndEncryptSnapshot", "encryptedSnapshotId")
    assert run.output("createSnapshot", "Output") == [first]
    run.went(
        done(
            "describeInstance", availabilityZone=instance["Placement"]["AvailabilityZone"], rootDeviceName=device,
            instanceState="running",
        ),
        done(
            "describeInstanceRootVolume", rootDeviceVolumeId=volume["VolumeId"], rootDeviceVolumeType="gp2",
            RootDeviceDeleteOnTermination=True,
        ),
        done("createSnapshot"),
        done("extractSnapshotId", SnapshotId=first),
        done("copyAndEncryptSnapshot", encryptedSnapshotId=second),
        done("waitForSnapshot"),
        done("createVolume", NewRootVolumeID=made),
        done("stopInstance"), done("detachEBSVolume"), done("attachNewEBSVolume"), done("applyDeleteOnTerminationValue"),
        done("restoreInstanceInitialState"),
        outputs={
            "describeInstanceRootVolume.rootDeviceVolumeId": volume["VolumeId"], "createVolume.NewRootVolumeID": made,
        },
    )
    assert run.output("restoreInstanceInitialState", "InstanceStates") == ["running"]
    (attached,) = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}])["Volumes"]
    assert (attached["VolumeId"], attached["Encrypted"]) == (made, True)
    (request,) = world.recorder.asked("ec2", "ModifyInstanceAttribute")
    assert request.form["BlockDeviceMapping.1.Ebs.DeleteOnTermination"] == "true"


def test_a_root_volume_that_cannot_be_attached_is_put_back(world, ebs):  # moto; the refusal is recorded
    ec2 = world.aws("ec2")
    instance = make_instance(world)
    volume = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}])["Volumes"][0]
    world.recorder.record("ec2", "DescribeVolumes", with_delete_on_termination)
    world.recorder.record("ec2", "CreateVolume", (400, """<Response><Errors><Error><Code>VolumeLimitExceeded</Code>
        <Message>You have too many volumes.</Message></Error></Errors><RequestID>1</RequestID></Response>"""))
    run = world.run("aws-encryptrootvolume", change=ebs, instanceId=instance["InstanceId"], kmsKeyId=KEY)
    (first,), (second,) = run.output("extractSnapshotId", "SnapshotId"), run.output("copyAndEncryptSnapshot", "encryptedSnapshotId")
    run.went(
        done("describeInstance", availabilityZone=Any(list), rootDeviceName=Any(list), instanceState="running"),
        done(
            "describeInstanceRootVolume", rootDeviceVolumeId=volume["VolumeId"], rootDeviceVolumeType="gp2",
            RootDeviceDeleteOnTermination=True,
        ),
        done("createSnapshot"),
        done("extractSnapshotId", SnapshotId=first),
        done("copyAndEncryptSnapshot", encryptedSnapshotId=second),
        done("waitForSnapshot"),
        failed("createVolume", "VolumeLimitExceeded", "CreateVolume", "You have too many volumes."),
        # onFailure: step:deleteNewEncryptedVolume, which has no volume to delete, and goes on: onFailure: Continue.
        failed("deleteNewEncryptedVolume", NO_OUTPUT, "DeleteVolume"),
        done("deleteEncryptedRootVolumeSnapshot"),
        done("deleteRootVolumeSnapshot"),
        done("restoreInstanceInitialState"),
        # createVolume is critical, so the run has failed though it went on to its end.
        status="Failed",
        outputs={"describeInstanceRootVolume.rootDeviceVolumeId": volume["VolumeId"]},
    )
    left = {one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert not {first, second} & left


# --- on a node ------------------------------------------------------------------------------------


@pytest.fixture
def node(world):
    """The managed node within the server; its id."""
    def look():
        known = world.ssm.describe_instance_information()["InstanceInformationList"]
        return [one["InstanceId"] for one in known if one["PingStatus"] == "Online"]

    (known,) = eventually(look, "the node is online")
    return known


def test_commands_on_a_node_of_which_the_second_fails(world, node):  # own: Run Command, in a sandbox without sudo
    run = world.run("BashScriptSSMAutomation", InstanceId=node)
    # The first ends with `exit 0` though there is no yum, as the script has it.
    run.went(
        done("updateOSSoftware"), failed("InstallNginx", "Command", "Failed", stage="PostVerification"), status="Failed"
    )
    first, second = run.step("updateOSSoftware"), run.step("InstallNginx")
    assert first["Outputs"]["Status"] == ["Success"] and first["ResponseCode"] == "0"
    assert second["ResponseCode"] == "127" and "not found" in second["Outputs"]["Output"][0], second
    command = world.ssm.list_commands(CommandId=first["Outputs"]["CommandId"][0])["Commands"][0]
    assert command["DocumentName"] == "AWS-RunShellScript" and command["InstanceIds"] == [node]


ONLINE = [{"Key": "PingStatus", "Values": ["Online"]}]
TOLD = {"commands": ["echo told"]}


def test_nodes_are_found_and_told(world, node):  # own: Run Command
    run = world.run(
        "hybrid-target-noconverter", DocumentName="AWS-RunShellScript", DocumentParameters=TOLD, Filters=ONLINE
    )
    run.went(
        done("SelectHybridInstances", InstanceIds=[node]), done("DoStuff"),
        outputs={"SelectHybridInstances.InstanceIds": [node]},
    )
    assert "told" in run.output("DoStuff", "Output")[0]


def test_nodes_are_found_by_filters_that_a_script_reads(world, node):  # own: Run Command
    run = world.run(
        "020_targeting_hybrid_instances__index", DocumentName="AWS-RunShellScript", DocumentParameters=TOLD,
        Filters=json.dumps(ONLINE),
    )
    run.went(
        done("FormatConverter", Filters=ONLINE), done("SelectHybridInstances", InstanceIds=[node]), done("DoStuff"),
        done("ExitHook"),
    )


def test_a_machine_is_patched_or_else_restored(world, node):  # own: Run Command; recorded: Azure's metadata, functions
    # Branch, commands, a script that joins what the branches found, a loop that polls, a failure with a way back.
    answers = [{"SnapshotName": "snap"}, {"SnapshotStatus": "Pending"}, {"SnapshotStatus": "Succeeded"}, {}, {}]
    world.recorder.record("lambda", "Invoke", *answers)
    metadata = {"compute": {
        "name": "vm", "resourceGroupName": "group", "subscriptionId": "sub", "storageProfile": {"osDisk": {"name": "disk"}}}}
    asked = r'curl -sL -H \"metadata:true\" \"http://169.254.169.254/metadata/instance?api-version=2020-09-01\"'
    told = "echo " + json.dumps("'" + json.dumps(metadata) + "'")[1:-1]
    run = world.run("PatchVMWithRollback", change={asked: told}, InstanceId=node)
    found = {"name": "vm", "osDiskname": "disk", "resourceGroupName": "group", "subscriptionId": "sub"}
    (properties,) = run.output("ExtractVMDetailsfromLinux", "VMproperties")
    assert json.loads(properties) == found
    run.went(
        done("GetAzureNodePlatformDetails", platform="Linux"),
        done("ChooseOSforCommands"),
        done("ExtractVMDetailsfromLinux", VMproperties=properties),
        done(
            "ConvertStringtoJSON", AzureVMName="vm", VMOSDiskName="disk", AzureResourceGroupName="group",
            AzureSubscriptionID="sub",
        ),
        done("CreateSnapshot", SnapshotName="snap"),
        done("AssertSnapshotProvisionStatus"),
        done("Sleep").within(1), done("CheckSnapshotStatus", SnapshotStatus="Pending").within(1),
        done("Sleep").within(2), done("CheckSnapshotStatus", SnapshotStatus="Succeeded").within(2),
        # There is no AWS-RunPatchBaseline here: onFailure: step:RestoreVMDisk.
        failed("InstallPatches", "InvalidDocument", "SendCommand"),
        done("RestoreVMDisk"),
        done("DeleteSnapshot"),
        status="Failed",
    )
    # The script was told of the branch that was not taken in AWS's words.
    payload = json.loads(run.step("ConvertStringtoJSON")["Inputs"]["InputPayload"])
    assert payload["WindowsNodeDetails"] == NO_OUTPUT
    assert run.lasted("AssertSnapshotProvisionStatus") >= 60
    assert [one.json["step_name"] for one in world.recorder.asked("lambda", "Invoke")] == [
        "CreateSnapshot", "CheckSnapshotStatus", "CheckSnapshotStatus", "RestoreVM", "DeleteSnapshot"
    ]


# --- stacks and functions -------------------------------------------------------------------------


STACK = "arn:aws:cloudformation:us-east-1:000000000000:stack/some/51af3dc0-da77-11e4-872e-1234567db123"


def cloudformation(action, result):
    return f"""<{action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><{action}Result>{result}
        </{action}Result></{action}Response>"""


def stack_is(status, reason=""):
    reason = f"<StackStatusReason>{reason}</StackStatusReason>" if reason else ""
    return cloudformation("DescribeStacks", f"""<Stacks><member><StackId>{STACK}</StackId><StackName>some</StackName>
        <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>{status}</StackStatus>{reason}</member></Stacks>""")


def test_a_stack_with_a_default_name_of_the_execution_comes_and_goes(world):  # recorded: cloudformation; own: ssm
    record = world.recorder.record
    record("cloudformation", "CreateStack", cloudformation("CreateStack", f"<StackId>{STACK}</StackId>"))
    creating = [stack_is("CREATE_IN_PROGRESS")] * 3
    record("cloudformation", "DescribeStacks", *creating, stack_is("CREATE_COMPLETE"))
    record("cloudformation", "DeleteStack", cloudformation("DeleteStack", ""))
    record("cloudformation", "DescribeStacks", stack_is("DELETE_IN_PROGRESS"), stack_is("DELETE_COMPLETE"))
    run = world.run("aws-CreateManagedWindowsInstance", AmiId="ami-1", KeyPairName="pair")
    run.went(done("createManagedInstanceStack"), done("deleteManagedInstanceStack"))
    assert run.output("createManagedInstanceStack", "StackId") == [STACK]
    assert run.output("createManagedInstanceStack", "StackStatus") == ["CREATE_COMPLETE"]
    (create,), (delete,) = world.recorder.asked("cloudformation", "CreateStack"), world.recorder.asked("cloudformation", "DeleteStack")
    assert create.form["StackName"] == f"CreateManagedInstanceStack{run.id}"
    assert create.form["Capabilities.member.1"] == "CAPABILITY_IAM" and create.form["OnFailure"] == "ROLLBACK"
    assert create.form["Parameters.member.1.ParameterKey"] == "AmiId" and create.form["Parameters.member.1.ParameterValue"] == "ami-1"
    assert create.form["TemplateBody"].startswith("AWSTemplateFormatVersion")
    assert delete.form["StackName"] in (f"CreateManagedInstanceStack{run.id}", STACK)
    assert run.lasted("createManagedInstanceStack") > 0


def test_a_stack_that_rolls_back_fails_its_step(world):  # recorded: cloudformation
    record = world.recorder.record
    record("cloudformation", "CreateStack", cloudformation("CreateStack", f"<StackId>{STACK}</StackId>"))
    record("cloudformation", "DescribeStacks", stack_is("CREATE_IN_PROGRESS"), stack_is("ROLLBACK_IN_PROGRESS", "no such key"))
    world.recorder.answers[("cloudformation", "DescribeStacks")] += [stack_is("ROLLBACK_COMPLETE", "no such key")]
    run = world.run("aws-CreateManagedWindowsInstance", AmiId="ami-1", KeyPairName="pair")
    # It may stop looking at the first status that says that it won't come.
    world.recorder.answers.clear()
    run.went(failed("createManagedInstanceStack", "ROLLBACK", kind="Action", stage="PostVerification"), status="Failed")
    assert not world.recorder.asked("cloudformation", "DeleteStack")


def test_a_web_acl_logs(world):  # moto
    waf = world.aws("wafv2")
    arn = waf.create_web_acl(
        Name=fresh("acl"), Scope="REGIONAL", DefaultAction={"Allow": {}},
        VisibilityConfig={"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"},
    )["Summary"]["ARN"]
    world.run("waf-enable-logging", WebACLId=arn).went(done("performRemediation"))
    found = waf.get_logging_configuration(ResourceArn=arn)["LoggingConfiguration"]
    assert found["LogDestinationConfigs"] == [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:aws-waf-logs-AWSAccelerator"]


def test_load_is_sent_to_a_function(world):  # moto, which answers without running it
    iam, functions = world.aws("iam"), world.aws("lambda")
    role = iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    name, archive = fresh("load"), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("a.py", "def b(event, context): pass")
    functions.create_function(
        FunctionName=name, Runtime="python3.11", Role=role, Handler="a.b", Code={"ZipFile": archive.getvalue()}
    )
    run = world.run("advanced-az_template", FunctionName=name, ConnectionTargetUrl="http://example.test", Replicas=3)
    response = json.loads(run.output("runLoadReplicas", "Response")[0])
    run.went(done("runLoadReplicas", Response=json.dumps(response)))
    assert [one["StatusCode"] for one in response] == [202] * 3
    sent = world.recorder.asked("lambda", "Invoke")
    assert len(sent) == 3 and sent[0].json["ExperimentDurationSeconds"] == 180


def test_powershell_that_is_not_there_fails_its_step_and_says_so(world):  # own
    run = world.run("HelloWorldPowershell", Name="World")
    if run.execution["AutomationExecutionStatus"] == "Success":
        run.went(done("helloWorld", Message="Hello World"), outputs={"helloWorld.Message": "Hello World"})
        return
    run.went(raised("helloWorld", "PowerShell"), status="Failed")
