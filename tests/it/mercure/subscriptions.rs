//! The API of active subscriptions: section d.4, and a.8.56 to a.8.59.

use serde_json::{Value, json};

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{
        Mercure, PATH, assert_challenge, assert_plain, assert_refused, assert_status, bearer,
        escaped, query,
    },
    reading::Reading,
    token,
};
use crate::support::Response;

const ON: (&str, &str) = ("FANFARE_SUBSCRIPTIONS", "true");
const ALL: &str = "/.well-known/mercure/subscriptions";

fn ask(hub: &Mercure, token: &str, target: &str) -> Response {
    hub.get(target, &[("Authorization", &bearer(token))])
}

/// Asks with the right to everything; the document, whose headers are checked.
#[track_caller]
fn read(hub: &Mercure, dialect: Dialect, target: &str) -> Value {
    let answer = ask(hub, &dialect.subscriber(&["*"]), target);
    assert_eq!(answer.status, 200, "{dialect:?} {target}: {}", answer.text());
    let kind = if dialect == Old { "application/ld+json" } else { "application/json" };
    assert_eq!(answer.header("content-type"), Some(kind), "{dialect:?} {target}");
    let etag = answer.header("etag").expect("an ETag").to_owned();
    let document = answer.json();
    match dialect {
        Old => {
            assert_eq!(document["@context"], "https://mercure.rocks/");
            assert_eq!(document["id"], target);
            assert_eq!(document["lastEventID"], *etag, "a bare id: {etag}");
        }
        New => {
            assert_eq!((document.get("@context"), document.get("lastEventID")), (None, None));
            let id = etag.strip_prefix('"').and_then(|id| id.strip_suffix('"')).expect("quotes");
            let link = format!(
                "<{PATH}>; rel=\"mercure\"; last-event-id=\"{id}\"; type=\"mercure\"; \
                 content-type=\"application/json\""
            );
            assert_eq!(answer.header("link"), Some(&*link));
        }
    }
    document
}

/// Two subscribers, live and told of.
fn visit(hub: &Mercure, dialect: Dialect) -> [Reading; 2] {
    let payloads = [json!({ "foo": "bar" }), json!({ "foo": "baz" })];
    let tokens = match dialect {
        Old => payloads.each_ref().map(|payload| token::subscriber_with(&["*"], payload)),
        New => payloads.each_ref().map(|payload| token::new_subscriber_with(&["*"], payload)),
    };
    let topics = ["http://example.com/foo", "http://example.com/bar"];
    let readings = [0, 1].map(|n| hub.listen_as(&tokens[n], &dialect.topics(&[topics[n]])));
    hub.wait_for_subscribers(2);
    readings
}

fn subscriptions(document: &Value) -> &[Value] {
    document["subscriptions"].as_array().expect("a list")
}

/// The part of the path between the collection and a topic.
fn kind(dialect: Dialect) -> &'static str {
    if dialect == Old { "" } else { "/exact" }
}

// d.4 API without token
#[test]
fn who_shows_no_token_is_told_nothing() {
    let hub = Mercure::with(&[ON]);
    let _readings = visit(&hub, Old);
    let answer = hub.get(&format!("{ALL}/foo"), &[]);
    assert_plain(&answer, 401, "Unauthorized\n", "0.x by its path");
    let answer = hub.get(&format!("{ALL}/exact/foo/bar"), &[]);
    assert_challenge(&answer, 401, None, "1.0 by its path");
    // decision: the path of the collection is that of both. Its 401 is too, with a challenge.
    assert_challenge(&hub.get(ALL, &[]), 401, None, "either");
    // Anonymous subscribers are no watchers.
    let hub = Mercure::with(&[ON, ("FANFARE_ANONYMOUS", "true")]);
    assert_eq!(hub.get(ALL, &[]).status, 401);
}

