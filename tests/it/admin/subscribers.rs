use std::collections::HashSet;

use super::*;
use crate::{
    auth::{CLOSED, token},
    support::{Connection, Stream, post_json, wait_until},
};

fn open_as(hub: Hub, subject: &str, target: &str) -> Stream {
    let token = token(&json!({"sub": subject, "mercure": {"subscribe": ["*"]}}));
    Stream::open(hub.0, target, &[("Authorization", &format!("Bearer {token}"))])
}

#[test]
fn every_stream_is_a_row_with_what_it_got_until_it_ends() {
    for direct in ["on", "off"] {
        let hub = operated(&[("FANFARE_WORKERS", "2"), ("FANFARE_DIRECT_WRITE", direct)]);
        assert_eq!(read(*hub, "/admin/subscribers")["total"], 0);
        let mut one = Stream::open(hub.0, "/events?topic=a&topic=b/%7Bx%7D", &[]);
        let id = one.greeting();
        hub.wait_for_subscribers(1);
        let row = read(*hub, "/admin/subscribers")["rows"][0].clone();
        assert_eq!(row["id"], id);
        assert_eq!(row["selectors"], json!(["a", "b/{x}"]));
        assert_eq!(row["selectors_total"], 2);
        assert_eq!((&row["address"], &row["subject"]), (&json!("127.0.0.1"), &Value::Null));
        assert_eq!((&row["state"], &row["events"]), (&json!("live"), &json!(0)));
        assert_eq!(row["last_id"], Value::Null);
        let opened = humantime::parse_rfc3339(row["since"].as_str().unwrap()).unwrap();
        assert!(opened.elapsed().unwrap().as_secs() < 60);
        let greeting = row["bytes"].as_u64().unwrap();

        hub.publish("?topic=a", "1");
        hub.publish("?topic=elsewhere", "2");
        let last = hub.publish("?topic=b/c", "3")["id"].clone();
        one.event();
        one.event();
        wait_until("both are counted", || {
            read(*hub, "/admin/subscribers")["rows"][0]["events"] == 2
        });
        let row = read(*hub, "/admin/subscribers")["rows"][0].clone();
        assert_eq!((&row["last_id"], &row["queued_events"]), (&last, &json!(0)));
        assert!(row["bytes"].as_u64().unwrap() > greeting + 20);

        let target = format!("/admin/subscribers/{id}");
        assert_eq!(ask_as(*hub, "DELETE", &target, ADMIN, "").json()["ended"], 1);
        one.rest();
        assert_eq!(read(*hub, "/admin/subscribers")["total"], 0);
        assert_eq!(ask_as(*hub, "DELETE", &target, ADMIN, "").json()["ended"], 0);
        let wrong = ask_as(*hub, "DELETE", "/admin/subscribers/x", ADMIN, "");
        assert_eq!(refusal(&wrong).1, "invalid_parameter");
    }
}

