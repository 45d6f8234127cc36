//! What a Broadcaster says of itself: counted when it is asked, and not before.

use actix::{Context, Handler, MessageResult};

use super::Broadcaster;
use crate::hub::{
    live::Sink,
    messages::{Answer, Ask},
};

impl Handler<Ask> for Broadcaster {
    type Result = MessageResult<Ask>;

    /// In one slice, with a look at each subscriber: it is rare.
    fn handle(&mut self, _: Ask, _: &mut Context<Self>) -> Self::Result {
        let mut answer = Answer {
            live: self.live.len(),
            behind: self.behind.len(),
            tally: self.tally.clone(),
            ..Answer::default()
        };
        for live in self.live.values() {
            let (events, bytes) = live.waiting();
            answer.queued_events += events;
            answer.queued_bytes += bytes;
            answer.direct += usize::from(matches!(live.sink, Sink::Socket(_)));
        }
        MessageResult(answer)
    }
}
