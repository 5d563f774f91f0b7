//! Into a bucket of S3.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use trackway_performers::aws::Blobs;

use super::{Object, content_type};
use crate::elsewhere::{Failure, Service};
use crate::runners::Run;

/// Larger files go in parts of this many bytes. S3 takes parts from 5 MiB on.
const PART_BYTES: u64 = 8 * 1024 * 1024;

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
        put(&service, input, file).await.map_err(|failure| {
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

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::job(error.to_string())
    }
}

async fn put(service: &Service<'_>, mut input: Value, file: &Path) -> Result<(), Failure> {
    let mut file = tokio::fs::File::open(file).await?;
    if file.metadata().await?.len() <= PART_BYTES {
        input["Body"] = part(&mut file).await?.into();
        service.call_with("PutObject", input, Blobs::Base64).await?;
        return Ok(());
    }
    let mut place = json!({ "Bucket": input["Bucket"], "Key": input["Key"] });
    let upload = service.call("CreateMultipartUpload", input).await?;
    place["UploadId"] = upload["UploadId"].clone();
    match parts(service, &place, &mut file).await {
        Ok(parts) => {
            place["MultipartUpload"] = json!({ "Parts": parts });
            service.call("CompleteMultipartUpload", place).await?;
            Ok(())
        }
        Err(why) => {
            // What was uploaded would be paid for, but why it failed matters more.
            let _kept = service.call("AbortMultipartUpload", place).await;
            Err(why)
        }
    }
}

async fn parts(
    service: &Service<'_>,
    place: &Value,
    file: &mut tokio::fs::File,
) -> Result<Vec<Value>, Failure> {
    let mut parts = Vec::new();
    loop {
        let body = part(file).await?;
        if body.is_empty() {
            return Ok(parts);
        }
        let number = parts.len() + 1;
        let mut input = place.clone();
        input["PartNumber"] = number.into();
        input["Body"] = body.into();
        let answer = service.call_with("UploadPart", input, Blobs::Base64).await?;
        parts.push(json!({ "PartNumber": number, "ETag": answer["ETag"] }));
    }
}

/// The next part of a file in base64; empty at its end.
async fn part(file: &mut tokio::fs::File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut bytes).await?;
    Ok(STANDARD.encode(bytes))
}
