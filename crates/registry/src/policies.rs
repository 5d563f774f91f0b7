//! Policies and their versions. [`attachments`] has what they are attached to.
//!
//! Messages are AWS's as users have recorded them; where none is known, a comment says that it is
//! ours.

pub mod attachments;
pub mod target;

use std::collections::BTreeMap;

use trackway_audit::evaluate::document::{Document, Selection};
use trackway_core::Timestamp;
use trackway_engine::Fault;

use crate::record::{self, Policy};
use crate::refusal::{Code, Failure, Refusal};
use crate::tags::{self, Tags};
use crate::txn::{Registry, Txn};
use crate::{table, text};

/// Versions that a policy may have. Source: `CreatePolicyVersion`.
pub const VERSIONS_MAX: usize = 5;
/// Characters of a document, whitespace not counted. Source: `CreatePolicy`.
pub const DOCUMENT_CHARS_MAX: usize = 2048;

/// A version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: u32,
    /// Whether it is the one in force.
    pub is_default: bool,
    /// When it was made; versions are never changed.
    pub created: Timestamp,
    /// Its document, as it was sent.
    pub document: String,
}

/// The ARN of a policy.
#[must_use]
pub fn arn(txn: &Txn, name: &str) -> String {
    txn.arn(&format!("policy/{name}"))
}

/// Where a version's document stands in [`table::POLICY_VERSIONS`]: as it is, in UTF-8.
#[must_use]
pub fn version_key(name: &str, number: u32) -> Vec<u8> {
    [name.as_bytes(), &[0], &number.to_be_bytes()].concat()
}

/// CreatePolicy: the number of its version, which is the default.
///
/// # Errors
/// There is one of this name, the document is none, or the tags are refused.
pub async fn create(
    txn: &mut Txn,
    name: &str,
    document: &str,
    tags: &Tags,
) -> Result<u32, Failure> {
    check_document(document)?;
    if txn.has(table::POLICIES, name.as_bytes()).await? {
        let message = format!("Policy cannot be created - name already exists (name={name})");
        let refusal = Refusal::new(Code::ResourceAlreadyExistsException, message)
            .with("resourceId", name)
            .with("resourceArn", arn(txn, name));
        return Err(refusal.into());
    }
    tags::put(txn, &arn(txn, name), tags)?;
    let now = txn.now();
    let policy = Policy {
        created: now,
        modified: now,
        default: 1,
        latest: 1,
        versions: BTreeMap::from([(1, now)]),
        generation_id: text::hex(&text::random::<32>()?),
    };
    txn.put(table::POLICIES, name.as_bytes(), &policy)?;
    txn.put_bytes(table::POLICY_VERSIONS, &version_key(name, 1), document.as_bytes().to_vec());
    txn.mark(table::POLICIES_BY_DATE, &record::dated(now, name.as_bytes()));
    Ok(1)
}

/// CreatePolicyVersion: the number of the new version.
///
/// # Errors
/// There is no such policy, the document is none, or the policy has all versions that it may have.
pub async fn create_version(
    txn: &mut Txn,
    name: &str,
    document: &str,
    set_as_default: bool,
) -> Result<u32, Failure> {
    check_document(document)?;
    let mut policy = get(txn, name).await?;
    if policy.versions.len() >= VERSIONS_MAX {
        let message = format!(
            "The policy {name} already has the maximum number of versions ({VERSIONS_MAX})"
        );
        return Err(Refusal::new(Code::VersionsLimitExceededException, message).into());
    }
    let number = policy.latest.saturating_add(1);
    policy.latest = number;
    policy.versions.insert(number, txn.now());
    policy.modified = txn.now();
    if set_as_default {
        policy.default = number;
    }
    txn.put(table::POLICIES, name.as_bytes(), &policy)?;
    let key = version_key(name, number);
    txn.put_bytes(table::POLICY_VERSIONS, &key, document.as_bytes().to_vec());
    Ok(number)
}

/// SetDefaultPolicyVersion.
///
/// # Errors
/// There is no such policy or version.
pub async fn set_default(txn: &mut Txn, name: &str, version: &str) -> Result<(), Failure> {
    let mut policy = get(txn, name).await?;
    let number = numbered(&policy, version)?;
    if policy.default != number {
        policy.default = number;
        policy.modified = txn.now();
        txn.put(table::POLICIES, name.as_bytes(), &policy)?;
    }
    Ok(())
}

/// DeletePolicyVersion. Its number is never used again.
///
/// # Errors
/// There is no such policy or version, or it is the default one.
pub async fn delete_version(txn: &mut Txn, name: &str, version: &str) -> Result<(), Failure> {
    let mut policy = get(txn, name).await?;
    let number = numbered(&policy, version)?;
    if policy.default == number {
        return Err(Refusal::invalid("Cannot delete the default version of a policy").into());
    }
    policy.versions.remove(&number);
    txn.put(table::POLICIES, name.as_bytes(), &policy)?;
    txn.delete(table::POLICY_VERSIONS, &version_key(name, number));
    Ok(())
}

