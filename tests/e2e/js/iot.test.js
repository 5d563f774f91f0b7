// IoT by the AWS SDK for JavaScript v3, unmodified, against the server in TRACKWAY_ENDPOINT.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CertificateStateException,
  CreateKeysAndCertificateCommand,
  CreateMitigationActionCommand,
  CreatePolicyCommand,
  CreateThingCommand,
  CreateThingGroupCommand,
  DeleteCertificateCommand,
  DescribeAuditFindingCommand,
  DescribeAuditMitigationActionsTaskCommand,
  DescribeAuditTaskCommand,
  DescribeCertificateCommand,
  DescribeThingCommand,
  GetPolicyCommand,
  InvalidRequestException,
  IoTClient,
  ListPrincipalThingsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  StartAuditMitigationActionsTaskCommand,
  StartOnDemandAuditTaskCommand,
  TaskAlreadyExistsException,
  UpdateAccountAuditConfigurationCommand,
  paginateListAuditFindings,
  paginateListAuditMitigationActionsExecutions,
  paginateListAuditMitigationActionsTasks,
  paginateListPolicies,
  paginateListThings,
} from "@aws-sdk/client-iot";

const client = new IoTClient({
  endpoint: process.env.TRACKWAY_ENDPOINT,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});
const fresh = (prefix) => `${prefix}-${randomUUID().slice(0, 8)}`;
const isNow = (date) => date instanceof Date && Math.abs(date - Date.now()) < 60_000;
const call = (command) => client.send(command);

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

const broad = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "iot:*", Resource: "*" }],
});
const role = "arn:aws:iam::000000000000:role/defender";

test("a policy that allows everything is found, blanked and found no more", async () => {
  const names = [fresh("policy"), fresh("policy")];
  for (const policyName of names) await call(new CreatePolicyCommand({ policyName, policyDocument: broad }));
  const check = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK";
  await call(new UpdateAccountAuditConfigurationCommand({ roleArn: role, auditCheckConfigurations: { [check]: { enabled: true } } }));
  const audit = async () => {
    const { taskId } = await call(new StartOnDemandAuditTaskCommand({ targetCheckNames: [check] }));
    return eventually(async () => {
      const seen = await call(new DescribeAuditTaskCommand({ taskId }));
      return seen.taskStatus === "COMPLETED" && { ...seen, taskId };
    }, "the audit ends");
  };
  const first = await audit();
  assert.ok(isNow(first.taskStartTime));
  assert.equal(first.auditDetails[check].checkRunStatus, "COMPLETED_NON_COMPLIANT");
  const findings = await all(paginateListAuditFindings({ client, pageSize: 1 }, { taskId: first.taskId }), "findings");
  const found = findings.map((one) => one.nonCompliantResource.resourceIdentifier.policyVersionIdentifier.policyName);
  assert.deepEqual(found.sort(), names.sort());
  const { finding } = await call(new DescribeAuditFindingCommand({ findingId: findings[0].findingId }));
  assert.deepEqual(finding, findings[0]);

  const [actionName, taskId, clientRequestToken] = [fresh("blank"), fresh("task"), randomUUID()];
  const actionParams = { replaceDefaultPolicyVersionParams: { templateName: "BLANK_POLICY" } };
  await call(new CreateMitigationActionCommand({ actionName, roleArn: role, actionParams }));
  const start = { taskId, target: { auditTaskId: first.taskId }, auditCheckToActionsMapping: { [check]: [actionName] } };
  const token = { clientRequestToken };
  assert.equal((await call(new StartAuditMitigationActionsTaskCommand({ ...start, ...token }))).taskId, taskId);
  assert.equal((await call(new StartAuditMitigationActionsTaskCommand({ ...start, ...token }))).taskId, taskId);
  await assert.rejects(call(new StartAuditMitigationActionsTaskCommand(start)), TaskAlreadyExistsException);
  const ended = await eventually(async () => {
    const seen = await call(new DescribeAuditMitigationActionsTaskCommand({ taskId }));
    return seen.taskStatus !== "IN_PROGRESS" && seen;
  }, "the task ends");
  assert.equal(ended.taskStatus, "COMPLETED");
  assert.ok(isNow(ended.startTime) && isNow(ended.endTime));
  for (const { findingId } of findings) {
    const pages = paginateListAuditMitigationActionsExecutions({ client }, { taskId, findingId });
    const [execution, ...more] = await all(pages, "actionsExecutions");
    assert.deepEqual([execution.actionName, execution.status, more], [actionName, "COMPLETED", []]);
    assert.ok(isNow(execution.startTime) && isNow(execution.endTime));
  }
  const between = { startTime: new Date(Date.now() - 60_000), endTime: new Date(Date.now() + 60_000) };
  const tasks = await all(paginateListAuditMitigationActionsTasks({ client }, between), "tasks");
  assert.ok(tasks.some((task) => task.taskId === taskId && task.taskStatus === "COMPLETED"));
  for (const policyName of names) {
    assert.equal((await call(new GetPolicyCommand({ policyName }))).defaultVersionId, "2");
  }
  assert.equal((await audit()).auditDetails[check].checkRunStatus, "COMPLETED_COMPLIANT");
});

test("things, certificates and policies belong together", async () => {
  const [thingName, policyName] = [fresh("thing"), fresh("policy")];
  const { thingArn } = await call(new CreateThingCommand({ thingName, attributePayload: { attributes: { a: "b" } } }));
  const made = await call(new CreateKeysAndCertificateCommand({ setAsActive: true }));
  assert.ok(made.keyPair.PublicKey.startsWith("-----BEGIN PUBLIC KEY-----"));
  await call(new AttachThingPrincipalCommand({ thingName, principal: made.certificateArn }));
  assert.deepEqual((await call(new ListPrincipalThingsCommand({ principal: made.certificateArn }))).things, [thingName]);
  await call(new CreatePolicyCommand({ policyName, policyDocument: broad }));
  await call(new AttachPolicyCommand({ policyName, target: made.certificateArn }));
  const { certificateDescription } = await call(new DescribeCertificateCommand({ certificateId: made.certificateId }));
  assert.ok(isNow(certificateDescription.creationDate));
  assert.ok(certificateDescription.validity.notAfter > new Date());
  const things = await all(paginateListThings({ client, pageSize: 1 }, { attributeName: "a", attributeValue: "b" }), "things");
  assert.deepEqual(things.map((thing) => thing.thingArn), [thingArn]);
  const policies = await all(paginateListPolicies({ client, pageSize: 1 }, {}), "policies");
  assert.ok(policies.some((policy) => policy.policyName === policyName));
  const active = call(new DeleteCertificateCommand({ certificateId: made.certificateId }));
  await assert.rejects(active, (error) => {
    assert.ok(error instanceof CertificateStateException);
    return error.$metadata.httpStatusCode === 406;
  });
});

test("what is wrong is refused by its error", async () => {
  const thingName = fresh("none");
  await assert.rejects(call(new DescribeThingCommand({ thingName })), ResourceNotFoundException);
  const thingGroupName = fresh("group");
  await call(new CreateThingGroupCommand({ thingGroupName }));
  const other = { thingGroupProperties: { thingGroupDescription: "other" } };
  await assert.rejects(call(new CreateThingGroupCommand({ thingGroupName, ...other })), (error) => {
    assert.ok(error instanceof ResourceAlreadyExistsException);
    return error.resourceArn.endsWith(`:thinggroup/${thingGroupName}`);
  });
  await assert.rejects(call(new StartOnDemandAuditTaskCommand({ targetCheckNames: ["NO_CHECK"] })), InvalidRequestException);
});
