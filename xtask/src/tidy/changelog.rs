//! CHANGELOG.md keeps the shape of Keep a Changelog.

use super::{Files, Problem};

const PATH: &str = "CHANGELOG.md";
const SECTIONS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

pub(super) fn check(files: &Files) -> Vec<Problem> {
    let Some(text) = files.text(PATH) else {
        return vec![Problem::of(PATH, "is missing")];
    };
    let mut problems = Vec::new();
    let mut releases = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut refuse = |what: String| problems.push(Problem::at(PATH, index + 1, what));
        if let Some(release) = line.strip_prefix("## ") {
            if !is_release(release) {
                refuse(format!("`{release}` is neither `[Unreleased]` nor `[1.2.3] - 2026-01-31`"));
            }
            releases.push(release);
        } else if let Some(section) = line.strip_prefix("### ")
            && !SECTIONS.contains(&section)
        {
            refuse(format!("`{section}` is not one of {}", SECTIONS.join(", ")));
        } else if line.starts_with("* ") {
            refuse("an entry starts with `- `".into());
        }
    }
    if releases.first() != Some(&"[Unreleased]") {
        problems.push(Problem::of(PATH, "the first release is `## [Unreleased]`"));
    }
    problems
}

fn is_release(heading: &str) -> bool {
    let shape = |text: &str| -> String {
        let letter = |letter: char| if letter.is_ascii_digit() { '0' } else { letter };
        text.chars().map(letter).collect()
    };
    let Some((version, date)) = heading.split_once(" - ") else {
        return heading == "[Unreleased]";
    };
    let version = version.trim_start_matches('[').trim_end_matches(']');
    let numbers = version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
    heading.starts_with('[') && numbers == 3 && shape(date) == "0000-00-00"
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files, lines};
    use super::*;

    fn of(text: &str) -> Vec<String> {
        lines(&check(&files(&[(PATH, text)])))
    }

    #[test]
    fn the_usual_shape_passes() {
        let text = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- This.\n\n\
                    ## [0.1.0] - 2026-01-31\n\n### Fixed\n\n- That.\n";
        assert_eq!(of(text), [""; 0]);
    }

    #[test]
    fn a_strange_release_section_or_bullet_is_shown() {
        let text = "# Changelog\n\n## v1\n\n### New\n\n* This.\n";
        assert_eq!(
            of(text),
            [
                "CHANGELOG.md:3: `v1` is neither `[Unreleased]` nor `[1.2.3] - 2026-01-31`",
                "CHANGELOG.md:5: `New` is not one of Added, Changed, Deprecated, Removed, Fixed, Security",
                "CHANGELOG.md:7: an entry starts with `- `",
                "CHANGELOG.md: the first release is `## [Unreleased]`",
            ],
        );
    }

    #[test]
    fn a_missing_changelog_is_a_problem() {
        assert_eq!(lines(&check(&files(&[]))), ["CHANGELOG.md: is missing"]);
    }
}
