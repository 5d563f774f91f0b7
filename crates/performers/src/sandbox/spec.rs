//! What the server and the process inside tell each other, over one socket.
//!
//! ```text
//!   server ── length, Spec as JSON, length, the command's input ──▶ inside
//!   server ◀── Report as JSON, then the end of the stream ───────── inside
//! ```
//!
//! The socket stays open while the command runs: when the server's end closes, for whatever reason, everything
//! inside ends.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The largest specification that is read.
const SPEC_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// The largest input of a command.
pub(super) const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A folder or file of the host that is seen inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    /// Where it is on the host.
    pub(super) host: PathBuf,
    /// Where it appears inside.
    pub(super) inside: PathBuf,
    pub(super) writable: bool,
    /// Whether it is given to the user that the command runs as.
    pub(super) owned: bool,
}

/// Everything that the process inside has to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) working_folder: PathBuf,
    /// An empty folder of the host on which the new root is built.
    pub(super) root: PathBuf,
    pub(super) shown: Vec<Shown>,
    /// Paths of the host that stay invisible even where a shown folder holds them.
    pub(super) hidden: Vec<PathBuf>,
    pub(super) network: bool,
    pub(super) cpu_seconds: Option<u64>,
    pub(super) memory_bytes: u64,
    pub(super) address_space_bytes: u64,
    pub(super) processes: u64,
    pub(super) file_bytes: u64,
    pub(super) open_files: u64,
    pub(super) temporary_bytes: u64,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Report {
    /// The kernel, or what this server may do, doesn't allow a sandbox.
    Unavailable(String),
    /// The sandbox stands, but the command could not be started in it.
    NotStarted(String),
    Exited(i32),
    Signalled(i32),
}

/// The message that starts a sandbox.
pub(super) fn message(spec: &Spec, input: &[u8]) -> io::Result<Vec<u8>> {
    let spec = serde_json::to_vec(spec)?;
    let too_large = |_| io::Error::other("the command or its input is too large");
    let spec_length = u32::try_from(spec.len()).map_err(too_large)?;
    let input_length = u64::try_from(input.len()).map_err(too_large)?;
    let mut message = Vec::with_capacity(spec.len() + input.len() + 12);
    message.extend_from_slice(&spec_length.to_be_bytes());
    message.extend_from_slice(&spec);
    message.extend_from_slice(&input_length.to_be_bytes());
    message.extend_from_slice(input);
    Ok(message)
}

/// Reads what [`message`] wrote.
pub(super) fn read(stream: &mut impl Read) -> io::Result<(Spec, Vec<u8>)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > SPEC_BYTES_MAX {
        return Err(io::Error::other("the specification is too large"));
    }
    let mut text = Vec::new();
    stream.take(length.into()).read_to_end(&mut text)?;
    let spec = serde_json::from_slice(&text)?;
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length > INPUT_BYTES_MAX {
        return Err(io::Error::other("the input is too large"));
    }
    let mut input = Vec::new();
    stream.take(length).read_to_end(&mut input)?;
    Ok((spec, input))
}
