//! What the catalog keeps: a record is its version byte and the postcard of its struct; a struct,
//! once released, is only superseded.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trackway_audit::check::Check;
use trackway_audit::request::CheckConfig;
use trackway_audit::resource::Resource;
use trackway_core::Timestamp;
use trackway_engine::Fault;

use crate::text;

/// The version that is written.
const VERSION: u8 = 1;

/// Writes a record.
///
/// # Errors
/// It can't be written: a mistake of ours.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Fault> {
    postcard::to_extend(record, vec![VERSION])
        .map_err(|error| Fault::new(format!("could not encode a record of the registry: {error}")))
}

/// Reads a record.
///
/// # Errors
/// It is damaged, or of a later version.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    peek(bytes)
}

/// Reads the beginning of a record, as far as `T` goes, without copying texts.
///
/// # Errors
/// It is damaged, or of a later version.
pub fn peek<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Fault> {
    let broken =
        |why: String| Fault::new(format!("could not read a record of the registry: {why}"));
    match bytes.split_first() {
        Some((&VERSION, body)) => {
            postcard::from_bytes(body).map_err(|error| broken(error.to_string()))
        }
        Some((version, _)) => Err(broken(format!("it has version {version}"))),
        None => Err(broken("it is empty".to_owned())),
    }
}

/// A key of several parts.
#[must_use]
pub fn key(parts: &[&str]) -> Vec<u8> {
    parts.join("\0").into_bytes()
}

/// What all keys that begin with these parts, and have more, begin with.
#[must_use]
pub fn prefix(parts: &[&str]) -> Vec<u8> {
    let mut key = key(parts);
    key.push(0);
    key
}

/// A key of a moment and an id: what happened earlier comes first.
#[must_use]
pub fn dated(at: Timestamp, id: &[u8]) -> Vec<u8> {
    let mut key = date(at).to_vec();
    key.extend_from_slice(id);
    key
}

/// A moment in a key. Moments before the epoch, which no clock of ours shows, sort as the epoch.
#[must_use]
pub fn date(at: Timestamp) -> [u8; 8] {
    at.as_millis().max(0).to_be_bytes()
}

/// What [`dated`] was made of.
#[must_use]
pub fn undated(key: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (at, id) = key.split_first_chunk::<8>()?;
    Some((Timestamp(i64::from_be_bytes(*at)), id))
}

/// SHA-256 of a certificate's DER: its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CertificateId(pub [u8; 32]);

impl CertificateId {
    /// Reads 64 hexadecimal digits, in lower case.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let is_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 64 || !digits.iter().all(is_hex) {
            return None;
        }
        let mut id = [0; 32];
        for (place, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Self(id))
    }

    /// The one that a key, or the end of one, is.
    #[must_use]
    pub fn of_key(key: &[u8]) -> Option<Self> {
        key.try_into().ok().map(Self)
    }

    /// 64 hexadecimal digits.
    #[must_use]
    pub fn text(&self) -> String {
        text::hex(&self.0)
    }
}

/// Source: `CertificateStatus`. Appended only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the API's own")]
pub enum CertificateStatus {
    Active,
    Inactive,
    Revoked,
    PendingTransfer,
    RegisterInactive,
    PendingActivation,
}

impl CertificateStatus {
    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Revoked => "REVOKED",
            Self::PendingTransfer => "PENDING_TRANSFER",
            Self::RegisterInactive => "REGISTER_INACTIVE",
            Self::PendingActivation => "PENDING_ACTIVATION",
        }
    }
}

/// A weakness of a key that the key quality checks look for, judged when it is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weakness {
    /// CVE-2017-15361, ROCA.
    Roca,
    /// CVE-2008-0166, Debian's predictable keys.
    Debian,
}

/// What X.509 says, as far as audits and answers need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct X509 {
    /// The beginning of its validity.
    pub not_before: Timestamp,
    /// Its end.
    pub not_after: Timestamp,
    /// The subject, as RFC 4514 or AWS writes it.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// The DER of the issuer's name, hashed: what CRLs are looked up by.
    pub issuer_hash: [u8; 16],
    /// The serial number, big-endian, without leading zeros.
    pub serial: Vec<u8>,
    /// The weakness of its key.
    pub weakness: Option<Weakness>,
}

