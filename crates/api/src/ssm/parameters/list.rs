//! GetParametersByPath and DescribeParameters, with their filters.

use serde::{Deserialize, Serialize};

use super::{Parameter, Shown, Tier, Type};
use crate::Caller;
use crate::answer::{Epoch, write};
use crate::record;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, Ssm, table, tags};

/// Items of a page of DescribeParameters and GetParameterHistory, unless fewer are asked for.
pub(super) const ITEMS_MAX: usize = 50;
/// Items of a page of GetParametersByPath, unless fewer are asked for.
const PATH_ITEMS_MAX: usize = 10;
/// Rows that are read at once while matching ones are looked for.
const ROWS_AT_ONCE: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetParametersByPath {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    parameter_filters: Vec<StringFilter>,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeParameters {
    #[serde(default)]
    filters: Vec<OldFilter>,
    #[serde(default)]
    parameter_filters: Vec<StringFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    shared: bool,
}

/// A filter of the first kind that there was.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct OldFilter {
    key: String,
    values: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StringFilter {
    key: String,
    option: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

/// A version as DescribeParameters and GetParameterHistory show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metadata {
    name: String,
    #[serde(rename = "ARN", skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(rename = "Type")]
    parameter_type: Type,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    last_modified_date: Epoch,
    last_modified_user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_pattern: Option<String>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<[String; 0]>,
    tier: Tier,
    policies: [String; 0],
    data_type: String,
}

impl Metadata {
    fn of(caller: &Caller, parameter: &Parameter) -> Self {
        Self {
            arn: Some(parameter.arn(caller)),
            value: None,
            labels: None,
            ..Self::of_version(parameter, false)
        }
    }

    pub(super) fn of_version(parameter: &Parameter, with_decryption: bool) -> Self {
        Self {
            name: parameter.name.clone(),
            arn: None,
            parameter_type: parameter.parameter_type,
            key_id: parameter.key_id.clone(),
            last_modified_date: Epoch(parameter.modified),
            last_modified_user: parameter.user.clone(),
            description: parameter.description.clone(),
            value: Some(parameter.seen_value(with_decryption)),
            allowed_pattern: parameter.allowed_pattern.clone(),
            version: parameter.version,
            labels: Some([]),
            tier: parameter.tier,
            policies: [],
            data_type: parameter.data_type.clone(),
        }
    }
}

/// A filter that was understood: one of its values has to fit.
enum Filter {
    Name(How, Vec<String>),
    Type(Vec<String>),
    KeyId(How, Vec<String>),
    Path { recursive: bool, values: Vec<String> },
    Tier(Vec<String>),
    DataType(How, Vec<String>),
    Label,
    Tag(String, Vec<String>),
}

#[derive(Clone, Copy)]
enum How {
    Equals,
    BeginsWith,
    Contains,
}

impl How {
    fn fits(self, text: &str, wanted: &str) -> bool {
        match self {
            Self::Equals => text == wanted,
            Self::BeginsWith => text.starts_with(wanted),
            Self::Contains => text.contains(wanted),
        }
    }
}

impl StringFilter {
    fn parse(self, by_path: bool) -> Result<Filter, Refusal> {
        let StringFilter { key, option, values } = self;
        if let Some(tag) = key.strip_prefix("tag:").filter(|_| !by_path) {
            return Ok(Filter::Tag(tag.to_owned(), values));
        }
        if by_path && !matches!(key.as_str(), "Type" | "KeyId" | "Label") {
            return Err(invalid(format!(
                "The following filter key is not valid: {key}. Valid filter keys include: [Type, KeyId, Label]."
            )));
        }
        if values.is_empty() {
            return Err(Refusal::new(
                Code::InvalidFilterValue,
                format!("The following filter values are missing : null for filter key {key}"),
            ));
        }
        let options: &[&str] = match key.as_str() {
            "Name" => &["BeginsWith", "Contains", "Equals"],
            "Path" => &["OneLevel", "Recursive"],
            "KeyId" => &["BeginsWith", "Equals"],
            _ => &["Equals"],
        };
        if let Some(option) = option.as_deref().filter(|option| !options.contains(option)) {
            let options = options.join(", ");
            let message = format!(
                "The following filter option is not valid: {option}. Valid options include: [{options}]"
            );
            return Err(Refusal::new(Code::InvalidFilterOption, message));
        }
        let how = match option.as_deref() {
            Some("BeginsWith") => How::BeginsWith,
            Some("Contains") => How::Contains,
            _ => How::Equals,
        };
        Ok(match key.as_str() {
            "Name" => Filter::Name(how, values),
            "Type" => {
                let known = ["String", "StringList", "SecureString"];
                if let Some(odd) = values.iter().find(|value| !known.contains(&value.as_str())) {
                    return Err(Refusal::new(
                        Code::InvalidFilterValue,
                        format!(
                            "The following filter value is not valid: {odd}. Valid values include: [String, StringList, SecureString]."
                        ),
                    ));
                }
                Filter::Type(values)
            }
            "KeyId" => Filter::KeyId(how, values),
            "Path" => {
                if let Some(odd) = values.iter().find(|value| !value.starts_with('/')) {
                    return Err(invalid_path(odd));
                }
                Filter::Path { recursive: option.as_deref() == Some("Recursive"), values }
            }
            "Tier" => Filter::Tier(values),
            "DataType" => Filter::DataType(how, values),
            "Label" => Filter::Label,
            _ => return Err(Refusal::bare(Code::InvalidFilterKey)),
        })
    }
}

impl Filter {
    fn fits(&self, parameter: &Parameter, tags: &tags::Tags) -> bool {
        let any = |values: &[String], how: How, text: &str| {
            values.iter().any(|value| how.fits(text, value))
        };
        match self {
            // AWS takes a name with and without its leading slash for the same.
            Self::Name(how, values) => {
                let bare = parameter.name.trim_start_matches('/');
                any(values, *how, &parameter.name) || any(values, *how, bare)
            }
            Self::Type(values) => any(values, How::Equals, parameter.parameter_type.name()),
            Self::KeyId(how, values) => {
                parameter.key_id.as_deref().is_some_and(|key| any(values, *how, key))
            }
            Self::Path { recursive, values } => {
                values.iter().any(|path| is_under(&parameter.name, path, *recursive))
            }
            Self::Tier(values) => any(values, How::Equals, parameter.tier.name()),
            Self::DataType(how, values) => any(values, *how, &parameter.data_type),
            // No version has a label here.
            Self::Label => false,
            Self::Tag(key, values) => tags::has(tags, key, values),
        }
    }
}

/// Whether a name lies under a path: directly, or at any depth.
fn is_under(name: &str, path: &str, recursive: bool) -> bool {
    let rest = match path.trim_end_matches('/') {
        // Under the root lie the names without any slash as well.
        "" => Some(name.trim_start_matches('/')),
        path => name.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')),
    };
    rest.is_some_and(|rest| recursive || !rest.contains('/'))
}

/// What the keys of all parameters begin with that filters leave.
fn prefix_of(filters: &[Filter]) -> Vec<u8> {
    let path = filters.iter().find_map(|filter| match filter {
        Filter::Path { values, .. } => match values.as_slice() {
            [path] => Some(path.trim_end_matches('/')).filter(|path| !path.is_empty()),
            _ => None,
        },
        _ => None,
    });
    path.map_or_else(|| super::key(""), |path| super::key(&format!("{path}/")))
}

fn invalid_path(path: &str) -> Refusal {
    invalid(format!(
        "The parameter doesn't meet the parameter name requirements: {path}. The parameter name must begin with a forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_."
    ))
}

impl Ssm {
    pub(super) async fn get_parameters_by_path(
        &self,
        caller: &Caller,
        request: GetParametersByPath,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            parameters: Vec<Shown>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let path = request.path;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
        if !path.starts_with('/') || !path.chars().all(allowed) {
            return Err(invalid_path(&path).into());
        }
        let told = serde_json::to_string(&request.parameter_filters).unwrap_or_default();
        let depth = if request.recursive { "recursive" } else { "one level" };
        let bound = ["GetParametersByPath", path.as_str(), depth, &told];
        let filters = request.parameter_filters.into_iter().map(|filter| filter.parse(true));
        let mut filters: Vec<Filter> = filters.collect::<Result<_, _>>()?;
        let values = vec![path.clone()];
        filters.push(Filter::Path { recursive: request.recursive, values });
        let limit = request.max_results.unwrap_or(PATH_ITEMS_MAX);
        let place = (request.next_token.as_deref(), limit);
        let (found, next_token) = self.matching(caller, &bound, &filters, place).await?;
        let shown = |one: &Parameter| one.shown(caller, request.with_decryption, None);
        write(&Listed { parameters: found.iter().map(shown).collect(), next_token })
    }

    pub(super) async fn describe_parameters(
        &self,
        caller: &Caller,
        request: DescribeParameters,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            parameters: Vec<Metadata>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        if !request.filters.is_empty() && !request.parameter_filters.is_empty() {
            return Err(invalid(
                "You can use either Filters or ParameterFilters in a single request.",
            )
            .into());
        }
        if request.shared {
            // Nobody shares parameters here.
            return write(&Listed { parameters: Vec::new(), next_token: None });
        }
        let told = serde_json::to_string(&(&request.filters, &request.parameter_filters));
        let bound = ["DescribeParameters", &told.unwrap_or_default()];
        let old = request.filters.into_iter().map(|filter| match filter.key.as_str() {
            "Name" => Filter::Name(How::BeginsWith, filter.values),
            "Type" => Filter::Type(filter.values),
            _ => Filter::KeyId(How::BeginsWith, filter.values),
        });
        let new = request.parameter_filters.into_iter().map(|filter| filter.parse(false));
        let filters: Vec<Filter> = old.map(Ok).chain(new).collect::<Result<_, _>>()?;
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let place = (request.next_token.as_deref(), limit);
        let (found, next_token) = self.matching(caller, &bound, &filters, place).await?;
        let shown = |one: &Parameter| Metadata::of(caller, one);
        write(&Listed { parameters: found.iter().map(shown).collect(), next_token })
    }

    /// A page of the parameters that all filters fit, by name, and the token of the next.
    async fn matching(
        &self,
        caller: &Caller,
        request: &[&str],
        filters: &[Filter],
        (token, limit): (Option<&str>, usize),
    ) -> Result<(Vec<Parameter>, Option<String>), Failure> {
        let bound = self.bound(caller, request);
        let mut after = token.map(|token| bound.unseal(token)).transpose()?;
        let reads_tags = filters.iter().any(|filter| matches!(filter, Filter::Tag(..)));
        let prefix = prefix_of(filters);
        let mut found: Vec<Parameter> = Vec::new();
        loop {
            let catalog = self.engine.catalog();
            let place = after.as_deref();
            let page = catalog
                .list(&caller.scope, table::PARAMETERS, &prefix, place, ROWS_AT_ONCE)
                .await?;
            for (key, row) in &page.rows {
                let parameter: Parameter = record::decode(row)?;
                let of = tags::ResourceType::Parameter;
                let tags = match reads_tags {
                    true => self.tags_of(caller, of, &parameter.name).await?,
                    false => tags::Tags::new(),
                };
                if !filters.iter().all(|filter| filter.fits(&parameter, &tags)) {
                    continue;
                }
                if found.len() == limit {
                    // There is one more: the page ends before it.
                    return Ok((found, after.map(|after| bound.seal(&after))));
                }
                found.push(parameter);
                after = Some(key.to_vec());
            }
            match page.rows.last() {
                Some((key, _)) if page.more => after = Some(key.to_vec()),
                _ => return Ok((found, None)),
            }
        }
    }
}
