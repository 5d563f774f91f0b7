//! What a finding is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A resource that an audit looks at. Appended only: the order is the encoding of postcard.
/// Source: `ResourceType` and `ResourceIdentifier`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resource {
    /// A device certificate, by its id (64 hexadecimal digits).
    DeviceCertificate(String),
    /// A CA certificate, by its id.
    CaCertificate(String),
    /// A version of a policy.
    Policy {
        /// Its name.
        name: String,
        /// The version's number, as text.
        version: String,
    },
    /// A Cognito identity pool, by its id.
    CognitoPool(String),
    /// An MQTT client id.
    Client(String),
    /// The settings of an account.
    Account(String),
    /// A role alias, by its ARN.
    RoleAlias(String),
    /// An IAM role, by its ARN.
    IamRole(String),
    /// The certificate of an issuer that is not registered.
    Issuer {
        /// Its subject.
        subject: Option<String>,
        /// Its id: the SHA-256 of the certificate, in hexadecimal digits, where it is known.
        id: Option<String>,
        /// Its serial number.
        serial: Option<String>,
    },
}

impl Resource {
    /// The API's `resourceType`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::DeviceCertificate(_) => "DEVICE_CERTIFICATE",
            Self::CaCertificate(_) => "CA_CERTIFICATE",
            Self::Policy { .. } => "IOT_POLICY",
            Self::CognitoPool(_) => "COGNITO_IDENTITY_POOL",
            Self::Client(_) => "CLIENT_ID",
            Self::Account(_) => "ACCOUNT_SETTINGS",
            Self::RoleAlias(_) => "ROLE_ALIAS",
            Self::IamRole(_) => "IAM_ROLE",
            Self::Issuer { .. } => "ISSUER_CERTIFICATE",
        }
    }

    /// The API's `ResourceIdentifier`: a bag with one member.
    #[must_use]
    pub fn to_identifier(&self) -> Value {
        match self {
            Self::DeviceCertificate(id) => json!({ "deviceCertificateId": id }),
            Self::CaCertificate(id) => json!({ "caCertificateId": id }),
            Self::Policy { name, version } => json!({
                "policyVersionIdentifier": { "policyName": name, "policyVersionId": version },
            }),
            Self::CognitoPool(id) => json!({ "cognitoIdentityPoolId": id }),
            Self::Client(id) => json!({ "clientId": id }),
            Self::Account(account) => json!({ "account": account }),
            Self::RoleAlias(arn) => json!({ "roleAliasArn": arn }),
            Self::IamRole(arn) => json!({ "iamRoleArn": arn }),
            Self::Issuer { subject, id, serial } => {
                let mut issuer = Map::new();
                let members = [
                    ("issuerCertificateSubject", subject),
                    ("issuerId", id),
                    ("issuerCertificateSerialNumber", serial),
                ];
                for (name, value) in members {
                    if let Some(value) = value {
                        issuer.insert(name.to_owned(), json!(value));
                    }
                }
                json!({ "issuerCertificateIdentifier": issuer })
            }
        }
    }

    /// Reads a `ResourceIdentifier`; none unless it has exactly one member. A certificate that is
    /// named by its ARN is the one with the id at its end.
    #[must_use]
    pub fn from_identifier(identifier: &Value) -> Option<Self> {
        let Value::Object(members) = identifier else { return None };
        let mut members = members.iter().filter(|(_, value)| !value.is_null());
        let (name, value) = members.next()?;
        if members.next().is_some() {
            return None;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(match name.as_str() {
            "deviceCertificateId" => Self::DeviceCertificate(text(value)?),
            "deviceCertificateArn" => {
                Self::DeviceCertificate(value.as_str()?.rsplit_once(":cert/")?.1.to_owned())
            }
            "caCertificateId" => Self::CaCertificate(text(value)?),
            "policyVersionIdentifier" => Self::Policy {
                name: text(&value["policyName"])?,
                version: text(&value["policyVersionId"])?,
            },
            "cognitoIdentityPoolId" => Self::CognitoPool(text(value)?),
            "clientId" => Self::Client(text(value)?),
            "account" => Self::Account(text(value)?),
            "roleAliasArn" => Self::RoleAlias(text(value)?),
            "iamRoleArn" => Self::IamRole(text(value)?),
            "issuerCertificateIdentifier" => Self::Issuer {
                subject: text(&value["issuerCertificateSubject"]),
                id: text(&value["issuerId"]),
                serial: text(&value["issuerCertificateSerialNumber"]),
            },
            _ => return None,
        })
    }
}

/// What else is known of a resource. Source: `additionalInfo`.
pub type Info = BTreeMap<String, String>;

/// A resource that has to do with a finding. Source: `RelatedResource`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// Which.
    pub resource: Resource,
    /// What else is known of it.
    pub info: Info,
}
