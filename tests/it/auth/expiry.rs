use std::time::{Duration, Instant};

use super::*;
use crate::support::Stream;

/// A stream whose token is good for so many seconds.
fn open(hub: Hub, seconds: u64, target: &str) -> Stream {
    let claims = json!({"exp": now() + seconds, "mercure": {"subscribe": ["*"]}});
    let token = bearer(&token(&claims));
    let mut stream = Stream::open(hub.0, target, &[("Authorization", &token)]);
    stream.greeting();
    stream
}

/// How long it takes until the stream has ended.
fn wait_for_end(stream: &mut Stream) -> Duration {
    let begun = Instant::now();
    stream.rest();
    begun.elapsed()
}

#[test]
fn streams_end_when_their_tokens_do_and_say_why() {
    for direct_write in ["on", "off"] {
        let hub = closed(&[("FANFARE_DIRECT_WRITE", direct_write)]);
        let mut short = open(*hub, 2, "/events");
        let mut long = open(*hub, 3600, "/events");
        hub.wait_for_subscribers(2);
        // At 80 to 100 % of one to two seconds, and at most two ticks of the clock of heartbeats.
        let took = wait_for_end(&mut short);
        assert!(took > Duration::from_millis(600) && took < Duration::from_secs(4), "{took:?}");
        hub.wait_for_log("ended: expired");
        assert_eq!(hub.ready()["ended"]["expired"], 1);
        let token = may_publish(&["*"]);
        assert_eq!(publish_with(*hub, &token).json()["subscribers"], 1);
        assert_eq!(long.event().data, "1");
    }
}

#[test]
fn the_earlier_of_age_and_expiry_counts() {
    let hub = closed(&[("FANFARE_MAX_AGE", "1s")]);
    wait_for_end(&mut open(*hub, 3600, "/events"));
    hub.wait_for_log("ended: aged");

    let hub = Fanfare::start_another(&[&CLOSED[..], &[("FANFARE_MAX_AGE", "1h")]].concat());
    wait_for_end(&mut open(*hub, 2, "/events"));
    hub.wait_for_log("ended: expired");
}

/// It is not live, so that no Broadcaster looks after it.
#[test]
fn a_stream_that_is_still_in_its_replay_ends_too() {
    let hub = closed(&[("FANFARE_SEND_BUFFER", "4KiB"), ("FANFARE_HISTORY_BYTES", "64MiB")]);
    let token = bearer(&may_publish(&["*"]));
    let body = format!("\"{}\"", "x".repeat(200_000));
    for _ in 0..100 {
        let headers = [("Content-Type", "application/json"), ("Authorization", &*token)];
        let response = request(hub.0, "POST", "/send-event", &headers, body.as_bytes());
        assert_eq!(response.status, 200);
    }
    let mut stream = open(*hub, 2, "/events?lastEventID=earliest");
    // It reads, but never comes to the end of 20 MB.
    let begun = Instant::now();
    let mut events = 0;
    while stream.next().is_some() {
        events += 1;
        let rest = Duration::from_millis(50 * events).saturating_sub(begun.elapsed());
        std::thread::park_timeout(rest);
    }
    assert!(events < 100, "it was at its end");
    hub.wait_for_log("ended: expired");
}

#[test]
fn a_token_may_be_good_for_longer_than_clocks_count() {
    let hub = closed(&[]);
    for exp in [1_u64 << 33, 9_000_000_000_000_000_000, 1 << 63, u64::MAX] {
        let token = bearer(&token(&json!({"exp": exp})));
        Stream::open(hub.0, "/events", &[("Authorization", &token)]).greeting();
    }
}
