//! X.509: what certificates and requests for them say, and the making of both keys and
//! certificates. All that is ever asked of a certificate is read when it comes in.

mod der;
mod issue;
mod keys;
mod weak;

use rsa::pkcs8::LineEnding;
use sha2::{Digest as _, Sha256};
use trackway_core::Timestamp;
use trackway_engine::Fault;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::Oid;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::record::{CertificateId, Weakness, X509};
use crate::refusal::{Code, Refusal};

pub(crate) use issue::Issuer;
pub use keys::{KeyPool, RsaKeys};
pub use weak::WeakKeys;

/// The least length of an RSA key, in bits. Source: Developer Guide, "X.509 client certificates".
const RSA_BITS_MIN: usize = 2048;
/// NIST's P-256, P-384 and P-521. Source: the same.
const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];
/// SHA-256, 384 and 512 with RSA; RSASSA-PSS; DSA with SHA-256; ECDSA with SHA-256, 384 and 512.
/// Source: Developer Guide, "Certificate signing algorithms supported by AWS IoT".
const SIGNATURES: [&str; 8] = [
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.113549.1.1.10",
    "2.16.840.1.101.3.4.3.2",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
];

/// A certificate that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// SHA-256 of it.
    pub id: CertificateId,
    /// It itself, as DER.
    pub(crate) der: Vec<u8>,
    /// What audits and answers need of it.
    pub(crate) facts: X509,
    /// What CAs are found by: [`name_hash`] of its subject.
    pub(crate) subject_hash: [u8; 16],
    /// The first common name of its subject.
    pub(crate) common_name: Option<String>,
    /// Whether its basic constraints say that it is a CA.
    pub(crate) is_ca: bool,
}

impl Parsed {
    /// Reads a PEM text with one certificate.
    ///
    /// # Errors
    /// `CertificateValidationException`: it is something else, or of a kind that AWS IoT doesn't
    /// take. The wording is ours.
    pub fn read(pem: &str, known: &WeakKeys) -> Result<Self, Refusal> {
        let mut blocks = Pem::iter_from_buffer(pem.as_bytes());
        let first = blocks.next().ok_or_else(|| invalid("The text has no PEM block"))?;
        let block = first.map_err(|error| invalid(format!("The PEM is not valid: {error}")))?;
        if block.label != "CERTIFICATE" {
            return Err(invalid("The PEM block is not a certificate"));
        }
        if blocks.next().is_some() {
            return Err(invalid(
                "The text has several PEM blocks; only one certificate is allowed",
            ));
        }
        Self::from_der(block.contents, known)
    }

    /// Reads a certificate.
    pub(crate) fn from_der(der: Vec<u8>, known: &WeakKeys) -> Result<Self, Refusal> {
        let certificate = parsed(&der)?;
        let signature = &certificate.signature_algorithm.algorithm;
        if !is_one_of(signature, &SIGNATURES) {
            return Err(invalid(format!("The signature algorithm {signature} is not supported")));
        }
        let weakness = judge(certificate.public_key(), known).map_err(invalid)?;
        let second =
            |time: x509_parser::time::ASN1Time| Timestamp(time.timestamp().saturating_mul(1000));
        let validity = certificate.validity();
        let serial = certificate.raw_serial();
        let leading = serial.iter().take_while(|byte| **byte == 0).count();
        let facts = X509 {
            not_before: second(validity.not_before),
            not_after: second(validity.not_after),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            issuer_hash: name_hash(certificate.issuer().as_raw()),
            serial: serial[leading..].to_vec(),
            weakness,
        };
        Ok(Self {
            id: CertificateId(Sha256::digest(&der).into()),
            facts,
            subject_hash: name_hash(certificate.subject().as_raw()),
            common_name: common_name(certificate.subject()),
            is_ca: certificate.is_ca(),
            der,
        })
    }

    /// The certificate as PEM.
    ///
    /// # Errors
    /// A mistake of ours.
    pub(crate) fn pem(&self) -> Result<String, Fault> {
        pem("CERTIFICATE", &self.der)
    }

