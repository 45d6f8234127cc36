//! How large the file becomes.

use std::{fs, io::Write as _, os::unix::fs::MetadataExt as _};

use super::{Disk, stop};
use crate::support::{post_json, run_to_end, wait_until};

/// What it takes of the disk: the file has holes, and its length is up to twice that.
fn size(disk: &Disk) -> u64 {
    512 * fs::metadata(&disk.path).unwrap().blocks()
}

#[test]
fn a_file_that_is_full_of_kept_events_goes_on_without_more_room() {
    let disk = Disk::new();
    let hub = disk.start(&[("FANFARE_HISTORY_BYTES", "1MiB")]);
    let publish = |from| {
        for n in from..from + 300 {
            let json = format!("\"{n:020000}\"");
            assert_eq!(post_json(hub.0, "/send-event", &json).status, 200);
        }
        size(&disk)
    };
    let full = publish(0);
    let later = publish(300);
    assert!(later <= full + full / 10, "it is as large as it will ever be: {full}, then {later}");
    assert!(full < 8 << 20, "{full} bytes for 1 MiB");
}

#[test]
fn a_file_stays_bounded_whatever_is_published() {
    const LIMIT: u64 = 16 << 20;
    let disk = Disk::new();
    let (lines, place) = (disk.folder.0.join("lines"), disk.setting());
    let mut sizes = Vec::new();
    // Small and large ones, some with ids of their own; each time 11 MB.
    for round in 0..8 {
        let mut file = fs::File::create(&lines).unwrap();
        for n in 0..6000 {
            let data = "x".repeat(if n % 500 == 0 { 200_000 } else { n * 7919 % 3000 });
            let id = if n % 3 == 0 { format!("\"id\":\"{round}-{n}\",") } else { String::new() };
            writeln!(file, "{{{id}\"data\":\"{data}\"}}").unwrap();
        }
        let import = ["import", lines.to_str().unwrap(), "--durability", "interval"];
        let settings = [("FANFARE_HISTORY", &*place), ("FANFARE_HISTORY_BYTES", "16MiB")];
        let output = run_to_end(&import, &settings);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        sizes.push(size(&disk));
    }
    eprintln!("{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= LIMIT * 5 / 2), "{sizes:?} for {LIMIT}");
}

#[test]
fn a_file_that_has_become_mostly_empty_is_made_smaller() {
    let disk = Disk::new();
    let (lines, place) = (disk.folder.0.join("lines"), disk.setting());
    let data = "x".repeat(200_000);
    let text: String = (0..600).map(|n| format!("{{\"data\":\"{n} {data}\"}}\n")).collect();
    fs::write(&lines, text).unwrap();
    let output = run_to_end(&["import", lines.to_str().unwrap(), "--history", &place], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let full = size(&disk);
    assert!(full > 120_000_000);
    let first = |hub: &crate::support::Fanfare| hub.resume("/events", "earliest").event().data;
    let hub = disk.start(&[("FANFARE_HISTORY_EVENTS", "10")]);
    wait_until("ten are left", || first(&hub).starts_with("590 "));
    stop(hub);
    let hub = disk.start(&[("RUST_LOG", "info")]);
    hub.wait_for_log("made smaller");
    assert!(size(&disk) < full / 10, "{full} to {} bytes", size(&disk));
    assert!(first(&hub).starts_with("590 "));
}
