//! What the driver tells, out of what commands print.

/// What begins it: a character that hardly a program prints.
const MARK: u8 = 0x1e;
/// The longest that is told.
const LENGTH_MAX: usize = 200;

/// A part of the output.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Commands printed it.
    Printed(Vec<u8>),
    /// The driver told it, word by word.
    Told(Vec<String>),
}

/// Tells the two apart, wherever the output is cut into parts.
#[derive(Debug)]
pub(super) struct Reader {
    word: String,
    held: Vec<u8>,
}

impl Reader {
    /// What is told is marked by this word.
    pub(super) fn new(word: &str) -> Self {
        Self { word: word.to_owned(), held: Vec::new() }
    }

    /// The next part of the output.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.held.extend_from_slice(bytes);
        self.parts(false)
    }

    /// What is left at the end.
    pub(super) fn finish(&mut self) -> Vec<Part> {
        self.parts(true)
    }

    fn parts(&mut self, is_end: bool) -> Vec<Part> {
        let held = std::mem::take(&mut self.held);
        let (mut parts, mut rest, mut from) = (Vec::new(), held.as_slice(), 0);
        loop {
            let behind = rest.get(from..).unwrap_or_default();
            let Some(at) = behind.iter().position(|byte| *byte == MARK).map(|at| at + from) else {
                printed(&mut parts, rest);
                break;
            };
            let (before, marked) = rest.split_at(at);
            match self.line(marked, is_end) {
                Line::Told(words, length) => {
                    printed(&mut parts, before);
                    parts.push(Part::Told(words));
                    rest = marked.get(length..).unwrap_or_default();
                    from = 0;
                }
                Line::Open => {
                    printed(&mut parts, before);
                    self.held = marked.to_vec();
                    break;
                }
                Line::None => from = at + 1,
            }
        }
        parts
    }

    /// What begins with a mark.
    fn line(&self, marked: &[u8], is_end: bool) -> Line {
        let inner = marked.get(1..).unwrap_or_default();
        let word = self.word.as_bytes();
        let common = inner.len().min(word.len());
        if inner.get(..common) != word.get(..common) {
            return Line::None;
        }
        match inner.iter().position(|byte| *byte == b'\n') {
            Some(end) if inner.get(word.len()) == Some(&b' ') => {
                let text = String::from_utf8_lossy(inner.get(word.len()..end).unwrap_or_default());
                Line::Told(text.split_whitespace().map(str::to_owned).collect(), end + 2)
            }
            None if !is_end && inner.len() < LENGTH_MAX => Line::Open,
            _ => Line::None,
        }
    }
}

enum Line {
    Told(Vec<String>, usize),
    /// The rest of it may still come.
    Open,
    None,
}

fn printed(parts: &mut Vec<Part>, bytes: &[u8]) {
    if !bytes.is_empty() {
        parts.push(Part::Printed(bytes.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_found_however_the_output_is_cut() {
        let text =
            b"a\x1eW phase build\nno end\x1eW end build failed\n\x1eX y\n\x1e\x1eW finished\n\x1eW";
        let words = |text: &str| Part::Told(text.split(' ').map(str::to_owned).collect());
        for size in 1..text.len() {
            let mut reader = Reader::new("W");
            let mut parts: Vec<Part> = Vec::new();
            let mut all: Vec<Part> = text.chunks(size).flat_map(|part| reader.take(part)).collect();
            all.extend(reader.finish());
            for part in all {
                match (parts.last_mut(), part) {
                    (Some(Part::Printed(before)), Part::Printed(more)) => before.extend(more),
                    (_, part) => parts.push(part),
                }
            }
            let expected = [
                Part::Printed(b"a".to_vec()),
                words("phase build"),
                Part::Printed(b"no end".to_vec()),
                words("end build failed"),
                Part::Printed(b"\x1eX y\n\x1e".to_vec()),
                words("finished"),
                Part::Printed(b"\x1eW".to_vec()),
            ];
            assert_eq!(parts, expected, "in parts of {size}");
        }
    }
}
