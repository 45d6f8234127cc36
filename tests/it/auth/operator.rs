use super::*;
use crate::support::{Folder, Stream};

const ADMIN: &str = "the operator's token";

fn open(hub: Hub, target: &str, subject: &str) -> Stream {
    let token = token(&json!({"sub": subject, "mercure": {"subscribe": ["*"]}}));
    Stream::open(hub.0, target, &[("Authorization", &bearer(&token))])
}

fn revoke(hub: Hub, query: &str, admin: &str) -> Response {
    let headers = [("Authorization", &*bearer(admin))];
    request(hub.0, "DELETE", &format!("/admin/subscribers{query}"), &headers, b"")
}

#[test]
fn the_streams_of_a_subject_or_of_one_subscriber_can_be_ended() {
    let admin = ADMIN.replace(' ', "-");
    for direct_write in ["on", "off"] {
        let hub = closed(&[
            ("FANFARE_ADMIN_TOKEN", &admin),
            ("FANFARE_ANONYMOUS", "on"),
            ("FANFARE_WORKERS", "2"),
            ("FANFARE_DIRECT_WRITE", direct_write),
        ]);
        let mut alice: Vec<_> = (0..5).map(|_| open(*hub, "/events", "alice")).collect();
        let mut bob: Vec<_> = (0..5).map(|_| open(*hub, "/events", "bob")).collect();
        let bobs: Vec<_> = bob.iter_mut().map(Stream::greeting).collect();
        let mut anonymous = hub.subscribe("/events");
        hub.wait_for_subscribers(11);
        let ended = |query: &str| revoke(*hub, query, &admin).json()["ended"].as_u64().unwrap();
        assert_eq!(ended("?subject=alice"), 5);
        for stream in &mut alice {
            stream.rest();
        }
        assert_eq!(ended("?subject=alice"), 0);
        assert_eq!(ended("?subject=nobody"), 0);
        assert_eq!(ended(&format!("?id={}", bobs[2])), 1);
        bob[2].rest();
        assert_eq!(ended(&format!("?id={}", bobs[2])), 0);
        hub.wait_for_log(&format!("stream {} of 127.0.0.1 ended: revoked", bobs[2]));
        hub.wait_for_subscribers(5);
        assert_eq!(hub.ready()["ended"]["revoked"], 6);
        // The others go on, and who has a token can come back.
        let token = may_publish(&["*"]);
        assert_eq!(publish_with(*hub, &token).json()["subscribers"], 5);
        assert_eq!((bob[0].event().data, anonymous.event().data), ("1".to_owned(), "1".to_owned()));
        open(*hub, "/events", "alice").greeting();
    }
}

#[test]
fn who_is_ended_has_what_publishers_were_told_that_it_gets() {
    let admin = ADMIN.replace(' ', "-");
    let hub = closed(&[("FANFARE_ADMIN_TOKEN", &admin), ("FANFARE_WORKERS", "1")]);
    let mut streams: Vec<_> = (0..500).map(|_| open(*hub, "/events", "alice")).collect();
    hub.wait_for_subscribers(500);
    assert_eq!(publish_with(*hub, &may_publish(&["*"])).json()["subscribers"], 500);
    assert_eq!(revoke(*hub, "?subject=alice", &admin).json()["ended"], 500);
    for stream in &mut streams {
        stream.greeting();
        assert_eq!(stream.event().data, "1");
        assert!(stream.next().is_none());
    }
}

#[test]
fn a_stream_that_is_not_live_is_ended_too() {
    let admin = ADMIN.replace(' ', "-");
    let hub = closed(&[("FANFARE_ADMIN_TOKEN", &admin), ("FANFARE_SEND_BUFFER", "4KiB")]);
    let token = bearer(&may_publish(&["*"]));
    let body = format!("\"{}\"", "x".repeat(200_000));
    for _ in 0..100 {
        let headers = [("Content-Type", "application/json"), ("Authorization", &*token)];
        request(hub.0, "POST", "/send-event", &headers, body.as_bytes());
    }
    let mut stream = open(*hub, "/events?lastEventID=earliest", "alice");
    stream.greeting();
    stream.event();
    assert_eq!(revoke(*hub, "?subject=alice", &admin).json()["ended"], 1);
    let mut events = 1;
    while stream.next().is_some() {
        events += 1;
    }
    assert!(events < 100, "{events}");
    hub.wait_for_log("ended: revoked");
}

