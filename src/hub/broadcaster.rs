//! The actor that owns the subscriber map of one HTTP worker, and writes frames to all of them.
//!
//! Owns: the live subscribers of its worker. Promises: it never waits for a subscriber, delivers
//! in the order in which it is told to, and gives the thread back after a bounded slice of work.
//! Does not: read the history; a subscriber that is not live does that itself.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Addr, AsyncContext as _, AtomicResponse, Context, Handler};
use uuid::Uuid;

use super::{
    Alarm, Settings,
    account::{Account, End},
    fan_out::FanOut,
    heartbeat::Wheel,
    messages::{Answer, Ask, Deliver, Drain, Subscribe, Unsubscribe},
    queue::{Refused, Sender},
    registry::{Key, Registry},
};
use crate::{
    history::{Entry, Position},
    sse::Frame,
};

/// How long a subscriber whose queue was full may take nothing before it is cut. One that reads,
/// however slowly, takes something within this time and catches up from the history.
const STALLED_AFTER: Duration = Duration::from_secs(1);
/// How often streams are ended while draining.
const DRAIN_TICK: Duration = Duration::from_millis(20);

/// See the module.
pub struct Broadcaster {
    live: Registry<Live>,
    /// Those whose queue was full, until they are live again or gone.
    behind: HashMap<Uuid, Behind>,
    wheel: Wheel,
    tick: Duration,
    heartbeat: Duration,
    /// The last entry that was delivered.
    delivered: Position,
    /// Read once for each slice of work, not for each frame.
    now: Instant,
    _alarm: Alarm,
}

/// A subscriber that receives events as they come.
struct Live {
    queue: Sender,
    account: Arc<Account>,
    deadline: Option<Instant>,
    /// The silence after which it gets a heartbeat: its own, so that one event for 20,000
    /// subscribers isn't followed by 20,000 heartbeats at once.
    heartbeat: Duration,
    last_write: Instant,
}

/// A subscriber that has to catch up.
struct Behind {
    account: Arc<Account>,
    /// What it had taken when that was last seen to grow.
    taken: u64,
    since: Instant,
}

impl Broadcaster {
    pub(super) fn launch(settings: &Settings, delivered: Position, alarm: Alarm) -> Addr<Self> {
        let tick =
            (settings.heartbeat / 100).clamp(Duration::from_millis(10), Duration::from_millis(250));
        Self {
            live: Registry::default(),
            behind: HashMap::new(),
            wheel: Wheel::new(tick),
            tick,
            heartbeat: settings.heartbeat,
            delivered,
            now: Instant::now(),
            _alarm: alarm,
        }
        .start()
    }

    /// Who gets this entry.
    pub(super) fn matching(&mut self, entry: &Entry, found: &mut Vec<Key>) {
        self.live.matching(&entry.topics, found);
    }

    /// Queues an entry for one subscriber. Tells whether it was.
    pub(super) fn push(&mut self, key: Key, entry: &Entry) -> bool {
        let Some(subscriber) = self.live.get_mut(key) else {
            return false;
        };
        match subscriber.queue.push(entry.frame.clone(), Some(entry.position)) {
            Ok(()) => {
                subscriber.last_write = self.now;
                true
            }
            Err(refused) => {
                self.let_go(key, refused);
                false
            }
        }
    }

    pub(super) fn begin_slice(&mut self) {
        self.now = Instant::now();
    }

    pub(super) fn delivered(&mut self, last: Position) {
        self.delivered = last;
    }

    /// Removes a subscriber whose queue took nothing. One that is full catches up from the
    /// history, at its own pace, when it has read what is queued.
    fn let_go(&mut self, key: Key, refused: Refused) {
        let Some(Live { account, .. }) = self.forget(key) else {
            return;
        };
        if refused == Refused::Full {
            let behind = Behind { taken: account.bytes(), since: self.now, account };
            self.behind.insert(behind.account.id, behind);
        }
    }

    fn forget(&mut self, key: Key) -> Option<Live> {
        let live = self.live.remove(key)?;
        *live.account.key.lock() = None;
        Some(live)
    }

