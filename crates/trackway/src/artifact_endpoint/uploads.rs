//! Uploads in parts, as clients of S3 send what is large. They are kept in files and forgotten when
//! the server stops: the client begins anew.

use std::collections::{BTreeMap, HashMap};
use std::io::{Seek as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use trackway_actions::artifact::{Artifacts, Held, Place, hex};

use super::{Refusal, etag, set};

/// Uploads at once; one that began long ago makes room for another.
const UPLOADS_MAX: usize = 1000;
/// How long an upload stays that nobody goes on with.
const IDLE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Parts of one upload.
const PARTS_MAX: u32 = 10_000;
/// Bytes of every part but the last one. Source: "Amazon S3 multipart upload limits".
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// Bytes of all parts together, as AWS limits an artifact.
const UPLOAD_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// An upload by its id, and what it is of: bucket and key.
type Named<'a> = (&'a str, &'a str, &'a str);

/// The uploads that have begun.
#[derive(Default)]
pub(super) struct Uploads(Mutex<HashMap<String, Upload>>);

struct Upload {
    bucket: String,
    key: String,
    parts: BTreeMap<u32, Part>,
    touched: Instant,
}

struct Part {
    file: NamedTempFile,
    size: u64,
    etag: String,
}

impl Uploads {
    /// CreateMultipartUpload.
    pub(super) fn begin(&self, bucket: &str, key: &str) -> Result<Response<Bytes>, Refusal> {
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
        let id = hex(&random);
        let (touched, parts) = (Instant::now(), BTreeMap::new());
        let upload = Upload { bucket: bucket.to_owned(), key: key.to_owned(), parts, touched };
        let mut all = self.all();
        all.retain(|_, upload| upload.touched.elapsed() < IDLE_MAX);
        if all.len() >= UPLOADS_MAX {
            let message = "Too many uploads have begun and not ended.".to_owned();
            return Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", message));
        }
        all.insert(id.clone(), upload);
        let told = named(bucket, key);
        Ok(xml("InitiateMultipartUploadResult", &format!("{told}<UploadId>{id}</UploadId>")))
    }

    /// UploadPart. A part that is there already is replaced.
    pub(super) async fn part(
        &self,
        artifacts: &Artifacts,
        of: Named<'_>,
        number: &str,
        content: &Bytes,
    ) -> Result<Response<Bytes>, Refusal> {
        let number = number.parse().ok().filter(|number| (1..=PARTS_MAX).contains(number));
        let Some(number) = number else {
            let message = format!("Part number must be an integer between 1 and {PARTS_MAX}");
            return Err(Refusal(StatusCode::BAD_REQUEST, "InvalidArgument", message));
        };
        find(&mut self.all(), of)?;
        let (file, content) = (artifacts.work_file()?, content.clone());
        let written = move || -> std::io::Result<Part> {
            let mut file = file;
            file.write_all(&content)?;
            let etag = etag(&hex(&Sha256::digest(&content)));
            Ok(Part { file, size: content.len() as u64, etag })
        };
        let part = blocking(written).await??;
        let etag = part.etag.clone();
        let mut all = self.all();
        let upload = find(&mut all, of)?;
        let others = upload.parts.iter().filter(|(other, _)| **other != number);
        if others.map(|(_, part)| part.size).sum::<u64>() + part.size > UPLOAD_BYTES_MAX {
            let message = format!("an artifact has at most {UPLOAD_BYTES_MAX} bytes");
            return Err(Refusal(StatusCode::BAD_REQUEST, "EntityTooLarge", message));
        }
        upload.parts.insert(number, part);
        let mut response = Response::new(Bytes::new());
        set(&mut response, "etag", &etag);
        Ok(response)
    }

