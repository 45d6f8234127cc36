//! The stream of one subscriber: greeting, replay, live, end.
//!
//! Owns: the hand-over from history to live, and from live back to the history when the queue
//! was full. Promises: no gap and no repeat in between, at any rate of publishing; whatever the
//! reason, dropping it leaves the registry. Does not: beat its own heart; the Broadcaster does.

use std::{sync::Arc, time::Instant};

use actix::Addr;
use tokio::net::TcpStream;

use super::{
    Hub, Seat,
    account::{Account, End},
    broadcaster::Broadcaster,
    farewell::Farewell,
    messages::{Adopt, Subscribe, Unsubscribe},
    overdue::Overdue,
    queue::{self, Queued, Receiver},
    replay::{self, Replay, Resume},
    terms::{Deadline, Notices, Terms},
};
use crate::{
    connection::Lifeline,
    history::{LastEventId, Position, StorageError},
    hooks::Subscriber,
    sse::Frame,
    topic::Selector,
};

/// See the module.
pub struct Subscription {
    hub: Hub,
    broadcaster: Addr<Broadcaster>,
    selectors: Arc<[Selector]>,
    account: Arc<Account>,
    /// Before the seat: whoever waits until nobody has one finds that its last words are said.
    companion: Option<Box<dyn Send>>,
    seat: Seat,
    deadline: Option<Deadline>,
    /// When it ends, should it not be live while the hub drains: drawn, so that not all do at once;
    /// and of which farewell.
    drains_at: Option<(Farewell, Instant)>,
    state: State,
}

/// What a subscription has to say.
pub enum Next {
    /// Send this.
    Frame(Frame),
    /// It is live now: what comes next is not known yet.
    Live,
    /// The stream is over.
    End,
}

/// Replays are boxed: a stream has one for some milliseconds, and would have room for one for
/// hours.
enum State {
    /// Nothing is sent yet.
    Opening(Option<Resume>),
    /// The greeting is sent, when the history ended at this place; it is asked for that of the id.
    Resuming(LastEventId, Position),
    /// Reads the history, and has no place in the registry: a long replay fills no queue.
    CatchingUp(Box<Replay>),
    /// Near the head, at this place.
    Registering(Position),
    /// Registered. Reads the short rest of the history, while live frames wait in the queue.
    Joining(Box<Replay>, Receiver),
    /// Up to date, at this place.
    Live(Receiver, Position),
    /// Its Broadcaster writes to its socket.
    Settled,
    Ended,
}

impl Subscription {
    pub(super) fn open(
        hub: &Hub,
        broadcaster: Addr<Broadcaster>,
        seat: Seat,
        selectors: Arc<[Selector]>,
        resume: Option<Resume>,
        terms: Terms,
    ) -> Self {
        let deadline = Deadline::of(hub.0.settings.max_age, &terms);
        let account = Account::open(&seat, terms, Arc::clone(&hub.0.ledger));
        let account = Arc::new(account);
        if let Some(roll) = &hub.0.roll {
            roll.enter(&account, &selectors);
        }
        let this = Self {
            hub: hub.clone(),
            broadcaster,
            selectors,
            account,
            companion: None,
            seat,
            deadline,
            drains_at: None,
            state: State::Opening(resume),
        };
        if let Some(hooks) = &hub.0.settings.hooks {
            hooks.begin(&this.subscriber());
        }
        this
    }

    /// Keeps this as long as the stream lasts, whoever writes it: its drop tells of the end.
    pub fn keep(&mut self, companion: impl Send + 'static) {
        self.companion = Some(Box::new(companion));
    }

