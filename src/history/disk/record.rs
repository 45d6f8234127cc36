//! An entry as it is stored: bytes, little-endian, in this order.
//!
//! | field | bytes |
//! | --- | --- |
//! | flags: 1 own id, 2 type, 4 retry, 8 private, 16 time to live | 1 |
//! | when it was appended, in milliseconds since 1970 | 8 |
//! | own id: length and text | 2 + n |
//! | type: length and text | 2 + n |
//! | retry, in milliseconds | 4 |
//! | time to live, in milliseconds | 8 |
//! | number of topics, then each: length and text | 2, 2 + n |
//! | data | the rest |
//!
//! The format's version is in the file's `meta` table: 2 from the first record with a time to live on,
//! which version 1 does not know. What is read passes through the doors that
//! what is published passes through: a damaged record is an error, not an impossible event. Topics
//! are of any length, since those of the hub's own events are longer than a publisher's may be.

use crate::{
    event::{Event, EventId, EventType, Retry, Ttl},
    topic::{Topic, Topics},
};

const OWN_ID: u8 = 1;
const TYPE: u8 = 2;
const RETRY: u8 = 4;
const PRIVATE: u8 = 8;
const TTL: u8 = 16;

/// It can't be what was written.
#[derive(Debug)]
pub struct Damaged;

impl From<Damaged> for redb::Error {
    fn from(_: Damaged) -> Self {
        Self::Corrupted("a record is not what was written".to_owned())
    }
}

/// What retention needs to know of an entry.
pub struct Head<'a> {
    pub time: u64,
    pub own_id: Option<&'a str>,
}

/// An event that was appended then, in milliseconds since 1970.
pub fn encode(event: &Event, time: u64) -> Vec<u8> {
    let mut flags = 0;
    let mut record = vec![0];
    record.extend(time.to_le_bytes());
    if let Some(id) = &event.id {
        flags |= OWN_ID;
        push_text(&mut record, id.as_str());
    }
    if let Some(kind) = &event.kind {
        flags |= TYPE;
        push_text(&mut record, kind.as_str());
    }
    if let Some(retry) = event.retry {
        flags |= RETRY;
        record.extend(retry.as_millis().to_le_bytes());
    }
    if let Some(ttl) = event.ttl {
        flags |= TTL;
        record.extend(ttl.as_millis().to_le_bytes());
    }
    if event.private {
        flags |= PRIVATE;
    }
    // At most 1000.
    let count = u16::try_from(event.topics.len()).unwrap_or(u16::MAX);
    record.extend(count.to_le_bytes());
    for topic in event.topics.iter() {
        push_text(&mut record, topic.as_str());
    }
    record.extend(event.data.as_bytes());
    record[0] = flags;
    record
}

/// What [`encode`] was given.
pub fn decode(record: &[u8]) -> Result<(Event, u64), Damaged> {
    let mut rest = record;
    let (flags, Head { time, own_id }) = take_head(&mut rest)?;
    let id = own_id.map(EventId::parse).transpose().map_err(|_| Damaged)?;
    let kind = match flags & TYPE {
        0 => None,
        _ => Some(EventType::parse(take_text(&mut rest)?).map_err(|_| Damaged)?),
    };
    let retry = match flags & RETRY {
        0 => None,
        _ => {
            let ms = u32::from_le_bytes(take(&mut rest)?).to_string();
            Some(Retry::parse(&ms).map_err(|_| Damaged)?)
        }
    };
    let ttl = match flags & TTL {
        0 => None,
        _ => Some(Ttl::of_millis(u64::from_le_bytes(take(&mut rest)?))),
    };
    let count = u16::from_le_bytes(take(&mut rest)?);
    let topic = |_| take_text(&mut rest).map(|text| Topic::made(text.to_owned()));
    let topics = (0..count).map(topic).collect::<Result<Vec<_>, _>>()?;
    let topics = Topics::new(topics).map_err(|_| Damaged)?;
    let data = std::str::from_utf8(rest).map_err(|_| Damaged)?.to_owned();
    let private = flags & PRIVATE != 0;
    Ok((Event { topics, data, id, kind, retry, ttl, private }, time))
}

/// The first format that knows such a record.
pub fn format(record: &[u8]) -> u64 {
    match record.first() {
        Some(flags) if flags & TTL != 0 => 2,
        _ => 1,
    }
}

/// The part of it that retention looks at.
pub fn head(mut record: &[u8]) -> Result<Head<'_>, Damaged> {
    take_head(&mut record).map(|(_, head)| head)
}

fn take_head<'a>(rest: &mut &'a [u8]) -> Result<(u8, Head<'a>), Damaged> {
    let [flags] = take(rest)?;
    let time = u64::from_le_bytes(take(rest)?);
    let own_id = (flags & OWN_ID != 0).then(|| take_text(rest)).transpose()?;
    Ok((flags, Head { time, own_id }))
}

fn push_text(record: &mut Vec<u8>, text: &str) {
    // Ids, types and topics have at most 4096 bytes; topics of the hub's own some 13,000.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    record.extend(length.to_le_bytes());
    record.extend(text.as_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (taken, left) = rest.split_first_chunk().ok_or(Damaged)?;
    *rest = left;
    Ok(*taken)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Damaged> {
    let length = usize::from(u16::from_le_bytes(take(rest)?));
    let (taken, left) = rest.split_at_checked(length).ok_or(Damaged)?;
    *rest = left;
    std::str::from_utf8(taken).map_err(|_| Damaged)
}
