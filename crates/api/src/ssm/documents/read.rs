//! GetDocument, DescribeDocument, ListDocumentVersions.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::Fault;
use trackway_runbook::document::{self, Format};

use super::resolve::Found;
use super::{Document, Shown, Version, facts, library, versions_prefix};
use crate::Caller;
use crate::answer::{Epoch, hex, write};
use crate::ssm::refusal::{Code, Failure, invalid};
use crate::ssm::{Answer, Ssm, table, tags};

/// Items of a page unless fewer are asked for.
const ITEMS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfDocument {
    name: String,
    document_version: Option<String>,
    version_name: Option<String>,
    document_format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListVersions {
    name: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// A version as CreateDocument, UpdateDocument and DescribeDocument show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described<'a> {
    hash: String,
    hash_type: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_name: Option<&'a str>,
    owner: &'a str,
    created_date: Epoch,
    status: &'static str,
    document_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    parameters: Vec<Value>,
    platform_types: &'a [String],
    document_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_version: Option<&'a str>,
    latest_version: String,
    default_version: String,
    document_format: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<&'a str>,
    tags: Vec<tags::Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires: Option<Value>,
}

impl<'a> Described<'a> {
    pub(super) fn new(
        caller: &Caller,
        document: &'a Document,
        version: &'a Version,
        content: &str,
        tags: &tags::Tags,
    ) -> Self {
        let shown = &version.shown;
        let facts = facts::kind_of(&document.document_type, &shown.format)
            .ok()
            .map(|(document_type, format)| facts::of(content, format, document_type));
        let (description, parameters) =
            facts.map(|facts| (facts.description, facts.parameters)).unwrap_or_default();
        let is_shared = document.owner != caller.account && document.owner != library::OWNER;
        Self {
            hash: hex(&version.hash),
            hash_type: "Sha256",
            name: match is_shared {
                true => super::arn(&caller.region, &document.owner, &document.name),
                false => document.name.clone(),
            },
            display_name: shown.display_name.as_deref(),
            version_name: shown.version_name.as_deref(),
            owner: &document.owner,
            created_date: Epoch(version.created),
            status: "Active",
            document_version: version.number.to_string(),
            description,
            parameters,
            platform_types: &shown.platform_types,
            document_type: &document.document_type,
            schema_version: shown.schema_version.as_deref(),
            latest_version: document.latest_version.to_string(),
            default_version: document.default_version.to_string(),
            document_format: &shown.format,
            target_type: shown.target_type.as_deref(),
            tags: tags::listed(tags),
            requires: requires(shown),
        }
    }

    /// The same while it is being written, as AWS says it.
    pub(super) fn with_status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }
}

/// `Requires` of a version.
pub(super) fn requires(shown: &Shown) -> Option<Value> {
    shown.requires.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

impl Ssm {
    pub(super) async fn get_document(&self, caller: &Caller, request: OfDocument) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Got<'a> {
            name: String,
            created_date: Epoch,
            #[serde(skip_serializing_if = "Option::is_none")]
            display_name: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            version_name: Option<&'a str>,
            document_version: String,
            status: &'static str,
            content: String,
            document_type: &'a str,
            document_format: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            requires: Option<Value>,
            attachments_content: [Value; 0],
        }
        let found = self.find(caller, &request).await?;
        let content = self.content(&found).await?;
        let shown = &found.version.shown;
        let stored = Format::parse(&shown.format)
            .ok_or_else(|| Fault::new(format!("a document has the format {}", shown.format)))?;
        // "JSON is the default format."; a text stays one.
        let wanted = match (stored, request.document_format.as_deref().and_then(Format::parse)) {
            (Format::Text, _) => Format::Text,
            (_, wanted) => wanted.unwrap_or(Format::Json),
        };
        let content = document::convert(&content, stored, wanted)
            .map_err(|why| invalid(format!("The document can't be converted: {why}")))?;
        write(&Got {
            name: found.shown_name(caller),
            created_date: Epoch(found.version.created),
            display_name: shown.display_name.as_deref(),
            version_name: shown.version_name.as_deref(),
            document_version: found.version.number.to_string(),
            status: "Active",
            content,
            document_type: &found.document.document_type,
            document_format: wanted.as_str(),
            requires: requires(shown),
            attachments_content: [],
        })
    }

    pub(super) async fn describe_document(&self, caller: &Caller, request: OfDocument) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Got<'a> {
            document: Described<'a>,
        }
        let found = self.find(caller, &request).await?;
        let content = self.content(&found).await?;
        let tags = match &found.scope {
            // Tags are their owner's.
            Some(scope) if *scope == caller.scope => {
                self.tags_of(caller, tags::ResourceType::Document, &found.document.name).await?
            }
            _ => tags::Tags::new(),
        };
        let Found { document, version, .. } = &found;
        write(&Got { document: Described::new(caller, document, version, &content, &tags) })
    }

    async fn find(&self, caller: &Caller, request: &OfDocument) -> Result<Found, Failure> {
        let version = (request.document_version.as_deref(), request.version_name.as_deref());
        self.find_document(caller, &request.name, version).await
    }

    pub(super) async fn list_document_versions(
        &self,
        caller: &Caller,
        request: ListVersions,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            document_versions: Vec<Item>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Item {
            name: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            display_name: Option<String>,
            document_version: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            version_name: Option<String>,
            created_date: Epoch,
            is_default_version: bool,
            document_format: String,
            status: &'static str,
        }
        let found = self.find_document(caller, &request.name, (None, None)).await?;
        let name = found.shown_name(caller);
        let default = found.document.default_version;
        let item = |version: Version| Item {
            name: found.document.name.clone(),
            display_name: version.shown.display_name,
            document_version: version.number.to_string(),
            version_name: version.shown.version_name,
            created_date: Epoch(version.created),
            is_default_version: version.number == default,
            document_format: version.shown.format,
            status: "Active",
        };
        let request_bound = ["ListDocumentVersions", name.as_str()];
        let bound = self.bound(caller, &request_bound);
        let is_own = found.scope.as_ref() == Some(&caller.scope);
        if !is_own {
            // Of what isn't the caller's, only the version that is shared can be seen.
            request.next_token.as_deref().map(|token| bound.unseal::<Code>(token)).transpose()?;
            let document_versions = vec![item(found.version.clone())];
            return write(&Listed { document_versions, next_token: None });
        }
        let prefix = versions_prefix(&found.document.name);
        let place = (table::DOCUMENT_VERSIONS, prefix.as_slice());
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let (rows, next_token) =
            bound.catalog_page(place, request.next_token.as_deref(), limit).await?;
        let document_versions = rows.into_iter().map(item).collect();
        write(&Listed { document_versions, next_token })
    }
}
