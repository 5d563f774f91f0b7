//! Which document and version a request means, and its content, parsed once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use trackway_engine::{Definition, Fault};
use trackway_runbook::automation::envelope;
use trackway_runbook::document::{self, DocumentType, Format};

use super::{
    Document, Failure, Version, arn, content_key, does_not_exist, facts, key, library, named,
    no_such_version,
};
use crate::Caller;
use crate::record;
use crate::ssm::{Ssm, table};

/// Parsed documents kept in memory; more are parsed again when they are needed.
const PARSED_MAX: usize = 1000;

/// Documents by content, type and format. What is named by its content never goes stale.
#[derive(Default)]
pub(in crate::ssm) struct Parsed(Mutex<BTreeMap<ParsedKey, Known>>);

/// A content, and what it says.
#[derive(Clone)]
struct Known {
    content: Definition,
    runnable: Definition,
    parsed: Arc<document::Document>,
}

type ParsedKey = ([u8; 32], DocumentType, &'static str);

impl Parsed {
    fn get(&self, key: &ParsedKey) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: ParsedKey, document: Known) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= PARSED_MAX {
            all.clear();
        }
        all.insert(key, document);
    }
}

/// A version of a document, ready to run.
#[derive(Clone)]
pub(in crate::ssm) struct Resolved {
    /// What answers show as its name: the ARN of one that another account shares.
    pub(in crate::ssm) shown_name: String,
    pub(in crate::ssm) arn: String,
    /// The number of the version.
    pub(in crate::ssm) version: String,
    pub(in crate::ssm) document_type: DocumentType,
    pub(in crate::ssm) format: Format,
    /// The content as it was written, and its SHA-256.
    pub(in crate::ssm) content: Definition,
    /// What an execution of it pins: the content with its format, for the kind to parse.
    pub(in crate::ssm) runnable: Definition,
    pub(in crate::ssm) parsed: Arc<document::Document>,
}

/// A document, one of its versions, and where both lie.
pub(super) struct Found {
    pub(super) document: Document,
    pub(super) version: Version,
    /// Whose it is: a scope of the catalog, or none for one of ours.
    pub(super) scope: Option<Arc<str>>,
}

impl Found {
    /// What answers show as its name.
    pub(super) fn shown_name(&self, caller: &Caller) -> String {
        let Document { name, owner, .. } = &self.document;
        match &self.scope {
            Some(scope) if *scope != caller.scope => arn(&caller.region, owner, name),
            _ => name.clone(),
        }
    }
}

impl Ssm {
    /// The version of a document that a request means: by name or ARN, and by `$DEFAULT` (also
    /// when none is named), `$LATEST` or a number.
    ///
    /// # Errors
    /// `InvalidDocument` if there is none, `InvalidDocumentVersion` if it has no such version.
    pub(in crate::ssm) async fn resolve_document(
        &self,
        caller: &Caller,
        name_or_arn: &str,
        version: Option<&str>,
    ) -> Result<Resolved, Failure> {
        let found = self.find_document(caller, name_or_arn, (version, None)).await?;
        let broken = |why: String| {
            Fault::new(format!("could not read the document {}: {why}", found.document.name))
        };
        let shown = &found.version.shown;
        let (document_type, format) = facts::kind_of(&found.document.document_type, &shown.format)
            .map_err(|why| broken(why.text().to_owned()))?;
        let key = (found.version.hash, document_type, format.as_str());
        let Known { content, runnable, parsed } = match self.parsed.get(&key) {
            Some(known) => known,
            None => {
                let content = Definition::new(self.content(&found).await?);
                let parsed = document::parse(content.text(), format, document_type);
                let parsed = Arc::new(parsed.map_err(|why| broken(why.message()))?);
                let runnable = match format {
                    Format::Json => content.clone(),
                    _ => Definition::new(envelope(content.text(), format.as_str())),
                };
                let known = Known { content, runnable, parsed };
                self.parsed.put(key, known.clone());
                known
            }
        };
        let account = if found.scope.is_some() { found.document.owner.as_str() } else { "" };
        Ok(Resolved {
            arn: arn(&caller.region, account, &found.document.name),
            shown_name: found.shown_name(caller),
            version: found.version.number.to_string(),
            document_type,
            format,
            content,
            runnable,
            parsed,
        })
    }

