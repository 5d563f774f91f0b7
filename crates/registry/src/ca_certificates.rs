//! CA certificates: the issuers whose device certificates may be registered.

use trackway_engine::Fault;

use crate::certificates::{Part, exists, listed, not_found, pem_of};
use crate::page::Page;
use crate::record::{CaCertificate, CertificateId, dated};
use crate::refusal::{Code, Failure, Refusal};
use crate::tags::{self, Tags};
use crate::txn::{Registry, Txn};
use crate::x509::{Parsed, WeakKeys};
use crate::{table, text};

/// CA certificates of an account that may have the same subject. Source: `RegisterCACertificate`.
const SAME_SUBJECT_MAX: usize = 10;
/// The row of [`table::ISSUING`] with the registration code.
const CODE: &[u8] = b"code";

/// `registrationConfig`: template body, role, template name.
pub type Registration = (Option<String>, Option<String>, Option<String>);

/// How a CA certificate is to be registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether there is no verification certificate: `SNI_ONLY`.
    pub is_sni_only: bool,
    /// `setAsActive`.
    pub is_active: bool,
    /// `allowAutoRegistration`.
    pub auto_registers: bool,
    /// `registrationConfig`.
    pub registration: Option<Registration>,
    /// `tags`.
    pub tags: Tags,
}

/// What is to change of a CA certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// `newStatus`.
    pub is_active: Option<bool>,
    /// `newAutoRegistrationStatus`.
    pub auto_registers: Option<bool>,
    /// `registrationConfig`.
    pub registration: Option<Registration>,
    /// `removeAutoRegistration`.
    pub removes_registration: bool,
}

/// `GetRegistrationCode`: 64 hexadecimal digits, made when it is asked for first.
///
/// # Errors
/// The store failed, or the system has no randomness.
pub async fn registration_code(txn: &mut Txn) -> Result<String, Failure> {
    if let Some(code) = code(txn).await? {
        return Ok(code);
    }
    let code = text::hex(&text::random::<32>()?);
    txn.put_bytes(table::ISSUING, CODE, code.clone().into_bytes());
    Ok(code)
}

/// `DeleteRegistrationCode`.
///
/// # Errors
/// There is none.
pub async fn delete_registration_code(txn: &mut Txn) -> Result<(), Failure> {
    if code(txn).await?.is_none() {
        return Err(not_found().into());
    }
    txn.delete(table::ISSUING, CODE);
    Ok(())
}

async fn code(txn: &mut Txn) -> Result<Option<String>, Fault> {
    let code = txn.get_bytes(table::ISSUING, CODE).await?;
    Ok(code.map(|code| String::from_utf8_lossy(&code).into_owned()))
}

/// `RegisterCACertificate`.
///
/// # Errors
/// It is no CA certificate, the verification certificate isn't as the mode wants it, it is
/// registered already, or too many with its subject are. The wordings are ours.
pub async fn register(
    txn: &mut Txn,
    ca: &Parsed,
    verification: Option<&Parsed>,
    terms: &Terms,
) -> Result<(), Failure> {
    let invalid = |why: &str| Refusal::new(Code::CertificateValidationException, why);
    if !ca.is_ca {
        return Err(invalid("The certificate is not a CA certificate").into());
    }
    match verification {
        Some(_) if terms.is_sni_only => {
            let why = "verificationCertificate must be empty if certificateMode is SNI_ONLY";
            return Err(Refusal::invalid(why).into());
        }
        None if !terms.is_sni_only => {
            let why = "verificationCertificate must not be empty if certificateMode is DEFAULT";
            return Err(Refusal::invalid(why).into());
        }
        Some(verification) => verify(txn, ca, verification).await?,
        None => {}
    }
    let arn = txn.arn(&format!("cacert/{}", ca.id.text()));
    if txn.has(table::CA_CERTIFICATES, &ca.id.0).await? {
        return Err(exists(arn, ca.id).into());
    }
    let same = txn
        .keys(table::CA_CERTIFICATES_BY_SUBJECT, &ca.subject_hash, None, SAME_SUBJECT_MAX)
        .await?;
    if same.len() == SAME_SUBJECT_MAX {
        let message =
            format!("{SAME_SUBJECT_MAX} CA certificates with this subject are registered already");
        return Err(Refusal::new(Code::LimitExceededException, message).into());
    }
    let now = txn.now();
    let row = CaCertificate {
        is_active: terms.is_active,
        auto_registers: terms.auto_registers,
        created: now,
        modified: now,
        version: 1,
        x509: ca.facts.clone(),
        sni_only: terms.is_sni_only,
        generation_id: text::uuid()?,
        registration: terms.registration.clone(),
    };
    txn.put(table::CA_CERTIFICATES, &ca.id.0, &row)?;
    txn.put_bytes(table::PEMS, &ca.id.0, ca.pem()?.into_bytes());
    txn.mark(table::CA_CERTIFICATES_BY_DATE, &dated(now, &ca.id.0));
    txn.mark(table::CA_CERTIFICATES_BY_SUBJECT, &[&ca.subject_hash[..], &ca.id.0].concat());
    tags::put(txn, &arn, &terms.tags)
}

