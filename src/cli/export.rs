//! `fanfare export`: what is in a history, as lines of JSON.

use std::{
    io::{self, BufWriter, ErrorKind, Write as _},
    process::ExitCode,
};

use clap::Args;

use super::line::Line;
use crate::history::{History, Place, ReadError};

/// What to export.
#[derive(Debug, Args)]
pub struct Export {
    /// The history's file, such as `file:///var/lib/fanfare/history.redb`
    #[arg(long, env = "FANFARE_HISTORY", value_name = "WHERE", default_value = "memory",
          value_parser = Place::parse)]
    history: Place,
}

/// Prints all events, oldest first. The file stays exactly as it is.
pub fn run(export: &Export) -> ExitCode {
    super::report(print(&export.history))
}

fn print(place: &Place) -> Result<(), String> {
    super::in_a_file(place)?;
    let mut output = BufWriter::new(io::stdout().lock());
    let result = History::each(place, |position, event, time| {
        serde_json::to_writer(&mut output, &Line::of(position, &event, time))?;
        output.write_all(b"\n")
    });
    match result.and_then(|()| output.flush().map_err(ReadError::Taker)) {
        // Who reads it has seen enough.
        Err(ReadError::Taker(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| error.to_string()),
    }
}