    /// Whether a certificate (DER) has issued this one: by its name and its signature.
    ///
    /// # Errors
    /// The signature is of a kind that can't be verified here, or a certificate is damaged.
    pub(crate) fn is_issued_by(&self, issuer: &[u8]) -> Result<bool, Refusal> {
        let (own, issuer) = (parsed(&self.der)?, parsed(issuer)?);
        if own.issuer().as_raw() != issuer.subject().as_raw() {
            return Ok(false);
        }
        match own.verify_signature(Some(issuer.public_key())) {
            Ok(()) => Ok(true),
            Err(x509_parser::error::X509Error::SignatureUnsupportedAlgorithm) => {
                Err(invalid("The signature can't be verified: its algorithm is not built"))
            }
            Err(_) => Ok(false),
        }
    }
}

/// A request for a certificate that was read: what it wants to be called, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    /// The DER of its subject; none if it is empty.
    pub(crate) subject: Option<Vec<u8>>,
    /// The DER of its `SubjectPublicKeyInfo`.
    pub(crate) public_key: Vec<u8>,
}

impl Csr {
    /// Reads a PEM text with a certificate signing request.
    ///
    /// # Errors
    /// `InvalidRequestException`: it is something else, its signature is wrong, or its key is of a
    /// kind that AWS IoT doesn't take. The wording is ours.
    pub fn read(pem: &str) -> Result<Self, Refusal> {
        let invalid = |why: &str| {
            Refusal::invalid(format!("The certificate signing request is not valid: {why}"))
        };
        let block = match Pem::iter_from_buffer(pem.as_bytes()).next() {
            Some(Ok(block)) if block.label.ends_with("CERTIFICATE REQUEST") => block,
            _ => return Err(invalid("it is not the PEM of one")),
        };
        let request = match X509CertificationRequest::from_der(&block.contents) {
            Ok(([], request)) => request,
            _ => return Err(invalid("it can't be read")),
        };
        let info = &request.certification_request_info;
        judge(&info.subject_pki, &WeakKeys::default()).map_err(|why| invalid(&why))?;
        request.verify_signature().map_err(|error| invalid(&error.to_string()))?;
        let has_name = info.subject.iter_rdn().next().is_some();
        Ok(Self {
            subject: has_name.then(|| info.subject.as_raw().to_vec()),
            public_key: info.subject_pki.raw.to_vec(),
        })
    }
}

/// What names of issuers are compared and looked up by: 16 bytes of SHA-256 of a name's DER.
#[must_use]
pub fn name_hash(name: &[u8]) -> [u8; 16] {
    let hash = Sha256::digest(name);
    std::array::from_fn(|place| hash[place])
}

/// DER as PEM, with a line's end at the end.
fn pem(label: &str, der: &[u8]) -> Result<String, Fault> {
    rsa::pkcs8::der::pem::encode_string(label, LineEnding::LF, der)
        .map_err(|error| Fault::new(format!("could not write PEM: {error}")))
}

/// Reads a certificate, and nothing behind it.
fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, Refusal> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(invalid("The certificate can't be read")),
    }
}

/// What is weak about a key, or why AWS IoT doesn't take it.
fn judge(key: &SubjectPublicKeyInfo<'_>, known: &WeakKeys) -> Result<Option<Weakness>, String> {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let leading = rsa.modulus.iter().take_while(|byte| **byte == 0).count();
            let modulus = &rsa.modulus[leading..];
            let first_bits = modulus.first().map_or(0, |first| 8 - first.leading_zeros() as usize);
            let bits = (modulus.len().max(1) - 1) * 8 + first_bits;
            if bits < RSA_BITS_MIN {
                return Err(format!(
                    "An RSA key of {bits} bits is too short: the least is {RSA_BITS_MIN}"
                ));
            }
            Ok(known.judge(modulus))
        }
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match curve {
                Some(curve) if is_one_of(&curve, &CURVES) => Ok(None),
                _ => {
                    Err("The key is on a curve other than NIST's P-256, P-384 and P-521".to_owned())
                }
            }
        }
        _ => Err("The key is neither RSA nor ECC".to_owned()),
    }
}

fn is_one_of(oid: &Oid<'_>, known: &[&str]) -> bool {
    known.contains(&oid.to_id_string().as_str())
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().next()?.as_str().ok().map(str::to_owned)
}

fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::CertificateValidationException, why)
}

#[cfg(test)]
mod tests;
