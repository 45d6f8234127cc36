//! `delay` and `at`: events that wait for their time.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::post_lines;
use crate::support::{
    Fanfare, Folder, Hub, QUIET, Redis, Response, dawdle, get, post_json, request, wait_until,
};

/// Hands an event over that is to wait.
fn delay(hub: Hub, query: &str, json: &str) -> Response {
    let answer = post_json(hub.0, &format!("/send-event?{query}"), json);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer
}

/// Does this with a hub for each place that a history can be at.
fn everywhere(case: impl Fn(&[(&str, &str)])) {
    let folder = Folder::new();
    let file = format!("file://{}", folder.0.join("history.redb").display());
    let other = format!("file://{}", folder.0.join("other.redb").display());
    let redis = Redis::start();
    for (place, durability) in
        [("memory", "always"), (&file, "always"), (&other, "interval"), (&redis.url(), "always")]
    {
        let settings =
            [("FANFARE_HISTORY", place), ("FANFARE_DURABILITY", durability), ("RUST_LOG", QUIET)];
        case(&settings);
    }
}

#[test]
fn an_event_gets_its_place_when_it_is_due() {
    everywhere(|settings| {
        let hub = Fanfare::start(settings);
        let mut stream = hub.subscribe("/events");
        let begun = Instant::now();
        let first = delay(*hub, "delay=1500ms&type=late&ttl=1h", "1").json();
        let second = delay(*hub, "delay=1&id=own", "2").json();
        let id = first["id"].as_str().unwrap().to_owned();
        assert!(id.starts_with("urn:uuid:") && first["due"].as_str().unwrap().ends_with('Z'));
        assert_eq!((&second["id"], &first["success"]), (&json!("own"), &json!(true)));
        assert!(first.get("subscribers").is_none());
        hub.publish("", "3");
        assert_eq!(stream.event().data, "3");
        let event = stream.event();
        assert_eq!((&*event.data, event.id.as_deref()), ("2", Some("own")));
        assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
        let event = stream.event();
        assert_eq!((&*event.data, event.id.as_deref(), &*event.kind), ("1", Some(&*id), "late"));
        assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // Its place is that of its time.
        let mut stream = hub.resume("/events", "own");
        assert_eq!(stream.event().data, "1");
    });
}

#[test]
fn lines_wait_each_for_its_own_time_and_a_repeat_has_the_same_ids() {
    everywhere(|settings| {
        let hub = Fanfare::start(settings);
        let mut stream = hub.subscribe("/events");
        let lines = "{\"data\":1}\n{\"data\":2,\"delay\":\"300ms\"}\n{\"data\":3}\n";
        let key = [("Idempotency-Key", "k")];
        let first = post_lines(*hub, &key, lines);
        assert_eq!((first.status, post_lines(*hub, &key, lines).text()), (200, first.text()));
        for data in ["1", "3"] {
            assert_eq!(stream.event().data, data);
        }
        let late = stream.event();
        assert_eq!(
            (&*late.data, late.id),
            ("2", first.json()["events"][1]["id"].as_str().map(str::to_owned))
        );
        let soon = SystemTime::now() + Duration::from_secs(1);
        let line = format!("{{\"data\":4,\"at\":\"{}\"}}", humantime::format_rfc3339_millis(soon));
        assert_eq!(post_lines(*hub, &[], &line).status, 202);
        assert_eq!(stream.event().data, "4");
        assert!(SystemTime::now() >= soon);
        delay(*hub, "at=2020-01-01T00:00:00Z", "5");
        assert_eq!(stream.event().data, "5", "what is overdue comes at once");
    });
}

#[test]
fn what_waits_survives_a_kill_and_comes_once() {
    everywhere(|settings| {
        if settings[0].1 == "memory" {
            return;
        }
        let mut hub = Fanfare::start(settings);
        let key = [("Content-Type", "application/json"), ("Idempotency-Key", "k")];
        let send = |hub: Hub| request(hub.0, "POST", "/send-event?delay=2", &key, b"1").json();
        let mut live = hub.subscribe("/events");
        let first = send(*hub);
        delay(*hub, "delay=1ms", "2");
        delay(*hub, "delay=3s", "3");
        assert_eq!(live.event().data, "2");
        // Until what is written at intervals is written.
        dawdle(Duration::from_millis(1200));
        hub.signal("KILL");
        hub.wait();
        let hub = hub.start_again(settings);
        assert_eq!(send(*hub)["id"], first["id"], "sent again, it waits once");
        let mut stream = hub.resume("/events", "earliest");
        for data in ["2", "1", "3"] {
            let mut event = stream.event();
            if event.kind == "gap" {
                // What is written at intervals has given ids that nobody has seen.
                event = stream.event();
            }
            assert_eq!(event.data, data);
        }
        hub.publish("", "4");
        assert_eq!(stream.event().data, "4", "none comes twice");
    });
}

