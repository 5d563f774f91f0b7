//! DeleteDocument.

use serde::Deserialize;
use trackway_engine::{Check, Edit};
use trackway_runbook::document::DocumentType;

use super::{Document, Version, delete_version, key, library, no_such_version, replace};
use crate::Caller;
use crate::answer::nothing;
use crate::ssm::refusal::{Code, Refusal};
use crate::ssm::{Answer, Ssm, associations, table, tags};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteDocument {
    name: String,
    document_version: Option<String>,
    version_name: Option<String>,
    #[serde(default)]
    force: bool,
}

/// Documents of this type are deleted by force only. Source: `Force` of DeleteDocument.
const DELETED_BY_FORCE: DocumentType = DocumentType::ApplicationConfigurationSchema;

impl Ssm {
    /// Deletes a document with all its versions, or one version that is not the default one.
    pub(super) async fn delete_document(&self, caller: &Caller, request: DeleteDocument) -> Answer {
        if library::find(&request.name).is_some() {
            return Err(refused("Documents that Amazon owns can't be deleted.").into());
        }
        loop {
            let (document, row) = self.own_document(caller, &request.name).await?;
            if document.document_type == DELETED_BY_FORCE.as_str() && !request.force {
                return Err(refused(
                    "Documents of the type ApplicationConfigurationSchema are deleted with Force only.",
                )
                .into());
            }
            let versions = self.versions(caller, &document.name).await?;
            let is_whole = request.document_version.is_none() && request.version_name.is_none();
            let (checks, edits): (Vec<Check>, Vec<Edit>) = if is_whole {
                if !document.shared.is_empty() {
                    return Err(refused("Must unshare document first before delete").into());
                }
                if associations::uses_document(self, caller, &document.name).await? {
                    return Err(Refusal::bare(Code::AssociatedInstances).into());
                }
                let (table, key) = (table::DOCUMENTS, key(&document.name));
                let check = Check::Equals { table, key: key.clone(), value: row };
                let mut edits = vec![Edit::Delete { table, key }];
                let each = versions.iter();
                edits.extend(each.flat_map(|one| delete_version(&document.name, one.number)));
                edits.push(tags::delete(tags::ResourceType::Document, &document.name));
                (vec![check], edits)
            } else {
                let number = wanted(&document, &versions, &request)?;
                if number == document.default_version {
                    return Err(refused("Default version of the document can't be deleted.").into());
                }
                let mut after = document.clone();
                let left = versions.iter().map(|one| one.number).filter(|one| *one != number);
                after.latest_version = left.max().unwrap_or(document.default_version);
                let (check, edit) = replace(row, &after)?;
                let edits = [edit].into_iter().chain(delete_version(&document.name, number));
                (vec![check], edits.collect())
            };
            if self.change(caller, &checks, &edits).await? {
                associations::document_changed(self, caller, &document.name).await?;
                return nothing();
            }
            // Somebody else changed it meanwhile: look again.
        }
    }
}

/// The number of the version that is to go.
fn wanted(
    document: &Document,
    versions: &[Version],
    request: &DeleteDocument,
) -> Result<u64, Refusal> {
    let of_number = match request.document_version.as_deref() {
        Some("$LATEST") => Some(document.latest_version),
        Some("$DEFAULT") => Some(document.default_version),
        Some(number) => Some(number.parse().map_err(|_| no_such_version())?),
        None => None,
    };
    let is_it = |version: &&Version| {
        of_number.is_none_or(|number| version.number == number)
            && request
                .version_name
                .as_ref()
                .is_none_or(|name| version.shown.version_name.as_ref() == Some(name))
    };
    versions.iter().find(is_it).map(|version| version.number).ok_or_else(no_such_version)
}

fn refused(message: &str) -> Refusal {
    Refusal::new(Code::InvalidDocumentOperation, message)
}