#[test]
fn some_hundred_are_filtered_sorted_and_shown_in_pages() {
    let hub =
        operated(&[&CLOSED[..], &[("FANFARE_ANONYMOUS", "on"), ("FANFARE_WORKERS", "2")]].concat());
    let mut streams: Vec<_> = (0..300)
        .map(|n| {
            let subject = ["alice", "bob", "carol"][n % 3];
            let target =
                if n % 2 == 0 { "/events?topic=even" } else { "/events?topic=odd/%7Bx%7D" };
            open_as(*hub, subject, target)
        })
        .collect();
    let mut ids: Vec<_> = streams.iter_mut().map(|stream| json!(stream.greeting())).collect();
    let mut elsewhere = Stream::over(
        Connection::open_from("127.0.9.9".parse().unwrap(), hub.0),
        hub.0,
        "/events",
        &[],
    );
    ids.push(json!(elsewhere.greeting()));
    hub.wait_for_subscribers(301);
    let list = |query: &str| read(*hub, &format!("/admin/subscribers{query}"));

    assert_eq!(sizes(&list("")), json!([301, 7, 1, 50]));
    assert_eq!(column(&list("?limit=500"), "id"), ids, "in the order of their coming");
    let mut pages = Vec::new();
    for page in 1..=4 {
        pages.extend(column(&list(&format!("?limit=100&page={page}&sort=since&order=asc")), "id"));
    }
    assert_eq!(pages, ids);
    assert_eq!(sizes(&list("?limit=100&page=9")), json!([301, 4, 9, 100]));
    assert_eq!(column(&list("?limit=100&page=9"), "id"), Vec::<Value>::new());
    ids.reverse();
    assert_eq!(column(&list("?limit=500&order=desc"), "id"), ids);
    let by_id = column(&list("?limit=500&sort=id"), "id");
    assert!(by_id.is_sorted_by_key(|id| id.as_str().unwrap().to_owned()));
    assert_eq!(by_id.iter().map(Value::to_string).collect::<HashSet<_>>().len(), 301);
    let by_subject = column(&list("?limit=500&sort=subject&order=desc"), "subject");
    assert_eq!((&by_subject[0], &by_subject[300]), (&json!("carol"), &Value::Null));

    assert_eq!(list("?subject=bob")["total"], 100);
    assert_eq!(list("?address=127.0.9.9")["total"], 1);
    assert_eq!(list("?address=127.0.0.1")["total"], 300);
    assert_eq!(list("?address=192.0.2.1")["total"], 0);
    assert_eq!(list("?topic=even")["total"], 150);
    assert_eq!(list("?topic=odd/7")["total"], 150);
    assert_eq!(list("?topic=default")["total"], 1);
    assert_eq!(list("?selector=odd/%7Bx%7D")["total"], 150);
    assert_eq!(list("?subject=alice&topic=even")["total"], 50);
    assert_eq!(list("?state=live")["total"], 301);
    assert_eq!(list("?state=behind")["total"], 0);

    let token = format!("Bearer {}", token(&json!({"mercure": {"publish": ["*"]}})));
    let headers = [("Authorization", &*token), ("Content-Type", "application/json")];
    request(hub.0, "POST", "/send-event?topic=even", &headers, b"1");
    wait_until("it is written", || {
        column(&list("?limit=500&sort=events&order=desc"), "events")[149] == 1
    });
    assert_eq!(column(&list("?limit=500&sort=events"), "events")[150], 0);

    let bobs = ask_as(*hub, "DELETE", "/admin/subscribers?subject=bob", ADMIN, "");
    assert_eq!(bobs.json()["ended"], 100);
    assert_eq!(list("")["total"], 201);
    assert_eq!(list("?subject=bob")["total"], 0);
}

#[test]
fn a_stream_that_is_not_live_is_seen_too() {
    let hub = operated(&[
        ("FANFARE_SEND_BUFFER", "4KiB"),
        ("FANFARE_QUEUE_EVENTS", "10"),
        ("FANFARE_WORKERS", "1"),
    ]);
    let body = format!("\"{}\"", "x".repeat(200_000));
    let slow = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    for _ in 0..40 {
        assert_eq!(post_json(hub.0, "/send-event", &body).status, 200);
    }
    wait_until("it is behind", || read(*hub, "/admin/subscribers?state=behind")["total"] == 1);
    let mut late = Stream::open(hub.0, "/events?lastEventID=earliest", &[]);
    late.greeting();
    let first = late.event().id.unwrap();
    let found = read(*hub, "/admin/subscribers?state=resuming");
    assert_eq!(found["total"], 1);
    let row = &found["rows"][0];
    assert!(row["events"].as_u64().unwrap() >= 1);
    let number = |id: &str| id.rsplit('-').next().unwrap().parse::<u64>().unwrap();
    assert!(number(row["last_id"].as_str().unwrap()) >= number(&first));
    let stats = read(*hub, "/admin/stats");
    assert_eq!(stats["streams"]["behind"], 1);
    assert_eq!((&stats["streams"]["live"], &stats["streams"]["resuming"]), (&json!(0), &json!(1)));
    drop((slow, late));
}

#[test]
fn what_waits_for_one_is_shown() {
    let hub = operated(&[("FANFARE_SEND_BUFFER", "4KiB"), ("FANFARE_WORKERS", "1")]);
    let _slow = hub.subscribe("/events");
    hub.wait_for_subscribers(1);
    let body = format!("\"{}\"", "x".repeat(100_000));
    for _ in 0..9 {
        assert_eq!(post_json(hub.0, "/send-event", &body).status, 200);
    }
    wait_until("something waits", || {
        let row = read(*hub, "/admin/subscribers?sort=queued&order=desc")["rows"][0].clone();
        row["queued_events"].as_u64() > Some(0) && row["queued_bytes"].as_u64() > Some(1000)
    });
}
