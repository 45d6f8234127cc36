//! What a subscriber has missed, read from the history in chunks.
//!
//! Owns: a place in the history that moves forward. Promises: bounded memory, whatever is
//! missing; where retention has overtaken the place, a `gap` event says so. Does not: hold up
//! anyone else; it is read at the speed of one subscriber's socket.

use std::{sync::Arc, time::Instant};

use super::{
    account::Account,
    terms::{Notices, Terms},
};
use crate::{
    history::{Entry, History, LastEventId, Limits, Loss, Position, Start},
    slice::{Slice, TEST},
    sse::Frame,
    topic::{Progress, Selector, Topic},
};

/// What is read at a time. Retention can't free it before a slow reader has taken it: one entry
/// of any size, or a few small ones.
const CHUNK: Limits = Limits { events: 256, bytes: 256 * 1024 };

/// What a returning subscriber has asked for, and where that is.
#[derive(Debug, Clone)]
pub struct Resume {
    /// The id that it received last.
    pub asked: LastEventId,
    /// Where it starts.
    pub start: Start,
}

pub struct Replay {
    history: History,
    selectors: Arc<[Selector]>,
    account: Arc<Account>,
    place: Position,
    up_to: Option<Position>,
    chunk: std::vec::IntoIter<Arc<Entry>>,
    reads: Reads,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    None,
    More,
    /// The last read found the end.
    Done,
}

impl Replay {
    /// Reads what follows `place`, up to and with `up_to`; without one until it is near the head.
    pub fn new(
        history: &History,
        selectors: &Arc<[Selector]>,
        account: &Arc<Account>,
        place: Position,
        up_to: Option<Position>,
    ) -> Self {
        Self {
            history: history.clone(),
            selectors: Arc::clone(selectors),
            account: Arc::clone(account),
            place,
            up_to,
            chunk: Vec::new().into_iter(),
            reads: Reads::None,
        }
    }

    /// Everything up to here has been read.
    pub fn place(&self) -> Position {
        self.place
    }

    /// The next frame for this subscriber; `None` at the end.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut slice = Slice::from(Instant::now());
        loop {
            // Taken when it is known who wants it: whoever cancels this loses none.
            while let Some(entry) = self.chunk.as_slice().first() {
                let wanted = any_matches(&self.selectors, &entry.topics, &mut slice).await;
                let wanted = wanted && self.account.terms.allow(entry, &mut slice).await;
                let frame = wanted.then(|| entry.frame.clone());
                self.place = entry.position;
                self.chunk.next();
                if frame.is_some() {
                    return frame;
                }
            }
            match self.reads {
                Reads::Done => return None,
                // A replay that matches nothing writes nothing, and would keep the thread.
                Reads::More => tokio::task::yield_now().await,
                Reads::None => {}
            }
            if let Some(gap) = self.read() {
                return Some(gap);
            }
        }
    }

    fn read(&mut self) -> Option<Frame> {
        // A reader for whom there is nothing to write is not one that takes nothing.
        self.account.lifeline.progress();
        let chunk = self.history.read(self.place, self.up_to, CHUNK);
        self.reads = if chunk.last { Reads::Done } else { Reads::More };
        let gap = chunk.overtaken.map(|went_on_from| {
            let first = chunk.entries.first().map(|entry| shown_id(entry, &self.account));
            let asked = std::mem::replace(&mut self.place, went_on_from);
            gap(&asked.to_string(), Loss::Trimmed, first)
        });
        let gap = gap.filter(|_| self.account.terms.notices == Notices::On);
        self.chunk = chunk.entries.into_iter();
        gap
    }
}

/// The newest entry that is kept and would be received. Looked for from the end, since it is most
/// likely there.
pub async fn newest(
    history: &History,
    selectors: &[Selector],
    terms: &Terms,
) -> Option<Arc<Entry>> {
    let mut slice = Slice::from(Instant::now());
    let mut end = history.head();
    loop {
        let start = end.sequence.saturating_sub(CHUNK.events as u64);
        let start = Position { sequence: start, ..end };
        let (mut place, mut found) = (start, None);
        let oldest = loop {
            let chunk = history.read(place, Some(end), CHUNK);
            for entry in chunk.entries {
                place = entry.position;
                if any_matches(selectors, &entry.topics, &mut slice).await
                    && terms.allow(&entry, &mut slice).await
                {
                    found = Some(entry);
                }
            }
            if chunk.last {
                break chunk.overtaken.is_some() || start.sequence == 0;
            }
        };
        if found.is_some() || oldest {
            return found;
        }
        end = start;
    }
}

/// Whether one of these topics is asked for. Up to 1000 selectors meet up to 1000 topics: in
/// between the thread is for others.
async fn any_matches(selectors: &[Selector], topics: &[Topic], slice: &mut Slice) -> bool {
    for selector in selectors {
        for topic in topics {
            if selector.matches(topic) {
                return true;
            }
            if slice.spend(TEST + topic.as_str().len()) {
                slice.pause().await;
            }
        }
    }
    false
}

/// The id of an entry for a subscriber that may not be allowed to see it: a publisher's own id
/// says something about the event, a position does not. Nor to one for whom it takes long to tell.
pub fn shown_id(entry: &Entry, account: &Account) -> String {
    let slice = &mut Slice::from(Instant::now());
    match account.terms.try_allow(entry, &mut Progress::default(), slice) {
        Some(true) => entry.wire_id(),
        _ => entry.position.to_string(),
    }
}

/// The event that tells a subscriber that it has lost something.
pub fn gap_after(asked: &LastEventId, loss: Loss, first: Option<String>) -> Frame {
    gap(asked.as_str(), loss, first)
}

fn gap(asked: &str, loss: Loss, first: Option<String>) -> Frame {
    #[derive(serde::Serialize)]
    struct Gap<'a> {
        asked: &'a str,
        reason: &'static str,
        from: Option<String>,
    }
    let gap = Gap { asked, reason: loss.as_str(), from: first };
    // Two strings and a word: there is nothing in it that could fail.
    let data = serde_json::to_string(&gap).unwrap_or_default();
    Frame::notice("gap", &data)
}
