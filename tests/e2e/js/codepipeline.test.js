// CodePipeline by the AWS SDK for JavaScript v3, unmodified, against the server in TRACKWAY_ENDPOINT, on which the
// bucket "source-bucket" has an object "source.zip".
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  AcknowledgeJobCommand,
  ApprovalAlreadyCompletedException,
  CodePipelineClient,
  CreateCustomActionTypeCommand,
  CreatePipelineCommand,
  DeletePipelineCommand,
  DisableStageTransitionCommand,
  EnableStageTransitionCommand,
  GetPipelineCommand,
  GetPipelineExecutionCommand,
  GetPipelineStateCommand,
  InvalidNonceException,
  InvalidStructureException,
  ListTagsForResourceCommand,
  PipelineNotFoundException,
  PollForJobsCommand,
  PutApprovalResultCommand,
  PutJobFailureResultCommand,
  PutJobSuccessResultCommand,
  RetryStageExecutionCommand,
  RollbackStageCommand,
  StartPipelineExecutionCommand,
  StopPipelineExecutionCommand,
  UpdatePipelineCommand,
  paginateListActionExecutions,
  paginateListActionTypes,
  paginateListPipelineExecutions,
  paginateListPipelines,
  paginateListRuleExecutions,
} from "@aws-sdk/client-codepipeline";

const client = new CodePipelineClient({
  endpoint: process.env.TRACKWAY_ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});
const fresh = (prefix) => `${prefix}-${randomUUID().slice(0, 8)}`;
const isNow = (date) => date instanceof Date && Math.abs(date - Date.now()) < 60_000;

async function eventually(look, what) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function all(pages, list) {
  const found = [];
  for await (const page of pages) found.push(...(page[list] ?? []));
  return found;
}

const typeId = (category, owner, provider) => ({ category, owner, provider, version: "1" });
const source = {
  name: "Get",
  actionTypeId: typeId("Source", "AWS", "S3"),
  configuration: { S3Bucket: "source-bucket", S3ObjectKey: "source.zip", PollForSourceChanges: "false" },
  outputArtifacts: [{ name: "Code" }],
};
const approval = { name: "Ask", runOrder: 2, actionTypeId: typeId("Approval", "AWS", "Manual") };

async function worker() {
  const provider = fresh("Js");
  const details = { minimumCount: 0, maximumCount: 5 };
  await client.send(
    new CreateCustomActionTypeCommand({
      category: "Test",
      provider,
      version: "1",
      inputArtifactDetails: details,
      outputArtifactDetails: details,
    }),
  );
  return provider;
}

function declared(name, provider, more = {}) {
  const work = { name: "Work", actionTypeId: typeId("Test", "Custom", provider), inputArtifacts: [{ name: "Code" }] };
  return {
    name,
    roleArn: "arn:aws:iam::000000000000:role/pipeline",
    pipelineType: "V2",
    executionMode: "QUEUED",
    artifactStore: { type: "S3", location: "artifacts" },
    stages: [
      { name: "Source", actions: [source] },
      { name: "Test", actions: [{ ...work, namespace: "T" }, approval] },
    ],
    ...more,
  };
}

async function take(provider) {
  const actionTypeId = typeId("Test", "Custom", provider);
  const job = await eventually(async () => {
    const { jobs } = await client.send(new PollForJobsCommand({ actionTypeId, maxBatchSize: 1 }));
    return jobs[0];
  }, "a job");
  await assert.rejects(
    client.send(new AcknowledgeJobCommand({ jobId: job.id, nonce: "no" })),
    InvalidNonceException,
  );
  const { status } = await client.send(new AcknowledgeJobCommand({ jobId: job.id, nonce: job.nonce }));
  assert.equal(status, "InProgress");
  return job;
}

async function is(pipelineName, pipelineExecutionId, status) {
  return eventually(async () => {
    const got = await client.send(new GetPipelineExecutionCommand({ pipelineName, pipelineExecutionId }));
    return got.pipelineExecution.status === status && got.pipelineExecution;
  }, status);
}

async function approve(name) {
  const token = await eventually(async () => {
    const state = await client.send(new GetPipelineStateCommand({ name }));
    return state.stageStates[1].actionStates[1].latestExecution?.token;
  }, "a token");
  const put = new PutApprovalResultCommand({
    pipelineName: name,
    stageName: "Test",
    actionName: "Ask",
    token,
    result: { summary: "fine", status: "Approved" },
  });
  const { approvedAt } = await client.send(put);
  assert.ok(isNow(approvedAt), `${approvedAt}`);
  await assert.rejects(client.send(put), ApprovalAlreadyCompletedException);
}

