use super::*;
use crate::support::Stream;

fn open(hub: Hub, target: &str, topics: &[&str]) -> Stream {
    let token = bearer(&may_subscribe(topics));
    let mut stream = Stream::open(hub.0, target, &[("Authorization", &token)]);
    stream.greeting();
    stream
}

/// Publishes its query as data, and returns how many it was queued for.
fn send(hub: Hub, query: &str) -> u64 {
    let token = bearer(&may_publish(&["*"]));
    let headers = [("Content-Type", "application/json"), ("Authorization", &*token)];
    let body = json!(query).to_string();
    let target = format!("/send-event{query}");
    let response = request(hub.0, "POST", &target, &headers, body.as_bytes());
    assert_eq!(response.status, 200, "{query}: {}", response.text());
    response.json()["subscribers"].as_u64().unwrap()
}

#[track_caller]
fn assert_receives(stream: &mut Stream, queries: &[&str]) {
    for query in queries {
        assert_eq!(stream.event().json(), **query);
    }
}

fn private_events_reach_those_who_are_covered(direct_write: &str) {
    let hub = closed(&[("FANFARE_DIRECT_WRITE", direct_write), ("FANFARE_ANONYMOUS", "on")]);
    let mut anonymous = hub.subscribe("/events?topic=*");
    let mut all = open(*hub, "/events?topic=*", &["*"]);
    let mut books = open(*hub, "/events?topic=*", &["/books/{id}", "x"]);
    // It may, but does not ask for it.
    let mut other = open(*hub, "/events?topic=a", &["*"]);
    // It asks, but may not.
    let mut none = open(*hub, "/events?topic=/books/1", &["/books/2"]);
    hub.wait_for_subscribers(5);
    if direct_write == "on" && !crate::direct::is_off() {
        crate::support::wait_until("sockets are taken over", || hub.ready()["direct"] == 5);
    }
    // Each before and behind a public one, so that rounds hold both.
    let queries = [
        ("?topic=a&private", 2),
        ("?topic=a", 4),
        ("?topic=/books/1&private=on", 2),
        ("?topic=/books/1", 4),
        ("?topic=b&topic=x&private=1", 2),
        ("?topic=b&topic=y&private=true", 1),
        ("?topic=a&private=off", 4),
        ("?topic=a&private=0", 4),
        ("?topic=/books/2&topic=/books/1&private", 3),
    ];
    for (query, count) in queries {
        assert_eq!(send(*hub, query), count, "{query}");
    }
    let every = queries.map(|(query, _)| query);
    let public: Vec<_> = [1, 3, 6, 7].map(|index| every[index]).to_vec();
    assert_receives(&mut all, &every);
    assert_receives(&mut anonymous, &public);
    let seen = [1, 2, 3, 4, 6, 7, 8].map(|index| every[index]);
    assert_receives(&mut books, &seen);
    assert_receives(&mut other, &[every[0], every[1], every[6], every[7]]);
    assert_receives(&mut none, &[every[3], every[8]]);
    // In replay, too.
    let target = |topics: &str| format!("/events?{topics}&lastEventID=earliest");
    assert_receives(&mut open(*hub, &target("topic=*"), &["*"]), &every);
    assert_receives(&mut hub.subscribe(&target("topic=*")), &public);
    assert_receives(&mut open(*hub, &target("topic=*"), &["/books/{id}", "x"]), &seen);
    assert_receives(
        &mut open(*hub, &target("topic=/books/1"), &["/books/2"]),
        &[every[3], every[8]],
    );
}

#[test]
fn private_events_reach_those_who_are_covered_live_and_in_replay() {
    private_events_reach_those_who_are_covered("on");
}

#[test]
fn and_without_direct_write() {
    private_events_reach_those_who_are_covered("off");
}

/// Many publishers at once make rounds of many entries.
#[test]
fn rounds_that_mix_private_and_public_events_reach_each_as_they_should() {
    const EACH: usize = 100;
    let hub = closed(&[("FANFARE_ANONYMOUS", "on"), ("RUST_LOG", crate::support::QUIET)]);
    let mut anonymous = hub.subscribe("/events");
    let mut covered = open(*hub, "/events", &["default"]);
    hub.wait_for_subscribers(2);
    std::thread::scope(|scope| {
        for publisher in 0..8 {
            let hub = *hub;
            scope.spawn(move || {
                for number in 0..EACH {
                    let private = publisher % 2 == 0;
                    let query = if private { "?private" } else { "?" };
                    let count = send(hub, &format!("{query}&n={number}"));
                    assert_eq!(count, if private { 1 } else { 2 });
                }
            });
        }
    });
    let mut seen = 0;
    for _ in 0..8 * EACH {
        let event = covered.event();
        if !event.data.contains("private") {
            seen += 1;
            let other = anonymous.event();
            assert_eq!((other.data, other.id), (event.data, event.id));
        }
    }
    assert_eq!(seen, 4 * EACH);
}

#[test]
fn where_there_is_no_subscriber_key_private_events_reach_nobody() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events?topic=*");
    hub.wait_for_subscribers(1);
    assert_eq!(hub.publish("?private", "1")["subscribers"], 0);
    assert_eq!(hub.publish("", "2")["subscribers"], 1);
    assert_eq!(stream.event().data, "2");
}

#[test]
fn private_is_on_or_off() {
    let hub = Fanfare::start(&[]);
    for query in ["?private=yes", "?private=ON", "?private=2", "?private&private"] {
        assert_refused(&publish(*hub, query, &[]), 400, "invalid_parameter");
    }
}

/// The id of an event that a publisher has chosen says something about it.
#[test]
fn a_gap_does_not_name_a_private_event() {
    let hub = closed(&[("FANFARE_ANONYMOUS", "on"), ("FANFARE_HISTORY_EVENTS", "1")]);
    send(*hub, "?id=first");
    send(*hub, "?id=second");
    send(*hub, "?id=secret&private");
    let target = "/events?lastEventID=%230-1";
    for (mut stream, named) in [(open(*hub, target, &["*"]), true), (hub.subscribe(target), false)]
    {
        let gap = stream.event();
        assert_eq!((&*gap.kind, gap.data.contains("secret")), ("gap", named), "{}", gap.data);
        assert!(gap.json()["from"].is_string());
    }
}
