//! No source file grows past what a reader can hold; no blob bloats the repository.

use super::{Files, Problem};

/// Lines of a Rust file, its test module not counted.
const LINES_MAX: usize = 700;
const BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) fn check(files: &Files) -> Vec<Problem> {
    let long = files.texts(".rs").filter(|(path, _)| !is_test(path)).filter_map(|(path, text)| {
        let lines = lines_before_tests(text);
        let what = || format!("{lines} lines without its tests, at most {LINES_MAX}: split it");
        (lines > LINES_MAX).then(|| Problem::of(path, what()))
    });
    let large = files.0.iter().filter(|(_, bytes)| bytes.len() > BYTES_MAX).map(|(path, bytes)| {
        Problem::of(path, format!("{} bytes, at most {BYTES_MAX}: keep it elsewhere", bytes.len()))
    });
    long.chain(large).collect()
}

/// Whether the whole file is a test.
pub(super) fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests")
}

fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "))
        .unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files, lines};
    use super::*;

    fn source(lines: usize) -> String {
        "// A line.\n".repeat(lines)
    }

    #[test]
    fn a_file_of_700_lines_passes_and_one_more_does_not() {
        assert!(check(&files(&[("a/src/lib.rs", &source(700))])).is_empty());
        assert_eq!(
            lines(&check(&files(&[("a/src/lib.rs", &source(701))]))),
            ["a/src/lib.rs: 701 lines without its tests, at most 700: split it"],
        );
    }

    #[test]
    fn tests_do_not_count() {
        let inline = source(600) + "#[cfg(test)]\nmod tests {\n" + &source(400) + "}\n";
        let set = [
            ("a/src/lib.rs", inline.as_str()),
            ("a/tests/long.rs", &source(900)),
            ("a/src/tests.rs", &source(900)),
        ];
        assert!(check(&files(&set)).is_empty());
    }

    #[test]
    fn a_blob_over_four_mebibytes_is_refused() {
        let blob = "x".repeat(BYTES_MAX + 1);
        assert_eq!(check(&files(&[("models/all.bin", &blob)])).len(), 1);
    }
}
