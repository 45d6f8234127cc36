//! The actor that owns the subscriber map of one HTTP worker, and writes frames to all of them.
//!
//! Owns: the live subscribers of its worker. Promises: it never waits for a subscriber, delivers
//! in the order in which it is told to, and gives the thread back after a bounded slice of work.
//! Does not: read the history; a subscriber that is not live does that itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, Addr, AsyncContext as _, AtomicResponse, Context, Handler, MessageResult, StreamHandler,
};
use bytes::Bytes;
use tokio::task::spawn_local;

use super::{
    Alarm, Settings,
    account::End,
    behind::Behind,
    courier,
    fan_out::{FanOut, Target},
    heartbeat::Wheel,
    live::{Live, Look, Sink},
    messages::{Adopt, Answer, Ask, Deliver, Drain, Lost, Revoke, Subscribe, Unsubscribe},
    queue::{Limits, Refused},
    ready::Ready,
    registry::{Key, Registry, Search},
    round::{Part, Round},
    slice::Slice,
    socket_sink::SocketSink,
    terms::Notices,
};
use crate::{history::Position, sse::Frame};

/// How often streams are ended while draining.
const DRAIN_TICK: Duration = Duration::from_millis(20);

/// See the module.
pub struct Broadcaster {
    live: Registry<Live>,
    behind: Behind,
    /// Sockets that something has happened to.
    ready: Ready,
    wheel: Wheel,
    tick: Duration,
    heartbeat: Duration,
    limits: Limits,
    /// The last entry that was delivered.
    delivered: Position,
    /// Counts the rounds.
    round: u64,
    /// Read once for each slice of work, not for each frame.
    now: Instant,
    _alarm: Alarm,
}

impl Broadcaster {
    pub(super) fn launch(settings: &Settings, delivered: Position, alarm: Alarm) -> Addr<Self> {
        let tick =
            (settings.heartbeat / 100).clamp(Duration::from_millis(10), Duration::from_millis(250));
        Self {
            live: Registry::default(),
            behind: Behind::new(settings.patience),
            ready: Ready::default(),
            wheel: Wheel::new(tick),
            tick,
            heartbeat: settings.heartbeat,
            limits: settings.queue,
            delivered,
            round: 0,
            now: Instant::now(),
            _alarm: alarm,
        }
        .start()
    }

    pub(super) fn begin_slice(&mut self) -> Instant {
        self.now = Instant::now();
        self.now
    }

    pub(super) fn begin_search(&mut self) -> Search {
        self.live.begin_search()
    }

    /// Goes on with the search for everyone who receives an entry of a round, and adds the entry
    /// to those found. False where the slice was over before the end.
    pub(super) fn add_matching(
        &mut self,
        round: &Round,
        index: usize,
        search: &mut Search,
        targets: &mut Vec<Target>,
        slice: &mut Slice,
    ) -> bool {
        let entry = round.get(index);
        let mut found = Vec::new();
        let done = self.live.search(search, &entry.topics, &mut found, slice);
        // A public entry touches nobody's terms.
        if entry.private {
            let live = &mut self.live;
            found.retain(|key| live.get_mut(*key).is_some_and(|it| it.account.terms.allow(entry)));
        }
        if round.is_uniform() {
            targets.extend(found.into_iter().map(|key| Target { key, entries: Vec::new() }));
            return done;
        }
        for key in found {
            let Some(live) = self.live.get_mut(key) else { continue };
            if live.target.0 != self.round {
                live.target = (self.round, targets.len());
                targets.push(Target { key, entries: Vec::new() });
            }
            targets[live.target.1].entries.push(index);
        }
        done
    }

    /// Sends a subscriber its part of a round. Tells whether it took it.
    pub(super) fn send(&mut self, key: Key, part: Part<'_>) -> bool {
        let Some(live) = self.live.get_mut(key) else {
            return false;
        };
        match live.send(part, self.limits, self.now) {
            Ok(()) => true,
            Err(refused) => {
                self.let_go(key, refused);
                false
            }
        }
    }

    pub(super) fn delivered(&mut self, last: Position) {
        self.delivered = last;
    }

    /// Removes a subscriber that takes nothing. One that is full catches up from the history, at
    /// its own pace, when it has read what is queued.
    fn let_go(&mut self, key: Key, refused: Refused) {
        let Some(live) = self.forget(key) else {
            return;
        };
        if refused == Refused::Closed {
            return;
        }
        self.behind.insert(live.account, self.now);
        // Another's queue tells its body stream by its end.
        if let Sink::Socket(socket) = live.sink {
            let (socket, mut subscription, place, backlog) = socket.into_parts();
            subscription.fall_behind(place);
            spawn_local(courier::carry(subscription, socket, backlog.into_chunks()));
        }
    }

    fn forget(&mut self, key: Key) -> Option<Live> {
        let live = self.live.remove(key)?;
        *live.account.key.lock() = None;
        Some(live)
    }

    /// Ends a live stream, after what waits for it.
    fn end(&mut self, key: Key, why: End) {
        let Some(live) = self.forget(key) else {
            return;
        };
        live.account.end(why);
        if let Sink::Socket(socket) = live.sink {
            let (socket, mut subscription, _, backlog) = socket.into_parts();
            let last_words = subscription.finish(why).map(|frame| frame.chunk().clone());
            let last_chunk = Bytes::from_static(Frame::LAST_CHUNK);
            let rest = backlog.into_chunks().into_iter().chain(last_words).chain([last_chunk]);
            spawn_local(courier::finish(subscription, socket, rest.collect()));
        }
    }

