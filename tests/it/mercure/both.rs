//! Both generations and the hub's own endpoints at the same time, in one process: one history, one
//! order, and each client in its own dialect.

use serde_json::json;

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{FORM, METADATA, Mercure, PATH, assert_challenge, assert_plain, bearer, query},
    token,
};
use crate::support::{Response, Stream};

/// Publishes on the hub's own endpoint.
fn send(hub: &Mercure, query: &str, json: &str) -> Response {
    let authorization = bearer(&Old.publisher(&["*"]));
    let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
    hub.ask("POST", &format!("/send-event{query}"), &headers, json.as_bytes())
}

fn sends(hub: &Mercure, query: &str, json: &str) -> String {
    let answer = send(hub, query, json);
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

/// Opens a stream of the hub's own, and reads its greeting.
fn events(hub: &Mercure, query: &str, token: &str) -> Stream {
    let headers = [("Authorization", &*bearer(token))];
    let mut stream = Stream::open(hub.0, &format!("/events{query}"), &headers);
    stream.greeting();
    stream
}

#[test]
fn an_event_of_each_publisher_reaches_every_subscriber_in_one_order() {
    let hub = Mercure::start();
    let everyone = Old.subscriber(&["*"]);
    let mut own = events(&hub, "?topic=a", &everyone);
    let mut readings = Dialect::BOTH.map(|dialect| hub.listen_to(dialect, &["a"]));
    let mut expected = Vec::new();
    for round in 0..5 {
        let text = round.to_string();
        expected.push((sends(&hub, "?topic=a", &text), text.clone()));
        for dialect in Dialect::BOTH {
            let fields = [("topic", "a"), ("data", &*text)];
            expected.push((hub.publishes_in(dialect, &fields), text.clone()));
        }
    }
    // And in the same order from the history.
    let mut replays = Dialect::BOTH.map(|dialect| {
        let query = dialect.topics_after(&["a"], "earliest");
        hub.listen_as(&dialect.subscriber(&["*"]), &query)
    });
    let mut own_replay = events(&hub, "?topic=a&lastEventID=earliest", &everyone);
    for (id, data) in &expected {
        for reading in readings.iter_mut().chain(&mut replays) {
            reading.reads(&format!("id: {id}\ndata: {data}\n\n"));
        }
        for stream in [&mut own, &mut own_replay] {
            let event = stream.event();
            assert_eq!((event.id.as_ref(), &event.data), (Some(id), data));
        }
    }
}

#[test]
fn one_order_holds_while_all_of_them_publish_at_once() {
    let hub = Mercure::with(&[("RUST_LOG", crate::support::QUIET)]);
    let mut own = events(&hub, "?topic=*", &Old.subscriber(&["*"]));
    let mut readings = Dialect::BOTH.map(|dialect| hub.listen_to(dialect, &["*"]));
    std::thread::scope(|scope| {
        let hub = &hub;
        for dialect in Dialect::BOTH {
            scope.spawn(move || {
                for n in 0..200 {
                    let data = format!("{dialect:?} {n}");
                    hub.publishes_in(dialect, &[("topic", "a"), ("data", &data)]);
                }
            });
        }
        scope.spawn(move || (0..200).for_each(|n| drop(sends(hub, "?topic=b", &n.to_string()))));
    });
    let order: Vec<_> = (0..600).map(|_| own.event().id).collect();
    for reading in &mut readings {
        let seen: Vec<_> = (0..600).map(|_| reading.event().id).collect();
        assert_eq!(seen, order);
    }
}

// Both publish endpoints know private events, live and in replay
#[test]
fn a_private_event_is_as_private_on_every_road() {
    let hub = Mercure::start();
    let (granted, stranger) = (Old.subscriber(&["a"]), Old.subscriber(&["b"]));
    let mut own = [&granted, &stranger].map(|token| events(&hub, "?topic=a", token));
    let mut readings = [&granted, &stranger].map(|token| hub.listen_as(token, "?topic=a"));
    sends(&hub, "?topic=a&id=1&private=on", "1");
    hub.publishes(&[("topic", "a"), ("id", "2"), ("data", "2"), ("private", "")]);
    sends(&hub, "?topic=a&id=3", "3");
    let mut replays = [&granted, &stranger]
        .map(|token| hub.listen_as(token, &Old.topics_after(&["a"], "earliest")));
    let mut own_replays =
        [&granted, &stranger].map(|token| events(&hub, "?topic=a&lastEventID=earliest", token));
    for (n, expected) in [&["1", "2", "3"][..], &["3"]].into_iter().enumerate() {
        for id in expected {
            for reading in [&mut readings[n], &mut replays[n]] {
                reading.reads(&format!("id: {id}\ndata: {id}\n\n"));
            }
            for stream in [&mut own[n], &mut own_replays[n]] {
                assert_eq!(stream.event().id.as_deref(), Some(*id));
            }
        }
    }
}

// a.5.35: publishers must not forge presence on the hub's own endpoint either
#[test]
fn the_hubs_own_topics_are_reserved_on_send_event_too() {
    let hub = Mercure::start();
    for topic in ["/.well-known/mercure/subscriptions/a/b", "https://x/.well-known/mercure"] {
        let answer = send(&hub, &query(&[("topic", topic)]), "1");
        assert_eq!(answer.status, 400, "{topic}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "invalid_parameter");
    }
}

// J16: run the 0.x suite and the 1.0 suite on one process. They are these tests; this one holds
// their edges against each other on one hub.
#[test]
fn each_client_is_answered_in_its_own_dialect_alone() {
    let hub = Mercure::with(&[("FANFARE_SUBSCRIPTIONS", "true")]);
    for _ in 0..2 {
        // Cursors.
        let old = hub.listen_as(&Old.subscriber(&["*"]), &Old.topics_after(&["a"], "earliest"));
        let new = hub.listen_as(&New.subscriber(&["*"]), &New.topics_after(&["a"], "earliest"));
        assert_eq!(old.header("last-event-id"), Some("earliest"));
        assert_eq!(old.header("mercure-last-event-id"), None);
        assert_eq!(new.header("mercure-last-event-id"), Some("earliest"));
        assert_eq!(new.header("last-event-id"), None);

        // Statuses and challenges.
        let (topic, other) = (("topic", "a"), ["b"]);
        let answer = hub.post_as(&Old.publisher(&other), &[topic]);
        assert_plain(&answer, 401, "Unauthorized\n", "0.x");
        assert_eq!(answer.header("www-authenticate"), None);
        let answer = hub.post_as(&New.publisher(&other), &[topic]);
        assert_challenge(&answer, 403, Some("insufficient_scope"), "1.0");

        // Rules of topics.
        let reserved = [("topic", "https://x/foo/.well-known/mercure/bar")];
        assert_eq!(hub.post_as(&Old.publisher(&["*"]), &reserved).status, 403);
        assert_eq!(hub.post_as(&New.publisher(&["*"]), &reserved).status, 200);

        // The API.
        let collection = format!("{PATH}/subscriptions");
        for (dialect, kind) in [(Old, "application/ld+json"), (New, "application/json")] {
            let authorization = bearer(&dialect.subscriber(&["*"]));
            let answer = hub.get(&collection, &[("Authorization", &authorization)]);
            assert_eq!(answer.header("content-type"), Some(kind));
            // decision: each sees the subscriptions of its own dialect, as with their events.
            let document = answer.json();
            let list = document["subscriptions"].as_array().expect("a list");
            let name = if dialect == Old { "topic" } else { "match" };
            assert_eq!(list.len(), 1, "{document:#}");
            assert_eq!(list[0][name], "a", "{document:#}");
        }
        old.leave();
        new.leave();
        hub.wait_for_subscribers(0);
    }
    assert_eq!(hub.get(METADATA, &[]).status, 200);
}

// decision: the request tells the generation of a subscription; the token tells its own, and is
// verified by the rules of that. So both tokens serve a subscription of 0.x, and only those of 1.0
// one of 1.0.
#[test]
fn a_token_of_1_0_serves_a_subscription_of_0_x() {
    let hub = Mercure::start();
    let mut reading = hub.listen_as(&New.subscriber(&["a"]), &Old.topics_after(&["*"], "earliest"));
    assert_eq!(reading.header("last-event-id"), Some("earliest"));
    for topic in ["b", "a"] {
        hub.publishes(&[("topic", topic), ("id", topic), ("private", "")]);
    }
    reading.reads("id: a\ndata: \n\n");
    // With all that is asked of it: else a token for another hub would do.
    let claims = New.claims("subscribe", &["*"]);
    let claims = token::changed(claims, &json!({ "aud": "https://other.example" }));
    let answer = hub.try_listen_as(&New.sign(&claims, super::hub::SUBSCRIBER_KEY), "?topic=a");
    assert_plain(&answer, 401, "Unauthorized\n", "another audience, in the words of 0.x");
}

// decision: a token with the claims of both is read as what its `typ` says. One with those of 0.x
// alone is of 0.x whatever its `typ` is (`authorization`): some issuers write `at+jwt` in all.
#[test]
fn a_token_of_both_generations_is_read_by_its_type() {
    let hub = Mercure::start();
    let mut claims = New.claims("publish", &["new"]);
    claims["mercure"] = json!({ "publish": ["old"] });
    for (dialect, granted, other, status) in [(Old, "old", "new", 401), (New, "new", "old", 403)] {
        let token = dialect.sign(&claims, super::hub::PUBLISHER_KEY);
        assert_eq!(hub.post_as(&token, &[("topic", granted)]).status, 200, "{dialect:?}");
        assert_eq!(hub.post_as(&token, &[("topic", other)]).status, status, "{dialect:?}");
    }
}

// J8 Cursor param: only `last_event_id` in 1.0, only `lastEventID` in 0.x
#[test]
fn every_name_of_the_cursor_is_read_in_both_dialects() {
    let hub = Mercure::with(&[("FANFARE_ANONYMOUS", "true")]);
    for id in ["1", "2"] {
        hub.publishes(&[("topic", "a"), ("id", id)]);
    }
    for dialect in Dialect::BOTH {
        for name in ["lastEventID", "last_event_id", "lastEventId", "Last-Event-ID"] {
            let mut reading = hub.listen(&query(&[(dialect.selector(), "a"), (name, "1")]), &[]);
            assert_eq!(reading.header(dialect.cursor_header()), Some("1"), "{name}");
            reading.reads("id: 2\ndata: \n\n");
        }
        let body = format!("{}=a", New.selector());
        let mut reading = hub.listen_by("QUERY", "?lastEventID=1", &[FORM], body.as_bytes());
        reading.reads("id: 2\ndata: \n\n");
        // event-source-polyfill leaves the URL as it was, and appends its own: that is the newest.
        let both = query(&[
            (dialect.selector(), "a"),
            (dialect.cursor(), "earliest"),
            ("lastEventId", "1"),
        ]);
        let mut reading = hub.listen(&both, &[]);
        reading.reads("id: 2\ndata: \n\n");
    }
}
