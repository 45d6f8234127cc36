use std::{
    io::{ErrorKind, Read as _},
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use crate::support::{Connection, Event, Fanfare, Hub, QUIET, Stream, dawdle, wait_until};

const BIG_HISTORY: [(&str, &str); 2] =
    [("FANFARE_HISTORY_EVENTS", "1000000"), ("FANFARE_HISTORY_BYTES", "2GiB")];

/// A JSON string of this many bytes that begins with a number.
fn numbered(number: usize, bytes: usize) -> String {
    format!("\"{number:08}{}\"", "x".repeat(bytes - 10))
}

fn number(data: &str) -> usize {
    data[1..9].parse().unwrap()
}

/// Publishes numbers from `from` on until the hub's state is as wanted. Returns the next number
/// and the longest that one publish took.
fn publish_until(
    hub: Hub,
    from: usize,
    bytes: usize,
    is_so: impl Fn(&serde_json::Value) -> bool,
) -> (usize, Duration) {
    let mut next = from;
    let mut longest = Duration::ZERO;
    wait_until("the state that publishing brings about", || {
        let begun = Instant::now();
        hub.publish("", &numbered(next, bytes));
        longest = longest.max(begun.elapsed());
        next += 1;
        is_so(&hub.ready())
    });
    (next, longest)
}

#[test]
fn one_that_takes_nothing_is_cut_and_freed_and_delays_nobody() {
    let hub = Fanfare::start_alone(&[
        ("FANFARE_QUEUE_EVENTS", "50"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_PEER_TIMEOUT", "4s"),
    ]);
    let mut stalled = hub.subscribe("/events");
    let mut healthy = hub.subscribe("/events");
    hub.wait_for_subscribers(2);
    let reader = thread::spawn(move || {
        let mut expected = 0;
        while let Some(event) = healthy.next() {
            assert_eq!(number(&event.data), expected, "the healthy one misses nothing");
            expected += 1;
        }
        expected
    });

    let (published, longest) = publish_until(*hub, 0, 8000, |ready| ready["ended"]["slow"] == 1);
    assert!(longest < Duration::from_millis(500), "a publish took {longest:?}");
    let line = hub.wait_for_log("ended: slow");
    assert!(line.contains(" events, "), "{line}");
    assert_eq!(hub.ready()["streams"], 1);
    // Its socket is gone with it: what the kernel held for it is thrown away.
    let mut rest = Vec::new();
    let broken = stalled.connection.socket.read_to_end(&mut rest);
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionReset);
    hub.signal("TERM");
    assert_eq!(reader.join().unwrap(), published);
    assert_eq!(hub.log().matches("ended: slow").count(), 1, "one line");
}

#[test]
fn the_bound_in_bytes_counts_too() {
    let hub = Fanfare::start_alone(&[
        ("FANFARE_QUEUE_EVENTS", "1000000"),
        ("FANFARE_QUEUE_BYTES", "64KiB"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_HISTORY_BYTES", "2GiB"),
    ]);
    let _stalled = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    let (published, _) = publish_until(*hub, 0, 10_000, |ready| ready["behind"] == 1);
    // The kernel's two buffers and ours hold less than these, and no more than a few.
    assert!(published < 200, "{published} events of 10,000 bytes were queued");
}

#[test]
fn one_that_reads_late_catches_up_and_misses_nothing() {
    let mut settings = vec![("FANFARE_QUEUE_EVENTS", "50"), ("FANFARE_SEND_BUFFER", "16KiB")];
    settings.extend(BIG_HISTORY);
    let hub = Fanfare::start_alone(&settings);
    let mut late = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    let (published, _) = publish_until(*hub, 0, 4000, |ready| ready["behind"] == 1);
    let mut more = published;
    for expected in 0..published + 100 {
        if more < published + 100 {
            hub.publish("", &numbered(more, 4000));
            more += 1;
        }
        assert_eq!(number(&late.event().data), expected);
    }
    hub.wait_for_subscribers(1);
    assert_eq!(hub.publish("", &numbered(more, 4000))["subscribers"], 1);
    assert_eq!(number(&late.event().data), more);
    assert_eq!(hub.ready()["ended"]["slow"], 0);
}

/// Publishes numbers from several publishers at once, so that rounds have several events.
fn publish_at_once(hub: Hub, publishers: usize, each: usize, bytes: usize) {
    thread::scope(|scope| {
        for publisher in 0..publishers {
            scope.spawn(move || {
                let mut connection = Connection::open(hub.0);
                for n in 0..each {
                    let body = numbered(publisher * each + n, bytes);
                    connection.send(format!(
                        "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
                         Content-Type: application/json\r\n\r\n{body}",
                        body.len(),
                    ));
                    assert_eq!(connection.read_response().status, 200);
                }
            });
        }
    });
}

/// The place in the order of an event that bears the hub's own id.
fn sequence(event: &Event) -> u64 {
    event.last_event_id.rsplit('-').next().unwrap().parse().unwrap()
}

#[test]
fn one_whose_queue_fills_up_in_the_middle_of_a_round_misses_and_repeats_nothing() {
    let mut settings = vec![("FANFARE_QUEUE_EVENTS", "30"), ("FANFARE_SEND_BUFFER", "16KiB")];
    settings.extend(BIG_HISTORY);
    let hub = Fanfare::start_alone(&settings);
    for _ in 0..5 {
        let mut late = hub.subscribe("/events");
        hub.wait_for_subscribers(1);
        publish_at_once(*hub, 8, 100, 4000);
        assert_eq!(hub.ready()["behind"], 1);
        let first = sequence(&late.event());
        for n in 1..800 {
            assert_eq!(sequence(&late.event()), first + n);
        }
        late.leave();
        hub.wait_for_streams(0);
    }
}

/// A link of 600 kbit/s: the kernel takes more for it about once a second.
#[test]
fn one_on_a_slow_link_is_not_cut() {
    const EVENTS: usize = 40;
    let hub = Fanfare::start(&[
        ("FANFARE_QUEUE_EVENTS", "4"),
        ("FANFARE_HISTORY_BYTES", "1GiB"),
        ("FANFARE_PEER_TIMEOUT", "12s"),
    ]);
    let mut slow = hub.subscribe("/events");
    SockRef::from(&slow.connection.socket).set_recv_buffer_size(8 * 1024).unwrap();
    hub.wait_for_subscribers(1);
    for n in 0..EVENTS {
        hub.publish("", &numbered(n, 20_000));
    }
    assert_eq!(hub.ready()["behind"], 1);
    let mut due = Instant::now();
    for n in 0..EVENTS {
        assert_eq!(number(&slow.event().data), n);
        due += Duration::from_millis(20_000 * 8 / 600);
        dawdle(due.saturating_duration_since(Instant::now()));
    }
    hub.wait_for_subscribers(1);
    assert_eq!(hub.ready()["ended"]["slow"], 0);
}

#[test]
fn one_that_has_lost_everything_is_told_once() {
    let hub = Fanfare::start_alone(&[
        ("FANFARE_QUEUE_EVENTS", "20"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_HISTORY_EVENTS", "0"),
    ]);
    let mut late = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    let (published, _) = publish_until(*hub, 0, 4000, |ready| ready["behind"] == 1);
    let mut seen = 0;
    let gap = loop {
        let event = late.event();
        if event.kind == "gap" {
            break event.json();
        }
        seen += 1;
    };
    assert!(seen < published, "nothing was lost, so that nothing was tested");
    assert_eq!((&gap["reason"], &gap["from"]), (&"trimmed".into(), &serde_json::Value::Null));
    hub.wait_for_subscribers(1);
    hub.publish("", "\"after\"");
    assert_eq!(late.event().data, "\"after\"");
}

#[test]
fn one_that_is_overtaken_by_retention_is_told() {
    let hub = Fanfare::start_alone(&[
        ("FANFARE_QUEUE_EVENTS", "50"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_HISTORY_EVENTS", "20"),
    ]);
    let mut late = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    let (mut published, _) = publish_until(*hub, 0, 4000, |ready| ready["behind"] == 1);
    for _ in 0..40 {
        hub.publish("", &numbered(published, 4000));
        published += 1;
    }
    let mut expected = 0;
    let mut gaps = 0;
    while expected < published {
        let event = late.event();
        if event.kind == "gap" {
            let gap = event.json();
            assert_eq!(gap["reason"], "trimmed");
            assert!(gap["asked"].as_str().unwrap().ends_with(&format!("-{expected}")), "{gap}");
            let from = gap["from"].as_str().unwrap().rsplit('-').next().unwrap();
            expected = from.parse::<usize>().unwrap() - 1;
            gaps += 1;
        } else {
            assert_eq!(number(&event.data), expected);
            expected += 1;
        }
    }
    assert!(gaps > 0, "nothing was lost, so that nothing was tested");
}

#[test]
fn a_burst_never_cuts_one_that_reads() {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 1500;
    let mut settings = vec![("FANFARE_QUEUE_EVENTS", "20"), ("RUST_LOG", QUIET)];
    settings.extend(BIG_HISTORY);
    let hub = Fanfare::start_alone(&settings);
    let mut streams: Vec<Stream> = (0..20).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(20);
    let address = *hub;
    thread::scope(|scope| {
        scope.spawn(move || publish_at_once(address, PUBLISHERS, EACH, 200));
        for stream in &mut streams {
            scope.spawn(move || {
                for n in 1..=PUBLISHERS * EACH {
                    let event = stream.event();
                    assert_eq!(sequence(&event), n as u64, "{}", event.kind);
                }
            });
        }
    });
    assert_eq!(hub.ready()["ended"]["slow"], 0);
    hub.wait_for_subscribers(20);
}

#[test]
fn an_event_larger_than_the_queue_is_delivered() {
    let hub = Fanfare::start(&[("FANFARE_QUEUE_BYTES", "1KiB")]);
    let mut stream = hub.subscribe("/events");
    for n in 0..5 {
        hub.publish("", &numbered(n, 200_000));
        assert_eq!(number(&stream.event().data), n);
    }
}
