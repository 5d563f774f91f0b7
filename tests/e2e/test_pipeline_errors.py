"""Every error of the operations on what runs in a pipeline: code, status and what the message says."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError

from harness import eventually, fresh
from pipelines import action, approval, custom_type, pipeline, stage, type_id

NOBODY = "11111111-2222-4333-8444-555555555555"
GARBAGE = "bm90aGluZw"
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


class World:
    """Pipelines in every state that an error needs. What they are called is found by attribute."""

    def __init__(self, server):
        # An account of its own: limits and lists are counted by account.
        self.client = client = server.client("codepipeline", account="210987654321", parameter_validation=False)
        self.source = custom_type(client, "Source", outputs=(0, 1), inputs=(0, 0))
        self.build = custom_type(
            client,
            properties=[
                {"name": "Name", "required": True, "key": True, "secret": False, "queryable": True},
                {"name": "Other", "required": False, "key": False, "secret": False},
            ],
        )
        self.done()
        self.failed()
        self.approving()
        self.full()
        self.waiting()
        client.put_webhook(
            webhook={
                "name": "hook",
                "targetPipeline": "done",
                "targetAction": "Source",
                "filters": [],
                "authentication": "UNAUTHENTICATED",
                "authenticationConfiguration": {},
            }
        )

    def create(self, name, *stages, **fields):
        source = action("Source", "Source", self.source, "Custom", outputs=["Source"])
        declared = pipeline(name, stage("Source", source), *stages, **fields)
        self.client.create_pipeline(pipeline=declared)
        listed = self.client.list_pipeline_executions(pipelineName=name)
        return declared, listed["pipelineExecutionSummaries"][0]["pipelineExecutionId"]

    def built(self, name="Build"):
        return action(name, "Build", self.build, "Custom", configuration={"Name": name})

    def job(self, category="Source"):
        """The one job that waits, acknowledged."""
        of = type_id(category, {"Source": self.source, "Build": self.build}[category], "Custom")
        (job,) = eventually(lambda: self.client.poll_for_jobs(actionTypeId=of)["jobs"], f"a {category} job")
        self.client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
        return job

    def work(self, category="Source"):
        job = self.job(category)
        self.client.put_job_success_result(jobId=job["id"])
        return job

    def fail(self, category="Source"):
        job = self.job(category)
        self.client.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": "no"})

    def done(self):
        """One execution of an old version that succeeded, one that runs, and one that is stopping."""
        declared, self.outdated = self.create("done", stage("Build", self.built()), mode="QUEUED")
        self.finished = self.work()["id"]
        self.work("Build")
        self.client.update_pipeline(pipeline=declared)
        self.succeeded = self.client.start_pipeline_execution(name="done")["pipelineExecutionId"]
        self.work()
        self.work("Build")
        self.stopping = self.client.start_pipeline_execution(name="done")["pipelineExecutionId"]
        job = self.job()
        self.acknowledged, self.used = job["id"], job["nonce"]
        self.client.stop_pipeline_execution(pipelineName="done", pipelineExecutionId=self.stopping)

    def failed(self):
        """One execution that failed, and a later one in its stage."""
        _, self.overtaken = self.create("failed", stage("Build", self.built()))
        self.work()
        self.fail("Build")
        self.running = self.client.start_pipeline_execution(name="failed")["pipelineExecutionId"]
        self.work()
        self.job("Build")

    def approving(self):
        """One approval that was given, and one that waits."""
        self.create("approving", stage("Approve", approval()))
        self.work()
        self.given = self.token()
        self.approve(self.given)
        self.client.start_pipeline_execution(name="approving")
        self.work()
        self.open = eventually(lambda: self.token() not in (None, self.given) and self.token(), "another approval")

    def token(self):
        state = self.client.get_pipeline_state(name="approving")["stageStates"][1]["actionStates"][0]
        return state.get("latestExecution", {}).get("token")

    def approve(self, token):
        result = {"summary": "", "status": "Approved"}
        self.client.put_approval_result(
            pipelineName="approving", stageName="Approve", actionName="Approve", token=token, result=result
        )

    def full(self):
        """As many executions as may run at once, and a variable without a value."""
        variables = [{"name": "Color"}, {"name": "Size", "defaultValue": "1"}]
        of = self.create("full", stage("Build", self.built()), mode="PARALLEL", variables=variables)
        self.parallel = of[1]
        for _ in range(49):
            self.start_full()
        acknowledged = 0
        while acknowledged < 50:
            jobs = self.client.poll_for_jobs(actionTypeId=type_id("Source", self.source, "Custom"), maxBatchSize=50)
            for job in jobs["jobs"]:
                self.client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
                acknowledged += 1

    def start_full(self):
        self.client.start_pipeline_execution(name="full", variables=[{"name": "Color", "value": "red"}])

    def waiting(self):
        """A job that was polled and not acknowledged."""
        self.create("waiting", stage("Build", self.built()))
        of = type_id("Source", self.source, "Custom")
        (job,) = eventually(lambda: self.client.poll_for_jobs(actionTypeId=of)["jobs"], "a job")
        self.polled, self.nonce = job["id"], job["nonce"]
        acted = self.client.list_action_executions(pipelineName="waiting")["actionExecutionDetails"]
        self.acted = acted[0]["actionExecutionId"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from harness import Server

    server = Server(tmp_path_factory.mktemp("errors"), memory=True).start()
    yield World(server)
    server.stop()


def of(**members):
    """A request; `{name}` in its texts is the world's."""
    return members


