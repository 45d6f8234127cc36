//! What the log lets through, and what went wrong lately.
//!
//! Owns: the filter, which can be replaced while the process runs, and the newest warnings and
//! errors. Promises: bounded memory, whatever is logged; a filter that can't be read changes
//! nothing. Does not: format or write; `env_logger` does.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use env_filter::Filter;
use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};
use parking_lot::{Mutex, RwLock};

/// How many warnings and errors are remembered.
const REMEMBERED: usize = 50;
/// How much of each, in bytes.
const LENGTH: usize = 1000;

/// Who may log no more than this, whatever the filter says.
const QUIETER: [(&str, LevelFilter); 4] = [
    // It calls it an error when a stream ends itself, which is how a socket is taken over.
    ("actix_http::h1::dispatcher", LevelFilter::Off),
    // They log whole URLs, which may have secrets.
    ("ureq", LevelFilter::Warn),
    ("ureq_proto", LevelFilter::Warn),
    // It warns of what clients do, which would push out what the operator has to see.
    ("h2", LevelFilter::Error),
];

/// See the module. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Logbook(Arc<Shared>);

struct Shared {
    writer: env_logger::Logger,
    rule: RwLock<Rule>,
    troubles: Mutex<VecDeque<Trouble>>,
}

/// A filter, and the text that it was read from.
struct Rule {
    text: String,
    filter: Arc<Filter>,
}

/// A warning or an error.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// When.
    pub time: SystemTime,
    /// Which of both.
    pub level: Level,
    /// What was logged; only its beginning where it is long.
    pub message: String,
}

/// Not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed is a level such as info or debug, or a list such as warn,fanfare=debug")]
pub struct BadFilter;

/// Whether this is a filter.
pub fn check(text: &str) -> Result<(), BadFilter> {
    Rule::parse(text).map(|_| ())
}

/// Whether this is of someone who may not log at this level. A directive for a longer name would
/// come before one in the filter.
fn is_too_loud(metadata: &Metadata<'_>) -> bool {
    let of = |module: &str| {
        let rest = metadata.target().strip_prefix(module);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    QUIETER.iter().any(|(module, level)| metadata.level() > *level && of(module))
}

impl Rule {
    fn parse(text: &str) -> Result<Self, BadFilter> {
        let mut builder = env_filter::Builder::new();
        builder.try_parse(text).map_err(|_| BadFilter)?;
        let filter = builder.build();
        Ok(Self { text: text.to_owned(), filter: Arc::new(filter) })
    }
}

impl Logbook {
    /// A log by this filter. The writer has to take whatever it is given.
    pub fn new(writer: env_logger::Logger, filter: &str) -> Result<Self, BadFilter> {
        let (rule, troubles) = (RwLock::new(Rule::parse(filter)?), Mutex::default());
        Ok(Self(Arc::new(Shared { writer, rule, troubles })))
    }

    /// Makes it the log of this process.
    pub fn begin(&self) -> Result<(), SetLoggerError> {
        log::set_boxed_logger(Box::new(self.clone()))?;
        log::set_max_level(self.rule().filter());
        Ok(())
    }

    /// The filter, as it was given.
    pub fn filter(&self) -> String {
        self.0.rule.read().text.clone()
    }

    /// Replaces the filter, from the next line on.
    pub fn set_filter(&self, text: &str) -> Result<(), BadFilter> {
        let new = Rule::parse(text)?;
        let mut rule = self.0.rule.write();
        log::set_max_level(new.filter.filter());
        *rule = new;
        Ok(())
    }

    /// The newest warnings and errors that the filter let through, the newest first.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.0.troubles.lock().iter().rev().cloned().collect()
    }

    fn rule(&self) -> Arc<Filter> {
        Arc::clone(&self.0.rule.read().filter)
    }

    fn remember(&self, record: &Record<'_>) {
        // Before the lock: whoever formats may panic, and that is logged.
        let mut message = record.args().to_string();
        message.truncate(message.floor_char_boundary(LENGTH));
        let trouble = Trouble { time: SystemTime::now(), level: record.level(), message };
        let mut troubles = self.0.troubles.lock();
        if troubles.len() == REMEMBERED {
            troubles.pop_front();
        }
        troubles.push_back(trouble);
    }
}

impl Log for Logbook {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !is_too_loud(metadata) && self.rule().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !is_too_loud(record.metadata()) && self.rule().matches(record) {
            if record.level() <= Level::Warn {
                self.remember(record);
            }
            self.0.writer.log(record);
        }
    }

    fn flush(&self) {
        self.0.writer.flush();
    }
}
