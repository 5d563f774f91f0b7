//! Deploy, S3: the artifact's files, or the artifact itself, into a bucket or a folder.
//!
//! A bucket that `[pipeline.buckets]` names is a folder here. As in S3, what is deployed takes the
//! place of what has its name, and everything else stays. Performed again, it does the same again.

mod content_type;
mod folder;
mod upload;

use std::path::{Path, PathBuf};

use super::files;
use crate::artifact::blocking;
use crate::elsewhere::{Answer, Failure, Running, done, settle};
use crate::runners::Run;

/// A file to deploy.
#[derive(Debug, PartialEq, Eq)]
struct Object {
    /// Its key.
    key: String,
    /// Where it lies.
    file: PathBuf,
}

/// Runs the action.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    let bucket = run.required("BucketName")?;
    let key = run.setting("ObjectKey").map(|key| placed(run, key)).unwrap_or_default();
    let artifact = files::first(run)?;
    let work = run.tools.artifacts.work_folder()?;
    let objects = match run.required("Extract")?.to_ascii_lowercase().as_str() {
        "true" => {
            let into = work.path().join("artifact");
            run.tools.artifacts.unpack(&run.scope, artifact, &into).await?;
            let prefix = key.trim_end_matches('/').to_owned();
            blocking(move || objects(&into, &prefix)).await??
        }
        "false" if key.is_empty() => {
            return Err(Failure::configuration(
                "Action configuration is missing 'ObjectKey' configuration, which is required when Extract is false.",
            ));
        }
        "false" => vec![Object { key, file: run.tools.artifacts.get(&run.scope, artifact).await? }],
        other => {
            return Err(Failure::configuration(format!(
                "Extract is {other:?}, but must be true or false."
            )));
        }
    };
    match run.tools.pipeline.buckets.get(bucket) {
        Some(folder) => {
            let folder = run.tools.config_folder.join(folder);
            blocking(move || folder::deploy(&folder, &objects)).await??;
        }
        None => upload::deploy(run, bucket, &objects).await?,
    }
    Ok(done(Default::default()))
}

/// The key with its placeholders replaced. Neither time nor id is that of the moment, so that an
/// action that is performed again writes the same keys again.
fn placed(run: &Run, key: &str) -> String {
    let key = key.replace("{uuid}", &run.call.action_execution_id);
    if !key.contains("{datetime}") {
        return key;
    }
    let started = jiff::Timestamp::from_millisecond(run.call.started).unwrap_or_default();
    key.replace("{datetime}", &started.strftime("%Y-%m-%d_%H-%M-%S").to_string())
}

/// The files of an unpacked artifact, in order.
fn objects(root: &Path, prefix: &str) -> Result<Vec<Object>, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::job(format!("could not read the unpacked artifact: {error}"))
    };
    let root = root.canonicalize().map_err(cannot)?;
    let mut folders = vec![(root.clone(), prefix.to_owned())];
    let mut found = Vec::new();
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| {
                Failure::job(format!("the name of {} is not UTF-8", entry.path().display()))
            })?;
            let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            let kind = entry.file_type().map_err(cannot)?;
            if kind.is_dir() {
                folders.push((entry.path(), key));
            } else {
                found.push(Object { key, file: within(&root, &entry.path())? });
            }
        }
    }
    found.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(found)
}

/// The file itself; a link counts as what it leads to within the artifact.
fn within(root: &Path, path: &Path) -> Result<PathBuf, Failure> {
    let file = path.canonicalize().ok();
    file.filter(|file| file.starts_with(root) && file.is_file()).ok_or_else(|| {
        let name = path.strip_prefix(root).unwrap_or(path).display();
        Failure::job(format!("{name} is neither a file nor a link to a file of the artifact"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_their_paths_as_keys() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/c.txt"), "c").unwrap();
        std::fs::write(folder.path().join("index.html"), "i").unwrap();
        std::os::unix::fs::symlink("a/b/c.txt", folder.path().join("link")).unwrap();
        let keys = |prefix| {
            let found = objects(folder.path(), prefix).unwrap();
            found.into_iter().map(|object| object.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(""), ["a/b/c.txt", "index.html", "link"]);
        assert_eq!(keys("site"), ["site/a/b/c.txt", "site/index.html", "site/link"]);
    }

    #[test]
    fn a_link_out_of_the_artifact_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
        assert!(objects(folder.path(), "").unwrap_err().message.starts_with("link is neither"));
    }
}
