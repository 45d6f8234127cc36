//! `Idempotency-Key`: what is sent again is published once.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{ids, post_lines};
use crate::{
    auth,
    support::{Fanfare, Folder, Hub, QUIET, Redis, Response, dawdle, request, wait_until},
};

fn post(hub: Hub, target: &str, headers: &[(&str, &str)], json: &str) -> Response {
    let headers = [&[("Content-Type", "application/json")], headers].concat();
    request(hub.0, "POST", target, &headers, json.as_bytes())
}

fn with_key(hub: Hub, target: &str, key: &str, json: &str) -> Response {
    post(hub, target, &[("Idempotency-Key", key)], json)
}

fn is_replayed(response: &Response) -> bool {
    response.header("idempotency-replayed") == Some("true")
}

/// All that is kept, as data.
fn all(hub: Hub) -> Vec<String> {
    hub.publish("?topic=end", "\"end\"");
    let mut stream = hub.resume("/events?topic=*", "earliest");
    let mut all = Vec::new();
    loop {
        let event = stream.event();
        match &*event.data {
            "\"end\"" => return all,
            _ if event.kind == "gap" => {}
            _ => all.push(event.data),
        }
    }
}

#[test]
fn a_repeat_gets_the_same_answer_and_publishes_nothing() {
    let hub = Fanfare::start(&[]);
    let mut stream = hub.subscribe("/events?topic=*");
    let first = with_key(*hub, "/send-event?type=a", "\"key-1\"", "{\"n\": 1}");
    assert_eq!((first.status, is_replayed(&first)), (200, false));
    assert_eq!(first.json()["subscribers"], 1);
    for (key, json) in [("\"key-1\"", "{\"n\":1}"), ("key-1", "{ \"n\":1 }")] {
        let again = with_key(*hub, "/send-event?type=a", key, json);
        assert_eq!((again.status, again.text()), (200, first.text()));
        assert!(is_replayed(&again));
        assert_eq!(again.header("content-type"), first.header("content-type"));
    }
    let lines = "{\"data\":2}\n{\"data\":3,\"id\":\"own\"}\n";
    let key = [("Idempotency-Key", "key-2")];
    let first = post_lines(*hub, &key, lines);
    let again = post_lines(*hub, &key, lines);
    assert_eq!((ids(&first), first.text()), (ids(&again), again.text()));
    assert!(!is_replayed(&first) && is_replayed(&again));
    hub.publish("", "4");
    for data in ["{\"n\":1}", "2", "3", "4"] {
        assert_eq!(stream.event().data, data);
    }
}

#[test]
fn a_key_is_for_one_payload_and_has_to_be_one() {
    let hub = Fanfare::start(&[]);
    assert_eq!(with_key(*hub, "/send-event", "k", "1").status, 200);
    for (target, json) in
        [("/send-event", "2"), ("/send-event?topic=a", "1"), ("/send-event?private", "1")]
    {
        let answer = with_key(*hub, target, "k", json);
        let code = answer.json()["error"]["code"].clone();
        assert_eq!((answer.status, code), (422, json!("idempotency_key_reused")), "{target}");
    }
    assert_eq!(post_lines(*hub, &[("Idempotency-Key", "k")], "{\"data\":1}").status, 422);
    for key in ["", "\"\"", "\"a", "a b", "a, b", "\"a\";b=1", &"x".repeat(256)] {
        let answer = with_key(*hub, "/send-event", key, "3");
        let code = answer.json()["error"]["code"].clone();
        assert_eq!((answer.status, code), (400, json!("invalid_idempotency_key")), "{key}");
    }
    let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    assert_eq!(post(*hub, "/send-event", &twice, "3").status, 400);
    assert_eq!(all(*hub), ["1"]);
}

