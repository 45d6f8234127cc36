//! The files of section d.5 that have no place elsewhere.

use std::process::Command;

use serde_json::json;

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, PUBLISHER_KEY, SUBSCRIBER_KEY, assert_plain, bearer, query},
    token,
};
use crate::support::{Fanfare, Folder, get, wait_until};

// d.5 event_test; a.3.19, TestEncodeFull
#[test]
fn an_event_has_its_fields_in_this_order_and_a_line_for_each_line() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen_to(dialect, &["a"]);
        hub.publishes_in(
            dialect,
            &[
                ("data", "several\nlines\rwith\r\neol"),
                ("retry", "5"),
                ("type", "type"),
                ("id", "custom-id"),
                ("topic", "a"),
            ],
        );
        reading.reads(
            "event: type\nretry: 5\nid: custom-id\n\
             data: several\ndata: lines\ndata: with\ndata: eol\n\n",
        );
        for (data, lines) in [
            ("\n", "data: \ndata: \n\n"),
            ("a\n", "data: a\ndata: \n\n"),
            ("\r\n\r\nb", "data: \ndata: \ndata: b\n\n"),
            (" a", "data:  a\n\n"),
        ] {
            hub.publishes_in(dialect, &[("topic", "a"), ("id", "1"), ("data", data)]);
            reading.reads(&format!("id: 1\n{lines}"));
        }
    }
}

// d.5 local_test: nothing before registration, subscriber list
#[test]
fn a_subscriber_gets_what_is_published_from_its_first_byte_on() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        // Each of many, without a wait in between.
        for n in 0..50 {
            let (before, after) = (format!("before {n}"), format!("after {n}"));
            hub.publishes(&[("topic", "a"), ("id", &before)]);
            let mut reading = hub.listen_to(dialect, &["a"]);
            hub.publishes(&[("topic", "a"), ("id", &after)]);
            reading.reads(&format!("id: {after}\ndata: \n\n"));
        }
    }
}

// d.1 P while storage closed; d.5 local_test: closed transport errors
#[test]
fn while_it_drains_the_hub_takes_nothing_and_says_when_to_come_again() {
    let hub = Mercure::with(&[("FANFARE_DRAIN", "1h")]);
    // Its streams are what it waits for.
    let _readings = [(); 10].map(|()| hub.listen_to(Old, &["a"]));
    hub.signal("TERM");
    wait_until("readiness is refused", || get(hub.0, "/health/ready").status == 503);
    for dialect in Dialect::BOTH {
        let answer = hub.post_as(&dialect.publisher(&["*"]), &[("topic", "a")]);
        // decision: 503, not the 500 of a broken storage (below): a publisher may try again.
        assert_plain(&answer, 503, "Service Unavailable\n", "publish");
        let answer = hub.try_listen_as(&dialect.subscriber(&["*"]), &dialect.topics(&["a"]));
        assert_plain(&answer, 503, "Service Unavailable\n", "subscribe");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        // decision: a browser never tries again after a 503; as on /events, it gets a stream that
        // sends it away for a while.
        let authorization = bearer(&dialect.subscriber(&["*"]));
        let headers = [("Authorization", &*authorization), ("Accept", "text/event-stream")];
        let mut reading = hub.listen(&dialect.topics(&["a"]), &headers);
        let rest = reading.rest();
        assert!(rest.starts_with("retry: ") && !rest.contains("data"), "{rest:?}");
    }
}

// d.1 P while storage closed; needs root
#[test]
fn while_its_disk_fails_the_hub_takes_no_updates_and_goes_on_otherwise() {
    let folder = Folder::new();
    let path = folder.0.join("history.redb");
    let place = format!("file://{}", path.display());
    let hub = Mercure::with(&[("FANFARE_HISTORY", &place), ("FANFARE_SUBSCRIPTIONS", "true")]);
    hub.publishes(&[("topic", "a"), ("id", "1"), ("data", "one")]);
    let mut live = hub.listen_to(Old, &["a"]);
    let change = |how: &str| {
        let changed = Command::new("chattr").arg(how).arg(&path).status();
        assert!(changed.unwrap().success(), "this file system has no chattr");
    };
    change("+i");
    let update = [("topic", "a"), ("id", "2"), ("data", "two")];
    for dialect in Dialect::BOTH {
        let answer = hub.post_as(&dialect.publisher(&["*"]), &update);
        assert_plain(&answer, 500, "Internal Server Error\n", "publish");
        // Its coming can't be told.
        let query = dialect.topics_after(&["a"], "earliest");
        let mut reading = hub.listen_as(&dialect.subscriber(&["*"]), &query);
        reading.reads("id: 1\ndata: one\n\n");
    }
    hub.wait_for_log("are not told");
    change("-i");
    let publisher = Old.publisher(&["*"]);
    wait_until("publishing works again", || hub.post_as(&publisher, &update).status == 200);
    live.reads("id: 2\ndata: two\n\n");
}

