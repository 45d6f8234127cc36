//! What the log says of those who are refused: at most one line in a while for each rate, however
//! many they are.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How long a line is followed by none.
const QUIET: Duration = Duration::from_secs(10);

/// See the module. Empty until the first is refused.
#[derive(Debug, Default)]
pub struct Notice(Mutex<Option<Since>>);

/// What has been refused since the last line.
#[derive(Debug)]
struct Since {
    told: Instant,
    count: u64,
    last: IpAddr,
}

impl Notice {
    /// One was refused. The first is told of at once.
    pub fn refuse(&self, setting: &str, address: IpAddr) {
        let mut since = self.0.lock();
        let now = Instant::now();
        let is_first = since.is_none();
        let since = since.get_or_insert(Since { told: now, count: 0, last: address });
        since.count += 1;
        since.last = address;
        if is_first || now.duration_since(since.told) >= QUIET {
            since.tell(setting, now);
        }
    }

    /// Tells of those that no line has told of, once it is time for one.
    pub fn catch_up(&self, setting: &str) {
        let mut since = self.0.lock();
        let now = Instant::now();
        match &mut *since {
            Some(since) if now.duration_since(since.told) < QUIET => {}
            Some(since) if since.count > 0 => since.tell(setting, now),
            // The next is the first of another time.
            since => *since = None,
        }
    }
}

impl Since {
    fn tell(&mut self, setting: &str, now: Instant) {
        let requests = if self.count == 1 { "request is" } else { "requests are" };
        log::warn!("{} {requests} refused by {setting}, the last of {}", self.count, self.last);
        (self.told, self.count) = (now, 0);
    }
}
