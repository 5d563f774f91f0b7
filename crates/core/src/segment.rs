//! The journal's unit of writing: the events of one turn.
//!
//! ```text
//! segment := version u8 │ at i64 (zigzag varint) │ events u32 (varint)
//!            │ payloads u32 (varint) │ payload*: length (varint), UTF-8
//!            │ event*: payload number + 1, or 0 for none (varint), postcard of the event
//! ```
//!
//! A text that several events of the turn share (a state's output, the next state's input) stands
//! once. A segment can be read alone, so a page of history needs no other.

use crate::{Journaled, Payload, Timestamp};

/// A segment that can't be read: the record is damaged, or was written by a newer version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SegmentError {
    /// The bytes end too early or hold what no writer wrote.
    #[error("journal segment is damaged: {0}")]
    Damaged(&'static str),
    /// The event encoding is not one that this version reads.
    #[error("journal segment has event version {found}, this version reads up to {known}")]
    Version {
        /// The version found.
        found: u8,
        /// The newest version known.
        known: u8,
    },
}

/// Writes the events of one turn.
///
/// # Errors
/// An event that has no encoding; a mistake in the kind, not in the data.
pub fn encode<E: Journaled>(at: Timestamp, events: &[E]) -> Result<Vec<u8>, SegmentError> {
    let mut payloads: Vec<&Payload> = Vec::new();
    let numbers: Vec<u64> = events
        .iter()
        .map(|event| event.payload().map_or(0, |p| number_of(&mut payloads, p)))
        .collect();
    let mut out = Vec::with_capacity(
        64 + payloads.iter().map(|p| p.len() + 4).sum::<usize>() + events.len() * 12,
    );
    out.push(E::VERSION);
    write_varint(&mut out, zigzag(at.0));
    write_varint(&mut out, events.len() as u64);
    write_varint(&mut out, payloads.len() as u64);
    for payload in payloads {
        write_varint(&mut out, payload.len() as u64);
        out.extend_from_slice(payload.as_bytes());
    }
    for (event, number) in events.iter().zip(numbers) {
        write_varint(&mut out, number);
        out = postcard::to_extend(event, out)
            .map_err(|_| SegmentError::Damaged("an event has no encoding"))?;
    }
    Ok(out)
}

/// How many recent payloads are searched for an equal text; most repeats follow at once.
const LOOK_BACK: usize = 8;

fn number_of<'e>(payloads: &mut Vec<&'e Payload>, payload: &'e Payload) -> u64 {
    let recent = payloads.len().saturating_sub(LOOK_BACK);
    let found = payloads[recent..]
        .iter()
        .rposition(|known| known.is_same(payload) || known.as_str() == payload.as_str());
    if let Some(place) = found {
        return (recent + place + 1) as u64;
    }
    payloads.push(payload);
    payloads.len() as u64
}

/// When the turn of a segment was taken, without reading its events.
///
/// # Errors
/// Damage, or a version from the future.
pub fn taken_at<E: Journaled>(bytes: &[u8]) -> Result<Timestamp, SegmentError> {
    Ok(head::<E>(bytes)?.0)
}

fn head<E: Journaled>(bytes: &[u8]) -> Result<(Timestamp, &[u8]), SegmentError> {
    let (&version, mut rest) = bytes.split_first().ok_or(SegmentError::Damaged("it is empty"))?;
    if version > E::VERSION {
        return Err(SegmentError::Version { found: version, known: E::VERSION });
    }
    Ok((Timestamp(unzigzag(read_varint(&mut rest)?)), rest))
}

