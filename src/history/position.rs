//! Places in the history, and how subscribers name them.

use std::fmt;

use crate::event::{EARLIEST, EventId, MAX_ID_BYTES};

/// A place in the history: the epoch says which history, the sequence where in it. Printed as the
/// id of an event, `#<epoch>-<sequence>`: a fragment, so that it can't collide with a publisher's
/// own id, and free of all characters that make a cross-origin `Last-Event-ID` unsafe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// When the history was created, in milliseconds since 1970.
    pub epoch: u64,
    /// Counts its events, from 1.
    pub sequence: u64,
}

impl Position {
    /// Before all places of all histories.
    pub(super) const ZERO: Self = Self { epoch: 0, sequence: 0 };

    /// The place before this one, which is no first.
    pub(super) fn before(self) -> Self {
        Self { sequence: self.sequence.saturating_sub(1), ..self }
    }

    /// The place after this one.
    pub(super) fn next(self) -> Self {
        Self { sequence: self.sequence + 1, ..self }
    }

    /// Reads a position, with or without its `#`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| plain)
        };
        let (epoch, sequence) = text.strip_prefix('#').unwrap_or(text).split_once('-')?;
        Some(Self { epoch: number(epoch)?, sequence: number(sequence)? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}-{}", self.epoch, self.sequence)
    }
}

/// The id that a returning subscriber received last. It has passed through a client, so it may
/// be anything; what makes no sense is an id that never was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(String);

impl LastEventId {
    /// Reads the id. An empty one is absent: some clients always send the header.
    pub fn parse(text: &str) -> Option<Self> {
        // No event has a longer id; and what is kept of it goes out again in a `gap` event.
        let end = text.floor_char_boundary(MAX_ID_BYTES + 1);
        (!text.is_empty()).then(|| Self(text[..end].to_owned()))
    }

    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether everything that is kept is asked for.
    pub fn is_earliest(&self) -> bool {
        self.0 == EARLIEST
    }

    /// As an id of the hub's, with or without its `#`.
    pub fn as_position(&self) -> Option<Position> {
        Position::parse(&self.0)
    }

    /// As an id that a publisher may have chosen.
    pub fn as_own_id(&self) -> Option<EventId> {
        EventId::parse(&self.0).ok()
    }
}
