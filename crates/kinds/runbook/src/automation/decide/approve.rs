//! aws:approve, and who may approve.

use serde_json::{Map, Value, json};

use super::work::{Answer, Decided, Then, View, object};
use crate::automation::event::Decision;
use crate::automation::failure::Failure;
use crate::automation::value::{as_flat_list, convert};
use crate::document::ParameterType;

/// How many approvers a step may name.
const APPROVERS_MAX: usize = 10;

pub(super) fn approve(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin => {
            let approvers = view.texts("Approvers");
            if approvers.is_empty() || approvers.len() > APPROVERS_MAX {
                let why = format!("Approvers has from 1 to {APPROVERS_MAX} entries");
                return Err(Failure::input(&why));
            }
            let needed = needed(view.inputs)?;
            if needed == 0 || needed > approvers.len() as u64 {
                let why = "MinRequiredApprovals is not from 1 to the number of Approvers";
                return Err(Failure::input(why));
            }
            match view.text("NotificationArn") {
                Some(topic) if !topic.is_empty() => Ok(notify(view, topic)),
                _ => Ok(Then::Park),
            }
        }
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(_) | Answer::Due => Ok(Then::Park),
    }
}

/// Tells the approvers.
fn notify(view: &View<'_>, topic: &str) -> Then {
    let step = &view.ready.step.name;
    let message = view.text("Message").unwrap_or_default();
    let message = format!(
        "{message}\nAutomation {} waits for an approval of step {step}.",
        view.with.execution_id
    );
    let subject = format!("Automation approval: {}", view.with.document_name);
    let subject: String = subject.chars().take(100).collect();
    let input = object([
        ("TopicArn", Value::from(topic)),
        ("Subject", Value::from(subject)),
        ("Message", Value::from(message.trim_start())),
    ]);
    view.call(("sns", "Publish"), 1, input, None)
}

/// `MinRequiredApprovals`.
pub(super) fn needed(inputs: &Map<String, Value>) -> Result<u64, Failure> {
    let given = inputs.get("MinRequiredApprovals").cloned().unwrap_or(Value::from(1));
    let number = convert(given, &ParameterType::Integer).ok().and_then(|number| number.as_u64());
    number.ok_or_else(|| Failure::input("MinRequiredApprovals is not a number"))
}

/// The step's outputs.
pub(super) fn outputs(decisions: &[Decision], status: &str) -> Map<String, Value> {
    let decisions = decisions.iter().map(|decision| {
        let word = if decision.approved { "Approved" } else { "Rejected" };
        let mut shown = object([
            ("approver", Value::from(decision.approver.as_str())),
            ("decision", Value::from(word)),
        ]);
        if let Some(comment) = &decision.comment {
            shown.insert("comment".to_owned(), Value::from(comment.as_str()));
        }
        Value::Object(shown)
    });
    object([("ApprovalStatus", json!(status)), ("ApproverDecisions", decisions.collect())])
}

/// The entry of `Approvers` that a caller stands for.
pub(super) fn approver_of(inputs: &Map<String, Value>, caller: &str) -> Option<String> {
    let approvers = inputs.get("Approvers").map(as_flat_list).unwrap_or_default();
    approvers.into_iter().find(|approver| is_same(approver, caller))
}

/// Whether an entry names the caller: by ARN, by user name, or by the role of a session.
fn is_same(approver: &str, caller: &str) -> bool {
    if approver == caller {
        return true;
    }
    let Some((account, resource)) = split(caller) else { return false };
    let last = |resource: &str| resource.rsplit('/').next().unwrap_or_default().to_owned();
    match split(approver) {
        None => resource.starts_with("user/") && last(resource) == approver,
        Some((of, wanted)) => {
            let session = resource.strip_prefix("assumed-role/").and_then(|r| r.split_once('/'));
            let role = wanted.strip_prefix("role/").or(wanted.strip_prefix("assumed-role/"));
            match (session, role) {
                (Some((session_role, _)), Some(role)) => {
                    of == account && last(role) == session_role
                }
                _ => false,
            }
        }
    }
}

/// The account and the resource of an ARN.
fn split(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
    let account = parts.nth(3)?;
    Some((account, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approver_is_a_user_a_role_or_one_of_its_sessions() {
        let user = "arn:aws:iam::000000000000:user/team/ada";
        let session = "arn:aws:sts::000000000000:assumed-role/Ops/ada";
        for (approver, caller, expected) in [
            ("ada", user, true),
            ("bob", user, false),
            (user, user, true),
            ("arn:aws:iam::000000000000:role/path/Ops", session, true),
            ("arn:aws:iam::111111111111:role/Ops", session, false),
            ("arn:aws:iam::000000000000:role/Other", session, false),
            ("arn:aws:sts::000000000000:assumed-role/Ops", session, true),
            (session, session, true),
            ("ada", session, false),
            ("arn:aws:iam::000000000000:user/ada", "arn:aws:iam::000000000000:user/bob", false),
            ("ada", "nonsense", false),
        ] {
            assert_eq!(is_same(approver, caller), expected, "{approver} {caller}");
        }
    }
}
