//! What a user sees while a run goes on: a bar on a terminal, else a line for each part.

use std::io::{IsTerminal as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

/// One part of a run.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Begins a part that counts up to `total`; 0 where nobody knows.
    pub fn begin(what: &str, total: u64) -> Self {
        if total == 0 || !stderr().is_terminal() {
            eprintln!("fanfare: {what}");
            return Self(None);
        }
        let style = ProgressStyle::with_template("fanfare: {msg:24} {wide_bar} {percent:3} %");
        let bar = ProgressBar::new(total).with_message(what.to_owned());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(Some(bar))
    }

    /// So far it has come.
    pub fn at(&self, position: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(position);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
