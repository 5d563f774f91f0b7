//! Patterns of names, as buildspecs and triggers have them.
//!
//! `*` is any text without `/`, `**` any text, `?` one character but `/`, `[a-z]` and `[!a-z]` one
//! of a set, `{a,b}` one of several texts, `\` takes the next character as it is. `**/` may also be
//! nothing at all, so `**/*` is every file.

/// Texts that braces may stand for. Braces that would make more of them are taken as they are.
const ALTERNATIVES_MAX: usize = 256;

/// Whether the whole text is of this pattern.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    expand(pattern).iter().any(|pattern| {
        let parts = parse(pattern);
        walk(&parts, &text)
    })
}

/// One place of a pattern.
enum Part {
    One(char),
    Any,
    Set(Vec<(char, char)>, bool),
    /// `*`
    Within,
    /// `**`
    Across,
    /// The next two places may be left out: `**/`.
    Optional,
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::One(wanted) => *wanted == letter,
            Self::Any | Self::Within => letter != '/',
            Self::Set(ranges, is_negated) => {
                let is_in = ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter));
                letter != '/' && is_in != *is_negated
            }
            Self::Across => true,
            Self::Optional => false,
        }
    }
}

fn parse(pattern: &[char]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(letter) = pattern.get(at) {
        let starts_name = at == 0 || pattern.get(at - 1) == Some(&'/');
        at += 1;
        let part = match letter {
            '\\' => {
                at += 1;
                Part::One(pattern.get(at - 1).copied().unwrap_or('\\'))
            }
            '?' => Part::Any,
            '*' if pattern.get(at) == Some(&'*') => {
                at += 1;
                if starts_name && pattern.get(at) == Some(&'/') {
                    parts.push(Part::Optional);
                }
                Part::Across
            }
            '*' => Part::Within,
            '[' => match set(pattern.get(at..).unwrap_or_default()) {
                Some((part, length)) => {
                    at += length;
                    part
                }
                None => Part::One('['),
            },
            letter => Part::One(*letter),
        };
        parts.push(part);
    }
    parts
}

/// A set, from behind its `[`, and how long it is; none if it does not end.
fn set(rest: &[char]) -> Option<(Part, usize)> {
    let is_negated = matches!(rest.first()?, '!' | '^');
    let start = usize::from(is_negated);
    let end = start + 1 + rest.get(start + 1..)?.iter().position(|letter| *letter == ']')?;
    let (inside, mut ranges, mut at) = (rest.get(start..end)?, Vec::new(), 0);
    while let Some(from) = inside.get(at) {
        let to = match (inside.get(at + 1), inside.get(at + 2)) {
            (Some('-'), Some(to)) => {
                at += 2;
                to
            }
            _ => from,
        };
        ranges.push((*from, *to));
        at += 1;
    }
    Some((Part::Set(ranges, is_negated), end + 1))
}

/// Walks the text once and keeps every place of the pattern that it may be at.
fn walk(parts: &[Part], text: &[char]) -> bool {
    let mut at = vec![false; parts.len() + 1];
    at[0] = true;
    pass(parts, &mut at);
    for letter in text {
        let mut next = vec![false; parts.len() + 1];
        for (place, part) in parts.iter().enumerate() {
            if at[place] && part.takes(*letter) {
                let stays = matches!(part, Part::Within | Part::Across);
                next[place + usize::from(!stays)] = true;
            }
        }
        pass(parts, &mut next);
        at = next;
    }
    at[parts.len()]
}

/// From a place that may be nothing one may be at a later one as well.
fn pass(parts: &[Part], at: &mut [bool]) {
    for (place, part) in parts.iter().enumerate() {
        if at[place] && matches!(part, Part::Within | Part::Across | Part::Optional) {
            at[place + 1] = true;
            if matches!(part, Part::Optional) {
                at[place + 3] = true;
            }
        }
    }
}

/// The pattern once for each choice of its braces.
fn expand(pattern: &str) -> Vec<Vec<char>> {
    let mut waiting: Vec<Vec<char>> = vec![pattern.chars().collect()];
    let mut done = Vec::new();
    while let Some(pattern) = waiting.pop() {
        match braces(&pattern) {
            Some((open, close, commas))
                if waiting.len() + done.len() + commas.len() < ALTERNATIVES_MAX =>
            {
                let (before, after) = (&pattern[..open], &pattern[close + 1..]);
                let ends = commas.iter().copied().chain([close]);
                let mut from = open + 1;
                for end in ends {
                    waiting.push([before, &pattern[from..end], after].concat());
                    from = end + 1;
                }
            }
            _ => done.push(pattern),
        }
    }
    done
}

/// The first pair of braces and the commas directly within it.
fn braces(pattern: &[char]) -> Option<(usize, usize, Vec<usize>)> {
    let (mut open, mut depth, mut commas, mut escaped) = (0, 0, Vec::new(), false);
    for (at, letter) in pattern.iter().enumerate() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match letter {
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    open = at;
                }
                depth += 1;
            }
            ',' if depth == 1 => commas.push(at),
            '}' if depth == 1 => return Some((open, at, commas)),
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{ALTERNATIVES_MAX, expand, matches};

    #[test]
    fn a_star_stays_within_a_folder_and_two_do_not() {
        for (pattern, text, expected) in [
            ("main", "main", true),
            ("main", "mains", false),
            ("*", "a", true),
            ("*", "a/b", false),
            ("*", "", true),
            ("**", "a/b", true),
            ("**/*", "a", true),
            ("**/*", "a/b/c", true),
            ("**/*.js", "a/b.js", true),
            ("**/*.js", "b.js", true),
            ("**/b", "ab", false),
            ("**/b", "a/b", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "ab", false),
            ("a/**/b", "a/xb", false),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("release-*", "release-1.2", true),
            ("feature/*", "feature/a/b", false),
            ("v?.[0-9]", "v1.2", true),
            ("v[!0-9]", "v1", false),
            ("v[!0-9]", "vx", true),
            ("v[]x]", "v]", true),
            ("v[", "v[", true),
            ("{a,b}c", "bc", true),
            ("{a,b/{x,y}}", "b/y", true),
            ("{a,b}c", "cc", false),
            ("{", "{", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("\\{a,b\\}", "{a,b}", true),
            ("\\", "\\", true),
            ("", "", true),
            ("", "a", false),
            ("日*", "日本", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_longer() {
        let pattern = "*a".repeat(60) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
        assert!(!matches(&"{a,b}".repeat(60), "x"));
    }

    #[test]
    fn braces_stand_for_a_limited_number_of_texts() {
        for pattern in [
            format!("{{{}}}{}", "a,".repeat(5000), "b".repeat(5000)),
            "{a,b}".repeat(60),
            "{a,b,c,d,e,f,g}".repeat(60),
        ] {
            assert!(expand(&pattern).len() <= ALTERNATIVES_MAX, "{} letters", pattern.len());
        }
        // As many as a trigger's pattern of 255 characters can have.
        assert!(matches(&format!("{{{}b}}", "a,".repeat(126)), "b"));
    }
}