/// DeletePolicy.
///
/// # Errors
/// There is no such policy, it is attached to something, or it has versions beside the default one.
pub async fn delete(txn: &mut Txn, name: &str) -> Result<(), Failure> {
    let policy = get(txn, name).await?;
    if policy.versions.len() > 1 {
        let message = format!(
            "The policy cannot be deleted as versions other than than default version exist (name={name})"
        );
        return Err(Refusal::new(Code::DeleteConflictException, message).into());
    }
    if !txn.require_empty(table::POLICY_TARGETS, &record::prefix(&[name])).await? {
        let message = format!(
            "The policy cannot be deleted as the policy is attached to one or more principals (name={name})"
        );
        return Err(Refusal::new(Code::DeleteConflictException, message).into());
    }
    tags::delete(txn, &arn(txn, name));
    txn.delete(table::POLICIES, name.as_bytes());
    txn.delete(table::POLICY_VERSIONS, &version_key(name, policy.default));
    txn.delete(table::POLICIES_BY_DATE, &record::dated(policy.created, name.as_bytes()));
    Ok(())
}

/// A policy.
///
/// # Errors
/// There is none of this name.
pub async fn get(txn: &mut Txn, name: &str) -> Result<Policy, Failure> {
    Ok(txn.get(table::POLICIES, name.as_bytes()).await?.ok_or_else(not_found)?)
}

/// One version of a policy, or its default.
///
/// # Errors
/// There is no such policy or version.
pub async fn version(
    txn: &mut Txn,
    name: &str,
    version: Option<&str>,
) -> Result<(Policy, Version), Failure> {
    let policy = get(txn, name).await?;
    let number = version.map_or(Ok(policy.default), |version| numbered(&policy, version))?;
    let created = policy.versions.get(&number).copied().ok_or_else(|| broken(name))?;
    let document = txn.get_bytes(table::POLICY_VERSIONS, &version_key(name, number)).await?;
    let document = document.ok_or_else(|| broken(name))?;
    let document = String::from_utf8(document.to_vec()).map_err(|_| broken(name))?;
    let is_default = policy.default == number;
    Ok((policy, Version { number, is_default, created, document }))
}

/// The names of policies in the order in which they were created, or the other way round, beginning
/// after the place of the last one, which comes with each name.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &str,
    is_ascending: bool,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<(Vec<u8>, String)>, bool), Fault> {
    let (catalog, by_date) = (registry.catalog(), table::POLICIES_BY_DATE);
    let page = if is_ascending {
        catalog.list(scope, by_date, &[], after, limit).await?
    } else {
        catalog.list_back(scope, by_date, &[], after, limit).await?
    };
    let rows = page.rows.iter().filter_map(|(key, _)| {
        let (_, name) = record::undated(key)?;
        Some((key.to_vec(), String::from_utf8_lossy(name).into_owned()))
    });
    Ok((rows.collect(), page.more))
}

/// Source of the text: an answer of AWS's that a user recorded.
pub(crate) fn not_found() -> Refusal {
    Refusal::new(Code::ResourceNotFoundException, "Policy not found")
}

fn numbered(policy: &Policy, version: &str) -> Result<u32, Refusal> {
    let number = version.parse().ok().filter(|number| policy.versions.contains_key(number));
    // The text is ours.
    number.ok_or_else(|| {
        Refusal::new(Code::ResourceNotFoundException, "The specified policy version does not exist")
    })
}

fn check_document(document: &str) -> Result<(), Refusal> {
    let malformed = |message: String| Refusal::new(Code::MalformedPolicyException, message);
    let chars = document.chars().filter(|letter| !letter.is_whitespace()).count();
    if chars > DOCUMENT_CHARS_MAX {
        // The text is ours.
        return Err(malformed(format!(
            "Policy document is Malformed: it has {chars} characters without whitespace, more than {DOCUMENT_CHARS_MAX}"
        )));
    }
    // What AWS calls each kind of malformed is known of answers that users have recorded.
    let Ok(value) = serde_json::from_str(document) else {
        return Err(malformed("Policy document is Malformed".to_owned()));
    };
    let syntax = || malformed("Policy document is Malformed: Invalid policy syntax.".to_owned());
    let document = Document::read(&value).map_err(|_| syntax())?;
    if value.get("Version").is_none() {
        return Err(syntax());
    }
    let mut wrong = Vec::new();
    for statement in &document.statements {
        // NotAction and NotResource are IAM's.
        let (Selection::Of(_), Selection::Of(resources)) =
            (&statement.actions, &statement.resources)
        else {
            return Err(syntax());
        };
        wrong.extend(resources.iter().filter(|one| !is_resource(one)).map(String::as_str));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong = wrong.join(", ");
    let prefix = "Policy document is Malformed: The following resources are invalid : ";
    Err(malformed(format!("{prefix}{wrong}")))
}

/// `*`, or an ARN; a wildcard may stand for any number of its parts.
fn is_resource(resource: &str) -> bool {
    let has_parts = || resource.splitn(6, ':').count() == 6 || resource.contains('*');
    resource == "*" || (resource.starts_with("arn:") && has_parts())
}

fn broken(name: &str) -> Fault {
    Fault::new(format!("a version of the policy {name} is damaged"))
}
