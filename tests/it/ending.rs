use std::{
    io::Read as _,
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use crate::support::{Connection, Fanfare, QUIET, Stream, dawdle, get, post_json, wait_until};

/// The `retry` that a stream ends with, checked.
fn last_retry(rest: &str, range: std::ops::Range<u64>) -> u64 {
    // It may have been silent for long enough.
    let rest = rest.trim_start_matches(":\n");
    let retry = rest.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix('\n'));
    let retry = retry.unwrap_or_else(|| panic!("not one line with a retry: {rest:?}"));
    let retry = retry.parse().expect("milliseconds");
    assert!(range.contains(&retry), "{retry}");
    retry
}

#[test]
fn a_stream_ends_at_its_maximum_age_less_a_fifth_at_the_most() {
    let hub = Fanfare::start_alone(&[("FANFARE_MAX_AGE", "2s")]);
    let begun = Instant::now();
    let streams: Vec<_> = (0..30).map(|_| hub.subscribe("/events")).collect();
    let ends: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            thread::spawn(move || {
                assert_eq!(stream.rest(), "");
                begun.elapsed()
            })
        })
        .collect();
    let mut ends: Vec<_> = ends.into_iter().map(|end| end.join().unwrap()).collect();
    ends.sort_unstable();
    assert!(ends[0] >= Duration::from_millis(1600), "{:?}", ends[0]);
    assert!(ends[29] < Duration::from_millis(2800), "{:?}", ends[29]);
    assert!(ends[29].checked_sub(ends[0]).unwrap() > Duration::from_millis(100), "not all at once");
    hub.wait_for_log("ended: aged");
    wait_until("all are counted", || hub.ready()["ended"]["aged"] == 30);
}

#[test]
fn a_stream_that_replays_ends_at_its_maximum_age_too() {
    let hub = Fanfare::start(&[("FANFARE_MAX_AGE", "1s"), ("FANFARE_MAX_BODY", "1MiB")]);
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    for _ in 0..60 {
        hub.publish("", &large);
    }
    // Reads so slowly that the replay would take longer.
    let mut stream = hub.resume("/events", "earliest");
    let begun = Instant::now();
    let mut whole = 0;
    while stream.next().is_some() {
        whole += 1;
        while begun.elapsed() < Duration::from_millis(1500) {
            thread::yield_now();
        }
    }
    assert!(whole < 60, "it has not ended before the replay was over");
    hub.wait_for_log("ended: aged");
}

#[test]
fn told_to_stop_it_refuses_ends_all_streams_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let mut hub = Fanfare::start(&[]);
        let mut streams: Vec<_> = (0..5).map(|_| hub.subscribe("/events")).collect();
        let event = hub.publish("", "1");
        let begun = Instant::now();
        hub.signal(signal);
        for stream in &mut streams {
            assert_eq!(stream.event().id.as_deref(), event["id"].as_str());
            last_retry(&stream.rest(), 1000..5000);
        }
        assert_eq!(hub.wait().code(), Some(0), "{signal}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{signal}: {:?}", begun.elapsed());
        assert_eq!(hub.log().matches("ended: drained").count(), 5);
    }
}

#[test]
fn while_it_drains_everything_new_is_turned_away_and_a_second_signal_ends_it() {
    let mut hub = Fanfare::start(&[("FANFARE_DRAIN", "1h")]);
    let streams: Vec<_> = (0..10).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(10);
    hub.signal("TERM");
    wait_until("readiness is refused", || get(hub.0, "/health/ready").status == 503);
    assert_eq!(get(hub.0, "/health/ready").json()["error"]["code"], "draining");
    assert_eq!(get(hub.0, "/health/live").status, 200);

    for refused in [post_json(hub.0, "/send-event", "1"), get(hub.0, "/events")] {
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &"draining".into()));
        let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&seconds));
    }
    // A browser never tries again after a 503: it gets a stream that sends it away for a while.
    let accept = ("Accept", "text/event-stream");
    let mut connection = Connection::open(hub.0);
    connection
        .send(format!("GET /events HTTP/1.1\r\nHost: x\r\n{}: {}\r\n\r\n", accept.0, accept.1));
    let answer = connection.read_response();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    last_retry(&answer.text(), 30_000..60_000);

    // They end over an hour: none now, or perhaps the first.
    dawdle(Duration::from_millis(500));
    assert!(hub.log().matches("ended: drained").count() < 2);

    let begun = Instant::now();
    hub.signal("TERM");
    assert_eq!(hub.wait().code(), Some(1));
    assert!(begun.elapsed() < Duration::from_millis(500));
    drop(streams);
}

