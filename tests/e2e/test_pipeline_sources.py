"""Sources start pipelines by themselves, artifacts lie where they belong, and workers reach them by S3."""

import io
import json
import urllib.request
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness import eventually, fresh
from moto_server import Moto
from pipelines import (
    STORE,
    Repository,
    action,
    actions,
    approval,
    custom_type,
    execution_is,
    executions,
    pipeline,
    stage,
    take_job,
)

CONNECTION = "arn:aws:codestar-connections:us-east-1:000000000000:connection/11111111-2222-3333-4444-555555555555"
CONFIG = """
[pipeline]
poll_seconds = 0.2

[pipeline.repositories]
"acme/site" = "site"
"site" = "site"

[pipeline.buckets]
drop = "drop"
"""


def connection(**configuration):
    wanted = {"ConnectionArn": CONNECTION, "FullRepositoryId": "acme/site", "BranchName": "main"} | configuration
    return action("Checkout", "Source", "CodeStarSourceConnection", outputs=["Code"], configuration=wanted)


def commit_source(**configuration):
    wanted = {"RepositoryName": "site", "BranchName": "main"} | configuration
    return action("Checkout", "Source", "CodeCommit", outputs=["Code"], configuration=wanted)


def object_source(bucket, key, **configuration):
    wanted = {"S3Bucket": bucket, "S3ObjectKey": key} | configuration
    return action("Fetch", "Source", "S3", outputs=["Code"], configuration=wanted)


def push_trigger(*filters):
    return [
        {
            "providerType": "CodeStarSourceConnection",
            "gitConfiguration": {"sourceActionName": "Checkout", "push": list(filters)},
        }
    ]


def create(client, source, name=None, last=None, **fields):
    """A pipeline of a source and one more action; it has begun and its source was taken."""
    name = name or fresh("p")
    made = pipeline(name, stage("Source", source), stage("Last", last or approval()), **fields)
    client.create_pipeline(pipeline=made)
    taken(client, name, 1)
    return name


def taken(client, name, count):
    """Waits until there are so many executions and each has taken its source; they, newest first."""

    def look():
        found = executions(client, name)
        is_taken = all(one["status"] == "Failed" or one.get("sourceRevisions") for one in found)
        return found if len(found) == count and is_taken else None

    return eventually(look, f"{count} executions of {name}", 30)


def revision(one):
    return one["sourceRevisions"][0]["revisionId"]


def tell(server, event):
    status, body = server.post("/_trackway/codepipeline/events", json.dumps(event).encode())
    assert status == 200
    return [one["pipelineName"] for one in json.loads(body)["started"]]


@pytest.fixture
def world(new_server):
    server = new_server(config=CONFIG)
    (server.folder / "drop").mkdir()
    repository = Repository(server.folder / "site")
    repository.commit("First", index__html="one")
    return server, server.client("codepipeline"), repository


def test_a_push_starts_a_pipeline_once_also_over_a_kill(world):
    server, client, repository = world
    watched = create(client, connection())
    quiet = create(client, connection(DetectChanges="false"))
    polled = create(client, commit_source())
    second = repository.commit("Second", index__html="two")
    for name, trigger in ((watched, "WebhookV2"), (polled, "PollForSourceChanges")):
        newest, _ = taken(client, name, 2)
        assert revision(newest) == second and newest["trigger"]["triggerType"] == trigger
    server.kill()
    # Several commits while nobody looks are one change.
    repository.commit("Third", index__html="three")
    fourth = repository.commit("Fourth", index__html="four")
    server.start()
    newest = taken(client, watched, 3)[0]
    assert revision(newest) == fourth
    server.kill()
    server.start()
    marker = create(client, commit_source())
    fifth = repository.commit("Fifth", index__html="five")
    # When this one has started all others have been looked at in the same round.
    taken(client, marker, 2)
    assert revision(taken(client, watched, 4)[0]) == fifth
    assert len(executions(client, quiet)) == 1
    client.delete_pipeline(name=watched)
    repository.commit("Sixth", index__html="six")
    taken(client, marker, 3)
    with pytest.raises(client.exceptions.PipelineNotFoundException):
        executions(client, watched)


