"""The AWS caller against an emulator, moto: what Trackway sends is understood, and boto3 sees what it did."""

import base64
import json
import os
import pathlib
import subprocess
import sys

import boto3
import pytest

from harness import eventually, example, free_port, fresh

AWS_LINES = example("aws_lines")
# Characters that have a meaning in paths, queries, XML, or SigV4.
ODD_KEYS = ["plain", "a b/c+d", "ü/中文", "x=1&y=2?z#f", "%41%2F", "quote\"'<>;", "~tilde-_.", "dots/../up/./here", "tab\there"]


@pytest.fixture(scope="module")
def moto():
    """A moto server of its own."""
    port = free_port()
    server = pathlib.Path(sys.executable).parent / "moto_server"
    process = subprocess.Popen([server, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    sqs = boto_client("sqs", url)

    def answers():
        assert process.poll() is None, "moto ended"
        try:
            return sqs.list_queues()
        except Exception:
            return None

    eventually(answers, "moto answers", patience=60)
    yield url
    process.terminate()
    process.wait(timeout=10)


def boto_client(service, url, key="AKIDEXAMPLE"):
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key="secret"
    )


class Refused(Exception):
    def __init__(self, answer):
        super().__init__(answer["text"])
        self.text = answer["text"]
        self.__dict__.update(answer["error"])


class Caller:
    """The AWS caller in a process with this environment and no other AWS settings."""

    def __init__(self, **variables):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != "HOME"}
        self.process = subprocess.Popen(
            [AWS_LINES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**clean, **variables}
        )

    def __call__(self, service, operation, *, region=None, role=None, blobs=None, **input):
        question = {"service": service, "operation": operation, "input": input}
        question |= {"region": region, "roleArn": role, "blobs": blobs}
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer)
        return answer["output"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def call(moto):
    assert AWS_LINES.exists(), "cargo build -p trackway-performers --example aws_lines"
    caller = Caller(AWS_ENDPOINT_URL=moto, AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
    yield caller
    caller.close()


@pytest.fixture
def boto(moto):
    return lambda service, **options: boto_client(service, moto, **options)


def test_objects_with_odd_keys_come_and_go(call, boto):
    bucket = fresh("bucket")
    call("s3", "CreateBucket", Bucket=bucket)
    for key in ODD_KEYS:
        body = base64.b64encode(key.encode() + b"\x00\xff").decode()
        put = call("s3", "put_object", blobs="base64", Bucket=bucket, Key=key, Body=body, Metadata={"k": "v"})
        assert put["ETag"].startswith('"'), put
        seen = boto("s3").get_object(Bucket=bucket, Key=key)
        assert seen["Body"].read() == key.encode() + b"\x00\xff", key
        found = call("s3", "GetObject", Bucket=bucket, Key=key)
        assert (found["Body"], found["Metadata"], found["ContentLength"]) == (body, {"k": "v"}, len(key.encode()) + 2)
    listed = call("s3", "list_objects_v2", Bucket=bucket)
    assert sorted(one["Key"] for one in listed["Contents"]) == sorted(ODD_KEYS)
    assert listed["KeyCount"] == len(ODD_KEYS) and listed["Contents"][0]["LastModified"].endswith("Z")
    page = call("s3", "ListObjectsV2", Bucket=bucket, Prefix="a b/", Delimiter="/")
    assert [one["Key"] for one in page["Contents"]] == ["a b/c+d"]
    call("s3", "CopyObject", Bucket=bucket, Key="copy +", CopySource=f"{bucket}/a b/c+d")
    assert boto("s3").get_object(Bucket=bucket, Key="copy +")["Body"].read() == b"a b/c+d\x00\xff"
    call("s3", "PutObject", Bucket=bucket, Key="text", Body="dGVzdA==", ChecksumAlgorithm="CRC32")
    assert boto("s3").get_object(Bucket=bucket, Key="text")["Body"].read() == b"dGVzdA=="
    objects = [{"Key": key} for key in [*ODD_KEYS, "copy +", "text"]]
    gone = call("s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": objects})
    assert len(gone["Deleted"]) == len(objects)
    with pytest.raises(Refused) as refused:
        call("s3", "GetObject", Bucket=bucket, Key="text")
    assert (refused.value.code, refused.value.status) == ("NoSuchKey", 404)
    assert refused.value.text.startswith("An error occurred (NoSuchKey) when calling the GetObject operation: ")
    with pytest.raises(Refused) as refused:
        call("s3", "HeadObject", Bucket=bucket, Key="text")
    assert (refused.value.code, refused.value.message) == ("404", "Not Found")
    call("s3", "DeleteBucket", Bucket=bucket)


def test_a_bucket_elsewhere_says_where(call, boto):
    bucket = fresh("bucket")
    call("s3", "CreateBucket", Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    expected = boto("s3").get_bucket_location(Bucket=bucket)["LocationConstraint"]
    assert call("s3", "GetBucketLocation", Bucket=bucket)["LocationConstraint"] == expected == "eu-west-1"


def test_messages_are_sent_and_received(call, boto):
    name = fresh("queue")
    url = call("sqs", "CreateQueue", QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    attributes = {
        "n": {"DataType": "Number", "StringValue": "7"},
        "b": {"DataType": "Binary", "BinaryValue": "bytes"},
    }
    call("sqs", "SendMessage", QueueUrl=url, MessageBody="ü & <x>", MessageAttributes=attributes)
    got = call("sqs", "ReceiveMessage", QueueUrl=url, MessageAttributeNames=["All"])["Messages"][0]
    assert got["Body"] == "ü & <x>"
    assert base64.b64decode(got["MessageAttributes"]["b"]["BinaryValue"]) == b"bytes"
    theirs = boto("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"][0]
    assert theirs["MessageAttributes"]["b"]["BinaryValue"] == b"bytes"
    call("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    with pytest.raises(Refused) as refused:
        call("sqs", "GetQueueUrl", QueueName="nowhere")
    assert refused.value.code == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_topic_reaches_a_queue(call):
    topic = call("sns", "CreateTopic", Name=fresh("topic"), Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
    queue = call("sqs", "CreateQueue", QueueName=fresh("queue"))["QueueUrl"]
    arn = call("sqs", "GetQueueAttributes", QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    call("sns", "Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    assert call("sns", "Publish", TopicArn=topic, Message="hello")["MessageId"]
    assert call("sqs", "ReceiveMessage", QueueUrl=queue)["Messages"][0]["Body"] == "hello"
    assert {"Key": "k", "Value": "v"} in call("sns", "ListTagsForResource", ResourceArn=topic)["Tags"]


def test_items_are_put_and_found(call, boto):
    table = fresh("table")
    made = call(
        "dynamodb",
        "CreateTable",
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert made["TableDescription"]["CreationDateTime"].startswith("20")
    item = {"id": {"S": "1"}, "b": {"B": "raw"}, "m": {"M": {"l": {"L": [{"N": "1"}, {"NULL": True}]}}}}
    call("dynamodb", "PutItem", TableName=table, Item=item)
    found = call("dynamodb", "GetItem", TableName=table, Key={"id": {"S": "1"}})["Item"]
    assert found == {**item, "b": {"B": base64.b64encode(b"raw").decode()}}
    assert boto("dynamodb").get_item(TableName=table, Key={"id": {"S": "1"}})["Item"]["b"] == {"B": b"raw"}
    with pytest.raises(Refused) as refused:
        condition = "attribute_not_exists(id)"
        call("dynamodb", "PutItem", TableName=table, Item={"id": {"S": "1"}}, ConditionExpression=condition)
    assert refused.value.code == "ConditionalCheckFailedException"


def test_a_role_has_its_policy_as_it_was_given(call, boto):
    name = fresh("role")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}
    made = call("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(policy))["Role"]
    assert made["AssumeRolePolicyDocument"] == policy
    theirs = boto("iam").get_role(RoleName=name)["Role"]
    ours = call("iam", "get_role", RoleName=name)["Role"]
    assert ours["AssumeRolePolicyDocument"] == theirs["AssumeRolePolicyDocument"]
    assert ours["Arn"] == theirs["Arn"] and ours.keys() == theirs.keys()
    assert name in [role["RoleName"] for role in call("iam", "ListRoles")["Roles"]]


def test_instances_run_and_stop(call, boto):
    image = call("ec2", "DescribeImages", Filters=[{"Name": "name", "Values": ["amzn*"]}])["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "a b"}]}]
    ran = call("ec2", "run_instances", ImageId=image, MinCount=2, MaxCount=2, TagSpecifications=tags, UserData="#!/bin/sh")
    ids = [one["InstanceId"] for one in ran["Instances"]]
    assert len(ids) == 2 and ran["Instances"][0]["LaunchTime"].endswith("Z")
    data = boto("ec2").describe_instance_attribute(InstanceId=ids[0], Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(data) == b"#!/bin/sh"
    ours = call("ec2", "DescribeInstances", InstanceIds=ids)
    theirs = boto("ec2").describe_instances(InstanceIds=ids)
    theirs.pop("ResponseMetadata")
    theirs = json.loads(json.dumps(theirs, default=lambda moment: moment.isoformat().replace("+00:00", "Z")))
    assert without_moments(ours) == without_moments(theirs)
    stopped = call("ec2", "StopInstances", InstanceIds=ids[:1])["StoppingInstances"][0]
    assert stopped["InstanceId"] == ids[0] and "CurrentState" in stopped
    with pytest.raises(Refused) as refused:
        call("ec2", "DescribeInstances", InstanceIds=["i-00000000000000000"])
    assert (refused.value.code, refused.value.status) == ("InvalidInstanceID.NotFound", 400)


def without_moments(value):
    """A moment is written with as many decimals as it has, which differs from Python's way."""
    if isinstance(value, dict):
        return {key: without_moments(one) for key, one in value.items() if not key.endswith(("Time", "Date"))}
    return [without_moments(one) for one in value] if isinstance(value, list) else value


def test_a_stack_has_its_template_and_its_resources(call):
    name = fresh("stack")
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"U": {"Value": {"Ref": "Queue"}}}}
    call("cloudformation", "CreateStack", StackName=name, TemplateBody=json.dumps(template))
    stack = call("cloudformation", "DescribeStacks", StackName=name)["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE" and stack["Outputs"][0]["OutputKey"] == "U"
    assert call("cloudformation", "GetTemplate", StackName=name)["TemplateBody"] == template
    with pytest.raises(Refused) as refused:
        call("cloudformation", "DescribeStacks", StackName="nothing")
    assert refused.value.code == "ValidationError"


def test_rules_secrets_parameters_and_functions(call):
    rule = call("events", "PutRule", Name=fresh("rule"), ScheduleExpression="rate(5 minutes)")["RuleArn"]
    assert rule in [one["Arn"] for one in call("events", "ListRules")["Rules"]]
    put = call("events", "PutEvents", Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}])
    assert put["FailedEntryCount"] == 0
    secret = fresh("secret")
    call("secretsmanager", "CreateSecret", Name=secret, SecretBinary="raw")
    assert base64.b64decode(call("secretsmanager", "GetSecretValue", SecretId=secret)["SecretBinary"]) == b"raw"
    call("ssm", "PutParameter", Name="/a/b", Value="v", Type="String")
    assert call("ssm", "GetParameter", Name="/a/b")["Parameter"]["Value"] == "v"
    assert call("lambda", "ListFunctions") == {"Functions": []}
    with pytest.raises(Refused) as refused:
        call("lambda", "Invoke", FunctionName="nowhere", Payload="{}")
    assert (refused.value.code, refused.value.status) == ("ResourceNotFoundException", 404)


def test_every_protocol_is_understood(call):
    for service, operation, member in [
        ("cloudwatch", "ListMetrics", "Metrics"),
        ("states", "ListStateMachines", "stateMachines"),
        ("route53", "ListHostedZones", "HostedZones"),
        ("elbv2", "DescribeLoadBalancers", "LoadBalancers"),
        ("rds", "describe_db_instances", "DBInstances"),
        ("Auto Scaling", "DescribeAutoScalingGroups", "AutoScalingGroups"),
        ("logs", "DescribeLogGroups", "logGroups"),
        ("kms", "ListKeys", "Keys"),
        ("ecs", "ListClusters", "clusterArns"),
        ("apigateway", "GetRestApis", "items"),
        ("iot", "ListThings", "things"),
        ("codepipeline", "ListPipelines", "pipelines"),
    ]:
        assert isinstance(call(service, operation)[member], list), service


def test_a_role_is_assumed_where_credentials_are_real(call, moto):
    role = "arn:aws:iam::123456789012:role/automation"
    assumed = call("sts", "GetCallerIdentity", role=role)
    assert ":assumed-role/automation/trackway" in assumed["Arn"], assumed
    assert call("sts", "GetCallerIdentity")["Arn"] != assumed["Arn"]
    output = call("sts", "AssumeRole", RoleArn=role, RoleSessionName="me")
    assert output["Credentials"]["Expiration"].endswith("Z")
    # Without credentials of its own a caller can't assume anything: an emulator takes the call as it is.
    bare = Caller(AWS_ENDPOINT_URL=moto)
    assert "assumed-role" not in bare("sts", "GetCallerIdentity", role=role)["Arn"]
    bare.close()


def test_another_region_is_another_place(call):
    name = fresh("queue")
    url = call("sqs", "CreateQueue", QueueName=name, region="eu-central-1")["QueueUrl"]
    arn = call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"], region="eu-central-1")
    assert arn["Attributes"]["QueueArn"].split(":")[3] == "eu-central-1"
    assert name not in str(call("sqs", "ListQueues"))


def test_profiles_say_where_and_who(moto, tmp_path):
    (tmp_path / "config").write_text(
        "[profile base]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = s\n"
        f"[profile ops]\nrole_arn = arn:aws:iam::123456789012:role/ops\nsource_profile = base\n"
        f"role_session_name = me\nservices = moto\n[services moto]\nsts =\n  endpoint_url = {moto}\n"
    )
    caller = Caller(AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_PROFILE="ops")
    assert caller("sts", "GetCallerIdentity")["Arn"].endswith(":assumed-role/ops/me")
    caller.close()
    caller = Caller(AWS_CONFIG_FILE=str(tmp_path / "config"), AWS_PROFILE="nobody", AWS_ENDPOINT_URL=moto)
    with pytest.raises(Refused) as refused:
        caller("sts", "GetCallerIdentity")
    assert (refused.value.code, refused.value.message) == (
        "ProfileNotFound",
        "The config profile (nobody) could not be found",
    )
    caller.close()


def test_nothing_goes_to_aws_without_credentials():
    caller = Caller()
    with pytest.raises(Refused) as refused:
        caller("ec2", "DescribeInstances")
    assert refused.value.code == "NoCredentialsError"
    assert refused.value.message.startswith("no endpoint and no credentials are configured for ec2: ")
    caller.close()
