//! Section j: what is wrong with other hubs, shown absent here.
//!
//! Elsewhere: J8 and J16 in `both`, J9, J10 and J18 in `headers`, J17 in the tests of the page,
//! J19 in those of the settings, J6 and J7 in the benches. J15 is another chapter: many hubs.
//!
//! When history is stored: J1 (all is replayed after a restart), J2 again (an id behind 10,000
//! stored events), J5 (one fsync for many events), J13 (not ready while the storage fails), J14
//! (retention by age and by topic; that by bytes is here), and of d.5 that the last id survives.

use std::time::{Duration, Instant};

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, assert_plain, bearer},
};
use crate::support::{QUIET, get};

const ANONYMOUS: (&str, &str) = ("FANFARE_ANONYMOUS", "true");
const QUIETLY: (&str, &str) = ("RUST_LOG", QUIET);

// J2 Id search stops at 10 000 oldest entries
#[test]
fn an_id_behind_ten_thousand_others_is_found() {
    let hub = Mercure::with(&[ANONYMOUS, QUIETLY, ("FANFARE_HISTORY_EVENTS", "20000")]);
    hub.publishes_many("a", 0..10_050);
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen(&dialect.topics_after(&["a"], "10039"), &[]);
        assert_eq!(reading.header(dialect.cursor_header()), Some("10039"));
        let expected: Vec<_> = (10_040..10_050).map(|n: usize| n.to_string()).collect();
        assert_eq!(reading.ids(10), expected);
    }
}

// J3 Replay is put into the 1000-slot queue before streaming starts
#[test]
fn five_thousand_events_are_replayed_on_one_connection_that_begins_at_once() {
    let hub = Mercure::with(&[ANONYMOUS, QUIETLY]);
    hub.publishes_many("a", 0..5000);
    for dialect in Dialect::BOTH {
        let begun = Instant::now();
        let mut reading = hub.listen(&dialect.topics_after(&["a"], "earliest"), &[]);
        let first = begun.elapsed();
        assert!(first < Duration::from_secs(1), "the first byte comes after {first:?}");
        for expected in 0..5000 {
            assert_eq!(reading.event().data, expected.to_string());
        }
        // And it goes on.
        hub.publishes(&[("topic", "a"), ("id", "live")]);
        reading.reads("id: live\ndata: \n\n");
    }
}

// J4 `size` without `cleanup_frequency` never trims
#[test]
fn a_bounded_history_is_bounded_all_the_time() {
    let hub = Mercure::with(&[ANONYMOUS, QUIETLY, ("FANFARE_HISTORY_EVENTS", "5")]);
    hub.publishes_many("a", 0..1000);
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen(&dialect.topics_after(&["a"], "earliest"), &[]);
        assert_eq!(reading.ids(5), ["995", "996", "997", "998", "999"]);
    }
}

// J11 No connection cap, no 429, no per-IP limit
#[test]
fn there_is_a_limit_for_all_and_one_for_each_address() {
    for dialect in Dialect::BOTH {
        let hub = Mercure::with(&[("FANFARE_MAX_PER_ADDRESS", "2")]);
        let _two = [(); 2].map(|()| hub.listen_to(dialect, &["a"]));
        let token = dialect.subscriber(&["*"]);
        let answer = hub.try_listen_as(&token, &dialect.topics(&["a"]));
        // a.6.50: what the specification asks for and its own hub lacks.
        assert_plain(&answer, 429, "Too Many Requests\n", "one more of this address");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        // A browser would never try again after an error: it is sent away for a while.
        let authorization = bearer(&token);
        let headers = [("Authorization", &*authorization), ("Accept", "text/event-stream")];
        let mut turned_away = hub.listen(&dialect.topics(&["a"]), &headers);
        assert!(turned_away.rest().starts_with("retry: "));

        let hub = Mercure::with(&[("FANFARE_MAX_SUBSCRIBERS", "2")]);
        let mut two = [(); 2].map(|()| hub.listen_to(dialect, &["a"]));
        let answer = hub.try_listen_as(&token, &dialect.topics(&["a"]));
        assert_plain(&answer, 503, "Service Unavailable\n", "one more than there is place for");
        // Who is refused for its token takes no place and learns nothing of them.
        assert_eq!(hub.try_listen(&dialect.topics(&["a"]), &[]).status, 401);
        hub.publishes(&[("topic", "a"), ("id", "1")]);
        for reading in &mut two {
            reading.reads("id: 1\ndata: \n\n");
        }
        let [first, _second] = two;
        first.leave();
        hub.wait_for_streams(1);
        hub.listen_as(&token, &dialect.topics(&["a"]));
    }
}

