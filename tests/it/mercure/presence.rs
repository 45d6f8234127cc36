//! Who is there: the presence row of d.2, and a.8.53 to a.8.55.

use serde_json::json;

use super::{
    dialect::Dialect::{self, New, Old},
    hub::{Mercure, SUBSCRIBER_KEY, query},
    reading::Reading,
    token,
};

const ON: (&str, &str) = ("FANFARE_SUBSCRIPTIONS", "true");
/// Of 0.x, `{/topic}` takes no `+`, which a space becomes: only who asks for `*` sees it.
const SPACED: &str = "https://example.com/a b?c=d&e";
const TOPIC: &str = "https://example.com/a?c=d&e";

/// The names of all presence events of a dialect.
fn everyone(dialect: Dialect) -> &'static str {
    match dialect {
        Old => "/.well-known/mercure/subscriptions{/topic}{/subscriber}",
        New => "/.well-known/mercure/subscriptions/:match_type/:match/:subscriber",
    }
}

fn watch(hub: &Mercure, dialect: Dialect, token: &str) -> Reading {
    let query = query(&[(dialect.pattern(), everyone(dialect)), (dialect.selector(), "end")]);
    hub.listen_as(token, &query)
}

fn visitor(dialect: Dialect) -> String {
    let payload = json!({ "user": { "id": 1, "name": "Zoë" } });
    match dialect {
        Old => token::subscriber_with(&[TOPIC, SPACED], &payload),
        New => token::new_subscriber_with(&[TOPIC, SPACED], &payload),
    }
}

// d.2 presence: watcher allowed, watcher not allowed, third client connects/leaves
#[test]
fn who_may_watch_sees_others_come_and_go() {
    let hub = Mercure::with(&[ON]);
    for dialect in Dialect::BOTH {
        let mut stranger = watch(&hub, dialect, &dialect.subscriber(&["end", "other"]));
        let mut watcher = watch(&hub, dialect, &dialect.subscriber(&[everyone(dialect)]));
        let third = hub.listen_as(&visitor(dialect), &dialect.topics(&[TOPIC]));
        let name = if dialect == Old { "topic" } else { "match" };
        let (came, document) = watcher.document(name, TOPIC);
        assert_eq!(document["active"], true);
        third.leave();
        let (gone, left) = watcher.document(name, TOPIC);
        assert_eq!(left["active"], false);
        let mut expected = document.clone();
        expected["active"] = json!(false);
        assert_eq!(left, expected, "nothing else differs");
        assert!(came.id.is_some() && came.id != gone.id, "events have ids of their own");
        let kind = if dialect == Old { "message" } else { "mercure" };
        assert_eq!((&*came.kind, &*gone.kind), (kind, kind));

        hub.publishes(&[("topic", "end"), ("id", "end")]);
        stranger.reads("id: end\ndata: \n\n");
    }
}

// a.8.53, a.8.54: byte by byte
#[test]
fn a_document_of_0_x_is_indented_json_in_this_order() {
    let hub = Mercure::with(&[ON]);
    let mut watcher = hub.listen_to(Old, &["*"]);
    let third = hub.listen_as(&visitor(Old), &Old.topics(&[SPACED]));
    let (event, document) = watcher.document("topic", SPACED);
    let subscriber = document["subscriber"].as_str().expect("it says who");
    let uuid = subscriber.strip_prefix("urn:uuid:").expect("a URN");
    assert_eq!(uuid.parse::<uuid::Uuid>().expect("a UUID").get_version_num(), 4);
    // A space is a plus, and `/`, `:`, `?`, `=`, `&` are escaped, once.
    let path = "/.well-known/mercure/subscriptions/https%3A%2F%2Fexample.com%2Fa+b%3Fc%3Dd%26e";
    let expected = [
        "{",
        "  \"@context\": \"https://mercure.rocks/\",",
        &format!("  \"id\": \"{path}/urn%3Auuid%3A{uuid}\","),
        "  \"type\": \"Subscription\",",
        &format!("  \"subscriber\": \"{subscriber}\","),
        &format!("  \"topic\": \"{SPACED}\","),
        "  \"active\": true,",
        "  \"payload\": {",
        "    \"user\": {",
        "      \"id\": 1,",
        "      \"name\": \"Zoë\"",
        "    }",
        "  }",
        "}",
    ];
    // Go writes `&` as an escape; every reader of JSON sees the same.
    assert_eq!(event.data.replace("\\u0026", "&"), expected.join("\n"));

    third.leave();
    assert_eq!(watcher.document("topic", SPACED).1["id"], document["id"]);
    // The document's id is the topic of its events as well, and they are kept as others are.
    let name = document["id"].as_str().unwrap();
    let mut by_name =
        hub.listen_as(&Old.subscriber(&[name]), &Old.topics_after(&[name], "earliest"));
    for active in [true, false] {
        assert_eq!(by_name.event().json()["active"], active);
    }
}

