//! Whether a function's files have changed: a fingerprint of names, sizes and times.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// A function's own files are few; a data folder beside them must not make each look slow.
const ENTRIES_MAX: usize = 10_000;
const DEPTH_MAX: usize = 8;
/// Installed packages change by being installed anew, which shows in the names and times of their folders.
const PACKAGES_DEPTH: usize = 1;

/// What the files looked like; equal fingerprints mean that nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fingerprint(u64);

/// Looks at the files under a folder. What cannot be read counts as absent.
pub(super) fn fingerprint(root: &Path) -> Fingerprint {
    let mut scan = Scan { sum: 0, entries: 0 };
    scan.folder(root, DEPTH_MAX);
    Fingerprint(scan.sum)
}

struct Scan {
    /// A sum, because the order in which a folder lists its entries means nothing.
    sum: u64,
    entries: usize,
}

impl Scan {
    fn folder(&mut self, path: &Path, depth: usize) {
        let Ok(entries) = std::fs::read_dir(path) else { return };
        for entry in entries.flatten() {
            if self.entries == ENTRIES_MAX {
                return;
            }
            self.entries += 1;
            self.entry(&entry, depth);
        }
    }

    fn entry(&mut self, entry: &std::fs::DirEntry, depth: usize) {
        let name = entry.file_name();
        let ignored = name == "__pycache__" || name.as_encoded_bytes().starts_with(b".");
        if ignored {
            return;
        }
        let path = entry.path();
        // Follows links: an edit of what a link points to is a change. Loops end at the depth limit.
        let Ok(facts) = std::fs::metadata(&path) else { return };
        if facts.is_dir() {
            let packages = name == "node_modules";
            // A folder's own time changes when a bytecode cache appears in it, so only packages are judged by it.
            if depth == 0 {
                self.add(&path, &facts);
                return;
            }
            let below = if packages { PACKAGES_DEPTH - 1 } else { depth - 1 };
            return self.folder(&path, below);
        }
        self.add(&path, &facts);
    }

    fn add(&mut self, path: &Path, facts: &std::fs::Metadata) {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        facts.len().hash(&mut hasher);
        facts.modified().ok().hash(&mut hasher);
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_edit_shows_and_what_is_ignored_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["lib", "__pycache__", ".git", "node_modules/left/lib"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        fs::write(root.join("app.py"), "1").unwrap();
        let first = fingerprint(root);
        assert_eq!(fingerprint(root), first);

        for ignored in
            ["__pycache__/app.pyc", ".git/index", ".env", "node_modules/left/lib/deep.js"]
        {
            fs::write(root.join(ignored), "2").unwrap();
            assert_eq!(fingerprint(root), first, "{ignored} is ignored");
        }
        let mut last = first;
        for seen in ["app.py", "lib/more.py", "node_modules/left/index.js"] {
            fs::write(root.join(seen), "a longer text").unwrap();
            let now = fingerprint(root);
            assert_ne!(now, last, "{seen} is seen");
            last = now;
        }
        fs::remove_file(root.join("lib/more.py")).unwrap();
        assert_ne!(fingerprint(root), last, "a removal is seen");
    }
}
