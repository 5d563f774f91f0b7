//! An artifact in the pipeline's own bucket in S3, moved in parts.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trackway_performers::aws::{AwsCall, AwsCaller, AwsError, Blobs, Origin, Scope};
use trackway_pipeline::request::Artifact;

use super::{ArtifactError, told};

/// Bytes that are moved by one call: what the caller reads of an answer at most. S3 takes parts
/// from 5 MiB on.
pub(crate) const PART_BYTES: u64 = 8 * 1024 * 1024;

/// One artifact in S3.
pub(super) struct Bucket<'a> {
    pub(super) caller: &'a AwsCaller,
    pub(super) scope: &'a Scope,
    pub(super) artifact: &'a Artifact,
}

/// What is there.
pub(super) struct Head {
    pub(super) etag: String,
    size: u64,
}

/// What an endpoint of artifacts answers to HeadBucket as `x-amz-bucket-location-name`, which a
/// bucket in S3 proper hasn't got.
pub const OURS: &str = "trackway";

impl Bucket<'_> {
    /// Whether the bucket is there for us. A bucket of somebody else's is not.
    pub(super) async fn is_there(&self) -> Result<bool, ArtifactError> {
        let Artifact { bucket, .. } = self.artifact;
        match self.call("HeadBucket", json!({ "Bucket": bucket })).await {
            // The endpoint is this server, or another one: what it has are artifacts as they lie here.
            Ok(found) => Ok(found["BucketLocationName"] != OURS),
            Err(error) if error.origin != Origin::Transport => Ok(false),
            Err(error) => Err(ArtifactError::new(format!(
                "could not ask whether the artifact bucket {bucket} is in S3: {}. Artifacts lie here with artifacts = \"local\" under [pipeline] in trackway.toml",
                told(&error)
            ))),
        }
    }

    pub(super) async fn head(&self) -> Result<Head, ArtifactError> {
        let head = self.call("HeadObject", self.key()).await.map_err(|error| {
            match error.status == 404 || error.code == "NoCredentialsError" {
                true => ArtifactError::missing(self.artifact),
                false => ArtifactError::aws(self.artifact, "read", &error),
            }
        })?;
        let etag = head["ETag"].as_str().unwrap_or_default().to_owned();
        Ok(Head { etag, size: head["ContentLength"].as_u64().unwrap_or_default() })
    }

    /// Fetches the object that has this head.
    pub(super) async fn get(&self, head: &Head, to: &Path) -> Result<(), ArtifactError> {
        let object = Object::new(self.caller, self.asked("", self.key()));
        object.get(head.size, &head.etag, to).await.map_err(|why| match why {
            Trouble::Aws(error) => ArtifactError::aws(self.artifact, "read", &error),
            Trouble::Local(why) => ArtifactError::of(self.artifact, "read", why),
        })
    }

    /// Puts a file there: in one call if it is small.
    pub(super) async fn put(&self, file: &Path) -> Result<(), ArtifactError> {
        let mut input = self.key();
        if let Some(key) = &self.artifact.encryption_key {
            input["ServerSideEncryption"] = "aws:kms".into();
            input["SSEKMSKeyId"] = key.as_str().into();
        }
        let object = Object::new(self.caller, self.asked("", input));
        object.put(file).await.map_err(|why| match why {
            Trouble::Aws(error) => ArtifactError::aws(self.artifact, "write", &error),
            Trouble::Local(why) => ArtifactError::of(self.artifact, "write", why),
        })
    }

    fn key(&self) -> Value {
        json!({ "Bucket": self.artifact.bucket, "Key": self.artifact.key })
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.caller.call(&self.asked(operation, input)).await
    }

    fn asked(&self, operation: &str, input: Value) -> AwsCall {
        AwsCall::new("s3", operation, input, self.scope.clone())
    }
}

/// Why an object was not moved.
pub(crate) enum Trouble {
    /// S3, or the way there.
    Aws(Box<AwsError>),
    /// The file here.
    Local(String),
}

