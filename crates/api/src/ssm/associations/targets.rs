//! Targets: what they may say, and whether a node is one.

use trackway_association::spec::Target;

use crate::ssm::refusal::{Code, Refusal};
use crate::ssm::tags::{Tags, has};

/// Keys without a part of the caller's own, in AWS's spelling.
const KEYS: [&str; 2] = ["InstanceIds", "tag-key"];
/// Those that Automation knows beside. Source: `Targets` of StartAutomationExecution.
const KEYS_OF_AUTOMATION: [&str; 3] = ["ParameterValues", "ResourceGroup", "AWS::EC2::Instance"];

/// The target with its key in AWS's spelling.
///
/// # Errors
/// A key that means nothing, or no values where some are needed.
pub(super) fn normalized(target: Target, is_automation: bool) -> Result<Target, Refusal> {
    let Target { key, values } = target;
    let refused = |why: &str| {
        Err(Refusal::new(Code::InvalidTarget, format!("The target {key:?} is not valid: {why}.")))
    };
    if let Some((prefix, tag)) = key.split_once(':') {
        let prefix = prefix.to_ascii_lowercase();
        return match (prefix.as_str(), tag) {
            ("tag" | "resource-groups", "") => refused("the key has no name"),
            ("tag", tag) => Ok(Target { key: format!("tag:{tag}"), values }),
            ("resource-groups", _) => {
                refused("resource groups are not known here; name nodes by InstanceIds or tag:KEY")
            }
            _ if is_automation && KEYS_OF_AUTOMATION.contains(&key.as_str()) => {
                Ok(Target { key, values })
            }
            _ => refused("the key must be InstanceIds, tag:KEY or tag-key"),
        };
    }
    let of_automation = KEYS_OF_AUTOMATION.iter().filter(|_| is_automation);
    let known = KEYS.iter().chain(of_automation).find(|known| known.eq_ignore_ascii_case(&key));
    match known {
        Some(_) if values.is_empty() => refused("it has no values"),
        Some(known) => Ok(Target { key: (*known).to_owned(), values }),
        None => refused("the key must be InstanceIds, tag:KEY or tag-key"),
    }
}

/// Whether a node with these tags is meant: by all targets, each by any of its values.
pub(super) fn mean(targets: &[Target], node: &str, tags: &Tags) -> bool {
    !targets.is_empty()
        && targets.iter().all(|target| match target.key.as_str() {
            "InstanceIds" => target.values.iter().any(|value| value == node || value == "*"),
            "tag-key" => target.values.iter().any(|key| tags.contains_key(key)),
            key => key.strip_prefix("tag:").is_some_and(|key| has(tags, key, &target.values)),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: &str, values: &[&str]) -> Target {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Target { key: key.to_owned(), values }
    }

    #[test]
    fn keys_are_taken_in_any_case_and_written_as_aws_does() {
        for (given, is) in [
            ("instanceids", Some("InstanceIds")),
            ("INSTANCEIDS", Some("InstanceIds")),
            ("Tag:Env", Some("tag:Env")),
            ("tag:aws:autoscaling:groupName", Some("tag:aws:autoscaling:groupName")),
            ("tag-key", Some("tag-key")),
            ("tag:", None),
            ("resource-groups:Name", None),
            ("ParameterValues", None),
            ("Name", None),
        ] {
            let normalized = normalized(target(given, &["v"]), false).map(|target| target.key);
            assert_eq!(normalized.ok().as_deref(), is, "{given}");
        }
        assert!(normalized(target("ParameterValues", &["v"]), true).is_ok());
        assert!(normalized(target("AWS::EC2::Instance", &["v"]), true).is_ok());
        assert!(normalized(target("InstanceIds", &[]), false).is_err());
    }

    #[test]
    fn all_targets_and_any_value_must_fit() {
        let tags: Tags = [("role".to_owned(), "web".to_owned())].into();
        for (targets, fits) in [
            (vec![], false),
            (vec![target("InstanceIds", &["n", "m"])], true),
            (vec![target("InstanceIds", &["*"])], true),
            (vec![target("InstanceIds", &["m"])], false),
            (vec![target("tag:role", &["db", "web"])], true),
            (vec![target("tag:role", &[])], true),
            (vec![target("tag:Role", &["web"])], false),
            (vec![target("tag-key", &["role"])], true),
            (vec![target("tag:role", &["web"]), target("tag:env", &["test"])], false),
        ] {
            assert_eq!(mean(&targets, "n", &tags), fits, "{targets:?}");
        }
    }
}
