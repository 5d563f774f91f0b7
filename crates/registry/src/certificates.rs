//! Device certificates: how they come to be, what state they are in, how they go.
//!
//! A certificate is four rows: what it says and its state (small: audits walk over millions), its
//! text, its place by date, and its place below its CA. [`transfer`] moves all of them to another
//! account.

pub mod transfer;

use trackway_engine::Fault;

use crate::page::{Page, ROWS_MAX};
use crate::record::{
    CaCertificate, Certificate, CertificateId, CertificateStatus, dated, key, prefix, undated,
};
use crate::refusal::{Code, Failure, Refusal};
use crate::txn::{Registry, Txn};
use crate::x509::{Csr, Issuer, Parsed, RsaKeys, WeakKeys};
use crate::{record, table, text};

/// The row of [`table::ISSUING`] with the key that issues.
const ISSUING_KEY: &[u8] = b"key";
/// Rows that are read at once.
const CHUNK: usize = 100;

/// A certificate that was made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub id: CertificateId,
    /// Its text.
    pub pem: String,
}

/// `CreateKeysAndCertificate`, with a pair of keys that is nobody's yet.
///
/// # Errors
/// The store failed.
pub async fn create_with_keys(
    txn: &mut Txn,
    keys: &RsaKeys,
    is_active: bool,
    known: &WeakKeys,
) -> Result<Made, Failure> {
    create(txn, (None, &keys.public_key), is_active, known).await
}

/// `CreateCertificateFromCsr`. The same request again makes another certificate.
///
/// # Errors
/// The store failed.
pub async fn create_from_csr(
    txn: &mut Txn,
    csr: &Csr,
    is_active: bool,
    known: &WeakKeys,
) -> Result<Made, Failure> {
    create(txn, (csr.subject.as_deref(), &csr.public_key), is_active, known).await
}

async fn create(
    txn: &mut Txn,
    (subject, public_key): (Option<&[u8]>, &[u8]),
    is_active: bool,
    known: &WeakKeys,
) -> Result<Made, Failure> {
    let issuer = if let Some(kept) = txn.get_bytes(table::ISSUING, ISSUING_KEY).await? {
        Issuer::open(&kept)?
    } else {
        let (issuer, kept) = Issuer::generate()?;
        txn.put_bytes(table::ISSUING, ISSUING_KEY, kept);
        issuer
    };
    let der = issuer.issue(subject, public_key, txn.now())?;
    let parsed = Parsed::from_der(der, known)?;
    let status = if is_active { CertificateStatus::Active } else { CertificateStatus::Inactive };
    let made = Origin { ca: None, is_sni_only: false, made_here: true };
    enrol(txn, &parsed, status, made).await?;
    Ok(Made { id: parsed.id, pem: parsed.pem()? })
}

/// `RegisterCertificate`: of a registered CA, and in its mode.
///
/// # Errors
/// The status is AWS's own, no registered CA has issued it or more than one (and none was named),
/// that CA is inactive, or the certificate is registered already.
pub async fn register(
    txn: &mut Txn,
    certificate: &Parsed,
    ca: Option<&Parsed>,
    status: CertificateStatus,
) -> Result<(), Failure> {
    may_be_set(status)?;
    let (id, ca) = issuer_of(txn, certificate, ca).await?;
    if !ca.is_active {
        // The wording is ours.
        let message = format!("The CA certificate is not active. Id: {}", id.text());
        return Err(Refusal::new(Code::CertificateStateException, message).into());
    }
    let origin = Origin { ca: Some(id), is_sni_only: ca.sni_only, made_here: false };
    enrol(txn, certificate, status, origin).await
}

/// `RegisterCertificateWithoutCA`.
///
/// # Errors
/// The status is AWS's own, or the certificate is registered already.
pub async fn register_without_ca(
    txn: &mut Txn,
    certificate: &Parsed,
    status: CertificateStatus,
) -> Result<(), Failure> {
    may_be_set(status)?;
    let origin = Origin { ca: None, is_sni_only: true, made_here: false };
    enrol(txn, certificate, status, origin).await
}

/// The registered CA that has issued a certificate.
async fn issuer_of(
    txn: &mut Txn,
    certificate: &Parsed,
    named: Option<&Parsed>,
) -> Result<(CertificateId, CaCertificate), Failure> {
    // The wordings are ours.
    let invalid = |why: &str| Refusal::new(Code::CertificateValidationException, why);
    let mut issuers = Vec::new();
    if let Some(named) = named {
        if certificate.is_issued_by(&named.der)? {
            issuers.push(named.id);
        } else {
            return Err(invalid("The CA certificate has not issued the certificate").into());
        }
    } else {
        let of_subject = certificate.facts.issuer_hash;
        let found = txn.keys(table::CA_CERTIFICATES_BY_SUBJECT, &of_subject, None, CHUNK).await?;
        for id in found.iter().filter_map(|id| CertificateId::of_key(id)) {
            let pem = pem_of(txn, id).await?;
            if certificate.is_issued_by(&Parsed::read(&pem, &WeakKeys::default())?.der)? {
                issuers.push(id);
            }
        }
    }
    if issuers.len() > 1 {
        let message = "Several CA certificates with this subject and key are registered: name the one that was used";
        return Err(Refusal::new(Code::CertificateConflictException, message).into());
    }
    let missing = || invalid("No registered CA certificate has issued the certificate");
    let id = issuers.pop().ok_or_else(missing)?;
    let ca = txn.get(table::CA_CERTIFICATES, &id.0).await?.ok_or_else(missing)?;
    Ok((id, ca))
}

