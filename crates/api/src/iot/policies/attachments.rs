//! What policies are attached to. `AttachPrincipalPolicy` and its like are the older names.

use serde::{Deserialize, Serialize};
use trackway_registry::policies::{self, attachments};

use super::{Named, arn};
use crate::Caller;
use crate::answer::{nothing, write};
use crate::iot::audited::invalid;
use crate::iot::older_lists::{Paging, mark};
use crate::iot::{Answer, Iot};
use crate::page::Bound;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfTarget {
    policy_name: String,
    target: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfPrincipal {
    policy_name: String,
    principal: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListAttached {
    target: String,
    #[serde(default)]
    recursive: bool,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTargets {
    policy_name: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
pub(super) struct ListOfPrincipal {
    principal: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListPrincipals {
    policy_name: String,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Effective {
    principal: Option<String>,
    cognito_identity_pool_id: Option<String>,
    thing_name: Option<String>,
}

/// The answer of a list of policies.
pub(super) fn policies(policies: Vec<Named>, next_marker: Option<String>) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Listed {
        policies: Vec<Named>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_marker: Option<String>,
    }
    write(&Listed { policies, next_marker })
}

impl Iot {
    pub(super) async fn attach_policy(&self, caller: &Caller, request: OfTarget) -> Answer {
        let OfTarget { policy_name, target } = &request;
        self.change(caller, |mut txn| async move {
            attachments::attach(&mut txn, policy_name, target).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    pub(super) async fn detach_policy(&self, caller: &Caller, request: OfTarget) -> Answer {
        let OfTarget { policy_name, target } = &request;
        self.change(caller, |mut txn| async move {
            attachments::detach(&mut txn, policy_name, target)?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    pub(super) async fn attach_principal_policy(
        &self,
        caller: &Caller,
        request: OfPrincipal,
    ) -> Answer {
        let OfPrincipal { policy_name, principal } = &request;
        self.change(caller, |mut txn| async move {
            attachments::attach_principal(&mut txn, policy_name, principal).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    pub(super) async fn detach_principal_policy(
        &self,
        caller: &Caller,
        request: OfPrincipal,
    ) -> Answer {
        let OfPrincipal { policy_name, principal } = &request;
        self.change(caller, |mut txn| async move {
            attachments::detach_principal(&mut txn, policy_name, principal).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    pub(super) async fn list_attached_policies(
        &self,
        caller: &Caller,
        request: ListAttached,
    ) -> Answer {
        let (target, recursive) = (&request.target, request.recursive);
        let asked = ["ListAttachedPolicies", target, if recursive { "recursive" } else { "" }];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = request.paging.after(bound)?;
        let limit = request.paging.limit();
        let mut txn = self.registry.begin(&caller.scope);
        let mut names =
            attachments::of_target(&mut txn, target, recursive, after.as_deref(), limit + 1)
                .await?;
        let more = names.len() > limit;
        names.truncate(limit);
        let next = names.last().filter(|_| more).map(|name| mark(bound, name.as_bytes()));
        policies(names.into_iter().map(|name| Named::new(caller, name)).collect(), next)
    }

    pub(super) async fn list_targets(&self, caller: &Caller, request: ListTargets) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            targets: Vec<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_marker: Option<String>,
        }
        let ListTargets { policy_name, paging } = request;
        let (targets, next_marker) =
            self.targets(caller, "ListTargetsForPolicy", &policy_name, &paging.ascending()).await?;
        policies::get(&mut self.registry.begin(&caller.scope), &policy_name).await?;
        write(&Listed { targets, next_marker })
    }

    /// A policy that isn't there has no principals. Source: what AWS answered to a user.
    pub(super) async fn list_policy_principals(
        &self,
        caller: &Caller,
        request: ListPrincipals,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            principals: Vec<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_marker: Option<String>,
        }
        let ListPrincipals { policy_name, paging } = request;
        let (principals, next_marker) =
            self.targets(caller, "ListPolicyPrincipals", &policy_name, &paging).await?;
        write(&Listed { principals, next_marker })
    }

    /// A page of a policy's targets, and the marker of the next.
    async fn targets(
        &self,
        caller: &Caller,
        operation: &str,
        policy: &str,
        paging: &Paging,
    ) -> Result<(Vec<String>, Option<String>), crate::iot::refusal::Failure> {
        let asked = [operation, policy, paging.order()];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = paging.after(bound)?;
        let page = (after.as_deref(), paging.limit());
        let (scope, ascending) = (&caller.scope, paging.is_ascending());
        let (targets, more) =
            attachments::of_policy(&self.registry, scope, policy, ascending, page).await?;
        let next = targets.last().filter(|_| more).map(|target| mark(bound, target.as_bytes()));
        Ok((targets, next))
    }

    pub(super) async fn list_principal_policies(
        &self,
        caller: &Caller,
        request: ListOfPrincipal,
    ) -> Answer {
        let ListOfPrincipal { principal, paging } = request;
        let asked = ["ListPrincipalPolicies", &principal, paging.order()];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = paging.after(bound)?;
        let page = (after.as_deref(), paging.limit());
        let (scope, ascending) = (&caller.scope, paging.is_ascending());
        let (names, more) =
            attachments::of_principal(&self.registry, scope, &principal, ascending, page).await?;
        let next = names.last().filter(|_| more).map(|name| mark(bound, name.as_bytes()));
        policies(names.into_iter().map(|name| Named::new(caller, name)).collect(), next)
    }

    pub(super) async fn effective_policies(&self, caller: &Caller, request: Effective) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shown {
            policy_name: String,
            policy_arn: String,
            policy_document: String,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            effective_policies: Vec<Shown>,
        }
        let Effective { principal, cognito_identity_pool_id: pool, thing_name } = request;
        // The texts are ours.
        if pool.is_some() {
            return Err(invalid("Policies of Cognito identity pools are not known here").into());
        }
        if principal.is_none() && thing_name.is_none() {
            return Err(invalid("A principal or a thing name is required").into());
        }
        let mut txn = self.registry.begin(&caller.scope);
        let (principal, thing) = (principal.as_deref(), thing_name.as_deref());
        let found = attachments::effective(&mut txn, principal, thing).await?;
        let shown = found.into_iter().map(|(policy_name, policy_document)| {
            let policy_arn = arn(caller, &policy_name);
            Shown { policy_name, policy_arn, policy_document }
        });
        write(&Listed { effective_policies: shown.collect() })
    }
}
