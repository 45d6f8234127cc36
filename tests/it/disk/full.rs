//! A disk that has no room, or does not let itself be written.
//!
//! These mount a small file system in a mount namespace of their own, and need root.

use std::process::Command;

use super::Disk;
use crate::support::{Fanfare, QUIET, Response, Stream, post_json, wait_until};

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

fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    let json = response.json();
    assert_eq!((&json["success"], &json["error"]["code"]), (&false.into(), &code.into()));
    let again: u64 = response.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&again));
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

#[test]
fn a_full_disk_refuses_publishers_and_nothing_else() {
    let disk = Disk::new();
    let folder = disk.folder.0.to_str().unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs \"$0\" && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, folder]);
    let place = disk.setting();
    let settings = [("FANFARE_HISTORY", &*place), ("RUST_LOG", QUIET)];
    let hub = Fanfare::start_through(command, &settings);
    fills_up_and_goes_on(&hub, || {
        let pid = hub.pid().to_string();
        let mut remount = Command::new("nsenter");
        remount.args(["--target", &pid, "--mount", "mount", "-o", "remount,size=64m", folder]);
        assert!(remount.status().unwrap().success());
    });
    hub.wait_for_log("can be written again");
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
fn a_file_that_can_not_be_written_refuses_publishers_and_nothing_else() {
    let disk = Disk::new();
    let hub = disk.start(&[("FANFARE_HEARTBEAT", "100ms")]);
    let mut live = hub.subscribe("/events");
    for n in 0..3 {
        assert_eq!(publish(&hub, n).status, 200);
    }
    let change = |how: &str| {
        let changed = Command::new("chattr").args([how, disk.path.to_str().unwrap()]).status();
        assert!(changed.unwrap().success(), "this file system has no chattr");
    };
    change("+i");
    assert_refused(&publish(&hub, 3), 503, "storage_failed");
    for n in 0..3 {
        assert_eq!(number(&mut live), n);
    }
    assert_eq!(live.chunk().as_deref(), Some(":\n"), "it lives");
    assert_refused(&publish(&hub, 3), 503, "storage_failed");
    change("-i");
    publish_at_last(&hub, 3);
    hub.wait_for_log("can be written again");
    let mut all = hub.resume("/events", "earliest");
    for n in 0..4 {
        assert_eq!(number(&mut all), n);
    }
}

#[test]
fn a_file_that_is_full_of_kept_events_goes_on_without_more_room() {
    let disk = Disk::new();
    let settings = [("FANFARE_HISTORY_BYTES", "1MiB")];
    let hub = disk.start(&settings);
    let publish = |from| {
        for n in from..from + 300 {
            assert_eq!(publish(&hub, n).status, 200);
        }
        std::fs::metadata(&disk.path).unwrap().len()
    };
    let size = publish(0);
    assert_eq!(publish(300), size, "it is as large as it will ever be");
    assert!(size < 16 << 20, "{size} bytes for 1 MiB");
}
