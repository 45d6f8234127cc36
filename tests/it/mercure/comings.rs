//! Comings and goings: whatever begins or ends a stream, however many do at once.

use std::{collections::BTreeSet, thread};

use serde_json::json;

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, PATH, SUBSCRIBER_KEY, bearer},
    reading::Reading,
    token,
};
use crate::support::request;

const ON: (&str, &str) = ("FANFARE_SUBSCRIPTIONS", "true");
const ADMIN: &str = "the-operators-token";

fn name(dialect: Dialect) -> &'static str {
    if dialect == Old { "topic" } else { "match" }
}

/// The list, and the id of the event that came last before it.
fn list(hub: &Mercure, dialect: Dialect) -> (BTreeSet<String>, String) {
    let authorization = bearer(&dialect.subscriber(&["*"]));
    let answer = hub.get(&format!("{PATH}/subscriptions"), &[("Authorization", &authorization)]);
    let list = answer.json();
    let ids = list["subscriptions"].as_array().expect("a list").iter();
    let ids = ids.map(|document| document["id"].as_str().expect("an id").to_owned()).collect();
    let tag = answer.header("etag").expect("an ETag").trim_matches('"').to_owned();
    (ids, tag)
}

#[test]
fn whatever_ends_a_stream_is_told_of() {
    for direct_write in ["on", "off"] {
        let hub = Mercure::with(&[
            ON,
            ("FANFARE_ADMIN_TOKEN", ADMIN),
            ("FANFARE_DIRECT_WRITE", direct_write),
        ]);
        for dialect in Dialect::BOTH {
            let mut watcher = hub.listen_to(dialect, &["*"]);
            let ends = |kind: &str, watcher: &mut Reading| {
                let gone = watcher.document(name(dialect), kind).1;
                assert_eq!(gone["active"], false, "{direct_write} {dialect:?}: {kind}");
            };

            let exp = json!({ "exp": token::in_seconds(2) });
            let claims = token::changed(dialect.claims("subscribe", &["*"]), &exp);
            let short = dialect.sign(&claims, SUBSCRIBER_KEY);
            let mut expires = hub.listen_as(&short, &dialect.topics(&["expired"]));
            assert_eq!(watcher.document(name(dialect), "expired").1["active"], true);
            expires.rest();
            ends("expired", &mut watcher);

            // The operator's word for a stream is the one that it is told of by.
            let mut revoked = hub.listen_to(dialect, &["revoked"]);
            let came = watcher.document(name(dialect), "revoked").1;
            let target = format!("/admin/subscribers?id={}", came["subscriber"].as_str().unwrap());
            let answer =
                request(hub.0, "DELETE", &target, &[("Authorization", &bearer(ADMIN))], b"");
            assert_eq!(answer.json()["ended"], 1, "{}", answer.text());
            revoked.rest();
            ends("revoked", &mut watcher);
            assert_eq!(list(&hub, dialect).0.len(), 1, "the watcher alone");

            // One that is not live yet: it is not up to date.
            hub.publishes_many("behind", 0..2000);
            let authorization = bearer(&dialect.subscriber(&["*"]));
            let headers = [("Authorization", &*authorization), ("Last-Event-ID", "earliest")];
            let behind = hub.listen(&dialect.topics(&["behind"]), &headers);
            assert_eq!(watcher.document(name(dialect), "behind").1["active"], true);
            behind.leave();
            ends("behind", &mut watcher);
            watcher.leave();
            hub.wait_for_streams(0);
        }
    }
}

#[test]
fn while_the_hub_drains_those_who_stay_are_told_of_those_who_go() {
    for dialect in Dialect::BOTH {
        let mut hub = Mercure::with(&[ON, ("FANFARE_DRAIN", "2s"), ("FANFARE_WORKERS", "2")]);
        let streams: Vec<_> = (0..20).map(|_| hub.listen_to(dialect, &["*"])).collect();
        hub.wait_for_subscribers(20);
        let reading = |mut stream: Reading| {
            thread::spawn(move || {
                let text = stream.rest();
                assert!(text.ends_with('\n') && text.contains("\nretry: "), "{text:?}");
                text.matches("active\": false").count() + text.matches("active\":false").count()
            })
        };
        let readings: Vec<_> = streams.into_iter().map(reading).collect();
        hub.signal("TERM");
        let seen = readings.into_iter().map(|reading| reading.join().unwrap()).max().unwrap();
        assert!(seen >= 10, "{dialect:?}: the last of 20 to go has seen {seen} go");
        assert!(hub.wait().success());
    }
}

/// The ids in the next so many documents, which are all of those who come, or go; each once.
fn told(watcher: &mut Reading, active: bool, count: usize) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    while told.len() < count {
        let document = watcher.event().json();
        assert_eq!(document["active"], active, "{document}");
        assert!(told.insert(document["id"].as_str().unwrap().to_owned()), "twice: {document}");
    }
    told
}

