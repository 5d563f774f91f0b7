//! Role aliases: names under which devices take on roles.

use trackway_engine::Fault;

use crate::arn::check_role;
use crate::record::RoleAlias;
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::tags::{self, Tags};
use crate::txn::{Registry, Txn};

/// How long credentials are good for if nothing is said, in seconds. Source: `CreateRoleAlias`.
const DURATION_SECONDS: u32 = 3600;

/// The ARN of a role alias.
#[must_use]
pub fn arn(txn: &Txn, alias: &str) -> String {
    txn.arn(&format!("rolealias/{alias}"))
}

/// CreateRoleAlias.
///
/// # Errors
/// There is one of this name, the role is no ARN of a role, or the tags are refused.
pub async fn create(
    txn: &mut Txn,
    alias: &str,
    role_arn: String,
    duration_seconds: Option<u32>,
    tags: &Tags,
) -> Result<(), Failure> {
    check_role(&role_arn)?;
    if txn.has(table::ROLE_ALIASES, alias.as_bytes()).await? {
        // The text is ours.
        let message = format!("RoleAlias cannot be created - alias already exists (alias={alias})");
        let refusal = Refusal::new(Code::ResourceAlreadyExistsException, message)
            .with("resourceId", alias)
            .with("resourceArn", arn(txn, alias));
        return Err(refusal.into());
    }
    tags::put(txn, &arn(txn, alias), tags)?;
    let now = txn.now();
    let duration_seconds = duration_seconds.unwrap_or(DURATION_SECONDS);
    let record = RoleAlias { role_arn, duration_seconds, created: now, modified: now };
    Ok(txn.put(table::ROLE_ALIASES, alias.as_bytes(), &record)?)
}

/// DescribeRoleAlias.
///
/// # Errors
/// There is none of this name.
pub async fn get(txn: &mut Txn, alias: &str) -> Result<RoleAlias, Failure> {
    let record = txn.get(table::ROLE_ALIASES, alias.as_bytes()).await?;
    // The text is ours.
    let missing =
        || Refusal::new(Code::ResourceNotFoundException, format!("RoleAlias {alias} not found"));
    Ok(record.ok_or_else(missing)?)
}

/// UpdateRoleAlias: what isn't given stays.
///
/// # Errors
/// There is none of this name, or the role is no ARN of a role.
pub async fn update(
    txn: &mut Txn,
    alias: &str,
    role_arn: Option<String>,
    duration_seconds: Option<u32>,
) -> Result<(), Failure> {
    role_arn.as_deref().map_or(Ok(()), check_role)?;
    let mut record = get(txn, alias).await?;
    record.role_arn = role_arn.unwrap_or(record.role_arn);
    record.duration_seconds = duration_seconds.unwrap_or(record.duration_seconds);
    record.modified = txn.now();
    Ok(txn.put(table::ROLE_ALIASES, alias.as_bytes(), &record)?)
}

/// DeleteRoleAlias.
///
/// # Errors
/// There is none of this name.
pub async fn delete(txn: &mut Txn, alias: &str) -> Result<(), Failure> {
    get(txn, alias).await?;
    tags::delete(txn, &arn(txn, alias));
    txn.delete(table::ROLE_ALIASES, alias.as_bytes());
    Ok(())
}

/// The names of role aliases in alphabetical order, or the other way round, after the one named.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &str,
    is_ascending: bool,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<String>, bool), Fault> {
    let (catalog, of) = (registry.catalog(), table::ROLE_ALIASES);
    let page = if is_ascending {
        catalog.list(scope, of, &[], after, limit).await?
    } else {
        catalog.list_back(scope, of, &[], after, limit).await?
    };
    let names = page.rows.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned());
    Ok((names.collect(), page.more))
}
