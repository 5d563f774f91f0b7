//! Reports of tests: kept beside the log, and counted where they are JUnit's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use trackway_performers::sandbox::read_regular;

use super::limits::{FILES_MAX, REPORT_BYTES_MAX, REPORT_FILES_MAX};
use super::logs::file_name;
use super::output::selection;
use super::spec::ReportSpec;
use crate::artifact::glob;

/// What of a report group was kept: an element of `reports` in `summary.json`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Kept {
    group: String,
    format: String,
    /// Files, relative to `reports/GROUP`.
    files: Vec<String>,
    #[serde(flatten)]
    counts: Option<Counts>,
}

impl Kept {
    /// A line of the log.
    pub(super) fn told(&self) -> String {
        let Self { group, files, counts, .. } = self;
        let files = files.len();
        match counts {
            Some(Counts { tests, failed, errors, skipped }) => format!(
                "Report {group}: {files} file(s), {tests} tests, {failed} failed, {errors} with errors, {skipped} skipped"
            ),
            None => format!("Report {group}: {files} file(s)"),
        }
    }
}

/// Test cases of JUnit's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    tests: u64,
    failed: u64,
    errors: u64,
    skipped: u64,
}

/// Keeps the reports of a build that has ended, and `summary.json` of them. What can't be kept is
/// left out: a build does not fail because of its reports.
pub(super) fn keep(
    specs: &[ReportSpec],
    (host, folder): (&Path, &str),
    environment: &BTreeMap<String, String>,
    beside: &Path,
) -> Vec<Kept> {
    let mut all = Vec::new();
    for ReportSpec { group, format, selection: spec } in specs {
        let chosen = selection(spec, folder, environment);
        let mut kept = Kept { group: group.clone(), format: format.clone(), ..Kept::default() };
        let is_junit = format.eq_ignore_ascii_case("JUNITXML");
        let to = beside.join("reports").join(file_name(group));
        let base = within(host, &chosen.base);
        let is_chosen =
            |name: &str| chosen.files.iter().any(|pattern| glob::matches(pattern, name));
        for name in base.as_deref().map(files).unwrap_or_default() {
            if kept.files.len() == REPORT_FILES_MAX || !is_chosen(&name) {
                continue;
            }
            let from = base.as_deref().unwrap_or(host).join(&name);
            let Ok(content) = read_regular(&from, REPORT_BYTES_MAX) else { continue };
            let name = match chosen.flat {
                true => name.rsplit('/').next().unwrap_or_default().to_owned(),
                false => name,
            };
            let file = to.join(&name);
            let made = file.parent().map_or(Ok(()), fs::create_dir_all);
            if made.and_then(|()| fs::write(&file, &content)).is_ok() {
                kept.files.push(name);
                if is_junit {
                    count(&String::from_utf8_lossy(&content), kept.counts.get_or_insert_default());
                }
            }
        }
        all.push(kept);
    }
    let summary = serde_json::json!({ "reports": all });
    let _ = fs::create_dir_all(beside)
        .and_then(|()| fs::write(beside.join("summary.json"), format!("{summary:#}\n")));
    all
}

/// A folder within another one, with no link on the way.
fn within(host: &Path, base: &str) -> Option<PathBuf> {
    let path = host.join(base.trim_matches('/'));
    let found = fs::canonicalize(&path).ok()?;
    found.starts_with(fs::canonicalize(host).ok()?).then_some(found)
}

/// The plain files below a folder, by their path from it; never through a link.
fn files(folder: &Path) -> Vec<String> {
    let (mut all, mut seen) = (Vec::new(), 0);
    let mut open = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else {
                continue;
            };
            if kind.is_dir() {
                open.push((entry.path(), format!("{prefix}{name}/")));
            } else if kind.is_file() {
                all.push(format!("{prefix}{name}"));
            }
            if seen == FILES_MAX {
                return all;
            }
        }
    }
    all.sort();
    all
}

/// Counts the test cases of a JUnit file by its tags. A test counts once, as its first bad end says.
fn count(text: &str, counts: &mut Counts) {
    let mut is_open = false;
    for tag in text.split('<').skip(1) {
        let name: &str = tag.split([' ', '>', '/', '\n', '\t', '\r']).next().unwrap_or_default();
        let end = |counter: &mut u64, is_open: &mut bool| {
            if std::mem::take(is_open) {
                *counter += 1;
            }
        };
        match name {
            "testcase" => {
                counts.tests += 1;
                is_open = true;
            }
            "failure" => end(&mut counts.failed, &mut is_open),
            "error" => end(&mut counts.errors, &mut is_open),
            "skipped" => end(&mut counts.skipped, &mut is_open),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::spec::ArtifactSpec;

    const JUNIT: &str = r#"<?xml version="1.0"?><testsuites><testsuite name="a" tests="4">
        <testcase name="ok"/><testcase name="bad"><failure message="x &lt;error"/><failure/></testcase>
        <testcase name="worse"><error/></testcase><testcase name="later"><skipped/></testcase>
        <system-out>...</system-out></testsuite></testsuites>"#;

    #[test]
    fn reports_are_kept_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("src");
        fs::create_dir_all(host.join("out/unit")).unwrap();
        fs::write(host.join("out/unit/a.xml"), JUNIT).unwrap();
        fs::write(host.join("out/notes.txt"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", host.join("out/unit/link.xml")).unwrap();
        let spec = ReportSpec {
            group: "unit/tests".to_owned(),
            format: "JunitXml".to_owned(),
            selection: ArtifactSpec {
                files: vec!["**/*.xml".to_owned()],
                base: Some("out".to_owned()),
                discard_paths: true,
                ..ArtifactSpec::default()
            },
        };
        let beside = folder.path().join("beside");
        let kept = keep(&[spec], (&host, "/src"), &BTreeMap::new(), &beside);
        assert_eq!(kept[0].files, ["a.xml"]);
        let counts = Counts { tests: 4, failed: 1, errors: 1, skipped: 1 };
        assert_eq!(kept[0].counts, Some(counts));
        assert!(beside.join("reports/unit_tests/a.xml").exists());
        let summary = fs::read_to_string(beside.join("summary.json")).unwrap();
        assert!(summary.contains("\"tests\": 4"), "{summary}");
    }
}
