//! What a subscriber has missed, read from the history in chunks.
//!
//! Owns: a place in the history that moves forward. Promises: bounded memory, whatever is
//! missing; where retention has overtaken the place, a `gap` event says so. Does not: hold up
//! anyone else; it is read at the speed of one subscriber's socket.

use std::sync::Arc;

use super::account::Account;
use crate::{
    history::{Entry, History, LastEventId, Loss, Position},
    sse::Frame,
    topic::Selector,
};

/// How many entries are read at a time.
const CHUNK: usize = 256;

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
        loop {
            for entry in self.chunk.by_ref() {
                self.place = entry.position;
                if self.selectors.iter().any(|selector| selector.matches_any(&entry.topics))
                    && self.account.terms.allow(&entry)
                {
                    return Some(entry.frame.clone());
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
        let chunk = self.history.read(self.place, self.up_to, CHUNK);
        let whole = chunk.entries.len() == CHUNK;
        self.reads = if whole { Reads::More } else { Reads::Done };
        let gap = chunk.overtaken.then(|| {
            let first = chunk.entries.first().map(|entry| shown_id(entry, &self.account));
            gap(&self.place.to_string(), Loss::Trimmed, first)
        });
        self.chunk = chunk.entries.into_iter();
        gap
    }
}

/// The id of an entry for a subscriber that may not be allowed to see it: a publisher's own id
/// says something about the event, a position does not.
pub fn shown_id(entry: &Entry, account: &Account) -> String {
    if account.terms.allow(entry) { entry.wire_id() } else { entry.position.to_string() }
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
