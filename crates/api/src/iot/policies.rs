//! Policies, their versions and what they are attached to.

mod attachments;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_registry::policies;

use super::older_lists::{Paging, mark};
use super::tags::TagList;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "AttachPolicy",
        "AttachPrincipalPolicy",
        "CreatePolicy",
        "CreatePolicyVersion",
        "DeletePolicy",
        "DeletePolicyVersion",
        "DetachPolicy",
        "DetachPrincipalPolicy",
        "GetEffectivePolicies",
        "GetPolicy",
        "GetPolicyVersion",
        "ListAttachedPolicies",
        "ListPolicies",
        "ListPolicyPrincipals",
        "ListPolicyVersions",
        "ListPrincipalPolicies",
        "ListTargetsForPolicy",
        "SetDefaultPolicyVersion",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AttachPolicy" => service.attach_policy(caller, read(input)?).await,
        "AttachPrincipalPolicy" => service.attach_principal_policy(caller, read(input)?).await,
        "CreatePolicy" => service.create_policy(caller, read(input)?).await,
        "CreatePolicyVersion" => service.create_policy_version(caller, read(input)?).await,
        "DeletePolicy" => service.delete_policy(caller, read(input)?).await,
        "DeletePolicyVersion" => service.delete_policy_version(caller, read(input)?).await,
        "DetachPolicy" => service.detach_policy(caller, read(input)?).await,
        "DetachPrincipalPolicy" => service.detach_principal_policy(caller, read(input)?).await,
        "GetEffectivePolicies" => service.effective_policies(caller, read(input)?).await,
        "GetPolicy" => service.get_policy(caller, read(input)?).await,
        "GetPolicyVersion" => service.get_policy_version(caller, read(input)?).await,
        "ListAttachedPolicies" => service.list_attached_policies(caller, read(input)?).await,
        "ListPolicies" => service.list_policies(caller, read(input)?).await,
        "ListPolicyPrincipals" => service.list_policy_principals(caller, read(input)?).await,
        "ListPolicyVersions" => service.list_policy_versions(caller, read(input)?).await,
        "ListPrincipalPolicies" => service.list_principal_policies(caller, read(input)?).await,
        "ListTargetsForPolicy" => service.list_targets(caller, read(input)?).await,
        "SetDefaultPolicyVersion" => service.set_default_version(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    policy_name: String,
    policy_document: String,
    #[serde(default)]
    tags: TagList,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateVersion {
    policy_name: String,
    policy_document: String,
    #[serde(default)]
    set_as_default: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfPolicy {
    policy_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfVersion {
    policy_name: String,
    policy_version_id: String,
}

/// Source: `Policy`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    policy_name: String,
    policy_arn: String,
}

impl Named {
    fn new(caller: &Caller, name: String) -> Self {
        Self { policy_arn: arn(caller, &name), policy_name: name }
    }
}

/// The ARN of a policy.
fn arn(caller: &Caller, name: &str) -> String {
    super::arn::arn(caller, "policy", name)
}

impl Iot {
    async fn create_policy(&self, caller: &Caller, request: Create) -> Answer {
        let (name, document) = (&request.policy_name, &request.policy_document);
        let tags = &request.tags.0;
        let number = self
            .change(caller, |mut txn| async move {
                let version = policies::create(&mut txn, name, document, tags).await?;
                Ok((txn, version))
            })
            .await?;
        write(&json!({
            "policyName": name,
            "policyArn": arn(caller, name),
            "policyDocument": document,
            "policyVersionId": number.to_string(),
        }))
    }

    async fn create_policy_version(&self, caller: &Caller, request: CreateVersion) -> Answer {
        let (name, document) = (&request.policy_name, &request.policy_document);
        let set_as_default = request.set_as_default;
        let number = self
            .change(caller, |mut txn| async move {
                let number =
                    policies::create_version(&mut txn, name, document, set_as_default).await?;
                Ok((txn, number))
            })
            .await?;
        write(&json!({
            "policyArn": arn(caller, name),
            "policyDocument": document,
            "policyVersionId": number.to_string(),
            "isDefaultVersion": set_as_default,
        }))
    }

    async fn get_policy(&self, caller: &Caller, request: OfPolicy) -> Answer {
        let name = &request.policy_name;
        let mut txn = self.registry.begin(&caller.scope);
        let (policy, version) = policies::version(&mut txn, name, None).await?;
        write(&json!({
            "policyName": name,
            "policyArn": arn(caller, name),
            "policyDocument": version.document,
            "defaultVersionId": version.number.to_string(),
            "creationDate": Epoch(policy.created),
            "lastModifiedDate": Epoch(policy.modified),
            "generationId": policy.generation_id,
        }))
    }

    async fn get_policy_version(&self, caller: &Caller, request: OfVersion) -> Answer {
        let (name, id) = (&request.policy_name, &request.policy_version_id);
        let mut txn = self.registry.begin(&caller.scope);
        let (policy, version) = policies::version(&mut txn, name, Some(id)).await?;
        write(&json!({
            "policyArn": arn(caller, name),
            "policyName": name,
            "policyDocument": version.document,
            "policyVersionId": version.number.to_string(),
            "isDefaultVersion": version.is_default,
            "creationDate": Epoch(version.created),
            "lastModifiedDate": Epoch(version.created),
            "generationId": policy.generation_id,
        }))
    }

    async fn delete_policy(&self, caller: &Caller, request: OfPolicy) -> Answer {
        let name = &request.policy_name;
        self.change(caller, |mut txn| async move {
            policies::delete(&mut txn, name).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn delete_policy_version(&self, caller: &Caller, request: OfVersion) -> Answer {
        let (name, id) = (&request.policy_name, &request.policy_version_id);
        self.change(caller, |mut txn| async move {
            policies::delete_version(&mut txn, name, id).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn set_default_version(&self, caller: &Caller, request: OfVersion) -> Answer {
        let (name, id) = (&request.policy_name, &request.policy_version_id);
        self.change(caller, |mut txn| async move {
            policies::set_default(&mut txn, name, id).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    /// All of them, as there are few; the latest first. Source: the example of the AWS CLI.
    async fn list_policy_versions(&self, caller: &Caller, request: OfPolicy) -> Answer {
        let mut txn = self.registry.begin(&caller.scope);
        let policy = policies::get(&mut txn, &request.policy_name).await?;
        let versions = policy.versions.iter().rev().map(|(number, created)| {
            json!({
                "versionId": number.to_string(),
                "isDefaultVersion": *number == policy.default,
                "createDate": Epoch(*created),
            })
        });
        write(&json!({ "policyVersions": versions.collect::<Vec<_>>() }))
    }

    async fn list_policies(&self, caller: &Caller, paging: Paging) -> Answer {
        let asked = ["ListPolicies", paging.order()];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = paging.after(bound)?;
        let (is_ascending, limit) = (paging.is_ascending(), paging.limit());
        let (rows, more) =
            policies::list(&self.registry, &caller.scope, is_ascending, after.as_deref(), limit)
                .await?;
        let next = rows.last().filter(|_| more).map(|(place, _)| mark(bound, place));
        let named = rows.into_iter().map(|(_, name)| Named::new(caller, name)).collect();
        attachments::policies(named, next)
    }
}
