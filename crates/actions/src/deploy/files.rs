//! Files in input artifacts, and output artifacts of one file.

use std::path::{Component, Path, PathBuf};

use trackway_pipeline::request::Artifact;

use crate::artifact::Selection;
use crate::elsewhere::Failure;
use crate::runners::Run;

/// The largest file that is read whole: of a template, of parameters, of image definitions.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The first input artifact.
pub(crate) fn first(run: &Run) -> Result<&Artifact, Failure> {
    let first = run.call.input_artifacts.first();
    first.ok_or_else(|| Failure::configuration("The action has no input artifact."))
}

/// The input artifact of this name.
pub(crate) fn artifact<'a>(run: &'a Run, name: &str) -> Result<&'a Artifact, Failure> {
    let found = run.call.input_artifacts.iter().find(|artifact| artifact.name == name);
    found.ok_or_else(|| {
        Failure::configuration(format!(
            "The artifact {name} is not an input artifact of the action."
        ))
    })
}

/// A file of the first input artifact.
pub(crate) async fn of_first(run: &Run, path: &str) -> Result<Vec<u8>, Failure> {
    read(run, first(run)?, path).await
}

/// A file of an artifact.
pub(crate) async fn read(run: &Run, artifact: &Artifact, path: &str) -> Result<Vec<u8>, Failure> {
    let folder = run.tools.artifacts.work_folder()?;
    let into = folder.path().join("artifact");
    run.tools.artifacts.unpack(&run.scope, artifact, &into).await?;
    let missing = |why: String| {
        let Artifact { name, bucket, key, .. } = artifact;
        Failure::job(format!(
            "Could not read the file {path} of the artifact {name} (bucket: {bucket}, key: {key}): {why}"
        ))
    };
    let within = plain(path).ok_or_else(|| missing("it is not a path within it".to_owned()))?;
    let file = into.join(within);
    // The archive's own links can't lead out of it, but a file is meant here.
    let about = tokio::fs::symlink_metadata(&file).await;
    let about = about.map_err(|error| missing(error.to_string()))?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(missing(format!("it is no file of at most {FILE_BYTES_MAX} bytes")));
    }
    tokio::fs::read(&file).await.map_err(|error| missing(error.to_string()))
}

/// A path that stays below where it begins.
pub(crate) fn plain(path: &str) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    (!plain.as_os_str().is_empty() && !path.contains('\0')).then_some(plain)
}

/// Writes the first output artifact, if there is one: a zip file with this file in it. Its name.
pub(crate) async fn put_first(
    run: &Run,
    path: &str,
    content: &[u8],
) -> Result<Vec<String>, Failure> {
    let Some(artifact) = run.call.output_artifacts.first() else { return Ok(Vec::new()) };
    let cannot = |why: String| Failure::job(format!("could not write {path}: {why}"));
    let within = plain(path).ok_or_else(|| {
        Failure::configuration(format!("{path} is not a path within the output artifact"))
    })?;
    let folder = run.tools.artifacts.work_folder()?;
    let file = folder.path().join(within);
    if let Some(parent) = file.parent() {
        tokio::fs::create_dir_all(parent).await.map_err(|error| cannot(error.to_string()))?;
    }
    tokio::fs::write(&file, content).await.map_err(|error| cannot(error.to_string()))?;
    run.tools.artifacts.pack(&run.scope, artifact, folder.path(), &Selection::default()).await?;
    Ok(vec![artifact.name.clone()])
}
