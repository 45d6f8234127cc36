//! The endpoint, its methods and its headers: a.1, a.3.17, a.3.18 and a.7.

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{
        FORM, METADATA, Mercure, PATH, PUBLISHER_KEY, SUBSCRIBER_KEY, assert_plain, bearer, query,
    },
};
use crate::support::Response;

const SECURITY: [(&str, &str); 4] = [
    ("content-security-policy", "default-src 'self'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-xss-protection", "1; mode=block"),
];

fn all<'a>(answer: &'a Response, name: &str) -> Vec<&'a str> {
    let of_name = |(key, value): &'a (String, String)| (key == name).then_some(&**value);
    answer.headers.iter().filter_map(of_name).collect()
}

const PREFLIGHT: [(&str, &str); 2] =
    [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")];

// a.1.4, TestSecurityHeaders
#[test]
fn every_answer_has_the_security_headers_once() {
    let hub = Mercure::with(&[("FANFARE_SUBSCRIPTIONS", "true")]);
    let publisher = bearer(&Old.publisher(&["*"]));
    let subscriber = bearer(&Old.subscriber(&["*"]));
    let (publisher, subscriber) = (("Authorization", &*publisher), ("Authorization", &*subscriber));
    let subscriptions = format!("{PATH}/subscriptions");
    for (method, target, headers, body, status) in [
        ("GET", &*format!("{PATH}?topic=a"), &[subscriber][..], "", 200),
        ("HEAD", &format!("{PATH}?topic=a"), &[subscriber], "", 200),
        ("GET", &format!("{PATH}?topic=a"), &[], "", 401),
        ("GET", &format!("{PATH}?match=a"), &[], "", 401),
        ("GET", PATH, &[subscriber], "", 400),
        ("POST", PATH, &[publisher, FORM], "topic=a", 200),
        ("POST", PATH, &[FORM], "topic=a", 401),
        ("POST", PATH, &[publisher, FORM], "", 400),
        ("POST", PATH, &[publisher, FORM], "topic=/.well-known/mercure/x", 403),
        ("DELETE", PATH, &[], "", 405),
        ("OPTIONS", PATH, &PREFLIGHT, "", 204),
        ("OPTIONS", PATH, &[], "", 204),
        ("GET", "/.well-known/other", &[], "", 404),
        ("GET", &subscriptions, &[subscriber], "", 200),
        ("GET", &subscriptions, &[subscriber, ("If-None-Match", "earliest")], "", 200),
        ("GET", &format!("{subscriptions}/a/nobody"), &[subscriber], "", 404),
        ("GET", METADATA, &[], "", 200),
    ] {
        let answer = hub.ask(method, target, headers, body.as_bytes());
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.text());
        for (name, value) in SECURITY {
            assert_eq!(all(&answer, name), [value], "{method} {target}: {name}");
        }
    }
}

// a.3.17; J18: both spellings of `Expires`
// decision: no `Connection: keep-alive`, which HTTP/1.1 means without it (RFC 9112, 9.3).
#[test]
fn a_stream_has_exactly_the_headers_that_keep_caches_and_proxies_away() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        let reading = hub.listen_to(dialect, &["a"]);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "private, no-cache, no-store, must-revalidate, max-age=0"),
            ("pragma", "no-cache"),
            ("expire", "0"),
            ("expires", "0"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(all(&reading.head, name), [value], "{dialect:?} {name}");
        }
    }
}