    /// CompleteMultipartUpload: the parts that the body names, one after another.
    pub(super) async fn complete(
        &self,
        artifacts: &Artifacts,
        of: Named<'_>,
        body: &[u8],
    ) -> Result<Response<Bytes>, Refusal> {
        let wanted = read_parts(body).ok_or_else(|| {
            let message = "The XML you provided was not well-formed".to_owned();
            Refusal(StatusCode::BAD_REQUEST, "MalformedXML", message)
        })?;
        let (id, bucket, key) = of;
        let upload = {
            let mut all = self.all();
            check(find(&mut all, of)?, &wanted)?;
            all.remove(id).ok_or_else(no_upload)?
        };
        let mut whole = artifacts.work_file()?;
        let joined = move || -> std::io::Result<NamedTempFile> {
            let mut parts = upload.parts;
            for (number, _) in wanted {
                let Some(part) = parts.get_mut(&number) else { continue };
                part.file.as_file_mut().rewind()?;
                std::io::copy(part.file.as_file_mut(), whole.as_file_mut())?;
            }
            Ok(whole)
        };
        let whole = blocking(joined).await??;
        artifacts.keep(bucket, key, whole.path()).await?;
        let mut told = named(bucket, key);
        let held = artifacts.held(bucket, key).await?;
        if let Some(Held { place: Place::Local { object, .. }, .. }) = held {
            told.push_str(&format!("<ETag>{}</ETag>", escaped(&etag(&object))));
        }
        Ok(xml("CompleteMultipartUploadResult", &told))
    }

    /// AbortMultipartUpload.
    pub(super) fn abort(&self, of: Named<'_>) -> Result<Response<Bytes>, Refusal> {
        let mut all = self.all();
        find(&mut all, of)?;
        all.remove(of.0);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The upload of this id, if it is of this key.
fn find<'a>(
    all: &'a mut HashMap<String, Upload>,
    (id, bucket, key): Named<'_>,
) -> Result<&'a mut Upload, Refusal> {
    let upload = all.get_mut(id).filter(|upload| upload.bucket == bucket && upload.key == key);
    let upload = upload.ok_or_else(no_upload)?;
    upload.touched = Instant::now();
    Ok(upload)
}

fn no_upload() -> Refusal {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    Refusal(StatusCode::NOT_FOUND, "NoSuchUpload", message.to_owned())
}

/// Whether these parts can be put together.
fn check(upload: &Upload, wanted: &[(u32, String)]) -> Result<(), Refusal> {
    let bad = |code, message: &str| Refusal(StatusCode::BAD_REQUEST, code, message.to_owned());
    if !wanted.is_sorted_by(|(one, _), (next, _)| one < next) {
        let message = "The list of parts was not in ascending order.";
        return Err(bad("InvalidPartOrder", message));
    }
    for (place, (number, etag)) in wanted.iter().enumerate() {
        let part = upload.parts.get(number);
        let part = part.filter(|part| part.etag.trim_matches('"') == etag).ok_or_else(|| {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
            bad("InvalidPart", message)
        })?;
        if part.size < PART_BYTES_MIN && place + 1 < wanted.len() {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(bad("EntityTooSmall", message));
        }
    }
    Ok(())
}

/// Number and ETag of each part of a `CompleteMultipartUpload`; there is at least one.
fn read_parts(body: &[u8]) -> Option<Vec<(u32, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let within = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once(&format!("</{name}>"))?;
        Some(inside.trim().to_owned())
    };
    let mut parts = Vec::new();
    for part in text.split("<Part>").skip(1) {
        let (part, _) = part.split_once("</Part>")?;
        let etag = within(part, "ETag")?.replace("&quot;", "\"").replace("&#34;", "\"");
        parts.push((within(part, "PartNumber")?.parse().ok()?, etag.trim_matches('"').to_owned()));
    }
    (!parts.is_empty() && parts.len() <= PARTS_MAX as usize).then_some(parts)
}

fn named(bucket: &str, key: &str) -> String {
    format!("<Bucket>{}</Bucket><Key>{}</Key>", escaped(bucket), escaped(key))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn xml(name: &str, inside: &str) -> Response<Bytes> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</{name}>"
    );
    let mut response = Response::new(Bytes::from(body));
    let kind = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_completion_are_read_in_any_form_that_clients_write() {
        let body = "<?xml version=\"1.0\"?><CompleteMultipartUpload xmlns=\"x\">\n<Part><ETag>&quot;ab&quot;</ETag><PartNumber>1</PartNumber></Part><Part>\n  <PartNumber>2</PartNumber><ETag>\"cd\"</ETag><ChecksumCRC32>x</ChecksumCRC32></Part></CompleteMultipartUpload>";
        let parts = read_parts(body.as_bytes()).unwrap();
        assert_eq!(parts, [(1, "ab".to_owned()), (2, "cd".to_owned())]);
        for body in
            ["", "<CompleteMultipartUpload/>", "<Part><PartNumber>x</PartNumber></Part>", "<Part>"]
        {
            assert_eq!(read_parts(body.as_bytes()), None, "{body}");
        }
        assert_eq!(read_parts(b"\xff"), None);
    }
}
