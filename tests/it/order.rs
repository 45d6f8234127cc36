use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
};

use crate::support::{Connection, Fanfare, Hub, QUIET, Stream};

/// Publishes on one connection as fast as answers come, `<publisher>:<number>` each time, every
/// third with 20 KB behind it: a replay of these waits for the socket while others are published.
fn publish_at_full_speed(hub: Hub, publisher: usize, topic: &str, stop: &AtomicBool) -> usize {
    let mut connection = Connection::open(hub.0);
    let mut number = 0;
    while !stop.load(Relaxed) {
        let padding = if number % 3 == 0 { " ".repeat(20_000) } else { String::new() };
        let body = format!("\"{publisher}:{number}:{padding}\"");
        connection.send(format!(
            "POST /send-event?topic={topic} HTTP/1.1\r\nHost: x\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len(),
        ));
        assert_eq!(connection.read_response().status, 200);
        number += 1;
    }
    number
}

/// The sequence of an id of the hub's.
fn sequence(id: &str) -> u64 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

/// A subscriber that leaves after some events, and resumes: it must see each sequence once and
/// in order, whether it comes from the history or live.
fn reconnect_again_and_again(hub: Hub, first: &str, times: usize, salt: usize) -> Vec<String> {
    let mut last_id = first.to_owned();
    let mut seen = Vec::new();
    for round in 0..times {
        let mut stream = Stream::open(hub.0, "/events?topic=*", &[("Last-Event-ID", &last_id)]);
        stream.greeting();
        for _ in 0..=((round * 7 + salt * 13) % 40) {
            let event = stream.event();
            assert_eq!(event.kind, "message", "{event:?}");
            let id = event.id.expect("every event has an id");
            assert_eq!(sequence(&id), sequence(&last_id) + 1, "after {last_id}");
            seen.push(event.data);
            last_id = id;
        }
        stream.leave();
    }
    seen
}

#[test]
fn a_thousand_reconnects_under_full_publishing_see_one_order_without_gap_or_repeat() {
    let hub = Fanfare::start(&[
        ("FANFARE_HISTORY_EVENTS", "1000000"),
        ("FANFARE_HISTORY_BYTES", "1GiB"),
        ("RUST_LOG", QUIET),
    ]);
    let hub_address = *hub;
    let first = hub.publish("", "\"first\"")["id"].as_str().unwrap().to_owned();
    let stop = AtomicBool::new(false);
    let all_seen: Vec<Vec<String>> = thread::scope(|scope| {
        for publisher in 0..4 {
            let stop = &stop;
            let topic = ["default", "other"][publisher % 2];
            scope.spawn(move || publish_at_full_speed(hub_address, publisher, topic, stop));
        }
        let subscribers: Vec<_> = (0..5)
            .map(|seed| {
                let first = &first;
                scope.spawn(move || reconnect_again_and_again(hub_address, first, 200, seed))
            })
            .collect();
        let seen: Vec<_> = subscribers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        stop.store(true, Relaxed);
        seen.into_iter().map(|seen| seen.expect("no subscriber has panicked")).collect()
    });
    let shortest = all_seen.iter().map(Vec::len).min().unwrap();
    for seen in &all_seen {
        assert_eq!(seen[..shortest], all_seen[0][..shortest], "all see one order");
    }
    // What one publisher sends one after the other arrives in that order.
    for publisher in 0..4 {
        let prefix = format!("\"{publisher}:");
        let own = all_seen[0].iter().filter_map(|data| data.strip_prefix(&prefix));
        let numbers: Vec<usize> =
            own.map(|rest| rest.split(':').next().unwrap().parse().unwrap()).collect();
        assert!(numbers.iter().copied().eq(0..numbers.len()), "publisher {publisher}");
    }
}

#[test]
fn live_streams_on_all_workers_see_the_same_order() {
    let hub = Fanfare::start(&[("FANFARE_WORKERS", "4"), ("RUST_LOG", QUIET)]);
    let mut streams: Vec<_> = (0..8).map(|_| hub.subscribe("/events")).collect();
    let published = AtomicUsize::new(0);
    let hub_address = *hub;
    thread::scope(|scope| {
        for publisher in 0..4 {
            let published = &published;
            scope.spawn(move || {
                for number in 0..250 {
                    let body = format!("\"{publisher}:{number}\"");
                    let answer = hub_address.publish("", &body);
                    assert_eq!(answer["subscribers"], 8);
                    published.fetch_add(1, Relaxed);
                }
            });
        }
    });
    assert_eq!(published.into_inner(), 1000);
    let orders: Vec<Vec<String>> =
        streams.iter_mut().map(|stream| (0..1000).map(|_| stream.event().data).collect()).collect();
    assert!(orders.iter().all(|order| *order == orders[0]));
}

#[test]
fn an_event_is_received_once_its_publisher_has_the_answer_on_its_way() {
    let hub = Fanfare::start(&[]);
    for n in 0..50 {
        // Subscribed as soon as the greeting is there: what is published after it is received.
        let mut stream = hub.subscribe("/events");
        assert_eq!(hub.publish("", &n.to_string())["subscribers"], 1, "stream {n}");
        assert_eq!(stream.event().data, n.to_string());
        stream.leave();
        hub.wait_for_subscribers(0);
    }
}
