//! Patterns of the service models: Java regular expressions that must match a whole value.
//!
//! AWS's framework runs them with `java.util.regex` and `matches()`. Here they are translated for
//! the `regex` crate, which runs in linear time. What the two read differently is rewritten
//! (`\w`, `\d`, `\s`, `\p{Graph}`, `.`, surrogate pairs). Look-aheads at the start of a pattern
//! become checks of their own; a pattern with other look-arounds or back-references can't be
//! compiled and accepts everything ([`Pattern::is_checked`] tells; a test counts them).

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

/// Limit of a compiled pattern, in bytes; bounded repeats of Unicode classes are large.
const COMPILED_BYTES_MAX: usize = 64 << 20;

/// Greatest upper bound of a repeat that is compiled; such patterns come with a maximal length,
/// which is checked for itself.
const REPEAT_MAX: usize = 5000;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    /// Look-aheads at the start: the expression, and whether it must match.
    ahead: Vec<(Regex, bool)>,
    whole: Option<Regex>,
}

impl Pattern {
    /// Compiles a pattern. Never fails: what can't be compiled accepts everything.
    #[must_use]
    pub fn new(source: &str) -> Self {
        let (ahead, rest) = split_ahead(source);
        let ahead: Option<Vec<_>> =
            ahead.into_iter().map(|(inner, wanted)| Some((compile(inner, "")?, wanted))).collect();
        match (ahead, compile(rest, r"\z")) {
            (Some(ahead), Some(whole)) => Self { ahead, whole: Some(whole) },
            _ => Self { ahead: Vec::new(), whole: None },
        }
    }

    /// Whether the whole value matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let Some(whole) = &self.whole else { return true };
        self.ahead.iter().all(|(regex, wanted)| regex.is_match(value) == *wanted)
            && whole.is_match(value)
    }

    /// Whether the pattern could be compiled. One that could not accepts everything.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.whole.is_some()
    }
}

fn compile(source: &str, end: &str) -> Option<Regex> {
    let body = translate(source)?;
    RegexBuilder::new(&format!(r"\A(?:{body}){end}")).size_limit(COMPILED_BYTES_MAX).build().ok()
}

/// Takes the look-aheads off the start of a pattern (after an optional `^`).
fn split_ahead(source: &str) -> (Vec<(&str, bool)>, &str) {
    let mut rest = source.strip_prefix('^').unwrap_or(source);
    let mut found = Vec::new();
    loop {
        let (body, wanted) = match (rest.strip_prefix("(?!"), rest.strip_prefix("(?=")) {
            (Some(body), _) => (body, false),
            (_, Some(body)) => (body, true),
            _ => break,
        };
        let Some(end) = closing(body) else { break };
        found.push((&body[..end], wanted));
        rest = &body[end + 1..];
    }
    // A bar outside all groups would make the look-aheads belong to the first branch only.
    if found.is_empty() || has_top_level_bar(rest) { (Vec::new(), source) } else { (found, rest) }
}

/// Index of the parenthesis that closes the group whose inside starts at 0.
fn closing(body: &str) -> Option<usize> {
    walk(body, |depth, letter| depth == 0 && letter == ')')
}

fn has_top_level_bar(body: &str) -> bool {
    walk(body, |depth, letter| depth == 0 && letter == '|').is_some()
}

fn walk(body: &str, found: impl Fn(usize, char) -> bool) -> Option<usize> {
    let (mut depth, mut in_class, mut escaped) = (0_usize, false, false);
    for (index, letter) in body.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match letter {
            '\\' => escaped = true,
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            _ if found(depth, letter) => return Some(index),
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

const WORD: &str = "0-9A-Za-z_";
const DIGIT: &str = "0-9";
const SPACE: &str = r" \t\n\x0B\f\r";

/// Rewrites Java's syntax. `None` when a part has no counterpart.
fn translate(source: &str) -> Option<String> {
    let letters: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len() + 16);
    let mut class_depth = 0_usize;
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let next = letters.get(at + 1).copied();
        at += 1;
        match letter {
            '\\' => {
                let set = next.is_some_and(|next| "wWdDsSpP".contains(next));
                at += escape(&letters[at..], class_depth > 0, &mut out)?;
                // A hyphen after a set stands for itself.
                if set && class_depth > 0 && letters.get(at) == Some(&'-') {
                    at += 1;
                    out.push_str(r"\-");
                }
            }
            '{' if class_depth == 0 => at += repeat(&letters[at..], &mut out),
            '[' => {
                class_depth += 1;
                out.push('[');
                at += first_of_class(&letters[at..], &mut out);
            }
            ']' if class_depth > 0 => {
                class_depth -= 1;
                out.push(']');
            }
            // The `regex` crate reads these as set operations; Java reads them as themselves.
            '-' | '~' if class_depth > 0 && next == Some(letter) => {
                out.push('\\');
                out.push(letter);
            }
            '.' if class_depth == 0 => out.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
            _ => out.push(letter),
        }
    }
    Some(out)
}

/// After `{`: a repeat whose upper bound is beyond [`REPEAT_MAX`] loses it. Answers how many letters
/// it took.
fn repeat(rest: &[char], out: &mut String) -> usize {
    out.push('{');
    let text: String = rest.iter().take_while(|letter| **letter != '}').collect();
    let Some((least, most)) = text.split_once(',') else { return 0 };
    if most.parse::<usize>().is_ok_and(|most| most > REPEAT_MAX) {
        out.push_str(least);
        out.push(',');
        return text.len();
    }
    0
}

