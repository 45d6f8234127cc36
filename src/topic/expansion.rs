//! Could a text be what the parts of a template expand to?
//!
//! Goes through the parts one by one, and keeps all places of the text at which those so far can
//! end. Promises: each part looks at each place once, whatever the parts before it did: 2 ns for
//! a byte and a part at worst. Does not: know the syntax of templates (`template`).

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
    const fn have(self, byte: u8) -> bool {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => true,
            b'=' => !matches!(self, Self::Unreserved),
            b'!' | b'#' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b'/' | b':' | b';'
            | b'?' | b'@' | b'[' | b']' => matches!(self, Self::Reserved),
            _ => false,
        }
    }

    /// How many of them the text begins with.
    fn run(self, text: &[u8]) -> usize {
        static TABLES: [[bool; 256]; 3] =
            [table(Characters::Unreserved), table(Characters::Named), table(Characters::Reserved)];
        let table = &TABLES[self as usize];
        text.iter().position(|byte| !table[usize::from(*byte)]).unwrap_or(text.len())
    }
}

const fn table(characters: Characters) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    loop {
        table[byte as usize] = characters.have(byte);
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
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
        if places.next(0).is_none() {
            return false;
        }
    }
    places.have(text.len())
}

/// Where a literal ends that begins at one of these places.
fn after(literal: &[u8], text: &[u8], places: &Places) -> Places {
    let mut ends = Places::new(text.len());
    let mut from = 0;
    while let Some(at) = places.next(from) {
        if text.get(at) == literal.first() && text[at..].starts_with(literal) {
            ends.add(at + literal.len());
        }
        from = at + 1;
    }
    ends
}

impl Expression {
    /// Adds all places where it ends that begins at one of these.
    fn extend(self, text: &[u8], places: &mut Places) {
        let mut at = 0;
        // In the expression, after so many separators: at each place only the fewest matter.
        let mut inside: Option<u16> = None;
        loop {
            if inside.is_none() {
                let Some(next) = places.next(at) else { return };
                at = next;
            }
            let mut begins = places.have(at);
            if begins && self.first.is_none() {
                inside = Some(0);
            }
            if inside.is_some() {
                // One that begins on the way gets no further than this one.
                let end = at + self.characters.run(&text[at..]);
                begins = places.have(end);
                places.add_all(at, end);
                at = end;
            }
            let Some(&byte) = text.get(at) else { return };
            if begins && self.first == Some(byte) {
                inside = Some(0);
            } else if is_escape(&text[at..]) {
                // Nothing begins or ends in the middle.
                at += 2;
            } else {
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

    /// Adds the first, the last, and all in between.
    fn add_all(&mut self, first: usize, last: usize) {
        for word in first / 64..=last / 64 {
            let from = if word == first / 64 { first % 64 } else { 0 };
            let to = if word == last / 64 { last % 64 } else { 63 };
            self.words[word] |= (u64::MAX << from) & (u64::MAX >> (63 - to));
        }
    }

    fn have(&self, at: usize) -> bool {
        self.words[at / 64] & (1 << (at % 64)) != 0
    }

    /// The first that is not before this.
    fn next(&self, at: usize) -> Option<usize> {
        let mut kept = u64::MAX << (at % 64);
        for word in at / 64..self.used {
            let bits = self.words[word] & kept;
            if bits != 0 {
                return Some(word * 64 + bits.trailing_zeros() as usize);
            }
            kept = u64::MAX;
        }
        None
    }
}
