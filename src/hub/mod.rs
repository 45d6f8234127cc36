//! The hub: events in, one order, out to every subscriber.
//!
//! Owns: the road of an event from [`Hub::publish`] to the queue of each subscriber, the
//! subscriptions, and who may have one. Promises: all subscribers see one order without gap or
//! repeat; a publisher is answered when it is known who gets its event, and there is room for it
//! on its way to them; no subscriber is ever waited for. Does not: know HTTP.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Addr;
use futures_util::future::join_all;
use parking_lot::RwLock;
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, timeout},
};

use crate::{
    event::Event,
    histogram::Histogram,
    history::{Entry, History, Holdings, LastEventId, Position, Start, StorageError, Tail},
    hooks::{self, Hooks},
    topic::Selector,
};

mod account;
mod admission;
mod alarm;
mod behind;
mod broadcaster;
mod census;
mod courier;
mod delivery;
mod fan_out;
mod farewell;
mod heartbeat;
mod herald;
mod household;
mod ledger;
mod live;
mod messages;
mod overdue;
mod pass;
mod prefixes;
mod publish;
mod queue;
mod ready;
mod recent;
pub mod registry;
mod replay;
mod roll;
mod settings;
mod socket_sink;
mod subscription;
mod tally;
mod terms;
mod waves;

pub use account::End;
pub use admission::{Refusal, Seat};
pub use alarm::{Alarm, AlarmMaker, Bell};
pub use broadcaster::Broadcaster;
pub use census::{Member, State};
pub use farewell::DrainPace;
pub use household::Household;
pub use ledger::{Counts, Replayed};
pub use messages::Stats;
pub use overdue::Overdue;
pub use publish::{Outcome, PublishError, Receipt};
pub use queue::Limits;
pub use recent::Glimpse;
pub use replay::Resume;
pub use roll::Whom;
pub use settings::Settings;
pub use subscription::{Next, Subscription};
pub use tally::Tally;
pub use terms::{Notices, Terms};

use admission::Admission;
use farewell::Farewell;
use herald::Herald;
use ledger::Ledger;
use messages::{Answer, Ask, Drain, Host, Revoke};
use recent::Recent;
use roll::Roll;

/// How long the last streams to end may take to write what they have.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How often it tells others how many streams it has.
const COUNT: Duration = Duration::from_millis(500);

/// The one handle that the rest of the program holds. Cheap to clone; all clones are one hub.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    settings: Settings,
    history: History,
    admission: Arc<Admission>,
    ledger: Arc<Ledger>,
    herald: Herald,
    /// `None` where nobody may revoke.
    roll: Option<Roll>,
    /// `None` where there is no operator to look.
    recent: Option<Recent>,
    /// One a worker. Written while the workers start, read ever after.
    broadcasters: RwLock<Vec<Addr<Broadcaster>>>,
    joined: Notify,
}

impl Hub {
    /// A hub without workers. Its tail is for [`Hub::run`].
    pub fn new(settings: Settings, history: History) -> Self {
        let Settings { max_subscribers, max_per_address, max_per_subject, .. } = settings;
        let admission = Admission::new(max_subscribers, max_per_address, max_per_subject);
        let roll = settings.operated.then(Roll::default);
        let recent = settings.operated.then(Recent::default);
        Self(Arc::new(Shared {
            settings,
            history,
            admission: Arc::new(admission),
            ledger: Arc::default(),
            herald: Herald::default(),
            roll,
            recent,
            broadcasters: RwLock::default(),
            joined: Notify::new(),
        }))
    }

    /// Starts a Broadcaster on this thread, which is a worker's. When it dies, the alarm rings.
    pub fn start_broadcaster(&self, alarm: Alarm) -> Addr<Broadcaster> {
        let broadcaster = Broadcaster::launch(&self.0.settings, self.0.history.head(), alarm);
        self.0.broadcasters.write().push(broadcaster.clone());
        self.0.joined.notify_one();
        broadcaster
    }

    /// All Broadcasters that have been started.
    pub fn broadcasters(&self) -> Vec<Addr<Broadcaster>> {
        self.0.broadcasters.read().clone()
    }

    /// Waits until so many workers have started their Broadcasters.
    pub async fn wait_for_broadcasters(&self, workers: usize) {
        while self.0.broadcasters.read().len() < workers {
            self.0.joined.notified().await;
        }
    }

