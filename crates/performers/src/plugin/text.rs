//! What is kept of a step's output, as AWS's agent cuts it. Lengths are in characters.

use crate::sandbox::Captured;

/// What is kept of standard output.
pub(super) const STDOUT_CHARS_MAX: usize = 24_000;
/// What is kept of standard error.
pub(super) const STDERR_CHARS_MAX: usize = 8_000;
/// What is kept of both together.
const OUTPUT_CHARS_MAX: usize = 2_500;
const TRUNCATED: &str = "--output truncated--";
const ERROR_TITLE: &str = "\n----------ERROR-------\n";
const OUTPUT_CUT: &str = "\n---Output truncated---";
const ERROR_CUT: &str = "\n---Error truncated----";

fn length(text: &str) -> usize {
    text.chars().count()
}

fn first(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(at, _)| text.get(..at).unwrap_or(text))
}

/// A text that is at most so long, with a mark at its end if it was longer.
pub(super) fn kept(text: &str, chars_max: usize) -> String {
    if length(text) < chars_max {
        return text.to_owned();
    }
    format!("{}{TRUNCATED}", first(text, chars_max.saturating_sub(length(TRUNCATED))))
}

/// The same of what a command printed, of which the end may be lost already.
pub(super) fn kept_of(captured: &Captured, chars_max: usize) -> String {
    kept(&captured.text, chars_max)
}

/// Standard output and standard error as one short text.
pub(super) fn combined(stdout: &str, stderr: &str) -> String {
    let title = if stderr.is_empty() { "" } else { ERROR_TITLE };
    let room = OUTPUT_CHARS_MAX - length(title);
    let (out, err) = (length(stdout), length(stderr));
    if out + err < room {
        return format!("{stdout}{title}{stderr}");
    }
    if out > room / 2 && err > room / 2 {
        let half = (room - length(ERROR_CUT) - length(OUTPUT_CUT)) / 2;
        let (stdout, stderr) = (first(stdout, half), first(stderr, half));
        return format!("{stdout}{OUTPUT_CUT}{title}{stderr}{ERROR_CUT}");
    }
    if out <= room / 2 {
        let stderr = first(stderr, room - length(ERROR_CUT) - out);
        return format!("{stdout}{title}{stderr}{ERROR_CUT}");
    }
    let stdout = first(stdout, room - length(OUTPUT_CUT) - err);
    format!("{stdout}{OUTPUT_CUT}{title}{stderr}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_ends_with_a_mark() {
        assert_eq!(kept("short", 24), "short");
        let long = kept(&"\u{fc}".repeat(24_001), STDOUT_CHARS_MAX);
        assert_eq!(length(&long), STDOUT_CHARS_MAX);
        assert!(long.ends_with("\u{fc}--output truncated--"));
    }

    #[test]
    fn both_outputs_together_stay_short() {
        assert_eq!(combined("out", ""), "out");
        assert_eq!(combined("out", "err"), "out\n----------ERROR-------\nerr");
        let (much, little) = ("x".repeat(3000), "y".repeat(10));
        for (stdout, stderr) in
            [(&much, &little), (&little, &much), (&much, &much), (&much, &String::new())]
        {
            let text = combined(stdout, stderr);
            assert!(length(&text) <= OUTPUT_CHARS_MAX, "{}", length(&text));
            assert!(text.contains("truncated---"), "{text}");
        }
    }
}
