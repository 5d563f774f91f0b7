//! Deploy, CloudFormation: each action mode, each way it ends.

use serde_json::{Value, json};

use crate::house::{Aws, House, ID, Reply, artifact, refuses_xml, says_xml};

const STACK: &str = "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1";

fn stack(status: &str) -> Reply {
    stack_with(status, "")
}

fn stack_with(status: &str, more: &str) -> Reply {
    says_xml(
        "DescribeStacks",
        &format!(
            "<Stacks><member><StackName>s</StackName><StackId>{STACK}</StackId><CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>{status}</StackStatus>{more}</member></Stacks>"
        ),
    )
}

const OUTPUTS: &str = "<Outputs><member><OutputKey>Url</OutputKey><OutputValue>http://x</OutputValue></member></Outputs>";

fn absent() -> Reply {
    refuses_xml("DescribeStacks", "ValidationError", "Stack with id s does not exist")
}

fn started(operation: &'static str) -> Reply {
    says_xml(operation, &format!("<StackId>{STACK}</StackId>"))
}

fn event(resource: &str, status: &str, why: &str, token: &str) -> String {
    let physical = if resource == "s" { STACK } else { resource };
    format!(
        "<member><EventId>e</EventId><StackName>s</StackName><Timestamp>2026-01-01T00:00:00Z</Timestamp><StackId>{STACK}</StackId><PhysicalResourceId>{physical}</PhysicalResourceId><LogicalResourceId>{resource}</LogicalResourceId><ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{why}</ResourceStatusReason><ClientRequestToken>{token}</ClientRequestToken></member>"
    )
}

fn events(list: &[String]) -> Reply {
    let all = list.concat();
    says_xml("DescribeStackEvents", &format!("<StackEvents>{all}</StackEvents>"))
}

fn broken() -> Reply {
    events(&[
        event("s", "ROLLBACK_COMPLETE", "", ID),
        event("Topic", "CREATE_FAILED", "no such name", ID),
        event("s", "CREATE_IN_PROGRESS", "User Initiated", ID),
    ])
}

