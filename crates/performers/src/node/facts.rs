//! What a node says of the machine that it is on.

use std::net::UdpSocket;

/// Facts of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `Linux` or `MacOS`.
    pub platform_type: String,
    /// Such as `Debian GNU/Linux`.
    pub platform_name: String,
    /// Such as `12`.
    pub platform_version: String,
    /// The host's name.
    pub computer_name: String,
    /// The address by which it reaches the server; empty within the server's process.
    pub ip_address: String,
}

impl Facts {
    /// Looks around. `server` is the host and port that the node talks to.
    #[must_use]
    pub fn of_this_machine(server: Option<&str>) -> Self {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let platform_type = if cfg!(target_os = "macos") { "MacOS" } else { "Linux" };
        Self {
            platform_type: platform_type.to_owned(),
            platform_name: field(&release, "NAME").unwrap_or_else(|| platform_type.to_owned()),
            platform_version: field(&release, "VERSION_ID").unwrap_or_default(),
            computer_name: host.trim().to_owned(),
            ip_address: server.and_then(address).unwrap_or_default(),
        }
    }
}

/// A field of os-release, without its quotes.
fn field(release: &str, name: &str) -> Option<String> {
    let value = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// The address that this machine would talk to that one from; nothing is sent.
fn address(server: &str) -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect(server).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_os_release_lose_their_quotes() {
        let release = "PRETTY_NAME=\"x\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\n";
        assert_eq!(field(release, "NAME").as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(field(release, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(field(release, "NOTHING"), None);
    }
}
