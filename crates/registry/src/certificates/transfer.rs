//! Transfers to another account of the same region. A certificate that is offered is in the other
//! account at once, PENDING_TRANSFER; who offered it keeps a note of it.
//!
//! ```text
//!        transfer            accept
//!  from ──────────▶ pending ────────▶ there
//!    ▲                 │
//!    └─────────────────┘ cancel (by the one it came from), reject (by the other)
//! ```

use trackway_engine::Fault;

use super::{Part, delete_all, find, listed, not_found, pem_of, put_all, touch};
use crate::page::Page;
use crate::record::{
    Certificate, CertificateId, CertificateStatus, Outgoing, Transfer, dated, prefix,
};
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::txn::{Registry, Txn};

/// `TransferCertificate`: the ARN that it has there.
///
/// # Errors
/// It isn't there, is active or on its way already, has policies or things attached, or the other
/// account is this one or has the certificate.
pub async fn offer(
    txn: &mut Txn,
    id: &str,
    target: &str,
    message: Option<&str>,
) -> Result<String, Failure> {
    let (key, mut certificate) = find(txn, id).await?;
    may_go(txn, id, &certificate, target).await?;
    let (source, date, pem) = (txn.account().to_owned(), txn.now(), pem_of(txn, key).await?);
    let outgoing = Outgoing {
        to: target.to_owned(),
        message: message.map(str::to_owned),
        date,
        created: certificate.created,
        previous_owner: certificate.previous_owner.take(),
        is_accepted: false,
    };
    delete_all(txn, key, &certificate).await?;
    txn.put(table::TRANSFERS, &key.0, &outgoing)?;
    txn.mark(table::TRANSFERS_BY_DATE, &dated(date, &key.0));
    txn.move_to(target);
    if txn.has(table::CERTIFICATES, &key.0).await? {
        // The wording is ours.
        let message = format!("The account {target} has the certificate already. Id: {id}");
        return Err(Refusal::new(Code::TransferConflictException, message).into());
    }
    certificate.status = CertificateStatus::PendingTransfer;
    certificate.previous_owner = Some(source);
    certificate.transfer = Some(Transfer {
        to: outgoing.to,
        message: outgoing.message,
        date,
        reject_reason: None,
        accepted: None,
        rejected: None,
    });
    touch(txn, &mut certificate);
    put_all(txn, key, &certificate, pem.into_bytes())?;
    Ok(txn.arn(&format!("cert/{id}")))
}

async fn may_go(
    txn: &mut Txn,
    id: &str,
    certificate: &Certificate,
    target: &str,
) -> Result<(), Failure> {
    if target == txn.account() {
        // The wording is ours.
        let message = "The certificate is in this account already";
        return Err(Refusal::invalid(message).into());
    }
    match certificate.status {
        CertificateStatus::Active => {
            // The wording is ours.
            let message =
                format!("Certificate must be deactivated (not ACTIVE) before transfer. Id: {id}");
            return Err(Refusal::new(Code::CertificateStateException, message).into());
        }
        CertificateStatus::PendingTransfer => return Err(super::pending_transfer(id).into()),
        _ => {}
    }
    let conflict = |message| Refusal::new(Code::TransferConflictException, message);
    let arn = txn.arn(&format!("cert/{id}"));
    if !txn.require_empty(table::TARGET_POLICIES, &prefix(&[&arn])).await? {
        // Source: the model's description of TransferConflictException.
        let message =
            "You can't transfer the certificate because authorization policies are still attached.";
        return Err(conflict(message.to_owned()).into());
    }
    if !txn.require_empty(table::PRINCIPAL_THINGS, &prefix(&[&arn])).await? {
        // The wording is ours.
        return Err(
            conflict(format!("Things must be detached before transfer (arn: {arn})")).into()
        );
    }
    Ok(())
}

/// `AcceptCertificateTransfer`.
///
/// # Errors
/// It isn't there, or waits for no decision of this account.
pub async fn accept(txn: &mut Txn, id: &str, is_active: bool) -> Result<(), Failure> {
    let (key, mut certificate, source) = pending(txn, id).await?;
    certificate.status =
        if is_active { CertificateStatus::Active } else { CertificateStatus::Inactive };
    let now = txn.now();
    if let Some(transfer) = &mut certificate.transfer {
        transfer.accepted = Some(now);
    }
    touch(txn, &mut certificate);
    txn.put(table::CERTIFICATES, &key.0, &certificate)?;
    // If it was from here once, that is over: it is back.
    txn.delete(table::TRANSFERS, &key.0);
    let own = txn.account().to_owned();
    txn.move_to(&source);
    if let Some(mut note) = outgoing(txn, key).await? {
        txn.delete(table::TRANSFERS_BY_DATE, &dated(note.date, &key.0));
        note.is_accepted = true;
        txn.put(table::TRANSFERS, &key.0, &note)?;
    }
    txn.move_to(&own);
    Ok(())
}

