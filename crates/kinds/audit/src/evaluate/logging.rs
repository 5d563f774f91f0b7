//! `LOGGING_DISABLED_CHECK`.

/// What either version of the logging options says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// Whether a role is set: nothing is logged without.
    pub has_role: bool,
    /// The level: `setLoggingOptions`'s or the default one.
    pub level: Option<&'a str>,
    /// `disableAllLogs`.
    pub is_off: bool,
}

/// The reason text; ours, as AWS's is not known.
pub const REASON: &str = "Logging is disabled in both versions of the logging options.";

/// Whether nothing is logged: neither by the first version of the options nor by the second. A role
/// without a level logs: only `DISABLED` is documented to stop it.
/// Source: Developer Guide, "Logging disabled".
#[must_use]
pub fn is_disabled(v1: Options<'_>, v2: Options<'_>) -> bool {
    let logs = |options: Options<'_>| {
        options.has_role && !options.is_off && options.level != Some("DISABLED")
    };
    !logs(v1) && !logs(v2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_version_may_log() {
        let none = Options::default();
        let on = Options { has_role: true, level: Some("ERROR"), is_off: false };
        for (v1, v2, expected) in [
            (none, none, true),
            (on, none, false),
            (none, on, false),
            (on, on, false),
            (none, Options { is_off: true, ..on }, true),
            (none, Options { level: Some("DISABLED"), ..on }, true),
            (none, Options { level: None, ..on }, false),
            (Options { level: None, ..on }, none, false),
            (Options { level: None, ..on }, Options { is_off: true, ..on }, false),
            (Options { level: Some("DISABLED"), ..on }, none, true),
            (Options { has_role: false, ..on }, none, true),
        ] {
            assert_eq!(is_disabled(v1, v2), expected, "{v1:?} {v2:?}");
        }
    }
}