/// How a certificate came here.
struct Origin {
    ca: Option<CertificateId>,
    is_sni_only: bool,
    made_here: bool,
}

/// Writes a new certificate.
async fn enrol(
    txn: &mut Txn,
    parsed: &Parsed,
    status: CertificateStatus,
    origin: Origin,
) -> Result<(), Failure> {
    let id = parsed.id;
    if txn.has(table::CERTIFICATES, &id.0).await? {
        return Err(exists(txn.arn(&format!("cert/{}", id.text())), id).into());
    }
    if let Some(outgoing) = transfer::outgoing(txn, id).await?
        && !outgoing.is_accepted
    {
        return Err(pending_transfer(&id.text()).into());
    }
    let now = txn.now();
    let certificate = Certificate {
        status,
        created: now,
        modified: now,
        version: 1,
        x509: parsed.facts.clone(),
        ca: origin.ca,
        sni_only: origin.is_sni_only,
        made_here: origin.made_here,
        previous_owner: None,
        generation_id: text::uuid()?,
        transfer: None,
    };
    Ok(put_all(txn, id, &certificate, parsed.pem()?.into_bytes())?)
}

/// Writes all rows of a certificate.
fn put_all(
    txn: &mut Txn,
    id: CertificateId,
    certificate: &Certificate,
    pem: Vec<u8>,
) -> Result<(), Fault> {
    txn.put(table::CERTIFICATES, &id.0, certificate)?;
    txn.put_bytes(table::PEMS, &id.0, pem);
    let by_date = dated(certificate.created, &id.0);
    txn.mark(table::CERTIFICATES_BY_DATE, &by_date);
    if let Some(ca) = certificate.ca {
        txn.mark(table::CERTIFICATES_BY_CA, &[&ca.0, &by_date[..]].concat());
    }
    Ok(())
}

/// Deletes all rows of a certificate, but not the text that a CA certificate has too.
async fn delete_all(
    txn: &mut Txn,
    id: CertificateId,
    certificate: &Certificate,
) -> Result<(), Fault> {
    txn.delete(table::CERTIFICATES, &id.0);
    let by_date = dated(certificate.created, &id.0);
    txn.delete(table::CERTIFICATES_BY_DATE, &by_date);
    if let Some(ca) = certificate.ca {
        txn.delete(table::CERTIFICATES_BY_CA, &[&ca.0, &by_date[..]].concat());
    }
    if !txn.has(table::CA_CERTIFICATES, &id.0).await? {
        txn.delete(table::PEMS, &id.0);
    }
    Ok(())
}

/// `DescribeCertificate`: a certificate, and its text if that is kept. Who fills a registry by rows
/// may leave the texts out.
///
/// # Errors
/// It isn't there.
pub async fn describe(txn: &mut Txn, id: &str) -> Result<(Certificate, Option<String>), Failure> {
    let (key, certificate) = find(txn, id).await?;
    let is_kept = txn.get_bytes(table::PEMS, &key.0).await?.is_some();
    let pem = if is_kept { Some(pem_of(txn, key).await?) } else { None };
    Ok((certificate, pem))
}

/// `UpdateCertificate`: sets a certificate's status. To set it to what it is changes nothing.
///
/// # Errors
/// It isn't there, it is on its way to another account, or the status is one that AWS alone sets.
pub async fn update(txn: &mut Txn, id: &str, status: CertificateStatus) -> Result<(), Failure> {
    may_be_set(status)?;
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

/// `DeleteCertificate`. If it is forced and the certificate has policies, the change only detaches
/// them and the answer is false: then make it, and call this again. So nothing is attached to a
/// certificate that goes, whatever others attach meanwhile.
///
/// # Errors
/// It isn't there, it is active or on its way to another account, or something is attached to it.
pub async fn delete(txn: &mut Txn, id: &str, is_forced: bool) -> Result<bool, Failure> {
    let (found, certificate) = find(txn, id).await?;
    match certificate.status {
        CertificateStatus::Active => {
            let message =
                format!("Certificate must be deactivated (not ACTIVE) before deletion. Id: {id}");
            return Err(Refusal::new(Code::CertificateStateException, message).into());
        }
        CertificateStatus::PendingTransfer => return Err(pending_transfer(id).into()),
        _ => {}
    }
    let conflict = |message| Refusal::new(Code::DeleteConflictException, message);
    let arn = txn.arn(&format!("cert/{id}"));
    if !txn.require_empty(table::PRINCIPAL_THINGS, &prefix(&[&arn])).await? {
        let message = format!("Things must be detached before deletion (arn: {arn})");
        return Err(conflict(message).into());
    }
    if !txn.require_empty(table::TARGET_POLICIES, &prefix(&[&arn])).await? {
        if is_forced {
            detach_policies(txn, &arn).await?;
            return Ok(false);
        }
        let message = format!("Certificate policies must be detached before deletion (arn: {arn})");
        return Err(conflict(message).into());
    }
    delete_all(txn, found, &certificate).await?;
    Ok(true)
}

async fn detach_policies(txn: &mut Txn, arn: &str) -> Result<(), Fault> {
    for name in txn.keys(table::TARGET_POLICIES, &prefix(&[arn]), None, CHUNK).await? {
        let name = String::from_utf8_lossy(&name);
        txn.delete(table::TARGET_POLICIES, &key(&[arn, &name]));
        txn.delete(table::POLICY_TARGETS, &key(&[&name, arn]));
    }
    Ok(())
}

/// Where in which list: whether the oldest comes first, behind which place, how many at most.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Whether the oldest comes first; else the newest.
    pub is_ascending: bool,
    /// The place behind which it begins; none for the beginning.
    pub after: Option<&'a [u8]>,
    /// How many at most.
    pub limit: usize,
}

