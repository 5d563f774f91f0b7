"""Systems Manager Automation: runbooks that really run."""

import http.server
import json
import threading
import uuid

import pytest

from harness import eventually, fresh
from ssm import (
    automation,
    automation_is,
    create_document,
    run_automation,
    runbook,
    sleep,
    start_automation,
    step,
    steps_of,
    told,
)

INTEGRATIONS = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations/webhook/"
USER = "arn:aws:iam::000000000000:user/somebody"


@pytest.fixture
def ssm(server):
    return server.client("ssm")


def test_a_runbook_runs_step_by_step_and_its_history_tells(ssm):
    content = runbook(
        sleep("first"),
        step("choose", "branch", {"Choices": [{"NextStep": "third", "Variable": "{{ Way }}", "StringEquals": "short"}], "Default": "second"}),
        sleep("second"),
        sleep("third", isEnd=True),
        sleep("never"),
        parameters={"Way": {"type": "String", "default": "long"}},
    )
    done = run_automation(ssm, content, {"Way": ["short"]})
    assert done["AutomationExecutionStatus"] == "Success"
    assert done["Parameters"] == {"Way": ["short"]}
    assert done["DocumentVersion"] == "1"
    assert done["Mode"] == "Auto"
    assert done["StepExecutionsTruncated"] is False
    assert done["Targets"] == [] and done["ResolvedTargets"] == {"ParameterValues": [], "Truncated": False}
    assert done["ExecutionStartTime"] <= done["ExecutionEndTime"]
    steps = steps_of(ssm, done["AutomationExecutionId"])
    assert told(steps) == [
        ("first", "Success"), ("choose", "Success"), ("third", "Success"), ("second", "Pending"), ("never", "Pending")
    ]
    assert done["StepExecutions"] == steps
    first, pending = steps[0], steps[3]
    assert first["Action"] == "aws:sleep" and first["Inputs"] == {"Duration": '"PT0S"'}
    assert first["OverriddenParameters"] == {}
    assert "ExecutionStartTime" not in pending and "ExecutionEndTime" not in pending
    assert len({one["StepExecutionId"] for one in steps}) == 5
    assert all(len(one["StepExecutionId"]) == 36 for one in steps)


def test_a_branch_that_matches_nothing_goes_on_with_the_next_step(ssm):
    content = runbook(
        step("choose", "branch", {"Choices": [{"NextStep": "last", "Variable": "{{ N }}", "NumericGreater": 5}]}),
        sleep("middle"),
        sleep("last"),
        parameters={"N": {"type": "Integer", "default": 5}},
    )
    assert told(run_automation(ssm, content)["StepExecutions"]) == [("choose", "Success"), ("middle", "Success"), ("last", "Success")]


def test_variables_keep_their_types(ssm):
    content = runbook(
        step("more", "updateVariable", {"Name": "variable:items", "Value": ["b", "c"]}),
        step("look", "branch", {"Choices": [{"NextStep": "good", "Variable": "{{ variable:items }}", "Contains": "c"}], "Default": "bad"}),
        sleep("bad", isEnd=True),
        sleep("good", isEnd=True),
        variables={"items": {"type": "StringList", "default": ["a"]}},
    )
    done = run_automation(ssm, content)
    assert told(done["StepExecutions"])[-2:] == [("good", "Success"), ("bad", "Pending")]
    assert done["Variables"] == {"items": ["b", "c"]}


def test_a_loop_s_passes_are_steps_of_their_own(ssm):
    content = runbook(
        step("each", "loop", {"Iterators": ["a", "b"], "IteratorDataType": "String", "Steps": [sleep("inner"), sleep("other")]}),
        sleep("after"),
    )
    done = run_automation(ssm, content)
    assert done["AutomationExecutionStatus"] == "Success"
    steps = steps_of(ssm, done["AutomationExecutionId"])
    assert [one["StepName"] for one in steps] == ["each", "inner", "other", "inner", "other", "after"]
    inner = steps[1]["ParentStepDetails"]
    assert inner == {
        "StepExecutionId": steps[0]["StepExecutionId"], "StepName": "each", "Action": "aws:loop",
        "Iteration": 1, "IteratorValue": '"a"',
    }
    assert steps[3]["ParentStepDetails"]["Iteration"] == 2
    second = steps_of(
        ssm, done["AutomationExecutionId"],
        Filters=[{"Key": "ParentStepExecutionId", "Values": [steps[0]["StepExecutionId"]]}, {"Key": "ParentStepIteration", "Values": ["2"]}],
    )
    assert told(second) == [("inner", "Success"), ("other", "Success")]
    assert [one["ParentStepDetails"]["IteratorValue"] for one in second] == ['"b"', '"b"']


