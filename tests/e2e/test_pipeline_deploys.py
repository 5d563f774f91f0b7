"""Deployments, invocations and rules: against moto, and against Trackway's own functions, workflows and pipelines."""

import io
import json
import zipfile

import pytest

from harness import ROLE as MACHINE_ROLE
from harness import eventually
from pipelines import action, actions, execution, execution_is, executions, pipeline, s3_source, stage, type_id

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

CONFIG = """
[sandbox]
enabled = true

[pipeline]
poll_seconds = 1

[pipeline.buckets]
"source-bucket" = "source"
"site" = "site"

[functions.worker]
handler = "worker.main"
runtime = "python3"

[functions.silent]
handler = "worker.silent"
runtime = "python3"
"""

# A function that ends its action by the job API, as AWS's examples do.
WORKER = """
import json
import boto3


def main(event, context):
    job = event["CodePipeline.job"]
    told = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
    client = boto3.client(
        "codepipeline", endpoint_url=told["endpoint"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )
    token = job["data"].get("continuationToken")
    if told.get("fail"):
        failure = {"type": "JobFailed", "message": told["fail"], "externalExecutionId": context.aws_request_id}
        client.put_job_failure_result(jobId=job["id"], failureDetails=failure)
    elif told.get("continues") and token is None:
        client.put_job_success_result(jobId=job["id"], continuationToken="half way")
    else:
        artifacts = job["data"]["inputArtifacts"]
        keys = job["data"]["artifactCredentials"]
        s3 = boto3.client(
            "s3", endpoint_url=told["endpoint"], region_name="us-east-1", aws_access_key_id=keys["accessKeyId"],
            aws_secret_access_key=keys["secretAccessKey"], aws_session_token=keys["sessionToken"],
        )
        place = artifacts[0]["location"]["s3Location"]
        read = s3.get_object(Bucket=place["bucketName"], Key=place["objectKey"])["Body"].read()
        variables = {
            "token": token or "none", "account": job["accountId"], "artifacts": json.dumps(artifacts),
            "size": str(len(read)),
        }
        client.put_job_success_result(jobId=job["id"], outputVariables=variables)


def silent(event, context):
    raise ValueError("no job result")
"""

TEMPLATE = {
    "Parameters": {"Name": {"Type": "String"}, "Key": {"Type": "String"}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Name"}}},
    },
    "Outputs": {"TopicArn": {"Value": {"Ref": "Topic"}}, "SourceKey": {"Value": {"Ref": "Key"}}},
}


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class World:
    """A server for which moto is AWS, and the folder that its sources come from."""

    def __init__(self, server, moto, name):
        self.server, self.moto, self.name = server, moto, name
        self.client = server.client("codepipeline")

    def source(self, files):
        folder = self.server.folder / "source"
        folder.mkdir(exist_ok=True)
        (folder / "source.zip").write_bytes(zipped(files))

    def run(self, *made, stages=(), files=None):
        """Runs a pipeline with these actions in a stage after its source, to its end."""
        self.source(files or {"index.html": "<p>hello</p>"})
        declared = pipeline(self.name, stage("Source", s3_source()), *(stages or [stage("Do", *made)]))
        self.client.create_pipeline(pipeline=declared)
        (first,) = executions(self.client, self.name)
        return self.ended(first["pipelineExecutionId"])

    def again(self, **fields):
        id = self.client.start_pipeline_execution(name=self.name, **fields)["pipelineExecutionId"]
        return self.ended(id)

    def ended(self, id):
        return execution_is(self.client, self.name, id, "Succeeded", "Failed", "Stopped")

    def action(self, name):
        """The newest execution of an action."""
        return next(one for one in actions(self.client, self.name) if one["actionName"] == name)

    def result(self, name):
        return self.action(name)["output"]["executionResult"]

    def variables(self, name):
        return self.action(name)["output"]["outputVariables"]