/// After `[`: a negation, and a `]` that stands for itself.
fn first_of_class(rest: &[char], out: &mut String) -> usize {
    let negated = usize::from(rest.first() == Some(&'^'));
    if negated == 1 {
        out.push('^');
    }
    if rest.get(negated) == Some(&']') {
        out.push_str(r"\]");
        return negated + 1;
    }
    negated
}

/// Rewrites one escape (the backslash is read already); answers how many letters it took.
fn escape(rest: &[char], in_class: bool, out: &mut String) -> Option<usize> {
    let class = |out: &mut String, set: &str, negated: bool| match (in_class, negated) {
        (true, false) => out.push_str(set),
        (_, true) => _ = write!(out, "[^{set}]"),
        (false, false) => _ = write!(out, "[{set}]"),
    };
    let letter = *rest.first()?;
    match letter {
        'w' => class(out, WORD, false),
        'W' => class(out, WORD, true),
        'd' => class(out, DIGIT, false),
        'D' => class(out, DIGIT, true),
        's' => class(out, SPACE, false),
        'S' => class(out, SPACE, true),
        'p' | 'P' => {
            let (name, taken) = property(&rest[1..])?;
            match posix(&name) {
                Some(set) => class(out, set, letter == 'P'),
                None => _ = write!(out, "\\{letter}{{{name}}}"),
            }
            return Some(1 + taken);
        }
        'u' => {
            let (code, taken) = code_point(&rest[1..])?;
            _ = write!(out, "\\x{{{code:X}}}");
            return Some(1 + taken);
        }
        'Z' if !in_class => out.push_str(r"\z"),
        '1'..='9' | 'Q' | 'E' | 'G' | 'k' | 'R' | 'X' => return None,
        '<' | '>' => out.push(letter),
        _ => {
            out.push('\\');
            out.push(letter);
        }
    }
    Some(1)
}

/// The name of a property: `{Graph}` or one letter.
fn property(rest: &[char]) -> Option<(String, usize)> {
    if rest.first()? != &'{' {
        return Some((rest[0].to_string(), 1));
    }
    let end = rest.iter().position(|letter| *letter == '}')?;
    let name: String = rest[1..end].iter().collect();
    let name = name.strip_prefix("Is").map_or(name.clone(), str::to_owned);
    Some((name, end + 1))
}

/// Java's POSIX classes, which hold ASCII only.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "ASCII" => r"\x00-\x7F",
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "Alpha" => "A-Za-z",
        "Digit" => DIGIT,
        "Alnum" => "0-9A-Za-z",
        "Punct" => r"!-/:-@\[-`{-\~",
        "Graph" => r"!-\~",
        "Print" => r"\x20-\~",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9A-Fa-f",
        "Space" => SPACE,
        _ => return None,
    })
}

/// `\uXXXX`, or a pair of them that means one character.
fn code_point(rest: &[char]) -> Option<(u32, usize)> {
    let unit = |rest: &[char]| -> Option<u32> {
        let digits: String = rest.get(..4)?.iter().collect();
        u32::from_str_radix(&digits, 16).ok()
    };
    let high = unit(rest)?;
    if !(0xD800..0xDC00).contains(&high) {
        // A lone half of a pair can't occur in text; the private area stands in for it.
        return Some((if (0xDC00..0xE000).contains(&high) { 0xE000 } else { high }, 4));
    }
    if rest.get(4..6) != Some(&['\\', 'u']) {
        return Some((0xE000, 4));
    }
    let low = unit(&rest[6..]).filter(|low| (0xDC00..0xE000).contains(low))?;
    Some((0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00), 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_java_does() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("[A-Za-z0-9.@\\-_]+", &["a.b@c-d_e"], &["x y", ""]),
            ("^(?!\\s*$).+", &["a", " a"], &["", "  "]),
            ("^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$", &["1a", "a"], &["12", "a b"]),
            ("[\\p{Graph}\\x20]*", &["a b~", ""], &["\t", "é"]),
            ("[\\p{Upper}\\p{Digit}_]+", &["A_1"], &["a"]),
            ("(?i)all|[0-9]{12}", &["ALL", "123456789012"], &["ALLx", "1"]),
            ("\\d+", &["12"], &["١"]),
            (".*", &["abc"], &["a\nb", "a\u{2028}"]),
            ("[^\\p{C}]*", &["aé"], &["\u{1}"]),
            ("[a-zA-Z0-9-_]+", &["a-b"], &["a b"]),
            ("[\\u0020-\\uD7FF\\uD800\\uDC00-\\uDBFF\\uDFFF]*", &["a😀"], &["\u{1}"]),
            ("[\\w-\\/]+", &["a-/"], &[":"]),
            ("^.{1,100000}$", &["a"], &[""]),
            ("^$|a", &["", "a"], &["b"]),
        ];
        for (pattern, good, bad) in cases {
            let compiled = Pattern::new(pattern);
            assert!(compiled.is_checked(), "{pattern}");
            for value in *good {
                assert!(compiled.matches(value), "{pattern} should match {value:?}");
            }
            for value in *bad {
                assert!(!compiled.matches(value), "{pattern} should not match {value:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_compiled_accepts_everything() {
        let pattern = Pattern::new(r"(a)\1");
        assert!(!pattern.is_checked());
        assert!(pattern.matches("anything"));
    }
}
