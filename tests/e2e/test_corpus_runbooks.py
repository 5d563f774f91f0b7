"""Real runbooks run to their ends, their step histories checked field by field.

Each test runs files of the corpus against AWS's stand-ins, as its name's comment says:

* moto: a moto server holds the resources, and the test looks at what became of them there;
* recorded: answers that the test recorded, for what moto lacks (Security Hub's BatchUpdateFindings, states that take
  time), given by a recorder in front of moto, which keeps the requests for the test to look at;
* own: Trackway's own services (Parameter Store, Step Functions, functions of its configuration).

With `test_corpus_chains`, 66 files of the corpus run. The clock is virtual: sleeps and polls take no time. Scripts that the corpus only names (`%%SCRIPT=...%%`) are our
own, in `runbook_scripts`. A document that AWS owns and the corpus lacks has a stand-in of ours.
"""

import json

import pytest
from botocore.exceptions import ClientError

from corpus import ACCOUNT, KEY, NO_OUTPUT, REGION, ROLE, Any, Part, done, failed, needs_corpus, raised, timed_out
from harness import fresh

pytestmark = needs_corpus

# --- databases: moto ------------------------------------------------------------------------------


def make_db(world, **fields):
    name = fresh("db")
    created = world.aws("rds").create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine="postgres", MasterUsername="root",
        MasterUserPassword="secret99", AllocatedStorage=20, **fields,
    )
    return name, created["DBInstance"]["DBInstanceArn"]


