//! Documents: create, read, version, list, share.
//!
//! A document is one row, each of its versions another, and the content of each version a third,
//! so that lists read no contents. Trackway's own documents (owner Amazon) are in no row.

mod create;
mod delete;
mod facts;
mod library;
mod list;
mod read;
mod resolve;
mod share;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::Timestamp;
use trackway_engine::{Check, Edit, Fault};

pub(super) use resolve::{Parsed, Resolved};

use super::refusal::{Code, Failure, Refusal};
use super::{Answer, Group, Ssm, table, unchanged};
use crate::Caller;
use crate::answer::read;
use crate::record;

/// Documents of an account in a region. Source: Systems Manager's quotas.
const DOCUMENTS_MAX: usize = 500;
/// Versions of a document. Source: the same.
const VERSIONS_MAX: usize = 1000;
/// Accounts that a document is shared with. Source: the same.
const SHARES_MAX: usize = 1000;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateDocument",
        "DeleteDocument",
        "DescribeDocument",
        "DescribeDocumentPermission",
        "GetDocument",
        "ListDocumentVersions",
        "ListDocuments",
        "ModifyDocumentPermission",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    ],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateDocument" => ssm.create_document(caller, read(input)?).await,
        "DeleteDocument" => ssm.delete_document(caller, read(input)?).await,
        "DescribeDocument" => ssm.describe_document(caller, read(input)?).await,
        "DescribeDocumentPermission" => {
            ssm.describe_document_permission(caller, read(input)?).await
        }
        "GetDocument" => ssm.get_document(caller, read(input)?).await,
        "ListDocumentVersions" => ssm.list_document_versions(caller, read(input)?).await,
        "ListDocuments" => ssm.list_documents(caller, read(input)?).await,
        "ModifyDocumentPermission" => ssm.modify_document_permission(caller, read(input)?).await,
        "UpdateDocument" => ssm.update_document(caller, read(input)?).await,
        "UpdateDocumentDefaultVersion" => {
            ssm.update_document_default_version(caller, read(input)?).await
        }
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// A document, as the catalog keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    name: String,
    /// The account that made it.
    owner: String,
    document_type: String,
    created: Timestamp,
    default_version: u64,
    /// The newest version that is there.
    latest_version: u64,
    /// The number of the next version: numbers are not used again.
    next_version: u64,
    /// What lists show of the default version.
    shown: Shown,
    /// Accounts, or `all`, and which version is shared with them.
    shared: BTreeMap<String, String>,
}

/// What lists show of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    version_name: Option<String>,
    display_name: Option<String>,
    format: String,
    schema_version: Option<String>,
    platform_types: Vec<String>,
    target_type: Option<String>,
    /// `Requires`, as JSON text.
    requires: Option<String>,
}

/// One version of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    number: u64,
    created: Timestamp,
    /// SHA-256 of its content.
    hash: [u8; 32],
    shown: Shown,
}

/// What follows a document's name in the keys of its versions: newest first.
fn version_key(name: &str, number: u64) -> Vec<u8> {
    let mut key = versions_prefix(name);
    key.extend_from_slice(&(u64::MAX - number).to_be_bytes());
    key
}

fn versions_prefix(name: &str) -> Vec<u8> {
    format!("v{name}\0").into_bytes()
}

fn content_key(name: &str, number: u64) -> Vec<u8> {
    let mut key = format!("c{name}\0").into_bytes();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// The key of a document.
pub(super) fn key(name: &str) -> Vec<u8> {
    format!("d{name}").into_bytes()
}

/// What a name or an ARN means.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named<'a> {
    /// The owner's account; the caller's for a plain name.
    account: &'a str,
    name: &'a str,
    /// The version that the ARN of a definition ends with.
    version: Option<&'a str>,
}

/// Takes a name or an ARN apart. None for an ARN of another region or another thing.
fn named<'a>(caller: &'a Caller, text: &'a str) -> Option<Named<'a>> {
    if !text.starts_with("arn:") {
        let (name, version) = match text.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        return Some(Named { account: &caller.account, name, version });
    }
    let mut parts = text.splitn(6, ':').skip(2);
    let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
    if service != "ssm" || region != caller.region {
        return None;
    }
    let (kind, rest) = parts.next()?.split_once('/')?;
    let (name, version) = match (kind, rest.split_once(':')) {
        ("automation-definition", Some((name, version))) => (name, Some(version)),
        ("automation-definition" | "document", None) => (rest, None),
        _ => return None,
    };
    Some(Named { account, name, version })
}

