//! What a content is, and why one is refused.

use trackway_runbook::document::{self, Document, DocumentType, Facts, Format};

use crate::ssm::refusal::{Code, Refusal, invalid};

/// The type and format that a request names.
pub(super) fn kind_of(
    document_type: &str,
    format: &str,
) -> Result<(DocumentType, Format), Refusal> {
    let document_type = DocumentType::parse(document_type).map_err(|why| refused(&why))?;
    let format = Format::parse(format).ok_or_else(|| invalid("The format is not known."))?;
    Ok((document_type, format))
}

/// The refusal of a content.
pub(super) fn refused(why: &document::Problems) -> Refusal {
    let code = match why.exception() {
        document::Exception::MaxDocumentSizeExceeded => Code::MaxDocumentSizeExceeded,
        document::Exception::InvalidDocumentSchemaVersion => Code::InvalidDocumentSchemaVersion,
        _ => Code::InvalidDocumentContent,
    };
    Refusal::new(code, why.message())
}

/// What a content tells of itself. One that can't be read any more tells nothing.
pub(super) fn of(content: &str, format: Format, document_type: DocumentType) -> Facts {
    let parsed = document::parse(content, format, document_type);
    parsed.as_ref().map(Document::facts).unwrap_or_default()
}
