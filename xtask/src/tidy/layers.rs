//! Dependencies point down: `cargo metadata` against the layer table of ARCHITECTURE.md.
//!
//! A row of the table is `| layer | room | crate | nature | may use |`. The table is exact: an
//! arrow that it lacks is refused, and so is an arrow that it has and the crates have not.

use super::{Files, Outcome, Problem};
use std::collections::{BTreeMap, BTreeSet};

const PATH: &str = "ARCHITECTURE.md";
/// The layer of rooms that only build or test the others.
const WORKSHOP: usize = 9;

/// What cargo says of one crate.
#[derive(Default)]
pub(super) struct Member {
    /// Its folder, from the root.
    pub(super) folder: String,
    uses: BTreeSet<String>,
    uses_in_tests: BTreeSet<String>,
}

/// What cargo says of the workspace: its crates by name.
pub(super) struct Workspace(pub(super) BTreeMap<String, Member>);

impl Workspace {
    pub(super) fn parse(metadata: &str) -> Outcome<Self> {
        let metadata: serde_json::Value = serde_json::from_str(metadata)?;
        let root = metadata["workspace_root"].as_str().unwrap_or_default();
        let packages = metadata["packages"].as_array().ok_or("cargo metadata has no packages")?;
        let members = packages.iter().map(|package| {
            let manifest = package["manifest_path"].as_str().unwrap_or_default();
            let folder = manifest.trim_start_matches(root).trim_end_matches("Cargo.toml");
            let mut member =
                Member { folder: folder.trim_matches('/').into(), ..Member::default() };
            for dependency in package["dependencies"].as_array().into_iter().flatten() {
                if dependency["path"].is_string() {
                    let name = dependency["name"].as_str().unwrap_or_default().to_string();
                    let test = dependency["kind"].as_str() == Some("dev");
                    if test { &mut member.uses_in_tests } else { &mut member.uses }.insert(name);
                }
            }
            (package["name"].as_str().unwrap_or_default().to_string(), member)
        });
        Ok(Self(members.collect()))
    }
}

/// What ARCHITECTURE.md says of one crate.
struct Room {
    line: usize,
    layer: usize,
    pure: bool,
    uses: BTreeSet<String>,
}

/// Names of the crates that the table calls pure.
pub(super) fn pure(files: &Files) -> Vec<String> {
    let rooms = table(files.text(PATH).unwrap_or_default());
    rooms.into_iter().filter(|(_, room)| room.pure).map(|(name, _)| name).collect()
}

pub(super) fn check(files: &Files, workspace: &Workspace) -> Vec<Problem> {
    let rooms = table(files.text(PATH).unwrap_or_default());
    let mut problems = Vec::new();
    for (name, member) in &workspace.0 {
        match rooms.get(name) {
            Some(room) => problems.extend(compare(name, member, room, &rooms)),
            None => problems.push(Problem::of(PATH, format!("the table has no row for `{name}`"))),
        }
    }
    for (name, room) in &rooms {
        if !workspace.0.contains_key(name) {
            problems.push(Problem::at(PATH, room.line, format!("there is no crate `{name}`")));
        }
    }
    problems
}

fn compare(
    name: &str,
    member: &Member,
    room: &Room,
    rooms: &BTreeMap<String, Room>,
) -> Vec<Problem> {
    let layer = |other: &String| rooms.get(other).map_or(WORKSHOP, |room| room.layer);
    let new = member.uses.difference(&room.uses);
    let stale = room.uses.difference(&member.uses);
    let up = member.uses.iter().filter(|other| layer(other) >= room.layer);
    let up_in_tests = member
        .uses_in_tests
        .iter()
        .filter(|other| *other != name && layer(other) >= room.layer && layer(other) != WORKSHOP);
    let mut problems: Vec<String> = Vec::new();
    problems.extend(new.map(|other| format!("`{name}` uses `{other}`: a new arrow needs a row")));
    problems.extend(stale.map(|other| format!("`{name}` no longer uses `{other}`")));
    problems.extend(up.map(|other| format!("`{name}` uses `{other}`, which is not below it")));
    problems.extend(
        up_in_tests.map(|other| format!("tests of `{name}` use `{other}`, which is not below it")),
    );
    problems.into_iter().map(|what| Problem::at(PATH, room.line, what)).collect()
}

