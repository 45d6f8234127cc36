//! A history in Redis, with the real binary and a real server: what happens when it goes, and what
//! several nodes make of it.

mod away;
mod delayed;
mod gate;
mod lost;
mod nodes;
mod places;
mod presence;
mod refused;

use crate::support::{Fanfare, QUIET};

/// A hub on the history at this place: the first of its test.
fn start(url: &str, settings: &[(&str, &str)]) -> Fanfare {
    Fanfare::start(&with(url, settings))
}

/// One more.
fn another(url: &str) -> Fanfare {
    Fanfare::start_another(&with(url, &[]))
}

fn with<'a>(url: &'a str, settings: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("FANFARE_HISTORY", url), ("RUST_LOG", QUIET)], settings].concat()
}
