//! The checks of an audit: their names, severities and reasons, and what may be done about each.
//!
//! Source: AWS IoT Developer Guide, "Audit checks", and the API's `AuditCheckName`.

use serde::{Deserialize, Serialize};

use crate::action::ActionType;

/// How grave a finding is. Source: `AuditFindingSeverity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the API's own")]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
}

impl Severity {
    /// As the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL",
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        }
    }
}

/// Makes an enum whose variants have the API's names, in JSON and for people; postcard writes the
/// variant's number, so the order is part of the encoding: append only.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the names are the API's own")]
        pub enum $name {
            $(#[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As the API spells it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// What the API calls so.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its number, as keys have it.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The one with this number.
            #[must_use]
            pub fn numbered(number: u8) -> Option<Self> {
                Self::ALL.get(usize::from(number)).copied()
            }
        }
    };
}
pub(crate) use named;

named! {
    /// A check of an audit.
    Check {
        DeviceCertificateExpiring = "DEVICE_CERTIFICATE_EXPIRING_CHECK",
        CaCertificateExpiring = "CA_CERTIFICATE_EXPIRING_CHECK",
        DeviceCertificateAge = "DEVICE_CERTIFICATE_AGE_CHECK",
        DeviceCertificateKeyQuality = "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
        CaCertificateKeyQuality = "CA_CERTIFICATE_KEY_QUALITY_CHECK",
        DeviceCertificateShared = "DEVICE_CERTIFICATE_SHARED_CHECK",
        RevokedDeviceCertificateStillActive = "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
        RevokedCaCertificateStillActive = "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
        IntermediateCaRevoked = "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
        ConflictingClientIds = "CONFLICTING_CLIENT_IDS_CHECK",
        PolicyOverlyPermissive = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
        PolicyPotentialMisconfiguration = "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
        RoleAliasOverlyPermissive = "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK",
        RoleAliasAllowsUnusedServices = "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
        AuthenticatedCognitoRoleOverlyPermissive = "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
        UnauthenticatedCognitoRoleOverlyPermissive = "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
        LoggingDisabled = "LOGGING_DISABLED_CHECK",
    }
}

named! {
    /// Why something doesn't comply. Source: Developer Guide, the reason codes of each check.
    Reason {
        ApproachingExpiration = "CERTIFICATE_APPROACHING_EXPIRATION",
        PastExpiration = "CERTIFICATE_PAST_EXPIRATION",
        PastAgeThreshold = "CERTIFICATE_PAST_AGE_THRESHOLD",
        KeyVulnerableRoca = "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361",
        KeyVulnerableDebian = "CERTIFICATE_KEY_VULNERABILITY_CVE-2008-0166",
        SharedByMultipleDevices = "CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES",
        RevokedByIssuer = "CERTIFICATE_REVOKED_BY_ISSUER",
        IntermediateRevokedByIssuer = "INTERMEDIATE_CA_REVOKED_BY_ISSUER",
        DuplicateClientId = "DUPLICATE_CLIENT_ID_ACROSS_CONNECTIONS",
        BroadDataPlaneAccess = "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS",
        WildcardsInDeny = "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT",
        DeniedTopicFiltersAllowed = "TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS",
        BroadAccessToUsedServices = "ALLOWS_BROAD_ACCESS_TO_USED_SERVICES",
        AccessToSecurityAuditing = "ALLOWS_ACCESS_TO_SECURITY_AUDITING_SERVICES",
        BroadThingAdminRead = "ALLOWS_BROAD_ACCESS_TO_IOT_THING_ADMIN_READ_ACTIONS",
        NonThingAdmin = "ALLOWS_ACCESS_TO_IOT_NON_THING_ADMIN_ACTIONS",
        ThingAdminWrite = "ALLOWS_ACCESS_TO_IOT_THING_ADMIN_WRITE_ACTIONS",
        AccessToUnusedServices = "ALLOWS_ACCESS_TO_UNUSED_SERVICES",
        IotAdmin = "ALLOWS_ACCESS_TO_IOT_ADMIN_ACTIONS",
        LoggingDisabled = "LOGGING_DISABLED",
    }
}

