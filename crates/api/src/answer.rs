//! Requests read into structs, answers written, and what both are made of.

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;
use trackway_core::{Timestamp, uuid};
use trackway_engine::Fault;

use crate::refusal::{ErrorCode, Failure, Refusal};

/// An answer: JSON text in the model's member names.
pub(crate) type Answer<C> = Result<Vec<u8>, Failure<C>>;

/// Reads a request that satisfies the model into its struct.
pub(crate) fn read<T: DeserializeOwned, C: ErrorCode>(input: Value) -> Result<T, Failure<C>> {
    serde_json::from_value(input).map_err(|error| {
        Refusal::new(C::VALIDATION, format!("The request can't be read: {error}")).into()
    })
}

/// Writes an answer.
pub(crate) fn write<C>(answer: &impl Serialize) -> Answer<C> {
    serde_json::to_vec(answer)
        .map_err(|error| Fault::new(format!("could not write an answer: {error}")).into())
}

/// The answer of an operation that has none.
#[expect(clippy::unnecessary_wraps, reason = "it is an answer like the others")]
pub(crate) fn nothing<C>() -> Answer<C> {
    Ok(b"{}".to_vec())
}

/// A moment as the wire has it: seconds since the epoch, with milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(pub(crate) Timestamp);

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
        serializer.serialize_f64(self.0.as_millis() as f64 / 1000.0)
    }
}

/// Bytes in lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random UUID, version 4, in AWS's spelling.
pub(crate) fn uuid() -> Result<String, Fault> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::new(format!("could not draw randomness: {error}")))?;
    Ok(uuid_of(bytes))
}

/// These bytes as a UUID, version 4.
pub(crate) fn uuid_of(bytes: [u8; 16]) -> String {
    uuid::text(uuid::version_four(u128::from_be_bytes(bytes)))
}
