//! Subscribing: section d.2 but for replay and presence, and what a.2 and a.3 have besides.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{
        FORM, Mercure, PATH, SUBSCRIBER_KEY, assert_challenge, assert_plain, assert_refused,
        bearer, form, query,
    },
    token,
};

const ANONYMOUS: (&str, &str) = ("FANFARE_ANONYMOUS", "true");

// d.2 S, no cookie/token, not anonymous
#[test]
fn without_a_token_there_is_no_stream() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let answer = hub.try_listen(&dialect.topics(&["a"]), &[]);
        assert_refused(dialect, &answer, (401, None), "no token");
    }
}

// d.2 S, cookie `invalid`; alg none; wrong key
#[test]
fn with_a_bad_token_there_is_no_stream_even_where_none_is_needed() {
    for settings in [&[][..], &[ANONYMOUS]] {
        let hub = Mercure::with(settings);
        for dialect in Dialect::BOTH {
            let query = dialect.topics(&["a"]);
            let cookie = format!("{}=invalid", dialect.cookie());
            let answer = hub.try_listen(&query, &[("Cookie", &cookie)]);
            assert_refused(dialect, &answer, (401, Some("invalid_token")), "a cookie `invalid`");

            let good = dialect.subscriber(&["*"]);
            let claims = dialect.claims("subscribe", &["*"]);
            let mut bad = token::unsigned(&good);
            bad.push(dialect.sign(&claims, "another key, just as long as the real"));
            bad.push(token::tampered(&good));
            bad.push(dialect.publisher(&["*"]));
            for token in bad {
                let answer = hub.try_listen_as(&token, &query);
                assert_refused(dialect, &answer, (401, Some("invalid_token")), &token);
            }
        }
    }
}

// d.2 S anonymous without matcher
#[test]
fn a_subscription_to_nothing_is_refused() {
    let hub = Mercure::with(&[ANONYMOUS]);
    let answer = hub.try_listen("", &[]);
    // decision: a request that says nothing of its generation is of 0.x.
    assert_plain(&answer, 400, "Missing \"topic\" parameter.\n", "no topic");
    let answer = hub.try_listen("?foo=bar", &[]);
    assert_plain(&answer, 400, "Missing \"topic\" parameter.\n", "no topic");
    let answer = hub.ask("QUERY", PATH, &[FORM], b"foo=bar");
    assert_plain(&answer, 400, "missing \"match\" subscription parameter\n", "no matcher");
    // decision: the token tells it where the query does not.
    let answer = hub.try_listen_as(&New.subscriber(&["*"]), "");
    assert_plain(&answer, 400, "missing \"match\" subscription parameter\n", "a token of 1.0");
    let answer = hub.try_listen_as(&Old.subscriber(&["*"]), "");
    assert_plain(&answer, 400, "Missing \"topic\" parameter.\n", "a token of 0.x");
}

// d.2 S with limit+1 matchers; too many claim matchers
#[test]
fn there_are_limits_to_how_much_one_stream_asks_for() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for (dialect, limit) in [(Old, 1000), (New, 100)] {
        let names: Vec<_> = (0..=limit).map(|n| format!("t{n}")).collect();
        let names: Vec<_> = names.iter().map(|name| &**name).collect();
        let mut reading = hub.listen(&dialect.topics(&names[1..]), &[]);
        hub.publishes(&[("topic", names[limit]), ("id", "1")]);
        reading.reads("id: 1\ndata: \n\n");

        let answer = hub.try_listen(&dialect.topics(&names), &[]);
        match dialect {
            Old => assert_plain(&answer, 400, "Too many \"topic\" parameters.\n", "1001"),
            New => super::hub::assert_status(&answer, 400, "101"),
        }
        hub.listen_as(&dialect.subscriber(&names[1..]), &dialect.topics(&["a"]));
        let answer = hub.try_listen_as(&dialect.subscriber(&names), &dialect.topics(&["a"]));
        assert_refused(dialect, &answer, (401, Some("invalid_token")), "one claim too many");
    }
    // Of each name one more than half.
    let half = (0..51).flat_map(|_| [("match", "a"), ("match_exact", "b")]).collect::<Vec<_>>();
    super::hub::assert_status(&hub.try_listen(&query(&half), &[]), 400, "102 of two names");
}

