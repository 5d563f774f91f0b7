//! Activations: the codes by which machines outside EC2 register, and the role that they get.
//!
//! Here a node may register without one, as whoever reaches the server may do anything. With one it
//! has its role, its name and its tags.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use trackway_core::Timestamp;
use trackway_engine::{Check, Edit, Fault};

use crate::Caller;
use crate::answer::{Epoch, nothing, uuid, write};
use crate::record;
use crate::ssm::refusal::{Code, Refusal};
use crate::ssm::tags::{self, Tag, Tags};
use crate::ssm::{Answer, Ssm, table};

/// Activations on a page when no number is asked for.
const RESULTS_DEFAULT: usize = 50;
/// Rows that are read at once while matching ones are looked for.
const ROWS_AT_ONCE: usize = 200;
/// For how long an activation is good by default. Source: CreateActivation, `ExpirationDate`.
const EXPIRES_AFTER_SECONDS: u64 = 24 * 60 * 60;
/// For how long it may be good.
const EXPIRES_AFTER_SECONDS_MAX: u64 = 30 * 24 * 60 * 60;
/// Characters of a code. Source: CreateActivation, `ActivationCode`.
const CODE_CHARS: usize = 20;

/// An activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activation {
    id: String,
    /// SHA-256 of the code.
    code: [u8; 32],
    description: String,
    /// The name of the nodes that use it, unless it is empty.
    pub(super) default_instance_name: String,
    pub(super) iam_role: String,
    registration_limit: u32,
    /// The nodes that used it.
    nodes: Vec<String>,
    created: Timestamp,
    expires: Timestamp,
    /// Its own; a node that registers with it gets them too.
    pub(super) tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateActivation {
    #[serde(default)]
    description: String,
    #[serde(default)]
    default_instance_name: String,
    iam_role: String,
    registration_limit: Option<u32>,
    expiration_date: Option<f64>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    registration_metadata: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteActivation {
    activation_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeActivations {
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    #[serde(default)]
    filter_key: String,
    #[serde(default)]
    filter_values: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Created<'a> {
    activation_id: &'a str,
    activation_code: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    activation_list: Vec<Item>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    activation_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    default_instance_name: String,
    iam_role: String,
    registration_limit: u32,
    registrations_count: usize,
    expiration_date: Epoch,
    expired: bool,
    created_date: Epoch,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl Activation {
    fn is_wanted(&self, filters: &[Filter]) -> bool {
        filters.iter().all(|filter| {
            let text = match filter.filter_key.as_str() {
                "ActivationIds" => &self.id,
                "DefaultInstanceName" => &self.default_instance_name,
                _ => &self.iam_role,
            };
            filter.filter_values.contains(text)
        })
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }
}

impl Ssm {
    pub(super) async fn create_activation(
        &self,
        caller: &Caller,
        request: CreateActivation,
    ) -> Answer {
        if !request.registration_metadata.is_empty() {
            let message = "RegistrationMetadata is not supported by this version of Trackway.";
            return Err(Refusal::new(Code::InvalidParameters, message).into());
        }
        let now = self.engine.now();
        #[expect(clippy::cast_possible_truncation, reason = "a moment of our era fits")]
        let expires = match request.expiration_date {
            Some(seconds) => Timestamp((seconds * 1000.0) as i64),
            None => now.plus_seconds(EXPIRES_AFTER_SECONDS),
        };
        if expires <= now || expires > now.plus_seconds(EXPIRES_AFTER_SECONDS_MAX) {
            let message = "ExpirationDate must lie within the next 30 days.";
            return Err(Refusal::new(Code::InvalidParameters, message).into());
        }
        let (id, code) = (uuid()?, new_code()?);
        let activation = Activation {
            id: id.clone(),
            code: Sha256::digest(&code).into(),
            description: request.description,
            default_instance_name: request.default_instance_name,
            iam_role: request.iam_role,
            registration_limit: request.registration_limit.unwrap_or(1),
            nodes: Vec::new(),
            created: now,
            expires,
            tags: tags::checked(&request.tags)?,
        };
        let (table, key) = (table::ACTIVATIONS, id.as_bytes().to_vec());
        let edit = Edit::Put { table, key, value: record::encode(&activation)?.into() };
        self.change(caller, &[], &[edit]).await?;
        write(&Created { activation_id: &id, activation_code: &code })
    }

    pub(super) async fn delete_activation(
        &self,
        caller: &Caller,
        request: DeleteActivation,
    ) -> Answer {
        let (table, key) = (table::ACTIVATIONS, request.activation_id.as_bytes().to_vec());
        let check = Check::Present { table, key: key.clone() };
        if self.change(caller, &[check], &[Edit::Delete { table, key }]).await? {
            return nothing();
        }
        let message = format!("Activation {} does not exist.", request.activation_id);
        Err(Refusal::new(Code::InvalidActivation, message).into())
    }

    pub(super) async fn describe_activations(
        &self,
        caller: &Caller,
        request: DescribeActivations,
    ) -> Answer {
        let known = ["ActivationIds", "DefaultInstanceName", "IamRole"];
        if let Some(filter) =
            request.filters.iter().find(|filter| !known.contains(&filter.filter_key.as_str()))
        {
            let message = format!("The filter key {:?} is not valid.", filter.filter_key);
            return Err(Refusal::new(Code::InvalidFilter, message).into());
        }
        let shown = serde_json::to_string(&request.filters).unwrap_or_default();
        let bound_to = ["DescribeActivations", shown.as_str()];
        let bound = self.bound(caller, &bound_to);
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let mut scanned =
            request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let mut found: Vec<Activation> = Vec::new();
        let catalog = self.engine.catalog();
        let next_token = 'pages: loop {
            let page = catalog
                .list(&caller.scope, table::ACTIVATIONS, b"", scanned.as_deref(), ROWS_AT_ONCE)
                .await?;
            for (_, row) in &page.rows {
                let one: Activation = record::decode(row)?;
                if !one.is_wanted(&request.filters) {
                    continue;
                }
                if found.len() == limit {
                    // There is one more: the next page begins with it.
                    break 'pages found.last().map(|last| bound.seal(last.id.as_bytes()));
                }
                found.push(one);
            }
            match page.rows.last() {
                Some((key, _)) if page.more => scanned = Some(key.to_vec()),
                _ => break None,
            }
        };
        let now = self.engine.now();
        let item = |one: Activation| Item {
            expired: one.is_expired(now),
            activation_id: one.id,
            description: one.description,
            default_instance_name: one.default_instance_name,
            iam_role: one.iam_role,
            registration_limit: one.registration_limit,
            registrations_count: one.nodes.len(),
            expiration_date: Epoch(one.expires),
            created_date: Epoch(one.created),
            tags: tags::listed(&one.tags),
        };
        write(&Listed { activation_list: found.into_iter().map(item).collect(), next_token })
    }

    /// A node registers with an activation: which, or why it may not.
    pub(super) async fn use_activation(
        &self,
        caller: &Caller,
        id: &str,
        code: &str,
        node: &str,
    ) -> Result<Result<Activation, &'static str>, Fault> {
        let (table, key) = (table::ACTIVATIONS, id.as_bytes().to_vec());
        loop {
            let row = self.row(caller, table, &key).await?;
            let Some(row) = row else { return Ok(Err("there is no such activation")) };
            let mut activation: Activation = record::decode(&row)?;
            let hash: [u8; 32] = Sha256::digest(code).into();
            if hash != activation.code {
                return Ok(Err("the activation code is not right"));
            }
            if activation.nodes.iter().any(|known| known == node) {
                return Ok(Ok(activation));
            }
            if activation.is_expired(self.engine.now()) {
                return Ok(Err("the activation has expired"));
            }
            if activation.nodes.len() >= activation.registration_limit as usize {
                return Ok(Err("as many nodes as may have registered with this activation"));
            }
            activation.nodes.push(node.to_owned());
            let check = Check::Equals { table, key: key.clone(), value: row };
            let value = record::encode(&activation)?.into();
            if self
                .change(caller, &[check], &[Edit::Put { table, key: key.clone(), value }])
                .await?
            {
                return Ok(Ok(activation));
            }
        }
    }
}

fn new_code() -> Result<String, Fault> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = [0_u8; CODE_CHARS];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::new(format!("could not draw randomness: {error}")))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect())
}
