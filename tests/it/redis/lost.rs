//! A Redis that comes back without what it had.

use std::{path::Path, process::Command};

use super::{another, gate::Gate, start};
use crate::support::{Event, Fanfare, Redis, Stream, post_json, wait_until};

fn publish(hub: &Fanfare, data: &str) -> String {
    let mut id = None;
    // A history that has just come back may be looked at still.
    wait_until("it is published", || {
        let response = post_json(hub.0, "/send-event", &format!("\"{data}\""));
        id = (response.status == 200).then(|| response.json()["id"].as_str().unwrap().to_owned());
        id.is_some()
    });
    id.unwrap()
}

fn data(event: &Event) -> String {
    assert_eq!(event.kind, "message", "{event:?}");
    event.json().as_str().unwrap().to_owned()
}

fn assert_next(stream: &mut Stream, expected: &[&str]) {
    for expected in expected {
        assert_eq!(&data(&stream.event()), expected);
    }
}

fn assert_gap(stream: &mut Stream) {
    let event = stream.event();
    assert_eq!(event.kind, "gap", "{event:?}");
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

/// Has the server lose what came after a copy of its files, as one without `fsync` does.
fn lose(redis: &mut Redis, while_it_is_known: impl FnOnce()) {
    let files = redis.folder().join("appendonlydir");
    let copied = redis.folder().join("copy");
    copy(&files, &copied);
    while_it_is_known();
    redis.kill();
    copy(&copied, &files);
    redis.launch();
}

#[test]
fn a_redis_that_is_empty_is_another_history() {
    let mut redis = Redis::with(&["--appendonly", "no"]);
    let (a, b) = (start(&redis.url(), &[]), another(&redis.url()));
    let mut streams = [a.subscribe("/events"), b.subscribe("/events")];
    let first = publish(&a, "1");
    let last = publish(&b, "2");
    for stream in &mut streams {
        assert_next(stream, &["1", "2"]);
    }
    redis.kill();
    redis.launch();
    // Told also where nothing comes after it.
    for stream in &mut streams {
        assert_gap(stream);
    }
    let next = publish(&a, "3");
    assert_ne!(next.split('-').next(), last.split('-').next());
    for stream in &mut streams {
        assert_next(stream, &["3"]);
    }
    for hub in [&a, &b, &another(&redis.url())] {
        for id in [&first, &last] {
            let mut stream = hub.resume("/events", id);
            assert_gap(&mut stream);
            assert_next(&mut stream, &["3"]);
        }
    }
}

#[test]
fn a_redis_that_has_lost_its_newest_entries_is_recognised() {
    let mut redis = Redis::start();
    let (a, b) = (start(&redis.url(), &[]), another(&redis.url()));
    let mut streams = [a.subscribe("/events"), b.subscribe("/events")];
    let kept = [publish(&a, "1"), publish(&b, "2")];
    let mut lost = Vec::new();
    lose(&mut redis, || {
        lost = vec![publish(&b, "3"), publish(&a, "4")];
        for stream in &mut streams {
            assert_next(stream, &["1", "2", "3", "4"]);
        }
    });
    for stream in &mut streams {
        assert_gap(stream);
    }
    let new = [publish(&b, "5"), publish(&a, "6")];
    for stream in &mut streams {
        assert_next(stream, &["5", "6"]);
    }
    let all: std::collections::HashSet<_> = kept.iter().chain(&lost).chain(&new).collect();
    assert_eq!(all.len(), 6, "no id is given twice");
    for hub in [&a, &b, &another(&redis.url())] {
        // Who has seen what is lost goes on after it, and is told once.
        for id in &lost {
            let mut stream = hub.resume("/events", id);
            assert_gap(&mut stream);
            assert_next(&mut stream, &["5", "6"]);
        }
        // Who has not is told in its place.
        let mut stream = hub.resume("/events", &kept[0]);
        assert_next(&mut stream, &["2"]);
        assert_gap(&mut stream);
        assert_next(&mut stream, &["5", "6"]);
        let mut stream = hub.resume("/events", &new[0]);
        assert_next(&mut stream, &["6"]);
    }
}

#[test]
fn a_loss_is_recognised_by_whoever_comes_later() {
    let mut redis = Redis::start();
    let gate = Gate::to(redis.address());
    let (witness, mut other) = (start(&gate.url(), &[]), another(&redis.url()));
    let mut stream = witness.subscribe("/events");
    publish(&other, "1");
    let mut lost = String::new();
    lose(&mut redis, || {
        lost = publish(&other, "2");
        assert_next(&mut stream, &["1", "2"]);
        // Whoever knows better is not there for a while.
        gate.close();
        other.signal("KILL");
        other.wait();
    });
    let fresh = another(&redis.url());
    let mut unaware = fresh.subscribe("/events");
    let next = publish(&fresh, "3");
    assert_ne!(next, lost, "no id is given twice");
    // A subscriber knows what no node does.
    let mut aware = fresh.resume("/events", &lost);
    assert_gap(&mut aware);
    assert_next(&mut aware, &["3"]);
    assert_next(&mut unaware, &["3"]);
    gate.open();
    assert_next(&mut stream, &["3"]);
    for stream in [&mut stream, &mut aware, &mut unaware] {
        assert_gap(stream);
    }
    publish(&witness, "4");
    for stream in [&mut stream, &mut aware, &mut unaware] {
        assert_next(stream, &["4"]);
    }
}

#[test]
fn a_redis_that_has_lost_nothing_is_no_gap() {
    let mut redis = Redis::start();
    let hub = start(&redis.url(), &[]);
    let mut stream = hub.subscribe("/events");
    let mut ids = vec!["earliest".to_owned()];
    let mut expected = Vec::new();
    for n in 0..5 {
        for half in ["a", "b"] {
            let data = format!("{n}{half}");
            ids.push(publish(&hub, &data));
            expected.push(data);
        }
        redis.kill();
        redis.launch();
    }
    publish(&hub, "end");
    expected.push("end".to_owned());
    let expected: Vec<_> = expected.iter().map(|data| &**data).collect();
    assert_next(&mut stream, &expected);
    for hub in [&hub, &another(&redis.url())] {
        for (seen, id) in ids.iter().enumerate() {
            assert_next(&mut hub.resume("/events", id), &expected[seen..]);
        }
    }
}

#[test]
fn a_log_that_is_deleted_is_another_history() {
    let redis = Redis::start();
    let (a, b) = (start(&redis.url(), &[]), another(&redis.url()));
    for command in [&["FLUSHALL"][..], &["DEL", "{fanfare}:log"], &["DEL", "{fanfare}:meta"]] {
        let mut streams = [a.subscribe("/events"), b.subscribe("/events")];
        let last = publish(&a, "1");
        for stream in &mut streams {
            assert_next(stream, &["1"]);
        }
        redis.ask(command);
        let next = publish(&b, "2");
        assert_ne!(last.split('-').next(), next.split('-').next(), "{command:?}");
        for stream in &mut streams {
            // Whether the gap or the event is first, depends on who notices.
            let events = [stream.event(), stream.event()];
            assert!(events.iter().any(|event| event.kind == "gap"), "{events:?}");
            assert!(events.iter().any(|event| event.data == "\"2\""), "{events:?}");
        }
    }
}
