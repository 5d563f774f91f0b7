//! The actions of the Automation reference, as numbers that rows bear.

use serde::{Deserialize, Serialize};

/// What a step does.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(u8)]
#[expect(missing_docs, reason = "named as the reference names them, without `aws:`")]
pub enum ActionKind {
    #[default]
    Unknown = 0,
    Approve = 1,
    AssertAwsResourceProperty = 2,
    Branch = 3,
    ChangeInstanceState = 4,
    CopyImage = 5,
    CreateImage = 6,
    CreateStack = 7,
    CreateTags = 8,
    DeleteImage = 9,
    DeleteStack = 10,
    ExecuteAutomation = 11,
    ExecuteAwsApi = 12,
    ExecuteScript = 13,
    ExecuteStateMachine = 14,
    InvokeLambdaFunction = 15,
    InvokeWebhook = 16,
    Loop = 17,
    Pause = 18,
    RunCommand = 19,
    RunInstances = 20,
    Sleep = 21,
    UpdateVariable = 22,
    WaitForAwsResourceProperty = 23,
}

use ActionKind::{
    Approve, AssertAwsResourceProperty, Branch, ChangeInstanceState, CopyImage, CreateImage,
    CreateStack, CreateTags, DeleteImage, DeleteStack, ExecuteAutomation, ExecuteAwsApi,
    ExecuteScript, ExecuteStateMachine, InvokeLambdaFunction, InvokeWebhook, Loop, Pause,
    RunCommand, RunInstances, Sleep, Unknown, UpdateVariable, WaitForAwsResourceProperty,
};

const TABLE: [(ActionKind, &str); 23] = [
    (Approve, "aws:approve"),
    (AssertAwsResourceProperty, "aws:assertAwsResourceProperty"),
    (Branch, "aws:branch"),
    (ChangeInstanceState, "aws:changeInstanceState"),
    (CopyImage, "aws:copyImage"),
    (CreateImage, "aws:createImage"),
    (CreateStack, "aws:createStack"),
    (CreateTags, "aws:createTags"),
    (DeleteImage, "aws:deleteImage"),
    (DeleteStack, "aws:deleteStack"),
    (ExecuteAutomation, "aws:executeAutomation"),
    (ExecuteAwsApi, "aws:executeAwsApi"),
    (ExecuteScript, "aws:executeScript"),
    (ExecuteStateMachine, "aws:executeStateMachine"),
    (InvokeLambdaFunction, "aws:invokeLambdaFunction"),
    (InvokeWebhook, "aws:invokeWebhook"),
    (Loop, "aws:loop"),
    (Pause, "aws:pause"),
    (RunCommand, "aws:runCommand"),
    (RunInstances, "aws:runInstances"),
    (Sleep, "aws:sleep"),
    (UpdateVariable, "aws:updateVariable"),
    (WaitForAwsResourceProperty, "aws:waitForAwsResourceProperty"),
];

impl ActionKind {
    /// The action of that name, such as `aws:sleep`.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        TABLE.iter().find(|(_, known)| *known == name).map_or(Unknown, |(kind, _)| *kind)
    }

    /// The action with that number.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        TABLE.iter().find(|(kind, _)| *kind as u8 == number).map_or(Unknown, |(kind, _)| *kind)
    }

    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// After how many seconds an attempt times out if its step does not say; 0 for never.
    pub(crate) fn default_timeout(self) -> u64 {
        match self {
            Approve => super::limits::APPROVE_SECONDS,
            ExecuteScript => super::limits::SCRIPT_SECONDS,
            WaitForAwsResourceProperty => super::limits::WAIT_PROPERTY_SECONDS,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_go_both_ways() {
        for (place, (kind, name)) in TABLE.iter().enumerate() {
            assert_eq!(*kind as usize, place + 1);
            assert_eq!(ActionKind::from_name(name), *kind);
            assert_eq!(ActionKind::from_number(*kind as u8), *kind);
            assert_eq!(kind.name(), *name);
        }
        assert_eq!(ActionKind::from_name("aws:x"), Unknown);
        assert_eq!(ActionKind::from_number(99), Unknown);
    }
}
