//! Actions, jobs and approvals: what performers and workers are sent, and what becomes of it.

use serde_json::{Value, json};
use trackway_core::{Input, Outcome, Payload, uuid};
use trackway_pipeline::ids;
use trackway_pipeline::signal::{JobResult, Refusal, Signal};
use trackway_pipeline::views::{
    ACTION_BY_ID, ACTIONS_OF_EXECUTION, DEPLOY_TARGETS, LATEST_ACTIONS_OF_EXECUTION,
};

use super::bench::{BY, Bench, action, execution, structure};

fn with(mut action: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        action[key] = value.clone();
    }
    action
}

/// A source, a custom build and an approval before a deployment.
fn whole() -> Value {
    let fetch = with(
        action("Fetch", "AWS/Source/S3", 1),
        &json!({ "namespace": "Src", "outputArtifacts": [{ "name": "SourceArtifact" }],
            "configuration": { "S3Bucket": "b", "S3ObjectKey": "k.zip" } }),
    );
    let make = with(
        action("Make", "Custom/Build/Mine", 1),
        &json!({ "namespace": "Made", "roleArn": "arn:aws:iam::123456789012:role/make",
            "inputArtifacts": [{ "name": "SourceArtifact" }], "outputArtifacts": [{ "name": "Out" }],
            "_secret": ["Token"], "configuration": {
                "What": "#{Src.VersionId} for #{variables.STAGE} in #{codepipeline.PipelineExecutionId}",
                "Token": "s3cret-#{Src.ETag}" } }),
    );
    let ask = with(
        action("Ask", "AWS/Approval/Manual", 1),
        &json!({ "timeoutInMinutes": 60, "configuration": {
            "NotificationArn": "arn:aws:sns:us-east-1:123456789012:t",
            "CustomData": "see #{Made.Url}", "ExternalEntityLink": "https://example.com" } }),
    );
    let ship = with(
        action("Ship", "AWS/Deploy/S3", 2),
        &json!({ "inputArtifacts": [{ "name": "Out" }], "configuration": { "BucketName": "d" } }),
    );
    json!({
        "name": "a-pipeline-with-a-long-name",
        "roleArn": "arn:aws:iam::123456789012:role/p",
        "pipelineType": "V2",
        "artifactStore": { "type": "S3", "location": "store",
            "encryptionKey": { "id": "key", "type": "KMS" } },
        "variables": [{ "name": "STAGE", "defaultValue": "beta" }],
        "stages": [
            { "name": "Source", "actions": [fetch] },
            { "name": "Build", "actions": [make] },
            { "name": "Deploy", "actions": [ask, ship] },
        ],
    })
}

/// Two stages, the second of one action of this type.
fn one(name: &str, kind: &str, more: &Value) -> Value {
    json!({ "stages": [
        { "name": "Source", "actions": [action("Fetch", "AWS/Source/S3", 1)] },
        { "name": "Work", "actions": [with(action(name, kind, 1), more)] },
    ] })
}

fn fetched(bench: &mut Bench) {
    bench.answer(
        0,
        "Fetch",
        json!({ "done": {
            "outputArtifacts": ["SourceArtifact"],
            "outputVariables": { "VersionId": "v1", "ETag": "e" },
            "revision": { "id": "v1", "summary": "Amazon S3 version id: v1", "created": 1_795_255_199_500_i64 },
            "details": { "externalExecutionId": "v1" },
        } }),
    );
}

fn acknowledge(bench: &mut Bench, action: &str) -> u128 {
    let job = bench.job(0, action);
    let id = ids::read(&job.id).unwrap();
    bench.signal(Signal::JobAcknowledged { job: id, nonce: job.nonce }).unwrap();
    id
}

fn job_succeeded(bench: &mut Bench, job: u128, result: Value) -> Result<(), Refusal> {
    let result: JobResult = serde_json::from_value(result).unwrap();
    bench.signal(Signal::JobSucceeded { job, result: Box::new(result) })
}

fn approve(token: &str, is_approved: bool) -> Signal {
    Signal::Approve {
        stage: "Deploy".to_owned(),
        action: "Ask".to_owned(),
        token: token.to_owned(),
        is_approved,
        summary: "well done".to_owned(),
        by: BY.to_owned(),
    }
}