    /// What comes next. May be cancelled while the subscription is settled.
    pub async fn next(&mut self) -> Next {
        loop {
            if let Some(why) = self.must_end() {
                return self.finish(why).map_or(Next::End, Next::Frame);
            }
            match &mut self.state {
                State::Opening(resume) => {
                    let resume = resume.take();
                    return Next::Frame(self.greet(resume));
                }
                State::Resuming(asked, head) => {
                    let (history, head) = (&self.hub.0.history, *head);
                    match replay::resume(history, asked, &self.account).await {
                        Ok((gap, place)) => {
                            self.state = match place {
                                Some(place) => self.catch_up(place),
                                None => State::Registering(head),
                            };
                            if let Some(gap) = gap {
                                return self.event(gap, None);
                            }
                        }
                        Err(error) => self.fail(error),
                    }
                }
                State::CatchingUp(replay) => match replay.next().await {
                    Ok(Some(frame)) => {
                        let place = replay.place();
                        return self.event(frame, Some(place));
                    }
                    Ok(None) => self.state = State::Registering(replay.place()),
                    Err(error) => self.fail(error),
                },
                State::Registering(place) => {
                    let place = *place;
                    self.register(place).await;
                }
                State::Joining(replay, _) => match replay.next().await {
                    Ok(Some(frame)) => {
                        let place = replay.place();
                        return self.event(frame, Some(place));
                    }
                    Ok(None) => {
                        self.go_live();
                        return Next::Live;
                    }
                    Err(error) => self.fail(error),
                },
                State::Live(queue, place) => match queue.next().await {
                    Some(queued) => match queued.position {
                        // The history can be read before it is delivered: what the replay
                        // has shown is not shown again.
                        Some(position) if position <= *place => {}
                        Some(position) => {
                            *place = position;
                            return self.event(queued.frame, Some(position));
                        }
                        None => return Next::Frame(self.control(queued.frame)),
                    },
                    None => {
                        let place = *place;
                        if let Some(why) = self.account.ending() {
                            return self.finish(why).map_or(Next::End, Next::Frame);
                        }
                        self.state = self.catch_up(place);
                    }
                },
                State::Settled | State::Ended => return Next::End,
            }
        }
    }

    /// Whether it is live and nothing waits: its Broadcaster may take the socket over.
    pub fn is_settled(&self) -> bool {
        matches!(&self.state, State::Live(queue, _) if queue.is_settled())
    }

    /// For whoever writes it to the kernel.
    pub fn lifeline(&self) -> Arc<Lifeline> {
        Arc::clone(&self.account.lifeline)
    }

    /// The same, where that waits for the client and not for this.
    pub fn overdue(&self) -> Overdue {
        Overdue::new(&self.hub, &self.account, self.deadline)
    }

    /// Hands the socket to the Broadcaster.
    pub fn hand_over(self, socket: TcpStream) {
        let broadcaster = self.broadcaster.clone();
        broadcaster.do_send(Adopt { subscription: self, socket });
    }

    /// From now on its Broadcaster writes to its socket. Returns what has come meanwhile, and its
    /// place before that.
    pub(super) fn settle(&mut self) -> (Vec<Queued>, Position) {
        match std::mem::replace(&mut self.state, State::Settled) {
            State::Live(mut queue, place) => (queue.take_all(), place),
            _ => (Vec::new(), self.hub.0.history.head()),
        }
    }

    /// Its Broadcaster writes to its socket no longer. It has what came up to this place.
    pub(super) fn fall_behind(&mut self, place: Position) {
        self.account.reached(place);
        self.state = self.catch_up(place);
    }

