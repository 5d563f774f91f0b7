//! `[iot]` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

/// What the server is told of the world that IoT's audits look at. Files are relative to the
/// configuration file; one that can't be read keeps the server from starting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IotConfig {
    /// Revocation lists of issuers, PEM or DER: evidence for the checks of revoked certificates.
    pub crl_files: Vec<PathBuf>,
    /// Lists of keys that are known to be weak (CVE-2008-0166), in the format of Debian's
    /// openssl-blacklist: evidence for the checks of key quality.
    pub weak_key_files: Vec<PathBuf>,
}