def test_an_rds_instance_is_protected_from_deletion(world):  # moto
    name, arn = make_db(world)
    run = world.run("EnableRDSInstanceDeletionProtection", RDSInstanceARN=arn)
    response = Part(DBInstance=Part(DBInstanceIdentifier=name, DeletionProtection=True))
    run.went(
        done("GetRDSInstanceIdentifier", DbInstanceIdentifier=name),
        done("EnableRDSInstanceDeletionProtection", ModifyDBInstanceResponse=response),
        done("VerifyDBInstanceModification"),
        outputs={"EnableRDSInstanceDeletionProtection.ModifyDBInstanceResponse": response},
    )
    assert run.execution["Parameters"]["ApplyImmediately"] == ["false"]
    assert run.step("EnableRDSInstanceDeletionProtection")["Inputs"]["ApplyImmediately"] == "false"
    (db,) = world.aws("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    assert db["DeletionProtection"] is True


def test_an_rds_instance_that_is_not_there_fails_the_first_step(world):  # moto
    arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:nowhere"
    run = world.run("EnableRDSInstanceDeletionProtection", RDSInstanceARN=arn)
    run.went(failed("GetRDSInstanceIdentifier", "DBInstanceNotFound", "DescribeDBInstances", "nowhere"), status="Failed")
    assert run.execution["FailureMessage"] == run.steps[0]["FailureMessage"]


def test_an_rds_cluster_is_protected_from_deletion(world):  # moto
    name = fresh("cluster")
    rds = world.aws("rds")
    arn = rds.create_db_cluster(
        DBClusterIdentifier=name, Engine="aurora-mysql", MasterUsername="root", MasterUserPassword="secret99"
    )["DBCluster"]["DBClusterArn"]
    rds.describe_db_clusters(DBClusterIdentifier=name)
    run = world.run("EnableRDSClusterDeletionProtection", RDSClusterARN=arn)
    response = Part(DBCluster=Part(DBClusterIdentifier=name, DeletionProtection=True))
    run.went(
        done("DescribeDBClusters", DbClusterIdentifier=name),
        done("VerifyStatus"),
        done("EnableRDSClusterDeletionProtection", ModifyDBClusterResponse=response),
        done("VerifyDBClusterModification"),
        outputs={"EnableRDSClusterDeletionProtection.ModifyDBClusterResponse": response},
    )
    assert rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["DeletionProtection"] is True


def status_of_db(status):
    """moto's own answer, with another status of the instance."""
    tag = b"DBInstanceStatus>"
    return lambda body: body.replace(b"<" + tag + b"available</" + tag, b"<" + tag + status.encode() + b"</" + tag)


PUBLIC = (
    "GetRDSInstanceIdentifier", "VerifyDBInstanceStatus", "DisablePubliclyAccessibleOnRDS",
    "WaitForDBInstanceStatusToModify", "WaitForDBInstanceStatusToAvailableAfterModify", "VerifyDBInstancePubliclyAccess",
)


def test_an_rds_instance_is_hidden_from_the_internet(world):  # moto; its states, which take time, are recorded
    name, arn = make_db(world, PubliclyAccessible=True)
    states = ["available", "available", "available", "modifying", "modifying", "modifying", "available", "available"]
    world.recorder.record("rds", "DescribeDBInstances", *map(status_of_db, states))
    run = world.run("DisablePublicAccessToRDSInstance", RDSInstanceARN=arn)
    response = Part(DBInstance=Part(PubliclyAccessible=False))
    run.went(
        done(PUBLIC[0], DbInstanceIdentifier=name), done(PUBLIC[1]), done(PUBLIC[2], Response=response),
        *map(done, PUBLIC[3:]), outputs={"DisablePubliclyAccessibleOnRDS.Response": response},
    )
    # It polled, and polling takes time.
    assert run.lasted("WaitForDBInstanceStatusToModify") > 0
    assert len(world.recorder.asked("rds", "DescribeDBInstances")) == 8
    assert world.aws("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["PubliclyAccessible"] is False


def test_a_wait_for_a_state_that_never_comes_times_out(world):  # moto, whose instances are never "modifying"
    name, arn = make_db(world, PubliclyAccessible=True)
    run = world.run("DisablePublicAccessToRDSInstance", RDSInstanceARN=arn)
    response = Part(DBInstance=Part(PubliclyAccessible=False))
    run.went(
        done(PUBLIC[0], DbInstanceIdentifier=name), done(PUBLIC[1]), done(PUBLIC[2], Response=response),
        timed_out(PUBLIC[3], "timed out"),
        status="TimedOut", outputs={"DisablePubliclyAccessibleOnRDS.Response": response},
    )
    assert 600 <= run.lasted(PUBLIC[3]) < 700
    assert run.execution["FailureMessage"] == run.step(PUBLIC[3])["FailureMessage"]


def test_an_rds_instance_that_is_busy_fails_the_assertion(world):  # moto; its state is recorded
    name, arn = make_db(world, PubliclyAccessible=True)
    world.recorder.record("rds", "DescribeDBInstances", status_of_db("backing-up"), status_of_db("backing-up"))
    run = world.run("DisablePublicAccessToRDSInstance", RDSInstanceARN=arn)
    run.went(
        done(PUBLIC[0], DbInstanceIdentifier=name),
        failed(PUBLIC[1], "available", "backing-up", stage="PostVerification", kind="Verification"),
        status="Failed",
    )
    assert world.aws("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["PubliclyAccessible"] is True


def test_an_rds_snapshot_is_encrypted(world):  # moto
    rds = world.aws("rds")
    db, _ = make_db(world)
    source, target = fresh("plain"), fresh("encrypted")
    rds.create_db_snapshot(DBInstanceIdentifier=db, DBSnapshotIdentifier=source)
    run = world.run(
        "EncryptRDSSnapshot", SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier=target,
        DBSnapshotType="snapshot",
    )
    run.went(
        done("ChooseSnapshotOrClusterSnapshot"),
        done("CopyRdsSnapshotToEncryptedRdsSnapshot", EncryptedSnapshotId=target),
        done("VerifyRdsEncryptedSnapshot"),
        done("DeleteUnencryptedRdsSnapshot"),
        outputs={"CopyRdsSnapshotToEncryptedRdsSnapshot.EncryptedSnapshotId": target},
    )
    (snapshot,) = rds.describe_db_snapshots(DBSnapshotIdentifier=target)["DBSnapshots"]
    assert snapshot["Encrypted"] is True
    with pytest.raises(ClientError, match="DBSnapshotNotFound"):
        rds.describe_db_snapshots(DBSnapshotIdentifier=source)


def test_a_cluster_snapshot_takes_the_other_branch_and_fails_where_the_runbook_errs(world):  # moto
    # The runbook gives DeleteDBClusterSnapshot a parameter of DeleteDBSnapshot: boto3 refuses it, and so AWS does.
    rds = world.aws("rds")
    cluster, source, target = fresh("cluster"), fresh("plain"), fresh("encrypted")
    rds.create_db_cluster(
        DBClusterIdentifier=cluster, Engine="aurora-mysql", MasterUsername="root", MasterUserPassword="secret99"
    )
    rds.create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=source)
    run = world.run(
        "EncryptRDSSnapshot", SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier=target,
        DBSnapshotType="dbclustersnapshot",
    )
    run.went(
        done("ChooseSnapshotOrClusterSnapshot"),
        done("CopyRdsClusterSnapshotToEncryptedRdsClusterSnapshot", EncryptedClusterSnapshotId=target),
        done("VerifyRdsEncryptedClusterSnapshot"),
        failed("DeleteUnencryptedRdsClusterSnapshot", "DBClusterSnapshotIdentifier"),
        status="Failed",
        outputs={"CopyRdsClusterSnapshotToEncryptedRdsClusterSnapshot.EncryptedClusterSnapshotId": target},
    )


def make_redshift(world, **fields):
    name = fresh("warehouse")
    redshift = world.aws("redshift")
    redshift.create_cluster(
        ClusterIdentifier=name, NodeType="ra3.xlplus", MasterUsername="root", MasterUserPassword="Secret999", **fields
    )
    redshift.describe_clusters(ClusterIdentifier=name)
    return name


def warehouse(world, name):
    return world.aws("redshift").describe_clusters(ClusterIdentifier=name)["Clusters"][0]


def test_a_redshift_cluster_is_hidden_from_the_internet(world):  # moto
    name = make_redshift(world, PubliclyAccessible=True)
    run = world.run("DisablePublicAccessToRedshiftCluster", ClusterIdentifier=name)
    response = Part(Cluster=Part(ClusterIdentifier=name, PubliclyAccessible=False))
    run.went(
        done("DisableRedshiftPubliclyAccessible", Response=response),
        done("WaitForRedshiftClusterAvailability"),
        done("VerifyRedshiftPubliclyAccessible"),
        outputs={"DisableRedshiftPubliclyAccessible.Response": response},
    )
    assert warehouse(world, name)["PubliclyAccessible"] is False


def test_a_redshift_cluster_keeps_snapshots_for_longer(world):  # moto
    name = make_redshift(world, AutomatedSnapshotRetentionPeriod=1)
    run = world.run("EnableAutomaticSnapshotsOnRedshiftCluster", ClusterIdentifier=name)
    response = Part(Cluster=Part(AutomatedSnapshotRetentionPeriod=7))
    run.went(
        done("QueryRetentionPeriod", CurrentRetentionPeriod=1),
        done("ChooseModifyRetentionPeriod"),
        done("ModifyRetentionPeriod", Response=response),
        done("WaitForClusterAvailability"),
        done("CastRetentionPeriodToString", MinRetentionPeriodString="7"),
        done("VerifyModifiedRetentionPeriod"),
        outputs={"QueryRetentionPeriod.CurrentRetentionPeriod": 1, "ModifyRetentionPeriod.Response": response},
    )
    assert run.execution["Parameters"]["MinRetentionPeriod"] == ["7"]
    assert warehouse(world, name)["AutomatedSnapshotRetentionPeriod"] == 7


def test_a_redshift_cluster_that_keeps_snapshots_long_enough_is_left_alone(world):  # moto
    name = make_redshift(world, AutomatedSnapshotRetentionPeriod=30)
    run = world.run("EnableAutomaticSnapshotsOnRedshiftCluster", ClusterIdentifier=name, MinRetentionPeriod=14)
    run.went(
        done("QueryRetentionPeriod", CurrentRetentionPeriod=30),
        done("ChooseModifyRetentionPeriod"),
        done("CastCurrentRetentionPeriodToString", CurrentRetentionPeriodString="30"),
        done("VerifyCurrentRetentionPeriod"),
        outputs={"QueryRetentionPeriod.CurrentRetentionPeriod": 30},
    )
    assert run.execution["Outputs"]["ModifyRetentionPeriod.Response"] == [NO_OUTPUT]
    assert warehouse(world, name)["AutomatedSnapshotRetentionPeriod"] == 30


def test_a_redshift_cluster_upgrades_itself(world):  # moto
    name = make_redshift(world, AllowVersionUpgrade=False)
    run = world.run("EnableAutomaticVersionUpgradeOnRedshiftCluster", ClusterIdentifier=name)
    response = Part(Cluster=Part(AllowVersionUpgrade=True))
    run.went(
        done("EnableAutomaticVersionUpgrade", Response=response),
        done("WaitForClusterAvailability"),
        done("CastAllowVersionUpgradeToString", AllowVersionUpgradeString="True"),
        done("VerifyAutomaticVersionUpgrade"),
        outputs={"EnableAutomaticVersionUpgrade.Response": response},
    )
    assert warehouse(world, name)["AllowVersionUpgrade"] is True


def make_table(world, **fields):
    name = fresh("table")
    fields = fields or {"BillingMode": "PAY_PER_REQUEST"}
    table = world.aws("dynamodb").create_table(
        TableName=name, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], **fields,
    )["TableDescription"]
    return name, table["TableArn"]


def test_an_output_whose_path_is_not_in_the_answer_does_not_fail_its_step(world):  # moto
    # The runbook asks for `$.Payload.response` of an UpdateTable; it is in use, and succeeds.
    name, arn = make_table(world)
    run = world.run("EnableDynamoDBDeletionProtection", ResourceArn=arn)
    run.went(done("EnableDynamoDBDeletionProtection", Output=None))
    assert run.execution["Outputs"] == {"EnableDynamoDBDeletionProtection.Output": [NO_OUTPUT]}
    assert world.aws("dynamodb").describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"] is True


def test_a_table_scales_itself(world):  # moto
    table, _ = make_table(world, BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5})
    run = world.run(
        "ConfigureDynamoDBAutoScaling", TableId=table, MinProvisionedReadCapacity="5", TargetReadUtilization="70",
        MinProvisionedWriteCapacity="6", TargetWriteUtilization="80",
    )
    run.went(
        done("CalculateMaxCapacity", MaxReadCapacity=10, MaxWriteCapacity=12),
        # The runbook's own slip: the writes' minimum is that of the reads.
        done(
            "StringParamsToInt", MinProvisionedReadCapacity=5, MinProvisionedWriteCapacity=5, TargetReadUtilization=70,
            TargetWriteUtilization=80,
        ),
        done("RegisterScalableTarget_WriteUnits"),
        done("RegisterScalableTarget_ReadUnits"),
        done("PutWriteScalingPolicy", Output=None),
        done("PutReadScalingPolicy", Output=None),
    )
    assert run.step("RegisterScalableTarget_WriteUnits")["Inputs"]["MaxCapacity"] == "12"
    scaling = world.aws("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="dynamodb", ResourceIds=[f"table/{table}"])
    assert {one["ScalableDimension"]: (one["MinCapacity"], one["MaxCapacity"]) for one in targets["ScalableTargets"]} == {
        "dynamodb:table:WriteCapacityUnits": (5, 12), "dynamodb:table:ReadCapacityUnits": (5, 10),
    }
    policies = scaling.describe_scaling_policies(ServiceNamespace="dynamodb", ResourceId=f"table/{table}")
    values = {
        one["ScalableDimension"]: one["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        for one in policies["ScalingPolicies"]
    }
    assert values == {"dynamodb:table:WriteCapacityUnits": 80, "dynamodb:table:ReadCapacityUnits": 70}


def test_a_table_is_cut_off_for_ten_minutes(world):  # moto
    table, arn = make_table(world)
    run = world.run("dynamodb-region-impairment", tableName=table)
    run.went(
        done("waitForFISAction"),
        done("applyDenyPolicy", tableArn=arn, targetRegion=REGION, existingPolicy=None),
        done("waitForDuration"),
        done("cleanupPolicy"),
    )
    assert 10 <= run.lasted("waitForFISAction") < 15 and 600 <= run.lasted("waitForDuration") < 605
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        world.aws("dynamodb").get_resource_policy(ResourceArn=arn)


def test_a_table_that_is_not_there_goes_to_the_clean_up_by_on_failure(world):  # moto
    run = world.run("dynamodb-region-impairment", tableName="nowhere")
    run.went(
        done("waitForFISAction"),
        raised("applyDenyPolicy", "ResourceNotFoundException"),
        # Its inputs refer to outputs of a step that failed, so it is told of a region of that name.
        raised("cleanupPolicy", NO_OUTPUT),
        status="Failed",
    )


def test_a_replication_group_fails_over_by_itself(world):  # moto
    group = fresh("group")
    cache = world.aws("elasticache")
    cache.create_replication_group(
        ReplicationGroupId=group, ReplicationGroupDescription="x", Engine="redis", CacheNodeType="cache.t3.micro",
        NumNodeGroups=1, ReplicasPerNodeGroup=1, AutomaticFailoverEnabled=False,
    )
    run = world.run("EnableElastiCacheReplicationGroupFailover", GroupId=group)
    run.went(done("EnableAutomaticFailover", Output=None))
    (request,) = world.recorder.asked("elasticache", "ModifyReplicationGroup")
    assert request.form["ReplicationGroupId"] == group and request.form["AutomaticFailoverEnabled"] == "true"


def test_connections_to_redis_are_cut_and_restored(world):  # moto; the clusters' groups, which it lacks, are recorded
    ec2, cache = world.aws("ec2"), world.aws("elasticache")
    group = ec2.create_security_group(GroupName=fresh("redis"), Description="x")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    cluster, tag = fresh("redis"), fresh("yes")
    cache.create_cache_cluster(
        CacheClusterId=cluster, Engine="redis", CacheNodeType="cache.t3.micro", NumCacheNodes=1,
        Tags=[{"Key": "FIS-Ready", "Value": tag}],
    )
    world.recorder.record("elasticache", "DescribeCacheClusters", f"""
        <DescribeCacheClustersResponse xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/"><DescribeCacheClustersResult>
        <CacheClusters><CacheCluster><CacheClusterId>{cluster}</CacheClusterId><Engine>redis</Engine>
        <SecurityGroups><member><SecurityGroupId>{group}</SecurityGroupId><Status>active</Status></member></SecurityGroups>
        </CacheCluster></CacheClusters>
        </DescribeCacheClustersResult></DescribeCacheClustersResponse>""")
    run = world.run("redis-connection-failure-automation", tagValue=tag)
    cut = Part(security_group_id=group, cluster_id=cluster)
    run.went(
        done("getTargetClusters", targetClusters=[{"cluster_id": cluster, "security_groups": [group]}]),
        done(
            "disableRedisConnections", modifiedRules=[cut],
            results=[f"Disabled Redis connections for cluster {cluster}, SG {group}"],
        ),
        done("waitForDuration"),
        done("restoreRedisConnections", results=[f"Restored Redis connections for cluster {cluster}, SG {group}"]),
    )
    assert run.execution["Parameters"]["region"] == ["{{global:REGION}}"] or run.execution["Parameters"]["region"] == [REGION]
    assert 300 <= run.lasted("waitForDuration") < 305
    operations = [one.operation for one in world.recorder.requests if one.operation.endswith("SecurityGroupIngress")]
    assert operations == ["RevokeSecurityGroupIngress", "AuthorizeSecurityGroupIngress"]
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert found["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "10.0.0.0/8"}]


# --- topics, queues, buckets, balancers: moto -----------------------------------------------------


def test_a_topic_is_encrypted_with_the_key_of_a_parameter(world, cmk):  # moto and own: ssm
    sns = world.aws("sns")
    topic = sns.create_topic(Name=fresh("topic"))["TopicArn"]
    run = world.run("EnableEncryptionForSNSTopic", TopicArn=topic)
    run.went(
        done("EncryptSNSTopic", Response=Any(list)),
        # Its selector has no `$.` in front.
        done("VerifyTopicEncryption"),
        outputs={"EncryptSNSTopic.Response": Any(list)},
    )
    assert run.execution["Parameters"]["KmsKeyArn"] == [cmk]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["KmsMasterKeyId"] == cmk


def test_a_topic_that_is_not_there_fails(world, cmk):  # moto
    run = world.run("EnableEncryptionForSNSTopic", TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:nowhere")
    run.went(failed("EncryptSNSTopic", "NotFound", "SetTopicAttributes"), status="Failed")


def make_queue(world):
    name = fresh("queue")
    world.aws("sqs").create_queue(QueueName=name)
    # The document wants a host with a dot; moto looks at the path alone.
    return name, f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


def attributes(world, name):
    sqs = world.aws("sqs")
    return sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=["All"])["Attributes"]


def test_a_queue_is_encrypted_with_a_key(world):  # moto
    name, url = make_queue(world)
    run = world.run("aws-EnableSQSEncryption", QueueUrl=url, KmsKeyId="alias/queues")
    run.went(done("SelectKeyType"), done("PutAttributeSseKms"), done("VerifySqsEncryptionKms"))
    assert run.execution["Parameters"]["KmsDataKeyReusePeriodSeconds"] == ["300"]
    assert attributes(world, name)["KmsMasterKeyId"] == "alias/queues"


def test_a_queue_without_a_key_takes_the_default_branch(world):  # moto, which keeps "True" as it was sent
    name, url = make_queue(world)
    run = world.run("aws-EnableSQSEncryption", QueueUrl=url)
    run.went(
        done("SelectKeyType"), done("PutAttributeSseSqs"),
        failed("VerifySqsEncryptionDefault", "true", stage="PostVerification", kind="Verification"),
        status="Failed",
    )
    assert attributes(world, name)["SqsManagedSseEnabled"] == "True"


def make_bucket(world):
    name = fresh("bucket")
    world.aws("s3").create_bucket(Bucket=name)
    return name


def test_a_bucket_is_encrypted(world):  # moto
    bucket = make_bucket(world)
    run = world.run("s3-encryption", BucketName=bucket, KMSMasterKey=KEY)
    run.went(done("PutBucketEncryption"))
    rules = world.aws("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}


def test_a_bucket_that_is_not_there_fails(world):  # moto
    run = world.run("s3-encryption", BucketName="nowhere-at-all", KMSMasterKey=KEY)
    run.went(failed("PutBucketEncryption", "NoSuchBucket", "PutBucketEncryption"), status="Failed")


def test_a_bucket_is_closed_to_the_public(world):  # moto
    bucket = make_bucket(world)
    run = world.run("ConfigureS3BucketPublicAccessBlock", BucketName=bucket, IgnorePublicAcls=False)
    wanted = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": False, "RestrictPublicBuckets": True}
    told = {"Bucket": bucket, "configuration": wanted}
    run.went(
        done("ConfigureS3BucketPublicAccessBlock", Output=told),
        outputs={"ConfigureS3BucketPublicAccessBlock.Output": told},
    )
    assert json.loads(run.steps[0]["Inputs"]["InputPayload"])["IgnorePublicAcls"] is False
    assert world.aws("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == wanted


def test_a_bucket_wants_tls(world):  # moto
    bucket = make_bucket(world)
    run = world.run("SetSSLBucketPolicy", AccountId=ACCOUNT, BucketName=bucket)
    told = {"message": f"{bucket} wants TLS", "status": "Success"}
    run.went(done("Remediation", Output=told), outputs={"Remediation.Output": told})
    policy = json.loads(world.aws("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_a_bucket_s_events_go_to_a_topic(world):  # moto
    bucket, topic = make_bucket(world), fresh("topic")
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    run = world.run("EnableBucketEventNotifications", AccountId=ACCOUNT, BucketName=bucket, TopicName=topic, EventTypes=events)
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}"
    told = {"Message": f"events of {bucket} go to {arn}", "Status": "Success"}
    run.went(
        done("EnableBucketEventNotifications", Output=told), outputs={"EnableBucketEventNotifications.Output": told}
    )
    (found,) = world.aws("s3").get_bucket_notification_configuration(Bucket=bucket)["TopicConfigurations"]
    assert (found["TopicArn"], sorted(found["Events"])) == (arn, events)


def test_a_load_balancer_logs(world):  # moto
    subnets = [one["SubnetId"] for one in world.aws("ec2").describe_subnets()["Subnets"][:2]]
    balancers = world.aws("elbv2")
    name = fresh("lb")
    arn = balancers.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    run = world.run("ssm-elb-enable-logging", LoadBalancerArn=arn, LogDestination="logs-here")
    run.went(done("getAccount", Id=ACCOUNT), done("getLoadBalancer", Name=name), done("enableLogging"))
    found = balancers.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    found = {one["Key"]: one["Value"] for one in found}
    assert found["access_logs.s3.prefix"] == f"elb/elb-{name}/{ACCOUNT}" and found["access_logs.s3.bucket"] == "logs-here"


def test_macie_is_switched_on(world):  # moto
    run = world.run("EnableMacie")
    run.went(done("EnableMacie", EnableMacieResponse=Any(list)), outputs={"EnableMacie.EnableMacieResponse": Any(list)})
    session = world.aws("macie2").get_macie_session()
    assert (session["status"], session["findingPublishingFrequency"]) == ("ENABLED", "SIX_HOURS")


def test_a_log_group_keeps_its_events_for_a_year(world):  # moto
    name = fresh("/logs/group")
    logs = world.aws("logs")
    logs.create_log_group(logGroupName=name)
    run = world.run("SetLogGroupRetentionDays", LogGroupArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*")
    run.went(
        done("GetLogGroupNameFromArn", LogGroupName=name),
        done("SetLogGroupRetentionDays", Response=Any(list)),
        outputs={"SetLogGroupRetentionDays.Response": Any(list)},
    )
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["retentionInDays"] == 365


def test_a_number_of_days_that_logs_does_not_know_is_tried_three_times(world):  # recorded
    name = fresh("group")
    world.aws("logs").create_log_group(logGroupName=name)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}-missing:*"
    run = world.run("SetLogGroupRetentionDays", LogGroupArn=arn)
    run.went(
        done("GetLogGroupNameFromArn", LogGroupName=f"{name}-missing"),
        failed("SetLogGroupRetentionDays", "ResourceNotFoundException", "PutRetentionPolicy"),
        status="Failed",
    )
    assert run.step("SetLogGroupRetentionDays")["MaxAttempts"] == 3


# --- machines: moto -------------------------------------------------------------------------------


def make_group(world, zone="us-east-1a"):
    """An Auto Scaling group with two instances in the zone; its name, their ids and its subnets."""
    ec2, autoscaling = world.aws("ec2"), world.aws("autoscaling")
    launch, group = fresh("launch"), fresh("group")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    autoscaling.create_launch_configuration(
        LaunchConfigurationName=launch, ImageId=image, InstanceType="t2.micro", AssociatePublicIpAddress=True
    )
    subnets = {one["AvailabilityZone"]: one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]}
    subnets = [subnets[zone], subnets["us-east-1b"]]
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=group, LaunchConfigurationName=launch, MinSize=2, MaxSize=4, VPCZoneIdentifier=",".join(subnets)
    )
    found = scaling_group(world, group)
    ids = [one["InstanceId"] for one in found["Instances"]]
    here = [one["InstanceId"] for one in found["Instances"] if one["AvailabilityZone"] == zone]
    return launch, group, ids, here, subnets


def scaling_group(world, name):
    return world.aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]


def states(world, ids):
    found = world.aws("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return {one["State"]["Name"] for reservation in found for one in reservation["Instances"]}


def in_any_order(ids):
    class Same(list):
        def __eq__(self, other):
            return sorted(self) == sorted(other)

    return Same(ids)


def test_a_zone_s_instances_are_terminated_and_its_group_resumed(world):  # moto
    _, group, ids, here, _ = make_group(world)
    run = world.run("020_impact_ec2-asg_ssm-template.yaml", AvailabilityZone="us-east-1a", AutoscalingGroupName=group)
    run.went(
        done("DescribeAutoscaling", InstanceIds=ids),
        done("DescribeInstances", InstanceIds=in_any_order(here)),
        done("SuspendAsgProcesses"),
        done("TerminateEc2Instances"),
        done("VerifyInstanceStateTerminated"),
        done("WaitForDuration"),
        done("Rollback"),
        outputs={"DescribeInstances.InstanceIds": in_any_order(here)},
    )
    assert run.step("WaitForDuration")["Inputs"] == {"Duration": '"PT5M"'} and 300 <= run.lasted("WaitForDuration") < 305
    assert set(run.output("TerminateEc2Instances", "InstanceStates")) == {"terminated"}
    assert states(world, here) == {"terminated"}
    assert scaling_group(world, group)["SuspendedProcesses"] == []


def test_a_group_that_is_not_there_rolls_back_and_fails(world):  # moto
    run = world.run("020_impact_ec2-asg_ssm-template.yaml", AvailabilityZone="us-east-1a", AutoscalingGroupName="nowhere")
    # Nothing is found: the list of ids is empty, the instances of no id are all, or none; AWS refuses an empty filter.
    names = [one["StepName"] for one in run.steps if one["StepStatus"] != "Pending"]
    assert names[0] == "DescribeAutoscaling" and names[-1] == "Rollback", run.explain()
    assert run.execution["AutomationExecutionStatus"] == "Failed"
    assert "ResumeProcesses" in run.step("Rollback")["FailureMessage"]


def test_a_zone_fails_with_a_tarpit_before_each_step(world):  # moto
    _, group, ids, here, _ = make_group(world)
    run = world.run("ssm-template-tarpitted", AvailabilityZone="us-east-1a", AutoscalingGroupName=group, Duration="90")
    run.went(
        done("Tarpit1"), done("DescribeAutoscaling", InstanceIds=ids),
        done("Tarpit2"), done("DescribeInstances", InstanceIds=in_any_order(here)),
        done("Tarpit3"), done("SuspendAsgProcesses"),
        done("Tarpit4"), done("TerminateEc2Instances"),
        done("Tarpit5"), done("VerifyInstanceStateTerminated"),
        done("WaitForDuration"), done("Rollback"),
        outputs={"DescribeInstances.InstanceIds": in_any_order(here)},
    )
    assert 5400 <= run.lasted("WaitForDuration") < 5405 and 60 <= run.lasted("Tarpit3") < 65
    took = run.execution["ExecutionEndTime"] - run.execution["ExecutionStartTime"]
    assert took.total_seconds() >= 5 * 60 + 5400


def test_a_zone_s_instances_are_terminated_by_hand(world):  # moto
    _, group, ids, here, _ = make_group(world)
    run = world.run("050_direct_automation", AvailabilityZone="us-east-1a", AutoscalingGroupName=group)
    run.went(
        done("DescribeAutoscaling", InstanceIds=ids),
        done("DescribeInstances", InstanceIds=in_any_order(here)),
        done("TerminateEc2Instances"),
        done("VerifyInstanceStateTerminated"),
        done("ExitReview", InstanceIds=in_any_order(here)),
        outputs={"DescribeInstances.InstanceIds": in_any_order(here), "ExitReview.InstanceIds": in_any_order(here)},
    )
    assert states(world, here) == {"terminated"}


def test_a_group_leaves_a_zone_for_five_minutes(world):  # moto
    _, group, ids, _, subnets = make_group(world)
    both = ",".join(subnets)
    run = world.run("020_impact_ec2-asg__index.en.md.1", AvailabilityZone="us-east-1a", AutoscalingGroupName=group)
    zones = ["us-east-1a", "us-east-1b"]
    run.went(
        done("DescribeAutoscaling", VPCZoneIdentifier=both, AvailabilityZones=in_any_order(zones), InstanceIds=ids),
        done(
            "SubnetSelector", SubnetIds=subnets, AffectSubnetsArray=[subnets[0]], ProtectSubnetsArray=[subnets[1]],
            ProtectVpcZoneIdentifier=subnets[1], AffectAzsArray=[zones[0]], ProtectAzsArray=[zones[1]],
        ),
        done("RemoveSubnets"),
        done("WaitForDuration"),
        done("Rollback"),
        done("ExitList", VPCZoneIdentifier=both, AvailabilityZones=in_any_order(zones), InstanceIds=Any(list)),
    )
    assert scaling_group(world, group)["VPCZoneIdentifier"] == both


def test_a_group_is_checked_by_its_load_balancer(world):  # moto
    _, group, _, _, _ = make_group(world)
    run = world.run("EnableAutoScalingGroupELBHealthCheck", AutoScalingGroupName=group)
    told = {"message": f"{group} is checked by its load balancer", "status": "Success"}
    run.went(
        done("EnableELBHealthCheck", Output=Any(list)), done("Remediation", Output=told),
        outputs={"Remediation.Output": told},
    )
    found = scaling_group(world, group)
    assert (found["HealthCheckType"], found["HealthCheckGracePeriod"]) == ("ELB", 300)


def test_a_launch_configuration_gives_no_public_address(world):  # moto
    launch, group, _, _, _ = make_group(world)
    run = world.run("ConfigureAutoScalingLaunchConfigNoPublicIP", LaunchConfigurationName=launch)
    new = f"{launch}-NoPublicIP"
    run.went(
        done("GetLaunchConfiguration", LaunchConfiguration=Part(LaunchConfigurationName=launch)),
        done("GetNewLaunchConfigurationName", LaunchConfigurationName=new),
        done("UpdateLaunchConfiguration", LaunchConfiguration=Part(LaunchConfigurationName=new, AssociatePublicIpAddress=False)),
        done("CreateNewLaunchConfiguration"),
        done("UpdateAutoScalingGroupsWithLaunchConfiguration", Output={"status": "Success", "groups": [group]}),
        done("DeleteLaunchConfiguration", Output=None),
    )
    assert scaling_group(world, group)["LaunchConfigurationName"] == new
    left = world.aws("autoscaling").describe_launch_configurations(LaunchConfigurationNames=[launch, new])
    assert [one["LaunchConfigurationName"] for one in left["LaunchConfigurations"]] == [new]


def make_instance(world):
    ec2 = world.aws("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    return ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]


def test_an_image_is_made_of_an_instance(world):  # moto
    instance = make_instance(world)["InstanceId"]
    run = world.run("aws-CreateImage", InstanceId=instance)
    run.went(done("createImage"))
    (image,) = run.output("createImage", "ImageId")
    assert run.output("createImage", "ImageState") == ["available"]
    (found,) = world.aws("ec2").describe_images(ImageIds=[image])["Images"]
    assert found["Name"] == f"{instance}_{run.id}"


def test_an_image_of_no_instance_fails_after_three_attempts(world):  # moto
    run = world.run("aws-CreateImage", InstanceId="i-0123456789abcdef0")
    run.went(failed("createImage", "InvalidInstanceID.NotFound", "CreateImage"), status="Failed")
    assert len(world.recorder.asked("ec2", "CreateImage")) == 3


def test_a_default_group_loses_its_rules(world):  # moto
    ec2 = world.aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    run = world.run("RemoveVPCDefaultSecurityGroupRules", GroupId=group["GroupId"])
    told = {"ingress": 0, "egress": 0}
    run.went(
        done("CheckDefaultSecurityGroup"), done("RemoveRulesAndVerify", Output=told),
        outputs={"RemoveRulesAndVerify.Output": told},
    )
    (found,) = ec2.describe_security_groups(GroupIds=[group["GroupId"]])["SecurityGroups"]
    assert found["IpPermissions"] == [] and found["IpPermissionsEgress"] == []


def test_a_group_that_is_not_the_default_fails_its_assertion(world):  # moto
    name = fresh("mine")
    group = world.aws("ec2").create_security_group(GroupName=name, Description="x")["GroupId"]
    run = world.run("RemoveVPCDefaultSecurityGroupRules", GroupId=group)
    run.went(
        failed("CheckDefaultSecurityGroup", "default", name, stage="PostVerification", kind="Verification"),
        status="Failed",
    )


def test_high_risk_ports_are_closed_to_the_world(world):  # moto
    ec2 = world.aws("ec2")
    group = ec2.create_security_group(GroupName=fresh("open"), Description="x")["GroupId"]
    rules = [
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]} for port in (22, 443)
    ]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    run = world.run("DisableUnrestrictedAccessToHighRiskPorts", SecurityGroupId=group)
    told = {"status": "Success", "closed": [22]}
    run.went(
        done("DisableUnrestrictedAccessToHighRiskPorts", Output=told),
        outputs={"DisableUnrestrictedAccessToHighRiskPorts.Output": told},
    )
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [one["FromPort"] for one in found["IpPermissions"]] == [443]


def make_snapshot(world, public=True):
    ec2 = world.aws("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    if public:
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission", CreateVolumePermission={"Add": [{"Group": "all"}]}
        )
    return snapshot


def public_snapshots(*ids):
    items = "".join(f"<item><snapshotId>{one}</snapshotId></item>" for one in ids)
    return f"""<DescribeSnapshotsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>
        <snapshotSet>{items}</snapshotSet></DescribeSnapshotsResponse>"""


def test_public_snapshots_are_made_private(world):  # moto; which snapshots are public is recorded
    snapshot = make_snapshot(world)
    world.recorder.record("ec2", "DescribeSnapshots", public_snapshots(snapshot))
    run = world.run("MakeEBSSnapshotsPrivate", AccountId=ACCOUNT)
    told = {"message": "1 of 1 snapshots are private", "status": "Success"}
    run.went(
        done("GetPublicSnapshotIds", Snapshots=[snapshot]), done("Remediation", Output=told),
        outputs={"Remediation.Output": told},
    )
    shared = world.aws("ec2").describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    assert shared["CreateVolumePermissions"] == []


# --- people and secrets: moto ---------------------------------------------------------------------


def test_a_support_role_is_made(world):  # moto
    run = world.run("CreateIAMSupportRole")
    told = {"message": "aws_incident_support_role is there", "status": "Success"}
    run.went(done("CreateIAMSupportRole", Output=told), outputs={"CreateIAMSupportRole.Output": told})
    # A script without a payload has no such input.
    assert "InputPayload" not in run.steps[0]["Inputs"]
    assert world.aws("iam").get_role(RoleName="aws_incident_support_role")["Role"]


def test_managed_policies_are_attached_to_a_role(world):  # moto
    iam = world.aws("iam")
    role = fresh("role")
    identity = iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")["Role"]["RoleId"]
    policy = iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))["Policy"]["Arn"]
    run = world.run(
        "attach-iam-role-policy", ResourceId=identity, AWSManagedPolicies=["ReadOnlyAccess"], CustomerManagedPolicies=[policy]
    )
    run.went(done("attachPolicy"))
    attached = [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    assert sorted(attached) == sorted(["arn:aws:iam::aws:policy/ReadOnlyAccess", policy])


def test_old_keys_are_revoked(world):  # moto; the keys' age is recorded
    iam = world.aws("iam")
    user = fresh("user")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    world.recorder.record("iam", "ListAccessKeys", f"""
        <ListAccessKeysResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListAccessKeysResult>
        <AccessKeyMetadata><member><UserName>{user}</UserName><AccessKeyId>{key}</AccessKeyId><Status>Active</Status>
        <CreateDate>2020-01-01T00:00:00Z</CreateDate></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>
        </ListAccessKeysResult></ListAccessKeysResponse>""")
    run = world.run("RevokeUnrotatedKeys", IAMUserName=user)
    told = {"message": "1 keys revoked", "status": "Success"}
    run.went(done("RevokeUnrotatedKeys", Output=told), outputs={"RevokeUnrotatedKeys.Output": told})
    assert [one["Status"] for one in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]] == ["Inactive"]


def test_a_secret_that_is_used_stays_and_the_step_is_tried_three_times(world):  # moto
    secret = world.aws("secretsmanager").create_secret(Name=fresh("secret"), SecretString="x")["ARN"]
    run = world.run("RemoveUnusedSecret", SecretARN=secret)
    run.went(raised("RemoveUnusedSecret", "the secret was used 0 days ago"), status="Failed")
    assert len(world.recorder.asked("secretsmanager", "DescribeSecret")) == 3


def test_an_unused_secret_is_deleted(world):  # moto
    secret = world.aws("secretsmanager").create_secret(Name=fresh("secret"), SecretString="x")
    run = world.run("RemoveUnusedSecret", SecretARN=secret["ARN"], UnusedForDays=0)
    told = {"message": f"{secret['Name']} is going", "status": "Success"}
    run.went(done("RemoveUnusedSecret", Output=told), outputs={"RemoveUnusedSecret.Output": told})
    assert "DeletedDate" in world.aws("secretsmanager").describe_secret(SecretId=secret["ARN"])


def test_guard_duty_is_switched_on(world):  # moto
    run = world.run("EnableGuardDuty")
    told = {"message": "GuardDuty is on", "status": "Success"}
    run.went(done("EnableGuardDuty", Output=told), outputs={"EnableGuardDuty.Output": told})
    assert world.aws("guardduty").list_detectors()["DetectorIds"]


# --- trails: moto ---------------------------------------------------------------------------------


def test_a_trail_of_all_regions_is_made_in_five_scripts(world, cmk):  # moto and own: ssm
    run = world.run("CreateCloudTrailMultiRegionTrail")
    logging, bucket = f"so0111-access-logs-{REGION}-{ACCOUNT}", f"so0111-aws-cloudtrail-{ACCOUNT}"
    told = Part(Payload={"response": {"message": f"{bucket} logs to {logging}", "status": "Success"}})
    run.went(
        done("CreateLoggingBucket", LoggingBucketName=logging),
        done("CreateCloudTrailBucket", CloudTrailBucketName=bucket),
        done("CreateCloudTrailBucketPolicy"),
        done("EnableCloudTrail", CloudTrailBucketName=bucket),
        done("Remediation", Output=told),
        outputs={"Remediation.Output": told},
    )
    trail = world.aws("cloudtrail").get_trail(Name="multi-region-cloud-trail")["Trail"]
    assert trail["IsMultiRegionTrail"] is True and trail["S3BucketName"] == bucket


def test_a_trail_is_encrypted(world, cmk):  # moto and own: ssm
    bucket, name = make_bucket(world), fresh("trail")
    trail = world.aws("cloudtrail").create_trail(Name=name, S3BucketName=bucket)["TrailARN"]
    run = world.run("EnableCloudTrailEncryption", TrailRegion=REGION, TrailArn=trail)
    told = {"message": f"{trail} is encrypted", "status": "Success"}
    run.went(done("Remediation", Output=told), outputs={"Remediation.Output": told})
    (request,) = world.recorder.asked("cloudtrail", "UpdateTrail")
    assert request.json == {"Name": trail, "KmsKeyId": cmk}


# --- functions, machines, approvals, children: own ------------------------------------------------


def test_hello_world(world):  # own
    run = world.run("HelloWorldPython", Name="corpus")
    run.went(done("helloWorld", Message="Hello corpus"), outputs={"helloWorld.Message": "Hello corpus"})
    assert run.step("helloWorld")["TimeoutSeconds"] == 30


def test_a_parameter_is_put(world):  # own: ssm
    # It doesn't say of what type the parameter is, so there has to be one.
    name, value = fresh("Fault"), '{"is_enabled":true}'
    world.ssm.put_parameter(Name=name, Value="{}", Type="String")
    run = world.run("resources_templates_serverless", FaultParameterName=name, FaultParameterValue=value)
    run.went(done("putParameter"))
    found = world.ssm.get_parameter(Name=name)["Parameter"]
    assert (found["Value"], found["Type"], found["Version"]) == (value, "String", 2)


def test_a_function_is_invoked_with_a_text(world):  # own: a function of the configuration
    run = world.run(
        "automation-to-lambda", values={"LambdaFunction": "echo"},
        DocumentInputTableName="t", PartitonKeyInput="p", SortKeyInput="s",
    )
    run.went(done("lambda_invoke"))
    seen = {"ssm_automation_parameters": {"table_name": "t", "partition_key_input": "p", "sort_key_input": "s"}}
    assert run.output("lambda_invoke", "StatusCode") == ["200"]
    assert json.loads(run.output("lambda_invoke", "Payload")[0]) == {"saw": seen}


def test_a_function_that_raises_fails_its_step(world):  # own: a function of the configuration
    run = world.run(
        "automation-to-lambda", values={"LambdaFunction": "broken"},
        DocumentInputTableName="t", PartitonKeyInput="p", SortKeyInput="s",
    )
    run.went(raised("lambda_invoke", "no table"), status="Failed")


def test_a_function_is_invoked_with_a_map(world):  # own: a function of the configuration
    run = world.run("attach-resource-based-policy", ResourceId="r-1", FunctionName="echo", ConfigRuleName="rule")
    run.went(done("invokeLambdaFunction"))
    payload = json.loads(run.output("invokeLambdaFunction", "Payload")[0])
    assert payload == {"saw": {"ResourceId": "r-1", "ConfigRuleName": "rule"}}


def test_a_state_machine_is_run(world):  # own: Step Functions
    machine = world.server.client().create_state_machine(
        name=fresh("m"), roleArn=ROLE,
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "End": True}}}),
    )["stateMachineArn"]
    run = world.run("automation-to-stepfunctions", values={"StateMachine_Arn": machine}, DocumentInput="db-1")
    run.went(done("execute_statemachine"))
    outputs = run.step("execute_statemachine")["Outputs"]
    assert json.loads(outputs["output"][0]) == {"ssm_automation_parameters": {"db_instance_id": "db-1"}}
    assert outputs["status"] == ["SUCCEEDED"] and outputs["stateMachineArn"] == [machine]
    assert run.lasted("execute_statemachine") >= 60


