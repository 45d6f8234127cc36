use crate::support::{Connection, Fanfare, Stream, get, request, wait_until, with_open_files};

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

/// A hub with places for ten streams, and few files for everyone else.
fn small_hub(settings: &[(&str, &str)]) -> Fanfare {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let small = [("FANFARE_WORKERS", "2"), ("FANFARE_MAX_SUBSCRIBERS", "10")];
    Fanfare::start_through(with_open_files(600), &[&small, settings].concat())
}

/// A connection that has had an answer, and waits for its next request.
fn keep_alive(hub: &Fanfare) -> Connection {
    let mut connection = Connection::open(hub.0);
    connection.send(LIVE);
    assert_eq!(connection.read_response().status, 200);
    connection
}

#[test]
fn a_full_hub_that_is_stormed_goes_on_answering_everyone_else() {
    let hub = small_hub(&[]);
    let mut streams: Vec<Stream> = (0..10).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(10);
    let _idle: Vec<Connection> = (0..300).map(|_| keep_alive(&hub)).collect();
    // They keep their sockets, whatever they are answered.
    let browser = |_| {
        let mut browser = Connection::open(hub.0);
        browser.send("GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
        browser
    };
    let browsers: Vec<Connection> = (0..1000).map(browser).collect();
    assert_eq!(get(hub.0, "/health/live").status, 200);
    assert_eq!(hub.publish("", "1")["subscribers"], 10);
    for stream in &mut streams {
        assert_eq!(stream.event().data, "1");
    }
    for mut browser in browsers {
        let answer = browser.read_response();
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(answer.text().starts_with("retry: "), "{}", answer.text());
    }
}

#[test]
fn of_too_many_idle_connections_those_that_waited_longest_are_closed() {
    let hub = small_hub(&[]);
    let _streams: Vec<Stream> = (0..10).map(|_| hub.subscribe("/events")).collect();
    let mut first = keep_alive(&hub);
    let mut idle: Vec<Connection> = Vec::new();
    for n in 0..1000 {
        idle.push(keep_alive(&hub));
        // One of the first that is used now and then.
        if n % 50 == 0 {
            first.send(LIVE);
            assert_eq!(first.read_response().status, 200);
        }
    }
    assert_eq!(get(hub.0, "/health/live").status, 200);
    assert_eq!(hub.ready()["streams"], 10);
    assert!(idle[0].read_to_end().is_empty(), "it is closed without a word");
    for used in [&mut first, &mut idle[999]] {
        used.send(LIVE);
        assert_eq!(used.read_response().status, 200);
    }
}

#[test]
fn connections_that_never_finish_their_requests_keep_nobody_out() {
    for half in [
        "",
        "GET /health/li",
        "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: \
                  application/json\r\nContent-Length: 10\r\n\r\n1",
    ] {
        let hub = small_hub(&[("FANFARE_HEADER_TIMEOUT", "1h"), ("FANFARE_BODY_TIMEOUT", "1h")]);
        let connect = |_| {
            let mut connection = Connection::open(hub.0);
            // It may be closed already.
            let _ = std::io::Write::write_all(&mut connection.socket, half.as_bytes());
            connection
        };
        let _open: Vec<Connection> = (0..1000).map(connect).collect();
        assert_eq!(get(hub.0, "/health/live").status, 200, "after many {half:?}");
        let mut stream = hub.subscribe("/events");
        hub.publish("", "1");
        assert_eq!(stream.event().data, "1");
    }
}

#[test]
fn bodies_that_arrive_at_the_same_time_are_bounded_together() {
    const LENGTH: usize = 16 << 20;
    let hub = Fanfare::start(&[("FANFARE_MAX_BODY", "16MiB")]);
    let json = ("Content-Type", "application/json");
    let body = vec![b'1'; LENGTH];
    let almost = |_| {
        let mut connection = Connection::open(hub.0);
        connection.send(format!(
            "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {LENGTH}\r\n\r\n"
        ));
        connection.send(&body[1..]);
        connection
    };
    let mut open: Vec<Connection> = (0..4).map(almost).collect();
    let publish = || request(hub.0, "POST", "/send-event", &[json], &[b'1'; 1000]);
    wait_until("64 MiB are all that fits", || publish().status == 503);
    let refused = publish();
    assert_eq!(refused.json()["error"]["code"], "busy");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.header("connection"), Some("close"));
    // Those that were let in are not disturbed, and what they took is free again.
    let mut last = open.pop().unwrap();
    last.send("1");
    assert_eq!(last.read_response().status, 200);
    assert_eq!(publish().status, 200);
    drop(open);
    wait_until("there is room for four again", || {
        request(hub.0, "POST", "/send-event", &[json], &body).status == 200
    });
}