    /// Carries events from the tail of the history to the Broadcasters, and the hub's own into it.
    /// Ends only when one of them has died, or the history. It is done on the thread of the first:
    /// a thread of its own would wait for a core that two busy workers have.
    pub async fn run(&self, tail: Tail) {
        let broadcasters = self.broadcasters();
        let Some(first) = broadcasters.first().cloned() else { return };
        let (alive, ended) = oneshot::channel::<()>();
        let hub = self.clone();
        first.do_send(Host(Box::pin(async move {
            let _alive = alive;
            tokio::select! {
                () = delivery::run(tail, &broadcasters, &hub.0.settings, hub.0.recent.as_ref()) => {}
                () = hub.0.herald.run(&hub.0.history) => {}
                () = hub.count() => {}
                () = hub.0.history.tend() => {}
            }
        })));
        // By its drop.
        let _ = ended.await;
    }

    /// Tells those who share the history how many streams there are. Never ends.
    async fn count(&self) {
        loop {
            self.0.history.count(self.streams());
            sleep(COUNT).await;
        }
    }

    /// Publishes events of the hub's own, also while it drains, and waits until they are
    /// delivered.
    pub async fn announce(&self, events: impl Iterator<Item = Event> + Send + 'static) {
        self.0.herald.announce(Box::new(events)).await;
    }

    /// The same, for whoever does not wait: after all that someone waits for.
    pub fn tell(&self, events: impl Iterator<Item = Event> + Send + 'static) {
        self.0.herald.tell(Box::new(events));
    }

    /// How many events wait for their time.
    pub fn delayed(&self) -> u64 {
        self.0.history.delayed()
    }

    /// The id of the newest event; `None` where there never was one.
    pub fn newest_id(&self) -> Option<String> {
        self.0.history.newest_id()
    }

    /// Whether an event that is published now would be kept, as far as is known.
    pub fn can_keep(&self) -> Result<(), StorageError> {
        self.0.history.health()
    }

    /// Takes a place for one subscriber from this address, with a token of this subject.
    pub fn admit(&self, address: IpAddr, subject: Option<&Arc<str>>) -> Result<Seat, Refusal> {
        let admitted = Admission::admit(&self.0.admission, address, subject);
        admitted.inspect_err(|why| self.turn_away(*why))
    }

    /// Counts one who was turned away, also before it asked for a place.
    pub fn turn_away(&self, why: Refusal) {
        self.0.ledger.turn_away(why);
    }

    /// Where a subscriber starts that asks for what followed this id, for whoever has to know it
    /// before the stream begins.
    pub async fn find(&self, asked: &LastEventId) -> Result<Start, StorageError> {
        replay::find(&self.0.history, asked).await
    }

    /// The place of the newest event: what follows it is published from now on.
    pub fn head(&self) -> Position {
        self.0.history.head()
    }

    /// The id of the newest kept event that such a subscriber would receive.
    pub async fn newest(
        &self,
        selectors: &[Selector],
        terms: &Terms,
    ) -> Result<Option<String>, StorageError> {
        let newest = replay::newest(&self.0.history, selectors, terms).await?;
        Ok(newest.map(|entry| entry.wire_id()))
    }

    /// Opens a subscription on this worker's Broadcaster.
    pub fn subscribe(
        &self,
        broadcaster: &Addr<Broadcaster>,
        seat: Seat,
        selectors: Vec<Selector>,
        resume: Option<Resume>,
        terms: Terms,
    ) -> Subscription {
        Subscription::open(self, broadcaster.clone(), seat, selectors.into(), resume, terms)
    }

    /// Ends the streams of someone, wherever they are. Returns how many there were.
    pub fn revoke(&self, whom: &Whom) -> usize {
        let Some(roll) = &self.0.roll else { return 0 };
        let accounts: Arc<[_]> = roll.find(whom).into();
        // Those that are not live find this out by themselves.
        accounts.iter().for_each(|account| account.end(End::Revoked));
        if !accounts.is_empty() {
            for broadcaster in self.broadcasters() {
                broadcaster.do_send(Revoke(Arc::clone(&accounts)));
            }
        }
        accounts.len()
    }