/// Reads a segment: when its turn was taken, and its events.
///
/// # Errors
/// Damage, or a version from the future.
pub fn decode<E: Journaled>(bytes: &[u8]) -> Result<(Timestamp, Vec<E>), SegmentError> {
    let (at, mut rest) = head::<E>(bytes)?;
    let events_len = read_length(&mut rest, bytes.len())?;
    let payloads_len = read_length(&mut rest, bytes.len())?;
    let mut payloads = Vec::with_capacity(payloads_len);
    for _ in 0..payloads_len {
        let length = read_length(&mut rest, bytes.len())?;
        let (text, tail) =
            rest.split_at_checked(length).ok_or(SegmentError::Damaged("a payload is cut"))?;
        let text = std::str::from_utf8(text)
            .map_err(|_| SegmentError::Damaged("a payload is not UTF-8"))?;
        payloads.push(Payload::new(text));
        rest = tail;
    }
    let mut events = Vec::with_capacity(events_len);
    for _ in 0..events_len {
        let number = read_length(&mut rest, usize::MAX)?;
        let (mut event, tail) = postcard::take_from_bytes::<E>(rest)
            .map_err(|_| SegmentError::Damaged("an event can't be read"))?;
        rest = tail;
        if let Some(place) = number.checked_sub(1) {
            let payload =
                payloads.get(place).ok_or(SegmentError::Damaged("a payload is missing"))?;
            event.set_payload(payload.clone());
        }
        events.push(event);
    }
    if rest.is_empty() {
        Ok((at, events))
    } else {
        Err(SegmentError::Damaged("bytes follow its end"))
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(rest: &mut &[u8]) -> Result<u64, SegmentError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(SegmentError::Damaged("a number is cut"))?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(SegmentError::Damaged("a number is too long"))
}

/// A count or length; none can exceed the segment's own size.
fn read_length(rest: &mut &[u8], most: usize) -> Result<usize, SegmentError> {
    let value = read_varint(rest)?;
    usize::try_from(value)
        .ok()
        .filter(|length| *length <= most)
        .ok_or(SegmentError::Damaged("a length exceeds the segment"))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Step {
        number: u32,
        #[serde(skip)]
        payload: Option<Payload>,
    }

    impl Journaled for Step {
        const VERSION: u8 = 1;
        fn payload(&self) -> Option<&Payload> {
            self.payload.as_ref()
        }
        fn set_payload(&mut self, payload: Payload) {
            self.payload = Some(payload);
        }
    }

    fn steps(texts: &[Option<&str>]) -> Vec<Step> {
        let step = |(number, text): (usize, &Option<&str>)| Step {
            number: number as u32,
            payload: text.map(Payload::new),
        };
        texts.iter().enumerate().map(step).collect()
    }

    #[test]
    fn a_segment_reads_back_as_written() {
        for texts in [&[][..], &[None], &[Some("{}"), Some("{}"), None, Some("[1]"), Some("{}")]] {
            let at = Timestamp(1_767_225_600_123);
            let bytes = encode(at, &steps(texts)).unwrap();
            assert_eq!(decode::<Step>(&bytes).unwrap(), (at, steps(texts)));
            assert_eq!(taken_at::<Step>(&bytes).unwrap(), at);
        }
    }

    #[test]
    fn a_payload_that_repeats_is_stored_once() {
        let long = "x".repeat(1000);
        let once = encode(Timestamp(0), &steps(&[Some(long.as_str())])).unwrap().len();
        let often = encode(Timestamp(0), &steps(&[Some(long.as_str()); 20])).unwrap().len();
        assert!(often < once + 60, "{often} bytes for twenty, {once} for one");
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_an_error_or_a_segment_but_no_panic() {
        let bytes = encode(Timestamp(-5), &steps(&[Some("{}"), None, Some("[1,2]")])).unwrap();
        for end in 0..bytes.len() {
            assert!(decode::<Step>(&bytes[..end]).is_err(), "cut at {end}");
        }
        for place in 0..bytes.len() {
            for value in 0..=255 {
                let mut other = bytes.clone();
                other[place] = value;
                let _ignored = decode::<Step>(&other);
            }
        }
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let mut bytes = encode(Timestamp(0), &steps(&[None])).unwrap();
        bytes[0] = 9;
        assert_eq!(decode::<Step>(&bytes), Err(SegmentError::Version { found: 9, known: 1 }));
    }
}
