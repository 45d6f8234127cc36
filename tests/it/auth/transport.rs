use super::*;
use crate::support::{Stream, get, request};

#[test]
fn without_keys_tokens_are_not_looked_at() {
    let hub = Fanfare::start(&[]);
    assert_eq!(publish_with(*hub, "garbage").status, 200);
    assert_eq!(publish(*hub, "", &[("Authorization", "Basic x")]).status, 200);
    assert_eq!(request(hub.0, "HEAD", "/events?authorization=x", &[], b"").status, 200);
}

#[test]
fn with_keys_everyone_needs_a_token() {
    let hub = closed(&[]);
    for response in [publish(*hub, "", &[]), get(hub.0, "/events")] {
        assert_refused(&response, 401, "token_missing");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
    assert_eq!(request(hub.0, "HEAD", "/events", &[], b"").status, 401);
    let response = publish_with(*hub, &may_publish(&[]));
    assert_refused(&response, 403, "not_granted");
    let challenge = r#"Bearer error="insufficient_scope""#;
    assert_eq!(response.header("www-authenticate"), Some(challenge));
    // The rest stays as it was.
    assert_eq!(get(hub.0, "/").status, 200);
    assert_eq!(get(hub.0, "/health/ready").status, 200);
}

#[test]
fn a_body_is_not_read_for_who_may_not_publish() {
    let hub = closed(&[]);
    let mut connection = crate::support::Connection::open(hub.0);
    connection.send("POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
    assert_refused(&connection.read_response(), 401, "token_missing");
}

#[test]
fn each_role_has_its_own_key_and_anonymous_needs_none() {
    let hub = Fanfare::start(&[
        ("FANFARE_PUBLISHER_JWT_KEY", "the publishers' secret, which is long enough"),
        ("FANFARE_SUBSCRIBER_JWT_KEY", SECRET),
        ("FANFARE_ANONYMOUS", "1"),
    ]);
    let mut anonymous = hub.subscribe("/events");
    let token = bearer(&may_subscribe(&[]));
    let mut known = Stream::open(hub.0, "/events", &[("Authorization", &token)]);
    known.greeting();
    assert_refused(&publish_with(*hub, &may_publish(&["*"])), 401, "token_invalid");
    let key = EncodingKey::from_secret(b"the publishers' secret, which is long enough");
    let claims = json!({"mercure": {"publish": ["*"]}});
    let token = sign(&Header::new(Algorithm::HS256), &key, &claims);
    hub.wait_for_subscribers(2);
    assert_eq!(publish_with(*hub, &token).json()["subscribers"], 2);
    assert_eq!((anonymous.event().data, known.event().data), ("1".to_owned(), "1".to_owned()));
    assert_eq!(get(hub.0, &format!("/events?authorization={token}")).status, 401);
}

#[test]
fn the_header_has_one_token_after_bearer_in_any_case() {
    let hub = closed(&[]);
    let token = may_publish(&["*"]);
    for (value, status) in [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (format!("BEARER  {token}"), 200),
        (format!("Bearer{token}"), 401),
        (format!("Basic {token}"), 401),
        (format!("Bearer {token} {token}"), 401),
        (format!("Bearer {token},"), 401),
        (token.clone(), 401),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        (String::new(), 401),
    ] {
        let response = publish(*hub, "", &[("Authorization", &value)]);
        assert_eq!(response.status, status, "{value:?}: {}", response.text());
    }
    let twice = bearer(&token);
    let response = publish(*hub, "", &[("Authorization", &twice), ("Authorization", &twice)]);
    assert_refused(&response, 401, "token_invalid");
}

#[test]
fn header_then_query_then_cookie_and_the_first_that_is_there_counts() {
    let hub = closed(&[("FANFARE_PUBLISH_ORIGINS", "*")]);
    let token = may_publish(&["*"]);
    let (good, good_query) = (bearer(&token), format!("?authorization={token}"));
    let good_cookie = format!("mercureAuthorization={token}");
    let origin = ("Origin", "https://x.example");
    for (query, headers, status) in [
        (&*good_query, &[][..], 200),
        ("", &[("Cookie", &*good_cookie), origin], 200),
        (&good_query, &[("Authorization", "Bearer bad")], 401),
        (&good_query, &[("Authorization", "Basic bad")], 401),
        ("?authorization=bad", &[("Authorization", &*good)], 200),
        ("?authorization=bad", &[("Cookie", &*good_cookie), origin], 401),
        ("?authorization=", &[("Cookie", &*good_cookie), origin], 401),
        (&good_query, &[("Cookie", "mercureAuthorization=bad"), origin], 200),
        (&format!("{good_query}&authorization={token}"), &[], 401),
        // Names that are none.
        (&format!("?access_token={token}"), &[], 401),
        ("", &[("Cookie", &*good_cookie.replace("mercure", "Mercure")), origin], 401),
    ] {
        let response = publish(*hub, query, headers);
        assert_eq!(response.status, status, "{query} {headers:?}: {}", response.text());
    }
}

#[test]
fn a_cookie_counts_on_a_post_only_from_an_origin_that_may_use_it() {
    let origins = "https://a.example, https://*.b.example";
    let hub = closed(&[("FANFARE_PUBLISH_ORIGINS", origins), ("FANFARE_COOKIE_NAME", "__Host-t")]);
    let cookie = format!(
        "other=1; __Host-t={}; x=\"y\"",
        token(&json!({"mercure": {"publish": ["*"], "subscribe": []}}))
    );
    let cookie = ("Cookie", &*cookie);
    for (headers, status) in [
        (&[("Origin", "https://a.example")][..], 200),
        (&[("Origin", "https://x.b.example")], 200),
        (&[("Referer", "https://a.example/page?x#y")], 200),
        (&[("Origin", "https://a.example"), ("Referer", "https://evil.example/")], 200),
        (&[("Origin", "https://evil.example"), ("Referer", "https://a.example/")], 403),
        (&[("Origin", "null"), ("Referer", "https://a.example/")], 403),
        (&[("Origin", "https://a.example.evil.example")], 403),
        (&[("Origin", "https://a.example:8443")], 403),
        (&[("Origin", "http://a.example")], 403),
        (&[("Referer", "https://evil.example/https://a.example")], 403),
        (&[("Referer", "::not a url::")], 403),
        (&[], 403),
    ] {
        let response = publish(*hub, "", &[headers, &[cookie]].concat());
        assert_eq!(response.status, status, "{headers:?}: {}", response.text());
        if status == 403 {
            assert_refused(&response, 403, "origin_refused");
        }
    }
    // Reading needs no origin: a page of another can't see the answer without CORS.
    assert_eq!(request(hub.0, "HEAD", "/events", &[cookie], b"").status, 200);
    // None at all, without the setting.
    let hub = Fanfare::start_another(&[("FANFARE_PUBLISHER_JWT_KEY", SECRET)]);
    let cookie = format!("mercureAuthorization={}", may_publish(&["*"]));
    let headers = [("Cookie", &*cookie), ("Origin", "https://a.example")];
    assert_refused(&publish(*hub, "", &headers), 403, "origin_refused");
}

#[test]
fn no_secret_is_in_a_log_an_error_or_a_count() {
    let hub = closed(&[
        ("RUST_LOG", "trace"),
        ("FANFARE_ADMIN_TOKEN", "the-hidden-token-of-this-hub"),
        ("FANFARE_PUBLISH_ORIGINS", "*"),
    ]);
    let both = token(&json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}}));
    let authorization = bearer(&both);
    let mut stream = Stream::open(hub.0, "/events", &[("Authorization", &authorization)]);
    stream.greeting();
    hub.wait_for_subscribers(1);
    let cookie = format!("mercureAuthorization={both}");
    let mut answers = vec![
        publish(*hub, &format!("?authorization={both}"), &[]),
        publish(*hub, "", &[("Cookie", &cookie), ("Origin", "https://a.example")]),
        publish(*hub, "", &[("Cookie", &cookie)]),
        publish(*hub, &format!("?authorization={both}&authorization={both}"), &[]),
        publish(
            *hub,
            &format!("?topic=a&topic={}&id=a&id=b", "x".repeat(5000)),
            &[("Authorization", &authorization)],
        ),
        get(hub.0, &format!("/.well-known/mercure?topic=a&authorization={both}x")),
        get(hub.0, &format!("/.well-known/mercure?match=a&access_token={both}")),
    ];
    let answer =
        request(hub.0, "POST", "/ticket", &[("Authorization", &authorization)], b"").json();
    let ticket = answer["ticket"].as_str().unwrap();
    hub.subscribe(&format!("/events?ticket={ticket}"));
    answers.push(get(hub.0, &format!("/events?ticket={ticket}")));
    answers.push(publish_with(*hub, &format!("{both}x")));
    for admin in ["the-hidden-token-of-this-hub", "wrong-but-nearly-hidden"] {
        let headers = [("Authorization", &*bearer(admin))];
        answers.push(request(hub.0, "DELETE", "/admin/subscribers?subject=x", &headers, b""));
    }
    hub.signal("HUP");
    hub.wait_for_log("reading the keys again");
    answers.push(get(hub.0, "/health/ready"));
    get(hub.0, "/last");
    hub.wait_for_log("/last");
    // Parsers of the libraries have no reason to log what they read, even when told to log all.
    let answers: Vec<_> =
        answers.iter().map(|answer| format!("{:?} {}", answer.headers, answer.text())).collect();
    let log = [hub.log(), answers.join("\n")].join("\n");
    for secret in [SECRET, &both, both.split('.').next_back().unwrap(), ticket, "hidden"] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "{secret}: {lines:?}");
    }
}
