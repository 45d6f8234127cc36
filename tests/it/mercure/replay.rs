//! What a returning subscriber gets: the replay rows of d.2, `bolt_test` and `local_test` of d.5,
//! and a.4.

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, query},
    reading::Reading,
};
use crate::support::Folder;

const ANONYMOUS: (&str, &str) = ("FANFARE_ANONYMOUS", "true");

/// A hub with `a` and `b` in its history, both of one topic.
fn hub_with_two() -> Mercure {
    let hub = Mercure::with(&[ANONYMOUS]);
    for (id, data) in [("a", "d1"), ("b", "d2")] {
        hub.publishes(&[("topic", "http://example.com/books/1"), ("id", id), ("data", data)]);
    }
    hub
}

const BOOK: [&str; 1] = ["http://example.com/books/1"];

#[track_caller]
fn assert_cursor(dialect: Dialect, reading: &Reading, expected: Option<&str>) {
    let header = reading.header(dialect.cursor_header());
    assert_eq!(header, expected, "{}: {:?}", dialect.cursor_header(), reading.head.headers);
    let other = if dialect == Old { New } else { Old }.cursor_header();
    assert_eq!(reading.header(other), None, "{dialect:?} does not know it");
}

// d.2 replay: `Last-Event-ID` header / query param / legacy query param (compat 7) after id a
#[test]
fn what_came_after_an_id_is_replayed() {
    let hub = hub_with_two();
    for dialect in Dialect::BOTH {
        let query = dialect.topics(&BOOK);
        let by_header = hub.listen(&query, &[("Last-Event-ID", "a")]);
        let by_query = hub.listen(&dialect.topics_after(&BOOK, "a"), &[]);
        let by_legacy = hub.listen(&format!("{query}&Last-Event-ID=a"), &[]);
        for mut reading in [by_header, by_query, by_legacy] {
            assert_cursor(dialect, &reading, Some("a"));
            reading.reads("id: b\ndata: d2\n\n");
        }
    }
}

// d.2 replay `earliest` (header and query)
#[test]
fn earliest_replays_everything() {
    let hub = hub_with_two();
    for dialect in Dialect::BOTH {
        let by_header = hub.listen(&dialect.topics(&BOOK), &[("Last-Event-ID", "earliest")]);
        let by_query = hub.listen(&dialect.topics_after(&BOOK, "earliest"), &[]);
        for mut reading in [by_header, by_query] {
            assert_cursor(dialect, &reading, Some("earliest"));
            reading.reads("id: a\ndata: d1\n\nid: b\ndata: d2\n\n");
        }
    }
}

// a.4.28 only where the client sent one
#[test]
fn who_asks_for_nothing_gets_what_is_live_and_no_cursor() {
    let hub = hub_with_two();
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen(&dialect.topics(&BOOK), &[]);
        assert_cursor(dialect, &reading, None);
        hub.publishes(&[("topic", BOOK[0]), ("id", "live")]);
        reading.reads("id: live\ndata: \n\n");
    }
}

// a.4.26 sources by precedence
#[test]
fn the_header_comes_before_the_query() {
    let hub = hub_with_two();
    for dialect in Dialect::BOTH {
        let query = dialect.topics_after(&BOOK, "earliest");
        let mut reading = hub.listen(&query, &[("Last-Event-ID", "a")]);
        assert_cursor(dialect, &reading, Some("a"));
        reading.reads("id: b\ndata: d2\n\n");
        // decision: an empty header is none; some clients always send it.
        let reading = hub.listen(&dialect.topics_after(&BOOK, "a"), &[("Last-Event-ID", "")]);
        assert_cursor(dialect, &reading, Some("a"));
    }
}

// d.2 unknown id
#[test]
fn an_id_that_never_was_replays_nothing() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for dialect in Dialect::BOTH {
        hub.publishes(&[("topic", BOOK[0]), ("id", "a"), ("data", "d1")]);
        let mut reading = hub.listen(&dialect.topics(&BOOK), &[("Last-Event-ID", "unknown")]);
        let expected = if dialect == Old { "a" } else { "earliest" };
        assert_cursor(dialect, &reading, Some(expected));
        hub.publishes(&[("topic", BOOK[0]), ("id", "b"), ("data", "d2")]);
        // Nor is there a `gap` as on /events: every event of Mercure has an id.
        reading.reads("id: b\ndata: d2\n\n");
    }
}

