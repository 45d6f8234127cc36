//! Redis goes, and comes back.

use std::time::{Duration, Instant};

use super::{another, gate::Gate, start};
use crate::support::{Fanfare, Redis, Response, Stream, get, post_json, wait_until};

const SOON: Duration = Duration::from_secs(2);

fn publish(hub: &Fanfare, n: usize) -> Response {
    post_json(hub.0, "/send-event", &n.to_string())
}

fn assert_refused(response: &Response) {
    assert_eq!(response.status, 503, "{}", response.text());
    assert_eq!(response.json()["error"]["code"], "storage_away");
    let again: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&again));
}

fn assert_next(stream: &mut Stream, numbers: impl IntoIterator<Item = usize>) {
    for n in numbers {
        let event = stream.event();
        assert_eq!((&*event.kind, event.data), ("message", n.to_string()));
    }
}

/// A history whose server does not answer is told of in time; streams stay open; what is in memory
/// can be read; and when the server answers again, so does the hub.
fn goes_and_comes_back(
    mut redis: Redis,
    go: impl FnOnce(&mut Redis),
    back: impl FnOnce(&mut Redis),
) {
    let hub = start(&redis.url(), &[("FANFARE_HEARTBEAT", "200ms")]);
    let mut live = hub.subscribe("/events");
    for n in 0..3 {
        assert_eq!(publish(&hub, n).status, 200);
    }
    assert_next(&mut live, 0..3);
    go(&mut redis);
    let begun = Instant::now();
    assert_refused(&publish(&hub, 1000));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let ready = get(hub.0, "/health/ready");
    assert_refused(&ready);
    assert_eq!(get(hub.0, "/health/live").status, 200);
    for _ in 0..3 {
        assert_eq!(live.chunk().as_deref(), Some(":\n"), "it lives");
    }
    wait_until("the time of those who hope is over", || begun.elapsed() >= SOON);
    let begun = Instant::now();
    assert_refused(&publish(&hub, 1000));
    assert!(begun.elapsed() < Duration::from_millis(500), "it is known to be away");
    // From memory.
    let mut old = hub.resume("/events", "earliest");
    assert_next(&mut old, 0..3);
    let mut new = hub.subscribe("/events");
    back(&mut redis);
    let took = wait_until("publishing works again", || publish(&hub, 3).status == 200);
    assert!(took < SOON, "{took:?}");
    wait_until("it is ready", || get(hub.0, "/health/ready").status == 200);
    assert_eq!(publish(&hub, 4).status, 200);
    for stream in [&mut live, &mut old, &mut new] {
        // What was sent before anyone knew may have arrived after all.
        let first = stream.event();
        if first.data == "1000" {
            assert_next(stream, [3]);
        } else {
            assert_eq!((&*first.kind, &*first.data), ("message", "3"));
        }
        assert_next(stream, [4]);
    }
}

#[test]
fn a_redis_that_is_killed_refuses_publishers_and_nothing_else() {
    goes_and_comes_back(Redis::start(), Redis::kill, Redis::launch);
}

#[test]
fn a_redis_that_hangs_refuses_publishers_and_nothing_else() {
    goes_and_comes_back(Redis::start(), |redis| redis.signal("STOP"), |redis| redis.signal("CONT"));
}

#[test]
fn what_other_nodes_append_meanwhile_arrives_in_order() {
    let redis = Redis::start();
    let gate = Gate::to(redis.address());
    let (cut_off, other) = (start(&gate.url(), &[]), another(&redis.url()));
    let mut streams = [cut_off.subscribe("/events"), other.subscribe("/events")];
    for n in 0..10 {
        assert_eq!(publish(if n % 2 == 0 { &cut_off } else { &other }, n).status, 200);
    }
    gate.close();
    wait_until("it is known to be away", || get(cut_off.0, "/health/ready").status == 503);
    for n in 10..2000 {
        assert_eq!(publish(&other, n).status, 200);
    }
    gate.open();
    let took = wait_until("publishing works again", || publish(&cut_off, 2000).status == 200);
    assert!(took < SOON, "{took:?}");
    for stream in &mut streams {
        assert_next(stream, 0..=2000);
    }
}

#[test]
fn a_short_absence_refuses_nobody() {
    let redis = Redis::start();
    let gate = Gate::to(redis.address());
    let hub = start(&gate.url(), &[]);
    let mut stream = hub.subscribe("/events");
    for n in 0..20 {
        gate.close();
        gate.open();
        assert_eq!(publish(&hub, n).status, 200);
    }
    assert_next(&mut stream, 0..20);
}

#[test]
fn a_redis_without_room_says_so() {
    let redis = Redis::with(&["--maxmemory", "8mb", "--maxmemory-policy", "noeviction"]);
    let hub = start(&redis.url(), &[]);
    let mut stream = hub.subscribe("/events");
    let large = format!("\"{}\"", "x".repeat(100_000));
    let full =
        (0..200).map(|_| post_json(hub.0, "/send-event", &large)).find(|it| it.status != 200);
    let full = full.expect("it is full");
    assert_eq!((full.status, &full.json()["error"]["code"]), (507, &"storage_full".into()));
    redis.ask(&["CONFIG", "SET", "maxmemory", "64mb"]);
    assert_eq!(publish(&hub, 7).status, 200);
    while stream.event().data != "7" {}
}