#[test]
fn what_was_refused_can_be_sent_again() {
    let hub = Fanfare::start(&[]);
    assert_eq!(with_key(*hub, "/send-event", "k", "{").status, 400);
    let right = with_key(*hub, "/send-event", "k", "1");
    assert_eq!((right.status, is_replayed(&right)), (200, false));

    let mut redis = Redis::start();
    let hub = Fanfare::start_another(&[("FANFARE_HISTORY", &redis.url()), ("RUST_LOG", QUIET)]);
    redis.kill();
    assert_eq!(with_key(*hub, "/send-event", "k", "1").status, 503);
    redis.launch();
    wait_until("it is published", || with_key(*hub, "/send-event", "k", "1").status == 200);
    assert!(is_replayed(&with_key(*hub, "/send-event", "k", "1")));
    assert_eq!(all(*hub), ["1"], "also where the first attempt was kept after all");
}

#[test]
fn a_key_is_its_publishers_own() {
    let hub = auth::closed(&[]);
    let token = |claims: Value| format!("Bearer {}", auth::token(&claims));
    let all = json!({"publish": ["*"]});
    let [a, b, nobody] =
        [json!({"sub": "a"}), json!({"sub": "b"}), json!({})].map(|mut claims: Value| {
            claims["mercure"] = all.clone();
            token(claims)
        });
    let renewed = token(json!({"sub": "a", "iat": 1, "mercure": all}));
    let replayed = [&a, &b, &nobody, &renewed, &b].map(|token| {
        let headers = [("Authorization", &**token), ("Idempotency-Key", "k")];
        let answer = post(*hub, "/send-event", &headers, "1");
        assert_eq!(answer.status, 200, "{}", answer.text());
        is_replayed(&answer)
    });
    assert_eq!(replayed, [false, false, false, true, true]);
    let few = token(json!({"sub": "a", "mercure": {"publish": ["other"]}}));
    let headers = [("Authorization", &*few), ("Idempotency-Key", "k")];
    assert_eq!(post(*hub, "/send-event", &headers, "1").status, 403, "also for a repeat");
}

#[test]
fn the_window_ends_and_can_be_none() {
    let hub = Fanfare::start(&[("FANFARE_IDEMPOTENCY_WINDOW", "500ms")]);
    assert!(!is_replayed(&with_key(*hub, "/send-event", "k", "1")));
    wait_until("its time is over", || !is_replayed(&with_key(*hub, "/send-event", "k", "1")));
    assert_eq!(all(*hub), ["1", "1"]);
    let hub = Fanfare::start_another(&[("FANFARE_IDEMPOTENCY_WINDOW", "0")]);
    for _ in 0..2 {
        assert!(!is_replayed(&with_key(*hub, "/send-event", "\"", "1")), "it is not looked at");
    }
}

#[test]
fn repeats_at_the_same_time_wait_for_the_one_answer() {
    let folder = Folder::new();
    let place = format!("file://{}", folder.0.join("history.redb").display());
    let hub = Fanfare::start(&[("FANFARE_HISTORY", &place), ("FANFARE_WORKERS", "2")]);
    for round in 0..20 {
        let key = format!("\"round {round}\"");
        let answers: Vec<_> = std::thread::scope(|scope| {
            let sent: Vec<_> =
                (0..8).map(|_| scope.spawn(|| with_key(*hub, "/send-event", &key, "1"))).collect();
            sent.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        let first = answers.iter().filter(|answer| !is_replayed(answer)).count();
        assert_eq!(first, 1);
        assert!(answers.iter().all(|answer| answer.text() == answers[0].text()));
    }
    assert_eq!(all(*hub).len(), 20);
}

/// Sends one request until it is answered 200, to whatever hub is there. Returns the id.
fn insist(address: impl Fn() -> Option<SocketAddr>, number: usize) -> String {
    let once = || -> Option<String> {
        let mut socket = TcpStream::connect(address()?).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let data = number.to_string();
        let request = format!(
            "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Idempotency-Key: \"n-{number}\"\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{data}",
            data.len()
        );
        socket.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        let json: Value = answer.split("\r\n\r\n").nth(1)?.parse().ok()?;
        assert!(answer.starts_with("HTTP/1.1 200 ") || answer.contains(" 503 "), "{answer}");
        json["id"].as_str().map(str::to_owned)
    };
    let mut id = None;
    wait_until("it is published", || {
        id = once();
        id.is_some()
    });
    id.unwrap()
}

/// Publishes from several threads until `chaos` is over; each number once, however often it is sent.
fn publish_through(
    address: &(impl Fn() -> Option<SocketAddr> + Sync),
    chaos: impl FnOnce(),
) -> Vec<(String, String)> {
    let (numbers, over) = (AtomicUsize::new(0), Mutex::new(false));
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut told = Vec::new();
                    while !*over.lock().unwrap() {
                        let number = numbers.fetch_add(1, Relaxed);
                        told.push((number.to_string(), insist(address, number)));
                    }
                    told
                })
            })
            .collect();
        chaos();
        *over.lock().unwrap() = true;
        publishers.into_iter().flat_map(|each| each.join().unwrap()).collect()
    })
}