def make_topic(world):
    return world.aws("sns").create_topic(Name=fresh("approvals"))["TopicArn"]


def test_an_approval_comes_before_the_child(patient):  # own; the notification goes to a topic of moto
    child = {
        "schemaVersion": "0.3",
        "parameters": {name: {"type": "String", "default": ""} for name in ("AutomationAssumeRole", "LambdaRoleArn", "InstanceId")},
        "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1S"}}],
    }
    stand_in, document = patient.create_text(child)
    created = patient.create("aws-ASGExitStandbyWithApproval", change={"AWS-ASGExitStandby": stand_in})
    approver = f"arn:aws:iam::{ACCOUNT}:root"
    topic = make_topic(patient)
    run = patient.start(created, InstanceId="i-1", Approvers=[approver, "somebody"], SNSTopicArn=topic)
    waiting = run.wait("Waiting")
    assert waiting.execution["CurrentStepName"] == "approveStateChange"
    (told,) = [one.form for one in patient.recorder.asked("sns", "Publish") if one.form["TopicArn"] == topic]
    assert "Approval required to change ASG instance state" in told["Message"]
    patient.ssm.send_automation_signal(AutomationExecutionId=run.id, SignalType="Approve", Payload={"Comment": ["go"]})
    run.wait().went(done("approveStateChange"), done("changeASGInstanceStateAutomation"))
    assert run.output("approveStateChange", "ApprovalStatus") == ["Approved"]
    assert run.output("changeASGInstanceStateAutomation", "Status") == ["Success"]
    kid = run.child("changeASGInstanceStateAutomation", document).went(done("wait"))
    assert kid.execution["Parameters"]["InstanceId"] == ["i-1"]


