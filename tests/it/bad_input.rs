use crate::support::{Connection, Fanfare, Response, Stream, get, request};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// An error in the one form that there is, which repeats nothing of what was sent.
fn assert_error(response: &Response, status: u16, code: &str, part: &str, sent: &str) {
    let json = response.json();
    let error = &json["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert_eq!((response.status, error["code"].as_str()), (status, Some(code)), "{json}");
    assert_eq!(json.as_object().unwrap().len(), 2, "{json}");
    assert_eq!((&json["success"], error.as_object().unwrap().len()), (&false.into(), 2));
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(message.contains(part), "{message:?} should say {part:?}");
    assert!(!response.text().contains("SECRET"), "{sent:?} is echoed: {message:?}");
}

/// Publishes what is wrong, then something right: the stream has to show the second alone.
struct Case<'a> {
    headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    status: u16,
    code: &'a str,
    says: &'a str,
}

#[test]
fn a_body_that_cannot_be_published_is_refused_and_publishes_nothing() {
    let hub = Fanfare::start(&[("FANFARE_MAX_BODY", "1KiB")]);
    let mut stream = hub.subscribe("/events?topic=*");
    let large = format!("\"{}\"", "x".repeat(1023));
    let case = |headers, body, status, code, says| Case { headers, body, status, code, says };
    for wrong in [
        case(&[JSON], b"", 400, "empty_body", "empty"),
        case(&[JSON], b" \n", 400, "empty_body", "empty"),
        case(&[FORM], b"", 400, "empty_body", "empty"),
        case(&[FORM], b"&&", 400, "empty_body", "empty"),
        case(&[], b"{}", 415, "unsupported_media_type", "application/json"),
        case(&[("Content-Type", "text/plain")], b"SECRET", 415, "unsupported_media_type", "send"),
        case(&[("Content-Type", "text/json")], b"{}", 415, "unsupported_media_type", "send"),
        case(
            &[("Content-Type", "multipart/form-data; boundary=x")],
            b"--x--",
            415,
            "unsupported_media_type",
            "send",
        ),
        case(&[("Content-Type", "???")], b"{}", 415, "unsupported_media_type", "send"),
        case(
            &[("Content-Type", "application/json; charset=iso-8859-1")],
            b"{}",
            415,
            "unsupported_media_type",
            "UTF-8",
        ),
        case(
            &[("Content-Type", "application/json; charset=bogus")],
            b"{}",
            415,
            "unsupported_media_type",
            "UTF-8",
        ),
        case(
            &[JSON, ("Content-Encoding", "gzip")],
            b"\x1f\x8b",
            415,
            "unsupported_content_encoding",
            "Content-Encoding",
        ),
        case(&[JSON], b"{\"a\":\xff}", 400, "invalid_utf8", "offset 5"),
        case(&[FORM], b"a=1&b=%FF%FE", 400, "invalid_utf8", "number 2"),
        case(&[FORM], b"a=\xff", 400, "invalid_utf8", "offset 2"),
        case(&[JSON], b"{\"a\":SECRET}", 400, "invalid_json", "line 1 column 6"),
        case(&[JSON], b"{\n\"a\": 1,\n}", 400, "invalid_json", "line 3 column 1"),
        case(&[JSON], b"{\"SECRET\":1", 400, "invalid_json", "column 11"),
        case(&[JSON], b"1 2", 400, "invalid_json", "column 3"),
        case(&[JSON], b"{\"a\":01}", 400, "invalid_json", "column"),
        case(&[JSON], b"\"raw\nline end\"", 400, "invalid_json", "control character"),
        case(&[JSON], b"'SECRET'", 400, "invalid_json", "column 1"),
        case(&[JSON], large.as_bytes(), 413, "body_too_large", "1024 bytes"),
    ] {
        let sent = String::from_utf8_lossy(wrong.body);
        let response = request(hub.0, "POST", "/send-event", wrong.headers, wrong.body);
        assert_error(&response, wrong.status, wrong.code, wrong.says, &sent);
    }
    let just_fits = format!("\"{}\"", "x".repeat(1022));
    hub.publish("", &just_fits);
    assert_eq!(stream.event().data, just_fits);
}

#[test]
fn a_body_that_grows_too_large_is_refused_whatever_its_framing() {
    let hub = Fanfare::start(&[("FANFARE_MAX_BODY", "1KiB")]);
    let mut stream = hub.subscribe("/events");
    let mut connection = Connection::open(hub.0);
    connection.send(
        "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
    );
    let chunk = format!("400\r\n{}\r\n", "1".repeat(1024));
    connection.send(format!("{chunk}{chunk}0\r\n\r\n"));
    assert_error(&connection.read_response(), 413, "body_too_large", "1024 bytes", "");

    // Announced, refused before it is read, and yet the answer arrives: the sender is not reset
    // while it still sends.
    let body = vec![b'1'; 8 << 20];
    let response = request(hub.0, "POST", "/send-event", &[JSON], &body);
    assert_error(&response, 413, "body_too_large", "1024 bytes", "");

    hub.publish("", "1");
    assert_eq!(stream.event().data, "1");
}

