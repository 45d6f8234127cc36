//! A history in Redis, which many nodes share.
//!
//! One stream is the log, and its ids are the positions; beside it are a hash of what is known of
//! it, an index by the publishers' own ids, and the ends of former epochs. A script appends, so
//! that all of these change together.
//!
//! Owns: the thread that speaks to Redis, and the newest entries in memory. Promises: all nodes show
//! one order; a publisher is answered when this node has read its event back from the log; an id is
//! never given twice, whatever the server has lost; what is lost is told. Does not: wait for
//! replicas: what a server that dies has not passed on is lost, and told.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Handle as Runtime},
    select,
    sync::{oneshot, watch},
    time::{Duration, sleep},
};

use super::{
    Chunk, Holdings, Keyed, LastEventId, Limits, OpenError, Parcel, Position, Retention, Start,
    StorageError, Tail, later::Backlog, ring::Ring, tail::tail,
};
use crate::{event::EventId, histogram::Histogram};

mod board;
mod chain;
mod follower;
mod link;
mod pending;
mod reader;
mod session;
mod shared;
mod target;
mod wire;
mod writer;

pub use target::Target;

use board::Board;
pub use board::Told;
use follower::Follower;
use link::Trips;
use pending::Pending;
use reader::Reader;
use session::Session;
use shared::{Keys, Shared, Shown};

/// How often is looked for publishers whose time is over.
const TICK: Duration = Duration::from_millis(50);

/// A history in Redis. See [`super::History`] for what it promises.
#[derive(Debug, Clone)]
pub struct Redis(Arc<Handle>);

/// What the clones share. The last one ends the thread.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    reader: Arc<Reader>,
    runtime: Runtime,
    ended: watch::Receiver<bool>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.pending.close();
    }
}

pub(super) fn open(target: &Target, retention: Retention) -> Result<(Redis, Tail), OpenError> {
    let target = target.clone();
    let (tell, opened) = std::sync::mpsc::channel();
    let failed = |why: &dyn std::fmt::Display| OpenError::Server(why.to_string());
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
    std::thread::Builder::new()
        .name("history".to_owned())
        .spawn(move || runtime.block_on(live(target, retention, tell)))
        .map_err(|error| failed(&error))?;
    opened.recv().unwrap_or_else(|error| Err(failed(&error)))
}

type Opened = Result<(Redis, Tail), OpenError>;

/// The life of the thread.
async fn live(target: Target, retention: Retention, tell: std::sync::mpsc::Sender<Opened>) {
    let opened = begin(target, retention).await;
    let (shared, reader, session) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            // Whoever opens it waits for this.
            let _ = tell.send(Err(error));
            return;
        }
    };
    let (feed, tail) = tail();
    let (end, ended) = watch::channel(false);
    let follower = Follower::new(Arc::clone(&shared), feed, shared.head());
    let last = Arc::clone(&reader);
    let handle = Handle { shared: Arc::clone(&shared), reader, runtime: Runtime::current(), ended };
    let _ = tell.send(Ok((Redis(Arc::new(handle)), tail)));
    select! {
        () = writer::run(Arc::clone(&shared), session) => {}
        () = follower.run() => {}
        () = until_done(&shared.pending) => {}
    }
    if let Ok(link) = last.link().await {
        shared.board.leave(&link).await;
    }
    let _ = end.send(true);
}

async fn until_done(pending: &Pending) {
    while !pending.is_done() {
        pending.expire();
        sleep(TICK).await;
    }
}

async fn begin(
    target: Target,
    retention: Retention,
) -> Result<(Arc<Shared>, Arc<Reader>, Session), OpenError> {
    let keys = Keys::new(&target);
    let trips = Trips::default();
    let (session, log) = Session::begin(&target, &keys, &trips, Position::ZERO).await?;
    let (run, running) = watch::channel(session.link.run.clone());
    let reader = Arc::new(Reader::new(target.clone(), keys.clone(), trips.clone(), running));
    let newest = reader.newest(log.floor, log.head, Limits::NEWEST, &log.chain).await;
    let newest = newest.map_err(|error| OpenError::Server(error.to_string()))?;
    let mut ring =
        Ring::new(Limits::NEWEST, newest.first().map_or(log.head, |first| first.position.before()));
    for entry in &newest {
        ring.push(entry);
    }
    if ring.head() < log.head {
        // The newest epoch has no entries yet, or the newest entry is gone.
        ring = Ring::new(Limits::NEWEST, log.head);
    }
    let node = fastrand::u64(..);
    let board = Board::new(node, keys.clone());
    board.begin();
    let shared = Shared {
        target,
        keys,
        retention,
        trips,
        node,
        board,
        pending: Pending::default(),
        backlog: Mutex::default(),
        shown: Mutex::new(Shown { ring, floor: log.floor, chain: log.chain }),
        run,
    };
    Ok((Arc::new(shared), reader, session))
}

impl Redis {
    pub(super) fn append(&self, parcel: Parcel, keyed: Option<Keyed>) {
        self.0.shared.pending.push(parcel, keyed.map(Box::new));
    }

    pub(super) fn backlog(&self) -> Backlog {
        *self.0.shared.backlog.lock()
    }

    pub(super) fn head(&self) -> Position {
        self.0.shared.head()
    }