@pytest.fixture
def world(new_server, moto, request):
    name = request.node.name.removeprefix("test_")[:60].replace("_", "-")
    env = {"AWS_ENDPOINT_URL": moto.endpoint, **KEYS}
    server = new_server(config=CONFIG, files={"worker.py": WORKER}, env=env)
    return World(server, moto, name)


def do(category, provider, configuration, name="Do", inputs=("Source",), **fields):
    return action(name, category, provider, inputs=list(inputs), configuration=configuration, **fields)


def test_a_folder_is_deployed_to(world):
    site = {"BucketName": "site", "Extract": "true", "ObjectKey": "v1"}
    files = {"index.html": "<p>hello</p>", "css/a.css": "p {}"}
    assert world.run(do("Deploy", "S3", site), files=files)["status"] == "Succeeded"
    assert (world.server.folder / "site/v1/index.html").read_text() == "<p>hello</p>"
    assert (world.server.folder / "site/v1/css/a.css").read_text() == "p {}"
    found = world.client.list_deploy_action_execution_targets(
        actionExecutionId=world.action("Do")["actionExecutionId"], pipelineName=world.name
    )
    assert found["targets"] == []


def test_a_bucket_is_deployed_to(world):
    s3 = world.moto.client("s3")
    s3.create_bucket(Bucket="web")
    web = {"BucketName": "web", "Extract": "true", "CacheControl": "max-age=3", "CannedACL": "public-read"}
    whole = {"BucketName": "web", "Extract": "false", "ObjectKey": "app-{datetime}-{uuid}.zip"}
    assert world.run(do("Deploy", "S3", web), do("Deploy", "S3", whole, "Whole"))["status"] == "Succeeded"
    found = s3.get_object(Bucket="web", Key="index.html")
    assert found["Body"].read() == b"<p>hello</p>"
    assert (found["ContentType"], found["CacheControl"]) == ("text/html", "max-age=3")
    grants = s3.get_object_acl(Bucket="web", Key="index.html")["Grants"]
    assert any(grant["Permission"] == "READ" and "AllUsers" in grant["Grantee"].get("URI", "") for grant in grants)
    (key,) = [one["Key"] for one in s3.list_objects_v2(Bucket="web", Prefix="app-")["Contents"]]
    assert key.endswith(world.action("Whole")["actionExecutionId"] + ".zip")
    body = s3.get_object(Bucket="web", Key=key)["Body"].read()
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == ["index.html"]


def test_a_bucket_that_is_not_there_fails_the_action(world):
    gone = {"BucketName": "no-such-bucket", "Extract": "true"}
    assert world.run(do("Deploy", "S3", gone))["status"] == "Failed"
    details = world.result("Do")["errorDetails"]
    assert details["code"] == "JobFailed"
    assert "NoSuchBucket" in details["message"]


def stack_files(name):
    settings = {"Parameters": {"Name": name, "Key": "from the file"}, "Tags": {"team": "web"}}
    return {"template.json": json.dumps(TEMPLATE), "settings.json": json.dumps(settings)}


def stack_action(name, mode, **more):
    configuration = {
        "ActionMode": mode,
        "StackName": "the-stack",
        "TemplatePath": "Source::template.json",
        "TemplateConfiguration": "Source::settings.json",
        "ParameterOverrides": json.dumps({"Key": {"Fn::GetArtifactAtt": ["Source", "ObjectKey"]}}),
        "Capabilities": "CAPABILITY_IAM",
        "RoleArn": "arn:aws:iam::000000000000:role/cfn",
    }
    return do("Deploy", "CloudFormation", configuration | more, name)