// a.2.16 duplicates are allowed
#[test]
fn the_same_topic_twice_brings_each_event_once() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen(&dialect.topics(&["a", "a", "*"]), &[]);
        hub.publishes(&[("topic", "a"), ("topic", "a"), ("id", "1")]);
        hub.publishes(&[("topic", "b"), ("id", "2")]);
        reading.reads("id: 1\ndata: \n\nid: 2\ndata: \n\n");
    }
}

// d.2 S refused by storage
#[test]
fn one_that_there_is_no_place_for_is_told_so_and_nobody_hears_of_it() {
    // Memory can't refuse; a full hub does.
    for dialect in Dialect::BOTH {
        let hub =
            Mercure::with(&[("FANFARE_MAX_SUBSCRIBERS", "1"), ("FANFARE_SUBSCRIPTIONS", "true")]);
        let mut watcher = hub.listen_to(dialect, &["*"]);
        let answer = hub.try_listen_as(&dialect.subscriber(&["*"]), &dialect.topics(&["refused"]));
        assert_plain(&answer, 503, "Service Unavailable\n", "no place");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        hub.publishes(&[("topic", "a"), ("id", "end"), ("data", "{}")]);
        while let Some(event) = watcher.next().filter(|event| event.id.as_deref() != Some("end")) {
            assert!(!event.data.contains("refused"), "{event:?}");
        }
    }
}

// d.2 S on raw string + URL + template/pattern + a topic holding a broken template
#[test]
fn three_subscribers_receive_exactly_what_matches_their_four_selectors() {
    let hub = Mercure::with(&[ANONYMOUS]);
    let faulty = "http://example.com/hub?topic=faulty{iri";
    for dialect in Dialect::BOTH {
        let template = match dialect {
            Old => "http://example.com/reviews/{id}",
            New => "http://example.com/reviews/:id",
        };
        let query = query(&[
            (dialect.selector(), "http://example.com/books/1"),
            (dialect.selector(), "string"),
            (dialect.pattern(), template),
            (dialect.selector(), faulty),
        ]);
        let mut readings = [(); 3].map(|()| hub.listen(&query, &[]));
        for (id, topic, data) in [
            ("a", "http://example.com/not-subscribed", "Hello World"),
            ("b", "http://example.com/books/1", "Hello World"),
            ("c", "http://example.com/reviews/22", "Great"),
            ("d", faulty, "Faulty IRI"),
            ("e", "string", "string"),
        ] {
            hub.publishes_in(dialect, &[("topic", topic), ("id", id), ("data", data)]);
        }
        for reading in &mut readings {
            // `:\n` is read already.
            reading.reads(
                "id: b\ndata: Hello World\n\nid: c\ndata: Great\n\n\
                 id: d\ndata: Faulty IRI\n\nid: e\ndata: string\n\n",
            );
        }
    }
}

// d.2 private updates, token for 2 of 3 topics
#[test]
fn private_events_arrive_where_the_token_covers_a_topic() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let (reviews, books) = ("http://example.com/reviews/1", "http://example.com/books/2");
        let all = [reviews, books, "http://example.com/users/3"];
        let mut reading =
            hub.listen_as(&dialect.subscriber(&[reviews, books]), &dialect.topics(&all));
        for (id, topic, field, value) in [
            ("a", reviews, "type", "test"),
            ("b", all[2], "retry", "2"),
            ("c", books, "retry", "1"),
        ] {
            let fields =
                [("topic", topic), ("id", id), ("data", id), ("private", ""), (field, value)];
            hub.publishes_in(dialect, &fields);
        }
        hub.publishes(&[("topic", all[2]), ("id", "public"), ("data", "d")]);
        reading.reads(
            "event: test\nid: a\ndata: a\n\nretry: 1\nid: c\ndata: c\n\n\
             id: public\ndata: d\n\n",
        );
    }
}

// d.2 token `*`
#[test]
fn a_token_for_everything_brings_all_private_events() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen_as(&dialect.subscriber(&["*"]), &dialect.topics(&["a", "b"]));
        for topic in ["a", "c", "b"] {
            hub.publishes(&[("topic", topic), ("id", topic), ("private", "")]);
        }
        reading.reads("id: a\ndata: \n\nid: b\ndata: \n\n");
    }
}

