use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use crate::support::{Connection, Fanfare, Hub, Stream, get, request, run_to_end, with_open_files};

/// Whose address counts behind a proxy.
mod client_address;
/// How often.
mod rates;
/// The same for the subjects of tokens.
mod subjects;

const TWO_WORKERS: (&str, &str) = ("FANFARE_WORKERS", "2");

const ACCEPT: (&str, &str) = ("Accept", "text/event-stream");

fn assert_turned_away(hub: &Fanfare, code: &str) {
    let answer = get(hub.0, "/events");
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (503, &code.into()));
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
    assert_eq!(answer.header("connection"), Some("close"));

    let answer = request(hub.0, "GET", "/events", &[ACCEPT], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let text = answer.text();
    let retry = text.strip_prefix("retry: ").and_then(|rest| rest.strip_suffix('\n'));
    let retry: u64 = retry.unwrap_or_else(|| panic!("{text:?}")).parse().unwrap();
    assert!((30_000..60_000).contains(&retry), "{retry}");
    assert_eq!(answer.header("connection"), Some("close"), "its socket has to be free again");
}

#[test]
fn a_full_hub_turns_streams_away_and_does_everything_else() {
    let hub = Fanfare::start(&[("FANFARE_MAX_SUBSCRIBERS", "2")]);
    hub.wait_for_log("at most 2 streams");
    let mut first = hub.subscribe("/events");
    let second = hub.subscribe("/events");
    hub.wait_for_subscribers(2);
    assert_turned_away(&hub, "full");
    assert_eq!(get(hub.0, "/health/ready").status, 200);
    assert_eq!(get(hub.0, "/").status, 200);
    assert_eq!(hub.publish("", "1")["subscribers"], 2);
    assert_eq!(first.event().data, "1");
    // A place is free again as soon as one leaves.
    second.leave();
    hub.wait_for_streams(1);
    let mut third = hub.subscribe("/events");
    hub.publish("", "2");
    assert_eq!(third.event().data, "2");
}

/// A connection from one of this machine's other addresses.
fn connect_from(from: IpAddr, to: SocketAddr) -> Connection {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    Connection::over(socket.into())
}

#[test]
fn one_address_can_be_kept_from_taking_all_places() {
    let hub = Fanfare::start(&[("FANFARE_MAX_PER_ADDRESS", "2")]);
    let first = hub.subscribe("/events");
    let _second = hub.subscribe("/events");
    assert_turned_away(&hub, "address_full");
    let status_from_elsewhere = || {
        let mut other = connect_from("127.0.0.2".parse().unwrap(), hub.0);
        other.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
        other.read_head().status
    };
    assert_eq!(status_from_elsewhere(), 200);
    first.leave();
    hub.wait_for_streams(1);
    hub.subscribe("/events");
}

