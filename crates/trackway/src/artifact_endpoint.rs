//! A small S3: the artifacts that lie here, for workers and functions that read and write them with
//! a client of S3 whose endpoint is this server.
//!
//! It has GET, HEAD and PUT of objects, also in parts, in the buckets that are some pipeline's
//! artifact store, by path or by virtual host (`BUCKET.localhost`). Whatever else is asked of S3
//! answers 501. A job's credentials open the artifacts of the job, until it ends.

mod uploads;

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use trackway_actions::artifact::{ArtifactError, Artifacts, Held, OURS, Place};
use trackway_api::codepipeline::ArtifactCaller;
use trackway_api::{Api, unescaped};
use trackway_engine::Fault;

use uploads::Uploads;

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

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", fault.to_string())
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
    uploads: Uploads,
}

impl ArtifactEndpoint {
    pub(crate) fn new(api: Arc<Api>, artifacts: Artifacts) -> Self {
        Self { api, artifacts, uploads: Uploads::default() }
    }

    /// Answers a request whose body is over the limit; none if it is not signed for S3.
    pub(crate) fn too_large(&self, head: &http::request::Parts) -> Option<Response<Bytes>> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = head.uri.clone();
        *request.headers_mut() = head.headers.clone();
        let message = "Your proposed upload exceeds the maximum allowed size; send it in parts.";
        let why = Refusal(StatusCode::BAD_REQUEST, "EntityTooLarge", message.to_owned());
        self.api.is_signed_for_s3(&request).then(|| refused(&why))
    }

    /// Answers a request that is signed for S3; none if it is not.
    pub(crate) async fn answer(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        if !self.api.is_signed_for_s3(request) {
            return None;
        }
        Some(self.serve(request).await.unwrap_or_else(|why| refused(&why)))
    }

    async fn serve(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        let caller = self.api.admit_to_artifacts(request).map_err(|failure| {
            let message = failure.message.unwrap_or_default();
            match &*failure.code {
                "NotImplemented" => Refusal::not_built(&message),
                "XAmzContentSHA256Mismatch" => {
                    Refusal(StatusCode::BAD_REQUEST, "XAmzContentSHA256Mismatch", message)
                }
                _ => Refusal(StatusCode::FORBIDDEN, "AccessDenied", message),
            }
        })?;
        let (bucket, key) = place(request);
        if bucket.is_empty() || !self.api.is_artifact_store(&bucket).await? {
            return Err(Refusal::not_built(&format!("the bucket {bucket:?}")));
        }
        self.check_reach(&caller, (&bucket, &key), request.method()).await?;
        let asked = Asked::read(request.uri().query().unwrap_or_default());
        let (method, body) = (request.method(), request.body());
        if let Some(sub) = asked.other {
            return Err(Refusal::not_built(&format!("{method} ?{sub}")));
        }
        let is_copy = request.headers().contains_key("x-amz-copy-source");
        match (method.as_str(), asked.uploads, asked.upload, asked.part) {
            ("HEAD", false, None, None) if key.is_empty() => {
                let mut response = Response::new(Bytes::new());
                set(&mut response, "x-amz-bucket-location-name", OURS);
                Ok(response)
            }
            ("GET" | "HEAD", false, None, None) if !key.is_empty() => {
                self.get(&bucket, &key, request).await
            }
            ("PUT", false, None, None) if !key.is_empty() && !is_copy => {
                self.put(&bucket, &key, request).await
            }
            ("POST", true, None, None) if !key.is_empty() => self.uploads.begin(&bucket, &key),
            ("PUT", false, Some(upload), Some(part)) if !is_copy => {
                let content = content(request)?;
                self.uploads.part(&self.artifacts, (upload, &bucket, &key), part, &content).await
            }
            ("POST", false, Some(upload), None) => {
                self.uploads.complete(&self.artifacts, (upload, &bucket, &key), body).await
            }
            ("DELETE", false, Some(upload), None) => self.uploads.abort((upload, &bucket, &key)),
            _ => Err(Refusal::not_built(method.as_str())),
        }
    }

    /// Whether who asks may reach this key: a job's credentials are for its own artifacts, while
    /// it lasts.
    async fn check_reach(
        &self,
        caller: &ArtifactCaller,
        (bucket, key): (&str, &str),
        method: &Method,
    ) -> Result<(), Refusal> {
        let ArtifactCaller::Job(job) = caller else { return Ok(()) };
        let Some(artifacts) = self.api.artifacts_of_job(job).await? else {
            let message = "The provided token has expired: its job has ended.".to_owned();
            return Err(Refusal(StatusCode::BAD_REQUEST, "ExpiredToken", message));
        };
        let is_write = !matches!(*method, Method::GET | Method::HEAD);
        let is_open = match key {
            "" => artifacts.are_in(bucket),
            key => artifacts.open(bucket, key, is_write),
        };
        if is_open {
            return Ok(());
        }
        let message = "Access Denied: a job's credentials read the job's input artifacts, and write its output artifacts";
        Err(Refusal(StatusCode::FORBIDDEN, "AccessDenied", message.to_owned()))
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
            Some(Span::Part(from, to)) => Some((from, to)),
            Some(Span::Nothing) => {
                let message = "The requested range is not satisfiable".to_owned();
                return Err(Refusal(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", message));
            }
            Some(Span::Whole) | None => None,
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
        let body = content(request)?;
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

/// What the query of a request asks for.
#[derive(Default)]
struct Asked<'a> {
    /// `?uploads`: an upload in parts is to begin.
    uploads: bool,
    /// `uploadId`.
    upload: Option<&'a str>,
    /// `partNumber`.
    part: Option<&'a str>,
    /// Anything else, which is not built.
    other: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn read(query: &'a str) -> Self {
        let mut asked = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "" | "x-id" => {}
                name if name.starts_with("X-Amz-") => {}
                "uploads" => asked.uploads = true,
                "uploadId" => asked.upload = Some(value),
                "partNumber" => asked.part = Some(value),
                _ => asked.other = Some(pair),
            }
        }
        asked
    }
}

/// The content of a request's body, its chunks put together.
fn content(request: &Request<Bytes>) -> Result<Bytes, Refusal> {
    let is_chunked = text(request.headers(), "content-encoding")
        .is_some_and(|encoding| encoding.split(',').any(|one| one.trim() == "aws-chunked"));
    if !is_chunked {
        return Ok(request.body().clone());
    }
    unchunked(request.body()).ok_or_else(|| {
        let message = "The aws-chunked body can't be read.".to_owned();
        Refusal(StatusCode::BAD_REQUEST, "IncompleteBody", message)
    })
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
enum Span {
    /// From where to before where.
    Part(u64, u64),
    /// What is not there.
    Nothing,
    /// It is none that is known, and such a one counts for nothing.
    Whole,
}

/// `bytes=A-B`, `bytes=A-`, `bytes=-N`.
fn read_range(text: &str, size: u64) -> Span {
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
        Some((from, to)) if from < to => Span::Part(from, to),
        Some(_) => Span::Nothing,
        None => Span::Whole,
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
            ("bytes=0-9", Span::Part(0, 10)),
            ("bytes=90-200", Span::Part(90, 100)),
            ("bytes=95-", Span::Part(95, 100)),
            ("bytes=-5", Span::Part(95, 100)),
            ("bytes=-500", Span::Part(0, 100)),
            ("bytes=100-", Span::Nothing),
            ("bytes=100-200", Span::Nothing),
            ("bytes=-0", Span::Nothing),
            ("bytes=5-4", Span::Whole),
            ("bytes=0-1,5-6", Span::Whole),
            ("lines=1-2", Span::Whole),
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
