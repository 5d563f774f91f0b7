//! Secrets in what commands print: each becomes `***`, wherever the output was cut into parts.

/// What stands for a secret.
const MASK: &[u8] = b"***";

/// Replaces secrets in a stream.
#[derive(Debug, Default)]
pub(super) struct Mask {
    /// Longest first, so that a secret within another one does not show the rest of it.
    secrets: Vec<Vec<u8>>,
    /// What may be the beginning of a secret.
    held: Vec<u8>,
}

impl Mask {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets: Vec<Vec<u8>> = secrets
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .map(|secret| secret.as_bytes().to_vec())
            .collect();
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        secrets.dedup();
        Self { secrets, held: Vec::new() }
    }

    /// The next part, as far as it can be shown already.
    pub(super) fn take(&mut self, part: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(part);
        self.shown(false)
    }

    /// What is left when nothing more comes.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.shown(true)
    }

    /// A whole text.
    pub(super) fn text(&self, text: &str) -> String {
        let mut whole = Self { secrets: self.secrets.clone(), held: Vec::new() };
        let mut shown = whole.take(text.as_bytes());
        shown.extend(whole.finish());
        String::from_utf8_lossy(&shown).into_owned()
    }

    fn shown(&mut self, is_end: bool) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        if self.secrets.is_empty() {
            return held;
        }
        let mut shown = Vec::with_capacity(held.len());
        let mut rest = held.as_slice();
        while !rest.is_empty() {
            // A longer secret may still become whole: it is waited for.
            let may_begin =
                |secret: &Vec<u8>| secret.len() > rest.len() && secret.starts_with(rest);
            if !is_end && self.secrets.iter().any(may_begin) {
                break;
            }
            match self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                Some(secret) => {
                    shown.extend_from_slice(MASK);
                    rest = rest.get(secret.len()..).unwrap_or_default();
                }
                None => {
                    shown.extend(rest.first());
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
        }
        self.held = rest.to_vec();
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_however_the_output_is_cut() {
        let text = "a hunter2 b hunter22 c hunte\nr hunter2";
        let expected = "a *** b ***2 c hunte\nr ***";
        for size in 1..text.len() {
            let mut mask = Mask::new(["hunter2", "hunter2", ""]);
            let mut shown = Vec::new();
            for part in text.as_bytes().chunks(size) {
                shown.extend(mask.take(part));
            }
            shown.extend(mask.finish());
            assert_eq!(String::from_utf8(shown).unwrap(), expected, "in parts of {size}");
        }
    }

    #[test]
    fn the_longer_of_two_secrets_goes_first() {
        let mask = Mask::new(["ab", "abcd"]);
        assert_eq!(mask.text("abcd abc ab"), "*** ***c ***");
        assert_eq!(Mask::default().text("abcd"), "abcd");
    }

    #[test]
    fn what_can_be_no_secret_is_shown_at_once() {
        let mut mask = Mask::new(["secret"]);
        assert_eq!(mask.take(b"50% ... "), b"50% ... ");
        assert_eq!(mask.take(b"se"), b"");
        assert_eq!(mask.take(b"t"), b"set");
    }
}
