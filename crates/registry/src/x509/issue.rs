//! The certificates that are made here: an issuing key, and what it signs.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SigningKey as _};
use sha1::{Digest as _, Sha1};
use trackway_core::Timestamp;
use trackway_engine::Fault;

use super::der;
use crate::text::random;

/// The issuer of AWS's certificates: attributes of `2.5.4` in their order.
const ISSUER: [(u8, &str); 5] = [
    (11, "Amazon Web Services"),
    (10, "Amazon.com Inc."),
    (7, "Seattle"),
    (8, "Washington"),
    (6, "US"),
];
/// The subject of a certificate whose owner gave none.
const SUBJECT: [(u8, &str); 1] = [(3, "AWS IoT Certificate")];
/// When AWS's certificates end: 2049-12-31T23:59:59Z.
const NOT_AFTER: Timestamp = Timestamp(2_524_607_999_000);
/// How long before it is made a certificate of AWS's begins to be valid, in milliseconds.
/// Source: the creation date and validity in AWS's example of `DescribeCertificate`.
const VALID_BEFORE_MS: i64 = 120_000;
/// `ecdsa-with-SHA256`, 1.2.840.10045.4.3.2.
const ECDSA_WITH_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// A key that issues certificates.
pub(crate) struct Issuer(KeyPair);

impl Issuer {
    /// Makes a new one, and what is kept of it.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn generate() -> Result<(Self, Vec<u8>), Fault> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| wrong(&error))?;
        let kept = key.serialize_der();
        Ok((Self(key), kept))
    }

    /// The one of which this was kept.
    ///
    /// # Errors
    /// It is damaged.
    pub(crate) fn open(kept: &[u8]) -> Result<Self, Fault> {
        KeyPair::try_from(kept).map(Self).map_err(|error| wrong(&error))
    }

    /// Issues a certificate now, as DER, for a public key (DER of its `SubjectPublicKeyInfo`). An
    /// empty subject (DER of a name) gets AWS's own.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn issue(
        &self,
        subject: Option<&[u8]>,
        public_key: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, Fault> {
        let algorithm = der::sequence(&[&der::oid(&ECDSA_WITH_SHA256)]);
        let mut serial = random::<20>()?;
        // Positive, and of 20 bytes.
        serial[0] = serial[0] & 0x7f | 0x40;
        let not_before = Timestamp(now.0.saturating_sub(VALID_BEFORE_MS));
        let signed = der::sequence(&[
            &der::tagged(0xa0, &[&[0x02, 0x01, 0x02]]),
            &der::tagged(0x02, &[&serial]),
            &algorithm,
            &der::name(&ISSUER),
            &der::sequence(&[&time(not_before)?, &time(NOT_AFTER)?]),
            subject.unwrap_or(&der::name(&SUBJECT)),
            public_key,
            &der::tagged(0xa3, &[&der::sequence(&[&self.extensions(public_key)])]),
        ]);
        let signature = self.0.sign(&signed).map_err(|error| wrong(&error))?;
        Ok(der::sequence(&[&signed, &algorithm, &der::bits(&signature)]))
    }

    /// Those of AWS's certificates: both key ids, that it is no CA, that its key signs.
    fn extensions(&self, public_key: &[u8]) -> Vec<u8> {
        let own = Sha1::digest(self.0.der_bytes());
        [
            der::extension(35, false, &der::sequence(&[&der::tagged(0x80, &[&own])])),
            der::extension(14, false, &der::tagged(0x04, &[&Sha1::digest(public_key)])),
            der::extension(19, true, &der::sequence(&[])),
            der::extension(15, true, &[0x03, 0x02, 0x07, 0x80]),
        ]
        .concat()
    }
}

/// A time as certificates have it: two digits of the year until 2049.
fn time(at: Timestamp) -> Result<Vec<u8>, Fault> {
    let at = jiff::Timestamp::from_millisecond(at.0)
        .map_err(|error| Fault::new(format!("could not date a certificate: {error}")))?;
    let is_short = (1950..2050).contains(&at.to_zoned(jiff::tz::TimeZone::UTC).year());
    let (tag, format) = if is_short { (0x17, "%y%m%d%H%M%SZ") } else { (0x18, "%Y%m%d%H%M%SZ") };
    Ok(der::tagged(tag, &[at.strftime(format).to_string().as_bytes()]))
}

fn wrong(error: &rcgen::Error) -> Fault {
    Fault::new(format!("could not issue a certificate: {error}"))
}
