//! A document opens with its one title, and its links to files lead somewhere.

use super::{Files, Problem};

pub(super) fn check(files: &Files) -> Vec<Problem> {
    files
        .texts(".md")
        .flat_map(|(path, text)| titles(path, text).chain(links(files, path, text)))
        .collect()
}

fn titles(path: &str, text: &str) -> impl Iterator<Item = Problem> {
    let opens = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = outside_code(text).filter(|(_, line)| line.starts_with("# ")).count();
    let missing = !opens.starts_with("# ");
    let problem = match (missing, count) {
        (true, _) => Some(Problem::at(path, 1, "opens with no `# Title`")),
        (false, 1) => None,
        (false, _) => Some(Problem::of(path, format!("{count} titles, a document has one"))),
    };
    problem.into_iter()
}

fn links<'a>(files: &'a Files, path: &'a str, text: &'a str) -> impl Iterator<Item = Problem> + 'a {
    outside_code(text).flat_map(move |(line, text)| {
        targets(text)
            .filter(move |target| !leads_somewhere(files, path, target))
            .map(move |target| Problem::at(path, line, format!("`{target}` is not there")))
    })
}

/// Lines outside code fences, with their numbers.
fn outside_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// What stands in the parentheses of `[text](target)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

fn leads_somewhere(files: &Files, from: &str, target: &str) -> bool {
    let file = target.split('#').next().unwrap_or_default();
    if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
        return true;
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            name => parts.push(name),
        }
    }
    parts.is_empty() || files.has(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files, lines};
    use super::*;

    #[test]
    fn a_document_has_one_title_at_its_top() {
        let set = [
            ("a.md", "# A\n\n```sh\n# a comment\n```\n"),
            ("b.md", "\nno title\n"),
            ("c.md", "# C\n\n# C again\n"),
        ];
        assert_eq!(
            lines(&check(&files(&set))),
            ["b.md:1: opens with no `# Title`", "c.md: 2 titles, a document has one"],
        );
    }

    #[test]
    fn a_link_leads_to_a_tracked_file_or_folder() {
        let text = "# D\n[up](../a.md) [part](#part) [web](https://example.com)\n\
                    [folder](../docs) [gone](gone.md) [out](../../b.md)\n";
        let set = [("a.md", "# A\n"), ("docs/d.md", text)];
        assert_eq!(
            lines(&check(&files(&set))),
            ["docs/d.md:3: `gone.md` is not there", "docs/d.md:3: `../../b.md` is not there"],
        );
    }
}
