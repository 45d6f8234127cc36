//! The command line: one file a command.

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::{
    config::{self, Config},
    history::Place,
};

mod answer;
mod bench;
mod bolt;
mod completions;
mod drain;
mod export;
mod health;
mod hub_url;
mod import;
mod journal;
mod knock;
mod line;
mod man;
mod publish;
mod refusal;
mod serve;
mod subscribe;
mod token;

/// A self-hosted Server-Sent Events hub
#[derive(Debug, Parser)]
#[command(
    name = "fanfare",
    version,
    after_help = "Without a command, `serve` runs. \
          `fanfare serve --help` lists all settings."
)]
enum Cli {
    /// Run the hub
    Serve(Box<Config>),
    /// Publish one event
    Publish(publish::Publish),
    /// Print events as they come
    Subscribe(subscribe::Subscribe),
    /// Ask whether a hub is ready
    Health(health::Health),
    /// Move all subscribers off a hub that is about to be stopped
    Drain(drain::Drain),
    /// Print the events of a history that no hub uses, one JSON object a line
    Export(export::Export),
    /// Append events to a history that no hub uses
    Import(import::Import),
    /// Put a load on a hub, and tell what it cost
    Bench(Box<bench::Bench>),
    /// Print what a shell needs to complete commands and flags
    Completions(completions::Completions),
    /// Print the manual page
    Man(man::Manual),
}

/// Runs the command that the arguments name.
pub fn run(mut arguments: Vec<OsString>) -> ExitCode {
    if let Err(error) = config::read_dot_env() {
        return refuse(&error);
    }
    let command = config::with_environment(Cli::command());
    if !names_command(&arguments, &command) {
        arguments.insert(1.min(arguments.len()), "serve".into());
    }
    let matches = command.clone().try_get_matches_from(arguments);
    if let Some(serve) = matches.as_ref().ok().and_then(|all| all.subcommand_matches("serve"))
        && let Err(error) = config::refuse_secret_arguments(serve)
    {
        return refuse(&error);
    }
    let parsed = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(Cli::Serve(config)) => {
            let warnings = command.find_subcommand("serve").map(config::warnings);
            serve::run(&config, &warnings.unwrap_or_default())
        }
        Ok(Cli::Publish(publish)) => publish::run(&publish),
        Ok(Cli::Subscribe(subscribe)) => subscribe::run(&subscribe),
        Ok(Cli::Health(health)) => health::run(&health),
        Ok(Cli::Drain(drain)) => drain::run(&drain),
        Ok(Cli::Export(export)) => export::run(&export),
        Ok(Cli::Import(import)) => import::run(&import),
        Ok(Cli::Bench(bench)) => bench::run(&bench),
        Ok(Cli::Completions(completions)) => completions::run(&completions, command),
        Ok(Cli::Man(manual)) => man::run(&manual, command),
        Err(error) if !error.use_stderr() => {
            // `--help` and `--version`; a closed pipe is no error.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&config::explain(&error, &command)),
    }
}

/// Whether the first argument is a command, or asks about the program as a whole.
fn names_command(arguments: &[OsString], command: &clap::Command) -> bool {
    let Some(first) = arguments.get(1).and_then(|argument| argument.to_str()) else {
        return false;
    };
    matches!(first, "help" | "-h" | "--help" | "-V" | "--version")
        || command.find_subcommand(first).is_some()
        || !first.starts_with('-')
}

/// Prints a result. That nobody reads it any more, as with `| head`, is no error.
fn print(result: impl Display) -> Result<(), String> {
    match writeln!(io::stdout().lock(), "{result}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// What is in memory is in the hub's, not in ours.
fn in_a_file(place: &Place) -> Result<(), String> {
    match place {
        Place::File(_) => Ok(()),
        Place::Memory | Place::Redis(_) => {
            Err("name a history in a file: --history file:///path".to_owned())
        }
    }
}

fn report(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fanfare: {why}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("fanfare: {why}");
    ExitCode::from(2)
}
