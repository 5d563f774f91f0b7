// Systems Manager by the AWS SDK for JavaScript v3, unmodified, against the server in TRACKWAY_ENDPOINT, which has
// two nodes tagged Fleet=TRACKWAY_FLEET.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  AssociationDoesNotExist,
  AutomationExecutionNotFoundException,
  CreateAssociationCommand,
  CreateDocumentCommand,
  DeleteAssociationCommand,
  DescribeAssociationCommand,
  DescribeAssociationExecutionTargetsCommand,
  DescribeAssociationExecutionsCommand,
  DescribeAutomationStepExecutionsCommand,
  DescribeDocumentCommand,
  GetAutomationExecutionCommand,
  GetCommandInvocationCommand,
  GetDocumentCommand,
  GetParameterCommand,
  InvalidDocument,
  PutParameterCommand,
  SSMClient,
  SendAutomationSignalCommand,
  SendCommandCommand,
  StartAssociationsOnceCommand,
  StartAutomationExecutionCommand,
  StopAutomationExecutionCommand,
  UpdateDocumentCommand,
  paginateDescribeAssociationExecutions,
  paginateDescribeAutomationExecutions,
  paginateDescribeAutomationStepExecutions,
  paginateDescribeInstanceInformation,
  paginateListCommandInvocations,
  paginateListDocumentVersions,
  waitUntilCommandExecuted,
} from "@aws-sdk/client-ssm";

const client = new SSMClient({
  endpoint: process.env.TRACKWAY_ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});
const fleet = process.env.TRACKWAY_FLEET;
const root = "arn:aws:iam::000000000000:root";
const fresh = (prefix) => `${prefix}-${randomUUID()}`;
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
  for await (const page of pages) found.push(...page[list]);
  return found;
}

async function nodes() {
  const Filters = [{ Key: "tag:Fleet", Values: [fleet] }];
  const found = await all(paginateDescribeInstanceInformation({ client, pageSize: 5 }, { Filters }), "InstanceInformationList");
  assert.equal(found.length, 2);
  assert.ok(found.every((one) => isNow(one.LastPingDateTime) && one.PingStatus === "Online"));
  return found.map((one) => one.InstanceId).sort();
}

async function runbook(mainSteps, fields = {}) {
  const Name = fresh("Js");
  const Content = JSON.stringify({ schemaVersion: "0.3", mainSteps, ...fields });
  await client.send(new CreateDocumentCommand({ Name, Content, DocumentType: "Automation", DocumentFormat: "JSON" }));
  return Name;
}

const sleep = (name, Duration = "PT0S") => ({ name, action: "aws:sleep", inputs: { Duration } });

function automation(AutomationExecutionId, status) {
  return eventually(async () => {
    const { AutomationExecution } = await client.send(new GetAutomationExecutionCommand({ AutomationExecutionId }));
    return AutomationExecution.AutomationExecutionStatus === status && AutomationExecution;
  }, `${AutomationExecutionId} is ${status}`);
}

test("a document is made, changed and read, and its dates are dates", async () => {
  const Name = fresh("Js");
  const content = (text) => JSON.stringify({
    schemaVersion: "2.2",
    mainSteps: [{ action: "aws:runShellScript", name: "s", inputs: { runCommand: [`echo ${text}`] } }],
  });
  const made = await client.send(new CreateDocumentCommand({ Name, Content: content("one"), DocumentType: "Command" }));
  assert.ok(isNow(made.DocumentDescription.CreatedDate));
  assert.deepEqual(made.DocumentDescription.PlatformTypes, ["Linux", "MacOS"]);
  await client.send(new UpdateDocumentCommand({ Name, Content: content("two"), DocumentVersion: "$LATEST" }));
  const versions = await all(paginateListDocumentVersions({ client, pageSize: 1 }, { Name }), "DocumentVersions");
  assert.deepEqual(versions.map((one) => one.DocumentVersion).sort(), ["1", "2"]);
  assert.ok(versions.every((one) => isNow(one.CreatedDate)));
  const read = await client.send(new GetDocumentCommand({ Name, DocumentVersion: "2" }));
  assert.equal(read.Content, content("two"));
  await assert.rejects(client.send(new DescribeDocumentCommand({ Name: "Nowhere" })), InvalidDocument);
});

