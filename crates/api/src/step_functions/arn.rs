//! The ARNs of Step Functions, and AWS's words for those that are none.
//!
//! ```text
//! arn:PARTITION:states:REGION:ACCOUNT:stateMachine:NAME
//! arn:PARTITION:states:REGION:ACCOUNT:execution:MACHINE:NAME
//! arn:PARTITION:states:REGION:ACCOUNT:express:MACHINE:NAME:ID
//! arn:PARTITION:states:REGION:ACCOUNT:activity:NAME
//! ```

use super::refusal::{Code, Refusal};
use crate::Caller;

/// What an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource<'a> {
    StateMachine {
        name: &'a str,
    },
    /// A version (a number) or an alias of a state machine.
    Qualified {
        name: &'a str,
        qualifier: &'a str,
    },
    Execution {
        machine: &'a str,
        name: &'a str,
    },
    Express {
        machine: &'a str,
        name: &'a str,
        id: &'a str,
    },
    Activity {
        name: &'a str,
    },
}

/// An ARN taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) resource: Resource<'a>,
}

impl<'a> Arn<'a> {
    /// Takes an ARN of this service apart.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let invalid = |why: &str| Refusal::new(Code::InvalidArn, format!("Invalid Arn: '{why}'"));
        let rest = text
            .strip_prefix("arn:")
            .ok_or_else(|| invalid(&format!("Invalid ARN prefix: {text}")))?;
        let mut parts = rest.splitn(5, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (partition, service, region, account, resource) =
            (part(), part(), part(), part(), part());
        if partition.is_empty() || resource.is_empty() {
            return Err(invalid(&format!("Invalid ARN format: {text}")));
        }
        if service != "states" {
            return Err(invalid(&format!("Unexpected ARN service: {service}")));
        }
        let pieces: Vec<&str> = resource.split(':').collect();
        if pieces.iter().any(|piece| piece.is_empty()) {
            return Err(invalid(&format!("Invalid ARN format: {text}")));
        }
        let resource = match *pieces.as_slice() {
            ["stateMachine", name] => Resource::StateMachine { name },
            ["stateMachine", name, qualifier] => Resource::Qualified { name, qualifier },
            ["execution", machine, name] => Resource::Execution { machine, name },
            ["express", machine, name, id] => Resource::Express { machine, name, id },
            ["activity", name] => Resource::Activity { name },
            _ => return Err(invalid(&format!("Invalid ARN format: {text}"))),
        };
        Ok(Self { region, account, resource })
    }

    /// Whether the resource lies in the caller's account and region.
    pub(super) fn is_of(&self, caller: &Caller) -> bool {
        self.region == caller.region && self.account == caller.account
    }

    /// The refusal of an ARN whose kind the operation does not take.
    pub(super) fn not_here(&self) -> Refusal {
        let kind = match self.resource {
            Resource::StateMachine { .. } | Resource::Qualified { .. } => "stateMachine",
            Resource::Execution { .. } => "execution",
            Resource::Express { .. } => "express",
            Resource::Activity { .. } => "activity",
        };
        Refusal::new(
            Code::InvalidArn,
            format!("Invalid Arn: 'Resource type not valid in this context: {kind}'"),
        )
    }
}

/// The ARN of a state machine in the caller's account and region.
pub(super) fn state_machine(caller: &Caller, name: &str) -> String {
    format!("arn:aws:states:{}:{}:stateMachine:{name}", caller.region, caller.account)
}

/// The ARN of an activity in the caller's account and region.
pub(super) fn activity(caller: &Caller, name: &str) -> String {
    format!("arn:aws:states:{}:{}:activity:{name}", caller.region, caller.account)
}

/// The ARN of a standard execution in the caller's account and region.
pub(super) fn execution(caller: &Caller, machine: &str, name: &str) -> String {
    format!("arn:aws:states:{}:{}:execution:{machine}:{name}", caller.region, caller.account)
}

/// The ARN of an express execution in the caller's account and region.
pub(super) fn express(caller: &Caller, machine: &str, name: &str, id: &str) -> String {
    format!("arn:aws:states:{}:{}:express:{machine}:{name}:{id}", caller.region, caller.account)
}

/// Characters that no name may hold, beside white space and control characters.
/// Source: the name rules of CreateStateMachine, CreateActivity and StartExecution.
const NAME_REFUSES: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";

/// Checks a state machine's, activity's or execution's name. Its length is the model's business.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let refused = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || NAME_REFUSES.contains(c)
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if name.is_empty() || name.chars().any(refused) {
        return Err(Refusal::new(Code::InvalidName, format!("Invalid Name: '{name}'")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_taken_apart_or_refused_in_aws_words() {
        let why = |text| Arn::parse(text).unwrap_err().message.unwrap();
        assert_eq!(why("sm"), "Invalid Arn: 'Invalid ARN prefix: sm'");
        assert_eq!(why("arn:aws:sqs:r:1:q"), "Invalid Arn: 'Unexpected ARN service: sqs'");
        for text in [
            "arn:",
            "arn:aws:states:r:1",
            "arn:aws:states:r:1:execution:m",
            "arn:aws:states:r:1:activity:",
        ] {
            assert_eq!(why(text), format!("Invalid Arn: 'Invalid ARN format: {text}'"));
        }
        let arn = Arn::parse("arn:aws:states:eu-west-1:123456789012:execution:m:n").unwrap();
        assert_eq!(arn.resource, Resource::Execution { machine: "m", name: "n" });
        assert_eq!((arn.region, arn.account), ("eu-west-1", "123456789012"));
    }

    #[test]
    fn names_refuse_what_aws_refuses() {
        for name in ["a b", "a<b", "a#b", "a\"b", "\0a", "a\u{1f}", "a~b", "a`b", "a/b", ""] {
            assert_eq!(check_name(name).unwrap_err().text(), format!("Invalid Name: '{name}'"));
        }
        for name in ["a", "ACTIVITY_NAME_ABC", "a.name.v2", "a-b_c!(d)'=+@é"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
    }
}