// a.2.15 not necessarily the same topic; d.5 e2e_test alternate-topic authorization
#[test]
fn a_private_event_may_be_asked_for_by_one_topic_and_granted_by_another() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let token = dialect.subscriber(&["https://example.com/users/1"]);
        let mut reading = hub.listen_as(&token, &dialect.topics(&["https://example.com/books/1"]));
        let (book, user) = (("topic", "https://example.com/books/1"), "https://example.com/users/");
        for n in ["2", "1"] {
            let user = format!("{user}{n}");
            hub.publishes(&[book, ("topic", &user), ("id", n), ("private", "")]);
        }
        // Granted, and not asked for.
        hub.publishes(&[("topic", "https://example.com/users/1"), ("id", "3"), ("private", "")]);
        hub.publishes(&[book, ("id", "4")]);
        reading.reads("id: 1\ndata: \n\nid: 4\ndata: \n\n");
    }
}

// a.6.42 valid token without `subscribe`
#[test]
fn a_token_that_grants_nothing_brings_public_events() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let claims = match dialect {
            Old => {
                vec![json!({}), json!({ "mercure": {} }), json!({ "mercure": { "subscribe": [] } })]
            }
            New => vec![token::grants(&[]), token::grants(&[token::grant("publish", &["*"])])],
        };
        for claims in claims {
            let token = dialect.sign(&claims, SUBSCRIBER_KEY);
            let mut reading = hub.listen_as(&token, &dialect.topics(&["a"]));
            hub.publishes(&[("topic", "a"), ("id", "private"), ("private", "")]);
            hub.publishes(&[("topic", "a"), ("id", "public")]);
            reading.reads("id: public\ndata: \n\n");
        }
    }
}

// d.2 close
#[test]
fn one_that_leaves_is_counted_no_more() {
    let hub = Mercure::start();
    let readings = Dialect::BOTH.map(|dialect| hub.listen_to(dialect, &["a"]));
    hub.wait_for_subscribers(2);
    readings.into_iter().for_each(super::reading::Reading::leave);
    hub.wait_for_subscribers(0);
    hub.wait_for_streams(0);
}

// d.2 heartbeat 5 ms
#[test]
fn a_silent_stream_gets_the_comment_again() {
    let hub = Mercure::with(&[("FANFARE_HEARTBEAT", "100ms")]);
    for dialect in Dialect::BOTH {
        let mut reading = hub.listen_to(dialect, &["a"]);
        reading.reads(":\n:\n");
        hub.publishes(&[("topic", "a"), ("id", "1")]);
        let event = loop {
            let line = reading.line();
            if line != ":\n" {
                break line;
            }
        };
        assert_eq!(event, "id: 1\n");
        reading.reads("data: \n\n:\n");
    }
}

// d.2 token `exp` in 1 s, write_timeout 0; a.3.22
#[test]
fn a_stream_ends_before_its_token_expires() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let claims = dialect.claims("subscribe", &["*"]);
        let claims = token::changed(claims, &json!({ "exp": token::in_seconds(4) }));
        let begun = Instant::now();
        let mut reading =
            hub.listen_as(&dialect.sign(&claims, SUBSCRIBER_KEY), &dialect.topics(&["a"]));
        assert_eq!(reading.rest().replace(":\n", ""), "", "nothing but comments");
        let took = begun.elapsed();
        // 80 to 100 % of 3 to 4 seconds: `exp` is in whole ones.
        assert!(took > Duration::from_millis(2000), "{dialect:?}: it ends after {took:?}");
        assert!(took < Duration::from_millis(4500), "{dialect:?}: it ends after {took:?}");
    }
}

// d.2 hub stop with write_timeout 5 min / 0
#[test]
fn told_to_stop_the_hub_ends_all_streams_without_an_event() {
    let mut hub = Mercure::start();
    let mut readings = Dialect::BOTH.map(|dialect| hub.listen_to(dialect, &["a"]));
    hub.wait_for_subscribers(2);
    hub.signal("TERM");
    for reading in &mut readings {
        assert_eq!(reading.next(), None, "a stream ends without an event");
    }
    assert_eq!(hub.wait().code(), Some(0));
}

