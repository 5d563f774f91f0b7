//! Limits, each with AWS's own quota.

/// Events of one execution's history; AWS: 25,000.
pub const EVENTS_MAX: u32 = 25_000;
/// Events of one Express execution; AWS has no such quota, but an endless loop has to end.
pub const EXPRESS_EVENTS_MAX: u32 = 250_000;
/// Bytes of UTF-8 of a state's input or output; AWS: 256 KiB.
pub const PAYLOAD_BYTES_MAX: usize = 262_144;
/// Characters of an error name; AWS: 256.
pub const ERROR_LENGTH_MAX: usize = 256;
/// Characters of a cause; AWS: 32,768.
pub const CAUSE_LENGTH_MAX: usize = 32_768;
/// Seconds that an Express workflow may run; AWS: 5 minutes.
pub const EXPRESS_SECONDS_MAX: u64 = 300;