def test_a_failed_step_ends_the_run_unless_it_says_otherwise(ssm):
    bad = step("bad", "sleep", {"Timestamp": "{{ When }}"})
    parameters = {"When": {"type": "String", "default": "no time at all"}}
    done = run_automation(ssm, runbook(bad, sleep("after"), parameters=parameters))
    assert done["AutomationExecutionStatus"] == "Failed"
    assert told(done["StepExecutions"]) == [("bad", "Failed"), ("after", "Pending")]
    failed = done["StepExecutions"][0]
    assert failed["FailureMessage"] == done["FailureMessage"]
    assert failed["FailureDetails"]["FailureStage"] and failed["FailureDetails"]["FailureType"]

    done = run_automation(ssm, runbook({**bad, "onFailure": "Continue"}, sleep("after"), parameters=parameters))
    assert (done["AutomationExecutionStatus"], told(done["StepExecutions"])) == ("Success", [("bad", "Failed"), ("after", "Success")])

    done = run_automation(ssm, runbook({**bad, "onFailure": "Continue", "isCritical": True}, sleep("after"), parameters=parameters))
    assert (done["AutomationExecutionStatus"], told(done["StepExecutions"])) == ("Failed", [("bad", "Failed"), ("after", "Success")])

    done = run_automation(ssm, runbook({**bad, "onFailure": "step:help", "isCritical": False}, sleep("skipped"), sleep("help"), parameters=parameters))
    assert done["AutomationExecutionStatus"] == "Success"
    assert told(done["StepExecutions"]) == [("bad", "Failed"), ("help", "Success"), ("skipped", "Pending")]


def test_an_approval_waits_and_is_given(ssm):
    content = runbook(
        step("ask", "approve", {"Approvers": [USER, "arn:aws:iam::000000000000:root"], "Message": "May I?", "MinRequiredApprovals": 1}),
        sleep("after"),
    )
    execution = start_automation(ssm, content)
    waiting = automation_is(ssm, execution, "Waiting")
    assert waiting["CurrentStepName"] == "ask" and waiting["CurrentAction"] == "aws:approve"
    assert told(waiting["StepExecutions"]) == [("ask", "Waiting"), ("after", "Pending")]
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve", Payload={"Comment": ["yes"]})
    done = automation_is(ssm, execution, "Success")
    outputs = done["StepExecutions"][0]["Outputs"]
    assert outputs["ApprovalStatus"] == ["Approved"]
    assert "yes" in outputs["ApproverDecisions"][0]


def test_a_rejection_fails_the_run(ssm):
    execution = start_automation(ssm, runbook(step("ask", "approve", {"Approvers": ["arn:aws:iam::000000000000:root"]}), sleep("after")))
    automation_is(ssm, execution, "Waiting")
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Reject")
    done = automation_is(ssm, execution, "Failed")
    assert told(done["StepExecutions"]) == [("ask", "Failed"), ("after", "Pending")]
    assert done["StepExecutions"][0]["Outputs"]["ApprovalStatus"] == ["Rejected"]


def test_who_may_not_approve_is_refused(ssm, refused):
    execution = start_automation(ssm, runbook(step("ask", "approve", {"Approvers": ["arn:aws:iam::000000000000:user/other"]})))
    automation_is(ssm, execution, "Waiting")
    with refused("InvalidAutomationSignalException"):
        ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve")
    assert automation(ssm, execution)["AutomationExecutionStatus"] == "Waiting"


def test_a_pause_waits_until_it_is_resumed(ssm, refused):
    execution = start_automation(ssm, runbook(step("hold", "pause"), sleep("after")))
    automation_is(ssm, execution, "Waiting")
    with refused("AutomationStepNotFoundException"):
        ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Resume", Payload={"StepName": ["nowhere"]})
    with refused("InvalidAutomationSignalException"):
        ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Approve")
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Resume", Payload={"StepName": ["hold"]})
    assert told(automation_is(ssm, execution, "Success")["StepExecutions"]) == [("hold", "Success"), ("after", "Success")]
    with refused("InvalidAutomationSignalException"):
        ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="Resume", Payload={"StepName": ["hold"]})


