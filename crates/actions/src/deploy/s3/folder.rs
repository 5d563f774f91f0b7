//! Into a folder that stands for a bucket.
//!
//! Each file is written beside its place and then moved there, so that who reads sees the old one or
//! the new one. No link on the way is followed: it might lead out of the folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Object;
use crate::deploy::files::plain;
use crate::elsewhere::Failure;

/// Deploys into the folder, which is made if it is not there.
pub(super) fn deploy(folder: &Path, objects: &[Object]) -> Result<(), Failure> {
    // All are looked at before the first is written.
    let mut places = Vec::new();
    for object in objects {
        places.push((place(folder, &object.key)?, object));
    }
    let mut changed = BTreeSet::new();
    for (place, object) in &places {
        put(place, &object.file).map_err(|error| cannot(place, &error))?;
        let above = place.ancestors().skip(1).take_while(|above| above.starts_with(folder));
        changed.extend(above);
    }
    // What the action says that it has deployed is there after a power failure, too.
    for changed in changed {
        let synced = fs::File::open(changed).and_then(|changed| changed.sync_all());
        synced.map_err(|error| cannot(changed, &error))?;
    }
    Ok(())
}

fn cannot(place: &Path, error: &io::Error) -> Failure {
    Failure::job(format!("could not write {}: {error}", place.display()))
}

/// Where an object of this key lies.
fn place(folder: &Path, key: &str) -> Result<PathBuf, Failure> {
    let refused = |why: &str| Failure::job(format!("the key {key:?} {why}"));
    let within = plain(key).filter(|_| !key.ends_with('/'));
    let within = within.ok_or_else(|| refused("is not a path within a folder"))?;
    let mut at = folder.to_owned();
    for name in &within {
        at.push(name);
        let about = match fs::symlink_metadata(&at) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(refused(&format!("can't be looked up: {error}"))),
        };
        if about.is_symlink() {
            return Err(refused("leads over a link"));
        }
    }
    Ok(folder.join(within))
}

fn put(place: &Path, file: &Path) -> io::Result<()> {
    let parent = place.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    let mut written = tempfile::Builder::new().prefix(".deploying-").tempfile_in(parent)?;
    let mut source = fs::File::open(file)?;
    io::copy(&mut source, written.as_file_mut())?;
    written.as_file().set_permissions(source.metadata()?.permissions())?;
    written.as_file().sync_all()?;
    written.persist(place).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(folder: &Path, key: &str, content: &str) -> Object {
        let file = folder.join(format!("source-{}", key.len()));
        fs::write(&file, content).unwrap();
        Object { key: key.to_owned(), file }
    }

    #[test]
    fn files_are_replaced_and_others_stay() {
        let (work, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let to = to.path().join("site");
        deploy(&to, &[object(work.path(), "a/one", "1"), object(work.path(), "two", "2")]).unwrap();
        deploy(&to, &[object(work.path(), "two", "3")]).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/one")).unwrap(), "1");
        assert_eq!(fs::read_to_string(to.join("two")).unwrap(), "3");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 2);
    }

    #[test]
    fn nothing_is_written_outside() {
        let (work, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), to.path().join("link")).unwrap();
        for key in ["../x", "/x", "a/../../x", "link", "link/x", "", "a/", "."] {
            let wrong = object(work.path(), key, "x");
            let good = object(work.path(), "good", "x");
            assert!(deploy(to.path(), &[good, wrong]).is_err(), "{key}");
        }
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(!to.path().join("good").exists());
    }
}
