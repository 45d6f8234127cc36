//! `Idempotency-Key`: a request to publish that is sent again is answered again, and publishes
//! nothing (draft-ietf-httpapi-idempotency-key-header).
//!
//! Owns: the answers of this process, and who waits for one. Promises: of several requests with one
//! key one publishes at a time; the others wait for its answer, and get it; what failed is tried
//! again by the next. Does not: survive; the history does, with what was published
//! ([`crate::history::Key`]), and tells ids but not how many subscribers there were.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, rt, web::Bytes};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::{
    error::ApiError,
    schedule::{Later, Now, Seed, Sent, schedule},
};
use crate::{
    auth::Grant,
    event::{Delay, Event, EventId},
    history::{Earlier, HASH, Key},
    hub::{Hub, Outcome, PublishError},
};

/// The longest key, in characters.
pub const MAX_KEY: usize = 255;
/// How much of the answers is in memory. The history knows what else there is to know.
const MAX_ANSWERS: usize = 10_000;
const MAX_BYTES: usize = 16 << 20;

/// See the module. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Repeats {
    window: Duration,
    answers: Arc<Mutex<Answers>>,
}

#[derive(Debug, Default)]
struct Answers {
    by_name: HashMap<Name, Slot>,
    /// Those that are answered, the oldest first.
    order: VecDeque<Name>,
    bytes: usize,
}

/// The hash of a key, and of whose it is.
pub type Name = [u8; HASH];

#[derive(Debug)]
struct Slot {
    content: [u8; HASH],
    state: State,
}

#[derive(Debug)]
enum State {
    /// Ends with the one that publishes.
    Running(watch::Receiver<()>),
    Answered(Answer, Instant),
}

/// What to do with a request.
enum Turn {
    First(watch::Sender<()>),
    Wait(watch::Receiver<()>),
    Replay(Answer),
}

/// A body, and whether all that it tells of is published later.
type Answer = (Bytes, bool);

impl Repeats {
    /// For answers that are repeated for so long; zero for none.
    pub fn new(window: Duration) -> Self {
        Self { window, answers: Arc::default() }
    }

    /// The key of a request: of this publisher's, where its token names one.
    pub fn key(
        &self,
        request: &HttpRequest,
        grant: Option<&Grant>,
    ) -> Result<Option<Name>, ApiError> {
        let mut headers = request.headers().get_all("idempotency-key");
        let Some(header) = headers.next().filter(|_| !self.window.is_zero()) else {
            return Ok(None);
        };
        let key = header.to_str().ok().filter(|_| headers.next().is_none()).and_then(parse);
        let key = key.ok_or(ApiError::IdempotencyKey(MAX_KEY))?;
        let issuer = grant.and_then(|grant| grant.issuer.as_deref());
        let subject = grant.and_then(|grant| grant.subject.as_deref());
        let mut hash = Sha256::new();
        for part in [issuer, subject, Some(&*key)] {
            add(&mut hash, part.map(str::as_bytes));
        }
        Ok(Some(hash.finalize().into()))
    }

