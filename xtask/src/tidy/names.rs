//! A file is named for what it holds, and every Rust file is reached by a `mod` line.

use super::{Files, Problem};

/// Names that say nothing.
const EMPTY: [&str; 8] =
    ["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"];

pub(super) fn check(files: &Files) -> Vec<Problem> {
    let empty = files.paths().filter_map(|path| {
        let name = path.split('/').map(stem).find(|stem| EMPTY.contains(stem))?;
        Some(Problem::of(path, format!("`{name}` says nothing: name what it holds")))
    });
    empty.chain(dead(files)).collect()
}

fn stem(part: &str) -> &str {
    part.split('.').next().unwrap_or(part)
}

/// Modules under a `src/` that no other file of their crate declares.
fn dead(files: &Files) -> impl Iterator<Item = Problem> {
    files.texts(".rs").filter_map(|(path, _)| {
        let (crate_root, inner) = path.rsplit_once("/src/")?;
        let parts: Vec<&str> = inner.trim_end_matches(".rs").split('/').collect();
        let is_root = matches!(parts.as_slice(), ["lib" | "main"] | ["bin", ..]);
        let module = match parts.as_slice() {
            [.., folder, "mod"] => folder,
            [.., name] => name,
            [] => return None,
        };
        let folder = format!("{crate_root}/src/");
        let declared = files
            .texts(".rs")
            .filter(|(other, _)| other.starts_with(&folder) && *other != path)
            .any(|(_, text)| declares(text, module));
        (!is_root && !declared).then(|| Problem::of(path, format!("no `mod {module};` reaches it")))
    })
}

fn declares(text: &str, module: &str) -> bool {
    let declaration = format!("mod {module};");
    text.lines().any(|line| line.trim_end().ends_with(&declaration))
        || text.contains(&format!("{module}.rs\"]"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files, lines};
    use super::*;

    #[test]
    fn a_name_that_says_nothing_is_refused_as_file_and_as_folder() {
        let set = [("tests/e2e/helpers.py", ""), ("crates/common/README.md", "")];
        assert_eq!(
            lines(&check(&files(&set))),
            [
                "crates/common/README.md: `common` says nothing: name what it holds",
                "tests/e2e/helpers.py: `helpers` says nothing: name what it holds",
            ],
        );
    }

    #[test]
    fn a_module_that_nobody_declares_is_dead() {
        let set = [
            ("a/src/lib.rs", "pub mod live;\nmod folder;\n"),
            ("a/src/live.rs", "mod inner;\n"),
            ("a/src/live/inner.rs", ""),
            ("a/src/folder/mod.rs", ""),
            ("a/src/dead.rs", "// mod dead; in itself does not count\n"),
        ];
        assert_eq!(lines(&check(&files(&set))), ["a/src/dead.rs: no `mod dead;` reaches it"]);
    }

    #[test]
    fn a_binary_needs_no_mod_line() {
        assert!(check(&files(&[("a/src/main.rs", ""), ("a/src/bin/tool.rs", "")])).is_empty());
    }
}
