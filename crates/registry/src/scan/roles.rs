//! Checks that look at roles: those of role aliases, and of Cognito identity pools.

use trackway_audit::check::Check;
use trackway_audit::evaluate::connections::WINDOW_MS;
use trackway_audit::evaluate::roles::{self, Found, Role};
use trackway_audit::resource::{Info, Related, Resource};
use trackway_engine::Fault;

use super::Stop;
use super::chunk::{Chunk, Finding};
use crate::evidence::record::{IdentityPool, Role as RoleRecord};
use crate::record::{self, RoleAlias};
use crate::table;

/// Goes along all role aliases.
pub(super) async fn aliases(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let mut after = chunk.cursor()?;
    loop {
        let page = chunk.page(table::ROLE_ALIASES, after.as_deref()).await?;
        for (key, row) in &page.rows {
            chunk.looked_at();
            let name = String::from_utf8_lossy(key);
            let alias: RoleAlias = record::decode(row)?;
            let role = role(chunk, &alias.role_arn, &format!("the role alias {name}")).await?;
            let found = match chunk.check() {
                Check::RoleAliasOverlyPermissive => roles::alias_permissive(&role, chunk.started()),
                _ => roles::alias_unused_services(&role, chunk.started()),
            };
            let arn = chunk.arn(&format!("rolealias/{name}"));
            chunk.judged(|| Resource::RoleAlias(arn), findings(found, &alias.role_arn)).await?;
            if chunk.is_full() {
                chunk.stop(key);
                return Ok(());
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(());
        }
    }
}

/// Goes along the identity pools that were used in the last 31 days.
pub(super) async fn pools(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let from = chunk.started() + -WINDOW_MS;
    let mut after = chunk.cursor()?;
    loop {
        let page = chunk.page(table::IDENTITY_POOLS, after.as_deref()).await?;
        for (key, row) in &page.rows {
            chunk.looked_at();
            let id = String::from_utf8_lossy(key).into_owned();
            let pool: IdentityPool = record::decode(row)?;
            if from <= pool.seen && pool.seen <= chunk.started() {
                let found = pool_findings(chunk, &id, &pool).await?;
                chunk.judged(|| Resource::CognitoPool(id), found).await?;
            }
            if chunk.is_full() {
                chunk.stop(key);
                return Ok(());
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(());
        }
    }
}

/// A pool without such a role lets nobody in that way.
async fn pool_findings(
    chunk: &Chunk<'_>,
    id: &str,
    pool: &IdentityPool,
) -> Result<Vec<Finding>, Stop> {
    let is_authenticated = chunk.check() == Check::AuthenticatedCognitoRoleOverlyPermissive;
    let arn = if is_authenticated { &pool.authenticated } else { &pool.unauthenticated };
    let Some(arn) = arn else { return Ok(Vec::new()) };
    let role = role(chunk, arn, &format!("the identity pool {id}")).await?;
    let judge =
        if is_authenticated { roles::authenticated_pool } else { roles::unauthenticated_pool };
    Ok(findings(judge(&role), arn))
}

async fn role(chunk: &Chunk<'_>, arn: &str, of: &str) -> Result<Role, Stop> {
    let row = chunk.catalog().get(chunk.scope(), table::ROLES, arn.as_bytes()).await?;
    let Some(row) = row else {
        let message =
            format!("what the role {arn} of {of} allows is not known: feed an event of type role");
        return Err(Stop::no_evidence(message));
    };
    let role: RoleRecord = record::decode(&row)?;
    let role = role.read();
    Ok(role.map_err(|why| Fault::new(format!("a policy that was taken is none: {why}")))?)
}

fn findings(found: Found, role_arn: &str) -> Vec<Finding> {
    let finding = |(code, reason)| {
        let mut finding = Finding::new(code, reason);
        let resource = Resource::IamRole(role_arn.to_owned());
        finding.related = vec![Related { resource, info: Info::new() }];
        finding
    };
    found.into_iter().map(finding).collect()
}
