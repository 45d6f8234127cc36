//! A disk that has no room, does not let itself be written, or does not answer.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::Disk;
use crate::support::{
    Connection, Fanfare, Fault, PATIENCE, QUIET, Response, Stream, get, post_json, request,
    wait_until,
};

const LARGE: usize = 20_000;

fn publish(hub: &Fanfare, n: usize) -> Response {
    post_json(hub.0, "/send-event", &format!("\"{n:0LARGE$}\""))
}

/// Publishes until it is refused. Returns how many were answered, and the refusal.
fn publish_until_refused(hub: &Fanfare, from: usize) -> (usize, Response) {
    for n in from..10_000 {
        let response = publish(hub, n);
        if response.status != 200 {
            return (n - from, response);
        }
    }
    panic!("the disk is never full");
}

pub fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    let json = response.json();
    assert_eq!((&json["success"], &json["error"]["code"]), (&false.into(), &code.into()));
    let again: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&again));
}

/// Whether the hub says that it takes no events, and why.
pub fn assert_unready(hub: &Fanfare, code: &str) {
    let ready = get(hub.0, "/health/ready");
    assert_eq!((ready.status, &ready.json()["error"]["code"]), (503, &code.into()));
    assert_eq!(get(hub.0, "/health/live").status, 200);
}

pub fn wait_until_ready(hub: &Fanfare) {
    wait_until("it is ready", || get(hub.0, "/health/ready").status == 200);
}

fn number(stream: &mut Stream) -> usize {
    stream.event().json().as_str().unwrap().parse().unwrap()
}

/// Publishes again and again until it is let, and returns the answer.
fn publish_at_last(hub: &Fanfare, n: usize) {
    let took = wait_until("publishing works again", || publish(hub, n).status == 200);
    eprintln!("published again after {took:.1?}");
}

/// A full disk is told; streams stay open; what is there can be read; and with room it goes on,
/// as if what was refused had never been.
fn fills_up_and_goes_on(hub: &Fanfare, make_room: impl FnOnce()) {
    let mut live = hub.subscribe("/events");
    let (answered, refusal) = publish_until_refused(hub, 0);
    assert!(answered > 10, "only {answered} fit");
    assert_refused(&refusal, 507, "storage_full");
    assert_refused(&publish(hub, 0), 507, "storage_full");
    assert_unready(hub, "storage_full");
    for n in 0..answered {
        assert_eq!(number(&mut live), n);
    }
    let mut old = hub.resume("/events", "earliest");
    for n in 0..answered {
        assert_eq!(number(&mut old), n);
    }
    // It stays so, and nothing of what was tried is seen.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let small = post_json(hub.0, "/send-event", "0").status;
                    assert!(small == 507 || small == 200, "{small}");
                }
            });
        }
    });
    let mut small = 0;
    let mut late = hub.resume("/events", "earliest");
    for n in 0..answered {
        assert_eq!(number(&mut late), n);
    }
    make_room();
    publish_at_last(hub, 7777);
    loop {
        let event = live.event();
        if event.data.len() > 100 {
            break;
        }
        // Where a small one still fitted, everyone gets it.
        small += 1;
    }
    for stream in [&mut old, &mut late] {
        for _ in 0..small {
            assert_eq!(stream.event().data, "0");
        }
        assert_eq!(number(stream), 7777);
    }
    let next = publish(hub, 7778).json();
    let last = next["id"].as_str().unwrap().rsplit('-').next().unwrap();
    assert_eq!(last.parse::<usize>().unwrap(), answered + small + 2, "no id was used up");
    assert_eq!(hub.ready()["streams"], 3);
}

/// In namespaces of its own, where it may mount.
pub fn on_a_small_disk(disk: &Disk) -> Fanfare {
    let script = "mount -t tmpfs -o size=4m tmpfs \"$0\" && exec \"$@\"";
    let mut command = Command::new("unshare");
    let folder = disk.folder.0.to_str().unwrap();
    command.args(["--map-root-user", "--mount", "sh", "-c", script, folder]);
    let place = disk.setting();
    Fanfare::start_through(command, &[("FANFARE_HISTORY", &*place), ("RUST_LOG", QUIET)])
}

pub fn enlarge(disk: &Disk, hub: &Fanfare) {
    let (pid, folder) = (hub.pid().to_string(), disk.folder.0.to_str().unwrap());
    let remounted = Command::new("nsenter")
        .args(["--target", &pid, "--user", "--preserve-credentials", "--mount"])
        .args(["mount", "-o", "remount,size=64m", folder])
        .status();
    assert!(remounted.unwrap().success());
}

#[test]
fn a_full_disk_refuses_publishers_and_nothing_else() {
    let disk = Disk::new();
    let hub = on_a_small_disk(&disk);
    fills_up_and_goes_on(&hub, || enlarge(&disk, &hub));
    hub.wait_for_log("can be written again");
    wait_until_ready(&hub);
}

#[test]
fn a_disk_that_has_room_again_is_found_out_although_nobody_publishes() {
    let disk = Disk::new();
    let hub = on_a_small_disk(&disk);
    let (answered, _) = publish_until_refused(&hub, 0);
    // For as long as it takes to be tried again some times.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        assert_unready(&hub, "storage_full");
    }
    enlarge(&disk, &hub);
    wait_until_ready(&hub);
    assert_eq!(publish(&hub, answered).status, 200);
    let mut all = hub.resume("/events", "earliest");
    for n in 0..=answered {
        assert_eq!(number(&mut all), n);
    }
}

