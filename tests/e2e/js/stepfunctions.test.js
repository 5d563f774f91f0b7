// The AWS SDK for JavaScript v3, unmodified, against the server in TRACKWAY_ENDPOINT.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  CreateActivityCommand,
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetActivityTaskCommand,
  GetExecutionHistoryCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  StateMachineDoesNotExist,
  paginateListExecutions,
} from "@aws-sdk/client-sfn";

const client = new SFNClient({
  endpoint: process.env.TRACKWAY_ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  disableHostPrefix: true,
  maxAttempts: 1,
});
const roleArn = "arn:aws:iam::000000000000:role/test";
const fresh = (prefix) => `${prefix}-${randomUUID()}`;

async function create(states, fields = {}) {
  const definition = JSON.stringify({ StartAt: Object.keys(states)[0], States: states });
  const created = await client.send(new CreateStateMachineCommand({ name: fresh("js"), definition, roleArn, ...fields }));
  return created.stateMachineArn;
}

async function ended(executionArn) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const execution = await client.send(new DescribeExecutionCommand({ executionArn }));
    if (execution.status !== "RUNNING") return execution;
    assert.ok(Date.now() < deadline, `${executionArn} does not end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("an execution runs, its dates are dates and its history is whole", async () => {
  const stateMachineArn = await create({ P: { Type: "Pass", Result: { a: 1 }, End: true } });
  const { executionArn, startDate } = await client.send(new StartExecutionCommand({ stateMachineArn }));
  assert.ok(startDate instanceof Date && Math.abs(startDate - Date.now()) < 60_000);
  const execution = await ended(executionArn);
  assert.equal(execution.status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(execution.output), { a: 1 });
  assert.ok(execution.stopDate >= startDate);
  const { events } = await client.send(new GetExecutionHistoryCommand({ executionArn }));
  assert.deepEqual(
    events.map((event) => event.type),
    ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"],
  );
  assert.ok(events.every((event) => event.timestamp instanceof Date));
});

test("an error is an instance of its class", async () => {
  const stateMachineArn = "arn:aws:states:us-east-1:000000000000:stateMachine:nowhere";
  await assert.rejects(client.send(new DescribeStateMachineCommand({ stateMachineArn })), (error) => {
    assert.ok(error instanceof StateMachineDoesNotExist);
    assert.equal(error.message, `State Machine Does Not Exist: '${stateMachineArn}'`);
    return true;
  });
});

test("a synchronous execution answers with its output", async () => {
  const stateMachineArn = await create({ P: { Type: "Pass", End: true } }, { type: "EXPRESS" });
  const answer = await client.send(new StartSyncExecutionCommand({ stateMachineArn, input: '{"b":2}' }));
  assert.equal(answer.status, "SUCCEEDED");
  assert.deepEqual(JSON.parse(answer.output), { b: 2 });
});

test("pages of a list join", async () => {
  const stateMachineArn = await create({ P: { Type: "Pass", End: true } });
  for (let n = 0; n < 5; n++) await client.send(new StartExecutionCommand({ stateMachineArn }));
  let count = 0;
  for await (const page of paginateListExecutions({ client, pageSize: 2 }, { stateMachineArn })) {
    count += page.executions.length;
  }
  assert.equal(count, 5);
});

test("a worker takes a task", async () => {
  const { activityArn } = await client.send(new CreateActivityCommand({ name: fresh("js") }));
  const stateMachineArn = await create({ Ask: { Type: "Task", Resource: activityArn, End: true } });
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn, input: '{"n":1}' }));
  const task = await client.send(new GetActivityTaskCommand({ activityArn }));
  await client.send(new SendTaskSuccessCommand({ taskToken: task.taskToken, output: task.input }));
  assert.deepEqual(JSON.parse((await ended(executionArn)).output), { n: 1 });
});