/// `ListCertificates` and, with a CA, `ListCertificatesByCA`: by creation.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &str,
    ca: Option<CertificateId>,
    part: Part<'_>,
) -> Result<Page<(CertificateId, Certificate)>, Fault> {
    let ids = match &ca {
        Some(ca) => (table::CERTIFICATES_BY_CA, &ca.0[..]),
        None => (table::CERTIFICATES_BY_DATE, &[][..]),
    };
    listed(registry, scope, ids, table::CERTIFICATES, part, |_| true).await
}

/// A part of a list by date of what stands in another table, as far as it is wanted. What is deleted
/// meanwhile is left out.
pub(crate) async fn listed<T: serde::de::DeserializeOwned>(
    registry: &Registry,
    scope: &str,
    (by_date, prefix): (u8, &[u8]),
    of: u8,
    part: Part<'_>,
    is_wanted: impl Fn(&T) -> bool,
) -> Result<Page<(CertificateId, T)>, Fault> {
    let catalog = registry.catalog();
    let (mut items, mut seen) = (Vec::new(), 0);
    let mut next = part.after.map(<[u8]>::to_vec);
    loop {
        let (after, missing) = (next.as_deref(), part.limit - items.len());
        let page = if part.is_ascending {
            catalog.list(scope, by_date, prefix, after, missing).await?
        } else {
            catalog.list_back(scope, by_date, prefix, after, missing).await?
        };
        for (place, _) in &page.rows {
            let id = place.get(prefix.len()..).and_then(undated);
            let id = id.and_then(|(_, id)| CertificateId::of_key(id));
            let id = id.ok_or_else(|| Fault::new("a place in a list by date is damaged"))?;
            let row = catalog.get(scope, of, &id.0).await?.map(|row| record::decode(&row));
            items.extend(row.transpose()?.filter(&is_wanted).map(|row| (id, row)));
        }
        seen += page.rows.len();
        next = page.rows.last().filter(|_| page.more).map(|(place, _)| place.to_vec());
        if next.is_none() || items.len() >= part.limit || seen >= ROWS_MAX {
            return Ok(Page { items, next });
        }
    }
}

/// A certificate of this account, and its key.
async fn find(txn: &mut Txn, id: &str) -> Result<(CertificateId, Certificate), Failure> {
    let key = CertificateId::read(id).ok_or_else(not_found)?;
    let certificate = txn.get(table::CERTIFICATES, &key.0).await?.ok_or_else(not_found)?;
    Ok((key, certificate))
}

/// The text of a certificate that is there.
pub(crate) async fn pem_of(txn: &mut Txn, id: CertificateId) -> Result<String, Fault> {
    let bytes = txn.get_bytes(table::PEMS, &id.0).await?;
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    text.ok_or_else(|| Fault::new(format!("the text of certificate {} is damaged", id.text())))
}

/// It was changed now.
fn touch(txn: &Txn, certificate: &mut Certificate) {
    certificate.modified = txn.now();
    certificate.version = certificate.version.saturating_add(1);
}

/// That users may set this status; the others are AWS's own, or deprecated. The wording is ours.
/// Source: `UpdateCertificate` and `RegisterCertificate`.
fn may_be_set(status: CertificateStatus) -> Result<(), Refusal> {
    match status {
        CertificateStatus::Active | CertificateStatus::Inactive | CertificateStatus::Revoked => {
            Ok(())
        }
        _ => Err(Refusal::invalid(format!(
            "The status {} can't be set: valid values are ACTIVE, INACTIVE and REVOKED",
            status.name()
        ))),
    }
}

/// That a certificate is registered already, as AWS says it.
pub(crate) fn exists(arn: String, id: CertificateId) -> Refusal {
    let message = "The certificate is already provisioned or registered";
    Refusal::new(Code::ResourceAlreadyExistsException, message)
        .with("resourceId", id.text())
        .with("resourceArn", arn)
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
