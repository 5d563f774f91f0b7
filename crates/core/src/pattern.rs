//! Regular expressions in Java's dialect, as AWS's documents and pipelines have them.
//!
//! Java's `\w`, `\d` and `\s` are ASCII and its look-around is real. The first is written out, the
//! second is the engine's; how far the engine may go back is bounded.

use fancy_regex::{Regex, RegexBuilder};

/// How many steps back a pattern may take; a text for which it wants more does not match.
const BACKTRACK_MAX: usize = 100_000;

const CLASSES: [(char, &str); 4] =
    [('w', "A-Za-z0-9_"), ('d', "0-9"), ('s', r" \t\n\x0B\f\r"), ('h', r" \t\xA0")];

/// Java's POSIX names, and the engine's.
const POSIX: [(&str, &str); 13] = [
    ("Lower", "lower"),
    ("Upper", "upper"),
    ("ASCII", "ascii"),
    ("Alpha", "alpha"),
    ("Digit", "digit"),
    ("Alnum", "alnum"),
    ("Punct", "punct"),
    ("Graph", "graph"),
    ("Print", "print"),
    ("Blank", "blank"),
    ("Cntrl", "cntrl"),
    ("XDigit", "xdigit"),
    ("Space", "space"),
];

/// Compiles a pattern.
///
/// # Errors
/// The text is no pattern, and why.
pub fn pattern(text: &str) -> Result<Regex, String> {
    compile(&translate(text))
}

fn compile(text: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(text).backtrack_limit(BACKTRACK_MAX).build();
    compiled.map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
}

/// Whether a pattern is found in a text, which it need not cover: what it should cover is anchored.
/// So the node's agent takes `allowedPattern`.
#[must_use]
pub fn matches(pattern: &Regex, text: &str) -> bool {
    pattern.is_match(text).unwrap_or(false)
}

/// Compiles a pattern that is found where it covers the whole text: Java's `matches`.
///
/// # Errors
/// The text is no pattern, and why.
pub fn whole(text: &str) -> Result<Regex, String> {
    // It must be a pattern without its surroundings, lest it close their bracket.
    let text = translate(text);
    compile(&text)?;
    compile(&format!(r"\A(?:{text})\z"))
}

/// Java's dialect as the engine's.
fn translate(java: &str) -> String {
    let mut out = String::with_capacity(java.len());
    let mut depth = 0_usize;
    let mut rest = java;
    while let Some(c) = rest.chars().next() {
        if let Some(escaped) = rest.strip_prefix('\\') {
            rest = escape(escaped, depth > 0, &mut out);
            continue;
        }
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            // The engine's set difference, which Java does not have.
            '~' if depth > 0 => out.push('\\'),
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Writes what follows a backslash, and gives what comes after it.
fn escape<'t>(text: &'t str, inside: bool, out: &mut String) -> &'t str {
    let Some(c) = text.chars().next() else {
        out.push('\\');
        return text;
    };
    let rest = &text[c.len_utf8()..];
    let lower = c.to_ascii_lowercase();
    if let Some((_, class)) = CLASSES.iter().find(|(name, _)| *name == lower) {
        match (c == lower, inside) {
            (true, true) => out.push_str(class),
            (true, false) => out.push_str(&format!("[{class}]")),
            (false, _) => out.push_str(&format!("[^{class}]")),
        }
        return rest;
    }
    match c {
        'Q' => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            rest
        }
        'p' | 'P' => property(c, rest, out),
        '<' | '>' => {
            out.push(c);
            rest
        }
        _ => {
            out.push('\\');
            out.push(c);
            rest
        }
    }
}

/// `\p{Alpha}` and its like.
fn property<'t>(letter: char, text: &'t str, out: &mut String) -> &'t str {
    let braced = text.strip_prefix('{').and_then(|inner| inner.split_once('}'));
    let Some((name, rest)) = braced else {
        out.push('\\');
        out.push(letter);
        return text;
    };
    let not = if letter == 'P' { "^" } else { "" };
    match POSIX.iter().find(|(java, _)| *java == name) {
        Some((_, posix)) => out.push_str(&format!("[[:{not}{posix}:]]")),
        None => {
            let name = name.strip_prefix("Is").unwrap_or(name);
            out.push_str(&format!("\\{letter}{{{name}}}"));
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_patterns_match_what_java_matches() {
        let cases = [
            (r"^\d+$", "12", true),
            (r"^\d+$", "१२", false),
            (r"^[\w\/+=.@-]{1,512}$", "a/b+c", true),
            (r"^[\w\/+=.@-]{1,512}$", "é", false),
            (r"^(?!.*--)[a-z][a-z0-9-]{0,62}(?<!-)$", "a-b", true),
            (r"^(?!.*--)[a-z][a-z0-9-]{0,62}(?<!-)$", "a--b", false),
            (r"^\p{Alpha}+$", "abc", true),
            (r"^[\p{Digit}x]+$", "1x2", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^\S+$", "a b", false),
            (r"^[^\s]+$", "ab", true),
            (r"^[\W]+$", "--", true),
            (r"^\<a\>$", "<a>", true),
            (r"^[a-z&&[^b]]+$", "b", false),
            (r"^key/(?i:[0-9a-f]{8})$", "key/0A1b2c3D", true),
            ("^[^\"]*$", "say \"x\"", false),
            (r"(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false),
            (r"^(?=(a+)+$)b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false),
        ];
        for (java, text, expected) in cases {
            let compiled = pattern(java).unwrap_or_else(|why| panic!("{java}: {why}"));
            assert_eq!(matches(&compiled, text), expected, "{java} and {text}");
        }
        for java in ["(", "[z-a]", "*", "[a"] {
            assert!(pattern(java).is_err(), "{java}");
        }
    }

    #[test]
    fn a_whole_pattern_covers_the_text() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("a|ab", "ab", true),
            ("a", "ab", false),
            ("^a$", "a", true),
            ("main|release/.*", "release/1", true),
            ("main|release/.*", "x-main", false),
            ("(?i)MAIN", "main", true),
            (".*fix.*", "a\nfix", false),
            ("(?s).*fix.*", "a\nfix", true),
            (r"\Qa.b", "a.b", true),
            ("a", "a\n", false),
        ];
        for (java, text, expected) in cases {
            let compiled = whole(java).unwrap_or_else(|why| panic!("{java}: {why}"));
            assert_eq!(matches(&compiled, text), expected, "{java} and {text}");
        }
        for java in ["a)|(b", "(", ")"] {
            assert!(whole(java).is_err(), "{java}");
        }
    }
}
