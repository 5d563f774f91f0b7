//! Requests: dispatch, decoding, constraint checks and answers. No input makes them panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trackway_wire::server::fuzz(bytes));
