//! How events of connections lie in [`crate::table::CONNECTIONS`].
//!
//! ```text
//! "c" certificate (32 bytes)  time (8)  what (1)  client       -> reason     by certificate
//! "k" client 0                time (8)  what (1)  certificate  -> reason     by client
//! "f"                                                          -> nothing    something was fed
//! ```

use trackway_audit::evaluate::connections::Happening;
use trackway_core::Timestamp;

use crate::record::CertificateId;

/// Where it stands that any connection was ever fed.
pub(crate) const FED: &[u8] = b"f";
/// What keys by certificate begin with.
pub(crate) const BY_CERTIFICATE: &[u8] = b"c";
/// What keys by client begin with.
pub(crate) const BY_CLIENT: &[u8] = b"k";

/// An event of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The MQTT client id.
    pub(crate) client: String,
    /// What it showed.
    pub(crate) certificate: CertificateId,
    /// When.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) what: Happening,
}

impl Event {
    /// Its two keys: by certificate and by client.
    pub(crate) fn keys(&self) -> [Vec<u8>; 2] {
        let moment = moment(self.at, &self.what);
        let by_certificate =
            [&certificate_prefix(&self.certificate), &moment, self.client.as_bytes()].concat();
        let by_client = [&client_prefix(&self.client), &moment, &self.certificate.0[..]].concat();
        [by_certificate, by_client]
    }

    /// What both rows say: the reason why it ended.
    pub(crate) fn value(&self) -> Vec<u8> {
        match &self.what {
            Happening::Disconnected(Some(reason)) => reason.clone().into_bytes(),
            _ => Vec::new(),
        }
    }
}

/// What the keys of a certificate begin with.
fn certificate_prefix(certificate: &CertificateId) -> Vec<u8> {
    [BY_CERTIFICATE, &certificate.0].concat()
}

/// What the keys of a client begin with.
fn client_prefix(client: &str) -> Vec<u8> {
    [BY_CLIENT, client.as_bytes(), b"\0"].concat()
}

/// The prefix that a key begins with, [`certificate_prefix`] or [`client_prefix`]; none if it is
/// damaged.
pub(crate) fn prefix_of(key: &[u8]) -> Option<&[u8]> {
    match key.first()? {
        b'c' => key.get(..33),
        b'k' => key.get(..=key.iter().position(|byte| *byte == 0)?),
        _ => None,
    }
}

/// A row's part after its prefix: when, what, and the other side. None if it is damaged.
pub(crate) fn read<'a>(rest: &'a [u8], value: &[u8]) -> Option<(Timestamp, Happening, &'a [u8])> {
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (what, other) = rest.split_first()?;
    let what = match what {
        0 => Happening::Connected,
        _ if value.is_empty() => Happening::Disconnected(None),
        _ => Happening::Disconnected(Some(String::from_utf8_lossy(value).into_owned())),
    };
    Some((Timestamp(i64::from_be_bytes(*time)), what, other))
}

/// What orders the events of one prefix: of one moment, beginnings first.
fn moment(at: Timestamp, what: &Happening) -> Vec<u8> {
    let mut moment = at.as_millis().max(0).to_be_bytes().to_vec();
    moment.push(u8::from(*what != Happening::Connected));
    moment
}