// d.5 server_deprecated_test: reconnect stress: 10 subs, 5 lost publishes, 20 subs + 10 publishes
#[test]
fn after_all_have_gone_and_come_back_nothing_is_lost() {
    let hub = Mercure::with(&[("FANFARE_ANONYMOUS", "true")]);
    for dialect in Dialect::BOTH {
        let topic = [&*format!("https://example.com/{dialect:?}")];
        let readings: Vec<_> = (0..10).map(|_| hub.listen(&dialect.topics(&topic), &[])).collect();
        hub.wait_for_subscribers(10);
        readings.into_iter().for_each(super::reading::Reading::leave);
        hub.wait_for_subscribers(0);
        hub.publishes_many(topic[0], 1..6);
        let readings = (0..20).map(|n| {
            let query = if n % 2 == 0 {
                dialect.topics(&topic)
            } else {
                dialect.topics_after(&topic, "earliest")
            };
            hub.listen(&query, &[])
        });
        let readings: Vec<_> = readings.collect();
        hub.wait_for_subscribers(20);
        hub.publishes_many(topic[0], 6..16);
        for (n, mut reading) in readings.into_iter().enumerate() {
            let first = if n % 2 == 0 { 6 } else { 1 };
            let expected: Vec<_> = (first..16).map(|n: usize| n.to_string()).collect();
            assert_eq!(reading.ids(expected.len()), expected);
            reading.leave();
        }
        hub.wait_for_subscribers(0);
    }
}

// d.5 server_deprecated_test: `/healthz` contains ok; metrics_test: connected 3, total 4
#[test]
fn load_balancers_of_the_0_x_image_find_its_health_and_the_counts_are_right() {
    let hub = Mercure::start();
    // decision: kept for those who point at it.
    let answer = hub.get("/healthz", &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("ok"), "{}", answer.text());
    let mut readings: Vec<_> =
        (0..4).map(|n| hub.listen_to(Dialect::BOTH[n % 2], &["a"])).collect();
    hub.wait_for_subscribers(4);
    readings.pop().unwrap().leave();
    hub.wait_for_subscribers(3);
    let ready = hub.ready();
    assert_eq!((&ready["streams"], &ready["ended"]["left"]), (&json!(3), &json!(1)), "{ready:#}");
}

// d.5 caddy_test: keys from env
#[test]
fn the_names_of_the_official_image_are_read() {
    let old_names = [
        ("MERCURE_PUBLISHER_JWT_KEY", PUBLISHER_KEY),
        ("MERCURE_SUBSCRIBER_JWT_KEY", SUBSCRIBER_KEY),
    ];
    let hub = Mercure::only(&old_names);
    let mut reading = hub.listen_to(Old, &["a"]);
    hub.publishes(&[("topic", "a"), ("id", "1"), ("private", "")]);
    reading.reads("id: 1\ndata: \n\n");
    assert_eq!(hub.post_as(&Old.subscriber(&["*"]), &[("topic", "a")]).status, 401);

    let hub = Mercure::only(&[
        ("MERCURE_PUBLISHER_JWT_KEY", include_str!("../../keys/rsa.pub.pem")),
        ("MERCURE_PUBLISHER_JWT_ALG", "RS256"),
    ]);
    let key =
        jsonwebtoken::EncodingKey::from_rsa_pem(include_bytes!("../../keys/rsa.pem")).unwrap();
    let claims = Old.claims("publish", &["*"]);
    let token = token::sign_by("JWT", jsonwebtoken::Algorithm::RS256, None, &claims, &key);
    assert_eq!(hub.post_as(&token, &[("topic", "a")]).status, 200);

    // The hub's own names come first.
    let other = ("FANFARE_PUBLISHER_JWT_KEY", "another key, just as long as the real");
    let hub = Mercure::only(&[&old_names[..], &[other]].concat());
    assert_eq!(hub.post_as(&Old.publisher(&["*"]), &[("topic", "a")]).status, 401);
    let token = Old.sign(&Old.claims("publish", &["*"]), other.1);
    assert_eq!(hub.post_as(&token, &[("topic", "a")]).status, 200);
}

