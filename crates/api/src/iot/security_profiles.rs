//! Security profiles and what they are attached to.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_engine::Fault;
use trackway_registry::security_profiles::behaviors::{self, Behavior};
use trackway_registry::security_profiles::{self, Deletions, Profile, Settings, targets};

use super::arn::arn;
use super::audited::invalid;
use super::lists::Paging;
use super::tags::TagList;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;

/// What its ARNs say before its name.
const KIND: &str = "securityprofile";

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "AttachSecurityProfile",
        "CreateSecurityProfile",
        "DeleteSecurityProfile",
        "DescribeSecurityProfile",
        "DetachSecurityProfile",
        "ListSecurityProfiles",
        "ListSecurityProfilesForTarget",
        "ListTargetsForSecurityProfile",
        "UpdateSecurityProfile",
        "ValidateSecurityProfileBehaviors",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AttachSecurityProfile" => service.attach_profile(caller, read(input)?).await,
        "CreateSecurityProfile" => service.create_profile(caller, read(input)?).await,
        "DeleteSecurityProfile" => service.delete_profile(caller, read(input)?).await,
        "DescribeSecurityProfile" => service.describe_profile(caller, read(input)?).await,
        "DetachSecurityProfile" => service.detach_profile(caller, read(input)?).await,
        "ListSecurityProfiles" => service.list_profiles(caller, read(input)?).await,
        "ListSecurityProfilesForTarget" => service.list_of_target(caller, read(input)?).await,
        "ListTargetsForSecurityProfile" => service.list_of_profile(caller, read(input)?).await,
        "UpdateSecurityProfile" => service.update_profile(caller, read(input)?).await,
        "ValidateSecurityProfileBehaviors" => validate(&read(input)?),
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    security_profile_name: String,
    #[serde(default)]
    tags: TagList,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    security_profile_name: String,
    expected_version: Option<i64>,
    #[serde(flatten)]
    settings: Settings,
    #[serde(flatten)]
    deletions: Deletions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfProfile {
    security_profile_name: String,
    expected_version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfTarget {
    security_profile_name: String,
    security_profile_target_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(flatten)]
    paging: Paging,
    dimension_name: Option<String>,
    metric_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTargets {
    security_profile_name: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListOfTarget {
    security_profile_target_arn: String,
    #[serde(default)]
    recursive: bool,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
struct Validate {
    behaviors: Vec<Behavior>,
}

/// Source: `SecurityProfileIdentifier`.
#[derive(Serialize)]
struct Identifier {
    name: String,
    arn: String,
}

impl Identifier {
    fn new(caller: &Caller, name: String) -> Self {
        Self { arn: arn(caller, KIND, &name), name }
    }
}

/// A profile as answers show it.
fn show(caller: &Caller, name: &str, profile: &Profile) -> Result<Value, Fault> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Shown<'a> {
        security_profile_name: &'a str,
        security_profile_arn: String,
        #[serde(flatten)]
        settings: Settings,
        version: i64,
        creation_date: Epoch,
        last_modified_date: Epoch,
    }
    let shown = Shown {
        security_profile_name: name,
        security_profile_arn: arn(caller, KIND, name),
        settings: profile.settings()?,
        version: profile.version,
        creation_date: Epoch(profile.created),
        last_modified_date: Epoch(profile.modified),
    };
    serde_json::to_value(shown)
        .map_err(|error| Fault::new(format!("could not show a security profile: {error}")))
}

fn validate(request: &Validate) -> Answer {
    let problems = behaviors::problems(&request.behaviors);
    let valid = problems.is_empty();
    let errors: Vec<Value> =
        problems.into_iter().map(|problem| json!({ "errorMessage": problem })).collect();
    write(&json!({ "valid": valid, "validationErrors": errors }))
}

impl Iot {
    async fn create_profile(&self, caller: &Caller, request: Create) -> Answer {
        let (name, settings) = (&request.security_profile_name, &request.settings);
        let tags = &request.tags.0;
        self.change(caller, |mut txn| async move {
            security_profiles::create(&mut txn, name, settings, tags).await?;
            Ok((txn, ()))
        })
        .await?;
        write(
            &json!({ "securityProfileName": name, "securityProfileArn": arn(caller, KIND, name) }),
        )
    }

    async fn describe_profile(&self, caller: &Caller, request: OfProfile) -> Answer {
        let name = &request.security_profile_name;
        let profile = security_profiles::get(&mut self.registry.begin(&caller.scope), name).await?;
        write(&show(caller, name, &profile)?)
    }

    async fn update_profile(&self, caller: &Caller, request: Update) -> Answer {
        let Update { security_profile_name: name, expected_version, settings, deletions } =
            &request;
        let profile = self
            .change(caller, |mut txn| async move {
                let (settings, expected) = (settings.clone(), *expected_version);
                let profile =
                    security_profiles::update(&mut txn, name, settings, *deletions, expected)
                        .await?;
                Ok((txn, profile))
            })
            .await?;
        write(&show(caller, name, &profile)?)
    }

    async fn delete_profile(&self, caller: &Caller, request: OfProfile) -> Answer {
        let (name, expected) = (&request.security_profile_name, request.expected_version);
        self.change(caller, |mut txn| async move {
            security_profiles::delete(&mut txn, name, expected).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn attach_profile(&self, caller: &Caller, request: OfTarget) -> Answer {
        let (name, target) = (&request.security_profile_name, &request.security_profile_target_arn);
        self.change(caller, |mut txn| async move {
            targets::attach(&mut txn, name, target).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn detach_profile(&self, caller: &Caller, request: OfTarget) -> Answer {
        let (name, target) = (&request.security_profile_name, &request.security_profile_target_arn);
        self.change(caller, |mut txn| async move {
            targets::detach(&mut txn, name, target).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn list_profiles(&self, caller: &Caller, request: List) -> Answer {
        let (dimension, metric) =
            (request.dimension_name.as_deref(), request.metric_name.as_deref());
        if dimension.is_some() && metric.is_some() {
            // Source: `dimensionName`. The text is ours.
            return Err(invalid("dimensionName and metricName can't be used together").into());
        }
        let asked =
            ["ListSecurityProfiles", dimension.unwrap_or_default(), "", metric.unwrap_or_default()];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = request.paging.after(bound)?;
        let limit = request.paging.limit();
        let (registry, scope) = (&self.registry, &caller.scope);
        let wanted = (dimension, metric);
        let page =
            security_profiles::list(registry, scope, wanted, after.as_deref(), limit).await?;
        let page = page.map(|name| Identifier::new(caller, name));
        let next = page.next.map(|place| bound.seal(&place));
        listed("securityProfileIdentifiers", &page.items, next)
    }

    async fn list_of_profile(&self, caller: &Caller, request: ListTargets) -> Answer {
        let name = &request.security_profile_name;
        security_profiles::get(&mut self.registry.begin(&caller.scope), name).await?;
        let asked = ["ListTargetsForSecurityProfile", name];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = request.paging.after(bound)?;
        let limit = request.paging.limit();
        let (registry, scope) = (&self.registry, &caller.scope);
        let page = targets::of_profile(registry, scope, name, after.as_deref(), limit).await?;
        let page = page.map(|arn| json!({ "arn": arn }));
        let next = page.next.map(|place| bound.seal(&place));
        listed("securityProfileTargets", &page.items, next)
    }

    async fn list_of_target(&self, caller: &Caller, request: ListOfTarget) -> Answer {
        let target = &request.security_profile_target_arn;
        let recursive = if request.recursive { "recursive" } else { "" };
        let asked = ["ListSecurityProfilesForTarget", target, recursive];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = request.paging.after(bound)?;
        let after = after.and_then(|place| {
            let (profile, target) = std::str::from_utf8(&place).ok()?.split_once('\0')?;
            Some((profile.to_owned(), target.to_owned()))
        });
        let limit = request.paging.limit();
        let mut txn = self.registry.begin(&caller.scope);
        let mut found =
            targets::of_target(&mut txn, target, request.recursive, after.as_ref(), limit + 1)
                .await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more);
        let next =
            last.map(|(profile, target)| bound.seal(format!("{profile}\0{target}").as_bytes()));
        let mapping = |(profile, target)| {
            json!({
                "securityProfileIdentifier": Identifier::new(caller, profile),
                "target": { "arn": target },
            })
        };
        let shown: Vec<Value> = found.into_iter().map(mapping).collect();
        listed("securityProfileTargetMappings", &shown, next)
    }
}

/// The answer of a list.
fn listed(name: &'static str, items: &impl Serialize, next: Option<String>) -> Answer {
    let mut answer = json!({ name: items });
    if let Some(token) = next {
        answer["nextToken"] = json!(token);
    }
    write(&answer)
}
