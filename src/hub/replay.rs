//! What a subscriber has missed, read from the history in chunks.
//!
//! Owns: a place in the history that moves forward. Promises: bounded memory, whatever is
//! missing; where retention has overtaken the place, a `gap` event says so. Does not: hold up
//! anyone else; it is read at the speed of one subscriber's socket.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    connection::Lifeline,
    history::{Entry, History, LastEventId, Limits, Loss, Position, Start, StorageError},
    sse::Frame,
    topic::Selector,
};

/// What is read at a time. Retention can't free it before a slow reader has taken it: one entry
/// of any size, or a few small ones.
const CHUNK: Limits = Limits { events: 256, bytes: 256 * 1024 };
/// One entry.
const ONE: Limits = Limits { events: 1, bytes: 0 };

/// How long a history that can't be read is asked again before the stream ends: it may be about
/// to open its file anew.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(100);

pub struct Replay {
    history: History,
    selectors: Arc<[Selector]>,
    lifeline: Arc<Lifeline>,
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
        lifeline: &Arc<Lifeline>,
        place: Position,
        up_to: Option<Position>,
    ) -> Self {
        Self {
            history: history.clone(),
            selectors: Arc::clone(selectors),
            lifeline: Arc::clone(lifeline),
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

    /// The next frame for this subscriber; `None` at the end. May be cancelled.
    pub async fn next(&mut self) -> Result<Option<Frame>, StorageError> {
        loop {
            for entry in self.chunk.by_ref() {
                self.place = entry.position;
                if self.selectors.iter().any(|selector| selector.matches_any(&entry.topics)) {
                    return Ok(Some(entry.frame.clone()));
                }
            }
            match self.reads {
                Reads::Done => return Ok(None),
                // A replay that matches nothing writes nothing, and would keep the thread.
                Reads::More => tokio::task::yield_now().await,
                Reads::None => {}
            }
            if let Some(gap) = self.read().await? {
                return Ok(Some(gap));
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Frame>, StorageError> {
        let (place, up_to) = (self.place, self.up_to);
        let read = async || {
            // A reader for whom there is nothing to write is not one that takes nothing.
            self.lifeline.progress();
            self.history.read(place, up_to, CHUNK).await
        };
        let chunk = patiently(read).await?;
        self.reads = if chunk.last { Reads::Done } else { Reads::More };
        let gap = chunk.overtaken.map(|went_on_from| {
            let first = chunk.entries.first().map(|entry| entry.wire_id());
            let asked = std::mem::replace(&mut self.place, went_on_from);
            gap(&asked.to_string(), Loss::Trimmed, first)
        });
        self.chunk = chunk.entries.into_iter();
        Ok(gap)
    }
}

/// Where a subscriber starts that asks for what followed this id; without a place it only gets
/// what comes. First there may be a `gap` event.
pub async fn resume(
    history: &History,
    asked: &LastEventId,
) -> Result<(Option<Frame>, Option<Position>), StorageError> {
    patiently(async || match history.resume(asked).await? {
        Start::After(place) => Ok((None, Some(place))),
        Start::Gap(loss, None) => Ok((Some(gap(asked.as_str(), loss, None)), None)),
        Start::Gap(loss, Some(place)) => {
            let first = history.read(place, None, ONE).await?.entries.pop();
            let first = first.map(|entry| entry.wire_id());
            Ok((Some(gap(asked.as_str(), loss, first)), Some(place)))
        }
    })
    .await
}

async fn patiently<T>(read: impl AsyncFn() -> Result<T, StorageError>) -> Result<T, StorageError> {
    let begun = Instant::now();
    loop {
        match read().await {
            Err(_) if begun.elapsed() < PATIENCE => sleep(AGAIN).await,
            result => return result,
        }
    }
}

/// The event that tells a subscriber that it has lost something.
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
