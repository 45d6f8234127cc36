//! Replays far longer than what is in memory.

use std::{fs, time::Instant};

use super::{Disk, stop};
use crate::support::{Connection, Fanfare, run_to_end};

fn peak_memory(hub: &Fanfare) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", hub.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

#[test]
fn a_million_events_are_replayed_at_once_and_in_bounded_memory() {
    const COUNT: usize = 1_000_000;
    let disk = Disk::new();
    disk.fill(COUNT);
    let hub = disk.start(&[]);
    let before = peak_memory(&hub);
    let begun = Instant::now();
    let mut stream = hub.resume("/events", "earliest");
    assert_eq!(stream.event().data, "0");
    let first = begun.elapsed();
    assert!(first.as_millis() < 1000, "the first came after {first:?}");
    // Nobody reads any more of it: what is published meanwhile is committed all the same.
    let begun_to_publish = Instant::now();
    hub.publish("", "\"live\"");
    let answered = begun_to_publish.elapsed();
    assert!(answered.as_millis() < 1000, "a replay held up a commit for {answered:?}");
    for n in 1..COUNT {
        assert_eq!(stream.event().data.parse(), Ok(n));
    }
    assert_eq!(stream.event().data, "\"live\"");
    let (all, grown) = (begun.elapsed(), peak_memory(&hub) - before);
    eprintln!("first after {first:.1?}, all after {all:.1?}, {grown} MiB more than {before}");
    assert!(grown < 64, "{grown} MiB for a replay");
}

#[test]
fn many_who_return_together_after_a_restart_get_everything() {
    const COUNT: usize = 12_000;
    let disk = Disk::new();
    disk.fill(COUNT);
    let hub = disk.start(&[]);
    let id = hub.resume("/events", "earliest").event().id.unwrap();
    stop(hub);
    let hub = disk.start(&[]);
    std::thread::scope(|scope| {
        for reader in 0..20 {
            let (hub, id) = (&hub, &id);
            scope.spawn(move || {
                let epoch = id.split('-').next().unwrap();
                let mut stream = hub.resume("/events", &format!("{epoch}-{}", 1 + reader * 100));
                for n in 1 + reader * 100..COUNT {
                    assert_eq!(stream.event().data.parse(), Ok(n));
                }
                assert_eq!(stream.event().data, "\"live\"");
            });
        }
        hub.publish("", "\"live\"");
    });
}

/// What a process has read, from files and sockets.
fn bytes_read(hub: &Fanfare) -> usize {
    let io = fs::read_to_string(format!("/proc/{}/io", hub.pid())).unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    line.parse().unwrap()
}

/// They ask while the hub is held up, so that none is early.
#[test]
fn a_thousand_who_return_together_share_what_is_read_from_the_file() {
    const COUNT: usize = 1000;
    let disk = Disk::new();
    let (lines, place) = (disk.folder.0.join("lines"), disk.setting());
    let large = "x".repeat(60_000);
    let mut text = String::new();
    for n in 0..20 {
        let large = format!("{{\"topics\":[\"large\"],\"data\":\"{large}\"}}\n");
        text += &large.repeat(50);
        text += &format!("{{\"topics\":[\"rare\"],\"data\":\"rare {n}\"}}\n");
    }
    fs::write(&lines, &text).unwrap();
    let output = run_to_end(&["import", lines.to_str().unwrap(), "--history", &place], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hub = disk.start(&[]);
    // One alone: what is not in memory, once.
    let before = bytes_read(&hub);
    let mut stream = hub.resume("/events?topic=rare", "earliest");
    for n in 0..20 {
        assert_eq!(stream.event().data, format!("rare {n}"));
    }
    let alone = bytes_read(&hub) - before;
    assert!(alone > 20_000_000, "it has to read from the file, and read {alone} bytes");
    stop(hub);

    let hub = disk.start(&[]);
    let before = bytes_read(&hub);
    hub.signal("STOP");
    let request = "GET /events?topic=rare&lastEventID=earliest HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut clients: Vec<_> = (0..COUNT).map(|_| Connection::open(hub.0)).collect();
    for client in &mut clients {
        client.send(request);
    }
    let begun = Instant::now();
    hub.signal("CONT");
    for client in &mut clients {
        let text = String::from_utf8(client.read_until("data: rare 19\n")).unwrap();
        assert_eq!(text.matches("data: rare ").count(), 20);
    }
    let (together, took) = (bytes_read(&hub) - before, begun.elapsed());
    eprintln!("alone {alone} bytes, {COUNT} together {together}, in {took:.1?}");
    assert!(together < 5 * alone, "{together} bytes for {COUNT}, and one alone reads {alone}");
}

#[test]
fn retention_by_age_counts_across_restarts() {
    let disk = Disk::new();
    disk.fill(1000);
    let hub = disk.start(&[("FANFARE_HISTORY_AGE", "300ms")]);
    crate::support::wait_until("all are gone", || {
        let mut stream = hub.resume("/events", "earliest");
        hub.publish("", "\"new\"");
        stream.event().data == "\"new\""
    });
}