def test_interactive_mode_starts_each_step_on_a_signal(ssm):
    execution = start_automation(ssm, runbook(sleep("one"), sleep("two")), Mode="Interactive")
    assert told(automation_is(ssm, execution, "Waiting")["StepExecutions"]) == [("one", "Pending"), ("two", "Pending")]
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="StartStep", Payload={"StepName": ["one"]})
    waiting = automation_is(ssm, execution, "Waiting")
    assert told(waiting["StepExecutions"]) == [("one", "Success"), ("two", "Pending")]
    ssm.send_automation_signal(AutomationExecutionId=execution, SignalType="StartStep", Payload={"StepName": ["two"]})
    done = automation_is(ssm, execution, "Success")
    assert done["Mode"] == "Interactive"


def test_a_running_execution_is_cancelled_or_completed(ssm, refused):
    content = runbook(sleep("long", "PT1H"), sleep("after"))
    execution = start_automation(ssm, content)
    automation_is(ssm, execution, "InProgress")
    ssm.stop_automation_execution(AutomationExecutionId=execution, Type="Cancel")
    done = automation_is(ssm, execution, "Cancelled")
    assert told(done["StepExecutions"]) == [("long", "Cancelled"), ("after", "Pending")]
    with refused("InvalidAutomationStatusUpdateException"):
        ssm.stop_automation_execution(AutomationExecutionId=execution)


def test_on_cancel_cleans_up(ssm):
    content = runbook(
        step("wait", "waitForAwsResourceProperty", {
            "Service": "ssm", "Api": "GetParameter", "Name": "/no/such", "PropertySelector": "$.Parameter.Value", "DesiredValues": ["x"],
        }, onCancel="step:clean", isEnd=True, maxAttempts=1, onFailure="step:clean"),
        sleep("clean", isEnd=True),
    )
    ssm.put_parameter(Name="/no/such", Value="other", Type="String", Overwrite=True)
    execution = start_automation(ssm, content)
    automation_is(ssm, execution, "InProgress")
    ssm.stop_automation_execution(AutomationExecutionId=execution)
    done = automation_is(ssm, execution, "Cancelled")
    assert told(done["StepExecutions"]) == [("wait", "Cancelled"), ("clean", "Success")]


def test_calls_go_to_our_own_services_by_boto3_names(ssm):
    name = fresh("/value/")
    content = runbook(
        step("put", "executeAwsApi", {"Service": "ssm", "Api": "put_parameter", "Name": name, "Value": "v1", "Type": "String"},
             outputs=[{"Name": "Version", "Selector": "$.Version", "Type": "Integer"}]),
        step("get", "executeAwsApi", {"Service": "ssm", "Api": "GetParameter", "Name": name},
             outputs=[{"Name": "Value", "Selector": "$.Parameter.Value", "Type": "String"}]),
        step("check", "assertAwsResourceProperty", {"Service": "ssm", "Api": "GetParameter", "Name": name,
                                                    "PropertySelector": "$.Parameter.Value", "DesiredValues": ["{{ get.Value }}"]}),
        outputs=["get.Value", "put.Version"],
    )
    done = run_automation(ssm, content)
    assert done["AutomationExecutionStatus"] == "Success", done
    assert done["Outputs"]["get.Value"] == ["v1"]
    assert done["Outputs"]["put.Version"] == ["1"]
    put = done["StepExecutions"][0]
    assert put["Inputs"] == {"Service": '"ssm"', "Api": '"put_parameter"', "Name": json.dumps(name), "Value": '"v1"', "Type": '"String"'}
    assert put["Outputs"]["Version"] == ["1"]
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "v1"


def test_a_refused_call_fails_its_step_with_aws_s_words(ssm):
    content = runbook(step("get", "executeAwsApi", {"Service": "ssm", "Api": "GetParameter", "Name": "/not/there"}))
    done = run_automation(ssm, content)
    failed = done["StepExecutions"][0]
    assert done["AutomationExecutionStatus"] == "Failed"
    assert "ParameterNotFound" in failed["FailureMessage"] and "GetParameter" in failed["FailureMessage"]
    assert failed["FailureDetails"]["FailureStage"] == "Invocation"


def test_parameter_defaults_come_from_parameter_store(ssm):
    name = fresh("/default/")
    ssm.put_parameter(Name=name, Value="stored", Type="String")
    content = runbook(
        step("look", "branch", {"Choices": [{"NextStep": "good", "Variable": "{{ P }}", "StringEquals": "stored"}]}),
        sleep("bad", isEnd=True), sleep("good", isEnd=True),
        parameters={"P": {"type": "String", "default": "{{ ssm:%s }}" % name}},
    )
    assert ("good", "Success") in told(run_automation(ssm, content)["StepExecutions"])