test("a pipeline is made, run, retried, rolled back and listed", async () => {
  const [name, provider] = [fresh("js"), await worker()];
  const tags = [{ key: "a", value: "b" }];
  const { pipeline } = await client.send(new CreatePipelineCommand({ pipeline: declared(name, provider), tags }));
  assert.equal(pipeline.version, 1);
  const got = await client.send(new GetPipelineCommand({ name }));
  assert.deepEqual(got.pipeline, pipeline);
  assert.ok(isNow(got.metadata.created) && isNow(got.metadata.updated));
  const resourceArn = got.metadata.pipelineArn;
  assert.deepEqual((await client.send(new ListTagsForResourceCommand({ resourceArn }))).tags, tags);
  const names = (await all(paginateListPipelines({ client }, {}), "pipelines")).map((one) => one.name);
  assert.ok(names.includes(name));

  const [first] = await all(paginateListPipelineExecutions({ client }, { pipelineName: name }), "pipelineExecutionSummaries");
  const id = first.pipelineExecutionId;
  const failed = await take(provider);
  const failureDetails = { type: "JobFailed", message: "no" };
  await client.send(new PutJobFailureResultCommand({ jobId: failed.id, failureDetails }));
  await is(name, id, "Failed");
  const retry = { pipelineName: name, stageName: "Test", pipelineExecutionId: id, retryMode: "FAILED_ACTIONS" };
  assert.equal((await client.send(new RetryStageExecutionCommand(retry))).pipelineExecutionId, id);
  const job = await take(provider);
  await client.send(new PutJobSuccessResultCommand({ jobId: job.id, outputVariables: { Answer: "42" } }));
  await approve(name);
  const ended = await is(name, id, "Succeeded");
  assert.equal(ended.trigger.triggerType, "CreatePipeline");

  const pages = paginateListActionExecutions({ client, pageSize: 1 }, { pipelineName: name, filter: { pipelineExecutionId: id } });
  const actions = await all(pages, "actionExecutionDetails");
  assert.deepEqual(
    actions.map((one) => [one.actionName, one.status]),
    [["Ask", "Succeeded"], ["Work", "Succeeded"], ["Work", "Failed"], ["Get", "Succeeded"]],
  );
  assert.ok(actions.every((one) => isNow(one.startTime) && isNow(one.lastUpdateTime)));
  assert.deepEqual(actions[1].output.outputVariables, { Answer: "42" });
  assert.equal(actions[2].output.executionResult.errorDetails.message, "no");
  assert.equal(actions[3].output.outputArtifacts[0].s3location.bucket, "artifacts");

  const back = new RollbackStageCommand({ pipelineName: name, stageName: "Test", targetPipelineExecutionId: id });
  const { pipelineExecutionId: rollback } = await client.send(back);
  const again = await take(provider);
  assert.deepEqual(again.data.inputArtifacts, job.data.inputArtifacts);
  await client.send(new PutJobSuccessResultCommand({ jobId: again.id }));
  await approve(name);
  assert.equal((await is(name, rollback, "Succeeded")).executionType, "ROLLBACK");
  assert.deepEqual(await all(paginateListRuleExecutions({ client }, { pipelineName: name }), "ruleExecutionDetails"), []);
  await client.send(new DeletePipelineCommand({ name }));
  await assert.rejects(client.send(new GetPipelineStateCommand({ name })), PipelineNotFoundException);
});

test("executions wait for a stage, and are stopped", async () => {
  const [name, provider] = [fresh("js"), await worker()];
  await client.send(new CreatePipelineCommand({ pipeline: declared(name, provider) }));
  const job = await take(provider);
  const clientRequestToken = randomUUID();
  const start = new StartPipelineExecutionCommand({ name, clientRequestToken });
  const { pipelineExecutionId } = await client.send(start);
  assert.equal((await client.send(start)).pipelineExecutionId, pipelineExecutionId);
  const stage = async () => (await client.send(new GetPipelineStateCommand({ name }))).stageStates[1];
  const waits = await eventually(async () => (await stage()).inboundExecutions?.[0], "it waits");
  assert.deepEqual(waits, { pipelineExecutionId, status: "InProgress", type: "STANDARD" });
  await client.send(new StopPipelineExecutionCommand({ pipelineName: name, pipelineExecutionId, reason: "enough" }));
  await is(name, pipelineExecutionId, "Stopped");
  const gate = { pipelineName: name, stageName: "Test", transitionType: "Inbound" };
  await client.send(new DisableStageTransitionCommand({ ...gate, reason: "closed" }));
  const { inboundTransitionState } = await stage();
  assert.ok(!inboundTransitionState.enabled && isNow(inboundTransitionState.lastChangedAt));
  await client.send(new EnableStageTransitionCommand(gate));
  await client.send(new PutJobSuccessResultCommand({ jobId: job.id }));
  const { pipeline } = await client.send(new UpdatePipelineCommand({ pipeline: declared(name, provider) }));
  assert.equal(pipeline.version, 2);
});

test("what is wrong is refused by its error", async () => {
  const [name, provider] = [fresh("js"), await worker()];
  const one = declared(name, provider);
  const short = { ...one, stages: one.stages.slice(0, 1) };
  await assert.rejects(client.send(new CreatePipelineCommand({ pipeline: short })), InvalidStructureException);
  const types = await all(paginateListActionTypes({ client }, { actionOwnerFilter: "Custom" }), "actionTypes");
  assert.ok(types.some((type) => type.id.provider === provider));
});
