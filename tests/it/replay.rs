use std::{cell::RefCell, collections::HashSet};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::support::{Connection, Fanfare, Stream, post_json};

fn ids(hub: &Fanfare, count: usize) -> Vec<String> {
    let publish = |n| hub.publish("", &format!("{n}"))["id"].as_str().unwrap().to_owned();
    (1..=count).map(publish).collect()
}

fn data(stream: &mut Stream, count: usize) -> Vec<String> {
    (0..count).map(|_| stream.event().data).collect()
}

#[test]
fn a_returning_subscriber_gets_what_it_missed_and_then_what_comes() {
    let hub = Fanfare::start(&[]);
    let ids = ids(&hub, 5);
    let mut stream = hub.resume("/events", &ids[1]);
    hub.publish("", "6");
    assert_eq!(data(&mut stream, 4), ["3", "4", "5", "6"]);
}

#[test]
fn the_id_is_taken_from_the_header_then_from_the_query_by_all_its_names() {
    let hub = Fanfare::start(&[]);
    let ids = ids(&hub, 3);
    let escaped = |id: &str| id.replace('#', "%23");
    for name in ["lastEventID", "lastEventId", "last_event_id", "Last-Event-ID"] {
        let mut stream = hub.subscribe(&format!("/events?{name}={}", escaped(&ids[1])));
        assert_eq!(data(&mut stream, 1), ["3"], "{name}");
        // An empty header is absent, an empty parameter too.
        let target = format!("/events?last_event_id=&{name}={}", escaped(&ids[1]));
        let mut stream = hub.resume(&target, "");
        assert_eq!(data(&mut stream, 1), ["3"], "{name}");
        // The header is newer than the URL that the page began with.
        let mut stream = hub.resume(&format!("/events?{name}={}", escaped(&ids[0])), &ids[1]);
        assert_eq!(data(&mut stream, 1), ["3"], "{name}");
    }
    // Without its `#`, which some clients take for the end of the URL.
    let mut stream = hub.subscribe(&format!("/events?lastEventId={}", &ids[1][1..]));
    assert_eq!(data(&mut stream, 1), ["3"]);
    // Nothing asked for, nothing replayed.
    let mut stream = hub.resume("/events?lastEventId=", "");
    hub.publish("", "4");
    assert_eq!(data(&mut stream, 1), ["4"]);
}

#[test]
fn earliest_asks_for_everything_and_only_what_matches_comes() {
    let hub = Fanfare::start(&[]);
    for (topic, n) in [("a", 1), ("b", 2), ("c", 3), ("a", 4)] {
        hub.publish(&format!("?topic={topic}"), &n.to_string());
    }
    let mut stream = hub.resume("/events?topic=a&topic=c", "earliest");
    hub.publish("?topic=b", "5");
    hub.publish("?topic=c", "6");
    assert_eq!(data(&mut stream, 4), ["1", "3", "4", "6"]);
}

#[test]
fn a_publishers_own_id_is_a_place_too_the_earliest_of_several() {
    let hub = Fanfare::start(&[]);
    for (id, n) in [("own", 1), ("17-4", 2), ("own", 3)] {
        hub.publish(&format!("?id={id}"), &n.to_string());
    }
    assert_eq!(data(&mut hub.resume("/events", "own"), 2), ["2", "3"]);
    assert_eq!(data(&mut hub.resume("/events", "17-4"), 1), ["3"]);
}

/// The event that says what is lost. Returns whether anything is replayed, and from where.
fn assert_gap(stream: &mut Stream, asked: &str, reason: &str) -> Option<String> {
    let gap = stream.event();
    assert_eq!((&*gap.kind, &gap.id), ("gap", &None));
    let json = gap.json();
    assert_eq!((&json["asked"], &json["reason"]), (&asked.into(), &reason.into()));
    json["from"].as_str().map(str::to_owned)
}

#[test]
fn what_is_trimmed_is_told_and_everything_kept_is_replayed() {
    let hub = Fanfare::start(&[("FANFARE_HISTORY_EVENTS", "3")]);
    let ids = ids(&hub, 6);
    let mut stream = hub.resume("/events", &ids[1]);
    assert_eq!(assert_gap(&mut stream, &ids[1], "trimmed"), Some(ids[3].clone()));
    assert_eq!(data(&mut stream, 3), ["4", "5", "6"]);
    // The last one that is gone is also the last that is not needed.
    assert_eq!(data(&mut hub.resume("/events", &ids[2]), 3), ["4", "5", "6"]);
}

#[test]
fn the_history_is_bounded_in_bytes_too() {
    let hub = Fanfare::start(&[("FANFARE_HISTORY_BYTES", "100KiB")]);
    let large = format!("\"{}\"", "x".repeat(30_000));
    let first = hub.publish("", &large)["id"].as_str().unwrap().to_owned();
    for _ in 0..4 {
        hub.publish("", &large);
    }
    let mut stream = hub.resume("/events", &first);
    let from = assert_gap(&mut stream, &first, "trimmed").unwrap();
    assert!(from.ends_with("-3"), "three of 30,000 bytes fit in 100 KiB: {from}");
    assert_eq!(data(&mut stream, 3), vec![large; 3]);
}

