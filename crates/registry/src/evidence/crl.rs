//! Revocation lists, and the authorities that sign them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use x509_parser::pem::Pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::record::CertificateId;
use crate::x509::name_hash;

/// What rows of lists begin with in [`crate::table::REVOCATIONS`]: then the hash of the issuer's name.
pub(crate) const LISTS: &[u8] = b"c";
/// What rows of authorities that are not registered begin with: then the certificate's id.
pub(crate) const AUTHORITIES: &[u8] = b"i";

/// An authority's certificate.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    /// Its id.
    pub(crate) id: CertificateId,
    /// Its name, as text.
    pub(crate) subject: String,
    /// Its name, hashed.
    pub(crate) subject_hash: [u8; 16],
    /// The name of who issued it, hashed.
    pub(crate) issuer_hash: [u8; 16],
    /// Its serial number, without leading zeros.
    pub(crate) serial: Vec<u8>,
    /// All of it.
    der: Bytes,
}

impl Authority {
    /// Reads a certificate.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, certificate) = X509Certificate::from_der(der)
            .map_err(|error| format!("it is no certificate: {error}"))?;
        if !rest.is_empty() {
            return Err("something follows the certificate".to_owned());
        }
        Ok(Self {
            id: CertificateId(Sha256::digest(der).into()),
            subject: certificate.subject().to_string(),
            subject_hash: name_hash(certificate.subject().as_raw()),
            issuer_hash: name_hash(certificate.issuer().as_raw()),
            serial: without_zeros(certificate.raw_serial()).to_vec(),
            der: Bytes::copy_from_slice(der),
        })
    }

    /// Its certificate in DER.
    pub(crate) fn der(&self) -> &Bytes {
        &self.der
    }
}

/// A revocation list that was read.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// The name of its issuer, hashed.
    pub(crate) issuer_hash: [u8; 16],
    /// The name of its issuer.
    pub(crate) issuer: String,
    /// When it was made, in seconds of the epoch.
    pub(crate) made: i64,
    /// All of it.
    pub(crate) der: Bytes,
}

impl List {
    /// Reads a list.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let (_, list) = parse(der)?;
        Ok(Self {
            issuer_hash: name_hash(list.issuer().as_raw()),
            issuer: list.issuer().to_string(),
            made: list.last_update().timestamp(),
            der: Bytes::copy_from_slice(der),
        })
    }

    /// Whether those of the authorities that have the issuer's name have signed it, at least one of
    /// them; whoever is not known can't be asked.
    pub(crate) fn is_believed<'a>(&self, authorities: impl Iterator<Item = &'a Authority>) -> bool {
        let Ok((_, list)) = parse(&self.der) else { return false };
        let mut namesakes =
            authorities.filter(|one| one.subject_hash == self.issuer_hash).peekable();
        namesakes.peek().is_none()
            || namesakes.any(|one| {
                X509Certificate::from_der(&one.der).is_ok_and(|(_, certificate)| {
                    list.verify_signature(certificate.public_key()).is_ok()
                })
            })
    }
}

/// What issuers have revoked, as far as lists are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revocations {
    /// Serial numbers by the issuer's name.
    by_issuer: BTreeMap<[u8; 16], (i64, BTreeSet<Vec<u8>>)>,
}

impl Revocations {
    /// Takes a list in; of two lists of one issuer the later one holds.
    pub(crate) fn add(&mut self, list: &List) {
        let Ok((_, parsed)) = parse(&list.der) else { return };
        if self.by_issuer.get(&list.issuer_hash).is_some_and(|(made, _)| *made > list.made) {
            return;
        }
        let serials = parsed
            .iter_revoked_certificates()
            .map(|revoked| without_zeros(revoked.raw_serial()).to_vec())
            .collect();
        self.by_issuer.insert(list.issuer_hash, (list.made, serials));
    }

    /// Whether no list is known at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_issuer.is_empty()
    }

    /// Whether an issuer has revoked a serial number, given without leading zeros.
    pub(crate) fn has(&self, issuer_hash: &[u8; 16], serial: &[u8]) -> bool {
        self.by_issuer.get(issuer_hash).is_some_and(|(_, serials)| serials.contains(serial))
    }
}

/// The lists in a text or file: PEM, one after the other, or one in DER.
///
/// # Errors
/// It holds none, or something else.
pub(crate) fn lists(bytes: &[u8]) -> Result<Vec<List>, String> {
    let ders = ders(bytes, "X509 CRL")?;
    ders.iter().map(|der| List::read(der)).collect()
}

/// The certificates in a text or file: PEM, one after the other, or one in DER.
///
/// # Errors
/// It holds none, or something else.
pub(crate) fn authorities(bytes: &[u8]) -> Result<Vec<Authority>, String> {
    let ders = ders(bytes, "CERTIFICATE")?;
    ders.iter().map(|der| Authority::read(der)).collect()
}

fn ders(bytes: &[u8], label: &str) -> Result<Vec<Vec<u8>>, String> {
    // DER begins with the tag of a sequence, which no PEM text begins with.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes.to_vec()]);
    }
    let mut found = Vec::new();
    for pem in Pem::iter_from_buffer(bytes) {
        let pem = pem.map_err(|error| format!("it is no PEM: {error}"))?;
        if pem.label != label {
            return Err(format!("it has a {} where a {label} is expected", pem.label));
        }
        found.push(pem.contents);
    }
    if found.is_empty() { Err(format!("it has no {label}")) } else { Ok(found) }
}

fn parse(der: &[u8]) -> Result<(&[u8], CertificateRevocationList<'_>), String> {
    CertificateRevocationList::from_der(der)
        .map_err(|error| format!("it is no revocation list: {error}"))
}

fn without_zeros(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    &serial[zeros..]
}
