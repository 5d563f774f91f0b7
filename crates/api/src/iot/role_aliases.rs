//! Role aliases.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_registry::role_aliases;

use super::older_lists::{Paging, mark};
use super::tags::TagList;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateRoleAlias",
        "DeleteRoleAlias",
        "DescribeRoleAlias",
        "ListRoleAliases",
        "UpdateRoleAlias",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateRoleAlias" => service.create_role_alias(caller, read(input)?).await,
        "DeleteRoleAlias" => service.delete_role_alias(caller, read(input)?).await,
        "DescribeRoleAlias" => service.describe_role_alias(caller, read(input)?).await,
        "ListRoleAliases" => service.list_role_aliases(caller, read(input)?).await,
        "UpdateRoleAlias" => service.update_role_alias(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    role_alias: String,
    role_arn: String,
    credential_duration_seconds: Option<u32>,
    #[serde(default)]
    tags: TagList,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    role_alias: String,
    role_arn: Option<String>,
    credential_duration_seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfAlias {
    role_alias: String,
}

/// The answer to a change.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    role_alias: String,
    role_alias_arn: String,
}

impl Iot {
    async fn create_role_alias(&self, caller: &Caller, request: Create) -> Answer {
        let (alias, duration) = (&request.role_alias, request.credential_duration_seconds);
        let (role, tags) = (&request.role_arn, &request.tags.0);
        let arn = self
            .change(caller, |mut txn| async move {
                role_aliases::create(&mut txn, alias, role.clone(), duration, tags).await?;
                let arn = role_aliases::arn(&txn, alias);
                Ok((txn, arn))
            })
            .await?;
        write(&Changed { role_alias: request.role_alias, role_alias_arn: arn })
    }

    async fn update_role_alias(&self, caller: &Caller, request: Update) -> Answer {
        let (alias, duration) = (&request.role_alias, request.credential_duration_seconds);
        let role = &request.role_arn;
        let arn = self
            .change(caller, |mut txn| async move {
                role_aliases::update(&mut txn, alias, role.clone(), duration).await?;
                let arn = role_aliases::arn(&txn, alias);
                Ok((txn, arn))
            })
            .await?;
        write(&Changed { role_alias: request.role_alias, role_alias_arn: arn })
    }

    async fn describe_role_alias(&self, caller: &Caller, request: OfAlias) -> Answer {
        let mut txn = self.registry.begin(&caller.scope);
        let alias = role_aliases::get(&mut txn, &request.role_alias).await?;
        write(&json!({ "roleAliasDescription": {
            "roleAlias": request.role_alias,
            "roleAliasArn": role_aliases::arn(&txn, &request.role_alias),
            "roleArn": alias.role_arn,
            "owner": caller.account,
            "credentialDurationSeconds": alias.duration_seconds,
            "creationDate": Epoch(alias.created),
            "lastModifiedDate": Epoch(alias.modified),
        } }))
    }

    async fn delete_role_alias(&self, caller: &Caller, request: OfAlias) -> Answer {
        let alias = &request.role_alias;
        self.change(caller, |mut txn| async move {
            role_aliases::delete(&mut txn, alias).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn list_role_aliases(&self, caller: &Caller, paging: Paging) -> Answer {
        let asked = ["ListRoleAliases", paging.order()];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let after = paging.after(bound)?;
        let (names, more) = role_aliases::list(
            &self.registry,
            &caller.scope,
            paging.is_ascending(),
            after.as_deref(),
            paging.limit(),
        )
        .await?;
        let last = names.last().filter(|_| more);
        let mut answer = json!({ "roleAliases": names });
        if let Some(last) = last {
            answer["nextMarker"] = json!(mark(bound, last.as_bytes()));
        }
        write(&answer)
    }
}
