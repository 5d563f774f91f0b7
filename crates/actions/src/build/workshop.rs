//! The folders of one build, and what of them its sandbox sees.
//!
//! ```text
//!   ROOT/plan       /var/lib/trackway/build      read only: the driver, the commands
//!   ROOT/sources    /var/lib/trackway/sources    read only: what came in, as it was unpacked
//!   ROOT/work       /codebuild                   the build's own
//!   ROOT/tmp        /tmp                         the build's own
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use trackway_performers::sandbox::{self, Command, Work};

/// Where the driver and the commands are seen; `driver.sh` and `shell.sh` have the same.
const PLAN: &str = "/var/lib/trackway/build";
/// Where sources are seen before the build has a copy of its own.
const SOURCES: &str = "/var/lib/trackway/sources";
/// The build's own folder.
const OWN: &str = "/codebuild";

/// The folders; they go away with it.
pub(super) struct Workshop(PathBuf);

impl Workshop {
    /// Empty folders. What an earlier process left there is removed.
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        sandbox::remove(root);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        let shop = Self(fs::canonicalize(root)?);
        for name in ["plan", "sources", "work", "tmp"] {
            fs::create_dir(shop.0.join(name))?;
            readable(&shop.0.join(name))?;
        }
        Ok(shop)
    }

    /// Where the source of this number is to be unpacked.
    pub(super) fn source(&self, number: usize) -> PathBuf {
        self.0.join("sources").join(number.to_string())
    }

    /// The same, as the driver sees it.
    pub(super) fn source_inside(number: usize) -> String {
        format!("{SOURCES}/{number}")
    }

    /// A file for work in progress.
    pub(super) fn spare(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The plan's file, as the driver sees it.
    pub(super) fn plan_inside(name: &str) -> String {
        format!("{PLAN}/{name}")
    }

    /// Writes a file that the driver reads and no command can change.
    pub(super) fn write(&self, name: &str, content: &str) -> io::Result<()> {
        let file = self.0.join("plan").join(name);
        let plan = self.0.join("plan");
        for folder in Path::new(name).ancestors().skip(1).filter(|name| *name != Path::new("")) {
            fs::create_dir_all(plan.join(folder))?;
            readable(&plan.join(folder))?;
        }
        fs::write(&file, content)?;
        readable(&file)
    }

    /// Where a path of the build's own is on this machine, once nothing runs in it any more. None
    /// where a link stands in the way, by which it could be anywhere.
    pub(super) fn own(&self, inside: &str) -> Option<PathBuf> {
        let relative = Path::new(inside).strip_prefix(OWN).ok()?;
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let path = self.0.join("work").join(relative);
        (fs::canonicalize(&path).ok()? == path).then_some(path)
    }

    /// Reads a small file of the build's own.
    pub(super) fn read(&self, folder: &str, name: &str, bytes_max: u64) -> Option<Vec<u8>> {
        sandbox::read_regular(&self.own(folder)?.join(name), bytes_max).ok()
    }

    /// Gives a command these folders.
    pub(super) fn equip(&self, command: &mut Command) {
        let given = |name: &str, inside: &str| Work {
            host: self.0.join(name),
            inside: PathBuf::from(inside),
        };
        command.given = vec![given("plan", PLAN), given("sources", SOURCES)];
        command.work = Some(given("work", OWN));
        command.temporary = Some(self.0.join("tmp"));
    }
}

/// Lets the driver read all of a folder, whatever the server's own mask is: commands are another
/// user than the server, if the server is root.
pub(super) fn show(folder: PathBuf) -> io::Result<()> {
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        readable(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                readable(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// Lets everybody read a file or enter a folder; nobody else can come to it but by a sandbox.
fn readable(path: &Path) -> io::Result<()> {
    let facts = fs::metadata(path)?;
    let bits = if facts.is_dir() { 0o755 } else { 0o644 };
    let mode = facts.permissions().mode();
    match mode & bits == bits {
        true => Ok(()),
        false => fs::set_permissions(path, fs::Permissions::from_mode(mode | bits)),
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        sandbox::remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_builds_own_is_never_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let shop = Workshop::new(&folder.path().join("one")).unwrap();
        let work = shop.0.join("work");
        fs::create_dir_all(work.join("output/src")).unwrap();
        fs::write(work.join("output/src/file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", work.join("state")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", work.join("output/src/link")).unwrap();
        assert_eq!(shop.own("/codebuild/output/src"), Some(work.join("output/src")));
        assert_eq!(shop.read("/codebuild/output/src", "file", 10), Some(b"x".to_vec()));
        for outside in ["/codebuild/state", "/codebuild/../plan", "/etc", "/codebuild/absent"] {
            assert_eq!(shop.own(outside), None, "{outside}");
        }
        assert_eq!(shop.read("/codebuild/output/src", "link", 10_000), None);
        drop(shop);
        assert!(!folder.path().join("one").exists());
    }
}
