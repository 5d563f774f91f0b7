//! Trackway's own documents, under the names that users call. Their owner is Amazon, as callers
//! expect of these names; their text is ours.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use trackway_core::Timestamp;
use trackway_runbook::document::library::{DOCUMENTS, LibraryDocument};

use super::{Document, Shown, Version, facts};

pub(super) use trackway_runbook::document::library::OWNER;

/// One of them, with what lists show of it.
pub(super) struct Own {
    pub(super) name: &'static str,
    pub(super) content: &'static str,
    pub(super) document: Document,
    pub(super) version: Version,
}

static ALL: LazyLock<Vec<Own>> = LazyLock::new(|| {
    let mut all: Vec<Own> = DOCUMENTS.iter().map(own).collect();
    all.sort_by_key(|own| own.name);
    all
});

/// All of them, by name.
pub(super) fn all() -> &'static [Own] {
    &ALL
}

/// The one of this name.
pub(super) fn find(name: &str) -> Option<&'static Own> {
    ALL.iter().find(|own| own.name == name)
}

fn own(one: &LibraryDocument) -> Own {
    let facts = facts::of(one.content, one.format, one.document_type);
    let shown = Shown {
        format: one.format.as_str().to_owned(),
        schema_version: facts.schema_version,
        platform_types: facts.platform_types.into_iter().map(str::to_owned).collect(),
        ..Shown::default()
    };
    let version = Version {
        number: 1,
        created: Timestamp::default(),
        hash: Sha256::digest(one.content.as_bytes()).into(),
        shown: shown.clone(),
    };
    let document = Document {
        name: one.name.to_owned(),
        owner: OWNER.to_owned(),
        document_type: one.document_type.as_str().to_owned(),
        created: Timestamp::default(),
        default_version: 1,
        latest_version: 1,
        next_version: 2,
        shown,
        shared: BTreeMap::new(),
    };
    Own { name: one.name, content: one.content, document, version }
}
