//! From the tail of the history to the Broadcasters.
//!
//! Owns: the rounds. Promises: one round at a time, the same to all, its size well below a
//! subscriber's queue. All Broadcasters have to answer before the next: that is the
//! back-pressure, it lets the streams run in between, and under load it makes the rounds larger.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Addr;
use futures_util::future::join_all;

use super::{
    Settings,
    broadcaster::Broadcaster,
    messages::{Deliver, Lost},
    replay,
    round::Round,
};
use crate::history::{Delivered, Loss, Next, Tail};

/// The most entries in a round.
const MAX_ROUND: usize = 256;

/// The shortest round that is worth waiting for the next to fill up, and how long that may take.
/// The publishers of a round are answered together, and most of them come back together: without
/// the wait the first to come back would have a round for itself, which costs as much as one for
/// all of them.
const LONG: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_millis(1);

/// Runs until a Broadcaster has died, or the history has ended.
pub async fn run(mut tail: Tail, broadcasters: &[Addr<Broadcaster>], settings: &Settings) {
    let events = (settings.queue.events / 4).clamp(1, MAX_ROUND);
    let bytes = settings.queue.bytes / 4;
    while let Some(next) = tail.next(events, bytes).await {
        let begun = Instant::now();
        let appended = match next {
            Next::Round(appended) => appended,
            Next::Lost(place) => {
                let gap = replay::gap(&place.to_string(), Loss::Trimmed, None);
                let lost = || Lost { place, gap: gap.clone() };
                let told = join_all(broadcasters.iter().map(|each| each.send(lost()))).await;
                if told.iter().any(Result::is_err) {
                    return;
                }
                continue;
            }
        };
        let (entries, receipts): (Vec<_>, Vec<_>) =
            appended.into_iter().map(|next| (next.entry, next.receipt)).unzip();
        let round = Arc::new(Round::new(entries));
        let told = broadcasters.iter().map(|each| each.send(Deliver(Arc::clone(&round))));
        let mut counts = vec![0; round.len()];
        for answer in join_all(told).await {
            let Ok(answer) = answer else { return };
            counts.iter_mut().zip(answer).for_each(|(count, queued)| *count += queued);
        }
        for ((receipt, subscribers), at) in receipts.into_iter().zip(counts).zip(0..) {
            let entry = Arc::clone(round.get(at));
            // A publisher that has left does not need it.
            let _ = receipt.send(Ok(Delivered { entry, subscribers }));
        }
        if round.len() > 1 && begun.elapsed() >= LONG {
            tail.gather(round.len(), PATIENCE).await;
        }
    }
}
