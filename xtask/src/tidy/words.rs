//! Words that mean unfinished work, and paths that exist on one machine only.

use super::{Files, Problem};

/// The kinds of file a person reads.
const TEXTS: [&str; 9] = [".rs", ".py", ".js", ".mjs", ".md", ".toml", ".json", ".sh", ".txt"];

/// A word in two halves, so that this file does not hold it, and why it is refused.
const REFUSED: [(&str, &str, &str); 9] = [
    ("FIX", "ME", "finish it, or write an issue"),
    ("XX", "X:", "finish it, or write an issue"),
    ("dbg", "!(", "leave no debugging behind"),
    ("todo", "!(", "finish it, or refuse it with an error"),
    ("unimplement", "ed!(", "finish it, or refuse it with an error"),
    ("/ro", "ot/", "a path of one machine"),
    ("/ho", "me/", "a path of one machine"),
    ("/Us", "ers/", "a path of one machine"),
    ("/wo", "rk/", "a path of one machine"),
];

pub(super) fn check(files: &Files) -> Vec<Problem> {
    let readable = |path: &&str| TEXTS.iter().any(|suffix| path.ends_with(suffix));
    let texts = files.paths().filter(readable).chain(["x", ".ci/run"]);
    texts
        .filter_map(|path| Some((path, files.text(path)?)))
        .flat_map(|(path, text)| {
            text.lines()
                .enumerate()
                .flat_map(move |(index, line)| in_line(line).map(move |what| (path, index, what)))
        })
        .map(|(path, index, what)| Problem::at(path, index + 1, what))
        .collect()
}

fn in_line(line: &str) -> impl Iterator<Item = String> {
    REFUSED.iter().filter_map(move |(head, tail, why)| {
        let word = format!("{head}{tail}");
        starts_afresh(line, &word).then(|| format!("`{word}`: {why}"))
    })
}

/// Whether `word` stands in `line` other than as the tail of a longer word or path, so that a URL
/// or a path in a sandbox (`https://host/home/page`, `/srv/data/`) is let through.
fn starts_afresh(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || "_-.}".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files, lines};
    use super::*;

    #[test]
    fn an_unfinished_line_is_shown_with_its_place() {
        let text = format!("fn a() {{\n    {}!()\n}}\n", "todo");
        assert_eq!(
            lines(&check(&files(&[("a/src/lib.rs", &text)]))),
            [format!("a/src/lib.rs:2: `{}!(`: finish it, or refuse it with an error", "todo")],
        );
    }

    #[test]
    fn a_path_of_one_machine_is_refused_but_the_end_of_a_url_is_not() {
        let own = format!("see {}me/ada/notes", "/ho");
        let url = format!("https://example.com{}me/page and my_{}!(x)", "/ho", "dbg");
        let set = [("a.md", own.as_str()), ("b.md", url.as_str())];
        let found = check(&files(&set));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "a.md");
    }

    #[test]
    fn the_script_without_a_suffix_is_read_too() {
        let text = format!("#!/bin/sh\n# {}ME later\n", "FIX");
        assert_eq!(check(&files(&[("x", &text)])).len(), 1);
    }
}