// a.8.53, a.8.55
#[test]
fn a_document_of_1_0_has_no_context_and_names_its_matcher() {
    let hub = Mercure::with(&[ON]);
    let mut watcher = watch(&hub, New, &New.subscriber(&["*"]));
    let pattern = "https://example.com/:id";
    let topics = query(&[("match", SPACED), ("match_urlpattern", pattern)]);
    let _third = hub.listen_as(&visitor(New), &topics);
    let (event, document) = watcher.document("match", SPACED);
    assert_eq!(event.kind, "mercure");
    let subscriber = document["subscriber"].as_str().expect("it says who");
    let urn = subscriber.replace(':', "%3A");
    // A space is `%20`.
    let path =
        "/.well-known/mercure/subscriptions/exact/https%3A%2F%2Fexample.com%2Fa%20b%3Fc%3Dd%26e";
    let expected = json!({
        "id": format!("{path}/{urn}"),
        "type": "subscription",
        "subscriber": subscriber,
        "match": SPACED,
        "match_type": "exact",
        "active": true,
        "payload": { "user": { "id": 1, "name": "Zoë" } },
    });
    assert_eq!(document, expected);

    let (_, document) = watcher.document("match", pattern);
    assert_eq!(document["match_type"], "urlpattern");
    let path = "/.well-known/mercure/subscriptions/urlpattern/https%3A%2F%2Fexample.com%2F%3Aid";
    assert_eq!(document["id"], format!("{path}/{urn}"));
    assert_eq!(document["subscriber"], subscriber, "one connection is one subscriber");
    // No detail of its token has this pattern as a topic.
    assert_eq!(document.get("payload"), None);
}

// a.8.55 the first subscribe detail whose topics match the matcher string taken as a topic
#[test]
fn the_payload_of_1_0_is_that_of_the_first_detail_that_matches() {
    let hub = Mercure::with(&[ON]);
    let mut watcher = watch(&hub, New, &New.subscriber(&["*"]));
    let detail = |action: &str, topics: &[&str], payload: Option<i32>| {
        let mut detail = token::grant(action, topics);
        if let Some(payload) = payload {
            detail["payload"] = json!({ "n": payload });
        }
        detail
    };
    let details = [
        detail("publish", &["*"], Some(0)),
        detail("subscribe", &["https://example.com/users/:id"], Some(1)),
        detail("subscribe", &["b"], None),
        detail("subscribe", &["*"], Some(3)),
    ];
    let token = New.sign(&token::grants(&details), SUBSCRIBER_KEY);
    let _third = hub.listen_as(&token, &New.topics(&["https://example.com/users/7", "b", "c"]));
    for (topic, payload) in [
        ("https://example.com/users/7", json!({ "n": 1 })),
        ("b", json!(null)),
        ("c", json!({ "n": 3 })),
    ] {
        assert_eq!(watcher.document("match", topic).1["payload"], payload, "{topic}");
    }
}

// a.8.53 one per subscription; a.2.16
#[test]
fn each_topic_of_a_stream_is_a_subscription() {
    let hub = Mercure::with(&[ON]);
    for dialect in Dialect::BOTH {
        let mut watcher = watch(&hub, dialect, &dialect.subscriber(&["*"]));
        let third = hub.listen_to(dialect, &["a", "b", "*"]);
        let name = if dialect == Old { "topic" } else { "match" };
        let came = ["a", "b", "*"].map(|topic| watcher.document(name, topic).1);
        assert!(came.iter().all(|document| document["subscriber"] == came[0]["subscriber"]));
        third.leave();
        for topic in ["a", "b", "*"] {
            assert_eq!(watcher.document(name, topic).1["active"], false, "{topic}");
        }
    }
}

// a.8.54 emitted before the subscriber is registered
#[test]
fn a_watcher_of_0_x_does_not_see_itself_come() {
    let hub = Mercure::with(&[ON]);
    let mut watcher = watch(&hub, Old, &Old.subscriber(&["*"]));
    hub.publishes(&[("topic", "end"), ("id", "end")]);
    watcher.reads("id: end\ndata: \n\n");
}

// a.8.53 opt-in
#[test]
fn without_the_setting_nobody_is_told_of() {
    let hub = Mercure::start();
    let mut watchers = Dialect::BOTH.map(|dialect| hub.listen_to(dialect, &["*"]));
    for dialect in Dialect::BOTH {
        hub.listen_to(dialect, &["a"]).leave();
    }
    hub.wait_for_streams(2);
    hub.publishes(&[("topic", "a"), ("id", "end")]);
    for watcher in &mut watchers {
        watcher.reads("id: end\ndata: \n\n");
    }
}

// decision: each subscription is told of in the dialect that it was made in, so that a watcher
// reads documents of its own dialect alone.
#[test]
fn a_watcher_reads_documents_of_its_own_dialect_alone() {
    let hub = Mercure::with(&[ON]);
    let mut watchers =
        Dialect::BOTH.map(|dialect| watch(&hub, dialect, &dialect.subscriber(&["*"])));
    for dialect in Dialect::BOTH {
        hub.listen_to(dialect, &["visited"]).leave();
    }
    for (dialect, watcher) in Dialect::BOTH.into_iter().zip(&mut watchers) {
        let kind = if dialect == Old { "Subscription" } else { "subscription" };
        let mut visits = 0;
        while visits < 2 {
            let event = watcher.event();
            assert_eq!(event.json()["type"], kind, "{dialect:?}: {event:?}");
            visits += usize::from(event.data.contains("visited"));
        }
    }
    // Both have come and gone by now, in both dialects: nothing more is on its way.
    hub.publishes(&[("topic", "end"), ("id", "end")]);
    for watcher in &mut watchers {
        watcher.reads("id: end\ndata: \n\n");
    }
}