// a.1.2; J10: HEAD subscribes and then hangs until timeout
#[test]
fn head_is_answered_at_once_with_the_heads_of_a_stream() {
    let hub = Mercure::with(&[("FANFARE_SUBSCRIPTIONS", "true")]);
    let mut watcher = hub.listen_to(Old, &["*"]);
    for dialect in Dialect::BOTH {
        let authorization = bearer(&dialect.subscriber(&["*"]));
        let target = format!("{PATH}{}", dialect.topics_after(&["a"], "earliest"));
        let mut connection = crate::support::Connection::open(hub.0);
        let request =
            format!("{target} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n");
        connection.send(format!("HEAD {request}"));
        let head = connection.read_head();
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        assert_eq!(head.header(dialect.cursor_header()), Some("earliest"));
        // The connection is free for the next request, and no stream has begun.
        connection.send("GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(connection.read_response().json()["streams"], 1);
        assert_eq!(
            hub.ask("HEAD", &format!("{PATH}{}", dialect.topics(&["a"])), &[], b"").status,
            401
        );
        assert_eq!(hub.ask("HEAD", PATH, &[("Authorization", &authorization)], b"").status, 400);
    }
    hub.publishes(&[("topic", "a"), ("id", "end")]);
    watcher.reads("id: end\ndata: \n\n");
}

// a.1.3, TestWithPublishDisabled, TestWithSubscribeDisabled; d.5 caddy_test publish disabled 405
#[test]
fn what_nobody_has_a_key_for_is_not_there() {
    let publisher = ("FANFARE_PUBLISHER_JWT_KEY", PUBLISHER_KEY);
    let subscriber = ("FANFARE_SUBSCRIBER_JWT_KEY", SUBSCRIBER_KEY);
    let anonymous = ("FANFARE_ANONYMOUS", "true");
    for (settings, publishes, subscribes) in [
        // decision: without any key the hub is the open /events alone; Mercure is off.
        (&[][..], false, false),
        (&[publisher], true, false),
        (&[subscriber], false, true),
        (&[anonymous], false, true),
        (&[publisher, anonymous], true, true),
        (&[publisher, subscriber], true, true),
    ] {
        let hub = Mercure::only(settings);
        let statuses = [
            hub.post_as(&Old.publisher(&["*"]), &[("topic", "a")]),
            hub.try_listen_as(&Old.subscriber(&["*"]), "?topic=a"),
            hub.ask(
                "HEAD",
                &format!("{PATH}?topic=a"),
                &[("Authorization", &bearer(&Old.subscriber(&["*"])))],
                b"",
            ),
            hub.ask("QUERY", PATH, &[FORM], b"topic=a&match=b"),
        ];
        for (answer, there) in statuses[..3].iter().zip([publishes, subscribes, subscribes]) {
            assert_eq!(answer.status, if there { 200 } else { 405 }, "{settings:?}: {answer:?}");
        }
        assert_eq!(statuses[3].status == 405, !subscribes, "QUERY is as GET: {:?}", statuses[3]);
        for (answer, name) in statuses.iter().zip(["POST", "GET", "GET", "QUERY"]) {
            if answer.status == 405 {
                assert_eq!(answer.text(), "", "the body is empty");
                // RFC 9110, 15.5.6 asks for it; gorilla/mux has none.
                let allow = answer.header("allow").expect("Allow");
                assert!(!allow.contains(name), "{settings:?}: {name} is not in {allow:?}");
            }
        }
    }
}

// a.1.2
#[test]
fn other_methods_are_not_allowed() {
    let hub = Mercure::start();
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = hub.ask(method, PATH, &[], b"");
        assert_eq!((answer.status, &*answer.text()), (405, ""), "{method}");
    }
}

// a.1.5
#[test]
fn errors_are_one_line_of_plain_text() {
    let hub = Mercure::with(&[("FANFARE_ANONYMOUS", "true")]);
    assert_plain(&hub.try_listen("", &[]), 400, "Missing \"topic\" parameter.\n", "no topic");
    // Also to those who would rather have something else, as EventSource does.
    let accept = ("Accept", "text/event-stream");
    assert_plain(&hub.try_listen("", &[accept]), 400, "Missing \"topic\" parameter.\n", "no topic");
    // decision: a query whose escapes are no text is no request of any client.
    let answer = hub.try_listen("?topic=%FF", &[]);
    assert_eq!(answer.status, 400, "{}", answer.text());
}

