//! Events that wait in a file whose disk fails: each is published, and once.

use std::time::{Duration, Instant};

use super::{
    Disk,
    full::{assert_unready, enlarge, on_a_small_disk, wait_until_ready},
    stop,
};
use crate::support::{Fanfare, Fault, Hub, Response, dawdle, get, post_json, request, wait_until};

/// Hands one over that is to wait, under a key.
fn delay(hub: Hub, delay: &str, key: &str) -> Response {
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key)];
    request(hub.0, "POST", &format!("/send-event?delay={delay}"), &headers, b"\"late\"")
}

fn is_replayed(response: &Response) -> bool {
    response.status == 202 && response.header("idempotency-replayed") == Some("true")
}

/// How many wait.
fn waiting(hub: Hub) -> usize {
    let metrics = get(hub.0, "/metrics").text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("fanfare_events_delayed "));
    line.unwrap().parse().unwrap()
}

/// All that is kept.
fn all(hub: Hub) -> Vec<String> {
    hub.publish("", "\"end\"");
    let mut stream = hub.resume("/events", "earliest");
    let events =
        std::iter::from_fn(|| Some(stream.event()).filter(|event| event.data != "\"end\""));
    // Where ids are given before events are durable, some have been given that nobody has seen.
    events.filter(|event| event.kind != "gap").map(|event| event.data).collect()
}

/// Does this with a hub whose disk keeps what it says that it can't.
fn with_each_durability(case: impl Fn(&Fault, Fanfare, &dyn Fn() -> Fanfare)) {
    for durability in ["always", "interval"] {
        let (disk, fault) = (Disk::new(), Fault::build());
        let place = disk.setting();
        let settings = [
            ("FANFARE_HISTORY", &*place),
            ("FANFARE_DURABILITY", durability),
            ("FANFARE_METRICS", "on"),
        ];
        let start = || fault.start("FAULT_SYNC", &settings);
        case(&fault, start(), &start);
    }
}

/// Until it has been found out that the disk fails.
fn wait_until_unready(hub: Hub) {
    wait_until("it is found out", || get(hub.0, "/health/ready").status == 503);
}

fn kill(mut hub: Fanfare) {
    hub.signal("KILL");
    hub.wait();
}

#[test]
fn what_is_due_while_the_disk_fails_comes_once() {
    with_each_durability(|fault, hub, start| {
        let mut live = hub.subscribe("/events");
        assert_eq!(delay(*hub, "1h", "other").status, 202);
        assert_eq!(delay(*hub, "1500ms", "k").status, 202);
        // What is written at intervals is written.
        dawdle(Duration::from_millis(500));
        fault.begin();
        wait_until_unready(*hub);
        fault.end();
        wait_until_ready(&hub);
        assert_eq!(live.event().data, "\"late\"");
        hub.publish("", "2");
        assert_eq!(live.event().data, "2");
        assert_eq!(waiting(*hub), 1);
        dawdle(Duration::from_millis(1500));
        kill(hub);
        let hub = start();
        assert_eq!(waiting(*hub), 1);
        assert_eq!(all(*hub), ["\"late\"", "2"]);
    });
}

#[test]
fn what_was_refused_for_later_and_is_sent_again_comes_once() {
    with_each_durability(|fault, hub, start| {
        hub.publish("", "1");
        fault.begin();
        // Where it is kept before it is durable, it is kept.
        let kept = delay(*hub, "4", "k").status == 202;
        wait_until_unready(*hub);
        fault.end();
        wait_until_ready(&hub);
        let again = delay(*hub, "4", "k");
        assert_eq!((again.status, is_replayed(&again)), (202, kept));
        assert_eq!(waiting(*hub), 1);
        dawdle(Duration::from_millis(500));
        kill(hub);
        let hub = start();
        assert!(is_replayed(&delay(*hub, "4", "k")));
        wait_until("it has come", || waiting(*hub) == 0);
        assert_eq!(all(*hub), ["1", "\"late\""]);
    });
}

#[test]
fn what_fails_takes_no_key_of_another_along() {
    with_each_durability(|fault, hub, start| {
        assert_eq!(delay(*hub, "1h", "k").status, 202);
        dawdle(Duration::from_millis(500));
        fault.begin();
        post_json(hub.0, "/send-event", "1");
        wait_until_unready(*hub);
        fault.end();
        wait_until_ready(&hub);
        kill(hub);
        let hub = start();
        assert!(is_replayed(&delay(*hub, "1h", "k")));
        assert_eq!(waiting(*hub), 1);
    });
}

#[test]
fn what_is_due_on_a_full_disk_waits_for_room() {
    let disk = Disk::new();
    let hub = on_a_small_disk(&disk);
    let mut live = hub.subscribe("/events");
    let send = |n| post_json(hub.0, "/send-event?delay=4", &format!("\"{n:08000}\"")).status;
    let kept = (0..10_000).take_while(|n| send(*n) == 202).count();
    assert!(kept > 10, "only {kept} fit");
    dawdle(Duration::from_secs(5));
    let lines = || hub.log().matches("can't be written").count();
    let (begun, before) = (Instant::now(), lines());
    while begun.elapsed() < Duration::from_secs(2) {
        assert_unready(&hub, "storage_full");
    }
    assert_eq!(lines(), before, "it is told once");
    enlarge(&disk, &hub);
    wait_until_ready(&hub);
    for n in 0..kept {
        assert_eq!(live.event().data, format!("\"{n:08000}\""));
    }
    hub.publish("", "1");
    assert_eq!(live.event().data, "1", "none comes twice");
}

#[test]
fn one_that_is_damaged_does_not_hold_up_the_others() {
    let disk = Disk::new();
    let hub = disk.start(&[]);
    assert_eq!(delay(*hub, "1", "k").status, 202);
    stop(hub);
    let database = redb::Database::open(&disk.path).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = redb::TableDefinition::<(u64, u64), &[u8]>::new("later");
    transaction.open_table(table).unwrap().insert((1, 1000), &b"damaged"[..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let hub = disk.start(&[("FANFARE_METRICS", "on")]);
    hub.wait_for_log("1 delayed events are damaged");
    wait_until("the other has come", || waiting(*hub) == 0);
    assert_eq!(all(*hub), ["\"late\""]);
}
