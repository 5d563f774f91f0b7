//! `aws:downloadContent`: files from HTTP, S3 or a document, for the steps after it.
//!
//! The server fetches; the sandbox writes. A link that an earlier step left can so lead to nowhere but the places
//! that the steps may write to anyway.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;
use trackway_runbook::plan::PlanStep;

use super::document::name_and_version;
use super::run::{Done, Place, Runner};
use super::shell::{limits, timeout};
use super::{ObjectPath, Status};
use crate::sandbox::{Cancel, Command, End, SandboxError};

/// Writes its input to a file: $1 is where, $2 the name if that is a folder.
const WRITE: &str = "file=\"$1\"; case \"$1\" in */) file=\"$1$2\";; *) [ -d \"$1\" ] && file=\"$1/$2\";; esac; mkdir -p -- \"$(dirname -- \"$file\")\" && cat > \"$file\" && chmod 755 -- \"$file\"";
/// The largest document that is read back.
const DOCUMENT_CHARS_MAX: usize = 512 * 1024;
/// Files that one step may download.
const FILES_MAX: usize = 1000;

/// A file, and what it is called below its destination.
struct File {
    name: String,
    content: Bytes,
}

/// What is downloaded: one file, or a folder of them.
struct Content {
    files: Vec<File>,
    is_folder: bool,
}

/// Fetches what a step names and writes it where it says.
pub(super) async fn run(
    runner: &Runner,
    place: &Place<'_>,
    step: &PlanStep,
    cancel: &Cancel,
) -> Done {
    let fetched = tokio::select! {
        fetched = tokio::time::timeout(timeout(step), fetch(runner, step)) => fetched,
        () = cancel.cancelled() => {
            return Done { status: Status::Cancelled, code: 1, ..Done::default() };
        }
    };
    let content = match fetched {
        Ok(Ok(content)) => content,
        Ok(Err(why)) => return Done::failed(why),
        Err(_) => return Done { status: Status::TimedOut, code: 137, ..Done::default() },
    };
    let destination = destination(place, step);
    for file in content.files {
        // A folder keeps its shape below the destination; one file may be given a name by it.
        let (to, name) = if content.is_folder {
            (format!("{}/{}", destination.trim_end_matches('/'), file.name), String::new())
        } else {
            (destination.clone(), file.name)
        };
        let arguments = ["-c", WRITE, "sh", &to, &name];
        let mut command = Command::new("/bin/sh", &arguments);
        command.input = file.content.to_vec();
        command.limits = limits(timeout(step));
        place.equip(&mut command);
        match runner.sandbox.run(command, cancel).await {
            Ok(ended) if ended.end == End::Exited(0) => {}
            Ok(ended) if ended.end == End::Cancelled => {
                return Done { status: Status::Cancelled, code: 1, ..Done::default() };
            }
            Ok(ended) => {
                let said = ended.stderr.text.trim_end();
                return Done::failed(format!("failed to write {to}: {said}"));
            }
            Err(error) => return Done::failed(format!("failed to write {to}: {error}")),
        }
    }
    Done::said(format!("Content downloaded to {destination}"))
}

/// Reads a file back as an earlier step left it.
pub(super) async fn read(
    runner: &Runner,
    place: &Place<'_>,
    path: &str,
    cancel: &Cancel,
) -> Result<String, String> {
    let path = place.downloads().join(path);
    let mut command = Command::new("/bin/cat", &["--", &path.to_string_lossy()]);
    command.limits = limits(std::time::Duration::from_secs(60));
    command.limits.stdout_chars = DOCUMENT_CHARS_MAX;
    place.equip(&mut command);
    let failed = |why: &str| format!("could not read {}: {why}", path.display());
    let ended = runner.sandbox.run(command, cancel).await;
    let ended = ended.map_err(|error: SandboxError| failed(&error.to_string()))?;
    match ended.end {
        End::Exited(0) if ended.stdout.is_truncated() => Err(failed("it is too large")),
        End::Exited(0) if ended.stdout.text.trim().is_empty() => Err("File is empty!".to_owned()),
        End::Exited(0) => Ok(ended.stdout.text),
        _ => Err(failed(ended.stderr.text.trim_end())),
    }
}

/// Where a file goes, as it is seen inside; relative is below the downloads.
fn destination(place: &Place<'_>, step: &PlanStep) -> String {
    let given = step.inputs.get("destinationPath").and_then(Value::as_str).unwrap_or_default();
    if given.starts_with('/') {
        return given.to_owned();
    }
    format!("{}/{given}", place.downloads().display())
}

async fn fetch(runner: &Runner, step: &PlanStep) -> Result<Content, String> {
    let kind = step.inputs.get("sourceType").and_then(Value::as_str).unwrap_or_default();
    let info = source_info(step.inputs.get("sourceInfo"))?;
    let text = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    match kind {
        "" => Err("invalid input: SourceType must be specified".to_owned()),
        "HTTP" => {
            let url = text("url");
            let flag = info.get("allowInsecureDownload");
            let allow_plain = flag.is_some_and(|flag| *flag == true || *flag == "true");
            let authorization = authorization(&text)?;
            let content = runner.fetch.get(url, allow_plain, authorization).await;
            let content = content.map_err(|error| error.to_string())?;
            Ok(single(file_name(url), content))
        }
        "S3" => objects(runner, text("path")).await,
        "SSMDocument" => {
            let documents = runner.documents.as_ref();
            let documents = documents.ok_or("SSMDocument is not supported on this node")?;
            let (name, version) = name_and_version(text("name"));
            let content = documents.content(name, version).await?;
            Ok(single(format!("{}.json", file_name(name)), content.into()))
        }
        "Git" | "GitHub" => {
            Err(format!("the source type {kind} is not supported by this version of Trackway"))
        }
        _ => Err("invalid input: Unsupported source type".to_owned()),
    }
}