def test_a_stack_is_created_updated_and_deleted(world):
    made = stack_action("Deploy", "CREATE_UPDATE", OutputFileName="out.json")
    made |= {"namespace": "Stack", "outputArtifacts": [{"name": "Out"}]}
    site = {"BucketName": "site", "Extract": "true", "ObjectKey": "#{Stack.SourceKey}"}
    told = do("Deploy", "S3", site, "Keep", ["Out"])
    stages = [stage("Make", made, told | {"runOrder": 2})]
    assert world.run(stages=stages, files=stack_files("topic-one"))["status"] == "Succeeded"
    cloudformation = world.moto.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="the-stack")["Stacks"]
    assert stack["Tags"] == [{"Key": "team", "Value": "web"}]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    assert outputs["TopicArn"].endswith(":topic-one")
    assert world.variables("Deploy") == outputs
    assert world.result("Deploy")["externalExecutionId"] == stack["StackId"]
    key = world.action("Deploy")["input"]["inputArtifacts"][0]["s3location"]["key"]
    assert outputs["SourceKey"] == key
    assert json.loads((world.server.folder / "site" / key / "out.json").read_text()) == outputs

    world.source(stack_files("topic-two"))
    assert world.again()["status"] == "Succeeded"
    assert world.variables("Deploy")["TopicArn"].endswith(":topic-two")

    declared = world.client.get_pipeline(name=world.name)["pipeline"]
    declared["stages"][1] = stage("Make", stack_action("Remove", "DELETE_ONLY"))
    world.client.update_pipeline(pipeline=declared)
    assert world.again()["status"] == "Succeeded"
    assert world.again()["status"] == "Succeeded"
    with pytest.raises(cloudformation.exceptions.ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="the-stack")


def test_a_change_set_is_made_and_executed(world):
    prepare = stack_action("Prepare", "CHANGE_SET_REPLACE", ChangeSetName="changes", StackName="by-changes")
    configuration = {"ActionMode": "CHANGE_SET_EXECUTE", "StackName": "by-changes", "ChangeSetName": "changes"}
    execute = do("Deploy", "CloudFormation", configuration, "Execute", inputs=()) | {"runOrder": 2}
    files = stack_files("topic-three")
    assert world.run(prepare, execute, files=files)["status"] == "Succeeded"
    (stack,) = world.moto.client("cloudformation").describe_stacks(StackName="by-changes")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert world.result("Execute")["externalExecutionId"] == stack["StackId"]
    # moto shows no outputs of a stack that a change set made.
    assert world.variables("Execute") == {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    topics = [topic["TopicArn"] for topic in world.moto.client("sns").list_topics()["Topics"]]
    assert any(topic.endswith(":topic-three") for topic in topics)


def test_a_template_that_is_none_fails_the_action(world):
    made = stack_action("Deploy", "CREATE_UPDATE", StackName="broken")
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Gone"}}}
    files = stack_files("x") | {"template.json": json.dumps({"Resources": {"A": topic}})}
    assert world.run(made, files=files)["status"] == "Failed"
    details = world.result("Deploy")["errorDetails"]
    assert details["code"] == "JobFailed"
    assert "Service: AmazonCloudFormation" in details["message"]


def machine(world, states, kind="STANDARD"):
    sfn = world.server.client()
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    made = sfn.create_state_machine(name="machine", definition=definition, roleArn=MACHINE_ROLE, type=kind)
    return made["stateMachineArn"]


def test_a_workflow_is_run_and_waited_for(world):
    arn = machine(world, {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}})
    configuration = {"StateMachineArn": arn, "ExecutionNamePrefix": "pre", "Input": '{"a": 1}'}
    invoke = do("Invoke", "StepFunctions", configuration, outputs=["Out"])
    keep = do("Deploy", "S3", {"BucketName": "site", "Extract": "true"}, "Keep", ["Out"]) | {"runOrder": 2}
    assert world.run(invoke, keep)["status"] == "Succeeded"
    id = world.action("Do")["actionExecutionId"]
    variables = world.variables("Do")
    assert variables["StateMachineArn"] == arn
    assert variables["ExecutionArn"].endswith(f":pre-{id}")
    assert world.result("Do")["externalExecutionId"] == variables["ExecutionArn"]
    assert json.loads((world.server.folder / "site/output.json").read_text()) == {"a": 1}


