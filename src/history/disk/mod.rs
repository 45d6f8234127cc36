//! A history in a file, which survives the process.
//!
//! Owns: the file, the thread that writes to it, and what of it is in memory. Promises: a
//! publisher is answered, and an event shown, after the event is durable (or, where the setting
//! says so, within a second before that); reads never hold up a commit; the newest entries are
//! read from memory. Does not: write from more than one thread.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{Semaphore, watch},
    task::spawn_blocking,
};

use super::{
    Chunk, Durability, Entry, Holdings, Keyed, LastEventId, Limits, OpenError, Parcel, Position,
    ReadError, Retention, Start, StorageError, Tail, later::Backlog, ring::Ring, tail::tail,
};
use crate::event::{Event, EventId};

mod backend;
mod desk;
mod file;
mod inbox;
mod keys;
mod open;
pub mod record;
mod runs;
mod writer;

use file::File;
use inbox::Inbox;
use runs::Runs;
use writer::Writer;

/// How many read from the file at a time. What they read is shared.
const READERS: usize = 4;

/// How long a commit may take before the history counts as one that takes nothing.
const STALL: Duration = Duration::from_secs(3);

/// A history in a file. See [`super::History`] for what it promises.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Handle>);

/// What the clones share. The last one ends the writer.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    ended: watch::Receiver<bool>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.inbox.close();
    }
}

/// What the writer and those who read have in common.
#[derive(Debug)]
struct Shared {
    inbox: Inbox,
    shown: Mutex<Shown>,
    /// Nothing while it is opened anew.
    file: RwLock<Option<File>>,
    /// Why reading has failed last, so that it has to be opened anew.
    unreadable: AtomicBool,
    runs: Mutex<Runs>,
    readers: Semaphore,
}

/// What may be seen.
#[derive(Debug)]
struct Shown {
    ring: Ring,
    /// The place before the oldest entry that is kept.
    floor: Position,
    /// When that was appended, and what all that is kept takes.
    oldest: Option<u64>,
    bytes: u64,
    /// What waits for its time.
    backlog: Backlog,
    /// Why nothing is kept now.
    outage: Option<StorageError>,
    /// Since when the writer waits for the disk.
    writing: Option<Instant>,
}

pub(super) fn open(
    path: &Path,
    retention: Retention,
    durability: Durability,
) -> Result<(Disk, Tail), OpenError> {
    let (file, extent) = open::open(path)?;
    let place = |sequence| Position { epoch: file.epoch, sequence };
    let newest = file
        .read_newest(extent.seen, Limits::NEWEST)
        .map_err(|error| OpenError::Damaged { path: path.to_owned(), what: error.to_string() })?;
    let besides = file
        .besides()
        .map_err(|error| OpenError::Damaged { path: path.to_owned(), what: error.to_string() })?;
    let before = newest.first().map_or(extent.seen, |first| first.position.sequence - 1);
    let mut ring = Ring::new(Limits::NEWEST, place(before));
    for entry in &newest {
        ring.push(entry);
    }
    let shared = Arc::new(Shared {
        inbox: Inbox::default(),
        shown: Mutex::new(Shown {
            ring,
            floor: place(extent.floor),
            oldest: extent.oldest,
            bytes: extent.bytes,
            backlog: Backlog::default(),
            outage: None,
            writing: None,
        }),
        file: RwLock::new(Some(file)),
        unreadable: AtomicBool::new(false),
        runs: Mutex::default(),
        readers: Semaphore::new(READERS),
    });
    let (feed, tail) = tail();
    let (end, ended) = watch::channel(false);
    let writer =
        Writer::new(Arc::clone(&shared), feed, path, retention, durability, extent, besides);
    std::thread::Builder::new()
        .name("history".to_owned())
        .spawn(move || {
            writer.run();
            // Nobody may be waiting for it.
            let _ = end.send(true);
        })
        .map_err(|why| OpenError::Io { path: path.to_owned(), why })?;
    Ok((Disk(Arc::new(Handle { shared, ended })), tail))
}

/// Hands over everything that is in a file, which stays exactly as it is.
pub(super) fn each(
    path: &Path,
    mut take: impl FnMut(Position, Event, u64) -> io::Result<()>,
) -> Result<(), ReadError> {
    let file = open::look_at(path)?;
    file.each(|position, event, time| take(position, event, time).map_err(Stop::Taker)).map_err(
        |stop| match stop {
            Stop::Taker(error) => ReadError::Taker(error),
            Stop::File(error) => ReadError::File(OpenError::Damaged {
                path: path.to_owned(),
                what: error.to_string(),
            }),
        },
    )
}

enum Stop {
    File(redb::Error),
    Taker(io::Error),
}

impl From<redb::Error> for Stop {
    fn from(error: redb::Error) -> Self {
        Self::File(error)
    }
}

impl Disk {
    pub(super) fn append(&self, parcel: Parcel, keyed: Option<Keyed>) {
        self.0.shared.inbox.push(parcel, keyed.map(Box::new));
    }

