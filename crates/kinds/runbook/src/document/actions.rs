//! The 23 actions of the Automation reference: what each wants, and what it gives.

/// What is fixed about an action.
pub(super) struct Rule {
    /// `aws:...`.
    pub(super) name: &'static str,
    /// Inputs that have to be there.
    pub(super) required: &'static [&'static str],
    /// Of each group, one has to be there.
    pub(super) one_of: &'static [&'static [&'static str]],
    /// Further inputs. None if they are those of an API.
    pub(super) optional: Option<&'static [&'static str]>,
    /// Outputs that need no declaration. None if any name may be one.
    pub(super) outputs: &'static [&'static str],
    /// The largest `timeoutSeconds`, if there is one.
    pub(super) timeout_max: Option<i64>,
    /// Whether a step that `onCancel` names is run.
    pub(super) on_cancel: bool,
}

/// An ordinary action: inputs, outputs.
const fn rule(
    name: &'static str,
    required: &'static [&'static str],
    optional: Option<&'static [&'static str]>,
    outputs: &'static [&'static str],
) -> Rule {
    Rule { name, required, one_of: &[], optional, outputs, timeout_max: None, on_cancel: true }
}

/// The rule of an action.
pub(super) fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// Stands for an action that does not exist: nothing about it is wrong besides.
pub(super) static ANY: Rule = rule("", &[], None, &[]);

/// Whether cancelling a run while a step of this action runs follows its `onCancel`. Others may
/// have one all the same; it is then without effect.
#[must_use]
pub fn follows_on_cancel(action: &str) -> bool {
    find(action).is_none_or(|rule| rule.on_cancel)
}

/// All actions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

/// What every step has: the whole response.
pub(super) const WHOLE_RESPONSE: &str = "OutputPayload";

