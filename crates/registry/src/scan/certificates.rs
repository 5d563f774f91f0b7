//! Checks that look at certificates.

use serde::Deserialize;
use trackway_audit::check::{Check, Reason};
use trackway_audit::evaluate::{certificates, revocation};
use trackway_audit::resource::{Related, Resource};
use trackway_core::Timestamp;
use trackway_engine::Fault;

use super::Stop;
use super::chunk::{Chunk, Finding};
use crate::evidence::crl::Authority;
use crate::evidence::revocations::Known;
use crate::record::{self, CaCertificate, CertificateId, CertificateStatus, Weakness};
use crate::table;
use crate::text::hex;

/// What to feed when no revocation list is known.
const NO_LISTS: &str = "no revocation list of any issuer is known: name one in crl_files of [iot], or \
                        feed an event of type crl";
/// The longest serial number that `issuerCertificateSerialNumber` can hold.
const SERIAL_DIGITS_MAX: usize = 20;

/// As much of [`record::Certificate`] as is looked at, in its order: what follows is not decoded.
#[derive(Debug, Deserialize, PartialEq)]
pub(super) struct Head<'a> {
    status: CertificateStatus,
    _created: Timestamp,
    _modified: Timestamp,
    _version: u32,
    #[serde(borrow)]
    x509: X509Head<'a>,
    _ca: Option<CertificateId>,
    _sni_only: bool,
    made_here: bool,
}

/// As [`record::X509`].
#[derive(Debug, Deserialize, PartialEq)]
struct X509Head<'a> {
    not_before: Timestamp,
    not_after: Timestamp,
    _subject: &'a str,
    _issuer: &'a str,
    issuer_hash: [u8; 16],
    serial: &'a [u8],
    weakness: Option<Weakness>,
}

impl Head<'_> {
    /// The same of a whole record.
    #[cfg(test)]
    pub(super) fn of(certificate: &record::Certificate) -> Head<'_> {
        let x509 = &certificate.x509;
        Head {
            status: certificate.status,
            _created: certificate.created,
            _modified: certificate.modified,
            _version: certificate.version,
            x509: X509Head {
                not_before: x509.not_before,
                not_after: x509.not_after,
                _subject: &x509.subject,
                _issuer: &x509.issuer,
                issuer_hash: x509.issuer_hash,
                serial: &x509.serial,
                weakness: x509.weakness,
            },
            _ca: certificate.ca,
            _sni_only: certificate.sni_only,
            made_here: certificate.made_here,
        }
    }

    /// Whether audits look at it. Source: Developer Guide, "ACTIVE or PENDING_TRANSFER".
    pub(super) fn is_examined(&self) -> bool {
        matches!(self.status, CertificateStatus::Active | CertificateStatus::PendingTransfer)
    }
}

/// Device certificates, by what they say themselves.
pub(super) async fn devices(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let (check, config, started) = (chunk.check(), chunk.config(), chunk.started());
    each_device(chunk, |head| {
        Ok(match check {
            Check::DeviceCertificateExpiring => expiring(head.x509.not_after, started, config),
            Check::DeviceCertificateAge => {
                let aged = certificates::aged(head.x509.not_before, started, config);
                aged.map(|(code, reason)| Finding::new(code, reason))
            }
            _ => head.x509.weakness.map(weak),
        })
    })
    .await
}

/// Device certificates that their issuers have revoked.
pub(super) async fn revoked_devices(chunk: &mut Chunk<'_>, known: &Known) -> Result<(), Stop> {
    each_device(chunk, |head| {
        if known.revocations.is_empty() && !head.made_here {
            return Err(Stop::no_evidence(NO_LISTS));
        }
        Ok(is_revoked(known, head)
            .then(|| Finding::new(Reason::RevokedByIssuer, revocation::REVOKED)))
    })
    .await
}

fn is_revoked(known: &Known, head: &Head<'_>) -> bool {
    known.revocations.has(&head.x509.issuer_hash, head.x509.serial)
}

