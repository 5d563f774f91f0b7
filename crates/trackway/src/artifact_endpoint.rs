//! A small S3: the artifacts that lie here, for workers and functions that read and write them with
//! a client of S3 whose endpoint is this server.
//!
//! It has GET, HEAD and PUT of objects, in the buckets that are some pipeline's artifact store, by
//! path or by virtual host (`BUCKET.localhost`). Whatever else is asked of S3 answers 501.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use trackway_actions::artifact::{ArtifactError, Artifacts, Held, Place};
use trackway_api::{Api, unescaped};

/// Bytes that one answer holds; more is asked for in ranges.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// An error of S3's: status, code, message.
struct Refusal(StatusCode, &'static str, String);

impl Refusal {
    fn missing(key: &str) -> Self {
        let message = format!("The specified key does not exist: {key}");
        Self(StatusCode::NOT_FOUND, "NoSuchKey", message)
    }

    fn not_built(what: &str) -> Self {
        let message = format!(
            "{what} is not built here: this endpoint gets and puts objects of pipelines' artifact stores"
        );
        Self(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }
}

impl From<ArtifactError> for Refusal {
    fn from(error: ArtifactError) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", error.message)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", error.to_string())
    }
}

/// The endpoint.
pub(crate) struct ArtifactEndpoint {
    api: Arc<Api>,
    artifacts: Artifacts,
}

impl ArtifactEndpoint {
    pub(crate) fn new(api: Arc<Api>, artifacts: Artifacts) -> Self {
        Self { api, artifacts }
    }

    /// Answers a request that is signed for S3; none if it is not.
    pub(crate) async fn answer(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        if !self.api.is_signed_for_s3(request) {
            return None;
        }
        Some(self.serve(request).await.unwrap_or_else(|why| refused(&why)))
    }

    async fn serve(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        let headers = request.headers();
        let query = request.uri().query().unwrap_or_default();
        self.api.admit_to_artifacts(request).map_err(|failure| match &*failure.code {
            "NotImplemented" => Refusal::not_built(&failure.message.unwrap_or_default()),
            "XAmzContentSHA256Mismatch" => {
                let message = failure.message.unwrap_or_default();
                Refusal(StatusCode::BAD_REQUEST, "XAmzContentSHA256Mismatch", message)
            }
            _ => {
                let message = failure.message.unwrap_or_default();
                Refusal(StatusCode::FORBIDDEN, "AccessDenied", message)
            }
        })?;
        let (bucket, key) = place(request);
        let is_store = self.api.is_artifact_store(&bucket).await;
        let is_store = is_store.map_err(|fault| {
            Refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", fault.to_string())
        })?;
        if bucket.is_empty() || !is_store {
            return Err(Refusal::not_built(&format!("the bucket {bucket:?}")));
        }
        let sub = query.split('&').find(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !name.is_empty() && !name.starts_with("X-Amz-") && name != "x-id"
        });
        if let Some(sub) = sub {
            return Err(Refusal::not_built(&format!("{} ?{sub}", request.method())));
        }
        match *request.method() {
            Method::HEAD if key.is_empty() => Ok(Response::new(Bytes::new())),
            Method::GET | Method::HEAD if !key.is_empty() => self.get(&bucket, &key, request).await,
            Method::PUT if !key.is_empty() && !headers.contains_key("x-amz-copy-source") => {
                self.put(&bucket, &key, request).await
            }
            _ => Err(Refusal::not_built(request.method().as_str())),
        }
    }

    async fn get(
        &self,
        bucket: &str,
        key: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refusal> {
        let held = self.artifacts.held(bucket, key).await?;
        let Some(held) = held else { return Err(Refusal::missing(key)) };
        let Place::Local { object, size } = held.place.clone() else {
            return Err(Refusal::missing(&format!("{key} (it lies in S3 itself)")));
        };
        let range = match text(request.headers(), "range").map(|range| read_range(range, size)) {
            Some(Asked::Part(from, to)) => Some((from, to)),
            Some(Asked::Nothing) => {
                let message = "The requested range is not satisfiable".to_owned();
                return Err(Refusal(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message));
            }
            Some(Asked::Whole) | None => None,
        };
        let (from, to) = range.unwrap_or((0, size));
        let mut response = Response::new(Bytes::new());
        if request.method() == Method::GET {
            if to - from > ANSWER_BYTES_MAX {
                let message = format!("ask for at most {ANSWER_BYTES_MAX} bytes at once, by Range");
                return Err(Refusal(StatusCode::BAD_REQUEST, "EntityTooLarge", message));
            }
            *response.body_mut() = self.read(&held, from, to - from).await?;
        }
        if range.is_some() {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, "content-range", &format!("bytes {from}-{}/{size}", to - 1));
        }
        set(&mut response, "etag", &etag(&object));
        set(&mut response, "accept-ranges", "bytes");
        set(&mut response, "content-type", "application/zip");
        if request.method() == Method::HEAD {
            set(&mut response, "content-length", &(to - from).to_string());
        }
        set(&mut response, "last-modified", &held.last_modified());
        Ok(response)
    }

    async fn read(&self, held: &Held, from: u64, length: u64) -> Result<Bytes, Refusal> {
        let mut file = self.artifacts.open(held)?;
        let read = move || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(from))?;
            file.take(length).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)??;
        Ok(bytes.into())
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, Refusal> {
        let headers = request.headers();
        let is_chunked = text(headers, "content-encoding")
            .is_some_and(|encoding| encoding.split(',').any(|one| one.trim() == "aws-chunked"));
        let body = if is_chunked {
            unchunked(request.body()).ok_or_else(|| {
                let message = "The aws-chunked body can't be read.".to_owned();
                Refusal(StatusCode::BAD_REQUEST, "IncompleteBody", message)
            })?
        } else {
            request.body().clone()
        };
        let artifacts = self.artifacts.clone();
        let write = move || -> Result<_, Refusal> {
            let mut file = artifacts.work_file()?;
            file.write_all(&body)?;
            Ok(file)
        };
        let file = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other)??;
        self.artifacts.keep(bucket, key, file.path()).await?;
        let mut response = Response::new(Bytes::new());
        let held = self.artifacts.held(bucket, key).await?;
        if let Some(Held { place: Place::Local { object, .. }, .. }) = held {
            set(&mut response, "etag", &etag(&object));
        }
        Ok(response)
    }
}

