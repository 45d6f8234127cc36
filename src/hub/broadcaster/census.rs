//! How each subscriber of a Broadcaster stands: looked at when someone asks, in slices.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
};

use actix::{ActorFuture, Context, Handler, ResponseActFuture};

use super::Broadcaster;
use crate::{
    hub::{
        census::{Census, Queued, Standing, State},
        live::{Live, Sink},
        registry::Key,
    },
    slice::rest,
};

/// What a look at a subscriber takes, in bytes that could be read meanwhile: its memory is in no
/// cache.
const LOOK: usize = 256;

/// A census that is under way. Who comes meanwhile is not in it.
struct Count {
    keys: Vec<Key>,
    standings: Vec<Standing>,
}

impl Handler<Census> for Broadcaster {
    type Result = ResponseActFuture<Self, Vec<Standing>>;

    fn handle(&mut self, _: Census, _: &mut Context<Self>) -> Self::Result {
        let behind = self.behind.accounts();
        let standings = behind.map(|account| Standing::of(account, State::Behind)).collect();
        Box::pin(Count { keys: self.live.some(usize::MAX), standings })
    }
}

impl ActorFuture<Broadcaster> for Count {
    type Output = Vec<Standing>;

    fn poll(
        mut self: Pin<&mut Self>,
        broadcaster: &mut Broadcaster,
        _: &mut Context<Broadcaster>,
        task: &mut Task<'_>,
    ) -> Poll<Self::Output> {
        let mut slice = broadcaster.begin_slice();
        while let Some(key) = self.keys.pop() {
            if let Some(live) = broadcaster.live.get_mut(key) {
                self.standings.push(standing(live));
            }
            if slice.spend(LOOK) {
                return rest(task);
            }
        }
        Poll::Ready(std::mem::take(&mut self.standings))
    }
}

fn standing(live: &Live) -> Standing {
    let (events, bytes) = live.waiting();
    let mut standing = Standing::of(&live.account, State::Live);
    standing.queued = Queued { events, bytes };
    if let Sink::Socket(socket) = &live.sink {
        let (events, bytes) = socket.sent();
        standing.events += events;
        standing.bytes += bytes;
        standing.place = Some(socket.place());
    }
    standing
}
