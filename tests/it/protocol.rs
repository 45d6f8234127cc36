use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    time::{Duration, Instant},
};

use crate::support::{Connection, Fanfare, dawdle, get, wait_until};

/// One worker: whatever hangs it, hangs all.
const ONE_WORKER: (&str, &str) = ("FANFARE_WORKERS", "1");

const POST: &str = "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

#[test]
fn an_http_1_0_client_gets_a_stream_that_ends_with_the_connection() {
    let mut hub = Fanfare::start(&[ONE_WORKER]);
    let mut connection = Connection::open(hub.0);
    connection.send("GET /events HTTP/1.0\r\n\r\n");
    let head = connection.read_head();
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    assert_eq!(head.header("content-length"), None);
    assert!(connection.read_until("\n\n").starts_with(b"data: {\"id\":\""));
    hub.wait_for_subscribers(1);
    hub.publish("", "1");
    assert!(connection.read_until("\n\n").ends_with(b"\ndata: 1\n\n"));
    hub.signal("TERM");
    assert!(connection.read_to_end().starts_with(b"retry: "));
    assert_eq!(hub.wait().code(), Some(0));

    let hub = Fanfare::start_another(&[]);
    let mut connection = Connection::open(hub.0);
    connection.send("GET /health/live HTTP/1.0\r\n\r\n");
    assert!(connection.read_to_end().ends_with(b"\"live\"}"));
}

#[test]
fn pipelined_requests_are_answered_in_their_order_and_a_stream_may_be_the_last() {
    let hub = Fanfare::start(&[ONE_WORKER]);
    let mut connection = Connection::open(hub.0);
    let posts: String = (1..=5).map(|n| format!("{POST}Content-Length: 1\r\n\r\n{n}")).collect();
    connection.send(posts + "GET /events?lastEventId=earliest HTTP/1.1\r\nHost: x\r\n\r\n");
    for n in 1..=5 {
        let id = connection.read_response().json()["id"].as_str().unwrap().to_owned();
        assert!(id.ends_with(&format!("-{n}")), "{id}");
    }
    assert_eq!(connection.read_head().header("content-type"), Some("text/event-stream"));
    assert!(connection.read_chunk().unwrap().starts_with(b"data: {\"id\":\""));
    for n in 1..=5 {
        let chunk = String::from_utf8(connection.read_chunk().unwrap()).unwrap();
        assert!(chunk.ends_with(&format!("\ndata: {n}\n\n")), "{chunk:?}");
    }
    hub.wait_for_subscribers(1);
    hub.publish("", "6");
    assert!(connection.read_chunk().unwrap().ends_with(b"\ndata: 6\n\n"));
}

#[test]
fn chunked_bodies_and_expectations_are_understood() {
    let hub = Fanfare::start(&[ONE_WORKER]);
    let mut stream = hub.subscribe("/events");
    let mut connection = Connection::open(hub.0);
    connection.send(format!("{POST}Transfer-Encoding: chunked\r\n\r\n3\r\n{{\"a\r\n"));
    connection.send("4;x=y\r\n\":1}\r\n0\r\nTrailer: x\r\n\r\n");
    assert_eq!(connection.read_response().json()["subscribers"], 1);
    assert_eq!(stream.event().data, r#"{"a":1}"#);

    connection.send(format!("{POST}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
    assert_eq!(connection.read_head().status, 100);
    connection.send("7");
    assert_eq!(connection.read_response().status, 200);
    assert_eq!(stream.event().data, "7");
}

#[test]
fn a_body_that_breaks_off_publishes_nothing_and_hangs_nobody() {
    let hub = Fanfare::start(&[ONE_WORKER, ("FANFARE_BODY_TIMEOUT", "300ms")]);
    let mut stream = hub.subscribe("/events");
    let half = format!("{POST}Content-Length: 10\r\n\r\n[1,2]");
    let chunked = format!("{POST}Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n");

    // Stalled: refused when its time is over.
    for body in [&half, &chunked] {
        let mut connection = Connection::open(hub.0);
        connection.send(body);
        let answer = connection.read_response();
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (408, &"body_timeout".into()));
        assert!(connection.read_to_end().is_empty(), "the connection is closed");
    }
    // Gone, or only its sending half.
    for how in [Shutdown::Both, Shutdown::Write] {
        for body in [&half, &chunked] {
            let mut connection = Connection::open(hub.0);
            connection.send(body);
            connection.socket.shutdown(how).unwrap();
            let answer = String::from_utf8(connection.read_to_end()).unwrap();
            assert!(!answer.contains("200 OK"), "{answer}");
        }
    }
    hub.publish("", "\"whole\"");
    assert_eq!(stream.event().data, "\"whole\"");
}

#[test]
fn a_body_that_nobody_reads_does_not_hold_its_connection() {
    let hub = Fanfare::start(&[ONE_WORKER, ("FANFARE_MAX_BODY", "10B")]);
    let text = "Content-Type: text/plain\r\n";
    let json = "Content-Type: application/json\r\n";
    let preflight = "Origin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n";
    for (request, headers, status) in [
        ("POST /nowhere", json, 404),
        ("PUT /send-event", json, 405),
        ("POST /events", json, 405),
        ("POST /send-event", text, 415),
        ("POST /send-event?id=", json, 400),
        ("GET /health/live", "", 200),
        ("OPTIONS /send-event", preflight, 204),
    ] {
        // Neither ends: the client pauses for good.
        for body in ["Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n", "Content-Length: 9\r\n\r\n1"] {
            let mut connection = Connection::open(hub.0);
            connection.send(format!("{request} HTTP/1.1\r\nHost: x\r\n{headers}{body}"));
            let begun = Instant::now();
            let answer = connection.read_response();
            assert_eq!(answer.status, status, "{request} {body:?}");
            assert_eq!(answer.header("connection"), Some("close"), "{request} {body:?}");
            assert!(connection.read_to_end().is_empty());
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(4), "{request} {body:?}: after {took:?}");
        }
    }
    // One that is read whole and wrong keeps its connection.
    let mut connection = Connection::open(hub.0);
    connection.send(format!("{POST}Content-Length: 1\r\n\r\n]"));
    assert_eq!(connection.read_response().status, 400);
    connection.send(format!("{POST}Content-Length: 1\r\n\r\n1"));
    assert_eq!(connection.read_response().status, 200);
}

#[test]
fn a_request_that_stops_half_way_does_not_hold_its_connection_for_ever() {
    let hub = Fanfare::start(&[("FANFARE_KEEP_ALIVE", "1s"), ("FANFARE_BODY_TIMEOUT", "1s")]);
    let mut idle = Connection::open(hub.0);
    let mut second_head = Connection::open(hub.0);
    for connection in [&mut idle, &mut second_head] {
        connection.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(connection.read_response().status, 200);
    }
    second_head.send("GET /health/live HTTP/1.1\r\nHos");
    assert!(idle.read_to_end().is_empty());
    assert!(second_head.read_to_end().is_empty());
}

#[test]
fn what_trickles_in_between_two_requests_has_to_come_to_an_end() {
    let hub = Fanfare::start(&[("FANFARE_HEADER_TIMEOUT", "1s")]);
    // A second head that does not end, and a body that was refused and goes on.
    let second_head = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let refused = "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
    for (begin, status) in [(second_head, 200), (refused, 404)] {
        let mut connection = Connection::open(hub.0);
        connection.send(begin);
        assert_eq!(connection.read_response().status, status);
        let begun = Instant::now();
        connection.socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        wait_until("it is closed", || {
            let sent = connection.socket.write_all(b"x");
            let mut piece = [0; 100];
            sent.is_err() || matches!(connection.socket.read(&mut piece), Ok(0))
        });
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(3), "{begin:.20?} is let go after {took:?}");
    }
    // One that is merely idle, or whose requests are whole, is left alone.
    let mut connection = Connection::open(hub.0);
    for _ in 0..5 {
        connection.send(second_head);
        assert_eq!(connection.read_response().status, 200);
        dawdle(Duration::from_millis(500));
    }
}

