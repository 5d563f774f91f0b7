//! Ids that name what they belong to, so that no table has to.
//!
//! An audit task has a random *number* of 64 bits. Its id, 32 hexadecimal digits, is the number and
//! 64 bits that follow from it. A finding's id is a UUID of the number, the check, the finding's
//! place and bits that follow from these: whoever has it finds the audit and the row.

use sha2::{Digest, Sha256};
use trackway_core::uuid;

use crate::check::Check;

/// What tells an audit task from all others: 64 random bits.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct AuditNumber(pub u64);

/// Which finding of which audit.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct FindingRef {
    /// The audit.
    pub audit: AuditNumber,
    /// The check that found it.
    pub check: Check,
    /// Its place among the findings of that check in that audit, from 0.
    pub place: u32,
}

impl AuditNumber {
    /// The task's id: 32 hexadecimal digits.
    #[must_use]
    pub fn task_id(self) -> String {
        format!("{:016x}{:016x}", self.0, digest(&[b"task", &self.0.to_be_bytes()]))
    }

    /// The audit whose task has this id; none if we never gave it out.
    #[must_use]
    pub fn of_task(id: &str) -> Option<Self> {
        let number = Self(u64::from_str_radix(id.get(..16)?, 16).ok()?);
        (number.task_id() == id).then_some(number)
    }

    /// The ARN under which the engine knows the audit; AWS has none for it.
    #[must_use]
    pub fn arn(self, account: &str, region: &str) -> String {
        format!("arn:aws:iot:{region}:{account}:audittask/{}", self.task_id())
    }
}

impl FindingRef {
    /// The finding's id: a UUID.
    #[must_use]
    pub fn id(self) -> String {
        let mask = self.mask();
        // 64 bits of the number, 8 of the check, 32 of the place, 18 that check the others; two
        // times the six bits that make it a UUID of version 4 lie between them.
        let number = u128::from(self.audit.0);
        let check = u128::from(self.check.number() ^ mask.0);
        let place = u128::from(self.place ^ mask.1);
        let seal = u128::from(self.seal());
        let payload = number << 58 | check << 50 | place << 18 | seal;
        uuid::text(spread(payload))
    }

    /// The finding that has this id; none if we never gave it out.
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let digits: String = id.chars().filter(|digit| *digit != '-').collect();
        let payload = gather(u128::from_str_radix(&digits, 16).ok()?);
        let low = |bits: u128, mask: u128| (bits & mask).to_be_bytes();
        let number =
            u64::from_be_bytes(low(payload >> 58, u128::from(u64::MAX))[8..].try_into().ok()?);
        let mask = masks(number);
        let check = low(payload >> 50, 0xff)[15] ^ mask.0;
        let place = u32::from_be_bytes(low(payload >> 18, 0xffff_ffff)[12..].try_into().ok()?);
        let found = Self {
            audit: AuditNumber(number),
            check: Check::numbered(check)?,
            place: place ^ mask.1,
        };
        (found.id() == id).then_some(found)
    }

    fn mask(self) -> (u8, u32) {
        masks(self.audit.0)
    }

    /// 18 bits that follow from the rest.
    fn seal(self) -> u32 {
        let place = self.place.to_be_bytes();
        let hash =
            digest(&[b"finding", &self.audit.0.to_be_bytes(), &[self.check.number()], &place]);
        (hash >> 46) as u32
    }
}

/// What check and place are mixed with, so that ids of one audit don't look alike.
fn masks(number: u64) -> (u8, u32) {
    let [first, _, _, _, rest @ ..] = digest(&[b"mask", &number.to_be_bytes()]).to_be_bytes();
    (first, u32::from_be_bytes(rest))
}

/// 122 bits as the free bits of a UUID of version 4.
fn spread(bits: u128) -> u128 {
    let high = bits >> 74;
    let middle = bits >> 62 & 0xfff;
    let low = bits & ((1 << 62) - 1);
    uuid::version_four(high << 80 | middle << 64 | low)
}

/// The free bits of a UUID; the opposite of [`spread`].
fn gather(uuid: u128) -> u128 {
    (uuid >> 80) << 74 | (uuid >> 64 & 0xfff) << 62 | uuid & ((1 << 62) - 1)
}

fn digest(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_what_it_names() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let audit = AuditNumber(number);
            assert_eq!(AuditNumber::of_task(&audit.task_id()), Some(audit));
            for check in Check::ALL {
                for place in [0, 1, 77, u32::MAX] {
                    let finding = FindingRef { audit, check: *check, place };
                    let id = finding.id();
                    assert_eq!(id.len(), 36);
                    assert_eq!(FindingRef::of_id(&id), Some(finding), "{id}");
                }
            }
        }
    }

    #[test]
    fn an_id_that_was_never_given_out_names_nothing() {
        for id in ["", "00000000-0000-4000-8000-000000000000", "not an id", "ééééééééééééééééé"]
        {
            assert_eq!(FindingRef::of_id(id), None);
            assert_eq!(AuditNumber::of_task(id), None);
        }
        let id = AuditNumber(7).task_id();
        assert_eq!(AuditNumber::of_task(&id.to_uppercase()), None);
    }
}