/// `RejectCertificateTransfer`: the certificate is back where it came from, INACTIVE.
///
/// # Errors
/// Those of [`accept`].
pub async fn reject(txn: &mut Txn, id: &str, reason: Option<&str>) -> Result<(), Failure> {
    let (key, mut certificate, source) = pending(txn, id).await?;
    let now = txn.now();
    if let Some(transfer) = &mut certificate.transfer {
        transfer.rejected = Some(now);
        transfer.reject_reason = reason.map(str::to_owned);
    }
    let own = txn.account().to_owned();
    go_back(txn, key, certificate, &source).await?;
    txn.move_to(&own);
    Ok(())
}

/// `CancelCertificateTransfer`: the certificate is back, INACTIVE.
///
/// # Errors
/// It was not offered, or is accepted already.
pub async fn cancel(txn: &mut Txn, id: &str) -> Result<(), Failure> {
    let key = CertificateId::read(id).ok_or_else(not_found)?;
    let note = match outgoing(txn, key).await? {
        Some(note) if note.is_accepted => return Err(completed(id).into()),
        Some(note) => note,
        // The wording is ours.
        None if txn.has(table::CERTIFICATES, &key.0).await? => {
            let message = format!("The certificate is not being transferred. Id: {id}");
            return Err(Refusal::invalid(message).into());
        }
        None => return Err(not_found().into()),
    };
    let own = txn.account().to_owned();
    txn.move_to(&note.to);
    let (_, mut certificate) = find(txn, id).await?;
    certificate.transfer = None;
    go_back(txn, key, certificate, &own).await
}

/// Moves a certificate that waits here to the account that it came from.
async fn go_back(
    txn: &mut Txn,
    key: CertificateId,
    mut certificate: Certificate,
    source: &str,
) -> Result<(), Failure> {
    let pem = pem_of(txn, key).await?;
    delete_all(txn, key, &certificate).await?;
    txn.move_to(source);
    if let Some(note) = outgoing(txn, key).await? {
        txn.delete(table::TRANSFERS_BY_DATE, &dated(note.date, &key.0));
        txn.delete(table::TRANSFERS, &key.0);
        certificate.previous_owner = note.previous_owner;
    }
    certificate.status = CertificateStatus::Inactive;
    touch(txn, &mut certificate);
    Ok(put_all(txn, key, &certificate, pem.into_bytes())?)
}

/// A certificate that waits for this account's decision, and the account that it comes from.
async fn pending(txn: &mut Txn, id: &str) -> Result<(CertificateId, Certificate, String), Failure> {
    let (key, certificate) = find(txn, id).await?;
    let is_pending = certificate.status == CertificateStatus::PendingTransfer;
    match &certificate.previous_owner {
        Some(source) if is_pending => {
            let source = source.clone();
            Ok((key, certificate, source))
        }
        Some(_) if certificate.transfer.as_ref().is_some_and(|one| one.accepted.is_some()) => {
            Err(completed(id).into())
        }
        // The wording is ours.
        _ => {
            let message = format!("The certificate is not being transferred. Id: {id}");
            Err(Refusal::invalid(message).into())
        }
    }
}

/// The note of a certificate that was offered, in the account that offered it.
pub(super) async fn outgoing(txn: &mut Txn, id: CertificateId) -> Result<Option<Outgoing>, Fault> {
    txn.get(table::TRANSFERS, &id.0).await
}

/// `ListOutgoingCertificates`: those that are not accepted yet, by when they were offered.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &str,
    part: Part<'_>,
) -> Result<Page<(CertificateId, Outgoing)>, Fault> {
    let by_date = (table::TRANSFERS_BY_DATE, &[][..]);
    listed(registry, scope, by_date, table::TRANSFERS, part, |_| true).await
}

/// Source: the model's description of `TransferAlreadyCompletedException`.
fn completed(id: &str) -> Refusal {
    Refusal::new(
        Code::TransferAlreadyCompletedException,
        format!("The certificate transfer is already complete. Id: {id}"),
    )
}
