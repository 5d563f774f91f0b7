//! The sandbox, with real processes. Where the kernel refuses namespaces the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod confinement;
mod limits;
mod plugin;
mod script;

use std::path::{Path, PathBuf};

use trackway_performers::sandbox::{
    Cancel, Command, Ended, Launcher, Sandbox, SandboxConfig, SandboxError, Work,
};

/// A server's own things: a data directory, a configuration, and a folder that commands may see.
struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for inner in ["shared/data", "out", "work"] {
            std::fs::create_dir_all(folder.path().join(inner)).unwrap();
        }
        std::fs::write(folder.path().join("shared/data/journal"), "the truth").unwrap();
        std::fs::write(folder.path().join("shared/trackway.toml"), "secret_key").unwrap();
        std::fs::write(folder.path().join("shared/notes"), "seen by all").unwrap();
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(folder.path().join("out"), all).unwrap();
        Self { folder }
    }

    fn path(&self, inner: &str) -> PathBuf {
        std::fs::canonicalize(self.folder.path()).unwrap().join(inner)
    }

    fn sandbox(&self, config: SandboxConfig) -> Sandbox {
        let private = ["shared/data".into(), "shared/trackway.toml".into()];
        let config = SandboxConfig { enabled: true, ..config };
        Sandbox::new(config, self.folder.path(), &private, launcher()).unwrap()
    }

    fn work(&self) -> Work {
        Work { host: self.path("work"), inside: "/work".into() }
    }
}

fn launcher() -> Launcher {
    Launcher::program(env!("CARGO_BIN_EXE_trackway-sandbox"))
}

fn shell(script: &str) -> Command {
    Command::new("/bin/sh", &["-c", script])
}

/// Runs a command, or says why this machine can't.
async fn run(sandbox: &Sandbox, command: Command) -> Option<Ended> {
    match sandbox.run(command, &Cancel::never()).await {
        Ok(ended) => Some(ended),
        Err(SandboxError::Unavailable(why)) => {
            println!("skipped: {why}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// What a shell script prints in a sandbox of the usual configuration.
async fn printed(script: &str) -> Option<String> {
    let house = House::new();
    let ended = run(&house.sandbox(SandboxConfig::default()), shell(script)).await?;
    assert_eq!(ended.stderr.text, "", "{script}");
    Some(ended.stdout.text)
}

fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
