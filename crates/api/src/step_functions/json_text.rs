//! Is this text JSON? And if not, what would AWS say?

use serde::de::IgnoredAny;
use trackway_asl::json;
use trackway_asl::limits::PAYLOAD_BYTES_MAX;

use super::refusal::{Code, Refusal};

/// Checks the size of an input or output, the member `name` of a request: the model counts its
/// characters, but what the service counts is the bytes of its UTF-8.
pub(super) fn check_size(text: &str, name: &str) -> Result<(), Refusal> {
    if text.len() <= PAYLOAD_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length less than or equal to {PAYLOAD_BYTES_MAX}"
    );
    Err(Refusal::new(Code::ValidationException, message))
}

/// Checks that `text` is one JSON value; nothing is kept of it.
///
/// # Errors
/// AWS's words: those of its JSON parser, or `empty` for a text with nothing in it.
pub(super) fn check(text: &str, empty: &str) -> Result<(), String> {
    if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return Ok(());
    }
    if text.trim().is_empty() {
        return Err(empty.to_owned());
    }
    // The quick look says no; the slow one says why. It also allows what only looked wrong.
    json::read(text).map(drop).map_err(|error| error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_refused_in_awss_words() {
        let cases = [
            (" ", "Invalid execution input."),
            (
                "not some json",
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            ),
            (
                "{'not': 'json'",
                "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(check(text, "Invalid execution input.").unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn every_json_value_passes() {
        for text in ["2", "\"some text\"", "null", " {} ", "[1,{\"a\":[]}]"] {
            assert_eq!(check(text, ""), Ok(()), "{text}");
        }
    }
}