    fn tick(&mut self) {
        self.now = Instant::now();
        for key in self.wheel.turn() {
            self.look_at(key);
        }
        self.behind.cut_stalled(self.now);
    }

    /// A subscriber is due: its time is over, or it was silent for too long, or neither.
    fn look_at(&mut self, key: Key) {
        let Some(live) = self.live.get_mut(key) else {
            return;
        };
        match live.look(self.limits, self.now) {
            Look::Over(why) => self.end(key, why),
            Look::Refused(refused) => self.let_go(key, refused),
            Look::Again(delay) => self.wheel.plan(key, delay),
        }
    }

    /// Something has happened to a subscriber's socket.
    fn serve_socket(&mut self, key: Key) {
        if let Some(Live { sink: Sink::Socket(socket), account, .. }) = self.live.get_mut(key)
            && let Err(why) = socket.on_ready()
        {
            account.end(why);
            self.forget(key);
        }
    }
}

impl Actor for Broadcaster {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(self.tick, |this, _| this.tick());
        ctx.add_stream(self.ready.clone());
    }
}

impl StreamHandler<Vec<Key>> for Broadcaster {
    fn handle(&mut self, keys: Vec<Key>, _: &mut Context<Self>) {
        for key in keys {
            self.serve_socket(key);
        }
    }
}

impl Handler<Deliver> for Broadcaster {
    type Result = AtomicResponse<Self, Vec<usize>>;

    fn handle(&mut self, Deliver(round): Deliver, _: &mut Context<Self>) -> Self::Result {
        self.round += 1;
        AtomicResponse::new(Box::pin(FanOut::new(round)))
    }
}

impl Handler<Lost> for Broadcaster {
    type Result = ();

    /// In one slice: it is rare.
    fn handle(&mut self, Lost { place, gap }: Lost, _: &mut Context<Self>) {
        self.delivered = place;
        self.now = Instant::now();
        for key in self.live.some(usize::MAX) {
            let Some(live) = self.live.get_mut(key) else { continue };
            if live.account.terms.notices == Notices::On
                && let Err(refused) = live.tell(&gap, self.limits, self.now)
            {
                self.let_go(key, refused);
            }
        }
    }
}

impl Handler<Subscribe> for Broadcaster {
    type Result = MessageResult<Subscribe>;

    fn handle(&mut self, message: Subscribe, _: &mut Context<Self>) -> Self::Result {
        let Subscribe { selectors, queue, account, deadline } = message;
        self.behind.remove(&account);
        if account.ending().is_some() {
            return MessageResult(None);
        }
        let live = Live::new(Sink::Queue(queue), Arc::clone(&account), deadline, self.heartbeat);
        let delay = live.next_look(Instant::now());
        let key = self.live.insert(&selectors, live);
        *account.key.lock() = Some(key);
        self.wheel.plan(key, delay);
        MessageResult(Some(self.delivered))
    }
}

impl Handler<Adopt> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Adopt { mut subscription, socket }: Adopt, _: &mut Context<Self>) {
        let key = *subscription.account().key.lock();
        let live = key.and_then(|key| Some((key, self.live.get_mut(key)?)));
        let Some((key, live)) = live else {
            // Let go or ended meanwhile: it finds out when it has read its queue.
            spawn_local(courier::carry(subscription, socket, None));
            return;
        };
        let (waiting, place) = subscription.settle();
        let waker = self.ready.waker(key);
        let mut sink = SocketSink::new(socket, subscription, place, waker);
        let sent = waiting.iter().try_for_each(|queued| sink.send_queued(queued, self.limits));
        live.sink = Sink::Socket(sink);
        match sent {
            // What has happened to the socket so far has woken nobody.
            Ok(()) => self.serve_socket(key),
            Err(refused) => self.let_go(key, refused),
        }
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
            None => self.behind.remove(&account),
        }
    }
}

impl Handler<Revoke> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Revoke(accounts): Revoke, _: &mut Context<Self>) {
        for account in accounts.iter() {
            let Some(key) = *account.key.lock() else { continue };
            // Another Broadcaster's key may be that of someone else here.
            if self.live.get_mut(key).is_some_and(|live| Arc::ptr_eq(&live.account, account)) {
                self.end(key, End::Revoked);
            }
        }
    }
}

impl Handler<Ask> for Broadcaster {
    type Result = MessageResult<Ask>;

    fn handle(&mut self, _: Ask, _: &mut Context<Self>) -> Self::Result {
        let direct = self.live.values().filter(|live| matches!(live.sink, Sink::Socket(_)));
        MessageResult(Answer {
            live: self.live.len(),
            direct: direct.count(),
            behind: self.behind.len(),
        })
    }
}

impl Handler<Drain> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Drain { until }: Drain, ctx: &mut Context<Self>) {
        // Those that are behind see to it themselves; those that become live from now on are ended
        // by a later tick.
        let mut owed = 0;
        ctx.run_interval(DRAIN_TICK, move |this, _| {
            let left = until.saturating_duration_since(Instant::now()).as_nanos().max(1);
            // Where there are few and the time is long, a tick is worth a part of a stream.
            owed += this.live.len() as u128 * DRAIN_TICK.as_nanos();
            let wave = usize::try_from(owed / left).unwrap_or(usize::MAX);
            owed %= left;
            for key in this.live.some(wave) {
                this.end(key, End::Drained);
            }
        });
    }
}
