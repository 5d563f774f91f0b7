//! The canonical request: what is signed.

use http::HeaderMap;

use crate::codec::form::{self, Plus, Slash};

/// How the path goes into the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathStyle {
    /// Normalised and encoded once more: all services but S3.
    Twice,
    /// As it is on the wire: S3.
    AsIs,
}

/// What goes into a canonical request.
pub(super) struct Parts<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// The host, where it is not among the headers (HTTP/2).
    pub(super) authority: Option<&'a str>,
    pub(super) signed_headers: &'a [String],
    pub(super) payload_hash: &'a str,
    pub(super) style: PathStyle,
}

impl Parts<'_> {
    pub(super) fn write(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push_str(self.method);
        out.push('\n');
        out.push_str(&path(self.path, self.style));
        out.push('\n');
        out.push_str(&query(self.query));
        out.push('\n');
        for name in self.signed_headers {
            out.push_str(name);
            out.push(':');
            self.header(name, &mut out);
            out.push('\n');
        }
        out.push('\n');
        out.push_str(&self.signed_headers.join(";"));
        out.push('\n');
        out.push_str(self.payload_hash);
        out
    }

    /// All values of a header, trimmed, inner spaces folded, joined by commas.
    fn header(&self, name: &str, out: &mut String) {
        let mut any = false;
        for value in self.headers.get_all(name) {
            if any {
                out.push(',');
            }
            any = true;
            let text = String::from_utf8_lossy(value.as_bytes());
            for (index, word) in text.split_ascii_whitespace().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(word);
            }
        }
        if let (false, "host", Some(authority)) = (any, name, self.authority) {
            out.push_str(authority);
        }
    }
}

fn path(raw: &str, style: PathStyle) -> String {
    match style {
        PathStyle::AsIs if raw.is_empty() => "/".to_owned(),
        PathStyle::AsIs => raw.to_owned(),
        PathStyle::Twice => form::encode(&normalise(raw), Slash::Keep),
    }
}

/// Removes `.` and `..` segments and empty ones.
fn normalise(raw: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = kept.pop(),
            _ => kept.push(segment),
        }
    }
    let slash = if raw.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{slash}", kept.join("/"))
}

/// Pairs sorted by encoded key, then value; a presigned request's own signature is left out.
fn query(raw: &str) -> String {
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let again = |text: &str| form::encode(&form::decode(text, Plus::Plus), Slash::Encode);
            (again(key), again(value))
        })
        .filter(|(key, _)| key != "X-Amz-Signature")
        .collect();
    pairs.sort();
    let joined: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    joined.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_canonical() {
        for (raw, expected) in [
            ("/", "/"),
            ("", "/"),
            ("/a/./b/../c//d/", "/a/c/d/"),
            ("/attached-policies/arn%3Aaws", "/attached-policies/arn%253Aaws"),
        ] {
            assert_eq!(path(raw, PathStyle::Twice), expected);
        }
        assert_eq!(path("/a//b%20c", PathStyle::AsIs), "/a//b%20c");
        assert_eq!(query("b=2&a=3&a=1&X-Amz-Signature=9&c"), "a=1&a=3&b=2&c=");
    }
}
