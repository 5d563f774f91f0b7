//! Why a request is refused, and what is a fault of ours: the same for every service. Each service
//! has its codes in one enum.

use std::fmt::Debug;

use serde_json::Value;
use trackway_engine::Fault;
use trackway_wire::error::Failure as WireFailure;

/// The error codes of a service.
pub(crate) trait ErrorCode: Copy + Debug {
    /// The code of a request that breaks the model's constraints.
    const VALIDATION: Self;

    /// The code as the model and the wire spell it.
    fn name(self) -> &'static str;

    /// The refusal of a page token that is not ours, or for another request.
    fn invalid_page_token() -> Refusal<Self>;
}

/// Makes an enum of error codes: the variants are spelled as the service's model spells them.
macro_rules! codes {
    ($(#[$about:meta])* $($code:ident),+ $(,)?) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are the service model's own")]
        pub enum Code {
            $($code,)+
        }

        impl Code {
            /// Every code, for the test that holds them against the model.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// The code as the model and the wire spell it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)+
                }
            }
        }
    };
}
pub(crate) use codes;

/// A request that is refused, in AWS's words.
#[derive(Debug)]
pub(crate) struct Refusal<C> {
    pub(crate) code: C,
    /// Some errors have no message.
    pub(crate) message: Option<String>,
    /// Members beside the message that some errors have.
    pub(crate) members: Vec<(&'static str, Value)>,
}

impl<C: ErrorCode> Refusal<C> {
    /// A refusal with a message.
    pub(crate) fn new(code: C, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()), members: Vec::new() }
    }

    /// A refusal whose code says it all.
    pub(crate) fn bare(code: C) -> Self {
        Self { code, message: None, members: Vec::new() }
    }

    /// The same with one more member.
    pub(crate) fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((member, value.into()));
        self
    }

    /// The message; empty if there is none.
    pub(crate) fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }
}

/// What a handler gives instead of an answer.
#[derive(Debug)]
pub(crate) enum Failure<C> {
    /// The caller is at fault and is told why.
    Refused(Refusal<C>),
    /// Trackway is at fault; the caller is told no more than that.
    Fault(Fault),
}

impl<C> From<Refusal<C>> for Failure<C> {
    fn from(refusal: Refusal<C>) -> Self {
        Self::Refused(refusal)
    }
}

impl<C> From<Fault> for Failure<C> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<C: ErrorCode> Failure<C> {
    /// The failure as the wire answers it. A fault is reported here, and the caller hears no more
    /// of it than `internal`, the code that the service has for it.
    pub(crate) fn on_the_wire(self, operation: &str, internal: &'static str) -> WireFailure {
        match self {
            Self::Refused(refusal) => {
                let failure = match refusal.message {
                    Some(message) => WireFailure::new(refusal.code.name(), message),
                    None => WireFailure::bare(refusal.code.name()),
                };
                let members = refusal.members.into_iter();
                members.fold(failure, |failure, (name, value)| failure.with_member(name, value))
            }
            Self::Fault(fault) => {
                eprintln!("fault in {operation}: {fault}");
                WireFailure::bare(internal)
            }
        }
    }
}