def filled_in(world, value):
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return getattr(world, value[1:-1])
    if isinstance(value, dict):
        return {name: filled_in(world, member) for name, member in value.items()}
    if isinstance(value, list):
        return [filled_in(world, member) for member in value]
    return value


def on(pipeline, execution=None, **more):
    members = {"pipelineName": pipeline, **more}
    return members if execution is None else {**members, "pipelineExecutionId": execution}


UNKNOWN_PIPELINE = ("PipelineNotFoundException", 400, "Account '210987654321' does not have a pipeline with name 'none'")
UNKNOWN_EXECUTION = ("PipelineExecutionNotFoundException", 400, "")
UNKNOWN_STAGE = ("StageNotFoundException", 400, "")
UNKNOWN_ACTION = ("ActionNotFoundException", 400, "")
UNKNOWN_JOB = ("JobNotFoundException", 400, "")
UNKNOWN_TYPE = ("ActionTypeNotFoundException", 400, "")
UNKNOWN_WEBHOOK = ("WebhookNotFoundException", 400, "")
BAD_TOKEN = ("InvalidNextTokenException", 400, "")
BAD_STATE = ("InvalidJobStateException", 400, "")
BAD_NONCE = ("InvalidNonceException", 400, "")
NOT_RETRYABLE = ("StageNotRetryableException", 400, "Unable to retry.")
NOT_OVERRIDABLE = ("ConditionNotOverridableException", 400, "Unable to override")
NOT_STOPPABLE = ("PipelineExecutionNotStoppableException", 400, "Unable to stop the pipeline execution.")
NO_ROLLBACK = ("UnableToRollbackStageException", 400, "Unable to roll back the stage.")
FULL = ("ConcurrentPipelineExecutionsLimitExceededException", 400, "limit for concurrent pipeline executions")
PARAMETERS = ("InvalidWebhookAuthenticationParametersException", 400, "")


def invalid(message):
    return "ValidationException", 400, message


def approve(**more):
    members = {"pipelineName": "approving", "stageName": "Approve", "actionName": "Approve", "token": "{open}"}
    return {**members, "result": {"summary": "", "status": "Approved"}, **more}


def revision(**more):
    changed = {"revisionId": "r", "revisionChangeId": "c", "created": NOW}
    return {"pipelineName": "done", "stageName": "Source", "actionName": "Source", "actionRevision": changed, **more}


def rollback(target, pipeline="done", stage="Build"):
    return {"pipelineName": pipeline, "stageName": stage, "targetPipelineExecutionId": target}