def test_triggers_choose_branches_tags_and_files(world):
    server, client, repository = world
    filters = (
        {"branches": {"includes": ["feature/**"], "excludes": ["feature/wip-*"]}},
        {"branches": {"includes": ["main"]}, "filePaths": {"includes": ["src/**"]}},
        {"tags": {"includes": ["v*"]}},
    )
    chosen = create(client, connection(), triggers=push_trigger(*filters))
    marker = create(client, commit_source())
    repository.commit("No source", README="x")
    taken(client, marker, 2)
    assert len(executions(client, chosen)) == 1
    source = repository.commit_files("A source", {"src/a.c": "x"})
    assert revision(taken(client, chosen, 2)[0]) == source
    repository.git("checkout", "--quiet", "-b", "feature/wip-x")
    repository.commit("Not yet", a="1")
    ready = repository.commit("Ready", a="2")
    # In one step: a look between a branch and its commit would start twice, rightly.
    repository.git("branch", "feature/y")
    newest = taken(client, chosen, 3)[0]
    assert revision(newest) == ready and newest["trigger"]["triggerType"] == "WebhookV2"
    assert json.loads(newest["trigger"]["triggerDetail"])["BranchName"] == "feature/y"
    variables = actions(client, chosen, filter={"pipelineExecutionId": newest["pipelineExecutionId"]})[-1]["output"]
    assert variables["outputVariables"]["BranchName"] == "feature/y"
    repository.git("tag", "v1", source)
    newest = taken(client, chosen, 4)[0]
    assert revision(newest) == source


def test_a_commit_may_be_chosen_by_the_caller(world):
    _, client, repository = world
    first = repository.git("rev-parse", "HEAD")
    repository.commit("Second", index__html="two")
    name = create(client, connection(DetectChanges="false"))
    wanted = {"actionName": "Checkout", "revisionType": "COMMIT_ID", "revisionValue": first}
    client.start_pipeline_execution(name=name, sourceRevisions=[wanted])
    assert revision(taken(client, name, 2)[0]) == first


def test_an_object_starts_a_pipeline_when_it_is_looked_at_or_told_of(world):
    server, client, repository = world
    file = server.folder / "drop" / "app.zip"
    file.write_text("one")
    polled = create(client, object_source("drop", "app.zip"))
    told = create(client, object_source("drop", "app.zip", PollForSourceChanges="false"))
    file.write_text("number two")
    newest, oldest = taken(client, polled, 2)
    assert revision(newest) != revision(oldest)
    assert newest["sourceRevisions"][0]["revisionSummary"] == f"Amazon S3 version id: {revision(newest)}"
    assert len(executions(client, told)) == 1
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "drop"}, "object": {"key": "app.zip"}}}
    assert tell(server, {"Records": [record]}) == [told]
    newest = taken(client, told, 2)[0]
    rule = f"arn:aws:events:us-east-1:000000000000:rule/codepipeline-{told}"
    assert newest["trigger"] == {"triggerType": "CloudWatchEvent", "triggerDetail": rule}
    by_event = create(client, commit_source(PollForSourceChanges="false"))
    event = {
        "source": "aws.codecommit",
        "detail-type": "CodeCommit Repository State Change",
        "detail": {"repositoryName": "site", "referenceFullName": "refs/heads/main"},
    }
    assert tell(server, event) == [by_event]
    assert tell(server, {"source": "git", "repository": "site", "ref": "other"}) == []
    with pytest.raises(urllib.request.HTTPError):
        server.post("/_trackway/codepipeline/events", b'{"source": "nobody"}')


def artifact_client(server, credentials=None, **config):
    credentials = credentials or {"accessKeyId": "test", "secretAccessKey": "test", "sessionToken": None}
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials["sessionToken"],
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


