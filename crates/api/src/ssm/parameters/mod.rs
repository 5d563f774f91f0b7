//! Parameter Store: a small one, for what runbooks refer to.
//!
//! A parameter is one row, and each of its versions another. **A SecureString is kept as it was
//! given**: there is no KMS here. It is never shown unless the request says `WithDecryption`, nor
//! written to a log.

mod list;
mod put;
mod rules;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::Timestamp;
use trackway_engine::{Check, Edit, Fault};

use super::refusal::{Code, Failure, Refusal};
use super::{Answer, Group, Ssm, table, tags, unchanged};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::record;

/// Parameters of an account in a region. Source: Systems Manager's quotas, standard parameters.
const PARAMETERS_MAX: u64 = 10_000;
/// Versions that a parameter keeps; older ones go. Source: its documentation.
const VERSIONS_MAX: u64 = 100;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DeleteParameter",
        "DeleteParameters",
        "DescribeParameters",
        "GetParameter",
        "GetParameterHistory",
        "GetParameters",
        "GetParametersByPath",
        "PutParameter",
    ],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DeleteParameter" => ssm.delete_parameter(caller, read(input)?).await,
        "DeleteParameters" => ssm.delete_parameters(caller, read(input)?).await,
        "DescribeParameters" => ssm.describe_parameters(caller, read(input)?).await,
        "GetParameter" => ssm.get_parameter(caller, read(input)?).await,
        "GetParameterHistory" => ssm.get_parameter_history(caller, read(input)?).await,
        "GetParameters" => ssm.get_parameters(caller, read(input)?).await,
        "GetParametersByPath" => ssm.get_parameters_by_path(caller, read(input)?).await,
        "PutParameter" => ssm.put_parameter(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// A parameter's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Type {
    String,
    StringList,
    SecureString,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

/// A parameter's tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Tier {
    Standard,
    Advanced,
    #[serde(rename = "Intelligent-Tiering")]
    IntelligentTiering,
}

impl Tier {
    fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Advanced => "Advanced",
            Self::IntelligentTiering => "Intelligent-Tiering",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Standard, Self::Advanced, Self::IntelligentTiering];
        all.into_iter().find(|tier| tier.name() == name)
    }
}

/// One version of a parameter, as the catalog keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Parameter {
    name: String,
    parameter_type: Type,
    value: String,
    version: u64,
    tier: Tier,
    data_type: String,
    description: Option<String>,
    allowed_pattern: Option<String>,
    key_id: Option<String>,
    modified: Timestamp,
    user: String,
}

/// The key of a parameter: its newest version lies there.
pub(super) fn key(name: &str) -> Vec<u8> {
    let mut key = b"p".to_vec();
    key.extend_from_slice(name.as_bytes());
    key
}

/// The key of one of its versions.
fn version_key(name: &str, version: u64) -> Vec<u8> {
    let mut key = versions_prefix(name);
    key.extend_from_slice(&version.to_be_bytes());
    key
}

/// The key of the number of parameters.
const COUNT_KEY: &[u8] = b"n";

/// The edit that keeps how many parameters there are.
fn counted(count: u64) -> Result<Edit, Fault> {
    let value = record::encode(&count)?.into();
    Ok(Edit::Put { table: table::PARAMETERS, key: COUNT_KEY.to_vec(), value })
}

fn versions_prefix(name: &str) -> Vec<u8> {
    format!("v{name}\0").into_bytes()
}

/// A parameter as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    name: String,
    #[serde(rename = "Type")]
    parameter_type: Type,
    value: String,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
    last_modified_date: Epoch,
    #[serde(rename = "ARN")]
    arn: String,
    data_type: String,
}

impl Parameter {
    fn arn(&self, caller: &Caller) -> String {
        let name = self.name.trim_start_matches('/');
        format!("arn:aws:ssm:{}:{}:parameter/{name}", caller.region, caller.account)
    }

    /// The value as it may be seen: a secret only when it is asked for in the clear.
    fn seen_value(&self, with_decryption: bool) -> String {
        if self.parameter_type == Type::SecureString && !with_decryption {
            return format!("SecureString:{}:{}", self.name, self.version);
        }
        self.value.clone()
    }

