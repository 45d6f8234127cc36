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

use super::{
    account::Account,
    terms::{Notices, Terms},
};
use crate::{
    event::EARLIEST,
    history::{Entry, History, LastEventId, Limits, Loss, Position, Start, StorageError},
    slice::{Slice, TEST},
    sse::Frame,
    topic::{Progress, Selector, Topic},
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

/// Where a returning subscriber goes on.
#[derive(Debug, Clone)]
pub enum Resume {
    /// After the event with this id. It is looked for once the stream has begun, which is told
    /// where something is lost.
    Id(LastEventId),
    /// After this place.
    After(Position),
}

pub struct Replay {
    history: History,
    selectors: Arc<[Selector]>,
    account: Arc<Account>,
    place: Position,
    up_to: Option<Position>,
    chunk: std::vec::IntoIter<Arc<Entry>>,
    reads: Reads,
    /// What it has yielded, without gaps: entered when it is over.
    events: u64,
    bytes: u64,
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
            events: 0,
            bytes: 0,
        }
    }

    /// Everything up to here has been read.
    pub fn place(&self) -> Position {
        self.place
    }

    /// The next frame for this subscriber; `None` at the end. May be cancelled.
    pub async fn next(&mut self) -> Result<Option<Frame>, StorageError> {
        let mut slice = Slice::from(Instant::now());
        loop {
            // Taken when it is known who wants it: whoever cancels this loses none.
            while let Some(entry) = self.chunk.as_slice().first() {
                let wanted = !entry.has_expired()
                    && any_matches(&self.selectors, &entry.topics, &mut slice).await;
                let wanted = wanted && self.account.terms.allow(entry, &mut slice).await;
                let frame = wanted.then(|| entry.frame.clone());
                self.place = entry.position;
                self.chunk.next();
                if let Some(frame) = frame {
                    self.events += 1;
                    self.bytes += frame.len() as u64;
                    return Ok(Some(frame));
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
            self.account.lifeline.progress();
            self.history.read(place, up_to, CHUNK).await
        };
        let chunk = patiently(read).await?;
        self.reads = if chunk.last { Reads::Done } else { Reads::More };
        let gap = chunk.overtaken.map(|went_on_from| {
            let first = chunk.entries.first().map(|entry| shown_id(entry, &self.account));
            let asked = std::mem::replace(&mut self.place, went_on_from);
            gap(&asked.to_string(), Loss::Trimmed, first)
        });
        let gap = gap.filter(|_| self.account.terms.notices == Notices::On);
        if gap.is_some() {
            self.account.ledger.tell_gap(Loss::Trimmed);
        }
        self.chunk = chunk.entries.into_iter();
        Ok(gap)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // One with an end is the short rest of another.
        self.account.ledger.replay(self.events, self.bytes, self.up_to.is_none());
    }
}

/// Where a subscriber starts that asks for what followed this id.
pub async fn find(history: &History, asked: &LastEventId) -> Result<Start, StorageError> {
    patiently(async || history.resume(asked).await).await
}

/// The same for a stream; without a place it only gets what comes. First there may be a `gap`
/// event.
pub async fn resume(
    history: &History,
    asked: &LastEventId,
    account: &Account,
) -> Result<(Option<Frame>, Option<Position>), StorageError> {
    let (loss, place) = match find(history, asked).await? {
        Start::After(place) => return Ok((None, Some(place))),
        Start::Gap(loss, place) => (loss, place),
    };
    if account.terms.notices == Notices::Off {
        return Ok((None, place));
    }
    let first = match place {
        Some(place) => {
            patiently(async || history.read(place, None, ONE).await).await?.entries.pop()
        }
        None => None,
    };
    let first = first.map(|entry| shown_id(&entry, account));
    account.ledger.tell_gap(loss);
    Ok((Some(gap(asked.as_str(), loss, first)), place))
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

/// The newest entry that is kept and would be received. Looked for from the end, since it is most
/// likely there.
pub async fn newest(
    history: &History,
    selectors: &[Selector],
    terms: &Terms,
) -> Result<Option<Arc<Entry>>, StorageError> {
    let mut slice = Slice::from(Instant::now());
    let mut end = history.head();
    loop {
        let start = end.sequence.saturating_sub(CHUNK.events as u64);
        let start = Position { sequence: start, ..end };
        let (mut place, mut found) = (start, None);
        let oldest = loop {
            let read = async || history.read(place, Some(end), CHUNK).await;
            let chunk = patiently(read).await?;
            place = chunk.overtaken.unwrap_or(place);
            for entry in chunk.entries {
                place = entry.position;
                if !entry.has_expired()
                    && any_matches(selectors, &entry.topics, &mut slice).await
                    && terms.allow(&entry, &mut slice).await
                {
                    found = Some(entry);
                }
            }
            if chunk.last {
                // Not where a crash has left a hole: something may be kept before that.
                break chunk.overtaken.is_some_and(|floor| floor > end) || start.sequence == 0;
            }
        };
        if found.is_some() || oldest {
            return Ok(found);
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
fn shown_id(entry: &Entry, account: &Account) -> String {
    let slice = &mut Slice::from(Instant::now());
    match account.terms.try_allow(entry, &mut Progress::default(), slice) {
        Some(true) => entry.wire_id(),
        _ => entry.position.to_string(),
    }
}

/// The event that tells a subscriber that it has lost something.
pub fn gap(asked: &str, loss: Loss, first: Option<String>) -> Frame {
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

/// The oldest and the newest entry that are kept.
pub async fn ends(history: &History) -> Result<[Option<Arc<Entry>>; 2], StorageError> {
    let mut ends = [None, None];
    if let Some(earliest) = LastEventId::parse(EARLIEST)
        && let Start::After(floor) = history.resume(&earliest).await?
    {
        ends[0] = history.read(floor, None, ONE).await?.entries.into_iter().next();
    }
    if ends[0].is_some() {
        let head = history.head();
        let before = Position { sequence: head.sequence.saturating_sub(1), ..head };
        ends[1] = history.read(before, Some(head), ONE).await?.entries.into_iter().next();
    }
    Ok(ends)
}