def retry(pipeline, execution, stage="Build", mode="FAILED_ACTIONS"):
    return on(pipeline, execution, stageName=stage, retryMode=mode)


def override(pipeline, execution, stage="Build", condition="ON_SUCCESS"):
    return on(pipeline, execution, stageName=stage, conditionType=condition)


def latest(execution, time_range="Latest"):
    return {"latestInPipelineExecution": {"pipelineExecutionId": execution, "startTimeRange": time_range}}


def polled(category="Build", owner="Custom", provider="{build}", **more):
    return {"actionTypeId": type_id(category, provider, owner), **more}


def failure(job, kind="JobFailed", message="m", **more):
    return {"jobId": job, "failureDetails": {"type": kind, "message": message}, **more}


def hook(authentication="UNAUTHENTICATED", configuration=None, **more):
    members = {"name": "w", "targetPipeline": "done", "targetAction": "Source", "filters": []}
    configuration = {"authentication": authentication, "authenticationConfiguration": configuration or {}}
    return {"webhook": {**members, **configuration, **more}}


def transition(pipeline="done", stage="Build", kind="Inbound", **more):
    return {"pipelineName": pipeline, "stageName": stage, "transitionType": kind, **more}


ERRORS = [
    ("start_pipeline_execution", of(name="none"), UNKNOWN_PIPELINE),
    ("start_pipeline_execution", of(name="no name"), invalid("at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9.@\\-_]+")),
    ("start_pipeline_execution", of(name="done", clientRequestToken="no_token"), invalid("at 'clientRequestToken'")),
    ("start_pipeline_execution", of(name="done", variables=[]), invalid("Member must have length greater than or equal to 1")),
    ("start_pipeline_execution", of(name="done", variables=[{"name": "Taste", "value": "v"}]), invalid("Taste")),
    ("start_pipeline_execution", of(name="full"), invalid("Color")),
    ("start_pipeline_execution", of(name="full", variables=[{"name": "Color", "value": v} for v in "ab"]), invalid("'Color' is given more than once")),
    ("start_pipeline_execution", of(name="full", variables=[{"name": "Color", "value": "v"}]), FULL),
    ("start_pipeline_execution", of(name="done", sourceRevisions=[{"actionName": "None", "revisionType": "COMMIT_ID", "revisionValue": "r"}]), invalid("None")),
    ("start_pipeline_execution", of(name="done", sourceRevisions=[{"actionName": "Source", "revisionType": "TAG", "revisionValue": "r"}]), invalid("Member must satisfy enum value set")),
    ("stop_pipeline_execution", on("none", NOBODY), UNKNOWN_PIPELINE),
    ("stop_pipeline_execution", on("done", NOBODY), NOT_STOPPABLE),
    ("stop_pipeline_execution", on("done", "{succeeded}"), NOT_STOPPABLE),
    ("stop_pipeline_execution", on("failed", "{overtaken}"), NOT_STOPPABLE),
    ("stop_pipeline_execution", on("done", "{parallel}"), NOT_STOPPABLE),
    ("stop_pipeline_execution", on("done", "{stopping}"), ("DuplicatedStopRequestException", 400, "already in a Stopping state")),
    ("stop_pipeline_execution", on("done", "x"), invalid("at 'pipelineExecutionId'")),
    ("stop_pipeline_execution", on("done", NOBODY, reason="r" * 201), invalid("at 'reason'")),
    ("get_pipeline_execution", on("none", NOBODY), UNKNOWN_PIPELINE),
    ("get_pipeline_execution", on("done", NOBODY), UNKNOWN_EXECUTION),
    ("get_pipeline_execution", on("done", "{parallel}"), UNKNOWN_EXECUTION),
    ("get_pipeline_execution", on("done", ""), invalid("at 'pipelineExecutionId'")),
    ("list_pipeline_executions", on("none"), UNKNOWN_PIPELINE),
    ("list_pipeline_executions", on("done", nextToken=GARBAGE), BAD_TOKEN),
    ("list_pipeline_executions", on("done", maxResults=0), invalid("Value '0' at 'maxResults'")),
    ("list_pipeline_executions", on("done", maxResults=101), invalid("Value '101' at 'maxResults'")),
    ("list_pipeline_executions", on("done", nextToken=""), invalid("at 'nextToken'")),
    ("retry_stage_execution", retry("none", NOBODY), UNKNOWN_PIPELINE),
    ("retry_stage_execution", retry("failed", "{overtaken}", stage="None"), UNKNOWN_STAGE),
    ("retry_stage_execution", retry("failed", NOBODY), NOT_RETRYABLE),
    ("retry_stage_execution", retry("done", "{succeeded}"), NOT_RETRYABLE),
    ("retry_stage_execution", retry("failed", "{overtaken}"), ("NotLatestPipelineExecutionException", 400, "out of date")),
    ("retry_stage_execution", retry("failed", "{running}"), ("ConflictException", 409, "")),
    ("retry_stage_execution", retry("failed", "{running}", mode="ALL"), invalid("at 'retryMode'")),
    ("rollback_stage", rollback(NOBODY, "none"), UNKNOWN_PIPELINE),
    ("rollback_stage", rollback(NOBODY), UNKNOWN_EXECUTION),
    ("rollback_stage", rollback("{succeeded}", stage="None"), UNKNOWN_STAGE),
    ("rollback_stage", rollback("{succeeded}", stage="Source"), NO_ROLLBACK),
    ("rollback_stage", rollback("{stopping}"), NO_ROLLBACK),
    ("rollback_stage", rollback("{parallel}", "full"), NO_ROLLBACK),
    ("rollback_stage", rollback("{outdated}"), ("PipelineExecutionOutdatedException", 400, "outdated")),
    ("rollback_stage", rollback("x"), invalid("at 'targetPipelineExecutionId'")),
    ("override_stage_condition", override("none", NOBODY), UNKNOWN_PIPELINE),
    ("override_stage_condition", override("done", NOBODY), NOT_OVERRIDABLE),
    ("override_stage_condition", override("done", "{succeeded}"), NOT_OVERRIDABLE),
    ("override_stage_condition", override("done", NOBODY, condition="ON_FAILURE"), invalid("at 'conditionType'")),
    ("put_action_revision", revision(pipelineName="none"), UNKNOWN_PIPELINE),
    ("put_action_revision", revision(stageName="None"), UNKNOWN_STAGE),
    ("put_action_revision", revision(actionName="None"), UNKNOWN_ACTION),
    ("put_action_revision", revision(actionRevision={}), invalid("3 validation errors detected")),
    ("put_action_revision", revision(pipelineName="full"), FULL),
    ("get_pipeline_state", of(name="none"), UNKNOWN_PIPELINE),
    ("get_pipeline_state", of(name=""), invalid("at 'name'")),
    ("enable_stage_transition", transition("none"), UNKNOWN_PIPELINE),
    ("enable_stage_transition", transition(stage="None"), UNKNOWN_STAGE),
    ("enable_stage_transition", transition(kind="Through"), invalid("at 'transitionType'")),
    ("disable_stage_transition", transition("none", reason="r"), UNKNOWN_PIPELINE),
    ("disable_stage_transition", transition(stage="None", reason="r"), UNKNOWN_STAGE),
    ("disable_stage_transition", transition(), invalid("Value null at 'reason'")),
    ("disable_stage_transition", transition(reason="a, b"), invalid("Value 'a, b' at 'reason' failed to satisfy constraint")),
    ("put_approval_result", approve(pipelineName="none"), UNKNOWN_PIPELINE),
    ("put_approval_result", approve(stageName="None", token=NOBODY), UNKNOWN_STAGE),
    ("put_approval_result", approve(actionName="None", token=NOBODY), UNKNOWN_ACTION),
    ("put_approval_result", approve(token=NOBODY), ("InvalidApprovalTokenException", 400, "already received a response or has expired")),
    ("put_approval_result", approve(token="x"), invalid("at 'token'")),
    ("put_approval_result", approve(result={"summary": "s" * 513, "status": "Approved"}), invalid("at 'result.summary'")),
    ("put_approval_result", approve(result={"summary": "", "status": "Perhaps"}), invalid("at 'result.status'")),
    ("list_action_executions", on("none"), UNKNOWN_PIPELINE),
    ("list_action_executions", on("done", filter={"pipelineExecutionId": NOBODY}), UNKNOWN_EXECUTION),
    ("list_action_executions", on("done", filter={"pipelineExecutionId": "{parallel}"}), UNKNOWN_EXECUTION),
    ("list_action_executions", on("done", filter=latest(NOBODY)), UNKNOWN_EXECUTION),
    ("list_action_executions", on("done", filter={"pipelineExecutionId": "{succeeded}", **latest(NOBODY)}), UNKNOWN_EXECUTION),
    ("list_action_executions", on("done", filter=latest("{succeeded}", "Some")), invalid("startTimeRange")),
    ("list_action_executions", on("done", nextToken=GARBAGE), BAD_TOKEN),
    ("list_action_executions", on("done", maxResults=0), invalid("at 'maxResults'")),
    ("list_rule_executions", on("none"), UNKNOWN_PIPELINE),
    ("list_rule_executions", on("done", filter={"pipelineExecutionId": NOBODY}), UNKNOWN_EXECUTION),
    ("list_rule_executions", on("done", filter=latest(NOBODY, "All")), UNKNOWN_EXECUTION),
    ("list_rule_executions", on("done", nextToken=GARBAGE), BAD_TOKEN),
    ("list_rule_executions", on("done", maxResults=101), invalid("at 'maxResults'")),
    ("list_deploy_action_execution_targets", on("none", actionExecutionId=NOBODY), UNKNOWN_PIPELINE),
    ("list_deploy_action_execution_targets", of(actionExecutionId=NOBODY), ("ActionExecutionNotFoundException", 400, "")),
    ("list_deploy_action_execution_targets", of(actionExecutionId="x"), ("ActionExecutionNotFoundException", 400, "")),
    ("list_deploy_action_execution_targets", on("done", actionExecutionId="{acted}"), ("ActionExecutionNotFoundException", 400, "")),
    ("list_deploy_action_execution_targets", of(actionExecutionId="{acted}", nextToken=GARBAGE), BAD_TOKEN),
    ("list_deploy_action_execution_targets", of(), invalid("Value null at 'actionExecutionId'")),
    ("poll_for_jobs", polled(provider="None"), UNKNOWN_TYPE),
    ("poll_for_jobs", polled(owner="AWS", provider="CodeBuild"), UNKNOWN_TYPE),
    ("poll_for_jobs", polled("Source", "ThirdParty", "GitHub"), UNKNOWN_TYPE),
    ("poll_for_jobs", polled(maxBatchSize=0), invalid("at 'maxBatchSize'")),
    ("poll_for_jobs", polled("Cook"), invalid("at 'actionTypeId.category'")),
    ("poll_for_jobs", polled(queryParam={"Other": "x"}), invalid("'Other' is not a queryable configuration property")),
    ("poll_for_jobs", polled(queryParam={"Name": "x", "Other": "x"}), invalid("at 'queryParam'")),
    ("acknowledge_job", of(jobId=NOBODY, nonce="1"), UNKNOWN_JOB),
    ("acknowledge_job", of(jobId="{polled}", nonce="none"), BAD_NONCE),
    ("acknowledge_job", of(jobId="{acknowledged}", nonce="{used}"), BAD_NONCE),
    ("acknowledge_job", of(jobId="{polled}", nonce="n" * 51), invalid("at 'nonce'")),
    ("acknowledge_job", of(jobId="x", nonce="1"), invalid("at 'jobId'")),
    ("get_job_details", of(jobId=NOBODY), UNKNOWN_JOB),
    ("get_job_details", of(jobId="x"), invalid("at 'jobId'")),
    ("put_job_success_result", of(jobId=NOBODY), UNKNOWN_JOB),
    ("put_job_success_result", of(jobId="{polled}"), BAD_STATE),
    ("put_job_success_result", of(jobId="{finished}"), BAD_STATE),
    ("put_job_success_result", of(jobId="{acknowledged}", outputVariables={"A": "v" * 123_000}), ("OutputVariablesSizeExceededException", 400, "total size limit")),
    ("put_job_success_result", of(jobId="{acknowledged}", executionDetails={"percentComplete": 101}), invalid("percentComplete")),
    ("put_job_success_result", of(jobId="{acknowledged}", continuationToken=""), invalid("at 'continuationToken'")),
    ("put_job_failure_result", failure(NOBODY), UNKNOWN_JOB),
    ("put_job_failure_result", failure("{polled}"), BAD_STATE),
    ("put_job_failure_result", failure("{finished}"), BAD_STATE),
    ("put_job_failure_result", failure("{acknowledged}", kind="Tired"), invalid("at 'failureDetails.type'")),
    ("put_job_failure_result", failure("{acknowledged}", message=""), invalid("at 'failureDetails.message'")),
    ("poll_for_third_party_jobs", polled(), UNKNOWN_TYPE),
    ("poll_for_third_party_jobs", polled(owner="ThirdParty", provider="None"), UNKNOWN_TYPE),
    ("poll_for_third_party_jobs", polled(owner="Nobody"), invalid("at 'actionTypeId.owner'")),
    ("acknowledge_third_party_job", of(jobId=NOBODY, nonce="1", clientToken="t"), UNKNOWN_JOB),
    ("acknowledge_third_party_job", of(jobId="{polled}", nonce="{nonce}", clientToken="t"), UNKNOWN_JOB),
    ("acknowledge_third_party_job", of(jobId="", nonce="1", clientToken="t"), invalid("at 'jobId'")),
    ("get_third_party_job_details", of(jobId="anything", clientToken="t"), UNKNOWN_JOB),
    ("get_third_party_job_details", of(jobId="x", clientToken=""), invalid("at 'clientToken'")),
    ("put_third_party_job_success_result", of(jobId=NOBODY, clientToken="t"), UNKNOWN_JOB),
    ("put_third_party_job_success_result", of(jobId=NOBODY), invalid("Value null at 'clientToken'")),
    ("put_third_party_job_failure_result", failure(NOBODY, clientToken="t"), UNKNOWN_JOB),
    ("put_third_party_job_failure_result", failure(NOBODY, kind="Tired", clientToken="t"), invalid("at 'failureDetails.type'")),
    ("put_webhook", hook(targetPipeline="none"), UNKNOWN_PIPELINE),
    ("put_webhook", hook(targetAction="Build"), invalid("source action with name 'Build'")),
    ("put_webhook", hook(filters=[{"jsonPath": "$["}]), ("InvalidWebhookFilterPatternException", 400, "'$['")),
    ("put_webhook", hook(filters=[{"jsonPath": "$.a"}] * 6), invalid("at 'webhook.filters'")),
    ("put_webhook", hook("GITHUB_HMAC"), PARAMETERS),
    ("put_webhook", hook("GITHUB_HMAC", {"SecretToken": "s", "AllowedIPRange": "10.0.0.0/8"}), PARAMETERS),
    ("put_webhook", hook("IP"), PARAMETERS),
    ("put_webhook", hook("IP", {"AllowedIPRange": "10.0.0.0/64"}), PARAMETERS),
    ("put_webhook", hook("UNAUTHENTICATED", {"SecretToken": "s"}), PARAMETERS),
    ("put_webhook", hook("PASSWORD"), invalid("at 'webhook.authentication'")),
    ("put_webhook", {**hook(), "tags": [{"key": "aws:k", "value": "v"}]}, ("InvalidTagsException", 400, "Not allowed to modify system tags")),
    ("put_webhook", {**hook(), "tags": [{"key": f"k{n}", "value": "v"} for n in range(51)]}, ("TooManyTagsException", 400, "Tag limit exceeded")),
    ("list_webhooks", of(NextToken=GARBAGE), BAD_TOKEN),
    ("list_webhooks", of(MaxResults=101), invalid("Value '101' at 'maxResults'")),
    ("delete_webhook", of(name="no name"), invalid("at 'name'")),
    ("register_webhook_with_third_party", of(webhookName="none"), UNKNOWN_WEBHOOK),
    ("register_webhook_with_third_party", of(), UNKNOWN_WEBHOOK),
    ("register_webhook_with_third_party", of(webhookName="hook"), invalid("add http://127.0.0.1:")),
    ("deregister_webhook_with_third_party", of(webhookName="none"), UNKNOWN_WEBHOOK),
    ("deregister_webhook_with_third_party", of(webhookName="no name"), invalid("at 'webhookName'")),
]


