use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use super::frames::{Client, DATA, GOAWAY, HEADERS, RST_STREAM, WINDOW_UPDATE};
use crate::support::{Fanfare, QUIET, dawdle, get, wait_until, with_open_files};

const CANCEL: u32 = 8;
const REFUSED_STREAM: u32 = 7;
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn start(settings: &[(&str, &str)]) -> Fanfare {
    Fanfare::start(&[&[("FANFARE_H2C", "on")], settings].concat())
}

#[test]
fn an_answer_that_is_not_read_is_reset_in_time_and_its_connection_closed() {
    let hub = start(&[("FANFARE_PEER_TIMEOUT", "2s"), ("FANFARE_KEEP_ALIVE", "1s")]);
    let mut client = Client::open(*hub, 0);
    client.ask(1, "GET /static/fanfare.js", &[], true);
    assert_eq!(client.until(HEADERS).stream, 1);
    assert_eq!(client.until(RST_STREAM).number(), CANCEL);
    client.until(GOAWAY);
    while client.frame().is_some() {}
}

#[test]
fn a_stream_whose_client_takes_nothing_is_gone_in_time() {
    let hub = start(&[("FANFARE_PEER_TIMEOUT", "2s")]);
    let mut client = Client::open(*hub, 0);
    client.ask(1, "GET /events", &[], true);
    assert_eq!(client.until(HEADERS).stream, 1);
    assert_eq!(hub.ready()["streams"], 1);
    assert_eq!(client.until(RST_STREAM).number(), CANCEL);
    hub.wait_for_streams(0);
    assert_eq!(hub.ready()["ended"]["slow"], 1);
}

#[test]
fn a_stream_that_has_to_end_does_also_where_its_client_takes_it_byte_by_byte() {
    let hub = start(&[("FANFARE_MAX_AGE", "1s"), ("FANFARE_PEER_TIMEOUT", "1h")]);
    let mut client = Client::open(*hub, 0);
    client.ask(1, "GET /events", &[], true);
    client.trickle(1);
    assert_eq!(client.until(RST_STREAM).number(), CANCEL);
    hub.wait_for_streams(0);
    assert_eq!(hub.ready()["ended"]["aged"], 1);
}

/// As behind a proxy: all that it sends shares one window.
#[test]
fn a_body_that_nobody_reads_takes_no_room_from_other_requests() {
    let hub = start(&[]);
    let mut client = Client::open(*hub, 65_535);
    client.ask(1, "GET /events", &[], false);
    for _ in 0..4 {
        client.send(DATA, 0, 1, &[b'x'; 16_000]);
    }
    let mut room = 65_535 - 4 * 16_000;
    while room < 60_000 {
        let update = client.until(WINDOW_UPDATE);
        if update.stream == 0 {
            room += update.number();
        }
    }
    client.ask(3, "POST /send-event", &JSON, false);
    client.send(DATA, 1, 3, b"12");
    while client.until(HEADERS).stream != 3 {}
    assert_eq!(hub.ready()["streams"], 1);
}

#[test]
fn who_goes_on_asking_when_told_to_go_is_refused_and_closed() {
    let hub = start(&[("FANFARE_KEEP_ALIVE", "1s"), ("FANFARE_HEADER_TIMEOUT", "4s")]);
    let mut client = Client::open(*hub, 65_535);
    client.until(GOAWAY);
    let told = Instant::now();
    let mut asking = Client { socket: client.socket.try_clone().unwrap() };
    std::thread::spawn(move || {
        let asked = |stream: &u32| asking.ask(*stream, "GET /health/live", &[], true);
        (1..).step_by(2).take_while(asked).for_each(|_| dawdle(Duration::from_millis(100)));
    });
    let frames: Vec<_> = std::iter::from_fn(|| client.frame()).collect();
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    assert!(frames.iter().any(|frame| frame.kind == HEADERS), "what crossed it is answered");
    let refused = frames.iter().find(|frame| frame.kind == RST_STREAM);
    assert!(refused.is_none_or(|frame| frame.number() == REFUSED_STREAM));
}

/// Whatever they have got to.
#[test]
fn connections_that_go_on_with_nothing_keep_nobody_out() {
    let settings = [
        ("FANFARE_H2C", "on"),
        ("FANFARE_WORKERS", "2"),
        ("FANFARE_MAX_SUBSCRIBERS", "10"),
        ("FANFARE_HEADER_TIMEOUT", "1h"),
        ("FANFARE_BODY_TIMEOUT", "1h"),
        ("FANFARE_PEER_TIMEOUT", "1h"),
        ("RUST_LOG", QUIET),
    ];
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let begin: [fn(&mut Client) -> bool; 3] = [
        |_| true,
        |client| client.ask(1, "GET /static/fanfare.js", &[], true),
        |client| client.ask(1, "POST /send-event", &JSON, false),
    ];
    for begin in begin {
        let hub = Fanfare::start_through(with_open_files(600), &settings);
        let connect = |_| {
            let mut client = Client::open(*hub, 0);
            begin(&mut client);
            client
        };
        let _open: Vec<_> = (0..1000).map(connect).collect();
        let took = Instant::now();
        assert_eq!(get(hub.0, "/health/live").status, 200);
        assert!(took.elapsed() < Duration::from_secs(10), "{:?}", took.elapsed());
    }
    // Nor those that stop within what they begin with.
    let hub = Fanfare::start_through(with_open_files(600), &settings);
    let connect = |_| {
        let mut socket = std::net::TcpStream::connect(hub.0).unwrap();
        let _ = socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0");
        socket
    };
    let _open: Vec<_> = (0..1000).map(connect).collect();
    wait_until("it answers", || get(hub.0, "/health/live").status == 200);
}

#[test]
fn a_head_of_a_request_is_bounded_and_not_kept_as_long_as_its_stream() {
    const STREAMS: u32 = 500;
    let value = "x".repeat(14_000);
    // What the process holds for each stream, in bytes.
    let held = |headers: &[(&str, &str)]| {
        let hub = start(&[("FANFARE_WORKERS", "1"), ("RUST_LOG", QUIET)]);
        let before = memory(&hub);
        let mut client = Client::open(*hub, 65_535);
        client.send(WINDOW_UPDATE, 0, 0, &1_000_000_u32.to_be_bytes());
        for n in 0..STREAMS {
            client.ask(2 * n + 1, "GET /events", headers, true);
            client.until(DATA);
        }
        hub.wait_for_subscribers(STREAMS as usize);
        (memory(&hub) - before) / u64::from(STREAMS)
    };
    let (small, large) = (held(&[]), held(&[("x-large", &value)]));
    assert!(large < small + 7_000, "{small} and {large}");

    let hub = start(&[]);
    let status = |length: usize| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--http2-prior-knowledge", "--write-out", "%{http_code}"]);
        curl.arg("--header").arg(format!("X-Large: {}", "x".repeat(length)));
        let output = curl.arg(format!("{}/static/", hub.url())).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(status(15_000).ends_with("404"));
    assert!(status(17_000).ends_with("431"));
}

/// What a hub has in memory.
fn memory(hub: &Fanfare) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", hub.pid())).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