def test_a_child_that_takes_too_long_times_out(patient):  # own
    child = {
        "schemaVersion": "0.3",
        "parameters": {name: {"type": "String", "default": ""} for name in ("AutomationAssumeRole", "LambdaRoleArn", "InstanceId")},
        "mainSteps": [{"name": "wait", "action": "aws:sleep", "inputs": {"Duration": "PT1H"}}],
    }
    stand_in, _ = patient.create_text(child)
    created = patient.create("aws-ASGExitStandbyWithApproval", change={"AWS-ASGExitStandby": stand_in})
    run = patient.start(created, InstanceId="i-1", Approvers=[f"arn:aws:iam::{ACCOUNT}:root"], SNSTopicArn=make_topic(patient))
    run.wait("Waiting")
    patient.ssm.send_automation_signal(AutomationExecutionId=run.id, SignalType="Approve")
    run.wait("InProgress")
    patient.server.post("/_trackway/clock/advance", b'{"seconds": 121}')
    run.wait().went(done("approveStateChange"), timed_out("changeASGInstanceStateAutomation", "timed out"), status="TimedOut")
    assert 120 <= run.lasted("changeASGInstanceStateAutomation") < 130


def test_a_rejection_fails_the_run_before_the_child(patient):  # own
    created = patient.create("aws-ASGExitStandbyWithApproval")
    run = patient.start(created, InstanceId="i-1", Approvers=[f"arn:aws:iam::{ACCOUNT}:root"], SNSTopicArn=make_topic(patient))
    run.wait("Waiting")
    patient.ssm.send_automation_signal(AutomationExecutionId=run.id, SignalType="Reject", Payload={"Comment": ["no"]})
    run.wait()
    assert [(one["StepName"], one["StepStatus"]) for one in run.steps] == [
        ("approveStateChange", "Failed"), ("changeASGInstanceStateAutomation", "Pending")
    ]
    assert run.execution["AutomationExecutionStatus"] == "Failed"