    /// Asks every Broadcaster how it is. `None` where one does not answer in time.
    pub async fn stats(&self, patience: Duration) -> Option<Stats> {
        let broadcasters = self.broadcasters();
        let asked = join_all(broadcasters.iter().map(|broadcaster| broadcaster.send(Ask)));
        let answers = timeout(patience, asked).await.ok()?;
        let mut sum = Answer::default();
        for answer in answers {
            sum.add(&answer.ok()?);
        }
        let Answer { live, direct, behind, queued_events, queued_bytes, tally } = sum;
        let (open, max) = (self.0.admission.taken(), self.0.settings.max_subscribers);
        let counts = self.0.ledger.counts();
        Some(Stats { open, max, live, direct, behind, queued_events, queued_bytes, tally, counts })
    }

    /// How much is kept. `None` where the history does not say so in time.
    pub async fn holdings(&self, patience: Duration) -> Option<Holdings> {
        timeout(patience, self.0.history.holdings()).await.ok()?.ok()
    }

    /// What became of the hooks; `None` where there are none.
    pub fn hooks(&self) -> Option<hooks::Counts> {
        self.0.settings.hooks.as_ref().map(Hooks::counts)
    }

    /// The oldest and the newest event that are kept.
    pub async fn ends(&self) -> Result<(Option<Arc<Entry>>, Option<Arc<Entry>>), StorageError> {
        replay::ends(&self.0.history).await.map(|[oldest, newest]| (oldest, newest))
    }

    /// How long the answers of Redis have taken; `None` where the history is not there.
    pub fn round_trips(&self) -> Option<Histogram> {
        self.0.history.round_trips()
    }

    /// Whether a Broadcaster has died. One that is busy for longer than the patience has not.
    pub async fn has_lost_one(&self, patience: Duration) -> bool {
        let broadcasters = self.broadcasters();
        let asked = join_all(broadcasters.iter().map(|broadcaster| broadcaster.send(Ask)));
        let answers = timeout(patience, asked).await.unwrap_or_default();
        answers.iter().any(Result::is_err)
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.0.admission.taken()
    }

    /// Tells the hubs that share the history something under a name, or takes it back.
    pub fn share(&self, name: String, what: Option<String>) {
        self.0.history.share(name, what);
    }

    /// What the others tell.
    pub async fn shared_by_others(&self) -> Result<Vec<(String, String)>, StorageError> {
        self.0.history.shared_by_others().await
    }

    /// What one has told that has died; each is handed to one of the living. Waits for it.
    pub async fn left_by_the_dead(&self) -> Vec<(String, String)> {
        self.0.history.left_by_the_dead().await
    }

    /// How many hubs share the history, and how many streams they have; `None` where nobody can, or
    /// it is not known in time.
    pub async fn sums(&self, patience: Duration) -> Option<(usize, usize)> {
        timeout(patience, self.0.history.sums()).await.ok().flatten()
    }

    /// Whether the hub is about to stop.
    pub fn is_draining(&self) -> bool {
        self.0.admission.is_closed()
    }

    /// Takes no more subscribers, nor events that would end with this process, and ends all streams
    /// at this pace. Returns at once, and says how long it takes. Of two drains the shorter holds.
    pub fn begin_drain(&self, pace: DrainPace) -> Duration {
        self.part(pace, false)
    }

    fn part(&self, pace: DrainPace, ends: bool) -> Duration {
        let now = Instant::now();
        let new = self.0.admission.close(|streams| Farewell::new(pace, streams, ends, now));
        if let Some(Farewell { until, .. }) = new {
            self.broadcasters().iter().for_each(|one| one.do_send(Drain { until }));
        }
        let farewell = self.0.admission.farewell();
        farewell.map_or(Duration::ZERO, |farewell| farewell.until.saturating_duration_since(now))
    }

    /// The same, for a process that ends then. Returns when the last stream has ended, or soon after
    /// that time (a stalled one can't be told).
    pub async fn drain(&self, pace: DrainPace) {
        let over = self.part(pace, true);
        // A time-out here is not an error: what is left ends with the process.
        let _ = timeout(over + LAST_WORDS, self.0.admission.wait_until_empty()).await;
    }

    /// When someone comes back that is turned away now; `None` where the hub does not drain.
    pub fn come_back_after(&self) -> Option<Duration> {
        Some(self.0.admission.farewell()?.come_back_after(Instant::now()))
    }
}