    fn subscriber(&self) -> Subscriber {
        Subscriber {
            id: self.account.id,
            subject: self.account.terms.subject.clone(),
            address: self.seat.address(),
            selectors: Arc::clone(&self.selectors),
        }
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Its first words. Its place in the history is noted before they are sent: who has read them
    /// receives what is published from then on.
    fn greet(&mut self, resume: Option<Resume>) -> Frame {
        let head = self.hub.0.history.head();
        self.state = match resume {
            None => State::Registering(head),
            Some(Resume::After(place)) => self.catch_up(place),
            Some(Resume::Id(asked)) => State::Resuming(asked, head),
        };
        self.control(match self.account.terms.notices {
            Notices::On => Frame::greeting(self.account.id),
            Notices::Off => Frame::heartbeat(),
        })
    }

    fn catch_up(&self, place: Position) -> State {
        State::CatchingUp(Box::new(self.replay(place, None)))
    }

    fn replay(&self, place: Position, up_to: Option<Position>) -> Replay {
        Replay::new(&self.hub.0.history, &self.selectors, &self.account, place, up_to)
    }

    /// Takes a place in the registry. The queue and this value, whose drop leaves the registry,
    /// exist before the wait: whoever cancels it leaves nothing behind.
    async fn register(&mut self, place: Position) {
        let settings = &self.hub.0.settings;
        let (sender, receiver) = queue::queue(settings.queue);
        let subscribe = Subscribe {
            selectors: Arc::clone(&self.selectors),
            queue: sender,
            account: Arc::clone(&self.account),
            deadline: self.deadline,
        };
        match self.broadcaster.send(subscribe).await {
            Ok(Some(delivered)) => {
                let replay = self.replay(place, Some(delivered));
                self.state = State::Joining(Box::new(replay), receiver);
            }
            // What has decided its end is seen at the next step.
            Ok(None) => {}
            Err(_) => self.account.end(End::Failed),
        }
    }

    fn go_live(&mut self) {
        if let State::Joining(replay, receiver) = std::mem::replace(&mut self.state, State::Ended) {
            self.state = State::Live(receiver, replay.place());
        }
    }

    /// The history can't be read. The client comes back to the place where it was.
    fn fail(&mut self, error: StorageError) {
        log::warn!("stream {} ends: {error}", self.account.id);
        self.finish(End::Failed);
    }

    /// Why a stream that has no place in the registry has to end, if it has to. One that has is
    /// ended by its Broadcaster, after what waits for it.
    fn must_end(&mut self) -> Option<End> {
        match self.state {
            State::Resuming(..) | State::CatchingUp(_) | State::Registering(_) => {}
            _ => return None,
        }
        let now = Instant::now();
        if let Some(farewell) = self.seat.farewell()
            && self.drains_at.is_none_or(|(of, _)| of != farewell)
        {
            let left = farewell.until.saturating_duration_since(now);
            self.drains_at = Some((farewell, now + left.mul_f64(fastrand::f64())));
        }
        let drained = self.drains_at.filter(|(_, at)| *at <= now).map(|_| End::Drained);
        let over = self.deadline.filter(|deadline| deadline.is_over(now));
        self.account.ending().or(drained).or_else(|| over.map(|deadline| deadline.why))
    }

    /// Ends the stream. Returns its last words, if there are any.
    pub(super) fn finish(&mut self, why: End) -> Option<Frame> {
        self.account.end(why);
        self.state = State::Ended;
        let farewell = self.seat.farewell().filter(|_| why == End::Drained)?;
        Some(self.control(Frame::come_back(farewell.come_back())))
    }

    fn event(&self, frame: Frame, place: Option<Position>) -> Next {
        self.account.sent(1, frame.len());
        if let Some(place) = place {
            self.account.reached(place);
        }
        Next::Frame(frame)
    }

    fn control(&self, frame: Frame) -> Frame {
        self.account.sent(0, frame.len());
        frame
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Its Broadcaster has forgotten it before it let go of it.
        if !matches!(self.state, State::Settled) {
            self.broadcaster.do_send(Unsubscribe(Arc::clone(&self.account)));
        }
        if self.account.lifeline.was_cut() {
            self.account.end(End::Slow);
        }
        let why = self.account.close();
        if let Some(hooks) = &self.hub.0.settings.hooks {
            hooks.end(&self.subscriber(), why.as_str());
        }
        if let Some(roll) = &self.hub.0.roll {
            roll.strike(&self.account);
        }
    }
}
