//! Could a text be what the parts of a template expand to?
//!
//! Goes through the parts one by one, and keeps all places of the text at which those so far can
//! end. Promises: nothing is tried twice, so that the work is at most the length of the text
//! times the number of parts. Does not: know the syntax of templates (`template`).

use std::num::NonZeroU64;

use super::MAX_TOPIC_BYTES;

/// What a template is made of.
#[derive(Debug)]
pub enum Part {
    /// This text. Escapes in it are whole, so that no part can end in the middle of one.
    Literal(Box<str>),
    /// What an expression expands to.
    Expression(Expression),
}

/// How the expansions of an expression look. Each may also be absent as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Expression {
    /// What it begins with.
    pub first: Option<u8>,
    /// What stands between its values.
    pub separator: u8,
    /// How many separators there may be.
    pub separators: u16,
    /// What its values are made of, besides escapes such as `%2F`.
    pub characters: Characters,
}

/// Sets of characters (RFC 6570, 1.5), each with commas: they join the values of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters {
    /// Letters, digits and `-._~`.
    Unreserved,
    /// The same and `=`, for `name=value`.
    Named,
    /// Everything that can stand in a URL.
    Reserved,
}

impl Characters {
    fn have(self, byte: u8) -> bool {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => true,
            b'=' => self != Self::Unreserved,
            b'!' | b'#' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b'/' | b':' | b';'
            | b'?' | b'@' | b'[' | b']' => self == Self::Reserved,
            _ => false,
        }
    }
}

/// Whether the text, of at most [`MAX_TOPIC_BYTES`], is an expansion of these parts.
pub fn matches(parts: &[Part], text: &str) -> bool {
    let text = text.as_bytes();
    let mut places = Places::new(text.len());
    places.add(0);
    for part in parts {
        match part {
            Part::Literal(literal) => places = after(literal.as_bytes(), text, &places),
            Part::Expression(expression) => expression.extend(text, &mut places),
        }
        if places.first().is_none() {
            return false;
        }
    }
    places.have(text.len())
}

/// Where a literal ends that begins at one of these places.
fn after(literal: &[u8], text: &[u8], places: &Places) -> Places {
    let mut ends = Places::new(text.len());
    for at in places.iter().filter(|at| text[*at..].starts_with(literal)) {
        ends.add(at + literal.len());
    }
    ends
}

impl Expression {
    /// Adds all places where it ends that begins at one of these.
    fn extend(self, text: &[u8], places: &mut Places) {
        let (Some(mut at), Some(last)) = (places.first(), places.last()) else {
            return;
        };
        // In the expression, after so many separators: at each place only the fewest matter.
        let mut inside: Option<u16> = None;
        loop {
            let begins = places.have(at);
            if begins && self.first.is_none() {
                inside = Some(0);
            }
            if inside.is_some() {
                places.add(at);
            } else if at > last {
                return;
            }
            let Some(&byte) = text.get(at) else {
                return;
            };
            if begins && self.first == Some(byte) {
                inside = Some(0);
            } else if byte == b'%' && is_escape(&text[at..]) {
                // Nothing begins or ends in the middle.
                at += 2;
            } else if !self.characters.have(byte) {
                let more =
                    |used| (byte == self.separator && used < self.separators).then(|| used + 1);
                inside = inside.and_then(more);
            }
            at += 1;
        }
    }
}

/// Whether the text begins with `%` and two hexadecimal digits.
pub fn is_escape(text: &[u8]) -> bool {
    matches!(text, [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// A set of places in a text: 0 is before its first byte, its length is after the last.
struct Places {
    words: [u64; MAX_TOPIC_BYTES / 64 + 1],
    /// How many words the text needs.
    used: usize,
}

impl Places {
    fn new(length: usize) -> Self {
        Self { words: [0; MAX_TOPIC_BYTES / 64 + 1], used: length / 64 + 1 }
    }

    fn add(&mut self, at: usize) {
        self.words[at / 64] |= 1 << (at % 64);
    }

    fn have(&self, at: usize) -> bool {
        self.words[at / 64] & (1 << (at % 64)) != 0
    }

    fn first(&self) -> Option<usize> {
        self.iter().next()
    }

    fn last(&self) -> Option<usize> {
        let word = self.words[..self.used].iter().rposition(|word| *word != 0)?;
        Some(word * 64 + self.words[word].ilog2() as usize)
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.words[..self.used].iter().enumerate().flat_map(|(word, bits)| {
            let without_lowest = |bits: &NonZeroU64| NonZeroU64::new(bits.get() & (bits.get() - 1));
            std::iter::successors(NonZeroU64::new(*bits), without_lowest)
                .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}
