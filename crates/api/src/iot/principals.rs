//! Principals of things.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_registry::page::Page;
use trackway_registry::principals::{self, Attachment};

use super::lists::Paging;
use super::{Answer, Group, Iot};
use crate::Caller;
use crate::answer::{nothing, read};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "AttachThingPrincipal",
        "DetachThingPrincipal",
        "ListPrincipalThings",
        "ListPrincipalThingsV2",
        "ListThingPrincipals",
        "ListThingPrincipalsV2",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AttachThingPrincipal" => service.attach_principal(caller, read(input)?).await,
        "DetachThingPrincipal" => service.detach_principal(caller, read(input)?).await,
        "ListPrincipalThings" | "ListPrincipalThingsV2" => {
            service.list_principal_things(operation, caller, read(input)?).await
        }
        "ListThingPrincipals" | "ListThingPrincipalsV2" => {
            service.list_thing_principals(operation, caller, read(input)?).await
        }
        other => Err(super::listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attach {
    thing_name: String,
    principal: String,
    thing_principal_type: Option<Attachment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detach {
    thing_name: String,
    principal: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListPrincipals {
    #[serde(flatten)]
    paging: Paging,
    thing_name: String,
    thing_principal_type: Option<Attachment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListThings {
    #[serde(flatten)]
    paging: Paging,
    principal: String,
    thing_principal_type: Option<Attachment>,
}

impl Iot {
    async fn attach_principal(&self, caller: &Caller, request: Attach) -> Answer {
        let Attach { thing_name, principal, thing_principal_type: how } = request;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            principals::attach(&mut txn, &thing_name, &principal, how).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn detach_principal(&self, caller: &Caller, request: Detach) -> Answer {
        let Detach { thing_name, principal } = request;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            principals::detach(&mut txn, &thing_name, &principal).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn list_thing_principals(
        &self,
        operation: &str,
        caller: &Caller,
        request: ListPrincipals,
    ) -> Answer {
        let ListPrincipals { paging, thing_name: thing, thing_principal_type: wanted } = request;
        let list = [operation, &thing, spelled(wanted)];
        let place = self.place(caller, &list, &paging)?;
        let (registry, limit) = ((&self.registry, &caller.scope), paging.limit());
        let page = principals::of_thing(registry, &thing, wanted, place.as_deref(), limit).await?;
        if operation == "ListThingPrincipals" {
            return self.names(caller, &list, "principals", page);
        }
        let shown = |(principal, how)| json!({ "principal": principal, "thingPrincipalType": spelled(Some(how)) });
        self.page(caller, &list, "thingPrincipalObjects", page.map(shown))
    }

    async fn list_principal_things(
        &self,
        operation: &str,
        caller: &Caller,
        request: ListThings,
    ) -> Answer {
        let ListThings { paging, principal, thing_principal_type: wanted } = request;
        let list = [operation, &principal, spelled(wanted)];
        let place = self.place(caller, &list, &paging)?;
        let (registry, limit) = ((&self.registry, &caller.scope), paging.limit());
        let page =
            principals::things_page(registry, &principal, wanted, place.as_deref(), limit).await?;
        if operation == "ListPrincipalThings" {
            return self.names(caller, &list, "things", page);
        }
        let shown =
            |(thing, how)| json!({ "thingName": thing, "thingPrincipalType": spelled(Some(how)) });
        self.page(caller, &list, "principalThingObjects", page.map(shown))
    }

    fn names(
        &self,
        caller: &Caller,
        list: &[&str],
        member: &str,
        page: Page<(String, Attachment)>,
    ) -> Answer {
        self.page(caller, list, member, page.map(|(name, _)| name))
    }
}

/// `ThingPrincipalType`; nothing if there is none.
fn spelled(attachment: Option<Attachment>) -> &'static str {
    match attachment {
        None => "",
        Some(Attachment::Exclusive) => "EXCLUSIVE_THING",
        Some(Attachment::NonExclusive) => "NON_EXCLUSIVE_THING",
    }
}
