//! A history in a file, with the real binary: what was answered survives whatever happens.

mod export;
mod full;
mod kill;
mod later;
mod refused;
mod replay;
mod size;

use std::path::PathBuf;

use crate::support::{Fanfare, Folder, QUIET, run_to_end};

/// A file for a history, which goes with its test.
struct Disk {
    folder: Folder,
    path: PathBuf,
}

impl Disk {
    fn new() -> Self {
        let folder = Folder::new();
        let path = folder.0.join("history.redb");
        Self { folder, path }
    }

    fn setting(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Starts a hub on it.
    fn start(&self, settings: &[(&str, &str)]) -> Fanfare {
        let place = self.setting();
        Fanfare::start(&[&[("FANFARE_HISTORY", &*place), ("RUST_LOG", QUIET)], settings].concat())
    }

    /// Imports so many numbers, some at a time: each has to end in time on a busy machine.
    fn fill(&self, count: usize) {
        let (file, place) = (self.folder.0.join("lines"), self.setting());
        for from in (0..count).step_by(50_000) {
            let numbers = from..count.min(from + 50_000);
            let lines: String = numbers.map(|n| format!("{{\"data\":\"{n}\"}}\n")).collect();
            std::fs::write(&file, lines).unwrap();
            let import = ["import", file.to_str().unwrap(), "--durability", "interval"];
            let output = run_to_end(&import, &[("FANFARE_HISTORY", &place)]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        std::fs::remove_file(file).unwrap();
    }
}

/// Ends a hub as an operator does.
fn stop(mut hub: Fanfare) {
    hub.signal("TERM");
    assert!(hub.wait().success(), "{}", hub.log());
}