    /// Publishes these under a key, or answers as before. `answer` makes a body.
    pub async fn publish(
        &self,
        hub: &Hub,
        name: Name,
        endpoint: &str,
        events: Vec<(Event, Option<Delay>)>,
        answer: impl FnOnce(Vec<Sent>) -> Option<String> + 'static,
    ) -> Result<HttpResponse, ApiError> {
        let content = content(endpoint, &events);
        let running = loop {
            match self.take_turn(name, content)? {
                Turn::First(running) => break running,
                Turn::Replay(answer) => return Ok(respond(answer, true)),
                // By its end.
                Turn::Wait(mut running) => while running.changed().await.is_ok() {},
            }
        };
        // What waits has its ids from it, and so has whoever asks for them again.
        let waits = events.iter().any(|(_, delay)| delay.is_some());
        let seed = if waits { Seed::draw() } else { String::new() };
        let key = Key { name, content, window: self.window, note: seed.clone() };
        let (this, hub) = (self.clone(), hub.clone());
        // Goes on where the publisher has left: its next request is to get this answer.
        let published = rt::spawn(async move {
            let known: Vec<_> =
                events.iter().map(|(event, delay)| (event.id.clone(), delay.is_some())).collect();
            let events = events.into_iter().enumerate();
            let events =
                events.map(|(at, (event, delay))| schedule(event, delay, Seed::Of(&seed, at)));
            let events: Vec<_> = events.collect();
            let due: Vec<_> = events.iter().map(|(_, due)| *due).collect();
            let published = match hub.publish_all(events, Some(key)).await {
                Ok(Outcome::Now(receipts)) => {
                    let sent = receipts.into_iter().zip(due);
                    Ok((sent.map(|(receipt, due)| Sent::new(receipt, due)).collect(), false))
                }
                Ok(Outcome::Earlier(Earlier { content: other, .. })) if other != content => {
                    Err(ApiError::KeyReused)
                }
                Ok(Outcome::Earlier(earlier)) => Ok((before(known, &earlier), true)),
                Err(error) => Err(error.into()),
            };
            let answered = published.and_then(|(sent, replayed)| {
                let later = sent.iter().all(Sent::is_later);
                let body = answer(sent).ok_or(PublishError::Failing)?;
                Ok(((Bytes::from(body), later), replayed))
            });
            this.settle(name, answered.as_ref().ok().map(|(answer, _)| answer.clone()));
            drop(running);
            answered
        });
        let (answer, replayed) = published.await.map_err(|_| PublishError::Failing)??;
        Ok(respond(answer, replayed))
    }

    fn take_turn(&self, name: Name, content: [u8; HASH]) -> Result<Turn, ApiError> {
        let mut answers = self.answers.lock();
        answers.forget(Instant::now());
        // One that died in the middle has left no answer, and nobody who would.
        let dead =
            |slot: &Slot| matches!(&slot.state, State::Running(r) if r.has_changed().is_err());
        if let Some(slot) = answers.by_name.get(&name).filter(|slot| !dead(slot)) {
            if slot.content != content {
                return Err(ApiError::KeyReused);
            }
            return Ok(match &slot.state {
                State::Running(running) => Turn::Wait(running.clone()),
                State::Answered(answer, _) => Turn::Replay(answer.clone()),
            });
        }
        let (sender, running) = watch::channel(());
        answers.by_name.insert(name, Slot { content, state: State::Running(running) });
        Ok(Turn::First(sender))
    }

    /// Keeps an answer; without one, the next request is the first again.
    fn settle(&self, name: Name, answer: Option<Answer>) {
        let mut answers = self.answers.lock();
        let Some(answer) = answer else {
            answers.by_name.remove(&name);
            return;
        };
        let now = Instant::now();
        answers.bytes += answer.0.len();
        answers.order.push_back(name);
        if let Some(slot) = answers.by_name.get_mut(&name) {
            slot.state = State::Answered(answer, now + self.window);
        }
        answers.forget(now);
    }
}

impl Answers {
    /// Drops what is over, and the oldest of what is too much.
    fn forget(&mut self, now: Instant) {
        while let Some(name) = self.order.front() {
            let (bytes, is_over) = match self.by_name.get(name).map(|slot| &slot.state) {
                Some(State::Answered((body, _), until)) => (body.len(), *until <= now),
                Some(State::Running(_)) | None => (0, true),
            };
            if !is_over && self.order.len() <= MAX_ANSWERS && self.bytes <= MAX_BYTES {
                break;
            }
            self.by_name.remove(name);
            self.order.pop_front();
            self.bytes -= bytes;
        }
    }
}

/// Publishes these, without a key.
pub async fn publish(
    hub: &Hub,
    events: Vec<(Event, Option<u64>)>,
    answer: impl FnOnce(Vec<Sent>) -> Option<String>,
) -> Result<HttpResponse, ApiError> {
    let due: Vec<_> = events.iter().map(|(_, due)| *due).collect();
    let Outcome::Now(receipts) = hub.publish_all(events, None).await? else {
        return Err(PublishError::Failing.into());
    };
    let sent: Vec<_> = receipts.into_iter().zip(due).map(|(r, due)| Sent::new(r, due)).collect();
    let later = sent.iter().all(Sent::is_later);
    let body = answer(sent).ok_or(PublishError::Failing)?;
    Ok(respond((body.into(), later), false))
}