impl From<AwsError> for Trouble {
    fn from(error: AwsError) -> Self {
        Self::Aws(Box::new(error))
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Local(error.to_string())
    }
}

/// An object of S3, moved in parts.
pub(crate) struct Object<'a> {
    caller: &'a AwsCaller,
    /// What its calls have in common.
    call: AwsCall,
}

impl<'a> Object<'a> {
    /// One that is called for like this: the input has `Bucket`, `Key`, and what else the call that
    /// begins is to say; which operation that is does not matter.
    pub(crate) fn new(caller: &'a AwsCaller, call: AwsCall) -> Self {
        Self { caller, call: AwsCall { blobs_in: Blobs::Base64, key: None, ..call } }
    }

    /// Fetches an object of this size and ETag, in parts; another that takes its place meanwhile
    /// is not mixed in.
    pub(crate) async fn get(&self, size: u64, etag: &str, to: &Path) -> Result<(), Trouble> {
        let mut file = tokio::fs::File::create(to).await?;
        let mut from = 0;
        while from < size {
            let mut input = self.call.input.clone();
            let last = (from + PART_BYTES).min(size) - 1;
            input["Range"] = format!("bytes={from}-{last}").into();
            if !etag.is_empty() {
                input["IfMatch"] = etag.into();
            }
            let answer = self.call("GetObject", input).await?;
            let body = answer["Body"].as_str().unwrap_or_default();
            let body = STANDARD.decode(body).map_err(|error| Trouble::Local(error.to_string()))?;
            if body.len() as u64 != last + 1 - from {
                return Err(Trouble::Local("S3 answered with another part of it".to_owned()));
            }
            file.write_all(&body).await?;
            from = last + 1;
        }
        file.flush().await?;
        Ok(())
    }

    /// Puts a file there.
    pub(crate) async fn put(&self, file: &Path) -> Result<(), Trouble> {
        let mut file = tokio::fs::File::open(file).await?;
        if file.metadata().await?.len() <= PART_BYTES {
            let mut input = self.call.input.clone();
            input["Body"] = part(&mut file).await?.into();
            self.call("PutObject", input).await?;
            return Ok(());
        }
        let upload = self.call("CreateMultipartUpload", self.call.input.clone()).await?;
        let upload = upload["UploadId"].clone();
        let put = self.put_parts(&mut file, &upload).await;
        if put.is_err() {
            // What was uploaded would be paid for, but why it failed matters more.
            let _kept = self.call("AbortMultipartUpload", self.place(&upload)).await;
        }
        put
    }

    async fn put_parts(&self, file: &mut tokio::fs::File, upload: &Value) -> Result<(), Trouble> {
        let parts = self.parts(file, upload).await?;
        let mut input = self.place(upload);
        input["MultipartUpload"] = json!({ "Parts": parts });
        self.call("CompleteMultipartUpload", input).await?;
        Ok(())
    }

    async fn parts(
        &self,
        file: &mut tokio::fs::File,
        upload: &Value,
    ) -> Result<Vec<Value>, Trouble> {
        let mut parts = Vec::new();
        loop {
            let body = part(file).await?;
            if body.is_empty() {
                return Ok(parts);
            }
            let number = parts.len() + 1;
            let mut input = self.place(upload);
            input["PartNumber"] = number.into();
            input["Body"] = body.into();
            let answer = self.call("UploadPart", input).await?;
            parts.push(json!({ "PartNumber": number, "ETag": answer["ETag"] }));
        }
    }

    fn place(&self, upload: &Value) -> Value {
        let input = &self.call.input;
        json!({ "Bucket": input["Bucket"], "Key": input["Key"], "UploadId": upload })
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, AwsError> {
        let operation = operation.to_owned();
        self.caller.call(&AwsCall { operation, input, ..self.call.clone() }).await
    }
}

/// The next part of a file in base64; empty at its end.
async fn part(file: &mut tokio::fs::File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.take(PART_BYTES).read_to_end(&mut bytes).await?;
    Ok(STANDARD.encode(bytes))
}
