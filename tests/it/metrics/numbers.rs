use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::support::{Folder, Hub, Redis, Stream, post_json};

#[test]
fn what_is_published_delivered_and_replayed() {
    for direct_write in ["on", "off"] {
        let settings = [OWN, ("FANFARE_WORKERS", "1"), ("FANFARE_DIRECT_WRITE", direct_write)];
        let hub = Fanfare::start(&settings);
        let own = own_address(&hub);
        let mut streams: Vec<_> = (0..3).map(|_| hub.subscribe("/events")).collect();
        hub.wait_for_subscribers(3);
        let first = hub.publish("", "1")["id"].clone();
        for n in 2..=4 {
            assert_eq!(hub.publish("", &n.to_string())["subscribers"], 3);
        }
        assert_eq!(hub.publish("?topic=nobody", "5")["subscribers"], 0);
        let mut bytes = 0;
        for stream in &mut streams {
            for _ in 0..4 {
                bytes += stream.chunk().unwrap().len() as u64;
            }
        }
        let mut late = hub.resume("/events", first.as_str().unwrap());
        for n in 2..=4 {
            assert_eq!(late.event().data, n.to_string());
        }
        hub.wait_for_subscribers(4);

        let page = Page::scrape(own);
        assert_eq!(page.count("fanfare_events_published_total"), 5);
        assert_eq!(page.count("fanfare_publish_seconds_count"), 5);
        assert_eq!(page.count("fanfare_deliveries_total{source=live}"), 12);
        assert_eq!(page.count("fanfare_sent_bytes_total{source=live}"), bytes);
        let passes = page.count("fanfare_delivery_seconds_count");
        assert!((1..=4).contains(&passes), "{passes} passes");
        assert!(page.samples["fanfare_delivery_seconds_sum"] > 0.0);
        assert_eq!(page.count("fanfare_deliveries_total{source=history}"), 3);
        assert_eq!(page.count("fanfare_sent_bytes_total{source=history}"), bytes / 12 * 3);
        assert_eq!(page.count("fanfare_replay_events_count"), 1, "three asked for nothing");
        assert_eq!(page.count("fanfare_replay_events_sum"), 3);
        assert_eq!(page.count("fanfare_replay_events_bucket{le=10.0}"), 1);
        assert_eq!(page.count("fanfare_history_events"), 5);
        assert!(page.count("fanfare_history_bytes") > 5 * 10);
        assert!(page.samples["fanfare_history_age_seconds"] < 60.0);
        assert_eq!(page.count("fanfare_streams"), 4);
        assert_eq!(page.count("fanfare_subscribers"), 4);
        let direct = if direct_write == "on" { 4 } else { 0 };
        wait_for(own, "fanfare_subscribers_direct", direct);
        assert_eq!(page.count("fanfare_queued_events"), 0);
        assert_eq!(page.count("fanfare_queued_bytes"), 0);
        assert_eq!(page.sum("fanfare_gaps_total"), 0);
    }
}

#[test]
fn what_is_refused_and_why() {
    let hub = Fanfare::start(&[
        OWN,
        ("FANFARE_MAX_BODY", "1KiB"),
        ("FANFARE_MAX_SUBSCRIBERS", "2"),
        ("FANFARE_MAX_PER_ADDRESS", "1"),
    ]);
    let own = own_address(&hub);
    assert_eq!(Page::scrape(own).sum("fanfare_events_refused_total"), 0);
    post_json(hub.0, "/send-event", "no JSON");
    post_json(hub.0, "/send-event", "neither");
    post_json(hub.0, "/send-event?retry=x", "1");
    post_json(hub.0, "/send-event/", &format!("\"{}\"", "x".repeat(2000)));
    // None of these would have published something.
    get(hub.0, "/send-event");
    post_json(hub.0, "/nowhere", "1");
    let _stream = hub.subscribe("/events");
    get(hub.0, "/events");
    let page = Page::scrape(own);
    assert_eq!(page.count("fanfare_events_refused_total{reason=invalid_json}"), 2);
    assert_eq!(page.count("fanfare_events_refused_total{reason=invalid_parameter}"), 1);
    assert_eq!(page.count("fanfare_events_refused_total{reason=body_too_large}"), 1);
    assert_eq!(page.sum("fanfare_events_refused_total"), 4);
    assert_eq!(page.count("fanfare_events_published_total"), 0);
    assert_eq!(page.count("fanfare_streams_refused_total{reason=address_full}"), 1);
    assert_eq!(page.sum("fanfare_streams_refused_total"), 1);
    assert_eq!(page.count("fanfare_streams_limit"), 2);
    assert_eq!(page.count("fanfare_streams_opened_total"), 1);
}

#[test]
fn gaps_by_what_was_lost() {
    let hub = Fanfare::start(&[OWN, ("FANFARE_HISTORY_EVENTS", "2")]);
    let own = own_address(&hub);
    let first = hub.publish("", "0")["id"].as_str().unwrap().to_owned();
    for n in 1..=3 {
        hub.publish("", &n.to_string());
    }
    for (id, reason) in [(&*first, "trimmed"), ("never-was", "unknown"), ("#1-1", "epoch")] {
        let mut stream = hub.resume("/events", id);
        let gap = stream.event();
        assert_eq!((&*gap.kind, &gap.json()["reason"]), ("gap", &reason.into()), "{id}");
        let page = Page::scrape(own);
        assert_eq!(page.count(&format!("fanfare_gaps_total{{reason={reason}}}")), 1);
    }
    assert_eq!(Page::scrape(own).sum("fanfare_gaps_total"), 3);
    assert_eq!(Page::scrape(own).count("fanfare_history_events"), 2);
}