// d.2 unknown id, newest event private
#[test]
fn the_id_of_a_private_event_is_not_disclosed() {
    let hub = Mercure::with(&[ANONYMOUS]);
    let unknown = ("Last-Event-ID", "unknown");
    let private = [("topic", BOOK[0]), ("id", "secret"), ("private", "on")];
    hub.publishes(&private);
    for dialect in Dialect::BOTH {
        let reading = hub.listen(&dialect.topics(&BOOK), &[unknown]);
        assert_cursor(dialect, &reading, Some("earliest"));
    }
    hub.publishes(&[("topic", BOOK[0]), ("id", "public")]);
    hub.publishes(&private);
    let reading = hub.listen(&Old.topics(&BOOK), &[unknown]);
    assert_cursor(Old, &reading, Some("public"));
    let reading = hub.listen(&New.topics(&BOOK), &[unknown]);
    assert_cursor(New, &reading, Some("earliest"));
    // Who may read it is told.
    let authorization = super::hub::bearer(&Old.subscriber(&BOOK));
    let reading = hub.listen(&Old.topics(&BOOK), &[unknown, ("Authorization", &authorization)]);
    assert_cursor(Old, &reading, Some("secret"));
}

#[test]
fn the_newest_id_is_found_however_much_of_other_topics_came_after_it() {
    let unknown = ("Last-Event-ID", "unknown");
    for (kept, newest) in [("10000", "needle"), ("700", "earliest")] {
        let hub = Mercure::with(&[ANONYMOUS, ("FANFARE_HISTORY_EVENTS", kept)]);
        hub.publishes(&[("topic", BOOK[0]), ("id", "old")]);
        hub.publishes(&[("topic", BOOK[0]), ("id", "needle")]);
        // More than is looked at in one go, twice.
        hub.publishes_many("other", 0..800);
        assert_cursor(Old, &hub.listen(&Old.topics(&BOOK), &[unknown]), Some(newest));
        assert_cursor(New, &hub.listen(&New.topics(&BOOK), &[unknown]), Some("earliest"));
    }
}

#[test]
fn one_that_is_overtaken_by_retention_goes_on_with_what_is_kept() {
    // decision: an event `gap`, as on /events, would be one without an id.
    for dialect in Dialect::BOTH {
        let hub = Mercure::with(&[
            ANONYMOUS,
            ("FANFARE_QUEUE_EVENTS", "50"),
            ("FANFARE_SEND_BUFFER", "16KiB"),
            ("FANFARE_HISTORY_EVENTS", "20"),
        ]);
        let mut late = hub.listen(&dialect.topics(&["a"]), &[]);
        hub.wait_for_subscribers(1);
        let padding = "x".repeat(4000);
        let mut published = 0;
        let mut publish = || {
            let data = format!("{published} {padding}");
            hub.publishes(&[("topic", "a"), ("data", &data)]);
            published += 1;
            published
        };
        while hub.ready()["behind"] != 1 {
            assert!(publish() < 10_000, "it takes everything");
        }
        let end = (0..40).map(|_| publish()).last().unwrap();
        let (mut expected, mut missed) = (0, 0);
        while expected < end {
            let event = late.event();
            assert_eq!(event.kind, "message");
            let number: i32 = event.data.split(' ').next().unwrap().parse().unwrap();
            assert!(number >= expected, "{number} comes after {expected}");
            missed += number - expected;
            expected = number + 1;
        }
        assert!(missed > 0, "nothing was missed, so that nothing was tested");
    }
}

// d.2 unknown id, empty history
#[test]
fn an_id_that_is_asked_of_an_empty_history_is_the_earliest() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for dialect in Dialect::BOTH {
        let reading = hub.listen(&dialect.topics(&BOOK), &[("Last-Event-ID", "unknown")]);
        assert_cursor(dialect, &reading, Some("earliest"));
    }
}

// d.2 [1] empty `last_event_id=`
#[test]
fn an_empty_cursor_of_1_0_is_answered_and_replays_nothing() {
    let hub = hub_with_two();
    let mut reading = hub.listen(&New.topics_after(&BOOK, ""), &[]);
    assert_cursor(New, &reading, Some("earliest"));
    hub.publishes(&[("topic", BOOK[0]), ("id", "c")]);
    reading.reads("id: c\ndata: \n\n");
    // decision: in 0.x it is none, as an empty header is.
    assert_cursor(Old, &hub.listen(&Old.topics_after(&BOOK, ""), &[]), None);
}