    /// Ends a live stream, after what is in its queue.
    fn end(&mut self, key: Key, why: End) {
        if let Some(live) = self.forget(key) {
            live.account.end(why);
        }
    }

    fn tick(&mut self) {
        self.now = Instant::now();
        for key in self.wheel.turn() {
            self.look_at(key);
        }
        self.cut_stalled();
    }

    /// A subscriber is due: it is too old, or silent for too long, or neither.
    fn look_at(&mut self, key: Key) {
        let now = self.now;
        let Some(subscriber) = self.live.get_mut(key) else {
            return;
        };
        if subscriber.deadline.is_some_and(|deadline| deadline <= now) {
            return self.end(key, End::Aged);
        }
        if now.duration_since(subscriber.last_write) >= subscriber.heartbeat {
            if let Err(refused) = subscriber.queue.push(Frame::heartbeat(), None) {
                return self.let_go(key, refused);
            }
            subscriber.last_write = now;
        }
        let delay = subscriber.next_look(now);
        self.wheel.plan(key, delay);
    }

    fn cut_stalled(&mut self) {
        let now = self.now;
        self.behind.retain(|_, behind| {
            let taken = behind.account.bytes();
            if taken != behind.taken {
                (behind.taken, behind.since) = (taken, now);
            } else if now.duration_since(behind.since) >= STALLED_AFTER {
                behind.account.end(End::Slow);
                // Its socket takes nothing, so that its stream can't see the end: the line is
                // written here, and the kernel frees the socket after the peer time-out.
                behind.account.close();
            }
            !behind.account.is_closed()
        });
    }
}

impl Live {
    fn next_look(&self, now: Instant) -> Duration {
        let silent_from = self.last_write + self.heartbeat;
        let next = self.deadline.map_or(silent_from, |deadline| deadline.min(silent_from));
        next.saturating_duration_since(now)
    }
}

impl Actor for Broadcaster {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(self.tick, |this, _| this.tick());
    }
}

impl Handler<Deliver> for Broadcaster {
    type Result = AtomicResponse<Self, Vec<usize>>;

    fn handle(&mut self, Deliver(round): Deliver, _: &mut Context<Self>) -> Self::Result {
        AtomicResponse::new(Box::pin(FanOut::new(round)))
    }
}

impl Handler<Subscribe> for Broadcaster {
    type Result = actix::MessageResult<Subscribe>;

    fn handle(&mut self, message: Subscribe, _: &mut Context<Self>) -> Self::Result {
        let Subscribe { selectors, queue, account, deadline } = message;
        let now = Instant::now();
        self.behind.remove(&account.id);
        let jitter = 0.9 + 0.1 * fastrand::f64();
        let live = Live {
            queue,
            account: Arc::clone(&account),
            deadline,
            heartbeat: self.heartbeat.mul_f64(jitter),
            last_write: now,
        };
        let delay = live.next_look(now);
        let key = self.live.insert(&selectors, live);
        *account.key.lock() = Some(key);
        self.wheel.plan(key, delay);
        actix::MessageResult(self.delivered)
    }
}

impl Handler<Unsubscribe> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Unsubscribe(account): Unsubscribe, _: &mut Context<Self>) {
        let key = *account.key.lock();
        match key {
            Some(key) => {
                self.forget(key);
            }
            None => {
                self.behind.remove(&account.id);
            }
        }
    }
}

impl Handler<Ask> for Broadcaster {
    type Result = actix::MessageResult<Ask>;

    fn handle(&mut self, _: Ask, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(Answer { live: self.live.len(), behind: self.behind.len() })
    }
}

impl Handler<Drain> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Drain { until }: Drain, ctx: &mut Context<Self>) {
        for behind in self.behind.values() {
            behind.account.end(End::Drained);
        }
        // Those that become live from now on are ended by a later tick.
        ctx.run_interval(DRAIN_TICK, move |this, _| {
            let left = until.saturating_duration_since(Instant::now());
            let ticks = left.as_millis() / DRAIN_TICK.as_millis() + 1;
            let wave = this.live.len().div_ceil(usize::try_from(ticks).unwrap_or(usize::MAX));
            for key in this.live.some(wave) {
                this.end(key, End::Drained);
            }
        });
    }
}
