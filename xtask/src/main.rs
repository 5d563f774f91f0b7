//! Tasks of the workshop: `cargo xtask tidy`, `cargo xtask distill`.

mod distill;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy"] => tidy::run(),
        ["distill"] => distill::run(None),
        ["distill", folder] => distill::run(Some(folder.as_ref())),
        _ => {
            Err("usage: cargo xtask tidy | distill [FOLDER OF AN UNPACKED botocore PACKAGE]".into())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
