//! The command line: one file a command.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::{
    config::{self, Config},
    history::Place,
};

use hub_url::HubUrl;

mod bench;
mod bolt;
mod export;
mod health;
mod hub_url;
mod import;
mod line;
mod publish;
mod serve;
mod subscribe;

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
    /// Print the events of a history that no hub uses, one JSON object a line
    Export(export::Export),
    /// Append events to a history that no hub uses
    Import(import::Import),
    /// Put a load on a hub, and tell what it cost
    Bench(Box<bench::Bench>),
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
    let parsed = command
        .clone()
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(Cli::Serve(config)) => {
            let unknown = command.find_subcommand("serve").map(config::unknown_variables);
            serve::run(&config, &unknown.unwrap_or_default())
        }
        Ok(Cli::Publish(publish)) => publish::run(&publish),
        Ok(Cli::Subscribe(subscribe)) => subscribe::run(&subscribe),
        Ok(Cli::Health(health)) => health::run(&health),
        Ok(Cli::Export(export)) => export::run(&export),
        Ok(Cli::Import(import)) => import::run(&import),
        Ok(Cli::Bench(bench)) => bench::run(&bench),
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

/// The hub on this machine.
fn default_url() -> HubUrl {
    HubUrl::local(&config::local_port())
}

/// What is in memory is in the hub's, not in ours.
fn in_a_file(place: &Place) -> Result<(), String> {
    match place {
        Place::Memory => Err("name a history in a file: --history file:///path".to_owned()),
        Place::File(_) => Ok(()),
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
