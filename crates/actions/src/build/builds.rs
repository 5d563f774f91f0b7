//! All builds of this server: how many run at once, their numbers, and what earlier ones left.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trackway_performers::sandbox;

use super::logs::file_name;
use crate::config::CodeBuildConfig;

/// Shared by all builds: a storm of them waits here for its turn. Clones share it.
#[derive(Clone, Debug)]
pub struct Builds {
    turns: Arc<Semaphore>,
    folder: PathBuf,
    numbers: Arc<Mutex<()>>,
}

impl Builds {
    /// As many builds at once as `[codebuild]` says, else as there are processors. `own` is the
    /// folder of the actions' own ([`crate::Tools::folder`]); what builds of an earlier process left
    /// in it is removed.
    #[must_use]
    pub fn new(config: &CodeBuildConfig, own: &Path) -> Self {
        let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let turns = config.concurrency.unwrap_or_else(processors);
        let folder = own.join("builds");
        sandbox::remove(&folder.join("work"));
        let turns = Arc::new(Semaphore::new(turns.clamp(1, Semaphore::MAX_PERMITS)));
        Self { turns, folder, numbers: Arc::default() }
    }

    /// Waits for a turn. None if there are no more.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Where the build of an action execution has its folders.
    pub(super) fn work(&self, action_execution_id: &str) -> PathBuf {
        self.folder.join("work").join(file_name(action_execution_id))
    }

    /// The next number of a project's builds, from 1. Where it can't be kept it is 1 again.
    pub(super) fn number(&self, scope: &str, project: &str) -> u64 {
        let _one_at_a_time = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.folder.join("numbers");
        let file = folder.join(format!("{}-{}", file_name(scope), file_name(project)));
        let last = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let number: u64 = last.unwrap_or(0_u64).saturating_add(1);
        let written = std::fs::create_dir_all(&folder);
        let _ = written.and_then(|()| std::fs::write(&file, number.to_string()));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_counted_for_each_project_and_leave_nothing() {
        let own = tempfile::tempdir().unwrap();
        let left = own.path().join("builds/work/old");
        std::fs::create_dir_all(&left).unwrap();
        let builds = Builds::new(&CodeBuildConfig::default(), own.path());
        assert!(!left.exists());
        assert_eq!(
            [builds.number("1/r", "a"), builds.number("1/r", "a"), builds.number("1/r", "b")],
            [1, 2, 1]
        );
        let again = Builds::new(&CodeBuildConfig::default(), own.path());
        assert_eq!(again.number("1/r", "a"), 3);
    }
}
