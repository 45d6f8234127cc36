//! `fanfare man`: the manual page, made of what `--help` says.

use std::{io, process::ExitCode};

use clap::{Args, Command};
use clap_mangen::Man;

/// Which page.
#[derive(Debug, Args)]
pub struct Manual {
    /// The command that the page is about; without one, the whole program
    command: Option<String>,
}

/// Prints the page in `roff`; `command` is the whole program.
pub fn run(manual: &Manual, mut command: Command) -> ExitCode {
    // Commands get the names that they are called by: `fanfare serve`.
    command.build();
    let about = match &manual.command {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(command) => command.clone(),
            None => return super::refuse(&format!("there is no command {name:?}: see --help")),
        },
    };
    super::report(page(about).and_then(|page| super::print(page.trim_end())))
}

fn page(command: Command) -> Result<String, String> {
    let name = command.get_bin_name().unwrap_or("fanfare").replace(' ', "-");
    let mut page = Vec::new();
    let written: io::Result<()> = Man::new(command).title(name).render(&mut page);
    written.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
