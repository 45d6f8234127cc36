use super::*;
use crate::support::request_from;

const FORWARDED_FOR: (&str, &str) = ("FANFARE_CLIENT_ADDRESS_HEADER", "X-Forwarded-For");

/// The address that the log has for a request with this header, from this peer.
fn logged(hub: &Fanfare, peer: &str, header: &[(&str, &str)]) -> String {
    let mark = fastrand::u64(..);
    assert_eq!(request_from(peer, hub.0, "GET", &format!("/?{mark}"), header, b"").status, 200);
    let line = hub.wait_for_log(&mark.to_string());
    let (before, _) = line.split_once(" GET ").unwrap();
    before.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn a_trusted_proxy_says_whose_address_counts() {
    let hub = Fanfare::start(&[
        FORWARDED_FOR,
        ("FANFARE_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
        ("FANFARE_MAX_PER_ADDRESS", "1"),
    ]);
    let chain = "203.0.113.9, 192.0.2.1, 10.1.2.3";
    assert_eq!(logged(&hub, "127.0.0.1", &[("X-Forwarded-For", chain)]), "192.0.2.1");
    let two = [("X-Forwarded-For", "203.0.113.9, 192.0.2.2"), ("x-forwarded-for", "10.1.2.3")];
    assert_eq!(logged(&hub, "127.0.0.1", &two), "192.0.2.2");
    assert_eq!(logged(&hub, "127.0.0.1", &[("X-Real-IP", "192.0.2.1")]), "127.0.0.1");
    for garbage in ["", "unknown", "192.0.2.1, unknown", "192.0.2.1,", "1.2.3"] {
        assert_eq!(logged(&hub, "127.0.0.1", &[("X-Forwarded-For", garbage)]), "127.0.0.1");
    }
    // From a peer that is none, it changes nothing.
    assert_eq!(logged(&hub, "127.0.0.2", &[("X-Forwarded-For", chain)]), "127.0.0.2");

    // It is the address that has its places.
    let subscribe = |client: &str| {
        let mut stream = Stream::open(hub.0, "/events", &[("X-Forwarded-For", client)]);
        stream.greeting();
        stream
    };
    let stream = subscribe("192.0.2.1");
    let again = [("X-Forwarded-For", "203.0.113.9, 192.0.2.1")];
    assert_eq!(request(hub.0, "GET", "/events", &again, b"").status, 503);
    subscribe("192.0.2.2");
    stream.leave();
    hub.wait_for_log(" of 192.0.2.1 ended: left");
}

#[test]
fn who_is_no_proxy_cannot_choose_its_address() {
    let hub = Fanfare::start(&[
        FORWARDED_FOR,
        ("FANFARE_TRUSTED_PROXIES", "10.0.0.1"),
        ("FANFARE_MAX_PER_ADDRESS", "1"),
        ("FANFARE_PUBLISH_RATE", "1/h"),
    ]);
    let spoofed = |n: u8| format!("192.0.2.{n}");
    let _stream = Stream::open(hub.0, "/events", &[("X-Forwarded-For", &spoofed(1))]);
    let answer = request(hub.0, "GET", "/events", &[("X-Forwarded-For", &spoofed(2))], b"");
    assert_eq!(answer.status, 503);
    let statuses = [3, 4].map(|n| {
        let headers = [("X-Forwarded-For", &*spoofed(n)), ("Content-Type", "application/json")];
        request(hub.0, "POST", "/send-event", &headers, b"1").status
    });
    assert_eq!(statuses, [200, 429]);
}

#[test]
fn without_the_settings_no_header_counts() {
    let hub = Fanfare::start(&[]);
    assert_eq!(logged(&hub, "127.0.0.2", &[("X-Forwarded-For", "192.0.2.1")]), "127.0.0.2");
}

#[test]
fn one_setting_without_the_other_ends_the_start_with_what_to_do() {
    let trusted = ("FANFARE_TRUSTED_PROXIES", "127.0.0.1");
    for (set, missing) in [(FORWARDED_FOR, trusted.0), (trusted, FORWARDED_FOR.0)] {
        let output = run_to_end(&[], &[("PORT", "0"), set]);
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{log}");
        let said = format!("{} is set without {missing}: set it to the", set.0);
        assert!(log.contains(&said), "{log}");
    }
}