/// What is known of events by their own ids, and whether each waited: the place of the first that did
/// not, and what the ids of the others are made of.
fn before(known: Vec<(Option<EventId>, bool)>, earlier: &Earlier) -> Vec<Sent> {
    let mut place = earlier.first;
    let sent = known.into_iter().enumerate().map(|(at, (id, waited))| {
        let id = if waited { id.or_else(|| Seed::Of(&earlier.note, at).id()) } else { id };
        let id = id.map_or_else(|| place.to_string(), |id| id.as_str().to_owned());
        if waited {
            return Sent::Later(Later { id, due: None });
        }
        place.sequence += 1;
        Sent::Now(Now { id, subscribers: None })
    });
    sent.collect()
}

fn respond((body, later): Answer, replayed: bool) -> HttpResponse {
    let mut response = if later { HttpResponse::Accepted() } else { HttpResponse::Ok() };
    if replayed {
        response.insert_header(("idempotency-replayed", "true"));
    }
    response.content_type("application/json").body(body)
}

/// A string of RFC 9651, 3.3.3, without parameters; or, as many write it, the bare text.
fn parse(header: &str) -> Option<String> {
    let header = header.trim_matches(' ');
    let key = match header.strip_prefix('"') {
        None => header.to_owned(),
        Some(quoted) => {
            let quoted = quoted.strip_suffix('"')?;
            let mut key = String::new();
            let mut characters = quoted.chars();
            while let Some(c) = characters.next() {
                key.push(match c {
                    '"' => return None,
                    '\\' => characters.next().filter(|next| ['"', '\\'].contains(next))?,
                    c => c,
                });
            }
            key
        }
    };
    let bare = !header.starts_with('"');
    let fits = |c: char| c.is_ascii_graphic() && !(bare && ['"', '\\', ',', ';'].contains(&c));
    let fits = |c: char| fits(c) || (!bare && c == ' ');
    ((1..=MAX_KEY).contains(&key.len()) && key.chars().all(fits)).then_some(key)
}

/// What tells two payloads apart: all that subscribers would see, and where it was sent.
fn content(endpoint: &str, events: &[(Event, Option<Delay>)]) -> [u8; HASH] {
    let mut hash = Sha256::new();
    add(&mut hash, Some(endpoint.as_bytes()));
    for (Event { topics, data, id, kind, retry, ttl, private }, delay) in events {
        add(&mut hash, Some(&topics.len().to_le_bytes()));
        for topic in topics.iter() {
            add(&mut hash, Some(topic.as_str().as_bytes()));
        }
        add(&mut hash, Some(data.as_bytes()));
        add(&mut hash, id.as_ref().map(|id| id.as_str().as_bytes()));
        add(&mut hash, kind.as_ref().map(|kind| kind.as_str().as_bytes()));
        add(&mut hash, retry.map(|retry| retry.as_millis().to_le_bytes()).as_ref().map(|b| &b[..]));
        add(&mut hash, ttl.map(|ttl| ttl.as_millis().to_le_bytes()).as_ref().map(|b| &b[..]));
        let delay = delay.map(|delay| match delay {
            Delay::In(time) => format!("in {}", time.as_nanos()),
            Delay::At(at) => format!("at {at}"),
        });
        add(&mut hash, delay.as_deref().map(str::as_bytes));
        add(&mut hash, private.then_some(&[]));
    }
    hash.finalize().into()
}

/// Parts that are next to each other don't run together.
fn add(hash: &mut Sha256, part: Option<&[u8]>) {
    match part {
        None => hash.update([0]),
        Some(part) => {
            hash.update([1]);
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_KEY, parse};

    #[test]
    fn a_key_is_a_quoted_string_or_a_bare_text() {
        let long = "x".repeat(MAX_KEY);
        for (header, key) in [
            ("\"8e03978e-40d5\"", Some("8e03978e-40d5")),
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            ("\"a b\\\\\\\"c\"", Some("a b\\\"c")),
            (&*long, Some(&*long)),
            ("", None),
            ("\"\"", None),
            ("\"a", None),
            ("a\"", None),
            ("\"a\"b\"", None),
            ("\"a\\b\"", None),
            ("\"a\"; x=1", None),
            ("a, b", None),
            ("a b", None),
            ("\"\u{e4}\"", None),
            (&*(long.clone() + "x"), None),
        ] {
            assert_eq!(parse(header).as_deref(), key, "{header:?}");
        }
    }
}
