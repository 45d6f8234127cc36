//! `fanfare completions`: what a shell needs to complete our commands and flags.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

/// For which shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the script; `command` is the whole program.
pub fn run(completions: &Completions, mut command: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut command, "fanfare", &mut script);
    super::report(super::print(String::from_utf8_lossy(&script).trim_end()))
}