test("a runbook runs, waits for an approval, and its steps come page by page", async () => {
  const ask = { name: "ask", action: "aws:approve", inputs: { Approvers: [root] } };
  const each = { name: "each", action: "aws:loop", inputs: { Iterators: ["x", "y"], IteratorDataType: "String", Steps: [sleep("in")] } };
  const DocumentName = await runbook([ask, each, sleep("last", "{{ Rest }}")], {
    parameters: { Rest: { type: "String", default: "PT0S" } },
  });
  const { AutomationExecutionId } = await client.send(new StartAutomationExecutionCommand({ DocumentName, Parameters: { Rest: ["PT0S"] } }));
  await automation(AutomationExecutionId, "Waiting");
  await client.send(new SendAutomationSignalCommand({ AutomationExecutionId, SignalType: "Approve", Payload: { Comment: ["yes"] } }));
  const done = await automation(AutomationExecutionId, "Success");
  assert.ok(isNow(done.ExecutionStartTime) && done.ExecutionEndTime >= done.ExecutionStartTime);
  assert.deepEqual(done.Parameters, { Rest: ["PT0S"] });
  assert.equal(done.StepExecutionsTruncated, false);
  const steps = await all(paginateDescribeAutomationStepExecutions({ client, pageSize: 2 }, { AutomationExecutionId }), "StepExecutions");
  assert.deepEqual(steps.map((one) => [one.StepName, one.StepStatus]), ["ask", "each", "in", "in", "last"].map((name) => [name, "Success"]));
  assert.deepEqual(steps, done.StepExecutions);
  for (const one of steps) {
    assert.ok(isNow(one.ExecutionStartTime) && one.ExecutionEndTime >= one.ExecutionStartTime, one.StepName);
  }
  assert.deepEqual(steps[0].Outputs.ApprovalStatus, ["Approved"]);
  assert.equal(steps[3].ParentStepDetails.Iteration, 2);
  const Filters = [{ Key: "Action", Values: ["aws:sleep"] }, { Key: "StepName", Values: ["in", "ask"] }];
  const some = await client.send(new DescribeAutomationStepExecutionsCommand({ AutomationExecutionId, Filters, ReverseOrder: true }));
  assert.deepEqual(some.StepExecutions.map((one) => one.StepExecutionId), [steps[3], steps[2]].map((one) => one.StepExecutionId));
});

test("executions are listed page by page, rate control's children among them", async () => {
  const DocumentName = await runbook([sleep("only", "{{ Rest }}")], { parameters: { Rest: { type: "String" } } });
  const { AutomationExecutionId } = await client.send(new StartAutomationExecutionCommand({
    DocumentName,
    TargetParameterName: "Rest",
    Targets: [{ Key: "ParameterValues", Values: ["PT0S", "PT0.1S", "PT1H"] }],
    MaxConcurrency: "100%",
    MaxErrors: "3",
  }));
  const listed = () => all(
    paginateDescribeAutomationExecutions({ client, pageSize: 1 }, { Filters: [{ Key: "ParentExecutionId", Values: [AutomationExecutionId] }] }),
    "AutomationExecutionMetadataList",
  );
  const children = await eventually(async () => {
    const found = await listed();
    return found.filter((one) => one.AutomationExecutionStatus === "Success").length === 2 && found.length === 3 && found;
  }, "two of three children succeed");
  assert.deepEqual(children.map((one) => one.Target).sort(), ["PT0.1S", "PT0S", "PT1H"]);
  assert.ok(children.every((one) => isNow(one.ExecutionStartTime) && one.ParentAutomationExecutionId === AutomationExecutionId));
  await client.send(new StopAutomationExecutionCommand({ AutomationExecutionId, Type: "Cancel" }));
  const ended = await automation(AutomationExecutionId, "Cancelled");
  assert.deepEqual([...ended.ResolvedTargets.ParameterValues].sort(), ["PT0.1S", "PT0S", "PT1H"]);
  assert.deepEqual((await listed()).map((one) => one.AutomationExecutionStatus).sort(), ["Cancelled", "Success", "Success"]);
});

test("an error is an instance of its class", async () => {
  await assert.rejects(client.send(new GetAutomationExecutionCommand({ AutomationExecutionId: randomUUID() })), (error) => {
    assert.ok(error instanceof AutomationExecutionNotFoundException);
    return error.$metadata.httpStatusCode === 400 && error.message.length > 0;
  });
  await assert.rejects(client.send(new DescribeAssociationCommand({ AssociationId: randomUUID() })), AssociationDoesNotExist);
});

