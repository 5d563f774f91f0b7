//! IoT's refusals on the wire. The registry room has the codes, since mitigation actions fail with
//! them too.

use serde_json::Value;
use trackway_registry as registry;

use crate::refusal::ErrorCode;

pub(super) use trackway_registry::Code;

impl ErrorCode for Code {
    const VALIDATION: Self = Self::InvalidRequestException;

    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn invalid_page_token() -> Refusal {
        Refusal::new(Self::InvalidRequestException, "Invalid token")
    }
}

/// A request that IoT refuses.
pub(crate) type Refusal = crate::refusal::Refusal<Code>;
/// What a handler gives instead of an answer.
pub(crate) type Failure = crate::refusal::Failure<Code>;

impl From<registry::Refusal> for Refusal {
    fn from(refusal: registry::Refusal) -> Self {
        let members = refusal.members.into_iter();
        members.fold(Self::new(refusal.code, refusal.message), |refusal, (name, value)| {
            refusal.with(name, Value::from(value))
        })
    }
}

impl From<registry::Refusal> for Failure {
    fn from(refusal: registry::Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<registry::Failure> for Failure {
    fn from(failure: registry::Failure) -> Self {
        match failure {
            registry::Failure::Refused(refusal) => refusal.into(),
            registry::Failure::Fault(fault) => Self::Fault(fault),
        }
    }
}
