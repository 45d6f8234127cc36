//! Appends what publishers hand over, and removes what retention does not keep.
//!
//! Promises: one batch at a time, with all that came during the last; what could not be appended
//! for certain is appended later, or refused in time; a server that has gone is looked for until it
//! is back. Does not: answer publishers whose events are in the log; the follower does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{interval, sleep, sleep_until};

use super::{
    Shared,
    session::{AppendError, Session},
};
use crate::history::StorageError;

/// How soon a server that is away is looked for again, and one asked that has refused what is due.
const AGAIN: Duration = Duration::from_millis(100);
/// How often is looked for events that other nodes have taken, and that are due.
const LOOK: Duration = Duration::from_secs(1);
/// How often retention is looked after; this also tells whether the server answers.
const TRIM: Duration = Duration::from_millis(200);

/// Runs for ever.
pub async fn run(shared: Arc<Shared>, session: Session) {
    let mut next = Some(session);
    loop {
        let session = match next.take() {
            Some(session) => session,
            None => find(&shared).await,
        };
        let (why, answered) = serve(&shared, session).await;
        shared.pending.go_away(answered);
        let target = &shared.target;
        log::error!("{target} is away, and publishing is refused until it is back: {why}");
    }
}

/// Looks for the server until it is there.
async fn find(shared: &Shared) -> Session {
    let begun = Instant::now();
    let mut told = false;
    loop {
        match Session::begin(&shared.target, &shared.keys, &shared.trips, shared.seen()).await {
            Ok((session, log)) => {
                log::warn!("{} is back after {:.1?}", shared.target, begun.elapsed());
                shared.look_at(log);
                shared.board.begin();
                shared.pending.come_back();
                shared.run.send_replace(session.link.run.clone());
                return session;
            }
            // How the attempts differ tells nobody anything.
            Err(why) if !told => {
                log::warn!("{}: {why}", shared.target);
                told = true;
            }
            Err(_) => {}
        }
        sleep(AGAIN).await;
    }
}

/// Works on a connection until it is over. Returns why, and when it has worked last.
async fn serve(shared: &Shared, mut session: Session) -> (String, Instant) {
    let mut trims = interval(TRIM);
    // When the next event that waits is due; at first nobody knows.
    let mut due = Some(Instant::now());
    let mut answered = Instant::now();
    let mut looked = Instant::now();
    let mut refuses = false;
    loop {
        let result = tokio::select! {
            mut batch = shared.pending.next() => {
                // Who has come is on the list before that is told.
                let told = shared.board.write(&session.link).await.map_err(AppendError::from);
                let result = match told {
                    Ok(()) => session.append(shared.node, &batch, shared.seen()).await,
                    Err(error) => Err(error),
                };
                match &result {
                    // The follower finds the others.
                    Ok(outcome) => {
                        refuses = false;
                        for (number, earlier) in &outcome.known {
                            shared.pending.known(*number, earlier.clone());
                        }
                        shared.pending.crowd(&mut batch, &outcome.crowded);
                        if batch.events.iter().any(|(_, later, _)| later.is_some()) {
                            shared.pending.wait(&batch);
                            due = Some(Instant::now());
                        }
                    }
                    Err(AppendError::Stale | AppendError::Elsewhere(_) | AppendError::Broken(_)) => {
                        shared.pending.put_back(&batch);
                    }
                    Err(AppendError::Full(_)) => shared.pending.refuse(&batch, StorageError::Full),
                    Err(AppendError::Refused(_)) => {
                        shared.pending.refuse(&batch, StorageError::Failed);
                    }
                }
                result.map(drop)
            }
            () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                match session.release().await {
                    Ok((backlog, left)) => {
                        refuses = false;
                        *shared.backlog.lock() = backlog;
                        due = left.map(|left| Instant::now() + left);
                        Ok(())
                    }
                    Err(error) => {
                        due = Some(Instant::now() + AGAIN);
                        Err(error)
                    }
                }
            }
            () = shared.board.changed() => {
                shared.board.write(&session.link).await.map_err(AppendError::from)
            }
            _ = trims.tick() => match session.trim(&shared.retention).await {
                Ok((floor, more)) => {
                    // Another node may have something that waits, or have died with it.
                    if looked.elapsed() >= LOOK {
                        (looked, due) = (Instant::now(), Some(Instant::now()));
                    }
                    shared.raise(floor);
                    if more {
                        trims.reset_immediately();
                    }
                    shared.board.write(&session.link).await.map_err(AppendError::from)
                }
                Err(error) => Err(error),
            },
        };
        match result {
            Ok(()) => answered = Instant::now(),
            Err(AppendError::Stale) => match session.look(shared.seen()).await {
                Ok(log) => shared.look_at(log),
                Err(why) => return (why.to_string(), answered),
            },
            Err(AppendError::Full(why) | AppendError::Refused(why)) => {
                // How the attempts differ tells nobody anything.
                if !refuses {
                    log::error!("{} refuses what is published: {why}", shared.target);
                }
                refuses = true;
            }
            Err(AppendError::Elsewhere(why) | AppendError::Broken(why)) => return (why, answered),
        }
    }
}
