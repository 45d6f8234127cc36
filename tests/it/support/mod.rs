//! What all tests use: the real binary, and clients that share no code with it.

pub mod browser;
mod decoder;
mod fanfare;
mod fault;
pub mod firefox;
mod http;
mod program;
mod redis;
mod stream;

use std::time::{Duration, Instant};

pub use decoder::{Event, decode};
pub use fanfare::{Fanfare, Folder, Hub, run_to_end, with_open_files};
pub use fault::Fault;
pub use http::{Connection, Response, get, post_json, request, request_from};
pub use program::Program;
pub use redis::{Redis, free_port};
pub use stream::Stream;

/// How long anything may take before a test gives up on it. Not a wait: what is there is seen at
/// once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A log without a line for each request and stream, for tests that make a great many.
pub const QUIET: &str = "warn,fanfare::app=info";

/// Asks again and again until the answer is yes. For states that nothing announces; what they
/// change is named in the panic.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
    begun.elapsed()
}

/// A client is slow on purpose. This is no way to wait for anything.
#[expect(clippy::disallowed_methods, reason = "it is what the client of the test does")]
pub fn dawdle(time: Duration) {
    std::thread::sleep(time);
}