// d.4 API, token for another topic; bad ones
#[test]
fn who_has_no_right_to_the_path_is_told_nothing() {
    let hub = Mercure::with(&[ON]);
    for dialect in Dialect::BOTH {
        for topics in
            [&["/.well-known/mercure/subscriptions/another"][..], &["http://example.com/foo"]]
        {
            let answer = ask(&hub, &dialect.subscriber(topics), ALL);
            assert_refused(dialect, &answer, (403, Some("insufficient_scope")), ALL);
        }
        let claims = dialect.claims("publish", &["*"]);
        let answer = ask(&hub, &dialect.sign(&claims, super::hub::SUBSCRIBER_KEY), ALL);
        assert_refused(dialect, &answer, (403, Some("insufficient_scope")), "a right to publish");
        let answer = ask(&hub, &token::tampered(&dialect.subscriber(&["*"])), ALL);
        assert_refused(dialect, &answer, (401, Some("invalid_token")), "tampered with");
        let answer = ask(&hub, &dialect.publisher(&["*"]), ALL);
        assert_refused(dialect, &answer, (401, Some("invalid_token")), "the publishers' key");
        assert_eq!(ask(&hub, &dialect.subscriber(&[ALL]), ALL).status, 200, "exactly this path");
    }
}

// d.4 If-None-Match `earliest` (bare / quoted); a.8.59
#[test]
fn what_has_not_changed_is_not_sent_again() {
    for dialect in Dialect::BOTH {
        let hub = Mercure::with(&[ON]);
        let document = read(&hub, dialect, ALL);
        assert_eq!(subscriptions(&document), &[] as &[Value]);
        let etag = if dialect == Old { "earliest" } else { "\"earliest\"" };
        let authorization = bearer(&dialect.subscriber(&["*"]));
        for asked in ["earliest", "\"earliest\""] {
            let headers = [("Authorization", &*authorization), ("If-None-Match", asked)];
            let answer = hub.get(ALL, &headers);
            assert_eq!((answer.status, &*answer.text()), (304, ""), "{dialect:?} {asked}");
            assert_eq!(answer.header("etag"), Some(etag), "a 304 keeps the ETag");
        }
        let id = hub.publishes(&[("topic", "a"), ("id", "news")]);
        let headers = [("Authorization", &*authorization), ("If-None-Match", etag)];
        let answer = hub.get(ALL, &headers);
        assert_eq!(answer.status, 200, "{dialect:?}: something has come");
        assert_eq!(answer.header("etag").map(|etag| etag.replace('"', "")), Some(id));
    }
}

// d.4 list with two subscribers; d.5 e2e_test payload in API
#[test]
fn the_collection_has_all_subscriptions() {
    for dialect in Dialect::BOTH {
        let hub = Mercure::with(&[ON]);
        let readings = visit(&hub, dialect);
        let document = read(&hub, dialect, ALL);
        let list = subscriptions(&document);
        assert_eq!(list.len(), 2, "{document:#}");
        for (name, payload) in [("foo", "bar"), ("bar", "baz")] {
            let topic = format!("http://example.com/{name}");
            let matcher = if dialect == Old { "topic" } else { "match" };
            let of_topic = |document: &&Value| document[matcher] == *topic;
            let found = list.iter().find(of_topic).unwrap_or_else(|| panic!("{topic}: {list:?}"));
            let subscriber = found["subscriber"].as_str().expect("it says who");
            let id = format!("{ALL}{}/{}/{}", kind(dialect), escaped(&topic), escaped(subscriber));
            let expected = match dialect {
                Old => json!({ "id": id, "type": "Subscription", "subscriber": subscriber,
                    "topic": topic, "active": true, "payload": { "foo": payload } }),
                New => json!({ "id": id, "type": "subscription", "subscriber": subscriber,
                    "match": topic, "match_type": "exact", "active": true,
                    "payload": { "foo": payload } }),
            };
            assert_eq!(*found, expected, "{dialect:?}");
        }
        if dialect == Old {
            assert_eq!(document["type"], "Subscriptions");
        }
        readings.into_iter().for_each(Reading::leave);
        hub.wait_for_subscribers(0);
        assert_eq!(subscriptions(&read(&hub, dialect, ALL)).len(), 0);
    }
}

