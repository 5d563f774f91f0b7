//! DescribeDocumentPermission and ModifyDocumentPermission: documents that other accounts may use.
//!
//! Who may use a document stands in its row. Beside it, each account that it is shared with has a
//! row that points at it, so that its lists find it: written before, deleted after, and believed
//! only if the document says the same.

use serde::{Deserialize, Serialize};
use trackway_engine::{Edit, Fault};

use super::{SHARES_MAX, replace};
use crate::Caller;
use crate::answer::{nothing, write};
use crate::record;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, Ssm, settings, table};

/// The account that stands for everybody.
pub(super) const ALL: &str = "all";
/// Accounts of a page unless fewer are asked for.
const ITEMS_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ModifyPermission {
    name: String,
    #[serde(default)]
    account_ids_to_add: Vec<String>,
    #[serde(default)]
    account_ids_to_remove: Vec<String>,
    shared_document_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribePermission {
    name: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// Where a document that is shared lies.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pointer {
    pub(super) owner: String,
    pub(super) name: String,
}

impl Pointer {
    fn key(&self) -> Vec<u8> {
        format!("s{}\0{}", self.owner, self.name).into_bytes()
    }
}

/// Everybody in the caller's region.
pub(super) fn public(caller: &Caller) -> Caller {
    Caller::new(ALL, &caller.region)
}

/// An account as it is kept; the words for everybody are one.
fn account(text: &str) -> String {
    if text.eq_ignore_ascii_case(ALL) { ALL.to_owned() } else { text.to_owned() }
}

impl Ssm {
    pub(super) async fn modify_document_permission(
        &self,
        caller: &Caller,
        request: ModifyPermission,
    ) -> Answer {
        let added: Vec<String> = request.account_ids_to_add.iter().map(|id| account(id)).collect();
        let removed: Vec<String> =
            request.account_ids_to_remove.iter().map(|id| account(id)).collect();
        if added.contains(&caller.account) {
            return Err(invalid("A document can't be shared with the account that owns it.").into());
        }
        if added.iter().any(|account| account == ALL) && !self.may_be_public(caller).await? {
            let message = "Public sharing of documents is blocked by the service setting /ssm/documents/console/public-sharing-permission.";
            return Err(Refusal::new(Code::InvalidPermissionType, message).into());
        }
        let version = request.shared_document_version.as_deref().unwrap_or("$DEFAULT");
        let (document, _) = self.own_document(caller, &request.name).await?;
        let pointer = Pointer { owner: caller.account.clone(), name: document.name };
        for account in added.iter().filter(|account| !removed.contains(account)) {
            self.point(caller, account, &pointer).await?;
        }
        loop {
            let (mut document, row) = self.own_document(caller, &request.name).await?;
            for account in &added {
                document.shared.insert(account.clone(), version.to_owned());
            }
            document.shared.retain(|account, _| !removed.contains(account));
            if document.shared.len() > SHARES_MAX {
                let message =
                    format!("A document can be shared with at most {SHARES_MAX} accounts.");
                return Err(Refusal::new(Code::DocumentPermissionLimit, message).into());
            }
            let (check, edit) = replace(row, &document)?;
            if self.change(caller, &[check], &[edit]).await? {
                break;
            }
        }
        for account in &removed {
            self.unpoint(caller, account, &pointer).await?;
        }
        nothing()
    }

    async fn may_be_public(&self, caller: &Caller) -> Result<bool, Fault> {
        let setting = self.setting(caller, settings::PUBLIC_SHARING).await?;
        Ok(setting.is_none_or(|value| value == "Enable"))
    }

    async fn point(&self, caller: &Caller, account: &str, at: &Pointer) -> Result<(), Fault> {
        let reader = Caller::new(account, &caller.region);
        let value = record::encode(at)?.into();
        let edit = Edit::Put { table: table::DOCUMENTS, key: at.key(), value };
        self.change(&reader, &[], &[edit]).await.map(drop)
    }

    async fn unpoint(&self, caller: &Caller, account: &str, at: &Pointer) -> Result<(), Fault> {
        let reader = Caller::new(account, &caller.region);
        let edit = Edit::Delete { table: table::DOCUMENTS, key: at.key() };
        self.change(&reader, &[], &[edit]).await.map(drop)
    }

    pub(super) async fn describe_document_permission(
        &self,
        caller: &Caller,
        request: DescribePermission,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Described {
            account_ids: Vec<String>,
            account_sharing_info_list: Vec<Sharing>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Sharing {
            account_id: String,
            shared_document_version: String,
        }
        let (document, _) = self.own_document(caller, &request.name).await?;
        let request_bound = ["DescribeDocumentPermission", document.name.as_str()];
        let bound = self.bound(caller, &request_bound);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token));
        let place: Option<Vec<u8>> = place.transpose().map_err(Failure::Refused)?;
        let rest = document
            .shared
            .iter()
            .filter(|(account, _)| place.as_deref().is_none_or(|place| account.as_bytes() > place));
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let page: Vec<Sharing> = rest
            .clone()
            .take(limit)
            .map(|(account, version)| Sharing {
                account_id: account.clone(),
                shared_document_version: version.clone(),
            })
            .collect();
        let next_token = match page.last() {
            Some(last) if rest.count() > limit => Some(bound.seal(last.account_id.as_bytes())),
            _ => None,
        };
        let account_ids = page.iter().map(|one| one.account_id.clone()).collect();
        write(&Described { account_ids, account_sharing_info_list: page, next_token })
    }
}