/// That who registers a CA certificate has its key. The wordings are ours.
async fn verify(txn: &mut Txn, ca: &Parsed, verification: &Parsed) -> Result<(), Failure> {
    let code = code(txn).await?;
    if code.is_none() || verification.common_name != code {
        let message = "The common name of the verification certificate is not the registration code of this account and region";
        return Err(Refusal::new(Code::RegistrationCodeValidationException, message).into());
    }
    if !verification.is_issued_by(&ca.der)? {
        let message = "The CA certificate has not issued the verification certificate";
        return Err(Refusal::new(Code::CertificateValidationException, message).into());
    }
    Ok(())
}

/// `DescribeCACertificate`: a CA certificate and its text.
///
/// # Errors
/// It isn't there.
pub async fn describe(txn: &mut Txn, id: &str) -> Result<(CaCertificate, String), Failure> {
    let (key, ca) = find(txn, id).await?;
    Ok((ca, pem_of(txn, key).await?))
}

/// `UpdateCACertificate`. What is as it is to be stays unchanged.
///
/// # Errors
/// It isn't there, or a registration is both given and removed.
pub async fn update(txn: &mut Txn, id: &str, update: &Update) -> Result<(), Failure> {
    if update.removes_registration && update.registration.is_some() {
        // The wording is ours.
        let why = "registrationConfig can't be given when removeAutoRegistration is true";
        return Err(Refusal::invalid(why).into());
    }
    let (key, old) = find(txn, id).await?;
    let mut ca = old.clone();
    ca.is_active = update.is_active.unwrap_or(ca.is_active);
    if update.removes_registration {
        (ca.auto_registers, ca.registration) = (false, None);
    }
    ca.auto_registers = update.auto_registers.unwrap_or(ca.auto_registers);
    if update.registration.is_some() {
        ca.registration.clone_from(&update.registration);
    }
    if ca != old {
        ca.modified = txn.now();
        ca.version = ca.version.saturating_add(1);
        txn.put(table::CA_CERTIFICATES, &key.0, &ca)?;
    }
    Ok(())
}

/// `UpdateCACertificate` to INACTIVE. One that is inactive stays as it is.
///
/// # Errors
/// It isn't there.
pub async fn deactivate(txn: &mut Txn, id: &str) -> Result<(), Failure> {
    update(txn, id, &Update { is_active: Some(false), ..Update::default() }).await
}

/// `DeleteCACertificate`. The device certificates that it has issued stay.
///
/// # Errors
/// It isn't there, or is active.
pub async fn delete(txn: &mut Txn, id: &str) -> Result<(), Failure> {
    let (key, ca) = find(txn, id).await?;
    if ca.is_active {
        // The wording is ours, after that of device certificates.
        let message =
            format!("CA certificate must be deactivated (not ACTIVE) before deletion. Id: {id}");
        return Err(Refusal::new(Code::CertificateStateException, message).into());
    }
    let parsed = Parsed::read(&pem_of(txn, key).await?, &WeakKeys::default())?;
    txn.delete(table::CA_CERTIFICATES, &key.0);
    txn.delete(table::CA_CERTIFICATES_BY_DATE, &dated(ca.created, &key.0));
    let by_subject = [&parsed.subject_hash[..], &key.0].concat();
    txn.delete(table::CA_CERTIFICATES_BY_SUBJECT, &by_subject);
    // It may be registered as a device's certificate too.
    if !txn.has(table::CERTIFICATES, &key.0).await? {
        txn.delete(table::PEMS, &key.0);
    }
    let arn = txn.arn(&format!("cacert/{id}"));
    tags::delete(txn, &arn);
    Ok(())
}

/// `ListCACertificates`: by creation; only those with a provisioning template, if one is named.
///
/// # Errors
/// The store failed.
pub async fn list(
    registry: &Registry,
    scope: &str,
    template: Option<&str>,
    part: Part<'_>,
) -> Result<Page<(CertificateId, CaCertificate)>, Fault> {
    let by_date = (table::CA_CERTIFICATES_BY_DATE, &[][..]);
    let has_template = |ca: &CaCertificate| {
        let of = ca.registration.as_ref().and_then(|(_, _, name)| name.as_deref());
        template.is_none() || of == template
    };
    listed(registry, scope, by_date, table::CA_CERTIFICATES, part, has_template).await
}

/// A CA certificate of this account, and its key.
async fn find(txn: &mut Txn, id: &str) -> Result<(CertificateId, CaCertificate), Failure> {
    let key = CertificateId::read(id).ok_or_else(not_found)?;
    let ca = txn.get(table::CA_CERTIFICATES, &key.0).await?.ok_or_else(not_found)?;
    Ok((key, ca))
}
