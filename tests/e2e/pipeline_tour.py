"""One call of every operation of CodePipeline, for any client that can make calls by name."""

from harness import eventually, fresh
from pipelines import action, approval, pipeline, s3_source, stage, type_id

# What the tour needs of the server: a source without a bucket, and third parties' jobs for workers.
CONFIG = """
[pipeline]
poll_seconds = 3600
workers = ["Source/GitHub"]

[pipeline.buckets]
"source-bucket" = "source"
"""
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
CLIENT_ID = "11111111-2222-4333-8444-555555555555"


class Tour:
    """Calls everything; `call(operation, **input)` answers as boto3 does, but for times."""

    def __init__(self, call, refused):
        """`refused` are the errors that `call` may raise."""
        self.call, self.refused = call, refused
        self.name, self.provider = fresh("tour"), fresh("Tour")[:35]
        self.type = type_id("Build", self.provider, "Custom")

    def all(self):
        self.types()
        self.pipelines()
        self.jobs()
        self.approvals_and_transitions()
        self.history()
        self.again()
        self.third_party()
        self.webhooks()
        self.goodbye()

    def until(self, look, what):
        return eventually(look, what, patience=40)

    def types(self):
        call = self.call
        made = call(
            "CreateCustomActionType", category="Build", provider=self.provider, version="1",
            inputArtifactDetails={"minimumCount": 0, "maximumCount": 1},
            outputArtifactDetails={"minimumCount": 0, "maximumCount": 1},
            configurationProperties=[
                {"name": "Project", "required": True, "key": True, "secret": False, "queryable": True, "type": "String"}
            ],
            settings={"entityUrlTemplate": "https://example.com/{Config:Project}"},
        )  # fmt: skip
        assert made["actionType"]["id"] == self.type
        listed = call("ListActionTypes", actionOwnerFilter="Custom")["actionTypes"]
        assert self.type in [one["id"] for one in listed]
        rules = call("ListRuleTypes", ruleOwnerFilter="AWS")["ruleTypes"]
        assert "VariableCheck" in [one["id"]["provider"] for one in rules]
        hub = type_id("Source", "GitHub", "ThirdParty")
        got = call("GetActionType", **hub)["actionType"]
        assert got["id"] == hub
        call("UpdateActionType", actionType=got | {"description": "Sources on tour"})
        assert call("GetActionType", **hub)["actionType"]["description"] == "Sources on tour"

    def work(self, name="Work", **fields):
        return action(
            name, "Build", self.provider, "Custom", inputs=["Source"], configuration={"Project": "one"}, **fields
        )

    def declared(self):
        unmet = {"name": "never", "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"}}
        unmet["configuration"] = {"Variable": "#{variables.GO}", "Operator": "EQ", "Value": "yes"}
        gate = {"conditions": [{"result": "FAIL", "rules": [unmet]}]}
        return pipeline(
            self.name, stage("Source", s3_source()), stage("Build", self.work()), stage("Ask", approval()),
            stage("End", self.work(), beforeEntry=gate), variables=[{"name": "GO", "defaultValue": "no"}],
        )  # fmt: skip

    def pipelines(self):
        call = self.call
        made = call("CreatePipeline", pipeline=self.declared(), tags=[{"key": "stage", "value": "test"}])
        assert made["pipeline"]["version"] == 1
        got = call("GetPipeline", name=self.name)
        self.arn = got["metadata"]["pipelineArn"]
        assert got["pipeline"] == made["pipeline"]
        assert call("UpdatePipeline", pipeline=got["pipeline"])["pipeline"]["version"] == 2
        assert self.name in [one["name"] for one in call("ListPipelines")["pipelines"]]
        call("TagResource", resourceArn=self.arn, tags=[{"key": "more", "value": "yes"}])
        call("UntagResource", resourceArn=self.arn, tagKeys=["stage"])
        assert call("ListTagsForResource", resourceArn=self.arn)["tags"] == [{"key": "more", "value": "yes"}]

    def poll(self, operation="PollForJobs", type=None):
        def look():
            jobs = self.call(operation, actionTypeId=type or self.type, maxBatchSize=1)["jobs"]
            return jobs[0] if jobs else None

        return self.until(look, operation)

    def jobs(self):
        call = self.call
        self.first = call("ListPipelineExecutions", pipelineName=self.name)["pipelineExecutionSummaries"][0]["pipelineExecutionId"]
        job = self.poll()
        assert call("AcknowledgeJob", jobId=job["id"], nonce=job["nonce"])["status"] == "InProgress"
        assert call("GetJobDetails", jobId=job["id"])["jobDetails"]["data"]["actionTypeId"] == self.type
        call("PutJobFailureResult", jobId=job["id"], failureDetails={"type": "JobFailed", "message": "not yet"})
        self.until(lambda: self.status(self.first) == "Failed", "a failed execution")
        again = call(
            "RetryStageExecution", pipelineName=self.name, stageName="Build", pipelineExecutionId=self.first,
            retryMode="FAILED_ACTIONS",
        )  # fmt: skip
        assert again["pipelineExecutionId"] == self.first
        self.succeed()

    def succeed(self):
        job = self.poll()
        self.call("AcknowledgeJob", jobId=job["id"], nonce=job["nonce"])
        self.call("PutJobSuccessResult", jobId=job["id"], executionDetails={"summary": "done", "percentComplete": 100})

    def status(self, execution):
        got = self.call("GetPipelineExecution", pipelineName=self.name, pipelineExecutionId=execution)
        return got["pipelineExecution"]["status"]

    def approvals_and_transitions(self):
        call = self.call
        gate = {"pipelineName": self.name, "stageName": "End", "transitionType": "Inbound"}
        call("DisableStageTransition", **gate, reason="not now")

        def token():
            ask = call("GetPipelineState", name=self.name)["stageStates"][2]["actionStates"][0]
            return ask.get("latestExecution", {}).get("token")

        call(
            "PutApprovalResult", pipelineName=self.name, stageName="Ask", actionName="Approve",
            token=self.until(token, "a token"), result={"summary": "ok", "status": "Approved"},
        )  # fmt: skip
        self.until(lambda: "inboundExecution" in call("GetPipelineState", name=self.name)["stageStates"][3], "it waits")
        call("EnableStageTransition", **gate)
        self.until(lambda: self.status(self.first) == "Failed", "the condition does not hold")
        call(
            "OverrideStageCondition", pipelineName=self.name, stageName="End", pipelineExecutionId=self.first,
            conditionType="BEFORE_ENTRY",
        )  # fmt: skip
        self.succeed()
        self.until(lambda: self.status(self.first) == "Succeeded", "the condition is overridden")

    def history(self):
        call = self.call
        only = {"pipelineExecutionId": self.first}
        listed = call("ListActionExecutions", pipelineName=self.name, filter=only)["actionExecutionDetails"]
        assert [one["stageName"] for one in listed] == ["End", "Ask", "Build", "Build", "Source"]
        rules = call("ListRuleExecutions", pipelineName=self.name, filter=only)["ruleExecutionDetails"]
        assert [one["ruleName"] for one in rules] == ["never"]
        found = call("ListDeployActionExecutionTargets", pipelineName=self.name, actionExecutionId=listed[0]["actionExecutionId"])
        assert found["targets"] == []

    def again(self):
        call = self.call
        second = call("StartPipelineExecution", name=self.name, variables=[{"name": "GO", "value": "yes"}])["pipelineExecutionId"]
        self.succeed()
        stopped = call("StopPipelineExecution", pipelineName=self.name, pipelineExecutionId=second, abandon=True)
        assert stopped["pipelineExecutionId"] == second
        self.until(lambda: self.status(second) == "Stopped", "a stopped execution")
        # What creation started ran version 1, which is not the current one.
        try:
            call("RollbackStage", pipelineName=self.name, stageName="Build", targetPipelineExecutionId=self.first)
        except self.refused as error:
            assert "PipelineExecutionOutdatedException" in str(error), error
        put = call(
            "PutActionRevision", pipelineName=self.name, stageName="Source", actionName="Source",
            actionRevision={"revisionId": "r1", "revisionChangeId": "c1", "created": 1700000000},
        )  # fmt: skip
        assert put["newRevision"] is True
        # A folder has no version of that name.
        self.until(lambda: self.status(put["pipelineExecutionId"]) == "Failed", "a revision that is not there")

    def third_party(self):
        call = self.call
        source = action(
            "Hub", "Source", "GitHub", "ThirdParty", outputs=["Source"],
            configuration={"Owner": "acme", "Repo": "site", "Branch": "main", "OAuthToken": "secret"},
        )  # fmt: skip
        name = fresh("tour")
        call("CreatePipeline", pipeline=pipeline(name, stage("Source", source), stage("Build", self.work())))
        hub = type_id("Source", "GitHub", "ThirdParty")
        for outcome in ("Failure", "Success"):
            job = self.poll("PollForThirdPartyJobs", hub)
            token = {"jobId": job["jobId"], "clientToken": job["clientId"]}
            details = call("GetThirdPartyJobDetails", **token)["jobDetails"]
            assert details["data"]["actionTypeId"] == hub
            call("AcknowledgeThirdPartyJob", **token, nonce=details["nonce"])
            if outcome == "Failure":
                call("PutThirdPartyJobFailureResult", **token, failureDetails={"type": "JobFailed", "message": "no"})
                failed = lambda: call("ListPipelineExecutions", pipelineName=name)["pipelineExecutionSummaries"][0]  # noqa: E731
                id = self.until(lambda: failed()["status"] == "Failed" and failed()["pipelineExecutionId"], "it fails")
                call("RetryStageExecution", pipelineName=name, stageName="Source", pipelineExecutionId=id, retryMode="ALL_ACTIONS")
            else:
                revision = {"revision": "abc", "changeIdentifier": "c"}
                call("PutThirdPartyJobSuccessResult", **token, currentRevision=revision)
        self.poll()
        call("DeletePipeline", name=name)

    def webhooks(self):
        call = self.call
        name = fresh("hook")
        put = call(
            "PutWebhook",
            webhook={
                "name": name, "targetPipeline": self.name, "targetAction": "Source", "authentication": "UNAUTHENTICATED",
                "authenticationConfiguration": {}, "filters": [{"jsonPath": "$.ref", "matchEquals": "refs/heads/main"}],
            },
        )["webhook"]  # fmt: skip
        assert put["definition"]["name"] == name and "/trigger?t=" in put["url"]
        assert name in [one["definition"]["name"] for one in call("ListWebhooks")["webhooks"]]
        for operation in ("RegisterWebhookWithThirdParty", "DeregisterWebhookWithThirdParty"):
            try:
                call(operation, webhookName=name)
            except self.refused as error:
                assert operation.startswith("Register"), error
        call("DeleteWebhook", name=name)

    def goodbye(self):
        self.call("DeletePipeline", name=self.name)
        self.call("DeleteCustomActionType", category="Build", provider=self.provider, version="1")
