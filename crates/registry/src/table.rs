//! The tables of IoT in the engine's catalog. A number is part of the stored key and never reused.
//!
//! A key of several parts has them separated by a zero byte, which no name has; an id of a
//! certificate is its 32 bytes; a number or time is big-endian, so that it sorts. [`crate::record`]
//! has the values.

/// Name -> thing.
pub const THINGS: u8 = 30;
/// Name -> thing type.
pub const THING_TYPES: u8 = 31;
/// Name -> thing group.
pub const THING_GROUPS: u8 = 32;
/// Group, thing -> nothing: who is in a group itself, not in groups below it.
pub const GROUP_THINGS: u8 = 33;
/// Thing -> the groups that it is in itself, at most 10, each with the root of its hierarchy.
pub const THING_MEMBERSHIPS: u8 = 34;
/// Parent, group -> nothing: the groups directly below a group; an empty parent for those at the top.
pub const GROUP_CHILDREN: u8 = 35;
/// Thing, principal's ARN -> how it is attached.
pub const THING_PRINCIPALS: u8 = 36;
/// Principal's ARN, thing -> how it is attached: the same turned around. Principal's ARN alone -> the
/// thing that has it exclusively.
pub const PRINCIPAL_THINGS: u8 = 37;
/// Certificate id -> [`crate::record::Certificate`], without its text.
pub const CERTIFICATES: u8 = 38;
/// Certificate id -> its PEM text; device and CA certificates.
pub const PEMS: u8 = 39;
/// When a certificate was created, its id -> nothing.
pub const CERTIFICATES_BY_DATE: u8 = 40;
/// CA certificate's id, when a certificate was created, its id -> nothing.
pub const CERTIFICATES_BY_CA: u8 = 41;
/// Certificate id -> [`crate::record::CaCertificate`].
pub const CA_CERTIFICATES: u8 = 42;
/// When a CA certificate was created, its id -> nothing.
pub const CA_CERTIFICATES_BY_DATE: u8 = 43;
/// Name -> [`crate::record::Policy`].
pub const POLICIES: u8 = 44;
/// Policy name, version's number (4 bytes) -> its document.
pub const POLICY_VERSIONS: u8 = 45;
/// Policy name, target -> nothing: what a policy is attached to.
pub const POLICY_TARGETS: u8 = 46;
/// Target, policy name -> nothing: the same turned around.
pub const TARGET_POLICIES: u8 = 47;
/// Role alias -> [`crate::record::RoleAlias`].
pub const ROLE_ALIASES: u8 = 48;
/// `v1`, `v2` -> logging options; `level`, target type, target -> a level of one target.
pub const LOGGING: u8 = 49;
/// ARN -> tags of a resource.
pub const TAGS: u8 = 50;
/// `code` -> the account's registration code; `key` -> what signs the certificates made here.
pub const ISSUING: u8 = 51;
/// Certificate id -> [`crate::record::Outgoing`], in the account that the certificate came from.
pub const TRANSFERS: u8 = 52;
/// When a policy was created, its name -> nothing.
pub const POLICIES_BY_DATE: u8 = 53;
/// [`crate::x509::name_hash`] of the subject, CA certificate's id -> nothing.
pub const CA_CERTIFICATES_BY_SUBJECT: u8 = 54;
/// When a certificate was offered to another account, its id -> nothing: those not accepted yet.
pub const TRANSFERS_BY_DATE: u8 = 55;

/// Nothing -> [`crate::record::AuditConfiguration`].
pub const AUDIT_CONFIGURATION: u8 = 60;
/// Check (1 byte), resource key (16 bytes) -> [`crate::record::Suppression`].
pub const SUPPRESSIONS: u8 = 61;
/// Name -> a scheduled audit's number; its machine has the rest.
pub const SCHEDULED_AUDITS: u8 = 62;
/// Name -> [`trackway_audit::action::Action`].
pub const MITIGATION_ACTIONS: u8 = 63;
/// Operation, client token -> what it made.
pub const CLIENT_TOKENS: u8 = 64;
/// 0, when a suppression ends, its key -> nothing; and 1, both inverted, which sorts the other way.
pub const SUPPRESSIONS_BY_END: u8 = 65;

/// What connected, when and by which certificate: evidence that was fed.
pub const CONNECTIONS: u8 = 70;
/// What roles allow and used: evidence that was fed.
pub const ROLES: u8 = 71;
/// Which certificates issuers have revoked: evidence that was fed.
pub const REVOCATIONS: u8 = 72;
/// Which Cognito identity pools were seen, and their roles: evidence that was fed.
pub const IDENTITY_POOLS: u8 = 73;
/// Name -> [`crate::security_profiles::Profile`].
pub const SECURITY_PROFILES: u8 = 74;
/// Security profile, target -> nothing.
pub const PROFILE_TARGETS: u8 = 75;
/// Target, security profile -> nothing.
pub const TARGET_PROFILES: u8 = 76;
/// When a violation that goes on began, its id -> nothing.
pub const ACTIVE_VIOLATIONS: u8 = 77;
/// When something happened to a violation, its id, what (1 byte) -> the value that was measured.
pub const VIOLATION_EVENTS: u8 = 78;
/// Violation id -> [`crate::violations::Violation`], whether it goes on or has ended.
pub const VIOLATIONS: u8 = 79;
/// Security profile, behavior, when it began, violation id -> nothing.
pub const BEHAVIOR_VIOLATIONS: u8 = 80;
/// Security profile, behavior, thing -> the id of the violation that goes on.
pub const THING_VIOLATIONS: u8 = 81;

/// Type, thing -> nothing: the things of a type.
pub const TYPE_THINGS: u8 = 90;
/// Attribute's name, its value, thing -> nothing: the things that have an attribute.
pub const ATTRIBUTE_THINGS: u8 = 91;
/// Name -> billing group.
pub const BILLING_GROUPS: u8 = 92;
/// Billing group, thing -> nothing: the things in a billing group.
pub const BILLING_GROUP_THINGS: u8 = 93;
