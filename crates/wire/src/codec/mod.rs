//! Codecs between the bytes of a protocol and the neutral form.
//!
//! The **neutral form** of an input or output is a [`serde_json::Value`] in the model's own member
//! names: structures and maps are objects, timestamps are epoch seconds (numbers), blobs are base64
//! texts, absent members are absent. Nothing here knows HTTP or any particular service.

pub mod cbor;
pub mod form;
pub mod json;
pub mod time;
pub mod xml;

mod cbor_shape;
mod text;
mod xml_read;

pub(crate) use cbor_shape::{from_cbor, to_cbor, untyped, untyped_json};
pub(crate) use text::{from_text, to_text};
pub(crate) use xml_read::{Node, members as xml_members, parse as parse_xml, value as xml_value};

/// Deepest nesting of a body that is read. `serde_json` holds the same limit for JSON.
pub const DEPTH_MAX: usize = 128;