// d.4 per topic / per matcher
#[test]
fn a_collection_of_one_topic_has_only_that() {
    for dialect in Dialect::BOTH {
        let hub = Mercure::with(&[ON]);
        let _readings = visit(&hub, dialect);
        let target = format!("{ALL}{}/{}", kind(dialect), escaped("http://example.com/foo"));
        let document = read(&hub, dialect, &target);
        let list = subscriptions(&document);
        assert_eq!(list.len(), 1, "{document:#}");
        assert_eq!(list[0]["payload"]["foo"], "bar");
        let target = format!("{ALL}{}/{}", kind(dialect), escaped("http://example.com/nobody"));
        assert_eq!(subscriptions(&read(&hub, dialect, &target)).len(), 0);
    }
}

// d.4 single: right / wrong topic
#[test]
fn a_single_subscription_is_found_by_its_id() {
    for dialect in Dialect::BOTH {
        let hub = Mercure::with(&[ON]);
        let _readings = visit(&hub, dialect);
        let document = read(&hub, dialect, ALL);
        let mut ids = Vec::new();
        for listed in subscriptions(&document) {
            let id = listed["id"].as_str().expect("an id");
            let mut single = read(&hub, dialect, id);
            let object = single.as_object_mut().unwrap();
            assert_eq!(object.remove("lastEventID").is_some(), dialect == Old);
            assert_eq!(object.remove("@context").is_some(), dialect == Old);
            assert_eq!(single, *listed);
            ids.push(id.rsplit_once('/').expect("a path"));
        }
        let token = dialect.subscriber(&["*"]);
        let (topic, subscriber) = (ids[0].0, ids[1].1);
        for target in [
            format!("{topic}/{subscriber}"),
            format!("{topic}/urn%3Auuid%3A00000000-0000-4000-8000-000000000000"),
            format!("{topic}/nobody"),
        ] {
            let answer = ask(&hub, &token, &target);
            match dialect {
                Old => assert_plain(&answer, 404, "404 page not found\n", &target),
                New => assert_status(&answer, 404, &target),
            }
        }
    }
}

// d.4 path auth with extra query string
#[test]
fn a_grant_of_0_x_covers_the_query_and_one_of_1_0_the_path() {
    let hub = Mercure::with(&[ON]);
    let target = format!("{ALL}?foo=bar");
    let answer = ask(&hub, &Old.subscriber(&[ALL]), &target);
    assert_plain(&answer, 401, "Unauthorized\n", "the exact grant has no query");
    let granted = Old.subscriber(&["/.well-known/mercure/subscriptions{?foo}"]);
    assert_eq!(ask(&hub, &granted, &target).json()["id"], target, "0.x: the request's URI");
    assert_eq!(ask(&hub, &New.subscriber(&[ALL]), &target).status, 200);
}

// d.4 ETag escaping (space, quote, %, control, DEL, high byte)
#[test]
fn an_etag_of_1_0_has_every_id_in_it() {
    let hub = Mercure::with(&[ON]);
    for (id, etag) in [
        ("plain:urn/1,2", "plain:urn/1,2"),
        ("with space", "with%20space"),
        ("a\"b", "a%22b"),
        ("100%", "100%25"),
        // decision: ids with control characters are refused, as no browser can hand them back.
        // decision: no header has bytes outside ASCII.
        ("é", "%C3%A9"),
    ] {
        // By 0.x, which has the freer ids.
        hub.publishes(&[("topic", "a"), ("id", id)]);
        read(&hub, New, ALL);
        let authorization = bearer(&New.subscriber(&["*"]));
        let quoted = format!("\"{etag}\"");
        assert_eq!(
            ask(&hub, &New.subscriber(&["*"]), ALL).header("etag"),
            Some(&*quoted),
            "{id:?}"
        );
        let headers = [("Authorization", &*authorization), ("If-None-Match", &*quoted)];
        let answer = hub.get(ALL, &headers);
        assert_eq!((answer.status, answer.header("etag")), (304, Some(&*quoted)), "{id:?}");
    }
}