fn preflight(hub: &Mercure, origin: &str, method: &str) -> Response {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", "authorization,cache-control,last-event-id"),
    ];
    hub.ask("OPTIONS", PATH, &headers, b"")
}

// a.7.51
#[test]
fn pages_of_listed_origins_use_the_hub_with_credentials() {
    let origins = "https://a.example,capacitor://localhost,https://*.b.example";
    let hub = Mercure::with(&[("FANFARE_CORS_ORIGINS", origins)]);
    for origin in ["https://a.example", "capacitor://localhost", "https://x.b.example"] {
        for method in ["GET", "HEAD", "POST", "QUERY"] {
            let answer = preflight(&hub, origin, method);
            assert_eq!((answer.status, &*answer.text()), (204, ""), "{origin} {method}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
            let methods = answer.header("access-control-allow-methods").expect("methods");
            assert!(methods.contains(method), "{methods}");
            let headers = answer.header("access-control-allow-headers").expect("headers");
            for name in ["authorization", "cache-control", "last-event-id"] {
                assert!(headers.to_ascii_lowercase().contains(name), "{headers}");
            }
        }
        for dialect in Dialect::BOTH {
            let authorization = bearer(&dialect.subscriber(&["*"]));
            let headers = [("Origin", origin), ("Authorization", &*authorization)];
            let reading = hub.listen(&dialect.topics(&["a"]), &headers);
            assert_eq!(reading.header("access-control-allow-origin"), Some(origin));
            assert_eq!(reading.header("access-control-allow-credentials"), Some("true"));
            assert!(reading.header("vary").is_some_and(|vary| vary.contains("Origin")));
            let refused = hub.try_listen(&dialect.topics(&["a"]), &headers[..1]);
            assert_eq!(refused.header("access-control-allow-origin"), Some(origin), "a 401 too");
        }
    }
    for origin in ["https://c.example", "https://b.example", "null", "http://a.example"] {
        let answer = preflight(&hub, origin, "GET");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
    }
    // decision: with `*` there are no credentials, as 1.0 has it. 0.x says `*` with credentials,
    // which no browser accepts.
    let answer = preflight(&Mercure::start(), "https://any.example", "GET");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

// J9 Cursor response header not exposed by CORS
#[test]
fn pages_of_other_origins_can_read_the_cursor() {
    let hub = Mercure::with(&[
        ("FANFARE_CORS_ORIGINS", "https://a.example"),
        ("FANFARE_SUBSCRIPTIONS", "true"),
    ]);
    for dialect in Dialect::BOTH {
        let authorization = bearer(&dialect.subscriber(&["*"]));
        let headers = [("Origin", "https://a.example"), ("Authorization", &*authorization)];
        let reading = hub.listen(&dialect.topics_after(&["a"], "earliest"), &headers);
        let api = hub.get(&format!("{PATH}/subscriptions"), &headers);
        let refused = hub.try_listen(&New.topics(&["a"]), &headers[..1]);
        for answer in [&reading.head, &api, &refused] {
            let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
            let exposed = exposed.to_ascii_lowercase();
            for name in
                ["last-event-id", "mercure-last-event-id", "link", "etag", "www-authenticate"]
            {
                let all = exposed.split(',').map(str::trim);
                assert!(all.clone().any(|one| one == name), "{name} is not in {exposed:?}");
            }
        }
    }
}

// a.1.1, a.10.60: the hub has one path, and no `Link` but on the subscriptions of 1.0
#[test]
fn a_stream_and_a_receipt_have_no_link() {
    let hub = Mercure::start();
    for dialect in Dialect::BOTH {
        assert_eq!(hub.listen_to(dialect, &["a"]).header("link"), None);
        let answer = hub.post_as(&dialect.publisher(&["*"]), &[("topic", "a")]);
        assert_eq!((answer.status, answer.header("link")), (200, None));
    }
    let answer = hub.get(&format!("{PATH}/x{}", query(&[("topic", "a")])), &[]);
    assert_eq!(answer.status, 404, "{}", answer.text());
}