#[test]
fn an_id_of_another_epoch_is_told_and_everything_is_replayed() {
    let hub = Fanfare::start(&[]);
    let ids = ids(&hub, 2);
    for asked in ["#1-1", "1-1", "#99999999999999-1"] {
        let mut stream = hub.resume("/events", asked);
        assert_eq!(assert_gap(&mut stream, asked, "epoch"), Some(ids[0].clone()));
        assert_eq!(data(&mut stream, 2), ["1", "2"]);
    }
}

#[test]
fn an_id_that_never_was_is_told_and_nothing_is_replayed() {
    let hub = Fanfare::start(&[]);
    let ids = ids(&hub, 2);
    let epoch = ids[0].split('-').next().unwrap();
    let (future, overflow) = (format!("{epoch}-1000"), format!("{epoch}-99999999999999999999999"));
    let long = "x".repeat(300);
    for asked in ["nonsense", "#", "-", "#-", &future, &overflow, "##1-1", "🦀", "+1-1", &long] {
        let mut stream = hub.resume("/events", asked);
        let shown = if asked == long { &asked[..257] } else { asked };
        assert_eq!(assert_gap(&mut stream, shown, "unknown"), None);
        hub.publish("", "\"live\"");
        assert_eq!(data(&mut stream, 1), ["\"live\""]);
    }
}

#[test]
fn a_hub_without_history_says_so() {
    let hub = Fanfare::start(&[("FANFARE_HISTORY_EVENTS", "0")]);
    let ids = ids(&hub, 2);
    let mut stream = hub.resume("/events", &ids[0]);
    assert_eq!(assert_gap(&mut stream, &ids[0], "trimmed"), None);
    let mut newest = hub.resume("/events", &ids[1]);
    hub.publish("", "3");
    assert_eq!(data(&mut stream, 1), ["3"]);
    assert_eq!(data(&mut newest, 1), ["3"]);
}

#[test]
fn an_id_that_is_no_text_does_no_harm() {
    let hub = Fanfare::start(&[]);
    ids(&hub, 1);
    let mut connection = Connection::open(hub.0);
    connection.send(b"GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: \xff\xfe\r\n\r\n");
    assert_eq!(connection.read_head().status, 200);
    assert!(connection.read_chunk().unwrap().starts_with(b"data: {\"id\""));
    let gap = String::from_utf8(connection.read_chunk().unwrap()).unwrap();
    assert!(gap.contains("\"reason\":\"unknown\""), "{gap}");
}

#[test]
fn a_long_history_is_replayed_whole() {
    let hub = Fanfare::start(&[]);
    for n in 0..3000 {
        let topic = if n % 3 == 0 { "?topic=rare" } else { "" };
        assert_eq!(post_json(hub.0, &format!("/send-event{topic}"), &n.to_string()).status, 200);
    }
    let numbers = |stream: &mut Stream, count| -> Vec<usize> {
        data(stream, count).iter().map(|data| data.parse().unwrap()).collect()
    };
    let mut all = hub.resume("/events?topic=*", "earliest");
    assert_eq!(numbers(&mut all, 3000), (0..3000).collect::<Vec<_>>());
    let mut rare = hub.resume("/events?topic=rare", "earliest");
    assert_eq!(numbers(&mut rare, 1000), (0..3000).step_by(3).collect::<Vec<_>>());
}

/// Whatever id the hub takes from a publisher, a browser can hand back in a header.
#[test]
fn an_id_that_is_accepted_survives_its_way_back_in_a_header() {
    const PARTS: [&str; 12] = [
        " ", "\t", "\u{1}", "\u{1f}", "\u{7f}", "\u{85}", "\u{a0}", "\u{feff}", "é", "🦀", ":", "#",
    ];
    let part = prop_oneof![proptest::sample::select(&PARTS[..]).prop_map(str::to_owned), ".{1,3}"];
    let id = proptest::collection::vec(part, 1..4).prop_map(|parts| parts.concat());
    let hub = Fanfare::start(&[]);
    let (seen, accepted) = (RefCell::new(HashSet::new()), RefCell::new(0));
    let mut runner = TestRunner::new(Config::with_cases(500));
    let result = runner.run(&id, |id| {
        let target = format!("/send-event?id={}", utf8_percent_encode(&id, NON_ALPHANUMERIC));
        let fresh = seen.borrow_mut().insert(id.clone());
        if !fresh || post_json(hub.0, &target, "1").status != 200 {
            return Ok(());
        }
        *accepted.borrow_mut() += 1;
        hub.publish("", "\"next\"");
        let mut connection = Connection::open(hub.0);
        connection.send(format!("GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {id}\r\n\r\n"));
        prop_assert_eq!(connection.read_head().status, 200, "{:?}", id);
        connection.read_chunk().unwrap();
        let next = String::from_utf8(connection.read_chunk().unwrap()).unwrap();
        prop_assert!(next.ends_with("\ndata: \"next\"\n\n"), "{:?}: {}", id, next);
        Ok(())
    });
    result.unwrap();
    assert!(accepted.into_inner() > 100, "most are fine");
}