/// The rows whose first cell is a layer: a digit, or `dev`.
fn table(text: &str) -> BTreeMap<String, Room> {
    text.lines().enumerate().filter_map(|(index, line)| row(index + 1, line)).collect()
}

fn row(line: usize, text: &str) -> Option<(String, Room)> {
    let cells: Vec<&str> = text.trim().trim_matches('|').split('|').map(str::trim).collect();
    let [layer, _, name, nature, uses] = cells.as_slice() else { return None };
    let layer = if *layer == "dev" { WORKSHOP } else { layer.parse().ok()? };
    let names = uses.split('`').skip(1).step_by(2).map(str::to_string);
    let room = Room { line, layer, pure: *nature == "pure", uses: names.collect() };
    Some((name.trim_matches('`').to_string(), room))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{files, lines};
    use super::*;

    const TABLE: &str = "\
        | layer | room | crate | nature | uses |\n\
        |---|---|---|---|---|\n\
        | 0 | core | `core` | pure | - |\n\
        | 1 | kinds/a | `a` | pure | `core` |\n\
        | dev | sim | `sim` | I/O | `a`, `core` |\n";

    /// A workspace from lines such as `a: core dev=sim`.
    fn workspace(lines: &[&str]) -> Workspace {
        let packages: Vec<serde_json::Value> = lines
            .iter()
            .map(|line| {
                let (name, uses) = line.split_once(':').expect("a colon");
                let uses = uses.split_whitespace().map(|word| match word.strip_prefix("dev=") {
                    Some(name) => serde_json::json!({"name": name, "path": "/p", "kind": "dev"}),
                    None => serde_json::json!({"name": word, "path": "/p", "kind": null}),
                });
                let manifest = format!("/p/crates/{name}/Cargo.toml");
                let uses: Vec<_> = uses.collect();
                serde_json::json!({"name": name, "manifest_path": manifest, "dependencies": uses})
            })
            .collect();
        let metadata = serde_json::json!({"workspace_root": "/p", "packages": packages});
        Workspace::parse(&metadata.to_string()).expect("well formed")
    }

    fn against_table(crates: &[&str]) -> Vec<String> {
        lines(&check(&files(&[(PATH, TABLE)]), &workspace(crates)))
    }

    #[test]
    fn the_crates_agree_with_the_table() {
        assert_eq!(against_table(&["core:", "a: core dev=sim", "sim: a core"]), [""; 0]);
    }

    #[test]
    fn an_arrow_that_the_table_lacks_is_refused() {
        assert_eq!(
            against_table(&["core: a", "a: core", "sim: a core"]),
            [
                "ARCHITECTURE.md:3: `core` uses `a`: a new arrow needs a row",
                "ARCHITECTURE.md:3: `core` uses `a`, which is not below it",
            ],
        );
    }

    #[test]
    fn an_arrow_that_is_gone_is_shown() {
        assert_eq!(
            against_table(&["core:", "a:", "sim: a core"]),
            ["ARCHITECTURE.md:4: `a` no longer uses `core`"],
        );
    }

    #[test]
    fn tests_may_not_look_up_either() {
        assert_eq!(
            against_table(&["core: dev=a", "a: core", "sim: a core"]),
            ["ARCHITECTURE.md:3: tests of `core` use `a`, which is not below it"],
        );
    }

    #[test]
    fn rows_and_crates_match_one_to_one() {
        assert_eq!(
            against_table(&["core:", "a: core", "b:"]),
            [
                "ARCHITECTURE.md: the table has no row for `b`",
                "ARCHITECTURE.md:5: there is no crate `sim`",
            ],
        );
    }

    #[test]
    fn a_folder_is_told_from_the_root() {
        assert_eq!(workspace(&["a:"]).0["a"].folder, "crates/a");
    }

    #[test]
    fn the_table_says_which_rooms_are_pure() {
        assert_eq!(pure(&files(&[(PATH, TABLE)])), ["a", "core"]);
    }
}
