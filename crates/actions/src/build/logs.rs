//! Logs of builds: one file an action execution, written as the output comes.
//!
//! ```text
//!   sandbox ─▶ Mask ─▶ LOGS/ACTION_EXECUTION_ID.log ─▶ read_from (who follows it)
//! ```

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::limits::LOG_BYTES_MAX;
use super::mask::Mask;

/// The most that one reading gives.
const READ_BYTES_MAX: u64 = 1 << 20;

/// The folder of all logs, in the folder of the actions' own ([`crate::Tools::folder`]).
#[must_use]
pub fn folder(own: &Path) -> PathBuf {
    own.join("logs")
}

/// The log of one action execution; there is none before it runs a command. It is written anew when
/// the action is performed again after a crash.
#[must_use]
pub fn path(own: &Path, action_execution_id: &str) -> PathBuf {
    folder(own).join(format!("{}.log", file_name(action_execution_id)))
}

/// What is kept beside it: reports, and `summary.json` of them.
#[must_use]
pub(super) fn beside(own: &Path, action_execution_id: &str) -> PathBuf {
    folder(own).join(file_name(action_execution_id))
}

/// An id as a file's name, whatever it holds.
pub(super) fn file_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    id.chars().take(100).map(plain).collect()
}

/// What a log holds from this offset on, and the offset to go on with. To follow a log, ask again
/// with it until the action has ended, and once more. Where the log is shorter than the offset it
/// was begun anew, and is read from its beginning. At most a megabyte is given at once; a character
/// that is cut in two is replaced.
///
/// # Errors
/// The log can't be read. One that is not there yet is empty.
pub fn read_from(path: &Path, offset: u64) -> io::Result<(String, u64)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((String::new(), 0)),
        Err(error) => return Err(error),
    };
    let offset = if file.metadata()?.len() < offset { 0 } else { offset };
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(READ_BYTES_MAX).read_to_end(&mut bytes)?;
    // What may be the beginning of a character waits for the rest of it.
    let last = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_begun = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    let whole = if is_begun { bytes.len() - last.len() } else { bytes.len() };
    bytes.truncate(whole);
    let next = offset + u64::try_from(bytes.len()).unwrap_or_default();
    Ok((String::from_utf8_lossy(&bytes).into_owned(), next))
}

/// Writes a log. What can't be written is lost: a build does not fail because of its log.
pub(super) struct Log {
    file: Option<File>,
    mask: Mask,
    written: u64,
    max: u64,
    at_line_start: bool,
}

impl Log {
    /// Begins the log anew, in a folder that is made if it isn't there.
    pub(super) fn begin(path: &Path) -> Self {
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let file = made.and_then(|()| File::create(path)).ok();
        Self { file, mask: Mask::default(), written: 0, max: LOG_BYTES_MAX, at_line_start: true }
    }

    /// From here on these are secrets.
    pub(super) fn hide(&mut self, mask: Mask) {
        self.flush();
        self.mask = mask;
    }

    /// Something that a command printed.
    pub(super) fn print(&mut self, part: &[u8]) {
        let shown = self.mask.take(part);
        self.write(&shown);
    }

    /// Something that the build says itself, on a line of its own, as CodeBuild's containers do.
    pub(super) fn say(&mut self, text: &str) {
        self.flush();
        let begin = if self.at_line_start { "" } else { "\n" };
        let text = self.mask.text(text);
        self.write(format!("{begin}[Container] {} {text}\n", now()).as_bytes());
    }

    /// What was held back because it might have been a secret.
    pub(super) fn flush(&mut self) {
        let shown = self.mask.finish();
        self.write(&shown);
    }

    fn write(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.at_line_start = *last == b'\n';
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let room = usize::try_from(self.max.saturating_sub(self.written)).unwrap_or(usize::MAX);
        let was_full = self.written >= self.max;
        self.written = self.written.saturating_add(length);
        let Some(file) = self.file.as_mut().filter(|_| !was_full) else { return };
        let kept = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        let mut done = file.write_all(kept);
        if self.written >= self.max {
            done = done.and_then(|()| file.write_all(b"\n[Container] the log is full\n"));
        }
        if done.is_err() {
            self.file = None;
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

/// `2026/07/12 10:00:00.123456`, in UTC.
fn now() -> String {
    let now = jiff::Timestamp::now().to_zoned(TimeZone::UTC);
    format!(
        "{:04}/{:02}/{:02} {:02}:{:02}:{:02}.{:06}",
        now.year(),
        now.month(),
        now.day(),
        now.hour(),
        now.minute(),
        now.second(),
        now.subsec_nanosecond() / 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(max: u64) -> (tempfile::TempDir, PathBuf, Log) {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), "id");
        let mut log = Log::begin(&path);
        log.max = max;
        (folder, path, log)
    }

    #[test]
    fn a_log_is_followed_from_where_one_was() {
        let (_folder, path, mut log) = log(1000);
        log.print("gr\u{fc}".as_bytes());
        let (text, next) = read_from(&path, 0).unwrap();
        assert_eq!((text.as_str(), next), ("gr\u{fc}", 4));
        log.print(&"\u{df}"[..].as_bytes()[..1]);
        log.print(b"x");
        log.print(b"\xc3");
        let (text, next) = read_from(&path, next).unwrap();
        assert_eq!((text.as_str(), next), ("\u{fffd}x", 6), "half a character waits");
        drop(Log::begin(&path));
        assert_eq!(read_from(&path, next).unwrap(), (String::new(), 0), "it began anew");
    }

    #[test]
    fn there_is_an_end_to_a_log() {
        let (_folder, path, mut log) = log(10);
        log.print(b"12345");
        log.print(b"6789abc");
        log.print(b"never seen");
        let (text, _) = read_from(&path, 0).unwrap();
        assert_eq!(text, "123456789a\n[Container] the log is full\n");
    }

    #[test]
    fn what_the_build_says_begins_a_line_and_hides_secrets() {
        let (_folder, path, mut log) = log(1000);
        log.hide(Mask::new(["hunter2"]));
        log.print(b"no end of line, hunt");
        log.say("Running command echo hunter2");
        let (text, _) = read_from(&path, 0).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "no end of line, hunt");
        assert!(lines[1].starts_with("[Container] 2"), "{text}");
        assert!(lines[1].ends_with(" Running command echo ***"), "{text}");
    }
}
