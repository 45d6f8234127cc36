use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Shutdown, TcpListener},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use crate::support::{Fanfare, run_to_end};

struct Subscriber {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    fn start(hub: &Fanfare, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .args(["subscribe", "--url", &hub.url()])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it goes on").unwrap()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn publish_prints_the_answer_and_subscribe_the_events() {
    let hub = Fanfare::start(&[]);
    let mut text = Subscriber::start(&hub, &["--topic", "a", "--topic", "/b/{c}"]);
    let mut json = Subscriber::start(&hub, &["--topic", "a", "--format", "json", "--count", "1"]);
    hub.wait_for_subscribers(2);
    let url = hub.url();
    let publish = |arguments: &[&str]| {
        let output = run_to_end(&[&["publish", "--url", &url], arguments].concat(), &[]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let answer = publish(&["--topic", "a", "--type", "t&x", "--id", "ä/1", "{\"n\": 1}"]);
    assert_eq!((&answer["id"], &answer["subscribers"]), (&"ä/1".into(), &2.into()));
    publish(&["--topic", "/b/7", "--retry", "5000", "--text", "two\nlines \"quoted\""]);
    assert_eq!(text.line(), "{\"n\":1}");
    assert_eq!(text.line(), r#""two\nlines \"quoted\"""#);
    assert_eq!(json.line(), r#"{"id":"ä/1","type":"t&x","data":"{\"n\":1}"}"#);
    assert!(json.child.wait().unwrap().success(), "it ends after --count events");
}

#[test]
fn publish_reads_standard_input_and_reports_a_refusal() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events");
    for arguments in [&["publish", "--url"][..], &["publish", "-", "--url"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .args(arguments)
            .arg(hub.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"[ 1 ]").unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(stream.event().data, "[1]");
    }
    let output = run_to_end(&["publish", "--url", &hub.url(), "no json"], &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("invalid_json"), "{error}");
    let output = run_to_end(&["publish", "--url", &hub.url(), "--type", "a\nb", "1"], &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains("`type`"), "{error}");
}

#[test]
fn subscribe_reconnects_and_resumes_over_a_restart() {
    let mut hub = Fanfare::start(&[("FANFARE_MAX_AGE", "1s")]);
    hub.publish("?retry=10", "0");
    let mut subscriber = Subscriber::start(&hub, &["--last-event-id", "earliest"]);
    // The hub ends the stream every second; what is published in between must not be missed.
    for n in 0..300 {
        assert_eq!(subscriber.line(), n.to_string());
        hub.publish("", &(n + 1).to_string());
        if n % 100 == 50 {
            let ended = hub.ready()["ended"]["aged"].as_u64().unwrap();
            crate::support::wait_until("the stream ends of age", || {
                hub.ready()["ended"]["aged"].as_u64().unwrap() > ended
            });
        }
    }
    // Gone, and back on the same port: a new history, and the subscriber is told.
    let port = hub.0.port().to_string();
    assert_eq!(subscriber.line(), "300");
    hub.signal("TERM");
    hub.wait();
    let hub = Fanfare::start_another(&[("PORT", &port)]);
    hub.wait_for_subscribers(1);
    let gap: serde_json::Value = serde_json::from_str(&subscriber.line()).unwrap();
    assert_eq!(gap["reason"], "epoch");
    hub.publish("", "\"after\"");
    assert_eq!(subscriber.line(), "\"after\"");
}

#[test]
fn subscribe_ends_where_trying_again_is_no_use() {
    let hub = Fanfare::start(&[]);
    let url = hub.url();
    let output = run_to_end(&["subscribe", "--url", &url, "--topic", ""], &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("400") && error.contains("`topic`"), "{error}");
}

/// A server that gives this answer to every request, and closes: a header, and a body in one
/// chunk. Returns its address, and when requests came.
fn server(header: &str, body: &str) -> (String, Receiver<Instant>) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\n{header}Transfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (came, times) = channel();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let head = BufReader::new(&socket).lines().map_while(Result::ok);
            assert!(head.take_while(|line| !line.is_empty()).count() > 0);
            // The test may be over.
            let _ = came.send(Instant::now());
            let _ = socket.write_all(answer.as_bytes());
            let _ = socket.shutdown(Shutdown::Write);
        }
    });
    (url, times)
}

#[test]
fn subscribe_waits_a_second_where_it_is_told_to_come_back_at_once() {
    let header = "Content-Type: text/event-stream; charset=utf-8\r\n";
    let (url, times) = server(header, "retry: 0\nid: 1\ndata: 1\n\n");
    let output = run_to_end(&["subscribe", "--url", &url, "--count", "3"], &[]);
    assert!(output.status.success() && output.stdout == b"1\n1\n1\n", "{output:?}");
    let times: Vec<_> = times.try_iter().collect();
    assert_eq!(times.len(), 3);
    for pair in times.windows(2) {
        let waited = pair[1] - pair[0];
        assert!(waited >= Duration::from_millis(990), "{waited:?}");
    }
}

#[test]
fn subscribe_refuses_what_is_no_event_stream() {
    for (header, kind) in [
        ("Content-Type: text/html; charset=utf-8\r\n", "text/html"),
        ("Content-Type: text/event-streams\r\n", "text/event-streams"),
        ("", "no Content-Type"),
    ] {
        let (url, times) = server(header, "id: 1\ndata: 1\n\n");
        let output = run_to_end(&["subscribe", "--url", &url], &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        for part in [&url, kind, "text/event-stream", "--url"] {
            assert!(error.contains(part), "no {part}: {error}");
        }
        assert_eq!((error.lines().count(), times.try_iter().count()), (1, 1), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn what_nobody_reads_is_no_error() {
    let hub = Fanfare::start(&[]);
    let url = hub.url();
    for arguments in [&["publish", "1"][..], &["health"], &["bench", "--duration", "0"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .args(arguments)
            .args(["--url", &url])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}

#[test]
fn the_commands_find_the_hub_where_its_settings_say_it_listens() {
    for (host, address) in
        [("127.0.0.2", "127.0.0.2"), ("::1", "[::1]"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]")]
    {
        let hub = Fanfare::start(&[("FANFARE_HOST", host)]);
        let port = hub.0.port().to_string();
        let settings = [("FANFARE_HOST", host), ("PORT", &*port)];
        for arguments in [&["health"][..], &["publish", "1"], &["bench", "--duration", "0"]] {
            let output = run_to_end(arguments, &settings);
            assert!(output.status.success(), "{host}: {arguments:?}: {output:?}");
        }
        let output = run_to_end(&["subscribe", "--help"], &settings);
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains(&format!("[default: http://{address}:{port}]")), "{help}");
    }
    // What `serve` would refuse is named.
    let output = run_to_end(&["health"], &[("FANFARE_HOST", "nowhere.invalid")]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains("nowhere.invalid"), "{error}");
}

#[test]
fn health_tells_by_its_exit_code() {
    let mut hub = Fanfare::start(&[("FANFARE_DRAIN", "1h")]);
    let port = hub.0.port().to_string();
    let _stream = hub.subscribe("/events");
    let health = || run_to_end(&["health"], &[("PORT", &port)]);
    assert_eq!(health().status.code(), Some(0));
    assert_eq!(run_to_end(&["health", "--url", &hub.url()], &[]).status.code(), Some(0));
    hub.signal("TERM");
    crate::support::wait_until("it drains", || health().status.code() == Some(1));
    let live = run_to_end(&["health", "--live"], &[("PORT", &port)]);
    assert_eq!(live.status.code(), Some(0), "one that drains is alive");
    hub.signal("TERM");
    hub.wait();
    let output = health();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&port));
}

#[test]
fn a_url_that_is_no_hubs_is_refused() {
    for url in ["localhost:3000", "ftp://x", "http://x/?q", ""] {
        let output = run_to_end(&["health", "--url", url], &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("--url") && error.contains("http://localhost:3000"), "{error}");
    }
}