#[test]
fn many_that_come_at_once_are_each_told_of_once_and_listed() {
    const STREAMS: usize = 200;
    let topics = ["a", "b", "c", "d", "e"];
    for dialect in Dialect::BOTH {
        let hub = Mercure::with(&[ON, ("FANFARE_WORKERS", "2")]);
        let mut watcher = hub.listen_to(dialect, &["*"]);
        let own = list(&hub, dialect).0;
        if dialect == New {
            assert_eq!(told(&mut watcher, true, 1), own);
        }
        let (asked, token) = (dialect.topics(&topics), dialect.subscriber(&topics));
        let readings: Vec<_> = thread::scope(|scope| {
            let open =
                || (0..STREAMS / 8).map(|_| hub.listen_as(&token, &asked)).collect::<Vec<_>>();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().flat_map(|all| all.join().unwrap()).collect()
        });
        let listed = &list(&hub, dialect).0 - &own;
        assert_eq!(told(&mut watcher, true, STREAMS * topics.len()), listed);
        readings.into_iter().for_each(Reading::leave);
        assert_eq!(told(&mut watcher, false, STREAMS * topics.len()), listed);
        assert_eq!(list(&hub, dialect).0, own);
        hub.publishes(&[("topic", "end"), ("id", "end")]);
        watcher.reads("id: end\ndata: \n\n");
    }
}

#[test]
fn one_who_comes_does_not_wait_until_all_who_have_gone_are_told_of() {
    const STREAMS: usize = 20;
    let hub = Mercure::with(&[ON, ("FANFARE_HISTORY_EVENTS", "100000"), ("FANFARE_WORKERS", "2")]);
    let topics: Vec<_> = (0..900).map(|n| n.to_string()).collect();
    let topics: Vec<_> = topics.iter().map(String::as_str).collect();
    let readings: Vec<_> = (0..STREAMS).map(|_| hub.listen_to(Old, &topics)).collect();
    let mut watcher = hub.listen_to(Old, &["*"]);
    readings.into_iter().for_each(Reading::leave);
    let all = STREAMS * topics.len();
    assert_eq!(told(&mut watcher, false, 1).len(), 1);
    let _newcomer = hub.listen_to(Old, &["newcomer"]);
    let mut before = 1;
    while watcher.event().json()["topic"] != "newcomer" {
        before += 1;
    }
    assert!(before < all, "{before} of {all} were told of first");
    assert_eq!(told(&mut watcher, false, all - before).len(), all - before);
}

/// What the cursor of a list is for.
#[test]
fn a_list_and_the_events_that_follow_it_tell_who_is_there() {
    let hub = Mercure::with(&[ON, ("FANFARE_WORKERS", "2")]);
    for dialect in Dialect::BOTH {
        let visit = |visitor: usize| {
            let topic = format!("visitor {visitor}");
            (0..100).for_each(|_| hub.listen_to(dialect, &[&topic, "*"]).leave());
            hub.listen_to(dialect, &[&topic, "stays"])
        };
        let (staying, lists) = thread::scope(|scope| {
            let visitors: Vec<_> =
                (0..4).map(|visitor| scope.spawn(move || visit(visitor))).collect();
            let mut lists = Vec::new();
            while visitors.iter().any(|visitor| !visitor.is_finished()) {
                lists.push(list(&hub, dialect));
            }
            let visitors = visitors.into_iter().map(|visitor| visitor.join().unwrap());
            (visitors.collect::<Vec<_>>(), lists)
        });
        hub.wait_for_streams(4);
        let (expected, _) = list(&hub, dialect);
        assert_eq!(expected.len(), 8);
        hub.publishes(&[("topic", "end"), ("id", "end")]);
        // Some of them, from all over that time.
        for (mut there, tag) in lists.iter().step_by(lists.len().div_ceil(10)).cloned() {
            let authorization = bearer(&dialect.subscriber(&["*"]));
            let headers = [("Authorization", &*authorization), ("Last-Event-ID", &*tag)];
            let mut watcher = hub.listen(&dialect.topics(&["*"]), &headers);
            assert_eq!(watcher.header(dialect.cursor_header()), Some(&*tag));
            while let Some(event) =
                watcher.next().filter(|event| event.id.as_deref() != Some("end"))
            {
                let document = event.json();
                let id = document["id"].as_str().unwrap().to_owned();
                if document["active"] == true {
                    there.insert(id)
                } else {
                    there.remove(&id)
                };
            }
            assert_eq!(there, expected, "{dialect:?} from {tag}");
        }
        staying.into_iter().for_each(Reading::leave);
        hub.wait_for_streams(0);
    }
}
