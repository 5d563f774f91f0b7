//! What a policy may be attached to.

use crate::groups;
use crate::record::CertificateId;
use crate::refusal::{Code, Failure, Refusal};
use crate::table;
use crate::txn::Txn;

/// Letters of the id of a Cognito identity. Source: `IdentityId` of Cognito.
const IDENTITY_CHARS_MAX: usize = 55;

/// What a policy may be attached to, as its text names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A device certificate.
    Certificate(CertificateId),
    /// A thing group, by its name.
    Group(String),
    /// A Cognito identity, which lives elsewhere.
    Identity,
}

/// Reads a target's text.
///
/// # Errors
/// It is no target, or one of another account or region.
pub fn read(txn: &Txn, text: &str) -> Result<Target, Refusal> {
    if !text.starts_with("arn:") {
        return if is_identity(text) { Ok(Target::Identity) } else { Err(invalid(text)) };
    }
    let resource = text.strip_prefix(&txn.arn("")).ok_or_else(|| invalid(text))?;
    match resource.split_once('/') {
        Some(("cert", id)) => {
            CertificateId::read(id).map(Target::Certificate).ok_or_else(|| invalid(text))
        }
        Some(("thinggroup", name)) if !name.is_empty() && !name.contains('\0') => {
            Ok(Target::Group(name.to_owned()))
        }
        _ => Err(invalid(text)),
    }
}

impl Target {
    /// That it is there, where that can be known. The change holds only if it stays so.
    ///
    /// # Errors
    /// It isn't.
    pub async fn require(&self, txn: &mut Txn) -> Result<(), Failure> {
        match self {
            Self::Certificate(id) => {
                if txn.has(table::CERTIFICATES, &id.0).await? {
                    return Ok(());
                }
                // The text is ours.
                let message = format!("The certificate {} does not exist", id.text());
                Err(Refusal::new(Code::ResourceNotFoundException, message).into())
            }
            Self::Group(name) => groups::require(txn, name).await,
            Self::Identity => Ok(()),
        }
    }
}

/// `REGION:ID`. Source: the pattern of `IdentityId` of Cognito.
pub(crate) fn is_identity(text: &str) -> bool {
    let is_region = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    let is_id = |letter: char| matches!(letter, '0'..='9' | 'a'..='f' | '-');
    text.len() <= IDENTITY_CHARS_MAX
        && text.split_once(':').is_some_and(|(region, id)| {
            !region.is_empty()
                && !id.is_empty()
                && region.chars().all(is_region)
                && id.chars().all(is_id)
        })
}

/// The text is ours.
fn invalid(text: &str) -> Refusal {
    Refusal::invalid(format!("Invalid target: {text}"))
}
