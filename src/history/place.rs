//! Where a history is kept, as a setting names it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;

use super::{Limits, redis};

/// Where events are kept for subscribers that return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this process, and gone with it.
    Memory,
    /// In a file, which survives it.
    File(PathBuf),
    /// In Redis, where several nodes share it.
    Redis(Box<redis::Target>),
}

impl Place {
    /// Reads `memory`, or a URL such as `file:///var/lib/fanfare/history.redb`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const ALLOWED: &str = "allowed is memory, or file:// and an absolute path, such as \
                               file:///var/lib/fanfare/history.redb, or redis://host:port";
        if text == "memory" {
            return Ok(Self::Memory);
        }
        if let Some(target) = redis::Target::parse(text) {
            return target.map(|target| Self::Redis(Box::new(target)));
        }
        let path = text.strip_prefix("file://").filter(|path| path.starts_with('/'));
        let path = path.filter(|path| !path.ends_with('/')).ok_or(ALLOWED)?;
        let path = percent_decode_str(path).decode_utf8().map_err(|_| ALLOWED)?;
        if path.contains('\0') {
            return Err(ALLOWED);
        }
        Ok(Self::File(Path::new(&*path).to_owned()))
    }

    /// What is kept there where no limits are set: a file has more room than memory.
    pub fn limits(&self) -> Limits {
        match self {
            Self::Memory => Limits { events: 10_000, bytes: 64 << 20 },
            Self::File(_) => Limits { events: 1_000_000, bytes: 1 << 30 },
            Self::Redis(_) => Limits { events: 100_000, bytes: 256 << 20 },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File(path) => write!(f, "file://{}", path.display()),
            Self::Redis(target) => target.fmt(f),
        }
    }
}

/// When an event counts as kept, where it is kept in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it would survive a power cut. Only then is its publisher answered, and is it shown.
    Always,
    /// At once. It would survive a crash or a power cut a second later.
    Interval,
}

impl Durability {
    /// Reads the word for it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "always" => Ok(Self::Always),
            "interval" => Ok(Self::Interval),
            _ => Err("allowed is always or interval"),
        }
    }
}
