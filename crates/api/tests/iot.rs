//! IoT as a client sees it: the API on an engine in memory, called by operation name with what boto3
//! would take.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "iot/house.rs"]
mod house;
#[path = "iot/mitigation.rs"]
mod mitigation;
#[path = "iot/things.rs"]
mod things;