#[test]
fn of_several_nodes_one_publishes_what_is_due() {
    let redis = Redis::start();
    let url = redis.url();
    let settings = [("FANFARE_HISTORY", &*url), ("RUST_LOG", QUIET)];
    let mut taker = Fanfare::start(&settings);
    let others = [Fanfare::start_another(&settings), Fanfare::start_another(&settings)];
    let mut streams = others.each_ref().map(|node| node.subscribe("/events"));
    for n in 0..300 {
        delay(*taker, "delay=2", &n.to_string());
    }
    taker.signal("KILL");
    taker.wait();
    for stream in &mut streams {
        let mut seen: Vec<u32> = (0..300).map(|_| stream.event().data.parse().unwrap()).collect();
        assert!(seen.is_sorted());
        seen.dedup();
        assert_eq!(seen.len(), 300);
    }
    others[0].publish("", "300");
    for stream in &mut streams {
        assert_eq!(stream.event().data, "300");
    }
}

#[test]
fn what_is_no_delay_is_refused_and_what_waits_is_counted() {
    let hub = Fanfare::start(&[("FANFARE_METRICS", "on")]);
    for query in [
        "delay=",
        "delay=8days",
        "delay=-1",
        "at=",
        "at=soon",
        "at=2999-01-01T00:00:00Z",
        "delay=1&at=2020-01-01T00:00:00Z",
    ] {
        assert_eq!(post_json(hub.0, &format!("/send-event?{query}"), "1").status, 400, "{query}");
    }
    delay(*hub, "delay=7days", "1");
    delay(*hub, "delay=1h", "2");
    assert!(get(hub.0, "/metrics").text().contains("\nfanfare_events_delayed 2\n"));
}

#[test]
fn what_waits_is_bounded_whatever_it_is_made_of() {
    let hub = Fanfare::start(&[]);
    let topic = |n| format!("{n:04}{}", "x".repeat(4000));
    let topics: Vec<_> = (0..60).map(topic).collect();
    let line = json!({"data": 1, "topic": topics, "delay": "6d"}).to_string();
    let mut kept = 0;
    let refusal = loop {
        let answer = post_lines(*hub, &[], &line);
        if answer.status != 202 {
            break answer;
        }
        kept += line.len();
        assert!(kept <= 66 << 20, "there is more than what may wait");
    };
    let code = refusal.json()["error"]["code"].clone();
    assert_eq!((refusal.status, code), (503, json!("too_many_delayed")));
    assert!(kept > 60 << 20, "{kept}");
}

#[test]
fn a_key_that_is_used_again_after_its_time_has_other_ids() {
    let redis = Redis::start();
    let url = redis.url();
    let settings = [("FANFARE_HISTORY", &*url), ("FANFARE_IDEMPOTENCY_WINDOW", "2s")];
    let (hub, other) = (Fanfare::start(&settings), Fanfare::start_another(&settings));
    let lines = "{\"data\":1,\"delay\":\"1h\"}\n{\"data\":1,\"delay\":\"1h\"}\n";
    let key = [("Idempotency-Key", "k")];
    let post = |hub: Hub| {
        let answer = post_lines(hub, &key, lines);
        assert_eq!(answer.status, 202, "{}", answer.text());
        let ids = [0, 1].map(|at| answer.json()["events"][at]["id"].clone());
        (answer.header("idempotency-replayed").is_some(), ids)
    };
    let (_, first) = post(*hub);
    assert_ne!(first[0], first[1]);
    assert_eq!(post(*other), (true, first.clone()), "another node tells the same ones");
    let mut later = first.clone();
    wait_until("its time is over", || {
        let (replayed, ids) = post(*hub);
        later = ids;
        !replayed
    });
    assert!(later.iter().all(|id| !first.contains(id)), "{first:?} {later:?}");
}
