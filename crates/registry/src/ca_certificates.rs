//! CA certificates: the issuers whose device certificates may be registered.

use crate::certificates::not_found;
use crate::record::{CaCertificate, CertificateId};
use crate::refusal::Failure;
use crate::table;
use crate::txn::Txn;

/// `UpdateCACertificate` to INACTIVE. One that is inactive stays as it is.
///
/// # Errors
/// It isn't there.
pub async fn deactivate(txn: &mut Txn, id: &str) -> Result<(), Failure> {
    let (key, mut ca) = find(txn, id).await?;
    if ca.is_active {
        ca.is_active = false;
        touch(txn, &mut ca);
        txn.put(table::CA_CERTIFICATES, &key.0, &ca)?;
    }
    Ok(())
}

/// A CA certificate of this account, and its key.
async fn find(txn: &mut Txn, id: &str) -> Result<(CertificateId, CaCertificate), Failure> {
    let key = CertificateId::read(id).ok_or_else(not_found)?;
    let ca = txn.get(table::CA_CERTIFICATES, &key.0).await?.ok_or_else(not_found)?;
    Ok((key, ca))
}

/// It was changed now.
fn touch(txn: &Txn, ca: &mut CaCertificate) {
    ca.modified = txn.now();
    ca.version = ca.version.saturating_add(1);
}