#[test]
fn an_address_is_the_same_one_over_both_protocols() {
    let settings = [("FANFARE_HOST", "::"), ("FANFARE_MAX_PER_ADDRESS", "1")];
    let hub = Fanfare::start(&settings);
    // Seen by a listener of IPv6, they are ::ffff:127.0.0.1 and ::ffff:127.0.0.2.
    let _first = hub.subscribe("/events");
    assert_turned_away(&hub, "address_full");
    let mut other = connect_from("127.0.0.2".parse().unwrap(), hub.0);
    other.send("GET /events?who=other HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(other.read_head().status, 200);
    let line = hub.wait_for_log("who=other");
    assert!(line.contains(" 127.0.0.2 GET"), "{line}");
}

#[test]
fn no_limit_per_address_is_the_default() {
    let hub = Fanfare::start(&[]);
    let streams: Vec<Stream> = (0..200).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(streams.len());
}

#[test]
fn the_limit_comes_from_the_open_files_and_leaves_some_for_everyone_else() {
    let hub = Fanfare::start_through(with_open_files(600), &[TWO_WORKERS]);
    hub.wait_for_log("at most 80 streams");
    let streams: Vec<Stream> = (0..80).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(80);
    assert_turned_away(&hub, "full");
    // Idle publishers and health checks have files of their own.
    let idle: Vec<Connection> = (0..300).map(|_| Connection::open(hub.0)).collect();
    assert_eq!(get(hub.0, "/health/ready").status, 200);
    assert_eq!(hub.publish("", "1")["subscribers"], streams.len());
    drop(idle);
}

#[test]
fn more_streams_than_open_files_is_refused_at_the_start() {
    let refusal = |files, settings: &[(&str, &str)]| {
        let output = with_open_files(files)
            .arg(env!("CARGO_BIN_EXE_fanfare"))
            .env("PORT", "0")
            .envs(settings.iter().copied())
            .output()
            .unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{log}");
        log
    };
    let log = refusal(600, &[TWO_WORKERS, ("FANFARE_MAX_SUBSCRIBERS", "81")]);
    assert!(log.contains("FANFARE_MAX_SUBSCRIBERS") && log.contains("allows 80"), "{log}");
    let log = refusal(520, &[TWO_WORKERS]);
    assert!(log.contains("open files is 520") && log.contains("above 520"), "{log}");
    // Each worker has some of its own.
    let log = refusal(600, &[("FANFARE_WORKERS", "256")]);
    assert!(log.contains("FANFARE_WORKERS") && log.contains("above 1536"), "{log}");
}

#[test]
fn a_port_that_is_taken_is_said_in_one_line() {
    let hub = Fanfare::start(&[]);
    let port = hub.0.port().to_string();
    let output = run_to_end(&[], &[("PORT", &port), ("FANFARE_HOST", "127.0.0.1")]);
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{log}");
    assert!(errors[0].contains(&format!("127.0.0.1:{port} (FANFARE_HOST, PORT)")), "{log}");
}

#[test]
fn a_head_that_does_not_end_is_refused_in_time() {
    let hub = Fanfare::start(&[("FANFARE_HEADER_TIMEOUT", "1s"), ("FANFARE_WORKERS", "1")]);
    for sent in ["", "GET /ev", "GET /events HTTP/1.1\r\nHost: x\r\nX-Half: "] {
        let begun = Instant::now();
        let mut connection = Connection::open(hub.0);
        connection.send(sent);
        let answer = String::from_utf8(connection.read_to_end()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{sent:?}: {answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{sent:?}: {:?}", begun.elapsed());
    }
    assert_eq!(get(hub.0, "/health/ready").status, 200);
}

/// Asks for a hundred templates, all different, that fit a topic of letters up to its end, in as
/// many ways as there are; and for all that is kept.
fn ask_for_hostile_templates(hub: Hub, expressions: usize, first: usize) -> (Connection, u16) {
    let selector = |number| format!("topic={}{number}", "{%2Ba}a".repeat(expressions));
    let selectors: Vec<String> = (first..first + 100).map(selector).collect();
    let head = format!("GET /events?lastEventID=earliest&{} HTTP/1.1", selectors.join("&"));
    let mut connection = Connection::open(hub.0);
    connection.send(format!("{head}\r\nHost: x\r\n\r\n"));
    let status = connection.read_head().status;
    (connection, status)
}

#[test]
fn hostile_templates_do_not_slow_publishers() {
    let hub = Fanfare::start_alone(&[("FANFARE_WORKERS", "1")]);
    let _hostile = [10, 100].map(|expressions| ask_for_hostile_templates(*hub, expressions, 0));
    let mut stream = hub.subscribe("/events?topic=a{/x}");
    let topic = "a".repeat(200);
    let begun = Instant::now();
    for _ in 0..100 {
        hub.publish(&format!("?topic={topic}"), "1");
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "100 events took {took:?}");
    hub.publish("?topic=a/1", "2");
    assert_eq!(stream.event().data, "2");
}

#[test]
fn templates_with_more_expressions_than_anyone_needs_are_refused() {
    let hub = Fanfare::start(&[]);
    assert_eq!(ask_for_hostile_templates(*hub, 10, 0).1, 200);
    assert_eq!(ask_for_hostile_templates(*hub, 11, 0).1, 400);
    let answer = get(hub.0, &format!("/events?topic={}", "{a*}".repeat(11)));
    let error = &answer.json()["error"];
    assert_eq!((answer.status, &error["code"]), (400, &"invalid_parameter".into()));
    assert_eq!(error["message"], "`topic` is a template with more than 10 expressions");
}

/// Asks for the hub's health again and again until the work is done. Returns how long the work
/// took, and the longest wait for an answer.
fn longest_wait_during(hub: Hub, work: impl FnOnce() + Send) -> (Duration, Duration) {
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    std::thread::scope(|scope| {
        let work = scope.spawn(work);
        while !work.is_finished() {
            let asked = Instant::now();
            assert_eq!(get(hub.0, "/health/live").status, 200);
            longest = longest.max(asked.elapsed());
        }
    });
    (begun.elapsed(), longest)
}

/// The topic of 4 KiB that takes a template longest.
fn dear_topic() -> String {
    "a".repeat(4096)
}

#[test]
fn an_event_that_is_dear_to_match_leaves_the_thread_to_others() {
    let hub = Fanfare::start_alone(&[("FANFARE_WORKERS", "1")]);
    let _hostile: Vec<_> =
        (0..10).map(|stream| ask_for_hostile_templates(*hub, 10, stream * 100)).collect();
    hub.wait_for_subscribers(10);
    let publish = || drop(hub.publish(&format!("?topic={}", dear_topic()), "1"));
    let (took, longest) = longest_wait_during(*hub, publish);
    assert!(longest < took / 2, "an answer took {longest:?}, the event {took:?}");
}

#[test]
fn a_replay_that_is_dear_to_match_leaves_the_thread_to_others() {
    let hub = Fanfare::start_alone(&[("FANFARE_WORKERS", "1")]);
    for _ in 0..20 {
        hub.publish(&format!("?topic={}", dear_topic()), "1");
    }
    let replay = || {
        let _hostile = ask_for_hostile_templates(*hub, 10, 0);
        hub.wait_for_subscribers(1);
    };
    let (took, longest) = longest_wait_during(*hub, replay);
    assert!(longest < took / 2, "an answer took {longest:?}, the replay {took:?}");
}
