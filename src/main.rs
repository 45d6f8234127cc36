//! Command line to exit code, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    fanfare::cli::run(std::env::args_os().collect())
}
