//! A program that is nothing but a sandbox: tests can't be one themselves, as they have threads.

use std::process::ExitCode;

use trackway_performers::sandbox::enter_if_asked;

fn main() -> ExitCode {
    enter_if_asked().unwrap_or(ExitCode::FAILURE)
}
