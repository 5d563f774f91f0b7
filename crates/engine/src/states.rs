//! States as they are stored: snapshots, and the bases of journals that were trimmed.
//!
//! ```text
//! state := version u8 │ checksum 8 bytes │ postcard of the events and the horizon │ packing │ state
//! ```
//!
//! The checksum is the head of SHA-256 of all that follows it. A snapshot is a cache: whatever is
//! wrong with it, the journal is folded instead. A base is the truth: its events are gone.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trackway_core::{ExecutionId, Timestamp};

use crate::kind::{AnyMachine, Kind};
use crate::limits::STATE_BYTES_MAX;
use crate::reader::Reader;
use crate::turn::guard;
use crate::{Fault, keys, records};

const VERSION: u8 = 1;
/// Version and checksum.
const HEAD_LEN: usize = 9;

/// A stored state, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredState {
    /// How many events it is the fold of.
    pub(crate) events: u32,
    /// Of a base: rows that belong to a moment before this one may have left. Of a snapshot: the
    /// first moment there is.
    pub(crate) horizon: Timestamp,
    /// The kind's own encoding.
    pub(crate) state: Vec<u8>,
}

impl StoredState {
    /// The row's value; none for a state that no store takes.
    pub(crate) fn encode(&self) -> Option<Bytes> {
        if self.state.len() > STATE_BYTES_MAX {
            return None;
        }
        let mut out = vec![0; HEAD_LEN];
        out[0] = VERSION;
        out = postcard::to_extend(&(self.events, self.horizon), out).ok()?;
        out.extend_from_slice(&records::pack(&self.state, b""));
        let checksum = checksum(&out[HEAD_LEN..]);
        out[1..HEAD_LEN].copy_from_slice(&checksum);
        Some(out.into())
    }

    /// Reads the row's value.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let damaged = || Fault::new("a stored state is damaged");
        let (head, rest) = bytes.split_at_checked(HEAD_LEN).ok_or_else(damaged)?;
        if head[0] != VERSION {
            return Err(Fault::new(format!("a stored state has version {}", head[0])));
        }
        if head[1..] != checksum(rest) {
            return Err(damaged());
        }
        let ((events, horizon), packed) = postcard::take_from_bytes(rest).map_err(|_| damaged())?;
        let state = records::unpack(packed, b"")?.into_owned();
        Ok(Self { events, horizon, state })
    }

    /// The machine in this state.
    pub(crate) fn restore(&self, kind: &dyn Kind) -> Result<Box<dyn AnyMachine>, String> {
        match guard(|| kind.restore(&self.state)) {
            Ok(Some(machine)) => Ok(machine),
            Ok(None) => Err("its kind can't read its stored state".to_owned()),
            Err(panic) => Err(format!("reading its stored state panicked: {panic}")),
        }
    }
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut head = [0; 8];
    head.copy_from_slice(&Sha256::digest(bytes)[..8]);
    head
}

/// The keys of an execution's states.
pub(crate) fn rows(id: ExecutionId) -> [Bytes; 2] {
    [keys::snapshot(id), keys::base(id)]
}

/// The base of an execution's journal, as it is stored; none if it has all its events.
pub(crate) async fn base_row(reader: &Reader, id: ExecutionId) -> Result<Option<Bytes>, Fault> {
    reader.get(&keys::base(id)).await
}

/// Where a journal's fold begins.
pub(crate) struct Beginning {
    pub(crate) machine: Box<dyn AnyMachine>,
    /// The number of the first event there is.
    pub(crate) events: u32,
    /// Of a trimmed journal: rows that belong to a moment before this one may have left.
    pub(crate) horizon: Option<Timestamp>,
}

/// The state before the first event, by what stands in the base row. The error is a reason to park
/// the execution.
pub(crate) fn beginning(kind: &dyn Kind, base: Option<&[u8]>) -> Result<Beginning, String> {
    let Some(bytes) = base else {
        return Ok(Beginning { machine: kind.machine(), events: 0, horizon: None });
    };
    let base = StoredState::read(bytes).map_err(|fault| format!("its base: {fault}"))?;
    let machine = base.restore(kind)?;
    Ok(Beginning { machine, events: base.events, horizon: Some(base.horizon) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_and_no_damage_goes_unseen() {
        for state in [vec![], vec![7; 10_000], (0..=255).collect::<Vec<u8>>()] {
            let stored = StoredState { events: 700, horizon: Timestamp(-5), state };
            let bytes = stored.encode().unwrap();
            assert_eq!(StoredState::read(&bytes).unwrap(), stored);
            for end in 0..bytes.len() {
                assert!(StoredState::read(&bytes[..end]).is_err(), "cut at {end}");
            }
            for place in 0..bytes.len() {
                let mut other = bytes.to_vec();
                other[place] ^= 0x40;
                assert!(StoredState::read(&other).is_err(), "flipped at {place}");
            }
        }
    }

    #[test]
    fn a_state_that_no_store_takes_is_not_written() {
        let state = vec![0; STATE_BYTES_MAX + 1];
        assert_eq!(StoredState { events: 1, horizon: Timestamp(0), state }.encode(), None);
    }
}
