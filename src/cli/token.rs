//! The token for hubs that want one.
//!
//! Promises: it comes from the environment, a file or standard input, never as an argument, which
//! every process of the machine can read; one in a file is read anew for each connection, so that
//! it can be replaced before it expires; no message has a word of it. Does not: look into it.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;

use crate::config::{self, TOKEN};

/// The longest token that is read, well over what a hub takes in a header.
const LONGEST: u64 = 1 << 20;

/// Where the user has it.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// A file with the token (JWT) that the hub wants, or `-` for standard input [default: the
    /// variable `FANFARE_TOKEN`, where it is set]
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
}

/// Where it is taken from, again and again.
pub enum Tokens {
    /// There is none.
    None,
    /// It stays the same.
    Fixed(Token),
    /// Whatever the file has.
    File(PathBuf),
}

/// A token, and the name of where it was.
#[derive(Clone)]
pub struct Token {
    text: String,
    /// What a user would have to change to give another.
    pub place: String,
}

impl TokenArgs {
    /// Whether it is to be read from standard input.
    pub fn is_standard_input(&self) -> bool {
        self.token_file.as_ref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// Finds it. What can't be read at all is told now.
    pub fn open(&self) -> Result<Tokens, String> {
        Tokens::open(self.token_file.as_deref(), TOKEN, config::token())
    }
}

impl Tokens {
    /// Those of a file, of standard input (`-`), or the one that this variable has.
    pub fn open(
        file: Option<&Path>,
        variable: &str,
        value: Option<String>,
    ) -> Result<Self, String> {
        match file {
            Some(path) if path.as_os_str() == "-" => {
                let place = "standard input".to_owned();
                Ok(Self::Fixed(Token::read(io::stdin().lock(), place)?))
            }
            Some(path) => {
                let tokens = Self::File(path.to_owned());
                tokens.next()?;
                Ok(tokens)
            }
            None => match value {
                Some(text) => Ok(Self::Fixed(Token::parse(&text, variable.to_owned())?)),
                None => Ok(Self::None),
            },
        }
    }

    /// The token for the next connection.
    pub fn next(&self) -> Result<Option<Token>, String> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(token) => Ok(Some(token.clone())),
            Self::File(path) => {
                let place = path.display().to_string();
                let file = File::open(path).map_err(|error| format!("{place}: {error}"))?;
                Token::read(file, place).map(Some)
            }
        }
    }
}

impl Token {
    fn read(source: impl Read, place: String) -> Result<Self, String> {
        let mut text = String::new();
        let read = source.take(LONGEST).read_to_string(&mut text);
        read.map_err(|error| format!("{place}: {error}"))?;
        Self::parse(&text, place)
    }

    fn parse(text: &str, place: String) -> Result<Self, String> {
        let text = text.trim();
        let whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if whole {
            Ok(Self { text: text.to_owned(), place })
        } else {
            Err(format!("{place} has no token: it takes the token alone, one word, no `Bearer`"))
        }
    }

    /// The value of the header `Authorization`.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.text)
    }
}
