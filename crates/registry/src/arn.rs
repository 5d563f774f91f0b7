//! ARNs of other services that requests name.

use crate::Refusal;

/// Digits of an account.
const ACCOUNT_DIGITS: usize = 12;

/// That this is the ARN of a role.
///
/// # Errors
/// It is not. The text is ours.
pub fn check_role(arn: &str) -> Result<(), Refusal> {
    let is_role = resource(arn, "iam")
        .and_then(|resource| resource.strip_prefix("role/"))
        .is_some_and(|name| !name.is_empty());
    is_role.then_some(()).ok_or_else(|| Refusal::invalid(format!("Invalid role ARN: {arn}")))
}

/// That this is the ARN of an SNS topic.
///
/// # Errors
/// It is not. The text is ours.
pub fn check_topic(arn: &str) -> Result<(), Refusal> {
    let is_topic = resource(arn, "sns").is_some_and(|name| !name.is_empty());
    is_topic.then_some(()).ok_or_else(|| Refusal::invalid(format!("Invalid SNS topic ARN: {arn}")))
}

/// What an ARN of this service names, with an account, and with a region unless it is IAM's.
fn resource<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, of, region, account, resource] = parts[..] else { return None };
    let is_account =
        account.len() == ACCOUNT_DIGITS && account.bytes().all(|digit| digit.is_ascii_digit());
    let is_it = (partition == "aws" || partition.starts_with("aws-"))
        && of == service
        && (of == "iam") == region.is_empty()
        && is_account;
    is_it.then_some(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_of_an_account_and_of_no_region() {
        assert_eq!(check_role("arn:aws:iam::123456789012:role/x"), Ok(()));
        assert_eq!(check_role("arn:aws-cn:iam::123456789012:role/path/x"), Ok(()));
        for wrong in [
            "x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam:us-east-1:123456789012:role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:sts::123456789012:role/x",
        ] {
            let message = format!("Invalid role ARN: {wrong}");
            assert_eq!(check_role(wrong), Err(Refusal::invalid(message)));
        }
    }

    #[test]
    fn a_topic_is_of_an_account_and_a_region() {
        assert_eq!(check_topic("arn:aws:sns:us-east-1:123456789012:t"), Ok(()));
        for wrong in ["arn:aws:sns::123456789012:t", "arn:aws:sqs:us-east-1:123456789012:t"] {
            let message = format!("Invalid SNS topic ARN: {wrong}");
            assert_eq!(check_topic(wrong), Err(Refusal::invalid(message)));
        }
    }
}
