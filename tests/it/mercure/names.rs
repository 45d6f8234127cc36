//! What topics, ids, types and data may be: the rest of d.1, a.5.35 and a.5.36.

use serde_json::json;

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, PATH, PUBLISHER_KEY, RESOURCE, assert_status, bearer},
    token,
};

const RESERVED: [&str; 9] = [
    "https://x/.well-known/mercure",
    "http://other/.well-known/mercure/x",
    "/.well-known/mercure/subscriptions/foo",
    "mercure/subscriptions/foo",
    "https://x/.well-known/%6Dercure/subscriptions",
    "/.well-known/me%72cure/x",
    "https://x\\.well-known\\mercure\\x",
    "https://x/a/../.well-known/mercure",
    "",
];

const FREE: [&str; 8] = [
    "https://x/.well-known/mercureXXX",
    "https://x/.well-known/mercure-dashboard",
    "https://x/foo/.well-known/mercure/bar",
    "subscriptions/foo",
    "../mercure/x",
    "urn:example:mercure",
    "a topic with spaces",
    "https://example.com/?q=/.well-known/mercure",
];

// d.1 reserved topics
#[test]
fn the_hubs_own_topics_are_reserved_in_0_x_wherever_their_path_is() {
    let hub = Mercure::start();
    let mut reading = hub.listen_to(Old, &["*"]);
    let token = token::publisher(&["*"]);
    for topic in [
        "/.well-known/mercure/subscriptions/a/b",
        "https://example.com/.well-known/mercure",
        "https://example.com/foo/.well-known/mercure/bar",
    ] {
        let answer = hub.post_as(&token, &[("topic", "a"), ("topic", topic)]);
        assert_status(&answer, 403, topic);
    }
    hub.publishes(&[("topic", "a"), ("id", "end")]);
    reading.reads("id: end\ndata: \n\n");
}

// d.1 reserved topics, 1.0; a.5.36
#[test]
fn the_hubs_own_topics_are_reserved_in_1_0_by_their_resolved_path() {
    // By its configured name, and by that of the request.
    for hub in [Mercure::start(), Mercure::unnamed()] {
        let both = [RESOURCE, &format!("{}{PATH}", hub.url())];
        let claims = token::changed(New.claims("publish", &["*"]), &json!({ "aud": both }));
        let token = New.sign(&claims, PUBLISHER_KEY);
        for topic in RESERVED {
            let answer = hub.post_as(&token, &[("topic", "a"), ("topic", topic)]);
            assert_status(&answer, 400, &format!("{topic:?} is reserved"));
        }
        for topic in FREE {
            let answer = hub.post_as(&token, &[("topic", topic)]);
            assert_eq!(answer.status, 200, "{topic:?} is free: {}", answer.text());
        }
    }
}

// d.1 CR/LF/NUL in id or type
#[test]
fn what_would_end_a_line_of_the_stream_is_refused() {
    let hub = Mercure::start();
    let mut reading = hub.listen_to(Old, &["*"]);
    for dialect in Dialect::BOTH {
        let token = dialect.publisher(&["*"]);
        for field in ["id", "type"] {
            for text in ["a\rb", "a\nb", "a\0b", "\r\n", "\n", "x\n\ndata: forged"] {
                let answer = hub.post_as(&token, &[("topic", "a"), (field, text)]);
                assert_status(&answer, 400, &format!("{dialect:?} {field}={text:?}"));
            }
        }
    }
    hub.publishes(&[("topic", "a"), ("id", "end")]);
    reading.reads("id: end\ndata: \n\n");
}

// a.5.35 `id` or `type` with any C0/C1/DEL/Cf/invalid UTF-8; `type` = `mercure`
#[test]
fn an_id_and_a_type_of_1_0_have_no_characters_that_nobody_sees() {
    let hub = Mercure::start();
    let token = New.publisher(&["*"]);
    for field in ["id", "type"] {
        for text in ["a\u{1}", "\t", "a\u{7f}", "a\u{85}", "a\u{200b}", "a\u{ad}", "\u{feff}a"] {
            let answer = hub.post_as(&token, &[("topic", "a"), (field, text)]);
            assert_status(&answer, 400, &format!("{field}={text:?}"));
        }
        let body = format!("topic=a&{field}=a%FF");
        let answer = hub.post_body(&[("Authorization", &bearer(&token))], body.as_bytes());
        assert_status(&answer, 400, &format!("{field} is not UTF-8"));
        let answer = hub.post_as(&token, &[("topic", "a"), (field, "é 中 🎺")]);
        assert_eq!(answer.status, 200, "{field}: {}", answer.text());
    }
    let answer = hub.post_as(&token, &[("topic", "a"), ("type", "mercure")]);
    assert_status(&answer, 400, "`mercure` is the type of the hub's own events");
    let answer = hub.post_as(&token::publisher(&["*"]), &[("topic", "a"), ("type", "mercure")]);
    assert_eq!(answer.status, 200, "0.x has no such type: {}", answer.text());
}

// a.5.35 `id` starts with `#` or equals `earliest`
#[test]
fn ids_that_belong_to_the_hub_are_refused() {
    let hub = Mercure::start();
    // decision: also for 0.x. Its specification forbids `#`; here `#1-2` is a place in the history,
    // and `earliest` could never be resumed from.
    for dialect in Dialect::BOTH {
        for id in ["#", "#1-1", "#anything", "earliest"] {
            let answer = hub.post_as(&dialect.publisher(&["*"]), &[("topic", "a"), ("id", id)]);
            assert_status(&answer, 400, &format!("{dialect:?} {id}"));
        }
    }
}

// a.5.35 topic exactly `*`; with control / Cf chars or bad UTF-8
#[test]
fn a_topic_of_1_0_is_visible_text_and_no_wildcard() {
    let hub = Mercure::start();
    let (old, new) = (Old.publisher(&["*"]), New.publisher(&["*"]));
    for topic in ["*", "a\nb", "a\0", "a\u{7f}", "a\u{85}", "a\u{200b}", "\u{202e}a"] {
        let answer = hub.post_as(&new, &[("topic", topic)]);
        assert_status(&answer, 400, &format!("{topic:?}"));
        let answer = hub.post_as(&old, &[("topic", topic)]);
        assert_eq!(answer.status, 200, "0.x takes {topic:?}: {}", answer.text());
    }
    let answer = hub.post_body(&[("Authorization", &bearer(&new))], b"topic=a%FFb");
    assert_status(&answer, 400, "a topic that is not UTF-8");
    let answer = hub.post_body(&[("Authorization", &bearer(&old))], b"topic=a%FFb");
    assert_eq!(answer.status, 200, "0.x takes it: {}", answer.text());
}

// a.5.35 `data` not UTF-8
#[test]
fn data_that_is_not_utf_8_is_refused_by_1_0_and_replaced_by_0_x() {
    let hub = Mercure::start();
    let mut reading = hub.listen_to(Old, &["a"]);
    let new = bearer(&New.publisher(&["*"]));
    let answer = hub.post_body(&[("Authorization", &new)], b"topic=a&id=1&data=a%FFb");
    assert_status(&answer, 400, "data is not UTF-8");
    // decision: a stream is UTF-8. A 0.x hub passes the bytes on, and browsers show U+FFFD; so it
    // is U+FFFD that is sent.
    let old = bearer(&Old.publisher(&["*"]));
    let answer = hub.post_body(&[("Authorization", &old)], b"topic=a&id=1&data=a%FFb");
    assert_eq!(answer.status, 200, "{}", answer.text());
    reading.reads("id: 1\ndata: a\u{fffd}b\n\n");
}
