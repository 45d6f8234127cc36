use super::*;
use crate::support::{Folder, post_json, wait_until};

#[test]
fn the_numbers_are_of_what_has_happened() {
    let hub = operated(&[("FANFARE_WORKERS", "2"), ("FANFARE_MAX_SUBSCRIBERS", "3")]);
    let first = hub.publish("", "0")["id"].clone();
    let mut streams: Vec<_> = (0..2).map(|_| hub.subscribe("/events")).collect();
    let mut late = hub.resume("/events?topic=*", "earliest");
    late.event();
    hub.wait_for_subscribers(3);
    assert_eq!(crate::support::get(hub.0, "/events").status, 503);
    let newest = hub.publish("", "\"four\"")["id"].clone();
    assert_eq!(post_json(hub.0, "/send-event?id=%23x", "1").status, 400);
    for stream in &mut streams {
        stream.event();
    }
    late.event();
    wait_until("all is counted", || read(*hub, "/admin/stats")["events"]["live"]["events"] == 3);
    drop(streams.pop());
    hub.wait_for_streams(2);

    let stats = read(*hub, "/admin/stats");
    assert_eq!(stats["version"], env!("CARGO_PKG_VERSION"));
    assert!(stats["uptime_seconds"].as_f64().unwrap() > 0.0);
    let streams = &stats["streams"];
    assert_eq!((&streams["open"], &streams["limit"]), (&json!(2), &json!(3)));
    assert_eq!((&streams["live"], &streams["opened"]), (&json!(2), &json!(3)));
    assert_eq!((&streams["ended"]["left"], &streams["refused"]["full"]), (&json!(1), &json!(1)));
    let events = &stats["events"];
    assert_eq!(
        (&events["published"], &events["refused"]),
        (&json!(2), &json!({"invalid_parameter": 1}))
    );
    assert_eq!(events["replayed"]["events"], 1);
    assert!(events["live"]["bytes"].as_u64().unwrap() > 60);
    assert_eq!(events["publishing"]["count"], 2);
    assert_eq!(stats["queued"], json!({"events": 0, "bytes": 0}));
    assert_eq!((&stats["draining"], &stats["everywhere"]), (&json!(false), &Value::Null));

    let history = read(*hub, "/admin/history");
    assert_eq!(history["kind"], "memory");
    assert_eq!(history["health"], "ok");
    assert_eq!((&history["events"], &history["limits"]["events"]), (&json!(2), &json!(10_000)));
    assert_eq!((&history["oldest"]["id"], &history["newest"]["id"]), (&first, &newest));
    let epoch = history["epoch"].as_u64().unwrap();
    assert_eq!(first, format!("#{epoch}-1"));
    for end in ["oldest", "newest"] {
        let time = history[end]["time"].as_str().unwrap();
        let age = humantime::parse_rfc3339(time).unwrap().elapsed().unwrap();
        assert!(age.as_secs() < 60);
    }
    assert_eq!(stats["history"]["newest"], history["newest"]);
}

#[test]
fn a_history_in_a_file_says_so_and_an_empty_one_has_no_ends() {
    let folder = Folder::new();
    let place = format!("file://{}/history.redb", folder.0.display());
    let hub = operated(&[("FANFARE_HISTORY", &place), ("FANFARE_HISTORY_AGE", "2h")]);
    let history = read(*hub, "/admin/history");
    assert_eq!((&history["kind"], &history["place"]), (&json!("file"), &json!(place)));
    assert_eq!((&history["oldest"], &history["newest"]), (&Value::Null, &Value::Null));
    assert_eq!(
        history["limits"],
        json!({"events": 1_000_000, "bytes": 1 << 30, "age_seconds": 7200.0})
    );
    hub.publish("?id=mine", "1");
    let history = read(*hub, "/admin/history");
    assert_eq!(
        (&history["oldest"]["id"], &history["newest"]["id"]),
        (&json!("mine"), &json!("mine"))
    );
}
