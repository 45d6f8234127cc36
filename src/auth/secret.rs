//! A text that must not be seen.

use std::{fmt, sync::Arc};

use subtle::ConstantTimeEq as _;

/// A secret. Promises: printing it in any way shows `***`, and comparing takes a time that tells
/// nothing about it but its length. Cheap to clone.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Reads a secret. An empty one is most likely a variable that was misspelt elsewhere, and
    /// would open what it was meant to close.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() { Err("unset it, or give it a value") } else { Ok(Self(text.into())) }
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is the text.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
