//! Replays far longer than what is in memory.

use std::{fs, time::Instant};

use super::{Disk, stop};
use crate::support::Fanfare;

fn peak_memory(hub: &Fanfare) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", hub.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

#[test]
fn two_hundred_thousand_events_are_replayed_at_once_and_in_bounded_memory() {
    const COUNT: usize = 200_000;
    let disk = Disk::new();
    disk.fill(COUNT);
    let hub = disk.start(&[]);
    let before = peak_memory(&hub);
    let begun = Instant::now();
    let mut stream = hub.resume("/events", "earliest");
    assert_eq!(stream.event().data, "0");
    let first = begun.elapsed();
    assert!(first.as_millis() < 1000, "the first came after {first:?}");
    hub.publish("", "\"live\"");
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
