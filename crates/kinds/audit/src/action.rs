//! Mitigation actions: their types and parameters.

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

use crate::check::named;

named! {
    /// What a mitigation action does. Source: `MitigationActionType`.
    ActionType {
        UpdateDeviceCertificate = "UPDATE_DEVICE_CERTIFICATE",
        UpdateCaCertificate = "UPDATE_CA_CERTIFICATE",
        AddThingsToThingGroup = "ADD_THINGS_TO_THING_GROUP",
        ReplaceDefaultPolicyVersion = "REPLACE_DEFAULT_POLICY_VERSION",
        EnableIotLogging = "ENABLE_IOT_LOGGING",
        PublishFindingToSns = "PUBLISH_FINDING_TO_SNS",
    }
}

/// What it does, and with what. Appended only: the order is the encoding of postcard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionParams {
    /// Makes the device certificate INACTIVE.
    UpdateDeviceCertificate,
    /// Makes the CA certificate INACTIVE.
    UpdateCaCertificate,
    /// Adds the certificate's things to groups.
    AddThingsToThingGroup {
        /// 1 to 10 names.
        groups: Vec<String>,
        /// Whether a thing that is in too many groups leaves a dynamic one; none if not said.
        override_dynamic: Option<bool>,
    },
    /// Gives the policy a blank default version.
    ReplaceDefaultPolicyVersion,
    /// Sets the second version of the logging options.
    EnableIotLogging {
        /// The role that logs.
        role_arn: String,
        /// DEBUG, INFO, ERROR or WARN.
        level: String,
    },
    /// Publishes the finding.
    PublishFindingToSns {
        /// Where to.
        topic_arn: String,
    },
}

impl ActionParams {
    /// The type of the action that has these parameters.
    #[must_use]
    pub fn action_type(&self) -> ActionType {
        match self {
            Self::UpdateDeviceCertificate => ActionType::UpdateDeviceCertificate,
            Self::UpdateCaCertificate => ActionType::UpdateCaCertificate,
            Self::AddThingsToThingGroup { .. } => ActionType::AddThingsToThingGroup,
            Self::ReplaceDefaultPolicyVersion => ActionType::ReplaceDefaultPolicyVersion,
            Self::EnableIotLogging { .. } => ActionType::EnableIotLogging,
            Self::PublishFindingToSns { .. } => ActionType::PublishFindingToSns,
        }
    }
}

/// A mitigation action, as the catalog keeps it and as a task pins it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its name, unique in an account and region.
    pub name: String,
    /// A UUID, another one for each action that ever had this name.
    pub id: String,
    /// The role that acts.
    pub role_arn: String,
    /// What it does.
    pub params: ActionParams,
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub modified: Timestamp,
}
