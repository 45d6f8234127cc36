//! The actor that owns the subscriber map of one HTTP worker, and writes frames to all of them.
//!
//! Owns: the live subscribers of its worker. Promises: it never waits for a subscriber, delivers
//! in the order in which it is told to, and gives the thread back after a bounded slice of work.
//! Does not: read the history; a subscriber that is not live does that itself.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorFutureExt as _, Addr, AsyncContext as _, AtomicResponse, Context, Handler,
    MessageResult,
};
use bytes::Bytes;
use tokio::task::spawn_local;

use super::{
    Alarm, Settings,
    account::End,
    behind::Behind,
    courier, delivery,
    fan_out::{FanOut, Receivers, Writer},
    heartbeat::Wheel,
    live::{Live, Look, Sink},
    messages::{Adopt, Deliver, Drain, Host, Lost, Revoke, Subscribe, Unsubscribe},
    pass::{Draft, Part, Pass},
    queue::{Limits, Refused},
    ready::{Attendant, Ready},
    registry::{Key, Registry},
    socket_sink::SocketSink,
    tally::Tally,
    terms::Notices,
    waves::Waves,
};
use crate::{
    history::{Entry, Loss, Position},
    slice::Slice,
    sse::Frame,
};

mod answer;
mod census;

/// What it takes to send something to a subscriber, in bytes that could be read meanwhile: less than
/// it is, for the clock is looked at after some of them only.
const SEND: usize = 512;
/// The same for a stream that ends, or whose client does something.
pub(super) const FINISH: usize = 4096;

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
    /// The last entry of which is known who gets it.
    delivered: Position,
    /// What is to be written next, and what is written now.
    draft: Draft,
    pass: Option<Pass>,
    /// Whether someone writes it.
    is_writing: bool,
    tally: Tally,
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
            draft: Draft::default(),
            pass: None,
            is_writing: false,
            tally: Tally::default(),
            now: Instant::now(),
            _alarm: alarm,
        }
        .start()
    }

    pub(super) fn begin_slice(&mut self) -> Slice {
        self.now = Instant::now();
        Slice::from(self.now)
    }

    /// Whether this round may be added to what is written next.
    pub(super) fn has_room_for(&self, round: &[Arc<Entry>]) -> bool {
        self.draft.has_room_for(round, delivery::bounds(self.limits))
    }

    /// Adds a round that began then to what is written next. Returns where it begins there.
    pub(super) fn add(&mut self, round: &[Arc<Entry>], since: Instant) -> usize {
        self.draft.add(round, since)
    }

    pub(super) fn begin_search(&mut self) -> Receivers {
        Receivers::new(self.live.begin_search())
    }

    /// Goes on with the search for everyone who receives an entry, and makes them targets of a run
    /// of such entries. False where the slice was over before the end.
    pub(super) fn target(
        &mut self,
        entry: &Entry,
        run: &Range<usize>,
        receivers: &mut Receivers,
        slice: &mut Slice,
    ) -> bool {
        for key in receivers.find(entry, &mut self.live, slice) {
            if let Some(live) = self.live.get_mut(key) {
                self.draft.target(key, &mut live.mark, run.clone());
            }
        }
        receivers.are_known()
    }

    /// It is known who gets what, up to this place.
    pub(super) fn delivers(&mut self, last: Position) {
        self.delivered = last;
    }

    /// Has everything written that is to be written.
    pub(super) fn begin_writing(&mut self, ctx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.is_writing, true) {
            ctx.spawn(Writer);
        }
    }

    pub(super) fn end_writing(&mut self) {
        self.is_writing = false;
    }

    /// Writes what is to be written, and ends who is to end. False where the slice was over before
    /// the end.
    pub(super) fn write(&mut self, slice: &mut Slice) -> bool {
        loop {
            let next = || (!self.draft.is_empty()).then(|| self.draft.finish());
            let Some(mut pass) = self.pass.take().or_else(next) else { return true };
            while let Some(target) = pass.targets.pop() {
                self.send(target.key, pass.batch.part(&target));
                if slice.spend(SEND) {
                    self.pass = Some(pass);
                    return false;
                }
            }
            if let Some(since) = pass.since.take() {
                self.tally.end_pass(since);
            }
            while let Some((key, why)) = pass.ends.pop() {
                self.finish(key, why);
                if slice.spend(FINISH) {
                    self.pass = Some(pass);
                    return false;
                }
            }
        }
    }

    /// Sends a subscriber its part of a pass, if it is still there.
    fn send(&mut self, key: Key, part: Part<'_>) {
        if let Some(live) = self.live.get_mut(key)
            && let Err(refused) = live.send(part, self.limits, self.now, &mut self.tally)
        {
            self.let_go(key, refused);
        }
    }

    /// Removes a subscriber that takes nothing. One that is full catches up from the history, at
    /// its own pace, when it has read what is queued.
    fn let_go(&mut self, key: Key, refused: Refused) {
        let Some(live) = self.forget(key) else {
            return;
        };
        if let Refused::Closed(why) = refused {
            live.account.end(why);
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

    /// Ends a live stream, after what is to be written to it.
    fn end(&mut self, key: Key, why: End, ctx: &mut Context<Self>) {
        self.draft.end(key, why);
        self.begin_writing(ctx);
    }

    /// Ends a live stream, after what waits for it.
    fn finish(&mut self, key: Key, why: End) {
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

    /// Tells all who are live that something was lost. In one slice: it is rare.
    fn tell_lost(&mut self, place: Position, gap: &Frame) {
        self.delivered = place;
        self.now = Instant::now();
        for key in self.live.some(usize::MAX) {
            let Some(live) = self.live.get_mut(key) else { continue };
            if live.account.terms.notices == Notices::On {
                live.account.ledger.tell_gap(Loss::Trimmed);
                if let Err(refused) = live.tell(gap, self.limits, self.now) {
                    self.let_go(key, refused);
                }
            }
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.now = Instant::now();
        for key in self.wheel.turn() {
            self.look_at(key, ctx);
        }
        self.behind.cut_stalled(self.now);
    }

    /// A subscriber is due: its time is over, or it was silent for too long, or neither.
    fn look_at(&mut self, key: Key, ctx: &mut Context<Self>) {
        let Some(live) = self.live.get_mut(key) else {
            return;
        };
        match live.look(self.limits, self.now) {
            Look::Over(why) => self.end(key, why, ctx),
            Look::Refused(refused) => self.let_go(key, refused),
            Look::Again(delay) => self.wheel.plan(key, delay),
        }
    }

    /// Something has happened to a subscriber's socket.
    pub(super) fn attend(&mut self, key: Key) {
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
        ctx.run_interval(self.tick, Self::tick);
        ctx.spawn(Attendant::new(self.ready.clone()));
    }
}

impl Handler<Deliver> for Broadcaster {
    type Result = AtomicResponse<Self, Vec<usize>>;

    fn handle(&mut self, Deliver { round, since }: Deliver, _: &mut Context<Self>) -> Self::Result {
        AtomicResponse::new(Box::pin(FanOut::new(round, since)))
    }
}

impl Handler<Host> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Host(task): Host, _: &mut Context<Self>) {
        spawn_local(task);
    }
}

impl Handler<Lost> for Broadcaster {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Lost { place, gap }: Lost, _: &mut Context<Self>) -> Self::Result {
        // After what came before it.
        let told = Writer.map(move |(), this: &mut Self, _: &mut _| this.tell_lost(place, &gap));
        AtomicResponse::new(Box::pin(told))
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
            Ok(()) => self.attend(key),
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

    fn handle(&mut self, Revoke(accounts): Revoke, ctx: &mut Context<Self>) {
        for account in accounts.iter() {
            let Some(key) = *account.key.lock() else { continue };
            // Another Broadcaster's key may be that of someone else here.
            if self.live.get_mut(key).is_some_and(|live| Arc::ptr_eq(&live.account, account)) {
                self.end(key, End::Revoked, ctx);
            }
        }
    }
}

impl Handler<Drain> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Drain { until }: Drain, ctx: &mut Context<Self>) {
        // Those that are behind see to it themselves; those that become live from now on are ended
        // by a later tick.
        let mut waves = Waves::new(until);
        ctx.run_interval(Waves::TICK, move |this, ctx| {
            let wave = waves.next(this.live.len(), Instant::now());
            for key in this.live.some(wave) {
                this.end(key, End::Drained, ctx);
            }
        });
    }
}
