//! An HTTP request as this room sees it: borrowed parts and the whole body.

use http::{HeaderMap, Method, Uri};

/// A request with its whole body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query as they came, still encoded.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The text of a header; `None` when it is absent or not visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The raw query string, without `?`; empty when there is none.
    #[must_use]
    pub fn query(&self) -> &'a str {
        self.uri.query().unwrap_or_default()
    }

    /// A decoded query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        crate::codec::form::pairs(self.query()).find(|(key, _)| key == name).map(|pair| pair.1)
    }
}