    pub(super) fn backlog(&self) -> Backlog {
        self.0.shared.shown.lock().backlog
    }

    pub(super) fn head(&self) -> Position {
        self.0.shared.shown.lock().ring.head()
    }

    /// Where the newest entry was not kept any more at the start, this is its position, whatever
    /// id it had.
    pub(super) fn newest_id(&self) -> Option<String> {
        self.0.shared.shown.lock().ring.newest_id()
    }

    pub(super) fn health(&self) -> Result<(), StorageError> {
        let Shown { outage, writing, .. } = &*self.0.shared.shown.lock();
        let stalled = writing.is_some_and(|since| since.elapsed() > STALL);
        match outage {
            Some(error) => Err(*error),
            None if stalled => Err(StorageError::Busy),
            None => Ok(()),
        }
    }

    pub(super) async fn resume(&self, asked: &LastEventId) -> Result<Start, StorageError> {
        let found = match asked.as_own_id() {
            Some(id) => self.find(id).await?,
            None => None,
        };
        let shown = self.0.shared.shown.lock();
        Ok(Start::of(asked, found, shown.floor, shown.ring.head()))
    }

    /// What is asked for most often is in memory. What is older comes from the file, in runs that
    /// have no hole: where one begins later than asked for, something is lost in between.
    pub(super) async fn read(
        &self,
        after: Position,
        up_to: Option<Position>,
        limits: Limits,
    ) -> Result<Chunk, StorageError> {
        let (place, middle, up_to, overtaken) = {
            let Shown { ring, floor, .. } = &*self.0.shared.shown.lock();
            let up_to = up_to.unwrap_or(ring.head()).min(ring.head());
            let place = after.max(*floor);
            let overtaken = (place > after && up_to > after).then_some(place);
            if place >= ring.floor() || place >= up_to {
                let chunk = ring.read(place, Some(up_to), limits);
                return Ok(Chunk { overtaken, ..chunk });
            }
            (place, ring.floor().min(up_to), up_to, overtaken)
        };
        let entries = self.0.shared.older(place.sequence, middle.sequence, limits).await?;
        let reached = entries.last().map_or(middle, |last| last.position);
        let before = entries.first().map_or(middle.sequence, |first| first.position.sequence - 1);
        let overtaken = if before > place.sequence {
            Some(Position { sequence: before, ..place })
        } else {
            overtaken
        };
        Ok(Chunk { entries, last: reached >= up_to, overtaken })
    }

    pub(super) fn holdings(&self) -> Holdings {
        let Shown { ring, floor, oldest, bytes, .. } = &*self.0.shared.shown.lock();
        Holdings::new(ring.head().sequence.saturating_sub(floor.sequence), *bytes, *oldest)
    }

    /// Writes what waits, closes the file, and returns when that is done.
    pub(super) async fn close(&self) {
        self.0.shared.inbox.close();
        // An error says that the writer is gone, too.
        let _ = self.0.ended.clone().wait_for(|ended| *ended).await;
    }

    /// The earliest entry with this id.
    async fn find(&self, id: EventId) -> Result<Option<Position>, StorageError> {
        {
            let shown = self.0.shared.shown.lock();
            if shown.floor == shown.ring.floor() {
                return Ok(shown.ring.find(&id));
            }
        }
        let found = self.0.shared.read_file(move |file| file.find(&id)).await?;
        let head = self.head();
        Ok(found.map(|sequence| Position { sequence, ..head }))
    }
}

impl Shared {
    async fn older(
        self: &Arc<Self>,
        after: u64,
        up_to: u64,
        limits: Limits,
    ) -> Result<Vec<Arc<Entry>>, StorageError> {
        if let Some(entries) = self.runs.lock().get(after, up_to, limits) {
            return Ok(entries);
        }
        // Nothing closes the semaphore.
        let _turn = self.readers.acquire().await.map_err(|_| StorageError::Failed)?;
        // Someone may have read it meanwhile.
        if let Some(entries) = self.runs.lock().get(after, up_to, limits) {
            return Ok(entries);
        }
        let entries = self.read_file(move |file| file.read(after, up_to, limits)).await?;
        self.runs.lock().put(after, &entries);
        Ok(entries)
    }

    /// Reads on a thread that may be held up.
    async fn read_file<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&File) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StorageError> {
        let shared = Arc::clone(self);
        let read = move || match &*shared.file.read() {
            Some(file) => read(file).map_err(|error| {
                log::error!("the history can't be read: {error}");
                // After an error of the system the file answers nothing more.
                if !matches!(error, redb::Error::Corrupted(_)) {
                    shared.unreadable.store(true, Relaxed);
                    shared.inbox.call();
                }
                StorageError::Failed
            }),
            None => Err(StorageError::Failed),
        };
        spawn_blocking(read).await.unwrap_or(Err(StorageError::Failed))
    }
}