impl Check {
    /// How grave its findings are.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::DeviceCertificateKeyQuality
            | Self::CaCertificateKeyQuality
            | Self::DeviceCertificateShared
            | Self::RevokedCaCertificateStillActive
            | Self::IntermediateCaRevoked
            | Self::PolicyOverlyPermissive
            | Self::RoleAliasOverlyPermissive
            | Self::AuthenticatedCognitoRoleOverlyPermissive
            | Self::UnauthenticatedCognitoRoleOverlyPermissive => Severity::Critical,
            Self::ConflictingClientIds => Severity::High,
            Self::DeviceCertificateExpiring
            | Self::CaCertificateExpiring
            | Self::RevokedDeviceCertificateStillActive
            | Self::PolicyPotentialMisconfiguration
            | Self::RoleAliasAllowsUnusedServices => Severity::Medium,
            Self::DeviceCertificateAge | Self::LoggingDisabled => Severity::Low,
        }
    }

    /// The reasons that its findings may have.
    #[must_use]
    pub fn reasons(self) -> &'static [Reason] {
        match self {
            Self::DeviceCertificateExpiring | Self::CaCertificateExpiring => {
                &[Reason::ApproachingExpiration, Reason::PastExpiration]
            }
            Self::DeviceCertificateAge => &[Reason::PastAgeThreshold],
            Self::DeviceCertificateKeyQuality | Self::CaCertificateKeyQuality => {
                &[Reason::KeyVulnerableRoca, Reason::KeyVulnerableDebian]
            }
            Self::DeviceCertificateShared => &[Reason::SharedByMultipleDevices],
            Self::RevokedDeviceCertificateStillActive | Self::RevokedCaCertificateStillActive => {
                &[Reason::RevokedByIssuer]
            }
            Self::IntermediateCaRevoked => &[Reason::IntermediateRevokedByIssuer],
            Self::ConflictingClientIds => &[Reason::DuplicateClientId],
            Self::PolicyOverlyPermissive => &[Reason::BroadDataPlaneAccess],
            Self::PolicyPotentialMisconfiguration => {
                &[Reason::WildcardsInDeny, Reason::DeniedTopicFiltersAllowed]
            }
            Self::RoleAliasOverlyPermissive => &[
                Reason::BroadAccessToUsedServices,
                Reason::AccessToSecurityAuditing,
                Reason::BroadThingAdminRead,
                Reason::NonThingAdmin,
                Reason::ThingAdminWrite,
                Reason::BroadDataPlaneAccess,
            ],
            Self::RoleAliasAllowsUnusedServices => &[Reason::AccessToUnusedServices],
            Self::AuthenticatedCognitoRoleOverlyPermissive => {
                &[Reason::BroadThingAdminRead, Reason::NonThingAdmin, Reason::ThingAdminWrite]
            }
            Self::UnauthenticatedCognitoRoleOverlyPermissive => {
                &[Reason::IotAdmin, Reason::BroadDataPlaneAccess]
            }
            Self::LoggingDisabled => &[Reason::LoggingDisabled],
        }
    }

    /// Whether this action may be applied to its findings; publishing always may.
    /// Source: Developer Guide, "Mitigation actions".
    #[must_use]
    pub fn allows(self, action: ActionType) -> bool {
        match action {
            ActionType::PublishFindingToSns => true,
            ActionType::UpdateDeviceCertificate | ActionType::AddThingsToThingGroup => matches!(
                self,
                Self::DeviceCertificateExpiring
                    | Self::DeviceCertificateAge
                    | Self::DeviceCertificateKeyQuality
                    | Self::DeviceCertificateShared
                    | Self::RevokedDeviceCertificateStillActive
                    | Self::IntermediateCaRevoked
            ),
            ActionType::UpdateCaCertificate => matches!(
                self,
                Self::CaCertificateExpiring
                    | Self::CaCertificateKeyQuality
                    | Self::RevokedCaCertificateStillActive
            ),
            ActionType::ReplaceDefaultPolicyVersion => {
                matches!(self, Self::PolicyOverlyPermissive | Self::PolicyPotentialMisconfiguration)
            }
            ActionType::EnableIotLogging => self == Self::LoggingDisabled,
        }
    }
}
