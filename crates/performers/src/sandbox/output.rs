//! What a command prints: the beginning is kept, all of it is counted.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// One stream of output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The beginning, as text; what is not UTF-8 is replaced.
    pub text: String,
    /// All characters that were printed, kept or not.
    pub chars: u64,
}

impl Captured {
    /// Whether more was printed than kept.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        u64::try_from(self.text.chars().count()).unwrap_or(u64::MAX) < self.chars
    }
}

/// Gathers a stream as it comes.
#[derive(Debug)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    chars: u64,
    chars_max: usize,
}

impl Gathered {
    pub(super) fn new(chars_max: usize) -> Self {
        Self { bytes: Vec::new(), chars: 0, chars_max }
    }

    fn take(&mut self, chunk: &[u8]) {
        // Each character has one byte that doesn't continue another.
        let starts = chunk.iter().filter(|byte| (**byte & 0xC0) != 0x80).count();
        self.chars += u64::try_from(starts).unwrap_or_default();
        // A character has four bytes at most.
        let room = (self.chars_max.saturating_mul(4)).saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&chunk[..room.min(chunk.len())]);
    }

    /// Reads a stream to its end; `told` hears of every part.
    pub(super) async fn read(
        &mut self,
        mut stream: impl AsyncRead + Unpin,
        told: &mut (dyn FnMut(&[u8]) + Send),
    ) {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            self.take(&chunk[..length]);
            told(&chunk[..length]);
        }
    }

    pub(super) fn finish(self) -> Captured {
        let text = String::from_utf8_lossy(&self.bytes);
        let kept: String = text.chars().take(self.chars_max).collect();
        let kept_chars = u64::try_from(kept.chars().count()).unwrap_or(u64::MAX);
        Captured { chars: self.chars.max(kept_chars), text: kept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_kept_and_all_is_counted() {
        let mut gathered = Gathered::new(3);
        for chunk in ["gr\u{fc}".as_bytes(), "\u{df}e".as_bytes(), &[b'x'; 100]] {
            gathered.take(chunk);
        }
        let captured = gathered.finish();
        assert_eq!((captured.text.as_str(), captured.chars), ("gr\u{fc}", 105));
        assert!(captured.is_truncated());
    }

    #[test]
    fn output_that_fits_is_whole() {
        let mut gathered = Gathered::new(3);
        gathered.take(b"abc");
        let captured = gathered.finish();
        assert_eq!((captured.text.as_str(), captured.is_truncated()), ("abc", false));
    }
}