#[test]
fn a_limit_of_the_file_is_a_full_disk() {
    let disk = Disk::new();
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 3000; exec \"$@\"", "bash"]);
    let place = disk.setting();
    let settings = [("FANFARE_HISTORY", &*place), ("RUST_LOG", QUIET)];
    let hub = Fanfare::start_through(command, &settings);
    fills_up_and_goes_on(&hub, || {
        let pid = hub.pid().to_string();
        let raised = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
        assert!(raised.unwrap().success());
    });
}

#[test]
fn a_disk_that_fails_refuses_publishers_and_nothing_else() {
    for what in ["FAULT_DISK", "FAULT_SYNC"] {
        let (disk, fault) = (Disk::new(), Fault::build());
        let place = disk.setting();
        let settings = [("FANFARE_HISTORY", &*place), ("FANFARE_HEARTBEAT", "100ms")];
        let hub = fault.start(what, &settings);
        let mut live = hub.subscribe("/events");
        for n in 0..3 {
            assert_eq!(publish(&hub, n).status, 200);
        }
        fault.begin();
        assert_refused(&publish(&hub, 3), 503, "storage_failed");
        for n in 0..3 {
            assert_eq!(number(&mut live), n);
        }
        assert_eq!(live.chunk().as_deref(), Some(":\n"), "it lives");
        assert_refused(&publish(&hub, 3), 503, "storage_failed");
        assert_unready(&hub, "storage_failed");
        fault.end();
        wait_until_ready(&hub);
        assert_eq!(publish(&hub, 3).status, 200);
        hub.wait_for_log("can be written again");
        let mut all = hub.resume("/events", "earliest");
        for n in 0..4 {
            assert_eq!(number(&mut all), n);
        }
    }
}

/// Publishes, and does not wait for the answer.
fn send_one(hub: &Fanfare) -> Connection {
    let mut publisher = Connection::open(hub.0);
    publisher.send(
        "POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: 1\r\n\r\n2",
    );
    publisher
}

#[test]
fn a_disk_that_does_not_answer_makes_the_hub_unready() {
    let (disk, fault) = (Disk::new(), Fault::build());
    let place = disk.setting();
    let hub = fault.start("FAULT_STALL", &[("FANFARE_HISTORY", &*place)]);
    let mut live = hub.subscribe("/events");
    hub.publish("", "1");
    assert_eq!(live.event().data, "1");
    fault.begin();
    let mut publisher = send_one(&hub);
    let unready = || get(hub.0, "/health/ready").status == 503;
    wait_until("it is found out", unready);
    assert_unready(&hub, "storage_busy");
    assert_eq!(hub.resume("/events", "earliest").event().data, "1");
    fault.end();
    assert_eq!(publisher.read_response().status, 200);
    assert_eq!(live.event().data, "2");
    wait_until_ready(&hub);
}

#[test]
fn a_history_that_has_died_ends_the_process() {
    let (disk, fault) = (Disk::new(), Fault::build());
    let place = disk.setting();
    let mut hub = fault.start("FAULT_WRITER", &[("FANFARE_HISTORY", &*place)]);
    let _stream = hub.subscribe("/events");
    hub.publish("", "1");
    fault.begin();
    let mut publisher = send_one(&hub);
    assert_eq!(hub.wait().code(), Some(1), "{}", hub.log());
    let log = hub.log();
    assert!(log.lines().last().unwrap().contains("the history has died"), "{log}");
    // The publisher's connection breaks, or it is told that its event may have been kept.
    let answer = String::from_utf8(publisher.read_to_end()).unwrap();
    assert!(answer.is_empty() || answer.contains("\"code\":\"failing\""), "{answer}");
    // What was answered is there.
    let hub = disk.start(&[]);
    assert_eq!(hub.resume("/events", "earliest").event().data, "1");
}

#[test]
fn what_waits_for_the_disk_is_bounded_with_its_topics() {
    let (disk, fault) = (Disk::new(), Fault::build());
    let place = disk.setting();
    let settings =
        [("FANFARE_HISTORY", &*place), ("FANFARE_MAX_BODY", "32MiB"), ("RUST_LOG", QUIET)];
    let hub = fault.start("FAULT_STALL", &settings);
    fault.begin();
    let topics: Vec<_> = (0..100).map(|n| format!("{n:04000}")).collect();
    let line = serde_json::json!({ "topic": topics, "data": 1 }).to_string() + "\n";
    let (lines, address) = (line.repeat(20), hub.0);
    let (sender, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        // 8 MB each: one that is being written, 64 MiB that wait, and some that are refused.
        for _ in 0..12 {
            let (sender, lines) = (sender.clone(), &lines);
            scope.spawn(move || {
                let kind = [("Content-Type", "application/x-ndjson")];
                let answer = request(address, "POST", "/send-events", &kind, lines.as_bytes());
                sender.send(answer).unwrap();
            });
        }
        let first = answers.recv_timeout(PATIENCE);
        fault.end();
        assert_refused(&first.unwrap(), 503, "storage_busy");
    });
}