// J12 No dead-peer detection except write failure
#[test]
fn one_that_takes_nothing_is_cut_and_told_of() {
    // A cable that is pulled is in `leaving`; the connections are the same.
    let hub = Mercure::with(&[
        ("FANFARE_SUBSCRIPTIONS", "true"),
        ("FANFARE_PEER_TIMEOUT", "2s"),
        ("FANFARE_HEARTBEAT", "200ms"),
        ("FANFARE_QUEUE_EVENTS", "10"),
        ("FANFARE_SEND_BUFFER", "4KiB"),
        ("FANFARE_MAX_BODY", "1MiB"),
        QUIETLY,
    ]);
    for dialect in Dialect::BOTH {
        let mut watcher = hub.listen_to(dialect, &["*"]);
        let stalled = hub.listen_to(dialect, &["stalled"]);
        // More than the kernel takes on both sides.
        let large = "x".repeat(500_000);
        let mut gone = false;
        for _ in 0..40 {
            hub.publishes(&[("topic", "stalled"), ("data", &large)]);
            while let event = watcher.event()
                && event.data.len() != large.len()
            {
                gone |= event.data.contains("stalled") && event.json()["active"] == false;
            }
        }
        let name = if dialect == Old { "topic" } else { "match" };
        let begun = Instant::now();
        while !gone {
            gone = watcher.document(name, "stalled").1["active"] == false;
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "after {:?}", begun.elapsed());
        drop(stalled);
        watcher.leave();
        hub.wait_for_streams(0);
    }
}

// J13 Health says OK while the storage fails: that it is asked at all
#[test]
fn readiness_asks_the_parts_of_the_hub() {
    let hub = Mercure::start();
    let _reading = hub.listen_to(Old, &["a"]);
    hub.wait_for_subscribers(1);
    assert_eq!(get(hub.0, "/health/ready").json()["subscribers"], 1);
}

// J14 Retention only by a global count
#[test]
fn the_history_is_bounded_in_bytes_too() {
    let hub = Mercure::with(&[ANONYMOUS, ("FANFARE_HISTORY_BYTES", "100KiB")]);
    let large = "x".repeat(30_000);
    for id in ["1", "2", "3", "4", "5"] {
        hub.publishes(&[("topic", "a"), ("id", id), ("data", &large)]);
    }
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen(&dialect.topics_after(&["a"], "earliest"), &[]);
        assert_eq!(reading.ids(3), ["3", "4", "5"], "three of 30,000 bytes fit in 100 KiB");
    }
}

// J18 API lacks must-revalidate
#[test]
fn the_subscriptions_are_not_kept_by_caches() {
    let hub = Mercure::with(&[("FANFARE_SUBSCRIPTIONS", "true")]);
    for dialect in Dialect::BOTH {
        let authorization = bearer(&dialect.subscriber(&["*"]));
        let target = format!("{}/subscriptions", super::hub::PATH);
        let answer = hub.get(&target, &[("Authorization", &authorization)]);
        let control = answer.header("cache-control").unwrap_or_default();
        assert!(control.contains("must-revalidate"), "{dialect:?}: {control:?}");
    }
}

// e.14: an id that is known to be gone is caught up from what is kept
#[test]
fn who_resumes_from_a_trimmed_id_of_the_hubs_own_gets_all_that_is_kept() {
    // decision: such an id says where it was. Nothing that is kept came before it, so all of it is
    // missed; the cursor says `earliest`, as it is where that begins. An id of a publisher's own
    // that is gone can't be told from one that never was.
    let hub = Mercure::with(&[ANONYMOUS, ("FANFARE_HISTORY_EVENTS", "3")]);
    let authorization = bearer(&Old.publisher(&["*"]));
    let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
    let ids: Vec<_> = (0..6)
        .map(|n| {
            let answer = hub.ask("POST", "/send-event?topic=a", &headers, n.to_string().as_bytes());
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    for dialect in [Old, New] {
        let query = dialect.topics_after(&["a"], &super::hub::escaped(&ids[0]));
        let mut reading = hub.listen(&query, &[]);
        assert_eq!(reading.header(dialect.cursor_header()), Some("earliest"));
        assert_eq!(reading.ids(3), ids[3..]);
    }
}