SIGNED = '\n[credentials.AKIDEXAMPLE]\nsecret_key = "wJalrXUtnFEMI"\n'


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_worker_reads_and_writes_artifacts_by_s3(new_server, is_signed):
    server = new_server(config=CONFIG + SIGNED * is_signed)
    keys = {"account": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI"} if is_signed else {}
    client = server.client("codepipeline", **keys)
    repository = Repository(server.folder / "site")
    repository.commit("First", index__html="one")
    provider = custom_type(client)
    build = action("Make", "Build", provider, "Custom", inputs=["Code"], outputs=["Made"])
    name = create(client, connection(), last=build)
    job = take_job(client, provider)
    data = client.get_job_details(jobId=job["id"])["jobDetails"]["data"]
    s3 = artifact_client(server, data["artifactCredentials"])
    at = data["inputArtifacts"][0]["location"]["s3Location"]
    got = s3.get_object(Bucket=at["bucketName"], Key=at["objectKey"])
    assert zipfile.ZipFile(io.BytesIO(got["Body"].read())).read("index.html") == b"one"
    head = s3.head_object(Bucket=at["bucketName"], Key=at["objectKey"])
    assert head["ContentLength"] == got["ContentLength"] and head["ETag"] == got["ETag"]
    part = s3.get_object(Bucket=at["bucketName"], Key=at["objectKey"], Range="bytes=0-3")
    assert part["Body"].read() == b"PK\x03\x04" and part["ResponseMetadata"]["HTTPStatusCode"] == 206
    to = data["outputArtifacts"][0]["location"]["s3Location"]
    s3.put_object(Bucket=to["bucketName"], Key=to["objectKey"], Body=b"made")
    assert s3.get_object(Bucket=to["bucketName"], Key=to["objectKey"])["Body"].read() == b"made"
    whole = server.folder / "large"
    whole.write_bytes(bytes(range(256)) * (20 * 4096 + 1))
    s3.upload_file(str(whole), to["bucketName"], to["objectKey"])
    s3.download_file(to["bucketName"], to["objectKey"], str(server.folder / "back"))
    assert (server.folder / "back").read_bytes() == whole.read_bytes()
    if is_signed:
        # A job's credentials are for its artifacts, and for as long as it lasts.
        for refused, code in (
            (lambda: s3.put_object(Bucket=at["bucketName"], Key=at["objectKey"], Body=b"x"), "AccessDenied"),
            (lambda: s3.get_object(Bucket=at["bucketName"], Key="another/Code/abcdefg"), "AccessDenied"),
            (lambda: s3.create_multipart_upload(Bucket=at["bucketName"], Key="another"), "AccessDenied"),
        ):
            with pytest.raises(ClientError) as error:
                refused()
            assert error.value.response["Error"]["Code"] == code
    client.put_job_success_result(jobId=job["id"])
    execution_is(client, name, executions(client, name)[0]["pipelineExecutionId"], "Succeeded")
    if is_signed:
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=at["bucketName"], Key=at["objectKey"])
        assert error.value.response["Error"]["Code"] == "ExpiredToken"
        keys = {"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "wJalrXUtnFEMI", "sessionToken": None}
        s3 = artifact_client(server, keys)

    for refused, code in (
        (lambda: s3.get_object(Bucket=STORE["location"], Key="p/none"), "NoSuchKey"),
        (lambda: s3.get_object(Bucket="elsewhere", Key="x"), "NotImplemented"),
        (lambda: s3.list_objects_v2(Bucket=STORE["location"]), "NotImplemented"),
        (lambda: s3.delete_object(Bucket=STORE["location"], Key="x"), "NotImplemented"),
    ):
        with pytest.raises(ClientError) as error:
            refused()
        assert error.value.response["Error"]["Code"] == code
    wrong = artifact_client(server, data["artifactCredentials"] | {"secretAccessKey": "wrong"})
    if is_signed:
        with pytest.raises(ClientError) as error:
            wrong.get_object(Bucket=at["bucketName"], Key=at["objectKey"])
        assert error.value.response["Error"]["Code"] == "AccessDenied"


def test_an_upload_in_parts_is_what_its_end_says(world):
    server, client, _ = world
    create(client, commit_source())
    s3 = artifact_client(server)
    at = {"Bucket": STORE["location"], "Key": "p/a & b/<x>"}
    five = b"5" * (5 * 1024 * 1024)

    def begin(*parts):
        upload = s3.create_multipart_upload(**at)["UploadId"]
        sent = [
            {"PartNumber": number, "ETag": s3.upload_part(**at, UploadId=upload, PartNumber=number, Body=body)["ETag"]}
            for number, body in parts
        ]
        return {**at, "UploadId": upload}, sent

    def code_of(call):
        with pytest.raises(ClientError) as error:
            call()
        return error.value.response["Error"]["Code"]

    def complete(upload, parts):
        return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    # Sent in any order, one of them twice; one is left out.
    upload, parts = begin((3, b"end"), (1, b"no"), (2, b"left out"), (1, five))
    assert code_of(lambda: complete(upload, [parts[3], parts[0] | {"ETag": "x"}])) == "InvalidPart"
    assert code_of(lambda: complete(upload, [parts[0], parts[3]])) == "InvalidPartOrder"
    done = complete(upload, [parts[3], parts[0]])
    got = s3.get_object(**at)
    assert got["Body"].read() == five + b"end" and got["ETag"] == done["ETag"] and done["Key"] == at["Key"]
    assert code_of(lambda: complete(upload, parts)) == "NoSuchUpload"
    upload, parts = begin((1, b"too small"), (2, b"x"))
    assert code_of(lambda: complete(upload, parts)) == "EntityTooSmall"
    assert code_of(lambda: s3.upload_part(**upload, PartNumber=10_001, Body=b"")) == "InvalidArgument"
    s3.abort_multipart_upload(**upload)
    assert code_of(lambda: s3.upload_part(**upload, PartNumber=1, Body=b"")) == "NoSuchUpload"
    assert code_of(lambda: s3.put_object(**at, Body=bytes(9 * 1024 * 1024))) == "EntityTooLarge"


def test_a_server_that_is_its_own_endpoint_keeps_artifacts_itself(new_server):
    """As in a shell where AWS_ENDPOINT_URL names it; and its data folder may be a relative one."""
    server = new_server(config=CONFIG, env={"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
    server.stop()
    server.command[server.command.index(str(server.data))] = "data"
    server.env["AWS_ENDPOINT_URL"] = server.endpoint
    Repository(server.folder / "site").commit("First", index__html="one")
    server.start()
    client = server.client("codepipeline")
    copy = action(
        "Copy", "Deploy", "S3", inputs=["Code"], configuration={"BucketName": "drop", "Extract": "true"}
    )
    name = create(client, connection(), last=copy)
    execution_is(client, name, executions(client, name)[0]["pipelineExecutionId"], "Succeeded")
    assert (server.folder / "drop/index.html").read_text() == "one"


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    moto = Moto(tmp_path_factory.mktemp("moto"))
    yield moto
    moto.stop()


def test_sources_and_artifacts_in_s3(new_server, moto):
    s3 = moto.client("s3")
    for bucket in ("sources", "artifact-bucket"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="sources", VersioningConfiguration={"Status": "Enabled"})
    # Two parts and a bit: an artifact is never wholly in memory.
    large = bytes(range(256)) * (17 * 4096)
    first = s3.put_object(Bucket="sources", Key="a b.zip", Body=large)["VersionId"]
    env = {"AWS_ENDPOINT_URL_S3": moto.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    server = new_server(config="[pipeline]\npoll_seconds = 0.2\n", env=env)
    client = server.client("codepipeline")
    store = STORE | {"encryptionKey": {"id": "alias/artifacts", "type": "KMS"}}
    name = create(client, object_source("sources", "a b.zip"), artifactStore=store)
    newest = taken(client, name, 1)[0]
    assert revision(newest) == first
    at = actions(client, name)[-1]["output"]["outputArtifacts"][0]["s3location"]
    kept = s3.get_object(Bucket=at["bucket"], Key=at["key"])
    assert kept["Body"].read() == large
    assert kept["ServerSideEncryption"] == "aws:kms" and kept["SSEKMSKeyId"] == "alias/artifacts"
    second = s3.put_object(Bucket="sources", Key="a b.zip", Body=b"small")["VersionId"]
    newest = taken(client, name, 2)[0]
    assert revision(newest) == second and newest["trigger"]["triggerType"] == "PollForSourceChanges"
    variables = actions(client, name, filter={"pipelineExecutionId": newest["pipelineExecutionId"]})[-1]
    assert variables["output"]["outputVariables"]["VersionId"] == second
    wanted = {"actionName": "Fetch", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": first}
    client.start_pipeline_execution(name=name, sourceRevisions=[wanted])
    assert revision(taken(client, name, 3)[0]) == first
    # A bucket that is not there is a folder here.
    other = create(client, object_source("sources", "a b.zip"), artifactStore={"type": "S3", "location": "nowhere"})
    assert taken(client, other, 1)[0]["status"] == "InProgress"
    at = actions(client, other)[-1]["output"]["outputArtifacts"][0]["s3location"]
    found = artifact_client(server).get_object(Bucket="nowhere", Key=at["key"])
    assert found["Body"].read() == b"small"