/// A device certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whether it may connect.
    pub status: CertificateStatus,
    /// When it was made or registered here.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
    /// How often it was changed, from 1: `customerVersion`.
    pub version: u32,
    /// What it says.
    pub x509: X509,
    /// The registered CA that issued it.
    pub ca: Option<CertificateId>,
    /// Whether it was registered without a CA: `SNI_ONLY`.
    pub sni_only: bool,
    /// Whether we made it.
    pub made_here: bool,
    /// The account it came from.
    pub previous_owner: Option<String>,
    /// `generationId`.
    pub generation_id: String,
    /// Its transfer to or from another account: the latest.
    pub transfer: Option<Transfer>,
}

/// A certificate's way to another account. Source: `TransferData`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The account that it goes to.
    pub to: String,
    /// What the sender says.
    pub message: Option<String>,
    /// When it was offered.
    pub date: Timestamp,
    /// Why it was rejected.
    pub reject_reason: Option<String>,
    /// When it was accepted.
    pub accepted: Option<Timestamp>,
    /// When it was rejected.
    pub rejected: Option<Timestamp>,
}

/// A certificate that was offered to another account, as the account that offered it keeps it.
/// The certificate itself is in the other account from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The account that it was offered to.
    pub to: String,
    /// What the sender says.
    pub message: Option<String>,
    /// When it was offered.
    pub date: Timestamp,
    /// When the certificate was made or registered.
    pub created: Timestamp,
    /// The account that the sender has it from.
    pub previous_owner: Option<String>,
    /// Whether it was accepted.
    pub is_accepted: bool,
}

/// A CA certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaCertificate {
    /// ACTIVE or not.
    pub is_active: bool,
    /// Whether certificates register themselves when they connect.
    pub auto_registers: bool,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
    /// How often it was changed, from 1: `customerVersion`.
    pub version: u32,
    /// What it says.
    pub x509: X509,
    /// Whether it was registered without a verification certificate: `SNI_ONLY`.
    pub sni_only: bool,
    /// `generationId`.
    pub generation_id: String,
    /// `registrationConfig`: template body, role, template name.
    pub registration: Option<(Option<String>, Option<String>, Option<String>)>,
}

/// A policy and its versions, without their documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
    /// The number of the default version.
    pub default: u32,
    /// The number of the latest version ever made.
    pub latest: u32,
    /// The versions that are there, by number, and when each was made: at most 5.
    pub versions: BTreeMap<u32, Timestamp>,
    /// `generationId`.
    pub generation_id: String,
}

/// A role alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAlias {
    /// The role that devices take on.
    pub role_arn: String,
    /// For how long, in seconds.
    pub duration_seconds: u32,
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
}

/// The first version of the logging options, at `v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggingV1 {
    /// The role that logs.
    pub role_arn: Option<String>,
    /// DEBUG, INFO, ERROR, WARN or DISABLED.
    pub level: Option<String>,
}

/// The second version of the logging options, at `v2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggingV2 {
    /// The role that logs.
    pub role_arn: Option<String>,
    /// The level of what has no level of its own.
    pub default_level: Option<String>,
    /// Whether nothing is logged.
    pub disable_all: bool,
    /// `eventConfigurations`: type, level, destination.
    pub events: Vec<(String, Option<String>, Option<String>)>,
}

/// How audits are set. Source: `UpdateAccountAuditConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditConfiguration {
    /// The role that audits.
    pub role_arn: Option<String>,
    /// `SNS`, the only target of notifications, once it was given.
    pub sns: Option<NotificationTarget>,
    /// The checks that were ever named: whether each is enabled, and how it is set.
    pub checks: BTreeMap<Check, (bool, CheckConfig)>,
}

impl AuditConfiguration {
    /// The topic that hears of the end of an audit, if it is to be told.
    #[must_use]
    pub fn topic(&self) -> Option<&String> {
        self.sns.as_ref().filter(|target| target.enabled)?.target_arn.as_ref()
    }
}

/// Source: `AuditNotificationTarget`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationTarget {
    /// The topic.
    pub target_arn: Option<String>,
    /// The role that publishes.
    pub role_arn: Option<String>,
    /// Whether it is published at all.
    pub enabled: bool,
}

/// That findings of a check about a resource are suppressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Which check.
    pub check: Check,
    /// Which resource.
    pub resource: Resource,
    /// Until when; none for ever.
    pub expires: Option<Timestamp>,
    /// Why.
    pub description: Option<String>,
    /// The client request token that made it.
    pub token: String,
}

impl Suppression {
    /// Where it stands in [`crate::table::SUPPRESSIONS`].
    #[must_use]
    pub fn key(check: Check, resource: &Resource) -> Vec<u8> {
        let mut key = vec![check.number()];
        key.extend(trackway_audit::audit::by_resource_prefix(resource));
        key
    }
}
