//! How rows, columns and states are written: a version byte and postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;

pub(crate) fn write<T: Serialize>(row: &T) -> Vec<u8> {
    postcard::to_extend(row, vec![VERSION]).unwrap_or_default()
}

pub(crate) fn read<T: DeserializeOwned>(row: &[u8]) -> Option<T> {
    let (version, body) = row.split_first()?;
    if *version != VERSION {
        return None;
    }
    postcard::from_bytes(body).ok()
}