// d.4 segment escaping
#[test]
fn every_topic_can_stand_in_a_path() {
    let hub = Mercure::with(&[ON]);
    for dialect in Dialect::BOTH {
        for topic in
            ["foo+bar", "a b", "urn:x:y", "a?b&c=d", "{a}", "a{b", "a/b#c", "100%", "é", "*"]
        {
            let reading = hub.listen_to(dialect, &[topic]);
            hub.wait_for_subscribers(1);
            let document = read(&hub, dialect, ALL);
            let id = subscriptions(&document)[0]["id"].as_str().expect("an id");
            let name = if dialect == Old { "topic" } else { "match" };
            assert_eq!(read(&hub, dialect, id)[name], topic, "{dialect:?} {id}");
            let escaped = escaped(topic);
            // Both spellings of a space, and one escape more than needed.
            let target = format!("{ALL}{}/{escaped}", kind(dialect));
            assert_eq!(subscriptions(&read(&hub, dialect, &target)).len(), 1, "{target}");
            reading.leave();
            hub.wait_for_subscribers(0);
        }
    }
}

// a.8.58 Unknown match_type or bad escape: 400
#[test]
fn a_path_of_1_0_that_can_not_be_is_a_bad_request() {
    let hub = Mercure::with(&[ON]);
    let token = New.subscriber(&["*"]);
    for target in ["/unknown/foo", "/Exact/foo/bar", "/exact/%zz", "/exact/%FF", "/exact/a/%2"] {
        let answer = ask(&hub, &token, &format!("{ALL}{target}"));
        assert_status(&answer, 400, target);
    }
}

// a.8.56 GET only; a.8.59 With `subscriptions` off: 404
#[test]
fn the_api_is_opt_in_and_answers_get_alone() {
    let off = Mercure::start();
    let on = Mercure::with(&[ON]);
    for dialect in Dialect::BOTH {
        let authorization = bearer(&dialect.subscriber(&["*"]));
        let authorization = [("Authorization", &*authorization)];
        for target in [ALL.to_owned(), format!("{ALL}{}/foo", kind(dialect))] {
            assert_eq!(off.get(&target, &authorization).status, 404, "{target}");
            for method in ["POST", "PUT", "DELETE"] {
                let answer = on.ask(method, &target, &authorization, b"");
                assert_eq!(answer.status, 405, "{method} {target}: {}", answer.text());
            }
        }
    }
}

// a.6.43, d.5 caddy_test TestSubscriptionAPI
#[test]
fn without_a_subscribers_key_the_api_is_open() {
    let hub = Mercure::only(&[
        ON,
        ("FANFARE_ANONYMOUS", "true"),
        ("FANFARE_PUBLISHER_JWT_KEY", super::hub::PUBLISHER_KEY),
    ]);
    // And tokens are not looked at.
    let _reading = hub.listen("?topic=a", &[("Authorization", "Bearer x")]);
    hub.wait_for_subscribers(1);
    let answer = hub.get(ALL, &[]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    // decision: without a token it is of 0.x.
    assert_eq!(answer.header("content-type"), Some("application/ld+json"));
    assert_eq!(subscriptions(&answer.json())[0]["topic"], "a");
    // 1.0 by its path.
    let _reading = hub.listen(&query(&[("match", "b")]), &[]);
    hub.wait_for_subscribers(2);
    let answer = hub.get(&format!("{ALL}/exact/b"), &[]);
    assert_eq!(subscriptions(&answer.json())[0]["match"], "b");
}