// d.2 QUERY with body `match=...`
#[test]
fn query_is_a_get_with_a_body() {
    let hub = Mercure::with(&[ANONYMOUS]);
    let pattern = ("match_urlpattern", "https://example.com/:id");
    let body = form(&[("match", "a"), pattern]);
    let mut reading = hub.listen_by("QUERY", "", &[FORM], body.as_bytes());
    assert_eq!(reading.header("content-type"), Some("text/event-stream"));
    for topic in ["a", "b", "https://example.com/1"] {
        hub.publishes(&[("topic", topic), ("id", topic)]);
    }
    reading.reads("id: a\ndata: \n\nid: https://example.com/1\ndata: \n\n");

    // a.1.2 union of query and body; the URL's cursor wins, and the header's before both.
    let body = form(&[("match", "b"), ("last_event_id", "a")]);
    let mut reading = hub.listen_by("QUERY", "?match=a", &[FORM], body.as_bytes());
    assert_eq!(reading.header("mercure-last-event-id"), Some("a"));
    reading.reads("id: b\ndata: \n\n");
    let query = "?match=*&last_event_id=b";
    let mut reading = hub.listen_by("QUERY", query, &[FORM], body.as_bytes());
    assert_eq!(reading.header("mercure-last-event-id"), Some("b"));
    reading.reads("id: https://example.com/1\ndata: \n\n");
    let headers = [FORM, ("Last-Event-ID", "earliest")];
    let mut reading = hub.listen_by("QUERY", query, &headers, body.as_bytes());
    assert_eq!(reading.header("mercure-last-event-id"), Some("earliest"));
    assert_eq!(reading.ids(3), ["a", "b", "https://example.com/1"]);
}

// d.2 body over limit on QUERY
#[test]
fn a_query_over_the_limit_is_refused() {
    let hub = Mercure::with(&[ANONYMOUS, ("FANFARE_MAX_BODY", "1KiB")]);
    let body = form(&[("match", &"x".repeat(4100))]);
    let answer = hub.ask("QUERY", PATH, &[FORM], body.as_bytes());
    assert_plain(&answer, 413, "Request Entity Too Large\n", "over the limit");
    let answer = hub.ask("QUERY", PATH, &[("Content-Type", "application/json")], b"{}");
    // decision: as a POST with fields of another kind: none is seen.
    assert_plain(&answer, 400, "missing \"match\" subscription parameter\n", "no form");
}

// d.2 JWKS-style key with RS256 allowlist, HS256 token
#[test]
fn a_public_key_is_no_secret_to_sign_with() {
    let public = include_str!("../../keys/rsa.pub.pem");
    let jwks = format!("file://{}/tests/keys/rsa.jwks.json", env!("CARGO_MANIFEST_DIR"));
    for settings in [
        &[("FANFARE_SUBSCRIBER_JWKS_URL", &*jwks)][..],
        &[("FANFARE_SUBSCRIBER_JWT_KEY", public), ("FANFARE_SUBSCRIBER_JWT_ALG", "RS256")],
    ] {
        let hub = Mercure::with(settings);
        for dialect in Dialect::BOTH {
            let claims = dialect.claims("subscribe", &["*"]);
            for secret in [public, public.trim_end(), SUBSCRIBER_KEY] {
                let token = dialect.sign(&claims, secret);
                let answer = hub.try_listen_as(&token, &dialect.topics(&["a"]));
                assert_refused(dialect, &answer, (401, Some("invalid_token")), "signed by HS256");
            }
        }
    }
}

// d.2 invalid URL pattern
#[test]
fn a_pattern_that_is_none_is_refused_without_a_look_inside() {
    let hub = Mercure::with(&[ANONYMOUS]);
    for pattern in ["https://example.com/(", "https://example.com/:id/:id", "https://[/"] {
        let answer = hub.try_listen(&query(&[("match_urlpattern", pattern)]), &[]);
        assert_plain(&answer, 400, "invalid topic matcher pattern\n", pattern);
    }
    // The same text is a topic like any other.
    hub.listen(&query(&[("match", "https://example.com/(")]), &[]);
    let answer = hub.try_listen("?match=a&topic=b", &[("Authorization", &bearer("x"))]);
    assert_challenge(&answer, 400, Some("invalid_request"), "a short token comes first");
}
