//! Shapes: the types of a service model.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;

/// Index of a shape in its service's list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShapeId(pub u32);

/// One type of a service model.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shape {
    /// `ListExecutionsInput`.
    pub name: Box<str>,
    /// What it is.
    pub kind: ShapeKind,
    /// What a value must satisfy; `None` when anything goes.
    pub constraints: Option<Box<Constraints>>,
    /// The value must not be shown, not even in an error message.
    pub sensitive: bool,
}

/// What a shape is made of.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum ShapeKind {
    /// Text.
    #[default]
    String,
    /// `true` or `false`.
    Boolean,
    /// 32 bits.
    Integer,
    /// 64 bits.
    Long,
    /// Single precision.
    Float,
    /// Double precision.
    Double,
    /// A moment; the format applies where it is not the protocol's default.
    Timestamp(Option<TimestampFormat>),
    /// Bytes.
    Blob {
        /// The bytes may be a stream of unknown length.
        streaming: bool,
    },
    /// Any JSON.
    Document,
    /// Values of one type, in order.
    List {
        /// Type of the elements.
        member: ShapeId,
        /// XML name of an element, when it is not `member`.
        member_name: Option<Box<str>>,
        /// XML and query: elements are not wrapped.
        flattened: bool,
    },
    /// Values of one type under text keys.
    Map {
        /// Type of the keys.
        key: ShapeId,
        /// Type of the values.
        value: ShapeId,
        /// XML name of a key, when it is not `key`.
        key_name: Option<Box<str>>,
        /// XML name of a value, when it is not `value`.
        value_name: Option<Box<str>>,
        /// XML and query: entries are not wrapped.
        flattened: bool,
    },
    /// Named members.
    Structure(Box<Structure>),
}

/// Named members and what is special about them as a whole.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Structure {
    /// Members in the model's order.
    pub members: Vec<Member>,
    /// Index of the member that is the whole body (rest protocols).
    pub payload: Option<u32>,
    /// Set on errors.
    pub error: Option<ErrorTrait>,
    /// Exactly one member is set.
    pub union: bool,
    /// A stream of events; not supported.
    pub event_stream: bool,
}

/// A named member of a structure.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Member {
    /// Name in the model, and in the neutral form.
    pub name: Box<str>,
    /// Type.
    pub shape: ShapeId,
    /// The member must be given.
    pub required: bool,
    /// Where it travels, when it is not the body (rest protocols).
    pub location: Option<Location>,
    /// Name on the wire, when it is not `name`.
    pub wire_name: Option<Box<str>>,
    /// Name in an EC2 query, when it is not derived from the wire name.
    pub query_name: Option<Box<str>>,
    /// A client that leaves it out sends a random token.
    pub idempotency_token: bool,
    /// The header's text is base64 of JSON.
    pub json_value: bool,
    /// The member fills a label of the host prefix.
    pub host_label: bool,
    /// XML and query: the list or map is not wrapped.
    pub flattened: bool,
    /// XML: an attribute of the enclosing element.
    pub xml_attribute: bool,
    /// XML namespace of the element.
    pub xml_namespace: Option<XmlNamespace>,
}

impl Member {
    /// Name on the wire.
    #[must_use]
    pub fn wire(&self) -> &str {
        self.wire_name.as_deref().unwrap_or(&self.name)
    }
}

/// An XML namespace declaration.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct XmlNamespace {
    /// The URI.
    pub uri: Box<str>,
    /// The prefix, if it is not the default namespace.
    pub prefix: Option<Box<str>>,
}

/// Where a member travels in the rest protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Location {
    /// A label of the path.
    Uri,
    /// A query parameter.
    QueryString,
    /// One header.
    Header,
    /// All headers with a prefix, as a map.
    Headers,
    /// The status of the response.
    StatusCode,
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimestampFormat {
    /// Seconds since 1970 as a number.
    Epoch,
    /// RFC 3339: `2026-01-01T00:00:00Z`.
    Iso8601,
    /// `Thu, 01 Jan 2026 00:00:00 GMT`.
    Rfc822,
}

/// What makes a structure an error.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ErrorTrait {
    /// Code on the wire, when it is not the shape's name.
    pub code: Option<Box<str>>,
    /// HTTP status, when the model gives one.
    pub status: Option<u16>,
    /// The service is at fault (500) and not the caller (400).
    pub fault: bool,
}

/// What a value must satisfy.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Constraints {
    /// Least length (characters, bytes, elements) or value.
    pub min: Option<Bound>,
    /// Greatest length (characters, bytes, elements) or value.
    pub max: Option<Bound>,
    /// Regular expression for the whole text, in Java's syntax.
    pub pattern: Option<Box<str>>,
    /// Allowed texts; empty when anything goes.
    pub allowed: Vec<Box<str>>,
    /// The compiled pattern, made at first use.
    #[serde(skip)]
    compiled: OnceLock<Pattern>,
}

impl Constraints {
    /// The compiled pattern, if there is one.
    #[must_use]
    pub fn compiled(&self) -> Option<&Pattern> {
        let source = self.pattern.as_deref()?;
        Some(self.compiled.get_or_init(|| Pattern::new(source)))
    }

    /// Whether there is nothing to satisfy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.min.is_none()
            && self.max.is_none()
            && self.pattern.is_none()
            && self.allowed.is_empty()
    }
}

/// A limit of a length or value. Whole numbers keep all their digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Real(f64),
}

impl Shape {
    /// The members, when it is a structure.
    #[must_use]
    pub fn structure(&self) -> Option<&Structure> {
        match &self.kind {
            ShapeKind::Structure(structure) => Some(structure),
            _ => None,
        }
    }

    /// Whether its JSON differs from its neutral form.
    pub(super) fn rewrites_json(&self) -> bool {
        match &self.kind {
            ShapeKind::Timestamp(format) => {
                format.is_some_and(|format| format != TimestampFormat::Epoch)
            }
            ShapeKind::Structure(structure) => structure
                .members
                .iter()
                .any(|member| member.location.is_none() && member.wire_name.is_some()),
            _ => false,
        }
    }

    /// What makes it an error, when it is one.
    #[must_use]
    pub fn error_trait(&self) -> Option<&ErrorTrait> {
        self.structure().and_then(|structure| structure.error.as_ref())
    }
}

impl Structure {
    /// Finds a member by its name on the wire. Structures are small, so this walks the list.
    #[must_use]
    pub fn by_wire(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.wire() == name)
    }

    /// Finds a member by its name in the model.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| &*member.name == name)
    }

    /// The member that is the whole body, if one is.
    #[must_use]
    pub fn payload_member(&self) -> Option<&Member> {
        self.payload.and_then(|index| self.members.get(index as usize))
    }
}
