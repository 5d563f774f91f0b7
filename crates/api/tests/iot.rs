//! IoT as a client sees it: the API on an engine in memory, called by operation name with what boto3
//! would take.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::too_many_lines, reason = "a table is as long as it is")]

#[path = "iot/audits.rs"]
mod audits;
#[path = "iot/ca_certificates.rs"]
mod ca_certificates;
#[path = "iot/certificates.rs"]
mod certificates;
#[path = "iot/detect.rs"]
mod detect;
#[path = "iot/groups.rs"]
mod groups;
#[path = "iot/house.rs"]
mod house;
#[path = "iot/logging.rs"]
mod logging;
#[path = "iot/mitigation.rs"]
mod mitigation;
#[path = "iot/naive.rs"]
mod naive;
#[path = "iot/policies.rs"]
mod policies;
#[path = "iot/principals.rs"]
mod principals;
#[path = "iot/scheduled_audits.rs"]
mod scheduled_audits;
#[path = "iot/suppressions.rs"]
mod suppressions;
#[path = "iot/tags.rs"]
mod tags;
#[path = "lists/tape.rs"]
#[expect(dead_code, reason = "the lists use the rest of it")]
mod tape;
#[path = "iot/things.rs"]
mod things;
