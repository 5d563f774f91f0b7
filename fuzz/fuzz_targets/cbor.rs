//! The CBOR reader: no input makes it panic, and what it reads it writes and reads again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trackway_wire::codec::cbor::fuzz(bytes));
