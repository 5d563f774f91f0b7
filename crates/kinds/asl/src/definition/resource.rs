//! What a Task's `Resource` names.
//!
//! Source: "Integrating services" and "Task state" in the Step Functions developer guide; the
//! refusals' texts are AWS's.

use super::{Pattern, Resource};

/// How an optimized integration may answer: request-response always, and these.
#[derive(Clone, Copy)]
struct Offer {
    sync: bool,
    token: bool,
}

const ANSWER: Offer = Offer { sync: false, token: false };
const SYNC: Offer = Offer { sync: true, token: false };
const TOKEN: Offer = Offer { sync: false, token: true };
const BOTH: Offer = Offer { sync: true, token: true };

/// The optimized integrations: service, its actions, what they offer.
const OPTIMIZED: &[(&str, &[&str], Offer)] = &[
    ("lambda", &["invoke"], TOKEN),
    ("states", &["startExecution"], BOTH),
    ("sns", &["publish"], TOKEN),
    ("sqs", &["sendMessage"], TOKEN),
    ("events", &["putEvents"], TOKEN),
    ("dynamodb", &["getItem", "putItem", "deleteItem", "updateItem"], ANSWER),
    ("apigateway", &["invoke"], TOKEN),
    ("http", &["invoke"], ANSWER),
    ("ecs", &["runTask"], BOTH),
    ("batch", &["submitJob"], BOTH),
    ("glue", &["startJobRun"], SYNC),
    ("databrew", &["startJobRun"], SYNC),
    ("codebuild", &["startBuild", "startBuildBatch"], SYNC),
    ("codebuild", &["stopBuild", "stopBuildBatch", "batchDeleteBuilds", "batchGetReports"], ANSWER),
    ("athena", &["startQueryExecution"], SYNC),
    ("athena", &["stopQueryExecution", "getQueryExecution", "getQueryResults"], ANSWER),
    ("bedrock", &["invokeModel"], TOKEN),
    ("bedrock", &["createModelCustomizationJob"], SYNC),
    ("mediaconvert", &["createJob"], SYNC),
    ("sagemaker", &["createTrainingJob", "createTransformJob", "createProcessingJob"], SYNC),
    ("sagemaker", &["createHyperParameterTuningJob", "createLabelingJob"], SYNC),
    ("sagemaker", &["createEndpoint", "createEndpointConfig", "createModel"], ANSWER),
    ("sagemaker", &["updateEndpoint"], ANSWER),
    ("eks", &["call"], ANSWER),
    ("eks", &["runJob"], SYNC),
    ("eks", &["createCluster", "deleteCluster", "createNodegroup", "deleteNodegroup"], SYNC),
    ("eks", &["createFargateProfile", "deleteFargateProfile"], SYNC),
    ("elasticmapreduce", &["createCluster", "terminateCluster", "addStep"], SYNC),
    ("elasticmapreduce", &["cancelStep", "setClusterTerminationProtection"], ANSWER),
    ("elasticmapreduce", &["modifyInstanceFleetByName", "modifyInstanceGroupByName"], ANSWER),
    ("emr-containers", &["createVirtualCluster"], ANSWER),
    ("emr-containers", &["deleteVirtualCluster", "startJobRun"], SYNC),
    ("emr-serverless", &["createApplication", "startApplication", "stopApplication"], SYNC),
    ("emr-serverless", &["deleteApplication", "startJobRun", "cancelJobRun"], SYNC),
    ("bedrock-agentcore", &["invokeAgentRuntime", "invokeHarness"], ANSWER),
];

/// Request fields that AWS asks for when the definition is created: service, action, field.
const REQUIRED: &[(&str, &str, &str)] = &[
    ("lambda", "invoke", "FunctionName"),
    ("sqs", "sendMessage", "QueueUrl"),
    ("sqs", "sendMessage", "MessageBody"),
    ("sns", "publish", "Message"),
    ("dynamodb", "putItem", "TableName"),
    ("dynamodb", "putItem", "Item"),
    ("dynamodb", "getItem", "TableName"),
    ("dynamodb", "getItem", "Key"),
    ("states", "startExecution", "StateMachineArn"),
    ("events", "putEvents", "Entries"),
    ("ecs", "runTask", "TaskDefinition"),
    ("glue", "startJobRun", "JobName"),
];

/// Reads a `Resource`.
///
/// # Errors
/// AWS's message about a value that is no ARN or names no integration.
pub(super) fn parse(text: &str) -> Result<Resource, String> {
    let not_an_arn = || "Value is not a valid resource ARN".to_owned();
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &[scheme, partition, service, region, account, rest] = parts.as_slice() else {
        return Err(not_an_arn());
    };
    if scheme != "arn" || partition.is_empty() || rest.is_empty() {
        return Err(not_an_arn());
    }
    let arn = text.to_owned();
    match service {
        "lambda" if is_function(rest) => Ok(Resource::Lambda { arn }),
        "states" if !account.is_empty() && rest.starts_with("activity:") => {
            if region.is_empty() || rest == "activity:" {
                return Err(not_an_arn());
            }
            Ok(Resource::Activity { arn })
        }
        "states" => integration(text, rest).ok_or_else(|| not_recognized(text)),
        _ => Err(not_an_arn()),
    }
}

