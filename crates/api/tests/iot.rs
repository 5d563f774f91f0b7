//! IoT as a client sees it: the API on an engine in memory, called by operation name with what boto3
//! would take.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "iot/audits.rs"]
mod audits;
#[path = "iot/ca_certificates.rs"]
mod ca_certificates;
#[path = "iot/certificates.rs"]
mod certificates;
#[path = "iot/house.rs"]
mod house;
#[path = "iot/naive.rs"]
mod naive;
#[path = "iot/scheduled_audits.rs"]
mod scheduled_audits;
#[path = "iot/suppressions.rs"]
mod suppressions;
#[path = "iot/things.rs"]
mod things;