async fn house(aws: &Aws, mode: &str, more: Value) -> House {
    let mut configuration = json!({
        "ActionMode": mode,
        "StackName": "s",
        "ChangeSetName": "c",
        "TemplatePath": "In::template.json",
    });
    for (name, value) in more.as_object().unwrap() {
        configuration[name] = value.clone();
    }
    let mut house = House::new(aws, ("Deploy", "CloudFormation"), configuration);
    let settings = r#"{"Parameters": {"A": "a", "B": "b"}, "Tags": {"t": "v"}, "StackPolicy": {"Statement": []}}"#;
    let files =
        [("template.json", "{}"), ("settings.json", settings), ("values.json", r#"{"k": "w"}"#)];
    house.input("In", &files).await;
    house
}

#[tokio::test]
async fn a_stack_is_created_and_its_outputs_are_variables() {
    let replies = [
        absent(),
        started("CreateStack"),
        stack("CREATE_IN_PROGRESS"),
        stack_with("CREATE_COMPLETE", OUTPUTS),
    ];
    let aws = Aws::start(replies).await;
    let more = json!({
        "TemplateConfiguration": "In::settings.json",
        "ParameterOverrides": r#"{"B": {"Fn::GetParam": ["In", "values.json", "k"]}, "C": {"Fn::GetArtifactAtt": ["In", "ObjectKey"]}}"#,
        "Capabilities": "CAPABILITY_IAM,CAPABILITY_AUTO_EXPAND",
        "RoleArn": "arn:aws:iam::000000000000:role/cfn",
        "OutputFileName": "out.json",
    });
    let mut house = house(&aws, "CREATE_UPDATE", more).await;
    house.call.output_artifacts.push(artifact("Out"));
    let done = house.done().await;
    assert_eq!(Value::Object(done.output_variables), json!({"Url": "http://x"}));
    assert_eq!(done.output_artifacts, ["Out"]);
    assert_eq!(done.details.external_execution_id.as_deref(), Some(STACK));
    assert!(done.details.url.unwrap().contains("stackId=arn%3Aaws%3Acloudformation"));
    assert_eq!(house.output(&artifact("Out"), "out.json").await, r#"{"Url":"http://x"}"#);
    let asked = aws.body("CreateStack");
    for part in [
        "StackName=s",
        "TemplateBody=%7B%7D",
        "Parameters.member.1.ParameterKey=A&Parameters.member.1.ParameterValue=a",
        "Parameters.member.2.ParameterKey=B&Parameters.member.2.ParameterValue=w",
        "Parameters.member.3.ParameterKey=C&Parameters.member.3.ParameterValue=p%2FIn%2Fabc1234",
        "Tags.member.1.Key=t",
        "StackPolicyBody=",
        "Capabilities.member.2=CAPABILITY_AUTO_EXPAND",
        "RoleARN=arn%3Aaws%3Aiam",
        &format!("ClientRequestToken={ID}"),
    ] {
        assert!(asked.contains(part), "{part} is not in {asked}");
    }
    let expected = ["DescribeStacks", "CreateStack", "DescribeStacks", "DescribeStacks"];
    assert_eq!(aws.operations(), expected);
}

#[tokio::test]
async fn a_failed_stack_says_which_resource_failed() {
    let replies = [absent(), started("CreateStack"), stack("ROLLBACK_COMPLETE"), broken()];
    let aws = Aws::start(replies).await;
    let (code, message, details) = house(&aws, "CREATE_UPDATE", json!({})).await.failure().await;
    assert_eq!(code, "JobFailed");
    let expected = "Failed to create stack. Current status: ROLLBACK_COMPLETE. Topic: no such name";
    assert_eq!(message, expected);
    assert_eq!(details.summary.as_deref(), Some(expected));
    assert_eq!(details.external_execution_id.as_deref(), Some(STACK));
}

#[tokio::test]
async fn a_stack_is_updated_or_is_as_it_should_be() {
    let replies = [stack("CREATE_COMPLETE"), started("UpdateStack"), stack("UPDATE_COMPLETE")];
    let aws = Aws::start(replies).await;
    house(&aws, "CREATE_UPDATE", json!({})).await.done().await;
    assert_eq!(aws.operations().len(), 3);

    let nothing = "No updates are to be performed.";
    let replies = [
        stack_with("CREATE_COMPLETE", OUTPUTS),
        refuses_xml("UpdateStack", "ValidationError", nothing),
    ];
    let aws = Aws::start(replies).await;
    let done = house(&aws, "CREATE_UPDATE", json!({})).await.done().await;
    assert_eq!(Value::Object(done.output_variables), json!({"Url": "http://x"}));

    let replies = [
        stack("CREATE_COMPLETE"),
        started("UpdateStack"),
        stack("UPDATE_ROLLBACK_COMPLETE"),
        refuses_xml("DescribeStackEvents", "AccessDenied", "no"),
    ];
    let aws = Aws::start(replies).await;
    let (_, message, _) = house(&aws, "CREATE_UPDATE", json!({})).await.failure().await;
    let expected = "Failed to update stack. Current status: UPDATE_ROLLBACK_COMPLETE. Status reason is not available because IAM role associated with the action does not have CloudFormation DescribeStackEvents permission";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn what_a_crash_left_in_progress_is_not_started_again() {
    let ours = events(&[event("s", "CREATE_IN_PROGRESS", "", ID)]);
    let aws = Aws::start([stack("CREATE_IN_PROGRESS"), ours, stack("CREATE_COMPLETE")]).await;
    house(&aws, "CREATE_UPDATE", json!({})).await.done().await;
    let expected = ["DescribeStacks", "DescribeStackEvents", "DescribeStacks"];
    assert_eq!(aws.operations(), expected);
}

#[tokio::test]
async fn a_stack_that_failed_is_replaced() {
    let replies = [
        stack("ROLLBACK_COMPLETE"),
        says_xml("DeleteStack", ""),
        stack("DELETE_IN_PROGRESS"),
        absent(),
        absent(),
        started("CreateStack"),
        stack("CREATE_COMPLETE"),
    ];
    let aws = Aws::start(replies).await;
    house(&aws, "REPLACE_ON_FAILURE", json!({})).await.done().await;
    assert_eq!(aws.operations().len(), 7);
    let replies = [stack("UPDATE_COMPLETE"), started("UpdateStack"), stack("UPDATE_COMPLETE")];
    let aws = Aws::start(replies).await;
    house(&aws, "REPLACE_ON_FAILURE", json!({})).await.done().await;
    assert_eq!(aws.operations().len(), 3);
}

#[tokio::test]
async fn a_stack_is_deleted_if_there_is_one() {
    let aws = Aws::start([absent()]).await;
    house(&aws, "DELETE_ONLY", json!({})).await.done().await;

    let replies = [stack("CREATE_COMPLETE"), says_xml("DeleteStack", ""), absent()];
    let aws = Aws::start(replies).await;
    house(&aws, "DELETE_ONLY", json!({})).await.done().await;
    assert_eq!(aws.operations().len(), 3);

    let stuck = events(&[
        event("Bucket", "DELETE_FAILED", "not empty", ID),
        event("s", "DELETE_IN_PROGRESS", "", ID),
    ]);
    let replies =
        [stack("CREATE_COMPLETE"), says_xml("DeleteStack", ""), stack("DELETE_FAILED"), stuck];
    let aws = Aws::start(replies).await;
    let (_, message, _) = house(&aws, "DELETE_ONLY", json!({})).await.failure().await;
    let expected = "Failed to delete stack. Current status: DELETE_FAILED. Bucket: not empty";
    assert_eq!(message, expected);
}

fn made() -> Reply {
    says_xml("CreateChangeSet", &format!("<Id>arn:c</Id><StackId>{STACK}</StackId>"))
}

fn change_set(status: &str, execution: &str, why: &str) -> Reply {
    says_xml(
        "DescribeChangeSet",
        &format!(
            "<ChangeSetId>arn:c</ChangeSetId><StackId>{STACK}</StackId><Status>{status}</Status><ExecutionStatus>{execution}</ExecutionStatus><StatusReason>{why}</StatusReason>"
        ),
    )
}

#[tokio::test]
async fn a_change_set_is_made_anew() {
    let replies = [
        absent(),
        made(),
        change_set("CREATE_IN_PROGRESS", "UNAVAILABLE", ""),
        change_set("CREATE_COMPLETE", "AVAILABLE", ""),
        stack("REVIEW_IN_PROGRESS"),
    ];
    let aws = Aws::start(replies).await;
    house(&aws, "CHANGE_SET_REPLACE", json!({})).await.done().await;
    assert_eq!(aws.operations().len(), 5);
    assert!(aws.body("CreateChangeSet").contains("ChangeSetType=CREATE"));

    let replies = [
        stack("CREATE_COMPLETE"),
        refuses_xml("DeleteChangeSet", "ChangeSetNotFound", "ChangeSet [c] does not exist"),
        made(),
        change_set("FAILED", "UNAVAILABLE", "No updates are to be performed."),
        stack("CREATE_COMPLETE"),
    ];
    let aws = Aws::start(replies).await;
    house(&aws, "CHANGE_SET_REPLACE", json!({})).await.done().await;
    assert!(aws.body("CreateChangeSet").contains("ChangeSetType=UPDATE"));

    let replies = [absent(), made(), change_set("FAILED", "UNAVAILABLE", "Transform failed")];
    let aws = Aws::start(replies).await;
    let (_, message, _) = house(&aws, "CHANGE_SET_REPLACE", json!({})).await.failure().await;
    let expected = "Failed to create change set. Current status: FAILED. Transform failed";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_change_set_takes_no_stack_policy() {
    let aws = Aws::start([absent()]).await;
    let more = json!({"TemplateConfiguration": "In::settings.json"});
    let (code, message, _) = house(&aws, "CHANGE_SET_REPLACE", more).await.failure().await;
    assert_eq!(code, "ConfigurationError");
    assert!(message.contains("StackPolicy"), "{message}");
}

#[tokio::test]
async fn a_change_set_is_executed() {
    let ready = || change_set("CREATE_COMPLETE", "AVAILABLE", "");
    let replies = [
        ready(),
        says_xml("ExecuteChangeSet", ""),
        change_set("CREATE_COMPLETE", "EXECUTE_IN_PROGRESS", ""),
        refuses_xml("DescribeChangeSet", "ChangeSetNotFound", "ChangeSet [c] does not exist"),
        stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        stack_with("UPDATE_COMPLETE", OUTPUTS),
    ];
    let aws = Aws::start(replies).await;
    let done = house(&aws, "CHANGE_SET_EXECUTE", json!({})).await.done().await;
    assert_eq!(Value::Object(done.output_variables), json!({"Url": "http://x"}));
    assert_eq!(aws.operations().len(), 6);

    let replies = [
        ready(),
        says_xml("ExecuteChangeSet", ""),
        change_set("CREATE_COMPLETE", "EXECUTE_FAILED", ""),
        stack("ROLLBACK_COMPLETE"),
        broken(),
    ];
    let aws = Aws::start(replies).await;
    let (_, message, _) = house(&aws, "CHANGE_SET_EXECUTE", json!({})).await.failure().await;
    let expected = "Failed to execute change set. Current stack status: ROLLBACK_COMPLETE. Topic: no such name";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn an_empty_change_set_is_as_good_as_executed_and_a_missing_one_is_not() {
    let why = "The submitted information didn't contain changes. Submit different information to create a change set.";
    let replies = [change_set("FAILED", "UNAVAILABLE", why), stack("CREATE_COMPLETE")];
    let aws = Aws::start(replies).await;
    house(&aws, "CHANGE_SET_EXECUTE", json!({})).await.done().await;

    let aws = Aws::start([refuses_xml(
        "DescribeChangeSet",
        "ChangeSetNotFound",
        "ChangeSet [c] does not exist",
    )])
    .await;
    let (_, message, _) = house(&aws, "CHANGE_SET_EXECUTE", json!({})).await.failure().await;
    let expected = "ChangeSet [c] does not exist (Service: AmazonCloudFormation; Status Code: 400; Error Code: ChangeSetNotFound; Request ID: r-1)";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_large_template_goes_by_s3() {
    let large = format!("{{\"Description\": \"{}\"}}", "x".repeat(60_000));
    let key = format!("PUT /store/p/In/abc1234-{ID}-template");
    let put = Reply::plain(Box::leak(key.into_boxed_str()));
    let replies = [absent(), put, started("CreateStack"), stack("CREATE_COMPLETE")];
    let aws = Aws::start(replies).await;
    let configuration = json!({
        "ActionMode": "CREATE_UPDATE", "StackName": "s", "TemplatePath": "In::template.json",
    });
    let mut house = House::new(&aws, ("Deploy", "CloudFormation"), configuration);
    house.input("In", &[("template.json", &large)]).await;
    house.done().await;
    let url = format!(
        "TemplateURL=https%3A%2F%2Fs3.us-east-1.amazonaws.com%2Fstore%2Fp%2FIn%2Fabc1234-{ID}-template"
    );
    assert!(aws.body("CreateStack").contains(&url), "{}", aws.body("CreateStack"));
}

#[tokio::test]
async fn what_is_configured_wrong_is_told() {
    for (more, part) in [
        (json!({"ActionMode": "DESTROY"}), "The action mode DESTROY is none of"),
        (json!({"StackName": ""}), "Action configuration is missing 'StackName' configuration."),
        (json!({"TemplatePath": "template.json"}), "ARTIFACT::FILE"),
        (json!({"TemplatePath": "Other::template.json"}), "Other is not an input artifact"),
        (json!({"TemplatePath": "In::../x"}), "it is not a path within it"),
        (json!({"TemplatePath": "In::missing.json"}), "Could not read the file missing.json"),
        (json!({"ParameterOverrides": "[]"}), "ParameterOverrides is not a JSON object"),
    ] {
        let aws = Aws::start([absent()]).await;
        let mut configuration = json!({"ActionMode": "CREATE_UPDATE"});
        for (name, value) in more.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        let (_, message, _) = house(&aws, "CREATE_UPDATE", configuration).await.failure().await;
        assert!(message.contains(part), "{part} is not in {message}");
    }
}
