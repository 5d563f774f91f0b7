//! DescribeEndpoint and what else is asked about the account.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::refusal::{Code, Refusal};
use super::{Answer, Group};
use crate::Caller;
use crate::answer::{read, write};
use crate::refusal::ErrorCode as _;

/// Characters of the account's part of an address, as in AWS's addresses.
const PREFIX_CHARACTERS: usize = 14;
/// What they are taken from.
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["DescribeEndpoint"],
    call: |_, operation, caller, input| Box::pin(call(operation, caller, input)),
};

async fn call(operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DescribeEndpoint" => describe_endpoint(caller, &read(input)?),
        other => Err(super::listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeEndpoint {
    endpoint_type: Option<String>,
}

/// An address in AWS's form, the same for ever in an account and region. Nothing listens there:
/// there is no MQTT here.
fn describe_endpoint(caller: &Caller, request: &DescribeEndpoint) -> Answer {
    let (prefix, region) = (prefix(caller), &caller.region);
    let address = match request.endpoint_type.as_deref().unwrap_or("iot:Data") {
        "iot:Data" => format!("{prefix}.iot.{region}.amazonaws.com"),
        "iot:Data-ATS" => format!("{prefix}-ats.iot.{region}.amazonaws.com"),
        "iot:CredentialProvider" => format!("{prefix}.credentials.iot.{region}.amazonaws.com"),
        "iot:Jobs" => format!("{prefix}.jobs.iot.{region}.amazonaws.com"),
        other => {
            // AWS's words are not known; these are ours.
            let message = format!("Endpoint type {other} is not supported");
            return Err(Refusal::new(Code::VALIDATION, message).into());
        }
    };
    write(&json!({ "endpointAddress": address }))
}

/// `a` and 13 letters and digits that follow from account and region.
fn prefix(caller: &Caller) -> String {
    let digest = Sha256::digest(caller.scope.as_bytes());
    let letters =
        digest.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    std::iter::once('a').chain(letters).take(PREFIX_CHARACTERS).collect()
}
