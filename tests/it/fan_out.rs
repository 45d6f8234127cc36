use std::{
    io::ErrorKind,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use crate::support::{Connection, Fanfare, QUIET, Stream};

/// A hub of one worker, and so many streams.
fn crowd(settings: &[(&str, &str)], size: usize) -> (Fanfare, Vec<Stream>) {
    let alone = [("FANFARE_WORKERS", "1"), ("FANFARE_HEARTBEAT", "1h"), ("RUST_LOG", QUIET)];
    let hub = Fanfare::start_alone(&[&alone, settings].concat());
    let streams = hub.crowd(size);
    hub.wait_for_subscribers(size);
    (hub, streams)
}

/// Whether something has arrived on a stream, without waiting for it.
fn has_more(stream: &Stream) -> bool {
    let socket = &stream.connection.socket;
    socket.set_nonblocking(true).unwrap();
    let peeked = socket.peek(&mut [0]);
    socket.set_nonblocking(false).unwrap();
    match peeked {
        Ok(length) => length > 0,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn an_event_for_many_does_not_hold_up_the_other_requests_of_its_worker() {
    let (hub, streams) = crowd(&[], 8000);
    let mut other = Connection::open(hub.0);
    let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    other.send(live);
    other.read_response();

    let address = *hub;
    thread::scope(|scope| {
        scope.spawn(move || address.publish("", "1"));
        // Either end of the row is served first: the event is on its way.
        let ends = [&streams[0], &streams[7999]];
        while !ends.iter().any(|stream| has_more(stream)) {}
        other.send(live);
        other.read_response();
        assert!(!ends.iter().all(|stream| has_more(stream)), "it was answered after the event");
    });
    for mut stream in streams {
        assert_eq!(stream.event().data, "1");
    }
}

#[test]
fn clients_that_leave_together_do_not_hold_up_the_other_requests_of_their_worker() {
    // Body streams are tasks of their own, which the runtime shares the thread out to.
    let (hub, streams) = crowd(&[("FANFARE_DIRECT_WRITE", "on")], 8000);
    // They are all gone when it looks.
    hub.signal("STOP");
    drop(streams);
    hub.signal("CONT");
    let address = *hub;
    let answers = thread::scope(|scope| {
        let leaving = scope.spawn(move || address.wait_for_streams(0));
        let mut other = Connection::open(address.0);
        let mut answers = 0;
        while !leaving.is_finished() {
            other.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
            other.read_response();
            answers += 1;
        }
        answers
    });
    // Served as the kernel reports them, a thousand at a time, it would be ten or so.
    assert!(answers > 20, "{answers} answers meanwhile");
}

#[test]
fn who_comes_in_the_middle_of_a_round_misses_and_repeats_nothing() {
    let (hub, mut streams) = crowd(&[], 8000);
    let first = hub.publish("", "0")["id"].as_str().unwrap().to_owned();
    let over = AtomicBool::new(false);
    let (address, over) = (*hub, &over);
    let (last, newcomers) = thread::scope(|scope| {
        let publisher = scope.spawn(move || {
            let mut number = 0;
            while !over.load(Relaxed) {
                number += 1;
                address.publish("", &number.to_string());
            }
            number + 1
        });
        let newcomers: Vec<Stream> = (0..50).map(|_| hub.resume("/events", &first)).collect();
        over.store(true, Relaxed);
        (publisher.join().unwrap(), newcomers)
    });
    hub.publish("", &last.to_string());
    streams.truncate(1);
    assert_eq!(streams[0].event().data, "0");
    for mut stream in streams.into_iter().chain(newcomers) {
        let mut numbers = Vec::new();
        while numbers.last() != Some(&last) {
            numbers.push(stream.event().data.parse::<usize>().unwrap());
        }
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    }
}

#[test]
fn a_subscriber_that_gets_a_part_of_what_is_published_gets_it_whole_and_in_order() {
    let hub = Fanfare::start(&[("RUST_LOG", QUIET)]);
    // One for each topic, some for two, one for all: a round is a different part for each.
    let mut single: Vec<_> =
        (0..4).map(|n| hub.subscribe(&format!("/events?topic=t{n}"))).collect();
    let mut pairs: Vec<_> =
        (0..3).map(|n| hub.subscribe(&format!("/events?topic=t{n}&topic=t{}", n + 1))).collect();
    let mut all = hub.subscribe("/events?topic=%7Bany%7D");
    hub.wait_for_subscribers(8);
    let address = *hub;
    thread::scope(|scope| {
        for topic in 0..4 {
            scope.spawn(move || {
                for n in 0..200 {
                    let body = format!("\"{topic}:{n}\"");
                    let answer = address.publish(&format!("?topic=t{topic}"), &body);
                    let expected = if matches!(topic, 0 | 3) { 3 } else { 4 };
                    assert_eq!(answer["subscribers"], expected);
                }
            });
        }
    });
    let order: Vec<String> = (0..800).map(|_| all.event().data).collect();
    let of = |topics: &[usize]| -> Vec<String> {
        let wanted = |data: &&String| topics.iter().any(|t| data.starts_with(&format!("\"{t}:")));
        order.iter().filter(wanted).cloned().collect()
    };
    for (n, stream) in single.iter_mut().enumerate() {
        let seen: Vec<String> = (0..200).map(|_| stream.event().data).collect();
        assert_eq!(seen, of(&[n]));
    }
    for (n, stream) in pairs.iter_mut().enumerate() {
        let seen: Vec<String> = (0..400).map(|_| stream.event().data).collect();
        assert_eq!(seen, of(&[n, n + 1]));
    }
}
