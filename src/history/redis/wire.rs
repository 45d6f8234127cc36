//! An entry as it is in the log, and positions as Redis has them.
//!
//! An entry has two fields: `by`, who appended it, and `1` or `2`, its record as the history on disk has
//! it (`disk/record.rs`). The name of the second is the format's version, 2 where the record has a
//! time to live: nodes of several versions can share a log. A mark of a loss has the field `lost` alone.

use ::redis::Value;

use crate::history::{Earlier, Key, Position};

/// Who appended an entry, and which of its entries it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Drawn at the node's start.
    pub node: u64,
    /// Counts what the node has taken.
    pub number: u64,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.node, self.number)
    }
}

impl Origin {
    fn parse(text: &[u8]) -> Option<Self> {
        let (node, number) = std::str::from_utf8(text).ok()?.split_once('-')?;
        let node = u64::from_str_radix(node, 16).ok()?;
        Some(Self { node, number: number.parse().ok()? })
    }
}

/// What is remembered of a key that is used, behind who has used it and the place of what it was
/// used for: its content and its note.
pub fn used(key: &Key) -> Vec<u8> {
    [&key.content[..], key.note.as_bytes()].concat()
}

/// The whole of that: `<origin> <position> <content><note>`.
pub fn earlier(used: &[u8]) -> Option<Earlier> {
    let mut parts = used.splitn(3, |byte| *byte == b' ');
    let (_origin, first, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (content, note) = rest.split_first_chunk()?;
    let first = Position::parse(std::str::from_utf8(first).ok()?)?;
    Some(Earlier { content: *content, first, note: String::from_utf8(note.to_vec()).ok()? })
}

/// What is at a position.
#[derive(Debug)]
pub struct Item {
    pub position: Position,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    Record(Option<Origin>, Vec<u8>),
    /// Something was lost before this.
    Lost,
    /// A later version has written it.
    Unknown,
}

/// The id that an entry has in Redis.
pub fn id(position: Position) -> String {
    format!("{}-{}", position.epoch, position.sequence)
}

/// The member of the index by own ids.
pub fn indexed(own_id: &str, position: Position) -> String {
    format!("{own_id}\0{:020}-{:020}", position.epoch, position.sequence)
}

/// The position in a member of that index.
pub fn position_of(member: &[u8]) -> Option<Position> {
    let at = member.iter().position(|byte| *byte == 0)?;
    Position::parse(std::str::from_utf8(&member[at + 1..]).ok()?)
}

/// The entries of an answer to `XRANGE`.
pub fn entries(answer: Value) -> Option<Vec<Item>> {
    let Value::Array(entries) = answer else { return None };
    entries.into_iter().map(entry).collect()
}

/// The entries of an answer to `XREAD` of one stream.
pub fn followed(answer: Value) -> Option<Vec<Item>> {
    match answer {
        Value::Nil => Some(Vec::new()),
        Value::Array(mut streams) => match streams.pop()? {
            Value::Array(mut stream) => entries(stream.pop()?),
            _ => None,
        },
        _ => None,
    }
}

fn entry(value: Value) -> Option<Item> {
    let Value::Array(parts) = value else { return None };
    let [Value::BulkString(id), Value::Array(fields)]: [Value; 2] = parts.try_into().ok()? else {
        return None;
    };
    let position = Position::parse(std::str::from_utf8(&id).ok()?)?;
    let mut what = What::Unknown;
    let mut origin = None;
    let mut fields = fields.into_iter();
    while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) =
        (fields.next(), fields.next())
    {
        match &*name {
            b"by" => origin = Origin::parse(&value),
            b"1" | b"2" => what = What::Record(origin, value),
            b"lost" => what = What::Lost,
            _ => {}
        }
    }
    Some(Item { position, what })
}
