//! Automation: what each operation answers and refuses.

use serde_json::{Value, json};

use crate::{ENDED, OTHER, ask_as, check, create, done, house, once, pages, sleep, start};

const INVALID: &str = "400 InvalidAutomationExecutionParametersException: ...";
const UNKNOWN: &str = "00000000-0000-0000-0000-000000000000";

#[tokio::test]
async fn a_start_is_refused_for_what_is_wrong_with_it() {
    let house = house().await;
    let parameters = json!({
        "Must": { "type": "Integer" },
        "Choice": { "type": "String", "default": "a", "allowedValues": ["a", "b"] },
        "Shape": { "type": "String", "default": "x1", "allowedPattern": "^[a-z][0-9]$" },
        "Few": { "type": "StringList", "default": ["a"], "maxItems": 2 },
        "Short": { "type": "String", "default": "a", "maxChars": 3 },
        "Flag": { "type": "Boolean", "default": true },
        "Map": { "type": "StringMap", "default": {} },
        "Maps": { "type": "MapList", "default": [] },
    });
    create(&house, "Doc", json!([sleep("one")]), parameters).await;
    let command = json!({
        "schemaVersion": "2.2",
        "mainSteps": [{ "action": "aws:runShellScript", "name": "r", "inputs": { "runCommand": ["true"] } }],
    });
    done(&house, "CreateDocument", json!({ "Name": "Cmd", "Content": command.to_string() })).await;
    let with = |name: &str, values: Value| json!({ "DocumentName": "Doc", "Parameters": { "Must": ["1"], name: values } });
    let also = |member: &str, value: Value| {
        let mut request = json!({ "DocumentName": "Doc", "Parameters": { "Must": ["1"] } });
        request[member] = value;
        request
    };
    let target = |name: &str, targets: Value| json!({ "DocumentName": "Doc", "TargetParameterName": name, "Targets": targets });
    let values = json!([{ "Key": "ParameterValues", "Values": ["1"] }]);
    let here = json!({ "Accounts": [crate::OURS], "Regions": ["us-east-1"] });
    let rows = [
        (json!({ "DocumentName": "None" }), "400 AutomationDefinitionNotFoundException: ..."),
        (
            also("DocumentVersion", json!("9")),
            "400 AutomationDefinitionVersionNotFoundException: ...",
        ),
        (json!({ "DocumentName": "Cmd" }), INVALID),
        (json!({ "DocumentName": "Doc" }), INVALID),
        (with("Must", json!(["x"])), INVALID),
        (with("Must", json!(["1", "2"])), INVALID),
        (with("None", json!(["x"])), INVALID),
        (with("Choice", json!(["c"])), INVALID),
        (with("Shape", json!(["1x"])), INVALID),
        (with("Few", json!(["a", "b", "c"])), INVALID),
        (with("Short", json!(["abcd"])), INVALID),
        (with("Flag", json!(["maybe"])), INVALID),
        (with("Map", json!(["x"])), INVALID),
        (with("Maps", json!(["{}", "x"])), INVALID),
        (with("Short", json!(["x".repeat(513)])), "400 ValidationException: ..."),
        (target("must", values.clone()), INVALID),
        (target("Must", json!([])), "400 InvalidTarget: ..."),
        (also("Targets", values.clone()), "400 InvalidTarget: ..."),
        (
            target("Must", json!([{ "Key": "Colour", "Values": ["red"] }])),
            "400 InvalidTarget: Target key can have only following values : ParameterValues, ResourceGroup",
        ),
        (
            target("Must", json!([{ "Key": "ParameterValues", "Values": [] }])),
            "400 InvalidTarget: ...",
        ),
        (also("TargetMaps", json!([{ "None": ["1"] }])), INVALID),
        (
            also("TargetLocations", json!([{ "Accounts": ["1"], "Regions": ["r"] }])),
            "400 InvalidTarget: ...",
        ),
        (
            also("TargetLocations", json!([here.clone(), here.clone()])),
            "400 InvalidTarget: More than one of TargetLocations is not supported by this version of Trackway.",
        ),
        (
            also("TargetLocationsURL", json!("https://bucket.s3.amazonaws.com/locations.json")),
            "400 InvalidTarget: TargetLocationsURL is not supported by this version of Trackway.",
        ),
        (also("MaxConcurrency", json!("0")), "400 ValidationException: ..."),
        (also("Mode", json!("Manual")), "400 ValidationException: ..."),
        (also("ClientToken", json!("short")), "400 ValidationException: ..."),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(request, said)| ("StartAutomationExecution", request, said))
        .collect();
    check(&house, &rows).await;
    let given = json!({
        "Must": ["7"], "Choice": ["b"], "Shape": ["z9"], "Few": ["a", "b"], "Short": ["abc"],
        "Flag": ["False"], "Map": ["{\"k\":1}"], "Maps": ["{\"a\":1}", "{\"b\":2}"],
    });
    let id = start(&house, json!({ "DocumentName": "Doc", "Parameters": given })).await;
    let mut shown = once(&house, &id, ENDED).await["Parameters"].take();
    given.as_object().unwrap().iter().filter(|(name, _)| *name != "Flag").for_each(
        |(name, value)| {
            assert_eq!(shown[name].take(), *value, "{name}");
        },
    );
    assert_eq!(shown["Flag"], json!(["false"]));
}