#[test]
fn a_client_that_half_closes_gets_its_answer() {
    let hub = Fanfare::start(&[ONE_WORKER]);
    let mut stream = hub.subscribe("/events");
    let mut connection = Connection::open(hub.0);
    connection.send(format!("{POST}Content-Length: 1\r\n\r\n1"));
    connection.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(connection.read_response().json()["subscribers"], 1);
    assert_eq!(stream.event().data, "1");
}

#[test]
fn a_connection_goes_on_after_its_stream_has_ended() {
    let hub = Fanfare::start(&[("FANFARE_MAX_AGE", "500ms"), ("FANFARE_DIRECT_WRITE", "off")]);
    let mut stream = hub.subscribe("/events");
    assert_eq!(stream.rest(), "");
    stream.connection.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(stream.connection.read_response().status, 200);
}

#[test]
fn what_is_no_http_is_refused_and_hangs_nobody() {
    let hub = Fanfare::start(&[ONE_WORKER]);
    let mut stream = hub.subscribe("/events");
    let json = "Content-Type: application/json\r\n";
    let bomb = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Bomb: {}\r\n\r\n", "x".repeat(200_000));
    let many: String = (0..200).map(|n| format!("X-{n}: x\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    for (sent, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), "400"),
        ("GET /\x01 HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (format!("{POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n11"), "400"),
        (format!("{POST}Content-Length: -1\r\n\r\n1"), "400"),
        (format!("{POST}Content-Length: 1x\r\n\r\n1"), "400"),
        (format!("{POST}Transfer-Encoding: gzip\r\n\r\n1"), "400"),
        (format!("{POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n1\r\n0\r\n\r\n"), "400"),
        (format!("POST /send-event HTTP/1.1\r\n{json}Content-Length : 1\r\n\r\n1"), "400"),
        (bomb, "431"),
        (many, "4"),
    ] {
        let mut connection = Connection::open(hub.0);
        connection.send(&sent);
        // The hub may have closed it already.
        let _ = connection.socket.shutdown(Shutdown::Write);
        let answer = String::from_utf8_lossy(&connection.read_to_end()).into_owned();
        let expected = format!("HTTP/1.1 {status}");
        assert!(answer.is_empty() || answer.starts_with(&expected), "{sent:.60?}: {answer:.200}");
        assert_eq!(get(hub.0, "/health/live").status, 200, "after {sent:.60?}");
    }
    hub.publish("", "\"right\"");
    assert_eq!(stream.event().data, "\"right\"");
}

#[test]
fn what_a_client_sends_into_its_stream_is_thrown_away_up_to_a_limit() {
    let hub = Fanfare::start(&[ONE_WORKER]);
    let mut stream = hub.subscribe("/events");
    stream.connection.send("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000));
    hub.publish("", "1");
    assert_eq!(stream.event().data, "1");
    hub.wait_for_streams(1);
    let nonsense = vec![b'x'; 100_000];
    // The hub may close while it is still being sent.
    let _ = stream.connection.socket.write_all(&nonsense);
    hub.wait_for_streams(0);
    assert!(!hub.log().contains("/nowhere"), "it is not read as requests");
}