def test_an_automation_runs_a_child_automation_and_a_state_machine(server, ssm):
    sfn = server.client()
    machine = sfn.create_state_machine(
        name=fresh("m"), roleArn="arn:aws:iam::000000000000:role/r",
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"x": 1}, "End": True}}}),
    )["stateMachineArn"]
    child = create_document(ssm, runbook(sleep("only"), parameters={"Who": {"type": "String"}}))
    content = runbook(
        step("child", "executeAutomation", {"DocumentName": child, "RuntimeParameters": {"Who": ["me"]}}),
        step("machine", "executeStateMachine", {"stateMachineArn": machine, "input": "{}"}),
        outputs=["child.ExecutionId", "machine.output"],
    )
    done = run_automation(ssm, content)
    assert done["AutomationExecutionStatus"] == "Success", done
    assert json.loads(done["Outputs"]["machine.output"][0]) == {"x": 1}
    kid = automation(ssm, done["Outputs"]["child.ExecutionId"][0])
    assert kid["ParentAutomationExecutionId"] == done["AutomationExecutionId"]
    assert kid["Parameters"] == {"Who": ["me"]}
    children = ssm.describe_automation_executions(
        Filters=[{"Key": "ParentExecutionId", "Values": [done["AutomationExecutionId"]]}]
    )["AutomationExecutionMetadataList"]
    assert [one["AutomationExecutionId"] for one in children] == [kid["AutomationExecutionId"]]


def test_rate_control_runs_one_child_per_target(ssm):
    name = create_document(ssm, runbook(sleep("only"), parameters={"Id": {"type": "String"}}))
    execution = ssm.start_automation_execution(
        DocumentName=name, TargetParameterName="Id", MaxConcurrency="2", MaxErrors="0",
        Targets=[{"Key": "ParameterValues", "Values": ["a", "b", "c"]}],
    )["AutomationExecutionId"]
    done = automation_is(ssm, execution, "Success")
    assert done["ResolvedTargets"] == {"ParameterValues": ["a", "b", "c"], "Truncated": False}
    assert done["TargetParameterName"] == "Id" and done["MaxConcurrency"] == "2" and done["MaxErrors"] == "0"
    assert done["TargetsSummary"]["SuccessfulCount"] == 3
    children = ssm.describe_automation_executions(Filters=[{"Key": "ParentExecutionId", "Values": [execution]}])
    assert sorted(one["Target"] for one in children["AutomationExecutionMetadataList"]) == ["a", "b", "c"]


def test_a_client_token_starts_once(ssm, refused):
    name = create_document(ssm, runbook(sleep("only"), parameters={"P": {"type": "String", "default": "x"}}))
    token = str(uuid.uuid4())
    first = ssm.start_automation_execution(DocumentName=name, ClientToken=token)["AutomationExecutionId"]
    assert ssm.start_automation_execution(DocumentName=name, ClientToken=token)["AutomationExecutionId"] == first
    with refused("IdempotentParameterMismatch"):
        ssm.start_automation_execution(DocumentName=name, ClientToken=token, Parameters={"P": ["y"]})


def test_bad_starts_are_refused(ssm, refused):
    name = create_document(ssm, runbook(sleep("only"), parameters={"P": {"type": "Integer"}}))
    with refused("AutomationDefinitionNotFoundException"):
        ssm.start_automation_execution(DocumentName="NoSuchDocument")
    with refused("AutomationDefinitionVersionNotFoundException"):
        ssm.start_automation_execution(DocumentName=name, DocumentVersion="7", Parameters={"P": ["1"]})
    with refused("InvalidAutomationExecutionParametersException"):
        ssm.start_automation_execution(DocumentName=name)
    for parameters in ({"P": ["x"]}, {"P": ["1"], "Q": ["2"]}):
        with refused("InvalidAutomationExecutionParametersException"):
            ssm.start_automation_execution(DocumentName=name, Parameters=parameters)
    with refused("AutomationExecutionNotFoundException"):
        ssm.get_automation_execution(AutomationExecutionId=str(uuid.uuid4()))
    with refused("ValidationException", "automationExecutionId"):
        ssm.describe_automation_step_executions(AutomationExecutionId="x" * 37)