/// `function:NAME` or `function:NAME:QUALIFIER`.
fn is_function(rest: &str) -> bool {
    let mut parts = rest.split(':');
    let named = parts.next() == Some("function") && parts.next().is_some_and(|n| !n.is_empty());
    let qualified = parts.next().is_none_or(|qualifier| !qualifier.is_empty());
    named && qualified && parts.next().is_none()
}

fn not_recognized(arn: &str) -> String {
    format!(
        "The resource provided {arn} is not recognized. The value is not a valid resource ARN, or \
         the resource is not available in this region."
    )
}

/// `SERVICE:ACTION[PATTERN]` or `aws-sdk:SERVICE:ACTION[PATTERN]`.
fn integration(arn: &str, rest: &str) -> Option<Resource> {
    let (service, action) = match rest.strip_prefix("aws-sdk:") {
        Some(sdk) => {
            let (service, action) = sdk.split_once(':')?;
            (&rest[.."aws-sdk:".len() + service.len()], action)
        }
        None => rest.split_once(':')?,
    };
    let (name, pattern) = split_pattern(action)?;
    let offered = match service.strip_prefix("aws-sdk:") {
        Some(sdk) => is_sdk_name(sdk) && is_sdk_action(name) && pattern_is_in(pattern, TOKEN),
        None => OPTIMIZED.iter().any(|(of, actions, offer)| {
            *of == service && actions.contains(&name) && pattern_is_in(pattern, *offer)
        }),
    };
    // Only nested executions have the second form of `.sync`.
    if !offered || (pattern == Pattern::Sync2 && service != "states") {
        return None;
    }
    Some(Resource::Service {
        arn: arn.to_owned(),
        service: service.to_owned(),
        action: action.to_owned(),
        pattern,
    })
}

fn split_pattern(action: &str) -> Option<(&str, Pattern)> {
    let Some((name, suffix)) = action.split_once('.') else {
        return (!action.is_empty()).then_some((action, Pattern::RequestResponse));
    };
    let pattern = match suffix {
        "sync" => Pattern::Sync,
        "sync:2" => Pattern::Sync2,
        "waitForTaskToken" => Pattern::WaitForTaskToken,
        _ => return None,
    };
    Some((name, pattern))
}

fn pattern_is_in(pattern: Pattern, offer: Offer) -> bool {
    match pattern {
        Pattern::RequestResponse => true,
        Pattern::Sync | Pattern::Sync2 => offer.sync,
        Pattern::WaitForTaskToken => offer.token,
    }
}

fn is_sdk_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_sdk_action(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The request fields that must be given when the definition is created.
pub(super) fn required_fields(service: &str, action: &str) -> impl Iterator<Item = &'static str> {
    let name = action.split('.').next().unwrap_or_default().to_owned();
    let service = service.to_owned();
    REQUIRED
        .iter()
        .filter(move |(of, does, _)| *of == service && *does == name)
        .map(|(_, _, field)| *field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_told_apart() {
        let rows = [
            ("arn:aws:lambda:us-east-1:123456789012:function:f", "lambda"),
            ("arn:aws-cn:lambda:cn-north-1:123456789012:function:f:PROD", "lambda"),
            ("arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST", "lambda"),
            ("arn:aws:states:us-east-1:123456789012:activity:a", "activity"),
            ("arn:aws:states:::lambda:invoke", "lambda invoke RequestResponse"),
            (
                "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "lambda invoke.waitForTaskToken WaitForTaskToken",
            ),
            ("arn:aws:states:::states:startExecution.sync:2", "states startExecution.sync:2 Sync2"),
            (
                "arn:aws:states:us-east-1:123456789012:aws-sdk:s3:getObject",
                "aws-sdk:s3 getObject RequestResponse",
            ),
            (
                "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
                "aws-sdk:dynamodb putItem.waitForTaskToken WaitForTaskToken",
            ),
            ("arn:aws:states:::ecs:runTask.sync", "ecs runTask.sync Sync"),
        ];
        for (text, expected) in rows {
            let shown = match parse(text).expect(text) {
                Resource::Lambda { .. } => "lambda".to_owned(),
                Resource::Activity { .. } => "activity".to_owned(),
                Resource::Service { service, action, pattern, .. } => {
                    format!("{service} {action} {pattern:?}")
                }
            };
            assert_eq!(shown, expected, "{text}");
        }
    }

    #[test]
    fn other_values_are_refused() {
        let rows = [
            ("", "Value is not a valid resource ARN"),
            ("createUser", "Value is not a valid resource ARN"),
            ("${Function.Arn}", "Value is not a valid resource ARN"),
            ("arn:aws:lambda:us-east-1:123456789012:f", "Value is not a valid resource ARN"),
            ("arn:aws:s3:::bucket", "Value is not a valid resource ARN"),
            (
                "arn:aws:states:::lambda:invoke.sync",
                "The resource provided arn:aws:states:::lambda:invoke.sync is not recognized. The \
                 value is not a valid resource ARN, or the resource is not available in this region.",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).expect_err(text), expected);
        }
    }
}