static RULES: [Rule; 23] = [
    Rule {
        timeout_max: Some(2_592_000),
        on_cancel: false,
        ..rule(
            "aws:approve",
            &["Approvers"],
            Some(&["NotificationArn", "Message", "MinRequiredApprovals"]),
            &["ApprovalStatus", "ApproverDecisions"],
        )
    },
    rule(
        "aws:assertAwsResourceProperty",
        &["Service", "Api", "PropertySelector", "DesiredValues"],
        None,
        &[],
    ),
    rule("aws:branch", &["Choices"], Some(&["Default"]), &[]),
    rule(
        "aws:changeInstanceState",
        &["InstanceIds", "DesiredState"],
        Some(&["CheckStateOnly", "Force", "AdditionalInfo"]),
        &["InstanceStates"],
    ),
    Rule {
        on_cancel: false,
        ..rule(
            "aws:copyImage",
            &["SourceRegion", "SourceImageId", "ImageName"],
            Some(&["ImageDescription", "Encrypted", "KmsKeyId", "ClientToken"]),
            &["ImageId", "ImageState"],
        )
    },
    Rule {
        on_cancel: false,
        ..rule(
            "aws:createImage",
            &["InstanceId", "ImageName"],
            Some(&["ImageDescription", "NoReboot", "BlockDeviceMappings"]),
            &["ImageId", "ImageState"],
        )
    },
    Rule {
        one_of: &[&["TemplateBody", "TemplateURL"]],
        on_cancel: false,
        ..rule("aws:createStack", &["StackName"], Some(CREATE_STACK), STACK)
    },
    Rule {
        on_cancel: false,
        ..rule("aws:createTags", &["ResourceIds", "Tags"], Some(&["ResourceType"]), &[])
    },
    rule("aws:deleteImage", &["ImageId"], Some(&[]), &[]),
    rule(
        "aws:deleteStack",
        &["StackName"],
        Some(&["ClientRequestToken", "RoleARN", "RetainResources", "RetainResources.member.N"]),
        STACK,
    ),
    rule(
        "aws:executeAutomation",
        &["DocumentName"],
        Some(EXECUTE_AUTOMATION),
        &["Output", "ExecutionId", "Status"],
    ),
    rule("aws:executeAwsApi", &["Service", "Api"], None, &[]),
    Rule {
        one_of: &[&["Script", "Attachment"]],
        timeout_max: Some(600),
        ..rule(
            "aws:executeScript",
            &["Runtime"],
            Some(&["Handler", "InputPayload", "Script", "Attachment"]),
            &["Payload"],
        )
    },
    rule(
        "aws:executeStateMachine",
        &["stateMachineArn"],
        Some(&["name", "input"]),
        &[
            "executionArn",
            "input",
            "name",
            "output",
            "startDate",
            "stateMachineArn",
            "status",
            "stopDate",
        ],
    ),
    rule(
        "aws:invokeLambdaFunction",
        &["FunctionName"],
        Some(&[
            "Qualifier",
            "InvocationType",
            "LogType",
            "ClientContext",
            "InputPayload",
            "Payload",
        ]),
        &["LogResult", "FunctionError", "Payload", "StatusCode"],
    ),
    rule("aws:invokeWebhook", &["IntegrationName"], Some(&["Body"]), &["Response", "ResponseCode"]),
    Rule {
        on_cancel: false,
        ..rule(
            "aws:loop",
            &["Steps"],
            Some(&["Iterators", "IteratorDataType", "LoopCondition", "MaxIterations"]),
            &["CurrentIteration", "CurrentIteratorValue"],
        )
    },
    Rule { on_cancel: false, ..rule("aws:pause", &[], Some(&[]), &[]) },
    Rule {
        one_of: &[&["InstanceIds", "Targets"]],
        ..rule(
            "aws:runCommand",
            &["DocumentName"],
            Some(RUN_COMMAND),
            &["CommandId", "Status", "ResponseCode", "Output"],
        )
    },
    Rule {
        on_cancel: false,
        ..rule("aws:runInstances", &["ImageId"], None, &["InstanceIds", "InstanceStates"])
    },
    Rule {
        one_of: &[&["Duration", "Timestamp", "TimeStamp"]],
        on_cancel: false,
        ..rule("aws:sleep", &[], Some(&[]), &[])
    },
    Rule { on_cancel: false, ..rule("aws:updateVariable", &["Name", "Value"], Some(&[]), &[]) },
    rule(
        "aws:waitForAwsResourceProperty",
        &["Service", "Api", "PropertySelector", "DesiredValues"],
        None,
        &[],
    ),
];

const STACK: &[&str] = &["StackId", "StackStatus", "StackStatusReason"];

const CREATE_STACK: &[&str] = &[
    "Capabilities",
    "ClientRequestToken",
    "DisableRollback",
    "EnableTerminationProtection",
    "NotificationARNs",
    "OnFailure",
    "onFailure",
    "Parameters",
    "ResourceTypes",
    "RetainExceptOnCreate",
    "RoleARN",
    "RollbackConfiguration",
    "StackPolicyBody",
    "StackPolicyURL",
    "Tags",
    "TimeoutInMinutes",
];

const EXECUTE_AUTOMATION: &[&str] = &[
    "DocumentVersion",
    "RuntimeParameters",
    "Targets",
    "TargetParameterName",
    "TargetMaps",
    "TargetLocations",
    "TargetLocationsURL",
    "MaxConcurrency",
    "MaxErrors",
    "Tags",
];

const RUN_COMMAND: &[&str] = &[
    "Parameters",
    "CloudWatchOutputConfig",
    "Comment",
    "DocumentHash",
    "DocumentHashType",
    "DocumentVersion",
    "NotificationConfig",
    "OutputS3BucketName",
    "OutputS3KeyPrefix",
    "OutputS3Region",
    "ServiceRoleArn",
    "TimeoutSeconds",
    "MaxConcurrency",
    "MaxErrors",
    "PreventInheritingDelegation",
];
