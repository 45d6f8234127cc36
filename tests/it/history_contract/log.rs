//! A history as a test uses it: with someone who takes what its tail yields, as the hub does.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fanfare::{
    event::{Event, EventId, EventType, Retry, Ttl},
    history::{
        Chunk, Delivered, Durability, Earlier, Entry, HASH, Handed, History, Key, Keyed,
        LastEventId, Limits, Next, Parcel, Place, Position, Retention, Start, StorageError,
    },
    topic::{Topic, Topics},
};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::{Folder, PATIENCE, Redis};

/// A place that is there as long as its test.
pub struct Kept {
    place: Place,
    durability: Durability,
    _folder: Folder,
    _redis: Option<Redis>,
}

impl Kept {
    pub fn memory() -> Self {
        let place = Place::Memory;
        Self { place, durability: Durability::Always, _folder: Folder::new(), _redis: None }
    }

    pub fn disk() -> Self {
        let folder = Folder::new();
        let place = Place::File(folder.0.join("history.redb"));
        Self { place, durability: Durability::Always, _folder: folder, _redis: None }
    }

    pub fn disk_by_interval() -> Self {
        Self { durability: Durability::Interval, ..Self::disk() }
    }

    pub fn redis() -> Self {
        let redis = Redis::with(&["--appendonly", "no"]);
        let place = Place::parse(&redis.url()).unwrap();
        Self { place, _redis: Some(redis), ..Self::memory() }
    }

    pub fn open(&self, retention: Retention) -> Log {
        let (history, mut tail) = History::open(&self.place, retention, self.durability).unwrap();
        let seen: Arc<Mutex<Vec<Arc<Entry>>>> = Arc::default();
        let taker = tokio::spawn({
            let (history, seen) = (history.clone(), Arc::clone(&seen));
            async move {
                while let Some(next) = tail.next(256, 1 << 20).await {
                    let Next::Round(round) = next else { panic!("something is lost") };
                    let (first, last) = (round[0].entry.position, round.last().unwrap());
                    // What the tail yields can be read, as far as retention leaves it there.
                    let before = Position { sequence: first.sequence - 1, ..first };
                    let expected: Vec<_> = round.iter().map(|next| next.entry.position).collect();
                    let mut expected = expected.into_iter().peekable();
                    let mut place = before;
                    while expected.peek().is_some() {
                        let read = history.read(place, Some(last.entry.position), EVERYTHING);
                        let Chunk { entries, overtaken, .. } = read.await.unwrap();
                        if overtaken.is_some() {
                            break;
                        }
                        for entry in entries {
                            place = entry.position;
                            assert_eq!(Some(place), expected.next());
                        }
                    }
                    for next in round {
                        seen.lock().unwrap().push(Arc::clone(&next.entry));
                        let delivered = Delivered { entry: next.entry, subscribers: 7 };
                        let _ = next.receipt.send(Ok(delivered));
                    }
                }
            }
        });
        Log { history, seen, taker }
    }
}

pub const EVERYTHING: Limits = Limits { events: usize::MAX, bytes: usize::MAX };

pub fn keep(events: usize, bytes: usize) -> Retention {
    Retention { limits: Limits { events, bytes }, age: Duration::ZERO }
}

/// Keeps more than any test appends.
pub fn keep_all() -> Retention {
    keep(1_000_000, 1 << 30)
}

pub struct Log {
    pub history: History,
    /// What the tail has yielded.
    seen: Arc<Mutex<Vec<Arc<Entry>>>>,
    taker: JoinHandle<()>,
}

impl Log {
    /// Hands an event over, and returns what will tell what became of it.
    pub fn hand_over(&self, event: Event) -> oneshot::Receiver<Result<Delivered, StorageError>> {
        let (receipt, answer) = oneshot::channel();
        self.history.append(event, receipt);
        answer
    }

    pub async fn append(&self, event: Event) -> Arc<Entry> {
        let delivered = self.hand_over(event).await.unwrap().unwrap();
        assert_eq!(delivered.subscribers, 7);
        delivered.entry
    }

    /// Appends several together, under a key; or is told what was published under it.
    pub async fn append_keyed(
        &self,
        name: u8,
        content: u8,
        window: Duration,
        data: &[&str],
    ) -> Result<Position, Earlier> {
        let (mut parcel, mut answers) = (Parcel::new(), Vec::new());
        for data in data {
            let (receipt, answer) = oneshot::channel();
            parcel.push(Handed { event: event(data), due: None, receipt });
            answers.push(answer);
        }
        let (sender, earlier) = oneshot::channel();
        let note = format!("note of {name}");
        let key = Key { name: [name; HASH], content: [content; HASH], window, note };
        self.history.append_parcel(parcel, Some(Keyed { key, earlier: sender }));
        let mut first = None;
        for answer in answers {
            match answer.await {
                Ok(kept) => _ = first.get_or_insert(kept.unwrap().entry.position),
                Err(_) => return Err(earlier.await.unwrap()),
            }
        }
        Ok(first.unwrap())
    }

    /// Has one wait for so long.
    pub async fn delay(&self, time: Duration, data: &str) -> Result<(), StorageError> {
        let (handed, answer) = delayed(time, data);
        self.history.append_parcel(Parcel::from_iter([handed]), None);
        answer.await.unwrap().map(drop)
    }