/// Bucket and key of a request, by path or by virtual host.
fn place(request: &Request<Bytes>) -> (String, String) {
    let host = text(request.headers(), "host").unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let path = request.uri().path().trim_start_matches('/');
    let bucket = host.strip_suffix(".localhost").map(|bucket| bucket.trim_end_matches(".s3"));
    match bucket.filter(|bucket| !bucket.is_empty() && *bucket != "s3") {
        Some(bucket) => (bucket.to_owned(), unescaped(path)),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (unescaped(bucket), unescaped(key))
        }
    }
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// From where to before where.
    Part(u64, u64),
    /// What is not there.
    Nothing,
    /// It is none that is known, and such a one counts for nothing.
    Whole,
}

/// `bytes=A-B`, `bytes=A-`, `bytes=-N`.
fn read_range(text: &str, size: u64) -> Asked {
    let bounds = || {
        let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
        Some(match (from, to) {
            ("", last) => (size.saturating_sub(last.parse().ok()?), size),
            (from, "") => (from.parse().ok()?, size),
            (from, to) => {
                let (from, to): (u64, u64) = (from.parse().ok()?, to.parse().ok()?);
                (from, (from <= to).then(|| to.saturating_add(1).min(size))?)
            }
        })
    };
    match bounds() {
        Some((from, to)) if from < to => Asked::Part(from, to),
        Some(_) => Asked::Nothing,
        None => Asked::Whole,
    }
}

/// The content of an aws-chunked body: `SIZE[;EXTENSION]\r\nBYTES\r\n…0\r\nTRAILERS`.
fn unchunked(body: &[u8]) -> Option<Bytes> {
    let mut whole = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = rest.get(end + 2..)?;
        if size == 0 {
            return Some(whole.into());
        }
        whole.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

fn etag(object: &str) -> String {
    format!("\"{}\"", object.get(..32).unwrap_or(object))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn set(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// An error in S3's form.
fn refused(Refusal(status, code, message): &Refusal) -> Response<Bytes> {
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = *status;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, xml);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_in_the_path_or_in_the_host() {
        for (host, path, bucket, key) in [
            ("127.0.0.1:1", "/b/k/e%20y", "b", "k/e y"),
            ("b.localhost:1", "/k/e", "b", "k/e"),
            ("b.s3.localhost", "/k", "b", "k"),
            ("s3.localhost", "/b/k", "b", "k"),
            ("localhost", "/b", "b", ""),
            ("localhost", "/", "", ""),
        ] {
            let request = Request::get(path).header("host", host).body(Bytes::new()).unwrap();
            assert_eq!(place(&request), (bucket.to_owned(), key.to_owned()), "{host} {path}");
        }
    }

    #[test]
    fn a_range_is_cut_to_what_there_is_or_refused() {
        for (text, expected) in [
            ("bytes=0-9", Asked::Part(0, 10)),
            ("bytes=90-200", Asked::Part(90, 100)),
            ("bytes=95-", Asked::Part(95, 100)),
            ("bytes=-5", Asked::Part(95, 100)),
            ("bytes=-500", Asked::Part(0, 100)),
            ("bytes=100-", Asked::Nothing),
            ("bytes=100-200", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("lines=1-2", Asked::Whole),
        ] {
            assert_eq!(read_range(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn a_chunked_body_is_put_together() {
        let body =
            b"3;chunk-signature=x\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        assert_eq!(unchunked(body).as_deref(), Some(&b"abcde"[..]));
        for body in
            ["", "3\r\nab", "x\r\nab\r\n", "ffffffffffffffff\r\nab\r\n", "3\r\nabcd\r\n0\r\n"]
        {
            assert_eq!(unchunked(body.as_bytes()), None, "{body:?}");
        }
    }
}