#[tokio::test]
async fn a_role_has_the_form_of_a_role() {
    let house = house().await;
    let content = json!({
        "schemaVersion": "0.3",
        "assumeRole": "{{ Role }}",
        "parameters": { "Role": { "type": "String", "default": "" } },
        "mainSteps": [sleep("one")],
    });
    let request =
        json!({ "Name": "Doc", "DocumentType": "Automation", "Content": content.to_string() });
    done(&house, "CreateDocument", request).await;
    let with = |role: &str| json!({ "DocumentName": "Doc", "Parameters": { "Role": [role] } });
    let wrong = "400 InvalidAutomationExecutionParametersException: The format of the supplied assume role ARN is invalid.";
    check(
        &house,
        &[
            ("StartAutomationExecution", with("admin"), wrong),
            ("StartAutomationExecution", with("arn:aws:iam::1:role/x"), wrong),
            ("StartAutomationExecution", with("arn:aws:iam::000000000000:user/x"), wrong),
            ("StartAutomationExecution", with("arn:aws:iam::000000000000:role/x"), "200"),
            ("StartAutomationExecution", json!({ "DocumentName": "Doc" }), "200"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_client_token_starts_once_even_at_once() {
    let house = house().await;
    create(
        &house,
        "Doc",
        json!([sleep("one")]),
        json!({ "P": { "type": "String", "default": "x" } }),
    )
    .await;
    let token = "12345678-1234-1234-1234-1234567890ab";
    let request = json!({ "DocumentName": "Doc", "ClientToken": token });
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = house.client.clone();
        let post = crate::post(crate::OURS, "StartAutomationExecution", request.to_string());
        starts.spawn(async move { client.send(post).await.into_body() });
    }
    let mut answers: Vec<_> = starts.join_all().await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let mut other = request.clone();
    other["Parameters"] = json!({ "P": ["y"] });
    check(&house, &[("StartAutomationExecution", other, "400 IdempotentParameterMismatch: ...")])
        .await;
    let listed =
        pages(&house, "DescribeAutomationExecutions", json!({}), "AutomationExecutionMetadataList")
            .await;
    assert_eq!(listed.len(), 1);
    // The same token still answers when the document is gone; a refused request leaves none.
    done(&house, "DeleteDocument", json!({ "Name": "Doc" })).await;
    done(&house, "StartAutomationExecution", request).await;
    let late =
        json!({ "DocumentName": "Late", "ClientToken": "12345678-1234-1234-1234-1234567890ac" });
    check(
        &house,
        &[(
            "StartAutomationExecution",
            late.clone(),
            "400 AutomationDefinitionNotFoundException: ...",
        )],
    )
    .await;
    create(&house, "Late", json!([sleep("one")]), json!({})).await;
    done(&house, "StartAutomationExecution", late).await;
}

#[tokio::test]
async fn a_client_token_stands_for_a_day_whatever_its_case() {
    let house = house().await;
    create(&house, "Doc", json!([sleep("one")]), json!({})).await;
    let token = "12345678-abcd-1234-1234-1234567890ab";
    let with = |token: &str| json!({ "DocumentName": "Doc", "ClientToken": token });
    let first = start(&house, with(token)).await;
    once(&house, &first, ENDED).await;
    assert_eq!(start(&house, with(&token.to_uppercase())).await, first);
    let tokens = async || {
        let catalog = house.engine.catalog();
        let page = catalog.list("000000000000/us-east-1", 16, b"", None, 100).await.unwrap();
        page.rows.len()
    };
    for number in 0..9 {
        start(&house, with(&format!("f000000{number}-0000-0000-0000-000000000000"))).await;
    }
    assert_eq!(tokens().await, 10);
    house.engine.advance(23 * 60 * 60 * 1000);
    assert_eq!(start(&house, with(token)).await, first);
    house.engine.advance(2 * 60 * 60 * 1000);
    // It may be used again by now, for something else even, and others that are over go away.
    let mut other = with(token);
    other["Mode"] = json!("Interactive");
    let second = start(&house, other).await;
    assert_ne!(second, first);
    assert_eq!(tokens().await, 6);
    once(&house, &first, ENDED).await;
}

#[tokio::test]
async fn what_is_not_there_or_over_is_refused() {
    let house = house().await;
    create(&house, "Doc", json!([sleep("one")]), json!({})).await;
    let id = start(&house, json!({ "DocumentName": "Doc" })).await;
    once(&house, &id, ENDED).await;
    let of = |id: &str| json!({ "AutomationExecutionId": id });
    let signal = |id: &str, kind: &str| json!({ "AutomationExecutionId": id, "SignalType": kind });
    let steps = |member: &str, value: Value| {
        let mut request = of(&id);
        request[member] = value;
        request
    };
    let filter = |key: &str, values: Value| json!([{ "Key": key, "Values": values }]);
    let not_found = "400 AutomationExecutionNotFoundException: ...";
    let token = "400 InvalidNextToken: The specified token is not valid.";
    let mut rows = vec![
        ("GetAutomationExecution", of(UNKNOWN), not_found),
        ("GetAutomationExecution", of("x"), "400 ValidationException: ..."),
        ("DescribeAutomationStepExecutions", of(UNKNOWN), not_found),
        ("StopAutomationExecution", of(UNKNOWN), not_found),
        ("StopAutomationExecution", of(&id), "400 InvalidAutomationStatusUpdateException: ..."),
        ("SendAutomationSignal", signal(UNKNOWN, "Approve"), not_found),
        ("SendAutomationSignal", signal(&id, "Wave"), "400 ValidationException: ..."),
        ("DescribeAutomationStepExecutions", steps("NextToken", json!("x")), token),
        (
            "DescribeAutomationStepExecutions",
            steps("MaxResults", json!(0)),
            "400 ValidationException: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("MaxResults", json!(51)),
            "400 ValidationException: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", json!([])),
            "400 ValidationException: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", filter("Colour", json!(["red"]))),
            "400 ValidationException: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", filter("StepName", json!([]))),
            "400 ValidationException: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", filter("StepExecutionStatus", json!(["Nope"]))),
            "400 InvalidFilterValue: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", filter("StepExecutionStatus", json!(["Approved"]))),
            "200",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", filter("StartTimeAfter", json!(["soon"]))),
            "400 InvalidFilterValue: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", filter("StartTimeAfter", json!(["1767225600"]))),
            "200",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps("Filters", filter("ParentStepIteration", json!(["one"]))),
            "400 InvalidFilterValue: ...",
        ),
        (
            "DescribeAutomationStepExecutions",
            steps(
                "Filters",
                json!([{ "Key": "StepName", "Values": ["a"] }, { "Key": "StepName", "Values": ["b"] }]),
            ),
            "400 InvalidFilterKey",
        ),
        (
            "DescribeAutomationExecutions",
            json!({ "Filters": filter("ExecutionStatus", json!(["Nope"])) }),
            "400 InvalidFilterValue: ...",
        ),
        (
            "DescribeAutomationExecutions",
            json!({ "Filters": filter("AutomationType", json!(["Nope"])) }),
            "400 InvalidFilterValue: ...",
        ),
        (
            "DescribeAutomationExecutions",
            json!({ "Filters": filter("StartTimeBefore", json!(["Nope"])) }),
            "400 InvalidFilterValue: ...",
        ),
        ("DescribeAutomationExecutions", json!({ "NextToken": "x" }), token),
    ];
    for kind in ["Approve", "Reject", "StartStep", "StopStep", "Resume", "Revoke"] {
        rows.push((
            "SendAutomationSignal",
            signal(&id, kind),
            "400 InvalidAutomationSignalException: ...",
        ));
    }
    check(&house, &rows).await;
    // Nobody sees another account's.
    let (said, _) = ask_as(&house, OTHER, "GetAutomationExecution", &of(&id)).await;
    assert!(said.starts_with("400 AutomationExecutionNotFoundException"), "{said}");
}

