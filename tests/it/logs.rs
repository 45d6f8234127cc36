use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Command, Stdio},
};

use crate::support::{Connection, Fanfare, Folder, Stream, get, post_json};

#[test]
fn there_is_one_line_a_request_and_its_secrets_are_left_out() {
    let hub = Fanfare::start(&[]);
    post_json(hub.0, "/send-event?topic=a%0Ab&token=SECRET1&Authorization=SECRET2", "\"SECRET3\"");
    get(hub.0, "/nowhere?access_token=SECRET4");
    let line = hub.wait_for_log("/nowhere");
    assert!(line.contains("127.0.0.1 GET /nowhere?access_token=*** 404"), "{line}");
    let line = hub.wait_for_log("/send-event");
    let expected = "POST /send-event?topic=a%0Ab&token=***&Authorization=*** 200";
    assert!(line.contains(expected), "{line}");
    assert!(!hub.log().contains("SECRET"), "{}", hub.log());
    assert_eq!(hub.log().matches("/send-event").count(), 1);
}

#[test]
fn a_stream_that_ends_says_who_why_and_how_much() {
    let hub = Fanfare::start(&[]);
    let mut stream = Stream::open(hub.0, "/events", &[]);
    let id = stream.greeting();
    hub.publish("", "1");
    let bytes = format!("data: {{\"id\":\"{id}\"}}\n\n").len() + stream.chunk().unwrap().len();
    stream.leave();
    let line = hub.wait_for_log(&id);
    assert!(line.contains(" of 127.0.0.1 ended: left, after "), "{line}");
    assert!(line.ends_with(&format!(" 1 events, {bytes} bytes")), "{line}");
}

#[test]
fn a_long_target_is_cut() {
    let hub = Fanfare::start(&[]);
    get(hub.0, &format!("/nowhere?token={}&{}", "SECRET".repeat(200), "x".repeat(2000)));
    let line = hub.wait_for_log("/nowhere");
    assert!(line.contains("token=***&xx") && line.contains("xx... 404"), "{line}");
    assert!(line.len() < 1200, "{} bytes", line.len());
}

#[test]
fn what_is_no_http_has_a_line_too() {
    let hub = Fanfare::start(&[("FANFARE_HEADER_TIMEOUT", "1s"), ("RUST_LOG", "fanfare=debug")]);
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    for (sent, says) in
        [("nonsense\r\n\r\n", " no HTTP, 400"), (&large, "too large, 431"), ("GE", "408")]
    {
        let mut connection = Connection::open(hub.0);
        let _ = std::io::Write::write_all(&mut connection.socket, sent.as_bytes());
        let line = hub.wait_for_log(says);
        assert!(line.contains("127.0.0.1"), "{line}");
    }
}

/// Its stderr is a pipe, and whoever should read it does not: a full pipe blocks who writes.
#[test]
fn a_log_that_nobody_reads_holds_up_nobody_and_says_later_what_is_missing() {
    let folder = Folder::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .envs([("PORT", "0"), ("FANFARE_HOST", "127.0.0.1"), ("RUST_LOG", "debug")])
        .env("FANFARE_WORKERS", "1")
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Events service started at") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0);
    }
    let address = line.trim_end().rsplit("http://").next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    // More than a pipe and the hub's own queue hold together.
    let target = format!("/send-event?note={}", "x".repeat(900));
    let mut connection = Connection::open(address);
    for n in 0..8000 {
        connection.send(format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: 1\r\n\r\n1"
        ));
        assert_eq!(connection.read_response().status, 200, "publication {n}");
    }
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        log.read_to_string(&mut rest).unwrap();
        rest
    });
    let stop = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
    assert!(stop.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let rest = reader.join().unwrap();
    let dropped = rest.lines().find(|line| line.contains("lines of the log were dropped"));
    let dropped =
        dropped.unwrap_or_else(|| panic!("it says nothing: {}", &rest[rest.len() - 500..]));
    let count = dropped.split(' ').find_map(|word| word.parse::<usize>().ok()).unwrap();
    let written = rest.matches("POST /send-event").count();
    assert!(count > 100 && written > 1000 && count + written >= 8000, "{dropped}; {written}");
    // Other threads may still have something to say after that.
    let end = &rest[rest.len() - 2000..];
    assert!(end.lines().any(|line| line.ends_with("stopped")), "it is flushed at the end: {end}");
}

/// Nobody reads, and nobody ever will: the end comes all the same.
#[test]
fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
    let (_reader, writer) = std::io::pipe().unwrap();
    let folder = Folder::new();
    // As much as a pipe holds.
    let filled = Command::new("head")
        .args(["-c", "65536", "/dev/zero"])
        .stdout(writer.try_clone().unwrap())
        .status();
    assert!(filled.unwrap().success());
    let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .envs([("PORT", "0"), ("FANFARE_HOST", "192.0.2.1")])
        .current_dir(&folder.0)
        .stderr(writer)
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    // The address is not this machine's.
    crate::support::wait_until("it ends", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
}
