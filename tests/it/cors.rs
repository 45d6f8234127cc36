use crate::support::{Fanfare, Response, Stream, request};

fn preflight(hub: &Fanfare, target: &str, origin: &str, method: &str, headers: &str) -> Response {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers),
    ];
    request(hub.0, "OPTIONS", target, &headers, b"")
}

#[test]
fn any_origin_may_use_the_hub_without_credentials() {
    let hub = Fanfare::start(&[]);
    for origin in ["http://localhost:8080", "https://example.com", "null"] {
        let stream = Stream::open(hub.0, "/events", &[("Origin", origin)]);
        assert_eq!(stream.head.header("access-control-allow-origin"), Some("*"), "{origin}");
        assert_eq!(stream.head.header("access-control-allow-credentials"), None);
        for (target, method) in [("/send-event", "POST"), ("/events", "GET")] {
            let headers = "content-type,last-event-id,authorization,cache-control";
            let answer = preflight(&hub, target, origin, method, headers);
            assert_eq!(answer.status, 204, "{origin}");
            assert_eq!(answer.body, b"");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert!(answer.header("access-control-allow-methods").unwrap().contains(method));
            assert_eq!(answer.header("access-control-allow-headers"), Some(headers));
            assert_eq!(answer.header("access-control-max-age"), Some("7200"));
        }
    }
}

#[test]
fn errors_have_the_headers_too() {
    let hub = Fanfare::start(&[]);
    let origin = ("Origin", "null");
    for (method, target, status) in
        [("POST", "/send-event", 415), ("DELETE", "/events", 405), ("GET", "/nowhere", 404)]
    {
        let answer = request(hub.0, method, target, &[origin], b"");
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{target}");
    }
}

#[test]
fn a_plain_options_is_answered() {
    let hub = Fanfare::start(&[]);
    for (target, allow) in [
        ("/events", "GET, HEAD, OPTIONS"),
        ("/send-event", "POST, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/health/live", "GET, HEAD, OPTIONS"),
    ] {
        let answer = request(hub.0, "OPTIONS", target, &[("Origin", "null")], b"");
        assert_eq!((answer.status, answer.header("allow")), (204, Some(allow)), "{target}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
}

#[test]
fn listed_origins_and_no_others_may_use_the_hub_with_credentials() {
    let list = "https://a.example, http://localhost:8080";
    let hub = Fanfare::start(&[("FANFARE_CORS_ORIGINS", list)]);
    for origin in ["https://a.example", "http://localhost:8080"] {
        let stream = Stream::open(hub.0, "/events", &[("Origin", origin)]);
        assert_eq!(stream.head.header("access-control-allow-origin"), Some(origin));
        assert_eq!(stream.head.header("access-control-allow-credentials"), Some("true"));
        assert!(stream.head.header("vary").unwrap().contains("Origin"));
        let answer = preflight(&hub, "/send-event", origin, "POST", "content-type");
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
    for origin in ["https://b.example", "null", "https://a.example.evil", "http://a.example"] {
        let stream = Stream::open(hub.0, "/events", &[("Origin", origin)]);
        assert_eq!(stream.head.header("access-control-allow-origin"), None, "{origin}");
        let answer = preflight(&hub, "/send-event", origin, "POST", "content-type");
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"]["code"], "cors_refused");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

/// A form needs no preflight to be sent across origins: its answer is hidden from the page, but
/// the event would be out.
#[test]
fn a_page_that_may_not_use_the_hub_cannot_publish_either() {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let hub =
        Fanfare::start(&[("FANFARE_CORS_ORIGINS", "https://a.example,http://localhost:8080")]);
    let mut stream = hub.subscribe("/events");
    let post = |hub: &Fanfare, headers: &[(&str, &str)], body: &str| {
        request(hub.0, "POST", "/send-event", &[&[form], headers].concat(), body.as_bytes())
    };
    let neighbour = format!("http://127.0.0.1:{}", hub.0.port() ^ 1);
    for origin in
        ["https://b.example", "null", "http://a.example", "http://127.0.0.1", &neighbour, "x", ""]
    {
        let answer = post(&hub, &[("Origin", origin)], "a=refused");
        assert_eq!(answer.status, 403, "{origin}");
        assert_eq!(answer.json()["error"]["code"], "origin_refused");
        let message = answer.json()["error"]["message"].to_string();
        assert!(message.contains("FANFARE_CORS_ORIGINS"), "{message}");
    }
    let own = hub.url();
    let allowed =
        ["https://a.example", "http://localhost:8080", &own, &own.replace("http:", "https:")];
    for (n, origin) in allowed.iter().enumerate() {
        assert_eq!(post(&hub, &[("Origin", origin)], &format!("n={n}")).status, 200, "{origin}");
        assert_eq!(stream.event().data, format!("{{\"n\":\"{n}\"}}"));
    }
    assert_eq!(post(&hub, &[], "a=no+page").status, 200);
    assert_eq!(stream.event().data, "{\"a\":\"no page\"}");

    let open = Fanfare::start_another(&[]);
    assert_eq!(post(&open, &[("Origin", "https://b.example")], "a=b").status, 200);
}