#[tokio::test]
async fn page_tokens_are_good_for_their_own_request_only() {
    let house = house().await;
    create(&house, "Doc", json!([sleep("one"), sleep("two"), sleep("three")]), json!({})).await;
    let id = start(&house, json!({ "DocumentName": "Doc" })).await;
    let other = start(&house, json!({ "DocumentName": "Doc" })).await;
    once(&house, &id, ENDED).await;
    let steps = |id: &str| json!({ "AutomationExecutionId": id, "MaxResults": 1 });
    let page = done(&house, "DescribeAutomationStepExecutions", steps(&id)).await;
    let with = |request: Value, member: &str, value: Value| {
        let mut request = request;
        request["NextToken"] = page["NextToken"].clone();
        request[member] = value;
        request
    };
    let filters = json!([{ "Key": "StepName", "Values": ["two"] }]);
    let invalid = "400 InvalidNextToken: ...";
    check(
        &house,
        &[
            ("DescribeAutomationStepExecutions", with(steps(&id), "MaxResults", json!(2)), "200"),
            (
                "DescribeAutomationStepExecutions",
                with(steps(&other), "MaxResults", json!(1)),
                invalid,
            ),
            (
                "DescribeAutomationStepExecutions",
                with(steps(&id), "ReverseOrder", json!(true)),
                invalid,
            ),
            ("DescribeAutomationStepExecutions", with(steps(&id), "Filters", filters), invalid),
            ("DescribeAutomationExecutions", with(json!({}), "MaxResults", json!(1)), invalid),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_runbook_starts_a_runbook_and_hears_of_its_end() {
    let house = house().await;
    create(&house, "Child", json!([sleep("only")]), json!({ "Who": { "type": "String" } })).await;
    let call = |name: &str, inputs: Value| json!({ "name": name, "action": "aws:executeAutomation", "inputs": inputs, "onFailure": "Continue" });
    let steps = json!([
        call("good", json!({ "DocumentName": "Child", "RuntimeParameters": { "Who": ["me"] } })),
        call("bad", json!({ "DocumentName": "Child", "RuntimeParameters": { "What": ["me"] } })),
        call("gone", json!({ "DocumentName": "Nowhere" })),
    ]);
    create(&house, "Doc", steps, json!({})).await;
    let id = start(&house, json!({ "DocumentName": "Doc" })).await;
    let ended = once(&house, &id, ENDED).await;
    let told: Vec<_> = ended["StepExecutions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (step["StepStatus"].as_str().unwrap(), step["FailureMessage"].as_str().unwrap_or(""))
        })
        .collect();
    assert_eq!(told[0], ("Success", ""));
    assert!(told[1].1.contains("InvalidAutomationExecutionParameters"), "{told:?}");
    assert!(told[2].1.contains("AutomationDefinitionNotFound"), "{told:?}");
    let request = json!({ "Filters": [{ "Key": "ParentExecutionId", "Values": [id] }] });
    let children =
        pages(&house, "DescribeAutomationExecutions", request, "AutomationExecutionMetadataList")
            .await;
    assert_eq!(children.len(), 1);
    assert_eq!(children[0]["ParentAutomationExecutionId"], json!(id));
}

#[tokio::test]
async fn a_runbook_runs_a_state_machine_and_sees_what_describe_execution_says() {
    let house = house().await;
    for (name, state) in [
        ("good", json!({ "Type": "Pass", "Result": { "x": 1 }, "End": true })),
        ("bad", json!({ "Type": "Fail", "Error": "Bad", "Cause": "no luck" })),
    ] {
        let definition = json!({ "StartAt": "A", "States": { "A": state } }).to_string();
        let machine = json!({
            "name": name, "roleArn": "arn:aws:iam::000000000000:role/r", "definition": definition,
        });
        assert_eq!(house.client.ask("CreateStateMachine", &machine).await.status, 200);
    }
    let call = |name: &str| {
        let arn = format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}");
        json!({
            "name": name, "action": "aws:executeStateMachine", "onFailure": "Continue",
            "inputs": { "stateMachineArn": arn, "input": "{\"in\":true}" },
        })
    };
    create(&house, "Doc", json!([call("good"), call("bad"), call("gone")]), json!({})).await;
    let id = start(&house, json!({ "DocumentName": "Doc" })).await;
    let ended = once(&house, &id, ENDED).await;
    let steps = ended["StepExecutions"].as_array().unwrap();
    let statuses: Vec<_> = steps.iter().map(|step| step["StepStatus"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["Success", "Failed", "Failed"], "{ended}");
    let outputs = &steps[0]["Outputs"];
    assert_eq!(outputs["status"], json!(["SUCCEEDED"]));
    assert_eq!(outputs["output"], json!(["{\"x\":1}"]));
    assert!(outputs["stopDate"][0].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert!(steps[2]["FailureMessage"].as_str().unwrap().contains("StateMachineDoesNotExist"));
}