fn assert_once(hub: Hub, told: &[(String, String)]) {
    assert!(told.len() > 20, "only {} were answered", told.len());
    hub.publish("?topic=end", "\"end\"");
    let mut stream = hub.resume("/events?topic=*", "earliest");
    let mut seen = Vec::new();
    loop {
        let event = stream.event();
        if event.data == "\"end\"" {
            break;
        }
        seen.push((event.data, event.id.unwrap()));
    }
    let mut told = told.to_vec();
    told.sort();
    seen.sort();
    assert_eq!(seen, told, "each once, under the id that was told");
}

#[test]
fn a_hub_that_dies_before_it_answers_publishes_nothing_twice() {
    let folder = Folder::new();
    let place = format!("file://{}", folder.0.join("history.redb").display());
    let settings = [("FANFARE_HISTORY", &*place), ("RUST_LOG", QUIET)];
    let hub = Mutex::new(Some(Fanfare::start(&settings)));
    let at = Mutex::new(hub.lock().unwrap().as_ref().map(|hub| hub.0));
    let told = publish_through(&|| *at.lock().unwrap(), || {
        for _ in 0..15 {
            dawdle(Duration::from_millis(60));
            let mut dying = hub.lock().unwrap().take().unwrap();
            dying.signal("KILL");
            dying.wait();
            let next = dying.start_again(&settings);
            *at.lock().unwrap() = Some(next.0);
            *hub.lock().unwrap() = Some(next);
        }
    });
    assert_once(**hub.lock().unwrap().as_ref().unwrap(), &told);
}

#[test]
fn what_one_node_has_published_no_other_publishes_again() {
    let redis = Redis::start();
    let url = redis.url();
    let settings = [("FANFARE_HISTORY", &*url), ("RUST_LOG", QUIET)];
    let a = Fanfare::start(&settings);
    let b = Fanfare::start_another(&settings);
    let first = with_key(*a, "/send-event", "k", "\"x\"").json();
    let again = with_key(*b, "/send-event", "k", "\"x\"");
    assert!(is_replayed(&again));
    assert_eq!(again.json(), json!({"success": true, "id": first["id"], "subscribers": null}));
    assert_eq!(with_key(*b, "/send-event", "k", "\"y\"").status, 422);

    let mut nodes = vec![b];
    let at = Mutex::new(vec![a.0, nodes[0].0]);
    let any = || {
        let at = at.lock().unwrap();
        Some(at[fastrand::usize(..at.len())])
    };
    let mut told = publish_through(&any, || {
        for _ in 0..6 {
            dawdle(Duration::from_millis(100));
            let dying = nodes.pop().unwrap();
            dying.signal("KILL");
            at.lock().unwrap().truncate(1);
            let next = dying.start_again(&settings);
            at.lock().unwrap().push(next.0);
            nodes.push(next);
        }
    });
    told.push(("\"x\"".to_owned(), first["id"].as_str().unwrap().to_owned()));
    assert_once(*a, &told);
}