fn single(name: String, content: Bytes) -> Content {
    Content { files: vec![File { name, content }], is_folder: false }
}

/// An object, or the text of one.
fn source_info(given: Option<&Value>) -> Result<Value, String> {
    match given {
        None | Some(Value::Null) => Err("invalid input: SourceInfo must be specified".to_owned()),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|error| format!("SourceInfo can't be read: {error}"))
        }
        Some(value) => Ok(value.clone()),
    }
}

fn authorization<'a>(text: &impl Fn(&str) -> &'a str) -> Result<Option<HeaderValue>, String> {
    match text("authMethod") {
        "" | "None" => Ok(None),
        "Basic" => {
            let pair = BASE64.encode(format!("{}:{}", text("username"), text("password")));
            let value = HeaderValue::from_str(&format!("Basic {pair}"));
            value.map(Some).map_err(|error| error.to_string())
        }
        method => {
            Err(format!("the authMethod {method} is not supported by this version of Trackway"))
        }
    }
}

/// The last part of a path, `download` where there is none.
fn file_name(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path
        .split_once("://")
        .map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    match path.rsplit('/').next() {
        None | Some("" | "." | "..") => "download".to_owned(),
        Some(name) => name.to_owned(),
    }
}

async fn objects(runner: &Runner, url: &str) -> Result<Content, String> {
    let store = runner.objects.as_ref().ok_or("S3 is not supported on this node")?;
    let wanted = object_path(url).ok_or("invalid S3 path parameter")?;
    let keys = if wanted.key.is_empty() || wanted.key.ends_with('/') {
        store.list(&wanted).await?
    } else {
        Vec::new()
    };
    if keys.is_empty() {
        let content = store.get(&wanted).await?;
        return Ok(single(file_name(&wanted.key), content));
    }
    let keys: Vec<String> = keys.into_iter().filter(|key| !key.ends_with('/')).collect();
    if keys.len() > FILES_MAX {
        return Err(format!("{url} holds more than {FILES_MAX} objects"));
    }
    let mut files = Vec::new();
    for key in keys {
        let name = key.strip_prefix(&wanted.key).unwrap_or(&key).to_owned();
        // A key may be any text, also one that leads out of the destination.
        if name.split('/').any(|part| part == "..") || name.starts_with('/') {
            return Err(format!("the object {key:?} would be written outside of the destination"));
        }
        let content = store.get(&ObjectPath { key, ..wanted.clone() }).await?;
        files.push(File { name, content });
    }
    Ok(Content { files, is_folder: true })
}

/// `https://BUCKET.s3.REGION.amazonaws.com/KEY` and its older forms.
fn object_path(url: &str) -> Option<ObjectPath> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = decode(path.split('?').next()?)?;
    let host = host.strip_suffix(".cn").unwrap_or(host).strip_suffix(".amazonaws.com")?;
    let (bucket, service) = match host.rfind(".s3") {
        Some(at) => (host.get(..at)?, host.get(at + 1..)?),
        None => ("", host),
    };
    let region = service.strip_prefix("s3")?.trim_start_matches(['.', '-']);
    let region = region.trim_start_matches("dualstack.");
    let region = (!region.is_empty()).then(|| region.to_owned());
    let (bucket, key) = match bucket {
        "" => path.split_once('/').unwrap_or((&path, "")),
        bucket => (bucket, path.as_str()),
    };
    let object = ObjectPath { bucket: bucket.to_owned(), key: key.to_owned(), region };
    (!object.bucket.is_empty()).then_some(object)
}

/// Undoes the percent escapes of a URL.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let code = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_objects_have_several_forms() {
        for (url, bucket, key, region) in [
            ("https://s3.amazonaws.com/b/a/k%20x", "b", "a/k x", None),
            ("https://s3.eu-west-1.amazonaws.com/b/k", "b", "k", Some("eu-west-1")),
            ("https://s3-eu-west-1.amazonaws.com/b/k", "b", "k", Some("eu-west-1")),
            ("https://b.c.s3.eu-west-1.amazonaws.com/f/", "b.c", "f/", Some("eu-west-1")),
            ("https://b.s3.amazonaws.com/k", "b", "k", None),
        ] {
            let found = object_path(url).unwrap();
            let expected = (bucket, key, region);
            assert_eq!((&*found.bucket, &*found.key, found.region.as_deref()), expected, "{url}");
        }
        for url in ["s3://b/k", "https://example.com/b/k", "https://s3.amazonaws.com/", "x"] {
            assert_eq!(object_path(url), None, "{url}");
        }
    }

    #[test]
    fn a_file_is_called_what_its_url_ends_with() {
        for (url, name) in [
            ("https://a.example/x/y.sh?z=1", "y.sh"),
            ("https://a.example", "download"),
            ("https://a.example/x/", "download"),
            ("https://a.example/..", "download"),
        ] {
            assert_eq!(file_name(url), name, "{url}");
        }
    }
}
