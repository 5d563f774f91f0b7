//! The service's tables in the engine's catalog. A number is part of the stored key and never
//! reused.

/// Name -> document; owner and name -> a document that is shared with the caller.
pub const DOCUMENTS: u8 = 10;
/// Name and version -> document version, and its content.
pub const DOCUMENT_VERSIONS: u8 = 11;
/// Node id -> managed node.
pub const NODES: u8 = 12;
/// Name -> parameter; name and version -> one of its versions; how many there are.
pub const PARAMETERS: u8 = 13;
/// Resource type and id -> tags.
pub const TAGS: u8 = 14;
/// Document and node -> the id of their association of the legacy form.
pub const ASSOCIATIONS: u8 = 15;
/// Operation and client token -> what it made.
pub const CLIENT_TOKENS: u8 = 16;
/// Activation id -> activation.
pub const ACTIVATIONS: u8 = 17;
/// Setting id -> its value.
pub const SETTINGS: u8 = 18;
/// Node, type and id -> compliance item.
pub const COMPLIANCE: u8 = 19;