/// Goes along the device certificates that audits look at.
async fn each_device(
    chunk: &mut Chunk<'_>,
    judge: impl Fn(&Head<'_>) -> Result<Option<Finding>, Stop>,
) -> Result<(), Stop> {
    let mut after = chunk.cursor()?;
    loop {
        let page = chunk.page(table::CERTIFICATES, after.as_deref()).await?;
        for (key, row) in &page.rows {
            chunk.looked_at();
            let head: Head<'_> = record::peek(row)?;
            if head.is_examined() {
                let found = judge(&head)?.into_iter().collect();
                chunk.judged(|| Resource::DeviceCertificate(hex(key)), found).await?;
            }
            if chunk.is_full() {
                chunk.stop(key);
                return Ok(());
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(());
        }
    }
}

/// CA certificates, by what they say themselves.
pub(super) async fn authorities(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let (check, config, started) = (chunk.check(), chunk.config(), chunk.started());
    each_authority(chunk, |ca| {
        Ok(match check {
            Check::CaCertificateExpiring => expiring(ca.x509.not_after, started, config),
            _ => ca.x509.weakness.map(weak),
        })
    })
    .await
}

/// CA certificates that their issuers have revoked.
pub(super) async fn revoked_authorities(chunk: &mut Chunk<'_>, known: &Known) -> Result<(), Stop> {
    each_authority(chunk, |ca| {
        if known.revocations.is_empty() {
            return Err(Stop::no_evidence(NO_LISTS));
        }
        let is_revoked = known.revocations.has(&ca.x509.issuer_hash, &ca.x509.serial);
        Ok(is_revoked.then(|| Finding::new(Reason::RevokedByIssuer, revocation::REVOKED)))
    })
    .await
}

async fn each_authority(
    chunk: &mut Chunk<'_>,
    judge: impl Fn(&CaCertificate) -> Result<Option<Finding>, Stop>,
) -> Result<(), Stop> {
    let mut after = chunk.cursor()?;
    loop {
        let page = chunk.page(table::CA_CERTIFICATES, after.as_deref()).await?;
        for (key, row) in &page.rows {
            chunk.looked_at();
            let ca: CaCertificate = record::decode(row)?;
            if ca.is_active {
                let found = judge(&ca)?.into_iter().collect();
                chunk.judged(|| Resource::CaCertificate(hex(key)), found).await?;
            }
            if chunk.is_full() {
                chunk.stop(key);
                return Ok(());
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(());
        }
    }
}

/// Intermediate CAs that were revoked while certificates that they issued are active. The resources
/// are the authorities that are known and have another issuer than themselves. The cursor is the
/// place among them, whether its finding was reported, and the last certificate looked at.
pub(super) async fn revoked_intermediates(
    chunk: &mut Chunk<'_>,
    known: &Known,
) -> Result<(), Stop> {
    if known.revocations.is_empty() {
        return none_but_ours(chunk).await;
    }
    let intermediates: Vec<&Authority> = in_order(known);
    let (mut place, mut was_reported, mut after) = place_of(chunk.cursor()?)?;
    while let Some(authority) = intermediates.get(place) {
        chunk.looked_at();
        if !known.revocations.has(&authority.issuer_hash, &authority.serial) {
            chunk.judged(|| issuer(authority), Vec::new()).await?;
        } else {
            let room = chunk.room_for_related();
            let (issued, rest) = issued_by(chunk, authority, after.take(), room).await?;
            if was_reported {
                chunk.more_related(issued);
            } else if !issued.is_empty() || rest.is_none() {
                was_reported = !issued.is_empty();
                let mut finding = Finding::new(
                    Reason::IntermediateRevokedByIssuer,
                    revocation::INTERMEDIATE_REVOKED,
                );
                finding.related = issued;
                let found = if was_reported { vec![finding] } else { Vec::new() };
                chunk.judged(|| issuer(authority), found).await?;
            }
            if let Some(rest) = rest {
                chunk.stop(&cursor_of(place, was_reported, &rest));
                return Ok(());
            }
        }
        place += 1;
        was_reported = false;
        if chunk.is_full() && place < intermediates.len() {
            chunk.stop(&cursor_of(place, false, &[]));
            return Ok(());
        }
    }
    Ok(())
}

/// Without any list there is nothing to tell of certificates of other issuers.
async fn none_but_ours(chunk: &mut Chunk<'_>) -> Result<(), Stop> {
    let mut after = chunk.cursor()?;
    loop {
        let page = chunk.page(table::CERTIFICATES, after.as_deref()).await?;
        for (key, row) in &page.rows {
            chunk.looked_at();
            let head: Head<'_> = record::peek(row)?;
            if head.is_examined() && !head.made_here {
                return Err(Stop::no_evidence(NO_LISTS));
            }
            if chunk.is_full() {
                chunk.stop(key);
                return Ok(());
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok(());
        }
    }
}

fn in_order(known: &Known) -> Vec<&Authority> {
    let others = known.authorities.iter().filter(|one| one.subject_hash != one.issuer_hash);
    let mut intermediates: Vec<&Authority> = others.collect();
    intermediates.sort_by_key(|authority| authority.id);
    intermediates
}

/// The active certificates that an authority has issued, from a certificate on, as many as there is
/// room for, and where to go on.
async fn issued_by(
    chunk: &mut Chunk<'_>,
    authority: &Authority,
    mut after: Option<Vec<u8>>,
    room: usize,
) -> Result<(Vec<Related>, Option<Vec<u8>>), Fault> {
    let mut issued = Vec::new();
    loop {
        let page = chunk.page(table::CERTIFICATES, after.as_deref()).await?;
        for (place, (key, row)) in page.rows.iter().enumerate() {
            chunk.looked_at();
            let head: Head<'_> = record::peek(row)?;
            if head.is_examined() && head.x509.issuer_hash == authority.subject_hash {
                let resource = Resource::DeviceCertificate(hex(key));
                issued.push(Related { resource, info: Default::default() });
            }
            let is_last = !page.more && place + 1 == page.rows.len();
            if !is_last && (chunk.is_full() || issued.len() >= room) {
                return Ok((issued, Some(key.to_vec())));
            }
        }
        after = page.rows.last().map(|(key, _)| key.to_vec());
        if !page.more {
            return Ok((issued, None));
        }
    }
}

fn issuer(authority: &Authority) -> Resource {
    // A longer one doesn't fit into the identifier; the id says which it is anyway.
    let serial = Some(hex(&authority.serial)).filter(|serial| serial.len() <= SERIAL_DIGITS_MAX);
    Resource::Issuer {
        subject: Some(authority.subject.clone()),
        id: Some(authority.id.text()),
        serial,
    }
}

fn cursor_of(place: usize, was_reported: bool, after: &[u8]) -> Vec<u8> {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    [&place.to_be_bytes()[..], &[u8::from(was_reported)], after].concat()
}

fn place_of(cursor: Option<Vec<u8>>) -> Result<(usize, bool, Option<Vec<u8>>), Fault> {
    let Some(cursor) = cursor else { return Ok((0, false, None)) };
    let broken = || Fault::new("the cursor of a scan is damaged");
    let (place, rest) = cursor.split_first_chunk::<4>().ok_or_else(broken)?;
    let (was_reported, after) = rest.split_first().ok_or_else(broken)?;
    let place = usize::try_from(u32::from_be_bytes(*place)).map_err(|_| broken())?;
    let after = (!after.is_empty()).then(|| after.to_vec());
    Ok((place, *was_reported == 1, after))
}

fn expiring(
    not_after: Timestamp,
    started: Timestamp,
    config: trackway_audit::request::CheckConfig,
) -> Option<Finding> {
    let (code, reason) = certificates::expiring(not_after, started, config)?;
    let mut finding = Finding::new(code, reason);
    finding.info = certificates::expiration_info(not_after);
    Some(finding)
}

/// The texts are ours, as AWS's are not known.
fn weak(weakness: Weakness) -> Finding {
    match weakness {
        Weakness::Roca => Finding::new(
            Reason::KeyVulnerableRoca,
            "Certificate has a key that is vulnerable to CVE-2017-15361.",
        ),
        Weakness::Debian => Finding::new(
            Reason::KeyVulnerableDebian,
            "Certificate has a key that is vulnerable to CVE-2008-0166.",
        ),
    }
}