def test_steps_are_filtered_and_paged(ssm, refused):
    content = runbook(
        *[sleep(f"s{n}") for n in range(6)],
        step("bad", "sleep", {"Timestamp": "{{ When }}"}), sleep("never"),
        parameters={"When": {"type": "String", "default": "x"}},
    )
    execution = run_automation(ssm, content)["AutomationExecutionId"]
    everything = steps_of(ssm, execution)
    assert steps_of(ssm, execution, MaxResults=1) == everything
    assert steps_of(ssm, execution, MaxResults=3, ReverseOrder=True) == everything[::-1]

    def names(*filters):
        return [one["StepName"] for one in steps_of(ssm, execution, MaxResults=2, Filters=[{"Key": k, "Values": v} for k, v in filters])]

    assert names(("StepExecutionStatus", ["Failed", "Pending"])) == ["bad", "never"]
    assert names(("StepName", ["s1", "s4"]), ("StepExecutionStatus", ["Success"])) == ["s1", "s4"]
    assert names(("StepExecutionId", [everything[2]["StepExecutionId"]])) == ["s2"]
    assert names(("Action", ["aws:pause"])) == []
    assert names(("StartTimeAfter", ["2020-01-01T00:00:00Z"])) == [f"s{n}" for n in range(6)] + ["bad"]
    assert names(("StartTimeBefore", ["2020-01-01T00:00:00Z"])) == []
    with refused("InvalidFilterValue"):
        names(("StepExecutionStatus", ["Sleeping"]))
    with refused("InvalidFilterValue"):
        names(("StartTimeAfter", ["yesterday"]))
    with refused("ValidationException"):
        names(("Colour", ["red"]))
    with refused("InvalidNextToken"):
        ssm.describe_automation_step_executions(AutomationExecutionId=execution, NextToken="garbage")
    page = ssm.describe_automation_step_executions(AutomationExecutionId=execution, NextToken="")
    assert page["StepExecutions"] == everything


def test_executions_are_listed_newest_first_and_filtered(ssm):
    content = runbook(sleep("only"))
    prefix = fresh("Listed")
    name = create_document(ssm, content, name=prefix)
    ids = [ssm.start_automation_execution(DocumentName=name)["AutomationExecutionId"] for _ in range(5)]
    automation_is(ssm, ids[-1], "Success")
    listed, token = [], {}
    while True:
        page = ssm.describe_automation_executions(
            Filters=[{"Key": "DocumentNamePrefix", "Values": [prefix]}], MaxResults=2, **token)
        listed += page["AutomationExecutionMetadataList"]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    assert sorted(one["AutomationExecutionId"] for one in listed) == sorted(ids)
    times = [one["ExecutionStartTime"] for one in listed]
    assert times == sorted(times, reverse=True)
    assert listed[0]["LogFile"] == "" and listed[0]["AutomationType"] == "Local"


def test_a_run_survives_kill_9(new_server):
    server = new_server()
    ssm = server.client("ssm")
    approve = step("ask", "approve", {"Approvers": ["arn:aws:iam::000000000000:root"]})
    waits = start_automation(ssm, runbook(sleep("before"), approve, sleep("after")))
    sleeps = start_automation(ssm, runbook(sleep("nap", "PT2S"), sleep("after")))
    before = steps_of(ssm, automation_is(ssm, waits, "Waiting")["AutomationExecutionId"])
    server.kill()
    server.start()
    assert steps_of(ssm, waits) == before
    ssm.send_automation_signal(AutomationExecutionId=waits, SignalType="Approve")
    assert told(automation_is(ssm, waits, "Success")["StepExecutions"]) == [("before", "Success"), ("ask", "Success"), ("after", "Success")]
    assert told(automation_is(ssm, sleeps, "Success")["StepExecutions"]) == [("nap", "Success"), ("after", "Success")]


def test_a_webhook_of_the_integration_store_is_called(new_server):
    seen = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_):
            pass

    hook = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    ssm = new_server(config="[sandbox]\nprivate_downloads = true\n").client("ssm")
    ssm.put_parameter(
        Name=f"{INTEGRATIONS}Chat", Type="String", DataType="aws:ssm:integration",
        Value=json.dumps({"description": "A chat.", "url": f"http://127.0.0.1:{hook.server_port}/in"}),
    )
    content = runbook(step("say", "invokeWebhook", {"IntegrationName": "Chat", "Body": '{"text": "{{ automation:EXECUTION_ID }}"}'}))
    done = run_automation(ssm, content)
    assert done["AutomationExecutionStatus"] == "Success", done
    assert done["StepExecutions"][0]["Outputs"] == {"Response": ["thanks"], "ResponseCode": ["200"]}
    assert seen == [("/in", json.dumps({"text": done["AutomationExecutionId"]}).encode())]
    failed = run_automation(ssm, runbook(step("say", "invokeWebhook", {"IntegrationName": "Nobody"})))
    assert "Nobody" in failed["FailureMessage"]
    hook.shutdown()


