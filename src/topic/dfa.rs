//! A regular expression inside a URL Pattern, at a bounded price.
//!
//! Promises: a match is one table look-up for each byte, and the table has a limit. (`regex` is
//! linear, too, but an expression of some kilobytes may cost a microsecond for each byte.) All
//! parts of a URL are ASCII, and so are the classes: `\d` is ten digits, as in a browser.

use std::sync::OnceLock;

use regex_automata::{
    Anchored, Input,
    dfa::{Automaton as _, StartKind, dense},
    nfa::thompson::{self, WhichCaptures},
    util::syntax,
};
use urlpattern::{RegexSyntax, regexp::RegExp};

/// The largest table, in bytes.
const MAX_TABLE: usize = 16 * 1024;
/// The most memory that making a table may take.
const MAX_WORK: usize = 128 * 1024;

/// A table: one state a row.
type Table = dense::DFA<Vec<u32>>;

/// A regular expression. `urlpattern` makes two for each part of a URL, and uses one at most: the
/// table is made when it is first needed.
#[derive(Debug)]
pub struct Dfa {
    source: Box<str>,
    table: OnceLock<Option<Box<Table>>>,
}

impl Dfa {
    /// Makes the table now. `None` where the expression is wrong, or its table would be too large.
    pub fn table(&self) -> Option<&Table> {
        self.table.get_or_init(|| compile(&self.source).map(Box::new)).as_deref()
    }

    /// Whether it matches; one without a table never does.
    pub fn matches(&self, text: &str) -> bool {
        let input = Input::new(text).anchored(Anchored::Yes);
        self.table().is_some_and(|table| matches!(table.try_search_fwd(&input), Ok(Some(_))))
    }
}

fn compile(source: &str) -> Option<Table> {
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                .accelerate(false)
                .dfa_size_limit(Some(MAX_TABLE))
                .determinize_size_limit(Some(MAX_WORK)),
        )
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(
            thompson::Config::new()
                .utf8(false)
                .which_captures(WhichCaptures::None)
                .nfa_size_limit(Some(MAX_WORK)),
        )
        .build(source)
        .ok()
}

impl RegExp for Dfa {
    fn syntax() -> RegexSyntax {
        RegexSyntax::Rust
    }

    fn parse(source: &str, _flags: &str, _force: bool) -> Result<Self, ()> {
        Ok(Self { source: source.into(), table: OnceLock::new() })
    }

    fn matches<'a>(&self, text: &'a str) -> Option<Vec<Option<&'a str>>> {
        // Nobody asks for the groups.
        self.matches(text).then(Vec::new)
    }

    fn pattern_string(&self) -> &str {
        &self.source
    }
}