#[test]
fn a_whole_execution_is_shown_as_the_api_has_it() {
    let mut bench = Bench::new(&whole());
    let source = bench.call(0, "Fetch").output_artifacts.remove(0);
    assert_eq!(source.bucket, "store");
    assert_eq!(source.key.len(), "a-pipeline-with-a-lo/SourceArti/".len() + 7);
    assert!(source.key.starts_with("a-pipeline-with-a-lo/SourceArti/"), "{}", source.key);
    assert_eq!(source.encryption_key.as_deref(), Some("key"));
    fetched(&mut bench);

    let job = bench.job(0, "Make");
    let id = uuid::text(execution(0));
    assert_eq!(job.call.configuration["What"], format!("v1 for beta in {id}"));
    assert_eq!(job.call.configuration["Token"], "s3cret-e", "a worker is sent secrets");
    assert_eq!(job.call.input_artifacts[0].key, source.key);
    assert_eq!(job.call.input_artifacts[0].revision.as_deref(), Some("v1"));
    assert_eq!(job.call.role_arn, "arn:aws:iam::123456789012:role/make");
    let out = job.call.output_artifacts[0].clone();
    let made = acknowledge(&mut bench, "Make");
    let result = json!({
        "details": { "externalExecutionId": "x1", "summary": "made", "percentComplete": 100 },
        "outputVariables": { "Url": "https://x" },
    });
    job_succeeded(&mut bench, made, result).unwrap();

    let token = bench.tokens().pop().unwrap().2;
    assert_eq!(bench.stage("Deploy")["actionStates"][0]["latestExecution"]["token"], token);
    bench.signal(approve(&token, true)).unwrap();
    bench.answer(
        0,
        "Ship",
        json!({ "done": { "deployTargets": [{ "targetId": "i-1", "status": "Succeeded" }] } }),
    );
    assert_eq!(bench.status(0), "Succeeded");
    assert!(bench.effects.is_empty() && bench.timers.is_empty(), "nothing is left behind");

    let shown = bench.details();
    let names: Vec<_> = shown.iter().map(|it| it["actionName"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ship", "Ask", "Make", "Fetch"]);
    let made = &shown[2];
    let expected = json!({
        "pipelineExecutionId": id,
        "actionExecutionId": job.call.action_execution_id,
        "pipelineVersion": 1,
        "stageName": "Build",
        "actionName": "Make",
        "startTime": 1_795_255_200.002,
        "lastUpdateTime": 1_795_255_200.004,
        "status": "Succeeded",
        "input": {
            "actionTypeId":
                { "category": "Build", "owner": "Custom", "provider": "Mine", "version": "1" },
            "configuration": {
                "What": "#{Src.VersionId} for #{variables.STAGE} in #{codepipeline.PipelineExecutionId}",
                "Token": "****",
            },
            "resolvedConfiguration": { "What": format!("v1 for beta in {id}"), "Token": "****" },
            "roleArn": "arn:aws:iam::123456789012:role/make",
            "region": "us-east-1",
            "inputArtifacts":
                [{ "name": "SourceArtifact", "s3location": { "bucket": "store", "key": source.key } }],
            "namespace": "Made",
        },
        "output": {
            "outputArtifacts":
                [{ "name": "Out", "s3location": { "bucket": "store", "key": out.key } }],
            "executionResult": { "externalExecutionId": "x1", "externalExecutionSummary": "made" },
            "outputVariables": { "Url": "https://x" },
        },
    });
    assert_eq!(*made, expected);
    assert_eq!(shown[1]["updatedBy"], BY);
    assert_eq!(shown[1]["output"]["executionResult"]["externalExecutionSummary"], "well done");
    assert_eq!(shown[1]["input"]["resolvedConfiguration"]["CustomData"], "see https://x");
    let targets = bench.rows.iter().find(|((view, _), _)| *view == DEPLOY_TARGETS).unwrap();
    assert!(String::from_utf8_lossy(targets.1).contains("i-1"));

    let row = bench.row(0);
    assert_eq!(
        row["execution"]["artifactRevisions"],
        json!([{ "name": "SourceArtifact", "revisionId": "v1",
            "revisionSummary": "Amazon S3 version id: v1", "created": 1_795_255_199.5 }])
    );
    assert_eq!(
        row["execution"]["variables"],
        json!([{ "name": "STAGE", "resolvedValue": "beta" }])
    );
    assert_eq!(
        row["summary"]["sourceRevisions"],
        json!([{ "actionName": "Fetch", "revisionId": "v1",
            "revisionSummary": "Amazon S3 version id: v1" }])
    );
    assert_eq!(
        row["summary"]["trigger"],
        json!({ "triggerType": "CreatePipeline", "triggerDetail": BY })
    );
    let state = bench.stage("Source");
    assert_eq!(
        state["actionStates"][0]["currentRevision"],
        json!({ "revisionId": "v1", "revisionChangeId": "v1", "created": 1_795_255_199.5 })
    );
    assert_eq!(state["latestExecution"]["status"], "Succeeded");
    bench.check_fold();
}

#[test]
fn an_action_still_in_progress_has_an_empty_output() {
    let bench = Bench::new(&whole());
    let shown = bench.details().remove(0);
    assert_eq!(
        shown["output"],
        json!({ "outputArtifacts": [], "executionResult": {}, "outputVariables": {} })
    );
}

#[test]
fn a_job_is_acknowledged_once_and_ended_once() {
    let mut bench = Bench::new(&one("Make", "Custom/Build/Mine", &json!({})));
    bench.done(0, "Fetch");
    let (queue, _) = &bench.effects[&bench.effect_of(0, "Make")];
    assert_eq!(queue, "job/123456789012/us-east-1/Custom/Build/Mine/1");
    let job = bench.job(0, "Make");
    let id = ids::read(&job.id).unwrap();
    assert_eq!(ids::Number::of(id), super::bench::NUMBER);
    assert_eq!(bench.machine.job(id).as_ref(), Some(&job), "GetJobDetails shows what was offered");
    assert_eq!(job_succeeded(&mut bench, id, json!({})), Err(Refusal::InvalidJobState));
    let acknowledge = |nonce: &str| Signal::JobAcknowledged { job: id, nonce: nonce.to_owned() };
    assert_eq!(bench.signal(acknowledge("no")), Err(Refusal::InvalidNonce));
    bench.signal(acknowledge(&job.nonce)).unwrap();
    assert_eq!(bench.signal(acknowledge(&job.nonce)), Err(Refusal::InvalidNonce));
    assert_eq!(bench.held.len(), 1, "nobody else is offered the job");
    assert_eq!(
        job_succeeded(&mut bench, ids::read(&job.call.action_execution_id).unwrap(), json!({})),
        Err(Refusal::JobNotFound)
    );
    let large = "x".repeat(122_881);
    assert_eq!(
        job_succeeded(&mut bench, id, json!({ "outputVariables": { "V": large } })),
        Err(Refusal::OutputVariablesTooLarge)
    );
    job_succeeded(
        &mut bench,
        id,
        json!({ "currentRevision": { "revision": "r",
        "changeIdentifier": "c", "created": 1_795_255_200.25 } }),
    )
    .unwrap();
    assert_eq!(bench.status(0), "Succeeded");
    assert_eq!(job_succeeded(&mut bench, id, json!({})), Err(Refusal::InvalidJobState));
    assert_eq!(bench.machine.job(id), None);
    assert!(bench.effects.is_empty());
    bench.check_fold();
}

#[test]
fn a_revision_that_does_not_say_when_it_was_made_is_as_old_as_its_finding() {
    let mut bench = Bench::new(&one("Make", "Custom/Build/Mine", &json!({})));
    bench.answer(0, "Fetch", json!({ "done": { "revision": { "id": "v1" } } }));
    let shown = bench.stage("Source")["actionStates"][0]["currentRevision"].clone();
    assert_eq!((&shown["revisionId"], &shown["revisionChangeId"]), (&json!("v1"), &json!("v1")));
    assert_eq!(shown["created"], 1_795_255_200.002);
    bench.check_fold();
}

#[test]
fn a_job_of_a_third_party_is_answered_by_its_own_operations() {
    for (kind, is_third_party) in
        [("ThirdParty/Deploy/AlexaSkillsKit", true), ("Custom/Build/Mine", false)]
    {
        let mut bench = Bench::new(&one("Make", kind, &json!({})));
        bench.done(0, "Fetch");
        let job = bench.job(0, "Make");
        let id = ids::read(&job.id).unwrap();
        let signals = [
            Signal::JobAcknowledged { job: id, nonce: job.nonce.clone() },
            Signal::JobSucceeded { job: id, result: Box::default() },
        ];
        for signal in signals {
            let of_third_party = Signal::OfThirdParty(Box::new(signal.clone()));
            let (right, wrong) =
                if is_third_party { (of_third_party, signal) } else { (signal, of_third_party) };
            assert_eq!(bench.signal(wrong), Err(Refusal::JobNotFound), "{kind}");
            bench.signal(right).unwrap();
        }
        assert_eq!(bench.status(0), "Succeeded");
        let other = Signal::OfThirdParty(Box::new(Signal::Delete));
        assert_eq!(bench.signal(other), Err(Refusal::JobNotFound));
    }
}

#[test]
fn a_custom_type_says_where_its_actions_are_found() {
    let more = json!({
        "configuration": { "Project": "shop", "Stage": "#{codepipeline.PipelineExecutionId}", "Key": "hush" },
        "_secret": ["Key"],
        "_urls": {
            "entityUrlTemplate": "https://ci/{Config:Project}",
            "executionUrlTemplate": "https://ci/{Config:Project}/{Config:Stage}/{ExternalExecutionId}",
            "revisionUrlTemplate": "https://ci/{Config:Key}",
        },
    });
    let mut bench = Bench::new(&one("Make", "Custom/Build/Mine", &more));
    bench.done(0, "Fetch");
    let state = |bench: &Bench| bench.stage("Work")["actionStates"][0].clone();
    let latest = state(&bench)["latestExecution"].clone();
    assert_eq!(latest.get("externalExecutionUrl"), None, "nobody has said which execution it is");
    let id = acknowledge(&mut bench, "Make");
    job_succeeded(&mut bench, id, json!({ "details": { "externalExecutionId": "7" } })).unwrap();
    let url = format!("https://ci/shop/{}/7", uuid::text(execution(0)));
    let shown = state(&bench);
    assert_eq!(shown["entityUrl"], "https://ci/shop");
    assert_eq!(shown.get("revisionUrl"), None, "a secret is not shown");
    assert_eq!(shown["latestExecution"]["externalExecutionUrl"], url);
    let result = bench.details().remove(0)["output"]["executionResult"].clone();
    assert_eq!(result["externalExecutionUrl"], url);
    let masked = serde_json::to_value(structure(&one("Make", "Custom/Build/Mine", &more)).mask());
    assert_eq!(masked.unwrap()["stages"][1]["actions"][0].get("_urls"), None);
    bench.check_fold();
}

#[test]
fn a_continuation_token_makes_a_new_job_of_the_same_action() {
    let mut bench = Bench::new(&one("Make", "Custom/Build/Mine", &json!({})));
    bench.done(0, "Fetch");
    let before = bench.job(0, "Make");
    let id = acknowledge(&mut bench, "Make");
    let token = json!({ "continuationToken": "half", "details": { "percentComplete": 50 } });
    job_succeeded(&mut bench, id, token).unwrap();
    let after = bench.job(0, "Make");
    assert_ne!(after.id, before.id);
    assert_eq!(after.continuation_token.as_deref(), Some("half"));
    assert_eq!(after.call.action_execution_id, before.call.action_execution_id);
    let state = bench.stage("Work")["actionStates"][0]["latestExecution"].clone();
    assert_eq!((&state["status"], &state["percentComplete"]), (&json!("InProgress"), &json!(50)));
    assert_eq!(job_succeeded(&mut bench, id, json!({})), Err(Refusal::InvalidJobState));
    let id = acknowledge(&mut bench, "Make");
    let failure = Signal::JobFailed {
        job: id,
        code: "ConfigurationError".to_owned(),
        message: "no".to_owned(),
        external_execution_id: Some("x".to_owned()),
    };
    bench.signal(failure).unwrap();
    let result = bench.details().remove(0)["output"]["executionResult"].clone();
    assert_eq!(
        result,
        json!({ "externalExecutionId": "x",
            "errorDetails": { "code": "ConfigurationError", "message": "no" } })
    );
    assert_eq!(bench.status(0), "Failed");
    bench.check_fold();
}

#[test]
fn a_function_ends_its_job_before_or_after_it_was_handed_over() {
    let lambda = json!({ "configuration": { "FunctionName": "f" } });
    for is_early in [true, false] {
        let mut bench = Bench::new(&one("Call", "AWS/Invoke/Lambda", &lambda));
        bench.done(0, "Fetch");
        let first = bench.call(0, "Call");
        if !is_early {
            bench.answer(0, "Call", json!({ "handed": {} }));
            assert!(bench.effects.is_empty());
        }
        let id = ids::read(&first.job_id).unwrap();
        job_succeeded(&mut bench, id, json!({ "continuationToken": "t" })).unwrap();
        let second = bench.call(0, "Call");
        assert_ne!(second.job_id, first.job_id);
        assert_eq!(second.continuation_token.as_deref(), Some("t"));
        bench.answer(0, "Call", json!({ "handed": {} }));
        let id = ids::read(&second.job_id).unwrap();
        job_succeeded(&mut bench, id, json!({})).unwrap();
        assert_eq!(bench.status(0), "Succeeded");
        bench.check_fold();
    }
}

#[test]
fn a_function_that_says_nothing_has_twenty_minutes() {
    let lambda = json!({ "configuration": { "FunctionName": "f" } });
    let mut bench = Bench::new(&one("Call", "AWS/Invoke/Lambda", &lambda));
    bench.done(0, "Fetch");
    bench.answer(0, "Call", json!({ "handed": {} }));
    let (timer, at) = bench.timers.first_key_value().unwrap();
    assert_eq!(*at - bench.now, 20 * 60 * 1000);
    let timer = *timer;
    bench.take(Input::Fired(timer)).unwrap();
    let result = &bench.details()[0]["output"]["executionResult"]["errorDetails"];
    assert_eq!(result["code"], "JobFailed");
    assert!(result["message"].as_str().unwrap().contains("Lambda function f failed to return"));
}

#[test]
fn a_job_of_what_no_function_performs_is_none() {
    let mut bench = Bench::new(&one("Put", "AWS/Deploy/S3", &json!({})));
    bench.done(0, "Fetch");
    let job = ids::read(&bench.call(0, "Put").job_id).unwrap();
    assert_eq!(job_succeeded(&mut bench, job, json!({})), Err(Refusal::JobNotFound));
}

#[test]
fn what_nobody_performs_here_may_be_offered_to_workers() {
    let mut bench = Bench::new(&one("Put", "AWS/Deploy/Mine", &json!({})));
    bench.done(0, "Fetch");
    bench.answer(0, "Put", json!({ "offer": {} }));
    let id = acknowledge(&mut bench, "Put");
    job_succeeded(&mut bench, id, json!({})).unwrap();
    assert_eq!(bench.status(0), "Succeeded");
    bench.check_fold();
}

#[test]
fn progress_goes_on_as_another_effect() {
    let mut bench = Bench::new(&one("Build", "AWS/Build/CodeBuild", &json!({})));
    bench.done(0, "Fetch");
    let first = bench.effect_of(0, "Build");
    let details = json!({ "externalExecutionId": "b:1", "logStreamARN": "arn:log" });
    bench.answer(0, "Build", json!({ "progress": { "details": details, "next": { "id": 1 } } }));
    assert_eq!(bench.call(0, "Build").next, json!({ "id": 1 }));
    let outcome = Outcome::Succeeded(Payload::new(r#"{"done":{}}"#));
    bench.take(Input::Finished { effect: first, outcome }).unwrap();
    assert_eq!(bench.status(0), "InProgress", "the first effect was answered before");
    let state = bench.stage("Work")["actionStates"][0]["latestExecution"].clone();
    assert_eq!(state["externalExecutionId"], "b:1");
    assert_eq!(state["logStreamARN"], "arn:log");
    bench.done(0, "Build");
    let result = &bench.details()[0]["output"]["executionResult"];
    assert_eq!(result["externalExecutionId"], "b:1", "what was known stays known");
    bench.check_fold();
}

#[test]
fn an_approval_is_told_to_its_topic_and_expires() {
    let mut bench = Bench::new(&whole());
    fetched(&mut bench);
    let job = acknowledge(&mut bench, "Make");
    job_succeeded(&mut bench, job, json!({ "outputVariables": { "Url": "u" } })).unwrap();
    let (effect, (queue, request)) = bench.effects.first_key_value().unwrap();
    let (effect, request) = (*effect, serde_json::from_str::<Value>(request).unwrap());
    assert_eq!(queue, "aws");
    assert_eq!((&request["service"], &request["operation"]), (&json!("sns"), &json!("Publish")));
    let message: Value =
        serde_json::from_str(request["input"]["Message"].as_str().unwrap()).unwrap();
    let token = bench.tokens().pop().unwrap().2;
    assert_eq!(message["region"], "us-east-1");
    let approval = &message["approval"];
    assert_eq!(approval["token"], token);
    assert_eq!(approval["expires"], "2026-11-21T11:00Z");
    assert_eq!(approval["customData"], "see u");
    let outcome = Outcome::Succeeded(Payload::default());
    bench.take(Input::Finished { effect, outcome }).unwrap();
    assert_eq!(bench.status(0), "InProgress", "the topic has heard of it, nobody has decided");
    let timer = *bench.timers.first_key_value().unwrap().0;
    bench.take(Input::Fired(timer)).unwrap();
    assert_eq!(bench.status(0), "Failed");
    assert_eq!(bench.signal(approve(&token, true)), Err(Refusal::ApprovalCompleted));
    bench.check_fold();
}

#[test]
fn the_list_has_the_tokens_of_approvals_in_parallel() {
    for (mode, has_token) in [("PARALLEL", true), ("QUEUED", false)] {
        let mut structure = one("Ask", "AWS/Approval/Manual", &json!({}));
        structure["pipelineType"] = json!("V2");
        structure["executionMode"] = json!(mode);
        structure["stages"][1]["name"] = json!("Deploy");
        let mut bench = Bench::new(&structure);
        let second = bench.start();
        bench.done(0, "Fetch");
        if has_token {
            bench.done(second, "Fetch");
        }
        let token = bench.tokens()[0].2.clone();
        let shown = |bench: &Bench| {
            let details = bench.details();
            let is_it = |detail: &&Value| {
                detail["actionName"] == "Ask"
                    && detail["pipelineExecutionId"] == uuid::text(execution(0))
            };
            details.iter().find(is_it).unwrap()["output"]["executionResult"].clone()
        };
        let expected = if has_token { json!({ "externalExecutionId": token }) } else { json!({}) };
        assert_eq!(shown(&bench), expected, "{mode}");
        bench.signal(approve(&token, true)).unwrap();
        assert_eq!(bench.status(0), "Succeeded");
        assert_eq!(shown(&bench)["externalExecutionSummary"], "well done");
        bench.check_fold();
    }
}

#[test]
fn an_approval_is_refused_with_the_wrong_words() {
    let mut bench = Bench::new(&one("Ask", "AWS/Approval/Manual", &json!({})));
    bench.done(0, "Fetch");
    let token = bench.tokens().pop().unwrap().2;
    let say = |stage: &str, action: &str, token: &str| Signal::Approve {
        stage: stage.to_owned(),
        action: action.to_owned(),
        token: token.to_owned(),
        is_approved: false,
        summary: "not yet".to_owned(),
        by: BY.to_owned(),
    };
    let wrong = "deadbeef-dead-4eef-8000-0123456789ab";
    let rows = [
        (say("No", "Ask", &token), Refusal::StageNotFound),
        (say("Work", "No", &token), Refusal::ActionNotFound),
        (say("Work", "Ask", wrong), Refusal::InvalidApprovalToken),
        (say("Work", "Ask", "what"), Refusal::InvalidApprovalToken),
    ];
    for (signal, refusal) in rows {
        assert_eq!(bench.signal(signal), Err(refusal));
    }
    bench.signal(say("Work", "Ask", &token)).unwrap();
    let state = bench.stage("Work")["actionStates"][0]["latestExecution"].clone();
    assert_eq!(state["status"], "Failed");
    assert_eq!(state["summary"], "not yet");
    assert_eq!(state["lastUpdatedBy"], BY);
    assert_eq!(state.get("token"), None, "a decided approval shows no token");
}

#[test]
fn a_topic_that_does_not_hear_fails_the_approval() {
    let topic = json!({ "configuration": { "NotificationArn": "arn:aws:sns:us-east-1:1:t" } });
    let mut bench = Bench::new(&one("Ask", "AWS/Approval/Manual", &topic));
    bench.done(0, "Fetch");
    let effect = *bench.effects.first_key_value().unwrap().0;
    let outcome = Outcome::Failed { error: "NotFound".to_owned(), cause: "no topic".to_owned() };
    bench.take(Input::Finished { effect, outcome }).unwrap();
    assert_eq!(bench.status(0), "Failed");
    assert!(bench.timers.is_empty());
}

#[test]
fn a_variable_that_is_not_there_fails_the_action_and_releases_the_stage() {
    let more = json!({ "configuration": { "BucketName": "#{Nobody.Knows}" } });
    let mut bench = Bench::new(&one("Put", "AWS/Deploy/S3", &more));
    bench.done(0, "Fetch");
    assert_eq!(bench.status(0), "Failed");
    let shown = bench.details().remove(0);
    assert_eq!(shown["status"], "Failed");
    let error = &shown["output"]["executionResult"]["errorDetails"];
    assert_eq!(error["code"], "InvalidActionConfiguration");
    assert!(error["message"].as_str().unwrap().contains("Action name=Put"));
    assert_eq!(shown["input"]["resolvedConfiguration"]["BucketName"], "#{Nobody.Knows}");
    assert!(bench.effects.is_empty() && bench.timers.is_empty());
    bench.check_fold();
}

#[test]
fn an_action_that_takes_too_long_is_given_up() {
    let rows = [
        ("Custom/Build/Mine", 24 * 60),
        ("AWS/Build/CodeBuild", 8 * 60),
        ("AWS/Deploy/S3", 90),
        ("AWS/Approval/Manual", 7 * 24 * 60),
        ("AWS/Deploy/ECS", 60),
    ];
    for (kind, minutes) in rows {
        let mut bench = Bench::new(&one("Work", kind, &json!({})));
        bench.done(0, "Fetch");
        let (timer, at) = bench.timers.first_key_value().unwrap();
        assert_eq!(*at - bench.now, minutes * 60_000, "{kind}");
        let timer = *timer;
        bench.take(Input::Fired(timer)).unwrap();
        assert_eq!(bench.status(0), "Failed");
        assert!(bench.effects.is_empty(), "{kind}: it is given up");
    }
}

#[test]
fn a_retried_action_is_listed_twice_and_its_latest_once() {
    let mut bench = Bench::new(&one("Build", "AWS/Build/CodeBuild", &json!({})));
    bench.done(0, "Fetch");
    bench.failed(0, "Build");
    let retry = Signal::Retry {
        stage: "Work".to_owned(),
        execution: execution(0),
        all_actions: false,
        by: BY.to_owned(),
    };
    bench.signal(retry).unwrap();
    bench.done(0, "Build");
    let count = |view: u8| bench.rows.keys().filter(|(it, _)| *it == view).count();
    assert_eq!(count(ACTIONS_OF_EXECUTION), 3);
    assert_eq!(count(LATEST_ACTIONS_OF_EXECUTION), 2);
    assert_eq!(count(ACTION_BY_ID), 3);
    let shown = bench.details();
    let listed: Vec<_> =
        shown.iter().map(|it| (it["actionName"].as_str(), it["status"].as_str())).collect();
    let expected = [("Build", "Succeeded"), ("Build", "Failed"), ("Fetch", "Succeeded")];
    assert_eq!(listed, expected.map(|(name, status)| (Some(name), Some(status))));
    assert_ne!(shown[0]["actionExecutionId"], shown[1]["actionExecutionId"]);
    assert_eq!(
        bench.stage("Work")["retryStageMetadata"],
        json!({ "manualStageRetryAttempt": 1, "latestRetryTrigger": "ManualStageRetry" })
    );
    assert_eq!(bench.status(0), "Succeeded");
    bench.check_fold();
}