const KEY: &str = "what the tokens of this test are signed with";

fn bearer(claims: &Value) -> String {
    let key = EncodingKey::from_secret(KEY.as_bytes());
    format!("Bearer {}", encode(&Header::default(), claims, &key).unwrap())
}

fn open(hub: Hub, claims: &Value) -> Stream {
    let mut stream = Stream::open(hub.0, "/events", &[("Authorization", &bearer(claims))]);
    stream.greeting();
    stream
}

#[test]
fn streams_by_how_they_end_also_while_the_hub_does() {
    let hub = Fanfare::start(&[
        OWN,
        ("FANFARE_PUBLISHER_JWT_KEY", KEY),
        ("FANFARE_SUBSCRIBER_JWT_KEY", KEY),
        ("FANFARE_ANONYMOUS", "on"),
        ("FANFARE_ADMIN_TOKEN", "the-operator-has-this"),
        ("FANFARE_DRAIN", "5s"),
    ]);
    let own = own_address(&hub);
    let ended = |reason: &str| format!("fanfare_streams_ended_total{{reason={reason}}}");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let mut expires = open(*hub, &json!({"exp": now + 2, "mercure": {"subscribe": ["*"]}}));
    let mut revoked = open(*hub, &json!({"sub": "eve", "mercure": {"subscribe": ["*"]}}));
    hub.subscribe("/events").leave();
    let _stay: Vec<_> = (0..4).map(|_| hub.subscribe("/events")).collect();
    wait_for(own, &ended("left"), 1);
    let admin = [("Authorization", "Bearer the-operator-has-this")];
    assert_eq!(request(hub.0, "DELETE", "/admin/subscribers?subject=eve", &admin, b"").status, 200);
    revoked.rest();
    expires.rest();
    wait_for(own, &ended("revoked"), 1);
    wait_for(own, &ended("expired"), 1);
    let page = Page::scrape(own);
    assert_eq!(page.count("fanfare_streams_opened_total"), 7);
    assert_eq!(page.sum("fanfare_streams_ended_total"), 3);
    assert_eq!(page.count("fanfare_streams"), 4);

    post_json(hub.0, "/send-event", "1");
    request(hub.0, "POST", "/.well-known/mercure", &[], b"topic=a&data=b");
    let page = Page::scrape(own);
    assert_eq!(page.count("fanfare_events_refused_total{reason=token_missing}"), 2);

    // They end one after another, and the metrics are there until the last has.
    hub.signal("TERM");
    wait_until("one has ended", || !text(own).contains("{reason=\"drained\"} 0"));
}

#[test]
fn one_that_takes_nothing_waits_is_behind_and_is_slow() {
    let hub = Fanfare::start_alone(&[
        OWN,
        ("FANFARE_QUEUE_EVENTS", "50"),
        ("FANFARE_SEND_BUFFER", "16KiB"),
        ("FANFARE_PEER_TIMEOUT", "4s"),
    ]);
    let own = own_address(&hub);
    let _stalled = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    let event = format!("\"{}\"", "x".repeat(8000));
    let mut queued = 0;
    wait_until("its queue is full", || {
        hub.publish("", &event);
        if hub.ready()["behind"] == 1 {
            return true;
        }
        let page = text(own);
        let line = page.lines().find_map(|line| line.strip_prefix("fanfare_queued_bytes "));
        queued = queued.max(line.unwrap().parse::<u64>().unwrap());
        false
    });
    assert!(queued > 8000, "{queued} bytes have waited at the most");
    assert_eq!(Page::scrape(own).count("fanfare_subscribers_behind"), 1);
    wait_for(own, "fanfare_streams_ended_total{reason=slow}", 1);
    let page = Page::scrape(own);
    assert_eq!(page.count("fanfare_subscribers_behind"), 0);
    assert_eq!(page.count("fanfare_queued_bytes"), 0);
}

#[test]
fn what_is_kept_in_a_file_and_in_redis() {
    let (folder, redis) = (Folder::new(), Redis::start());
    let file = format!("file://{}/history.redb", folder.0.display());
    for place in [file, redis.url()] {
        let settings = [OWN, ("FANFARE_HISTORY", &*place), ("FANFARE_HISTORY_EVENTS", "3")];
        let hub = Fanfare::start(&settings);
        let own = own_address(&hub);
        assert_eq!(Page::scrape(own).count("fanfare_history_events"), 0, "{place}");
        for n in 0..5 {
            hub.publish("", &n.to_string());
        }
        wait_for(own, "fanfare_history_events", 3);
        let page = Page::scrape(own);
        assert!(page.count("fanfare_history_bytes") > 0);
        assert!(page.samples["fanfare_history_age_seconds"] < 60.0);
        let trips = page.samples.get("fanfare_redis_round_trip_seconds_count").copied();
        assert_eq!(trips.is_some_and(|trips| trips >= 5.0), place.starts_with("redis"));
        // What it waits for is no round trip: that alone would be a second each.
        let sum = page.samples.get("fanfare_redis_round_trip_seconds_sum").copied();
        assert!(sum.unwrap_or(0.0) < trips.unwrap_or(1.0) * 0.1, "{sum:?} for {trips:?}");
    }
}