    /// Where the newest entry was not kept any more at the start, this is its position, whatever
    /// id it had.
    pub(super) fn newest_id(&self) -> Option<String> {
        self.0.shared.shown.lock().ring.newest_id()
    }

    pub(super) fn health(&self) -> Result<(), StorageError> {
        if self.0.shared.pending.is_away() { Err(StorageError::Away) } else { Ok(()) }
    }

    pub(super) async fn resume(&self, asked: &LastEventId) -> Result<Start, StorageError> {
        let found = match asked.as_own_id() {
            Some(id) => self.find(id).await?,
            None => None,
        };
        let place = found.or_else(|| asked.as_position());
        if let Some(place) = place.filter(|place| *place > self.head()) {
            // Another node may have shown it already.
            let reader = Arc::clone(&self.0.reader);
            let (head, chain) = self.run(async move { reader.head().await }).await?;
            if place <= head {
                self.0.shared.learn(chain);
                return Ok(self.0.shared.start(asked, Some(place), head));
            }
        }
        Ok(self.0.shared.start(asked, place, self.head()))
    }

    /// What is asked for most often is in memory.
    pub(super) async fn read(
        &self,
        after: Position,
        up_to: Option<Position>,
        limits: Limits,
    ) -> Result<Chunk, StorageError> {
        let mut begin = after;
        loop {
            let (place, middle, up_to, overtaken, chain) = {
                let Shown { ring, floor, chain } = &*self.0.shared.shown.lock();
                let up_to = up_to.unwrap_or(ring.head()).min(ring.head());
                let place = begin.max(*floor);
                let overtaken = (place > begin && up_to > begin).then_some(place);
                if place >= ring.floor() || place >= up_to {
                    let chunk = ring.read(place, Some(up_to), limits);
                    return Ok(Chunk { overtaken, ..chunk });
                }
                (place, ring.floor().min(up_to), up_to, overtaken, chain.clone())
            };
            let reader = Arc::clone(&self.0.reader);
            let read = async move { reader.read(place, middle, limits, &chain).await };
            let run = self.run(read).await?;
            let overtaken = run.overtaken.or(overtaken);
            let last = run.whole && middle >= up_to;
            if !run.entries.is_empty() || overtaken.is_some() || last {
                return Ok(Chunk { entries: run.entries, last, overtaken });
            }
            // Nothing but the end of an epoch lies before what is in memory.
            begin = middle;
        }
    }

    /// Tells the other nodes something under a name, or takes it back, before what is appended after
    /// it.
    pub(super) fn share(&self, name: String, what: Option<String>) {
        self.0.shared.board.tell(name, what);
    }

    /// What the others have told that live.
    pub(super) async fn shared_by_others(&self) -> Result<Told, StorageError> {
        let (shared, reader) = (Arc::clone(&self.0.shared), Arc::clone(&self.0.reader));
        let ask = async move {
            let link = reader.link().await?;
            shared.board.others(&link).await.map_err(|_| StorageError::Away)
        };
        self.run(ask).await
    }

    /// What a node has told that has died. Each of these is for one of the living.
    pub(super) async fn left_by_the_dead(&self) -> Told {
        match self.0.shared.board.graves.lock().await.recv().await {
            Some(told) => told,
            // It ends with the process.
            None => std::future::pending().await,
        }
    }

    /// Tells the other nodes how many streams there are.
    pub(super) fn count(&self, streams: usize) {
        self.0.shared.board.count(streams);
    }

    /// How many nodes live, and how many streams they have.
    pub(super) async fn sums(&self) -> Result<(usize, usize), StorageError> {
        let (shared, reader) = (Arc::clone(&self.0.shared), Arc::clone(&self.0.reader));
        let ask = async move {
            let link = reader.link().await?;
            shared.board.sums(&link).await.map_err(|_| StorageError::Away)
        };
        self.run(ask).await
    }

    pub(super) async fn holdings(&self) -> Result<Holdings, StorageError> {
        let reader = Arc::clone(&self.0.reader);
        let (floor, head, chain) = {
            let Shown { ring, floor, chain } = &*self.0.shared.shown.lock();
            (*floor, ring.head(), chain.clone())
        };
        self.run(async move { reader.holdings(floor, head, &chain).await }).await
    }

    pub(super) fn round_trips(&self) -> Histogram {
        self.0.shared.trips.so_far()
    }

    /// Appends what waits, and returns when that is done.
    pub(super) async fn close(&self) {
        self.0.shared.pending.close();
        // An error says that the thread is gone, too.
        let _ = self.0.ended.clone().wait_for(|ended| *ended).await;
    }

    /// The earliest entry with this id.
    async fn find(&self, id: EventId) -> Result<Option<Position>, StorageError> {
        let floor = {
            let shown = self.0.shared.shown.lock();
            let found = shown.ring.find(&id);
            if found.is_some() && shown.floor == shown.ring.floor() {
                return Ok(found);
            }
            shown.floor
        };
        let reader = Arc::clone(&self.0.reader);
        self.run(async move { reader.find(&id, floor).await }).await
    }

    /// Does this on the thread that has the connections.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StorageError>> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (tell, done) = oneshot::channel();
        self.0.runtime.spawn(async move {
            // Whoever has asked may have left.
            let _ = tell.send(work.await);
        });
        done.await.unwrap_or(Err(StorageError::Failed))
    }
}
