//! The container of all service models: an index and one compressed block a service.
//!
//! ```text
//! "TWM1" | u32 length of the index | index (postcard: Vec<Entry>) | blocks (zlib of postcard Service)
//! ```
//! Numbers are little-endian. Offsets in the index count from the first block.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::Service;

/// All models, distilled by `cargo xtask distill`.
static PACKED: &[u8] = include_bytes!("../../../../models/aws.bin");

/// First bytes of the container; the digit is the version of the layout.
const MAGIC: &[u8; 4] = b"TWM1";
/// Length of the magic and of the index's length.
const HEADER_BYTES: usize = 8;
/// Best compression of the deflate encoder.
const LEVEL: u8 = 10;

/// What the index says about a service, known without unpacking it.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// [`Service::name`].
    pub name: Box<str>,
    /// [`Service::id`].
    pub id: Box<str>,
    /// [`Service::endpoint_prefix`].
    pub endpoint_prefix: Box<str>,
    /// [`Service::signing_name`].
    pub signing_name: Box<str>,
    /// [`Service::target_prefix`].
    pub target_prefix: Option<Box<str>>,
    offset: u32,
    packed_bytes: u32,
}

/// The index and the services unpacked so far.
#[derive(Debug)]
pub struct Catalog {
    /// Version of the botocore package that the facts come from.
    pub source_version: Box<str>,
    /// One entry a service, sorted by name.
    pub entries: Vec<Entry>,
    unpacked: Vec<OnceLock<Option<Service>>>,
    blocks: &'static [u8],
}

/// The models could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The encoder refused.
    #[error("encode the models: {0}")]
    Encode(#[from] postcard::Error),
    /// A length does not fit.
    #[error("the models are larger than 4 GiB")]
    TooLarge,
}

/// The catalog of all services. Reads the index at first use.
pub fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::read(PACKED).unwrap_or_else(Catalog::empty))
}

/// Finds a service by boto3's name, by its `serviceId`, or by either in any case and without
/// spaces, hyphens and underscores: `stepfunctions`, `SFN`, `cognitoidentityprovider`.
/// Unpacks the model at first use.
#[must_use]
pub fn service(name: &str) -> Option<&'static Service> {
    let catalog = catalog();
    catalog.find(name).and_then(|index| catalog.unpack(index))
}

/// Finds a service as [`service`] does, or by the first label of its host or its signing name:
/// `states`, `monitoring`, `email`. Where several services share one, the first by name is meant.
#[must_use]
pub fn service_by_any_name(name: &str) -> Option<&'static Service> {
    service(name).or_else(|| {
        let catalog = catalog();
        let plain = plain(name);
        let by = |field: fn(&Entry) -> &str| {
            catalog.entries.iter().position(|entry| self::plain(field(entry)) == plain)
        };
        let index = by(|entry| &entry.endpoint_prefix).or_else(|| by(|entry| &entry.signing_name));
        index.and_then(|index| catalog.unpack(index))
    })
}

/// Finds a service by the prefix of `X-Amz-Target`. Several services may share one; the first by
/// name wins, as those are old versions of each other.
#[must_use]
pub fn service_by_target(prefix: &str) -> Option<&'static Service> {
    let catalog = catalog();
    let found =
        catalog.entries.iter().position(|entry| entry.target_prefix.as_deref() == Some(prefix));
    found.and_then(|index| catalog.unpack(index))
}

impl Catalog {
    fn empty() -> Self {
        Self { source_version: "".into(), entries: vec![], unpacked: vec![], blocks: &[] }
    }

    fn read(packed: &'static [u8]) -> Option<Self> {
        let (head, rest) = packed.split_at_checked(HEADER_BYTES)?;
        let (magic, length) = head.split_at_checked(MAGIC.len())?;
        if magic != MAGIC {
            return None;
        }
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let (index, blocks) = rest.split_at_checked(length)?;
        let (source_version, entries): (Box<str>, Vec<Entry>) = postcard::from_bytes(index).ok()?;
        let unpacked = entries.iter().map(|_| OnceLock::new()).collect();
        Some(Self { source_version, entries, unpacked, blocks })
    }

    fn find(&self, name: &str) -> Option<usize> {
        if let Ok(index) = self.entries.binary_search_by(|entry| (*entry.name).cmp(name)) {
            return Some(index);
        }
        if let Some(index) = self.entries.iter().position(|entry| &*entry.id == name) {
            return Some(index);
        }
        let plain = plain(name);
        let by = |field: fn(&Entry) -> &str| {
            self.entries.iter().position(|entry| self::plain(field(entry)) == plain)
        };
        by(|entry| &entry.id).or_else(|| by(|entry| &entry.name))
    }

    fn unpack(&self, index: usize) -> Option<&Service> {
        self.unpacked.get(index)?.get_or_init(|| self.read_block(index)).as_ref()
    }

    fn read_block(&self, index: usize) -> Option<Service> {
        let entry = self.entries.get(index)?;
        let start = entry.offset as usize;
        let block = self.blocks.get(start..start.checked_add(entry.packed_bytes as usize)?)?;
        let bytes = miniz_oxide::inflate::decompress_to_vec_zlib(block).ok()?;
        postcard::from_bytes(&bytes).ok()
    }
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// Writes a container. The same services in the same order give the same bytes.
///
/// # Errors
/// When the models do not fit the layout.
pub fn pack(source_version: &str, services: &[Service]) -> Result<Vec<u8>, PackError> {
    let mut entries = Vec::new();
    let mut blocks = Vec::new();
    for service in services {
        let bytes = postcard::to_stdvec(service)?;
        let block = miniz_oxide::deflate::compress_to_vec_zlib(&bytes, LEVEL);
        entries.push(Entry {
            name: service.name.clone(),
            id: service.id.clone(),
            endpoint_prefix: service.endpoint_prefix.clone(),
            signing_name: service.signing_name.clone(),
            target_prefix: service.target_prefix.clone(),
            offset: blocks.len().try_into().map_err(|_| PackError::TooLarge)?,
            packed_bytes: block.len().try_into().map_err(|_| PackError::TooLarge)?,
        });
        blocks.extend(block);
    }
    let index = postcard::to_stdvec(&(source_version, entries))?;
    let length: u32 = index.len().try_into().map_err(|_| PackError::TooLarge)?;
    let mut packed = MAGIC.to_vec();
    packed.extend(length.to_le_bytes());
    packed.extend(index);
    packed.extend(blocks);
    Ok(packed)
}
