//! `elchi`: one program for members, registrars, auditors and operators.

use std::process::ExitCode;

fn main() -> ExitCode {
    elchi::cli::run(std::env::args_os())
}
