//! Cases that are known to fail, each with its reason.

/// Why this case fails, if that is known.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(start, _)| name.starts_with(start)).map(|(_, reason)| *reason)
}

const KNOWN: &[(&str, &str)] = &[];
