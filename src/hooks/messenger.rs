//! Tells events over HTTP, on a thread of its own.
//!
//! Promises: one request at a time, so that the order holds; what fails is tried again for some
//! minutes, later each time; the log has a line when that begins and when it is over, not one for each
//! request. Does not: follow redirects, or show the URL.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use ureq::{Agent, http::HeaderMap};
use uuid::Uuid;

use super::{Settings, event::Event, queue::Queue};
use crate::outgoing::agent;

/// How long after its first failure a request is made again; twice that after each more.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest that the receiver may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(600);

/// How much of an answer is read, so that its connection can be used again.
const MAX_ANSWER: u64 = 64 * 1024;

/// See the module.
pub struct Messenger {
    settings: Settings,
    queue: Arc<Queue>,
    agent: Agent,
    /// Since when nothing could be told.
    failing: Option<Instant>,
    /// What the log knows to be lost.
    lost: u64,
}

/// What became of a request.
enum Outcome {
    Taken,
    /// To be tried again, not before this time where the receiver says so.
    Failed(String, Option<Duration>),
    /// The same request would be refused again.
    Refused(String),
}

impl Messenger {
    pub fn new(settings: Settings, queue: Arc<Queue>) -> Self {
        let agent = agent(settings.time_out);
        Self { settings, queue, agent, failing: None, lost: 0 }
    }

    /// Tells everything. Ends when the queue is closed, and empty.
    pub fn run(mut self) {
        while let Some(events) = self.queue.take() {
            self.tell(&events);
            self.log_lost();
        }
    }

    fn tell(&mut self, events: &[Event]) {
        #[derive(serde::Serialize)]
        struct Body<'a> {
            events: &'a [Event],
        }

        // Texts and numbers: there is nothing to fail.
        let body = serde_json::to_vec(&Body { events }).unwrap_or_default();
        // The same for each attempt: a receiver that has seen it can tell.
        let id = format!("msg_{}", Uuid::new_v4().simple());
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let endpoint = &self.settings.endpoint;
            match self.post(&id, &body) {
                Outcome::Taken => {
                    self.queue.told(events);
                    if let Some(since) = self.failing.take() {
                        log::info!("hooks are taken again, after {:.1?}", since.elapsed());
                    }
                    return;
                }
                Outcome::Refused(why) => {
                    log::warn!("{endpoint} refuses {} hook events: {why}", events.len());
                    return self.queue.give_up(events);
                }
                Outcome::Failed(why, wish) => {
                    if self.failing.is_none() {
                        self.failing = Some(Instant::now());
                        log::warn!("{endpoint} does not take hooks: {why}; they are tried again");
                    }
                    if attempt >= self.settings.attempts || self.queue.closes().is_some() {
                        log::warn!("{} hook events are given up: {why}", events.len());
                        return self.queue.give_up(events);
                    }
                    // Half of it is chance: what failed together does not come back together.
                    let drawn = pause.mul_f64(0.5 + 0.5 * fastrand::f64());
                    self.queue.pause(drawn.max(wish.unwrap_or_default().min(LONGEST_WISH)));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn post(&self, id: &str, body: &[u8]) -> Outcome {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let time_out = self.settings.time_out;
        let left = self.queue.closes().map(|at| at.saturating_duration_since(Instant::now()));
        let time_out = left.map_or(time_out, |left| left.min(time_out));
        let answer = self
            .agent
            .post(self.settings.endpoint.url())
            .config()
            .timeout_global(Some(time_out))
            .build()
            .header("Content-Type", "application/json")
            .header("User-Agent", concat!("fanfare/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", self.settings.key.sign(id, now, body))
            .send(body);
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Outcome::Failed(explain(&error), None),
        };
        let status = answer.status();
        let wish = wish(answer.headers());
        // What it says does not count.
        let _ = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let why = format!("it answers {}", status.as_u16());
        match status.as_u16() {
            200..300 => Outcome::Taken,
            429 | 500.. => Outcome::Failed(why, wish),
            _ => Outcome::Refused(why),
        }
    }

    /// One line for all that found no room meanwhile.
    fn log_lost(&mut self) {
        let lost = self.queue.counts().without_room;
        let news = lost - self.lost;
        if news > 0 {
            log::warn!("{news} hook events are lost: the queue was full (FANFARE_HOOK_QUEUE)");
            self.lost = lost;
        }
    }
}

/// Why it failed, without the URL, which may be a secret.
fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "it does not answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host is not found".to_owned(),
        ureq::Error::ConnectionFailed => "it can't be connected to".to_owned(),
        ureq::Error::Rustls(error) => error.to_string(),
        _ => "it can't be spoken to".to_owned(),
    }
}

/// When the receiver wants to be asked again (`Retry-After`): in seconds, or at a date.
fn wish(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    let until = |at: SystemTime| at.duration_since(SystemTime::now()).unwrap_or_default();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(text).ok().map(until))
}
