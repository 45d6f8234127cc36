//! `ttl`: events that are over for those who come late.

use serde_json::json;

use super::post_lines;
use crate::support::{Fanfare, Folder, Hub, QUIET, Redis, post_json, run_to_end, wait_until};

/// What whoever comes now gets of what is kept.
fn replayed(hub: Hub) -> Vec<String> {
    hub.publish("?ttl=0", "\"end\"");
    hub.publish("?ttl=1m&topic=end", "\"end\"");
    let mut stream = hub.resume("/events?topic=*", "earliest");
    let mut all = Vec::new();
    loop {
        match stream.event().data {
            end if end == "\"end\"" => return all,
            data => all.push(data),
        }
    }
}

#[test]
fn an_event_is_replayed_until_its_time_is_over() {
    let folder = Folder::new();
    let file = format!("file://{}", folder.0.join("history.redb").display());
    let redis = Redis::start();
    for place in ["memory", &file, &redis.url()] {
        let hub = Fanfare::start(&[("FANFARE_HISTORY", place), ("RUST_LOG", QUIET)]);
        let mut stream = hub.subscribe("/events");
        hub.publish("", "1");
        hub.publish("?ttl=0", "2");
        let last = hub.publish("?ttl=2s", "3")["id"].as_str().unwrap().to_owned();
        assert_eq!(
            post_lines(*hub, &[], "{\"data\":4,\"ttl\":3600}\n{\"data\":5,\"ttl\":\"0s\"}").status,
            200
        );
        for data in ["1", "2", "3", "4", "5"] {
            assert_eq!(stream.event().data, data, "those who are there get all of them");
        }
        assert_eq!(replayed(*hub)[..3], ["1", "3", "4"], "{place}");
        wait_until("it is over", || replayed(*hub)[..2] == ["1", "4"]);
        // It still is a place to go on from.
        assert_eq!(hub.resume("/events", &last).event().data, "4");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    let hub = Fanfare::start(&[]);
    for ttl in ["", "x", "-1", "1.5", "4000days", "99999999999999999999", "1&ttl=2"] {
        let answer = post_json(hub.0, &format!("/send-event?ttl={ttl}"), "1");
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (400, &json!("invalid_parameter"))
        );
        assert!(answer.text().contains("`ttl`"));
    }
    for ttl in ["true", "-1", "1.5", "[1]", "\"1 parsec\""] {
        let answer = post_lines(*hub, &[], &format!("{{\"data\":1,\"ttl\":{ttl}}}"));
        assert!(answer.json()["lines"][0]["error"]["message"].as_str().unwrap().contains("`ttl`"));
    }
}

#[test]
fn it_survives_a_restart_and_an_export() {
    let folder = Folder::new();
    let path = folder.0.join("history.redb");
    let file = format!("file://{}", path.display());
    let settings = [("FANFARE_HISTORY", &*file), ("RUST_LOG", QUIET)];
    let format = || {
        let table = redb::TableDefinition::<&str, u64>::new("fanfare");
        let database = redb::Database::open(&path).unwrap();
        let read = redb::ReadableDatabase::begin_read(&database).unwrap();
        read.open_table(table).unwrap().get("format").unwrap().unwrap().value()
    };
    let stop = |mut hub: Fanfare| {
        hub.signal("TERM");
        assert!(hub.wait().success());
    };
    let hub = Fanfare::start(&settings);
    hub.publish("", "1");
    stop(hub);
    assert_eq!(format(), 1, "earlier versions can read it");
    let hub = Fanfare::start_another(&settings);
    hub.publish("?ttl=0", "2");
    hub.publish("?ttl=1h", "3");
    stop(hub);
    assert_eq!(format(), 2, "they would not know when it is over");
    let export = run_to_end(&["export"], &settings[..1]).stdout;
    let lines = String::from_utf8(export.clone()).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| line.parse().unwrap()).collect();
    let lasts = |at: usize| {
        lines[at]["expires"].as_u64().map(|end| end - lines[at]["time"].as_u64().unwrap())
    };
    assert_eq!([lasts(0), lasts(1), lasts(2)], [None, Some(0), Some(3_600_000)]);
    std::fs::write(folder.0.join("lines"), export).unwrap();
    let other = format!("file://{}", folder.0.join("other.redb").display());
    let import = ["import", &*folder.0.join("lines").display().to_string()].map(str::to_owned);
    let import = run_to_end(&import.each_ref().map(|word| &**word), &[("FANFARE_HISTORY", &other)]);
    assert!(import.status.success());
    for place in [&file, &other] {
        let hub = Fanfare::start_another(&[("FANFARE_HISTORY", place), ("RUST_LOG", QUIET)]);
        assert_eq!(replayed(*hub), ["1", "3"]);
        stop(hub);
    }
}
