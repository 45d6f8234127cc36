//! Events out of a history, and into one.

use std::fs;

use serde_json::{Value, json};

use super::{Disk, stop};
use crate::support::run_to_end;

fn export(disk: &Disk) -> Vec<Value> {
    let output = run_to_end(&["export"], &[("FANFARE_HISTORY", &disk.setting())]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn import(disk: &Disk, lines: &str) -> (bool, String) {
    let file = disk.folder.0.join("lines");
    fs::write(&file, lines).unwrap();
    let place = disk.setting();
    let output = run_to_end(&["import", file.to_str().unwrap(), "--history", &place], &[]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn what_is_exported_can_be_imported() {
    let disk = Disk::new();
    let mut hub = disk.start(&[]);
    let first = hub.publish("", "{\"a\":1.50}")["id"].as_str().unwrap().to_owned();
    hub.publish("?topic=a&topic=%C3%A4&type=price&id=own&retry=1234", "\"x\\ny\"");
    // Left as a crash leaves it: reading it changes nothing.
    hub.signal("KILL");
    hub.wait();
    let before = fs::read(&disk.path).unwrap();
    let mut lines = export(&disk);
    assert!(fs::read(&disk.path).unwrap() == before);
    let exported = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for line in &mut lines {
        assert!(line["time"].as_u64().unwrap() > 1_700_000_000_000);
        line.as_object_mut().unwrap().remove("time");
    }
    let second = first.replace("-1", "-2");
    assert_eq!(
        lines,
        [
            json!({"position": first, "topics": ["default"], "data": "{\"a\":1.50}"}),
            json!({"position": second, "id": "own", "type": "price", "retry": 1234,
                   "topics": ["a", "ä"], "data": "\"x\\ny\""}),
        ]
    );

    let other = Disk::new();
    let (fine, said) = import(&other, &exported);
    assert!(fine && said.contains("2 events imported into file://"), "{said}");
    let hub = other.start(&[]);
    let mut all = hub.resume("/events?topic=*", "earliest");
    let (one, two) = (all.event(), all.event());
    assert_eq!((&*one.data, &*one.kind), ("{\"a\":1.50}", "message"));
    assert_eq!((&*two.data, &*two.kind, two.id.as_deref()), ("\"x\\ny\"", "price", Some("own")));
    assert_eq!(two.retry, Some(1234));
    hub.publish("", "3");
    assert_eq!(hub.resume("/events?topic=*", "own").event().data, "3");
    stop(hub);
    assert_eq!(export(&other).len(), 3);
}

#[test]
fn updates_of_a_mercure_hub_can_be_imported() {
    let disk = Disk::new();
    let lines = [
        json!({"Data": "one", "ID": "urn:uuid:1", "Type": "", "Retry": 0,
               "Topics": ["https://example.com/books/1"], "Private": false, "Debug": false}),
        json!({"Data": "secret", "ID": "urn:uuid:2", "Topics": ["a"], "Private": true}),
        json!({"Data": "three", "ID": "urn:uuid:3", "Type": "t", "Retry": 5, "Topics": ["a"]}),
    ];
    let (fine, said) = import(&disk, &lines.map(|line| line.to_string()).join("\n\n"));
    assert!(fine && said.contains("3 events imported"), "{said}");
    let private: Vec<_> = export(&disk).iter().map(|line| line["private"].clone()).collect();
    assert_eq!(private, [Value::Null, json!(true), Value::Null]);
    let hub = disk.start(&[]);
    let mut all = hub.resume("/events?topic=*", "earliest");
    assert_eq!(all.event().id.as_deref(), Some("urn:uuid:1"));
    let third = all.event();
    assert_eq!((&*third.data, &*third.kind), ("three", "t"));
}

/// Topics of the hub's own events are longer than a publisher's may be, and so may be those of
/// another hub. What is exported can be imported.
#[test]
fn topics_are_imported_that_no_publisher_may_have() {
    let (disk, other) = (Disk::new(), Disk::new());
    let long = [4097, 13_000, 40_000].map(|length| "x".repeat(length));
    let mut line = json!({"data": "1", "topics": long}).to_string();
    for disk in [&disk, &other] {
        let (fine, said) = import(disk, &line);
        assert!(fine && said.contains("1 events imported"), "{said}");
        let exported = &export(disk)[0];
        assert_eq!(exported["topics"], json!(long));
        line = exported.to_string();
    }
    let line = json!({"data": "1", "topics": ["x".repeat(65_536)]}).to_string();
    let (fine, said) = import(&disk, &format!("{{\"data\":\"2\"}}\n{line}"));
    assert!(!fine && said.contains("line 2: `topic` is longer than 65535 bytes"), "{said}");
}

#[test]
fn large_events_are_imported_at_the_speed_of_the_disk() {
    let disk = Disk::new();
    let line = json!({"data": "x".repeat(200_000)}).to_string() + "\n";
    // More than may wait for the disk.
    let (fine, said) = import(&disk, &line.repeat(500));
    assert!(fine && said.contains("500 events imported"), "{said}");
}

/// Written by Go's bbolt 1.5, an update a transaction, as a Mercure hub writes them: 40 updates in
/// several pages, the fourth of them private, the fifth larger than a page; and 3 in one page.
#[test]
fn the_database_of_a_mercure_hub_can_be_imported() {
    for (file, count) in [("tests/data/mercure.db", 40), ("tests/data/mercure-small.db", 3)] {
        let disk = Disk::new();
        let place = disk.setting();
        let file = fs::canonicalize(file).unwrap();
        let output = run_to_end(&["import", file.to_str().unwrap(), "--history", &place], &[]);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.contains(&format!("{count} events imported")), "{said}");
        let lines = export(&disk);
        assert_eq!(lines.len(), count);
        for (n, line) in lines.iter().enumerate() {
            assert_eq!(line["private"] == json!(true), n == 3, "{line}");
            assert_eq!(line["id"], format!("urn:uuid:{n}"));
            assert_eq!(line["topics"], json!(["https://example.com/books/1"]));
            if n == 4 {
                assert_eq!(line["data"], "x".repeat(20_000));
                assert_eq!((&line["type"], &line["retry"]), (&json!("large"), &json!(5)));
            } else {
                assert_eq!((&line["data"], &line["type"]), (&json!(n.to_string()), &Value::Null));
            }
        }
    }
}

#[test]
fn a_damaged_database_of_a_mercure_hub_ends_with_an_error() {
    let whole = fs::read("tests/data/mercure.db").unwrap();
    let disk = Disk::new();
    let (file, place) = (disk.folder.0.join("mercure.db"), disk.setting());
    let mut refused = 0;
    for at in (32..whole.len()).step_by(4999) {
        let mut bytes = whole.clone();
        bytes[at..].iter_mut().take(8).for_each(|byte| *byte ^= 0xff);
        fs::write(&file, &bytes).unwrap();
        let output = run_to_end(&["import", file.to_str().unwrap(), "--history", &place], &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{said}");
        refused += usize::from(!output.status.success());
    }
    assert!(refused > 1, "only {refused}");
}

#[test]
fn a_bad_line_is_named_and_those_before_it_are_kept() {
    for (bad, why) in [
        ("nonsense", "line 3: expected"),
        ("{\"topics\":[\"a\"]}", "line 3: missing field `data`"),
        ("{\"data\":\"x\",\"id\":\"#1-1\"}", "line 3: `id` begins with `#`"),
        ("{\"data\":\"x\",\"topics\":[\"\"]}", "line 3: `topic` is empty"),
        ("{\"data\":\"x\",\"retry\":99999999999}", "line 3: `retry` is not"),
    ] {
        let disk = Disk::new();
        let (fine, said) =
            import(&disk, &format!("{{\"data\":\"1\"}}\n\n{bad}\n{{\"data\":\"2\"}}"));
        assert!(!fine && said.contains(why), "{said}");
        assert!(said.contains("1 events imported"), "{said}");
        assert_eq!(export(&disk).len(), 1);
    }
    let output = run_to_end(&["import", "/nowhere/lines", "--history", "file:///tmp/x"], &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/lines"));
    for command in [&["export"][..], &["import", "-"]] {
        let output = run_to_end(command, &[]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("--history file:///path"), "{text}");
    }
}
