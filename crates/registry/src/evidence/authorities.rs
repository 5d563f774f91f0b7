//! The authorities that are known: CA certificates, and those that were fed.

use trackway_engine::{Catalog, Fault};

use super::crl::{self, AUTHORITIES, Authority};
use crate::table;

/// Rows that are read together.
const PAGE: usize = 256;

/// All of an account and region, CA certificates first; each once.
pub(crate) async fn known(catalog: &Catalog, scope: &str) -> Result<Vec<Authority>, Fault> {
    let mut known: Vec<Authority> = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = catalog.list(scope, table::CA_CERTIFICATES, b"", after.as_deref(), PAGE).await?;
        for (id, _) in &page.rows {
            let Some(pem) = catalog.get(scope, table::PEMS, id).await? else { continue };
            known.extend(crl::authorities(&pem).unwrap_or_default());
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            break;
        }
    }
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page =
            catalog.list(scope, table::REVOCATIONS, AUTHORITIES, after.as_deref(), PAGE).await?;
        for (_, der) in &page.rows {
            let read = crl::authorities(der).unwrap_or_default();
            known.extend(
                read.into_iter()
                    .filter(|one| !known.iter().any(|two| two.id == one.id))
                    .collect::<Vec<_>>(),
            );
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(known);
        }
    }
}
