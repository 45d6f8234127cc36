//! From the tail of the history to the Broadcasters.
//!
//! Owns: the rounds. Promises: one round at a time, the same to all, its size well below a
//! subscriber's queue. All Broadcasters have to answer before the next: that is the
//! back-pressure. Does not: wait until a round is written; a Broadcaster is behind by two rounds
//! at the most, and joins what has come meanwhile.

use std::{sync::Arc, time::Instant};

use actix::Addr;
use futures_util::future::join_all;

use super::{
    Settings,
    broadcaster::Broadcaster,
    messages::{Deliver, Lost},
    queue::Limits,
    recent::Recent,
    replay,
};
use crate::history::{Delivered, Entry, Loss, Next, Tail};

/// The most entries in a round.
const MAX_ROUND: usize = 256;

/// How large a round may be, for queues of this size: streams that have to take it run before
/// the next.
pub fn bounds(queue: Limits) -> Limits {
    Limits { events: (queue.events / 4).clamp(1, MAX_ROUND), bytes: queue.bytes / 4 }
}

/// Runs until a Broadcaster has died, or the history has ended.
pub async fn run(
    mut tail: Tail,
    broadcasters: &[Addr<Broadcaster>],
    settings: &Settings,
    recent: Option<&Recent>,
) {
    let Limits { events, bytes } = bounds(settings.queue);
    while let Some(next) = tail.next(events, bytes).await {
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
        let (entries, receipts): (Vec<Arc<Entry>>, Vec<_>) =
            appended.into_iter().map(|next| (next.entry, next.receipt)).unzip();
        let mut counts = vec![0; entries.len()];
        let round: Arc<[_]> = entries.into();
        if let Some(recent) = recent {
            recent.add(&round);
        }
        let since = Instant::now();
        let deliver = || Deliver { round: Arc::clone(&round), since };
        let told = broadcasters.iter().map(|each| each.send(deliver()));
        for answer in join_all(told).await {
            let Ok(answer) = answer else { return };
            counts.iter_mut().zip(answer).for_each(|(count, queued)| *count += queued);
        }
        for ((receipt, subscribers), entry) in receipts.into_iter().zip(counts).zip(&*round) {
            let entry = Arc::clone(entry);
            // A publisher that has left does not need it.
            let _ = receipt.send(Ok(Delivered { entry, subscribers }));
        }
    }
}