// a.4.30 no gap or duplicate; d.5 bolt_test: after id 8 of 10 gives 9, 10, then live 11
#[test]
fn the_end_of_the_history_goes_over_into_what_is_live() {
    let hub = Mercure::with(&[ANONYMOUS]);
    hub.publishes_many("https://example.com/foo", 1..11);
    let topic = ["https://example.com/foo"];
    let mut readings = Dialect::BOTH.map(|dialect| {
        let after_8 = hub.listen(&dialect.topics_after(&topic, "8"), &[]);
        assert_cursor(dialect, &after_8, Some("8"));
        (after_8, hub.listen(&dialect.topics_after(&topic, "earliest"), &[]))
    });
    hub.publishes_many(topic[0], 11..12);
    for (after_8, all) in &mut readings {
        after_8.reads("id: 9\ndata: 9\n\nid: 10\ndata: 10\n\nid: 11\ndata: 11\n\n");
        let expected: Vec<_> = (1..12).map(|n: usize| n.to_string()).collect();
        assert_eq!(all.ids(11), expected);
    }
}

// a.4.30, d.5 bolt_test: filtered by matcher and privacy
#[test]
fn a_replay_is_filtered_as_live_events_are() {
    let hub = Mercure::start();
    for (id, topic, private) in [
        ("1", "a", false),
        ("2", "a", true),
        ("3", "b", false),
        ("4", "b", true),
        ("5", "c", false),
        ("6", "c", true),
    ] {
        let fields = [("topic", topic), ("id", id), ("private", "")];
        hub.publishes(if private { &fields } else { &fields[..2] });
    }
    for dialect in Dialect::BOTH {
        let token = dialect.subscriber(&["b", "c"]);
        let mut reading = hub.listen_as(&token, &dialect.topics_after(&["a", "b"], "earliest"));
        hub.publishes(&[("topic", "a"), ("id", "live"), ("private", "")]);
        hub.publishes(&[("topic", "a"), ("id", "end")]);
        assert_eq!(reading.ids(4), ["1", "3", "4", "end"]);
        // A private id can be resumed from by who may not read it: it is in the client's hands.
        let mut reading = hub.listen_as(&token, &dialect.topics_after(&["a", "b"], "2"));
        assert_cursor(dialect, &reading, Some("2"));
        assert_eq!(reading.ids(2), ["3", "4"]);
        let mut reading = hub.listen_as(&token, &dialect.topics_after(&["c"], "earliest"));
        assert_eq!(reading.ids(2), ["5", "6"]);
    }
}

// a.4.31 several stored updates share an id
#[test]
fn of_several_with_one_id_the_earliest_is_the_place() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for (id, data) in [("x", "1"), ("y", "2"), ("x", "3")] {
        hub.publishes(&[("topic", BOOK[0]), ("id", id), ("data", data)]);
    }
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen(&dialect.topics_after(&BOOK, "x"), &[]);
        reading.reads("id: y\ndata: 2\n\nid: x\ndata: 3\n\n");
    }
}

// d.5 bolt_test: size 5 + cleanup 1 keeps exactly 5
#[test]
fn a_history_of_five_keeps_exactly_five() {
    let hub = Mercure::with(&[ANONYMOUS, ("FANFARE_HISTORY_EVENTS", "5")]);
    hub.publishes_many("a", 1..13);
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen(&dialect.topics_after(&["a"], "earliest"), &[]);
        assert_cursor(dialect, &reading, Some("earliest"));
        assert_eq!(reading.ids(5), ["8", "9", "10", "11", "12"]);
        // a.4.28: an id that is discarded is as unknown as one that never was.
        let reading = hub.listen(&dialect.topics_after(&["a"], "3"), &[]);
        assert_cursor(dialect, &reading, Some(if dialect == Old { "12" } else { "earliest" }));
    }
}

