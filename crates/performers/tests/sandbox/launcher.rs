//! A program that is nothing but a sandbox: the tests of this room can't be one themselves, as they have threads.
//! With `hold NAME` it is a server that runs one long command, for a test that kills it.

use std::path::Path;
use std::process::ExitCode;

use trackway_performers::sandbox::{
    Cancel, Command, Launcher, Sandbox, SandboxConfig, enter_if_asked,
};

fn main() -> ExitCode {
    if let Some(code) = enter_if_asked() {
        return code;
    }
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("hold"), Some(name)) => hold(&name).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        _ => ExitCode::FAILURE,
    }
}

fn hold(name: &str) -> Option<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let config = SandboxConfig { enabled: true, ..SandboxConfig::default() };
    let sandbox = Sandbox::new(config, Path::new("/"), &[], Launcher::this_program()).ok()?;
    let command = Command::new("/bin/sh", &["-c", "sleep 300; true", name]);
    runtime.block_on(sandbox.run(command, &Cancel::never())).ok().map(drop)
}