#[test]
fn a_stalled_stream_does_not_hold_it_up() {
    for direct in ["on", "off"] {
        let settings = [("FANFARE_DIRECT_WRITE", direct), ("FANFARE_SEND_BUFFER", "16KiB")];
        let mut hub = Fanfare::start_alone(&settings);
        let _stalled = hub.subscribe("/events");
        hub.wait_for_subscribers(1);
        let large = format!("\"{}\"", "x".repeat(100_000));
        wait_until("it takes no more", || {
            hub.publish("", &large);
            hub.ready()["behind"] == 1
        });
        let begun = Instant::now();
        hub.signal("TERM");
        assert_eq!(hub.wait().code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[test]
fn streams_that_replay_end_in_waves_too() {
    let hub = Fanfare::start_alone(&[("FANFARE_SEND_BUFFER", "16KiB")]);
    let large = format!("\"{}\"", "x".repeat(50_000));
    for _ in 0..600 {
        hub.publish("", &large);
    }
    let streams: Vec<_> = (0..10).map(|_| hub.resume("/events", "earliest")).collect();
    for stream in &streams {
        SockRef::from(&stream.connection.socket).set_recv_buffer_size(16 * 1024).unwrap();
    }
    let begun = Instant::now();
    hub.signal("TERM");
    let ends = streams.into_iter().map(|mut stream| {
        thread::spawn(move || {
            let mut piece = vec![0; 64 * 1024];
            // At most 6 MB/s: the replay takes five seconds.
            loop {
                let length = stream.connection.socket.read(&mut piece).unwrap();
                assert!(length > 0, "it ends with its last chunk");
                if piece[..length].ends_with(b"\r\n0\r\n\r\n") {
                    return begun.elapsed();
                }
                dawdle(Duration::from_millis(10));
            }
        })
    });
    let ends: Vec<_> = ends.collect();
    let mut ends: Vec<_> = ends.into_iter().map(|end| end.join().unwrap()).collect();
    ends.sort_unstable();
    let spread = ends[9].checked_sub(ends[0]).unwrap();
    assert!(spread > Duration::from_millis(300), "all within {spread:?}: {ends:?}");
}

#[test]
fn streams_end_in_waves() {
    let mut hub = Fanfare::start_alone(&[("FANFARE_DRAIN", "1s")]);
    let streams: Vec<_> = (0..100).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(100);
    let begun = Instant::now();
    hub.signal("TERM");
    let ends: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            thread::spawn(move || {
                let retry = last_retry(&stream.rest(), 1000..5000);
                (begun.elapsed(), retry)
            })
        })
        .collect();
    let mut ends: Vec<_> = ends.into_iter().map(|end| end.join().unwrap()).collect();
    ends.sort_unstable();
    let quarter = |n: usize| ends[n * 25].0;
    for n in 0..3 {
        let gap = quarter(n + 1).checked_sub(quarter(n)).unwrap();
        assert!(gap > Duration::from_millis(50), "a quarter of them ends within {gap:?}");
    }
    let mut retries: Vec<_> = ends.iter().map(|end| end.1).collect();
    retries.sort_unstable();
    retries.dedup();
    assert!(retries.len() > 50, "the retry is jittered");
    assert_eq!(hub.wait().code(), Some(0));
}

#[test]
fn open_requests_and_idle_connections_do_not_hold_it_up() {
    let mut hub = Fanfare::start(&[("FANFARE_DRAIN", "100ms")]);
    let mut idle = Connection::open(hub.0);
    idle.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.read_response();
    let mut half = Connection::open(hub.0);
    half.send(
        "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{",
    );
    let _unsent = Connection::open(hub.0);
    let begun = Instant::now();
    hub.signal("TERM");
    assert_eq!(hub.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn ten_thousand_streams_end_in_under_two_seconds() {
    let mut hub = Fanfare::start_alone(&[("RUST_LOG", QUIET)]);
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let streams: Vec<Stream> = (0..10_000).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(10_000);
    let begun = Instant::now();
    hub.signal("TERM");
    assert_eq!(hub.wait().code(), Some(0));
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    for mut stream in streams {
        last_retry(&stream.rest(), 1000..5000);
    }
}
