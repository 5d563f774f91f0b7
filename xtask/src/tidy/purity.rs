//! A pure room has a clippy.toml of its own that forbids clocks, files and random order, and keeps
//! the shared thresholds, which a member's file would otherwise drop.

use super::{Files, Problem, layers};

/// What the own file of a pure room forbids at least.
const FORBIDDEN: [&str; 5] = [
    "std::time::SystemTime::now",
    "std::time::Instant::now",
    "std::thread::spawn",
    "std::collections::HashMap",
    "std::collections::HashSet",
];

pub(super) fn check(files: &Files, workspace: &layers::Workspace) -> Vec<Problem> {
    let shared = files.text("clippy.toml").unwrap_or_default();
    layers::pure(files)
        .iter()
        .filter_map(|name| workspace.0.get(name))
        .flat_map(|member| of_room(files, &format!("{}/clippy.toml", member.folder), shared))
        .collect()
}

fn of_room(files: &Files, path: &str, shared: &str) -> Vec<Problem> {
    let Some(own) = files.text(path) else {
        return vec![Problem::of(path, "a pure room has its own clippy.toml; this one is missing")];
    };
    let settings = shared.lines().filter(|line| line.contains('=') && !line.starts_with('#'));
    let dropped = settings
        .filter(|setting| !own.lines().any(|line| line == *setting))
        .map(|setting| Problem::of(path, format!("drops the shared `{setting}`")));
    let open = FORBIDDEN
        .iter()
        .filter(|item| !own.contains(&format!("\"{item}\"")))
        .map(|item| Problem::of(path, format!("does not forbid `{item}`")));
    let bare = own
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("path =") && !line.contains("reason ="))
        .map(|(index, _)| Problem::at(path, index + 1, "forbids without a reason"));
    dropped.chain(open).chain(bare).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files, lines};
    use super::*;

    const TABLE: &str = "| 0 | core | `core` | pure | - |\n";
    const METADATA: &str = r#"{"workspace_root": "/p", "packages": [
        {"name": "core", "manifest_path": "/p/crates/core/Cargo.toml", "dependencies": []}]}"#;

    fn of(own: Option<&str>) -> Vec<String> {
        let shared = "# Shared.\ntoo-many-lines-threshold = 70\n";
        let mut set = vec![("ARCHITECTURE.md", TABLE), ("clippy.toml", shared)];
        set.extend(own.map(|text| ("crates/core/clippy.toml", text)));
        let workspace = layers::Workspace::parse(METADATA).expect("well formed");
        lines(&check(&files(&set), &workspace))
    }

    fn forbidding(items: &[&str]) -> String {
        let lines =
            items.iter().map(|item| format!("{{ path = \"{item}\", reason = \"pure\" }}\n"));
        "too-many-lines-threshold = 70\n".to_string() + &lines.collect::<String>()
    }

    #[test]
    fn a_complete_file_passes() {
        assert_eq!(of(Some(&forbidding(&FORBIDDEN))), [""; 0]);
    }

    #[test]
    fn a_missing_file_is_shown() {
        assert_eq!(
            of(None),
            ["crates/core/clippy.toml: a pure room has its own clippy.toml; this one is missing"],
        );
    }

    #[test]
    fn a_dropped_threshold_an_open_door_and_a_missing_reason_are_shown() {
        let own = forbidding(&FORBIDDEN[1..]).replace("= 70", "= 90").replacen(
            ", reason = \"pure\"",
            "",
            1,
        );
        assert_eq!(
            of(Some(&own)),
            [
                "crates/core/clippy.toml: drops the shared `too-many-lines-threshold = 70`",
                "crates/core/clippy.toml: does not forbid `std::time::SystemTime::now`",
                "crates/core/clippy.toml:2: forbids without a reason",
            ],
        );
    }
}