/// The name that a name or an ARN of the caller's own document means.
pub(super) fn name_of(caller: &Caller, text: &str) -> Option<String> {
    let named = named(caller, text)?;
    (named.account == caller.account && named.version.is_none()).then(|| named.name.to_owned())
}

/// The ARN of a document.
fn arn(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:ssm:{region}:{account}:document/{name}")
}

/// The refusal of a document that is not there.
fn does_not_exist() -> Refusal {
    Refusal::new(Code::InvalidDocument, "The specified document does not exist.")
}

/// The refusal of a version that is not there.
fn no_such_version() -> Refusal {
    Refusal::new(
        Code::InvalidDocumentVersion,
        "The document version is not valid or does not exist.",
    )
}

impl Ssm {
    /// A document of the caller's own, and its row.
    async fn own_document(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<(Document, Bytes), Failure> {
        let name = name_of(caller, text).ok_or_else(does_not_exist)?;
        let row = self.row(caller, table::DOCUMENTS, &key(&name)).await?;
        let row = row.ok_or_else(does_not_exist)?;
        Ok((record::decode(&row)?, row))
    }

    /// One version of a document that lies in `scope`.
    async fn version(
        &self,
        scope: &str,
        name: &str,
        number: u64,
    ) -> Result<Option<Version>, Fault> {
        let catalog = self.engine.catalog();
        let row = catalog.get(scope, table::DOCUMENT_VERSIONS, &version_key(name, number)).await?;
        row.map(|row| record::decode(&row)).transpose()
    }

    /// Every version of a document, newest first.
    async fn versions(&self, caller: &Caller, name: &str) -> Result<Vec<Version>, Fault> {
        let catalog = self.engine.catalog();
        let prefix = versions_prefix(name);
        let page = catalog
            .list(&caller.scope, table::DOCUMENT_VERSIONS, &prefix, None, VERSIONS_MAX)
            .await?;
        page.rows.iter().map(|(_, row)| record::decode(row)).collect()
    }
}

/// The edits that write a version and its content.
fn put_version(name: &str, version: &Version, content: &str) -> Result<[Edit; 2], Fault> {
    let put = |key, value: Bytes| Edit::Put { table: table::DOCUMENT_VERSIONS, key, value };
    Ok([
        put(version_key(name, version.number), record::encode(version)?.into()),
        put(content_key(name, version.number), Bytes::copy_from_slice(content.as_bytes())),
    ])
}

/// The edits that delete a version and its content.
fn delete_version(name: &str, number: u64) -> [Edit; 2] {
    let gone = |key| Edit::Delete { table: table::DOCUMENT_VERSIONS, key };
    [gone(version_key(name, number)), gone(content_key(name, number))]
}

/// The check that a document's row is still what was read, and the edit that replaces it.
fn replace(row: Bytes, after: &Document) -> Result<(Check, Edit), Fault> {
    let key = key(&after.name);
    let check = unchanged(table::DOCUMENTS, &key, Some(row));
    let value = record::encode(after)?.into();
    Ok((check, Edit::Put { table: table::DOCUMENTS, key, value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arns_are_taken_apart() {
        let caller = Caller::new("111122223333", "eu-west-1");
        let own = |name, version| Some(Named { account: "111122223333", name, version });
        for (text, expected) in [
            ("Doc", own("Doc", None)),
            ("Doc:3", own("Doc", Some("3"))),
            ("arn:aws:ssm:eu-west-1:111122223333:document/Doc", own("Doc", None)),
            (
                "arn:aws:ssm:eu-west-1:111122223333:automation-definition/Doc:$LATEST",
                own("Doc", Some("$LATEST")),
            ),
            (
                "arn:aws:ssm:eu-west-1::document/AWS-X",
                Some(Named { account: "", name: "AWS-X", version: None }),
            ),
            ("arn:aws:ssm:us-east-1:111122223333:document/Doc", None),
            ("arn:aws:s3:eu-west-1:111122223333:document/Doc", None),
            ("arn:aws:ssm:eu-west-1:111122223333:parameter/Doc", None),
            ("arn:", None),
        ] {
            assert_eq!(named(&caller, text), expected, "{text}");
        }
    }
}
