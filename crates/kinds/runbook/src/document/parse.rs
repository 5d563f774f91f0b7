//! The door: a text, its format and its type become a document, or everything that is wrong.

use serde_json::Value;

use super::automation;
use super::command::{self, CommandDocument};
use super::fields::{Object, present, scalar_text};
use super::problem::{Exception, Problems};
use super::runbook::Runbook;
use super::text::{self, Format};

/// The largest document.
pub const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentType {
    /// `Command`: what a node runs.
    Command,
    /// `Automation`: a runbook.
    Automation,
    /// `Session`: preferences of Session Manager.
    Session,
    /// `Policy`: what a node is kept at.
    Policy,
    /// `Package`: the manifest of a package.
    Package,
    /// `ApplicationConfiguration`.
    ApplicationConfiguration,
    /// `ApplicationConfigurationSchema`.
    ApplicationConfigurationSchema,
    /// `DeploymentStrategy`.
    DeploymentStrategy,
    /// `ChangeCalendar`: an iCalendar text.
    ChangeCalendar,
    /// `CloudFormation`: a template in a document.
    CloudFormation,
    /// `ConformancePackTemplate`.
    ConformancePackTemplate,
}

impl DocumentType {
    const ALL: [(&'static str, DocumentType); 11] = [
        ("Command", DocumentType::Command),
        ("Automation", DocumentType::Automation),
        ("Session", DocumentType::Session),
        ("Policy", DocumentType::Policy),
        ("Package", DocumentType::Package),
        ("ApplicationConfiguration", DocumentType::ApplicationConfiguration),
        ("ApplicationConfigurationSchema", DocumentType::ApplicationConfigurationSchema),
        ("DeploymentStrategy", DocumentType::DeploymentStrategy),
        ("ChangeCalendar", DocumentType::ChangeCalendar),
        ("CloudFormation", DocumentType::CloudFormation),
        ("ConformancePackTemplate", DocumentType::ConformancePackTemplate),
    ];

    /// From AWS's word.
    ///
    /// # Errors
    /// The type is one that isn't built here, such as those of Change Manager.
    pub fn parse(word: &str) -> Result<Self, Problems> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, one)| *one).ok_or_else(|| {
            let text = format!("Document type {word} is not supported here.");
            Problems::one(Exception::Unsupported, "", text)
        })
    }

    /// AWS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, one)| *one == self);
        found.map_or("Command", |(name, _)| name)
    }

    /// The schema versions of the type; empty where it has none of its own.
    #[must_use]
    pub fn schema_versions(self) -> &'static [&'static str] {
        match self {
            DocumentType::Command => &["1.2", "2.0", "2.2"],
            DocumentType::Automation => &["0.3"],
            DocumentType::Session => &["1.0"],
            DocumentType::Policy => &["2.0"],
            _ => &[],
        }
    }
}

/// A document that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// A runbook.
    Runbook(Runbook),
    /// What a node runs.
    Command(CommandDocument),
    /// A document that is kept and described, and that nothing here runs.
    Other(Value),
}

/// Reads and checks a document.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(
    content: &str,
    format: Format,
    document_type: DocumentType,
) -> Result<Document, Problems> {
    if content.len() > CONTENT_BYTES_MAX {
        let text = "The size limit of a document is 64 KB.";
        return Err(Problems::one(Exception::MaxDocumentSizeExceeded, "", text));
    }
    if document_type.schema_versions().is_empty() {
        return read_other(content, format, document_type);
    }
    let value = text::read(content, format)?;
    let Value::Object(document) = &value else {
        let text = "The document is not a map.";
        return Err(Problems::one(Exception::InvalidDocumentContent, "", text));
    };
    check_version(document, document_type)?;
    match document_type {
        DocumentType::Automation => automation::read(document).map(Document::Runbook),
        DocumentType::Command => command::read(document).map(Document::Command),
        _ => Ok(Document::Other(value)),
    }
}

/// The schema version of a document, as text.
pub(super) fn schema_version(document: &Object) -> Option<String> {
    present(document, "schemaVersion").and_then(scalar_text)
}

fn check_version(document: &Object, document_type: DocumentType) -> Result<(), Problems> {
    let place = "$.schemaVersion";
    let Some(version) = schema_version(document) else {
        let text = "Required field schemaVersion is missing.";
        return Err(Problems::one(Exception::InvalidDocumentContent, "$", text));
    };
    let known = document_type.schema_versions();
    if known.contains(&version.as_str()) {
        return Ok(());
    }
    let text = format!(
        "Schema version {version} is not supported for document type {}. Supported: {}.",
        document_type.as_str(),
        known.join(", ")
    );
    Err(Problems::one(Exception::InvalidDocumentSchemaVersion, place, text))
}

/// A type whose content belongs to another service: kept as it is, read as far as its format.
fn read_other(
    content: &str,
    format: Format,
    document_type: DocumentType,
) -> Result<Document, Problems> {
    if format == Format::Text || document_type == DocumentType::ChangeCalendar {
        return Ok(Document::Other(Value::String(content.to_owned())));
    }
    let value = text::read(content, format)?;
    if document_type == DocumentType::CloudFormation {
        let missing: Vec<String> = ["schemaVersion", "templateBody"]
            .into_iter()
            .filter(|key| value.get(key).is_none())
            .map(|key| format!("\"{key}\""))
            .collect();
        if !missing.is_empty() {
            // AWS's words.
            let missing = missing.join(",");
            let text = format!(
                "[message: \"object has missing required properties ([{missing}])\" - parent \
                 node: /]"
            );
            return Err(Problems::one(Exception::InvalidDocumentContent, "", text));
        }
    }
    Ok(Document::Other(value))
}