    /// Finds a document and the version of it that a number, `$DEFAULT`, `$LATEST` or a version
    /// name means, if the caller may see it.
    pub(super) async fn find_document(
        &self,
        caller: &Caller,
        text: &str,
        (version, version_name): (Option<&str>, Option<&str>),
    ) -> Result<Found, Failure> {
        let named = named(caller, text).ok_or_else(does_not_exist)?;
        let version = match (version, named.version) {
            (Some(version), Some(of_arn)) if version != of_arn => {
                return Err(no_such_version().into());
            }
            (version, of_arn) => version.or(of_arn),
        };
        if let Some(own) = library::find(named.name)
            && (named.account.is_empty() || !text.starts_with("arn:"))
        {
            if !matches!(version, None | Some("$DEFAULT" | "$LATEST" | "1"))
                || version_name.is_some()
            {
                return Err(no_such_version().into());
            }
            let (document, version) = (own.document.clone(), own.version.clone());
            return Ok(Found { document, version, scope: None });
        }
        let owner = Caller::new(named.account, &caller.region);
        let row = self.row(&owner, table::DOCUMENTS, &key(named.name)).await?;
        let document: Document = record::decode(&row.ok_or_else(does_not_exist)?)?;
        let shared = match owner.account == caller.account {
            true => "$ALL",
            false => shared_version(&document, &caller.account).ok_or_else(does_not_exist)?,
        };
        let number = self.number(&owner, &document, (version, version_name)).await?;
        let may_see = match shared {
            "$ALL" => true,
            "$LATEST" => number == document.latest_version,
            _ => number == document.default_version,
        };
        let version = self.version(&owner.scope, &document.name, number).await?;
        let version = version.filter(|_| may_see).ok_or_else(no_such_version)?;
        Ok(Found { document, version, scope: Some(owner.scope) })
    }

    async fn number(
        &self,
        owner: &Caller,
        document: &Document,
        (version, version_name): (Option<&str>, Option<&str>),
    ) -> Result<u64, Failure> {
        let number = match version {
            Some("$LATEST") => Some(document.latest_version),
            Some("$DEFAULT") => Some(document.default_version),
            Some(number) => Some(number.parse().map_err(|_| no_such_version())?),
            None => None,
        };
        let Some(version_name) = version_name else {
            return Ok(number.unwrap_or(document.default_version));
        };
        let versions = self.versions(owner, &document.name).await?;
        let is_it = |one: &&Version| one.shown.version_name.as_deref() == Some(version_name);
        let of_name = versions.iter().find(is_it).ok_or_else(no_such_version)?.number;
        if number.is_some_and(|number| number != of_name) {
            return Err(no_such_version().into());
        }
        Ok(of_name)
    }

    /// The content of a version.
    pub(super) async fn content(&self, found: &Found) -> Result<Arc<str>, Fault> {
        let name = &found.document.name;
        let missing = || Fault::new(format!("the content of the document {name} is missing"));
        let Some(scope) = &found.scope else {
            return library::find(name).map(|own| own.content.into()).ok_or_else(missing);
        };
        let key = content_key(name, found.version.number);
        let row = self.engine.catalog().get(scope, table::DOCUMENT_VERSIONS, &key).await?;
        let text = row.as_deref().and_then(|row| std::str::from_utf8(row).ok());
        text.map(Arc::from).ok_or_else(missing)
    }
}

/// Which version is shared with an account; none if it is not.
pub(super) fn shared_version<'a>(document: &'a Document, account: &str) -> Option<&'a str> {
    let shared = document.shared.get(account).or_else(|| document.shared.get(super::share::ALL));
    shared.map(String::as_str)
}
