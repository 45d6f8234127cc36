//! Files that are no history: refused in one line, and left as they are.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use super::{Disk, stop};
use crate::support::{Folder, run_to_end};

/// Starts a hub that has to refuse its history. Returns the line that it ends with.
fn refusal(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("FANFARE_HISTORY (--history) can't be file://"), "{text}");
    text
}

fn start(disk: &Disk) -> Output {
    run_to_end(&[], &[("FANFARE_HISTORY", &disk.setting()), ("PORT", "0")])
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        (path.display().to_string(), bytes)
    };
    let mut contents: Vec<_> = fs::read_dir(folder).unwrap().map(read).collect();
    contents.sort();
    contents
}

fn assert_refused(disk: &Disk, why: &str) {
    let before = contents(&disk.folder.0);
    let line = refusal(&start(disk));
    assert!(line.contains(why), "{why:?} is not in {line}");
    assert!(contents(&disk.folder.0) == before, "{why}: something has been changed");
}

/// A history with some events in it, closed, or left by a kill.
fn written(killed: bool) -> Disk {
    let disk = Disk::new();
    let mut hub = disk.start(&[]);
    for n in 0..300 {
        hub.publish("", &format!("\"needle {n}\""));
    }
    if killed {
        hub.signal("KILL");
        hub.wait();
    } else {
        stop(hub);
    }
    disk
}

#[test]
fn a_file_of_something_else_is_refused() {
    let disk = Disk::new();
    for bytes in [&b"x"[..], b"SQLite format 3\0", &[0; 8192], "ä".repeat(100_000).as_bytes()] {
        fs::write(&disk.path, bytes).unwrap();
        assert_refused(&disk, "is not a history of Fanfare: name another file");
    }
    fs::remove_file(&disk.path).unwrap();
    let database = redb::Database::create(&disk.path).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = redb::TableDefinition::<u64, &str>::new("entries");
    transaction.open_table(table).unwrap().insert(1, "not ours").unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_refused(&disk, "is not a history of Fanfare: name another file");
}

#[test]
fn a_later_format_is_refused() {
    let disk = written(false);
    let database = redb::Database::open(&disk.path).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = redb::TableDefinition::<&str, u64>::new("fanfare");
    transaction.open_table(table).unwrap().insert("format", 3).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_refused(&disk, "has format 3, which this version does not know");
}

#[test]
fn a_damaged_file_is_refused() {
    for killed in [false, true] {
        let disk = written(killed);
        let whole = fs::read(&disk.path).unwrap();
        // Cut off: in the middle, and behind its first page.
        for length in [whole.len() / 2, 4096, 100] {
            fs::write(&disk.path, &whole[..length]).unwrap();
            assert_refused(&disk, "");
        }
        // Its first page is gone.
        let mut bytes = whole.clone();
        bytes[..4096].fill(0);
        fs::write(&disk.path, &bytes).unwrap();
        assert_refused(&disk, "is not a history of Fanfare");
        // One bit of each page is another one.
        let mut bytes = whole.clone();
        for page in bytes.chunks_mut(4096).skip(1) {
            page[page.len() / 2] ^= 4;
            page[20] ^= 4;
        }
        fs::write(&disk.path, &bytes).unwrap();
        assert_refused(&disk, "is damaged");
        // One letter of an event is another one.
        let mut bytes = whole.clone();
        let needle = b"\"needle 17\"";
        let places: Vec<_> =
            (0..bytes.len() - needle.len()).filter(|at| bytes[*at..].starts_with(needle)).collect();
        assert!(!places.is_empty());
        for at in places {
            bytes[at + 3] = b'E';
        }
        fs::write(&disk.path, &bytes).unwrap();
        assert_refused(&disk, "is damaged");
        // And whole again, it is fine.
        fs::write(&disk.path, &whole).unwrap();
        let hub = disk.start(&[]);
        assert_eq!(hub.resume("/events", "earliest").event().data, "\"needle 0\"");
        stop(hub);
    }
}

#[test]
fn a_file_in_use_is_refused() {
    let disk = Disk::new();
    let hub = disk.start(&[]);
    hub.publish("", "1");
    let line = refusal(&start(&disk));
    assert!(line.contains("is in use by another process"), "{line}");
    // And the one who uses it does not mind.
    hub.publish("", "2");
    assert_eq!(hub.resume("/events", "earliest").event().data, "1");
    let output = run_to_end(&["export", "--history", &disk.setting()], &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("in use") && !output.status.success(), "{text}");
}

#[test]
fn a_place_without_a_folder_or_without_a_file_is_refused() {
    let mut disk = Disk::new();
    disk.path = disk.folder.0.join("missing/history.redb");
    assert_refused(&disk, "missing does not exist: create it");
    disk.path.clone_from(&disk.folder.0);
    assert_refused(&disk, "is not a file: name a file");
}

#[test]
fn a_file_or_a_folder_that_this_user_may_not_write_is_refused() {
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let assert_forbidden = |disk: &Disk| {
        // In a namespace of users that has none, root has no more rights than others.
        let output = Command::new("unshare")
            .args(["--user", env!("CARGO_BIN_EXE_fanfare")])
            .env_remove("RUST_LOG")
            .envs([("FANFARE_HISTORY", &*disk.setting()), ("PORT", "0")])
            .current_dir("/")
            .output();
        let line = refusal(&output.unwrap());
        assert!(line.contains("this user may not read and write"), "{line}");
    };
    // The folder of a new file, and a file.
    let disk = Disk::new();
    allow(&disk.folder.0, 0o500);
    assert_forbidden(&disk);
    allow(&disk.folder.0, 0o700);
    assert_eq!(contents(&disk.folder.0).len(), 0);
    let disk = written(false);
    let before = contents(&disk.folder.0);
    for mode in [0o000, 0o400] {
        allow(&disk.path, mode);
        assert_forbidden(&disk);
    }
    allow(&disk.path, 0o600);
    assert!(contents(&disk.folder.0) == before);
}

#[test]
fn a_start_that_was_stopped_half_way_does_no_harm() {
    let disk = Disk::new();
    // What a file is called before it is whole; and a file of no bytes.
    for rest in [&b""[..], &[0; 4096], b"half of something"] {
        fs::write(disk.folder.0.join("history.redb.new"), rest).unwrap();
        let hub = disk.start(&[]);
        hub.publish("", "1");
        assert_eq!(hub.resume("/events", "earliest").event().data, "1");
        stop(hub);
        assert_eq!(contents(&disk.folder.0).len(), 1);
        fs::write(&disk.path, b"").unwrap();
    }
}

#[test]
fn a_path_may_have_any_characters() {
    let folder = Folder::new();
    let path = folder.0.join("a b%ü.redb");
    let disk = Disk { folder, path };
    let place = disk.setting().replace('%', "%25").replace(' ', "%20");
    let hub = crate::support::Fanfare::start(&[("FANFARE_HISTORY", &place)]);
    hub.publish("", "1");
    assert!(disk.path.exists());
}
