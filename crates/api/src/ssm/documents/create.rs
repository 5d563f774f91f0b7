//! CreateDocument, UpdateDocument, UpdateDocumentDefaultVersion.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::{Check, Definition, Edit};
use trackway_runbook::document;

use super::read::Described;
use super::{
    DOCUMENTS_MAX, Document, Failure, Shown, VERSIONS_MAX, Version, facts, key, library,
    no_such_version, put_version, replace,
};
use crate::Caller;
use crate::answer::write;
use crate::record;
use crate::ssm::refusal::{Code, Refusal, invalid};
use crate::ssm::{Answer, Ssm, associations, table, tags};

/// Names that begin with these are AWS's. Source: CreateDocument's documentation.
const RESERVED_PREFIXES: [&str; 3] = ["aws", "amazon", "amzn"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateDocument {
    name: String,
    #[serde(default = "command")]
    document_type: String,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    requires: Option<Value>,
    #[serde(flatten)]
    content: Content,
}

fn command() -> String {
    "Command".to_owned()
}

/// What create and update share.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    content: String,
    #[serde(default = "json")]
    document_format: String,
    attachments: Option<Vec<Value>>,
    display_name: Option<String>,
    version_name: Option<String>,
    target_type: Option<String>,
}

fn json() -> String {
    "JSON".to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateDocument {
    name: String,
    document_version: Option<String>,
    #[serde(flatten)]
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateDefaultVersion {
    name: String,
    document_version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Written<'a> {
    document_description: Described<'a>,
}

impl Content {
    /// Checks the content; gives what lists show of it.
    fn check(&self, document_type: &str, requires: Option<&Value>) -> Result<Shown, Refusal> {
        if self.attachments.as_ref().is_some_and(|attachments| !attachments.is_empty()) {
            return Err(invalid(
                "Attachments of documents are not supported by this version of Trackway.",
            ));
        }
        let (document_type, format) = facts::kind_of(document_type, &self.document_format)?;
        document::parse(&self.content, format, document_type)
            .map_err(|why| facts::refused(&why))?;
        let facts = facts::of(&self.content, format, document_type);
        Ok(Shown {
            version_name: self.version_name.clone(),
            display_name: self.display_name.clone(),
            format: self.document_format.clone(),
            schema_version: facts.schema_version,
            platform_types: facts.platform_types.into_iter().map(str::to_owned).collect(),
            target_type: self.target_type.clone(),
            requires: requires.map(Value::to_string),
        })
    }
}

impl Ssm {
    pub(super) async fn create_document(&self, caller: &Caller, request: CreateDocument) -> Answer {
        let lower = request.name.to_lowercase();
        if RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
            return Err(invalid(format!(
                "Document name {} begins with a prefix that is reserved: aws, amazon, amzn.",
                request.name
            ))
            .into());
        }
        let shown = request.content.check(&request.document_type, request.requires.as_ref())?;
        let tags = tags::checked(&request.tags)?;
        let now = self.engine.now();
        let definition = Definition::new(request.content.content.as_str());
        let version = Version { number: 1, created: now, hash: definition.hash(), shown };
        let document = Document {
            name: request.name,
            owner: caller.account.clone(),
            document_type: request.document_type,
            created: now,
            default_version: 1,
            latest_version: 1,
            next_version: 2,
            shown: version.shown.clone(),
            shared: BTreeMap::new(),
        };
        let (table, key) = (table::DOCUMENTS, key(&document.name));
        let is_ours = library::find(&document.name).is_some();
        if is_ours || self.row(caller, table, &key).await?.is_some() {
            return Err(already_exists());
        }
        let documents =
            self.engine.catalog().list(&caller.scope, table, b"d", None, DOCUMENTS_MAX).await?;
        if documents.rows.len() >= DOCUMENTS_MAX {
            let message = format!("You can have at most {DOCUMENTS_MAX} documents in a Region.");
            return Err(Refusal::new(Code::DocumentLimitExceeded, message).into());
        }
        let value = record::encode(&document)?.into();
        let mut edits = vec![Edit::Put { table, key: key.clone(), value }];
        edits.extend(put_version(&document.name, &version, &request.content.content)?);
        edits.push(tags::put(tags::ResourceType::Document, &document.name, &tags)?);
        if !self.change(caller, &[Check::Absent { table, key }], &edits).await? {
            return Err(already_exists());
        }
        let content = &request.content.content;
        let described = Described::new(caller, &document, &version, content, &tags);
        write(&Written { document_description: described.with_status("Creating") })
    }

    pub(super) async fn update_document(&self, caller: &Caller, request: UpdateDocument) -> Answer {
        if library::find(&request.name).is_some() {
            return Err(Refusal::new(
                Code::InvalidDocumentOperation,
                "Documents that Amazon owns can't be changed.",
            )
            .into());
        }
        let definition = Definition::new(request.content.content.as_str());
        loop {
            let (mut document, row) = self.own_document(caller, &request.name).await?;
            check_version(&document, request.document_version.as_deref())?;
            let mut shown = request.content.check(&document.document_type, None)?;
            let versions = self.versions(caller, &document.name).await?;
            let latest = versions.first().ok_or_else(no_such_version)?;
            shown.requires.clone_from(&latest.shown.requires);
            shown.target_type = shown.target_type.or_else(|| latest.shown.target_type.clone());
            shown.display_name = shown.display_name.or_else(|| latest.shown.display_name.clone());
            check_distinct(&versions, &definition, shown.version_name.as_deref())?;
            let now = self.engine.now();
            let number = document.next_version;
            let version = Version { number, created: now, hash: definition.hash(), shown };
            document.latest_version = number;
            document.next_version += 1;
            let (check, edit) = replace(row, &document)?;
            let mut edits = vec![edit];
            edits.extend(put_version(&document.name, &version, &request.content.content)?);
            if self.change(caller, &[check], &edits).await? {
                associations::document_changed(self, caller, &document.name).await?;
                let of = tags::ResourceType::Document;
                let tags = self.tags_of(caller, of, &document.name).await?;
                let content = &request.content.content;
                let described = Described::new(caller, &document, &version, content, &tags);
                return write(&Written { document_description: described.with_status("Updating") });
            }
            // Somebody else changed it meanwhile: look again.
        }
    }

    pub(super) async fn update_document_default_version(
        &self,
        caller: &Caller,
        request: UpdateDefaultVersion,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Updated<'a> {
            description: Default<'a>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Default<'a> {
            name: &'a str,
            default_version: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            default_version_name: Option<&'a str>,
        }
        // One of Amazon's is nobody's to change, and not among the caller's.
        let number: u64 = request.document_version.parse().map_err(|_| no_such_version())?;
        loop {
            let (mut document, row) = self.own_document(caller, &request.name).await?;
            let version = self.version(&caller.scope, &document.name, number).await?;
            let version = version.ok_or_else(no_such_version)?;
            document.default_version = number;
            document.shown = version.shown.clone();
            let (check, edit) = replace(row, &document)?;
            if self.change(caller, &[check], &[edit]).await? {
                associations::document_changed(self, caller, &document.name).await?;
                return write(&Updated {
                    description: Default {
                        name: &document.name,
                        default_version: number.to_string(),
                        default_version_name: version.shown.version_name.as_deref(),
                    },
                });
            }
        }
    }
}

fn already_exists() -> Failure {
    Refusal::new(Code::DocumentAlreadyExists, "The specified document already exists.").into()
}

/// Only the latest version can be updated. None named means the default one.
fn check_version(document: &Document, wanted: Option<&str>) -> Result<(), Refusal> {
    let wanted = match wanted {
        Some("$LATEST") => document.latest_version,
        Some("$DEFAULT") | None => document.default_version,
        Some(number) => number.parse().map_err(|_| no_such_version())?,
    };
    if wanted == document.latest_version { Ok(()) } else { Err(no_such_version()) }
}

/// No two versions have the same content or the same name, and there are not too many.
fn check_distinct(
    versions: &[Version],
    definition: &Definition,
    version_name: Option<&str>,
) -> Result<(), Refusal> {
    if versions.iter().any(|version| version.hash == definition.hash()) {
        return Err(Refusal::new(
            Code::DuplicateDocumentContent,
            "The content of the association document matches another document. Change the content of the document and try again.",
        ));
    }
    let is_taken = |version: &Version| version.shown.version_name.as_deref() == version_name;
    if version_name.is_some() && versions.iter().any(is_taken) {
        return Err(Refusal::new(
            Code::DuplicateDocumentVersionName,
            "The specified version name is a duplicate.",
        ));
    }
    if versions.len() >= VERSIONS_MAX {
        let message = format!("A document can have at most {VERSIONS_MAX} versions.");
        return Err(Refusal::new(Code::DocumentVersionLimitExceeded, message));
    }
    Ok(())
}