def test_an_express_workflow_is_only_started(world):
    arn = machine(world, {"Fail": {"Type": "Fail"}}, "EXPRESS")
    assert world.run(do("Invoke", "StepFunctions", {"StateMachineArn": arn}))["status"] == "Succeeded"
    assert ":express:" in world.variables("Do")["ExecutionArn"]


def test_a_workflow_that_fails_fails_the_action(world):
    arn = machine(world, {"Fail": {"Type": "Fail", "Error": "Broken", "Cause": "no luck"}})
    invoke = do("Invoke", "StepFunctions", {"StateMachineArn": arn, "InputType": "FilePath", "Input": "in.json"})
    assert world.run(invoke, files={"in.json": "{}"})["status"] == "Failed"
    details = world.result("Do")["errorDetails"]
    assert details["code"] == "JobFailed"
    assert details["message"].endswith("FAILED. Error: Broken Cause: no luck")


def parameters(world, **told):
    return json.dumps({"endpoint": world.server.endpoint, **told})


def test_a_function_ends_its_action(world):
    invoke = do("Invoke", "Lambda", {"FunctionName": "worker", "UserParameters": parameters(world, continues=True)})
    assert world.run(invoke)["status"] == "Succeeded"
    variables = world.variables("Do")
    assert (variables["token"], variables["account"]) == ("half way", "000000000000")
    (artifact,) = json.loads(variables["artifacts"])
    assert (artifact["name"], artifact["location"]["type"]) == ("Source", "S3")
    assert artifact["location"]["s3Location"]["bucketName"] == "artifact-bucket"
    assert int(variables["size"]) == (world.server.folder / "source/source.zip").stat().st_size


def test_a_function_fails_its_action(world):
    invoke = do("Invoke", "Lambda", {"FunctionName": "worker", "UserParameters": parameters(world, fail="too late")})
    assert world.run(invoke)["status"] == "Failed"
    assert world.result("Do")["errorDetails"] == {"code": "JobFailed", "message": "too late"}


def test_a_function_that_is_not_there_fails_the_action_at_once(new_server):
    # Without AWS, since moto accepts an invocation of any name.
    world = World(new_server(config=CONFIG, files={"worker.py": WORKER}), None, "nobody")
    assert world.run(do("Invoke", "Lambda", {"FunctionName": "nobody"}))["status"] == "Failed"
    details = world.result("Do")["errorDetails"]
    assert details["code"] == "ConfigurationError"
    assert details["message"].startswith("The function nobody is not declared in trackway.toml, and no endpoint")


def test_a_function_that_says_nothing_leaves_its_action_in_progress(world):
    world.source({"a": "b"})
    invoke = do("Invoke", "Lambda", {"FunctionName": "silent"})
    world.client.create_pipeline(pipeline=pipeline(world.name, stage("Source", s3_source()), stage("Do", invoke)))

    def look():
        return [one for one in actions(world.client, world.name) if one["actionName"] == "Do"]

    (found,) = eventually(look, "the action is there")
    eventually(lambda: "no job result" in world.server.said(), "the function's error is in the log")
    assert world.action("Do")["status"] == "InProgress"
    id = found["pipelineExecutionId"]
    world.client.stop_pipeline_execution(pipelineName=world.name, pipelineExecutionId=id, abandon=True)
    assert world.ended(id)["status"] == "Stopped"


def test_another_pipeline_is_run_and_waited_for(world):
    inner = f"{world.name}-in"
    world.source({"index.html": "<p>"})
    deploy = do("Deploy", "S3", {"BucketName": "site", "Extract": "true", "ObjectKey": "#{variables.WHERE}"})
    variables = [{"name": "WHERE", "defaultValue": "nowhere"}]
    world.client.create_pipeline(
        pipeline=pipeline(inner, stage("Source", s3_source()), stage("Do", deploy), variables=variables)
    )
    given = json.dumps([{"name": "WHERE", "value": "there"}])
    invoke = do("Invoke", "CodePipeline", {"PipelineName": inner, "Variables": given}, inputs=())
    assert world.run(invoke)["status"] == "Succeeded"
    started = world.result("Do")["externalExecutionId"]
    found = execution(world.client, inner, started)
    assert found["status"] == "Succeeded"
    assert found["variables"] == [{"name": "WHERE", "resolvedValue": "there"}]
    assert (world.server.folder / "site/there/index.html").exists()