# --- stacks: moto ---------------------------------------------------------------------------------


def functions_template(*names):
    """A template with a function for each of these parameters."""
    def function(name):
        return {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": {"Ref": name}, "Handler": "index.handler", "Runtime": "python3.11", "Role": ROLE,
            "Code": {"ZipFile": "def handler(event, context):\n    return event\n"}}}
    return json.dumps({
        "Parameters": {name: {"Type": "String", "Default": ""} for name in (*names, "LambdaRoleArn")},
        "Resources": {f"F{index}": function(name) for index, name in enumerate(names)},
    })


@pytest.mark.parametrize(
    "part, stack, parameters, first, second",
    [
        ("aws-RebootRdsInstance", "RebootRdsInstanceStack", ("RebootLambdaName", "WaitLambdaName"), "reboot", "wait_for_state"),
        ("aws-StartRdsInstance", "StartRdsInstanceStack", ("LambdaName", "WaitLambdaName"), "startInstance", "checkStart"),
        ("aws-StopRdsInstance", "StopRdsInstanceStack", ("LambdaName", "WaitLambdaName"), "stopInstance", "checkStop"),
    ],
)
def test_a_stack_s_functions_do_the_work_and_go_with_it(world, part, stack, parameters, first, second):  # moto
    # The corpus has `...` for the templates: ours have the same functions. moto's answer without running them.
    iam = world.aws("iam")
    if not any(one["Arn"] == ROLE for one in iam.list_roles()["Roles"]):
        iam.create_role(RoleName=ROLE.split("/")[-1], AssumeRolePolicyDocument="{}")
    template = json.dumps(functions_template(*parameters))
    run = world.run(part, change={'"TemplateBody": "..."': f'"TemplateBody": {template}'}, InstanceId="db-1")
    run.went(done("createDocumentStack"), done(first), done(second), done("deleteCloudFormationTemplate"))
    assert run.output("createDocumentStack", "StackStatus") == ["CREATE_COMPLETE"]
    (identity,) = run.output("createDocumentStack", "StackId")
    assert f"{stack}{run.id}" in identity
    assert run.output(first, "StatusCode") == ["200"]
    invoked = world.recorder.asked("lambda", "Invoke")
    assert [run.id in one.path for one in invoked] == [True, True]
    assert [one.json["InstanceId"] for one in invoked] == ["db-1", "db-1"]
    with pytest.raises(ClientError, match="does not exist"):
        world.aws("cloudformation").describe_stacks(StackName=f"{stack}{run.id}")
