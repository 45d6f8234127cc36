mod take_over;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    Connection, Fanfare, Folder, Response, get, post_json, request, run_to_end, wait_until,
};

const ADMIN: (&str, &str) = ("FANFARE_ADMIN_TOKEN", "the-operators-token");

fn drain(hub: &Fanfare, method: &str, query: &str, token: &str) -> Response {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer)];
    request(hub.0, method, &format!("/admin/drain{query}"), &headers, b"")
}

/// The milliseconds of the `retry` that a stream ends with.
fn retry_of(rest: &str) -> u64 {
    let retry = rest.rsplit_once("retry: ").and_then(|(_, rest)| rest.strip_suffix('\n'));
    retry.and_then(|retry| retry.parse().ok()).unwrap_or_else(|| panic!("no retry: {rest:?}"))
}

/// When a browser is told to come back that asks for a stream now.
fn sent_away(hub: &Fanfare) -> u64 {
    let mut connection = Connection::open(hub.0);
    connection.send("GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
    let answer = connection.read_response();
    assert_eq!(answer.status, 200);
    retry_of(&answer.text())
}

#[test]
fn with_a_rate_streams_end_over_as_long_and_their_clients_come_back_over_as_long() {
    let settings =
        [("FANFARE_DRAIN", "0"), ("FANFARE_DRAIN_RATE", "100"), ("FANFARE_WORKERS", "2")];
    let mut hub = Fanfare::start_alone(&settings);
    let streams: Vec<_> = (0..300).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(300);
    let begun = Instant::now();
    hub.signal("TERM");
    let ends = std::thread::scope(|scope| {
        let ends = streams.into_iter().map(|mut stream| {
            scope.spawn(move || {
                let retry = retry_of(&stream.rest());
                (begun.elapsed(), retry)
            })
        });
        let ends: Vec<_> = ends.collect();
        ends.into_iter().map(|end| end.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(hub.wait().code(), Some(0));
    let within = |seconds: f64| ends.iter().filter(|(at, _)| at.as_secs_f64() < seconds).count();
    for second in [0.75, 1.5, 2.25] {
        let (ended, planned) = (within(second), second * 100.0);
        let off = (f64::from(u32::try_from(ended).unwrap()) - planned).abs();
        assert!(off < 40.0, "{ended} have ended after {second} s");
    }
    assert!(ends.iter().all(|(_, retry)| (1000..5000).contains(retry)), "few come back at once");
    hub.wait_for_log("300 streams end over 3s");
}

#[test]
fn who_comes_back_to_a_hub_that_drains_is_told_to_come_when_it_has_ended() {
    let hub = Fanfare::start(&[("FANFARE_DRAIN", "20s"), ADMIN]);
    let _stream = hub.subscribe("/events");
    let begun = Instant::now();
    hub.signal("TERM");
    wait_until("it drains", || get(hub.0, "/health/ready").status == 503);
    let after = Duration::from_millis(sent_away(&hub));
    let (left, second) =
        (Duration::from_secs(20).checked_sub(begun.elapsed()).unwrap(), Duration::from_secs(1));
    assert!(after >= left && after < left + second * 6, "{after:?}, and it ends in {left:?}");
}

#[test]
fn what_is_published_while_it_drains_is_kept_where_the_history_outlives_it() {
    let folder = Folder::new();
    let place = format!("file://{}", folder.0.join("history.redb").display());
    let settings = [("FANFARE_HISTORY", &*place), ("FANFARE_DRAIN", "1h")];
    let mut hub = Fanfare::start(&settings);
    let mut leaves = hub.subscribe("/events");
    let stays = hub.subscribe("/events");
    let seen = hub.publish("", "1")["id"].as_str().unwrap().to_owned();
    assert_eq!(leaves.event().id.as_ref(), Some(&seen));
    hub.signal("TERM");
    wait_until("it drains", || get(hub.0, "/health/ready").status == 503);
    assert_eq!(hub.publish("", "2")["subscribers"], 2);
    drop((leaves, stays));
    assert!(hub.wait().success());
    let hub = hub.start_again(&settings);
    let mut back = hub.resume("/events", &seen);
    assert_eq!(back.event().data, "2");
}

#[test]
fn an_answer_while_it_drains_is_the_last_on_its_connection() {
    let hub = Fanfare::start(&[("FANFARE_DRAIN", "1h")]);
    let _stream = hub.subscribe("/events");
    let mut connection = Connection::open(hub.0);
    let ask = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    connection.send(ask);
    assert_eq!(connection.read_response().header("connection"), None);
    hub.signal("TERM");
    wait_until("it drains", || get(hub.0, "/health/ready").status == 503);
    connection.send(ask);
    assert_eq!(connection.read_response().header("connection"), Some("close"));
    assert!(connection.read_to_end().is_empty());
}

#[test]
fn the_operator_moves_all_subscribers_off_a_hub_that_goes_on() {
    let mut hub = Fanfare::start(&[ADMIN, ("FANFARE_WORKERS", "2")]);
    let mut streams: Vec<_> = (0..20).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(20);
    assert_eq!(drain(&hub, "GET", "", ADMIN.1).json()["draining"], false);
    for (query, field) in [
        ("?over=x", "over"),
        ("?over=2h", "over"),
        ("?rate=0", "rate"),
        ("?rate=-1", "rate"),
        ("?over=1s&over=2s", "over"),
    ] {
        let refused = drain(&hub, "POST", query, ADMIN.1);
        assert!(refused.status == 400 && refused.text().contains(field), "{}", refused.text());
    }
    assert_eq!(drain(&hub, "POST", "", "another-token-of-some").status, 401);
    assert_eq!(hub.ready()["streams"], 20, "nothing has changed");

    let begun = drain(&hub, "POST", "?over=10s&rate=40", ADMIN.1);
    assert_eq!(begun.status, 202);
    assert_eq!(
        (&begun.json()["streams"], &begun.json()["milliseconds"]),
        (&20.into(), &10_000.into())
    );
    // The shorter of two holds.
    assert_eq!(
        drain(&hub, "POST", "?over=1m", ADMIN.1).json()["milliseconds"]
            .as_u64()
            .map(|ms| ms <= 10_000),
        Some(true)
    );
    let again = drain(&hub, "POST", "?over=200ms", ADMIN.1).json();
    assert_eq!(again["milliseconds"], 200);
    for stream in &mut streams {
        retry_of(&stream.rest());
    }
    wait_until("none is left", || drain(&hub, "GET", "", ADMIN.1).json()["streams"] == 0);
    assert_eq!(get(hub.0, "/health/live").status, 200);
    assert_eq!(post_json(hub.0, "/send-event", "1").status, 503);
    let begun = Instant::now();
    hub.signal("TERM");
    assert_eq!(hub.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(1), "nothing is left to wait for");
}

#[test]
fn fanfare_drain_returns_when_the_last_stream_has_ended() {
    let hub = Fanfare::start(&[ADMIN, ("FANFARE_DRAIN", "300ms")]);
    let streams: Vec<_> = (0..10).map(|_| hub.subscribe("/events")).collect();
    hub.wait_for_subscribers(10);
    let url = hub.url();
    let run = |arguments: &[&str], settings: &[(&str, &str)]| {
        run_to_end(&[&["drain", "--url", &url], arguments].concat(), settings)
    };
    let error = |output: &std::process::Output| {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr.clone()).unwrap()
    };
    assert!(error(&run(&[], &[])).contains("FANFARE_ADMIN_TOKEN"));
    let wrong = [("FANFARE_ADMIN_TOKEN", "some-token-of-others")];
    assert!(error(&run(&[], &wrong)).contains("401"));
    assert!(error(&run(&["--over", "x"], &[ADMIN])).contains("`over`"));
    assert_eq!(hub.ready()["streams"], 10);

    let output = run(&["--after", "10ms"], &[ADMIN]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "10 streams end over 300ms\n");
    let left: Value = drain(&hub, "GET", "", ADMIN.1).json();
    assert_eq!(left["streams"], 0);
    drop(streams);

    let other = Fanfare::start_another(&[]);
    let output = run_to_end(&["drain", "--url", &other.url()], &[ADMIN]);
    assert!(error(&output).contains("404"), "a hub without an admin token has no operator");
}
