use super::*;
use crate::support::{Stream, post_json};

fn row(answer: &Value, name: &str) -> Value {
    let rows = answer["rows"].as_array().unwrap();
    rows.iter()
        .find(|row| row["name"] == name)
        .unwrap_or_else(|| panic!("{name}: {answer}"))
        .clone()
}

#[test]
fn topics_have_their_subscribers_and_what_was_published_lately() {
    let hub = operated(&[("FANFARE_WORKERS", "2")]);
    let mut streams: Vec<_> =
        ["?topic=a", "?topic=a&topic=b", "?topic=a&topic=a", "?topic=x/%7By%7D", "?topic=*"]
            .map(|query| Stream::open(hub.0, &format!("/events{query}"), &[]))
            .into();
    for stream in &mut streams {
        stream.greeting();
    }
    hub.wait_for_subscribers(5);
    for _ in 0..4 {
        hub.publish("?topic=a&topic=c", "1");
    }
    hub.publish("?topic=a&id=mine", "1");
    let newest = hub.publish("?topic=x/1", "1")["id"].clone();
    let list = |query: &str| read(*hub, &format!("/admin/topics{query}"));

    let all = list("");
    assert_eq!(all["window"]["events"], 6);
    let rate_seconds = all["window"]["rate_seconds"].as_f64().unwrap();
    assert!((1.0..=60.0).contains(&rate_seconds));
    let a = row(&all, "a");
    assert_eq!(
        (&a["kind"], &a["subscribers"], &a["events"]),
        (&json!("topic"), &json!(3), &json!(5))
    );
    assert_eq!(a["last_id"], "mine");
    let rate = a["rate"].as_f64().unwrap();
    assert!((rate - 5.0 / rate_seconds).abs() < 0.01, "{rate}");
    assert_eq!((&row(&all, "b")["subscribers"], &row(&all, "b")["events"]), (&json!(1), &json!(0)));
    assert_eq!((&row(&all, "c")["subscribers"], &row(&all, "c")["events"]), (&json!(0), &json!(4)));
    assert_eq!(row(&all, "x/1")["last_id"], newest);
    let template = row(&all, "x/{y}");
    assert_eq!((&template["kind"], &template["subscribers"]), (&json!("template"), &json!(1)));
    assert_eq!((&template["events"], &row(&all, "*")["kind"]), (&Value::Null, &json!("all")));

    assert_eq!(column(&list("?sort=name"), "name"), ["*", "a", "b", "c", "x/1", "x/{y}"]);
    assert_eq!(column(&list("?sort=events&limit=2"), "name"), ["a", "c"]);
    assert_eq!(sizes(&list("?limit=4&page=2")), json!([6, 2, 2, 4]));
    assert_eq!(column(&list("?contains=x&sort=name&order=desc"), "name"), ["x/{y}", "x/1"]);
    assert_eq!(column(&list("?kind=template"), "name"), ["x/{y}"]);

    drop(streams);
    hub.wait_for_streams(0);
    assert_eq!(column(&list("?sort=name"), "name"), ["a", "c", "x/1"]);
}

#[test]
fn what_is_remembered_of_topics_is_bounded() {
    let hub = operated(&[("FANFARE_HISTORY_EVENTS", "0")]);
    let mut address = crate::support::Connection::open(hub.0);
    // Each with a name of its own: so long that they fill what may be remembered.
    for n in 0..1100 {
        let topic = format!("{n}-{}", "x".repeat(4000));
        address.send(format!(
            "POST /send-event?topic={topic} HTTP/1.1\r\nHost: x\r\n\
             Content-Type: application/json\r\nContent-Length: 1\r\n\r\n1"
        ));
        assert_eq!(address.read_response().status, 200);
    }
    assert_eq!(post_json(hub.0, "/send-event?topic=last", "1").status, 200);
    let all = read(*hub, "/admin/topics?limit=1&contains=x");
    let remembered = all["total"].as_u64().unwrap();
    assert!((1000..1060).contains(&remembered), "{remembered}");
    assert_eq!(read(*hub, "/admin/topics?contains=last")["rows"][0]["events"], 1);
}
