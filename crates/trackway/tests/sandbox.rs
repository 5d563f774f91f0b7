//! The server's own program, started again as a sandbox.

#![allow(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

use std::path::Path;

use trackway_performers::sandbox::{
    Cancel, Command, End, Launcher, Sandbox, SandboxConfig, SandboxError,
};

fn sandbox() -> Sandbox {
    let config = SandboxConfig { enabled: true, ..SandboxConfig::default() };
    let launcher = Launcher::program(env!("CARGO_BIN_EXE_trackway"));
    Sandbox::new(config, Path::new("."), &[], launcher).unwrap()
}

#[tokio::test]
async fn the_program_becomes_a_sandbox() {
    let command = Command::new("/bin/sh", &["-c", "echo $HOME; exit 4"]);
    match sandbox().run(command, &Cancel::never()).await {
        Ok(ended) => {
            assert_eq!((ended.end, &*ended.stdout.text), (End::Exited(4), "/tmp\n"));
        }
        Err(SandboxError::Unavailable(why)) => println!("skipped: {why}"),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_program_that_is_no_sandbox_runs_nothing() {
    let config = SandboxConfig { enabled: true, ..SandboxConfig::default() };
    let launcher = Launcher::program("/bin/echo");
    let sandbox = Sandbox::new(config, Path::new("."), &[], launcher).unwrap();
    let command = Command::new("/bin/sh", &["-c", "echo no"]);
    assert_eq!(sandbox.run(command, &Cancel::never()).await.unwrap().end, End::Lost);
}