@pytest.mark.parametrize("operation", sorted({row[0] for row in ERRORS}))
def test_errors_are_those_of_aws(world, operation):
    wrong = []
    for name, request, (code, status, message) in ERRORS:
        if name != operation:
            continue
        try:
            answer = getattr(world.client, name)(**filled_in(world, request))
            told = ("success", 200, json.dumps(answer, default=str)[:200])
        except ClientError as error:
            response = error.response
            told = (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"])
        if told[:2] != (code, status) or message not in told[2]:
            wrong.append(f"{name} {request}\n  expected {code} {status} {message}\n  answered {told}")
    assert not wrong, "\n".join(wrong)


def test_an_approval_that_was_given_is_not_asked_for_again(world):
    with pytest.raises(ClientError) as caught:
        world.approve(world.given)
    assert caught.value.response["Error"]["Code"] in ("ApprovalAlreadyCompletedException", "InvalidApprovalTokenException")
    world.approve(world.open)
    with pytest.raises(ClientError) as caught:
        world.approve(world.open)
    assert caught.value.response["Error"]["Code"] == "ApprovalAlreadyCompletedException"


def test_a_page_token_is_good_for_its_own_request_and_account_only(world, request):
    client = world.client
    token = client.list_action_executions(pipelineName="done", maxResults=1)["nextToken"]
    for call in (
        lambda: client.list_action_executions(pipelineName="failed", nextToken=token),
        lambda: client.list_action_executions(pipelineName="done", filter={"pipelineExecutionId": world.succeeded}, nextToken=token),
        lambda: client.list_rule_executions(pipelineName="done", nextToken=token),
        lambda: client.list_pipeline_executions(pipelineName="done", nextToken=token),
        lambda: client.list_webhooks(NextToken=token),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "InvalidNextTokenException"
    page = client.list_action_executions(pipelineName="done", nextToken=token)
    assert len(page["actionExecutionDetails"]) == 4


def test_what_succeeded_in_a_stage_is_of_the_current_version(world):
    succeeded = {"succeededInStage": {"stageName": "Build"}}
    listed = world.client.list_pipeline_executions(pipelineName="done", filter=succeeded)
    assert [one["pipelineExecutionId"] for one in listed["pipelineExecutionSummaries"]] == [world.succeeded]
    assert len(world.client.list_pipeline_executions(pipelineName="done")["pipelineExecutionSummaries"]) == 3


def test_a_pipeline_that_is_deleted_and_created_again_has_other_tokens(world):
    name = fresh("again")
    declared, _ = world.create(name, stage("Build", world.built()))
    world.client.start_pipeline_execution(name=name)
    token = world.client.list_pipeline_executions(pipelineName=name, maxResults=1)["nextToken"]
    world.client.delete_pipeline(name=name)
    world.client.create_pipeline(pipeline=declared)
    with pytest.raises(ClientError) as caught:
        world.client.list_pipeline_executions(pipelineName=name, nextToken=token)
    assert caught.value.response["Error"]["Code"] == "InvalidNextTokenException"
    world.client.delete_pipeline(name=name)