def test_calls_stay_in_the_account_and_region_of_their_execution(server):
    ssm = server.client("ssm", account="111122223333", region="eu-west-1")
    name = fresh("/mine/")
    content = runbook(
        step("put", "executeAwsApi", {"Service": "ssm", "Api": "PutParameter", "Name": name, "Value": "{{ global:ACCOUNT_ID }} {{ global:REGION }}", "Type": "String"}),
    )
    assert run_automation(ssm, content)["AutomationExecutionStatus"] == "Success"
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "111122223333 eu-west-1"


def test_children_are_stopped_in_the_region_that_they_run_in(server):
    ssm = server.client("ssm", account="111122223333", region="eu-west-1")
    child = create_document(ssm, runbook(step("wait", "pause")))
    parent = start_automation(ssm, runbook(step("child", "executeAutomation", {"DocumentName": child})))
    by_parent = [{"Key": "ParentExecutionId", "Values": [parent]}]

    def children():
        found = ssm.describe_automation_executions(Filters=by_parent)["AutomationExecutionMetadataList"]
        return [one["AutomationExecutionStatus"] for one in found]

    eventually(lambda: children() == ["Waiting"], "the child waits")
    ssm.stop_automation_execution(AutomationExecutionId=parent)
    automation_is(ssm, parent, "Cancelled")
    assert children() == ["Cancelled"]


def test_a_rate_control_counts_its_targets_and_says_why_one_failed(ssm):
    which = step("which", "branch", {"Choices": [{"NextStep": "bad", "Variable": "{{ Id }}", "StringEquals": "bad"}], "Default": "good"})
    bad = step("bad", "executeAwsApi", {"Service": "ssm", "Api": "GetParameter", "Name": "/nobody"})
    one = create_document(ssm, runbook(which, bad, sleep("good"), parameters={"Id": {"type": "String", "allowedPattern": "^[a-z]+$"}}))
    many = ssm.start_automation_execution(
        DocumentName=one,
        TargetMaps=[{"Id": ["a"]}, {"Id": ["bad"]}, {"Id": ["7"]}],
        MaxConcurrency="3",
        MaxErrors="2",
    )["AutomationExecutionId"]
    done = automation_is(ssm, many, "Success")
    assert done["ProgressCounters"] == {
        "TotalSteps": 3, "SuccessSteps": 1, "FailedSteps": 2, "CancelledSteps": 0, "TimedOutSteps": 0
    }
    steps = {one["StepName"]: one for one in done["StepExecutions"]}
    assert "FailureMessage" not in steps['{"Id":["a"]}']
    assert "(ParameterNotFound) when calling the GetParameter" in steps['{"Id":["bad"]}']["FailureMessage"]
    assert "does not match pattern" in steps['{"Id":["7"]}']["FailureMessage"]


def test_a_selector_may_filter_and_one_that_is_none_fails_its_step(ssm):
    folder = fresh("/selected")
    for name in ("one", "two"):
        ssm.put_parameter(Name=f"{folder}/{name}", Value=name.upper(), Type="String")

    def select(selector, kind):
        outputs = [{"Name": "Found", "Selector": selector, "Type": kind}]
        get = step("get", "executeAwsApi", {"Service": "ssm", "Api": "GetParametersByPath", "Path": folder}, outputs=outputs)
        return run_automation(ssm, runbook(get, outputs=["get.Found"]))

    by_name = f"$.Parameters[?(@.Name == '{folder}/two')].Value"
    assert select(by_name, "StringList")["Outputs"] == {"get.Found": ["TWO"]}
    assert select("$.Parameters.length()", "Integer")["Outputs"] == {"get.Found": ["2"]}
    assert "can't be read" in select("$.Parameters[?(@.Name", "String")["FailureMessage"]


def test_a_runbook_asks_whose_it_is_without_an_emulator(server):
    ssm = server.client("ssm", account="111122223333")
    outputs = [{"Name": "Account", "Selector": "$.Account", "Type": "String"}]
    who = step("who", "executeAwsApi", {"Service": "sts", "Api": "get_caller_identity"}, outputs=outputs)
    assert run_automation(ssm, runbook(who, outputs=["who.Account"]))["Outputs"] == {"who.Account": ["111122223333"]}
