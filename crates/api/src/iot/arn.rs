//! ARNs of the registry, and requests that take a name or an ARN.

use super::refusal::{Code, Failure, Refusal};
use crate::Caller;
use crate::refusal::ErrorCode as _;

/// Characters of a name at most. Source: `ThingName`, `ThingGroupName`, `BillingGroupName`.
const NAME_MAX: usize = 128;

/// The ARN of a resource, such as `thing/NAME`.
pub(super) fn arn(caller: &Caller, kind: &str, name: &str) -> String {
    format!("arn:aws:iot:{}:{}:{kind}/{name}", caller.region, caller.account)
}

/// The name of a resource of this kind for which a request has a name, an ARN, or both. A name
/// satisfies the model.
///
/// # Errors
/// There is neither, the ARN is of something else, or they don't agree.
pub(super) fn named(
    caller: &Caller,
    kind: &str,
    name: Option<String>,
    of_arn: Option<String>,
) -> Result<String, Failure> {
    // AWS's words are not known; these are ours.
    let refused = |why: String| Refusal::new(Code::VALIDATION, why).into();
    let in_arn = match &of_arn {
        None => None,
        Some(text) => match text.strip_prefix(&arn(caller, kind, "")) {
            Some(name) if is_name(name) => Some(name.to_owned()),
            _ => return Err(refused(format!("Invalid {kind} ARN: {text}"))),
        },
    };
    match (name, in_arn) {
        (Some(name), Some(in_arn)) if name != in_arn => {
            Err(refused(format!("The {kind}'s name and ARN are of different resources")))
        }
        (Some(name), _) | (None, Some(name)) => Ok(name),
        (None, None) => Err(refused(format!("A {kind} must be given by its name or ARN"))),
    }
}

/// Source: the pattern of `ThingName`, `ThingGroupName` and `BillingGroupName`.
fn is_name(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
    !text.is_empty() && text.len() <= NAME_MAX && text.bytes().all(is_fine)
}