    fn shown(&self, caller: &Caller, with_decryption: bool, selector: Option<String>) -> Shown {
        Shown {
            name: self.name.clone(),
            parameter_type: self.parameter_type,
            value: self.seen_value(with_decryption),
            version: self.version,
            selector,
            last_modified_date: Epoch(self.modified),
            arn: self.arn(caller),
            data_type: self.data_type.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfParameter {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfParameters {
    names: Vec<String>,
    #[serde(default)]
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameterHistory {
    name: String,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// A name and what of the parameter is wanted.
struct Selected<'a> {
    name: &'a str,
    /// What follows the name, with its colon.
    selector: Option<&'a str>,
}

fn selected(text: &str) -> Selected<'_> {
    // The colons of an ARN are not selectors.
    let place = text.rfind('/').filter(|_| text.starts_with("arn:")).unwrap_or(0);
    match text[place..].find(':') {
        Some(colon) => {
            let (name, selector) = text.split_at(place + colon);
            Selected { name, selector: Some(selector) }
        }
        None => Selected { name: text, selector: None },
    }
}

impl Ssm {
    async fn get_parameter(&self, caller: &Caller, request: OfParameter) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Got {
            parameter: Shown,
        }
        let (parameter, selector) = self.parameter(caller, &request.name).await?;
        let parameter = parameter.shown(caller, request.with_decryption, selector);
        write(&Got { parameter })
    }

    async fn get_parameters(&self, caller: &Caller, request: OfParameters) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Got {
            parameters: Vec<Shown>,
            invalid_parameters: Vec<String>,
        }
        let mut got = Got { parameters: Vec::new(), invalid_parameters: Vec::new() };
        for name in request.names {
            match self.parameter(caller, &name).await {
                Ok((parameter, selector)) => {
                    got.parameters.push(parameter.shown(caller, request.with_decryption, selector));
                }
                Err(Failure::Refused(_)) => got.invalid_parameters.push(name),
                Err(Failure::Fault(fault)) => return Err(fault.into()),
            }
        }
        write(&got)
    }

    /// The version of a parameter that a name, an ARN, either with a selector, means.
    async fn parameter(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<(Parameter, Option<String>), Failure> {
        let Selected { name, selector } = selected(text);
        let not_found = || Refusal::bare(Code::ParameterNotFound);
        let name = self.parameter_name(caller, name).await?.ok_or_else(not_found)?;
        let row = self.row(caller, table::PARAMETERS, &key(&name)).await?;
        let newest = row.ok_or_else(not_found)?;
        let Some(selector) = selector else { return Ok((record::decode(&newest)?, None)) };
        let wanted = &selector[1..];
        let no_version = || {
            let message = format!(
                "Systems Manager could not find version {wanted} of {name}. Verify the version and try again."
            );
            Refusal::new(Code::ParameterVersionNotFound, message)
        };
        // There are no labels here, so a selector that is no number finds nothing.
        let version: u64 = wanted.parse().map_err(|_| no_version())?;
        let row = self.row(caller, table::PARAMETERS, &version_key(&name, version)).await?;
        let row = row.ok_or_else(no_version)?;
        Ok((record::decode(&row)?, Some(selector.to_owned())))
    }

    /// The name that a name or an ARN means; none for an ARN of another account, region or thing.
    /// An ARN does not tell `name` from `/name`: what is there decides.
    pub(super) async fn parameter_name(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<Option<String>, Fault> {
        if !text.starts_with("arn:") {
            return Ok(Some(text.to_owned()));
        }
        let prefix = format!(":ssm:{}:{}:parameter/", caller.region, caller.account);
        let Some(at) = text.find(&prefix) else { return Ok(None) };
        let rest = &text[at + prefix.len()..];
        if !rest.contains('/') && self.row(caller, table::PARAMETERS, &key(rest)).await?.is_some() {
            return Ok(Some(rest.to_owned()));
        }
        Ok(Some(format!("/{rest}")))
    }

    async fn get_parameter_history(&self, caller: &Caller, request: GetParameterHistory) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Listed {
            parameters: Vec<list::Metadata>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let not_found = || Refusal::bare(Code::ParameterNotFound);
        let name = self.parameter_name(caller, &request.name).await?.ok_or_else(not_found)?;
        self.row(caller, table::PARAMETERS, &key(&name)).await?.ok_or_else(not_found)?;
        let bound = ["GetParameterHistory", name.as_str()];
        let prefix = versions_prefix(&name);
        let limit = request.max_results.unwrap_or(list::ITEMS_MAX);
        let (rows, next_token) = self
            .bound(caller, &bound)
            .catalog_page((table::PARAMETERS, &prefix), request.next_token.as_deref(), limit)
            .await?;
        let rows: Vec<Parameter> = rows;
        let shown = |one: &Parameter| list::Metadata::of_version(one, request.with_decryption);
        write(&Listed { parameters: rows.iter().map(shown).collect(), next_token })
    }

    async fn delete_parameter(&self, caller: &Caller, request: OfParameter) -> Answer {
        if self.drop_parameter(caller, &request.name).await? {
            return nothing();
        }
        Err(Refusal::bare(Code::ParameterNotFound).into())
    }

    async fn delete_parameters(&self, caller: &Caller, request: OfParameters) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Deleted {
            deleted_parameters: Vec<String>,
            invalid_parameters: Vec<String>,
        }
        let mut answer = Deleted { deleted_parameters: Vec::new(), invalid_parameters: Vec::new() };
        for name in request.names {
            if self.drop_parameter(caller, &name).await? {
                answer.deleted_parameters.push(name);
            } else {
                answer.invalid_parameters.push(name);
            }
        }
        write(&answer)
    }

    /// Deletes a parameter with its versions and tags. Says whether it was there.
    async fn drop_parameter(&self, caller: &Caller, text: &str) -> Result<bool, Failure> {
        let Some(name) = self.parameter_name(caller, text).await? else { return Ok(false) };
        loop {
            let row: Option<Bytes> = self.row(caller, table::PARAMETERS, &key(&name)).await?;
            let Some(row) = row else { return Ok(false) };
            let newest: Parameter = record::decode(&row)?;
            let oldest = newest.version.saturating_sub(VERSIONS_MAX - 1).max(1);
            let gone = |key| Edit::Delete { table: table::PARAMETERS, key };
            let mut edits = vec![gone(key(&name))];
            let versions = oldest..=newest.version;
            edits.extend(versions.map(|version| gone(version_key(&name, version))));
            edits.push(tags::delete(tags::ResourceType::Parameter, &name));
            let (count_check, count) = self.count(caller).await?;
            edits.push(counted(count.saturating_sub(1))?);
            let checks = [unchanged(table::PARAMETERS, &key(&name), Some(row)), count_check];
            if self.change(caller, &checks, &edits).await? {
                return Ok(true);
            }
        }
    }

    /// How many parameters there are, and the check that there still are.
    async fn count(&self, caller: &Caller) -> Result<(Check, u64), Fault> {
        let row = self.row(caller, table::PARAMETERS, COUNT_KEY).await?;
        let count = row.as_ref().map_or(Ok(0), |row| record::decode(row))?;
        Ok((unchanged(table::PARAMETERS, COUNT_KEY, row), count))
    }
}
