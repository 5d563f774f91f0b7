//! What is attached to things: certificates, and identities of Amazon Cognito.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::page::{Page, Rows, last_part};
use crate::policies::target::is_identity;
use crate::record::{self, CertificateId, key, prefix};
use crate::{Code, Failure, Refusal, Registry, Txn, table, things};

/// Rows that are read at once.
const CHUNK_ROWS: usize = 1024;

/// How a principal is attached to a thing. Source: `ThingPrincipalType`. Appended only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attachment {
    /// It may be attached to other things too.
    #[serde(rename = "NON_EXCLUSIVE_THING")]
    NonExclusive,
    /// This is its only thing.
    #[serde(rename = "EXCLUSIVE_THING")]
    Exclusive,
}

/// AttachThingPrincipal. What is attached already stays so.
///
/// # Errors
/// There is no such thing or certificate, the principal has a thing that excludes this one, or is
/// attached to this one in another way.
pub async fn attach(
    txn: &mut Txn,
    thing: &str,
    principal: &str,
    wanted: Option<Attachment>,
) -> Result<(), Failure> {
    things::require(txn, thing).await?;
    require(txn, principal).await?;
    let old = txn.get::<Attachment>(table::THING_PRINCIPALS, &key(&[thing, principal])).await?;
    if let Some(old) = old {
        if wanted.is_none_or(|wanted| wanted == old) {
            return Ok(());
        }
        // What AWS does is not known, nor are its words; these are ours.
        let message = format!(
            "{principal} is attached to thing {thing} in another way already: detach it first"
        );
        return Err(Refusal::invalid(message).into());
    }
    // Reading this row keeps the change from happening when somebody attaches it exclusively
    // meanwhile.
    let holder = txn.get::<String>(table::PRINCIPAL_THINGS, principal.as_bytes()).await?;
    let is_free = match wanted.unwrap_or(Attachment::NonExclusive) {
        Attachment::NonExclusive => true,
        Attachment::Exclusive => {
            txn.require_empty(table::PRINCIPAL_THINGS, &prefix(&[principal])).await?
        }
    };
    if holder.is_some() || !is_free {
        // AWS's words are not known; these are ours.
        let message =
            format!("{principal} is attached to another thing, and one of both exclusively");
        return Err(Refusal::invalid(message).into());
    }
    let attachment = wanted.unwrap_or(Attachment::NonExclusive);
    if attachment == Attachment::Exclusive {
        txn.put(table::PRINCIPAL_THINGS, principal.as_bytes(), &thing)?;
    }
    txn.put(table::THING_PRINCIPALS, &key(&[thing, principal]), &attachment)?;
    Ok(txn.put(table::PRINCIPAL_THINGS, &key(&[principal, thing]), &attachment)?)
}

/// DetachThingPrincipal. What isn't attached stays so.
///
/// # Errors
/// There is no such thing or certificate.
pub async fn detach(txn: &mut Txn, thing: &str, principal: &str) -> Result<(), Failure> {
    things::require(txn, thing).await?;
    require(txn, principal).await?;
    let old = txn.get::<Attachment>(table::THING_PRINCIPALS, &key(&[thing, principal])).await?;
    if old == Some(Attachment::Exclusive) {
        txn.delete(table::PRINCIPAL_THINGS, principal.as_bytes());
    }
    txn.delete(table::THING_PRINCIPALS, &key(&[thing, principal]));
    txn.delete(table::PRINCIPAL_THINGS, &key(&[principal, thing]));
    Ok(())
}

/// The things that a principal is attached to, by name. What is attached meanwhile may be missing.
///
/// # Errors
/// The store failed.
pub async fn things_of(txn: &mut Txn, principal: &str) -> Result<Vec<String>, Failure> {
    let (prefix, mut things) = (prefix(&[principal]), Vec::<String>::new());
    loop {
        let after = things.last().map(String::as_bytes);
        let keys = txn.keys(table::PRINCIPAL_THINGS, &prefix, after, CHUNK_ROWS).await?;
        let is_last = keys.len() < CHUNK_ROWS;
        things.extend(keys.iter().map(|key| last_part(key)));
        if is_last {
            return Ok(things);
        }
    }
}

/// A page of a thing's principals that are attached so, after a place.
///
/// # Errors
/// There is no such thing.
pub async fn of_thing(
    (registry, scope): (&Registry, &Arc<str>),
    thing: &str,
    wanted: Option<Attachment>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<(String, Attachment)>, Failure> {
    things::require(&mut registry.begin(scope), thing).await?;
    let rows = Rows { registry, scope, table: table::THING_PRINCIPALS, prefix: &prefix(&[thing]) };
    rows.page(after, limit, |key, row| attached(wanted, key, row)).await
}

/// A page of the things to which a principal is attached so, after a place.
///
/// # Errors
/// There is no such certificate.
pub async fn things_page(
    (registry, scope): (&Registry, &Arc<str>),
    principal: &str,
    wanted: Option<Attachment>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<(String, Attachment)>, Failure> {
    require(&mut registry.begin(scope), principal).await?;
    let prefix = &prefix(&[principal]);
    let rows = Rows { registry, scope, table: table::PRINCIPAL_THINGS, prefix };
    rows.page(after, limit, |key, row| attached(wanted, key, row)).await
}

fn attached(
    wanted: Option<Attachment>,
    key: &[u8],
    row: &[u8],
) -> Result<Option<(String, Attachment)>, Failure> {
    let attachment: Attachment = record::decode(row)?;
    let is_wanted = wanted.is_none_or(|wanted| wanted == attachment);
    Ok(is_wanted.then(|| (last_part(key), attachment)))
}

/// That a principal is a certificate of this account that is there, or an identity of Cognito, of
/// which nothing is known here. The change holds only if the certificate is still there.
async fn require(txn: &mut Txn, principal: &str) -> Result<(), Failure> {
    if is_identity(principal) {
        return Ok(());
    }
    let id = principal.strip_prefix(&txn.arn("cert/")).and_then(CertificateId::read);
    let Some(id) = id else {
        // AWS's words are not known; these are ours.
        let message = format!("Invalid principal: {principal}");
        return Err(Refusal::invalid(message).into());
    };
    if txn.has(table::CERTIFICATES, &id.0).await? {
        return Ok(());
    }
    // AWS's words are not known; these are ours.
    let message = format!("Certificate not found: {principal}");
    Err(Refusal::new(Code::ResourceNotFoundException, message).into())
}