def condition(result, *rules):
    return {"conditions": [{"result": result, "rules": list(rules)}]}


def rule(provider, configuration, name="Check"):
    return {"name": name, "ruleTypeId": type_id("Rule", provider), "configuration": configuration}


def alarm(world, name, state):
    cloudwatch = world.moto.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name, MetricName="m", Namespace="n", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


@pytest.mark.parametrize(("state", "status"), [("OK", "Succeeded"), ("ALARM", "Failed")])
def test_an_alarm_holds_a_stage_back(world, state, status):
    world.name = f"alarm-{state}"
    alarm(world, "errors", state)
    deploy = do("Deploy", "S3", {"BucketName": "site", "Extract": "true"})
    checks = condition("FAIL", rule("CloudWatchAlarm", {"AlarmName": "errors"}))
    assert world.run(stages=[stage("Do", deploy, beforeEntry=checks)])["status"] == status
    (found,) = world.client.list_rule_executions(pipelineName=world.name)["ruleExecutionDetails"]
    assert found["status"] == status
    assert (world.server.folder / "site/index.html").exists() == (status == "Succeeded")


@pytest.mark.parametrize(("fail", "status"), [(None, "Succeeded"), ("not today", "Failed")])
def test_a_function_decides_a_condition(world, fail, status):
    world.name = f"rule-{status}"
    deploy = do("Deploy", "S3", {"BucketName": "site", "Extract": "true"})
    told = {"FunctionName": "worker", "UserParameters": parameters(world, fail=fail)}
    checks = condition("FAIL", rule("LambdaInvoke", told) | {"inputArtifacts": [{"name": "Source"}]})
    assert world.run(stages=[stage("Do", deploy, beforeEntry=checks)])["status"] == status
    (found,) = world.client.list_rule_executions(pipelineName=world.name)["ruleExecutionDetails"]
    assert found["status"] == status


@pytest.mark.parametrize(("file", "status"), [("index.html", "Succeeded"), ("missing.html", "Failed")])
def test_commands_decide_a_condition(world, file, status):
    world.name = f"commands-{status}"
    deploy = do("Deploy", "S3", {"BucketName": "site", "Extract": "true"})
    check = rule("Commands", {}) | {"commands": [f"test -f {file}"], "inputArtifacts": [{"name": "Source"}]}
    assert world.run(stages=[stage("Do", deploy, beforeEntry=condition("FAIL", check))])["status"] == status
    (found,) = world.client.list_rule_executions(pipelineName=world.name)["ruleExecutionDetails"]
    assert found["status"] == status


def test_a_kill_starts_nothing_twice(world):
    arn = machine(world, {"Wait": {"Type": "Wait", "Seconds": 4, "End": True}})
    world.source({"a": "b"})
    invoke = do("Invoke", "StepFunctions", {"StateMachineArn": arn})
    world.client.create_pipeline(pipeline=pipeline(world.name, stage("Source", s3_source()), stage("Do", invoke)))
    sfn = world.server.client()
    running = eventually(lambda: sfn.list_executions(stateMachineArn=arn)["executions"], "the workflow runs")
    world.server.kill()
    world.server.start()
    (id,) = {one["pipelineExecutionId"] for one in actions(world.client, world.name)}
    assert world.ended(id)["status"] == "Succeeded"
    (only,) = sfn.list_executions(stateMachineArn=arn)["executions"]
    assert (only["name"], only["status"]) == (running[0]["name"], "SUCCEEDED")
