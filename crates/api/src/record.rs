//! What the catalog keeps: a record is its version byte and the postcard of its struct; a struct,
//! once released, is only superseded.

use serde::Serialize;
use serde::de::DeserializeOwned;
use trackway_engine::Fault;

/// The version that is written.
const VERSION: u8 = 1;

/// Writes a record.
pub(crate) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Fault> {
    postcard::to_extend(record, vec![VERSION])
        .map_err(|error| Fault::new(format!("could not encode a catalog record: {error}")))
}

/// Reads a record.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let broken = |why: String| Fault::new(format!("could not read a catalog record: {why}"));
    match bytes.split_first() {
        Some((&VERSION, body)) => {
            postcard::from_bytes(body).map_err(|error| broken(error.to_string()))
        }
        Some((version, _)) => Err(broken(format!("it has version {version}"))),
        None => Err(broken("it is empty".to_owned())),
    }
}