#[test]
fn a_parameter_that_breaks_its_rules_is_named() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events?topic=*");
    let long = |name: &str, length| format!("?{name}={}", "x".repeat(length));
    let many = |count| format!("?{}", vec!["topic=t"; count].join("&"));
    for (query, part) in [
        ("?id=a%0Ab".to_owned(), "`id`"),
        ("?id=a%0Db".to_owned(), "`id`"),
        ("?id=a%00b".to_owned(), "`id`"),
        ("?id=".to_owned(), "`id`"),
        (long("id", 257), "`id`"),
        ("?id=%23SECRET".to_owned(), "`id`"),
        ("?id=earliest".to_owned(), "`id`"),
        ("?id=a&id=b".to_owned(), "`id`"),
        // A header can't carry these, or loses them.
        ("?id=a%01b".to_owned(), "`id`"),
        ("?id=a%09b".to_owned(), "`id`"),
        ("?id=a%7Fb".to_owned(), "`id`"),
        ("?id=a%C2%85b".to_owned(), "`id`"),
        ("?id=+a".to_owned(), "`id`"),
        ("?id=a+".to_owned(), "`id`"),
        ("?id=+".to_owned(), "`id`"),
        ("?id=%E3%80%80a".to_owned(), "`id`"),
        ("?type=a%0Ab".to_owned(), "`type`"),
        ("?type=a%0D".to_owned(), "`type`"),
        ("?type=%00".to_owned(), "`type`"),
        ("?type=".to_owned(), "`type`"),
        (long("type", 257), "`type`"),
        ("?topic=".to_owned(), "`topic`"),
        (long("topic", 4097), "`topic`"),
        (many(101), "`topic`"),
        ("?retry=".to_owned(), "`retry`"),
        ("?retry=SECRET".to_owned(), "`retry`"),
        ("?retry=-1".to_owned(), "`retry`"),
        ("?retry=%2B1".to_owned(), "`retry`"),
        ("?retry=1.5".to_owned(), "`retry`"),
        ("?retry=2147483648".to_owned(), "`retry`"),
        ("?retry=99999999999999999999".to_owned(), "`retry`"),
    ] {
        let target = format!("/send-event{query}");
        let response = request(hub.0, "POST", &target, &[JSON], b"{}");
        assert_error(&response, 400, "invalid_parameter", part, &query);
    }
    let response = request(hub.0, "POST", "/send-event?topic=%FF", &[JSON], b"{}");
    assert_error(&response, 400, "invalid_query", "UTF-8", "");

    // The limits themselves are allowed.
    for query in [
        long("id", 256),
        "?id=a+b".to_owned(),
        long("type", 256),
        "?type=+a%09".to_owned(),
        long("topic", 4096),
        many(100),
        "?retry=0".to_owned(),
        "?retry=2147483647".to_owned(),
    ] {
        hub.publish(&query, "1");
        assert_eq!(stream.event().data, "1");
    }
}

#[test]
fn a_subscription_that_breaks_its_rules_is_refused() {
    let hub = Fanfare::start(&[]);
    let too_complex = "{a}".repeat(100);
    for (query, code, part) in [
        ("?topic=".to_owned(), "invalid_parameter", "`topic`"),
        (format!("?topic={}", "x".repeat(4097)), "invalid_parameter", "`topic`"),
        (format!("?{}", vec!["topic=t"; 101].join("&")), "invalid_parameter", "100 times"),
        (format!("?topic={too_complex}"), "invalid_parameter", "template"),
        ("?topic=%FF".to_owned(), "invalid_query", "UTF-8"),
    ] {
        for method in ["GET", "HEAD"] {
            let target = format!("/events{query}");
            let response = request(hub.0, method, &target, &[], b"");
            assert_eq!(response.status, 400, "{method} {query:.40}");
            if method == "GET" {
                assert_error(&response, 400, code, part, &query);
            }
        }
    }
    let hundred = format!("/events?{}", vec!["topic=t"; 100].join("&"));
    Stream::open(hub.0, &hundred, &[]).greeting();
}

#[test]
fn wrong_methods_and_paths_are_told_what_is_right() {
    let hub = Fanfare::start(&[]);
    for (method, target, allow) in [
        ("GET", "/send-event", "POST, OPTIONS"),
        ("PUT", "/send-event", "POST, OPTIONS"),
        ("POST", "/events", "GET, HEAD, OPTIONS"),
        ("DELETE", "/events", "GET, HEAD, OPTIONS"),
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("POST", "/health/live", "GET, HEAD, OPTIONS"),
        ("PATCH", "/static/index.html", "GET, HEAD, OPTIONS"),
    ] {
        let response = request(hub.0, method, target, &[], b"");
        assert_error(&response, 405, "method_not_allowed", allow, "");
        assert_eq!(response.header("allow"), Some(allow));
    }
    for target in ["/nowhere", "/EVENTS", "/SEND-EVENT", "//send-event", "/health", "/event"] {
        assert_error(&get(hub.0, target), 404, "not_found", "nothing", "");
    }
    let accepted = request(hub.0, "POST", "/send-event", &[("Content-Type", "text/plain")], b"x");
    let accepts = "application/json, application/x-www-form-urlencoded";
    assert_eq!(accepted.header("accept-post"), Some(accepts));
}
