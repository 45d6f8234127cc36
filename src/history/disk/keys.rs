//! The keys of publishers in the file: a table from a number to a used key.
//!
//! | field | bytes, little-endian |
//! | --- | --- |
//! | name, content: hashes | 32, 32 |
//! | until when it counts, in milliseconds since 1970 | 8 |
//! | the sequence of its parcel's first event | 8 |
//! | note: text | the rest |
//!
//! It is not there before the first key: earlier versions read the file as well.

use redb::{Error, ReadableTable as _, ReadableTableMetadata as _, Table, TableDefinition};

use crate::history::{
    Position,
    key::{Earlier, HASH, MAX_KEYS, Used},
    limits::now,
};

pub const KEYS: TableDefinition<u64, &[u8]> = TableDefinition::new("keys");

/// How many are removed for each that is added.
const TRIM: usize = 3;

pub fn encode(used: &Used) -> Vec<u8> {
    let Used { name, until, earlier } = used;
    let (until, sequence) = (until.to_le_bytes(), earlier.first.sequence.to_le_bytes());
    [&name[..], &earlier.content, &until, &sequence, earlier.note.as_bytes()].concat()
}

pub fn decode(bytes: &[u8], epoch: u64) -> Option<Used> {
    let (name, rest) = bytes.split_first_chunk::<HASH>()?;
    let (content, rest) = rest.split_first_chunk::<HASH>()?;
    let (until, rest) = rest.split_first_chunk()?;
    let (sequence, note) = rest.split_first_chunk()?;
    let first = Position { epoch, sequence: u64::from_le_bytes(*sequence) };
    let note = std::str::from_utf8(note).ok()?.to_owned();
    let earlier = Earlier { content: *content, first, note };
    Some(Used { name: *name, until: u64::from_le_bytes(*until), earlier })
}

/// Adds one, and removes the oldest where they are too many, or don't count any more.
pub fn add(keys: &mut Table<u64, &[u8]>, number: u64, used: &[u8]) -> Result<(), Error> {
    keys.insert(number, used)?;
    let now = now();
    for _ in 0..TRIM {
        let too_many = keys.len()? > MAX_KEYS as u64;
        let oldest = keys.first()?.map(|(number, used)| (number.value(), decode(used.value(), 0)));
        let Some((number, oldest)) = oldest else { break };
        if !too_many && oldest.is_some_and(|used| used.until > now) {
            break;
        }
        keys.remove(number)?;
    }
    Ok(())
}
