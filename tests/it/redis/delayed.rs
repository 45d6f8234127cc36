//! What waits for its time in Redis: its order, and what becomes of it when the server is full, or
//! is started again.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{another, start};
use crate::support::{Fanfare, Hub, QUIET, Redis, Response, dawdle, request, wait_until};

fn post(hub: Hub, target: &str, key: &str, body: &str) -> Response {
    let kind = if target.starts_with("/send-events") { "x-ndjson" } else { "json" };
    let kind = format!("application/{kind}");
    let headers = [("Content-Type", &*kind), ("Idempotency-Key", key)];
    request(hub.0, "POST", target, &headers, body.as_bytes())
}

fn is_replayed(answer: &Response) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

fn time_in(seconds: u64) -> String {
    let at = SystemTime::now() + Duration::from_secs(seconds);
    humantime::format_rfc3339_millis(at).to_string()
}

#[test]
fn those_of_one_time_come_in_their_order() {
    let redis = Redis::start();
    let hub = start(&redis.url(), &[]);
    let mut stream = hub.subscribe("/events");
    let at = time_in(2);
    let lines: String = (0..30).map(|n| format!("{{\"data\":{n},\"at\":\"{at}\"}}\n")).collect();
    assert_eq!(post(*hub, "/send-events", "k", &lines).status, 202);
    let seen: Vec<u32> = (0..30).map(|_| stream.event().data.parse().unwrap()).collect();
    assert_eq!(seen, (0..30).collect::<Vec<_>>());
}

#[test]
fn what_an_earlier_version_has_put_there_comes_too() {
    let redis = Redis::start();
    let hub = start(&redis.url(), &[]);
    let mut stream = hub.subscribe("/events");
    assert_eq!(post(*hub, "/send-event?delay=2&id=own", "k", "1").status, 202);
    // Those have no number before who has appended them.
    let script = "local m = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES') \
                  redis.call('DEL', KEYS[1]) \
                  redis.call('ZADD', KEYS[1], m[2], (string.gsub(m[1], '^%d+ ', ''))) \
                  return string.match(redis.call('ZRANGE', KEYS[1], 0, 0)[1], '^%x+%-%d+ ')";
    let member = redis.ask(&["EVAL", script, "1", "{fanfare}:later"]);
    assert!(member.starts_with('$') && !member.starts_with("$-1"), "{member}");
    let event = stream.event();
    assert_eq!((&*event.data, event.id.as_deref()), ("1", Some("own")));
}

#[test]
fn a_full_server_is_not_asked_without_end_and_what_is_due_comes_when_it_has_room() {
    let redis = Redis::start();
    let hub = Fanfare::start(&[("FANFARE_HISTORY", &redis.url()), ("RUST_LOG", QUIET)]);
    let mut stream = hub.subscribe("/events");
    assert_eq!(post(*hub, "/send-event?delay=1s", "k", "1").status, 202);
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    redis.ask(&["CONFIG", "RESETSTAT"]);
    hub.wait_for_log("refuses");
    dawdle(Duration::from_secs(2));
    let stats = redis.ask(&["INFO", "commandstats"]);
    let asked = stats.split("cmdstat_evalsha:calls=").nth(1).unwrap().split(',').next().unwrap();
    assert!(asked.parse::<u32>().unwrap() < 100, "{asked}");
    assert_eq!(hub.log().matches("refuses").count(), 1, "{}", hub.log());
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(stream.event().data, "1");
}

#[test]
fn a_key_outlives_restarts_of_the_server_before_anything_is_in_the_log() {
    let mut redis = Redis::start();
    let (a, b) = (start(&redis.url(), &[]), another(&redis.url()));
    let first = post(*a, "/send-event?delay=60s", "k", "1");
    assert_eq!(first.status, 202);
    for _ in 0..2 {
        let epoch = |redis: &Redis| redis.ask(&["HGET", "{fanfare}:meta", "epoch"]);
        let before = epoch(&redis);
        redis.kill();
        redis.launch();
        wait_until("a node is back", || epoch(&redis) != before);
    }
    let mut again = None;
    wait_until("the other is back", || {
        let answer = post(*b, "/send-event?delay=60s", "k", "1");
        again = (answer.status == 202).then_some(answer);
        again.is_some()
    });
    let again = again.unwrap();
    assert!(is_replayed(&again), "{}", again.text());
    assert_eq!(again.json()["id"], first.json()["id"]);
    assert_eq!(redis.ask(&["ZCARD", "{fanfare}:later"]), ":1\r\n");
}

#[test]
fn what_is_due_since_1970_takes_no_place_before_its_time() {
    let redis = Redis::start();
    let (a, b) = (start(&redis.url(), &[]), another(&redis.url()));
    let lines = "{\"data\":1,\"at\":\"1970-01-01T00:00:00Z\"}\n{\"data\":2}\n";
    let id = |answer: &Response| -> Value { answer.json()["events"][1]["id"].clone() };
    let (first, again) =
        (post(*a, "/send-events", "k", lines), post(*b, "/send-events", "k", lines));
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(id(&first), id(&again));
    let mut stream = a.resume("/events", "earliest");
    for data in ["2", "1"] {
        assert_eq!(stream.event().data, data);
    }
}

#[test]
fn a_repeat_is_answered_also_where_no_more_may_wait() {
    let redis = Redis::start();
    let (a, b) = (start(&redis.url(), &[]), another(&redis.url()));
    let lines = "{\"data\":1}\n{\"data\":2,\"delay\":\"60s\"}\n";
    let first = post(*a, "/send-events", "k", lines);
    assert_eq!(first.status, 200, "{}", first.text());
    redis.ask(&["HSET", "{fanfare}:meta", "later", "68000000"]);
    for hub in [&a, &b] {
        wait_until("it is known that there is no room", || {
            let answer = request(
                hub.0,
                "POST",
                "/send-event?delay=60s",
                &[("Content-Type", "application/json")],
                b"3",
            );
            answer.status == 503
        });
    }
    let again = post(*b, "/send-events", "k", lines);
    assert!(again.status == 200 && is_replayed(&again), "{}", again.text());
    assert_eq!(again.json()["events"][1]["id"], first.json()["events"][1]["id"]);
    // Another is refused as a whole, and what is published meanwhile goes its way.
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..16)
            .map(|n| {
                let b = &b;
                scope.spawn(move || post(**b, "/send-events", &format!("k{n}"), lines))
            })
            .collect();
        for n in 0..20 {
            b.publish("", &format!("\"{n}\""));
        }
        for answer in waiting {
            let answer = answer.join().unwrap();
            let code = answer.json()["error"]["code"].clone();
            assert_eq!((answer.status, code), (503, json!("too_many_delayed")));
        }
    });
    redis.ask(&["HSET", "{fanfare}:meta", "later", "0"]);
    let last = post(*b, "/send-events", "k0", lines);
    assert!(last.status == 200 && !is_replayed(&last), "what was refused is not kept");
    let mut stream = b.resume("/events", "earliest");
    let mut seen: Vec<_> = (0..22).map(|_| stream.event().data).collect();
    assert_eq!((seen.remove(0), seen.pop().unwrap()), ("1".to_owned(), "1".to_owned()));
    assert!(seen.iter().enumerate().all(|(n, data)| *data == format!("\"{n}\"")), "{seen:?}");
}