test("a command runs on two nodes, and the waiter waits for each", async () => {
  const ids = await nodes();
  const { Command } = await client.send(new SendCommandCommand({
    DocumentName: "AWS-RunShellScript",
    Targets: [{ Key: "tag:Fleet", Values: [fleet] }],
    Parameters: { commands: ["echo from $(echo javascript)"] },
    TimeoutSeconds: 600,
  }));
  assert.ok(isNow(Command.RequestedDateTime) && Command.ExpiresAfter > Command.RequestedDateTime);
  for (const InstanceId of ids) {
    const waited = await waitUntilCommandExecuted({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { CommandId: Command.CommandId, InstanceId });
    assert.equal(waited.state, "SUCCESS");
    const got = await client.send(new GetCommandInvocationCommand({ CommandId: Command.CommandId, InstanceId }));
    assert.deepEqual([got.Status, got.ResponseCode, got.StandardOutputContent], ["Success", 0, "from javascript\n"]);
  }
  const invocations = await all(
    paginateListCommandInvocations({ client, pageSize: 1 }, { CommandId: Command.CommandId, Details: true }),
    "CommandInvocations",
  );
  assert.deepEqual(invocations.map((one) => one.InstanceId).sort(), ids);
  for (const one of invocations) {
    assert.ok(isNow(one.RequestedDateTime));
    assert.ok(isNow(one.CommandPlugins[0].ResponseStartDateTime) && isNow(one.CommandPlugins[0].ResponseFinishDateTime));
  }
  const failing = await client.send(new SendCommandCommand({
    DocumentName: "AWS-RunShellScript", InstanceIds: ids.slice(0, 1), Parameters: { commands: ["exit 4"] },
  }));
  await assert.rejects(
    waitUntilCommandExecuted(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { CommandId: failing.Command.CommandId, InstanceId: ids[0] },
    ),
    /FAILURE/,
  );
});

test("an association runs on both nodes, and every list of it is paged", async () => {
  const ids = await nodes();
  const { AssociationDescription } = await client.send(new CreateAssociationCommand({
    Name: "AWS-RunShellScript",
    AssociationName: fresh("js"),
    Parameters: { commands: ["true"] },
    Targets: [{ Key: "tag:Fleet", Values: [fleet] }],
    ScheduleExpression: "rate(1 day)",
  }));
  assert.ok(isNow(AssociationDescription.Date) && isNow(AssociationDescription.LastUpdateAssociationDate));
  const { AssociationId } = AssociationDescription;
  const executions = () => all(paginateDescribeAssociationExecutions({ client, pageSize: 1 }, { AssociationId }), "AssociationExecutions");
  const settled = (count) => eventually(async () => {
    const found = await executions();
    return found.length === count && found.every((one) => one.Status === "Success") && found;
  }, `${count} executions succeed`);
  await settled(1);
  await client.send(new StartAssociationsOnceCommand({ AssociationIds: [AssociationId] }));
  const found = await settled(2);
  assert.ok(found.every((one) => isNow(one.CreatedTime) && isNow(one.LastExecutionDate)), JSON.stringify(found));
  assert.ok(found.every((one) => one.ResourceCountByStatus === "{Success=2}"));
  const CreatedTime = new Date(Date.now() - 3_600_000).toISOString();
  const recent = await client.send(new DescribeAssociationExecutionsCommand({
    AssociationId, Filters: [{ Key: "CreatedTime", Value: CreatedTime, Type: "LESS_THAN" }],
  }));
  assert.deepEqual(recent.AssociationExecutions, []);
  const { ExecutionId } = found[0];
  const { AssociationExecutionTargets } = await client.send(new DescribeAssociationExecutionTargetsCommand({ AssociationId, ExecutionId }));
  assert.deepEqual(AssociationExecutionTargets.map((one) => one.ResourceId).sort(), ids);
  assert.ok(AssociationExecutionTargets.every((one) => isNow(one.LastExecutionDate)));
  const described = await client.send(new DescribeAssociationCommand({ AssociationId }));
  assert.ok(isNow(described.AssociationDescription.LastExecutionDate));
  assert.ok(isNow(described.AssociationDescription.LastSuccessfulExecutionDate));
  assert.deepEqual(described.AssociationDescription.Overview.AssociationStatusAggregatedCount, { Success: 2 });
  await client.send(new DeleteAssociationCommand({ AssociationId }));
});

test("a parameter keeps its value, and its date is a date", async () => {
  const Name = `/${fresh("js")}`;
  await client.send(new PutParameterCommand({ Name, Value: "v", Type: "String" }));
  const { Parameter } = await client.send(new GetParameterCommand({ Name }));
  assert.deepEqual([Parameter.Value, Parameter.Version, Parameter.DataType], ["v", 1, "text"]);
  assert.ok(isNow(Parameter.LastModifiedDate));
});