#[test]
fn only_the_operator_may_and_only_where_there_is_one() {
    let admin = ADMIN.replace(' ', "-");
    let hub = closed(&[("FANFARE_ADMIN_TOKEN", &admin)]);
    assert_refused(&revoke(*hub, "?subject=x", &admin[1..]), 401, "token_invalid");
    assert_refused(&revoke(*hub, "?subject=x", &may_publish(&["*"])), 401, "token_invalid");
    let target = "/admin/subscribers?subject=x";
    assert_refused(&request(hub.0, "DELETE", target, &[], b""), 401, "token_missing");
    let target = format!("{target}&authorization={admin}");
    assert_refused(&request(hub.0, "DELETE", &target, &[], b""), 401, "token_missing");
    let post = request(hub.0, "POST", "/admin/subscribers", &[], b"");
    assert_refused(&post, 405, "method_not_allowed");
    for query in ["", "?subject=a&id=b", "?id=", "?id=x", "?subject=a&subject=b"] {
        assert_refused(&revoke(*hub, query, &admin), 400, "invalid_parameter");
    }
    let hub = Fanfare::start_another(&[]);
    assert_refused(&revoke(*hub, "?subject=x", &admin), 404, "not_found");
}

#[test]
fn keys_are_read_again_on_sighup_and_no_stream_notices() {
    let folder = Folder::new();
    let path = folder.0.join("key.pem");
    let url = format!("file://{}", path.display());
    std::fs::copy("tests/keys/rsa.pub.pem", &path).unwrap();
    let hub = Fanfare::start(&[
        ("FANFARE_PUBLISHER_JWT_KEY", &url),
        ("FANFARE_PUBLISHER_JWT_ALG", "RS256"),
        ("FANFARE_SUBSCRIBER_JWT_KEY", &url),
        ("FANFARE_SUBSCRIBER_JWT_ALG", "RS256"),
    ]);
    let by = |name: &str, claims: &Value| {
        let key = EncodingKey::from_rsa_pem(key_file(name).as_bytes()).unwrap();
        sign(&Header::new(Algorithm::RS256), &key, claims)
    };
    let publishes = json!({"mercure": {"publish": ["*"]}});
    let (old, new) = (by("rsa", &publishes), by("rsa-other", &publishes));
    let token = bearer(&by("rsa", &json!({"mercure": {"subscribe": ["*"]}})));
    let mut stream = Stream::open(hub.0, "/events", &[("Authorization", &token)]);
    stream.greeting();
    hub.wait_for_subscribers(1);
    assert_eq!((publish_with(*hub, &old).status, publish_with(*hub, &new).status), (200, 401));

    std::fs::copy("tests/keys/rsa-other.pub.pem", &path).unwrap();
    hub.signal("HUP");
    crate::support::wait_until("the new key counts", || publish_with(*hub, &new).status == 200);
    assert_eq!(publish_with(*hub, &old).status, 401);

    // A key that can't be used leaves the one that counts.
    std::fs::copy("tests/keys/rsa-weak.pub.pem", &path).unwrap();
    hub.signal("HUP");
    hub.wait_for_log("the publisher keys stay as they were: the RSA key has 1024 bits");
    hub.wait_for_log("the subscriber keys stay as they were");
    std::fs::remove_file(&path).unwrap();
    hub.signal("HUP");
    hub.wait_for_log("No such file");
    assert_eq!(publish_with(*hub, &new).status, 200);
    for _ in 0..3 {
        assert_eq!(stream.event().data, "1");
    }
}
