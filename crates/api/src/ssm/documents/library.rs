//! Trackway's own documents, under the names that users call. Their owner is Amazon, as callers
//! expect of these names; their text is ours.

use super::{Document, Shown, Version, facts};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use trackway_core::Timestamp;
use trackway_runbook::document::library::{DOCUMENTS, LibraryDocument};
use trackway_runbook::document::{DocumentType, Format};

/// Who owns them.
pub(super) const OWNER: &str = "Amazon";

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct Own {
    pub(super) name: &'static str,
    pub(super) document_type: DocumentType,
    pub(super) format: Format,
    pub(super) content: &'static str,
}

/// All of them, by name.
pub(super) fn all() -> &'static [Own] {
    static ALL: LazyLock<Vec<Own>> = LazyLock::new(|| {
        let own = |known: &LibraryDocument| Own {
            name: known.name,
            document_type: known.document_type,
            format: known.format,
            content: known.content,
        };
        DOCUMENTS.iter().map(own).collect()
    });
    &ALL
}

/// The one of this name.
pub(super) fn find(name: &str) -> Option<Own> {
    all().iter().find(|own| own.name == name).copied()
}

impl Own {
    pub(super) fn document(self) -> Document {
        Document {
            name: self.name.to_owned(),
            owner: OWNER.to_owned(),
            document_type: self.document_type.as_str().to_owned(),
            created: Timestamp::default(),
            default_version: 1,
            latest_version: 1,
            next_version: 2,
            shown: self.shown(),
            shared: BTreeMap::new(),
        }
    }

    pub(super) fn version(self) -> Version {
        Version {
            number: 1,
            created: Timestamp::default(),
            hash: Sha256::digest(self.content.as_bytes()).into(),
            shown: self.shown(),
        }
    }

    fn shown(self) -> Shown {
        let facts = facts::of(self.content, self.format, self.document_type);
        Shown {
            format: self.format.as_str().to_owned(),
            schema_version: facts.schema_version,
            platform_types: facts.platform_types.into_iter().map(str::to_owned).collect(),
            ..Shown::default()
        }
    }
}