    /// The same under a key; or is told what waits under it already, or why it may not.
    pub async fn delay_keyed(
        &self,
        name: u8,
        time: Duration,
        data: &str,
    ) -> Result<(), Result<Earlier, StorageError>> {
        let (handed, answer) = delayed(time, data);
        let (sender, earlier) = oneshot::channel();
        let note = format!("note of {name}");
        let key = Key { name: [name; HASH], content: [0; HASH], window: time, note };
        self.history
            .append_parcel(Parcel::from_iter([handed]), Some(Keyed { key, earlier: sender }));
        match answer.await {
            Ok(kept) => kept.map(drop).map_err(Err),
            Err(_) => Err(Ok(earlier.await.unwrap())),
        }
    }

    /// Appends several together.
    pub async fn append_parcel(&self, events: Vec<Event>) -> Vec<Arc<Entry>> {
        let (parcel, answers): (Parcel, Vec<_>) = events
            .into_iter()
            .map(|event| {
                let (receipt, answer) = oneshot::channel();
                (Handed { event, due: None, receipt }, answer)
            })
            .unzip();
        self.history.append_parcel(parcel, None);
        let mut entries = Vec::new();
        for answer in answers {
            entries.push(answer.await.unwrap().unwrap().entry);
        }
        entries
    }

    /// Appends these data, one after another.
    pub async fn append_all(&self, data: impl IntoIterator<Item = u32>) -> Vec<Position> {
        let answers: Vec<_> =
            data.into_iter().map(|n| self.hand_over(event(&n.to_string()))).collect();
        let mut positions = Vec::new();
        for answer in answers {
            positions.push(answer.await.unwrap().unwrap().entry.position);
        }
        positions
    }

    pub fn seen(&self) -> Vec<Arc<Entry>> {
        self.seen.lock().unwrap().clone()
    }

    pub async fn resume(&self, asked: &str) -> Start {
        self.history.resume(&LastEventId::parse(asked).unwrap()).await.unwrap()
    }

    pub async fn read(&self, after: Position, up_to: Option<Position>, limits: Limits) -> Chunk {
        self.history.read(after, up_to, limits).await.unwrap()
    }

    /// Everything that follows a place, read in steps; and what was said to be lost on the way.
    pub async fn read_on(&self, mut place: Position) -> (Vec<Arc<Entry>>, Vec<Position>) {
        let (mut found, mut lost) = (Vec::new(), Vec::new());
        loop {
            let chunk = self.read(place, None, Limits { events: 256, bytes: 256 << 10 }).await;
            if let Some(went_on_from) = chunk.overtaken {
                lost.push(went_on_from);
                place = went_on_from;
            }
            place = chunk.entries.last().map_or(place, |last| last.position);
            found.extend(chunk.entries);
            if chunk.last {
                return (found, lost);
            }
        }
    }

    /// All data that can be read.
    pub async fn all(&self) -> Vec<String> {
        let Start::After(earliest) = self.resume("earliest").await else { panic!("no place") };
        self.read_on(earliest).await.0.iter().map(|entry| data(entry)).collect()
    }

    /// Ends it as the process does when it is told to stop.
    pub async fn close(self) {
        self.history.close().await;
        drop(self.history);
        self.taker.await.unwrap();
    }
}

pub fn event(data: &str) -> Event {
    let (topics, data) = (topics(&["a"]), data.to_owned());
    Event { topics, data, id: None, kind: None, retry: None, ttl: None, private: false }
}

pub fn with_id(id: &str, data: &str) -> Event {
    Event { id: Some(EventId::parse(id).unwrap()), ..event(data) }
}

/// An event with everything that an event can have.
pub fn full(id: &str, data: &str) -> Event {
    Event {
        topics: topics(&["a", "/books/7", "ä🦀"]),
        kind: Some(EventType::parse("price").unwrap()),
        retry: Some(Retry::parse("12345").unwrap()),
        ttl: Some(Ttl::parse("90s").unwrap()),
        private: true,
        ..with_id(id, data)
    }
}

fn topics(names: &[&str]) -> Topics {
    Topics::new(names.iter().map(|name| Topic::parse(name).unwrap()).collect()).unwrap()
}

/// The data of an entry, out of its frame.
pub fn data(entry: &Entry) -> String {
    let frame = String::from_utf8(entry.frame.bytes().to_vec()).unwrap();
    let lines: Vec<_> = frame.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    lines.join("\n")
}

pub fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// Runs a case, whose history may be on other threads.
pub fn run(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, case).await }).expect("in time");
}

/// Looks again and again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::task::yield_now().await;
    }
}

fn delayed(
    time: Duration,
    data: &str,
) -> (Handed, oneshot::Receiver<Result<Delivered, StorageError>>) {
    let due = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
    let due = u64::try_from(due.as_millis()).unwrap();
    let id = EventId::parse(&format!("urn:{}", fastrand::u64(..))).unwrap();
    let (receipt, answer) = oneshot::channel();
    let event = Event { id: Some(id), ..event(data) };
    (Handed { event, due: Some(due), receipt }, answer)
}
