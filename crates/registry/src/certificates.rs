//! Device certificates: how they come to be, what state they are in, how they go.

use crate::record::{Certificate, CertificateId, CertificateStatus};
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::txn::Txn;

/// `UpdateCertificate`: sets a certificate's status. To set it to what it is changes nothing.
///
/// # Errors
/// It isn't there, it is on its way to another account, or the status is one that AWS alone sets.
pub async fn update(txn: &mut Txn, id: &str, status: CertificateStatus) -> Result<(), Failure> {
    if !may_be_given(status) {
        return Err(internal_status(status).into());
    }
    let (key, mut certificate) = find(txn, id).await?;
    if certificate.status == CertificateStatus::PendingTransfer {
        return Err(pending_transfer(id).into());
    }
    if certificate.status != status {
        certificate.status = status;
        touch(txn, &mut certificate);
        txn.put(table::CERTIFICATES, &key.0, &certificate)?;
    }
    Ok(())
}

/// A certificate of this account, and its key.
async fn find(txn: &mut Txn, id: &str) -> Result<(CertificateId, Certificate), Failure> {
    let key = CertificateId::read(id).ok_or_else(not_found)?;
    let certificate = txn.get(table::CERTIFICATES, &key.0).await?.ok_or_else(not_found)?;
    Ok((key, certificate))
}

/// It was changed now.
fn touch(txn: &Txn, certificate: &mut Certificate) {
    certificate.modified = txn.now();
    certificate.version = certificate.version.saturating_add(1);
}

/// Whether users may set this status; the others are AWS's own.
/// Source: `UpdateCertificate` and `RegisterCertificate`.
fn may_be_given(status: CertificateStatus) -> bool {
    matches!(
        status,
        CertificateStatus::Active | CertificateStatus::Inactive | CertificateStatus::Revoked
    )
}

/// The wording is ours.
fn internal_status(status: CertificateStatus) -> Refusal {
    Refusal::invalid(format!("The status {} is set by AWS IoT only", status.name()))
}

/// The wording is ours.
fn pending_transfer(id: &str) -> Refusal {
    Refusal::new(
        Code::CertificateStateException,
        format!("The certificate is being transferred to another account. Id: {id}"),
    )
}

/// That something isn't there, in AWS's words.
pub(crate) fn not_found() -> Refusal {
    Refusal::new(Code::ResourceNotFoundException, "The specified resource does not exist")
}
