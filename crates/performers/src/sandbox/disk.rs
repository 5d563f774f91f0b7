//! The folders that a command writes to: how much is in them, and how they are removed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a command's folders are measured.
const PERIOD: Duration = Duration::from_millis(500);
/// What an entry of a folder counts for, however empty it is: entries use up a disk as well.
const ENTRY_BYTES: u64 = 512;
const BLOCK_BYTES: u64 = 512;

/// Resolves when more than so much lies in the folders.
pub(super) async fn overfull(folders: Vec<PathBuf>, bytes_max: u64) {
    if folders.is_empty() {
        return std::future::pending().await;
    }
    let mut clock = tokio::time::interval(PERIOD);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let folders = folders.clone();
        let measured = tokio::task::spawn_blocking(move || exceeds(folders, bytes_max)).await;
        if measured.unwrap_or(false) {
            return;
        }
    }
}

/// Whether more than so much lies in the folders; never looks through a link.
fn exceeds(mut folders: Vec<PathBuf>, bytes_max: u64) -> bool {
    let mut bytes: u64 = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            let Ok(facts) = entry.metadata() else { continue };
            bytes += facts.blocks() * BLOCK_BYTES + ENTRY_BYTES;
            if bytes > bytes_max {
                return true;
            }
            if facts.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    false
}

/// Removes a folder that a command wrote to, when nothing runs in it any more. The command may have taken its own
/// rights to it away.
pub fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_err() {
        open_up(folder);
        // What can't be removed now is removed before the folder is used again, or never: nothing depends on it.
        let _ = fs::remove_dir_all(folder);
    }
}

/// Gives the owner every right to the folders in a folder; never through a link.
fn open_up(folder: &Path) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let is_folder = fs::symlink_metadata(&folder).is_ok_and(|facts| facts.is_dir());
        if !is_folder || fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).is_err() {
            continue;
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(entries.map(|entry| entry.path()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_points_to_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::write(folder.path().join("large"), vec![1; 100_000]).unwrap();
        std::os::unix::fs::symlink(folder.path(), inner.join("up")).unwrap();
        assert!(!exceeds(vec![inner.clone()], 50_000));
        assert!(exceeds(vec![folder.path().to_owned()], 50_000));
        fs::write(inner.join("large"), vec![1; 100_000]).unwrap();
        assert!(exceeds(vec![inner], 50_000));
    }

    #[test]
    fn a_folder_without_rights_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        let deep = top.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "x").unwrap();
        for locked in [&deep, &top.join("a")] {
            fs::set_permissions(locked, fs::Permissions::from_mode(0o000)).unwrap();
        }
        remove(&top);
        assert!(!top.exists());
    }
}