// d.5 bolt_test: logs the bogus id
#[test]
fn an_id_that_is_not_found_is_in_the_log() {
    let hub = Mercure::with(&[ANONYMOUS]);
    hub.publishes(&[("topic", "a")]);
    hub.listen(&Old.topics(&["a"]), &[("Last-Event-ID", "bogus-of-0.x")]);
    hub.wait_for_log("bogus-of-0.x");
    hub.listen(&New.topics(&["a"]), &[("Last-Event-ID", "bogus-of-1.0")]);
    hub.wait_for_log("bogus-of-1.0");
}

// d.5 local_test; a.4.32
#[test]
fn a_hub_without_history_replays_nothing_and_says_so() {
    let hub = Mercure::with(&[ANONYMOUS, ("FANFARE_HISTORY_EVENTS", "0")]);
    hub.publishes(&[("topic", "a"), ("id", "1")]);
    for dialect in Dialect::BOTH {
        for asked in ["1", "earliest", "unknown"] {
            let mut reading = hub.listen(&dialect.topics_after(&["a"], asked), &[]);
            assert_cursor(dialect, &reading, Some("earliest"));
            hub.publishes(&[("topic", "a"), ("id", "live")]);
            reading.reads("id: live\ndata: \n\n");
        }
    }
}

// Ids that /send-event gives are places as well.
#[test]
fn ids_of_the_hubs_own_are_resumed_from_with_and_without_their_sign() {
    let hub = Mercure::with(&[ANONYMOUS]);
    let authorization = super::hub::bearer(&Old.publisher(&["*"]));
    let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
    let ids = [1, 2, 3].map(|n| {
        let body = n.to_string();
        let answer = hub.ask("POST", "/send-event?topic=a", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    });
    for dialect in Dialect::BOTH {
        let (selector, cursor) = (dialect.selector(), dialect.cursor());
        // 0.x clients put `#` into URLs unescaped at times; what is behind it is never sent.
        for asked in [&*ids[0], &ids[0][1..]] {
            let query = query(&[(selector, "a"), (cursor, asked)]);
            let mut reading = hub.listen(&query, &[]);
            assert_cursor(dialect, &reading, Some(asked));
            reading.reads(&format!("id: {}\ndata: 2\n\nid: {}\ndata: 3\n\n", ids[1], ids[2]));
        }
    }
}

#[test]
fn a_replay_under_publishing_has_no_gap_and_no_repeat() {
    let hub = Mercure::with(&[ANONYMOUS, ("RUST_LOG", crate::support::QUIET)]);
    hub.publishes_many("a", 0..1500);
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| hub.publishes_many("a", 1500..3000));
        let readers = (0..8).map(|n| {
            let (hub, dialect) = (&hub, Dialect::BOTH[n % 2]);
            scope.spawn(move || {
                let from = n * 180;
                let query = dialect.topics_after(&["a"], &from.to_string());
                let mut reading = hub.listen(&query, &[]);
                for expected in from + 1..3000 {
                    assert_eq!(reading.event().data, expected.to_string(), "{dialect:?}");
                }
            })
        });
        readers.collect::<Vec<_>>().into_iter().for_each(|reader| reader.join().unwrap());
        publisher.join().unwrap();
    });
}

#[test]
fn private_updates_survive_a_restart_and_stay_private() {
    let folder = Folder::new();
    let place = format!("file://{}/history.redb", folder.0.display());
    let settings = [ANONYMOUS, ("FANFARE_HISTORY", &*place)];
    let mut hub = Mercure::with(&settings);
    hub.publishes(&[("topic", "a"), ("id", "1"), ("data", "one")]);
    hub.publishes(&[("topic", "a"), ("id", "2"), ("data", "two"), ("private", "on")]);
    hub.publishes(&[("topic", "a"), ("id", "3"), ("data", "three")]);
    hub.signal("TERM");
    assert!(hub.wait().success(), "{}", hub.log());
    drop(hub);
    let hub = Mercure::with(&settings);
    for dialect in Dialect::BOTH {
        let query = dialect.topics_after(&["a"], "1");
        let mut all = hub.listen_as(&dialect.subscriber(&["*"]), &query);
        assert_cursor(dialect, &all, Some("1"));
        all.reads("id: 2\ndata: two\n\nid: 3\ndata: three\n\n");
        let mut public = hub.listen(&query, &[]);
        public.reads("id: 3\ndata: three\n\n");
    }
}
