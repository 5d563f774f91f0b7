//! What actions leave on the disk goes with the pipelines' history: logs with the reports beside
//! them, and artifacts that lie here.
//!
//! It goes by the age of the files alone, so nothing is asked of the store: a log by when it was
//! last written, an artifact by when it was last written or read.

use std::fs;
use std::path::Path;
use std::sync::Weak;
use std::time::{Duration, SystemTime};

use crate::Tools;
use crate::artifact::blocking;
use crate::build::logs;

/// How long one look is after the other.
const LOOK_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Drops what is older than that, now and once a day, for as long as the tools are in use.
pub async fn sweep(tools: Weak<Tools>, keep: Duration) {
    loop {
        let Some(tools) = tools.upgrade() else { return };
        // What could not be dropped is still there at the next look.
        let _count = blocking(move || drop_old(&tools, keep)).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Drops what is older than that. Returns how many files and folders went.
pub fn drop_old(tools: &Tools, keep: Duration) -> u64 {
    drop_unused(&logs::folder(&tools.folder), keep) + tools.artifacts.drop_unused(keep)
}

/// Drops what in a folder has not been changed for that long: files, and folders with all that is
/// in them. Returns how many of them. What can't be dropped is left.
pub(crate) fn drop_unused(folder: &Path, after: Duration) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut count = 0;
    for entry in entries.flatten() {
        let path = entry.path();
        if age(&path).is_none_or(|age| age <= after) {
            continue;
        }
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let dropped = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        count += u64::from(dropped.is_ok());
    }
    count
}

/// How long ago a file or folder was changed; none if it is not there, or the clock was set back.
pub(crate) fn age(path: &Path) -> Option<Duration> {
    let changed = fs::symlink_metadata(path).and_then(|data| data.modified()).ok()?;
    SystemTime::now().duration_since(changed).ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_was_not_changed_for_long_goes_and_the_rest_stays() {
        let home = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(1000);
        for name in ["old", "new"] {
            fs::create_dir_all(home.path().join(name).join("reports")).unwrap();
            fs::write(home.path().join(format!("{name}.log")), name).unwrap();
        }
        for name in ["old", "old.log"] {
            File::open(home.path().join(name)).unwrap().set_modified(long_ago).unwrap();
        }
        assert_eq!(drop_unused(home.path(), Duration::from_secs(2000)), 0);
        assert_eq!(drop_unused(home.path(), Duration::from_secs(500)), 2);
        let mut left: Vec<_> =
            fs::read_dir(home.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["new", "new.log"]);
        assert_eq!(drop_unused(&home.path().join("nowhere"), Duration::ZERO), 0);
    }
}
