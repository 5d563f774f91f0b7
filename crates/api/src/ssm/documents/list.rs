//! ListDocuments, with its filters of both kinds.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::Fault;

use super::read::requires;
use super::resolve::shared_version;
use super::share::{Pointer, public};
use super::{Document, Failure, arn, key, library};
use crate::Caller;
use crate::answer::{Epoch, write};
use crate::record;
use crate::ssm::refusal::{Code, Refusal, invalid};
use crate::ssm::{Answer, Ssm, table, tags};

/// Items of a page unless fewer are asked for.
const ITEMS_MAX: usize = 50;
/// Rows that are read at once while matching ones are looked for.
const ROWS_AT_ONCE: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListDocuments {
    #[serde(default)]
    document_filter_list: Vec<OldFilter>,
    #[serde(default)]
    filters: Vec<KeyValues>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// A filter of the first kind that there was.
#[derive(Deserialize, Serialize)]
struct OldFilter {
    key: String,
    value: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyValues {
    #[serde(default)]
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

/// A filter that was understood: one of its values has to fit.
enum Filter {
    Owner(Owner),
    Name(Vec<String>),
    DocumentType(Vec<String>),
    PlatformTypes(Vec<String>),
    TargetType(Vec<String>),
    SearchKeyword(Vec<String>),
    Tag(String, Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Own,
    Amazon,
    Private,
    Public,
    ThirdParty,
    All,
}

impl KeyValues {
    fn parse(self) -> Result<Filter, Refusal> {
        let KeyValues { key, values } = self;
        if let Some(tag) = key.strip_prefix("tag:").filter(|tag| !tag.is_empty()) {
            return Ok(Filter::Tag(tag.to_owned(), values));
        }
        let unknown = || Refusal::bare(Code::InvalidFilterKey);
        if !matches!(
            key.as_str(),
            "Owner" | "Name" | "DocumentType" | "PlatformTypes" | "TargetType" | "SearchKeyword"
        ) {
            return Err(unknown());
        }
        if values.is_empty() {
            return Err(invalid(format!("The filter {key} has no value.")));
        }
        Ok(match key.as_str() {
            "Owner" => {
                let [value] = values.as_slice() else {
                    let message = "Owner filter can only have one value.";
                    return Err(Refusal::new(Code::InvalidFilterKey, message));
                };
                Filter::Owner(match value.to_lowercase().as_str() {
                    "self" => Owner::Own,
                    "amazon" => Owner::Amazon,
                    "private" => Owner::Private,
                    "public" => Owner::Public,
                    "thirdparty" => Owner::ThirdParty,
                    "all" => Owner::All,
                    _ => {
                        return Err(invalid(format!(
                            "Owner filter value {value} is not valid. Valid values are: Self, Amazon, Private, Public, ThirdParty, All."
                        )));
                    }
                })
            }
            "Name" => Filter::Name(values),
            "DocumentType" => Filter::DocumentType(values),
            "PlatformTypes" => Filter::PlatformTypes(values),
            "TargetType" => Filter::TargetType(values),
            _ => Filter::SearchKeyword(values),
        })
    }
}

impl Filter {
    fn fits(&self, document: &Document, section: Section, tags: &tags::Tags) -> bool {
        let shown = &document.shown;
        match self {
            Self::Owner(owner) => match owner {
                Owner::All => true,
                Owner::Own => section == Section::Own,
                Owner::Amazon => section == Section::Library,
                Owner::Private => section == Section::Private,
                Owner::Public => section == Section::Public,
                Owner::ThirdParty => false,
            },
            Self::Name(values) => values.iter().any(|value| document.name.starts_with(value)),
            Self::DocumentType(values) => values.contains(&document.document_type),
            Self::PlatformTypes(values) => values.iter().any(|value| {
                shown.platform_types.iter().any(|platform| platform.eq_ignore_ascii_case(value))
            }),
            Self::TargetType(values) => {
                shown.target_type.as_ref().is_some_and(|target| values.contains(target))
            }
            Self::SearchKeyword(values) => values.iter().any(|value| {
                let value = value.to_lowercase();
                let display = shown.display_name.as_deref().unwrap_or_default();
                [document.name.as_str(), display]
                    .iter()
                    .any(|text| text.to_lowercase().contains(&value))
            }),
            Self::Tag(key, values) => tags::has(tags, key, values),
        }
    }
}

/// Where documents come from, in the order in which they are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Library,
    Own,
    Private,
    Public,
}

impl Section {
    const ALL: [Self; 4] = [Self::Library, Self::Own, Self::Private, Self::Public];
}

/// Some rows of a section: the key of each, and the document if there is one to be seen.
struct Chunk {
    rows: Vec<(Vec<u8>, Option<Document>)>,
    more: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    name: String,
    created_date: Epoch,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_name: Option<String>,
    platform_types: Vec<String>,
    document_version: String,
    document_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_version: Option<String>,
    document_format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_type: Option<String>,
    tags: Vec<tags::Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires: Option<Value>,
}

impl Ssm {
    pub(super) async fn list_documents(&self, caller: &Caller, request: ListDocuments) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            document_identifiers: Vec<Item>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        if !request.document_filter_list.is_empty() && !request.filters.is_empty() {
            return Err(invalid(
                "You can use either DocumentFilterList or Filters in a single request.",
            )
            .into());
        }
        let told = serde_json::to_string(&(&request.document_filter_list, &request.filters));
        let told = told.unwrap_or_default();
        let old = request
            .document_filter_list
            .into_iter()
            .map(|OldFilter { key, value }| KeyValues { key, values: vec![value] });
        let filters = old.chain(request.filters).map(KeyValues::parse);
        let filters: Vec<Filter> = filters.collect::<Result<_, _>>()?;
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let request_bound = ["ListDocuments", told.as_str()];
        let bound = self.bound(caller, &request_bound);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let (document_identifiers, next) = self.page(caller, &filters, place, limit).await?;
        let next_token = next.map(|place| bound.seal(&place));
        write(&Listed { document_identifiers, next_token })
    }

    /// The documents that all filters fit after a place, and the place of the last one if more
    /// follow.
    async fn page(
        &self,
        caller: &Caller,
        filters: &[Filter],
        place: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<Vec<u8>>), Failure> {
        let (first, mut after) = match place.as_deref().and_then(<[u8]>::split_first) {
            Some((section, after)) => (usize::from(*section), Some(after.to_vec())),
            None => (0, None),
        };
        let mut items = Vec::new();
        let mut last = None;
        for (number, section) in Section::ALL.into_iter().enumerate().skip(first) {
            loop {
                let chunk = self.chunk(caller, section, after.as_deref()).await?;
                for (key, document) in chunk.rows {
                    after = Some(key.clone());
                    let Some(document) = document else { continue };
                    let tags = match section {
                        Section::Own => {
                            let of = tags::ResourceType::Document;
                            self.tags_of(caller, of, &document.name).await?
                        }
                        _ => tags::Tags::new(),
                    };
                    if !filters.iter().all(|filter| filter.fits(&document, section, &tags)) {
                        continue;
                    }
                    if items.len() == limit {
                        return Ok((items, last));
                    }
                    items.push(item(caller, document, section, &tags));
                    let section = u8::try_from(number).unwrap_or_default();
                    last = Some([&[section], key.as_slice()].concat());
                }
                if !chunk.more {
                    break;
                }
            }
            after = None;
        }
        Ok((items, None))
    }

    async fn chunk(
        &self,
        caller: &Caller,
        section: Section,
        after: Option<&[u8]>,
    ) -> Result<Chunk, Fault> {
        let catalog = self.engine.catalog();
        let (scope, prefix): (&str, &[u8]) = match section {
            Section::Library => {
                let all = library::all().iter();
                let rest = all.filter(|own| after.is_none_or(|after| own.name.as_bytes() > after));
                let row = |own: &library::Own| (own.name.into(), Some(own.document.clone()));
                return Ok(Chunk { rows: rest.map(row).collect(), more: false });
            }
            Section::Own => (&caller.scope, b"d"),
            Section::Private => (&caller.scope, b"s"),
            Section::Public => (&public(caller).scope, b"s"),
        };
        let page = catalog.list(scope, table::DOCUMENTS, prefix, after, ROWS_AT_ONCE).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for (key, row) in page.rows {
            let document = match section {
                Section::Own => Some(record::decode(&row)?),
                _ => self.pointed_at(caller, &record::decode(&row)?, section).await?,
            };
            rows.push((key.to_vec(), document));
        }
        Ok(Chunk { rows, more: page.more })
    }

    /// The document that a row of a shared one points at, if it is still shared in this way.
    async fn pointed_at(
        &self,
        caller: &Caller,
        pointer: &Pointer,
        section: Section,
    ) -> Result<Option<Document>, Fault> {
        let owner = Caller::new(&pointer.owner, &caller.region);
        let row = self.row(&owner, table::DOCUMENTS, &key(&pointer.name)).await?;
        let Some(row) = row else { return Ok(None) };
        let document: Document = record::decode(&row)?;
        let directly = document.shared.contains_key(&caller.account);
        let is_here = match section {
            Section::Private => directly,
            // What is the caller's own, or shared with it by name, is listed there.
            _ => !directly && document.owner != caller.account,
        };
        let is_shared = shared_version(&document, &caller.account).is_some();
        Ok(Some(document).filter(|_| is_here && is_shared))
    }
}

fn item(caller: &Caller, document: Document, section: Section, tags: &tags::Tags) -> Item {
    let requires = requires(&document.shown);
    let name = match section {
        Section::Library | Section::Own => document.name,
        Section::Private | Section::Public => arn(&caller.region, &document.owner, &document.name),
    };
    Item {
        name,
        created_date: Epoch(document.created),
        display_name: document.shown.display_name,
        owner: document.owner,
        version_name: document.shown.version_name,
        platform_types: document.shown.platform_types,
        document_version: document.default_version.to_string(),
        document_type: document.document_type,
        schema_version: document.shown.schema_version,
        document_format: document.shown.format,
        target_type: document.shown.target_type,
        tags: tags::listed(tags),
        requires,
    }
}
