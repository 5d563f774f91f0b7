//! Ids: of the pipeline among all, and of what happens in it.
//!
//! Every id that a pipeline gives out (pipeline, action and rule executions, jobs) is a UUID of
//! version 4 whose last twelve digits are the pipeline's number. So a job's id alone says which
//! pipeline is to hear of it, without a table of jobs.

use trackway_core::{ExecutionId, uuid};

/// A pipeline's number: 48 random bits, drawn when it is created. A pipeline of the same name that
/// is created later has another.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Number(pub u64);

impl Number {
    const BITS: u32 = 48;

    /// Of random bits; the upper 16 are not used.
    #[must_use]
    pub const fn new(random: u64) -> Self {
        Self(random & ((1 << Self::BITS) - 1))
    }

    /// The number of the pipeline that gave this id out.
    #[must_use]
    pub const fn of(id: u128) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits are wanted")]
        Self::new(id as u64)
    }

    /// An id of this pipeline, of 64 random bits.
    #[must_use]
    pub const fn id(self, random: u64) -> u128 {
        // Four and two bits in the middle say that it is a UUID; they lie above the number.
        uuid::version_four(((random as u128) << Self::BITS << 16) | spread(random) | self.0 as u128)
    }
}

/// The 16 bits between the random ones and the number: drawn from the same.
const fn spread(random: u64) -> u128 {
    let bits = (random ^ (random >> 16) ^ (random >> 32) ^ (random >> 48)) & 0xffff;
    (bits as u128) << Number::BITS
}

/// The engine's ARN of a pipeline. AWS's, which has the name in its place, comes to mean another
/// pipeline once one is deleted and created again.
#[must_use]
pub fn entity_arn(region: &str, account: &str, number: Number) -> String {
    format!("arn:aws:codepipeline:{region}:{account}:#{:012x}", number.0)
}

/// The engine's identity of the pipeline that gave this id out, in this account and region.
#[must_use]
pub fn entity_of(region: &str, account: &str, id: u128) -> ExecutionId {
    ExecutionId::of(&entity_arn(region, account, Number::of(id)))
}

/// AWS's ARN of a pipeline.
#[must_use]
pub fn arn(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:codepipeline:{region}:{account}:{name}")
}

/// Reads an id as AWS writes it: 36 characters, in lower case.
#[must_use]
pub fn read(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    let is_form = bytes.len() == 36
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if !is_form {
        return None;
    }
    u128::from_str_radix(&text.replace('-', ""), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_that_names_its_pipeline() {
        let number = Number::new(0xffff_0123_4567_89ab);
        let id = number.id(0xdead_beef_dead_beef);
        let text = uuid::text(id);
        assert_eq!(text, "deadbeef-dead-4eef-8000-0123456789ab");
        assert_eq!(Number::of(id), number);
        assert_eq!(read(&text), Some(id));
    }

    #[test]
    fn what_is_no_uuid_is_no_id() {
        for text in
            ["", "deadbeef-dead-4eef-8000-0123456789aB", "deadbeef-dead-4eef-8000_0123456789ab"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
