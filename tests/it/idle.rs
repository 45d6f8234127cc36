use std::{fs, time::Instant};

use crate::support::{Connection, Fanfare, QUIET, wait_until};

/// The time that a process has worked so far, in seconds (`proc_pid_stat(5)`; a tick is 10 ms).
fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    f64::from(ticks) / 100.0
}

#[test]
fn a_hub_that_has_nothing_to_do_does_nothing() {
    for direct in ["on", "off"] {
        let settings = [("FANFARE_HEARTBEAT", "1s"), ("FANFARE_DIRECT_WRITE", direct)];
        let hub = Fanfare::start_alone(&settings);
        let mut streams: Vec<_> = (0..50).map(|_| hub.subscribe("/events")).collect();
        hub.wait_for_subscribers(50);
        // In states that have to wait for something: none of them may ask again and again.
        let mut half_closed = Connection::open(hub.0);
        half_closed.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
        half_closed.read_response();
        let mut half_sent = Connection::open(hub.0);
        half_sent.send("POST /send-event HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1");
        streams[1].connection.send("noise that nobody reads");
        hub.publish("", "1");

        let (begun, before) = (Instant::now(), cpu_seconds(hub.pid()));
        streams[0].event();
        for _ in 0..3 {
            assert_eq!(streams[0].chunk().as_deref(), Some(":\n"));
        }
        let busy = (cpu_seconds(hub.pid()) - before) / begun.elapsed().as_secs_f64();
        assert!(busy < 0.1, "with direct writing {direct} it is busy for {busy:.2} of the time");
    }
}

/// The memory of a process, its share of what it shares included, in bytes (`proc_pid_smaps(5)`).
fn memory(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// 1.9 KiB, and what the accounting of small numbers adds. A task that is kept for each stream
/// makes it 4.6 KiB.
#[test]
fn an_idle_stream_takes_little_memory() {
    let hub = Fanfare::start_alone(&[("FANFARE_DIRECT_WRITE", "on"), ("RUST_LOG", QUIET)]);
    let open = |count: usize| -> Vec<_> { (0..count).map(|_| hub.subscribe("/events")).collect() };
    let _first = open(1000);
    hub.wait_for_subscribers(1000);
    wait_until("sockets are taken over", || hub.ready()["direct"] == 1000);
    let before = memory(hub.pid());
    let _more = open(3000);
    hub.wait_for_subscribers(4000);
    wait_until("sockets are taken over", || hub.ready()["direct"] == 4000);
    let each = (memory(hub.pid()) - before) / 3000;
    assert!(each < 3 * 1024, "{each} bytes for each");
}