// d.5 caddy_test: JWKS file; a.6.41: a JWKS comes before a static key, and PS* is for it alone
#[test]
fn keys_come_from_a_file_of_a_jwks() {
    let jwks = format!("file://{}/tests/keys/rsa.jwks.json", env!("CARGO_MANIFEST_DIR"));
    let hub = Mercure::with(&[("FANFARE_PUBLISHER_JWKS_URL", &jwks)]);
    let key =
        jsonwebtoken::EncodingKey::from_rsa_pem(include_bytes!("../../keys/rsa.pem")).unwrap();
    let other = jsonwebtoken::EncodingKey::from_rsa_pem(include_bytes!("../../keys/rsa-other.pem"))
        .unwrap();
    for dialect in Dialect::BOTH {
        let claims = dialect.claims("publish", &["*"]);
        let kind = if dialect == Old { "JWT" } else { "at+jwt" };
        for algorithm in [jsonwebtoken::Algorithm::RS256, jsonwebtoken::Algorithm::PS256] {
            let sign = |kid, key| token::sign_by(kind, algorithm, kid, &claims, key);
            for (token, status) in [
                (sign(Some("rsa"), &key), 200),
                (sign(Some("rsa"), &other), 401),
                (sign(Some("unknown"), &key), 401),
            ] {
                let answer = hub.post_as(&token, &[("topic", "a")]);
                assert_eq!(answer.status, status, "{dialect:?} {algorithm:?} {}", answer.text());
            }
        }
        assert_eq!(
            hub.post_as(&dialect.publisher(&["*"]), &[("topic", "a")]).status,
            401,
            "static key"
        );
    }
}

// b.2 Access log redacts the `authorization` query param
#[test]
fn no_token_and_no_key_is_ever_logged() {
    let mut hub = Mercure::with(&[("RUST_LOG", "debug")]);
    let token = Old.subscriber(&["*"]);
    hub.listen(&format!("?topic=a&authorization={token}"), &[]).leave();
    hub.listen_as(&token, "?topic=a").leave();
    hub.listen("?topic=a", &[("Cookie", &format!("mercureAuthorization={token}"))]).leave();
    let bad = token::tampered(&token);
    hub.try_listen(&format!("?topic=a&authorization={bad}"), &[]);
    hub.try_listen_as(&bad, "?topic=a");
    hub.try_listen_as(&bad, "?match=a");
    hub.wait_for_streams(0);
    hub.publishes(&[("topic", "a"), ("id", "end-of-the-test")]);
    hub.signal("TERM");
    hub.wait();
    let log = hub.log();
    for secret in [&*token, &bad, PUBLISHER_KEY, SUBSCRIBER_KEY] {
        let signature = secret.rsplit('.').next().unwrap();
        assert!(!log.contains(signature), "{secret} is in the log");
    }
}

// b.1 the defaults of the hub's own endpoints hold
#[test]
fn the_hubs_own_endpoints_are_as_they_were_beside_mercure() {
    let plain = Fanfare::start(&[]);
    assert_eq!(plain.publish("?topic=a", "1")["success"], true);
    drop(plain);
    let hub = Mercure::start();
    let authorization = bearer(&Old.subscriber(&["*"]));
    let mut own = crate::support::Stream::open(
        hub.0,
        "/events?topic=a",
        &[("Authorization", &authorization)],
    );
    own.greeting();
    assert_eq!(own.head.header("cache-control"), Some("no-cache, no-transform"));
    let mut reading = hub.listen_to(New, &["a"]);
    hub.publishes(&[("topic", "a"), ("id", "1"), ("data", "{}")]);
    assert_eq!(own.chunk().as_deref(), Some("id: 1\ndata: {}\n\n"));
    reading.reads("id: 1\ndata: {}\n\n");
    let both = query(&[("topic", "a"), ("match", "a")]);
    assert_eq!(get(hub.0, &format!("/events{both}")).status, 401, "/events knows no `match`");
}
