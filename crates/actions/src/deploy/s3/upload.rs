//! Into a bucket of S3.

use serde_json::{Value, json};

use super::{Object, content_type};
use crate::elsewhere::Failure;
use crate::runners::Run;

/// The access control lists that S3 has by name.
const CANNED: [&str; 8] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
];

/// Puts all objects, one after the other.
pub(super) async fn deploy(run: &Run, bucket: &str, objects: &[Object]) -> Result<(), Failure> {
    let common = common(run, bucket)?;
    let service = run.service("s3");
    for Object { key, file } in objects {
        let mut input = common.clone();
        input["Key"] = key.as_str().into();
        input["ContentType"] = content_type::of(key).into();
        service.object(input).put(file).await.map_err(|trouble| {
            let failure = Failure::from(trouble);
            let message =
                format!("could not deploy {key} to the bucket {bucket}: {}", failure.message);
            Failure { message, ..failure }
        })?;
    }
    Ok(())
}

/// What all objects have in common.
fn common(run: &Run, bucket: &str) -> Result<Value, Failure> {
    let mut input = json!({ "Bucket": bucket });
    if let Some(acl) = run.setting("CannedACL") {
        if !CANNED.contains(&acl) {
            return Err(Failure::configuration(format!(
                "CannedACL is {acl:?}, which S3 does not have."
            )));
        }
        input["ACL"] = acl.into();
    }
    if let Some(cache) = run.setting("CacheControl") {
        input["CacheControl"] = cache.into();
    }
    if let Some(key) = run.setting("KMSEncryptionKeyARN") {
        input["ServerSideEncryption"] = "aws:kms".into();
        input["SSEKMSKeyId"] = key.into();
    }
    Ok(input)
}
